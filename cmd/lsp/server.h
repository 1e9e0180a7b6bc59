/*
 * What the files of the language server share; nobody else includes it.
 *
 * A feature answers one kind of request: it gets the parameters and appends its result as JSON. What cannot
 * be answered is `null`; what must not be done is an err, which the editor shows.
 */
#pragma once

#include "cmd/lsp/documents.h"
#include "cmd/lsp/lsp.h"
#include "cmd/lsp/sketch.h"
#include "cmd/lsp/words.h"
#include "cmd/rpc/rpc.h"

struct published;

struct lsp {
    const struct lsp_options *options;
    struct rpc rpc;
    struct documents documents;
    struct catalog *catalog; /* types, for all but checking */
    bool initialized, shut_down, done;
    bool watches; /* the editor can tell of files that change on disk */
    bool dirty;   /* something changed since the stacks were checked */
    struct published *published;
};

typedef int lsp_feature(
    struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result, struct err *err);

lsp_feature lsp_complete, lsp_complete_resolve, lsp_hover, lsp_definition, lsp_references, lsp_prepare_rename,
    lsp_rename, lsp_symbols, lsp_format, lsp_actions;

/* ---- check.c ---- */

/* Checks the stacks of all open documents, and publishes what is new about them. */
void check_all(struct lsp *lsp);
/* Of what was published for a document: appends a repair (a code action) for what touches the range. */
void check_release(struct lsp *lsp);

/* ---- cursor.c ---- */

/* What an editor points at. */
struct cursor {
    struct sketch *sketch;
    const struct file *file;
    size_t at;
    int entry; /* the innermost whose key or value is there; OUTLINE_NONE */
    bool on_key;
    struct words words; /* of that key or value, where it has expressions */
    int word;           /* WORD_NONE: none is there */
};

/* False: the document is not open, or none of a stack. */
bool cursor_at(struct lsp *lsp, struct arena *arena, const struct value *params, struct cursor *cursor);
/* Which module a document belongs to, as above. */
bool cursor_in(struct lsp *lsp, struct arena *arena, const struct value *params, struct cursor *cursor);

/* What a place means: where a name that is used there is declared. */
struct target {
    struct spot spot;      /* file NULL: nowhere */
    struct sketch *sketch; /* that it is declared in */
    enum name_kind kind;
    size_t from, to;      /* the name as it is used */
    struct str attribute; /* the cursor is on this one of its attributes; "" on itself */
    struct str path;      /* a file that is named there; "" none */
};
bool cursor_target(const struct cursor *cursor, struct target *target);
/* The declaration that a word of an expression leads to (its first name, and the step after inputs, locals or
 * a module). */
bool word_target(struct sketch *sketch, const struct words *words, int word, struct target *target);
/* For both: the declaration of that kind and name; false: there is none. */
bool target_aim(struct target *target, struct sketch *sketch, enum name_kind kind, const struct word *word);

/* ---- uses.c ---- */

typedef void use_found(void *ctx, const struct file *file, struct target target);
/* Calls `found` for every place where a name is used: in expressions, as text where an address or a name is
 * wanted, and as a key where an input is given. In all modules of the stack and in their tests, this one's
 * own first. */
void uses_everywhere(struct sketch *sketch, use_found *found, void *ctx);
/* The part of an address, or the name, that the cursor is on. */
bool address_target(const struct cursor *cursor, struct target *target);

/* ---- meaning.c ---- */

enum meaning_kind {
    MEANS_NOTHING,
    MEANS_STACK,    /* the top of a file */
    MEANS_NAMES,    /* a section whose keys people choose */
    MEANS_RESOURCE, /* of resources and data */
    MEANS_MODULE,
    MEANS_INPUT,    /* what a module is given */
    MEANS_LANGUAGE, /* something of the language's own */
    MEANS_VALUE,    /* of an attribute or a setting */
};

/* What stands, or may stand, in the value of an entry. */
struct meaning {
    enum meaning_kind kind;
    const struct value *language; /* its JSON Schema; NULL: none */
    const struct attr *attr;      /* that it belongs to; NULL: none */
    const struct type *type;      /* VALUE: its type, at this depth */
    const struct schema *schema;  /* RESOURCE: NULL where the type is not known */
    struct str section;
    bool is_data;
    struct spot spot;      /* INPUT: the module's; otherwise what it is part of */
    struct sketch *module; /* MODULE: what is called; NULL: it is not found */
};
struct meaning meaning_of(struct lsp *lsp, const struct cursor *cursor, int entry);
/* The schema of a resource or data source, as its `type` says; NULL: none. */
const struct schema *meaning_schema(struct lsp *lsp, struct spot declared);
/* The type of what a reference to a resource leads to, step by step; *attr is the last step's. */
const struct type *meaning_step(
    const struct schema *schema, const struct words *words, int word, const struct attr **attr);

/* ---- JSON ---- */

/* {"uri":…,"range":…} */
void add_location(
    struct lsp *lsp, struct arena *arena, struct buf *out, const struct file *file, size_t from, size_t to);
void add_edit(
    struct lsp *lsp, struct buf *out, struct str text, size_t from, size_t to, struct str replacement);
