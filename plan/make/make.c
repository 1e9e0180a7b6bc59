/* plan_make(): the steps of a plan. Declarations without resources are evaluated first, since providers
 * need them. Then recorded resources are refreshed, then the rest is evaluated and compared in dependency
 * order. */

#include "base/mem.h"
#include "plan/decide/decision.h"
#include "plan/destroy/teardown.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/lease.h"
#include "plan/objects/plan_scope.h"
#include "plan/objects/recorded.h"
#include "plan/recover/recover.h"
#include "plan/refresh/refresh.h"
#include "plan/rules/rules.h"
#include "provider/cloud.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- recovery ---- */

static int planner_provider(void *ctx, const struct intent *intent, struct provider **out, struct err *err)
{
    return location_provider(ctx, intent->subject.provider, intent->location, out, err);
}

static bool planner_leaves(void *ctx, const struct intent *intent, const struct err *why)
{
    return unreachable_stays_open(ctx, intent->subject.provider, why);
}

static void planner_recovered(void *ctx, struct str address, const char *text)
{
    struct planner *p = ctx;
    observe(&p->observer, &(struct event){.kind = EVENT_RECOVERED, .address = address, .text = text});
}

/* Recovers what an interrupted run left open, before the records are read, with the planner's providers and
 * observer. */
static int recover_for_plan(struct planner *p, struct err *err)
{
    struct err why = ERR_INIT;
    struct recover_options options = {
        .state = p->workspace->state,
        .catalog = p->workspace->catalog,
        .stack = p->stack->name,
        .waits = p->options->destroy, /* nothing looks at it again later */
        .work_dir = p->workspace->work_dir,
        .cancel = p->cancel,
        .env = p->stack->env,
        .provider = planner_provider,
        .may_stay_open = planner_leaves,
        .recovered = planner_recovered,
        .ctx = p,
    };
    if (!recover_state(&options, &why))
        return 0;
    if (why.class == ERR_LOCKED) { /* another run is active, and its intents are its own */
        observe(&p->observer, &(struct event){.kind = EVENT_WARNING, .text = why.message});
        return 0;
    }
    return err_raise(err, &why);
}

/* ---- what plans add to resources with a quota, by type and location, compared with the existing ones and
 * the limit ---- */

struct quota_use {
    const struct quota *quota;
    struct planner *p; /* of a plan that creates some */
    struct provider *provider;
    const struct schema *schema;
    struct str location;
    int64_t makes, frees;
};

struct quota_uses {
    struct arena arena;
    struct quota_use *items;
    size_t n, cap;
};

static const struct quota *quota_of(struct str type)
{
    for (const struct quota *q = plan_cloud.quotas; q->type.n; q++)
        if (str_eq(q->type, type))
            return q;
    return NULL;
}

bool quota_counts(struct str type)
{
    return quota_of(type) != NULL;
}

static struct quota_use *quota_use_of(struct quota_uses *d, struct planner *p, struct provider *provider,
    const struct change *change, const struct quota *quota)
{
    const struct value *location = NULL;
    if (provider_location(provider, change->schema, true, &d->arena, &location, ERR_IGNORED) || !location)
        return NULL;
    struct str where = provider_location_text(provider, location, &d->arena);
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].quota == quota && str_eq(d->items[i].location, where))
            return &d->items[i];
    MEM_GROW(d->items, d->cap, d->n + 1);
    d->items[d->n] = (struct quota_use){
        .quota = quota, .p = p, .provider = provider, .schema = change->schema, .location = where};
    return &d->items[d->n++];
}

static void add_change(struct quota_uses *d, struct planner *p, const struct change *change)
{
    const struct quota *quota = quota_of(change->subject.type);
    bool makes = change->decision.action == ACTION_CREATE, frees = change->decision.action == ACTION_DELETE;
    struct provider *provider = NULL;
    if (!quota || !change->schema || (!makes && !frees))
        return;
    int failed = makes ? evaluate_provider(p, change->instance->decl, &provider, ERR_IGNORED)
                       : location_provider(p, change->recorded->record->subject.provider,
                             change->recorded->record->location, &provider, ERR_IGNORED);
    struct quota_use *use = failed ? NULL : quota_use_of(d, p, provider, change, quota);
    if (use) {
        use->makes += makes;
        use->frees += frees;
    }
}

