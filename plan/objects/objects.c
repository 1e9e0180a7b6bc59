/*
 * Objects under a schema: which values are configured, secret, unknown or kept in the state, and their
 * identity.
 */
#include "plan/objects/objects.h"

#include "base/json.h"
#include "base/mask.h"

#include <ctype.h>

/* ---- identity ---- */

/* NULL: unknown. An attribute that is neither configured nor computed counts as null. */
static const struct value *unique_value(
    const struct attr *attr, const struct value *object, const struct value *set)
{
    bool counts = !set || attr->computed || value_list_has(set, attr->name);
    const struct value *v = counts ? value_get(object, attr->name) : NULL;
    if (value_is_null(v))
        v = attr->default_value;
    if (value_is_null(v))
        return attr->computed ? NULL : &value_null;
    return value_is_known(v) && !object_holds_hash(v) ? v : NULL;
}

static void add_text(struct buf *text, const struct value *v)
{
    if (value_is_null(v))
        return;
    buf_addz(text, text->n ? "/" : "");
    if (value_is_sensitive(v))
        buf_addz(text, "(sensitive)");
    else if (v->kind == VALUE_STRING)
        buf_add_str(text, v->string);
    else
        json_write(text, v, JSON_PLAIN);
}

static void add_key(struct buf *key, const struct attr *attr, const struct value *v)
{
    size_t at = key->n;
    json_write(key, v, JSON_PLAIN);
    for (size_t i = at; attr->compare == COMPARE_NOCASE && i < key->n; i++)
        key->p[i] = (char)tolower((unsigned char)key->p[i]);
    buf_add_char(key, ' ');
}

bool identities_unique(const struct schema *schema, const struct value *object, const struct value *set,
    struct buf *key, struct buf *text)
{
    bool any = false;
    buf_addf(key, "%.*s = ", STR_ARG(schema->name));
    for (size_t i = 0; i < schema->unique_count; i++) {
        const struct attr *attr = schema_attr(schema, schema->unique[i]);
        const struct value *v = unique_value(attr, object, set);
        if (!v)
            return false;
        any = any || !value_is_null(v);
        add_key(key, attr, v);
        add_text(text, v);
    }
    return any;
}

struct str identities_found(struct arena *arena, const struct schema *schema, struct str id)
{
    return arena_printf(arena, "%.*s # %.*s", STR_ARG(schema->name), STR_ARG(id));
}

struct str identities_by_id(struct arena *arena, const struct schema *schema, struct str id)
{
    const struct attr *attr = schema_attr(schema, schema->id);
    bool tells = attr && !(attr->settable && schema->unique_count) && !schema->alike;
    return tells && id.n ? identities_found(arena, schema, id) : STR_EMPTY;
}

bool identities_have_secret(const struct schema *schema, const struct value *object)
{
    bool secret = false;
    for (size_t i = 0; i < schema->unique_count; i++)
        secret |= value_is_sensitive(value_get(object, schema->unique[i]));
    return secret;
}

struct identities identities_of(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *set)
{
    struct identities identity = {0};
    AUTO_BUF struct buf key = BUF_INIT, text = BUF_INIT;
    if (!object || !schema->ops->read) /* it exists in the state only */
        return identity;
    identity.secret = identities_have_secret(schema, object);
    if (identities_unique(schema, object, set, &key, &text))
        identity.keys[identity.n++] = arena_str(arena, buf_str(&key));
    const struct value *id = value_get(object, schema->id);
    struct str by_id =
        value_is_known(id) ? identities_by_id(arena, schema, value_text(id, STR_EMPTY)) : STR_EMPTY;
    if (by_id.n) {
        identity.keys[identity.n++] = by_id;
        buf_clear(&text);
        add_text(&text, id);
    }
    identity.text = arena_str(arena, buf_str(&text));
    return identity;
}

bool address_matches(struct str address, const struct str *list, size_t n)
{
    struct str declared = address_declared(address);
    for (size_t i = 0; i < n; i++) {
        if (str_eq(address, list[i]) || str_eq(declared, list[i]))
            return true;
        if (address.n > list[i].n && str_starts(address, list[i]) &&
            (address.p[list[i].n] == '/' || address.p[list[i].n] == '['))
            return true; /* a module, or all of its instances */
    }
    return false;
}

