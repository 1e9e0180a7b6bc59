/*
 * The client of one cluster: created at its first use, connected, and checked for brokers; requests and their
 * errors.
 */
#include "provider/kafka/kafka.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/library.h"
#include "base/mem.h"
#include "provider/aws/client.h"
#include "provider/ssh/connections.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>

/* ---- librdkafka, loaded at the first use of a Kafka cluster ---- */

#define KAFKA_DECLARED(gives, name, takes) gives rd_kafka_##name takes;

KAFKA_FUNCTIONS(KAFKA_DECLARED)
KAFKA_NEWER_FUNCTIONS(KAFKA_DECLARED)

const struct kafka_api *kafka_api(struct err *err)
{
#define KAFKA_NAME(gives, name, takes)   "rd_kafka_" #name "\0"
#define KAFKA_LINKED(gives, name, takes) rd_kafka_##name,
    static struct kafka_api api =
        LIBRARY_LINKED(KAFKA_FUNCTIONS(KAFKA_LINKED) KAFKA_NEWER_FUNCTIONS(KAFKA_LINKED));
    static struct library library = {
        .file = "librdkafka.so.1",
        .install = "Kafka's client library, 1.9 or newer (Debian and Ubuntu: apt install librdkafka1)",
        .table = &api,
        .names = KAFKA_FUNCTIONS(KAFKA_NAME),
        .newer = KAFKA_NEWER_FUNCTIONS(KAFKA_NAME),
    };
    return library_table(&library, err);
}

/* ---- Errors of brokers and librdkafka: class, message and hint. */

/* Error codes with a special meaning; all others are errors of the service. */
static const struct {
    int code;
    enum err_class class;
    bool retryable, lost;
    const char *hint;
} codes[] = {
    {KAFKA_UNKNOWN_TOPIC, ERR_ABSENT, false, false, NULL},
    {KAFKA_RESOURCE_NOT_FOUND, ERR_ABSENT, false, false, NULL},
    {KAFKA_TOPIC_ALREADY_EXISTS, ERR_EXISTS, false, false, NULL},
    {KAFKA_NOT_CONTROLLER, ERR_SERVICE, true, false, NULL},
    {KAFKA_THROTTLING_QUOTA_EXCEEDED, ERR_THROTTLED, true, false, NULL},
    {KAFKA_REQUEST_TIMED_OUT, ERR_TIMEOUT, false, true,
        "the broker continues with it; look again in a moment"},
    {KAFKA_TIMED_OUT, ERR_NETWORK, false, true, NULL},
    {KAFKA_TRANSPORT, ERR_NETWORK, false, true, NULL},
    {KAFKA_DESTROY_BROKER, ERR_NETWORK, false, true, NULL},
    {KAFKA_INVALID_ARG, ERR_SERVICE, false, false, NULL},
    {KAFKA_NOT_IMPLEMENTED, ERR_SERVICE, false, false, NULL},
    {KAFKA_UNSUPPORTED_FEATURE, ERR_SERVICE, false, false, NULL},
    {KAFKA_TOPIC_AUTHORIZATION_FAILED, ERR_AUTH, false, false,
        "the user of the provider may not do that with the topic; a kafka.acl of a user who may can allow "
        "it"},
    {KAFKA_CLUSTER_AUTHORIZATION_FAILED, ERR_AUTH, false, false,
        "the user of the provider may not do that in the cluster; a kafka.acl with resource_type: cluster "
        "can "
        "allow it"},
    {KAFKA_AUTHENTICATION, ERR_AUTH, false, false, NULL},
    {KAFKA_SASL_AUTHENTICATION_FAILED, ERR_AUTH, false, false, NULL},
    {KAFKA_SECURITY_DISABLED, ERR_SERVICE, false, false,
        "the brokers have no authorizer: their setting authorizer.class.name names one, such as "
        "org.apache.kafka.metadata.authorizer.StandardAuthorizer"},
    {KAFKA_INVALID_REPLICATION_FACTOR, ERR_SERVICE, false, false,
        "there cannot be more replicas than brokers"},
    {KAFKA_TOPIC_DELETION_DISABLED, ERR_SERVICE, false, false,
        "the brokers' setting delete.topic.enable forbids it"},
    {KAFKA_REASSIGNMENT_IN_PROGRESS, ERR_SERVICE, true, false, NULL},
};

