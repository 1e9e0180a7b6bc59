/*
 * Shared within EC2, and by Auto Scaling: calls of EC2's control plane from inside the sandbox, and launch
 * templates.
 */
#pragma once

#include "sandbox/calls/services.h"

/* ---- key_pairs.c: calls of EC2's control plane from inside the sandbox */
/* Calls an operation; `members` have the names of requests (TagSpecification: [{Tag: […]}]). *answer: the XML
 * response. -1 with the service's error. */
int ec2_ask(struct service_call *call, const char *operation, const struct value *members, struct str *answer,
    struct err *err);
/* Returns the text of the first element of that name; "": not in the response. */
struct str ec2_reported(struct arena *arena, struct str answer, const char *element);

/* ---- launch_templates.c: versions of launch templates, to start instances from */
/* Finds a version by number, "$Latest", "$Default" or "" (the default); out->attrs is the version's
 * configuration. False: no such version. */
bool ec2_template_version(struct services *services, struct arena *arena,
    const struct control_record *template, struct str version, struct control_record *out);
