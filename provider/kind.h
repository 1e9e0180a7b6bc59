/*
 * Kinds of providers: `aws`, `weir` and whatever else types can belong to. A kind is one table;
 * cmd/invocation/invocation.c lists all of them, and everything that has to know kinds is given that list
 * (catalog_options, provider_options), so that a test can have kinds of its own.
 *
 * How a kind is added:
 *
 *   1. A folder provider/<kind>/ with a `const struct provider_kind <kind>_kind`; its line in
 * cmd/invocation/invocation.c, its place in tools/layers.py, its row in docs/architecture.md.
 *   2. Its types, in any of three ways. As specs, provider/<kind>/specs/<name>.yaml, which become part of the
 *      binary: the file called like the kind has types of two words (postgres.schema), others of three
 *      (aws.glue.job). In C, as `types`, with their attributes there or in a file
 *      (`described`). Or found by name, by `find`, where no list has them.
 *   3. What a spec cannot express is C code: `native: NAME` at a type takes operations from `natives`, each
 * of which goes before the spec's own; `native: NAME` at a step does one job of it. Where the calls of its
 *      specs go elsewhere than to AWS, `send` carries them out.
 *   4. `settings`: what can be expressed under `providers:`; checked before open() and known to editors.
 *
 * Order of calls: open() for each configured provider, once, when it is first needed; operations from any
 * thread, with provider_self() for what open() made; close() at the end. Everything here is constant.
 */
#pragma once

#include "base/diag.h"
#include "base/map.h"
#include "provider/job.h"

/* One job of a spec's step: *result stands for the answer of a call; it is an empty map before. */
typedef int native_step(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err);

/* What a spec names with `native:`. */
struct native {
    const char *name;
    native_step *step; /* at a step; NULL: it is none */
    const struct resource_ops
        *ops; /* at a type; those that are NULL are left to the spec; NULL: it is none */
};

struct wire_operation; /* provider/wire/wire.h */
struct wire_message;

/* One call of a spec, for kinds that send by themselves; see struct aws_call for what the same names mean
 * there. */
struct kind_call {
    const struct value *head; /* what the spec's `provider:` says; lives as long as the catalog */
    struct str base;          /* before the path, instead of what the head says; "" as it says */
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
    const struct schema *const *types; /* those in C; the last one is NULL; NULL: none */
    const struct native *natives;      /* the last one has no name; NULL: none */
    const struct attr *settings;       /* an object called like the kind; NULL: nothing to check */
    bool http;                         /* open() wants the HTTP engine */

    /* Reads settings but calls nothing. NULL: there is nothing to open, and provider_self() is NULL. */
    int (*open)(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
    void (*close)(void *self);

    /*
     * Carries out the calls of specs: 0 with a 2xx answer that was accepted. `tell` knows names that
     * conditions may ask for besides attributes ("api"): *out "" where it is none. NULL: calls go to AWS.
     */
    int (*send)(void *self, const struct kind_call *call, struct arena *arena, struct wire_message *response,
        struct err *err);
    int (*tell)(void *self, const struct value *head, struct str name, const atomic_bool *cancel,
        struct arena *arena, struct str *out, struct err *err);

    /*
     * A type that is listed nowhere: *out NULL with 0 where the name is not one of this kind's. The schema
     * lives in the arena, as long as the catalog; each is asked for once. One thread at a time. NULL: none.
     */
    int (*find)(const struct catalog_options *options, struct arena *arena, struct str type, bool is_data,
        const struct schema **out, struct err *err);
    const struct str *(*names)(bool is_data, size_t *n); /* what it could find, for hints; NULL: not known */

    /* See provider_location() and what follows it; all NULL: nothing of the kind is anywhere in particular.
     */
    int (*location)(void *self, const struct schema *schema, bool ask, struct arena *arena,
        const struct value **location, struct err *err);
    const char *(*location_difference)(
        const struct schema *schema, const struct value *then, const struct value *now);
    /* The settings that open a recorded location: those of `config` (may be NULL), but there. */
    const struct value *(*location_settings)(
        const struct value *location, const struct value *config, struct arena *arena);
    struct str (*location_text)(const struct value *location, struct arena *arena); /* for people */

    /* See provider_list_owned() and provider_is_store(); both NULL: its types say themselves what has
     * ownership tags.
     */
    int (*list_owned)(
        void *self, struct arena *arena, struct str stack, const struct value **list, struct err *err);
    bool (*is_store)(void *self, const struct err *why);

    /* See provider_clock(); NULL: nobody there tells the time. */
    bool (*clock)(void *self, int64_t *ahead_ms);

    const struct log_ops *logs; /* provider/job.h; NULL: nothing of it can be run */

    /* Its way to an AWS account, for kinds that have one: then the sandbox can be in for it. `aws_at`: the
     * setting under which what it needs for that is given; NULL: beside its other settings. */
    struct aws_client *(*aws)(void *self);
    const char *aws_at;
};

/* ---- files of types ---- */

/* One file that has been read, or been opened. */
struct type_file {
    const struct provider_kind *kind;
    struct str name;          /* what it has to be called, without .yaml */
    const struct map *all[2]; /* name within the file -> const struct schema, NULL: not read yet; [1]: data */
    void *impl;               /* the reader's */
};

struct type_reader {
    /*
     * `kind` NULL: as the file says, the first one of all where it does not. NULL where anything in the file
     * is wrong; every mistake is a diagnostic. The source has to outlive what is read.
     */
    struct type_file *(*load)(const struct source *source, const struct provider_kinds *kinds,
        const struct provider_kind *kind, struct diags *diags);
    /* The same for a file that is known to be right: what is in it is read when it is asked for. */
    struct type_file *(*open)(const struct source *source, const struct provider_kinds *kinds,
        const struct provider_kind *kind, struct diags *diags);
    /* NULL: there is no such type, or something is wrong with it. By one thread at a time. */
    const struct schema *(*find)(struct type_file *file, struct str name, bool is_data, struct diags *diags);
    void (*free)(struct type_file *file);
    /* A type in C, as its file describes it; that is known to be right. Lives in the arena. */
    const struct schema *(*describe)(const struct schema *schema, struct arena *arena);
};

/* ---- all of them ---- */

struct provider_kinds {
    const struct provider_kind *const *items; /* the last one is NULL */
    const struct schema *const
        *types; /* in C, of folders above those of kinds; the last one is NULL; NULL: none */
    const struct type_reader *reader; /* of specs; NULL: there are none */
};

/* NULL: there is no such kind. */
const struct provider_kind *kind_find(const struct provider_kinds *kinds, struct str name);
/* What a spec's `native:` means; NULL: the kind has no such thing. */
const struct native *kind_native(const struct provider_kind *kind, struct str name);
/* Their names, for "did you mean"; *names is in the arena. */
size_t kind_names(const struct provider_kinds *kinds, struct arena *arena, const struct str **names);
/* "postgres.schema", or "aws.glue.job": the full name of a type in a file. */
struct str kind_type_name(
    const struct provider_kind *kind, struct str file, struct str type, struct arena *arena);
