/* Finds the structure of a YAML text without a parser: see outline.h. */
#include "cmd/lsp/outline.h"

#include <ctype.h>

enum { FLOW_DEPTH_MAX = 64 };

struct scan {
    struct arena *arena;
    struct outline *outline;
    struct str text;
    size_t at;
    int last;             /* the last entry that is not within brackets */
    uint32_t flow_column; /* column of the entry that contains the outermost bracket */
};

static bool at_blank(const struct scan *s, size_t at)
{
    return at < s->text.n && (s->text.p[at] == ' ' || s->text.p[at] == '\t');
}

static bool at_line_end(const struct scan *s, size_t at)
{
    return at >= s->text.n || s->text.p[at] == '\n' || s->text.p[at] == '\r';
}

/* Returns whether a colon or dash before `at` is an indicator: a blank, the line end or the text's end
 * follows. */
static bool at_gap(const struct scan *s, size_t at)
{
    return at_line_end(s, at) || at_blank(s, at);
}

static size_t skip_blanks(const struct scan *s, size_t at)
{
    while (at_blank(s, at))
        at++;
    return at;
}

static size_t scan_line_end(const struct scan *s, size_t at)
{
    while (!at_line_end(s, at))
        at++;
    return at;
}

static size_t next_line(const struct scan *s, size_t at)
{
    at = scan_line_end(s, at);
    if (at < s->text.n && s->text.p[at] == '\r')
        at++;
    if (at < s->text.n && s->text.p[at] == '\n')
        at++;
    return at;
}

static size_t trim_end(const struct scan *s, size_t from, size_t to)
{
    while (to > from && isspace((unsigned char)s->text.p[to - 1]))
        to--;
    return to;
}

static int add_entry(struct scan *s, struct entry entry)
{
    struct outline *o = s->outline;
    ARENA_GROW(s->arena, o->items, o->n, o->cap);
    o->items[o->n] = entry;
    if (!entry.flow)
        s->last = o->n;
    return o->n++;
}

/* Returns the parent for an entry in this column. A list item may begin in the column of its list's key. */
static int climb(const struct outline *o, int from, uint32_t column, bool item)
{
    while (from != OUTLINE_NONE && !(o->items[from].column < column ||
                                       (item && !o->items[from].item && o->items[from].column == column)))
        from = o->items[from].parent;
    return from;
}

/* ---- scalars ---- */

/* Returns the offset after the closing quote, or the end of the first line if the quote is not closed. */
static size_t quoted_end(const struct scan *s, size_t at, long column)
{
    char quote = s->text.p[at];
    size_t first_line = scan_line_end(s, at);
    for (size_t i = at + 1; i < s->text.n; i++) {
        char c = s->text.p[i];
        if (c == '\\' && quote == '"') {
            i++;
        } else if (c == quote) {
            if (quote == '\'' && i + 1 < s->text.n && s->text.p[i + 1] == '\'')
                i++;
            else
                return i + 1;
        } else if (c == '\n') {
            size_t text = skip_blanks(s, i + 1);
            if (!at_line_end(s, text) && (long)(text - i - 1) <= column)
                break;
        }
    }
    return first_line;
}

/* Returns the offset after the } of a ${ on this line. */
static size_t expression_end(const struct scan *s, size_t at)
{
    int depth = 0;
    for (; !at_line_end(s, at); at++) {
        depth += s->text.p[at] == '{';
        if (s->text.p[at] == '}' && --depth == 0)
            return at + 1;
    }
    return at;
}

static bool at_expression(const struct scan *s, size_t at)
{
    return at + 1 < s->text.n && s->text.p[at] == '$' && s->text.p[at + 1] == '{';
}

/* Returns the end of a plain scalar on one line: a comment or, with `stops`, one of these characters ends
 * it. */
