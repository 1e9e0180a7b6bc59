/* Repositories, with the program git: see fetch.h. */
#include "stacks/fetch/fetch.h"

#include "base/file.h"
#include "base/mem.h"
#include "provider/weir/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GIT_TIMEOUT_MS = 10 * 60 * 1000, REFS_MAX = 64 * 1024 * 1024, ARGS_MAX = 32 };

struct git {
    struct arena *arena;
    const struct module_source *source;
    const char *work; /* for temporary files */
    char **env;
};

/* ---- running git ---- */

/* Returns whether git inherits the variable. git's credential helpers need the user's environment. Excluded
 * are the repository of a hook or another git that started weir, and programs that prompt. */
static bool is_passed(const char *variable)
{
    static const struct str out[] = {STR_INIT("WEIR_"), STR_INIT("GIT_DIR="), STR_INIT("GIT_WORK_TREE="),
        STR_INIT("GIT_INDEX_FILE="), STR_INIT("GIT_COMMON_DIR="), STR_INIT("GIT_NAMESPACE="),
        STR_INIT("GIT_OBJECT_DIRECTORY="), STR_INIT("GIT_ALTERNATE_OBJECT_DIRECTORIES="),
        STR_INIT("GIT_PREFIX="), STR_INIT("GIT_ATTR_SOURCE="), STR_INIT("GIT_TEMPLATE_DIR="),
        STR_INIT("GIT_ALLOW_PROTOCOL="), STR_INIT("GIT_TERMINAL_PROMPT="), STR_INIT("SSH_ASKPASS="),
        STR_INIT("LC_ALL="), STR_INIT("LANGUAGE=")};
    for (size_t i = 0; i < sizeof out / sizeof *out; i++)
        if (str_starts(str_z(variable), out[i]))
            return false;
    return true;
}

static void set_environment(struct git *git)
{
    bool plain = str_starts(
        git->source->url, STR("http://")); /* to loopback: other http sources were refused before */
    size_t count = 0, n = 0;
    while (environ && environ[count])
        count++;
    git->env = ARENA_ARRAY(git->arena, char *, count + 6);
    for (size_t i = 0; i < count; i++)
        if (is_passed(environ[i]))
            git->env[n++] = environ[i];
    git->env[n++] = arena_strz(git->arena, STR("LC_ALL=C")); /* its messages are parsed */
    git->env[n++] = arena_strz(git->arena, STR("GIT_TERMINAL_PROMPT=0"));
    git->env[n++] = arena_strz(
        git->arena, plain ? STR("GIT_ALLOW_PROTOCOL=http") : STR("GIT_ALLOW_PROTOCOL=https:ssh:file"));
    if (!getenv("GIT_SSH_COMMAND") && !getenv("GIT_SSH"))
        git->env[n++] = arena_strz(git->arena, STR("SSH_ASKPASS_REQUIRE=never"));
}

/* Runs git. `words` ends with NULL and begins with the command or the --git-dir option. `out` 0: its output
 * is shown with its errors. */
static int git_run(struct git *git, const char *const *words, int out, struct err *err)
{
    static const char *const always[] = {"git", "-c", "core.hooksPath=/dev/null", "-c",
        "core.attributesFile=/dev/null", "-c", "core.autocrlf=false", "-c", "core.askPass=", "-c",
        "gc.auto=0", "-c", "fetch.unpackLimit=1", "-c", "maintenance.auto=false", "-c",
        "advice.detachedHead=false"};
    enum { ALWAYS = sizeof always / sizeof *always };
    char *args[ARGS_MAX];
    size_t n = 0, first = words[0][0] == '-';
    for (; n < ALWAYS; n++)
        args[n] = (char *)always[n];
    for (size_t i = 0; words[i] && n < ARGS_MAX - 1; i++)
        args[n++] = (char *)words[i];
    args[n] = NULL;
    struct command_output output;
    struct local_command command = {.arena = git->arena,
        .what = arena_printf(git->arena, "git %s", words[first]).p,
        .args = args,
        .env = git->env,
        .out = out,
        .timeout_ms = GIT_TIMEOUT_MS,
        .max_file_bytes = fetch_limit()}; /* limits a pack and the archive of a commit's files */
    command_output_init(&output);
    struct err why = ERR_INIT;
    int status = command_run(&command, &output, &why);
    command_output_release(&output);
    if (!status)
        return 0;
    const char *cut = arena_printf(git->arena, "signal %d", SIGXFSZ).p; /* the archive exceeded the limit */
    if (str_find(str_z(why.message), str_z(cut), 0) >= 0)
        return fetch_too_large(err);
    *err = why;
    if (access("/usr/bin/git", X_OK) && str_find(str_z(why.message), STR("cannot start"), 0) >= 0)
        err_hint(err, "modules in git need the program git (Debian and Ubuntu: apt install git)");
    return -1;
}

