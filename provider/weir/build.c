/*
 * The build command: when it runs, and that it runs once; command.c runs it. Builds are serialised within
 * this process and among all processes in the stack's folder, since two makes in one tree would conflict.
 */
#include "provider/weir/weir.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

enum {
    TIMEOUT_MS = 15 * 60 * 1000, /* default of the resource */
    SLOW_MS = 5000,              /* a slower build should declare inputs */
    LOCK_TICK_MS = 100,
    COMMAND_SHOWN = 120,
};

/* ---- builds already run ---- */

/* Commands that were run in this process, with their results. */
struct ran {
    struct ran *next;
    char *dir, *command, *inputs;
    int status;
    struct err err;
};
static struct ran *all_ran;
static pthread_mutex_t ran_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct ran *has_run(struct str dir, struct str command, struct str inputs)
{
    const struct ran *ran = all_ran;
    while (
        ran && (!str_eqz(dir, ran->dir) || !str_eqz(command, ran->command) || !str_eqz(inputs, ran->inputs)))
        ran = ran->next;
    return ran;
}

static void note_run(struct str dir, struct str command, struct str inputs, int status, const struct err *err)
{
    struct ran *ran = mem_alloc(sizeof *ran);
    *ran = (struct ran){.next = all_ran,
        .dir = mem_memdup0(dir.p, dir.n),
        .command = mem_memdup0(command.p, command.n),
        .inputs = mem_memdup0(inputs.p, inputs.n),
        .status = status};
    if (status)
        ran->err = *err;
    all_ran = ran;
}

/* ---- inputs ---- */

/* Scans from the last folder in the pattern that has no wildcard. */
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
    struct package_filter filter = {.include = value_list(arena, patterns, 1), .watched = true};
    return path_is_dir(folder) ? package_scan(package, folder, &filter, err) : 0;
}

int build_find_inputs(const struct value *patterns, struct str dir, struct digests *digests,
    struct package *inputs, struct err *err)
{
    int status = 0;
    for (uint32_t i = 0; !status && i < patterns->count; i++)
        status = scan_input(inputs, dir, value_text(patterns->items[i], STR_EMPTY), err);
    if (!status && !inputs->n) {
        status = err_set(err, ERR_INVALID, "the inputs match no file");
        err_hint(err, "they are patterns below the folder of the stack, such as jobs/**/*.c");
    }
    if (status)
        return -1;
    package_finish_inputs(inputs);
    return package_hash(inputs, digests, err);
}

static struct str digest_inputs(
    const struct artifact_cache *cache, const struct build *build, const struct package *inputs)
{
    struct str files = package_digest(inputs, PACKAGE_FILE, false);
    return sha256_hex(
        cache->arena, arena_printf(cache->arena, "%.*s %.*s", STR_ARG(files), STR_ARG(build->command)));
}

static const struct package_file *find_source(const struct package *package, struct str source)
{
    struct package_file key = {.path = source};
    return package->n ? bsearch(&key, package->files, package->n, sizeof key, package_by_path) : NULL;
}

static bool is_within(struct str path, struct str folder)
{
    while (str_ends(folder, STR("/")))
        folder.n--;
    return str_eq(path, folder) || (str_starts(path, folder) && path.p[folder.n] == '/');
}

/*
 * Inputs may match files that the build creates. Files in the artifact's source count as the build left them,
 * so that it does not run again because of its own output. All other files count as before the build, so that
 * changes made meanwhile are not missed.
 */
static int digest_after(struct artifact_cache *cache, const struct build *build, struct str dir,
    const struct package *before, struct str *digest, struct err *err)
{
    struct package after;
    size_t kept = 0;
    package_init(&after, cache->arena);
    int status = build_find_inputs(build->inputs, dir, cache->digests, &after, err);
    for (size_t i = 0; !status && i < after.n; i++) {
        const struct package_file *file = &after.files[i], *was = find_source(before, file->source);
        if (!is_within(file->source, build->source))
            file = was;
        if (file)
            after.files[kept++] = *file;
    }
    after.n = kept;
    if (!status)
        *digest = digest_inputs(cache, build, &after);
    package_release(&after);
    return status;
}

/* ---- running ---- */

