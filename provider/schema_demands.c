/* What values of attributes ask of each other. */
#include "provider/schema.h"

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* The value at attribute.field; *unknown: it is not known yet. */
static const struct value *value_there(
    const struct schema *schema, const struct value *object, struct str path, bool *unknown)
{
    struct str rest, name = str_cut(path, '.', &rest);
    const struct attr *attr = schema_attr(schema, name);
    const struct value *v = value_get(object, name);
    if (value_is_null(v) && attr)
        v = attr->default_value;
    while (rest.n && v && v->kind == VALUE_MAP) {
        name = str_cut(rest, '.', &rest);
        v = value_get(v, name);
    }
    *unknown = v && v->kind == VALUE_UNKNOWN;
    return rest.n || value_is_null(v) ? NULL : v;
}

/* A list is one of them where an item is. */
static bool is_one_of(struct arena *arena, const struct value *values, const struct value *v)
{
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        if (is_one_of(arena, values, v->items[i]))
            return true;
    for (uint32_t i = 0; i < values->count; i++) {
        const struct value *one = values->items[i];
        if (!v || value_is_null(one) ? !v && value_is_null(one)
                                     : str_eqz(value_text(one, STR_EMPTY), "*") ||
                                           str_eq(value_scalar_text(arena, v), value_scalar_text(arena, one)))
            return true;
    }
    return false;
}

/* Of a list, set or map as many as it has; a number may be written as a text. */
static bool number_of(const struct value *v, int64_t *out)
{
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
        *out = v->count;
    else if (v->kind == VALUE_INT)
        *out = v->integer;
    else
        return v->kind == VALUE_STRING && str_to_int(v->string, out);
    return true;
}

/* `absent`: the answer where nothing is given. */
static enum answer test_passes(struct arena *arena, const struct schema *schema, const struct value *object,
    const struct value_test *test, enum answer absent)
{
    bool unknown;
    int64_t number;
    const struct value *v = value_there(schema, object, test->path, &unknown);
    if (unknown)
        return ANSWER_UNKNOWN;
    if (test->kind == TEST_IS)
        return is_one_of(arena, test->values, v) ? ANSWER_YES : ANSWER_NO;
    if (!v)
        return absent;
    if (test->kind == TEST_NOT)
        return is_one_of(arena, test->values, v) ? ANSWER_NO : ANSWER_YES;
    if (test->kind == TEST_LIKE)
        return v->kind != VALUE_STRING || attr_matches_pattern(arena, test->like, v->string) ? ANSWER_YES
                                                                                             : ANSWER_NO;
    if (!number_of(v, &number))
        return ANSWER_YES;
    bool holds = test->kind == TEST_LEAST  ? number >= test->number
                 : test->kind == TEST_MOST ? number <= test->number
                                           : number % test->number == 0;
    return holds ? ANSWER_YES : ANSWER_NO;
}

const struct value_demand *schema_demand_broken(struct arena *arena, const struct schema *schema,
    const struct value *object, const struct value_test **test)
{
    for (size_t i = 0; i < schema->demand_count; i++) {
        const struct value_demand *demand = &schema->demands[i];
        bool applies = true;
        for (size_t k = 0; applies && k < demand->when.count; k++)
            applies = test_passes(arena, schema, object, &demand->when.items[k], ANSWER_NO) == ANSWER_YES;
        for (size_t k = 0; applies && k < demand->must.count; k++)
            if (test_passes(arena, schema, object, &demand->must.items[k], ANSWER_YES) == ANSWER_NO) {
                *test = &demand->must.items[k];
                return demand;
            }
    }
    return NULL;
}
