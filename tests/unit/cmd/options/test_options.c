#include "cmd/options/options.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct own_settings {
    struct settings shared;
    const char *format;
};

static const struct option own[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT, .offset = offsetof(struct own_settings, format),
        .completes = COMPLETES_CHOICES, .choices = "text markdown"},
};
static const struct option_set own_set = OPTION_SET(NULL, own);
static const struct option_set *const sets[] = {
    &own_set, &options_common, &options_json, &options_stack, &options_plan, &options_change, NULL};

struct parsed {
    struct arena arena;
    struct own_settings settings;
    struct texts args;
    struct err err;
    int rc;
};

static int start(void **state)
{
    *state = mem_zalloc(sizeof(struct parsed));
    return 0;
}

static int stop(void **state)
{
    struct parsed *p = *state;
    arena_release(&p->arena);
    free(p);
    return 0;
}

static void parse(struct parsed *p, const char *line)
{
    struct texts words = {.items = ARENA_ARRAY(&p->arena, struct str, 32)};
    struct str rest = arena_str(&p->arena, str_z(line));
    p->settings = (struct own_settings){0};
    p->args = (struct texts){0};
    p->err = (struct err)ERR_INIT;
    while (rest.p && rest.n)
        words.items[words.n++] = arena_str(&p->arena, str_cut(rest, ' ', &rest));
    p->rc = options_parse(&p->arena, sets, &words, &p->settings, &p->args, &p->err);
}

static void takes_values_in_every_form(void **state)
{
    struct parsed *p = *state;
    static const char *const lines[] = {"--env dev", "--env=dev", "-e dev", "-edev", "-ve dev", "-vedev"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        parse(p, lines[i]);
        assert_int_equal(p->rc, 0);
        assert_string_equal(p->settings.shared.env, "dev");
        assert_int_equal(p->settings.shared.verbose, i >= 4);
    }
    parse(p, "--env=a=b --input k=v=w --env=");
    assert_string_equal(p->settings.shared.env, "");
    assert_string_equal(p->settings.shared.inputs.items[0].p, "k=v=w");
}

static void collects_repeated_ones_and_counts(void **state)
{
    struct parsed *p = *state;
    parse(p, "-i a=1 one -i b=2 -vvv --target=x --target y two --yes");
    assert_int_equal(p->rc, 0);
    assert_int_equal(p->settings.shared.inputs.n, 2);
    assert_string_equal(p->settings.shared.inputs.items[1].p, "b=2");
    assert_int_equal(p->settings.shared.targets.n, 2);
    assert_string_equal(p->settings.shared.targets.items[1].p, "y");
    assert_int_equal(p->settings.shared.verbose, 3);
    assert_true(p->settings.shared.yes);
    assert_int_equal(p->args.n, 2);
    assert_string_equal(p->args.items[1].p, "two");
    parse(p, "--auto-approve");
    assert_true(p->settings.shared.yes);
}

static void takes_what_other_tools_write(void **state)
{
    struct parsed *p = *state;
    parse(p,
        "-env=dev -target=x -target y -json -auto-approve -var a=1 -var=b=2 -var-file=f.yaml -input=false "
        "-refresh=false -chdir=there -compact-warnings -parallelism=3 -no-color=true");
    assert_int_equal(p->rc, 0);
    const struct settings *s = &p->settings.shared;
    assert_string_equal(s->env, "dev");
    assert_int_equal(s->targets.n, 2);
    assert_string_equal(s->targets.items[1].p, "y");
    assert_true(s->json && s->yes && s->no_refresh && s->no_color);
    assert_int_equal(s->inputs.n, 2);
    assert_string_equal(s->inputs.items[0].p, "a=1");
    assert_string_equal(s->inputs.items[1].p, "b=2");
    assert_string_equal(s->input_files.items[0].p, "f.yaml");
    assert_string_equal(s->dir, "there");
    assert_int_equal(s->parallelism, 3);
    parse(p, "-input=c=3 -input d=4 --var=e=5");
    assert_int_equal(p->settings.shared.inputs.n, 3);
    assert_string_equal(p->settings.shared.inputs.items[0].p, "c=3");
    static const char *const hinted[] = {
        "-refresh-only", "--backend-config=x", "-upgrade", "-lock=false", "-destroy"};
    for (size_t i = 0; i < sizeof hinted / sizeof *hinted; i++) {
        parse(p, hinted[i]);
        assert_int_equal(p->rc, -1);
        assert_null(strstr(p->err.hint, "did you mean"));
        assert_true(p->err.hint[0]);
    }
}

