/* `weir.artifact`: see weir.h. */
#include "provider/weir/weir.h"

#include "base/file.h"
#include "provider/aws/s3/s3.h"

/* ---- An artifact's attributes: format, store, name, key, build command ---- */

static const struct {
    struct str name;
    enum package_format format;
} formats[] = {{STR_INIT("file"), PACKAGE_FILE}, {STR_INIT("zip"), PACKAGE_ZIP},
    {STR_INIT("tar.gz"), PACKAGE_TAR_GZ}, {STR_INIT("wheel"), PACKAGE_WHEEL}};

static struct str stem(struct str path)
{
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    struct str base = path_base(path);
    ptrdiff_t dot = str_find_char(base, '.', base.n ? 1 : 0);
    return dot > 0 ? str_slice(base, 0, (size_t)dot) : base;
}

/* Replaces all but letters, digits, dots, dashes and underscores by dashes, for keys. */
static struct str plain_name(struct arena *arena, struct str s)
{
    char *p = arena_strz(arena, s);
    for (size_t i = 0; i < s.n; i++)
        if (!char_is_among(p[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"))
            p[i] = '-';
    return str_n(p, s.n);
}

/* Returns the bucket of a store, with or without s3://. */
static struct str cut_store(struct str store, struct str *prefix)
{
    return str_cut(str_starts(store, STR("s3://")) ? str_slice(store, 5, store.n) : store, '/', prefix);
}

static int parse_store(struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err)
{
    struct str store = value_gets(desired, "store"), rest;
    out->bucket = arena_str(ctx->arena, cut_store(store, &rest));
    while (rest.p && rest.n && rest.p[rest.n - 1] == '/')
        rest.n--;
    out->prefix = rest.p ? arena_str(ctx->arena, rest) : STR_EMPTY;
    if (!out->bucket.n || (rest.p && rest.n && rest.p[0] == '/'))
        return err_set(err, ERR_INVALID,
            "store \"%.*s\" is not a bucket with a prefix, such as my-lake/artifacts", STR_ARG(store));
    return 0;
}

static int parse_source(
    struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err)
{
    struct str source = value_gets(desired, "source");
    if (!source.n && !value_getz(desired, "python"))
        return err_set(
            err, ERR_INVALID, "an artifact needs a \"source\" or, for libraries alone, \"python\"");
    if (memchr(source.p, '\0', source.n))
        return err_set(err, ERR_INVALID, "\"source\" is not a file name");
    out->folder =
        !source.n || path_is_dir(path_join(ctx->arena, ctx->dir, source).p) || str_ends(source, STR("/"));
    struct str given = value_gets(desired, "name");
    out->name = given.n ? given : plain_name(ctx->arena, source.n ? stem(source) : STR("python"));
    if (str_eqz(out->name, ".") || str_eqz(out->name, "..")) /* the stack's own folder, or its parent */
        out->name = ctx->owner.stack;
    return 0;
}

static int parse_format(const struct value *desired, struct artifact *out, struct err *err)
{
    struct str package = value_text(value_getz(desired, "package"), out->folder ? STR("zip") : STR("file"));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (str_eq(formats[i].name, package))
            out->format = formats[i].format;
    static const char *const packed_only[] = {"include", "exclude", "prefix", "python"};
    for (size_t i = 0; out->format == PACKAGE_FILE && i < sizeof packed_only / sizeof *packed_only; i++)
        if (value_getz(desired, packed_only[i]))
            return err_set(err, ERR_INVALID, "\"%s\" has no meaning for a single file; say `package: zip`",
                packed_only[i]);
    out->version = value_text(value_getz(desired, "version"), STR("0"));
    if (out->format == PACKAGE_WHEEL &&
        (str_find_char(out->name, '-', 0) >= 0 || value_getz(desired, "prefix")))
        return err_set(err, ERR_INVALID,
            value_getz(desired, "prefix") ? "a wheel has no \"prefix\""
                                          : "the name of a wheel has no dashes; give it a \"name\"");
    return 0;
}

int artifact_parse(struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err)
{
    *out = (struct artifact){0};
    if (parse_source(ctx, desired, out, err) || parse_format(desired, out, err))
        return -1;
    const struct value *store = value_getz(desired, "store");
    return value_is_known(store) ? parse_store(ctx, desired, out, err) : 0;
}

static struct str extension(const struct artifact *artifact, struct str source)
{
    struct str base = path_base(source);
    switch (artifact->format) {
    case PACKAGE_ZIP: return STR(".zip");
    case PACKAGE_TAR_GZ: return STR(".tar.gz");
    case PACKAGE_WHEEL: return STR(".whl");
    case PACKAGE_FILE: break;
    }
    ptrdiff_t dot = str_find_char(base, '.', base.n ? 1 : 0);
    return dot > 0 ? str_slice(base, (size_t)dot, base.n) : STR_EMPTY;
}

/* pip requires a wheel's own file name, so the hash is in the folder name. */
struct str artifact_key(
    struct arena *arena, const struct artifact *artifact, struct str source, struct str sha256)
{
    struct str ext = plain_name(arena, extension(artifact, source)), file;
    if (artifact->format == PACKAGE_WHEEL)
        file = arena_printf(arena, "%.*s-%.*s/%.*s-%.*s-py3-none-any.whl", STR_ARG(artifact->name),
            STR_ARG(sha256), STR_ARG(artifact->name), STR_ARG(artifact->version));
    else
        file = arena_printf(arena, "%.*s-%.*s%.*s", STR_ARG(artifact->name), STR_ARG(sha256), STR_ARG(ext));
    return artifact->prefix.n ? arena_printf(arena, "%.*s/%.*s", STR_ARG(artifact->prefix), STR_ARG(file))
                              : file;
}

struct str artifact_base64(struct arena *arena, struct str sha256)
{
    struct str bytes;
    return hex_decode(arena, sha256, &bytes) ? base64_encode(arena, bytes) : STR_EMPTY;
}

/* True if the value is missing or a non-empty list of strings. */
static bool is_texts(const struct value *v)
{
    bool fits = !v || (v->kind == VALUE_LIST && v->count);
    for (uint32_t i = 0; v && v->kind == VALUE_LIST && i < v->count; i++)
        fits &= v->items[i]->kind == VALUE_STRING;
    return fits;
}

int artifact_build(const struct value *v, struct build *out, struct err *err)
{
    *out = (struct build){.command = value_text(v, value_gets(v, "command"))};
    bool map = v->kind == VALUE_MAP;
    const struct value *inputs = map ? value_getz(v, "inputs") : NULL,
                       *env = map ? value_getz(v, "env") : NULL;
    bool fits = v->kind == VALUE_STRING || (map && v->count == 1u + (inputs != NULL) + (env != NULL));
    fits &= is_texts(inputs) && is_texts(env);
    if (!fits || !out->command.n || memchr(out->command.p, '\0', out->command.n)) {
        err_set(err, ERR_INVALID, "\"build\" is not a command");
        return err_hint(
            err, "it is a command, or {command: …, inputs: [patterns], env: [names of variables]}");
    }
    out->inputs = inputs;
    out->env = env;
    out->secret = value_is_sensitive(v);
    return 0;
}

int artifact_missing(const struct value *desired, struct err *err)
{
    struct str given = value_gets(desired, "source");
    err_set(err, ERR_INVALID, "source \"%.*s\" does not exist", STR_ARG(given));
    return value_getz(desired, "build") ? err_hint(err, "the build command has not made it")
                                        : err_hint(err, "paths begin at the folder of the stack file");
}

/* ---- Adding to the desired object what follows from the sources: the hash of the package, or, after a
 * rollback, that of the version used instead. */

/* Returns the recorded version to keep if the sources still produce the one that was rolled back; NULL
 * otherwise. */
static const struct value *version_kept_back(
    struct op_ctx *ctx, const struct preparation *how, struct str local)
{
    const struct value *recorded = how->recorded;
    if (how->version.n || !str_eq(value_gets(recorded, "rolled_back_from"), local) || !local.n)
        return NULL;
    const struct value *version =
        artifact_version(value_getz(recorded, "versions"), value_gets(recorded, "sha256"));
    if (version) {
        struct str now = value_gets(version, "sha256");
        op_warn(ctx, arena_printf(ctx->arena,
                         "%.*s stays rolled back to %.12s: the sources still give %.12s; `weir "
                         "deploy` takes that again",
                         STR_ARG(ctx->address), now.p, local.p)
                         .p);
    }
    return version;
}

/*
 * Returns the version that the rollback started from, also after several steps back; "" if nothing is rolled
 * back.
 */
static struct str rolled_back_from(const struct preparation *how, const struct value *version)
{
    struct str from = value_gets(how->recorded, "rolled_back_from");
    if (!from.n)
        from = value_gets(how->recorded, "sha256");
    return str_eq(from, value_gets(version, "sha256")) ? STR_EMPTY : from;
}

static const struct value *artifact_prepare_described(
    struct op_ctx *ctx, struct str sha256, int64_t size, struct str content, struct str rolled_back_from)
{
    struct arena *arena = ctx->arena;
    return VALUE_MAP(arena, {STR("content"), value_string(arena, content)},
        {STR("rolled_back_from"), value_string(arena, rolled_back_from)},
        {STR("sha256"), value_string(arena, sha256)},
        {STR("sha256_base64"), value_string(arena, artifact_base64(arena, sha256))},
        {STR("size"), value_int(arena, size)});
}

/* Leaves out `rolled_back_from` if it is neither set nor recorded. */
static const struct value *prepared_object(struct op_ctx *ctx, const struct preparation *how,
    const struct value *desired, const struct value *more, struct str rolled_back_from)
{
    if (!rolled_back_from.n && !value_gets(how->recorded, "rolled_back_from").n)
        more = value_with(ctx->arena, more, STR("rolled_back_from"), NULL);
    return value_merge(ctx->arena, desired, more);
}

static const struct value *as_version(struct op_ctx *ctx, const struct preparation *how,
    const struct value *desired, const struct value *version)
{
    struct str from = rolled_back_from(how, version);
    const struct value *more = artifact_prepare_described(ctx, value_gets(version, "sha256"),
        value_geti(version, "size", 0), value_gets(version, "content"), from);
    return prepared_object(ctx, how, desired, more, from);
}

/* A rollback does not use the sources, which may not even build. */
static int prepare_version(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    const struct value *version = artifact_version(value_getz(how->recorded, "versions"), how->version);
    if (!version || !value_getz(version, "etag"))
        return err_set(err, ERR_ABSENT, "no version %.*s is kept", STR_ARG(how->version));
    *prepared = as_version(ctx, how, desired, version);
    return 0;
}

static int prepare_sources(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    struct artifact_made m;
    if (artifact_make(ctx, how->recorded, desired, &m, err))
        return -1;
    const struct value *held = version_kept_back(ctx, how, m.sha256);
    if (held) {
        *prepared = as_version(ctx, how, desired, held);
        return 0;
    }
    /* A rollback does not end because the sources produce the version in use. */
    bool stays = !how->version.n && str_eq(m.sha256, value_gets(how->recorded, "sha256"));
    struct str from = stays ? value_gets(how->recorded, "rolled_back_from") : STR_EMPTY;
    *prepared = prepared_object(
        ctx, how, desired, artifact_prepare_described(ctx, m.sha256, m.size, m.digest, from), from);
    return 0;
}

/* Checks what is known without building or packing. */
static int check_only(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    struct artifact artifact;
    struct str source = value_gets(desired, "source");
    const struct value *given = value_getz(desired, "build");
    struct build build;
    if (given && artifact_build(given, &build, err))
        return -1;
    if (source.n && !path_exists(path_join(ctx->arena, ctx->dir, source).p))
        return given ? 0 : artifact_missing(desired, err);
    return artifact_parse(ctx, desired, &artifact, err);
}

static const struct value *as_recorded(
    struct op_ctx *ctx, const struct preparation *how, const struct value *desired)
{
    static const char *const names[] = {"content", "rolled_back_from", "sha256", "sha256_base64", "size"};
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(how->recorded, names[i]))
            value_builder_set(&b, str_z(names[i]), value_getz(how->recorded, names[i]));
    return value_merge(ctx->arena, desired, value_builder_map(&b));
}

/* True if all attributes needed for packing are known; the store is not needed. */
static bool sources_known(struct op_ctx *ctx, const struct value *desired)
{
    return value_is_known(value_with(ctx->arena, desired, STR("store"), NULL));
}

int artifact_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    const struct value *sha = value_getz(desired, "sha256");
    *prepared = desired;
    if (sha && value_is_known(sha))
        return 0; /* prepared just before */
    if (!sources_known(ctx, desired) || how->offline || !ctx->work_dir.n) {
        *prepared = value_with(ctx->arena, desired, STR("sha256"), &value_unknown);
        return sources_known(ctx, desired) ? check_only(ctx, desired, err) : 0;
    }
    if (how->recorded && str_eqz(how->version, "recorded")) {
        *prepared = as_recorded(ctx, how, desired);
        return 0;
    }
    bool sources = !how->version.n || str_eqz(how->version, "latest");
    return sources ? prepare_sources(ctx, how, desired, prepared, err)
                   : prepare_version(ctx, how, desired, prepared, err);
}

/* ---- prediction ---- */

/* Checks that the version to roll back to is unchanged in the store. */
static int check_earlier(
    struct op_ctx *ctx, const struct value *planned, const struct value *prior, struct err *err)
{
    struct str bucket = value_gets(planned, "bucket"), key = value_gets(planned, "key");
    const struct value *version =
        artifact_version(value_getz(prior, "versions"), value_gets(planned, "sha256"));
    struct stored stored;
    if (!value_gets(planned, "rolled_back_from").n || str_eq(value_gets(prior, "key"), key))
        return 0;
    if (!prior) { /* it is to be replaced, or all its versions are deleted */
        err_set(err, ERR_INVALID, "version %.12s, which it is rolled back to, cannot be stored again",
            value_gets(planned, "sha256").p);
        return err_hint(err, "the sources do not give it; `weir deploy` takes what they do give");
    }
    if (artifact_look(ctx, bucket, key, &stored, err))
        return -1;
    if (stored.exists && str_eq(stored.etag, value_gets(version, "etag")))
        return 0;
    err_set(err, ERR_INVALID, "version %.12s is %s: s3://%.*s/%.*s", value_gets(planned, "sha256").p,
        stored.exists ? "no longer what weir stored" : "no longer in the store", STR_ARG(bucket),
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
    struct str prefix, bucket = cut_store(value_gets(object, "store"), &prefix);
    return aws_s3_content_scope(arena, action, bucket, arena_printf(arena, "%.*s*", STR_ARG(prefix)));
}

static const struct resource_ops ops = {
    .permissions = artifact_permissions,
    .scope = artifact_scope,
    .prepare = artifact_prepare,
    .predict = artifact_predict,
    .read = artifact_read,
    .reread = artifact_reread,
    .list = s3_object_list, /* recorded and live attributes have the same form */
    .create = artifact_create,
    .update = artifact_update,
    .delete = artifact_delete,
    .find = artifact_find,
    .held_ids = artifact_held_ids,
    .outlasting = artifact_outlasting,
    .ownership_tags = artifact_ownership_tags,
};

const struct schema weir_artifact_schema = {
    .name = STR_INIT("weir.artifact"),
    .described = "provider/weir/artifact.yaml",
    .id = STR_INIT("url"),
    .partial = true,
    .bulk = true,
    .listed_per_parent = true,
    .provider = STR_INIT("aws"),
    .service = &aws_s3_service,
    .ops = &ops,
};
