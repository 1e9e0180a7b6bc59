/* Listings: many objects a request. */
#include "base/map.h"
#include "provider/aws/tagging.h"
#include "provider/spec/run.h"

/* ---- tags of all things of a type, from the tagging API ---- */

struct tagging {
    struct run *run;
    struct map *by_arn;
};

static void add_tagged(void *ctx, struct str arn, const struct value *tags)
{
    struct tagging *t = ctx;
    map_set(t->by_arn, arn, (void *)(t->run->keep_marks ? tags : run_own_tags(t->run->arena, tags)));
}

int run_tagged(struct run *run, const struct value *filters, struct map *by_arn, struct err *err)
{
    struct tagging t = {run, by_arn};
    const struct aws_tagged wanted = {
        .type = run->type->tags->bulk, .filters = filters, .cancel = run->ctx->cancel};
    return aws_tagged(run->client, run->arena, &wanted, add_tagged, &t, err);
}

/* ---- the listing ---- */

/* Is one of the attributes wanted that only this step of the listing brings? */
static bool step_wanted(const struct spec_step *step, const struct value *wanted)
{
    for (size_t i = 0; i < step->wanted.count; i++)
        if (run_wants(wanted, step->wanted.items[i]))
            return true;
    return !step->wanted.count;
}

static const struct value *covered_names(struct run *run, const struct value *wanted, bool tags)
{
    const struct spec_type *type = run->type;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str path;
        bool covered = attr->template.n || (tags && attr->owner == OWNER_TAGS);
        for (size_t k = 0; k < type->list.count && !covered; k++)
            covered = step_wanted(&type->list.items[k], wanted) &&
                      run_provides(type, &type->list.items[k], attr, &path);
        if (covered && !attr->hidden)
            value_builder_add(&names, value_string_ref(run->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

static const struct value *with_tags(struct run *run, const struct value *live, const struct map *by_arn)
{
    const struct value *tags = map_get(by_arn, value_gets(live, "arn"));
    return value_with(run->arena, live, run->type->tags->attr->attr->name, tags ? tags : &value_empty_map);
}

static struct str id_of(const struct run *run, const struct value *live)
{
    return value_text(value_get(live, run->type->schema.id), STR_EMPTY);
}

/* ---- which requests ---- */

/* What becomes of the items of one listing; `base` is what they have in common, NULL: nothing. */
struct listing {
    struct run *run;
    const struct spec_step *step;
    int (*use)(struct listing *l, const struct value *items, const struct value *base, struct err *err);
    const struct sought *sought;
    struct map *by_id; /* attributes that further listings bring */
    const struct map *by_arn;
    resource_found *found;
    void *found_ctx;
};

static int list_once(struct listing *l, const struct value *base, const struct value *ids, struct err *err)
{
    const struct value *items;
    struct err failure = ERR_INIT;
    if (!run_list(l->run, l->step, base, ids, &items, &failure))
        return l->use(l, items, base, err);
    if ((base || ids) && failure.class == ERR_ABSENT)
        return 0; /* what it is a part of is gone, and it with that */
    *err = failure;
    return -1;
}

/* `per: [database]`: once for each database that something recorded lies in. */
static int list_per(struct listing *l, struct err *err)
{
    const struct sought *sought = l->sought;
    const struct value **bases = ARENA_ARRAY(l->run->arena, const struct value *, sought->count);
    size_t n = 0;
    for (size_t i = 0; i < sought->count; i++) {
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(l->run->arena);
        for (size_t k = 0; k < l->step->list.per.count; k++) {
            struct str name = l->step->list.per.items[k];
            value_builder_set(&b, name, value_get(sought->priors[i], name));
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

/* `of: 50`: by their ids, so many at a time. */
static int list_of(struct listing *l, struct err *err)
{
    const struct sought *sought = l->sought;
    for (size_t i = 0; i < sought->count; i += (size_t)l->step->list.of) {
        AUTO_BUILDER struct value_builder ids = VALUE_BUILDER(l->run->arena);
        for (size_t k = i; k < sought->count && k < i + (size_t)l->step->list.of; k++) {
            const struct value *id = value_get(sought->priors[k], l->run->type->schema.id);
            if (!value_is_null(id))
                value_builder_add(&ids, id);
        }
        const struct value *list = value_builder_list(&ids);
        if (list->count && list_once(l, NULL, list, err))
            return -1;
    }
    return 0;
}

static int list_step(struct listing *l, const struct spec_step *step, struct err *err)
{
    l->step = step;
    return step->list.per.count ? list_per(l, err)
           : step->list.of      ? list_of(l, err)
                                : list_once(l, NULL, NULL, err);
}

/* ---- what their answers say ---- */

static struct str id_in(struct run *run, const struct spec_step *step, const struct value *item)
{
    const struct spec_attr *id = spec_attr_find(run->type, run->type->schema.id);
    return value_scalar_text(run->arena, wire_path(run->arena, item, run_answer_path(step, id)));
}

/* What a further listing says, by id. */
static int use_more(struct listing *l, const struct value *items, const struct value *base, struct err *err)
{
    (void)base;
    (void)err;
    for (uint32_t i = 0; i < items->count; i++) {
        struct str id = id_in(l->run, l->step, items->items[i]);
        if (id.n)
            map_set(
                l->by_id, id, (void *)run_decode(l->run, l->step, items->items[i], map_get(l->by_id, id)));
    }
    return 0;
}

/* `gather: ingress`: members of a set, each with the id of what it is a member of. */
static int use_members(
    struct listing *l, const struct value *items, const struct value *base, struct err *err)
{
    (void)base;
    (void)err;
    struct run *run = l->run;
    const struct spec_attr *attr = spec_attr_find(run->type, l->step->list.gather);
    AUTO_MAP struct map sets = MAP_INIT;
    for (uint32_t i = 0; i < items->count; i++) {
        struct str id = id_in(run, l->step, items->items[i]);
        const struct value *so_far = map_get(&sets, id);
        AUTO_BUILDER struct value_builder set = VALUE_BUILDER(run->arena);
        for (uint32_t k = 0; so_far && k < so_far->count; k++)
            value_builder_add(&set, so_far->items[k]);
        value_builder_add(&set, items->items[i]);
        map_set(&sets, id, (void *)value_builder_list(&set));
    }
    for (size_t i = 0; i < sets.n; i++)
        map_set(l->by_id, sets.items[i].key,
            (void *)value_with(run->arena, map_get(l->by_id, sets.items[i].key), l->step->list.gather,
                wire_coerce(run->arena, attr->answer, sets.items[i].ptr)));
    return 0;
}

static int list_all_more(struct listing *l, const struct value *wanted, struct err *err)
{
    const struct spec_type *type = l->run->type;
    for (size_t i = 1; i < type->list.count; i++) {
        const struct spec_step *step = &type->list.items[i];
        l->use = step->list.gather.n ? use_members : use_more;
        if (step_wanted(step, wanted) && list_step(l, step, err))
            return -1;
    }
    return 0;
}

/* A set of which the listing has no member is empty. */
static const struct value *with_empty_sets(
    struct run *run, const struct value *wanted, const struct value *live)
{
    for (size_t i = 1; i < run->type->list.count; i++) {
        struct str set = run->type->list.items[i].list.gather;
        if (set.n && run_wants(wanted, set) && !value_get(live, set))
            live = value_with(run->arena, live, set, &value_empty_list);
    }
    return live;
}

static int use_objects(
    struct listing *l, const struct value *items, const struct value *base, struct err *err)
{
    struct run *run = l->run;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *live = run_decode(run, l->step, items->items[i], base);
        if (run_fill_templates(run, live, &live, err))
            return -1;
        if (!id_of(run, live).n && run->type->schema.id.n)
            return err_set(err, ERR_PROTOCOL, "the answer to %.*s is not whole: an item has no %.*s",
                STR_ARG(l->step->op->wire.name), STR_ARG(run->type->schema.id));
        live = value_merge(run->arena, live, map_get(l->by_id, id_of(run, live)));
        live = with_empty_sets(run, l->sought->wanted, live);
        if (run_is_gone(run, live))
            continue;
        live = l->by_arn ? with_tags(run, live, l->by_arn) : live;
        l->found(l->found_ctx, run_shown(run, run_without_marks(run, live)));
    }
    return 0;
}

int spec_list(struct op_ctx *ctx, const struct sought *sought, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    run.keep_marks = op_tells_marks(ctx);
    const struct spec_type *type = run.type;
    AUTO_MAP struct map by_arn = MAP_INIT, by_id = MAP_INIT;
    bool tags = type->tags && type->tags->bulk.n && run_wants(sought->wanted, type->tags->attr->attr->name);
    struct listing l = {.run = &run,
        .sought = sought,
        .by_id = &by_id,
        .by_arn = tags ? &by_arn : NULL,
        .found = found,
        .found_ctx = found_ctx};
    if (list_all_more(&l, sought->wanted, err) || (tags && run_tagged(&run, NULL, &by_arn, err)))
        return -1;
    l.use = use_objects;
    if (list_step(&l, &type->list.items[0], err))
        return -1;
    *covered = covered_names(&run, sought->wanted, tags);
    return 0;
}
