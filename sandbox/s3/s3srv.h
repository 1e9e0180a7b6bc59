/*
 * S3, one file for each kind of operation: s3srv.c finds the operation and speaks XML, s3srv_bucket.c,
 * s3srv_settings.c, s3srv_list.c, s3srv_object.c, s3srv_write.c, s3srv_multipart.c, s3srv_uploads.c carry it
 * out; s3srv_checks.c looks at settings first, s3srv_access.c asks whether the caller may, and whether he may
 * use the key. A handler answers through the s3srv_* and reply_* functions.
 */
#pragma once

#include "sandbox/http/checksum.h"
#include "sandbox/s3/store.h"

/* ---- ingest.c: a request's body on its way in: frames taken off, counted, hashed, and written to a file
 * or kept in memory. What the client claimed of it (length, SHA-256, MD5, a checksum in a header or a
 * trailer) is compared at the end. */
struct ingest {
    struct exchange *x;
    struct pending file; /* fd -1: into x->body */
    bool framed, check_sha256;
    int write_failed; /* errno; 0: all was written */
    struct chunked frames;
    struct checksum md5, sha256, sum;
    struct str claimed_sum;
    bool sum_in_trailer;
    int64_t size;
    struct str etag;      /* after the end: MD5 as hex */
    struct str sum_value; /* base64; "" where the client asked for none */
};

/* NULL, or what is wrong with the headers. With `store` the body goes into a file. `sums`: checksums in the
 * headers are of the body; those of CompleteMultipartUpload are not. */
const struct fault *ingest_begin(struct ingest *in, struct exchange *x, struct s3_store *store, bool sums);
void ingest_data(struct ingest *in, const char *bytes, size_t n);
/* NULL where the body has the length and checksum that were given. */
const struct fault *ingest_end(struct ingest *in);
void ingest_release(struct ingest *in);

/* ---- s3srv.c ---- */

/* The canonical id of the one account there is. */
#define S3SRV_OWNER "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
/* The beginning of the user agent of who stands for AWS's own file system, EMRFS. */
#define S3SRV_EMRFS          "EMRFS, Hadoop"

#define S3SRV_SSE            "x-amz-server-side-encryption"
#define S3SRV_SSE_KEY        "x-amz-server-side-encryption-aws-kms-key-id"
#define S3SRV_SSE_BUCKET_KEY "x-amz-server-side-encryption-bucket-key-enabled"

struct s3 {
    struct exchange *x;
    struct arena *arena; /* the exchange's */
    struct s3_store *store;
    struct str bucket, key; /* decoded */
    const struct s3srv_operation *op;
    struct str setting; /* of settings operations: "lifecycle" */
    struct ingest in;
    bool in_ready;
    struct str details[4][2]; /* what an error says besides: ActualObjectSize, 12 */
    size_t detail_count;
};

typedef void s3srv_fn(struct s3 *s);

enum s3srv_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

struct s3srv_operation {
    enum s3srv_level level;
    const char *method;
    const char *parameter; /* the one that tells it from others: "uploads", "list-type"; "" none */
    s3srv_fn *run;
    s3srv_fn *before;   /* checks before the body is read; may be NULL */
    bool to_file;       /* the body is content */
    const char *action; /* what IAM calls it; NULL: by the setting, or nothing */
};

void s3srv_error(struct s3 *s, int status, const char *code, const char *message);
/* A bucket, an object or a DeleteMarker does not take the request's method. */
void s3srv_no_method(struct s3 *s, const char *on);
/* "If-Match", "x-amz-copy-source-If-Modified-Since". */
void s3srv_precondition_failed(struct s3 *s, struct str condition);
/* A header, or its value, that S3 itself does not offer. more: NULL, or why. */
void s3srv_no_header(struct s3 *s, const char *header, const char *more);
/* What the next error says besides. */
void s3srv_detail(struct s3 *s, const char *name, struct str value);
/* InvalidArgument: which, and what it was. */
void s3srv_argument(struct s3 *s, const char *name, struct str value, const char *message);
/* What a failed store operation means to a client; `refused` is for STORE_REFUSED. */
struct s3srv_condition;
void s3srv_store_error(struct s3 *s, enum store_result result, const struct s3srv_condition *refused);
struct str s3srv_header(const struct s3 *s, const char *name);
/* A query parameter, decoded; false where it is not there. */
bool s3srv_parameter(const struct s3 *s, const char *name, struct str *value);
struct str s3srv_parameter_or(const struct s3 *s, const char *name, struct str fallback);
/* A number in a parameter; answers InvalidArgument and gives false where it is none or outside. */
bool s3srv_number(struct s3 *s, const char *name, int64_t fallback, int64_t max, int64_t *out);
/* The XML body; answers MalformedXML and gives NULL where it is none or has another root. */
const struct value *s3srv_body(struct s3 *s, const char *root);
/* Items of what XML may have as one or several. */
size_t s3srv_items(const struct value *v, const struct value *const **items, const struct value **one);
bool s3srv_bucket_or_error(struct s3 *s); /* answers NoSuchBucket */
void s3srv_object_header_etag(struct s3 *s, struct str etag);

