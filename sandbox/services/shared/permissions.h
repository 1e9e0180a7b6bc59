/* Permissions by label, as AddPermission makes them: statements in a resource's policy. */
#pragma once

#include "base/value.h"

/* Of accounts, by their numbers, to do these actions, which `prefix` begins ("SNS:"). */
struct permission {
    struct str label, resource;
    const struct value *accounts, *actions; /* lists of text */
    const char *prefix;
};
const struct value *permission_statement(struct arena *arena, const struct permission *permission);

/* A policy's statements; one may be by itself, without a list. */
const struct value *permission_statements(struct arena *arena, const struct value *policy);

/* The statements of other labels, and this one after them; NULL: none. */
const struct value *permission_replaced(
    struct arena *arena, const struct value *statements, struct str label, const struct value *by);
