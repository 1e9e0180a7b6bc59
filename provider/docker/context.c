/* Build contexts: see docker.h. */
#include "provider/docker/docker.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- .dockerignore: each pattern is a path relative to the context (not a name at any depth, as for git),
 * `**` matches any number of folders, and a pattern that matches a folder includes its content, unless a
 * later pattern with `!` re-includes some of it. */

enum { RULES_MAX = 1 << 20 };

/* Go's filepath.Clean for patterns: removes "./", "//" and slashes at the ends. */
static struct str clean(struct arena *arena, struct str pattern)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (struct str rest = pattern, step; rest.p;) {
        step = str_cut(rest, '/', &rest);
        if (!step.n || str_eqz(step, "."))
            continue;
        if (str_eqz(step, "..")) { /* a/../b */
            while (out.n && out.p[out.n - 1] != '/')
                out.n--;
            out.n -= out.n != 0;
            continue;
        }
        if (out.n)
            buf_add_char(&out, '/');
        buf_add_str(&out, step);
    }
    return arena_str(arena, buf_str(&out));
}

void dockerignore_add(struct dockerignore *rules, struct arena *arena, struct str line)
{
    bool comment = str_starts(line, STR("#"));
    line = str_trim(line);
    bool negated = str_starts(line, STR("!"));
    struct str pattern = clean(arena, negated ? str_trim(str_slice(line, 1, line.n)) : line);
    if (comment || !pattern.n)
        return;
    glob_rules_add(&rules->rules,
        &(struct glob_rule){.pattern = pattern, .base = STR_EMPTY, .negated = negated, .anchored = true});
    rules->takes_back = rules->takes_back || negated;
}

static int dockerignore_read(struct dockerignore *rules, struct arena *arena, struct str folder,
    struct str dockerfile, struct err *err)
{
    struct str text,
        own = path_join(arena, folder, arena_printf(arena, "%.*s.dockerignore", STR_ARG(dockerfile)));
    *rules = (struct dockerignore){0};
    if (!path_exists(own.p))
        own = path_join(arena, folder, STR(".dockerignore"));
    if (!path_exists(own.p))
        return 0;
    if (file_read(arena, own.p, RULES_MAX, &text, err)) {
        err->class = ERR_INVALID; /* it may exclude a secret */
        return -1;
    }
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_slice(text, 3, text.n);
    while (text.p && text.n)
        dockerignore_add(rules, arena, str_cut(text, '\n', &text));
    return 0;
}

/* True if the rule matches the path or a folder above it. */
static bool dockerignore_fits(const struct glob_rule *rule, struct str path)
{
    for (size_t end = path.n; end > 0; end--)
        if ((end == path.n || path.p[end] == '/') && glob_rule_fits(rule, str_slice(path, 0, end), true))
            return true;
    return false;
}

bool dockerignore_says(const struct dockerignore *rules, struct str path)
{
    bool out = false;
    for (size_t i = 0; i < rules->rules.n; i++)
        if (rules->rules.items[i].negated == out && dockerignore_fits(&rules->rules.items[i], path))
            out = !out;
    return out;
}

void dockerignore_release(struct dockerignore *rules)
{
    free(rules->rules.items);
    *rules = (struct dockerignore){0};
}

enum { DEPTH_MAX = 64, ENTRIES_MAX = 1000000 };

struct walk {
    struct package *package;
    struct str root, dockerfile;
    struct dockerignore rules;
};

/* ---- walking ---- */

static int refuse(const struct walk *w, struct str path, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "\"%.*s/%.*s\" %s", STR_ARG(w->root), STR_ARG(path), why);
}

static int add_link(struct walk *w, struct str path, struct err *err)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path_join(w->package->arena, w->root, path).p, target, sizeof target);
    if (n < 0 || (size_t)n == sizeof target)
        return refuse(w, path, strerror(n < 0 ? errno : ENAMETOOLONG), err);
    struct package_file *link =
        package_add_text(w->package, path, arena_str(w->package->arena, str_n(target, (size_t)n)));
    link->kind = PACKAGE_LINK;
    link->size = 0;
    return 0;
}