/* Returns the command for messages: its first line, truncated to leave room for its output. */
static const char *build_name_of(struct arena *arena, const struct build *build)
{
    struct str more, hidden = command_output_hide(arena, str_trim(build->command));
    struct str shown = str_slice(str_cut(hidden, '\n', &more), 0, COMMAND_SHOWN);
    shown.n = str_utf8_prefix(shown);
    if (build->secret)
        return "the build command";
    return arena_printf(arena, "the build command `%.*s%s`", STR_ARG(shown), shown.n < hidden.n ? "…" : "").p;
}

int build_start(
    struct op_ctx *ctx, const struct build_start *start, struct command_output *output, struct err *err)
{
    struct local_command command = {.arena = ctx->arena,
        .what = start->what,
        .args = start->args,
        .env = command_env(ctx->arena, start->env),
        .dir = ctx->dir,
        .timeout_ms = ctx->timeout_ms ? ctx->timeout_ms : TIMEOUT_MS,
        .cancel = ctx->cancel};
    output->show = op_has_printed(ctx) ? op_printed : NULL;
    output->show_ctx = ctx;
    return command_run(&command, output, err);
}

static int run_command(struct op_ctx *ctx, const struct build *build, struct err *err)
{
    struct command_output output;
    char shell[] = "/bin/sh", flag[] = "-c";
    char *args[] = {shell, flag, arena_strz(ctx->arena, build->command), NULL};
    int64_t began = clock_mono_ms();
    command_output_init(&output);
    struct build_start start = {.args = args, .what = build_name_of(ctx->arena, build), .env = build->env};
    int status = build_start(ctx, &start, &output, err);
    command_output_release(&output);
    int64_t took = clock_mono_ms() - began;
    if (!status && !build->inputs && took > SLOW_MS)
        op_warn(ctx,
            arena_printf(ctx->arena,
                "%.*s: its build takes %d s at each plan; with `inputs` it runs only when they have changed",
                STR_ARG(ctx->address), (int)(took / 1000))
                .p);
    return status;
}

static int build_if_needed(struct op_ctx *ctx, struct artifact_cache *cache, const struct build *build,
    struct package *inputs, struct err *err)
{
    struct str digest = STR_EMPTY;
    bool missing = build->source.n && !path_exists(build->source.p);
    if (build->inputs) {
        if (build_find_inputs(build->inputs, ctx->dir, cache->digests, inputs, err))
            return -1;
        digest = digest_inputs(cache, build, inputs);
        if (str_eq(digest, cache->built) && !missing)
            return 0;
    }
    const struct ran *ran = has_run(ctx->dir, build->command, digest);
    int status = ran ? ran->status : run_command(ctx, build, err);
    if (ran && status)
        *err = ran->err;
    else if (!ran)
        note_run(ctx->dir, build->command, digest, status, err);
    if (status || (build->inputs && digest_after(cache, build, ctx->dir, inputs, &digest, err)))
        return -1;
    cache->built = digest;
    artifact_cache_save(cache);
    return 0;
}

/* ---- locking ---- */

/* Builds without a lock if the folder or the file system does not allow one. */
static int wait_for_others(struct op_ctx *ctx, const struct artifact_cache *cache, int *lock, struct err *err)
{
    const char *path = arena_printf(ctx->arena, "%.*s/build.lock", STR_ARG(cache->folder)).p;
    bool reported = false;
    *lock = artifact_cache_make(cache, ERR_IGNORED) ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return 0;
        if (cancel_is_set(ctx->cancel))
            return err_set(err, ERR_INTERRUPTED, "interrupted while another weir builds in this folder");
        if (!reported && op_has_printed(ctx))
            op_printed(ctx, "waiting for another weir that builds in this folder");
        reported = true;
        clock_sleep_ms(LOCK_TICK_MS);
    }
    return 0;
}

int build_run(struct op_ctx *ctx, struct artifact_cache *cache, const struct build *build, struct err *err)
{
    struct package inputs;
    int lock;
    package_init(&inputs, cache->arena);
    pthread_mutex_lock(&ran_lock);
    int status = wait_for_others(ctx, cache, &lock, err);
    if (!status)
        status = build_if_needed(ctx, cache, build, &inputs, err);
    fd_close_ptr(&lock);
    pthread_mutex_unlock(&ran_lock);
    package_release(&inputs);
    return status;
}
