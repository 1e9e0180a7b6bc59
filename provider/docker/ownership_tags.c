/* Marks: see ownership_tags.h. */
#include "provider/docker/ownership_tags.h"

#include "base/buf.h"
#include "base/json.h"
#include "provider/ownership_tag.h"

#define PREFIX STR("weir:")

const struct value *marks_added(const struct op_ctx *ctx, const struct value *labels)
{
    return value_merge(ctx->arena, labels, mark_all(ctx->arena, &ctx->owner, ctx->address));
}

const struct value *marks_removed(struct arena *arena, const struct value *labels)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; labels && labels->kind == VALUE_MAP && i < labels->count; i++)
        if (!str_starts(labels->entries[i].key, PREFIX))
            value_builder_set(&out, labels->entries[i].key, labels->entries[i].value);
    return value_builder_map(&out);
}

void marks_tell(struct op_ctx *ctx, struct str id, const struct value *labels)
{
    if (op_tells_marks(ctx))
        op_saw_marks(ctx, id, mark_among(ctx->arena, labels));
}

bool marks_are_of_intent(const struct op_ctx *ctx, const struct value *labels)
{
    return ctx->owner.token.n && str_eq(value_gets(labels, "weir:intent"), ctx->owner.token);
}

bool marks_are_of_stack(const struct op_ctx *ctx, const struct value *labels)
{
    struct str state = value_gets(labels, "weir:state");
    return (ctx->owner.stack.n && str_eq(value_gets(labels, "weir:stack"), ctx->owner.stack)) ||
           (state.n && str_eq(state, ctx->owner.lineage)); /* the stack was renamed */
}

int marks_check(const struct op_ctx *ctx, const struct value *labels, const char *done, struct err *err)
{
    struct ownership ownership = mark_whose(ctx->arena, &ctx->owner, mark_among(ctx->arena, labels));
    return !ctx->owner.stack.n || ownership.whose == WHOSE_OURS ? 0 : mark_refuse(&ownership, done, err);
}

struct str marks_filter(struct arena *arena, struct str stack)
{
    const struct value *label = value_string(arena, arena_printf(arena, "weir:stack=%.*s", STR_ARG(stack)));
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, value_with(arena, NULL, STR("label"), value_list(arena, &label, 1)), JSON_PLAIN);
    return arena_str(arena, buf_str(&out));
}
