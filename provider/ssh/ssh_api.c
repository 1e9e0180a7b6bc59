/* libssh, loaded when the first connection is opened: see ssh_api.h. */
#include "provider/ssh/ssh_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct ssh_api api;
static char failure[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The library initialises itself when it is loaded. */
static void load(void)
{
    void *library = dlopen("libssh.so.4", RTLD_LAZY | RTLD_LOCAL);
    if (!library) {
        snprintf(failure, sizeof failure, "%s", dlerror());
        return;
    }
#define SSH_LOAD(name)                                                                                       \
    *(void **)&api.name = dlsym(library, "ssh_" #name);                                                      \
    if (!api.name) {                                                                                         \
        snprintf(failure, sizeof failure, "it is too old: it has no ssh_%s", #name);                         \
        return;                                                                                              \
    }
    SSH_FUNCTIONS(SSH_LOAD)
#undef SSH_LOAD
}

const struct ssh_api *ssh_api(struct err *err)
{
    pthread_once(&once, load);
    if (!failure[0])
        return &api;
    err_set(err, ERR_FAILED, "cannot load libssh.so.4: %s", failure);
    err_hint(err, "install libssh 0.10 or later (Debian and Ubuntu: apt install libssh-4)");
    return NULL;
}
