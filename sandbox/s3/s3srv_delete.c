/* Deleting objects, one or up to a thousand. */
#include "sandbox/s3/s3srv.h"

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
        s3srv_tell(s,
            out->deleted && !version.n ? "ObjectRemoved:DeleteMarkerCreated" : "ObjectRemoved:Delete", key,
            out);
    /* what is not there is as good as deleted, unless it had to be a certain one */
    bool gone = result == STORE_NO_KEY || (result == STORE_NO_VERSION && s3srv_is_version_id(version));
    return gone && !conditional ? STORE_OK : result;
}

void s3srv_delete_object(struct s3 *s)
{
    struct object object;
    struct s3srv_condition condition;
    struct str version = s3srv_parameter_or(s, "versionId", STR_EMPTY);
    static const char *const express[] = {"x-amz-if-match-last-modified-time", "x-amz-if-match-size"};
    for (size_t i = 0; i < sizeof express / sizeof *express; i++)
        if (s3srv_header(s, express[i]).n) {
            s3srv_no_header(s, express[i], NULL); /* of directory buckets only */
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

/* The body must be proved whole: it says what is to be destroyed. */
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
