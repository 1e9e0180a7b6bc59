#include "provider/docker/marks.h"

#include "base/buf.h"
#include "base/json.h"
#include "provider/mark.h"

#define PREFIX STR("weir:")

const struct value *marks_added(const struct op_ctx *ctx, const struct value *labels)
{
    struct arena *arena = ctx->arena;
    struct value_entry marks[] = {{STR("weir:address"), value_string(arena, ctx->address)},
        {STR("weir:intent"), value_string(arena, ctx->owner.token)},
        {STR("weir:stack"), value_string(arena, ctx->owner.stack)},
        {STR("weir:state"), value_string(arena, ctx->owner.lineage)}};
    return value_merge(arena, labels, value_map(arena, marks, ctx->owner.lineage.n ? 4 : 3));
}

/* Those with the prefix, without it; or those without. */
static const struct value *marks_pick(struct arena *arena, const struct value *labels, bool own)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; labels && labels->kind == VALUE_MAP && i < labels->count; i++) {
        struct str key = labels->entries[i].key;
        if (str_starts(key, PREFIX) != own)
            value_builder_set(&out, own ? key : str_slice(key, PREFIX.n, key.n), labels->entries[i].value);
    }
    return value_builder_map(&out);
}

const struct value *marks_removed(struct arena *arena, const struct value *labels)
{
    return marks_pick(arena, labels, true);
}

const struct value *marks_among(struct arena *arena, const struct value *labels)
{
    return marks_pick(arena, labels, false);
}

void marks_tell(struct op_ctx *ctx, struct str id, const struct value *labels)
{
    if (op_tells_marks(ctx))
        op_saw_marks(ctx, id, marks_among(ctx->arena, labels));
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
    struct str stack = value_gets(labels, "weir:stack");
    if (!ctx->owner.stack.n || marks_are_of_stack(ctx, labels) || (!stack.n && ctx->owner.unmarked))
        return 0;
    return mark_refuse(stack, done, err);
}

struct str marks_filter(struct arena *arena, struct str stack)
{
    const struct value *label = value_string(arena, arena_printf(arena, "weir:stack=%.*s", STR_ARG(stack)));
    struct value_entry entry = {STR("label"), value_list(arena, &label, 1)};
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, value_map(arena, &entry, 1), JSON_PLAIN);
    return arena_str(arena, buf_str(&out));
}
