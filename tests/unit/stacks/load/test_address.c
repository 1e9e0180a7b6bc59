#include "stacks/stack.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check_split(const char *text, const char *address, const char *key)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str got_address, got_key;
    bool good = address_split(&arena, str_z(text), &got_address, &got_key);
    assert_int_equal(good, address != NULL);
    if (!good)
        return;
    assert_true(str_eqz(got_address, address));
    assert_int_equal(got_key.p != NULL, key != NULL);
    if (key)
        assert_true(str_eqz(got_key, key));
}

static void splits(void **state)
{
    (void)state;
    check_split("lake", "lake", NULL);
    check_split("net/inner/sub-net_2", "net/inner/sub-net_2", NULL);
    check_split("inputs.owner", "inputs.owner", NULL);
    check_split("lake[\"a\"]", "lake", "a");
    check_split("net/lake[\"a/b ] \\\" \\u00e9\"]", "net/lake", "a/b ] \" é");
    check_split("lake[\"\"]", "lake", "");
    check_split("net[\"a\"]/lake", "net[\"a\"]/lake", NULL);
    check_split("net[\"a/[b]\"]/in[\"\\\"]/\"]/lake[\"k/l\"]", "net[\"a/[b]\"]/in[\"\\\"]/\"]/lake", "k/l");
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "1a", "-a", "a/", "/a", "a//b", "a.", "lake[", "lake[]",
        "lake[a]", "lake[0]", "lake['a']", "lake[\"a\"", "lake[\"a\"]x", "lake[\"a\", \"b\"]",
        "lake[\"a\"][\"b\"]", "[\"a\"]", "é", "net[\"a\"]/", "net[a]/lake", "net[\"a]/lake", "net[\"a\"/lake",
        "[\"a\"]/lake", "net[\"a\"]lake[\"b\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_split(bad[i], NULL, NULL);
}

static void instance_addresses_split_again(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const char *const keys[] = {"a", "", "with \"quotes\" and \\", "newline\n", "é", "]"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct value *key = value_stringz(&arena, keys[i]);
        struct str address = address_instance(&arena, STR("net/lake"), key), decl, back;
        assert_true(address_split(&arena, address, &decl, &back));
        assert_true(str_eqz(decl, "net/lake"));
        assert_true(str_eqz(back, keys[i]));
    }
    assert_true(str_eqz(address_instance(&arena, STR("lake"), NULL), "lake"));
    struct str address = address_instance(&arena, STR("lake"), value_stringz(&arena, "a"));
    assert_true(str_eqz(address, "lake[\"a\"]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),
        cmocka_unit_test(refuses),
        cmocka_unit_test(instance_addresses_split_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