static void count_one(void *ctx, const struct value *live UNUSED)
{
    __atomic_add_fetch((int64_t *)ctx, 1, __ATOMIC_RELAXED); /* listings may use threads */
}

static int64_t count_there(struct quota_uses *d, const struct quota_use *use)
{
    int64_t n = 0;
    const struct value *covered = NULL;
    struct list_filter all = {.wanted = &value_empty_list};
    struct op_ctx op = op_context(use->p, &d->arena, use->provider, use->schema, use->schema->name);
    if (use->schema->ops->list && use->schema->bulk)
        use->schema->ops->list(&op, &all, count_one, &n, &covered, ERR_IGNORED);
    return n;
}

/* True if the quota is exceeded; appends to the message. */
static bool check_quota(
    struct quota_uses *d, const struct quota_use *use, struct buf *says, struct buf *codes)
{
    const struct quota *q = use->quota;
    int64_t limit;
    bool reported;
    if (use->makes <= use->frees || !plan_cloud.ask_quota(use->provider, q, &d->arena, &limit, &reported) ||
        !limit)
        return false;
    int64_t there = count_there(d, use), needs = there + use->makes - use->frees;
    if (needs <= limit * q->zones)
        return false;
    buf_addf(says, "%s%s: %" PRId64 " more in %.*s, with %" PRId64 " there and %" PRId64 "%s allowed%s",
        says->n ? "; " : "", q->resources, use->makes, STR_ARG(use->location), there, limit,
        q->zones > 1 ? " in a zone" : "", reported ? "" : " as a rule");
    buf_addf(codes, "%s%s (%s)", codes->n ? ", " : "", q->code, q->service);
    return true;
}

int plans_check_quotas(struct plan *const *plans, size_t n, struct err *err)
{
    struct quota_uses d = {0};
    AUTO_BUF struct buf says = BUF_INIT, codes = BUF_INIT;
    bool over = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < plans[i]->change_count; k++)
            add_change(&d, plans[i]->planner, plans[i]->changes[k]);
    for (size_t i = 0; i < d.n; i++)
        over |= check_quota(&d, &d.items[i], &says, &codes);
    if (over) {
        err_set(err, ERR_FAILED, "the quotas do not allow %.*s", STR_ARG(buf_str(&says)));
        err_hint(err, "ask for more at Service Quotas: %.*s; --over-quota tries it all the same",
            STR_ARG(buf_str(&codes)));
    }
    free(d.items);
    arena_release(&d.arena);
    return over ? -1 : 0;
}

/* ---- planned outputs, compared with the recorded ones ---- */

/* A hash counts as changed if the state could now keep the secret encrypted. */
static bool is_kept(
    struct planner *p, const struct decl *decl, const struct value *before, const struct value *after)
{
    if (!before || !after || !evaluate_hides_same(p, decl, before, after))
        return false;
    bool encryptable = object_holds_hash(before) && state_has_key(p->workspace->state);
    return value_equal(before, after) || (object_hash_matches(before, after) && !encryptable);
}

static void add_output_change(struct planner *p, struct str name, const struct value *before,
    const struct value *after, const struct decl *decl)
{
    struct plan *plan = p->plan;
    if (is_kept(p, decl, before, after))
        return;
    if (!plan->outputs)
        plan->outputs = ARENA_ARRAY(p->arena, struct output_change,
            plan->output_values->count + state_outputs(plan->workspace->state)->count);
    plan->outputs[plan->output_count++] = (struct output_change){
        .name = name,
        .description = decl ? decl->description : STR_EMPTY,
        .before = before,
        .after = after,
        .sensitive = value_is_sensitive(before) || value_is_sensitive(after),
    };
}

/* Outputs that refer to later changes of other runs keep the recorded value. */
static const struct value *output_value(const struct planner *p, const struct decl *decl)
{
    return concurrent_affects(p, decl) ? value_get(state_outputs(p->workspace->state), decl->name)
                                       : p->evaluated.values[decl->index];
}

