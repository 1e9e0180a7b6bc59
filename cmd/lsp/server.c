/* The language server's loop: dispatches messages to features (JSON-RPC 2.0). */
#include "cmd/lsp/server.h"

#include "base/json.h"

enum { MESSAGE_MAX = 512 * 1024 * 1024 }; /* twice the maximum size of a stack file, since JSON has escapes */

void add_location(
    struct lsp *lsp, struct arena *arena, struct buf *out, const struct file *file, size_t from, size_t to)
{
    buf_addz(out, "{\"uri\":");
    json_write_string(out, documents_uri(&lsp->documents, arena, file->path));
    buf_add_char(out, ',');
    position_add_range(out, &lsp->documents.positions, file->outline.text, from, to);
    buf_add_char(out, '}');
}

void add_edit(
    struct lsp *lsp, struct buf *out, struct str text, size_t from, size_t to, struct str replacement)
{
    buf_add_char(out, '{');
    position_add_range(out, &lsp->documents.positions, text, from, to);
    buf_addz(out, ",\"newText\":");
    json_write_string(out, replacement);
    buf_add_char(out, '}');
}

/* ---- initialize and shutdown ---- */

static const char capabilities[] =
    "\"textDocumentSync\":{\"openClose\":true,\"change\":2,\"save\":true},"
    "\"completionProvider\":{\"triggerCharacters\":[\".\",\"{\",\"$\",\":\",\" \"],\"resolveProvider\":true},"
    "\"hoverProvider\":true,\"definitionProvider\":true,\"referencesProvider\":true,"
    "\"documentSymbolProvider\":true,\"documentFormattingProvider\":true,"
    "\"renameProvider\":{\"prepareProvider\":true},\"codeActionProvider\":{\"codeActionKinds\":[\"quickfix\"]"
    "}";

/* Selects UTF-8 if the editor supports it; UTF-16 is supported by every editor. */
static enum text_unit choose_unit(const struct value *offered)
{
    if (value_list_has(offered, STR("utf-8")))
        return TEXT_UTF8;
    bool other = value_list_has(offered, STR("utf-32")) && !value_list_has(offered, STR("utf-16"));
    return other ? TEXT_UTF32 : TEXT_UTF16;
}

static int initialize(struct lsp *lsp, struct arena *arena UNUSED, const struct value *params,
    struct buf *result, struct err *err UNUSED)
{
    static const char *const names[] = {
        [TEXT_UTF16] = "utf-16", [TEXT_UTF8] = "utf-8", [TEXT_UTF32] = "utf-32"};
    const struct value *client = value_getz(params, "capabilities");
    lsp->documents.positions.unit =
        choose_unit(value_getz(value_getz(client, "general"), "positionEncodings"));
    lsp->watches = value_getb(
        value_getz(value_getz(client, "workspace"), "didChangeWatchedFiles"), "dynamicRegistration");
    lsp->initialized = true;
    buf_addf(result, "{\"capabilities\":{\"positionEncoding\":\"%s\",%s},",
        names[lsp->documents.positions.unit], capabilities);
    buf_addf(result, "\"serverInfo\":{\"name\":\"weir\",\"version\":\"%s\"}}", WEIR_VERSION);
    return 0;
}

static int shut_down(struct lsp *lsp, struct arena *arena UNUSED, const struct value *params UNUSED,
    struct buf *result UNUSED, struct err *err UNUSED)
{
    lsp->shut_down = true;
    return 0;
}

/* ---- notifications ---- */

/* Files that are not open change too, as when a branch is checked out or a module is fetched. */
static const char watching[] =
    "{\"jsonrpc\":\"2.0\",\"id\":\"watch\",\"method\":\"client/registerCapability\",\"params\":{"
    "\"registrations\":[{\"id\":\"files\",\"method\":\"workspace/didChangeWatchedFiles\","
    "\"registerOptions\":{\"watchers\":[{\"globPattern\":\"**/*.{yaml,yml,lock}\"}]}}]}}";

static void did_initialize(struct lsp *lsp, const struct value *params UNUSED)
{
    if (lsp->watches)
        channel_send(&lsp->rpc.channel, str_z(watching));
}

static const struct value *document_of(const struct value *params)
{
    return value_getz(params, "textDocument");
}

static void did_open(struct lsp *lsp, const struct value *params)
{
    const struct value *document = document_of(params);
    struct str uri = value_gets(document, "uri");
    if (uri.n)
        documents_open(
            &lsp->documents, uri, value_gets(document, "text"), value_geti(document, "version", 0));
    lsp->dirty = true;
}

static void did_change(struct lsp *lsp, const struct value *params)
{
    const struct value *named = document_of(params);
    struct document *document = documents_find(&lsp->documents, value_gets(named, "uri"));
    if (!document)
        return;
    document->version = value_geti(named, "version", document->version);
    document_change(document, lsp->documents.positions.unit, value_getz(params, "contentChanges"));
    lsp->dirty = true;
}

static void did_close(struct lsp *lsp, const struct value *params)
{
    documents_close(&lsp->documents, value_gets(document_of(params), "uri"));
    lsp->dirty = true;
}

