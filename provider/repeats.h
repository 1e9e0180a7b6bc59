/*
 * Tells whoever watches an operation that a call of it is sent again, and why: "CreateStream: 2nd try,
 * throttled"; once one was accepted, "CreateStream: done at the 2nd try", so that nobody goes on reading of
 * tries that are over. Nobody hears of calls that succeed at once.
 *
 *     struct repeats repeats = {.op = ctx, .what = STR("GetResource")};
 *     call.repeats = repeats_tell, call.repeats_ctx = &repeats;
 *     …send…
 *     repeats_done(&repeats);
 *
 * It lives as long as the call is under way, and `what` too; both functions are called from its thread.
 */
#pragma once

#include "provider/provider.h"

struct repeats {
    const struct op_ctx *op;
    struct str what;
    int tries; /* what was told of them last; 0: there was one */
};

/* For `repeats` of struct aws_call and struct kind_call; ctx is a struct repeats. */
void repeats_tell(void *ctx, const struct err *failure, int nth);
/* The same where something else than an answer's status says why. */
void repeats_because(struct repeats *repeats, const char *why, int nth);
void repeats_done(const struct repeats *repeats);
