/* aws-chunked bodies: see chunked.h. */
#include "sandbox/http/chunked.h"

#include "base/hash.h"

#include <openssl/crypto.h>
#include <stdio.h>

enum { SIZE_LINE, DATA, DATA_END, TRAILER, DONE };
enum { MAX_LINE = 4096, MAX_TRAILER = 16 * 1024, MIN_CHUNK = 8 * 1024 };
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

void chunked_init(struct chunked *c, const struct auth *auth, enum chunked_form form,
    void (*content)(void *ctx, const char *bytes, size_t n), void *ctx)
{
    *c = (struct chunked){.auth = auth, .form = form, .content = content, .ctx = ctx};
    c->line.max = MAX_LINE;
    c->trailer.max = MAX_TRAILER;
    checksum_init(&c->hash, CHECKSUM_SHA256);
    snprintf(c->previous, sizeof c->previous, "%.*s", STR_ARG(auth->signature));
}

static bool has_signatures(const struct chunked *c)
{
    return c->form != CHUNKED_UNSIGNED_TRAILER;
}

static void chunked_fail(struct chunked *c, enum chunked_error error)
{
    if (!c->error)
        c->error = error;
}

/* ---- signatures ---- */

static void check_signature(struct chunked *c, const char *kind, struct str hashes, struct str claimed)
{
    unsigned char mac[SHA256_SIZE];
    struct str text = arena_printf(&c->arena, "%s\n%.*s\n%.*s\n%s\n%.*s", kind, STR_ARG(c->auth->date),
        STR_ARG(c->auth->scope), c->previous, STR_ARG(hashes));
    hash_hmac_sha256(str_n((const char *)c->auth->key, sizeof c->auth->key), text, mac);
    struct str wanted = hex_encode(&c->arena, mac, sizeof mac);
    if (claimed.n != wanted.n || CRYPTO_memcmp(claimed.p, wanted.p, wanted.n) != 0)
        chunked_fail(c, CHUNKED_SIGNATURE);
    memcpy(c->previous, wanted.p, 65);
    arena_release(&c->arena);
}

static void end_chunk(struct chunked *c)
{
    if (has_signatures(c)) {
        struct str raw = checksum_final(&c->arena, &c->hash);
        struct str hex = hex_encode(&c->arena, raw.p, raw.n);
        struct str hashes = arena_printf(&c->arena, EMPTY_SHA256 "\n%.*s", STR_ARG(hex));
        check_signature(c, "AWS4-HMAC-SHA256-PAYLOAD", hashes, str_z(c->claimed));
    }
    checksum_release(&c->hash);
    checksum_init(&c->hash, CHECKSUM_SHA256);
}

/* ---- lines ---- */

static bool parse_size(struct str text, uint64_t *size)
{
    *size = 0;
    for (size_t i = 0; i < text.n; i++) {
        char d = text.p[i];
        int digit = d >= '0' && d <= '9'                 ? d - '0'
                    : (d | 32) >= 'a' && (d | 32) <= 'f' ? (d | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0 || *size >> 56)
            return false;
        *size = *size << 4 | (uint64_t)digit;
    }
    return text.n > 0;
}

static void take_size_line(struct chunked *c, struct str line)
{
    struct str extension, size = str_cut(line, ';', &extension);
    static const struct str name = STR_INIT("chunk-signature=");
    if (!parse_size(str_trim(size), &c->left)) {
        chunked_fail(c, CHUNKED_MALFORMED);
        return;
    }
    c->claimed[0] = '\0';
    if (str_starts(extension, name) && extension.n == name.n + sizeof c->claimed - 1)
        snprintf(c->claimed, sizeof c->claimed, "%.*s", STR_ARG(str_slice(extension, name.n, extension.n)));
    if (c->left && c->last)
        chunked_fail(c, CHUNKED_SMALL);
    if (c->left) {
        c->last = c->left < MIN_CHUNK;
        c->state = DATA;
        return;
    }
    end_chunk(c);
    c->state = TRAILER;
}

