/* Downloads a file in parts. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "provider/aws/s3/s3.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

/*
 * Each of a few worker threads takes the next part, and the network thread writes what arrives to its
 * position. The network thread computes the CRC, which costs less than reading the part back; the CRCs of the
 * parts are combined at the end. SHA-256 costs too much for that thread, which all transfers share, and has
 * to read the file in order: a worker that has finished a part reads and hashes on as far as there are no
 * gaps, while the others download.
 *
 * The caller's thread reports progress and passes cancellation on to the workers.
 */

enum {
    WORKERS = 8,
    BLOCK = 256 * 1024,
    TICK_MS = 200,
    TRIES = 10, /* of a part that is cut short; the bytes received are kept */
    DELAY_MS = 100,
    DELAY_MAX_MS = 5000,
};

struct parts {
    struct op_ctx *ctx;
    const struct download_source *source;
    struct download_file *file;
    bool plain; /* the whole content in one request, without a range */
    uint64_t *crcs;

    pthread_mutex_t lock; /* guards the members below */
    pthread_cond_t over;
    int next, running;
    enum download_result result;
    struct err err; /* the first failure */
    bool *ready;    /* parts that can be hashed */
    int hashed;     /* number of parts hashed */
    bool hashing;   /* a worker is hashing */
    struct sha256 *sha;

    atomic_bool stop;
    atomic_bool ranged; /* the server has sent a requested range */
    atomic_int_fast64_t moved, kept;
};

static void stop_with(struct parts *p, enum download_result result, const struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&p->lock);
    if (p->result == DOWNLOAD_OK) {
        p->result = result;
        p->err = *err;
    }
    p->stop = true;
    pthread_cond_signal(&p->over);
}

/* ---- downloading ---- */

/* Where the bytes of one request go. Used by the network thread while the request runs. */
struct arriving {
    struct parts *p;
    int64_t at, end;
    uint64_t crc; /* of the part, up to `at` */
    bool too_much;
    int write_errno;
};

static int download_parts_take(void *ctx, const void *bytes, size_t n)
{
    struct arriving *a = ctx;
    if ((int64_t)n > a->end - a->at) {
        a->too_much = true;
        return -1;
    }
    if (download_file_write(a->p->file, a->at, bytes, n)) {
        a->write_errno = errno;
        return -1;
    }
    a->at += (int64_t)n;
    if (a->p->source->has_crc)
        a->crc = crc64_update(a->crc, bytes, n);
    atomic_fetch_add_explicit(&a->p->moved, (int64_t)n, memory_order_relaxed);
    return 0;
}

static const struct value *download_parts_request(
    struct parts *p, struct arena *arena, const struct arriving *a)
{
    struct str range = arena_printf(arena, "bytes=%" PRId64 "-%" PRId64, a->at, a->end - 1);
    return value_merge(arena, download_name(arena, p->source->download),
        VALUE_MAP(arena, {STR("if_match"), p->source->etag.n ? value_string(arena, p->source->etag) : NULL},
            {STR("range"), p->plain ? NULL : value_string_ref(arena, range)}));
}

/* Checks that a response is for this object and the requested range. */
static enum download_result check_answer(
    struct parts *p, const struct wire_message *answer, int64_t from, struct err *err)
{
    int64_t first, last, size;
    struct str etag = wire_header_get(answer, STR("ETag"));
    if (etag.n && p->source->etag.n && !str_eq(etag, p->source->etag))
        return DOWNLOAD_CHANGED;
    if (p->plain)
        return DOWNLOAD_OK;
    if (answer->status != 206)
        return DOWNLOAD_NO_RANGES;
    if (!wire_content_range(wire_header_get(answer, STR("Content-Range")), &first, &last, &size) ||
        first != from) {
        err_set(err, ERR_PROTOCOL, "the service sends another range than was requested");
        return DOWNLOAD_FAILED;
    }
    p->ranged = true;
    return size == p->source->size ? DOWNLOAD_OK : DOWNLOAD_CHANGED;
}

