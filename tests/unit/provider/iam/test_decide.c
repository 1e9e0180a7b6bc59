/* What policies decide: the documentation's own examples and rules, case by case. Quotes are single in
 * the tables, those within texts are backticks. */
#include "provider/iam/policy.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ACCOUNT "111122223333"
#define ROLE    "arn:aws:iam::" ACCOUNT ":role/etl"
#define SESSION "arn:aws:sts::" ACCOUNT ":assumed-role/etl/run"

static const struct value *read_json(struct arena *arena, const char *text)
{
    struct err err = ERR_INIT;
    const struct value *v;
    char *copy = arena_strz(arena, str_z(text));
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c == '`' ? '\'' : *c;
    if (json_parse(arena, str_z(copy), &v, &err))
        fail_msg("%s: %s", text, err.message);
    return v;
}

/* Statements alone; the version is today's. */
static const struct iam_policy *read_policy(struct arena *arena, const char *name, const char *statements)
{
    struct err err = ERR_INIT;
    const struct iam_policy *policy;
    struct value_entry document[] = {{STR("Version"), value_stringz(arena, "2012-10-17")},
        {STR("Statement"), read_json(arena, statements)}};
    if (iam_policy_read(arena, value_map(arena, document, 2), str_z(name), &policy, &err))
        fail_msg("%s: %s", statements, err.message);
    return policy;
}

/* ---- one statement: what it is about ---- */

