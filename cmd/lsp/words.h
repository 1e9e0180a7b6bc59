/*
 * The names in expressions, as they are written: `${lake.arn}`, "${file('a.sql')}", '${[for k in x : k]}'.
 * Like the outline this needs no text that is right, and places are those of the source, quotes and escapes
 * included.
 */
#pragma once

#include "cmd/lsp/outline.h"

enum word_kind {
    WORD_NAME,     /* the first of a reference */
    WORD_STEP,     /* .attr, or ["attr"] right after a name */
    WORD_FUNCTION, /* called */
    WORD_VARIABLE, /* of a [for …], where it is named and where it is used */
    WORD_TEXT,     /* between quotes, without them */
};

enum { WORD_NONE = -1 };

struct word {
    enum word_kind kind;
    struct str text;
    size_t at, end;
    int before;   /* of a step: the word that it is a step from; of a text: the function it is given to first;
                     WORD_NONE: none */
    bool indexed; /* of a step: [ ] stands before it */
};

struct words {
    struct word *items;
    int n, cap;
    bool open;   /* the range ended within an expression */
    int open_at; /* then: the name or step after which a dot came last; WORD_NONE: no dot was */
    bool open_indexed;
    bool open_text; /* or within quotes in it */
};

/* The words of all expressions of the scalar (a value or a key, with its quotes) in that range of the text.
 */
struct words words_read(struct arena *arena, struct str text, size_t from, size_t to);
/* The same of a scalar that is an expression by itself, without ${ }. */
struct words words_read_bare(struct arena *arena, struct str text, size_t from, size_t to);

/* The first word of a reference, from any step of it. */
int words_first(const struct words *words, int word);
/* The word around an offset (its end counts), or WORD_NONE. */
int words_at(const struct words *words, size_t offset);
