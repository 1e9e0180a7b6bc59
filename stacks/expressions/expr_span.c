/* From sub-expressions to places in the source. */
#include "stacks/expressions/expr_internal.h"

#include <ctype.h>

static bool blank(char c)
{
    return isspace((unsigned char)c);
}

/* Bytes of a double-quoted escape, and of what it stands for (near enough for the rare ones). */
static size_t escape_size(char c)
{
    return c == 'x' ? 4 : c == 'u' ? 6 : c == 'U' ? 10 : 2;
}

static size_t utf8_size(char lead)
{
    unsigned char c = (unsigned char)lead;
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Where the scalar's first character stands. */
static size_t content_start(struct str raw)
{
    if (!raw.n || !strchr("\"'|>", raw.p[0]))
        return 0;
    if (raw.p[0] == '"' || raw.p[0] == '\'')
        return 1;
    ptrdiff_t newline = str_find_char(raw, '\n', 0);
    return newline < 0 ? raw.n : (size_t)newline + 1;
}

/*
 * The raw text is the decoded one with quotes, escapes, indentation and folded lines in it, so both are
 * walked side by side: what is only blank on one side is skipped there.
 */
size_t node_raw_offset(const struct node *node, size_t offset)
{
    if (!node->source)
        return 0;
    struct str raw = node_raw(node), text = node->string;
    char style = raw.n ? raw.p[0] : ' ';
    size_t at = 0, j = content_start(raw);
    while (at < text.n && j < raw.n) {
        char c = raw.p[j];
        if (style == '"' && c == '\\' && j + 1 < raw.n && raw.p[j + 1] != '\n') {
            if (at >= offset)
                break;
            at += utf8_size(text.p[at]);
            j += escape_size(raw.p[j + 1]);
        } else if (c == text.p[at]) {
            if (at >= offset)
                break;
            at++;
            j += style == '\'' && c == '\'' ? 2 : 1;
        } else if (blank(c) || (style == '"' && c == '\\')) {
            j++;
        } else {
            if (at >= offset)
                break;
            at++;
            j += blank(text.p[at - 1]) ? 0 : 1;
        }
    }
    return node->offset + (j < raw.n ? j : raw.n);
}

struct span expr_span(const struct expr *expr)
{
    if (!expr->node)
        return (struct span){0};
    if (expr->flags & EXPR_WHOLE_NODE)
        return node_span(expr->node);
    size_t from = node_raw_offset(expr->node, expr->offset);
    size_t to = from;
    if (expr->length)
        to = node_raw_offset(expr->node, expr->offset + expr->length - 1) + 1;
    return (struct span){.source = expr->node->source,
        .offset = (uint32_t)from,
        .length = (uint32_t)(to > from ? to - from : 1)};
}

static const struct expr_entry *find_entry(const struct expr *map, struct str key)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (!map->map.entries[i].key_expr && str_eq(map->map.entries[i].key, key))
            return &map->map.entries[i];
    return NULL;
}

const struct expr *expr_follow(
    const struct expr *expr, const struct value *path, const struct expr_entry **entry, uint32_t *rest)
{
    uint32_t n = path && path->kind == VALUE_LIST ? path->count : 0, i = 0;
    *entry = NULL;
    for (; i < n; i++) {
        const struct value *step = path->items[i];
        const struct expr *inner = NULL;
        *entry = NULL;
        if (expr->op == EXPR_MAP && step->kind == VALUE_STRING && (*entry = find_entry(expr, step->string)))
            inner = &(*entry)->value;
        else if (expr->op == EXPR_LIST && step->kind == VALUE_INT && step->integer >= 0 &&
                 step->integer < expr->count)
            inner = &expr->list.items[step->integer];
        if (!inner)
            break;
        expr = inner;
    }
    *rest = n - i;
    return expr;
}

const struct expr *expr_at(const struct expr *expr, const struct value *path, bool holder)
{
    const struct expr_entry *entry;
    uint32_t rest;
    const struct expr *found = expr_follow(expr, path, &entry, &rest);
    return rest == (uint32_t)holder ? found : NULL;
}

struct span expr_span_at(const struct expr *expr, const struct value *path, bool at_key)
{
    const struct expr_entry *entry;
    uint32_t rest;
    const struct expr *found = expr_follow(expr, path, &entry, &rest);
    return at_key && !rest && entry && entry->origin ? node_key_span(entry->origin) : expr_span(found);
}

bool expr_is_const(const struct expr *expr)
{
    return expr->flags & EXPR_IS_CONST;
}