static const struct {
    const char *statement, *action, *resource, *context;
    bool allowed;
} singles[] = {
    /* actions: any case, stars and question marks, and their negation */
    {"{'Action':'s3:GetObject','Resource':'*'}", "s3:GetObject", "arn:aws:s3:::b/k", "{}", true},
    {"{'Action':'S3:getobject','Resource':'*'}", "s3:GetObject", "arn:aws:s3:::b/k", "{}", true},
    {"{'Action':'s3:Get*','Resource':'*'}", "s3:GetObjectTagging", "arn:aws:s3:::b/k", "{}", true},
    {"{'Action':'s3:*Object*','Resource':'*'}", "s3:GetObjectTagging", "arn:aws:s3:::b/k", "{}", true},
    {"{'Action':'s3:Get?bject','Resource':'*'}", "s3:GetObject", "arn:aws:s3:::b/k", "{}", true},
    {"{'Action':'s3:Get','Resource':'*'}", "s3:GetObject", "arn:aws:s3:::b/k", "{}", false},
    {"{'Action':'*','Resource':'*'}", "glue:StartJobRun", "*", "{}", true},
    {"{'Action':['sqs:*','sns:Publish'],'Resource':'*'}", "sns:Publish", "arn:aws:sns:us-east-1:1:t", "{}",
        true},
    {"{'NotAction':'iam:*','Resource':'*'}", "s3:GetObject", "arn:aws:s3:::b/k", "{}", true},
    {"{'NotAction':'iam:*','Resource':'*'}", "iam:CreateUser", "*", "{}", false},
    {"{'NotAction':['iam:*','organizations:*'],'Resource':'*'}", "Organizations:X", "*", "{}", false},
    /* resources: as written, stars over slashes and colons, and their negation */
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::lake/*'}", "s3:GetObject", "arn:aws:s3:::lake/a/b.csv", "{}",
        true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::lake/*'}", "s3:ListBucket", "arn:aws:s3:::lake", "{}", false},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::lake*'}", "s3:GetObject", "arn:aws:s3:::lake2/a", "{}", true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::Lake/*'}", "s3:GetObject", "arn:aws:s3:::lake/a", "{}",
        false},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::lake/??.csv'}", "s3:GetObject", "arn:aws:s3:::lake/ab.csv",
        "{}", true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::lake/??.csv'}", "s3:GetObject", "arn:aws:s3:::lake/abc.csv",
        "{}", false},
    {"{'Action':'s3:*','Resource':'arn:*:s3:::lake/*/*.csv'}", "s3:GetObject", "arn:aws:s3:::lake/a/b/c.csv",
        "{}", true},
    {"{'Action':'s3:*','NotResource':'arn:aws:s3:::pay/*'}", "s3:GetObject", "arn:aws:s3:::lake/a", "{}",
        true},
    {"{'Action':'s3:*','NotResource':['arn:aws:s3:::pay','arn:aws:s3:::pay/*']}", "s3:GetObject",
        "arn:aws:s3:::pay/a", "{}", false},
    /* variables */
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::home/${aws:username}/*'}", "s3:GetObject",
        "arn:aws:s3:::home/ada/x", "{'aws:username':'ada'}", true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::home/${aws:username}/*'}", "s3:GetObject",
        "arn:aws:s3:::home/bob/x", "{'aws:username':'ada'}", false},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::home/${aws:username}/*'}", "s3:GetObject",
        "arn:aws:s3:::home//x", "{}", false},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::${aws:PrincipalTag/team, `common`}/*'}", "s3:GetObject",
        "arn:aws:s3:::common/x", "{}", true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::${aws:PrincipalTag/team, `common`}/*'}", "s3:GetObject",
        "arn:aws:s3:::data/x", "{'aws:principaltag/team':'data'}", true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::${aws:PrincipalTag/team}/*'}", "s3:GetObject",
        "arn:aws:s3:::data/x", "{'aws:principaltag/team':'data'}", true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::b/a${*}b'}", "s3:GetObject", "arn:aws:s3:::b/a*b", "{}",
        true},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::b/a${*}b'}", "s3:GetObject", "arn:aws:s3:::b/axb", "{}",
        false},
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::b/${$}{x}'}", "s3:GetObject", "arn:aws:s3:::b/${x}", "{}",
        true},
    /* a value with a star stands for itself */
    {"{'Action':'s3:*','Resource':'arn:aws:s3:::home/${aws:username}'}", "s3:GetObject",
        "arn:aws:s3:::home/bob", "{'aws:username':'*'}", false},
    /* texts */
    {"{'Action':'*','Resource':'*','Condition':{'StringEquals':{'aws:RequestedRegion':['eu-west-1','eu-west-"
     "2']}}}",
        "a:b", "*", "{'aws:requestedregion':'eu-west-2'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringEquals':{'aws:RequestedRegion':'EU-WEST-1'}}}", "a:b",
        "*", "{'aws:requestedregion':'eu-west-1'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'StringEqualsIgnoreCase':{'aws:RequestedRegion':'EU-WEST-1'}}"
     "}",
        "a:b", "*", "{'aws:requestedregion':'eu-west-1'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringNotEqualsIgnoreCase':{'aws:RequestedRegion':'EU-WEST-"
     "1'}}}",
        "a:b", "*", "{'aws:requestedregion':'eu-west-1'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'StringEquals':{'s3:prefix':'a*'}}}", "a:b", "*",
        "{'s3:prefix':'abc'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'StringLike':{'s3:prefix':['','home/*']}}}", "a:b", "*",
        "{'s3:prefix':'home/ada'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringLike':{'s3:prefix':['','home/*']}}}", "a:b", "*",
        "{'s3:prefix':''}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringLike':{'s3:prefix':'home/*'}}}", "a:b", "*", "{}",
        false},
    {"{'Action':'*','Resource':'*','Condition':{'StringNotLike':{'s3:prefix':'home/*'}}}", "a:b", "*",
        "{'s3:prefix':'tmp/x'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringLike':{'s3:prefix':'${aws:username}/*'}}}", "a:b", "*",
        "{'s3:prefix':'ada/x','aws:username':'ada'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringEquals':{'AWS:PrincipalTag/Team':'${aws:ResourceTag/"
     "team}'}}}",
        "a:b", "*", "{'aws:principaltag/team':'x','aws:resourcetag/team':'x'}", true},
    /* keys are one with the other; values one or the other; negated, neither */
    {"{'Action':'*','Resource':'*','Condition':{'StringEquals':{'a':'1','b':'2'}}}", "a:b", "*",
        "{'a':'1','b':'3'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'StringEquals':{'a':'1'},'Bool':{'s':'true'}}}", "a:b", "*",
        "{'a':'1','s':'true'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringNotEquals':{'a':['1','2']}}}", "a:b", "*", "{'a':'2'}",
        false},
    {"{'Action':'*','Resource':'*','Condition':{'StringNotEquals':{'a':['1','2']}}}", "a:b", "*", "{'a':'3'}",
        true},
    {"{'Action':'*','Resource':'*','Condition':{'StringNotEquals':{'a':'1'}}}", "a:b", "*", "{}", true},
    /* IfExists, Null */
    {"{'Action':'*','Resource':'*','Condition':{'StringLikeIfExists':{'ec2:InstanceType':'t3.*'}}}", "a:b",
        "*", "{}", true},
    {"{'Action':'*','Resource':'*','Condition':{'StringLikeIfExists':{'ec2:InstanceType':'t3.*'}}}", "a:b",
        "*", "{'ec2:instancetype':'m5.large'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'Null':{'aws:TokenIssueTime':'true'}}}", "a:b", "*", "{}",
        true},
    {"{'Action':'*','Resource':'*','Condition':{'Null':{'aws:TokenIssueTime':true}}}", "a:b", "*",
        "{'aws:tokenissuetime':'x'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'Null':{'aws:TokenIssueTime':'false'}}}", "a:b", "*",
        "{'aws:tokenissuetime':'x'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'Null':{'aws:TagKeys':'true'}}}", "a:b", "*",
        "{'aws:tagkeys':[]}", true},
    /* several values in the request */
    {"{'Action':'*','Resource':'*','Condition':{'ForAllValues:StringEquals':{'aws:TagKeys':['env','team']}}}",
        "a:b", "*", "{'aws:tagkeys':['env']}", true},
    {"{'Action':'*','Resource':'*','Condition':{'ForAllValues:StringEquals':{'aws:TagKeys':['env','team']}}}",
        "a:b", "*", "{'aws:tagkeys':['env','x']}", false},
    {"{'Action':'*','Resource':'*','Condition':{'ForAllValues:StringEquals':{'aws:TagKeys':['env','team']}}}",
        "a:b", "*", "{}", true},
    {"{'Action':'*','Resource':'*','Condition':{'ForAnyValue:StringEquals':{'aws:TagKeys':['env','team']}}}",
        "a:b", "*", "{'aws:tagkeys':['env','x']}", true},
    {"{'Action':'*','Resource':'*','Condition':{'ForAnyValue:StringEquals':{'aws:TagKeys':['env','team']}}}",
        "a:b", "*", "{}", false},
    {"{'Action':'*','Resource':'*','Condition':{'ForAnyValue:StringNotEquals':{'aws:TagKeys':'env'}}}", "a:b",
        "*", "{'aws:tagkeys':['env','x']}", true},
    {"{'Action':'*','Resource':'*','Condition':{'ForAllValues:StringNotEquals':{'aws:TagKeys':'env'}}}",
        "a:b", "*", "{'aws:tagkeys':['env','x']}", false},
    {"{'Action':'*','Resource':'*','Condition':{'ForAnyValue:StringLikeIfExists':{'aws:TagKeys':'e*'}}}",
        "a:b", "*", "{}", true},
    /* numbers, dates, booleans */
    {"{'Action':'*','Resource':'*','Condition':{'NumericLessThanEquals':{'s3:max-keys':10}}}", "a:b", "*",
        "{'s3:max-keys':'10'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'NumericLessThan':{'s3:max-keys':'10'}}}", "a:b", "*",
        "{'s3:max-keys':'10'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'NumericGreaterThan':{'s3:max-keys':'9'}}}", "a:b", "*",
        "{'s3:max-keys':'10'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'NumericEquals':{'s3:max-keys':'10'}}}", "a:b", "*",
        "{'s3:max-keys':'10.0'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'NumericNotEquals':{'s3:max-keys':'10'}}}", "a:b", "*",
        "{'s3:max-keys':'10'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'NumericLessThan':{'s3:max-keys':'10'}}}", "a:b", "*",
        "{'s3:max-keys':'many'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'NumericEquals':{'s3:max-keys':'10'}}}", "a:b", "*",
        "{'s3:max-keys':'nan'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'DateGreaterThan':{'aws:CurrentTime':'2020-04-01T00:00Z'}}}",
        "a:b", "*", "{'aws:currenttime':'2026-11-22T10:00:00Z'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'DateGreaterThan':{'aws:CurrentTime':'2020-04-01T00:00:00Z'}}"
     "}",
        "a:b", "*", "{'aws:currenttime':'2026-11-22T10:00:00Z'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'DateLessThan':{'aws:CurrentTime':'2020-04-01'}}}", "a:b",
        "*", "{'aws:currenttime':'2026-11-22T10:00:00Z'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'DateLessThan':{'aws:EpochTime':'1700000001'}}}", "a:b", "*",
        "{'aws:epochtime':'1700000000'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'DateEquals':{'aws:CurrentTime':'2020-04-01T02:00:00+02:00'}}"
     "}",
        "a:b", "*", "{'aws:currenttime':'2020-04-01T00:00:00Z'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'Bool':{'aws:SecureTransport':'true'}}}", "a:b", "*",
        "{'aws:securetransport':'true'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'Bool':{'aws:SecureTransport':false}}}", "a:b", "*",
        "{'aws:securetransport':'true'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'BoolIfExists':{'aws:MultiFactorAuthPresent':'true'}}}",
        "a:b", "*", "{}", true},
    {"{'Action':'*','Resource':'*','Condition':{'BinaryEquals':{'k':'QmluYXJ5'}}}", "a:b", "*",
        "{'k':'QmluYXJ5'}", true},
    /* addresses */
    {"{'Action':'*','Resource':'*','Condition':{'IpAddress':{'aws:SourceIp':'203.0.113.0/24'}}}", "a:b", "*",
        "{'aws:sourceip':'203.0.113.7'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'IpAddress':{'aws:SourceIp':'203.0.113.0/25'}}}", "a:b", "*",
        "{'aws:sourceip':'203.0.113.200'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'IpAddress':{'aws:SourceIp':'203.0.113.7'}}}", "a:b", "*",
        "{'aws:sourceip':'203.0.113.7'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'IpAddress':{'aws:SourceIp':'2001:DB8:1234:5678::/64'}}}",
        "a:b", "*", "{'aws:sourceip':'2001:db8:1234:5678::1'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'NotIpAddress':{'aws:SourceIp':['203.0.113.0/24','127.0.0.0/"
     "8']}}}",
        "a:b", "*", "{'aws:sourceip':'127.0.0.1'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'IpAddress':{'aws:SourceIp':'203.0.113.0/33'}}}", "a:b", "*",
        "{'aws:sourceip':'203.0.113.7'}", false},
    /* ARNs: each part by itself */
    {"{'Action':'*','Resource':'*','Condition':{'ArnLike':{'aws:SourceArn':'arn:aws:sns:*:1:*'}}}", "a:b",
        "*", "{'aws:sourcearn':'arn:aws:sns:eu-west-1:1:t'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'ArnLike':{'aws:SourceArn':'arn:aws:*:1:t'}}}", "a:b", "*",
        "{'aws:sourcearn':'arn:aws:sns:eu-west-1:1:t'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'ArnEquals':{'aws:SourceArn':'arn:aws:s3:::b*'}}}", "a:b",
        "*", "{'aws:sourcearn':'arn:aws:s3:::bucket'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'ArnNotLike':{'aws:PrincipalArn':'arn:aws:iam::*:role/"
     "admin-*'}}}",
        "a:b", "*", "{'aws:principalarn':'arn:aws:iam::1:role/etl'}", true},
    {"{'Action':'*','Resource':'*','Condition':{'ArnNotEquals':{'aws:PrincipalArn':'arn:aws:iam::1:role/"
     "etl'}}}",
        "a:b", "*", "{'aws:principalarn':'arn:aws:iam::1:role/etl'}", false},
    {"{'Action':'*','Resource':'*','Condition':{'ArnLike':{'aws:SourceArn':'arn:aws:logs:*:*:log-group:/a/"
     "*:*'}}}",
        "a:b", "*", "{'aws:sourcearn':'arn:aws:logs:r:1:log-group:/a/b:log-stream:x'}", true},
};

