/* `weir.artifact`: see artifact.h. */
#include "provider/weir/artifact.h"
#include "provider/setting_attr.h"

#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/s3_object_list.h"
#include "provider/weir/artifact_store.h"

/* ---- what the stack language sees ---- */

enum { KEEP_MAX = 100 };

static const struct type text_type = {.kind = TYPE_STRING}, int_type = {.kind = TYPE_INT},
                         bool_type = {.kind = TYPE_BOOL}, any_type = {.kind = TYPE_ANY};
static const struct type texts_type = {.kind = TYPE_LIST, .elem = &text_type};
static const struct value keep_default = {.kind = VALUE_INT, .integer = ARTIFACT_KEEP_DEFAULT};

static const struct attr python_fields[] = {
    SETTING_ATTR("requirements", text_type,
        "Path of the requirements file for pip. Pin versions in it for reproducible packages.",
        .required = true),
    SETTING_ATTR("version", text_type, "Python version for which pip selects packages, such as 3.13.",
        .pattern = STR_INIT("[0-9]+(\\.[0-9]+)*")),
    SETTING_ATTR("interpreter", text_type,
        "Python interpreter whose pip is used. Without it weir uses python3.", .has_min = true, .min = 1),
};
static const struct type python_type = OBJECT_TYPE(python_fields);

static const struct attr version_fields[] = {
    {.name = STR_INIT("sha256"), .doc = STR_INIT("SHA-256 of the package in hex."), .type = &text_type},
    {.name = STR_INIT("bucket"), .doc = STR_INIT("Name of the S3 bucket."), .type = &text_type},
    {.name = STR_INIT("key"), .doc = STR_INIT("S3 key of the package."), .type = &text_type},
    {.name = STR_INIT("size"), .doc = STR_INIT("Size of the package in bytes."), .type = &int_type},
    {.name = STR_INIT("stored"), .doc = STR_INIT("Time of the upload."), .type = &text_type},
};
static const struct type version_type = OBJECT_TYPE(version_fields);
static const struct type versions_type = {.kind = TYPE_LIST, .elem = &version_type};

/* Attributes that steer the packing: recorded, and compared with the record. */
#define GIVEN(name_, type_, doc_, ...)                                                                       \
    {                                                                                                        \
        .name = STR_INIT(name_), .doc = STR_INIT(doc_), .type = &(type_), .settable = true, .local = true,   \
        __VA_ARGS__                                                                                          \
    }
static const struct attr attrs[] = {
    GIVEN("source", text_type, "Path of the file or folder to package, relative to the stack's folder.",
        .has_min = true, .min = 1),
    GIVEN("store", text_type, "Destination in S3 as BUCKET or BUCKET/PREFIX.", .required = true),
    GIVEN("name", text_type,
        "Name of the package, part of its S3 key. Without it weir uses the source's name without its "
        "extension.",
        .pattern = STR_INIT("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")),
    GIVEN("package", text_type,
        "Package format: file (the unchanged file), zip, tar.gz or wheel. Without it a file stays a file and "
        "a folder becomes a zip.",
        .pattern = STR_INIT("file|zip|tar\\.gz|wheel")),
    GIVEN("include", texts_type,
        "Patterns of files to include, as in .gitignore. Without it all files are included.", .has_min = true,
        .min = 1),
    GIVEN("exclude", texts_type, "Patterns of files and folders to exclude, as in .gitignore."),
    GIVEN(
        "gitignore", bool_type, "Excludes files that .gitignore files name.", .default_value = &value_false),
    GIVEN("prefix", text_type,
        "Folder in the package that contains all files, such as python for a Lambda layer.",
        .pattern = STR_INIT("[^/].*[^/]|[^/]")),
    GIVEN("python", python_type, "Pure Python packages that pip adds to the package."),
    GIVEN("build", any_type,
        "Command that builds the source: text, run for every plan, or {command, inputs, env}, run when a "
        "file that matches `inputs` has changed. It gets basic environment variables and those in `env`; its "
        "time limit is 15 minutes, or that in `timeouts`."),
    GIVEN("compress", bool_type,
        "Compresses the package. Uncompressed packages are the same bytes with every version of the "
        "compressor.",
        .default_value = &value_true),
    GIVEN("version", text_type, "Version of a wheel. Without it the version is 0.",
        .pattern = STR_INIT("[0-9][A-Za-z0-9.+!]*")),
    GIVEN("limit", text_type,
        "Size limit: none, lambda (50 MiB packed, 250 MiB unpacked) or lambda-s3 (250 MiB unpacked).",
        .pattern = STR_INIT("none|lambda|lambda-s3")),
    GIVEN("keep", int_type, "Number of earlier versions to keep in the bucket for `weir rollback`.",
        .default_value = &keep_default, .has_min = true, .min = 1, .has_max = true, .max = KEEP_MAX),
    COMPUTED_ATTR("bucket", text_type, "Name of the bucket with the package."),
    COMPUTED_ATTR("key", text_type, "S3 key of the package. It contains the package's SHA-256."),
    COMPUTED_ATTR("url", text_type, "S3 URI of the package: s3://BUCKET/KEY."),
    COMPUTED_ATTR("arn", text_type, "ARN of the S3 object."),
    COMPUTED_ATTR("sha256", text_type, "SHA-256 of the package, in hex.", .prepared = true),
    COMPUTED_ATTR(
        "sha256_base64", text_type, "SHA-256 of the package in base64, as Lambda reports it in CodeSha256."),
    COMPUTED_ATTR("size", int_type, "Size of the package in bytes."),
    COMPUTED_ATTR("rolled_back_from", text_type,
        "SHA-256 of the package built from the current sources, while `weir rollback` keeps an earlier "
        "version in use.",
        .prepared = true, .local = true),
    COMPUTED_ATTR("versions", versions_type, "Versions in the bucket, the current one first."),
    COMPUTED_ATTR("etag", text_type, "Entity tag (ETag) of the S3 object."),
    COMPUTED_ATTR("version_id", text_type, "Version id of the S3 object, in a bucket with versioning."),
};

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
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
        if (attrs[i].computed && !attrs[i].local && !value_getz(*planned, attrs[i].name.p))
            *planned = value_with(ctx->arena, *planned, attrs[i].name, &value_unknown);
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
    .doc =
        STR_INIT("A reproducible package of a file or folder, stored in S3. Its key contains its SHA-256."),
    .example =
        STR_INIT("type: weir.artifact\nsource: lambda/ingest\npackage: zip\nstore: my-lake/artifacts\n"),
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .id = STR_INIT("url"),
    .partial = true,
    .bulk = true,
    .scattered = true,
    .provider = STR_INIT("aws"),
    .service = &aws_s3_service,
    .ops = &ops,
};
