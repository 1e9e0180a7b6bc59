/* A plan's resources as Terraform resources: see exported.h. */
#include "cmd/export/exported.h"

#include "base/json.h"

#include <ctype.h>

/* ---- types ---- */

/* Terraform's types for one of weir's types. */
struct export_kind {
    const struct names_type *const *types;
    size_t n;
};

static const struct export_kind *kind_of(struct export *export, const struct schema *schema)
{
    struct export_kind *kind = map_get(&export->kinds, schema->name);
    if (kind)
        return kind;
    kind = ARENA_NEW(export->arena, struct export_kind);
    kind->types = names_terraform_of(&export->names, schema, &kind->n);
    map_set(&export->kinds, schema->name, kind);
    return kind;
}

/* Returns how well a type fits an object: by its rules, and by attributes that imply it. Attributes that only
 * the service sets do not count, since they would change the type after an apply. */
static int fitness(const struct names_type *type, const struct value *object, const struct value *given)
{
    int points = 0;
    for (uint32_t i = 0; i < object->count; i++)
        for (size_t k = 0; k < type->n && (!given->count || value_list_has(given, object->entries[i].key));
             k++)
            if (str_eq(type->rules[k].to, object->entries[i].key)) {
                points++;
                break;
            }
    for (uint32_t i = 0; type->set && i < type->set->count; i++)
        points += value_equal(value_get(object, type->set->entries[i].key), type->set->entries[i].value)
                      ? 1000
                      : -1000;
    return points;
}

/* Returns the type that fits an object best, with all types of its parts. NULL: Terraform has none. */
static const struct reverse *reverse_for(struct export *export, const struct planned_object *planned)
{
    const struct schema *schema = planned->schema;
    const struct value *object = planned->after ? planned->after : planned->before;
    const struct export_kind *kind = schema ? kind_of(export, schema) : NULL;
    if (!kind || !kind->n || !object)
        return NULL;
    const struct names_type **types = ARENA_ARRAY(export->arena, const struct names_type *, kind->n + 1);
    struct reverse *reverse = ARENA_NEW(export->arena, struct reverse);
    int most = 0;
    *reverse = (struct reverse){.arena = export->arena, .schema = schema, .types = types, .n = 1};
    for (size_t i = 0; i < kind->n; i++) {
        int points = fitness(kind->types[i], object, planned->given);
        if (kind->types[i]->into_by.n) {
            types[reverse->n++] = kind->types[i];
        } else if (!types[0] || points > most) {
            types[0] = kind->types[i];
            most = points;
        }
    }
    return types[0] ? reverse : NULL;
}

/* ---- names ---- */

struct str export_name(struct arena *arena, struct str text)
{
    char *name = arena_strz(arena, text);
    size_t n = text.n;
    while (n && name[n - 1] == ']')
        n--;
    for (size_t i = 0; i < n; i++)
        name[i] = isalnum((unsigned char)name[i]) || name[i] == '-' ? name[i] : '_';
    name[n] = 0;
    bool letter = n && (isalpha((unsigned char)name[0]) || name[0] == '_');
    return letter ? str_n(name, n) : arena_printf(arena, "_%s", name);
}

/* Returns a name that is unique among the resources of the type. */
static struct str free_name(struct export *export, struct str type, struct str wanted, struct str whose)
{
    struct str name = export_name(export->arena, wanted);
    for (int i = 2;; i++) {
        struct str full = arena_printf(export->arena, "%.*s.%.*s", STR_ARG(type), STR_ARG(name));
        const struct str *taken = map_get(&export->taken, full);
        if (taken && str_eq(*taken, whose))
            return name;
        if (!taken) {
            struct str *mark = arena_boxed(export->arena, whose);
            map_set(&export->taken, full, mark);
            return name;
        }
        name = arena_printf(export->arena, "%.*s_%d", STR_ARG(export_name(export->arena, wanted)), i);
    }
}

static struct str address_of(struct arena *arena, const struct exported *one)
{
    if (!one->key.p)
        return arena_printf(arena, "%.*s.%.*s", STR_ARG(one->type), STR_ARG(one->name));
    AUTO_BUF struct buf key = BUF_INIT;
    json_write_string(&key, one->key);
    return arena_printf(
        arena, "%.*s.%.*s[%.*s]", STR_ARG(one->type), STR_ARG(one->name), STR_ARG(buf_str(&key)));
}

/* ---- resources ---- */

static struct exported *export_add(struct export *export, const struct planned_object *object,
    struct str type, struct str declared, struct str entry, struct str key)
{
    ARENA_GROW(export->arena, export->items, export->n, export->cap);
    struct exported *one = &export->items[export->n++];
    struct str wanted =
        entry.n ? arena_printf(export->arena, "%.*s_%.*s", STR_ARG(declared), STR_ARG(entry)) : declared;
    *one = (struct exported){.type = type, .key = key, .object = object};
    one->name = free_name(
        export, type, wanted, arena_printf(export->arena, "%.*s %.*s", STR_ARG(declared), STR_ARG(entry)));
    one->address = address_of(export->arena, one);
    return one;
}

static const struct reversed *same_of(const struct reversed *list, size_t n, const struct reversed *one)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].type == one->type && str_eq(list[i].entry, one->entry))
            return &list[i];
    return NULL;
}

