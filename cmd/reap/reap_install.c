/* The stack that runs weir reap in the account: planned, made, taken down. */
#include "cmd/reap/reap_install.h"

#include "base/embed.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/planning/planning.h"

enum { MINUTE_MS = 60 * 1000, USUAL_MINUTES = 15, DAY_MINUTES = 24 * 60 };

/* ---- what it cannot look after ---- */

static int reap_install_refuse(struct invocation *inv, const char *why)
{
    return invocation_usage(inv, "a scheduler of your own runs `weir reap --yes` where they can be read",
        "these states cannot be looked after from within the account: %s", why);
}

static int check_place(const struct known_states *all)
{
    struct str key = value_gets(all->config, "key");
    if (!str_eqz(value_gets(all->config, "backend"), "s3"))
        return reap_install_refuse(all->inv, "they are not in S3");
    if (key.n && !str_starts(key, STR("kms:")))
        return reap_install_refuse(all->inv, "their key is here, and not in KMS");
    return EXIT_DONE;
}

/* ---- the stack ---- */

static void add_input(struct texts *inputs, struct arena *arena, const char *name, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addf(&text, "%s=", name);
    if (v->kind == VALUE_STRING)
        buf_add_str(&text, v->string);
    else
        json_write(&text, v, JSON_PLAIN);
    inputs->items[inputs->n++] = arena_str(arena, buf_str(&text));
}

/* Profiles are in a file of this machine. */
static const struct value *state_there(struct arena *arena, const struct value *config)
{
    return value_with(arena, config, STR("profile"), NULL);
}

static struct texts stack_inputs(
    struct known_states *all, int64_t minutes, const char *machine, const struct value *rights)
{
    enum { INPUTS = 7 };
    struct arena *arena = &all->inv->arena;
    struct texts inputs = {.items = ARENA_ARRAY(arena, struct str, INPUTS)};
    struct str region = value_gets(all->config, "region");
    add_input(&inputs, arena, "state", state_there(arena, all->config));
    add_input(&inputs, arena, "minutes", value_int(arena, minutes));
    add_input(&inputs, arena, "store", value_string(arena, value_gets(all->config, "bucket")));
    add_input(&inputs, arena, "program", value_stringz(arena, ".weir/reap"));
    add_input(&inputs, arena, "architecture", value_stringz(arena, machine));
    add_input(&inputs, arena, "rights", rights);
    if (region.n)
        add_input(&inputs, arena, "region", value_string(arena, region));
    return inputs;
}

static struct workspace_options stack_options(struct known_states *all, const struct texts *inputs)
{
    struct arena *arena = &all->inv->arena;
    struct workspace_options options = all->inv->workspace_options;
    const struct embedded_file *text = embedded_find(STR("cmd/reap/installed/stack.yaml"));
    struct value_entry file = {STR("weir.yaml"), value_string_ref(arena, embedded_text(text))};
    options.no_state = options.no_stack = false;
    options.stack = (struct stack_options){.dir = all->dir,
        .files = value_map(arena, &file, 1),
        .root = STR("weir.yaml"),
        .state = all->config,
        .inputs = inputs->items,
        .input_count = inputs->n};
    return options;
}

static int open_stack(struct invocation *inv, const struct workspace_options *options, struct workspace *out)
{
    struct err err = ERR_INIT;
    int failed = workspace_open(options, &inv->diags, out, &err);
    int status = invocation_diags(inv);
    if (failed && err.class != ERR_NONE)
        status = invocation_fail(inv, &err);
    return failed && status == EXIT_DONE ? EXIT_FAILED : status;
}

static int carry_out(
    struct invocation *inv, const struct workspace_options *options, bool remove, bool dry_run)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct plan *plan = NULL;
    int status = open_stack(inv, options, &workspace);
    if (status == EXIT_DONE && !dry_run)
        status = planning_lock(inv, &workspace);
    if (status == EXIT_DONE)
        status = planning_make(inv, &workspace, remove, NULL, &plan);
    if (status == EXIT_DONE && dry_run)
        status = planning_show(inv, plan);
    else if (status == EXIT_DONE)
        status = planning_carry_out(inv, plan,
            remove ? "Do you want to delete all of this? Nothing is reaped from then on."
                   : "Do you want to make this? From then on stacks whose lease has ended are taken down.",
            false, NULL);
    plan_free(plan);
    return status;
}

int reap_install(struct known_states *all, const struct reap_settings *settings)
{
    struct invocation *inv = all->inv;
    struct arena *arena = &inv->arena;
    int64_t minutes = settings->every_ms ? settings->every_ms / MINUTE_MS : USUAL_MINUTES;
    bool remove = settings->uninstall;
    const char *machine = "x86_64"; /* of what is taken down it does not matter */
    struct str folder = path_join(arena, str_z(all->dir), STR(".weir/reap"));
    struct err err = ERR_INIT;
    size_t types = 0;
    int status = check_place(all);
    if (status != EXIT_DONE)
        return status;
    if (minutes < 1 || minutes > DAY_MINUTES)
        return invocation_usage(inv, "such as 15m or 1h", "--every is from a minute to a day");
    const struct value *rights = reap_rights(all, &types);
    if (!remove && reap_program_gather(arena, folder, settings->program, &machine, &err)) {
        tree_remove(folder.p);
        return invocation_fail(inv, &err);
    }
    struct texts inputs = stack_inputs(all, minutes, machine, rights);
    struct workspace_options options = stack_options(all, &inputs);
    status = carry_out(inv, &options, remove, settings->dry_run);
    tree_remove(folder.p);
    if (status == EXIT_DONE && !remove && !inv->settings->json)
        invocation_note(inv,
            "It may take down what is of the %zu types that the stacks here have; for others install it "
            "again.",
            types);
    return status;
}
