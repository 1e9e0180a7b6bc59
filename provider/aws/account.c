/* Whose account a client's credentials belong to: STS is asked, once for each key. */
#include "provider/aws/client.h"

#include "base/mask.h"
#include "base/mem.h"
#include "provider/aws/client_state.h"

static const struct aws_service sts = {.id = STR_INIT("sts"),
    .endpoint_prefix = STR_INIT("sts"),
    .signing_name = STR_INIT("sts"),
    .signing_region = STR_INIT("")};

static int ask_account(struct aws_client *client, struct err *err)
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
    if (aws_ask(client, &call, &scratch, "Account", &document, err)) {
        err_context(err, "asking STS for the account number");
        return -1;
    }
    struct str account = value_text(wire_path(&scratch, document, STR("Account")), STR_EMPTY);
    if (!account.n)
        return err_set(err, ERR_PROTOCOL, "STS does not say which account this is");
    client->account = arena_str(&client->arena, account);
    mask_allow(client->account); /* ARNs are made of it */
    return 0;
}

/*
 * What a key's account is does not change: of many clients with the same key, as in a fleet, one asks, and
 * the others wait for its answer.
 */
static struct {
    pthread_mutex_t lock;
    struct map accounts; /* "key host" -> char[] */
} known = {.lock = PTHREAD_MUTEX_INITIALIZER, .accounts = MAP_INIT};

/* Who asks, and where; "" where that cannot be said. */
static struct str asker_of(struct aws_client *client, struct arena *arena)
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
    struct str asker = asker_of(client, &scratch);
    if (client->answer || !asker.n)
        return ask_account(client, err);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&known.lock);
    const char *account = map_get(&known.accounts, asker);
    int status = 0;
    if (account)
        client->account = arena_str(&client->arena, str_z(account));
    else if (!(status = ask_account(client, err)))
        map_set(&known.accounts, str_z(mem_strdup(arena_strz(&scratch, asker))),
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
    struct err ignored = ERR_INIT; /* a refusal tells the time, too */
    pthread_mutex_lock(&client->account_lock);
    if (ask && !atomic_load(&client->dated))
        ask_account(client, &ignored);
    pthread_mutex_unlock(&client->account_lock);
    *ahead_ms = aws_clock_ahead_ms(client);
    return atomic_load(&client->dated);
}

/* May one go on without knowing? Not where AWS itself says that these credentials are none. */
static bool may_be_unreported(struct aws_client *client, const struct err *why)
{
    const struct service_state *state = client_service(client, &sts, ERR_IGNORED);
    return why->class == ERR_NETWORK || why->class == ERR_TIMEOUT || (state && state->endpoint.custom);
}

int aws_account_known(
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
