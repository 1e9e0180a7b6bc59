/* The log as rows, over libpq, which is opened at run time. */
#include "plan/state/backend_postgres.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/pq_api.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    POLL_MS = 250,
    PAGE = 256,     /* rows a query */
    CROWDED = 1000, /* rows after which a snapshot is due */
    CLOCK_SKEW_MS = 60 * 1000,
};

struct pg_backend {
    struct backend base;
    struct arena arena;
    const struct pq_api *pq;
    PGconn *connection; /* opened when it is first needed */
    const char *url;    /* may hold a password: never shown */
    const char *name;   /* of the state: film-lake.dev */
    const char *table;
    char key[24]; /* of the advisory lock */
    size_t rows;  /* since the newest snapshot */
    atomic_bool locked, lost;
};

static struct pg_backend *pg_backend_of(struct backend *b)
{
    return (struct pg_backend *)b;
}

/* ---- asking ---- */

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

struct parameter {
    const char *text;
    struct str bytes; /* sent as they are where text is NULL */
};

struct answer {
    const struct pq_api *pq;
    PGresult *rows;
};

static void answer_clear(struct answer *a)
{
    if (a->rows)
        a->pq->clear(a->rows);
}
#define AUTO_ANSWER __attribute__((cleanup(answer_clear)))

/* Texts come back as text, bytea too (as hex), so that one form does for all. */
static int ask_server(struct pg_backend *g, const char *query, const struct parameter *parameters, int n,
    struct answer *out, struct err *err)
{
    enum { PARAMETERS = 5 };
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
    *out = (struct answer){
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

static const char *answer_cell(const struct answer *a, int row, int column)
{
    return a->pq->getvalue(a->rows, row, column);
}

static bool answer_flag(const struct answer *a, int row, int column)
{
    return a->pq->ntuples(a->rows) > row && answer_cell(a, row, column)[0] == 't';
}

/* ---- the tables ---- */

#define RECORDS_THERE "select to_regclass($1) is not null"
/* Another's first command may be between the two tables, or have been killed there. */
#define ALL_THERE RECORDS_THERE " and to_regclass($1 || '_lock') is not null"

static int tables_exist(struct pg_backend *g, const char *query, bool *exists, struct err *err)
{
    AUTO_ANSWER struct answer a = {0};
    struct parameter table = {.text = g->table};
    if (ask_server(g, query, &table, 1, &a, err))
        return -1;
    *exists = answer_flag(&a, 0, 0);
    return 0;
}

/* Somebody else was making it at the same moment; which of its parts was there first is chance. */
static bool was_made_meanwhile(const struct err *why)
{
    static const char *const codes[] = {"23505" /* unique_violation */, "42P07" /* duplicate_table */,
        "42710" /* duplicate_object: its type */};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(why->code, codes[i]) == 0)
            return true;
    return false;
}

static int make_tables(struct pg_backend *g, struct err *err)
{
    static const char *const statements[] = {
        "create table if not exists %_lock (name text primary key, holder text not null)",
        "create table if not exists % (name text not null, first_seq bigint not null, lines bytea not null, "
        "snapshot boolean not null, written timestamptz not null default now(), primary key (name, "
        "first_seq))",
    };
    bool exists;
    struct err why = ERR_INIT;
    if (tables_exist(g, ALL_THERE, &exists, err) || exists)
        return exists ? 0 : -1;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        AUTO_ANSWER struct answer a = {0};
        if (ask_server(g, statements[i], NULL, 0, &a, &why) && !was_made_meanwhile(&why))
            break;
    }
    if (why.class == ERR_NONE ||
        (was_made_meanwhile(&why) && !tables_exist(g, ALL_THERE, &exists, err) && exists))
        return 0;
    *err = why;
    return err_context(err, "making the table %s", g->table);
}

/* ---- reading ---- */

static int one_number(struct pg_backend *g, const char *query, uint64_t *out, struct err *err)
{
    AUTO_ANSWER struct answer a = {0};
    struct parameter name = {.text = g->name};
    if (ask_server(g, query, &name, 1, &a, err))
        return -1;
    *out = g->pq->ntuples(a.rows) && !g->pq->getisnull(a.rows, 0, 0)
               ? strtoull(answer_cell(&a, 0, 0), NULL, 10)
               : 0;
    return 0;
}

static int give_row(struct pg_backend *g, const struct answer *a, int row, uint64_t after, log_line *line,
    void *ctx, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str hex = str_n(answer_cell(a, row, 1), (size_t)g->pq->getlength(a->rows, row, 1)), text;
    if (!str_starts(hex, STR("\\x")) || !hex_decode(&scratch, str_slice(hex, 2, hex.n), &text))
        err_set(err, ERR_PROTOCOL, "it is not bytes");
    else if (!log_each(text, after, line, ctx, err))
        return 0;
    return err_context(err, "%.*s, row %s", STR_ARG(g->base.description), answer_cell(a, row, 0));
}

