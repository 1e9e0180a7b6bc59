/* libssh, loaded when the first connection is opened: see ssh_api.h. It initialises itself. */
#include "provider/ssh/ssh_api.h"

#include "base/library.h"

const struct ssh_api *ssh_api(struct err *err)
{
#define SSH_NAME(name)   "ssh_" #name "\0"
#define SSH_LINKED(name) ssh_##name,
    static struct ssh_api api = LIBRARY_LINKED(SSH_FUNCTIONS(SSH_LINKED));
    static struct library library = {
        .file = "libssh.so.4",
        .install = "libssh 0.10 or later (Debian and Ubuntu: apt install libssh-4)",
        .table = &api,
        .names = SSH_FUNCTIONS(SSH_NAME),
    };
    return library_table(&library, err);
}
