/*
 * The settings of the state as types. What they mean is up to plan/state/backend.c, which checks them once
 * more when values are known.
 */
#include "plan/state/settings.h"

#include "provider/aws/setting_attrs.h"

#define STATE_SETTINGS                                                                                       \
    SETTING_ATTR("backend", setting_text, "file, s3 or postgres"),                                           \
        SETTING_ATTR("encrypt", setting_text, "values (each secret, the default) or records (everything)"),  \
        SETTING_ATTR("key", setting_any, "Key that secrets are sealed with"),                                \
        SETTING_ATTR("previous_keys", setting_any, "Keys that older secrets were sealed with")
#define KMS_SETTINGS                                                                                         \
    SETTING_ATTR("region", setting_text, "Region of a KMS key"),                                             \
        SETTING_ATTR("profile", setting_text, "Profile for a KMS key"),                                      \
        SETTING_ATTR("endpoint", setting_text, "URL of KMS")

static const struct attr file_settings[] = {
    STATE_SETTINGS, KMS_SETTINGS, SETTING_ATTR("path", setting_text, "Folder")};
static const struct attr s3_settings[] = {STATE_SETTINGS, AWS_SETTING_ATTRS,
    {.name = STR_INIT("bucket"),
        .type = &setting_text,
        .settable = true,
        .required = true,
        .doc = STR_INIT("Bucket that the state lies in")},
    SETTING_ATTR("prefix", setting_text, "Beginning of its keys"),
    SETTING_ATTR("lease_seconds", setting_number, "How long a lock lives without a sign from its holder")};
static const struct attr postgres_settings[] = {STATE_SETTINGS, KMS_SETTINGS,
    SETTING_ATTR("url", setting_text, "postgres://…, or what libpq understands"),
    SETTING_ATTR("table", setting_text, "Table")};

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
