/* What services leave behind of an object, and finding what may have been left: by what it is called, by its
 * ownership tags, by its ARN. */
#include "provider/aws/client.h"
#include "provider/spec/act.h"

/* ---- what is left behind ---- */

int spec_leaves(struct op_ctx *ctx, const struct value *object, const struct value **list, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(act.arena);
    for (size_t i = 0; i < act.type->leaf_count; i++) {
        const struct spec_leaf *leaf = &act.type->leaves[i];
        const struct value *match;
        if (!leaf->type.n || !act_holds(&act, &leaf->only, object))
            continue;
        if (act_template(&act, leaf->match, object, &match, err))
            return -1;
        if (!match || !value_is_known(match))
            continue;
        struct value_entry entries[] = {{STR("type"), value_string_ref(act.arena, leaf->type)},
            {STR("match"), match}, {STR("says"), value_string_ref(act.arena, leaf->says)},
            {STR("kept"), value_bool(leaf->kept)}};
        value_builder_add(&all, value_map(act.arena, entries, 4));
    }
    *list = value_builder_list(&all);
    return 0;
}

static bool teardown_matches(struct act *act, const struct value *match, const struct value *live)
{
    for (uint32_t i = 0; i < match->count; i++) {
        struct str pattern = value_scalar_text(act->arena, match->entries[i].value);
        struct str have = value_scalar_text(act->arena, value_get(live, match->entries[i].key));
        bool open = str_ends(pattern, STR("*"));
        struct str fixed = str_slice(pattern, 0, pattern.n - open);
        if (!have.p || (open ? !str_starts(have, fixed) : !str_eq(have, fixed)))
            return false;
    }
    return true;
}

/* The beginnings that are fixed, for calls that narrow the listing down by them. */
static const struct value *fixed_parts(struct act *act, const struct value *match)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < match->count; i++) {
        struct str text = value_scalar_text(act->arena, match->entries[i].value);
        text = str_slice(text, 0, text.n - str_ends(text, STR("*")));
        value_builder_set(&b, match->entries[i].key, value_string(act->arena, text));
    }
    return value_builder_map(&b);
}

static bool teardown_narrows(const struct spec_step *step, const struct value *match)
{
    for (size_t i = 0; step && i < step->call.request.attrs.count; i++)
        if (value_get(match, step->call.request.attrs.items[i]))
            return true;
    return false;
}

