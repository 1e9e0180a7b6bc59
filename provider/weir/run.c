/*
 * `weir.command`. Its attributes are in specs/weir.yaml. Its standard output is its result; its standard
 * error is shown while it runs. Secrets are refused in the command line, which other users can list, and have
 * to be in the environment.
 */

#include "base/file.h"
#include "base/json.h"
#include "base/system.h"
#include "provider/weir/weir.h"

#include <sys/mman.h>
#include <unistd.h>

enum { RESULT_MAX = 4 * 1024 * 1024, TIMEOUT_MS = 15 * 60 * 1000, COMMAND_SHOWN = 120 };

/* ---- arguments and environment ---- */

/* Returns the default variables, those named in pass_env, and those in env, which take precedence. */
static char **run_environment(struct op_ctx *ctx, const struct value *object)
{
    const struct value *given = value_getz(object, "env");
    char **usual = command_env(ctx->arena, value_getz(object, "pass_env"));
    size_t n = 0, count = 0, own = given && given->kind == VALUE_MAP ? given->count : 0;
    while (usual[count])
        count++;
    char **env = ARENA_ARRAY(ctx->arena, char *, own + count + 1);
    for (size_t i = 0; i < own; i++)
        env[n++] = (char *)arena_printf(ctx->arena, "%.*s=%.*s", STR_ARG(given->entries[i].key),
            STR_ARG(value_text(given->entries[i].value, STR_EMPTY)))
                       .p;
    for (size_t i = 0; i < count; i++) {
        struct str value, name = str_cut(str_z(usual[i]), '=', &value);
        if (!own || !value_get(given, name))
            env[n++] = usual[i];
    }
    return env;
}

static const char *shown_name(struct op_ctx *ctx, const char *what, struct str text)
{
    struct str more, hidden = command_output_hide(ctx->arena, str_trim(text));
    struct str shown = str_slice(str_cut(hidden, '\n', &more), 0, COMMAND_SHOWN);
    shown.n = str_utf8_prefix(shown);
    return arena_printf(ctx->arena, "the %s `%.*s%s`", what, STR_ARG(shown), shown.n < hidden.n ? "…" : "").p;
}

static int check_secret(const struct value *text, const char *what, struct err *err)
{
    if (!value_is_sensitive(text))
        return 0;
    err_set(err, ERR_INVALID, "there is a secret in `%s`, and whoever lists processes would see it", what);
    return err_hint(err, "give it as a variable: `env: {PASSWORD: …}`, and \"$PASSWORD\" in the command");
}

/* ---- running ---- */

/* Reports a failure without the command's output, which may be a secret. */
static int hide_failure(struct op_ctx *ctx, const struct err *why, struct err *err)
{
    struct str rest, first = str_cut(str_z(why->message), '\n', &rest);
    if (str_ends(first, STR(":")))
        first.n--;
    err_set(err, why->class, "%.*s", STR_ARG(arena_str(ctx->arena, first)));
    return err_hint(err, "what it printed is a secret, and not shown");
}

static int run_shell(struct op_ctx *ctx, const struct value *object, const char *what, struct str text,
    int out, struct err *err)
{
    struct command_output output;
    struct err why = ERR_INIT;
    char shell[] = "/bin/sh", flag[] = "-c";
    char *args[] = {shell, flag, arena_strz(ctx->arena, text), NULL};
    bool secret = value_getb(object, "secret");
    struct str dir = value_gets(object, "dir");
    struct local_command command = {.arena = ctx->arena,
        .what = shown_name(ctx, what, text),
        .args = args,
        .env = run_environment(ctx, object),
        .dir = dir.n ? path_join(ctx->arena, ctx->dir, dir) : ctx->dir,
        .out = out,
        .timeout_ms = ctx->timeout_ms ? ctx->timeout_ms : TIMEOUT_MS,
        .cancel = ctx->cancel};
    command_output_init(&output);
    output.show = op_has_printed(ctx) && !secret ? op_printed : NULL;
    output.show_ctx = ctx;
    int status = command_run(&command, &output, &why);
    command_output_release(&output);
    if (!status)
        return 0;
    if (secret)
        return hide_failure(ctx, &why, err);
    return err_raise(err, &why);
}

