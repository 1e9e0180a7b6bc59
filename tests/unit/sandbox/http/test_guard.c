/* Which hosts and origins are let in; tests/e2e/sandbox/test_access.py has more of them, over the wire. */
#include "sandbox/http/server.h"

#include "base/arena.h"
#include "sandbox/http/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int status_of(const struct guard *guard, const char *host, const char *name, const char *value)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct wire_message request = {0};
    if (host)
        wire_header_add(&arena, &request, STR("Host"), str_z(host));
    if (name)
        wire_header_add(&arena, &request, str_z(name), str_z(value));
    const struct fault *fault = guard_check(guard, &request);
    return fault ? fault->status : 200;
}

static void test_hosts(void **state)
{
    (void)state;
    const struct str names[] = {STR_INIT("class.local")};
    const struct guard closed = {0}, named = {.hosts = names, .host_count = 1}, open = {.any_address = true};
    static const struct {
        const char *host;
        int closed, named, open;
    } rows[] = {{"localhost:4566", 200, 200, 200}, {"films.LOCALHOST", 200, 200, 200},
        {"127.9.9.9", 200, 200, 200}, {"[::1]:1", 200, 200, 200}, {"class.local", 403, 200, 403},
        {"a.b.Class.Local:9", 403, 200, 403}, {"xclass.local", 403, 403, 403}, {"10.0.0.1", 403, 403, 200},
        {"[fe80::1]", 403, 403, 200}, {"10.0.0.1.evil.example", 403, 403, 403}, {"xlocalhost", 403, 403, 403},
        {"localhost.evil.example", 403, 403, 403}, {"", 403, 403, 403}, {"a b", 403, 403, 403},
        {"localhost/..", 403, 403, 403}, {NULL, 400, 400, 400}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(status_of(&closed, rows[i].host, NULL, NULL), rows[i].closed);
        assert_int_equal(status_of(&named, rows[i].host, NULL, NULL), rows[i].named);
        assert_int_equal(status_of(&open, rows[i].host, NULL, NULL), rows[i].open);
    }
    assert_int_equal(status_of(&closed, "localhost", "host", "localhost"), 400); /* two of them */
}

static void test_pages(void **state)
{
    (void)state;
    const struct guard guard = {0};
    static const struct {
        const char *name, *value;
        int status;
    } rows[] = {{"Origin", "http://localhost:4566", 200}, {"origin", "http://LOCALHOST:4566", 200},
        {"Origin", "http://localhost", 403}, {"Origin", "https://localhost:4566", 403},
        {"Origin", "null", 403}, {"Origin", "", 403}, {"Origin", "http://127.0.0.1:4566", 403},
        {"Sec-Fetch-Site", "none", 200}, {"Sec-Fetch-Site", "same-origin", 200},
        {"sec-fetch-site", "same-site", 403}, {"Sec-Fetch-Site", "cross-site", 403},
        {"Sec-Fetch-Site", "what comes next", 403}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(status_of(&guard, "localhost:4566", rows[i].name, rows[i].value), rows[i].status);
}

/* Where a request ends has to be beyond doubt. */
static void test_framing(void **state)
{
    (void)state;
    static const struct {
        const char *headers[4];
        bool sure;
    } rows[] = {{{"Content-Length", "5"}, true}, {{"transfer-encoding", "Chunked"}, true},
        {{"X-A", ""}, true}, {{"Content-Length", "5", "Content-Length", "6"}, false},
        {{"Content-Length", "5", "content-length", "5"}, false},
        {{"Transfer-Encoding", "chunked", "Content-Length", "5"}, false},
        {{"Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"}, false},
        {{"Transfer-Encoding", "gzip, chunked"}, false}, {{"Transfer-Encoding", "identity"}, false},
        {{"Content-Length", "+5"}, false}, {{"Content-Length", "5, 5"}, false},
        {{"Content-Length", ""}, false}, {{"Content-Length", "-1"}, false}, {{"Host ", "localhost"}, false},
        {{" Host", "localhost"}, false}, {{"Content-Length ", "5"}, false},
        {{"Transfer-Encoding\t", "chunked"}, false}, {{"", "x"}, false}, {{"X\"Y", "x"}, false},
        {{"X\xc3\xa4", "x"}, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct wire_message request = {0};
        wire_header_add(&arena, &request, STR("Host"), STR("localhost"));
        for (size_t k = 0; k < 4 && rows[i].headers[k]; k += 2)
            wire_header_add(&arena, &request, str_z(rows[i].headers[k]), str_z(rows[i].headers[k + 1]));
        const struct fault *fault = guard_framing(&request);
        assert_int_equal(!fault, rows[i].sure);
        assert_true(!fault || fault->status == 400);
    }
}

static void test_labels(void **state)
{
    (void)state;
    const struct str names[] = {STR_INIT("class.local")};
    const struct guard guard = {.hosts = names, .host_count = 1};
    assert_true(str_eqz(guard_label(&guard, STR("films.s3.localhost:4566")), "films.s3"));
    assert_true(str_eqz(guard_label(&guard, STR("films.class.local")), "films"));
    assert_int_equal(guard_label(&guard, STR("class.local:1")).n, 0);
    assert_int_equal(guard_label(&guard, STR("127.0.0.1")).n, 0);
    assert_int_equal(guard_label(&guard, STR("films.evil.example")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_framing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
