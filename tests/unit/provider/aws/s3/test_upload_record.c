/* How a file is divided, and what of an upload survives a kill. */
#include "base/file.h"
#include "provider/aws/s3/upload.h"
#include "tests/unit/support/temp_folder.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (INT64_C(1) << 20)

static struct arena arena;

static int tear_down(void **state)
{
    arena_release(&arena);
    return temp_folder_remove(state);
}

static void assert_fits(int64_t size)
{
    int64_t part = upload_part_size(size);
    int count = upload_part_count(size, part);
    assert_true(part >= 8 * MIB && part % MIB == 0);
    assert_in_range(count, 1, UPLOAD_PARTS_MAX);
    assert_true(part * count >= size && part * (count - 1) < size);
}

static void test_part_sizes(void **state)
{
    (void)state;
    const int64_t sizes[] = {1, 8 * MIB, 8 * MIB + 1, 16 * MIB, 80000 * MIB, 80000 * MIB + 1, MIB * MIB,
        5 * MIB * MIB, 10000 * 5120 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_fits(sizes[i]);
    assert_int_equal(upload_part_size(80000 * MIB), 8 * MIB); /* 10,000 parts just suffice */
    assert_int_equal(upload_part_size(80000 * MIB + 1), 9 * MIB);
    assert_int_equal(upload_part_count(16 * MIB + 1, 8 * MIB), 3);
    assert_int_equal(upload_part_size(10000 * 5120 * MIB + 1), 0);
}

static struct upload_record begin(const char *key)
{
    struct upload_record record = {.bucket = STR("b"),
        .key = str_z(key),
        .upload = STR("id/with\"odd+signs"),
        .settings = STR("digest"),
        .sha256 = STR("abc"),
        .sums = true,
        .size = 30 * MIB,
        .part_size = 8 * MIB,
        .path = upload_record_path(&arena, str_z(temp_folder), STR("b"), str_z(key)),
        .parts = ARENA_ARRAY(&arena, struct upload_part, 4)};
    upload_record_begin(&record);
    assert_true(record.fd >= 0);
    return record;
}

static void add(struct upload_record *record, int part, const char *etag, uint64_t crc)
{
    record->parts[part] = (struct upload_part){str_z(etag), crc};
    upload_record_add(record, part);
}

static void test_round(void **state)
{
    (void)state;
    struct upload_record record = begin("a/ü"), read;
    add(&record, 2, "\"abc\"", UINT64_MAX);
    add(&record, 0, "\"def\"", 7);
    upload_record_close(&record);
    assert_true(upload_record_read(&arena, record.path, &read));
    assert_string_equal(read.upload.p, "id/with\"odd+signs");
    assert_string_equal(read.key.p, "a/ü");
    assert_true(read.sums);
    assert_string_equal(read.sha256.p, "abc");
    assert_int_equal(read.size, 30 * MIB);
    assert_string_equal(arena_strz(&arena, read.parts[2].etag), "\"abc\"");
    assert_int_equal(read.parts[2].crc, UINT64_MAX);
    assert_int_equal(read.parts[0].crc, 7);
    assert_int_equal(read.parts[1].etag.n, 0);
    /* and on */
    upload_record_resume(&read);
    add(&read, 3, "\"ghi\"", 9);
    upload_record_close(&read);
    assert_true(upload_record_read(&arena, record.path, &read));
    assert_int_equal(read.parts[3].crc, 9);
    assert_int_equal(read.parts[2].crc, UINT64_MAX);
    upload_record_remove(&read);
    assert_false(upload_record_read(&arena, record.path, &read));
}

/* Cut anywhere: it is the parts of the whole lines, or nothing at all. */
static void test_torn(void **state)
{
    (void)state;
    struct upload_record record = begin("torn"), read;
    struct err err = ERR_INIT;
    struct str text;
    add(&record, 0, "\"one\"", 1);
    add(&record, 1, "\"two\"", 2);
    upload_record_close(&record);
    assert_int_equal(file_read(&arena, record.path.p, 0, &text, &err), 0);
    for (size_t n = 0; n <= text.n; n++) {
        assert_int_equal(file_write_atomic(record.path.p, str_slice(text, 0, n), 0600, &err), 0);
        size_t whole = 0;
        for (size_t i = 0; i < n; i++)
            whole += text.p[i] == '\n';
        bool readable = upload_record_read(&arena, record.path, &read);
        assert_true(readable || !whole);
        if (!readable)
            continue;
        assert_int_equal(read.parts[0].etag.n != 0, whole > 1);
        assert_int_equal(read.parts[1].etag.n != 0, whole > 2);
        /* what is added after a torn line is not lost with it */
        upload_record_resume(&read);
        add(&read, 2, "\"three\"", 3);
        upload_record_close(&read);
        assert_true(upload_record_read(&arena, record.path, &read));
        assert_int_equal(read.parts[2].crc, 3);
    }
}

static void test_nonsense(void **state)
{
    (void)state;
    static const char *const heads[] = {"", "\n", "[]\n", "{}\n", "nonsense\n",
        "{\"upload\":\"x\",\"size\":-1,\"part_size\":8}\n", "{\"upload\":\"x\",\"size\":8,\"part_size\":0}\n",
        "{\"upload\":\"x\",\"size\":80001,\"part_size\":8}\n",
        "{\"upload\":\"x\",\"size\":9223372036854775807,\"part_size\":9223372036854775807}\n",
        "{\"upload\":7,\"size\":8,\"part_size\":8}\n"};
    struct str path = upload_record_path(&arena, str_z(temp_folder), STR("b"), STR("nonsense"));
    struct upload_record record;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        assert_int_equal(file_write_atomic(path.p, str_z(heads[i]), 0600, &err), 0);
        assert_false(upload_record_read(&arena, path, &record));
    }
    /* lines that are none are passed over */
    struct str text = STR("{\"upload\":\"x\",\"size\":20,\"part_size\":10}\n0 a 0000000000000001\n"
                          "3 a 0000000000000001\nx\n1 a 12\n2  0000000000000001\n2 b 0000000000000005\n");
    assert_int_equal(file_write_atomic(path.p, text, 0600, &err), 0);
    assert_true(upload_record_read(&arena, path, &record));
    assert_int_equal(record.parts[0].etag.n, 0);
    assert_int_equal(record.parts[1].crc, 5);
    assert_int_equal(upload_record_path(&arena, STR_EMPTY, STR("b"), STR("k")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_sizes),
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, temp_folder_make, tear_down);
}
