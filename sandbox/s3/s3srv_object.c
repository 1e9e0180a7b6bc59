/* Reading objects: get, head, ranges, conditions, tags, attributes. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/s3/s3srv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

/* ---- conditions ---- */

struct str s3srv_unquoted(struct str etag)
{
    etag = str_trim(etag);
    if (str_starts(etag, STR("W/")))
        etag = str_slice(etag, 2, etag.n);
    return etag.n >= 2 && etag.p[0] == '"' && etag.p[etag.n - 1] == '"' ? str_slice(etag, 1, etag.n - 1)
                                                                        : etag;
}

static bool names_etag(struct str list, struct str etag)
{
    while (list.n) {
        struct str one = s3srv_unquoted(str_cut(list, ',', &list));
        if (str_eqz(one, "*") || str_eq(one, etag))
            return true;
    }
    return false;
}

void s3srv_write_condition(struct s3 *s, struct s3srv_condition *out)
{
    *out = (struct s3srv_condition){s3srv_header(s, "If-Match"), s3srv_header(s, "If-None-Match"), 0, NULL};
}

bool s3srv_conditions_fit(struct s3 *s)
{
    struct s3srv_condition asked;
    s3srv_write_condition(s, &asked);
    if (asked.if_match.n && asked.if_none_match.n)
        s3srv_no_header(
            s, "If-Match,If-None-Match", "Multiple conditional request headers present in the request");
    else if (asked.if_none_match.n && !str_eqz(asked.if_none_match, "*"))
        s3srv_no_header(
            s, "If-None-Match", "We don't accept the provided value of If-None-Match header for this API");
    else if (str_eqz(asked.if_match, "*"))
        s3srv_no_header(s, "If-Match", "We don't accept the provided value of If-Match header for this API");
    else
        return true;
    return false;
}

bool s3srv_check_write(void *ctx, const struct object *current)
{
    static const struct fault failed = {412, "PreconditionFailed",
                                  "At least one of the pre-conditions you specified did not hold"},
                              absent = {404, "NoSuchKey", "The specified key does not exist."},
                              conflict = {409, "ConditionalRequestConflict",
                                  "The conditional request cannot succeed due to a conflicting operation "
                                  "against this resource."};
    struct s3srv_condition *condition = ctx;
    if (condition->if_none_match.n && current && names_etag(condition->if_none_match, current->etag))
        condition->fault = &failed;
    else if (condition->if_match.n && !current)
        condition->fault = &absent;
    else if (condition->if_match.n && !names_etag(condition->if_match, current->etag))
        condition->fault = &failed;
    else if (condition->if_match.n && condition->begun_ms && current->modified_ms > condition->begun_ms)
        condition->fault = &conflict;
    return !condition->fault;
}

static struct str read_header(struct s3 *s, const char *prefix, const char *name)
{
    return s3srv_header(s, arena_printf(s->arena, "%s%s", prefix, name).p);
}

int s3srv_check_read(struct s3 *s, const char *prefix, const struct object *object, const char **failed)
{
    struct str match = read_header(s, prefix, "If-Match"), none = read_header(s, prefix, "If-None-Match");
    struct str since = read_header(s, prefix, "If-Modified-Since");
    struct str unchanged = read_header(s, prefix, "If-Unmodified-Since");
    int64_t when, modified = object->modified_ms / 1000 * 1000;
    *failed = match.n ? "If-Match" : "If-Unmodified-Since";
    if (match.n ? !names_etag(match, object->etag)
                : unchanged.n && time_parse_http(unchanged, &when) && modified > when)
        return 412;
    *failed = none.n ? "If-None-Match" : "If-Modified-Since";
    bool unmodified = since.n && time_parse_http(since, &when) && modified <= when && when <= clock_wall_ms();
    if (none.n ? names_etag(none, object->etag) : unmodified)
        return *prefix ? 412 : 304;
    return 0;
}

/* ---- headers ---- */

void s3srv_encryption_headers(struct s3 *s, const struct value *doc)
{
    const struct value *headers = value_getz(doc, "headers");
    struct str how = value_text(value_getz(headers, S3SRV_SSE), STR("AES256"));
    struct str key = value_gets(headers, S3SRV_SSE_KEY);
    reply_header(s->x, S3SRV_SSE, how);
    if (key.n)
        reply_header(s->x, S3SRV_SSE_KEY, key);
    if (value_gets(headers, S3SRV_SSE_BUCKET_KEY).n)
        reply_header(s->x, S3SRV_SSE_BUCKET_KEY, STR("true"));
}

