#include "stacks/expressions/func.h"

#include "base/file.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/support/func_calls.h"

/* ---- the table ---- */

/* What the documentation shows is what happens. */
static void test_examples(void **state)
{
    (void)state;
    size_t n, names;
    const struct function_doc *docs = function_docs(&n);
    function_names(&names);
    assert_int_equal(n, names);
    for (size_t i = 0; i < n; i++) {
        if (i && str_cmp(docs[i - 1].name, docs[i].name) >= 0)
            fail_msg("%s is not sorted in", docs[i].name.p);
        assert_true(docs[i].doc.n > 10 && str_starts(docs[i].signature, docs[i].name));
        if (docs[i].example.n && strcmp(run(docs[i].example.p), docs[i].result.p) != 0)
            fail_msg(
                "%s\n  wanted %s\n  got    %s", docs[i].example.p, docs[i].result.p, run(docs[i].example.p));
        if (!docs[i].example.n)
            assert_string_equal(docs[i].group.p, "file");
    }
}

/* Every function passes on that an argument is unknown or sensitive; those that decide otherwise are listed.
 */
static void test_marks_of_all(void **state)
{
    (void)state;
    size_t n;
    const struct function_doc *docs = function_docs(&n);
    for (size_t i = 0; i < n; i++) {
        const struct function *f = function_find(docs[i].name);
        assert_non_null(f);
        if (f->flags & (FUNC_LAZY | FUNC_OWN_MARKS))
            continue;
        struct buf text = BUF_INIT;
        buf_addf(&text, "%s(later", f->name.p);
        for (int k = 1; k < f->min; k++)
            buf_addz(&text, ", later");
        buf_addz(&text, ")");
        assert_string_equal(run(text.p), "?");
        buf_clear(&text);
        buf_addf(&text, "%s(sensitive(later)", f->name.p);
        for (int k = 1; k < f->min; k++)
            buf_addz(&text, ", later");
        buf_addz(&text, ")");
        assert_string_equal(run(text.p), "(sensitive) ?");
        buf_release(&text);
    }
}

static void test_arguments(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"upper()", "error: upper() takes 1 argument, got 0 / upper(text) -> string"},
        {"upper('a', 'b')", "error: upper() takes 1 argument, got 2 / upper(text) -> string"},
        {"substr('a')",
            "error: substr() takes 2 to 3 arguments, got 1 / substr(text, from, [length]) -> string"},
        {"concat()", "error: concat() takes at least 1 argument, got 0 / concat(list, …) -> list"},
        {"upper([1])",
            "error: the first argument of upper() must be a string, got a list / upper(text) -> string"},
        {"upper(null)",
            "error: the first argument of upper() must be a string, got null / upper(text) -> string"},
        {"upper(12)", "\"12\""},
        {"concat([1], [2], {})",
            "error: the third argument of concat() must be a list, got a map / concat(list, …) -> list"},
        {"chunk([1], 1.5)", "error: the second argument of chunk() must be an integer, got a number / "
                            "chunk(list, size) -> list"},
        {"chunk([1, 2], 1.0)", "[[1],[2]]"},
        {"jsonencode(1, 2)",
            "error: the second argument of jsonencode() must be true or false, got an integer / "
            "jsonencode(value, [pretty]) -> string"},
        {"ceil('1')",
            "error: the first argument of ceil() must be a number, got a string / ceil(number) -> integer"},
        {"keys([])", "error: the first argument of keys() must be a map, got a list / keys(map) -> list"},
        {"tomap(1)", "error: the first argument of tomap() must be a list or a map, got an integer / "
                     "tomap(list) -> map"},
        {"type(null)", "\"null\""},
        {"length(null)", "error: the first argument of length() must be a value, got null / length(list, map "
                         "or text) -> integer"},
        {"toupper('a')", "error: there is no function \"toupper\" | did you mean \"upper\"?"},
        {"timestamp()", "error: there is no function \"timestamp\" / each plan would have another time: give "
                        "it as an input"},
        {"upper(1/0)", "error: division by zero"},
    };
    CHECK_ROWS(rows);
}

/* ---- the groups ---- */

static void test_text(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"upper('straße é')", "\"STRAßE é\""},
        {"lower('ÀB')", "\"Àb\""},
        {"title(\"it's a dOG-house\")", "\"It's A DOG-House\""},
        {"trim(\"  a \\n\")", "\"a\""},
        {"trim('ééaéé', 'é')", "\"a\""},
        {"trim('xxx', 'x')", "\"\""},
        {"trimprefix('abc', 'x')", "\"abc\""},
        {"trimsuffix('abc', 'bc')", "\"a\""},
        {"chomp(\"a\\r\\n\\n\")", "\"a\""},
        {"split(', ', 'a, b,c')", "[\"a\",\"b,c\"]"},
        {"split(',', '')", "[\"\"]"},
        {"split(',', 'a,')", "[\"a\",\"\"]"},
        {"split('', 'añb')", "[\"a\",\"ñ\",\"b\"]"},
        {"split('', '')", "[]"},
        {"join(',', [])", "\"\""},
        {"join(',', [1, null])", "error: join() joins texts, but item 1 is null"},
        {"join(',', ['a', later])", "?"},
        {"replace('aaa', 'aa', 'b')", "\"ba\""},
        {"replace('a', '', 'b')", "error: replace() cannot look for empty text"},
        {"substr('añbc', 1, 2)", "\"ñb\""},
        {"substr('abc', 5)", "\"\""},
        {"substr('abc', -10, 2)", "\"ab\""},
        {"substr('abc', 1, -1)", "\"bc\""},
        {"substr('abc', 0, 0)", "\"\""},
        {"startswith('abc', 'abcd')", "false"},
        {"endswith('abc', '')", "true"},
        {"contains('abc', 'bc')", "true"},
        {"contains('abc', 1)", "error: text contains text only, got an integer"},
        {"indent(2, \"a\\n\\nb\\n\")", "\"a\\n\\n  b\\n\""},
        {"indent(-1, 'a')", "error: indent() takes 0 to 1000 spaces, got -1"},
        {"length('añb')", "3"},
        {"length(1)", "error: length() takes a list, a map or text, got an integer"},
        {"reverse('añb')", "\"bña\""},
        {"reverse(1)", "error: reverse() takes a list or text, got an integer"},
    };
    CHECK_ROWS(rows);
}

