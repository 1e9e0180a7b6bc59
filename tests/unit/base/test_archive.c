#include "base/archive.h"

#include "base/file.h"
#include "tests/unit/support/temp_folder.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char zip[300], dir[300];

static int setup(void **state)
{
    if (temp_folder_make(state))
        return -1;
    snprintf(zip, sizeof zip, "%s/a.zip", temp_folder);
    snprintf(dir, sizeof dir, "%s/in/dir", temp_folder);
    return 0;
}

struct item {
    const char *name, *content; /* of links their target */
    unsigned type;
};
static la_int64_t sparse; /* size of files that are one hole after their content; 0: they are none */

/* Packs these and unpacks them again. */
static int unpacked_as(
    int set_format(struct archive *), const struct item *items, size_t n, int64_t most, struct err *err)
{
    struct archive *a = archive_write_new();
    char inner[512];
    snprintf(inner, sizeof inner, "%s/in", temp_folder);
    tree_remove(inner);
    assert_int_equal(dir_make(dir, err), 0);
    set_format(a);
    archive_write_open_filename(a, zip);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, items[i].name);
        archive_entry_set_filetype(entry, items[i].type);
        archive_entry_set_perm(entry, items[i].type == AE_IFREG ? 0755 : 0777);
        if (items[i].type == AE_IFLNK)
            archive_entry_set_symlink(entry, items[i].content);
        else
            archive_entry_set_size(entry, (la_int64_t)strlen(items[i].content));
        if (sparse) {
            archive_entry_set_size(entry, sparse);
            archive_entry_sparse_add_entry(entry, 0, (la_int64_t)strlen(items[i].content));
        }
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        if (items[i].type == AE_IFREG)
            archive_write_data(a, items[i].content, strlen(items[i].content));
        archive_entry_free(entry);
    }
    archive_write_free(a);
    return unpack_archive(zip, dir, most, err);
}

static int unpacked(const struct item *items, size_t n, int64_t most, struct err *err)
{
    return unpacked_as(archive_write_set_format_zip, items, n, most, err);
}

static void test_files_folders_and_modes(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct item items[] = {{"bootstrap", "#!/bin/sh\n", AE_IFREG}, {"lib/", "", AE_IFDIR},
        {"lib/deep/er/m.py", "x = 1\n", AE_IFREG}, {"lib/same.py", "deep/er/m.py", AE_IFLNK}};
    assert_int_equal(unpacked(items, 4, 1000, &err), 0);
    char path[512];
    struct stat info;
    snprintf(path, sizeof path, "%s/bootstrap", dir);
    assert_int_equal(access(path, X_OK), 0);
    snprintf(path, sizeof path, "%s/lib/same.py", dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 6);
}

static void test_nothing_leaves_the_folder(void **state)
{
    (void)state;
    const struct item wrong[] = {{"../out", "x", AE_IFREG}, {"a/../../out", "x", AE_IFREG},
        {"/tmp/weir-test-unpack-out", "x", AE_IFREG}, {"out", "../..", AE_IFLNK}, {"out", "/etc", AE_IFLNK},
        {"a/b/..", "", AE_IFDIR}, {"a/b/l", "../../..", AE_IFLNK}, {"a/l", "../b/../../x", AE_IFLNK},
        {"a/./l", "../../x", AE_IFLNK}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = ERR_INIT;
        char path[512];
        assert_int_equal(unpacked(&wrong[i], 1, 1000, &err), -1);
        assert_non_null(strstr(err.message, "the archive's entry"));
        snprintf(path, sizeof path, "%s/in/out", temp_folder);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access("/tmp/weir-test-unpack-out", F_OK), -1);
    }
}

/* A link to a folder inside is fine, but nothing is written through one. */
static void test_no_way_through_links(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct item items[] = {
        {"real/", "", AE_IFDIR}, {"link", "real", AE_IFLNK}, {"link/file", "x", AE_IFREG}};
    assert_int_equal(unpacked(items, 3, 1000, &err), -1);
    assert_non_null(strstr(err.message, "is below something that is not a folder"));
}

