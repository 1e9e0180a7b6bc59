/* Services report the values of enumerations in any case: that is no difference, for every enumeration of
 * every type. */
#include "cmd/invocation/kinds.h"
#include "plan/objects/diff.h"
#include "plan/state/state.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { DEEPEST = 8 };

/* From the attribute of a type down to the field that has the enumeration. */
struct path {
    const struct schema *schema;
    const struct attr *attrs[DEEPEST];
    size_t n;
};

static size_t checked;

static struct str other_case(struct arena *arena, struct str text)
{
    char *out = arena_alloc(arena, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        out[i] = (char)(islower((unsigned char)text.p[i]) ? toupper((unsigned char)text.p[i])
                                                          : tolower((unsigned char)text.p[i]));
    out[text.n] = 0;
    return (struct str){out, text.n};
}

/* In lists, sets and maps of one. */
static const struct value *in_collections(struct arena *arena, const struct type *type, const struct value *v)
{
    const struct value_entry entry = {STR("k"), type->elem ? in_collections(arena, type->elem, v) : v};
    if (type->kind == TYPE_MAP)
        return value_map(arena, &entry, 1);
    return type->elem ? value_list(arena, &entry.value, 1) : v;
}

static const struct value *object_with(struct arena *arena, const struct path *path, struct str text)
{
    const struct value *v = value_string(arena, text);
    for (size_t i = path->n; i--;) {
        const struct value_entry entry = {
            path->attrs[i]->name, in_collections(arena, path->attrs[i]->type, v)};
        v = value_map(arena, &entry, 1);
    }
    return v;
}

static void check_values(const struct path *path)
{
    const struct value *choices = path->attrs[path->n - 1]->choices;
    struct str name = path->attrs[0]->name;
    for (uint32_t i = 0; i < choices->count; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct attr_change *list;
        if (choices->items[i]->kind != VALUE_STRING)
            continue;
        struct str text = choices->items[i]->string, other = other_case(&arena, text);
        const struct value *desired = object_with(&arena, path, text);
        const struct value *live = object_with(&arena, path, other);
        const struct value *names[] = {value_string(&arena, name)};
        struct record record = {.attrs = desired, .set = value_list(&arena, names, 1)};
        struct comparison c = {.arena = &arena, .schema = path->schema, .live = live, .record = &record};
        if (diff_objects(&c, desired, &list) || diff_drift(&c, &list))
            fail_msg("%.*s: \"%.*s\" is not \"%.*s\" in %.*s", STR_ARG(path->schema->name), STR_ARG(other),
                STR_ARG(text), STR_ARG(name));
        checked++;
    }
}

static void check_below(struct path *path)
{
    const struct type *type = path->attrs[path->n - 1]->type;
    if (path->attrs[path->n - 1]->choices)
        check_values(path);
    while (type->elem)
        type = type->elem;
    for (size_t i = 0; path->n < DEEPEST && i < type->field_count; i++) {
        path->attrs[path->n++] = &type->fields[i];
        check_below(path);
        path->n--;
    }
}

static void test_another_case_is_no_difference(void **state)
{
    (void)state;
    struct catalog *catalog;
    struct err err = ERR_INIT;
    struct catalog_options options = {.kinds = &cmd_kinds};
    assert_int_equal(catalog_new(&options, &catalog, &err), 0);
    size_t n;
    const struct str *names = catalog_names(catalog, false, &n);
    for (size_t i = 0; i < n; i++) {
        struct path path = {.schema = catalog_find(catalog, names[i], false, &err), .n = 1};
        assert_non_null(path.schema);
        for (size_t a = 0; a < path.schema->attr_count; a++) {
            path.attrs[0] = &path.schema->attrs[a];
            if (path.attrs[0]->settable)
                check_below(&path);
        }
    }
    assert_true(checked > 1000);
    catalog_free(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_another_case_is_no_difference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