static int read_rows(
    struct pg_backend *g, uint64_t from, uint64_t after, log_line *line, void *ctx, struct err *err)
{
    for (;;) {
        AUTO_ANSWER struct answer a = {0};
        char first[24];
        snprintf(first, sizeof first, "%" PRIu64, from);
        struct parameter parameters[] = {{.text = g->name}, {.text = first}};
        if (ask_server(g,
                "select first_seq, lines from % where name = $1 and first_seq >= $2::bigint order by "
                "first_seq limit 256",
                parameters, 2, &a, err))
            return -1;
        int n = g->pq->ntuples(a.rows);
        for (int i = 0; i < n; i++)
            if (give_row(g, &a, i, after, line, ctx, err))
                return -1;
        g->rows += (size_t)n;
        if (n < PAGE)
            return 0;
        from = strtoull(answer_cell(&a, n - 1, 0), NULL, 10) + 1;
    }
}

/* A row among the locks, so that tables of before need no other column. */
static int pg_head(struct backend *b, uint64_t *seq, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    bool exists;
    *seq = 0;
    if (tables_exist(g, ALL_THERE, &exists, err))
        return -1;
    return exists ? one_number(g, "select holder from %_lock where name = $1 || '#head'", seq, err) : 0;
}

static int pg_read(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    bool exists;
    uint64_t snapshot;
    *torn = false;
    if (tables_exist(g, RECORDS_THERE, &exists, err))
        return -1;
    if (!exists)
        return 0;
    if (one_number(g, "select max(first_seq) from % where name = $1 and snapshot", &snapshot, err))
        return -1;
    bool fresh = snapshot > after;
    if (fresh)
        g->rows = 0;
    return read_rows(g, fresh ? snapshot : after + 1, after, line, ctx, err);
}

static int pg_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    bool exists;
    if (tables_exist(pg_backend_of(b), RECORDS_THERE, &exists, err))
        return -1;
    return exists ? read_rows(pg_backend_of(b), 0, 0, line, ctx, err) : 0;
}

/* ---- the lock ---- */

static int pg_holder(
    struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_ANSWER struct answer locked = {0}, holder = {0};
    struct parameter key = {.text = g->key}, name = {.text = g->name};
    const struct value *v = NULL;
    bool exists;
    if (ask_server(g,
            "select exists (select from pg_locks where locktype = 'advisory' and granted and objsubid = 1 "
            "and (classid::bigint << 32 | objid::bigint) = $1::bigint "
            "and database = (select oid from pg_database where datname = current_database()))",
            &key, 1, &locked, err) ||
        tables_exist(g, ALL_THERE, &exists, err))
        return -1;
    *held = answer_flag(&locked, 0, 0);
    if (exists && ask_server(g, "select holder from %_lock where name = $1", &name, 1, &holder, err))
        return -1;
    if (exists && g->pq->ntuples(holder.rows) &&
        json_parse(arena, str_z(answer_cell(&holder, 0, 0)), &v, NULL))
        v = NULL;
    lock_info_from(arena, v, who);
    return 0;
}

static int try_lock(struct pg_backend *g, bool *got, struct err *err)
{
    AUTO_ANSWER struct answer a = {0};
    struct parameter key = {.text = g->key};
    if (ask_server(g, "select pg_try_advisory_lock($1::bigint)", &key, 1, &a, err))
        return -1;
    *got = answer_flag(&a, 0, 0);
    return 0;
}

static int write_holder(struct pg_backend *g, const struct lock_info *who, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    AUTO_ANSWER struct answer a = {0};
    json_write(&text, lock_info_value(&scratch, who), JSON_PLAIN);
    struct parameter parameters[] = {{.text = g->name}, {.text = text.p}};
    return ask_server(g,
        "insert into %_lock values ($1, $2) on conflict (name) do update set holder = excluded.holder",
        parameters, 2, &a, err);
}

static void pg_unlock(struct backend *b)
{
    struct pg_backend *g = pg_backend_of(b);
    struct parameter key = {.text = g->key};
    struct err ignored = ERR_INIT; /* then the session's end frees it */
    if (!atomic_exchange(&g->locked, false) || atomic_load(&g->lost))
        return;
    AUTO_ANSWER struct answer a = {0};
    ask_server(g, "select pg_advisory_unlock($1::bigint)", &key, 1, &a, &ignored);
}