/* A file on disk changed. */
static void did_save(struct lsp *lsp, const struct value *params UNUSED)
{
    lsp->dirty = true;
}

static void leave(struct lsp *lsp, const struct value *params UNUSED)
{
    lsp->done = true;
}

static const struct {
    const char *method;
    lsp_feature *answer;                                       /* handles a request */
    void (*take)(struct lsp *lsp, const struct value *params); /* handles a notification */
} methods[] = {
    {"initialize", initialize, NULL},
    {"shutdown", shut_down, NULL},
    {"exit", NULL, leave},
    {"initialized", NULL, did_initialize},
    {"textDocument/didOpen", NULL, did_open},
    {"textDocument/didChange", NULL, did_change},
    {"textDocument/didClose", NULL, did_close},
    {"textDocument/didSave", NULL, did_save},
    {"workspace/didChangeWatchedFiles", NULL, did_save},
    {"textDocument/completion", lsp_complete, NULL},
    {"completionItem/resolve", lsp_complete_resolve, NULL},
    {"textDocument/hover", lsp_hover, NULL},
    {"textDocument/definition", lsp_definition, NULL},
    {"textDocument/references", lsp_references, NULL},
    {"textDocument/prepareRename", lsp_prepare_rename, NULL},
    {"textDocument/rename", lsp_rename, NULL},
    {"textDocument/documentSymbol", lsp_symbols, NULL},
    {"textDocument/formatting", lsp_format, NULL},
    {"textDocument/codeAction", lsp_actions, NULL},
};
enum { METHODS = sizeof methods / sizeof *methods };

/* ---- messages ---- */

static void answer_request(
    struct lsp *lsp, struct rpc_message *message, const struct value *id, lsp_feature *feature)
{
    AUTO_BUF struct buf result = BUF_INIT;
    struct err err = ERR_INIT;
    if (feature(lsp, &message->arena, value_getz(message->json, "params"), &result, &err))
        rpc_fail(&lsp->rpc, id, RPC_FAILED, err.message);
    else
        rpc_result(&lsp->rpc, id, buf_str(&result));
}

static void take_request(
    struct lsp *lsp, struct rpc_message *message, const struct value *id, struct str method)
{
    for (size_t i = 0; i < METHODS; i++) {
        if (!methods[i].answer || !str_eqz(method, methods[i].method))
            continue;
        if (lsp->shut_down || lsp->initialized == (methods[i].answer == initialize))
            rpc_fail(&lsp->rpc, id, lsp->initialized ? RPC_INVALID : RPC_NOT_INITIALIZED,
                lsp->shut_down     ? "the server was shut down"
                : lsp->initialized ? "the server is initialized already"
                                   : "the server is not initialized");
        else
            answer_request(lsp, message, id, methods[i].answer);
        return;
    }
    rpc_no_method(&lsp->rpc, id, method);
}

static void take_notification(struct lsp *lsp, const struct rpc_message *message, struct str method)
{
    for (size_t i = 0; i < METHODS; i++) {
        bool counts = methods[i].take && (methods[i].take == leave || (lsp->initialized && !lsp->shut_down));
        if (counts && str_eqz(method, methods[i].method))
            methods[i].take(lsp, value_getz(message->json, "params"));
    }
}

static void take_message(void *ctx, struct rpc_message *message)
{
    struct lsp *lsp = ctx;
    const struct value *id = NULL;
    struct str method;
    positions_forget(&lsp->documents.positions);
    switch (rpc_kind_of(&lsp->rpc, message, &id, &method)) {
    case RPC_NOTIFICATION: take_notification(lsp, message, method); break;
    case RPC_REQUEST:
        if (rpc_is_cancelled(&lsp->rpc, id, "$/cancelRequest", "id"))
            rpc_fail(&lsp->rpc, id, RPC_CANCELLED, "cancelled");
        else
            take_request(lsp, message, id, method);
        break;
    case RPC_RESPONSE:
    case RPC_BROKEN: break;
    }
}

/* Checks only when no message waits, so that fast typing gives one check. */
static int server_loop(struct lsp *lsp, struct err *err)
{
    while (rpc_serve(&lsp->rpc, take_message, lsp, &lsp->done, err))
        if (lsp->dirty && !channel_waiting(&lsp->rpc.channel))
            check_all(lsp);
    if (lsp->done && lsp->shut_down)
        return 0;
    if (err->class != ERR_NONE)
        return -1;
    return err_set(err, ERR_PROTOCOL,
        lsp->done ? "the editor ended the server without shutting it down"
                  : "the editor closed the connection");
}

int lsp_serve(const struct lsp_options *options, struct err *err)
{
    struct lsp lsp = {
        .options = options, .rpc.channel = {.in = options->in, .out = options->out, .max = MESSAGE_MAX}};
    struct catalog_options types = {
        .kinds = options->workspace->kinds, .specs_dir = options->workspace->specs_dir};
    if (catalog_new(&types, &lsp.catalog, err))
        return -1;
    int rc = server_loop(&lsp, err);
    rpc_release(&lsp.rpc);
    documents_release(&lsp.documents);
    check_release(&lsp);
    catalog_free(lsp.catalog);
    return rc;
}
