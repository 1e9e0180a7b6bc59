#include "provider/weir/requirements.h"

#include "base/buf.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void files_are_found_in_any_spelling(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
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
    static const char *const names[] = {
        "base.txt", "close.txt", "more/a.txt", "b.txt", "c#.txt", "d.txt", "e.txt"};
    struct str rest = str_z(text), file;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(requirements_next(&arena, &rest, &file));
        assert_string_equal(arena_strz(&arena, file), names[i]);
    }
    assert_false(requirements_next(&arena, &rest, &file));
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
    struct str text, again;
    assert_non_null(mkdtemp(dir));
    struct str below = path_join(&arena, str_z(dir), STR("below"));
    assert_int_equal(dir_make(below.p, &err), 0);
    write_file(&arena, dir, "main.txt", "-r below/a.txt\n-r main.txt\n-c gone.txt\nmain\n");
    write_file(&arena, dir, "below/a.txt", "-r b.txt\n-r ../main.txt\n-r ../below/b.txt\n");
    write_file(&arena, dir, "below/b.txt", "-r a.txt\ntiny==1\n");
    struct str path = path_join(&arena, str_z(dir), STR("main.txt"));
    assert_int_equal(requirements_read(&arena, path, &text, &err), 0);
    assert_true(str_find(text, STR("tiny==1"), (size_t)str_find(text, STR("tiny==1"), 0) + 1) < 0);
    write_file(&arena, dir, "below/b.txt", "-r a.txt\ntiny==2\n");
    assert_int_equal(requirements_read(&arena, path, &again, &err), 0);
    assert_false(str_eq(text, again));
    assert_int_equal(requirements_read(&arena, path_join(&arena, below, STR("gone.txt")), &text, &err), -1);
    assert_int_equal(err.class, ERR_IO);
    const char *const made[] = {"below/a.txt", "below/b.txt", "main.txt", "below", ""};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        remove(path_join(&arena, str_z(dir), str_z(made[i])).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_found_in_any_spelling),
        cmocka_unit_test(named_files_count_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
