/* What is recorded and intended, as the lines of a snapshot. */
#include "plan/state/snapshot.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "plan/state/log.h"
#include "plan/state/log_body.h"

#include <inttypes.h>
#include <stdlib.h>

static void write_kept(struct secrets *secrets, struct buf *out, uint64_t seq, const struct record *record)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "{\"kind\":\"kept\"");
    body_text(&body, "address", record->subject.address);
    buf_addf(&body, ",\"from\":%" PRIu64, record->seq);
    body_record(&body, secrets, record);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
}

static void write_kept_intent(
    struct secrets *secrets, struct buf *out, uint64_t seq, const struct intent *intent)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "{\"kind\":\"kept\"");
    body_text(&body, "address", intent->subject.address);
    buf_addf(&body, ",\"from\":%" PRIu64, intent->seq);
    if (intent->at_ms) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        body_text(&body, "at", time_rfc3339(&scratch, intent->at_ms, true));
    }
    body_type(&body, intent->subject.type, intent->subject.provider);
    body_text(&body, "action", intent->action);
    body_text(&body, "token", intent->token);
    body_text(&body, "id", intent->subject.id);
    body_value(&body, secrets, "desired", intent->desired);
    body_value(&body, secrets, "set", intent->set);
    body_value(&body, secrets, "deps", intent->deps);
    body_value(&body, secrets, "place", intent->location);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
}

/* ---- names ---- */

struct snapshot_name {
    uint64_t digest;
    struct str address;
};

enum { NAMES_A_LINE = 64 };

static void add_names(struct snapshot_names *names, const struct state_namer *namer, struct arena *scratch,
    const struct record *record)
{
    const struct str *keys;
    size_t n = namer->keys(namer->ctx, scratch, record, &keys);
    MEM_GROW(names->items, names->cap, names->n + n);
    for (size_t i = 0; i < n; i++)
        names->items[names->n++] = (struct snapshot_name){state_digest(keys[i]), record->subject.address};
}

static int name_order(const void *a, const void *b)
{
    const struct snapshot_name *x = a, *y = b;
    return x->digest < y->digest ? -1 : x->digest > y->digest ? 1 : str_cmp(x->address, y->address);
}

void snapshot_names_find(struct records *r, const struct state_namer *namer, struct snapshot_names *out)
{
    AUTO_BUILDER struct value_builder types = VALUE_BUILDER(&out->arena);
    AUTO_MAP struct map seen = MAP_INIT;
    const struct record *const *records = records_sorted(r);
    for (size_t i = 0; i < r->count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct str type = records[i]->subject.type;
        if (!map_set(&seen, type, &seen))
            value_builder_set(
                &types, type, value_string(&out->arena, namer->definition(namer->ctx, &scratch, type)));
        add_names(out, namer, &scratch, records[i]);
    }
    out->types = value_builder_map(&types);
    if (out->n)
        qsort(out->items, out->n, sizeof *out->items, name_order);
}

void snapshot_names_release(struct snapshot_names *names)
{
    free(names->items);
    arena_release(&names->arena);
}

static size_t lines_of_names(const struct snapshot_names *names)
{
    return (names->n + NAMES_A_LINE - 1) / NAMES_A_LINE;
}

static void write_names(const struct snapshot_names *names, size_t from, struct buf *out, uint64_t seq)
{
    AUTO_BUF struct buf body = BUF_INIT;
    buf_addz(&body, "{\"kind\":\"names\",\"names\":[");
    for (size_t i = from; i < names->n && i < from + NAMES_A_LINE; i++) {
        buf_addf(&body, "%s\"%016" PRIx64 "\",", i == from ? "" : ",", names->items[i].digest);
        json_write_string(&body, names->items[i].address);
    }
    buf_addz(&body, "]}");
    log_frame(out, seq, seq, buf_str(&body));
}

/* ---- all of it ---- */

size_t snapshot_lines(const struct records *r, const struct snapshot_names *names)
{
    return 1 + lines_of_names(names) + r->count + r->open_count;
}

static void write_first(const struct snapshot *snapshot, struct buf *out, uint64_t seq)
{
    const struct records *r = snapshot->records;
    struct secrets *secrets = snapshot->secrets;
    AUTO_BUF struct buf body = BUF_INIT;
    body_begin(&body, snapshot->run, "snapshot");
    body_text(&body, "lineage", r->lineage);
    buf_addf(&body, ",\"runs\":%" PRIu64 ",\"count\":%zu,\"format\":%d", r->runs, r->count + r->open_count,
        LOG_FORMAT);
    if (snapshot->names->types) {
        buf_addf(&body, ",\"names\":{\"lines\":%zu", lines_of_names(snapshot->names));
        buf_addz(&body, ",\"types\":");
        json_write(&body, snapshot->names->types, JSON_PLAIN);
        body_end(&body);
    }
    body_text(&body, "digest", r->digest);
    body_value(&body, secrets, "values", r->outputs);
    body_value(&body, secrets, "trusted", r->trusted);
    body_lease(&body, &r->lease);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
}

void snapshot_write(void *ctx, struct buf *out, uint64_t seq)
{
    const struct snapshot *snapshot = ctx;
    struct records *r = snapshot->records;
    size_t n;
    write_first(snapshot, out, seq);
    for (size_t i = 0; i < snapshot->names->n; i += NAMES_A_LINE)
        write_names(snapshot->names, i, out, ++seq);
    const struct record *const *records = records_sorted(r);
    for (size_t i = 0; i < r->count; i++)
        write_kept(snapshot->secrets, out, ++seq, records[i]);
    const struct intent *const *intents = records_open_intents(r, &n);
    for (size_t i = 0; i < n; i++)
        write_kept_intent(snapshot->secrets, out, ++seq, intents[i]);
}
