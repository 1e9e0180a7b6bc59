/* Evaluates tests of values and constraints between them (schema.h). */
#include "base/clock.h"
#include "base/map.h"
#include "provider/schema_internal.h"
#include <math.h>

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* The item of the list or map that a constraint is applied to; `type` and `v` NULL: the object itself. */
struct item {
    const struct type *type;
    const struct value *v, *key;
};

struct asked {
    struct arena *arena;
    const struct schema *schema;
    const struct value *object, *prior;
    struct item item;
};

/* ---- values at a path ---- */

struct found {
    struct value_builder values;
    const struct type *type;
    bool many, unknown;
};

static bool add_found(
    void *ctx, const struct schema_walk *walk, const struct type *type, const struct value *v)
{
    struct found *found = ctx;
    found->unknown |= v->kind == VALUE_UNKNOWN;
    found->many |= walk->many;
    found->type = type;
    value_builder_add(&found->values, v);
    return true;
}

/* Walks along a path from an attribute of the object; an attribute that is not configured has its default. */
static bool reach_object(struct schema_walk *walk, const struct asked *a, struct str path)
{
    struct str rest, name = str_cut(path, '.', &rest);
    bool prior = str_eqz(name, "prior") && rest.n;
    if (prior)
        name = str_cut(rest, '.', &rest);
    const struct attr *attr = schema_attr(a->schema, name);
    const struct value *v = value_get(prior ? a->prior : a->object, name);
    if (value_is_null(v) && attr)
        v = attr->default_value;
    return schema_walk_path(walk, attr ? attr->type : NULL, v, rest);
}

static const struct value *find_values(const struct asked *a, struct str path, bool item, struct found *found)
{
    *found = (struct found){.values = VALUE_BUILDER(a->arena)};
    struct schema_walk walk = {.arena = a->arena, .visit = add_found, .ctx = found};
    if (!item)
        reach_object(&walk, a, path);
    else if (str_eqz(path, "@key"))
        schema_walk_path(&walk, NULL, a->item.key, STR_EMPTY);
    else
        schema_walk_path(&walk, a->item.type, a->item.v, str_eqz(path, "@") ? STR_EMPTY : path);
    return value_builder_list(&found->values);
}

/* Finds the values that another value is compared with; returns false if they are not known yet. */
static bool find_others(const struct asked *a, struct str path, const struct value **out)
{
    struct found found;
    bool item = path.n && path.p[0] == '.';
    if (str_eqz(path, "now")) {
        const struct value *now = value_int(a->arena, clock_wall_ms());
        *out = value_list(a->arena, &now, 1);
        return true;
    }
    *out = find_values(a, item ? str_slice(path, 1, path.n) : path, item, &found);
    return !found.unknown && value_is_known(*out);
}

/* ---- one value ---- */

static bool is_same(
    struct arena *arena, const struct value_test *test, const struct value *one, const struct value *v)
{
    bool empty = !v || ((v->kind == VALUE_MAP || v->kind == VALUE_LIST) && !v->count);
    if (!v || value_is_null(one))
        return empty && value_is_null(one);
    struct str wanted = value_scalar_text(arena, one), text = value_scalar_text(arena, v);
    return str_eqz(value_text(one, STR_EMPTY), "*") || str_eq(text, wanted) ||
           (test->any_case && str_ieq(text, wanted));
}

/* True if the value, or an item of the list, is among the test's values. */
static bool is_one_of(struct arena *arena, const struct value_test *test, const struct value *v)
{
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        if (is_one_of(arena, test, v->items[i]))
            return true;
    for (uint32_t i = 0; i < test->values->count; i++)
        if (is_same(arena, test, test->values->items[i], v))
            return true;
    return false;
}

/* Returns the number to compare: of a list, set or map the number of items. A number or time may be a string.
 */
static bool number_of(const struct value *v, double *out)
{
    int64_t whole;
    bool text =
        v->kind == VALUE_STRING && (str_to_int(v->string, &whole) || time_parse_rfc3339(v->string, &whole));
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
        *out = v->count;
    else if (v->kind == VALUE_FLOAT)
        *out = v->number;
    else if (v->kind == VALUE_INT || text)
        *out = (double)(text ? whole : v->integer);
    else
        return false;
    return true;
}

static bool is_like(struct arena *arena, const struct attr *like, const struct value *v)
{
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        if (!is_like(arena, like, v->items[i]))
            return false;
    return v->kind != VALUE_STRING || attr_matches_pattern(arena, like, v->string);
}

static bool compares(const struct value_test *test, double number, double other)
{
    switch (test->kind) {
    case TEST_LEAST: return number >= other;
    case TEST_MOST: return number <= other;
    case TEST_ABOVE: return number > other;
    case TEST_BELOW: return number < other;
    default: return other == 0 || fmod(number, other) == 0;
    }
}

