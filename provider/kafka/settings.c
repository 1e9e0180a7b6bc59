/* The settings of a Kafka cluster under `providers:`, in librdkafka's terms, and tokens for Amazon MSK. */
#include "base/file.h"
#include "base/hash.h"
#include "base/mask.h"
#include "provider/aws/client.h"
#include "provider/kafka/kafka.h"

#include <unistd.h>

/* ---- Authentication at Amazon MSK: OAUTHBEARER, with a token that is a presigned request for
 * kafka-cluster:Connect, in base64url, as in AWS's own signers (aws-msk-iam-sasl-signer-python and
 * others). */

enum { TOKEN_S = 900 };

/* RFC 4648, 5: a different alphabet, and no padding. */
static struct str base64url(struct arena *arena, struct str data)
{
    struct str text = base64_encode(arena, data);
    char *copy = arena_strz(arena, text);
    while (text.n && copy[text.n - 1] == '=')
        copy[--text.n] = 0;
    for (size_t i = 0; i < text.n; i++)
        copy[i] = (char)(copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i]);
    return str_n(copy, text.n);
}

static int token_make(
    struct cluster *cluster, struct arena *arena, struct str *token, int64_t *ends_ms, struct err *err)
{
    struct str url, region = aws_region(cluster->aws);
    bool china = str_eqz(aws_partition(cluster->aws), "aws-cn");
    struct presign what = {.service = STR("kafka-cluster"),
        .host = arena_printf(arena, "kafka.%.*s.amazonaws.com%s", STR_ARG(region), china ? ".cn" : ""),
        .query = STR("Action=kafka-cluster%3AConnect"),
        .seconds = TOKEN_S};
    if (aws_presign(cluster->aws, &what, arena, &url, ends_ms, err))
        return -1;
    *token = base64url(arena, arena_printf(arena, "%.*s&User-Agent=weir", STR_ARG(url)));
    return 0;
}

void cluster_token(struct rd_kafka_s *client, const char *config UNUSED, void *arg)
{
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    struct cluster *cluster = arg;
    struct str token;
    int64_t ends_ms;
    struct err err = ERR_INIT;
    char why[512];
    if (token_make(cluster, &scratch, &token, &ends_ms, &err))
        cluster->api->oauthbearer_set_token_failure(client, err.message);
    else if (cluster->api->oauthbearer_set_token(
                 client, token.p, ends_ms, "weir", NULL, 0, why, sizeof why) != KAFKA_OK)
        cluster->api->oauthbearer_set_token_failure(client, why);
}

enum { WAIT_DEFAULT_S = 60 };

static const struct attr settings[] = {
    SETTING_LOCATION(
        "bootstrap", setting_any, "Bootstrap brokers as HOST:PORT: a string with commas, or a list"),
    SETTING_ATTR("tls", setting_any,
        "true, or {ca, cert, key, key_password}: paths of the trusted CA certificates and of the client "
        "certificate and key"),
    SETTING_ATTR("mechanism", setting_text,
        "SASL mechanism: plain, scram-sha-256 or scram-sha-512; without it scram-sha-512"),
    SETTING_ATTR("user", setting_text, "User to log in as"),
    SETTING_ATTR("password", setting_text, "Password of the user"),
    SETTING_ATTR("iam", setting_any,
        "IAM authentication for Amazon MSK: true, or settings as for the provider aws: {region, profile, "
        "assume_role}"),
    SETTING_ATTR("insecure", setting_flag, "Allow a password without TLS to other machines"),
    SETTING_ATTR("via", setting_text, "Name of the connection to the brokers"),
    SETTING_ATTR("wait_seconds", setting_number,
        "Time in seconds to wait for brokers that are starting; without it 60"),
};

static const struct type settings_type = OBJECT_TYPE(settings);
const struct attr kafka_settings_attr = {.name = STR_INIT("kafka"), .type = &settings_type, .settable = true};

static void settings_add(struct arena *arena, struct kafka_settings *out, const char *key, struct str value)
{
    if (!value.n || out->property_count + 2 > sizeof out->properties / sizeof *out->properties)
        return;
    out->properties[out->property_count++] = str_z(key);
    out->properties[out->property_count++] = arena_str(arena, value);
}

static int settings_wrong(const struct kafka_settings *s, struct err *err, const char *what, const char *hint)
{
    err_set(err, ERR_INVALID, "provider \"%.*s\": %s", STR_ARG(s->name), what);
    return hint ? err_hint(err, "%s", hint) : -1;
}

/* ---- brokers ---- */

static bool is_address(struct str text)
{
    int64_t port;
    size_t at = str_after_last(text, ":");
    return at > 1 && str_to_int(str_slice(text, at, text.n), &port) && port > 0 && port < 65536;
}