/* As package managers make them: up to where the folders above the link are, then down. */
static void test_links_within(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char path[512];
    const struct item items[] = {{"pkg/cli.js", "x", AE_IFREG}, {"bin/cli", "../pkg/cli.js", AE_IFLNK},
        {"a/b/c", "../../pkg", AE_IFLNK}, {"a/top", "..", AE_IFLNK}, {"here", ".", AE_IFLNK}};
    assert_int_equal(unpacked(items, sizeof items / sizeof *items, 1000, &err), 0);
    snprintf(path, sizeof path, "%s/a/b/c/cli.js", dir);
    assert_int_equal(access(path, F_OK), 0);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    const struct item wrong[] = {{"null", "", AE_IFCHR}, {"disk", "", AE_IFBLK}, {"pipe", "", AE_IFIFO}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(unpacked_as(archive_write_set_format_pax, &wrong[i], 1, 1000, &err), -1);
        assert_non_null(strstr(err.message, "is neither a file nor a folder"));
    }
    struct err err = ERR_INIT;
    const struct item both[] = {{"a/x", "x", AE_IFREG}, {"a", "x", AE_IFREG}};
    assert_int_equal(unpacked(both, 2, 1000, &err), -1);
    assert_non_null(strstr(err.message, "is a folder and a file at once"));
    const struct item below[] = {{"a", "x", AE_IFREG}, {"a/x", "x", AE_IFREG}};
    assert_int_equal(unpacked(below, 2, 1000, &err), -1);
    assert_non_null(strstr(err.message, "is below something that is not a folder"));
}

/* Refused before anything is written, or of the size that it says. */
static void test_sparse_files(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct stat info;
    char path[512];
    const struct item item = {"hole", "x", AE_IFREG};
    sparse = 5000;
    assert_int_equal(unpacked_as(archive_write_set_format_pax, &item, 1, 5000, &err), 0);
    snprintf(path, sizeof path, "%s/hole", dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, 5000);
    sparse = INT64_C(1) << 50;
    assert_int_equal(unpacked_as(archive_write_set_format_pax, &item, 1, 5000, &err), -1);
    sparse = 0;
    assert_non_null(strstr(err.message, "larger than allowed"));
    assert_int_equal(access(path, F_OK), -1);
}

/* A tar archive may name files in any bytes; so may this file system. */
static void test_names_in_other_encodings(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char path[512];
    const struct item item = {"caf\xe9", "x", AE_IFREG};
    const struct item wrong = {"caf\xe9\x1b[2J/../../x", "x", AE_IFREG};
    assert_int_equal(unpacked_as(archive_write_set_format_ustar, &item, 1, 1000, &err), 0);
    snprintf(path, sizeof path, "%s/caf\xe9", dir);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unpacked_as(archive_write_set_format_ustar, &wrong, 1, 1000, &err), -1);
    assert_string_equal(
        err.message, "the archive's entry \"caf??[2J/../../x\" would be outside of the folder");
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    char name[256], longer[300];
    const struct item items[] = {{name, "x", AE_IFREG}, {longer, "x", AE_IFREG}};
    for (size_t i = 0; i < 200; i += 2)
        memcpy(name + i, "d/", 2);
    strcpy(name + 200, "x");
    snprintf(longer, sizeof longer, "d/%s", name);
    assert_int_equal(unpacked(items, 1, 1000, &err), 0);
    assert_int_equal(unpacked(items, 2, 1000, &err), -1);
    assert_non_null(strstr(err.message, "is nested too deep"));
}

static void test_size_is_bounded(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const struct item items[] = {{"a", "12345", AE_IFREG}, {"b", "12345", AE_IFREG}};
    assert_int_equal(unpacked(items, 2, 10, &err), 0);
    assert_int_equal(unpacked(items, 2, 9, &err), -1);
    assert_non_null(strstr(err.message, "larger than allowed"));
}

static void test_what_is_no_archive(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_int_equal(file_write_atomic(zip, STR("print('hello')\n"), 0600, &err), 0);
    assert_int_equal(unpack_archive(zip, dir, 1000, &err), -1);
    assert_non_null(strstr(err.message, "a.zip"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_folders_and_modes),
        cmocka_unit_test(test_nothing_leaves_the_folder),
        cmocka_unit_test(test_no_way_through_links),
        cmocka_unit_test(test_links_within),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_sparse_files),
        cmocka_unit_test(test_names_in_other_encodings),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_what_is_no_archive),
    };
    return cmocka_run_group_tests(tests, setup, temp_folder_remove);
}
