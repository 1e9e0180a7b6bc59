/*
 * replace_triggered_by: are the values that it names other than they were after the last apply?
 *
 * The expressions are evaluated twice, with what is planned and with what is recorded. What has no record yet
 * triggers nothing; what will be known only after apply does.
 */
#include "plan/evaluate/replace_trigger.h"

#include "plan/evaluate/evaluate.h"

/* The stack as it was applied last; of what is hidden the records tell nothing. */
struct past {
    struct planner *p;
    const bool *hidden; /* by decl->index; NULL: nothing is */
};

static const struct value *value_before(void *ctx, const struct decl *decl);

static struct scope scope_before(struct past *past, const struct decl *decl, struct diags *ignored)
{
    struct scope scope = planner_scope(past->p, decl, NULL);
    scope.value_of = value_before;
    scope.ctx = past;
    scope.diags = ignored;
    return scope;
}

static const struct value *evaluate_before(
    struct past *past, const struct decl *decl, const struct expr *expr)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct scope scope = scope_before(past, decl, &ignored);
    const struct value *v = expr_eval(expr, &scope, past->p->arena);
    return v ? v : &value_null;
}

static const struct value *recorded_object(const struct instance *instance)
{
    return instance->seen ? instance->seen->record->attrs : &value_null;
}

static const struct value *resource_before(const struct past *past, const struct decl *decl)
{
    struct planner *p = past->p;
    const struct instances *list = &p->evaluated.instances[decl->index];
    if (past->hidden && past->hidden[decl->index])
        return &value_unknown;
    if (!list->keyed)
        return list->n ? recorded_object(&list->items[0]) : &value_null;
    struct value_builder b = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].seen)
            value_builder_set(&b, list->items[i].key->string, recorded_object(&list->items[i]));
    return value_builder_map(&b);
}

static const struct value *module_before(struct past *past, const struct decl *decl)
{
    struct value_builder outputs = VALUE_BUILDER(past->p->arena);
    for (size_t i = 0; i < decl->target->decl_count; i++) {
        const struct decl *inner = decl->target->decls[i];
        if (inner->kind == DECL_OUTPUT)
            value_builder_set(&outputs, inner->name, value_before(past, inner));
    }
    return value_builder_map(&outputs);
}

static const struct value *value_before(void *ctx, const struct decl *decl)
{
    struct past *past = ctx;
    switch (decl->kind) {
    case DECL_RESOURCE: return resource_before(past, decl);
    case DECL_MODULE: return module_before(past, decl);
    case DECL_LOCAL:
    case DECL_OUTPUT: return evaluate_before(past, decl, decl->expr);
    case DECL_INPUT:
        if (decl->argument)
            return evaluate_before(past, decl, decl->argument);
        break;
    case DECL_DATA:
    case DECL_PROVIDER:
    case DECL_CONNECTION:
    case DECL_SHARED: break;
    }
    const struct value *v = past->p->evaluated.values[decl->index]; /* nothing of these is recorded */
    return v ? v : &value_unknown;
}

/* What stays as it is counts as it was recorded: a refresh may show more of it than its last apply told. */
static const struct value *object_now(const struct instance *instance)
{
    return !instance->change && instance->seen ? recorded_object(instance) : instance->planned;
}

/* The stack as it is planned, of which everything that is referred to is decided. */
static const struct value *value_decided(void *ctx, const struct decl *decl)
{
    struct planner *p = ctx;
    const struct instances *list = decl->kind == DECL_RESOURCE ? &p->evaluated.instances[decl->index] : NULL;
    if (!list || !list->n || list->unread)
        return planner_scope(p, decl, NULL).value_of(p, decl);
    if (!list->keyed)
        return object_now(&list->items[0]);
    struct value_builder b = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < list->n; i++)
        value_builder_set(&b, list->items[i].key->string, object_now(&list->items[i]));
    return value_builder_map(&b);
}

bool expression_changes(struct planner *p, const struct instance *instance, const struct expr *expr,
    const bool *hidden, struct diags *diags)
{
    struct past past = {p, hidden};
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct scope now = planner_scope(p, instance->decl, instance), before = now;
    before.value_of = value_before;
    before.ctx = &past;
    now.diags = diags ? diags : &ignored;
    if (diags)
        now.value_of = value_decided;
    before.diags = &ignored;
    const struct value *v = expr_eval(expr, &now, p->arena);
    if (!v)
        return false;
    if (!value_is_known(v))
        return true;
    const struct value *old = expr_eval(expr, &before, p->arena);
    if (!old || value_is_null(old))
        return false;
    return !value_is_known(old) || !state_hash_matches(old, v);
}

bool triggered(struct planner *p, const struct instance *instance)
{
    const struct lifecycle *lifecycle = &instance->decl->lifecycle;
    for (size_t i = 0; i < lifecycle->trigger_count; i++)
        if (expression_changes(p, instance, lifecycle->replace_triggered_by[i], NULL, p->diags))
            return true;
    return false;
}
