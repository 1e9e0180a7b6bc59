/* `weir import cloudformation`, `live` and `terraform`: their input, the draft, and common functions. */
#include "base/embed.h"
#include "base/file.h"
#include "base/json.h"
#include "base/spawn.h"
#include "cmd/import/template.h"
#include "cmd/import/terraform.h"
#include "cmd/invocation/invocation.h"
#include "cmd/invocation/kinds.h"
#include "provider/aws/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct importing_settings {
    struct settings shared;
    const char *out, *name;
    bool dry_run, force;
};

extern const struct option_set options_importing;

struct importing {
    struct invocation *inv;
    struct catalog *catalog;
    struct names names;
    struct draft draft;
    struct http_engine *http;
    struct aws_client *client;
    struct provider *provider;
};

/* ---- common functions of the import commands ---- */

/* Calls `all` with a new draft. Returns the exit status. */
static int importing_run(struct invocation *inv, int (*all)(struct importing *importing))
{
    struct err err = ERR_INIT;
    struct importing importing = {.inv = inv};
    const struct catalog_options options = {
        .kinds = &cmd_kinds, .specs_dir = inv->settings->specs, .schemas_dir = DIR_OF_WEIR "/schemas"};
    if (catalog_new(&options, &importing.catalog, &err))
        return invocation_fail(inv, &err);
    names_open(&importing.names, &inv->arena, importing.catalog);
    draft_init(&importing.draft, &inv->arena, importing.catalog, &inv->diags);
    int status = all(&importing);
    provider_free(importing.provider);
    http_engine_free(importing.http);
    draft_release(&importing.draft);
    names_release(&importing.names);
    catalog_free(importing.catalog);
    return status;
}

/* Connects to the AWS account of the environment and configuration. Returns -1 with err. */
static int importing_connect(struct importing *importing, struct err *err)
{
    const struct http_options http_options = {0};
    if (http_engine_new(&http_options, &importing->http, err))
        return -1;
    const struct provider_options options = {.kinds = &cmd_kinds,
        .name = STR("aws"),
        .http = importing->http,
        .stack = STR_EMPTY,
        .base_dir = STR_EMPTY};
    if (provider_new(&options, &importing->provider, err))
        return -1;
    importing->client = provider_aws(importing->provider);
    return 0;
}

/* ---- output ---- */

/* Returns the folder for the stack file; NULL: standard output. */
static const char *importing_folder(const struct importing *importing)
{
    const struct importing_settings *own = importing->inv->own;
    return !own->out ? "." : strcmp(own->out, "-") != 0 ? own->out : NULL;
}

/* Returns a folder relative to the folder of the stack file. */
static struct str importing_relative(struct importing *importing, struct str folder)
{
    const char *out = importing_folder(importing);
    return path_between(&importing->inv->arena, str_z(out ? out : "."), folder);
}

/* Appends the table of resources with their new names, and unsupported features. */
static void add_report(struct arena *arena, const struct draft *d, const struct term *term, struct buf *out)
{
    static const char *const names[] = {"there", "here", "note"};
    const struct value *rows;
    if (tree_known(arena, d->rows, &rows) && rows->count)
        table_add_text(table_columns(arena, names, sizeof names / sizeof *names), rows, term, out);
    buf_addf(out, "%zu of weir's own types, %zu of CloudFormation's, %zu left out\n", d->ours, d->theirs,
        d->left_out);
}

static void importing_tell(struct importing *importing, struct str next)
{
    AUTO_BUF struct buf out = BUF_INIT;
    add_report(&importing->inv->arena, &importing->draft, &importing->inv->err, &out);
    if (next.n)
        buf_addf(&out, "\n%.*s", STR_ARG(next));
    term_print_error(buf_str(&out));
}

/* Fails if the file exists and must not be overwritten. */
static int refuse_existing(struct importing *importing, struct str path)
{
    const struct importing_settings *own = importing->inv->own;
    if (!path_exists(path.p) || own->force || own->dry_run)
        return EXIT_DONE;
    return invocation_usage(importing->inv,
        "-o DIR writes into another folder, -o - shows it, --force writes over it",
        "%s exists already, and nothing was written", path.p);
}

/* Called before anything is read: fails if the stack file exists and must not be overwritten. Returns the
 * exit status. */
