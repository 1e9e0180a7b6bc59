/* Planning and applying against a world of one resource type that lives in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/support/toy_world.h"

#define A "  a: {type: fake.thing, name: a}\n"
#define B "  b: {type: fake.thing, name: b, ref: \"${a.id}\"}\n"
#define C "  c: {type: fake.thing, name: c, ref: \"${b.id}\"}\n"

/* ---- tests ---- */

static void creates_in_order_and_then_has_nothing_to_do(void **state)
{
    (void)state;
    write_stack("resources:\n" C B A "outputs:\n  out: {value: \"${c.ref}\"}\n");
    apply("create a;create b;create c;");
    assert_string_equal(value_getz(thing("c"), "ref")->string.p, "id-b");
    assert_nothing_to_do();
}

static void destroys_dependents_first(void **state)
{
    (void)state;
    write_stack("resources:\n" A B C);
    apply("create a;create b;create c;");
    apply_with((struct plan_options){.destroy = true}, "delete c;delete b;delete a;");
    struct str target = STR("b");
    apply("create a;create b;create c;");
    apply_with(
        (struct plan_options){.destroy = true, .targets = &target, .target_count = 1}, "delete c;delete b;");
}

static void shows_drift_and_mends_it(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: a, size: large}\n");
    apply("create a;");
    change_outside("a", "size", "huge");
    change_outside("a", "ref", "not ours");
    struct command s;
    make(&s, (struct plan_options){0});
    assert_true(s.plan->drifted);
    assert_int_equal(s.plan->changes[0]->drift_count, 1);
    assert_string_equal(s.plan->changes[0]->drift[0].after->string.p, "huge");
    assert_int_equal(s.plan->changes[0]->decision.action, ACTION_UPDATE);
    assert_int_equal(s.plan->changes[0]->attr_count, 1); /* what the file does not give is not ours */
    finish(&s);
    apply("update a;");
    assert_nothing_to_do();
    map_set(&world.things, STR("a"), NULL);
    make(&s, (struct plan_options){0});
    assert_true(s.plan->changes[0]->deleted);
    assert_int_equal(s.plan->changes[0]->decision.action, ACTION_CREATE);
    finish(&s);
    apply("create a;");
}

static void what_is_taken_out_goes_back_to_its_default(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: a, size: large, ref: x}\n");
    apply("create a;");
    write_stack("resources:\n" A);
    apply("update a;");
    assert_string_equal(value_getz(thing("a"), "size")->string.p, "small");
    assert_nothing_to_do();
}

static void replaces_and_keeps_the_order(void **state)
{
    (void)state;
    write_stack("resources:\n" A B);
    apply("create a;create b;");
    write_stack("resources:\n  a: {type: fake.thing, name: a2}\n" B);
    apply("delete a;create a2;update b;");
    assert_string_equal(value_getz(thing("b"), "ref")->string.p, "id-a2");
    write_stack(
        "resources:\n  a: {type: fake.thing, name: a3, lifecycle: {create_before_destroy: true}}\n" B);
    apply("create a3;update b;delete a2;");
    assert_nothing_to_do();
    struct str again = STR("b");
    apply_with((struct plan_options){.replaces = &again, .replace_count = 1}, "delete b;create b;");
}

/* What was between two resources goes away while one of them is replaced. */
static void contradicting_orders_do_not_wait_for_each_other(void **state)
{
    (void)state;
    write_stack("resources:\n" A B C);
    apply("create a;create b;create c;");
    write_stack("resources:\n  a: {type: fake.thing, name: a2}\n  c: {type: fake.thing, name: c, ref: "
                "\"${a.id}\"}\n");
    apply("delete b;delete a;create a2;update c;");
    assert_nothing_to_do();
}

static void create_before_destroy_spreads_through_locals(void **state)
{
    (void)state;
    write_stack("locals: {l: \"${a.id}\"}\nresources:\n" A
                "  b: {type: fake.thing, name: b, ref: \"${locals.l}\"}\n");
    apply("create a;create b;");
    write_stack("locals: {l: \"${a.id}\"}\nresources:\n  a: {type: fake.thing, name: a2}\n"
                "  b: {type: fake.thing, name: b2, ref: \"${locals.l}\", lifecycle: {create_before_destroy: "
                "true}}\n");
    apply("create a2;create b2;delete b;delete a;");
    assert_nothing_to_do();
}

