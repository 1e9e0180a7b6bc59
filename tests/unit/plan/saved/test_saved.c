/* Saved plans that somebody has changed: what is shown of one is what it does, or neither happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cmd/output/render.h"
#include "plan/saved/saved.h"
#include "tests/unit/support/toy_world.h"

static struct arena arena;

/* A plan that creates, updates, replaces and deletes, repairs what was changed outside, and has secrets. */
static struct str saved_text(const char *settings)
{
    const char *path = arena_printf(&arena, "%s/plan.json", folder).p;
    struct command s;
    struct str file;
    write_stack(arena_printf(&arena,
        "%sresources:\n  a: {type: fake.thing, name: a}\n  b: {type: fake.thing, name: b, ref: \"${a.id}\"}\n"
        "  c: {type: fake.thing, name: c, size: large}\n  d: {type: fake.thing, name: d, secret: \"one\"}\n",
        settings)
                    .p);
    apply("create a;create c;create d;create b;");
    change_outside("c", "size", "huge");
    write_stack(arena_printf(&arena,
        "%sresources:\n  a: {type: fake.thing, name: a2}\n  b: {type: fake.thing, name: b, ref: "
        "\"${a.id}\"}\n"
        "  c: {type: fake.thing, name: c, size: large}\n  e: {type: fake.thing, name: e, secret: "
        "\"${inputs.pw}\"}\noutputs:\n  out: {value: \"${a.name}\"}\n",
        settings)
                    .p);
    make(&s, (struct plan_options){0});
    assert_int_equal(plan_save(s.plan, path, &s.err), 0);
    finish(&s);
    assert_int_equal(file_read(&arena, path, 0, &file, &s.err), 0);
    return file;
}

/* But for how long it took. */
static void render(struct buf *out, const struct plan *whole)
{
    struct plan copy = *whole, *plan = &copy;
    copy.refreshed = false;
    buf_clear(out);
    render_plan(plan, &(struct render_options){.everything = true}, out);
    render_plan(plan, &(struct render_options){.compact = true}, out);
    render_markdown(plan, STR("test"), STR_EMPTY, MARKDOWN_MAX, out);
}

static void what_is_shown_is_what_is_done(void **state)
{
    (void)state;
    struct command s;
    struct saved_plan *saved;
    struct apply_result result;
    AUTO_BUF struct buf shown = BUF_INIT, planned = BUF_INIT;
    struct str file = saved_text("");
    start(&s);
    assert_int_equal(saved_plan_parse(file, "it", &saved, &s.err), 0);
    render(&shown, saved_plan_shown(saved, s.workspace.catalog));
    assert_int_equal(plan_load(&s.workspace, saved, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), 0);
    render(&planned, s.plan);
    assert_string_equal(shown.p, planned.p);
    assert_non_null(strstr(shown.p, "(sensitive)"));
    assert_int_equal(run(&s, (struct apply_options){0}, &result), 0);
    assert_string_equal(world.log.p, "update c;create e;delete d;delete a;create a2;update b;");
    finish(&s);
    saved_plan_free(saved);
}

static void no_byte_can_be_another(void **state)
{
    (void)state;
    struct str file = saved_text("");
    AUTO_FREE char *other = mem_memdup0(file.p, file.n);
    for (size_t i = 0; i < file.n; i++) {
        struct saved_plan *saved;
        struct err err = ERR_INIT;
        other[i] ^= (char)(1 << i % 8);
        assert_int_equal(saved_plan_parse(str_n(other, file.n), "it", &saved, &err), -1);
        assert_true(err.class == ERR_DAMAGED || err.class == ERR_INVALID);
        other[i] = file.p[i];
    }
    for (size_t n = 0; n < file.n; n++) {
        struct saved_plan *saved;
        struct err err = ERR_INIT;
        assert_int_equal(saved_plan_parse(str_n(other, n), "it", &saved, &err), -1);
    }
}

/* Of what is signed with a digest of its own: a plan as somebody makes it up. */
static void forge(struct buf *out, struct str content)
{
    buf_clear(out);
    buf_add_str(out, content);
    buf_add_char(out, '}');
    saved_sign(out, NULL);
}