/* Classifies a failed, truncated or refused request. `err` is unchanged if the request is to be repeated. */
static enum download_result judge_failure(
    struct parts *p, struct arriving *a, int64_t from, const struct err *failure, struct err *err)
{
    if (a->write_errno) {
        errno = a->write_errno;
        err_errno(err, ERR_IO, "cannot write \"%s\"", p->file->path);
        return DOWNLOAD_FAILED;
    }
    if (a->too_much)
        return p->plain || p->ranged ? DOWNLOAD_CHANGED : DOWNLOAD_NO_RANGES;
    if (failure->http_status == 412 || failure->http_status == 416)
        return DOWNLOAD_CHANGED;
    /* If no bytes arrived, the client has already done all retries. */
    if ((failure->class == ERR_NETWORK || failure->class == ERR_TIMEOUT) && a->at > from)
        return DOWNLOAD_OK;
    *err = *failure;
    return DOWNLOAD_FAILED;
}

static void pause_before(const struct parts *p, int tries)
{
    int64_t ms = (int64_t)DELAY_MS << tries;
    for (ms = ms < DELAY_MAX_MS ? ms : DELAY_MAX_MS; ms > 0 && !p->stop; ms -= DELAY_MS)
        clock_sleep_ms(DELAY_MS);
}

static enum download_result download_parts_fetch(struct parts *p, int part, struct err *err)
{
    int64_t start = download_file_start(p->file, part);
    struct arriving a = {.p = p, .at = start, .end = start + download_file_length(p->file, part)};
    for (int tries = 0; a.at < a.end; tries++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct op_ctx ctx = *p->ctx;
        struct aws_call call = {.body_fd = -1, .sink = download_parts_take, .sink_ctx = &a};
        struct wire_message answer;
        struct err failure = ERR_INIT;
        int64_t from = a.at;
        uint64_t crc = a.crc;
        ctx.arena = &arena;
        ctx.cancel = &p->stop;
        int status = aws_s3_call(
            &ctx, &s3_get_object, download_parts_request(p, &arena, &a), &call, &answer, &failure);
        enum download_result result =
            status ? judge_failure(p, &a, from, &failure, err) : check_answer(p, &answer, from, err);
        if (result != DOWNLOAD_OK)
            return result;
        /* Without a range the next response starts at the first byte. Of a truncated response the range is
         * not known, unless an earlier one had the requested range. */
        int64_t back = p->plain && a.at < a.end ? start : status && !p->ranged ? from : a.at;
        if (back != a.at)
            a.crc = back == start ? 0 : crc;
        atomic_fetch_sub(&p->moved, a.at - back);
        a.at = back;
        if (a.at == a.end)
            break;
        if (tries + 1 == TRIES) {
            if (status)
                *err = failure;
            else
                err_set(err, ERR_NETWORK, "the service repeatedly sends less than was requested");
            return DOWNLOAD_FAILED;
        }
        if (status)
            pause_before(p, tries);
    }
    p->crcs[part] = a.crc;
    return DOWNLOAD_OK;
}

/* ---- checksums ---- */

static int read_back(
    struct parts *p, int part, char *block, uint64_t *crc, struct sha256 *sha, struct err *err)
{
    int64_t at = download_file_start(p->file, part), end = at + download_file_length(p->file, part);
    while (at < end && !p->stop) {
        size_t want = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
        ssize_t n = pread(p->file->fd, block, want, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_errno(err, ERR_IO, "cannot read \"%s\" back", p->file->part_path);
        if (crc)
            *crc = crc64_update(*crc, block, (size_t)n);
        if (sha)
            sha256_update(sha, block, (size_t)n);
        at += n;
    }
    return 0;
}

/* Hashes the parts in order, as far as they are complete. */
static int hash_on(struct parts *p, int part, char *block, struct err *err)
{
    int status = 0;
    pthread_mutex_lock(&p->lock);
    p->ready[part] = true;
    while (!status && !p->hashing && !p->stop && p->hashed < p->file->count && p->ready[p->hashed]) {
        p->hashing = true;
        pthread_mutex_unlock(&p->lock);
        status = read_back(p, p->hashed, block, NULL, p->sha, err);
        pthread_mutex_lock(&p->lock);
        p->hashing = false;
        p->hashed += !status;
    }
    pthread_mutex_unlock(&p->lock);
    return status;
}

static bool is_right(struct parts *p)
{
    unsigned char digest[SHA256_SIZE];
    if (p->sha) {
        sha256_final(p->sha, digest);
        p->sha = NULL;
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        return str_eq(hex_encode(&scratch, digest, sizeof digest), p->source->sha256);
    }
    uint64_t crc = 0;
    for (int i = 0; i < p->file->count; i++)
        crc = crc64_combine(crc, p->crcs[i], (uint64_t)download_file_length(p->file, i));
    return !p->source->has_crc || crc == p->source->crc;
}

/* ---- worker threads ---- */

static enum download_result do_part(struct parts *p, int part, char *block, struct err *err)
{
    int status = 0;
    if (p->file->done[part]) {
        atomic_fetch_add(&p->kept, download_file_length(p->file, part));
        if (p->source->has_crc)
            status = read_back(p, part, block, &p->crcs[part], NULL, err);
    } else {
        enum download_result result = download_parts_fetch(p, part, err);
        if (result != DOWNLOAD_OK)
            return result;
        download_file_done(p->file, part);
    }
    if (p->sha)
        status = hash_on(p, part, block, err);
    return status ? DOWNLOAD_FAILED : DOWNLOAD_OK;
}

static int next_part(struct parts *p)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&p->lock);
    return p->next < p->file->count && !p->stop ? p->next++ : -1;
}

