/* Starts warehouses and runs statements in them: see redshift.h. */
#include "sandbox/services/redshift/redshift.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/endpoints.h"

#include <math.h>

static const struct str cluster_type = STR_INIT("aws.redshift.cluster"),
                        workgroup_type = STR_INIT("aws.redshiftserverless.workgroup"),
                        namespace_type = STR_INIT("aws.redshiftserverless.namespace");

/* ---- the front end, in Python ---- */

static const char *find_python(struct arena *arena)
{
    return installed_program(arena, "python3", NULL);
}

/* Returns the password that the sandbox passes in a session's options. */
static struct str warehouse_pass(struct services *services, struct arena *arena)
{
    struct sandbox_key key = sandbox_first_key(services_sandbox(services));
    return sha256_hex(arena, arena_printf(arena, "warehouse %.*s", STR_ARG(key.secret_key)));
}

static const char *const *front_environment(const struct daemon_self *self)
{
    struct environment env;
    const struct environment_options options = {
        .region = value_gets(self->settings, "region"), .home = str_z(self->data)};
    environment_start(&env, self->services, self->arena, &options);
    environment_set(&env, "WEIR_PASS", warehouse_pass(self->services, self->arena));
    environment_set(&env, "WEIR_WAREHOUSE", value_gets(self->settings, "warehouse"));
    environment_set(&env, "PYTHONPATH", arena_printf(self->arena, "%s/python", self->dir));
    const char **items = ARENA_ARRAY(self->arena, const char *, env.n);
    memcpy(items, env.items, env.n * sizeof *items);
    environment_release(&env);
    return items;
}

static int front_command(const struct daemon_self *self, struct daemon_command *out, struct err *err)
{
    const char *folder = arena_printf(self->arena, "%s/python", self->dir).p;
    const char *const words[] = {self->program, arena_printf(self->arena, "%s/weir_redshift.py", folder).p,
        arena_printf(self->arena, "%u", (unsigned)self->ports[0]).p,
        arena_strz(self->arena, value_gets(self->settings, "socket")), NULL};
    const char **argv = ARENA_ARRAY(self->arena, const char *, sizeof words / sizeof *words);
    memcpy(argv, words, sizeof words);
    *out = (struct daemon_command){argv, front_environment(self)};
    return script_write_support(folder, err);
}

static const struct daemon_kind front_daemon = {.title = "python3 with boto3",
    .install = "apt-get install python3; pip install boto3 duckdb sqlglot",
    .ports = 1,
    .find = find_python,
    .command = front_command};

/* ---- finding the warehouse ---- */

static struct str both(struct arena *arena, struct str server)
{
    return arena_printf(arena, "%.*s-front %.*s", STR_ARG(server), STR_ARG(server));
}

static struct str cluster_server(struct arena *arena, const struct control_record *record)
{
    return arena_printf(arena, "redshift-%.*s-%.*s-%lld", STR_ARG(record->region), STR_ARG(record->id),
        (long long)record->created_ms);
}

static struct str namespace_server(struct arena *arena, const struct control_record *record)
{
    return arena_printf(arena, "redshift-%.*s", STR_ARG(value_gets(record->attrs, "namespace_id")));
}

static struct str cluster_daemons(struct arena *arena, const struct control_record *record)
{
    return both(arena, cluster_server(arena, record));
}

static struct str namespace_daemons(struct arena *arena, const struct control_record *record)
{
    return both(arena, namespace_server(arena, record));
}

static struct database_wanted wish_of(struct services *services, struct arena *arena,
    const struct control_record *record, const char *user, const char *password)
{
    return (struct database_wanted){.user = value_text(value_getz(record->attrs, user), STR("admin")),
        .password = database_password(services, arena, record->region, value_gets(record->attrs, "secret"),
            value_gets(record->attrs, password)),
        .database = value_text(value_getz(record->attrs, "db_name"), STR("dev"))};
}

bool warehouse_find(struct services *services, struct arena *arena, struct str region, struct str cluster,
    struct str workgroup, struct warehouse *out)
{
    struct control *control = services_control(services);
    struct control_record record, space;
    if (cluster.n) {
        if (!control_find(control, arena, cluster_type, region, cluster, &record))
            return false;
        *out = (struct warehouse){cluster_server(arena, &record), record.region,
            wish_of(services, arena, &record, "master_username", "master_user_password")};
        return true;
    }
    if (!control_find(control, arena, workgroup_type, region, workgroup, &record) ||
        !control_find(control, arena, namespace_type, region, value_gets(record.attrs, "namespace"), &space))
        return false;
    *out = (struct warehouse){namespace_server(arena, &space), space.region,
        wish_of(services, arena, &space, "admin_username", "admin_user_password")};
    return true;
}

