/* What the server says when it refuses, in weir's form: where, what, why, and what to do. */
#include "base/buf.h"
#include "base/mask.h"
#include "provider/postgres/server.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- -v and -vv ---- */

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

/* SQLSTATEs that mean something to weir; a code of two characters is a class. */
static const struct {
    const char *state;
    enum err_class class;
    bool retryable;
} states[] = {
    {"42P04", ERR_EXISTS, false}, /* duplicate_database */
    {"42P06", ERR_EXISTS, false}, /* duplicate_schema */
    {"42P07", ERR_EXISTS, false}, /* duplicate_table */
    {"42710", ERR_EXISTS, false}, /* duplicate_object */
    {"28", ERR_AUTH, false},      /* invalid authorization */
    {"42501", ERR_AUTH, false},   /* insufficient_privilege */
    {"40", ERR_SERVICE, true},    /* deadlock, serialization failure */
    {"57014", ERR_INTERRUPTED, false},
    {"57P", ERR_NETWORK, false}, /* the server ends, or has ended this connection */
    {"08", ERR_NETWORK, false},
};

static enum err_class class_of(const char *state, bool *retryable)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0) {
            *retryable = states[i].retryable;
            return states[i].class;
        }
    return ERR_SERVICE;
}

void text_place(struct str text, size_t nth, unsigned *line, unsigned *column)
{
    *line = *column = 1;
    for (size_t i = 0, at = 1; i < text.n && at < nth; i++) {
        bool starts = ((unsigned char)text.p[i] & 0xc0) != 0x80;
        if (!starts)
            continue;
        at++;
        *column = text.p[i] == '\n' ? 1 : *column + 1;
        *line += text.p[i] == '\n';
    }
}

/* "file.sql:12:5: ", where the statement comes from a source and the server says where in it. */
static struct str failure_place(struct arena *arena, const PGresult *result, const struct pq_api *pq,
    struct str sql, const struct source_text *source)
{
    const char *position = pq->resultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    if (!source)
        return STR_EMPTY;
    if (!position || source->text.n > sql.n)
        return arena_printf(arena, "%.*s: ", STR_ARG(source->name));
    size_t before = str_code_points(str_slice(sql, 0, sql.n - source->text.n)),
           at = strtoul(position, NULL, 10);
    if (at <= before)
        return arena_printf(arena, "%.*s: ", STR_ARG(source->name));
    unsigned line, column;
    text_place(source->text, at - before, &line, &column);
    return arena_printf(arena, "%.*s:%u:%u: ", STR_ARG(source->name), line, column);
}

/* Details may be lists, a line each. */
static struct str one_line(struct arena *arena, const char *text)
{
    struct str line = STR_EMPTY;
    for (struct str rest = str_z(text); rest.p && rest.n;) {
        struct str part = str_cut(rest, '\n', &rest);
        line = arena_printf(arena, "%.*s%s%.*s", STR_ARG(line), line.n ? "; " : "", STR_ARG(part));
    }
    return line;
}

/* In a statement that a function or a copied file led to: where in that. */
static struct str failure_context(struct arena *arena, const PGresult *result, const struct pq_api *pq)
{
    struct str rest, whole = str_z(pq->resultErrorField(result, PG_DIAG_CONTEXT));
    struct str first = str_cut(whole, '\n', &rest);
    return first.n ? arena_printf(arena, " (%.*s)", STR_ARG(first)) : STR_EMPTY;
}

static int lost_connection(struct session *session, struct err *err)
{
    struct str rest,
        message = str_cut(str_trim(str_z(session->pq->errorMessage(session->connection))), '\n', &rest);
    err_set(err, ERR_NETWORK, "the connection to the database \"%.*s\" broke: %.*s",
        STR_ARG(session->database), STR_ARG(message));
    err->lost = true;
    return -1;
}

int session_failure(struct session *session, const PGresult *result, struct str sql,
    const struct source_text *source, struct err *err)
{
    const struct pq_api *pq = session->pq;
    const char *state = result ? pq->resultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state)
        return lost_connection(session, err);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool retryable = false;
    enum err_class class = class_of(state, &retryable);
    const char *message = pq->resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
               *detail = pq->resultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
               *hint = pq->resultErrorField(result, PG_DIAG_MESSAGE_HINT);
    struct str at = failure_place(&scratch, result, pq, sql, source),
               in = failure_context(&scratch, result, pq);
    struct str more = one_line(&scratch, detail);
    err_set(err, class, "%.*s%s%s%.*s%.*s (SQLSTATE %s)", STR_ARG(at), message ? message : "refused",
        more.n ? ": " : "", STR_ARG(more), STR_ARG(in), state);
    if (hint)
        err_hint(err, "%s", hint);
    else if (strcmp(state, "42501") == 0)
        err_hint(err,
            "the user of the provider \"%.*s\" may not do that; who owns it, or may create in it, can "
            "grant it",
            STR_ARG(provider_name(session->ctx->provider)));
    snprintf(err->code, sizeof err->code, "%s", state);
    err->retryable = retryable;
    err_mask(err);
    return -1;
}
