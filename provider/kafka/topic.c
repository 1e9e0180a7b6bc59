/*
 * kafka.topic: created and deleted by the controller, shown by any broker. Only settings of the topic itself
 * count, not a broker's defaults for all topics.
 */
#include "base/clock.h"
#include "provider/kafka/kafka.h"

enum { DELETED_MS = 60000, PAUSE_MS = 250, COUNT_MS = 5000 };

/* ---- reading ---- */

static const struct rd_kafka_metadata_topic *topic_in(const struct rd_kafka_metadata *seen, struct str name)
{
    for (int i = 0; i < seen->topic_cnt; i++)
        if (str_eqz(name, seen->topics[i].topic))
            return seen->topics[i].err == KAFKA_UNKNOWN_TOPIC ? NULL : &seen->topics[i];
    return NULL;
}

/* Returns the configured value if only white space differs: brokers remove it from lists. */
static const struct value *as_written(struct arena *arena, const struct value *given, const char *shown)
{
    struct str text = value_text(given, STR_EMPTY);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == ' ')
            continue;
        if (shown[n] != text.p[i])
            return value_stringz(arena, shown);
        n++;
    }
    return text.n && !shown[n] ? given : value_stringz(arena, shown);
}

static const struct value *topic_config(struct op_ctx *ctx, const struct kafka_api *api,
    const struct rd_kafka_ConfigResource_s *resource, const struct value *given)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    size_t n;
    const struct rd_kafka_ConfigEntry_s **entries = api->ConfigResource_configs(resource, &n);
    for (size_t i = 0; i < n; i++) {
        const char *shown = api->ConfigEntry_value(entries[i]);
        if (api->ConfigEntry_source(entries[i]) != KAFKA_CONFIG_OF_TOPIC || !shown)
            continue;
        struct str name = arena_str(ctx->arena, str_z(api->ConfigEntry_name(entries[i])));
        value_builder_set(&b, name, as_written(ctx->arena, value_get(given, name), shown));
    }
    return value_builder_map(&b);
}

static const struct value *topic_object(
    struct op_ctx *ctx, const struct rd_kafka_metadata_topic *topic, const struct value *config)
{
    return VALUE_MAP(ctx->arena, {STR("name"), value_stringz(ctx->arena, topic->topic)},
        {STR("partitions"), value_int(ctx->arena, topic->partition_cnt)},
        {STR("replication_factor"),
            value_int(ctx->arena, topic->partition_cnt ? topic->partitions[0].replica_cnt : 0)},
        {STR("config"), config});
}

/* Reads the settings of all topics in one request. */
static int describe_configs(
    struct op_ctx *ctx, struct str *names, size_t n, struct request *request, struct err *err)
{
    if (request_begin(ctx, request, err))
        return -1;
    struct rd_kafka_ConfigResource_s **asked = ARENA_ARRAY(ctx->arena, struct rd_kafka_ConfigResource_s *, n);
    for (size_t i = 0; i < n; i++)
        asked[i] = request->api->ConfigResource_new(KAFKA_RESOURCE_TOPIC, arena_strz(ctx->arena, names[i]));
    request->api->DescribeConfigs(request->client, asked, n, request->options, request->queue);
    for (size_t i = 0; i < n; i++)
        request->api->ConfigResource_destroy(asked[i]);
    return request_wait(request, err);
}

static const struct rd_kafka_ConfigResource_s *resource_of(const struct request *request, struct str name)
{
    size_t n;
    const struct rd_kafka_ConfigResource_s **found =
        request->api->DescribeConfigs_result_resources(request->answer, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eqz(name, request->api->ConfigResource_name(found[i])))
            return found[i];
    return NULL;
}

