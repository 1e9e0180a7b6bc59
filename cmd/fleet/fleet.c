/* Opens a fleet; locks and plans its members; records the members. */
#include "cmd/fleet/fleet.h"
#include "cmd/cost/estimate.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/output/events.h"
#include "cmd/planning/planning.h"

#include <stdlib.h>

enum {
    AT_ONCE = 50,      /* members */
    WORKERS_ALL = 256, /* worker threads for changes, in total */
    WORKERS_LEAST = 4,
    CONNECTIONS = 256,
    REMEMBER_MS = 60 * 1000, /* minimum time to wait for the lock while other shards record their members */
};

/* ---- the members ---- */

const struct value *fleet_known_members(const struct workspace *base)
{
    return value_as_map(value_getz(state_outputs(base->state), "members"));
}

/* Called before any member is loaded, since the array may move. */
static void add_member(struct fleet *fleet, struct str name, const struct value *former)
{
    MEM_GROW(fleet->members, fleet->cap, fleet->n + 1);
    struct member *m = &fleet->members[fleet->n++];
    *m = (struct member){.fleet = fleet, .name = name, .former = former, .inputs = former};
}

bool fleet_names(const struct texts *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++)
        if (str_eq(names->items[i], name))
            return true;
    return !names->n;
}

/* Depends only on the name, so that a member's shard does not change when other members do. */
bool fleet_is_in_shard(const struct fleet *fleet, struct str name)
{
    unsigned char hash[SHA256_SIZE];
    uint64_t number = 0;
    hash_sha256(name, hash);
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | hash[i];
    return !fleet->shards || number % fleet->shards == fleet->shard - 1;
}

int fleet_read_shard(struct fleet *fleet)
{
    const char *text = fleet->inv->settings->shard;
    char after;
    unsigned i = 0, n = 0;
    bool good = !text || (sscanf(text, "%5u/%5u%c", &i, &n, &after) == 2 && i >= 1 && i <= n);
    fleet->shard = i;
    fleet->shards = n;
    return good ? EXIT_DONE
                : invocation_usage(
                      fleet->inv, "--shard 2/8 is the second of eight parts", "\"%s\" is not a part", text);
}

bool fleet_has(const struct fleet *fleet, struct str name)
{
    for (size_t i = 0; i < fleet->n; i++)
        if (!fleet->members[i].is_shared && str_eq(fleet->members[i].name, name))
            return true;
    return false;
}

static int check_names(struct fleet *fleet, const struct value *listed, const struct value *known)
{
    const struct texts *args = &fleet->inv->args;
    for (size_t i = 0; i < args->n; i++)
        if (!value_get(listed, args->items[i]) && !value_get(known, args->items[i]))
            return invocation_usage(fleet->inv, "`weir fleet status` shows them all",
                "the fleet has no member \"%.*s\"", STR_ARG(args->items[i]));
    return EXIT_DONE;
}

static void add_shared(struct fleet *fleet)
{
    const struct shared_stack *shared = &fleet->base.stack->shared;
    struct workspace_options *options = ARENA_NEW(&fleet->inv->arena, struct workspace_options);
    if (!shared->name.n)
        return;
    fleet_shared_options(fleet, options);
    add_member(fleet, shared->name, NULL);
    fleet->shared_stack = &fleet->members[0];
    fleet->shared_stack->is_shared = true;
    fleet->shared_stack->given = options;
}

/* Merges two maps that are sorted by name. */
static int find_members(struct fleet *fleet)
{
    const struct value *listed = fleet->base.stack->members, *known = fleet_known_members(&fleet->base);
    uint32_t i = 0, k = 0;
    MEM_GROW(
        fleet->members, fleet->cap, (size_t)listed->count + known->count + 1); /* it must not move later */
    add_shared(fleet);
    while (i < listed->count || k < known->count) {
        int order = i == listed->count  ? 1
                    : k == known->count ? -1
                                        : str_cmp(listed->entries[i].key, known->entries[k].key);
        const struct value_entry *entry = order <= 0 ? &listed->entries[i] : &known->entries[k];
        if (fleet_names(&fleet->inv->args, entry->key) && fleet_is_in_shard(fleet, entry->key))
            add_member(fleet, entry->key, order > 0 ? entry->value : NULL);
        i += order <= 0;
        k += order >= 0;
    }
    int status = check_names(fleet, listed, known);
    return status == EXIT_DONE ? fleet_shared_check(fleet->inv, &fleet->base) : status;
}