int warehouse_start(struct services *services, struct arena *arena, const struct warehouse *warehouse,
    uint16_t *port, struct err *err)
{
    struct daemons *daemons = services_parts(services)->daemons;
    struct daemon_self server, front;
    if (daemon_require(daemons, &postgres_daemon, warehouse->name, NULL, arena, &server, err))
        return err_context(err, "the warehouse is a record only");
    const struct value_entry settings[] = {{STR("region"), value_string(arena, warehouse->region)},
        {STR("socket"), value_stringz(arena, postgres_socket(arena, &server))},
        {STR("warehouse"), value_string(arena, warehouse->name)}};
    if (database_prepare(&server, &warehouse->wish, err))
        return -1;
    if (daemon_require(daemons, &front_daemon, arena_printf(arena, "%.*s-front", STR_ARG(warehouse->name)),
            value_map(arena, settings, 3), arena, &front, err))
        return err_context(err, "the warehouse is a record only");
    *port = front.ports[0];
    return 0;
}

/* ---- connections ---- */

static void redshift_visit(
    struct services *services, const struct listener_of *of, const void *ctx UNUSED, int fd)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf startup = BUF_INIT;
    struct warehouse warehouse;
    struct err err = ERR_INIT;
    uint16_t port = 0;
    bool cluster = str_eq(of->type, cluster_type);
    if (!greeting_read(fd, &startup))
        return;
    if (!warehouse_find(services, &arena, of->region, cluster ? of->id : STR_EMPTY,
            cluster ? STR_EMPTY : of->id, &warehouse)) {
        greeting_refuse(fd, "57P03", "the warehouse is gone");
        return;
    }
    if (warehouse_start(services, &arena, &warehouse, &port, &err)) {
        greeting_refuse(fd, "58000", err.message);
        return;
    }
    AUTO_FD int front = listener_dial(port);
    if (front >= 0 && send(front, startup.p, startup.n, MSG_NOSIGNAL) == (ssize_t)startup.n)
        listener_join(services_parts(services)->listeners, fd, front);
}

const struct endpoint cluster_endpoint = {
    .type = "aws.redshift.cluster", .port = "port", .visit = redshift_visit, .daemons = cluster_daemons};
const struct endpoint workgroup_endpoint = {
    .type = "aws.redshiftserverless.workgroup", .port = "port", .visit = redshift_visit};
const struct endpoint namespace_endpoint = {
    .type = "aws.redshiftserverless.namespace", .daemons = namespace_daemons};

/* ---- the session ---- */

static PGconn *data_open(
    struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse, struct err *err)
{
    const struct value *request = task_self(task)->request, *content;
    const struct pq_api *pq = pq_api(err);
    struct control_record secret;
    struct str identity = value_text(value_getz(request, STATEMENT_IDENTITY), warehouse->wish.user);
    struct str user = value_text(value_getz(request, "DbUser"), identity), password = STR_EMPTY;
    if (!pq)
        return NULL;
    struct str arn = value_gets(request, "SecretArn"), pass = warehouse_pass(task_jobs(task), arena);
    struct str options = arena_printf(arena, "-c weir.pass=%.*s", STR_ARG(pass));
    if (arn.n) {
        if (!control_find(services_control(task_jobs(task)), arena, STR("aws.secretsmanager.secret"),
                task_self(task)->region, arn, &secret) ||
            json_parse(arena, value_gets(secret.attrs, "secret_string"), &content, ERR_IGNORED)) {
            err_set(err, ERR_FAILED,
                "Secrets Manager can't find the specified secret, or it is not JSON with username and "
                "password");
            return NULL;
        }
        user = value_gets(content, "username");
        password = value_gets(content, "password");
        options = STR_EMPTY;
    }
    const char *const keys[] = {
        "host", "port", "user", "password", "dbname", "options", "sslmode", "application_name", NULL};
    const char *const values[] = {"127.0.0.1", arena_printf(arena, "%u", (unsigned)port).p,
        arena_strz(arena, user), arena_strz(arena, password),
        arena_strz(arena, value_text(value_getz(request, "Database"), warehouse->wish.database)), options.p,
        "disable", "redshift-data", NULL};
    PGconn *session = pq->connectdbParams(keys, values, 0);
    if (session && pq->status(session) == CONNECTION_OK)
        return session;
    struct str why = str_trim(str_z(session ? pq->errorMessage(session) : "no memory"));
    ptrdiff_t fatal = str_find(why, STR("FATAL:  "), 0);
    err_set(
        err, ERR_FAILED, "FATAL: %.*s", STR_ARG(fatal >= 0 ? str_slice(why, (size_t)fatal + 8, why.n) : why));
    pq->finish(session);
    return NULL;
}

