/*
 * Makes a package from sources at plan time, so that the plan shows which jobs change. In order: the build
 * command, pip, finding and hashing files. Packs only if no recorded version has the same content; the
 * package is kept in .weir/artifacts until its upload.
 */
#include "base/clock.h"
#include "base/file.h"
#include "provider/weir/weir.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* ---- The cache of an artifact between runs, which avoids needless packing, builds and installations. */

#define HEAD "weir artifact 1\n"

enum { CACHE_MAX = 1 << 20, ID_LENGTH = 16, LEFT_S = 24 * 3600 };

static const char *cache_path(const struct artifact_cache *cache)
{
    return arena_printf(cache->arena, "%.*s/%.*s.cache", STR_ARG(cache->folder), STR_ARG(cache->id)).p;
}

/* Returns the path of the package with that hash, whether or not it exists. */
static const char *artifact_cache_package(const struct artifact_cache *cache, struct str sha256)
{
    return arena_printf(
        cache->arena, "%.*s/%.*s-%.*s", STR_ARG(cache->folder), STR_ARG(cache->id), STR_ARG(sha256))
        .p;
}

struct str artifact_cache_vendored(const struct artifact_cache *cache, struct str digest)
{
    return arena_printf(
        cache->arena, "%.*s/%.*s-python-%.*s", STR_ARG(cache->folder), STR_ARG(cache->id), STR_ARG(digest));
}

/* The digest becomes a path that may be deleted, so the cache file must not be able to point elsewhere. */
static bool is_digest(struct str text)
{
    return text.n == 2 * SHA256_SIZE && str_is_made_of(text, CHARS_HEX);
}

static void read_line(struct artifact_cache *cache, struct str line)
{
    struct str rest, word = str_cut(line, ' ', &rest);
    if (!rest.p)
        return;
    if (str_eqz(word, "built")) {
        cache->built = rest;
    } else if (str_eqz(word, "vendored")) {
        cache->vendored = is_digest(rest) ? rest : STR_EMPTY;
    } else if (str_eqz(word, "package")) {
        cache->digest = str_cut(rest, ' ', &rest);
        cache->sha256 = str_cut(rest, ' ', &rest);
        if (!rest.p || !is_digest(cache->sha256) || !str_to_int(rest, &cache->size))
            cache->digest = cache->sha256 = STR_EMPTY;
    }
}

/* Loads the cache of the artifact with that address from the stack's work folder. */
static void artifact_cache_load(
    struct artifact_cache *cache, struct arena *arena, struct str work_dir, struct str address)
{
    *cache = (struct artifact_cache){.arena = arena,
        .folder = path_join(arena, work_dir, STR("artifacts")),
        .id = str_slice(sha256_hex(arena, address), 0, ID_LENGTH)};
    struct str text;
    if (file_read(arena, cache_path(cache), CACHE_MAX, &text, NULL) || !str_starts(text, STR(HEAD)))
        return;
    for (struct str rest = str_slice(text, strlen(HEAD), text.n); rest.p && rest.n;)
        read_line(cache, str_cut(rest, '\n', &rest));
}

int artifact_cache_make(const struct artifact_cache *cache, struct err *err)
{
    struct str work_dir = path_dir(cache->folder), above = path_dir(work_dir);
    if (!dir_make(arena_strz(cache->arena, above), err) &&
        !dir_make_private(arena_strz(cache->arena, work_dir), err) &&
        !dir_make(arena_strz(cache->arena, cache->folder), err))
        return 0;
    if (err)
        err->class = ERR_FAILED; /* the stack itself is not invalid */
    return -1;
}

/* True if the file is so old that no process uses it any more. */
static bool is_old(const char *path)
{
    struct stat st;
    return !lstat(path, &st) && st.st_mtime < clock_wall_ms() / 1000 - LEFT_S;
}

static void remove_left(const struct artifact_cache *cache)
{
    struct str own = arena_printf(cache->arena, "%.*s-", STR_ARG(cache->id));
    const char *package = artifact_cache_package(cache, cache->sha256);
    struct str vendored = artifact_cache_vendored(cache, cache->vendored);
    AUTO_DIR DIR *folder = opendir(arena_strz(cache->arena, cache->folder));
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        const char *path = path_join(cache->arena, cache->folder, str_z(entry->d_name)).p;
        if (str_starts(str_z(entry->d_name), own) && strcmp(path, package) != 0 && !str_eqz(vendored, path) &&
            is_old(path))
            tree_remove(path);
    }
}

static void artifact_cache_made(
    struct artifact_cache *cache, struct str digest, const struct package_made *made)
{
    if (cache->sha256.n && !str_eq(cache->sha256, made->sha256))
        unlink(artifact_cache_package(cache, cache->sha256));
    cache->digest = digest;
    cache->sha256 = made->sha256;
    cache->size = made->size;
    remove_left(cache);
}

