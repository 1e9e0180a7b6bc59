/* Values as people read them, cut to the width, with what is secret hidden. */
#include "cmd/output/render.h"

#include "base/json.h"
#include "base/str.h"
#include "cmd/terminal/term.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    TEXT_MAX = 2000,    /* characters shown of a text without line ends */
    LINES_MAX = 40,     /* lines shown of a text with them */
    KEY_WIDTH_MAX = 32, /* longer names do not push the others' values to the right */
    STEP = 4,           /* columns from a block's sign to the signs inside */
};

struct look look_item(struct look look)
{
    const struct type *t = look.type;
    bool policy = look.policy || (t && t->kind == TYPE_POLICY);
    return (struct look){.type = t ? t->elem : NULL, .policy = policy, .hidden = look.hidden};
}

struct look look_entry(struct look look, struct str key)
{
    struct look child = look_item(look);
    const struct attr *field =
        look.type && look.type->kind == TYPE_OBJECT ? type_field(look.type, key) : NULL;
    if (field) {
        child.type = field->type;
        child.hidden |= field->sensitive;
    }
    return child;
}

bool look_hides(struct look look, const struct value *v)
{
    return look.hidden || (v && (v->marks & VALUE_SENSITIVE));
}

struct pen pen_new(
    const struct render_options *options, const char *suffix, struct arena *arena, struct buf *out)
{
    return (struct pen){.out = out,
        .color = options->color,
        .everything = options->everything,
        .marked = options->marked,
        .suffix = suffix,
        .arena = arena};
}

/* ---- lines ---- */

void pen_newline(struct pen *pen)
{
    if (pen->suffix) {
        buf_addz(pen->out, "  ");
        style_add(pen->out, pen->color, STYLE_RED, pen->suffix);
        pen->suffix = NULL;
    }
    buf_add_char(pen->out, '\n');
}

void pen_blanks(struct pen *pen, int n)
{
    static const char room[] = "                                                                ";
    for (; n > 0; n -= (int)sizeof room - 1)
        buf_add(pen->out, room, (size_t)(n < (int)sizeof room - 1 ? n : (int)sizeof room - 1));
}

void pen_sign(struct pen *pen, int indent, char c)
{
    char text[2] = {c, 0};
    pen_blanks(pen, indent);
    if (pen->marked && c != ' ')
        buf_add_char(pen->out, RENDER_MARK);
    style_add(pen->out, pen->color,
        c == '+'   ? STYLE_GREEN
        : c == '-' ? STYLE_RED
        : c == '~' ? STYLE_YELLOW
                   : STYLE_PLAIN,
        text);
    buf_add_char(pen->out, ' ');
}

static bool is_plain_key(struct str key)
{
    return str_is_made_of(key, CHARS_ALNUM "_-./:@");
}

static int key_width(struct str key)
{
    return (int)cells_width(key) + (is_plain_key(key) ? 0 : 2);
}

/* "name:   ", so that what follows lines up; width 0: nothing to line up with. */
void pen_name(struct pen *pen, struct str name, int width)
{
    bool plain = is_plain_key(name);
    if (plain)
        buf_add_str(pen->out, name);
    else
        text_add_quoted(pen->out, name);
    buf_addz(pen->out, ": ");
    if (width)
        pen_blanks(pen, width - (int)cells_width(name) - (plain ? 0 : 2));
}

/* ---- values ---- */

void pen_note(struct pen *pen, const char *text)
{
    style_add(pen->out, pen->color, STYLE_DIM, text);
}

static void pen_string(struct pen *pen, struct str text)
{
    size_t n = pen->everything || text.n <= TEXT_MAX ? text.n : str_utf8_prefix(str_slice(text, 0, TEXT_MAX));
    text_add_quoted(pen->out, str_slice(text, 0, n));
    if (n < text.n)
        buf_addf(pen->out, " (and %zu more bytes)", text.n - n);
}

static void add_scalar(struct pen *pen, const struct value *v)
{
    char number[32];
    switch ((enum value_kind)v->kind) {
    case VALUE_NULL: buf_addz(pen->out, "null"); break;
    case VALUE_BOOL: buf_addz(pen->out, v->boolean ? "true" : "false"); break;
    case VALUE_INT: buf_addf(pen->out, "%" PRId64, v->integer); break;
    case VALUE_FLOAT:
        snprintf(number, sizeof number, "%.15g", v->number);
        if (strtod(number, NULL) != v->number)
            snprintf(number, sizeof number, "%.17g", v->number);
        buf_addz(pen->out, number);
        break;
    case VALUE_STRING: pen_string(pen, v->string); break;
    case VALUE_UNKNOWN: pen_note(pen, "(known after apply)"); break;
    case VALUE_LIST:
    case VALUE_MAP: break;
    }
}

bool look_is_block(const struct value *v)
{
    return v && (v->kind == VALUE_LIST || v->kind == VALUE_MAP);
}

void pen_inline(struct pen *pen, struct look look, const struct value *v)
{
    if (look_hides(look, v)) {
        pen_note(pen, "(sensitive)");
        return;
    }
    if (!v)
        v = &value_null;
    if (!look_is_block(v)) {
        add_scalar(pen, v);
        return;
    }
    bool map = v->kind == VALUE_MAP;
    buf_add_char(pen->out, map ? '{' : '[');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            buf_addz(pen->out, ", ");
        if (map)
            pen_name(pen, v->entries[i].key, 0);
        struct look child = map ? look_entry(look, v->entries[i].key) : look_item(look);
        pen_inline(pen, child, map ? v->entries[i].value : v->items[i]);
    }
    buf_add_char(pen->out, map ? '}' : ']');
}

