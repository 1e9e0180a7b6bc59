#include "provider/aws/s3_object.h"

#include "base/file.h"
#include "base/hash.h"
#include "provider/aws/content_type.h"
#include "provider/aws/s3.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECT_PUT_MAX (INT64_C(5) * 1024 * 1024 * 1024)
#define HASH_HEADER    "weir-sha256"

/* ---- what the stack language sees ---- */

static const struct type text_type = {.kind = TYPE_STRING}, int_type = {.kind = TYPE_INT},
                         tags_type = {.kind = TYPE_TAGS};
static const struct type metadata_type = {.kind = TYPE_MAP, .elem = &text_type};

static const struct attr attrs[] = {
    {.name = STR_INIT("bucket"),
        .doc = STR_INIT("Name of the bucket."),
        .type = &text_type,
        .required = true,
        .settable = true,
        .replace = true},
    {.name = STR_INIT("key"),
        .doc = STR_INIT("Key of the object."),
        .type = &text_type,
        .required = true,
        .settable = true,
        .replace = true,
        .has_min = true,
        .min = 1,
        .has_max = true,
        .max = 1024},
    {.name = STR_INIT("source"),
        .doc = STR_INIT("Path of the file to upload, from the stack's folder."),
        .type = &text_type,
        .settable = true,
        .local = true,
        .conflicts = STR_INIT("content")},
    {.name = STR_INIT("content"),
        .doc = STR_INIT("The content itself, as text."),
        .type = &text_type,
        .settable = true,
        .local = true,
        .conflicts = STR_INIT("source")},
    {.name = STR_INIT("content_type"),
        .doc = STR_INIT("Media type; guessed from the key unless given."),
        .type = &text_type,
        .computed = true,
        .settable = true},
    {.name = STR_INIT("content_encoding"),
        .doc = STR_INIT("For example gzip."),
        .type = &text_type,
        .settable = true},
    {.name = STR_INIT("cache_control"),
        .doc = STR_INIT("Cache-Control that readers get."),
        .type = &text_type,
        .settable = true},
    {.name = STR_INIT("storage_class"),
        .doc = STR_INIT("STANDARD, STANDARD_IA, INTELLIGENT_TIERING, …"),
        .type = &text_type,
        .settable = true},
    {.name = STR_INIT("server_side_encryption"),
        .doc = STR_INIT("AES256 or aws:kms; otherwise what the bucket says."),
        .type = &text_type,
        .computed = true,
        .settable = true},
    {.name = STR_INIT("kms_key"),
        .doc = STR_INIT("Key for aws:kms."),
        .type = &text_type,
        .computed = true,
        .settable = true},
    {.name = STR_INIT("metadata"),
        .doc = STR_INIT("User-defined metadata; keys in lower case."),
        .type = &metadata_type,
        .settable = true},
    {.name = STR_INIT("tags"), .doc = STR_INIT("Tags, at most ten."), .type = &tags_type, .settable = true},
    {.name = STR_INIT("sha256"),
        .doc = STR_INIT("SHA-256 of the content, kept in the object's metadata."),
        .type = &text_type,
        .computed = true,
        .settable = true},
    {.name = STR_INIT("etag"), .doc = STR_INIT("Entity tag."), .type = &text_type, .computed = true},
    {.name = STR_INIT("version_id"),
        .doc = STR_INIT("Version, in a versioned bucket."),
        .type = &text_type,
        .computed = true},
    {.name = STR_INIT("size"), .doc = STR_INIT("Bytes."), .type = &int_type, .computed = true},
    {.name = STR_INIT("url"), .doc = STR_INIT("s3://bucket/key"), .type = &text_type, .computed = true},
    {.name = STR_INIT("arn"), .doc = STR_INIT("Amazon Resource Name."), .type = &text_type, .computed = true},
};

/* ---- on the wire ---- */

static const struct shape text = {.kind = SHAPE_STRING}, texts = {.kind = SHAPE_MAP, .elem = &text};
static const struct shape pairs = {.kind = SHAPE_PAIRS, .item = STR_INIT("Tag")};