static void stops_at_two_dashes(void **state)
{
    struct parsed *p = *state;
    parse(p, "-y - -- -y --json --");
    assert_int_equal(p->rc, 0);
    assert_false(p->settings.shared.json);
    assert_int_equal(p->args.n, 4);
    assert_string_equal(p->args.items[0].p, "-");
    assert_string_equal(p->args.items[3].p, "--");
}

static void reads_numbers_and_times(void **state)
{
    struct parsed *p = *state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"90", 90000}, {"0", 0}, {"30s", 30000}, {"5m", 300000}, {"1h", 3600000}, {"250ms", 250}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -1;
        assert_true(duration_parse(str_z(rows[i].text), &ms));
        assert_int_equal(ms, rows[i].ms);
    }
    static const char *const wrong[] = {
        "", "s", "-1s", "1.5s", "5 m", "5y", "99999999999999999h", "106751991167d"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(duration_parse(str_z(wrong[i]), &(int64_t){0}));
    parse(p, "--parallelism 8 --lock-timeout 2m");
    assert_int_equal(p->settings.shared.parallelism, 8);
    assert_int_equal(p->settings.shared.lock_timeout_ms, 120000);
}

static void says_what_is_wrong(void **state)
{
    struct parsed *p = *state;
    static const struct {
        const char *line, *message, *hint;
    } rows[] = {
        {"--traget x", "unknown option \"--traget\"", "did you mean \"--target\"?"},
        {"--traget=x", "unknown option \"--traget\"", "did you mean \"--target\"?"},
        {"-traget=x", "unknown option \"-traget=x\"", "did you mean \"--target\"?"},
        {"-z", "unknown option \"-z\"", ""},
        {"-vz", "unknown option \"-vz\"", ""},
        {"--env", "--env needs a value: NAME", ""},
        {"-ve", "--env needs a value: NAME", ""},
        {"--json=yes", "--json takes no value", ""},
        {"--parallelism 0", "--parallelism needs a number from 1 to 1024, not \"0\"", ""},
        {"--parallelism many", "--parallelism needs a number from 1 to 1024, not \"many\"", ""},
        {"--lock-timeout soon", "--lock-timeout needs a time like 30s or 5m, not \"soon\"", ""},
        {"--format html", "--format cannot be \"html\" (one of: text markdown)", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        parse(p, rows[i].line);
        assert_int_equal(p->rc, -1);
        assert_int_equal(p->err.class, ERR_USAGE);
        assert_string_equal(p->err.message, rows[i].message);
        assert_string_equal(p->err.hint, rows[i].hint);
    }
}

static void own_options_lie_behind_the_shared_ones(void **state)
{
    struct parsed *p = *state;
    parse(p, "--format markdown --json");
    assert_string_equal(p->settings.format, "markdown");
    assert_true(p->settings.shared.json);
}

static void labels(void **state)
{
    struct parsed *p = *state;
    const struct option *o = options_match(sets, STR("-y"));
    assert_string_equal(option_label(&p->arena, o).p, "-y, --yes, --auto-approve");
    assert_string_equal(
        option_label(&p->arena, options_match(sets, STR("--target=x"))).p, "    --target ADDRESS");
    assert_null(options_match(sets, STR("--")));
    assert_null(options_match(sets, STR("-")));
    assert_null(options_match(sets, STR("word")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_what_other_tools_write, start, stop),
        cmocka_unit_test_setup_teardown(takes_values_in_every_form, start, stop),
        cmocka_unit_test_setup_teardown(collects_repeated_ones_and_counts, start, stop),
        cmocka_unit_test_setup_teardown(stops_at_two_dashes, start, stop),
        cmocka_unit_test_setup_teardown(reads_numbers_and_times, start, stop),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, start, stop),
        cmocka_unit_test_setup_teardown(own_options_lie_behind_the_shared_ones, start, stop),
        cmocka_unit_test_setup_teardown(labels, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
