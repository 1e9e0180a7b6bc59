/* The begin, change and end of a lease, and its tags. */
#include "plan/evaluate/lease.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/recorded.h"

enum { TAG_THREADS = 16 };

/* ---- time ---- */

int64_t lease_now(struct workspace *workspace, bool *by_service)
{
    int64_t ahead_ms = 0;
    *by_service = workspace_clock(workspace, &ahead_ms);
    return clock_wall_ms() + ahead_ms;
}

struct str lease_text(struct arena *arena, const struct lease *lease)
{
    enum { SECOND = 1000 };
    int64_t whole = (lease->until_ms + SECOND - 1) / SECOND * SECOND;
    return lease->until_ms ? time_rfc3339(arena, whole, false) : STR_EMPTY;
}

/* ---- begin ---- */

static bool is_there(const struct workspace *workspace)
{
    size_t open;
    state_open_intents(workspace->state, &open);
    return state_count(workspace->state) || open || state_is_part(workspace->state);
}

bool lease_is_due(const struct workspace *workspace, int64_t for_ms)
{
    const struct lease_terms *terms = &workspace->stack->lease;
    struct lease now = state_lease(workspace->state);
    if (for_ms)
        return true;
    if (!terms->given)
        return false;
    return !now.until_ms || now.warn_ms != terms->warn_ms || now.fixed == terms->extend;
}

static int refuse_ended(const struct lease *lease, struct str env, struct err *err)
{
    const char *of = env.n ? " -e " : "";
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    err_set(err, ERR_STALE, "the lease of this stack ended at %.*s", STR_ARG(lease_text(&scratch, lease)));
    if (lease->fixed)
        return err_hint(err,
            "it cannot be extended: `weir destroy%s%.*s` takes the stack down, and a new one may begin", of,
            STR_ARG(env));
    return err_hint(err, "`weir lease extend 2h%s%.*s` extends it, `weir destroy%s%.*s` destroys the stack",
        of, STR_ARG(env), of, STR_ARG(env));
}

static void list_there(struct planner *p, struct lease_begun *out)
{
    size_t n;
    const struct record *const *records = state_records(p->workspace->state, &n);
    struct str *there = ARENA_ARRAY(p->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        there[i] = arena_str(p->arena, records[i]->subject.address);
    out->to_update = there;
    out->to_update_count = n;
}

int lease_begin(struct planner *p, struct lease_begun *out, struct err *err)
{
    struct workspace *workspace = p->workspace;
    const struct lease_terms *terms = &p->stack->lease;
    struct lease before = state_lease(workspace->state), next = before;
    int64_t asked_ms = p->options->lease_ms, for_ms = asked_ms ? asked_ms : terms->for_ms;
    bool there = is_there(workspace), by_service = true;
    *out = (struct lease_begun){0};
    if (p->options->destroy || (!for_ms && !before.until_ms))
        return 0;
    int64_t now_ms = lease_now(workspace, &by_service);
    if (there && before.until_ms && !asked_ms && before.until_ms <= now_ms)
        return refuse_ended(&before, p->stack->env, err);
    if (there && before.until_ms && asked_ms && before.fixed && now_ms + asked_ms > before.until_ms)
        return err_set(err, ERR_INVALID, "the lease of this stack cannot be extended");
    if (asked_ms || !there || !before.until_ms)
        next.until_ms = for_ms ? now_ms + for_ms : 0;
    if (terms->given)
        next = (struct lease){next.until_ms, terms->warn_ms, !terms->extend};
    if (there && next.until_ms != before.until_ms)
        list_there(p, out);
    if (next.until_ms == before.until_ms && next.warn_ms == before.warn_ms && next.fixed == before.fixed)
        return 0;
    out->by_machine = !by_service;
    return state_set_lease(workspace->state, &next, err);
}

/* ---- ownership tags ---- */

struct tagging {
    struct planner *p;
    const struct record *const *records;
    struct provider **providers;
    const struct schema **schemas;
    const struct value *owner_tags;
    pthread_mutex_t lock;
    size_t failed;
    struct err first;
};

static void tag_one(void *ctx, size_t i)
{
    struct tagging *m = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    bool done;
    if (!m->schemas[i])
        return;
    struct op_ctx op =
        op_context(m->p, &arena, m->providers[i], m->schemas[i], m->records[i]->subject.address);
    if (!m->schemas[i]->ops->add_ownership_tags(&op, m->records[i]->attrs, m->owner_tags, &done, &err) ||
        err.class == ERR_ABSENT)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->lock);
    if (!m->failed++) {
        m->first = err;
        err_context(&m->first, "tagging %.*s", STR_ARG(m->records[i]->subject.address));
    }
}

