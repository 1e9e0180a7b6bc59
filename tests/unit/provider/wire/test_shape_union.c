/* The union of two shapes: members of both, at every depth. */
#include "provider/wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct shape text = {.kind = SHAPE_STRING}, number = {.kind = SHAPE_INT},
                          anything = {.kind = SHAPE_ANY};

#define MEMBER(wire_, shape_)                                                                                \
    {                                                                                                        \
        .name = STR_INIT(wire_), .wire = STR_INIT(wire_), .shape = &(shape_)                                 \
    }
#define GROUP(wire_, shape_)                                                                                 \
    {                                                                                                        \
        .wire = STR_INIT(wire_), .shape = &(shape_), .group = true                                           \
    }
#define STRUCTURE(members_)                                                                                  \
    {                                                                                                        \
        .kind = SHAPE_STRUCT, .members = members_, .member_count = sizeof members_ / sizeof *members_        \
    }

static const struct shape_member a_members[] = {MEMBER("A", text)};
static const struct shape_member ab_members[] = {MEMBER("A", number), MEMBER("B", text)};
static const struct shape a = STRUCTURE(a_members), ab = STRUCTURE(ab_members);

static void test_members_of_both(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct shape *both = wire_shape_union(&arena, &a, &ab);
    assert_int_equal(both->member_count, 2);
    assert_ptr_equal(both->members[0].shape, &text); /* of two kinds the first one */
    assert_true(str_eqz(both->members[1].wire, "B"));
    assert_int_equal(a.member_count, 1);
}

static void test_within_lists(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct shape few = {.kind = SHAPE_LIST, .elem = &a}, many = {.kind = SHAPE_LIST, .elem = &ab};
    const struct shape empty = {.kind = SHAPE_LIST, .elem = &anything};
    assert_int_equal(wire_shape_union(&arena, &few, &many)->elem->member_count, 2);
    assert_ptr_equal(wire_shape_union(&arena, &empty, &few)->elem, &a);
    assert_ptr_equal(wire_shape_union(&arena, &text, &a), &text);
    assert_ptr_equal(wire_shape_union(&arena, &a, &a), &a);
}

/* Groups have no name of ours: they are known by the service's. */
static void test_groups_are_not_each_other(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct shape_member x_members[] = {GROUP("X", a)}, xy_members[] = {GROUP("Y", a), GROUP("X", ab)};
    const struct shape x = STRUCTURE(x_members), xy = STRUCTURE(xy_members);
    const struct shape *both = wire_shape_union(&arena, &x, &xy);
    assert_int_equal(both->member_count, 2);
    assert_true(str_eqz(both->members[0].wire, "X") && str_eqz(both->members[1].wire, "Y"));
    assert_int_equal(both->members[0].shape->member_count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_of_both),
        cmocka_unit_test(test_within_lists),
        cmocka_unit_test(test_groups_are_not_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
