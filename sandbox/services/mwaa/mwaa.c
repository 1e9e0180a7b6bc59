/*
 * MWAA: an environment runs Airflow, if it is installed. A connection to its web server, a token or a REST
 * API call starts it; a change of the environment stops it.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/rds/rds.h"
#include "sandbox/services/shared/endpoints.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- The daemon: engine/python/weir_mwaa.py, with its own root directory (weir_mwaa_root.sh) */

enum { START_MS = 900000 /* includes installing requirements and the startup script */, GRACE_MS = 15000 };

/* ---- the daemon ---- */

const char *mwaa_airflow(struct arena *arena)
{
    const char *named = getenv("WEIR_AIRFLOW");
    if (named && *named) {
        const char *program = arena_printf(arena, "%s/airflow", named).p;
        return access(program, X_OK) ? NULL : program;
    }
    const char *installed = installed_at(arena, ".venv-airflow2/bin/airflow");
    return installed ? installed : installed_program(arena, "airflow", NULL);
}

/* Returns an absolute path: the process has another working directory. */
static const char *absolute(struct arena *arena, const char *path)
{
    char *real = realpath(path, NULL);
    const char *copy = arena_strz(arena, str_z(real ? real : path));
    free(real);
    return copy;
}

/* weir_mwaa_root.sh FOLDER DATA HIDDEN PYTHON weir_mwaa.py SETTINGS PORT */
static const char *const *airflow_words(const struct daemon_self *self, const char *support)
{
    struct arena *arena = self->arena;
    const char *folder = absolute(arena, self->dir);
    const char *const words[] = {"sh", arena_printf(arena, "%s/weir_mwaa_root.sh", support).p, folder,
        absolute(arena, self->data), absolute(arena, sandbox_dir(services_sandbox(self->services))),
        path_join(arena, path_dir(str_z(self->program)), STR("python")).p,
        arena_printf(arena, "%s/weir_mwaa.py", support).p, arena_printf(arena, "%s/settings.json", folder).p,
        arena_printf(arena, "%u", (unsigned)self->ports[0]).p, NULL};
    const char **argv = ARENA_ARRAY(arena, const char *, sizeof words / sizeof *words);
    memcpy(argv, words, sizeof words);
    return argv;
}

static int airflow_command(const struct daemon_self *self, struct daemon_command *out, struct err *err)
{
    struct arena *arena = self->arena;
    const char *support = arena_printf(arena, "%s/support", self->dir).p;
    const char *settings = arena_printf(arena, "%s/settings.json", self->dir).p;
    AUTO_BUF struct buf text = BUF_INIT;
    struct environment env;
    struct environment_options options = {.region = value_gets(self->settings, "region"),
        .home = str_z(self->data),
        .role = value_gets(self->settings, "role"),
        .session = STR("AmazonMWAA-airflow")};
    json_write(&text, self->settings, JSON_PLAIN);
    if (dir_make(support, err) || script_write_support(support, err) ||
        file_write_atomic(settings, buf_str(&text), 0600, err))
        return -1;
    environment_start(&env, self->services, arena, &options);
    const char **items = ARENA_ARRAY(arena, const char *, env.n + 1);
    size_t n = 0;
    for (size_t i = 0; i + 1 < env.n; i++) /* the daemon sets all others */
        if (str_starts(str_z(env.items[i]), STR("AWS_")))
            items[n++] = env.items[i];
    environment_release(&env);
    *out = (struct daemon_command){airflow_words(self, absolute(arena, support)), items};
    return 0;
}

static const struct daemon_kind airflow_daemon = {.title = "Airflow 2",
    .install =
        "tools/setup airflow, or pip install apache-airflow==2.10.5 boto3, and WEIR_AIRFLOW names its bin/",
    .ports = 1,
    .start_ms = START_MS,
    .grace_ms = GRACE_MS,
    .find = mwaa_airflow,
    .command = airflow_command};

