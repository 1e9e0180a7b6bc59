/* What a command prints, as it may be shown: see command_output.h. */
#include "provider/weir/command_output.h"

#include "base/mask.h"
#include "provider/http/redact.h"
#include "provider/package/package.h"

enum {
    LINE_MAX_BYTES = 16 * 1024, /* of a line that are looked at, so that no secret is cut in two … */
    LINE_SHOWN = 4 * 1024,      /* … where the part that is shown ends */
    TAIL_BYTES = 32 * 1024,
    SHOWN_MAX = 1024 * 1024,
};

void command_output_init(struct command_output *o)
{
    *o = (struct command_output){0};
}

void command_output_release(struct command_output *o)
{
    buf_release(&o->line);
    buf_release(&o->tail);
}

/* ---- hiding ---- */

static void hide_line(struct str line, struct buf *out)
{
    AUTO_BUF struct buf known = BUF_INIT;
    mask_text(&known, line);
    redact_line(out, buf_str(&known));
}

struct str command_output_hide(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (bool first = true; text.p; first = false) {
        if (!first)
            buf_add_char(&out, '\n');
        hide_line(str_cut(text, '\n', &text), &out);
    }
    return package_name(arena, buf_str(&out));
}

/* ---- lines ---- */

static void command_output_show(struct command_output *o)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = command_output_hide(&arena, buf_str(&o->line));
    text = str_slice(text, 0, text.n < LINE_SHOWN ? text.n : LINE_SHOWN);
    text.n = str_utf8_prefix(text);
    o->shown += text.n + 1;
    o->show(o->show_ctx, o->shown < SHOWN_MAX ? arena_strz(&arena, text) : "… (no more of it is shown)");
}

/* Keeps about as much as the end may need, and drops whole lines. */
static void command_output_keep(struct command_output *o)
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
    if (mask_finds(buf_str(&o->line))) { /* of a secret with such a sign in it the rest would not be known */
        mask_text(&hidden, buf_str(&o->line));
        replace_line(o, buf_str(&hidden));
        buf_clear(&hidden);
    }
    clean_line(o);
    if (is_key(o)) {
        replace_line(o, STR(MASKED));
    } else if (printed >= LINE_MAX_BYTES) {
        hide_line(buf_str(&o->line), &hidden);
        replace_line(o, str_slice(buf_str(&hidden), 0, LINE_SHOWN));
    }
    if (o->line.n) {
        command_output_keep(o);
        if (o->show && o->shown < SHOWN_MAX)
            command_output_show(o);
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
    struct str text = str_trim(command_output_hide(arena, buf_str(&o->tail)));
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