static int importing_check(struct importing *importing)
{
    const char *out = importing_folder(importing);
    return out ? refuse_existing(importing, path_join(&importing->inv->arena, str_z(out), STR("weir.yaml")))
               : EXIT_DONE;
}

/* Writes a file, and creates its folder. */
static int write_beside(struct arena *arena, struct str path, struct str text, mode_t mode, struct err *err)
{
    return dir_make(arena_strz(arena, path_dir(path)), err) || file_write_atomic(path.p, text, mode, err) ? -1
                                                                                                          : 0;
}

/* Copies a file, or a folder with its contents; links are followed. */
static int copy_all(struct arena *arena, struct str from, struct str to, struct err *err)
{
    struct stat st;
    struct str bytes;
    if (stat(from.p, &st))
        return err_errno(err, ERR_IO, "cannot read %s", from.p);
    if (!S_ISDIR(st.st_mode))
        return file_read(arena, from.p, 0, &bytes, err) ||
                       write_beside(arena, to, bytes, st.st_mode & 0777, err)
                   ? -1
                   : 0;
    AUTO_DIR DIR *dir = opendir(from.p);
    const struct dirent *entry;
    if (!dir || dir_make(to.p, err))
        return dir ? -1 : err_errno(err, ERR_IO, "cannot read %s", from.p);
    while ((entry = dir_next(dir)))
        if (copy_all(arena, path_join(arena, from, str_z(entry->d_name)),
                path_join(arena, to, str_z(entry->d_name)), err))
            return -1;
    return 0;
}

static int refuse_all(struct importing *importing, const struct tree *paths)
{
    int status = EXIT_DONE;
    for (size_t i = 0; i < paths->n && status == EXIT_DONE; i++)
        status = refuse_existing(importing,
            path_join(&importing->inv->arena, str_z(importing_folder(importing)), paths->entries[i].key));
    return status;
}

/* Writes the stack file, files beside it such as those of modules, and copies: all or none. */
static int write_files(struct importing *importing, struct str text, struct str *path)
{
    const struct importing_settings *own = importing->inv->own;
    const struct tree *files = importing->draft.files, *copies = importing->draft.copies;
    struct invocation *inv = importing->inv;
    struct err err = ERR_INIT;
    struct str out = str_z(importing_folder(importing));
    *path = path_join(&inv->arena, out, STR("weir.yaml"));
    int status = refuse_existing(importing, *path);
    status = status == EXIT_DONE ? refuse_all(importing, files) : status;
    status = status == EXIT_DONE ? refuse_all(importing, copies) : status;
    if (status != EXIT_DONE || own->dry_run)
        return status;
    for (size_t i = 0; i < files->n; i++)
        if (write_beside(&inv->arena, path_join(&inv->arena, out, files->entries[i].key),
                files->entries[i].value->value->string, 0644, &err))
            return invocation_fail(inv, &err);
    for (size_t i = 0; i < copies->n; i++) {
        struct str to = path_join(&inv->arena, out, copies->entries[i].key);
        if (copy_all(&inv->arena, copies->entries[i].value->value->string, to, &err))
            return invocation_fail(inv, &err);
    }
    if (write_beside(&inv->arena, *path, text, 0644, &err))
        return invocation_fail(inv, &err);
    return EXIT_DONE;
}

/* Appends the files below the stack file for standard output, each with its name. */
static void add_files(const struct draft *d, struct buf *text)
{
    for (size_t i = 0; i < d->files->n; i++)
        buf_addf(text, "\n# ---- %.*s ----\n\n%.*s", STR_ARG(d->files->entries[i].key),
            STR_ARG(d->files->entries[i].value->value->string));
}

/*
 * Reports the diagnostics; without errors writes the stack, the report, and `next`, the following steps.
 */
