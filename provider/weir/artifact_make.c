/*
 * From sources to a package: at plan time, so that the plan shows which jobs change.
 *
 * In order: the build command, then pip, then the files are found and hashed. If a recorded version was made
 * from the same, that is it; otherwise the package is made and kept in .weir/artifacts until it is uploaded.
 */
#include "provider/weir/artifact.h"

#include "base/file.h"
#include "provider/weir/artifact_cache.h"
#include "provider/weir/build.h"

#include <inttypes.h>
#include <stdio.h>

enum { TRIES = 3, MEBI = 1024 * 1024, LAMBDA_PACKED = 50 * MEBI, LAMBDA_UNPACKED = 250 * MEBI };

struct making {
    struct op_ctx *ctx;
    const struct value *desired;
    struct artifact artifact;
    struct artifact_cache cache;
    struct package package;
    struct str source;   /* path; "" only what pip installs */
    struct str vendored; /* folder; "" none */
    struct str digest;   /* of what the package is made from */
    struct str sha256;   /* of the package; "" not made */
    int64_t size;
};

static struct str text_of(const struct value *object, const char *name, struct str fallback)
{
    return value_text(value_getz(object, name), fallback);
}

static bool flag_of(const struct value *object, const char *name, bool fallback)
{
    const struct value *v = value_getz(object, name);
    return v && v->kind == VALUE_BOOL ? v->boolean : fallback;
}

/* ---- attributes ---- */

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
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", p[i]))
            p[i] = '-';
    return str_n(p, s.n);
}

static int parse_store(struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err)
{
    struct str store = text_of(desired, "store", STR_EMPTY), rest;
    if (str_starts(store, STR("s3://")))
        store = str_slice(store, 5, store.n);
    out->bucket = arena_str(ctx->arena, str_cut(store, '/', &rest));
    while (rest.p && rest.n && rest.p[rest.n - 1] == '/')
        rest.n--;
    out->prefix = rest.p ? arena_str(ctx->arena, rest) : STR_EMPTY;
    if (!out->bucket.n || (rest.p && rest.n && rest.p[0] == '/'))
        return err_set(err, ERR_INVALID,
            "store \"%.*s\" is no bucket with a prefix, such as my-lake/artifacts",
            STR_ARG(text_of(desired, "store", STR_EMPTY)));
    return 0;
}

static int parse_source(
    struct op_ctx *ctx, const struct value *desired, struct artifact *out, struct err *err)
{
    struct str source = text_of(desired, "source", STR_EMPTY);
    if (!source.n && !value_getz(desired, "python"))
        return err_set(
            err, ERR_INVALID, "an artifact needs a \"source\" or, for libraries alone, \"python\"");
    if (memchr(source.p, '\0', source.n))
        return err_set(err, ERR_INVALID, "\"source\" is no file name");
    out->folder =
        !source.n || path_is_dir(path_join(ctx->arena, ctx->dir, source).p) || str_ends(source, STR("/"));
    struct str given = text_of(desired, "name", STR_EMPTY);
    out->name = given.n ? given : plain_name(ctx->arena, source.n ? stem(source) : STR("python"));
    return 0;
}

