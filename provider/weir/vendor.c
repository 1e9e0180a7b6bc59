/*
 * Installs the packages of a requirements file with pip, into a folder beside the packages: again if the file
 * has changed, or a local package that it names.
 */
#include "base/file.h"
#include "provider/weir/weir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- pip's requirements files, parsed as far as needed to detect changes ---- */

enum { FILE_BYTES_MAX = 1 << 20, FILES_MAX = 200, PLACES_MAX = 1000 };

/* ---- parsing ---- */

/* Returns a line with its continuation lines, after a backslash. */
static struct str next_line(struct arena *arena, struct str *rest)
{
    struct str line = str_cut(*rest, '\n', rest);
    if (!str_ends(line, STR("\\")))
        return line;
    AUTO_BUF struct buf whole = BUF_INIT;
    while (str_ends(line, STR("\\"))) {
        buf_add(&whole, line.p, line.n - 1);
        line = rest->p ? str_cut(*rest, '\n', rest) : STR_EMPTY;
    }
    buf_add_str(&whole, line);
    return arena_str(arena, buf_str(&whole));
}

/* A comment begins at the start of a line or after white space. */
static struct str without_comment(struct str line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] == '#' && (!i || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
            return str_trim(str_slice(line, 0, i));
    return str_trim(line);
}

/* Parses "-r base.txt", "-rbase.txt", "--requirement=base.txt" and similar options. */
static bool named_by_option(struct str line, enum requirement_kind *kind, struct str *named)
{
    static const struct {
        struct str name;
        enum requirement_kind kind;
    } options[] = {{STR_INIT("--requirement"), REQUIREMENT_FILE},
        {STR_INIT("--constraint"), REQUIREMENT_FILE}, {STR_INIT("--find-links"), REQUIREMENT_LINKS},
        {STR_INIT("-r"), REQUIREMENT_FILE}, {STR_INIT("-c"), REQUIREMENT_FILE},
        {STR_INIT("-f"), REQUIREMENT_LINKS}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (!str_starts(line, options[i].name))
            continue;
        struct str value = str_slice(line, options[i].name.n, line.n);
        bool apart = value.n && char_is_among(value.p[0], "= \t");
        if (!apart && options[i].name.n > 2)
            continue;
        *kind = options[i].kind;
        *named = str_trim(str_slice(value, apart, value.n));
        return named->n > 0;
    }
    return false;
}

/* pip takes a name with a slash or the extension of a wheel for a path, and also file:// URLs. */
static bool named_by_path(struct str line, struct str *named)
{
    static const struct str ends[] = {STR_INIT(" ;"), STR_INIT(" --"), STR_INIT("\t")};
    ptrdiff_t at = str_find(line, STR("file://"), 0);
    if (str_starts(line, STR("-")))
        return false;
    if (at >= 0)
        line = str_slice(line, (size_t)at, line.n);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if ((at = str_find(line, ends[i], 0)) >= 0)
            line = str_slice(line, 0, (size_t)at);
    line = str_trim(line);
    if (str_ends(line, STR("]")) && (at = str_find_char(line, '[', 0)) > 0) /* extras */
        line = str_slice(line, 0, (size_t)at);
    *named = line;
    return str_starts(line, STR(".")) || str_find_char(line, '/', 0) >= 0 || str_ends(line, STR(".whl"));
}

bool requirements_next(struct arena *arena, struct str *rest, enum requirement_kind *kind, struct str *named)
{
    while (rest->p) {
        struct str line = without_comment(next_line(arena, rest));
        bool found = named_by_option(line, kind, named);
        if (!found && (found = named_by_path(line, named)))
            *kind = REQUIREMENT_PACKAGE;
        if (found && (str_find(*named, STR("://"), 0) < 0 || str_starts(*named, STR("file://"))))
            return true;
    }
    return false;
}

/* ---- reading files ---- */

struct reading {
    struct arena *arena;
    struct str dir;
    struct str files[FILES_MAX]; /* real paths, in the order they are found */
    struct requirement_place places[PLACES_MAX];
    size_t file_count, place_count;
};