/* The record of what did not change still says what it depended on when it was made. */
static void records_that_contradict_each_other_are_destroyed(void **state)
{
    (void)state;
    write_stack("resources:\n" A B);
    apply("create a;create b;");
    write_stack("resources:\n  a: {type: fake.thing, name: a, ref: \"${b.id}\"}\n"
                "  b: {type: fake.thing, name: b, ref: id-a}\n");
    apply("update a;");
    struct command s;
    struct apply_result result;
    make(&s, (struct plan_options){.destroy = true});
    assert_int_equal(run(&s, (struct apply_options){0}, &result), 0);
    assert_int_equal(result.done[ACTION_DELETE], 2);
    finish(&s);
}

/* Many on many: all dependents go before any of what they depend on. */
static void keyed_dependents_are_destroyed_first(void **state)
{
    (void)state;
    write_stack(
        "resources:\n"
        "  a: {type: fake.thing, for_each: [x, y], name: \"a${each.key}\"}\n"
        "  b: {type: fake.thing, for_each: [x, y], name: \"b${each.key}\", ref: \"${a[each.key].id}\"}\n");
    apply("create ax;create ay;create bx;create by;");
    struct str target = STR("a[\"x\"]");
    struct command s;
    make(&s, (struct plan_options){.destroy = true, .targets = &target, .target_count = 1});
    assert_int_equal(s.plan->counts[ACTION_DELETE], 3); /* a[y] stays */
    finish(&s);
    apply_with((struct plan_options){.destroy = true}, "delete bx;delete by;delete ax;delete ay;");
}

/* What a failed run left of it keeps its place in the order. */
static void an_unfinished_replacement_is_finished_in_order(void **state)
{
    (void)state;
    struct command s;
    struct apply_result result;
    write_stack("resources:\n" A B);
    apply("create a;create b;");
    const char *replaced =
        "resources:\n  a: {type: fake.thing, name: a2, lifecycle: {create_before_destroy: true}}\n" B;
    write_stack(replaced);
    world.fail = "create a2";
    make(&s, (struct plan_options){0});
    assert_int_equal(run(&s, (struct apply_options){0}, &result), -1);
    finish(&s);
    world.fail = NULL;
    apply("create a2;update b;delete a;");
    assert_nothing_to_do();

    world.fail = "delete a2"; /* the old one cannot be deleted, and the new one is replaced once more */
    write_stack(
        "resources:\n  a: {type: fake.thing, name: a3, lifecycle: {create_before_destroy: true}}\n" B);
    make(&s, (struct plan_options){0});
    assert_int_equal(run(&s, (struct apply_options){0}, &result), -1);
    finish(&s);
    world.fail = NULL;
    write_stack(
        "resources:\n  a: {type: fake.thing, name: a4, lifecycle: {create_before_destroy: true}}\n" B);
    apply("delete a2;create a4;update b;delete a3;");
    assert_nothing_to_do();
}

static void a_failure_stops_only_what_depends_on_it(void **state)
{
    (void)state;
    write_stack("resources:\n" A B C "  z: {type: fake.thing, name: z}\n");
    world.fail = "create b";
    struct command s;
    struct apply_result result;
    make(&s, (struct plan_options){0});
    assert_int_equal(run(&s, (struct apply_options){0}, &result), -1);
    assert_string_equal(s.err.message, "b: the service refused");
    assert_int_equal(result.done[ACTION_CREATE], 2);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.skipped, 1);
    finish(&s);
    world.fail = NULL;
    apply("create b;create c;");
    assert_nothing_to_do();
}

static void stops_starting_when_credentials_have_ended(void **state)
{
    (void)state;
    write_stack("resources:\n" A "  y: {type: fake.thing, name: y}\n  z: {type: fake.thing, name: z}\n");
    world.fail = "create y";
    world.expired = true;
    struct command s;
    struct apply_result result;
    make(&s, (struct plan_options){0});
    assert_int_equal(run(&s, (struct apply_options){0}, &result), -1);
    assert_int_equal(result.done[ACTION_CREATE], 1);
    assert_int_equal(result.failed, 1);
    assert_int_equal(result.skipped, 1); /* z could have been tried, in vain */
    finish(&s);
}