/* Returns a name that differs for an environment created again under the same name. */
static struct str daemon_name(struct arena *arena, const struct control_record *record)
{
    return arena_printf(arena, "mwaa-%.*s-%.*s-%lld", STR_ARG(record->region), STR_ARG(record->id),
        (long long)record->created_ms);
}

/* Returns the secret shared with Airflow: administrator's password and key of tokens. */
static struct str mwaa_secret(
    struct services *services, struct arena *arena, const struct control_record *record)
{
    unsigned char digest[SHA256_SIZE];
    struct str name = daemon_name(arena, record);
    hash_hmac_sha256(sandbox_first_key(services_sandbox(services)).secret_key, name, digest);
    return hex_encode(arena, digest, sizeof digest);
}

static struct str database_name(struct arena *arena, struct str environment)
{
    return arena_printf(arena, "%.*s-metadata", STR_ARG(environment));
}

/* Returns the names of the web server's and the database's daemon, separated by a blank. */
static struct str mwaa_daemons(struct arena *arena, const struct control_record *record)
{
    struct str name = daemon_name(arena, record);
    return arena_printf(arena, "%.*s %.*s", STR_ARG(name), STR_ARG(database_name(arena, name)));
}

/* Starts the metadata database and returns its address for weir_mwaa.py, or NULL if PostgreSQL is not
 * installed (or with err). */
static const struct value *database_of(
    struct services *services, struct arena *arena, const struct control_record *record, struct err *err)
{
    struct daemon_self server;
    struct str name = database_name(arena, daemon_name(arena, record));
    const struct database_wanted wish = {
        .user = STR("airflow"), .password = mwaa_secret(services, arena, record), .database = STR("airflow")};
    if (!postgres_daemon.find(arena) ||
        daemon_require(
            services_parts(services)->daemons, &postgres_daemon, name, NULL, arena, &server, err) ||
        database_prepare(&server, &wish, err))
        return NULL;
    const struct value_entry at[] = {{STR("socket"), value_stringz(arena, postgres_socket(arena, &server))},
        {STR("password"), value_string(arena, wish.password)}};
    return value_map(arena, at, 2);
}

static const struct value *settings_of(struct services *services, struct arena *arena,
    const struct control_record *record, const struct value *database)
{
    struct value_builder b = VALUE_BUILDER(arena);
    struct str bucket = value_gets(record->attrs, "source_bucket");
    static const struct str arn = STR_INIT("arn:aws:s3:::");
    view_members(&b, record->attrs,
        "name dag_s3_path plugins_s3_path plugins_s3_object_version requirements_s3_path "
        "requirements_s3_object_version startup_script_s3_path startup_script_s3_object_version");
    view_text(&b, "bucket", str_starts(bucket, arn) ? str_slice(bucket, arn.n, bucket.n) : bucket);
    view_set(&b, "options", value_getz(record->attrs, "airflow_configuration_options"));
    view_text(&b, "role", value_gets(record->attrs, "execution_role"));
    view_text(&b, "region", record->region);
    view_text(&b, "secret", mwaa_secret(services, arena, record));
    view_set(&b, "database", database);
    return value_builder_map(&b);
}

/* Starts Airflow with the record's settings, and waits until it answers on its first port. */
static int mwaa_want(struct services *services, struct arena *arena, const struct control_record *record,
    struct daemon_self *out, struct err *err)
{
    struct err why = ERR_INIT;
    const struct value *database = mwaa_airflow(arena) ? database_of(services, arena, record, &why) : NULL;
    if (why.class != ERR_NONE) {
        *err = why;
        return err_context(err, "the environment's metadata database");
    }
    if (!daemon_require(services_parts(services)->daemons, &airflow_daemon, daemon_name(arena, record),
            settings_of(services, arena, record, database), arena, out, err))
        return 0;
    return err_context(err, "the environment is a record only");
}

enum { TOKEN_S = 60, REFUSED_MS = 1000, MAX_ANSWER = 16 * 1024 * 1024 };
static const struct str environment_type = STR_INIT("aws.mwaa.environment");

