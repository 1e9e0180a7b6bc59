/*
 * Writes the draft stack as a YAML file in hand-written style: short collections on one line, long strings as
 * blocks.
 */
#include "base/json.h"
#include "cmd/import/draft.h"
#include "stacks/format/format.h"

#include <stdlib.h>

/* ---- writing the draft ---- */

/* ---- references ---- */

static struct str mark_resolved(void *ctx, struct draft_reference *reference, struct str mark UNUSED)
{
    struct draft *d = ctx;
    if (!reference->code.n)
        reference->code = draft_replace_marks(d, d->resolve(d->resolve_ctx, reference), mark_resolved, d);
    return reference->code;
}

static void draft_resolve(struct draft *d, struct tree *s)
{
    draft_replace_in_tree(d, s, mark_resolved, d);
}

/* ---- sections ---- */

static void write_comment(struct buf *out, struct str comment, int column)
{
    while (comment.n) {
        struct str line = str_trim(str_cut(comment, '\n', &comment));
        buf_addf(out, "%*s%.*s\n", column, "", STR_ARG(line));
    }
}

/* ---- scalars ---- */

/* Escapes ${ in a literal. */
static void add_literal(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == '{')
            buf_add_char(out, '$');
        buf_add_char(out, text.p[i]);
    }
}

static void tree_write_key(struct buf *out, struct str key)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (tree_key_is_code(key))
        buf_add_str(&text, str_slice(key, 1, key.n));
    else
        add_literal(&text, key);
    yaml_write_text(out, buf_str(&text), true);
}

enum { WIDTH = 120 };

/* Removes brackets that are only needed within another expression. */
static struct str outermost(struct str code)
{
    int depth = 0;
    if (code.n < 2 || code.p[0] != '(' || code.p[code.n - 1] != ')')
        return code;
    for (size_t i = 0; i < code.n; i++) {
        depth += code.p[i] == '(';
        depth -= code.p[i] == ')';
        if (code.p[i] == '"')
            for (i++; i < code.n && code.p[i] != '"'; i++)
                i += code.p[i] == '\\';
        if (!depth && i + 1 < code.n)
            return code;
    }
    return str_slice(code, 1, code.n - 1);
}

/* Appends the source text of a value that is not a collection. */
static void add_scalar(struct buf *text, const struct tree *s)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (s->kind == TREE_LITERAL && s->is_source) {
        buf_add_str(text, s->value->string);
        return;
    }
    if (s->kind == TREE_LITERAL) {
        add_literal(text, s->value->string);
        return;
    }
    if (s->kind == TREE_TEXT) {
        for (size_t i = 0; i < s->n; i++)
            add_scalar(text, s->items[i]);
        return;
    }
    buf_addf(text, "${%.*s}", STR_ARG(outermost(tree_as_code(&arena, s))));
}

static void write_scalar(struct buf *out, const struct tree *s, bool flow)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (s->kind == TREE_NOTHING) {
        buf_addz(out, "null");
    } else if (s->kind == TREE_LITERAL && s->value->kind != VALUE_STRING) {
        json_write(out, s->value, JSON_PLAIN);
    } else {
        add_scalar(&text, s);
        yaml_write_text(out, buf_str(&text), flow);
    }
}

/* ---- collections on one line ---- */

static bool is_collection(const struct tree *s)
{
    return (s->kind == TREE_LIST && !tree_is_varying(s)) || s->kind == TREE_MAP;
}

/* Returns whether the value has comments or strings of several lines. */
static bool wants_lines(const struct tree *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->kind == TREE_MAP && (s->entries[i].comment.n || wants_lines(s->entries[i].value)))
            return true;
        if (s->kind != TREE_MAP && wants_lines(s->items[i]))
            return true;
    }
    return s->kind == TREE_LITERAL && s->value->kind == VALUE_STRING && s->value->string.n > 60 &&
           str_find_char(s->value->string, '\n', 0) >= 0;
}

/* ---- collections on several lines ---- */

static void write_block(struct buf *out, struct str s, int column)
{
    bool ends = s.p[s.n - 1] == '\n';
    buf_addz(out, ends ? " |\n" : " |-\n");
    while (s.n) {
        struct str line = str_cut(s, '\n', &s);
        if (line.n)
            buf_addf(out, "%*s", column, "");
        buf_addf(out, "%.*s\n", STR_ARG(line));
    }
}

static void write_below(struct buf *out, const struct tree *s, int column);

/* Writes the value after a key's colon or a list's dash, to the end of its last line. */
static void write_value(struct buf *out, const struct tree *s, int column, size_t used)
{
    AUTO_BUF struct buf line = BUF_INIT;
    if (!is_collection(s)) {
        AUTO_BUF struct buf text = BUF_INIT;
        if (s->kind == TREE_TEXT || (s->kind == TREE_LITERAL && s->value->kind == VALUE_STRING))
            add_scalar(&text, s);
        if (text.n && yaml_fits_block(buf_str(&text))) {
            write_block(out, buf_str(&text), column + 2);
            return;
        }
        buf_add_char(out, ' ');
        write_scalar(out, s, false);
        buf_add_char(out, '\n');
        return;
    }
    if (!wants_lines(s)) {
        tree_write_flow(&line, s);
        if (!s->n || line.n + used <= WIDTH) {
            buf_add_char(out, ' ');
            buf_add_str(out, buf_str(&line));
            buf_add_char(out, '\n');
            return;
        }
    }
    buf_add_char(out, '\n');
    write_below(out, s, column + 2);
}

