/* What is embedded is what lies in the source tree. Run where that is. */
#include "base/embed.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_texts(void **state)
{
    (void)state;
    static const char *const folders[] = {"provider/aws/specs/", "modules/", "examples/film-lake/"};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        size_t n;
        const struct embedded_file *files = embedded_under(str_z(folders[f]), &n);
        assert_true(n > 2);
        for (size_t i = 0; i < n; i++) {
            AUTO_ARENA struct arena arena = ARENA_INIT;
            struct err err = ERR_INIT;
            struct str text = embedded_text(&files[i]), content;
            assert_int_equal(
                file_read(&arena, arena_strz(&arena, files[i].path), 1 << 20, &content, &err), 0);
            assert_true(str_eq(text, content));
            assert_int_equal(text.p[text.n], '\0');
        }
    }
}

static void test_find(void **state)
{
    (void)state;
    const struct embedded_file *file = embedded_find(STR("provider/aws/specs/s3.yaml"));
    assert_non_null(file);
    assert_ptr_equal(embedded_text(file).p, embedded_text(file).p);
    assert_null(embedded_find(STR("provider/aws/specs/s3")));
    assert_null(embedded_find(STR("no/such.yaml")));
    assert_null(embedded_find(STR("")));
    assert_null(embedded_find(STR("zzz")));
    size_t all, n;
    const struct embedded_file *files = embedded_under(STR(""), &all);
    for (size_t i = 0; i < all; i++)
        assert_ptr_equal(embedded_find(files[i].path), &files[i]);
    embedded_under(STR("zzz"), &n);
    assert_int_equal(n, 0);
}

static void test_line(void **state)
{
    const char *file = "sandbox/names/unserved.txt";
    (void)state;
    assert_true(str_eqz(embedded_line(file, STR("ec2 StopInstances")), "Hibernate"));
    assert_int_equal(embedded_line(file, STR("ec2 StopInstance")).n, 0);
    assert_int_equal(embedded_line("no/such.txt", STR("ec2")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts), cmocka_unit_test(test_find), cmocka_unit_test(test_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
