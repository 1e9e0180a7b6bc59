/* Applies the log's lines in order: each kind has a function that changes records or intents. */
#include "plan/state/records.h"

#include "base/clock.h"
#include "base/mask.h"

#include <inttypes.h>

/* One record of the log. */
struct line {
    const struct value *fields;
    struct str json;
    uint64_t seq;
};

static int apply_outcome(struct records *r, const struct line *line, struct err *err)
{
    records_end_intent(r, value_gets(line->fields, "address"));
    if (value_getz(line->fields, "attrs"))
        return records_put_line(r, line->fields, line->seq, err);
    records_remove(r, value_gets(line->fields, "address"));
    return 0;
}

static int apply_fail(struct records *r, const struct line *line, struct err *err)
{
    if (value_getb(line->fields, "unclear")) /* the intent stays open for recovery */
        return 0;
    records_end_intent(r, value_gets(line->fields, "address"));
    return value_getz(line->fields, "attrs") ? records_put_line(r, line->fields, line->seq, err) : 0;
}

static int apply_drop(struct records *r, const struct line *line, struct err *err UNUSED)
{
    records_end_intent(r, value_gets(line->fields, "address"));
    records_remove(r, value_gets(line->fields, "address"));
    return 0;
}

static int apply_intent(struct records *r, const struct line *line, struct err *err UNUSED)
{
    records_intent(r, value_gets(line->fields, "address"), line->json);
    return 0;
}

static int apply_kept(struct records *r, const struct line *line, struct err *err)
{
    if (!r->kept_due)
        return err_set(err, ERR_DAMAGED, "it belongs to no snapshot");
    r->kept_due--;
    if (str_eqz(value_gets(line->fields, "action"), ""))
        return records_put_line(r, line->fields, value_get_count(line->fields, "from"), err);
    records_intent(r, value_gets(line->fields, "address"), line->json);
    return 0;
}

/* Read only by searches (snapshot.c). */
static int apply_names(struct records *r, const struct line *line UNUSED, struct err *err)
{
    if (!r->kept_due)
        return err_set(err, ERR_DAMAGED, "it belongs to no snapshot");
    r->kept_due--;
    return 0;
}

static int apply_move(struct records *r, const struct line *line, struct err *err UNUSED)
{
    records_move(r, value_gets(line->fields, "from"), value_gets(line->fields, "to"));
    r->moves++;
    return 0;
}

static int apply_outputs(struct records *r, const struct line *line, struct err *err)
{
    const struct value *values = value_getz(line->fields, "values");
    if (values && records_read_value(r, values, &r->outputs, err))
        return -1;
    /* An output in clear text is not a secret, even if it was computed from one. */
    for (uint32_t i = 0; values && r->outputs->kind == VALUE_MAP && i < r->outputs->count; i++)
        if (!value_is_sensitive(r->outputs->entries[i].value))
            mask_allow_value(r->outputs->entries[i].value);
    mask_add_marked(r->outputs, MASK_LIKELY);
    return 0;
}

static int apply_trust(struct records *r, const struct line *line, struct err *err UNUSED)
{
    records_trust(r, value_gets(line->fields, "connection"), value_gets(line->fields, "key"),
        value_gets(line->fields, "of"));
    return 0;
}

static struct lease read_lease(const struct value *fields)
{
    struct lease lease = {
        .warn_ms = (int64_t)value_get_count(fields, "warn_ms"), .fixed = value_getb(fields, "fixed")};
    time_parse_rfc3339(value_gets(fields, "until"), &lease.until_ms);
    return lease;
}

static int apply_lease(struct records *r, const struct line *line, struct err *err)
{
    struct str until = value_gets(line->fields, "until");
    r->lease = read_lease(line->fields);
    if (until.n && !r->lease.until_ms)
        return err_set(err, ERR_DAMAGED, "its lease ends at no time: %.*s", STR_ARG(until));
    return 0;
}

static void set_lineage(struct records *r, struct str lineage)
{
    if (r->lineage.n || !lineage.n)
        return;
    r->lineage = arena_str(&r->arena, lineage);
    if (r->secrets)
        secrets_set_lineage(r->secrets, r->lineage);
}

