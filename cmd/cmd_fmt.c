/* weir fmt: stack files in the canonical format, written or only compared. */
#include "cmd/invocation/invocation.h"
#include "cmd/output/render.h"

#include "base/file.h"
#include "stacks/format/format.h"
#include "stacks/load/files.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fmt_settings {
    struct settings shared;
    bool check, diff;
};

struct formatting {
    struct invocation *inv;
    const struct fmt_settings *own;
    int status;   /* the highest so far */
    bool changed; /* a file is, or would be, different */
    struct buf out;
};

static void take_status(struct formatting *f, int status)
{
    if (status > f->status)
        f->status = status;
}

/* -1 where it is to be left alone; that has been reported then. */
static int cmd_fmt_format(struct formatting *f, const struct source *source, struct buf *text)
{
    struct err err = ERR_INIT;
    int rc = format_text(source, &f->inv->diags, text, &err);
    take_status(f, invocation_diags(f->inv));
    if (rc < 0 && err.class != ERR_NONE)
        take_status(f, invocation_fail(f->inv, &err));
    return rc;
}

/* Through links, and with the mode that the file has. */
static int cmd_fmt_replace(struct str path, struct str text, struct err *err)
{
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path.p, real) || stat(real, &st))
        return err_errno(err, ERR_IO, "cannot write %s", path.p);
    return file_write_atomic(real, text, st.st_mode & 07777, err);
}

static void format_file(void *ctx, struct str path)
{
    struct formatting *f = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct source source = {.path = path};
    struct err err = ERR_INIT;
    if (file_read(&arena, path.p, YAML_MAX_SIZE, &source.text, &err) < 0) {
        take_status(f, invocation_fail(f->inv, &err));
        return;
    }
    if (cmd_fmt_format(f, &source, &text) < 0 || str_eq(buf_str(&text), source.text))
        return;
    f->changed = true;
    if (f->own->diff) {
        unified_diff(path, source.text, buf_str(&text), f->inv->out.color, &f->out);
        return;
    }
    if (!f->own->check && cmd_fmt_replace(path, buf_str(&text), &err) < 0) {
        take_status(f, invocation_fail(f->inv, &err));
        return;
    }
    text_add_safe(&f->out, path, false);
    buf_add_char(&f->out, '\n');
}

static int read_stdin(struct buf *text, struct err *err)
{
    if (fd_read_all(STDIN_FILENO, text, err, "standard input"))
        return -1;
    return text->overflow ? err_set(err, ERR_IO, "standard input is larger than 256 MiB") : 0;
}

static void format_stdin(struct formatting *f)
{
    AUTO_BUF struct buf given = {.max = YAML_MAX_SIZE}, text = BUF_INIT;
    struct err err = ERR_INIT;
    if (read_stdin(&given, &err) < 0) {
        take_status(f, invocation_fail(f->inv, &err));
        return;
    }
    struct source source = {.path = STR("standard input"), .text = given.n ? buf_str(&given) : STR_EMPTY};
    if (cmd_fmt_format(f, &source, &text) < 0)
        return;
    f->changed |= !str_eq(source.text, buf_str(&text));
    if (f->own->diff)
        unified_diff(source.path, source.text, buf_str(&text), f->inv->out.color, &f->out);
    else if (!f->own->check)
        buf_add_str(&f->out, buf_str(&text));
    else if (f->changed)
        buf_addz(&f->out, "standard input\n");
}

static void format_stack(struct formatting *f)
{
    struct arena *arena = &f->inv->arena;
    const char *dir = f->own->shared.dir ? f->own->shared.dir : ".";
    if (stack_files(arena, dir, &f->inv->diags, format_file, f) < 0)
        take_status(f, invocation_diags(f->inv));
    else
        stack_test_files(arena, dir, format_file, f);
}

static int cmd_fmt_run(struct invocation *inv)
{
    struct formatting f = {.inv = inv, .own = inv->own};
    for (size_t i = 0; i < inv->args.n; i++) {
        if (str_eqz(inv->args.items[i], "-"))
            format_stdin(&f);
        else
            format_file(&f, inv->args.items[i]);
    }
    if (!inv->args.n)
        format_stack(&f);
    take_status(&f, invocation_write_as_is(inv, buf_str(&f.out)));
    buf_release(&f.out);
    if (f.own->check && f.changed)
        take_status(&f, EXIT_FAILED);
    return f.status;
}

static const struct option options[] = {
    {0, "check", .offset = offsetof(struct fmt_settings, check)},
    {0, "diff", .offset = offsetof(struct fmt_settings, diff)},
    {'C', "dir", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, dir),
        .completes = COMPLETES_DIR},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_fmt = {
    .name = "fmt",
    .args = "[FILE...]",
    .sets = {&own_set},
    .settings_size = sizeof(struct fmt_settings),
    .max_args = -1,
    .completes = COMPLETES_FILE,
    .run = cmd_fmt_run,
};
