/*
 * Values of other resources become references (by the configuration, and by ARNs and ids of imported
 * resources), and instances that differ by their key become for_each.
 */
#include "cmd/import/terraform.h"

#include <ctype.h>

/* ---- Instances that differ by their key become one resource with for_each; other differences become
 * each.value. */

/* ---- comparing instances apart from the key ---- */

static struct tree *with_each(struct arena *arena, struct tree *s, struct str key)
{
    if (s->kind == TREE_LITERAL && s->value->kind == VALUE_STRING && key.n) {
        struct tree *text = tree_new(arena, TREE_TEXT, NULL);
        struct str from = s->value->string;
        size_t done = 0;
        text->sensitive = s->sensitive;
        for (ptrdiff_t at = str_find(from, key, 0); at >= 0; at = str_find(from, key, (size_t)at + 1)) {
            size_t end = (size_t)at + key.n;
            if ((at && terraform_is_word(from.p[at - 1])) ||
                (end < from.n && terraform_is_word(from.p[end])) || (size_t)at < done)
                continue;
            tree_append(arena, text, tree_string(arena, str_slice(from, done, (size_t)at), NULL));
            tree_append(arena, text, tree_code(arena, NULL, "each.key"));
            done = end;
        }
        if (!done)
            return s;
        tree_append(arena, text, tree_string(arena, str_slice(from, done, from.n), NULL));
        return tree_simple(arena, text);
    }
    struct tree *copy = tree_new(arena, s->kind, s->node);
    copy->value = s->value;
    copy->code = s->code;
    copy->sensitive = s->sensitive;
    for (size_t i = 0; i < s->n; i++)
        if (s->kind == TREE_MAP)
            tree_set(arena, copy, s->entries[i].key, with_each(arena, s->entries[i].value, key));
        else if (s->kind == TREE_TEXT)
            tree_append(arena, copy, with_each(arena, s->items[i], key));
        else
            tree_add(arena, copy, with_each(arena, s->items[i], key));
    return copy;
}

static struct str mark_compared(void *ctx, struct draft_reference *r, struct str mark UNUSED)
{
    return terraform_resolve_reference(ctx, r);
}

/* Compares reference marks by their meaning. */
static struct str as_text(struct terraform *t, const struct tree *s)
{
    return draft_replace_marks(t->draft, tree_as_code(t->arena, s), mark_compared, t);
}

/* ---- folding ---- */

static struct tree *differing(struct terraform *t, struct group *group, struct tree **all, struct str key)
{
    struct tree *first = tree_get(all[0], key.p);
    for (size_t i = 1; i < group->n; i++) {
        const struct tree *other = tree_get(all[i], key.p);
        if (!first || !other || !str_eq(as_text(t, first), as_text(t, other)))
            return NULL;
    }
    return first;
}