static int share(struct fleet *fleet)
{
    struct invocation *inv = fleet->inv;
    struct err err = ERR_INIT;
    struct http_options http = {.max_connections = CONNECTIONS,
        .max_per_host = CONNECTIONS,
        .trace = inv->workspace_options.trace,
        .trace_line = inv->workspace_options.trace_line,
        .trace_ctx = inv->workspace_options.trace_ctx};
    return shared_new(&http, &fleet->shared, &err) ? invocation_fail(inv, &err) : EXIT_DONE;
}

int fleet_new(struct invocation *inv, struct fleet *fleet)
{
    *fleet = (struct fleet){.inv = inv, .at_once = AT_ONCE};
    pthread_mutex_init(&fleet->lock, NULL);
    MEM_GROW(fleet->members, fleet->cap, 1);
    return share(fleet);
}

void fleet_add(struct fleet *fleet, struct str name, const struct workspace_options *options)
{
    add_member(fleet, name, NULL);
    fleet->members[fleet->n - 1].given = options;
}

void fleet_exclude(struct member *m)
{
    workspace_close(&m->workspace);
    m->excluded = true;
}

int fleet_open(struct invocation *inv, struct fleet *fleet)
{
    const struct fleet_settings *own = inv->own;
    struct workspace_options wanted = {.stack = {.any_member = true}};
    *fleet = (struct fleet){.inv = inv, .at_once = own->at_once ? own->at_once : AT_ONCE};
    pthread_mutex_init(&fleet->lock, NULL);
    if (inv->settings->env)
        return invocation_usage(
            inv, "weir fleet plan NAME …", "members of a fleet are named as arguments, not by -e");
    int status = fleet_read_shard(fleet);
    if (status == EXIT_DONE)
        status = invocation_open(inv, &wanted, &fleet->base);
    if (status != EXIT_DONE)
        return status;
    if (!fleet->base.stack->fleet)
        return invocation_usage(inv,
            "`fleet: {each: [anna, bob], inputs: {owner: \"${each.key}\"}}` makes it one",
            "this stack is not a fleet");
    status = share(fleet);
    return status == EXIT_DONE ? find_members(fleet) : status;
}

void fleet_close(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n + fleet->others; i++) {
        struct member *m = &fleet->members[i];
        plan_free(m->plan);
        workspace_close(&m->workspace);
        diags_release(&m->diags);
    }
    free(fleet->members);
    map_release(&fleet->reported);
    shared_free(fleet->shared);
    workspace_close(&fleet->base);
    pthread_mutex_destroy(&fleet->lock);
}

/* ---- one member ---- */

static struct str with_more(struct arena *arena, struct str text, const struct buf *more)
{
    return arena_printf(arena, "%.*s%.*s", STR_ARG(text), STR_ARG(buf_str(more)));
}

static void member_trouble(struct member *m, int status, const struct buf *text, const struct buf *plain)
{
    struct fleet *fleet = m->fleet;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&fleet->lock);
    m->error_text = with_more(&fleet->inv->arena, m->error_text, text);
    m->error_plain = with_more(&fleet->inv->arena, m->error_plain, plain);
    m->status = m->status ? m->status : status;
    m->phase = MEMBER_HAS_FAILED;
    m->ended_ms = clock_mono_ms();
    fleet_view_changed(m);
}

void member_fail(struct member *m, const struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT, plain = BUF_INIT;
    err_render(err, false, &plain);
    if (m->fleet->inv->settings->json)
        event_error(&text, err);
    else
        err_render(err, m->fleet->inv->err.color, &text);
    member_trouble(m, err_exit_status(err->class), &text, &plain);
}

/* Returns false, and records the errors, if there are errors among the diagnostics. */
static bool member_diags(struct member *m)
{
    AUTO_BUF struct buf text = BUF_INIT, plain = BUF_INIT;
    bool good = !m->diags.errors;
    diags_render(&m->diags, false, &plain);
    if (m->fleet->inv->settings->json)
        event_diags(&text, &m->diags);
    else
        diags_render(&m->diags, m->fleet->inv->err.color, &text);
    if (!good)
        member_trouble(m, EXIT_USAGE, &text, &plain);
    diags_release(&m->diags);
    m->diags = (struct diags)DIAGS_INIT;
    return good;
}

bool member_is_ok(const struct member *m)
{
    return m->phase != MEMBER_HAS_FAILED && m->phase != MEMBER_IS_SKIPPED && !m->excluded;
}

bool member_is_destroyed(const struct member *m)
{
    return m->is_shared ? m->fleet->shared_destroyed : m->former || m->fleet->destroy;
}