static void test_regex(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"regex('[a-z]+', '12ab34')", "\"ab\""},
        {"regex('([a-z])([0-9])?', 'a')", "[\"a\",null]"},
        {"regex('(?<y>[0-9]{4})-(?<m>[0-9]{2})', 'on 2026-11-21')", "{\"m\":\"11\",\"y\":\"2026\"}"},
        {"regex('^\\pL+$', 'straße')", "\"straße\""},
        {"regex('x', 'abc')", "error: \"abc\" does not match"},
        {"regex('x', sensitive('abc'))",
            "error: regex() cannot take this; more is not said because it is sensitive"},
        {"try(regex('x', 'abc'), 'none')", "\"none\""},
        {"regex('(', 'a')", "error: not a regular expression: missing closing parenthesis at character 2"},
        {"regexall('[0-9]', 'abc')", "[]"},
        {"regexall('(.)=(.)', 'a=1,b=2')", "[[\"a\",\"1\"],[\"b\",\"2\"]]"},
        {"regexall('x*', 'añxb')", "[\"\",\"\",\"x\",\"\",\"\"]"},
        {"regexreplace('2026-11', '(\\d+)-(\\d+)', '$2/$1')", "\"11/2026\""},
        {"regexreplace('a-b', '(?<l>\\w)', '<${l}>')", "\"<a>-<b>\""},
        {"regexreplace('abc', 'x', 'y')", "\"abc\""},
        {"regexreplace('añb', '', '-')", "\"-a-ñ-b-\""},
        {"regexreplace('ab', '(a)|(b)', '[$1|${2}|$0|$$]')", "\"[a||a|$][|b|b|$]\""},
        {"regexreplace('ab', 'a', '${1}')",
            "error: the replacement names a group that is not there; a $ itself is $$"},
        {"regexreplace('ab', 'a', '${x')",
            "error: the replacement names a group that is not there; a $ itself is $$"},
        {"regexreplace('ab', 'a', '$')",
            "error: the replacement names a group that is not there; a $ itself is $$"},
        {"regexreplace('aaa', 'a', 'a long replacement that does not fit the first guess of room')",
            "\"a long replacement that does not fit the first guess of rooma long replacement that does not "
            "fit the "
            "first guess of rooma long replacement that does not fit the first guess of room\""},
        {"regexreplace('a', 'a', '$7')",
            "error: the replacement names a group that is not there; a $ itself is $$"},
        {"regex('^(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab')",
            "error: the match was stopped: match limit exceeded"},
    };
    CHECK_ROWS(rows);
}

