#include "stacks/stack.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "cmd/invocation/kinds.h"
#include "provider/cloud.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct catalog *catalog;

/* A folder of its own for each test; the file names are relative to it. */
struct folder {
    char path[64];
    struct arena arena;
    struct diags diags;
    struct stack *stack;
    struct str inputs[8], files[8];
    struct stack_options options;
};

static int set_up(void **state)
{
    struct folder *f = mem_zalloc(sizeof *f);
    strcpy(f->path, "/tmp/weir-load-XXXXXX");
    f->options = (struct stack_options){
        .dir = f->path, .env = STR_EMPTY, .catalog = catalog, .inputs = f->inputs, .input_files = f->files};
    *state = f;
    return mkdtemp(f->path) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    stack_free(f->stack);
    diags_release(&f->diags);
    arena_release(&f->arena);
    tree_remove(f->path);
    free(f);
    return 0;
}

static struct str path_in(struct folder *f, const char *name)
{
    return path_join(&f->arena, str_z(f->path), str_z(name));
}

static void put(struct folder *f, const char *name, const char *text)
{
    struct str path = path_in(f, name);
    struct err err = ERR_INIT;
    assert_int_equal(dir_make(arena_strz(&f->arena, path_dir(path)), &err), 0);
    assert_int_equal(file_write_atomic(path.p, str_z(text), 0644, &err), 0);
}

static struct stack *load(struct folder *f)
{
    stack_free(f->stack);
    diags_release(&f->diags);
    f->options.states = plan_cloud.states;
    f->options.state_count = plan_cloud.state_count;
    f->stack = stack_load(&f->options, &f->diags);
    return f->stack;
}

static struct stack *load_good(struct folder *f)
{
    load(f);
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&f->diags, false, &out);
    if (out.n)
        fail_msg("%s", out.p);
    assert_non_null(f->stack);
    for (size_t i = 0; i < f->stack->decl_count; i++) {
        const struct decl *decl = f->stack->decls[i];
        assert_int_equal(decl->index, i);
        for (size_t k = 0; k < decl->dep_count; k++)
            assert_true(decl->deps[k]->index < i);
        assert_ptr_equal(stack_find(f->stack, decl->address), decl);
    }
    return f->stack;
}

static struct decl *find(struct folder *f, const char *address)
{
    struct decl *decl = stack_find(f->stack, str_z(address));
    if (!decl)
        fail_msg("no %s", address);
    return decl;
}

static bool depends_on(const struct decl *decl, const struct decl *dep)
{
    for (size_t i = 0; i < decl->dep_count; i++)
        if (decl->deps[i] == dep)
            return true;
    return false;
}

static void check_json(const struct value *v, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    assert_string_equal(out.p, expected);
}

static void check_message(struct folder *f, const char *expected)
{
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(&f->diags, false, &out);
    if (!out.p || !strstr(out.p, expected))
        fail_msg("expected: %s\ngot: %s", expected, out.p ? out.p : "nothing");
}

/* ---- files ---- */

static void a_missing_stack(void **state)
{
    struct folder *f = *state;
    assert_null(load(f));
    check_message(f, "there is no weir.yaml in /tmp/weir-load-");
    check_message(f, "`weir init` starts a stack");
    put(f, "main.tf", "");
    assert_null(load(f));
    check_message(f, "`weir import terraform /tmp/weir-load-");
    f->options.dir = "/nonexistent/weir.yaml";
    assert_null(load(f));
    check_message(f, "there is no file or folder \"/nonexistent/weir.yaml\"");
}

static void a_folder_as_stack_file(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml/other", "");
    assert_null(load(f));
    check_message(f, "Is a directory");
}

static void a_broken_stack_keeps_its_excerpt(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml", "stack: \"a\nlocals: {}\n");
    assert_null(load(f)); /* the stack is gone, the diagnostic still shows the line */
    check_message(f, " 1 | stack: \"a\n");
}

