/* Attributes of topics and subscriptions: see attributes.h. */
#include "sandbox/services/sns/attributes.h"

#include "sandbox/services/sns/message.h"

const struct value *sns_by_name(struct arena *arena, const struct value *given)
{
    const struct value *list = value_as_list(message_entries(arena, given));
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++) {
        struct str name = value_gets(list->items[i], "key");
        const struct value *v = value_getz(list->items[i], "value");
        value_builder_set(&out, name.n ? name : value_gets(list->items[i], "Name"),
            v                                     ? v
            : value_getz(list->items[i], "Value") ? value_getz(list->items[i], "Value")
                                                  : value_string(arena, STR_EMPTY));
    }
    return value_builder_map(&out);
}

static const struct value *as_entries(struct arena *arena, const struct value *map)
{
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        struct value_entry entry[] = {
            {STR("key"), value_string(arena, map->entries[i].key)}, {STR("value"), map->entries[i].value}};
        value_builder_add(&list, value_map(arena, entry, 2));
    }
    return value_with(arena, NULL, STR("entry"), value_builder_list(&list));
}

int sns_control(struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err)
{
    int status = service_control(call, operation, input, output, err);
    if (status &&
        str_eqz(str_z(err->code), "NotFound")) /* inside it is reported as JSON, which only knows 400 */
        err->http_status = 404;
    return status;
}

int sns_attributes(struct service_call *call, const char *operation, const char *member, struct str arn,
    const struct value **out, struct err *err)
{
    const struct value_entry entry = {arena_str(call->arena, str_z(member)), value_string(call->arena, arn)};
    const struct value *output;
    if (sns_control(call, operation, value_map(call->arena, &entry, 1), &output, err))
        return -1;
    *out = sns_by_name(call->arena, value_getz(output, "Attributes"));
    return 0;
}

void sns_answer_attributes(struct service_call *call, const struct value *attributes)
{
    call->output = &value_empty_map;
    service_answer(call, "Attributes", as_entries(call->arena, attributes));
}