static size_t plain_end(const struct scan *s, size_t at, const char *stops)
{
    size_t from = at;
    while (!at_line_end(s, at) && !(s->text.p[at] == '#' && (at == from || at_blank(s, at - 1)))) {
        if (*stops && at_expression(s, at)) {
            at = expression_end(s, at);
            continue;
        }
        if (*stops && (char_in(stops, s->text.p[at]) || (s->text.p[at] == ':' && at_gap(s, at + 1))))
            break;
        at++;
    }
    return trim_end(s, from, at);
}

/* Returns the end of the indented lines after | or >. */
static size_t literal_end(const struct scan *s, size_t at, uint32_t column)
{
    size_t end = scan_line_end(s, at);
    for (size_t line = next_line(s, at); line < s->text.n; line = next_line(s, line)) {
        size_t text = skip_blanks(s, line);
        if (at_line_end(s, text))
            continue;
        if (text - line <= column)
            break;
        end = scan_line_end(s, text);
    }
    return end;
}

/* Skips &anchor and !tag before a value. */
static size_t skip_properties(const struct scan *s, size_t at)
{
    at = skip_blanks(s, at);
    while (at < s->text.n && (s->text.p[at] == '&' || s->text.p[at] == '!')) {
        while (!at_gap(s, at))
            at++;
        at = skip_blanks(s, at);
    }
    return at;
}

/* ---- { } and [ ] ---- */

static bool read_flow(struct scan *s, int owner, int depth);

/* Moves to the next item within brackets. Returns false if the next line does not belong to them, since they
 * were not closed. */
static bool flow_gap(struct scan *s)
{
    for (;;) {
        s->at = skip_blanks(s, s->at);
        if (s->at >= s->text.n)
            return false;
        if (s->text.p[s->at] == '#' && s->at && isspace((unsigned char)s->text.p[s->at - 1]))
            s->at = scan_line_end(s, s->at);
        if (!at_line_end(s, s->at))
            return true;
        size_t line = next_line(s, s->at), text = skip_blanks(s, line);
        bool closes = text < s->text.n && char_in("}]", s->text.p[text]);
        if (!at_line_end(s, text) && text - line <= s->flow_column && !closes)
            return false;
        s->at = line;
    }
}

/* Returns the end of the key at s->at; *next is where its colon would be. */
static size_t flow_key_end(const struct scan *s, size_t *next)
{
    char c = s->text.p[s->at];
    size_t end = c == '"' || c == '\'' ? quoted_end(s, s->at, s->flow_column) : plain_end(s, s->at, ",{}[]");
    *next = skip_blanks(s, end);
    return end;
}

static bool read_flow_value(struct scan *s, int entry, int depth)
{
    s->at = skip_properties(s, s->at);
    if (!flow_gap(s))
        return false;
    struct entry *e = &s->outline->items[entry];
    e->value_at = e->value_end = s->at;
    char c = s->text.p[s->at];
    if (c == '{' || c == '[')
        return read_flow(s, entry, depth + 1);
    if (char_in(",}]", c))
        return true;
    s->at = c == '"' || c == '\'' ? quoted_end(s, s->at, s->flow_column) : plain_end(s, s->at, ",[]{}");
    if (s->at == e->value_at) /* a colon without a key */
        s->at++;
    e->value_end = s->at;
    return true;
}

static struct str outline_unquoted(struct str raw)
{
    bool quoted = raw.n && (raw.p[0] == '"' || raw.p[0] == '\'');
    if (!quoted)
        return raw;
    bool closed = raw.n > 1 && raw.p[raw.n - 1] == raw.p[0];
    return str_slice(raw, 1, raw.n - closed);
}

static bool read_flow_entry(struct scan *s, int owner, int depth)
{
    struct entry e = {.parent = owner, .flow = true, .key = STR_EMPTY};
    e.column = s->outline->items[owner].column;
    e.item = s->outline->items[owner].opens == '[';
    e.key_at = e.key_end = e.value_at = e.value_end = s->at;
    if (e.item)
        return read_flow_value(s, add_entry(s, e), depth);
    size_t next;
    e.key_end = flow_key_end(s, &next);
    if (e.key_end == e.key_at) /* no key can begin like this */
        e.key_end = next = e.key_at + 1;
    e.key = outline_unquoted(str_slice(s->text, e.key_at, e.key_end));
    e.value_at = e.value_end = s->at = next;
    e.bare = next >= s->text.n || s->text.p[next] != ':';
    int entry = add_entry(s, e);
    if (e.bare)
        return true;
    s->at = next + 1;
    s->outline->items[entry].value_at = s->outline->items[entry].value_end = s->at;
    return read_flow_value(s, entry, depth);
}