/* Finds the records whose resources can be tagged, and opens their providers, which only one thread may
 * do. */
static int find_taggable(struct tagging *m, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct record *record = m->records[i];
        const struct schema *schema =
            catalog_find(m->p->workspace->catalog, record->subject.type, false, ERR_IGNORED);
        if (!schema || !schema->ops->add_ownership_tags || record->adopted)
            continue;
        if (location_provider(m->p, record->subject.provider, record->location, &m->providers[i], err))
            return -1;
        m->schemas[i] = schema;
    }
    return 0;
}

static int tag_records(struct planner *p, const struct lease *lease, const struct record *const *records,
    size_t n, struct err *err)
{
    struct tagging m = {.p = p, .records = records, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct value_entry tag = {STR("weir:lease"), value_string_ref(p->arena, lease_text(p->arena, lease))};
    m.owner_tags = value_map(p->arena, &tag, 1);
    m.providers = ARENA_ARRAY(p->arena, struct provider *, n + 1);
    m.schemas = ARENA_ARRAY(p->arena, const struct schema *, n + 1);
    if (find_taggable(&m, n, err))
        return -1;
    pool_run(TAG_THREADS, n, tag_one, &m);
    pthread_mutex_destroy(&m.lock);
    if (!m.failed)
        return 0;
    *err = m.first;
    if (m.failed > 1)
        err_context(err, "%zu resources have an earlier end of the lease", m.failed);
    return err_hint(err, "the state has the right one; `weir lease extend 0s` writes the tags again");
}

int lease_put_tags(struct planner *p, const struct lease_begun *begun, struct err *err)
{
    struct lease lease = state_lease(p->workspace->state);
    const struct record **records = ARENA_ARRAY(p->arena, const struct record *, begun->to_update_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < begun->to_update_count; i++) {
        records[n] = state_get(p->workspace->state, begun->to_update[i]);
        n += records[n] != NULL;
    }
    return tag_records(p, &lease, records, n, err);
}

/* ---- changes without an apply ---- */

static int record_lease(struct state *state, const struct lease *lease, struct err *err)
{
    return state_begin(state, "lease", NULL, err) || state_set_lease(state, lease, err) ||
                   state_end(state, "done", NULL, NULL, err) || state_flush(state, err)
               ? -1
               : 0;
}

static void see_routes(struct planner *p)
{
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    for (size_t i = 0; i < p->provider_count; i++)
        depends_need(p->providers[i], needed);
    evaluate_as_recorded(p, needed);
}

int64_t plan_now(struct workspace *workspace, bool *by_service)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, &ignored);
    size_t n;
    int64_t ahead_ms;
    const struct record *const *records = state_records(workspace->state, &n);
    if (recorded_claim(p))
        see_routes(p);
    for (size_t i = 0; i < n && !workspace_clock(workspace, &ahead_ms); i++) {
        struct provider *provider;
        if (records[i]->location)
            location_provider(p, records[i]->subject.provider, records[i]->location, &provider, ERR_IGNORED);
    }
    plan_free(p->plan);
    return lease_now(workspace, by_service);
}

int plan_lease(struct workspace *workspace, const struct lease *lease, bool shorter, struct diags *diags,
    struct err *err)
{
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    int status = recorded_claim(p) ? 0 : -1;
    if (!status)
        see_routes(p);
    if (!status && p->diags->errors)
        status = -1;
    if (!status && shorter)
        status = record_lease(workspace->state, lease, err);
    struct err untagged = ERR_INIT;
    size_t n;
    const struct record *const *records = state_records(workspace->state, &n);
    int failed = status ? 0 : tag_records(p, lease, records, n, &untagged);
    if (!status && !shorter)
        status = record_lease(workspace->state, lease, err);
    plan_free(p->plan);
    if (!status && failed)
        return err_raise(err, &untagged);
    return status;
}
