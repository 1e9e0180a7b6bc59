/* What a plan changes and refers to, compared with changes of other runs (plan_scope.h). */
#include "plan/objects/plan_scope.h"

#include "base/mem.h"
#include "plan/objects/recorded.h"

#include <stdlib.h>

/* ---- What other runs have changed since a plan was saved ---- */

const struct value *concurrent_records(struct state *state, struct arena *arena)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    size_t n;
    const struct record *const *records = state_records(state, &n);
    for (size_t i = 0; i < n; i++)
        value_builder_set(&b, records[i]->subject.address, value_int(arena, (int64_t)records[i]->seq));
    return value_builder_map(&b);
}

/* ---- comparing ---- */

/* `address`: that in the record. 0: no record. */
static uint64_t number_now(const struct planner *p, struct str address)
{
    const struct record *record = state_get(p->workspace->state, address);
    return record ? record->seq : 0;
}

static uint64_t number_then(const struct planner *p, struct str address)
{
    const struct value *number = value_get(p->options->concurrent->records, address);
    return number && number->kind == VALUE_INT ? (uint64_t)number->integer : 0;
}

static int refuse_met(struct str address, const char *how, uint64_t now, uint64_t then, struct err *err)
{
    err_set(err, ERR_STALE, "%.*s, %s, was %s since the plan was made", STR_ARG(address), how,
        !now    ? "removed from the state"
        : !then ? "added to the state"
                : "changed");
    return err_hint(err, "`weir history` says by whom; run `weir plan` again");
}

/* Returns how the plan is affected by a change at the address ("which this plan changes"); NULL: not. */
static const char *scope_includes(const struct plan_scope *scope, const struct planner *p, struct str address)
{
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    const struct record *record = state_get(p->workspace->state, address);
    if (scope->all || map_get(&scope->changed, address))
        return "which this plan changes";
    if (decl && scope->referred[decl->index])
        return "which this plan refers to";
    for (uint32_t i = 0; record && i < record->deps->count; i++)
        if (map_get(&scope->deleted, value_text(record->deps->items[i], STR_EMPTY)))
            return "which refers to what this plan deletes";
    return NULL;
}

static int check_address(
    struct planner *p, const struct plan_scope *scope, struct str address, struct err *err)
{
    uint64_t now = number_now(p, address), then = number_then(p, address);
    if (now == then)
        return 0;
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    const char *how = scope_includes(scope, p, address);
    if (decl)
        p->targets.changed_by_others[decl->index] = true;
    return how ? refuse_met(address, how, now, then, err) : 0;
}

static int check_all(struct planner *p, const struct plan_scope *scope, struct err *err)
{
    const struct value *then = p->options->concurrent->records;
    for (size_t i = 0; i < p->recorded.count; i++)
        if (check_address(p, scope, p->recorded.items[i].record->subject.address, err))
            return -1;
    for (uint32_t i = 0; i < then->count; i++)
        if (!number_now(p, then->entries[i].key) && check_address(p, scope, then->entries[i].key, err))
            return -1;
    return 0;
}

/* Marks what refers to changed declarations. Stops at resources: these stay as they are. */
static void since_spread(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        for (size_t k = 0; k < decl->dep_count && decl->kind != DECL_RESOURCE; k++)
            p->targets.changed_by_others[i] |= p->targets.changed_by_others[decl->deps[k]->index];
    }
}

static void scope_release(struct plan_scope *scope)
{
    map_release(&scope->changed);
    map_release(&scope->deleted);
    map_release(&scope->names);
    arena_release(&scope->arena);
    free(scope->referred);
}

/* A change of a plan, from memory or from a file. */
struct touch {
    struct str address, moved_from, provider;
    bool deletes;
};

static bool refer_to(void *ctx, const struct decl *dep)
{
    bool *referred = ctx, before = referred[dep->index];
    referred[dep->index] = true;
    return !before && dep->kind != DECL_RESOURCE;
}

static void scope_add(struct plan_scope *scope, const struct planner *p, const struct touch *touch)
{
    struct str declared = address_declared(touch->address);
    const struct decl *decl = stack_find(p->stack, declared);
    map_set(&scope->changed, touch->address, scope);
    map_set(&scope->changed, touch->moved_from, scope);
    if (decl)
        decl_walk_deps(decl, refer_to, scope->referred);
    for (size_t i = 0; i < p->provider_count; i++)
        if (str_eq(p->providers[i]->full_name, touch->provider))
            decl_walk_deps(p->providers[i], refer_to, scope->referred);
    if (!touch->deletes)
        return;
    map_set(&scope->deleted, touch->address, scope);
    map_set(&scope->deleted, declared, scope);
}

static void scope_init(struct plan_scope *scope, const struct planner *p)
{
    *scope = (struct plan_scope){.all = p->options->destroy && !p->options->target_count,
        .referred = mem_zalloc((p->stack->decl_count + 1) * sizeof *scope->referred)};
}

