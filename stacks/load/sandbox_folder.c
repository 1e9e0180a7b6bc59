/* Which sandbox a stack has: see files.h. */
#include "stacks/load/files.h"

#include "base/file.h"
#include "base/yaml.h"
#include "stacks/load/load.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct str stack_folder(struct arena *arena, const char *stack)
{
    if (!stack)
        return STR(".");
    return path_is_dir(stack) ? str_z(stack) : arena_str(arena, path_dir(str_z(stack)));
}

static bool has(struct arena *arena, struct str folder, const char *name)
{
    return path_exists(path_join(arena, folder, str_z(name)).p);
}

static struct str place_in(struct arena *arena, struct str folder)
{
    return path_join(arena, folder, STR(SANDBOX_IN_FOLDER));
}

/* `sandbox:` of the stack file; p NULL: it has none. That it is text is the loader's business. */
static struct str configured(struct arena *arena, const char *stack)
{
    struct str folder, file;
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    if (!find_stack(arena, stack, &folder, &file, &ignored))
        return (struct str){0};
    const struct node *root = yaml_load(arena, arena_strz(arena, file), file, &ignored);
    const struct node *setting = root && root->kind == NODE_MAP ? node_get(root, "sandbox") : NULL;
    if (!setting || setting->kind != NODE_STRING || !setting->string.n)
        return (struct str){0};
    struct str place = path_join(arena, folder, setting->string);
    return confined_path(place.p, NULL) ? (struct str){0} : place;
}

/* Who may write in /tmp must not choose what runs our jobs. */
static bool is_everybodys(const char *folder)
{
    struct stat st;
    return stat(folder, &st) || (st.st_mode & (S_IWOTH | S_ISVTX));
}

struct str sandbox_folder_above(struct arena *arena, struct str folder)
{
    char home[PATH_MAX];
    const char *given = getenv("HOME");
    struct str up = arena_str(arena, path_dir(folder));
    if (has(arena, folder, ".git") || up.n <= 1 || is_everybodys(up.p))
        return STR_EMPTY;
    return given && realpath(given, home) && str_eqz(up, home) ? STR_EMPTY : up;
}

struct str sandbox_folder(struct arena *arena, const char *stack)
{
    char real[PATH_MAX];
    struct str own = stack_folder(arena, stack), given = configured(arena, stack), with_weir = STR_EMPTY;
    if (given.p)
        return given;
    if (has(arena, own, SANDBOX_IN_FOLDER) || !realpath(arena_strz(arena, own), real))
        return place_in(arena, own);
    struct str folder = arena_str(arena, str_z(real));
    while ((folder = sandbox_folder_above(arena, folder)).n) {
        if (has(arena, folder, SANDBOX_IN_FOLDER))
            return place_in(arena, folder);
        if (!with_weir.n && has(arena, folder, DIR_OF_WEIR))
            with_weir = folder;
    }
    return place_in(arena, with_weir.n ? with_weir : own);
}

struct str sandbox_state_folder(struct arena *arena, const char *sandbox, const char *stack)
{
    char real[PATH_MAX], place[PATH_MAX];
    struct str folder = stack_folder(arena, stack);
    if (!realpath(sandbox, place) || !realpath(arena_strz(arena, folder), real) ||
        sandbox_folder_same(place_in(arena, folder).p, place))
        return str_z(sandbox);
    struct str around = str_z(place), at = str_z(real);
    if (str_ends(around, STR("/" SANDBOX_IN_FOLDER)))
        around = str_slice(around, 0, around.n - (sizeof "/" SANDBOX_IN_FOLDER - 1));
    bool below = str_starts(at, around) && (at.n == around.n || at.p[around.n] == '/');
    /* a repository may be moved */
    return below ? arena_printf(arena, "%s/stacks%.*s", sandbox, STR_ARG(str_slice(at, around.n, at.n)))
                 : arena_printf(arena, "%s/stacks/.elsewhere%.*s", sandbox, STR_ARG(at));
}

bool sandbox_folder_same(const char *a, const char *b)
{
    char real_a[PATH_MAX], real_b[PATH_MAX];
    return path_real(a, real_a) && path_real(b, real_b) && !strcmp(real_a, real_b);
}