/* Without the hashes of sensitive inputs, each of which takes some milliseconds. */
static struct str without_inputs(struct str content)
{
    ptrdiff_t at = str_find(content, STR("\"secrets\":{"), 0), end = str_find(content, STR("}}"), (size_t)at);
    assert_true(at > 0 && end > at);
    return arena_printf(&arena, "%.*s\"secrets\":{%.*s", STR_ARG(str_slice(content, 0, (size_t)at)),
        STR_ARG(str_slice(content, (size_t)end + 1, content.n)));
}

/* The plan is loaded, or refused; loaded it does what was shown. */
static bool agrees_or_refuses(struct command *s, struct str file)
{
    struct saved_plan *saved;
    struct err err = ERR_INIT;
    AUTO_BUF struct buf shown = BUF_INIT, planned = BUF_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct plan *plan = NULL;
    if (saved_plan_parse(file, "it", &saved, &err))
        return false;
    render(&shown, saved_plan_shown(saved, s->workspace.catalog));
    bool loaded = !plan_load(&s->workspace, saved, &(struct plan_options){0}, &diags, &plan, &err);
    saved_plan_free(saved);
    if (!loaded)
        return false;
    render(&planned, plan);
    assert_string_equal(shown.p, planned.p);
    plan_free(plan);
    return true;
}

static void what_is_forged_does_what_it_shows(void **state)
{
    (void)state;
    struct str file = saved_text(""), content, mac;
    struct command s;
    AUTO_BUF struct buf forged = BUF_INIT;
    size_t loaded = 0;
    assert_true(saved_digest_matches(file, &content, &mac));
    assert_false(mac.n);
    start(&s);
    forge(&forged, content);
    assert_true(str_eq(buf_str(&forged), file));
    assert_true(agrees_or_refuses(&s, file));
    content = without_inputs(content);
    AUTO_FREE char *other = mem_memdup0(content.p, content.n);
    for (size_t i = 0; i < content.n; i++) {
        other[i] ^= 1;
        forge(&forged, str_n(other, content.n));
        loaded += agrees_or_refuses(&s, buf_str(&forged));
        other[i] = content.p[i];
    }
    assert_in_range(loaded, 1, content.n / 4); /* the version that wrote it, how long the refresh took */
    finish(&s);
}

static void with_a_key_nobody_else_makes_one(void **state)
{
    (void)state;
    assert_int_equal(setenv("WEIR_TEST_KEY", "a key that nobody has", 1), 0);
    struct str file = saved_text("state: {key: \"env:WEIR_TEST_KEY\"}\n"), content, mac;
    struct command s;
    struct saved_plan *saved;
    AUTO_BUF struct buf forged = BUF_INIT;
    assert_true(saved_digest_matches(file, &content, &mac));
    assert_true(mac.n);
    start(&s);
    assert_true(agrees_or_refuses(&s, file));
    forge(&forged, content);
    assert_int_equal(saved_plan_parse(buf_str(&forged), "it", &saved, &s.err), 0);
    assert_int_equal(
        plan_load(&s.workspace, saved, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), -1);
    assert_string_equal(s.err.message, "this plan was made without the state's key");
    saved_plan_free(saved);
    /* its MAC, below something else */
    forge(
        &forged, arena_printf(&arena, "%.*s,\"more\":true,\"mac\":\"%.*s\"", STR_ARG(content), STR_ARG(mac)));
    assert_int_equal(saved_plan_parse(buf_str(&forged), "it", &saved, &s.err), 0);
    assert_int_equal(
        plan_load(&s.workspace, saved, &(struct plan_options){0}, &s.diags, &s.plan, &s.err), -1);
    assert_non_null(strstr(s.err.message, "was changed since"));
    saved_plan_free(saved);
    finish(&s);
}

static int clean(void **state)
{
    arena_release(&arena);
    return remove_folder(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_folder, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_shown_is_what_is_done),
        TEST(no_byte_can_be_another),
        TEST(what_is_forged_does_what_it_shows),
        TEST(with_a_key_nobody_else_makes_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
