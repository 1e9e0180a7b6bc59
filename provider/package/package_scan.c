/*
 * Finds the files of a package: walks a folder and applies include, exclude and .gitignore.
 */
#include "base/file.h"
#include "base/mem.h"
#include "provider/package/package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * ---- Files that git ignores: by the .gitignore files of the folder and its parents ----
 *
 * Order of calls, along a walk from the top down: ignore_begin() for the first folder, ignore_enter() and
 * ignore_leave() for it and each folder below, ignore_says() for what is in the folder entered last. Paths
 * are relative to the first folder.
 *
 * A nested repository, such as a submodule, has its own rules, and those of outer folders do not apply. A
 * user's rules (core.excludesFile) are not read, since they differ between machines.
 */

enum { RULES_MAX = 1 << 20, LINK_BYTES = 8192 };

struct ignore {
    struct arena *arena;
    struct glob_rules rules; /* their folders are relative to the repository */
    size_t first;            /* index of the first rule of the current repository */
    struct str above;        /* path from the repository's top to the first folder; "": it is the top */
    size_t below;            /* length of the path's prefix before the repository */
};

/* ---- reading rules ---- */

/* `comments`: a line of a .gitignore. */
static void add_rule(struct glob_rules *rules, struct str line, struct str base, bool comments)
{
    struct glob_rule rule;
    if (glob_rule_parse(line, base, comments, &rule))
        glob_rules_add(rules, &rule);
}

/* `base` is the file's folder relative to the repository. */
static int package_ignore_add_file(struct ignore *ignore, struct str path, struct str base, struct err *err)
{
    struct str text;
    const char *name = arena_strz(ignore->arena, path);
    struct stat st;
    if (lstat(name, &st) || !S_ISREG(st.st_mode))
        return 0; /* most folders have none */
    if (file_read(ignore->arena, name, RULES_MAX, &text, err)) {
        err->class = ERR_INVALID;
        return -1;
    }
    if (str_starts(text, STR("\xef\xbb\xbf"))) /* byte order mark */
        text = str_slice(text, 3, text.n);
    for (struct str rest = text; rest.p && rest.n;)
        add_rule(&ignore->rules, str_cut(rest, '\n', &rest), base, true);
    return 0;
}

/* ---- repositories ---- */

/* Returns the path in a file's content, relative to the file's folder. */
static struct str named_in(struct arena *arena, struct str folder, const char *file, struct str before)
{
    struct str text;
    const char *path = path_join(arena, folder, str_z(file)).p;
    struct stat st;
    if (stat(path, &st) || !S_ISREG(st.st_mode) || file_read(arena, path, LINK_BYTES, &text, NULL) ||
        !str_starts(text, before))
        return STR_EMPTY;
    return path_join(arena, folder, str_trim(str_slice(text, before.n, text.n)));
}

/*
 * Returns the git folder of the repository whose top is the folder; "" if it is not a repository. In a
 * submodule or a worktree .git is a file with the path; a worktree shares the rules of the main repository.
 */
static struct str git_folder(struct arena *arena, struct str folder)
{
    struct str git = path_join(arena, folder, STR(".git"));
    if (!path_exists(git.p))
        return STR_EMPTY;
    if (!path_is_dir(git.p))
        return named_in(arena, folder, ".git", STR("gitdir:"));
    return path_exists(path_join(arena, git, STR("HEAD")).p) ? git : STR_EMPTY;
}

static int add_repository(struct ignore *ignore, struct str git, struct err *err)
{
    struct str common = named_in(ignore->arena, git, "commondir", STR_EMPTY);
    struct str info = path_join(ignore->arena, common.n ? common : git, STR("info/exclude"));
    return package_ignore_add_file(ignore, info, STR_EMPTY, err);
}

/* `folder` is a real path. Fails with ERR_INVALID if a rules file exists and cannot be read, since it may
 * exclude a secret. */
