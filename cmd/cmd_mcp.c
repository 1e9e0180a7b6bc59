/* weir mcp and weir lsp: the permissions of the servers for assistants and editors, and their access to the
 * program's tables. */
#include "base/file.h"
#include "base/json.h"
#include "cmd/lsp/server.h"
#include "cmd/mcp/mcp.h"
#include "cmd/reference/reference.h"

#include <stdlib.h>
#include <unistd.h>

struct mcp_settings {
    struct settings shared;
    struct texts allow;
    const char *root;
};

/* Makes the path absolute, since commands run in the stack's folder. */
static int make_whole(struct invocation *inv, const char **path, struct err *err)
{
    char real[PATH_MAX];
    if (!*path)
        return 0;
    if (!realpath(*path, real))
        return err_errno(err, ERR_IO, "%s", *path);
    *path = arena_strz(&inv->arena, str_z(real));
    return 0;
}

static int make_settings_whole(struct invocation *inv, struct settings *s, struct err *err)
{
    const char *specs = getenv("WEIR_SPECS");
    if (!s->specs && specs && specs[0])
        s->specs = specs;
    if (make_whole(inv, &s->specs, err))
        return -1;
    for (size_t i = 0; i < s->input_files.n; i++) {
        const char *path = s->input_files.items[i].p;
        if (make_whole(inv, &path, err))
            return -1;
        s->input_files.items[i] = str_z(path);
    }
    return 0;
}

static int find_folder(struct invocation *inv, struct mcp *mcp, const char *root, struct err *err)
{
    const char *given = inv->settings->dir ? inv->settings->dir : ".";
    mcp->folder = given;
    if (!path_is_dir(given)) {
        mcp->folder = arena_strz(&inv->arena, path_dir(str_z(given)));
        mcp->file = path_base(str_z(given)).p;
    }
    mcp->root = root ? root : mcp->folder;
    if (make_whole(inv, &mcp->folder, err) || make_whole(inv, &mcp->root, err))
        return -1;
    struct str below = str_z(mcp->folder), top = str_z(mcp->root);
    bool inside = str_starts(below, top) && (below.n == top.n || top.n == 1 || below.p[top.n] == '/');
    return inside ? 0 : err_set(err, ERR_USAGE, "the stack's folder is not in %s", mcp->root);
}

static int take_allowed(const struct mcp_settings *own, struct mcp *mcp, struct err *err)
{
    for (size_t i = 0; i < own->allow.n; i++) {
        struct str allowed = own->allow.items[i];
        bool apply = str_eqz(allowed, "apply"), commands = str_eqz(allowed, "commands");
        mcp->may_apply |= apply;
        mcp->may_command |= commands;
        if (!apply && !commands)
            return err_set(err, ERR_USAGE, "--allow is apply or commands, not \"%.*s\"", STR_ARG(allowed));
    }
    return 0;
}

static int cmd_mcp_run(struct invocation *inv)
{
    struct mcp_settings *own = inv->own;
    struct err err = ERR_INIT;
    struct mcp mcp = {.inv = inv, .rpc.channel = {.in = STDIN_FILENO, .out = inv->out.fd}};
    if (take_allowed(own, &mcp, &err) || make_settings_whole(inv, &own->shared, &err) ||
        find_folder(inv, &mcp, own->root, &err) || mcp_serve(&mcp, &err))
        return invocation_fail(inv, &err);
    return EXIT_DONE;
}

static const struct option options[] = {
    {0, "allow", .value = "WHAT", .kind = OPTION_LIST, .offset = offsetof(struct mcp_settings, allow),
        .completes = COMPLETES_CHOICES, .choices = "apply commands"},
    {0, "root", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct mcp_settings, root),
        .completes = COMPLETES_DIR},
};

const struct command cmd_mcp = {
    .name = "mcp",
    .sets = {OWN_OPTIONS(options), &options_stack},
    .settings_size = sizeof(struct mcp_settings),
    .run = cmd_mcp_run,
};

/* ---- weir lsp: the tables that the language server uses ---- */

struct lsp_settings {
    struct settings shared;
    bool stdio;
};

static void type_page(const struct schema *schema, struct buf *out)
{
    buf_addf(out, "**%.*s**\n\n%.*s", STR_ARG(schema->name), STR_ARG(schema->doc));
    if (schema->id.n)
        buf_addf(out, "\n\nIdentifier: `%.*s`.", STR_ARG(schema->id));
    if (schema->reference.n)
        buf_addf(
            out, " API reference: [%.*s](%.*s).", STR_ARG(schema->operation), STR_ARG(schema->reference));
    if (schema->example.n)
        buf_addf(out, "\n\n```yaml\n%.*s\n```", STR_ARG(schema->example));
}

static bool function_page(struct str name, struct buf *out)
{
    size_t n;
    const struct function_doc *docs = function_docs(&n);
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(docs[i].name, name))
            continue;
        buf_addf(out, "`%.*s`\n\n%.*s", STR_ARG(docs[i].signature), STR_ARG(docs[i].doc));
        if (docs[i].example.n)
            buf_addf(out, "\n\n`%.*s` → `%.*s`", STR_ARG(docs[i].example), STR_ARG(docs[i].result));
        return true;
    }
    return false;
}

static int cmd_lsp_serve(struct invocation *inv, const struct value *language)
{
    struct err err = ERR_INIT;
    const struct lsp_options lsp_options = {.workspace = &inv->workspace_options,
        .language = language,
        .type_page = type_page,
        .attr_page = reference_attribute,
        .function_page = function_page,
        .in = STDIN_FILENO,
        .out = inv->out.fd};
    return lsp_serve(&lsp_options, &err) ? invocation_fail(inv, &err) : EXIT_DONE;
}

static int cmd_lsp_run(struct invocation *inv)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *language;
    struct err err = ERR_INIT;
    int status = invocation_prepare(inv);
    if (status != EXIT_DONE)
        return status;
    reference_language(&text);
    if (json_parse(&inv->arena, buf_str(&text), &language, &err))
        return invocation_fail(inv, &err);
    return cmd_lsp_serve(inv, language);
}

static const struct option lsp_options[] = {
    {'e', "env", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct settings, env)},
    {'i', "input", .value = "NAME=VALUE", .kind = OPTION_LIST, .offset = offsetof(struct settings, inputs)},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
    {0, "stdio", .kind = OPTION_FLAG, .offset = offsetof(struct lsp_settings, stdio)},
};

const struct command cmd_lsp = {
    .name = "lsp",
    .sets = {OWN_OPTIONS(lsp_options)},
    .settings_size = sizeof(struct lsp_settings),
    .run = cmd_lsp_run,
};
