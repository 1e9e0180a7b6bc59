/*
 * Taking things down: what a consent makes of an object, what goes with it, what services leave behind, and
 * finding what may have been left.
 */
#include "provider/aws/lacking.h"
#include "provider/spec/act.h"

/* ---- what a consent means ---- */

static bool is_live(const struct act *act, const struct spec_teardown *rule)
{
    for (uint32_t i = 0; i < rule->set->count; i++)
        if (!spec_attr_find(act->type, rule->set->entries[i].key)->attr->local)
            return true;
    return false;
}

/* Is it as the rule would have it, whether by the stack or at the service? */
static bool holds(const struct act *act, const struct spec_teardown *rule, const struct value *object)
{
    for (uint32_t i = 0; i < rule->set->count; i++) {
        const struct attr *attr = spec_attr_find(act->type, rule->set->entries[i].key)->attr;
        const struct value *want = rule->set->entries[i].value, *have = value_get(object, attr->name);
        if (value_is_null(have))
            have = attr->default_value;
        if (value_is_null(want) || value_is_null(have) ? value_is_null(want) != value_is_null(have)
                                                       : !attr_equal(attr, want, have))
            return false;
    }
    return true;
}

static bool teardown_consented(const struct act *act, const struct spec_teardown *rule)
{
    return (act->teardown & (unsigned)rule->flag) != 0;
}

const struct value *act_forced(struct act *act, const struct value *object)
{
    for (size_t r = 0; r < act->type->teardown_count; r++) {
        const struct spec_teardown *rule = &act->type->teardown[r];
        for (uint32_t i = 0; teardown_consented(act, rule) && !is_live(act, rule) && i < rule->set->count;
             i++)
            object = value_with(act->arena, object, rule->set->entries[i].key, rule->set->entries[i].value);
    }
    return object;
}

static const struct value *teardown_names_of(struct act *act, const struct value *set)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < set->count; i++)
        value_builder_add(&names, value_string_ref(act->arena, set->entries[i].key));
    return value_builder_list(&names);
}

/* Does the service stand in the way of the deletion as the rule knows it? *live is how the thing is now. */
static int stands_against(struct act *act, const struct spec_teardown *rule, const struct value *object,
    const struct value **live, bool *against, struct err *err)
{
    *against = false;
    if (act_read(act, object, teardown_names_of(act, rule->set), live, err))
        return -1;
    *against = *live && !holds(act, rule, *live);
    return 0;
}

int act_lift(struct act *act, const struct value *object, struct err *err)
{
    for (size_t r = 0; r < act->type->teardown_count; r++) {
        const struct spec_teardown *rule = &act->type->teardown[r];
        const struct value *live, *after;
        bool against;
        if (!teardown_consented(act, rule) || !is_live(act, rule))
            continue;
        if (stands_against(act, rule, object, &live, &against, err))
            return -1;
        const struct value *desired = value_merge(act->arena, object, rule->set);
        const struct value *prior = value_merge(act->arena, object, live);
        if (against && spec_update(act->ctx, prior, desired, teardown_names_of(act, rule->set), &after, err))
            return -1;
    }
    return 0;
}

/* The first attribute that the rule sets to something. */
static const struct value_entry *first_set(const struct spec_teardown *rule)
{
    const struct value_entry *entry = rule->set->entries;
    for (uint32_t i = 0; i + 1 < rule->set->count && value_is_null(entry->value); i++)
        entry++;
    return entry;
}

/* `weir destroy` would take down what is made anew here. */
static void hint_for_replacement(
    const struct act *act, const struct spec_teardown *rule, const struct value_entry *set, struct err *err)
{
    struct str value = value_scalar_text(act->arena, set->value);
    if (is_live(act, rule))
        err_hint(err, "it is replaced: apply %.*s: %.*s before", STR_ARG(set->key), STR_ARG(value));
    else
        err_hint(err, "it is replaced: with %.*s: %.*s in the stack (%.*s) it can be", STR_ARG(set->key),
            STR_ARG(value), STR_ARG(rule->says));
}

