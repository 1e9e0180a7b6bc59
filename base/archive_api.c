/* libarchive, loaded when it is first needed: see archive_api.h. */
#include "base/archive_api.h"

#include "base/library.h"

#include <pthread.h>

const struct archive_api *archive_api(struct err *err)
{
#define ARCHIVE_NAME(name)   "archive_" #name "\0"
#define ARCHIVE_LINKED(name) archive_##name,
    static struct archive_api api = LIBRARY_LINKED(ARCHIVE_FUNCTIONS(ARCHIVE_LINKED));
    static struct library library = {
        .file = "libarchive.so.13",
        .install = "libarchive 3.3 or later (Debian and Ubuntu: apt install libarchive13)",
        .table = &api,
        .names = ARCHIVE_FUNCTIONS(ARCHIVE_NAME),
    };
    return library_table(&library, err);
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
