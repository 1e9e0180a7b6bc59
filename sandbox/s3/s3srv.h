/*
 * S3, one file per group of operations. s3srv.c finds the operation and writes XML; s3srv_bucket.c,
 * s3srv_settings.c, s3srv_list.c, s3srv_object.c, s3srv_write.c, s3srv_form.c, s3srv_multipart.c and
 * s3srv_uploads.c execute it. s3srv_checks.c and s3srv_rules.c validate settings, s3srv_access.c checks IAM
 * and KMS permissions. Handlers respond through the s3srv_* and reply_* functions.
 */
#pragma once

#include "sandbox/http/checksum.h"
#include "sandbox/s3/store.h"

/* ---- ingest.c: receives a request's body: removes the aws-chunked framing, counts and hashes the bytes, and
 * writes them to a file or to memory. At the end it compares the client's claims (length, SHA-256, MD5, a
 * checksum in a header or trailer) ---- */
struct ingest {
    struct exchange *x;
    struct pending file; /* fd -1: the body goes to x->body */
    bool framed, check_sha256;
    int write_failed; /* errno, or 0 */
    struct chunked frames;
    struct checksum md5, sha256, sum;
    struct str claimed_sum;
    bool sum_in_trailer;
    int64_t size;
    struct str etag;      /* set by ingest_end(): MD5 in hexadecimal */
    struct str sum_value; /* base64; "" if the client requested no checksum */
};

/* Starts receiving a body; returns NULL, or the error in the headers. With `store` the body is written to a
 * file. `sums`: checksum headers are of the body (not so in CompleteMultipartUpload). */
const struct fault *ingest_begin(struct ingest *in, struct exchange *x, struct s3_store *store, bool sums);
void ingest_data(struct ingest *in, const char *bytes, size_t n);
/* Returns NULL if the body matches the claimed length, hash and checksum, or the error. */
const struct fault *ingest_end(struct ingest *in);
void ingest_release(struct ingest *in);

/* ---- s3srv.c ---- */

/* The canonical user id of the account. */
#define S3SRV_OWNER "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
/* Start of the user agent by which a client stands for EMRFS, AWS's own file system. */
#define S3SRV_EMRFS          "EMRFS, Hadoop"

#define S3SRV_SSE            "x-amz-server-side-encryption"
#define S3SRV_SSE_KEY        "x-amz-server-side-encryption-aws-kms-key-id"
#define S3SRV_SSE_BUCKET_KEY "x-amz-server-side-encryption-bucket-key-enabled"
#define S3SRV_MINIMUM_SIZE   "x-amz-transition-default-minimum-object-size"

struct s3 {
    struct exchange *x;
    struct arena *arena; /* of the exchange */
    struct s3_store *store;
    struct str bucket, key; /* decoded */
    const struct s3srv_operation *op;
    struct str setting; /* of operations on settings: "lifecycle" */
    struct ingest in;
    bool in_ready;
    struct str details[4][2]; /* additional elements of an error response: ActualObjectSize, 12 */
    size_t detail_count;
};

typedef void s3srv_fn(struct s3 *s);

enum s3srv_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

struct s3srv_operation {
    enum s3srv_level level;
    const char *method;
    const char *parameter; /* the query parameter that selects it: "uploads", "list-type"; "": none */
    s3srv_fn *run;
    s3srv_fn *before;   /* checks before the body is received; may be NULL */
    bool to_file;       /* the body is object content */
    const char *action; /* IAM action; NULL: determined by the setting, or none */
};

