#include "provider/aws/credentials.h"
#include "tests/unit/support/aws_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char config[] = "# a comment\n"
                             "; another\n"
                             "stray = before any section\n"
                             "[default]\n"
                             "region = eu-west-1   # where the lake is\n"
                             "output=json\n"
                             "\n"
                             "[profile dev]\r\n"
                             "region=ap-northeast-2\r\n"
                             "s3 =\n"
                             "  addressing_style = path\n"
                             "\tmax_concurrent_requests=10\n"
                             "role_arn = arn:aws:iam::123456789012:role/a#b\n"
                             "services = local\n"
                             "[ services   local ]\n"
                             "secrets_manager =\n"
                             "  endpoint_url = http://localhost:4566\n"
                             "[profile spaced name]\n"
                             "region = us-east-2\n"
                             "[profile\t\"quoted name\"]\n"
                             "region = us-west-2\n"
                             "[dev]\n"
                             "region = not-a-profile-in-this-file\n";

static const char credentials[] = "[dev]\naws_access_key_id = AK\naws_secret_access_key = a+b/c=d\n"
                                  "[default]\nregion = eu-central-1\n";

static void assert_setting(const struct profiles *p, const char *profile, const char *key, const char *want)
{
    struct str have = profiles_get(p, str_z(profile), key);
    if (!str_eqz(have, want))
        fail_msg("%s.%s is \"%.*s\", not \"%s\"", profile, key, STR_ARG(have), want);
}

static void both_files_are_read(void **state)
{
    (void)state;
    aws_env_begin();
    aws_env_write("config", config);
    aws_env_write("credentials", credentials);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct profiles *p;
    struct err err = ERR_INIT;
    assert_int_equal(profiles_load(&arena, &p, &err), 0);
    assert_setting(p, "default", "region", "eu-central-1"); /* the credentials file counts */
    assert_setting(p, "default", "output", "json");
    assert_setting(p, "dev", "aws_secret_access_key", "a+b/c=d");
    assert_setting(p, "dev", "s3.addressing_style", "path");
    assert_setting(p, "dev", "s3.max_concurrent_requests", "10");
    assert_setting(p, "dev", "role_arn", "arn:aws:iam::123456789012:role/a#b");
    assert_setting(p, "spaced name", "region", "us-east-2");
    assert_setting(p, "quoted name", "region", "us-west-2");
    assert_setting(p, "dev", "absent", "");
    struct str url = profiles_section_get(p, "services", STR("local"), "secrets_manager.endpoint_url");
    assert_true(str_eqz(url, "http://localhost:4566"));
    assert_true(profiles_has(p, STR("dev")));
    assert_false(profiles_has(p, STR("prod")));
    assert_true(str_eqz(profiles_nearest(&arena, p, STR("defualt")), "default"));
    aws_env_end();
}

static struct str region_of(struct arena *arena, struct str profile)
{
    const struct profiles *profiles;
    struct err err = ERR_INIT;
    if (profiles_load(arena, &profiles, &err))
        fail_msg("%s", err.message);
    return profiles_get(profiles, profile_name(profile), "region");
}

static void variables_choose_files_and_profile(void **state)
{
    (void)state;
    aws_env_begin();
    aws_env_write("elsewhere", "[profile x]\nregion = sa-east-1\n");
    setenv("AWS_CONFIG_FILE", aws_env_path("elsewhere"), 1);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    assert_true(str_eqz(region_of(&arena, STR("x")), "sa-east-1"));
    assert_true(str_eqz(region_of(&arena, STR_EMPTY), ""));
    setenv("AWS_PROFILE", "x", 1);
    assert_true(str_eqz(region_of(&arena, STR_EMPTY), "sa-east-1"));
    setenv("AWS_CONFIG_FILE", "~/.aws/elsewhere", 1);
    assert_true(str_eqz(region_of(&arena, STR_EMPTY), "sa-east-1"));
    assert_true(str_eqz(profile_name(STR("given")), "given"));
    aws_env_end();
}

static void damage_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[default]\nregion eu-west-1\n", "config:2: neither a [section], nor a setting, nor a comment"},
        {"\n\n[default\nregion = x\n", "config:3: the section's heading has no ]"},
        {"[default]\n= x\n", "config:2: neither"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aws_env_begin();
        aws_env_write("config", cases[i].text);
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const struct profiles *p;
        struct err err = ERR_INIT;
        assert_int_equal(profiles_load(&arena, &p, &err), -1);
        assert_int_equal(err.class, ERR_INVALID);
        if (!strstr(err.message, cases[i].message))
            fail_msg("%s", err.message);
        aws_env_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_files_are_read),
        cmocka_unit_test(variables_choose_files_and_profile),
        cmocka_unit_test(damage_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