/* The same, and returns its output. */
static int git_read(struct git *git, const char *const *words, struct str *text, struct err *err)
{
    const char *path = arena_printf(git->arena, "%s/output", git->work).p;
    AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot write %s", path);
    return git_run(git, words, fd, err) ? -1 : file_read(git->arena, path, REFS_MAX, text, err);
}

/* ssh prompts on a terminal regardless of git's settings, so it runs in batch mode, unless the user has
 * configured the ssh command. */
static void silence_ssh(struct git *git)
{
    static const char *const words[] = {"config", "--get", "core.sshCommand", NULL};
    struct str text;
    size_t n = 0;
    if (getenv("GIT_SSH_COMMAND") || getenv("GIT_SSH") || !git_read(git, words, &text, ERR_IGNORED))
        return;
    while (git->env[n])
        n++;
    git->env[n] = arena_strz(git->arena, STR("GIT_SSH_COMMAND=ssh -oBatchMode=yes"));
}

static void git_begin(
    struct git *git, struct arena *arena, const struct module_source *source, const char *work)
{
    *git = (struct git){.arena = arena, .source = source, .work = work};
    set_environment(git);
    if (!str_starts(source->url, STR("http")) && !str_starts(source->url, STR("file:")))
        silence_ssh(git);
}

/* ---- resolving tags and branches ---- */

struct found {
    struct str head, branch, tag, peeled; /* commits; of an annotated tag `peeled` is the commit */
};

/* Parses lines of `git ls-remote`: a commit, a tab, a name. */
static void find_ref(struct str text, struct str ref, struct arena *arena, struct found *found)
{
    struct str branch = arena_printf(arena, "refs/heads/%.*s", STR_ARG(ref));
    struct str tag = arena_printf(arena, "refs/tags/%.*s", STR_ARG(ref));
    struct str peeled = arena_printf(arena, "%.*s^{}", STR_ARG(tag));
    *found = (struct found){0};
    while (text.p && text.n) {
        struct str name, commit = str_cut(str_cut(text, '\n', &text), '\t', &name);
        if (!name.p || !module_is_commit(commit))
            continue;
        if (str_eqz(name, "HEAD"))
            found->head = commit;
        else if (str_eq(name, branch))
            found->branch = commit;
        else if (str_eq(name, tag))
            found->tag = commit;
        else if (str_eq(name, peeled))
            found->peeled = commit;
    }
}

static int no_such_ref(const struct module_source *source, struct str text, struct err *err)
{
    struct str *names = NULL;
    size_t n = 0, cap = 0;
    while (text.p && text.n) {
        struct str name, near = str_cut(str_cut(text, '\n', &text), '\t', &name);
        if (!name.p || str_ends(name, STR("^{}")) || !str_starts(name, STR("refs/")))
            continue;
        str_cut(str_slice(name, 5, name.n), '/', &near); /* the part after "heads" or "tags" */
        MEM_GROW(names, cap, n + 1);
        names[n++] = near;
    }
    struct str ref = source->ref, near = str_nearest(ref, names, n);
    err_set(err, ERR_ABSENT, "%s has no tag or branch \"%.*s\"", source->url.p, STR_ARG(ref));
    if (near.n)
        err_hint(err, "did you mean \"%.*s\"?", STR_ARG(near));
    else if (ref.n >= 7 && ref.n < 40 && strspn(ref.p, "0123456789abcdef") >= ref.n)
        err_hint(err, "a commit is named by all 40 of its digits");
    free(names);
    return -1;
}

int git_refs(struct arena *arena, const struct module_source *source, const char *work, struct str *refs,
    struct err *err)
{
    struct git git;
    git_begin(&git, arena, source, work);
    const char *const words[] = {
        "ls-remote", "--quiet", "--", source->url.p, "HEAD", "refs/heads/*", "refs/tags/*", NULL};
    return git_read(&git, words, refs, err) ? err_context(err, "asking %s", source->url.p) : 0;
}

