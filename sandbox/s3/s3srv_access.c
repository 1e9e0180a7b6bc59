/*
 * Permissions, checked before the body is received, for all callers except the sandbox's own key; encryption
 * with KMS; and inner requests.
 */
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/s3/s3srv.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- encryption with KMS keys ---- */

static bool is_kms(struct str algorithm)
{
    return str_eqz(algorithm, "aws:kms") || str_eqz(algorithm, "aws:kms:dsse");
}

struct encryption encryption_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket)
{
    struct str text, root;
    const struct value *doc;
    if (!store_setting(arena, store, bucket, STR("encryption"), &text) ||
        wire_xml_read(arena, text, &root, &doc, ERR_IGNORED))
        return (struct encryption){.algorithm = STR("AES256")};
    const struct value *rule = value_getz(doc, "Rule"),
                       *by_default = value_getz(rule, "ApplyServerSideEncryptionByDefault");
    return (struct encryption){value_text(value_getz(by_default, "SSEAlgorithm"), STR_EMPTY),
        value_text(value_getz(by_default, "KMSMasterKeyID"), STR_EMPTY),
        str_eqz(value_text(value_getz(rule, "BucketKeyEnabled"), STR_EMPTY), "true")};
}

static int encryption_ask(const struct encryption_asker *who, const char *action, struct str bucket,
    struct str object, bool bucket_key, struct str *key, struct err *err)
{
    struct str about = arena_printf(who->arena, "arn:aws:s3:::%.*s%s%.*s", STR_ARG(bucket),
        bucket_key ? "" : "/", STR_ARG(bucket_key ? STR_EMPTY : object));
    return sandbox_check_key(
        who->sandbox, who->arena, who->caller, action, *key, who->region, about, key, err);
}

int encryption_begin(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct encryption *how, struct value_builder *headers, struct err *err)
{
    struct str id = how->key;
    if (id.n && is_kms(how->algorithm) &&
        encryption_ask(who, "kms:GenerateDataKey", bucket, key, how->bucket_key, &id, err))
        return -1;
    if (how->algorithm.n && !str_eqz(how->algorithm, "AES256"))
        value_builder_set(headers, STR(S3SRV_SSE), value_string(who->arena, how->algorithm));
    if (id.n)
        value_builder_set(headers, STR(S3SRV_SSE_KEY), value_string(who->arena, id));
    if (how->bucket_key && is_kms(how->algorithm))
        value_builder_set(headers, STR(S3SRV_SSE_BUCKET_KEY), value_stringz(who->arena, "true"));
    return 0;
}

int encryption_undo(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct value *headers, struct err *err)
{
    struct str id = value_gets(headers, S3SRV_SSE_KEY);
    if (!id.n || !is_kms(value_gets(headers, S3SRV_SSE)))
        return 0;
    bool bucket_key = value_gets(headers, S3SRV_SSE_BUCKET_KEY).n > 0;
    return encryption_ask(who, "kms:Decrypt", bucket, key, bucket_key, &id, err);
}

/* ---- inner requests, without HTTP and a signature: see s3srv_call() ---- */