static void *download_parts_work(void *arg)
{
    struct parts *p = arg;
    AUTO_FREE char *block = mem_alloc(BLOCK);
    for (int part; (part = next_part(p)) >= 0;) {
        struct err err = ERR_INIT;
        enum download_result result = do_part(p, part, block, &err);
        if (result != DOWNLOAD_OK)
            stop_with(p, result, &err);
    }
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&p->lock);
    if (!--p->running)
        pthread_cond_signal(&p->over);
    return NULL;
}

/* ---- the caller's thread ---- */

static void download_parts_tell(struct parts *p, int64_t began_ms)
{
    char line[128];
    if (!op_has_progress(p->ctx))
        return;
    rate_line(line, sizeof line, "downloading", atomic_load(&p->moved), atomic_load(&p->kept),
        p->source->size, clock_mono_ms() - began_ms);
    op_progress(p->ctx, line);
}

static void download_parts_watch(struct parts *p)
{
    int64_t began_ms = clock_mono_ms();
    pthread_mutex_lock(&p->lock);
    while (p->running) {
        bool ticked = !clock_cond_wait(&p->over, &p->lock, clock_mono_ms() + TICK_MS);
        pthread_mutex_unlock(&p->lock);
        if (cancel_is_set(p->ctx->cancel)) {
            struct err interrupted = ERR_INIT;
            err_set(&interrupted, ERR_INTERRUPTED, "interrupted");
            stop_with(p, DOWNLOAD_FAILED, &interrupted);
        }
        if (ticked)
            download_parts_tell(p, began_ms);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
}

static void run_all(struct parts *p)
{
    pthread_t ids[WORKERS];
    int wanted = p->file->count < WORKERS ? p->file->count : WORKERS, started = 0;
    p->running = wanted;
    while (started < wanted && !pthread_create(&ids[started], NULL, download_parts_work, p))
        started++;
    pthread_mutex_lock(&p->lock);
    p->running -= wanted - started;
    pthread_mutex_unlock(&p->lock);
    if (wanted && !started) {
        p->running = 1;
        download_parts_work(p);
    }
    download_parts_watch(p);
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
}

static enum download_result download_parts_outcome(struct parts *p, struct err *err)
{
    if (p->result == DOWNLOAD_OK && !is_right(p)) {
        err_set(err, ERR_PROTOCOL, "the downloaded content does not match its checksum");
        return DOWNLOAD_CHANGED;
    }
    *err = p->err;
    if (p->result == DOWNLOAD_CHANGED)
        err_set(err, ERR_IO, "it changes while it is downloaded");
    return p->result;
}

enum download_result download_parts(
    struct op_ctx *ctx, const struct download_source *source, struct download_file *file, struct err *err)
{
    struct parts p = {.ctx = ctx,
        .source = source,
        .file = file,
        .plain = file->count <= 1,
        .crcs = ARENA_ARRAY(ctx->arena, uint64_t, file->count + 1),
        .ready = ARENA_ARRAY(ctx->arena, bool, file->count + 1),
        .sha = source->sha256.n ? sha256_new() : NULL,
        .lock = PTHREAD_MUTEX_INITIALIZER};
    clock_cond_init(&p.over);
    run_all(&p);
    enum download_result result = download_parts_outcome(&p, err);
    if (p.sha) {
        unsigned char unused[SHA256_SIZE];
        sha256_final(p.sha, unused);
    }
    return result;
}
