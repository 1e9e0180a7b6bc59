/*
 * Settling what an interrupted run left open. An intent without an end means: a request may have been sent,
 * and its effect may be there. Each one is compared with the live service and closed: what exists is taken
 * over as it is, what does not is forgotten, what was being deleted is checked.
 *
 * Every intent is closed by one record of its own, so recovery may itself be killed at any point and begun
 * again. It changes nothing at the service; what is half-made becomes whole by the next plan.
 */
#ifndef WEIR_PLAN_RECOVER_H
#define WEIR_PLAN_RECOVER_H

#include "plan/state/state.h"
#include "provider/provider.h"

struct recover_options {
    struct state *state;
    struct catalog *catalog;
    struct str stack, env;
    struct str work_dir;       /* as in struct op_ctx */
    const atomic_bool *cancel; /* may be NULL */
    /* The provider that an intent was begun with. */
    int (*provider)(void *ctx, const struct open_intent *intent, struct provider **out, struct err *err);
    /* One line for each that was settled: "was created before the run stopped; taken over". */
    void (*settled)(void *ctx, struct str address, const char *text);
    void *ctx;
};

/*
 * Settles every open intent. Between state_begin() and state_end(). Goes on after a failure (a service that
 * does not answer), leaves that intent open and returns -1 with the first one.
 */
int recover_intents(const struct recover_options *options, struct err *err);

/*
 * The whole round for a command that has just opened a state: where nothing is open, nothing happens.
 * Otherwise takes the lock if it is not held yet (waiting lock_timeout_ms), settles as a run named "recover",
 * and gives the lock back if it took it. Somebody else's lock means that the intents are those of a run that
 * is still going on: ERR_LOCKED.
 */
int recover_state(const struct recover_options *options, int64_t lock_timeout_ms, struct err *err);

#endif