static void stops_starting_when_interrupted(void **state)
{
    (void)state;
    write_stack("resources:\n" A B C);
    struct command s;
    struct apply_result result;
    atomic_int signals = 1;
    make(&s, (struct plan_options){0});
    buf_clear(&world.log);
    assert_int_equal(
        plan_apply(s.plan, &(struct apply_options){.signals = &signals, .parallelism = 1}, &result, &s.err),
        -1);
    assert_int_equal(s.err.class, ERR_INTERRUPTED);
    assert_true(result.interrupted);
    assert_int_equal(result.done[ACTION_CREATE] + result.skipped, 3);
    finish(&s);
    struct command again;
    make(&again, (struct plan_options){0});
    assert_int_equal(run(&again, (struct apply_options){0}, &result), 0);
    finish(&again);
    assert_nothing_to_do();
}

static void secrets_are_compared_but_not_kept(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: a, secret: \"${inputs.pw}\"}\n");
    apply("create a;");
    assert_nothing_to_do();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str log;
    struct err err = ERR_INIT;
    assert_int_equal(
        file_read(&arena, arena_printf(&arena, "%s/.weir/test.log", folder).p, 0, &log, &err), 0);
    assert_true(str_find(log, STR("\"one\""), 0) < 0);
    assert_true(str_find(log, STR("$hash"), 0) >= 0);
    struct str other = STR("pw=two");
    struct command s = {
        .options = {.kinds = &toy_kinds, .stack = {.dir = folder, .inputs = &other, .input_count = 1}}};
    assert_int_equal(workspace_open(&s.options, &s.diags, &s.workspace, &s.err), 0);
    assert_int_equal(plan_make(&s.workspace, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), 0);
    assert_int_equal(s.plan->counts[ACTION_UPDATE], 1);
    assert_true(value_is_sensitive(s.plan->changes[0]->attrs[0].after));
    finish(&s);
}

static void prevent_destroy_prevents(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: a, lifecycle: {prevent_destroy: true}}\n");
    apply("create a;");
    struct command s;
    make(&s, (struct plan_options){.destroy = true});
    assert_int_equal(s.status, -1);
    assert_int_equal(s.diags.errors, 1);
    finish(&s);
    write_stack(
        "resources:\n  a: {type: fake.thing, name: a, kind: k, lifecycle: {prevent_destroy: true}}\n");
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, -1);
    finish(&s);
}

/* Also when it came or went with nothing else, and the resource then leaves the file. */
static void prevent_destroy_is_recorded(void **state)
{
    (void)state;
    struct command s;
    write_stack("resources:\n" A);
    apply("create a;");
    write_stack("resources:\n  a: {type: fake.thing, name: a, lifecycle: {prevent_destroy: true}}\n");
    apply(""); /* no call is made */
    assert_nothing_to_do();
    write_stack("");
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, -1);
    finish(&s);
    write_stack("resources:\n" A);
    apply("");
    assert_nothing_to_do();
    write_stack("");
    apply("delete a;");
}

static void moves_forgets_and_ignores(void **state)
{
    (void)state;
    write_stack("resources:\n" A B);
    apply("create a;create b;");
    write_stack("resources:\n  first: {type: fake.thing, name: a}\n"
                "  b: {type: fake.thing, name: b, ref: \"${first.id}\"}\nmoved: [{from: a, to: first}]\n");
    apply("");
    assert_nothing_to_do();
    write_stack(
        "resources:\n  first: {type: fake.thing, name: a}\nremoved: [{address: b, destroy: false}]\n");
    apply("");
    assert_non_null(thing("b"));
    write_stack("resources:\n  first: {type: fake.thing, name: a, size: large, lifecycle: {ignore_changes: "
                "[size]}}\n");
    assert_nothing_to_do();
}

static void keyed_instances_come_and_go_by_key(void **state)
{
    (void)state;
    write_stack("resources:\n  t: {type: fake.thing, for_each: [x, y], name: \"${each.key}\"}\n");
    apply("create x;create y;");
    write_stack("resources:\n  t: {type: fake.thing, for_each: [y, z], name: \"${each.key}\"}\n");
    struct command s;
    make(&s, (struct plan_options){0});
    assert_int_equal(s.plan->counts[ACTION_CREATE], 1);
    assert_int_equal(s.plan->counts[ACTION_DELETE], 1);
    assert_int_equal(s.plan->counts[ACTION_NOOP], 1);
    finish(&s);
    write_stack("resources:\n" A "  t: {type: fake.thing, for_each: [\"${a.id}\"], name: \"${each.key}\"}\n");
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, -1);
    assert_non_null(strstr(s.diags.items[0].message.p, "known only after apply"));
    finish(&s);
}

