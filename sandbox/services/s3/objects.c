/* Objects for what runs inside the sandbox: see objects.h. */
#include "sandbox/services/s3/objects.h"

#include "base/file.h"
#include "base/hash.h"
#include "sandbox/s3/s3srv.h"
#include "sandbox/s3/store.h"

#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

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

/* ---- who may ---- */

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

/* In S3's words. */
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
    struct value_entry doc[] = {{STR("headers"), headers}, {STR("meta"), &value_empty_map},
        {STR("size"), value_int(arena, (int64_t)text.n)}, {STR("etag"), value_string(arena, *etag)}};
    return value_map(arena, doc, 4);
}

/* As the bucket has new objects encrypted, if he may use its key. */
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
        return 0; /* what is not there is as good as deleted */
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

/* ---- telling ---- */

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
