/* Values of declarations by kind, and evaluation without a plan. */
#include "plan/evaluate/evaluate.h"

#include "base/mask.h"
#include "base/mem.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/context.h"
#include "plan/objects/recorded.h"

#include <stdlib.h>

const struct value *planner_value(void *ctx, const struct decl *decl)
{
    struct planner *p = ctx;
    const struct value *v = p->evaluated.values[decl->index];
    return v ? v : &value_unknown;
}

struct scope planner_scope(struct planner *p, const struct decl *decl, const struct instance *instance)
{
    return (struct scope){
        .value_of = planner_value,
        .ctx = p,
        .each_key = instance ? instance->key : NULL,
        .each_value = instance ? instance->each_value : NULL,
        .constants = decl->module->constants,
        .dir = decl->module->dir,
        .diags = p->diags,
        .is_lost = state_is_hash,
        .open = p->workspace->options->stack.open,
    };
}

void evaluate_issue(struct planner *p, const struct expr *expr, struct span key_span, const char *what,
    struct str name, const struct schema_issue *issue)
{
    struct span span = expr ? expr_span_at(expr, issue->path, issue->at_key) : key_span;
    struct diag *d =
        diag_error(p->diags, span, "%s \"%.*s\": %.*s", what, STR_ARG(name), STR_ARG(issue->message));
    if (issue->label.n)
        diag_label(p->diags, d, "%.*s", STR_ARG(issue->label));
    if (expr)
        expr_hint_issue(expr, issue, p->diags, d);
}

struct scope argument_scope(struct planner *p, const struct decl *decl)
{
    struct scope scope = planner_scope(p, decl, NULL);
    scope.dir = decl->module->parent->dir;
    scope.constants = decl->module->parent->constants;
    scope.each_key = decl->module->each_key;
    scope.each_value = decl->module->each_value;
    return scope;
}

const struct expr *evaluate_origin(struct planner *p, const struct expr *expr, struct scope *scope)
{
    const struct decl *decl;
    for (unsigned depth = 0; depth < 100 && (decl = expr_named(expr)); depth++)
        if (decl->kind == DECL_INPUT && decl->argument) {
            expr = decl->argument;
            *scope = argument_scope(p, decl);
        } else if (decl->kind == DECL_LOCAL || decl->kind == DECL_OUTPUT) {
            expr = decl->expr;
            *scope = planner_scope(p, decl, NULL);
        } else {
            break;
        }
    return expr;
}

static const struct value *evaluate_input(struct planner *p, const struct decl *decl)
{
    if (!decl->argument)
        return decl->given ? decl->given : &value_null;
    struct scope scope = argument_scope(p, decl);
    const struct value *v = expr_eval(decl->argument, &scope, p->arena);
    /* A secret of which the state has only a hash is passed on; its user reports the loss. */
    if (!v || object_holds_hash(v))
        return v;
    struct schema_issue issue = {0};
    const struct value *converted;
    if (schema_convert(p->arena, decl->input, v, &converted, &issue)) {
        evaluate_issue(p, decl->argument, decl->span, "input", decl->name, &issue);
        return NULL;
    }
    if (!decl->input->sensitive)
        return converted;
    mask_add_value(converted, MASK_GIVEN);
    return value_mark(p->arena, converted, VALUE_SENSITIVE);
}

const struct value *module_outputs(struct arena *arena, const struct module *module,
    const struct value *(*value_of)(void *ctx, const struct decl *decl), void *ctx)
{
    struct value_builder outputs = VALUE_BUILDER(arena);
    for (size_t i = 0; i < module->decl_count; i++)
        if (module->decls[i]->kind == DECL_OUTPUT)
            value_builder_set(&outputs, module->decls[i]->name, value_of(ctx, module->decls[i]));
    return value_builder_map(&outputs);
}

const struct value *evaluate_module(struct arena *arena, const struct decl *decl,
    const struct value *(*value_of)(void *ctx, const struct decl *decl), void *ctx)
{
    if (!decl->keyed)
        return module_outputs(arena, decl->target, value_of, ctx);
    struct value_builder instances = VALUE_BUILDER(arena);
    for (size_t i = 0; i < decl->call_count; i++)
        value_builder_set(
            &instances, decl->calls[i]->target->each_key->string, value_of(ctx, decl->calls[i]));
    return value_builder_map(&instances);
}

static bool is_value(const struct decl *decl)
{
    return decl->kind != DECL_RESOURCE && decl->kind != DECL_DATA;
}

