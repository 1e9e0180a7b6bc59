/*
 * plan_make(): the order in which a plan comes about. Declarations that no resource stands behind are
 * evaluated first (providers need them), then what the state knows is refreshed, then everything else is
 * evaluated and compared in dependency order.
 */
#include "plan/planner.h"

#include "base/mask.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

const char *action_name(enum action action)
{
    static const char *const names[ACTION_COUNT] = {
        "noop", "read", "create", "update", "replace", "delete", "adopt", "forget"};
    return names[action];
}

bool plan_has_changes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i].action != ACTION_NOOP || plan->changes[i].moved_from.n)
            return true;
    return false;
}

struct planner *planner_new(
    struct workspace *workspace, const struct plan_options *options, struct diags *diags)
{
    struct plan *plan = mem_zalloc(sizeof *plan);
    struct planner *p = ARENA_NEW(&plan->arena, struct planner);
    size_t n = workspace->stack->decl_count ? workspace->stack->decl_count : 1;
    *p = (struct planner){
        .plan = plan,
        .workspace = workspace,
        .stack = workspace->stack,
        .arena = &plan->arena,
        .options = *options,
        .diags = diags,
        .values = ARENA_ARRAY(&plan->arena, const struct value *, n),
        .instances = ARENA_ARRAY(&plan->arena, struct instances, n),
        .targeted = ARENA_ARRAY(&plan->arena, bool, n),
        .whole = ARENA_ARRAY(&plan->arena, bool, n),
        .pending = ARENA_ARRAY(&plan->arena, bool, n),
        .fixed = ARENA_ARRAY(&plan->arena, bool, n),
        .stamps = ARENA_ARRAY(&plan->arena, uint32_t, n),
        .entered = ARENA_ARRAY(&plan->arena, uint8_t, n),
    };
    plan->workspace = workspace;
    plan->planner = p;
    plan->destroy = options->destroy;
    plan->output_values = &value_empty_map;
    return p;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    struct planner *p = plan->planner;
    map_release(&p->seen_by_address);
    map_release(&p->seen_by_declared);
    map_release(&p->seen_by_decl);
    map_release(&p->provider_users);
    free(p->changes);
    arena_release(&plan->arena);
    free(plan);
}

static void mark_fixed(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        bool fixed = decl->kind != DECL_RESOURCE && decl->kind != DECL_DATA;
        for (size_t k = 0; k < decl->dep_count && fixed; k++)
            fixed = p->fixed[decl->deps[k]->index];
        p->fixed[i] = fixed;
    }
}

static void evaluate_fixed(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (p->fixed[i])
            evaluate_decl(p, p->stack->decls[i]);
}

/* ---- data sources ---- */

struct search {
    struct planner *p;
    bool found;
};

static void any_pending(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    search->found |= search->p->pending[dep->index];
}

/* Must the data source wait until apply, because what it depends on is still to change? */
static bool must_wait(struct planner *p, const struct instance *instance)
{
    struct search search = {p, false};
    each_resource_dep(p, instance->decl, any_pending, &search);
    return search.found || !value_is_known(instance->desired);
}

static bool read_data(struct planner *p, struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    if (p->options.offline || must_wait(p, instance)) {
        instance->action = ACTION_READ;
        instance_change(p, instance)->action = ACTION_READ;
        instance->planned = object_unknown(p->arena, schema, instance->desired);
        p->pending[instance->decl->index] = true;
        return true;
    }
    struct provider *provider;
    struct err err = ERR_INIT;
    const struct value *live = NULL;
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (schema->ops->read(&op, instance->desired, NULL, &live, &err) == 0 && !live)
        err_set(&err, ERR_ABSENT, "there is no such thing");
    if (!live) {
        err_context(&err, "reading data %.*s", STR_ARG(instance->address));
        return plan_failed(p, instance->decl->span, &err);
    }
    live = value_merge(p->arena, instance->desired, live);
    instance->planned = object_mark(p->arena, schema, live, instance->desired);
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].sensitive)
            mask_add_value(value_get(live, schema->attrs[i].name), MASK_LIKELY);
    return true;
}

/* ---- resources ---- */

