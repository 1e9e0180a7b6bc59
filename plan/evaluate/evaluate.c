/* Values of declarations, one kind after the other. */
#include "plan/evaluate/evaluate.h"

#include "base/mask.h"
#include "plan/evaluate/connections.h"
#include "plan/objects/objects.h"
#include "plan/state/state.h"

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
        .constants = p->stack->constants,
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
    /* A secret of which the state keeps a hash goes on as that: who needs it says that it is lost. */
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
    if (entry != ENTRY_IN && is_value(decl)) { /* of resources and data there are no instances */
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
            mask_allow_value(v); /* given out in clear: no secret, even if it looks like one */
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

void evaluate_fixed(struct planner *p)
{
    find_fixed(p);
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (p->evaluated.fixed[i])
            evaluate_decl(p, p->stack->decls[i]);
}

/* Nothing of it is recorded: because it is left out, rather than not made yet? */
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
