/* Which fields within attributes the file configures: see diff.h. */
#include "plan/objects/diff.h"

static bool is_list(const struct type *type, const struct value *v)
{
    return (type->kind == TYPE_LIST || type->kind == TYPE_SET) && v && v->kind == VALUE_LIST;
}

static bool is_map(const struct type *type, const struct value *v)
{
    return (type->kind == TYPE_OBJECT || type->kind == TYPE_MAP) && v && v->kind == VALUE_MAP &&
           !state_is_hash(v);
}

/* Documents of which only the configured keys are compared, at every depth. */
static bool is_document(const struct attr *attr, const struct value *v)
{
    return attr->compare == COMPARE_CONFIGURED && v && v->kind == VALUE_MAP;
}

/* The recorded value, with the values of `there` in place of hashes. */
static const struct value *as_there(
    struct arena *arena, const struct value *recorded, const struct value *there)
{
    const struct value *out = recorded;
    if (state_is_hash(recorded))
        return there;
    for (uint32_t i = 0; recorded->kind == VALUE_MAP && i < recorded->count; i++) {
        struct str key = recorded->entries[i].key;
        const struct value *is = recorded->entries[i].value,
                           *v = value_get(there, key) ? as_there(arena, is, value_get(there, key)) : is;
        if (v != is)
            out = value_with(arena, out, key, v);
    }
    return out;
}

/* Index of the recorded item of a set that equals `item`. Starts at `place`, since both are mostly in the
 * same order. */
static int64_t find_same(struct arena *arena, const struct type *elem, const struct value *item,
    const struct value *recorded, uint32_t place)
{
    const struct attr attr = {.type = elem};
    for (uint32_t n = 0; n < recorded->count; n++) {
        uint32_t i = (place + n) % recorded->count;
        const struct value *was = as_there(arena, recorded->items[i], item);
        if (attr_equal(&attr, item, was) && attr_equal(&attr, was, item))
            return i;
    }
    return -1;
}

/* ---- for the record ---- */

static const struct value *names_of(
    struct arena *arena, const struct attr *attr, const struct value *given, const struct value *there);

/* In the order of the recorded items. */
static const struct value *names_of_set(
    struct arena *arena, const struct type *type, const struct value *given, const struct value *there)
{
    const struct attr elem = {.type = type->elem};
    const int64_t *at = attr_items_paired(arena, &elem, given, there);
    const struct value **names = ARENA_ARRAY(arena, const struct value *, there->count + 1);
    for (uint32_t i = 0; i < there->count; i++)
        names[i] = &value_null;
    for (uint32_t i = 0; i < given->count; i++)
        if (at[i] >= 0)
            names[at[i]] = names_of(arena, &elem, given->items[i], there->items[at[i]]);
    return value_list(arena, names, there->count);
}

static const struct value *names_of_list(
    struct arena *arena, const struct type *type, const struct value *given, const struct value *there)
{
    const struct attr elem = {.type = type->elem};
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    bool same = is_list(type, there);
    if (type->kind == TYPE_SET && same)
        return names_of_set(arena, type, given, there);
    for (uint32_t i = 0; i < given->count; i++)
        value_builder_add(&names,
            names_of(arena, &elem, given->items[i], same && i < there->count ? there->items[i] : NULL));
    return value_builder_list(&names);
}

static const struct value *names_of(
    struct arena *arena, const struct attr *attr, const struct value *given, const struct value *there)
{
    const struct type *type = attr->type;
    struct attr elem, any = {.type = type, .compare = COMPARE_CONFIGURED};
    bool document = is_document(attr, given), secret = given->marks & VALUE_SENSITIVE;
    if (type_has_fields(type) && is_list(type, given))
        return names_of_list(arena, type, given, there);
    if (!document && (!type_has_fields(type) || !is_map(type, given) || (secret && type->kind == TYPE_MAP)))
        return &value_true;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < given->count; i++) {
        struct str key = given->entries[i].key;
        const struct value *item = given->entries[i].value;
        const struct attr *field = document ? &any : type_entry(type, key, &elem);
        if (item->kind != VALUE_NULL)
            value_builder_set(
                &names, key, field ? names_of(arena, field, item, value_get(there, key)) : &value_true);
    }
    return value_builder_map(&names);
}

static bool has_names(const struct attr *attr)
{
    return type_has_fields(attr->type) || attr->compare == COMPARE_CONFIGURED;
}

/* Adds nothing if all recorded fields were configured. */
static void add_names(
    struct value_builder *out, const struct attr *attr, const struct value *given, const struct value *there)
{
    const struct value *names = names_of(out->arena, attr, given, there);
    if (!there || !value_equal(names, names_of(out->arena, attr, there, there)))
        value_builder_set(out, attr->name, names);
}