static void test_format(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"format('%s|%5s|%-5s|%.2s', 'a', 'ñ', 'b', 'xyz')", "\"a|    ñ|b    |xy\""},
        {"format('%d|%5d|%-5d|%05d|%+d|% d', 1, 2, 3, -4, 5, 6)", "\"1|    2|3    |-0004|+5| 6\""},
        {"format('%x %X %o %b', 255, 255, 8, 5)", "\"ff FF 10 101\""},
        {"format('%f %.2f %8.3f %g %e', 1.5, 2.345, -3.14159, 0.0001, 12345)",
            "\"1.500000 2.35   -3.142 0.0001 1.234500e+04\""},
        {"format('%v %v %v %v', 'a', [1, 'b'], null, 1.0)", "\"a [1,\\\"b\\\"] null 1\""},
        {"format('%q', 'a\"b')", "\"\\\"a\\\\\\\"b\\\"\""},
        {"format('100%%')", "\"100%\""},
        {"format('%d', 2.0)", "\"2\""},
        {"format('%d', -9223372036854775807 - 1)", "\"-9223372036854775808\""},
        {"format('%s %s', 'a')", "error: format() has no argument for %s"},
        {"format('%s', 'a', 'b')", "error: format() has no % for this argument"},
        {"format('%d', 'a')", "error: %d formats an integer, got a string"},
        {"format('%d', 1.5)", "error: %d formats an integer, got a number"},
        {"format('%.1f', 'a')", "error: %f formats a number, got a string"},
        {"format('%s', [1])",
            "error: %s formats text, got a list / %v formats anything, lists and maps as JSON"},
        {"format('%y', 1)",
            "error: format() does not know %y / it knows %s %d %x %X %o %b %f %e %g %v %q %%"},
        {"format('%')", "error: format() cannot read what follows % at character 1"},
        {"format('%99999999999d', 1)", "error: format() cannot read what follows % at character 1"},
        {"format(1)", "error: the first argument of format() must be a string, got an integer"},
        {"format('%s', later)", "?"},
        {"format('%s', sensitive('x'))", "(sensitive) \"x\""},
    };
    CHECK_ROWS(rows);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"abs(-1.5)", "1.5"},
        {"abs(-9223372036854775807 - 1)", "error: the result of abs() is too large"},
        {"ceil(5)", "5"},
        {"ceil(-1.5)", "-1"},
        {"floor(1e300)", "1e+300"},
        {"round(-2.5)", "-3"},
        {"round(2.675, 2)", "2.67"},
        {"round(3.14159, 3)", "3.142"},
        {"round(7, 2)", "7"},
        {"round(1.5, 20)", "error: round() takes 0 to 15 digits, got 20"},
        {"min(3, 1, 2.5)", "1"},
        {"max([1, 2.5])", "2.5"},
        {"max([])", "error: max() of nothing"},
        {"max('a')", "error: max() takes numbers, got a string"},
        {"max([1, later])", "?"},
        {"sum([])", "0"},
        {"sum(1, 2, 3)", "6"},
        {"sum([9223372036854775807, 1])", "error: the result of sum() is too large"},
        {"pow(2, 62)", "4611686018427387904"},
        {"pow(2, 63)", "error: the result of pow() is too large"},
        {"pow(-2, 3)", "-8"},
        {"pow(2, -1)", "0.5"},
        {"pow(2, 0.5)", "1.4142135623730951"},
        {"pow(-8, 0.5)", "error: pow() has no result for these"},
        {"pow(0, -1)", "error: the result of pow() is too large"},
        {"pow(0, 0)", "1"},
        {"log(100, 10)", "2.0"},
        {"log(0, 10)", "error: log() takes a number above 0"},
        {"log(8, 1)", "error: the base of log() must be above 0 and not 1"},
        {"parseint('-42')", "-42"},
        {"parseint('7FFFFFFFFFFFFFFF', 16)", "9223372036854775807"},
        {"parseint('-9223372036854775808')", "-9223372036854775808"},
        {"parseint('9223372036854775808')", "error: \"9223372036854775808\" is not an integer of base 10"},
        {"parseint('12', 2)", "error: \"12\" is not an integer of base 2"},
        {"parseint('')", "error: \"\" is not an integer of base 10"},
        {"parseint('-')", "error: \"-\" is not an integer of base 10"},
        {"parseint('1', 40)", "error: the base of parseint() is 2 to 36, got 40"},
        {"parseint(sensitive('x'))",
            "error: parseint() cannot take this; more is not said because it is sensitive"},
    };
    CHECK_ROWS(rows);
}

static void test_lists(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"concat([1], [later], [])", "[1,\"(known after apply)\"]"},
        {"length([later, 1])", "2"},
        {"length({a: later})", "1"},
        {"flatten([[], [[[]]], 1])", "[1]"},
        {"flatten([[1], later])", "?"},
        {"chunk([], 2)", "[]"},
        {"chunk([1], 0)", "error: chunk() makes lists of at least 1 item, got 0"},
        {"compact([0, false, ''])", "[0,false]"},
        {"contains([[1], {a: 2}], {a: 2})", "true"},
        {"contains([1], '1')", "false"},
        {"contains([1, later], 1)", "?"},
        {"contains({a: 1}, 1)", "error: contains() looks in a list or text, got a map"},
        {"contains([sensitive(1)], 1)", "(sensitive) true"},
        {"index([1, 2], 3)", "error: 3 is not in the list"},
        {"element([1, 2, 3], -1)", "3"},
        {"element([], 0)", "error: element() of an empty list"},
        {"slice([1, 2, 3], 1, 2)", "[2]"},
        {"slice([1, 2, 3], 3)", "[]"},
        {"slice([1, 2, 3], 4)", "error: slice() begins at 0 to 3 here, got 4"},
        {"slice([1, 2, 3], 2, 1)", "error: slice() ends at 2 to 3 here, got 1"},
        {"range(3)", "[0,1,2]"},
        {"range(3, 0)", "[3,2,1]"},
        {"range(0, 10, 4)", "[0,4,8]"},
        {"range(5, 1, 1)", "[]"},
        {"range(0, 1, 0)", "error: the step of range() cannot be 0"},
        {"range(9223372036854775806, 9223372036854775807, 5)", "[9223372036854775806]"},
        {"length(range(1000000))", "1000000"},
        {"range(1000000000)", "error: this gives more than a million items"},
        {"reverse([1, later])", "[\"(known after apply)\",1]"},
        {"distinct([3, 1, 3, 1.0, 'a', 'a'])", "[3,1,\"a\"]"},
        {"distinct([1, later])", "?"},
        {"sort(['b', 'a', 'B'])", "[\"B\",\"a\",\"b\"]"},
        {"sort([10, 9, 1.5])", "[1.5,9,10]"},
        {"sort([1, 'a'])", "error: sort() sorts texts or numbers, not both together"},
        {"sort([[]])", "error: sort() sorts texts or numbers, got a list"},
        {"setunion(['b'], ['a', 'b'], [])", "[\"a\",\"b\"]"},
        {"setintersection([3, 2, 2, 1], [1, 2], [2])", "[2]"},
        {"setsubtract([3, 3, 1, 2], [1])", "[2,3]"},
        {"toset([2, 1, 2])", "[1,2]"},
    };
    CHECK_ROWS(rows);
}

