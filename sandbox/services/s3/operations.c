/*
 * S3 operations for tasks and schedules, such as aws-sdk:s3:getObject: each call becomes an HTTP request
 * (s3srv_call()), with SDK member names mapped to path, parameters, headers and XML. Content must be text.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/s3/s3srv.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/shared/tables.h"

enum { MAX_TEXT = 262144 };

/* ---- names ---- */

enum location { HEADER, PARAMETER };

/* Location of each member; the same in all operations. */
static const struct {
    const char *member;
    enum location location;
    const char *name;
} bindings[] = {
    {"ACL", HEADER, "x-amz-acl"},
    {"AcceptRanges", HEADER, "Accept-Ranges"},
    {"BucketRegion", HEADER, "x-amz-bucket-region"},
    {"CacheControl", HEADER, "Cache-Control"},
    {"ChecksumAlgorithm", HEADER, "x-amz-sdk-checksum-algorithm"},
    {"ContentDisposition", HEADER, "Content-Disposition"},
    {"ContentEncoding", HEADER, "Content-Encoding"},
    {"ContentLanguage", HEADER, "Content-Language"},
    {"ContentLength", HEADER, "Content-Length"},
    {"ContentType", HEADER, "Content-Type"},
    {"CopySource", HEADER, "x-amz-copy-source"},
    {"DeleteMarker", HEADER, "x-amz-delete-marker"},
    {"ETag", HEADER, "ETag"},
    {"ExpectedBucketOwner", HEADER, "x-amz-expected-bucket-owner"},
    {"IfMatch", HEADER, "If-Match"},
    {"IfNoneMatch", HEADER, "If-None-Match"},
    {"LastModified", HEADER, "Last-Modified"},
    {"MetadataDirective", HEADER, "x-amz-metadata-directive"},
    {"Range", HEADER, "Range"},
    {"SSEKMSKeyId", HEADER, "x-amz-server-side-encryption-aws-kms-key-id"},
    {"ServerSideEncryption", HEADER, "x-amz-server-side-encryption"},
    {"StorageClass", HEADER, "x-amz-storage-class"},
    {"Tagging", HEADER, "x-amz-tagging"},
    {"TaggingDirective", HEADER, "x-amz-tagging-directive"},
    {"VersionId", HEADER, "x-amz-version-id"}, /* of responses; requests have a parameter */
    {"ContinuationToken", PARAMETER, "continuation-token"},
    {"Delimiter", PARAMETER, "delimiter"},
    {"EncodingType", PARAMETER, "encoding-type"},
    {"FetchOwner", PARAMETER, "fetch-owner"},
    {"Id", PARAMETER, "id"},
    {"KeyMarker", PARAMETER, "key-marker"},
    {"Marker", PARAMETER, "marker"},
    {"MaxBuckets", PARAMETER, "max-buckets"},
    {"MaxKeys", PARAMETER, "max-keys"},
    {"MaxParts", PARAMETER, "max-parts"},
    {"MaxUploads", PARAMETER, "max-uploads"},
    {"PartNumber", PARAMETER, "partNumber"},
    {"PartNumberMarker", PARAMETER, "part-number-marker"},
    {"Prefix", PARAMETER, "prefix"},
    {"StartAfter", PARAMETER, "start-after"},
    {"UploadId", PARAMETER, "uploadId"},
    {"UploadIdMarker", PARAMETER, "upload-id-marker"},
    {"VersionId", PARAMETER, "versionId"},
    {"VersionIdMarker", PARAMETER, "version-id-marker"},
};
enum { BINDINGS = sizeof bindings / sizeof *bindings };

/* Lists: element name of an item, and whether the list has an enclosing element. */
static const struct {
    const char *member, *item;
    bool wrapped;
} lists[] = {
    {"Buckets", "Bucket", true},
    {"TagSet", "Tag", true},
    {"Contents", "Contents", false},
    {"CommonPrefixes", "CommonPrefixes", false},
    {"Versions", "Version", false},
    {"DeleteMarkers", "DeleteMarker", false},
    {"Deleted", "Deleted", false},
    {"Errors", "Error", false},
    {"Objects", "Object", false},
    {"Parts", "Part", false},
    {"Uploads", "Upload", false},
    {"Rules", "Rule", false},
    {"CORSRules", "CORSRule", false},
    {"AllowedMethods", "AllowedMethod", false},
    {"AllowedOrigins", "AllowedOrigin", false},
    {"AllowedHeaders", "AllowedHeader", false},
};
enum { LISTS = sizeof lists / sizeof *lists };