const struct value *configured_fields(
    struct arena *arena, const struct schema *schema, const struct value *given, const struct value *whole)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    bool any = false;
    for (uint32_t i = 0; given && i < given->count; i++) {
        const struct attr *attr = schema_attr(schema, given->entries[i].key);
        if (!attr || !has_names(attr))
            continue;
        any = true;
        add_names(&out, attr, given->entries[i].value, value_get(whole, attr->name));
    }
    return any ? value_builder_map(&out) : NULL;
}

/* ---- configured values from the record ---- */

/* The configured part of a recorded value. */
static const struct value *given_then(
    struct arena *arena, const struct value *names, const struct value *recorded)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    if (names && names->kind == VALUE_NULL) /* an item without configured counterpart */
        return recorded->kind == VALUE_MAP ? &value_empty_map : recorded;
    if (!names || names->kind == VALUE_BOOL || recorded->kind != names->kind)
        return recorded;
    for (uint32_t i = 0; names->kind == VALUE_LIST && i < recorded->count && i < names->count; i++)
        value_builder_add(&out, given_then(arena, names->items[i], recorded->items[i]));
    for (uint32_t i = 0; names->kind == VALUE_MAP && i < names->count; i++) {
        const struct value *v = value_get(recorded, names->entries[i].key);
        if (v)
            value_builder_set(&out, names->entries[i].key, given_then(arena, names->entries[i].value, v));
    }
    return names->kind == VALUE_LIST ? value_builder_list(&out) : value_builder_map(&out);
}

const struct value *configured_after_update(
    struct arena *arena, const struct schema *schema, const struct record *before, const struct value *whole)
{
    AUTO_BUILDER struct value_builder given = VALUE_BUILDER(arena);
    const struct value *set = before && before->configured ? before->set : NULL;
    for (uint32_t i = 0; set && i < set->count; i++) {
        struct str name = set->items[i]->string;
        const struct value *was = value_get(before->attrs, name);
        if (was)
            value_builder_set(&given, name, given_then(arena, value_get(before->configured, name), was));
    }
    return before && before->configured ? configured_fields(arena, schema, value_builder_map(&given), whole)
                                        : NULL;
}

/* ---- removed fields ---- */

/* The same part of the configured names and of the recorded, desired and live values. */
struct counterparts {
    struct arena *arena;
    const struct value *names, *recorded, *wanted, *live;
};

static const struct value *taken_within(struct counterparts s, const struct attr *attr);

/* True if a live value of the field has to be removed. */
static bool is_to_take(const struct counterparts *s, const struct attr *field, struct str key)
{
    const struct value *live = value_get(s->live, key);
    if (field && field->write_only)
        return !value_is_null(value_get(s->recorded, key));
    if (value_is_null(live) || !field)
        return !value_is_null(live);
    return !attr_is_chosen(field) && !attr_equal(field, field->default_value, live);
}

/* For a removed field: null, or if the service has fields of its own in it, null for the configured ones
 * only. */
static const struct value *taken_whole(struct counterparts s, const struct attr *field, uint32_t name)
{
    const struct value *names = s.names->entries[name].value;
    struct str key = s.names->entries[name].key;
    if (!field || !field->computed || names->kind != VALUE_MAP)
        return &value_null;
    return taken_within((struct counterparts){s.arena, names, value_get(s.recorded, key), &value_empty_map,
                            value_get(s.live, key)},
        field);
}

static const struct value *taken_in_map(struct counterparts s, const struct attr *attr)
{
    const struct type *type = attr->type;
    struct attr elem, any = {.type = type, .compare = COMPARE_CONFIGURED};
    bool document = is_document(attr, s.wanted);
    const struct value *out = s.wanted;
    for (uint32_t i = 0; i < s.names->count; i++) {
        struct str key = s.names->entries[i].key;
        const struct value *wanted = value_get(s.wanted, key);
        const struct attr *field = document ? &any : type_entry(type, key, &elem);
        if (value_is_null(wanted)) {
            /* In maps and lists every value that is not desired is a difference anyway. */
            if ((document || type->kind == TYPE_OBJECT) && is_to_take(&s, document ? NULL : field, key))
                out = value_with(s.arena, out, key, taken_whole(s, document ? NULL : field, i));
            continue;
        }
        const struct value *less =
            !field ? wanted
                   : taken_within((struct counterparts){s.arena, s.names->entries[i].value,
                                      value_get(s.recorded, key), wanted, value_get(s.live, key)},
                         field);
        if (less != wanted)
            out = value_with(s.arena, out, key, less);
    }
    return out;
}

