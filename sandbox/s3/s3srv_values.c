/* What settings may say: the words that they choose from, and what one of them asks of another. */
#include "sandbox/s3/s3srv.h"

static const struct choice {
    const char *setting, *path[3], *words[4];
} choices[] = {
    {"versioning", {"Status"}, {"Enabled", "Suspended"}},
    {"accelerate", {"Status"}, {"Enabled", "Suspended"}},
    {"requestPayment", {"Payer"}, {"BucketOwner", "Requester"}},
    {"object-lock", {"ObjectLockEnabled"}, {"Enabled"}},
    {"ownershipControls", {"Rule", "ObjectOwnership"},
        {"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"}},
};

static const struct choice *choice_of(struct str setting)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (str_eqz(setting, choices[i].setting))
            return &choices[i];
    return NULL;
}

bool s3srv_is_choice(struct str setting, struct str value)
{
    const struct choice *choice = choice_of(setting);
    for (size_t i = 0; choice->words[i]; i++)
        if (str_eqz(value, choice->words[i]))
            return true;
    return false;
}

/* Several where there is one to be have no words. */
static bool chooses(const struct value *doc, const struct choice *choice)
{
    for (size_t i = 0; i < 3 && choice->path[i]; i++)
        doc = value_getz(doc, choice->path[i]);
    return s3srv_is_choice(str_z(choice->setting), value_text(doc, STR_EMPTY));
}

static bool refuse_state(struct s3 *s, const char *why)
{
    s3srv_error(s, 409, "InvalidBucketState", why);
    return false;
}

static bool check_versioning(struct s3 *s, const struct value *doc)
{
    struct str lock;
    if (!value_getz(doc, "Status")) {
        s3srv_error(
            s, 400, "IllegalVersioningConfigurationException", "The Versioning element must be specified");
        return false;
    }
    if (str_eqz(value_gets(doc, "Status"), "Suspended") &&
        store_setting(s->arena, s->store, s->bucket, STR("object-lock"), &lock))
        return refuse_state(s,
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be "
            "changed.");
    return true;
}

/* A rule says how and for how long, in one unit. */
static bool check_lock(struct s3 *s, const struct value *doc)
{
    const struct value *rule = value_getz(doc, "Rule"), *retention = value_getz(rule, "DefaultRetention");
    struct str mode = value_gets(retention, "Mode");
    bool days = value_getz(retention, "Days"), years = value_getz(retention, "Years");
    if (rule && (days == years || (!str_eqz(mode, "GOVERNANCE") && !str_eqz(mode, "COMPLIANCE"))))
        return s3srv_malformed(s);
    if (s3srv_versioning(s, s->bucket) != VERSIONING_ENABLED)
        return refuse_state(
            s, "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
    return true;
}

static bool check_encryption(struct s3 *s, const struct value *doc)
{
    const struct value *rule = value_getz(doc, "Rule"),
                       *how = value_getz(rule, "ApplyServerSideEncryptionByDefault");
    if (!rule || rule->kind != VALUE_MAP)
        return s3srv_malformed(s);
    if (!str_eqz(value_gets(how, "SSEAlgorithm"), "AES256") || !value_gets(how, "KMSMasterKeyID").n)
        return true;
    s3srv_detail(s, "ArgumentName", STR("ApplyServerSideEncryptionByDefault"));
    s3srv_error(s, 400, "InvalidArgument",
        "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse");
    return false;
}

bool s3srv_check_values(struct s3 *s, const struct value *doc)
{
    const struct choice *choice = choice_of(s->setting);
    if (str_eqz(s->setting, "accelerate") && str_find_char(s->bucket, '.', 0) >= 0) {
        s3srv_error(s, 400, "InvalidRequest",
            "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names");
        return false;
    }
    if (str_eqz(s->setting, "versioning") && !check_versioning(s, doc))
        return false;
    if (choice && !chooses(doc, choice))
        return s3srv_malformed(s);
    if (str_eqz(s->setting, "object-lock"))
        return check_lock(s, doc);
    return !str_eqz(s->setting, "encryption") || check_encryption(s, doc);
}

bool s3srv_check_bypass(struct s3 *s)
{
    struct str lock;
    if (!s3srv_header(s, "x-amz-bypass-governance-retention").n ||
        store_setting(s->arena, s->store, s->bucket, STR("object-lock"), &lock))
        return true;
    s3srv_detail(s, "ArgumentName", STR("x-amz-bypass-governance-retention"));
    s3srv_error(s, 400, "InvalidArgument",
        "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.");
    return false;
}

struct str s3srv_access_block_as_written(struct s3 *s, const struct value *doc)
{
    static const char *const members[] = {
        "BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"};
    AUTO_BUF struct buf out = BUF_INIT;
    xml_begin(&out, "PublicAccessBlockConfiguration");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        xml_bool(&out, members[i], str_ieq(value_gets(doc, members[i]), STR("true")));
    xml_close(&out, "PublicAccessBlockConfiguration");
    return arena_str(s->arena, buf_str(&out));
}