static int parse_format(const struct value *desired, struct artifact *out, struct err *err)
{
    struct str package = text_of(desired, "package", out->folder ? STR("zip") : STR("file"));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (str_eq(formats[i].name, package))
            out->format = formats[i].format;
    static const char *const packed_only[] = {"include", "exclude", "prefix", "python"};
    for (size_t i = 0; out->format == PACKAGE_FILE && i < sizeof packed_only / sizeof *packed_only; i++)
        if (value_getz(desired, packed_only[i]))
            return err_set(err, ERR_INVALID, "\"%s\" has no meaning for a single file; say `package: zip`",
                packed_only[i]);
    out->version = text_of(desired, "version", STR("0"));
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

/* ---- building ---- */

static int parse_build(const struct value *v, struct build *out, struct err *err)
{
    *out = (struct build){.command = value_text(v, value_text(value_getz(v, "command"), STR_EMPTY))};
    const struct value *inputs = v->kind == VALUE_MAP ? value_getz(v, "inputs") : NULL;
    bool fits = v->kind == VALUE_STRING || (v->kind == VALUE_MAP && v->count == 1 + (inputs != NULL));
    for (uint32_t i = 0; inputs && inputs->kind == VALUE_LIST && i < inputs->count; i++)
        fits &= inputs->items[i]->kind == VALUE_STRING;
    fits &= !inputs || (inputs->kind == VALUE_LIST && inputs->count);
    if (!fits || !out->command.n || memchr(out->command.p, '\0', out->command.n)) {
        err_set(err, ERR_INVALID, "\"build\" is no command");
        return err_hint(err, "it is a command, or {command: …, inputs: [patterns]}");
    }
    out->inputs = inputs;
    return 0;
}

static int build(struct making *m, struct err *err)
{
    const struct value *given = value_getz(m->desired, "build");
    struct build build;
    if (!given)
        return 0;
    if (parse_build(given, &build, err))
        return -1;
    return build_run(&m->cache, &build, m->ctx->dir, m->source.n && !path_exists(m->source.p), err);
}

static int vendor(struct making *m, struct err *err)
{
    const struct value *python = value_getz(m->desired, "python");
    if (!python)
        return 0;
    struct vendor vendor = {.interpreter = text_of(python, "interpreter", STR("python3")),
        .version = text_of(python, "version", STR_EMPTY),
        .requirements = path_join(m->ctx->arena, m->ctx->dir, text_of(python, "requirements", STR_EMPTY))};
    return build_vendor(&m->cache, &vendor, m->ctx->dir, &m->vendored, err);
}

/* ---- packing ---- */

static int missing(const struct making *m, struct err *err)
{
    struct str given = text_of(m->desired, "source", STR_EMPTY);
    err_set(err, ERR_INVALID, "source \"%.*s\" is not there", STR_ARG(given));
    return value_getz(m->desired, "build") ? err_hint(err, "the build command has not made it")
                                           : err_hint(err, "paths begin at the folder of the stack file");
}

static int find_files(struct making *m, struct err *err)
{
    const struct value *desired = m->desired;
    struct package_filter filter = {.include = value_getz(desired, "include"),
        .exclude = value_getz(desired, "exclude"),
        .gitignore = flag_of(desired, "gitignore", false)};
    struct package_filter pip = {.vendored = true};
    if (m->source.n && !path_exists(m->source.p))
        return missing(m, err);
    if (m->source.n && m->artifact.format == PACKAGE_FILE && path_is_dir(m->source.p))
        return err_set(err, ERR_INVALID, "source \"%.*s\" is a folder; say how to pack it: `package: zip`",
            STR_ARG(text_of(desired, "source", STR_EMPTY)));
    if (m->source.n && (path_is_dir(m->source.p) ? package_scan(&m->package, m->source.p, &filter, err)
                                                 : package_add_file(&m->package, m->source.p, err)))
        return -1;
    if (m->vendored.n && package_scan(&m->package, m->vendored.p, &pip, err))
        return -1;
    if (!m->package.n)
        return err_set(err, ERR_INVALID, "source \"%.*s\" holds no file to pack",
            STR_ARG(text_of(desired, "source", STR_EMPTY)));
    return package_finish(&m->package, text_of(desired, "prefix", STR_EMPTY), err);
}

static bool compressed(const struct making *m)
{
    return flag_of(m->desired, "compress", true);
}

/* Finds the files and their hashes. */
static int look_at_files(struct making *m, struct err *err)
{
    package_release(&m->package);
    package_init(&m->package, m->ctx->arena);
    if (find_files(m, err) || package_hash(&m->package, m->ctx->digests, err))
        return -1;
    if (m->artifact.format == PACKAGE_WHEEL)
        package_add_wheel(&m->package, m->artifact.name, m->artifact.version);
    m->digest = package_digest(&m->package, m->artifact.format, compressed(m));
    return 0;
}

/* The version that was made from the same, if one is recorded. */
static const struct value *known_version(const struct making *m)
{
    const struct value *versions = value_getz(m->ctx->recorded, "versions");
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        if (str_eq(text_of(versions->items[i], "content", STR_EMPTY), m->digest))
            return versions->items[i];
    return NULL;
}

static void take(struct making *m, struct str sha256, int64_t size)
{
    m->sha256 = sha256;
    m->size = size;
}

/* A file needs no package: it is its own. Of an archive the cache may have the one that is wanted. */
static bool made_before(struct making *m)
{
    const struct package_file *first = m->package.files;
    if (m->artifact.format == PACKAGE_FILE)
        take(m, hex_encode(m->ctx->arena, first->sha256, SHA256_SIZE), first->size);
    else if (str_eq(m->cache.digest, m->digest) &&
             path_exists(artifact_cache_package(&m->cache, m->cache.sha256)))
        take(m, m->cache.sha256, m->cache.size);
    return m->sha256.n > 0;
}

static int pack(struct making *m, struct err *err)
{
    struct package_made made;
    if (made_before(m))
        return 0;
    const char *unnamed = artifact_cache_package(&m->cache, STR("new"));
    if (package_write(&m->package, m->artifact.format, compressed(m), unnamed, &made, err))
        return -1;
    const char *path = artifact_cache_package(&m->cache, made.sha256);
    if (rename(unnamed, path))
        return err_errno(err, ERR_FAILED, "packing: cannot write %s", path);
    artifact_cache_made(&m->cache, m->digest, &made);
    take(m, made.sha256, made.size);
    return 0;
}

/* Before it is packed: the sizes of the files are known. */
static int check_unpacked(const struct making *m, struct err *err)
{
    if (str_eqz(text_of(m->desired, "limit", STR("none")), "none") || m->package.unpacked <= LAMBDA_UNPACKED)
        return 0;
    return err_set(err, ERR_INVALID,
        "unpacked it has %" PRId64 " bytes; a function and its layers together can have %d (250 MiB)",
        m->package.unpacked, LAMBDA_UNPACKED);
}

static int check_packed(const struct making *m, struct err *err)
{
    if (!str_eqz(text_of(m->desired, "limit", STR("none")), "lambda") || m->size <= LAMBDA_PACKED)
        return 0;
    err_set(err, ERR_INVALID, "packed it has %" PRId64 " bytes; Lambda's limit is %d (50 MiB)", m->size,
        LAMBDA_PACKED);
    return err_hint(
        err, "`limit: lambda-s3` allows more: code taken from S3 is held to the unpacked size only");
}

/* Everything up to the hash; `again`: the package itself is wanted, whatever is recorded. */
static int make_once(struct making *m, bool again, struct err *err)
{
    m->sha256 = STR_EMPTY;
    if (look_at_files(m, err) || check_unpacked(m, err))
        return -1;
    const struct value *known = again ? NULL : known_version(m);
    const struct value *size = known ? value_getz(known, "size") : NULL;
    if (known && size && size->kind == VALUE_INT)
        take(m, text_of(known, "sha256", STR_EMPTY), size->integer);
    if (!m->sha256.n && pack(m, err))
        return -1;
    return check_packed(m, err);
}

static int make(struct making *m, bool again, struct err *err)
{
    struct op_ctx *ctx = m->ctx;
    struct str source = text_of(m->desired, "source", STR_EMPTY);
    m->source = source.n ? path_join(ctx->arena, ctx->dir, source) : STR_EMPTY;
    if (!again && (build(m, err) || vendor(m, err)))
        return -1;
    if (again && vendor(m, err))
        return -1;
    if (artifact_parse(ctx, m->desired, &m->artifact, err)) /* only now the source is there */
        return -1;
    int status = -1;
    for (int i = 0; status && i < TRIES; i++) {
        struct err met = ERR_INIT;
        status = make_once(m, again, &met);
        if (status && (!m->package.changed || i == TRIES - 1)) {
            *err = met;
            if (m->package.changed)
                err_hint(err, "something writes to it; tried %d times", TRIES);
            return -1;
        }
    }
    return artifact_cache_save(&m->cache, err);
}

static int run_making(
    struct op_ctx *ctx, const struct value *desired, bool again, struct making *m, struct err *err)
{
    *m = (struct making){.ctx = ctx, .desired = desired};
    struct str folder = path_join(ctx->arena, ctx->work_dir, STR("artifacts"));
    int status = artifact_cache_load(&m->cache, ctx->arena, folder, ctx->address, err);
    m->cache.digests = ctx->digests;
    if (!status)
        status = make(m, again, err);
    package_release(&m->package);
    return status;
}

int artifact_content(
    struct op_ctx *ctx, const struct value *desired, struct str sha256, const char **path, struct err *err)
{
    struct making m;
    if (run_making(ctx, desired, true, &m, err))
        return -1;
    if (!str_eq(m.sha256, sha256)) {
        err_set(err, ERR_FAILED, "the sources do not give what was planned: %.12s instead of %.12s",
            m.sha256.p, sha256.p);
        return err_hint(err, "they changed since, or this machine compresses differently; plan again, or "
                             "replace it (--replace)");
    }
    *path = m.artifact.format == PACKAGE_FILE ? m.source.p : artifact_cache_package(&m.cache, sha256);
    return 0;
}

/* ---- prepare ---- */

const struct value *artifact_version(const struct value *versions, struct str sha256)
{
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        if (str_eq(text_of(versions->items[i], "sha256", STR_EMPTY), sha256))
            return versions->items[i];
    return NULL;
}

/* What the sources give is known to be bad: it was rolled back. NULL: nothing is in its way. */
static const struct value *held_back(struct op_ctx *ctx, struct str local)
{
    const struct value *recorded = ctx->recorded;
    if (ctx->version.n || !str_eq(text_of(recorded, "rolled_back_from", STR_EMPTY), local) || !local.n)
        return NULL;
    const struct value *version =
        artifact_version(value_getz(recorded, "versions"), text_of(recorded, "sha256", STR_EMPTY));
    if (version && ctx->warn) {
        struct str now = text_of(version, "sha256", STR_EMPTY);
        ctx->warn(ctx->warn_ctx, arena_printf(ctx->arena,
                                     "%.*s stays rolled back to %.12s: the sources still give %.12s; `weir "
                                     "deploy` takes that again",
                                     STR_ARG(ctx->address), now.p, local.p)
                                     .p);
    }
    return version;
}

static int choose(struct op_ctx *ctx, struct str local, const struct value **version, struct err *err)
{
    *version = NULL;
    if (!ctx->version.n || str_eqz(ctx->version, "latest")) {
        *version = held_back(ctx, local);
        return 0;
    }
    *version = artifact_version(value_getz(ctx->recorded, "versions"), ctx->version);
    return *version && value_getz(*version, "etag")
               ? 0
               : err_set(err, ERR_ABSENT, "no version %.*s is kept", STR_ARG(ctx->version));
}

static const struct value *described(
    struct op_ctx *ctx, struct str sha256, int64_t size, struct str content, struct str rolled_back_from)
{
    struct arena *arena = ctx->arena;
    struct value_entry entries[] = {{STR("content"), value_string(arena, content)},
        {STR("rolled_back_from"), value_string(arena, rolled_back_from)},
        {STR("sha256"), value_string(arena, sha256)},
        {STR("sha256_base64"), value_string(arena, artifact_base64(arena, sha256))},
        {STR("size"), value_int(arena, size)}};
    return value_map(arena, entries, sizeof entries / sizeof *entries);
}

/*
 * What a rollback is held against: the version that was in use when it began, however many steps it has gone
 * back since. "" where nothing is rolled back.
 */
static struct str rolled_back_from(struct op_ctx *ctx, struct str local, const struct value *version)
{
    struct str used = text_of(ctx->recorded, "sha256", STR_EMPTY);
    struct str from = text_of(ctx->recorded, "rolled_back_from", STR_EMPTY);
    if (!version) /* the sources agree with what is in use: that ends nothing */
        return !ctx->version.n && str_eq(local, used) ? from : STR_EMPTY;
    from = from.n ? from : used;
    return str_eq(from, text_of(version, "sha256", STR_EMPTY)) ? STR_EMPTY : from;
}

static const struct value *prepared_object(
    struct op_ctx *ctx, const struct value *desired, const struct making *m, const struct value *version)
{
    const struct value *size = value_getz(version, "size"), *more;
    struct str from = rolled_back_from(ctx, m->sha256, version);
    if (version)
        more = described(ctx, text_of(version, "sha256", STR_EMPTY),
            size && size->kind == VALUE_INT ? size->integer : 0, text_of(version, "content", STR_EMPTY),
            from);
    else
        more = described(ctx, m->sha256, m->size, m->digest, from);
    /* Without a rollback, and none before, there is nothing to say of one. */
    if (!from.n && !text_of(ctx->recorded, "rolled_back_from", STR_EMPTY).n)
        more = value_with(ctx->arena, more, STR("rolled_back_from"), NULL);
    return value_merge(ctx->arena, desired, more);
}

/* Only what can be said without making anything. */
static int check_only(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    struct making m = {.ctx = ctx, .desired = desired};
    struct str source = text_of(desired, "source", STR_EMPTY);
    const struct value *given = value_getz(desired, "build");
    struct build build;
    if (artifact_parse(ctx, desired, &m.artifact, err) || (given && parse_build(given, &build, err)))
        return -1;
    return given || !source.n || path_exists(path_join(ctx->arena, ctx->dir, source).p) ? 0
                                                                                        : missing(&m, err);
}

static const struct value *as_recorded(struct op_ctx *ctx, const struct value *desired)
{
    static const char *const names[] = {"content", "rolled_back_from", "sha256", "sha256_base64", "size"};
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(ctx->recorded, names[i]))
            value_builder_set(&b, str_z(names[i]), value_getz(ctx->recorded, names[i]));
    return value_merge(ctx->arena, desired, value_builder_map(&b));
}

/* All but the store has to be known for the package to be made. */
static bool sources_known(struct op_ctx *ctx, const struct value *desired)
{
    return value_is_known(value_with(ctx->arena, desired, STR("store"), NULL));
}

int artifact_prepare(
    struct op_ctx *ctx, const struct value *desired, const struct value **prepared, struct err *err)
{
    const struct value *sha = value_getz(desired, "sha256"), *version;
    *prepared = desired;
    if (sha && value_is_known(sha))
        return 0; /* a moment ago */
    if (!sources_known(ctx, desired) || ctx->offline || !ctx->work_dir.n) {
        *prepared = value_with(ctx->arena, desired, STR("sha256"), &value_unknown);
        return sources_known(ctx, desired) ? check_only(ctx, desired, err) : 0;
    }
    if (ctx->recorded && str_eqz(ctx->version, "recorded")) {
        *prepared = as_recorded(ctx, desired);
        return 0;
    }
    struct making m;
    if (run_making(ctx, desired, false, &m, err) || choose(ctx, m.sha256, &version, err))
        return -1;
    *prepared = prepared_object(ctx, desired, &m, version);
    return 0;
}
