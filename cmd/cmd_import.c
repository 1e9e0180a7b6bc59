/* weir import compose: a compose file becomes a stack beside it. */
#include "cmd/invocation/invocation.h"

#include "base/file.h"
#include "cmd/compose/compose.h"

#include <string.h>

struct import_settings {
    struct settings shared;
    const char *out, *name;
};

/* Beside the compose file, whose paths it repeats; never over a file that is there. */
static int write_stack(struct invocation *inv, struct str file, struct str text)
{
    const struct import_settings *own = inv->own;
    struct err err = ERR_INIT;
    if (own->out && !strcmp(own->out, "-"))
        return invocation_write(inv, text);
    struct str path = own->out ? str_z(own->out) : path_join(&inv->arena, path_dir(file), STR("weir.yaml"));
    path = arena_str(&inv->arena, path);
    if (path_exists(path.p))
        return invocation_usage(inv, "-o FILE writes another one, -o - shows it",
            "%s exists already, and nothing was written", path.p);
    if (file_write_atomic(path.p, text, 0644, &err))
        return invocation_fail(inv, &err);
    invocation_note(inv, "%s is written; `weir plan` shows what it would make", path.p);
    return EXIT_DONE;
}

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
    return write_stack(inv, options.file, buf_str(&text));
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