/* A topic that was deleted meanwhile has no settings. */
static int look_at_configs(struct op_ctx *ctx, const struct rd_kafka_metadata *seen,
    const struct value *const *priors, struct str *names, size_t *index, size_t n,
    void (*found)(void *, size_t, const struct value *), void *found_ctx, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    if (describe_configs(ctx, names, n, &request, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct rd_kafka_ConfigResource_s *resource = resource_of(&request, names[i]);
        int code = resource ? request.api->ConfigResource_error(resource) : KAFKA_UNKNOWN_TOPIC;
        if (code == KAFKA_UNKNOWN_TOPIC)
            continue;
        if (kafka_failure(request.api, code, request.api->ConfigResource_error_string(resource), err))
            return err_context(err, "reading the settings of the topic %.*s", STR_ARG(names[i]));
        const struct value *given = value_getz(priors[index[i]], "config");
        found(found_ctx, index[i],
            topic_object(ctx, topic_in(seen, names[i]), topic_config(ctx, request.api, resource, given)));
    }
    return 0;
}

static int topic_lookup(struct op_ctx *ctx, const struct value *const *priors, size_t n,
    void (*found)(void *, size_t, const struct value *), void *found_ctx, struct err *err)
{
    struct cluster *cluster;
    const struct rd_kafka_metadata *seen;
    struct str *names = ARENA_ARRAY(ctx->arena, struct str, n);
    size_t *index = ARENA_ARRAY(ctx->arena, size_t, n), there = 0;
    if (cluster_open(ctx, &cluster, err) || cluster_metadata(ctx, cluster, &seen, err))
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct rd_kafka_metadata_topic *topic = topic_in(seen, op_text(ctx, priors[i], "name"));
        if (!topic)
            continue;
        names[there] = str_z(topic->topic);
        index[there++] = i;
    }
    int status = there ? look_at_configs(ctx, seen, priors, names, index, there, found, found_ctx, err) : 0;
    cluster->api->metadata_destroy(seen);
    return status;
}

/* ---- creating ---- */

static int topic_wait(struct request *request,
    const struct rd_kafka_topic_result_s **results(const struct rd_kafka_op_s *, size_t *), struct err *err)
{
    size_t n;
    if (request_wait(request, err))
        return -1;
    const struct rd_kafka_topic_result_s **found = results(request->answer, &n);
    for (size_t i = 0; i < n; i++)
        if (kafka_failure(request->api, request->api->topic_result_error(found[i]),
                request->api->topic_result_error_string(found[i]), err))
            return -1;
    return 0;
}

static int create_once(struct kafka_work *work, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    struct op_ctx *ctx = work->ctx;
    const struct value *config = value_getz(work->desired, "config");
    char why[256];
    if (request_begin(ctx, &request, err))
        return -1;
    struct rd_kafka_NewTopic_s *topic = request.api->NewTopic_new(kafka_textz(ctx, work->desired, "name"),
        kafka_number(ctx, work->desired, "partitions", -1),
        kafka_number(ctx, work->desired, "replication_factor", -1), why, sizeof why);
    if (!topic)
        return err_set(err, ERR_INVALID, "%s", why);
    for (uint32_t i = 0; config && i < config->count; i++)
        request.api->NewTopic_set_config(topic, arena_strz(ctx->arena, config->entries[i].key),
            arena_strz(ctx->arena, value_text(config->entries[i].value, STR_EMPTY)));
    request.api->CreateTopics(request.client, &topic, 1, request.options, request.queue);
    request.api->NewTopic_destroy(topic);
    return topic_wait(&request, request.api->CreateTopics_result_topics, err);
}

static int topic_shown(struct op_ctx *ctx, struct str name, bool *shown, struct err *err)
{
    struct cluster *cluster;
    const struct rd_kafka_metadata *seen;
    if (cluster_open(ctx, &cluster, err) || cluster_metadata(ctx, cluster, &seen, err))
        return -1;
    *shown = topic_in(seen, name);
    cluster->api->metadata_destroy(seen);
    return 0;
}

/* True if the topic is being deleted: its name stays taken, although no broker shows the topic any more. */
static bool is_being_deleted(struct kafka_work *work)
{
    bool shown;
    return !topic_shown(work->ctx, op_text(work->ctx, work->desired, "name"), &shown, ERR_IGNORED) && !shown;
}

static int topic_create(struct kafka_work *work, struct err *err)
{
    int64_t until = clock_mono_ms() + DELETED_MS;
    for (;;) {
        struct err why = ERR_INIT;
        if (!create_once(work, &why))
            return 0;
        bool again = (why.class == ERR_EXISTS && is_being_deleted(work)) ||
                     ((why.class == ERR_SERVICE || why.class == ERR_THROTTLED) && why.retryable);
        if (!again || clock_mono_ms() > until)
            return err_raise(err, &why);
        op_progress(work->ctx, why.class == ERR_EXISTS
                                   ? "waiting for the earlier topic of that name to be deleted"
                                   : "waiting for the controller");
        if (cancel_sleep_ms(work->ctx->cancel, PAUSE_MS, err))
            return -1;
    }
}

/* ---- updating and deleting ---- */