static void other_names_of_the_file(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yml", "stack: yml\n");
    load_good(f);
    assert_true(str_eqz(f->stack->name, "yml"));
    put(f, "weir.yaml", "stack: yaml\n");
    load_good(f);
    assert_true(str_eqz(f->stack->name, "yaml"));
    put(f, "sub/other.yaml", "stack: other\n");
    f->options.dir = path_in(f, "sub/other.yaml").p;
    load_good(f);
    assert_true(str_eqz(f->stack->name, "other"));
    assert_true(str_eq(f->stack->dir, path_in(f, "sub")));
}

static void the_digest_is_of_all_files(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml", "stack: a\ninclude: [more.yaml]\nmodules: {m: {source: ./m}, n: {source: ./m}}\n");
    put(f, "more.yaml", "locals: {x: 1}\n");
    put(f, "m/weir.yaml", "locals: {y: 1}\n");
    load_good(f);
    assert_int_equal(f->stack->source_count, 3); /* the module's file is read once */
    assert_int_equal(f->stack->module_count, 3);
    struct str before = stack_digest(f->stack, &f->arena);
    assert_int_equal(before.n, 64);
    load_good(f);
    assert_true(str_eq(stack_digest(f->stack, &f->arena), before));
    put(f, "more.yaml", "locals: {x: 2}\n");
    load_good(f);
    assert_false(str_eq(stack_digest(f->stack, &f->arena), before));
    put(f, "more.yaml", "locals: {x: 1}\n");
    put(f, "m/weir.yaml", "locals: {y: 2}\n");
    load_good(f);
    assert_false(str_eq(stack_digest(f->stack, &f->arena), before));
}

/* ---- inputs ---- */

static void inputs_by_rank(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\n"
        "inputs: {a: 0, b: 0, c: 0, d: 0, e: 0}\n"
        "environments: {dev: {b: 1, c: 1, d: 1, e: 1}, prod: {b: 9}}\n");
    put(f, "in.yaml", "{c: 2, d: 2, e: 2}\n");
    f->files[0] = path_in(f, "in.yaml");
    f->options.input_file_count = 1;
    f->options.env = STR("dev");
    f->inputs[0] = STR("e=7");
    f->inputs[1] = STR("e=4");
    f->options.input_count = 2;
    setenv("WEIR_INPUT_D", "3", true);
    setenv("WEIR_INPUT_E", "3", true);
    load_good(f);
    unsetenv("WEIR_INPUT_D");
    unsetenv("WEIR_INPUT_E");
    check_json(f->stack->inputs, "{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"e\":4}");
    assert_ptr_equal(find(f, "inputs.e")->given, value_getz(f->stack->inputs, "e"));
}

static void inputs_are_converted_and_marked(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\n"
        "inputs:\n"
        "  text: {type: string}\n"
        "  list: {type: list(integer)}\n"
        "  map: {type: map(string), default: {n: 1}}\n"
        "  any: {type: any}\n"
        "  none: {type: integer, default: null}\n"
        "  secret: {sensitive: true}\n");
    f->inputs[0] = STR("text=12");
    f->inputs[1] = STR("list=[1, '2']");
    f->inputs[2] = STR("any={a: [true]}");
    f->inputs[3] = STR("secret=s=x");
    f->options.input_count = 4;
    load_good(f);
    check_json(f->stack->inputs, "{\"any\":{\"a\":[true]},\"list\":[1,2],\"map\":{\"n\":\"1\"},\"none\":null,"
                                 "\"secret\":\"s=x\",\"text\":\"12\"}");
    assert_true(value_is_sensitive(value_getz(f->stack->inputs, "secret")));
    assert_false(value_is_sensitive(value_getz(f->stack->inputs, "text")));
}

