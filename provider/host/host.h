/*
 * The provider host: files, folders and scripts of a machine that weir reaches by SSH, or of this one.
 */
#pragma once

#include "provider/kind.h"

/* ---- file.c: The provider `host`: what is on a host, done over one of the stack's connections by POSIX
 * sh alone. */
extern const struct provider_kind host_kind;

/* ---- machine.c: A host as its resources see it: scripts of POSIX sh go to it over the provider's
 * connection, by standard input, so that nothing of them is in its list of processes; what they tell
 * comes back in frames.
 *
 * Questions of many threads are gathered: whoever asks first sends all that have come together by then, and
 * the rest goes with the next. So a refresh is one or two round trips however many resources there are. */
struct machine;

int machine_new(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void machine_free(void *self);

/* One look at one thing, or one change. */
struct question {
    const char *type;    /* whose script it needs: "file" */
    struct buf body;     /* assignments and the call, for a subshell */
    struct str reported; /* what came back, in the asker's arena */
    struct err err;      /* class ERR_NONE: it was answered */
    struct question *next;
    bool done;
};

/* Asks all of them. -1 where nobody could be asked; otherwise each has its own err. */
int machine_ask(
    struct machine *machine, struct op_ctx *ctx, struct question *questions, size_t n, struct err *err);
/* A change by itself; `payload` is what it finds on its standard input. */
int machine_change(struct machine *machine, struct op_ctx *ctx, struct question *question,
    const struct str *payload, bool repeatable, struct err *err);

/* What was reported under names: lists of texts. A map. */
const struct value *machine_reported(struct arena *arena, struct str reported);

/* ---- What the types of host.* have in common. Their attributes are in specs/host.yaml; how a resource is
 * looked at, made and unmade is sh, in scripts/<type>.sh: <type>_look, <type>_make (which also changes)
 * and <type>_unmake find every attribute in a variable of its name, lists with a line for each item. What
 * they tell are attributes again. Here is only what sh cannot do: look at this side's files, and send
 * them. */
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
    /* What was reported, as attributes; NULL: as their types say. `object` is what was looked for. */
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

/* ---- script.c: Between attributes and the shell: variables that a script finds, and lines that it tells.
 * Shared by the operations and those types that send more than variables. */
/* The type of the operation's resource; the provider's host. */
const struct host_type *host_type_of(const struct op_ctx *ctx);
struct machine *host_machine(struct op_ctx *ctx);

/* A value as a variable has it: lists with a line for each item. */
struct str script_text(struct arena *arena, const struct value *v);
/* Each attribute as a variable, or those of `only` (NULL: all); what the file does not give by its default.
 */
void script_assign_all(struct op_ctx *ctx, const struct value *object, const char *only, struct buf *out);
/* The object's own environment. */
void script_export(struct op_ctx *ctx, const struct value *object, struct buf *out);
/* A list of names, with blanks around each. */
void script_assign_words(const struct value *names, const char *name, struct buf *out);
/* What is written there as lines is held to the schema once more, whichever way it came: -1, and nothing may
 * be written, where a value has a line break too many, which would be a line of its own in a file of root's.
 */
int script_check(struct op_ctx *ctx, const struct value *object, struct err *err);
/* The question that a look answers, and the object that the answer shows; NULL: it is not there. */
void script_look(struct op_ctx *ctx, const struct value *object, struct question *question);
const struct value *script_live(struct op_ctx *ctx, const struct value *object, struct str reported);
