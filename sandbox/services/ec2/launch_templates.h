/* Versions of launch templates, for those who start instances from them. */
#pragma once

#include "sandbox/calls/services.h"

/* What the template says in that version: a number, "$Latest", "$Default" or "" (the default). False: there
 * is no such version. */
bool ec2_template_version(struct services *services, struct arena *arena,
    const struct control_record *template, struct str version, struct control_record *out);