static void test_what_a_statement_is_about(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const struct value *statement = read_json(&arena, singles[i].statement);
        statement = value_with(&arena, statement, STR("Effect"), value_stringz(&arena, "Allow"));
        struct value_entry document[] = {
            {STR("Version"), value_stringz(&arena, "2012-10-17")}, {STR("Statement"), statement}};
        const struct iam_policy *policy;
        struct err err = ERR_INIT;
        assert_int_equal(iam_policy_read(&arena, value_map(&arena, document, 2), STR("p"), &policy, &err), 0);
        const struct iam_request request = {.who = {.arn = STR(SESSION), .account = STR(ACCOUNT)},
            .action = str_z(singles[i].action),
            .resource = str_z(singles[i].resource),
            .context = read_json(&arena, singles[i].context)};
        const struct iam_attached attached = {IAM_IDENTITY, policy};
        struct iam_decision decision = iam_decide(&request, &attached, 1, IAM_EITHER);
        if (decision.allowed != singles[i].allowed)
            fail_msg("%s, %s on %s with %s", singles[i].statement, singles[i].action, singles[i].resource,
                singles[i].context);
    }
}

/* ---- several policies ---- */

enum caller { BY_ROLE, BY_USER, BY_SERVICE, BY_WEB };

#define ALLOW(action) "[{'Effect':'Allow','Action':'" action "','Resource':'*'}]"
#define DENY(action)  "[{'Effect':'Deny','Action':'" action "','Resource':'*'}]"
#define LETS(who)     "[{'Effect':'Allow','Principal':" who ",'Action':'*','Resource':'*'}]"
#define REFUSES(who)  "[{'Effect':'Deny','Principal':" who ",'Action':'*','Resource':'*'}]"
#define THE_ROLE      "{'AWS':'" ROLE "'}"
#define THE_SESSION   "{'AWS':['" SESSION "']}"
#define THE_ACCOUNT   "{'AWS':'arn:aws:iam::" ACCOUNT ":root'}"
#define THE_USER      "{'AWS':'arn:aws:iam::" ACCOUNT ":user/ada'}"
#define GLUE          "{'Service':'glue.amazonaws.com'}"

