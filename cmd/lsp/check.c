/* Checks the stacks of open documents while they are edited: the same diagnostics as `weir validate`. */
#include "cmd/lsp/server.h"

#include "base/json.h"
#include "base/mem.h"
#include "plan/plan.h"

#include <ctype.h>
#include <stdlib.h>

enum {
    MENDS_MAX = 12, /* lines of a document that may be blanked to parse the rest */
    LIMIT = 1000,   /* maximum number of diagnostics of a stack */
    SEVERITY_ERROR = 1,
    SEVERITY_WARNING = 2,
};

/* The diagnostics that were last sent for a file. */
struct published {
    struct published *next;
    struct str path;
    struct buf json; /* the items of the JSON list */
    int64_t version;
};

/* The current diagnostics. */
struct report {
    struct lsp *lsp;
    struct arena *arena;
    struct map files;    /* path -> struct buf *, the items */
    struct map repaired; /* path of an open document -> struct str *: its text with broken lines blanked */
    struct str root;     /* the stack file that is being checked, for diagnostics without a source location */
};

/* ---- diagnostics as JSON ---- */

static struct buf *report_file(struct report *report, struct str path)
{
    struct buf *items = map_get(&report->files, path);
    if (!items) {
        items = ARENA_NEW(report->arena, struct buf);
        map_set(&report->files, arena_str(report->arena, path), items);
    }
    return items;
}

static bool is_file(struct str path)
{
    return path.n && path.p[0] == '/';
}

static bool in_word(struct str text, size_t at)
{
    return at < text.n && (isalnum((unsigned char)text.p[at]) || text.p[at] == '_' || text.p[at] == '-');
}

/* A span without length extends to the end of its line; a span of one character to the end of the word. */
static void add_span(struct report *report, struct buf *out, struct span span)
{
    struct str text = span.source ? span.source->text : STR_EMPTY;
    size_t from = span.offset, to = span.offset + (size_t)span.length;
    if (!span.length && span.source)
        to = position_line_end(text, from);
    while (span.length == 1 && in_word(text, from) && in_word(text, to))
        to++;
    position_add_range(out, &report->lsp->documents.positions, text, from, to);
}

static void add_message(struct buf *out, const struct diag *diag)
{
    AUTO_BUF struct buf text = BUF_INIT;
    buf_add_str(&text, diag->message);
    if (diag->label.n)
        buf_addf(&text, "\n%.*s", STR_ARG(diag->label));
    if (diag->hint.n)
        buf_addf(&text, "\nhint: %.*s", STR_ARG(diag->hint));
    json_write_string(out, buf_str(&text));
}

/* Returns the replacement in the label `did you mean "versioning"?`, which an editor may insert, or "". */
static struct str repair_of(struct str label)
{
    static const struct str begin = STR_INIT("did you mean \""), end = STR_INIT("\"?");
    if (!str_starts(label, begin) || !str_ends(label, end) || label.n <= begin.n + end.n)
        return STR_EMPTY;
    return str_slice(label, begin.n, label.n - end.n);
}

static void add_related(struct report *report, struct buf *out, const struct diag *diag)
{
    if (!diag->related.source || !is_file(diag->related.source->path))
        return;
    struct str path = documents_real_path(report->arena, diag->related.source->path);
    buf_addz(out, ",\"relatedInformation\":[{\"location\":{\"uri\":");
    json_write_string(out, documents_uri(&report->lsp->documents, report->arena, path));
    buf_add_char(out, ',');
    add_span(report, out, diag->related);
    buf_addz(out, "},\"message\":");
    json_write_string(out, diag->related_label.n ? diag->related_label : STR("here"));
    buf_addz(out, "}]");
}

static void report_diag(struct report *report, const struct diag *diag)
{
    bool placed = diag->span.source && is_file(diag->span.source->path);
    struct str path = placed ? documents_real_path(report->arena, diag->span.source->path) : report->root;
    struct str repair = repair_of(diag->label);
    AUTO_BUF struct buf one = BUF_INIT;
    buf_add_char(&one, '{');
    add_span(report, &one, placed ? diag->span : (struct span){0});
    buf_addf(&one, ",\"severity\":%d,\"source\":\"weir\",\"message\":",
        diag->severity == DIAG_ERROR ? SEVERITY_ERROR : SEVERITY_WARNING);
    add_message(&one, diag);
    if (repair.n) {
        buf_addz(&one, ",\"data\":{\"replace\":");
        json_write_string(&one, repair);
        buf_add_char(&one, '}');
    }
    add_related(report, &one, diag);
    buf_add_char(&one, '}');
    struct buf *items = report_file(report, path);
    if (str_find(buf_str(items), buf_str(&one), 0) >= 0) /* already added by another stack with this module */
        return;
    if (items->n)
        buf_add_char(items, ',');
    buf_add_str(items, buf_str(&one));
}

