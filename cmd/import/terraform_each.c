/* Instances that differ by their key become one resource with for_each; what else differs is in each.value.
 */
#include "cmd/import/terraform_parts.h"

/* ---- the same, but for the key? ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct said *with_each(struct arena *arena, struct said *s, struct str key)
{
    if (s->kind == SAID_LITERAL && s->value->kind == VALUE_STRING && key.n) {
        struct said *text = said_new(arena, SAID_TEXT, NULL);
        struct str from = s->value->string;
        size_t done = 0;
        text->sensitive = s->sensitive;
        for (ptrdiff_t at = str_find(from, key, 0); at >= 0; at = str_find(from, key, (size_t)at + 1)) {
            size_t end = (size_t)at + key.n;
            if ((at && is_word(from.p[at - 1])) || (end < from.n && is_word(from.p[end])) ||
                (size_t)at < done)
                continue;
            said_append(arena, text, said_string(arena, str_slice(from, done, (size_t)at), NULL));
            said_append(arena, text, said_code(arena, NULL, "each.key"));
            done = end;
        }
        if (!done)
            return s;
        said_append(arena, text, said_string(arena, str_slice(from, done, from.n), NULL));
        return said_simple(arena, text);
    }
    struct said *copy = said_new(arena, s->kind, s->node);
    copy->value = s->value;
    copy->code = s->code;
    copy->sensitive = s->sensitive;
    for (size_t i = 0; i < s->n; i++)
        if (s->kind == SAID_MAP)
            said_set(arena, copy, s->entries[i].key, with_each(arena, s->entries[i].value, key));
        else if (s->kind == SAID_TEXT)
            said_append(arena, copy, with_each(arena, s->items[i], key));
        else
            said_add(arena, copy, with_each(arena, s->items[i], key));
    return copy;
}

/* Marks of references count as what they will be. */
static struct str as_text(struct terraform *t, const struct said *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str code = said_as_code(t->arena, s);
    for (size_t i = 0; i < code.n; i++) {
        if (code.p[i] != '\001') {
            buf_add_char(&out, code.p[i]);
            continue;
        }
        int64_t index = 0;
        ptrdiff_t end = str_find_char(code, '\002', i);
        str_to_int(str_slice(code, i + 1, (size_t)end), &index);
        buf_add_str(&out, terraform_resolve_reference(t, t->draft->references[index]));
        i = (size_t)end;
    }
    return arena_str(t->arena, buf_str(&out));
}

/* ---- folding ---- */

static struct said *differing(struct terraform *t, struct group *group, struct said **all, struct str key)
{
    struct said *first = said_get(all[0], key.p);
    for (size_t i = 1; i < group->n; i++) {
        const struct said *other = said_get(all[i], key.p);
        if (!first || !other || !str_eq(as_text(t, first), as_text(t, other)))
            return NULL;
    }
    return first;
}

static void add_keys(struct terraform *t, const struct group *group, struct said **all, struct said *keys)
{
    for (size_t i = 0; i < group->n; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            if (!said_get(keys, arena_strz(t->arena, all[i]->entries[k].key)))
                said_set(t->arena, keys, arena_str(t->arena, all[i]->entries[k].key),
                    said_new(t->arena, SAID_NOTHING, NULL));
}

/* Within for_each itself a key is itself. */
static struct str without_each(struct terraform *t, struct str code, struct str key)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < code.n; i++) {
        if (code.p[i] != '\001') {
            buf_add_char(&out, code.p[i]);
            continue;
        }
        int64_t index = 0;
        size_t end = (size_t)str_find_char(code, '\002', i);
        str_to_int(str_slice(code, i + 1, end), &index);
        const struct draft_reference *r = t->draft->references[index];
        struct str own = said_as_code(t->arena, said_string(t->arena, key, NULL));
        buf_add_str(&out, str_eqz(r->key, "each.key")
                              ? draft_reference(t->draft, r->owner, r->target, r->attr, own, NULL)
                              : str_slice(code, i, end + 1));
        i = end;
    }
    return arena_str(t->arena, buf_str(&out));
}

static void resolve_each(struct terraform *t, struct said *s, struct str key)
{
    if (s->code.n)
        s->code = without_each(t, s->code, key);
    for (size_t i = 0; i < s->n; i++)
        resolve_each(t, s->kind == SAID_MAP ? s->entries[i].value : s->items[i], key);
}

/* [a, b], or {a: {what differs}, …}. */
static struct said *collection(
    struct terraform *t, const struct group *group, struct said **all UNUSED, const struct said *differ)
{
    struct said *out = said_new(t->arena, differ->n ? SAID_MAP : SAID_LIST, NULL);
    for (size_t i = 0; i < group->n; i++) {
        struct str key = group->instances[i]->key;
        if (!differ->n) {
            said_add(t->arena, out, said_string(t->arena, key, NULL));
            continue;
        }
        struct said *own = said_new(t->arena, SAID_MAP, NULL);
        for (size_t k = 0; k < differ->n; k++) {
            struct said *s =
                said_get(group->instances[i]->attrs, arena_strz(t->arena, differ->entries[k].key));
            if (s)
                resolve_each(t, s, key);
            said_set(t->arena, own, differ->entries[k].key, s ? s : said_new(t->arena, SAID_NOTHING, NULL));
        }
        said_set(t->arena, out, key, own);
    }
    return out;
}

static void hide(struct terraform *t, const struct group *group, struct said *attrs)
{
    for (size_t i = 0; i < attrs->n; i++)
        attrs->entries[i].value = fit_hide(t->draft, attrs->entries[i].value, group->resource->name,
            attrs->entries[i].key, schema_attr(group->schema, attrs->entries[i].key));
}

void terraform_each(struct terraform *t, struct group *group)
{
    struct said *out = group->resource->attrs, *keys = said_new(t->arena, SAID_MAP, NULL),
                *differ = said_new(t->arena, SAID_MAP, NULL);
    if (!group->folded) {
        hide(t, group, group->instances[0]->attrs);
        group->resource->attrs = group->instances[0]->attrs;
        return;
    }
    struct said **all = ARENA_ARRAY(t->arena, struct said *, group->n);
    for (size_t i = 0; i < group->n; i++) {
        hide(t, group, group->instances[i]->attrs);
        all[i] = with_each(t->arena, group->instances[i]->attrs, group->instances[i]->key);
    }
    add_keys(t, group, all, keys);
    said_set(t->arena, out, STR("for_each"), said_new(t->arena, SAID_LIST, NULL));
    for (size_t k = 0; k < keys->n; k++) {
        struct said *same = differing(t, group, all, keys->entries[k].key);
        if (!same)
            said_set(t->arena, differ, keys->entries[k].key, said_new(t->arena, SAID_NOTHING, NULL));
        said_set(t->arena, out, keys->entries[k].key,
            same ? same : said_code(t->arena, NULL, "each.value.%s", keys->entries[k].key.p));
    }
    out->entries[0].value = collection(t, group, all, differ);
}
