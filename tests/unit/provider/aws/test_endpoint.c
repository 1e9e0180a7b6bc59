#include "base/file.h"
#include "base/json.h"
#include "provider/aws/credentials.h"
#include "tests/unit/support/aws_env.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct aws_service s3 = {
    .id = STR_INIT("s3"), .endpoint_prefix = STR_INIT("s3"), .signing_name = STR_INIT("s3"), .s3 = true};
static const struct aws_service secrets = {.id = STR_INIT("secretsmanager"),
    .endpoint_prefix = STR_INIT("secretsmanager"),
    .signing_name = STR_INIT("secretsmanager")};

/* tests/tools/endpoint_vectors.py writes them. */
static void hosts_are_botocores(void **state)
{
    (void)state;
    aws_env_begin();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str file;
    const struct value *rows = NULL;
    struct err err = ERR_INIT;
    if (file_read(&arena, "tests/unit/provider/aws/vectors/endpoints.json", 0, &file, &err) ||
        json_parse(&arena, file, &rows, &err))
        fail_msg("%s", err.message);
    assert_true(rows->count > 150);
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct value *row = rows->items[i];
        struct aws_service service = {.id = value_gets(row, "service"),
            .endpoint_prefix = value_gets(row, "prefix"),
            .global = value_getb(row, "is_global"),
            .s3 = value_getb(row, "is_s3")};
        struct endpoint_settings settings = {.region = value_gets(row, "region")};
        struct endpoint endpoint;
        setenv("AWS_USE_FIPS_ENDPOINT", value_getb(row, "fips") ? "true" : "false", 1);
        setenv("AWS_USE_DUALSTACK_ENDPOINT", value_getb(row, "dual") ? "True" : "", 1);
        assert_int_equal(endpoint_resolve(&arena, &settings, &service, &endpoint, &err), 0);
        if (!str_eq(endpoint.host, value_gets(row, "host")) ||
            !str_eq(endpoint.signing_region, value_gets(row, "signing_region")) || !endpoint.tls ||
            endpoint.custom)
            fail_msg("%.*s in %.*s: %.*s, signed for %.*s", STR_ARG(service.id), STR_ARG(settings.region),
                STR_ARG(endpoint.host), STR_ARG(endpoint.signing_region));
        const char *variable = value_gets(row, "env").p;
        if (!*variable)
            continue;
        setenv(variable, "http://localhost:4566/", 1);
        assert_int_equal(endpoint_resolve(&arena, &settings, &service, &endpoint, &err), 0);
        if (!str_eqz(endpoint.host, "localhost:4566"))
            fail_msg("%s is not heard", variable);
        unsetenv(variable);
    }
    unsetenv("AWS_USE_FIPS_ENDPOINT");
    unsetenv("AWS_USE_DUALSTACK_ENDPOINT");
    aws_env_end();
}

static void profiles_choose_hosts(void **state)
{
    (void)state;
    aws_env_begin();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct endpoint e;
    aws_env_write("config", "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\ns3 =\n  "
                            "use_dualstack_endpoint = false\n");
    struct endpoint_settings settings = {.region = STR("us-gov-east-1"), .profile = STR("default")};
    assert_int_equal(profiles_load(&arena, &settings.profiles, &err), 0);
    assert_int_equal(endpoint_resolve(&arena, &settings, &secrets, &e, &err), 0);
    assert_true(str_eqz(e.host, "secretsmanager-fips.us-gov-east-1.amazonaws.com"));
    assert_int_equal(endpoint_resolve(&arena, &settings, &s3, &e, &err), 0);
    assert_true(str_eqz(e.host, "s3-fips.us-gov-east-1.amazonaws.com"));
    setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
    assert_int_equal(endpoint_resolve(&arena, &settings, &s3, &e, &err), 0);
    assert_true(str_eqz(e.host, "s3.us-gov-east-1.amazonaws.com"));
    setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
    settings.region = STR("cn-north-1");
    assert_int_equal(endpoint_resolve(&arena, &settings, &s3, &e, &err), -1); /* as the endpoint rules */
    setenv("AWS_ENDPOINT_URL", "http://localhost:1", 1);
    assert_int_equal(endpoint_resolve(&arena, &settings, &s3, &e, &err), 0);
    assert_true(e.custom);
    unsetenv("AWS_USE_FIPS_ENDPOINT");
    aws_env_end();
}

