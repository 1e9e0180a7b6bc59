/* Addresses that are signed beforehand: whoever has one may send that one request, for so long. */
#pragma once

#include "provider/aws/client.h"

struct presign {
    struct str service; /* as it is signed for: "kafka-cluster" */
    struct str host;    /* "kafka.eu-west-1.amazonaws.com" */
    struct str path;    /* percent-encoded; "": "/" */
    struct str query;   /* percent-encoded: "Action=kafka-cluster%3AConnect" */
    bool plain;         /* http */
    int64_t seconds;    /* that it holds */
};

struct sigv4_params;

/* The same with given keys, region and time. */
struct str presign_with(struct arena *arena, const struct sigv4_params *params, const struct presign *what);

/* "https://HOST/?QUERY&X-Amz-…", of a GET, and when it ends (wall clock); both as of now. */
int aws_presign(struct aws_client *client, const struct presign *what, struct arena *arena, struct str *url,
    int64_t *ends_ms, struct err *err);
