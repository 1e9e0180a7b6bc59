/* Who is notified of changes in a bucket: see objects.h. */
#include "sandbox/services/s3/objects.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/services/events/events.h"
#include "sandbox/services/shared/event_targets.h"

#include <stdatomic.h>

/* ---- whom a rule is for ---- */

/* s3:ObjectCreated:* is for ObjectCreated:Put. */
static bool object_events_is_named(struct arena *arena, const struct value *rule, struct str name)
{
    const struct value *events = wire_path(arena, rule, STR("Event[]"));
    for (uint32_t i = 0; events && i < events->count; i++) {
        struct str one = value_text(events->items[i], STR_EMPTY);
        if (str_starts(one, STR("s3:")))
            one = str_slice(one, 3, one.n);
        if (str_eq(one, name) || (str_ends(one, STR(":*")) && str_starts(name, str_slice(one, 0, one.n - 1))))
            return true;
    }
    return false;
}

static bool takes_key(struct arena *arena, const struct value *rule, struct str key)
{
    const struct value *filters = wire_path(arena, rule, STR("Filter.S3Key.FilterRule[]"));
    for (uint32_t i = 0; filters && i < filters->count; i++) {
        struct str name = value_gets(filters->items[i], "Name"),
                   value = value_gets(filters->items[i], "Value");
        if (str_ieq(name, STR("prefix")) ? !str_starts(key, value) : !str_ends(key, value))
            return false;
    }
    return true;
}

/* ---- what is reported ---- */

/* Greater for each later event. */
static struct str sequencer(struct arena *arena)
{
    static atomic_uint_fast32_t count;
    return arena_printf(
        arena, "%012llX%08X", (unsigned long long)clock_wall_ms(), (unsigned)atomic_fetch_add(&count, 1));
}

static bool is_created(const struct object_event *event)
{
    return str_starts(event->name, STR("ObjectCreated:"));
}

static const struct value *object_of(
    struct arena *arena, const struct object_event *event, struct str key, bool bridge)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("key"), value_string(arena, key));
    if (is_created(event)) {
        value_builder_set(&b, STR("size"), value_int(arena, event->size));
        value_builder_set(&b, bridge ? STR("etag") : STR("eTag"), value_string(arena, event->etag));
    }
    if (event->version.n && !str_eqz(event->version, "null")) /* of a bucket without versions */
        value_builder_set(
            &b, bridge ? STR("version-id") : STR("versionId"), value_string(arena, event->version));
    value_builder_set(&b, STR("sequencer"), value_string(arena, sequencer(arena)));
    return value_builder_map(&b);
}

static const struct value *bucket_arn(struct arena *arena, struct str bucket)
{
    return value_string(arena, arena_printf(arena, "arn:aws:s3:::%.*s", STR_ARG(bucket)));
}

static const struct value *one(struct arena *arena, const char *key, const struct value *v)
{
    return value_with(arena, NULL, str_z(key), v);
}

/* Keys are written as in forms there: a space is a plus. */
static struct str form_key(struct arena *arena, struct str key)
{
    AUTO_BUF struct buf out = BUF_INIT;
    url_encode(&out, key, true);
    struct str rest = buf_str(&out);
    AUTO_BUF struct buf plain = BUF_INIT;
    for (size_t i = 0; i < rest.n; i++) {
        bool space = str_starts(str_slice(rest, i, rest.n), STR("%20"));
        buf_add_char(&plain, space ? '+' : rest.p[i]);
        i += space ? 2 : 0;
    }
    return arena_str(arena, buf_str(&plain));
}

