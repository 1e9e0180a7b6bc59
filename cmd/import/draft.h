/*
 * A stack that is being written from what another tool has: its sections as they grow, the names in it, what
 * refers to what, and the report of what came over.
 *
 * Order of calls: draft_init(); sections and resources as they are found; draft_write(), which settles the
 * references (asking for each what its target's attribute is called), then writes all sections;
 * draft_release(). Everything is in the arena.
 */
#pragma once

#include "base/map.h"
#include "base/yaml.h"
#include "provider/provider.h"

/* ---- tree.c: a stack file as it is being written: values whose texts and expressions are not settled
 * yet.
 *
 * A tree like that of a YAML file, in its order. Leaves are literals, expressions (`code`), texts with
 * expressions in them, or a choice between two values. A reference to a resource is code, too, but what its
 * attribute is called is only known when it has been decided which type that resource becomes: until then a
 * mark stands for it (draft_reference()), which draft_settle() replaces. */
enum tree_kind {
    TREE_NOTHING, /* not given: null */
    TREE_LITERAL, /* a scalar */
    TREE_CODE,    /* an expression */
    TREE_TEXT,    /* pieces: literals and code */
    TREE_CHOICE,  /* the first item where `code` holds, otherwise the second */
    TREE_LIST,
    TREE_MAP,
};

struct tree_entry;

struct tree {
    enum tree_kind kind;
    bool sensitive;          /* what it holds is a secret, and not to be written */
    const struct node *node; /* where it comes from; NULL: not from a file */
    const struct value *value;
    struct str code;
    struct tree *encoded; /* of base64encode(): what that is of; NULL: it is something else */
    struct tree **items;  /* TEXT, CHOICE, LIST */
    struct tree_entry *entries;
    size_t n, cap;
    uint32_t *slots;            /* of a large MAP, by the keys' hashes: an entry's index + 1; 0 none */
    size_t slot_count, indexed; /* indexed: so many entries are in there */
};

struct tree_entry {
    struct str key, comment; /* comment: whole lines, as written; "" none */
    struct tree *value;
};