static int add_broker(struct arena *arena, struct kafka_settings *out, struct str broker, struct err *err)
{
    broker = str_trim(broker);
    if (!is_address(broker)) {
        err_set(err, ERR_INVALID, "provider \"%.*s\": bootstrap: \"%.*s\" is not a HOST:PORT",
            STR_ARG(out->name), STR_ARG(broker));
        return err_hint(err, "such as broker-1.example.com:9092");
    }
    out->bootstrap = arena_printf(
        arena, "%.*s%s%.*s", STR_ARG(out->bootstrap), out->bootstrap.n ? "," : "", STR_ARG(broker));
    return 0;
}

static int read_bootstrap(
    struct arena *arena, const struct value *config, struct kafka_settings *out, struct err *err)
{
    const struct value *given = value_getz(config, "bootstrap");
    bool list = given && given->kind == VALUE_LIST;
    if (value_is_null(given) || (!list && given->kind != VALUE_STRING))
        return settings_wrong(
            out, err, "bootstrap has to name brokers", "bootstrap: broker-1.example.com:9092");
    for (uint32_t i = 0; list && i < given->count; i++)
        if (add_broker(arena, out, value_text(given->items[i], STR_EMPTY), err))
            return -1;
    for (struct str rest = list ? (struct str){0} : given->string; rest.p;)
        if (add_broker(arena, out, str_cut(rest, ',', &rest), err))
            return -1;
    if (!out->bootstrap.n)
        return settings_wrong(out, err, "bootstrap is an empty list", NULL);
    settings_add(arena, out, "bootstrap.servers", out->bootstrap);
    return 0;
}

static bool all_here(struct str bootstrap)
{
    static const char *const here[] = {"127.", "localhost:", "[::1]:"};
    for (struct str rest = bootstrap; rest.p;) {
        struct str broker = str_cut(rest, ',', &rest);
        bool is = false;
        for (size_t i = 0; i < sizeof here / sizeof *here; i++)
            is |= str_starts(broker, str_z(here[i]));
        if (!is)
            return false;
    }
    return true;
}

/* ---- TLS ---- */

static struct str file_setting(
    struct arena *arena, const struct provider_options *options, const struct value *tls, const char *name)
{
    struct str path = value_gets(tls, name);
    if (!path.n || path.p[0] == '/' || !options->base_dir.n)
        return path;
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(options->base_dir), STR_ARG(path));
}

static int read_tls(struct arena *arena, const struct provider_options *options, struct kafka_settings *out,
    bool *used, struct err *err)
{
    static const char *const known[][2] = {{"ca", "ssl.ca.location"}, {"cert", "ssl.certificate.location"},
        {"key", "ssl.key.location"}, {"key_password", "ssl.key.password"}};
    const struct value *tls = value_getz(options->config, "tls");
    *used = tls && (tls->kind == VALUE_MAP || (tls->kind == VALUE_BOOL && tls->boolean));
    if (value_is_null(tls) || tls->kind == VALUE_BOOL)
        return 0;
    if (tls->kind != VALUE_MAP)
        return settings_wrong(out, err, "tls has to be true, or a map with ca, cert and key", NULL);
    for (uint32_t i = 0; i < tls->count; i++) {
        size_t k = 0;
        while (k < sizeof known / sizeof *known && !str_eqz(tls->entries[i].key, known[k][0]))
            k++;
        if (k == sizeof known / sizeof *known) {
            err_set(err, ERR_INVALID, "provider \"%.*s\": tls has no setting \"%.*s\"", STR_ARG(out->name),
                STR_ARG(tls->entries[i].key));
            return err_hint(err, "it has ca, cert, key and key_password");
        }
    }
    for (size_t k = 0; k < 3; k++) {
        struct str path = file_setting(arena, options, tls, known[k][0]);
        if (path.n && access(arena_strz(arena, path), R_OK) != 0)
            return err_errno(err, ERR_INVALID, "provider \"%.*s\": tls: %s: %.*s", STR_ARG(out->name),
                known[k][0], STR_ARG(path));
        if (path.n && file_check(arena_strz(arena, path), err))
            return -1;
        settings_add(arena, out, known[k][1], path);
    }
    mask_add(value_gets(tls, known[3][0]), MASK_GIVEN);
    settings_add(arena, out, known[3][1], value_gets(tls, known[3][0]));
    return 0;
}

/* ---- authentication ---- */

/* Returns the region eu-west-1 of b-1.events.ab12cd.c2.kafka.eu-west-1.amazonaws.com:9098. */
static struct str region_of(struct str bootstrap)
{
    static const struct str mark = STR_INIT(".amazonaws.com"), serverless = STR_INIT(".kafka-serverless."),
                            provisioned = STR_INIT(".kafka.");
    ptrdiff_t end = str_find(bootstrap, mark, 0), at = str_find(bootstrap, serverless, 0);
    size_t from = at < 0 ? 0 : (size_t)at + serverless.n;
    if (at < 0 && (at = str_find(bootstrap, provisioned, 0)) >= 0)
        from = (size_t)at + provisioned.n;
    return at < 0 || end < (ptrdiff_t)from ? STR_EMPTY : str_slice(bootstrap, from, (size_t)end);
}

