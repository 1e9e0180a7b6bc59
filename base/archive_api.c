/* libarchive, loaded when it is first needed: see archive_api.h. */
#include "base/archive_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct archive_api api;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void archive_api_load(void)
{
    void *library = dlopen("libarchive.so.13", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return;
    }
#define ARCHIVE_LOAD(name)                                                                                   \
    *(void **)&api.name = dlsym(library, "archive_" #name);                                                  \
    if (!api.name) {                                                                                         \
        snprintf(failure, sizeof failure, "it is too old: it has no archive_%s", #name);                     \
        return;                                                                                              \
    }
    ARCHIVE_FUNCTIONS(ARCHIVE_LOAD)
#undef ARCHIVE_LOAD
}

const struct archive_api *archive_api(struct err *err)
{
    pthread_once(&once, archive_api_load);
    if (!failure[0])
        return &api;
    err_set(err, ERR_FAILED, "cannot load libarchive.so.13: %s", failure);
    err_hint(err, "install libarchive 3.3 or later (Debian and Ubuntu: apt install libarchive13)");
    return NULL;
}

static locale_t utf8;

static void make_utf8(void)
{
    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

locale_t archive_utf8(struct err *err)
{
    static pthread_once_t made = PTHREAD_ONCE_INIT;
    pthread_once(&made, make_utf8);
    if (!utf8)
        err_set(err, ERR_FAILED, "packing needs the locale C.UTF-8, which this system does not have");
    return utf8;
}
