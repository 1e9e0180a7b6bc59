/* libmicrohttpd, loaded when the first sandbox starts: see mhd_api.h. */
#include "sandbox/http/mhd_api.h"

#include "base/library.h"

const struct mhd_api *mhd_api(struct err *err)
{
#define MHD_NAME(name)   "MHD_" #name "\0"
#define MHD_LINKED(name) MHD_##name,
    static struct mhd_api api = LIBRARY_LINKED(MHD_FUNCTIONS(MHD_LINKED));
    static struct library library = {
        .file = "libmicrohttpd.so.12",
        .install = "libmicrohttpd 0.9.71 or later (Debian and Ubuntu: apt install libmicrohttpd12)",
        .table = &api,
        .names = MHD_FUNCTIONS(MHD_NAME),
    };
    return library_table(&library, err);
}