static bool read_reply(struct exchange *x, struct arena *arena, size_t max, struct str *out)
{
    size_t size = (size_t)x->reply_length;
    if (size > max)
        return false;
    char *text = arena_alloc(arena, size + 1);
    for (size_t at = 0; at < size;) {
        ssize_t n = x->reader ? x->reader(x->reader_ctx, at, text + at, size - at)
                              : pread(x->reply_fd, text + at, size - at, (off_t)x->reply_offset + (off_t)at);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    text[size] = '\0';
    *out = str_n(text, size);
    return true;
}

static void take_reply(
    struct exchange *x, struct arena *arena, size_t max, struct wire_message *out, struct err *err)
{
    *out = (struct wire_message){.status = x->reply.status, .body = arena_str(arena, x->reply.body)};
    for (size_t i = 0; i < x->reply.header_count; i++)
        wire_header_add(arena, out, arena_str(arena, x->reply.headers[i].name),
            arena_str(arena, x->reply.headers[i].value));
    bool content = x->reader || x->reply_fd >= 0;
    if (content && str_eqz(x->request.method, "HEAD"))
        wire_header_add(
            arena, out, STR("Content-Length"), arena_printf(arena, "%lld", (long long)x->reply_length));
    else if (content && !read_reply(x, arena, max, &out->body))
        err_set(
            err, ERR_INVALID, "the content of %.*s is longer than %zu bytes", STR_ARG(x->request.path), max);
}

int s3srv_call(struct sandbox *sandbox, struct arena *arena, const struct s3srv_caller *caller,
    const struct wire_message *request, size_t max, struct wire_message *answer, struct err *err)
{
    struct exchange *x = mem_zalloc(sizeof *x);
    struct err failed = ERR_INIT;
    x->sandbox = sandbox;
    x->reply_fd = -1;
    x->body.max = max;
    x->request = *request;
    x->content_length = (int64_t)request->body.n;
    x->auth.region = caller->region;
    x->auth.service = STR("s3");
    x->auth.payload_hash = STR("UNSIGNED-PAYLOAD");
    if (caller->session)
        x->auth.session = *caller->session;
    memcpy(x->request_id, "inside", 7);
    s3srv_answer(x, request->body);
    take_reply(x, arena, max, answer, &failed);
    s3srv_responder.release(x);
    if (x->reader_ctx && x->reader_free)
        x->reader_free(x->reader_ctx);
    fd_close_ptr(&x->reply_fd);
    buf_release(&x->body);
    arena_release(&x->arena);
    free(x);
    if (failed.class)
        *err = failed;
    return failed.class ? -1 : 0;
}

/* IAM actions of settings. Deleting a setting usually needs the permission to put it. */
static const struct {
    const char *setting, *get, *put, *delete;
} settings[] = {
    {"versioning", "s3:GetBucketVersioning", "s3:PutBucketVersioning", NULL},
    {"tagging", "s3:GetBucketTagging", "s3:PutBucketTagging", NULL},
    {"lifecycle", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", NULL},
    {"encryption", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration", NULL},
    {"publicAccessBlock", "s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", NULL},
    {"ownershipControls", "s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls", NULL},
    {"cors", "s3:GetBucketCORS", "s3:PutBucketCORS", NULL},
    {"policy", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"},
    {"website", "s3:GetBucketWebsite", "s3:PutBucketWebsite", "s3:DeleteBucketWebsite"},
    {"notification", "s3:GetBucketNotification", "s3:PutBucketNotification", NULL},
    {"logging", "s3:GetBucketLogging", "s3:PutBucketLogging", NULL},
    {"accelerate", "s3:GetAccelerateConfiguration", "s3:PutAccelerateConfiguration", NULL},
    {"requestPayment", "s3:GetBucketRequestPayment", "s3:PutBucketRequestPayment", NULL},
    {"acl", "s3:GetBucketAcl", "s3:PutBucketAcl", NULL},
    {"replication", "s3:GetReplicationConfiguration", "s3:PutReplicationConfiguration", NULL},
    {"object-lock", "s3:GetBucketObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration", NULL},
    {"metrics", "s3:GetMetricsConfiguration", "s3:PutMetricsConfiguration", NULL},
    {"analytics", "s3:GetAnalyticsConfiguration", "s3:PutAnalyticsConfiguration", NULL},
    {"inventory", "s3:GetInventoryConfiguration", "s3:PutInventoryConfiguration", NULL},
    {"intelligent-tiering", "s3:GetIntelligentTieringConfiguration", "s3:PutIntelligentTieringConfiguration",
        NULL},
};

static const char *setting_action(const struct s3 *s)
{
    struct str method = s->x->request.method;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (str_eqz(s->setting, settings[i].setting))
            return str_eqz(method, "GET")                            ? settings[i].get
                   : str_eqz(method, "DELETE") && settings[i].delete ? settings[i].delete
                                                                     : settings[i].put;
    return NULL;
}

/* Returns the IAM action, which differs if the request has a version id. */
static const char *action_of(const struct s3 *s)
{
    static const char *const versions[][2] = {{"s3:GetObject", "s3:GetObjectVersion"},
        {"s3:DeleteObject", "s3:DeleteObjectVersion"}, {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
        {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
        {"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
        {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"}};
    const char *action = s->setting.n ? setting_action(s) : s->op->action;
    struct str version = s3srv_parameter_text(s, "versionId");
    for (size_t i = 0; action && version.n && i < sizeof versions / sizeof *versions; i++)
        if (!strcmp(action, versions[i][0]))
            return versions[i][1];
    return action;
}

static const struct {
    const char *name, *key;
    bool header;
} shown[] = {
    {"prefix", "s3:prefix", false},
    {"delimiter", "s3:delimiter", false},
    {"max-keys", "s3:max-keys", false},
    {"versionId", "s3:versionid", false},
    {S3SRV_SSE, "s3:x-amz-server-side-encryption", true},
    {S3SRV_SSE_KEY, "s3:x-amz-server-side-encryption-aws-kms-key-id", true},
    {"x-amz-acl", "s3:x-amz-acl", true},
    {"x-amz-storage-class", "s3:x-amz-storage-class", true},
    {"x-amz-copy-source", "s3:x-amz-copy-source", true},
    {"If-None-Match", "s3:if-none-match", true},
};

static const struct value *shown_context(struct s3 *s)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(s->arena);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        struct str text = STR_EMPTY;
        bool there = shown[i].header ? (text = s3srv_header(s, shown[i].name)).n > 0
                                     : s3srv_parameter(s, shown[i].name, &text);
        if (there)
            value_builder_set(&b, str_z(shown[i].key), value_string(s->arena, text));
    }
    return value_builder_map(&b);
}

static int may(struct s3 *s, const char *action, struct str bucket, struct str key, struct err *err)
{
    struct str resource = !bucket.n ? STR_EMPTY
                          : !key.n  ? bucket
                                    : arena_printf(s->arena, "%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
    return sandbox_check_s3(s->x->sandbox, s->arena, &s->x->auth.session, action, resource, s->x->auth.region,
        shown_context(s), err);
}

int s3srv_may_delete(struct s3 *s, struct str key, bool version, struct err *err)
{
    if (!session_is_limited(&s->x->auth.session))
        return 0;
    return may(s, version ? "s3:DeleteObjectVersion" : "s3:DeleteObject", s->bucket, key, err);
}

/* Checks the permission to read the source of a copy. */
static int may_read_source(struct s3 *s, struct err *err)
{
    struct s3srv_source source;
    if (!s3srv_parse_source(s, &source))
        return 0;
    const char *action = source.version.n ? "s3:GetObjectVersion" : "s3:GetObject";
    return may(s, action, source.bucket, source.key, err);
}

/* ---- folders ---- */

struct looking {
    struct s3 *s;
    bool found;
};

static bool found_in_folder(void *ctx, struct walk *walk UNUSED, struct str key)
{
    struct looking *looking = ctx;
    struct s3 *s = looking->s;
    struct object object;
    looking->found =
        store_object_read(s->arena, s->store, s->bucket, key, STR_EMPTY, false, &object) == STORE_OK &&
        !object.deleted;
    return !looking->found;
}

static bool folder_is_there(struct s3 *s, struct str folder)
{
    struct looking looking = {s, false};
    struct walk walk = {.prefix = folder, .ctx = &looking, .found = found_in_folder};
    return store_walk(s->store, s->bucket, &walk) == STORE_OK && looking.found;
}

/*
 * EMRFS creates the objects a_$folder$ and a/b_$folder$ for a new folder a/b/ unless it has objects. The
 * sandbox's Spark uses S3A, which creates only a/b/, and announces EMRFS by its user agent (engine/spark.c).
 */
static int may_make_folders(struct s3 *s, struct err *err)
{
    int status = 0;
    if (!str_ends(s->key, STR("/")) || !str_starts(s3srv_header(s, "User-Agent"), STR(S3SRV_EMRFS)))
        return 0;
    for (size_t i = 1; i < s->key.n && !status; i++) {
        struct str folder = str_slice(s->key, 0, i + 1);
        if (s->key.p[i] == '/' && !folder_is_there(s, folder))
            status = may(
                s, "s3:PutObject", s->bucket, arena_printf(s->arena, "%.*s_$folder$", (int)i, s->key.p), err);
    }
    return status;
}

bool s3srv_may(struct s3 *s)
{
    struct err err = ERR_INIT;
    if (!session_is_limited(&s->x->auth.session))
        return true;
    const char *action = action_of(s);
    int status = action ? may(s, action, s->bucket, s->key, &err) : 0;
    if (!status && s->op->action && !strcmp(s->op->action, "s3:PutObject")) {
        status = may_read_source(s, &err);
        if (!status && s3srv_header(s, "x-amz-tagging").n)
            status = may(s, "s3:PutObjectTagging", s->bucket, s->key, &err);
        if (!status)
            status = may_make_folders(s, &err);
    }
    if (status)
        s3srv_error(s, err.http_status, arena_strz(s->arena, str_z(err.code)),
            arena_strz(s->arena, str_z(err.message)));
    return !status;
}

/* ---- KMS keys of objects ---- */

static struct encryption_asker asker(struct s3 *s)
{
    return (struct encryption_asker){s->x->sandbox, s->arena, &s->x->auth.session, s->x->auth.region};
}

/* Responds AccessDenied for KMS's denial, with KMS's message. */
static bool refused(struct s3 *s, const struct err *err)
{
    bool denied = !strcmp(err->code, "AccessDeniedException");
    s3srv_error(s, denied ? 403 : 400, denied ? "AccessDenied" : arena_strz(s->arena, str_z(err->code)),
        arena_strz(s->arena, str_z(err->message)));
    return false;
}

bool s3srv_new_encryption(struct s3 *s, struct value_builder *headers)
{
    struct err err = ERR_INIT;
    const struct encryption_asker who = asker(s);
    struct encryption how = {s3srv_header(s, S3SRV_SSE), s3srv_header(s, S3SRV_SSE_KEY),
        str_ieq(s3srv_header(s, S3SRV_SSE_BUCKET_KEY), STR("true"))};
    if (!how.algorithm.n)
        how = encryption_of_bucket(s->arena, s->store, s->bucket);
    return !encryption_begin(&who, s->bucket, s->key, &how, headers, &err) || refused(s, &err);
}

bool s3srv_may_decrypt(struct s3 *s, struct str bucket, struct str key, const struct value *headers)
{
    struct err err = ERR_INIT;
    const struct encryption_asker who = asker(s);
    return !encryption_undo(&who, bucket, key, headers, &err) || refused(s, &err);
}
