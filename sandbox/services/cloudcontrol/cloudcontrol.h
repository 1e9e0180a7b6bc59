/*
 * Resources and requests of the Cloud Control API. Resources are also stored as files. All functions copy,
 * and are thread-safe.
 */
#pragma once

#include "sandbox/services/shared/tables.h"

struct cloud_resources;

struct cloud_resource {
    struct str region, type, id;
    const struct value *properties; /* all of them, including write-only ones */
};

struct cloud_request {
    struct str token, client_token, digest; /* digest: of the request's input; client_token "": not given */
    struct str region, type, operation, id; /* operation: "CREATE" */
    struct str code, message;               /* error of the handler; "": none */
    int64_t at_ms, ends_ms;
    bool cancelled;
};

struct cloud_resources *cloud_resources_new(struct services *services);
void cloud_resources_free(struct cloud_resources *resources);

bool cloud_resources_get(
    const struct service_call *call, const struct cloud_resource *key, struct cloud_resource *out);
/* Stores a resource; properties NULL: deletes it. */
int cloud_resources_put(
    const struct service_call *call, const struct cloud_resource *resource, struct err *err);
/* Returns all resources of a type in the call's region, ordered by id. */
struct cloud_resource *cloud_resources_list(const struct service_call *call, struct str type, size_t *n);

void cloud_requests_add(const struct service_call *call, const struct cloud_request *request);
typedef bool cloud_request_fits(const struct cloud_request *request, const void *ctx);
/* Returns the matching requests, newest first. */
struct cloud_request *cloud_requests_find(
    const struct service_call *call, cloud_request_fits *fits, const void *ctx, size_t *n);
bool cloud_requests_cancel(const struct service_call *call, struct str token);

/* ---- Resource models, checked against the schema that CloudFormation publishes, and completed with the
 * values that a service would report. Schemas are read independently of provider/cfn/cfn.h, so that errors
 * there are found. */
struct cloud_model {
    struct arena *arena;
    const struct value *schema; /* the type's schema */
    struct str type, region, account;
};

/* Returns a schema with its $ref replaced by the definition, or {} if references form a cycle. */
const struct value *cloud_model_resolved(const struct cloud_model *model, const struct value *schema);
/* Returns what is wrong with the given properties; "": nothing. */
struct str cloud_model_wrong(const struct cloud_model *model, const struct value *properties);
/* Returns the first of the schema's paths (such as "createOnlyProperties") that differs between a and b; "":
 * none. */
struct str cloud_model_differs(
    const struct cloud_model *model, const char *paths, const struct value *a, const struct value *b);
/* Returns the first of the schema's paths that is set in `properties`; "": none. */
struct str cloud_model_gives(
    const struct cloud_model *model, const char *paths, const struct value *properties);
/* Returns the properties with read-only values, a missing name and defaults added. `chance`: random hex
 * digits for unique ids. */
const struct value *cloud_model_filled(
    const struct cloud_model *model, const struct value *properties, struct str chance);
/* Returns the properties as a read shows them: without write-only ones, and unordered lists in another
 * order. */
const struct value *cloud_model_shown(const struct cloud_model *model, const struct value *properties);
/* Returns the primary identifier, its parts joined by |; "": a part is missing. */
struct str cloud_model_identifier(const struct cloud_model *model, const struct value *properties);
/* Applies a JSON Patch. -1 with ERR_INVALID. */
int cloud_model_patch(struct arena *arena, const struct value *properties, const struct value *patch,
    const struct value **out, struct err *err);

/* ---- Requests: each create, update or delete is done at once, and shown as in progress for a moment.
 *
 *   cloud_request_begin()     ends the call here for a used client token, or another request for the resource
 *   cloud_request_fail()      the error of the type's handler
 *   cloud_request_conclude()  stores the request and answers the call with it
 *
 * They are in cloudcontrol.c, with the operations on requests. */
enum { CLOUD_PAGE = 20, CLOUD_PAGE_MOST = 100 }; /* page sizes of listings */
