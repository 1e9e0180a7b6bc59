/*
 * AWS Signature Version 4 in its stages, each testable alone: canonical request -> string to sign ->
 * signature. See "Signing AWS API requests" in the IAM User Guide. Used by the client and, for verification,
 * by the sandbox.
 */
#pragma once

#include "provider/aws/client.h"

struct sigv4_params {
    struct str access_key, secret_key, session_token; /* token may be empty */
    struct str region, service;                       /* of the credential scope */
    int64_t wall_ms;
    struct str payload_hash; /* hex SHA-256, "UNSIGNED-PAYLOAD" or a STREAMING-… constant; empty: hashed from
                                the body */
    struct str signed_headers; /* verification: exactly these ("host;x-amz-date"); empty: every header but
                                  those that proxies change */
    const unsigned char *key;  /* from sigv4_signing_key() for the same day and scope; NULL: derived anew */
    bool s3;                   /* path encoded once and not normalised; x-amz-content-sha256 is sent */
};

/* Each result lives in the arena. */
struct str sigv4_canonical_request(struct arena *arena, const struct sigv4_params *params,
    const struct wire_message *request, struct str *signed_headers);
struct str sigv4_string_to_sign(
    struct arena *arena, const struct sigv4_params *params, struct str canonical_request);
/* Good for one day in one scope: worth keeping where many requests are signed. */
void sigv4_signing_key(const struct sigv4_params *params, unsigned char key[32]);
struct str sigv4_signature(struct arena *arena, const struct sigv4_params *params, struct str string_to_sign);

/*
 * Adds X-Amz-Date, X-Amz-Security-Token, x-amz-content-sha256 (S3) and Authorization; the Host header must be
 * there already. Every header present when called is signed, except those that proxies change.
 */
void sigv4_sign_headers(struct arena *arena, const struct sigv4_params *params, struct wire_message *request);

/* ---- sigv4.c: Addresses that are signed beforehand: whoever has one may send that one request, for so
 * long. */
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
