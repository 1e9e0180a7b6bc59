#include "base/file.h"

#include "base/clock.h"
#include "tests/unit/support/temp_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void writes_and_reads(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const char *path = temp_path(&a, "f");
    struct str back;
    assert_int_equal(file_write_atomic(path, STR("one\0two"), 0600, &err), 0);
    assert_int_equal(file_read(&a, path, 0, &back, &err), 0);
    assert_true(str_eq(back, STR("one\0two")));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(file_read(&a, path, 3, &back, &err), -1);
    assert_int_equal(err.class, ERR_IO);
}

/* In the place of the system's: a disk may only then find that it is full. */
static int sync_fails;

int fsync(int fd)
{
    (void)fd;
    errno = sync_fails;
    return sync_fails ? -1 : 0;
}

static void says_why_nothing_was_written(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const char *path = temp_path(&a, "not-yet");
    sync_fails = ENOSPC;
    assert_int_equal(file_write_atomic(path, STR("x"), 0600, &err), -1);
    sync_fails = 0;
    assert_non_null(strstr(err.message, "No space left on device"));
    assert_false(path_exists(path));
    assert_int_equal(file_write_atomic(temp_folder, STR("x"), 0600, &err), -1);
    assert_non_null(strstr(err.message, "Is a directory"));
}

static void says_what_cannot_be_read(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str back;
    assert_int_equal(file_read(&a, "/nonexistent/file", 0, &back, &err), -1);
    assert_string_equal(err.message, "cannot read /nonexistent/file: No such file or directory");
    assert_int_equal(file_read(&a, temp_folder, 0, &back, &err), -1);
    assert_non_null(strstr(err.message, "Is a directory"));
    assert_int_equal(file_read(&a, "/proc/self/status", 0, &back, &err), 0); /* no size known beforehand */
    assert_true(back.n > 100);
}

static void makes_folders_with_parents(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const char *deep = temp_path(&a, "x/y/z");
    assert_int_equal(dir_make(deep, &err), 0);
    assert_int_equal(dir_make(deep, &err), 0);
    assert_true(path_is_dir(deep));
    const char *file = temp_path(&a, "plain");
    assert_int_equal(file_write_atomic(file, STR("x"), 0600, &err), 0);
    assert_int_equal(dir_make(path_join(&a, str_z(file), STR("below")).p, &err), -1);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void leaves_to_the_umask_who_may_read(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const char *path = temp_path(&a, "page.html");
    mode_t before = umask(077);
    assert_int_equal(file_write_atomic(path, STR("x"), 0644, &err), 0);
    assert_int_equal(mode_of(path), 0600);
    umask(022);
    assert_int_equal(file_write_atomic(path, STR("y"), 0644, &err), 0); /* somebody may have closed it */
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(file_write_atomic(path, STR("y"), 0755, &err), 0);
    assert_int_equal(mode_of(path), 0744);
    assert_int_equal(file_write_atomic(path, STR("z"), 0600, &err), 0);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(file_write_atomic(temp_path(&a, "page-for-all"), STR("x"), 0644, &err), 0);
    assert_int_equal(mode_of(temp_path(&a, "page-for-all")), 0644);
    umask(before);
}

/* Whoever needs it first, and whatever the umask is: it has secrets, which nobody reads and no git takes. */
static void makes_its_own_folder_for_the_owner_alone(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str text;
    mode_t before = umask(0);
    assert_int_equal(dir_make(temp_path(&a, "open/.weir/sandbox"), &err), 0);
    assert_int_equal(dir_make_private(temp_path(&a, "open/alone"), &err), 0);
    umask(before);
    assert_int_equal(mode_of(temp_path(&a, "open")), 0777);
    assert_int_equal(mode_of(temp_path(&a, "open/.weir")), 0700);
    assert_int_equal(mode_of(temp_path(&a, "open/alone")), 0700);
    assert_int_equal(file_read(&a, temp_path(&a, "open/.weir/.gitignore"), 0, &text, &err), 0);
    assert_true(str_eqz(text, "*\n"));
    assert_int_equal(file_read(&a, temp_path(&a, "open/alone/.gitignore"), 0, &text, &err), 0);
    assert_int_equal(file_write_atomic(temp_path(&a, "plain.weir"), STR("x"), 0600, &err), 0);
    assert_int_equal(dir_make_private(temp_path(&a, "plain.weir"), &err), -1); /* a file has the name */
    assert_non_null(strstr(err.message, "plain.weir: Not a directory"));
    assert_int_equal(dir_make_private(temp_path(&a, "nowhere/x"), &err), -1);
    size_t entries = 0;
    DIR *dir = opendir(temp_path(&a, "open"));
    while (readdir(dir))
        entries++;
    closedir(dir);
    assert_int_equal(entries, 4); /* nothing half made is left */
}

static void removes_folders_and_links_but_not_where_they_lead(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const char *tree = temp_path(&a, "tree");
    const char *kept = temp_path(&a, "kept");
    assert_int_equal(dir_make(path_join(&a, str_z(tree), STR("x/y")).p, &err), 0);
    assert_int_equal(dir_make(kept, &err), 0);
    assert_int_equal(file_write_atomic(path_join(&a, str_z(kept), STR("f")).p, STR("x"), 0600, &err), 0);
    assert_int_equal(file_write_atomic(path_join(&a, str_z(tree), STR("x/y/f")).p, STR("x"), 0600, &err), 0);
    assert_int_equal(symlink(kept, path_join(&a, str_z(tree), STR("x/link")).p), 0);
    tree_remove(tree);
    assert_false(path_exists(tree));
    assert_true(path_exists(path_join(&a, str_z(kept), STR("f")).p));
}

/* What somebody has locked in it, as package managers do, is no reason to stay. */
static void removes_folders_that_may_not_be_changed(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    static const mode_t modes[] = {0500, 0300, 0600, 0000};
    static const uid_t nobody = 65534; /* root may do all anyway */
    uid_t before = geteuid();
    char folder[] = "/tmp/weir-locked-XXXXXX";
    assert_true(before || !seteuid(nobody));
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        const char *tree = arena_printf(&a, "%s/tree", folder).p, *inner = arena_printf(&a, "%s/a/b", tree).p;
        assert_int_equal(dir_make(arena_printf(&a, "%s/c/d", inner).p, &err), 0);
        assert_int_equal(file_write_atomic(arena_printf(&a, "%s/f", inner).p, STR("x"), 0400, &err), 0);
        assert_int_equal(file_write_atomic(arena_printf(&a, "%s/c/d/f", inner).p, STR("x"), 0, &err), 0);
        assert_int_equal(chmod(inner, modes[i]), 0);
        assert_int_equal(chmod(arena_printf(&a, "%s/a", tree).p, modes[i]), 0);
        tree_remove(tree);
        assert_false(path_exists(tree));
    }
    assert_int_equal(dir_make(arena_printf(&a, "%s/kept/tree", folder).p, &err), 0);
    assert_int_equal(chmod(arena_printf(&a, "%s/kept", folder).p, 0500), 0);
    tree_remove(arena_printf(&a, "%s/kept/tree", folder).p); /* it is not its folder's master */
    assert_true(path_exists(arena_printf(&a, "%s/kept/tree", folder).p));
    tree_remove(folder);
    assert_false(path_exists(folder));
    assert_true(before || !seteuid(0));
}

