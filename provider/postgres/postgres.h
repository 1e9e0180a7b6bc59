/*
 * Shared by the types of postgres.*. Their attributes are in specs/postgres.yaml, the queries that read them
 * in catalog/<type>.sql; the SQL that creates, updates and deletes them is in C.
 *
 * A function that writes appends statements to `work->sql`, which are sent as one message and therefore one
 * transaction. A type that needs more runs its own statements and leaves `work->sql` empty.
 */
#pragma once

#include "base/buf.h"
#include "base/pq_api.h"
#include "provider/kind.h"
#include "provider/provider.h"

/* ---- server.c: A PostgreSQL server: a few connections, each used by one operation at a time, opened when
 * needed. libpq is used without blocking, so that waiting can be cancelled.
 *
 * Order of calls: server_new(); from any thread session_take(), session_run() … and session_give();
 * server_free() after all operations. An operation holds one session at a time; otherwise it could deadlock
 * with itself.
 *
 * Statements are built by sql_add(), which quotes with libpq. A message of several statements without
 * parameters is one transaction, so that a change is complete or not made at all. */

/* ---- run.c: -v and -vv: traces statements, as provider/http/transfer.h does for requests. Secrets are
 * masked. */
struct sql_trace {
    int level; /* 0: nothing; 1: a line for each message; 2: the statements as well */
    void (*line)(void *ctx, const char *line);
    void *ctx;
};

/* One message to the server and its result. */
struct sql_reported {
    struct str database, sql;
    const struct err *failure; /* NULL: success */
    int64_t elapsed_ms;
    bool sensitive; /* statements may contain secrets that mask.h does not know */
};

struct server;
struct session;

/* ---- server.c ---- */

