/* Building what a stack file says, and turning it into expressions. */
#include "cmd/import/draft.h"

#include "base/json.h"

#include <stdarg.h>

struct said *said_new(struct arena *arena, enum said_kind kind, const struct node *node)
{
    struct said *s = ARENA_NEW(arena, struct said);
    s->kind = kind;
    s->node = node;
    return s;
}

struct said *said_value(struct arena *arena, const struct value *scalar, const struct node *node)
{
    struct said *s = said_new(arena, value_is_null(scalar) ? SAID_NOTHING : SAID_LITERAL, node);
    s->value = scalar;
    return s;
}

struct said *said_string(struct arena *arena, struct str text, const struct node *node)
{
    return said_value(arena, value_string(arena, text), node);
}

struct said *said_code(struct arena *arena, const struct node *node, const char *format, ...)
{
    struct said *s = said_new(arena, SAID_CODE, node);
    va_list args;
    va_start(args, format);
    s->code = arena_vprintf(arena, format, args);
    va_end(args);
    return s;
}

struct said *said_of(struct arena *arena, const struct value *v)
{
    if (value_is_null(v) || (v->kind != VALUE_LIST && v->kind != VALUE_MAP))
        return said_value(arena, v, NULL);
    struct said *s = said_new(arena, v->kind == VALUE_LIST ? SAID_LIST : SAID_MAP, NULL);
    for (uint32_t i = 0; i < v->count; i++)
        if (v->kind == VALUE_LIST)
            said_add(arena, s, said_of(arena, v->items[i]));
        else
            said_set(arena, s, v->entries[i].key, said_of(arena, v->entries[i].value));
    return s;
}

/* ---- collections ---- */

void said_add(struct arena *arena, struct said *list, struct said *item)
{
    ARENA_GROW(arena, list->items, list->n, list->cap);
    list->items[list->n++] = item;
}

void said_set(struct arena *arena, struct said *map, struct str key, struct said *value)
{
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->entries[i].key, key)) {
            map->entries[i].value = value;
            return;
        }
    ARENA_GROW(arena, map->entries, map->n, map->cap);
    map->entries[map->n++] = (struct said_entry){.key = key, .value = value, .comment = STR_EMPTY};
}

struct said *said_get(const struct said *map, const char *key)
{
    for (size_t i = 0; map && map->kind == SAID_MAP && i < map->n; i++)
        if (str_eqz(map->entries[i].key, key))
            return map->entries[i].value;
    return NULL;
}

/* ---- texts ---- */

struct str said_literal_text(struct arena *arena, const struct said *s)
{
    return s && s->kind == SAID_LITERAL ? value_scalar_text(arena, s->value) : (struct str){NULL, 0};
}

bool said_is_text(const struct said *s, const char *text)
{
    return s && s->kind == SAID_LITERAL && s->value->kind == VALUE_STRING && str_eqz(s->value->string, text);
}

void said_append(struct arena *arena, struct said *text, struct said *piece)
{
    struct said *last = text->n ? text->items[text->n - 1] : NULL;
    text->sensitive = text->sensitive || piece->sensitive;
    if (piece->kind == SAID_TEXT) {
        for (size_t i = 0; i < piece->n; i++)
            said_append(arena, text, piece->items[i]);
        return;
    }
    if (piece->kind != SAID_LITERAL) {
        said_add(arena, text, said_code(arena, piece->node, "%s", said_as_code(arena, piece).p));
        return;
    }
    struct str more = value_scalar_text(arena, piece->value);
    if (!more.n)
        return;
    if (last && last->kind == SAID_LITERAL)
        last->value =
            value_string_ref(arena, arena_concat(arena, (struct str[]){last->value->string, more}, 2));
    else
        said_add(arena, text, said_string(arena, more, piece->node));
}

struct said *said_simple(struct arena *arena, struct said *text)
{
    if (!text->n)
        return said_string(arena, STR_EMPTY, text->node);
    if (text->n > 1)
        return text;
    text->items[0]->sensitive = text->items[0]->sensitive || text->sensitive;
    return text->items[0];
}

bool said_known(struct arena *arena, const struct said *s, const struct value **v)
{
    if (!s || s->kind == SAID_NOTHING) {
        *v = &value_null;
        return true;
    }
    if (s->kind == SAID_LITERAL) {
        *v = s->value;
        return true;
    }
    if (s->kind != SAID_LIST && s->kind != SAID_MAP)
        return false;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (size_t i = 0; i < s->n; i++) {
        const struct value *item;
        if (!said_known(arena, s->kind == SAID_LIST ? s->items[i] : s->entries[i].value, &item))
            return false;
        if (s->kind == SAID_LIST)
            value_builder_add(&out, item);
        else
            value_builder_set(&out, s->entries[i].key, item);
    }
    *v = s->kind == SAID_LIST ? value_builder_list(&out) : value_builder_map(&out);
    return true;
}

/* ---- as expressions ---- */

/* Within "…": what would begin an expression is escaped. */
static void add_quoted(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        if (c == '\n' || c == '\t' || c == '\r') {
            buf_addz(out, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
            continue;
        }
        if (c == '$' && i + 1 < text.n && text.p[i + 1] == '{')
            buf_add_char(out, '$');
        buf_add_char(out, c);
    }
}

static bool is_word(struct str key)
{
    return str_is_word(key, CHARS_LETTERS "_", CHARS_ALNUM "_");
}

static void add_code(struct arena *arena, struct buf *out, const struct said *s);