/* Returns the next result, or NULL if there is none or the task was stopped. */
static PGresult *next_result(const struct pq_api *pq, PGconn *session, struct process_switch *stop)
{
    while (pq->isBusy(session)) {
        struct pollfd fds[] = {{pq->socket(session), POLLIN, 0}, {stop->fd, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0)
            continue;
        if (atomic_load(&stop->stop_requested)) {
            char why[256];
            PGcancel *cancel = pq->getCancel(session);
            pq->cancel(cancel, why, sizeof why);
            pq->freeCancel(cancel);
            return NULL;
        }
        if (!pq->consumeInput(session))
            break; /* a lost connection is reported as a result */
    }
    return pq->getResult(session);
}

/* ---- statements ---- */

/* Returns the length of the string, quoted identifier or comment that starts here; 0: none. */
static size_t opaque_size(struct str sql)
{
    static const char *const pairs[][2] = {
        {"'", "'"}, {"\"", "\""}, {"--", "\n"}, {"/*", "*/"}, {"$$", "$$"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct str begin = str_z(pairs[i][0]), end = str_z(pairs[i][1]);
        if (!str_starts(sql, begin))
            continue;
        ptrdiff_t at = str_find(sql, end, begin.n);
        return at < 0 ? sql.n : (size_t)at + end.n;
    }
    return 0;
}

/* Returns the parameter that is named here after a colon, or NULL. */
static const struct value *parameter_at(struct str sql, size_t at, const struct value *parameters)
{
    size_t end = at + 1;
    if (sql.p[at] != ':' || (at && sql.p[at - 1] == ':'))
        return NULL;
    while (end < sql.n && char_is_among(sql.p[end], CHARS_ALNUM "_"))
        end++;
    return end > at + 1 ? value_list_find(parameters, "name", str_slice(sql, at + 1, end)) : NULL;
}

/* Replaces :name by its value as a literal; its type follows from the context. */
static struct str with_parameters(const struct pq_api *pq, PGconn *session, struct arena *arena,
    struct str sql, const struct value *parameters)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0, size; i < sql.n; i += size) {
        const struct value *given = parameter_at(sql, i, parameters);
        if (!given) {
            size = opaque_size(str_slice(sql, i, sql.n));
            size = size ? size : 1;
            buf_add(&out, sql.p + i, size);
            continue;
        }
        struct str v = value_gets(given, "value");
        char *literal = pq->escapeLiteral(session, v.p, v.n);
        buf_add_str(&out, str_z(literal));
        pq->freemem(literal);
        size = 1 + value_gets(given, "name").n;
    }
    return arena_str(arena, buf_str(&out));
}

/* Returns the server's error in the service's format. */
static struct str why_failed(const struct pq_api *pq, PGresult *result, struct arena *arena)
{
    const char *message = pq->resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
               *hint = pq->resultErrorField(result, PG_DIAG_MESSAGE_HINT);
    return arena_printf(
        arena, "ERROR: %s%s%s", message ? message : "it failed", hint ? "\n  Hint: " : "", hint ? hint : "");
}

/* ---- rows in the Data API's form ---- */

static const struct {
    unsigned oid;
    const char *name, *member; /* Redshift's type name, and the record's member */
} types[] = {{16, "bool", "booleanValue"}, {20, "int8", "longValue"}, {21, "int2", "longValue"},
    {23, "int4", "longValue"}, {26, "oid", "longValue"}, {700, "float4", "doubleValue"},
    {701, "float8", "doubleValue"}, {1700, "numeric", "stringValue"}, {1082, "date", "stringValue"},
    {1114, "timestamp", "stringValue"}, {1184, "timestamptz", "stringValue"}, {1042, "bpchar", "stringValue"},
    {3802, "super", "stringValue"}, {0, "varchar", "stringValue"}};

static size_t type_at(unsigned oid)
{
    size_t i = 0;
    while (types[i].oid && types[i].oid != oid)
        i++;
    return i;
}

