/*
 * The provider kafka: topics, access control lists and users of a cluster, by librdkafka (rdkafka_api.h).
 */
#pragma once

#include "provider/kafka/rdkafka_api.h"
#include "provider/kind.h"

/* ---- cluster.c: A Kafka cluster as weir reaches it: one client of librdkafka for each provider, which all
 * threads share. It finds the brokers by those that the settings name, logs in, and goes where each request
 * has to go. What is asked is asked without blocking: whoever waits can be interrupted.
 *
 * Order of calls: cluster_new(); from any thread cluster_open(), then a struct request for each question:
 * request_begin(), one call of the api that is given its options and queue, request_wait(), and
 * request_end(); cluster_free() when no operation runs any more.
 *
 * Behind a connection (`via`) every broker that the cluster names has a forwarded port of its own, opened
 * when librdkafka asks for the broker's address. Names stay as they are, so certificates are checked as
 * usual. */
struct aws_client;
struct reach;

struct kafka_settings {
    struct str name;      /* of the provider */
    struct str bootstrap; /* "host:port,host:port" */
    /* librdkafka's names and values, key, value, key, value …, all with a NUL after their ends. */
    struct str properties[32];
    size_t property_count;
    bool iam;
    struct str region; /* of the cluster that IAM lets in to */
    struct str via;
    int64_t wait_ms;
};

struct cluster {
    struct arena arena;
    struct kafka_settings settings;
    struct reach *reach;
    struct aws_client *aws; /* signs for MSK; NULL: it is none */
    const struct kafka_api *api;
    pthread_mutex_t opening; /* held while it is opened */
    struct rd_kafka_s *client;
    bool ready;

    pthread_mutex_t lock; /* guards what follows: what librdkafka's threads met last */
    int last_code;        /* KAFKA_OK: nothing */
    char last_why[512];
    bool nobody; /* all brokers are down since then */
};

/* Reads the settings (`providers: NAME:`) and opens nothing. */
int cluster_new(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void cluster_free(void *self);

/* The provider's cluster, connected. Waits for one that is starting, as long as the settings allow. */
int cluster_open(struct op_ctx *ctx, struct cluster **out, struct err *err);

/* All that the brokers know of topics, and themselves; metadata_destroy() afterwards. */
int cluster_metadata(
    struct op_ctx *ctx, struct cluster *cluster, const struct rd_kafka_metadata **out, struct err *err);

/* ---- settings.c ---- */

extern const struct attr kafka_settings_attr;
int kafka_settings_read(
    struct arena *arena, const struct provider_options *options, struct kafka_settings *out, struct err *err);

/* Gives the client a token that IAM signs, for as long as that holds; librdkafka asks for the next one. */
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
/* -1: it was refused as a whole, lost, or given up; what parts of it were refused is in the answer. */
int request_wait(struct request *request, struct err *err);
void request_end(struct request *request);

/* What a broker's code means, in its words (NULL: librdkafka's). Returns -1; 0 for KAFKA_OK. */
int kafka_failure(const struct kafka_api *api, int code, const char *message, struct err *err);
/* The same of an error object; NULL is none. */
int kafka_error(const struct kafka_api *api, const struct rd_kafka_error_s *error, struct err *err);

/* ---- What the types of kafka.* have in common. Their attributes are in specs/kafka.yaml; here is what
 * brokers are asked to make, change, remove and show them. */
/* One change on its way. */
struct kafka_work {
    struct op_ctx *ctx;
    const struct value *prior;   /* update, delete: what is there; of maps that others write to only ours */
    const struct value *desired; /* create, update */
    const struct value *changed; /* update: names of attributes; otherwise NULL, which means all */
};

typedef int kafka_work_fn(struct kafka_work *work, struct err *err);

struct kafka_type {
    const char *name; /* "topic" of kafka.topic */
    const char *keys; /* what identifies it, with blanks between: its id, with slashes */
    /* Shows those of `priors` that are there, without their ids: `found` is called with the index of each. */
    int (*look)(struct op_ctx *ctx, const struct value *const *priors, size_t n,
        void (*found)(void *found_ctx, size_t index, const struct value *live), void *found_ctx,
        struct err *err);
    kafka_work_fn *create, *update, *remove;
    /* Brokers take what is set without a word where there is something already: then that is looked at first.
     */
    bool overwrites;
    const char *parts; /* a list whose items are made one at a time; NULL: it is made whole */
    /* Refuses what cannot be. `prior` NULL: it is made. */
    int (*plan)(struct op_ctx *ctx, const struct value *desired, const struct value *prior, struct err *err);
    /* What goes when it is deleted; NULL: nothing but itself. */
    const struct value *(*data_loss)(struct op_ctx *ctx, const struct value *object);
};

extern const struct kafka_type kafka_topic, kafka_acl, kafka_user;

/* The operations of all of them. */
extern const struct resource_ops kafka_ops;

/* An attribute as it is given, or else its default; NULL: neither. */
const struct value *kafka_attr(const struct op_ctx *ctx, const struct value *object, const char *name);
struct str kafka_text(const struct op_ctx *ctx, const struct value *object, const char *name);
int kafka_number(const struct op_ctx *ctx, const struct value *object, const char *name, int fallback);
bool kafka_changes(const struct kafka_work *work, const char *name);
/* The same with a NUL after its end, for librdkafka. */
const char *kafka_textz(const struct op_ctx *ctx, const struct value *object, const char *name);

/* ---- ops.c: The kind of providers whose types are in a Kafka cluster. */
extern const struct provider_kind kafka_kind;
