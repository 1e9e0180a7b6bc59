/* Schemas: see schema.h. */
#include "provider/schema.h"

#include "base/match.h"

#include <assert.h>

const struct attr *attr_find(const struct attr *attrs, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(attrs[i].name, name))
            return &attrs[i];
    return NULL;
}

const struct attr *schema_attr(const struct schema *schema, struct str name)
{
    return attr_find(schema->attrs, schema->attr_count, name);
}

const struct value *schema_value(const struct schema *schema, const struct value *object, struct str name)
{
    const struct value *v = value_get(object, name);
    const struct attr *attr = value_is_null(v) ? schema_attr(schema, name) : NULL;
    v = attr ? attr->default_value : v;
    return value_is_null(v) ? NULL : v;
}

const struct attr *type_field(const struct type *type, struct str name)
{
    return attr_find(type->fields, type->field_count, name);
}

static bool secret_beyond(const struct type *type, const struct value *v)
{
    if (!value_is_sensitive(v) || !type || (v->marks & VALUE_SENSITIVE))
        return value_is_sensitive(v);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct attr *field = v->kind == VALUE_MAP ? type_field(type, v->entries[i].key) : NULL;
        const struct value *item = v->kind == VALUE_MAP ? v->entries[i].value : v->items[i];
        if (field ? !field->sensitive && !field->write_only && secret_beyond(field->type, item)
                  : secret_beyond(type->elem, item))
            return true;
    }
    return false;
}

bool attr_secret_beyond(const struct attr *attr, const struct value *v)
{
    return secret_beyond(attr ? attr->type : NULL, v);
}

static const struct value *mark_fields(struct arena *arena, const struct type *type, const struct value *v)
{
    bool list = v->kind == VALUE_LIST;
    const struct value *out = v;
    for (uint32_t i = 0;
         type && !(v->marks & VALUE_SENSITIVE) && (list || v->kind == VALUE_MAP) && i < v->count; i++) {
        const struct value *item = list ? v->items[i] : v->entries[i].value, *marked;
        const struct attr *field = list ? NULL : type_field(type, v->entries[i].key);
        const struct type *inner = field ? field->type : type->elem;
        marked = field && field->sensitive ? value_mark(arena, item, VALUE_SENSITIVE)
                 : inner                   ? mark_fields(arena, inner, item)
                                           : item;
        if (marked == item)
            continue;
        if (!list) {
            out = value_with(arena, out, v->entries[i].key, marked);
            continue;
        }
        const struct value **items = ARENA_ARRAY(arena, const struct value *, out->count);
        memcpy(items, out->items, out->count * sizeof *items);
        items[i] = marked;
        out = value_list(arena, items, out->count);
    }
    return out;
}

const struct value *attr_mark_secrets(struct arena *arena, const struct attr *attr, const struct value *v)
{
    return attr->sensitive ? value_mark(arena, v, VALUE_SENSITIVE) : mark_fields(arena, attr->type, v);
}

struct str type_name(struct arena *arena, const struct type *type)
{
    switch (type->kind) {
    case TYPE_ANY: return STR("any");
    case TYPE_STRING: return STR("string");
    case TYPE_INT: return STR("integer");
    case TYPE_FLOAT: return STR("number");
    case TYPE_BOOL: return STR("boolean");
    case TYPE_TIMESTAMP: return STR("timestamp");
    case TYPE_BLOB: return STR("blob");
    case TYPE_JSON: return STR("json");
    case TYPE_POLICY: return STR("policy");
    case TYPE_TAGS: return STR("tags");
    case TYPE_OBJECT: return STR("object");
    case TYPE_LIST: return arena_printf(arena, "list(%s)", type_name(arena, type->elem).p);
    case TYPE_SET: return arena_printf(arena, "set(%s)", type_name(arena, type->elem).p);
    case TYPE_MAP: return arena_printf(arena, "map(%s)", type_name(arena, type->elem).p);
    }
    assert(false);
    return STR_EMPTY;
}

/* ---- patterns ---- */

static const struct regex_code *compile_pattern(struct arena *arena, struct str pattern, struct err *err)
{
    struct str why;
    const struct regex_code *regex = regex_compile(arena, pattern, true, &why);
    if (!regex)
        err_set(err, ERR_INVALID, "pattern \"%.*s\": %.*s", STR_ARG(pattern), STR_ARG(why));
    return regex;
}

int attr_compile_pattern(struct arena *arena, struct attr *attr, struct err *err)
{
    if (attr->pattern.n)
        attr->pattern_code = compile_pattern(arena, attr->pattern, err);
    return attr->pattern.n && !attr->pattern_code ? -1 : 0;
}

bool attr_matches_pattern(struct arena *arena, const struct attr *attr, struct str text)
{
    const struct regex_code *regex = attr->pattern_code;
    if (!regex)
        regex = compile_pattern(arena, attr->pattern, NULL);
    /* Whoever built the attribute did not check it: then it excludes nothing. */
    return !regex || regex_matches(regex, text);
}

/* ---- The types that settings have ---- */

const struct type setting_text = {.kind = TYPE_STRING}, setting_flag = {.kind = TYPE_BOOL},
                  setting_number = {.kind = TYPE_INT}, setting_any = {.kind = TYPE_ANY},
                  setting_texts = {.kind = TYPE_MAP, .elem = &setting_text};
