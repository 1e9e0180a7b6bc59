/* Builds trees of stack files and converts them to expressions. */
#include "cmd/import/draft.h"

#include "base/json.h"

enum { UNINDEXED = 16 }; /* entries that are searched linearly */

struct tree *tree_new(struct arena *arena, enum tree_kind kind, const struct node *node)
{
    struct tree *s = ARENA_NEW(arena, struct tree);
    s->kind = kind;
    s->node = node;
    return s;
}

struct tree *tree_value(struct arena *arena, const struct value *scalar, const struct node *node)
{
    struct tree *s = tree_new(arena, value_is_null(scalar) ? TREE_NOTHING : TREE_LITERAL, node);
    s->value = scalar;
    return s;
}

struct tree *tree_string(struct arena *arena, struct str text, const struct node *node)
{
    return tree_value(arena, value_string(arena, text), node);
}

struct tree *tree_code(struct arena *arena, const struct node *node, const char *format, ...)
{
    struct tree *s = tree_new(arena, TREE_CODE, node);
    va_list args;
    va_start(args, format);
    s->code = arena_vprintf(arena, format, args);
    va_end(args);
    return s;
}

struct tree *tree_choice(struct arena *arena, const struct node *node, struct str condition)
{
    struct tree *s = tree_new(arena, TREE_CHOICE, node);
    s->code = condition;
    return s;
}

struct tree *tree_of(struct arena *arena, const struct value *v)
{
    if (value_is_null(v) || (v->kind != VALUE_LIST && v->kind != VALUE_MAP))
        return tree_value(arena, v, NULL);
    struct tree *s = tree_new(arena, v->kind == VALUE_LIST ? TREE_LIST : TREE_MAP, NULL);
    for (uint32_t i = 0; i < v->count; i++)
        if (v->kind == VALUE_LIST)
            tree_add(arena, s, tree_of(arena, v->items[i]));
        else
            tree_set(arena, s, v->entries[i].key, tree_of(arena, v->entries[i].value));
    return s;
}

/* ---- collections ---- */

void tree_add(struct arena *arena, struct tree *list, struct tree *item)
{
    ARENA_GROW(arena, list->items, list->n, list->cap);
    list->items[list->n++] = item;
}

/* Returns the slot of the key, or the free slot for it. */
static uint32_t *slot_of(const struct tree *map, struct str key)
{
    size_t at = (size_t)str_hash(key) & (map->slot_count - 1);
    while (map->slots[at] && !str_eq(map->entries[map->slots[at] - 1].key, key))
        at = (at + 1) & (map->slot_count - 1);
    return &map->slots[at];
}

/* Rebuilds the index if it is full, or if entries were removed. */
static void index_entries(struct arena *arena, struct tree *map)
{
    if (map->indexed == map->n && 2 * map->n < map->slot_count)
        return;
    for (map->slot_count = 4 * UNINDEXED; map->slot_count < 4 * map->n; map->slot_count *= 2)
        ;
    map->slots = arena_zalloc(arena, map->slot_count * sizeof *map->slots);
    for (size_t i = 0; i < map->n; i++)
        *slot_of(map, map->entries[i].key) = (uint32_t)i + 1;
    map->indexed = map->n;
}

/* Returns NULL if the map does not have the key. */
static struct tree_entry *find_entry(const struct tree *map, struct str key)
{
    if (map->n && map->indexed == map->n) {
        uint32_t slot = *slot_of(map, key);
        return slot ? &map->entries[slot - 1] : NULL;
    }
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->entries[i].key, key))
            return &map->entries[i];
    return NULL;
}

void tree_set(struct arena *arena, struct tree *map, struct str key, struct tree *value)
{
    if (map->n >= UNINDEXED)
        index_entries(arena, map);
    struct tree_entry *known = find_entry(map, key);
    if (known) {
        known->value = value;
        return;
    }
    ARENA_GROW(arena, map->entries, map->n, map->cap);
    map->entries[map->n++] = (struct tree_entry){.key = key, .value = value, .comment = STR_EMPTY};
    map->indexed = map->n > UNINDEXED ? map->n : 0;
    if (map->indexed)
        *slot_of(map, key) = (uint32_t)map->n;
}

