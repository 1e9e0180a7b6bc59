/* The example of "Signature calculations: transferring payload in multiple chunks" in the S3 API reference.
 */
#include "sandbox/http/checksum.h"

#include "base/mem.h"
#include "provider/aws/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEED "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
#define ONE  "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
#define TWO  "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
#define END  "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"

static struct auth auth;

static int make_auth(void **state)
{
    (void)state;
    auth = (struct auth){.date = STR("20130524T000000Z"),
        .scope = STR("20130524/us-east-1/s3/aws4_request"),
        .signature = STR(SEED)};
    const struct sigv4_params params = {.secret_key = STR_INIT("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        .region = STR_INIT("us-east-1"),
        .service = STR_INIT("s3"),
        .wall_ms = INT64_C(1369353600000)};
    sigv4_signing_key(&params, auth.key);
    return 0;
}

static void add_as(struct buf *out, size_t n)
{
    AUTO_FREE char *bytes = mem_alloc(n);
    memset(bytes, 'a', n);
    buf_add(out, bytes, n);
}

static void make_body(struct buf *out)
{
    buf_addz(out, "10000;chunk-signature=" ONE "\r\n");
    add_as(out, 65536);
    buf_addz(out, "\r\n400;chunk-signature=" TWO "\r\n");
    add_as(out, 1024);
    buf_addz(out, "\r\n0;chunk-signature=" END "\r\n\r\n");
}

static void count(void *ctx, const char *bytes, size_t n)
{
    size_t *total = ctx;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], 'a');
    *total += n;
}

static void ignore(void *ctx, const char *bytes, size_t n)
{
    (void)ctx;
    (void)bytes;
    (void)n;
}

static enum chunked_error feed(
    struct str body, size_t piece, void (*content)(void *, const char *, size_t), size_t *total)
{
    struct chunked c;
    chunked_init(&c, &auth, CHUNKED_SIGNED, content, total);
    for (size_t i = 0; i < body.n; i += piece)
        chunked_feed(&c, body.p + i, body.n - i < piece ? body.n - i : piece);
    enum chunked_error error = chunked_end(&c);
    chunked_release(&c);
    return error;
}

static void test_example(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = BUF_INIT;
    make_body(&body);
    static const size_t pieces[] = {1, 2, 3, 7, 4096, 65536, 1 << 20};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t total = 0;
        assert_int_equal(feed(buf_str(&body), pieces[i], count, &total), CHUNKED_OK);
        assert_int_equal(total, 66560);
    }
}

/* Whatever byte is changed, and wherever it ends: never right. */
static void test_damaged(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = BUF_INIT;
    make_body(&body);
    struct str whole = buf_str(&body);
    for (size_t at = 0; at < whole.n - 2; at += at < 200 || at > whole.n - 1300 ? 1 : 997) {
        char was = body.p[at];
        body.p[at] = (char)(was ^ 1);
        bool case_only = was >= 'a' && was <= 'f' && (was ^ 1) == (was ^ 0x20);
        if (!case_only)
            assert_int_not_equal(feed(whole, 4096, ignore, NULL), CHUNKED_OK);
        body.p[at] = was;
    }
    for (size_t n = 0; n < whole.n - 4; n += n < 200 || n > whole.n - 1300 ? 1 : 997)
        assert_int_not_equal(feed(str_slice(whole, 0, n), 4096, ignore, NULL), CHUNKED_OK);
}

static void test_long_line(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = BUF_INIT;
    for (int i = 0; i < 10000; i++)
        buf_addz(&body, "1;");
    assert_int_equal(feed(buf_str(&body), 100, ignore, NULL), CHUNKED_MALFORMED);
    assert_int_equal(feed(STR("fffffffffffffffff;\r\n"), 100, ignore, NULL), CHUNKED_MALFORMED);
    assert_int_equal(feed(STR(""), 100, ignore, NULL), CHUNKED_INCOMPLETE);
}

static enum chunked_error feed_unsigned(const char *body)
{
    struct chunked c;
    size_t total = 0;
    chunked_init(&c, &auth, CHUNKED_UNSIGNED_TRAILER, count, &total);
    chunked_feed(&c, body, strlen(body));
    enum chunked_error error = chunked_end(&c);
    chunked_release(&c);
    return error;
}

/* Of 8 KiB is each but the last, and a signature of a trailer is not for a form that has none. */
static void test_small_and_unasked(void **state)
{
    (void)state;
    AUTO_BUF struct buf body = BUF_INIT;
    assert_int_equal(feed_unsigned("3\r\naaa\r\n0\r\n\r\n"), CHUNKED_OK);
    assert_int_equal(feed_unsigned("3\r\naaa\r\n3\r\naaa\r\n0\r\n\r\n"), CHUNKED_SMALL);
    for (size_t first = 8191; first <= 8192; first++) {
        buf_clear(&body);
        buf_addf(&body, "%zx\r\n", first);
        add_as(&body, first);
        buf_addz(&body, "\r\n1\r\na\r\n0\r\n\r\n");
        buf_add_char(&body, '\0');
        assert_int_equal(feed_unsigned(body.p), first < 8192 ? CHUNKED_SMALL : CHUNKED_OK);
    }
    assert_int_equal(feed_unsigned("0\r\nx-amz-trailer-signature:aa\r\n\r\n"), CHUNKED_MALFORMED);
    buf_clear(&body);
    make_body(&body);
    body.n -= 2; /* the empty line at the end */
    buf_addz(&body, "x-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    assert_int_equal(feed(buf_str(&body), 4096, ignore, NULL), CHUNKED_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_small_and_unasked),
    };
    return cmocka_run_group_tests(tests, make_auth, NULL);
}