static int pg_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t started = clock_mono_ms();
    bool got, held;
    if (make_tables(g, err))
        return -1;
    for (;;) {
        struct lock_info holder = {0};
        if (try_lock(g, &got, err))
            return -1;
        if (got)
            break;
        if (clock_mono_ms() - started >= timeout_ms) {
            if (pg_holder(b, &scratch, &holder, &held, err))
                return -1;
            return lock_info_refuse(&holder, b->description, err);
        }
        clock_sleep_ms(POLL_MS);
    }
    atomic_store(&g->locked, true);
    if (write_holder(g, who, err)) {
        pg_unlock(b);
        return -1;
    }
    return 0;
}

static int pg_force_unlock(struct backend *b, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct lock_info who;
    bool held;
    if (pg_holder(b, &scratch, &who, &held, err))
        return -1;
    if (!held)
        return 0;
    lock_info_refuse(&who, b->description, err);
    return err_hint(err, "its session is alive; the server ends that of a dead machine within a minute, or "
                         "at once with pg_terminate_backend()");
}

static int lost_lock(struct pg_backend *g, struct err *err)
{
    atomic_store(&g->lost, true);
    err_set(err, ERR_LOCKED, "the lock of %.*s was lost with the connection to the server",
        STR_ARG(g->base.description));
    return err_hint(
        err, "another run may have taken over; what this one had under way is settled by the next");
}

/* The lock is the session's, and the session is the connection's: looks at the socket, which any thread may.
 */
static int pg_check_lock(struct backend *b, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    if (!atomic_load(&g->locked))
        return 0;
    struct pollfd socket = {.fd = g->pq->socket(g->connection), .events = POLLRDHUP};
    bool gone = socket.fd < 0 ||
                (poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)));
    return gone || atomic_load(&g->lost) ? lost_lock(g, err) : 0;
}

/* ---- writing ---- */

#define SET_HEAD(seq_)                                                                                       \
    "insert into %_lock values ($1 || '#head', " seq_                                                        \
    ") on conflict (name) do update set holder = excluded.holder"

static int pg_set_head(struct backend *b, uint64_t seq, struct err *err)
{
    AUTO_ANSWER struct answer a = {0};
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, seq);
    struct parameter parameters[] = {{.text = pg_backend_of(b)->name}, {.text = text}};
    return ask_server(pg_backend_of(b), SET_HEAD("$2"), parameters, 2, &a, err);
}

static int insert_rows(
    struct pg_backend *g, struct str lines, uint64_t first_seq, bool snapshot, struct err *err)
{
    AUTO_ANSWER struct answer a = {0};
    char first[24], last[24];
    struct err why = ERR_INIT;
    snprintf(first, sizeof first, "%" PRIu64, first_seq);
    snprintf(last, sizeof last, "%" PRIu64, first_seq + backend_count_lines(lines) - 1);
    struct parameter parameters[] = {
        {.text = g->name}, {.text = first}, {.bytes = lines}, {.text = snapshot ? "t" : "f"}, {.text = last}};
    assert(atomic_load(&g->locked));
    if (pg_check_lock(&g->base, err))
        return -1;
    crash_point("log.write");
    /* One statement, one commit: the head is never apart from the records. */
    if (!ask_server(g,
            "with head as (" SET_HEAD("$5") ") insert into % values ($1, $2::bigint, $3::bytea, $4::boolean)",
            parameters, 5, &a, &why)) {
        crash_point("log.synced");
        return 0;
    }
    if (strcmp(why.code, "23505") == 0) {
        err_set(&why, ERR_LOCKED, "another run has written to %.*s: this one has lost its lock",
            STR_ARG(g->base.description));
        err_hint(&why, "what this run had under way is settled by the next command");
    }
    *err = why;
    return -1;
}

static int pg_append(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    pg_backend_of(b)->rows++;
    return insert_rows(pg_backend_of(b), lines, first_seq, false, err);
}

static int pg_snapshot(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    pg_backend_of(b)->rows = 0;
    return insert_rows(pg_backend_of(b), lines, first_seq, true, err);
}

static bool pg_crowded(struct backend *b)
{
    return pg_backend_of(b)->rows > CROWDED;
}

/* ---- is the server fit for it? ---- */

