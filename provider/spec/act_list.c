/* Listings: many objects in one request. */
#include "provider/spec/act.h"

/* ---- the listing ---- */

/* True if an attribute is wanted that only this step of the listing returns. */
bool act_list_needs(const struct spec_step *step, const struct value *wanted)
{
    for (size_t i = 0; i < step->when.wanted.count; i++)
        if (act_wants(wanted, step->when.wanted.items[i]))
            return true;
    return !step->when.wanted.count;
}

/* `refused`: by step of the listing; its attributes are unknown. */
static const struct value *covered_names(
    struct act *act, const struct value *wanted, bool tags, const bool *refused)
{
    const struct spec_type *type = act->type;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str path;
        bool covered = attr->template.n || (tags && attr->owner == OWNER_TAGS);
        for (size_t k = 0; k < type->list.count && !covered; k++)
            covered = !refused[k] && act_list_needs(&type->list.items[k], wanted) &&
                      act_provides(type, &type->list.items[k], attr, &path);
        if (covered && !attr->hidden)
            value_builder_add(&names, value_string_ref(act->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

/* Returns the recorded ARN, if the listing is not sufficient to build it. */
static struct str recorded_arn(struct act *act, const struct list_filter *filter, const struct value *live)
{
    const struct value *id = value_get(live, act->type->schema.id);
    for (size_t i = 0; i < filter->count; i++)
        if (value_equal(value_get(filter->priors[i], act->type->schema.id), id))
            return value_gets(filter->priors[i], "arn");
    return STR_EMPTY;
}

static const struct value *with_tags(
    struct act *act, const struct list_filter *filter, const struct value *live, const struct map *by_arn)
{
    struct str arn = value_gets(live, "arn");
    const struct value *tags = map_get(by_arn, arn.n ? arn : recorded_arn(act, filter, live));
    return value_with(act->arena, live, act->type->tags->attr->attr->name, tags ? tags : &value_empty_map);
}

const struct value *act_list_covers(struct act *act, const struct value *wanted)
{
    bool *refused = ARENA_ARRAY(act->arena, bool, act->type->list.count + 1);
    return covered_names(act, wanted, false, refused);
}

static struct str id_of(const struct act *act, const struct value *live)
{
    return value_text(value_get(live, act->type->schema.id), STR_EMPTY);
}

/* ---- requests ---- */

/* One listing and the use of its items; `base` has their common attributes, may be NULL. */
struct listing {
    struct act *act;
    const struct spec_step *step;
    int (*use)(struct listing *l, const struct value *items, const struct value *base, struct err *err);
    const struct list_filter *filter;
    struct map *by_id; /* attributes from further listings */
    const struct map *by_arn;
    resource_found *found;
    void *found_ctx;
};

static int list_once(struct listing *l, const struct value *base, const struct value *ids, struct err *err)
{
    const struct value *items;
    struct err failure = ERR_INIT;
    if (!act_list(l->act, l->step, base, ids, &items, &failure))
        return l->use(l, items, base, err);
    if ((base || ids) && failure.class == ERR_ABSENT)
        return 0; /* the parent was deleted, and the resource with it */
    return err_raise(err, &failure);
}

/* `per: [database]`: one listing for each database of the recorded objects. */
static int list_per(struct listing *l, struct err *err)
{
    const struct list_filter *filter = l->filter;
    const struct value **bases = ARENA_ARRAY(l->act->arena, const struct value *, filter->count);
    size_t n = 0;
    for (size_t i = 0; i < filter->count; i++) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(l->act->arena);
        for (size_t k = 0; k < l->step->list.per.count; k++) {
            struct str name = l->step->list.per.items[k];
            const struct value *v = value_get(filter->priors[i], name);
            if (v)
                value_builder_set(&b, name, v);
        }
        const struct value *base = value_builder_map(&b);
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = value_equal(bases[k], base);
        if (known)
            continue;
        bases[n++] = base;
        if (list_once(l, base, NULL, err))
            return -1;
    }
    return 0;
}

/* Returns the ids of the objects that the step applies to. */
static const struct value **ids_asked(struct listing *l, size_t *n)
{
    const struct list_filter *filter = l->filter;
    const struct value **ids = ARENA_ARRAY(l->act->arena, const struct value *, filter->count + 1);
    *n = 0;
    for (size_t i = 0; i < filter->count; i++) {
        const struct value *id = value_get(filter->priors[i], l->act->type->schema.id);
        if (!value_is_null(id) && act_applies(l->act, l->step, filter->priors[i]))
            ids[(*n)++] = id;
    }
    return ids;
}

/* `of: 50`: lists by ids, so many at a time. */
static int list_of(struct listing *l, struct err *err)
{
    size_t n, most = (size_t)l->step->list.of;
    const struct value **ids = ids_asked(l, &n);
    for (size_t i = 0; i < n; i += most)
        if (list_once(l, NULL, value_list(l->act->arena, ids + i, n - i < most ? n - i : most), err))
            return -1;
    return 0;
}

static int list_step(struct listing *l, const struct spec_step *step, struct err *err)
{
    l->step = step;
    return step->list.per.count ? list_per(l, err)
           : step->list.of      ? list_of(l, err)
                                : list_once(l, NULL, NULL, err);
}

/* ---- responses ---- */

static struct str id_in(struct act *act, const struct spec_step *step, const struct value *item)
{
    const struct spec_attr *id = spec_attr_find(act->type, act->type->schema.id);
    return value_scalar_text(act->arena, wire_path(act->arena, item, act_answer_path(step, id)));
}

/* Adds the attributes of a further listing, by id. */
static int use_more(
    struct listing *l, const struct value *items, const struct value *base UNUSED, struct err *err UNUSED)
{
    for (uint32_t i = 0; i < items->count; i++) {
        struct str id = id_in(l->act, l->step, items->items[i]);
        if (id.n)
            map_set(
                l->by_id, id, (void *)act_decode(l->act, l->step, items->items[i], map_get(l->by_id, id)));
    }
    return 0;
}

static const struct value *gathered(struct act *act, const struct spec_owned *members,
    const struct spec_attr *attr, struct str id, const struct value *items)
{
    items = wire_coerce(act->arena, attr->answer, items);
    return members ? act_members_configured(act, members, id, items) : items;
}

/* `gather: ingress`: items of a set, each with the id of its parent. */
static int use_members(
    struct listing *l, const struct value *items, const struct value *base UNUSED, struct err *err UNUSED)
{
    struct act *act = l->act;
    const struct spec_attr *attr = spec_attr_find(act->type, l->step->list.gather);
    const struct spec_owned *members = spec_owned_of(act->type, attr);
    AUTO_MAP struct map sets = MAP_INIT;
    for (uint32_t i = 0; i < items->count; i++) {
        struct str id = id_in(act, l->step, items->items[i]);
        const struct value *so_far = map_get(&sets, id);
        AUTO_BUILDER struct value_builder set = VALUE_BUILDER(act->arena);
        for (uint32_t k = 0; so_far && k < so_far->count; k++)
            value_builder_add(&set, so_far->items[k]);
        value_builder_add(&set, items->items[i]);
        map_set(&sets, id, (void *)value_builder_list(&set));
    }
    for (size_t i = 0; i < sets.n; i++)
        map_set(l->by_id, sets.items[i].key,
            (void *)value_with(act->arena, map_get(l->by_id, sets.items[i].key), l->step->list.gather,
                gathered(act, members, attr, sets.items[i].key, sets.items[i].ptr)));
    return 0;
}

/* Attributes of a listing that is not permitted, or that is refused for one of many, are read one resource at
 * a time. */
static int list_all_more(struct listing *l, const struct value *wanted, bool *refused, struct err *err)
{
    const struct spec_type *type = l->act->type;
    for (size_t i = 1; i < type->list.count; i++) {
        const struct spec_step *step = &type->list.items[i];
        struct err failure = ERR_INIT;
        l->use = step->list.gather.n ? use_members : use_more;
        if (!act_list_needs(step, wanted) || !list_step(l, step, &failure))
            continue;
        refused[i] = failure.class == ERR_AUTH || failure.class == ERR_SERVICE;
        if (!refused[i])
            return err_raise(err, &failure);
    }
    return 0;
}

/* A set without an item in the listing is empty. */
static const struct value *with_empty_sets(
    struct act *act, const struct value *wanted, const struct value *live)
{
    for (size_t i = 1; i < act->type->list.count; i++) {
        struct str set = act->type->list.items[i].list.gather;
        if (set.n && act_wants(wanted, set) && !value_get(live, set))
            live = value_with(act->arena, live, set, &value_empty_list);
    }
    return live;
}

static int use_objects(
    struct listing *l, const struct value *items, const struct value *base, struct err *err)
{
    struct act *act = l->act;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *live = act_decode(act, l->step, items->items[i], base);
        if (act_fill_templates(act, live, &live, err))
            return -1;
        if (!id_of(act, live).n && act->type->schema.id.n)
            return err_set(err, ERR_PROTOCOL, "the answer to %.*s is incomplete: an item has no %.*s",
                STR_ARG(l->step->call.op->wire.name), STR_ARG(act->type->schema.id));
        live = value_merge(act->arena, live, map_get(l->by_id, id_of(act, live)));
        live = with_empty_sets(act, l->filter->wanted, live);
        if (act_is_deleted(act, live))
            continue;
        live = l->by_arn ? with_tags(act, l->filter, live, l->by_arn) : live;
        l->found(l->found_ctx, act_shown(act, act_without_ownership_tags(act, live)));
    }
    return 0;
}

int spec_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err)
{
    struct act act = act_of(ctx);
    act.keep_ownership_tags = op_wants_ownership_tags(ctx);
    act.read_only = true;
    act.page_limit = filter->page_limit;
    const struct spec_type *type = act.type;
    AUTO_MAP struct map by_arn = MAP_INIT, by_id = MAP_INIT;
    bool tags = type->tags && act_wants(filter->wanted, type->tags->attr->attr->name) &&
                act_tags_in_bulk(&act, filter);
    struct listing l = {.act = &act,
        .filter = filter,
        .by_id = &by_id,
        .by_arn = tags ? &by_arn : NULL,
        .found = found,
        .found_ctx = found_ctx};
    bool *refused = ARENA_ARRAY(act.arena, bool, type->list.count);
    if (list_all_more(&l, filter->wanted, refused, err) ||
        (tags && act_list_tags(&act, filter, &by_arn, err)))
        return -1;
    l.use = use_objects;
    if (list_step(&l, &type->list.items[0], err))
        return -1;
    *covered = covered_names(&act, filter->wanted, tags, refused);
    return 0;
}
