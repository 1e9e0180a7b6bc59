/* Deleting resources: the effect of consents, data loss, what prevents the deletion, and what services leave
 * behind. */
#include "base/json.h"
#include "provider/spec/act.h"

/* ---- consents ---- */

static bool is_live(const struct act *act, const struct spec_teardown *rule)
{
    for (uint32_t i = 0; i < rule->set->count; i++)
        if (!spec_attr_find(act->type, rule->set->entries[i].key)->attr->local)
            return true;
    return false;
}

/* Returns the attribute that the stack configures for the consent. */
static struct value_entry main_set(const struct spec_teardown *rule)
{
    return (struct value_entry){rule->main, value_get(rule->set, rule->main)};
}

/* Compares only the desired entries of a map; a missing one does not prevent the deletion. */
static bool has_entries(const struct value *have, const struct value *want)
{
    for (uint32_t i = 0; i < want->count; i++) {
        const struct value *v = value_get(have, want->entries[i].key);
        if (!value_is_null(v) && !value_equal(v, want->entries[i].value))
            return false;
    }
    return true;
}

static bool is_so(const struct act *act, struct value_entry set, const struct value *object)
{
    const struct attr *attr = spec_attr_find(act->type, set.key)->attr;
    const struct value *want = set.value, *have = value_get(object, attr->name);
    if (value_is_null(have))
        have = attr->default_value;
    if (!value_is_null(want) && want->kind == VALUE_MAP)
        return has_entries(have, want);
    if (value_is_null(want) || value_is_null(have))
        return value_is_null(want) == value_is_null(have);
    return attr_equal(attr, want, have);
}

/* True if the object already has the values of the rule. */
static bool holds(const struct act *act, const struct spec_teardown *rule, const struct value *object)
{
    for (uint32_t i = 0; i < rule->set->count; i++)
        if (!is_so(act, rule->set->entries[i], object))
            return false;
    return true;
}

/* True if the stack itself configures the consent, whatever the command line says. */
static bool is_own(const struct act *act, const struct spec_teardown *rule, const struct value *object)
{
    return !is_live(act, rule) && is_so(act, main_set(rule), object);
}

static bool teardown_consented(const struct act *act, const struct spec_teardown *rule)
{
    return (act->teardown & (unsigned)rule->flag) != 0;
}

const struct value *act_forced(struct act *act, const struct value *object)
{
    for (size_t r = 0; r < act->type->teardown_count; r++) {
        const struct spec_teardown *rule = &act->type->teardown[r];
        bool consented = teardown_consented(act, rule);
        if (is_live(act, rule) || (!consented && !is_own(act, rule, object)))
            continue;
        for (uint32_t i = 0; i < rule->set->count; i++)
            if (consented || value_is_null(rule->set->entries[i].value))
                object =
                    value_with(act->arena, object, rule->set->entries[i].key, rule->set->entries[i].value);
    }
    return object;
}

/* Whether the live resource has what the rule removes. *live is the resource as read. */
static int stands_against(struct act *act, const struct spec_teardown *rule, const struct value *object,
    const struct value **live, bool *against, struct err *err)
{
    *against = false;
    if (act_read(act, object, value_keys(act->arena, rule->set), live, err))
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
        if (against && spec_update(act->ctx, prior, desired, value_keys(act->arena, rule->set), &after, err))
            return -1;
    }
    return 0;
}

/* Returns "deletion_protection: false", as in a stack file. */
static struct str set_text(const struct act *act, const struct spec_teardown *rule)
{
    struct value_entry set = main_set(rule);
    struct str value = set.value->kind == VALUE_MAP ? json_as_text(act->arena, set.value)->string
                                                    : value_scalar_text(act->arena, set.value);
    return arena_printf(act->arena, "%.*s: %.*s", STR_ARG(set.key), STR_ARG(value));
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
        err_hint(err, "--%s does it (%.*s); %s %.*s%s%.*s", option, STR_ARG(rule->message),
            is_live(act, rule) ? "or apply" : "or say in the stack", STR_ARG(set_text(act, rule)),
            rule->instead.n ? "; " : "", STR_ARG(rule->instead));
    }
}

/* ---- data loss ---- */

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

static void builder_counts(struct value_builder *b, const struct value *counts)
{
    if (counts)
        value_builder_set(b, STR("counts"), value_with(b->arena, counts, STR("keeps_versions"), NULL));
}

/* Returns the data that one rule deletes; NULL: none. */
static const struct value *loss_of(
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
    value_builder_text(&b, "flag", own ? STR_EMPTY : str_z(rule->name));
    value_builder_text(&b, "message", rule->message);
    builder_counts(&b, counts);
    if (failure.class != ERR_NONE)
        value_builder_text(&b, "error", str_z(failure.message));
    return value_builder_map(&b);
}

/* Returns what prevents the deletion; "" if nothing does. What cannot be read is found out by the
 * deletion. */
static struct str why_not(struct act *act, const struct spec_teardown *rule, const struct value *object,
    const struct value **counts)
{
    const struct value *live = NULL;
    bool against = false;
    *counts = NULL;
    if (rule->needs.n) {
        bool lacks = value_is_empty(value_get(object, rule->needs));
        return lacks && !act_read(act, object, &value_empty_list, &live, ERR_IGNORED) && live ? rule->lacks
                                                                                              : STR_EMPTY;
    }
    if (rule->count && rule->refused.count) {
        *counts = counted(act, rule, object, ERR_IGNORED);
        return *counts && !is_empty(*counts) ? STR("it is not empty") : STR_EMPTY;
    }
    if (is_live(act, rule) && stands_against(act, rule, object, &live, &against, ERR_IGNORED))
        against = false;
    return against ? STR("it is protected") : STR_EMPTY;
}