static bool is_number(struct str name)
{
    return str_is_any(name, "Size MaxKeys KeyCount PartNumber MaxParts MaxUploads PartNumberMarker "
                            "NextPartNumberMarker ContentLength Days MaxAgeSeconds");
}

/* ---- requests ---- */

static void write_element(struct buf *out, struct arena *arena, struct str name, const struct value *v)
{
    size_t list = 0;
    while (list < LISTS && !str_eqz(name, lists[list].member))
        list++;
    const char *tag = arena_strz(arena, name);
    bool items = v->kind == VALUE_LIST, wrapped = items && list < LISTS && lists[list].wrapped;
    if (!items || wrapped)
        xml_open(out, tag);
    for (uint32_t i = 0; items && i < v->count; i++)
        write_element(out, arena, list < LISTS ? str_z(lists[list].item) : name, v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        write_element(out, arena, v->entries[i].key, v->entries[i].value);
    if (!items && v->kind != VALUE_MAP)
        wire_xml_escape(out, v->kind == VALUE_STRING ? v->string : json_as_text(arena, v)->string, false);
    if (!items || wrapped)
        xml_close(out, tag);
}

static void put_body(struct arena *arena, struct wire_message *out, struct str name, const struct value *v)
{
    unsigned char sum[MD5_SIZE];
    AUTO_BUF struct buf body = BUF_INIT;
    write_element(&body, arena, str_eqz(name, "MultipartUpload") ? STR("CompleteMultipartUpload") : name, v);
    out->body = arena_str(arena, buf_str(&body));
    hash_md5(out->body, sum);
    wire_header_add(arena, out, STR("Content-MD5"), base64_encode(arena, str_n((const char *)sum, MD5_SIZE)));
}

/* Adds a member as header or parameter. False: it is unknown. */
static bool put_member(
    struct arena *arena, struct wire_message *out, struct buf *query, struct str name, const struct value *v)
{
    struct str text = v->kind == VALUE_STRING ? v->string : json_as_text(arena, v)->string;
    bool version = str_eqz(name, "VersionId");
    for (size_t i = 0; i < BINDINGS; i++) {
        if (!str_eqz(name, bindings[i].member) || (version && bindings[i].location == HEADER))
            continue;
        if (bindings[i].location == HEADER) {
            wire_header_add(arena, out, str_z(bindings[i].name), text);
        } else {
            buf_addf(query, "%s%s=", query->n ? "&" : "", bindings[i].name);
            url_encode(query, text, false);
        }
        return true;
    }
    return false;
}

static void put_metadata(struct arena *arena, struct wire_message *out, const struct value *metadata)
{
    for (uint32_t i = 0; metadata->kind == VALUE_MAP && i < metadata->count; i++)
        wire_header_add(arena, out, arena_printf(arena, "x-amz-meta-%.*s", STR_ARG(metadata->entries[i].key)),
            value_text(metadata->entries[i].value, STR_EMPTY));
}

/* Method, level and parameter of each operation: k is a key, b a bucket, / neither. */
static const struct {
    const char *operation, *http;
} requests[] = {{"ListBuckets", "GET /"}, {"HeadBucket", "HEAD b"}, {"CreateBucket", "PUT b"},
    {"DeleteBucket", "DELETE b"}, {"GetBucketLocation", "GET b?location"},
    {"GetBucketPolicy", "GET b?policy"}, {"PutBucketPolicy", "PUT b?policy"},
    {"DeleteBucketPolicy", "DELETE b?policy"}, {"GetBucketTagging", "GET b?tagging"},
    {"PutBucketTagging", "PUT b?tagging"}, {"DeleteBucketTagging", "DELETE b?tagging"},
    {"GetBucketVersioning", "GET b?versioning"}, {"PutBucketVersioning", "PUT b?versioning"},
    {"ListObjects", "GET b"}, {"ListObjectsV2", "GET b?list-type=2"},
    {"ListObjectVersions", "GET b?versions"}, {"ListMultipartUploads", "GET b?uploads"},
    {"DeleteObjects", "POST b?delete"}, {"GetObject", "GET k"}, {"HeadObject", "HEAD k"},
    {"PutObject", "PUT k"}, {"CopyObject", "PUT k"}, {"DeleteObject", "DELETE k"},
    {"GetObjectTagging", "GET k?tagging"}, {"PutObjectTagging", "PUT k?tagging"},
    {"DeleteObjectTagging", "DELETE k?tagging"}, {"CreateMultipartUpload", "POST k?uploads"},
    {"UploadPart", "PUT k"}, {"ListParts", "GET k"}, {"CompleteMultipartUpload", "POST k"},
    {"AbortMultipartUpload", "DELETE k"}};

/* Sets method, path and parameter. */
static int put_path(
    const struct service_call *call, struct wire_message *out, struct buf *query, struct err *err)
{
    struct str rest, parameter, bucket = STR_EMPTY, key = STR_EMPTY;
    AUTO_BUF struct buf path = BUF_INIT;
    size_t i = 0;
    while (!service_is(call, requests[i].operation))
        i++;
    out->method = str_cut(str_z(requests[i].http), ' ', &rest);
    struct str level = str_cut(rest, '?', &parameter);
    bool has_key = str_eqz(level, "k"), has_bucket = has_key || str_eqz(level, "b");
    if ((has_bucket && service_required(call, "Bucket", &bucket, err)) ||
        (has_key && service_required(call, "Key", &key, err)))
        return -1;
    buf_add_char(&path, '/');
    url_encode(&path, bucket, false);
    if (has_key) {
        buf_add_char(&path, '/');
        url_encode(&path, key, true);
    }
    out->path = arena_str(call->arena, buf_str(&path));
    if (parameter.p)
        buf_add(query, parameter.p, parameter.n);
    return 0;
}

static int request_of(const struct service_call *call, struct wire_message *out, struct err *err)
{
    struct arena *arena = call->arena;
    AUTO_BUF struct buf query = BUF_INIT;
    *out = (struct wire_message){.body = STR_EMPTY};
    if (put_path(call, out, &query, err))
        return -1;
    for (uint32_t i = 0; i < call->input->count; i++) {
        struct str name = call->input->entries[i].key;
        const struct value *v = call->input->entries[i].value;
        bool raw = str_eqz(name, "Body") || str_eqz(name, "Policy");
        if (str_eqz(name, "Bucket") || str_eqz(name, "Key") || v->kind == VALUE_NULL)
            continue;
        if (raw)
            out->body = v->kind == VALUE_STRING ? v->string : json_as_text(arena, v)->string;
        else if (str_eqz(name, "Metadata"))
            put_metadata(arena, out, v);
        else if (v->kind == VALUE_MAP)
            put_body(arena, out, name, v);
        else if (!put_member(arena, out, &query, name, v))
            return service_refuse(err, 400, "InvalidArgument", "the sandbox does not know %.*s of %s",
                STR_ARG(name), call->operation->name);
    }
    out->query = arena_str(arena, buf_str(&query));
    return 0;
}

/* ---- responses ---- */

static const struct value *typed_value(struct arena *arena, struct str name, const struct value *v);

static const struct value *items_of(struct arena *arena, const struct value *v, size_t list)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (lists[list].wrapped)
        v = value_getz(v, lists[list].item);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&b, typed_value(arena, STR_EMPTY, v->items[i]));
    if (v && v->kind != VALUE_LIST)
        value_builder_add(&b, typed_value(arena, STR_EMPTY, v));
    return value_builder_list(&b);
}

