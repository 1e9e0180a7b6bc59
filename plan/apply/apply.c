/*
 * plan_apply(): the run around the changes of a plan. Before them: lock, begin record, moves, warnings about
 * the state. After them: outputs, end record, and a snapshot if one is due.
 */
#include "plan/apply/work.h"

#include "base/mem.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/lease.h"
#include "plan/objects/plan_scope.h"

enum { CLAIMS_MAX = 10000 /* changes, for a run under a shared lock */ };

/* Records the move of one record unless another one still has its new address. Sets *moved if it did. */
static int record_move(
    struct planner *p, const struct recorded_resource *recorded, bool *done, bool *moved, struct err *err)
{
    struct state *state = p->workspace->state;
    struct str then = recorded->record->subject.address, now = recorded->address;
    if (*done || !recorded->claimed || str_eq(now, then) || state_get(state, now))
        return 0;
    *done = *moved = true;
    return state_move(state, then, now, err);
}

/* In both directions, since keys mostly shift in the order of their addresses. */
static int record_moves(struct planner *p, struct err *err)
{
    size_t n = p->recorded.count;
    AUTO_FREE bool *done = mem_zalloc(n + 1);
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < n; i++)
            if (record_move(p, &p->recorded.items[i], &done[i], &moved, err))
                return -1;
        for (size_t i = n; i-- > 0;)
            if (record_move(p, &p->recorded.items[i], &done[i], &moved, err))
                return -1;
    }
    return 0;
}

/* Returns the value of an output after this run, or NULL if the output no longer exists. */
static const struct value *output_now(
    const struct executor *x, const struct decl *decl, const struct value *old, bool touched)
{
    const struct planner *p = x->p;
    const struct value *v = p->evaluated.values[decl->index];
    if (x->plan->destroy)
        return p->options->target_count && !touched ? old : NULL;
    bool computed = v && value_is_known(v) && !touched && !(value_is_null(v) && concurrent_affects(p, decl));
    return computed ? v : old;
}

static const struct value *recorded_hash(const struct record *record, const struct value *v)
{
    for (uint32_t i = 0; i < record->attrs->count; i++) {
        const struct value *recorded = record->attrs->entries[i].value;
        if (state_is_hash(recorded) && object_hash_matches(recorded, v))
            return recorded;
    }
    return NULL;
}

/* The recorded hash of a secret, looked for in the resources that an output refers to. */
struct hash_search {
    const struct executor *x;
    const struct value *secret;
    const struct value *found; /* NULL: none so far */
};

static void find_hash(void *ctx, const struct decl *dep)
{
    struct hash_search *search = ctx;
    if (search->found || dep->kind != DECL_RESOURCE)
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct record *const *record =
        state_instances(search->x->p->workspace->state, &scratch, dep->address);
    while (*record && !search->found)
        search->found = recorded_hash(*record++, search->secret);
}

/* Returns the recorded hash of a secret if a resource has one to which the output refers. The next plan sees
 * that hash; a new one would have another salt. NULL: none. */
static const struct value *hash_referred_to(
    const struct executor *x, const struct decl *output, const struct value *secret)
{
    struct hash_search search = {x, secret, NULL};
    each_resource_dep(x->p, output, find_hash, &search);
    return search.found;
}

/* Records all root outputs; an output that could not be computed keeps its old value. */
static int record_outputs(struct executor *x, struct err *err)
{
    struct planner *p = x->p;
    struct state *state = p->workspace->state;
    const struct value *old = state_outputs(state);
    const bool *touched = scope_not_applied(p, p->arena);
    struct value_builder now = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < p->stack->root->decl_count; i++) {
        const struct decl *decl = p->stack->root->decls[i];
        if (decl->kind != DECL_OUTPUT)
            continue;
        const struct value *v = output_now(x, decl, value_get(old, decl->name), touched[decl->index]);
        const struct value *then = value_get(p->recorded_outputs, decl->name),
                           *meanwhile = value_get(old, decl->name);
        then = then ? then : &value_null;
        if (v && (then != &value_null || meanwhile) && !x->plan->destroy && value_equal(v, then) &&
            evaluate_hides_same(p, decl, then, v))
            v = meanwhile; /* unchanged by this run: keep the value of other runs */
        const struct value *hash =
            value_is_sensitive(v) && !state_is_hash(v) ? hash_referred_to(x, decl, v) : NULL;
        if (v)
            value_builder_set(&now, decl->name, hash ? hash : v);
    }
    x->result->outputs = value_builder_map(&now);
    if (!x->plan->output_count && !x->plan->change_count)
        return 0;
    bool same = value_equal(old, x->result->outputs) && object_hides_same(old, x->result->outputs);
    return same ? 0 : state_set_outputs(state, x->result->outputs, err);
}

/* Called with the write lock of a shared state held, so that outputs of other runs are kept. */
static int write_outputs(void *ctx, struct err *err)
{
    struct executor *x = ctx;
    return record_outputs(x, err) || state_flush(x->p->workspace->state, err) ? -1 : 0;
}

