/*
 * In which order a plan's resources are told, and how they are counted by type.
 */
#include "cmd/output/render.h"

#include "stacks/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int stop(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* What is declared, with its place in the order of dependencies. */
struct made {
    const char *address;
    uint32_t rank;
    enum action action;
    const char *type;
};

static struct plan plan_of(const struct made *made, size_t n)
{
    struct change **changes = ARENA_ARRAY(&arena, struct change *, n);
    for (size_t i = 0; i < n; i++) {
        struct decl *decl = ARENA_NEW(&arena, struct decl);
        decl->index = made[i].rank;
        changes[i] = ARENA_NEW(&arena, struct change);
        *changes[i] = (struct change){.subject.address = str_z(made[i].address),
            .subject.type = str_z(made[i].type ? made[i].type : "toy.thing"),
            .decision.action = made[i].action,
            .decl = made[i].rank == UINT32_MAX ? NULL : decl};
    }
    return (struct plan){.changes = changes, .change_count = n};
}

static void check_order(const struct made *made, size_t n, const char *expected)
{
    struct plan plan = plan_of(made, n);
    struct section *sections;
    AUTO_BUF struct buf reported = BUF_INIT;
    size_t count = sections_list(&plan, &arena, &sections);
    for (size_t i = 0; i < count; i++)
        buf_addf(&reported, "%s%.*s", i ? " " : "", STR_ARG(sections[i].change->subject.address));
    buf_add_char(&reported, '\0');
    assert_string_equal(reported.p, expected);
}

#define CHECK_ORDER(expected, ...)                                                                           \
    check_order((const struct made[]){__VA_ARGS__},                                                          \
        sizeof((const struct made[]){__VA_ARGS__}) / sizeof(struct made), expected)
#define MADE(address, rank, action)                                                                          \
    {                                                                                                        \
        address, rank, action, NULL                                                                          \
    }

static void what_others_need_comes_before_them(void **state)
{
    (void)state;
    CHECK_ORDER(
        "c a b", MADE("a", 1, ACTION_CREATE), MADE("b", 2, ACTION_CREATE), MADE("c", 0, ACTION_CREATE));
}

static void instances_stand_together_by_their_keys(void **state)
{
    (void)state;
    CHECK_ORDER("b a[\"x\"] a[\"y\"]", MADE("a[\"y\"]", 3, ACTION_CREATE), MADE("b", 1, ACTION_CREATE),
        MADE("a[\"x\"]", 3, ACTION_CREATE));
}

/* A module comes when all that is in it is there, however its resources are mixed with others. */
static void modules_stay_together(void **state)
{
    (void)state;
    CHECK_ORDER("net/a net/b x y", MADE("net/b", 5, ACTION_CREATE), MADE("x", 1, ACTION_CREATE),
        MADE("net/a", 2, ACTION_CREATE), MADE("y", 7, ACTION_CREATE));
    CHECK_ORDER("x y net/a net/b", MADE("net/b", 5, ACTION_CREATE), MADE("x", 1, ACTION_CREATE),
        MADE("net/a", 2, ACTION_CREATE), MADE("y", 4, ACTION_CREATE));
    CHECK_ORDER("net/in/a net/b", MADE("net/b", 5, ACTION_CREATE), MADE("net/in/a", 2, ACTION_CREATE));
}

static void what_the_stack_has_not_comes_last(void **state)
{
    (void)state;
    CHECK_ORDER("a gone old", MADE("old", UINT32_MAX, ACTION_DELETE), MADE("gone", UINT32_MAX, ACTION_DELETE),
        MADE("a", 0, ACTION_UPDATE));
}

static void what_stays_is_not_reported(void **state)
{
    (void)state;
    CHECK_ORDER("b", MADE("a", 0, ACTION_NOOP), MADE("b", 1, ACTION_READ));
}

static void types_are_counted_the_most_frequent_first(void **state)
{
    (void)state;
    static const struct made made[] = {{"a", 0, ACTION_CREATE, "t.few"}, {"b", 1, ACTION_CREATE, "t.many"},
        {"c", 2, ACTION_UPDATE, "t.many"}, {"d", 3, ACTION_CREATE, "t.also"},
        {"e", 4, ACTION_CREATE, "t.many"}};
    struct plan plan = plan_of(made, sizeof made / sizeof *made);
    struct section *sections;
    size_t n = sections_list(&plan, &arena, &sections);
    AUTO_BUF struct buf out = BUF_INIT;
    sections_types(sections, n, &out);
    assert_string_equal(
        out.p, "  t.many  2 to create, 1 to update\n  t.also  1 to create\n  t.few   1 to create\n");
    buf_clear(&out);
    sections_types(sections, 0, &out);
    assert_int_equal(out.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_need_comes_before_them),
        cmocka_unit_test(instances_stand_together_by_their_keys),
        cmocka_unit_test(modules_stay_together),
        cmocka_unit_test(what_the_stack_has_not_comes_last),
        cmocka_unit_test(what_stays_is_not_reported),
        cmocka_unit_test(types_are_counted_the_most_frequent_first),
    };
    return cmocka_run_group_tests(tests, NULL, stop);
}
