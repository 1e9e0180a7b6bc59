/* Configured providers: which kind a name means, and what a kind need not have. */
#include "provider/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int opened, closed;

static int open_failing(
    const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    (void)arena, (void)self;
    opened++;
    return err_set(err, ERR_INVALID, "\"%.*s\" has no key", STR_ARG(options->name));
}

static void close_counted(void *self)
{
    (void)self;
    closed++;
}

static const struct provider_kind plain = {.name = "plain"},
                                  failing = {.name = "failing", .open = open_failing, .close = close_counted};
static const struct provider_kind *const items[] = {&plain, &failing, NULL};
static const struct provider_kinds kinds = {.items = items};

static int open_named(const char *name, struct provider **out, struct err *err)
{
    const struct provider_options options = {
        .kinds = &kinds, .name = str_z(name), .config = &value_empty_map};
    return provider_new(&options, out, err);
}

/* Also within a module. */
static void names(void **state)
{
    (void)state;
    static const char *const all[] = {"plain", "plain.second", "net/plain", "net[\"a\"]/plain.third"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct provider *provider;
        struct err err = ERR_INIT;
        assert_int_equal(open_named(all[i], &provider, &err), 0);
        assert_ptr_equal(provider_kind_of(provider), &plain);
        assert_true(str_eqz(provider_name(provider), all[i]));
        provider_free(provider);
    }
}

static void a_name_of_no_kind(void **state)
{
    (void)state;
    struct provider *provider;
    struct err err = ERR_INIT;
    assert_int_equal(open_named("plian.x", &provider, &err), -1);
    assert_string_equal(err.message, "no provider is called \"plian.x\"");
    assert_string_equal(err.hint, "did you mean \"plain\"?");
}

static void a_kind_with_nothing_but_types(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct provider *provider;
    struct err err = ERR_INIT;
    const struct schema schema = {.name = STR("plain.thing")};
    const struct value *place = &value_null, *list;
    assert_int_equal(open_named("plain", &provider, &err), 0);
    assert_null(provider_self(provider));
    assert_null(provider_aws(provider));
    assert_int_equal(provider_location(provider, &schema, true, &arena, &place, &err), 0);
    assert_null(place);
    assert_null(provider_location_difference(provider, &schema, NULL, NULL));
    assert_int_equal(provider_list_owned(provider, &arena, STR("s"), &list, &err), 0);
    assert_int_equal(list->count, 0);
    assert_false(provider_is_store(provider, NULL));
    provider_free(provider);
}

/* What was not opened is not closed. */
static void a_provider_that_does_not_open(void **state)
{
    (void)state;
    struct provider *provider;
    struct err err = ERR_INIT;
    assert_int_equal(open_named("failing.east", &provider, &err), -1);
    assert_string_equal(err.message, "\"failing.east\" has no key");
    assert_int_equal(opened, 1);
    assert_int_equal(closed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(a_name_of_no_kind),
        cmocka_unit_test(a_kind_with_nothing_but_types),
        cmocka_unit_test(a_provider_that_does_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
