/*
 * What a stack file says, as it is being written: values whose texts and expressions are not settled yet.
 *
 * A tree like that of a YAML file, in its order. Leaves are literals, expressions (`code`), texts with
 * expressions in them, or a choice between two values. A reference to a resource is code, too, but what its
 * attribute is called is only known when it has been decided which type that resource becomes: until then a
 * mark stands for it (draft_reference()), which draft_settle() replaces.
 */
#pragma once

#include "base/buf.h"
#include "base/value.h"
#include "base/yaml.h"

enum said_kind {
    SAID_NOTHING, /* not given: null */
    SAID_LITERAL, /* a scalar */
    SAID_CODE,    /* an expression */
    SAID_TEXT,    /* pieces: literals and code */
    SAID_CHOICE,  /* the first item where `code` holds, otherwise the second */
    SAID_LIST,
    SAID_MAP,
};

struct said_entry;

struct said {
    enum said_kind kind;
    bool sensitive;          /* what it holds is a secret, and not to be written */
    const struct node *node; /* where it comes from; NULL: not from a file */
    const struct value *value;
    struct str code;
    struct said *encoded; /* of base64encode(): what that is of; NULL: it is something else */
    struct said **items;  /* TEXT, CHOICE, LIST */
    struct said_entry *entries;
    size_t n, cap;
};

struct said_entry {
    struct str key, comment; /* comment: whole lines, as written; "" none */
    struct said *value;
};

struct said *said_new(struct arena *arena, enum said_kind kind, const struct node *node);
struct said *said_value(struct arena *arena, const struct value *scalar, const struct node *node);
struct said *said_string(struct arena *arena, struct str text, const struct node *node);
struct said *said_code(struct arena *arena, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Lists, maps and scalars alike; texts in it are literals. */
struct said *said_of(struct arena *arena, const struct value *v);

void said_add(struct arena *arena, struct said *list, struct said *item);
void said_set(struct arena *arena, struct said *map, struct str key, struct said *value);
struct said *said_get(const struct said *map, const char *key);
/* To the end of a text; literals beside each other become one. */
void said_append(struct arena *arena, struct said *text, struct said *piece);
/* The text itself where it has one piece that can stand for it. */
struct said *said_simple(struct arena *arena, struct said *text);

/* A literal's text; p NULL where it is none. */
struct str said_literal_text(struct arena *arena, const struct said *s);
bool said_is_text(const struct said *s, const char *text);
/* Nothing but literals, through and through? Then *v is what it says. */
bool said_known(struct arena *arena, const struct said *s, const struct value **v);
/* As an expression, to stand within another. */
struct str said_as_code(struct arena *arena, const struct said *s);
/* May it turn out, in one branch of a choice, that nothing is there? */
bool said_may_be_nothing(const struct said *s);
/* A list of which an item may not be there: an expression says which are. */
bool said_is_varying(const struct said *list);
/* A document, in which null would be a value: what may not be there is merged into the map around it. */
struct said *said_document(struct arena *arena, struct said *s);

/* ---- write.c ---- */

/* `key:` at the column and what it holds: in one line where it fits, otherwise below. */
void said_write(struct buf *out, struct str key, const struct said *s, int column);
/* {a: 1, b: [2]}, in one line whatever its length. */
void said_write_flow(struct buf *out, const struct said *s);