static void member_load(struct member *m)
{
    struct fleet *fleet = m->fleet;
    struct err err = ERR_INIT;
    m->options = fleet->inv->workspace_options;
    if (m->given) {
        m->options = *m->given;
    } else {
        m->options.stack.env = m->name;
        m->options.stack.any_member = false;
        m->options.stack.member = m->inputs;
        m->options.stack.members = fleet->base.stack->members; /* read only once */
        m->options.stack.lenient_inputs = m->former;
        m->options.catalog = fleet->base.catalog;
        m->options.shared_outputs = fleet->shared_stack ? &fleet->shared_outputs : NULL;
    }
    m->options.shared = fleet->shared;
    m->planned = (struct planned_stacks){fleet->outputs, m};
    m->options.planned = fleet->outputs ? &m->planned : NULL;
    m->options.no_state = m->options.find_all = fleet->offline;
    int failed = workspace_open(&m->options, &m->diags, &m->workspace, &err);
    if (!failed && fleet->offline)
        return; /* an offline fleet only needs the diagnostics, which are reported later */
    if (!failed)
        failed = state_check_moved(m->workspace.state, &err);
    bool good = member_diags(m);
    if (failed && err.class != ERR_NONE)
        member_fail(m, &err);
    if (failed || !good)
        workspace_close(&m->workspace);
}

void fleet_load(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n; i++)
        member_load(&fleet->members[i]);
}

void fleet_lock(struct fleet *fleet)
{
    signals_catch(); /* so that locks in a shared store are released */
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        struct err err = ERR_INIT;
        if (member_is_ok(m) && !m->is_shared &&
            state_lock(
                m->workspace.state, fleet->inv->command->name, fleet->inv->settings->lock_timeout_ms, &err))
            member_fail(m, &err);
    }
}

/* ---- planning ---- */

int fleet_workers(const struct fleet *fleet)
{
    int all = fleet->inv->settings->parallelism ? fleet->inv->settings->parallelism : WORKERS_ALL;
    int active = (int)fleet->n < fleet->at_once ? (int)fleet->n : fleet->at_once;
    int each = all / (active ? active : 1);
    return each < WORKERS_LEAST ? WORKERS_LEAST : each > 32 ? 32 : each;
}

const struct workspace *member_base(const struct member *m)
{
    return m->base ? m->base : &m->fleet->base;
}

void member_plan(struct member *m)
{
    struct fleet *fleet = m->fleet;
    const struct settings *s = fleet->inv->settings;
    struct err err = ERR_INIT;
    if (!member_is_ok(m) || m->plan || (!fleet->destroy && !fleet->offline && member_skip(m)))
        return;
    struct plan_options options = {.destroy = !fleet->drift && member_is_destroyed(m),
        .as_recorded = fleet->drift,
        .offline = fleet->offline,
        .no_refresh = s->no_refresh || member_is_other(m),
        .quick_refresh = s->quick_refresh,
        .delete_adopted = s->delete_adopted,
        .lease_ms = member_is_destroyed(m) ? 0 : s->lease_ms,
        .teardown = planning_teardown(s),
        .approved = s->approve.items,
        .approved_count = s->approve.n,
        .approval_reason = str_z(s->reason ? s->reason : ""),
        .cost = cost_of_plan,
        .no_budget = member_base(m)->stack, /* the budget is for all members together: fleet_check_budget() */
        .parallelism = fleet_workers(fleet),
        .cancel = signals_stop(),
        .observer = {member_is_other(m) ? NULL : member_event, m}};
    int failed = m->saved ? plan_load(&m->workspace, m->saved, &options, &m->diags, &m->plan, &err)
                          : plan_make(&m->workspace, &options, &m->diags, &m->plan, &err);
    bool good = member_diags(m);
    if (failed && err.class != ERR_NONE)
        member_fail(m, &err);
    else if (failed && good)
        member_fail(m, &(struct err){.class = ERR_FAILED, .message = "it could not be planned"});
    if (m->plan && fleet->report_outputs && !fleet->destroy && !fleet->drift)
        fleet->report_outputs(m, m->plan->output_values);
    if (m->plan)
        engines_warn(fleet->inv, m->plan, &options.observer);
    if (m->plan && s->json && !m->plan->destroy && !fleet->drift && !fleet->offline)
        planning_report_lease(&options.observer, &m->workspace);
    if (m->plan)
        m->wanted += plan_count_all(m->plan);
}

/* Plans the shared stack, whose outputs the members' plans use. */
static void plan_shared(struct fleet *fleet)
{
    struct member *shared = fleet->shared_stack;
    if (!shared || !shared->workspace.state)
        return;
    fleet->shared_destroyed =
        !fleet->drift && fleet_shared_is_destroyed(fleet, fleet_known_members(&fleet->base));
    fleet_shared_exclude(fleet);
    if (fleet->shard > 1) { /* the first shard applies it */
        fleet_shared_as_recorded(fleet);
        shared->excluded = true;
    }
    if (shared->excluded)
        return;
    member_plan(shared);
    if (fleet->shared_destroyed || fleet->drift)
        fleet_shared_as_recorded(fleet);
    else if (shared->plan)
        fleet->shared_outputs = shared->plan->output_values;
}

