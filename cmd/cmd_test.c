/* weir test: finds the stack's tests, runs several at a time, and reports the results. */
#include "cmd/invocation/invocation.h"
#include "cmd/output/events.h"
#include "cmd/testing/test_run.h"

#include "base/json.h"
#include "base/mem.h"
#include "plan/workspace/module_files.h"
#include "stacks/load/files.h"

#include <stdlib.h>

struct test_settings {
    struct settings shared;
    const char *junit;
    bool no_skips;
};

struct suite {
    struct invocation *inv;
    struct test_case *cases;
    struct test_result *results;
    size_t n, cap;
};

/* ---- collecting ---- */

static void add_case(struct suite *suite, struct str file, const struct node *root)
{
    struct invocation *inv = suite->inv;
    const struct node *name = root->kind == NODE_MAP ? node_get(root, "name") : NULL;
    struct str base = path_base(file);
    ptrdiff_t dot = str_find(base, STR(".yaml"), 0);
    struct test_case test = {
        .name = name && name->kind == NODE_STRING ? name->string
                                                  : str_slice(base, 0, dot < 0 ? base.n : (size_t)dot),
        .file = file,
        .root = root,
        .stack_dir = inv->settings->dir,
        .specs_dir = inv->settings->specs,
        .inputs = inv->settings->inputs.items,
        .input_count = inv->settings->inputs.n,
    };
    test_check(root, &inv->diags);
    MEM_GROW(suite->cases, suite->cap, suite->n + 1);
    suite->cases[suite->n++] = test;
}

/* A file has one test, or several under `tests:`. */
static void cmd_test_add_file(void *ctx, struct str file)
{
    struct suite *suite = ctx;
    struct invocation *inv = suite->inv;
    const struct node *root = yaml_load(&inv->arena, arena_strz(&inv->arena, file), file, &inv->diags);
    const struct node *list = root ? node_get(root, "tests") : NULL;
    if (list && list->kind == NODE_LIST)
        for (uint32_t i = 0; i < list->count; i++)
            add_case(suite, file, list->items[i]);
    else if (root)
        add_case(suite, file, root);
}

/* ---- reporting ---- */

static void add_indented(struct buf *out, struct str text)
{
    while (text.p && text.n) {
        struct str line = str_cut(text, '\n', &text);
        text_addf(out, "    %.*s\n", STR_ARG(line));
    }
}

static size_t count_skipped(const struct suite *suite)
{
    size_t n = 0;
    for (size_t i = 0; i < suite->n; i++)
        n += suite->results[i].skipped != NULL;
    return n;
}

static void report_text(const struct suite *suite, size_t failed, struct buf *out)
{
    size_t skipped = count_skipped(suite);
    bool color = suite->inv->out.color;
    for (size_t i = 0; i < suite->n; i++) {
        const struct test_result *result = &suite->results[i];
        if (result->skipped) {
            style_add(out, color, STYLE_YELLOW, "skip  ");
            buf_addf(out, "%.*s  (needs %s)\n", STR_ARG(suite->cases[i].name), result->skipped);
            continue;
        }
        style_add(out, color, result->passed ? STYLE_GREEN : STYLE_RED, result->passed ? "ok    " : "FAIL  ");
        buf_addf(out, "%.*s  (%lld ms)\n", STR_ARG(suite->cases[i].name), (long long)result->ms);
        add_indented(out, buf_str(&result->failure));
    }
    buf_addf(out, "\n%zu passed, %zu failed", suite->n - failed - skipped, failed);
    if (skipped)
        buf_addf(out, ", %zu skipped", skipped);
    buf_add_char(out, '\n');
}

static void report_json(const struct suite *suite, struct buf *out)
{
    for (size_t i = 0; i < suite->n; i++) {
        const struct test_result *result = &suite->results[i];
        buf_addz(out, "{\"event\":\"test\"");
        json_write_member(out, "name", suite->cases[i].name);
        json_write_member(out, "file", suite->cases[i].file);
        buf_addf(out, ",\"passed\":%s,\"ms\":%lld", result->passed ? "true" : "false", (long long)result->ms);
        if (result->skipped)
            buf_addf(out, ",\"skipped\":\"needs %s\"", result->skipped);
        if (!result->passed)
            json_write_member(out, "failure", buf_str(&result->failure));
        buf_addz(out, "}\n");
    }
}

