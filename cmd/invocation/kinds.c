/* All provider types of this program, and the cloud functions for plans and states: see kinds.h. */
#include "cmd/invocation/kinds.h"

#include "plan/state/stack_data.h"
#include "provider/aws/types/kind.h"
#include "provider/cfn/cfn.h"
#include "provider/docker/docker.h"
#include "provider/host/host.h"
#include "provider/kafka/kafka.h"
#include "provider/postgres/postgres.h"
#include "provider/rest/rest.h"
#include "provider/spec/spec.h"
#include "provider/weir/weir.h"

/* The first one is the default for a user's own spec without a provider. */
static const struct provider_kind *const kinds[] = {
    &aws_kind,
    &weir_kind,
    &airflow_kind,
    &grafana_kind,
    &metabase_kind,
    &http_kind,
    &cfn_kind,
    &docker_kind,
    &postgres_kind,
    &host_kind,
    &kafka_kind,
    NULL,
};

static const struct schema *const types[] = {&weir_stack_schema, NULL};

const struct provider_kinds cmd_kinds = {.items = kinds, .types = types, .reader = &spec_reader};

/*
 * The state's settings as types. plan/state/backend.c interprets them and checks them again when values are
 * known.
 */
#define STATE_SETTINGS                                                                                       \
    SETTING_ATTR("backend", setting_text, "State store: file, s3 or postgres"),                              \
        SETTING_ATTR("encrypt", setting_text,                                                                \
            "Scope of encryption: values (each secret, the default) or records (the whole state)"),          \
        SETTING_ATTR("key", setting_any, "Key that encrypts secrets"),                                       \
        SETTING_ATTR("previous_keys", setting_any, "Keys that encrypted older secrets")
#define KMS_SETTINGS                                                                                         \
    SETTING_ATTR("region", setting_text, "Region of the KMS key"),                                           \
        SETTING_ATTR("profile", setting_text, "AWS profile for the KMS key"),                                \
        SETTING_ATTR("endpoint", setting_text, "URL of the KMS endpoint")

static const struct attr file_settings[] = {
    STATE_SETTINGS, KMS_SETTINGS, SETTING_ATTR("path", setting_text, "Folder of the state")};
static const struct attr s3_settings[] = {STATE_SETTINGS, AWS_SETTING_ATTRS,
    SETTING_ATTR("bucket", setting_text, "Name of the S3 bucket with the state", .required = true),
    SETTING_ATTR("prefix", setting_text, "Prefix of the S3 keys"),
    SETTING_ATTR("lease_seconds", setting_number,
        "Time in seconds after which a lock expires if its holder does not renew it")};
static const struct attr postgres_settings[] = {STATE_SETTINGS, KMS_SETTINGS,
    SETTING_ATTR("url", setting_text, "Connection string of libpq, such as postgres://…"),
    SETTING_ATTR("table", setting_text, "Name of the table")};

static const struct type file_type = OBJECT_TYPE(file_settings), s3_type = OBJECT_TYPE(s3_settings),
                         postgres_type = OBJECT_TYPE(postgres_settings);
static const struct attr backends[] = {
    {.name = STR_INIT("file"), .type = &file_type, .settable = true},
    {.name = STR_INIT("s3"), .type = &s3_type, .settable = true},
    {.name = STR_INIT("postgres"), .type = &postgres_type, .settable = true},
};

const struct cloud plan_cloud = {
    .states = backends,
    .state_count = sizeof backends / sizeof *backends,
    .open = aws_cloud_open,
    .close = aws_cloud_close,
    .send = aws_cloud_send,
    .ask_key = aws_cloud_ask_key,
    .quotas = aws_quotas,
    .ask_quota = aws_ask_quota,
};