static int ignore_begin(struct ignore *ignore, struct arena *arena, struct str folder, struct err *err)
{
    struct str top = folder, base = STR_EMPTY, git;
    *ignore = (struct ignore){.arena = arena, .above = STR_EMPTY};
    while (!(git = git_folder(arena, top)).n) {
        if (top.n <= 1 || str_eqz(path_base(top), DIR_OF_WEIR))
            return 0; /* not in a repository: only the folder's own files apply; the same for a fetched module
                       */
        top = arena_str(arena, path_dir(top));
    }
    if (top.n == folder.n)
        return 0; /* ignore_enter() reads it */
    ignore->above = str_slice(folder, top.n == 1 ? 1 : top.n + 1, folder.n);
    if (add_repository(ignore, git, err))
        return -1;
    for (struct str rest = ignore->above; rest.p;) {
        struct str rules = path_join(arena, path_join(arena, top, base), STR(".gitignore"));
        if (package_ignore_add_file(ignore, rules, base, err))
            return -1;
        base = path_join(arena, base, str_cut(rest, '/', &rest));
    }
    return 0;
}

/* ---- walking with rules ---- */

static struct str in_repository(const struct ignore *ignore, struct str path)
{
    struct str rest = str_slice(path, ignore->below, path.n);
    return rest.n ? path_join(ignore->arena, ignore->above, rest) : ignore->above;
}

/* `folder` is the path on disk, `path` the one relative to the first folder. *before is for
 * ignore_leave(). */
static int ignore_enter(
    struct ignore *ignore, struct str folder, struct str path, struct ignore *before, struct err *err)
{
    struct str git = git_folder(ignore->arena, folder);
    *before = *ignore;
    if (git.n) {
        ignore->first = ignore->rules.n;
        ignore->above = STR_EMPTY;
        ignore->below = path.n ? path.n + 1 : 0;
        if (add_repository(ignore, git, err))
            return -1;
    }
    return package_ignore_add_file(
        ignore, path_join(ignore->arena, folder, STR(".gitignore")), in_repository(ignore, path), err);
}

static void ignore_leave(struct ignore *ignore, const struct ignore *before)
{
    ignore->rules.n = before->rules.n;
    ignore->first = before->first;
    ignore->above = before->above;
    ignore->below = before->below;
}

static bool ignore_says(const struct ignore *ignore, struct str path, bool folder)
{
    return glob_rules_say(ignore->rules.items + ignore->first, ignore->rules.n - ignore->first,
               in_repository(ignore, path), folder) > 0;
}

/* ---- rules of packages ---- */

enum { DEPTH_MAX = 64, FILES_MAX = 1000000 };

/* Left out of every package: machine-dependent files of tools. */
static const char *const always_out[] = {".git", ".weir", "__pycache__", "*.pyc", ".DS_Store"};

/* Left out of pip's files: scripts and records that contain the path of this machine's Python. */
static const char *const vendored_out[] = {"/bin", "/*.dist-info/RECORD", "/*.dist-info/INSTALLER",
    "/*.dist-info/REQUESTED", "/*.dist-info/direct_url.json"};

/* A folder on the current path; detects cycles of links. */
struct step {
    const struct step *parent;
    dev_t dev;
    ino_t ino;
    int depth;
};

struct walk {
    struct package *package;
    const struct package_filter *filter;
    struct str root;     /* the folder as given */
    char real[PATH_MAX]; /* its real path */
    struct glob_rules include, exclude;
    struct ignore ignore;
};

struct str package_name(struct arena *arena, struct str name)
{
    AUTO_BUF struct buf out = BUF_INIT;
    while (name.n) {
        size_t valid = str_utf8_prefix(name);
        buf_add(&out, name.p, valid);
        if (valid < name.n)
            buf_addf(&out, "\\x%02x", (unsigned char)name.p[valid++]);
        name = str_slice(name, valid, name.n);
    }
    return arena_str(arena, buf_str(&out));
}

static int package_scan_refuse(struct walk *w, struct str path, struct err *err, const char *why)
{
    struct str whole = path.n ? path_join(w->package->arena, w->root, path) : w->root;
    struct str name = package_name(w->package->arena, whole);
    return err_set(err, ERR_INVALID, "\"%.*s\" %s", STR_ARG(name), why);
}

/* ---- rules ---- */

static void add_patterns(struct glob_rules *rules, const struct value *list)
{
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        add_rule(rules, value_text(list->items[i], STR_EMPTY), STR_EMPTY, false);
}

