/* Where a configured provider makes resources: see location.h. */
#include "provider/aws/location.h"

#include "provider/aws/client_state.h"
#include "provider/http/target.h"

/* A configuration's own way to its credentials, without what is secret. */
static void add_identity(const struct aws_client *client, struct value_builder *b)
{
    static const char *const names[] = {"profile", "assume_role"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *v = value_getz(client->settings.config, names[i]);
        if (!value_is_null(v) && !value_is_sensitive(v))
            value_builder_set(b, str_z(names[i]), value_copy(b->arena, v));
    }
}

/* Only an account that is told: a store of one's own that knows nothing but S3 has none. */
static int add_account(struct aws_client *client, const struct aws_service *service, bool store, bool ask,
    struct value_builder *b, struct err *err)
{
    struct str account = client->settings.account_id;
    if (!account.n && !(service->s3 && store) && aws_account_known(client, ask, b->arena, &account, err))
        return -1;
    if (account.n)
        value_builder_set(b, STR("account"), value_string(b->arena, account));
    return 0;
}

static struct str url_of(const struct endpoint *endpoint, struct arena *arena)
{
    return arena_printf(arena, "%s://%.*s%.*s", endpoint->tls ? "https" : "http", STR_ARG(endpoint->host),
        STR_ARG(endpoint->base_path));
}

struct str aws_custom_endpoint(
    struct aws_client *client, const struct aws_service *service, struct arena *arena)
{
    const struct service_state *state = client_service(client, service, ERR_IGNORED);
    return state && state->endpoint.custom ? url_of(&state->endpoint, arena) : STR_EMPTY;
}

int aws_place(struct aws_client *client, const struct aws_service *service, bool ask, struct arena *arena,
    const struct value **place, struct err *err)
{
    const struct service_state *state = client_service(client, service, err);
    if (!state)
        return -1;
    const struct endpoint *endpoint = &state->endpoint;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (add_account(client, service, endpoint->custom, ask, &b, err))
        return -1;
    if (endpoint->custom)
        value_builder_set(&b, STR("endpoint"), value_string_ref(arena, url_of(endpoint, arena)));
    value_builder_set(&b, STR("partition"), value_string_ref(arena, aws_partition(client)));
    value_builder_set(&b, STR("region"), value_string(arena, aws_region(client)));
    add_identity(client, &b);
    *place = value_builder_map(&b);
    return 0;
}

/* ---- comparing ---- */

static struct str host_of(struct str url)
{
    struct http_target target;
    return http_target_parse(url, &target, ERR_IGNORED) ? url : target.authority;
}

static bool is_local(struct str host)
{
    struct str port, name = host.n && host.p[0] == '[' ? host : str_cut(host, ':', &port);
    return str_starts(name, STR("127.")) || str_eqz(name, "localhost") || str_ends(name, STR(".localhost")) ||
           str_starts(name, STR("[::1]"));
}

static bool same_endpoint(struct str then, struct str now)
{
    if (!then.n || !now.n)
        return then.n == now.n;
    struct str a = host_of(then), b = host_of(now);
    return str_ieq(a, b) || (is_local(a) && is_local(b));
}

static bool differs(const struct value *then, const struct value *now, const char *name)
{
    struct str a = value_gets(then, name), b = value_gets(now, name);
    return a.n && b.n && !str_eq(a, b);
}

const char *aws_place_difference(
    const struct aws_service *service, const struct value *then, const struct value *now)
{
    if (!then || !now)
        return NULL;
    if (!same_endpoint(value_gets(then, "endpoint"), value_gets(now, "endpoint")))
        return "endpoint";
    if (differs(then, now, "account"))
        return "account";
    if (differs(then, now, "partition"))
        return "partition";
    return !service->global && !service->s3 && differs(then, now, "region") ? "region" : NULL;
}

/* ---- opening again ---- */

const struct value *aws_place_settings(
    const struct value *place, const struct value *config, struct arena *arena)
{
    static const char *const names[] = {"region", "profile", "assume_role"};
    struct str endpoint = value_gets(place, "endpoint");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; config && config->kind == VALUE_MAP && i < config->count; i++)
        if (!str_eqz(config->entries[i].key, "default_tags"))
            value_builder_set(&b, config->entries[i].key, config->entries[i].value);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(place, names[i]))
            value_builder_set(&b, str_z(names[i]), value_getz(place, names[i]));
    /* A server on this machine is where it is now. */
    if (endpoint.n && !is_local(host_of(endpoint)))
        value_builder_set(&b, STR("endpoint"), value_string(arena, endpoint));
    return value_builder_map(&b);
}

struct str aws_place_text(const struct value *place, struct arena *arena)
{
    struct str account = value_gets(place, "account"), endpoint = value_gets(place, "endpoint");
    AUTO_BUF struct buf text = BUF_INIT;
    buf_add_str(&text, value_gets(place, "region"));
    if (account.n)
        buf_addf(&text, " of account %.*s", STR_ARG(account));
    if (endpoint.n)
        buf_addf(&text, " at %.*s", STR_ARG(endpoint));
    return arena_str(arena, buf_str(&text));
}
