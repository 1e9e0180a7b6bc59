/*
 * What the files of the language server share; nobody else includes it.
 *
 * A feature answers one kind of request: it gets the parameters and appends its result as JSON. What cannot
 * be answered is `null`; what must not be done is an err, which the editor shows.
 */
#pragma once

#include "cmd/lsp/outline.h"
#include "cmd/rpc/rpc.h"
#include "plan/workspace.h"

/* ---- `weir lsp`: a language server (the Language Server Protocol 3.17) for stack files, over two
 * descriptors.
 *
 * Two ways lead through it. What is wrong, the loader says: check.c gives it the texts of the open documents
 * in place of the files, and publishes all its diagnostics, for every file of the stack, whenever nothing is
 * left to read. Everything else has to work in a text that is just being typed, so it goes by what the text
 * looks like: outline.c finds keys and values by lines and brackets, words.c the names in expressions,
 * sketch.c the files of a module and the names in them, cursor.c what may be in a place. From these
 * complete.c, hover.c, uses.c and rename.c make their answers.
 *
 * One thread: a message is answered before the next one is looked at. Nothing is kept between questions but
 * the open documents, the types and what was published last. No service is called, and nothing of a stack is
 * run. */
struct lsp_options {
    const struct workspace_options *workspace; /* kinds, specs, environment, inputs: how stacks are opened */
    /* What the language itself knows, as JSON Schema: `properties` of a stack, `body` of a resource. */
    const struct value *language;
    /* Markdown: the head of a type's page, an attribute, a function (false: there is none). */
    void (*type_page)(const struct schema *schema, struct buf *out);
    void (*attr_page)(const struct attr *attr, struct buf *out);
    bool (*function_page)(struct str name, struct buf *out);
    int in, out;
};

/* Serves until the editor says goodbye. 0 where it did so properly; otherwise -1, and *err says what went
 * wrong. */
int lsp_serve(const struct lsp_options *options, struct err *err);

/* ---- server.c ---- */

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
/* Frees what was kept of it. */
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

/* What is, or may be, in the value of an entry. */
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

/* ---- uses.c ---- */

typedef void use_found(void *ctx, const struct file *file, struct target target);
/* Calls `found` for every place where a name is used: in expressions, as text where an address or a name is
 * wanted, and as a key where an input is given. In all modules of the stack and in their tests, this one's
 * own first. */
void uses_everywhere(struct sketch *sketch, use_found *found, void *ctx);
/* The part of an address, or the name, that the cursor is on. */
bool address_target(const struct cursor *cursor, struct target *target);

/* ---- JSON ---- */

/* {"uri":…,"range":…} */
void add_location(
    struct lsp *lsp, struct arena *arena, struct buf *out, const struct file *file, size_t from, size_t to);
void add_edit(
    struct lsp *lsp, struct buf *out, struct str text, size_t from, size_t to, struct str replacement);

/* ---- Completion ---- */
/* As the protocol numbers them. */
enum item_kind {
    ITEM_FUNCTION = 3,
    ITEM_FIELD = 5,
    ITEM_VARIABLE = 6,
    ITEM_CLASS = 7,
    ITEM_MODULE = 9,
    ITEM_PROPERTY = 10,
    ITEM_VALUE = 12,
    ITEM_KEYWORD = 14,
    ITEM_FILE = 17,
    ITEM_MEMBER = 20,
};

struct items {
    struct lsp *lsp;
    struct buf *out;
    struct str text;  /* of the document */
    size_t from, to;  /* what an item is in place of */
    struct str typed; /* of it, before the cursor: only what has it in it counts */
    bool cut;         /* others did not count: they may when more is typed */
};

struct item {
    struct str label, insert; /* insert "": the label */
    enum item_kind kind;
    struct str detail, doc; /* doc: Markdown; may be empty */
    struct str type;        /* of a resource: its page is looked up when it is wanted */
    bool is_data;
    int order; /* smaller ones come first */
};
