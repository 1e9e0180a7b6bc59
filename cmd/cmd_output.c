/* weir output: outputs as the last apply left them, without asking any service. */
#include "cmd/planning.h"
#include "cmd/sandboxed.h"

#include "base/json.h"
#include "base/map.h"

struct output_settings {
    struct settings shared;
    bool raw;
};

static int no_such(struct invocation *inv, struct str name, const struct value *outputs)
{
    struct err err = ERR_INIT;
    struct str *names = ARENA_ARRAY(&inv->arena, struct str, outputs->count + 1);
    for (uint32_t i = 0; i < outputs->count; i++)
        names[i] = outputs->entries[i].key;
    err_set(&err, ERR_ABSENT, "no output \"%.*s\" in the state", STR_ARG(name));
    struct str near = str_nearest(name, names, outputs->count);
    if (near.n)
        err_hint(&err, "did you mean \"%.*s\"?", STR_ARG(near));
    else if (!outputs->count)
        err_hint(&err, "outputs are there after \"weir apply\"");
    return invocation_fail(inv, &err);
}

static int write_raw(struct invocation *inv, struct str name, const struct value *v)
{
    struct err err = ERR_INIT;
    if (value_is_sensitive(v)) {
        err_set(&err, ERR_FAILED, "output \"%.*s\" is sensitive, and what is sensitive is never printed",
            STR_ARG(name));
        err_hint(&err, "keep it in a secret store, and give out the secret's name or ARN");
        return invocation_fail(inv, &err);
    }
    struct str text = value_scalar_text(&inv->arena, v);
    if (!text.p) {
        err_set(&err, ERR_FAILED, "output \"%.*s\" is a %s; --raw writes text, numbers and booleans",
            STR_ARG(name), value_kind_name((enum value_kind)v->kind));
        err_hint(&err, "--json writes lists and maps");
        return invocation_fail(inv, &err);
    }
    AUTO_BUF struct buf out = BUF_INIT;
    buf_add_str(&out, text);
    if (inv->out.tty)
        buf_add_char(&out, '\n');
    return invocation_write_as_is(inv, buf_str(&out));
}

static int write_value(struct invocation *inv, const struct value *v, bool all)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct render_options options = {.color = inv->out.color, .everything = true};
    if (inv->settings->json) {
        json_write(&out, v, JSON_REDACT | JSON_MARK_UNKNOWN);
        buf_add_char(&out, '\n');
    } else if (all) {
        render_outputs(v, &options, &out);
    } else if (v->kind == VALUE_STRING && !value_is_sensitive(v)) {
        buf_add_str(&out, v->string); /* whoever asks for one wants to use it */
        buf_add_char(&out, '\n');
    } else {
        render_value(v, 0, &options, &out);
    }
    return invocation_write(inv, buf_str(&out));
}

static int cmd_output_run(struct invocation *inv)
{
    const struct output_settings *own = inv->own;
    struct workspace workspace;
    if (own->raw && inv->args.n == 0)
        return invocation_usage(inv, NULL, "--raw needs the name of an output");
    int status = invocation_open(inv, &(struct workspace_options){.no_stack = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    const struct value *outputs = state_outputs(workspace.state), *one = NULL;
    struct str name = inv->args.n ? inv->args.items[0] : STR_EMPTY;
    if (inv->args.n && !(one = value_get(outputs, name)))
        status = no_such(inv, name, outputs);
    else if (one && own->raw)
        status = write_raw(inv, name, one);
    else
        status = write_value(inv, one ? one : outputs, !one);
    sandboxed_note_unused(inv, &workspace);
    workspace_close(&workspace);
    return status;
}

static const struct option options[] = {
    {0, "raw", .offset = offsetof(struct output_settings, raw),
        .doc = "text, numbers and booleans only, and (into a pipe) without an end of line"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);
static const struct option_set *const sets[] = {&own_set, &options_json, &options_stack, NULL};
static const struct command_example examples[] = {
    {"weir output", "all of them"},
    {"weir output --raw lake_url", "in a script"},
    {"weir output --json", "one JSON object: name to value"},
    {NULL, NULL},
};

const struct command cmd_output = {
    .name = "output",
    .args = "[NAME]",
    .summary = "print outputs as the last apply left them",
    .sets = sets,
    .settings_size = sizeof(struct output_settings),
    .max_args = 1,
    .examples = examples,
    .run = cmd_output_run,
};
