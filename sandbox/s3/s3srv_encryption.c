/* Keys of KMS behind the objects of requests. */
#include "sandbox/s3/s3srv.h"

#include "sandbox/s3/encryption.h"

#include <string.h>

static struct encryption_asker asker(struct s3 *s)
{
    return (struct encryption_asker){s->x->sandbox, s->arena, &s->x->auth.session, s->x->auth.region};
}

/* A denial is S3's own AccessDenied, with KMS's words. */
static bool refused(struct s3 *s, const struct err *err)
{
    bool denied = !strcmp(err->code, "AccessDeniedException");
    s3srv_error(s, denied ? 403 : 400, denied ? "AccessDenied" : arena_strz(s->arena, str_z(err->code)),
        arena_strz(s->arena, str_z(err->message)));
    return false;
}

bool s3srv_new_encryption(struct s3 *s, struct value_builder *headers)
{
    struct err err = ERR_INIT;
    const struct encryption_asker who = asker(s);
    struct encryption how = {s3srv_header(s, S3SRV_SSE), s3srv_header(s, S3SRV_SSE_KEY),
        str_ieq(s3srv_header(s, S3SRV_SSE_BUCKET_KEY), STR("true"))};
    if (!how.algorithm.n)
        how = encryption_of_bucket(s->arena, s->store, s->bucket);
    return !encryption_begin(&who, s->bucket, s->key, &how, headers, &err) || refused(s, &err);
}

bool s3srv_may_decrypt(struct s3 *s, struct str bucket, struct str key, const struct value *headers)
{
    struct err err = ERR_INIT;
    const struct encryption_asker who = asker(s);
    return !encryption_undo(&who, bucket, key, headers, &err) || refused(s, &err);
}
