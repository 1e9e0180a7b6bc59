#include "stacks/expressions/func.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/support/func_calls.h"

static void put(const char *name, const char *text)
{
    struct err err = ERR_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const char *path = arena_printf(&scratch, "%s/%s", folder, name).p;
    if (dir_make(arena_strz(&scratch, path_dir(str_z(path))), &err) ||
        file_write_atomic(path, str_z(text), 0600, &err))
        fail_msg("%s", err.message);
}

static void test_files(void **state)
{
    (void)state;
    put("a.txt", "one\n");
    put("bad.bin", "\xff\xfe");
    put("jobs/x.py", "");
    put("jobs/sub/y.py", "");
    put("jobs/sub/deep/z.py", "");
    put("jobs/.hidden.py", "");
    put("hello.tpl", "Hello ${name}, ${join(\" \", [for x in list : upper(x)])} $${kept}\n");
    put("only.tpl", "${n}");
    put("broken.tpl", "line\n${nam}");
    put("syntax.tpl", "${1 +}");
    put("type.tpl", "${list}");
    put("number.tpl", "${tonumber(n)}");
    put("loop.tpl", "${templatefile('loop.tpl', {})}");
    put("fails.tpl", "a ${1 / n}");
    static const struct expr_row rows[] = {
        {"file('a.txt')", "\"one\\n\""},
        {"filebase64('bad.bin')", "\"//4=\""},
        {"filesha256('a.txt') == sha256(file('a.txt'))", "true"},
        {"fileexists('a.txt')", "true"},
        {"fileexists('jobs')", "false"},
        {"fileset('jobs', '*.py')", "[\"x.py\"]"},
        {"fileset('.', 'jobs/**/*.py')", "[\"jobs/sub/deep/z.py\",\"jobs/sub/y.py\",\"jobs/x.py\"]"},
        {"fileset('jobs', '**/sub/*')", "[\"sub/y.py\"]"},
        {"fileset('jobs', '**')", "[\".hidden.py\",\"sub/deep/z.py\",\"sub/y.py\",\"x.py\"]"},
        {"fileset('jobs', '?.sh')", "[]"},
        {"templatefile('hello.tpl', {name: 'Ann', list: ['a', 'b']})", "\"Hello Ann, A B ${kept}\\n\""},
        {"templatefile('only.tpl', {n: 5})", "\"5\""},
        {"templatefile('only.tpl', {n: later})", "?"},
        {"templatefile('only.tpl', {n: sensitive('x')})", "(sensitive) \"x\""},
        {"templatefile('number.tpl', sensitive({n: 'hunter'}))",
            "error: tonumber() cannot take this; more is not said because it is sensitive"},
        {"templatefile('broken.tpl', {name: 1})",
            "error: the template was not given \"nam\" | did you mean \"name\"?"},
        {"templatefile('syntax.tpl', {})", "error: expected a value, got \"}\""},
        {"templatefile('type.tpl', {list: []})",
            "error: a list cannot stand in text / jsonencode(…) or join(\", \", …) make it text"},
        {"templatefile('fails.tpl', {n: 0})", "error: division by zero"},
        {"try(templatefile('syntax.tpl', {}), templatefile('fails.tpl', {n: 0}), 'x')", "\"x\""},
        {"templatefile('loop.tpl', {})", "error: template files include each other more than 10 deep"},
        {"dirname('x')", "\".\""},
        {"basename('a/b/')", "\"\""},
        {"abspath('/')", "\"/\""},
        {"abspath('/../..')", "\"/\""},
        {"file('')", "error: this is not a file name"},
        {"file(\"a\\u0000b\")", "error: this is not a file name"},
    };
    CHECK_ROWS(rows);
    const char *missing =
        arena_printf(&arena, "error: cannot read %s/no.txt: No such file or directory", folder).p;
    assert_string_equal(run("file('no.txt')"), missing);
    assert_string_equal(run("filesha256('no.txt')"), missing);
    assert_string_equal(run("try(file('no.txt'), 'none')"), "\"none\"");
    assert_string_equal(
        run("file('jobs')"), arena_printf(&arena, "error: cannot read %s/jobs: Is a directory", folder).p);
    assert_string_equal(run("file('bad.bin')"),
        arena_printf(&arena, "error: %s/bad.bin is not a UTF-8 text / filebase64() reads any file", folder)
            .p);
    assert_string_equal(run("fileset('nope', '*')"),
        arena_printf(&arena, "error: cannot read the folder %s/nope: No such file or directory", folder).p);
    assert_string_equal(run("abspath('x/../y')"), arena_printf(&arena, "\"%s/y\"", folder).p);
}

/* An error inside a template file is shown there. */
static void test_template_place(void **state)
{
    (void)state;
    put("place.tpl", "first\n  ${1 / n}\n");
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    {
        AUTO_ARENA struct arena inner = ARENA_INIT; /* gone before the diagnostics are */
        struct source source = {.path = STR("console"), .text = STR("templatefile('place.tpl', {n: 0})")};
        struct resolver resolver = {.lookup = lookup};
        struct scope scope = {.value_of = value_of, .dir = str_z(folder), .diags = &diags};
        struct expr *e = expr_parse(&inner, &source, &diags);
        expr_resolve(e, &resolver, &diags);
        assert_null(expr_eval(e, &scope, &inner));
    }
    struct buf out = BUF_INIT;
    diags_render(&diags, false, &out);
    assert_string_equal(out.p, arena_printf(&arena,
                                   "error: division by zero\n"
                                   "  --> %s/place.tpl:2:5\n"
                                   "   |\n"
                                   " 2 |   ${1 / n}\n"
                                   "   |     ^^^^^\n",
                                   folder)
                                   .p);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_files, teardown),
        cmocka_unit_test_teardown(test_template_place, teardown),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
