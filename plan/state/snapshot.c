/* What is recorded and intended, as the lines of a snapshot. */
#include "plan/state/snapshot.h"

#include "base/clock.h"
#include "plan/state/log.h"
#include "plan/state/log_body.h"

#include <inttypes.h>

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
    body_value(&body, secrets, "place", intent->place);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
}

void snapshot_write(
    struct records *r, struct secrets *secrets, const char *run, struct buf *out, uint64_t seq)
{
    AUTO_BUF struct buf body = BUF_INIT;
    size_t n;
    body_begin(&body, run, "snapshot");
    body_text(&body, "lineage", r->lineage);
    buf_addf(&body, ",\"runs\":%" PRIu64 ",\"count\":%zu,\"format\":%d", r->runs, r->count + r->open_count,
        LOG_FORMAT);
    body_text(&body, "digest", r->digest);
    body_value(&body, secrets, "values", r->outputs);
    body_value(&body, secrets, "trusted", r->trusted);
    body_lease(&body, &r->lease);
    body_end(&body);
    log_frame(out, seq, seq, buf_str(&body));
    const struct record *const *records = records_sorted(r);
    for (size_t i = 0; i < r->count; i++)
        write_kept(secrets, out, ++seq, records[i]);
    const struct intent *const *intents = records_open_intents(r, &n);
    for (size_t i = 0; i < n; i++)
        write_kept_intent(secrets, out, ++seq, intents[i]);
}
