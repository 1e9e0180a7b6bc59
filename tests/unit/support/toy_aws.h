/*
 * A client of AWS (fixed_aws.h) whose services play a script: each call has to be the next one of it, by
 * operation and body, and gets its answer. For one file of a test program, behind cmocka.h.
 */
#pragma once

#include "tests/unit/support/fixed_aws.h"
#include "tests/unit/support/manual_clock.h"

#include <stdio.h>

struct exchange {
    const char *operation;
    const char *body;   /* what has to be sent; NULL: not looked at */
    const char *answer; /* NULL: {} */
    const char *code;   /* an error with this code and status 400 instead */
};
#define LOST "(lost)" /* as the code: carried out or not, no answer came */

static const struct exchange *script;
static size_t script_length, script_at;
static int64_t answer_takes_ms; /* of the manual clock, each */

static int fixed_answer(
    const struct aws_call *call, struct arena *arena, struct wire_message *response, struct err *err)
{
    (void)arena;
    struct str name = call->op->name, body = call->request.body;
    if (script_at == script_length)
        fail_msg("unexpected %.*s %.*s", STR_ARG(name), STR_ARG(body));
    const struct exchange *next = &script[script_at++];
    if (!str_eqz(name, next->operation) || (next->body && !str_eqz(body, next->body)))
        fail_msg("expected %s %s, got %.*s %.*s", next->operation, next->body ? next->body : "",
            STR_ARG(name), STR_ARG(body));
    manual_clock_advance(answer_takes_ms);
    if (next->code && !strcmp(next->code, LOST)) {
        err_set(err, ERR_NETWORK, "the connection was closed without an answer");
        err->lost = true;
        return -1;
    }
    *response = (struct wire_message){
        .status = next->code ? 400 : 200, .body = str_z(next->answer ? next->answer : "{}")};
    if (!next->code && (!call->accept || !call->accept(call->accept_ctx, response, err)))
        return 0;
    if (!next->code) {
        err->lost = true;
        return -1;
    }
    err_set(err, ERR_SERVICE, "%s: %s", next->code, next->answer ? next->answer : "");
    snprintf(err->code, sizeof err->code, "%s", next->code);
    err->http_status = 400;
    return -1;
}

static void play(const struct exchange *exchanges, size_t n)
{
    script = exchanges;
    script_length = n;
    script_at = 0;
}
#define PLAY(...)                                                                                            \
    do {                                                                                                     \
        static const struct exchange exchanges_[] = {__VA_ARGS__};                                           \
        play(exchanges_, sizeof exchanges_ / sizeof *exchanges_);                                            \
    } while (0)
#define PLAYED() assert_int_equal(script_at, script_length)
