/* libcurl, loaded when it is first needed: see curl_api.h. */
#include "provider/http/curl_api.h"

#include "base/library.h"

#define CURL_LINKED(name) curl_##name,
static struct curl_api api = LIBRARY_LINKED(CURL_FUNCTIONS(CURL_LINKED));

static const char *start_curl(void)
{
    CURLcode code = api.global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK ? NULL : api.easy_strerror(code);
}

const struct curl_api *curl_api(struct err *err)
{
#define CURL_NAME(name) "curl_" #name "\0"
    static struct library library = {
        .file = "libcurl.so.4",
        .install = "libcurl 7.68 or later (Debian and Ubuntu: apt install libcurl4)",
        .table = &api,
        .names = CURL_FUNCTIONS(CURL_NAME),
        .start = start_curl,
    };
    return library_table(&library, err);
}
