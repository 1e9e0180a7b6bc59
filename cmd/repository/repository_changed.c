/*
 * --changed: selects the stacks with files that differ from a git revision, and the stacks that refer to
 * them. The files of a stack are its own and those of its modules, files that functions read, and the code
 * that its resources name; a folder counts as a whole.
 */
#include "cmd/repository/repository.h"

#include "base/file.h"
#include "base/spawn.h"
#include "base/system.h"
#include "stacks/load/module_lock.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- changed files ---- */

/* Real paths, each as its own key. */
struct changed {
    struct invocation *inv;
    const char *top;
    struct str root; /* of the working tree */
    struct map paths;
};

/* Returns the output of `git -C top words…`. */
static int ask_git(struct changed *c, const char *const *words, struct buf *out, struct err *err)
{
    enum { WORDS = 16 };
    char *args[WORDS] = {"git", "-C", (char *)c->top};
    int ends[2], status = -1;
    pid_t child;
    for (size_t i = 0; words[i] && i + 4 < WORDS; i++)
        args[i + 3] = (char *)words[i];
    if (system_pipe(ends))
        return err_errno(err, ERR_FAILED, "cannot make a pipe");
    struct spawn spawn = {.args = args, .env = environ, .out = ends[1], .error = STDERR_FILENO};
    int failed = spawn_program(&spawn, &child);
    close(ends[1]);
    int unread = failed ? 0 : fd_read_all(ends[0], out, ERR_IGNORED, "git");
    close(ends[0]);
    if (failed) {
        errno = failed;
        err_errno(err, ERR_FAILED, "cannot start git");
        return err_hint(err, "--changed compares with what git has");
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!unread && WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    return err_set(err, ERR_FAILED, "git failed, so the changed files are unknown");
}

/* Adds NUL-terminated names, relative to the root of the working tree. */
static void add_names(struct changed *c, struct str names)
{
    struct arena *arena = &c->inv->arena;
    while (names.n) {
        struct str name = str_cut(names, '\0', &names);
        if (name.n)
            map_set(&c->paths, path_join(arena, c->root, name), c);
    }
}

static int find_changed(struct changed *c, const char *revision, struct err *err)
{
    const char *root[] = {"rev-parse", "--show-toplevel", NULL};
    const char *known[] = {"rev-parse", "--verify", "--end-of-options",
        arena_printf(&c->inv->arena, "%s^{commit}", revision).p, NULL};
    const char *others[] = {"ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/", NULL};
    AUTO_BUF struct buf place = BUF_INIT, commit = BUF_INIT, tracked = BUF_INIT, untracked = BUF_INIT;
    struct str rest;
    if (ask_git(c, root, &place, err) || ask_git(c, known, &commit, err))
        return -1;
    c->root = arena_str(&c->inv->arena, str_cut(buf_str(&place), '\n', &rest));
    const char *hash = arena_strz(&c->inv->arena, str_cut(buf_str(&commit), '\n', &rest));
    const char *differ[] = {
        "diff", "--no-ext-diff", "--no-renames", "--name-only", "--no-relative", "-z", hash, "--", NULL};
    if (ask_git(c, differ, &tracked, err) || ask_git(c, others, &untracked, err))
        return -1;
    add_names(c, buf_str(&tracked));
    add_names(c, buf_str(&untracked));
    return 0;
}

static bool is_within(struct str path, struct str folder)
{
    return str_starts(path, folder) && (path.n == folder.n || path.p[folder.n] == '/');
}

/* Returns whether the path contains a changed link, which may lead to another file now. */
static bool leads_elsewhere(const struct changed *c, const char *path)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char real[PATH_MAX];
    struct stat st;
    for (size_t n = 1; path[n - 1]; n++) {
        struct str part = str_n(path, n);
        if ((path[n] && path[n] != '/') || lstat(arena_strz(&scratch, part), &st) || !S_ISLNK(st.st_mode))
            continue;
        if (path_real(arena_strz(&scratch, path_dir(part)), real) &&
            map_get(&c->paths, path_join(&scratch, str_z(real), path_base(part))))
            return true;
    }
    return false;
}