void freeze_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->instances[decl->index];
    struct seen *first = map_get(&p->seen_by_decl, decl->address);
    size_t n = 0;
    for (const struct seen *seen = first; seen; seen = seen->neighbour)
        n++;
    list->keyed = decl->for_each != NULL;
    list->n = 0;
    list->items = ARENA_ARRAY(p->arena, struct instance, n + 1);
    for (struct seen *seen = first; seen; seen = seen->neighbour) {
        struct str declared, key;
        if (!address_split(p->arena, seen->address, &declared, &key) || (key.p != NULL) != list->keyed)
            continue; /* from before it had a for_each, or a key of its own */
        seen->claimed = true;
        list->items[list->n++] = (struct instance){.decl = decl,
            .address = seen->address,
            .key = key.p ? value_string_ref(p->arena, key) : NULL,
            .seen = seen,
            .planned = seen->live};
    }
}

/* Instances that are no targets are as they are recorded; those that are not, are not there. */
static void freeze_others(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->instances[decl->index];
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct instance *instance = &list->items[i];
        if (!claim_is_target(p, decl, instance->address)) {
            instance->seen = seen_find(p, instance->address);
            if (!instance->seen)
                continue;
            instance->seen->claimed = true;
            instance->planned = instance->seen->live;
        }
        list->items[n++] = *instance;
    }
    list->n = n;
}

static const struct import *import_of(const struct planner *p, struct str address)
{
    for (size_t i = 0; i < p->stack->import_count; i++)
        if (str_eq(p->stack->imports[i].address, address))
            return &p->stack->imports[i];
    return NULL;
}

/* Reads the thing with that id; *live NULL where there is none. False after a failure. */
static bool look(struct planner *p, const struct instance *instance, const struct value *id, struct span span,
    const struct value **live)
{
    const struct schema *schema = instance->decl->schema;
    struct err err = ERR_INIT;
    struct provider *provider;
    *live = NULL;
    if (!schema->ops->read)
        return true;
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    const struct value *prior = value_with(p->arena, instance->desired, schema->id, id);
    if (schema->ops->read(&op, prior, object_set(p->arena, schema, instance->desired), live, &err) == 0) {
        *live = object_mark(p->arena, schema, *live, instance->desired);
        return true;
    }
    err_context(&err, "looking for %.*s", STR_ARG(instance->address));
    return plan_failed(p, span, &err);
}

/* The id under which the instance is to be imported; *id stays NULL where it is not. False after an error. */
static bool import_id(
    struct planner *p, const struct instance *instance, const struct value **id, struct span *span)
{
    *id = NULL;
    *span = (struct span){0};
    if (p->options.import_address.n && str_eq(p->options.import_address, instance->address)) {
        *id = value_string(p->arena, p->options.import_id);
        return true;
    }
    const struct import *import = import_of(p, instance->address);
    if (!import)
        return true;
    struct scope scope = planner_scope(p, instance->decl, NULL);
    *id = expr_eval(import->id, &scope, p->arena);
    *span = import->span;
    if (*id && (*id)->kind != VALUE_STRING)
        diag_error(p->diags, import->span, "importing %.*s: the id must be a text known at plan time",
            STR_ARG(instance->address));
    return *id && (*id)->kind == VALUE_STRING;
}

/* Looks at what is to be imported. */
static bool look_for_import(
    struct planner *p, struct instance *instance, const struct value *id, struct span span)
{
    if (!look(p, instance, id, span, &instance->import_live))
        return false;
    if (instance->import_live)
        return true;
    diag_error(p->diags, span, "importing %.*s: there is no %.*s \"%.*s\"", STR_ARG(instance->address),
        STR_ARG(instance->decl->schema->name), STR_ARG(id->string));
    return false;
}

/* `adopt: existing`: is there something with the identity that a new one would have? */
static bool look_for_existing(struct planner *p, struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct value *planned = instance->desired;
    struct err err = ERR_INIT;
    struct provider *provider;
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (schema->ops->predict && schema->ops->predict(&op, instance->desired, NULL, &planned, &err))
        return plan_failed(p, instance->decl->span, &err);
    const struct value *id = value_get(planned, schema->id);
    if (value_is_null(id) || !value_is_known(id))
        return true;
    return look(p, instance, id, instance->decl->span, &instance->import_live);
}

static bool plan_instance(struct planner *p, struct instance *instance)
{
    const struct decl *decl = instance->decl;
    if (decl->kind == DECL_RESOURCE)
        instance->seen = seen_find(p, instance->address);
    instance->desired = evaluate_attributes(p, instance, p->arena);
    if (!instance->desired)
        return false;
    if (decl->kind == DECL_DATA)
        return read_data(p, instance);
    if (instance->seen) {
        instance->seen->claimed = true;
    } else if (!p->options.offline) {
        const struct value *id;
        struct span span;
        if (!import_id(p, instance, &id, &span))
            return false;
        if (id ? !look_for_import(p, instance, id, span)
               : decl->adopt == ADOPT_EXISTING && !look_for_existing(p, instance))
            return false;
        if (instance->import_live)
            instance->desired = evaluate_files(p, instance, p->arena, instance->desired);
        if (!instance->desired)
            return false;
    }
    return diff_instance(p, instance);
}