void act_hint_teardown(const struct act *act, struct err *err)
{
    for (size_t r = 0; r < act->type->teardown_count; r++) {
        const struct spec_teardown *rule = &act->type->teardown[r];
        if (teardown_consented(act, rule) || !act_error_is(&rule->refused, err))
            continue;
        char *option = arena_strz(act->arena, str_z(rule->name));
        for (char *c = option; *c; c++)
            *c = (char)(*c == '_' ? '-' : *c);
        const struct value_entry *set = first_set(rule);
        struct str value = value_scalar_text(act->arena, set->value);
        if (act->ctx->replaces) {
            hint_for_replacement(act, rule, set, err);
            continue;
        }
        err_hint(err, "`weir destroy --%s` does it (%.*s); %s %.*s: %.*s%s%.*s", option, STR_ARG(rule->says),
            is_live(act, rule) ? "or apply" : "or say in the stack", STR_ARG(set->key), STR_ARG(value),
            rule->instead.n ? "; " : "", STR_ARG(rule->instead));
    }
}

/* ---- what goes with it ---- */

static const struct value *counted(
    struct act *act, const struct spec_teardown *rule, const struct value *object, struct err *err)
{
    const struct spec_step *step = rule->count;
    const struct value *items;
    if (step->call.native)
        return act_call(act, step, object, NULL, &items, err) ? NULL : items;
    if (act_list(act, step, object, NULL, &items, err))
        return NULL;
    int64_t bytes = 0;
    for (uint32_t i = 0; rule->bytes.n && i < items->count; i++) {
        const struct value *size = wire_path(act->arena, items->items[i], rule->bytes);
        bytes += size && size->kind == VALUE_INT ? size->integer : 0;
    }
    struct value_entry entries[] = {
        {rule->count_as, value_int(act->arena, items->count)}, {STR("bytes"), value_int(act->arena, bytes)}};
    return value_map(act->arena, entries, rule->bytes.n ? 2 : 1);
}

static bool is_empty(const struct value *counts)
{
    for (uint32_t i = 0; counts && i < counts->count; i++)
        if (counts->entries[i].value->kind == VALUE_INT && counts->entries[i].value->integer)
            return false;
    return true;
}

/* What one rule erases; NULL: nothing. */
static const struct value *teardown_erased(
    struct act *act, const struct spec_teardown *rule, const struct value *object, bool own)
{
    const struct value *counts = NULL;
    struct err failure = ERR_INIT;
    if (rule->count) {
        counts = counted(act, rule, object, &failure);
        if (failure.class == ERR_ABSENT || (counts && is_empty(counts)))
            return NULL;
    }
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    if (!own)
        value_builder_set(&b, STR("flag"), value_stringz(act->arena, rule->name));
    value_builder_set(&b, STR("says"), value_string_ref(act->arena, rule->says));
    if (counts)
        value_builder_set(&b, STR("counts"), counts);
    if (failure.class != ERR_NONE)
        value_builder_set(&b, STR("error"), value_stringz(act->arena, failure.message));
    return value_builder_map(&b);
}

/*
 * What would make the deletion stop, for want of a consent: something in it, or its protection. `lifts` names
 * the option that agrees, `set` what the stack would have to say, and with `live` before it goes. NULL:
 * nothing.
 */
static const struct value *in_the_way(
    struct act *act, const struct spec_teardown *rule, const struct value *object, bool live_rule)
{
    const struct value *counts = NULL, *live;
    struct err ignored = ERR_INIT; /* what cannot be looked at is found out by deleting it */
    bool against = false;
    if (rule->count && rule->refused.count)
        against = (counts = counted(act, rule, object, &ignored)) && !is_empty(counts);
    else if (live_rule && stands_against(act, rule, object, &live, &against, &ignored))
        against = false;
    if (!against)
        return NULL;
    const struct value_entry *set = first_set(rule);
    struct str text = arena_printf(
        act->arena, "%.*s: %.*s", STR_ARG(set->key), STR_ARG(value_scalar_text(act->arena, set->value)));
    struct value_entry entries[] = {{STR("stops"), &value_true},
        {STR("says"), value_stringz(act->arena, counts ? "it is not empty" : "it is protected")},
        {STR("lifts"), value_stringz(act->arena, rule->name)},
        {STR("set"), value_string_ref(act->arena, text)},
        {STR("live"), live_rule ? &value_true : &value_false}, {STR("counts"), counts}};
    return value_map(act->arena, entries, counts ? 6 : 5);
}

