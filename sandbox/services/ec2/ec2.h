/*
 * What files of EC2 share: calls within the sandbox, and launch templates, which Auto Scaling reads too.
 */
#pragma once

#include "sandbox/calls/services.h"

/* ---- key_pairs.c: EC2's control plane, called from inside as a client would call it: its members have
 * names of their own. */
/* `members` under the names that requests have (TagSpecification: [{Tag: […]}]); *answer: the XML. -1:
 * refused, in the service's words. */
int ec2_ask(struct service_call *call, const char *operation, const struct value *members, struct str *answer,
    struct err *err);
/* The text of the first element of that name; "": there is none. */
struct str ec2_reported(struct arena *arena, struct str answer, const char *element);

/* ---- launch_templates.c: Versions of launch templates, for those who start instances from them. */
/* What the template says in that version: a number, "$Latest", "$Default" or "" (the default). False: there
 * is no such version. */
bool ec2_template_version(struct services *services, struct arena *arena,
    const struct control_record *template, struct str version, struct control_record *out);
