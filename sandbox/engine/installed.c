/* What tools/setup has installed: see installed.h. */
#include "sandbox/engine/installed.h"

#include "base/file.h"
#include "base/system.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct arena kept; /* as long as the process */
static const char *root = "", *path;

/* Not everybody puts programs there. */
static bool is_trusted(const char *folder)
{
    struct stat info;
    return !stat(folder, &info) && S_ISDIR(info.st_mode) && !(info.st_mode & S_IWOTH);
}

static bool same_owner(const char *folder, const char *program)
{
    struct stat a, b;
    return !stat(folder, &a) && !stat(program, &b) &&
           (a.st_uid == b.st_uid || a.st_uid == geteuid() || a.st_uid == 0);
}

static const char *installed_whole(const char *folder)
{
    char *real = realpath(folder, NULL);
    const char *copy = real ? arena_strz(&kept, str_z(real)) : "";
    free(real);
    return copy;
}

/* CHECKOUT of the program CHECKOUT/BUILD/weir. */
static const char *own_checkout(void)
{
    const char *program = installed_whole(system_program());
    const char *folder = *program ? arena_strz(&kept, path_dir(path_dir(str_z(program)))) : "";
    bool is_one = *folder == '/' && path_exists(arena_printf(&kept, "%s/tools/setup", folder).p) &&
                  same_owner(folder, program);
    return is_one ? folder : "";
}

static void installed_look(void)
{
    const char *named = getenv("WEIR_ENGINES"), *before = getenv("PATH");
    root = !named ? own_checkout() : *named ? installed_whole(named) : "";
    if (!is_trusted(root))
        root = "";
    path = before ? before : "/usr/local/bin:/usr/bin:/bin";
    const char *python = arena_printf(&kept, "%s/.venv-jobs/bin", root).p;
    if (*root && path_exists(arena_printf(&kept, "%s/python3", python).p))
        path = arena_printf(&kept, "%s:%s", python, path).p;
}

const char *installed_root(void)
{
    pthread_once(&once, installed_look);
    return root;
}

const char *installed_at(struct arena *arena, const char *below)
{
    const char *whole_path = arena_printf(arena, "%s/%s", installed_root(), below).p;
    return *root && path_exists(whole_path) ? whole_path : NULL;
}

const char *installed_path(void)
{
    pthread_once(&once, installed_look);
    return path;
}

bool is_program(const char *file)
{
    return access(file, X_OK) == 0 && !path_is_dir(file);
}

const char *installed_program(struct arena *arena, const char *name, const char *const *folders)
{
    struct str rest = str_z(installed_path());
    while (rest.n) {
        struct str dir = str_cut(rest, ':', &rest);
        const char *program = path_join(arena, dir, str_z(name)).p;
        if (dir.n && is_program(program))
            return program;
    }
    for (; folders && *folders; folders++) {
        const char *program = path_join(arena, str_z(*folders), str_z(name)).p;
        if (is_program(program))
            return program;
    }
    return NULL;
}
