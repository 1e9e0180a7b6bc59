/*
 * Paths in generic documents: "Role.Arn", "Reservations[].Instances[]".
 */
#include "provider/wire/internal.h"

/* A key, also where XML has a map as <entry><key/><value/></entry>. */
static const struct value *lookup(const struct value *doc, struct str name)
{
    const struct value *found = value_get(doc, name);
    if (found || !doc || doc->kind != VALUE_MAP || doc->count != 1)
        return found;
    const struct value *entries = value_getz(doc, "entry");
    if (!entries)
        return NULL;
    bool list = entries->kind == VALUE_LIST;
    for (uint32_t i = 0; i < (list ? entries->count : 1); i++) {
        const struct value *entry = list ? entries->items[i] : entries;
        if (str_eq(value_text(value_getz(entry, "key"), STR_EMPTY), name))
            return value_getz(entry, "value");
    }
    return NULL;
}

static const struct value *unwrap(const struct value *v)
{
    if (v->kind != VALUE_MAP || v->count != 1)
        return v;
    struct str key = v->entries[0].key;
    return str_eq(key, STR("member")) || str_eq(key, STR("item")) ? v->entries[0].value : v;
}

static bool is_blank(const struct value *v)
{
    return v->kind == VALUE_STRING && str_trim(v->string).n == 0;
}

static void collect(
    struct arena *arena, const struct value *doc, struct str path, struct value_builder *items);

/* Every item of v, each followed along `rest`. */
static void collect_items(
    struct arena *arena, const struct value *v, struct str rest, struct value_builder *items)
{
    const struct value *inner = unwrap(v);
    if (inner == v && is_blank(v))
        return;
    if (inner->kind != VALUE_LIST) {
        collect(arena, inner, rest, items);
        return;
    }
    for (uint32_t i = 0; i < inner->count; i++)
        collect(arena, inner->items[i], rest, items);
}

/* One step of the path: its name, whether it flattens, and what follows. */
static struct str step(struct str path, bool *flatten, struct str *rest)
{
    struct str name = str_cut(path, '.', rest);
    *flatten = str_ends(name, STR("[]"));
    return *flatten ? str_slice(name, 0, name.n - 2) : name;
}

static const struct value *descend(const struct value *doc, struct str name)
{
    return !name.n || str_eq(name, STR("@")) ? doc : lookup(doc, name);
}

static void collect(
    struct arena *arena, const struct value *doc, struct str path, struct value_builder *items)
{
    while (path.n) {
        bool flatten;
        struct str rest, name = step(path, &flatten, &rest);
        doc = descend(doc, name);
        if (value_is_null(doc))
            return;
        if (flatten) {
            collect_items(arena, doc, rest, items);
            return;
        }
        path = rest;
    }
    if (!value_is_null(doc))
        value_builder_add(items, doc);
}

const struct value *wire_path(struct arena *arena, const struct value *document, struct str path)
{
    const struct value *doc = document;
    while (path.n) {
        bool flatten;
        struct str rest, name = step(path, &flatten, &rest);
        doc = descend(doc, name);
        if (value_is_null(doc))
            return NULL;
        if (flatten) {
            AUTO_BUILDER struct value_builder items = VALUE_BUILDER(arena);
            collect_items(arena, doc, rest, &items);
            return value_builder_list(&items);
        }
        path = rest;
    }
    return value_is_null(doc) ? NULL : doc;
}
