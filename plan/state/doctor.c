/* Verifies each record, compares the newest snapshot with the history, tests the store. */
#include "plan/state/doctor.h"

#include "base/clock.h"
#include "plan/state/records.h"

#include <inttypes.h>

static int count_line(void *ctx, struct str json UNUSED, struct err *err UNUSED)
{
    ++*(uint64_t *)ctx;
    return 0;
}

/* Encrypting again gives another text, and a hash if the key was missing. */
static bool is_secret(const struct value *v)
{
    return value_getz(v, "$sealed") || value_getz(v, "$hash");
}

static bool same_value(const struct value *a, const struct value *b)
{
    bool list = a->kind == VALUE_LIST, same = true;
    if (is_secret(a) || is_secret(b))
        return true;
    if (a->kind != b->kind || (!list && a->kind != VALUE_MAP))
        return value_equal(a, b);
    for (uint32_t i = 0; same && a->count == b->count && i < a->count; i++)
        same = list ? same_value(a->items[i], b->items[i])
                    : str_eq(a->entries[i].key, b->entries[i].key) &&
                          same_value(a->entries[i].value, b->entries[i].value);
    return same && a->count == b->count;
}

static bool same_record(const struct record *a, const struct record *b)
{
    return str_eq(a->subject.address, b->subject.address) && str_eq(a->subject.type, b->subject.type) &&
           str_eq(a->subject.provider, b->subject.provider) && str_eq(a->subject.id, b->subject.id) &&
           a->seq == b->seq && a->tainted == b->tainted && a->adopted == b->adopted &&
           a->prevent_destroy == b->prevent_destroy && same_value(a->attrs, b->attrs) &&
           value_equal(a->location, b->location) && value_equal(a->set, b->set) &&
           value_equal(a->deps, b->deps) && value_equal(a->interrupted, b->interrupted) &&
           value_equal(a->reported, b->reported) && value_equal(a->configured, b->configured);
}

static bool same_state(struct records *a, struct records *b)
{
    if (a->count != b->count || a->open_count != b->open_count || a->seq != b->seq ||
        !str_eq(a->lineage, b->lineage))
        return false;
    const struct record *const *x = records_sorted(a), *const *y = records_sorted(b);
    for (size_t i = 0; i < a->count; i++)
        if (!same_record(x[i], y[i]))
            return false;
    return true;
}

/* Encrypted values are not decrypted, so that no key is needed. */
static int check_log(
    struct backend *b, const struct probe_report *report, struct arena *arena, struct err *err)
{
    uint64_t lines = 0, last;
    struct records newest, history;
    bool torn;
    records_init(&newest);
    records_init(&history);
    newest.keep_encrypted = history.keep_encrypted = true;
    int status = b->ops->read_all(b, count_line, &lines, err) ||
                         backend_read(b, 0, records_apply, &newest, &torn, &last, err) ||
                         records_complete(&newest, err) || b->ops->read_all(b, records_replay, &history, err)
                     ? -1
                     : 0;
    if (status) {
        probe_report_line(report, false, "records", err->message);
    } else {
        probe_report_line(report, true, "records",
            arena_printf(arena, "%" PRIu64 " records, all whole; %zu resources, %zu open intents", lines,
                newest.count, newest.open_count)
                .p);
        if (torn)
            probe_report_line(report, true, "end",
                "the newest record is incomplete and is left out; the next write removes it");
        bool same = same_state(&newest, &history);
        probe_report_line(
            report, same, "snapshots", same ? "agree with the history" : "differ from the history");
        if (!same)
            status = err_set(err, ERR_DAMAGED, "the newest snapshot of %.*s differs from its history",
                STR_ARG(b->description));
    }
    records_release(&newest);
    records_release(&history);
    return status;
}

static int check_lock(
    struct backend *b, const struct probe_report *report, struct arena *arena, struct err *err)
{
    struct lock_info who = {0};
    bool held;
    if (b->ops->holder(b, arena, &who, &held, err))
        return -1;
    struct str text = STR("free");
    if (held && who.owner.n)
        text = arena_printf(arena, "held by %.*s (weir %.*s, process %" PRId64 ") since %.*s",
            STR_ARG(who.owner), STR_ARG(who.command), who.pid,
            STR_ARG(time_rfc3339(arena, who.since_ms, false)));
    else if (held)
        text = b->ops->share && !who.unreadable ? STR("shared by runs that are at work")
                                                : STR("held, and its holder cannot be read");
    probe_report_line(report, true, "lock", text.p);
    return 0;
}

int state_doctor(struct backend *b, const struct probe_report *report, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err probe = ERR_INIT;
    int status = b->ops->probe ? b->ops->probe(b, report, &probe) : 0;
    if (status)
        *err = probe;
    struct err why = ERR_INIT;
    if (check_lock(b, report, &arena, &why) || check_log(b, report, &arena, &why)) {
        if (!status)
            *err = why;
        status = -1;
    }
    return status;
}

struct kept {
    struct backend *backend;
    uint64_t last;
};

static int note_last(void *ctx, struct str json, struct err *err UNUSED)
{
    struct kept *kept = ctx;
    uint64_t batch;
    backend_learn_lineage(kept->backend, json);
    log_numbers(json, &kept->last, &batch);
    return 0;
}

static int accept_locked(struct backend *b, uint64_t *had, uint64_t *has, struct err *err)
{
    struct kept kept = {.backend = b};
    struct backend_head head;
    bool torn;
    if (b->ops->head(b, &head, err))
        return -1;
    b->ops->read(
        b, 0, note_last, &kept, &torn, ERR_IGNORED); /* cuts off a torn end; the rest is counted next */
    kept.last = 0;
    if (b->ops->read_all(b, note_last, &kept, err))
        return -1;
    *had = head.seq;
    *has = kept.last;
    bool foreign = head.forked || (head.lineage[0] && strcmp(head.lineage, b->lineage) != 0);
    return *has < *had || foreign ? b->ops->set_head(b, *has, err) : 0;
}

int state_accept_loss(
    struct backend *backend, int64_t timeout_ms, uint64_t *had, uint64_t *has, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    lock_info_self(&scratch, "state doctor", &who);
    if (backend->ops->lock(backend, &who, timeout_ms, err))
        return -1;
    int status = accept_locked(backend, had, has, err);
    backend->ops->unlock(backend);
    return status;
}
