/*
 * Recovery after an interrupted run. An open intent means that a request may have been sent and may have
 * taken effect. Each open intent is compared with the live service and closed: an existing resource is
 * recorded as it is, a missing one is dropped, a deletion is verified.
 *
 * A missing resource may still appear: the service may be processing the request, or show the result later
 * (schema->visible_within_ms). Until that time has passed the intent stays open. A plan does not wait: the
 * creation of the resource looks again and waits (plan/apply/work_create.c). Callers that need the result set
 * `patient`; and a deletion is always waited for, because a change in the meantime could create the resource
 * again. If a type's creation cannot be looked up, the intent stays open until a user reports the result.
 *
 * Each intent is closed by one record, so recovery may be interrupted at any point and repeated. It changes
 * nothing at the service; the next plan completes what is partial.
 */
#pragma once

#include "plan/state/state.h"
#include "provider/provider.h"

struct recover_options {
    struct state *state;
    struct catalog *catalog;
    struct str stack, env;
    bool waits;                /* waits until each result is known */
    struct str work_dir;       /* as in struct op_ctx */
    const atomic_bool *cancel; /* may be NULL */
    /* Returns the provider that the intent was begun with. */
    int (*provider)(void *ctx, const struct intent *intent, struct provider **out, struct err *err);
    /* True if the intent may stay open after this error: its service is unreachable, and the stack creates
     * it. NULL: never. */
    bool (*may_stay_open)(void *ctx, const struct intent *intent, const struct err *why);
    /* Called for each recovered intent, with a message: "was created by an earlier run; imported". */
    void (*recovered)(void *ctx, struct str address, const char *text);
    void *ctx;
};

/* For how long a resource of this intent may still appear; 0: it would be visible. */
int64_t recover_fresh_ms(const struct intent *intent, const struct schema *schema);

/*
 * Recovers after a command has opened a state; no effect without open intents. Takes the lock if it is not
 * held (without waiting), recovers as a run named "recover", and releases the lock if it took it. If
 * another run holds the lock, the intents are those of that active run: ERR_LOCKED. Intents of unreachable
 * services stay open; the others are recovered, and the first error is returned with -1.
 */
int recover_state(const struct recover_options *options, struct err *err);
