/* Libraries that are loaded on first use: see library.h, and pq_api.h for libpq. */
#include "base/library.h"

#include "base/pq_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Looks up the functions of a list of names. Returns the slot after them, or NULL if a required one is
 * missing. */
static void **find_functions(struct library *library, void *handle, void **slot, const char *names, bool must)
{
    for (const char *name = names; *name; name += strlen(name) + 1, slot++) {
        /* POSIX requires object and function pointers to be of one size; ISO C has no cast between them. */
        void *function = dlsym(handle, name);
        memcpy(slot, &function, sizeof function);
        if (!function && must) {
            snprintf(library->failure, sizeof library->failure, "it is too old: it has no %s", name);
            return NULL;
        }
    }
    return slot;
}

/* True in a static program, where the linker has filled the table. */
static bool is_linked(const struct library *library)
{
    void *first;
    memcpy(&first, library->table, sizeof first);
    return first != NULL;
}

static bool find_library(struct library *library)
{
    /* Lazy binding: a run calls only a small part of the library and its dependencies. */
    void *handle = dlopen(library->file, RTLD_LAZY | RTLD_LOCAL);
    if (!handle) {
        snprintf(library->failure, sizeof library->failure, "%s", dlerror());
        return false;
    }
    void **slot = find_functions(library, handle, library->table, library->names, true);
    if (slot && library->newer)
        find_functions(library, handle, slot, library->newer, false);
    return slot != NULL;
}

static void load_library(struct library *library)
{
    if (!is_linked(library) && !find_library(library))
        return;
    const char *why = library->start ? library->start() : NULL;
    if (why)
        snprintf(library->failure, sizeof library->failure, "%s", why);
}

const void *library_table(struct library *library, struct err *err)
{
    if (!library->loaded) {
        pthread_mutex_lock(&lock);
        if (!library->loaded)
            load_library(library);
        library->loaded = true;
        pthread_mutex_unlock(&lock);
    }
    if (!library->failure[0])
        return library->table;
    err_set(err, ERR_FAILED, "cannot load %s: %s", library->file, library->failure);
    err_hint(err, "install %s", library->install);
    return NULL;
}

/* ---- libpq ---- */

const struct pq_api *pq_api(struct err *err)
{
#define PQ_NAME(name)   "PQ" #name "\0"
#define PQ_LINKED(name) PQ##name,
    static struct pq_api api = LIBRARY_LINKED(PQ_FUNCTIONS(PQ_LINKED));
    static struct library library = {
        .file = "libpq.so.5",
        .install = "PostgreSQL's client library (Debian and Ubuntu: apt install libpq5)",
        .table = &api,
        .names = PQ_FUNCTIONS(PQ_NAME),
    };
    return library_table(&library, err);
}