#define HEADER(ours, theirs)                                                                                 \
    {                                                                                                        \
        .name = STR_INIT(ours), .wire = STR_INIT(theirs), .shape = &text, .location = WIRE_HEADER            \
    }
static const struct shape_member object_members[] = {
    {.name = STR_INIT("bucket"), .wire = STR_INIT("Bucket"), .shape = &text, .location = WIRE_PATH},
    {.name = STR_INIT("key"), .wire = STR_INIT("Key"), .shape = &text, .location = WIRE_PATH},
    HEADER("content_type", "Content-Type"),
    HEADER("content_encoding", "Content-Encoding"),
    HEADER("cache_control", "Cache-Control"),
    HEADER("storage_class", "x-amz-storage-class"),
    HEADER("server_side_encryption", "x-amz-server-side-encryption"),
    HEADER("kms_key", "x-amz-server-side-encryption-aws-kms-key-id"),
    HEADER("tagging", "x-amz-tagging"),
    HEADER("etag", "ETag"),
    HEADER("version_id", "x-amz-version-id"),
    {.name = STR_INIT("metadata"),
        .wire = STR_INIT("x-amz-meta-"),
        .shape = &texts,
        .location = WIRE_HEADER_MAP},
};
#undef HEADER
enum { PATH_MEMBERS = 2 };
static const struct shape object_shape = {.kind = SHAPE_STRUCT,
    .members = object_members,
    .member_count = sizeof object_members / sizeof *object_members};
/* Calls that only name the object. */
static const struct shape name_shape = {
    .kind = SHAPE_STRUCT, .members = object_members, .member_count = PATH_MEMBERS};

#define OPERATION(name_, method_, query_)                                                                    \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_REST_XML, .method = STR_INIT(method_),                     \
        .path = STR_INIT("/{Bucket}/{Key+}"), .query = STR_INIT(query_)                                      \
    }
static const struct wire_operation put_object = OPERATION("PutObject", "PUT", "");
static const struct wire_operation head_object = OPERATION("HeadObject", "HEAD", "");
static const struct wire_operation delete_object = OPERATION("DeleteObject", "DELETE", "");
static const struct wire_operation get_tagging = OPERATION("GetObjectTagging", "GET", "tagging");
#undef OPERATION

/* ---- content ---- */

struct content {
    int fd; /* -1: text */
    struct str text;
    int64_t size;
    struct stat before;
};

static void content_close(struct content *content)
{
    fd_close_ptr(&content->fd);
}
#define AUTO_CONTENT __attribute__((cleanup(content_close)))

static int content_open(struct str dir, const struct value *object, struct content *out, struct err *err)
{
    struct str path = value_text(value_getz(object, "source"), STR_EMPTY);
    *out = (struct content){.fd = -1};
    if (!path.n) {
        out->text = value_text(value_getz(object, "content"), STR_EMPTY);
        out->size = (int64_t)out->text.n;
        return 0;
    }
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *name = arena_strz(&arena, path_join(&arena, dir, path));
    out->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0 || fstat(out->fd, &out->before))
        return err_errno(err, ERR_IO, "source \"%s\"", name);
    if (!S_ISREG(out->before.st_mode))
        return err_set(err, ERR_IO, "source \"%s\" is not a file", name);
    out->size = (int64_t)out->before.st_size;
    return 0;
}