static bool plan_resource(struct planner *p, const struct decl *decl)
{
    if (!p->targeted[decl->index] && decl->kind == DECL_RESOURCE &&
        !(p->options.alone && alone_includes(p, decl))) {
        if (p->options.alone && !alone_check(p, decl))
            return false;
        freeze_instances(p, decl);
        return true;
    }
    if (!evaluate_instances(p, decl) || !claim_has_targets(p, decl))
        return false;
    if (decl->kind == DECL_RESOURCE && !p->whole[decl->index])
        freeze_others(p, decl);
    struct instances *list = &p->instances[decl->index];
    bool ok = true;
    for (size_t i = 0; i < list->n; i++)
        if (decl->kind == DECL_DATA || claim_is_target(p, decl, list->items[i].address))
            ok &= plan_instance(p, &list->items[i]);
    return ok;
}

static void evaluate_rest(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (p->fixed[i])
            continue;
        if (p->failure.class != ERR_NONE)
            return;
        if (decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA)
            plan_resource(p, decl);
        else
            for (size_t k = 0; k < decl->dep_count; k++)
                p->pending[i] |= p->pending[decl->deps[k]->index];
        evaluate_decl(p, decl);
    }
}

static void destroyed_first(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    const struct instances *list = &search->p->instances[dep->index];
    for (size_t i = 0; i < list->n; i++)
        search->found |= list->items[i].action == ACTION_REPLACE && !list->items[i].create_before_destroy;
}

/* Types that are made first by themselves give way where what they refer to is destroyed first. */
static void withdraw_create_first(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        struct search search = {p, false};
        if (!decl->schema || !decl->schema->create_first || decl->lifecycle.create_before_destroy)
            continue;
        each_resource_dep(p, decl, destroyed_first, &search);
        for (size_t k = 0; search.found && k < p->instances[i].n; k++) {
            struct instance *instance = &p->instances[i].items[k];
            instance->create_before_destroy = false;
            if (instance->change)
                instance->change->create_before_destroy = false;
        }
    }
}

/* A replacement that something made before it is destroyed refers to. */
static void create_before_destroy(void *ctx, const struct decl *dep)
{
    struct planner *p = ctx;
    struct instances *list = &p->instances[dep->index];
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].action != ACTION_REPLACE)
            continue;
        list->items[i].create_before_destroy = true;
        list->items[i].change->create_before_destroy = true;
    }
}

/* What a create-before-destroy replacement refers to must be made first as well, or the order would be a
 * circle. */
static void spread_create_before_destroy(struct planner *p)
{
    for (size_t i = p->stack->decl_count; i-- > 0;) {
        const struct decl *decl = p->stack->decls[i];
        bool first = false;
        for (size_t k = 0; k < p->instances[i].n; k++)
            first |= p->instances[i].items[k].create_before_destroy;
        if (first)
            each_resource_dep(p, decl, create_before_destroy, p);
    }
}

/* ---- results ---- */

size_t plan_count(const struct plan *plan, enum action action)
{
    return plan->counts[action] + (action == ACTION_UPDATE ? plan->adopt_updates : 0);
}

static void collect_changes(struct planner *p)
{
    struct plan *plan = p->plan;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        struct instances *list = &p->instances[i];
        if (p->stack->decls[i]->kind == DECL_RESOURCE)
            plan->resource_count += list->n;
        for (size_t k = 0; k < list->n; k++) {
            struct instance *instance = &list->items[k];
            if (p->stack->decls[i]->kind == DECL_RESOURCE) {
                plan->counts[instance->action]++;
                plan->left_count += !instance->desired;
                plan->adopt_updates += instance->action == ACTION_ADOPT && instance->change->attr_count;
            }
            if (!instance->change)
                continue;
            MEM_GROW(p->changes, p->change_cap, p->change_count + 1);
            p->changes[p->change_count++] = *instance->change;
        }
    }
}

static int by_address(const void *a, const void *b)
{
    return str_cmp(((const struct change *)a)->address, ((const struct change *)b)->address);
}