/* ---- documents that are not valid YAML ---- */

static void blank_line(char *text, size_t n, size_t offset)
{
    struct str whole = str_n(text, n);
    size_t start = position_line_start(whole, offset), end = position_line_end(whole, offset);
    memset(text + start, ' ', end - start);
}

/* Returns the offset up to which the text can be parsed; past its end if all of it can. */
static size_t readable(struct str path, struct str text, struct diags *diags)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct source *source = ARENA_MAKE(&arena, struct source, .path = path, .text = text);
    if (yaml_parse(&arena, source, diags))
        return text.n + 1;
    diags_own_sources(diags);
    return diags->n ? diags->items[0].span.offset : 0;
}

/* Returns an offset in the last non-empty line above, or `offset` if there is none. */
static size_t in_line_above(struct str text, size_t offset)
{
    size_t at = position_line_start(text, offset);
    while (at && isspace((unsigned char)text.p[at - 1]))
        at--;
    return at ? at - 1 : offset;
}

/*
 * Returns the text with one more line blanked. Of three candidates (the line of the parse error, the start of
 * the surrounding structure, the line above) it blanks the one after which most of the text can be parsed.
 * Returns "" if none helps.
 */
static struct str without_line(
    struct report *report, struct str path, struct str text, const struct diag *stopped, size_t *reached)
{
    const size_t places[] = {stopped->span.offset, stopped->related.source ? stopped->related.offset : 0,
        in_line_above(text, stopped->span.offset)};
    struct str chosen = STR_EMPTY;
    size_t best = 0;
    for (size_t k = 0; k < sizeof places / sizeof *places && best <= text.n; k++) {
        char *without = arena_strz(report->arena, text);
        blank_line(without, text.n, places[k]);
        if ((k == 1 && !stopped->related.source) || !memcmp(without, text.p, text.n))
            continue;
        AUTO_DIAGS struct diags ignored = DIAGS_INIT;
        size_t now = readable(path, str_n(without, text.n), &ignored);
        if (now <= best)
            continue;
        best = now;
        chosen = str_n(without, text.n);
    }
    *reached = best;
    return chosen;
}

/* Blanks broken lines one by one, so that the rest can be checked with unchanged offsets. */
static struct str mend(struct report *report, const struct document *document)
{
    struct str text = arena_str(report->arena, buf_str(&document->text));
    for (int i = 0; i < MENDS_MAX && text.n; i++) {
        AUTO_DIAGS struct diags diags = DIAGS_INIT;
        size_t reached = readable(document->path, text, &diags);
        if (reached > text.n)
            return text;
        if (!diags.n)
            break;
        report_diag(report, &diags.items[0]);
        text = without_line(report, document->path, text, &diags.items[0], &reached);
        if (reached > text.n)
            return text;
    }
    return arena_str(report->arena, buf_str(&document->text));
}

/* For the loader: returns the text of an open document, with broken lines blanked. */
static bool unsaved_text(void *ctx, struct str path, struct str *text)
{
    struct report *report = ctx;
    const struct document *document =
        documents_at(&report->lsp->documents, documents_real_path(report->arena, path));
    if (!document)
        return false;
    struct str *mended = map_get(&report->repaired, document->path);
    if (!mended) {
        mended = arena_boxed(report->arena, mend(report, document));
        map_set(&report->repaired, document->path, mended);
    }
    *text = *mended;
    return true;
}

/* For functions that read files: returns the text of an open document unchanged. */
static bool open_text(void *ctx, struct str path, struct str *text)
{
    struct report *report = ctx;
    const struct document *document =
        documents_at(&report->lsp->documents, documents_real_path(report->arena, path));
    if (document)
        *text = arena_str(report->arena, buf_str(&document->text));
    return document != NULL;
}

/* ---- checking ---- */

static void report_failure(struct report *report, const struct err *err)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct diag *d = diag_error(&diags, (struct span){0}, "%s", err->message);
    if (err->hint[0])
        diag_hint(&diags, d, "%s", err->hint);
    report_diag(report, d);
}

static void check_stack(struct report *report, struct str path, bool alone)
{
    struct workspace_options options = *report->lsp->options->workspace;
    struct workspace workspace;
    struct plan *plan = NULL;
    struct err err = ERR_INIT;
    AUTO_DIAGS struct diags diags = {.limit = LIMIT};
    options.no_state = options.no_fetch = options.find_all = true; /* checks call no service */
    options.stack.dir = path.p;
    options.stack.unsaved = unsaved_text;
    options.stack.unsaved_ctx = report;
    options.stack.open = &(struct open_files){open_text, report};
    options.stack.lenient_inputs = options.stack.any_member = true;
    options.stack.module = alone;
    if (alone)
        options.stack.default_name = STR("module");
    report->root = path;
    int rc = workspace_open(&options, &diags, &workspace, &err);
    if (!rc)
        rc = plan_make(&workspace, &(struct plan_options){.offline = true}, &diags, &plan, &err);
    if (rc < 0 && err.class != ERR_NONE)
        report_failure(report, &err);
    for (size_t i = 0; i < diags.n; i++)
        report_diag(report, &diags.items[i]);
    plan_free(plan);
    workspace_close(&workspace);
}