int kafka_failure(const struct kafka_api *api, int code, const char *message, struct err *err)
{
    if (code == KAFKA_OK)
        return 0;
    size_t i = 0;
    while (i < sizeof codes / sizeof *codes && codes[i].code != code)
        i++;
    bool known = i < sizeof codes / sizeof *codes;
    const char *name = api->err2name(code);
    err_set(err, known ? codes[i].class : ERR_SERVICE, "%s (%s)",
        message && message[0] ? message : api->err2str(code), name);
    snprintf(err->code, sizeof err->code, "%s", name);
    err->retryable = known && codes[i].retryable;
    err->lost = known ? codes[i].lost : code < KAFKA_LOCAL; /* the error is librdkafka's, not a broker's */
    if (known && codes[i].hint)
        err_hint(err, "%s", codes[i].hint);
    err_mask(err);
    return -1;
}

int kafka_error(const struct kafka_api *api, const struct rd_kafka_error_s *error, struct err *err)
{
    return error ? kafka_failure(api, api->error_code(error), api->error_string(error), err) : 0;
}

/* ---- One request to the cluster: sent by librdkafka, waited for without blocking it ---- */

enum { TICK_MS = 50, REQUEST_MS = 30000, OPERATION_MS = 20000 };

int request_begin(struct op_ctx *ctx, struct request *request, struct err *err)
{
    struct cluster *cluster;
    char why[256];
    if (cluster_open(ctx, &cluster, err))
        return -1;
    *request = (struct request){.ctx = ctx, .api = cluster->api, .client = cluster->client};
    request->options = request->api->AdminOptions_new(request->client, KAFKA_ADMIN_ANY);
    request->queue = request->api->queue_new(request->client);
    request->api->AdminOptions_set_request_timeout(request->options, REQUEST_MS, why, sizeof why);
    /* Brokers respond when all of them know the topic, or after this time. */
    request->api->AdminOptions_set_operation_timeout(request->options, OPERATION_MS, why, sizeof why);
    crash_point("kafka: before a request");
    return 0;
}

int request_wait(struct request *request, struct err *err)
{
    const struct kafka_api *api = request->api;
    while (!(request->answer = api->queue_poll(request->queue, TICK_MS))) {
        if (cancel_is_set(request->ctx->cancel)) {
            err_set(err, ERR_INTERRUPTED, "interrupted");
            err->lost = true;
            return -1;
        }
    }
    crash_point("kafka: after a request");
    return kafka_failure(
        api, api->event_error(request->answer), api->event_error_string(request->answer), err);
}

void request_end(struct request *request)
{
    const struct kafka_api *api = request->api;
    if (request->answer)
        api->event_destroy(request->answer);
    if (request->queue)
        api->queue_destroy(request->queue);
    if (request->options)
        api->AdminOptions_destroy(request->options);
    *request = (struct request)REQUEST_INIT;
}

enum { SLICE_MS = 250, SLICE_MAX_MS = 4000, PAUSE_MS = 100, METADATA_MS = 30000 };

int cluster_new(
    const struct provider_options *options, struct arena *arena UNUSED, void **self, struct err *err)
{
    struct cluster *cluster = mem_zalloc(sizeof *cluster);
    pthread_mutex_init(&cluster->opening, NULL);
    pthread_mutex_init(&cluster->lock, NULL);
    cluster->ssh_pool = options->ssh_pool;
    struct kafka_settings *s = &cluster->settings;
    int status = kafka_settings_read(&cluster->arena, options, s, err);
    if (!status && s->iam) {
        const struct value *iam = value_getz(options->config, "iam");
        const struct value *config = iam && iam->kind == VALUE_MAP ? iam : &value_empty_map;
        if (s->region.n && !value_gets(config, "region").n)
            config =
                value_with(&cluster->arena, config, STR("region"), value_string(&cluster->arena, s->region));
        struct aws_options aws = {.name = s->name, .config = config, .http = options->http};
        status = aws_client_new(&aws, &cluster->aws, err);
    }
    if (status) {
        cluster_free(cluster);
        return -1;
    }
    *self = cluster;
    return 0;
}

void cluster_free(void *self)
{
    struct cluster *cluster = self;
    if (!cluster)
        return;
    if (cluster->client)
        cluster->api->destroy_flags(cluster->client, 0);
    aws_client_free(cluster->aws);
    pthread_mutex_destroy(&cluster->opening);
    pthread_mutex_destroy(&cluster->lock);
    arena_wipe(&cluster->arena);
    free(cluster);
}

/* ---- callbacks of librdkafka's threads ---- */

static void cluster_note(struct cluster *cluster, int code, const char *why)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&cluster->lock);
    if (code == KAFKA_ALL_BROKERS_DOWN) {
        cluster->all_brokers_down = true;
    } else {
        cluster->last_code = code;
        snprintf(cluster->last_why, sizeof cluster->last_why, "%.*s", (int)sizeof cluster->last_why - 1, why);
    }
}

static void cluster_failed(struct rd_kafka_s *client UNUSED, int code, const char *why, void *arg)
{
    cluster_note(arg, code, why);
}