static void finish_changes(struct planner *p)
{
    struct plan *plan = p->plan;
    for (size_t i = 0; i < p->change_count; i++)
        if (!p->changes[i].instance)
            plan->counts[p->changes[i].action]++;
    collect_changes(p);
    if (p->change_count)
        qsort(p->changes, p->change_count, sizeof *p->changes, by_address);
    plan->changes = p->changes;
    plan->change_count = p->change_count;
    for (size_t i = 0; i < p->change_count; i++)
        if (p->changes[i].instance)
            p->changes[i].instance->change = &p->changes[i];
}

static void add_output_change(struct plan *plan, struct arena *arena, struct str name,
    const struct value *before, const struct value *after, const struct decl *decl)
{
    if (before && after && (value_equal(before, after) || object_hash_matches(before, after)))
        return;
    if (!plan->outputs)
        plan->outputs = ARENA_ARRAY(arena, struct output_change,
            plan->output_values->count + state_outputs(plan->workspace->state)->count);
    plan->outputs[plan->output_count++] = (struct output_change){
        .name = name,
        .description = decl ? decl->description : STR_EMPTY,
        .before = before,
        .after = after,
        .sensitive = value_is_sensitive(before) || value_is_sensitive(after),
    };
}

static void diff_outputs(struct planner *p)
{
    struct plan *plan = p->plan;
    struct value_builder values = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < p->stack->root->decl_count && !p->options.destroy; i++) {
        const struct decl *decl = p->stack->root->decls[i];
        if (decl->kind == DECL_OUTPUT && p->values[decl->index])
            value_builder_set(&values, decl->name, p->values[decl->index]);
    }
    plan->output_values = value_builder_map(&values);
    if (!p->workspace->state || p->options.target_count)
        return;
    const struct value *old = state_outputs(p->workspace->state);
    for (uint32_t i = 0; i < plan->output_values->count; i++) {
        struct value_entry entry = plan->output_values->entries[i];
        add_output_change(plan, p->arena, entry.key, value_get(old, entry.key), entry.value,
            map_get(&p->stack->root->outputs, entry.key));
    }
    for (uint32_t i = 0; i < old->count; i++)
        if (!value_get(plan->output_values, old->entries[i].key))
            add_output_change(plan, p->arena, old->entries[i].key, old->entries[i].value, NULL, NULL);
}

/* ---- destroy ---- */

/* With targets, everything that depends on a target goes too; the rest counts as claimed. */
static void destroy_untargeted(struct planner *p)
{
    if (!p->options.target_count)
        return;
    struct graph graph;
    claim_graph(p, &graph);
    uint32_t *doomed = mem_realloc_array(NULL, graph.node_count + 1, sizeof *doomed);
    bool *found = mem_zalloc((graph.node_count + 1) * sizeof *found);
    size_t n = 0;
    for (uint32_t i = 0; i < p->seen_count; i++) {
        found[i] = address_matches(p->seen[i].address, p->options.targets, p->options.target_count);
        if (found[i])
            doomed[n++] = i;
    }
    for (size_t i = 0; i < n; i++) {
        for (uint32_t e = graph.first[doomed[i]]; e < graph.first[doomed[i] + 1]; e++) {
            uint32_t dependent = graph.targets[e];
            if (!found[dependent])
                doomed[n++] = dependent;
            found[dependent] = true;
        }
    }
    for (size_t i = 0; i < p->seen_count; i++)
        p->seen[i].claimed = !found[i];
    free(found);
    free(doomed);
    graph_release(&graph);
}

static int plan_destroy(struct planner *p)
{
    teardown_steering(p);
    destroy_untargeted(p);
    if (!diff_orphans(p) || !teardown_examine(p))
        return -1;
    finish_changes(p);
    diff_outputs(p);
    return 0;
}

static int make(struct planner *p, struct err *err)
{
    mark_fixed(p);
    evaluate_fixed(p);
    if (p->diags->errors && p->options.destroy)
        return -1;
    p->options.offline |= p->diags->errors > 0; /* the rest is only checked, so that all mistakes are told */
    bool with_state = p->workspace->state && !p->options.offline;
    if (with_state && (places_check(p, err) || recover_for_plan(p, err) || !claim_records(p)))
        return -1;
    if (!claim_targets(p))
        return -1;
    if (p->options.alone)
        alone_begin(p);
    if (p->options.destroy)
        return plan_destroy(p);
    if (!p->options.no_refresh && !p->options.offline && refresh_records(p, err))
        return -1;
    evaluate_rest(p);
    if (p->failure.class != ERR_NONE) {
        *err = p->failure;
        return -1;
    }
    if (!p->options.target_count)
        diff_orphans(p);
    check_unique(p);
    if (p->diags->errors)
        return -1;
    withdraw_create_first(p);
    spread_create_before_destroy(p);
    finish_changes(p);
    diff_outputs(p);
    if (with_state && !p->options.alone && !teardown_examine(p)) {
        if (p->failure.class != ERR_NONE)
            *err = p->failure;
        return -1;
    }
    return 0;
}