static void test_maps(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"keys({})", "[]"},
        {"keys({b: later, a: 1})", "[\"a\",\"b\"]"},
        {"keys({b: sensitive(1)})", "[\"b\"]"},
        {"values({a: sensitive(1)})[0]", "(sensitive) 1"},
        {"keys(sensitive({b: 1}))", "(sensitive) [\"b\"]"},
        {"haskey({a: null}, 'a')", "true"},
        {"lookup({a: 1}, 'a')", "1"},
        {"lookup({a: 1}, 'b')", "error: the map has no key \"b\""},
        {"lookup({a: 1}, 'b', null)", "null"},
        {"lookup({a: 1}, later, 0)", "?"},
        {"merge(null, {a: 1}, null)", "{\"a\":1}"},
        {"merge({a: 1}, [1])", "error: merge() takes maps, got a list"},
        {"merge({a: {b: 1}}, {a: {c: 2}})", "{\"a\":{\"c\":2}}"},
        {"merge({a: later}, {b: 1}).b", "1"},
        {"pick({'1': 'a', b: 2}, [1])", "{\"1\":\"a\"}"},
        {"pick({a: 1}, [[]])", "error: keys are text, but item 0 is a list"},
        {"pick({a: 1}, [later])", "?"},
        {"pick({a: later, b: 1}, ['b'])", "{\"b\":1}"},
        {"omit({a: 1}, [sensitive('a')])", "(sensitive) {}"},
        {"zipmap(['a'], [1, 2])", "error: zipmap() got 1 keys and 2 values"},
        {"zipmap(['a', 'b'], [later, 2])['b']", "2"},
        {"zipmap([null], [1])", "error: keys are text, but item 0 is null"},
        {"tomap(entries({a: 1, b: [2]}))", "{\"a\":1,\"b\":[2]}"},
        {"tomap([{key: 'a'}])", "error: tomap() takes a list of {key, value}, but item 0 is not one"},
        {"tomap([1])", "error: tomap() takes a list of {key, value}, but item 0 is not one"},
        {"tomap({a: 1})", "{\"a\":1}"},
        {"tomap([later])", "?"},
    };
    CHECK_ROWS(rows);
}

static void test_convert(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"tostring(1.0)", "\"1\""},
        {"tostring(null)", "null"},
        {"tostring([])", "error: a list cannot become text; jsonencode() writes it as JSON"},
        {"tonumber('12')", "12"},
        {"tonumber('-1e3')", "-1000.0"},
        {"tonumber('nan')", "error: \"nan\" is not a number"},
        {"tonumber('0x1')", "error: \"0x1\" is not a number"},
        {"tonumber('1e999')", "error: \"1e999\" is not a number"},
        {"tonumber(' 1')", "error: \" 1\" is not a number"},
        {"tonumber(true)", "error: a boolean cannot become a number"},
        {"tonumber(null)", "null"},
        {"tobool('false')", "false"},
        {"tobool(null)", "null"},
        {"tobool('yes')", "error: \"yes\" is neither \"true\" nor \"false\""},
        {"tolist(null)", "[]"},
        {"tolist([1])", "[1]"},
        {"tolist({a: 1})", "[{\"a\":1}]"},
        {"type({})", "\"map\""},
        {"type(1.5)", "\"number\""},
        {"type([later])", "\"list\""},
        {"coalesce(null, sensitive(1))", "(sensitive) 1"},
        {"nonsensitive([sensitive(1)])", "[1]"},
        {"try(later, 1)", "?"},
        {"default(later, 1)", "?"},
    };
    CHECK_ROWS(rows);
}