static int read_result(
    struct op_ctx *ctx, const struct value *object, int fd, const struct value **result, struct err *err)
{
    AUTO_BUF struct buf text = {.max = RESULT_MAX};
    struct str kind = value_gets(object, "output");
    *result = &value_null;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_errno(err, ERR_IO, "cannot read what the command printed");
    if (fd_read_all(fd, &text, err, "what the command printed"))
        return -1;
    if (text.overflow)
        return err_set(err, ERR_INVALID, "the command printed more than %d MB", RESULT_MAX >> 20);
    struct str output = str_trim(buf_str(&text));
    if (str_eqz(kind, "none"))
        return 0;
    if (str_eqz(kind, "json") && json_parse(ctx->arena, output, result, err))
        return value_getb(object, "secret")
                   ? err_set(err, ERR_INVALID, "the output of the command is not JSON")
                   : err_context(err, "what the command printed");
    if (!str_eqz(kind, "json") && !str_is_utf8(output))
        return err_set(err, ERR_INVALID, "what the command printed is not a text");
    if (!str_eqz(kind, "json"))
        *result = value_string(ctx->arena, output);
    if (value_getb(object, "secret"))
        *result = value_mark(ctx->arena, *result, VALUE_SENSITIVE);
    return 0;
}

/* True if the file `creates` exists, or none is configured. */
static bool run_is_there(struct op_ctx *ctx, const struct value *object)
{
    struct str creates = value_gets(object, "creates");
    return !creates.n || path_exists(path_join(ctx->arena, ctx->dir, creates).p);
}

static int run_and_record(struct op_ctx *ctx, const struct value *desired, struct str id,
    const struct value **live, struct err *err)
{
    const struct value *result;
    AUTO_FD int out = system_memory_file();
    if (out < 0)
        return err_errno(err, ERR_FAILED, "there is no memory for what the command prints");
    if (check_secret(value_getz(desired, "command"), "command", err) ||
        run_shell(ctx, desired, "command", value_gets(desired, "command"), out, err) ||
        read_result(ctx, desired, out, &result, err))
        return -1;
    if (!run_is_there(ctx, desired))
        return err_set(err, ERR_FAILED, "the command succeeded, but %.*s does not exist",
            STR_ARG(value_gets(desired, "creates")));
    *live = value_with(ctx->arena, desired, STR("id"), value_string(ctx->arena, id));
    *live = value_with(ctx->arena, *live, STR("result"), result);
    return 0;
}

/* ---- operations ---- */

static int command_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err)
{
    const struct value *inputs = value_getz(desired, "inputs");
    struct package files;
    *prepared = desired;
    if (!inputs || !value_is_known(inputs) || !inputs->count)
        return 0;
    package_init(&files, ctx->arena);
    int status = build_find_inputs(inputs, ctx->dir, ctx->digests, &files, err);
    if (!status)
        *prepared = value_with(ctx->arena, desired, STR("inputs_sha256"),
            value_string(ctx->arena, package_digest(&files, PACKAGE_FILE, false)));
    package_release(&files);
    return status;
}

/* A change of the command runs it again; its result is unknown until then. */
static int command_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err UNUSED)
{
    const struct value *id = value_getz(prior, "id");
    *planned = value_with(ctx->arena, desired, STR("result"), &value_unknown);
    *planned = value_with(ctx->arena, *planned, STR("id"), value_is_null(id) ? &value_unknown : id);
    return 0;
}

static int command_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    return run_and_record(ctx, desired, ctx->owner.token, live, err);
}

static int command_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    bool again = false;
    for (uint32_t i = 0; i < changed->count; i++)
        again = again || str_is_any(changed->items[i]->string,
                             "command env dir inputs_sha256 creates triggers output secret");
    if (again)
        return run_and_record(ctx, desired, value_gets(prior, "id"), live, err);
    *live = value_merge(ctx->arena, prior, desired);
    return 0;
}

static int command_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err UNUSED)
{
    *live = run_is_there(ctx, prior) ? prior : NULL;
    return 0;
}

static int command_delete(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    struct str text = value_gets(prior, "delete");
    if (!str_trim(text).n)
        return 0;
    return check_secret(value_getz(prior, "delete"), "delete", err)
               ? -1
               : run_shell(ctx, prior, "command", text, 0, err);
}

/* Whether the command was run cannot be determined. */
static int command_find(struct op_ctx *ctx UNUSED, const struct attempt *attempt UNUSED,
    const struct value *desired UNUSED, const struct value **live, struct err *err UNUSED)
{
    *live = NULL;
    return 0;
}

const struct resource_ops weir_command_ops = {
    .prepare = command_prepare,
    .predict = command_predict,
    .read = command_read,
    .create = command_create,
    .update = command_update,
    .delete = command_delete,
    .find = command_find,
};