/*
 * Returns what prevents the deletion without a consent: content, protection, a final snapshot without a name.
 * `lifts` is the option that agrees, `set` what the stack can configure (with `live`, before the deletion),
 * `instead` another remedy; `within`: the attribute by which resources of the stack are contained in this
 * one; `keeps_versions`: content remains after their deletion. NULL: nothing.
 */
static const struct value *in_the_way(
    struct act *act, const struct spec_teardown *rule, const struct value *object)
{
    const struct value *counts;
    struct str why = why_not(act, rule, object, &counts);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    if (!why.n)
        return NULL;
    value_builder_set(&b, STR("stops"), &value_true);
    value_builder_text(&b, "message", why);
    value_builder_text(&b, "lifts", str_z(rule->name));
    value_builder_text(&b, "set", set_text(act, rule));
    value_builder_text(&b, "instead", rule->instead);
    value_builder_text(&b, "within", rule->within);
    value_builder_set(&b, STR("live"), value_bool(is_live(act, rule)));
    value_builder_set(&b, STR("keeps_versions"), value_bool(value_getb(counts, "keeps_versions")));
    builder_counts(&b, counts);
    return value_builder_map(&b);
}

static int rule_data_loss(struct act *act, const struct spec_teardown *rule, const struct value *object,
    const struct value **what, struct err *err)
{
    const struct value *live;
    bool consented = teardown_consented(act, rule), own = is_own(act, rule, object), against = true;
    *what = NULL;
    if (!act_holds(act, &rule->only, object))
        return 0;
    if (is_live(act, rule) && consented && stands_against(act, rule, object, &live, &against, err))
        return -1;
    if (!own && !consented)
        *what = in_the_way(act, rule, object);
    else if (against)
        *what = loss_of(act, rule, object, own);
    return 0;
}

/* Reports what is kept: a snapshot, a recovery window. `match` identifies the kept resource, `needs` is the
 * attribute with its name. */
static int leaf_reported(struct act *act, const struct spec_leaf *leaf, const struct value *object,
    const struct value **what, struct err *err)
{
    const struct value *message = NULL, *match = NULL;
    *what = NULL;
    if ((leaf->type.n && !leaf->kept) || !act_holds(act, &leaf->only, object))
        return 0;
    if (act_template(act, value_string_ref(act->arena, leaf->message), object, &message, err) ||
        (leaf->type.n && act_template(act, leaf->match, object, &match, err)))
        return -1;
    if (!message || !value_is_known(message) || (leaf->type.n && (!match || !value_is_known(match))))
        return 0;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    value_builder_set(&b, STR("message"), message);
    value_builder_set(&b, STR("kept"), value_bool(leaf->kept));
    value_builder_text(&b, "type", leaf->type);
    if (match)
        value_builder_set(&b, STR("match"), match);
    for (size_t r = 0; match && r < act->type->teardown_count; r++)
        value_builder_text(&b, "needs", act->type->teardown[r].needs);
    *what = value_builder_map(&b);
    return 0;
}

int spec_data_loss(struct op_ctx *ctx, unsigned teardown, const struct value *object,
    const struct value **list, struct err *err)
{
    struct act act = act_of(ctx);
    act.teardown = teardown;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(act.arena);
    const struct value *what;
    *list = &value_empty_list;
    if (!act.type->teardown_count && !act.type->leaf_count)
        return 0;
    if (act_fill_templates(&act, object, &object, err))
        return -1;
    for (size_t r = 0; r < act.type->teardown_count; r++) {
        if (rule_data_loss(&act, &act.type->teardown[r], object, &what, err))
            return -1;
        if (what)
            value_builder_add(&all, what);
    }
    const struct value *forced = act_forced(&act, object);
    for (size_t i = 0; i < act.type->leaf_count; i++) {
        if (leaf_reported(&act, &act.type->leaves[i], forced, &what, err))
            return -1;
        if (what)
            value_builder_add(&all, what);
    }
    *list = value_builder_list(&all);
    return 0;
}

/* ---- leftovers ---- */

int spec_leaves(struct op_ctx *ctx, const struct value *object, const struct value **list, struct err *err)
{
    struct act act = act_of(ctx);
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
            {STR("match"), match}, {STR("message"), value_string_ref(act.arena, leaf->message)},
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

/* Returns the fixed prefixes, with which calls narrow the listing down. */
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
    struct act act = act_of(ctx);
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
        if (!act_first_holding(&act, &type->deleted, live) && teardown_matches(&act, match, live))
            found(found_ctx, act_shown(&act, live));
    }
    return 0;
}

/* ---- by ownership tags ---- */

/* Returns the tags of a listed resource, including ownership tags: from the listing, or read. */
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
    struct act act = act_of(ctx);
    const struct spec_type *type = act.type;
    const struct value *items;
    bool reported = type->tags && !type->tags->unreported && !unreported; /* known to the tagging API */
    if (!type->tags || reported || !type->tags->ownership || !type->list.count)
        return 0;
    if (type->list.items[0].list.per.count) /* it is within another resource, has the same ownership tags, and
                                               is deleted with it */
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

/* Inserts the ARN's own partition, region and account into the template. */
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

/* Two adjacent attributes at the end, such as IAM's path and name, are separated at the last slash. */
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

/* Types with unpredictable ARNs have them as ids: only the service can be checked. */
static bool is_of_service(const struct act *act, struct str arn)
{
    return str_eq(str_part(arn, ':', 2), act->type->service->aws.signing_name);
}

int spec_by_arn(struct op_ctx *ctx, struct str arn, const struct value **object, struct err *err)
{
    struct act act = act_of(ctx);
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
    /* Splits by the template and rebuilds: only an ARN of this type gives the same string. */
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
