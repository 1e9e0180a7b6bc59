/* weir init: copies an example from the binary into a folder. */
#include "cmd/invocation/invocation.h"
#include "cmd/invocation/kinds.h"

#include "base/embed.h"
#include "base/file.h"

static const struct str root = STR_INIT("examples/");

/* Returns "film-lake" of "examples/film-lake/weir.yaml". */
static struct str template_name(struct str path)
{
    struct str rest;
    return str_cut(str_slice(path, root.n, path.n), '/', &rest);
}

/* Returns the description in the example's stack file, in one line. */
static struct str template_description(struct arena *arena, struct str name)
{
    static const struct str key = STR_INIT("description: ");
    const struct embedded_file *file =
        embedded_find(arena_printf(arena, "%s%.*s/weir.yaml", root.p, STR_ARG(name)));
    struct str rest = file ? embedded_text(file) : STR_EMPTY;
    while (rest.n) {
        struct str line = str_cut(rest, '\n', &rest);
        if (str_starts(line, key))
            return str_trim(str_slice(line, key.n, line.n));
    }
    return STR_EMPTY;
}

static struct texts template_names(struct arena *arena)
{
    size_t n;
    const struct embedded_file *files = embedded_under(root, &n);
    struct texts names = {.items = ARENA_ARRAY(arena, struct str, n + 1)};
    for (size_t i = 0; i < n; i++) {
        struct str name = template_name(files[i].path);
        if (names.n == 0 || !str_eq(names.items[names.n - 1], name))
            names.items[names.n++] = name;
    }
    return names;
}

static int list_templates(struct invocation *inv)
{
    struct texts names = template_names(&inv->arena);
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < names.n; i++) {
        style_add_str(&out, inv->out.color, STYLE_BOLD, names.items[i]);
        buf_addf(&out, "%*s%.*s\n", names.items[i].n < 20 ? (int)(20 - names.items[i].n) : 1, "",
            STR_ARG(template_description(&inv->arena, names.items[i])));
    }
    return invocation_write(inv, buf_str(&out));
}

static int unknown_template(struct invocation *inv, struct str name)
{
    struct texts names = template_names(&inv->arena);
    struct str near = str_nearest(name, names.items, names.n);
    struct str hint = near.n ? arena_printf(&inv->arena, "did you mean \"%.*s\"?", STR_ARG(near))
                             : STR("\"weir init\" lists them");
    return invocation_usage(inv, hint.p, "no template \"%.*s\"", STR_ARG(name));
}

static struct str target_path(struct invocation *inv, const struct embedded_file *file, struct str prefix)
{
    struct str dir = str_z(inv->settings->dir ? inv->settings->dir : ".");
    return path_join(&inv->arena, dir, str_slice(file->path, prefix.n, file->path.n));
}

/* Copies all files or none: existing files are not overwritten. */
static int copy_files(struct invocation *inv, const struct embedded_file *files, size_t n, struct str prefix)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < n; i++) {
        struct str path = target_path(inv, &files[i], prefix);
        if (path_exists(arena_strz(&inv->arena, path)))
            return invocation_usage(inv, "-C DIR copies it to another folder",
                "%.*s exists already, and nothing was copied", STR_ARG(path));
    }
    for (size_t i = 0; i < n; i++) {
        struct str path = target_path(inv, &files[i], prefix);
        if (dir_make(arena_strz(&inv->arena, path_dir(path)), &err) < 0 ||
            file_write_atomic(arena_strz(&inv->arena, path), embedded_text(&files[i]), 0644, &err) < 0)
            return invocation_fail(inv, &err);
    }
    return EXIT_DONE;
}

/* Appends the required inputs as options to complete. */
static void add_open_inputs(struct invocation *inv, struct buf *out)
{
    struct workspace_options options = {
        .kinds = &cmd_kinds, .no_stack = true, .no_state = true, .stack.dir = inv->settings->dir};
    struct workspace workspace;
    if (workspace_open(&options, &inv->diags, &workspace, ERR_IGNORED) == 0) {
        const struct map *inputs = &workspace.stack->root->inputs;
        for (size_t i = 0; i < inputs->n; i++) {
            const struct decl *input = inputs->items[i].ptr;
            if (value_is_unknown(input->given))
                buf_addf(out, " -i %.*s=…", STR_ARG(input->name));
        }
    }
    workspace_close(&workspace);
    diags_release(&inv->diags);
    inv->diags = (struct diags)DIAGS_INIT;
}

static int cmd_init_run(struct invocation *inv)
{
    if (inv->args.n == 0)
        return list_templates(inv);
    struct str name = inv->args.items[0];
    struct str prefix = arena_printf(&inv->arena, "%s%.*s/", root.p, STR_ARG(name));
    size_t n;
    const struct embedded_file *files = embedded_under(prefix, &n);
    if (n == 0 || name.n == 0 || str_find_char(name, '/', 0) >= 0)
        return unknown_template(inv, name);
    int status = copy_files(inv, files, n, prefix);
    if (status != EXIT_DONE)
        return status;
    AUTO_BUF struct buf out = BUF_INIT;
    AUTO_BUF struct buf plan = BUF_INIT;
    const char *dir = inv->settings->dir;
    buf_addz(&plan, dir ? "weir plan -C " : "weir plan");
    if (dir)
        text_add_word(&plan, str_z(dir));
    add_open_inputs(inv, &plan);
    buf_addf(&out,
        "%zu files of %.*s are in %s. Next, in the sandbox or in your account:\n\n    %s --sandbox\n    %s\n",
        n, STR_ARG(name), dir ? dir : "this folder", plan.p, plan.p);
    return invocation_write(inv, buf_str(&out));
}

static const struct option options[] = {
    {'C', "dir", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, dir),
        .completes = COMPLETES_DIR},
};

const struct command cmd_init = {
    .name = "init",
    .args = "[TEMPLATE]",
    .sets = {OWN_OPTIONS(options)},
    .completes = COMPLETES_CHOICES,
    .choices = "airflow-ops ecommerce-lakehouse film-lake ingest-c music-lakehouse retail-workshop",
    .max_args = 1,
    .run = cmd_init_run,
};
