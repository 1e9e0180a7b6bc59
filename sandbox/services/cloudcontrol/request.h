/*
 * Requests of the Cloud Control API: whatever is to be created, updated or deleted is one, which is in
 * progress for a moment although it is done at once.
 *
 *     cloud_request_begin()     a client token that was used, or work at the same thing, ends it here
 *     cloud_request_fail()      what the type's handler refuses
 *     cloud_request_conclude()  kept, and told of as the call's answer
 *
 * The last three are operations of the service.
 */
#pragma once

#include "sandbox/services/cloudcontrol/model.h"
#include "sandbox/services/cloudcontrol/resources.h"
#include "sandbox/services/shared/tables.h"

enum { CLOUD_PAGE = 20, CLOUD_PAGE_MOST = 100 }; /* of listings */

/* 32 hex digits that nobody has had. */
struct str cloud_chance(struct arena *arena);

/* 1: the client token has been used for the same, whose request is in *r and answers. 0: it is new. */
int cloud_request_begin(struct service_call *call, const struct cloud_model *model, const char *operation,
    struct str id, struct cloud_request *r, struct err *err);
void cloud_request_fail(struct cloud_request *r, const char *code, struct str message);
void cloud_request_answer(struct service_call *call, const struct cloud_request *r);
int cloud_request_conclude(struct service_call *call, const struct cloud_request *r);

int cloud_request_status(struct service_call *call, struct err *err);
int cloud_request_cancel(struct service_call *call, struct err *err);
int cloud_request_list(struct service_call *call, struct err *err);
