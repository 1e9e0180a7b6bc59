#include "cmd/sandboxed.h"

#include "base/file.h"
#include "plan/state/state.h"
#include "provider/sandbox/sandbox.h"

#include <stdlib.h>

/* Nobody who tries a stack wants to watch databases being made. State machines keep their time. */
enum { STATE_SPEED = 1000 };

const struct value *sandboxed_overlay(struct arena *arena, uint16_t port)
{
    struct value_entry entries[] = {
        {STR("endpoint"), value_string(arena, arena_printf(arena, "http://127.0.0.1:%u", (unsigned)port))},
        {STR("endpoints"), &value_empty_map},
        {STR("access_key"), value_stringz(arena, SANDBOX_ACCESS_KEY)},
        {STR("secret_key"), value_stringz(arena, SANDBOX_SECRET_KEY)},
        {STR("account_id"), value_stringz(arena, SANDBOX_ACCOUNT)},
    };
    return value_map(arena, entries, sizeof entries / sizeof *entries);
}

void sandboxed_environment(void)
{
    if (!getenv("AWS_REGION") && !getenv("AWS_DEFAULT_REGION"))
        setenv("AWS_REGION", "us-east-1", 0);
}

/* The folder of the stack: of a stack file, where it lies. */
static struct str stack_dir(struct invocation *inv)
{
    const char *given = inv->settings->dir;
    if (!given)
        return STR(".");
    return path_is_dir(given) ? str_z(given) : path_dir(str_z(given));
}

static struct str sandbox_dir_of(struct invocation *inv)
{
    return path_join(&inv->arena, stack_dir(inv), STR(".weir/sandbox"));
}

int sandboxed_start(struct invocation *inv, struct err *err)
{
    struct arena *arena = &inv->arena;
    sandboxed_environment();
    const char *path = arena_strz(arena, sandbox_dir_of(inv));
    struct sandbox_options options = {
        .dir = path, .specs_dir = inv->settings->specs, .state_speed = STATE_SPEED};
    if (dir_make(path, err)) {
        err_context(err, "starting the sandbox");
        return err_hint(err,
            "it keeps its data beside the stack; one of `weir sandbox --dir DIR` is used with "
            "what `weir sandbox env` prints");
    }
    uint16_t port = 0;
    struct err failure = ERR_INIT;
    if (sandbox_start(&options, &inv->sandbox, &failure) == 0)
        port = sandbox_port(inv->sandbox);
    else if (failure.class == ERR_LOCKED) /* `weir sandbox` in another terminal serves the same */
        port = sandbox_served(path);
    if (!port) {
        *err = failure;
        return err_context(err, "starting the sandbox");
    }
    inv->workspace_options.overlay = sandboxed_overlay(arena, port);
    inv->workspace_options.state_dir = path;
    return 0;
}

void sandboxed_stop(struct invocation *inv)
{
    if (inv->sandbox)
        sandbox_stop(inv->sandbox);
    inv->sandbox = NULL;
}

static bool sandbox_has_state(struct invocation *inv, const struct stack *stack)
{
    struct str file = arena_printf(&inv->arena, ".weir/%.*s%s%.*s.log", STR_ARG(stack->name),
        stack->env.n ? "." : "", STR_ARG(stack->env));
    return path_exists(path_join(&inv->arena, sandbox_dir_of(inv), file).p);
}

void sandboxed_note_unused(struct invocation *inv, const struct workspace *workspace)
{
    if (inv->settings->json || state_seq(workspace->state))
        return;
    bool there = !inv->settings->sandbox && sandbox_has_state(inv, workspace->stack);
    invocation_note(
        inv, "Nothing was applied yet%s", there ? "; what was in the sandbox is shown with --sandbox." : ".");
}