/* Errors are also passed to cluster_failed(), with a code. */
static void cluster_logged(const struct rd_kafka_s *client UNUSED, int level UNUSED,
    const char *facility UNUSED, const char *text UNUSED)
{
}

struct local_address {
    struct addrinfo info;
    struct sockaddr_in address;
};

/* Resolves a broker behind a connection to a forwarded port on loopback. */
static int cluster_resolve(const char *node, const char *service, const struct addrinfo *hints UNUSED,
    struct addrinfo **out, void *arg)
{
    struct cluster *cluster = arg;
    int64_t port;
    int local;
    struct err err = ERR_INIT;
    if (!node && !service) { /* librdkafka frees an earlier result in this way */
        free(*out);
        return 0;
    }
    if (!str_to_int(str_z(service), &port))
        return EAI_SERVICE;
    if (ssh_pool_forward_now(
            cluster->ssh_pool, cluster->settings.via, str_z(node), (int)port, &local, &err)) {
        cluster_note(cluster, KAFKA_RESOLVE, err.message);
        return EAI_FAIL;
    }
    struct local_address *a = mem_zalloc(sizeof *a);
    a->address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)local), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a->info = (struct addrinfo){.ai_family = AF_INET,
        .ai_socktype = SOCK_STREAM,
        .ai_addrlen = sizeof a->address,
        .ai_addr = (struct sockaddr *)&a->address};
    *out = &a->info;
    return 0;
}

/* ---- opening ---- */

static struct str host_of(struct str broker, int *port)
{
    int64_t number = 0;
    size_t colon = str_after_last(broker, ":"); /* always found: the settings were checked */
    str_to_int(str_slice(broker, colon, broker.n), &number);
    *port = (int)number;
    return str_slice(broker, 0, colon - 1);
}

/* Succeeds if one of the bootstrap brokers is reachable from the far end of the connection; waits for the
 * first one. */
static int cluster_open_tunnel(struct cluster *cluster, struct err *err)
{
    const struct kafka_settings *s = &cluster->settings;
    int port, local;
    for (struct str rest = s->bootstrap; rest.p;) {
        struct str host = host_of(str_cut(rest, ',', &rest), &port);
        if (!ssh_pool_forward_now(cluster->ssh_pool, s->via, host, port, &local, ERR_IGNORED))
            return 0;
    }
    struct str rest, host = host_of(str_cut(s->bootstrap, ',', &rest), &port);
    return ssh_pool_forward(cluster->ssh_pool, s->via, host, port, &local, err);
}

static int cluster_configure(struct cluster *cluster, struct rd_kafka_conf_s *conf, struct err *err)
{
    const struct kafka_api *api = cluster->api;
    const struct kafka_settings *s = &cluster->settings;
    char why[256];
    for (size_t i = 0; i < s->property_count; i += 2)
        if (api->conf_set(conf, s->properties[i].p, s->properties[i + 1].p, why, sizeof why) != KAFKA_CONF_OK)
            return err_set(err, ERR_INVALID, "provider \"%.*s\": %s", STR_ARG(s->name), why);
    api->conf_set_opaque(conf, cluster);
    api->conf_set_error_cb(conf, cluster_failed);
    api->conf_set_log_cb(conf, cluster_logged);
    if (s->via.n)
        api->conf_set_resolve_cb(conf, cluster_resolve);
    if (s->iam)
        api->conf_set_oauthbearer_token_refresh_cb(conf, cluster_token);
    return 0;
}

static int cluster_make(struct cluster *cluster, struct err *err)
{
    char why[512];
    if (!cluster->api && !(cluster->api = kafka_api(err)))
        return -1;
    struct rd_kafka_conf_s *conf = cluster->api->conf_new();
    if (cluster_configure(cluster, conf, err)) {
        cluster->api->conf_destroy(conf);
        return -1;
    }
    cluster->client = cluster->api->new (KAFKA_PRODUCER, conf, why, sizeof why);
    if (!cluster->client) {
        cluster->api->conf_destroy(conf);
        err_set(err, ERR_INVALID, "provider \"%.*s\": %s", STR_ARG(cluster->settings.name), why);
        err_mask(err);
        return -1;
    }
    /* Otherwise no token would be requested until the client is polled. */
    cluster->api->error_destroy(cluster->api->sasl_background_callbacks_enable(cluster->client));
    return 0;
}

/* ---- waiting for the cluster ---- */

/* Removes librdkafka's prefix: "sasl_ssl://host:9092/bootstrap: ". Hosts are known from the settings. */
static struct str without_prefix(struct str why)
{
    ptrdiff_t at = str_find(why, STR("://"), 0), end = at < 0 ? -1 : str_find(why, STR(": "), (size_t)at);
    return end < 0 ? why : str_slice(why, (size_t)end + 2, why.n);
}