struct tree *tree_get(const struct tree *map, const char *key)
{
    const struct tree_entry *found = map && map->kind == TREE_MAP ? find_entry(map, str_z(key)) : NULL;
    return found ? found->value : NULL;
}

void tree_drop(struct tree *s, size_t at)
{
    size_t rest = --s->n - at;
    if (s->kind == TREE_MAP)
        memmove(&s->entries[at], &s->entries[at + 1], rest * sizeof *s->entries);
    else
        memmove(&s->items[at], &s->items[at + 1], rest * sizeof *s->items);
}

/* ---- strings ---- */

struct str tree_literal_text(struct arena *arena, const struct tree *s)
{
    return s && s->kind == TREE_LITERAL ? value_scalar_text(arena, s->value) : (struct str){NULL, 0};
}

bool tree_key_is_code(struct str key)
{
    return key.n && key.p[0] == '\003';
}

struct str tree_source_key(struct arena *arena, struct str source)
{
    bool code = str_find_char(source, '$', 0) >= 0;
    return code ? arena_printf(arena, "\003%.*s", STR_ARG(source)) : source;
}

static void add_piece(struct buf *out, const struct tree *piece)
{
    struct str text = piece->kind == TREE_LITERAL ? piece->value->string : STR_EMPTY;
    if (piece->kind == TREE_CODE)
        buf_addf(out, "${%.*s}", STR_ARG(piece->code));
    for (size_t i = 0; i < text.n; i++)
        buf_addf(
            out, "%s%c", text.p[i] == '$' && i + 1 < text.n && text.p[i + 1] == '{' ? "$" : "", text.p[i]);
}

struct str tree_key(struct arena *arena, const struct tree *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!s || (s->kind != TREE_CODE && s->kind != TREE_TEXT))
        return tree_literal_text(arena, s);
    buf_add_char(&out, '\003');
    for (size_t i = 0; s->kind == TREE_TEXT && i < s->n; i++)
        add_piece(&out, s->items[i]);
    if (s->kind == TREE_CODE)
        add_piece(&out, s);
    return arena_str(arena, buf_str(&out));
}

bool tree_is_text(const struct tree *s, const char *text)
{
    return s && s->kind == TREE_LITERAL && s->value->kind == VALUE_STRING && str_eqz(s->value->string, text);
}

/* Before an expression a literal $ becomes an expression too, since $${ is a literal ${. */
static void end_literal(struct arena *arena, struct tree *text)
{
    struct tree *last = text->n ? text->items[text->n - 1] : NULL;
    if (!last || last->kind != TREE_LITERAL || !str_ends(last->value->string, STR("$")))
        return;
    struct str before = str_slice(last->value->string, 0, last->value->string.n - 1);
    text->n--;
    if (before.n)
        tree_add(arena, text, tree_string(arena, before, last->node));
    tree_add(arena, text, tree_code(arena, last->node, "\"$\""));
}

void tree_append(struct arena *arena, struct tree *text, struct tree *piece)
{
    struct tree *last = text->n ? text->items[text->n - 1] : NULL;
    text->sensitive = text->sensitive || piece->sensitive;
    if (piece->kind == TREE_TEXT) {
        for (size_t i = 0; i < piece->n; i++)
            tree_append(arena, text, piece->items[i]);
        return;
    }
    if (piece->kind != TREE_LITERAL) {
        end_literal(arena, text);
        tree_add(arena, text, tree_code(arena, piece->node, "%s", tree_as_code(arena, piece).p));
        return;
    }
    struct str more = value_scalar_text(arena, piece->value);
    if (!more.n)
        return;
    if (last && last->kind == TREE_LITERAL)
        last->value =
            value_string_ref(arena, arena_concat(arena, (struct str[]){last->value->string, more}, 2));
    else
        tree_add(arena, text, tree_string(arena, more, piece->node));
}