void artifact_cache_save(const struct artifact_cache *cache)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, HEAD);
    if (cache->built.n)
        buf_addf(&out, "built %.*s\n", STR_ARG(cache->built));
    if (cache->vendored.n)
        buf_addf(&out, "vendored %.*s\n", STR_ARG(cache->vendored));
    if (cache->digest.n)
        buf_addf(&out, "package %.*s %.*s %" PRId64 "\n", STR_ARG(cache->digest), STR_ARG(cache->sha256),
            cache->size);
    if (!artifact_cache_make(cache, ERR_IGNORED))
        file_write_atomic(cache_path(cache), buf_str(&out), 0600, ERR_IGNORED);
}

enum { TRIES = 3, MEBI = 1024 * 1024, LAMBDA_PACKED = 50 * MEBI, LAMBDA_UNPACKED = 250 * MEBI };

struct making {
    struct op_ctx *ctx;
    const struct value *recorded; /* the artifact; NULL: it is new, or being stored */
    const struct value *desired;
    struct artifact artifact;
    struct artifact_cache cache;
    struct package package;
    struct str source;   /* path; "": only what pip installs */
    struct str vendored; /* folder; "": none */
    struct str digest;   /* of the package's content */
    struct str sha256;   /* of the package; "": not made */
    int64_t size;
};

static bool flag_of(const struct value *object, const char *name, bool fallback)
{
    const struct value *v = value_getz(object, name);
    return v && v->kind == VALUE_BOOL ? v->boolean : fallback;
}

/* ---- building ---- */

static int artifact_make_build(struct making *m, struct err *err)
{
    const struct value *given = value_getz(m->desired, "build");
    struct build build;
    if (!given)
        return 0;
    if (artifact_build(given, &build, err))
        return -1;
    build.source = m->source;
    return build_run(m->ctx, &m->cache, &build, err);
}

static int vendor(struct making *m, struct err *err)
{
    const struct value *python = value_getz(m->desired, "python");
    if (!python)
        return 0;
    struct vendor vendor = {.interpreter = value_text(value_getz(python, "interpreter"), STR("python3")),
        .version = value_gets(python, "version"),
        .requirements = path_join(m->ctx->arena, m->ctx->dir, value_gets(python, "requirements"))};
    return build_vendor(m->ctx, &m->cache, &vendor, &m->vendored, err);
}

/* ---- packing ---- */

static int find_files(struct making *m, struct err *err)
{
    const struct value *desired = m->desired;
    struct package_filter filter = {.include = value_getz(desired, "include"),
        .exclude = value_getz(desired, "exclude"),
        .gitignore = flag_of(desired, "gitignore", false)};
    struct package_filter pip = {.vendored = true};
    if (m->source.n && !path_exists(m->source.p))
        return artifact_missing(m->desired, err);
    if (m->source.n && m->artifact.format == PACKAGE_FILE && path_is_dir(m->source.p))
        return err_set(err, ERR_INVALID, "source \"%.*s\" is a folder; say how to pack it: `package: zip`",
            STR_ARG(value_gets(desired, "source")));
    if (m->source.n && (path_is_dir(m->source.p) ? package_scan(&m->package, m->source.p, &filter, err)
                                                 : package_add_file(&m->package, m->source.p, err)))
        return -1;
    if (m->vendored.n && package_scan(&m->package, m->vendored.p, &pip, err))
        return -1;
    if (!m->package.n)
        return err_set(err, ERR_INVALID, "source \"%.*s\" holds no file to pack",
            STR_ARG(value_gets(desired, "source")));
    return package_finish(&m->package, value_gets(desired, "prefix"), err);
}

static bool compressed(const struct making *m)
{
    return flag_of(m->desired, "compress", true);
}

/* Finds the files and hashes them. */
static int look_at_files(struct making *m, struct err *err)
{
    package_release(&m->package);
    package_init(&m->package, m->ctx->arena);
    m->package.cancel = m->ctx->cancel;
    if (find_files(m, err) || package_hash(&m->package, m->ctx->digests, err))
        return -1;
    if (m->artifact.format == PACKAGE_WHEEL)
        package_add_wheel(&m->package, m->artifact.name, m->artifact.version);
    m->digest = package_digest(&m->package, m->artifact.format, compressed(m));
    return 0;
}

/* Returns the recorded version with the same content, or NULL. */
static const struct value *known_version(const struct making *m)
{
    const struct value *versions = value_getz(m->recorded, "versions");
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        if (str_eq(value_gets(versions->items[i], "content"), m->digest))
            return versions->items[i];
    return NULL;
}

static void artifact_make_take(struct making *m, struct str sha256, int64_t size)
{
    m->sha256 = sha256;
    m->size = size;
}

/* Checks the cached package, which a crash may have truncated. Before an upload it is read and hashed. */
static bool is_whole(const struct making *m, const char *path, bool read)
{
    struct stat st;
    struct file_id id;
    unsigned char digest[SHA256_SIZE];
    AUTO_FD int fd = file_open(path, O_RDONLY, ERR_IGNORED);
    if (fd < 0 || fstat(fd, &st) || st.st_size != m->cache.size)
        return false;
    return !read || (!digests_of_file(m->ctx->digests, fd, path, &id, digest, ERR_IGNORED) &&
                        str_eq(hex_encode(m->ctx->arena, digest, sizeof digest), m->cache.sha256));
}

