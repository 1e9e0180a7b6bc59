/* Reads the log from its beginning for runs and the stack's files. */
#include "plan/state/history.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/state/encode.h"
#include "provider/names/names.h"

#include <stdlib.h>

/* A change, with the index of its run. */
struct noted {
    size_t run;
    struct history_change change;
};

struct reader {
    struct arena *arena;
    struct history_run *runs;
    size_t n, cap;
    struct noted *changes; /* of all runs, in the order of the log */
    size_t change_count, change_cap;
};

static struct str text_of(struct arena *arena, const struct value *v, const char *name)
{
    return arena_str(arena, value_gets(v, name));
}

static int64_t line_time(const struct value *line)
{
    int64_t ms = 0;
    time_parse_rfc3339(value_gets(line, "at"), &ms);
    return ms;
}

/* Returns the run of that number, nearly always the last one. NULL: no run has begun. */
static struct history_run *run_of(struct reader *r, const struct value *line)
{
    struct str run = value_gets(line, "run");
    for (size_t i = r->n; i > 0; i--)
        if (str_eq(r->runs[i - 1].run, run))
            return &r->runs[i - 1];
    return r->n ? &r->runs[r->n - 1] : NULL;
}

/* Assigns the changes to their runs. */
static void share_out(struct reader *r)
{
    for (size_t i = 0; i < r->change_count; i++)
        r->runs[r->changes[i].run].change_count++;
    for (size_t i = 0; i < r->n; i++) {
        struct history_run *run = &r->runs[i];
        run->changes = arena_alloc(r->arena, run->change_count * sizeof *run->changes);
        run->change_count = 0;
    }
    for (size_t i = 0; i < r->change_count; i++) {
        struct history_run *run = &r->runs[r->changes[i].run];
        struct history_change *changes = (struct history_change *)(uintptr_t)run->changes;
        changes[run->change_count++] = r->changes[i].change;
    }
}

/* "data_stays, few" */
static struct str approved_of(struct arena *arena, const struct value *line)
{
    const struct value *names = value_as_list(value_getz(line, "approved"));
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        buf_addf(&out, "%s%.*s", i ? ", " : "", STR_ARG(name));
    }
    return arena_str(arena, buf_str(&out));
}

static void begin_run(struct reader *r, const struct value *line, uint64_t seq)
{
    MEM_GROW(r->runs, r->cap, r->n + 1);
    r->runs[r->n++] = (struct history_run){
        .run = text_of(r->arena, line, "run"),
        .command = text_of(r->arena, line, "command"),
        .owner = text_of(r->arena, line, "owner"),
        .version = text_of(r->arena, line, "version"),
        .ci_url = text_of(r->arena, line, "ci_url"),
        .digest = text_of(r->arena, line, "digest"),
        .approved = approved_of(r->arena, line),
        .reason = text_of(r->arena, line, "reason"),
        .checks = &value_empty_map,
        .status = STR_EMPTY,
        .life = text_of(r->arena, line, "life"),
        .shared = value_getz(line, "claims") != NULL,
        .begin_ms = line_time(line),
        .first_seq = seq,
        .last_seq = seq,
    };
}

static void count_change(struct history_run *run, const struct history_change *change)
{
    if (change->failed)
        run->failed++;
    else if (str_eqz(change->action, "create"))
        run->created++;
    else if (str_eqz(change->action, "update"))
        run->updated++;
    else if (str_eqz(change->action, "adopt"))
        run->imported++;
    else if (str_eqz(change->action, "move"))
        run->moved++;
    else if (str_eqz(change->action, "drop"))
        run->forgotten++;
    else if (str_eqz(change->action, "delete"))
        run->deleted++;
}

static void add_change(
    struct reader *r, struct history_run *run, const struct value *line, struct str kind, uint64_t seq)
{
    bool moved = str_eqz(kind, "move"), acted = str_eqz(kind, "done") || str_eqz(kind, "fail");
    MEM_GROW(r->changes, r->change_cap, r->change_count + 1);
    struct noted *noted = &r->changes[r->change_count++];
    noted->run = (size_t)(run - r->runs);
    noted->change = (struct history_change){
        .seq = seq,
        .at_ms = line_time(line),
        .address = text_of(r->arena, line, moved ? "from" : "address"),
        .action = acted ? text_of(r->arena, line, "action") : arena_str(r->arena, kind),
        .type = type_renamed(r->arena, text_of(r->arena, line, "type")),
        .id = text_of(r->arena, line, "id"),
        .to = moved ? text_of(r->arena, line, "to") : STR_EMPTY,
        .failed = str_eqz(kind, "fail"),
        .error = text_of(r->arena, value_getz(line, "error"), "message"),
    };
    count_change(run, &noted->change);
}

