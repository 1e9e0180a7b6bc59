/* Validation of settings: lifecycles, notifications, allowed values. */
#include "base/clock.h"
#include "sandbox/s3/s3srv.h"

enum { MAX_RULES = 1000 }; /* S3's limit of lifecycle rules */

/* ---- allowed values of settings, and dependencies between settings ---- */

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

/* A list where a single value is expected is invalid. */
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

/* A default retention needs a mode and a period, in days or years. */
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

/* Each rule needs an action, and no action may be empty. */
static bool check_actions(struct s3 *s, const struct value *rule)
{
    static const char *const names[] = {"Expiration", "Transition", "NoncurrentVersionExpiration",
        "NoncurrentVersionTransition", "AbortIncompleteMultipartUpload"};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct value *const *actions, *one;
        size_t n = s3srv_items(value_getz(rule, names[i]), &actions, &one);
        any = any || n;
        for (size_t k = 0; k < n; k++)
            if (actions[k]->kind != VALUE_MAP || !actions[k]->count)
                return s3srv_malformed(s);
    }
    if (any)
        return true;
    s3srv_error(s, 400, "InvalidRequest", "At least one action needs to be specified in a rule");
    return false;
}

/* ---- days ---- */

static bool wrong_argument(struct s3 *s, const char *why)
{
    s3srv_error(s, 400, "InvalidArgument", why);
    return false;
}

/* Returns false if the action has no days. */
static bool days_of(const struct value *action, int64_t *out)
{
    return str_to_int(str_trim(value_gets(action, "Days")), out);
}

static bool check_days(struct s3 *s, const struct value *rule)
{
    const struct value *const *moves, *one;
    int64_t end, days;
    size_t n = s3srv_items(value_getz(rule, "Transition"), &moves, &one);
    bool ends = days_of(value_getz(rule, "Expiration"), &end);
    if (ends && end < 1)
        return wrong_argument(s, "'Days' for Expiration action must be a positive integer");
    for (size_t i = 0; i < n; i++) {
        struct str to = value_gets(moves[i], "StorageClass");
        bool counted = days_of(moves[i], &days), seldom = str_ends(to, STR("_IA"));
        if (counted && seldom && days < 30)
            return wrong_argument(s,
                arena_printf(s->arena,
                    "'Days' in Transition action must be greater than or equal to 30 for storageClass '%.*s'",
                    STR_ARG(to))
                    .p);
        if (counted && ends && days >= end)
            return wrong_argument(
                s, "'Days' in the Expiration action must be greater than 'Days' in the Transition action");
    }
    return true;
}

/* A date is midnight; the argument's name is the element's. */
static bool check_date(struct s3 *s, const struct value *action)
{
    struct str date = str_trim(value_gets(action, "Date"));
    int64_t ms;
    if (!date.n || !time_parse_rfc3339(date, &ms) || ms % (24 * 60 * 60 * 1000) == 0)
        return true;
    s3srv_argument(s, "Date", date, "'Date' must be at midnight GMT");
    return false;
}

/* An expiration has one of Days, Date and ExpiredObjectDeleteMarker. */
static bool check_dates(struct s3 *s, const struct value *rule)
{
    const struct value *end = value_getz(rule, "Expiration"), *const * moves, *one;
    size_t n = s3srv_items(value_getz(rule, "Transition"), &moves, &one);
    bool marker = str_ieq(value_gets(end, "ExpiredObjectDeleteMarker"), STR("true"));
    if ((value_getz(end, "Days") != NULL) + (value_getz(end, "Date") != NULL) + marker > 1)
        return s3srv_malformed(s);
    bool fits = check_date(s, end);
    for (size_t i = 0; i < n && fits; i++)
        fits = check_date(s, moves[i]);
    return fits;
}

/* Several conditions are in And; tag keys differ. */
static bool check_lifecycle_filter(struct s3 *s, const struct value *filter)
{
    const struct value *const *tags, *one;
    if (filter && filter->kind == VALUE_MAP && filter->count > 1)
        return s3srv_malformed(s);
    size_t n = s3srv_items(value_getz(value_getz(filter, "And"), "Tag"), &tags, &one);
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (str_eq(value_gets(tags[i], "Key"), value_gets(tags[k], "Key"))) {
                s3srv_error(s, 400, "InvalidRequest", "Duplicate Tag Keys are not allowed.");
                return false;
            }
    return true;
}

static bool check_minimum_size(struct s3 *s)
{
    struct str given = s3srv_header(s, S3SRV_MINIMUM_SIZE);
    bool known = !given.n || str_is_any(given, "all_storage_classes_128K varies_by_storage_class");
    if (!known)
        s3srv_error(s, 400, "InvalidRequest",
            arena_printf(s->arena, "Invalid TransitionDefaultMinimumObjectSize found: %.*s", STR_ARG(given))
                .p);
    return known;
}

static bool ids_differ(struct s3 *s, const struct value *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++) {
            struct str id = value_gets(rules[i], "ID");
            if (id.n && str_eq(id, value_gets(rules[k], "ID")))
                return wrong_argument(s, "RuleId must be unique. Found same ID for more than one rule");
        }
    return true;
}

