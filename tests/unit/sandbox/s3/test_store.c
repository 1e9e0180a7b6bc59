/* Objects on the disk: what replaces what, and what a kill between two steps leaves. */
#include "base/file.h"
#include "sandbox/s3/store.h"
#include "tests/unit/support/temp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct s3_store *store;
static const struct str bucket = STR_INIT("films");

static int open_store(void **state)
{
    struct err err = ERR_INIT;
    assert_int_equal(temp_folder_make(state), 0);
    assert_int_equal(store_open(temp_folder, true, &store, &err), 0);
    assert_int_equal(store_bucket_create(store, bucket, &value_empty_map), STORE_OK);
    return 0;
}

static int close_store(void **state)
{
    store_close(store);
    arena_release(&arena);
    return temp_folder_remove(state);
}

static struct object put(const char *key, const char *text, enum versioning versioning)
{
    struct pending pending;
    struct object object;
    struct err err = ERR_INIT;
    assert_int_equal(store_write_begin(store, &pending), 0);
    assert_int_equal(fd_write_all(pending.fd, text, strlen(text), &err, pending.path), 0);
    struct value_entry size = {STR("size"), value_int(&arena, (int64_t)strlen(text))};
    struct store_change change = {.bucket = bucket, .key = str_z(key), .versioning = versioning};
    assert_int_equal(
        store_object_put(&arena, store, &change, &pending, value_map(&arena, &size, 1), &object), STORE_OK);
    return object;
}

static void check(const char *key, struct str version, const char *wanted)
{
    struct object object;
    enum store_result result = store_object_read(&arena, store, bucket, str_z(key), version, true, &object);
    if (!wanted) {
        assert_true(result == STORE_NO_KEY || result == STORE_NO_VERSION || object.deleted);
        if (result == STORE_OK)
            close(object.fd);
        return;
    }
    char text[64];
    assert_int_equal(result, STORE_OK);
    assert_int_equal(object.size, strlen(wanted));
    ssize_t n = pread(object.fd, text, (size_t)object.size, 0);
    close(object.fd);
    assert_int_equal(n, object.size);
    assert_memory_equal(text, wanted, (size_t)n);
}

static bool count_one(void *ctx, const struct object *object)
{
    (void)object;
    ++*(int *)ctx;
    return true;
}

static int older(const char *key, struct str current_sort)
{
    int n = 0;
    store_versions(&arena, store, bucket, str_z(key), current_sort, count_one, &n);
    return n;
}

static enum store_result delete_it(const char *key, enum versioning versioning, struct str version)
{
    struct object gone;
    struct store_change change = {.bucket = bucket, .key = str_z(key), .versioning = versioning};
    return store_object_delete(&arena, store, &change, version, &gone);
}

static void test_plain(void **state)
{
    (void)state;
    put("a/b", "one", VERSIONING_OFF);
    struct object two = put("a/b", "two!", VERSIONING_OFF);
    check("a/b", STR_EMPTY, "two!");
    assert_int_equal(older("a/b", two.sort), 0);
    assert_int_equal(delete_it("a/b", VERSIONING_OFF, STR_EMPTY), STORE_OK);
    assert_int_equal(delete_it("a/b", VERSIONING_OFF, STR_EMPTY), STORE_NO_KEY);
    check("a/b", STR_EMPTY, NULL);
    assert_int_equal(store_bucket_delete(store, bucket), STORE_OK); /* no directory is left in it */
}

static void test_versions(void **state)
{
    (void)state;
    struct object one = put("k", "one", VERSIONING_ENABLED), two = put("k", "two!", VERSIONING_ENABLED);
    assert_true(str_cmp(two.sort, one.sort) < 0);
    check("k", one.version, "one");
    check("k", two.version, "two!");
    assert_int_equal(delete_it("k", VERSIONING_ENABLED, STR_EMPTY), STORE_OK);
    check("k", STR_EMPTY, NULL);
    check("k", two.version, "two!");
    assert_int_equal(store_bucket_delete(store, bucket), STORE_NOT_EMPTY);
    check("k", STR("00000000000000000000000000000000"), NULL);
    check("k", STR("../../../bucket.json"), NULL);
}

/* Killed after the old version was linked and before the new one came: the old one is there twice, and seen
 * once. */
