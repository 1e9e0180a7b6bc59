/*
 * What the types of kafka.* have in common. Their attributes are in specs/kafka.yaml; here is what brokers
 * are asked to make, change, remove and show them.
 */
#pragma once

#include "provider/kafka/cluster.h"

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
    const char *parts; /* a list whose items are made one by one; NULL: it is made whole */
    /* Refuses what cannot be. `prior` NULL: it is made. */
    int (*plan)(struct op_ctx *ctx, const struct value *desired, const struct value *prior, struct err *err);
    /* What goes when it is deleted; NULL: nothing but itself. */
    const struct value *(*erases)(struct op_ctx *ctx, const struct value *object);
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
