/* EC2's control plane, called from inside as a client would call it: its members have names of their own. */
#pragma once

#include "sandbox/calls/services.h"

/* `members` under the names that requests have (TagSpecification: [{Tag: […]}]); *answer: the XML. -1:
 * refused, in the service's words. */
int ec2_ask(struct service_call *call, const char *operation, const struct value *members, struct str *answer,
    struct err *err);
/* The text of the first element of that name; "": there is none. */
struct str ec2_reported(struct arena *arena, struct str answer, const char *element);