static void s3srv_stored_headers(struct s3 *s, const struct object *object)
{
    const struct value *headers = value_getz(object->doc, "headers"), *meta = value_getz(object->doc, "meta");
    for (uint32_t i = 0; headers && i < headers->count; i++)
        if (!str_starts(headers->entries[i].key, STR(S3SRV_SSE)))
            reply_header(s->x, headers->entries[i].key.p, value_text(headers->entries[i].value, STR_EMPTY));
    s3srv_encryption_headers(s, object->doc);
    for (uint32_t i = 0; meta && i < meta->count; i++) {
        struct str name = arena_printf(s->arena, "x-amz-meta-%.*s", STR_ARG(meta->entries[i].key));
        reply_header(s->x, name.p, value_text(meta->entries[i].value, STR_EMPTY));
    }
    struct str storage = value_gets(object->doc, "storage");
    if (storage.n)
        reply_header(s->x, "x-amz-storage-class", storage);
}

void s3srv_version_header(struct s3 *s, const struct object *object)
{
    if (s3srv_versioning(s, s->bucket) != VERSIONING_OFF && object->version.n)
        reply_header(s->x, "x-amz-version-id", object->version);
}

void s3srv_new_version_header(struct s3 *s, const struct object *object)
{
    if (!str_eqz(object->version, "null"))
        s3srv_version_header(s, object);
}

bool s3srv_sum_headers(struct s3 *s, const struct value *doc)
{
    const struct value *sums = value_getz(doc, "sums");
    for (uint32_t i = 0; sums && i < sums->count; i++)
        reply_header(s->x, checksum_header(s->arena, checksum_find(sums->entries[i].key)).p,
            sums->entries[i].value->string);
    return sums && sums->count;
}

void s3srv_checksum_headers(struct s3 *s, const struct value *doc)
{
    if (s3srv_sum_headers(s, doc))
        reply_header(
            s->x, "x-amz-checksum-type", value_text(value_getz(doc, "sums_type"), STR("FULL_OBJECT")));
}

/* Applies parameters such as response-content-type, which override stored headers. */
static void override_headers(struct s3 *s)
{
    static const struct {
        const char *parameter, *header;
    } overrides[] = {{"response-content-type", "Content-Type"}, {"response-cache-control", "Cache-Control"},
        {"response-content-disposition", "Content-Disposition"},
        {"response-content-encoding", "Content-Encoding"}, {"response-content-language", "Content-Language"},
        {"response-expires", "Expires"}};
    struct wire_message *reply = &s->x->reply;
    for (size_t i = 0; i < sizeof overrides / sizeof overrides[0]; i++) {
        struct str value;
        if (!s3srv_parameter(s, overrides[i].parameter, &value))
            continue;
        size_t kept = 0;
        for (size_t j = 0; j < reply->header_count; j++)
            if (!str_ieq(reply->headers[j].name, str_z(overrides[i].header)))
                reply->headers[kept++] = reply->headers[j];
        reply->header_count = kept;
        reply_header(s->x, overrides[i].header, value);
    }
}

/* ---- ranges ---- */

struct range {
    int64_t first, n;
    bool partial;
    const struct value *part; /* metadata of the part selected by partNumber=N; NULL: none */
};

/* Parses a Range header. False: not satisfiable. An unsupported form selects the whole object. */
static bool parse_range(struct str text, int64_t size, struct range *out)
{
    *out = (struct range){0, size, false, NULL};
    if (!str_starts(text, STR("bytes=")) || str_find_char(text, ',', 0) >= 0)
        return true;
    struct str last, first = str_trim(str_cut(str_slice(text, 6, text.n), '-', &last));
    int64_t from, to = size - 1;
    if (!last.p)
        return true;
    last = str_trim(last);
    if (!first.n) { /* suffix range: the last `to` bytes */
        if (!str_to_int(last, &to) || to < 0)
            return true;
        from = to < size ? size - to : 0;
        to = size - 1;
    } else if (!str_to_int(first, &from) || from < 0 || (last.n && (!str_to_int(last, &to) || to < from))) {
        return true;
    }
    if (from >= size)
        return false;
    to = to < size ? to : size - 1;
    *out = (struct range){from, to - from + 1, true, NULL};
    return true;
}