static const struct {
    const char *identity, *boundary, *session, *resource;
    enum iam_rule rule;
    enum caller by;
    const char *expected;
} several[] = {
    {NULL, NULL, NULL, NULL, IAM_EITHER, BY_ROLE, "no identity"},
    {ALLOW("s3:*"), NULL, NULL, NULL, IAM_EITHER, BY_ROLE, "allowed by identity"},
    {ALLOW("sqs:*"), NULL, NULL, NULL, IAM_EITHER, BY_ROLE, "no identity"},
    {"[{'Effect':'Allow','Action':'*','Resource':'*'},{'Effect':'Deny','Action':'s3:*','Resource':'*'}]",
        NULL, NULL, NULL, IAM_EITHER, BY_ROLE, "deny in identity"},
    /* a boundary and a session's policy limit, and allow nothing themselves */
    {ALLOW("s3:*"), ALLOW("s3:*"), NULL, NULL, IAM_EITHER, BY_ROLE, "allowed by identity"},
    {ALLOW("s3:*"), ALLOW("sqs:*"), NULL, NULL, IAM_EITHER, BY_ROLE, "no boundary"},
    {NULL, ALLOW("s3:*"), NULL, NULL, IAM_EITHER, BY_ROLE, "no identity"},
    {ALLOW("s3:*"), DENY("s3:*"), NULL, NULL, IAM_EITHER, BY_ROLE, "deny in boundary"},
    {ALLOW("s3:*"), NULL, ALLOW("sqs:*"), NULL, IAM_EITHER, BY_ROLE, "no session"},
    {ALLOW("s3:*"), ALLOW("s3:*"), ALLOW("s3:Get*"), NULL, IAM_EITHER, BY_ROLE, "allowed by identity"},
    {ALLOW("s3:*"), NULL, DENY("s3:Get*"), NULL, IAM_EITHER, BY_ROLE, "deny in session"},
    /* a resource's policy is enough within the account, for whom it names */
    {NULL, NULL, NULL, LETS(THE_ROLE), IAM_EITHER, BY_ROLE, "allowed by resource"},
    {NULL, NULL, NULL, LETS(THE_SESSION), IAM_EITHER, BY_ROLE, "allowed by resource"},
    {NULL, NULL, NULL, LETS("'*'"), IAM_EITHER, BY_ROLE, "allowed by resource"},
    {NULL, NULL, NULL, LETS("{'AWS':'*'}"), IAM_EITHER, BY_USER, "allowed by resource"},
    {NULL, NULL, NULL, LETS(THE_USER), IAM_EITHER, BY_USER, "allowed by resource"},
    {NULL, NULL, NULL, LETS(THE_USER), IAM_EITHER, BY_ROLE, "no identity"},
    /* the account is told that its own policies decide */
    {NULL, NULL, NULL, LETS(THE_ACCOUNT), IAM_EITHER, BY_ROLE, "no identity"},
    {NULL, NULL, NULL, LETS("{'AWS':'" ACCOUNT "'}"), IAM_EITHER, BY_ROLE, "no identity"},
    {ALLOW("s3:*"), NULL, NULL, LETS(THE_ACCOUNT), IAM_EITHER, BY_ROLE, "allowed by identity"},
    /* a role that is named is limited by its boundary, a session or a user is not */
    {NULL, ALLOW("sqs:*"), NULL, LETS(THE_ROLE), IAM_EITHER, BY_ROLE, "no boundary"},
    {NULL, NULL, ALLOW("sqs:*"), LETS(THE_ROLE), IAM_EITHER, BY_ROLE, "no session"},
    {NULL, ALLOW("sqs:*"), ALLOW("sqs:*"), LETS(THE_SESSION), IAM_EITHER, BY_ROLE, "allowed by resource"},
    {NULL, ALLOW("sqs:*"), NULL, LETS(THE_USER), IAM_EITHER, BY_USER, "allowed by resource"},
    {NULL, ALLOW("sqs:*"), NULL,
        "[{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*','Condition':{'ArnEquals':{'aws:"
        "PrincipalArn':'" ROLE "'}}}]",
        IAM_EITHER, BY_ROLE, "no boundary"},
    /* nothing outweighs a denial */
    {ALLOW("*"), NULL, NULL, REFUSES("'*'"), IAM_EITHER, BY_ROLE, "deny in resource"},
    {ALLOW("*"), NULL, NULL, REFUSES(THE_ACCOUNT), IAM_EITHER, BY_ROLE, "deny in resource"},
    {ALLOW("*"), NULL, NULL, REFUSES(THE_USER), IAM_EITHER, BY_ROLE, "allowed by identity"},
    {DENY("*"), NULL, NULL, LETS("'*'"), IAM_EITHER, BY_ROLE, "deny in identity"},
    {ALLOW("*"), NULL, NULL, "[{'Effect':'Deny','NotPrincipal':" THE_ROLE ",'Action':'*','Resource':'*'}]",
        IAM_EITHER, BY_ROLE, "allowed by identity"},
    {ALLOW("*"), NULL, NULL, "[{'Effect':'Deny','NotPrincipal':" THE_ROLE ",'Action':'*','Resource':'*'}]",
        IAM_EITHER, BY_USER, "deny in resource"},
    /* a service has nothing but resources' policies */
    {NULL, NULL, NULL, LETS(GLUE), IAM_EITHER, BY_SERVICE, "allowed by resource"},
    {NULL, NULL, NULL, LETS("{'Service':['s3.amazonaws.com']}"), IAM_EITHER, BY_SERVICE, "no resource"},
    {NULL, NULL, NULL, LETS(THE_ACCOUNT), IAM_EITHER, BY_SERVICE, "no resource"},
    {NULL, NULL, NULL, LETS(GLUE), IAM_EITHER, BY_ROLE, "no identity"},
    {NULL, NULL, NULL, LETS("{'Federated':'arn:aws:iam::" ACCOUNT ":oidc-provider/ci'}"), IAM_RESOURCE_FIRST,
        BY_WEB, "allowed by resource"},
    {NULL, NULL, NULL, LETS("{'Federated':'cognito-identity.amazonaws.com'}"), IAM_RESOURCE_FIRST, BY_WEB,
        "no resource"},
    /* keys and trust: nothing without the resource's own word */
    {ALLOW("*"), NULL, NULL, NULL, IAM_RESOURCE_FIRST, BY_ROLE, "no resource"},
    {ALLOW("*"), NULL, NULL, LETS(THE_USER), IAM_RESOURCE_FIRST, BY_ROLE, "no resource"},
    {ALLOW("*"), NULL, NULL, LETS(THE_ACCOUNT), IAM_RESOURCE_FIRST, BY_ROLE, "allowed by identity"},
    {NULL, NULL, NULL, LETS(THE_ACCOUNT), IAM_RESOURCE_FIRST, BY_ROLE, "no identity"},
    {NULL, NULL, NULL, LETS(THE_ROLE), IAM_RESOURCE_FIRST, BY_ROLE, "allowed by resource"},
    {ALLOW("*"), ALLOW("sqs:*"), NULL, LETS(THE_ACCOUNT), IAM_RESOURCE_FIRST, BY_ROLE, "no boundary"},
};