/* Fills the plan's output values, and with a state its output changes. */
static void diff_outputs(struct planner *p)
{
    struct plan *plan = p->plan;
    struct value_builder values = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < p->stack->root->decl_count && !p->options->destroy; i++) {
        const struct decl *decl = p->stack->root->decls[i];
        if (decl->kind != DECL_OUTPUT)
            continue;
        const struct value *v = output_value(p, decl);
        if (v)
            value_builder_set(&values, decl->name, v);
    }
    plan->output_values = value_builder_map(&values);
    p->recorded_outputs = p->workspace->state ? state_outputs(p->workspace->state) : &value_empty_map;
    if (!p->workspace->state || p->options->target_count)
        return;
    const struct value *old = state_outputs(p->workspace->state);
    for (uint32_t i = 0; i < plan->output_values->count; i++) {
        struct value_entry entry = plan->output_values->entries[i];
        add_output_change(p, entry.key, value_get(old, entry.key), entry.value,
            map_get(&p->stack->root->outputs, entry.key));
    }
    for (uint32_t i = 0; i < old->count; i++)
        if (!value_get(plan->output_values, old->entries[i].key))
            add_output_change(p, old->entries[i].key, old->entries[i].value, NULL, NULL);
}

static void evaluate_rest(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (p->evaluated.fixed[i] || (p->needed && !p->needed[i]))
            continue;
        if (p->failure.class != ERR_NONE)
            return;
        for (size_t k = 0; k < decl->dep_count; k++)
            p->evaluated.after_pending[i] |= p->evaluated.pending[decl->deps[k]->index] ||
                                             p->evaluated.after_pending[decl->deps[k]->index];
        if (decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA)
            plan_resource(p, decl);
        else if (decl->kind == DECL_SHARED)
            p->evaluated.pending[i] = true; /* a fleet creates it before its members */
        else
            for (size_t k = 0; k < decl->dep_count; k++)
                p->evaluated.pending[i] |= p->evaluated.pending[decl->deps[k]->index];
        evaluate_decl(p, decl);
    }
}

/* ---- results ---- */

static void collect_changes(struct planner *p)
{
    struct plan *plan = p->plan;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        struct instances *list = &p->evaluated.instances[i];
        if (p->stack->decls[i]->kind == DECL_RESOURCE)
            plan->resource_count += list->n;
        for (size_t k = 0; k < list->n; k++) {
            struct instance *instance = &list->items[k];
            enum action action = instance_action(instance);
            if (p->stack->decls[i]->kind == DECL_RESOURCE) {
                plan->counts[action]++;
                plan->untargeted_count += !instance->desired;
                plan->adopt_updates += action == ACTION_ADOPT && instance->change->attr_count;
            }
            if (!instance->change)
                continue;
            MEM_GROW(p->decided.changes, p->decided.cap, p->decided.count + 1);
            p->decided.changes[p->decided.count++] = instance->change;
        }
    }
}

struct sorted_change {
    uint64_t prefix; /* the first bytes of the address, which decide most comparisons without the address */
    struct change *change;
};

static int by_address(const void *a, const void *b)
{
    const struct sorted_change *x = a, *y = b;
    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    return str_cmp(x->change->subject.address, y->change->subject.address);
}

static void sort_by_address(struct change **changes, size_t n)
{
    struct sorted_change *sorted = mem_zalloc((n + 1) * sizeof *sorted);
    for (size_t i = 0; i < n; i++) {
        struct str address = changes[i]->subject.address;
        sorted[i].change = changes[i];
        for (size_t k = 0; k < sizeof sorted->prefix; k++)
            sorted[i].prefix = sorted[i].prefix << 8 | (k < address.n ? (unsigned char)address.p[k] : 0);
    }
    qsort(sorted, n, sizeof *sorted, by_address);
    for (size_t i = 0; i < n; i++)
        changes[i] = sorted[i].change;
    free(sorted);
}

static void finish_changes(struct planner *p)
{
    struct plan *plan = p->plan;
    for (size_t i = 0; i < p->decided.count; i++)
        if (!p->decided.changes[i]->instance)
            plan->counts[p->decided.changes[i]->decision.action]++;
    collect_changes(p);
    sort_by_address(p->decided.changes, p->decided.count);
    plan->changes = p->decided.changes;
    plan->change_count = p->decided.count;
}

/* ---- destroy ---- */

static bool is_named_to_go(const struct planner *p, const struct recorded_resource *recorded)
{
    return (p->options->destroy || !recorded->claimed) &&
           address_matches(recorded->address, p->options->targets, p->options->target_count);
}