/* `absent`: the answer without two numbers to compare. */
static enum answer number_passes(
    const struct asked *a, const struct value_test *test, const struct value *v, enum answer absent)
{
    double number, other;
    if (!number_of(v, &number))
        return absent;
    if (!test->other_count)
        return compares(test, number, (double)test->number) ? ANSWER_YES : ANSWER_NO;
    for (size_t i = 0; i < test->other_count; i++) {
        const struct value *others;
        if (!find_others(a, test->others[i], &others))
            return ANSWER_UNKNOWN;
        for (uint32_t k = 0; k < others->count; k++) {
            if (!number_of(others->items[k], &other))
                continue;
            if (!compares(test, number, other))
                return ANSWER_NO;
            absent = ANSWER_YES;
        }
    }
    return absent;
}

static bool names(struct arena *arena, const struct value *v, struct str text)
{
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        if (names(arena, v->items[i], text))
            return true;
    return v->kind == VALUE_MAP ? value_get(v, text) != NULL : str_eq(value_scalar_text(arena, v), text);
}

static enum answer is_among(const struct asked *a, const struct value_test *test, const struct value *v)
{
    bool found = false;
    struct str text = value_scalar_text(a->arena, v);
    for (size_t i = 0; !found && i < test->other_count; i++) {
        const struct value *others;
        if (!find_others(a, test->others[i], &others))
            return ANSWER_UNKNOWN;
        found = names(a->arena, others, text);
    }
    return found || !text.p ? ANSWER_YES : ANSWER_NO;
}

static enum answer is_unique(struct arena *arena, struct str field, const struct value *v)
{
    AUTO_MAP struct map seen = MAP_INIT;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        const struct value *one = str_eqz(field, "@") ? v->items[i] : value_get(v->items[i], field);
        struct str text = value_is_null(one) ? (struct str){0} : value_scalar_text(arena, one);
        if (text.p && map_set(&seen, text, (void *)(uintptr_t)v))
            return ANSWER_NO;
    }
    return ANSWER_YES;
}

static enum answer value_passes(const struct asked *a, const struct value_test *test, const struct type *type,
    const struct value *v, enum answer absent)
{
    switch (test->kind) {
    case TEST_IS: return is_one_of(a->arena, test, v) ? ANSWER_YES : ANSWER_NO;
    case TEST_NOT: return is_one_of(a->arena, test, v) ? ANSWER_NO : ANSWER_YES;
    case TEST_LIKE: return is_like(a->arena, test->like, v) ? ANSWER_YES : ANSWER_NO;
    case TEST_LENGTH: return schema_length(a->arena, type, v) <= test->number ? ANSWER_YES : ANSWER_NO;
    case TEST_AMONG: return is_among(a, test, v);
    case TEST_UNIQUE: return is_unique(a->arena, test->field, v);
    default: return number_passes(a, test, v, absent);
    }
}

/* ---- tests ---- */

/* `absent`: the answer if there is no value at the path. Of several values, TEST_IS needs one that passes,
 * the other tests need all to pass. */
static enum answer test_passes(
    const struct asked *a, const struct value_test *test, bool item, enum answer absent)
{
    struct found found;
    const struct value *values = find_values(a, test->path, item, &found);
    if (found.unknown)
        return ANSWER_UNKNOWN;
    if (!values->count)
        return test->kind == TEST_IS ? value_passes(a, test, NULL, NULL, absent) : absent;
    enum answer answer = ANSWER_NO;
    for (uint32_t i = 0; i < values->count; i++) {
        answer = value_passes(a, test, found.type, values->items[i], absent);
        if (answer == ANSWER_UNKNOWN || (test->kind == TEST_IS) == (answer == ANSWER_YES))
            break;
    }
    return answer;
}

static bool tests_hold(const struct asked *a, const struct value_tests *tests, bool item)
{
    for (size_t i = 0; i < tests->count; i++)
        if (test_passes(a, &tests->items[i], item, ANSWER_NO) != ANSWER_YES)
            return false;
    return true;
}

/* Returns the first failed test from *at on; *at becomes the index after it. */
static const struct value_test *test_failed(
    const struct asked *a, const struct value_tests *tests, bool item, size_t *at)
{
    while (*at < tests->count) {
        const struct value_test *test = &tests->items[(*at)++];
        if (test_passes(a, test, item, ANSWER_YES) == ANSWER_NO)
            return test;
    }
    return NULL;
}

bool schema_is_others(
    struct arena *arena, const struct schema *schema, const struct attr *attr, const struct value *live)
{
    struct asked asked = {.arena = arena, .schema = schema, .object = live};
    return attr->others.count && tests_hold(&asked, &attr->others, false);
}

bool schema_tests_hold(struct arena *arena, const struct schema *schema, const struct value_tests *tests,
    const struct value *object, const struct value *prior)
{
    struct asked asked = {.arena = arena, .schema = schema, .object = object, .prior = prior};
    return tests_hold(&asked, tests, false);
}