static void arguments_of_modules(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\nresources: {v: {type: weir.value, value: 1}}\n"
        "modules: {m: {source: ./m, a: \"${v.value}\", c: null}}\n");
    put(f, "m/weir.yaml", "inputs: {a: {type: integer}, b: 5, c: 6}\n");
    load_good(f);
    const struct decl *a = find(f, "m/inputs.a"), *b = find(f, "m/inputs.b"), *c = find(f, "m/inputs.c");
    assert_non_null(a->argument);
    assert_null(a->given);
    assert_true(depends_on(a, find(f, "v")));
    assert_null(b->argument);
    assert_int_equal(b->given->integer, 5);
    assert_null(c->argument);
    assert_int_equal(c->given->integer, 6);
}

/* ---- resources ---- */

static void own_keys_of_resources(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\n"
        "resources:\n"
        "  a:\n"
        "    type: weir.value\n"
        "    value: 1\n"
        "    when: ${inputs.on}\n"
        "    for_each: {x: 1}\n"
        "    lifecycle: {prevent_destroy: true, ignore_changes: [value], replace_triggered_by: [\"${b}\"]}\n"
        "    timeouts: {create: 1h30m, update: 90s, delete: 2m}\n"
        "    adopt: never\n"
        "  b: {type: weir.value, value: 2, lifecycle: {ignore_changes: \"*\", create_before_destroy: true}}\n"
        "inputs: {on: true}\n");
    load_good(f);
    const struct decl *a = find(f, "a"), *b = find(f, "b");
    assert_int_equal(a->attr_count, 1);
    assert_true(str_eqz(a->attrs[0].name, "value"));
    assert_ptr_equal(a->attrs[0].attr, schema_attr(a->schema, STR("value")));
    assert_true(str_eqz(a->provider_name, "weir"));
    assert_non_null(a->for_each);
    assert_non_null(a->when);
    assert_true(decl_lifecycle(a)->prevent_destroy);
    assert_false(decl_lifecycle(a)->create_before_destroy);
    assert_int_equal(decl_lifecycle(a)->ignore_count, 1);
    assert_int_equal(decl_lifecycle(a)->trigger_count, 1);
    assert_int_equal(decl_lifecycle(a)->timeout_create_ms, 90 * 60 * 1000);
    assert_int_equal(decl_lifecycle(a)->timeout_update_ms, 90 * 1000);
    assert_int_equal(decl_lifecycle(a)->timeout_delete_ms, 120 * 1000);
    assert_int_equal(decl_lifecycle(a)->adopt, ADOPT_NEVER);
    assert_int_equal(a->dep_count, 2);
    assert_true(str_eqz(decl_lifecycle(b)->ignore_changes[0], "*"));
    assert_int_equal(decl_lifecycle(b)->adopt, ADOPT_OWNED);
    assert_int_equal(decl_lifecycle(b)->timeout_create_ms, 0);
}

static void providers_are_chosen(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\n"
        "providers: {aws: {region: a}, aws.tokyo: {region: b}}\n"
        "data:\n"
        "  plain: {type: aws.lab.identity}\n"
        "  tokyo: {type: aws.lab.identity, provider: aws.tokyo}\n"
        "modules:\n"
        "  same: {source: ./m}\n"
        "  other: {source: ./m, provider: aws.tokyo}\n");
    put(f, "m/weir.yaml", "data: {me: {type: aws.lab.identity}}\n");
    load_good(f);
    const struct decl *aws = find(f, "providers.aws"), *tokyo = find(f, "providers.aws.tokyo");
    assert_ptr_equal(find(f, "plain")->provider, aws);
    assert_ptr_equal(find(f, "tokyo")->provider, tokyo);
    assert_ptr_equal(find(f, "same/me")->provider, aws);
    assert_ptr_equal(find(f, "other/me")->provider, tokyo);
    assert_true(depends_on(find(f, "other/me"), tokyo));
    put(f, "weir.yaml", "stack: a\ndata: {me: {type: aws.lab.identity, provider: aws}}\n");
    load_good(f);
    assert_null(find(f, "me")->provider);
}