/* /dev/stdout is a link to what is perhaps no file: whoever may do so would otherwise put a file in its
 * place. */
static void writes_to_what_is_no_file(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct stat st;
    char said[16] = "";
    const char *file = temp_path(&a, "named"), *link = temp_path(&a, "link"), *fifo = temp_path(&a, "fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink(fifo, link), 0);
    AUTO_FD int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(file_write_named(link, STR("one"), 0600, &err), 0);
    assert_int_equal(read(reader, said, sizeof said), 3);
    assert_string_equal(said, "one");
    assert_true(!lstat(link, &st) && S_ISLNK(st.st_mode));
    assert_true(!lstat(fifo, &st) && S_ISFIFO(st.st_mode));

    assert_int_equal(file_write_named(file, STR("two"), 0600, &err), 0);
    assert_int_equal(unlink(link) || symlink(file, link), 0);
    assert_int_equal(file_write_named(link, STR("three"), 0600, &err), 0);
    assert_true(!lstat(link, &st) && S_ISLNK(st.st_mode));
    struct str text;
    assert_int_equal(file_read(&a, file, 0, &text, &err), 0);
    assert_string_equal(text.p, "three");
    assert_int_equal(file_write_named(temp_folder, STR("four"), 0600, &err), -1);
    assert_non_null(strstr(err.message, "directory"));
    assert_int_equal(unlink(file) || unlink(link) || unlink(fifo), 0);
}

static void splits_paths(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    assert_true(str_eq(path_dir(STR("a/b/c")), STR("a/b")));
    assert_true(str_eq(path_dir(STR("c")), STR(".")));
    assert_true(str_eq(path_dir(STR("/c")), STR("/")));
    assert_true(str_eq(path_base(STR("a/b/c")), STR("c")));
    assert_true(str_eq(path_join(&a, STR("a"), STR("/abs")), STR("/abs")));
    assert_true(str_eq(path_join(&a, STR("a/"), STR("b")), STR("a/b")));
}

static void leads_from_folder_to_folder(void **state)
{
    static const char *const ways[][3] = {{"/", "/", "."}, {"/", "/tmp", "tmp"}, {"/usr/bin", "/usr", ".."},
        {"/usr", "/usr/bin", "bin"}, {"/usr/lib", "/usr/bin/../bin", "../bin"}, {"/usr/", "/", ".."},
        {"/no such folder", "/", ".."}, {"/usr/none/", "/usr/none/below", "below"},
        {"/usr/bin/none/here", "/usr/lib", "../../../lib"},
        {"/usr/none", "/dev/null/no folder", "../../dev/null/no folder"}};
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        assert_string_equal(path_between(&arena, str_z(ways[i][0]), str_z(ways[i][1])).p, ways[i][2]);
}

static void times_go_both_ways(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    int64_t ms = 0;
    assert_true(time_parse_rfc3339(STR("2026-11-21T11:30:00.5+02:00"), &ms));
    assert_true(str_eq(time_rfc3339(&a, ms, true), STR("2026-11-21T09:30:00.500Z")));
    char basic[17];
    time_iso_basic(ms, basic);
    assert_string_equal(basic, "20261121T093000Z");
    int64_t http = 0;
    assert_true(time_parse_http(STR("Sat, 21 Nov 2026 09:30:00 GMT"), &http));
    assert_true(http == ms - 500);
    assert_true(time_parse_rfc3339(STR("2026-11-21T09:30:00.500+0000"), &ms)); /* as Lambda writes it */
    assert_true(str_eq(time_rfc3339(&a, ms, true), STR("2026-11-21T09:30:00.500Z")));
    assert_false(time_parse_rfc3339(STR("2026-11-21T09:30:00+00"), &ms));
    assert_false(time_parse_rfc3339(STR("2026-11-21"), &ms));
    assert_false(time_parse_rfc3339(STR("2026-02-30T09:30:00Z"), &ms)); /* there is no such day */
    assert_true(time_parse_rfc3339(STR("2016-12-31T23:59:60Z"), &ms));
    assert_false(time_parse_rfc3339(STR("2026-11-21T09:30:00"), &ms));
}

static void reads_all_that_comes_as_far_as_it_may(void **state)
{
    (void)state;
    int ends[2];
    struct err err = ERR_INIT;
    AUTO_BUF struct buf all = BUF_INIT;
    AUTO_BUF struct buf little = {.max = 4};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(fd_write_all(ends[1], "one two", 7, &err, "a pipe"), 0);
        close(ends[1]);
        assert_int_equal(fd_read_all(ends[0], round ? &little : &all, &err, "a pipe"), 0);
        close(ends[0]);
    }
    assert_string_equal(all.p, "one two");
    assert_true(little.overflow);
    assert_int_equal(fd_read_all(ends[1], &all, &err, "a closed pipe"), -1);
    assert_non_null(strstr(err.message, "cannot read a closed pipe"));
}