int spec_erases(struct op_ctx *ctx, unsigned teardown, const struct value *object, const struct value **list,
    struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    act.teardown = teardown;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(act.arena);
    *list = &value_empty_list;
    if (!act.type->teardown_count)
        return 0;
    if (act_fill_templates(&act, object, &object, err))
        return -1;
    for (size_t r = 0; r < act.type->teardown_count; r++) {
        const struct spec_teardown *rule = &act.type->teardown[r];
        const struct value *live, *what;
        bool live_rule = is_live(&act, rule), goes = !live_rule && holds(&act, rule, object), own = goes;
        if (live_rule && teardown_consented(&act, rule) &&
            stands_against(&act, rule, object, &live, &goes, err))
            return -1;
        bool stops = !goes && !teardown_consented(&act, rule);
        if (!goes && live_rule && !stops)
            continue;
        what = stops ? in_the_way(&act, rule, object, live_rule) : teardown_erased(&act, rule, object, own);
        if (what)
            value_builder_add(&all, what);
    }
    *list = value_builder_list(&all);
    return 0;
}

/* ---- what is left behind ---- */

int spec_leaves(struct op_ctx *ctx, const struct value *object, const struct value **list, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(act.arena);
    for (size_t i = 0; i < act.type->leaf_count; i++) {
        const struct spec_leaf *leaf = &act.type->leaves[i];
        const struct value *match;
        if (!act_holds(&act, &leaf->only, object))
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
    for (size_t i = 0; step && i < step->call.request.attr_count; i++)
        if (value_get(match, step->call.request.attrs[i]))
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

/* ---- by mark ---- */

/* The tags of one listed thing, its marks included: from the listing, or read. */
static const struct value *tags_of(struct act *act, const struct value *live, struct err *err)
{
    struct str name = act->type->tags->attr->attr->name;
    const struct value *all = value_get(live, name), *wanted = value_string_ref(act->arena, name), *read;
    if (!value_is_null(all))
        return all;
    return act_read(act, live, value_list(act->arena, &wanted, 1), &read, err) ? NULL : value_get(read, name);
}

int spec_marked(struct op_ctx *ctx, bool untold, resource_found *found, void *found_ctx, struct err *err)
{
    struct act act;
    act_init(&act, ctx);
    const struct spec_type *type = act.type;
    const struct value *items;
    bool told = type->tags && !type->tags->untold && !untold; /* the tagging API knows them */
    if (!type->tags || told || !type->tags->mark || !type->list.count)
        return 0;
    if (type->list.items[0]
            .list.per.count) /* it lies within another thing, bears marks as that does, and goes with it */
        return 0;
    act.keep_marks = true;
    if (act_list(&act, &type->list.items[0], NULL, NULL, &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *live = act_decode(&act, &type->list.items[0], items->items[i], NULL);
        if (act_fill_templates(&act, live, &live, err))
            return -1;
        struct err failure = ERR_INIT;
        const struct value *tags = tags_of(&act, live, &failure);
        if (failure.class != ERR_NONE && failure.class != ERR_ABSENT && !lacking_says(&failure)) {
            *err = failure;
            return -1;
        }
        struct str stack = value_gets(tags, "weir:stack");
        if (ctx->owner.stack.n ? str_eq(stack, ctx->owner.stack) : stack.n > 0)
            found(found_ctx, value_with(act.arena, live, type->tags->attr->attr->name, tags));
    }
    return 0;
}

/* ---- by ARN ---- */

/* partition, region and account of an ARN, for templates that name them. */
static struct str place_of(struct str arn, struct str name)
{
    static const char *const parts[] = {"", "partition", "", "region", "account"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct str part = str_cut(arn, ':', &arn);
        if (parts[i][0] && str_eqz(name, parts[i]))
            return part;
    }
    return STR_EMPTY;
}

/* The template with the ARN's own partition, region and account in it. */
static struct str local_template(struct act *act, struct str template, struct str arn)
{
    static const char *const names[] = {"partition", "region", "account"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct str what = arena_printf(act->arena, "${%s}", names[i]);
        ptrdiff_t at = str_find(template, what, 0);
        if (at < 0)
            continue;
        struct str parts[] = {str_slice(template, 0, (size_t)at), place_of(arn, str_z(names[i])),
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
    size_t at = text.n;
    while (at && text.p[at - 1] != '/')
        at--;
    struct value_entry entries[] = {{first, value_string(act->arena, str_slice(text, 0, at))},
        {second, value_string(act->arena, str_slice(text, at, text.n))}};
    return value_map(act->arena, entries, 2);
}

/* Types whose ARN nobody can predict have it as their id: it names at least the service. */
static bool is_of_service(const struct act *act, struct str arn)
{
    struct str rest;
    str_cut(arn, ':', &rest);
    str_cut(rest, ':', &rest);
    return str_eq(str_cut(rest, ':', &rest), act->type->service->aws.signing_name);
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
