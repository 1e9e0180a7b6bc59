#include "cmd/terminal/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void check_safe(struct str text, bool lines, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    text_add_safe(&out, text, lines);
    assert_string_equal(out.p, expected);
}

static void nothing_steers_the_terminal(void **state)
{
    (void)state;
    check_safe(STR("plain ü 데 text"), false, "plain ü 데 text");
    check_safe(STR("\033[31mred"), false, "\\u001b[31mred");
    check_safe(STR("a\nb\tc"), false, "a\\u000ab\\u0009c");
    check_safe(STR("a\nb"), true, "a\nb");
    check_safe(STR("\xc2\x9b"
                   "31m"),
        false, "\\u009b31m");
    check_safe(STR("user\xe2\x80\xae"
                   "txt.exe"),
        false, "user\\u202etxt.exe");
    check_safe(STR("\xe2\x81\xa6x\xe2\x80\xa6"), false, "\\u2066x…");
    check_safe(STR("\x7f"), false, "\\u007f");
    check_safe(STR("ok\xff\x1b"), false, "ok\\xff\\u001b");
}

static void lines_of_commands(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    text_add_lines(&out, STR("E: no\tx\r\n\n  b\033\n"), " / ");
    assert_string_equal(out.p, "E: no\\u0009x /   b\\u001b");
}

static void quotes(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    text_add_quoted(&out, STR("a \"b\" \\ c\nd\te\r\x01"));
    assert_string_equal(out.p, "\"a \\\"b\\\" \\\\ c\\nd\\te\\r\\u0001\"");
}

static void xml_takes_all_of_it(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    text_add_xml(&out, STR("<a b='c'>\"&\"\033[1m\n\tü\x01"));
    assert_string_equal(out.p, "&lt;a b=&apos;c&apos;&gt;&quot;&amp;&quot;[1m\n\tü");
}

static void formats_escape_strings_only(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT, page = BUF_INIT, styled = BUF_INIT;
    text_addf(&out, "%s: %.*s %d%% of %zu, %u, %lld, %c%.1f %.3g\n", "a\033[1m", STR_ARG(STR("b\nc")), -7,
        (size_t)1 << 40, 4000000000u, -5000000000ll, '!', 1.25, 0.1234);
    assert_string_equal(
        out.p, "a\\u001b[1m: b\\u000ac -7% of 1099511627776, 4000000000, -5000000000, !1.2 0.123\n");
    text_addf_xml(&page, "<b id=\"%.*s\">%s</b>", STR_ARG(STR("\"x\0")), "<i>");
    assert_string_equal(page.p, "<b id=\"&quot;x\">&lt;i&gt;</b>");
    style_addf(&styled, true, STYLE_RED, "%s%s", "", "\033");
    assert_string_equal(styled.p, "\033[31m\\u001b\033[0m");
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {{0, "0 ms"}, {99, "99 ms"}, {100, "0.1 s"}, {949, "0.9 s"}, {59999, "59.9 s"},
        {60000, "1 m 00 s"}, {3599999, "59 m 59 s"}, {3600000, "1 h 00 m"}, {90000000, "25 h 00 m"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_BUF struct buf out = BUF_INIT;
        text_add_duration(&out, rows[i].ms);
        assert_string_equal(out.p, rows[i].text);
    }
}

static void wraps_at_the_width(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    text_add_wrapped(&out, STR("one two three four-and-a-half five"), 4, 4, 14);
    assert_string_equal(out.p, "one two\n    three\n    four-and-a-half\n    five");
}

static void colours_only_where_wanted(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT;
    style_add(&out, false, STYLE_RED, "a");
    style_add(&out, true, STYLE_RED, "b");
    style_add(&out, true, STYLE_PLAIN, "c");
    assert_string_equal(out.p, "a\033[31mb\033[0mc");
}

static void a_pipe_is_no_terminal(void **state)
{
    (void)state;
    int fds[2];
    struct term term;
    assert_int_equal(pipe(fds), 0);
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    term_init(&term, fds[1], false);
    assert_false(term.tty);
    assert_false(term.color);
    assert_true(term.utf8);
    assert_int_equal(term.width, 80);
    setenv("LC_ALL", "C", 1);
    term_init(&term, fds[1], false);
    assert_false(term.utf8);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_steers_the_terminal),
        cmocka_unit_test(lines_of_commands),
        cmocka_unit_test(quotes),
        cmocka_unit_test(xml_takes_all_of_it),
        cmocka_unit_test(formats_escape_strings_only),
        cmocka_unit_test(durations),
        cmocka_unit_test(wraps_at_the_width),
        cmocka_unit_test(colours_only_where_wanted),
        cmocka_unit_test(a_pipe_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
