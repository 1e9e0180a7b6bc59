/*
 * Where a URL leads: the little that the engine has to know before it lets libcurl loose on it. Stricter than
 * libcurl: no user names, no odd characters, so that what was checked is what is called.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct http_target {
    bool tls;
    struct str authority; /* "localhost:4566", "[::1]:4566": for messages */
    struct str host;      /* without brackets */
    int64_t port;
    struct str rest; /* path and query */
    bool loopback;   /* 127/8, ::1, localhost */
    bool link_local; /* 169.254/16, fe80::/10, and fd00:ec2::/32: instance and container metadata */
};

/* ERR_INVALID for what is no http or https URL. */
int http_target_parse(struct str url, struct http_target *target, struct err *err);
