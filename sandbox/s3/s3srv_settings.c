/*
 * Settings of a bucket: versioning, policy, lifecycle and others, each with put, get and delete. A setting is
 * returned as it was put; a new bucket has AWS's current defaults.
 */
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/s3/s3srv.h"

#define NS                   " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""
#define ABSENT(code_, text_) .absent = (code_), .message = (text_)
#define MANY                 .many = true, ABSENT("NoSuchConfiguration", "The specified configuration does not exist.")

static const struct setting {
    const char *name, *root;
    const char *initial;          /* default of a new bucket; NULL: none */
    const char *absent, *message; /* error response if the setting is absent */
    bool resets;                  /* deleting restores the default */
    bool fixed;                   /* cannot be deleted */
    bool many;                    /* several configurations with ids */
} all_settings[] = {
    {"versioning", "VersioningConfiguration", .initial = "<VersioningConfiguration" NS "/>", .fixed = true},
    {"encryption", "ServerSideEncryptionConfiguration", .resets = true,
        .initial = "<ServerSideEncryptionConfiguration" NS
                   "><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256"
                   "</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</"
                   "BucketKeyEnabled></Rule>"
                   "</ServerSideEncryptionConfiguration>"},
    {"publicAccessBlock", "PublicAccessBlockConfiguration",
        .initial = "<PublicAccessBlockConfiguration" NS
                   "><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true"
                   "</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true"
                   "</RestrictPublicBuckets></PublicAccessBlockConfiguration>",
        ABSENT(
            "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")},
    {"ownershipControls", "OwnershipControls",
        .initial =
            "<OwnershipControls" NS "><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"
            "</OwnershipControls>",
        ABSENT("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")},
    {"lifecycle", "LifecycleConfiguration",
        ABSENT("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")},
    {"policy", NULL, ABSENT("NoSuchBucketPolicy", "The bucket policy does not exist")},
    {"tagging", "Tagging", ABSENT("NoSuchTagSet", "The TagSet does not exist")},
    {"cors", "CORSConfiguration", ABSENT("NoSuchCORSConfiguration", "The CORS configuration does not exist")},
    {"website", "WebsiteConfiguration",
        ABSENT("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")},
    {"replication", "ReplicationConfiguration",
        ABSENT("ReplicationConfigurationNotFoundError", "The replication configuration was not found")},
    {"object-lock", "ObjectLockConfiguration", .fixed = true,
        ABSENT("ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket")},
    {"notification", "NotificationConfiguration", .initial = "<NotificationConfiguration" NS "/>",
        .fixed = true},
    {"logging", "BucketLoggingStatus", .initial = "<BucketLoggingStatus" NS "/>", .fixed = true},
    {"accelerate", "AccelerateConfiguration", .initial = "<AccelerateConfiguration" NS "/>", .fixed = true},
    {"requestPayment", "RequestPaymentConfiguration", .fixed = true,
        .initial =
            "<RequestPaymentConfiguration" NS "><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"},
    {"acl", "AccessControlPolicy", .fixed = true},
    {"metrics", "MetricsConfiguration", MANY},
    {"analytics", "AnalyticsConfiguration", MANY},
    {"inventory", "InventoryConfiguration", MANY},
    {"intelligent-tiering", "IntelligentTieringConfiguration", MANY},
};

static const struct setting *s3srv_settings_find(struct str name)
{
    for (size_t i = 0; i < sizeof all_settings / sizeof all_settings[0]; i++)
        if (str_eqz(name, all_settings[i].name))
            return &all_settings[i];
    return NULL;
}

bool s3srv_is_setting(struct str parameter)
{
    return s3srv_settings_find(parameter) != NULL;
}