int spec_search(
    struct op_ctx *ctx, const struct value *match, resource_found *found, void *found_ctx, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    const struct spec_type *type = act.type;
    const struct spec_step *step = teardown_narrows(type->find, match) ? type->find
                                   : type->list.count                  ? &type->list.items[0]
                                                                       : NULL;
    const struct value *items;
    if (!step)
        return 0;
    if (act_list(&act, step, fixed_parts(&act, match), NULL, &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *live = act_decode(&act, step, items->items[i], NULL);
        if (act_fill_templates(&act, live, &live, err))
            return -1;
        if (!act_holds_any(&act, &type->gone, live) && teardown_matches(&act, match, live))
            found(found_ctx, act_shown(&act, live));
    }
    return 0;
}

/* ---- by ownership tags ---- */

/* The tags of one listed resource, its ownership tags included: from the listing, or read. */
static const struct value *tags_of(struct act *act, const struct value *live, struct err *err)
{
    struct str name = act->type->tags->attr->attr->name;
    const struct value *all = value_get(live, name), *wanted = value_string_ref(act->arena, name), *read;
    if (!value_is_null(all))
        return all;
    return act_read(act, live, value_list(act->arena, &wanted, 1), &read, err) ? NULL : value_get(read, name);
}

int spec_list_owned(
    struct op_ctx *ctx, bool unreported, resource_found *found, void *found_ctx, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    const struct spec_type *type = act.type;
    const struct value *items;
    bool reported = type->tags && !type->tags->unreported && !unreported; /* the tagging API knows them */
    if (!type->tags || reported || !type->tags->ownership || !type->list.count)
        return 0;
    if (type->list.items[0].list.per.count) /* it lies within another resource, has ownership tags as that
                                               does, and goes with it */
        return 0;
    act.keep_ownership_tags = true;
    if (act_list(&act, &type->list.items[0], NULL, NULL, &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *live = act_decode(&act, &type->list.items[0], items->items[i], NULL);
        if (act_fill_templates(&act, live, &live, err))
            return -1;
        struct err failure = ERR_INIT;
        const struct value *tags = tags_of(&act, live, &failure);
        if (failure.class != ERR_NONE && failure.class != ERR_ABSENT && !unsupported_says(&failure))
            return err_raise(err, &failure);
        struct str stack = value_gets(tags, "weir:stack");
        if (ctx->owner.stack.n ? str_eq(stack, ctx->owner.stack) : stack.n > 0)
            found(found_ctx, value_with(act.arena, live, type->tags->attr->attr->name, tags));
    }
    return 0;
}

/* ---- by ARN ---- */

/* The template with the ARN's own partition, region and account in it. */
static struct str local_template(struct act *act, struct str template, struct str arn)
{
    static const struct {
        struct str what;
        size_t part;
    } places[] = {{STR_INIT("${partition}"), 1}, {STR_INIT("${region}"), 3}, {STR_INIT("${account}"), 4}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const struct str what = places[i].what;
        ptrdiff_t at = str_find(template, what, 0);
        if (at < 0)
            continue;
        struct str parts[] = {str_slice(template, 0, (size_t)at), str_part(arn, ':', places[i].part),
            str_slice(template, (size_t)at + what.n, template.n)};
        template = arena_concat(act->arena, parts, 3);
    }
    return template;
}

/* Where two attributes stand side by side at the end, as IAM's path and name do, the last slash parts them.
 */
static const struct value *split_at_slash(struct act *act, struct str template, struct str arn)
{
    ptrdiff_t open = str_find(template, STR("${"), 0), join = str_find(template, STR("}${"), 0);
    if (open < 0 || join < 0 || !str_starts(arn, str_slice(template, 0, (size_t)open)))
        return &value_empty_map;
    struct str first = str_slice(template, (size_t)open + 2, (size_t)join);
    struct str second = str_slice(template, (size_t)join + 3, template.n - 1);
    struct str text = str_slice(arn, (size_t)open, arn.n);
    size_t at = str_after_last(text, "/");
    return VALUE_MAP(act->arena, {first, value_string(act->arena, str_slice(text, 0, at))},
        {second, value_string(act->arena, str_slice(text, at, text.n))});
}

/* Types whose ARN nobody can predict have it as their id: it names at least the service. */
static bool is_of_service(const struct act *act, struct str arn)
{
    return str_eq(str_part(arn, ':', 2), act->type->service->aws.signing_name);
}

int spec_by_arn(struct op_ctx *ctx, struct str arn, const struct value **object, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    const struct spec_attr *attr = spec_attr_find(act.type, STR("arn"));
    const struct value *v = value_string(act.arena, arn), *made;
    *object = NULL;
    if (!attr)
        return 0;
    const struct value *bare = value_with(act.arena, &value_empty_map, STR("arn"), v);
    if (!attr->template.n) {
        if (str_eqz(act.type->schema.id, "arn") && is_of_service(&act, arn))
            *object = bare;
        return 0;
    }
    /* Split by the template, put together again: the same text only if it is of this type. */
    struct str template = local_template(&act, attr->template, arn);
    const struct value *parts = str_find(template, STR("}${"), 0) >= 0 ? split_at_slash(&act, template, arn)
                                                                       : act_split_text(&act, template, arn);
    if (act_template(&act, value_string(act.arena, template), parts, &made, err))
        return -1;
    if (!made || !str_eq(value_text(made, STR_EMPTY), arn))
        return 0;
    parts = value_with(act.arena, parts, STR("arn"), v);
    return act_fill_templates(&act, parts, object, err);
}