bool evaluate_decl(struct planner *p, const struct decl *decl)
{
    const struct value *v = NULL;
    enum entry entry =
        module_entry(p, decl->kind == DECL_MODULE && !decl->keyed ? decl->target : decl->module);
    if (entry != ENTRY_IN && is_value(decl)) { /* resources and data sources have no instances then */
        p->evaluated.values[decl->index] = entry == ENTRY_OUT ? &value_null : &value_unknown;
        return entry != ENTRY_FAILED;
    }
    if (decl->mistaken.any && is_value(decl)) {
        p->evaluated.values[decl->index] = &value_unknown;
        return true;
    }
    struct scope scope = planner_scope(p, decl, NULL);
    switch (decl->kind) {
    case DECL_INPUT: v = evaluate_input(p, decl); break;
    case DECL_LOCAL: v = expr_eval(decl->expr, &scope, p->arena); break;
    case DECL_OUTPUT:
        v = expr_eval(decl->expr, &scope, p->arena);
        if (v && decl->sensitive)
            v = value_mark(p->arena, v, VALUE_SENSITIVE);
        else if (v && !decl->module->parent && !value_is_sensitive(v))
            mask_allow_value(v); /* shown as an output: not a secret, even if it looks like one */
        break;
    case DECL_PROVIDER:
    case DECL_CONNECTION:
        v = decl->config ? expr_eval(decl->config, &scope, p->arena) : &value_empty_map;
        v = connections_bind(p, decl, v);
        break;
    case DECL_MODULE: v = evaluate_module(p->arena, decl, planner_value, p); break;
    case DECL_RESOURCE:
    case DECL_DATA: v = evaluate_resource_value(p, decl); break;
    case DECL_SHARED: v = workspace_shared(p->workspace); break;
    }
    p->evaluated.values[decl->index] = v ? v : &value_unknown;
    return v != NULL;
}

static void find_fixed(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        bool fixed =
            is_value(decl) && (decl->kind != DECL_SHARED || value_is_known(workspace_shared(p->workspace)));
        for (size_t k = 0; k < decl->dep_count && fixed; k++)
            fixed = p->evaluated.fixed[decl->deps[k]->index];
        p->evaluated.fixed[i] = fixed;
    }
}

struct fixed_search {
    const struct planner *p;
    bool fixed, each;
};

static void look_at_reference(void *ctx, const struct decl *decl, struct str attr UNUSED, bool part UNUSED)
{
    struct fixed_search *search = ctx;
    search->each |= !decl;
    search->fixed &= !decl || search->p->evaluated.fixed[decl->index];
}

bool evaluate_is_fixed(const struct planner *p, const struct decl *decl, const struct expr *expr)
{
    struct fixed_search search = {.p = p, .fixed = true};
    expr_each_reference(expr, look_at_reference, &search);
    if (search.each && decl->for_each)
        expr_each_reference(decl->for_each, look_at_reference, &search);
    return search.fixed;
}

bool evaluate_hides_same(
    const struct planner *p, const struct decl *output, const struct value *before, const struct value *after)
{
    bool final = !output || output->sensitive || p->evaluated.fixed[output->index];
    return object_hides_same(before, after) || (!final && value_is_sensitive(after));
}

void evaluate_fixed(struct planner *p)
{
    find_fixed(p);
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (p->evaluated.fixed[i])
            evaluate_decl(p, p->stack->decls[i]);
}

/* True if it has no records because it is left out, not because it was not created yet. */
static bool is_left_out(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    bool known = !p->offline && evaluate_instances(p, decl), none = known && !list->n && !list->unread;
    list->n = 0;
    return none;
}

void evaluate_as_recorded(struct planner *p, const bool *needed)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (needed && !needed[i])
            continue;
        if (decl->kind == DECL_RESOURCE)
            freeze_instances(p, decl);
        else if (decl->kind == DECL_DATA && !p->offline)
            data_plan(p, decl);
        if (!is_value(decl) && !p->evaluated.instances[i].n && !is_left_out(p, decl))
            p->evaluated.values[i] = &value_unknown;
        else
            evaluate_decl(p, decl);
    }
}

/* ---- providers without a plan: for commands that call services about recorded resources (running jobs)
 * ---- */

/* A missing input is an error only if the configuration depends on it. */
static int missing_input(struct planner *p, struct str name, const bool *needed, struct err *err)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (!needed[i] || decl->kind != DECL_INPUT || decl->module->parent || !value_is_unknown(decl->given))
            continue;
        err_set(err, ERR_INVALID, "the provider \"%.*s\" needs the input \"%.*s\", which has no value",
            STR_ARG(name), STR_ARG(decl->name));
        return err_hint(
            err, "give it with -i %.*s=…, --input-file or an environment (-e)", STR_ARG(decl->name));
    }
    return 0;
}