/* From the saved plan in p->options->concurrent. Release with scope_release(). */
static void scope_of_saved(struct plan_scope *scope, const struct planner *p)
{
    const struct value *changes = p->options->concurrent->changes;
    scope_init(scope, p);
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct value *change = changes->entries[i].value;
        struct str action = value_gets(change, "action");
        struct touch touch = {.address = changes->entries[i].key,
            .moved_from = value_gets(change, "moved_from"),
            .provider = value_gets(change, "provider"),
            .deletes =
                str_eqz(action, action_name(ACTION_DELETE)) || str_eqz(action, action_name(ACTION_REPLACE))};
        scope_add(scope, p, &touch);
    }
}

int concurrent_check(struct planner *p, struct err *err)
{
    struct plan_scope scope;
    scope_of_saved(&scope, p);
    p->targets.changed_by_others = ARENA_ARRAY(p->arena, bool, p->stack->decl_count + 1);
    int status = check_all(p, &scope, err);
    since_spread(p);
    scope_release(&scope);
    return status;
}

enum { DIGEST_SIZE = 16 };

/* Digests, since an identity may contain a secret. */
static size_t digests_of(struct arena *arena, const struct schema *schema, const struct value *object,
    const struct value *set, struct str digests[3])
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!schema || !object)
        return 0;
    struct identities identities = identities_of(&scratch, schema, object, set);
    for (size_t i = 0; i < identities.n; i++) {
        struct str digest = sha256_hex(&scratch, identities.keys[i]);
        digests[i] = arena_printf(arena, "#%.*s", STR_ARG(str_slice(digest, 0, DIGEST_SIZE)));
    }
    return identities.n;
}

/* True if the record has an identity of a resource that the plan changes, possibly under another address. */
static bool is_named(const struct planner *p, const struct plan_scope *scope, const struct record *record)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str digests[3];
    const struct schema *schema = catalog_find(p->workspace->catalog, record->subject.type, false, NULL);
    size_t n = digests_of(&scratch, schema, record->attrs, record->set, digests);
    for (size_t i = 0; i < n; i++)
        if (map_get(&scope->names, digests[i]))
            return true;
    return false;
}

/* The same for a changed or added record, also by its identity. */
static const char *scope_includes_record(
    const struct plan_scope *scope, const struct planner *p, const struct record *record)
{
    const char *how = scope_includes(scope, p, record->subject.address);
    return how || !is_named(p, scope, record) ? how : "which is the same as one that this plan changes";
}

/* ---- of a plan that was made just now ---- */

static int check_recorded(const struct planner *p, const struct plan_scope *scope, struct err *err)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct record *then = p->recorded.items[i].record;
        const struct record *now = state_get(p->workspace->state, then->subject.address);
        bool same = now && now->seq == then->seq;
        const char *how = same  ? NULL
                          : now ? scope_includes_record(scope, p, now)
                                : scope_includes(scope, p, then->subject.address);
        if (how)
            return refuse_met(then->subject.address, how, now ? now->seq : 0, then->seq, err);
    }
    return 0;
}

static int check_added(const struct planner *p, const struct plan_scope *scope, struct err *err)
{
    size_t n;
    const struct record *const *records = state_records(p->workspace->state, &n);
    AUTO_MAP struct map then = MAP_INIT;
    for (size_t i = 0; i < p->recorded.count; i++)
        map_set(&then, p->recorded.items[i].record->subject.address, &then);
    for (size_t i = 0; i < n; i++) {
        struct str address = records[i]->subject.address;
        const char *how = map_get(&then, address) ? NULL : scope_includes_record(scope, p, records[i]);
        if (how)
            return refuse_met(address, how, records[i]->seq, 0, err);
    }
    return 0;
}

/* An intent that a run has left since the plan was made is recovered first: its request may still take
 * effect. */
static int check_left(const struct planner *p, const struct plan_scope *scope, struct err *err)
{
    size_t n;
    const struct intent *const *left = state_left_intents(p->workspace->state, &n);
    for (size_t i = 0; i < n; i++) {
        struct str address = left[i]->subject.address;
        const char *how = left[i]->seq > p->recorded.seq ? scope_includes(scope, p, address) : NULL;
        if (!how)
            continue;
        err_set(err, ERR_STALE, "%.*s, %s, was abandoned (%.*s) by a run that ended since the plan was made",
            STR_ARG(address), how, STR_ARG(left[i]->action));
        return err_hint(err, "plan again: what became of it is looked up first");
    }
    return 0;
}

static void add_names(struct plan_scope *scope, const struct schema *schema, const struct value *object,
    const struct value *set)
{
    struct str digests[3];
    size_t n = digests_of(&scope->arena, schema, object, set, digests);
    for (size_t i = 0; i < n; i++)
        map_set(&scope->names, digests[i], scope);
}