static struct iam_principal principal_of(enum caller by)
{
    struct iam_principal who = {.account = STR(ACCOUNT)};
    if (by == BY_ROLE) {
        who.arn = STR(SESSION);
        who.role_arn = STR(ROLE);
    } else if (by == BY_USER) {
        who.arn = STR("arn:aws:iam::" ACCOUNT ":user/ada");
    } else if (by == BY_SERVICE) {
        who = (struct iam_principal){.service = STR("glue.amazonaws.com")};
    } else {
        who = (struct iam_principal){.federated = STR("arn:aws:iam::" ACCOUNT ":oidc-provider/ci")};
    }
    return who;
}

static struct str in_words(struct arena *arena, const struct iam_decision *decision)
{
    static const char *const kinds[] = {"identity", "boundary", "session", "resource"};
    return arena_printf(arena, "%s%s",
        decision->allowed    ? "allowed by "
        : decision->explicit ? "deny in "
                             : "no ",
        kinds[decision->kind]);
}

static void test_which_policy_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof several / sizeof *several; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const char *const texts[] = {
            several[i].identity, several[i].boundary, several[i].session, several[i].resource};
        struct iam_attached attached[4];
        size_t n = 0;
        for (int kind = 0; kind < 4; kind++)
            if (texts[kind])
                attached[n++] =
                    (struct iam_attached){(enum iam_kind)kind, read_policy(&arena, "p", texts[kind])};
        const struct iam_request request = {.who = principal_of(several[i].by),
            .action = STR("s3:GetObject"),
            .resource = STR("arn:aws:s3:::lake/a"),
            .context = read_json(&arena, "{'aws:principalarn':'" ROLE "'}")};
        struct iam_decision decision = iam_decide(&request, attached, n, several[i].rule);
        struct str said = in_words(&arena, &decision);
        if (!str_eqz(said, several[i].expected))
            fail_msg("case %zu: %s instead of %s", i, said.p, several[i].expected);
        assert_true(decision.allowed || decision.explicit ? decision.statement != NULL : !decision.statement);
    }
}

