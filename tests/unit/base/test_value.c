#include "base/value.h"

#include "base/map.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct value *sample(struct arena *arena, const struct value *inner)
{
    struct value_entry entries[] = {{STR("z"), value_int(arena, 1)}, {STR("a"), inner}};
    return value_map(arena, entries, 2);
}

static void maps_are_sorted_and_the_last_of_equal_keys_counts(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_builder b = VALUE_BUILDER(&arena);
    char keys[100][16];
    for (int i = 99; i >= 0; i--) {
        snprintf(keys[i], sizeof keys[i], "k%02d", i);
        value_builder_set(&b, str_z(keys[i]), value_int(&arena, i));
    }
    value_builder_set(&b, STR("k50"), value_int(&arena, -50));
    const struct value *map = value_builder_map(&b);
    assert_int_equal(map->count, 100);
    for (uint32_t i = 1; i < map->count; i++)
        assert_true(str_cmp(map->entries[i - 1].key, map->entries[i].key) < 0);
    assert_int_equal(value_getz(map, "k50")->integer, -50);
    assert_int_equal(value_getz(map, "k99")->integer, 99);
    assert_null(value_getz(map, "k100"));
}

static void marks_travel_upwards(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *secret = value_mark(&arena, value_string(&arena, STR("s")), VALUE_SENSITIVE);
    const struct value *map = sample(&arena, secret);
    assert_true(value_is_sensitive(map));
    assert_false(map->marks & VALUE_SENSITIVE);
    assert_false(value_is_sensitive(value_unmark(&arena, map)));
    assert_true(value_is_sensitive(map)); /* the original is untouched */
    assert_false(value_is_known(sample(&arena, &value_unknown)));
    assert_true(value_is_known(map));
}

static void equality_is_deep_and_unknown_equals_nothing(void **state)
{
    (void)state;
    AUTO_ARENA struct arena a = ARENA_INIT;
    AUTO_ARENA struct arena b = ARENA_INIT;
    const struct value *one = sample(&a, value_string(&a, STR("x"))), *copy = value_copy(&b, one);
    assert_true(value_equal(one, copy));
    assert_false(value_equal(one, sample(&a, value_string(&a, STR("y")))));
    assert_true(value_equal(value_int(&a, 1), value_float(&a, 1.0)));
    assert_false(value_equal(&value_unknown, &value_unknown));
    assert_true(value_equal(NULL, &value_null));
}

static void with_sets_and_removes(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *map = value_with(&arena, NULL, STR("a"), &value_true);
    map = value_with(&arena, map, STR("b"), &value_false);
    assert_int_equal(map->count, 2);
    assert_int_equal(value_with(&arena, map, STR("a"), NULL)->count, 1);
    assert_int_equal(map->count, 2);
    const struct value *merged = value_merge(&arena, map, value_with(&arena, NULL, STR("b"), &value_true));
    assert_true(value_getz(merged, "b")->boolean);
    assert_true(value_getz(merged, "a")->boolean);
    const struct value *list = value_list(&arena, &map, 1);
    assert_ptr_equal(value_merge(&arena, map, list), map);
    assert_ptr_equal(value_merge(&arena, list, map), map);
}

static void hash_maps_grow_and_keep_order(void **state)
{
    (void)state;
    AUTO_MAP struct map map = MAP_INIT;
    static char keys[5000][16];
    for (int i = 0; i < 5000; i++) {
        snprintf(keys[i], sizeof keys[i], "%d", i);
        assert_null(map_set(&map, str_z(keys[i]), keys[i]));
    }
    for (int i = 0; i < 5000; i++)
        assert_ptr_equal(map_get(&map, str_z(keys[i])), keys[i]);
    assert_null(map_get(&map, STR("5000")));
    assert_ptr_equal(map_set(&map, STR("7"), &map), keys[7]);
    assert_ptr_equal(map.items[7].ptr, &map);
    assert_int_equal(map.n, 5000);
}

static void a_conversion_goes_as_far_as_it_can(void **state)
{
    (void)state;
    assert_int_equal(int_within(2.9), 2);
    assert_int_equal(int_within(-2.9), -2);
    assert_true(int_within(HUGE_VAL) == INT64_MAX && int_within(1e300) == INT64_MAX);
    assert_true(int_within(9223372036854775808.0) == INT64_MAX && int_within(-HUGE_VAL) == INT64_MIN);
    assert_int_equal(int_within(NAN), 0);
}

static void what_others_wrote_may_be_anything(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct value_entry b[] = {{STR("name"), value_stringz(&arena, "b")}};
    const struct value *items[] = {&value_true, value_map(&arena, b, 1)};
    const struct value *list = value_list(&arena, items, 2), *text = value_stringz(&arena, "b");
    assert_ptr_equal(value_list_find(list, "name", STR("b")), items[1]);
    assert_null(value_list_find(list, "name", STR("c")));
    assert_null(value_list_find(items[1], "name", STR("b")));
    assert_null(value_list_find(NULL, "name", STR("b")));
    const struct value *one = value_stringz(&arena, "a"), *two = value_stringz(&arena, "b");
    const struct value *both = value_list_with(&arena, value_list_with(&arena, NULL, one), two);
    assert_int_equal(both->count, 2);
    assert_true(value_equal(value_list_without(&arena, both, STR("a")), value_list(&arena, &two, 1)));
    assert_true(value_equal(value_list_without(&arena, both, STR("c")), both));
    assert_int_equal(value_list_without(&arena, one, STR("a"))->count, 0);
    assert_true(value_equal(value_list_except(&arena, both, both->items[0]), value_list(&arena, &two, 1)));
    assert_true(value_equal(value_list_except(&arena, both, NULL), both));
    assert_ptr_equal(value_as_list(list), list);
    assert_int_equal(value_as_list(text)->count + value_as_list(NULL)->count, 0);
    assert_ptr_equal(value_as_map(items[1]), items[1]);
    assert_int_equal(value_as_map(list)->kind, VALUE_MAP);
    assert_true(
        value_is_empty(NULL) && value_is_empty(&value_empty_map) && value_is_empty(&value_empty_string));
    assert_false(value_is_empty(text) || value_is_empty(&value_false) || value_is_empty(list));
    struct value_entry counts[] = {{STR("few"), value_int(&arena, 3)}, {STR("less"), value_int(&arena, -3)}};
    const struct value *map = value_map(&arena, counts, 2);
    assert_int_equal(value_get_count(map, "few"), 3);
    assert_int_equal(value_get_count(map, "less") + value_get_count(map, "none"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_sorted_and_the_last_of_equal_keys_counts),
        cmocka_unit_test(marks_travel_upwards),
        cmocka_unit_test(equality_is_deep_and_unknown_equals_nothing),
        cmocka_unit_test(with_sets_and_removes),
        cmocka_unit_test(what_others_wrote_may_be_anything),
        cmocka_unit_test(a_conversion_goes_as_far_as_it_can),
        cmocka_unit_test(hash_maps_grow_and_keep_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
