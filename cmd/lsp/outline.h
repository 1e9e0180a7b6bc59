/*
 * What a YAML text looks like, found without a parser: it goes by lines, columns and brackets, and so finds
 * its way through a text that somebody is just typing. It is what completion, hover, definition and rename
 * work on; whether the text is right, the loader says.
 *
 * An entry is `key: value`, an item of a list, or a word that may become a key. Entries are in the order of
 * the text, so what is within one follows it.
 */
#pragma once

#include "base/buf.h"
#include "base/value.h"

/* ---- Places in a text as editors name them: a line from 0, and in it a number of units from
 * 0, which are what both sides agreed on. weir itself counts bytes. Places that are not there are taken
 * for the nearest one that is. */
enum text_unit { TEXT_UTF16, TEXT_UTF8, TEXT_UTF32 };

struct position {
    uint32_t line, character;
};

/* Where the lines of one text begin: of the one that was asked about last. */
struct positions {
    enum text_unit unit;
    struct str text;
    size_t *lines; /* from the second on */
    size_t n, cap;
};
/* Another text may come to be at the same address: to be called before each message. */
void positions_forget(struct positions *positions);
void positions_release(struct positions *positions);

size_t position_offset(struct str text, enum text_unit unit, struct position place);
struct position position_of(struct positions *positions, struct str text, size_t offset);
/* {"line":…,"character":…} of a message. */
size_t position_offset_of(struct str text, enum text_unit unit, const struct value *position);
/* "range":{…} */
void position_add_range(
    struct buf *out, struct positions *positions, struct str text, size_t from, size_t to);

/* Is it one of these? strchr() finds the NUL, which a text may hold, in all of them. */
static inline bool char_in(const char *these, char c)
{
    return c && strchr(these, c);
}

/* Where the line around the offset begins, and where it ends, before its line end. */
size_t position_line_start(struct str text, size_t offset);
size_t position_line_end(struct str text, size_t offset);

/* ---- outline.c ---- */

enum { OUTLINE_NONE = -1 };

struct entry {
    int parent;     /* index; OUTLINE_NONE: at the top */
    struct str key; /* without quotes; "" of an item */
    bool item;      /* of a list */
    bool flow;      /* within { } or [ ] */
    bool bare;      /* a word where a key is expected, without its colon */
    char opens;     /* '{' or '[' where its value begins with that; otherwise 0 */
    uint32_t column;
    size_t key_at, key_end;     /* as written, with quotes; of an item both are where it begins */
    size_t value_at, value_end; /* of a scalar as written; of what opens: from bracket to bracket, or as far
                                   as it goes. Nothing there: both are where it would begin */
};

struct outline {
    struct str text;
    struct entry *items;
    int n, cap; /* cap: while it is made */
};

struct outline outline_read(struct arena *arena, struct str text);
/* The entry of that key within another (OUTLINE_NONE: at the top), or OUTLINE_NONE. */
int outline_find(const struct outline *outline, int parent, struct str key);
/* The next entry within `parent`, after one of them or, with OUTLINE_NONE, the first; OUTLINE_NONE: no more.
 */
int outline_next(const struct outline *outline, int parent, int after);
/* Where all that belongs to an entry ends: before the blank lines and comments that follow. */
size_t outline_end(const struct outline *outline, int entry);
/* The value of a scalar as far as it is plain: without quotes, escapes as they are. "" where there is none.
 */
struct str outline_value(const struct outline *outline, int entry);
/* Is that its key? False for OUTLINE_NONE. */
bool outline_is(const struct outline *outline, int entry, const char *key);
/* The section that it belongs to, at the top, and how deep it is below that (0: the section itself). */
int outline_section(const struct outline *outline, int entry, int *depth);
/* The block entry that a line which begins in that column, before the offset, would belong to. */
int outline_parent_at(const struct outline *outline, size_t offset, uint32_t column);

/* ---- words.c: the names in expressions, as they are written: `${lake.arn}`, "${file('a.sql')}", '${[for
 * k in x : k]}'. Like the outline this needs no text that is right, and places are those of the source,
 * quotes and escapes included. */
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
    bool indexed; /* of a step: [ ] is before it */
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

/* ---- documents.c: the documents that an editor has open, and files as they are with those in place of
 * what is on disk. A document's path is its real one where it has one, so that a link and what it leads to
 * are one file. */
