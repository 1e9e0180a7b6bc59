#include "base/yaml.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* What means something in YAML, to its readers' lines or to a terminal. */
static const char *const pieces[] = {"a", "b", "0", "1", "9", " ", " ", "\n", "\t", "\r", ":", ": ", " #",
    "#", "-", "- ", "---", "...", "?", "? ", "!", "&", "*", "|", ">", "%", "@", "`", "'", "\"", "\\", ",",
    "[", "]", "{", "}", "$", "${", "~", "<<", "=", ".", "e", "x", "true", "null", "no", "\x01", "\x1b",
    "\x7f", "\xc2\x80", "\xc2\x85", "\xc2\x9f", "\xc2\xa0", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
    "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xc3\xa4", "\xf0\x9f\x90\x88"};
enum { PIECES = sizeof pieces / sizeof *pieces, ROUNDS = 40000 };

/* How it stands in a file: before it and after it. */
static const struct place {
    const char *before, *after;
    bool flow;
} places[] = {{"k: ", "\n", false}, {"- ", "\n", false}, {"[", ", x]\n", true}, {"{k: ", "}\n", true},
    {"{k: {", ": x}}\n", true}, {"k:\n  ", ": x\n", false}};

static struct str only_text(const struct node *node)
{
    while (node->kind == NODE_LIST || node->kind == NODE_MAP) {
        if (node->kind == NODE_MAP && !str_eqz(node->entries[0].key, "k"))
            return node->entries[0].key;
        node = node->kind == NODE_LIST ? node->items[0] : node->entries[0].value;
    }
    assert_int_equal(node->kind, NODE_STRING);
    return node->string;
}

static void check_read(struct str text, struct str file)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("x.yaml"), .text = file};
    struct node *node = yaml_parse(&arena, &source, &diags);
    struct str got = diags.errors || !node ? STR("(cannot be read)") : only_text(node);
    if (!str_eq(got, text))
        fail_msg(
            "\"%.*s\" is written as\n%.*sand read as \"%.*s\"", STR_ARG(text), STR_ARG(file), STR_ARG(got));
}

static void check_written(struct str text)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        AUTO_BUF struct buf file = BUF_INIT;
        buf_addf(&file, "%s", places[i].before);
        yaml_write_text(&file, text, places[i].flow);
        buf_addf(&file, "%s", places[i].after);
        check_read(text, buf_str(&file));
    }
    if (!yaml_fits_block(text))
        return;
    AUTO_BUF struct buf file = BUF_INIT;
    struct str line, left = str_ends(text, STR("\n")) ? str_slice(text, 0, text.n - 1) : text;
    buf_addf(&file, "k: |%s\n", left.n == text.n ? "-" : "");
    while (left.p) {
        line = str_cut(left, '\n', &left);
        buf_addf(&file, line.n ? "  %.*s\n" : "\n", STR_ARG(line));
    }
    check_read(text, buf_str(&file));
}

static void what_is_written_reads_the_same(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (size_t i = 0; i < PIECES; i++)
        check_written(str_z(pieces[i]));
    for (int round = 0; round < ROUNDS; round++) {
        AUTO_BUF struct buf text = BUF_INIT;
        for (int n = rand_r(&seed) % 6; n >= 0; n--)
            buf_addf(&text, "%s", pieces[rand_r(&seed) % PIECES]);
        check_written(buf_str(&text));
    }
}

/* What may steer a terminal, or end a line for some reader, is seen in the file. */
static void what_nobody_sees_is_escaped(void **state)
{
    (void)state;
    static const char *const hidden[][2] = {{"a\x1b[2J", "\"a\\u001b[2J\""}, {"a\xc2\x85", "\"a\\u0085\""},
        {"a\xe2\x80\xa8 \"b\"", "\"a\\u2028 \\\"b\\\"\""}, {"a\xe2\x80\xa9", "\"a\\u2029\""},
        {"\xef\xbb\xbf"
         "a",
            "\"\\ufeffa\""},
        {"a\xef\xbf\xbf", "\"a\\uffff\""}, {"\xe2\x80\x93", "\xe2\x80\x93"}};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        AUTO_BUF struct buf out = BUF_INIT;
        yaml_write_text(&out, str_z(hidden[i][0]), false);
        assert_string_equal(out.p, hidden[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(what_nobody_sees_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