/* Returns false if the closing bracket is missing or is another one. */
static bool read_flow(struct scan *s, int owner, int depth)
{
    char open = s->text.p[s->at], close = open == '{' ? '}' : ']';
    s->outline->items[owner].opens = open;
    s->outline->items[owner].value_at = s->at++;
    bool good = depth < FLOW_DEPTH_MAX;
    while (good && (good = flow_gap(s))) {
        char c = s->text.p[s->at];
        if (c == '}' || c == ']') {
            good = c == close;
            s->at += good;
            break;
        }
        if (c == ',')
            s->at++;
        else
            good = read_flow_entry(s, owner, depth);
    }
    s->outline->items[owner].value_end = s->at;
    return good;
}

/* ---- lines ---- */

static void read_value(struct scan *s, int entry, size_t at)
{
    struct entry *e = &s->outline->items[entry];
    s->at = e->value_at = e->value_end = at = skip_properties(s, at);
    if (at_line_end(s, at) || s->text.p[at] == '#')
        return;
    switch (s->text.p[at]) {
    case '{':
    case '[':
        s->flow_column = e->column;
        read_flow(s, entry, 0);
        return;
    case '|':
    case '>': s->at = literal_end(s, at, e->column); break;
    case '"':
    case '\'': s->at = quoted_end(s, at, e->column); break;
    default: s->at = plain_end(s, at, "");
    }
    e->value_end = s->at;
}

/* Returns whether there is a `key:` at this offset. *end is the end of the key, *after the offset after the
 * colon. */
static bool find_key(const struct scan *s, size_t at, size_t *end, size_t *after)
{
    char c = s->text.p[at];
    if (c == '"' || c == '\'') {
        *end = quoted_end(s, at, 1L << 30);
        *after = skip_blanks(s, *end);
        bool colon = *after < s->text.n && s->text.p[*after] == ':' && at_gap(s, *after + 1);
        return colon && ++*after;
    }
    if (char_in("{[|>&*!%@`,#", c))
        return false;
    for (*end = at; !at_line_end(s, *end); ++*end) {
        if (s->text.p[*end] == ':' && at_gap(s, *end + 1)) {
            *after = *end + 1;
            *end = trim_end(s, at, *end);
            return true;
        }
        if (s->text.p[*end] == '#' && at_blank(s, *end - 1))
            return false;
    }
    return false;
}

/* Reads text that is not a key: a continuation of the value above, the value of the key above, or a word that
 * may become a key. */
static void read_rest(struct scan *s, size_t line, size_t at)
{
    uint32_t column = (uint32_t)(at - line);
    int parent = climb(s->outline, s->last, column, false);
    struct entry *above = parent == OUTLINE_NONE ? NULL : &s->outline->items[parent];
    size_t end = plain_end(s, at, "");
    s->at = end;
    if (above && above->value_end > above->value_at) {
        if (!above->opens && s->last == parent)
            above->value_end = end;
    } else if (str_is_made_of(str_slice(s->text, at, end), CHARS_ALNUM "_-.:")) {
        struct entry e = {
            .parent = parent, .key = str_slice(s->text, at, end), .column = column, .bare = true};
        e.key_at = at;
        e.key_end = e.value_at = e.value_end = end;
        add_entry(s, e);
    } else if (above && s->last == parent) {
        read_value(s, parent, at);
    }
}

