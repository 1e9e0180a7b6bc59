/* Validation of settings: policies, access control lists, notifications. */
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/s3/s3srv.h"

#include <stdio.h>

bool s3srv_malformed(struct s3 *s)
{
    s3srv_error(s, 400, "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema");
    return false;
}

/* ---- policies ---- */

/* True if the ARN names another bucket; names with wildcards or variables are accepted. */
static bool names_other_bucket(struct str arn, struct str bucket)
{
    struct str start = STR(":s3:::"), key;
    ptrdiff_t at = str_find(arn, start, 0);
    if (at < 0)
        return false;
    struct str name = str_cut(str_slice(arn, (size_t)at + start.n, arn.n), '/', &key);
    return !str_eq(name, bucket) && str_find_char(name, '*', 0) < 0 && str_find_char(name, '?', 0) < 0 &&
           str_find_char(name, '$', 0) < 0;
}

static bool statements_fit(const struct value *doc, struct str bucket)
{
    const struct value *const *statements, *const *resources, *one, *single;
    size_t n = s3srv_items(value_getz(doc, "Statement"), &statements, &one);
    for (size_t i = 0; i < n; i++) {
        size_t count = s3srv_items(value_getz(statements[i], "Resource"), &resources, &single);
        for (size_t k = 0; k < count; k++)
            if (names_other_bucket(value_text(resources[k], STR_EMPTY), bucket))
                return false;
    }
    return true;
}

/* True unless the principal is a role or user of this account that does not exist. */
static bool principal_is_there(struct s3 *s, struct str arn)
{
    struct str rest = arn, part = STR_EMPTY;
    for (int i = 0; i < 5; i++)
        part = str_cut(rest, ':', &rest);
    bool role = str_starts(rest, STR("role/")), user = str_starts(rest, STR("user/"));
    if (!str_starts(arn, STR("arn:")) || !str_eq(part, sandbox_account(s->x->sandbox)) || (!role && !user))
        return true;
    return sandbox_has_resource(
        s->x->sandbox, s->arena, role ? STR("aws.iam.role") : STR("aws.iam.user"), STR_EMPTY, arn);
}

static bool principals_are_there(struct s3 *s, const struct value *statements)
{
    const struct value *const *all, *const *named, *one, *single;
    size_t n = s3srv_items(statements, &all, &one);
    for (size_t i = 0; i < n; i++) {
        size_t count = s3srv_items(value_getz(value_getz(all[i], "Principal"), "AWS"), &named, &single);
        for (size_t k = 0; k < count; k++)
            if (!principal_is_there(s, value_text(named[k], STR_EMPTY)))
                return false;
    }
    return true;
}

/* True if the principal is "*" without a condition that limits the source. */
static bool is_open(const struct value *statement)
{
    static const char *const bounds[] = {"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:sourcearn",
        "aws:sourceaccount", "aws:sourceorgid", "aws:principalorgid", "aws:principalaccount",
        "aws:principalarn", "aws:userid", "s3:dataaccesspointaccount", "s3:dataaccesspointarn"};
    const struct value *who = value_getz(statement, "Principal"),
                       *conditions = value_getz(statement, "Condition");
    const struct value *aws = value_getz(who, "AWS");
    if (!str_eqz(value_gets(statement, "Effect"), "Allow") ||
        !(str_eqz(value_text(who, STR_EMPTY), "*") || str_eqz(value_text(aws, STR_EMPTY), "*") ||
            value_list_has(aws, STR("*"))))
        return false;
    for (uint32_t i = 0; conditions && conditions->kind == VALUE_MAP && i < conditions->count; i++) {
        const struct value *keys = conditions->entries[i].value;
        for (uint32_t k = 0; keys->kind == VALUE_MAP && k < keys->count; k++)
            for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++)
                if (str_ieq(keys->entries[k].key, str_z(bounds[b])))
                    return false;
    }
    return true;
}

bool s3srv_lets_anybody(const struct value *statements)
{
    const struct value *const *all, *one;
    size_t n = s3srv_items(statements, &all, &one);
    for (size_t i = 0; i < n; i++)
        if (is_open(all[i]))
            return true;
    return false;
}

