/*
 * Values that are other resources' become references: what the configuration says that an attribute refers
 * to, looked for in the value; and, wherever they stand, ARNs and ids of what is imported, too.
 */
#include "cmd/import/terraform_candidates.h"

#include <ctype.h>

/* ---- circles ---- */

static bool refer_reaches(struct terraform *t, struct group *from, const struct group *to, int depth)
{
    if (from == to || depth > 64)
        return true;
    for (size_t i = 0; i < from->needs.n; i++)
        if (refer_reaches(t, from->needs.items[i].ptr, to, depth + 1))
            return true;
    return false;
}

/* Where a part has gone, that counts. */
static struct group *refer_whole(struct group *group)
{
    return !group->schema && group->n && group->instances[0]->target ? group->instances[0]->target->group
                                                                     : group;
}

bool terraform_waits(struct terraform *t, struct group *group, struct group **other)
{
    *other = refer_whole(*other);
    struct str address = group_address(t->arena, *other);
    if (!(*other)->schema || map_get(&group->needs, address) || refer_reaches(t, *other, group, 0))
        return false;
    map_set(&group->needs, address, *other);
    return true;
}

struct said *terraform_reference(
    struct terraform *t, struct instance *owner, struct instance *target, struct str attr)
{
    struct group *needs = refer_whole(target->group);
    if (refer_reaches(t, needs, owner->group, 0))
        return NULL;
    map_set(&owner->group->needs, group_address(t->arena, needs), needs);
    return terraform_code(t, owner, target, attr);
}

/* ---- in values ---- */

/* What the configuration puts together is often put together by underscores. */
static bool is_letter(char c)
{
    return isalnum((unsigned char)c) != 0;
}

static bool is_circle(struct terraform *t, const struct candidate *one, const struct group *owner)
{
    return one->needs && owner && refer_reaches(t, refer_whole(one->needs), owner, 0);
}

/* The longest candidate that stands there as whole words and is no circle. */
static const struct candidate *at(
    struct terraform *t, const struct candidates *list, const struct group *owner, struct str text, size_t i)
{
    const struct candidate *best = NULL;
    for (size_t k = 0; k < list->n; k++) {
        struct str one = list->items[k].text;
        bool rather =
            best && best->text.n == one.n && list->of_others && !best->needs && list->items[k].needs;
        if (i + one.n > text.n || memcmp(text.p + i, one.p, one.n) != 0 ||
            (best && best->text.n >= one.n && !rather))
            continue;
        bool begins = !i || !is_letter(text.p[i - 1]) || !is_letter(one.p[0]);
        bool ends = i + one.n == text.n || !is_letter(text.p[i + one.n]) || !is_letter(one.p[one.n - 1]);
        if (begins && ends && !is_circle(t, &list->items[k], owner))
            best = &list->items[k];
    }
    return best;
}

/* A text in which candidates stand; the literal itself where none does. */
static struct said *refer_text(
    struct terraform *t, const struct candidates *list, struct group *owner, struct said *s)
{
    struct said *text = said_new(t->arena, SAID_TEXT, NULL);
    struct str from = s->value->string;
    size_t done = 0;
    text->sensitive = s->sensitive;
    for (size_t i = 0; i < from.n; i++) {
        const struct candidate *c = at(t, list, owner, from, i);
        struct group *needs = c && c->needs ? refer_whole(c->needs) : NULL;
        if (!c)
            continue;
        if (needs && owner)
            map_set(&owner->needs, group_address(t->arena, needs), needs);
        said_append(t->arena, text, said_string(t->arena, str_slice(from, done, i), NULL));
        said_append(t->arena, text, c->code);
        i += c->text.n - 1;
        done = i + 1;
    }
    if (!done)
        return s;
    said_append(t->arena, text, said_string(t->arena, str_slice(from, done, from.n), NULL));
    return said_simple(t->arena, text);
}

