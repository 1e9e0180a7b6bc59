/* weir lsp: what the language server needs of the program's own tables. */
#include "cmd/lsp/server.h"
#include "cmd/reference/reference.h"

#include "base/json.h"
#include "stacks/expr.h"

#include <unistd.h>

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
    const struct lsp_options options = {.workspace = &inv->workspace_options,
        .language = language,
        .type_page = type_page,
        .attr_page = reference_attribute,
        .function_page = function_page,
        .in = STDIN_FILENO,
        .out = inv->out.fd};
    return lsp_serve(&options, &err) ? invocation_fail(inv, &err) : EXIT_DONE;
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

static const struct option options[] = {
    {'e', "env", .value = "NAME", .kind = OPTION_TEXT, .offset = offsetof(struct settings, env)},
    {'i', "input", .value = "NAME=VALUE", .kind = OPTION_LIST, .offset = offsetof(struct settings, inputs)},
    {0, "specs", .value = "DIR", .kind = OPTION_TEXT, .offset = offsetof(struct settings, specs),
        .completes = COMPLETES_DIR},
    {0, "stdio", .kind = OPTION_FLAG, .offset = offsetof(struct lsp_settings, stdio)},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_lsp = {
    .name = "lsp",
    .sets = {&own_set},
    .settings_size = sizeof(struct lsp_settings),
    .run = cmd_lsp_run,
};