static const struct value *typed_map(struct arena *arena, const struct value *map)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        struct str name = map->entries[i].key;
        const struct value *v = map->entries[i].value;
        size_t list = 0;
        while (list < LISTS && !str_eqz(name, lists[list].wrapped ? lists[list].member : lists[list].item))
            list++;
        /* AWS's SDK for tasks has Id for the ID of an owner or rule */
        if (str_eqz(name, "ID"))
            name = STR("Id");
        value_builder_set(&b, list < LISTS ? str_z(lists[list].member) : name,
            list < LISTS ? items_of(arena, v, list) : typed_value(arena, name, v));
    }
    return value_builder_map(&b);
}

static const struct value *typed_value(struct arena *arena, struct str name, const struct value *v)
{
    int64_t n;
    if (v->kind == VALUE_MAP)
        return typed_map(arena, v);
    if (v->kind != VALUE_STRING)
        return v;
    if (is_number(name) && str_to_int(v->string, &n))
        return value_int(arena, n);
    if (str_is_any(name, "IsTruncated IsLatest DeleteMarker"))
        return value_bool(str_eqz(v->string, "true"));
    bool time = str_is_any(name, "LastModified CreationDate Initiated") && v->string.n == 24;
    return time ? value_string(arena, arena_printf(arena, "%.*sZ", 19, v->string.p)) : v;
}

