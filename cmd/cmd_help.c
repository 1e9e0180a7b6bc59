/* weir help: commands in groups, or one of them with its options. */
#include "cmd/invocation/invocation.h"
#include "cmd/options/options.h"

static int cmd_help_run(struct invocation *inv)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->args.n == 0) {
        help_overview(&inv->out, &out);
        return invocation_write(inv, buf_str(&out));
    }
    struct str name = inv->args.items[0], path = name;
    const struct command *command = command_find(name);
    if (command && inv->args.n > 1) {
        command = command_find_sub(command, inv->args.items[1]);
        path = arena_printf(&inv->arena, "%.*s %.*s", STR_ARG(name), STR_ARG(inv->args.items[1]));
    }
    if (!command)
        return invocation_usage(inv, "\"weir help\" lists the commands", "unknown command \"%.*s\"",
            STR_ARG(inv->args.items[inv->args.n - 1]));
    help_command(command, path, &inv->out, &out);
    return invocation_write(inv, buf_str(&out));
}

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .max_args = 2,
    .completes = COMPLETES_COMMAND,
    .run = cmd_help_run,
};