static void test_killed_between(void **state)
{
    (void)state;
    struct object one = put("k", "one", VERSIONING_ENABLED);
    struct str from = arena_printf(&arena, "%s/s3/films/objects/k", temp_folder);
    struct str folder = arena_printf(&arena, "%s/s3/films/versions", temp_folder);
    struct str to = arena_printf(&arena, "%.*s/k/%.*s", STR_ARG(folder), STR_ARG(one.sort));
    assert_int_equal(mkdir(folder.p, 0700), 0);
    assert_int_equal(mkdir(arena_printf(&arena, "%.*s/k", STR_ARG(folder)).p, 0700), 0);
    assert_int_equal(link(from.p, to.p), 0);
    assert_int_equal(older("k", one.sort), 0);
    check("k", one.version, "one");
    struct object two = put("k", "two!", VERSIONING_ENABLED);
    assert_int_equal(older("k", two.sort), 1);
    assert_int_equal(delete_it("k", VERSIONING_ENABLED, two.version), STORE_OK);
    check("k", STR_EMPTY, "one");
    assert_int_equal(delete_it("k", VERSIONING_ENABLED, one.version), STORE_OK);
    check("k", STR_EMPTY, NULL);
    assert_int_equal(store_bucket_delete(store, bucket), STORE_OK);
}

/* A file that is no object of ours, or was cut short, is an error and nothing else. */
static void test_damaged(void **state)
{
    (void)state;
    struct object object;
    put("k", "content", VERSIONING_OFF);
    const char *path = arena_printf(&arena, "%s/s3/films/objects/k", temp_folder).p;
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (off_t n = st.st_size - 1; n >= 0; n--) {
        assert_int_equal(truncate(path, n), 0);
        assert_int_equal(
            store_object_read(&arena, store, bucket, STR("k"), STR_EMPTY, false, &object), STORE_FAILED);
    }
}

static bool collect(void *ctx, struct walk *walk, struct str key)
{
    (void)walk;
    buf_addf(ctx, "%.*s ", STR_ARG(key));
    return true;
}

static void test_walk(void **state)
{
    (void)state;
    static const char *const keys[] = {"b", "a/b", "a", "a-b", "a/", "a0", "ab/c", "a/b/c"};
    AUTO_BUF struct buf found = BUF_INIT;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(keys[i], "x", VERSIONING_OFF);
    struct walk walk = {
        .prefix = STR_EMPTY, .after = STR_EMPTY, .skip = STR_EMPTY, .found = collect, .ctx = &found};
    store_walk(store, bucket, &walk);
    assert_string_equal(found.p, "a a-b a/ a/b a/b/c a0 ab/c b ");
    buf_clear(&found);
    walk.prefix = STR("a/");
    walk.after = STR("a/b");
    store_walk(store, bucket, &walk);
    assert_string_equal(found.p, "a/b/c ");
}

/* What cannot be listed is not taken for what is not there: here a folder in whose place a link leads to
 * itself. */
static void test_unreadable(void **state)
{
    (void)state;
    char folder[512], aside[520];
    AUTO_BUF struct buf found = BUF_INIT;
    struct walk walk = {
        .prefix = STR_EMPTY, .after = STR_EMPTY, .skip = STR_EMPTY, .found = collect, .ctx = &found};
    put("a/b", "one", VERSIONING_ENABLED);
    struct object two = put("a/b", "two", VERSIONING_ENABLED);
    static const char *const areas[] = {"objects/a%", "versions/a%", "objects"};
    int n = 0;
    for (size_t i = 0; i < sizeof areas / sizeof *areas; i++) {
        snprintf(folder, sizeof folder, "%s/s3/films/%s", temp_folder, areas[i]);
        snprintf(aside, sizeof aside, "%s.aside", folder);
        assert_int_equal(rename(folder, aside), 0);
        assert_int_equal(symlink(folder, folder), 0);
        walk.failed = false;
        assert_int_equal(store_walk(store, bucket, &walk), i == 1 ? STORE_OK : STORE_FAILED);
        assert_int_equal(store_versions(&arena, store, bucket, STR("a/b"), two.sort, count_one, &n),
            i == 1 ? STORE_FAILED : STORE_OK);
        assert_int_not_equal(store_bucket_delete(store, bucket), STORE_OK);
        assert_int_equal(delete_it("a/b", VERSIONING_ENABLED, two.version), STORE_FAILED);
        assert_int_equal(unlink(folder), 0);
        assert_int_equal(rename(aside, folder), 0);
    }
    check("a/b", two.version, "two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_versions, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_killed_between, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_damaged, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_walk, open_store, close_store),
        cmocka_unit_test_setup_teardown(test_unreadable, open_store, close_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
