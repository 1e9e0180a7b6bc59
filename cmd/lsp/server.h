/*
 * Declarations that the files of the language server share; no other file includes this header.
 *
 * A feature handles one kind of request: it gets the parameters and appends its result as JSON. `null` means
 * that there is no result; a refused request is an err, which the editor shows.
 */
#pragma once

#include "cmd/lsp/outline.h"
#include "cmd/rpc/rpc.h"
#include "plan/workspace.h"

/* ---- `weir lsp`: a language server (Language Server Protocol 3.17) for stack files, over two
 * descriptors.
 *
 * The loader reports errors: check.c passes it the texts of open documents instead of the files, and
 * publishes the diagnostics of every file of the stack when no message waits. All other features must work
 * while a text is being edited, so they use its structure: outline.c finds keys and values by lines and
 * brackets, words.c the names in expressions, sketch.c the files of a module and their names, cursor.c the
 * meaning of a position. complete.c, hover.c, uses.c and rename.c build on these.
 *
 * One thread: a message is handled before the next one is read. Only open documents, types and the last
 * published diagnostics are kept between requests. No service is called, and nothing of a stack is
 * executed. */
struct lsp_options {
    const struct workspace_options *workspace; /* options of stacks: kinds, specs, environment, inputs */
    /* The language as JSON Schema: `properties` of a stack, `body` of a resource. */
    const struct value *language;
    /* Write Markdown: the head of a type's page, an attribute, a function. function_page() returns false if
     * there is no such function. */
    void (*type_page)(const struct schema *schema, struct buf *out);
    void (*attr_page)(const struct attr *attr, struct buf *out);
    bool (*function_page)(struct str name, struct buf *out);
    int in, out;
};

/* Serves until the editor exits. Returns 0 after a proper shutdown, otherwise -1 with *err. */
int lsp_serve(const struct lsp_options *options, struct err *err);

/* ---- server.c ---- */

struct published;

struct lsp {
    const struct lsp_options *options;
    struct rpc rpc;
    struct documents documents;
    struct catalog *catalog; /* types, used by all features except checks */
    bool initialized, shut_down, done;
    bool watches; /* the editor can report files that change on disk */
    bool dirty;   /* something changed after the last check */
    struct published *published;
};

typedef int lsp_feature(
    struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result, struct err *err);

lsp_feature lsp_complete, lsp_complete_resolve, lsp_hover, lsp_definition, lsp_references, lsp_prepare_rename,
    lsp_rename, lsp_symbols, lsp_format, lsp_actions;

/* ---- check.c ---- */

/* Checks the stacks of all open documents and publishes changed diagnostics. */
void check_all(struct lsp *lsp);
/* Frees the published diagnostics. */
void check_release(struct lsp *lsp);

/* ---- cursor.c ---- */

/* The position of a request. */
struct cursor {
    struct sketch *sketch;
    const struct file *file;
    size_t at;
    int entry; /* the innermost entry whose key or value is there; OUTLINE_NONE: none */
    bool on_key;
    struct words words; /* the words of that key or value, if it has expressions */
    int word;           /* the word at the position; WORD_NONE: none */
};

/* Returns false if the document is not open or does not belong to a stack. */
bool cursor_at(struct lsp *lsp, struct arena *arena, const struct value *params, struct cursor *cursor);
/* Finds only the module that the document belongs to. */
bool cursor_in(struct lsp *lsp, struct arena *arena, const struct value *params, struct cursor *cursor);

/* The declaration that a name at a position refers to. */
struct target {
    struct spot spot;      /* file NULL: none */
    struct sketch *sketch; /* the module that declares it */
    enum name_kind kind;
    size_t from, to;      /* the range of the name at the position */
    struct str attribute; /* the attribute of the declaration at the position; "": the declaration itself */
    struct str path;      /* the file that is named at the position; "": none */
};
bool cursor_target(const struct cursor *cursor, struct target *target);
/* Finds the declaration that a word of an expression refers to (its first name, or the step after inputs,
 * locals or a module). */
bool word_target(struct sketch *sketch, const struct words *words, int word, struct target *target);
/* Finds the declaration of that kind and name. Returns false if it does not exist. */
bool target_aim(struct target *target, struct sketch *sketch, enum name_kind kind, const struct word *word);

enum meaning_kind {
    MEANS_NOTHING,
    MEANS_STACK,    /* the top level of a file */
    MEANS_NAMES,    /* a section whose keys are names */
    MEANS_RESOURCE, /* a resource or data source */
    MEANS_MODULE,
    MEANS_INPUT,    /* an input passed to a module */
    MEANS_LANGUAGE, /* a part of the language itself */
    MEANS_VALUE,    /* of an attribute or setting */
};

/* The meaning of an entry's value. */
struct meaning {
    enum meaning_kind kind;
    const struct value *language; /* its JSON Schema; NULL: none */
    const struct attr *attr;      /* the attribute that contains it; NULL: none */
    const struct type *type;      /* VALUE: its type at this depth */
    const struct schema *schema;  /* RESOURCE: NULL if the type is unknown */
    struct str section;
    bool is_data;
    struct spot spot;      /* INPUT: the declaration in the module; otherwise the enclosing declaration */
    struct sketch *module; /* MODULE: the called module; NULL: not found */
};
struct meaning meaning_of(struct lsp *lsp, const struct cursor *cursor, int entry);
/* Returns the schema of a resource or data source by its `type`, or NULL. */
const struct schema *meaning_schema(struct lsp *lsp, struct spot declared);
/* Returns the type of a reference to a resource, followed step by step; *attr is the attribute of the last
 * step. */
const struct type *meaning_step(
    const struct schema *schema, const struct words *words, int word, const struct attr **attr);

/* ---- uses.c ---- */

typedef void use_found(void *ctx, const struct file *file, struct target target);
/* Calls `found` for each use of a name: in expressions, as a string where an address or name is expected, and
 * as a key of an input. Visits all modules of the stack and their tests, this module first. */
void uses_everywhere(struct sketch *sketch, use_found *found, void *ctx);
/* Finds the declaration of the name or part of an address at the cursor. */
bool address_target(const struct cursor *cursor, struct target *target);

/* ---- JSON ---- */

/* Appends {"uri":…,"range":…}. */
void add_location(
    struct lsp *lsp, struct arena *arena, struct buf *out, const struct file *file, size_t from, size_t to);
void add_edit(
    struct lsp *lsp, struct buf *out, struct str text, size_t from, size_t to, struct str replacement);

/* ---- completion ---- */
/* Numbers of the protocol. */
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
    struct str text;  /* the document's text */
    size_t from, to;  /* the range that an item replaces */
    struct str typed; /* the typed part of it; only items that contain it are offered */
    bool cut;         /* items were omitted, and more typing may select them */
};

struct item {
    struct str label, insert; /* insert "": the label is inserted */
    enum item_kind kind;
    struct str detail, doc; /* doc: Markdown, may be empty */
    struct str type;        /* a resource type, whose page is read when the item is selected */
    bool is_data;
    int order; /* smaller numbers come first */
};