static void note_running(struct records *r, const struct value *fields)
{
    const struct value *claims = value_getz(fields, "claims");
    if (!claims)
        return;
    struct running *running = ARENA_NEW(&r->arena, struct running);
    *running = (struct running){.run = arena_str(&r->arena, value_gets(fields, "run")),
        .life = arena_str(&r->arena, value_gets(fields, "life")),
        .claims = value_copy(&r->arena, claims)};
    lock_info_from(&r->arena, fields, &running->who);
    time_parse_rfc3339(value_gets(fields, "at"), &running->who.since_ms);
    map_set(&r->running, running->run, running);
}

void records_end_run(struct records *r, struct str run)
{
    if (map_get(&r->running, run))
        map_set(&r->running, run, NULL);
}

void records_begin_run(struct records *r, const struct value *fields)
{
    int64_t number = 0;
    const struct value *ended = value_as_list(value_getz(fields, "ended"));
    if (str_to_int(value_gets(fields, "run"), &number) && number > 0)
        r->runs = (uint64_t)number;
    set_lineage(r, value_gets(fields, "lineage"));
    for (uint32_t i = 0; i < ended->count; i++)
        records_end_run(r, value_text(ended->items[i], STR_EMPTY));
    note_running(r, fields);
}

static int apply_run(struct records *r, const struct line *line, struct err *err UNUSED)
{
    records_begin_run(r, line->fields);
    return 0;
}

static int apply_end(struct records *r, const struct line *line, struct err *err UNUSED)
{
    records_end_run(r, value_gets(line->fields, "run"));
    r->failed = str_eqz(value_gets(line->fields, "status"), "failed");
    return 0;
}

static int apply_snapshot(struct records *r, const struct line *line, struct err *err)
{
    records_forget_intents(r);
    map_release(&r->by_address);
    map_release(&r->running); /* a snapshot is written with an exclusive lock */
    r->count = 0;
    r->lines = 0;
    r->outputs = &value_empty_map;
    r->trusted = value_copy(&r->arena, value_getz(line->fields, "trusted"));
    r->lease = read_lease(line->fields);
    records_unsort(r);
    set_lineage(r, value_gets(line->fields, "lineage"));
    r->runs = value_get_count(line->fields, "runs");
    const struct value *names = value_getz(line->fields, "names");
    r->types = value_copy(&r->arena, value_getz(names, "types"));
    r->kept_due = value_get_count(line->fields, "count") + value_get_count(names, "lines");
    r->snapshot_lines = 1 + r->kept_due;
    r->digest = arena_str(&r->arena, value_gets(line->fields, "digest"));
    return apply_outputs(r, line, err);
}

static int apply_moved(struct records *r, const struct line *line, struct err *err UNUSED)
{
    r->moved_to = arena_str(&r->arena, value_gets(line->fields, "to"));
    return 0;
}

static const struct {
    const char *kind;
    int (*apply)(struct records *r, const struct line *line, struct err *err);
    bool addressed;
} kinds[] = {
    {"intent", apply_intent, true},
    {"done", apply_outcome, true},
    {"kept", apply_kept, true},
    {"names", apply_names, false},
    {"fail", apply_fail, true},
    {"drop", apply_drop, true},
    {"move", apply_move, false},
    {"outputs", apply_outputs, false},
    {"trust", apply_trust, false},
    {"lease", apply_lease, false},
    {"run", apply_run, false},
    {"end", apply_end, false},
    {"moved", apply_moved, false},
    {"snapshot", apply_snapshot, false},
};

static int refuse_newer(const struct line *line, struct err *err)
{
    uint64_t format = value_get_count(line->fields, "format");
    struct str version = value_gets(line->fields, "version");
    if (format <= LOG_FORMAT)
        return 0;
    err_set(err, ERR_INVALID,
        "record %" PRIu64 " is in format %" PRIu64 " of a newer weir%s%.*s; this is weir %s", line->seq,
        format, version.n ? ", " : "", STR_ARG(version), WEIR_VERSION);
    return err_hint(err, "use that one, or a still newer one; nothing was changed");
}

static int apply_line(struct records *r, const struct line *line, struct err *err)
{
    struct str kind = value_gets(line->fields, "kind");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!str_eqz(kind, kinds[i].kind))
            continue;
        if (kinds[i].addressed && !value_gets(line->fields, "address").n)
            return err_set(err, ERR_DAMAGED, "it names no resource");
        if (r->kept_due && kinds[i].apply != apply_kept && kinds[i].apply != apply_names)
            return err_set(err, ERR_DAMAGED, "the snapshot before it lacks %" PRIu64 " records", r->kept_due);
        return kinds[i].apply(r, line, err);
    }
    err_set(err, ERR_INVALID, "record %" PRIu64 " is of an unknown type \"%.*s\"", line->seq, STR_ARG(kind));
    return err_hint(err, "the state was written by a newer weir; use that one");
}

