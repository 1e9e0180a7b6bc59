/*
 * The one state in the folder that a stack is most likely to mean, read on a thread while the stack is
 * loaded.
 */
#include "plan/workspace/early_state.h"

#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { WORTH_BYTES = 256 * 1024 };

struct early_state {
    pthread_t thread;
    struct arena arena;
    struct backend_options store;
    struct state *state;
    int status;
    struct err err;
};

/* Of "film-lake.dev.log" with environment "dev": "film-lake". "" : not the log of such a state. */
static struct str state_name(struct str file, struct str env)
{
    struct str rest, name = str_cut(file, '.', &rest);
    if (env.n && !str_eq(str_cut(rest, '.', &rest), env))
        return STR_EMPTY;
    return str_eqz(rest, "log") ? name : STR_EMPTY;
}

/* The only state of this environment in the default folder. False where there is none, several, or a short
 * one. */
static bool guess_store(struct early_state *early)
{
    struct str folder = path_join(&early->arena, early->store.dir, STR(".weir"));
    AUTO_DIR DIR *dir = opendir(folder.p);
    if (!dir)
        return false;
    struct stat st = {0};
    size_t found = 0;
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = state_name(str_z(entry->d_name), early->store.env);
        if (!name.n)
            continue;
        found++;
        early->store.stack = arena_str(&early->arena, name);
        if (fstatat(dirfd(dir), entry->d_name, &st, 0))
            st.st_size = 0;
    }
    return found == 1 && st.st_size >= WORTH_BYTES;
}

static void *read_state(void *ctx)
{
    struct early_state *early = ctx;
    struct state_options options = {.dir = early->store.dir};
    early->status = backend_new(&early->store, &options.backend, &early->err);
    if (!early->status)
        early->status = state_open(&options, &early->state, &early->err);
    return NULL;
}

static void early_state_free(struct early_state *early)
{
    arena_release(&early->arena);
    free(early);
}

struct early_state *early_state_start(const struct workspace_options *options)
{
    if (options->no_state || options->state_dir || options->state_at || options->part)
        return NULL;
    struct early_state *early = mem_zalloc(sizeof *early);
    const char *at = options->stack.dir ? options->stack.dir : ".";
    early->store.dir = path_is_dir(at) ? str_z(at) : arena_str(&early->arena, path_dir(str_z(at)));
    early->store.env = options->stack.env;
    if (guess_store(early) && !pthread_create(&early->thread, NULL, read_state, early))
        return early;
    early_state_free(early);
    return NULL;
}

bool early_state_take(
    struct early_state *early, const struct stack *stack, struct state **out, int *status, struct err *err)
{
    if (!early)
        return false;
    pthread_join(early->thread, NULL);
    const struct backend_options *store = &early->store;
    bool right = stack && !stack->state && str_eq(stack->name, store->stack) &&
                 str_eq(stack->env, store->env) && str_eq(stack->dir, store->dir);
    if (right) {
        *status = early->status;
        *out = early->state;
        if (early->status)
            *err = early->err;
    } else {
        state_close(early->state);
    }
    early_state_free(early);
    return right;
}
