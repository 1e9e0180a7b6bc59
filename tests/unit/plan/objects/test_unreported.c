/* Fields within attributes that cannot be read back: kept as hashes in their places, and compared by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "plan/objects/objects.h"

static struct arena arena;

static const struct type text = {.kind = TYPE_STRING};
static const struct attr fields[] = {
    {.name = STR_INIT("user"), .type = &text, .settable = true},
    {.name = STR_INIT("password"), .type = &text, .settable = true, .write_only = true},
};
static const struct type login = {.kind = TYPE_OBJECT, .fields = fields, .field_count = 2};
static const struct type list = {.kind = TYPE_LIST, .elem = &login}, set = {.kind = TYPE_SET, .elem = &login},
                         map = {.kind = TYPE_MAP, .elem = &login};

static const struct value *json(const char *s)
{
    const struct value *v;
    struct err err = ERR_INIT;
    assert_int_equal(json_parse(&arena, str_z(s), &v, &err), 0);
    return v;
}

#define A       "{\"user\":\"a\",\"password\":\"1\"}"
#define B       "{\"user\":\"b\",\"password\":\"2\"}"
#define B_OTHER "{\"user\":\"b\",\"password\":\"3\"}"

static const struct {
    const struct type *type;
    const char *wanted, *other, *live;
} cases[] = {
    {&login, B, B_OTHER, "{\"user\":\"b\",\"more\":1}"},
    {&list, "[" A "," B "]", "[" A "," B_OTHER "]", "[{\"user\":\"a\"},{\"user\":\"b\"}]"},
    {&set, "[" A "," B "]", "[" A "," B_OTHER "]", "[{\"user\":\"b\"},{\"user\":\"a\"}]"},
    {&map, "{\"x\":" A ",\"y\":" B "}", "{\"x\":" A ",\"y\":" B_OTHER "}",
        "{\"x\":{\"user\":\"a\"},\"y\":{\"user\":\"b\"}}"},
};

static bool shows(const struct value *v, const char *what)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    return str_find(buf_str(&out), str_z(what), 0) >= 0;
}

static void a_hash_in_its_place_tells_whether_it_is_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct type *type = cases[i].type;
        const struct value *live = json(cases[i].live), *wanted = json(cases[i].wanted),
                           *whole = unreported_completed(&arena, type, wanted, live),
                           *kept = unreported_hashed(&arena, type, whole);
        assert_true(shows(whole, "\"password\":\"2\""));
        assert_true(shows(kept, "$hash") && !shows(kept, "\"password\":\"2\""));
        assert_false(unreported_differs(type, wanted, live, kept));
        assert_true(unreported_differs(type, json(cases[i].other), live, kept));
        assert_true(unreported_differs(type, wanted, live, live)); /* it was not given then */
        assert_true(value_equal(unreported_removed(&arena, type, kept), live));
        assert_true(value_equal(unreported_hashed(&arena, type, kept), kept));
    }
}

/* What the service tells after all is compared like anything else. */
static void what_is_reported_is_not_looked_for_in_the_record(void **state)
{
    (void)state;
    const struct value *live = json(B);
    assert_false(unreported_differs(&login, json(B), live, unreported_hashed(&arena, &login, live)));
    assert_false(unreported_differs(&login, json(B_OTHER), live, NULL));
    assert_true(value_equal(unreported_completed(&arena, &login, json(B_OTHER), live), live));
}

static void nothing_of_the_kind_stays_as_it_is(void **state)
{
    (void)state;
    const struct value *v = json("{\"user\":\"a\"}");
    assert_ptr_equal(unreported_completed(&arena, &login, v, v), v);
    assert_ptr_equal(unreported_hashed(&arena, &login, v), v);
    assert_false(unreported_differs(&login, v, v, NULL));
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_in_its_place_tells_whether_it_is_the_same),
        cmocka_unit_test(what_is_reported_is_not_looked_for_in_the_record),
        cmocka_unit_test(nothing_of_the_kind_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
