/* Many objects of a bucket: see s3.h. */
#include "provider/aws/s3/s3.h"

#include "base/clock.h"
#include "base/hash.h"

/* ---- Listings of a bucket that are continued by markers ---- */

const struct wire_operation s3_list_versions = S3_BUCKET_OPERATION(
                                "ListObjectVersions", "GET", "versions", "ListVersionsResult"),
                            s3_list_uploads = S3_BUCKET_OPERATION(
                                "ListMultipartUploads", "GET", "uploads", "ListMultipartUploadsResult");

static const struct wire_operation abort_upload = S3_OPERATION("AbortMultipartUpload", "DELETE", "");

static const struct value *markers_of(struct s3_pages *pages, const struct value *page)
{
    static const struct {
        const char *marker, *member;
    } markers[] = {{"NextKeyMarker", "key_marker"}, {"NextVersionIdMarker", "version_marker"},
        {"NextUploadIdMarker", "upload_marker"}};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(pages->arena);
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++)
        if (value_gets(page, markers[i].marker).n)
            value_builder_set(&b, str_z(markers[i].member),
                value_string(pages->arena, value_gets(page, markers[i].marker)));
    return value_builder_map(&b);
}

int s3_pages_next(struct op_ctx *ctx, struct s3_pages *pages, const struct value **page, struct err *err)
{
    if (cancel_is_set(ctx->cancel))
        return err_set(err, ERR_INTERRUPTED, "interrupted while going through the bucket");
    const struct value *input =
        value_with(ctx->arena, pages->markers, STR("bucket"), value_string_ref(ctx->arena, pages->bucket));
    if (pages->prefix.n)
        input = value_with(ctx->arena, input, STR("prefix"), value_string_ref(ctx->arena, pages->prefix));
    if (aws_s3_call_decoded(ctx, pages->op, input, "", page, err))
        return -1;
    pages->done = !str_eqz(value_gets(*page, "IsTruncated"), "true");
    if (pages->done)
        return 0;
    const struct value *next = markers_of(pages, *page);
    pages->blind = !value_getz(next, "key_marker") || value_equal(next, pages->markers);
    pages->markers = pages->blind ? NULL : next;
    return pages->blind ? 0 : pages_next_value(&pages->seen, pages->op->name, next, err);
}

void s3_pages_release(struct s3_pages *pages)
{
    pages_release(&pages->seen);
}

const struct value *s3_pages_items(struct op_ctx *ctx, const struct value *page, const char *path)
{
    return value_as_list(wire_path(ctx->arena, page, str_z(path)));
}

int s3_abort_upload(struct op_ctx *ctx, struct str bucket, struct str key, struct str upload, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    struct err failure = ERR_INIT;
    const struct value *input = value_with(ctx->arena, aws_s3_name(ctx->arena, bucket, key), STR("upload"),
        value_string_ref(ctx->arena, upload));
    if (!aws_s3_call(ctx, &abort_upload, input, &call, &answer, &failure) || failure.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &failure);
}

enum {
    PAGE = 1000,
    THREADS = 16,
    DELETE_TRIES = 5, /* in addition to the client's retries, which see a 200 response */
    DELETE_PAUSE_MS = 200,
};

/* Keys may contain characters that are not valid in XML, so they are requested percent-encoded. */
static const struct wire_operation list_objects =
    S3_BUCKET_OPERATION("ListObjectsV2", "GET", "list-type=2&encoding-type=url", "ListBucketResult");

static const struct wire_operation delete_objects = {.name = STR_INIT("DeleteObjects"),
    .protocol = WIRE_REST_XML,
    .method = STR_INIT("POST"),
    .path = STR_INIT("/{Bucket}"),
    .query = STR_INIT("delete"),
    .body = STR_INIT("Delete"),
    .body_xmlns = STR_INIT("http://s3.amazonaws.com/doc/2006-03-01/"),
    .md5 = true,
    .root = STR_INIT("DeleteResult")};

/* ---- listing ---- */

struct listing {
    struct op_ctx *ctx;
    const struct s3_list *list;
    s3_found *found;
    void *found_ctx;
    size_t segments;
    atomic_size_t pages;
    atomic_bool cut; /* the page limit was reached, or a call failed */
};

/* Passes the objects of a page to the callback. Returns true if the page reaches `until` (if set). */
static bool take_page(struct listing *l, struct arena *arena, const struct value *page, struct str until)
{
    const struct value *items = wire_path(arena, page, STR("Contents[]"));
    bool url = str_eqz(value_gets(page, "EncodingType"), "url"), reached = false;
    for (uint32_t i = 0; items && i < items->count; i++) {
        struct s3_listed object = {.key = value_gets(items->items[i], "Key"),
            .etag = aws_s3_unquoted(value_gets(items->items[i], "ETag")),
            .storage_class = value_gets(items->items[i], "StorageClass")};
        str_to_int(value_gets(items->items[i], "Size"), &object.size);
        if (url && !url_decode(arena, object.key, true, &object.key))
            continue;
        int order = until.n ? str_cmp(object.key, until) : -1;
        reached |= order >= 0;
        if (order <= 0) /* later keys belong to the next segment */
            l->found(l->found_ctx, &object);
    }
    return reached;
}

