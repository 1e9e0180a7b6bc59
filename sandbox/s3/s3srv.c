/* S3: XML, error responses, and selection of the operation: see s3srv.h. */
#include "sandbox/s3/s3srv.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/http/server.h"

#include <errno.h>
#include <stdlib.h>

#define XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"

/* ---- XML ---- */

void xml_open(struct buf *out, const char *name)
{
    buf_addf(out, "<%s>", name);
}

void xml_close(struct buf *out, const char *name)
{
    buf_addf(out, "</%s>", name);
}

void xml_leaf(struct buf *out, const char *name, struct str text)
{
    xml_open(out, name);
    wire_xml_escape(out, text, false);
    xml_close(out, name);
}

void xml_int(struct buf *out, const char *name, int64_t number)
{
    buf_addf(out, "<%s>%lld</%s>", name, (long long)number, name);
}

void xml_bool(struct buf *out, const char *name, bool yes)
{
    xml_leaf(out, name, yes ? STR("true") : STR("false"));
}

void xml_time(struct buf *out, const char *name, int64_t wall_ms)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    xml_leaf(out, name, time_rfc3339(&scratch, wall_ms, true));
}

void xml_etag(struct buf *out, struct str etag)
{
    buf_addf(out, "<ETag>&quot;%.*s&quot;</ETag>", STR_ARG(etag));
}

void xml_owner(struct buf *out)
{
    xml_open(out, "Owner");
    xml_leaf(out, "ID", STR(S3SRV_OWNER));
    xml_close(out, "Owner");
}

void xml_checksum(struct s3 *s, struct buf *out, const struct value *doc)
{
    const struct value *sums = value_getz(doc, "sums");
    for (uint32_t i = 0; sums && i < sums->count; i++) {
        struct str name = arena_printf(s->arena, "Checksum%.*s", STR_ARG(sums->entries[i].key));
        xml_leaf(out, name.p, sums->entries[i].value->string);
    }
    if (sums && sums->count)
        xml_leaf(out, "ChecksumType", value_text(value_getz(doc, "sums_type"), STR("FULL_OBJECT")));
}

void xml_checksum_kind(struct buf *out, const struct value *doc)
{
    const struct value *sums = value_getz(doc, "sums");
    if (!sums || !sums->count)
        return;
    xml_leaf(out, "ChecksumAlgorithm", sums->entries[0].key);
    xml_leaf(out, "ChecksumType", value_text(value_getz(doc, "sums_type"), STR("FULL_OBJECT")));
}

void xml_tags(struct buf *out, const struct value *tags)
{
    xml_open(out, "TagSet");
    for (uint32_t i = 0; i < tags->count; i++) {
        xml_open(out, "Tag");
        xml_leaf(out, "Key", tags->entries[i].key);
        xml_leaf(out, "Value", value_text(tags->entries[i].value, STR_EMPTY));
        xml_close(out, "Tag");
    }
    xml_close(out, "TagSet");
}

void xml_begin(struct buf *out, const char *root)
{
    buf_addf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s xmlns=\"" XMLNS "\">", root);
}

void xml_end(struct s3 *s, struct buf *out, const char *root)
{
    xml_close(out, root);
    reply_text(s->x, 200, "application/xml", buf_str(out));
}

/* ---- error responses ---- */

/* Adds the ids by which AWS's support finds a request. */
static struct str add_ids(struct exchange *x)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(str_z(x->request_id), digest);
    struct str host_id = base64_encode(&x->arena, str_n((const char *)digest, sizeof digest));
    reply_header(x, "x-amz-request-id", str_z(x->request_id));
    reply_header(x, "x-amz-id-2", host_id);
    return host_id;
}

static void write_error(struct exchange *x, int status, const char *code, const char *message)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    xml_leaf(&out, "Code", str_z(code));
    xml_leaf(&out, "Message", str_z(message));
    const struct s3 *s = x->state;
    for (size_t i = 0; s && i < s->detail_count; i++)
        xml_leaf(&out, s->details[i][0].p, s->details[i][1]);
    xml_leaf(&out, "RequestId", str_z(x->request_id));
    x->reply.header_count = 0;
    xml_leaf(&out, "HostId", add_ids(x));
    buf_addz(&out, "</Error>");
    reply_text(x, status, "application/xml", buf_str(&out));
}

void s3srv_detail(struct s3 *s, const char *name, struct str value)
{
    if (s->detail_count < sizeof s->details / sizeof *s->details) {
        s->details[s->detail_count][0] = str_z(name);
        s->details[s->detail_count++][1] = value;
    }
}