static const struct value *counts_value(const struct executor *x)
{
    struct value_builder counts = VALUE_BUILDER(x->p->arena);
    for (int i = 0; i < ACTION_COUNT; i++)
        if (x->result->done[i])
            value_builder_set(&counts, str_z(action_name((enum action)i)),
                value_int(x->p->arena, (int64_t)x->result->done[i]));
    value_builder_set(&counts, STR("failed"), value_int(x->p->arena, (int64_t)x->result->failed));
    value_builder_set(&counts, STR("skipped"), value_int(x->p->arena, (int64_t)x->result->skipped));
    return value_builder_map(&counts);
}

/* Evaluates the checks before the end of the run is recorded, since the record includes their results. */
static const struct value *checks_value(const struct executor *x)
{
    struct value_builder checks = VALUE_BUILDER(x->p->arena);
    plan_evaluate_checks(x->plan, x->options->stop);
    for (size_t i = 0; i < x->plan->check_count; i++)
        value_builder_set(&checks, x->plan->checks[i].rule,
            value_stringz(x->p->arena, finding_outcome_name(x->plan->checks[i].outcome)));
    return checks.n ? value_builder_map(&checks) : NULL;
}

static int refuse_left(const struct plan *plan, struct err *err)
{
    size_t i = 0;
    while (!plan->changes[i]->claimed_by.n || plan->changes[i]->decision.action == ACTION_NOOP)
        i++;
    err_set(err, ERR_LOCKED, "%.*s", STR_ARG(plan->changes[i]->claimed_by));
    return err_hint(err, "run the same command after that run has ended; --lock-timeout waits for it");
}

static int run_outcome(struct executor *x, struct err *err)
{
    struct apply_result *result = x->result;
    if (result->interrupted)
        return err_set(
            err, ERR_INTERRUPTED, "interrupted; what was done is recorded, and the same command continues");
    if (!result->failed)
        return result->claimed_by_others ? refuse_left(x->plan, err) : 0;
    *err = result->first_error;
    return -1;
}

static bool brings_secrets(const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *change = plan->changes[i];
        if (change->instance && object_reports_secrets(change->schema, change->instance->desired))
            return true;
    }
    for (size_t i = 0; i < plan->output_count; i++)
        if (value_is_sensitive(plan->outputs[i].after))
            return true;
    return false;
}

static bool has_secrets(const struct planner *p)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct record *record = p->recorded.items[i].record;
        const struct schema *schema = catalog_find(p->workspace->catalog, record->subject.type, false, NULL);
        if (schema && object_reports_secrets(schema, record->attrs))
            return true;
    }
    return value_is_sensitive(state_outputs(p->workspace->state));
}

static void warn_user(struct executor *x, const char *text)
{
    executor_event(x, &(struct event){.kind = EVENT_WARNING, .text = text});
}

/* Warnings about the state, before it is written. */
static void warn_of_state(struct executor *x)
{
    const struct state *state = x->p->workspace->state;
    if (state_was_torn(state))
        warn_user(x,
            "the state ended in an incomplete record, which was dropped: a run was killed while writing it");
    if (!state_has_key(state) && brings_secrets(x->plan) && !has_secrets(x->p))
        warn_user(x,
            "the state has no key: it keeps hashes of secrets, which tell a change but cannot be shown "
            "again (`weir state key` makes a key)");
}

/* Intents whose outcome recovery could not determine. */
static void note_open_intents(struct executor *x)
{
    size_t n;
    const struct intent *const *intents = state_open_intents(x->p->workspace->state, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eqz(intents[i]->action, "create"))
            map_set(&x->open, intents[i]->subject.address, (void *)intents[i]);
}

/* Approvals, for the record of the run. */
static const struct value *run_info(const struct executor *x)
{
    const struct plan_options *options = x->p->options;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(x->p->arena);
    for (size_t i = 0; i < options->approved_count; i++)
        value_builder_add(&names, value_string(x->p->arena, options->approved[i]));
    if (!names.n)
        return NULL;
    return VALUE_MAP(x->p->arena, {STR("approved"), value_builder_list(&names)},
        {STR("reason"), value_string(x->p->arena, options->approval_reason)});
}

/* Claims have digests of identities, which would allow guessing a secret. */
static bool is_named_by_secret(const struct change *change)
{
    const struct schema *schema = change->schema;
    const struct value *planned = change->instance ? change->instance->planned : NULL,
                       *recorded = change->recorded ? change->recorded->record->attrs : NULL;
    return schema && (identities_have_secret(schema, planned) || identities_have_secret(schema, recorded));
}

static bool claims_reveal_secrets(const struct plan *plan)
{
    bool reveal = false;
    for (size_t i = 0; i < plan->change_count && !reveal; i++)
        reveal = is_named_by_secret(plan->changes[i]);
    return reveal;
}