static const struct value *with_headers(
    struct arena *arena, const struct value *output, const struct wire_message *answer)
{
    for (size_t i = 0; i < BINDINGS; i++) {
        struct str text =
            bindings[i].location == HEADER ? wire_header_get(answer, str_z(bindings[i].name)) : STR_EMPTY;
        struct str name = str_z(bindings[i].member);
        bool xml = str_eqz(name, "ContentType") && str_eqz(text, "application/xml");
        int64_t ms;
        if (!text.n || xml || value_get(output, name))
            continue;
        if (str_eqz(name, "LastModified") && time_parse_http(text, &ms))
            text = time_rfc3339(arena, ms, false);
        output = value_with(arena, output, name, typed_value(arena, name, value_string(arena, text)));
    }
    AUTO_BUILDER struct value_builder metadata = VALUE_BUILDER(arena);
    for (size_t i = 0; i < answer->header_count; i++)
        if (str_starts(answer->headers[i].name, STR("x-amz-meta-")))
            value_builder_set(&metadata, str_slice(answer->headers[i].name, 11, answer->headers[i].name.n),
                value_string(arena, answer->headers[i].value));
    return metadata.n ? value_with(arena, output, STR("Metadata"), value_builder_map(&metadata)) : output;
}

static int answer_of(struct service_call *call, const struct wire_message *answer, struct err *err)
{
    struct arena *arena = call->arena;
    struct str root, body = answer->body;
    const struct value *doc, *output = &value_empty_map;
    const char *name = call->operation->name;
    bool object = !strcmp(name, "GetObject"), policy = !strcmp(name, "GetBucketPolicy");
    if ((object || policy) && !str_is_utf8(body))
        return err_set(err, ERR_INVALID, "what %s gives is not a text", name);
    if (object)
        output = value_with(arena, output, STR("ContentLength"), value_int(arena, (int64_t)body.n));
    if (object || policy)
        output = value_with(arena, output, policy ? STR("Policy") : STR("Body"), value_string(arena, body));
    else if (body.n && !wire_xml_read(arena, body, &root, &doc, err)) {
        output = doc->kind == VALUE_MAP ? typed_map(arena, doc) : output;
        if (!strcmp(name, "CopyObject"))
            output = value_with(arena, NULL, STR("CopyObjectResult"), output);
    }
    call->output = with_headers(arena, output, answer);
    return 0;
}

static int do_s3(struct service_call *call, struct err *err)
{
    const struct wire_operation wire = {.name = str_z(call->operation->name), .protocol = WIRE_REST_XML};
    const struct s3srv_caller caller = {.session = call->caller, .region = call->region};
    struct wire_message request, answer;
    struct err refused = ERR_INIT;
    if (request_of(call, &request, err))
        return -1;
    wire_header_add(call->arena, &request, STR("X-Amzn-Trace-Id"), call->trace);
    if (s3srv_call(services_sandbox(call->services), call->arena, &caller, &request, MAX_TEXT, &answer, err))
        return -1;
    if (!wire_is_error(&answer))
        return answer_of(call, &answer, err);
    wire_decode_error(&wire, &answer, &refused);
    const char *message = refused.message;
    size_t n = strlen(refused.code);
    if (!strncmp(message, refused.code, n) && !strncmp(message + n, ": ", 2))
        message += n + 2;
    return service_refuse(
        err, refused.http_status, arena_strz(call->arena, str_z(refused.code)), "%s", message);
}

/* ---- operations ---- */

const struct service_operation s3_operations[] = {
    {"s3", "ListBuckets", do_s3},
    {"s3", "HeadBucket", do_s3},
    {"s3", "CreateBucket", do_s3},
    {"s3", "DeleteBucket", do_s3},
    {"s3", "GetBucketLocation", do_s3},
    {"s3", "GetBucketPolicy", do_s3},
    {"s3", "PutBucketPolicy", do_s3},
    {"s3", "DeleteBucketPolicy", do_s3},
    {"s3", "GetBucketTagging", do_s3},
    {"s3", "PutBucketTagging", do_s3},
    {"s3", "DeleteBucketTagging", do_s3},
    {"s3", "GetBucketVersioning", do_s3},
    {"s3", "PutBucketVersioning", do_s3},
    {"s3", "ListObjects", do_s3},
    {"s3", "ListObjectsV2", do_s3},
    {"s3", "ListObjectVersions", do_s3},
    {"s3", "ListMultipartUploads", do_s3},
    {"s3", "DeleteObjects", do_s3},
    {"s3", "GetObject", do_s3},
    {"s3", "HeadObject", do_s3},
    {"s3", "PutObject", do_s3},
    {"s3", "CopyObject", do_s3},
    {"s3", "DeleteObject", do_s3},
    {"s3", "GetObjectTagging", do_s3},
    {"s3", "PutObjectTagging", do_s3},
    {"s3", "DeleteObjectTagging", do_s3},
    {"s3", "CreateMultipartUpload", do_s3},
    {"s3", "UploadPart", do_s3},
    {"s3", "ListParts", do_s3},
    {"s3", "CompleteMultipartUpload", do_s3},
    {"s3", "AbortMultipartUpload", do_s3},
    {0},
};