bool look_has_lines(struct str text)
{
    return str_find_char(text, '\n', 0) >= 0;
}

/* Columns that it takes on one line, or something larger than INLINE_MAX. */
size_t look_inline_width(const struct value *v)
{
    size_t width = 2;
    if (!v)
        return 4;
    switch ((enum value_kind)v->kind) {
    case VALUE_STRING: return look_has_lines(v->string) ? INLINE_MAX + 1 : v->string.n + 2;
    case VALUE_UNKNOWN: return 19;
    case VALUE_LIST:
        for (uint32_t i = 0; i < v->count && width <= INLINE_MAX; i++)
            width += look_inline_width(v->items[i]) + 2;
        return width;
    case VALUE_MAP:
        for (uint32_t i = 0; i < v->count && width <= INLINE_MAX; i++)
            width += v->entries[i].key.n + 2 + look_inline_width(v->entries[i].value) + 2;
        return width;
    default: return 8;
    }
}

/* The lists and maps that a text of JSON stands for, or NULL. */
const struct value *pen_json(struct pen *pen, const struct value *v)
{
    const struct value *parsed = NULL;
    if (!v || v->kind != VALUE_STRING || v->string.n < 2 || (v->string.p[0] != '{' && v->string.p[0] != '['))
        return NULL;
    return json_parse(pen->arena, v->string, &parsed, NULL) == 0 && look_is_block(parsed) ? parsed : NULL;
}

static void text_lines(struct pen *pen, int column, struct str text)
{
    size_t shown = 0, left = 0;
    struct str rest = text;
    buf_add_char(pen->out, '|');
    pen_newline(pen);
    while (rest.n) {
        struct str line = str_cut(rest, '\n', &rest);
        if (!pen->everything && shown == LINES_MAX) {
            left++;
            continue;
        }
        shown++;
        pen_blanks(pen, line.n ? column + STEP : 0);
        text_add_safe(pen->out, line, false);
        pen_newline(pen);
    }
    if (left) {
        pen_blanks(pen, column + STEP);
        style_on(pen->out, pen->color, STYLE_DIM);
        buf_addf(pen->out, "# %zu more lines", left);
        style_off(pen->out, pen->color, STYLE_DIM);
        pen_newline(pen);
    }
}

int pen_widest_key(const struct value *map)
{
    int width = 0;
    for (uint32_t i = 0; map && map->kind == VALUE_MAP && i < map->count; i++) {
        int n = key_width(map->entries[i].key);
        width = n > width ? n : width;
    }
    return width > KEY_WIDTH_MAX ? KEY_WIDTH_MAX : width;
}

/* The rest of a line and, where it does not fit there, a block that closes in `column`. */
void pen_block(struct pen *pen, struct look look, const struct value *v, int column)
{
    const struct value *json;
    bool hidden = look_hides(look, v);
    if (!hidden && v && v->kind == VALUE_STRING && look_inline_width(v) > INLINE_MAX &&
        (json = pen_json(pen, v))) {
        pen_note(pen, "JSON ");
        v = json;
    }
    if (!hidden && v && v->kind == VALUE_STRING && look_has_lines(v->string)) {
        text_lines(pen, column, v->string);
        return;
    }
    if (hidden || !look_is_block(v) || look_inline_width(v) <= INLINE_MAX) {
        pen_inline(pen, look, v);
        pen_newline(pen);
        return;
    }
    bool map = v->kind == VALUE_MAP;
    int width = pen_widest_key(v);
    buf_add_char(pen->out, map ? '{' : '[');
    pen_newline(pen);
    uint32_t shown = map && !pen->everything && v->count > ENTRIES_MAX ? ENTRIES_MAX : v->count;
    for (uint32_t i = 0; i < shown; i++) {
        pen_blanks(pen, column + STEP);
        if (map)
            pen_name(pen, v->entries[i].key, width);
        struct look child = map ? look_entry(look, v->entries[i].key) : look_item(look);
        pen_block(pen, child, map ? v->entries[i].value : v->items[i], column + STEP);
    }
    if (shown < v->count) {
        pen_blanks(pen, column + STEP);
        style_on(pen->out, pen->color, STYLE_DIM);
        buf_addf(pen->out, "# %u more", v->count - shown);
        style_off(pen->out, pen->color, STYLE_DIM);
        pen_newline(pen);
    }
    pen_blanks(pen, column);
    buf_add_char(pen->out, map ? '}' : ']');
    pen_newline(pen);
}

void render_value(const struct value *v, int indent, const struct render_options *options, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct pen pen = pen_new(options, NULL, &arena, out);
    pen_block(&pen, (struct look){0}, v, indent);
}

void render_outputs(const struct value *outputs, const struct render_options *options, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct pen pen = pen_new(options, NULL, &arena, out);
    int width = pen_widest_key(outputs);
    for (uint32_t i = 0; outputs && i < outputs->count; i++) {
        pen_name(&pen, outputs->entries[i].key, width);
        pen_block(&pen, (struct look){0}, outputs->entries[i].value, 0);
    }
}
