/*
 * Requests that are about several things at once: VpcId.1, VpcId.2; a permission with three ranges, which
 * makes three rules. They are carried out for each in turn.
 */
#include "sandbox/control/control_internal.h"

static void of_so_many(struct call *call, uint32_t n)
{
    call->turns = n > call->turns ? n : call->turns;
}

const struct value *turn_name(struct call *call, const struct value *template, const struct value *sent)
{
    bool names = template->kind == VALUE_LIST && template->count == 1 && sent &&
                 str_starts(value_text(template->items[0], STR_EMPTY), STR("${"));
    if (!names || sent->kind != VALUE_LIST || sent->count < 2)
        return sent;
    of_so_many(call, sent->count);
    return value_list(call->arena, &sent->items[call->turn < sent->count ? call->turn : 0], 1);
}

const struct value *turn_part(struct call *call, const struct spec_type *type, const struct value *raw)
{
    const struct control_type *own = type_own(call->control, type);
    const struct value *parts = own->parts ? own->parts(call->arena, call->served->op->wire.name, raw) : NULL;
    if (!parts || !parts->count)
        return raw;
    of_so_many(call, parts->count);
    return parts->items[call->turn < parts->count ? call->turn : 0];
}
