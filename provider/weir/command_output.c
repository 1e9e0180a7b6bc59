#include "provider/weir/command_output.h"

#include "base/mem.h"
#include "provider/http/redact.h"
#include "provider/weir/package.h"

#include <stdlib.h>
#include <unistd.h>

#define REDACTED "(redacted)"

enum {
    LINE_MAX_BYTES = 16 * 1024, /* of a line that are looked at, so that no secret is cut in two … */
    LINE_SHOWN = 4 * 1024,      /* … where the part that is shown ends */
    TAIL_BYTES = 32 * 1024,
    SHOWN_MAX = 1024 * 1024,
    SECRET_MIN = 6, /* shorter ones would hide half of the text, and are found by trying */
};

/* ---- what is secret ---- */

/* A text of several lines comes out line by line. */
static void add_secret(struct command_output *o, struct str text)
{
    while (text.p && text.n) {
        struct str line = str_trim(str_cut(text, '\n', &text));
        if (line.n < SECRET_MIN)
            continue;
        MEM_GROW(o->secrets, o->secret_cap, o->secret_count + 1);
        o->secrets[o->secret_count++] = line;
    }
}

static void add_secret_value(struct command_output *o, const struct value *v, bool within)
{
    if (!value_is_sensitive(v) && !within)
        return;
    bool secret = within || (v->marks & VALUE_SENSITIVE);
    if (v->kind == VALUE_STRING && secret)
        add_secret(o, v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        add_secret_value(o, v->items[i], secret);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        add_secret_value(o, v->entries[i].value, secret);
}

static int longest_first(const void *a, const void *b)
{
    size_t x = ((const struct str *)a)->n, y = ((const struct str *)b)->n;
    return (x < y) - (x > y);
}

void command_output_init(struct command_output *o, const struct value *inputs)
{
    *o = (struct command_output){0};
    if (inputs)
        add_secret_value(o, inputs, false);
    for (char *const *variable = environ; variable && *variable; variable++) {
        struct str value, name = str_cut(str_z(*variable), '=', &value);
        if (value.p && redact_is_secret_variable(name))
            add_secret(o, value);
    }
    if (o->secret_count)
        qsort(o->secrets, o->secret_count, sizeof *o->secrets, longest_first);
}

void command_output_release(struct command_output *o)
{
    free(o->secrets);
    buf_release(&o->line);
    buf_release(&o->tail);
}

/* ---- hiding ---- */

static size_t secret_at(const struct command_output *o, struct str text, size_t at)
{
    for (size_t i = 0; i < o->secret_count; i++)
        if (text.p[at] == o->secrets[i].p[0] && str_starts(str_slice(text, at, text.n), o->secrets[i]))
            return o->secrets[i].n;
    return 0;
}

static void hide_line(const struct command_output *o, struct str line, struct buf *out)
{
    AUTO_BUF struct buf known = BUF_INIT;
    for (size_t at = 0; at < line.n;) {
        size_t n = secret_at(o, line, at);
        if (n)
            buf_addz(&known, REDACTED);
        else
            buf_add_char(&known, line.p[at]);
        at += n ? n : 1;
    }
    redact_line(out, buf_str(&known));
}

struct str command_output_hide(const struct command_output *o, struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (bool first = true; text.p; first = false) {
        if (!first)
            buf_add_char(&out, '\n');
        hide_line(o, str_cut(text, '\n', &text), &out);
    }
    return package_name(arena, buf_str(&out));
}

/* ---- lines ---- */

static void show(struct command_output *o)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = command_output_hide(o, &arena, buf_str(&o->line));
    text = str_slice(text, 0, text.n < LINE_SHOWN ? text.n : LINE_SHOWN);
    text.n = str_utf8_prefix(text);
    o->shown += text.n + 1;
    o->show(o->show_ctx, o->shown < SHOWN_MAX ? arena_strz(&arena, text) : "… (no more of it is shown)");
}

/* Keeps about as much as the end may need, and drops whole lines. */
static void keep(struct command_output *o)
{
    if (o->tail.n > 2 * TAIL_BYTES) {
        ptrdiff_t cut = str_find_char(buf_str(&o->tail), '\n', o->tail.n - TAIL_BYTES);
        size_t from = cut < 0 ? o->tail.n : (size_t)cut + 1, left = o->tail.n - from;
        memmove(o->tail.p, o->tail.p + from, left);
        o->tail.n = left;
    }
    buf_add_str(&o->tail, buf_str(&o->line));
    buf_add_char(&o->tail, '\n');
}

static void replace_line(struct command_output *o, struct str text)
{
    buf_clear(&o->line);
    buf_add_str(&o->line, text);
}

/* Is the line part of a private key? */
static bool is_key(struct command_output *o)
{
    struct str line = buf_str(&o->line);
    bool begins = str_find(line, STR("-----BEGIN "), 0) >= 0 && str_find(line, STR("PRIVATE KEY"), 0) >= 0;
    bool within = o->in_key || begins;
    o->in_key = within && str_find(line, STR("-----END "), 0) < 0;
    return within;
}

/* Without what steers a terminal: colours, bells, NULs. */
static void clean_line(struct command_output *o)
{
    size_t kept = 0;
    char *p = o->line.p;
    for (size_t i = 0; i < o->line.n; i++) {
        if (p[i] == '\033' && i + 1 < o->line.n && p[i + 1] == '[') {
            for (i += 2; i < o->line.n && ((unsigned char)p[i] < 0x40 || (unsigned char)p[i] > 0x7e);)
                i++;
        } else if ((unsigned char)p[i] >= ' ' && p[i] != 0x7f) {
            p[kept++] = p[i];
        } else if (p[i] == '\t') {
            p[kept++] = ' ';
        }
    }
    o->line.n = kept;
}

static void end_line(struct command_output *o)
{
    AUTO_BUF struct buf hidden = BUF_INIT;
    size_t printed = o->line.n;
    clean_line(o);
    if (is_key(o)) {
        replace_line(o, STR(REDACTED));
    } else if (printed >= LINE_MAX_BYTES) {
        hide_line(o, buf_str(&o->line), &hidden);
        replace_line(o, str_slice(buf_str(&hidden), 0, LINE_SHOWN));
    }
    if (o->line.n) {
        keep(o);
        if (o->show && o->shown < SHOWN_MAX)
            show(o);
    }
    buf_clear(&o->line);
}

void command_output_add(struct command_output *o, const char *bytes, size_t n)
{
    for (struct str rest = str_n(bytes, n); rest.n;) {
        size_t end = 0;
        while (end < rest.n && rest.p[end] != '\n' && rest.p[end] != '\r')
            end++;
        size_t room = LINE_MAX_BYTES - o->line.n;
        buf_add(&o->line, rest.p, end < room ? end : room);
        if (end < rest.n && o->line.n) /* empty lines say nothing; a bar of progress rewrites its line */
            end_line(o);
        rest = str_slice(rest, end + (end < rest.n), rest.n);
    }
}

struct str command_output_end(const struct command_output *o, struct arena *arena, size_t max)
{
    struct str text = str_trim(command_output_hide(o, arena, buf_str(&o->tail)));
    if (text.n <= max)
        return text;
    struct str end = str_slice(text, text.n - max, text.n), whole;
    str_cut(end, '\n', &whole);
    if (whole.p && whole.n)
        return whole;
    while (end.n && ((unsigned char)end.p[0] & 0xc0) == 0x80)
        end = str_slice(end, 1, end.n);
    return end;
}