void tree_write(struct buf *out, struct str key, const struct tree *s, int column)
{
    size_t before = out->n;
    buf_addf(out, "%*s", column, "");
    tree_write_key(out, key);
    buf_add_char(out, ':');
    write_value(out, s, column, out->n - before + 1);
}

static void write_resource(struct buf *out, const struct draft_resource *r)
{
    write_comment(out, r->comment, 2);
    buf_addf(out, "  %.*s:\n    type: %.*s\n", STR_ARG(r->name), STR_ARG(r->type));
    for (size_t i = 0; i < r->attrs->n; i++) {
        write_comment(out, r->attrs->entries[i].comment, 4);
        tree_write(out, r->attrs->entries[i].key, r->attrs->entries[i].value, 4);
    }
    buf_add_char(out, '\n');
}

/* Writes each entry on its own lines, however short it is. */
static void write_lines(const struct draft *d, struct buf *out, const char *name, const struct tree *section)
{
    if (!section->n)
        return;
    buf_add_char(out, '\n');
    if (section == d->imports)
        buf_addz(
            out, "# These exist already; the first apply imports them. Afterwards these lines can go.\n");
    buf_addf(out, "%s:\n", name);
    for (size_t i = 0; i < section->n; i++) {
        if (section->kind == TREE_LIST) {
            buf_addz(out, "  - ");
            tree_write_flow(out, section->items[i]);
            buf_add_char(out, '\n');
            continue;
        }
        write_comment(out, section->entries[i].comment, 2);
        tree_write(out, section->entries[i].key, section->entries[i].value, 2);
    }
}

static void write_all(struct draft *d, struct buf *out)
{
    AUTO_BUF struct buf resources = BUF_INIT;
    write_comment(out, d->comment, 0);
    if (!d->is_module)
        buf_addf(out, "stack: %.*s\n", STR_ARG(d->stack));
    if (d->description.n)
        tree_write(out, STR("description"), tree_string(d->arena, d->description, NULL), 0);
    write_lines(d, out, "providers", d->providers);
    write_lines(d, out, "inputs", d->inputs);
    write_lines(d, out, "locals", d->locals);
    write_lines(d, out, "data", d->data);
    write_lines(d, out, "modules", d->modules);
    for (size_t i = 0; i < d->n; i++)
        if (d->resources[i]->type.n)
            write_resource(&resources, d->resources[i]);
    if (resources.n) {
        buf_addz(out, "\nresources:\n");
        buf_add_str(out, buf_str(&resources));
    }
    write_lines(d, out, "outputs", d->outputs);
    if (!d->is_module) /* a module's imports are in the top stack file */
        write_lines(d, out, "imports", d->imports);
}

int draft_write(struct draft *d, struct buf *out, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct tree *sections[] = {d->providers, d->locals, d->data, d->modules, d->outputs, d->imports};
    for (size_t i = 0; i < d->n; i++)
        if (d->resources[i]->type.n)
            draft_resolve(d, d->resources[i]->attrs);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        draft_resolve(d, sections[i]);
    draft_resolve(d, d->inputs);
    write_all(d, &text);
    struct source *source = ARENA_MAKE(
        d->arena, struct source, .path = STR("the stack"), .text = arena_str(d->arena, buf_str(&text)));
    return format_text(source, d->diags, out, err);
}

void tree_write_flow(struct buf *out, const struct tree *s)
{
    if (!is_collection(s)) {
        write_scalar(out, s, true);
        return;
    }
    buf_add_char(out, s->kind == TREE_MAP ? '{' : '[');
    for (size_t i = 0; i < s->n; i++) {
        buf_addz(out, i ? ", " : "");
        if (s->kind == TREE_MAP) {
            tree_write_key(out, s->entries[i].key);
            buf_addz(out, ": ");
        }
        tree_write_flow(out, s->kind == TREE_MAP ? s->entries[i].value : s->items[i]);
    }
    buf_add_char(out, s->kind == TREE_MAP ? '}' : ']');
}

/* A map after a dash begins on the same line. */
static void write_item(struct buf *out, const struct tree *item, int column)
{
    AUTO_BUF struct buf block = BUF_INIT;
    AUTO_BUF struct buf line = BUF_INIT;
    if (item->kind == TREE_MAP && item->n && !wants_lines(item))
        tree_write_flow(&line, item);
    bool below =
        item->kind == TREE_MAP && item->n && (wants_lines(item) || line.n + (size_t)column + 2 > WIDTH);
    if (below && item->entries[0].comment.n)
        below = false;
    if (!below) {
        buf_addf(out, "%*s-", column, "");
        write_value(out, item, column, (size_t)column + 2);
        return;
    }
    write_below(&block, item, column + 2);
    buf_addf(out, "%*s- ", column, "");
    buf_add_str(out, str_slice(buf_str(&block), (size_t)column + 2, block.n));
}

static void write_below(struct buf *out, const struct tree *s, int column)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->kind == TREE_LIST) {
            write_item(out, s->items[i], column);
            continue;
        }
        write_comment(out, s->entries[i].comment, column);
        tree_write(out, s->entries[i].key, s->entries[i].value, column);
    }
}
