/* Receives a request's body: see s3srv.h. */
#include "sandbox/s3/s3srv.h"

#include "base/file.h"
#include "base/hash.h"

#include <errno.h>

static const struct fault *cannot_write(struct exchange *x, int why)
{
    struct fault *fault = ARENA_NEW(&x->arena, struct fault);
    *fault = (struct fault){.status = 500,
        .code = "InternalError",
        .message =
            arena_printf(&x->arena, "The sandbox cannot write to its directory: %s.", strerror(why)).p};
    return fault;
}

static struct str header(const struct exchange *x, const char *name)
{
    return wire_header_get(&x->request, str_z(name));
}

static bool is_sha256(struct str text)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str raw;
    return text.n == 64 && hex_decode(&scratch, text, &raw);
}

static void take_content(void *ctx, const char *bytes, size_t n)
{
    struct ingest *in = ctx;
    in->size += (int64_t)n;
    checksum_update(&in->md5, bytes, n);
    checksum_update(&in->sum, bytes, n);
    if (in->file.fd < 0)
        buf_add(&in->x->body, bytes, n);
    else if (!in->write_failed)
        in->write_failed = fd_write_all(in->file.fd, bytes, n, NULL, in->file.path) ? errno : 0;
}

/* Determines the checksum algorithm and where its value is given. */
static const struct fault *find_sum(struct ingest *in)
{
    static const struct fault
        several = {400, "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."},
        unknown = {400, "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the "
            "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"};
    struct exchange *x = in->x;
    enum checksum_kind kind = CHECKSUM_NONE;
    struct str trailer = str_trim(header(x, "x-amz-trailer")),
               asked = header(x, "x-amz-sdk-checksum-algorithm");
    for (int i = 0; i < CHECKSUM_COUNT; i++) {
        struct str name = checksum_header(&x->arena, (enum checksum_kind)i);
        struct str value = wire_header_get(&x->request, name);
        bool trails = str_ieq(trailer, name);
        if (!value.n && !trails)
            continue;
        if (kind != CHECKSUM_NONE)
            return &several;
        kind = (enum checksum_kind)i;
        in->claimed_sum = value;
        in->sum_in_trailer = trails && !value.n;
    }
    if (kind == CHECKSUM_NONE && asked.n && (kind = checksum_find(asked)) == CHECKSUM_NONE)
        return &unknown;
    /* S3 computes this one of an object that comes without; of parts only if the upload asks for it */
    const struct s3 *s = x->state;
    if (kind == CHECKSUM_NONE && in->file.fd >= 0 && s->op->run != s3srv_upload_part)
        kind = CHECKSUM_CRC64NVME;
    checksum_init(&in->sum, kind);
    return NULL;
}

/* Compares whole names: one is a prefix of another. */
static bool find_form(struct str hash, enum chunked_form *form)
{
    static const char *const names[] = {[CHUNKED_SIGNED] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        [CHUNKED_SIGNED_TRAILER] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        [CHUNKED_UNSIGNED_TRAILER] = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eqz(hash, names[i])) {
            *form = (enum chunked_form)i;
            return true;
        }
    return false;
}

const struct fault *ingest_begin(struct ingest *in, struct exchange *x, struct s3_store *store, bool sums)
{
    static const struct fault bad_hash = {400, "InvalidArgument",
                                  "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-..., or a valid "
                                  "sha256 value."},
                              no_length = {411, "MissingContentLength",
                                  "You must provide the x-amz-decoded-content-length HTTP header."};
    *in = (struct ingest){
        .x = x, .file.fd = -1, .etag = STR_EMPTY, .sum_value = STR_EMPTY, .claimed_sum = STR_EMPTY};
    in->md5.kind = in->sum.kind = in->sha256.kind = CHECKSUM_NONE;
    struct str hash = x->auth.payload_hash;
    enum chunked_form form;
    bool framed = find_form(hash, &form);
    in->check_sha256 = is_sha256(hash);
    if (!in->check_sha256 && !framed && !str_eqz(hash, "UNSIGNED-PAYLOAD"))
        return &bad_hash;
    if (framed && !header(x, "x-amz-decoded-content-length").n)
        return &no_length;
    if (store && store_write_begin(store, &in->file))
        return cannot_write(x, errno);
    in->framed = framed;
    if (in->framed)
        chunked_init(&in->frames, &x->auth, form, take_content, in);
    if (store || header(x, "Content-MD5").n)
        checksum_init(&in->md5, CHECKSUM_MD5);
    if (in->check_sha256)
        checksum_init(&in->sha256, CHECKSUM_SHA256);
    return sums ? find_sum(in) : NULL;
}

void ingest_data(struct ingest *in, const char *bytes, size_t n)
{
    checksum_update(&in->sha256, bytes, n);
    if (in->framed)
        chunked_feed(&in->frames, bytes, n);
    else
        take_content(in, bytes, n);
}