static int cluster_refuse(struct cluster *cluster, struct err *err)
{
    const struct kafka_settings *s = &cluster->settings;
    char text[sizeof cluster->last_why];
    pthread_mutex_lock(&cluster->lock);
    int code = cluster->last_code;
    memcpy(text, cluster->last_why, sizeof text);
    pthread_mutex_unlock(&cluster->lock);
    struct str why = without_prefix(str_z(text[0] ? text : "nobody answers"));
    if (code == KAFKA_AUTHENTICATION || code == KAFKA_SASL_AUTHENTICATION_FAILED) {
        err_set(err, ERR_AUTH, "cannot log in to the Kafka cluster at %.*s: %.*s", STR_ARG(s->bootstrap),
            STR_ARG(why));
        err->everywhere = true;
        err_hint(err,
            s->iam
                ? "`iam` of the provider \"%.*s\" configures the identity, which needs kafka-cluster:Connect"
                : "`user`, `password` and `mechanism` of the provider \"%.*s\" configure the login",
            STR_ARG(s->name));
    } else {
        err_set(err, ERR_NETWORK, "cannot connect to the Kafka cluster at %.*s%s%.*s: %.*s",
            STR_ARG(s->bootstrap), s->via.n ? " through " : "", STR_ARG(s->via), STR_ARG(why));
        err_hint(err,
            code == KAFKA_SSL
                ? "`tls: {ca: FILE}` of the provider \"%.*s\" names the authority that certificates come from"
                : "is `bootstrap` of the provider \"%.*s\" right, does the port want `tls: true` or a user, "
                  "and may "
                  "this machine reach it? `via:` goes through a connection",
            STR_ARG(s->name));
    }
    err_mask(err);
    return -1;
}

/* True if waiting is useless: a refused user stays refused; an unreachable port is waited for only while
 * resources are being created. */
static bool is_hopeless(struct cluster *cluster, const struct op_ctx *ctx)
{
    pthread_mutex_lock(&cluster->lock);
    int code = cluster->last_code;
    bool nobody = cluster->all_brokers_down;
    pthread_mutex_unlock(&cluster->lock);
    return code == KAFKA_AUTHENTICATION || code == KAFKA_SASL_AUTHENTICATION_FAILED || code == KAFKA_SSL ||
           (nobody && !op_has_progress(ctx));
}

static int cluster_connect(struct cluster *cluster, struct op_ctx *ctx, struct err *err)
{
    int64_t until = clock_mono_ms() + cluster->settings.wait_ms;
    for (int slice = SLICE_MS;; slice = slice < SLICE_MAX_MS ? 2 * slice : slice) {
        const struct rd_kafka_metadata *seen;
        int code = cluster->api->metadata(cluster->client, 0, NULL, &seen, slice);
        if (code == KAFKA_OK) {
            cluster->api->metadata_destroy(seen);
            cluster->ready = true;
            return 0;
        }
        cluster->api->poll(cluster->client, 0);
        if (is_hopeless(cluster, ctx) || clock_mono_ms() > until)
            return cluster_refuse(cluster, err);
        op_progress(ctx, "waiting for Kafka to answer");
        if (cancel_sleep_ms(ctx->cancel, PAUSE_MS, err))
            return -1;
    }
}

int cluster_open(struct op_ctx *ctx, struct cluster **out, struct err *err)
{
    struct cluster *cluster = provider_self(ctx->provider);
    pthread_mutex_lock(&cluster->opening);
    int status = cluster->settings.via.n && !cluster->ready ? cluster_open_tunnel(cluster, err) : 0;
    if (!status && !cluster->client)
        status = cluster_make(cluster, err);
    if (!status && !cluster->ready)
        status = cluster_connect(cluster, ctx, err);
    pthread_mutex_unlock(&cluster->opening);
    *out = cluster;
    return status;
}

/* ---- metadata ---- */

int cluster_metadata(
    struct op_ctx *ctx, struct cluster *cluster, const struct rd_kafka_metadata **out, struct err *err)
{
    int64_t until = clock_mono_ms() + METADATA_MS;
    for (;;) {
        int code = cluster->api->metadata(cluster->client, 1, NULL, out, SLICE_MAX_MS);
        if (code == KAFKA_OK)
            return 0;
        cluster->api->poll(cluster->client, 0);
        if (cancel_is_set(ctx->cancel))
            return err_set(err, ERR_INTERRUPTED, "interrupted");
        if (clock_mono_ms() > until || (code != KAFKA_TIMED_OUT && code != KAFKA_TRANSPORT))
            return kafka_failure(cluster->api, code, NULL, err);
    }
}
