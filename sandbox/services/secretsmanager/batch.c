/* Many secrets' values in one call; who may not read one of them is told so of that one. */
#include "sandbox/calls/services.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/tables.h"

enum { MAX_SECRETS = 20 };

static const struct value *batch_error(struct arena *arena, struct str id, const struct err *err)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "SecretId", id);
    view_text(&b, "ErrorCode", str_z(err->code));
    view_text(&b, "Message", str_z(err->message));
    return value_builder_map(&b);
}

/* As who asks for all of them. */
static int value_of(struct service_call *call, struct str id, const struct value **value, struct err *err)
{
    const struct gate_caller caller = {.session = call->caller};
    const struct value_entry entry = {STR("SecretId"), value_string_ref(call->arena, id)};
    const struct service_request request = {.service = STR("secretsmanager"),
        .operation = STR("GetSecretValue"),
        .region = call->region,
        .input = value_map(call->arena, &entry, 1),
        .as = call->caller ? &caller : NULL};
    return services_call(call->services, call->arena, &request, value, err);
}

static int batch_get(struct service_call *call, struct err *err)
{
    const struct value *ids = value_getz(call->input, "SecretIdList");
    struct value_builder values = VALUE_BUILDER(call->arena), errors = VALUE_BUILDER(call->arena),
                         out = VALUE_BUILDER(call->arena);
    if (value_getz(call->input, "Filters"))
        return service_refuse(
            err, 400, "InvalidRequestException", "the sandbox finds secrets by SecretIdList alone");
    if (!ids || ids->kind != VALUE_LIST || !ids->count || ids->count > MAX_SECRETS)
        return service_refuse(err, 400, "InvalidParameterException",
            "SecretIdList must have between 1 and %d members.", MAX_SECRETS);
    for (uint32_t i = 0; i < ids->count; i++) {
        struct str id = value_text(ids->items[i], STR_EMPTY);
        struct err failure = ERR_INIT;
        const struct value *value;
        if (value_of(call, id, &value, &failure))
            value_builder_add(&errors, batch_error(call->arena, id, &failure));
        else
            value_builder_add(&values, value);
    }
    view_set(&out, "SecretValues", value_builder_list(&values));
    view_set(&out, "Errors", value_builder_list(&errors));
    call->output = value_builder_map(&out);
    return 0;
}

const struct service_operation secrets_batch_operations[] = {
    {"secretsmanager", "BatchGetSecretValue", batch_get, NULL, NULL},
    {0},
};
