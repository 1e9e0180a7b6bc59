/*
 * Emptying a bucket: all versions and delete markers in pages of a thousand, then unfinished uploads
 * (S3-compatible stores refuse to delete a bucket that has some). And counting what that would delete.
 *
 * Pages can only be listed one after the other, each from where the one before ended; what they show is
 * deleted by several threads at once. A bucket may hold millions of objects: a page's memory is a page's.
 */
#include "base/pool.h"
#include "provider/aws/pages.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/s3_keys.h"
#include "provider/aws/types/native.h"
#include "provider/aws/verb.h"

#include <pthread.h>
#include <stdio.h>

enum { DELETERS = 6, ROUNDS_MAX = 100 };

static const struct shape text = {.kind = SHAPE_STRING};

static const struct shape_member list_members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("key"), .wire = STR_INIT("key-marker"), .shape = &text, .location = WIRE_QUERY_STRING},
    {.name = STR_INIT("version"),
        .wire = STR_INIT("version-id-marker"),
        .shape = &text,
        .location = WIRE_QUERY_STRING},
    {.name = STR_INIT("upload"),
        .wire = STR_INIT("upload-id-marker"),
        .shape = &text,
        .location = WIRE_QUERY_STRING}};
static const struct shape list_shape = {.kind = SHAPE_STRUCT, .members = list_members, .member_count = 4};

static const struct shape_member abort_members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("key"), .wire = STR_INIT("Key"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("upload"),
        .wire = STR_INIT("uploadId"),
        .shape = &text,
        .location = WIRE_QUERY_STRING}};
static const struct shape abort_shape = {.kind = SHAPE_STRUCT, .members = abort_members, .member_count = 3};

