/*
 * Parses the URL of a request, for the checks before libcurl is called. Stricter than libcurl: no user names,
 * no unusual characters, so that the checked host is the one that is called.
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

/* Fails with ERR_INVALID unless it is an http or https URL. */
int http_target_parse(struct str url, struct http_target *target, struct err *err);