struct tree *tree_new(struct arena *arena, enum tree_kind kind, const struct node *node);
struct tree *tree_value(struct arena *arena, const struct value *scalar, const struct node *node);
struct tree *tree_string(struct arena *arena, struct str text, const struct node *node);
struct tree *tree_code(struct arena *arena, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Lists, maps and scalars alike; texts in it are literals. */
struct tree *tree_of(struct arena *arena, const struct value *v);

void tree_add(struct arena *arena, struct tree *list, struct tree *item);
void tree_set(struct arena *arena, struct tree *map, struct str key, struct tree *value);
struct tree *tree_get(const struct tree *map, const char *key);
/* To the end of a text; literals beside each other become one. */
void tree_append(struct arena *arena, struct tree *text, struct tree *piece);
/* The text itself where it has one piece that can stand for it. */
struct tree *tree_simple(struct arena *arena, struct tree *text);

/* A literal's text; p NULL where it is none. */
struct str tree_literal_text(struct arena *arena, const struct tree *s);
/* The key that a value is as a name: its text, or as it is written with expressions in it, behind a mark; p
 * NULL where it is no text. */
struct str tree_key(struct arena *arena, const struct tree *s);
bool tree_key_is_code(struct str key);
bool tree_is_text(const struct tree *s, const char *text);
/* Nothing but literals, through and through? Then *v is its value. */
bool tree_known(struct arena *arena, const struct tree *s, const struct value **v);
/* As an expression, to be within another. */
struct str tree_as_code(struct arena *arena, const struct tree *s);
/* May it turn out, in one branch of a choice, that nothing is there? */
bool tree_may_be_nothing(const struct tree *s);
/* A list of which an item may not be there: an expression says which are. */
bool tree_is_varying(const struct tree *list);
/* A document, in which null would be a value: what may not be there is merged into the map around it. */
struct tree *tree_document(struct arena *arena, struct tree *s);

/* ---- write.c, draft.c ---- */

/* `key:` at the column and what it holds: in one line where it fits, otherwise below. */
void tree_write(struct buf *out, struct str key, const struct tree *s, int column);
/* {a: 1, b: [2]}, in one line whatever its length. */
void tree_write_flow(struct buf *out, const struct tree *s);

struct draft_resource {
    struct str name;   /* in the stack */
    struct str origin; /* as the other tool calls it */
    struct str was;    /* the type that it has there */
    struct str type;   /* here; "": it is left out */
    struct str note;   /* for the report */
    struct str comment;
    const struct schema *schema; /* NULL: left out */
    struct tree *attrs;          /* a map, with for_each, when, depends_on, lifecycle */
};

struct draft_reference {
    void *owner; /* whose attributes it is in; the writer's, as the next; NULL: an output or the like */
    void *target;
    struct str attr; /* under the other tool's name */
    struct str key;  /* code of the instance, "" none */
    const struct node *node;
    struct str code; /* filled in when it is settled */
};

struct draft {
    struct arena *arena;
    struct catalog *catalog;
    struct diags *diags;
    struct str stack, description, comment;
    struct str beside;   /* the folder that the other tool's paths are from, as it is from the stack file's */
    struct str from;     /* the same folder, from here */
    bool is_module;      /* within another stack: `folder` is where it is, from that one's */
    struct str folder;   /* "" or "words/" */
    struct tree *files;  /* of the whole, beside its stack file: path -> text */
    struct tree *copies; /* likewise: path -> the file or folder that is copied there */
    struct tree *modules;                         /* a map */
    struct draft *within, *next;                  /* those of its modules, which are released with it */
    struct map taken, taken_inputs, taken_locals; /* names */
    struct map hidden; /* a secret's node -> struct str, the input that asks for it */
    struct map asked;  /* an input -> struct str, what it asks for: draft_asks() */
    struct tree *providers, *inputs, *locals, *data, *outputs, *imports; /* maps; imports a list */
    struct draft_resource **resources;
    size_t n, cap;
    struct draft_reference **references;
    size_t reference_count, reference_cap;
    struct tree *rows; /* of the report: {origin, became, note} */
    size_t ours, theirs, left_out;

    /* What a reference is called now, as code. */
    struct str (*resolve)(void *ctx, struct draft_reference *reference);
    void *resolve_ctx;
};

void draft_init(struct draft *d, struct arena *arena, struct catalog *catalog, struct diags *diags);
void draft_release(struct draft *d);

/* "EtlRole" -> "etl_role", and another where somebody has it: `kind` is what it is ("role"). */
struct str draft_name(struct draft *d, struct str wanted, struct str kind);
struct str draft_input_name(struct draft *d, struct str wanted);
struct str draft_local_name(struct draft *d, struct str wanted);
struct str draft_snake(struct arena *arena, struct str name);
/* "my_Stack" -> "my-stack": what `stack:` takes. */
struct str draft_stack_name(struct arena *arena, struct str name);

struct draft_resource *draft_resource(struct draft *d);
/* A mark that may be in any code. */
struct str draft_reference(
    struct draft *d, void *owner, void *target, struct str attr, struct str key, const struct node *node);
/* An input that has to be given; the same for the same name. Returns code. */
struct str draft_ask(
    struct draft *d, struct str name, const char *type, struct str description, bool sensitive);
/* What an input is called that asks for this and nothing else: `name`, or another where that asks for
 * something else. */
struct str draft_asks(struct draft *d, struct str name, struct str what);
/* A data source, once; returns its name. `attrs` may be NULL. */
struct str draft_data(struct draft *d, struct str name, const char *type, struct tree *attrs);
void draft_import(struct draft *d, struct str address, struct tree *id);
/* A file to be written beside the whole's stack file, such as a module's; a copy of one, or of a folder. */
void draft_file(struct draft *d, struct str path, struct str text);
void draft_copy(struct draft *d, struct str path, struct str from);
void draft_row(struct draft *d, struct str origin, struct str became, struct str note);
/* Whatever is secret below becomes an input: the value that takes its place. */
struct tree *draft_hide(struct draft *d, struct tree *s, struct str name);
bool draft_is_secret(struct str key, struct str text);

/* Appends the stack file in the canonical format. */
int draft_write(struct draft *d, struct buf *out, struct err *err);
