/*
 * What the types of host.* have in common. Their attributes are in specs/host.yaml; how a resource is looked
 * at, made and unmade is sh, in scripts/<type>.sh: <type>_look, <type>_make (which also changes) and
 * <type>_unmake find every attribute in a variable of its name, lists with a line for each item. What they
 * tell are attributes again. Here is only what sh cannot do: look at this side's files, and send them.
 */
#pragma once

#include "provider/host/machine.h"

/* One change on its way. */
struct host_work {
    struct op_ctx *ctx;
    const struct value *prior, *desired, *changed; /* prior, changed NULL: it is made */
    struct str payload;                            /* p NULL: none */
    struct buf more;                               /* further assignments */
};

struct host_type {
    const char *name;       /* "file" of host.file */
    const char *looks_at;   /* attributes that its look wants to know */
    const char *unreported; /* attributes that no look tells, only what made it */
    const char *unsent;     /* attributes that are no variables */
    bool once;              /* made twice it would happen twice */
    bool quick;             /* may wait for others in one script, and let them wait */
    /* What follows from this side's files. */
    int (*prepare)(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
        const struct value **prepared, struct err *err);
    /* What is sent along with a change. */
    int (*send)(struct host_work *work, struct err *err);
    /* Before something is unmade. */
    void (*clear)(struct host_work *work);
    /* What was told, as attributes; NULL: as their types say. `object` is what was looked for. */
    const struct value *(*shape)(struct op_ctx *ctx, const struct value *object, const struct value *reported,
        const struct value *live);
    bool looks_first; /* before it is made: what is there already is not sent */
};

extern const struct host_type host_file, host_directory, host_service, host_cron, host_command;
extern const struct resource_ops host_ops;

/* ---- script.c ---- */

/* What is there of it; *live NULL where it is not. */
int host_look(struct op_ctx *ctx, const struct value *object, const struct value **live, struct err *err);
/* NAME='text' for the script. */
void host_assign(struct buf *out, const char *prefix, struct str name, struct str text);
