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

/* ---- splits: {AuthorizeSecurityGroupIngress: {at: IpPermissions, by: [IpRanges, Ipv6Ranges]}} ---- */

static const struct value *without(struct call *call, const struct value *item, const struct value *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        item = value_with(call->arena, item, value_text(names->items[i], STR_EMPTY), NULL);
    return item;
}

/* An item with one element of one of its lists, for each of them; as it is where it has none. */
static void add_parts(
    struct call *call, const struct value *item, const struct value *names, struct value_builder *out)
{
    const struct value *bare = without(call, item, names);
    bool any = false;
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        const struct value *list = value_get(item, name);
        for (uint32_t k = 0; list && list->kind == VALUE_LIST && k < list->count; k++) {
            any = true;
            value_builder_add(
                out, value_with(call->arena, bare, name, value_list(call->arena, &list->items[k], 1)));
        }
    }
    if (!any)
        value_builder_add(out, item);
}

const struct value *turn_part(struct call *call, const struct spec_type *type, const struct value *raw)
{
    const struct value *rule = value_get(value_getz(type->sandbox, "splits"), call->served->op->wire.name);
    const struct value *names = value_getz(rule, "by");
    struct str at = value_gets(rule, "at");
    const struct value *items = value_get(raw, at);
    if (!names || !items || items->kind != VALUE_LIST)
        return raw;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < items->count; i++)
        if (items->items[i]->kind == VALUE_MAP)
            add_parts(call, items->items[i], names, &b);
    const struct value *parts = value_builder_list(&b);
    if (!parts->count)
        return raw;
    of_so_many(call, parts->count);
    const struct value *part = parts->items[call->turn < parts->count ? call->turn : 0];
    return value_with(call->arena, raw, at, value_list(call->arena, &part, 1));
}