/* Returns the setting's name in the store: "lifecycle", "metrics/ID". */
static struct str stored_name(struct s3 *s, const struct setting *setting)
{
    AUTO_BUF struct buf name = BUF_INIT;
    if (!setting->many)
        return str_z(setting->name);
    buf_addf(&name, "%s/", setting->name);
    url_encode(&name, s3srv_parameter_text(s, "id"), false);
    return arena_str(s->arena, buf_str(&name));
}

/* Returns the stored setting or the default; false if absent. A deleted default is stored as an empty
 * setting. */
static bool current(struct s3 *s, struct str bucket, const struct setting *setting, struct str *text)
{
    if (store_setting(s->arena, s->store, bucket, stored_name(s, setting), text))
        return text->n > 0;
    *text = str_z(setting->initial);
    return setting->initial != NULL;
}

static struct str value_in(struct s3 *s, struct str bucket, const char *name, const char *const *path)
{
    struct str text, root;
    const struct value *doc;
    if (!current(s, bucket, s3srv_settings_find(str_z(name)), &text) ||
        wire_xml_read(s->arena, text, &root, &doc, ERR_IGNORED))
        return STR_EMPTY;
    for (; *path; path++)
        doc = value_getz(doc, *path);
    return value_text(doc, STR_EMPTY);
}

enum versioning versioning_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket)
{
    struct str text, root;
    const struct value *doc = NULL;
    if (!store_setting(arena, store, bucket, STR("versioning"), &text) ||
        wire_xml_read(arena, text, &root, &doc, ERR_IGNORED))
        return VERSIONING_OFF;
    struct str status = value_gets(doc, "Status");
    return str_eqz(status, "Enabled")     ? VERSIONING_ENABLED
           : str_eqz(status, "Suspended") ? VERSIONING_SUSPENDED
                                          : VERSIONING_OFF;
}

enum versioning s3srv_versioning(struct s3 *s, struct str bucket)
{
    return versioning_of_bucket(s->arena, s->store, bucket);
}

void s3srv_notify(struct s3 *s, const char *name, struct str key, const struct object *object)
{
    sandbox_notify_object(s->x->sandbox, s->arena, name, s->bucket, key, object, str_z(s->x->request_id),
        wire_header_get(&s->x->request, STR("X-Amzn-Trace-Id")));
}

bool s3srv_acls_enabled(struct s3 *s)
{
    static const char *const path[] = {"Rule", "ObjectOwnership", NULL};
    return !str_eqz(value_in(s, s->bucket, "ownershipControls", path), "BucketOwnerEnforced");
}

bool s3srv_public_acls_blocked(struct s3 *s)
{
    static const char *const path[] = {"BlockPublicAcls", NULL};
    return str_eqz(value_in(s, s->bucket, "publicAccessBlock", path), "true");
}

bool s3srv_public_policies_blocked(struct s3 *s)
{
    static const char *const path[] = {"BlockPublicPolicy", NULL};
    return str_eqz(value_in(s, s->bucket, "publicAccessBlock", path), "true");
}

