/* Encryption with keys of KMS: see encryption.h. */
#include "sandbox/s3/encryption.h"

#include "provider/wire/wire.h"
#include "sandbox/s3/s3srv.h"

static bool is_kms(struct str algorithm)
{
    return str_eqz(algorithm, "aws:kms") || str_eqz(algorithm, "aws:kms:dsse");
}

struct encryption encryption_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket)
{
    struct str text, root;
    const struct value *doc;
    if (!store_setting(arena, store, bucket, STR("encryption"), &text) ||
        wire_xml_read(arena, text, &root, &doc, ERR_IGNORED))
        return (struct encryption){.algorithm = STR("AES256")};
    const struct value *rule = value_getz(doc, "Rule"),
                       *by_default = value_getz(rule, "ApplyServerSideEncryptionByDefault");
    return (struct encryption){value_text(value_getz(by_default, "SSEAlgorithm"), STR_EMPTY),
        value_text(value_getz(by_default, "KMSMasterKeyID"), STR_EMPTY),
        str_eqz(value_text(value_getz(rule, "BucketKeyEnabled"), STR_EMPTY), "true")};
}

static int encryption_ask(const struct encryption_asker *who, const char *action, struct str bucket,
    struct str object, bool bucket_key, struct str *key, struct err *err)
{
    struct str about = arena_printf(who->arena, "arn:aws:s3:::%.*s%s%.*s", STR_ARG(bucket),
        bucket_key ? "" : "/", STR_ARG(bucket_key ? STR_EMPTY : object));
    return sandbox_check_key(
        who->sandbox, who->arena, who->caller, action, *key, who->region, about, key, err);
}

int encryption_begin(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct encryption *how, struct value_builder *headers, struct err *err)
{
    struct str id = how->key;
    if (id.n && is_kms(how->algorithm) &&
        encryption_ask(who, "kms:GenerateDataKey", bucket, key, how->bucket_key, &id, err))
        return -1;
    if (how->algorithm.n && !str_eqz(how->algorithm, "AES256"))
        value_builder_set(headers, STR(S3SRV_SSE), value_string(who->arena, how->algorithm));
    if (id.n)
        value_builder_set(headers, STR(S3SRV_SSE_KEY), value_string(who->arena, id));
    if (how->bucket_key && is_kms(how->algorithm))
        value_builder_set(headers, STR(S3SRV_SSE_BUCKET_KEY), value_stringz(who->arena, "true"));
    return 0;
}

int encryption_undo(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct value *headers, struct err *err)
{
    struct str id = value_gets(headers, S3SRV_SSE_KEY);
    if (!id.n || !is_kms(value_gets(headers, S3SRV_SSE)))
        return 0;
    bool bucket_key = value_gets(headers, S3SRV_SSE_BUCKET_KEY).n > 0;
    return encryption_ask(who, "kms:Decrypt", bucket, key, bucket_key, &id, err);
}
