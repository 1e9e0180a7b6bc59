/* Finding what an interrupted run may have made, where the service has given it an id. */
#include "base/clock.h"
#include "base/map.h"
#include "provider/spec/run.h"

enum {
    CLOCKS_DIFFER_MS = 10 * 1000, /* ours and the service's, by so much at most */
};

/* What carries this intent's mark: *object with its ARN and what the ARN tells; unchanged where there is
 * none. */
static int find_marked(struct run *run, const struct value **object, struct err *err)
{
    AUTO_MAP struct map by_arn = MAP_INIT;
    if (run_tagged(run, run_tag_filter(run->arena, "weir:intent", run->ctx->token), &by_arn, err))
        return -1;
    if (by_arn.n == 1)
        *object = run_split(run, STR("arn"),
            value_with(run->arena, *object, STR("arn"), value_string(run->arena, by_arn.items[0].key)));
    return 0;
}

/* ---- by what it is ---- */

static const struct value *value_or_default(
    const struct spec_type *type, const struct value *object, struct str name)
{
    const struct value *v = value_get(object, name);
    const struct spec_attr *attr = spec_attr_find(type, name);
    bool empty = value_is_null(v) || ((v->kind == VALUE_LIST || v->kind == VALUE_MAP) && !v->count);
    return empty ? attr ? attr->attr->default_value : NULL : v;
}

static bool looks_alike(struct run *run, const struct value *candidate, const struct value *desired)
{
    const struct spec_type *type = run->type;
    bool same = !run_holds_any(run, &type->gone, candidate);
    for (size_t i = 0; i < type->find_by.count && same; i++)
        same = value_equal(value_or_default(type, candidate, type->find_by.items[i]),
            value_or_default(type, desired, type->find_by.items[i]));
    return same;
}

/* Was it made before the run that was interrupted? */
static bool is_older(struct run *run, const struct value *item)
{
    static const struct shape time = {.kind = SHAPE_TIMESTAMP};
    struct str path = run->type->find_since;
    const struct value *made = path.n ? wire_path(run->arena, item, path) : NULL;
    made = made ? wire_coerce(run->arena, &time, made) : NULL;
    int64_t made_ms;
    return time_parse_rfc3339(value_text(made, STR_EMPTY), &made_ms) &&
           made_ms < run->ctx->since_ms - CLOCKS_DIFFER_MS;
}

static const struct value *pick_alike(struct run *run, const struct spec_step *step,
    const struct value *items, const struct value *desired, bool *older)
{
    for (uint32_t i = 0; i < items->count; i++) {
        *older = is_older(run, items->items[i]);
        const struct value *candidate = *older || run_skips(run, &step->skip, items->items[i])
                                            ? NULL
                                            : run_decode(run, step, items->items[i], NULL);
        if (candidate && looks_alike(run, candidate, desired))
            return candidate;
    }
    return NULL;
}

/* Page by page: the latest come first where the time counts, so that one that is too old is the last. */
static int find_alike(struct run *run, const struct spec_step *step, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *token = NULL, *next, *items;
    bool older = false;
    do {
        if (run_page_items(run, step, desired, token, &next, &items, err))
            return -1;
        *live = pick_alike(run, step, items, desired, &older);
        if (token && next && value_equal(token, next))
            break;
        token = next;
    } while (!*live && !older && token);
    return 0;
}

static int find_called(
    struct run *run, const struct value *object, const struct value **live, struct err *err)
{
    const struct spec_step *step = run->type->find;
    const struct value *items, *item;
    if (run->type->find_by.count)
        return find_alike(run, step, object, live, err);
    if (run_list(run, step, object, NULL, &items, err))
        return -1;
    item = run_pick(run, step, items, object);
    *live = item ? run_decode(run, step, item, NULL) : NULL;
    return 0;
}

/* ---- all of them ---- */

static int find_whole(struct run *run, const struct value *object, const struct value **live, struct err *err)
{
    if (run_read(run, object, NULL, live, err))
        return -1;
    *live = run_shown(run, *live);
    return 0;
}

/* An id that is known beforehand identifies; otherwise the spec says how to look. */
int spec_find(struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    const struct spec_type *type = run.type;
    const struct value *object;
    struct err failure = ERR_INIT;
    *live = NULL;
    if (run_fill_templates(&run, desired, &object, err))
        return -1;
    const struct value *id = value_get(object, type->schema.id);
    if (!value_is_null(id) && value_is_known(id))
        return find_whole(&run, object, live, err);
    int status = 0;
    if (type->find) {
        status = find_called(&run, object, live, &failure);
    } else if (type->tags && type->tags->bulk.n && type->tags->mark) {
        if (find_marked(&run, &object, err))
            return -1;
        const struct value *found = value_get(object, type->schema.id);
        return value_is_null(found) ? 0 : find_whole(&run, object, live, err);
    } else if (type->find_by.count && type->list.count) {
        status = find_alike(&run, &type->list.items[0], object, live, &failure);
    }
    if (status && failure.class == ERR_ABSENT)
        return 0;
    if (status)
        *err = failure;
    /* Whole, as a read gives it. */
    return !status && *live ? find_whole(&run, value_merge(run.arena, object, *live), live, err) : status;
}
