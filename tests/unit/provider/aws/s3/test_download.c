/* Downloads: how files are cut into parts, the file that remembers which have arrived, and whole downloads
 * from a scripted service that says what the content should be. */
#include "base/file.h"
#include "base/json.h"
#include "cmd/invocation/kinds.h"
#include "provider/aws/credentials.h"
#include "provider/aws/s3/s3.h"
#include "provider/http/http.h"
#include "tests/unit/support/aws_env.h"
#include "tests/unit/support/script_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (INT64_C(1) << 20)

static char folder[] = "/tmp/weir-download-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* ---- parts ---- */

static void cut_into_parts(void **state)
{
    (void)state;
    assert_int_equal(download_part_size(0), 8 * MIB);
    assert_int_equal(download_part_size(1), 8 * MIB);
    assert_int_equal(download_part_size(256 * MIB), 8 * MIB);
    assert_int_equal(download_part_size(257 * MIB), 16 * MIB);
    assert_int_equal(download_part_size(1024 * MIB), 32 * MIB);
    assert_int_equal(download_part_size(64 * 1024 * MIB), 64 * MIB);
    assert_int_equal(download_part_size(4 * 1024 * 1024 * MIB), 64 * MIB);
    assert_int_equal(download_part_size(4 * 1024 * 1024 * MIB + 1), 72 * MIB);
    assert_true((INT64_C(50) << 40) / download_part_size(INT64_C(50) << 40) <= 65536);
    struct download_file file = {.size = 20 * MIB, .part_size = 8 * MIB, .count = 3};
    assert_int_equal(download_file_start(&file, 2), 16 * MIB);
    assert_int_equal(download_file_length(&file, 1), 8 * MIB);
    assert_int_equal(download_file_length(&file, 2), 4 * MIB);
}

static void content_ranges(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "bytes", "bytes 0-9", "bytes */10", "bytes 0-9/*", "bytes 9-0/10",
        "bytes 0-10/10", "bytes -1-9/10", "items 0-9/10", "bytes 0-9/10x", "bytes 99999999999999999999-1/2"};
    int64_t from, to, size;
    assert_true(wire_content_range(STR("bytes 5-9/10"), &from, &to, &size));
    assert_int_equal(from, 5);
    assert_int_equal(to, 9);
    assert_int_equal(size, 10);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (wire_content_range(str_z(wrong[i]), &from, &to, &size))
            fail_msg("taken for a range: %s", wrong[i]);
}

/* ---- the file ---- */

static void open_file(struct arena *arena, const char *what, int64_t size, struct download_file *out)
{
    struct err err = ERR_INIT;
    if (download_file_open(arena, arena_strz(arena, str_z(in_folder("f"))), str_z(what), size, 4, out, &err))
        fail_msg("%s", err.message);
}

static void remembers_what_arrived(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct download_file file;
    struct err err = ERR_INIT;
    struct str text;
    open_file(&arena, "one", 10, &file);
    assert_int_equal(file.count, 3);
    assert_false(file.resumed);
    assert_int_equal(download_file_write(&file, 4, "4567", 4), 0);
    download_file_done(&file, 1);
    download_file_close(&file);
    open_file(&arena, "one", 10, &file);
    assert_true(file.resumed && file.done[1] && !file.done[0] && !file.done[2]);
    assert_int_equal(download_file_write(&file, 0, "0123", 4), 0);
    assert_int_equal(download_file_write(&file, 8, "89", 2), 0);
    assert_int_equal(download_file_finish(&file, &err), 0);
    assert_int_equal(file_read(&arena, in_folder("f"), 0, &text, &err), 0);
    assert_true(str_eqz(text, "0123456789"));
    assert_false(path_exists(in_folder(".f.weir-part")));
    unlink(in_folder("f"));
}

/* Another object, another size, another cut, or damage: it begins anew. */
static void forgets_what_is_another(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct download_file file;
    for (int way = 0; way < 4; way++) {
        open_file(&arena, "one", 10, &file);
        download_file_done(&file, 0);
        download_file_close(&file);
        if (way == 2)
            assert_int_equal(truncate(in_folder(".f.weir-part"), 10), 0);
        open_file(&arena, way == 0 ? "two" : "one", way == 1 ? 9 : 10, &file);
        assert_int_equal(file.resumed, way == 3);
        download_file_discard(&file);
        assert_false(path_exists(in_folder(".f.weir-part")));
    }
}

static void one_at_a_time(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct download_file file, second;
    struct err err = ERR_INIT;
    open_file(&arena, "one", 10, &file);
    assert_int_equal(download_file_open(&arena, file.path, STR("one"), 10, 4, &second, &err), -1);
    assert_non_null(strstr(err.message, "another process is downloading"));
    assert_true(path_exists(in_folder(".f.weir-part")));
    download_file_discard(&file);
}