/* Applies partNumber=N; false: responded. */
static bool part_range(struct s3 *s, const struct object *object, struct range *out)
{
    struct str text;
    int64_t number, start = 0;
    const struct value *parts = value_getz(object->doc, "parts");
    if (!s3srv_parameter(s, "partNumber", &text))
        return true;
    if (s3srv_header(s, "Range").n) {
        s3srv_error(
            s, 400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter");
        return false;
    }
    uint32_t n = parts ? parts->count : 1;
    if (!str_to_int(text, &number) || number < 1 || number > n) {
        s3srv_detail(s, "PartNumberRequested", text);
        s3srv_detail(s, "ActualPartCount", arena_printf(s->arena, "%u", n));
        s3srv_error(s, 416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
        return false;
    }
    for (uint32_t i = 0; parts && i + 1 < (uint32_t)number; i++)
        start += value_getz(parts->items[i], "size")->integer;
    const struct value *part = parts ? parts->items[number - 1] : NULL;
    *out = (struct range){start, value_geti(part, "size", object->size), true, part};
    if (parts)
        reply_header(s->x, "x-amz-mp-parts-count", arena_printf(s->arena, "%u", n));
    return true;
}

static void write_range_error(struct s3 *s, const struct object *object)
{
    s3srv_detail(s, "RangeRequested", s3srv_header(s, "Range"));
    s3srv_detail(s, "ActualObjectSize", arena_printf(s->arena, "%lld", (long long)object->size));
    s3srv_error(s, 416, "InvalidRange", "The requested range is not satisfiable");
    reply_header(s->x, "Content-Range", arena_printf(s->arena, "bytes */%lld", (long long)object->size));
}

/* ---- get and head ---- */

static ssize_t read_content(void *ctx, uint64_t position, char *out, size_t n)
{
    ssize_t got = content_read(ctx, position, out, n);
    return got > 0 ? got : -2; /* MHD_CONTENT_READER_END_WITH_ERROR */
}

/* A range of an object with parts. */
struct window {
    struct content *content;
    uint64_t first;
};

static ssize_t read_window(void *ctx, uint64_t position, char *out, size_t n)
{
    struct window *window = ctx;
    return read_content(window->content, window->first + position, out, n);
}

static void free_window(void *ctx)
{
    struct window *window = ctx;
    content_close(window->content);
    free(window);
}

static void set_body(struct s3 *s, struct object *object, const struct range *range)
{
    struct exchange *x = s->x;
    x->reply_length = range->n;
    if (!value_getz(object->doc, "parts")) {
        x->reply_fd = object->fd;
        x->reply_offset = range->first;
        object->fd = -1;
        return;
    }
    struct window *window = mem_alloc(sizeof *window);
    *window = (struct window){content_open(s->store, s->bucket, object, object->fd), (uint64_t)range->first};
    object->fd = -1;
    x->reader = read_window;
    x->reader_ctx = window;
    x->reader_free = free_window;
}

/*
 * Opens the code of a Lambda function at the address that Lambda returns (services/lambda/code.c): the key
 * ends with the hash. False: not found.
 */
static bool open_function_code(struct s3 *s, struct object *out)
{
    enum { HASH = 64 };
    struct str hash = s->key.n > HASH ? str_slice(s->key, s->key.n - HASH, s->key.n) : STR_EMPTY, raw;
    struct stat found;
    if (!str_starts(s->bucket, STR("awslambda-")) || !str_ends(s->bucket, STR("-tasks")) || !hash.n ||
        !hex_decode(s->arena, hash, &raw))
        return false;
    struct str path =
        arena_printf(s->arena, "%s/jobs/code/%.*s.zip", sandbox_dir(s->x->sandbox), STR_ARG(hash));
    *out = (struct object){.doc = &value_empty_map, .etag = str_slice(hash, 0, 32), .version = STR_EMPTY};
    out->fd = open(path.p, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0 || fstat(out->fd, &found))
        return false;
    out->size = found.st_size;
    out->modified_ms = (int64_t)found.st_mtime * 1000;
    return true;
}

/* Opens the requested object or version; false: responded. */
static bool open_object(struct s3 *s, bool keep_fd, struct object *out)
{
    struct str version = s3srv_parameter_text(s, "versionId");
    enum store_result result =
        store_object_read(s->arena, s->store, s->bucket, s->key, version, keep_fd, out);
    if (result == STORE_NO_BUCKET && keep_fd && open_function_code(s, out))
        return true;
    if (result != STORE_OK) {
        s3srv_store_error(s, result, NULL);
        return false;
    }
    if (!out->deleted)
        return true;
    fd_close_ptr(&out->fd);
    if (version.n || str_eqz(str_z(s->op->parameter), "tagging") || s->op->run == s3srv_put_object_acl) {
        s3srv_no_method(s, "DeleteMarker");
        reply_header(s->x, "Allow", STR("DELETE"));
    } else {
        s3srv_store_error(s, STORE_NO_KEY, NULL);
    }
    reply_header(s->x, "x-amz-delete-marker", STR("true"));
    reply_header(s->x, "x-amz-version-id", out->version);
    return false;
}

static void s3srv_object_describe(struct s3 *s, const struct object *object)
{
    s3srv_object_header_etag(s, object->etag);
    reply_header(s->x, "Last-Modified", time_http(s->arena, object->modified_ms));
    reply_header(s->x, "Accept-Ranges", STR("bytes"));
    s3srv_version_header(s, object);
    s3srv_stored_headers(s, object);
    uint32_t tags = store_tags(s->arena, s->store, s->bucket, s->key, object)->count;
    if (tags)
        reply_header(s->x, "x-amz-tagging-count", arena_printf(s->arena, "%u", tags));
}

/* True if the object must be restored from Glacier before it can be read. */
static bool is_archived(const struct s3 *s, const struct object *object)
{
    struct str storage = value_gets(object->doc, "storage");
    return !str_eqz(s->x->request.method, "HEAD") &&
           (str_eqz(storage, "GLACIER") || str_eqz(storage, "DEEP_ARCHIVE"));
}

static void answer_object(struct s3 *s, struct object *object)
{
    struct range range = {0, object->size, false, NULL};
    if (!str_eqz(s->x->request.method, "HEAD") &&
        !s3srv_may_decrypt(s, s->bucket, s->key, value_getz(object->doc, "headers")))
        return;
    if (is_archived(s, object)) {
        s3srv_detail(s, "StorageClass", value_gets(object->doc, "storage"));
        s3srv_error(
            s, 403, "InvalidObjectState", "The operation is not valid for the object's storage class");
        return;
    }
    const char *failed;
    int status = s3srv_check_read(s, "", object, &failed);
    if (status == 412) {
        s3srv_precondition_failed(s, str_z(failed));
        return;
    }
    if (!status && !parse_range(s3srv_header(s, "Range"), object->size, &range)) {
        write_range_error(s, object);
        return;
    }
    if (!status && !part_range(s, object, &range))
        return;
    s3srv_object_describe(s, object);
    if (status) {
        reply_status(s->x, status);
        return;
    }
    bool sums = str_ieq(s3srv_header(s, "x-amz-checksum-mode"), STR("ENABLED"));
    if (sums && range.part)
        s3srv_checksum_headers(
            s, value_with(s->arena, object->doc, STR("sums"), value_getz(range.part, "sums")));
    else if (sums && range.n == object->size)
        s3srv_checksum_headers(s, object->doc);
    override_headers(s);
    if (range.partial)
        reply_header(s->x, "Content-Range",
            arena_printf(s->arena, "bytes %lld-%lld/%lld", (long long)range.first,
                (long long)(range.first + range.n - 1), (long long)object->size));
    if (range.n)
        set_body(s, object, &range);
    reply_status(s->x, range.partial ? 206 : 200);
}

void s3srv_get_object(struct s3 *s)
{
    struct object object;
    if (!open_object(s, true, &object))
        return;
    answer_object(s, &object);
    fd_close_ptr(&object.fd);
}

void s3srv_head_object(struct s3 *s)
{
    s3srv_get_object(s); /* the server omits the body */
}

void s3srv_get_object_acl(struct s3 *s)
{
    struct object object;
    if (!open_object(s, false, &object))
        return;
    s->setting = STR("acl");
    s3srv_get_setting(s);
}

void s3srv_put_object_acl(struct s3 *s)
{
    struct object object;
    if (open_object(s, false, &object) && s3srv_check_acl(s))
        reply_status(s->x, 200);
}

static int64_t number_header(struct s3 *s, const char *name, int64_t fallback)
{
    int64_t n;
    return str_to_int(s3srv_header(s, name), &n) && n >= 0 ? n : fallback;
}

/* Lists the parts in pages if they have checksums. */
static void add_object_parts(struct s3 *s, struct buf *out, const struct value *parts)
{
    enum { MOST = 1000 };
    int64_t marker = number_header(s, "x-amz-part-number-marker", 0),
            asked = number_header(s, "x-amz-max-parts", MOST), most = asked < MOST ? asked : MOST, last = 0,
            n = 0;
    bool truncated = false;
    xml_open(out, "ObjectParts");
    xml_int(out, "PartsCount", parts->count);
    for (uint32_t i = 0; i < parts->count && !truncated; i++) {
        const struct value *part = parts->items[i], *sums = value_getz(part, "sums");
        int64_t number = value_geti(part, "number", 0);
        if (number <= marker || !sums)
            continue;
        if ((truncated = n == most))
            break;
        n++;
        last = number;
        xml_open(out, "Part");
        for (uint32_t k = 0; k < sums->count; k++)
            xml_leaf(out, arena_printf(s->arena, "Checksum%.*s", STR_ARG(sums->entries[k].key)).p,
                value_text(sums->entries[k].value, STR_EMPTY));
        xml_int(out, "PartNumber", number);
        xml_int(out, "Size", value_geti(part, "size", 0));
        xml_close(out, "Part");
    }
    if (parts->count && value_getz(parts->items[0], "sums")) {
        xml_int(out, "PartNumberMarker", marker);
        xml_int(out, "NextPartNumberMarker", last);
        xml_int(out, "MaxParts", most);
        xml_bool(out, "IsTruncated", truncated);
    }
    xml_close(out, "ObjectParts");
}

void s3srv_attributes(struct s3 *s)
{
    struct object object;
    AUTO_BUF struct buf out = BUF_INIT;
    if (!open_object(s, false, &object))
        return;
    reply_header(s->x, "Last-Modified", time_http(s->arena, object.modified_ms));
    s3srv_version_header(s, &object);
    struct str wanted = s3srv_header(s, "x-amz-object-attributes");
    const struct value *parts = value_getz(object.doc, "parts"), *sums = value_getz(object.doc, "sums");
    xml_begin(&out, "GetObjectAttributesResponse");
    while (wanted.n) {
        struct str name = str_trim(str_cut(wanted, ',', &wanted));
        if (str_eqz(name, "ETag"))
            xml_leaf(&out, "ETag", object.etag);
        if (str_eqz(name, "ObjectSize"))
            xml_int(&out, "ObjectSize", object.size);
        if (str_eqz(name, "StorageClass"))
            xml_leaf(&out, "StorageClass", value_text(value_getz(object.doc, "storage"), STR("STANDARD")));
        if (str_eqz(name, "Checksum") && sums && sums->count) {
            xml_open(&out, "Checksum");
            xml_checksum(s, &out, object.doc);
            xml_close(&out, "Checksum");
        }
        if (str_eqz(name, "ObjectParts") && parts)
            add_object_parts(s, &out, parts);
    }
    xml_end(s, &out, "GetObjectAttributesResponse");
}

/* ---- tags ---- */

void s3srv_get_object_tagging(struct s3 *s)
{
    struct object object;
    AUTO_BUF struct buf out = BUF_INIT;
    if (!open_object(s, false, &object))
        return;
    s3srv_version_header(s, &object);
    xml_begin(&out, "Tagging");
    xml_tags(&out, store_tags(s->arena, s->store, s->bucket, s->key, &object));
    xml_end(s, &out, "Tagging");
}

static void put_tags(struct s3 *s, const struct value *tags, int status)
{
    struct object object;
    if (!tags || !open_object(s, false, &object))
        return;
    enum store_result result = store_tags_put(s->store, s->bucket, s->key, &object, tags);
    if (result != STORE_OK) {
        s3srv_store_error(s, result, NULL);
        return;
    }
    s3srv_version_header(s, &object);
    reply_status(s->x, status);
}

void s3srv_put_object_tagging(struct s3 *s)
{
    const struct value *doc = s3srv_body(s, "Tagging");
    put_tags(s, doc ? s3srv_parse_tags(s, value_getz(doc, "TagSet")) : NULL, 200);
}

void s3srv_delete_object_tagging(struct s3 *s)
{
    put_tags(s, &value_empty_map, 204);
}