struct tree *tree_simple(struct arena *arena, struct tree *text)
{
    if (!text->n)
        return tree_string(arena, STR_EMPTY, text->node);
    if (text->n > 1)
        return text;
    text->items[0]->sensitive = text->items[0]->sensitive || text->sensitive;
    return text->items[0];
}

bool tree_known(struct arena *arena, const struct tree *s, const struct value **v)
{
    if (!s || s->kind == TREE_NOTHING) {
        *v = &value_null;
        return true;
    }
    if (s->kind == TREE_LITERAL) {
        *v = s->value;
        return true;
    }
    if (s->kind != TREE_LIST && s->kind != TREE_MAP)
        return false;
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (size_t i = 0; i < s->n; i++) {
        const struct value *item;
        if (s->kind == TREE_MAP && tree_key_is_code(s->entries[i].key))
            return false;
        if (!tree_known(arena, s->kind == TREE_LIST ? s->items[i] : s->entries[i].value, &item))
            return false;
        if (s->kind == TREE_LIST)
            value_builder_add(&out, item);
        else
            value_builder_set(&out, s->entries[i].key, item);
    }
    *v = s->kind == TREE_LIST ? value_builder_list(&out) : value_builder_map(&out);
    return true;
}

/* ---- conversion to expressions ---- */

/* Appends a string within "…"; the start of an expression is escaped. */
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
        if ((unsigned char)c < 0x20) { /* reference marks consist of these characters */
            buf_addf(out, "\\u%04x", (unsigned)c);
            continue;
        }
        if (c == '$' && i + 1 < text.n && text.p[i + 1] == '{')
            buf_add_char(out, '$');
        buf_add_char(out, c);
    }
}

static void add_code(struct arena *arena, struct buf *out, const struct tree *s);

static void add_text(struct buf *out, const struct tree *s)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < s->n; i++) {
        if (s->items[i]->kind == TREE_LITERAL) {
            add_quoted(out, s->items[i]->value->string);
            continue;
        }
        buf_addf(out, "${%.*s}", STR_ARG(s->items[i]->code));
    }
    buf_add_char(out, '"');
}

static void add_key(struct buf *out, struct str key)
{
    if (str_is_word(key, CHARS_LETTERS "_", CHARS_ALNUM "_")) {
        buf_add_str(out, key);
        return;
    }
    buf_add_char(out, '"');
    if (tree_key_is_code(key))
        buf_add_str(out, str_slice(key, 1, key.n));
    else
        add_quoted(out, key);
    buf_add_char(out, '"');
}

static void add_items(struct arena *arena, struct buf *out, const struct tree *s)
{
    buf_add_char(out, s->kind == TREE_LIST ? '[' : '{');
    for (size_t i = 0; i < s->n; i++) {
        buf_addz(out, i ? ", " : "");
        if (s->kind == TREE_LIST) {
            add_code(arena, out, s->items[i]);
            continue;
        }
        add_key(out, s->entries[i].key);
        buf_addz(out, ": ");
        add_code(arena, out, s->entries[i].value);
    }
    buf_add_char(out, s->kind == TREE_LIST ? ']' : '}');
}

/* ---- values that may be null ---- */

bool tree_may_be_nothing(const struct tree *s)
{
    for (size_t i = 0; s->kind == TREE_CHOICE && i < 2; i++)
        if (s->items[i]->kind == TREE_NOTHING || tree_may_be_nothing(s->items[i]))
            return true;
    return false;
}

bool tree_is_varying(const struct tree *list)
{
    for (size_t i = 0; list->kind == TREE_LIST && i < list->n; i++)
        if (tree_may_be_nothing(list->items[i]))
            return true;
    return false;
}