const struct value *object_set(struct arena *arena, const struct schema *schema, const struct value *desired)
{
    struct value_builder names = VALUE_BUILDER(arena);
    for (uint32_t i = 0; desired && i < desired->count; i++) {
        const struct attr *attr = schema_attr(schema, desired->entries[i].key);
        if (attr && (attr->settable || attr->prepared))
            value_builder_add(&names, value_string_ref(arena, attr->name));
    }
    return value_builder_list(&names);
}

const struct value *object_mark(
    struct arena *arena, const struct schema *schema, const struct value *object, const struct value *known)
{
    const struct value *marked = object;
    for (uint32_t i = 0; object && i < object->count; i++) {
        struct str name = object->entries[i].key;
        const struct attr *attr = schema_attr(schema, name);
        const struct value *v = object->entries[i].value,
                           *reported = attr ? attr_mark_secrets(arena, attr, v) : v;
        const struct value *as_known = value_get(known, name);
        bool hashed = attr && attr->write_only && state_is_hash(as_known);
        bool known_secret = !hashed && attr_secret_beyond(attr, as_known);
        if (known_secret)
            reported = value_mark(arena, reported, VALUE_SENSITIVE);
        if (reported != v)
            marked = value_with(arena, marked, name, reported);
        if (known_secret && !(attr && attr->sensitive) && !state_is_hash(v))
            mask_add_value(v, MASK_LIKELY);
    }
    return marked;
}

void object_mask_secrets(const struct schema *schema, const struct value *object)
{
    for (uint32_t i = 0; value_is_sensitive(object) && object->kind == VALUE_MAP && i < object->count; i++) {
        const struct attr *attr = schema_attr(schema, object->entries[i].key);
        const struct value *v = object->entries[i].value;
        if (attr && !attr->sensitive && !attr->write_only && !state_is_hash(v))
            mask_add_marked(v, MASK_LIKELY);
    }
}

const struct value *object_with_weir_only(
    struct arena *arena, const struct schema *schema, const struct value *prior, const struct value *desired)
{
    for (size_t i = 0; desired && i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct value *v = value_get(desired, attr->name);
        if (attr->weir_only && value_is_known(v) && !value_is_null(v))
            prior = value_with(arena, prior, attr->name, v);
        else if (attr->weir_only && !v)
            prior = value_with(arena, prior, attr->name, NULL);
    }
    return prior;
}

bool object_reports_secrets(const struct schema *schema, const struct value *object)
{
    for (uint32_t i = 0; value_is_sensitive(object) && object->kind == VALUE_MAP && i < object->count; i++) {
        const struct attr *attr = schema_attr(schema, object->entries[i].key);
        if (attr && !attr->write_only && value_is_sensitive(object->entries[i].value))
            return true;
    }
    return false;
}

const struct value *object_unknown(
    struct arena *arena, const struct schema *schema, const struct value *object)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].computed)
            value_builder_set(&b, schema->attrs[i].name, &value_unknown);
    for (uint32_t i = 0; object && i < object->count; i++)
        value_builder_set(&b, object->entries[i].key, object->entries[i].value);
    return value_builder_map(&b);
}

bool object_holds_hash(const struct value *v)
{
    if (!value_is_sensitive(v) || (v->kind != VALUE_LIST && v->kind != VALUE_MAP))
        return false;
    if (state_is_hash(v))
        return true;
    for (uint32_t i = 0; i < v->count; i++)
        if (object_holds_hash(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value))
            return true;
    return false;
}

/* The configured value, marked if the schema says that it is secret. */
static const struct value *as_given(struct arena *arena, const struct attr *attr, const struct value *given)
{
    bool reported = attr && attr->sensitive && !(given->marks & VALUE_SENSITIVE);
    return reported ? value_mark(arena, given, VALUE_SENSITIVE) : given;
}

/* The value that replaces the live one of a configured attribute; NULL: the live value is right. */
static const struct value *completed_attr(struct arena *arena, const struct schema *schema, struct str name,
    const struct value *given, const struct value *live)
{
    const struct attr *attr = schema_attr(schema, name);
    const struct value *there = value_get(live, name);
    if (!attr || attr->local || attr->write_only || !there || object_holds_hash(there))
        return as_given(arena, attr, given);
    bool one_secret = attr_secret_beyond(attr, there);
    if (attr_secret_beyond(attr, given) && !one_secret)
        return value_mark(arena, there, VALUE_SENSITIVE);
    const struct value *whole = one_secret ? there : unreported_completed(arena, attr->type, given, there);
    if (whole != there)
        return whole;
    /* It was a secret, and is now configured in clear text. */
    bool open = value_is_sensitive(there) && !value_is_sensitive(given) && !attr->sensitive;
    return open && value_equal(given, there) ? given : NULL;
}

