/* libmicrohttpd, loaded when the first sandbox starts: see mhd_api.h. */
#include "sandbox/http/mhd_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct mhd_api api;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void mhd_api_load(void)
{
    void *library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return;
    }
#define MHD_LOAD(name)                                                                                       \
    *(void **)&api.name = dlsym(library, "MHD_" #name);                                                      \
    if (!api.name) {                                                                                         \
        snprintf(failure, sizeof failure, "it is too old: it has no MHD_%s", #name);                         \
        return;                                                                                              \
    }
    MHD_FUNCTIONS(MHD_LOAD)
#undef MHD_LOAD
}

const struct mhd_api *mhd_api(struct err *err)
{
    pthread_once(&once, mhd_api_load);
    if (!failure[0])
        return &api;
    err_set(err, ERR_FAILED, "cannot load libmicrohttpd.so.12: %s", failure);
    err_hint(err, "install libmicrohttpd 0.9.71 or later (Debian and Ubuntu: apt install libmicrohttpd12)");
    return NULL;
}