static void add_keys(struct terraform *t, const struct group *group, struct tree **all, struct tree *keys)
{
    for (size_t i = 0; i < group->n; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            if (!tree_get(keys, arena_strz(t->arena, all[i]->entries[k].key)))
                tree_set(t->arena, keys, arena_str(t->arena, all[i]->entries[k].key),
                    tree_new(t->arena, TREE_NOTHING, NULL));
}

struct own_key {
    struct terraform *t;
    struct str key;
};

/* Replaces each.key, which for_each itself cannot use, by the key. */
static struct str mark_without_each(void *ctx, struct draft_reference *r, struct str mark)
{
    const struct own_key *own = ctx;
    struct arena *arena = own->t->arena;
    return !str_eqz(r->key, "each.key") ? mark
                                        : draft_reference(own->t->draft, r->owner, r->target, r->attr,
                                              tree_as_code(arena, tree_string(arena, own->key, NULL)), NULL);
}

/* Returns [a, b], or {a: {differences}, …}. */
static struct tree *collection(struct terraform *t, const struct group *group, const struct tree *differ)
{
    struct tree *out = tree_new(t->arena, differ->n ? TREE_MAP : TREE_LIST, NULL);
    for (size_t i = 0; i < group->n; i++) {
        struct str key = group->instances[i]->key;
        if (!differ->n) {
            tree_add(t->arena, out, tree_string(t->arena, key, NULL));
            continue;
        }
        struct tree *own = tree_new(t->arena, TREE_MAP, NULL);
        for (size_t k = 0; k < differ->n; k++) {
            struct tree *s =
                tree_get(group->instances[i]->attrs, arena_strz(t->arena, differ->entries[k].key));
            if (s)
                draft_replace_in_tree(t->draft, s, mark_without_each, &(struct own_key){t, key});
            tree_set(t->arena, own, differ->entries[k].key, s ? s : tree_new(t->arena, TREE_NOTHING, NULL));
        }
        tree_set(t->arena, out, key, own);
    }
    return out;
}

static void hide(struct terraform *t, const struct group *group, struct tree *attrs)
{
    for (size_t i = 0; i < attrs->n; i++)
        attrs->entries[i].value =
            mapping_hide(t->draft, attrs, &attrs->entries[i], group->schema, group->resource->name);
}

/* Sorts by the order of the attributes; other keys follow. */
static struct tree *attrs_in_order(
    struct arena *arena, const struct attr *attrs, size_t n, const struct tree *map);

static struct tree *value_in_order(struct arena *arena, const struct type *type, struct tree *s)
{
    const struct type *elem = type->elem ? type->elem : type;
    if (s->kind == TREE_MAP && type->kind == TYPE_OBJECT)
        return attrs_in_order(arena, type->fields, type->field_count, s);
    for (size_t i = 0; s->kind == TREE_LIST && i < s->n; i++)
        s->items[i] = value_in_order(arena, elem, s->items[i]);
    for (size_t i = 0; s->kind == TREE_MAP && i < s->n; i++)
        s->entries[i].value = value_in_order(arena, elem, s->entries[i].value);
    return s;
}

static struct tree *attrs_in_order(
    struct arena *arena, const struct attr *attrs, size_t n, const struct tree *map)
{
    struct tree *out = tree_new(arena, TREE_MAP, map->node);
    for (size_t i = 0; i < n; i++) {
        struct tree *s = tree_get(map, attrs[i].name.p);
        if (s)
            tree_set(arena, out, attrs[i].name, value_in_order(arena, attrs[i].type, s));
    }
    for (size_t i = 0; i < map->n; i++)
        if (!tree_get(out, arena_strz(arena, map->entries[i].key)))
            tree_set(arena, out, map->entries[i].key, map->entries[i].value);
    return out;
}

void terraform_each(struct terraform *t, struct group *group)
{
    for (size_t i = 0; i < group->n; i++)
        group->instances[i]->attrs = attrs_in_order(
            t->arena, group->schema->attrs, group->schema->attr_count, group->instances[i]->attrs);
    struct tree *out = group->resource->attrs, *keys = tree_new(t->arena, TREE_MAP, NULL),
                *differ = tree_new(t->arena, TREE_MAP, NULL);
    if (!group->folded) {
        hide(t, group, group->instances[0]->attrs);
        group->resource->attrs = group->instances[0]->attrs;
        return;
    }
    struct tree **all = ARENA_ARRAY(t->arena, struct tree *, group->n);
    for (size_t i = 0; i < group->n; i++) {
        hide(t, group, group->instances[i]->attrs);
        all[i] = with_each(t->arena, group->instances[i]->attrs, group->instances[i]->key);
    }
    add_keys(t, group, all, keys);
    tree_set(t->arena, out, STR("for_each"), tree_new(t->arena, TREE_LIST, NULL));
    for (size_t k = 0; k < keys->n; k++) {
        struct tree *same = differing(t, group, all, keys->entries[k].key);
        if (!same)
            tree_set(t->arena, differ, keys->entries[k].key, tree_new(t->arena, TREE_NOTHING, NULL));
        tree_set(t->arena, out, keys->entries[k].key,
            same ? same : tree_code(t->arena, NULL, "each.value.%s", keys->entries[k].key.p));
    }
    out->entries[0].value = collection(t, group, differ);
}

/* ---- cycles ---- */

static bool refer_reaches(struct terraform *t, struct group *from, const struct group *to)
{
    return draft_reaches(++t->walks, &from->needs, &to->needs);
}

/* Returns the group of the target if the group has become a part. */
static struct group *refer_whole(struct group *group)
{
    return !group->schema && group->n && group->instances[0]->target ? group->instances[0]->target->group
                                                                     : group;
}

bool terraform_waits(struct terraform *t, struct group *group, struct group **other)
{
    *other = refer_whole(*other);
    struct str address = group_address(t->arena, *other);
    if (!(*other)->schema || map_get(&group->needs.all, address) || refer_reaches(t, *other, group))
        return false;
    map_set(&group->needs.all, address, &(*other)->needs);
    return true;
}

struct tree *terraform_reference(
    struct terraform *t, struct tf_instance *owner, struct tf_instance *target, struct str attr)
{
    struct group *needs = refer_whole(target->group);
    if (refer_reaches(t, needs, owner->group))
        return NULL;
    map_set(&owner->group->needs.all, group_address(t->arena, needs), &needs->needs);
    return terraform_code(t, owner, target, attr);
}

/* ---- references in values ---- */

/* Underscores are not letters here, since configurations often join words with them. */
static bool is_letter(char c)
{
    return isalnum((unsigned char)c) != 0;
}

static bool is_circle(struct terraform *t, const struct candidate *one, const struct group *owner)
{
    return one->needs && owner && refer_reaches(t, refer_whole(one->needs), owner);
}

/* Returns the longest candidate at this offset that is a whole word and not a cycle. */
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

/* Returns the text with its candidates as code, or the literal if there are none. */
static struct tree *refer_text(
    struct terraform *t, const struct candidates *list, struct group *owner, struct tree *s)
{
    struct tree *text = tree_new(t->arena, TREE_TEXT, NULL);
    struct str from = s->value->string;
    size_t done = 0;
    text->sensitive = s->sensitive;
    for (size_t i = 0; i < from.n; i++) {
        const struct candidate *c = at(t, list, owner, from, i);
        struct group *needs = c && c->needs ? refer_whole(c->needs) : NULL;
        if (!c)
            continue;
        if (needs && owner)
            map_set(&owner->needs.all, group_address(t->arena, needs), &needs->needs);
        tree_append(t->arena, text, tree_string(t->arena, str_slice(from, done, i), NULL));
        tree_append(t->arena, text, c->code);
        i += c->text.n - 1;
        done = i + 1;
    }
    if (!done)
        return s;
    tree_append(t->arena, text, tree_string(t->arena, str_slice(from, done, from.n), NULL));
    return tree_simple(t->arena, text);
}

static struct tree *refer_related(
    struct terraform *t, const struct candidates *list, struct group *owner, struct tree *s)
{
    if (s->kind == TREE_LITERAL && s->value->kind == VALUE_STRING)
        return refer_text(t, list, owner, s);
    for (size_t i = 0; s->kind != TREE_TEXT && i < s->n; i++) {
        struct tree **child = s->kind == TREE_MAP ? &s->entries[i].value : &s->items[i];
        *child = refer_related(t, list, owner, *child);
    }
    return s;
}

/* ---- all resources ---- */

/* Adds the candidates of resources that have become a part of this one. */
static void offer_parts(struct terraform *t, struct candidates *list, struct tf_instance *one)
{
    for (size_t i = 0; i < t->groups.n; i++) {
        const struct group *group = t->groups.items[i].ptr;
        for (size_t k = 0; !group->data && !group->schema && k < group->n; k++)
            if (group->instances[k]->target == one)
                candidates_add_expressions(
                    t, list, one, group->module, value_getz(group->config, "expressions"));
    }
}

/* A name is replaced only by references of its own expression: an equal name of another resource is no
 * reference. Returns false if the expression is unknown. */
static bool offer_own(struct terraform *t, struct candidates *list, struct group *group,
    struct tf_instance *one, struct tree *name)
{
    const struct value *expressions = value_getz(group->config, "expressions");
    bool any = false;
    if (name->kind != TREE_LITERAL || name->value->kind != VALUE_STRING)
        return false;
    for (uint32_t i = 0; expressions && i < one->values->count; i++) {
        const struct value_entry *e = &one->values->entries[i];
        const struct value *expression = value_get(expressions, e->key);
        bool named = !group->names || str_eqz(names_output(group->names, t->arena, e->key), "name");
        if (!expression || !named || !value_equal(e->value, name->value))
            continue;
        candidates_add_expressions(t, list, one, group->module, expression);
        any = true;
    }
    return any;
}

static bool is_policy(const struct attr *attr)
{
    const struct type *type = attr ? attr->type : NULL;
    return type && (type->kind == TYPE_POLICY || (type->elem && type->elem->kind == TYPE_POLICY));
}

static void refer_instance(struct terraform *t, struct group *group, struct tf_instance *one, bool policies)
{
    struct candidates list = {0};
    candidates_add_expressions(t, &list, one, group->module, value_getz(group->config, "expressions"));
    candidates_add_expressions(
        t, &list, one, group->module, value_getz(group->config, "for_each_expression"));
    offer_parts(t, &list, one);
    candidates_add_in_value(t, &list, one, one->attrs);
    candidates_add_secrets(t, &list, one->attrs);
    for (size_t i = 0; i < one->attrs->n; i++) {
        struct tree_entry *e = &one->attrs->entries[i];
        if (is_policy(schema_attr(group->schema, e->key)) != policies)
            continue;
        list.of_others = !str_eqz(e->key, "name");
        if (!group->config)
            e->value = terraform_named(t, one, e->key, e->value);
        struct candidates own = {0};
        bool alone = !list.of_others && offer_own(t, &own, group, one, e->value);
        e->value = refer_related(t, alone ? &own : &list, group, e->value);
        if (!t->configuration && !mapping_is_own(group->schema, e->key))
            e->value = draft_of_caller(t->draft, e->value, t->account, t->region);
    }
}

void terraform_refer(struct terraform *t)
{
    t->account = terraform_account(t);
    t->region = terraform_region(t);
    terraform_index_texts(t);
    if (!t->configuration)
        terraform_index_names(t);
    /* Policies come last: if they close a cycle, the ARN is written literally, since it need not exist
     * yet. */
    for (size_t i = 0; i < 2 * t->groups.n; i++) {
        struct group *group = t->groups.items[i % t->groups.n].ptr;
        for (size_t k = 0; group->schema && k < group->n; k++)
            refer_instance(t, group, group->instances[k], i >= t->groups.n);
    }
}

struct tree *terraform_related(struct terraform *t, const struct value *value, const struct value *expression)
{
    struct candidates list = {0};
    struct tree *s = tree_of(t->arena, value);
    candidates_add_expressions(t, &list, NULL, STR_EMPTY, expression);
    candidates_add_in_value(t, &list, NULL, s);
    candidates_add_secrets(t, &list, s);
    return refer_related(t, &list, NULL, s);
}

struct str terraform_resolve_reference(void *ctx, struct draft_reference *r)
{
    struct terraform *t = ctx;
    const struct tf_instance *target = r->target;
    const struct group *group = target->group;
    struct str attr = group->names ? names_output(group->names, t->arena, r->attr) : group->schema->id;
    for (size_t i = 0; !group->names && i < group->schema->attr_count; i++)
        if (names_same(group->schema->attrs[i].name, r->attr))
            attr = group->schema->attrs[i].name;
    struct str key =
        group->folded
            ? arena_printf(t->arena, "[%.*s]",
                  STR_ARG(
                      r->key.n ? r->key : tree_as_code(t->arena, tree_string(t->arena, target->key, NULL))))
            : STR_EMPTY;
    return arena_printf(
        t->arena, "%.*s%.*s.%.*s", STR_ARG(group->resource->name), STR_ARG(key), STR_ARG(attr));
}
