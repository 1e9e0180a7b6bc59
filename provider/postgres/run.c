/* Statements: quoted by libpq, sent, waited for without blocking, interrupted where the user wants that. */
#include "base/clock.h"
#include "base/crash.h"
#include "base/mask.h"
#include "base/mem.h"
#include "provider/postgres/server.h"

#include <poll.h>
#include <stdarg.h>

/* ---- Statements as text: every name and every value quoted by libpq, which knows the connection's
 * encoding. */

static void add_quoted(struct buf *sql, struct session *session, struct str text, bool literal)
{
    const struct pq_api *pq = session->pq;
    char *quoted = literal ? pq->escapeLiteral(session->connection, text.p, text.n)
                           : pq->escapeIdentifier(session->connection, text.p, text.n);
    if (!quoted) { /* no memory, or no text in the connection's encoding: the server refuses this as well */
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

void sql_add(struct buf *sql, struct session *session, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *at = format; *at; at++) {
        if (*at != '%')
            buf_add_char(sql, *at);
        else if (*++at == '%')
            buf_add_char(sql, '%');
        else
            add_one(sql, session, *at, va_arg(args, struct str));
    }
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

/* How many rows the statement changed or copied. */
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

static void heed_cancel(struct session *s, bool *stopped)
{
    if (*stopped || !cancel_is_set(s->ctx->cancel))
        return;
    *stopped = true;
    ask_to_stop(s);
}

/* Until there is a result to take, or the connection is broken. */
static void wait_for_result(struct session *s, bool *stopped)
{
    while (s->pq->status(s->connection) == CONNECTION_OK && s->pq->isBusy(s->connection)) {
        bool unsent = s->pq->flush(s->connection) > 0;
        struct pollfd fd = {s->pq->socket(s->connection), (short)(POLLIN | (unsent ? POLLOUT : 0)), 0};
        if (poll(&fd, 1, TICK_MS) > 0 && (fd.revents & POLLIN || fd.revents & (POLLERR | POLLHUP)))
            if (!s->pq->consumeInput(s->connection))
                return;
        heed_cancel(s, stopped);
    }
}

static bool is_good(ExecStatusType status)
{
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

/* What came of a message: the rows that count, and the first failure. */
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
                return; /* the session is not to be used any more */
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

/* Two that change the same row of the catalog at once are told so in words only. */
static bool was_in_the_way(const struct err *err)
{
    return err->retryable || strcmp(err->code, "55006") == 0 /* object_in_use: a database, for a moment */ ||
           (strcmp(err->code, "XX000") == 0 && strstr(err->message, "concurrently"));
}

int session_change(struct session *s, struct str sql, struct err *err)
{
    for (int i = 0;; i++) {
        struct err why = ERR_INIT;
        if (!session_run(s, sql, NULL, NULL, &why))
            return 0;
        if (i == AGAIN_MAX || !was_in_the_way(&why))
            return err_raise(err, &why);
        if (cancel_sleep_ms(s->ctx->cancel, AGAIN_MS << i, err))
            return -1;
    }
}

/* ---- copying ---- */

/* Gives the socket what libpq holds, so that no more than a chunk lies in memory. */
static bool run_drain(struct session *s, bool *stopped)
{
    int left;
    while ((left = s->pq->flush(s->connection)) > 0) {
        struct pollfd fd = {s->pq->socket(s->connection), POLLIN | POLLOUT, 0};
        if (poll(&fd, 1, TICK_MS) > 0 && fd.revents & POLLIN && !s->pq->consumeInput(s->connection))
            return false;
        heed_cancel(s, stopped);
        if (*stopped)
            return true;
    }
    return left == 0;
}

/* Until everything is sent, the server has heard enough, or somebody wants it to stop. */
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
                return 0; /* the result says why */
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
