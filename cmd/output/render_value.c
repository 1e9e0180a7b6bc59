/* Renders values, on one line or shortened to the width, with secrets hidden. */
#include "base/json.h"
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    TEXT_MAX = 2000,    /* characters shown of a string without newlines */
    LINES_MAX = 40,     /* lines shown of a string with newlines */
    KEY_WIDTH_MAX = 32, /* longer names do not affect the alignment of values */
    STEP = 4,           /* columns from a block's sign to the signs inside */
};

struct value_display display_item(struct value_display display)
{
    const struct type *t = display.type;
    bool policy = display.policy || (t && t->kind == TYPE_POLICY);
    return (struct value_display){.type = t ? t->elem : NULL, .policy = policy, .hidden = display.hidden};
}

struct value_display display_entry(struct value_display display, struct str key)
{
    struct value_display child = display_item(display);
    const struct attr *field =
        display.type && display.type->kind == TYPE_OBJECT ? type_field(display.type, key) : NULL;
    if (field) {
        child.type = field->type;
        child.hidden |= field->sensitive;
    }
    return child;
}

bool display_hides(struct value_display display, const struct value *v)
{
    return display.hidden || (v && (v->marks & VALUE_SENSITIVE));
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

/* Writes "name: ", padded for alignment; width 0: no alignment. */
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

bool display_is_block(const struct value *v)
{
    return v && (v->kind == VALUE_LIST || v->kind == VALUE_MAP);
}

void pen_inline(struct pen *pen, struct value_display display, const struct value *v)
{
    if (display_hides(display, v)) {
        pen_note(pen, "(sensitive)");
        return;
    }
    if (!v)
        v = &value_null;
    if (!display_is_block(v)) {
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
        struct value_display child = map ? display_entry(display, v->entries[i].key) : display_item(display);
        pen_inline(pen, child, map ? v->entries[i].value : v->items[i]);
    }
    buf_add_char(pen->out, map ? '}' : ']');
}

bool display_has_lines(struct str text)
{
    return str_find_char(text, '\n', 0) >= 0;
}

/* Returns the width on one line, or a value above INLINE_MAX. */
size_t display_inline_width(const struct value *v)
{
    size_t width = 2;
    if (!v)
        return 4;
    switch ((enum value_kind)v->kind) {
    case VALUE_STRING: return display_has_lines(v->string) ? INLINE_MAX + 1 : v->string.n + 2;
    case VALUE_UNKNOWN: return 19;
    case VALUE_LIST:
        for (uint32_t i = 0; i < v->count && width <= INLINE_MAX; i++)
            width += display_inline_width(v->items[i]) + 2;
        return width;
    case VALUE_MAP:
        for (uint32_t i = 0; i < v->count && width <= INLINE_MAX; i++)
            width += v->entries[i].key.n + 2 + display_inline_width(v->entries[i].value) + 2;
        return width;
    default: return 8;
    }
}

/* Returns the list or map in a JSON string, or NULL. */
const struct value *pen_json(struct pen *pen, const struct value *v)
{
    const struct value *parsed = NULL;
    if (!v || v->kind != VALUE_STRING || v->string.n < 2 || (v->string.p[0] != '{' && v->string.p[0] != '['))
        return NULL;
    return json_parse(pen->arena, v->string, &parsed, NULL) == 0 && display_is_block(parsed) ? parsed : NULL;
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
        style_addf(pen->out, pen->color, STYLE_DIM, "# %zu more lines", left);
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

/* Writes the value on the rest of the line or, if it does not fit, as a block that closes in `column`. */
void pen_block(struct pen *pen, struct value_display display, const struct value *v, int column)
{
    const struct value *json;
    bool hidden = display_hides(display, v);
    if (!hidden && v && v->kind == VALUE_STRING && display_inline_width(v) > INLINE_MAX &&
        (json = pen_json(pen, v))) {
        pen_note(pen, "JSON ");
        v = json;
    }
    if (!hidden && v && v->kind == VALUE_STRING && display_has_lines(v->string)) {
        text_lines(pen, column, v->string);
        return;
    }
    if (hidden || !display_is_block(v) || display_inline_width(v) <= INLINE_MAX) {
        pen_inline(pen, display, v);
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
        struct value_display child = map ? display_entry(display, v->entries[i].key) : display_item(display);
        pen_block(pen, child, map ? v->entries[i].value : v->items[i], column + STEP);
    }
    if (shown < v->count) {
        pen_blanks(pen, column + STEP);
        style_addf(pen->out, pen->color, STYLE_DIM, "# %u more", v->count - shown);
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
    pen_block(&pen, (struct value_display){0}, v, indent);
}

void render_outputs(const struct value *outputs, const struct render_options *options, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct pen pen = pen_new(options, NULL, &arena, out);
    int width = pen_widest_key(outputs);
    for (uint32_t i = 0; outputs && i < outputs->count; i++) {
        pen_name(&pen, outputs->entries[i].key, width);
        pen_block(&pen, (struct value_display){0}, outputs->entries[i].value, 0);
    }
}

/* ---- values on one line, shortened and with their size; policies as what they allow ---- */

enum {
    BRIEF_MAX = 72, /* columns of a value */
    ITEMS_SHOWN = 3 /* actions, resources or principals shown of a policy statement */
};

/* ---- policies ---- */

/* Writes one string, or the first few of a list. */
static void add_some(struct buf *out, const struct value *v)
{
    uint32_t n = v->kind == VALUE_LIST ? v->count : 1;
    for (uint32_t i = 0; i < n && i < ITEMS_SHOWN; i++) {
        struct str text = value_text(v->kind == VALUE_LIST ? v->items[i] : v, STR("(known after apply)"));
        text_addf(out, "%s%.*s", i ? ", " : " ", STR_ARG(text));
    }
    if (n > ITEMS_SHOWN)
        buf_addf(out, " and %u more", n - ITEMS_SHOWN);
}

/* Writes the principals of each type, such as Service. */
static void add_principals(struct buf *out, const struct value *principal)
{
    for (uint32_t i = 0; principal && principal->kind == VALUE_MAP && i < principal->count; i++) {
        buf_addz(out, i ? "," : " for");
        add_some(out, principal->entries[i].value);
    }
}

static void add_statement(struct buf *out, const struct value *statement)
{
    const struct value *actions = value_getz(statement, "Action"),
                       *others = value_getz(statement, "NotAction");
    text_add_safe(out, value_text(value_getz(statement, "Effect"), STR("Allow")), false);
    if (!actions && others)
        buf_addz(out, " all but");
    if (actions || others)
        add_some(out, actions ? actions : others);
    const struct value *resource = value_getz(statement, "Resource"),
                       *principal = value_getz(statement, "Principal"),
                       *condition = value_getz(statement, "Condition");
    if (resource) {
        buf_addz(out, " on");
        add_some(out, resource);
    }
    if (str_eqz(value_text(principal, STR_EMPTY), "*") || str_eqz(value_gets(principal, "AWS"), "*"))
        buf_addz(out, " for anybody");
    else
        add_principals(out, principal);
    if (condition && condition->kind == VALUE_MAP && condition->count)
        buf_addz(out, " under conditions");
}

/* Writes "Allow s3:GetObject, s3:PutObject; Deny s3:*". Returns false if the value is not a policy. */
static bool add_policy(struct buf *out, const struct value *policy)
{
    const struct value *statements = policy->kind == VALUE_MAP ? value_getz(policy, "Statement") : NULL;
    if (!statements || !display_is_block(statements))
        return false;
    uint32_t n = statements->kind == VALUE_LIST ? statements->count : 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct value *one = statements->kind == VALUE_LIST ? statements->items[i] : statements;
        if (one->kind != VALUE_MAP)
            return false;
        buf_addz(out, i ? "; " : "");
        add_statement(out, one);
    }
    return n > 0;
}

/* Writes a map of policies by name, as a role has them. */
static bool add_policies(struct pen *pen, struct buf *out, const struct value *map)
{
    buf_add_char(out, '{');
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *v = map->entries[i].value, *json = pen_json(pen, v);
        text_addf(out, "%s%.*s: ", i ? ", " : "", STR_ARG(map->entries[i].key));
        if ((v->marks & VALUE_SENSITIVE) || !add_policy(out, json ? json : v))
            return false;
    }
    buf_add_char(out, '}');
    return true;
}

/* ---- sizes ---- */

static void add_size(struct buf *out, const struct value *v)
{
    size_t lines = 0;
    switch ((enum value_kind)v->kind) {
    case VALUE_LIST: buf_addf(out, " (%u item%s)", v->count, v->count == 1 ? "" : "s"); return;
    case VALUE_MAP: buf_addf(out, " (%u entr%s)", v->count, v->count == 1 ? "y" : "ies"); return;
    case VALUE_STRING:
        for (size_t i = 0; i < v->string.n; i++)
            lines += v->string.p[i] == '\n' || i + 1 == v->string.n;
        buf_addz(out, " (");
        if (lines > 1)
            buf_addf(out, "%zu lines, ", lines);
        text_add_bytes(out, (int64_t)v->string.n);
        buf_add_char(out, ')');
        return;
    default: return;
    }
}

static void add_cut(struct pen *pen, const struct value *v, struct str text)
{
    size_t n = cells_prefix(text, BRIEF_MAX);
    buf_add(pen->out, text.p, n);
    if (n == text.n)
        return;
    buf_addz(pen->out, text.p[0] == '"' ? "...\"" : "...");
    style_on(pen->out, pen->color, STYLE_DIM);
    add_size(pen->out, v);
    style_off(pen->out, pen->color, STYLE_DIM);
}

/* Writes the first line that is not empty of a string of several lines. */
static void add_first_line(struct pen *pen, const struct value *v)
{
    struct str rest = v->string, line = STR_EMPTY;
    while (rest.n && !str_trim(line).n)
        line = str_cut(rest, '\n', &rest);
    AUTO_BUF struct buf text = BUF_INIT;
    text_add_quoted(&text, line);
    struct str quoted = buf_str(&text);
    if (quoted.n)
        quoted.n--; /* without the closing quote, since the string continues */
    size_t n = cells_prefix(quoted, BRIEF_MAX);
    buf_add(pen->out, quoted.p, n);
    buf_addz(pen->out, "...\"");
    style_on(pen->out, pen->color, STYLE_DIM);
    add_size(pen->out, v);
    style_off(pen->out, pen->color, STYLE_DIM);
}

void pen_brief(struct pen *pen, struct value_display display, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    bool hidden = display_hides(display, v);
    const struct value *json = hidden ? NULL : pen_json(pen, v), *policy = json ? json : v;
    bool is_policy = display.type && display.type->kind == TYPE_POLICY;
    bool are_policies = display.type && display.type->kind == TYPE_MAP && display.type->elem &&
                        display.type->elem->kind == TYPE_POLICY;
    AUTO_BUF struct buf several = BUF_INIT;
    if (!hidden && is_policy && v && display_is_block(policy) && add_policy(&text, policy)) {
        add_cut(pen, policy, buf_str(&text));
    } else if (!hidden && are_policies && v && v->kind == VALUE_MAP && add_policies(pen, &several, v)) {
        add_cut(pen, v, buf_str(&several));
    } else if (!hidden && v && v->kind == VALUE_STRING && display_has_lines(v->string)) {
        add_first_line(pen, v);
    } else {
        struct pen plain = *pen; /* without colour, since the text is cut */
        plain.color = false;
        plain.suffix = NULL;
        plain.out = &text;
        pen_inline(&plain, display, v);
        if (v && v->kind != VALUE_UNKNOWN && !hidden)
            add_cut(pen, v, buf_str(&text));
        else
            pen_inline(pen, display, v);
    }
    pen_newline(pen);
}