/* True if it conflicts with every other run, so that it needs an exclusive lock. */
static bool plan_is_about_all(const struct plan *plan)
{
    const struct planner *p = plan->planner;
    return (plan->destroy && !p->options->target_count) || plan->leases ||
           state_lease(p->workspace->state).until_ms || recorded_moves(&p->recorded) ||
           plan->change_count > CLAIMS_MAX || claims_reveal_secrets(plan);
}

bool plan_needs_lock(const struct plan *plan)
{
    return state_is_shared(plan->workspace->state) && plan_is_about_all(plan);
}

/* Checks against the state as read last. *claims: without changes left to other runs. */
static int check_free(
    struct plan *plan, bool partial, struct arena *arena, const struct value **claims, struct err *err)
{
    struct planner *p = plan->planner;
    struct err why = ERR_INIT;
    for (size_t i = 0; i < plan->change_count; i++)
        plan->changes[i]->claimed_by = STR_EMPTY;
    *claims = scope_claims(p, arena);
    if (state_check_claims(plan->workspace->state, *claims, &why)) {
        if (!partial || !scope_skip_claimed(p))
            return err_raise(err, &why);
        *claims = scope_claims(p, arena);
    }
    return concurrent_check_new(p, err);
}

int plan_check_free(struct plan *plan, bool partial, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT; /* called repeatedly */
    const struct value *claims;
    struct state *state = plan->workspace->state;
    if (!state_is_shared(state) || plan_needs_lock(plan))
        return 0;
    return state_read_others(state, err) || check_free(plan, partial, &scratch, &claims, err) ? -1 : 0;
}

/* Called with the write lock, so that no other run writes between checks and record. */
static int begin_run(void *ctx, struct err *err)
{
    struct executor *x = ctx;
    struct arena *arena = x->p->arena;
    struct state *state = x->p->workspace->state;
    const struct value *info = run_info(x), *claims;
    bool shared = state_is_shared(state);
    if (shared ? check_free(x->plan, x->options->partial, arena, &claims, err)
               : concurrent_check_new(x->p, err))
        return -1;
    if (shared)
        info = value_with(arena, info ? info : &value_empty_map, STR("claims"), claims);
    return state_begin(state, x->plan->destroy ? "destroy" : "apply", info, err);
}

static int compact_state(struct executor *x, struct err *err)
{
    struct naming naming;
    struct state_namer namer = named_begin(&naming, x->p);
    int status = state_compact(x->p->workspace->state, &namer, err);
    named_end(&naming);
    return status;
}

static int run_locked(struct executor *x, struct err *err)
{
    struct state *state = x->p->workspace->state;
    x->result->not_started = state_in_turn(state, begin_run, x, err) != 0;
    if (x->result->not_started || sources_keep(x->p, err) || record_moves(x->p, err))
        return -1;
    if (connections_apply_begins(x->p, &x->options->observer, &x->observer_lock, &x->cancel, err))
        return -1;
    warn_of_state(x);
    note_open_intents(x);
    if (!x->plan->destroy)
        claims_begin(x);
    struct lease_begun lease;
    struct err untagged = ERR_INIT;
    int status = lease_begin(x->p, &lease, err);
    if (!status && lease.by_machine)
        warn_user(x, "no service reports the time: the lease uses this machine's clock");
    if (!status)
        executor_run(x);
    if (!status && lease_put_tags(x->p, &lease, &untagged))
        warn_user(x, untagged.message);
    connections_apply_ends(x->p, &x->options->observer);
    map_release(&x->open);
    claims_end(x);
    status = status ? status : run_outcome(x, err);
    struct err late = ERR_INIT;
    const char *word = x->result->interrupted ? "interrupted" : status ? "failed" : "done";
    int unended = state_in_turn(state, write_outputs, x, &late);
    const struct value *checks = x->options->stop && !status && !unended ? checks_value(x) : NULL;
    unended = unended || state_end(state, word, counts_value(x), checks, &late) ||
              state_flush(state, &late) || compact_state(x, &late);
    x->result->unrecorded = state_is_broken(state);
    return unended && !status ? err_raise(err, &late) : status;
}

int plan_apply(
    struct plan *plan, const struct apply_options *options, struct apply_result *result, struct err *err)
{
    *result = (struct apply_result){.outputs = &value_empty_map};
    if (plan_check_deletions(plan, err) || plan_check_rules(plan, err) || plan_check_approvals(plan, err))
        return -1;
    struct state *state = plan->workspace->state;
    struct executor x = {.p = plan->planner,
        .plan = plan,
        .options = options,
        .result = result,
        .observer_lock = PTHREAD_MUTEX_INITIALIZER};
    planner_hand_over(plan->planner, NULL);      /* requests in flight are finished from here on */
    bool locked_before = state_is_locked(state); /* by the command, before planning */
    if (plan_needs_lock(plan))
        state_unlock(state);
    if (!state_is_locked(state) &&
        state_lock(state, plan->destroy ? "destroy" : "apply", options->lock_timeout_ms, err))
        return -1;
    int status = run_locked(&x, err);
    if (!locked_before)
        state_unlock(state);
    return status;
}
