/* Running a command against the embedded sandbox: see sandboxed.h. */
#include "cmd/invocation/sandboxed.h"

#include "base/file.h"
#include "cmd/invocation/kinds.h"
#include "plan/state/state.h"
#include "sandbox/sandbox.h"

#include <stdlib.h>

/* Nobody who tries a stack wants to watch databases being made. State machines keep their time. */
enum { STATE_SPEED = 1000 };

/* Where it lies in a stack's folder. */
#define SANDBOX_WITHIN ".weir/sandbox"

const struct value *sandboxed_overlay(struct arena *arena, struct str endpoint, const struct sandbox_key *key)
{
    struct value_entry entries[] = {
        {STR("endpoint"), value_string(arena, endpoint)}, {STR("endpoints"), &value_empty_map},
        {STR("access_key"), value_string(arena, key->access_key)},
        {STR("secret_key"), value_string(arena, key->secret_key)},
        {STR("account_id"), value_stringz(arena, SANDBOX_ACCOUNT)},
        {STR("insecure"), &value_true}, /* one that --bind has put on another address of this machine */
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
    return path_join(&inv->arena, stack_dir(inv), STR(SANDBOX_WITHIN));
}

/* `weir sandbox` in another terminal serves the same. */
static bool find_served(
    struct arena *arena, const char *path, struct str *endpoint, struct sandbox_key *key, struct err *err)
{
    *endpoint = sandbox_served(arena, path);
    return endpoint->n && !sandbox_folder_key(arena, &path, key, err);
}

int sandboxed_start(struct invocation *inv, struct err *err)
{
    struct arena *arena = &inv->arena;
    sandboxed_environment();
    const char *path = arena_strz(arena, sandbox_dir_of(inv));
    struct sandbox_options options = {
        .dir = path, .kinds = &cmd_kinds, .specs_dir = inv->settings->specs, .state_speed = STATE_SPEED};
    struct str endpoint;
    struct sandbox_key key;
    struct err failure = ERR_INIT;
    if (sandbox_start(&options, &inv->sandbox, &failure) == 0) {
        endpoint = sandbox_endpoint(inv->sandbox, arena);
        key = sandbox_first_key(inv->sandbox);
    } else if (failure.class != ERR_LOCKED || !find_served(arena, path, &endpoint, &key, &failure)) {
        *err = failure;
        err_context(err, "starting the sandbox");
        return err->class == ERR_IO && !err->hint[0]
                   ? err_hint(err, "it keeps its data beside the stack; one of `weir sandbox --dir DIR` is "
                                   "used with what `weir sandbox env --dir DIR` prints")
                   : -1;
    }
    inv->workspace_options.overlay = sandboxed_overlay(arena, endpoint, &key);
    inv->workspace_options.state_dir = path;
    inv->workspace_options.state_dir_within = SANDBOX_WITHIN;
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