void s3srv_error(struct s3 *s, int status, const char *code, const char *message);
void s3srv_fault(struct s3 *s, const struct fault *fault);
/* Responds MethodNotAllowed; `on` is the resource type: BUCKET, OBJECT or DeleteMarker. */
void s3srv_no_method(struct s3 *s, const char *on);
/* Responds PreconditionFailed for a condition: "If-Match", "x-amz-copy-source-If-Modified-Since". */
void s3srv_precondition_failed(struct s3 *s, struct str condition);
/* Responds NotImplemented for a header that S3 does not support. more: additional message, or NULL. */
void s3srv_no_header(struct s3 *s, const char *header, const char *more);
/* Adds an element to the next error response. */
void s3srv_detail(struct s3 *s, const char *name, struct str value);
/* Responds InvalidArgument with the argument's name and value. */
void s3srv_argument(struct s3 *s, const char *name, struct str value, const char *message);
/* Responds with the error for a failed store operation; `refused` is used for STORE_REFUSED. */
struct s3srv_condition;
void s3srv_store_error(struct s3 *s, enum store_result result, const struct s3srv_condition *refused);
struct str s3srv_header(const struct s3 *s, const char *name);
/* Returns a decoded query parameter; false if it is absent. */
bool s3srv_parameter(const struct s3 *s, const char *name, struct str *value);
struct str s3srv_parameter_text(const struct s3 *s, const char *name);
/* Reads a number from a parameter, at most `max`. False: responded InvalidArgument. */
bool s3srv_number(struct s3 *s, const char *name, int64_t fallback, int64_t max, int64_t *out);
/* Returns the XML body, or NULL after responding MalformedXML (also for another root element). */
const struct value *s3srv_body(struct s3 *s, const char *root);
/* Returns the items of an XML value, which is a list or a single item. */
size_t s3srv_items(const struct value *v, const struct value *const **items, const struct value **one);
/* Checks what all operations have in common: the signature's version and the headers of encryption with the
 * caller's key and of the expected owner. False: responded. */
bool s3srv_accepts(struct s3 *s);
/* True for a key that a client can write again: UTF-8 without NUL. */
bool s3srv_is_key(struct str key);
/* Returns the URL of the object, with the request's host. */
struct str s3srv_object_url(const struct s3 *s);
bool s3srv_bucket_or_error(struct s3 *s); /* false: responded NoSuchBucket */
void s3srv_object_header_etag(struct s3 *s, struct str etag);

/* Begins an XML document: <?xml …?><root xmlns=…> … */
void xml_begin(struct buf *out, const char *root);
void xml_end(
    struct s3 *s, struct buf *out, const char *root); /* ends the document and responds 200 with it */
void xml_open(struct buf *out, const char *name);
void xml_close(struct buf *out, const char *name);
void xml_leaf(struct buf *out, const char *name, struct str text);
void xml_int(struct buf *out, const char *name, int64_t number);
void xml_bool(struct buf *out, const char *name, bool yes);
void xml_time(struct buf *out, const char *name, int64_t wall_ms);
void xml_etag(struct buf *out, struct str etag);
void xml_owner(struct buf *out);
void xml_checksum(
    struct s3 *s, struct buf *out, const struct value *doc);      /* from the members sums and sums_type */
void xml_checksum_kind(struct buf *out, const struct value *doc); /* algorithm and type without the value */
void xml_tags(struct buf *out, const struct value *tags);

/* Handles a request without verifying a signature. */
void s3srv_answer(struct exchange *x, struct str body);

/* The responder of S3. */
extern const struct responder s3srv_responder;

/* ---- shared by handlers ---- */

/* Starts PostObject (s3srv_form.c), which verifies its signature when the form has been received. Returns
 * NULL, also after it has responded, or the error. */
const struct fault *s3srv_begin_form(struct s3 *s);
struct str s3srv_region_of(struct s3 *s, struct str bucket);
enum versioning versioning_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket);
enum versioning s3srv_versioning(struct s3 *s, struct str bucket);
/* Parses <TagSet>… into a map. NULL: responded with an error. */
const struct value *s3srv_parse_tags(struct s3 *s, const struct value *set);

bool s3srv_is_version_id(struct str text);
/* Removes quotes and W/ from an ETag. */
struct str s3srv_unquoted(struct str etag);
/* Conditions of a request: If-Match, If-None-Match. */
struct s3srv_condition {
    struct str if_match, if_none_match;
    int64_t begun_ms; /* start of a multipart upload: a later change of the object is a conflict; 0: none */
    const struct fault *fault; /* why the check failed */
};
void s3srv_write_condition(struct s3 *s, struct s3srv_condition *out);
/* Checks that the conditions are supported for writes. False: responded. */
bool s3srv_conditions_fit(struct s3 *s);
bool s3srv_check_write(void *ctx, const struct object *current); /* a store_check; ctx is the condition */
/* Checks the conditions of a read. Returns 0, or the status (304 or 412) and the failed condition. prefix: ""
 * or "x-amz-copy-source-". */
