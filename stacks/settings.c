/*
 * The settings of providers and of the state as types, so that a mistake in them is told with its place by
 * every command, and editors know them. What they mean is up to provider/aws/settings.c and
 * plan/state/backend.c, which check them once more when values are known.
 */
#include "stacks/settings.h"

static const struct type text = {.kind = TYPE_STRING}, flag = {.kind = TYPE_BOOL},
                         number = {.kind = TYPE_INT}, any = {.kind = TYPE_ANY},
                         texts = {.kind = TYPE_MAP, .elem = &text};

#define SETTING(name_, type_, doc_)                                                                          \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .settable = true, .doc = STR_INIT(doc_)                   \
    }
#define AWS_SETTINGS                                                                                         \
    SETTING("region", text, "Region, such as eu-west-1; else AWS_REGION"),                                   \
        SETTING("profile", text, "Profile of ~/.aws/config and ~/.aws/credentials"),                         \
        SETTING("endpoint", text, "URL of all services, where it is not AWS"),                               \
        SETTING("endpoints", texts, "URLs by service"), SETTING("access_key", text, "Access key"),           \
        SETTING("secret_key", text, "Secret key"), SETTING("session_token", text, "Session token"),          \
        SETTING("insecure", flag, "Plain HTTP to other machines is allowed"),                                \
        SETTING("path_style", flag, "Buckets in the path, not in the host name"),                            \
        SETTING("assume_role", any, "Role to take: its ARN, or {role, session_name, external_id}"),          \
        SETTING("default_tags", texts, "Tags of everything that is made"),                                   \
        SETTING("account_id", any, "Number of the account, where STS is not to be asked"),                   \
        SETTING("max_attempts", number, "How often a call is tried")

static const struct attr aws_settings[] = {AWS_SETTINGS};
static const struct type aws_type = {
    .kind = TYPE_OBJECT, .fields = aws_settings, .field_count = sizeof aws_settings / sizeof *aws_settings};
static const struct attr aws = {.name = STR_INIT("aws"), .type = &aws_type, .settable = true};

#define STATE_SETTINGS                                                                                       \
    SETTING("backend", text, "file, s3 or postgres"),                                                        \
        SETTING("encrypt", text, "values (each secret, the default) or records (everything)"),               \
        SETTING("key", any, "Key that secrets are sealed with"),                                             \
        SETTING("previous_keys", any, "Keys that older secrets were sealed with")
#define KMS_SETTINGS                                                                                         \
    SETTING("region", text, "Region of a KMS key"), SETTING("profile", text, "Profile for a KMS key"),       \
        SETTING("endpoint", text, "URL of KMS")

static const struct attr file_settings[] = {STATE_SETTINGS, KMS_SETTINGS, SETTING("path", text, "Folder")};
static const struct attr s3_settings[] = {STATE_SETTINGS, AWS_SETTINGS,
    {.name = STR_INIT("bucket"),
        .type = &text,
        .settable = true,
        .required = true,
        .doc = STR_INIT("Bucket that the state lies in")},
    SETTING("prefix", text, "Beginning of its keys"),
    SETTING("lease_seconds", number, "How long a lock lives without a sign from its holder")};
static const struct attr postgres_settings[] = {STATE_SETTINGS, KMS_SETTINGS,
    SETTING("url", text, "postgres://…, or what libpq understands"), SETTING("table", text, "Table")};

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

const struct attr *settings_of_provider(struct str kind)
{
    return str_eqz(kind, "aws") ? &aws : NULL;
}

const struct attr *settings_of_states(size_t *n)
{
    *n = sizeof backends / sizeof *backends;
    return backends;
}
