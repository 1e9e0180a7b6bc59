/* JSON Schema of the types' attributes: see reference.h. */
#include "cmd/reference/reference.h"

#include "base/json.h"

/* The enclosing objects: a recursive type is not expanded again. */
struct around {
    const struct around *up;
    const struct type *type;
};

static bool lies_within(const struct around *around, const struct type *type)
{
    for (; around; around = around->up)
        if (around->type == type)
            return true;
    return false;
}

static void add_type(
    struct buf *out, const struct attr *attr, const struct type *type, bool top, const struct around *around);

static void add_key(struct buf *out, struct str name)
{
    json_write_string(out, name);
    buf_add_char(out, ':');
}

void json_schema_required(struct buf *out, const struct attr *attrs, size_t n)
{
    const char *separator = ",\"required\":[";
    for (size_t i = 0; i < n; i++)
        if (attrs[i].required) {
            buf_addz(out, separator);
            json_write_string(out, attrs[i].name);
            separator = ",";
        }
    if (separator[1] == 0)
        buf_add_char(out, ']');
}

static void properties_within(
    struct buf *out, const struct attr *attrs, size_t n, const char *separator, const struct around *around)
{
    for (size_t i = 0; i < n; i++) {
        if (!attrs[i].settable)
            continue;
        buf_addz(out, separator);
        separator = ",";
        add_key(out, attrs[i].name);
        add_type(out, &attrs[i], attrs[i].type, true, around);
    }
}

/*
 * Patterns with PCRE syntax that ECMAScript does not have are omitted: a missing check in an editor is better
 * than a wrong one.
 */
static bool is_portable_pattern(struct str pattern)
{
    static const char *const foreign[] = {
        "\\A", "\\z", "\\Z", "(?i", "(?s", "(?x", "(?P", "(?>", "[[:", "++", "*+", "?+", "\\p", "\\h", "\\Q"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (str_find(pattern, str_z(foreign[i]), 0) >= 0)
            return false;
    return pattern.n > 0;
}

static void add_bounds(struct buf *out, const struct attr *attr, const char *least, const char *most)
{
    if (attr->has_min)
        buf_addf(out, ",\"%s\":%lld", least, (long long)attr->min);
    if (attr->has_max)
        buf_addf(out, ",\"%s\":%lld", most, (long long)attr->max);
}

/* Choices and patterns of a list apply to its items, so they are written at the scalar. */
static void add_string(struct buf *out, const struct attr *attr, bool top)
{
    if (attr->choices) {
        buf_addz(out, "\"enum\":");
        json_write(out, attr->choices, JSON_PLAIN);
        return;
    }
    buf_addz(out, "\"type\":[\"string\",\"number\",\"boolean\"]");
    if (is_portable_pattern(attr->pattern)) {
        buf_addz(out, ",\"pattern\":");
        AUTO_BUF struct buf whole = BUF_INIT;
        buf_addf(&whole, "^(?:%.*s)$", STR_ARG(attr->pattern));
        json_write_string(out, buf_str(&whole));
    }
    if (top)
        add_bounds(out, attr, "minLength", "maxLength");
}

static void add_shape(
    struct buf *out, const struct attr *attr, const struct type *type, bool top, const struct around *around)
{
    const struct around here = {around, type};
    switch (type->kind) {
    case TYPE_ANY: break;
    case TYPE_STRING:
    case TYPE_TIMESTAMP:
    case TYPE_BLOB: add_string(out, attr, top); break;
    case TYPE_INT:
        buf_addz(out, "\"type\":\"integer\"");
        add_bounds(out, attr, "minimum", "maximum");
        break;
    case TYPE_FLOAT:
        buf_addz(out, "\"type\":\"number\"");
        add_bounds(out, attr, "minimum", "maximum");
        break;
    case TYPE_BOOL: buf_addz(out, "\"type\":\"boolean\""); break;
    case TYPE_JSON:
    case TYPE_POLICY: buf_addz(out, "\"type\":[\"object\",\"array\",\"string\"]"); break;
    case TYPE_TAGS:
        buf_addz(out, type->key.n ? "\"type\":[\"object\",\"array\"]" : "\"type\":\"object\"");
        break;
    case TYPE_LIST:
    case TYPE_SET:
        buf_addz(out, "\"type\":\"array\",\"items\":");
        add_type(out, attr, type->elem, false, around);
        if (top)
            add_bounds(out, attr, "minItems", "maxItems");
        break;
    case TYPE_MAP:
        buf_addz(out, "\"type\":\"object\",\"additionalProperties\":");
        add_type(out, attr, type->elem, false, around);
        break;
    case TYPE_OBJECT:
        if (lies_within(around, type)) {
            buf_addz(out, "\"type\":\"object\"");
            break;
        }
        buf_addz(out, "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
        properties_within(out, type->fields, type->field_count, "", &here);
        buf_add_char(out, '}');
        json_schema_required(out, type->fields, type->field_count);
        break;
    }
}

static void add_type(
    struct buf *out, const struct attr *attr, const struct type *type, bool top, const struct around *around)
{
    AUTO_BUF struct buf shape = BUF_INIT;
    add_shape(&shape, attr, type, top, around);
    buf_add_char(out, '{');
    if (shape.n) { /* not anyOf: a validator reports only that no branch matched, without details */
        buf_addz(out, "\"if\":{\"$ref\":\"#/definitions/expression\"},\"else\":{");
        buf_add_str(out, buf_str(&shape));
        buf_add_char(out, '}');
    }
    if (top && attr->doc.n) {
        buf_addz(out, shape.n ? ",\"description\":" : "\"description\":");
        json_write_string(out, attr->doc);
    }
    if (top && attr->default_value && value_is_known(attr->default_value)) {
        buf_addz(out, shape.n || attr->doc.n ? ",\"default\":" : "\"default\":");
        json_write(out, attr->default_value, JSON_REDACT);
    }
    buf_add_char(out, '}');
}

void json_schema_part(struct buf *out, const char *part)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct node *members = node_get(yaml_embedded("cmd/reference/stack_schema.yaml"), part);
    for (uint32_t i = 0; i < members->count; i++) {
        buf_addz(out, ",\n");
        add_key(out, members->entries[i].key);
        json_write(out, node_value(&arena, members->entries[i].value), JSON_PLAIN);
    }
}

void json_schema_definition(struct buf *out, const struct schema *schema)
{
    add_key(out, schema->name);
    buf_addz(out, "{\"type\":\"object\",\"additionalProperties\":false");
    json_write_member_if_any(out, "description", schema->doc);
    buf_addz(out, ",\"properties\":{\"type\":{\"const\":");
    json_write_string(out, schema->name);
    buf_addz(out, "}");
    json_schema_part(out, "body");
    if (!schema->is_data)
        json_schema_part(out, "resource");
    properties_within(out, schema->attrs, schema->attr_count, ",", NULL);
    buf_add_char(out, '}');
    json_schema_required(out, schema->attrs, schema->attr_count);
    buf_addz(out, "},\n");
}

void json_schema_properties(struct buf *out, const struct attr *attrs, size_t n, const char *separator)
{
    properties_within(out, attrs, n, separator, NULL);
}