/* The keys are fixed, what lies under them is known only when the first resource is there. */
static void each_value_becomes_known_during_apply(void **state)
{
    (void)state;
    write_stack(
        "resources:\n" A "  t: {type: fake.thing, for_each: {x: \"${a.id}\"}, name: \"${each.key}\", ref: "
        "\"${each.value}\"}\n");
    apply("create a;create x;");
    struct command s;
    make(&s, (struct plan_options){0});
    assert_int_equal(s.plan->counts[ACTION_NOOP], 2);
    finish(&s);
}

/* What was to be known only after apply turned out to be what it was. */
static void what_batch_out_the_same_is_not_changed(void **state)
{
    (void)state;
    write_stack("resources:\n  a: {type: fake.thing, name: a, kind: x}\n" B);
    apply("create a;create b;");
    write_stack("resources:\n  a: {type: fake.thing, name: a, kind: y}\n" B);
    struct command s;
    make(&s, (struct plan_options){0});
    assert_int_equal(s.plan->counts[ACTION_UPDATE], 1); /* shown, for nobody knew */
    finish(&s);
    apply("delete a;create a;");
    assert_nothing_to_do();
}

/* A file that changes between a plan and its apply does not change what was shown. */
static void what_was_shown_is_what_is_made(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *path = arena_printf(&arena, "%s/size", folder).p;
    struct command s;
    struct apply_result result;
    assert_int_equal(file_write_atomic(path, STR("large"), 0600, &s.err), 0);
    write_stack(
        "resources:\n" A "  b: {type: fake.thing, name: b, size: '${file(\"size\")}', ref: '${a.id}'}\n");
    make(&s, (struct plan_options){0});
    assert_int_equal(s.status, 0);
    assert_int_equal(file_write_atomic(path, STR("huge"), 0600, &s.err), 0);
    assert_int_equal(run(&s, (struct apply_options){0}, &result), 0);
    finish(&s);
    assert_string_equal(value_getz(thing("b"), "size")->string.p, "large");
    assert_string_equal(value_getz(thing("b"), "ref")->string.p, "id-a");
    apply("update b;");
    assert_string_equal(value_getz(thing("b"), "size")->string.p, "huge");
    assert_nothing_to_do();
}

static void targets_leave_the_rest_alone(void **state)
{
    (void)state;
    write_stack("resources:\n" A B C);
    struct str target = STR("b");
    apply_with((struct plan_options){.targets = &target, .target_count = 1}, "create a;create b;");
    apply("create c;");
    struct str wrong = STR("nothing");
    struct command s;
    make(&s, (struct plan_options){.targets = &wrong, .target_count = 1});
    assert_int_equal(s.status, -1);
    finish(&s);
}

static void data_waits_for_what_it_reads(void **state)
{
    (void)state;
    write_stack("resources:\n" A "  b: {type: fake.thing, name: b, ref: \"${look.id}\"}\n"
                "data:\n  look: {type: fake.thing, name: \"${a.name}\"}\n");
    apply("create a;create b;");
    assert_string_equal(value_getz(thing("b"), "ref")->string.p, "id-a");
    assert_nothing_to_do();
}

static void adopts_only_what_may_be_adopted(void **state)
{
    (void)state;
    struct value_entry there = {STR("name"), value_stringz(&world.arena, "a")};
    put(with_computed(&world.arena, value_map(&world.arena, &there, 1), true));
    write_stack("resources:\n" A);
    struct command s;
    struct apply_result result;
    make(&s, (struct plan_options){0});
    assert_int_equal(run(&s, (struct apply_options){0}, &result), -1);
    assert_non_null(strstr(s.err.hint, "adopt: existing"));
    finish(&s);
    write_stack("resources:\n  a: {type: fake.thing, name: a, size: large, adopt: existing}\n");
    make(&s, (struct plan_options){0});
    assert_int_equal(s.plan->counts[ACTION_ADOPT], 1);
    finish(&s);
    apply("update a;");
    assert_nothing_to_do();
    make(&s, (struct plan_options){.destroy = true});
    assert_int_equal(s.status, -1);
    finish(&s);
    apply_with((struct plan_options){.destroy = true, .delete_adopted = true}, "delete a;");
}

