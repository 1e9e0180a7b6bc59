/*
 * Functions for all commands: opening the workspace, reporting errors, asking for confirmation, connections,
 * downloading an object.
 */
#include "cmd/invocation/invocation.h"

#include "base/file.h"
#include "cmd/invocation/kinds.h"
#include "cmd/output/events.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- output ---- */

/* Writes an error: "error: …", its hint and its request id. */
void err_render(const struct err *err, bool color, struct buf *out)
{
    style_on(out, color, STYLE_BOLD);
    style_add(out, color, STYLE_RED, "error");
    style_on(out, color, STYLE_BOLD);
    buf_addz(out, ": ");
    text_add_safe(out, str_z(err->message), true);
    style_off(out, color, STYLE_BOLD);
    buf_add_char(out, '\n');
    if (err->hint[0]) {
        style_add(out, color, STYLE_CYAN, "  hint: ");
        text_add_safe(out, str_z(err->hint), true);
        buf_add_char(out, '\n');
    }
    if (err->request_id[0])
        text_addf(out, "  request id: %s\n", err->request_id);
}

/* Returns whether the command makes changes after a confirmation. Its failures are always reported. */
static bool asks_first(const struct invocation *inv)
{
    const struct option_set *sets[COMMAND_SETS_MAX];
    if (!inv->command)
        return false;
    command_sets(inv->command, sets);
    return options_match(sets, STR("--yes"));
}

static int written(struct invocation *inv, int failed, const struct err *err)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!failed)
        return EXIT_DONE;
    inv->output_failed = true;
    if (strcmp(err->code, BROKEN_PIPE_CODE) == 0 && !asks_first(inv))
        return EXIT_FAILED; /* the reader has closed the pipe deliberately */
    err_render(err, inv->err.color, &out);
    term_print_error(buf_str(&out));
    return EXIT_FAILED;
}

int invocation_write(struct invocation *inv, struct str text)
{
    struct err err = ERR_INIT;
    if (inv->output_failed)
        return EXIT_FAILED;
    int failed =
        inv->settings->json ? term_print_json(inv->out.fd, text, &err) : term_print(inv->out.fd, text, &err);
    return written(inv, failed, &err);
}

int invocation_write_as_is(struct invocation *inv, struct str text)
{
    struct err err = ERR_INIT;
    return written(inv, term_print_raw(inv->out.fd, text, &err), &err);
}

int invocation_write_new(struct invocation *inv, const char *path, struct str text, const char *next)
{
    struct err err = ERR_INIT;
    if (!strcmp(path, "-"))
        return invocation_write(inv, text);
    if (path_exists(path))
        return invocation_usage(inv, "-o FILE writes another one, -o - shows it",
            "%s exists already, and nothing was written", path);
    if (file_write_atomic(path, text, 0644, &err))
        return invocation_fail(inv, &err);
    invocation_note(inv, "%s is written; %s", path, next);
    return EXIT_DONE;
}

int invocation_fail(struct invocation *inv, const struct err *err)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        event_error(&out, err);
        invocation_write(inv, buf_str(&out));
    } else {
        err_render(err, inv->err.color, &out);
        term_print_error(buf_str(&out));
    }
    return err_exit_status(err->class);
}

int invocation_usage(struct invocation *inv, const char *hint, const char *format, ...)
{
    struct err err = ERR_INIT;
    va_list args;
    va_start(args, format);
    err_vset(&err, ERR_USAGE, format, args);
    va_end(args);
    if (hint)
        err_hint(&err, "%s", hint);
    return invocation_fail(inv, &err);
}

int invocation_diags(struct invocation *inv)
{
    struct diags *diags = &inv->diags;
    AUTO_BUF struct buf out = BUF_INIT;
    bool errors = diags->errors > 0;
    if (inv->settings->json) {
        event_diags(&out, diags);
        invocation_write(inv, buf_str(&out));
    } else if (diags->n) {
        diags_render(diags, inv->err.color, &out);
        if (diags->errors + diags->dropped > 1)
            buf_addf(&out, "\n%zu errors\n", diags->errors);
        term_print_error(buf_str(&out));
    }
    if (inv->diags_heard)
        inv->diags_heard(inv->diags_ctx, diags);
    diags_release(diags);
    inv->diags = (struct diags)DIAGS_INIT;
    return errors ? EXIT_USAGE : EXIT_DONE;
}

