/* Checks a value against a JSON schema, with the keywords that CloudFormation's schemas use. */
#include "provider/cfn/cfn.h"
#include "sandbox/services/cloudcontrol/cloudcontrol.h"

#include <stdlib.h>

enum { DEPTH = 64 };

struct check {
    const struct cloud_model *model;
    struct str wrong; /* the first error */
    int depth;
    bool part; /* the schema describes only some of the object's properties; extra keys are allowed */
};

static bool check_value(struct check *c, const struct value *schema, const struct value *v, struct str path);

static bool cloud_wrong(struct check *c, struct str path, const char *what, struct str detail)
{
    if (!c->wrong.n)
        c->wrong = arena_printf(c->model->arena, "#%.*s: %s%.*s", STR_ARG(path), what, STR_ARG(detail));
    return false;
}

static bool is_of(const struct value *v, struct str type)
{
    static const struct {
        const char *type;
        enum value_kind kind;
    } kinds[] = {{"string", VALUE_STRING}, {"boolean", VALUE_BOOL}, {"integer", VALUE_INT},
        {"number", VALUE_INT}, {"number", VALUE_FLOAT}, {"object", VALUE_MAP}, {"array", VALUE_LIST},
        {"null", VALUE_NULL}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eqz(type, kinds[i].type) && v->kind == kinds[i].kind)
            return true;
    return false;
}

static bool check_type(struct check *c, const struct value *type, const struct value *v, struct str path)
{
    bool fits = !type || (type->kind == VALUE_STRING && is_of(v, type->string));
    for (uint32_t i = 0; type && type->kind == VALUE_LIST && i < type->count; i++)
        fits |= is_of(v, value_text(type->items[i], STR_EMPTY));
    return fits ||
           cloud_wrong(c, path, "expected type of another kind, found: ", str_z(value_kind_name(v->kind)));
}

static bool among(const struct value *list, const struct value *v, bool any_case)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *one = list->items[i];
        if (value_equal(one, v) || (any_case && one->kind == VALUE_STRING && v->kind == VALUE_STRING &&
                                       str_ieq(one->string, v->string)))
            return true;
    }
    return false;
}

static bool cloud_check_matches(const struct check *c, struct str pattern, struct str text)
{
    static const struct type any_text = {.kind = TYPE_STRING};
    struct attr attr = {.type = &any_text, .pattern = cfn_pattern(c->model->arena, pattern)};
    struct schema_issue issue;
    const struct value *out;
    return !schema_convert(c->model->arena, &attr, value_string(c->model->arena, text), &out, &issue);
}

static bool within(const struct value *schema, const char *least, const char *most, double size)
{
    const struct value *min = value_getz(schema, least), *max = value_getz(schema, most);
    return !(value_is_number(min) && size < value_number(min)) &&
           !(value_is_number(max) && size > value_number(max));
}

static bool check_scalar(struct check *c, const struct value *schema, const struct value *v, struct str path)
{
    const struct value *choices = value_getz(schema, "enum"),
                       *any_case = value_getz(schema, "enumCaseInsensitive");
    struct str pattern = value_gets(schema, "pattern");
    if ((choices && !among(choices, v, false)) || (any_case && !among(any_case, v, true)))
        return cloud_wrong(c, path, "the value is not one of those that are allowed", STR_EMPTY);
    if (v->kind == VALUE_STRING && pattern.n && !cloud_check_matches(c, pattern, v->string))
        return cloud_wrong(c, path, "string does not match pattern ", pattern);
    if (v->kind == VALUE_STRING &&
        !within(schema, "minLength", "maxLength", (double)str_code_points(v->string)))
        return cloud_wrong(c, path, "the string's length is out of range", STR_EMPTY);
    if (value_is_number(v) && !within(schema, "minimum", "maximum", value_number(v)))
        return cloud_wrong(c, path, "the number is out of range", STR_EMPTY);
    return true;
}

