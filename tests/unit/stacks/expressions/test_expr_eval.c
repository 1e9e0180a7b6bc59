#include "stacks/expr.h"
#include "stacks/stack.h"

#include "tests/unit/support/expr_rows.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/*
 * A small world to evaluate in: `inputs.region`, `locals.secret`, `locals.later` (unknown), a resource
 * `lake`, a resource `jobs` with for_each, a module `net`, and the constants of every stack.
 */
static struct arena arena;

static const struct attr command_fields[] = {{.name = STR_INIT("name")}, {.name = STR_INIT("version")}};
static const struct type string_type = {.kind = TYPE_STRING};
static const struct type command_type = {.kind = TYPE_OBJECT, .fields = command_fields, .field_count = 2};
static const struct attr lake_attrs[] = {
    {.name = STR_INIT("arn"), .type = &string_type},
    {.name = STR_INIT("name"), .type = &string_type},
    {.name = STR_INIT("policy"), .type = &string_type},
    {.name = STR_INIT("command"), .type = &command_type},
};
static const struct schema lake_schema = {
    .name = STR_INIT("aws.s3.bucket"), .attrs = lake_attrs, .attr_count = 4};

static struct expr *const some_expr = (struct expr *)(uintptr_t)&lake_schema; /* never looked into */
static struct decl decls[] = {
    {.kind = DECL_INPUT, .name = STR_INIT("region")},
    {.kind = DECL_LOCAL, .name = STR_INIT("secret")},
    {.kind = DECL_LOCAL, .name = STR_INIT("later")},
    {.kind = DECL_RESOURCE, .name = STR_INIT("lake"), .schema = &lake_schema},
    {.kind = DECL_RESOURCE, .name = STR_INIT("jobs"), .schema = &lake_schema},
    {.kind = DECL_MODULE, .name = STR_INIT("net")},
    {.kind = DECL_LOCAL, .name = STR_INIT("people")},
    {.kind = DECL_OUTPUT, .name = STR_INIT("vpc")},
};
enum { DECL_COUNT = sizeof decls / sizeof *decls };
static const char *const spaces[DECL_COUNT] = {"inputs", "locals", "locals", "", "", "", "locals", "net"};
static const char secret_value[] = "{\"user\":\"u\",\"password\":\"hunter2\"}";
static const char *values[DECL_COUNT] = {
    "\"tokyo\"",
    secret_value,
    NULL,
    "{\"arn\":\"arn:lake\",\"name\":\"lake\",\"command\":{\"name\":\"c\"}}",
    "{\"a\":{\"arn\":\"arn:a\"},\"b\":{\"arn\":\"arn:b\"}}",
    "{\"vpc\":\"vpc-1\"}",
    "[{\"name\":\"ann\",\"age\":30},{\"name\":\"bob\",\"age\":17}]",
    "\"vpc-1\"",
};

static const struct value *json(const char *text)
{
    return json_text(&arena, text);
}

static struct decl *lookup(void *ctx, struct str name, struct str next, bool *consumed)
{
    (void)ctx;
    for (size_t i = 0; i < DECL_COUNT; i++) {
        if (!*spaces[i] && str_eq(name, decls[i].name) && !(decls[i].kind == DECL_MODULE && next.n))
            return &decls[i];
        if (*spaces[i] && str_eqz(name, spaces[i]) && str_eq(next, decls[i].name)) {
            *consumed = true;
            return &decls[i];
        }
    }
    return NULL;
}

static size_t names(void *ctx, struct str prefix, struct arena *scratch, const struct str **out)
{
    (void)ctx;
    struct str *found = ARENA_ARRAY(scratch, struct str, DECL_COUNT);
    size_t n = 0;
    for (size_t i = 0; i < DECL_COUNT; i++) {
        if (str_eqz(prefix, spaces[i]))
            found[n++] = decls[i].name;
    }
    *out = found;
    return n;
}

static bool has_attr(void *ctx, struct decl *decl, struct str *attr, const struct str **candidates, size_t *n)
{
    (void)ctx;
    static const struct str attrs[] = {
        STR_INIT("arn"), STR_INIT("name"), STR_INIT("policy"), STR_INIT("command")};
    *candidates = attrs;
    *n = 4;
    return schema_attr(decl->schema, *attr) != NULL;
}