static bool check_statements(struct s3 *s, const struct value *doc)
{
    const struct value *statements = value_getz(doc, "Statement");
    if (!statements_fit(doc, s->bucket)) {
        s3srv_error(s, 400, "MalformedPolicy", "Policy has invalid resource");
        return false;
    }
    if (!principals_are_there(s, statements)) {
        s3srv_error(s, 400, "MalformedPolicy", "Invalid principal in policy");
        return false;
    }
    if (!s3srv_lets_anybody(statements) || !s3srv_public_policies_blocked(s))
        return true;
    s3srv_error(s, 403, "AccessDenied",
        "User is not authorized to perform: s3:PutBucketPolicy on this bucket because public policies are "
        "prevented by the "
        "BlockPublicPolicy setting in S3 Block Public Access.");
    return false;
}

bool s3srv_check_policy(struct s3 *s)
{
    const struct value *doc = NULL;
    struct str text = str_trim(s->x->request.body);
    bool read = text.n && text.p[0] == '{' && !json_parse(s->arena, text, &doc, ERR_IGNORED);
    if (read && value_getz(doc, "Statement"))
        return check_statements(s, doc);
    s3srv_error(s, 400, "MalformedPolicy",
        read ? "Missing required field Statement"
             : "Policies must be valid JSON and the first byte must be '{'");
    return false;
}

/* ---- access control lists ---- */

/* True for full control by the owner only, which is the default. */
static bool grants_owner_only(const struct value *policy)
{
    const struct value *const *grants, *one;
    size_t n = s3srv_items(value_getz(value_getz(policy, "AccessControlList"), "Grant"), &grants, &one);
    for (size_t i = 0; i < n; i++)
        if (!str_eqz(value_gets(value_getz(grants[i], "Grantee"), "ID"), S3SRV_OWNER) ||
            !str_eqz(value_gets(grants[i], "Permission"), "FULL_CONTROL"))
            return false;
    return n > 0;
}

