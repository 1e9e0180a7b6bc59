/* weir output: the outputs of the last apply, without calling any service. */
#include "cmd/planning/planning.h"

#include "base/json.h"

struct output_settings {
    struct settings shared;
    bool raw, show_sensitive;
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
        err_hint(&err, "\"weir apply\" records the outputs");
    return invocation_fail(inv, &err);
}

/* Secrets are shown only on request, and only if the state has the value and not just its hash. */
static int check_shown(struct invocation *inv, struct str name, const struct value *v)
{
    const struct output_settings *own = inv->own;
    struct err err = ERR_INIT;
    if (!value_is_sensitive(v))
        return EXIT_DONE;
    if (!own->show_sensitive) {
        err_set(
            &err, ERR_FAILED, "output \"%.*s\" is sensitive, and is printed only on request", STR_ARG(name));
        err_hint(&err, "--show-sensitive prints it; a log of that output is a secret, too");
        return invocation_fail(inv, &err);
    }
    if (!state_is_hash(v))
        return EXIT_DONE;
    err_set(&err, ERR_FAILED, "output \"%.*s\" is sensitive, and the state keeps only a hash of it",
        STR_ARG(name));
    err_hint(&err, "with a state key (`weir state key`) the next apply keeps it encrypted");
    return invocation_fail(inv, &err);
}

static int write_raw(struct invocation *inv, struct str name, const struct value *v)
{
    struct err err = ERR_INIT;
    int status = check_shown(inv, name, v);
    if (status != EXIT_DONE)
        return status;
    struct str text = value_scalar_text(&inv->arena, v);
    if (!text.p) {
        err_set(&err, ERR_FAILED, "output \"%.*s\" is a %s; --raw writes text, numbers and booleans",
            STR_ARG(name), value_kind_name((enum value_kind)v->kind));
        err_hint(&err,
            value_is_sensitive(v) ? "an output of jsonencode(…) is a text" : "--json writes lists and maps");
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
        buf_add_str(&out, v->string); /* a single output is printed for use by other programs */
        buf_add_char(&out, '\n');
    } else {
        render_value(v, 0, &options, &out);
    }
    return invocation_write(inv, buf_str(&out));
}

static int cmd_output_run(struct invocation *inv)
{
    const struct output_settings *own = inv->own;
    AUTO_WORKSPACE struct workspace workspace = {0};
    if (own->raw && inv->args.n == 0)
        return invocation_usage(inv, NULL, "--raw needs the name of an output");
    if (own->show_sensitive && !own->raw)
        return invocation_usage(
            inv, "weir output --raw --show-sensitive NAME", "--show-sensitive goes with --raw");
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
    return status;
}

static const struct option options[] = {
    {0, "raw", .offset = offsetof(struct output_settings, raw)},
    {0, "show-sensitive", .offset = offsetof(struct output_settings, show_sensitive)},
};

const struct command cmd_output = {
    .name = "output",
    .args = "[NAME]",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct output_settings),
    .max_args = 1,
    .run = cmd_output_run,
};