/*
 * The stack's files may be large and are not needed: only the digest before them is read. False if it is
 * another record.
 */
static bool skip_sources(struct records *r, struct str json)
{
    static const struct str front = STR_INIT("\"kind\":\"sources\",\"digest\":\"");
    struct str head = str_slice(json, 0, json.n < 256 ? json.n : 256), rest;
    ptrdiff_t at = str_find(head, front, 0);
    if (at < 0)
        return false;
    head = str_cut(str_slice(head, (size_t)at + front.n, head.n), '"', &rest);
    if (rest.p && str_starts(rest, STR(",\"files\":"))) /* otherwise they were kept before, or not at all */
        r->digest = arena_str(&r->arena, head);
    return rest.p != NULL;
}

/* A snapshot's names are not needed either. */
static bool skip_names(struct records *r, struct str json)
{
    struct str head = str_slice(json, 0, json.n < 80 ? json.n : 80);
    bool names = r->kept_due && str_find(head, STR("\"kind\":\"names\""), 0) >= 0;
    r->kept_due -= names;
    return names;
}

static int refuse_sealed(const struct line *line, struct err *err)
{
    if (!value_gets(line->fields, "sealed").n)
        return 0;
    err_set(err, ERR_INVALID, "record %" PRIu64 " is encrypted as a whole", line->seq);
    return err_hint(err, "the stack's state has to say so: `state: {encrypt: records}`");
}

static int apply_parsed(struct records *r, const struct line *line, bool pass_over_snapshots, struct err *err)
{
    struct str kind = value_gets(line->fields, "kind");
    bool snapshot = str_eqz(kind, "snapshot"), kept = str_eqz(kind, "kept") || str_eqz(kind, "names");
    if (refuse_sealed(line, err) || refuse_newer(line, err))
        return -1;
    if (line->seq != r->seq + 1 && !(snapshot && line->seq > r->seq))
        return err_set(
            err, ERR_DAMAGED, "its number is %" PRIu64 ", it should be %" PRIu64, line->seq, r->seq + 1);
    return pass_over_snapshots && (snapshot || kept) ? 0 : apply_line(r, line, err);
}

static int apply_numbered(struct records *r, struct str json, bool pass_over_snapshots, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct line line = {.json = json};
    uint64_t batch;
    if (!log_numbers(json, &line.seq, &batch))
        return err_set(err, ERR_DAMAGED, "it has no number");
    bool skipped = line.seq == r->seq + 1 && (r->kept_due ? skip_names(r, json) : skip_sources(r, json));
    if (!skipped &&
        (log_parse(&scratch, json, &line.fields, err) || apply_parsed(r, &line, pass_over_snapshots, err)))
        return -1;
    r->seq = line.seq;
    r->lines++;
    return 0;
}

int records_apply(void *records, struct str json, struct err *err)
{
    return apply_numbered(records, json, false, err);
}

int records_replay(void *records, struct str json, struct err *err)
{
    return apply_numbered(records, json, true, err);
}

int records_take_kept(struct records *r, struct str json, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *fields;
    return log_parse(&scratch, json, &fields, err)
               ? -1
               : records_put_line(r, fields, value_get_count(fields, "from"), err);
}

void records_pass_kept(struct records *r, uint64_t next)
{
    r->lines += next - 1 - r->seq;
    r->kept_due -= next - 1 - r->seq;
    r->seq = next - 1;
}

int records_pass(struct records *r, struct str json, struct err *err)
{
    uint64_t seq, batch;
    if (r->kept_due || !log_numbers(json, &seq, &batch) || seq != r->seq + 1)
        return err_set(err, ERR_DAMAGED, "it is out of order");
    r->seq = seq;
    r->lines++;
    return 0;
}

int records_complete(const struct records *r, struct err *err)
{
    if (!r->kept_due)
        return 0;
    return err_set(err, ERR_DAMAGED, "its newest snapshot lacks %" PRIu64 " records", r->kept_due);
}
