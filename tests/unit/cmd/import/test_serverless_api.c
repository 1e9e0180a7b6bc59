#include "cmd/import/serverless.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_routes_as_arns_have_them(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"post", "/orders", "POST/orders"},
        {"GET", "/orders/{id}", "GET/orders/*"}, {"any", "/{proxy+}", "*/*"},
        {"put", "/a/{b}/c/{d}", "PUT/a/*/c/*"}, {"get", "/odd{", "GET/odd{"}, {"", "", "$default"}};
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str arn = serverless_route_arn(&arena, str_z(cases[i][0]), str_z(cases[i][1]));
        assert_string_equal(arena_strz(&arena, arn), cases[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_routes_as_arns_have_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
