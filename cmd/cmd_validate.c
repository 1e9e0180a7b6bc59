/* weir validate: reports all errors in the files. weir fmt: formats them. Neither calls any service. */
#include "base/json.h"
#include "cmd/output/events.h"
#include "cmd/output/render.h"
#include "cmd/repository/repository.h"
#include "stacks/format/format.h"
#include "stacks/load/files.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- weir fmt: writes stack files in the canonical format, or only compares ---- */

struct fmt_settings {
    struct settings shared;
    bool check, diff;
};

struct formatting {
    struct invocation *inv;
    const struct fmt_settings *own;
    int status;   /* the highest exit status so far */
    bool changed; /* a file was changed, or would be */
    struct buf out;
};

static void take_status(struct formatting *f, int status)
{
    if (status > f->status)
        f->status = status;
}

/* Returns -1 if the file must not be changed; the reason was reported. */
static int cmd_fmt_format(struct formatting *f, const struct source *source, struct buf *text)
{
    struct err err = ERR_INIT;
    int rc = format_text(source, &f->inv->diags, text, &err);
    take_status(f, invocation_diags(f->inv));
    if (rc < 0 && err.class != ERR_NONE)
        take_status(f, invocation_fail(f->inv, &err));
    return rc;
}

/* Follows links and keeps the file's mode. */
static int cmd_fmt_replace(struct str path, struct str text, struct err *err)
{
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path.p, real) || stat(real, &st))
        return err_errno(err, ERR_IO, "cannot write %s", path.p);
    return file_write_atomic(real, text, st.st_mode & 07777, err);
}

static void format_file(void *ctx, struct str path)
{
    struct formatting *f = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct source source = {.path = path};
    struct err err = ERR_INIT;
    if (file_read(&arena, path.p, YAML_MAX_SIZE, &source.text, &err) < 0) {
        take_status(f, invocation_fail(f->inv, &err));
        return;
    }
    if (cmd_fmt_format(f, &source, &text) < 0 || str_eq(buf_str(&text), source.text))
        return;
    f->changed = true;
    if (f->own->diff) {
        unified_diff(path, source.text, buf_str(&text), f->inv->out.color, &f->out);
        return;
    }
    if (!f->own->check && cmd_fmt_replace(path, buf_str(&text), &err) < 0) {
        take_status(f, invocation_fail(f->inv, &err));
        return;
    }
    text_addf(&f->out, "%.*s\n", STR_ARG(path));
}

static int read_stdin(struct buf *text, struct err *err)
{
    if (fd_read_all(STDIN_FILENO, text, err, "standard input"))
        return -1;
    return text->overflow ? err_set(err, ERR_IO, "standard input is larger than 256 MiB") : 0;
}

static void format_stdin(struct formatting *f)
{
    AUTO_BUF struct buf given = {.max = YAML_MAX_SIZE}, text = BUF_INIT;
    struct err err = ERR_INIT;
    if (read_stdin(&given, &err) < 0) {
        take_status(f, invocation_fail(f->inv, &err));
        return;
    }
    struct source source = {.path = STR("standard input"), .text = given.n ? buf_str(&given) : STR_EMPTY};
    if (cmd_fmt_format(f, &source, &text) < 0)
        return;
    f->changed |= !str_eq(source.text, buf_str(&text));
    if (f->own->diff)
        unified_diff(source.path, source.text, buf_str(&text), f->inv->out.color, &f->out);
    else if (!f->own->check)
        buf_add_str(&f->out, buf_str(&text));
    else if (f->changed)
        buf_addz(&f->out, "standard input\n");
}

static void format_stack(struct formatting *f)
{
    struct arena *arena = &f->inv->arena;
    const char *dir = f->own->shared.dir ? f->own->shared.dir : ".";
    if (stack_files(arena, dir, &f->inv->diags, format_file, f) < 0)
        take_status(f, invocation_diags(f->inv));
    else
        stack_test_files(arena, dir, format_file, f);
}

static int cmd_fmt_run(struct invocation *inv)
{
    struct formatting f = {.inv = inv, .own = inv->own};
    for (size_t i = 0; i < inv->args.n; i++) {
        if (str_eqz(inv->args.items[i], "-"))
            format_stdin(&f);
        else
            format_file(&f, inv->args.items[i]);
    }
    if (!inv->args.n)
        format_stack(&f);
    take_status(&f, invocation_write_as_is(inv, buf_str(&f.out)));
    buf_release(&f.out);
    if (f.own->check && f.changed)
        take_status(&f, EXIT_FAILED);
    return f.status;
}

static const struct option options[] = {
    {0, "check", .offset = offsetof(struct fmt_settings, check)},
    {0, "diff", .offset = offsetof(struct fmt_settings, diff)},
    {'C', "dir", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, dir),
        .completes = COMPLETES_DIR},
};

const struct command cmd_fmt = {
    .name = "fmt",
    .args = "[FILE...]",
    .sets = {OWN_OPTIONS(options)},
    .settings_size = sizeof(struct fmt_settings),
    .max_args = -1,
    .completes = COMPLETES_FILE,
    .run = cmd_fmt_run,
};