/* By p->recorded.items: targeted records to delete, and their dependents; NULL: none. Declared ones only in a
 * destroy. */
static bool *doomed_by_targets(struct planner *p)
{
    uint32_t first = 0;
    while (first < p->recorded.count && !is_named_to_go(p, &p->recorded.items[first]))
        first++;
    if (first == p->recorded.count)
        return NULL;
    struct graph graph;
    recorded_graph(p, &graph);
    uint32_t *doomed = mem_realloc_array(NULL, graph.node_count + 1, sizeof *doomed);
    bool *found = mem_zalloc((graph.node_count + 1) * sizeof *found);
    size_t n = 0;
    for (uint32_t i = first; i < p->recorded.count; i++)
        if ((found[i] = is_named_to_go(p, &p->recorded.items[i])))
            doomed[n++] = i;
    for (size_t i = 0; i < n; i++) {
        bool stays =
            doomed[i] < p->recorded.count && p->recorded.items[doomed[i]].claimed && !p->options->destroy;
        for (uint32_t e = graph.first[doomed[i]]; !stays && e < graph.first[doomed[i] + 1]; e++) {
            uint32_t dependent = graph.targets[e];
            if (!found[dependent])
                doomed[n++] = dependent;
            found[dependent] = true;
        }
    }
    free(doomed);
    graph_release(&graph);
    return found;
}

/* Marks all other records as claimed. */
static void destroy_untargeted(struct planner *p)
{
    if (!p->options->target_count)
        return;
    AUTO_FREE bool *doomed = doomed_by_targets(p);
    for (size_t i = 0; i < p->recorded.count; i++)
        p->recorded.items[i].claimed = !doomed || !doomed[i];
}

/* Returns a dependency in its record that is deleted as undeclared; NULL: none. */
static const struct recorded_resource *reference_to_doomed(
    struct planner *p, const struct recorded_resource *recorded, const bool *doomed)
{
    const struct value *deps = recorded->record->deps;
    for (uint32_t i = 0; i < deps->count; i++)
        for (const struct recorded_resource *dep = map_get(&p->recorded.by_recorded, deps->items[i]->string);
             dep; dep = dep->next_by_recorded)
            if (doomed[dep - p->recorded.items] && !dep->claimed && !removed_is_forgotten(p, dep) &&
                !stack_find(p->stack, address_declared(dep->address)))
                return dep;
    return NULL;
}

/* Reports a resource that is neither deleted nor targeted but was applied with a reference to a deleted
 * one. */
static bool check_staying(struct planner *p, const struct recorded_resource *recorded, const bool *doomed)
{
    const struct decl *decl = stack_find(p->stack, address_declared(recorded->address));
    const struct recorded_resource *dep = reference_to_doomed(p, recorded, doomed);
    if (!dep || !decl || (p->targets.targeted[decl->index] && targets_have(p, decl, recorded->address)))
        return true;
    struct str declared = address_declared(dep->address);
    struct diag *d =
        diag_error(p->diags, decl->span, "%.*s was applied with a reference to %.*s, which this plan deletes",
            STR_ARG(recorded->address), STR_ARG(declared));
    diag_hint(p->diags, d, "apply %.*s first, or with it (--target)", STR_ARG(recorded->address));
    return false;
}

/* Decides about targeted records without a declaration. */
static void decide_targeted_orphans(struct planner *p)
{
    AUTO_FREE bool *doomed = p->options->targets_only ? NULL : doomed_by_targets(p);
    if (!doomed)
        return;
    p->needs_whole = p->needed; /* any record in the state may depend on it */
    bool stays = !p->needs_whole;
    for (size_t i = 0; i < p->recorded.count && !p->needs_whole; i++)
        if (doomed[i] && p->recorded.items[i].claimed)
            stays &= check_staying(p, &p->recorded.items[i], doomed);
    if (stays)
        decide_orphans(p, doomed);
}

static int plan_destroy(struct planner *p, struct err *err)
{
    if (p->workspace->state && !p->offline && !p->options->no_refresh && refresh_routes(p, err))
        return -1;
    teardown_weir_only(p);
    destroy_untargeted(p);
    if (!decide_orphans(p, NULL) || !teardown_examine(p)) {
        if (p->failure.class != ERR_NONE)
            *err = p->failure;
        return -1;
    }
    finish_changes(p);
    diff_outputs(p);
    rules_evaluate(p);
    return p->diags->errors ? -1 : 0;
}

