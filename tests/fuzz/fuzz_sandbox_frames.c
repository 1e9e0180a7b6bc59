/* aws-chunked bodies: the first byte says how they are signed and in which pieces they come. The pieces make
 * no difference, and what is framed comes out again. */
#include "sandbox/http/checksum.h"

#include <assert.h>

static const struct auth auth = {.date = STR_INIT("20261121T000000Z"),
    .scope = STR_INIT("20261121/us-east-1/s3/aws4_request"),
    .signature = STR_INIT("00")};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void take(void *ctx, const char *bytes, size_t n)
{
    buf_add(ctx, bytes, n);
}

static enum chunked_error decode(struct str text, enum chunked_form form, size_t piece, struct buf *content)
{
    struct chunked c;
    chunked_init(&c, &auth, form, take, content);
    for (size_t i = 0; i < text.n; i += piece)
        chunked_feed(&c, text.p + i, text.n - i < piece ? text.n - i : piece);
    enum chunked_error error = chunked_end(&c);
    if (error == CHUNKED_OK)
        chunked_trailer(&c, STR("x-amz-checksum-crc32"));
    chunked_release(&c);
    return error;
}

/* Chunks of that size, and a trailer. */
static void check_framed(struct str text, size_t chunk, size_t piece)
{
    AUTO_BUF struct buf framed = BUF_INIT, content = BUF_INIT;
    for (size_t at = 0; at < text.n; at += chunk) {
        struct str part = str_slice(text, at, at + chunk);
        buf_addf(&framed, "%zx\r\n", part.n);
        buf_add_str(&framed, part);
        buf_addz(&framed, "\r\n");
    }
    buf_addz(&framed, "0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n");
    assert(decode(buf_str(&framed), CHUNKED_UNSIGNED_TRAILER, piece, &content) == CHUNKED_OK);
    assert(str_eq(buf_str(&content), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_BUF struct buf whole = BUF_INIT, pieces = BUF_INIT;
    if (!n)
        return 0;
    struct str text = str_n((const char *)data + 1, n - 1);
    size_t piece = (size_t)(data[0] >> 1) + 1;
    enum chunked_form form = data[0] & 1 ? CHUNKED_SIGNED_TRAILER : CHUNKED_UNSIGNED_TRAILER;
    enum chunked_error error = decode(text, form, n, &whole);
    assert(decode(text, form, piece, &pieces) == error);
    if (error == CHUNKED_OK)
        assert(str_eq(buf_str(&whole), buf_str(&pieces)));
    check_framed(text, 8192 + (size_t)data[0], piece);
    return 0;
}
