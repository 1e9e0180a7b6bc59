/*
 * A sketch of a module: what its files say, without being loaded: the names in it, where they stand, and
 * which module a file belongs to. Made anew for each question, from the documents that are open and from
 * disk.
 */
#pragma once

#include "cmd/lsp/documents.h"
#include "cmd/lsp/outline.h"

struct file {
    struct str path; /* real; of a built-in module its name */
    struct outline outline;
};

struct spot;

struct sketch {
    const struct documents *documents;
    struct arena *arena;
    struct str dir;
    struct str stack;   /* the file whose weir.lock says what modules from elsewhere are */
    bool builtin;       /* in the binary: there are no files to go to */
    bool foreign;       /* nobody's to change: built in, or fetched from elsewhere */
    struct file *files; /* its own file first, then what it includes */
    size_t count, cap;
    struct {
        struct spot *items; /* by name */
        size_t n;
    } * names; /* of each kind */
};

/* Names that are looked for in the same sections. */
enum name_kind {
    NAME_THING,
    NAME_INPUT,
    NAME_LOCAL,
    NAME_OUTPUT,
    NAME_PROVIDER,
    NAME_CONNECTION,
    NAME_KINDS
};
/* The kind of what stands in a section; false: it has no names. */
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
struct sketch *sketch_called(const struct sketch *sketch, struct spot call);
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