/* ---- what a request does not say ---- */

static const struct {
    const char *resource, *allowed; /* by a statement on it */
    bool yes;
} opened[] = {
    {"arn:aws:ec2:r:1:vpc/*", "*", true},
    {"arn:aws:ec2:r:1:vpc/*", "arn:aws:ec2:*:*:vpc/*", true},
    {"arn:aws:ec2:r:1:vpc/*", "arn:aws:ec2:*:*:vpc/vpc-1", true},
    {"arn:aws:ec2:r:1:vpc/*", "arn:aws:ec2:*:*:subnet/*", false},
    {"arn:aws:athena:r:1:workgroup/*", "arn:aws:athena:r:1:workgroup/team-?", true},
    {"arn:aws:glue:r:1:table/*/*", "arn:aws:glue:r:1:table/lake/*", true},
    {"arn:aws:glue:r:1:table/lake/*", "arn:aws:glue:r:1:table/other/*", false},
    {"arn:aws:glue:r:1:table/*", "arn:aws:glue:r:1:table", false},
};

static void test_what_is_not_known_is_not_held_against_anybody(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
        for (int deny = 0; deny < 2; deny++) {
            AUTO_ARENA struct arena arena = ARENA_INIT;
            struct str statements = arena_printf(&arena,
                "[{'Effect':'Allow','Action':'*','Resource':'%s'},{'Effect':'%s','Action':'*','Resource':'%s'"
                "}]",
                deny ? "*" : opened[i].allowed, deny ? "Deny" : "Allow", opened[i].allowed);
            const struct iam_request request = {.action = STR("a:b"),
                .resource = str_z(opened[i].resource),
                .open = true,
                .context = &value_empty_map};
            const struct iam_attached attached = {IAM_IDENTITY, read_policy(&arena, "p", statements.p)};
            struct iam_decision decision = iam_decide(&request, &attached, 1, IAM_EITHER);
            bool covers =
                str_eqz(str_z(opened[i].allowed), "*") || str_ends(str_z(opened[i].allowed), STR("vpc/*"));
            if (decision.allowed != (deny ? !covers : opened[i].yes))
                fail_msg("%s on %s, %d", opened[i].allowed, opened[i].resource, deny);
        }
}