static void add_junit_case(
    struct junit *junit, const struct test_case *test, const struct test_result *result)
{
    AUTO_BUF struct buf needs = BUF_INIT;
    if (result->skipped)
        buf_addf(&needs, "needs %s", result->skipped);
    junit_add(junit, &(struct junit_case){.group = test->file,
                         .name = test->name,
                         .outcome = result->skipped  ? JUNIT_SKIPPED
                                    : result->passed ? JUNIT_PASSED
                                                     : JUNIT_FAILED,
                         .message = buf_str(&needs),
                         .text = buf_str(&result->failure),
                         .ms = result->ms});
}

static int write_junit(const struct suite *suite, const char *path, struct err *err)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct junit junit = JUNIT_INIT;
    for (size_t i = 0; i < suite->n; i++)
        add_junit_case(&junit, &suite->cases[i], &suite->results[i]);
    junit_write(&junit, STR("weir"), STR_EMPTY, &out);
    return file_write_named(path, term_masked(&suite->inv->arena, buf_str(&out)), 0644, err);
}

static int cmd_test_report(const struct suite *suite)
{
    const struct test_settings *own = suite->inv->own;
    AUTO_BUF struct buf out = BUF_INIT;
    size_t failed = 0;
    for (size_t i = 0; i < suite->n; i++)
        failed += !suite->results[i].passed;
    if (own->shared.json)
        report_json(suite, &out);
    else
        report_text(suite, failed, &out);
    int status = invocation_write(suite->inv, buf_str(&out));
    struct err err = ERR_INIT;
    if (own->junit && write_junit(suite, own->junit, &err))
        return invocation_fail(suite->inv, &err);
    bool wanting = own->no_skips && count_skipped(suite);
    return status != EXIT_DONE ? status : failed || wanting ? EXIT_FAILED : EXIT_DONE;
}

/* ---- running ---- */

static void run_one(void *ctx, size_t i)
{
    struct suite *suite = ctx;
    test_run(&suite->cases[i], &suite->results[i]);
}

/* Fetches modules before a test uses a sandbox as its AWS account, since modules come from their real
 * sources. */
static int bring_modules(struct invocation *inv)
{
    struct err err = ERR_INIT;
    struct catalog *catalog;
    int status = invocation_prepare(inv);
    struct catalog_options options = {
        .kinds = inv->workspace_options.kinds, .specs_dir = inv->settings->specs};
    if (status != EXIT_DONE)
        return status;
    if (catalog_new(&options, &catalog, &err))
        return invocation_fail(inv, &err);
    int failed = module_files_bring(&inv->workspace_options, catalog, &inv->diags, &err);
    catalog_free(catalog);
    status = invocation_diags(inv);
    return !failed || status != EXIT_DONE ? status : invocation_fail(inv, &err);
}

static int run_suite(struct suite *suite)
{
    int threads = suite->inv->settings->parallelism;
    sandboxed_environment();
    suite->results = mem_zalloc((suite->n + 1) * sizeof *suite->results);
    pool_run(threads ? threads : 4, suite->n, run_one, suite);
    int status = cmd_test_report(suite);
    for (size_t i = 0; i < suite->n; i++)
        test_result_release(&suite->results[i]);
    free(suite->results);
    return status;
}

static int cmd_test_run(struct invocation *inv)
{
    struct suite suite = {.inv = inv};
    const char *dir = inv->settings->dir;
    if (dir && !path_exists(dir))
        return invocation_usage(inv, NULL, "there is no file or folder \"%s\"", dir);
    for (size_t i = 0; i < inv->args.n; i++)
        cmd_test_add_file(&suite, inv->args.items[i]);
    if (!inv->args.n)
        stack_test_files(&inv->arena, dir, cmd_test_add_file, &suite);
    int status = invocation_diags(inv);
    if (status == EXIT_DONE && !suite.n)
        status =
            invocation_usage(inv, "docs/testing.md says what a test is, `weir help test` how they are run",
                "there is no tests/*.yaml beside the stack");
    if (status == EXIT_DONE)
        status = bring_modules(inv);
    if (status == EXIT_DONE)
        status = run_suite(&suite);
    free(suite.cases);
    return status;
}

static const struct option options[] = {
    {0, "junit", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct test_settings, junit),
        .completes = COMPLETES_FILE},
    {0, "no-skips", .kind = OPTION_FLAG, .offset = offsetof(struct test_settings, no_skips)},
    {0, "parallelism", .value = "N", .kind = OPTION_NUMBER, .min = 1, .max = 64,
        .offset = offsetof(struct settings, parallelism)},
};

const struct command cmd_test = {
    .name = "test",
    .args = "[FILE...]",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct test_settings),
    .max_args = -1,
    .completes = COMPLETES_FILE,
    .run = cmd_test_run,
};