/* Reads the settings (`providers: NAME:`); opens nothing. */
int server_new(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void server_free(void *self);

/*
 * Takes a connection to that database ("": the settings' own; SERVER_WIDE: any existing one, for types
 * outside databases). Waits for a starting server, as long as the settings allow. ERR_ABSENT: the database
 * does not exist.
 */
#define SERVER_WIDE STR("\001")
int session_take(struct op_ctx *ctx, struct str database, struct session **out, struct err *err);
void session_give(struct session **session); /* *session may be NULL */
/* Closes all unused connections, of any provider, to a database of that name, so that it can be dropped. */
void server_forget(struct str database);
#define AUTO_SESSION __attribute__((cleanup(session_give)))

/* Opens the provider's AWS client for buckets, which provider_aws() then returns. */
int server_open_aws(struct op_ctx *ctx, struct err *err);
/* Returns NULL if it is not open. */
struct aws_client *server_aws(void *server);

/* Returns the trace settings. */
const struct sql_trace *server_trace(const struct server *server);

/* ---- connect.c ---- */

struct settings {
    struct str name; /* of the provider */
    struct str host, port, user, password, dbname, maintenance;
    struct str others[12]; /* key, value, key, value …: libpq parameters such as sslmode */
    size_t other_count;
    int64_t wait_ms;
    struct str via;
    bool iam; /* the password is a token of IAM database authentication */
};

struct way {
    int local_port;      /* loopback port that leads to the server; 0: direct connection */
    bool patient;        /* wait if the server has too many connections */
    struct str password; /* instead of the settings' own; "": none */
};

/* Opens a connection to that database. */
int settings_connect(const struct settings *settings, const struct pq_api *pq, struct op_ctx *ctx,
    struct str database, const struct way *way, PGconn **out, struct err *err);
int settings_read(
    struct arena *arena, const struct provider_options *options, struct settings *out, struct err *err);

/* ---- run.c ---- */

/* The result of the last statement that returned rows. */
struct rows {
    const struct pq_api *pq;
    PGresult *result;
};
void rows_clear(struct rows *rows);
#define AUTO_ROWS __attribute__((cleanup(rows_clear)))
int rows_count(const struct rows *rows);
struct str rows_text(const struct rows *rows, int row, int column); /* p NULL: null */

/* The source of statements, for messages: a file or an attribute; NULL: weir itself. */
struct source_text {
    struct str name, text;
};

/*
 * Runs one or several statements in one message. An error has the server's message; with `source`, which
 * `sql` ends with, also the line in it. `rows` may be NULL.
 */
int session_run(struct session *session, struct str sql, const struct source_text *source, struct rows *rows,
    struct err *err);
/* Like session_run(), repeated after conflicts with other sessions (a deadlock, the same catalog row). */
int session_change(struct session *session, struct str sql, struct err *err);
/* Returns the next bytes until *n is 0; -1 with err. */
typedef int copy_more(void *ctx, const char **bytes, size_t *n, struct err *err);
/* Runs `copy … from stdin` with the data of `more`; if that returns -1, nothing is copied. */
int session_copy(struct session *session, struct str sql, copy_more *more, void *more_ctx, int64_t *count,
    struct err *err);
/* True if a transaction is open or failed. */
bool session_in_transaction(const struct session *session);

/*
 * Appends SQL: %I is an identifier, %L a literal (null if p is NULL), %s unquoted text; each takes a struct
 * str. %% is a per cent sign.
 */
void sql_add(struct buf *sql, struct session *session, const char *format, ...);
void sql_vadd(struct buf *sql, struct session *session, const char *format, va_list args);
/* Appends quoted identifiers, separated by commas. */
void sql_add_idents(struct buf *sql, struct session *session, const struct value *names);
/* Computes the verifier that the server stores instead of a password; the password itself never leaves the
 * process. */
int sql_verifier(struct session *session, struct arena *arena, struct str role, struct str password,
    struct str *out, struct err *err);

/* Shared by server.c and run.c only. */
struct session {
    struct server *server;
    const struct pq_api *pq;
    PGconn *connection;
    struct str database; /* allocated in the server's arena */
    struct op_ctx *ctx;  /* of the operation that uses the session */
    bool taken;
    bool stale; /* its connection is to another database */
};

/* Converts the nth character (from 1) of a UTF-8 text to line and column. */
void text_place(struct str text, size_t nth, unsigned *line, unsigned *column);

/* One change in progress. */
struct pg_work {
    struct op_ctx *ctx;
    struct session *session;
    bool is_repeated;            /* create: see struct attempt */
    unsigned teardown;           /* delete: what may be lost, see enum teardown */
    const struct value *prior;   /* update, delete: the live object as far as it was read; otherwise NULL */
    const struct value *desired; /* create, update */
    const struct value *changed; /* update: names of attributes; create: NULL, all configured ones */
    const struct value *live;    /* set by types that know it without reading the catalog */
    struct buf sql;
};

typedef int pg_work_fn(struct pg_work *work, struct err *err);

struct pg_type {
    const char *name; /* "role" of postgres.role */
    const char *keys; /* identifying attributes besides the database, separated by spaces here and by slashes
                         in the id */
    const char *catalog; /* file with its query; NULL: `read` is used */
    bool server_wide;    /* not in a database */
    pg_work_fn *create, *update, *remove;
    /* Converts a catalog row to the configured form. `prior` identifies the object and may be the record;
     * `fresh`: it was just created from `prior`. NULL: unchanged. Returns NULL if there is no object. */
    const struct value *(*shape)(
        struct arena *arena, const struct value *prior, const struct value *live, bool fresh);
    /* Computes `as_stored` for an object without a record: the server's form of work->desired. NULL: not
     * needed. */
    int (*remember)(struct pg_work *work, const struct value **memory, struct err *err);
    /* Reads types that need more than one query: *live is NULL if the object does not exist. */
    int (*read)(struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err);
    /* Further functions of resource_ops; may be NULL. */
    int (*prepare)(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
        const struct value **prepared, struct err *err);
    /* Completes the planned object, or refuses it. `prior` NULL: creation. */
    int (*plan)(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
        const struct value **planned, struct err *err);
    /* Writes a query for the data loss of a deletion, with two numbers: of what `counted` names, and of
     * bytes. NULL: nothing is lost besides the object. */
    void (*count)(struct pg_work *work);
    const char *counted, *message;
    /* Any object that exists after an interrupted creation was created by it. */
    bool always_made;
    /* After an interrupted creation: whether the live object is what it would have created. NULL: if no
     * configured attribute differs. */
    int (*is_made)(struct op_ctx *ctx, const struct value *desired, const struct value *live, bool *made,
        struct err *err);
};

extern const struct pg_type pg_database, pg_role, pg_schema, pg_extension, pg_grant, pg_default_privileges,
    pg_table, pg_view, pg_migrations, pg_load, pg_statement, pg_query;

/* The operations of all types. */
extern const struct resource_ops postgres_ops;

/* ---- ops.c ---- */

/* Return the desired object, or the prior one at a deletion, and an attribute of it. */
const struct value *pg_work_object(const struct pg_work *work);
struct str pg_work_text(const struct pg_work *work, const char *name);
bool pg_work_flag(const struct pg_work *work, const char *name);
/* Appends to work->sql, as sql_add() does. */
void pg_write(struct pg_work *work, const char *format, ...);
/* Appends the comment of the object if it is configured or changes: "comment on kind name is …". */
void pg_write_comment(struct pg_work *work, const char *kind, struct str name);
/* Appends the change of the object's owner, likewise. */
void pg_write_owner(struct pg_work *work, const char *kind, struct str name);
/* Appends the attribute in this format, if it has a value. */
void pg_write_option(struct pg_work *work, const char *attribute, const char *format);
/* Appends the setting of the search path to the object's schema. */
void pg_write_path(struct pg_work *work);
/* Runs and clears work->sql. */
int pg_work_run(struct pg_work *work, struct err *err);
/* True if the attribute is configured at creation, or changes. */
bool pg_work_has(const struct pg_work *work, const char *name);
/* Returns "schema"."name", for %s; schema NULL: only "name". */
struct str pg_work_name(struct pg_work *work, const char *schema, const char *name);
/* True if the stack or the command agrees to losing dependent objects. */
bool pg_work_takes_all(const struct pg_work *work);
/* Runs the `drop` in work->sql, with cascade if that is agreed to; `hint`: of the error if dependent objects
 * prevent it. */
int pg_work_drop(struct pg_work *work, const char *hint, struct err *err);
/* Takes a session of the object's database. */
int object_session(struct op_ctx *ctx, const struct value *object, struct session **out, struct err *err);

/* ---- role.c ---- */

struct borrowed {
    struct rows roles, between; /* between: the temporary role between user and owners; empty if the user may
                                   not create roles */
};

/*
 * After an error for lack of privileges: makes the user a member of the roles that own the objects of `work`,
 * if it may. Returns false if there are none. temporary_grant_end() revokes the membership. What a killed run
 * has left is revoked by temporary_grant_take_back(), at the start of each session of a user that is not a
 * superuser. Only a user that may not create roles keeps it, which gives it no privileges that it could not
 * grant itself.
 */
bool temporary_grant_begin(struct pg_work *work, struct borrowed *borrowed);
void temporary_grant_end(struct pg_work *work, const struct borrowed *borrowed);
void temporary_grant_take_back(struct session *session);
#define AUTO_BORROWED __attribute__((cleanup(temporary_grant_clear)))
void temporary_grant_clear(struct borrowed *borrowed);

/* ---- catalog.c ---- */

/* Returns the query without the final semicolon. */
struct str query_of(struct op_ctx *ctx, const struct value *object);
/* Reads one resource by its keys; *live is NULL if it does not exist. */
int catalog_look(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *prior, bool fresh, const struct value **live, struct err *err);
/* Reads all resources of a list at once; calls `found` for those that exist, with their ids. */
int catalog_look_all(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *const *priors, size_t n, resource_found *found, void *found_ctx, struct err *err);
/* Parses the object in the first row; NULL if there are no rows. */
int catalog_row(struct op_ctx *ctx, const struct rows *rows, const struct value **live, struct err *err);
/* Builds the query for these resources; `wanted` is a list of {key, …}. */
struct str catalog_query(
    struct session *session, struct arena *arena, const char *file, const struct value *wanted);
/* Returns the id: the keys, after the database if it is configured, separated by slashes. */
const struct value *catalog_id(struct op_ctx *ctx, const struct pg_type *type, const struct value *object);

/* ---- ops.c: The provider type for types in a PostgreSQL server. */
extern const struct provider_kind postgres_kind;

/* ---- source.c: Files to load or run: those of a folder, or a single one; in order, with digests. And the
 * ledger, a table in the database that lists the executed ones, written in the same transaction as their
 * effect. */
struct local_file {
    struct str name; /* without folders */
    struct str path;
    struct str digest; /* of the content: SHA-256 in hex; of an S3 object etag:… */
    uint64_t number;   /* number in the name */
    /* Location of an S3 object; "" for a local file. */
    struct str bucket, key;
    int64_t size;
};

struct local_files {
    struct local_file *items; /* allocated in the arena */
    size_t n;
};

/*
 * Finds the file, or all files of the folder whose name ends with `end` and not with `but` ("": none), by
 * number, then by name. Fails with ERR_IO if the path does not exist.
 */
int files_find(struct op_ctx *ctx, struct str path, struct str end, struct str but, struct local_files *out,
    struct err *err);
/* Returns {name: digest}. */
const struct value *files_map(struct arena *arena, const struct local_files *files);

/* ---- the ledger ---- */

/* Returns "schema"."ledger" of the object. */
struct str ledger_name(struct op_ctx *ctx, struct session *session, const struct value *object);
/*
 * Reads the object's entries: {name: digest} and {name: rows}; for a load only those of its table. *files is
 * NULL if the ledger does not exist or has no entries.
 */
int ledger_read(struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct value **files, const struct value **rows, struct err *err);
int ledger_make(struct op_ctx *ctx, struct session *session, const struct value *object, struct err *err);
/* Appends the statement that records a file. */
void ledger_note(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct local_file *file, int64_t rows);
/* Appends a statement that deletes the object's entries, and the ledger with the last one; it succeeds
 * without a ledger. */
void ledger_forget(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object);

/* ---- source.c: The data of a load: local files, or S3 objects (s3://BUCKET/PREFIX/, or one key). Both are
 * identified by content: a file by its SHA-256, an object by its entity tag, which a listing contains.
 * Content that has changed since the plan is not loaded.
 *
 * Order of calls: source_find(); for each file source_open(), source_next() until *n is 0, source_close(). */
struct copy_source;

/* True if the load's `source` names a bucket, which requires an AWS client. */
bool source_is_bucket(const struct value *source);
/* Lists the current files or objects. ERR_ABSENT: the bucket does not exist. */
int source_find(struct op_ctx *ctx, const struct value *object, struct local_files *files, struct err *err);

/* Allocated in the context's arena. */
int source_open(struct op_ctx *ctx, const struct local_file *file, struct copy_source **out, struct err *err);
/* At the end the content is compared with the planned one: ERR_STALE if it differs. */
int source_next(struct copy_source *source, const char **bytes, size_t *n, struct err *err);
void source_close(struct copy_source **source); /* *source may be NULL */
#define AUTO_SOURCE __attribute__((cleanup(source_close)))

/* s3:GetObject and s3:ListBucket; see struct resource_ops. Local files need no permissions. */
void source_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out);
const struct value *source_scope(
    const struct schema *schema, const struct value *object, struct str action, struct arena *arena);