static void add_text(struct buf *out, const struct said *s)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < s->n; i++) {
        if (s->items[i]->kind == SAID_LITERAL) {
            add_quoted(out, s->items[i]->value->string);
            continue;
        }
        buf_addz(out, "${");
        buf_add_str(out, s->items[i]->code);
        buf_add_char(out, '}');
    }
    buf_add_char(out, '"');
}

static void add_key(struct buf *out, struct str key)
{
    if (is_word(key)) {
        buf_add_str(out, key);
        return;
    }
    buf_add_char(out, '"');
    add_quoted(out, key);
    buf_add_char(out, '"');
}

static void add_items(struct arena *arena, struct buf *out, const struct said *s)
{
    buf_add_char(out, s->kind == SAID_LIST ? '[' : '{');
    for (size_t i = 0; i < s->n; i++) {
        buf_addz(out, i ? ", " : "");
        if (s->kind == SAID_LIST) {
            add_code(arena, out, s->items[i]);
            continue;
        }
        add_key(out, s->entries[i].key);
        buf_addz(out, ": ");
        add_code(arena, out, s->entries[i].value);
    }
    buf_add_char(out, s->kind == SAID_LIST ? ']' : '}');
}

/* ---- what may not be there ---- */

bool said_may_be_nothing(const struct said *s)
{
    for (size_t i = 0; s->kind == SAID_CHOICE && i < 2; i++)
        if (s->items[i]->kind == SAID_NOTHING || said_may_be_nothing(s->items[i]))
            return true;
    return false;
}

bool said_is_varying(const struct said *list)
{
    for (size_t i = 0; list->kind == SAID_LIST && i < list->n; i++)
        if (said_may_be_nothing(list->items[i]))
            return true;
    return false;
}

/* (c ? [a] : []), or with a key (c ? {k: a} : {}). */
static void add_perhaps(struct arena *arena, struct buf *out, const struct said *s, struct str key)
{
    if (s->kind == SAID_CHOICE) {
        buf_addf(out, "(%.*s ? ", STR_ARG(s->code));
        add_perhaps(arena, out, s->items[0], key);
        buf_addz(out, " : ");
        add_perhaps(arena, out, s->items[1], key);
        buf_addz(out, ")");
        return;
    }
    buf_add_char(out, key.p ? '{' : '[');
    if (key.p && s->kind != SAID_NOTHING) {
        add_key(out, key);
        buf_addz(out, ": ");
    }
    if (s->kind != SAID_NOTHING)
        add_code(arena, out, s);
    buf_add_char(out, key.p ? '}' : ']');
}

/* concat([a, b], (c ? [d] : []), [e]): what is sure goes together. */
static void add_varying(struct arena *arena, struct buf *out, const struct said *list)
{
    bool open = false;
    buf_addz(out, "concat(");
    for (size_t i = 0; i < list->n; i++) {
        bool perhaps = said_may_be_nothing(list->items[i]);
        buf_addz(out, open && perhaps ? "]" : "");
        buf_addz(out, i ? ", " : "");
        buf_addz(out, !open && !perhaps ? "[" : "");
        open = !perhaps;
        if (perhaps)
            add_perhaps(arena, out, list->items[i], (struct str){NULL, 0});
        else
            add_code(arena, out, list->items[i]);
    }
    buf_addz(out, open ? "])" : ")");
}

/* merge({a: 1}, (c ? {b: 2} : {})). */
static struct said *said_merged(struct arena *arena, const struct said *map)
{
    struct said *sure = said_new(arena, SAID_MAP, map->node);
    AUTO_BUF struct buf rest = BUF_INIT;
    for (size_t i = 0; i < map->n; i++) {
        const struct said_entry *e = &map->entries[i];
        if (!said_may_be_nothing(e->value)) {
            said_set(arena, sure, e->key, e->value);
            continue;
        }
        buf_addz(&rest, ", ");
        add_perhaps(arena, &rest, e->value, e->key);
    }
    return said_code(arena, map->node, "merge(%s%.*s)", said_as_code(arena, sure).p, (int)rest.n, rest.p);
}

struct said *said_document(struct arena *arena, struct said *s)
{
    bool perhaps = false;
    for (size_t i = 0; i < s->n && s->kind != SAID_TEXT; i++) {
        struct said **child = s->kind == SAID_MAP ? &s->entries[i].value : &s->items[i];
        *child = said_document(arena, *child);
        perhaps = perhaps || said_may_be_nothing(*child);
    }
    return s->kind == SAID_MAP && perhaps ? said_merged(arena, s) : s;
}

static void add_code(struct arena *arena, struct buf *out, const struct said *s)
{
    if (said_is_varying(s)) {
        add_varying(arena, out, s);
        return;
    }
    switch (s->kind) {
    case SAID_NOTHING: buf_addz(out, "null"); break;
    case SAID_LITERAL:
        if (s->value->kind == VALUE_STRING) {
            buf_add_char(out, '"');
            add_quoted(out, s->value->string);
            buf_add_char(out, '"');
        } else {
            json_write(out, s->value, JSON_PLAIN);
        }
        break;
    case SAID_CODE: buf_add_str(out, s->code); break;
    case SAID_TEXT: add_text(out, s); break;
    case SAID_CHOICE:
        buf_addz(out, "(");
        buf_add_str(out, s->code);
        buf_addz(out, " ? ");
        add_code(arena, out, s->items[0]);
        buf_addz(out, " : ");
        add_code(arena, out, s->items[1]);
        buf_addz(out, ")");
        break;
    case SAID_LIST:
    case SAID_MAP: add_items(arena, out, s); break;
    }
}

struct str said_as_code(struct arena *arena, const struct said *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    add_code(arena, &out, s);
    return arena_str(arena, buf_str(&out));
}
