/*
 * The MD5 that SQS answers for message attributes and its SDKs compare: over name, type and value of each, in
 * the order of names, every text with its length before it.
 */
#include "base/hash.h"
#include "sandbox/services/sqs/queues.h"

enum { TEXT = 1, BINARY = 2 };

static void queues_digest_add(struct buf *out, struct str text)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(out, (char)(text.n >> shift & 0xff));
    buf_add_str(out, text);
}

struct str queue_digest(struct arena *arena, const struct value *attributes)
{
    AUTO_BUF struct buf bytes = BUF_INIT;
    unsigned char digest[MD5_SIZE];
    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct value *attribute = attributes->entries[i].value;
        const struct value *binary = value_getz(attribute, "BinaryValue");
        struct str value = value_gets(attribute, "StringValue");
        if (binary && !base64_decode(arena, value_text(binary, STR_EMPTY), &value))
            value = STR_EMPTY;
        queues_digest_add(&bytes, attributes->entries[i].key);
        queues_digest_add(&bytes, value_gets(attribute, "DataType"));
        buf_add_char(&bytes, binary ? BINARY : TEXT);
        queues_digest_add(&bytes, value);
    }
    hash_md5(buf_str(&bytes), digest);
    return hex_encode(arena, digest, sizeof digest);
}
