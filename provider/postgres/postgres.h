/*
 * What the types of postgres.* have in common. Their attributes are in specs/postgres.yaml, how the catalog
 * shows them in catalog/<type>.sql; here is how SQL makes, changes and removes them.
 *
 * A function that writes adds statements to `work->sql`, which go to the server as one message, and so as one
 * transaction. A type that has to do more runs that itself and leaves the text empty.
 */
#pragma once

#include "base/buf.h"
#include "base/pq_api.h"
#include "provider/kind.h"
#include "provider/provider.h"

/* ---- server.c: A PostgreSQL server as weir reaches it: few connections, each lent to one operation at a
 * time, opened when first needed. libpq does the talking, never blocking: whoever waits can be interrupted.
 *
 * Order of calls: server_new(); from any thread session_take(), session_run() … and session_give();
 * server_free() when no operation runs any more. An operation holds one session at a time, or it might wait
 * for itself.
 *
 * Text that goes to the server is put together by sql_add(), which quotes by libpq. A message of several
 * statements without parameters is one transaction, so what is made is made whole or not at all. */

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

/* The provider's way to buckets, from then on known to provider_aws(); opened when something is there. */
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

/* One change on its way. */
struct pg_work {
    struct op_ctx *ctx;
    struct session *session;
    bool again;                /* create: see struct attempt */
    unsigned teardown;         /* delete: what may go with it, see enum teardown */
    const struct value *prior; /* update, delete: what is there, as far as it was looked at; otherwise NULL */
    const struct value *desired; /* create, update */
    const struct value
        *changed;             /* update: names of attributes; create: NULL, which means all that is given */
    const struct value *live; /* set by those that know it without reading the catalog */
    struct buf sql;
};

typedef int pg_work_fn(struct pg_work *work, struct err *err);

struct pg_type {
    const char *name; /* "role" of postgres.role */
    const char *keys; /* what identifies it besides the database, with blanks between: its id, with slashes */
    const char *catalog; /* file with the query that shows it; NULL: `read` does */
    bool server_wide;    /* is in no database */
    pg_work_fn *create, *update, *remove;
    /* What the catalog shows, as the file would say it. `prior` identifies it and may be the record; `fresh`:
     * it was just made from that. NULL: as it is. It gives NULL where there is nothing of it. */
    const struct value *(*shape)(
        struct arena *arena, const struct value *prior, const struct value *live, bool fresh);
    /* What `as_stored` would be, for something that the record does not have: what the server makes of
     * work->desired. NULL: nothing of the kind. */
    int (*remember)(struct pg_work *work, const struct value **memory, struct err *err);
    /* Types that no query alone shows: *live NULL where it is not there. */
    int (*read)(struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err);
    /* The rest of resource_ops' functions, where there is something to do. */
    int (*prepare)(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
        const struct value **prepared, struct err *err);
    /* Adds to what is planned, or refuses it. `prior` NULL: it is made. */
    int (*plan)(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
        const struct value **planned, struct err *err);
    /* How much goes when it is deleted: writes a query of two numbers, of what is called `counted` and of
     * bytes. NULL: nothing but itself. */
    void (*count)(struct pg_work *work);
    const char *counted, *message;
    /* Whatever is there after an interrupted creation is what it would have made. */
    bool always_made;
    /* An interrupted creation: is what is there what it would have made? NULL: where nothing given differs.
     */
    int (*is_made)(struct op_ctx *ctx, const struct value *desired, const struct value *live, bool *made,
        struct err *err);
};

extern const struct pg_type pg_database, pg_role, pg_schema, pg_extension, pg_grant, pg_default_privileges,
    pg_table, pg_view, pg_migrations, pg_load, pg_statement, pg_query;

/* The operations of all of them. */
extern const struct resource_ops postgres_ops;

/* ---- ops.c ---- */

