/* What the commands that write a stack from what another tool has share: see importing.h. */
#include "cmd/import/importing.h"

#include "base/file.h"
#include "cmd/invocation/kinds.h"
#include "cmd/terminal/say.h"
#include "cmd/terminal/term.h"
#include "provider/aws/client.h"

#include <stdlib.h>

int importing_begin(struct importing *importing, struct invocation *inv)
{
    struct err err = ERR_INIT;
    *importing = (struct importing){.inv = inv};
    const struct catalog_options options = {
        .kinds = &cmd_kinds, .specs_dir = inv->settings->specs, .schemas_dir = DIR_OF_WEIR "/schemas"};
    if (catalog_new(&options, &importing->catalog, &err))
        return invocation_fail(inv, &err);
    names_open(&importing->names, &inv->arena, importing->catalog);
    draft_init(&importing->draft, &inv->arena, importing->catalog, &inv->diags);
    return EXIT_DONE;
}

void importing_end(struct importing *importing)
{
    provider_free(importing->provider);
    http_engine_free(importing->http);
    draft_release(&importing->draft);
    names_release(&importing->names);
    catalog_free(importing->catalog);
}

int importing_connect(struct importing *importing, struct err *err)
{
    const struct http_options http_options = {0};
    if (http_engine_new(&http_options, &importing->http, err))
        return -1;
    const struct provider_options options = {.kinds = &cmd_kinds,
        .name = STR("aws"),
        .http = importing->http,
        .stack = STR_EMPTY,
        .base_dir = STR_EMPTY};
    if (provider_new(&options, &importing->provider, err))
        return -1;
    importing->client = provider_aws(importing->provider);
    return 0;
}

/* ---- what is written ---- */

/* From the root, links resolved as far as it is there. */
static struct str whole_path(struct arena *arena, const char *path)
{
    char *real = realpath(path, NULL), *here = real ? NULL : realpath(".", NULL);
    struct str whole = real ? str_z(real) : path_join(arena, str_z(here), str_z(path));
    whole = arena_str(arena, whole);
    free(real);
    free(here);
    return whole;
}

const char *importing_folder(const struct importing *importing)
{
    const struct importing_settings *own = importing->inv->own;
    return !own->out ? "." : strcmp(own->out, "-") != 0 ? own->out : NULL;
}

struct str importing_way(struct importing *importing, struct str folder)
{
    struct arena *arena = &importing->inv->arena;
    const char *out = importing_folder(importing);
    struct str from = whole_path(arena, out ? out : "."), to = whole_path(arena, arena_strz(arena, folder));
    AUTO_BUF struct buf way = BUF_INIT;
    for (;;) { /* what both begin with */
        struct str a = from, b = to, first = str_cut(a, '/', &a), second = str_cut(b, '/', &b);
        if (!from.n || !to.n || !str_eq(first, second))
            break;
        from = a.p ? a : STR_EMPTY;
        to = b.p ? b : STR_EMPTY;
    }
    while (from.n) {
        buf_addz(&way, "../");
        str_cut(from, '/', &from);
        from = from.p ? from : STR_EMPTY;
    }
    buf_add_str(&way, to);
    if (way.n && way.p[way.n - 1] == '/')
        way.n--;
    return arena_str(arena, buf_str(&way));
}

/* What came over, what is called otherwise, what is unsupported. */
static void add_report(struct arena *arena, const struct draft *d, bool color, struct buf *out)
{
    static const char *const names[] = {"there", "here", "note"};
    const struct value *rows;
    if (tree_known(arena, d->rows, &rows) && rows->count)
        table_add_text(table_columns(arena, names, sizeof names / sizeof *names), rows, color, out);
    buf_addf(out, "%zu of weir's own types, %zu of CloudFormation's, %zu left out\n", d->ours, d->theirs,
        d->left_out);
}

static void importing_tell(struct importing *importing, struct str next)
{
    AUTO_BUF struct buf out = BUF_INIT;
    add_report(&importing->inv->arena, &importing->draft, importing->inv->err.color, &out);
    if (next.n)
        buf_addf(&out, "\n%.*s", STR_ARG(next));
    say_aside(buf_str(&out));
}