static void read_line(struct scan *s)
{
    size_t line = s->at, at = skip_blanks(s, line), end, after;
    int item = OUTLINE_NONE;
    struct str rest = str_slice(s->text, at, s->text.n);
    s->at = at;
    if (at_line_end(s, at) || s->text.p[at] == '#')
        return;
    if (at == line && (str_starts(rest, STR("---")) || str_starts(rest, STR("..."))))
        return;
    while (at < s->text.n && s->text.p[at] == '-' && at_gap(s, at + 1)) {
        uint32_t column = (uint32_t)(at - line);
        struct entry e = {.parent = climb(s->outline, s->last, column, true),
            .key = STR_EMPTY,
            .item = true,
            .column = column,
            .key_at = at,
            .key_end = at};
        at = skip_blanks(s, at + 1);
        e.value_at = e.value_end = at;
        item = add_entry(s, e);
    }
    s->at = at;
    if (at_line_end(s, at) || s->text.p[at] == '#')
        return;
    if (find_key(s, at, &end, &after)) {
        struct entry e = {.column = (uint32_t)(at - line), .key_at = at, .key_end = end};
        e.parent = climb(s->outline, s->last, e.column, false);
        e.key = outline_unquoted(str_slice(s->text, at, end));
        read_value(s, add_entry(s, e), after);
    } else if (item != OUTLINE_NONE) {
        read_value(s, item, at);
    } else {
        read_rest(s, line, at);
    }
}

struct outline outline_read(struct arena *arena, struct str text)
{
    struct outline outline = {.text = text};
    struct scan s = {.arena = arena, .outline = &outline, .text = text, .last = OUTLINE_NONE};
    if (str_starts(text, STR("\xef\xbb\xbf")))
        s.at = 3;
    while (s.at < text.n) {
        read_line(&s);
        s.at = next_line(&s, s.at);
    }
    return outline;
}

/* ---- lookup ---- */

int outline_next(const struct outline *o, int parent, int after)
{
    for (int i = (after == OUTLINE_NONE ? parent : after) + 1; i < o->n && o->items[i].parent >= parent; i++)
        if (o->items[i].parent == parent)
            return i;
    return OUTLINE_NONE;
}

int outline_find(const struct outline *o, int parent, struct str key)
{
    for (int i = outline_next(o, parent, OUTLINE_NONE); i != OUTLINE_NONE; i = outline_next(o, parent, i))
        if (!o->items[i].item && !o->items[i].bare && str_eq(o->items[i].key, key))
            return i;
    return OUTLINE_NONE;
}

size_t outline_end(const struct outline *o, int entry)
{
    size_t end = 0;
    for (int i = entry; i < o->n && (i == entry || o->items[i].parent >= entry); i++) {
        size_t of_value = o->items[i].value_end > o->items[i].value_at ? o->items[i].value_end : 0;
        size_t of_key = o->items[i].key_end;
        size_t one = of_value > of_key ? of_value : of_key;
        end = one > end ? one : end;
    }
    return end;
}

struct str outline_value(const struct outline *o, int entry)
{
    if (entry == OUTLINE_NONE || o->items[entry].opens)
        return STR_EMPTY;
    struct str raw = str_slice(o->text, o->items[entry].value_at, o->items[entry].value_end);
    return raw.n && char_in("|>", raw.p[0]) ? STR_EMPTY : outline_unquoted(raw);
}

bool outline_is(const struct outline *o, int entry, const char *key)
{
    return entry != OUTLINE_NONE && str_eqz(o->items[entry].key, key);
}

int outline_section(const struct outline *o, int entry, int *depth)
{
    *depth = 0;
    while (entry != OUTLINE_NONE && o->items[entry].parent != OUTLINE_NONE) {
        entry = o->items[entry].parent;
        ++*depth;
    }
    return entry;
}

int outline_parent_at(const struct outline *o, size_t offset, uint32_t column)
{
    int last = OUTLINE_NONE;
    for (int i = 0; i < o->n && o->items[i].key_at < offset; i++)
        if (!o->items[i].flow)
            last = i;
    return climb(o, last, column, false);
}