bool s3srv_check_lifecycle(struct s3 *s, const struct value *doc)
{
    const struct value *const *rules, *one;
    size_t n = s3srv_items(value_getz(doc, "Rule"), &rules, &one);
    for (size_t i = 0; i < n; i++) {
        struct str status = value_gets(rules[i], "Status");
        bool chooses = value_getz(rules[i], "Filter") || value_getz(rules[i], "Prefix");
        if (!chooses || !(str_eqz(status, "Enabled") || str_eqz(status, "Disabled")))
            return s3srv_malformed(s);
        if (!check_lifecycle_filter(s, value_getz(rules[i], "Filter")) || !check_actions(s, rules[i]) ||
            !check_days(s, rules[i]) || !check_dates(s, rules[i]))
            return false;
    }
    return n && n <= MAX_RULES ? ids_differ(s, rules, n) && check_minimum_size(s) : s3srv_malformed(s);
}

/* ---- notifications ---- */

static const char *const targets[] = {
    "QueueConfiguration", "TopicConfiguration", "CloudFunctionConfiguration", "LambdaFunctionConfiguration"};

/* True if the event types overlap: s3:ObjectCreated:* includes s3:ObjectCreated:Put. */
static bool events_meet(struct str a, struct str b)
{
    a = str_trim(a);
    b = str_trim(b);
    bool wide = str_ends(a, STR("*")), wider = str_ends(b, STR("*"));
    struct str begin = wide ? str_slice(a, 0, a.n - 1) : a, other = wider ? str_slice(b, 0, b.n - 1) : b;
    return (wide && str_starts(b, begin)) || (wider && str_starts(a, other)) || str_eq(a, b);
}

/* Returns the key prefix or suffix of a filter, or "". */
static struct str key_part(const struct value *config, const char *name)
{
    const struct value *const *rules, *one;
    size_t n = s3srv_items(
        value_getz(value_getz(value_getz(config, "Filter"), "S3Key"), "FilterRule"), &rules, &one);
    for (size_t i = 0; i < n; i++)
        if (str_ieq(str_trim(value_gets(rules[i], "Name")), str_z(name)))
            return str_trim(value_gets(rules[i], "Value"));
    return STR_EMPTY;
}

/* True if a key can match both filters. */
static bool keys_meet(const struct value *a, const struct value *b)
{
    struct str begin = key_part(a, "prefix"), other = key_part(b, "prefix"), end = key_part(a, "suffix"),
               last = key_part(b, "suffix");
    return (str_starts(begin, other) || str_starts(other, begin)) &&
           (str_ends(end, last) || str_ends(last, end));
}

static bool overlap(const struct value *a, const struct value *b)
{
    const struct value *const *mine, *const *its, *one, *single;
    size_t n = s3srv_items(value_getz(a, "Event"), &mine, &one),
           m = s3srv_items(value_getz(b, "Event"), &its, &single);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < m; k++)
            if (events_meet(value_text(mine[i], STR_EMPTY), value_text(its[k], STR_EMPTY)))
                return keys_meet(a, b);
    return false;
}

/* Checks the names and values of filter rules. False: responded. */
static bool check_filter(struct s3 *s, const struct value *config)
{
    const struct value *const *rules, *one;
    size_t n = s3srv_items(
        value_getz(value_getz(value_getz(config, "Filter"), "S3Key"), "FilterRule"), &rules, &one);
    for (size_t i = 0; i < n; i++) {
        struct str name = str_trim(value_gets(rules[i], "Name"));
        if (!name.n || !value_getz(rules[i], "Value"))
            return s3srv_malformed(s);
        if (str_ieq(name, STR("prefix")) || str_ieq(name, STR("suffix")))
            continue;
        s3srv_argument(s, "FilterRule.Name", name, "filter rule name must be either prefix or suffix");
        return false;
    }
    return true;
}

bool s3srv_check_filters(struct s3 *s, const struct value *doc)
{
    const struct value *const *configs, *one;
    for (size_t k = 0; k < sizeof targets / sizeof *targets; k++) {
        size_t n = s3srv_items(value_getz(doc, targets[k]), &configs, &one);
        for (size_t i = 0; i < n; i++)
            if (!check_filter(s, configs[i]))
                return false;
    }
    return true;
}

bool s3srv_check_overlap(struct s3 *s, const struct value *doc)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(s->arena);
    for (size_t k = 0; k < sizeof targets / sizeof *targets; k++) {
        const struct value *const *configs, *one;
        size_t n = s3srv_items(value_getz(doc, targets[k]), &configs, &one);
        for (size_t i = 0; i < n; i++)
            value_builder_add(&all, configs[i]);
    }
    const struct value *list = value_builder_list(&all);
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t k = i + 1; k < list->count; k++)
            if (overlap(list->items[i], list->items[k]))
                return wrong_argument(s, "Configurations overlap. Configurations on the same bucket cannot "
                                         "share a common event type.");
    return true;
}