/* What would be written over, if that is not allowed. */
static int refuse_existing(struct importing *importing, struct str path)
{
    const struct importing_settings *own = importing->inv->own;
    if (!path_exists(path.p) || own->force || own->dry_run)
        return EXIT_DONE;
    return invocation_usage(importing->inv,
        "-o DIR writes into another folder, -o - shows it, --force writes over it",
        "%s exists already, and nothing was written", path.p);
}

int importing_check(struct importing *importing)
{
    const char *out = importing_folder(importing);
    return out ? refuse_existing(importing, path_join(&importing->inv->arena, str_z(out), STR("weir.yaml")))
               : EXIT_DONE;
}

/* The stack's file, and one for each module in its own folder: all of them or none. */
static int write_files(struct importing *importing, struct str text, struct str *path)
{
    const struct importing_settings *own = importing->inv->own;
    const struct tree *modules = importing->draft.files;
    struct invocation *inv = importing->inv;
    struct err err = ERR_INIT;
    struct str out = str_z(importing_folder(importing));
    *path = path_join(&inv->arena, out, STR("weir.yaml"));
    int status = refuse_existing(importing, *path);
    for (size_t i = 0; i < modules->n && status == EXIT_DONE; i++)
        status = refuse_existing(
            importing, path_join(&inv->arena, out,
                           arena_printf(&inv->arena, "%.*sweir.yaml", STR_ARG(modules->entries[i].key))));
    if (status != EXIT_DONE || own->dry_run)
        return status;
    for (size_t i = 0; i < modules->n; i++) {
        struct str folder = path_join(&inv->arena, out, modules->entries[i].key);
        struct str file = path_join(&inv->arena, folder, STR("weir.yaml"));
        if (dir_make(arena_strz(&inv->arena, folder), &err) ||
            file_write_atomic(file.p, modules->entries[i].value->value->string, 0644, &err))
            return invocation_fail(inv, &err);
    }
    if ((own->out && dir_make(own->out, &err)) || file_write_atomic(path->p, text, 0644, &err))
        return invocation_fail(inv, &err);
    return EXIT_DONE;
}

/* For standard output: the modules' files below the stack's, each under its name. */
static void add_files(const struct draft *d, struct buf *text)
{
    for (size_t i = 0; i < d->files->n; i++) {
        buf_addf(text, "\n# ---- %.*sweir.yaml ----\n\n", STR_ARG(d->files->entries[i].key));
        buf_add_str(text, d->files->entries[i].value->value->string);
    }
}

int importing_finish(struct importing *importing, struct str next)
{
    const struct importing_settings *own = importing->inv->own;
    struct invocation *inv = importing->inv;
    AUTO_BUF struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    struct str path = STR_EMPTY;
    bool shown = !importing_folder(importing);
    int failed = inv->diags.errors ? 0 : draft_write(&importing->draft, &text, &err);
    int status = invocation_diags(inv);
    if (failed && err.class != ERR_NONE)
        return invocation_fail(inv, &err);
    if (status != EXIT_DONE || failed)
        return status;
    if (shown)
        add_files(&importing->draft, &text);
    status =
        shown ? invocation_write_as_is(inv, buf_str(&text)) : write_files(importing, buf_str(&text), &path);
    if (status != EXIT_DONE)
        return status;
    importing_tell(importing, shown || own->dry_run ? STR_EMPTY : next);
    if (!shown)
        invocation_note(inv, own->dry_run ? "nothing was written; it would be %s" : "%s is written", path.p);
    return EXIT_DONE;
}

static const struct option options[] = {
    {'o', "out", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct importing_settings, out),
        .completes = COMPLETES_DIR},
    {0, "name", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct importing_settings, name)},
    {0, "dry-run", .kind = OPTION_FLAG, .offset = offsetof(struct importing_settings, dry_run)},
    {0, "force", .kind = OPTION_FLAG, .offset = offsetof(struct importing_settings, force)},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
};
const struct option_set options_importing = OPTION_SET(NULL, options);