void invocation_note(struct invocation *inv UNUSED, const char *format, ...)
{
    AUTO_BUF struct buf text = BUF_INIT, out = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_addvf(&text, format, args);
    va_end(args);
    text_add_safe(&out, buf_str(&text), true);
    buf_add_char(&out, '\n');
    term_print_error(buf_str(&out));
}

/* ---- opening the workspace ---- */

static void trace_line(void *ctx, const char *line)
{
    struct invocation *inv = ctx;
    AUTO_BUF struct buf out = BUF_INIT;
    style_on(&out, inv->err.color, STYLE_DIM);
    text_add_safe(&out, str_z(line), true);
    style_off(&out, inv->err.color, STYLE_DIM);
    buf_add_char(&out, '\n');
    term_print_error(buf_str(&out));
}

/* Only these commands use a state that was moved away. */
static bool reads_history(const struct invocation *inv)
{
    return str_eqz(inv->path, "history") || str_starts(inv->path, STR("state "));
}

static void fill_options(struct invocation *inv, const struct workspace_options *wanted)
{
    const struct settings *s = inv->settings;
    struct workspace_options *o = &inv->workspace_options, before = *o;
    *o = wanted ? *wanted : (struct workspace_options){0};
    if (inv->sandbox_dir) { /* the sandbox was started by an earlier call */
        o->overlay = before.overlay;
        sandboxed_state(inv, s->dir, o);
    }
    o->stack.any_member |= o->no_state;
    o->stack.dir = s->dir;
    o->stack.env = str_z(s->env);
    if (!o->stack.inputs) {
        o->stack.inputs = s->inputs.items;
        o->stack.input_count = s->inputs.n;
    }
    o->stack.input_files = s->input_files.items;
    o->stack.input_file_count = s->input_files.n;
    o->kinds = &cmd_kinds;
    o->specs_dir = s->specs;
    o->trace = s->verbose;
    o->trace_line = trace_line;
    o->trace_ctx = inv;
    o->cancel = signals_stop();
}

int invocation_prepare(struct invocation *inv)
{
    struct err err = ERR_INIT;
    fill_options(inv, NULL);
    if (inv->settings->sandbox && !inv->sandbox_dir && sandboxed_start(inv, &err) < 0)
        return invocation_fail(inv, &err);
    return EXIT_DONE;
}

/* Finds further errors by planning offline, so that all are reported at once. */
static void find_more(struct invocation *inv, struct workspace *workspace)
{
    struct plan *plan = NULL;
    if (!plan_make(workspace, &(struct plan_options){.offline = true}, &inv->diags, &plan, ERR_IGNORED))
        plan_free(plan);
}

int invocation_open(struct invocation *inv, const struct workspace_options *wanted, struct workspace *out)
{
    const struct settings *s = inv->settings;
    struct workspace_options *o = &inv->workspace_options;
    fill_options(inv, wanted);
    struct err err = ERR_INIT;
    /* without a stack only its absence is reported, and no sandbox folder is created */
    bool wants_sandbox = s->sandbox && !inv->sandbox_dir && stack_exists(&inv->arena, s->dir);
    if (wants_sandbox && sandboxed_start(inv, &err) < 0) {
        *out = (struct workspace){0};
        return invocation_fail(inv, &err);
    }
    o->find_all = !o->no_stack;
    int rc = workspace_open(o, &inv->diags, out, &err);
    if (rc == 0 && inv->diags.errors)
        find_more(inv, out);
    if (rc == 0 && inv->sandbox)
        sandbox_use_specs(inv->sandbox, catalog_specs_dir(out->catalog));
    int status = invocation_diags(inv);
    if (rc == 0 && out->state && !reads_history(inv))
        rc = state_check_moved(out->state, &err);
    if (rc < 0 || status != EXIT_DONE)
        workspace_close(out); /* diagnostics refer to the stack's sources, so they are reported first */
    if (rc < 0 && err.class != ERR_NONE)
        return invocation_fail(inv, &err);
    return rc < 0 && status == EXIT_DONE ? EXIT_FAILED : status;
}

int invocation_open_state(struct invocation *inv, struct workspace *out)
{
    return invocation_open(inv, &(struct workspace_options){.no_stack = true}, out);
}

/* ---- confirmation on the terminal ---- */

enum { LOOK_MS = 100 };

/* Returns true if there is input, false if a further signal arrives first. */
static bool wait_for_answer(const atomic_int *signals, int before)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    while (atomic_load(signals) == before)
        if (poll(&in, 1, LOOK_MS) > 0)
            return true;
    return false;
}

