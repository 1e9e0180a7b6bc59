/*
 * A host as its resources see it: scripts of POSIX sh go to it over the provider's connection, by standard
 * input, so that nothing of them stands in its list of processes; what they tell comes back in frames.
 *
 * Questions of many threads are gathered: whoever asks first sends all that have come together by then, and
 * the rest goes with the next. So a refresh is one or two round trips however many resources there are.
 */
#pragma once

#include "base/buf.h"
#include "provider/provider.h"

struct machine;

int machine_new(const struct provider_options *options, struct machine **out, struct err *err);
void machine_free(struct machine *machine);

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

/* What was told under names: lists of texts. A map. */
const struct value *machine_reported(struct arena *arena, struct str reported);