/* A single file needs no packing. An archive may be in the cache. */
static bool made_before(struct making *m, bool again)
{
    const struct package_file *first = m->package.files;
    if (m->artifact.format == PACKAGE_FILE)
        artifact_make_take(m, hex_encode(m->ctx->arena, first->sha256, SHA256_SIZE), first->size);
    else if (str_eq(m->cache.digest, m->digest) &&
             is_whole(m, artifact_cache_package(&m->cache, m->cache.sha256), again))
        artifact_make_take(m, m->cache.sha256, m->cache.size);
    return m->sha256.n > 0;
}

static int artifact_make_pack(struct making *m, bool again, struct err *err)
{
    struct package_made made;
    if (made_before(m, again))
        return 0;
    if (artifact_cache_make(&m->cache, err))
        return err_context(err, "packing");
    /* Another process, or another member of a fleet in this process, may be packing in the same folder. */
    static atomic_uint packages;
    struct str unfinished =
        arena_printf(m->ctx->arena, "new.%d.%u", (int)getpid(), atomic_fetch_add(&packages, 1));
    const char *unnamed = artifact_cache_package(&m->cache, unfinished);
    if (package_write(&m->package, m->artifact.format, compressed(m), unnamed, &made, err))
        return -1;
    const char *path = artifact_cache_package(&m->cache, made.sha256);
    if (rename(unnamed, path))
        return err_errno(err, ERR_FAILED, "packing: cannot write %s", path);
    artifact_cache_made(&m->cache, m->digest, &made);
    artifact_cache_save(&m->cache);
    artifact_make_take(m, made.sha256, made.size);
    return 0;
}

/* Checked before packing: the sizes of the files are known. */
static int check_unpacked(const struct making *m, struct err *err)
{
    if (str_eqz(value_text(value_getz(m->desired, "limit"), STR("none")), "none") ||
        m->package.unpacked <= LAMBDA_UNPACKED)
        return 0;
    return err_set(err, ERR_INVALID,
        "unpacked it has %" PRId64 " bytes; a function and its layers together can have %d (250 MiB)",
        m->package.unpacked, LAMBDA_UNPACKED);
}

static int check_packed(const struct making *m, struct err *err)
{
    if (!str_eqz(value_text(value_getz(m->desired, "limit"), STR("none")), "lambda") ||
        m->size <= LAMBDA_PACKED)
        return 0;
    err_set(err, ERR_INVALID, "packed it has %" PRId64 " bytes; Lambda's limit is %d (50 MiB)", m->size,
        LAMBDA_PACKED);
    return err_hint(
        err, "`limit: lambda-s3` allows more: code taken from S3 is held to the unpacked size only");
}

/* Does everything up to the hash; `again`: the package itself is needed, even if its version is recorded. */
static int make_once(struct making *m, bool again, struct err *err)
{
    m->sha256 = STR_EMPTY;
    if (look_at_files(m, err) || check_unpacked(m, err))
        return -1;
    const struct value *known = again ? NULL : known_version(m);
    const struct value *size = known ? value_getz(known, "size") : NULL;
    if (known && size && size->kind == VALUE_INT)
        artifact_make_take(m, value_gets(known, "sha256"), size->integer);
    if (!m->sha256.n && artifact_make_pack(m, again, err))
        return -1;
    return check_packed(m, err);
}

static int artifact_make_package(struct making *m, bool again, struct err *err)
{
    struct op_ctx *ctx = m->ctx;
    struct str source = value_gets(m->desired, "source");
    m->source = source.n ? path_join(ctx->arena, ctx->dir, source) : STR_EMPTY;
    if (!again && (artifact_make_build(m, err) || vendor(m, err)))
        return -1;
    if (again && vendor(m, err))
        return -1;
    if (artifact_parse(ctx, m->desired, &m->artifact, err)) /* the source may exist only after the build */
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
    return 0;
}

static int run_making(struct op_ctx *ctx, const struct value *recorded, const struct value *desired,
    bool again, struct making *m, struct err *err)
{
    *m = (struct making){.ctx = ctx, .recorded = recorded, .desired = desired};
    artifact_cache_load(&m->cache, ctx->arena, ctx->work_dir, ctx->address);
    m->cache.digests = ctx->digests;
    int status = artifact_make_package(m, again, err);
    package_release(&m->package);
    return status;
}

int artifact_make(struct op_ctx *ctx, const struct value *recorded, const struct value *desired,
    struct artifact_made *out, struct err *err)
{
    struct making m;
    if (run_making(ctx, recorded, desired, false, &m, err))
        return -1;
    *out = (struct artifact_made){.sha256 = m.sha256, .digest = m.digest, .size = m.size};
    return 0;
}

int artifact_content(
    struct op_ctx *ctx, const struct value *desired, struct str sha256, const char **path, struct err *err)
{
    struct making m;
    if (run_making(ctx, NULL, desired, true, &m, err))
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
