/* The networks that a container is in, which may change while it runs. */
#include "provider/docker/container.h"

int container_connect(struct op_ctx *ctx, struct str id, const struct value *network, struct err *err)
{
    struct str name = value_gets(network, "name");
    struct value_entry body[] = {{STR("Container"), value_string(ctx->arena, id)},
        {STR("EndpointConfig"), part_endpoint(ctx, network)}};
    struct err failure = ERR_INIT;
    if (!engine_post(ctx, engine_path(ctx->arena, "/networks/%s/connect", name),
            value_map(ctx->arena, body, 2), &failure))
        return 0;
    if (strstr(failure.message, "already exists in network")) /* by a request whose answer was lost */
        return 0;
    *err = failure;
    if (err->class == ERR_ABSENT || err->class == ERR_EXISTS)
        err->class = ERR_SERVICE;
    return err_context(err, "connecting it with the network %.*s", STR_ARG(name));
}

static int disconnect(struct op_ctx *ctx, struct str id, struct str name, struct err *err)
{
    struct value_entry body[] = {
        {STR("Container"), value_string(ctx->arena, id)}, {STR("Force"), &value_true}};
    struct err failure = ERR_INIT;
    if (!engine_post(ctx, engine_path(ctx->arena, "/networks/%s/disconnect", name),
            value_map(ctx->arena, body, 2), &failure) ||
        failure.class == ERR_ABSENT || strstr(failure.message, "is not connected"))
        return 0;
    *err = failure;
    return err_context(err, "taking it out of the network %.*s", STR_ARG(name));
}

/* Does what is there have all that is wanted of it? */
static bool is_as(const struct value *there, const struct value *wanted)
{
    for (uint32_t i = 0; i < wanted->count; i++)
        if (!value_is_null(wanted->entries[i].value) &&
            !value_equal(wanted->entries[i].value, value_get(there, wanted->entries[i].key)))
            return false;
    return true;
}

int container_rewire(struct op_ctx *ctx, struct str id, const struct value *prior,
    const struct value *desired, struct err *err)
{
    for (uint32_t i = 0; prior && prior->kind == VALUE_LIST && i < prior->count; i++) {
        struct str name = value_gets(prior->items[i], "name");
        const struct value *wanted = value_list_find(desired, "name", name);
        if ((!wanted || !is_as(prior->items[i], wanted)) && disconnect(ctx, id, name, err))
            return -1;
    }
    for (uint32_t i = 0; desired && desired->kind == VALUE_LIST && i < desired->count; i++) {
        const struct value *there = value_list_find(prior, "name", value_gets(desired->items[i], "name"));
        if ((!there || !is_as(there, desired->items[i])) &&
            container_connect(ctx, id, desired->items[i], err))
            return -1;
    }
    return 0;
}
