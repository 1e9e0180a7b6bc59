/* `weir.artifact`: see artifact.h. */
#include "provider/weir/artifact.h"

#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/s3_object_list.h"
#include "provider/weir/artifact_store.h"

/* ---- prediction ---- */

/* What is rolled back to must still be there, as it was. */
static int check_earlier(
    struct op_ctx *ctx, const struct value *planned, const struct value *prior, struct err *err)
{
    struct str bucket = artifact_text(planned, "bucket", STR_EMPTY),
               key = artifact_text(planned, "key", STR_EMPTY);
    const struct value *version =
        artifact_version(value_getz(prior, "versions"), artifact_text(planned, "sha256", STR_EMPTY));
    struct stored stored;
    if (!artifact_text(planned, "rolled_back_from", STR_EMPTY).n ||
        str_eq(artifact_text(prior, "key", STR_EMPTY), key))
        return 0;
    if (!prior) { /* it is to be replaced, or all its versions are gone */
        err_set(err, ERR_INVALID, "version %.12s, which it is rolled back to, cannot be stored anew",
            artifact_text(planned, "sha256", STR_EMPTY).p);
        return err_hint(err, "the sources do not give it; `weir deploy` takes what they do give");
    }
    if (artifact_look(ctx, bucket, key, &stored, err))
        return -1;
    if (stored.there && str_eq(stored.etag, artifact_text(version, "etag", STR_EMPTY)))
        return 0;
    err_set(err, ERR_INVALID, "version %.12s is %s: s3://%.*s/%.*s",
        artifact_text(planned, "sha256", STR_EMPTY).p,
        stored.there ? "no longer what weir stored" : "no longer in the store", STR_ARG(bucket),
        STR_ARG(key));
    return err_hint(err, "`weir rollback --list` shows the others");
}

static int artifact_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    if (artifact_prepare(ctx, &(struct preparation){.offline = true}, desired, planned, err))
        return -1;
    if (value_is_known(*planned) &&
        (artifact_locate(ctx, *planned, prior, planned, err) || check_earlier(ctx, *planned, prior, err)))
        return -1;
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        if (attr->computed && !attr->local && !value_get(*planned, attr->name))
            *planned = value_with(ctx->arena, *planned, attr->name, &value_unknown);
    }
    return 0;
}

static void artifact_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    static const struct str deletes_version = STR_INIT("s3:DeleteObjectVersion");
    aws_s3_content_permissions(schema, phase, arena, out);
    if (phase == PERMISSION_APPLY || phase == PERMISSION_DESTROY)
        value_builder_set(out, deletes_version, value_string_ref(arena, deletes_version));
}

static const struct value *artifact_scope(
    const struct schema *schema UNUSED, const struct value *object, struct str action, struct arena *arena)
{
    struct str prefix, bucket = str_cut(value_gets(object, "store"), '/', &prefix);
    return aws_s3_content_scope(arena, action, bucket, arena_printf(arena, "%.*s*", STR_ARG(prefix)));
}

static const struct resource_ops ops = {
    .permissions = artifact_permissions,
    .scope = artifact_scope,
    .prepare = artifact_prepare,
    .predict = artifact_predict,
    .read = artifact_read,
    .reread = artifact_reread,
    .list = s3_object_list, /* recorded and told in the same words */
    .create = artifact_create,
    .update = artifact_update,
    .delete = artifact_delete,
    .find = artifact_find,
    .holds = artifact_holds,
    .lies_in = artifact_lies_in,
    .marks = artifact_marks,
};

const struct schema weir_artifact_schema = {
    .name = STR_INIT("weir.artifact"),
    .described = "provider/weir/artifact.yaml",
    .id = STR_INIT("url"),
    .partial = true,
    .bulk = true,
    .scattered = true,
    .provider = STR_INIT("aws"),
    .service = &aws_s3_service,
    .ops = &ops,
};