static int read_page(struct listing *l, struct op_ctx *ctx, struct str after, struct str token,
    const struct value **page, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct value_entry entries[] = {{STR("bucket"), value_string(arena, l->list->bucket)},
        {STR("prefix"), l->list->prefix.n ? value_string(arena, l->list->prefix) : NULL},
        {STR("start_after"), after.n && !token.n ? value_string(arena, after) : NULL},
        {STR("token"), token.n ? value_string(arena, token) : NULL}};
    return aws_s3_call_decoded(ctx, &list_objects, value_map(arena, entries, 4), "", page, err);
}

/* A truncated page has to have a continuation token. */
static int check_next(struct pages *pages, struct str token, struct err *err)
{
    if (token.n)
        return pages_next(pages, list_objects.name, token, err);
    return err_set(err, ERR_PROTOCOL, "the answer to %.*s is incomplete: it is truncated, and has no token",
        STR_ARG(list_objects.name));
}

/* Lists a segment of a thousand expected keys; one page, unless there are other keys between them. */
static int list_segment(void *arg, size_t i, struct err *err)
{
    struct listing *l = arg;
    const struct str *expected = l->list->expected;
    struct str after = i ? expected[i * PAGE - 1] : STR_EMPTY, token = STR_EMPTY;
    struct str until = i + 1 < l->segments ? expected[(i + 1) * PAGE - 1] : STR_EMPTY;
    AUTO_PAGES struct pages pages = PAGES_INIT;
    for (bool more = true; more && !l->cut;) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct op_ctx ctx = *l->ctx;
        const struct value *page;
        ctx.arena = &arena;
        if (l->list->page_limit && atomic_fetch_add(&l->pages, 1) >= l->list->page_limit) {
            l->cut = true;
            return 0;
        }
        if (read_page(l, &ctx, after, token, &page, err)) {
            l->cut = true;
            return -1;
        }
        more = !take_page(l, &arena, page, until) && str_eqz(value_gets(page, "IsTruncated"), "true");
        token = arena_str(&pages.arena, value_gets(page, "NextContinuationToken"));
        if (more && check_next(&pages, token, err)) {
            l->cut = true;
            return -1;
        }
    }
    return 0;
}

int s3_list_objects(struct op_ctx *ctx, const struct s3_list *list, s3_found *found, void *found_ctx,
    bool *cut, struct err *err)
{
    struct listing l = {.ctx = ctx,
        .list = list,
        .found = found,
        .found_ctx = found_ctx,
        .segments = list->expected_count > PAGE ? (list->expected_count + PAGE - 1) / PAGE : 1};
    int status = pool_try(THREADS, l.segments, list_segment, &l, err);
    *cut = l.cut;
    return status;
}

/* ---- deleting ---- */

struct deletion {
    struct op_ctx *ctx;
    struct str bucket;
    const struct str *keys;
    size_t n;
};

/* True if the item was not deleted, but a retry may succeed. */
static bool is_passing(const struct value *error)
{
    return str_is_any(value_gets(error, "Code"), "InternalError SlowDown ServiceUnavailable");
}

/* Returns an error that no retry helps against (a lock, a policy), or else the first; *passing: a retry may
 * succeed for all. */
static const struct value *worst_of(const struct value *errors, bool *passing)
{
    for (uint32_t i = 0; i < errors->count; i++)
        if (!is_passing(errors->items[i])) {
            *passing = false;
            return errors->items[i];
        }
    *passing = true;
    return errors->items[0];
}

static int s3_keys_refused(const struct value *error, struct err *err)
{
    struct str key = value_gets(error, "Key"), code = value_gets(error, "Code"),
               why = value_gets(error, "Message");
    return err_set(err, str_eqz(code, "AccessDenied") ? ERR_AUTH : ERR_SERVICE,
        "deleting object \"%.*s\": %.*s: %.*s", STR_ARG(key), STR_ARG(code), STR_ARG(why));
}

int s3_delete_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *objects, struct err *err)
{
    struct value_entry entries[] = {
        {STR("bucket"), bucket}, {STR("objects"), objects}, {STR("quiet"), &value_true}};
    const struct value *input = value_map(ctx->arena, entries, 3), *answer, *errors;
    for (int tries = 1;; tries++) {
        struct aws_call call = {.body_fd = -1};
        struct wire_message response;
        if (aws_s3_call(ctx, &delete_objects, input, &call, &response, err) ||
            wire_decode_response(ctx->arena, &delete_objects, &response, &answer, err))
            return -1;
        errors = wire_path(ctx->arena, answer, STR("Error[]"));
        if (!errors || !errors->count)
            return 0;
        bool passing;
        const struct value *worst = worst_of(errors, &passing);
        if (!passing || tries == DELETE_TRIES)
            return s3_keys_refused(worst, err);
        clock_sleep_ms(DELETE_PAUSE_MS << tries);
    }
}

static int delete_keys(void *arg, size_t page, struct err *err)
{
    struct deletion *d = arg;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = *d->ctx;
    size_t end = (page + 1) * PAGE < d->n ? (page + 1) * PAGE : d->n;
    ctx.arena = &arena;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(&arena);
    for (size_t i = page * PAGE; i < end; i++) {
        value_builder_add(&all, value_with(&arena, NULL, STR("Key"), value_string_ref(&arena, d->keys[i])));
    }
    return s3_delete_page(&ctx, value_string(&arena, d->bucket), value_builder_list(&all), err);
}

int s3_delete_objects(
    struct op_ctx *ctx, struct str bucket, const struct str *keys, size_t n, struct err *err)
{
    struct deletion d = {.ctx = ctx, .bucket = bucket, .keys = keys, .n = n};
    return pool_try(THREADS, (n + PAGE - 1) / PAGE, delete_keys, &d, err);
}