/* An attribute as it is given, or else its default. */
struct str text_of(const struct op_ctx *ctx, const struct value *object, const char *name);
bool flag_of(const struct op_ctx *ctx, const struct value *object, const char *name);
/* What the statement is about: as it is wanted, or as it was where it goes; and text_of() that. */
const struct value *pg_work_object(const struct pg_work *work);
struct str pg_work_text(const struct pg_work *work, const char *name);
/* Was it given, or does it change? */
bool pg_work_has(const struct pg_work *work, const char *name);
/* "schema"."name", for %s. */
struct str pg_work_name(struct pg_work *work, const char *schema, const char *name);
/* Does the stack or the command agree to losing what depends on it? */
bool pg_work_takes_all(const struct pg_work *work);
/* Runs the `drop` that was written, of what depends on it as well where that is agreed to; `hint`: of what is
 * in the way otherwise. */
int pg_work_drop(struct pg_work *work, const char *hint, struct err *err);
/* The session of the object's database. */
int object_session(struct op_ctx *ctx, const struct value *object, struct session **out, struct err *err);

/* ---- role.c ---- */

struct borrowed {
    struct rows roles, between; /* between: the role that stands for them; none: who may not make any */
};

/*
 * After a refusal for want of privileges: makes the user a member of the roles that own what `work` is about,
 * as far as it may do that. False: there is none. Otherwise it is given back with temporary_grant_end(). What
 * a kill in between has left is taken back by temporary_grant_take_back(), which each new session of a user
 * that is no superuser begins with; only one that may not make roles keeps it, and can then do no more than
 * it can allow itself.
 */
bool temporary_grant_begin(struct pg_work *work, struct borrowed *borrowed);
void temporary_grant_end(struct pg_work *work, const struct borrowed *borrowed);
void temporary_grant_take_back(struct session *session);
#define AUTO_BORROWED __attribute__((cleanup(temporary_grant_clear)))
void temporary_grant_clear(struct borrowed *borrowed);

/* ---- catalog.c ---- */

/* Without the end of a statement. */
struct str query_of(struct op_ctx *ctx, const struct value *object);
/* One resource of that type, by its keys; *live NULL where it is not there. */
int catalog_look(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *prior, bool fresh, const struct value **live, struct err *err);
/* All of a list at once; `found` is called with what is there, complete with its id. */
int catalog_look_all(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *const *priors, size_t n, resource_found *found, void *found_ctx, struct err *err);
/* The object in the first row of such a query; NULL where there is none. */
int catalog_row(struct op_ctx *ctx, const struct rows *rows, const struct value **live, struct err *err);
/* The query for these resources, as text; `wanted` a list of {key, …}. */
struct str catalog_query(
    struct session *session, struct arena *arena, const char *file, const struct value *wanted);
/* Both names with the database, where that is given, and slashes between. */
const struct value *catalog_id(struct op_ctx *ctx, const struct pg_type *type, const struct value *object);

/* ---- ops.c: The kind of providers whose types are in a PostgreSQL server. */
extern const struct provider_kind postgres_kind;

/* ---- source.c: Files that go into a database: those of a folder, or one; in order, each with its digest.
 * And the ledger there, a table that says which of them went in: written in the same transaction as what
 * they did. */
struct local_file {
    struct str name; /* without folders */
    struct str path;
    struct str digest; /* of the content: SHA-256 in hex; of an object etag:… */
    uint64_t number;   /* that the name begins with */
    /* One that is in a bucket (postgres.h); otherwise "". */
    struct str bucket, key;
    int64_t size;
};

struct local_files {
    struct local_file *items; /* in the arena */
    size_t n;
};

/*
 * The file, or all in the folder whose name ends so and not in `but` ("" none); by number, then by name.
 * ERR_IO where it is not there.
 */
int files_find(struct op_ctx *ctx, struct str path, struct str end, struct str but, struct local_files *out,
    struct err *err);
/* {name: digest} */
const struct value *files_map(struct arena *arena, const struct local_files *files);