/* ---- words ---- */

static void test_how_a_denial_reads(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct iam_attached attached = {IAM_RESOURCE, read_policy(&arena, "lake", REFUSES("'*'"))};
    const struct iam_request request = {.who = principal_of(BY_ROLE),
        .action = STR("s3:GetObject"),
        .resource = STR("arn:aws:s3:::lake/a"),
        .context = &value_empty_map};
    struct iam_decision decision = iam_decide(&request, NULL, 0, IAM_EITHER);
    assert_string_equal(iam_denial(&arena, &request, &decision, true).p,
        "User: " SESSION
        " is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::lake/a\" because no "
        "identity-based policy allows the s3:GetObject action");
    decision = iam_decide(&request, &attached, 1, IAM_EITHER);
    assert_string_equal(iam_denial(&arena, &request, &decision, false).p,
        "User: " SESSION
        " is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::lake/a with an explicit "
        "deny in a resource-based policy");
}

static void test_why_a_statement_does_not_fit(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct iam_policy *policy = read_policy(&arena, "p",
        "[{'Effect':'Allow','Action':'sqs:*','Resource':'*'},"
        "{'Effect':'Allow','Action':'s3:*','Resource':'arn:aws:s3:::other/*'},"
        "{'Sid':'Safe','Effect':'Allow','Action':'s3:*','Resource':'*','Condition':{'StringEquals':{'a':'b'},"
        "'Bool':{'aws:SecureTransport':'true'}}},"
        "{'Effect':'Allow','Principal':" GLUE ",'Action':'s3:*','Resource':'*'}]");
    const struct iam_request request = {.who = principal_of(BY_ROLE),
        .action = STR("s3:GetObject"),
        .resource = STR("arn:aws:s3:::lake/a"),
        .context = read_json(&arena, "{'a':'b'}")};
    static const enum iam_fit expected[] = {
        IAM_OTHER_ACTION, IAM_OTHER_RESOURCE, IAM_OTHER_PRINCIPAL, IAM_OTHER_PRINCIPAL};
    const struct iam_condition *failed = NULL;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(
            iam_statement_fits(&request, &policy->statements[i], IAM_RESOURCE, &failed), expected[i]);
    assert_int_equal(
        iam_statement_fits(&request, &policy->statements[2], IAM_IDENTITY, &failed), IAM_CONDITION_FAILS);
    assert_true(str_eqz(failed->key, "aws:securetransport") && str_eqz(failed->written, "Bool"));
    assert_true(str_eqz(policy->statements[2].sid, "Safe") && policy->statements[3].number == 4);
}