static int importing_finish(struct importing *importing, struct str next)
{
    const struct importing_settings *own = importing->inv->own;
    struct invocation *inv = importing->inv;
    AUTO_BUF struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    struct str path = STR_EMPTY;
    bool shown = !importing_folder(importing);
    int failed = inv->diags.errors ? 0 : draft_write(&importing->draft, &text, &err);
    int status = invocation_diags(inv);
    if (failed && err.class != ERR_NONE)
        return invocation_fail(inv, &err);
    if (status != EXIT_DONE || failed)
        return status;
    if (shown)
        add_files(&importing->draft, &text);
    status =
        shown ? invocation_write_as_is(inv, buf_str(&text)) : write_files(importing, buf_str(&text), &path);
    if (status != EXIT_DONE)
        return status;
    importing_tell(importing, shown || own->dry_run ? STR_EMPTY : next);
    if (!shown)
        invocation_note(inv, own->dry_run ? "nothing was written; it would be %s" : "%s is written", path.p);
    return EXIT_DONE;
}

static const struct option options[] = {
    {'o', "out", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct importing_settings, out),
        .completes = COMPLETES_DIR},
    {0, "name", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct importing_settings, name)},
    {0, "dry-run", .kind = OPTION_FLAG, .offset = offsetof(struct importing_settings, dry_run)},
    {0, "force", .kind = OPTION_FLAG, .offset = offsetof(struct importing_settings, force)},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
};
const struct option_set options_importing = OPTION_SET(NULL, options);

enum { TEMPLATE_MAX = 64 * 1024 * 1024 };

struct own_settings {
    struct importing_settings importing;
    const char *stack;
};

static int read_source(
    struct invocation *inv, const struct template_live *live, struct source *source, struct err *err)
{
    if (inv->args.n) {
        source->path = inv->args.items[0];
        if (file_read(&inv->arena, source->path.p, TEMPLATE_MAX, &source->text, err))
            return -1;
    } else {
        source->path = arena_printf(&inv->arena, "template of %.*s", STR_ARG(live->name));
        source->text = live->body;
    }
    template_without_tabs(&inv->arena, &source->text);
    return 0;
}

/* Returns the file's name without its ending as a stack name; `otherwise` for "." and "..". */
static struct str named_after(struct arena *arena, struct str path, struct str otherwise)
{
    struct str name = path_base(path);
    name = !name.n || str_eqz(name, ".") || str_eqz(name, "..") ? otherwise : name;
    ptrdiff_t dot = str_find_char(name, '.', 1);
    return draft_stack_name(arena, dot > 0 ? str_slice(name, 0, (size_t)dot) : name);
}

static struct str steps(struct invocation *inv, const char *stack)
{
    if (!stack)
        return STR("`weir validate` checks it, `weir plan` shows what it would make.\n");
    return EMBEDDED_FILLED(&inv->arena, "cmd/import/cloudformation_steps.txt", {"stack", str_z(stack)});
}

static int import_all(struct importing *importing)
{
    struct invocation *inv = importing->inv;
    const struct own_settings *own = inv->own;
    struct template_live live = {.body = STR_EMPTY};
    struct source *source = ARENA_NEW(&inv->arena, struct source);
    struct err err = ERR_INIT;
    if (own->stack && (importing_connect(importing, &err) ||
                          template_live_read(importing->client, &inv->arena, str_z(own->stack), &live, &err)))
        return invocation_fail(inv, &err);
    live.lookup = (struct lookup){importing->provider, &inv->arena};
    if (read_source(inv, &live, source, &err))
        return invocation_fail(inv, &err);
    const char *name = own->importing.name ? own->importing.name : own->stack;
    importing->draft.stack = name ? draft_stack_name(&inv->arena, str_z(name))
                                  : named_after(&inv->arena, inv->args.items[0], STR("stack"));
    importing->draft.beside = importing_relative(importing, path_dir(source->path));
    template_read(&importing->draft, &importing->names, source, own->stack ? &live : NULL);
    return importing_finish(importing, steps(inv, own->stack));
}

static int import_cloudformation_run(struct invocation *inv)
{
    const struct own_settings *own = inv->own;
    if (!inv->args.n && !own->stack)
        return invocation_usage(inv, "weir import cloudformation template.yaml, or --stack NAME",
            "there is no template, and no stack");
    return importing_run(inv, import_all);
}

static const struct option import_from_options[] = {
    {0, "stack", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct own_settings, stack)},
};

const struct command import_cloudformation = {
    .name = "cloudformation",
    .args = "[TEMPLATE]",
    .sets = {OWN_OPTIONS(import_from_options), &options_importing},
    .settings_size = sizeof(struct own_settings),
    .max_args = 1,
    .completes = COMPLETES_FILE,
    .run = import_cloudformation_run,
};

