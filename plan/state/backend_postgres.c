/* The log as rows of a table, over libpq, which is loaded at run time. */
#include "base/clock.h"
#include "base/crash.h"
#include "base/hash.h"
#include "base/mask.h"
#include "base/mem.h"
#include "plan/state/backend_postgres_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the session with the server: connecting, queries, tables ---- */

/* Adds the first line of the server's or the library's message. */
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
    /* Both ends detect a dead peer; the holder of a lock must do so before the server releases it. */
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

/* All results are text, bytea as hex, so that one format suffices. */
int pg_run(struct pg_backend *g, const char *query, const struct pg_parameter *parameters, int n,
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
    struct str text = STR_EMPTY; /* replaces % in the query by the table's name */
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
    if (pg_run(g, query, &table, 1, &a, err))
        return -1;
    *exists = pg_flag(&a, 0, 0);
    return 0;
}

/* True if another session created it at the same time; which part already existed is random. */
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
        if (pg_run(g, statements[i], NULL, 0, &a, &why) && !was_made_meanwhile(&why))
            break;
    }
    if (why.class == ERR_NONE ||
        (was_made_meanwhile(&why) && !pg_tables_exist(g, PG_ALL_THERE, &exists, err) && exists))
        return 0;
    *err = why;
    return err_context(err, "making the table %s", g->table);
}

enum {
    PAGE = 256,     /* rows per query */
    CROWDED = 1000, /* rows after which a snapshot is due */
    PER_ROW = 256, /* plus one for each of this many records, since a larger snapshot takes longer to write */
    PIECE = 16 * 1024, /* bytes of a snapshot per row */
    PART_WORTH = 2000, /* minimum of records for reading a snapshot in parts */
    CLOCK_SKEW_MS = 60 * 1000,
};

/* ---- reading ---- */

static int one_number(struct pg_backend *g, const char *query, uint64_t *out, struct err *err)
{
    AUTO_PG_ANSWER struct pg_answer a = {0};
    struct pg_parameter name = {.text = g->name};
    if (pg_run(g, query, &name, 1, &a, err))
        return -1;
    *out =
        g->pq->ntuples(a.rows) && !g->pq->getisnull(a.rows, 0, 0) ? strtoull(pg_cell(&a, 0, 0), NULL, 10) : 0;
    return 0;
}

static int row_lines(struct pg_backend *g, struct arena *arena, const struct pg_answer *a, int row,
    struct str *lines, struct err *err)
{
    struct str hex = str_n(pg_cell(a, row, 1), (size_t)g->pq->getlength(a->rows, row, 1));
    return str_starts(hex, STR("\\x")) && hex_decode(arena, str_slice(hex, 2, hex.n), lines)
               ? 0
               : err_set(err, ERR_PROTOCOL, "it is not bytes");
}

/* True for rows of a snapshot, which has many. */
static bool is_kept_row(struct str lines)
{
    struct str head = str_slice(lines, 0, lines.n < 256 ? lines.n : 256);
    return str_find(head, STR("\"kind\":\"kept\""), 0) >= 0 ||
           str_find(head, STR("\"kind\":\"names\""), 0) >= 0;
}

static int give_row(struct pg_backend *g, const struct pg_answer *a, int row, uint64_t after, log_line *line,
    void *ctx, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text;
    if (!row_lines(g, &scratch, a, row, &text, err) && !log_each(text, after, line, ctx, err)) {
        g->rows += !is_kept_row(text);
        return 0;
    }
    return err_context(err, "%.*s, row %s", STR_ARG(g->base.description), pg_cell(a, row, 0));
}