static const struct value *cell_of(struct arena *arena, const char *member, struct str text)
{
    int64_t whole;
    double number;
    if (strcmp(member, "longValue") == 0 && str_to_int(text, &whole))
        return value_int(arena, whole);
    if (strcmp(member, "doubleValue") == 0 && str_to_double(text, &number) && isfinite(number))
        return value_float(arena, number); /* NaN and Infinity are strings */
    if (strcmp(member, "booleanValue") == 0)
        return str_eqz(text, "t") ? &value_true : &value_false;
    return value_string(arena, text);
}

static const struct value *row_of(struct arena *arena, const struct pq_api *pq, PGresult *result, int row)
{
    struct value_builder cells = VALUE_BUILDER(arena);
    for (int i = 0; i < pq->nfields(result); i++) {
        const char *member = types[type_at(pq->ftype(result, i))].member;
        struct str text = str_n(pq->getvalue(result, row, i), (size_t)pq->getlength(result, row, i));
        bool null = pq->getisnull(result, row, i);
        const struct value_entry cell = {
            null ? STR("isNull") : str_z(member), null ? &value_true : cell_of(arena, member, text)};
        value_builder_add(&cells, value_map(arena, &cell, 1));
    }
    return value_builder_list(&cells);
}

static const struct value *columns_of(struct arena *arena, const struct pq_api *pq, PGresult *result)
{
    struct value_builder columns = VALUE_BUILDER(arena);
    for (int i = 0; i < pq->nfields(result); i++) {
        struct value_builder one = VALUE_BUILDER(arena);
        struct str name = str_z(pq->fname(result, i));
        view_text(&one, "name", name);
        view_text(&one, "label", name);
        view_text(&one, "typeName", str_z(types[type_at(pq->ftype(result, i))].name));
        view_int(&one, "nullable", 1);
        value_builder_add(&columns, value_builder_map(&one));
    }
    return value_builder_list(&columns);
}

/* Returns {columns, rows} or {updated} of a result. */
static const struct value *warehouse_rows(struct arena *arena, const struct pq_api *pq, PGresult *result)
{
    struct value_builder b = VALUE_BUILDER(arena), rows = VALUE_BUILDER(arena);
    int64_t updated;
    for (int i = 0; i < pq->ntuples(result); i++)
        value_builder_add(&rows, row_of(arena, pq, result, i));
    bool any = pq->resultStatus(result) == PGRES_TUPLES_OK;
    if (any)
        view_set(&b, "columns", columns_of(arena, pq, result));
    view_set(&b, "rows", value_builder_list(&rows));
    if (!any && str_to_int(str_z(pq->cmdTuples(result)), &updated))
        view_int(&b, "updated", updated);
    return value_builder_map(&b);
}

/* Runs one statement. -1: it failed with *why; "": it was stopped. */
static int run_one(struct task *task, const struct pq_api *pq, PGconn *session, struct arena *arena,
    struct str sql, const struct value **out, struct str *why)
{
    int status = 0;
    *out = &value_empty_map;
    *why = STR_EMPTY;
    if (!pq->sendQuery(session, arena_strz(arena, sql)))
        return -1;
    for (PGresult *result; (result = next_result(pq, session, task_switch(task))); pq->clear(result)) {
        ExecStatusType is = pq->resultStatus(result);
        if (is == PGRES_TUPLES_OK || is == PGRES_COMMAND_OK)
            *out = warehouse_rows(arena, pq, result);
        else if (is != PGRES_EMPTY_QUERY) {
            *why = why_failed(pq, result, arena);
            status = -1;
        }
    }
    return atomic_load(&task_switch(task)->stop_requested) ? -1 : status;
}

/* Several statements run in one transaction, which is rolled back at the first failure. */
static int run_all(
    struct task *task, struct arena *arena, PGconn *session, const struct value **out, struct err *err)
{
    const struct pq_api *pq = pq_api(err);
    const struct value *request = task_self(task)->request, *sqls = value_getz(request, "Sqls"), *one,
                       *ignored;
    struct value_builder results = VALUE_BUILDER(arena);
    struct str why = STR_EMPTY, none;
    int status = 0;
    if (sqls)
        run_one(task, pq, session, arena, STR("begin"), &ignored, &none);
    for (uint32_t i = 0; !status && i < (sqls ? sqls->count : 1); i++) {
        struct str sql = sqls ? value_text(sqls->items[i], STR_EMPTY) : value_gets(request, "Sql");
        status = run_one(task, pq, session, arena,
            with_parameters(pq, session, arena, sql, value_getz(request, "Parameters")), &one, &why);
        value_builder_add(
            &results, status ? value_with(arena, one, STR("error"), value_string(arena, why)) : one);
    }
    if (sqls &&
        run_one(task, pq, session, arena, status ? STR("rollback") : STR("commit"), &ignored, &none) &&
        !status) {
        why = none;
        status = -1;
    }
    *out = value_builder_list(&results);
    return status ? err_set(err, ERR_FAILED, "%.*s", STR_ARG(why)) : 0;
}

