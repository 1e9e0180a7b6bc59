/* libcurl, loaded when it is first needed: see curl_api.h. */
#include "provider/http/curl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct curl_api api;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void curl_api_load(void)
{
    /* Lazy binding: of all that it and its libraries call, a run needs a small part. */
    void *library = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return;
    }
    /* POSIX wants object and function pointers to be of one size; ISO C has no cast between them. */
#define CURL_LOAD(name)                                                                                      \
    *(void **)&api.name = dlsym(library, "curl_" #name);                                                     \
    if (!api.name) {                                                                                         \
        snprintf(failure, sizeof failure, "it is too old: it has no curl_%s", #name);                        \
        return;                                                                                              \
    }
    CURL_FUNCTIONS(CURL_LOAD)
#undef CURL_LOAD
    CURLcode code = api.global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        snprintf(failure, sizeof failure, "%s", api.easy_strerror(code));
}

const struct curl_api *curl_api(struct err *err)
{
    pthread_once(&once, curl_api_load);
    if (!failure[0])
        return &api;
    err_set(err, ERR_FAILED, "cannot load libcurl.so.4: %s", failure);
    err_hint(err, "install libcurl 7.68 or later (Debian and Ubuntu: apt install libcurl4)");
    return NULL;
}
