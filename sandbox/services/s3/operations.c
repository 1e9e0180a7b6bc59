/*
 * S3 as tasks and schedules call it, aws-sdk:s3:getObject and its kin. Clients come to the store by HTTP
 * (s3srv.h); these rows are only for calls from inside, with content that is text.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/s3/s3srv.h"
#include "sandbox/services/s3/objects.h"

enum { MAX_TEXT = 262144, MAX_COPY = 256 * 1024 * 1024, MAX_KEYS = 1000 };

static int place_of(const struct service_call *call, struct str *bucket, struct str *key, struct err *err)
{
    return service_required(call, "Bucket", bucket, err) || service_required(call, "Key", key, err) ? -1 : 0;
}

static const struct value *s3_operations_quoted(struct arena *arena, struct str etag)
{
    return value_string(arena, arena_printf(arena, "\"%.*s\"", STR_ARG(etag)));
}

static void s3_operations_show(struct value_builder *b, const struct object_text *object, int64_t size)
{
    view_set(b, "ETag", s3_operations_quoted(b->arena, object->etag));
    view_text(b, "ContentType", object->content_type);
    view_int(b, "ContentLength", size);
    view_text(b, "LastModified", time_rfc3339(b->arena, object->modified_ms, false));
    view_text(b, "VersionId", object->version);
}

static int do_get(struct service_call *call, struct err *err)
{
    struct str bucket, key;
    struct object_text object;
    if (place_of(call, &bucket, &key, err) ||
        object_read(call->services, call->caller, call->arena, bucket, key, MAX_TEXT, &object, err))
        return -1;
    if (!str_is_utf8(object.text))
        return err_set(err, ERR_INVALID, "s3://%.*s/%.*s is not a text", STR_ARG(bucket), STR_ARG(key));
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    s3_operations_show(&b, &object, (int64_t)object.text.n);
    value_builder_set(&b, STR("Body"), value_string(call->arena, object.text));
    call->output = value_builder_map(&b);
    return 0;
}

static int do_head(struct service_call *call, struct err *err)
{
    struct str bucket, key;
    struct object_text object;
    int64_t size;
    if (place_of(call, &bucket, &key, err) ||
        object_head(call->services, call->arena, bucket, key, &object, &size, err))
        return -1;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    s3_operations_show(&b, &object, size);
    call->output = value_builder_map(&b);
    return 0;
}

/* Text goes as it is, anything else as JSON. */
static int do_put(struct service_call *call, struct err *err)
{
    struct str bucket, key, etag;
    const struct value *body = value_getz(call->input, "Body");
    struct str type = value_text(value_getz(call->input, "ContentType"), STR("binary/octet-stream"));
    struct str text = value_is_null(body)          ? STR_EMPTY
                      : body->kind == VALUE_STRING ? body->string
                                                   : json_as_text(call->arena, body)->string;
    if (place_of(call, &bucket, &key, err) ||
        object_write(call->services, call->caller, call->arena, bucket, key, text, type, &etag, err))
        return -1;
    struct value_entry said = {STR("ETag"), s3_operations_quoted(call->arena, etag)};
    call->output = value_map(call->arena, &said, 1);
    return 0;
}

static int do_delete(struct service_call *call, struct err *err)
{
    struct str bucket, key;
    bool failed =
        place_of(call, &bucket, &key, err) || object_delete(call->services, call->arena, bucket, key, err);
    return failed ? -1 : 0;
}

/* CopySource: bucket/key, percent-encoded, with or without a slash before it. */
static int do_copy(struct service_call *call, struct err *err)
{
    struct str bucket, key, source, from, etag;
    struct object_text object;
    if (place_of(call, &bucket, &key, err) || service_required(call, "CopySource", &source, err))
        return -1;
    if (str_starts(source, STR("/")))
        source = str_slice(source, 1, source.n);
    if (!url_decode(call->arena, source, false, &source))
        return service_refuse(
            err, 400, "InvalidArgument", "CopySource is not percent-encoded as it should be");
    struct str of = str_cut(source, '/', &from);
    if (object_read(call->services, call->caller, call->arena, of, from.p ? from : STR_EMPTY, MAX_COPY,
            &object, err) ||
        object_write(call->services, call->caller, call->arena, bucket, key, object.text, object.content_type,
            &etag, err))
        return -1;
    struct value_entry result = {STR("ETag"), s3_operations_quoted(call->arena, etag)};
    struct value_entry said = {STR("CopyObjectResult"), value_map(call->arena, &result, 1)};
    call->output = value_map(call->arena, &said, 1);
    return 0;
}

/* ---- listing ---- */