static const struct value *value_of(void *ctx, const struct decl *decl)
{
    (void)ctx;
    size_t i = (size_t)(decl - decls);
    const struct value *v = values[i] ? json(values[i]) : &value_unknown;
    return i == 1 ? value_mark(&arena, v, VALUE_SENSITIVE) : v;
}

static int setup(void **state)
{
    (void)state;
    decls[4].for_each = some_expr;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* The value as JSON, "(sensitive)" in front where it is; or "error: " with the first message and label. */
static const char *run(const char *text)
{
    struct resolver resolver = {
        .lookup = lookup, .names = names, .has_attr = has_attr, .each_allowed = *text == ' '};
    struct scope scope = {.value_of = value_of,
        .constants = json("{\"stack\":{\"name\":\"film\"},\"path\":{\"root\":\".\"}}"),
        .each_key = json("\"k\""),
        .each_value = json("{\"v\":1}"),
        .dir = STR(".")};
    return expr_outcome(&arena, text, &resolver, scope);
}

#define CHECK_ROWS(rows) expr_rows_check((rows), sizeof(rows) / sizeof *(rows), run)
#define UNKNOWN          "?"

static void test_literals(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"null", "null"},
        {"true", "true"},
        {"12", "12"},
        {"-12", "-12"},
        {"1.5e3", "1500.0"},
        {"'as \\n is'", "\"as \\\\n is\""},
        {"\"a\\n\\t\\\"\\\\\\u00e9\\ud83d\\ude00\"", "\"a\\n\\t\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80\""},
        {"\"a${1}b${true}c${1.0}\"", "\"a1btruec1\""},
        {"\"${1}\"", "\"1\""},
        {"\"$${x} $ $$ {}\"", "\"${x} $ $$ {}\""},
        {"\"${\"${\"deep\"}\"}\"", "\"deep\""},
        {"\"${{a: \"}\"}.a}\"", "\"}\""},
        {"[1, 'a', [2,],]", "[1,\"a\",[2]]"},
        {"[]", "[]"},
        {"{b: 1, 'a b': 2, \"c\": 3, (\"d${1}\"): 4, 5: 6}", "{\"5\":6,\"a b\":2,\"b\":1,\"c\":3,\"d1\":4}"},
        {"{}", "{}"},
        {"{for: 1, if: 2}", "{\"for\":1,\"if\":2}"},
        {"{(\"a\"): 1, ('b'): 2}.b", "2"},
        {"{(lake.name): 1, lake: 2}", "error: the key \"lake\" is given twice"},
        {"{(null): 2}", "error: null cannot stand in text / coalesce(value, \"…\") gives something for null"},
        {"\"x${[1]}\"", "error: a list cannot stand in text / jsonencode(…) or join(\", \", …) make it text"},
    };
    CHECK_ROWS(rows);
}

