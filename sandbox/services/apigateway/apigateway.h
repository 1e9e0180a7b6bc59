/*
 * REST APIs of API Gateway: what the spec alone does not say.
 *
 *   parts.c    is what a request is about there, from the API down
 *   checks.c    what has to be so beside what is asked for
 *   stages.c    stages and what they serve: deployments, canaries
 *   import.c    APIs from OpenAPI documents
 *   parts.c     integrations and responses of methods, gateway responses: documents that are read, put,
 *               patched
 */
#pragma once

#include "sandbox/calls/services.h"

/* restapis/API/resources/RESOURCE/methods/METHOD[/integration][/responses/STATUS] */
struct gateway_place {
    struct str http; /* GET, PUT … of the request: what is put need not be there */
    struct str api, resource, method, status;
    bool integration;
};

/* -1: the first part of the place that is not there, in AWS's words. */
int gateway_check_place(const struct service_call *call, const struct gateway_place *place, struct err *err);
/* The same of the API alone. */
int gateway_check_api(const struct service_call *call, struct str api, struct err *err);
/* What has this id in the API that the request names. */
bool gateway_find(
    const struct service_call *call, const char *type, struct str id, struct control_record *out);
/* One page of a list: `limit` and `position`. */
int gateway_answer_page(struct service_call *call, const struct value *items, struct err *err);
#define bad_request(err, ...) service_refuse(err, 400, "BadRequestException", __VA_ARGS__)
/* Changes for the control plane: these, and one that replaces. */
const struct value *gateway_change(const struct service_call *call, const char *path, const struct value *v);
void gateway_forward(struct service_call *call, struct value_builder *changes);
/* With what one has by default. */
const struct value *gateway_integration(const struct service_call *call, const struct value *integration);
/* For services_read_first(). */
int gateway_read(struct services *services, struct exchange *x, struct err *err);