static bool package_scan_excluded(const struct walk *w, struct str path, bool folder)
{
    return glob_rules_say(w->exclude.items, w->exclude.n, path, folder) > 0;
}

/* Git treats a link as a file, wherever it leads. */
static bool ignored(const struct walk *w, struct str path, bool folder)
{
    return w->filter->gitignore && ignore_says(&w->ignore, path, folder);
}

/* True if include names the path or a folder above it. */
static bool included(const struct walk *w, struct str path)
{
    const struct glob_rules *rules = &w->include;
    if (!rules->n)
        return !w->filter->include || !w->filter->include->count;
    for (size_t end = path.n; end > 0; end--) {
        bool whole = end == path.n;
        if ((whole || path.p[end] == '/') &&
            glob_rules_say(rules->items, rules->n, str_slice(path, 0, end), !whole) > 0)
            return true;
    }
    return false;
}

/* ---- walking ---- */

static struct package_file *new_file(struct package *package)
{
    MEM_GROW(package->files, package->cap, package->n + 1);
    package->files[package->n] = (struct package_file){0};
    return &package->files[package->n++];
}

void package_add_stat(struct package *package, struct str path, struct str source, const struct stat *st)
{
    struct package_file *file = new_file(package);
    file->path = path;
    file->source = source;
    file->size = (int64_t)st->st_size;
    file->id = file_id_of(st);
    file->executable = st->st_mode & S_IXUSR;
}

/* A link's target has to be in the folder, too, since the package represents the folder's content. */
static int check_link(struct walk *w, struct str path, struct err *err)
{
    char target[PATH_MAX];
    struct str source = path_join(w->package->arena, w->root, path), real = str_z(w->real);
    if (!realpath(source.p, target))
        return package_scan_refuse(
            w, path, err, errno == ENOENT ? "is a link to nothing" : "is a link that leads nowhere");
    struct str to = str_z(target);
    bool inside = str_starts(to, real) && (to.n == real.n || to.p[real.n] == '/' || real.n == 1);
    if (inside)
        return 0;
    package_scan_refuse(w, path, err, "is a link that leaves the folder");
    return err_hint(err, "it leads to %.*s; copy it, or leave it out with `exclude`",
        STR_ARG(package_name(w->package->arena, to)));
}

static int walk_folder(
    struct walk *w, int parent, const char *name, struct str path, const struct step *above, struct err *err);

/* True if a path that is not a folder is skipped. */
static bool passed_over(const struct walk *w, struct str path, bool regular)
{
    return !included(w, path) || (w->filter->watched && !regular);
}

static int visit_file(struct walk *w, struct str path, const struct stat *st, struct err *err)
{
    if (!w->filter->watched && !str_is_utf8(path))
        return package_scan_refuse(w, path, err, "has a name that is not UTF-8");
    if (!S_ISREG(st->st_mode)) {
        package_scan_refuse(w, path, err, "is neither a file nor a folder");
        return err_hint(err, "leave it out with `exclude`");
    }
    if (w->package->n >= FILES_MAX)
        return err_set(err, ERR_INVALID, "\"%.*s\" holds more than a million files", STR_ARG(w->root));
    package_add_stat(w->package, path, path_join(w->package->arena, w->root, path), st);
    return 0;
}

static int package_scan_visit(
    struct walk *w, int folder, const char *name, struct str path, const struct step *above, struct err *err)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0
                               : package_scan_refuse(w, path, err, strerror(errno)); /* deleted meanwhile */
    bool link = S_ISLNK(st.st_mode);
    if (package_scan_excluded(w, path, S_ISDIR(st.st_mode)) || ignored(w, path, S_ISDIR(st.st_mode)))
        return 0;
    bool nowhere = link && fstatat(folder, name, &st, 0), leads_down = !nowhere && S_ISDIR(st.st_mode);
    if (!leads_down && passed_over(w, path, !nowhere && S_ISREG(st.st_mode)))
        return 0;
    if (link && !w->filter->watched && check_link(w, path, err))
        return -1;
    if (nowhere) /* deleted meanwhile */
        return 0;
    if (leads_down)
        return link && package_scan_excluded(w, path, true) ? 0
                                                            : walk_folder(w, folder, name, path, above, err);
    return visit_file(w, path, &st, err);
}