static int walk_folder(struct walk *w, struct str path, int depth, struct err *err);

/* The Dockerfile and the rules are always included, since the Engine reads them. */
static bool left_out(const struct walk *w, struct str path)
{
    return dockerignore_says(&w->rules, path) && !str_eq(path, w->dockerfile) &&
           !str_eqz(path, ".dockerignore");
}

static bool leads_to(struct str folder, struct str path)
{
    return str_starts(path, folder) && path.n > folder.n && path.p[folder.n] == '/';
}

static int visit_folder(struct walk *w, struct str path, int depth, struct err *err)
{
    bool out = left_out(w, path);
    if (out && !w->rules.takes_back && !leads_to(path, w->dockerfile))
        return 0;
    if (!out)
        package_add_text(w->package, path, STR_EMPTY)->kind = PACKAGE_FOLDER;
    return walk_folder(w, path, depth + 1, err);
}

static int context_visit(struct walk *w, struct str path, int depth, struct err *err)
{
    struct stat st;
    struct str source = path_join(w->package->arena, w->root, path);
    if (str_eqz(path_base(path), ".weir")) /* states and caches of stacks */
        return 0;
    if (lstat(source.p, &st))
        return errno == ENOENT ? 0 : refuse(w, path, strerror(errno), err); /* deleted meanwhile */
    if (S_ISDIR(st.st_mode))
        return visit_folder(w, path, depth, err);
    if (left_out(w, path) || S_ISSOCK(st.st_mode)) /* a socket has no content */
        return 0;
    if (!str_is_utf8(path))
        return refuse(w, path, "has a name that is not UTF-8", err);
    if (w->package->n >= ENTRIES_MAX)
        return refuse(
            w, path, "is one of more than a million files: say in .dockerignore what stays out", err);
    if (S_ISLNK(st.st_mode))
        return add_link(w, path, err);
    if (!S_ISREG(st.st_mode))
        return refuse(
            w, path, "is neither a file nor a folder nor a link: .dockerignore can leave it out", err);
    package_add_stat(w->package, path, source, &st);
    return 0;
}

static int walk_folder(struct walk *w, struct str path, int depth, struct err *err)
{
    struct arena *arena = w->package->arena;
    if (depth > DEPTH_MAX)
        return refuse(w, path, "is nested too deep", err);
    AUTO_DIR DIR *folder = opendir(path.n ? path_join(arena, w->root, path).p : w->root.p);
    if (!folder)
        return errno == ENOENT && path.n ? 0 : refuse(w, path, strerror(errno), err);
    int status = 0;
    while (!status) {
        const struct dirent *entry = dir_next(folder);
        if (!entry && errno)
            status = refuse(w, path, strerror(errno), err);
        if (!entry || status)
            break;
        struct str name = str_z(entry->d_name);
        status = context_visit(w, path.n ? path_join(arena, path, name) : arena_str(arena, name), depth, err);
    }
    return status;
}

int context_scan(struct package *package, struct str folder, struct str dockerfile, struct err *err)
{
    struct walk w = {.package = package, .root = folder, .dockerfile = dockerfile};
    if (!path_is_dir(folder.p))
        return err_set(err, ERR_INVALID, "there is no folder \"%.*s\" to build from", STR_ARG(folder));
    if (!path_exists(path_join(package->arena, folder, dockerfile).p)) {
        err_set(err, ERR_INVALID, "there is no \"%.*s\" in \"%.*s\"", STR_ARG(dockerfile), STR_ARG(folder));
        return err_hint(err, "`dockerfile` is its name; it is in the folder of the build context");
    }
    int status = dockerignore_read(&w.rules, package->arena, folder, dockerfile, err);
    if (!status)
        status = walk_folder(&w, STR_EMPTY, 0, err);
    dockerignore_release(&w.rules);
    package_sort(package);
    return status;
}
