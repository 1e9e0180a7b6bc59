/* What --target and --replace name, and its dependencies. */
#include "plan/evaluate/evaluate.h"

#include "plan/objects/plan_scope.h"
#include "plan/objects/recorded.h"

enum { KEYS_SHOWN = 200 }; /* bytes of the addresses in a hint */

/* Returns false if it was a target before. */
static bool add_target(struct planner *p, const struct decl *decl, bool whole)
{
    bool before = p->targets.targeted[decl->index];
    p->targets.whole[decl->index] |= whole;
    p->targets.targeted[decl->index] = true;
    return !before;
}

static bool add_whole_target(void *ctx, const struct decl *dep)
{
    return add_target(ctx, dep, true);
}

static void target_with_deps(struct planner *p, const struct decl *decl, bool whole)
{
    if (add_target(p, decl, whole) && !p->options->targets_only)
        decl_walk_deps(decl, add_whole_target, p);
}

static bool target_is_known(struct planner *p, struct str target)
{
    const struct decl *decl = stack_find(p->stack, address_declared(target));
    if (recorded_find(&p->recorded, target) ||
        (decl && !decl_is_keyed_module(decl))) /* instances of a module are looked up below */
        return true;
    for (size_t i = 0; i < p->recorded.count; i++)
        if (address_matches(p->recorded.items[i].address, &target, 1))
            return true;
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (address_matches(p->stack->decls[i]->address, &target, 1))
            return true;
    return false;
}

static bool all_known(struct planner *p, const char *option, const struct str *targets, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        if (target_is_known(p, targets[i]))
            continue;
        struct diag *d = diag_error(p->diags, (struct span){0},
            "%s %.*s: neither the stack nor the state has it", option, STR_ARG(targets[i]));
        diag_hint(p->diags, d, "`weir state list` shows the addresses");
        ok = false;
    }
    return ok;
}

bool targets_find(struct planner *p)
{
    const struct plan_options *options = p->options;
    bool ok = all_known(p, "--replace", options->replaces, options->replace_count);
    if (!options->target_count) {
        memset(p->targets.targeted, true, p->stack->decl_count * sizeof *p->targets.targeted);
        memset(p->targets.whole, true, p->stack->decl_count * sizeof *p->targets.whole);
        return ok;
    }
    ok &= all_known(p, "--target", options->targets, options->target_count);
    for (size_t t = 0; t < options->target_count; t++) {
        struct str target = options->targets[t], declared = address_declared(target);
        for (size_t i = 0; i < p->stack->decl_count; i++) {
            const struct decl *decl = p->stack->decls[i];
            bool one = decl_is_keyed_module(decl) && !str_eq(target, declared); /* an instance of a module */
            bool whole = address_matches(decl->address, &target, 1);
            if ((str_eq(decl->address, declared) && !one) || whole)
                target_with_deps(p, decl, whole);
        }
    }
    return ok;
}

bool targets_have(const struct planner *p, const struct decl *decl, struct str address)
{
    if (concurrent_leaves(p, address))
        return false;
    return p->targets.whole[decl->index] ||
           address_matches(address, p->options->targets, p->options->target_count);
}

bool targets_check(struct planner *p, const struct decl *decl)
{
    const struct instances *list = &p->evaluated.instances[decl->index];
    for (size_t t = 0; t < p->options->target_count; t++) {
        struct str target = p->options->targets[t];
        bool there = list->unread || str_eq(target, decl->address) ||
                     !str_eq(address_declared(target), decl->address) || recorded_find(&p->recorded, target);
        AUTO_BUF struct buf names = BUF_INIT;
        for (size_t i = 0; i < list->n && !there; i++) {
            there = str_eq(list->items[i].address, target);
            if (names.n < KEYS_SHOWN)
                buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(list->items[i].address));
        }
        if (there)
            continue;
        if (p->needed) { /* only a part of the instances was created */
            p->needs_whole = true;
            return false;
        }
        struct diag *d = diag_error(p->diags, decl->span, "there is no %.*s", STR_ARG(target));
        diag_hint(p->diags, d, "there %s %s", list->n == 1 ? "is" : "are", list->n ? names.p : "none");
        return false;
    }
    return true;
}

/* ---- Plans of some resources alone (deploy, rollback): dependencies must exist already; dependents are
 * included only if the change reaches them, and only with the attributes that it changes. ---- */

struct needing {
    struct planner *p;
    const struct decl *decl;
};

static void note_need(void *ctx, const struct decl *dep)
{
    struct needing *n = ctx;
    if (!n->p->targets.targeted[dep->index] && !n->p->targets.needed_by[dep->index])
        n->p->targets.needed_by[dep->index] = n->decl;
}

/* True if an artifact already has the version of the rollback: an earlier rollback was interrupted, or the
 * rollback is not needed. */