/* Returns the real path of a path or file URL; "" if it does not exist. */
static struct str requirements_find(struct reading *r, struct str folder, struct str named)
{
    char real[PATH_MAX];
    struct str path = named;
    if (str_starts(named, STR("file://")) &&
        !url_decode(r->arena, str_slice(named, 7, named.n), false, &path))
        return STR_EMPTY;
    if (!path.n || memchr(path.p, '\0', path.n) || !realpath(path_join(r->arena, folder, path).p, real))
        return STR_EMPTY;
    return arena_str(r->arena, str_z(real));
}

static void requirements_add_file(struct reading *r, struct str folder, struct str named)
{
    struct str path = requirements_find(r, folder, named);
    for (size_t i = 0; i < r->file_count; i++)
        if (str_eq(r->files[i], path))
            return;
    if (path.n && r->file_count < FILES_MAX)
        r->files[r->file_count++] = path;
}

/* Paths of --find-links are relative to the file that names them, all others to the folder in which pip
 * runs. */
static void add_place(struct reading *r, struct str folder, struct str named, bool links)
{
    struct str path = links ? requirements_find(r, folder, named) : STR_EMPTY;
    if (!path.n)
        path = requirements_find(r, r->dir, named);
    for (size_t i = 0; i < r->place_count; i++)
        if (str_eq(r->places[i].path, path) && r->places[i].links == links)
            return;
    if (path.n && r->place_count < PLACES_MAX)
        r->places[r->place_count++] = (struct requirement_place){path, links};
}

int requirements_read(
    struct arena *arena, struct str path, struct str dir, struct requirements *out, struct err *err)
{
    struct reading *r = ARENA_NEW(arena, struct reading);
    enum requirement_kind kind;
    struct str own, named;
    AUTO_BUF struct buf all = BUF_INIT;
    r->arena = arena;
    r->dir = dir;
    if (file_read(arena, path.p, FILE_BYTES_MAX, &own, err))
        return -1;
    buf_add_str(&all, own);
    requirements_add_file(r, STR_EMPTY, path);
    for (size_t i = 0; i < r->file_count; i++) {
        if (i && file_read(arena, r->files[i].p, FILE_BYTES_MAX, &own, NULL))
            continue;
        if (i)
            buf_addf(&all, "\n%zu:%.*s", own.n, STR_ARG(own));
        for (struct str rest = own; requirements_next(arena, &rest, &kind, &named);)
            if (kind == REQUIREMENT_FILE)
                requirements_add_file(r, path_dir(r->files[i]), named);
            else
                add_place(r, path_dir(r->files[i]), named, kind == REQUIREMENT_LINKS);
    }
    *out = (struct requirements){arena_str(arena, buf_str(&all)), r->places, r->place_count};
    return 0;
}

enum { ARGS_MAX = 24 };

/* Build output beside the sources of a package. */
static const char *const built[] = {"build", "dist", "*.egg-info"};

/*
 * Installs only wheels without compiled parts, since these would depend on this machine.
 */
static int pip_install(struct op_ctx *ctx, const struct vendor *vendor, const char *target, struct err *err)
{
    struct arena *arena = ctx->arena;
    const char *fixed[] = {"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
        "--no-compile", "--only-binary=:all:", "--implementation=py", "--abi=none", "--platform=any"};
    char *args[ARGS_MAX];
    size_t n = 0;
    args[n++] = arena_strz(arena, vendor->interpreter);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        args[n++] = arena_strz(arena, str_z(fixed[i]));
    if (vendor->version.n)
        args[n++] = arena_strz(arena, arena_printf(arena, "--python-version=%.*s", STR_ARG(vendor->version)));
    args[n++] = arena_strz(arena, STR("--target"));
    args[n++] = realpath(target, arena_alloc(arena, PATH_MAX));
    args[n++] = arena_strz(arena, STR("-r"));
    args[n++] = realpath(vendor->requirements.p, arena_alloc(arena, PATH_MAX));
    args[n] = NULL;
    const char *what = arena_printf(arena, "installing %.*s with pip", STR_ARG(vendor->requirements)).p;
    struct command_output output;
    command_output_init(&output);
    int status = build_start(ctx, &(struct build_start){.args = args, .what = what}, &output, err);
    command_output_release(&output);
    if (status && !err->hint[0] && err->class == ERR_FAILED)
        err_hint(err, "only pure Python packages (wheels for any platform) can be vendored; build others "
                      "with `build`");
    return status;
}

