/* Permissions by label, as SNS's and SQS's AddPermission make them: statements in a resource's policy. */
#pragma once

#include "base/value.h"

/* Allows these accounts (by number) these actions; `prefix` is put before each action ("SNS:"). */
struct permission {
    struct str label, resource;
    const struct value *accounts, *actions; /* lists of strings */
    const char *prefix;
};
const struct value *permission_statement(struct arena *arena, const struct permission *permission);

/* Returns a policy's statements as a list, also if Statement is a single object. */
const struct value *permission_statements(struct arena *arena, const struct value *policy);

/* Returns the statements without those labelled `label`, and with `by` appended unless it is NULL. */
const struct value *permission_replaced(
    struct arena *arena, const struct value *statements, struct str label, const struct value *by);