static void check_document(struct report *report, struct map *checked, const struct document *document)
{
    bool alone;
    struct sketch *sketch = sketch_of(&report->lsp->documents, report->arena, document->path);
    if (!sketch)
        return;
    struct str path = sketch_stack(sketch, &alone);
    if (!map_set(checked, path, report))
        check_stack(report, path, alone);
}

/* ---- publishing ---- */

static struct published *published_of(struct lsp *lsp, struct str path)
{
    struct published *p = lsp->published;
    while (p && !str_eq(p->path, path))
        p = p->next;
    if (p)
        return p;
    p = mem_zalloc(sizeof *p);
    p->path = str_n(mem_memdup0(path.p, path.n), path.n);
    p->version = -1;
    p->next = lsp->published;
    lsp->published = p;
    return p;
}

/* Sends the diagnostics if they changed, or if the document's version is new. */
static void publish(struct report *report, struct published *last)
{
    const struct buf *now = map_get(&report->files, last->path);
    const struct document *open = documents_at(&report->lsp->documents, last->path);
    struct str items = now ? buf_str(now) : STR_EMPTY;
    int64_t version = open ? open->version : -1;
    if (str_eq(items, buf_str(&last->json)) && version == last->version)
        return;
    last->version = version;
    buf_clear(&last->json);
    buf_add_str(&last->json, items);
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(
        &out, "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/publishDiagnostics\",\"params\":{\"uri\":");
    json_write_string(&out, documents_uri(&report->lsp->documents, report->arena, last->path));
    if (open)
        buf_addf(&out, ",\"version\":%lld", (long long)version);
    buf_addf(&out, ",\"diagnostics\":[%.*s]}}", STR_ARG(items));
    channel_send(&report->lsp->rpc.channel, buf_str(&out));
}

void check_all(struct lsp *lsp)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_MAP struct map checked = MAP_INIT;
    struct report report = {.lsp = lsp, .arena = &arena};
    lsp->dirty = false;
    positions_forget(&lsp->documents.positions);
    for (const struct document *d = lsp->documents.first; d; d = d->next)
        if (d->path.n)
            check_document(&report, &checked, d);
    for (size_t i = 0; i < report.files.n; i++)
        published_of(lsp, report.files.items[i].key);
    for (const struct document *d = lsp->documents.first; d; d = d->next)
        if (d->path.n)
            published_of(lsp, d->path);
    for (struct published *p = lsp->published; p; p = p->next)
        publish(&report, p);
    for (size_t i = 0; i < report.files.n; i++)
        buf_release(report.files.items[i].ptr);
    map_release(&report.files);
    map_release(&report.repaired);
}

void check_release(struct lsp *lsp)
{
    while (lsp->published) {
        struct published *p = lsp->published;
        lsp->published = p->next;
        free((char *)p->path.p);
        buf_release(&p->json);
        free(p);
    }
}

/* ---- code actions ---- */

int lsp_actions(struct lsp *lsp UNUSED, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    const struct value *found = value_getz(value_getz(params, "context"), "diagnostics");
    struct str uri = value_gets(value_getz(params, "textDocument"), "uri");
    const char *separator = "";
    buf_add_char(result, '[');
    for (uint32_t i = 0; found && found->kind == VALUE_LIST && i < found->count; i++) {
        const struct value *diagnostic = found->items[i];
        struct str word = value_gets(value_getz(diagnostic, "data"), "replace");
        const struct value *range = value_getz(diagnostic, "range");
        if (!word.n || !range)
            continue;
        buf_addf(result, "%s{\"title\":", separator);
        json_write_string(result, arena_printf(arena, "write %.*s", STR_ARG(word)));
        buf_addz(result, ",\"kind\":\"quickfix\",\"isPreferred\":true,\"diagnostics\":[");
        json_write(result, diagnostic, JSON_PLAIN);
        buf_addz(result, "],\"edit\":{\"changes\":{");
        json_write_string(result, uri);
        buf_addz(result, ":[{\"range\":");
        json_write(result, range, JSON_PLAIN);
        buf_addz(result, ",\"newText\":");
        json_write_string(result, word);
        buf_addz(result, "}]}}}");
        separator = ",";
    }
    buf_add_char(result, ']');
    return 0;
}
