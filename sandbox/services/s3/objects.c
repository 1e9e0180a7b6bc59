/* Objects for the sandbox's own use, and event notifications: see objects.h. */
#include "sandbox/services/s3/objects.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/s3/s3srv.h"
#include "sandbox/services/events/events.h"
#include "sandbox/services/shared/event_targets.h"

#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

/* ---- matching notification rules ---- */

/* True if the rule names the event; s3:ObjectCreated:* matches ObjectCreated:Put. */
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

/* ---- notification messages ---- */

/* Returns a value that increases with each event. */
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
    if (event->version.n && !str_eqz(event->version, "null")) /* in a bucket without versioning */
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

/* Encodes a key as in forms, with + for a space, as notifications have it. */
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

static void notify_event_bus(struct services *services, struct arena *arena, const struct object_event *event)
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

/* ---- notifying ---- */

/* Notifies all matching targets. `configuration`: the parsed XML of GetBucketNotificationConfiguration. */
static void object_event_notify(struct services *services, struct arena *arena,
    const struct value *configuration, const struct object_event *event)
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
        notify_event_bus(services, arena, event);
}

enum { GZIP_WINDOW = 15 + 16 };

static struct s3_store *store_of(struct services *services)
{
    return sandbox_store(services_sandbox(services));
}

