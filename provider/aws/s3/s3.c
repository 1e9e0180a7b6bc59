/* S3 calls of C code (objects, emptying a bucket): see s3.h. */
#include "provider/aws/s3/s3.h"

/* ---- Progress of a transfer, for people ---- */

static void add_size(char *out, size_t room, int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes / 1024;
    size_t unit = 0;
    for (; size >= 1024 && unit < sizeof units / sizeof *units - 1; unit++)
        size /= 1024;
    snprintf(out, room, size < 10 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

void rate_line(
    char *out, size_t room, const char *what, int64_t moved, int64_t kept, int64_t all, int64_t elapsed_ms)
{
    char done[32], size[32], rate[32];
    add_size(done, sizeof done, moved + kept);
    add_size(size, sizeof size, all);
    add_size(rate, sizeof rate, elapsed_ms > 0 ? moved * 1000 / elapsed_ms : 0);
    snprintf(out, room, "%s: %s of %s, %s/s", what, done, size, rate);
}

const struct aws_service aws_s3_service = {
    .id = STR_INIT("s3"), .endpoint_prefix = STR_INIT("s3"), .signing_name = STR_INIT("s3"), .s3 = true};

static const struct shape texts = {.kind = SHAPE_MAP, .elem = &shape_text}, number = {.kind = SHAPE_INT},
                          flag = {.kind = SHAPE_BOOL};

#define MEMBER(ours, theirs, shape_, location_)                                                              \
    {                                                                                                        \
        .name = STR_INIT(ours), .wire = STR_INIT(theirs), .shape = &(shape_), .location = (location_)        \
    }
#define HEADER(ours, theirs) MEMBER(ours, theirs, shape_text, WIRE_HEADER)
#define QUERY(ours, theirs)  MEMBER(ours, theirs, shape_text, WIRE_QUERY_STRING)

static const struct shape_member version_members[] = {
    MEMBER("Key", "Key", shape_text, WIRE_BODY), MEMBER("VersionId", "VersionId", shape_text, WIRE_BODY)};
static const struct shape version_shape = {.kind = SHAPE_STRUCT,
                              .members = version_members,
                              .member_count = 2},
                          versions_shape = {.kind = SHAPE_LIST, .elem = &version_shape, .flat = true};

#define OBJECT_MEMBERS                                                                                       \
    MEMBER("bucket", "Bucket", shape_text, WIRE_PATH), MEMBER("key", "Key", shape_text, WIRE_PATH),          \
        HEADER("content_type", "Content-Type"), HEADER("content_encoding", "Content-Encoding"),              \
        HEADER("cache_control", "Cache-Control"), HEADER("storage_class", "x-amz-storage-class"),            \
        HEADER("server_side_encryption", "x-amz-server-side-encryption"),                                    \
        HEADER("kms_key", "x-amz-server-side-encryption-aws-kms-key-id"),                                    \
        HEADER("tagging", "x-amz-tagging"), HEADER("etag", "ETag"),                                          \
        HEADER("version_id", "x-amz-version-id"), MEMBER("metadata", "x-amz-meta-", texts, WIRE_HEADER_MAP)

static const struct shape_member object_members[] = {OBJECT_MEMBERS};
/* Members of all requests. */
static const struct shape_member members[] = {
    OBJECT_MEMBERS,
    HEADER("sha256", "x-amz-checksum-sha256"),
    HEADER("crc64", "x-amz-checksum-crc64nvme"),
    HEADER("checksum_algorithm", "x-amz-checksum-algorithm"),
    HEADER("checksum_type", "x-amz-checksum-type"),
    HEADER("checksum_mode", "x-amz-checksum-mode"),
    HEADER("range", "Range"),
    HEADER("if_match", "If-Match"),
    QUERY("version", "versionId"),
    QUERY("upload", "uploadId"),
    MEMBER("part", "partNumber", number, WIRE_QUERY_STRING),
    QUERY("part_marker", "part-number-marker"),
    QUERY("prefix", "prefix"),
    QUERY("start_after", "start-after"),
    QUERY("token", "continuation-token"),
    QUERY("key_marker", "key-marker"),
    QUERY("version_marker", "version-id-marker"),
    QUERY("upload_marker", "upload-id-marker"),
    MEMBER("objects", "Object", versions_shape, WIRE_BODY),
    MEMBER("quiet", "Quiet", flag, WIRE_BODY),
};

const struct shape aws_s3_object_shape = {.kind = SHAPE_STRUCT,
    .members = object_members,
    .member_count = sizeof object_members / sizeof *object_members};
static const struct shape request_shape = {
    .kind = SHAPE_STRUCT, .members = members, .member_count = sizeof members / sizeof *members};

const struct wire_operation s3_get_object = S3_OPERATION("GetObject", "GET", ""),
                            s3_head_object = S3_OPERATION("HeadObject", "HEAD", ""),
                            s3_delete_object = S3_OPERATION("DeleteObject", "DELETE", "");

const struct value *aws_s3_name(struct arena *arena, struct str bucket, struct str key)
{
    return VALUE_MAP(
        arena, {STR("bucket"), value_string(arena, bucket)}, {STR("key"), value_string(arena, key)});
}

int aws_s3_prepare(struct op_ctx *ctx, const struct wire_operation *op, const struct value *input,
    struct aws_call *call, struct err *err)
{
    struct str body = call->request.body;
    if (wire_encode_request(ctx->arena, op, &request_shape, input, &call->request, err))
        return -1;
    if (body.n)
        call->request.body = body;
    call->service = &aws_s3_service;
    call->op = op;
    /* puts, deletes and reads by name; two calls of CreateMultipartUpload create two uploads */
    call->idempotent = !str_eqz(op->name, "CreateMultipartUpload");
    call->cancel = ctx->cancel;
    return 0;
}

int aws_s3_call(struct op_ctx *ctx, const struct wire_operation *op, const struct value *input,
    struct aws_call *call, struct wire_message *response, struct err *err)
{
    struct repeats repeats = {.op = ctx, .what = op->name};
    *response = (struct wire_message){0};
    if (aws_s3_prepare(ctx, op, input, call, err))
        return -1;
    call->repeats = repeats_report;
    call->repeats_ctx = &repeats;
    int status = aws_send(provider_aws(ctx->provider), call, ctx->arena, response, err);
    call->repeats = NULL;
    call->repeats_ctx = NULL; /* `repeats` is local to this function */
    if (!status)
        repeats_done(&repeats);
    return status;
}

int aws_s3_call_decoded(struct op_ctx *ctx, const struct wire_operation *op, const struct value *input,
    const char *needs, const struct value **document, struct err *err)
{
    struct repeats repeats = {.op = ctx, .what = op->name};
    struct aws_call call = {.body_fd = -1};
    if (aws_s3_prepare(ctx, op, input, &call, err))
        return -1;
    call.repeats = repeats_report;
    call.repeats_ctx = &repeats;
    if (aws_send_decoded(provider_aws(ctx->provider), &call, ctx->arena, needs, document, err))
        return -1;
    repeats_done(&repeats);
    return 0;
}

struct str aws_s3_unquoted(struct str etag)
{
    bool quoted = etag.n > 1 && str_starts(etag, STR("\"")) && str_ends(etag, STR("\""));
    return quoted ? str_slice(etag, 1, etag.n - 1) : etag;
}

void aws_s3_content_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    static const struct {
        struct str action;
        bool plan, destroy, tags; /* tags: of types with tags */
    } needed[] = {{STR_INIT("s3:GetObject"), true, true, false},
        {STR_INIT("s3:ListBucket"), true, true, false},
        {STR_INIT("s3:ListBucketMultipartUploads"), true, true, false},
        {STR_INIT("s3:PutObject"), false, false, false},
        {STR_INIT("s3:ListMultipartUploadParts"), false, false, false},
        {STR_INIT("s3:AbortMultipartUpload"), false, true, false},
        {STR_INIT("s3:DeleteObject"), false, true, false},
        {STR_INIT("s3:GetObjectTagging"), true, true, true},
        {STR_INIT("s3:PutObjectTagging"), false, false, true}};
    bool tags = schema_attr(schema, STR("tags")) != NULL;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        bool wanted =
            needed[i].plan || phase == PERMISSION_APPLY || (phase == PERMISSION_DESTROY && needed[i].destroy);
        if (wanted && (tags || !needed[i].tags))
            value_builder_set(out, needed[i].action, value_string_ref(arena, needed[i].action));
    }
}