static void test_operators(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"1 + 2 * 3", "7"},
        {"(1 + 2) * 3", "9"},
        {"10 - 4 - 3", "3"},
        {"7 / 2", "3.5"},
        {"6 / 2", "3"},
        {"7 % 3", "1"},
        {"-7 % 3", "-1"},
        {"7.5 % 2", "1.5"},
        {"1 + 0.5", "1.5"},
        {"- -3", "3"},
        {"-(1.5)", "-1.5"},
        {"2 * -3", "-6"},
        {"1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", "true"},
        {"'a' < 'b'", "true"},
        {"1 == 1.0", "true"},
        {"1 == '1'", "false"},
        {"[1, {a: 2}] == [1, {a: 2}]", "true"},
        {"{a: 1} != {a: 2}", "true"},
        {"null == null", "true"},
        {"!true || true", "true"},
        {"false && 1 / 0 == 1", "false"},
        {"true || 1 / 0 == 1", "true"},
        {"true ? 1 : 1 / 0", "1"},
        {"false ? 1 : true ? 2 : 3", "2"},
        {"1 == 2 ? 'a' : 'b'", "\"b\""},
        {"true || false && false", "true"},
        {"1 + 1 == 2 && 3 - 1 < 3", "true"},
        {"9223372036854775807 + 1", "error: the result of \"+\" is too large"},
        {"-9223372036854775807 - 2", "error: the result of \"-\" is too large"},
        {"4611686018427387904 * 2", "error: the result of \"*\" is too large"},
        {"(-9223372036854775807 - 1) / -1", "error: the result of \"/\" is too large"},
        {"(-9223372036854775807 - 1) % -1", "0"},
        {"-(-9223372036854775807 - 1)", "error: the result of \"-\" is too large"},
        {"1e308 * 10", "error: the result of \"*\" is too large"},
        {"1 / 0", "error: division by zero"},
        {"1 % 0", "error: division by zero"},
        {"1 / 0.0", "error: division by zero"},
        {"'a' + 'b'",
            "error: \"+\" needs numbers, got a string and a string / texts are joined in a template: "
            "\"${a}${b}\""},
        {"[1] + [2]", "error: \"+\" needs numbers, got a list and a list / lists are joined by concat(a, b)"},
        {"{} + {}", "error: \"+\" needs numbers, got a map and a map / maps are joined by merge(a, b)"},
        {"1 + null", "error: \"+\" needs numbers, got an integer and null"},
        {"'1' * 2", "error: \"*\" needs numbers, got a string and an integer / tonumber(text) makes a number "
                    "of text"},
        {"1 < 'a'",
            "error: \"<\" needs two numbers or two texts, got an integer and a string / tonumber(text) makes "
            "a number of text"},
        {"-'a'", "error: \"-\" needs a number, got a string / tonumber(text) makes a number of text"},
        {"!1", "error: what stands after ! must be true or false, got an integer"},
        {"1 && true", "error: what stands beside && must be true or false, got an integer"},
        {"true && 'x'", "error: what stands beside && must be true or false, got a string"},
        {"'x' ? 1 : 2", "error: the condition must be true or false, got a string"},
    };
    CHECK_ROWS(rows);
}

static void test_access(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"[1, 2, 3][1]", "2"},
        {"[1, 2, 3][2.0]", "3"},
        {"{a: {b: 1}}.a.b", "1"},
        {"{a: 1}['a']", "1"},
        {"{'1': 5}[1]", "5"},
        {"[1][1]", "error: index 1 is out of range | the list has 1 item, from 0"},
        {"[1, 2][-1]", "error: index -1 is out of range | the list has 2 items, from 0"},
        {"[][0]", "error: index 0 is out of range | the list is empty"},
        {"[1]['a']", "error: the index of a list is an integer, got a string"},
        {"[1][0.5]", "error: the index of a list is an integer, got a number"},
        {"{a: 1}[null]", "error: the key of a map is a string, got null"},
        {"{abc: 1}.abd", "error: {abc: 1} has no key \"abd\" | did you mean \"abc\"?"},
        {"{abc: 1, d: 2}.zzzzz", "error: {abc: 1, d: 2} has no key \"zzzzz\" / it has abc, d"},
        {"{}.a", "error: {} has no key \"a\" / it is empty"},
        {"null.a", "error: null is null and has no attribute \"a\""},
        {"[{a: 1}].a", "error: [{a: 1}] is a list and has no attribute \"a\" / of every item: [for x in [{a: "
                       "1}] : x.a]"},
        {"'abc'[0]", "error: 'abc' is a string, not a list or a map"},
    };
    CHECK_ROWS(rows);
}

