/* What is said, as YAML that somebody would write: short collections in one line, long texts below. */
#include "cmd/import/said.h"

#include "base/json.h"
#include "base/yaml_write.h"

enum { WIDTH = 120 };

/* ---- scalars ---- */

static void said_write_key(struct buf *out, struct str key)
{
    yaml_write_text(out, key, true);
}

/* The code without brackets that are only needed within another. */
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

/* What stands in the file for something that is no collection. */
static void add_scalar(struct buf *text, const struct said *s)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str literal = s->kind == SAID_LITERAL ? s->value->string : STR_EMPTY;
    if (s->kind == SAID_LITERAL) {
        for (size_t i = 0; i < literal.n; i++) {
            if (literal.p[i] == '$' && i + 1 < literal.n && literal.p[i + 1] == '{')
                buf_add_char(text, '$');
            buf_add_char(text, literal.p[i]);
        }
        return;
    }
    if (s->kind == SAID_TEXT) {
        for (size_t i = 0; i < s->n; i++)
            add_scalar(text, s->items[i]);
        return;
    }
    buf_addz(text, "${");
    buf_add_str(text, outermost(said_as_code(&arena, s)));
    buf_add_char(text, '}');
}

static void write_scalar(struct buf *out, const struct said *s, bool flow)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (s->kind == SAID_NOTHING) {
        buf_addz(out, "null");
    } else if (s->kind == SAID_LITERAL && s->value->kind != VALUE_STRING) {
        json_write(out, s->value, JSON_PLAIN);
    } else {
        add_scalar(&text, s);
        yaml_write_text(out, buf_str(&text), flow);
    }
}

/* ---- in one line ---- */

static bool is_collection(const struct said *s)
{
    return (s->kind == SAID_LIST && !said_is_varying(s)) || s->kind == SAID_MAP;
}

void said_write_flow(struct buf *out, const struct said *s)
{
    if (!is_collection(s)) {
        write_scalar(out, s, true);
        return;
    }
    buf_add_char(out, s->kind == SAID_MAP ? '{' : '[');
    for (size_t i = 0; i < s->n; i++) {
        buf_addz(out, i ? ", " : "");
        if (s->kind == SAID_MAP) {
            said_write_key(out, s->entries[i].key);
            buf_addz(out, ": ");
        }
        said_write_flow(out, s->kind == SAID_MAP ? s->entries[i].value : s->items[i]);
    }
    buf_add_char(out, s->kind == SAID_MAP ? '}' : ']');
}

/* Has it comments, or texts of several lines, that one line cannot have? */
static bool wants_lines(const struct said *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->kind == SAID_MAP && (s->entries[i].comment.n || wants_lines(s->entries[i].value)))
            return true;
        if (s->kind != SAID_MAP && wants_lines(s->items[i]))
            return true;
    }
    return s->kind == SAID_LITERAL && s->value->kind == VALUE_STRING && s->value->string.n > 60 &&
           str_find_char(s->value->string, '\n', 0) >= 0;
}

/* ---- in several ---- */

static void write_block(struct buf *out, struct str s, int column)
{
    bool ends = s.p[s.n - 1] == '\n';
    buf_addz(out, ends ? " |\n" : " |-\n");
    while (s.n) {
        struct str line = str_cut(s, '\n', &s);
        if (line.n)
            buf_addf(out, "%*s", column, "");
        buf_add_str(out, line);
        buf_add_char(out, '\n');
    }
}

static void write_below(struct buf *out, const struct said *s, int column);

/* After a key's colon, or a list's dash: the value, to the end of its last line. */
static void write_value(struct buf *out, const struct said *s, int column, size_t used)
{
    AUTO_BUF struct buf line = BUF_INIT;
    if (!is_collection(s)) {
        AUTO_BUF struct buf text = BUF_INIT;
        if (s->kind == SAID_TEXT || (s->kind == SAID_LITERAL && s->value->kind == VALUE_STRING))
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
        said_write_flow(&line, s);
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

/* A map behind a dash begins on the dash's line. */
static void write_item(struct buf *out, const struct said *item, int column)
{
    AUTO_BUF struct buf block = BUF_INIT;
    AUTO_BUF struct buf line = BUF_INIT;
    if (item->kind == SAID_MAP && item->n && !wants_lines(item))
        said_write_flow(&line, item);
    bool below =
        item->kind == SAID_MAP && item->n && (wants_lines(item) || line.n + (size_t)column + 2 > WIDTH);
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

static void write_comment(struct buf *out, struct str comment, int column)
{
    while (comment.n) {
        struct str line = str_trim(str_cut(comment, '\n', &comment));
        buf_addf(out, "%*s", column, "");
        buf_add_str(out, line);
        buf_add_char(out, '\n');
    }
}

static void write_below(struct buf *out, const struct said *s, int column)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->kind == SAID_LIST) {
            write_item(out, s->items[i], column);
            continue;
        }
        write_comment(out, s->entries[i].comment, column);
        said_write(out, s->entries[i].key, s->entries[i].value, column);
    }
}

void said_write(struct buf *out, struct str key, const struct said *s, int column)
{
    size_t before = out->n;
    buf_addf(out, "%*s", column, "");
    said_write_key(out, key);
    buf_add_char(out, ':');
    write_value(out, s, column, out->n - before + 1);
}
