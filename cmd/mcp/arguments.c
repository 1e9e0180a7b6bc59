/* What a call of a tool gives: held to its schema, and made into words of a command line. */
#include "cmd/mcp/tool.h"

#include "base/json.h"

/* Of all; those that pick an environment only where there are events. */
static const struct arg shared_args[] = {
    {"from", "where the answer begins: `next` of the one before", ARG_NUMBER, .option = ""},
    {"environment", "environment of the stack", .option = "--env"},
    {"inputs", "values of the stack's inputs", ARG_INPUTS, .option = "--input"},
};
enum { SHARED = sizeof shared_args / sizeof *shared_args, SHARED_OF_TEXT = 1 };

const struct arg *tool_arg(const struct tool *tool, size_t i)
{
    size_t own = 0;
    while (tool->args && tool->args[own].name)
        own++;
    if (i < own)
        return &tool->args[i];
    return i - own < (tool->text ? SHARED_OF_TEXT : SHARED) ? &shared_args[i - own] : NULL;
}

/* ---- schema ---- */

static void add_choices(const struct arg *arg, struct buf *out)
{
    const char *separator = "";
    buf_addz(out, ",\"enum\":[");
    for (struct str rest = str_z(arg->choices), word; rest.n; separator = ",") {
        word = str_cut(rest, ' ', &rest);
        buf_addz(out, separator);
        json_write_string(out, word);
    }
    buf_addz(out, "]");
}

void arg_schema(const struct arg *arg, struct buf *out)
{
    static const char *const types[] = {
        [ARG_TEXT] = "\"string\"",
        [ARG_CHOICE] = "\"string\"",
        [ARG_FLAG] = "\"boolean\"",
        [ARG_NUMBER] = "\"integer\",\"minimum\":0",
        [ARG_TEXTS] = "\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":100",
        [ARG_INPUTS] = "\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"]}",
    };
    buf_addf(out, "\"%s\":{\"type\":%s", arg->name, types[arg->kind]);
    json_write_member(out, "description", str_z(arg->doc));
    if (arg->choices)
        add_choices(arg, out);
    buf_add_char(out, '}');
}

/* ---- checks ---- */

/* What reaches the command line as one word of it. */
static bool is_word(const struct value *v)
{
    return v->kind == VALUE_STRING && memchr(v->string.p ? v->string.p : "", '\0', v->string.n) == NULL;
}

static bool arg_fits(const struct arg *arg, const struct value *v)
{
    switch (arg->kind) {
    case ARG_TEXT: return is_word(v) && v->string.n;
    case ARG_CHOICE: return v->kind == VALUE_STRING && str_is_any(v->string, arg->choices);
    case ARG_FLAG: return v->kind == VALUE_BOOL;
    case ARG_NUMBER: return v->kind == VALUE_INT && v->integer >= 0;
    case ARG_TEXTS:
        for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
            if (!is_word(v->items[i]))
                return false;
        return v->kind == VALUE_LIST && v->count <= 100;
    case ARG_INPUTS:
        for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
            if (v->entries[i].value->kind == VALUE_STRING && !is_word(v->entries[i].value))
                return false;
        return v->kind == VALUE_MAP && v->count <= 100;
    }
    return false;
}

bool tool_check(struct call *call, const struct tool *tool, const struct value *args)
{
    const struct arg *arg;
    size_t known = 0;
    for (size_t i = 0; (arg = tool_arg(tool, i)); i++) {
        const struct value *v = value_getz(args, arg->name);
        known += v != NULL;
        if (v ? arg_fits(arg, v) : !arg->required)
            continue;
        answer_refusal(
            call, "the argument \"%s\" of %s is %s", arg->name, tool->name, v ? "wrong" : "missing");
        return false;
    }
    const char *env = call->mcp->inv->settings->env;
    struct str given = value_gets(args, "environment");
    if (env && given.n && !str_eqz(given, env)) {
        answer_refusal(call, "this server is for the environment \"%s\"", env);
        return false;
    }
    if (!args || (args->kind == VALUE_MAP && known == args->count))
        return true;
    answer_refusal(call, "%s has no such argument: its inputSchema names them", tool->name);
    return false;
}

static void add_value(struct call *call, struct run *run, const struct arg *arg, const struct value *v)
{
    switch (arg->kind) {
    case ARG_TEXT: run_add(call, run, "%s=%.*s", arg->option, STR_ARG(v->string)); break;
    case ARG_NUMBER: run_add(call, run, "%s=%lld", arg->option, (long long)v->integer); break;
    case ARG_FLAG:
        if (v->boolean)
            run_add(call, run, "%s", arg->option);
        break;
    case ARG_TEXTS:
        for (uint32_t i = 0; i < v->count; i++)
            run_add(call, run, "%s=%.*s", arg->option, STR_ARG(v->items[i]->string));
        break;
    case ARG_INPUTS:
        for (uint32_t i = 0; i < v->count; i++)
            run_add(call, run, "%s=%.*s=%.*s", arg->option, STR_ARG(v->entries[i].key),
                STR_ARG(value_scalar_text(call->arena, v->entries[i].value)));
        break;
    case ARG_CHOICE: break;
    }
}

void tool_words(struct call *call, struct run *run, const struct tool *tool, const struct value *args)
{
    const struct arg *arg;
    const struct value *last = NULL, *v;
    const char *specs = call->mcp->inv->settings->specs;
    run_add(call, run, "%s", tool->command);
    if (tool->option)
        run_add(call, run, "%s", tool->option);
    if (!tool->text)
        run_add_chosen(call, run);
    for (size_t i = 0; (arg = tool_arg(tool, i)); i++) {
        if (!(v = value_getz(args, arg->name)))
            continue;
        if (!arg->option)
            last = v;
        else if (arg->kind == ARG_CHOICE)
            run_add(call, run, "%.*s", STR_ARG(v->string));
        else if (arg->option[0])
            add_value(call, run, arg, v);
    }
    if (!tool->option)
        run_add(call, run, "--out=-");
    if (tool->text && specs)
        run_add(call, run, "--specs=%s", specs);
    if (last) {
        run_add(call, run, "--");
        run_add(call, run, "%.*s", STR_ARG(last->string));
    }
}