int s3srv_check_read(struct s3 *s, const char *prefix, const struct object *object, const char **failed);

/* Returns headers, metadata, tags and storage class of a new object from the request. NULL: responded. */
const struct value *s3srv_new_doc(struct s3 *s);
/* Stores s->in.file as the object and adds the response headers; `event` names the notification. False:
 * responded. */
bool s3srv_put_content(
    struct s3 *s, const struct value *doc, int64_t size, const char *event, struct object *out);
const struct value *s3srv_sums(struct s3 *s, enum checksum_kind kind, struct str base64);
/* Adds the encryption headers: nothing is encrypted here, but clients get what they requested or AWS's
 * default. */
void s3srv_encryption_headers(struct s3 *s, const struct value *doc);
/* Adds x-amz-version-id, also null, if the bucket has versions. */
void s3srv_version_header(struct s3 *s, const struct object *object);
/* Adds the version id of a written object unless it is "null". */
void s3srv_new_version_header(struct s3 *s, const struct object *object);
void s3srv_checksum_headers(struct s3 *s, const struct value *doc);
/* Adds the checksum headers without the type; false: there are none. */
bool s3srv_sum_headers(struct s3 *s, const struct value *doc);

/* The source of a copy; the caller closes object->fd. */
struct s3srv_source {
    struct str bucket, key, version;
    struct object object;
};
/* Parses x-amz-copy-source (/bucket/key?versionId=…, percent-encoded). False: invalid. s3srv_copy_source()
 * also opens it and checks its conditions; false: responded. */
bool s3srv_parse_source(struct s3 *s, struct s3srv_source *out);
bool s3srv_copy_source(struct s3 *s, struct s3srv_source *out);
/* Copies bytes [first, first+n) of the source to s->in.file and computes the digests of s->in. False:
 * responded. */
bool s3srv_copy_content(struct s3 *s, const struct s3srv_source *source, int64_t first, int64_t n);

/* Stores the file as the object if the request's conditions allow it; false: responded. begun_ms: start of a
 * multipart upload. */
bool s3srv_put(
    struct s3 *s, struct pending *file, const struct value *doc, int64_t begun_ms, struct object *out);
/* Sends an event such as "ObjectCreated:Put" to the targets of the bucket's notification configuration. */
void s3srv_notify(struct s3 *s, const char *name, struct str key, const struct object *object);

/* ---- s3srv_uploads.c ---- */

/* Appends the initiator, the owner and the storage class of an upload. */
void xml_upload_owners(struct s3 *s, struct buf *out, const struct value *upload);

/* ---- s3srv_multipart.c ---- */

/* Part numbers are from 1 to this limit. */
enum { S3SRV_PARTS_MAX = 10000 };
/* Returns the upload of the parameter uploadId. NULL: responded. */
const struct value *s3srv_find_upload(struct s3 *s, struct str *id);

/* ---- operations ---- */

s3srv_fn s3srv_list_buckets, s3srv_create_bucket, s3srv_head_bucket, s3srv_delete_bucket, s3srv_location;
s3srv_fn s3srv_get_setting, s3srv_put_setting, s3srv_delete_setting, s3srv_policy_status;
s3srv_fn s3srv_list_v1, s3srv_list_v2, s3srv_list_versions;
s3srv_fn s3srv_get_object, s3srv_head_object, s3srv_get_object_tagging, s3srv_put_object_tagging,
    s3srv_delete_object_tagging, s3srv_get_object_acl, s3srv_put_object_acl, s3srv_attributes;
s3srv_fn s3srv_before_put, s3srv_put_object, s3srv_delete_object, s3srv_delete_objects;
s3srv_fn s3srv_create_upload, s3srv_before_part, s3srv_upload_part, s3srv_complete_upload, s3srv_abort_upload,
    s3srv_list_parts, s3srv_list_uploads;

/* ---- s3srv_checks.c: validation of policies, ACLs and notifications; false: responded ---- */

