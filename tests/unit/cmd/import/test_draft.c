#include "cmd/import/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void check_text(struct str got, const char *expected)
{
    assert_int_equal(got.n, strlen(expected));
    assert_memory_equal(got.p, expected, got.n);
}

static void test_names(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct draft draft;
    draft_init(&draft, &arena, NULL, &diags);
    check_text(draft_snake(&arena, STR("EtlRoleARN")), "etl_role_arn");
    check_text(draft_snake(&arena, STR("/shop/db-url")), "shop_db_url");
    check_text(draft_snake(&arena, STR("2nd")), "r_2nd");
    check_text(draft_stack_name(&arena, STR("my_Stack")), "my-stack");
    check_text(draft_name(&draft, STR("Lake"), STR("Bucket")), "lake");
    check_text(draft_name(&draft, STR("lake"), STR("Bucket")), "lake_bucket");
    check_text(draft_name(&draft, STR("lake"), STR("Bucket")), "lake_bucket_2");
    check_text(draft_name(&draft, STR("Inputs"), STR("Queue")), "inputs_queue");
    check_text(draft_input_name(&draft, STR("Lake")), "lake");
    draft_release(&draft);
}

static void test_what_is_secret(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text;
        bool is;
    } cases[] = {{"MasterUserPassword", "hunter2", true}, {"API_TOKEN", "abc", true},
        {"API_KEY", "abc", true}, {"S3Key", "a/b.zip", false}, {"Url", "postgres://u:p@h/d", true},
        {"Url", "postgres://u:${p}@h/d", false}, {"SecretArn", "x", false}, {"SecretName", "x", false},
        {"SecretStringTemplate", "{}", false}, {"access_token", "minutes", false},
        {"api_key_selection_expression", "$request.header.x-api-key", false},
        {"Password", "{{resolve:ssm:/p}}", false}, {"Password", "", false}, {"Mode", "plain", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(draft_is_secret(str_z(cases[i].key), str_z(cases[i].text)), cases[i].is);
}

static struct tree *named(struct arena *arena, struct tree *name)
{
    struct tree *attrs = tree_new(arena, TREE_MAP, NULL);
    tree_set(arena, attrs, STR("name"), name);
    return attrs;
}

/* The same is read once, whichever mark stands for the same reference; what differs has a name of its own. */
static void test_data_is_read_once(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct draft draft;
    struct tree *names[4];
    int one, other;
    draft_init(&draft, &arena, NULL, &diags);
    void *const targets[] = {&one, &one, &other};
    for (size_t i = 0; i < 3; i++)
        names[i] = tree_code(
            &arena, NULL, "%s", draft_reference(&draft, NULL, targets[i], STR("Ref"), STR_EMPTY, NULL).p);
    names[3] = tree_string(&arena, STR("plain"), NULL);
    static const char *const expected[] = {"secret", "secret", "secret_data", "secret_data_2"};
    for (size_t i = 0; i < 4; i++)
        check_text(draft_data(&draft, STR("secret"), "aws.secretsmanager.secret", named(&arena, names[i])),
            expected[i]);
    assert_int_equal(draft.data->n, 3);
    draft_release(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_is_secret),
        cmocka_unit_test(test_data_is_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
