/*
 * Provider types: `aws`, `weir` and others. A provider type is one table. cmd/invocation/invocation.c lists
 * all of them, and all code that needs provider types is given that list (catalog_options, provider_options),
 * so that a test can have its own.
 *
 * How a provider type is added:
 *
 *   1. A folder provider/<kind>/ with a `const struct provider_kind <kind>_kind`; its line in
 *      cmd/invocation/invocation.c, its place in tools/layers.py, its row in docs/architecture.md.
 *   2. Its resource types, in any of three ways. As specs, provider/<kind>/specs/<name>.yaml, which become
 *      part of the binary: the file with the name of the provider type has types of two words
 *      (postgres.schema), others of three (aws.glue.job). In C, as `types`, with their attributes there or
 *      in a file (`described`). Or by `find`, for types that are found by name and not listed.
 *   3. C code for what a spec cannot express: `native: NAME` at a type takes operations from `natives`, each
 *      of which precedes the spec's own; `native: NAME` at a step executes that step. If the calls of its
 *      specs do not go to AWS, `send` sends them.
 *   4. `settings`: the settings under `providers:`; checked before open() and known to editors.
 *
 * Order of calls: open() for each configured provider, once, when it is first needed; operations from any
 * thread, with provider_self() for the result of open(); close() at the end. All tables are constant.
 */
#pragma once

#include "base/diag.h"
#include "base/map.h"
#include "provider/job.h"

/* One step of a spec: *result takes the place of a call's response; it is an empty map at the call. */
typedef int native_step(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err);

/* C code that a spec refers to with `native:`. */
struct native {
    const char *name;
    native_step *step; /* for a step; NULL: not for a step */
    const struct resource_ops
        *ops; /* for a type; operations that are NULL are the spec's; NULL: not for a type */
};

struct wire_operation; /* provider/wire/wire.h */
struct wire_message;

/* One call of a spec, for provider types with their own `send`; see struct aws_call for members of the same
 * names. */
struct kind_call {
    const struct value *head; /* `provider:` of the spec; valid as long as the catalog */
    struct str base;          /* base URL, instead of the one in `head`; "": that of `head` */
    const struct wire_operation *op;
    const struct wire_message *request;
    bool idempotent, sensitive;
    int (*accept)(void *ctx, const struct wire_message *answer, struct err *err);
    void *accept_ctx;
    const atomic_bool *cancel;
    bool (*transient)(void *ctx, const struct err *err);
    void *transient_ctx;
    int64_t transient_for_ms, answers_in_ms;
    void (*repeats)(void *ctx, const struct err *failure, int nth);
    void *repeats_ctx;
};

struct provider_kind {
    const char *name;                  /* first word of its types and providers: "aws" */
    const char *specs;                 /* folder of its embedded specs: "provider/aws/specs/"; NULL: none */
    const struct schema *const *types; /* the types in C, NULL-terminated; NULL: none */
    const struct native *natives;      /* the last entry has no name; NULL: none */
    const struct attr *settings; /* an object with the name of the provider type; NULL: nothing is checked */
    bool http;                   /* open() needs the HTTP engine */