static int content_hash(struct arena *arena, const struct content *content, struct str *out, struct err *err)
{
    if (content->fd < 0) {
        *out = sha256_hex(arena, content->text);
        return 0;
    }
    enum { BLOCK = 256 * 1024 };
    char *block = arena_alloc(arena, BLOCK);
    struct sha256 *sha = sha256_new();
    unsigned char digest[SHA256_SIZE];
    ssize_t n;
    while ((n = read(content->fd, block, BLOCK)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            sha256_update(sha, block, (size_t)n);
    int failed = n < 0 ? err_errno(err, ERR_IO, "reading the source") : 0;
    sha256_final(sha, digest);
    *out = hex_encode(arena, digest, sizeof digest);
    return failed;
}

static bool given(const struct value *object, const char *name)
{
    return !value_is_null(value_getz(object, name));
}

/* Is the content known, so that it can be hashed? */
static bool content_known(const struct value *object)
{
    return (given(object, "source") && value_is_known(value_getz(object, "source"))) ||
           (given(object, "content") && value_is_known(value_getz(object, "content")));
}

static int object_prepare(
    struct op_ctx *ctx, const struct value *desired, const struct value **prepared, struct err *err)
{
    *prepared = desired;
    if (!given(desired, "source") && !given(desired, "content"))
        return err_set(err, ERR_INVALID, "an aws.s3.object needs \"source\" or \"content\"");
    if (given(desired, "sha256") && value_is_known(value_getz(desired, "sha256")))
        return 0; /* hashed a moment ago */
    if (!content_known(desired)) {
        *prepared = value_with(ctx->arena, desired, STR("sha256"), &value_unknown);
        return 0;
    }
    AUTO_CONTENT struct content content;
    struct str hash;
    if (content_open(ctx->dir, desired, &content, err))
        return -1;
    if (content.size > OBJECT_PUT_MAX)
        return err_set(err, ERR_INVALID,
            "source \"%.*s\" has %" PRId64 " bytes; one upload can have 5 GiB at most",
            STR_ARG(value_text(value_getz(desired, "source"), STR_EMPTY)), content.size);
    if (content_hash(ctx->arena, &content, &hash, err))
        return -1;
    *prepared = value_with(ctx->arena, desired, STR("sha256"), value_string(ctx->arena, hash));
    return 0;
}

/* ---- prediction ---- */

static const struct value *place(struct op_ctx *ctx, const struct value *object, const char *prefix)
{
    const struct value *bucket = value_getz(object, "bucket"), *key = value_getz(object, "key");
    if (!value_is_known(bucket) || !value_is_known(key))
        return &value_unknown;
    struct str b = value_text(bucket, STR_EMPTY), k = value_text(key, STR_EMPTY);
    return value_string_ref(
        ctx->arena, arena_printf(ctx->arena, "%s%.*s/%.*s", prefix, STR_ARG(b), STR_ARG(k)));
}

/* What follows from the names alone. */
static const struct value *with_places(struct op_ctx *ctx, const struct value *object)
{
    struct str partition = aws_partition(provider_aws(ctx->provider));
    struct str prefix = arena_printf(ctx->arena, "arn:%.*s:s3:::", STR_ARG(partition));
    struct value_entry entries[] = {
        {STR("url"), place(ctx, object, "s3://")}, {STR("arn"), place(ctx, object, prefix.p)}};
    return value_merge(ctx->arena, object, value_map(ctx->arena, entries, 2));
}

static const struct value *with_content_type(struct op_ctx *ctx, const struct value *object)
{
    const struct value *key = value_getz(object, "key");
    if (given(object, "content_type"))
        return object;
    const struct value *type = value_is_known(key)
                                   ? value_string_ref(ctx->arena, content_type_of(value_text(key, STR_EMPTY)))
                                   : &value_unknown;
    return value_with(ctx->arena, object, STR("content_type"), type);
}

/* Every change is a new upload, so all that the service says is new. */
static int object_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    (void)prior;
    if (object_prepare(ctx, desired, planned, err))
        return -1;
    *planned = with_places(ctx, with_content_type(ctx, *planned));
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
        if (attrs[i].computed && !given(*planned, attrs[i].name.p))
            *planned = value_with(ctx->arena, *planned, attrs[i].name, &value_unknown);
    return 0;
}

/* ---- reading ---- */

/* An object named by its URL alone (an import). */
static const struct value *with_names(struct op_ctx *ctx, const struct value *object)
{
    struct str url = value_text(value_getz(object, "url"), STR_EMPTY), key;
    if (given(object, "key") || !str_starts(url, STR("s3://")))
        return object;
    struct str bucket = str_cut(str_slice(url, 5, url.n), '/', &key);
    struct value_entry entries[] = {
        {STR("bucket"), value_string(ctx->arena, bucket)}, {STR("key"), value_string(ctx->arena, key)}};
    return value_merge(ctx->arena, object, value_map(ctx->arena, entries, 2));
}

static bool wants(const struct value *wanted, const char *name)
{
    for (uint32_t i = 0; wanted && i < wanted->count; i++)
        if (str_eqz(value_text(wanted->items[i], STR_EMPTY), name))
            return true;
    return !wanted;
}

static const struct value *unquoted(struct arena *arena, struct str etag)
{
    if (str_starts(etag, STR("\"")) && str_ends(etag, STR("\"")) && etag.n > 1)
        etag = str_slice(etag, 1, etag.n - 1);
    return etag.n ? value_string(arena, etag) : &value_null;
}

/* Answer headers under our names. */
static const struct value *object_of(
    struct op_ctx *ctx, const struct value *prior, const struct wire_message *response)
{
    struct arena *arena = ctx->arena;
    const struct value *doc = wire_add_headers(arena, &object_shape, response, &value_empty_map);
    const struct value *live = wire_coerce(arena, &object_shape, doc);
    const struct value *metadata = value_getz(live, "metadata");
    const struct value *etag = unquoted(arena, wire_header_get(response, STR("ETag")));
    const struct value *hash = metadata ? value_getz(metadata, HASH_HEADER) : NULL;
    const struct value *before = value_getz(prior, "etag");
    /* The same hash under another entity tag: somebody wrote other content and kept the metadata. */
    if (before && before->kind == VALUE_STRING && !value_equal(before, etag))
        hash = NULL;
    int64_t size = 0;
    str_to_int(wire_header_get(response, STR("Content-Length")), &size);
    struct value_entry entries[] = {{STR("etag"), etag}, {STR("sha256"), hash},
        {STR("size"), value_int(arena, size)},
        {STR("metadata"), metadata ? value_with(arena, metadata, STR(HASH_HEADER), NULL) : &value_empty_map}};
    return value_merge(arena, live, value_map(arena, entries, 4));
}

static int read_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **live, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    const struct value *document;
    if (aws_s3_call(ctx, &get_tagging, &name_shape, object, &call, &response, err) ||
        wire_decode_response(ctx->arena, &get_tagging, &response, &document, err))
        return -1;
    const struct value *set = value_getz(document, "TagSet");
    const struct value *tags = set ? wire_coerce(ctx->arena, &pairs, set) : &value_empty_map;
    *live = value_with(ctx->arena, *live, STR("tags"), tags);
    return 0;
}

