/* What IAM would not take as a policy, by the place where it stands. */
#include "provider/iam/policy.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct row {
    const char *place, *document;
    size_t statement;
    const char *wrong; /* NULL: nothing is */
} rows[] = {
    {"identity", "{'Statement':{'Effect':'Allow','Action':'s3:Get*','Resource':'*'}}", 0, NULL},
    {"identity",
        "{'Version':'2012-10-17','Id':'x','Statement':[{'Sid':'A','Effect':'Deny','NotAction':['iam:*'],'"
        "NotResource':'arn:aws:s3:::a'}]}",
        0, NULL},
    {"identity",
        "{'Statement':[{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::${aws:username}/"
        "*'}]}",
        0, NULL},
    {"trust",
        "{'Statement':{'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'Service':'glue.amazonaws.com'"
        "}}}",
        0, NULL},
    {"resource", "{'Statement':{'Effect':'Allow','Action':'ecr:*','Principal':'*'}}", 0, NULL},
    {"", "{'Statement':{'Effect':'Allow','Action':'*'}}", 0, NULL},
    {"resource *", "{'Statement':{'Effect':'Allow','Action':'ecr:*','Principal':'*','Resource':'anything'}}",
        0, NULL},
    {"resource https://",
        "{'Statement':{'Effect':'Allow','Action':'sqs:*','Principal':'*','Resource':'https://q.example/1/"
        "a'}}",
        0, NULL},
    {"resource execute-api:/",
        "{'Statement':{'Effect':'Allow','Action':'a:b','Principal':'*','Resource':'https://q.example/1/a'}}",
        1, "a resource is an ARN or \"*\", not \"https://q.example/1/a\""},
    {"resource https://", "{'Statement':{'Effect':'Allow','Action':'sqs:*','Resource':'*'}}", 1,
        "Principal is missing: nobody is let in"},
    {"identity", "{'Version':'2012-10-18','Statement':[]}", 0,
        "the language of policies has the version 2012-10-17, not \"2012-10-18\""},
    {"identity", "{'Statements':[]}", 0, "a policy has Version, Id and Statement, and no \"Statements\""},
    {"identity",
        "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*'},{'Effect':'Allow','Action':'a:b'}]}",
        2, "Resource is missing: an ARN, or \"*\""},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*','Principal':'*'}]}", 1,
        "Principal does not belong here: the policy is about who it is attached to"},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'lake'}]}", 1,
        "a resource is an ARN or \"*\", not \"lake\""},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'s3:Get Object','Resource':'*'}]}", 1,
        "an action is SERVICE:NAME, not \"s3:Get Object\""},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'*:Get','Resource':'*'}]}", 1,
        "an action is SERVICE:NAME, not \"*:Get\""},
    {"identity", "{'Statement':[{'Effect':'allow','Action':'a:b','Resource':'*'}]}", 1,
        "Effect is Allow or Deny, not \"allow\""},
    {"resource", "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*'}]}", 1,
        "Principal is missing: nobody is let in"},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'arn:aws:s3::lake'}]}", 1,
        "a resource is an ARN or \"*\", not \"arn:aws:s3::lake\""},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':['*','arn:aws']}]}", 1,
        "a resource is an ARN or \"*\", not \"arn:aws\""},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'a:b','NotResource':'arn:aws:::::lake'}]}", 1,
        "a resource is an ARN or \"*\", not \"arn:aws:::::lake\""},
    {"identity", "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'arn:aws:lake'}]}", 0, NULL},
    {"identity", "{'Statement':[]}", 0, "Statement is empty"},
    {"resource", "{'Statement':[]}", 0, NULL},
    {"identity",
        "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*','Condition':{'DateLessThanIfExists':{'"
        "aws:CurrentTime':['2026-11-26','next week']}}}]}",
        1, "a date is written as 2026-11-26T10:00:00Z, or as seconds since 1970, not as \"next week\""},
    {"identity",
        "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*','Condition':{'DateLessThan':{'"
        "aws:CurrentTime':[1732615200,'2026-11-26t10:00z']},'StringEquals':{'a:b':'next week'}}}]}",
        0, NULL},
    {"identity",
        "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*','Condition':{'DateLessThan':{'"
        "aws:CurrentTime':['9223372036854775807','9223372036854775808']}}}]}",
        1,
        "a date is written as 2026-11-26T10:00:00Z, or as seconds since 1970, not as "
        "\"9223372036854775808\""},
    {"identity", "{'Statement':[{'Sid':7,'Effect':'Allow','Action':'a:b','Resource':'*'}]}", 1,
        "a Sid is a string, not \"7\""},
    {"identity", "{'Statement':[{'Sid':'a b','Effect':'Allow','Action':'a:b','Resource':'*'}]}", 1,
        "a Sid has letters and digits only here, not \"a b\""},
    {"resource", "{'Statement':[{'Sid':'a b','Effect':'Allow','Action':'a:b','Principal':'*'}]}", 0, NULL},
    {"identity",
        "{'Statement':[{'Sid':'a1','Effect':'Allow','Action':'a:b','Resource':'*'},"
        "{'Sid':'a1','Effect':'Allow','Action':'a:b','Resource':'*'}]}",
        2, "statement 1 has the same Sid \"a1\""},
    {"identity",
        "{'Statement':[{'Sid':'','Effect':'Allow','Action':'a:b','Resource':'*'},"
        "{'Sid':'','Effect':'Allow','Action':'a:b','Resource':'*'}]}",
        0, NULL},
    {"managed", "{'Version':'2008-10-17','Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*'}]}", 0,
        "a managed policy has the Version \"2012-10-17\""},
    {"managed", "{'Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*'}]}", 0,
        "a managed policy has the Version \"2012-10-17\""},
    {"managed", "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'a:b','Resource':'*'}]}", 0,
        NULL},
    {"trust", "{'Statement':[{'Effect':'Allow','Action':'sts:AssumeRole','Resource':'*','Principal':'*'}]}",
        1, "Resource does not belong here: the policy is about its own role"},
    {"trust", "{'Statement':[{'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'Sevice':'x'}}]}", 1,
        "there is no kind of principal called \"Sevice\"; did you mean \"Service\"?"},
    {"trust",
        "{'Statement':[{'Effect':'Allow','Action':['STS:AssumeRole','sts:TagSession','s3:Get*'],'Principal':{"
        "'AWS':'*'}}]}",
        1, "a trust policy has actions of sts, such as sts:AssumeRole, not \"s3:Get*\""},
    {"trust", "{'Statement':[{'Effect':'Allow','Action':'sts:AssumeRole','Principal':{'Service':'lambda'}}]}",
        1, "a service is called lambda.amazonaws.com, not \"lambda\""},
};

