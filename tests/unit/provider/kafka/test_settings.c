/* What the settings of a Kafka provider become in librdkafka's words. */
#include "provider/kafka/kafka.h"
#include "tests/unit/support/json_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct kafka_settings settings_via(struct arena *arena, const char *json, const char *via)
{
    struct kafka_settings settings;
    struct err err = ERR_INIT;
    struct provider_options options = {
        .name = STR("kafka"), .config = json_text(arena, json), .base_dir = STR(""), .via = str_z(via)};
    if (kafka_settings_read(arena, &options, &settings, &err))
        fail_msg("%s", err.message);
    return settings;
}

static struct kafka_settings settings_of(struct arena *arena, const char *json)
{
    return settings_via(arena, json, "");
}

static const char *property(const struct kafka_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->property_count; i += 2)
        if (str_eqz(settings->properties[i], name))
            return settings->properties[i + 1].p;
    return "";
}

static void in_the_clear(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct kafka_settings s = settings_of(&arena, "{\"bootstrap\": [\"a:9092\", \" b:9093 \"]}");
    assert_string_equal(property(&s, "bootstrap.servers"), "a:9092,b:9093");
    assert_string_equal(property(&s, "security.protocol"), "plaintext");
    assert_string_equal(property(&s, "sasl.mechanisms"), "");
}

static void with_a_user(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct kafka_settings s = settings_of(
        &arena, "{\"bootstrap\": \"a:9092\", \"tls\": true, \"user\": \"u\", \"password\": \"pass-word-1\"}");
    assert_string_equal(property(&s, "security.protocol"), "sasl_ssl");
    assert_string_equal(property(&s, "sasl.mechanisms"), "SCRAM-SHA-512");
    s = settings_of(&arena, "{\"bootstrap\": \"a:9092\", \"mechanism\": \"scram-sha-256\", \"user\": \"u\", "
                            "\"password\": \"pass-word-1\"}");
    assert_string_equal(property(&s, "security.protocol"), "sasl_plaintext");
    assert_string_equal(property(&s, "sasl.mechanisms"), "SCRAM-SHA-256");
}

/* The region stands in the brokers' names, of clusters with servers and without. */
static void with_iam(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct kafka_settings s = settings_of(&arena,
        "{\"bootstrap\": \"b-1.events.ab12cd.c2.kafka.eu-west-1.amazonaws.com:9098\", \"iam\": true}");
    assert_true(s.iam);
    assert_true(str_eqz(s.region, "eu-west-1"));
    assert_string_equal(property(&s, "security.protocol"), "sasl_ssl");
    assert_string_equal(property(&s, "sasl.mechanisms"), "OAUTHBEARER");
    s = settings_of(&arena,
        "{\"bootstrap\": \"boot-ab12.c3.kafka-serverless.us-east-2.amazonaws.com:9098\", \"iam\": {}}");
    assert_true(str_eqz(s.region, "us-east-2"));
    s = settings_of(&arena, "{\"bootstrap\": \"127.4.5.6:9098\", \"iam\": true}");
    assert_false(s.iam);
    assert_string_equal(property(&s, "security.protocol"), "plaintext");
    s = settings_via(&arena, "{\"bootstrap\": \"127.4.5.6:9098\", \"iam\": true}", "bastion");
    assert_false(s.iam);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_clear),
        cmocka_unit_test(with_a_user),
        cmocka_unit_test(with_iam),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
