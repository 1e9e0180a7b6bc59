/* weir import cloudformation: a template, or a live stack, as a stack of weir's. */
#include "cmd/import/importing.h"

#include "base/embed.h"
#include "base/file.h"
#include "cmd/import/cloudformation.h"
#include "cmd/import/template.h"

enum { TEMPLATE_MAX = 64 * 1024 * 1024 };

struct own_settings {
    struct importing_settings importing;
    const char *stack;
};

static int read_source(
    struct invocation *inv, const struct template_live *live, struct source *source, struct err *err)
{
    if (inv->args.n) {
        source->path = inv->args.items[0];
        if (file_read(&inv->arena, source->path.p, TEMPLATE_MAX, &source->text, err))
            return -1;
    } else {
        source->path = arena_printf(&inv->arena, "template of %.*s", STR_ARG(live->name));
        source->text = live->body;
    }
    template_without_tabs(&inv->arena, &source->text);
    return 0;
}

static struct str stack_name(struct invocation *inv, const struct own_settings *own)
{
    struct str name = own->importing.name ? str_z(own->importing.name) : str_z(own->stack);
    if (!name.n) {
        name = path_base(inv->args.items[0]);
        ptrdiff_t dot = str_find_char(name, '.', 1);
        name = dot > 0 ? str_slice(name, 0, (size_t)dot) : name;
    }
    return draft_stack_name(&inv->arena, name);
}

static struct str steps(struct invocation *inv, const char *stack)
{
    if (!stack)
        return STR("`weir validate` checks it, `weir plan` shows what it would make.\n");
    return EMBEDDED_FILLED(&inv->arena, "cmd/import/cloudformation_steps.txt", {"stack", str_z(stack)});
}

static int import_all(struct importing *importing)
{
    struct invocation *inv = importing->inv;
    const struct own_settings *own = inv->own;
    struct template_live live = {.body = STR_EMPTY};
    struct source *source = ARENA_NEW(&inv->arena, struct source);
    struct err err = ERR_INIT;
    if (own->stack && (importing_connect(importing, &err) ||
                          template_live_read(importing->client, &inv->arena, str_z(own->stack), &live, &err)))
        return invocation_fail(inv, &err);
    live.look = (struct look){importing->provider, &inv->arena};
    if (read_source(inv, &live, source, &err))
        return invocation_fail(inv, &err);
    importing->draft.stack = stack_name(inv, own);
    importing->draft.beside = importing_way(importing, path_dir(source->path));
    template_read(&importing->draft, &importing->names, source, own->stack ? &live : NULL);
    return importing_finish(importing, steps(inv, own->stack));
}

static int import_cloudformation_run(struct invocation *inv)
{
    const struct own_settings *own = inv->own;
    struct importing importing;
    if (!inv->args.n && !own->stack)
        return invocation_usage(inv, "weir import cloudformation template.yaml, or --stack NAME",
            "there is no template, and no stack");
    int status = importing_begin(&importing, inv);
    if (status == EXIT_DONE)
        status = import_all(&importing);
    importing_end(&importing);
    return status;
}

static const struct option options[] = {
    {0, "stack", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct own_settings, stack)},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command import_cloudformation = {
    .name = "cloudformation",
    .args = "[TEMPLATE]",
    .sets = {&own_set, &options_importing},
    .settings_size = sizeof(struct own_settings),
    .max_args = 1,
    .completes = COMPLETES_FILE,
    .run = import_cloudformation_run,
};
