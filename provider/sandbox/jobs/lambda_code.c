/*
 * Code that comes inside the request (ZipFile) instead of from S3: it becomes DIR/jobs/code/SHA256.zip, and
 * the request goes on to the control plane as if it had named an object: bucket ":code", which no bucket can
 * be called, and the hash as its key.
 */
#include "provider/sandbox/jobs/lambda.h"

#include "base/file.h"
#include "base/hash.h"
#include "provider/sandbox/jobs/unpack.h"

static const struct str bucket = STR_INIT(":code");

static int keep(const struct job_call *call, struct str zip, struct str *key, struct err *err)
{
    struct str dir;
    struct err why = ERR_INIT;
    *key = sha256_hex(call->arena, zip);
    if (jobs_dir(call->jobs, call->arena, "code", &dir, &why))
        return job_refuse(err, 500, "ServiceException", "%s", why.message);
    struct str path = arena_printf(call->arena, "%s/%.*s.zip", dir.p, STR_ARG(*key));
    if (!path_exists(path.p) && file_write_atomic(path.p, zip, 0600, &why))
        return job_refuse(err, 500, "ServiceException", "%s", why.message);
    return 0;
}

/* {ZipFile: …} with {S3Bucket, S3Key} in its place. */
static int replace(
    const struct job_call *call, const struct value *code, const struct value **out, struct err *err)
{
    struct str zip, key, text = value_text(value_getz(code, "ZipFile"), STR_EMPTY);
    *out = code;
    if (!text.n)
        return 0;
    if (!base64_decode(call->arena, text, &zip))
        return job_refuse(err, 400, "InvalidParameterValueException", "ZipFile is no base64");
    if (keep(call, zip, &key, err))
        return -1;
    const struct value *place = value_with(call->arena, code, STR("ZipFile"), NULL);
    place = value_with(call->arena, place, STR("S3Bucket"), value_string(call->arena, bucket));
    *out = value_with(call->arena, place, STR("S3Key"), value_string(call->arena, key));
    return 0;
}

static int forward(struct job_call *call, const char *member, struct err *err)
{
    const struct value *code = value_getz(call->input, member), *place;
    if (code && replace(call, code, &place, err))
        return -1;
    call->forward = code ? value_with(call->arena, call->input, str_z(member), place) : call->input;
    return 0;
}

int lambda_create_function(struct job_call *call, struct err *err)
{
    return forward(call, "Code", err);
}

int lambda_publish_layer(struct job_call *call, struct err *err)
{
    return forward(call, "Content", err);
}

/* Here the members stand in the request itself. */
int lambda_update_code(struct job_call *call, struct err *err)
{
    return replace(call, call->input, &call->forward, err);
}

bool lambda_code_file(
    struct jobs *jobs, struct arena *arena, const struct unpack_place *place, struct str *path)
{
    struct err ignored = ERR_INIT;
    struct str dir;
    unsigned char digest[SHA256_SIZE];
    if (!lambda_code_sha256(place->bucket, place->key, digest) ||
        jobs_dir(jobs, arena, "code", &dir, &ignored))
        return false;
    *path = arena_printf(arena, "%s/%.*s.zip", dir.p, STR_ARG(place->key));
    return true;
}

bool lambda_code_sha256(struct str named, struct str key, unsigned char out[SHA256_SIZE])
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str digest;
    if (!str_eq(named, bucket) || !hex_decode(&arena, key, &digest) || digest.n != SHA256_SIZE)
        return false;
    memcpy(out, digest.p, SHA256_SIZE);
    return true;
}