/* XML: <?xml …?><root xmlns=…> … */
void xml_begin(struct buf *out, const char *root);
void xml_end(struct s3 *s, struct buf *out, const char *root); /* and answers 200 with it */
void xml_open(struct buf *out, const char *name);
void xml_close(struct buf *out, const char *name);
void xml_leaf(struct buf *out, const char *name, struct str text);
void xml_int(struct buf *out, const char *name, int64_t number);
void xml_bool(struct buf *out, const char *name, bool yes);
void xml_time(struct buf *out, const char *name, int64_t wall_ms);
void xml_etag(struct buf *out, struct str etag);
void xml_owner(struct buf *out, const char *name);
void xml_checksum(
    struct s3 *s, struct buf *out, const struct value *doc);      /* from a doc's sums and sums_type */
void xml_checksum_kind(struct buf *out, const struct value *doc); /* which it is, without its value */
void xml_tags(struct buf *out, const struct value *tags);

/* All three steps of a request whose signature is of no concern. */
void s3srv_answer(struct exchange *x, struct str body);

/* Who answers for S3. */
extern const struct responder s3srv_responder;

/* ---- shared by handlers ---- */

enum versioning versioning_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket);
enum versioning s3srv_versioning(struct s3 *s, struct str bucket);
/* <TagSet>… into a map; answers and gives NULL where it is wrong. */
const struct value *s3srv_parse_tags(struct s3 *s, const struct value *set);

bool s3srv_is_version_id(struct str text);
bool s3srv_encoding_fits(struct s3 *s, bool *url); /* of listings; false: answered */
struct str s3srv_encoded(struct arena *arena, bool url, struct str text);
/* An ETag as clients send it, without quotes and W/. */
struct str s3srv_unquoted(struct str etag);
/* If-Match and its kin. */
struct s3srv_condition {
    struct str if_match, if_none_match;
    int64_t begun_ms;          /* of an upload in parts: what was written later is in conflict; 0: none */
    const struct fault *fault; /* why the check refused */
};
void s3srv_write_condition(struct s3 *s, struct s3srv_condition *out);
/* Are the conditions of a write such as S3 takes? false: answered. */
bool s3srv_conditions_fit(struct s3 *s);
bool s3srv_check_write(void *ctx, const struct object *current); /* store_check; ctx is the condition */
/* For reads: 0 go on, else the status (304 or 412) and which failed. prefix: "" or "x-amz-copy-source-". */
int s3srv_check_read(struct s3 *s, const char *prefix, const struct object *object, const char **failed);

/* headers, meta, tags, storage class that a new object takes from the request. NULL: answered. */
const struct value *s3srv_new_doc(struct s3 *s);
const struct value *s3srv_sums(struct s3 *s, enum checksum_kind kind, struct str base64);
/* Nothing is encrypted here, but clients are answered what they asked for, or what AWS does without being
 * asked.
 */
void s3srv_encryption_headers(struct s3 *s, const struct value *doc);
/* The version of what was just written: one without an id is not spoken of. */
void s3srv_new_version_header(struct s3 *s, const struct object *object);
void s3srv_checksum_headers(struct s3 *s, const struct value *doc);
/* Without their type; false: there are none. */
bool s3srv_sum_headers(struct s3 *s, const struct value *doc);

/* x-amz-copy-source, read and its conditions checked; false: answered. The caller closes object->fd. */
struct s3srv_source {
    struct str bucket, key, version;
    struct object object;
};
/* x-amz-copy-source: /bucket/key?versionId=…, percent-encoded. False: it names none. */
bool s3srv_parse_source(struct s3 *s, struct s3srv_source *out);
bool s3srv_copy_source(struct s3 *s, struct s3srv_source *out);
/* Copies bytes [first, first+n) of the source into s->in.file, with s->in's digests; false: answered. */
bool s3srv_copy_content(struct s3 *s, const struct s3srv_source *source, int64_t first, int64_t n);

/* Puts the file as the object, if the request's conditions let it; false: answered. begun_ms: of an upload.
 */
