/* May whoever asks do this? Asked before anything is looked at, of everybody but the sandbox's own user. */
#include "sandbox/s3/s3srv.h"

#include "base/hash.h"
#include "sandbox/s3/encryption.h"

#include <string.h>

/* Settings are called otherwise by IAM than in addresses, and to take one away is to put it. */
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

/* With a version it is another action. */
static const char *action_of(const struct s3 *s)
{
    static const char *const versions[][2] = {{"s3:GetObject", "s3:GetObjectVersion"},
        {"s3:DeleteObject", "s3:DeleteObjectVersion"}, {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
        {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
        {"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
        {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"}};
    const char *action = s->setting.n ? setting_action(s) : s->op->action;
    struct str version = s3srv_parameter_or(s, "versionId", STR_EMPTY);
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

/* bucket/key of x-amz-copy-source, which is read as well. */
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
 * Of a new folder a/b/ EMRFS puts the objects a_$folder$ and a/b_$folder$, each where nothing lies in it yet.
 * S3A, with which a Spark of the sandbox writes, puts a/b/ alone, and says for whom (engine/spark.c).
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

/* ---- keys of KMS behind the objects ---- */

static struct encryption_asker asker(struct s3 *s)
{
    return (struct encryption_asker){s->x->sandbox, s->arena, &s->x->auth.session, s->x->auth.region};
}

/* A denial is S3's own AccessDenied, with KMS's words. */
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
