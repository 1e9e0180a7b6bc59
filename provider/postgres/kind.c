/* The kind of providers whose types lie in a PostgreSQL server: see kind.h. */
#include "provider/postgres/kind.h"

#include "provider/aws/setting_attrs.h"
#include "provider/postgres/type.h"

static const struct attr aws_settings[] = {AWS_SETTING_ATTRS};
static const struct type aws_type = OBJECT_TYPE(aws_settings);
static const struct attr settings[] = {
    SETTING_PLACE(
        "host", setting_text, "Host name or address, or directory of the server's socket; without it PGHOST"),
    SETTING_ATTR("port", setting_any, "Port; without it PGPORT, or 5432"),
    SETTING_ATTR(
        "user", setting_text, "Role to log in as; without it PGUSER, or the operating system's user"),
    SETTING_ATTR("password", setting_text, "Password of the role; without it PGPASSWORD, or ~/.pgpass"),
    SETTING_ATTR("dbname", setting_text,
        "Database of resources without `database`; without it PGDATABASE, or postgres"),
    SETTING_ATTR(
        "maintenance", setting_text, "Database to connect to for databases and roles; without it postgres"),
    SETTING_ATTR(
        "sslmode", setting_text, "TLS mode of libpq: disable, prefer, require, verify-ca or verify-full"),
    SETTING_ATTR("sslrootcert", setting_text, "Path of a file with trusted CA certificates"),
    SETTING_ATTR("sslcert", setting_text, "Path of the client certificate"),
    SETTING_ATTR("sslkey", setting_text, "Path of the client certificate's key"),
    SETTING_ATTR("service", setting_text, "Service name in pg_service.conf"),
    SETTING_ATTR("via", setting_text, "Name of the connection to the server"),
    SETTING_ATTR("aws", aws_type,
        "AWS settings for the buckets of postgres.load, as for the provider aws; without it "
        "those of the environment"),
    SETTING_ATTR("wait_seconds", setting_number,
        "Time in seconds to wait for a server that is starting; without it 60"),
};
static const struct type settings_type = OBJECT_TYPE(settings);
static const struct attr settings_attr = {
    .name = STR_INIT("postgres"), .type = &settings_type, .settable = true};

static const struct native natives[] = {{.name = "postgres", .ops = &postgres_ops}, {0}};

static int postgres_open(
    const struct provider_options *options, struct arena *arena UNUSED, void **self, struct err *err)
{
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
