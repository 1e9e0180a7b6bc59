/* Messages as they come in pieces, by lines and with headers; what they are, and what waits. */
#include "cmd/rpc/rpc.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST = 64 };

struct pair {
    struct rpc rpc;
    int to, from;
};

static void pair_make(struct pair *pair, bool lines)
{
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    *pair = (struct pair){.rpc.channel = {.in = in[0], .out = out[1], .lines = lines, .max = MOST},
        .to = in[1],
        .from = out[0]};
}

static void pair_say(struct pair *pair, const char *text)
{
    assert_int_equal(write(pair->to, text, strlen(text)), (ssize_t)strlen(text));
}

static void pair_end(struct pair *pair)
{
    fd_close_ptr(&pair->to);
    close(pair->from);
    close(pair->rpc.channel.in);
    close(pair->rpc.channel.out);
    rpc_release(&pair->rpc);
}

static void next_is(struct pair *pair, const char *text)
{
    struct str got;
    assert_int_equal(channel_next(&pair->rpc.channel, &got), CHANNEL_MESSAGE);
    assert_true(str_eqz(got, text));
}

static void lines_are_messages(void **state)
{
    (void)state;
    struct pair pair;
    struct str text;
    pair_make(&pair, true);
    pair_say(&pair, "{}\n\r\n\n[1]\r\n{\"a\"");
    next_is(&pair, "{}");
    assert_true(channel_waiting(&pair.rpc.channel));
    next_is(&pair, "[1]");
    pair_say(&pair, ":2}\n");
    next_is(&pair, "{\"a\":2}");
    assert_false(channel_waiting(&pair.rpc.channel));
    pair_say(&pair, "half");
    close(pair.to);
    pair.to = -1;
    assert_int_equal(channel_next(&pair.rpc.channel, &text), CHANNEL_BROKEN);
    pair_end(&pair);
}

static void headers_have_a_length(void **state)
{
    (void)state;
    struct pair pair;
    struct str text;
    pair_make(&pair, false);
    pair_say(&pair, "Content-Length: 2\r\n\r\n{}content-length:3\r\nX: y\r\n\r\n[1]");
    next_is(&pair, "{}");
    next_is(&pair, "[1]");
    pair_say(&pair, "Content-Length: 65\r\n\r\n");
    assert_int_equal(channel_next(&pair.rpc.channel, &text), CHANNEL_BROKEN);
    pair_end(&pair);
}

static void a_long_line_is_refused(void **state)
{
    (void)state;
    struct pair pair;
    struct str text;
    char line[MOST + 2];
    memset(line, '1', MOST);
    line[MOST] = '\n';
    line[MOST + 1] = '\0';
    pair_make(&pair, true);
    pair_say(&pair, line);
    assert_int_equal(channel_next(&pair.rpc.channel, &text), CHANNEL_MESSAGE);
    assert_int_equal(text.n, MOST);
    pair_say(&pair, "1");
    pair_say(&pair, line);
    assert_int_equal(channel_next(&pair.rpc.channel, &text), CHANNEL_BROKEN);
    assert_string_equal(pair.rpc.channel.wrong, "a message is too long");
    pair_end(&pair);
}

static void what_waits_can_be_looked_at(void **state)
{
    (void)state;
    struct pair pair;
    struct err err = ERR_INIT;
    const struct value *id;
    struct str method;
    pair_make(&pair, true);
    pair_say(&pair, "{\"id\":1,\"method\":\"a\"}\n{\"id\":2,\"method\":\"p\"}\n"
                    "{\"method\":\"c\",\"params\":{\"of\":1}}\n{\"id\":3,\"method\":\"p\"}\n");
    assert_true(rpc_fill(&pair.rpc, &err));
    while (pair.rpc.n < 4)
        assert_true(rpc_fill(&pair.rpc, &err));
    struct rpc_message *first = rpc_take_early(&pair.rpc, "a");
    assert_int_equal(rpc_kind_of(&pair.rpc, first, &id, &method), RPC_REQUEST);
    assert_true(str_eqz(method, "a") && rpc_is_cancelled(&pair.rpc, id, "c", "of"));
    assert_false(rpc_is_cancelled(&pair.rpc, id, "c", "by"));
    for (int64_t n = 2; n <= 3; n++) { /* the last one is taken out of the end of the queue */
        struct rpc_message *early = rpc_take_early(&pair.rpc, "p");
        assert_int_equal(rpc_kind_of(&pair.rpc, early, &id, &method), RPC_REQUEST);
        assert_int_equal(id->integer, n);
        rpc_message_free(early);
    }
    assert_null(rpc_take_early(&pair.rpc, "p"));
    pair_say(&pair, "{\"id\":4,\"method\":\"z\"}\n");
    assert_true(rpc_fill(&pair.rpc, &err));
    assert_int_equal(pair.rpc.n, 2);
    rpc_message_free(first);
    pair_end(&pair);
}

static void answers_are_lines(void **state)
{
    (void)state;
    struct pair pair;
    char got[512];
    struct rpc_message none = {.err.message = "why"};
    const struct value *id;
    struct str method;
    pair_make(&pair, true);
    assert_int_equal(rpc_kind_of(&pair.rpc, &none, &id, &method), RPC_BROKEN);
    rpc_result(&pair.rpc, &value_true, STR("[]"));
    rpc_fail_with(&pair.rpc, NULL, 7, "a\nb", STR("{}"));
    ssize_t n = read(pair.from, got, sizeof got - 1);
    assert_true(n > 0);
    got[n] = '\0';
    assert_string_equal(got,
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"why\"}}\n"
        "{\"jsonrpc\":\"2.0\",\"id\":true,\"result\":[]}\n"
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":7,\"message\":\"a\\nb\",\"data\":{}}}\n");
    pair_end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_messages),
        cmocka_unit_test(headers_have_a_length),
        cmocka_unit_test(a_long_line_is_refused),
        cmocka_unit_test(what_waits_can_be_looked_at),
        cmocka_unit_test(answers_are_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