static bool back_already(const struct planner *p)
{
    const struct value *versions = p->options->versions;
    for (uint32_t i = 0; versions && i < versions->count; i++) {
        const struct recorded_resource *recorded = recorded_find(&p->recorded, versions->entries[i].key);
        if (recorded &&
            value_equal(value_getz(recorded->record->attrs, "sha256"), versions->entries[i].value))
            return true;
    }
    return false;
}

void targets_only_begin(struct planner *p)
{
    p->targets.already_rolled_back = back_already(p);
    p->targets.needed_by = ARENA_ARRAY(p->arena, const struct decl *, p->stack->decl_count + 1);
    p->targets.minimal = ARENA_ARRAY(p->arena, bool, p->stack->decl_count + 1);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        struct needing n = {p, p->stack->decls[i]};
        if (p->targets.targeted[i] && n.decl->kind == DECL_RESOURCE)
            each_resource_dep(p, n.decl, note_need, &n);
        /* A rollback does not apply other changes of the file. */
        p->targets.minimal[i] =
            p->options->versions && n.decl->kind == DECL_RESOURCE && !n.decl->schema->ops->prepare;
    }
}

/* Reports instances of a target's dependency that are not recorded. */
bool targets_only_check(struct planner *p, const struct decl *decl)
{
    const struct decl *by = p->targets.needed_by[decl->index];
    const struct instances *list = &p->evaluated.instances[decl->index];
    if (!by)
        return true;
    if (!evaluate_instances(p, decl))
        return false;
    for (size_t i = 0; i < list->n; i++) {
        if (recorded_find(&p->recorded, list->items[i].address))
            continue;
        struct diag *d = diag_error(p->diags, decl->span, "%.*s needs %.*s, which does not exist yet",
            STR_ARG(by->address), STR_ARG(list->items[i].address));
        diag_hint(p->diags, d, "`weir apply` makes it, and everything else that is missing");
        return false;
    }
    return true;
}

/* ---- what a change reaches ---- */

struct search {
    struct planner *p;
    bool found;
};

static void any_pending(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    const struct planner *p = search->p;
    search->found |= dep->kind == DECL_RESOURCE &&
                     (p->evaluated.pending[dep->index] ||
                         (p->targets.already_rolled_back && p->targets.targeted[dep->index]));
}

/*
 * True if the attribute's value changes because a dependency changes. After an interrupted rollback the
 * records cannot tell, since the artifact already has its version: then each attribute that refers to a
 * target counts.
 */
static bool attr_follows(struct planner *p, const struct instance *instance, const struct expr *expr)
{
    return expression_changes(
        p, instance, expr, p->targets.already_rolled_back ? p->targets.targeted : NULL, NULL);
}

/* True if an attribute of a recorded instance changes. */
static bool is_reached(struct planner *p, const struct decl *decl)
{
    const struct instances *list = &p->evaluated.instances[decl->index];
    for (size_t i = 0; i < list->n; i++) {
        struct instance instance = list->items[i];
        instance.recorded = recorded_find(&p->recorded, instance.address);
        for (size_t k = 0; instance.recorded && k < decl->attr_count; k++)
            if (attr_follows(p, &instance, decl->attrs[k].expr))
                return true;
    }
    return false;
}

bool targets_only_includes(struct planner *p, const struct decl *decl)
{
    struct search search = {p, false};
    if (decl->kind != DECL_RESOURCE || (p->options->leave_jobs && decl->schema->job))
        return false;
    each_resource_dep(p, decl, any_pending, &search);
    if (!search.found || !evaluate_instances(p, decl) || !is_reached(p, decl))
        return false;
    p->targets.targeted[decl->index] = p->targets.whole[decl->index] = true;
    p->targets.minimal[decl->index] = true;
    return true;
}

/* ---- changing only what follows ---- */

/*
 * Returns the recorded object, with new values for attributes whose references change. A secret that the
 * state has as a hash comes from the file.
 */
const struct value *targets_only_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    const struct decl *decl = instance->decl;
    if (!p->targets.minimal || !p->targets.minimal[decl->index] || !record || !record->set)
        return object;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < record->set->count; i++) {
        struct str name = record->set->items[i]->string;
        const struct value *kept = value_get(record->attrs, name);
        if (kept && object_holds_hash(kept))
            kept = value_get(object, name);
        if (kept)
            value_builder_set(&b, name, kept);
    }
    for (size_t k = 0; k < decl->attr_count; k++)
        if (attr_follows(p, instance, decl->attrs[k].expr) && value_get(object, decl->attrs[k].name))
            value_builder_set(&b, decl->attrs[k].name, value_get(object, decl->attrs[k].name));
    return value_builder_map(&b);
}
