/* A parameter of SSM, as the calls that read it show it. */
#pragma once

#include "sandbox/services/shared/tables.h"

bool ssm_find(const struct service_call *call, struct str name, struct control_record *out);
struct str ssm_attribute(const struct control_record *record, const char *name);
/* As GetParameter shows it: a SecureString in clear text WithDecryption. */
const struct value *ssm_view(struct service_call *call, const struct control_record *record);
/* What KMS would have made of it: the same each time for the same value. */
struct str ssm_ciphertext(struct arena *arena, struct str value);
