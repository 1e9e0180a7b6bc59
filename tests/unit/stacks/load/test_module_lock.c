#include "stacks/load/module_lock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static int release(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct module_source parsed(const char *text)
{
    struct module_source source;
    struct err err = ERR_INIT;
    if (module_source_parse(&arena, str_z(text), &source, &err))
        fail_msg("%s: %s", text, err.message);
    return source;
}

static void test_what_is_remote(void **state)
{
    (void)state;
    assert_true(module_source_is_remote(STR("git::https://h/r")));
    assert_true(module_source_is_remote(STR("s3://b/k")));
    assert_false(module_source_is_remote(STR("./net")));
    assert_false(module_source_is_remote(STR("builtin/glue-job")));
    assert_false(module_source_is_remote(STR("git@h:r")));
}

static void test_repositories(void **state)
{
    (void)state;
    struct module_source s = parsed("git::https://h.example/a/lake.git//zones/raw/?ref=v1.2");
    assert_string_equal(s.url.p, "https://h.example/a/lake.git");
    assert_true(str_eqz(s.dir, "zones/raw") && str_eqz(s.ref, "v1.2") && str_eqz(s.name, "lake"));
    s = parsed("git::git@h.example:a/lake.git//zones");
    assert_string_equal(s.url.p, "git@h.example:a/lake.git");
    assert_true(str_eqz(s.dir, "zones") && !s.ref.n && str_eqz(s.name, "lake"));
    s = parsed("git::git@h.example:lake.git");
    assert_true(!s.dir.n && str_eqz(s.name, "lake"));
    s = parsed("git::ssh://git@h.example:2222/~ada/lake?ref=feature/x");
    assert_string_equal(s.url.p, "ssh://git@h.example:2222/~ada/lake");
    assert_true(str_eqz(s.ref, "feature/x"));
    s = parsed("git::file:///srv/git/lake.git");
    assert_true(s.kind == MODULE_GIT && str_eqz(s.name, "lake"));
    s = parsed("git::http://127.0.0.1:8000/lake");
    assert_string_equal(s.url.p, "http://127.0.0.1:8000/lake");
}

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_archives(void **state)
{
    (void)state;
    struct module_source s = parsed("https://h.example/net-1.0.tar.gz//net?checksum=sha256:" DIGITS);
    assert_true(s.kind == MODULE_HTTPS && str_eqz(s.checksum, DIGITS) && str_eqz(s.name, "net-1.0"));
    s = parsed("s3://modules/a/..b/ne\xc3\xa4t.zip//x?region=eu-west-1");
    assert_true(str_eqz(s.bucket, "modules") && str_eqz(s.key, "a/..b/ne\xc3\xa4t.zip"));
    assert_true(str_eqz(s.region, "eu-west-1") && str_eqz(s.dir, "x") && str_eqz(s.name, "ne--t"));
    s = parsed("s3://modules/..zip");
    assert_true(s.name.n && s.name.p[0] != '.');
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"git::", "git::-x", "git::lake", "git::ext::x", "git::https://",
        "git::ftp://h/r", "git::file://h/r", "git::ssh://", "git::ssh://-x/r", "git::a@-x:r",
        "git::https://u@h/r", "git::ssh://u:p@h/r", "git::https://h/r?ref=", "git::https://h/r?ref=-x",
        "git::https://h/r?ref=a..b", "git::https://h/r?ref=a^", "git::https://h/r?depth=1",
        "git::https://h/r//..", "git::https://h/r//a//b", "git::https://h/r//a/./b", "git::http://h/r",
        "git::https://h/\tr", "https://h/a.zip", "https://h/a.zip?checksum=sha256:12",
        "http://h/a.zip?checksum=sha256:" DIGITS, "s3://", "s3://b", "s3://b/", "s3://b/k?ref=v1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct module_source source;
        struct err err = ERR_INIT;
        if (!module_source_parse(&arena, str_z(bad[i]), &source, &err))
            fail_msg("%s is taken", bad[i]);
        assert_int_equal(err.class, ERR_INVALID);
    }
}

static void test_commits(void **state)
{
    (void)state;
    assert_true(module_is_commit(STR(DIGITS)));
    assert_true(module_is_commit(str_n(DIGITS, 40)));
    assert_false(module_is_commit(str_n(DIGITS, 12)));
    assert_false(module_is_commit(STR("0123456789ABCDEF0123456789abcdef01234567")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_remote),
        cmocka_unit_test(test_repositories),
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_commits),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