static void test_names(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"inputs.region", "\"tokyo\""},
        {"inputs['region']", "\"tokyo\""},
        {"lake.arn", "\"arn:lake\""},
        {"lake['arn']", "\"arn:lake\""},
        {"\"${lake.arn}/*\"", "\"arn:lake/*\""},
        {"net.vpc", "\"vpc-1\""},
        {"net", "{\"vpc\":\"vpc-1\"}"},
        {"net[lake.name]", "error: net has no key \"lake\" / it has vpc"},
        {"stack.name", "\"film\""},
        {"jobs['a'].arn", "\"arn:a\""},
        {"jobs.b.arn", "\"arn:b\""},
        {"[for k, j in jobs : j.arn]", "[\"arn:a\",\"arn:b\"]"},
        /* the schema has it, the object does not: null */
        {"lake.policy", "null"},
        {"jobs.a.policy", "null"},
        {"lake.command.version", "null"},
        {"jobs.a.command.version", "null"},
        {" each.key", "\"k\""},
        {" each.value.v", "1"},
        {"each.key", "error: \"each\" means nothing here / each.key and each.value are for resources with "
                     "for_each"},
        {" each.kye", "error: each has key and value, nothing else | did you mean \"key\"?"},
        {"lake.arm", "error: lake (aws.s3.bucket) has no attribute \"arm\" | did you mean \"arn\"?"},
        {"jobs['a'].nam", "error: jobs (aws.s3.bucket) has no attribute \"nam\" | did you mean \"name\"?"},
        {"lake.command.versoin", "error: command has no attribute \"versoin\" | did you mean \"version\"?"},
        {"jobs.arn", "error: jobs has no key \"arn\" / jobs has for_each: its instances are jobs[\"KEY\"]"},
        {"lakes.arn", "error: unknown name \"lakes\" | did you mean \"lake\"?"},
        {"zebra", "error: unknown name \"zebra\""},
        {"inputs.regio", "error: there is no input \"regio\" | did you mean \"region\"?"},
        {"inputs.x", "error: there is no input \"x\" / there are: region"},
        {"inputs", "error: \"inputs\" is not a value by itself | write inputs.NAME"},
        {"locals.sekret", "error: there is no local value \"sekret\" | did you mean \"secret\"?"},
        {"net.vcp", "error: module \"net\" has no output \"vcp\" | did you mean \"vpc\"?"},
        {"var.x", "error: unknown name \"var\" / inputs are written inputs.NAME"},
        {"stack.nam", "error: stack has no key \"nam\" | did you mean \"name\"?"},
        {"lake-1", "error: unknown name \"lake-1\" | did you mean \"lake\"?"},
        {"zebra-1",
            "error: unknown name \"zebra-1\" / a name may hold hyphens; write spaces around - to subtract"},
    };
    CHECK_ROWS(rows);
}

static void test_comprehensions(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"[for x in [1, 2, 3] : x * 2]", "[2,4,6]"},
        {"[for i, x in ['a', 'b'] : \"${i}${x}\"]", "[\"0a\",\"1b\"]"},
        {"[for x in {a: 1, b: 2} : x]", "[1,2]"},
        {"[for k, v in {a: 1, b: 2} : \"${k}=${v}\"]", "[\"a=1\",\"b=2\"]"},
        {"[for x in [1, 2, 3] : x if x % 2 == 1]", "[1,3]"},
        {"{for p in locals.people : p.name => p.age}", "{\"ann\":30,\"bob\":17}"},
        {"{for p in locals.people : p.name => p.age if p.age >= 18}", "{\"ann\":30}"},
        {"{for k, v in {a: 1} : v => k}", "{\"1\":\"a\"}"},
        {"[for x in [1, 2] : [for y in [10, 20] : x + y]]", "[[11,21],[12,22]]"},
        {"[for x in [[1, 2], [3]] : [for x in x : x]]", "[[1,2],[3]]"},
        {"[for a in [1] : [for b in [2] : [for c in [3] : a * 100 + b * 10 + c]]][0][0][0]", "123"},
        {"[for x in [] : 1 / 0]", "[]"},
        {"[for lake in [1] : lake]", "[1]"},
        {"[for x in [1] : y]", "error: unknown name \"y\""},
        {"[for x in [1] : x] == x", "error: unknown name \"x\""},
        {"[for x in 5 : x]", "error: \"for\" goes through a list or a map, not an integer"},
        {"[for x in [1] : x if x]", "error: the condition must be true or false, got an integer"},
        {"{for x in [1, 1] : x => x}", "error: the key \"1\" occurs twice"},
        {"{for x in [[1]] : x => 1}",
            "error: a list cannot stand in text / jsonencode(…) or join(\", \", …) make it text"},
        {"[for x in [0, 1] : 1 / x]", "error: division by zero"},
    };
    CHECK_ROWS(rows);
}