int git_find(struct arena *arena, const struct module_source *source, struct str refs, struct str *commit,
    bool *tag, struct err *err)
{
    struct found found;
    find_ref(refs, source->ref, arena, &found);
    *tag = source->ref.n && found.tag.n;
    *commit = !source->ref.n   ? found.head
              : found.peeled.n ? found.peeled
              : found.tag.n    ? found.tag
                               : found.branch;
    if (commit->n)
        return 0;
    if (source->ref.n)
        return no_such_ref(source, refs, err);
    return err_set(err, ERR_ABSENT, "%s is empty: it has no default branch", source->url.p);
}

/* ---- files ---- */

/* Creates a repository whose attributes override those of the commit, so that files are written unmodified,
 * regardless of .gitattributes and the user's settings. */
static int make_repository(struct git *git, struct str commit, const char *path, struct err *err)
{
    static const struct str attributes =
        STR_INIT("* -export-ignore -export-subst -filter -text -ident -eol -working-tree-encoding\n");
    const char *const words[] = {"init", "--quiet", "--bare",
        "--template=", commit.n == 64 ? "--object-format=sha256" : "--object-format=sha1", "--", path, NULL};
    struct str info = path_join(git->arena, str_z(path), STR("info"));
    if (git_run(git, words, 0, err) || dir_make(info.p, err))
        return -1;
    return file_write_atomic(path_join(git->arena, info, STR("attributes")).p, attributes, 0600, err);
}

/* Returns whether a pack has reached the size limit. git does not report that it was cut off. */
static bool pack_is_full(const struct git *git, const char *path)
{
    struct str packs = path_join(git->arena, str_z(path), STR("objects/pack"));
    AUTO_DIR DIR *dir = opendir(packs.p);
    struct stat st;
    bool full = false;
    for (const struct dirent *entry; dir && !full && (entry = readdir(dir));)
        full =
            !fstatat(dirfd(dir), entry->d_name, &st, 0) && S_ISREG(st.st_mode) && st.st_size >= fetch_limit();
    return full;
}

/* Fetches the commit alone, which most servers allow; otherwise all branches and tags. */
static int get_commit(struct git *git, struct str commit, const char *path, struct err *err)
{
    const char *name = arena_strz(git->arena, commit), *url = git->source->url.p,
               *dir = arena_printf(git->arena, "--git-dir=%s", path).p;
    const char *const one[] = {
        dir, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", url, name, NULL};
    const char *const all[] = {dir, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", url,
        "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", NULL};
    const char *const there[] = {
        dir, "cat-file", "-e", arena_printf(git->arena, "%s^{commit}", name).p, NULL};
    struct err why = ERR_INIT;
    if (!git_run(git, one, 0, &why))
        return 0;
    struct str message = str_z(why.message);
    if (pack_is_full(git, path))
        return fetch_too_large(err);
    if (str_find(message, STR("not our ref"), 0) < 0 && str_find(message, STR("unadvertised"), 0) < 0)
        return err_raise(err, &why);
    if (git_run(git, all, 0, err))
        return pack_is_full(git, path) ? fetch_too_large(err) : -1;
    if (!git_run(git, there, 0, &why))
        return 0;
    err_set(err, ERR_ABSENT, "%s no longer has the commit %s", url, name);
    return err_hint(err, "`weir modules update` takes what is there now");
}

int git_files(struct arena *arena, const struct module_source *source, struct str commit, const char *work,
    const char *tree, struct err *err)
{
    struct git git;
    git_begin(&git, arena, source, work);
    const char *path = arena_printf(arena, "%s/git", work).p, *tar = arena_printf(arena, "%s/tar", work).p,
               *dir = arena_printf(arena, "--git-dir=%s", path).p;
    const char *const words[] = {dir, "archive", "--format=tar", "-o", tar, arena_strz(arena, commit), NULL};
    bool failed = make_repository(&git, commit, path, err) || get_commit(&git, commit, path, err) ||
                  git_run(&git, words, 0, err) || fetch_unpack(tar, tree, err);
    unlink(tar);
    tree_remove(path);
    return failed ? err_context(err, "fetching %s", source->url.p) : 0;
}