/* ---- listener of the web server ---- */

static void refuse_visit(int fd, const char *why)
{
    char answer[1024];
    int n = snprintf(answer, sizeof answer,
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%.800s\n",
        why);
    send(fd, answer, (size_t)n, MSG_NOSIGNAL);
    /* Reads what the client still sends: otherwise closing would reset the connection and lose the
     * response. */
    struct pollfd more = {fd, POLLIN, 0};
    shutdown(fd, SHUT_WR);
    while (poll(&more, 1, REFUSED_MS) > 0 && recv(fd, answer, sizeof answer, 0) > 0)
        ;
}

static void mwaa_visit(
    struct services *services, const struct listener_of *of, const void *ctx UNUSED, int fd)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control_record record;
    struct daemon_self self;
    struct err err = ERR_INIT;
    if (!endpoint_record(services, &arena, of, &record))
        return;
    if (mwaa_want(services, &arena, &record, &self, &err)) {
        refuse_visit(fd, err.message);
        return;
    }
    AUTO_FD int server = listener_dial(self.ports[0]);
    if (server >= 0)
        listener_join(services_parts(services)->listeners, fd, server);
}

static const uint16_t web_port[] = {8080, 0};

const struct endpoint mwaa_endpoint = {.type = "aws.mwaa.environment",
    .ports = web_port,
    .visit = mwaa_visit,
    .daemons = mwaa_daemons,
    .rests_on_change = true};

/* ---- operations ---- */

static int find_environment(const struct service_call *call, struct control_record *out, struct err *err)
{
    struct str name;
    if (service_required(call, "Name", &name, err))
        return -1;
    return service_find(call, environment_type, name, out)
               ? 0
               : service_refuse(err, 404, "ResourceNotFoundException", "Environment %.*s could not be found.",
                     STR_ARG(name));
}

static int find_running(
    const struct service_call *call, struct control_record *out, struct daemon_self *self, struct err *err)
{
    struct err why = ERR_INIT;
    if (find_environment(call, out, err))
        return -1;
    return mwaa_want(call->services, call->arena, out, self, &why)
               ? service_refuse(err, 400, "ValidationException", "%s", why.message)
               : 0;
}

/* Returns KIND.EXPIRES.SIGNATURE, which weir_mwaa_web.py checks. */
static struct str token_of(
    const struct service_call *call, const struct control_record *record, const char *kind)
{
    unsigned char digest[SHA256_SIZE];
    struct str head =
        arena_printf(call->arena, "%s.%lld", kind, (long long)(clock_wall_ms() / 1000 + TOKEN_S));
    hash_hmac_sha256(mwaa_secret(call->services, call->arena, record), head, digest);
    return arena_printf(
        call->arena, "%.*s.%s", STR_ARG(head), hex_encode(call->arena, digest, sizeof digest).p);
}

static int answer_token(struct service_call *call, const char *kind, const char *member, struct err *err)
{
    struct control_record record;
    struct daemon_self self;
    if (find_running(call, &record, &self, err))
        return -1;
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, member, token_of(call, &record, kind));
    view_set(&b, "WebServerHostname", value_getz(record.attrs, "webserver_url"));
    if (strcmp(kind, "web") == 0) {
        view_text(&b, "AirflowIdentity", STR("admin"));
        view_text(&b, "IamIdentity",
            call->caller ? session_arn(call->arena, services_account(call->services), call->caller)
                         : arena_printf(call->arena, "arn:aws:iam::%.*s:user/sandbox",
                               STR_ARG(services_account(call->services))));
    }
    call->output = value_builder_map(&b);
    return 0;
}

static int create_web_login_token(struct service_call *call, struct err *err)
{
    return answer_token(call, "web", "WebToken", err);
}

static int create_cli_token(struct service_call *call, struct err *err)
{
    return answer_token(call, "cli", "CliToken", err);
}

/* ---- REST API: one request over a connection that ends with the response ---- */

