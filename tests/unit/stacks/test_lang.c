/*
 * The stack files of tests/lang beside what loading them says: diagnostics, or the declarations in their
 * order with what each depends on. NAME.yaml goes with NAME.expected, NAME/weir.yaml with NAME/expected.
 * Options stand in the first line: `# options: -e dev -i owner=me`. What begins
 * with _ is no case. WEIR_LANG_ACCEPT=1 writes what came out
 * as expected.
 */
#include "base/file.h"
#include "base/mem.h"
#include "cmd/invocation/kinds.h"
#include "cmd/output/render.h"
#include "plan/plan.h"
#include "provider/cloud.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORDS_MAX = 16 };

static struct catalog *catalog;

struct options {
    struct stack_options stack;
    struct str inputs[WORDS_MAX], files[WORDS_MAX];
};

static void read_options(struct str text, struct options *options)
{
    static const struct str mark = STR_INIT("# options: ");
    struct str rest, line = str_cut(text, '\n', &rest);
    if (!str_starts(line, mark))
        return;
    line = str_slice(line, mark.n, line.n);
    while (line.p) {
        struct str option = str_cut(line, ' ', &line), argument = str_cut(line, ' ', &line);
        if (str_eqz(option, "-e"))
            options->stack.env = argument;
        else if (str_eqz(option, "-i"))
            options->inputs[options->stack.input_count++] = argument;
        else if (str_eqz(option, "--input-file"))
            options->files[options->stack.input_file_count++] = argument;
        else
            fail_msg("unknown option in a test: %.*s", STR_ARG(option));
    }
    options->stack.inputs = options->inputs;
    options->stack.input_files = options->files;
}

static void list_declarations(const struct stack *stack, struct buf *out)
{
    static const char *const kinds[] = {
        "input", "local", "provider", "connection", "resource", "data", "module", "output"};
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        buf_addf(out, "%s %.*s", kinds[decl->kind], STR_ARG(decl->address));
        for (size_t k = 0; k < decl->dep_count; k++)
            buf_addf(out, "%s%.*s", k ? ", " : " <- ", STR_ARG(decl->deps[k]->address));
        buf_add_char(out, '\n');
    }
}

static void check_or_accept(const char *expected_path, struct str got)
{
    if (getenv("WEIR_LANG_ACCEPT")) {
        struct err err = ERR_INIT;
        assert_int_equal(file_write_atomic(expected_path, got, 0644, &err), 0);
        return;
    }
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str expected;
    if (file_read(&arena, expected_path, 0, &expected, &err))
        fail_msg("%s (make lang-accept writes it)", err.message);
    assert_string_equal(got.p, expected.p);
}

static void load_case(struct options *options, struct diags *diags, struct buf *got)
{
    options->stack.states = plan_cloud.states;
    options->stack.state_count = plan_cloud.state_count;
    struct stack *stack = stack_load(&options->stack, diags);
    diags_render(diags, false, got);
    if (!stack)
        assert_true(diags->errors > 0);
    else if (!diags->errors)
        list_declarations(stack, got);
    stack_free(stack);
}

static void plan_case(struct options *options, struct diags *diags, struct buf *got)
{
    struct workspace_options opening = {
        .stack = options->stack, .kinds = &cmd_kinds, .specs_dir = "_specs", .no_state = true};
    struct workspace workspace;
    struct plan *plan = NULL;
    struct err err = ERR_INIT;
    bool open = !workspace_open(&opening, diags, &workspace, &err);
    if (open)
        plan_make(&workspace, &(struct plan_options){.offline = true}, diags, &plan, &err);
    diags_render(diags, false, got);
    if (err.class)
        buf_addf(got, "%s\n", err.message);
    if (plan)
        render_plan(plan, &(struct render_options){.everything = true}, got);
    plan_free(plan);
    if (open)
        workspace_close(&workspace);
}

static void check_case(void **state)
{
    const char *path = *state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    bool folder = path_is_dir(path);
    struct str file = folder ? arena_printf(&arena, "%s/weir.yaml", path) : str_z(path), text;
    struct err err = ERR_INIT;
    assert_int_equal(file_read(&arena, file.p, 0, &text, &err), 0);
    struct options options = {.stack = {.dir = path, .env = STR_EMPTY, .catalog = catalog}};
    read_options(text, &options);

    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf got = BUF_INIT;
    if (str_starts(str_z(path), STR("plan-")))
        plan_case(&options, &diags, &got);
    else
        load_case(&options, &diags, &got);
    size_t base = strlen(path) - (folder ? 0 : strlen(".yaml"));
    struct str expected = arena_printf(&arena, "%.*s%s", (int)base, path, folder ? "/expected" : ".expected");
    check_or_accept(expected.p, buf_str(&got));
}

static bool is_case(const char *name)
{
    if (name[0] == '.' || name[0] == '_') /* what cases refer to */
        return false;
    return path_is_dir(name) || str_ends(str_z(name), STR(".yaml"));
}

int main(void)
{
    struct err err = ERR_INIT;
    if (chdir("tests/lang") ||
        catalog_new(&(struct catalog_options){.kinds = &cmd_kinds, .specs_dir = "_specs"}, &catalog, &err)) {
        fprintf(stderr, "run this from the root of the source tree\n");
        return 1;
    }
    setenv("WEIR_INPUT_FROM_VARIABLE", "variable", true);
    setenv("WEIR_INPUT_MISSPELT_VARABLE", "for a stack that has misspelt_variable", true);
    struct dirent **names;
    int n = scandir(".", &names, NULL, alphasort);
    struct CMUnitTest *tests = mem_zalloc(sizeof *tests * (size_t)(n > 0 ? n : 1));
    size_t count = 0;
    for (int i = 0; i < n; i++)
        if (is_case(names[i]->d_name))
            tests[count++] = (struct CMUnitTest){
                .name = names[i]->d_name, .test_func = check_case, .initial_state = names[i]->d_name};
    int failed = _cmocka_run_group_tests("lang", tests, count, NULL, NULL);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    free(tests);
    catalog_free(catalog);
    return failed || count == 0;
}