int warehouse_run(struct task *task, struct arena *arena, uint16_t port, const struct warehouse *warehouse,
    const struct value **out, struct err *err)
{
    PGconn *session = data_open(task, arena, port, warehouse, err);
    *out = &value_empty_list;
    if (!session)
        return -1;
    int status = run_all(task, arena, session, out, err);
    pq_api(err)->finish(session);
    return status;
}

/* ---- IAM roles and users as warehouse users IAMR:ROLE and IAM:USER, who have the privileges granted to
 * them. The Data API runs statements as them. GetCredentials returns a temporary password, which is not
 * stored: it has its expiry and a signature, which weir_redshift.py checks. */

enum { SHORTEST_S = 900, LONGEST_S = 3600 };

struct str warehouse_identity(struct arena *arena, const struct session *caller)
{
    if (!session_is_limited(caller))
        return STR_EMPTY;
    return caller->role.n ? arena_printf(arena, "IAMR:%.*s", STR_ARG(caller->role))
                          : arena_printf(arena, "IAM:%.*s", STR_ARG(caller->user));
}

static struct str password_until(const struct service_call *call, struct str user, int64_t until_s)
{
    unsigned char digest[SHA256_SIZE];
    struct str signed_text = arena_printf(call->arena, "%.*s\n%lld", STR_ARG(user), (long long)until_s);
    hash_hmac_sha256(warehouse_pass(call->services, call->arena), signed_text, digest);
    return arena_printf(
        call->arena, "%lld.%s", (long long)until_s, hex_encode(call->arena, digest, sizeof digest).p);
}

/* Member names of the response. */
struct credential_names {
    const char *duration, *user, *password, *expires, *next;
};

static int give_credentials(struct service_call *call, const struct credential_names *names,
    const struct warehouse *warehouse, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    int64_t seconds = service_int(call->input, names->duration, SHORTEST_S);
    if (seconds < SHORTEST_S || seconds > LONGEST_S)
        return service_refuse(err, 400, "ValidationException", "%s has to be between %d and %d.",
            names->duration, SHORTEST_S, LONGEST_S);
    int64_t until_s = clock_wall_ms() / 1000 + seconds;
    struct str identity = warehouse_identity(call->arena, call->caller);
    struct str user = identity.n ? identity : warehouse->wish.user;
    view_text(&b, names->user, user);
    view_text(&b, names->password, password_until(call, user, until_s));
    view_set(&b, names->expires, service_time(call, until_s * 1000));
    view_set(&b, names->next, service_time(call, (until_s - seconds / 2) * 1000));
    call->output = value_builder_map(&b);
    return 0;
}

static int workgroup_credentials(struct service_call *call, struct err *err)
{
    static const struct credential_names names = {
        "durationSeconds", "dbUser", "dbPassword", "expiration", "nextRefreshTime"};
    struct warehouse warehouse;
    struct str workgroup = value_gets(call->input, "workgroupName");
    if (!warehouse_find(call->services, call->arena, call->region, STR_EMPTY, workgroup, &warehouse))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "The workgroup %.*s doesn't exist.", STR_ARG(workgroup));
    return give_credentials(call, &names, &warehouse, err);
}

static int cluster_credentials(struct service_call *call, struct err *err)
{
    static const struct credential_names names = {
        "DurationSeconds", "DbUser", "DbPassword", "Expiration", "NextRefreshTime"};
    struct warehouse warehouse;
    struct str cluster = value_gets(call->input, "ClusterIdentifier");
    if (!warehouse_find(call->services, call->arena, call->region, cluster, STR_EMPTY, &warehouse))
        return service_refuse(err, 404, "ClusterNotFound", "Cluster %.*s not found.", STR_ARG(cluster));
    return give_credentials(call, &names, &warehouse, err);
}

const struct service_operation redshift_operations[] = {
    {"redshift-serverless", "GetCredentials", workgroup_credentials},
    {"redshift", "GetClusterCredentialsWithIAM", cluster_credentials},
    {0},
};