/* ---- references ---- */

static void module_references_are_narrow(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\n"
        "modules: {m: {source: ./m}}\n"
        "locals: {one: \"${m.x}\", index: '${m[\"y\"]}', all: \"${m}\"}\n"
        "resources:\n"
        "  after: {type: weir.value, value: 1, depends_on: [m]}\n");
    put(f, "m/weir.yaml",
        "resources: {a: {type: weir.value, value: 1}, b: {type: weir.value, value: 2}}\n"
        "outputs: {x: \"${a.value}\", y: \"${b.value}\"}\n");
    load_good(f);
    const struct decl *one = find(f, "locals.one"), *all = find(f, "locals.all"), *m = find(f, "m");
    assert_int_equal(one->dep_count, 1);
    assert_ptr_equal(one->deps[0], find(f, "m/outputs.x"));
    assert_ptr_equal(find(f, "locals.index")->deps[0], find(f, "m/outputs.y"));
    assert_ptr_equal(all->deps[0], m);
    assert_true(depends_on(m, find(f, "m/outputs.x")));
    assert_true(depends_on(m, find(f, "m/b")));
    assert_true(depends_on(find(f, "after"), m));
    assert_ptr_equal(m->target->call, m);
    assert_null(stack_find(f->stack, STR("m/none")));
    assert_null(stack_find(f->stack, STR("none/a")));
    assert_null(stack_find(f->stack, STR("after/a")));
}

static void waiting_modules(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\nresources: {first: {type: weir.value, value: 1}}\n"
        "modules: {m: {source: ./m, depends_on: [first]}}\n");
    put(f, "m/weir.yaml", "resources: {a: {type: weir.value, value: 1}}\nmodules: {n: {source: ./n}}\n");
    put(f, "m/n/weir.yaml", "resources: {b: {type: weir.value, value: 1}}\n");
    load_good(f);
    assert_true(depends_on(find(f, "m/a"), find(f, "first")));
    assert_true(depends_on(find(f, "m/n/b"), find(f, "first")));
}

static void state_and_constants(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\ndescription: x\ninputs: {bucket: b}\nenvironments: {dev: {}}\n"
        "state: {backend: s3, bucket: \"${inputs.bucket}-${stack.env}\", prefix: \"${stack.name}/\"}\n");
    f->options.env = STR("dev");
    load_good(f);
    check_json(f->stack->state, "{\"backend\":\"s3\",\"bucket\":\"b-dev\",\"prefix\":\"a/\"}");
    assert_int_equal(span_complete(f->stack->state_span).line, 5);
    check_json(
        value_getz(f->stack->constants, "stack"), "{\"description\":\"x\",\"env\":\"dev\",\"name\":\"a\"}");
    put(f, "weir.yaml", "stack: a\n");
    f->options.env = STR_EMPTY;
    load_good(f);
    assert_null(f->stack->state);
}

static void moves_inside_modules(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml", "stack: a\nmodules: {m: {source: ./m}}\nimports: [{address: m/a, id: x}]\n");
    put(f, "m/weir.yaml",
        "resources: {a: {type: weir.value, value: 1}}\n"
        "moved: [{from: old, to: a}]\nremoved: [{address: gone, destroy: false}, {address: lost}]\n");
    load_good(f);
    assert_true(str_eqz(f->stack->moved[0].from, "m/old"));
    assert_true(str_eqz(f->stack->moved[0].to, "m/a"));
    assert_true(str_eqz(f->stack->removed[0].address, "m/gone"));
    assert_false(f->stack->removed[0].destroy);
    assert_true(f->stack->removed[1].destroy);
    assert_true(str_eqz(f->stack->imports[0].address, "m/a"));
}

