/*
 * What an artifact's attributes say: format, store, name, key, build command.
 */
#include "provider/weir/artifact.h"

#include "base/file.h"

#include <string.h>

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

/* A name for keys: other characters than those that are plain everywhere become dashes. */
static struct str plain_name(struct arena *arena, struct str s)
{
    char *p = arena_strz(arena, s);
    for (size_t i = 0; i < s.n; i++)
        if (!char_is_among(p[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"))
            p[i] = '-';
    return str_n(p, s.n);
}

static int parse_store(struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err)
{
    struct str store = artifact_text(desired, "store", STR_EMPTY), rest;
    if (str_starts(store, STR("s3://")))
        store = str_slice(store, 5, store.n);
    out->bucket = arena_str(ctx->arena, str_cut(store, '/', &rest));
    while (rest.p && rest.n && rest.p[rest.n - 1] == '/')
        rest.n--;
    out->prefix = rest.p ? arena_str(ctx->arena, rest) : STR_EMPTY;
    if (!out->bucket.n || (rest.p && rest.n && rest.p[0] == '/'))
        return err_set(err, ERR_INVALID,
            "store \"%.*s\" is not a bucket with a prefix, such as my-lake/artifacts",
            STR_ARG(artifact_text(desired, "store", STR_EMPTY)));
    return 0;
}

static int parse_source(
    struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err)
{
    struct str source = artifact_text(desired, "source", STR_EMPTY);
    if (!source.n && !value_getz(desired, "python"))
        return err_set(
            err, ERR_INVALID, "an artifact needs a \"source\" or, for libraries alone, \"python\"");
    if (memchr(source.p, '\0', source.n))
        return err_set(err, ERR_INVALID, "\"source\" is not a file name");
    out->folder =
        !source.n || path_is_dir(path_join(ctx->arena, ctx->dir, source).p) || str_ends(source, STR("/"));
    struct str given = artifact_text(desired, "name", STR_EMPTY);
    out->name = given.n ? given : plain_name(ctx->arena, source.n ? stem(source) : STR("python"));
    if (str_eqz(out->name, ".") || str_eqz(out->name, "..")) /* the stack's own folder, or one around it */
        out->name = ctx->owner.stack;
    return 0;
}

static int parse_format(const struct value *desired, struct artifact *out, struct err *err)
{
    struct str package = artifact_text(desired, "package", out->folder ? STR("zip") : STR("file"));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (str_eq(formats[i].name, package))
            out->format = formats[i].format;
    static const char *const packed_only[] = {"include", "exclude", "prefix", "python"};
    for (size_t i = 0; out->format == PACKAGE_FILE && i < sizeof packed_only / sizeof *packed_only; i++)
        if (value_getz(desired, packed_only[i]))
            return err_set(err, ERR_INVALID, "\"%s\" has no meaning for a single file; say `package: zip`",
                packed_only[i]);
    out->version = artifact_text(desired, "version", STR("0"));
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

/* pip wants a wheel's own name to say what it is, so there the hash is a folder. */
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

/* A list of some, or nothing. */
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
    struct str given = artifact_text(desired, "source", STR_EMPTY);
    err_set(err, ERR_INVALID, "source \"%.*s\" is not there", STR_ARG(given));
    return value_getz(desired, "build") ? err_hint(err, "the build command has not made it")
                                        : err_hint(err, "paths begin at the folder of the stack file");
}

struct str artifact_text(const struct value *object, const char *name, struct str fallback)
{
    return value_text(value_getz(object, name), fallback);
}
