/* What is remembered of an artifact between runs, so that nothing is packed, built or installed again
 * without need: see artifact_cache.h. */
#include "provider/weir/artifact_cache.h"

#include "base/clock.h"
#include "base/file.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "weir artifact 1\n"

enum { CACHE_MAX = 1 << 20, ID_LENGTH = 16, LEFT_S = 24 * 3600 };

static const char *cache_path(const struct artifact_cache *cache)
{
    return arena_printf(cache->arena, "%.*s/%.*s.cache", STR_ARG(cache->folder), STR_ARG(cache->id)).p;
}

const char *artifact_cache_package(const struct artifact_cache *cache, struct str sha256)
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

/* Paths are made of it, and what lies there is removed: the file may not lead elsewhere. */
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

void artifact_cache_load(
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
        err->class = ERR_FAILED; /* nothing is wrong with the stack */
    return -1;
}

/* By now nobody is at work on it any more. */
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

void artifact_cache_made(struct artifact_cache *cache, struct str digest, const struct package_made *made)
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