/* ---- the ledger ---- */

/* "schema"."ledger" of the object. */
struct str ledger_name(struct op_ctx *ctx, struct session *session, const struct value *object);
/*
 * What it says of the object's own: {name: digest} and {name: rows}, `only` of one table of the load's; NULL
 * in *files: there is no ledger, or it has nothing of it.
 */
int ledger_read(struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct value **files, const struct value **rows, struct err *err);
int ledger_make(struct op_ctx *ctx, struct session *session, const struct value *object, struct err *err);
/* The statement that notes a file. */
void ledger_note(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct local_file *file, int64_t rows);
/* A statement that takes the object's lines out, and the ledger with the last one; fine where there is none.
 */
void ledger_forget(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object);

/* ---- source.c: Where the rows of a load come from: files beside the stack, or objects of a bucket
 * (s3://BUCKET/PREFIX/, or the key of one). Both are known by their content: a file by its SHA-256, an object
 * by its entity tag, which a listing shows. What is another by the time that it is read is not loaded.
 *
 * Order of calls: source_find(); for each file source_open(), source_next() until *n is 0, source_close(). */
struct copy_source;

/* Does the load's `source` name a bucket? Then it takes a provider to look there. */
bool source_is_bucket(const struct value *source);
/* What a load is made of now. ERR_ABSENT: the bucket is not there. */
int source_find(struct op_ctx *ctx, const struct value *object, struct local_files *files, struct err *err);

/* In the context's arena. */
int source_open(struct op_ctx *ctx, const struct local_file *file, struct copy_source **out, struct err *err);
/* At the end it is compared with what was planned: ERR_STALE where it is another. */
int source_next(struct copy_source *source, const char **bytes, size_t *n, struct err *err);
void source_close(struct copy_source **source); /* NULL in it is fine */
#define AUTO_SOURCE __attribute__((cleanup(source_close)))

/* s3:GetObject and s3:ListBucket; see struct resource_ops. Files need nothing. */
void source_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out);
const struct value *source_scope(
    const struct schema *schema, const struct value *object, struct str action, struct arena *arena);

/* ---- table.c: postgres.table. What the server makes of a definition (integer for int, now() in its own
 * words) is not what the file says, and yet no difference. So the record keeps the server's form beside the
 * file's
 * (`as_stored`): as long as the catalog still shows that, what is there is what the file has.
 *
 * And before anything is changed, the wanted table is made as a temporary one that is rolled back, its twin:
 * its form in the catalog, compared with the real table's, says what has to be done, by the server's own
 * rules. */

/* ---- table.c ---- */

const struct value *table_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh);

/* The statements that make it; `twin`: as a temporary one, without what such a one cannot have. */
void table_write(struct pg_work *work, bool twin);
void table_write_column(struct pg_work *work, const struct value *column);
/* "foreign key (a) references s.t (b) on delete cascade" */
void table_write_foreign_key(struct pg_work *work, const struct value *key);
void table_write_index(struct pg_work *work, struct str name, struct str definition, struct str table);
void table_write_partition(
    struct pg_work *work, struct str name, struct str bounds, struct str schema, struct str table);
/* "schema"."name" of it. */
struct str table_name(struct pg_work *work);

/* Does every value of one type fit into the other, as it is? Both in the server's own words (format_type). */
bool type_widens(struct str from, struct str to);

/* ---- table_alter.c ---- */

/* What the catalog would show of the wanted one. */
int table_twin(struct pg_work *work, const struct value **twin, struct err *err);
/* What it shows of the real one; NULL: it is not there. */
int table_now(struct pg_work *work, const struct value **now, struct err *err);
/*
 * The statements that bring one to the other, in work->sql; columns that may hold no nulls any more in
 * *checked. ERR_INVALID where that would lose or rewrite data and nobody has agreed.
 */
int table_alter(struct pg_work *work, const struct value *now, const struct value *twin,
    const struct value **checked, struct err *err);