const struct value *object_whole(struct arena *arena, const struct schema *schema,
    const struct value *desired, const struct value *live, const struct value *recorded)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    live = object_mark(arena, schema, live, recorded);
    for (uint32_t i = 0; desired && i < desired->count; i++) {
        struct str name = desired->entries[i].key;
        const struct value *v = completed_attr(arena, schema, name, desired->entries[i].value, live);
        if (v)
            value_builder_set(&b, name, v);
    }
    if (!b.n)
        return live ? live : &value_empty_map;
    return value_merge(arena, live, value_builder_map(&b));
}

const struct value *object_for_state(
    struct arena *arena, const struct schema *schema, const struct value *whole)
{
    const struct value *kept = whole;
    for (uint32_t i = 0; i < whole->count; i++) {
        const struct attr *attr = schema_attr(schema, whole->entries[i].key);
        const struct value *v = whole->entries[i].value, *as = v;
        if (attr)
            as = attr->write_only ? state_hash_secret(arena, v) : unreported_hashed(arena, attr->type, v);
        if (as != v)
            kept = value_with(arena, kept, attr->name, as);
    }
    return kept;
}

const struct value *object_from_live(
    struct arena *arena, const struct schema *schema, const struct record *record, const struct value *live)
{
    const struct value *attrs = record->attrs;
    AUTO_BUILDER struct value_builder unreported = VALUE_BUILDER(arena);
    live = object_managed(arena, schema, live, attrs, record->set);
    live = object_mark(arena, schema, live, attrs);
    for (uint32_t i = 0; live && attrs && i < attrs->count; i++) {
        const struct attr *attr = schema_attr(schema, attrs->entries[i].key);
        if (attr && attr->computed && !attr->settable && !attr->prepared && !value_get(live, attr->name))
            value_builder_set(&unreported, attr->name, attrs->entries[i].value);
    }
    return unreported.n ? value_merge(arena, live, value_builder_map(&unreported)) : live;
}

bool object_is_another(const struct schema *schema, const struct value *desired, const struct value *live)
{
    for (uint32_t i = 0; desired && i < desired->count; i++) {
        const struct attr *attr = schema_attr(schema, desired->entries[i].key);
        const struct value *have = attr ? value_get(live, attr->name) : NULL;
        if (!attr || !attr->replace || attr->local || attr->write_only || value_is_null(have))
            continue;
        if (!value_is_known(desired->entries[i].value) || value_is_sensitive(desired->entries[i].value))
            continue;
        if (!attr_equal(attr, desired->entries[i].value, have))
            return true;
    }
    return false;
}

static const struct value *keys_in(struct arena *arena, const struct value *map, const struct value *known)
{
    AUTO_BUILDER struct value_builder ours = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++)
        if (known && known->kind == VALUE_MAP && value_get(known, map->entries[i].key))
            value_builder_set(&ours, map->entries[i].key, map->entries[i].value);
    return ours.n ? value_builder_map(&ours) : NULL;
}

const struct value *object_managed(struct arena *arena, const struct schema *schema, const struct value *live,
    const struct value *known, const struct value *names)
{
    for (size_t i = 0; live && i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct value *map = attr->shared ? value_get(live, attr->name) : NULL;
        if (!map || map->kind != VALUE_MAP)
            continue;
        bool named = value_list_has(names, attr->name);
        const struct value *ours = keys_in(arena, map, named ? value_get(known, attr->name) : NULL);
        live = value_with(arena, live, attr->name, ours);
    }
    return live;
}

/* A secret may be a hash in one of them. */
bool object_hides_same(const struct value *a, const struct value *b)
{
    bool list = a->kind == VALUE_LIST;
    if (a->kind == VALUE_NULL || a->marks & b->marks & VALUE_SENSITIVE)
        return true;
    if ((a->marks | b->marks) & VALUE_SENSITIVE)
        return false;
    if ((!list && a->kind != VALUE_MAP) || a->kind != b->kind || a->count != b->count)
        return true;
    for (uint32_t i = 0; i < a->count; i++)
        if (!object_hides_same(
                list ? a->items[i] : a->entries[i].value, list ? b->items[i] : b->entries[i].value))
            return false;
    return true;
}

bool object_hash_matches(const struct value *kept, const struct value *v)
{
    return value_is_sensitive(kept) && v && state_hash_matches(kept, v);
}