/* ---- all steps ---- */

/* True if a target without a record may exist under another address, and the state's snapshot cannot tell:
 * the whole state is needed. */
static bool needs_names(struct planner *p)
{
    struct naming naming;
    bool needs = false;
    named_begin(&naming, p);
    for (size_t i = 0; i < p->stack->decl_count && !needs; i++) {
        const struct decl *decl = p->stack->decls[i];
        needs = decl->kind == DECL_RESOURCE && p->targets.targeted[i] && !decl->for_each &&
                decl->schema->ops->read && !map_get(p->recorded.by_declared, decl->address) &&
                !named_is_current(&naming, decl->schema);
    }
    named_end(&naming);
    if (needs)
        state_want_snapshot(p->workspace->state);
    return needs;
}

static int make_plan(struct planner *p, struct err *err)
{
    evaluate_fixed(p);
    if (p->diags->errors && p->options->destroy)
        return -1;
    p->offline |= p->diags->errors > 0; /* the rest is only checked, to report all errors */
    bool with_state = p->workspace->state && !p->offline;
    if (with_state && (locations_check(p, err) || recover_for_plan(p, err) || !recorded_claim(p)))
        return -1;
    if (with_state && p->options->concurrent && concurrent_check(p, err))
        return -1;
    if (!targets_find(p))
        return -1;
    if (p->options->targets_only)
        targets_only_begin(p);
    if (p->options->destroy)
        return plan_destroy(p, err);
    /* The record at the new address may not have been read. */
    p->needs_whole = p->needed && (recorded_moves(&p->recorded) || needs_names(p));
    if (p->needs_whole)
        return -1;
    if (!p->options->no_refresh && !p->offline && refresh_records(p, err))
        return -1;
    evaluate_rest(p);
    if (p->failure.class != ERR_NONE) {
        *err = p->failure;
        return -1;
    }
    if (p->options->target_count)
        decide_targeted_orphans(p);
    else
        decide_orphans(p, NULL);
    if (recorded_moves(&p->recorded))
        recorded_check_moves(p);
    identity_check(p);
    if (p->needs_whole)
        return -1;
    if (p->diags->errors || unreachable_check(p, err))
        return -1;
    unreachable_list_unread(p);
    if (!decide_order(p))
        return -1;
    finish_changes(p);
    diff_outputs(p);
    if (with_state && !p->options->targets_only && !teardown_examine(p)) {
        if (p->failure.class != ERR_NONE)
            *err = p->failure;
        return -1;
    }
    rules_evaluate(p);
    if (p->offline) /* without a plan that would show them */
        rules_report(p->plan, p->diags);
    return p->diags->errors ? -1 : 0;
}

/* True if the records of the targets do not suffice. */
static bool is_about_all(struct workspace *workspace, const struct plan_options *options)
{
    size_t left;
    state_left_intents(workspace->state, &left);
    return left || !options->target_count || options->destroy || options->replace_count ||
           options->saved_live || options->concurrent || options->versions || options->import_address.n ||
           options->as_recorded || lease_is_due(workspace, options->lease_ms);
}

int plan_make(struct workspace *workspace, const struct plan_options *options, struct diags *diags,
    struct plan **out, struct err *err)
{
    bool part = workspace->state && state_is_part(workspace->state);
    if (part && is_about_all(workspace, options) && state_read_whole(workspace->state, err))
        return -1;
    struct planner *p = planner_new(workspace, options, diags);
    struct diags before = *diags;
    int failed = make_plan(p, err);
    if (p->needs_whole) {
        diags->n = before.n; /* they are reported again */
        diags->errors = before.errors;
        diags->met = before.met;
        diags->dropped = before.dropped;
        plan_free(p->plan);
        return state_read_whole(workspace->state, err) ? -1 : plan_make(workspace, options, diags, out, err);
    }
    p->plan->leases = !failed && !options->destroy && workspace->state && !p->offline &&
                      lease_is_due(workspace, options->lease_ms);
    connections_report(workspace, &p->observer);
    if (failed) {
        plan_free(p->plan);
        return -1;
    }
    planner_hand_over(p, options->cancel);
    *out = p->plan;
    return 0;
}
