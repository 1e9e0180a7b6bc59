/*
 * Where a service is: `endpoint` and `endpoints` in the provider's settings, AWS_ENDPOINT_URL_<SERVICE>,
 * AWS_ENDPOINT_URL, the profile's services section and endpoint_url, and last the region's own host. And how
 * S3 buckets are addressed there.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/aws/credentials.h"

enum path_style { PATH_STYLE_AUTO, PATH_STYLE_ALWAYS, PATH_STYLE_NEVER };

/* What the settings say; immutable, shared by all threads. */
struct endpoint_settings {
    struct str region;
    const struct value *config; /* the provider's settings; NULL: none */
    const struct profiles *profiles;
    struct str profile;
    enum path_style path_style;
};

struct endpoint {
    bool custom; /* not AWS's own host */
    bool tls;
    struct str host;      /* with the port, where it is not the scheme's own */
    struct str base_path; /* "" or "/prefix" */
    struct str signing_region;
};

struct endpoint_target {
    struct str host, path;
};

/* "eu-west-1" is fine, "eu-west1" is ERR_INVALID with a hint. */
int region_check(struct str region, struct err *err);
struct str region_partition(struct str region);
/* What the hosts of its services end in: amazonaws.com. */
struct str region_dns_suffix(struct str region);

/* Everything in *out lives in the arena or the settings. ERR_INVALID for a URL that is none. */
int endpoint_resolve(struct arena *arena, const struct endpoint_settings *settings,
    const struct aws_service *service, struct endpoint *out, struct err *err);
/* Is there a custom endpoint for all services? Then the region need not be one of AWS's. */
bool endpoint_is_custom_for_all(const struct endpoint_settings *settings);

/* The variable that says where a service is, as the SDKs have it: AWS_ENDPOINT_URL_SECRETS_MANAGER. */
struct str endpoint_variable(struct arena *arena, struct str service_id);

/* Host and path of one request; for S3 the bucket moves from the path into the host where it may. */
struct endpoint_target endpoint_address(struct arena *arena, const struct endpoint *endpoint,
    const struct endpoint_settings *settings, const struct aws_service *service, struct str host_prefix,
    struct str path);
/* The first segment of an S3 path; "" for the service itself. */
struct str endpoint_bucket(struct str path);

/* ---- client.c: Wire messages to HTTP requests and back: the codecs and the engine know nothing of each
 * other. */
/* Method, URL, headers and body of a request; the caller adds limits and the like. */
struct http_request message_to_http(struct arena *arena, const struct endpoint *endpoint, struct str host,
    const struct wire_message *message);
struct wire_message message_from_http(struct arena *arena, const struct http_response *response);