static void the_nearest_setting_counts(void **state)
{
    (void)state;
    aws_env_begin();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct endpoint e;
    aws_env_write("config", "[default]\nendpoint_url = http://localhost:1\nservices = mine\n"
                            "[services mine]\nsecrets_manager =\n  endpoint_url = http://localhost:2\n");
    struct endpoint_settings settings = {.region = STR("eu-west-1"), .profile = STR("default")};
    assert_int_equal(profiles_load(&arena, &settings.profiles, &err), 0);
#define EXPECT(service, want)                                                                                \
    assert_int_equal(endpoint_resolve(&arena, &settings, &(service), &e, &err), 0);                          \
    assert_string_equal(arena_strz(&arena, e.host), (want))
    EXPECT(s3, "localhost:1");
    EXPECT(secrets, "localhost:2");
    setenv("AWS_ENDPOINT_URL", "http://localhost:3", 1);
    EXPECT(secrets, "localhost:3");
    setenv("AWS_ENDPOINT_URL_SECRETSMANAGER", "http://localhost:4", 1);
    EXPECT(secrets, "localhost:4");
    setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://localhost:5", 1);
    EXPECT(secrets, "localhost:5");
    EXPECT(s3, "localhost:3");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    EXPECT(secrets, "secretsmanager.eu-west-1.amazonaws.com");
    settings.config = json_text(&arena, "{\"endpoint\": \"http://localhost:6/base/\"}");
    EXPECT(secrets, "localhost:6");
    assert_true(str_eqz(e.base_path, "/base"));
    settings.config = json_text(&arena,
        "{\"endpoint\": \"http://localhost:6\", \"endpoints\": {\"secrets_manager\": \"https://h\"}}");
    EXPECT(secrets, "h");
    assert_true(e.tls);
    EXPECT(s3, "localhost:6");
#undef EXPECT
    aws_env_end();
}