static int read_rows(
    struct pg_backend *g, uint64_t from, uint64_t after, log_line *line, void *ctx, struct err *err)
{
    for (;;) {
        AUTO_PG_ANSWER struct pg_answer a = {0};
        char first[24];
        snprintf(first, sizeof first, "%" PRIu64, from);
        struct pg_parameter parameters[] = {{.text = g->name}, {.text = first}};
        if (pg_run(g,
                "select first_seq, lines from % where name = $1 and first_seq >= $2::bigint order by "
                "first_seq limit 256",
                parameters, 2, &a, err))
            return -1;
        int n = g->pq->ntuples(a.rows);
        for (int i = 0; i < n; i++)
            if (give_row(g, &a, i, after, line, ctx, err))
                return -1;
        if (n < PAGE)
            return 0;
        from = strtoull(pg_cell(&a, n - 1, 0), NULL, 10) + 1;
    }
}

/* Executes a query with the state's name as $1; no rows if the tables do not exist (libpq returns 0 rows for
 * no result). */
static int ask_if_there(struct pg_backend *g, const char *query, struct pg_answer *a, struct err *err)
{
    struct pg_parameter name = {.text = g->name};
    bool exists;
    if (pg_tables_exist(g, PG_ALL_THERE, &exists, err))
        return -1;
    return exists ? pg_run(g, query, &name, 1, a, err) : 0;
}

/* Rows in the lock table, so that existing tables need no further column. */
static int pg_head(struct backend *b, struct backend_head *head, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_PG_ANSWER struct pg_answer a = {0};
    *head = (struct backend_head){0};
    if (ask_if_there(g,
            "select coalesce((select holder from %_lock where name = $1 || '#head'), '0'), "
            "coalesce((select holder from %_lock where name = $1 || '#lineage'), '')",
            &a, err))
        return -1;
    if (!g->pq->ntuples(a.rows))
        return 0;
    head->seq = strtoull(pg_cell(&a, 0, 0), NULL, 10);
    snprintf(head->lineage, sizeof head->lineage, "%s", pg_cell(&a, 0, 1));
    return 0;
}

static int pg_read(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    bool exists;
    uint64_t snapshot;
    *torn = false;
    if (g->shared && after) /* no snapshot is written during a shared lock */
        return read_rows(g, after + 1, after, line, ctx, err);
    if (pg_tables_exist(g, PG_RECORDS_THERE, &exists, err))
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

/* ---- in parts ---- */

static int pg_find_snapshot(struct backend *b, uint64_t *size, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_PG_ANSWER struct pg_answer a = {0};
    *size = 0;
    /* A single row was written by an older version: it cannot be read in parts. */
    if (ask_if_there(g,
            "select first_seq, coalesce((select holder from %_lock where name = $1 || '#head'), '0') from "
            "(select first_seq, octet_length(lines) as bytes from % where name = $1 and snapshot "
            "order by first_seq desc limit 1) as s where bytes <= 1048576",
            &a, err))
        return -1;
    if (!g->pq->ntuples(a.rows))
        return 0;
    g->snapshot = strtoull(pg_cell(&a, 0, 0), NULL, 10);
    uint64_t head = strtoull(pg_cell(&a, 0, 1), NULL, 10);
    if (head >= g->snapshot + PART_WORTH)
        *size = head - g->snapshot + 1;
    return 0;
}

static int pg_read_lines(
    struct backend *b, struct arena *arena, uint64_t at, struct log_piece *out, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_PG_ANSWER struct pg_answer a = {0};
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, g->snapshot + at);
    struct pg_parameter parameters[] = {{.text = g->name}, {.text = number}};
    if (pg_run(g,
            "select first_seq, lines from % where name = $1 and first_seq <= $2::bigint order by first_seq "
            "desc "
            "limit 1",
            parameters, 2, &a, err))
        return -1;
    if (!g->pq->ntuples(a.rows))
        return err_set(err, ERR_DAMAGED, "there is no record %s", number);
    *out = (struct log_piece){.at = strtoull(pg_cell(&a, 0, 0), NULL, 10) - g->snapshot, .by_number = true};
    return row_lines(g, arena, &a, 0, &out->lines, err);
}

static int pg_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    bool exists;
    if (pg_tables_exist(pg_backend_of(b), PG_RECORDS_THERE, &exists, err))
        return -1;
    return exists ? read_rows(pg_backend_of(b), 0, 0, line, ctx, err) : 0;
}