/* ---- weir import live: a stack from live resources ---- */

struct live_own_settings {
    struct importing_settings importing;
    const char *tag, *stack;
    struct texts types;
};

static int import_live_all(struct importing *importing)
{
    struct invocation *inv = importing->inv;
    const struct live_own_settings *own = inv->own;
    struct live_wanted wanted = {.types = own->types.items, .type_count = own->types.n};
    struct str value, key = str_cut(str_z(own->tag), '=', &value);
    struct err err = ERR_INIT;
    wanted.tag_key = own->stack ? STR("weir:stack") : key;
    wanted.tag_value = own->stack ? str_z(own->stack) : value;
    int status = importing_check(importing);
    if (status != EXIT_DONE)
        return status;
    if (importing_connect(importing, &err))
        return invocation_fail(inv, &err);
    wanted.http = importing->http;
    wanted.folder = own->importing.dry_run ? NULL : importing_folder(importing);
    wanted.force = own->importing.force;
    struct lookup lookup = {importing->provider, &inv->arena};
    importing->draft.stack = draft_stack_name(&inv->arena, str_z(own->importing.name ? own->importing.name
                                                                 : own->stack        ? own->stack
                                                                                     : "imported"));
    if (live_read(&importing->draft, &lookup, &wanted, &err))
        return invocation_fail(inv, &err);
    if (!importing->draft.n && !importing->draft.rows->n) {
        err_set(&err, ERR_ABSENT, "there are no resources of that type");
        return invocation_fail(inv, &err);
    }
    return importing_finish(importing, STR("1. `weir plan` shows what is imported (=> import). Nothing else "
                                           "may differ: change the file until it does not.\n"
                                           "2. `weir apply` imports it; if it is interrupted, run it again. "
                                           "Then `weir plan` says that nothing is to be done.\n"));
}

static int import_live_run(struct invocation *inv)
{
    const struct live_own_settings *own = inv->own;
    if (own->tag && !strchr(own->tag, '='))
        return invocation_usage(inv, "--tag team=data", "a tag is KEY=VALUE");
    if (!!own->tag + !!own->stack + (own->types.n > 0) != 1)
        return invocation_usage(
            inv, "weir import live --tag team=data", "--tag, --type or --stack selects the resources");
    return importing_run(inv, import_live_all);
}

static const struct option import_live_options[] = {
    {0, "tag", .value = "KEY=VALUE", .kind = OPTION_TEXT, .offset = offsetof(struct live_own_settings, tag)},
    {0, "type", .value = "TYPE", .kind = OPTION_LIST, .offset = offsetof(struct live_own_settings, types),
        .completes = COMPLETES_TYPE},
    {0, "stack", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct live_own_settings, stack)},
};

const struct command import_live = {
    .name = "live",
    .sets = {OWN_OPTIONS(import_live_options), &options_importing},
    .settings_size = sizeof(struct live_own_settings),
    .run = import_live_run,
};

/* ---- weir import terraform: a stack from a state, a plan, or the folder of a configuration ---- */

enum { DOCUMENT_MAX = 256 * 1024 * 1024 };

/* ---- running terraform ---- */

