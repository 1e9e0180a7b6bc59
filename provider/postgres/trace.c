/* -v and -vv: see trace.h. */
#include "provider/postgres/trace.h"

#include "base/buf.h"
#include "base/mask.h"

enum { LINE_SHOWN_MAX = 80, SHOWN_MAX = 64 * 1024 };

static void trace_put(const struct sql_trace *trace, struct buf *line)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, buf_str(line));
    trace->line(trace->ctx, shown.p ? shown.p : "");
    buf_clear(line);
}

/* So much of the text as goes, without half a character. */
static struct str trace_beginning(struct str text, size_t most)
{
    if (text.n <= most)
        return text;
    while (most && ((unsigned char)text.p[most] & 0xc0) == 0x80)
        most--;
    return str_slice(text, 0, most);
}

/* The line that says what it is about: not how names are looked up, nor a comment. */
static struct str telling_line(struct str sql)
{
    struct str line, rest = sql;
    do
        line = str_cut(rest, '\n', &rest);
    while (rest.p && (str_starts(line, STR("set local ")) || str_starts(line, STR("--"))));
    return line;
}

void sql_trace_tell(const struct sql_trace *trace, const struct sql_reported *reported)
{
    if (!trace->level || !trace->line)
        return;
    AUTO_BUF struct buf line = BUF_INIT, known = BUF_INIT;
    struct str rest, hidden = STR("statements that are not shown, they may hold secrets");
    mask_text(&known, reported->sql); /* by value, before it is cut */
    struct str sql = reported->sensitive ? hidden : str_trim(buf_str(&known));
    struct str shown = trace_beginning(telling_line(sql), LINE_SHOWN_MAX);
    buf_addf(
        &line, "SQL %.*s  %.*s%s", STR_ARG(reported->database), STR_ARG(shown), shown.n < sql.n ? " …" : "");
    if (reported->failure)
        buf_addf(&line, " failed (%s)", reported->failure->message);
    buf_addf(&line, " %lld ms", (long long)reported->elapsed_ms);
    trace_put(trace, &line);
    if (trace->level < 2 || reported->sensitive)
        return;
    for (rest = trace_beginning(sql, SHOWN_MAX); rest.p && rest.n;) {
        buf_addf(&line, "> ");
        buf_add_str(&line, str_cut(rest, '\n', &rest));
        trace_put(trace, &line);
    }
}
