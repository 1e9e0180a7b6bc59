/*
 * REST APIs of API Gateway: what goes beyond the spec.
 *
 *   parts.c    the existence checks; integrations and responses of methods, gateway responses
 *   checks.c   checks that involve other resources
 *   stages.c   stages, deployments, canaries
 *   import.c   APIs from OpenAPI documents
 */
#pragma once

#include "sandbox/calls/services.h"

/* restapis/API/resources/RESOURCE/methods/METHOD[/integration][/responses/STATUS] */
struct gateway_place {
    struct str http; /* method of the request; with PUT the part itself need not exist */
    struct str api, resource, method, status;
    bool integration;
};

/* Checks that each part of the path exists, from the resource down. -1: the first missing part, in AWS's
 * words. */
int gateway_check_place(const struct service_call *call, const struct gateway_place *place, struct err *err);
/* Checks that the API exists. -1 with API Gateway's error. */
int gateway_check_api(const struct service_call *call, struct str api, struct err *err);
/* Finds the record `id` of a type in the API that the request names. */
bool gateway_find(
    const struct service_call *call, const char *type, struct str id, struct control_record *out);
/* Answers one page of a list, by `limit` and `position`. */
int gateway_answer_page(struct service_call *call, const struct value *items, struct err *err);
#define bad_request(err, ...) service_refuse(err, 400, "BadRequestException", __VA_ARGS__)
/* gateway_change() returns a patch operation "replace"; gateway_forward() hands the operations to the control
 * plane. */
const struct value *gateway_change(const struct service_call *call, const char *path, const struct value *v);
void gateway_forward(struct service_call *call, struct value_builder *changes);
/* Returns the integration with default values filled in. */
const struct value *gateway_integration(const struct service_call *call, const struct value *integration);
/* For services_before_call(): checks constraints and existence before the request is dispatched. */
int gateway_read(struct services *services, struct exchange *x, struct err *err);
