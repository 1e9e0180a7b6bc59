/* What operations say while they run, and what they ask: nothing where nobody listens. */
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

bool attempt_claims(const struct attempt *attempt, struct str id)
{
    return !attempt->claim || attempt->claim(attempt->claim_ctx, id);
}