struct document {
    struct document *next;
    struct str uri;  /* as the editor writes it */
    struct str path; /* "" it is no file */
    struct buf text;
    int64_t version;
};

struct documents {
    struct document *first;
    struct positions positions;
};

struct document *documents_find(const struct documents *documents, struct str uri);
struct document *documents_at(const struct documents *documents, struct str path);
/* Opens it, or gives it another text. */
struct document *documents_open(
    struct documents *documents, struct str uri, struct str text, int64_t version);
/* The changes of one notification, in their order: whole texts, or what is in place of a range. */
void document_change(struct document *document, enum text_unit unit, const struct value *changes);
void documents_close(struct documents *documents, struct str uri);
void documents_release(struct documents *documents);

/* The text of a file: of the document that is open, or from disk. False: there is none. The text lives as
 * long as the arena, and has a NUL after its end. */
bool documents_read(
    const struct documents *documents, struct arena *arena, struct str path, struct str *text);
/* The path without links; as it is where there is no such file. `path` has a NUL after its end. */
struct str documents_real_path(struct arena *arena, struct str path);
/* As the editor writes it, where it is open. */
struct str documents_uri(const struct documents *documents, struct arena *arena, struct str path);

/* ---- sketch.c: a sketch of a module: what its files say, without being loaded: the names in it, where
 * they are, and which module a file belongs to. Made anew for each question, from the documents that are
 * open and from disk. */
struct file {
    struct str path; /* real; of a built-in module its name */
    struct outline outline;
};

struct spot;

struct sketch {
    const struct documents *documents;
    struct arena *arena;
    struct str dir;
    struct str stack;   /* the file whose weir.lock says what remote modules are */
    bool builtin;       /* in the binary: there are no files to go to */
    bool foreign;       /* nobody's to change: built in, or fetched from elsewhere */
    struct file *files; /* its own file first, then what it includes */
    size_t count, cap;
    struct called *called; /* modules that were looked for, by the calls */
    size_t called_count, called_cap;
    struct {
        struct spot *items; /* by name */
        size_t n;
    } * names; /* of each kind */
};

/* Names that are looked for in the same sections. */
enum name_kind {
    NAME_RESOURCE, /* of data and modules, too */
    NAME_INPUT,
    NAME_LOCAL,
    NAME_OUTPUT,
    NAME_PROVIDER,
    NAME_CONNECTION,
    NAME_KINDS
};
/* The kind of what is in a section; false: it has no names. */
bool name_kind_of(struct str section, enum name_kind *kind);

/* Where a name is declared. */
struct spot {
    const struct file *file; /* NULL: nowhere */
    int entry;
    struct str section;
};

/* The module of which this is the own file. NULL: there is no such file. */
struct sketch *sketch_read(const struct documents *documents, struct arena *arena, struct str path);
/* The module that the file belongs to; NULL: none, it is some other YAML file. */
struct sketch *sketch_of(const struct documents *documents, struct arena *arena, struct str path);
/* The module's file in the sketch; NULL: it is not one of them. */
const struct file *sketch_file(const struct sketch *sketch, struct str path);
/* The module that an entry of the section `modules` calls; NULL: it cannot be found. */
struct sketch *sketch_called(struct sketch *sketch, struct spot call);
/* weir.yaml of the stack that uses the module, in a folder above it; the module's own where it is a stack
 * itself, or where no stack is found (then *alone). */
struct str sketch_stack(const struct sketch *sketch, bool *alone);

/* Calls `found` for the module and all that it calls, each once. */
void sketch_walk(struct sketch *sketch, void (*found)(void *ctx, struct sketch *sketch), void *ctx);

struct spot sketch_find(const struct sketch *sketch, enum name_kind kind, struct str name);
/* Calls `found` for every declaration of a kind, in the order of the files. */
void sketch_each(const struct sketch *sketch, enum name_kind kind,
    void (*found)(void *ctx, struct spot declared), void *ctx);
/* A key of what is declared: `type` of a resource. "" where it says nothing. */
struct str spot_value(struct spot declared, const char *key);
struct str spot_name(struct spot declared);
/* The file that a name in the module means, real where it exists. */
struct str sketch_path(const struct sketch *sketch, struct str name);
/* weir.yaml or weir.yml in a folder; "" there is none. */
struct str sketch_own_file(const struct documents *documents, struct arena *arena, struct str dir);
