/* Which types a column may become without its values being rewritten. */
#include "provider/postgres/postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *from, *to;
    bool widens;
} cases[] = {
    {"character varying(5)", "character varying(9)", true},
    {"character varying(9)", "character varying(5)", false},
    {"character varying(9)", "character varying", true},
    {"character varying", "character varying(9)", false},
    {"character varying(9)", "text", true},
    {"text", "character varying", true},
    {"text", "character varying(9)", false},
    {"smallint", "integer", true},
    {"smallint", "bigint", true},
    {"bigint", "integer", false},
    {"integer", "numeric", true},
    {"integer", "numeric(5,0)", false},
    {"integer", "text", false},
    {"integer", "double precision", false},
    {"real", "double precision", true},
    {"double precision", "real", false},
    {"numeric(5,2)", "numeric(9,2)", true},
    {"numeric(5,2)", "numeric(9,3)", false},
    {"numeric(5,2)", "numeric(4,2)", false},
    {"numeric(5,2)", "numeric", true},
    {"numeric", "numeric(5,2)", false},
    {"numeric(5,0)", "numeric(9)", true},
    {"bit varying(3)", "bit varying(5)", true},
    {"bit(3)", "bit(5)", false},
    {"date", "timestamp with time zone", false},
    {"character(3)", "text", false},
};

static void test_widening(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (type_widens(str_z(cases[i].from), str_z(cases[i].to)) != cases[i].widens)
            fail_msg("%s to %s", cases[i].from, cases[i].to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widening)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
