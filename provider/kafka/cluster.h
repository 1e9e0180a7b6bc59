/*
 * A Kafka cluster as weir reaches it: one client of librdkafka for each provider, which all threads share. It
 * finds the brokers by those that the settings name, logs in, and goes where each request has to go. What is
 * asked is asked without blocking: whoever waits can be interrupted.
 *
 * Order of calls: cluster_new(); from any thread cluster_open(), then a struct request for each question:
 * request_begin(), one call of the api that is given its options and queue, request_wait(), and
 * request_end(); cluster_free() when no operation runs any more.
 *
 * Behind a connection (`via`) every broker that the cluster names has a forwarded port of its own, opened
 * when librdkafka asks for the broker's address. Names stay as they are, so certificates are checked as
 * usual.
 */
#pragma once

#include "base/arena.h"
#include "base/lock.h"
#include "provider/kafka/rdkafka_api.h"
#include "provider/provider.h"

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
int cluster_new(const struct provider_options *options, struct cluster **out, struct err *err);
void cluster_free(struct cluster *cluster);

/* The provider's cluster, connected. Waits for one that is starting, as long as the settings allow. */
int cluster_open(struct op_ctx *ctx, struct cluster **out, struct err *err);

/* All that the brokers know of topics, and themselves; metadata_destroy() afterwards. */
int cluster_metadata(
    struct op_ctx *ctx, struct cluster *cluster, const struct rd_kafka_metadata **out, struct err *err);

/* ---- settings.c ---- */

extern const struct attr kafka_settings_attr;
int kafka_settings_read(
    struct arena *arena, const struct provider_options *options, struct kafka_settings *out, struct err *err);

/* ---- token.c ---- */

/* Gives the client a token that IAM signs, for as long as that holds; librdkafka asks for the next one. */
void cluster_token(struct rd_kafka_s *client, const char *config, void *cluster);

/* ---- request.c ---- */

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

/* ---- failure.c ---- */

/* What a broker's code means, in its words (NULL: librdkafka's). Returns -1; 0 for KAFKA_OK. */
int kafka_failure(const struct kafka_api *api, int code, const char *said, struct err *err);
/* The same of an error object; NULL is none. */
int kafka_error(const struct kafka_api *api, const struct rd_kafka_error_s *error, struct err *err);