static void wrong_urls_are_refused(void **state)
{
    (void)state;
    aws_env_begin();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const struct {
        const char *url, *shown; /* NULL: as it is */
    } wrong[] = {{"localhost:4566", NULL}, {"http://", NULL}, {"http://u:p@h/", "\"http://u:(redacted)@h/\""},
        {"http://h/?x=1", NULL}, {"s3://h", NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("AWS_ENDPOINT_URL", wrong[i].url, 1);
        struct endpoint_settings settings = {.region = STR("eu-west-1")};
        struct endpoint e;
        struct err err = ERR_INIT;
        assert_int_equal(endpoint_resolve(&arena, &settings, &s3, &e, &err), -1);
        assert_int_equal(err.class, ERR_INVALID);
        if (!strstr(err.message, wrong[i].shown ? wrong[i].shown : wrong[i].url))
            fail_msg("%s: %s", wrong[i].url, err.message);
    }
    aws_env_end();
}

static void regions_are_checked(void **state)
{
    (void)state;
    static const char *const right[] = {
        "us-east-1", "ap-southeast-99", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1", "xx-north-1"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_int_equal(region_check(str_z(right[i]), NULL), 0);
    static const struct {
        const char *region, *hint;
    } wrong[] = {{"eu-west1", "did you mean \"eu-west-1\"?"}, {"us-esat-1", "did you mean \"us-east-1\"?"},
        {"EU-WEST-1", "did you mean \"eu-west-1\"?"}, {"eu_west_1", "did you mean \"eu-west-1\"?"},
        {"garage", "`endpoint`"}, {"", "eu-west-1"}, {"eu-west-1/../x", "eu-west-1"},
        {"us-east-1a", "did you mean \"us-east-1\"?"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(region_check(str_z(wrong[i].region), &err), -1);
        assert_int_equal(err.class, ERR_INVALID);
        if (!strstr(err.hint, wrong[i].hint))
            fail_msg("%s: %s", wrong[i].region, err.hint);
    }
    assert_true(str_eqz(region_partition(STR("cn-north-1")), "aws-cn"));
    assert_true(str_eqz(region_partition(STR("us-gov-east-1")), "aws-us-gov"));
    assert_true(str_eqz(region_partition(STR("ca-central-1")), "aws"));
}

static void buckets_are_addressed(void **state)
{
    (void)state;
    aws_env_begin();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const struct {
        const char *endpoint; /* NULL: AWS's own */
        enum path_style style;
        const char *path, *host, *want;
    } cases[] = {
        {NULL, PATH_STYLE_AUTO, "/lake/a/b%20c", "lake.s3.eu-west-1.amazonaws.com", "/a/b%20c"},
        {NULL, PATH_STYLE_AUTO, "/lake", "lake.s3.eu-west-1.amazonaws.com", "/"},
        {NULL, PATH_STYLE_AUTO, "/lake/", "lake.s3.eu-west-1.amazonaws.com", "/"},
        {NULL, PATH_STYLE_AUTO, "/", "s3.eu-west-1.amazonaws.com", "/"},
        {NULL, PATH_STYLE_AUTO, "/my.lake/a", "s3.eu-west-1.amazonaws.com", "/my.lake/a"},
        {NULL, PATH_STYLE_AUTO, "/Lake/a", "s3.eu-west-1.amazonaws.com", "/Lake/a"},
        {NULL, PATH_STYLE_AUTO, "/ab/a", "s3.eu-west-1.amazonaws.com", "/ab/a"},
        {NULL, PATH_STYLE_ALWAYS, "/lake/a", "s3.eu-west-1.amazonaws.com", "/lake/a"},
        {"http://localhost:9000", PATH_STYLE_AUTO, "/lake/a", "localhost:9000", "/lake/a"},
        {"http://localhost:9000", PATH_STYLE_NEVER, "/lake/a", "lake.localhost:9000", "/a"},
        {"http://127.0.0.1:9000", PATH_STYLE_NEVER, "/lake/a", "127.0.0.1:9000", "/lake/a"},
        {"http://[::1]:9000", PATH_STYLE_NEVER, "/lake/a", "[::1]:9000", "/lake/a"},
        {"https://store.example/s3/", PATH_STYLE_AUTO, "/lake//a", "store.example", "/s3/lake//a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint_settings settings = {.region = STR("eu-west-1"), .path_style = cases[i].style};
        struct endpoint e;
        struct err err = ERR_INIT;
        if (cases[i].endpoint)
            setenv("AWS_ENDPOINT_URL", cases[i].endpoint, 1);
        else
            unsetenv("AWS_ENDPOINT_URL");
        assert_int_equal(endpoint_resolve(&arena, &settings, &s3, &e, &err), 0);
        struct endpoint_target target =
            endpoint_address(&arena, &e, &settings, &s3, STR_EMPTY, str_z(cases[i].path));
        if (!str_eqz(target.host, cases[i].host) || !str_eqz(target.path, cases[i].want))
            fail_msg("%zu: %.*s%.*s", i, STR_ARG(target.host), STR_ARG(target.path));
    }
    aws_env_end();
}

static void host_prefixes_are_for_aws_only(void **state)
{
    (void)state;
    aws_env_begin();
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const struct aws_service mwaa = {.id = STR_INIT("mwaa"), .endpoint_prefix = STR_INIT("airflow")};
    struct endpoint_settings settings = {.region = STR("eu-west-1")};
    struct endpoint e;
    struct err err = ERR_INIT;
    assert_int_equal(endpoint_resolve(&arena, &settings, &mwaa, &e, &err), 0);
    struct endpoint_target target = endpoint_address(&arena, &e, &settings, &mwaa, STR("api."), STR("/x"));
    assert_true(str_eqz(target.host, "api.airflow.eu-west-1.amazonaws.com"));
    setenv("AWS_ENDPOINT_URL", "http://localhost:4566", 1);
    assert_int_equal(endpoint_resolve(&arena, &settings, &mwaa, &e, &err), 0);
    target = endpoint_address(&arena, &e, &settings, &mwaa, STR("api."), STR("/x"));
    assert_true(str_eqz(target.host, "localhost:4566"));
    aws_env_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_botocores),
        cmocka_unit_test(profiles_choose_hosts),
        cmocka_unit_test(the_nearest_setting_counts),
        cmocka_unit_test(wrong_urls_are_refused),
        cmocka_unit_test(regions_are_checked),
        cmocka_unit_test(buckets_are_addressed),
        cmocka_unit_test(host_prefixes_are_for_aws_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
