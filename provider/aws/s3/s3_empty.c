/*
 * Emptying a bucket: all versions and delete markers in pages of a thousand, then unfinished uploads
 * (S3-compatible stores refuse to delete a bucket that has some). And counting what that would delete.
 */
#include "provider/aws/s3/s3.h"

#include "base/threads.h"

#include <pthread.h>
#include <stdio.h>

/*
 * Pages can only be listed one after the other, each from where the one before ended; what they show is
 * deleted by several threads at once. A bucket may hold millions of objects: a page's memory is a page's.
 */

enum { DELETERS = 6, ROUNDS_MAX = 100 };

/* ---- deleting what a page shows ---- */

/* Everything in one page of versions. */
static int delete_page(
    struct op_ctx *ctx, struct str bucket, const struct value *page, size_t *n, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(ctx->arena);
    static const char *const lists[] = {"Version[]", "DeleteMarker[]"};
    for (size_t l = 0; l < 2; l++) {
        const struct value *items = s3_pages_items(ctx, page, lists[l]);
        for (uint32_t i = 0; i < items->count; i++)
            value_builder_add(&all, items->items[i]);
    }
    *n = all.n;
    return all.n ? s3_delete_page(ctx, value_string_ref(ctx->arena, bucket), value_builder_list(&all), err)
                 : 0;
}

static int abort_page(
    struct op_ctx *ctx, struct str bucket, const struct value *page, size_t *n, struct err *err)
{
    const struct value *uploads = s3_pages_items(ctx, page, "Upload[]");
    *n = uploads->count;
    for (uint32_t i = 0; i < uploads->count; i++)
        if (s3_abort_upload(ctx, bucket, value_gets(uploads->items[i], "Key"),
                value_gets(uploads->items[i], "UploadId"), err))
            return -1;
    return 0;
}

/* Handles all items of a page; *n is how many there were. */
typedef int page_fn(
    struct op_ctx *ctx, struct str bucket, const struct value *page, size_t *n, struct err *err);

/* ---- several pages at once ---- */

/* One way through the bucket. */
struct sweep {
    struct op_ctx *ctx;
    page_fn *on_page;
    const char *what; /* the items of a page, for people */
    pthread_mutex_t lock;
    struct s3_pages listing;
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
        int status = s3_pages_next(&ctx, &s->listing, &page, &err);
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
    char reported[96];
    snprintf(reported, sizeof reported, "emptying it: %zu %s so far", items, s->what);
    if (n)
        op_progress(&ctx, reported);
    return !over;
}

static void sweep_worker(void *ctx, size_t i UNUSED)
{
    while (sweep_page(ctx))
        ;
}

/* Again from the beginning while there was more than one page: something may have come in meanwhile. */
static int sweep(struct op_ctx *ctx, const struct wire_operation *op, struct str bucket, page_fn *on_page,
    const char *what, struct err *err)
{
    struct sweep s = {.ctx = ctx, .on_page = on_page, .what = what, .lock = PTHREAD_MUTEX_INITIALIZER};
    for (int round = 0; round < ROUNDS_MAX; round++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        s.listing = (struct s3_pages){.op = op, .bucket = bucket, .arena = &arena};
        s.pages = 0;
        sweep_page(&s);
        if (!s.listing.done)
            pool_run(DELETERS, DELETERS, sweep_worker, &s);
        s3_pages_release(&s.listing);
        if (s.failed || s.pages <= 1)
            break;
    }
    pthread_mutex_destroy(&s.lock);
    if (!s.failed)
        return 0;
    *err = s.err;
    return -1;
}

int s3_empty_bucket(
    struct op_ctx *ctx, const struct value *object, const struct value **result UNUSED, struct err *err)
{
    struct str bucket = value_gets(object, "name");
    if (sweep(ctx, &s3_list_versions, bucket, delete_page, "versions and markers", err))
        return err_context(err, "emptying the bucket");
    struct err failure = ERR_INIT;
    if (sweep(ctx, &s3_list_uploads, bucket, abort_page, "unfinished uploads", &failure) &&
        failure.class == ERR_INTERRUPTED)
        return err_raise(err, &failure);
    return 0; /* a store without uploads has nothing to abort; if some are left, deleting the bucket says so
               */
}

/* ---- counting ---- */

struct count {
    int64_t objects, versions, markers, uploads, bytes;
    bool keeps; /* the bucket has versioning: what is deleted leaves a version and a delete marker */
};

static void count_page(struct op_ctx *ctx, const struct value *page, struct count *count)
{
    const struct value *versions = s3_pages_items(ctx, page, "Version[]");
    count->versions += versions->count;
    count->markers += s3_pages_items(ctx, page, "DeleteMarker[]")->count;
    count->uploads += s3_pages_items(ctx, page, "Upload[]")->count;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct value *version = versions->items[i];
        int64_t size = 0;
        count->objects += str_eqz(value_gets(version, "IsLatest"), "true");
        struct str id = value_gets(version, "VersionId");
        count->keeps |= id.n && !str_eqz(id, "null");
        if (str_to_int(value_gets(version, "Size"), &size))
            count->bytes += size;
    }
}

static int count_pages(struct op_ctx *ctx, struct s3_pages *listing, struct count *count, struct err *err)
{
    while (!listing->done) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct op_ctx page_ctx = *ctx;
        page_ctx.arena = &arena;
        const struct value *page;
        if (s3_pages_next(&page_ctx, listing, &page, err))
            return -1;
        count_page(&page_ctx, page, count);
        if (listing->blind)
            return err_set(
                err, ERR_PROTOCOL, "more than a page, and the store does not say where it goes on");
        char reported[96];
        snprintf(reported, sizeof reported, "counting: %lld versions so far", (long long)count->versions);
        if (!listing->done)
            op_progress(ctx, reported);
    }
    return 0;
}

static int count_all(struct op_ctx *ctx, const struct wire_operation *op, struct str bucket,
    struct count *count, struct err *err)
{
    AUTO_ARENA struct arena kept = ARENA_INIT;
    struct s3_pages listing = {.op = op, .bucket = bucket, .arena = &kept};
    int status = count_pages(ctx, &listing, count, err);
    s3_pages_release(&listing);
    return status;
}

int s3_count_bucket(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    struct str bucket = value_gets(object, "name");
    struct count count = {.keeps = value_getb(object, "versioning")};
    if (count_all(ctx, &s3_list_versions, bucket, &count, err))
        return -1;
    count_all(ctx, &s3_list_uploads, bucket, &count, ERR_IGNORED); /* a store without uploads has none */
    *result = VALUE_MAP(ctx->arena, {STR("bytes"), value_int(ctx->arena, count.bytes)},
        {STR("delete_markers"), value_int(ctx->arena, count.markers)},
        {STR("keeps_versions"), value_bool(count.keeps)},
        {STR("objects"), value_int(ctx->arena, count.objects)},
        {STR("uploads"), value_int(ctx->arena, count.uploads)},
        {STR("versions"), value_int(ctx->arena, count.versions)});
    return 0;
}
