/*
 * What networks, volumes and containers have in common: each is known by its name, bears labels, and is one
 * document of the Engine's. A table says where those lie, and one set of functions, which finds the table by
 * the type that it is called for, looks for, lists, marks and deletes all of them.
 */
#pragma once

#include "provider/docker/engine.h"
#include "provider/docker/ownership_tags.h"

struct resource {
    const char *what;    /* "network" */
    const char *path;    /* "/networks/%s" */
    const char *remove;  /* likewise, for DELETE */
    const char *listing; /* "/networks" */
    const char *items;   /* where the listing has them; NULL: it is a list */
    const char *labels;  /* "Labels", or below another: "Config.Labels" */
    bool inherits;       /* some of its labels are its image's */
    /* What the document says, as attributes; `prior` (may be NULL) has the spellings that people chose. */
    const struct value *(*decode)(
        struct op_ctx *ctx, const struct value *document, const struct value *prior);
};
extern const struct resource docker_network, docker_volume, docker_image, docker_container;

/*
 * Of a map that has defaults in it (an image's variables and labels) what the file gives, which is `prior`'s;
 * all of it where nothing is known of the file, as when something is imported.
 */
const struct value *resource_given(
    struct op_ctx *ctx, const struct value *map, const struct value *prior, const char *attr);
/* Text, or what else, at a path of a document: "Config.Labels". */
const struct value *resource_at(const struct value *document, const char *path);

/* The document by name, or NULL. */
int resource_look(
    struct op_ctx *ctx, const struct value *object, const struct value **document, struct err *err);
/* As resource_ops have them. */
int resource_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
/* Nothing of it can be changed in place but how weir deals with it. */
int resource_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err);
int resource_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int resource_marks(
    struct op_ctx *ctx, const struct value *object, const struct value **marks, struct err *err);
int resource_marked(
    struct op_ctx *ctx, bool unreported, resource_found *found, void *found_ctx, struct err *err);
int resource_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
/* For documents that say in a listing all they say. */
int resource_list_all(struct op_ctx *ctx, const struct sought *sought, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err);
/* The listing's documents. */
int resource_list(struct op_ctx *ctx, struct str filter, const struct value **items, struct err *err);

/*
 * POST that makes it. Where the name is taken it may be by an earlier request of this very intent, whose
 * answer was lost: that one is gone on with.
 */
int resource_create(
    struct op_ctx *ctx, struct str path, const struct value *body, struct str name, struct err *err);

/* For messages: what is a container to the Engine. */
struct str resource_name(const struct value *object);
