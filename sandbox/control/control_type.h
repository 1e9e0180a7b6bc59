/*
 * What is so for one type alone: functions of the service's file in sandbox/services, beside what the type's
 * spec says. They run in the middle of a request with the control plane's lock held, so they call nothing of
 * control.h but these two, and see resources as they are kept.
 */
#pragma once

#include "sandbox/control/control.h"

struct control_type {
    const char *name; /* "aws.ec2.subnet"; NULL ends a table */
    /* May there be a new one with these attributes? -1: err says why not, in the service's words. */
    int (*check)(const struct control *control, const struct value *attrs, struct err *err);
    /* The requests of which this one is made up; NULL: it is about one resource. */
    const struct value *(*parts)(struct arena *arena, struct str operation, const struct value *raw);
    /* Does this entry of it lead to what is not there? */
    bool (*broken)(const struct control *control, const struct value *entry);
};

/* The attributes of what has this id and is of this type ("": any); NULL: nothing that nobody has deleted. */
const struct value *control_seen(const struct control *control, struct str type, struct str id);
/* The next of a type, from *at = 0 on; NULL: that was the last one. */
const struct value *control_next(const struct control *control, struct str type, size_t *at);
