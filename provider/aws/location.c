/* The location of resources (see client.h): account, region, endpoint. */

#include "base/mask.h"
#include "base/mem.h"
#include "provider/aws/client_state.h"
#include "provider/http/target.h"

/* ---- The account id of the credentials: STS is asked once for each access key ---- */

static const struct aws_service sts = {
    .id = STR_INIT("sts"), .endpoint_prefix = STR_INIT("sts"), .signing_name = STR_INIT("sts")};

static int fetch_account(struct aws_client *client, struct err *err)
{
    static const struct wire_operation op = {.name = STR_INIT("GetCallerIdentity"),
        .protocol = WIRE_QUERY,
        .version = STR_INIT("2011-06-15"),
        .method = STR_INIT("POST")};
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct aws_call call = {.service = &sts,
        .op = &op,
        .idempotent = true,
        .cancel = client->cancel,
        .request = {.method = STR("POST"),
            .path = STR("/"),
            .body = STR("Action=GetCallerIdentity&Version=2011-06-15")}};
    wire_header_add(&scratch, &call.request, STR("Content-Type"),
        STR("application/x-www-form-urlencoded; charset=utf-8"));
    const struct value *document;
    if (aws_send_decoded(client, &call, &scratch, "Account", &document, err)) {
        err_context(err, "asking STS for the account number");
        return -1;
    }
    struct str account = value_text(wire_path(&scratch, document, STR("Account")), STR_EMPTY);
    if (!account.n)
        return err_set(err, ERR_PROTOCOL, "STS does not say which account this is");
    client->account = arena_str(&client->arena, account);
    mask_allow(client->account); /* ARNs contain it */
    return 0;
}

/*
 * A key's account does not change: of many clients with the same key, as in a fleet, one asks STS and the
 * others wait for the result.
 */
static struct {
    pthread_mutex_t lock;
    struct map accounts; /* "key host" -> char[] */
} known = {.lock = PTHREAD_MUTEX_INITIALIZER, .accounts = MAP_INIT};

/* Returns access key and STS host as the cache key; "" if they are not known. */
static struct str account_key(struct aws_client *client, struct arena *arena)
{
    struct credentials credentials;
    const struct service_state *state = client_service(client, &sts, ERR_IGNORED);
    if (!state || credentials_get(client->credentials, arena, &credentials, ERR_IGNORED))
        return STR_EMPTY;
    return arena_printf(arena, "%.*s %.*s", STR_ARG(credentials.access_key), STR_ARG(state->endpoint.host));
}

static int learn_account(struct aws_client *client, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str key = account_key(client, &scratch);
    if (client->answer || !key.n)
        return fetch_account(client, err);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&known.lock);
    const char *account = map_get(&known.accounts, key);
    int status = 0;
    if (account)
        client->account = arena_str(&client->arena, str_z(account));
    else if (!(status = fetch_account(client, err)))
        map_set(&known.accounts, str_z(mem_strdup(arena_strz(&scratch, key))),
            mem_strdup(arena_strz(&scratch, client->account)));
    return status;
}

int aws_account(struct aws_client *client, struct arena *arena, struct str *account, struct err *err)
{
    if (client->settings.account_id.n) {
        *account = client->settings.account_id;
        return 0;
    }
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&client->account_lock);
    int result = client->account.n ? 0 : learn_account(client, err);
    if (!result)
        *account = arena_str(arena, client->account);
    return result;
}

bool aws_clock_reported(struct aws_client *client, bool ask, int64_t *ahead_ms)
{
    struct err ignored = ERR_INIT; /* an error response has a date, too */
    pthread_mutex_lock(&client->account_lock);
    if (ask && !atomic_load(&client->dated))
        fetch_account(client, &ignored);
    pthread_mutex_unlock(&client->account_lock);
    *ahead_ms = aws_clock_ahead_ms(client);
    return atomic_load(&client->dated);
}

/* True if the run may continue without the account id: STS is unreachable or a custom endpoint. False if AWS
 * itself refuses the credentials. */
static bool may_be_unreported(struct aws_client *client, const struct err *why)
{
    const struct service_state *state = client_service(client, &sts, ERR_IGNORED);
    return why->class == ERR_NETWORK || why->class == ERR_TIMEOUT || (state && state->endpoint.custom);
}

/*
 * Like aws_account() where the account is optional: "" unless it is configured, cached, or `ask` determines
 * it. Returns -1 only if AWS itself refuses; an unreachable or custom STS is not asked again.
 */
static int aws_account_known(
    struct aws_client *client, bool ask, struct arena *arena, struct str *account, struct err *err)
{
    struct err why = ERR_INIT;
    int result = 0;
    *account = client->settings.account_id;
    if (account->n)
        return 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&client->account_lock);
    if (!client->account.n && ask && !client->account_unreported && learn_account(client, &why)) {
        client->account_unreported = may_be_unreported(client, &why) && why.class != ERR_INTERRUPTED;
        if (!client->account_unreported) {
            *err = why;
            result = -1;
        }
    }
    *account = arena_str(arena, client->account);
    return result;
}

/* Adds the settings that credentials are found by, without sensitive ones. */
static void add_identity(const struct aws_client *client, struct value_builder *b)
{
    static const char *const names[] = {"profile", "assume_role"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *v = value_getz(client->settings.config, names[i]);
        if (!value_is_null(v) && !value_is_sensitive(v))
            value_builder_set(b, str_z(names[i]), value_copy(b->arena, v));
    }
}

/* Adds the account if it is known; an S3-compatible store has none. */
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

int aws_location(struct aws_client *client, const struct aws_service *service, bool ask, struct arena *arena,
    const struct value **location, struct err *err)
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
    *location = value_builder_map(&b);
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

const char *aws_location_difference(
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

/* ---- opening a recorded location ---- */

const struct value *aws_location_settings(
    const struct value *location, const struct value *config, struct arena *arena)
{
    static const char *const names[] = {"region", "profile", "assume_role"};
    struct str endpoint = value_gets(location, "endpoint");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; config && config->kind == VALUE_MAP && i < config->count; i++)
        if (!str_eqz(config->entries[i].key, "default_tags"))
            value_builder_set(&b, config->entries[i].key, config->entries[i].value);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(location, names[i]))
            value_builder_set(&b, str_z(names[i]), value_getz(location, names[i]));
    /* A server on this machine is used at its current port. */
    if (endpoint.n && !is_local(host_of(endpoint)))
        value_builder_set(&b, STR("endpoint"), value_string(arena, endpoint));
    return value_builder_map(&b);
}

struct str aws_location_text(const struct value *location, struct arena *arena)
{
    struct str account = value_gets(location, "account"), endpoint = value_gets(location, "endpoint");
    AUTO_BUF struct buf text = BUF_INIT;
    buf_add_str(&text, value_gets(location, "region"));
    if (account.n)
        buf_addf(&text, " of account %.*s", STR_ARG(account));
    if (endpoint.n)
        buf_addf(&text, " at %.*s", STR_ARG(endpoint));
    return arena_str(arena, buf_str(&text));
}