static int read_iam(
    struct arena *arena, const struct value *config, struct kafka_settings *out, struct err *err)
{
    const struct value *iam = value_getz(config, "iam");
    out->iam = iam && (iam->kind == VALUE_MAP || (iam->kind == VALUE_BOOL && iam->boolean));
    if (!value_is_null(iam) && iam->kind != VALUE_MAP && iam->kind != VALUE_BOOL)
        return settings_wrong(
            out, err, "iam has to be true, or a map with region, profile and the like", NULL);
    if (!out->iam)
        return 0;
    if (value_gets(config, "user").n || value_gets(config, "password").n)
        return settings_wrong(out, err, "iam, and user with password, exclude each other", NULL);
    /* A broker on loopback is the sandbox's in place of MSK, without TLS and IAM. */
    const struct value *tls = value_getz(config, "tls");
    out->iam = !all_here(out->bootstrap) || (tls && tls->kind == VALUE_MAP);
    if (!out->iam)
        return 0;
    out->region = region_of(out->bootstrap);
    settings_add(arena, out, "sasl.mechanisms", STR("OAUTHBEARER"));
    return 0;
}

static int read_mechanism(const struct kafka_settings *s, struct str name, struct str *out, struct err *err)
{
    static const char *const known[][2] = {
        {"scram-sha-512", "SCRAM-SHA-512"}, {"scram-sha-256", "SCRAM-SHA-256"}, {"plain", "PLAIN"}};
    *out = str_z(known[0][1]);
    if (!name.n)
        return 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_ieq(name, str_z(known[i][0]))) {
            *out = str_z(known[i][1]);
            return 0;
        }
    err_set(err, ERR_INVALID, "provider \"%.*s\": there is no mechanism \"%.*s\"", STR_ARG(s->name),
        STR_ARG(name));
    return err_hint(
        err, "plain, scram-sha-256 or scram-sha-512; for Amazon MSK with IAM say `iam: true` instead");
}

static int read_user(struct arena *arena, const struct value *config, bool tls, struct kafka_settings *out,
    bool *used, struct err *err)
{
    struct str user = value_gets(config, "user"), password = value_gets(config, "password"), mechanism;
    *used = user.n || password.n;
    if (!user.n != !password.n)
        return settings_wrong(out, err, "user and password go together", NULL);
    if (read_mechanism(out, value_gets(config, "mechanism"), &mechanism, err))
        return -1;
    if (!user.n)
        return 0;
    bool clear = str_eqz(mechanism, "PLAIN") && !tls;
    if (clear && !all_here(out->bootstrap) && !out->via.n && !value_getb(config, "insecure"))
        return settings_wrong(out, err,
            "with the mechanism plain the password would go over the network in the clear",
            "say `tls: true`, or `insecure: true` if that is meant");
    settings_add(arena, out, "sasl.mechanisms", mechanism);
    settings_add(arena, out, "sasl.username", user);
    settings_add(arena, out, "sasl.password", password);
    return 0;
}

/* ---- all of it ---- */

int kafka_settings_read(
    struct arena *arena, const struct provider_options *options, struct kafka_settings *out, struct err *err)
{
    const struct value *config = options->config, *wait = value_getz(config, "wait_seconds");
    static const char *const protocols[2][2] = {{"plaintext", "ssl"}, {"sasl_plaintext", "sasl_ssl"}};
    bool tls, user;
    mask_add(value_gets(config, "password"), MASK_GIVEN);
    *out = (struct kafka_settings){.name = arena_str(arena, options->name),
        .bootstrap = STR_EMPTY,
        .via = arena_str(arena, options->via),
        .wait_ms = 1000 * (wait && wait->kind == VALUE_INT ? wait->integer : WAIT_DEFAULT_S)};
    if (read_bootstrap(arena, config, out, err) || read_tls(arena, options, out, &tls, err) ||
        read_iam(arena, config, out, err) || read_user(arena, config, tls, out, &user, err))
        return -1;
    settings_add(arena, out, "security.protocol", str_z(protocols[user || out->iam][tls || out->iam]));
    settings_add(arena, out, "client.id", STR("weir"));
    settings_add(arena, out, "socket.keepalive.enable", STR("true"));
    settings_add(arena, out, "reconnect.backoff.max.ms", STR("1000"));
    /* A broker that accepts connections and does not respond yet is starting. */
    settings_add(arena, out, "api.version.request.timeout.ms", STR("60000"));
    settings_add(arena, out, "socket.connection.setup.timeout.ms", STR("60000"));
    settings_add(arena, out, "log_level", STR("3"));
    return 0;
}