bool s3srv_put(
    struct s3 *s, struct pending *file, const struct value *doc, int64_t begun_ms, struct object *out);
/* An object was changed, "ObjectCreated:Put": whoever is to be notified is. */
void s3srv_tell(struct s3 *s, const char *name, struct str key, const struct object *object);

/* ---- s3srv_multipart.c ---- */

/* Parts are numbered from 1 on. */
enum { S3SRV_PARTS_MAX = 10000 };
/* The upload that the parameter uploadId names; NULL: answered. */
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

/* ---- s3srv_checks.c: may it be put? false: answered ---- */

bool s3srv_check_policy(struct s3 *s);
/* Is one of them for whoever may come? */
bool s3srv_lets_anybody(const struct value *statements);
/* Access control lists are off for buckets of today; those that change nothing do no harm. */
bool s3srv_check_acl(struct s3 *s);        /* of a call that puts one */
bool s3srv_check_canned_acl(struct s3 *s); /* of one that names one besides */
bool s3srv_check_new_bucket_acl(struct s3 *s);
/* False: answered, as what is not so. */
bool s3srv_malformed(struct s3 *s);
bool s3srv_check_notification(struct s3 *s, const struct value *doc);
struct str s3srv_notification_as_written(struct s3 *s);

/* ---- s3srv_rules.c: lists of rules. False: answered ---- */

bool s3srv_check_lifecycle(struct s3 *s, const struct value *doc);
bool s3srv_check_filters(struct s3 *s, const struct value *doc); /* of a notification's configurations */
/* No two of a notification's configurations may be about the same. */
bool s3srv_check_overlap(struct s3 *s, const struct value *doc);

/* ---- s3srv_rules.c: what settings may say. False: answered ---- */

bool s3srv_check_values(struct s3 *s, const struct value *doc);
/* Is it among the words that a setting chooses from? */
bool s3srv_is_choice(struct str setting, struct str value);
bool s3srv_check_bypass(struct s3 *s); /* of a deletion: is there a lock at all? */
/* All four of its members, those that were left out as false. */
struct str s3srv_access_block_as_written(struct s3 *s, const struct value *doc);

/* ---- s3srv_access.c: may whoever asks? false: answered ---- */

bool s3srv_may(struct s3 *s);
/* One of many keys that a request names. 0, or -1 with the refusal. */
int s3srv_may_delete(struct s3 *s, struct str key, bool version, struct err *err);

/* How a new object is encrypted: as the request says, else as its bucket does. Whether the key may be used
 * was asked; false: answered. */
bool s3srv_new_encryption(struct s3 *s, struct value_builder *headers);
/* May whoever asks have an object decrypted? `headers`: its own. False: answered. */
bool s3srv_may_decrypt(struct s3 *s, struct str bucket, struct str key, const struct value *headers);

/* ---- s3srv_settings.c ---- */

bool s3srv_acls_enabled(struct s3 *s);
bool s3srv_public_acls_blocked(struct s3 *s);
bool s3srv_public_policies_blocked(struct s3 *s);
bool s3srv_is_setting(struct str parameter);

/* ---- s3srv_access.c ---- */

struct s3srv_caller {
    const struct session *session; /* whose policies count; NULL: the sandbox's own */
    struct str region;
};
/* A request of the sandbox itself, answered as one that came by HTTP: content up to `max` bytes is in the
 * answer's body. -1: it is longer. */
int s3srv_call(struct sandbox *sandbox, struct arena *arena, const struct s3srv_caller *caller,
    const struct wire_message *request, size_t max, struct wire_message *answer, struct err *err);

/* ---- s3srv_access.c: Encryption with keys of KMS: how a bucket has new objects encrypted, and whether
 * somebody may use the key behind an object. Content is not encrypted here; but who may not use the key
 * does not get it. For requests by HTTP (s3srv_access.c) and for what runs inside the sandbox
 * (sandbox/services/s3/objects.h) alike. */
struct session;

/* Of AES256, aws:kms, aws:kms:dsse. */
struct encryption {
    struct str algorithm, key;
    bool bucket_key; /* what is encrypted is the bucket's */
};

/* What the bucket does with new objects. */
struct encryption encryption_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket);

struct encryption_asker {
    struct sandbox *sandbox;
    struct arena *arena;
    const struct session *caller;
    struct str region;
};

/* May he have a new object encrypted so? Then what says so of it goes to `headers`. -1: KMS's own refusal. */
int encryption_begin(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct encryption *how, struct value_builder *headers, struct err *err);
/* May he have an object decrypted? `headers`: its own. */
int encryption_undo(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct value *headers, struct err *err);
