/*
 * The provider type kafka: topics, access control lists and users of a cluster, with librdkafka
 * (rdkafka_api.h).
 */
#pragma once

#include "provider/kafka/rdkafka_api.h"
#include "provider/kind.h"

/* ---- cluster.c: A Kafka cluster: one librdkafka client for each provider, shared by all threads. It
 * finds the brokers through those in the settings, logs in, and routes each request. Requests are sent
 * without blocking, so that waiting can be cancelled.
 *
 * Order of calls: cluster_new(); from any thread cluster_open(), then a struct request for each request:
 * request_begin(), one call of the API with its options and queue, request_wait(), request_end();
 * cluster_free() after all operations.
 *
 * Behind a connection (`via`) every broker that the cluster names gets a forwarded port, opened when
 * librdkafka resolves the broker's address. Host names are unchanged, so certificates are checked as
 * usual. */
struct aws_client;
struct ssh_pool;

struct kafka_settings {
    struct str name;      /* of the provider */
    struct str bootstrap; /* "host:port,host:port" */
    /* librdkafka's properties: name, value, name, value …, all NUL-terminated. */
    struct str properties[32];
    size_t property_count;
    bool iam;
    struct str region; /* region of the cluster, for IAM */
    struct str via;
    int64_t wait_ms;
};

struct cluster {
    struct arena arena;
    struct kafka_settings settings;
    struct ssh_pool *ssh_pool;
    struct aws_client *aws; /* signs tokens for MSK; NULL: not MSK */
    const struct kafka_api *api;
    pthread_mutex_t opening; /* held while the client is created */
    struct rd_kafka_s *client;
    bool ready;

    pthread_mutex_t lock; /* guards the members below: the last error of librdkafka's threads */
    int last_code;        /* KAFKA_OK: none */
    char last_why[512];
    bool all_brokers_down; /* all brokers have been down since that error */
};

/* Reads the settings (`providers: NAME:`); opens nothing. */
int cluster_new(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void cluster_free(void *self);

/* Returns the provider's cluster, connected. Waits for a starting cluster, as long as the settings allow. */
int cluster_open(struct op_ctx *ctx, struct cluster **out, struct err *err);

/* Reads all topics and brokers; the caller frees them with metadata_destroy(). */
int cluster_metadata(
    struct op_ctx *ctx, struct cluster *cluster, const struct rd_kafka_metadata **out, struct err *err);

/* ---- settings.c ---- */

extern const struct attr kafka_settings_attr;
int kafka_settings_read(
    struct arena *arena, const struct provider_options *options, struct kafka_settings *out, struct err *err);

/* Gives the client a token signed by IAM, for its validity; librdkafka requests the next one. */
void cluster_token(struct rd_kafka_s *client, const char *config, void *cluster);

/* ---- cluster.c ---- */

struct request {
    struct op_ctx *ctx;
    const struct kafka_api *api;
    struct rd_kafka_s *client;
    struct rd_kafka_AdminOptions_s *options;
    struct rd_kafka_queue_s *queue;
    struct rd_kafka_op_s *answer; /* after request_wait() */
};
#define REQUEST_INIT                                                                                         \
    {                                                                                                        \
        0                                                                                                    \
    }
#define AUTO_REQUEST __attribute__((cleanup(request_end)))
int request_begin(struct op_ctx *ctx, struct request *request, struct err *err);
/* Returns -1 if the request failed as a whole, was lost or cancelled; failures of its parts are in the
 * answer. */
int request_wait(struct request *request, struct err *err);
void request_end(struct request *request);

/* Explains a broker's error code, with its message (NULL: librdkafka's). Returns -1; 0 for KAFKA_OK. */
int kafka_failure(const struct kafka_api *api, int code, const char *message, struct err *err);
/* Explains an error object; NULL means no error. */
int kafka_error(const struct kafka_api *api, const struct rd_kafka_error_s *error, struct err *err);

/* ---- Shared by the types of kafka.*. Their attributes are in specs/kafka.yaml; the requests that create,
 * update, delete and read them are in C. */
/* One change in progress. */
struct kafka_work {
    struct op_ctx *ctx;
    const struct value *prior;   /* update, delete: the live object; of shared maps only our own keys */
    const struct value *desired; /* create, update */
    const struct value *changed; /* update: names of attributes; otherwise NULL: all */
};

typedef int kafka_work_fn(struct kafka_work *work, struct err *err);

struct kafka_type {
    const char *name; /* "topic" of kafka.topic */
    const char
        *keys; /* attributes that the id consists of, separated by spaces here and by slashes in the id */
    /* Reads those of `priors` that exist, without their ids: calls `found` with the index of each. */
    int (*lookup)(struct op_ctx *ctx, const struct value *const *priors, size_t n,
        void (*found)(void *found_ctx, size_t index, const struct value *live), void *found_ctx,
        struct err *err);
    kafka_work_fn *create, *update, *remove;
    /* Brokers overwrite an existing resource without an error: creation reads it first. */
    bool overwrites;
    const char *parts; /* a list whose items are created one at a time; NULL: created as a whole */
    /* Fails on what is not possible. `prior` NULL: creation. */
    int (*plan)(struct op_ctx *ctx, const struct value *desired, const struct value *prior, struct err *err);
    /* Returns what is lost by a deletion; NULL: nothing besides the resource. */
    const struct value *(*data_loss)(struct op_ctx *ctx, const struct value *object);
};

extern const struct kafka_type kafka_topic, kafka_acl, kafka_user;

/* The operations of all types. */
extern const struct resource_ops kafka_ops;

int kafka_number(const struct op_ctx *ctx, const struct value *object, const char *name, int fallback);
bool kafka_changes(const struct kafka_work *work, const char *name);
/* Like op_text(), NUL-terminated, for librdkafka. */
const char *kafka_textz(const struct op_ctx *ctx, const struct value *object, const char *name);

/* ---- ops.c: The provider type for types in a Kafka cluster. */
extern const struct provider_kind kafka_kind;
