/*
 * libmicrohttpd, loaded when the first sandbox starts: linking it would cost each command 1.4 ms and 3 MB (it
 * depends on GnuTLS). See base/library.h.
 */
#pragma once

#include "base/err.h"

#include <microhttpd.h>

#define MHD_FUNCTIONS(X)                                                                                     \
    X(start_daemon)                                                                                          \
    X(stop_daemon)                                                                                           \
    X(quiesce_daemon)                                                                                        \
    X(get_connection_info)                                                                                   \
    X(get_connection_values)                                                                                 \
    X(create_response_from_buffer)                                                                           \
    X(create_response_from_fd_at_offset64)                                                                   \
    X(create_response_from_callback)                                                                         \
    X(add_response_header)                                                                                   \
    X(queue_response)                                                                                        \
    X(destroy_response)

struct mhd_api {
#define MHD_POINTER(name) __typeof__(MHD_##name) *name;
    MHD_FUNCTIONS(MHD_POINTER)
#undef MHD_POINTER
};

/* Returns NULL with ERR_FAILED if the library is not installed. */
const struct mhd_api *mhd_api(struct err *err);