static void more_than_there_is_room_for(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct download_file file;
    struct err err = ERR_INIT;
    int64_t size = INT64_C(1) << 60;
    assert_int_equal(
        download_file_open(&arena, in_folder("f"), STR("x"), size, download_part_size(size), &file, &err),
        -1);
    assert_non_null(strstr(err.message, "and the disk has"));
    assert_false(path_exists(in_folder(".f.weir-part")));
}

/* ---- all of it ---- */

#define HEADERS(sum) "ETag: \"e\"\r\nContent-Length: 9\r\n" sum

/* Of "123456789". */
#define CRC    "x-amz-checksum-crc64nvme: rosUhgp5mIg=\r\n"
#define SHA    "x-amz-checksum-sha256: FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=\r\n"
#define NOTED  "x-amz-meta-weir-sha256: 15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225\r\n"
#define CRC_IS "x-amz-checksum-type: FULL_OBJECT\r\n" CRC

/* `first`: what comes six times in place of the body; NULL: nothing does. */
static int download(const char *sums, const char *first, const char *body, bool *verified, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct script_step steps[] = {{.match = "HEAD /b/k", .headers = sums},
        {.match = first ? "GET /b/k" : "none", .uses = 6, .headers = "ETag: \"e\"\r\n", .body = first},
        {.match = "GET /b/k", .headers = "ETag: \"e\"\r\n", .body = body}};
    struct http_engine *engine;
    struct provider *provider;
    const struct value *config;
    aws_env_begin();
    struct script_server *server = script_server_start(steps, 3);
    struct str text = arena_printf(&arena,
        "{\"endpoint\": \"%s\", \"region\": \"x\", \"access_key\": \"a\", \"secret_key\": \"s\"}",
        script_server_url(server));
    assert_int_equal(json_parse(&arena, text, &config, err), 0);
    assert_int_equal(http_engine_new(&(struct http_options){0}, &engine, err), 0);
    struct provider_options options = {
        .kinds = &cmd_kinds, .name = STR("aws"), .config = config, .http = engine};
    if (provider_new(&options, &provider, err))
        fail_msg("%s", err->message);
    struct op_ctx ctx = {.arena = &arena, .provider = provider};
    struct s3_download wanted = {.bucket = STR("b"), .key = STR("k"), .path = in_folder("f")};
    struct s3_downloaded done = {0};
    int status = s3_download(&ctx, &wanted, &done, err);
    *verified = done.verified;
    if (!status) {
        struct str content;
        assert_int_equal(file_read(&arena, in_folder("f"), 0, &content, err), 0);
        assert_true(str_eqz(content, body));
        assert_int_equal(done.size, (int64_t)strlen(body));
        unlink(in_folder("f"));
    }
    assert_false(path_exists(in_folder(".f.weir-part")));
    assert_false(path_exists(in_folder("f")));
    provider_free(provider);
    http_engine_free(engine);
    script_server_stop(server);
    aws_env_end();
    return status;
}

static void compared_with_what_the_object_says(void **state)
{
    (void)state;
    static const struct {
        const char *sums;
        bool verified;
    } cases[] = {{HEADERS(CRC_IS), true}, {HEADERS(CRC), true}, {HEADERS(SHA), true}, {HEADERS(NOTED), true},
        {HEADERS(CRC NOTED), true}, {HEADERS("x-amz-checksum-type: COMPOSITE\r\n" SHA), false},
        {HEADERS("x-amz-checksum-sha256: AAAA-2\r\n"), false},
        {HEADERS("x-amz-meta-weir-sha256: no\r\n"), false}, {HEADERS(""), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        bool verified;
        if (download(cases[i].sums, NULL, "123456789", &verified, &err))
            fail_msg("%s: %s", cases[i].sums, err.message);
        assert_int_equal(verified, cases[i].verified);
        int other = download(cases[i].sums, NULL, "123456780", &verified, &err);
        assert_int_equal(other, cases[i].verified ? -1 : 0);
        if (other)
            assert_non_null(strstr(
                err.message, "downloading s3://b/k: the downloaded content does not match its checksum"));
    }
}

/* As through a proxy that marks the end of an answer by closing: the next one is not its continuation. */
static void less_than_all_of_it(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    bool verified;
    if (download(HEADERS(CRC), "1234", "123456789", &verified, &err))
        fail_msg("%s", err.message);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_into_parts),
        cmocka_unit_test(content_ranges),
        cmocka_unit_test(remembers_what_arrived),
        cmocka_unit_test(forgets_what_is_another),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(more_than_there_is_room_for),
        cmocka_unit_test(compared_with_what_the_object_says),
        cmocka_unit_test(less_than_all_of_it),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