static int read_line(void *ctx, struct str json, struct err *err)
{
    struct reader *r = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *line;
    uint64_t seq = 0, batch;
    if (log_parse(&scratch, json, &line, err))
        return -1;
    log_numbers(json, &seq, &batch);
    struct str kind = value_gets(line, "kind");
    if (str_eqz(kind, "run")) {
        begin_run(r, line, seq);
        return 0;
    }
    struct history_run *run = run_of(r, line);
    if (!run)
        return 0;
    run->last_seq = seq;
    if (str_is_any(kind, "done fail drop move"))
        add_change(r, run, line, kind, seq);
    if (str_eqz(kind, "sources"))
        run->digest = text_of(r->arena, line, "digest");
    if (str_eqz(kind, "end")) {
        run->status = text_of(r->arena, line, "status");
        run->end_ms = line_time(line);
        run->checks = value_copy(r->arena, value_as_map(value_getz(line, "checks")));
        for (uint32_t i = 0; i < run->checks->count; i++)
            run->met += str_eqz(value_text(run->checks->entries[i].value, STR_EMPTY), "kept");
    }
    return 0;
}

int history_read(
    struct backend *backend, struct arena *arena, const struct history_run **runs, size_t *n, struct err *err)
{
    struct reader r = {.arena = arena};
    int status = backend->ops->read_all(backend, read_line, &r, err);
    if (!status) {
        share_out(&r);
        struct history_run *kept = arena_alloc(arena, r.n * sizeof *kept);
        if (r.n)
            memcpy(kept, r.runs, r.n * sizeof *kept);
        *runs = kept;
        *n = r.n;
    }
    free(r.runs);
    free(r.changes);
    return status;
}

const struct history_run *history_with_running(
    struct backend *backend, struct arena *arena, const struct history_run *runs, size_t n)
{
    struct history_run *out = arena_alloc(arena, n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        struct err ignored = ERR_INIT;
        int64_t number;
        bool alive = false;
        out[i] = runs[i];
        if (out[i].status.n)
            continue;
        if (out[i].shared && str_to_int(out[i].run, &number) && backend->ops->is_alive)
            backend->ops->is_alive(backend, (uint64_t)number, out[i].life, &alive, &ignored);
        out[i].status = alive ? STR("running") : STR("killed");
    }
    return out;
}

const struct history_run *history_find(const struct history_run *runs, size_t n, struct str run)
{
    for (size_t i = n; i > 0; i--)
        if (str_eq(runs[i - 1].run, run))
            return &runs[i - 1];
    return NULL;
}

/* ---- files of a run ---- */

struct search {
    struct arena *arena;
    struct str digest;
    const struct value *sealed; /* as in the log */
    struct str lineage;
};

static int look_for_sources(void *ctx, struct str json, struct err *err)
{
    struct search *s = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *line;
    struct str head = str_slice(json, 0, json.n < 160 ? json.n : 160); /* at and run come before kind */
    bool sources = str_find(head, STR("\"kind\":\"sources\""), 0) >= 0;
    if (s->sealed || (!sources && s->lineage.n))
        return 0;
    if (log_parse(&scratch, json, &line, err))
        return -1;
    if (!s->lineage.n)
        s->lineage = text_of(s->arena, line, "lineage");
    if (sources && str_eq(value_gets(line, "digest"), s->digest))
        s->sealed = value_copy(s->arena, value_getz(line, "files"));
    return 0;
}

static int unseal_line(const struct search *s, const struct value *config, struct str dir,
    const struct value **files, struct err *err)
{
    struct secrets *secrets;
    struct interner interner = {.arena = s->arena};
    if (secrets_new(config, dir, &secrets, err))
        return -1;
    secrets_set_lineage(secrets, s->lineage);
    int status = decode_value(&interner, secrets, s->sealed, files, err);
    if (!status)
        *files = value_unmark(s->arena, *files);
    interner_release(&interner);
    secrets_free(secrets);
    return status;
}

int history_sources(struct backend *backend, const struct value *config, struct str dir, struct str run,
    struct arena *arena, const struct value **files, struct err *err)
{
    const struct history_run *runs;
    size_t n;
    if (history_read(backend, arena, &runs, &n, err))
        return -1;
    const struct history_run *found = history_find(runs, n, run);
    if (!found) {
        err_set(err, ERR_ABSENT, "there is no run %.*s", STR_ARG(run));
        return err_hint(err, "`weir history` lists the runs");
    }
    struct search s = {.arena = arena, .digest = found->digest};
    if (s.digest.n && backend->ops->read_all(backend, look_for_sources, &s, err))
        return -1;
    if (!s.sealed)
        return err_set(err, ERR_ABSENT, "the stack's files were not kept with run %.*s", STR_ARG(run));
    return unseal_line(&s, config, dir, files, err);
}
