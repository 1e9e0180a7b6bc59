/*
 * Evaluates paths of specs in generic documents: "Role.Arn", "Reservations[].Instances[]",
 * "Versions[IsDefault=true].Id"; and checks the pagination of a listing.
 */
#include "base/json.h"
#include "provider/wire/internal.h"

/* Looks up a key, also in an XML map: <entry><key/><value/></entry>. */
static const struct value *path_lookup(const struct value *doc, struct str name)
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
        if (str_eq(value_gets(entry, "key"), name))
            return value_getz(entry, "value");
    }
    return NULL;
}

/* "Domain|CustomDomain[]": returns those of these members that exist, as a list. "@": the value itself if it
 * is not a map. */
static const struct value *path_members(struct arena *arena, const struct value *doc, struct str names)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    while (names.n) {
        struct str name = str_cut(names, '|', &names);
        bool itself = str_eqz(name, "@");
        const struct value *v = itself ? doc : path_lookup(doc, name);
        if (!value_is_null(v) && !(itself && v->kind == VALUE_MAP))
            value_builder_add(&b, v);
    }
    return value_builder_list(&b);
}

static const struct value *path_unwrap(const struct value *v)
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

struct wire_segment wire_path_cut(struct str *path)
{
    size_t end = 0;
    bool inside = false;
    for (; end < path->n && (inside || path->p[end] != '.'); end++)
        inside = inside ? path->p[end] != ']' : path->p[end] == '[';
    struct str text = str_slice(*path, 0, end);
    *path = str_slice(*path, end < path->n ? end + 1 : end, path->n);
    if (str_ends(text, STR("{}")))
        return (struct wire_segment){.name = str_slice(text, 0, text.n - 2), .items = WIRE_EVERY_VALUE};
    ptrdiff_t open = str_ends(text, STR("]")) ? str_find_char(text, '[', 0) : -1;
    if (open < 0)
        return (struct wire_segment){.name = text};
    struct wire_segment segment = {.name = str_slice(text, 0, (size_t)open), .items = WIRE_EVERY_ITEM};
    struct str selector = str_slice(text, (size_t)open + 1, text.n - 1);
    if (selector.n) {
        segment.items = WIRE_ITEM_THAT_HAS;
        segment.key = str_cut(selector, '=', &segment.value);
    }
    return segment;
}

static void path_collect(
    struct arena *arena, const struct value *doc, struct str path, struct value_builder *items);

/* Evaluates `rest` for every item of v. */
static void path_collect_items(
    struct arena *arena, const struct value *v, struct str rest, struct value_builder *items)
{
    const struct value *inner = path_unwrap(v);
    if (inner == v && is_blank(v))
        return;
    if (inner->kind != VALUE_LIST) {
        path_collect(arena, inner, rest, items);
        return;
    }
    for (uint32_t i = 0; i < inner->count; i++)
        path_collect(arena, inner->items[i], rest, items);
}

/* Evaluates `rest` for every value of a map; a value that is a map gets the enclosing one as `^`. */
static void path_collect_values(struct arena *arena, const struct value *around, const struct value *map,
    struct str rest, struct value_builder *items)
{
    for (uint32_t i = 0; map->kind == VALUE_MAP && i < map->count; i++) {
        const struct value *v = map->entries[i].value;
        if (!value_is_null(v) && v->kind == VALUE_MAP)
            v = value_with(arena, v, STR("^"), around);
        path_collect(arena, v, rest, items);
    }
}

/* Returns the first item of v that has the segment's value at its key; NULL if there is none. */
static const struct value *item_that_has(
    struct arena *arena, const struct value *v, const struct wire_segment *segment)
{
    v = path_unwrap(v);
    bool list = v->kind == VALUE_LIST;
    for (uint32_t i = 0; i < (list ? v->count : 1); i++) {
        const struct value *item = list ? v->items[i] : v;
        const struct value *has = wire_path(arena, item, segment->key);
        if (!value_is_null(has) && str_ieq(value_scalar_text(arena, has), segment->value))
            return item;
    }
    return NULL;
}

/* Evaluates one segment; returns NULL if there is nothing. The caller handles every item of a list. */
static const struct value *path_descend(
    struct arena *arena, const struct value *doc, const struct wire_segment *segment)
{
    bool here = !segment->name.n || str_eqz(segment->name, "@") || str_eqz(segment->name, ".");
    bool several = segment->items == WIRE_EVERY_ITEM && str_find_char(segment->name, '|', 0) >= 0;
    doc = here ? doc : several ? path_members(arena, doc, segment->name) : path_lookup(doc, segment->name);
    if (value_is_null(doc))
        return NULL;
    return segment->items == WIRE_ITEM_THAT_HAS ? item_that_has(arena, doc, segment) : doc;
}

static void path_collect(
    struct arena *arena, const struct value *doc, struct str path, struct value_builder *items)
{
    while (path.n) {
        struct wire_segment segment = wire_path_cut(&path);
        const struct value *around = doc;
        doc = path_descend(arena, doc, &segment);
        if (value_is_null(doc))
            return;
        if (segment.items == WIRE_EVERY_VALUE) {
            path_collect_values(arena, around, doc, path, items);
            return;
        }
        if (segment.items == WIRE_EVERY_ITEM) {
            path_collect_items(arena, doc, path, items);
            return;
        }
    }
    if (!value_is_null(doc))
        value_builder_add(items, doc);
}

const struct value *wire_path(struct arena *arena, const struct value *document, struct str path)
{
    const struct value *doc = document;
    while (path.n) {
        struct wire_segment segment = wire_path_cut(&path);
        const struct value *around = doc;
        doc = path_descend(arena, doc, &segment);
        if (value_is_null(doc))
            return NULL;
        AUTO_BUILDER struct value_builder items = VALUE_BUILDER(arena);
        if (segment.items == WIRE_EVERY_ITEM)
            path_collect_items(arena, doc, path, &items);
        else if (segment.items == WIRE_EVERY_VALUE)
            path_collect_values(arena, around, doc, path, &items);
        else
            continue;
        return value_builder_list(&items);
    }
    return value_is_null(doc) ? NULL : doc;
}

/* ---- The pagination of a listing ---- */

enum { PAGES_MAX = 1000 * 1000 };

void pages_release(struct pages *pages)
{
    map_release(&pages->seen);
    arena_release(&pages->arena);
}

int pages_next(struct pages *pages, struct str operation, struct str token, struct err *err)
{
    bool again = map_get(&pages->seen, token) != NULL;
    if (!again && pages->seen.n < PAGES_MAX) {
        map_set(&pages->seen, arena_str(&pages->arena, token), pages);
        return 0;
    }
    err_set(err, ERR_PROTOCOL, "%.*s %s", STR_ARG(operation),
        again ? "repeats the same page" : "gives more than a million pages");
    return err_hint(err, "without a complete listing it is unknown which resources no longer exist");
}

int pages_next_value(struct pages *pages, struct str operation, const struct value *token, struct err *err)
{
    if (token->kind == VALUE_STRING)
        return pages_next(pages, operation, token->string, err);
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, token, JSON_PLAIN);
    return pages_next(pages, operation, buf_str(&text), err);
}
