/* What a directory's resource remembers, and what leads from one folder to another. */
#include "base/buf.h"
#include "provider/aws/s3/s3.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* "a:1 b:2": names and hashes, sorted. */
static struct manifest manifest(const char *text)
{
    AUTO_BUILDER struct value_builder files = VALUE_BUILDER(&arena);
    struct str rest = str_z(text), hash;
    while (rest.p && rest.n) {
        struct str name = str_cut(str_cut(rest, ' ', &rest), ':', &hash);
        value_builder_set(&files, name, value_string(&arena, hash));
    }
    struct manifest out;
    manifest_read(&arena, value_builder_map(&files), NULL, &out);
    return out;
}

static void assert_names(const struct str *names, size_t n, const char *expected)
{
    AUTO_BUF struct buf text = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        buf_addf(&text, "%s%.*s", i ? " " : "", STR_ARG(names[i]));
    assert_string_equal(text.n ? text.p : "", expected);
}

static void assert_change(const char *from, const char *to, bool all, const char *send, const char *drop)
{
    struct manifest_change change;
    struct manifest a = manifest(from), b = manifest(to);
    manifest_compare(&arena, &a, &b, all, &change);
    assert_names(change.send, change.send_count, send);
    assert_names(change.drop, change.drop_count, drop);
}

static void test_compare(void **state)
{
    (void)state;
    assert_change("", "", false, "", "");
    assert_change("", "a:1 b/c:2", false, "a b/c", "");
    assert_change("a:1 b/c:2", "", false, "", "a b/c");
    assert_change("a:1 b:2 d:4 e:5", "a:1 b:3 c:1 e:5 f:6", false, "b c f", "d");
    assert_change("a:1 b:2", "a:1 b:2", false, "", "");
    assert_change("a:1 z:2", "a:1 b:2", true, "a b", "z");
    assert_change("a:etag:9", "a:1", false, "a", "");
}

static void test_joined(void **state)
{
    (void)state;
    struct manifest_change change;
    struct manifest from = manifest("0:0 b:2 d:4 z:9"), to = manifest("a:1 b:3 c:1");
    manifest_compare(&arena, &from, &to, false, &change);
    struct manifest all = manifest_joined(&arena, &to, &from, &change);
    struct str names[8];
    for (size_t i = 0; i < all.n; i++)
        names[i] = all.files[i].name;
    assert_names(names, all.n, "0 a b c d z");
    assert_true(str_eqz(manifest_find(&all, STR("b"))->sha256, "3"));
    assert_true(str_eqz(manifest_find(&all, STR("z"))->sha256, "9"));
    assert_null(manifest_find(&all, STR("y")));
}

static void test_kept(void **state)
{
    (void)state;
    struct manifest some = manifest("a:1 b:2 c:3"), read;
    const struct value *files, *seen;
    manifest_mark(some.files[0].mark, STR("etag-a"), 5);
    manifest_mark(some.files[2].mark, STR("etag-c"), 7);
    some.files[1].sha256 = STR_EMPTY; /* not there any more */
    manifest_write(&arena, &some, &files, &seen);
    assert_int_equal(files->count, 2);
    assert_int_equal(seen->string.n, 32);
    manifest_read(&arena, files, seen, &read);
    assert_int_equal(read.n, 2);
    assert_true(str_eqz(read.files[1].name, "c"));
    assert_memory_equal(read.files[1].mark, some.files[2].mark, MANIFEST_MARK);
    /* size and tag both count */
    unsigned char other[MANIFEST_MARK];
    manifest_mark(other, STR("etag-c"), 8);
    assert_memory_not_equal(other, some.files[2].mark, MANIFEST_MARK);
    manifest_mark(other, STR("etag-d"), 7);
    assert_memory_not_equal(other, some.files[2].mark, MANIFEST_MARK);
    /* marks that do not belong to these files say nothing */
    const char *const broken[] = {"", "AAAA", "not base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        manifest_read(&arena, files, value_stringz(&arena, broken[i]), &read);
        assert_false(manifest_is_marked(&read.files[0]));
        assert_true(str_eqz(read.files[0].sha256, "1"));
    }
    manifest_read(&arena, &value_null, NULL, &read);
    assert_int_equal(read.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_kept),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