static bool has_twice(struct arena *arena, const struct value *list)
{
    const struct value **sorted = ARENA_ARRAY(arena, const struct value *, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        sorted[i] = list->items[i];
    qsort(sorted, list->count, sizeof *sorted, value_order);
    for (uint32_t i = 1; i < list->count; i++)
        if (value_equal(sorted[i], sorted[i - 1]))
            return true;
    return false;
}

static bool check_list(struct check *c, const struct value *schema, const struct value *list, struct str path)
{
    const struct value *items = value_getz(schema, "items");
    if (!within(schema, "minItems", "maxItems", list->count))
        return cloud_wrong(c, path, "the array has too few or too many items", STR_EMPTY);
    if (value_getb(schema, "uniqueItems") && has_twice(c->model->arena, list))
        return cloud_wrong(c, path, "array items are not unique", STR_EMPTY);
    for (uint32_t i = 0; i < list->count; i++) {
        if (items && !check_value(c, items, list->items[i],
                         arena_printf(c->model->arena, "%.*s/%u", STR_ARG(path), i)))
            return false;
    }
    return true;
}

/* Returns the schema of a key, or NULL if it is not allowed. Properties of alternatives count as well. */
static const struct value *schema_of_key(const struct check *c, const struct value *schema, struct str key)
{
    static const char *const ways[] = {"oneOf", "anyOf", "allOf"};
    const struct value *found = value_get(value_getz(schema, "properties"), key);
    for (size_t w = 0; w < sizeof ways / sizeof *ways && !found; w++) {
        const struct value *list = value_getz(schema, ways[w]);
        for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count && !found; i++)
            if (value_get(value_getz(cloud_model_resolved(c->model, list->items[i]), "properties"), key))
                found = &value_empty_map; /* it is checked with the alternative */
    }
    const struct value *patterns = value_getz(schema, "patternProperties"),
                       *others = value_getz(schema, "additionalProperties");
    for (uint32_t i = 0; patterns && i < patterns->count && !found; i++)
        if (cloud_check_matches(c, patterns->entries[i].key, key))
            found = patterns->entries[i].value;
    bool open = !value_getz(schema, "properties") && !patterns;
    return found                                 ? found
           : others && others->kind == VALUE_MAP ? others
           : open || others == &value_true       ? &value_empty_map
                                                 : NULL;
}

static bool check_map(struct check *c, const struct value *schema, const struct value *map, struct str path)
{
    bool part = c->part;
    c->part = false;
    const struct value *required = value_getz(schema, "required");
    for (uint32_t i = 0; required && required->kind == VALUE_LIST && i < required->count; i++)
        if (!value_get(map, value_text(required->items[i], STR_EMPTY)))
            return cloud_wrong(
                c, path, "required key not found: ", value_text(required->items[i], STR_EMPTY));
    for (uint32_t i = 0; i < map->count; i++) {
        struct str key = map->entries[i].key;
        const struct value *inner = schema_of_key(c, schema, key);
        if (!inner && part)
            continue;
        if (!inner)
            return cloud_wrong(c, path, "extraneous key is not permitted: ", key);
        if (!check_value(c, inner, map->entries[i].value,
                arena_printf(c->model->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(key))))
            return false;
    }
    return true;
}

/* Returns how many alternatives the value matches. */
static size_t cloud_check_fitting(
    struct check *c, const struct value *list, const struct value *v, struct str path, bool part)
{
    size_t n = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct check own = {.model = c->model, .depth = c->depth, .part = part};
        n += check_value(&own, list->items[i], v, path);
    }
    return n;
}

static bool check_alternatives(
    struct check *c, const struct value *schema, const struct value *v, struct str path)
{
    const struct value *one = value_getz(schema, "oneOf"), *any = value_getz(schema, "anyOf"),
                       *all = value_getz(schema, "allOf");
    bool part = value_getz(schema, "properties") != NULL;
    if (one && one->kind == VALUE_LIST && cloud_check_fitting(c, one, v, path, part) != 1)
        return cloud_wrong(c, path, "valid against none, or more than one, of the subschemas", STR_EMPTY);
    if (any && any->kind == VALUE_LIST && !cloud_check_fitting(c, any, v, path, part))
        return cloud_wrong(c, path, "no subschema matched", STR_EMPTY);
    if (all && all->kind == VALUE_LIST && cloud_check_fitting(c, all, v, path, true) != all->count)
        return cloud_wrong(c, path, "only some subschemas matched", STR_EMPTY);
    return true;
}

static bool check_value(struct check *c, const struct value *schema, const struct value *v, struct str path)
{
    if (schema->kind != VALUE_MAP || c->depth == DEPTH)
        return true;
    c->depth++;
    schema = cloud_model_resolved(c->model, schema);
    bool fits = check_type(c, value_getz(schema, "type"), v, path) && check_scalar(c, schema, v, path) &&
                (v->kind != VALUE_LIST || check_list(c, schema, v, path)) &&
                (v->kind != VALUE_MAP || check_map(c, schema, v, path)) &&
                check_alternatives(c, schema, v, path);
    c->depth--;
    return fits;
}

struct str cloud_model_wrong(const struct cloud_model *model, const struct value *properties)
{
    struct check check = {.model = model};
    check_value(&check, model->schema, properties, STR_EMPTY);
    return check.wrong;
}
