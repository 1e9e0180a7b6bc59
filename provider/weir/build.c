#include "provider/weir/build.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_SHOWN = 700 /* what fits into a message */, REQUIREMENTS_MAX = 1 << 20, ARGS_MAX = 24 };

/* ---- processes ---- */

/* The end of what was printed, from a line's beginning. */
static struct str output_end(struct arena *arena, int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !st.st_size)
        return STR_EMPTY;
    off_t from = st.st_size > OUTPUT_SHOWN ? st.st_size - OUTPUT_SHOWN : 0;
    char *bytes = arena_zalloc(arena, OUTPUT_SHOWN + 1);
    ssize_t n = pread(fd, bytes, OUTPUT_SHOWN, from);
    struct str text = str_n(bytes, n > 0 ? (size_t)n : 0), rest;
    if (from) {
        str_cut(text, '\n', &rest);
        text = rest.p && rest.n ? rest : text;
    }
    return package_name(arena, str_trim(text));
}

static int spawn_in(struct str dir, char *const *args, int output, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (dir.n)
        posix_spawn_file_actions_addchdir_np(&actions, dir.p);
    int status = posix_spawnp(child, args[0], &actions, NULL, args, environ);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

/* `what` names it in messages: "build command `make`". */
static int run(struct arena *arena, struct str dir, char *const *args, const char *what, struct err *err)
{
    FILE *output = tmpfile();
    if (!output)
        return err_errno(err, ERR_FAILED, "%s: no place for its output", what);
    pid_t child;
    int status = 0, failed = spawn_in(dir, args, fileno(output), &child);
    if (failed) {
        fclose(output);
        errno = failed;
        return err_errno(err, ERR_FAILED, "%s: cannot start \"%s\"", what, args[0]);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    struct str said = output_end(arena, fileno(output));
    fclose(output);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    const char *colon = said.n ? ":\n" : "";
    if (WIFSIGNALED(status))
        return err_set(
            err, ERR_FAILED, "%s was ended by signal %d%s%.*s", what, WTERMSIG(status), colon, STR_ARG(said));
    return err_set(
        err, ERR_FAILED, "%s failed with status %d%s%.*s", what, WEXITSTATUS(status), colon, STR_ARG(said));
}

/* ---- the build command ---- */

/* Commands that have run in this process: {folder, command}. */
struct ran {
    struct ran *next;
    char *dir, *command;
};
static struct ran *all_ran;
static pthread_mutex_t ran_lock = PTHREAD_MUTEX_INITIALIZER;

static bool has_run(struct str dir, struct str command)
{
    const struct ran *ran = all_ran;
    while (ran && (!str_eqz(dir, ran->dir) || !str_eqz(command, ran->command)))
        ran = ran->next;
    return ran != NULL;
}

static void note_run(struct str dir, struct str command)
{
    struct ran *ran = mem_alloc(sizeof *ran);
    *ran = (struct ran){all_ran, mem_memdup0(dir.p, dir.n), mem_memdup0(command.p, command.n)};
    all_ran = ran;
}

/* Scanned from the last folder that the pattern names in full. */
static int scan_input(struct package *package, struct str dir, struct str pattern, struct err *err)
{
    struct arena *arena = package->arena;
    size_t wild = 0, slash = 0;
    while (wild < pattern.n && !strchr("*?[\\", pattern.p[wild])) {
        if (pattern.p[wild] == '/')
            slash = wild + 1;
        wild++;
    }
    struct str whole = path_join(arena, dir, pattern), base = dir, rest = pattern;
    if (wild == pattern.n) {
        if (!path_exists(whole.p))
            return 0;
        if (!path_is_dir(whole.p))
            return package_add_file(package, whole.p, err);
        base = whole;
        rest = STR("**");
    } else if (slash) {
        base = path_join(arena, dir, str_slice(pattern, 0, slash - (slash > 1)));
        rest = arena_printf(arena, "/%.*s", STR_ARG(str_slice(pattern, slash, pattern.n)));
    }
    const char *folder = base.n ? arena_strz(arena, base) : ".";
    const struct value *patterns[] = {value_string(arena, rest)};
    struct package_filter filter = {.include = value_list(arena, patterns, 1)};
    return path_is_dir(folder) ? package_scan(package, folder, &filter, err) : 0;
}

static int by_source(const void *a, const void *b)
{
    return str_cmp(((const struct package_file *)a)->source, ((const struct package_file *)b)->source);
}

/* Two patterns may match the same file; paths are those on disk here. */
static void sort_inputs(struct package *package)
{
    size_t kept = 0;
    qsort(package->files, package->n, sizeof *package->files, by_source);
    for (size_t i = 0; i < package->n; i++) {
        package->files[i].path = package->files[i].source;
        if (!kept || !str_eq(package->files[kept - 1].source, package->files[i].source))
            package->files[kept++] = package->files[i];
    }
    package->n = kept;
}

static int hash_inputs(struct artifact_cache *cache, const struct build *build, struct str dir,
    struct str *digest, struct err *err)
{
    struct package inputs;
    package_init(&inputs, cache->arena);
    int status = 0;
    for (uint32_t i = 0; !status && i < build->inputs->count; i++)
        status = scan_input(&inputs, dir, value_text(build->inputs->items[i], STR_EMPTY), err);
    if (!status && !inputs.n) {
        status = err_set(err, ERR_INVALID, "the inputs of the build match no file");
        err_hint(err, "they are patterns below the folder of the stack, such as jobs/**/*.c");
    }
    if (!status) {
        sort_inputs(&inputs);
        status = package_hash(&inputs, cache->digests, err);
    }
    if (!status) {
        struct str files = package_digest(&inputs, PACKAGE_FILE, false);
        *digest = sha256_hex(
            cache->arena, arena_printf(cache->arena, "%.*s %.*s", STR_ARG(files), STR_ARG(build->command)));
    }
    package_release(&inputs);
    return status;
}

static int run_command(struct artifact_cache *cache, struct str command, struct str dir, struct err *err)
{
    struct arena *arena = cache->arena;
    char shell[] = "/bin/sh", flag[] = "-c";
    char *args[] = {shell, flag, arena_strz(arena, command), NULL};
    const char *what = arena_printf(arena, "the build command `%.*s`", STR_ARG(command)).p;
    return run(arena, dir, args, what, err);
}

static int build_locked(
    struct artifact_cache *cache, const struct build *build, struct str dir, bool missing, struct err *err)
{
    struct str digest = STR_EMPTY;
    if (!build->inputs) {
        if (has_run(dir, build->command))
            return 0;
    } else if (hash_inputs(cache, build, dir, &digest, err)) {
        return -1;
    } else if (str_eq(digest, cache->built) && !missing) {
        return 0;
    }
    if (run_command(cache, build->command, dir, err))
        return -1;
    note_run(dir, build->command);
    cache->built = digest;
    return artifact_cache_save(cache, err);
}

int build_run(
    struct artifact_cache *cache, const struct build *build, struct str dir, bool missing, struct err *err)
{
    pthread_mutex_lock(&ran_lock);
    int status = build_locked(cache, build, dir, missing, err);
    pthread_mutex_unlock(&ran_lock);
    return status;
}

/* ---- pip ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/*
 * Only wheels that run everywhere are taken: what has compiled parts would be this machine's, and differ from
 * another's.
 */
static int pip_install(
    struct arena *arena, const struct vendor *vendor, struct str dir, const char *target, struct err *err)
{
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
    if (!run(arena, dir, args, what, err))
        return 0;
    if (!err->hint[0])
        err_hint(err, "only pure Python packages (wheels for any platform) can be vendored; build others "
                      "with `build`");
    return -1;
}

int build_vendor(struct artifact_cache *cache, const struct vendor *vendor, struct str dir,
    struct str *folder, struct err *err)
{
    struct arena *arena = cache->arena;
    struct str text;
    if (file_read(arena, vendor->requirements.p, REQUIREMENTS_MAX, &text, err)) {
        err->class = ERR_INVALID;
        return -1;
    }
    struct str digest =
        sha256_hex(arena, arena_printf(arena, "1 %.*s %.*s\n%.*s", STR_ARG(vendor->interpreter),
                              STR_ARG(vendor->version), STR_ARG(text)));
    *folder = artifact_cache_vendored(cache, digest);
    if (path_is_dir(folder->p))
        return 0;
    char *unfinished = arena_strz(arena, arena_printf(arena, "%.*s.XXXXXX", STR_ARG(*folder)));
    if (!mkdtemp(unfinished))
        return err_errno(err, ERR_FAILED, "cannot make %s", unfinished);
    if (pip_install(arena, vendor, dir, unfinished, err)) {
        remove_tree(unfinished);
        return -1;
    }
    if (rename(unfinished, folder->p)) {
        int why = errno;
        remove_tree(unfinished);
        if (why != EEXIST && why != ENOTEMPTY) /* another process was first: the same packages */
            return err_set(err, ERR_FAILED, "cannot make %s: %s", folder->p, strerror(why));
    }
    if (cache->vendored.n && !str_eq(cache->vendored, digest))
        remove_tree(artifact_cache_vendored(cache, cache->vendored).p);
    cache->vendored = digest;
    return artifact_cache_save(cache, err);
}
