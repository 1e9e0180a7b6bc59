/* Files are read once, and whatever may have changed them is noticed. */
#include "base/digests.h"
#include "base/file.h"
#include "tests/unit/support/temp_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;

static int tear_down(void **state)
{
    arena_release(&arena);
    return temp_folder_remove(state);
}

static struct file_id write_file(const char *name, const char *text)
{
    struct err err = ERR_INIT;
    struct stat st;
    assert_int_equal(file_write_atomic(temp_path(&arena, name), str_z(text), 0600, &err), 0);
    assert_int_equal(stat(temp_path(&arena, name), &st), 0);
    return file_id_of(&st);
}

/* What a digest of an earlier second looks like: nothing of this test is old enough by itself. */
static int64_t later_ms(const struct file_id *id)
{
    return id->changed_ns / 1000000 + 5000;
}

static void test_reads_files(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct file_id id;
    unsigned char sha[SHA256_SIZE], expected[SHA256_SIZE];
    struct file_id written = write_file("a", "hello");
    AUTO_FD int fd = open(temp_path(&arena, "a"), O_RDONLY | O_CLOEXEC);
    hash_sha256(STR("hello"), expected);
    assert_int_equal(digests_of_file(NULL, fd, "a", &id, sha, &err), 0);
    assert_memory_equal(sha, expected, sizeof sha);
    assert_true(file_id_equal(&id, &written));
    AUTO_FD int dir = open(temp_folder, O_RDONLY | O_CLOEXEC);
    assert_int_equal(digests_of_file(NULL, dir, "here", &id, sha, &err), -1);
    assert_string_equal(err.message, "cannot read \"here\": Is a directory");
}

static void test_remembered(void **state)
{
    (void)state;
    unsigned char fake[SHA256_SIZE] = {1, 2, 3}, sha[SHA256_SIZE];
    struct err err = ERR_INIT;
    struct file_id id = write_file("b", "hello"), seen;
    struct digests *digests = digests_new(temp_folder);
    assert_false(digests_find(digests, &id, sha));
    digests_remember(digests, &id, later_ms(&id), fake);
    /* the file is not read: that would give its true digest */
    AUTO_FD int fd = open(temp_path(&arena, "b"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(digests_of_file(digests, fd, "b", &seen, sha, &err), 0);
    assert_memory_equal(sha, fake, sizeof sha);
    digests_free(digests);
    /* nor in the next process */
    digests = digests_new(temp_folder);
    assert_true(digests_find(digests, &id, sha));
    assert_memory_equal(sha, fake, sizeof sha);
    struct file_id others[] = {id, id, id, id, id};
    others[0].size++, others[1].modified_ns++, others[2].changed_ns++, others[3].inode++, others[4].device++;
    for (int i = 0; i < 5; i++)
        assert_false(digests_find(digests, &others[i], sha));
    digests_free(digests);
}

/* Changed within the same tick of the file system's clock, a file would look as it did when it was read. */
static void test_too_fresh(void **state)
{
    (void)state;
    unsigned char sha[SHA256_SIZE] = {0};
    struct digests *digests = digests_new(NULL);
    struct file_id id = {.inode = 1, .size = 5, .modified_ns = 7000000001, .changed_ns = 7000000001};
    digests_remember(digests, &id, 7010, sha);
    assert_false(digests_find(digests, &id, sha));
    digests_remember(digests, &id, 5000, sha); /* the clock was put back since */
    assert_false(digests_find(digests, &id, sha));
    digests_remember(digests, &id, 7021, sha);
    assert_true(digests_find(digests, &id, sha));
    id =
        (struct file_id){.inode = 2, .modified_ns = 7000000000, .changed_ns = 7000000000}; /* whole seconds */
    digests_remember(digests, &id, 8500, sha);
    assert_false(digests_find(digests, &id, sha));
    digests_remember(digests, &id, 9001, sha);
    assert_true(digests_find(digests, &id, sha));
    digests_free(digests);
}

static void test_many(void **state)
{
    (void)state;
    unsigned char sha[SHA256_SIZE] = {0};
    struct file_id id = {.size = 5};
    struct digests *digests = digests_new(temp_folder);
    for (id.inode = 0; id.inode < 5000; id.inode++) {
        memcpy(sha, &id.inode, sizeof id.inode);
        digests_remember(digests, &id, 10000, sha);
    }
    digests_free(digests);
    digests = digests_new(temp_folder);
    for (id.inode = 0; id.inode < 5000; id.inode++) {
        assert_true(digests_find(digests, &id, sha));
        assert_memory_equal(sha, &id.inode, sizeof id.inode);
    }
    digests_free(digests);
}

static void test_damaged(void **state)
{
    (void)state;
    unsigned char sha[SHA256_SIZE] = {0};
    struct file_id id = {.inode = 1};
    struct err err = ERR_INIT;
    struct str text;
    const char *path = temp_path(&arena, "cache/digests");
    unlink(path); /* what the other tests left would only take time */
    struct digests *digests = digests_new(temp_folder);
    digests_remember(digests, &id, 10000, sha);
    digests_free(digests);
    assert_int_equal(file_read(&arena, path, 0, &text, &err), 0);
    for (size_t i = 0; i < text.n; i += 5) {
        char *copy = arena_strz(&arena, text);
        copy[i] ^= 1;
        assert_int_equal(file_write_atomic(path, str_n(copy, text.n), 0600, &err), 0);
        digests = digests_new(temp_folder);
        assert_false(digests_find(digests, &id, sha));
        digests_free(digests);
        assert_int_equal(file_write_atomic(path, str_slice(text, 0, i), 0600, &err), 0);
        digests = digests_new(temp_folder);
        assert_false(digests_find(digests, &id, sha));
        digests_free(digests);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_files),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_too_fresh),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, tear_down);
}
