/* Prediction, and the table of operations. */
#include "base/mem.h"
#include "provider/spec/act.h"

/* Does the planned change touch what this computed value hangs on? */
static bool affected(const struct spec_type *type, const struct spec_attr *attr, const struct value *desired,
    const struct value *prior)
{
    for (size_t i = 0; i < attr->changes_with.count; i++) {
        struct str name = attr->changes_with.items[i];
        const struct spec_attr *source = spec_attr_find(type, name);
        const struct value *wanted = value_get(desired, name);
        if (!source || value_is_null(wanted))
            continue;
        if (!value_is_known(wanted) || !attr_equal(source->attr, wanted, value_get(prior, name)))
            return true;
    }
    return false;
}

int spec_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act.arena);
    for (size_t i = 0; i < act.type->attr_count; i++) {
        const struct spec_attr *attr = &act.type->attrs[i];
        struct str name = attr->attr->name;
        const struct value *v = value_get(desired, name);
        if (value_is_null(v) && attr->attr->computed && !attr->template.n) {
            const struct value *before = value_get(prior, name);
            v = before && !affected(act.type, attr, desired, prior) ? before : &value_unknown;
        }
        if (v)
            value_builder_set(&b, name, v);
    }
    return act_fill_templates(&act, value_builder_map(&b), planned, err);
}

/* ---- what exists in the state alone: what is wanted is what there is ---- */

static int recorded_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    return act_fill_templates(&act, desired, live, err);
}

static int recorded_update(struct op_ctx *ctx, const struct value *prior UNUSED, const struct value *desired,
    const struct value *changed UNUSED, const struct value **live, struct err *err)
{
    return recorded_create(ctx, NULL, desired, live, err);
}

const struct resource_ops spec_recorded_ops = {
    .predict = spec_predict,
    .create = recorded_create,
    .update = recorded_update,
    .find = recorded_create, /* an open intent is as good as done */
    .permissions = spec_permissions,
};

const struct resource_ops spec_ops = {
    .predict = spec_predict,
    .read = spec_read,
    .list = spec_list,
    .ids = spec_ids,
    .listing_saves = spec_listing_saves,
    .create = spec_create,
    .takes_fields = true,
    .leaves_fields = true,
    .update = spec_update,
    .delete = spec_delete,
    .find = spec_find,
    .namesake = spec_namesake,
    .console = spec_console,
    .marks = spec_marks,
    .whose = spec_whose,
    .mark = spec_mark,
    .erases = spec_erases,
    .leaves = spec_leaves,
    .search = spec_search,
    .marked = spec_marked,
    .tag_name = spec_tag_name,
    .tags_of = spec_tags_of,
    .by_arn = spec_by_arn,
    .permissions = spec_permissions,
    .scope = spec_scope,
};
