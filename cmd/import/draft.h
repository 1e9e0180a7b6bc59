/*
 * A stack that is being written from what another tool has: its sections as they grow, the names in it, what
 * refers to what, and the report of what came over.
 *
 * Order of calls: draft_init(); sections and resources as they are found; draft_write(), which settles the
 * references (asking for each what its target's attribute is called), then writes all sections;
 * draft_release(). Everything lies in the arena.
 */
#pragma once

#include "base/err.h"
#include "base/map.h"
#include "cmd/import/said.h"
#include "provider/provider.h"

struct draft_resource {
    struct str name;   /* in the stack */
    struct str origin; /* as the other tool calls it */
    struct str was;    /* the type that it has there */
    struct str type;   /* here; "": it is left out */
    struct str note;   /* for the report */
    struct str comment;
    const struct schema *schema; /* NULL: left out */
    struct said *attrs;          /* a map, with for_each, when, depends_on, lifecycle */
};

struct draft_reference {
    void *owner; /* whose attributes it stands in; the writer's, as the next; NULL: an output or the like */
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
    struct str beside;  /* the folder that the other tool's paths are from, as it is from the stack file's */
    bool is_module;     /* within another stack: `folder` is where it lies, from that one's */
    struct str folder;  /* "" or "words/" */
    struct said *files; /* modules of the whole: folder -> text */
    struct said *modules;                         /* a map */
    struct draft *within, *next;                  /* those of its modules, which are released with it */
    struct map taken, taken_inputs, taken_locals; /* names */
    struct map hidden; /* a secret's node -> struct str, the input that asks for it */
    struct said *providers, *inputs, *locals, *data, *outputs, *imports; /* maps; imports a list */
    struct draft_resource **resources;
    size_t n, cap;
    struct draft_reference **references;
    size_t reference_count, reference_cap;
    struct said *rows; /* of the report: {origin, became, note} */
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
/* A mark that may stand in any code. */
struct str draft_reference(
    struct draft *d, void *owner, void *target, struct str attr, struct str key, const struct node *node);
/* An input that has to be given; the same for the same name. Returns code. */
struct str draft_ask(
    struct draft *d, struct str name, const char *type, struct str description, bool sensitive);
/* A data source, once; returns its name. `attrs` may be NULL. */
struct str draft_data(struct draft *d, struct str name, const char *type, struct said *attrs);
void draft_import(struct draft *d, struct str address, struct said *id);
/* A module's stack file, to be written into that folder beside the whole's. */
void draft_file(struct draft *d, struct str folder, struct str text);
void draft_row(struct draft *d, struct str origin, struct str became, struct str note);
/* Whatever is secret below becomes an input: the value that takes its place. */
struct said *draft_hide(struct draft *d, struct said *s, struct str name);
bool draft_is_secret(struct str key, struct str text);

/* Appends the stack file in the usual layout. */
int draft_write(struct draft *d, struct buf *out, struct err *err);