/* ---- local packages ---- */

/* Adds the wheels in a folder of --find-links, without subfolders. */
static int add_wheels(struct package *local, struct str folder, struct err *err)
{
    AUTO_DIR DIR *wheels = opendir(folder.p);
    const struct dirent *entry;
    int status = 0;
    while (wheels && !status && (entry = readdir(wheels))) {
        struct str path = path_join(local->arena, folder, str_z(entry->d_name));
        if (str_ends(path, STR(".whl")) && path_exists(path.p))
            status = package_add_file(local, path.p, err);
    }
    return status;
}

/* Adds the sources of a package, which pip builds. */
static int add_sources(struct package *local, struct str folder, struct err *err)
{
    struct arena *arena = local->arena;
    const struct value *patterns[sizeof built / sizeof *built];
    for (size_t i = 0; i < sizeof built / sizeof *built; i++)
        patterns[i] = value_stringz(arena, built[i]);
    struct package_filter filter = {
        .exclude = value_list(arena, patterns, sizeof built / sizeof *built), .watched = true};
    return package_scan(local, folder.p, &filter, err);
}

/* Ignores what cannot be read, which pip will report. */
static int digest_places(
    struct artifact_cache *cache, const struct requirements *required, struct str *digest, struct err *err)
{
    struct package local;
    package_init(&local, cache->arena);
    for (size_t i = 0; i < required->place_count; i++) {
        const struct requirement_place *place = &required->places[i];
        if (!path_is_dir(place->path.p))
            package_add_file(&local, place->path.p, ERR_IGNORED);
        else if (place->links)
            add_wheels(&local, place->path, ERR_IGNORED);
        else
            add_sources(&local, place->path, ERR_IGNORED);
    }
    package_finish_inputs(&local);
    int status = package_hash(&local, cache->digests, err);
    *digest = local.n ? package_digest(&local, PACKAGE_FILE, false) : STR_EMPTY;
    package_release(&local);
    return status;
}

int build_vendor(struct op_ctx *ctx, struct artifact_cache *cache, const struct vendor *vendor,
    struct str *folder, struct err *err)
{
    struct arena *arena = ctx->arena;
    struct requirements required;
    struct str places;
    if (requirements_read(arena, vendor->requirements, ctx->dir, &required, err)) {
        err->class = ERR_INVALID;
        return -1;
    }
    if (digest_places(cache, &required, &places, err))
        return -1;
    struct str digest =
        sha256_hex(arena, arena_printf(arena, "1 %.*s %.*s\n%.*s%.*s", STR_ARG(vendor->interpreter),
                              STR_ARG(vendor->version), STR_ARG(required.text), STR_ARG(places)));
    *folder = artifact_cache_vendored(cache, digest);
    if (path_is_dir(folder->p))
        return 0;
    char *unfinished = arena_strz(arena, arena_printf(arena, "%.*s.XXXXXX", STR_ARG(*folder)));
    if (artifact_cache_make(cache, err))
        return -1;
    if (!mkdtemp(unfinished))
        return err_errno(err, ERR_FAILED, "cannot make %s", unfinished);
    if (pip_install(ctx, vendor, unfinished, err)) {
        tree_remove(unfinished);
        return -1;
    }
    if (rename(unfinished, folder->p)) {
        int why = errno;
        tree_remove(unfinished);
        if (why != EEXIST && why != ENOTEMPTY) /* another process has installed the same packages */
            return err_set(err, ERR_FAILED, "cannot make %s: %s", folder->p, strerror(why));
    }
    if (cache->vendored.n && !str_eq(cache->vendored, digest))
        tree_remove(artifact_cache_vendored(cache, cache->vendored).p);
    cache->vendored = digest;
    artifact_cache_save(cache);
    return 0;
}