/* Nothing is waited for that may never come. */
static void only_regular_files_are_opened(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str text;
    const char *file = temp_path(&a, "regular"), *fifo = temp_path(&a, "pipe"),
               *link = temp_path(&a, "to-pipe");
    assert_int_equal(mkfifo(fifo, 0600) || symlink(fifo, link), 0);
    for (int i = 0; i < 2; i++) {
        err = (struct err)ERR_INIT;
        assert_int_equal(file_open(i ? link : fifo, O_RDONLY, &err), -1);
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(err.message, "it is a named pipe"));
        assert_int_equal(file_check(i ? link : fifo, NULL), -1);
        assert_int_equal(file_read(&a, i ? link : fifo, 0, &text, &err), -1);
    }
    assert_int_equal(file_open("/dev/zero", O_RDONLY, &err), -1);
    assert_non_null(strstr(err.message, "it is a device"));
    assert_int_equal(file_open(temp_path(&a, ""), O_RDONLY, &err), -1);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(file_open(file, O_RDONLY, &err), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(file_check(file, NULL), 0);
    AUTO_FD int made = file_open(file, O_RDWR | O_CREAT, &err);
    AUTO_FD int null = file_open("/dev/null", O_RDONLY, &err);
    assert_true(made >= 0 && null >= 0);
    assert_int_equal(file_read(&a, "/dev/null", 0, &text, &err) || text.n, 0);
    assert_int_equal(file_read(&a, "/proc/self/status", 0, &text, &err), 0); /* regular, of no size */
    assert_true(text.n > 0);
    assert_int_equal(unlink(file) || unlink(fifo) || unlink(link), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(says_why_nothing_was_written),
        cmocka_unit_test(says_what_cannot_be_read),
        cmocka_unit_test(makes_folders_with_parents),
        cmocka_unit_test(makes_its_own_folder_for_the_owner_alone),
        cmocka_unit_test(leaves_to_the_umask_who_may_read),
        cmocka_unit_test(removes_folders_that_may_not_be_changed),
        cmocka_unit_test(removes_folders_and_links_but_not_where_they_lead),
        cmocka_unit_test(reads_all_that_comes_as_far_as_it_may),
        cmocka_unit_test(writes_to_what_is_no_file),
        cmocka_unit_test(splits_paths),
        cmocka_unit_test(leads_from_folder_to_folder),
        cmocka_unit_test(times_go_both_ways),
        cmocka_unit_test(only_regular_files_are_opened),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, temp_folder_remove);
}