static void add_change(struct plan_scope *scope, const struct planner *p, const struct change *change)
{
    enum action action = change->decision.action;
    struct touch touch = {.address = change->subject.address,
        .moved_from = change->moved_from,
        .provider = change->subject.provider,
        .deletes = action == ACTION_DELETE || action == ACTION_REPLACE};
    scope_add(scope, p, &touch);
    if (change->instance && change->instance->desired && !change->schema->is_data)
        add_names(scope, change->schema, change->instance->planned,
            object_set(&scope->arena, change->schema, change->instance->desired));
    if (change->recorded)
        add_names(scope, change->schema, change->recorded->record->attrs, change->recorded->record->set);
}

/* Targets of a destroy, which another run may be creating. */
static void refer_to_targets(struct plan_scope *scope, const struct planner *p)
{
    const struct plan_options *options = p->options;
    for (size_t t = 0; options->destroy && t < options->target_count; t++)
        for (size_t i = 0; i < p->stack->decl_count; i++)
            scope->referred[i] |= address_matches(p->stack->decls[i]->address, &options->targets[t], 1) ||
                                  str_eq(p->stack->decls[i]->address, address_declared(options->targets[t]));
}

static void scope_of_plan(struct plan_scope *scope, const struct planner *p)
{
    scope_init(scope, p);
    refer_to_targets(scope, p);
    for (size_t i = 0; i < p->plan->change_count; i++)
        if (!p->plan->changes[i]->claimed_by.n)
            add_change(scope, p, p->plan->changes[i]);
}

int concurrent_check_new(struct planner *p, struct err *err)
{
    struct plan_scope scope;
    if (p->recorded.seq == state_seq(p->workspace->state))
        return 0;
    scope_of_plan(&scope, p);
    int status =
        check_recorded(p, &scope, err) || check_added(p, &scope, err) || check_left(p, &scope, err) ? -1 : 0;
    scope_release(&scope);
    return status;
}

/* ---- resources that stay as they are ---- */

bool concurrent_leaves(const struct planner *p, struct str address)
{
    if (!p->options->concurrent || value_get(p->options->concurrent->changes, address))
        return false;
    const struct recorded_resource *recorded = recorded_find(&p->recorded, address);
    struct str recorded_address = recorded ? recorded->record->subject.address : address;
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    bool refers = false;
    for (size_t i = 0; decl && i < decl->dep_count; i++)
        refers |= p->targets.changed_by_others[decl->deps[i]->index];
    return refers || number_now(p, recorded_address) != number_then(p, recorded_address);
}

bool concurrent_affects(const struct planner *p, const struct decl *decl)
{
    return p->options->concurrent && p->targets.changed_by_others[decl->index];
}

static const struct value *claims_of(
    const struct plan_scope *scope, const struct planner *p, struct arena *arena)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(arena), refers = VALUE_BUILDER(arena);
    for (size_t i = 0; i < scope->changed.n; i++)
        if (scope->changed.items[i].key.n)
            value_builder_add(&changes, value_string(arena, scope->changed.items[i].key));
    for (size_t i = 0; i < scope->names.n; i++)
        value_builder_add(&changes, value_string(arena, scope->names.items[i].key));
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (scope->referred[i] && p->stack->decls[i]->kind == DECL_RESOURCE)
            value_builder_add(&refers, value_string(arena, p->stack->decls[i]->address));
    return VALUE_MAP(
        arena, {STR("changes"), value_builder_list(&changes)}, {STR("refers"), value_builder_list(&refers)});
}

const struct value *scope_claims(const struct planner *p, struct arena *arena)
{
    struct plan_scope scope;
    scope_of_plan(&scope, p);
    const struct value *claims = claims_of(&scope, p, arena);
    scope_release(&scope);
    return claims;
}

/* ---- changes left to other runs ---- */

static struct str left_to(struct planner *p, const struct change *change)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err why = ERR_INIT;
    struct plan_scope scope;
    scope_init(&scope, p);
    add_change(&scope, p, change);
    int met = state_check_claims(p->workspace->state, claims_of(&scope, p, &scratch), &why);
    scope_release(&scope);
    return met ? arena_str(p->arena, str_z(why.message)) : STR_EMPTY;
}

bool scope_skip_claimed(struct planner *p)
{
    bool any = false;
    for (size_t i = 0; i < p->plan->change_count; i++) {
        struct change *change = p->plan->changes[i];
        change->claimed_by = left_to(p, change);
        any |= !change->claimed_by.n && change->decision.action != ACTION_NOOP;
    }
    return any;
}

bool *scope_not_applied(const struct planner *p, struct arena *arena)
{
    bool *untrue = ARENA_ARRAY(arena, bool, p->stack->decl_count + 1);
    for (size_t i = 0; i < p->plan->change_count; i++) {
        const struct change *change = p->plan->changes[i];
        const struct decl *decl = stack_find(p->stack, address_declared(change->subject.address));
        if (decl && (change->claimed_by.n || p->plan->destroy))
            untrue[decl->index] = true;
    }
    for (size_t i = 0; i < p->stack->decl_count; i++)
        for (size_t k = 0; k < p->stack->decls[i]->dep_count; k++)
            untrue[i] |= untrue[p->stack->decls[i]->deps[k]->index];
    return untrue;
}