static void take_trailer_signature(struct chunked *c, struct str value)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str claimed = arena_str(&scratch, value);
    check_signature(c, "AWS4-HMAC-SHA256-TRAILER", sha256_hex(&c->arena, buf_str(&c->trailer)), claimed);
    c->trailer_signed = true;
}

static void take_trailer_line(struct chunked *c, struct str line)
{
    if (!line.n) {
        c->state = DONE;
        return;
    }
    struct str value, name = str_trim(str_cut(line, ':', &value));
    value = str_trim(value);
    bool signature = str_ieq(name, STR("x-amz-trailer-signature"));
    if (!name.n || !value.n || c->trailer_signed || c->form == CHUNKED_SIGNED)
        chunked_fail(c, CHUNKED_MALFORMED);
    else if (signature && c->form == CHUNKED_SIGNED_TRAILER)
        take_trailer_signature(c, value);
    else if (signature)
        chunked_fail(c, CHUNKED_MALFORMED);
    else
        buf_addf(&c->trailer, "%.*s:%.*s\n", STR_ARG(name), STR_ARG(value));
}

static void take_line(struct chunked *c, struct str line)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (c->state == SIZE_LINE)
        take_size_line(c, line);
    else if (c->state == TRAILER)
        take_trailer_line(c, line);
    else if (line.n) /* DATA_END: what stands between a chunk and the next is nothing but an end of line */
        chunked_fail(c, CHUNKED_MALFORMED);
    else
        c->state = SIZE_LINE;
}

/* ---- feeding ---- */

static size_t feed_data(struct chunked *c, const char *bytes, size_t n)
{
    size_t taken = n < c->left ? n : (size_t)c->left;
    c->content(c->ctx, bytes, taken);
    if (has_signatures(c))
        checksum_update(&c->hash, bytes, taken);
    c->left -= taken;
    if (!c->left) {
        end_chunk(c);
        c->state = DATA_END;
    }
    return taken;
}

static size_t feed_line(struct chunked *c, const char *bytes, size_t n)
{
    const char *end = memchr(bytes, '\n', n);
    size_t taken = end ? (size_t)(end - bytes) + 1 : n;
    buf_add(&c->line, bytes, end ? taken - 1 : taken);
    if (c->line.overflow)
        chunked_fail(c, CHUNKED_MALFORMED);
    else if (end)
        take_line(c, buf_str(&c->line));
    if (end)
        buf_clear(&c->line);
    return taken;
}

void chunked_feed(struct chunked *c, const char *bytes, size_t n)
{
    while (n && !c->error) {
        size_t taken;
        if (c->state == DONE) {
            chunked_fail(c, CHUNKED_MALFORMED);
            return;
        }
        taken = c->state == DATA ? feed_data(c, bytes, n) : feed_line(c, bytes, n);
        bytes += taken;
        n -= taken;
    }
}

enum chunked_error chunked_end(struct chunked *c)
{
    /* the last empty line may be missing */
    if (!c->error && c->state == TRAILER && c->line.n)
        take_line(c, buf_str(&c->line));
    if (!c->error && c->state != DONE && c->state != TRAILER)
        chunked_fail(c, CHUNKED_INCOMPLETE);
    if (!c->error && c->trailer.overflow)
        chunked_fail(c, CHUNKED_MALFORMED);
    if (!c->error && c->form == CHUNKED_SIGNED_TRAILER && !c->trailer_signed)
        chunked_fail(c, CHUNKED_SIGNATURE);
    return c->error;
}

struct str chunked_trailer(const struct chunked *c, struct str name)
{
    struct str rest = buf_str(&c->trailer);
    while (rest.n) {
        struct str value, line = str_cut(rest, '\n', &rest);
        if (str_ieq(str_cut(line, ':', &value), name))
            return value;
    }
    return STR_EMPTY;
}

void chunked_release(struct chunked *c)
{
    checksum_release(&c->hash);
    buf_release(&c->line);
    buf_release(&c->trailer);
    arena_release(&c->arena);
}