/* Returns whether a part is neither configured nor changed, so that it is not exported. */
static bool is_unmanaged_part(
    const struct planned_object *object, const struct reversed *made, const struct reversed *old)
{
    bool stays = !old || value_equal(old->values, made->values);
    for (uint32_t i = 0; i < made->sources->count; i++) {
        const struct value *attrs = made->sources->entries[i].value;
        for (uint32_t k = 0; k < attrs->count; k++)
            if (value_list_has(object->given, value_text(attrs->items[k], STR_EMPTY)))
                return false;
    }
    return made->type->into_by.n && stays;
}

static void add_translated(struct export *export, const struct planned_object *object,
    const struct reverse *reverse, struct str declared, struct str key)
{
    size_t before_n = 0, after_n = 0;
    const struct reversed *before =
                              object->before ? reverse_object(reverse, object->before, &before_n) : NULL,
                          *after = object->after ? reverse_object(reverse, object->after, &after_n) : NULL;
    struct str owner = STR_EMPTY;
    for (size_t i = 0; i < after_n + before_n; i++) {
        const struct reversed *made = i < after_n ? &after[i] : &before[i - after_n],
                              *old = i < after_n ? same_of(before, before_n, made) : made;
        bool twice = i >= after_n && same_of(after, after_n, made);
        if (twice || (i < after_n && is_unmanaged_part(object, made, old)))
            continue;
        struct exported *one = export_add(export, object, made->type->other, declared, made->entry, key);
        one->translated = true;
        one->part = made->type->into_by.n;
        one->before = old ? old->values : NULL;
        one->after = i < after_n ? made->values : NULL;
        one->made = i < after_n ? made : NULL;
        one->owner = owner;
        if (!one->part)
            owner = arena_printf(export->arena, "%.*s.%.*s", STR_ARG(one->type), STR_ARG(one->name));
    }
}

static struct declared_export *declared_of(struct export *export, struct str declared)
{
    struct declared_export *of = map_get(&export->declared, declared);
    if (of)
        return of;
    of = ARENA_NEW(export->arena, struct declared_export);
    map_set(&export->declared, declared, of);
    return of;
}

static void add_object(struct export *export, const struct planned_object *object)
{
    const struct reverse *reverse = reverse_for(export, object);
    struct str declared = object->address, key = {NULL, 0};
    address_split(export->arena, object->address, &declared, &key);
    struct declared_export *of = declared_of(export, declared);
    if (export->separate && key.p) {
        declared = arena_printf(export->arena, "%.*s_%.*s", STR_ARG(declared), STR_ARG(key));
        key.p = NULL;
    }
    size_t first = export->n;
    if (reverse) {
        add_translated(export, object, reverse, declared, key);
    } else {
        struct exported *one = export_add(
            export, object, names_underscored(export->arena, object->type), declared, STR_EMPTY, key);
        one->before = object->before;
        one->after = object->after;
    }
    const struct exported *whole = &export->items[first];
    ARENA_GROW(export->arena, of->addresses, of->n, of->address_cap);
    of->addresses[of->n] =
        arena_printf(export->arena, "%.*s.%.*s", STR_ARG(whole->type), STR_ARG(whole->name));
    of->reverse = reverse;
    ARENA_GROW(export->arena, of->objects, of->n, of->cap);
    of->objects[of->n++] = object;
}

/* Finds the region of most resources; of several the one that comes first. */
static void find_region(struct export *export)
{
    AUTO_MAP struct map counts = MAP_INIT;
    size_t most = 0;
    for (size_t i = 0; i < export->n; i++) {
        struct str region = export->items[i].object->region;
        if (region.n && export->items[i].translated)
            map_set(&counts, region, (void *)((size_t)map_get(&counts, region) + 1));
    }
    for (size_t i = 0; i < counts.n; i++)
        if ((size_t)counts.items[i].ptr > most) {
            most = (size_t)counts.items[i].ptr;
            export->region = counts.items[i].key;
        }
}

void export_open(struct export *export, struct arena *arena, struct catalog *catalog,
    const struct planned_object *objects, size_t n, bool separate)
{
    *export = (struct export){.arena = arena, .separate = separate};
    names_open(&export->names, arena, catalog);
    for (size_t i = 0; i < n; i++)
        add_object(export, &objects[i]);
    find_region(export);
}

void export_release(struct export *export)
{
    names_release(&export->names);
    map_release(&export->declared);
    map_release(&export->taken);
    map_release(&export->kinds);
}

struct str export_provider(const struct export *export, const struct exported *one)
{
    struct str region = one->object->region;
    if (!one->translated)
        return STR("weir");
    return !region.n || str_eq(region, export->region)
               ? STR("aws")
               : arena_printf(export->arena, "aws.%.*s", STR_ARG(region));
}

const struct value *export_tag_keys(struct arena *arena, const struct value *ignored, bool prefixes)
{
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < ignored->count; i++) {
        struct str key = ignored->items[i]->string;
        if (str_ends(key, STR("*")) == prefixes)
            value_builder_add(&keys, value_string(arena, str_slice(key, 0, key.n - prefixes)));
    }
    return value_builder_list(&keys);
}
