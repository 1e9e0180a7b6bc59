/* Copies all records, reads them back and compares; then closes the original. */
#include "plan/state/migrate.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

const char state_migrate_hint[] =
    "let `state:` name the place that it was moved to; then `weir state migrate "
    "'{\"backend\": …}'` moves it to the next";

enum { CHUNK_BYTES = 1 << 20, CHUNK_RECORDS = 2000 };

struct digest {
    unsigned char bytes[SHA256_SIZE];
};

/* The contents of a log: a digest of each record, by number. */
struct contents {
    struct digest *digests;
    size_t n, cap;
    bool moved;         /* its last record says that it was moved */
    struct backend *of; /* gets the lineage; NULL: none */
};

static int note_record(void *ctx, struct str json, struct err *err)
{
    struct contents *c = ctx;
    uint64_t seq, batch;
    if (!log_numbers(json, &seq, &batch) || seq != c->n + 1)
        return err_set(err, ERR_DAMAGED, "record %zu is missing", c->n + 1);
    struct str head = str_slice(json, 0, json.n < 128 ? json.n : 128);
    c->moved = str_find(head, STR("\"kind\":\"moved\""), 0) >= 0;
    MEM_GROW(c->digests, c->cap, c->n + 1);
    if (!c->n && c->of)
        backend_learn_lineage(c->of, json);
    hash_sha256(json, c->digests[c->n++].bytes);
    return 0;
}

static void contents_release(struct contents *c)
{
    free(c->digests);
}
#define AUTO_CONTENTS __attribute__((cleanup(contents_release)))

static bool is_beginning(const struct contents *part, const struct contents *whole)
{
    return part->n <= whole->n &&
           (!part->n || !memcmp(part->digests, whole->digests, part->n * sizeof *part->digests));
}

/* ---- copying ---- */

struct copy {
    struct backend *to;
    struct buf chunk;
    uint64_t have, first; /* numbers of the last existing record, and of the first in the chunk */
    size_t records;
};

static int write_chunk(struct copy *c, struct err *err)
{
    if (!c->records)
        return 0;
    if (c->to->ops->append(c->to, buf_str(&c->chunk), c->first, err))
        return -1;
    buf_clear(&c->chunk);
    c->records = 0;
    return 0;
}

static int copy_record(void *ctx, struct str json, struct err *err)
{
    struct copy *c = ctx;
    uint64_t seq, batch;
    log_numbers(json, &seq, &batch);
    if (seq <= c->have)
        return 0;
    if (!c->records)
        c->first = seq;
    buf_addf(&c->chunk, "%08" PRIx32 " ", hash_crc32c(0, json.p, json.n));
    buf_add_str(&c->chunk, json);
    buf_add_char(&c->chunk, '\n');
    c->records++;
    return c->chunk.n < CHUNK_BYTES && c->records < CHUNK_RECORDS ? 0 : write_chunk(c, err);
}

static int copy_all(struct backend *from, struct backend *to, uint64_t have, struct err *err)
{
    struct copy c = {.to = to, .have = have};
    int result = from->ops->read_all(from, copy_record, &c, err) || write_chunk(&c, err) ? -1 : 0;
    buf_release(&c.chunk);
    return result;
}

/* ---- the switch ---- */

static int close_original(struct backend *from, const struct backend *to, uint64_t seq, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf body = BUF_INIT, line = BUF_INIT;
    struct value_entry entries[] = {
        {STR("at"), value_string_ref(&scratch, time_rfc3339(&scratch, clock_wall_ms(), true))},
        {STR("kind"), value_stringz(&scratch, "moved")},
        {STR("to"), value_string(&scratch, to->description)}};
    json_write(&body, value_map(&scratch, entries, 3), JSON_PLAIN);
    log_frame(&line, seq, seq, buf_str(&body));
    return from->ops->append(from, buf_str(&line), seq, err);
}

static int pass_over(void *ctx UNUSED, struct str json UNUSED, struct err *err UNUSED)
{
    return 0;
}

/* An append starts where reading has ended; reading with the lock also cuts off a torn end. */
static int go_to_end(struct backend *b, struct err *err)
{
    bool torn;
    return b->ops->read(b, 0, pass_over, NULL, &torn, err);
}

static int migrate_locked(
    struct backend *from, struct backend *to, struct migrate_result *result, struct err *err)
{
    AUTO_CONTENTS struct contents original = {.of = from}, there = {0}, copied = {0};
    if (go_to_end(from, err) || go_to_end(to, err) ||
        from->ops->read_all(from, note_record, &original, err) ||
        to->ops->read_all(to, note_record, &there, err))
        return -1;
    if (!original.n)
        return err_set(err, ERR_ABSENT, "there is no state in %.*s", STR_ARG(from->description));
    if (original.moved) {
        err_set(err, ERR_STALE, "the state in %.*s has been moved already", STR_ARG(from->description));
        return err_hint(err, "%s", state_migrate_hint);
    }
    if (!is_beginning(&there, &original)) {
        err_set(err, ERR_EXISTS, "there is another state in %.*s already", STR_ARG(to->description));
        return err_hint(err, "move it away first, or choose another place");
    }
    backend_set_lineage(to, str_z(from->lineage));
    if (copy_all(from, to, there.n, err) || to->ops->read_all(to, note_record, &copied, err))
        return err_context(err, "copying the state to %.*s", STR_ARG(to->description));
    if (copied.n != original.n || !is_beginning(&copied, &original))
        return err_set(err, ERR_DAMAGED,
            "reading %.*s does not return what was written to it; the original is unchanged",
            STR_ARG(to->description));
    result->records = original.n;
    return close_original(from, to, original.n + 1, err);
}

int state_migrate(struct backend *from, struct backend *to, int64_t timeout_ms, struct migrate_result *result,
    struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    lock_info_self(&scratch, "state migrate", &who);
    if (from->ops->lock(from, &who, timeout_ms, err))
        return -1;
    int status = to->ops->lock(to, &who, timeout_ms, err);
    if (!status) {
        status = migrate_locked(from, to, result, err);
        to->ops->unlock(to);
    }
    from->ops->unlock(from);
    return status;
}