static void moves_follow_each_other(void **state)
{
    static const char *const moved[][2] = {
        {"a", "d"}, /* renamed three times; the entries are in no order */
        {"c", "d"},
        {"b-d", "b-d"}, /* another name */
        {"one[\"x\"]", "d"},
        {"many", "many[\"x\"]"},
        {"many[\"x\"]", "many[\"x\"]"},
        {"many[\"y\"]", "many[\"y\"]"},
        {"many#old", "many[\"x\"]#old"},
        {"l", "m"},
        {"l/a[\"x\"]", "m/a[\"x\"]"},
        {"l[\"k\"]/a", "m[\"k\"]/a"},
    };
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\nresources: {d: {type: weir.value, value: 1}, "
        "many: {type: weir.value, for_each: [x], value: 1}}\n"
        "modules: {m: {source: ./m}}\n"
        "moved: [{from: b, to: c}, {from: c, to: d}, {from: a, to: b}, {from: 'one[\"x\"]', to: d}, "
        "{from: many, to: 'many[\"x\"]'}, {from: l, to: m}]\n");
    put(f, "m/weir.yaml", "resources: {a: {type: weir.value, value: 1}}\n");
    load_good(f);
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        struct str then = str_z(moved[i][0]), now;
        stack_move_records(f->stack, &f->stack->arena, &then, 1, &now);
        assert_true(str_eqz(now, moved[i][1]));
    }
}

/* Records in one chain, and where each of them goes. */
static void moves_of_several_records(void **state)
{
    static const char *const cases[][3][2] = {
        {{"k[\"a\"]", "k[\"b\"]"}, {"k[\"b\"]", "k[\"c\"]"}},                   /* shifted */
        {{"k[\"a\"]", "k[\"b\"]"}, {"k[\"c\"]", "k[\"c\"]"}},                   /* the last one stays */
        {{"k[\"b\"]", "k[\"b\"]"}, {"k[\"c\"]", "k[\"c\"]"}},                   /* done already */
        {{"old", "new"}, {"older", "new"}},                                     /* contradict each other */
        {{"old", "old"}, {"older", "older"}, {"new", "new"}},                   /* not where one stays */
        {{"gone", "new"}, {"old", "new"}},                                      /* not to what is not there */
        {{"s[\"a\"]", "s[\"a\"]"}, {"s[\"b\"]", "s[\"b\"]"}, {"older", "new"}}, /* a circle */
    };
    struct moved back[] = {
        {.from = STR("s[\"a\"]"), .to = STR("s[\"b\"]")}, {.from = STR("s[\"b\"]"), .to = STR("s[\"a\"]")}};
    struct folder *f = *state;
    put(f, "weir.yaml",
        "stack: a\nresources: {new: {type: weir.value, value: 1}, k: {type: weir.value, for_each: [b, c], "
        "value: 1}, "
        "s: {type: weir.value, for_each: [a, b], value: 1}}\n"
        "moved: [{from: 'k[\"b\"]', to: 'k[\"c\"]'}, {from: 'k[\"a\"]', to: 'k[\"b\"]'}, {from: gone, to: "
        "old}, {from: old, to: new}, "
        "{from: older, to: new}]\n");
    f->options.moved = back; /* as after a return to an earlier run */
    f->options.moved_count = 2;
    load_good(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str then[3], now[3];
        size_t n = cases[i][2][0] ? 3 : 2;
        for (size_t k = 0; k < n; k++)
            then[k] = str_z(cases[i][k][0]);
        stack_move_records(f->stack, &f->stack->arena, then, n, now);
        for (size_t k = 0; k < n; k++)
            if (!str_eqz(now[k], cases[i][k][1]))
                fail_msg("case %zu: %.*s becomes %.*s", i, STR_ARG(then[k]), STR_ARG(now[k]));
    }
}

