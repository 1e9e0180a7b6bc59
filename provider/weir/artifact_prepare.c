/*
 * What follows from the sources becomes part of what is desired: the hash of what they give, or, after a
 * rollback, that of the version that is used instead.
 */
#include "provider/weir/artifact.h"

#include "base/file.h"

/* What the sources give is known to be bad: it was rolled back. NULL: nothing is in its way. */
static const struct value *held_back(struct op_ctx *ctx, const struct preparation *how, struct str local)
{
    const struct value *recorded = how->recorded;
    if (how->version.n || !str_eq(artifact_text(recorded, "rolled_back_from", STR_EMPTY), local) || !local.n)
        return NULL;
    const struct value *version =
        artifact_version(value_getz(recorded, "versions"), artifact_text(recorded, "sha256", STR_EMPTY));
    if (version) {
        struct str now = artifact_text(version, "sha256", STR_EMPTY);
        op_warn(ctx, arena_printf(ctx->arena,
                         "%.*s stays rolled back to %.12s: the sources still give %.12s; `weir "
                         "deploy` takes that again",
                         STR_ARG(ctx->address), now.p, local.p)
                         .p);
    }
    return version;
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

/* Without a rollback, and none before, there is nothing to say of one. */
static const struct value *prepared_object(struct op_ctx *ctx, const struct preparation *how,
    const struct value *desired, const struct value *more, struct str rolled_back_from)
{
    if (!rolled_back_from.n && !artifact_text(how->recorded, "rolled_back_from", STR_EMPTY).n)
        more = value_with(ctx->arena, more, STR("rolled_back_from"), NULL);
    return value_merge(ctx->arena, desired, more);
}

/*
 * What a rollback is held against: the version that was in use when it began, however many steps it has gone
 * back since. "" where nothing is rolled back.
 */
static struct str rolled_back_from(const struct preparation *how, const struct value *version)
{
    struct str from = artifact_text(how->recorded, "rolled_back_from", STR_EMPTY);
    if (!from.n)
        from = artifact_text(how->recorded, "sha256", STR_EMPTY);
    return str_eq(from, artifact_text(version, "sha256", STR_EMPTY)) ? STR_EMPTY : from;
}

static const struct value *as_version(struct op_ctx *ctx, const struct preparation *how,
    const struct value *desired, const struct value *version)
{
    struct str from = rolled_back_from(how, version);
    const struct value *more = artifact_prepare_described(ctx, artifact_text(version, "sha256", STR_EMPTY),
        value_geti(version, "size", 0), artifact_text(version, "content", STR_EMPTY), from);
    return prepared_object(ctx, how, desired, more, from);
}

/* Going back asks the sources nothing: they may not even build, which may be why. */
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
    const struct value *held = held_back(ctx, how, m.sha256);
    if (held) {
        *prepared = as_version(ctx, how, desired, held);
        return 0;
    }
    /* That the sources agree with what is in use ends nothing. */
    bool stays = !how->version.n && str_eq(m.sha256, artifact_text(how->recorded, "sha256", STR_EMPTY));
    struct str from = stays ? artifact_text(how->recorded, "rolled_back_from", STR_EMPTY) : STR_EMPTY;
    *prepared = prepared_object(
        ctx, how, desired, artifact_prepare_described(ctx, m.sha256, m.size, m.digest, from), from);
    return 0;
}

/* Only what can be said without making anything. */
static int check_only(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    struct artifact artifact;
    struct str source = artifact_text(desired, "source", STR_EMPTY);
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

/* All but the store has to be known for the package to be made. */
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
        return 0; /* a moment ago */
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