static int pg_probe(struct backend *b, const struct probe_report *r, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_ANSWER struct answer a = {0};
    if (ask_server(g,
            "select not pg_is_in_recovery(), current_setting('fsync') = 'on', "
            "current_setting('full_page_writes') = 'on', extract(epoch from clock_timestamp()) * 1000, "
            "current_setting('server_version')",
            NULL, 0, &a, err))
        return -1;
    bool primary = answer_flag(&a, 0, 0), durable = answer_flag(&a, 0, 1);
    r->line(r->ctx, primary, "primary",
        primary ? "the server takes writes" : "the server is a read-only standby");
    r->line(r->ctx, durable, "durability",
        durable ? "fsync is on" : "fsync is off: a crash of the server can lose records");
    double skew = strtod(answer_cell(&a, 0, 3), NULL) - (double)clock_wall_ms();
    bool agrees = skew < CLOCK_SKEW_MS && skew > -CLOCK_SKEW_MS;
    r->line(r->ctx, agrees, "clock",
        agrees ? "agrees with the server's" : "differs from the server's by more than a minute");
    if (!primary)
        return err_set(err, ERR_INVALID, "%.*s is on a read-only standby", STR_ARG(b->description));
    return durable ? 0
                   : err_set(err, ERR_INVALID, "%.*s is on a server that may lose what it confirmed",
                         STR_ARG(b->description));
}

/* ---- making and ending ---- */

static void pg_free(struct backend *b)
{
    struct pg_backend *g = pg_backend_of(b);
    if (g->connection) {
        pg_unlock(b);
        g->pq->finish(g->connection);
    }
    arena_release(&g->arena);
    free(g);
}

static int pg_place(struct backend *b, struct arena *arena, struct backend_place *out, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_ANSWER struct answer names = {0}, now = {0};
    bool exists;
    *out = (struct backend_place){0};
    if (tables_exist(g, RECORDS_THERE, &exists, err) ||
        ask_server(g, "select (extract(epoch from now()) * 1000)::bigint", NULL, 0, &now, err))
        return -1;
    out->clock_ms = strtoll(answer_cell(&now, 0, 0), NULL, 10);
    if (!exists)
        return 0;
    if (ask_server(g, "select distinct name from %", NULL, 0, &names, err))
        return -1;
    int n = g->pq->ntuples(names.rows);
    out->names = ARENA_ARRAY(arena, struct str, (size_t)n + 1);
    for (int i = 0; i < n; i++)
        out->names[out->n++] = arena_str(arena, str_z(answer_cell(&names, i, 0)));
    return 0;
}

static const struct backend_ops pg_ops = {
    .place = pg_place,
    .lock = pg_lock,
    .unlock = pg_unlock,
    .holder = pg_holder,
    .force_unlock = pg_force_unlock,
    .read = pg_read,
    .read_all = pg_read_all,
    .append = pg_append,
    .snapshot = pg_snapshot,
    .head = pg_head,
    .set_head = pg_set_head,
    .crowded = pg_crowded,
    .check_lock = pg_check_lock,
    .probe = pg_probe,
    .free = pg_free,
};

/* The name goes into the queries as it is, so it may only be what needs no quoting. */
static bool is_plain_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_', digit = c >= '0' && c <= '9';
        if (!letter && !(i && (digit || c == '.')))
            return false;
    }
    return name.n > 0 && name.n < 100;
}

/* postgres://user:password@host, or password=… among other words. */
static void learn_password(struct str url)
{
    ptrdiff_t at = str_find(url, STR("password="), 0);
    mask_add_url(url, MASK_GIVEN);
    if (at < 0)
        return;
    struct str rest, value = str_slice(url, (size_t)at + sizeof "password=" - 1, url.n);
    bool quoted = str_starts(value, STR("'"));
    mask_add(str_cut(str_slice(value, quoted, value.n), quoted ? '\'' : ' ', &rest), MASK_LIKELY);
}

int backend_postgres_new(const struct backend_options *options, struct backend **out, struct err *err)
{
    struct str table = value_text(value_getz(options->config, "table"), STR("weir_state"));
    if (!is_plain_name(table))
        return err_set(
            err, ERR_INVALID, "the state's table \"%.*s\" must be a plain lower-case name", STR_ARG(table));
    struct pg_backend *g = mem_zalloc(sizeof *g);
    struct arena *a = &g->arena;
    g->base.ops = &pg_ops;
    g->url = arena_strz(a, value_gets(options->config, "url"));
    learn_password(str_z(g->url));
    g->table = arena_strz(a, table);
    g->name = arena_printf(
        a, "%.*s%s%.*s", STR_ARG(options->stack), options->env.n ? "." : "", STR_ARG(options->env))
                  .p;
    g->base.description = arena_printf(a, "the PostgreSQL table %s (%s)", g->table, g->name);
    unsigned char digest[SHA256_SIZE];
    int64_t key;
    hash_sha256(arena_printf(a, "%s %s", g->table, g->name), digest);
    memcpy(&key, digest, sizeof key);
    snprintf(g->key, sizeof g->key, "%" PRId64, key);
    *out = &g->base;
    return 0;
}
