/*
 * Recovery of what an interrupted run left open. An intent without an end means: a request may have been
 * sent, and its effect may be there. Each one is compared with the live service and closed: what exists is
 * taken over as it is, what does not is forgotten, what was being deleted is checked.
 *
 * What is not there yet may still come: a service may be at work on the request, or show what it made only
 * after a while (schema->shows_ms). Until that time has passed the intent stays open. A plan does not wait
 * for it: whoever makes the resource looks once more, and waits as long as it takes (plan/apply/work.c). Only
 * who needs to know now waits here (`patient`), and everybody waits for a deletion: what is changed meanwhile
 * could be made anew by the change. Of a type whose creation cannot be looked for it stays open
 * until somebody says what became of it.
 *
 * Every intent is closed by one record of its own, so recovery may itself be killed at any point and begun
 * again. It changes nothing at the service; what is half-made becomes whole by the next plan.
 */
#pragma once

#include "plan/state/state.h"
#include "provider/provider.h"

struct recover_options {
    struct state *state;
    struct catalog *catalog;
    struct str stack, env;
    bool patient;              /* waits until it is known of each */
    struct str work_dir;       /* as in struct op_ctx */
    const atomic_bool *cancel; /* may be NULL */
    /* The provider that an intent was begun with. */
    int (*provider)(void *ctx, const struct intent *intent, struct provider **out, struct err *err);
    /* May it stay open after that error: because its service is unreachable, and is the stack's own? NULL:
     * never.
     */
    bool (*leaves)(void *ctx, const struct intent *intent, const struct err *why);
    /* One line for each that was recovered: "was created by an earlier run; imported". */
    void (*recovered)(void *ctx, struct str address, const char *text);
    void *ctx;
};

/* How long from now on what this intent has made may still appear; 0: it would be seen. */
int64_t recover_fresh_ms(const struct intent *intent, const struct schema *schema);

/*
 * The whole round for a command that has just opened a state: where nothing is open, nothing happens.
 * Otherwise takes the lock if it is not held yet (waiting lock_timeout_ms), recovers as a run named
 * "recover", and gives the lock back if it took it. Somebody else's lock means that the intents are those of
 * a run that is still going on: ERR_LOCKED. An intent whose service does not answer stays open; it goes on
 * with the others and returns -1 with the first failure.
 */
int recover_state(const struct recover_options *options, int64_t lock_timeout_ms, struct err *err);
