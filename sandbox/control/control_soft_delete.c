/* Things that can be taken back for a while: `soft_delete`. */
#include "sandbox/control/control_internal.h"

const struct value *soft_rule(const struct thing *thing, const char *key)
{
    return value_getz(value_getz(thing->type->sandbox, "soft_delete"), key);
}

struct str soft_mark(const struct thing *thing)
{
    return value_text(soft_rule(thing, "sets"), STR_EMPTY);
}

bool soft_is_waiting(const struct thing *thing)
{
    return soft_mark(thing).n && !value_is_null(value_get(thing->attrs, soft_mark(thing)));
}

int soft_refuse(struct call *call, const struct thing *thing)
{
    return refuse(call, refuse_status(call, 409),
        value_text(soft_rule(thing, "code"), STR("InvalidRequestException")),
        "%.*s %.*s was already scheduled for deletion", STR_ARG(thing->type->schema.name),
        STR_ARG(thing->id));
}

int soft_wake(struct call *call, struct thing *thing, const struct value **attrs)
{
    if (!soft_is_waiting(thing))
        return 0;
    if (!str_eq(call->served->op->wire.name, value_text(soft_rule(thing, "undo"), STR_EMPTY)))
        return soft_refuse(call, thing);
    *attrs = value_with(call->arena, *attrs, soft_mark(thing), NULL);
    return 0;
}