static void test_encode(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"jsonencode(null)", "\"null\""},
        {"jsonencode({a: 1}, true)", "\"{\\n  \\\"a\\\": 1\\n}\""},
        {"jsonencode([later])", "?"},
        {"jsonencode([sensitive('a')])", "(sensitive) \"[\\\"a\\\"]\""},
        {"jsondecode('{\"a\": [1, 2.5, true]}').a", "[1,2.5,true]"},
        {"jsondecode('{\"a\": ')",
            "error: not valid JSON at line 1, column 6: unexpected token near end of file"},
        {"jsondecode(sensitive('hunter2'))", "error: the text is not valid JSON"},
        {"yamldecode(\"a: 1\\nb: [x, no, 1:30]\")", "{\"a\":1,\"b\":[\"x\",\"no\",\"1:30\"]}"},
        {"yamldecode('')", "{}"},
        {"yamldecode('hi')", "\"hi\""},
        {"yamldecode('[1, 2')",
            "error: not valid YAML at line 1, column 6: expected \",\" or \"]\" in this list"},
        {"yamldecode(\"a: 1\\na: 2\")",
            "error: not valid YAML at line 2, column 1: the key \"a\" is given twice"},
        {"yamldecode(sensitive('hunter2: ['))", "error: the text is not valid YAML"},
        {"yamlencode([])", "\"[]\\n\""},
        {"yamlencode({a: {}, b: [{c: 1, d: 'x'}]})", "\"a: {}\\nb:\\n- c: 1\\n  d: x\\n\""},
        {"yamlencode(['true', 'no', '1', '', ' a', 'a: b', 'a #b', '~', 'x\\ty'])",
            "\"- \\\"true\\\"\\n- \\\"no\\\"\\n- \\\"1\\\"\\n- \\\"\\\"\\n- \\\" a\\\"\\n- 'a: b'\\n- 'a "
            "#b'\\n- \\\"~\\\"\\n- "
            "x\\\\ty\\n\""},
        {"yamlencode(\"a\\nb\\n\")", "\"|\\n  a\\n  b\\n\""},
        /* lines of YAML 1.1 alone */
        {"yamlencode(\"a\\n\\u2028b\")", "\"\\\"a\\\\n\\\\Lb\\\"\\n\""},
        {"yamlencode(\"a\\u0085b\")", "\"\\\"a\\\\Nb\\\"\\n\""},
        {"yamlencode([null, 1.0, 1e300, true])", "\"- null\\n- 1.0\\n- 1e+300\\n- true\\n\""},
        {"csvdecode('')", "[]"},
        {"csvdecode(\"a,b\\r\\n1,\\\"x, \\\"\\\"y\\\"\\\"\\\"\\r\\n\\r\\n2,\\n\")",
            "[{\"a\":\"1\",\"b\":\"x, \\\"y\\\"\"},{\"a\":\"2\",\"b\":\"\"}]"},
        {"csvdecode(\"a\\n\\\"two\\nlines\\\"\")", "[{\"a\":\"two\\nlines\"}]"},
        {"csvdecode(\"a,b\\n1\")", "error: record 1 of the CSV text has 1 fields, but its head 2"},
        {"csvdecode(\"a\\n\\\"x\")", "error: a quote in record 1 of the CSV text has no end"},
        {"csvdecode('\"a')", "error: a quote in the first line of the CSV text has no end"},
        {"csvdecode(\"a,b,a\\n1,2,3\")", "error: the column \"a\" occurs twice in the CSV text"},
        {"csvdecode('a', ';;')", "error: the separator of csvdecode() is one character"},
        {"base64decode('!')", "error: \"!\" is not base64"},
        {"base64decode('/w==')", "error: what it decodes to is not a UTF-8 text"},
        {"base64decode(base64encode('añ'))", "\"añ\""},
        {"hexdecode('6')", "error: \"6\" is not hexadecimal"},
        {"urldecode(urlencode('a/b ñ+&'))", "\"a/b ñ+&\""},
        {"urldecode('%zz')", "error: \"%zz\" has a broken % escape"},
    };
    CHECK_ROWS(rows);
    /* what yamlencode writes, yamldecode reads */
    static const char *const texts[] = {"'true'", "'null'", "'0x1f'", "'1e3'", "'- a'", "'{a}'", "'@x'",
        "'%x'", "'a:'", "\"  lead\\nand\\n\\nend\"", "\"tab\\there\"", "'é €'", "'NO'", "'.inf'",
        "'2026-11-21'", "'a\\\\'"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *text =
            arena_printf(&arena, "yamldecode(yamlencode({k: %s})).k == %s", texts[i], texts[i]).p;
        if (strcmp(run(text), "true") != 0)
            fail_msg("%s: %s", texts[i], run(arena_printf(&arena, "yamlencode({k: %s})", texts[i]).p));
    }
}

static void test_hashes(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"uuidv5('url', 'https://example.com/')", "\"dd2c1780-811a-5296-81c5-178a0ef488bc\""},
        {"uuidv5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com') == uuidv5('dns', "
         "'www.example.com')",
            "true"},
        {"uuidv5('nope', 'x')", "error: \"nope\" is not a UUID, nor dns, url, oid or x500"},
        {"uuidv5('6ba7b810-9dad-11d1-80b4-00c04fd430cz', 'x')",
            "error: \"6ba7b810-9dad-11d1-80b4-00c04fd430cz\" is not a UUID, nor dns, url, oid or x500"},
        {"md5('a') == md5(sensitive('a'))", "(sensitive) true"},
    };
    CHECK_ROWS(rows);
}

