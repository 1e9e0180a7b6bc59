/*
 * A draft stack that is converted from another tool: its sections, names, references, and the report.
 *
 * Order of calls: draft_init(); add sections and resources; draft_write(), which resolves the references
 * (using the names of their targets' attributes) and writes all sections; draft_release(). Everything is
 * allocated in the arena.
 */
#pragma once

#include "base/map.h"
#include "base/yaml.h"
#include "provider/provider.h"

/* ---- tree.c: the draft of a stack file: values whose strings and expressions are not resolved yet.
 *
 * A tree like that of a YAML file, in its order. Leaves are literals, expressions (`code`), strings with
 * expressions, or a choice between two values. A reference to a resource is code too, but the name of its
 * attribute is known only when the type of the target is decided. Until then it is a mark
 * (draft_reference()), which draft_write() replaces. */
enum tree_kind {
    TREE_NOTHING, /* null: not configured */
    TREE_LITERAL, /* a scalar */
    TREE_CODE,    /* an expression */
    TREE_TEXT,    /* parts: literals and code */
    TREE_CHOICE,  /* the first item if `code` is true, otherwise the second */
    TREE_LIST,
    TREE_MAP,
};

struct tree_entry;

struct tree {
    enum tree_kind kind;
    bool sensitive;          /* the value is a secret and must not be written */
    bool is_source;          /* a literal string in the syntax of stack files, with expressions */
    const struct node *node; /* the node that it comes from; NULL: not from a file */
    const struct value *value;
    struct str code;
    struct tree *encoded; /* of base64encode(): the encoded value; NULL: another expression */
    struct tree **items;  /* TEXT, CHOICE, LIST */
    struct tree_entry *entries;
    size_t n, cap;
    uint32_t *slots;            /* hash index of a large MAP: index of an entry + 1; 0: free */
    size_t slot_count, indexed; /* indexed: number of indexed entries */
};

struct tree_entry {
    struct str key, comment; /* comment: whole lines; "": none */
    struct tree *value;
};

