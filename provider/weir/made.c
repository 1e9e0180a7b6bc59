/* Operations of what exists only in the state. */
#include "provider/weir/made.h"

int made_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err UNUSED)
{
    const struct schema *schema = ctx->schema;
    const struct value *id = value_getz(prior, "id");
    *planned = desired;
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].computed)
            *planned = value_with(ctx->arena, *planned, schema->attrs[i].name, &value_unknown);
    if (!value_is_null(id))
        *planned = value_with(ctx->arena, *planned, STR("id"), id);
    return 0;
}

int made_read(struct op_ctx *ctx UNUSED, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err UNUSED)
{
    *live = prior;
    return 0;
}

int made_delete(struct op_ctx *ctx UNUSED, unsigned teardown UNUSED, const struct value *prior UNUSED,
    struct err *err UNUSED)
{
    return 0;
}

int made_find(struct op_ctx *ctx UNUSED, const struct attempt *attempt UNUSED,
    const struct value *desired UNUSED, const struct value **live, struct err *err UNUSED)
{
    *live = NULL;
    return 0;
}