/* ---- table.c: postgres.table. The server's form of a definition (integer for int, now() reformatted)
 * differs from the configured one without a difference in meaning. So the record keeps the server's form
 * beside the configured one (`as_stored`): as long as the catalog shows that form, the table is as
 * configured.
 *
 * Before a change, the desired table is created as a temporary one that is rolled back, its twin: the
 * difference of its catalog form to the real table's determines the changes, by the server's own rules. */

/* ---- table.c ---- */

const struct value *table_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh);

/* Writes the statements that create the table; `twin`: as a temporary one, without parts that temporary
 * tables cannot have. */
void table_write(struct pg_work *work, bool twin);
void table_write_column(struct pg_work *work, const struct value *column);
/* Writes "foreign key (a) references s.t (b) on delete cascade". */
void table_write_foreign_key(struct pg_work *work, const struct value *key);
void table_write_index(struct pg_work *work, struct str name, struct str definition, struct str table);
void table_write_partition(
    struct pg_work *work, struct str name, struct str bounds, struct str schema, struct str table);
/* Returns the table's "schema"."name". */
struct str table_name(struct pg_work *work);

/* True if every value of one type is valid in the other, unchanged. Both in the server's form
 * (format_type). */
bool type_widens(struct str from, struct str to);

/* ---- table_alter.c ---- */

/* Reads the catalog form of the desired table. */
int table_twin(struct pg_work *work, const struct value **twin, struct err *err);
/* Reads the catalog form of the real table; NULL if it does not exist. */
int table_now(struct pg_work *work, const struct value **now, struct err *err);
/*
 * Writes the statements for the change to work->sql; *checked lists columns that become not null. Fails with
 * ERR_INVALID if data would be lost or rewritten without consent.
 */
int table_alter(struct pg_work *work, const struct value *now, const struct value *twin,
    const struct value **checked, struct err *err);
