/* weir import compose: a compose file becomes a stack beside it. */
#include "cmd/invocation/invocation.h"

#include "base/file.h"
#include "cmd/compose/compose.h"

struct import_settings {
    struct settings shared;
    const char *out, *name;
};

static int import_compose(struct invocation *inv)
{
    const struct import_settings *own = inv->own;
    struct compose_options options = {.file = inv->args.items[0], .stack = str_z(own->name)};
    AUTO_BUF struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    int status = compose_read(&inv->arena, &options, &inv->diags, &text, &err);
    int reported = invocation_diags(inv);
    if (status)
        return err.class != ERR_NONE ? invocation_fail(inv, &err) : reported;
    /* beside the compose file, whose paths it repeats */
    const char *out =
        own->out ? own->out : path_join(&inv->arena, path_dir(options.file), STR("weir.yaml")).p;
    return invocation_write_new(inv, out, buf_str(&text), "`weir plan` shows what it would make");
}

static const struct option options[] = {
    {'o', "out", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct import_settings, out),
        .completes = COMPLETES_FILE},
    {0, "name", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct import_settings, name)},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

static const struct command compose = {
    .name = "compose",
    .args = "FILE",
    .sets = {&own_set},
    .settings_size = sizeof(struct import_settings),
    .min_args = 1,
    .max_args = 1,
    .completes = COMPLETES_FILE,
    .run = import_compose,
};
extern const struct command import_cloudformation, import_terraform, import_live;

static const struct command *const subs[] = {
    &import_cloudformation, &import_terraform, &import_live, &compose, NULL};

const struct command cmd_import = {
    .name = "import",
    .subs = subs,
};