static void test_unknown(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"locals.later", UNKNOWN},
        {"locals.later + 1", UNKNOWN},
        {"-locals.later", UNKNOWN},
        {"!locals.later", UNKNOWN},
        {"locals.later == 1", UNKNOWN},
        {"[1, locals.later] == [1, 2]", UNKNOWN},
        {"locals.later < 1", UNKNOWN},
        {"locals.later && true", UNKNOWN},
        {"locals.later && false", "false"},
        {"false && locals.later", "false"},
        {"locals.later || true", "true"},
        {"locals.later || false", UNKNOWN},
        {"locals.later ? 1 : 2", UNKNOWN},
        {"locals.later.a.b[0]", UNKNOWN},
        {"[1, 2][locals.later]", UNKNOWN},
        {"[1, locals.later]", "[1,\"(known after apply)\"]"},
        {"[1, locals.later][0]", "1"},
        {"{a: locals.later, b: 1}.b", "1"},
        {"{(locals.later): 1}", UNKNOWN},
        {"\"a${locals.later}\"", UNKNOWN},
        {"[for x in locals.later : x]", UNKNOWN},
        {"[for x in [1, 2] : x if locals.later]", UNKNOWN},
        {"[for x in [1, 2] : locals.later]", "[\"(known after apply)\",\"(known after apply)\"]"},
        {"{for x in [1] : locals.later => x}", UNKNOWN},
        {"coalesce(locals.later, 1)", UNKNOWN},
        {"coalesce(null, 1, locals.later)", "1"},
        {"try(locals.later.x, 1)", UNKNOWN},
        {"can(locals.later.x)", UNKNOWN},
    };
    CHECK_ROWS(rows);
}

static void test_sensitive(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"locals.secret.password", "(sensitive) \"hunter2\""},
        {"locals.secret['user']", "(sensitive) \"u\""},
        {"\"u:${locals.secret.password}\"", "(sensitive) \"u:hunter2\""},
        {"locals.secret.password == 'x'", "(sensitive) false"},
        {"locals.secret == {}", "(sensitive) false"},
        {"sensitive(1) + 1", "(sensitive) 2"},
        {"-sensitive(1)", "(sensitive) -1"},
        {"!sensitive(true)", "(sensitive) false"},
        {"sensitive(false) && true", "(sensitive) false"},
        {"true && sensitive(false)", "(sensitive) false"},
        {"sensitive(true) ? 1 : 2", "(sensitive) 1"},
        {"[1, 2][sensitive(0)]", "(sensitive) 1"},
        {"[sensitive(1), 2][1]", "2"},
        {"{(sensitive('a')): 1}", "(sensitive) {\"a\":1}"},
        {"[for x in [1, 2] : x if sensitive(x) == 1]", "(sensitive) [1]"},
        {"{for x in [1] : sensitive('k') => x}", "(sensitive) {\"k\":1}"},
        {"[for k, v in locals.secret : k]", "(sensitive) [\"password\",\"user\"]"},
        {"sensitive(1) + locals.later", "(sensitive) " UNKNOWN},
        {"sensitive(locals.later)", "(sensitive) " UNKNOWN},
        {"nonsensitive(locals.secret).user", "\"u\""},
        {"nonsensitive([sensitive(1)])", "[1]"},
        /* nothing of it in messages */
        {"locals.secret.pasword", "error: locals.secret has no key \"pasword\""},
        {"{a: 1}[locals.secret.password]", "error: the map has no such key"},
        {"[1][sensitive(77)]", "error: the index is out of range | the list has 1 item, from 0"},
        {"{for x in [1, 2] : locals.secret.password => x}", "error: a sensitive key occurs twice"},
        {"{for x in sensitive(['twice', 'twice']) : x => 1}", "error: a sensitive key occurs twice"},
        {"[for x in sensitive(['hunter']) : {a: 1}[x]]", "error: the map has no such key"},
        {"[for k, v in locals.secret : {a: 1}[k]]", "error: the map has no such key"},
        {"[for x in sensitive(['hunter']) : tonumber(x)]",
            "error: tonumber() cannot take this; more is not said because it is sensitive"},
        {"{(locals.secret.user): 1, u: 2}", "error: a sensitive key is given twice"},
    };
    CHECK_ROWS(rows);
}

static void test_fallbacks(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        {"try(lake.command.x.y, 1)", "error: command has no attribute \"x\""},
        {"try({}.a, [][0], 3)", "3"},
        {"try({}.a, [][0])", "error: index 0 is out of range | the list is empty"},
        {"try(1 / 0, 'x')", "\"x\""},
        {"default(null, 1)", "1"},
        {"default({}.a, 1)", "1"},
        {"default(false, 1)", "false"},
        {"default(lake.policy, 'none')", "\"none\""},
        {"can(1 / 0)", "false"},
        {"can(1)", "true"},
        {"coalesce(null, null)", "error: all arguments of coalesce() are null"},
    };
    CHECK_ROWS(rows);
}