static void test_net(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"cidrsubnet('10.0.0.0/8', 8, 255)", "\"10.255.0.0/16\""},
        {"cidrsubnet('10.1.2.3/16', 4, 1)", "\"10.1.16.0/20\""},
        {"cidrsubnet('0.0.0.0/0', 32, 4294967295)", "\"255.255.255.255/32\""},
        {"cidrsubnet('0.0.0.0/0', 0, 0)", "\"0.0.0.0/0\""},
        {"cidrsubnet('fd00::/8', 56, 1)", "\"fd00:0:0:1::/64\""},
        {"cidrsubnet('10.0.0.0/16', 8, 256)", "error: there is no subnet 256 in 8 bits"},
        {"cidrsubnet('10.0.0.0/16', 20, 0)", "error: 16 bits and 20 more are not within 32"},
        {"cidrsubnet('10.0.0.0', 8, 0)", "error: \"10.0.0.0\" is not a CIDR block such as 10.0.0.0/16"},
        {"cidrsubnet('10.0.0.0/33', 8, 0)", "error: \"10.0.0.0/33\" is not a CIDR block such as 10.0.0.0/16"},
        {"cidrsubnet('10.0.0/16', 8, 0)", "error: \"10.0.0/16\" is not a CIDR block such as 10.0.0.0/16"},
        {"cidrsubnets('10.0.0.0/24', 1, 1)", "[\"10.0.0.0/25\",\"10.0.0.128/25\"]"},
        {"cidrsubnets('10.0.0.0/24', 1, 1, 1)", "error: \"10.0.0.0/24\" has no room left for this"},
        {"cidrsubnets('255.255.255.0/24', 1, 1, 1)", "error: \"255.255.255.0/24\" has no room left for this"},
        {"cidrsubnets('::/0', 1, 1)", "[\"::/1\",\"8000::/1\"]"},
        {"cidrsubnets('::/0', 1, 1, 1)", "error: \"::/0\" has no room left for this"},
        {"cidrsubnets('10.0.0.0/24', 9)", "error: 24 bits and 9 more are not within 32"},
        {"cidrhost('10.0.0.0/24', -2)", "\"10.0.0.254\""},
        {"cidrhost('10.0.0.0/24', 256)", "error: \"10.0.0.0/24\" has no address 256"},
        {"cidrhost('10.0.0.0/24', -257)", "error: \"10.0.0.0/24\" has no address -257"},
        {"cidrhost('10.0.0.5/32', 0)", "\"10.0.0.5\""},
        {"cidrhost('fd00::/64', 10)", "\"fd00::a\""},
        {"cidrnetmask('0.0.0.0/0')", "\"0.0.0.0\""},
        {"cidrnetmask('fd00::/8')", "error: IPv6 has no netmasks"},
        {"cidrcontains('10.0.0.0/16', '10.0.5.0/24')", "true"},
        {"cidrcontains('10.0.0.0/24', '10.0.0.0/16')", "false"},
        {"cidrcontains('10.0.0.0/24', '10.0.1.0')", "false"},
        {"cidrcontains('0.0.0.0/0', 'fd00::1')", "false"},
        {"cidrcontains('10.0.0.0/24', 'x')", "error: \"x\" is neither an address nor a CIDR block"},
    };
    CHECK_ROWS(rows);
}

