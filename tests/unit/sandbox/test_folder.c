/* The folder's lock and key; how commands use them is in tests/e2e/sandbox/test_access.py. */
#include "sandbox/folder.h"

#include "base/file.h"
#include "tests/unit/support/temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_a_key_is_made_once(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct sandbox_key one, again, other;
    struct stat st;
    const char *first, *second;
    assert_int_equal(folder_open(&a, temp_path(&a, "one"), &first, &err), 0);
    assert_int_equal(folder_open(&a, temp_path(&a, "two"), &second, &err), 0);
    assert_int_equal(folder_key(&a, first, false, &one, &err), 0);
    assert_int_equal(folder_key(&a, first, true, &again, &err), 0);
    assert_int_equal(folder_key(&a, second, false, &other, &err), 0);
    assert_true(str_eq(one.access_key, again.access_key) && str_eq(one.secret_key, again.secret_key));
    assert_false(str_eq(one.access_key, other.access_key) || str_eq(one.secret_key, other.secret_key));
    const char *key = path_join(&a, str_z(first), STR("key")).p;
    assert_int_equal(stat(key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(key, 0604), 0);
    assert_int_equal(folder_key(&a, first, false, &again, &err), -1);
    assert_non_null(strstr(err.message, "is not yours alone"));
}

static void test_others_may_not_write(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const char *dir, *open = temp_path(&a, "open");
    struct stat st;
    assert_int_equal(mkdir(open, 0700) || chmod(open, 0770), 0);
    assert_int_equal(folder_open(&a, open, &dir, &err), -1);
    assert_non_null(strstr(err.message, "others may write in"));
    assert_int_equal(file_write_atomic(path_join(&a, str_z(open), STR("lock")).p, STR(""), 0600, &err), 0);
    assert_int_equal(folder_open(&a, open, &dir, &err), 0); /* one of an earlier version is closed */
    assert_int_equal(stat(open, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(chmod(open, 01777), 0); /* a place for everybody's resources stays one */
    assert_int_equal(folder_open(&a, open, &dir, &err), -1);
}

/* Whoever does not get the lock leaves alone what stands in it. */
static void test_the_address_is_the_holder_s(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str text;
    const char *dir;
    int held, other;
    assert_int_equal(folder_open(&a, temp_path(&a, "locked"), &dir, &err), 0);
    assert_int_equal(folder_lock(dir, &held, &err), 0);
    folder_announce(held, STR("http://127.0.0.1:1"), true);
    assert_int_equal(folder_lock(dir, &other, &err), -1);
    assert_int_equal(err.class, ERR_LOCKED);
    folder_announce(other, STR_EMPTY, false);
    assert_int_equal(file_read(&a, path_join(&a, str_z(dir), STR("lock")).p, 0, &text, &err), 0);
    assert_true(str_starts(text, STR("http://127.0.0.1:1\n")));
    assert_true(folder_is_temporary(dir));
    assert_int_equal(sandbox_served(&a, dir).n, 0); /* nobody answers there */
    folder_announce(held, STR_EMPTY, false);
    close(held);
    assert_int_equal(unlink(path_join(&a, str_z(dir), STR("lock")).p), 0);
    assert_int_equal(symlink("/etc/hostname", path_join(&a, str_z(dir), STR("lock")).p), 0);
    assert_int_equal(folder_lock(dir, &held, &err), -1); /* no link is followed to be emptied */
    assert_int_equal(err.class, ERR_IO);
}

/* Many use it, and one ends it only when nobody does. */
static void test_whoever_ends_it_is_alone(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const char *dir;
    int one, two, alone;
    assert_int_equal(folder_open(&a, temp_path(&a, "used"), &dir, &err), 0);
    assert_int_equal(folder_use(dir, false, &one, &err), 0);
    assert_int_equal(folder_use(dir, false, &two, &err), 0);
    close(one);
    assert_int_equal(folder_use(dir, true, &alone, &err), 0);
    assert_int_equal(alone, -1);
    close(two);
    assert_int_equal(folder_use(dir, true, &alone, &err), 0);
    assert_true(alone >= 0);
    close(alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_made_once),
        cmocka_unit_test(test_others_may_not_write),
        cmocka_unit_test(test_the_address_is_the_holder_s),
        cmocka_unit_test(test_whoever_ends_it_is_alone),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
