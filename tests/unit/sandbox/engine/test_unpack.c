#include "sandbox/engine/script.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_uris_and_names(void **state)
{
    (void)state;
    struct object_location place;
    struct arena arena = ARENA_INIT;
    assert_true(unpack_parse_uri(STR("s3a://lake/scripts/a/../x.py"), &place));
    assert_true(str_eqz(place.bucket, "lake") && str_eqz(place.key, "scripts/a/../x.py"));
    assert_false(unpack_parse_uri(STR("s3://lake"), &place));
    assert_false(unpack_parse_uri(STR("s3://lake/"), &place));
    assert_false(unpack_parse_uri(STR("/etc/passwd"), &place));
    assert_string_equal(unpack_name(&arena, STR("scripts/x.py")).p, "x.py");
    assert_string_equal(unpack_name(&arena, STR("a/..")).p, "file");
    assert_string_equal(unpack_name(&arena, STR("a/")).p, "file");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uris_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
