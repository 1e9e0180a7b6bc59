/* Lists parts of uploads; deletes objects. */
#include "sandbox/s3/s3srv.h"

/* Checksums of parts are listed only if the upload has an algorithm. */
static void write_part(
    struct s3 *s, struct buf *out, const struct value *upload, int64_t number, const struct value *doc)
{
    const struct value *sums = value_getz(upload, "algorithm") ? value_getz(doc, "sums") : NULL;
    xml_open(out, "Part");
    xml_int(out, "PartNumber", number);
    xml_time(out, "LastModified", value_geti(doc, "modified", 0));
    xml_etag(out, value_gets(doc, "etag"));
    xml_int(out, "Size", value_geti(doc, "size", 0));
    for (uint32_t i = 0; sums && i < sums->count; i++)
        xml_leaf(out, arena_printf(s->arena, "Checksum%.*s", STR_ARG(sums->entries[i].key)).p,
            sums->entries[i].value->string);
    xml_close(out, "Part");
}

void xml_upload_owners(struct s3 *s, struct buf *out, const struct value *upload)
{
    xml_open(out, "Initiator");
    xml_leaf(out, "ID", STR(S3SRV_OWNER));
    xml_leaf(out, "DisplayName", sandbox_account(s->x->sandbox));
    xml_close(out, "Initiator");
    xml_owner(out);
    xml_leaf(out, "StorageClass", value_text(value_getz(upload, "storage"), STR("STANDARD")));
}

void s3srv_list_parts(struct s3 *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    AUTO_BUF struct buf parts = BUF_INIT;
    struct str id;
    int64_t max, marker, next = 0, count = 0;
    const struct value *upload = s3srv_find_upload(s, &id), *doc;
    if (!upload || !s3srv_number(s, "max-parts", 1000, 1000, &max) ||
        !s3srv_number(s, "part-number-marker", 0, S3SRV_PARTS_MAX, &marker))
        return;
    bool truncated = false;
    const struct value *numbers = store_part_numbers(s->arena, s->store, s->bucket, id);
    if (!numbers) {
        s3srv_store_error(s, STORE_FAILED, NULL);
        return;
    }
    for (uint32_t i = 0; i < numbers->count && !truncated; i++) {
        int64_t number = numbers->items[i]->integer;
        if (number <= marker ||
            store_part_read(s->arena, s->store, s->bucket, id, (int)number, &doc, NULL) != STORE_OK)
            continue;
        if ((truncated = count == max))
            break;
        count++;
        next = number;
        write_part(s, &parts, upload, number, doc);
    }
    xml_begin(&out, "ListPartsResult");
    xml_leaf(&out, "Bucket", s->bucket);
    xml_leaf(&out, "Key", s->key);
    xml_leaf(&out, "UploadId", id);
    xml_upload_owners(s, &out, upload);
    xml_int(&out, "PartNumberMarker", marker);
    xml_int(&out, "NextPartNumberMarker", next);
    xml_int(&out, "MaxParts", max);
    xml_bool(&out, "IsTruncated", truncated);
    if (value_gets(upload, "algorithm").n) {
        xml_leaf(&out, "ChecksumAlgorithm", value_gets(upload, "algorithm"));
        xml_leaf(&out, "ChecksumType", value_gets(upload, "sums_type"));
    }
    buf_add_str(&out, buf_str(&parts));
    xml_end(s, &out, "ListPartsResult");
}

/* ---- deletion of objects, one or up to 1000 ---- */

static enum store_result delete_one(
    struct s3 *s, struct str key, struct str version, struct s3srv_condition *condition, struct object *out)
{
    struct store_change change = {
        .bucket = s->bucket, .key = key, .versioning = s3srv_versioning(s, s->bucket)};
    bool conditional = condition->if_match.n > 0;
    if (conditional) {
        change.check = s3srv_check_write;
        change.check_ctx = condition;
    }
    enum store_result result = store_object_delete(s->arena, s->store, &change, version, out);
    if (result == STORE_OK)
        s3srv_notify(s,
            out->deleted && !version.n ? "ObjectRemoved:DeleteMarkerCreated" : "ObjectRemoved:Delete", key,
            out);
    /* deleting a missing object succeeds unless a condition was given */
    bool gone = result == STORE_NO_KEY || (result == STORE_NO_VERSION && s3srv_is_version_id(version));
    return gone && !conditional ? STORE_OK : result;
}

