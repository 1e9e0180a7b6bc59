/*
 * What must hold for every row of the tables of commands and options.
 */
#include "cmd/invocation/invocation.h"

#include "base/map.h"
#include "cmd/options/options.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Help makes sentences of them. */
static void check_phrase(struct str phrase)
{
    const char *text = phrase.p;
    assert_true(phrase.n > 1);
    assert_false(isupper((unsigned char)text[0]) && islower((unsigned char)text[1]));
    assert_int_not_equal(text[strlen(text) - 1], '.');
}

static void check_command(struct buf *out, const struct command *c, struct str path)
{
    (void)out;
    check_phrase(help_summary(path));
    assert_true((c->run != NULL) != (c->subs != NULL));
    assert_true(c->settings_size == 0 || c->settings_size >= sizeof(struct settings));
    assert_true((c->args != NULL) == (c->max_args != 0));
    assert_true(c->max_args < 0 || c->min_args <= c->max_args);
    assert_true((c->completes == COMPLETES_CHOICES) == (c->choices != NULL));
}

static size_t field_size(enum option_kind kind)
{
    switch (kind) {
    case OPTION_FLAG: return sizeof(bool);
    case OPTION_COUNT:
    case OPTION_NUMBER: return sizeof(int);
    case OPTION_TEXT: return sizeof(const char *);
    case OPTION_LIST: return sizeof(struct texts);
    case OPTION_DURATION: return sizeof(int64_t);
    }
    return 0;
}

static void check_option(const struct command *c, struct str path, const struct option *o)
{
    bool takes_value = o->kind != OPTION_FLAG && o->kind != OPTION_COUNT;
    check_phrase(help_option(path, o));
    assert_true(takes_value == (o->value != NULL));
    assert_true((o->completes == COMPLETES_CHOICES) == (o->choices != NULL));
    assert_true(o->kind != OPTION_NUMBER || o->min < o->max);
    size_t size = c->settings_size ? c->settings_size : sizeof(struct settings);
    assert_true(o->offset + field_size(o->kind) <= size);
}

/* No name, letter or field twice among the options of one command. */
static void check_options(struct buf *out, const struct command *c, struct str path)
{
    (void)out;
    const struct option_set *sets[COMMAND_SETS_MAX];
    AUTO_MAP struct map names = MAP_INIT;
    bool letters[256] = {false};
    command_sets(c, sets);
    for (size_t s = 0; sets[s]; s++)
        for (size_t i = 0; i < sets[s]->n; i++) {
            const struct option *o = &sets[s]->options[i];
            check_option(c, path, o);
            assert_null(map_set(&names, str_z(o->name), (void *)(uintptr_t)o));
            if (o->alias)
                assert_null(map_set(&names, str_z(o->alias), (void *)(uintptr_t)o));
            assert_false(o->letter && letters[(unsigned char)o->letter]);
            letters[(unsigned char)o->letter] = true;
        }
}

static void commands_are_complete(void **state)
{
    (void)state;
    commands_walk(check_command, NULL);
}

static void options_are_complete_and_do_not_clash(void **state)
{
    (void)state;
    commands_walk(check_options, NULL);
}

static bool has_option(const struct command *c, struct str name)
{
    const struct option_set *sets[COMMAND_SETS_MAX];
    command_sets(c, sets);
    for (size_t s = 0; sets[s]; s++)
        for (size_t i = 0; i < sets[s]->n; i++)
            if (str_eqz(name, sets[s]->options[i].name))
                return true;
    for (const struct command *const *sub = c->subs; sub && *sub; sub++)
        if (has_option(*sub, name))
            return true;
    return false;
}

/* cmd/help.yaml says nothing of commands and options that there are not. */
static void texts_are_of_commands_and_options(void **state)
{
    (void)state;
    const struct node *commands = help_section("commands");
    assert_true(commands->count > 60);
    for (uint32_t i = 0; i < commands->count; i++) {
        struct str rest, first = str_cut(commands->entries[i].key, ' ', &rest);
        const struct command *c = command_find(first);
        c = c && rest.n ? command_find_sub(c, rest) : c;
        assert_non_null(c);
        const struct node *options = node_get(commands->entries[i].value, "options");
        for (uint32_t k = 0; options && k < options->count; k++)
            assert_true(has_option(c, options->entries[k].key));
    }
}

static void commands_are_found_by_name(void **state)
{
    (void)state;
    assert_string_equal(command_find(STR("plan"))->name, "plan");
    assert_null(command_find(STR("pla")));
    assert_null(command_find(STR("")));
    const struct command *state_command = command_find(STR("state"));
    assert_string_equal(command_find_sub(state_command, STR("mv"))->name, "mv");
    assert_null(command_find_sub(state_command, STR("plan")));
    assert_null(command_find_sub(command_find(STR("plan")), STR("mv")));
}

static int help_width(const struct command *c, struct str path, int width)
{
    struct term term = {.fd = -1, .width = width, .height = 24};
    AUTO_BUF struct buf out = BUF_INIT;
    help_command(c, path, &term, &out);
    struct str rest = buf_str(&out);
    size_t widest = 0;
    while (rest.n) {
        struct str line = str_cut(rest, '\n', &rest);
        size_t n = str_code_points(line);
        widest = n > widest ? n : widest;
    }
    return (int)widest;
}

static void check_help(struct buf *out, const struct command *c, struct str path)
{
    (void)out;
    assert_true(help_width(c, path, 80) <= 80);
}

static void help_fits_the_terminal(void **state)
{
    (void)state;
    commands_walk(check_help, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_complete),
        cmocka_unit_test(options_are_complete_and_do_not_clash),
        cmocka_unit_test(texts_are_of_commands_and_options),
        cmocka_unit_test(commands_are_found_by_name),
        cmocka_unit_test(help_fits_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