static void write_acl(struct s3 *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    xml_begin(&out, "AccessControlPolicy");
    xml_owner(&out);
    buf_addz(&out, "<AccessControlList><Grant>");
    AUTO_BUF struct buf owner = BUF_INIT;
    xml_owner(&owner);
    struct str inner = buf_str(&owner); /* <Owner>…</Owner> without these tags */
    buf_addz(
        &out, "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">");
    buf_add_str(&out, str_slice(inner, 7, inner.n - 8));
    buf_addz(&out, "</Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>");
    xml_end(s, &out, "AccessControlPolicy");
}

/* Lists all configurations of a setting, 100 per page. */
static void list_many(struct s3 *s, const struct setting *setting)
{
    enum { PAGE = 100 };
    AUTO_BUF struct buf out = BUF_INIT;
    struct str token = s3srv_parameter_text(s, "continuation-token"), after = STR_EMPTY;
    uint32_t shown = 0, i = 0;
    if (token.n && !base64_decode(s->arena, token, &after)) {
        s3srv_argument(s, "continuation-token", token, "The continuation token provided is incorrect");
        return;
    }
    struct str root = arena_printf(s->arena, "List%sResult", setting->root);
    const struct value *ids = store_setting_ids(s->arena, s->store, s->bucket, str_z(setting->name));
    if (!ids) {
        s3srv_store_error(s, STORE_FAILED, NULL);
        return;
    }
    xml_begin(&out, root.p);
    for (; i < ids->count && shown < PAGE; i++) {
        if (str_cmp(ids->items[i]->string, after) <= 0)
            continue;
        shown++;
        struct str text,
            name = arena_printf(s->arena, "%s/%.*s", setting->name, STR_ARG(ids->items[i]->string));
        if (!store_setting(s->arena, s->store, s->bucket, name, &text))
            continue;
        ptrdiff_t prolog = str_starts(text, STR("<?")) ? str_find(text, STR("?>"), 0) : -2;
        buf_add_str(&out, str_slice(text, (size_t)(prolog + 2), text.n));
    }
    xml_bool(&out, "IsTruncated", i < ids->count);
    if (token.n)
        xml_leaf(&out, "ContinuationToken", token);
    if (i < ids->count)
        xml_leaf(&out, "NextContinuationToken", base64_encode(s->arena, ids->items[i - 1]->string));
    xml_end(s, &out, root.p);
}

/* The minimum object size of transitions is a header, not part of the lifecycle document. */
static void keep_minimum_size(struct s3 *s)
{
    struct str given = s3srv_header(s, S3SRV_MINIMUM_SIZE);
    given = given.n ? given : STR("all_storage_classes_128K");
    store_setting_put(s->store, s->bucket, STR("lifecycle/size"), given);
    reply_header(s->x, S3SRV_MINIMUM_SIZE, given);
}

static void show_minimum_size(struct s3 *s)
{
    struct str kept;
    if (store_setting(s->arena, s->store, s->bucket, STR("lifecycle/size"), &kept))
        reply_header(s->x, S3SRV_MINIMUM_SIZE, kept);
}

static void no_such_setting(struct s3 *s, const struct setting *setting)
{
    if (!setting->many)
        s3srv_detail(s, "BucketName", s->bucket);
    s3srv_error(s, 404, setting->absent, setting->message);
}

void s3srv_get_setting(struct s3 *s)
{
    const struct setting *setting = s3srv_settings_find(s->setting);
    struct str text, id;
    if (!s3srv_bucket_or_error(s))
        return;
    if (setting->many && !s3srv_parameter(s, "id", &id))
        list_many(s, setting);
    else if (current(s, s->bucket, setting, &text))
        reply_text(s->x, 200, setting->root ? "application/xml" : "application/json", text);
    else if (str_eqz(s->setting, "acl"))
        write_acl(s);
    else
        no_such_setting(s, setting);
    if (str_eqz(s->setting, "lifecycle") && current(s, s->bucket, setting, &text))
        show_minimum_size(s);
}

void s3srv_policy_status(struct s3 *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str text;
    const struct value *doc = NULL;
    const struct setting *policy = s3srv_settings_find(STR("policy"));
    if (!s3srv_bucket_or_error(s))
        return;
    if (!current(s, s->bucket, policy, &text)) {
        no_such_setting(s, policy);
        return;
    }
    json_parse(s->arena, text, &doc, ERR_IGNORED);
    xml_begin(&out, "PolicyStatus");
    xml_bool(&out, "IsPublic", s3srv_lets_anybody(value_getz(doc, "Statement")));
    xml_end(s, &out, "PolicyStatus");
}

/* The id in the document must be that of the request. */
static bool check_id(struct s3 *s, const struct value *doc)
{
    if (str_eq(value_gets(doc, "Id"), s3srv_parameter_text(s, "id")))
        return true;
    s3srv_error(s, 400, "IdMismatch", "Document ID does not match the specified configuration ID.");
    return false;
}

static bool check_setting(struct s3 *s, const struct setting *setting, const struct value *doc)
{
    if (setting->many)
        return check_id(s, doc);
    if (str_eqz(s->setting, "lifecycle"))
        return s3srv_check_lifecycle(s, doc);
    if (str_eqz(s->setting, "notification"))
        return s3srv_check_notification(s, doc);
    return s3srv_check_values(s, doc);
}

/* Returns the validated body in its stored form; "": responded. */
static struct str checked_body(struct s3 *s, const struct setting *setting)
{
    if (!setting->root)
        return s3srv_check_policy(s) ? s->x->request.body : STR_EMPTY;
    const struct value *doc = s3srv_body(s, setting->root);
    if (!doc || !check_setting(s, setting, doc))
        return STR_EMPTY;
    if (str_eqz(s->setting, "notification"))
        return s3srv_notification_as_written(s);
    return str_eqz(s->setting, "publicAccessBlock") ? s3srv_access_block_as_written(s, doc)
                                                    : s->x->request.body;
}

/* An empty tag set deletes the tags. */
static enum store_result put_bucket_tags(struct s3 *s, bool *answered)
{
    const struct value *doc = s3srv_body(s, "Tagging");
    const struct value *tags = doc ? s3srv_parse_tags(s, value_getz(doc, "TagSet")) : NULL;
    *answered = !tags;
    if (!tags)
        return STORE_OK;
    if (tags->count)
        return store_setting_put(s->store, s->bucket, s->setting, s->x->request.body);
    enum store_result result = store_setting_delete(s->store, s->bucket, s->setting);
    return result == STORE_NO_KEY ? STORE_OK : result;
}

static enum store_result put_checked(struct s3 *s, const struct setting *setting, bool *answered)
{
    struct str text = checked_body(s, setting);
    *answered = !text.n;
    return *answered ? STORE_OK : store_setting_put(s->store, s->bucket, stored_name(s, setting), text);
}

static enum store_result put_acl(struct s3 *s, bool *answered)
{
    *answered = !s3srv_check_acl(s);
    if (*answered || !str_trim(s->x->request.body).n || !s3srv_acls_enabled(s))
        return STORE_OK;
    return store_setting_put(s->store, s->bucket, s->setting, s->x->request.body);
}

void s3srv_put_setting(struct s3 *s)
{
    const struct setting *setting = s3srv_settings_find(s->setting);
    bool tags = str_eqz(s->setting, "tagging"), answered;
    if (!s3srv_bucket_or_error(s))
        return;
    enum store_result result = str_eqz(s->setting, "acl") ? put_acl(s, &answered)
                               : tags                     ? put_bucket_tags(s, &answered)
                                                          : put_checked(s, setting, &answered);
    if (answered)
        return;
    if (result != STORE_OK)
        s3srv_store_error(s, result, NULL);
    else
        reply_status(s->x, !setting->root || setting->many || tags ? 204 : 200);
    if (result == STORE_OK && str_eqz(s->setting, "lifecycle"))
        keep_minimum_size(s);
}

void s3srv_delete_setting(struct s3 *s)
{
    const struct setting *setting = s3srv_settings_find(s->setting);
    struct str text;
    if (!s3srv_bucket_or_error(s))
        return;
    if (setting->fixed) {
        s3srv_no_method(s, "BUCKET");
        return;
    }
    if (setting->many && !current(s, s->bucket, setting, &text)) {
        no_such_setting(s, setting);
        return;
    }
    enum store_result result = setting->initial && !setting->resets
                                   ? store_setting_put(s->store, s->bucket, s->setting, STR_EMPTY)
                                   : store_setting_delete(s->store, s->bucket, stored_name(s, setting));
    if (result == STORE_OK || result == STORE_NO_KEY)
        reply_status(s->x, 204);
    else
        s3srv_store_error(s, result, NULL);
}
