/* Statements: quoted with libpq, sent, waited for without blocking, cancelled on request; and the server's
 * errors. */
#include "base/clock.h"
#include "base/crash.h"
#include "base/mask.h"
#include "provider/postgres/postgres.h"

#include <poll.h>
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

/* Truncates the text at a character boundary. */
static struct str trace_beginning(struct str text, size_t most)
{
    if (text.n <= most)
        return text;
    while (most && ((unsigned char)text.p[most] & 0xc0) == 0x80)
        most--;
    return str_slice(text, 0, most);
}

/* Returns the line that identifies the statement, skipping `set local` and comments. */
static struct str telling_line(struct str sql)
{
    struct str line, rest = sql;
    do
        line = str_cut(rest, '\n', &rest);
    while (rest.p && (str_starts(line, STR("set local ")) || str_starts(line, STR("--"))));
    return line;
}

static void sql_trace_tell(const struct sql_trace *trace, const struct sql_reported *reported)
{
    if (!trace->level || !trace->line)
        return;
    AUTO_BUF struct buf line = BUF_INIT, known = BUF_INIT;
    struct str rest, hidden = STR("statements that are not shown, they may hold secrets");
    mask_text(&known, reported->sql); /* by value, before truncation */
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

/* SQLSTATEs with a special meaning; shorter ones are prefixes. */
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
    {"57P", ERR_NETWORK, false}, /* the server is shutting down, or has ended this connection */
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

/* Returns "file.sql:12:5: " if the statement has a source and the server reports a position. */
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

/* Joins the lines of a detail, which may be a list. */
static struct str one_line(struct arena *arena, const char *text)
{
    struct str line = STR_EMPTY;
    for (struct str rest = str_z(text); rest.p && rest.n;) {
        struct str part = str_cut(rest, '\n', &rest);
        line = arena_printf(arena, "%.*s%s%.*s", STR_ARG(line), line.n ? "; " : "", STR_ARG(part));
    }
    return line;
}

/* Returns the context of an error within a function or a copied file. */
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

/* Sets the error of a result or, without a result, of the connection. */
static int session_failure(struct session *session, const PGresult *result, struct str sql,
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

/* ---- Building statements: every name and every value is quoted by libpq, which knows the connection's
 * encoding. */

static void add_quoted(struct buf *sql, struct session *session, struct str text, bool literal)
{
    const struct pq_api *pq = session->pq;
    char *quoted = literal ? pq->escapeLiteral(session->connection, text.p, text.n)
                           : pq->escapeIdentifier(session->connection, text.p, text.n);
    if (!quoted) { /* out of memory, or invalid in the connection's encoding: the server refuses this as well
                    */
        buf_addz(sql, literal ? "''" : "\"\"");
        return;
    }
    buf_addz(sql, quoted);
    pq->freemem(quoted);
}

static void add_one(struct buf *sql, struct session *session, char kind, struct str text)
{
    if (kind == 's')
        buf_add_str(sql, text);
    else if (kind == 'L' && !text.p)
        buf_addz(sql, "null");
    else
        add_quoted(sql, session, text, kind == 'L');
}

void sql_vadd(struct buf *sql, struct session *session, const char *format, va_list args)
{
    for (const char *at = format; *at; at++) {
        if (*at != '%')
            buf_add_char(sql, *at);
        else if (*++at == '%')
            buf_add_char(sql, '%');
        else
            add_one(sql, session, *at, va_arg(args, struct str));
    }
}

void sql_add(struct buf *sql, struct session *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sql_vadd(sql, session, format, args);
    va_end(args);
}

void sql_add_idents(struct buf *sql, struct session *session, const struct value *names)
{
    for (uint32_t i = 0; names && i < names->count; i++)
        sql_add(sql, session, i ? ", %I" : "%I", value_text(names->items[i], STR_EMPTY));
}

int sql_verifier(struct session *session, struct arena *arena, struct str role, struct str password,
    struct str *out, struct err *err)
{
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    char *verifier = session->pq->encryptPasswordConn(
        session->connection, arena_strz(&scratch, password), arena_strz(&scratch, role), "scram-sha-256");
    if (!verifier)
        return err_set(err, ERR_FAILED, "the password of the role \"%.*s\" cannot be prepared: %s",
            STR_ARG(role), session->pq->errorMessage(session->connection));
    *out = arena_str(arena, str_z(verifier));
    mask_add(*out, MASK_GIVEN);
    session->pq->freemem(verifier);
    return 0;
}

enum { TICK_MS = 50, AGAIN_MAX = 6, AGAIN_MS = 50, COPY_CHUNK = 1 << 20 };

void rows_clear(struct rows *rows)
{
    if (rows->result)
        rows->pq->clear(rows->result);
    rows->result = NULL;
}

int rows_count(const struct rows *rows)
{
    return rows->result ? rows->pq->ntuples(rows->result) : 0;
}

struct str rows_text(const struct rows *rows, int row, int column)
{
    if (rows->pq->getisnull(rows->result, row, column))
        return (struct str){0};
    return str_n(rows->pq->getvalue(rows->result, row, column),
        (size_t)rows->pq->getlength(rows->result, row, column));
}

/* Returns the number of rows that the statement changed or copied. */
static int64_t rows_changed(const struct rows *rows)
{
    int64_t n = 0;
    return rows->result && str_to_int(str_z(rows->pq->cmdTuples(rows->result)), &n) ? n : 0;
}

bool session_in_transaction(const struct session *session)
{
    return session->pq->transactionStatus(session->connection) != PQTRANS_IDLE;
}

/* ---- waiting ---- */

static void ask_to_stop(struct session *s)
{
    char message[256];
    PGcancel *cancel = s->pq->getCancel(s->connection);
    if (cancel)
        s->pq->cancel(cancel, message, sizeof message);
    s->pq->freeCancel(cancel);
}

static void check_cancel(struct session *s, bool *stopped)
{
    if (*stopped || !cancel_is_set(s->ctx->cancel))
        return;
    *stopped = true;
    ask_to_stop(s);
}

/* Waits until a result is available or the connection is broken. */
static void wait_for_result(struct session *s, bool *stopped)
{
    while (s->pq->status(s->connection) == CONNECTION_OK && s->pq->isBusy(s->connection)) {
        bool unsent = s->pq->flush(s->connection) > 0;
        struct pollfd fd = {s->pq->socket(s->connection), (short)(POLLIN | (unsent ? POLLOUT : 0)), 0};
        if (poll(&fd, 1, TICK_MS) > 0 && (fd.revents & POLLIN || fd.revents & (POLLERR | POLLHUP)))
            if (!s->pq->consumeInput(s->connection))
                return;
        check_cancel(s, stopped);
    }
}

static bool is_good(ExecStatusType status)
{
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* The result of a message: the last rows, and the first failure. */
struct outcome {
    PGresult *rows, *failed;
    bool copies;
};

static void take_result(struct session *s, struct outcome *o, PGresult *result)
{
    ExecStatusType status = s->pq->resultStatus(result);
    PGresult **place = is_good(status) ? &o->rows : &o->failed;
    bool keep = *place ? is_good(status) &&
                             (status == PGRES_TUPLES_OK || s->pq->resultStatus(*place) != PGRES_TUPLES_OK)
                       : true;
    if (!keep) {
        s->pq->clear(result);
        return;
    }
    if (*place)
        s->pq->clear(*place);
    *place = result;
}

static void run_collect(struct session *s, struct outcome *o, bool *stopped)
{
    for (;;) {
        wait_for_result(s, stopped);
        PGresult *result = s->pq->getResult(s->connection);
        if (!result)
            return;
        ExecStatusType status = s->pq->resultStatus(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            o->copies = true;
            s->pq->clear(result);
            if (status == PGRES_COPY_IN)
                s->pq->putCopyEnd(s->connection, "weir gives a file of statements no data");
            if (status != PGRES_COPY_IN)
                return; /* the session cannot be used any more */
            continue;
        }
        take_result(s, o, result);
        if (s->pq->status(s->connection) != CONNECTION_OK)
            return;
    }
}

static int run_conclude(struct session *s, struct outcome *o, bool stopped, struct str sql,
    const struct source_text *source, struct rows *rows, struct err *err)
{
    int status = 0;
    if (o->copies) {
        err_set(err, ERR_INVALID, "%.*s: COPY from or to the client is not for files of statements",
            STR_ARG(source ? source->name : STR("the statement")));
        status = err_hint(err, "postgres.load copies files into tables");
    } else if (o->failed || s->pq->status(s->connection) != CONNECTION_OK) {
        status = session_failure(s, o->failed, sql, source, err);
        if (stopped && err->class != ERR_NETWORK)
            err_set(err, ERR_INTERRUPTED, "interrupted; the server has undone the statement");
    }
    if (o->failed)
        s->pq->clear(o->failed);
    if (!status && rows)
        *rows = (struct rows){s->pq, o->rows};
    else if (o->rows)
        s->pq->clear(o->rows);
    return status;
}

static int run_message(
    struct session *s, struct str sql, const struct source_text *source, struct rows *rows, struct err *err)
{
    bool stopped = false;
    struct outcome outcome = {0};
    if (rows)
        *rows = (struct rows){0};
    crash_point("postgres: before a message");
    s->pq->setnonblocking(s->connection, 1);
    if (!s->pq->sendQuery(s->connection, sql.p))
        return session_failure(s, NULL, sql, source, err);
    run_collect(s, &outcome, &stopped);
    crash_point("postgres: after a message");
    return run_conclude(s, &outcome, stopped, sql, source, rows, err);
}

static void run_tell(struct session *s, struct str sql, int status, const struct err *err, int64_t since_ms)
{
    sql_trace_tell(
        server_trace(s->server), &(struct sql_reported){.database = str_z(s->pq->db(s->connection)),
                                     .sql = sql,
                                     .failure = status ? err : NULL,
                                     .elapsed_ms = clock_mono_ms() - since_ms,
                                     .sensitive = s->ctx->sensitive});
}

int session_run(
    struct session *s, struct str sql, const struct source_text *source, struct rows *rows, struct err *err)
{
    int64_t since_ms = clock_mono_ms();
    int status = run_message(s, sql, source, rows, err);
    run_tell(s, sql, status, err, since_ms);
    return status;
}

/* Concurrent changes of a catalog row are reported only by message. */
static bool was_conflict(const struct err *err)
{
    return err->retryable || strcmp(err->code, "55006") == 0 /* object_in_use: a database, temporarily */ ||
           (strcmp(err->code, "XX000") == 0 && strstr(err->message, "concurrently"));
}

int session_change(struct session *s, struct str sql, struct err *err)
{
    for (int i = 0;; i++) {
        struct err why = ERR_INIT;
        if (!session_run(s, sql, NULL, NULL, &why))
            return 0;
        if (i == AGAIN_MAX || !was_conflict(&why))
            return err_raise(err, &why);
        if (cancel_sleep_ms(s->ctx->cancel, AGAIN_MS << i, err))
            return -1;
    }
}

/* ---- copying ---- */

/* Flushes libpq's buffer, so that at most one chunk is in memory. */
static bool run_drain(struct session *s, bool *stopped)
{
    int left;
    while ((left = s->pq->flush(s->connection)) > 0) {
        struct pollfd fd = {s->pq->socket(s->connection), POLLIN | POLLOUT, 0};
        if (poll(&fd, 1, TICK_MS) > 0 && fd.revents & POLLIN && !s->pq->consumeInput(s->connection))
            return false;
        check_cancel(s, stopped);
        if (*stopped)
            return true;
    }
    return left == 0;
}

/* Sends data until the end, an error of the server, or a cancellation. */
static int run_feed(struct session *s, copy_more *more, void *more_ctx, bool *stopped, struct err *err)
{
    for (;;) {
        const char *bytes;
        size_t n;
        if (more(more_ctx, &bytes, &n, err))
            return -1;
        if (!n)
            return 0;
        for (size_t at = 0, part; at < n; at += part) {
            part = n - at < COPY_CHUNK ? n - at : COPY_CHUNK;
            if (s->pq->putCopyData(s->connection, bytes + at, (int)part) < 0 || !run_drain(s, stopped))
                return 0; /* the result has the error */
            if (*stopped)
                return err_set(err, ERR_INTERRUPTED, "interrupted; nothing of the file is loaded");
        }
    }
}

static int run_copy(
    struct session *s, struct str sql, copy_more *more, void *more_ctx, int64_t *count, struct err *err)
{
    bool stopped = false;
    struct err mine = ERR_INIT;
    s->pq->setnonblocking(s->connection, 1);
    if (!s->pq->sendQuery(s->connection, sql.p))
        return session_failure(s, NULL, sql, NULL, err);
    wait_for_result(s, &stopped);
    PGresult *begun = s->pq->getResult(s->connection);
    bool ready = begun && s->pq->resultStatus(begun) == PGRES_COPY_IN;
    struct outcome outcome = {0};
    if (ready) {
        s->pq->clear(begun);
        int failed = run_feed(s, more, more_ctx, &stopped, &mine);
        while (s->pq->putCopyEnd(s->connection, failed ? "weir stopped sending" : NULL) == 0 &&
               run_drain(s, &stopped))
            continue;
        run_drain(s, &stopped);
    } else if (begun) {
        take_result(s, &outcome, begun);
    }
    run_collect(s, &outcome, &stopped);
    AUTO_ROWS struct rows rows = {0};
    int status = run_conclude(s, &outcome, stopped, sql, NULL, &rows, err);
    if (mine.class != ERR_NONE)
        return err_raise(err, &mine);
    *count = rows_changed(&rows);
    return status;
}

int session_copy(
    struct session *s, struct str sql, copy_more *more, void *more_ctx, int64_t *count, struct err *err)
{
    int64_t since_ms = clock_mono_ms();
    int status = run_copy(s, sql, more, more_ctx, count, err);
    run_tell(s, sql, status, err, since_ms);
    return status;
}