const struct value *aws_s3_content_scope(
    struct arena *arena, struct str action, struct str bucket, struct str keys)
{
    /* s3:ListBucket, s3:ListBucketMultipartUploads */
    bool of_bucket = str_starts(action, STR("s3:ListBucket"));
    struct str any = STR("*"), on = bucket.n ? bucket : any;
    struct str arn =
        of_bucket ? arena_printf(arena, "arn:*:s3:::%.*s", STR_ARG(on))
                  : arena_printf(arena, "arn:*:s3:::%.*s/%.*s", STR_ARG(on), STR_ARG(keys.n ? keys : any));
    const struct value *one = value_string_ref(arena, arn);
    return value_list(arena, &one, 1);
}

/* ---- emptying a bucket ---- */

/*
 * Pages have to be listed one after the other, each from the end of the previous one; their items are deleted
 * by several threads at once. A bucket may contain millions of objects: only a few pages are in memory.
 */

enum { DELETERS = 6, ROUNDS_MAX = 100 };

/* ---- deleting the items of a page ---- */

/* Deletes all versions and delete markers of a page. */
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

/* Handles all items of a page; *n is set to their number. */
typedef int page_fn(
    struct op_ctx *ctx, struct str bucket, const struct value *page, size_t *n, struct err *err);

/* ---- several pages at once ---- */

/* One pass through the bucket. */
struct sweep {
    struct op_ctx *ctx;
    page_fn *on_page;
    const char *what; /* the items of a page, for progress messages */
    pthread_mutex_t lock;
    struct s3_pages listing;
    size_t pages, items;
    bool failed;
    struct err err;
};

/*
 * Reads the next page under the lock and handles it without, so that other threads can read on. If the store
 * does not report where the next page begins, the lock is kept: the next listing starts at the beginning,
 * after this page was deleted.
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

/* Repeats the pass while it has more than one page, since objects may have been added meanwhile. */
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
    return 0; /* a store without multipart uploads has none; if some are left, deleting the bucket fails with
                 that error */
}

/* ---- counting ---- */

struct count {
    int64_t objects, versions, markers, uploads, bytes;
    bool keeps; /* the bucket has versioning: deleting an object keeps a version and a delete marker */
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
            return err_set(err, ERR_PROTOCOL,
                "the listing is truncated, but the response has no marker of the next page");
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
    count_all(
        ctx, &s3_list_uploads, bucket, &count, ERR_IGNORED); /* a store without multipart uploads has none */
    *result = VALUE_MAP(ctx->arena, {STR("bytes"), value_int(ctx->arena, count.bytes)},
        {STR("delete_markers"), value_int(ctx->arena, count.markers)},
        {STR("keeps_versions"), value_bool(count.keeps)},
        {STR("objects"), value_int(ctx->arena, count.objects)},
        {STR("uploads"), value_int(ctx->arena, count.uploads)},
        {STR("versions"), value_int(ctx->arena, count.versions)});
    return 0;
}
