/* The kind of providers whose types lie in a PostgreSQL server: see kind.h. */
#include "provider/postgres/kind.h"

#include "provider/aws/setting_attrs.h"
#include "provider/postgres/type.h"

static const struct attr aws_settings[] = {AWS_SETTING_ATTRS};
static const struct type aws_type = {
    .kind = TYPE_OBJECT, .fields = aws_settings, .field_count = sizeof aws_settings / sizeof *aws_settings};
static const struct attr settings[] = {
    SETTING_PLACE("host", setting_text, "Host, or folder of the server's socket; else PGHOST"),
    SETTING_ATTR("port", setting_any, "Port; else PGPORT, or 5432"),
    SETTING_ATTR("user", setting_text, "Role to log in as; else PGUSER, or the system's user"),
    SETTING_ATTR("password", setting_text, "Its password; else PGPASSWORD, or ~/.pgpass"),
    SETTING_ATTR("dbname", setting_text, "Database of types that name none; else PGDATABASE, or postgres"),
    SETTING_ATTR("maintenance", setting_text, "Database from which databases and roles are made; postgres"),
    SETTING_ATTR(
        "sslmode", setting_text, "disable, prefer, require, verify-ca or verify-full, as libpq has them"),
    SETTING_ATTR("sslrootcert", setting_text, "File with the certificates to trust"),
    SETTING_ATTR("sslcert", setting_text, "File with one's own certificate"),
    SETTING_ATTR("sslkey", setting_text, "File with its key"),
    SETTING_ATTR("service", setting_text, "Section of pg_service.conf"),
    SETTING_ATTR("via", setting_text, "Connection to go through"),
    {.name = STR_INIT("aws"),
        .type = &aws_type,
        .settable = true,
        .doc =
            STR_INIT("Account whose buckets postgres.load reads: what can be said of the provider aws; else "
                     "what the environment says")},
    SETTING_ATTR("wait_seconds", setting_number, "How long a server that starts is waited for; 60"),
};
static const struct type settings_type = {
    .kind = TYPE_OBJECT, .fields = settings, .field_count = sizeof settings / sizeof *settings};
static const struct attr settings_attr = {
    .name = STR_INIT("postgres"), .type = &settings_type, .settable = true};

static const struct native natives[] = {{.name = "postgres", .ops = &postgres_ops}, {0}};

static int postgres_open(
    const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    (void)arena;
    struct server *server;
    if (server_new(options, &server, err))
        return -1;
    *self = server;
    return 0;
}

static void postgres_close(void *self)
{
    server_free(self);
}

const struct provider_kind postgres_kind = {
    .name = "postgres",
    .specs = "provider/postgres/specs/",
    .natives = natives,
    .settings = &settings_attr,
    .http = true,
    .open = postgres_open,
    .close = postgres_close,
    .aws = server_aws,
    .aws_at = "aws",
};