/* Takes ownership of fd. */
static int read_folder(struct walk *w, int fd, struct str path, const struct step *here, struct err *err)
{
    AUTO_DIR DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return package_scan_refuse(w, path, err, strerror(errno));
    }
    struct arena *arena = w->package->arena;
    struct ignore around = w->ignore;
    int status = 0;
    if (w->filter->gitignore)
        status = ignore_enter(&w->ignore, path_join(arena, w->root, path), path, &around, err);
    while (!status) {
        const struct dirent *entry = dir_next(folder);
        if (!entry && errno) /* an incomplete listing must not become a package */
            status = package_scan_refuse(w, path, err, strerror(errno));
        if (!entry || status)
            break;
        struct str below =
            path.n ? path_join(arena, path, str_z(entry->d_name)) : arena_str(arena, str_z(entry->d_name));
        status = package_scan_visit(w, dirfd(folder), entry->d_name, below, here, err);
        if (status)
            break;
    }
    if (w->filter->gitignore)
        ignore_leave(&w->ignore, &around);
    return status;
}

static int walk_folder(
    struct walk *w, int parent, const char *name, struct str path, const struct step *above, struct err *err)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno == ENOENT && above)
        return 0; /* deleted meanwhile */
    if (fd < 0 || fstat(fd, &st)) {
        int status = package_scan_refuse(
            w, path, err, arena_printf(w->package->arena, "cannot be read: %s", strerror(errno)).p);
        fd_close_ptr(&fd);
        return status;
    }
    struct step here = {above, st.st_dev, st.st_ino, above ? above->depth + 1 : 0};
    const struct step *circle = above;
    while (circle && (circle->dev != here.dev || circle->ino != here.ino))
        circle = circle->parent;
    if (circle || here.depth > DEPTH_MAX) {
        close(fd);
        if (circle && w->filter->watched)
            return 0;
        return package_scan_refuse(
            w, path, err, circle ? "is a link to a folder around it" : "is nested too deep");
    }
    return read_folder(w, fd, path, &here, err);
}

int package_scan(
    struct package *package, const char *folder, const struct package_filter *filter, struct err *err)
{
    struct walk w = {.package = package, .filter = filter, .root = str_z(folder)};
    if (!realpath(folder, w.real))
        return err_set(err, ERR_INVALID, "\"%s\" cannot be read: %s", folder, strerror(errno));
    int status = 0;
    for (size_t i = 0; i < sizeof always_out / sizeof *always_out; i++)
        add_rule(&w.exclude, str_z(always_out[i]), STR_EMPTY, false);
    for (size_t i = 0; filter->vendored && i < sizeof vendored_out / sizeof *vendored_out; i++)
        add_rule(&w.exclude, str_z(vendored_out[i]), STR_EMPTY, false);
    add_patterns(&w.include, filter->include);
    add_patterns(&w.exclude, filter->exclude);
    if (filter->gitignore)
        status = ignore_begin(&w.ignore, package->arena, str_z(w.real), err);
    if (!status)
        status = walk_folder(&w, AT_FDCWD, folder, STR_EMPTY, NULL, err);
    free(w.include.items);
    free(w.exclude.items);
    free(w.ignore.rules.items);
    return status;
}

int package_add_file(struct package *package, const char *file, struct err *err)
{
    struct stat st;
    struct str source = arena_str(package->arena, str_z(file)), name = path_base(source);
    if (stat(file, &st))
        return err_set(err, ERR_INVALID, "\"%s\" cannot be read: %s", file, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "\"%s\" is neither a file nor a folder", file);
    if (!str_is_utf8(name))
        return err_set(err, ERR_INVALID, "\"%.*s\" has a name that is not UTF-8",
            STR_ARG(package_name(package->arena, source)));
    package_add_stat(package, arena_str(package->arena, name), source, &st);
    return 0;
}

struct package_file *package_add_text(struct package *package, struct str path, struct str text)
{
    struct package_file *file = new_file(package);
    *file = (struct package_file){.path = path, .source = STR_EMPTY, .text = text, .hashed = true};
    file->size = (int64_t)text.n;
    hash_sha256(text, file->sha256);
    return file;
}
