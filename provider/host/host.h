/*
 * The provider type host: files, folders and scripts of a machine reached by SSH, or of this one.
 */
#pragma once

#include "provider/kind.h"

/* ---- file.c: The provider type `host`: resources on a host, managed over a connection of the stack with
 * POSIX sh only. */
extern const struct provider_kind host_kind;

/* ---- machine.c: Runs POSIX sh scripts on a host over the provider's connection. Scripts are sent by
 * standard input, so that nothing of them is visible in the process list; results are returned in frames.
 *
 * Requests of several threads are batched: the first thread sends all requests collected so far, and later
 * ones are sent in the next batch. A refresh takes one or two round trips for any number of resources. */
struct machine;

int machine_new(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void machine_free(void *self);

/* One read of a resource, or one change. */
struct host_request {
    const char *type;    /* type whose script it needs: "file" */
    struct buf body;     /* variable assignments and the function call, for a subshell */
    struct str reported; /* the result, in the caller's arena */
    struct err err;      /* class ERR_NONE: success */
    struct host_request *next;
    bool done;
};

/* Runs all requests. Returns -1 if the host is unreachable; otherwise each request has its own err. */
int machine_send(
    struct machine *machine, struct op_ctx *ctx, struct host_request *requests, size_t n, struct err *err);
/* Runs a change in a script of its own; `payload` is its standard input. */
int machine_change(struct machine *machine, struct op_ctx *ctx, struct host_request *request,
    const struct str *payload, bool repeatable, struct err *err);

/* Parses a result: a map of names to lists of strings. */
const struct value *machine_reported(struct arena *arena, struct str reported);

/* ---- Shared by the types of host.*. Their attributes are in specs/host.yaml. Reading, creating and deleting
 * is sh code in scripts/<type>.sh: the functions <type>_read, <type>_make (which also updates) and
 * <type>_unmake get every attribute in a variable of its name, lists with one item per line. Their results
 * are attributes again. C code reads and sends local files. */
/* One change in progress. */
struct host_work {
    struct op_ctx *ctx;
    const struct value *prior, *desired, *changed; /* prior, changed NULL: creation */
    struct str payload;                            /* p NULL: none */
    struct buf more;                               /* further variable assignments */
};

struct host_type {
    const char *name;       /* "file" of host.file */
    const char *read_by;    /* attributes that <type>_read needs */
    const char *unreported; /* attributes reported only by <type>_make */
    const char *unsent;     /* attributes that are not passed as variables */
    bool once;              /* not idempotent: making it twice would execute it twice */
    bool quick;             /* may share a script with other requests */
    /* Adds what follows from local files. */
    int (*prepare)(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
        const struct value **prepared, struct err *err);
    /* Adds what is sent with a change. */
    int (*send)(struct host_work *work, struct err *err);
    /* Called before a deletion. */
    void (*clear)(struct host_work *work);
    /* Converts a result to attributes; NULL: by the attributes' types. `object` is the prior or desired
     * object. */
    const struct value *(*shape)(struct op_ctx *ctx, const struct value *object, const struct value *reported,
        const struct value *live);
    bool read_first; /* <type>_read runs before a creation, so that existing content is not sent */
};

extern const struct host_type host_file, host_directory, host_service, host_cron, host_command;
extern const struct resource_ops host_ops;

/* ---- script.c ---- */

/* Reads the resource; *live is NULL if it does not exist. */
int host_read_live(
    struct op_ctx *ctx, const struct value *object, const struct value **live, struct err *err);
/* Adds NAME='text'. */
void host_assign(struct buf *out, const char *prefix, struct str name, struct str text);

/* ---- script.c: Converts attributes to shell variables and result lines to attributes. Used by the
 * operations and by types that send more than variables. */
/* Return the type of the operation's resource, and the provider's host. */
const struct host_type *host_type_of(const struct op_ctx *ctx);
struct machine *host_machine(struct op_ctx *ctx);

/* Returns a value as the text of a variable: lists with one item per line. */
struct str script_text(struct arena *arena, const struct value *v);
/* Assigns each attribute, or those named in `only` (NULL: all), to a variable; attributes that are not
 * configured have their defaults. */
void script_assign_all(struct op_ctx *ctx, const struct value *object, const char *only, struct buf *out);
/* Exports the object's own environment. */
void script_export(struct op_ctx *ctx, const struct value *object, struct buf *out);
/* Assigns a list of names, each between spaces. */
void script_assign_words(const struct value *names, const char *name, struct buf *out);
/* Checks values that scripts write as lines against the schema again. Returns -1 if one has a line break,
 * which would add a line to a file owned by root; nothing may be written then. */
int script_check(struct op_ctx *ctx, const struct value *object, struct err *err);
/* Make the request for reading a resource, and the object from its result; NULL if it does not exist. */
void script_read(struct op_ctx *ctx, const struct value *object, struct host_request *request);
const struct value *script_live(struct op_ctx *ctx, const struct value *object, struct str reported);
