/* What operations say while they run, and what they ask: nothing where nobody listens. And what those in C
 * have in common. */
#include "provider/provider.h"

bool op_tells_progress(const struct op_ctx *ctx)
{
    return ctx->observer && ctx->observer->progress;
}

bool op_tells_printed(const struct op_ctx *ctx)
{
    return ctx->observer && ctx->observer->printed;
}

bool op_tells_marks(const struct op_ctx *ctx)
{
    return ctx->observer && ctx->observer->saw_marks;
}

void op_progress(const struct op_ctx *ctx, const char *what)
{
    if (op_tells_progress(ctx))
        ctx->observer->progress(ctx->observer->ctx, what);
}

void op_warn(const struct op_ctx *ctx, const char *text)
{
    if (ctx->observer && ctx->observer->warn)
        ctx->observer->warn(ctx->observer->ctx, text);
}

void op_printed(const struct op_ctx *ctx, const char *line)
{
    if (op_tells_printed(ctx))
        ctx->observer->printed(ctx->observer->ctx, line);
}

void op_saw_marks(const struct op_ctx *ctx, struct str id, const struct value *marks)
{
    if (op_tells_marks(ctx))
        ctx->observer->saw_marks(ctx->observer->ctx, id, marks);
}

void op_answered(const struct op_ctx *ctx, const struct value *document, bool made_by_aws)
{
    if (ctx->observer && ctx->observer->answered)
        ctx->observer->answered(ctx->observer->ctx, document, made_by_aws);
}

bool attempt_claims(const struct attempt *attempt, struct str id)
{
    return !attempt->claim || attempt->claim(attempt->claim_ctx, id);
}

const struct value *op_all_readable(const struct op_ctx *ctx)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++)
        if (!ctx->schema->attrs[i].local && !ctx->schema->attrs[i].write_only)
            value_builder_add(&b, value_string_ref(ctx->arena, ctx->schema->attrs[i].name));
    return value_builder_list(&b);
}

const struct value *op_predicted(
    const struct op_ctx *ctx, const struct value *desired, const struct value *prior, const struct value *id)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *before = value_get(prior, attr->name);
        if (attr->computed && !attr->prepared)
            value_builder_set(&b, attr->name, value_is_null(before) ? &value_unknown : before);
    }
    value_builder_set(&b, STR("id"), id);
    return value_merge(ctx->arena, value_builder_map(&b), desired);
}
