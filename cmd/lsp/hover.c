/* The hover text for the cursor. */
#include "cmd/lsp/server.h"

#include "base/json.h"

/* The Markdown text and its range. */
struct hover {
    struct lsp *lsp;
    struct buf page;
    size_t from, to;
};

static void hover_over(struct hover *hover, size_t from, size_t to)
{
    hover->from = from;
    hover->to = to;
}

static void add_paragraph(struct buf *page, struct str text)
{
    if (text.n)
        buf_addf(page, "%s%.*s", page->n ? "\n\n" : "", STR_ARG(text));
}

static void add_head(struct buf *page, const char *description, struct str name)
{
    buf_addf(page, "**%.*s** %s", STR_ARG(name), description);
}

/* ---- names ---- */

/* Adds the source line of a local value or an output. */
static void add_source(struct buf *page, struct spot spot)
{
    const struct outline *o = &spot.file->outline;
    const struct entry *e = &o->items[spot.entry];
    size_t end = position_line_end(o->text, e->key_at);
    buf_addf(page, "\n\n```yaml\n%.*s\n```", (int)(end - e->key_at), o->text.p + e->key_at);
}

static void show_input(struct buf *page, struct spot spot)
{
    const struct outline *o = &spot.file->outline;
    int given = outline_find(o, spot.entry, STR("default"));
    struct str type = spot_value(spot, "type");
    add_head(page, "input", spot_name(spot));
    if (type.n)
        buf_addf(page, " `%.*s`", STR_ARG(type));
    add_paragraph(page, spot_value(spot, "description"));
    if (str_eqz(spot_value(spot, "sensitive"), "true"))
        add_paragraph(page, STR("sensitive"));
    else if (given != OUTLINE_NONE)
        add_source(page, (struct spot){spot.file, given, spot.section});
    else if (outline_next(o, spot.entry, OUTLINE_NONE) == OUTLINE_NONE)
        add_source(page, spot);
    else
        add_paragraph(page, STR("a value has to be given"));
}

static void show_module(struct buf *page, struct sketch *inner, struct spot spot)
{
    add_head(page, "module", spot_name(spot));
    buf_addf(page, " `%.*s`", STR_ARG(spot_value(spot, "source")));
    if (!inner)
        return;
    const struct outline *o = &inner->files[0].outline;
    add_paragraph(page, outline_value(o, outline_find(o, OUTLINE_NONE, STR("description"))));
}

static void show_resource(struct hover *hover, struct spot spot)
{
    const struct schema *schema = meaning_schema(hover->lsp, spot);
    add_head(&hover->page, str_eqz(spot.section, "data") ? "data" : "resource", spot_name(spot));
    buf_addf(&hover->page, " `%.*s`", STR_ARG(spot_value(spot, "type")));
    if (schema)
        add_paragraph(&hover->page, schema->doc);
}

static void show_target(struct hover *hover, const struct target *target)
{
    hover_over(hover, target->from, target->to);
    switch (target->kind) {
    case NAME_RESOURCE:
        if (str_eqz(target->spot.section, "modules"))
            show_module(&hover->page, sketch_called(target->sketch, target->spot), target->spot);
        else
            show_resource(hover, target->spot);
        break;
    case NAME_INPUT: show_input(&hover->page, target->spot); break;
    case NAME_LOCAL:
        add_head(&hover->page, "local value", spot_name(target->spot));
        add_source(&hover->page, target->spot);
        break;
    case NAME_OUTPUT:
        add_head(&hover->page, "output", spot_name(target->spot));
        add_paragraph(&hover->page, spot_value(target->spot, "description"));
        break;
    case NAME_PROVIDER: add_head(&hover->page, "provider", spot_name(target->spot)); break;
    case NAME_CONNECTION: add_head(&hover->page, "connection", spot_name(target->spot)); break;
    case NAME_KINDS: break;
    }
}

/* ---- expressions ---- */

