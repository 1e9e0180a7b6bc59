/*
 * What the Cloud Control API's sandbox keeps: resources, as files too, and requests. Everything is copied;
 * safe from every thread.
 */
#pragma once

#include "sandbox/services/shared/tables.h"

struct cloud_resources;

struct cloud_resource {
    struct str region, type, id;
    const struct value *properties; /* all, those that cannot be read as well */
};

struct cloud_request {
    struct str token, client_token, digest; /* digest: of what was asked for, "" not given */
    struct str region, type, operation, id; /* "CREATE" */
    struct str code, message;               /* why it fails; "" it does not */
    int64_t at_ms, ends_ms;
    bool cancelled;
};

struct cloud_resources *cloud_resources_new(struct services *services);
void cloud_resources_free(struct cloud_resources *resources);

bool cloud_resources_get(
    const struct service_call *call, const struct cloud_resource *key, struct cloud_resource *out);
/* properties NULL: it is deleted. */
int cloud_resources_put(
    const struct service_call *call, const struct cloud_resource *resource, struct err *err);
/* All of a type in the call's region, in order of their ids. */
struct cloud_resource *cloud_resources_list(const struct service_call *call, struct str type, size_t *n);

void cloud_requests_add(const struct service_call *call, const struct cloud_request *request);
typedef bool cloud_request_fits(const struct cloud_request *request, const void *ctx);
/* Those that fit, the latest first. */
struct cloud_request *cloud_requests_find(
    const struct service_call *call, cloud_request_fits *fits, const void *ctx, size_t *n);
bool cloud_requests_cancel(const struct service_call *call, struct str token);

/* ---- Resource models of the Cloud Control API: checked against the schema as CloudFormation
 * publishes it, and completed with what a service would say. It reads schemas by itself rather than by
 * provider/cfn/cfn.h, so that what that gets wrong shows. */
struct cloud_model {
    struct arena *arena;
    const struct value *schema; /* the type's */
    struct str type, region, account;
};

/* A schema with what its $ref names put in its place; {} where that leads round in a circle. */
const struct value *cloud_model_resolved(const struct cloud_model *model, const struct value *schema);
/* What is wrong with properties that are given; "" nothing. */
struct str cloud_model_wrong(const struct cloud_model *model, const struct value *properties);
/* Does one of the paths ("createOnlyProperties") differ between the two? The first that does; "" none. */
struct str cloud_model_differs(
    const struct cloud_model *model, const char *paths, const struct value *a, const struct value *b);
/* Is something given that one of the paths names? */
struct str cloud_model_gives(
    const struct cloud_model *model, const char *paths, const struct value *properties);
/* With read-only properties, a name where none was given and defaults; `chance` tells one thing from another.
 */
const struct value *cloud_model_filled(
    const struct cloud_model *model, const struct value *properties, struct str chance);
/* As it is read: without what is write-only, and what has no order in another one. */
const struct value *cloud_model_shown(const struct cloud_model *model, const struct value *properties);
/* The parts of the primary identifier with | between them; "" where one is not there. */
struct str cloud_model_identifier(const struct cloud_model *model, const struct value *properties);
/* Applies a JSON Patch. -1 with ERR_INVALID. */
int cloud_model_patch(struct arena *arena, const struct value *properties, const struct value *patch,
    const struct value **out, struct err *err);

/* ---- Requests of the Cloud Control API: whatever is to be created, updated or deleted is one,
 * which is in progress for a moment although it is done at once.
 *
 *     cloud_request_begin()     a client token that was used, or work at the same thing, ends it here
 *     cloud_request_fail()      what the type's handler refuses
 *     cloud_request_conclude()  kept, and reported as the call's answer
 *
 * The last three are operations of the service. */
enum { CLOUD_PAGE = 20, CLOUD_PAGE_MOST = 100 }; /* of listings */