static void takes_over_what_this_stack_made(void **state)
{
    (void)state;
    struct value_entry there = {STR("name"), value_stringz(&world.arena, "a")};
    put(with_computed(&world.arena, value_map(&world.arena, &there, 1), true));
    world.owned_by = "test";
    write_stack("resources:\n  a: {type: fake.thing, name: a, size: large}\n");
    apply("create a;update a;");
    assert_nothing_to_do();
}

static void a_saved_plan_is_carried_out_or_refused(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *path = arena_printf(&arena, "%s/plan.json", folder).p;
    write_stack("resources:\n" A B);
    struct command s;
    struct saved_plan *saved;
    struct apply_result result;
    make(&s, (struct plan_options){0});
    assert_int_equal(plan_save(s.plan, path, &s.err), 0);
    finish(&s);

    start(&s);
    assert_int_equal(saved_plan_read(path, &saved, &s.err), 0);
    world.reads = 0;
    assert_int_equal(plan_load(&s.workspace, saved, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), 0);
    assert_int_equal(world.reads, 0); /* from the file's facts alone */
    assert_int_equal(run(&s, (struct apply_options){0}, &result), 0);
    assert_string_equal(world.log.p, "create a;create b;");
    finish(&s);

    start(&s); /* a second time the state has moved on */
    assert_int_equal(
        plan_load(&s.workspace, saved, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), -1);
    assert_int_equal(s.err.class, ERR_STALE);
    finish(&s);
    saved_plan_free(saved);

    make(&s, (struct plan_options){0});
    assert_int_equal(plan_save(s.plan, path, &s.err), 0);
    finish(&s);
    write_stack("resources:\n" A);
    start(&s); /* and so have the files */
    assert_int_equal(saved_plan_read(path, &saved, &s.err), 0);
    assert_int_equal(
        plan_load(&s.workspace, saved, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), -1);
    assert_int_equal(s.err.class, ERR_STALE);
    finish(&s);
    saved_plan_free(saved);
}

/* Who reviewed the plan has seen what it deletes. */
static void a_saved_plan_keeps_the_consent_to_delete_what_was_adopted(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *path = arena_printf(&arena, "%s/plan.json", folder).p;
    struct value_entry there = {STR("name"), value_stringz(&world.arena, "a")};
    put(with_computed(&world.arena, value_map(&world.arena, &there, 1), true));
    write_stack("resources:\n  a: {type: fake.thing, name: a, adopt: existing}\n");
    apply("");
    struct command s;
    struct saved_plan *saved;
    struct apply_result result;
    make(&s, (struct plan_options){.destroy = true, .delete_adopted = true});
    assert_int_equal(plan_save(s.plan, path, &s.err), 0);
    finish(&s);
    start(&s);
    assert_int_equal(saved_plan_read(path, &saved, &s.err), 0);
    assert_int_equal(plan_load(&s.workspace, saved, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), 0);
    assert_int_equal(run(&s, (struct apply_options){0}, &result), 0);
    assert_string_equal(world.log.p, "delete a;");
    finish(&s);
    saved_plan_free(saved);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(creates_in_order_and_then_has_nothing_to_do),
        TEST(destroys_dependents_first),
        TEST(shows_drift_and_mends_it),
        TEST(what_is_taken_out_goes_back_to_its_default),
        TEST(replaces_and_keeps_the_order),
        TEST(contradicting_orders_do_not_wait_for_each_other),
        TEST(create_before_destroy_spreads_through_locals),
        TEST(records_that_contradict_each_other_are_destroyed),
        TEST(keyed_dependents_are_destroyed_first),
        TEST(an_unfinished_replacement_is_finished_in_order),
        TEST(a_failure_stops_only_what_depends_on_it),
        TEST(stops_starting_when_credentials_have_ended),
        TEST(stops_starting_when_interrupted),
        TEST(secrets_are_compared_but_not_kept),
        TEST(prevent_destroy_prevents),
        TEST(prevent_destroy_is_recorded),
        TEST(moves_forgets_and_ignores),
        TEST(keyed_instances_come_and_go_by_key),
        TEST(each_value_becomes_known_during_apply),
        TEST(what_batch_out_the_same_is_not_changed),
        TEST(what_was_shown_is_what_is_made),
        TEST(targets_leave_the_rest_alone),
        TEST(data_waits_for_what_it_reads),
        TEST(adopts_only_what_may_be_adopted),
        TEST(takes_over_what_this_stack_made),
        TEST(a_saved_plan_is_carried_out_or_refused),
        TEST(a_saved_plan_keeps_the_consent_to_delete_what_was_adopted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