static int objects_refuse(enum store_result result, struct str bucket, struct str key, struct err *err)
{
    if (result == STORE_NO_BUCKET)
        return service_refuse(
            err, 404, "NoSuchBucket", "The specified bucket does not exist (%.*s)", STR_ARG(bucket));
    if (result == STORE_NO_KEY || result == STORE_NO_VERSION)
        return service_refuse(
            err, 404, "NoSuchKey", "The specified key does not exist. (%.*s)", STR_ARG(key));
    return err_errno(err, ERR_IO, "s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
}

/* ---- permissions ---- */

static struct str region_of(struct services *services, struct arena *arena, struct str bucket)
{
    const struct value *doc = store_bucket_doc(arena, store_of(services), bucket);
    return value_text(value_getz(doc, "region"), STR("us-east-1"));
}

static struct encryption_asker asker_of(
    struct services *services, const struct session *caller, struct arena *arena, struct str bucket)
{
    return (struct encryption_asker){
        services_sandbox(services), arena, caller, region_of(services, arena, bucket)};
}

/* Converts KMS's AccessDeniedException to S3's AccessDenied. */
static int as_s3(int status, struct err *err)
{
    if (status && err && str_eqz(str_z(err->code), "AccessDeniedException")) {
        err->http_status = 403;
        snprintf(err->code, sizeof err->code, "AccessDenied");
    }
    return status;
}

int object_may(struct services *services, const struct session *caller, struct arena *arena,
    const char *action, struct str bucket, struct str key, struct err *err)
{
    struct str resource = key.n ? arena_printf(arena, "%.*s/%.*s", STR_ARG(bucket), STR_ARG(key)) : bucket;
    return sandbox_check_s3(services_sandbox(services), arena, caller, action, resource,
        region_of(services, arena, bucket), NULL, err);
}

static int may_decrypt(struct services *services, const struct session *caller, struct arena *arena,
    struct str bucket, struct str key, const struct object *object, struct err *err)
{
    const struct encryption_asker who = asker_of(services, caller, arena, bucket);
    return as_s3(encryption_undo(&who, bucket, key, value_getz(object->doc, "headers"), err), err);
}

/* ---- reading ---- */

static int read_content(struct content *content, struct arena *arena, size_t size, struct str *out)
{
    char *text = arena_alloc(arena, size + 1);
    for (size_t at = 0; at < size;) {
        ssize_t n = content_read(content, at, text + at, size - at);
        if (n <= 0)
            return -1;
        at += (size_t)n;
    }
    text[size] = '\0';
    *out = str_n(text, size);
    return 0;
}

static void objects_fill(const struct object *object, struct object_text *out)
{
    out->etag = object->etag;
    out->version = object->version;
    out->modified_ms = object->modified_ms;
    out->content_type = value_text(
        value_getz(value_getz(object->doc, "headers"), "Content-Type"), STR("binary/octet-stream"));
}

int object_read(struct services *services, const struct session *caller, struct arena *arena,
    struct str bucket, struct str key, size_t max, struct object_text *out, struct err *err)
{
    struct object object;
    if (!store_bucket_exists(store_of(services), bucket))
        return objects_refuse(STORE_NO_BUCKET, bucket, key, err);
    enum store_result result =
        store_object_read(arena, store_of(services), bucket, key, STR_EMPTY, true, &object);
    if (result != STORE_OK || object.deleted) {
        if (result == STORE_OK && object.fd >= 0)
            close(object.fd);
        return objects_refuse(result == STORE_OK ? STORE_NO_KEY : result, bucket, key, err);
    }
    if (may_decrypt(services, caller, arena, bucket, key, &object, err)) {
        if (object.fd >= 0)
            close(object.fd);
        return -1;
    }
    struct content *content = content_open(store_of(services), bucket, &object, object.fd);
    bool fits = object.size >= 0 && (uint64_t)object.size <= max;
    int failed = !content || (fits && read_content(content, arena, (size_t)object.size, &out->text));
    content_close(content);
    if (failed)
        return err_set(err, ERR_IO, "s3://%.*s/%.*s cannot be read", STR_ARG(bucket), STR_ARG(key));
    if (!fits)
        return err_set(err, ERR_INVALID,
            "s3://%.*s/%.*s has %lld bytes, more than the %zu that the sandbox reads here", STR_ARG(bucket),
            STR_ARG(key), (long long)object.size, max);
    objects_fill(&object, out);
    return 0;
}

/* ---- writing ---- */

static const struct value *doc_of(
    struct arena *arena, struct str text, const struct value *headers, struct str *etag)
{
    unsigned char digest[MD5_SIZE];
    hash_md5(text, digest);
    *etag = hex_encode(arena, digest, sizeof digest);
    return VALUE_MAP(arena, {STR("headers"), headers}, {STR("meta"), &value_empty_map},
        {STR("size"), value_int(arena, (int64_t)text.n)}, {STR("etag"), value_string(arena, *etag)});
}

/* Returns the headers of a new object with the bucket's default encryption, or NULL if the caller may not use
 * its key. */
static const struct value *headers_of_new(struct services *services, const struct session *caller,
    struct arena *arena, struct str bucket, struct str key, struct str content_type, struct err *err)
{
    AUTO_BUILDER struct value_builder headers = VALUE_BUILDER(arena);
    const struct encryption how = encryption_of_bucket(arena, store_of(services), bucket);
    const struct encryption_asker who = asker_of(services, caller, arena, bucket);
    value_builder_set(&headers, STR("Content-Type"), value_string(arena, content_type));
    if (as_s3(encryption_begin(&who, bucket, key, &how, &headers, err), err))
        return NULL;
    return value_builder_map(&headers);
}

int object_write(struct services *services, const struct session *caller, struct arena *arena,
    struct str bucket, struct str key, struct str text, struct str content_type, struct str *etag,
    struct err *err)
{
    struct s3_store *store = store_of(services);
    struct pending pending = {.fd = -1};
    struct object object;
    if (!store_bucket_exists(store, bucket))
        return objects_refuse(STORE_NO_BUCKET, bucket, key, err);
    const struct value *headers = headers_of_new(services, caller, arena, bucket, key, content_type, err);
    if (!headers)
        return -1;
    const struct value *doc = doc_of(arena, text, headers, etag);
    const struct store_change change = {
        .bucket = bucket, .key = key, .versioning = versioning_of_bucket(arena, store, bucket)};
    if (store_write_begin(store, &pending))
        return objects_refuse(STORE_FAILED, bucket, key, err);
    if (fd_write_all(pending.fd, text.p, text.n, err, pending.path)) {
        store_write_cancel(&pending);
        return -1;
    }
    enum store_result result = store_object_put(arena, store, &change, &pending, doc, &object);
    if (result != STORE_OK)
        return objects_refuse(result, bucket, key, err);
    object_notify(services_sandbox(services), arena, "ObjectCreated:Put", bucket, key, &object,
        uuid_random(arena), STR_EMPTY);
    return 0;
}

int object_delete(
    struct services *services, struct arena *arena, struct str bucket, struct str key, struct err *err)
{
    struct s3_store *store = store_of(services);
    struct object object = {.fd = -1};
    if (!store_bucket_exists(store, bucket))
        return objects_refuse(STORE_NO_BUCKET, bucket, key, err);
    const struct store_change change = {
        .bucket = bucket, .key = key, .versioning = versioning_of_bucket(arena, store, bucket)};
    enum store_result result = store_object_delete(arena, store, &change, STR_EMPTY, &object);
    if (result == STORE_NO_KEY)
        return 0; /* deleting an absent object succeeds */
    if (result != STORE_OK)
        return objects_refuse(result, bucket, key, err);
    object_notify(services_sandbox(services), arena,
        object.deleted ? "ObjectRemoved:DeleteMarkerCreated" : "ObjectRemoved:Delete", bucket, key, &object,
        uuid_random(arena), STR_EMPTY);
    return 0;
}

/* ---- listing ---- */

struct listing {
    struct s3_store *store;
    struct str bucket;
    object_found *found;
    void *ctx;
};

static bool found_key(void *ctx, struct walk *walk, struct str key)
{
    const struct listing *listing = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct object object;
    enum store_result result =
        store_object_read(&arena, listing->store, listing->bucket, key, STR_EMPTY, false, &object);
    walk->failed = store_cannot_read(result);
    if (result != STORE_OK || object.deleted)
        return true;
    return listing->found(listing->ctx, key, object.etag, object.size, object.modified_ms);
}

int object_list(struct services *services, struct str bucket, struct str prefix, struct str after,
    object_found *found, void *ctx, struct err *err)
{
    struct listing listing = {store_of(services), bucket, found, ctx};
    struct walk walk = {.prefix = prefix, .after = after, .found = found_key, .ctx = &listing};
    if (!store_bucket_exists(listing.store, bucket))
        return objects_refuse(STORE_NO_BUCKET, bucket, STR_EMPTY, err);
    enum store_result result = store_walk(listing.store, bucket, &walk);
    return result == STORE_OK ? 0 : objects_refuse(result, bucket, prefix, err);
}

/* ---- notification of an object's change ---- */

void object_notify(struct sandbox *sandbox, struct arena *arena, const char *name, struct str bucket,
    struct str key, const struct object *object, struct str request_id, struct str trace)
{
    struct s3_store *store = sandbox_store(sandbox);
    struct str text, root;
    const struct value *configuration;
    if (!store_setting(arena, store, bucket, STR("notification"), &text) ||
        wire_xml_read(arena, text, &root, &configuration, ERR_IGNORED) || configuration->kind != VALUE_MAP ||
        !configuration->count)
        return;
    struct services *services = sandbox_services(sandbox);
    const struct value *doc = store_bucket_doc(arena, store, bucket);
    const struct object_event event = {.name = str_z(name),
        .region = value_text(value_getz(doc, "region"), STR("us-east-1")),
        .bucket = bucket,
        .key = key,
        .etag = object->etag,
        .version = object->version,
        .request_id = request_id,
        .trace = trace,
        .size = object->size};
    if (services)
        object_event_notify(services, arena, configuration, &event);
}

bool object_gzip(struct arena *arena, struct str text, struct str *out)
{
    z_stream z = {0};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    size_t room = deflateBound(&z, (uLong)text.n);
    char *to = arena_alloc(arena, room);
    z.next_in = (Bytef *)text.p;
    z.avail_in = (uInt)text.n;
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)room;
    bool done = deflate(&z, Z_FINISH) == Z_STREAM_END;
    *out = str_n(to, (size_t)z.total_out);
    deflateEnd(&z);
    return done;
}
