#include "provider/weir/weir.h"

#include "base/buf.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct named {
    enum requirement_kind kind;
    const char *text;
};

static void expect_named(const char *text, const struct named *named, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str rest = str_z(text), found;
    enum requirement_kind kind;
    for (size_t i = 0; i < n; i++) {
        assert_true(requirements_next(&arena, &rest, &kind, &found));
        assert_string_equal(arena_strz(&arena, found), named[i].text);
        assert_int_equal(kind, named[i].kind);
    }
    assert_false(requirements_next(&arena, &rest, &kind, &found));
}

static void files_are_found_in_any_spelling(void **state)
{
    (void)state;
    static const char text[] = "tiny==1.0\n"
                               "-r base.txt\n"
                               "-rclose.txt  # a comment\n"
                               "  --requirement more/a.txt\r\n"
                               "--requirement=b.txt\n"
                               "-c \\\n  c#.txt\n"
                               "--constraint\td.txt\n"
                               "# -r no.txt\n"
                               "tiny # -r no.txt\n"
                               "--requirements no.txt\n"
                               "-r https://host/no.txt\n"
                               "--no-index\n"
                               "-r\n"
                               "-c e.txt\\";
    static const struct named named[] = {{REQUIREMENT_FILE, "base.txt"}, {REQUIREMENT_FILE, "close.txt"},
        {REQUIREMENT_FILE, "more/a.txt"}, {REQUIREMENT_FILE, "b.txt"}, {REQUIREMENT_FILE, "c#.txt"},
        {REQUIREMENT_FILE, "d.txt"}, {REQUIREMENT_FILE, "e.txt"}};
    expect_named(text, named, sizeof named / sizeof *named);
}

static void places_are_found_in_any_spelling(void **state)
{
    (void)state;
    static const char text[] = "-f wheels\n"
                               "-fwheels\n"
                               "--find-links=../my wheels # here\n"
                               "--find-links https://host/no\n"
                               "-f file:///opt/wheels\n"
                               "./a\n"
                               ".\n"
                               "/a/b.whl --hash=sha256:0\n"
                               "b.whl ; python_version > '3'\n"
                               "libs/b[c,d]\n"
                               "b[c] @ file:///b/b.whl\n"
                               "b@file:///b\n"
                               "b @ https://host/b.whl\n"
                               "b @ git+file:///b\n"
                               "b>=1.0,<2; sys_platform == 'linux'\n"
                               "--index-url https://host/simple\n"
                               "--trusted-host host/x\n"
                               "-e ./editable\n";
    static const struct named named[] = {{REQUIREMENT_LINKS, "wheels"}, {REQUIREMENT_LINKS, "wheels"},
        {REQUIREMENT_LINKS, "../my wheels"}, {REQUIREMENT_LINKS, "file:///opt/wheels"},
        {REQUIREMENT_PACKAGE, "./a"}, {REQUIREMENT_PACKAGE, "."}, {REQUIREMENT_PACKAGE, "/a/b.whl"},
        {REQUIREMENT_PACKAGE, "b.whl"}, {REQUIREMENT_PACKAGE, "libs/b"},
        {REQUIREMENT_PACKAGE, "file:///b/b.whl"}, {REQUIREMENT_PACKAGE, "file:///b"},
        {REQUIREMENT_PACKAGE, "file:///b"}};
    expect_named(text, named, sizeof named / sizeof *named);
}

static void write_file(struct arena *arena, const char *dir, const char *name, const char *text)
{
    struct err err = ERR_INIT;
    assert_int_equal(
        file_write_atomic(path_join(arena, str_z(dir), str_z(name)).p, str_z(text), 0600, &err), 0);
}

static void named_files_count_once_each(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    char dir[] = "/tmp/requirements.XXXXXX";
    struct err err = ERR_INIT;
    struct requirements said, again;
    assert_non_null(mkdtemp(dir));
    struct str below = path_join(&arena, str_z(dir), STR("below"));
    assert_int_equal(dir_make(below.p, &err), 0);
    write_file(&arena, dir, "main.txt", "-r below/a.txt\n-r main.txt\n-c gone.txt\nmain\n");
    write_file(&arena, dir, "below/a.txt", "-r b.txt\n-r ../main.txt\n-r ../below/b.txt\n");
    write_file(&arena, dir, "below/b.txt", "-r a.txt\ntiny==1\n");
    struct str path = path_join(&arena, str_z(dir), STR("main.txt"));
    assert_int_equal(requirements_read(&arena, path, STR_EMPTY, &said, &err), 0);
    assert_true(str_find(said.text, STR("tiny==1"), (size_t)str_find(said.text, STR("tiny==1"), 0) + 1) < 0);
    write_file(&arena, dir, "below/b.txt", "-r a.txt\ntiny==2\n");
    assert_int_equal(requirements_read(&arena, path, STR_EMPTY, &again, &err), 0);
    assert_false(str_eq(said.text, again.text));
    assert_int_equal(
        requirements_read(&arena, path_join(&arena, below, STR("gone.txt")), STR_EMPTY, &said, &err), -1);
    assert_int_equal(err.class, ERR_IO);
    const char *const made[] = {"below/a.txt", "below/b.txt", "main.txt", "below", ""};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        remove(path_join(&arena, str_z(dir), str_z(made[i])).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_found_in_any_spelling),
        cmocka_unit_test(places_are_found_in_any_spelling),
        cmocka_unit_test(named_files_count_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