/* ---- constraints ---- */

struct search {
    struct asked asked;
    const struct value_constraint *constraint;
    struct constraint_break *out;
    size_t looked; /* index in the items, or in the tests if the constraint has no items */
};

/* Fills in the path of a test's value below `steps`. */
static void tell_place(const struct search *s, const struct value *const *steps, size_t n,
    const struct value_test *test, struct str field)
{
    AUTO_BUILDER struct value_builder path = VALUE_BUILDER(s->asked.arena);
    struct str name;
    for (size_t i = 0; i < n; i++)
        value_builder_add(&path, steps[i]);
    bool inside = !str_starts(test->path, STR("@"));
    while (inside && field.n) {
        name = str_cut(field, '.', &field);
        value_builder_add(&path, value_string(s->asked.arena, name));
    }
    s->out->constraint = s->constraint;
    s->out->at_key = str_eqz(test->path, "@key");
    s->out->path = value_builder_list(&path);
}

static bool check_item(
    void *ctx, const struct schema_walk *walk, const struct type *type, const struct value *v)
{
    struct search *s = ctx;
    if (s->looked++ < s->out->next_item || v->kind == VALUE_UNKNOWN)
        return true;
    s->asked.item =
        (struct item){.type = type, .v = v, .key = walk->depth ? walk->steps[walk->depth - 1] : NULL};
    size_t first = 0;
    const struct value_test *failed = tests_hold(&s->asked, &s->constraint->where, true)
                                          ? test_failed(&s->asked, &s->constraint->must, true, &first)
                                          : NULL;
    if (failed)
        tell_place(s, walk->steps, walk->depth, failed, failed->path);
    return !failed;
}

static bool check_items(
    void *ctx, const struct schema_walk *walk, const struct type *type, const struct value *v)
{
    struct schema_walk items = *walk;
    items.visit = check_item;
    items.ctx = ctx;
    return schema_walk_items(&items, type, v);
}

static bool is_broken(struct search *s)
{
    const struct value_constraint *constraint = s->constraint;
    struct str field, from = constraint->each;
    const struct value_test *failed = NULL;
    struct schema_walk walk = {.arena = s->asked.arena, .visit = check_items, .ctx = s};
    s->asked.item = (struct item){0};
    s->looked = from.n ? 0 : s->out->next_item;
    if (!tests_hold(&s->asked, &constraint->when, false))
        return false;
    if (from.n ? reach_object(&walk, &s->asked, from)
               : !(failed = test_failed(&s->asked, &constraint->must, false, &s->looked)))
        return false;
    from = failed ? failed->path : from;
    s->out->attribute = str_cut(from, '.', &field);
    if (failed)
        tell_place(s, NULL, 0, failed, field);
    return true;
}

/* True if the path begins with one of these attributes, or with a resource that one of them refers to. */
static bool leads_to(const struct schema *schema, struct str path, const struct value *names)
{
    struct str rest, name = str_cut(path, '.', &rest);
    for (size_t i = 0; i < schema->refer_count; i++)
        if (str_eq(schema->refers[i].name, name))
            name = schema->refers[i].attribute;
    return name.n && value_list_has(names, name);
}

static bool tests_lead_to(
    const struct schema *schema, const struct value_tests *tests, bool item, const struct value *names)
{
    bool any = false;
    for (size_t i = 0; i < tests->count && !any; i++) {
        any = !item && leads_to(schema, tests->items[i].path, names);
        for (size_t k = 0; k < tests->items[i].other_count; k++)
            any |= leads_to(schema, tests->items[i].others[k], names);
    }
    return any;
}

static bool takes_part(
    const struct schema *schema, const struct value_constraint *constraint, const struct value *names)
{
    bool items = constraint->each.n > 0;
    return leads_to(schema, constraint->each, names) ||
           tests_lead_to(schema, &constraint->when, false, names) ||
           tests_lead_to(schema, &constraint->where, items, names) ||
           tests_lead_to(schema, &constraint->must, items, names);
}

bool schema_constraint_broken(struct arena *arena, const struct schema *schema, const struct value *object,
    enum constraint_checker checker, struct constraint_break *out)
{
    struct search s = {.asked = {.arena = arena, .schema = schema, .object = object}, .out = out};
    for (; out->next < schema->constraint_count; out->next++, out->next_item = 0) {
        s.constraint = &schema->constraints[out->next];
        bool asked = checker == CHECKED_BY_WEIR
                         ? !s.constraint->served
                         : checker == CHECKED_AT_CREATION || !s.constraint->only_at_creation;
        if (!asked || (out->changed && !takes_part(schema, s.constraint, out->changed)) || !is_broken(&s))
            continue;
        out->next_item = s.looked;
        return true;
    }
    return false;
}