static int open_provider(
    struct planner *p, const struct record *record, struct provider **out, struct err *err)
{
    const struct decl *config = location_configuration(p, record->subject.provider);
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    if (config) {
        depends_need(config, needed);
        if (missing_input(p, record->subject.provider, needed, err))
            return -1;
        evaluate_as_recorded(p, needed);
    }
    if (p->diags->errors || location_provider(p, record->subject.provider, record->location, out, err))
        return -1;
    return location_check_record(p, record, *out, err);
}

int plan_provider(struct workspace *workspace, const struct record *record, struct diags *diags,
    struct provider **out, struct err *err)
{
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    int rc = workspace->state && !recorded_claim(p) ? -1 : open_provider(p, record, out, err);
    plan_free(p->plan);
    return rc;
}

int plan_check_locations(struct workspace *workspace, struct diags *diags, struct err *err)
{
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    for (size_t i = 0; i < p->provider_count; i++)
        depends_need(p->providers[i], needed);
    int rc = recorded_claim(p) ? 0 : -1;
    if (!rc)
        evaluate_as_recorded(p, needed);
    if (!rc)
        rc = p->diags->errors ? -1 : locations_check(p, err);
    plan_free(p->plan);
    return rc;
}

/* Evaluates with values from the state: nothing is read, and unrecorded values are unknown. */
static bool evaluate_recorded(struct planner *p)
{
    if (p->workspace->state && !recorded_claim(p))
        return false;
    evaluate_as_recorded(p, NULL);
    return true;
}

/* Creates the instances with the values that follow from the stack alone. */
static size_t declare_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    if (!evaluate_instances(p, decl))
        *list = (struct instances){.keyed = decl->for_each != NULL};
    for (size_t i = 0; i < list->n; i++) {
        const struct value *object = evaluate_attributes(p, &list->items[i], p->arena);
        if (object && !constraints_check(p, &list->items[i], object, NULL))
            object = NULL;
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
    evaluate_fixed(p);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        struct instances *list = &p->evaluated.instances[i];
        if (p->evaluated.fixed[i])
            continue;
        if (decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA) {
            size_t errors = ignored.errors;
            size_t n = declare_instances(p, decl);
            absent[i] = !n && !list->unread && ignored.errors == errors;
        }
        if (decl->kind == DECL_DATA && !absent[i])
            p->evaluated.values[i] = &value_unknown;
        else
            evaluate_decl(p, decl);
    }
    plan_free(p->plan);
    return absent;
}

const struct declared *plan_declared(
    struct workspace *workspace, struct arena *arena, struct diags *diags, size_t *n)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags ? diags : &ignored);
    struct declared *list = NULL;
    size_t cap = 0;
    *n = 0;
    evaluate_fixed(p);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (p->evaluated.fixed[i])
            continue;
        if (decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA) {
            size_t count = declare_instances(p, decl);
            MEM_GROW(list, cap, *n + count + 1);
            if (!count && p->evaluated.instances[i].unread)
                list[(*n)++] = (struct declared){decl, decl->address, NULL};
            for (size_t k = 0; k < count; k++) {
                const struct instance *instance = &p->evaluated.instances[i].items[k];
                const struct value *object = instance->planned;
                list[(*n)++] = (struct declared){decl, arena_str(arena, instance->address),
                    value_is_unknown(object) ? &value_empty_map : value_copy(arena, object)};
            }
        }
        if (decl->kind == DECL_DATA)
            p->evaluated.values[i] = &value_unknown;
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

struct provider *plan_provider_named(struct workspace *workspace, struct str name)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, &ignored);
    struct provider *provider = NULL;
    if (evaluate_recorded(p) && location_provider(p, name, NULL, &provider, ERR_IGNORED))
        provider = NULL;
    plan_free(p->plan);
    return provider;
}

const struct declared *plan_planned(const struct plan *plan, struct arena *arena, size_t *n)
{
    const struct planner *p = plan->planner;
    size_t count = 0;
    for (size_t i = 0; i < p->stack->decl_count; i++)
        count += p->evaluated.instances[i].n;
    struct declared *list = ARENA_ARRAY(arena, struct declared, count + 1);
    *n = 0;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct instances *instances = &p->evaluated.instances[i];
        for (size_t k = 0; p->stack->decls[i]->kind == DECL_RESOURCE && k < instances->n; k++) {
            const struct instance *instance = &instances->items[k];
            bool known = instance->planned && !value_is_unknown(instance->planned);
            list[(*n)++] = (struct declared){
                instance->decl, instance->address, known ? instance->planned : &value_empty_map};
        }
    }
    return list;
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
