/*
 * libcurl, loaded when it is first needed. Linking it would cost every command 5 ms of start-up (it pulls in
 * thirty libraries): see base/library.h.
 */
#pragma once

#include "base/err.h"

#include <curl/curl.h>

/* The type-checking macros call the real functions by name. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define CURL_FUNCTIONS(X)                                                                                    \
    X(global_init)                                                                                           \
    X(easy_init)                                                                                             \
    X(easy_cleanup)                                                                                          \
    X(easy_reset)                                                                                            \
    X(easy_setopt)                                                                                           \
    X(easy_getinfo)                                                                                          \
    X(easy_strerror)                                                                                         \
    X(multi_init)                                                                                            \
    X(multi_cleanup)                                                                                         \
    X(multi_setopt)                                                                                          \
    X(multi_add_handle)                                                                                      \
    X(multi_remove_handle)                                                                                   \
    X(multi_socket_action)                                                                                   \
    X(multi_info_read)

struct curl_api {
#define CURL_POINTER(name) __typeof__(curl_##name) *(name);
    CURL_FUNCTIONS(CURL_POINTER)
#undef CURL_POINTER
};

/* NULL with ERR_FAILED where the library is not installed or too old. */
const struct curl_api *curl_api(struct err *err);