static bool show_own_word(struct hover *hover, const struct cursor *cursor)
{
    static const struct {
        const char *name, *step, *doc;
    } own[] = {{"each", "key", "The instance's key."}, {"each", "value", "What `for_each` has for the key."},
        {"stack", "name", "The name of the stack."}, {"stack", "description", "What the stack is for."},
        {"stack", "env", "The environment (`-e NAME`); empty without one."},
        {"path", "root", "The folder of the stack."}};
    const struct word *w = &cursor->words.items[cursor->word];
    struct str first = cursor->words.items[words_first(&cursor->words, cursor->word)].text;
    for (size_t i = 0; w->kind == WORD_STEP && i < sizeof own / sizeof *own; i++)
        if (str_eqz(first, own[i].name) && str_eqz(w->text, own[i].step)) {
            buf_addz(&hover->page, own[i].doc);
            return true;
        }
    return false;
}

static void show_word(struct hover *hover, const struct cursor *cursor)
{
    const struct word *w = &cursor->words.items[cursor->word];
    const struct attr *attr = NULL;
    struct target target;
    hover_over(hover, w->at, w->end);
    if (w->kind == WORD_FUNCTION) {
        hover->lsp->options->function_page(w->text, &hover->page);
        return;
    }
    if (w->kind == WORD_TEXT || w->kind == WORD_VARIABLE || show_own_word(hover, cursor) ||
        !word_target(cursor->sketch, &cursor->words, cursor->word, &target))
        return;
    if (target.attribute.n)
        meaning_step(meaning_schema(hover->lsp, target.spot), &cursor->words, cursor->word, &attr);
    if (attr)
        hover->lsp->options->attr_page(attr, &hover->page);
    else if (!target.attribute.n)
        show_target(hover, &target);
}

/* ---- keys and values ---- */

static void show_meaning(struct hover *hover, const struct meaning *m, struct str key)
{
    switch (m->kind) {
    case MEANS_VALUE: hover->lsp->options->attr_page(m->attr, &hover->page); break;
    case MEANS_INPUT: show_input(&hover->page, m->spot); break;
    case MEANS_NAMES:
    case MEANS_LANGUAGE:
        add_head(&hover->page, "", key);
        add_paragraph(&hover->page, value_gets(m->language, "description"));
        break;
    case MEANS_STACK:
    case MEANS_RESOURCE:
    case MEANS_MODULE:
    case MEANS_NOTHING: break;
    }
}

static void show_key(struct hover *hover, const struct cursor *cursor)
{
    const struct entry *e = &cursor->file->outline.items[cursor->entry];
    struct meaning m = meaning_of(hover->lsp, cursor, cursor->entry);
    struct target target;
    if (m.kind == MEANS_VALUE || m.kind == MEANS_INPUT || !cursor_target(cursor, &target)) {
        hover_over(hover, e->key_at, e->key_end);
        show_meaning(hover, &m, e->key);
    } else {
        show_target(hover, &target);
    }
}

static void show_value(struct hover *hover, const struct cursor *cursor)
{
    const struct outline *o = &cursor->file->outline;
    const struct entry *e = &o->items[cursor->entry];
    struct target target;
    struct meaning up = meaning_of(hover->lsp, cursor, e->parent);
    hover_over(hover, e->value_at, e->value_end);
    if (up.kind == MEANS_RESOURCE && up.schema && str_eqz(e->key, "type")) {
        hover->lsp->options->type_page(up.schema, &hover->page);
    } else if (cursor_target(cursor, &target) && target.spot.file) {
        show_target(hover, &target);
    } else {
        struct meaning m = meaning_of(hover->lsp, cursor, cursor->entry);
        show_meaning(hover, &m, e->key);
    }
}

int lsp_hover(struct lsp *lsp, struct arena *arena, const struct value *params, struct buf *result,
    struct err *err UNUSED)
{
    struct cursor cursor;
    if (!cursor_at(lsp, arena, params, &cursor) || cursor.entry == OUTLINE_NONE)
        return 0;
    struct hover hover = {.lsp = lsp, .page = BUF_INIT};
    if (cursor.word != WORD_NONE)
        show_word(&hover, &cursor);
    else if (cursor.on_key)
        show_key(&hover, &cursor);
    else if (!cursor.file->outline.items[cursor.entry].opens)
        show_value(&hover, &cursor);
    if (hover.page.n) {
        buf_addz(result, "{\"contents\":{\"kind\":\"markdown\",\"value\":");
        json_write_string(result, buf_str(&hover.page));
        buf_addz(result, "},");
        position_add_range(
            result, &lsp->documents.positions, cursor.file->outline.text, hover.from, hover.to);
        buf_add_char(result, '}');
    }
    buf_release(&hover.page);
    return 0;
}