/* ---- documents that are none ---- */

static const char *const broken[][2] = {
    {"[]", "a policy is a map with Version and Statement"},
    {"{'Statement':[{'Action':'s3:*','Resource':'*'}]}", "statement 1: Effect is Allow or Deny, not \"\""},
    {"{'Statement':[{'Effect':'Allow','Resource':'*'}]}",
        "statement 1: there is neither Action nor \"NotAction\""},
    {"{'Statement':{'Effect':'Allow','Action':'GetObject','Resource':'*'}}",
        "statement 1: an action is SERVICE:NAME, not \"GetObject\""},
    {"{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*'},{'Effect':'Deny','Action':'a:b','"
     "NotAction':'a:c'}]}",
        "statement 2: both forms stand there of \"Action\""},
    {"{'Statement':{'Effect':'Allow','Action':'a:b','Resource':'*','Conditions':{}}}",
        "statement 1: there is no element \"Conditions\"; did you mean \"Condition\"?"},
    {"{'Statement':{'Effect':'Allow','Action':'a:b','Resource':'*','Condition':{'StringEqual':{'a':'b'}}}}",
        "statement 1: there is no condition operator \"StringEqual\""},
    {"{'Statement':{'Effect':'Allow','Action':'a:b','Principal':{'Role':'x'}}}",
        "statement 1: there is no kind of principal called \"Role\""},
    {"{'Statement':{'Effect':'Allow','Action':'a:b','Principal':'arn:aws:iam::1:root'}}",
        "statement 1: a principal is {AWS: …}, {Service: …} or *, not \"arn:aws:iam::1:root\""},
    {"{'Statement':{'Effect':'Allow','Action':'a:b','Resource':[{}]}}",
        "statement 1: what is not a text stands in \"Resource\""},
};

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        const struct iam_policy *policy;
        assert_int_equal(
            iam_policy_read(&arena, read_json(&arena, broken[i][0]), STR("p"), &policy, &err), -1);
        assert_int_equal(err.class, ERR_INVALID);
        assert_string_equal(err.message, broken[i][1]);
    }
}

static void test_older_documents_have_no_variables(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    const struct iam_policy *policy;
    const struct value *text =
        value_stringz(&arena, "{\"Version\":\"2008-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":"
                              "\"s3:*\",\"Resource\":\"arn:aws:s3:::b/${aws:username}\"}}");
    assert_int_equal(iam_policy_read(&arena, text, STR("p"), &policy, &err), 0);
    struct iam_request request = {.action = STR("s3:GetObject"),
        .resource = STR("arn:aws:s3:::b/ada"),
        .context = read_json(&arena, "{'aws:username':'ada'}")};
    const struct iam_attached attached = {IAM_IDENTITY, policy};
    assert_false(iam_decide(&request, &attached, 1, IAM_EITHER).allowed);
    request.resource = STR("arn:aws:s3:::b/${aws:username}");
    assert_true(iam_decide(&request, &attached, 1, IAM_EITHER).allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_statement_is_about),
        cmocka_unit_test(test_which_policy_counts),
        cmocka_unit_test(test_what_is_not_known_is_not_held_against_anybody),
        cmocka_unit_test(test_how_a_denial_reads),
        cmocka_unit_test(test_why_a_statement_does_not_fit),
        cmocka_unit_test(test_what_is_wrong_is_said),
        cmocka_unit_test(test_older_documents_have_no_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