void s3srv_delete_object(struct s3 *s)
{
    struct object object;
    struct s3srv_condition condition;
    struct str version = s3srv_parameter_text(s, "versionId");
    static const char *const express[] = {"x-amz-if-match-last-modified-time", "x-amz-if-match-size"};
    for (size_t i = 0; i < sizeof express / sizeof *express; i++)
        if (s3srv_header(s, express[i]).n) {
            s3srv_no_header(s, express[i], NULL); /* only for directory buckets */
            return;
        }
    if (!s3srv_check_bypass(s))
        return;
    s3srv_write_condition(s, &condition);
    condition.if_none_match = STR_EMPTY;
    enum store_result result = delete_one(s, s->key, version, &condition, &object);
    if (result != STORE_OK) {
        s3srv_store_error(s, result, &condition);
        return;
    }
    if (object.deleted)
        reply_header(s->x, "x-amz-delete-marker", STR("true"));
    if (version.n || object.version.n)
        reply_header(s->x, "x-amz-version-id", version.n ? version : object.version);
    reply_status(s->x, 204);
}

static void write_deleted(struct buf *out, struct str key, struct str version, const struct object *object)
{
    xml_open(out, "Deleted");
    xml_leaf(out, "Key", key);
    if (version.n)
        xml_leaf(out, "VersionId", version);
    if (object->deleted) {
        xml_bool(out, "DeleteMarker", true);
        xml_leaf(out, "DeleteMarkerVersionId", object->version.n ? object->version : version);
    }
    xml_close(out, "Deleted");
}

static void write_failed(struct buf *out, struct str key, struct str version, const struct fault *fault)
{
    xml_open(out, "Error");
    xml_leaf(out, "Key", key);
    if (version.n)
        xml_leaf(out, "VersionId", version);
    xml_leaf(out, "Code", str_z(fault ? fault->code : "InternalError"));
    xml_leaf(out, "Message",
        str_z(fault ? fault->message : "We encountered an internal error. Please try again."));
    xml_close(out, "Error");
}

/* S3 requires a digest of the body, which lists what to delete. */
static bool is_checked(struct s3 *s)
{
    if (s3srv_header(s, "Content-MD5").n || s->in.sum_value.n || s->in.check_sha256)
        return true;
    s3srv_error(s, 400, "InvalidRequest", "Missing required header for this request: Content-MD5");
    return false;
}

void s3srv_delete_objects(struct s3 *s)
{
    static const struct fault no_version = {404, "NoSuchVersion", "The specified version does not exist."};
    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *const *items, *one;
    const struct value *doc = is_checked(s) ? s3srv_body(s, "Delete") : NULL;
    if (!doc || !s3srv_bucket_or_error(s) || !s3srv_check_bypass(s))
        return;
    size_t n = s3srv_items(value_getz(doc, "Object"), &items, &one);
    bool quiet = str_ieq(value_gets(doc, "Quiet"), STR("true"));
    if (!n || n > 1000) {
        s3srv_error(s, 400, "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema");
        return;
    }
    xml_begin(&out, "DeleteResult");
    for (size_t i = 0; i < n; i++) {
        struct str key = value_gets(items[i], "Key");
        struct str version = value_gets(items[i], "VersionId");
        struct s3srv_condition condition = {value_gets(items[i], "ETag"), STR_EMPTY, 0, NULL};
        struct object object;
        struct err err = ERR_INIT;
        if (s3srv_may_delete(s, key, version.n > 0, &err)) {
            const struct fault denied = {err.http_status, err.code, err.message};
            write_failed(&out, key, version, &denied);
            continue;
        }
        enum store_result result = key.n ? delete_one(s, key, version, &condition, &object) : STORE_FAILED;
        if (result != STORE_OK)
            write_failed(&out, key, version, result == STORE_NO_VERSION ? &no_version : condition.fault);
        else if (!quiet)
            write_deleted(&out, key, version, &object);
    }
    xml_end(s, &out, "DeleteResult");
}