static struct str record_of(struct services *services, struct arena *arena, const struct object_event *event,
    struct str configuration)
{
    const struct value *owner = one(arena, "principalId", value_string(arena, services_account(services)));
    struct value_entry bucket[] = {{STR("name"), value_string(arena, event->bucket)},
        {STR("ownerIdentity"), owner}, {STR("arn"), bucket_arn(arena, event->bucket)}};
    struct value_entry s3[] = {{STR("s3SchemaVersion"), value_stringz(arena, "1.0")},
        {STR("configurationId"), value_string(arena, configuration)},
        {STR("bucket"), value_map(arena, bucket, 3)},
        {STR("object"), object_of(arena, event, form_key(arena, event->key), false)}};
    const struct value *records = VALUE_MAP(arena, {STR("eventVersion"), value_stringz(arena, "2.1")},
        {STR("eventSource"), value_stringz(arena, "aws:s3")},
        {STR("awsRegion"), value_string(arena, event->region)},
        {STR("eventTime"), value_string(arena, time_rfc3339(arena, clock_wall_ms(), true))},
        {STR("eventName"), value_string(arena, event->name)}, {STR("userIdentity"), owner},
        {STR("requestParameters"), one(arena, "sourceIPAddress", value_stringz(arena, "127.0.0.1"))},
        {STR("responseElements"), one(arena, "x-amz-request-id", value_string(arena, event->request_id))},
        {STR("s3"), value_map(arena, s3, 4)});
    return json_as_text(arena, one(arena, "Records", value_list(arena, &records, 1)))->string;
}

/* ---- EventBridge ---- */

static const char *reason_of(const struct object_event *event)
{
    static const char *const reasons[][2] = {{"ObjectCreated:Put", "PutObject"},
        {"ObjectCreated:Copy", "CopyObject"},
        {"ObjectCreated:CompleteMultipartUpload", "CompleteMultipartUpload"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (str_eqz(event->name, reasons[i][0]))
            return reasons[i][1];
    return "DeleteObject";
}

static void tell_bus(struct services *services, struct arena *arena, const struct object_event *event)
{
    bool created = is_created(event), marker = str_ends(event->name, STR("MarkerCreated"));
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("version"), value_stringz(arena, "0"));
    value_builder_set(&b, STR("bucket"), one(arena, "name", value_string(arena, event->bucket)));
    value_builder_set(&b, STR("object"), object_of(arena, event, event->key, true));
    value_builder_set(&b, STR("request-id"), value_string(arena, event->request_id));
    value_builder_set(&b, STR("requester"), value_string(arena, services_account(services)));
    value_builder_set(&b, STR("source-ip-address"), value_stringz(arena, "127.0.0.1"));
    value_builder_set(&b, STR("reason"), value_stringz(arena, reason_of(event)));
    if (!created)
        value_builder_set(&b, STR("deletion-type"),
            value_stringz(arena, marker ? "Delete Marker Created" : "Permanently Deleted"));
    const struct value *bucket = bucket_arn(arena, event->bucket);
    const struct bus_event reported = {.id = uuid_random(arena),
        .source = STR("aws.s3"),
        .detail_type = created ? STR("Object Created") : STR("Object Deleted"),
        .account = services_account(services),
        .region = event->region,
        .time_ms = clock_wall_ms(),
        .resources = value_list(arena, &bucket, 1),
        .detail = value_builder_map(&b)};
    events_meet(services, arena, event->region, STR_EMPTY, event_value(arena, &reported), STR_EMPTY, false);
}

/* ---- all of them ---- */

void object_event_notify(struct services *services, struct arena *arena, const struct value *configuration,
    const struct object_event *event)
{
    static const char *const kinds[][2] = {{"CloudFunctionConfiguration[]", "CloudFunction"},
        {"LambdaFunctionConfiguration[]", "LambdaFunctionArn"}, {"QueueConfiguration[]", "Queue"},
        {"TopicConfiguration[]", "Topic"}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const struct value *rules = wire_path(arena, configuration, str_z(kinds[k][0]));
        for (uint32_t i = 0; rules && i < rules->count; i++) {
            const struct value *rule = rules->items[i];
            if (!object_events_is_named(arena, rule, event->name) || !takes_key(arena, rule, event->key))
                continue;
            const struct target target = {.region = event->region,
                .arn = value_gets(rule, kinds[k][1]),
                .input = record_of(services, arena, event, value_gets(rule, "Id")),
                .subject = STR("Amazon S3 Notification"),
                .service = STR("s3.amazonaws.com"),
                .source_arn = arena_printf(arena, "arn:aws:s3:::%.*s", STR_ARG(event->bucket)),
                .trace = event->trace,
                .by = arena_printf(arena, "bucket %.*s", STR_ARG(event->bucket))};
            target_deliver(services, &target);
        }
    }
    if (value_getz(configuration, "EventBridgeConfiguration"))
        tell_bus(services, arena, event);
}
