/* Encryption with keys of KMS. Content is not encrypted here; but who may not use the key does not get it. */
#include "sandbox/s3/s3srv.h"

#include <string.h>

static bool is_kms(struct str algorithm)
{
    return str_eqz(algorithm, "aws:kms") || str_eqz(algorithm, "aws:kms:dsse");
}

/* A denial is S3's own AccessDenied, with KMS's words. */
static bool refused(struct s3 *s, const struct err *err)
{
    bool denied = !strcmp(err->code, "AccessDeniedException");
    s3srv_error(s, denied ? 403 : 400, denied ? "AccessDenied" : arena_strz(s->arena, str_z(err->code)),
        arena_strz(s->arena, str_z(err->message)));
    return false;
}

/* With a bucket key what is encrypted is the bucket's. */
static bool ask(
    struct s3 *s, const char *action, struct str bucket, struct str object, bool bucket_key, struct str *key)
{
    struct err err = ERR_INIT;
    struct str about = arena_printf(s->arena, "arn:aws:s3:::%.*s%s%.*s", STR_ARG(bucket),
        bucket_key ? "" : "/", STR_ARG(bucket_key ? STR_EMPTY : object));
    if (sandbox_check_key(
            s->x->sandbox, s->arena, &s->x->auth.session, action, *key, s->x->auth.region, about, key, &err))
        return refused(s, &err);
    return true;
}

bool s3srv_new_encryption(struct s3 *s, struct value_builder *headers)
{
    struct s3srv_encryption how = {s3srv_header(s, S3SRV_SSE), s3srv_header(s, S3SRV_SSE_KEY),
        str_ieq(s3srv_header(s, S3SRV_SSE_BUCKET_KEY), STR("true"))};
    if (!how.algorithm.n)
        how = s3srv_default_encryption(s);
    if (how.key.n && is_kms(how.algorithm) &&
        !ask(s, "kms:GenerateDataKey", s->bucket, s->key, how.bucket_key, &how.key))
        return false;
    if (how.algorithm.n && !str_eqz(how.algorithm, "AES256"))
        value_builder_set(headers, STR(S3SRV_SSE), value_string(s->arena, how.algorithm));
    if (how.key.n)
        value_builder_set(headers, STR(S3SRV_SSE_KEY), value_string(s->arena, how.key));
    if (how.bucket_key && is_kms(how.algorithm))
        value_builder_set(headers, STR(S3SRV_SSE_BUCKET_KEY), value_stringz(s->arena, "true"));
    return true;
}

bool s3srv_may_decrypt(struct s3 *s, struct str bucket, struct str key, const struct value *headers)
{
    struct str id = value_gets(headers, S3SRV_SSE_KEY);
    return !id.n || !is_kms(value_gets(headers, S3SRV_SSE)) ||
           ask(s, "kms:Decrypt", bucket, key, value_gets(headers, S3SRV_SSE_BUCKET_KEY).n > 0, &id);
}