bool ask_yes(struct invocation *inv, const char *question)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const atomic_int *signals = signals_catch();
    int before = atomic_load(signals); /* a signal may arrive as soon as the question is shown */
    buf_add_char(&text, '\n');
    style_add(&text, inv->err.color, STYLE_BOLD, question);
    buf_addz(&text, " Only \"yes\" is taken for yes: ");
    if (term_print(STDERR_FILENO, buf_str(&text), NULL))
        return false;
    if (!wait_for_answer(signals, before)) {
        term_print_error(STR("\n"));
        return false;
    }
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = getline(&line, &cap, stdin);
    if (n <= 0 || line[n - 1] != '\n') /* ended with Ctrl-D */
        term_print_error(STR("\n"));
    bool yes = n > 0 && str_eqz(str_trim(str_n(line, (size_t)n)), "yes");
    free(line);
    return yes;
}

int ask_consent(struct invocation *inv, const char *question)
{
    if (inv->settings->json || !isatty(STDIN_FILENO))
        return invocation_usage(inv, "--yes goes ahead without a question", "nothing was done: %s",
            inv->settings->json ? "--json does not ask" : "there is no terminal to ask on");
    if (!atomic_load(signals_stop()) && ask_yes(inv, question))
        return EXIT_DONE;
    invocation_note(inv, "Nothing was done.");
    return atomic_load(signals_stop()) ? EXIT_INTERRUPTED : EXIT_FAILED;
}

/* ---- shared by `weir ssh` and `weir tunnel` ---- */

/* Returns EXIT_DONE, or another status after a reported error. */
static int open_route(
    struct invocation *inv, struct str name, struct workspace *workspace, struct route *route)
{
    struct err err = ERR_INIT;
    int status = invocation_open(inv, NULL, workspace);
    if (status != EXIT_DONE)
        return status;
    if (plan_route(workspace, name, &inv->diags, route, &err) == 0)
        return EXIT_DONE;
    status = invocation_diags(inv);
    if (err.class != ERR_NONE)
        status = invocation_fail(inv, &err);
    workspace_close(workspace);
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

int route_run(struct invocation *inv, route_command *go)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct route route;
    int status = open_route(inv, inv->args.items[0], &workspace, &route);
    return status != EXIT_DONE ? status : go(inv, &workspace, &route);
}

static void note(void *ctx, const struct event *event)
{
    invocation_note(ctx, "note: %.*s: %s", STR_ARG(event->address), event->text);
}

void route_note_trusted(struct invocation *inv, struct workspace *workspace)
{
    connections_report(workspace, &(struct observer){note, inv});
}

/* ---- downloading an object to a file, with progress ---- */

struct saving {
    const struct object_save *save;
    bool drawn;
    atomic_bool cancel;
};

static void object_save_progress(void *ctx, const char *what)
{
    struct saving *s = ctx;
    const struct invocation *inv = s->save->inv;
    if (atomic_load(s->save->signals) > 0)
        atomic_store(&s->cancel, true);
    if (!inv->err.tty || inv->settings->json || inv->settings->verbose)
        return;
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addf(&out, "\r\033[K%s", what);
    term_print_error(buf_str(&out));
    s->drawn = true;
}

static void object_save_clear(const struct saving *s)
{
    if (s->drawn)
        term_print_error(STR("\r\033[K"));
}

int object_save(const struct object_save *save, int64_t *bytes, struct err *err)
{
    struct saving saving = {.save = save};
    struct s3_downloaded done;
    struct op_ctx ctx = *save->ctx;
    ctx.cancel = &saving.cancel;
    struct op_observer observer = {.ctx = &saving, .progress = object_save_progress};
    ctx.observer = &observer;
    int status = s3_download(&ctx, save->download, &done, err);
    object_save_clear(&saving);
    if (status)
        return -1;
    *bytes = done.size;
    if (!save->inv->settings->json) {
        AUTO_BUF struct buf size = BUF_INIT;
        text_add_bytes(&size, done.size);
        invocation_note(save->inv, "%s: %s", save->download->path, size.p);
    }
    return 0;
}

bool object_url(struct str url, struct s3_download *out)
{
    struct str rest;
    if (!str_starts(url, STR("s3://")))
        return false;
    out->bucket = str_cut(str_slice(url, 5, url.n), '/', &rest);
    out->key = rest;
    return out->bucket.n && rest.n && !str_ends(rest, STR("/"));
}