int plan_make(struct workspace *workspace, const struct plan_options *options, struct diags *diags,
    struct plan **out, struct err *err)
{
    struct planner *p = planner_new(workspace, options, diags);
    if (make(p, err)) {
        plan_free(p->plan);
        return -1;
    }
    p->options.observer = (struct observer){0}; /* who listened to the planning may be gone */
    *out = p->plan;
    return 0;
}

/* Values as the state has them: nothing is read, and what is not recorded is unknown. */
static bool evaluate_recorded(struct planner *p)
{
    if (p->workspace->state && !claim_records(p))
        return false;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (decl->kind == DECL_RESOURCE)
            freeze_instances(p, decl);
        if ((decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA) && !p->instances[i].n)
            p->values[i] = &value_unknown;
        else
            evaluate_decl(p, decl);
    }
    return true;
}

/* The instances, their values as far as they follow from the stack alone. */
static size_t declare_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->instances[decl->index];
    if (!evaluate_instances(p, decl))
        *list = (struct instances){.keyed = decl->for_each != NULL};
    for (size_t i = 0; i < list->n; i++) {
        const struct value *object = evaluate_attributes(p, &list->items[i], p->arena);
        list->items[i].planned = object ? object_unknown(p->arena, decl->schema, object) : &value_unknown;
    }
    return list->n;
}

const bool *plan_absent(struct workspace *workspace, struct arena *arena)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, &ignored);
    bool *absent = ARENA_ARRAY(arena, bool, p->stack->decl_count + 1);
    mark_fixed(p);
    evaluate_fixed(p);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        struct instances *list = &p->instances[i];
        if (p->fixed[i])
            continue;
        if (decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA) {
            size_t errors = ignored.errors;
            size_t n = declare_instances(p, decl);
            absent[i] = !n && !list->unread && ignored.errors == errors;
        }
        if (decl->kind == DECL_DATA && !absent[i])
            p->values[i] = &value_unknown;
        else
            evaluate_decl(p, decl);
    }
    plan_free(p->plan);
    return absent;
}

const struct declared *plan_declared(struct workspace *workspace, struct arena *arena, size_t *n)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, &ignored);
    struct declared *list = NULL;
    size_t cap = 0;
    *n = 0;
    mark_fixed(p);
    evaluate_fixed(p);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (p->fixed[i])
            continue;
        if (decl->kind == DECL_RESOURCE) {
            size_t count = declare_instances(p, decl);
            MEM_GROW(list, cap, *n + count);
            for (size_t k = 0; k < count; k++) {
                const struct value *object = p->instances[i].items[k].planned;
                list[(*n)++] = (struct declared){
                    decl, value_is_unknown(object) ? &value_empty_map : value_copy(arena, object)};
            }
        }
        if (decl->kind == DECL_DATA)
            p->values[i] = &value_unknown;
        else
            evaluate_decl(p, decl);
    }
    struct declared *kept = ARENA_ARRAY(arena, struct declared, *n + 1);
    if (*n)
        memcpy(kept, list, *n * sizeof *kept);
    free(list);
    plan_free(p->plan);
    return kept;
}

const struct value *plan_evaluate(struct workspace *workspace, struct str text, const struct value *names,
    struct arena *arena, struct diags *diags)
{
    struct stack *stack = workspace->stack;
    struct source *source = ARENA_NEW(&stack->arena, struct source);
    *source = (struct source){.path = STR("expression"), .text = arena_str(&stack->arena, text)};
    struct expr *expr = expr_parse(&stack->arena, source, diags);
    if (!expr)
        return NULL;
    stack_resolve(stack, expr, names, diags);
    if (diags->errors)
        return NULL;
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    const struct value *v = NULL;
    if (evaluate_recorded(p)) {
        struct scope scope = {.value_of = planner_value,
            .ctx = p,
            .constants = value_merge(arena, stack->constants, names),
            .dir = stack->root->dir,
            .diags = diags};
        v = value_copy(arena, expr_eval(expr, &scope, arena));
    }
    plan_free(p->plan);
    return v;
}