/* ---- writing ---- */

#define SET_HEAD(seq_)                                                                                       \
    "insert into %_lock values ($1 || '#head', " seq_                                                        \
    ") on conflict (name) do update set holder = excluded.holder"
#define SET_LINEAGE(lineage_)                                                                                \
    "insert into %_lock as l select $1 || '#lineage', " lineage_ "::text where " lineage_                    \
    "::text <> '' on conflict (name) do update set holder = excluded.holder where l.holder <> "              \
    "excluded.holder"

static int pg_set_head(struct backend *b, uint64_t seq, struct err *err)
{
    AUTO_PG_ANSWER struct pg_answer a = {0};
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, seq);
    struct pg_parameter parameters[] = {
        {.text = pg_backend_of(b)->name}, {.text = text}, {.text = b->lineage}};
    return pg_run(
        pg_backend_of(b), "with lineage as (" SET_LINEAGE("$3") ") " SET_HEAD("$2"), parameters, 3, &a, err);
}

/* Splits the lines into rows: PostgreSQL arrays of first numbers, offsets and lengths. */
struct division {
    struct buf firsts, places, lengths;
};

static void divide(struct str lines, uint64_t first_seq, bool snapshot, struct division *out)
{
    size_t begin = 0;
    while (begin < lines.n) {
        size_t end = snapshot && lines.n - begin > PIECE ? begin + PIECE : lines.n;
        while (end < lines.n && lines.p[end - 1] != '\n')
            end++;
        const char *separator = begin ? "," : "{";
        buf_addf(&out->firsts, "%s%" PRIu64, separator, first_seq);
        buf_addf(&out->places, "%s%zu", separator, begin + 1);
        buf_addf(&out->lengths, "%s%zu", separator, end - begin);
        first_seq += backend_count_lines(str_slice(lines, begin, end));
        begin = end;
    }
    buf_addz(&out->firsts, "}");
    buf_addz(&out->places, "}");
    buf_addz(&out->lengths, "}");
}

static void division_release(struct division *division)
{
    buf_release(&division->firsts);
    buf_release(&division->places);
    buf_release(&division->lengths);
}

