/*
 * What stands behind an environment: see mwaa.h. engine/python/weir_mwaa.py is what runs, in a root of its
 * own (weir_mwaa_root.sh).
 */
#include "sandbox/services/mwaa/mwaa.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/installed.h"
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/rds/rds.h"
#include "sandbox/services/shared/endpoints.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_MS = 900000 /* requirements and the startup script come first */, GRACE_MS = 15000 };

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

/* An absolute path: what runs in a root of its own begins elsewhere. */
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
    for (size_t i = 0; i + 1 < env.n; i++) /* the daemon's own are there */
        if (str_starts(str_z(env.items[i]), STR("AWS_")))
            items[n++] = env.items[i];
    environment_release(&env);
    *out = (struct daemon_command){airflow_words(self, absolute(arena, support)), items};
    return 0;
}

static bool airflow_ready(const struct daemon_self *self)
{
    return daemon_port_answers(self->ports[0]);
}

static const struct daemon_kind airflow_daemon = {.title = "Airflow 2",
    .install =
        "tools/setup airflow, or pip install apache-airflow==2.10.5 boto3, and WEIR_AIRFLOW names its bin/",
    .ports = 1,
    .start_ms = START_MS,
    .grace_ms = GRACE_MS,
    .find = mwaa_airflow,
    .command = airflow_command,
    .ready = airflow_ready};

/* Its ARN's name and when it was made: another environment of that name has another. */
static struct str daemon_name(struct arena *arena, const struct control_record *record)
{
    return arena_printf(arena, "mwaa-%.*s-%.*s-%lld", STR_ARG(record->region), STR_ARG(record->id),
        (long long)record->created_ms);
}

/* Known to Airflow and to the sandbox: of its administrator's password and of tokens. */
struct str mwaa_secret(struct services *services, struct arena *arena, const struct control_record *record)
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

struct str mwaa_daemons(struct arena *arena, const struct control_record *record)
{
    struct str name = daemon_name(arena, record);
    return arena_printf(arena, "%.*s %.*s", STR_ARG(name), STR_ARG(database_name(arena, name)));
}

/* Where its metadata is, as weir_mwaa.py reads it; NULL: this machine has no PostgreSQL. */
static const struct value *database_of(
    struct services *services, struct arena *arena, const struct control_record *record, struct err *err)
{
    struct daemon_self server;
    struct str name = database_name(arena, daemon_name(arena, record));
    const struct database_wish wish = {
        .user = STR("airflow"), .password = mwaa_secret(services, arena, record), .database = STR("airflow")};
    if (!postgres_daemon.find(arena) ||
        daemon_want(services_parts(services)->daemons, &postgres_daemon, name, NULL, arena, &server, err) ||
        database_furnish(&server, &wish, err))
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

int mwaa_want(struct services *services, struct arena *arena, const struct control_record *record,
    struct daemon_self *out, struct err *err)
{
    struct err why = ERR_INIT;
    const struct value *database = mwaa_airflow(arena) ? database_of(services, arena, record, &why) : NULL;
    if (why.class != ERR_NONE) {
        *err = why;
        return err_context(err, "the environment's metadata database");
    }
    if (!daemon_want(services_parts(services)->daemons, &airflow_daemon, daemon_name(arena, record),
            settings_of(services, arena, record, database), arena, out, err))
        return 0;
    return err_context(err, "the environment is a record only");
}