struct tree *tree_new(struct arena *arena, enum tree_kind kind, const struct node *node);
struct tree *tree_value(struct arena *arena, const struct value *scalar, const struct node *node);
struct tree *tree_string(struct arena *arena, struct str text, const struct node *node);
struct tree *tree_code(struct arena *arena, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Returns a choice without its two values. */
struct tree *tree_choice(struct arena *arena, const struct node *node, struct str condition);
/* Converts a list, map or scalar; strings become literals. */
struct tree *tree_of(struct arena *arena, const struct value *v);

void tree_add(struct arena *arena, struct tree *list, struct tree *item);
void tree_set(struct arena *arena, struct tree *map, struct str key, struct tree *value);
struct tree *tree_get(const struct tree *map, const char *key);
/* Removes the item or entry at the index. */
void tree_drop(struct tree *s, size_t at);
/* Appends to a text; adjacent literals are joined. */
void tree_append(struct arena *arena, struct tree *text, struct tree *piece);
/* Returns the single part of a text if it can replace the text. */
struct tree *tree_simple(struct arena *arena, struct tree *text);

/* Returns a literal's text; p NULL if it is not a literal. */
struct str tree_literal_text(struct arena *arena, const struct tree *s);
/* Returns the value as a map key: its text, or its source text after a mark if it has expressions; p NULL if
 * it is not a string. */
struct str tree_key(struct arena *arena, const struct tree *s);
bool tree_key_is_code(struct str key);
/* Returns the key for a map's key in the syntax of stack files. */
struct str tree_source_key(struct arena *arena, struct str source);
bool tree_is_text(const struct tree *s, const char *text);
/* Returns whether the tree has only literals, and its value in *v. */
bool tree_known(struct arena *arena, const struct tree *s, const struct value **v);
/* Returns the tree as an expression for use within another. */
struct str tree_as_code(struct arena *arena, const struct tree *s);
/* Returns whether a branch of a choice is null. */
bool tree_may_be_nothing(const struct tree *s);
/* Returns whether an item of the list may be null, so that it is written as an expression. */
bool tree_is_varying(const struct tree *list);
/* Converts a document, in which null would be a value: members that may be null are merged into the map by an
 * expression. */
struct tree *tree_document(struct arena *arena, struct tree *s);

/* ---- write.c, draft.c ---- */

/* Writes `key:` at the column and its value, on one line if it fits, otherwise as a block. */
void tree_write(struct buf *out, struct str key, const struct tree *s, int column);
/* Writes {a: 1, b: [2]} on one line, however long it is. */
void tree_write_flow(struct buf *out, const struct tree *s);

struct draft_resource {
    struct str name;   /* the name in the stack */
    struct str origin; /* the name in the other tool */
    struct str was;    /* the type in the other tool */
    struct str type;   /* the type in weir; "": left out */
    struct str note;   /* for the report */
    struct str comment;
    const struct schema *schema; /* NULL: left out */
    struct tree *attrs;          /* a map including for_each, when, depends_on, lifecycle */
};

/* The resources that a resource depends on, to find cycles. */
struct draft_needs {
    struct map all; /* name -> struct draft_needs * */
    unsigned walk;  /* the last walk that visited it */
};

/* Returns whether `from` is `to` or depends on it. `walk`: a new number for each call. */
bool draft_reaches(unsigned walk, struct draft_needs *from, const struct draft_needs *to);

struct draft_reference {
    void *owner; /* the resource that contains it, as known to the converter, like `target`; NULL: an output
                    or the like */
    void *target;
    struct str attr; /* the other tool's name of the attribute */
    struct str key;  /* code of the instance key; "": none */
    const struct node *node;
    struct str code; /* the resolved code */
};

struct draft {
    struct arena *arena;
    struct catalog *catalog;
    struct diags *diags;
    struct str stack, description, comment;
    struct str beside;           /* the folder of the other tool's paths, relative to the stack file */
    struct str from;             /* the same folder, from here */
    bool is_module;              /* a module of another stack in `folder`, relative to that stack */
    struct str folder;           /* "" or "words/" */
    struct tree *files;          /* files beside the top stack file: path -> text */
    struct tree *copies;         /* copies beside the top stack file: path -> original file or folder */
    struct tree *modules;        /* a map */
    struct draft *within, *next; /* drafts of its modules, which are released with it */
    struct map taken, taken_inputs, taken_locals; /* names */
    struct map hidden;                            /* a secret's node -> struct str *, the input for it */
    struct map asked; /* an input -> struct str *, what it stands for: draft_asks() */
    struct tree *providers, *inputs, *locals, *data, *outputs, *imports; /* maps; imports a list */
    struct draft_resource **resources;
    size_t n, cap;
    struct draft_reference **references;
    size_t reference_count, reference_cap;
    struct tree *rows; /* of the report: {origin, became, note} */
    size_t ours, theirs, left_out;

    /* Returns the resolved reference as code. */
    struct str (*resolve)(void *ctx, struct draft_reference *reference);
    void *resolve_ctx;
};

void draft_init(struct draft *d, struct arena *arena, struct catalog *catalog, struct diags *diags);
void draft_release(struct draft *d);

/* Returns a name, "EtlRole" -> "etl_role", or another if it is taken; `kind` is the suffix for that
 * ("role"). */
struct str draft_name(struct draft *d, struct str wanted, struct str kind);
struct str draft_input_name(struct draft *d, struct str wanted);
struct str draft_local_name(struct draft *d, struct str wanted);
struct str draft_snake(struct arena *arena, struct str name);
/* Returns a valid stack name: "my_Stack" -> "my-stack". */
struct str draft_stack_name(struct arena *arena, struct str name);

struct draft_resource *draft_resource(struct draft *d);
/* Adds a weir.artifact and sets s3_bucket and s3_key of `code` to its bucket and key. `package` NULL: not
 * configured. */
void draft_artifact(struct draft *d, struct str name, struct str source, const char *package,
    struct tree *store, struct tree *code);
/* Returns a mark for use in code. */
struct str draft_reference(
    struct draft *d, void *owner, void *target, struct str attr, struct str key, const struct node *node);
/* Returns the text for a reference's mark. */
typedef struct str draft_mark(void *ctx, struct draft_reference *reference, struct str mark);
/* Replaces each mark in the code, or in the code and keys of a tree. */
struct str draft_replace_marks(struct draft *d, struct str code, draft_mark *replace, void *ctx);
void draft_replace_in_tree(struct draft *d, struct tree *s, draft_mark *replace, void *ctx);
/* Returns the reference if the value is exactly its mark, otherwise NULL. */
struct draft_reference *draft_reference_of(const struct draft *d, const struct tree *s);
/* Adds a required input, once for each name. Returns code. */
struct str draft_ask(
    struct draft *d, struct str name, const char *type, struct str description, bool sensitive);
/* Returns the input's name for this meaning: `name`, or another if that has another meaning. */
struct str draft_asks(struct draft *d, struct str name, struct str meaning);
/* Adds a data source once; returns its name. `attrs` may be NULL. */
struct str draft_data(struct draft *d, struct str name, const char *type, struct tree *attrs);
/* Returns the value with the account's id, and the region in the same strings, as references to the caller's.
 * `region` "": unknown. */
struct tree *draft_of_caller(struct draft *d, struct tree *s, struct str account, struct str region);
void draft_import(struct draft *d, struct str address, struct tree *id);
/* Adds an output: the value alone, or with a description. */
void draft_output(struct draft *d, struct str name, struct tree *value, struct str description);
/* Add a file beside the top stack file, such as a module's, or a copy of a file or folder. */
void draft_file(struct draft *d, struct str path, struct str text);
void draft_copy(struct draft *d, struct str path, struct str from);
void draft_row(struct draft *d, struct str origin, struct str became, struct str note);
/* Replaces all secrets in the value by inputs. */
struct tree *draft_hide(struct draft *d, struct tree *s, struct str name);
bool draft_is_secret(struct str key, struct str text);

/* Appends the stack file in the canonical format. */
int draft_write(struct draft *d, struct buf *out, struct err *err);
