/* What git would leave out of a folder: see package_ignore.h. */
#include "provider/package/package_ignore.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { RULES_MAX = 1 << 20, LINK_BYTES = 8192 };

/* ---- files of rules ---- */

static void add_rule(struct ignore *ignore, struct str line, struct str base)
{
    struct glob_rule rule;
    if (!glob_rule_parse(line, base, true, &rule))
        return;
    MEM_GROW(ignore->items, ignore->cap, ignore->n + 1);
    ignore->items[ignore->n++] = rule;
}

/* `base` is the file's folder within the repository. */
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
    if (str_starts(text, STR("\xef\xbb\xbf"))) /* what some editors begin a file with */
        text = str_slice(text, 3, text.n);
    for (struct str rest = text; rest.p && rest.n;)
        add_rule(ignore, str_cut(rest, '\n', &rest), base);
    return 0;
}

/* ---- repositories ---- */

/* A path that stands in a file, relative to the file's folder. */
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
 * Where git keeps what belongs to the repository whose top the folder is; "" where it is none. In a submodule
 * or a worktree .git is a file that names the place, and a worktree has its rules where the others have them.
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

int ignore_begin(struct ignore *ignore, struct arena *arena, struct str folder, struct err *err)
{
    struct str top = folder, base = STR_EMPTY, git;
    *ignore = (struct ignore){.arena = arena, .above = STR_EMPTY};
    while (!(git = git_folder(arena, top)).n) {
        if (top.n <= 1 || str_eqz(path_base(top), DIR_OF_WEIR))
            return 0; /* none: only the folder's own files count; so do those of a module that was fetched */
        top = arena_str(arena, path_dir(top));
    }
    if (top.n == folder.n)
        return 0; /* ignore_enter() will find it */
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

/* ---- along the walk ---- */

static struct str in_repository(const struct ignore *ignore, struct str path)
{
    struct str rest = str_slice(path, ignore->below, path.n);
    return rest.n ? path_join(ignore->arena, ignore->above, rest) : ignore->above;
}

int ignore_enter(
    struct ignore *ignore, struct str folder, struct str path, struct ignore *before, struct err *err)
{
    struct str git = git_folder(ignore->arena, folder);
    *before = *ignore;
    if (git.n) {
        ignore->first = ignore->n;
        ignore->above = STR_EMPTY;
        ignore->below = path.n ? path.n + 1 : 0;
        if (add_repository(ignore, git, err))
            return -1;
    }
    return package_ignore_add_file(
        ignore, path_join(ignore->arena, folder, STR(".gitignore")), in_repository(ignore, path), err);
}

void ignore_leave(struct ignore *ignore, const struct ignore *before)
{
    ignore->n = before->n;
    ignore->first = before->first;
    ignore->above = before->above;
    ignore->below = before->below;
}

bool ignore_says(const struct ignore *ignore, struct str path, bool folder)
{
    return glob_rules_say(ignore->items + ignore->first, ignore->n - ignore->first,
               in_repository(ignore, path), folder) > 0;
}

void ignore_release(struct ignore *ignore)
{
    free(ignore->items);
    *ignore = (struct ignore){0};
}