static void test_policies(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"trust('glue.amazonaws.com')", "{\"Statement\":[{\"Action\":\"sts:AssumeRole\",\"Effect\":\"Allow\","
                                        "\"Principal\":{\"Service\":\"glue."
                                        "amazonaws.com\"}}],\"Version\":\"2012-10-17\"}"},
        {"trust(['a.amazonaws.com', 'b.amazonaws.com', 'arn:aws:iam::1:role/x', "
         "'123456789012']).Statement[0]."
         "Principal",
            "{\"AWS\":[\"arn:aws:iam::1:role/"
            "x\",\"123456789012\"],\"Service\":[\"a.amazonaws.com\",\"b.amazonaws.com\"]}"},
        {"trust(123456789012).Statement[0].Principal", "{\"AWS\":\"123456789012\"}"},
        {"trust('*').Statement[0].Principal", "{\"AWS\":\"*\"}"},
        {"trust(['arn:aws:iam::1:oidc-provider/h', 'x.com']).Statement[1]",
            "{\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Effect\":\"Allow\",\"Principal\":{\"Federated\":"
            "\"arn:aws:"
            "iam::1:oidc-provider/h\"}}"},
        {"trust('arn:aws:iam::1:saml-provider/h').Statement[0].Action", "\"sts:AssumeRoleWithSAML\""},
        {"trust('s', {StringEquals: {a: 'b'}}).Statement[0].Condition", "{\"StringEquals\":{\"a\":\"b\"}}"},
        {"trust('s', null).Statement[0]",
            "{\"Action\":\"sts:AssumeRole\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"s\"}}"},
        {"trust(later).Statement[0].Principal", "{\"AWS\":\"(known after apply)\"}"},
        {"trust([])", "error: a principal is a service, an ARN or an account id, or a list of them"},
        {"trust({})", "error: a principal is a service, an ARN or an account id, or a list of them"},
        {"trust('s', 'x')", "error: conditions are a map of operators / several principals, actions or "
                            "resources are one list: [\"a\", \"b\"]"},
        {"trust('s', 1)", "error: conditions are a map of operators / such as {StringEquals: "
                          "{\"aws:SourceAccount\": \"123456789012\"}}"},
        {"allow(['s3:GetObject', 's3:PutObject'], ['a', later])",
            "{\"Statement\":[{\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],\"Effect\":\"Allow\","
            "\"Resource\":[\"a\","
            "\"(known after apply)\"]}],\"Version\":\"2012-10-17\"}"},
        {"allow(['s3:*'], ['*']).Statement[0]",
            "{\"Action\":\"s3:*\",\"Effect\":\"Allow\",\"Resource\":\"*\"}"},
        {"allow('*', later).Statement[0].Resource", "?"},
        {"allow('s3:*', sensitive('x')).Statement[0].Resource", "(sensitive) \"x\""},
        {"allow('s3:*', sensitive('x')).Version", "\"2012-10-17\""},
        {"allow('s3:*', '*', {Bool: {'aws:SecureTransport': true}}).Statement[0].Condition",
            "{\"Bool\":{\"aws:SecureTransport\":true}}"},
        {"allow('GetObject', '*')", "error: \"GetObject\" is not an action / actions look like s3:GetObject"},
        {"allow('s3:', '*')", "error: \"s3:\" is not an action / actions look like s3:GetObject"},
        {"allow(1, '*')", "error: actions are a text or a list of texts"},
        {"allow('s3:*', [])", "error: resources are a text or a list of texts"},
        {"deny('s3:*', '*').Statement[0].Effect", "\"Deny\""},
        {"statement({sid: 'a', effect: 'Deny', not_actions: ['s3:*'], not_resources: ['b'], principals: "
         "'c.com', "
         "conditions: {Null: {k: true}}})",
            "{\"Condition\":{\"Null\":{\"k\":true}},\"Effect\":\"Deny\",\"NotAction\":\"s3:*\","
            "\"NotResource\":\"b\","
            "\"Principal\":{\"Service\":\"c.com\"},\"Sid\":\"a\"}"},
        {"statement({actions: 's3:*', principals: '*', sid: null}).Principal", "\"*\""},
        {"statement({actions: 's3:*', principals: {AWS: 'x'}}).Principal", "{\"AWS\":\"x\"}"},
        {"statement({action: 's3:*'})", "error: a statement has no \"action\" | did you mean \"actions\"?"},
        {"statement({effect: 'allow'})", "error: the effect is Allow or Deny"},
        {"statement({sid: 1})", "error: Sid is text, got an integer"},
        {"policy(statement({actions: 's3:*'}), [allow('a:b', '*')], null, allow(['c:d'], '*'))"
         ".Statement[1].Action",
            "\"a:b\""},
        {"length(policy(statement({actions: 's3:*'}), [allow('a:b', '*')], null, allow(['c:d'], "
         "'*')).Statement)",
            "3"},
        {"policy({a: 1})", "error: policy() puts together statement(…), allow(…), deny(…) and policies"},
        {"policy(later)", "?"},
        {"policy(sensitive(allow('a:b', 'c'))).Statement[0]",
            "(sensitive) {\"Action\":\"a:b\",\"Effect\":\"Allow\",\"Resource\":\"c\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_time(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"formatdate(\"EEEE EEE, D MMMM MMM M YY hh:mm:ss h H HH AA aa m s 'o''clock' Z ZZZ ZZZZ ZZZZZ\", "
         "'2026-01-05T00:07:09Z')",
            "\"Monday Mon, 5 January Jan 1 26 00:07:09 0 12 12 AM am 7 9 o'clock Z UTC +0000 +00:00\""},
        {"formatdate('YYYY-MM-DD hh', '2026-01-01T01:00:00+09:00')", "\"2025-12-31 16\""},
        {"formatdate('YYYYY', '2026-01-05T00:07:09Z')",
            "error: formatdate() does not know \"YYYYY\" / it knows YYYY YY MMMM MMM MM M DD D EEEE EEE hh h "
            "HH H AA "
            "aa mm m ss s ZZZZZ ZZZZ ZZZ Z; other letters are quoted: '…'"},
        {"formatdate(\"'x\", '2026-01-05T00:07:09Z')", "error: a quote in the format has no end"},
        {"formatdate('YYYY', 'today')", "error: \"today\" is not a timestamp such as 2026-11-21T09:30:00Z"},
        {"formatdate('YYYY', '2026-02-30T00:00:00Z')",
            "error: \"2026-02-30T00:00:00Z\" is not a timestamp such as 2026-11-21T09:30:00Z"},
        {"timeadd('2026-12-31T23:59:59Z', '1s')", "\"2027-01-01T00:00:00Z\""},
        {"timeadd('2026-01-01T00:00:00Z', '1h30m')", "\"2026-01-01T01:30:00Z\""},
        {"timeadd('2026-01-01T00:00:00Z', '-1.5h')", "\"2025-12-31T22:30:00Z\""},
        {"timeadd('2026-01-01T00:00:00Z', '250ms')", "\"2026-01-01T00:00:00.250Z\""},
        {"timeadd('1969-12-31T23:59:58.5Z', '1s')", "\"1969-12-31T23:59:59.500Z\""},
        {"timeadd('1970-01-01T00:00:00Z', '-250ms')", "\"1969-12-31T23:59:59.750Z\""},
        {"timeadd('9999-12-31T23:59:59Z', '0s')", "\"9999-12-31T23:59:59Z\""},
        {"timeadd('9999-12-31T23:59:59Z', '1s')", "error: the result is not in the years 0000 to 9999"},
        {"timeadd('0005-01-01T00:00:00Z', '1s')", "\"0005-01-01T00:00:01Z\""},
        {"timeadd('0000-01-01T00:00:00Z', '-1s')", "error: the result is not in the years 0000 to 9999"},
        {"timeadd('2026-01-01T00:00:00Z', 'soon')", "error: \"soon\" is not a duration such as 1h30m"},
        {"timeadd('2026-01-01T00:00:00Z', '1')", "error: \"1\" is not a duration such as 1h30m"},
        {"timeadd('2026-01-01T00:00:00Z', '')", "error: \"\" is not a duration such as 1h30m"},
        {"timeadd('2026-01-01T00:00:00Z', '999999999999d')",
            "error: \"999999999999d\" is not a duration such as 1h30m"},
    };
    CHECK_ROWS(rows);
}

