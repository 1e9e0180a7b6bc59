/* Plans one declaration: looks up imports, compares instances. */
#include "plan/decide/decision.h"

#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/recorded.h"

/* ---- existing resources ---- */

/* Sets attributes that no response has and no update can change, such as the name of a queue known by its
 * URL, to the configured values. */
static const struct value *as_configured(
    struct arena *arena, const struct schema *schema, const struct value *live, const struct value *desired)
{
    for (size_t i = 0; live && i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct value *given = value_get(desired, attr->name);
        if (attr->local && !attr->weir_only && attr->replace && given && !value_get(live, attr->name))
            live = value_with(arena, live, attr->name, given);
    }
    return live;
}

/* Adds attributes that no response has but that follow from others, such as a bucket's ARN, since others may
 * refer to them. */
static const struct value *with_what_follows(
    struct op_ctx *op, const struct value *live, const struct value *desired)
{
    const struct schema *schema = op->schema;
    const struct value *predicted = NULL;
    if (!live || !schema->ops->predict || schema->ops->predict(op, desired, live, &predicted, ERR_IGNORED))
        return live;
    for (size_t i = 0; i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct value *v = value_get(predicted, attr->name);
        bool follows = attr->computed && !value_is_null(v) && value_is_known(v);
        if (follows && value_is_null(value_get(live, attr->name)))
            live = value_with(op->arena, live, attr->name, v);
    }
    return live;
}

/* Returns the names of the attributes that the file configures, and of those that others may refer to. */
static const struct value *existing_wanted(
    struct arena *arena, const struct schema *schema, const struct value *desired)
{
    const struct value *set = object_set(arena, schema, desired);
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < set->count; i++)
        value_builder_add(&names, set->items[i]);
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].computed && !schema->attrs[i].settable)
            value_builder_add(&names, value_string_ref(arena, schema->attrs[i].name));
    return value_builder_list(&names);
}

/* Reads the resource with that id; *live NULL: it does not exist. False after an error. */
static bool read_existing(struct planner *p, const struct instance *instance, const struct value *id,
    struct span span, const struct value **live)
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
    const struct value *wanted = existing_wanted(p->arena, schema, instance->desired);
    if (schema->ops->read(&op, prior, wanted, live, &err) == 0) {
        *live = as_configured(p->arena, schema, *live, instance->desired);
        *live = with_what_follows(&op, *live, instance->desired);
        *live = object_mark(p->arena, schema, *live, instance->desired);
        return true;
    }
    err_context(&err, "looking for %.*s", STR_ARG(instance->address));
    return plan_failed(p, span, &err);
}

/* Finds the id for importing the instance; *id NULL: no import. False after an error. */
static bool import_id(
    struct planner *p, const struct instance *instance, const struct value **id, struct span *span)
{
    *id = NULL;
    *span = (struct span){0};
    if (p->options->import_address.n && str_eq(p->options->import_address, instance->address)) {
        *id = value_string(p->arena, p->options->import_id);
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

/* Warns if another stack has created it: then both would change it. */
static void warn_of_owner(struct planner *p, const struct instance *instance, struct span span)
{
    const struct schema *schema = instance->decl->schema;
    const struct value *owner_tags = NULL;
    struct provider *provider;
    if (!schema->ops->ownership_tags || evaluate_provider(p, instance->decl, &provider, ERR_IGNORED))
        return;
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (schema->ops->ownership_tags(&op, instance->import_live, &owner_tags, ERR_IGNORED) || !owner_tags)
        return;
    struct str stack = value_gets(owner_tags, "stack"), state = value_gets(owner_tags, "state");
    if (!stack.n || !state.n || str_eq(state, state_lineage(p->workspace->state)))
        return;
    struct diag *d =
        diag_warning(p->diags, span, "importing %.*s: it has the ownership tags of the stack \"%.*s\"",
            STR_ARG(instance->address), STR_ARG(stack));
    diag_hint(
        p->diags, d, "where that still has it, `removed: [{address: …, destroy: false}]` there forgets it");
}

/* Reads the resource to import. */
static bool look_for_import(
    struct planner *p, struct instance *instance, const struct value *id, struct span span)
{
    if (!read_existing(p, instance, id, span, &instance->import_live))
        return false;
    if (instance->import_live) {
        warn_of_owner(p, instance, span);
        return true;
    }
    diag_error(p->diags, span, "importing %.*s: there is no %.*s \"%.*s\"", STR_ARG(instance->address),
        STR_ARG(instance->decl->schema->name), STR_ARG(id->string));
    return false;
}

/* `adopt: existing`: looks up a resource with the identity that a new one would have. */
static bool look_for_existing(struct planner *p, struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct value *planned = instance->desired;
    struct err err = ERR_INIT;
    struct provider *provider;
    if (provider_waits(p, instance->decl))
        return true; /* its creation will tell */
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (schema->ops->predict && schema->ops->predict(&op, instance->desired, NULL, &planned, &err))
        return plan_failed(p, instance->decl->span, &err);
    const struct value *id = value_get(planned, schema->id);
    if (value_is_null(id) || !value_is_known(id))
        return true;
    return read_existing(p, instance, id, instance->decl->span, &instance->import_live);
}

/* ---- one declaration ---- */

static bool plan_instance(struct planner *p, struct instance *instance)
{
    const struct decl *decl = instance->decl;
    instance->recorded = recorded_find(&p->recorded, instance->address);
    instance->desired = evaluate_attributes(p, instance, p->arena);
    if (!instance->desired)
        return false;
    if (instance->recorded) {
        instance->recorded->claimed = true;
    } else if (!p->offline) {
        const struct value *id;
        struct span span;
        if (!import_id(p, instance, &id, &span))
            return false;
        if (id ? !look_for_import(p, instance, id, span)
               : decl_lifecycle(decl)->adopt == ADOPT_EXISTING && !look_for_existing(p, instance))
            return false;
        if (instance->import_live)
            instance->desired = evaluate_files(p, instance, p->arena, instance->desired);
        if (!instance->desired)
            return false;
    }
    return decide_instance(p, instance);
}

bool plan_resource(struct planner *p, const struct decl *decl)
{
    if (decl->kind == DECL_DATA)
        return data_plan(p, decl);
    if (!p->targets.targeted[decl->index] && !(p->options->targets_only && targets_only_includes(p, decl))) {
        if (p->options->targets_only && !targets_only_check(p, decl))
            return false;
        freeze_instances(p, decl);
        return true;
    }
    if (!evaluate_instances(p, decl) || !targets_check(p, decl))
        return false;
    if (!p->targets.whole[decl->index] || p->options->concurrent)
        freeze_others(p, decl);
    struct instances *list = &p->evaluated.instances[decl->index];
    bool ok = true;
    for (size_t i = 0; i < list->n; i++)
        if (targets_have(p, decl, list->items[i].address))
            ok &= plan_instance(p, &list->items[i]);
    return ok;
}