struct validate_settings {
    struct settings shared;
    const char *format;
};

/* Collects the diagnostics for --format, which are written at the end. */
struct collected {
    struct sarif *sarif; /* NULL: JUnit or text */
    struct junit *junit;
    const struct stack *stack;
};

static void collect_diags(void *ctx, const struct diags *diags)
{
    struct collected *collected = ctx;
    if (collected->sarif)
        sarif_add_diags(collected->sarif, diags, collected->stack);
    else
        junit_add_diags(collected->junit, diags, collected->stack);
}

static int cmd_validate_count(const struct stack *stack, enum decl_kind kind)
{
    int n = 0;
    for (size_t i = 0; i < stack->decl_count; i++)
        n += stack->decls[i]->kind == kind;
    return n;
}

/* Adds one hint for all CloudFormation types that weir has as types of its own. */
static void cmd_validate_hint(struct buf *out, const struct stack *stack, struct catalog *catalog)
{
    AUTO_MAP struct map reported = MAP_INIT;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct schema *schema = stack->decls[i]->kind == DECL_RESOURCE ? stack->decls[i]->schema : NULL;
        if (!schema || str_find(schema->name, STR("::"), 0) < 0 || map_set(&reported, schema->name, out))
            continue;
        const struct schema *own = catalog_own(catalog, schema->name);
        if (own)
            buf_addf(out, "hint: %.*s is weir's own type for %.*s: quicker to refresh, and finer\n",
                STR_ARG(own->name), STR_ARG(schema->name));
    }
}

static int cmd_validate_report(
    struct invocation *inv, const struct stack *stack, struct catalog *catalog, const struct plan *plan)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        buf_addz(&out, "{\"event\":\"valid\"");
        json_write_member(&out, "stack", stack->name);
        buf_addf(&out, ",\"resources\":%zu,\"data\":%d,\"outputs\":%d}\n", plan->resource_count,
            cmd_validate_count(stack, DECL_DATA), cmd_validate_count(stack, DECL_OUTPUT));
    } else {
        style_add(&out, inv->out.color, STYLE_GREEN, "valid");
        buf_addf(&out, ": stack %.*s, %zu resource%s\n", STR_ARG(stack->name), plan->resource_count,
            plan->resource_count == 1 ? "" : "s");
        cmd_validate_hint(&out, stack, catalog);
    }
    return invocation_write(inv, buf_str(&out));
}

static int validate_stack(struct invocation *inv, struct collected *collected)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct plan *plan = NULL;
    int status = invocation_open(inv, &(struct workspace_options){.no_state = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    struct err err = ERR_INIT;
    collected->stack = workspace.stack;
    int rc = plan_make(&workspace, &(struct plan_options){.offline = true}, &inv->diags, &plan, &err);
    status = invocation_diags(inv);
    if (rc < 0)
        status = err.class != ERR_NONE ? invocation_fail(inv, &err)
                 : status == EXIT_DONE ? EXIT_FAILED
                                       : status;
    else if (status == EXIT_DONE && !collected->sarif && !collected->junit)
        status = cmd_validate_report(inv, workspace.stack, workspace.catalog, plan);
    plan_free(plan);
    return status;
}

static int cmd_validate_run(struct invocation *inv)
{
    enum { RESULTS_MAX = 5000 };
    const struct validate_settings *own = inv->own;
    struct collected *collected = ARENA_NEW(&inv->arena, struct collected);
    AUTO_BUF struct buf out = BUF_INIT;
    *collected = (struct collected){0};
    int usage = repository_check_args(inv);
    if (usage != EXIT_DONE)
        return usage;
    if (inv->settings->all && own->format)
        return invocation_usage(inv, "-C DIR picks the stack", "--format is for one stack, not for --all");
    if (inv->settings->all)
        return repository_validate(inv);
    if (!own->format || str_eqz(str_z(own->format), "text"))
        return validate_stack(inv, collected);
    if (inv->settings->json)
        return invocation_usage(inv, NULL, "--format and --json are two ways to print it");
    struct junit junit = JUNIT_INIT;
    if (str_eqz(str_z(own->format), "junit"))
        collected->junit = &junit;
    else
        collected->sarif = sarif_new();
    inv->diags.limit = RESULTS_MAX;
    inv->diags_heard = collect_diags;
    inv->diags_ctx = collected;
    int status = validate_stack(inv, collected);
    inv->diags_heard = NULL;
    if (collected->sarif)
        sarif_write(collected->sarif, &out);
    else
        junit_write(&junit, STR("weir validate"), STR("the stack is valid"), &out);
    int written = invocation_write(inv, buf_str(&out));
    return status == EXIT_DONE ? written : status;
}

static const struct option validate_options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT,
        .offset = offsetof(struct validate_settings, format), .completes = COMPLETES_CHOICES,
        .choices = "text sarif junit"},
};

const struct command cmd_validate = {
    .name = "validate",
    .args = "[--all [DIR]]",
    .sets = {OWN_OPTIONS(validate_options), &options_all, &options_json, &options_stack},
    .settings_size = sizeof(struct validate_settings),
    .max_args = 1,
    .completes = COMPLETES_DIR,
    .run = cmd_validate_run,
};