bool s3srv_check_policy(struct s3 *s);
/* True if one of the statements is public. */
bool s3srv_lets_anybody(const struct value *statements);
/* ACLs are disabled for buckets by default; an ACL that changes nothing is accepted. */
bool s3srv_check_acl(struct s3 *s);        /* PutBucketAcl, PutObjectAcl */
bool s3srv_check_canned_acl(struct s3 *s); /* operations with an x-amz-acl header */
bool s3srv_check_new_bucket_acl(struct s3 *s);
/* Responds MalformedXML; returns false. */
bool s3srv_malformed(struct s3 *s);
bool s3srv_check_notification(struct s3 *s, const struct value *doc);
struct str s3srv_notification_as_written(struct s3 *s);

/* ---- s3srv_rules.c: lifecycle and notification rules; false: responded ---- */

bool s3srv_check_lifecycle(struct s3 *s, const struct value *doc);
bool s3srv_check_filters(struct s3 *s, const struct value *doc); /* of notification configurations */
/* Checks that no two notification configurations overlap. */
bool s3srv_check_overlap(struct s3 *s, const struct value *doc);

/* ---- s3srv_rules.c: values of settings; false: responded ---- */

bool s3srv_check_values(struct s3 *s, const struct value *doc);
/* True if the value is allowed for a setting. */
bool s3srv_is_choice(struct str setting, struct str value);
bool s3srv_check_bypass(
    struct s3 *s); /* of a deletion: x-amz-bypass-governance-retention needs Object Lock */
/* Returns the configuration with all four members; omitted ones are false. */
struct str s3srv_access_block_as_written(struct s3 *s, const struct value *doc);

/* ---- s3srv_access.c: permissions of the caller; false: responded ---- */

bool s3srv_may(struct s3 *s);
/* Checks the deletion of one of several keys. Returns 0, or -1 with the error. */
int s3srv_may_delete(struct s3 *s, struct str key, bool version, struct err *err);

/* Sets the encryption of a new object from the request or the bucket's default, and checks the permission for
 * the key. False: responded. */
bool s3srv_new_encryption(struct s3 *s, struct value_builder *headers);
/* Checks the permission to decrypt an object. `headers`: stored with the object. False: responded. */
bool s3srv_may_decrypt(struct s3 *s, struct str bucket, struct str key, const struct value *headers);

/* ---- s3srv_settings.c ---- */

bool s3srv_acls_enabled(struct s3 *s);
bool s3srv_public_acls_blocked(struct s3 *s);
bool s3srv_public_policies_blocked(struct s3 *s);
bool s3srv_is_setting(struct str parameter);

/* ---- s3srv_access.c: inner requests ---- */

struct s3srv_caller {
    const struct session *session; /* session whose policies apply; NULL: the sandbox's own key */
    struct str region;
};
/* Executes a request of the sandbox itself like an HTTP request; content up to `max` bytes is in the
 * response's body. Returns -1 if it is longer. */
int s3srv_call(struct sandbox *sandbox, struct arena *arena, const struct s3srv_caller *caller,
    const struct wire_message *request, size_t max, struct wire_message *answer, struct err *err);

/* ---- s3srv_access.c: encryption with KMS keys ----
 *
 * The default encryption of a bucket, and the permission for an object's key. Content is not encrypted, but a
 * caller without the permission for the key does not get it. Used for HTTP requests (s3srv_access.c) and
 * inside the sandbox (sandbox/services/s3/objects.h). */
struct session;

/* algorithm: AES256, aws:kms or aws:kms:dsse. */
struct encryption {
    struct str algorithm, key;
    bool bucket_key; /* an S3 Bucket Key: the encryption context is the bucket's ARN */
};

/* Returns the default encryption of a bucket. */
struct encryption encryption_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket);

struct encryption_asker {
    struct sandbox *sandbox;
    struct arena *arena;
    const struct session *caller;
    struct str region;
};

/* Checks the permission to encrypt a new object and adds the encryption headers. Returns -1 with KMS's
 * error. */
int encryption_begin(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct encryption *how, struct value_builder *headers, struct err *err);
/* Checks the permission to decrypt an object. `headers`: stored with the object. */
int encryption_undo(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct value *headers, struct err *err);