static const struct wire_operation list_versions = {.name = STR_INIT("ListObjectVersions"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("GET"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("versions"),
    .root = STR_INIT("ListVersionsResult")};
static const struct wire_operation list_uploads = {.name = STR_INIT("ListMultipartUploads"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("GET"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("uploads"),
    .root = STR_INIT("ListMultipartUploadsResult")};
static const struct wire_operation abort_upload = {.name = STR_INIT("AbortMultipartUpload"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("DELETE"),
    .path = STR_INIT("/{Bucket}/{Key+}")};

static int call(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, const struct value **document, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    if (verb_reads(op->name))
        return aws_s3_ask(ctx, op, shape, input, "", document, err);
    if (aws_s3_call(ctx, op, shape, input, &call, &response, err))
        return -1;
    return wire_decode_response(ctx->arena, op, &response, document, err);
}

/* ---- listing ---- */

/* Where a listing has come to. The markers are in `arena`, which outlives the pages. */
struct listing {
    const struct wire_operation *op;
    const struct value *bucket;
    struct arena *arena;
    const struct value *markers; /* members of the next request; NULL: from the beginning */
    struct pages pages;
    bool done, blind; /* blind: the store does not say where the next page begins */
};

static const struct value *next_markers(struct listing *l, const struct value *page)
{
    struct value_entry entries[] = {{STR("key"), value_getz(page, "NextKeyMarker")},
        {STR("version"), value_getz(page, "NextVersionIdMarker")},
        {STR("upload"), value_getz(page, "NextUploadIdMarker")}};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(l->arena);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        if (value_text(entries[i].value, STR_EMPTY).n)
            value_builder_set(&b, entries[i].key, value_copy(l->arena, entries[i].value));
    return value_builder_map(&b);
}

/* The next page, in ctx's arena. */
static int next_page(struct op_ctx *ctx, struct listing *l, const struct value **page, struct err *err)
{
    if (ctx->cancel && atomic_load(ctx->cancel))
        return err_set(err, ERR_INTERRUPTED, "interrupted while going through the bucket");
    const struct value *input = value_with(ctx->arena, l->markers, STR("bucket"), l->bucket);
    if (call(ctx, l->op, &list_shape, input, page, err))
        return -1;
    l->done = !str_eqz(value_gets(*page, "IsTruncated"), "true");
    if (l->done)
        return 0;
    const struct value *next = next_markers(l, *page);
    l->blind = !value_getz(next, "key") || value_equal(next, l->markers);
    l->markers = l->blind ? NULL : next;
    return l->blind ? 0 : pages_next_value(&l->pages, l->op->name, next, err);
}

static const struct value *items_of(struct op_ctx *ctx, const struct value *page, const char *path)
{
    const struct value *items = wire_path(ctx->arena, page, str_z(path));
    return items && items->kind == VALUE_LIST ? items : &value_empty_list;
}

/* ---- deleting what a page shows ---- */

/* Everything in one page of versions. */
static int delete_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *page, size_t *n, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(ctx->arena);
    static const char *const lists[] = {"Version[]", "DeleteMarker[]"};
    for (size_t l = 0; l < 2; l++) {
        const struct value *items = items_of(ctx, page, lists[l]);
        for (uint32_t i = 0; i < items->count; i++)
            value_builder_add(&all, items->items[i]);
    }
    *n = all.n;
    return all.n ? s3_delete_page(ctx, bucket, value_builder_list(&all), err) : 0;
}

static int abort_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *page, size_t *n, struct err *err)
{
    const struct value *uploads = items_of(ctx, page, "Upload[]");
    *n = uploads->count;
    for (uint32_t i = 0; i < uploads->count; i++) {
        struct value_entry entries[] = {{STR("bucket"), bucket},
            {STR("key"), value_getz(uploads->items[i], "Key")},
            {STR("upload"), value_getz(uploads->items[i], "UploadId")}};
        const struct value *answer;
        struct err failure = ERR_INIT;
        if (call(ctx, &abort_upload, &abort_shape, value_map(ctx->arena, entries, 3), &answer, &failure) &&
            failure.class != ERR_ABSENT) {
            *err = failure;
            return -1;
        }
    }
    return 0;
}

/* Handles all items of a page; *n is how many there were. */
typedef int page_fn(
    struct op_ctx *ctx, const struct value *bucket, const struct value *page, size_t *n, struct err *err);

/* ---- several pages at once ---- */

/* One way through the bucket. */
struct sweep {
    struct op_ctx *ctx;
    page_fn *on_page;
    const char *what; /* the items of a page, for people */
    pthread_mutex_t lock;
    struct listing listing;
    size_t pages, items;
    bool failed;
    struct err err;
};

/*
 * Takes the next page under the lock and works on it without: others go on to the pages after it. Where the
 * store does not say where the next page begins, it begins where this one did, once this one is gone.
 */
static bool sweep_page(struct sweep *s)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = *s->ctx;
    ctx.arena = &arena;
    const struct value *page;
    struct err err = ERR_INIT;
    size_t n = 0;
    pthread_mutex_lock(&s->lock);
    bool over = s->failed || s->listing.done;
    if (!over) {
        s->pages++;
        int status = next_page(&ctx, &s->listing, &page, &err);
        bool alone = status || s->listing.blind;
        if (!alone)
            pthread_mutex_unlock(&s->lock);
        if (!status)
            status = s->on_page(&ctx, s->listing.bucket, page, &n, &err);
        if (!alone)
            pthread_mutex_lock(&s->lock);
        if (status && !s->failed)
            s->err = err;
        s->failed |= status != 0;
        s->items += n;
    }
    size_t items = s->items;
    pthread_mutex_unlock(&s->lock);
    char told[96];
    snprintf(told, sizeof told, "emptying it: %zu %s so far", items, s->what);
    if (n && ctx.progress)
        ctx.progress(ctx.progress_ctx, told);
    return !over;
}

static void sweep_worker(void *ctx, size_t i)
{
    (void)i;
    while (sweep_page(ctx))
        ;
}

/* Again from the beginning while there was more than one page: something may have come in meanwhile. */
static int sweep(struct op_ctx *ctx, const struct wire_operation *op, const struct value *bucket,
    page_fn *on_page, const char *what, struct err *err)
{
    struct sweep s = {.ctx = ctx, .on_page = on_page, .what = what, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (int round = 0; round < ROUNDS_MAX; round++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        s.listing = (struct listing){.op = op, .bucket = bucket, .arena = &arena};
        s.pages = 0;
        sweep_page(&s);
        if (!s.listing.done)
            pool_run(DELETERS, DELETERS, sweep_worker, &s);
        pages_release(&s.listing.pages);
        if (s.failed || s.pages <= 1)
            break;
    }
    pthread_mutex_destroy(&s.lock);
    if (!s.failed)
        return 0;
    *err = s.err;
    return -1;
}

int aws_native_empty_bucket(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    (void)result;
    const struct value *bucket = value_getz(object, "name");
    if (sweep(ctx, &list_versions, bucket, delete_page, "versions and markers", err))
        return err_context(err, "emptying the bucket");
    struct err failure = ERR_INIT;
    if (sweep(ctx, &list_uploads, bucket, abort_page, "unfinished uploads", &failure) &&
        failure.class == ERR_INTERRUPTED) {
        *err = failure;
        return -1;
    }
    return 0; /* a store without uploads has nothing to abort; if some are left, deleting the bucket says so
               */
}

/* ---- counting ---- */

struct count {
    int64_t objects, versions, markers, uploads, bytes;
};

static void count_page(struct op_ctx *ctx, const struct value *page, struct count *count)
{
    const struct value *versions = items_of(ctx, page, "Version[]");
    count->versions += versions->count;
    count->markers += items_of(ctx, page, "DeleteMarker[]")->count;
    count->uploads += items_of(ctx, page, "Upload[]")->count;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct value *version = versions->items[i];
        int64_t size = 0;
        count->objects += str_eqz(value_gets(version, "IsLatest"), "true");
        if (str_to_int(value_gets(version, "Size"), &size))
            count->bytes += size;
    }
}

static int count_pages(struct op_ctx *ctx, struct listing *listing, struct count *count, struct err *err)
{
    while (!listing->done) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct op_ctx page_ctx = *ctx;
        page_ctx.arena = &arena;
        const struct value *page;
        if (next_page(&page_ctx, listing, &page, err))
            return -1;
        count_page(&page_ctx, page, count);
        if (listing->blind)
            return err_set(
                err, ERR_PROTOCOL, "more than a page, and the store does not say where it goes on");
        char told[96];
        snprintf(told, sizeof told, "counting: %lld versions so far", (long long)count->versions);
        if (!listing->done && ctx->progress)
            ctx->progress(ctx->progress_ctx, told);
    }
    return 0;
}

static int count_all(struct op_ctx *ctx, const struct wire_operation *op, const struct value *bucket,
    struct count *count, struct err *err)
{
    AUTO_ARENA struct arena kept = ARENA_INIT;
    struct listing listing = {.op = op, .bucket = bucket, .arena = &kept};
    int status = count_pages(ctx, &listing, count, err);
    pages_release(&listing.pages);
    return status;
}

int aws_native_count_bucket(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    const struct value *bucket = value_getz(object, "name");
    struct count count = {0};
    struct err ignored = ERR_INIT;
    if (count_all(ctx, &list_versions, bucket, &count, err))
        return -1;
    count_all(ctx, &list_uploads, bucket, &count, &ignored); /* a store without uploads has none */
    struct value_entry entries[] = {{STR("bytes"), value_int(ctx->arena, count.bytes)},
        {STR("delete_markers"), value_int(ctx->arena, count.markers)},
        {STR("objects"), value_int(ctx->arena, count.objects)},
        {STR("uploads"), value_int(ctx->arena, count.uploads)},
        {STR("versions"), value_int(ctx->arena, count.versions)}};
    *result = value_map(ctx->arena, entries, sizeof entries / sizeof *entries);
    return 0;
}