static int add_partitions(struct kafka_work *work, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    char why[256];
    int wanted = kafka_number(work->ctx, work->desired, "partitions", 0),
        before = kafka_number(work->ctx, work->prior, "partitions", 0);
    if (!kafka_changes(work, "partitions") || wanted <= before)
        return 0;
    if (request_begin(work->ctx, &request, err))
        return -1;
    struct rd_kafka_NewPartitions_s *more = request.api->NewPartitions_new(
        kafka_textz(work->ctx, work->desired, "name"), (size_t)wanted, why, sizeof why);
    if (!more)
        return err_set(err, ERR_INVALID, "%s", why);
    request.api->CreatePartitions(request.client, &more, 1, request.options, request.queue);
    request.api->NewPartitions_destroy(more);
    return topic_wait(&request, request.api->CreatePartitions_result_topics, err);
}

static int config_wait(struct request *request,
    const struct rd_kafka_ConfigResource_s **results(const struct rd_kafka_op_s *, size_t *), struct err *err)
{
    size_t n;
    if (request_wait(request, err))
        return -1;
    const struct rd_kafka_ConfigResource_s **found = results(request->answer, &n);
    for (size_t i = 0; i < n; i++)
        if (kafka_failure(request->api, request->api->ConfigResource_error(found[i]),
                request->api->ConfigResource_error_string(found[i]), err))
            return -1;
    return 0;
}

/* Sends only changed settings. */
static int alter_some(struct kafka_work *work, struct request *request,
    struct rd_kafka_ConfigResource_s *topic, struct err *err)
{
    const struct kafka_api *api = request->api;
    const struct value *now = value_getz(work->desired, "config"),
                       *before = value_getz(work->prior, "config");
    for (uint32_t i = 0; now && i < now->count; i++)
        if (!value_equal(now->entries[i].value, value_get(before, now->entries[i].key)))
            api->error_destroy(api->ConfigResource_add_incremental_config(topic,
                arena_strz(work->ctx->arena, now->entries[i].key), KAFKA_CONFIG_SET,
                arena_strz(work->ctx->arena, value_text(now->entries[i].value, STR_EMPTY))));
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!value_get(now, before->entries[i].key))
            api->error_destroy(api->ConfigResource_add_incremental_config(
                topic, arena_strz(work->ctx->arena, before->entries[i].key), KAFKA_CONFIG_DELETE, NULL));
    api->IncrementalAlterConfigs(request->client, &topic, 1, request->options, request->queue);
    return config_wait(request, api->IncrementalAlterConfigs_result_resources, err);
}

/* librdkafka before 2.2 can only set all settings at once: those of others are read and sent back. */
static int alter_all(struct kafka_work *work, struct request *request,
    struct rd_kafka_ConfigResource_s *topic, struct err *err)
{
    AUTO_REQUEST struct request shown = REQUEST_INIT;
    struct str name = op_text(work->ctx, work->desired, "name");
    const struct value *now = value_getz(work->desired, "config"),
                       *before = value_getz(work->prior, "config");
    if (describe_configs(work->ctx, &name, 1, &shown, err))
        return -1;
    const struct rd_kafka_ConfigResource_s *resource = resource_of(&shown, name);
    const struct value *live =
        resource ? topic_config(work->ctx, shown.api, resource, NULL) : &value_empty_map;
    for (uint32_t i = 0; before && i < before->count; i++)
        live = value_with(work->ctx->arena, live, before->entries[i].key, NULL);
    live = value_merge(work->ctx->arena, live, now);
    for (uint32_t i = 0; i < live->count; i++)
        request->api->ConfigResource_set_config(topic, arena_strz(work->ctx->arena, live->entries[i].key),
            arena_strz(work->ctx->arena, value_text(live->entries[i].value, STR_EMPTY)));
    request->api->AlterConfigs(request->client, &topic, 1, request->options, request->queue);
    return config_wait(request, request->api->AlterConfigs_result_resources, err);
}

static int topic_update(struct kafka_work *work, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    if (add_partitions(work, err))
        return -1;
    if (!kafka_changes(work, "config"))
        return 0;
    if (request_begin(work->ctx, &request, err))
        return -1;
    struct rd_kafka_ConfigResource_s *topic =
        request.api->ConfigResource_new(KAFKA_RESOURCE_TOPIC, kafka_textz(work->ctx, work->desired, "name"));
    int status = request.api->IncrementalAlterConfigs ? alter_some(work, &request, topic, err)
                                                      : alter_all(work, &request, topic, err);
    request.api->ConfigResource_destroy(topic);
    return status;
}

