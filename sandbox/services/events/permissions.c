/* PutPermission and RemovePermission of one principal: a statement in the bus's policy. */
#include "sandbox/services/events/events.h"

#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/permissions.h"
#include "sandbox/services/shared/tables.h"

/* The statements of the bus's policy. */
static int bus_statements(
    struct service_call *call, struct control_record *bus, const struct value **out, struct err *err)
{
    struct str name = events_bus_name(value_gets(call->input, "EventBusName"));
    const struct value *described, *policy = NULL;
    if (service_control(call, "DescribeEventBus",
            value_with(call->arena, NULL, STR("Name"), value_string(call->arena, name)), &described, err))
        return -1;
    if (!service_find(call, STR("aws.events.event_bus"), name, bus))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Event bus %.*s does not exist.", STR_ARG(name));
    if (json_parse(call->arena, value_gets(described, "Policy"), &policy, ERR_IGNORED))
        policy = NULL;
    *out = permission_statements(call->arena, policy);
    return 0;
}

static int put_statements(struct service_call *call, const struct control_record *bus,
    const struct value *statements, struct err *err)
{
    struct value_builder policy = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    view_text(&policy, "Version", STR("2012-10-17"));
    view_set(&policy, "Statement", statements);
    view_set(&b, "EventBusName", value_getz(bus->attrs, "name"));
    if (statements->count)
        view_set(&b, "Policy", json_as_text(call->arena, value_builder_map(&policy)));
    else
        view_set(&b, "RemoveAllPermissions", &value_true);
    return service_control(call, statements->count ? "PutPermission" : "RemovePermission",
        value_builder_map(&b), &call->output, err);
}

static const struct value *statement_of(struct service_call *call, const struct control_record *bus)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str principal = value_gets(call->input, "Principal");
    const struct value *condition = value_getz(call->input, "Condition");
    view_set(&b, "Sid", value_getz(call->input, "StatementId"));
    view_text(&b, "Effect", STR("Allow"));
    view_set(&b, "Principal",
        str_eqz(principal, "*")
            ? value_string(call->arena, principal)
            : value_with(call->arena, NULL, STR("AWS"),
                  value_string(
                      call->arena, arena_printf(call->arena, "arn:aws:iam::%.*s:root", STR_ARG(principal)))));
    view_set(&b, "Action", value_getz(call->input, "Action"));
    view_set(&b, "Resource", value_getz(bus->attrs, "arn"));
    if (condition)
        view_set(&b, "Condition",
            value_with(call->arena, NULL, value_gets(condition, "Type"),
                value_with(call->arena, NULL, value_gets(condition, "Key"), value_getz(condition, "Value"))));
    return value_builder_map(&b);
}

static int put_permission(struct service_call *call, struct err *err)
{
    struct control_record bus;
    const struct value *statements;
    call->declined = value_getz(call->input, "Policy") != NULL;
    if (call->declined)
        return 0;
    if (bus_statements(call, &bus, &statements, err))
        return -1;
    if (!str_eqz(value_gets(call->input, "Action"), "events:PutEvents"))
        return service_refuse(
            err, 400, "ValidationException", "Provided value in parameter 'action' is not supported.");
    return put_statements(call, &bus,
        permission_replaced(
            call->arena, statements, value_gets(call->input, "StatementId"), statement_of(call, &bus)),
        err);
}

static int remove_permission(struct service_call *call, struct err *err)
{
    struct control_record bus;
    const struct value *statements, *rest;
    call->declined = value_getb(call->input, "RemoveAllPermissions");
    if (call->declined)
        return 0;
    if (bus_statements(call, &bus, &statements, err))
        return -1;
    rest = permission_replaced(call->arena, statements, value_gets(call->input, "StatementId"), NULL);
    if (rest->count == statements->count)
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Statement with the provided id does not exist.");
    return put_statements(call, &bus, rest, err);
}

const struct service_operation bus_operations[] = {
    {"events", "PutPermission", put_permission, NULL, NULL},
    {"events", "RemovePermission", remove_permission, NULL, NULL},
    {0},
};