static const struct value *taken_in_list(struct counterparts s, const struct attr *attr)
{
    const struct attr elem = {.type = attr->type->elem};
    bool set = attr->type->kind == TYPE_SET, any = false;
    const int64_t *pairs = set ? attr_items_paired(s.arena, &elem, s.wanted, s.live) : NULL;
    const struct value **items = ARENA_ARRAY(s.arena, const struct value *, s.wanted->count + 1);
    for (uint32_t i = 0; i < s.wanted->count; i++) {
        int64_t live = set ? pairs[i] : i;
        int64_t then = set && live >= 0
                           ? find_same(s.arena, elem.type, s.live->items[live], s.recorded, (uint32_t)live)
                           : live;
        items[i] = s.wanted->items[i];
        if (live < 0 || then < 0 || then >= s.names->count)
            continue;
        items[i] = taken_within((struct counterparts){s.arena, s.names->items[then], s.recorded->items[then],
                                    s.wanted->items[i], s.live->items[live]},
            &elem);
        any |= items[i] != s.wanted->items[i];
    }
    return any ? value_list(s.arena, items, s.wanted->count) : s.wanted;
}

/* If live has another kind of value than configured, all of it is a difference. */
static const struct value *taken_within(struct counterparts s, const struct attr *attr)
{
    const struct value *out = s.wanted;
    if (!s.names || !s.recorded || !s.wanted || !s.live || s.names->kind != s.wanted->kind ||
        s.live->kind != s.wanted->kind || s.recorded->kind != s.wanted->kind)
        return s.wanted;
    if (is_list(attr->type, s.wanted) && s.wanted->count == s.live->count &&
        s.names->count == s.recorded->count)
        out = taken_in_list(s, attr);
    else if (is_map(attr->type, s.wanted) || is_document(attr, s.wanted))
        out = taken_in_map(s, attr);
    return out == s.wanted ? out : value_mark(s.arena, out, s.wanted->marks & VALUE_SENSITIVE);
}

const struct value *configured_with_removals(struct arena *arena, const struct record *record,
    const struct attr *attr, const struct value *wanted, const struct value *live)
{
    if (!record || !record->configured || !live || !has_names(attr) ||
        !value_list_has(record->set, attr->name))
        return wanted;
    const struct value *names = value_get(record->configured, attr->name),
                       *recorded = value_get(record->attrs, attr->name);
    if (!recorded || state_is_hash(recorded))
        return wanted;
    if (!names)
        names = names_of(arena, attr, recorded, recorded);
    return taken_within((struct counterparts){arena, names, recorded, wanted, live}, attr);
}

/* ---- removed fields that are still live ---- */

struct keeping {
    struct arena *arena;
    configured_kept *kept;
    void *ctx;
};

static void look_for_kept(const struct keeping *k, const struct type *type, struct str path,
    const struct value *wanted, const struct value *before, const struct value *live)
{
    struct attr elem;
    if (!wanted || !before || !live || before->kind != wanted->kind || live->kind != wanted->kind)
        return;
    bool alike = wanted->kind == VALUE_LIST && type->elem && type->kind == TYPE_LIST &&
                 wanted->count == before->count && wanted->count == live->count;
    for (uint32_t i = 0; alike && i < wanted->count; i++)
        look_for_kept(k, type->elem, arena_printf(k->arena, "%.*s[%u]", STR_ARG(path), i), wanted->items[i],
            before->items[i], live->items[i]);
    for (uint32_t i = 0; is_map(type, wanted) && i < wanted->count; i++) {
        struct str key = wanted->entries[i].key,
                   below = arena_printf(k->arena, "%.*s.%.*s", STR_ARG(path), STR_ARG(key));
        const struct value *was = value_get(before, key), *is = value_get(live, key);
        const struct attr *field = type_entry(type, key, &elem);
        if (wanted->entries[i].value->kind != VALUE_NULL && field)
            look_for_kept(k, field->type, below, wanted->entries[i].value, was, is);
        else if (wanted->entries[i].value->kind == VALUE_NULL && !value_is_null(is) && value_equal(was, is))
            k->kept(k->ctx, below, is);
    }
}

void configured_each_unremoved(struct arena *arena, const struct attr_change *change,
    const struct value *live, configured_kept *kept, void *ctx)
{
    const struct keeping k = {arena, kept, ctx};
    const struct value *is = value_get(live, change->name);
    if (change->after)
        look_for_kept(&k, change->attr->type, change->name, change->after, change->before, is);
    else if (!value_is_null(is) && value_equal(change->before, is))
        kept(ctx, change->name, is);
}
