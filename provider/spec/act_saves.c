/* What a listing spares: calls are counted as act_read.c and act_list.c would make them. */
#include "provider/spec/act.h"

static int entry_calls(const struct spec_entries *entries, const struct value *prior)
{
    const struct value *recorded = value_get(prior, entries->attr->attr->name);
    return 1 + (entries->get && recorded && recorded->kind == VALUE_MAP ? (int)recorded->count : 0);
}

/* To read these attributes of one thing, besides its tags, which are asked for with others'. */
static int read_calls(struct act *act, const struct value *prior, const struct value *wanted)
{
    const struct spec_type *type = act->type;
    int n = 0;
    if (!wanted->count)
        return 0;
    for (size_t i = 0; i < type->read.count; i++)
        n += act_read_needs(type, &type->read.items[i], wanted) &&
             act_applies(act, &type->read.items[i], prior);
    for (size_t i = 0; i < type->sub_resource_count; i++)
        n += type->sub_resources[i].get && act_wants(wanted, type->sub_resources[i].attr->attr->name);
    for (size_t i = 0; i < type->member_count; i++)
        n += type->members[i].list && act_wants(wanted, type->members[i].attr->attr->name);
    for (size_t i = 0; i < type->entries_count; i++)
        if (type->entries[i].list && act_wants(wanted, type->entries[i].attr->attr->name))
            n += entry_calls(&type->entries[i], prior);
    return n;
}

static bool is_asked_anyway(const struct act *act, struct str name)
{
    const struct spec_tags *tags = act->type->tags;
    return tags && tags->list && str_eq(tags->attr->attr->name, name);
}

/* Those of `wanted` that still have to be read where `covered` is known. */
static const struct value *left_of(struct act *act, const struct value *wanted, const struct value *covered)
{
    AUTO_BUILDER struct value_builder left = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < wanted->count; i++) {
        struct str name = wanted->items[i]->string;
        if (!is_asked_anyway(act, name) && !(covered && value_list_has(covered, name)))
            value_builder_add(&left, wanted->items[i]);
    }
    return value_builder_list(&left);
}

int spec_listing_saves(struct op_ctx *ctx, const struct sought *sought)
{
    struct act act;
    act_init(&act, ctx);
    const struct spec_type *type = act.type;
    if (!type->list.count || type->service->kind->send)
        return 0;
    int saves = 0;
    for (size_t i = 0; i < type->list.count; i++)
        saves -= act_list_needs(&type->list.items[i], sought->wanted);
    const struct value *covered = act_list_covers(&act, sought->wanted);
    const struct value *all = left_of(&act, sought->wanted, NULL),
                       *left = left_of(&act, sought->wanted, covered);
    for (size_t i = 0; i < sought->count; i++)
        saves += read_calls(&act, sought->priors[i], all) - read_calls(&act, sought->priors[i], left);
    return saves;
}
