/* aws-chunked bodies: the first byte says how they are signed and in which pieces they come. */
#include "provider/sandbox/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void take(void *ctx, const char *bytes, size_t n)
{
    unsigned *sum = ctx;
    for (size_t i = 0; i < n; i++)
        *sum += (unsigned char)bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct auth auth = {.date = STR_INIT("20261121T000000Z"),
        .scope = STR_INIT("20261121/us-east-1/s3/aws4_request"),
        .signature = STR_INIT("00")};
    if (!n)
        return 0;
    struct chunked c;
    unsigned sum = 0;
    size_t piece = (size_t)(data[0] >> 1) + 1;
    chunked_init(&c, &auth, data[0] & 1, take, &sum);
    for (size_t i = 1; i < n; i += piece)
        chunked_feed(&c, (const char *)data + i, n - i < piece ? n - i : piece);
    if (chunked_end(&c) == CHUNKED_OK)
        chunked_trailer(&c, STR("x-amz-checksum-crc32"));
    chunked_release(&c);
    return 0;
}
