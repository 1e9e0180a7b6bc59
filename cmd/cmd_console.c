/* weir console: evaluates expressions in the stack's scope, line by line or from the command line. */
#include "cmd/planning/planning.h"

#include "base/file.h"
#include "base/json.h"

#include <stdlib.h>
#include <unistd.h>

struct console_settings {
    struct settings shared;
    struct texts expressions;
};

static int write_value(struct invocation *inv, struct str text, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct render_options options = {.color = inv->out.color, .everything = true};
    if (inv->settings->json) {
        buf_addz(&out, "{\"event\":\"value\"");
        json_write_member(&out, "expression", text);
        buf_addz(&out, ",\"value\":");
        json_write(&out, v, JSON_REDACT | JSON_MARK_UNKNOWN);
        buf_addz(&out, "}\n");
    } else {
        render_value(v, 0, &options, &out);
    }
    return invocation_write(inv, buf_str(&out));
}

/* Outside a stack only functions are known. */
static const struct value *evaluate_alone(struct str text, struct arena *arena, struct diags *diags)
{
    struct source *source =
        ARENA_MAKE(arena, struct source, .path = STR("expression"), .text = arena_str(arena, text));
    struct expr *expr = expr_parse(arena, source, diags);
    if (expr && !diags->errors)
        expr_resolve_alone(expr, NULL, diags);
    const struct scope scope = {.constants = &value_empty_map, .dir = STR("."), .diags = diags};
    return expr && !diags->errors ? expr_eval(expr, &scope, arena) : NULL;
}

/* workspace NULL: there is no stack. */
static int evaluate(struct invocation *inv, struct workspace *workspace, struct str text)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *v = workspace ? plan_evaluate(workspace, text, NULL, &arena, &inv->diags)
                                      : evaluate_alone(text, &arena, &inv->diags);
    int status = invocation_diags(inv);
    return v ? write_value(inv, text, v) : status == EXIT_DONE ? EXIT_USAGE : status;
}

/* Reads expressions line by line. On a terminal an error neither ends the console nor makes it fail. */
static int read_lines(struct invocation *inv, struct workspace *workspace)
{
    bool ask = isatty(STDIN_FILENO) && inv->err.tty;
    int status = EXIT_DONE;
    char *line = NULL;
    size_t cap = 0;
    for (;;) {
        if (ask && term_print(STDERR_FILENO, STR("> "), NULL))
            break;
        ssize_t n = getline(&line, &cap, stdin);
        if (n < 0)
            break;
        struct str text = str_trim(str_n(line, (size_t)n));
        if (str_eqz(text, "exit") || str_eqz(text, "quit"))
            break;
        if (text.n == 0)
            continue;
        int one = evaluate(inv, workspace, text);
        if (one != EXIT_DONE && !ask)
            status = one;
    }
    free(line);
    if (ask)
        invocation_note(inv, "%s", "");
    return status;
}

static int cmd_console_run(struct invocation *inv)
{
    const struct console_settings *own = inv->own;
    struct workspace opened, *workspace = NULL;
    int status = EXIT_DONE;
    if (inv->settings->dir || path_exists("weir.yaml") || path_exists("weir.yml")) {
        status = invocation_open(inv, NULL, &opened);
        if (status != EXIT_DONE)
            return status;
        workspace = &opened;
    }
    for (size_t i = 0; i < own->expressions.n; i++) {
        int one = evaluate(inv, workspace, own->expressions.items[i]);
        status = one != EXIT_DONE ? one : status;
    }
    if (own->expressions.n == 0)
        status = read_lines(inv, workspace);
    if (workspace)
        workspace_close(workspace);
    return status;
}

static const struct option options[] = {
    {'c', "command", .value = "EXPRESSION", .kind = OPTION_LIST,
        .offset = offsetof(struct console_settings, expressions)},
};

const struct command cmd_console = {
    .name = "console",
    .sets = {OWN_OPTIONS(options), &options_json, &options_stack},
    .settings_size = sizeof(struct console_settings),
    .run = cmd_console_run,
};