static struct said *refer_related(
    struct terraform *t, const struct candidates *list, struct group *owner, struct said *s)
{
    if (s->kind == SAID_LITERAL && s->value->kind == VALUE_STRING)
        return refer_text(t, list, owner, s);
    for (size_t i = 0; s->kind != SAID_TEXT && i < s->n; i++) {
        struct said **child = s->kind == SAID_MAP ? &s->entries[i].value : &s->items[i];
        *child = refer_related(t, list, owner, *child);
    }
    return s;
}

/* ---- the whole ---- */

/* What settings of others say has become a part of this one. */
static void offer_parts(struct terraform *t, struct candidates *list, struct instance *one)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; !group->data && !group->schema && k < group->n; k++)
            if (group->instances[k]->target == one)
                candidates_add_expressions(
                    t, list, one, group->module, value_getz(group->config, "expressions"));
    }
}

/* A name is made of what the configuration says of it alone: a crawler that is called as a bucket is need not
 * be called after it. False: that is not known. */
static bool offer_own(struct terraform *t, struct candidates *list, struct group *group, struct instance *one,
    struct said *name)
{
    const struct value *expressions = value_getz(group->config, "expressions");
    bool any = false;
    if (name->kind != SAID_LITERAL || name->value->kind != VALUE_STRING)
        return false;
    for (uint32_t i = 0; expressions && i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        const struct value *said = value_get(expressions, e->key);
        if (!said || !value_equal(e->value, name->value))
            continue;
        candidates_add_expressions(t, list, one, group->module, said);
        any = true;
    }
    return any;
}

static void refer_instance(struct terraform *t, struct group *group, struct instance *one)
{
    struct candidates list = {0};
    candidates_add_expressions(t, &list, one, group->module, value_getz(group->config, "expressions"));
    candidates_add_expressions(
        t, &list, one, group->module, value_getz(group->config, "for_each_expression"));
    offer_parts(t, &list, one);
    candidates_add_telling(t, &list, one, one->attrs);
    for (size_t i = 0; i < one->attrs->n; i++) {
        struct said_entry *e = &one->attrs->entries[i];
        list.of_others = !str_eqz(e->key, "name");
        if (!group->config)
            e->value = terraform_named(t, one, e->key, e->value);
        struct candidates own = {0};
        bool alone = !list.of_others && offer_own(t, &own, group, one, e->value);
        e->value = refer_related(t, alone ? &own : &list, group, e->value);
    }
}

void terraform_refer(struct terraform *t)
{
    terraform_index_texts(t);
    if (!t->configuration)
        terraform_index_names(t);
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; group->schema && k < group->n; k++)
            refer_instance(t, group, group->instances[k]);
    }
}

struct said *terraform_related(struct terraform *t, const struct value *value, const struct value *expression)
{
    struct candidates list = {0};
    struct said *s = said_of(t->arena, value);
    candidates_add_expressions(t, &list, NULL, STR_EMPTY, expression);
    candidates_add_telling(t, &list, NULL, s);
    return refer_related(t, &list, NULL, s);
}

struct str terraform_resolve_reference(void *ctx, struct draft_reference *r)
{
    struct terraform *t = ctx;
    const struct instance *target = r->target;
    const struct group *group = target->group;
    struct str attr = group->names ? names_output(group->names, t->arena, r->attr) : group->schema->id;
    for (size_t i = 0; !group->names && i < group->schema->attr_count; i++)
        if (names_same(group->schema->attrs[i].name, r->attr))
            attr = group->schema->attrs[i].name;
    struct str key =
        group->folded
            ? arena_printf(t->arena, "[%.*s]",
                  STR_ARG(
                      r->key.n ? r->key : said_as_code(t->arena, said_string(t->arena, target->key, NULL))))
            : STR_EMPTY;
    return arena_printf(
        t->arena, "%.*s%.*s.%.*s", STR_ARG(group->resource->name), STR_ARG(key), STR_ARG(attr));
}