struct page {
    struct service_call *call;
    struct value_builder contents, groups;
    struct str prefix, delimiter, last;
    int64_t most;
    bool more;
};

static bool s3_operations_add(void *ctx, struct str key, struct str etag, int64_t size, int64_t modified_ms)
{
    struct page *page = ctx;
    struct arena *arena = page->call->arena;
    ptrdiff_t at = page->delimiter.n ? str_find(key, page->delimiter, page->prefix.n) : -1;
    struct str group = at < 0 ? STR_EMPTY : str_slice(key, 0, (size_t)at + page->delimiter.n);
    if (group.n && str_eq(group, page->last))
        return true;
    page->more = (int64_t)(page->contents.n + page->groups.n) >= page->most;
    if (page->more)
        return false;
    page->last = arena_str(arena, group.n ? group : key);
    struct value_entry prefix = {STR("Prefix"), value_string(arena, group)};
    struct value_entry object[] = {{STR("Key"), value_string(arena, key)},
        {STR("ETag"), s3_operations_quoted(arena, etag)}, {STR("Size"), value_int(arena, size)},
        {STR("LastModified"), value_string(arena, time_rfc3339(arena, modified_ms, false))},
        {STR("StorageClass"), value_stringz(arena, "STANDARD")}};
    if (group.n)
        value_builder_add(&page->groups, value_map(arena, &prefix, 1));
    else
        value_builder_add(&page->contents, value_map(arena, object, 5));
    return true;
}

static int do_list(struct service_call *call, struct err *err)
{
    struct str bucket, token = value_gets(call->input, "ContinuationToken"),
                       after = value_gets(call->input, "StartAfter");
    int64_t most = service_int(call->input, "MaxKeys", MAX_KEYS);
    struct page page = {.call = call,
        .contents = VALUE_BUILDER(call->arena),
        .groups = VALUE_BUILDER(call->arena),
        .prefix = value_gets(call->input, "Prefix"),
        .delimiter = value_gets(call->input, "Delimiter"),
        .last = token,
        .most = most < 0 || most > MAX_KEYS ? MAX_KEYS : most};
    if (service_required(call, "Bucket", &bucket, err) ||
        object_list(
            call->services, bucket, page.prefix, token.n ? token : after, s3_operations_add, &page, err)) {
        value_builder_release(&page.contents);
        value_builder_release(&page.groups);
        return -1;
    }
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "Name", bucket);
    view_text(&b, "Prefix", page.prefix);
    view_int(&b, "MaxKeys", page.most);
    view_int(&b, "KeyCount", (int64_t)(page.contents.n + page.groups.n));
    view_set(&b, "IsTruncated", value_bool(page.more));
    if (page.more)
        view_text(&b, "NextContinuationToken", page.last);
    view_set(&b, "Contents", value_builder_list(&page.contents));
    view_set(&b, "CommonPrefixes", value_builder_list(&page.groups));
    call->output = value_builder_map(&b);
    return 0;
}

/* ---- buckets ---- */

static int do_list_buckets(struct service_call *call, struct err *err)
{
    struct s3_store *store = sandbox_store(services_sandbox(call->services));
    const struct value *names = store_bucket_names(call->arena, store);
    if (!names)
        return err_errno(err, ERR_IO, "the buckets cannot be listed");
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < names->count; i++) {
        const struct value *doc = store_bucket_doc(call->arena, store, names->items[i]->string);
        int64_t created = service_int(doc, "created", 0);
        struct value_entry bucket[] = {
            {STR("CreationDate"), value_string(call->arena, time_rfc3339(call->arena, created, false))},
            {STR("Name"), names->items[i]}};
        value_builder_add(&list, value_map(call->arena, bucket, 2));
    }
    struct value_entry owner = {STR("Id"), value_stringz(call->arena, S3SRV_OWNER)};
    struct value_entry said[] = {
        {STR("Buckets"), value_builder_list(&list)}, {STR("Owner"), value_map(call->arena, &owner, 1)}};
    call->output = value_map(call->arena, said, 2);
    return 0;
}

const struct service_operation s3_operations[] = {
    {"s3", "ListBuckets", do_list_buckets, NULL, NULL},
    {"s3", "GetObject", do_get, NULL, NULL},
    {"s3", "HeadObject", do_head, NULL, NULL},
    {"s3", "PutObject", do_put, NULL, NULL},
    {"s3", "DeleteObject", do_delete, NULL, NULL},
    {"s3", "CopyObject", do_copy, NULL, NULL},
    {"s3", "ListObjectsV2", do_list, NULL, NULL},
    {0},
};