/* Runs the program with its output in a file. Returns its exit status, or -1 if it is not installed. */
static int run_program(const char *const *words, const char *out, struct err *err)
{
    pid_t child;
    int status;
    if (confined_program(words[0], err))
        return -1;
    AUTO_FD int file = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return err_errno(err, ERR_IO, "%s", out);
    int failed = spawn_program(
        &(struct spawn){.args = (char *const *)words, .env = environ, .out = file, .error = 2}, &child);
    if (failed)
        return err_set(err, ERR_FAILED, "%s cannot be started: %s", words[0], strerror(failed));
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return err_errno(err, ERR_FAILED, "%s", words[0]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Shows a plan without refresh, which contains the configuration; if that fails, the state. */
static int show_folder(
    struct invocation *inv, struct str folder, const char *program, struct str *text, struct err *err)
{
    char work[] = "/tmp/weir-import-XXXXXX";
    if (!mkdtemp(work))
        return err_errno(err, ERR_IO, "%s", work);
    const char *plan = arena_printf(&inv->arena, "%s/plan", work).p,
               *log = arena_printf(&inv->arena, "%s/log", work).p,
               *shown = arena_printf(&inv->arena, "%s/shown", work).p;
    const char *chdir = arena_printf(&inv->arena, "-chdir=%.*s", STR_ARG(folder)).p,
               *out = arena_printf(&inv->arena, "-out=%s", plan).p;
    const char *const make[] = {
        program, chdir, "plan", "-no-color", "-refresh=false", "-input=false", "-lock=false", out, NULL};
    const char *const show[] = {program, chdir, "show", "-json", plan, NULL};
    const char *const state[] = {program, chdir, "show", "-json", NULL};
    int status = run_program(make, log, err);
    if (status > 0)
        invocation_note(inv,
            "warning: %s plan failed, so that the state alone is read: what refers to what is found by "
            "values only",
            program);
    if (status >= 0)
        status = run_program(status ? state : show, shown, err);
    if (status == 0)
        status = file_read(&inv->arena, shown, DOCUMENT_MAX, text, err);
    else if (status > 0)
        status = err_set(err, ERR_FAILED, "%s show failed in %.*s", program, STR_ARG(folder));
    tree_remove(work);
    return status ? -1 : 0;
}

static int read_text(struct invocation *inv, struct str path, struct str *text, struct err *err)
{
    if (!path_is_dir(path.p))
        return file_read(&inv->arena, path.p, DOCUMENT_MAX, text, err);
    if (show_folder(inv, path, "terraform", text, err) == 0 ||
        show_folder(inv, path, "tofu", text, ERR_IGNORED) == 0)
        return 0;
    return err->hint[0]
               ? -1
               : err_hint(err, "`terraform show -json` of a state or a saved plan, in a file, will do");
}

/* ---- the command ---- */

static int import_terraform_all(struct importing *importing)
{
    struct invocation *inv = importing->inv;
    struct err err = ERR_INIT;
    struct str text, path = inv->args.items[0];
    const struct value *document;
    if (read_text(inv, path, &text, &err))
        return invocation_fail(inv, &err);
    if (str_starts(text, STR("PK\x03\x04"))) {
        err_set(&err, ERR_INVALID, "%.*s: this is the plan's own file", STR_ARG(path));
        err_hint(&err, "terraform show -json %.*s > plan.json; then import plan.json", STR_ARG(path));
        return invocation_fail(inv, &err);
    }
    if (json_parse(&inv->arena, text, &document, &err)) {
        err.class = ERR_INVALID;
        err_context(&err, "%.*s", STR_ARG(path));
        return invocation_fail(inv, &err);
    }
    const struct importing_settings *own = inv->own;
    importing->draft.stack = named_after(&inv->arena, own->name ? str_z(own->name) : path, STR("terraform"));
    importing->draft.from = path_is_dir(path.p) ? path : arena_str(&inv->arena, path_dir(path));
    importing->draft.beside = importing_relative(importing, importing->draft.from);
    if (path_is_dir(path.p))
        terraform_read_lines(&importing->draft, path);
    if (terraform_read(&importing->draft, &importing->names, document, &err)) {
        err_context(&err, "%.*s", STR_ARG(path));
        return invocation_fail(inv, &err);
    }
    return importing_finish(
        importing, STR("1. `weir plan` shows what is imported (=> import). Nothing else may differ: change "
                       "the file until it does not.\n"
                       "2. `weir apply` imports it; if it is interrupted, run it again. Then `weir plan` "
                       "says that nothing is to be done.\n"
                       "3. Let Terraform forget it, so that nobody changes it from there: `terraform state "
                       "rm ADDRESS` for each, or\n"
                       "   `removed { lifecycle { destroy = false } }`. Nothing is deleted by that.\n"));
}

static int import_terraform_run(struct invocation *inv)
{
    return importing_run(inv, import_terraform_all);
}

const struct command import_terraform = {
    .name = "terraform",
    .args = "DIR|STATE.json|PLAN.json",
    .sets = {&options_importing},
    .settings_size = sizeof(struct importing_settings),
    .min_args = 1,
    .max_args = 1,
    .completes = COMPLETES_FILE,
    .run = import_terraform_run,
};