/* Appends (c ? [a] : []), or with a key (c ? {k: a} : {}). */
static void add_perhaps(struct arena *arena, struct buf *out, const struct tree *s, struct str key)
{
    if (s->kind == TREE_CHOICE) {
        buf_addf(out, "(%.*s ? ", STR_ARG(s->code));
        add_perhaps(arena, out, s->items[0], key);
        buf_addz(out, " : ");
        add_perhaps(arena, out, s->items[1], key);
        buf_addz(out, ")");
        return;
    }
    buf_add_char(out, key.p ? '{' : '[');
    if (key.p && s->kind != TREE_NOTHING) {
        add_key(out, key);
        buf_addz(out, ": ");
    }
    if (s->kind != TREE_NOTHING)
        add_code(arena, out, s);
    buf_add_char(out, key.p ? '}' : ']');
}

/* Appends concat([a, b], (c ? [d] : []), [e]). */
static void add_varying(struct arena *arena, struct buf *out, const struct tree *list)
{
    bool open = false;
    buf_addz(out, "concat(");
    for (size_t i = 0; i < list->n; i++) {
        bool perhaps = tree_may_be_nothing(list->items[i]);
        buf_addf(out, "%s%s%s", open && perhaps ? "]" : "", i ? ", " : "", !open && !perhaps ? "[" : "");
        open = !perhaps;
        if (perhaps)
            add_perhaps(arena, out, list->items[i], (struct str){NULL, 0});
        else
            add_code(arena, out, list->items[i]);
    }
    buf_addz(out, open ? "])" : ")");
}

/* Returns merge({a: 1}, (c ? {b: 2} : {})). */
static struct tree *tree_merged(struct arena *arena, const struct tree *map)
{
    struct tree *sure = tree_new(arena, TREE_MAP, map->node);
    AUTO_BUF struct buf rest = BUF_INIT;
    for (size_t i = 0; i < map->n; i++) {
        const struct tree_entry *e = &map->entries[i];
        if (!tree_may_be_nothing(e->value)) {
            tree_set(arena, sure, e->key, e->value);
            continue;
        }
        buf_addz(&rest, ", ");
        add_perhaps(arena, &rest, e->value, e->key);
    }
    return tree_code(arena, map->node, "merge(%s%.*s)", tree_as_code(arena, sure).p, (int)rest.n, rest.p);
}

struct tree *tree_document(struct arena *arena, struct tree *s)
{
    bool perhaps = false;
    for (size_t i = 0; i < s->n && s->kind != TREE_TEXT; i++) {
        struct tree **child = s->kind == TREE_MAP ? &s->entries[i].value : &s->items[i];
        *child = tree_document(arena, *child);
        perhaps = perhaps || tree_may_be_nothing(*child);
    }
    return s->kind == TREE_MAP && perhaps ? tree_merged(arena, s) : s;
}

static void add_code(struct arena *arena, struct buf *out, const struct tree *s)
{
    if (tree_is_varying(s)) {
        add_varying(arena, out, s);
        return;
    }
    switch (s->kind) {
    case TREE_NOTHING: buf_addz(out, "null"); break;
    case TREE_LITERAL:
        if (s->value->kind == VALUE_STRING) {
            buf_add_char(out, '"');
            add_quoted(out, s->value->string);
            buf_add_char(out, '"');
        } else {
            json_write(out, s->value, JSON_PLAIN);
        }
        break;
    case TREE_CODE: buf_add_str(out, s->code); break;
    case TREE_TEXT: add_text(out, s); break;
    case TREE_CHOICE:
        buf_addf(out, "(%.*s ? ", STR_ARG(s->code));
        add_code(arena, out, s->items[0]);
        buf_addz(out, " : ");
        add_code(arena, out, s->items[1]);
        buf_addz(out, ")");
        break;
    case TREE_LIST:
    case TREE_MAP: add_items(arena, out, s); break;
    }
}

struct str tree_as_code(struct arena *arena, const struct tree *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    add_code(arena, &out, s);
    return arena_str(arena, buf_str(&out));
}
