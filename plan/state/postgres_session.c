/* A session with the server that has the state: connecting, asking, and the tables. */
#include "plan/state/backend_postgres_internal.h"

#include "base/clock.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

/* The first line of what the server or the library says. */
static int refuse_answer(
    struct pg_backend *g, enum err_class class, const char *doing, const char *why, struct err *err)
{
    struct str rest, first = str_cut(str_trim(str_z(why)), '\n', &rest);
    return err_set(err, class, "%s %.*s: %.*s", doing, STR_ARG(g->base.description), STR_ARG(first));
}

static int connect_now(struct pg_backend *g, struct err *err)
{
    if (g->connection)
        return 0;
    if (!(g->pq = pq_api(err)))
        return -1;
    /* Both ends notice a dead peer by themselves; the holder of a lock must notice before the server gives it
     * away. */
    const char *const keys[] = {"application_name", "connect_timeout", "keepalives_idle",
        "keepalives_interval", "keepalives_count", "tcp_user_timeout", "options", "dbname", NULL};
    const char *const values[] = {"weir", "10", "10", "5", "3", "25000",
        "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 -c "
        "synchronous_commit=on "
        "-c client_min_messages=warning",
        g->url, NULL};
    g->connection = g->pq->connectdbParams(keys, values, 1);
    if (g->pq->status(g->connection) == CONNECTION_OK)
        return 0;
    refuse_answer(g, ERR_NETWORK, "cannot connect to", g->pq->errorMessage(g->connection), err);
    g->pq->finish(g->connection);
    g->connection = NULL;
    return err_hint(
        err, "`url` in the stack's state, or PGHOST, PGUSER, PGPASSWORD, PGDATABASE, say where it is");
}

void pg_answer_clear(struct pg_answer *a)
{
    if (a->rows)
        a->pq->clear(a->rows);
}

/* Texts come back as text, bytea too (as hex), so that one form does for all. */
int pg_ask(struct pg_backend *g, const char *query, const struct pg_parameter *parameters, int n,
    struct pg_answer *out, struct err *err)
{
    enum { PARAMETERS = 8 };
    const char *values[PARAMETERS];
    int lengths[PARAMETERS], formats[PARAMETERS];
    assert(n <= PARAMETERS);
    if (connect_now(g, err))
        return -1;
    for (int i = 0; i < n; i++) {
        values[i] = parameters[i].text ? parameters[i].text : parameters[i].bytes.p;
        lengths[i] = (int)parameters[i].bytes.n;
        formats[i] = !parameters[i].text;
    }
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text = STR_EMPTY; /* the table's name stands as % in the query */
    for (struct str rest = str_z(query); rest.p;) {
        struct str before = str_cut(rest, '%', &rest);
        text = arena_printf(&scratch, "%.*s%.*s%s", STR_ARG(text), STR_ARG(before), rest.p ? g->table : "");
    }
    *out = (struct pg_answer){
        g->pq, g->pq->execParams(g->connection, text.p, n, NULL, values, lengths, formats, 0)};
    ExecStatusType status = g->pq->resultStatus(out->rows);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return 0;
    const char *code = g->pq->resultErrorField(out->rows, PG_DIAG_SQLSTATE);
    if (g->pq->status(g->connection) != CONNECTION_OK)
        atomic_store(&g->lost, true);
    refuse_answer(
        g, code ? ERR_SERVICE : ERR_NETWORK, "the state in", g->pq->errorMessage(g->connection), err);
    snprintf(err->code, sizeof err->code, "%s", code ? code : "");
    return -1;
}

const char *pg_cell(const struct pg_answer *a, int row, int column)
{
    return a->pq->getvalue(a->rows, row, column);
}

bool pg_flag(const struct pg_answer *a, int row, int column)
{
    return a->pq->ntuples(a->rows) > row && pg_cell(a, row, column)[0] == 't';
}

/* ---- the tables ---- */

int pg_tables_exist(struct pg_backend *g, const char *query, bool *exists, struct err *err)
{
    AUTO_PG_ANSWER struct pg_answer a = {0};
    struct pg_parameter table = {.text = g->table};
    if (pg_ask(g, query, &table, 1, &a, err))
        return -1;
    *exists = pg_flag(&a, 0, 0);
    return 0;
}

/* Somebody else was making it at the same moment; which of its parts was there first is chance. */
static bool was_made_meanwhile(const struct err *why)
{
    static const char *const codes[] = {"23505" /* unique_violation */, "42P07" /* duplicate_table */,
        "42710" /* duplicate_object: its type */};
    return STR_IS_ONE_OF(str_z(why->code), codes);
}

int pg_make_tables(struct pg_backend *g, struct err *err)
{
    static const char *const statements[] = {
        "create table if not exists %_lock (name text primary key, holder text not null)",
        "create table if not exists % (name text not null, first_seq bigint not null, lines bytea not null, "
        "snapshot boolean not null, written timestamptz not null default now(), primary key (name, "
        "first_seq))",
    };
    bool exists;
    struct err why = ERR_INIT;
    if (pg_tables_exist(g, PG_ALL_THERE, &exists, err) || exists)
        return exists ? 0 : -1;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        AUTO_PG_ANSWER struct pg_answer a = {0};
        if (pg_ask(g, statements[i], NULL, 0, &a, &why) && !was_made_meanwhile(&why))
            break;
    }
    if (why.class == ERR_NONE ||
        (was_made_meanwhile(&why) && !pg_tables_exist(g, PG_ALL_THERE, &exists, err) && exists))
        return 0;
    *err = why;
    return err_context(err, "making the table %s", g->table);
}