/* In the order that needs the most steps. Cubic time would be hours. */
static void a_long_chain_of_moves(void **state)
{
    enum { CHAIN = 20000 };
    struct folder *f = *state;
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addz(&text, "stack: a\nresources: {r0: {type: weir.value, value: 1}}\nmoved:\n");
    for (int i = 0; i < CHAIN; i++)
        buf_addf(&text, "- {from: r%d, to: r%d}\n", i + 1, i);
    put(f, "weir.yaml", text.p);
    load_good(f);
    struct str then = STR("r20000"), now;
    stack_move_records(f->stack, &f->stack->arena, &then, 1, &now);
    assert_true(str_eqz(now, "r0"));
}

static void builtin_modules(void **state)
{
    struct folder *f = *state;
    put(f, "weir.yaml", "stack: a\nmodules: {m: {source: builtin/no-such-module}}\n");
    load(f);
    assert_int_equal(f->diags.errors, 1);
    check_message(f, "there is no built-in module \"no-such-module\"");
    check_message(f, "lakehouse-buckets");

    /* a folder of the same name beside the stack is another resource */
    put(f, "modules/lakehouse-buckets/weir.yaml", "outputs: {mine: 1}\n");
    put(f, "weir.yaml",
        "stack: a\nmodules: {m: {source: builtin/lakehouse-buckets, prefix: my-lake}, n: {source: "
        "./modules/lakehouse-buckets}}\n");
    load_good(f);
    assert_true(str_eqz(find(f, "m/zone")->schema->name, "aws.s3.bucket"));
    assert_true(str_eqz(find(f, "m/zone")->span.source->path, "builtin/lakehouse-buckets/weir.yaml"));
    assert_non_null(find(f, "n/outputs.mine"));
}

/* ---- size ---- */

static void a_chain_of_100000(void **state)
{
    struct folder *f = *state;
    enum { N = 100 * 1000 };
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addz(&text, "stack: chain\nresources:\n");
    for (int i = 0; i < N; i++)
        buf_addf(&text, "  r%d: {type: weir.value, value: \"${r%d.value}\"}\n", i, i + 1);
    buf_addf(&text, "  r%d: {type: weir.value, value: end}\n", N);
    put(f, "weir.yaml", text.p);
    load_good(f);
    assert_true(str_eqz(f->stack->decls[0]->name, "r100000"));
    assert_true(str_eqz(f->stack->decls[N]->name, "r0"));
    /* 10,000 have to be planned in 40 MB; here is at most a third of it */
    assert_true(f->stack->arena.total / N < 1300);
}

static void a_cycle_of_50000(void **state)
{
    struct folder *f = *state;
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addz(&text, "stack: cycle\nlocals:\n");
    for (int i = 0; i < 50000; i++)
        buf_addf(&text, "  l%d: ${locals.l%d}\n", i, (i + 1) % 50000);
    put(f, "weir.yaml", text.p);
    load(f);
    assert_int_equal(f->diags.errors, 1);
    check_message(f, "-> … (50000 in all) -> locals.l0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_missing_stack),
        TEST(a_folder_as_stack_file),
        TEST(a_broken_stack_keeps_its_excerpt),
        TEST(other_names_of_the_file),
        TEST(the_digest_is_of_all_files),
        TEST(inputs_by_rank),
        TEST(inputs_are_converted_and_marked),
        TEST(arguments_of_modules),
        TEST(own_keys_of_resources),
        TEST(providers_are_chosen),
        TEST(module_references_are_narrow),
        TEST(waiting_modules),
        TEST(state_and_constants),
        TEST(moves_inside_modules),
        TEST(moves_follow_each_other),
        TEST(moves_of_several_records),
        TEST(a_long_chain_of_moves),
        TEST(builtin_modules),
        TEST(a_chain_of_100000),
        TEST(a_cycle_of_50000),
    };
    if (catalog_new(
            &(struct catalog_options){.kinds = &cmd_kinds, .specs_dir = "tests/lang/_specs"}, &catalog, NULL))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    catalog_free(catalog);
    return failed;
}
