/* Policy statements by label: see permissions.h. */
#include "sandbox/services/shared/permissions.h"

#include "sandbox/engine/view.h"

/* Returns each name with prefix and suffix: a string if there is one name, otherwise a list. */
static const struct value *with_affixes(
    struct arena *arena, const char *before, const struct value *names, const char *after)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < names->count; i++)
        value_builder_add(
            &b, value_string(arena, arena_printf(arena, "%s%.*s%s", before,
                                        STR_ARG(value_text(names->items[i], STR_EMPTY)), after)));
    const struct value *list = value_builder_list(&b);
    return list->count == 1 ? list->items[0] : list;
}

const struct value *permission_statement(struct arena *arena, const struct permission *permission)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "Sid", permission->label);
    view_text(&b, "Effect", STR("Allow"));
    view_set(&b, "Principal",
        value_with(
            arena, NULL, STR("AWS"), with_affixes(arena, "arn:aws:iam::", permission->accounts, ":root")));
    view_set(&b, "Action", with_affixes(arena, permission->prefix, permission->actions, ""));
    view_text(&b, "Resource", permission->resource);
    return value_builder_map(&b);
}

const struct value *permission_statements(struct arena *arena, const struct value *policy)
{
    const struct value *statements = value_getz(policy, "Statement");
    return statements && statements->kind == VALUE_MAP ? value_list(arena, &statements, 1)
                                                       : value_as_list(statements);
}

const struct value *permission_replaced(
    struct arena *arena, const struct value *statements, struct str label, const struct value *by)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < statements->count; i++)
        if (!str_eq(value_gets(statements->items[i], "Sid"), label))
            value_builder_add(&b, statements->items[i]);
    if (by)
        value_builder_add(&b, by);
    return value_builder_list(&b);
}
