/*
 * What the Cloud Control API's sandbox keeps: resources, as files too, and requests. Everything is copied;
 * safe from every thread.
 */
#pragma once

#include "sandbox/calls/services.h"

struct cloud_resources;

struct cloud_resource {
    struct str region, type, id;
    const struct value *properties; /* all, those that cannot be read as well */
};

struct cloud_request {
    struct str token, client_token, digest; /* digest: of what was asked for, "" not said */
    struct str region, type, operation, id; /* "CREATE" */
    struct str code, message;               /* why it fails; "" it does not */
    int64_t at_ms, ends_ms;
    bool cancelled;
};

struct cloud_resources *cloud_resources_new(struct services *services);
void cloud_resources_free(struct cloud_resources *resources);

bool cloud_resources_get(struct cloud_resources *resources, struct arena *arena,
    const struct cloud_resource *key, struct cloud_resource *out);
/* properties NULL: it is deleted. */
int cloud_resources_put(
    struct cloud_resources *resources, const struct cloud_resource *resource, struct err *err);
/* All of a type in a region, in order of their ids. */
struct cloud_resource *cloud_resources_list(
    struct cloud_resources *resources, struct arena *arena, struct str region, struct str type, size_t *n);

void cloud_requests_add(struct cloud_resources *resources, const struct cloud_request *request);
typedef bool cloud_request_fits(const struct cloud_request *request, const void *ctx);
/* Those that fit, the latest first. */
struct cloud_request *cloud_requests_find(struct cloud_resources *resources, struct arena *arena,
    cloud_request_fits *fits, const void *ctx, size_t *n);
bool cloud_requests_cancel(struct cloud_resources *resources, struct str token);
