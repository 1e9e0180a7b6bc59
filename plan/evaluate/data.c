/* Data sources: read while the plan is made, or when it is applied. */
#include "plan/evaluate/data.h"

#include "base/mask.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/instances.h"
#include "plan/evaluate/locations.h"
#include "plan/evaluate/shared_data.h"
#include "plan/evaluate/targets.h"
#include "plan/objects/depends.h"
#include "plan/objects/objects.h"

struct search {
    struct planner *p;
    bool found;
};

static void any_pending(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    search->found |= search->p->evaluated.pending[dep->index];
}

/* Must the data source wait until apply, because what it depends on is still to change? */
static bool must_wait(struct planner *p, const struct instance *instance)
{
    struct search search = {p, false};
    if (instance->decl->check) /* of what there is by now */
        return false;
    each_resource_dep(p, instance->decl, any_pending, &search);
    return search.found || !value_is_known(instance->desired);
}

/* By others, too, who share what was read; but a check is about what is there by now. */
static int ask_service(struct planner *p, struct instance *instance, struct op_ctx *op,
    const struct value **live, struct err *err)
{
    int status = instance->decl->check
                     ? instance->decl->schema->ops->read(op, instance->desired, NULL, live, err)
                     : shared_data_read(p, instance, op, live, err);
    if (!status && !*live)
        err_set(err, ERR_ABSENT, "it does not exist");
    return *live ? 0 : -1;
}

static void read_later(struct planner *p, struct instance *instance)
{
    instance_change(p, instance)->decision.action = ACTION_READ;
    p->evaluated.pending[instance->decl->index] = true;
}

static bool read_data(struct planner *p, struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    if (p->offline || must_wait(p, instance)) {
        instance->planned = object_unknown(p->arena, schema, instance->desired);
        read_later(p, instance);
        return true;
    }
    struct provider *provider;
    struct err err = ERR_INIT;
    const struct value *live = NULL;
    if (!value_is_known(instance->desired)) {
        err_set(&err, ERR_INVALID, "%.*s depends on what is not known", STR_ARG(instance->address));
        return plan_failed(p, instance->decl->span, &err);
    }
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (ask_service(p, instance, &op, &live, &err)) {
        err_context(&err, "reading data %.*s", STR_ARG(instance->address));
        return plan_failed(p, instance->decl->span, &err);
    }
    live = value_merge(p->arena, instance->desired, live);
    instance->planned = object_mark(p->arena, schema, live, instance->desired);
    if (!value_is_known(live)) /* another stack's, which is planned in the same run */
        read_later(p, instance);
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].sensitive)
            mask_add_value(value_get(live, schema->attrs[i].name), MASK_LIKELY);
    return true;
}

static bool evaluate_data(struct planner *p, const struct decl *decl, bool read)
{
    if (!evaluate_instances(p, decl) || !targets_check(p, decl))
        return false;
    struct instances *list = &p->evaluated.instances[decl->index];
    bool ok = true;
    for (size_t i = 0; i < list->n; i++) {
        struct instance *instance = &list->items[i];
        instance->desired = evaluate_attributes(p, instance, p->arena);
        ok &= instance->desired && constraints_check(p, instance, instance->desired, NULL);
        if (ok && read)
            ok = read_data(p, instance);
        else if (ok)
            instance->planned = object_unknown(p->arena, decl->schema, instance->desired);
    }
    return ok;
}

bool data_plan(struct planner *p, const struct decl *decl)
{
    return evaluate_data(p, decl, p->offline || !decl->check);
}

bool data_read(struct planner *p, const struct decl *decl)
{
    return evaluate_data(p, decl, true);
}