    /* Reads settings but makes no calls. NULL: there is nothing to open, and provider_self() is NULL. */
    int (*open)(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
    void (*close)(void *self);

    /*
     * send: sends the calls of specs; returns 0 after an accepted 2xx response. tell: returns the value of a
     * name in conditions that is not an attribute ("api"), or "" in *out if the name is not known. NULL:
     * calls go to AWS.
     */
    int (*send)(void *self, const struct kind_call *call, struct arena *arena, struct wire_message *response,
        struct err *err);
    int (*tell)(void *self, const struct value *head, struct str name, const atomic_bool *cancel,
        struct arena *arena, struct str *out, struct err *err);

    /*
     * Finds a type that is not listed: *out is NULL with return value 0 if the name is not one of this
     * provider type's. The schema is allocated in the arena and valid as long as the catalog. Called once for
     * each name, by one thread at a time. NULL: there are none.
     */
    int (*find)(const struct catalog_options *options, struct arena *arena, struct str type, bool is_data,
        const struct schema **out, struct err *err);
    const struct str *(*names)(
        bool is_data, size_t *n); /* the names that `find` could find, for hints; NULL: not known */

    /* See provider_location() and the functions after it. All NULL: its resources have no location. */
    int (*location)(void *self, const struct schema *schema, bool ask, struct arena *arena,
        const struct value **location, struct err *err);
    const char *(*location_difference)(
        const struct schema *schema, const struct value *then, const struct value *now);
    /* Returns the settings that open a provider at a recorded location: those of `config` (may be NULL) with
     * the location's values. */
    const struct value *(*location_settings)(
        const struct value *location, const struct value *config, struct arena *arena);
    struct str (*location_text)(const struct value *location, struct arena *arena); /* for people */

    /* See provider_list_owned() and provider_is_store(). Both NULL: each type lists its own resources with
     * ownership tags. */
    int (*list_owned)(
        void *self, struct arena *arena, struct str stack, const struct value **list, struct err *err);
    bool (*is_store)(void *self, const struct err *why);

    /* See provider_clock(). NULL: the services do not report their time. */
    bool (*clock)(void *self, int64_t *ahead_ms);

    const struct log_ops *logs; /* provider/job.h; NULL: it has no jobs */

    /* Returns the client of its AWS account, for provider types that have one: their calls then can go to the
     * sandbox. `aws_at`: the setting that contains the settings for that account; NULL: they are beside the
     * other settings. */
    struct aws_client *(*aws)(void *self);
    const char *aws_at;
};

/* ---- spec files ---- */

/* A spec file, parsed or opened. */
struct type_file {
    const struct provider_kind *kind;
    struct str name; /* the file name that it has to have, without .yaml */
    const struct map
        *all[2]; /* name within the file -> const struct schema, NULL: not parsed yet; [1]: data sources */
    void *impl;  /* private to the reader */
};

struct type_reader {
    /*
     * Parses a whole file. `kind` NULL: the provider type that the file names, or else the first one. Returns
     * NULL if anything in the file is wrong; every mistake is a diagnostic. The source has to outlive the
     * result.
     */
    struct type_file *(*load)(const struct source *source, const struct provider_kinds *kinds,
        const struct provider_kind *kind, struct diags *diags);
    /* Like `load`, for a file that is known to be correct: its types are parsed when they are used. */
    struct type_file *(*open)(const struct source *source, const struct provider_kinds *kinds,
        const struct provider_kind *kind, struct diags *diags);
    /* Returns NULL if the file has no such type or the type is wrong. Not thread-safe. */
    const struct schema *(*find)(struct type_file *file, struct str name, bool is_data, struct diags *diags);
    void (*free)(struct type_file *file);
    /* Completes the schema of a type in C from its file, which is known to be correct. Allocated in the
     * arena. */
    const struct schema *(*describe)(const struct schema *schema, struct arena *arena);
};

/* ---- all provider types ---- */

struct provider_kinds {
    const struct provider_kind *const *items; /* NULL-terminated */
    const struct schema *const
        *types; /* types in C of folders above the provider types; NULL-terminated; NULL: none */
    const struct type_reader *reader; /* of specs; NULL: there are no specs */
};

/* Finds a provider type by name; NULL if there is none. */
const struct provider_kind *kind_find(const struct provider_kinds *kinds, struct str name);
/* Finds the C code of a spec's `native:`; NULL if the provider type has none of that name. */
const struct native *kind_native(const struct provider_kind *kind, struct str name);
/* Returns the number of provider types and their names, for "did you mean"; *names is allocated in the
 * arena. */
size_t kind_names(const struct provider_kinds *kinds, struct arena *arena, const struct str **names);
/* Returns the full name of a type in a file: "postgres.schema" or "aws.glue.job". */
struct str kind_type_name(
    const struct provider_kind *kind, struct str file, struct str type, struct arena *arena);