static void add_query(struct buf *out, const struct value *parameters)
{
    bool first = true;
    for (uint32_t i = 0; parameters && parameters->kind == VALUE_MAP && i < parameters->count; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        buf_add_char(out, first ? '?' : '&');
        first = false;
        url_encode(out, parameters->entries[i].key, false);
        buf_add_char(out, '=');
        url_encode(out, value_scalar_text(&arena, parameters->entries[i].value), false);
    }
}

static void write_request(
    const struct service_call *call, const struct control_record *record, struct buf *out)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct str login =
        arena_printf(call->arena, "admin:%s", mwaa_secret(call->services, call->arena, record).p);
    if (value_getz(call->input, "Body"))
        json_write(&body, value_getz(call->input, "Body"), JSON_PLAIN);
    buf_addf(out, "%.*s /api/v1%.*s", STR_ARG(value_gets(call->input, "Method")),
        STR_ARG(value_gets(call->input, "Path")));
    add_query(out, value_getz(call->input, "QueryParameters"));
    buf_addf(out,
        " HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Basic %s\r\nContent-Type: "
        "application/json\r\nContent-Length: "
        "%zu\r\n\r\n%.*s",
        base64_encode(call->arena, login).p, buf_str(&body).n, STR_ARG(buf_str(&body)));
}

static int mwaa_exchange(uint16_t port, struct str request, struct buf *answer, struct err *err)
{
    char block[16 * 1024];
    ssize_t n;
    AUTO_FD int fd = listener_dial(port);
    if (fd < 0 || fd_write_all(fd, request.p, request.n, err, "Airflow"))
        return -1;
    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        buf_add(answer, block, (size_t)n);
    return answer->overflow ? -1 : 0;
}

static bool is_path(struct str path)
{
    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] <= ' ' || path.p[i] == 0x7f)
            return false;
    return path.n && path.p[0] == '/';
}

static int invoke_rest_api(struct service_call *call, struct err *err)
{
    AUTO_BUF struct buf request = BUF_INIT;
    AUTO_BUF struct buf answer = {.max = MAX_ANSWER};
    struct control_record record;
    struct daemon_self self;
    struct str method = value_gets(call->input, "Method"), path = value_gets(call->input, "Path"), head, body;
    if (!str_is_any(method, "GET PUT POST PATCH DELETE") || !is_path(path))
        return service_refuse(err, 400, "ValidationException", "Method or Path is invalid");
    if (find_running(call, &record, &self, err))
        return -1;
    write_request(call, &record, &request);
    if (mwaa_exchange(self.ports[0], buf_str(&request), &answer, ERR_IGNORED))
        return service_refuse(err, 500, "InternalServerException", "Airflow does not answer");
    ptrdiff_t end = str_find(buf_str(&answer), STR("\r\n\r\n"), 0);
    head = str_slice(buf_str(&answer), 0, end < 0 ? 0 : (size_t)end);
    body = end < 0 ? STR_EMPTY
                   : arena_str(call->arena, str_slice(buf_str(&answer), (size_t)end + 4, buf_str(&answer).n));
    int64_t status = 0;
    str_to_int(str_slice(head, 9, 12), &status);
    const struct value *parsed = NULL;
    if (body.n && json_parse(call->arena, body, &parsed, ERR_IGNORED))
        parsed = value_string(call->arena, body);
    if (status < 200 || status >= 300)
        return service_refuse(err, 400, status >= 500 ? "RestApiServerException" : "RestApiClientException",
            "%lld: %.*s", (long long)status, STR_ARG(body));
    service_answer(call, "RestApiStatusCode", value_int(call->arena, status));
    service_answer(call, "RestApiResponse", parsed);
    return 0;
}

const struct service_operation mwaa_operations[] = {
    {"airflow", "CreateWebLoginToken", create_web_login_token},
    {"airflow", "CreateCliToken", create_cli_token},
    {"airflow", "InvokeRestApi", invoke_rest_api},
    {0},
};