static const struct fault *check_frames(struct ingest *in)
{
    static const struct fault
        malformed = {400, "IncompleteBody", "The request body is not framed as it says."},
        incomplete = {400, "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header"},
        signature = {403, "SignatureDoesNotMatch",
            "The signature of a chunk does not match the signature you provided."},
        small = {403, "InvalidChunkSizeError",
            "Only the last chunk is allowed to have a size less than 8192 bytes"};
    int64_t expected;
    switch (chunked_end(&in->frames)) {
    case CHUNKED_MALFORMED: return &malformed;
    case CHUNKED_INCOMPLETE: return &incomplete;
    case CHUNKED_SIGNATURE: return &signature;
    case CHUNKED_SMALL: return &small;
    case CHUNKED_OK: break;
    }
    struct str length = header(in->x, "x-amz-decoded-content-length");
    return !str_to_int(length, &expected) || expected != in->size ? &incomplete : NULL;
}

static const struct fault *check_md5(struct ingest *in)
{
    static const struct fault invalid = {400, "InvalidDigest", "The Content-MD5 you specified was invalid."},
                              wrong = {400, "BadDigest",
                                  "The Content-MD5 you specified did not match what we received."};
    struct exchange *x = in->x;
    if (in->md5.kind == CHECKSUM_NONE)
        return NULL;
    struct str raw = checksum_final(&x->arena, &in->md5), claimed = header(x, "Content-MD5"), bytes;
    in->etag = hex_encode(&x->arena, raw.p, raw.n);
    if (!claimed.n)
        return NULL;
    if (!base64_decode(&x->arena, claimed, &bytes) || bytes.n != MD5_SIZE) {
        s3srv_detail(x->state, "Content-MD5", claimed);
        return &invalid;
    }
    if (str_eq(raw, bytes))
        return NULL;
    bool part = s3srv_parameter_text(x->state, "partNumber").n > 0; /* S3 shows a part's MD5 as it was sent */
    s3srv_detail(x->state, "ExpectedDigest", part ? claimed : hex_encode(&x->arena, bytes.p, bytes.n));
    s3srv_detail(x->state, "CalculatedDigest", base64_encode(&x->arena, raw));
    return &wrong;
}

static const struct fault *refuse_sum(struct exchange *x, const char *code, struct str message)
{
    struct fault *fault = ARENA_NEW(&x->arena, struct fault);
    *fault = (struct fault){400, code, message.p};
    return fault;
}

static const struct fault *check_sum(struct ingest *in)
{
    static const struct fault missing = {400, "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to "
        "our published schema."};
    struct exchange *x = in->x;
    enum checksum_kind kind = in->sum.kind;
    if (kind == CHECKSUM_NONE)
        return NULL;
    struct str raw = checksum_final(&x->arena, &in->sum), bytes, claimed = in->claimed_sum;
    in->sum_value = base64_encode(&x->arena, raw);
    if (in->sum_in_trailer && !in->framed)
        return &missing;
    if (in->sum_in_trailer)
        claimed = chunked_trailer(&in->frames, checksum_header(&x->arena, kind));
    if (!claimed.n)
        return in->sum_in_trailer ? &missing : NULL;
    if (!base64_decode(&x->arena, claimed, &bytes) || bytes.n != raw.n)
        return refuse_sum(x, "InvalidRequest",
            arena_printf(
                &x->arena, "Value for %.*s header is invalid.", STR_ARG(checksum_header(&x->arena, kind))));
    if (str_eq(bytes, raw))
        return NULL;
    return refuse_sum(x, "BadDigest",
        arena_printf(
            &x->arena, "The %s you specified did not match the calculated checksum.", checksum_name(kind)));
}

const struct fault *ingest_end(struct ingest *in)
{
    static const struct fault
        tampered = {400, "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed."},
        large = {413, "RequestEntityTooLarge", "The request is larger than this operation takes."};
    struct exchange *x = in->x;
    const struct fault *fault = in->framed ? check_frames(in) : NULL;
    if (!fault && in->check_sha256) {
        struct str raw = checksum_final(&x->arena, &in->sha256);
        if (!str_ieq(hex_encode(&x->arena, raw.p, raw.n), x->auth.payload_hash))
            fault = &tampered;
    }
    if (!fault)
        fault = check_md5(in);
    if (!fault)
        fault = check_sum(in);
    if (!fault && in->write_failed)
        fault = cannot_write(x, in->write_failed);
    if (!fault && x->body.overflow)
        fault = &large;
    return fault;
}

void ingest_release(struct ingest *in)
{
    store_write_cancel(&in->file);
    if (in->framed)
        chunked_release(&in->frames);
    checksum_release(&in->md5);
    checksum_release(&in->sha256);
    checksum_release(&in->sum);
}