static int object_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    struct err failure = ERR_INIT;
    const struct value *object = with_names(ctx, prior);
    *live = NULL;
    if (aws_s3_call(ctx, &head_object, &name_shape, object, &call, &response, &failure)) {
        if (failure.class == ERR_ABSENT)
            return 0;
        *err = failure;
        return -1;
    }
    const struct value *seen = object_of(ctx, prior, &response);
    struct value_entry names[] = {
        {STR("bucket"), value_getz(object, "bucket")}, {STR("key"), value_getz(object, "key")}};
    seen = with_places(ctx, value_merge(ctx->arena, seen, value_map(ctx->arena, names, 2)));
    if (wants(wanted, "tags") && read_tags(ctx, object, &seen, err))
        return -1;
    *live = seen;
    return 0;
}

/* ---- writing ---- */

/* key=value&…, as the header wants it */
static const struct value *tagging_text(struct arena *arena, const struct value *tags)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++) {
        if (out.n)
            buf_add_char(&out, '&');
        url_encode(&out, tags->entries[i].key, false);
        buf_add_char(&out, '=');
        url_encode(&out, value_text(tags->entries[i].value, STR_EMPTY), false);
    }
    return out.n ? value_string(arena, buf_str(&out)) : NULL;
}

static const struct value *put_input(struct op_ctx *ctx, const struct value *desired, struct str hash)
{
    const struct value *metadata = value_with(
        ctx->arena, value_getz(desired, "metadata"), STR(HASH_HEADER), value_string(ctx->arena, hash));
    struct value_entry entries[] = {{STR("metadata"), metadata},
        {STR("tagging"), tagging_text(ctx->arena, value_getz(desired, "tags"))}, {STR("etag"), NULL},
        {STR("version_id"), NULL}};
    return value_merge(ctx->arena, with_content_type(ctx, desired), value_map(ctx->arena, entries, 4));
}

