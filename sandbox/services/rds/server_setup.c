/* What a database's record says, in the server: settings, roles, the owner and his database. */
#include "sandbox/services/rds/rds.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#include <unistd.h>

/* Roles that RDS has from the beginning. */
static const char roles[] =
    "do $$ begin "
    "if not exists (select from pg_roles where rolname = 'rds_superuser') then "
    "create role rds_superuser; create role rds_iam; create role rds_replication; create role rds_password; "
    "grant pg_monitor, pg_signal_backend, rds_replication, rds_password to rds_superuser with admin option; "
    "end if; end $$";

struct str database_password(
    struct services *services, struct arena *arena, struct str region, struct str secret, struct str other)
{
    struct control_record record;
    const struct value *content;
    if (!secret.n ||
        !control_find(
            services_control(services), arena, STR("aws.secretsmanager.secret"), region, secret, &record) ||
        json_parse(arena, value_gets(record.attrs, "secret_string"), &content, ERR_IGNORED))
        return other;
    return value_gets(content, "password");
}

/* By what is wished: a digest beside the data says what the server was brought to last. */
static struct str digest_of(struct arena *arena, const struct database_wish *wish)
{
    return sha256_hex(arena, arena_printf(arena, "%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(wish->user),
                                 STR_ARG(wish->password), STR_ARG(wish->database), STR_ARG(wish->conf)));
}

static int furnish_ask(
    PGconn *session, struct arena *arena, const char *sql, struct str given, bool *any, struct err *err)
{
    const char *const values[] = {arena_strz(arena, given), NULL};
    PGresult *result = NULL;
    if (postgres_run(session, sql, values, &result, err))
        return -1;
    const struct pq_api *pq = pq_api(err);
    *any = pq->ntuples(result) > 0;
    pq->clear(result);
    return 0;
}

/* A name or a text, quoted for a statement. */
static const char *furnish_quoted(PGconn *session, struct arena *arena, struct str text, bool name)
{
    const struct pq_api *pq = pq_api(ERR_IGNORED);
    char *made =
        name ? pq->escapeIdentifier(session, text.p, text.n) : pq->escapeLiteral(session, text.p, text.n);
    const char *copy = arena_strz(arena, str_z(made));
    pq->freemem(made);
    return copy;
}

static int furnish_owner(
    PGconn *session, struct arena *arena, const struct database_wish *wish, struct err *err)
{
    const char *user = furnish_quoted(session, arena, wish->user, true);
    const char *password = wish->password.n ? furnish_quoted(session, arena, wish->password, false) : "null";
    bool there;
    if (postgres_run(session, roles, NULL, NULL, err) ||
        furnish_ask(session, arena, "select from pg_roles where rolname = $1", wish->user, &there, err))
        return -1;
    return postgres_run(session,
               arena_printf(arena, "%s role %s login createdb createrole password %s",
                   there ? "alter" : "create", user, password)
                   .p,
               NULL, NULL, err) ||
                   postgres_run(
                       session, arena_printf(arena, "grant rds_superuser to %s", user).p, NULL, NULL, err)
               ? -1
               : 0;
}

static int furnish_database(
    PGconn *session, struct arena *arena, const struct database_wish *wish, struct str name, struct err *err)
{
    const char *user = furnish_quoted(session, arena, wish->user, true),
               *database = furnish_quoted(session, arena, name, true);
    bool there;
    if (furnish_ask(session, arena, "select from pg_database where datname = $1", name, &there, err))
        return -1;
    return postgres_run(session,
        arena_printf(
            arena, there ? "alter database %s owner to %s" : "create database %s owner %s", database, user)
            .p,
        NULL, NULL, err);
}

/* Settings that take a restart are taken at the next one. */
static int furnish_settings(
    const struct daemon_self *self, PGconn *session, const struct database_wish *wish, struct err *err)
{
    const char *path = arena_printf(self->arena, "%s/" POSTGRES_CONF, self->data).p;
    return file_write_atomic(path, wish->conf, 0600, err) || daemon_give(path, self->user, err) ||
                   postgres_run(session, "select pg_reload_conf()", NULL, NULL, err)
               ? -1
               : 0;
}

/* What was written when that was brought to what is wished. */
static bool is_furnished(struct arena *arena, const char *path, struct str digest)
{
    struct str before = STR_EMPTY;
    return !file_read(arena, path, 128, &before, ERR_IGNORED) && str_eq(before, digest);
}

/* Who comes at the same time waits, and finds it done. */
static const char one_at_a_time[] = "select pg_advisory_lock(hashtext('furnished'))";

int database_furnish(const struct daemon_self *self, const struct database_wish *wish, struct err *err)
{
    AUTO_WIPED_ARENA struct arena arena = ARENA_INIT;
    const char *path = arena_printf(&arena, "%s/furnished", self->dir).p;
    struct str digest = digest_of(&arena, wish);
    if (is_furnished(&arena, path, digest))
        return 0;
    PGconn *session = postgres_open(self, "postgres", err);
    if (!session)
        return -1;
    int status = postgres_run(session, one_at_a_time, NULL, NULL, err);
    if (!status && !is_furnished(&arena, path, digest))
        status = furnish_settings(self, session, wish, err) || furnish_owner(session, &arena, wish, err) ||
                 furnish_database(session, &arena, wish, STR("postgres"), err) ||
                 (wish->database.n && furnish_database(session, &arena, wish, wish->database, err)) ||
                 file_write_atomic(path, digest, 0600, err);
    pq_api(ERR_IGNORED)->finish(session);
    return status ? -1 : 0;
}
