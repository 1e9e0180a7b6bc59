/* weir import live: a stack from what is there. */
#include "cmd/import/importing.h"

#include "cmd/import/live.h"

struct own_settings {
    struct importing_settings importing;
    const char *tag, *stack;
    struct texts types;
};

static int import_all(struct importing *importing, const struct own_settings *own)
{
    struct invocation *inv = importing->inv;
    struct live_wanted wanted = {.types = own->types.items, .type_count = own->types.n};
    struct str value, key = str_cut(str_z(own->tag), '=', &value);
    struct err err = ERR_INIT;
    wanted.tag_key = own->stack ? STR("weir:stack") : key;
    wanted.tag_value = own->stack ? str_z(own->stack) : value;
    int status = importing_check(importing);
    if (status != EXIT_DONE)
        return status;
    if (importing_connect(importing, &err))
        return invocation_fail(inv, &err);
    wanted.http = importing->http;
    wanted.folder = own->importing.dry_run ? NULL : importing_folder(importing);
    wanted.force = own->importing.force;
    struct look look = {importing->provider, &inv->arena};
    importing->draft.stack = draft_stack_name(&inv->arena, str_z(own->importing.name ? own->importing.name
                                                                 : own->stack        ? own->stack
                                                                                     : "imported"));
    if (live_read(&importing->draft, &look, &wanted, &err))
        return invocation_fail(inv, &err);
    if (!importing->draft.n && !importing->draft.rows->n) {
        err_set(&err, ERR_ABSENT, "there are no resources of that type");
        return invocation_fail(inv, &err);
    }
    return importing_finish(importing, STR("1. `weir plan` shows what is imported (=> import). Nothing else "
                                           "may differ: change the file until it does not.\n"
                                           "2. `weir apply` takes it over; broken off, it goes on when it is "
                                           "run again. Then `weir plan` says that nothing is to be done.\n"));
}

static int import_live_run(struct invocation *inv)
{
    const struct own_settings *own = inv->own;
    struct importing importing;
    if (own->tag && !strchr(own->tag, '='))
        return invocation_usage(inv, "--tag team=data", "a tag is KEY=VALUE");
    if (!!own->tag + !!own->stack + (own->types.n > 0) != 1)
        return invocation_usage(
            inv, "weir import live --tag team=data", "one of --tag, --type and --stack says what is wanted");
    int status = importing_begin(&importing, inv);
    if (status == EXIT_DONE)
        status = import_all(&importing, own);
    importing_end(&importing);
    return status;
}

static const struct option options[] = {
    {0, "tag", .value = "KEY=VALUE", .kind = OPTION_TEXT, .offset = offsetof(struct own_settings, tag)},
    {0, "type", .value = "TYPE", .kind = OPTION_LIST, .offset = offsetof(struct own_settings, types),
        .completes = COMPLETES_TYPE},
    {0, "stack", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct own_settings, stack)},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command import_live = {
    .name = "live",
    .sets = {&own_set, &options_importing},
    .settings_size = sizeof(struct own_settings),
    .run = import_live_run,
};