/* Nothing of a sensitive argument comes out in a message, whatever the function says otherwise. */
static void test_secrets(void **state)
{
    (void)state;
    static const char *const calls[] = {
        "regex('x', sensitive('hunter2'))",
        "regex(sensitive('hunter2('), 'x')",
        "index(['a'], sensitive('hunter2'))",
        "lookup({}, sensitive('hunter2'))",
        "tonumber(sensitive('hunter2'))",
        "tobool(sensitive('hunter2'))",
        "parseint(sensitive('hunter2'), 3)",
        "jsondecode(sensitive('hunter2'))",
        "yamldecode(sensitive('hunter2: ['))",
        "base64decode(sensitive('hunter2'))",
        "hexdecode(sensitive('hunter2'))",
        "urldecode(sensitive('hunter2%zz'))",
        "uuidv5(sensitive('hunter2'), 'x')",
        "cidrhost(sensitive('hunter2'), 1)",
        "cidrhost('10.0.0.0/24', sensitive(7777777))",
        "cidrsubnet('10.0.0.0/24', sensitive(7777777), 1)",
        "slice([1], sensitive(7777777))",
        "round(1.5, sensitive(7777777))",
        "indent(sensitive(7777777), 'x')",
        "chunk([], sensitive(-7777777))",
        "parseint('1', sensitive(7777777))",
        "allow(sensitive('hunter2'), '*')",
        "statement({actions: sensitive('hunter2')})",
        "statement(sensitive({hunter2: 1}))",
        "formatdate('YYYY', sensitive('hunter2'))",
        "formatdate(sensitive('hunter2'), '2026-01-05T00:07:09Z')",
        "timeadd('2026-01-05T00:07:09Z', sensitive('hunter2'))",
        "file(sensitive('hunter2'))",
        "fileset(sensitive('hunter2'), '*')",
        "upper([sensitive('hunter2')])",
        "join(',', [[sensitive('hunter2')]])",
        "format('%d', sensitive('hunter2'))",
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const char *result = run(calls[i]);
        if (strncmp(result, "error: ", 7) != 0 || strstr(result, "hunter2") || strstr(result, "7777777"))
            fail_msg("%s: %s", calls[i], result);
    }
}

/* ---- bounds ---- */

static void test_bounds(void **state)
{
    (void)state;
    const char *big = "error: this gives more than 64 MiB of text",
               *many = "error: this gives more than a million items";
    const char *kilobytes = "join('0123456789', range(1000))";
    const char *megabytes = arena_printf(&arena, "join(%s, range(1000))", kilobytes).p;
    assert_string_equal(run(arena_printf(&arena, "length(%s) > 10000000", megabytes).p), "true");
    const struct expr_row rows[] = {
        {arena_printf(&arena, "[for x in [%s] : replace(x, '1', x)][0] == ''", kilobytes).p, "false"},
        {arena_printf(&arena, "[for x in [%s] : replace(x, '1', \"${x}${x}${x}${x}${x}\")]", kilobytes).p,
            big},
        {arena_printf(&arena, "[for x in [%s] : regexreplace(x, '.', x)]", kilobytes).p, big},
        {arena_printf(&arena, "join(%s, range(1000))", megabytes).p, big},
        {arena_printf(&arena, "[for x in [%s] : [for i in range(1000) : \"${x}${i}\"]]", megabytes).p, big},
        {arena_printf(&arena, "[for x in [%s] : jsonencode([for i in range(10) : x])]", megabytes).p, big},
        {arena_printf(&arena, "[for x in [%s] : yamlencode([for i in range(10) : x])]", megabytes).p, big},
        {arena_printf(&arena, "split('', %s)", megabytes).p, many},
        {arena_printf(&arena, "regexall('', %s)", megabytes).p, many},
        {"[for i in range(2000) : range(1000)]", many},
        {"[for i in range(1000) : format('%1000s', '') if 1 > 0][0] == ''", "false"},
        {"[for i in range(100000) : format('%1000s', '')]", big},
        {"[for i in range(10000) : indent(1000, \"\\n\\nx\\nx\\nx\\nx\\nx\\nx\\nx\\nx\")]", big},
    };
    CHECK_ROWS(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_examples, teardown),
        cmocka_unit_test_teardown(test_marks_of_all, teardown),
        cmocka_unit_test_teardown(test_arguments, teardown),
        cmocka_unit_test_teardown(test_text, teardown),
        cmocka_unit_test_teardown(test_regex, teardown),
        cmocka_unit_test_teardown(test_format, teardown),
        cmocka_unit_test_teardown(test_numbers, teardown),
        cmocka_unit_test_teardown(test_lists, teardown),
        cmocka_unit_test_teardown(test_maps, teardown),
        cmocka_unit_test_teardown(test_convert, teardown),
        cmocka_unit_test_teardown(test_encode, teardown),
        cmocka_unit_test_teardown(test_hashes, teardown),
        cmocka_unit_test_teardown(test_net, teardown),
        cmocka_unit_test_teardown(test_policies, teardown),
        cmocka_unit_test_teardown(test_time, teardown),
        cmocka_unit_test_teardown(test_secrets, teardown),
        cmocka_unit_test_teardown(test_bounds, teardown),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