void s3srv_argument(struct s3 *s, const char *name, struct str value, const char *message)
{
    s3srv_detail(s, "ArgumentName", str_z(name));
    s3srv_detail(s, "ArgumentValue", value);
    s3srv_error(s, 400, "InvalidArgument", message);
}

void s3srv_error(struct s3 *s, int status, const char *code, const char *message)
{
    write_error(s->x, status, code, message);
}

void s3srv_no_method(struct s3 *s, const char *on)
{
    s3srv_detail(s, "Method", s->x->request.method);
    s3srv_detail(s, "ResourceType", str_z(on));
    s3srv_error(s, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
}

void s3srv_precondition_failed(struct s3 *s, struct str condition)
{
    s3srv_detail(s, "Condition", condition);
    s3srv_error(
        s, 412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
}

void s3srv_no_header(struct s3 *s, const char *header, const char *more)
{
    s3srv_detail(s, "Header", str_z(header));
    if (more)
        s3srv_detail(s, "additionalMessage", str_z(more));
    s3srv_error(
        s, 501, "NotImplemented", "A header you provided implies functionality that is not implemented");
}

void s3srv_fault(struct s3 *s, const struct fault *fault)
{
    s3srv_error(s, fault->status, fault->code, fault->message);
}

/* True for 32 hexadecimal digits or "null"; S3 rejects other ids as invalid. */
bool s3srv_is_version_id(struct str text)
{
    return (text.n == 32 && str_is_made_of(text, CHARS_HEX)) || str_eqz(text, "null");
}

static void no_such_version(struct s3 *s)
{
    struct str version = s3srv_parameter_text(s, "versionId");
    if (version.n && !s3srv_is_version_id(version)) {
        s3srv_argument(s, "versionId", version, "Invalid version id specified");
        return;
    }
    s3srv_detail(s, "Key", s->key);
    s3srv_detail(s, "VersionId", version);
    s3srv_error(s, 404, "NoSuchVersion", "The specified version does not exist.");
}

static void condition_failed(struct s3 *s, const struct s3srv_condition *condition)
{
    int status = condition->fault->status;
    if (status != 404)
        s3srv_detail(s, "Condition", condition->if_none_match.n ? STR("If-None-Match") : STR("If-Match"));
    if (status != 412)
        s3srv_detail(s, "Key", s->key);
    s3srv_fault(s, condition->fault);
}

void s3srv_store_error(struct s3 *s, enum store_result result, const struct s3srv_condition *refused)
{
    switch (result) {
    case STORE_NO_BUCKET:
        s3srv_detail(s, "BucketName", s->bucket);
        s3srv_error(s, 404, "NoSuchBucket", "The specified bucket does not exist");
        break;
    case STORE_NO_KEY:
        /* GetObjectTagging includes the bucket */
        s3srv_detail(s, "Key",
            s->op->run == s3srv_get_object_tagging
                ? arena_printf(s->arena, "%.*s/%.*s", STR_ARG(s->bucket), STR_ARG(s->key))
                : s->key);
        s3srv_error(s, 404, "NoSuchKey", "The specified key does not exist.");
        break;
    case STORE_NO_VERSION: no_such_version(s); break;
    case STORE_NOT_EMPTY:
        s3srv_detail(s, "BucketName", s->bucket);
        s3srv_error(s, 409, "BucketNotEmpty",
            s3srv_versioning(s, s->bucket) == VERSIONING_OFF
                ? "The bucket you tried to delete is not empty"
                : "The bucket you tried to delete is not empty. You must delete all versions in the bucket.");
        break;
    case STORE_TOO_LONG: s3srv_error(s, 400, "KeyTooLongError", "Your key is too long"); break;
    case STORE_REFUSED: condition_failed(s, refused); break;
    case STORE_OK:
    case STORE_EXISTS:
    case STORE_FAILED:
        s3srv_error(s, 500, "InternalError",
            errno == ENOSPC || errno == EDQUOT ? "The sandbox cannot use its directory: its disk is full."
                                               : "The sandbox cannot use its directory.");
        break;
    }
}

bool s3srv_bucket_or_error(struct s3 *s)
{
    bool there = store_bucket_exists(s->store, s->bucket);
    if (!there)
        s3srv_store_error(s, STORE_NO_BUCKET, NULL);
    return there;
}

void s3srv_object_header_etag(struct s3 *s, struct str etag)
{
    reply_header(s->x, "ETag", arena_printf(s->arena, "\"%.*s\"", STR_ARG(etag)));
}

/* ---- headers and parameters ---- */

struct str s3srv_header(const struct s3 *s, const char *name)
{
    return wire_header_get(&s->x->request, str_z(name));
}

bool s3srv_parameter(const struct s3 *s, const char *name, struct str *value)
{
    struct str query = s->x->request.query;
    while (query.n) {
        struct str text, pair = str_cut(query, '&', &query);
        if (!str_eqz(str_cut(pair, '=', &text), name))
            continue;
        if (!text.p)
            text = STR_EMPTY;
        return url_decode(s->arena, text, true, value);
    }
    return false;
}

struct str s3srv_parameter_text(const struct s3 *s, const char *name)
{
    struct str value;
    return s3srv_parameter(s, name, &value) ? value : STR_EMPTY;
}

bool s3srv_number(struct s3 *s, const char *name, int64_t fallback, int64_t max, int64_t *out)
{
    struct str text;
    *out = fallback;
    if (!s3srv_parameter(s, name, &text) || !text.n)
        return true;
    if (str_to_int(text, out) && *out >= 0 && *out <= INT32_MAX) {
        *out = *out > max ? max : *out;
        return true;
    }
    struct str message = arena_printf(s->arena, "Provided %s not an integer or within integer range", name);
    s3srv_argument(s, name, text, message.p);
    return false;
}

const struct value *s3srv_body(struct s3 *s, const char *root)
{
    struct str found;
    const struct value *doc;
    if (wire_xml_read(s->arena, s->x->request.body, &found, &doc, ERR_IGNORED) ||
        (root && !str_eqz(found, root))) {
        s3srv_error(s, 400, "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema");
        return NULL;
    }
    return doc;
}

size_t s3srv_items(const struct value *v, const struct value *const **items, const struct value **one)
{
    *one = v;
    *items = one;
    if (!v)
        return 0;
    if (v->kind != VALUE_LIST)
        return 1;
    *items = v->items;
    return v->count;
}

/* ---- bucket and key ---- */

bool s3srv_is_key(struct str key)
{
    return str_is_utf8(key) && str_find_char(key, '\0', 0) < 0;
}

/* False: the path cannot be parsed as bucket and key. */
static bool find_target(struct s3 *s)
{
    struct str path = str_slice(s->x->request.path, 1, s->x->request.path.n), key;
    s->bucket = auth_bucket_of_host(s->x);
    s->key = STR_EMPTY;
    if (s->bucket.n) {
        key = path;
    } else {
        struct str name = str_cut(path, '/', &key);
        if (!url_decode(s->arena, name, false, &s->bucket))
            return false;
    }
    if (!key.p || !key.n)
        return true;
    return url_decode(s->arena, key, false, &s->key) && s3srv_is_key(s->key);
}

struct str s3srv_object_url(const struct s3 *s)
{
    AUTO_BUF struct buf url = BUF_INIT;
    buf_addf(&url, "http://%.*s/", STR_ARG(s3srv_header(s, "Host")));
    if (!auth_bucket_of_host(s->x).n)
        buf_addf(&url, "%.*s/", STR_ARG(s->bucket));
    url_encode(&url, s->key, true);
    return arena_str(s->arena, buf_str(&url));
}

/* ---- selection of the operation ---- */

static void not_implemented(struct s3 *s)
{
    s3srv_error(s, 501, "NotImplemented",
        "A header or query you provided implies functionality that is not implemented.");
}

/* The first matching row is used. */
static const struct s3srv_operation operations[] = {
    {S3_SERVICE, "GET", "", s3srv_list_buckets, NULL, false, "s3:ListAllMyBuckets"},
    {S3_BUCKET, "PUT", "", s3srv_create_bucket, NULL, false, "s3:CreateBucket"},
    {S3_BUCKET, "HEAD", "", s3srv_head_bucket, NULL, false, "s3:ListBucket"},
    {S3_BUCKET, "DELETE", "", s3srv_delete_bucket, NULL, false, "s3:DeleteBucket"},
    {S3_BUCKET, "GET", "location", s3srv_location, NULL, false, "s3:GetBucketLocation"},
    {S3_BUCKET, "GET", "policyStatus", s3srv_policy_status, NULL, false, "s3:GetBucketPolicyStatus"},
    {S3_BUCKET, "GET", "versions", s3srv_list_versions, NULL, false, "s3:ListBucketVersions"},
    {S3_BUCKET, "GET", "uploads", s3srv_list_uploads, NULL, false, "s3:ListBucketMultipartUploads"},
    {S3_BUCKET, "GET", "list-type", s3srv_list_v2, NULL, false, "s3:ListBucket"},
    {S3_BUCKET, "GET", "", s3srv_list_v1, NULL, false, "s3:ListBucket"},
    {S3_BUCKET, "POST", "delete", s3srv_delete_objects, NULL, false, NULL},
    {S3_OBJECT, "GET", "uploadId", s3srv_list_parts, NULL, false, "s3:ListMultipartUploadParts"},
    {S3_OBJECT, "GET", "tagging", s3srv_get_object_tagging, NULL, false, "s3:GetObjectTagging"},
    {S3_OBJECT, "GET", "acl", s3srv_get_object_acl, NULL, false, "s3:GetObjectAcl"},
    {S3_OBJECT, "GET", "attributes", s3srv_attributes, NULL, false, "s3:GetObjectAttributes"},
    {S3_OBJECT, "GET", "", s3srv_get_object, NULL, false, "s3:GetObject"},
    {S3_OBJECT, "HEAD", "", s3srv_head_object, NULL, false, "s3:GetObject"},
    {S3_OBJECT, "PUT", "uploadId", s3srv_upload_part, s3srv_before_part, true, "s3:PutObject"},
    {S3_OBJECT, "PUT", "tagging", s3srv_put_object_tagging, NULL, false, "s3:PutObjectTagging"},
    {S3_OBJECT, "PUT", "acl", s3srv_put_object_acl, NULL, false, "s3:PutObjectAcl"},
    {S3_OBJECT, "PUT", "", s3srv_put_object, s3srv_before_put, true, "s3:PutObject"},
    {S3_OBJECT, "POST", "uploads", s3srv_create_upload, NULL, false, "s3:PutObject"},
    {S3_OBJECT, "POST", "uploadId", s3srv_complete_upload, NULL, false, "s3:PutObject"},
    {S3_OBJECT, "DELETE", "uploadId", s3srv_abort_upload, NULL, false, "s3:AbortMultipartUpload"},
    {S3_OBJECT, "DELETE", "tagging", s3srv_delete_object_tagging, NULL, false, "s3:DeleteObjectTagging"},
    {S3_OBJECT, "DELETE", "", s3srv_delete_object, NULL, false, "s3:DeleteObject"},
};
static const struct s3srv_operation settings[] = {
    {S3_BUCKET, "GET", "", s3srv_get_setting, NULL, false, NULL},
    {S3_BUCKET, "PUT", "", s3srv_put_setting, NULL, false, NULL},
    {S3_BUCKET, "DELETE", "", s3srv_delete_setting, NULL, false, NULL},
};
static const struct s3srv_operation unknown = {S3_SERVICE, "", "", not_implemented, NULL, false, NULL};

/* Sub-resources that are not supported and must not select the plain operation: DELETE ?retention must not
 * delete the object. */
static bool is_other_subresource(struct str name)
{
    return str_is_any(name, "retention legal-hold restore torrent select ownership session metadataTable "
                            "metadataConfiguration object-lock abac renameObject annotation");
}

static const struct s3srv_operation *find_setting(struct s3 *s, enum s3srv_level level)
{
    struct str query = s->x->request.query, rest;
    while (query.n) {
        struct str name = str_cut(str_cut(query, '&', &query), '=', &rest);
        if (level == S3_BUCKET && s3srv_is_setting(name)) {
            s->setting = name;
            for (size_t i = 0; i < 3; i++)
                if (str_eqz(s->x->request.method, settings[i].method))
                    return &settings[i];
            return &unknown;
        }
        if (is_other_subresource(name))
            return &unknown;
    }
    return NULL;
}

static const struct s3srv_operation *find_operation(struct s3 *s)
{
    enum s3srv_level level = s->key.n ? S3_OBJECT : s->bucket.n ? S3_BUCKET : S3_SERVICE;
    const struct s3srv_operation *setting = find_setting(s, level);
    if (setting)
        return setting;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        const struct s3srv_operation *op = &operations[i];
        struct str value;
        if (op->level == level && str_eqz(s->x->request.method, op->method) &&
            (!*op->parameter || s3srv_parameter(s, op->parameter, &value)))
            return op;
    }
    return NULL;
}

/* ---- responder ---- */

static const struct fault *check_hash_header(const struct exchange *x)
{
    static const struct fault missing = {
        400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"};
    return x->auth.form == AUTH_HEADER && !x->auth.malformed && !x->auth.payload_hash.n ? &missing : NULL;
}

static struct s3 *s3_new(struct exchange *x)
{
    struct s3 *s = mem_zalloc(sizeof *s);
    x->state = s;
    s->x = x;
    s->arena = &x->arena;
    s->store = sandbox_store(x->sandbox);
    add_ids(x);
    reply_header(x, "Server", STR("weir"));
    return s;
}

/* Regions that are newer than 2013 refuse version 2. False: responded. */
static bool accepts_signature_2(struct s3 *s)
{
    struct str region = s3srv_region_of(s, s->bucket);
    bool accepts = str_is_any(region, "us-east-1 us-west-1 us-west-2 eu-west-1 ap-southeast-1 ap-southeast-2 "
                                      "ap-northeast-1 sa-east-1");
    if (!accepts)
        s3srv_fault(s, &auth_old_mechanism);
    s->x->auth.region = region;
    return accepts;
}

bool s3srv_accepts(struct s3 *s)
{
    struct str owner = s3srv_header(s, "x-amz-expected-bucket-owner");
    if (s->x->auth.form == AUTH_QUERY_2 && !accepts_signature_2(s))
        return false;
    if (s3srv_header(s, "x-amz-server-side-encryption-customer-algorithm").n)
        not_implemented(s); /* SSE-C content would be stored unencrypted */
    else if (owner.n && !(owner.n == 12 && str_is_digits(owner)))
        s3srv_error(s, 400, "InvalidBucketOwnerAWSAccountID",
            arena_printf(s->arena,
                "The value of the expected bucket owner parameter must be an AWS Account ID... [%.*s]",
                STR_ARG(owner))
                .p);
    else if (owner.n && !str_eq(owner, sandbox_account(s->x->sandbox)))
        s3srv_error(s, 403, "AccessDenied", "Access Denied");
    return !s->x->answered;
}

/* Starts an operation of an authenticated caller. */
static void begin_operation(struct s3 *s)
{
    struct exchange *x = s->x;
    if (!find_target(s)) {
        s3srv_error(s, 400, "InvalidURI", "Couldn't parse the specified URI.");
        return;
    }
    if (!s3srv_accepts(s))
        return;
    s->op = find_operation(s);
    if (!s->op) {
        s3srv_error(s, 405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
        return;
    }
    if (!s3srv_may(s))
        return;
    if (s->op->before) {
        s->op->before(s);
        if (x->answered)
            return;
    }
    const struct fault *fault =
        ingest_begin(&s->in, x, s->op->to_file ? s->store : NULL, s->op->run != s3srv_complete_upload);
    s->in_ready = true;
    if (fault)
        s3srv_fault(s, fault);
}

/* True for a POST to a bucket without a signature of the request: see s3srv_form.c. */
static bool is_form_upload(struct s3 *s)
{
    struct str value;
    return s->x->auth.form == AUTH_NONE && str_eqz(s->x->request.method, "POST") && find_target(s) &&
           s->bucket.n && !s->key.n && !s3srv_parameter(s, "delete", &value);
}

static void s3srv_begin(struct exchange *x)
{
    struct s3 *s = s3_new(x);
    if (is_form_upload(s)) {
        const struct fault *refused = s3srv_begin_form(s);
        s->in_ready = !x->answered;
        if (refused)
            s3srv_fault(s, refused);
        return;
    }
    const struct fault *fault = check_hash_header(x);
    if (!fault)
        fault = auth_verify(x, STR_EMPTY);
    if (fault)
        s3srv_fault(s, fault);
    else
        begin_operation(s);
}

static void data(struct exchange *x, const char *bytes, size_t n)
{
    struct s3 *s = x->state;
    ingest_data(&s->in, bytes, n);
}

static void s3srv_end(struct exchange *x)
{
    struct s3 *s = x->state;
    const struct fault *fault = ingest_end(&s->in);
    x->request.body = buf_str(&x->body);
    if (fault)
        s3srv_fault(s, fault);
    else
        s->op->run(s);
}

static void s3srv_release(struct exchange *x)
{
    struct s3 *s = x->state;
    if (s && s->in_ready)
        ingest_release(&s->in);
    free(s);
}

void s3srv_answer(struct exchange *x, struct str body)
{
    begin_operation(s3_new(x));
    if (!x->answered)
        data(x, body.p, body.n);
    if (!x->answered)
        s3srv_end(x);
}

const struct responder s3srv_responder = {
    SPEAKS_S3, s3srv_begin, data, s3srv_end, write_error, s3srv_release};