static int same_file(const struct content *content, const struct value *desired, struct err *err)
{
    struct stat after;
    if (content->fd < 0 || (!fstat(content->fd, &after) && after.st_size == content->before.st_size &&
                               after.st_mtim.tv_sec == content->before.st_mtim.tv_sec &&
                               after.st_mtim.tv_nsec == content->before.st_mtim.tv_nsec))
        return 0;
    struct str path = value_text(value_getz(desired, "source"), STR_EMPTY);
    return err_set(err, ERR_IO, "source \"%.*s\" changed while it was uploaded", STR_ARG(path));
}

static int put(struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *prepared;
    AUTO_CONTENT struct content content = {.fd = -1};
    if (object_prepare(ctx, desired, &prepared, err) || content_open(ctx->dir, desired, &content, err))
        return -1;
    struct str hash = value_text(value_getz(prepared, "sha256"), STR_EMPTY);
    struct aws_call call = {.body_fd = content.fd, .payload_hash = hash};
    call.request.body = content.text;
    call.sensitive = value_is_sensitive(prepared);
    if (content.fd >= 0)
        call.body_length = content.size;
    struct wire_message response;
    const struct value *input = put_input(ctx, prepared, hash);
    if (aws_s3_call(ctx, &put_object, &object_shape, input, &call, &response, err))
        return -1;
    const struct value *said = object_of(ctx, NULL, &response);
    const struct value *version = value_getz(said, "version_id"),
                       *sse = value_getz(said, "server_side_encryption"), *key = value_getz(said, "kms_key");
    struct value_entry entries[] = {{STR("etag"), value_getz(said, "etag")}, {STR("version_id"), version},
        {STR("size"), value_int(ctx->arena, content.size)}, {STR("server_side_encryption"), sse},
        {STR("kms_key"), key}};
    prepared = with_places(ctx, with_content_type(ctx, prepared));
    *live = value_merge(ctx->arena, prepared, value_map(ctx->arena, entries, 5));
    return same_file(&content, desired, err);
}

static int object_create(
    struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    *live = NULL;
    return put(ctx, desired, live, err);
}

static int object_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    (void)prior, (void)changed;
    return put(ctx, desired, live, err);
}

static int object_delete(struct op_ctx *ctx, const struct value *prior, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    struct err failure = ERR_INIT;
    if (aws_s3_call(ctx, &delete_object, &name_shape, with_names(ctx, prior), &call, &response, &failure) &&
        failure.class != ERR_ABSENT) {
        *err = failure;
        return -1;
    }
    return 0;
}

static int object_find(
    struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    return object_read(ctx, desired, NULL, live, err);
}

static void object_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    static const struct {
        struct str action;
        enum permission_phase from;
    } needed[] = {{STR_INIT("s3:GetObject"), PERMISSION_PLAN}, {STR_INIT("s3:ListBucket"), PERMISSION_PLAN},
        {STR_INIT("s3:PutObject"), PERMISSION_APPLY}, {STR_INIT("s3:DeleteObject"), PERMISSION_APPLY}};
    (void)schema;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        bool deletes = str_eqz(needed[i].action, "s3:DeleteObject");
        if (needed[i].from == PERMISSION_PLAN || phase == PERMISSION_APPLY ||
            (phase == PERMISSION_DESTROY && deletes))
            value_builder_set(out, needed[i].action, value_string_ref(arena, needed[i].action));
    }
}

static const struct resource_ops ops = {
    .permissions = object_permissions,
    .prepare = object_prepare,
    .predict = object_predict,
    .read = object_read,
    .create = object_create,
    .update = object_update,
    .delete = object_delete,
    .find = object_find,
};

const struct schema aws_s3_object_schema = {
    .name = STR_INIT("aws.s3.object"),
    .doc = STR_INIT("An object in a bucket, from a file or a text."),
    .example = STR_INIT("type: aws.s3.object\nbucket: my-lake\nkey: scripts/clean.py\n"
                        "content: |\n  print(\"clean\")\n"),
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .id = STR_INIT("url"),
    .ops = &ops,
};
