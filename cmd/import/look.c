/* Looking at what is there: see look.h. */
#include "cmd/import/look.h"

static const struct value *all_attributes(struct arena *arena, const struct schema *schema)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < schema->attr_count; i++)
        value_builder_add(&names, value_string_ref(arena, schema->attrs[i].name));
    return value_builder_list(&names);
}

static struct op_ctx context(struct look *look, const struct schema *schema)
{
    return (struct op_ctx){.arena = look->arena,
        .provider = look->provider,
        .schema = schema,
        .address = schema->name,
        .dir = STR(".")};
}

int look_at(
    struct look *look, const struct schema *schema, struct str id, const struct value **live, struct err *err)
{
    struct op_ctx op = context(look, schema);
    const struct value *prior = value_with(look->arena, NULL, schema->id, value_string(look->arena, id));
    *live = NULL;
    if (!schema->ops->read)
        return 0;
    return schema->ops->read(&op, prior, all_attributes(look->arena, schema), live, err);
}

int look_by_arn(struct look *look, const struct schema *schema, struct str arn, const struct value **object,
    struct err *err)
{
    struct op_ctx op = context(look, schema);
    return schema->ops->by_arn(&op, arn, object, err);
}

int look_list(
    struct look *look, const struct schema *schema, resource_found *found, void *found_ctx, struct err *err)
{
    struct op_ctx op = context(look, schema);
    const struct value *covered, *id = value_string_ref(look->arena, schema->id);
    const struct sought sought = {.wanted = value_list(look->arena, &id, 1)};
    return schema->ops->list(&op, &sought, found, found_ctx, &covered, err);
}

int look_namesake(struct look *look, const struct schema *schema, const struct value *named,
    const struct value **object, struct err *err)
{
    struct op_ctx op = context(look, schema);
    return schema->ops->namesake(&op, named, object, err);
}
