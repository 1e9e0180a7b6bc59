/* Which resources of a type there are, by their identities alone. */
#include "provider/spec/act.h"

static struct spec_names needs_of(const struct spec_step *step)
{
    return step->list.per.count
               ? step->list.per
               : (struct spec_names){step->call.request.attrs, step->call.request.attr_count};
}

/* Does an item of this listing say which one it is, or what its id is made of? */
static bool names_items(const struct spec_type *type, const struct spec_step *step)
{
    const struct spec_attr *id = spec_attr_find(type, type->schema.id);
    const struct spec_attr *arn = spec_attr_find(type, STR("arn"));
    struct str path;
    return !id || id->template.n || act_provides(type, step, id, &path) ||
           (arn && act_provides(type, step, arn, &path));
}

const struct spec_step *spec_ids_step(const struct spec_type *type, struct spec_names *needs)
{
    const struct spec_step *own = type->list.count ? &type->list.items[0] : NULL, *other = NULL;
    const struct spec_step *find =
        type->find && type->find->call.request.attr_count && !type->find->call.request.extra_count
            ? type->find
            : NULL;
    for (size_t i = 0; i < type->also_count && !other; i++)
        if (str_eqz(type->also[i].as, "list") && names_items(type, type->also[i].step))
            other = type->also[i].step;
    own = own && own->list.of ? NULL : own;
    *needs = (struct spec_names){NULL, 0};
    if (own && !own->list.per.count)
        return own;
    if (other && !needs_of(other).count)
        return other;
    own = own ? own : other ? other : find;
    if (own)
        *needs = needs_of(own);
    return own;
}

/* What an item says of itself, or what its ARN does. */
static int ids_object(
    struct op_ctx *ctx, struct act *act, const struct value *live, const struct value **out, struct err *err)
{
    const struct value *named = NULL;
    struct str arn = value_gets(live, "arn");
    if (act_fill_templates(act, live, out, err))
        return -1;
    if (value_gets(*out, act->type->schema.id.p).n || !arn.n)
        return 0;
    if (spec_by_arn(ctx, arn, &named, err))
        return -1;
    if (!named && spec_attr_find(act->type, STR("name"))) /* of an earlier form, with the name alone */
        named = value_with(act->arena, NULL, STR("name"), value_string(act->arena, str_last_part(arn, "/:")));
    return named ? act_fill_templates(act, value_merge(act->arena, live, named), out, err) : 0;
}

static int ids_within(struct op_ctx *ctx, struct act *act, const struct value *prior, resource_found *found,
    void *found_ctx, struct err *err)
{
    struct spec_names needs;
    const struct spec_step *step = spec_ids_step(act->type, &needs);
    const struct value *items, *live;
    struct err failure = ERR_INIT;
    if (act_list(act, step, prior, NULL, &items, &failure)) {
        if (prior && failure.class == ERR_ABSENT)
            return 0;
        return err_raise(err, &failure);
    }
    for (uint32_t i = 0; i < items->count; i++) {
        if (ids_object(ctx, act, act_decode(act, step, items->items[i], prior), &live, err))
            return -1;
        if (!act_is_gone(act, live))
            found(found_ctx, act_shown(act, act_without_marks(act, live)));
    }
    return 0;
}

int spec_ids(
    struct op_ctx *ctx, const struct sought *sought, resource_found *found, void *found_ctx, struct err *err)
{
    struct act act;
    struct spec_names needs;
    act_init(&act, ctx);
    act.asks = true;
    if (!spec_ids_step(act.type, &needs))
        return 0;
    if (!needs.count)
        return ids_within(ctx, &act, NULL, found, found_ctx, err);
    for (size_t i = 0; i < sought->count; i++)
        if (ids_within(ctx, &act, sought->priors[i], found, found_ctx, err))
            return -1;
    return 0;
}