static int insert_rows(
    struct pg_backend *g, struct str lines, uint64_t first_seq, bool snapshot, struct err *err)
{
    AUTO_PG_ANSWER struct pg_answer a = {0};
    __attribute__((cleanup(division_release))) struct division rows = {BUF_INIT, BUF_INIT, BUF_INIT};
    char first[24], last[24];
    struct err why = ERR_INIT;
    divide(lines, first_seq, snapshot, &rows);
    snprintf(first, sizeof first, "%" PRIu64, first_seq);
    snprintf(last, sizeof last, "%" PRIu64, first_seq + backend_count_lines(lines) - 1);
    struct pg_parameter parameters[] = {{.text = g->name}, {.text = rows.firsts.p}, {.bytes = lines},
        {.text = snapshot ? "t" : "f"}, {.text = last}, {.text = g->base.lineage}, {.text = rows.places.p},
        {.text = rows.lengths.p}};
    assert(atomic_load(&g->locked));
    if (pg_check_lock(&g->base, err))
        return -1;
    crash_point("log.write");
    /* One statement and commit: the head never differs from the records. */
    if (!pg_run(g,
            "with head as (" SET_HEAD("$5") "), lineage as (" SET_LINEAGE(
                "$6") ") insert into % select $1::text, r.first, substring($3::bytea from r.place for "
                      "r.length), "
                      "$4::boolean and r.n = 1 from unnest($2::bigint[], $7::int[], $8::int[]) with "
                      "ordinality as "
                      "r(first, place, length, n)",
            parameters, 8, &a, &why)) {
        crash_point("log.synced");
        return 0;
    }
    bool second = strcmp(why.code, "23505") == 0;
    if (second && g->shared)
        return err_set(err, ERR_EXISTS, "another run has written record %s of %.*s", first,
            STR_ARG(g->base.description));
    if (second) {
        err_set(&why, ERR_LOCKED, "another run has written to %.*s: this one has lost its lock",
            STR_ARG(g->base.description));
        err_hint(&why, "what this run had under way is recovered by the next command");
    }
    return err_raise(err, &why);
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

static bool pg_crowded(struct backend *b, size_t records)
{
    return pg_backend_of(b)->rows > CROWDED + records / PER_ROW;
}

/* ---- state doctor ---- */

static int pg_probe(struct backend *b, const struct probe_report *r, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_PG_ANSWER struct pg_answer a = {0};
    if (pg_run(g,
            "select not pg_is_in_recovery(), current_setting('fsync') = 'on', "
            "current_setting('full_page_writes') = 'on', extract(epoch from clock_timestamp()) * 1000, "
            "current_setting('server_version')",
            NULL, 0, &a, err))
        return -1;
    bool primary = pg_flag(&a, 0, 0), durable = pg_flag(&a, 0, 1);
    probe_report_line(
        r, primary, "primary", primary ? "the server takes writes" : "the server is a read-only standby");
    probe_report_line(r, durable, "durability",
        durable ? "fsync is on" : "fsync is off: a crash of the server can lose records");
    double skew = strtod(pg_cell(&a, 0, 3), NULL) - (double)clock_wall_ms();
    bool agrees = skew < CLOCK_SKEW_MS && skew > -CLOCK_SKEW_MS;
    probe_report_line(r, agrees, "clock",
        agrees ? "agrees with the server's" : "differs from the server's by more than a minute");
    if (!primary)
        return err_set(err, ERR_INVALID, "%.*s is on a read-only standby", STR_ARG(b->description));
    return durable ? 0
                   : err_set(err, ERR_INVALID, "%.*s is on a server that may lose what it confirmed",
                         STR_ARG(b->description));
}

/* ---- creation and release ---- */

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

static int pg_list_states(
    struct backend *b, struct arena *arena, struct backend_listing *out, struct err *err)
{
    struct pg_backend *g = pg_backend_of(b);
    AUTO_PG_ANSWER struct pg_answer names = {0}, now = {0};
    bool exists;
    *out = (struct backend_listing){0};
    if (pg_tables_exist(g, PG_RECORDS_THERE, &exists, err) ||
        pg_run(g, "select (extract(epoch from now()) * 1000)::bigint", NULL, 0, &now, err))
        return -1;
    out->clock_ms = strtoll(pg_cell(&now, 0, 0), NULL, 10);
    if (!exists)
        return 0;
    if (pg_run(g, "select distinct name from %", NULL, 0, &names, err))
        return -1;
    int n = g->pq->ntuples(names.rows);
    out->names = ARENA_ARRAY(arena, struct str, (size_t)n + 1);
    for (int i = 0; i < n; i++)
        out->names[out->n++] = arena_str(arena, str_z(pg_cell(&names, i, 0)));
    return 0;
}

static const struct backend_ops pg_ops = {
    .list = pg_list_states,
    .lock = pg_lock,
    .unlock = pg_unlock,
    .share = pg_share,
    .is_alive = pg_is_alive,
    .upgrade_lock = pg_upgrade_lock,
    .holder = pg_holder,
    .force_unlock = pg_force_unlock,
    .read = pg_read,
    .read_all = pg_read_all,
    .find_snapshot = pg_find_snapshot,
    .read_lines = pg_read_lines,
    .append = pg_append,
    .snapshot = pg_snapshot,
    .head = pg_head,
    .set_head = pg_set_head,
    .needs_snapshot = pg_crowded,
    .check_lock = pg_check_lock,
    .probe = pg_probe,
    .free = pg_free,
};

/* The name is inserted into queries, so it must not need quoting. */
static bool is_plain_name(struct str name)
{
    return name.n < 100 && str_is_word(name, CHARS_LOWER "_", CHARS_LOWER CHARS_DIGITS "_.");
}

/* postgres://user:password@host, or password=… among other settings. */
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
