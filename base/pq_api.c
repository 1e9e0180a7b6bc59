/* libpq, loaded when PostgreSQL is first spoken to, for a state or for resources: see pq_api.h. */
#include "base/pq_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct pq_api api;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void pq_api_load(void)
{
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return;
    }
    /* POSIX wants object and function pointers to be of one size; ISO C has no cast between them. */
#define PQ_LOAD(name)                                                                                        \
    *(void **)&api.name = dlsym(library, "PQ" #name);                                                        \
    if (!api.name) {                                                                                         \
        snprintf(failure, sizeof failure, "it has no PQ%s", #name);                                          \
        return;                                                                                              \
    }
    PQ_FUNCTIONS(PQ_LOAD)
#undef PQ_LOAD
}

const struct pq_api *pq_api(struct err *err)
{
    pthread_once(&once, pq_api_load);
    if (!failure[0])
        return &api;
    err_set(err, ERR_FAILED, "cannot load libpq.so.5: %s", failure);
    err_hint(err, "install PostgreSQL's client library (Debian and Ubuntu: apt install libpq5)");
    return NULL;
}
