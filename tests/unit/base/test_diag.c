#include "base/diag.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct source source = {.path = STR_INIT("weir.yaml"),
    .text = STR_INIT("stack: a\n"
                     "resources:\n"
                     "  lake:\n"
                     "    versionning: true\n")};

static void check(struct diags *diags, bool color, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(diags, color, &out);
    assert_string_equal(out.p ? out.p : "", expected);
}

static void renders_excerpt_caret_and_label(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct span span = span_at(&source, 32, 11);
    struct diag *d = diag_error(&diags, span, "aws.s3.bucket has no attribute \"%s\"", "versionning");
    const struct str candidates[] = {STR_INIT("name"), STR_INIT("versioning"), STR_INIT("tags")};
    diag_did_you_mean(&diags, d, STR("versionning"), candidates, 3);
    check(&diags, false,
        "error: aws.s3.bucket has no attribute \"versionning\"\n"
        "  --> weir.yaml:4:5\n"
        "   |\n"
        " 4 |     versionning: true\n"
        "   |     ^^^^^^^^^^^ did you mean \"versioning\"?\n");
}

static void renders_related_place_and_hint(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct diag *d = diag_warning(&diags, span_at(&source, 20, 4), "two of them");
    diag_related(&diags, d, span_at(&source, 0, 5), "one");
    diag_hint(&diags, d, "take one");
    check(&diags, false,
        "warning: two of them\n"
        "  --> weir.yaml:3:1\n"
        "   |\n"
        " 3 |   lake:\n"
        "   | ^^^^\n"
        "  --> weir.yaml:1:1\n"
        "   |\n"
        " 1 | stack: a\n"
        "   | ----- one\n"
        "  hint: take one\n");
    assert_int_equal(diags.errors, 0);
}

static void sorts_and_separates(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source other = {.path = STR("a.yaml"), .text = STR("x\n")};
    diag_error(&diags, span_at(&source, 9, 1), "third");
    diag_error(&diags, span_at(&source, 0, 1), "second");
    diag_error(&diags, (struct span){.source = &other}, "first of a file");
    diag_error(&diags, (struct span){0}, "nowhere");
    diag_error(&diags, span_at(&source, 9, 1), "third");
    assert_int_equal(diags.errors, 4);
    check(&diags, false,
        "error: nowhere\n\n"
        "error: first of a file\n  --> a.yaml\n\n"
        "error: second\n  --> weir.yaml:1:1\n   |\n 1 | stack: a\n   | ^\n\n"
        "error: third\n  --> weir.yaml:2:1\n   |\n 2 | resources:\n   | ^\n");
}

static void keeps_a_limited_number(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = {.limit = 2};
    for (int i = 0; i < 5; i++) {
        struct diag *d = diag_error(&diags, (struct span){0}, "number %d", i);
        diag_hint(&diags, d, "hint %d", i);
        diag_label(&diags, d, "label %d", i);
        diag_related(&diags, d, span_at(&source, 0, 1), "related %d", i);
    }
    assert_int_equal(diags.errors, 5);
    assert_int_equal(diags.n, 2);
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&diags, false, &out);
    assert_non_null(strstr(out.p, "number 1"));
    assert_null(strstr(out.p, "number 2"));
    assert_non_null(strstr(out.p, "\n… and 3 more\n"));
}

static void nothing_steers_the_terminal(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source evil = {.path = STR("x\033[2J.yaml"), .text = STR("a: \033[31m\xff\tb\r\n")};
    diag_error(&diags, span_at(&evil, 3, 2), "bad \033]0;title\a\nname");
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&diags, false, &out);
    assert_null(strchr(out.p, '\033'));
    assert_null(strchr(out.p, '\a'));
    assert_null(strchr(out.p, '\r'));
    assert_true(str_is_utf8(buf_str(&out)));
}

static void wide_characters_keep_the_carets_in_place(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source wide = {.path = STR("w.yaml"), .text = STR("이름: 가나 # é\n")};
    struct span span = span_at(&wide, 8, 6);
    assert_int_equal(span.column, 5);
    diag_error(&diags, span, "wide");
    check(&diags, false, "error: wide\n  --> w.yaml:1:5\n   |\n 1 | 이름: 가나 # é\n   |       ^^^^\n");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    size_t n = 10 * 1000 * 1000;
    AUTO_FREE char *text = mem_alloc(n);
    memset(text, 'x', n);
    text[n / 2] = '!';
    struct source large = {.path = STR("l.yaml"), .text = {text, n}};
    diag_error(&diags, span_at(&large, n / 2, 1), "%.*s", (int)n, text);
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&diags, false, &out);
    assert_true(out.n < 2000);
    assert_non_null(strstr(out.p, "x!x"));
}

static void place_is_worked_out_when_reported(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct span lazy = {.source = &source, .offset = 32, .length = 3};
    struct diag *d = diag_error(&diags, lazy, "late");
    assert_int_equal(d->span.line, 4);
    assert_int_equal(d->span.column, 5);
}

static void span_at_the_end(void **state)
{
    (void)state;
    struct span span = span_at(&source, 9999, 5);
    assert_int_equal(span.offset, source.text.n);
    assert_int_equal(span.length, 0);
    assert_int_equal(span.line, 5);
    struct source empty = {.path = STR("e.yaml"), .text = STR("")};
    assert_int_equal(span_at(&empty, 0, 0).line, 1);
    struct source bom = {.path = STR("b.yaml"), .text = STR("\xef\xbb\xbfkey")};
    assert_int_equal(span_at(&bom, 3, 3).column, 1);
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    diag_error(&diags, span_at(&bom, 0, 3), "bom");
    diag_error(&diags, span, "end");
    check(&diags, false,
        "error: bom\n  --> b.yaml:1:1\n   |\n 1 | key\n   | ^^^\n\n"
        "error: end\n  --> weir.yaml:5:1\n   |\n 5 |\n   | ^\n");
}

static void colours(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    diag_error(&diags, (struct span){0}, "red");
    check(&diags, true, "\033[1;31merror:\033[0m \033[1mred\033[0m\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_excerpt_caret_and_label),
        cmocka_unit_test(renders_related_place_and_hint),
        cmocka_unit_test(sorts_and_separates),
        cmocka_unit_test(keeps_a_limited_number),
        cmocka_unit_test(nothing_steers_the_terminal),
        cmocka_unit_test(wide_characters_keep_the_carets_in_place),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(place_is_worked_out_when_reported),
        cmocka_unit_test(span_at_the_end),
        cmocka_unit_test(colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