void fleet_plan(struct fleet *fleet)
{
    signals_catch_first();
    for (size_t i = 0; i < fleet->n; i++)
        if (member_is_ok(&fleet->members[i]) && !fleet->offline)
            shared_learn(fleet->shared, &fleet->members[i].workspace);
    plan_shared(fleet);
    fleet_each(fleet, false, member_plan);
}

int fleet_check_engines(struct fleet *fleet)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (m->plan && member_is_ok(m) && engines_refuse(fleet->inv, m->plan, &err))
            return invocation_fail(fleet->inv, &err);
    }
    return EXIT_DONE;
}

void fleet_check_deletions(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        struct err err = ERR_INIT;
        if (m->plan && member_is_ok(m) && plan_check_deletions(m->plan, &err))
            member_fail(m, &err);
    }
}

void fleet_check_rules(struct fleet *fleet, bool approvals)
{
    for (size_t i = 0; i < fleet->n; i++) {
        struct member *m = &fleet->members[i];
        struct err err = ERR_INIT;
        if (m->plan && member_is_ok(m) &&
            (plan_check_rules(m->plan, &err) || (approvals && plan_check_approvals(m->plan, &err))))
            member_fail(m, &err);
    }
}

int fleet_check_quotas(struct fleet *fleet)
{
    struct plan **plans = ARENA_ARRAY(&fleet->inv->arena, struct plan *, fleet->n + 1);
    size_t n = 0;
    struct err err = ERR_INIT;
    for (size_t i = 0; i < fleet->n; i++)
        if (fleet->members[i].plan && member_is_ok(&fleet->members[i]))
            plans[n++] = fleet->members[i].plan;
    return plans_check_quotas(plans, n, &err) ? invocation_fail(fleet->inv, &err) : EXIT_DONE;
}

/* ---- recording the members ---- */

static bool member_is_gone(const struct member *m)
{
    return m->plan && member_is_ok(m) && member_is_destroyed(m) && !state_count(m->workspace.state);
}

static const struct value *remembered(struct fleet *fleet, const struct workspace *base, bool gone)
{
    const struct value *members = fleet_known_members(base);
    struct arena *arena = &fleet->inv->arena;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct member *m = &fleet->members[i];
        if (m->is_shared || member_base(m) != base)
            continue;
        if (gone && member_is_gone(m))
            members = value_with(arena, members, m->workspace.stack->env, NULL);
        else if (!gone && m->plan && !member_is_destroyed(m))
            members = value_with(arena, members, m->workspace.stack->env, m->workspace.stack->member_inputs);
    }
    return members;
}

/* Other runs may have added members, so the record is read again under the lock, which is held only
 * briefly. */
static int remember(struct fleet *fleet, const struct workspace *base, const struct member *shared, bool gone,
    struct err *err)
{
    struct state *state = base->state;
    struct arena *arena = &fleet->inv->arena;
    int64_t timeout_ms = fleet->inv->settings->lock_timeout_ms;
    if (state_lock(state, "fleet", timeout_ms > REMEMBER_MS ? timeout_ms : REMEMBER_MS, err))
        return -1;
    const struct value *members = remembered(fleet, base, gone), *outputs = &value_empty_map;
    int status = 0;
    if (members->count)
        outputs = value_with(arena, NULL, STR("members"), members);
    if (members->count)
        outputs = value_with(arena, outputs, STR("shared"),
            shared ? fleet_shared_record(shared, arena) : value_getz(state_outputs(state), "shared"));
    if (!value_equal(outputs, state_outputs(state))) {
        status = state_begin(state, "fleet", NULL, err) || state_set_outputs(state, outputs, err) ||
                         state_end(state, "done", NULL, NULL, err) || state_flush(state, err)
                     ? -1
                     : 0;
    }
    state_unlock(state);
    return status;
}

int fleet_record_members_in(
    struct fleet *fleet, struct workspace *base, const struct member *shared, bool destroyed)
{
    struct err err = ERR_INIT;
    return remember(fleet, base, shared, destroyed, &err) ? invocation_fail(fleet->inv, &err) : EXIT_DONE;
}

int fleet_record_members(struct fleet *fleet, bool destroyed)
{
    return fleet_record_members_in(fleet, &fleet->base, fleet->shared_stack, destroyed);
}