static int remove_once(struct kafka_work *work, struct err *err)
{
    AUTO_REQUEST struct request request = REQUEST_INIT;
    if (request_begin(work->ctx, &request, err))
        return -1;
    struct rd_kafka_DeleteTopic_s *topic =
        request.api->DeleteTopic_new(kafka_textz(work->ctx, work->prior, "name"));
    request.api->DeleteTopics(request.client, &topic, 1, request.options, request.queue);
    request.api->DeleteTopic_destroy(topic);
    return topic_wait(&request, request.api->DeleteTopics_result_topics, err);
}

/* Brokers show a deleted topic for a moment; waits until it is no longer visible. */
static int topic_remove(struct kafka_work *work, struct err *err)
{
    struct str name = op_text(work->ctx, work->prior, "name");
    int64_t until = clock_mono_ms() + DELETED_MS;
    bool shown = true;
    if (remove_once(work, err))
        return -1;
    while (!topic_shown(work->ctx, name, &shown, ERR_IGNORED) && shown && clock_mono_ms() < until) {
        op_progress(work->ctx, "waiting until no broker shows it any more");
        if (cancel_sleep_ms(work->ctx->cancel, PAUSE_MS, err))
            return -1;
    }
    return 0;
}

/* ---- planning ---- */

static int topic_plan(
    struct op_ctx *ctx, const struct value *desired, const struct value *prior, struct err *err)
{
    int wanted = kafka_number(ctx, desired, "partitions", 0), has = kafka_number(ctx, prior, "partitions", 0),
        copies = kafka_number(ctx, desired, "replication_factor", 0),
        had = kafka_number(ctx, prior, "replication_factor", 0);
    struct str name = op_text(ctx, desired, "name");
    if (!prior || !str_eq(name, op_text(ctx, prior, "name")))
        return 0;
    if (wanted && has && wanted < has) {
        err_set(err, ERR_INVALID,
            "the topic %.*s has %d partitions and cannot have %d: Kafka takes none away", STR_ARG(name), has,
            wanted);
        return err_hint(err,
            "say `partitions: %d`; make another topic and move to it; or, with all its records lost, make "
            "this one "
            "anew: --replace %.*s",
            has, STR_ARG(ctx->address));
    }
    if (copies && had && copies != had) {
        err_set(err, ERR_INVALID,
            "the topic %.*s has %d replicas of each partition and not %d, which librdkafka cannot change",
            STR_ARG(name), had, copies);
        return err_hint(err,
            "move its replicas with kafka-reassign-partitions.sh, say `replication_factor: %d`, or, with all "
            "its "
            "records lost, make it anew: --replace %.*s",
            had, STR_ARG(ctx->address));
    }
    return 0;
}

/* After a broker's start, partitions have no leader for a moment. */
static int64_t records_in(struct cluster *cluster, const char *topic, int32_t partition, int64_t until)
{
    int64_t low, high;
    for (;;) {
        int code =
            cluster->api->query_watermark_offsets(cluster->client, topic, partition, &low, &high, COUNT_MS);
        if (code == KAFKA_OK)
            return high - low;
        if (code == KAFKA_UNKNOWN_TOPIC || clock_mono_ms() > until)
            return 0;
        clock_sleep_ms(PAUSE_MS);
    }
}

static const struct value *topic_data_loss(struct op_ctx *ctx, const struct value *object)
{
    struct cluster *cluster;
    int64_t records = 0;
    int partitions = kafka_number(ctx, object, "partitions", 0);
    const char *name = kafka_textz(ctx, object, "name");
    if (cluster_open(ctx, &cluster, ERR_IGNORED))
        return NULL;
    int64_t until = clock_mono_ms() + COUNT_MS;
    for (int i = 0; i < partitions && clock_mono_ms() < until; i++)
        records += records_in(cluster, name, i, until);
    if (!records)
        return NULL;
    struct value_entry counts[] = {{STR("records"), value_int(ctx->arena, records)}};
    return VALUE_MAP(ctx->arena, {STR("message"), value_stringz(ctx->arena, "its records are deleted")},
        {STR("counts"), value_map(ctx->arena, counts, 1)});
}

const struct kafka_type kafka_topic = {.name = "topic",
    .keys = "name",
    .lookup = topic_lookup,
    .create = topic_create,
    .update = topic_update,
    .remove = topic_remove,
    .plan = topic_plan,
    .data_loss = topic_data_loss};