static struct str quoted(struct arena *arena, const char *text)
{
    char *copy = arena_strz(arena, str_z(text));
    for (char *c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    return str_z(copy);
}

static void test_rows(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = ERR_INIT;
        size_t statement = 99;
        const struct value *document = value_string(&arena, quoted(&arena, rows[i].document));
        int status = iam_policy_check(&arena, document, str_z(rows[i].place), &statement, &err);
        assert_string_equal(err.message, rows[i].wrong ? rows[i].wrong : "");
        assert_int_equal(status, rows[i].wrong ? -1 : 0);
        if (rows[i].wrong)
            assert_int_equal(statement, rows[i].statement);
    }
}

/* What is only known when other resources are made may be anything, wherever it stands. */
static void test_unknown_passes(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const char *const elements[] = {"Sid", "Effect", "Action", "Resource", "Condition"};
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        const struct value *statement, *document;
        struct err err = ERR_INIT;
        size_t number;
        assert_int_equal(
            json_parse(
                &arena, quoted(&arena, "{'Effect':'Allow','Action':'a:b','Resource':'*'}"), &statement, &err),
            0);
        statement = value_with(&arena, statement, str_z(elements[i]), &value_unknown);
        const struct value *two[] = {statement, &value_unknown};
        struct value_entry entry = {STR("Statement"), value_list(&arena, two, 2)};
        document = value_map(&arena, &entry, 1);
        iam_policy_check(&arena, document, STR("identity"), &number, &err);
        assert_string_equal(err.message, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_unknown_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