/* Returns whether the path, a file below it, or a submodule that contains it has changed; git lists no files
 * of submodules. */
static bool has_changed(const struct changed *c, const char *path)
{
    char real[PATH_MAX];
    bool found = false;
    if (!path_real(path, real))
        return false;
    for (size_t i = 0; i < c->paths.n && !found; i++)
        found =
            is_within(c->paths.items[i].key, str_z(real)) || is_within(str_z(real), c->paths.items[i].key);
    return found || leads_elsewhere(c, path);
}

/* ---- files that a stack reads ---- */

/* Records the paths that functions read, until the comparison begins. */
struct reads {
    struct arena *arena;
    struct texts paths;
    size_t cap;
    bool over;
};

static bool record_read(void *ctx, struct str path, struct str *text UNUSED)
{
    struct reads *reads = ctx;
    if (reads->over)
        return false;
    ARENA_GROW(reads->arena, reads->paths.items, reads->paths.n, reads->cap);
    reads->paths.items[reads->paths.n++] = arena_str(reads->arena, path);
    return false;
}

void repository_record_reads(struct repository *repository, struct workspace_options *options)
{
    struct arena *arena = &repository->inv->arena;
    struct reads *reads = ARENA_NEW(arena, struct reads);
    struct open_files *open = ARENA_NEW(arena, struct open_files);
    *reads = (struct reads){.arena = arena};
    *open = (struct open_files){record_read, reads};
    options->stack.open = open;
}

static bool reads_changed(const struct changed *c, struct member *m)
{
    struct arena *arena = &c->inv->arena;
    const struct stack *stack = m->workspace.stack;
    struct reads *reads = m->given->stack.open->ctx;
    const struct texts *files = &c->inv->settings->input_files;
    size_t n;
    const struct str *local = plan_local_paths(&m->workspace, arena, &n); /* evaluates functions */
    reads->over = true;
    bool changed = has_changed(c, module_lock_path(arena, str_z(m->given->stack.dir)).p);
    for (size_t i = 0; i < stack->source_count && !changed; i++)
        changed = has_changed(c, arena_strz(arena, stack->sources[i]->path));
    for (size_t i = 0; i < files->n && !changed; i++)
        changed = has_changed(c, files->items[i].p);
    for (size_t i = 0; i < reads->paths.n && !changed; i++)
        changed = has_changed(c, reads->paths.items[i].p);
    for (size_t i = 0; i < n && !changed; i++)
        changed = has_changed(c, arena_strz(arena, local[i]));
    return changed;
}

/* ---- selection ---- */

/* Adds all direct and indirect dependents. */
static void choose_users(const struct fleet *fleet, bool *chosen)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < fleet->n; i++)
            for (size_t k = 0; k < fleet->members[i].need_count && !chosen[i]; k++)
                more |= chosen[i] = chosen[fleet->members[i].needs[k]];
    }
}

int repository_choose_changed(struct repository *repository)
{
    struct invocation *inv = repository->inv;
    struct fleet *fleet = &repository->fleet;
    struct changed c = {.inv = inv, .top = repository->top, .paths = MAP_INIT};
    struct err err = ERR_INIT;
    bool *chosen = ARENA_ARRAY(&inv->arena, bool, fleet->n + 1);
    if (find_changed(&c, inv->settings->changed, &err)) {
        map_release(&c.paths);
        return invocation_fail(inv, &err);
    }
    for (size_t i = 0; i < fleet->n; i++) /* the files of a stack with errors are unknown */
        chosen[i] = !fleet->members[i].workspace.stack || reads_changed(&c, &fleet->members[i]);
    map_release(&c.paths);
    choose_users(fleet, chosen);
    fleet_select(fleet, chosen, NULL);
    if (!fleet->n && !inv->settings->json)
        invocation_note(inv, "No stack reads a file that differs from %s.", inv->settings->changed);
    return EXIT_DONE;
}
