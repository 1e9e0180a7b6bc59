/*
 * A PostgreSQL server as weir reaches it: few connections, each lent to one operation at a time, opened when
 * first needed. libpq does the talking, never blocking: whoever waits can be interrupted.
 *
 * Order of calls: server_new(); from any thread session_take(), session_run() … and session_give();
 * server_free() when no operation runs any more. An operation holds one session at a time, or it might wait
 * for itself.
 *
 * Text that goes to the server is put together by sql_add(), which quotes by libpq. A message of several
 * statements without parameters is one transaction, so what is made is made whole or not at all.
 */
#pragma once

#include "base/buf.h"
#include "base/pq_api.h"
#include "provider/provider.h"

/* ---- run.c: -v and -vv: what a server was asked, as provider/http/transfer.h tells it of requests.
 * Secrets are masked. */
struct sql_trace {
    int level; /* 0: nothing; 1: a line for each message; 2: the statements as well */
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

/* One message to the server, and what came of it. */
struct sql_reported {
    struct str database, sql;
    const struct err *failure; /* NULL: none */
    int64_t elapsed_ms;
    bool sensitive; /* its statements may hold secrets that nobody knows by value */
};

struct server;
struct session;

/* ---- server.c ---- */

/* Reads the settings (`providers: NAME:`) and opens nothing. */
int server_new(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void server_free(void *self);

/*
 * A connection to that database ("": the settings' own; SERVER_WIDE: any that is there, for what belongs to
 * no database). Waits for a server that is starting, as long as the settings allow. ERR_ABSENT: the server
 * has no such database.
 */
#define SERVER_WIDE STR("\001")
int session_take(struct op_ctx *ctx, struct str database, struct session **out, struct err *err);
void session_give(struct session **session); /* NULL in it is fine */
/* Closes all, of any server, that lead to a database of that name and are with nobody, so that it can be
 * dropped. */
void server_forget(struct str database);
#define AUTO_SESSION __attribute__((cleanup(session_give)))

/* The provider's way to buckets, from then on known to provider_aws(); opened when something lies there. */
int server_open_aws(struct op_ctx *ctx, struct err *err);
/* NULL as long as it is not open. */
struct aws_client *server_aws(void *server);

/* Where its statements are logged. */
const struct sql_trace *server_trace(const struct server *server);

/* ---- connect.c ---- */

struct settings {
    struct str name; /* of the provider */
    struct str host, port, user, password, dbname, maintenance;
    struct str others[12]; /* key, value, key, value …: sslmode and the like, as libpq knows them */
    size_t other_count;
    int64_t wait_ms;
    struct str via;
    bool iam; /* the password is a token of IAM database authentication */
};

struct way {
    int local_port;      /* that leads to the server; 0: straight to the host */
    bool patient;        /* a server that has no more connections to give is waited for */
    struct str password; /* instead of the settings' own; "": none */
};

/* A connection to that database. */
int settings_connect(const struct settings *settings, const struct pq_api *pq, struct op_ctx *ctx,
    struct str database, const struct way *way, PGconn **out, struct err *err);
int settings_read(
    struct arena *arena, const struct provider_options *options, struct settings *out, struct err *err);

/* ---- run.c ---- */

/* What the last statement gave that gives rows. */
struct rows {
    const struct pq_api *pq;
    PGresult *result;
};
void rows_clear(struct rows *rows);
#define AUTO_ROWS __attribute__((cleanup(rows_clear)))
int rows_count(const struct rows *rows);
struct str rows_text(const struct rows *rows, int row, int column); /* p NULL: null */

/* Where statements come from, for messages: a file, an attribute; NULL: weir itself. */
struct source_text {
    struct str name, text;
};

/*
 * Runs one or several statements in one message. An error says what the server says; with `source`, which
 * `sql` ends with, also the line there. `rows` may be NULL.
 */
int session_run(struct session *session, struct str sql, const struct source_text *source, struct rows *rows,
    struct err *err);
/* The same, again where others were in the way (a deadlock, the same row of the catalog). */
int session_change(struct session *session, struct str sql, struct err *err);
/* Gives bytes until *n is 0; -1 with err. */
typedef int copy_more(void *ctx, const char **bytes, size_t *n, struct err *err);
/* `copy … from stdin` with what `more` gives; -1 from it ends the statement with nothing copied. */
int session_copy(struct session *session, struct str sql, copy_more *more, void *more_ctx, int64_t *count,
    struct err *err);
/* Is a transaction open, or failed? */
bool session_in_transaction(const struct session *session);

/*
 * Appends text in which %I is an identifier, %L a literal (null where the slice's p is NULL), %s text as it
 * is; each takes a struct str. %% is a per cent sign.
 */
void sql_add(struct buf *sql, struct session *session, const char *format, ...);
/* A list of quoted identifiers with commas between. */
void sql_add_idents(struct buf *sql, struct session *session, const struct value *names);
/* The verifier that the server keeps instead of a password; the password itself never leaves the process. */
int sql_verifier(struct session *session, struct arena *arena, struct str role, struct str password,
    struct str *out, struct err *err);

/* What sessions have in common with their server; for this room's files only. */
struct session {
    struct server *server;
    const struct pq_api *pq;
    PGconn *connection;
    struct str database; /* in the server's arena */
    struct op_ctx *ctx;  /* of whoever has it now */
    bool taken;
    bool stale; /* the connection that it has leads elsewhere */
};

/* Line and column of the nth character (from 1) of UTF-8 text. */
void text_place(struct str text, size_t nth, unsigned *line, unsigned *column);
