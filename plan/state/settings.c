/*
 * The settings of the state as types. What they mean is up to plan/state/backend.c, which checks them once
 * more when values are known.
 */
#include "plan/state/settings.h"

#include "provider/aws/setting_attrs.h"

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
    {.name = STR_INIT("bucket"),
        .type = &setting_text,
        .settable = true,
        .required = true,
        .doc = STR_INIT("Name of the S3 bucket with the state")},
    SETTING_ATTR("prefix", setting_text, "Prefix of the S3 keys"),
    SETTING_ATTR("lease_seconds", setting_number,
        "Time in seconds after which a lock expires if its holder does not renew it")};
static const struct attr postgres_settings[] = {STATE_SETTINGS, KMS_SETTINGS,
    SETTING_ATTR("url", setting_text, "Connection string of libpq, such as postgres://…"),
    SETTING_ATTR("table", setting_text, "Name of the table")};

#define STATE(fields_)                                                                                       \
    {                                                                                                        \
        .kind = TYPE_OBJECT, .fields = (fields_), .field_count = sizeof(fields_) / sizeof *(fields_)         \
    }
static const struct type file_type = STATE(file_settings), s3_type = STATE(s3_settings),
                         postgres_type = STATE(postgres_settings);
static const struct attr backends[] = {
    {.name = STR_INIT("file"), .type = &file_type, .settable = true},
    {.name = STR_INIT("s3"), .type = &s3_type, .settable = true},
    {.name = STR_INIT("postgres"), .type = &postgres_type, .settable = true},
};

const struct attr *state_settings(size_t *n)
{
    *n = sizeof backends / sizeof *backends;
    return backends;
}