static bool no_acls(struct s3 *s)
{
    s3srv_error(s, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs");
    return false;
}

/* True if the canned ACL grants access to everyone or to all AWS accounts. */
static bool is_public(struct str canned)
{
    return str_starts(canned, STR("public-read")) || str_eqz(canned, "authenticated-read");
}

static bool grants_more(struct s3 *s)
{
    static const char *const names[] = {"x-amz-grant-read", "x-amz-grant-write", "x-amz-grant-read-acp",
        "x-amz-grant-write-acp", "x-amz-grant-full-control"};
    bool any = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        any = any || s3srv_header(s, names[i]).n;
    return any;
}

static bool asks_for_acl(struct s3 *s)
{
    struct str canned = s3srv_header(s, "x-amz-acl");
    bool harmless = !canned.n || str_eqz(canned, "private") || str_eqz(canned, "bucket-owner-full-control");
    return !harmless || grants_more(s);
}

bool s3srv_check_canned_acl(struct s3 *s)
{
    if (asks_for_acl(s) && !s3srv_acls_enabled(s))
        return no_acls(s);
    if (!is_public(s3srv_header(s, "x-amz-acl")) || !s3srv_public_acls_blocked(s))
        return true;
    s3srv_error(s, 403, "AccessDenied", "Public access control lists are blocked (BlockPublicAcls)");
    return false;
}

/* An empty header is invalid. */
static bool is_ownership(struct s3 *s, struct str value)
{
    for (size_t i = 0; !value.n && i < s->x->request.header_count; i++)
        if (str_ieq(s->x->request.headers[i].name, STR("x-amz-object-ownership")))
            return false;
    return !value.n || s3srv_is_choice(STR("ownershipControls"), value);
}

bool s3srv_check_new_bucket_acl(struct s3 *s)
{
    struct str ownership = s3srv_header(s, "x-amz-object-ownership");
    if (!is_ownership(s, ownership)) {
        s3srv_detail(s, "ArgumentName", STR("x-amz-object-ownership"));
        s3srv_error(s, 400, "InvalidArgument",
            arena_printf(s->arena, "Invalid x-amz-object-ownership header: %.*s", STR_ARG(ownership)).p);
    } else if (asks_for_acl(s) && (!ownership.n || str_eqz(ownership, "BucketOwnerEnforced"))) {
        s3srv_error(s, 400, "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
    } else if (is_public(s3srv_header(s, "x-amz-acl"))) {
        s3srv_error(s, 400, "InvalidBucketAclWithBlockPublicAccessError",
            "Bucket cannot have public ACLs set with BlockPublicAccess enabled");
    } else {
        return true;
    }
    return false;
}

bool s3srv_check_acl(struct s3 *s)
{
    const struct value *policy = NULL;
    if (str_trim(s->x->request.body).n && !(policy = s3srv_body(s, "AccessControlPolicy")))
        return false;
    if (policy && !s3srv_acls_enabled(s) && !grants_owner_only(policy))
        return no_acls(s);
    return s3srv_check_canned_acl(s);
}

/* ---- notifications ---- */

static const struct destination {
    const char *element, *member, *type;
} destinations[] = {
    {"QueueConfiguration", "Queue", "aws.sqs.queue"},
    {"TopicConfiguration", "Topic", "aws.sns.topic"},
    {"CloudFunctionConfiguration", "CloudFunction", "aws.lambda.function"},
    {"LambdaFunctionConfiguration", "LambdaFunctionArn", "aws.lambda.function"},
};

enum { DESTINATIONS = sizeof destinations / sizeof *destinations };

/* Returns the error of a destination, or NULL. ARN: arn:aws:sqs:REGION:ACCOUNT:NAME; a function's qualifier
 * is ignored for its existence. */
static const char *destination_fault(struct s3 *s, const char *type, struct str arn)
{
    struct str parts[8] = {0}, rest = arn, resource = arn;
    size_t n = 0;
    while (n < 8 && rest.n)
        parts[n++] = str_cut(rest, ':', &rest);
    if (n == 8)
        resource = str_slice(arn, 0, (size_t)(parts[6].p + parts[6].n - arn.p));
    if (n < 6 || !sandbox_has_resource(s->x->sandbox, s->arena, str_z(type), parts[3], resource))
        return "The destination queue, topic or function does not exist";
    if (!sandbox_may_notify(s->x->sandbox, s->arena, s->bucket, parts[3], arn))
        return str_eqz(parts[2], "lambda") ? "Not authorized to invoke function"
                                           : "Permissions on the destination do not allow S3 to publish "
                                             "notifications from this bucket";
    return NULL;
}

bool s3srv_check_notification(struct s3 *s, const struct value *doc)
{
    if (!s3srv_check_filters(s, doc))
        return false;
    if (str_ieq(s3srv_header(s, "x-amz-skip-destination-validation"), STR("true")))
        return s3srv_check_overlap(s, doc);
    for (size_t k = 0; k < DESTINATIONS; k++) {
        const struct value *const *rules, *one;
        size_t n = s3srv_items(value_getz(doc, destinations[k].element), &rules, &one);
        for (size_t i = 0; i < n; i++) {
            struct str arn = str_trim(value_gets(rules[i], destinations[k].member));
            const char *fault = destination_fault(s, destinations[k].type, arn);
            if (!fault)
                continue;
            s3srv_detail(s, "ArgumentName", arn);
            s3srv_detail(s, "ArgumentValue", str_z(fault));
            s3srv_error(
                s, 400, "InvalidArgument", "Unable to validate the following destination configurations");
            return false;
        }
    }
    return s3srv_check_overlap(s, doc);
}

/* S3 returns filter names capitalised: Prefix, Suffix. */
static void write_capitals(char *text)
{
    static const char *const words[][2] = {
        {"<Name>prefix</Name>", "<Name>Prefix</Name>"}, {"<Name>suffix</Name>", "<Name>Suffix</Name>"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (char *at = text; (at = strstr(at, words[i][0])); at++)
            memcpy(at, words[i][1], strlen(words[i][1]));
}

/* Returns the end of the next element `name`, or NULL. *inside: the position after its start tag. */
static const char *next_element(const char *at, const char *name, const char **inside)
{
    char open[64], close[64];
    snprintf(open, sizeof open, "<%s>", name);
    snprintf(close, sizeof close, "</%s>", name);
    at = strstr(at, open);
    *inside = at ? at + strlen(open) : NULL;
    return at ? strstr(at, close) : NULL;
}

/* Adds an id to each configuration without one. */
static struct str with_ids(struct s3 *s, struct str text, const char *element)
{
    AUTO_BUF struct buf out = BUF_INIT;
    const char *start = arena_strz(s->arena, text), *inside, *end;
    while ((end = next_element(start, element, &inside))) {
        const char *id = strstr(inside, "<Id>");
        buf_add(&out, start, (size_t)(inside - start));
        if (!id || id > end)
            xml_leaf(&out, "Id", uuid_random(s->arena));
        buf_add(&out, inside, (size_t)(end - inside));
        start = end;
    }
    buf_addz(&out, start);
    return arena_str(s->arena, buf_str(&out));
}

struct str s3srv_notification_as_written(struct s3 *s)
{
    char *text = arena_strz(s->arena, s->x->request.body);
    write_capitals(text);
    struct str out = str_n(text, s->x->request.body.n);
    for (size_t k = 0; k < DESTINATIONS; k++)
        out = with_ids(s, out, destinations[k].element);
    return out;
}