/* What would produce without end is an error, and try() does not hide it. */
static void test_bounds(void **state)
{
    (void)state;
    const char *ten = "[1,2,3,4,5,6,7,8,9,10]";
    struct str bomb = STR("1");
    for (int i = 0; i < 8; i++)
        bomb = arena_printf(&arena, "[for x%d in %s : %s]", i, ten, bomb.p);
    assert_string_equal(run(bomb.p), "error: this gives more than a million items");
    assert_string_equal(
        run(arena_printf(&arena, "try(%s, 1)", bomb.p).p), "error: this gives more than a million items");
    /* nothing kept, but just as long */
    bomb = STR("1");
    for (int i = 0; i < 8; i++)
        bomb = arena_printf(&arena, "[for x%d in %s : %s if %d > 0]", i, ten, bomb.p, i);
    assert_string_equal(run(bomb.p), "error: this gives more than a million items");

    struct str text = STR("'0123456789'");
    for (int i = 0; i < 8; i++)
        text =
            arena_printf(&arena, "[for x in [%s] : \"${x}${x}${x}${x}${x}${x}${x}${x}${x}${x}\"][0]", text.p);
    assert_string_equal(run(text.p), "error: this gives more than 64 MiB of text");
}

static const char *nested_list(int depth)
{
    struct buf text = BUF_INIT;
    for (int i = 0; i < depth; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < depth; i++)
        buf_add_char(&text, ']');
    const char *copy = arena_strz(&arena, buf_str(&text));
    buf_release(&text);
    return copy;
}

/* Values that grow from one expression to the next stay within what the state can hold. */
static void test_depth(void **state)
{
    (void)state;
    values[1] = nested_list(90);
    const char *error = "error: lists and maps are nested deeper than 200 levels";
    assert_string_equal(
        run(arena_printf(&arena, "length(%.80slocals.secret%.80s)", nested_list(80), nested_list(80) + 80).p),
        "1");
    values[1] = nested_list(201);
    assert_string_equal(run("[locals.secret]"), error);
    assert_string_equal(run("{a: locals.secret}"), error);
    assert_string_equal(run("[for x in [1] : locals.secret]"), error);
    assert_string_equal(run("{for x in [1] : x => locals.secret}"), error);
    assert_string_equal(run("chunk(locals.secret, 1)"), error);
    assert_string_equal(run(arena_printf(&arena, "jsondecode('%s')", nested_list(220)).p), error);
    assert_string_equal(run(arena_printf(&arena, "coalesce(%s)", "[locals.secret]").p), error);
    values[1] = secret_value;
}

/* Small in memory, endless when written out. */
static void test_size(void **state)
{
    (void)state;
    struct str text = STR("'0123456789'");
    for (int i = 0; i < 30; i++)
        text = arena_printf(&arena, "[for x in [%s] : [x, x]]", text.p);
    assert_string_equal(run(text.p), "error: written out, this takes more than 256 MiB");
    text = STR("{a: 1}");
    for (int i = 0; i < 30; i++)
        text = arena_printf(&arena, "[for x in [%s] : {a: x, b: x}][0]", text.p);
    assert_string_equal(run(text.p), "error: written out, this takes more than 256 MiB");
    text = STR("[1]");
    for (int i = 0; i < 30; i++)
        text = arena_printf(&arena, "[for x in [%s] : concat(x, x)][0]", text.p);
    assert_string_equal(run(text.p), "error: this gives more than a million items");
}

static unsigned seen[DECL_COUNT];

static void note(void *ctx, struct decl *decl)
{
    (void)ctx;
    seen[decl - decls]++;
}

static void test_depends(void **state)
{
    (void)state;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source source = {.path = STR("x"),
        .text = STR("x: \"${inputs.region}-${lake.name}\"\n"
                    "\"${net.vpc}\": ['${[for x in locals.people : jobs[x] if !can(lake)]}']\n")};
    struct expr *e = expr_compile(&arena, yaml_parse(&arena, &source, &diags), &diags);
    struct resolver resolver = {.lookup = lookup, .names = names, .has_attr = has_attr, .depends = note};
    expr_resolve(e, &resolver, &diags);
    assert_int_equal(diags.errors, 0);
    static const unsigned wanted[DECL_COUNT] = {1, 0, 0, 2, 1, 0, 1, 1};
    assert_memory_equal(seen, wanted, sizeof wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_literals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_access, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comprehensions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sensitive, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fallbacks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
