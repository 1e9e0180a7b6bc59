/*
 * The versions of a secret: the control plane's record has the current value, and a note beside it
 * {versions: [{id, stages, string, binary, created, accessed}], rotated}: all of them, oldest first. Times
 * are milliseconds, `binary` is base64. A version that only awaits its value (a rotation's) has neither
 * string nor binary.
 *
 * What becomes of a secret follows from its versions, so whoever changes one holds secret_versions_lock from
 * reading them to keeping them.
 */
#pragma once

#include "sandbox/services/shared/tables.h"

#define SECRET_CURRENT  "AWSCURRENT"
#define SECRET_PREVIOUS "AWSPREVIOUS"
#define SECRET_PENDING  "AWSPENDING"

extern pthread_mutex_t secret_versions_lock;

/* The record that SecretId names, by a partial ARN too; -1: in the service's words why not. */
int secret_find(struct service_call *call, struct control_record *out, struct err *err);

/* The one that is current among them, with its value. */
const struct value *secret_versions(const struct service_call *call, const struct control_record *record);
int secret_versions_keep(const struct service_call *call, const struct control_record *record,
    const struct value *versions, struct err *err);
/* When it was last rotated; 0: never. */
int64_t secret_rotated_ms(const struct service_call *call, const struct control_record *record);

struct str secret_version_id(const struct value *version);
bool secret_version_has(const struct value *version, const char *stage);
/* The one with that id and stage, as far as they are given; NULL: none. */
const struct value *secret_version_find(const struct value *versions, struct str id, struct str stage);
/* The stage goes to the version with that id ("": to none) from whichever has it; what AWSCURRENT leaves gets
 * AWSPREVIOUS. */
const struct value *secret_versions_moved(
    struct arena *arena, const struct value *versions, struct str stage, struct str to);
/* With this one in place of the one of its id, or behind all; its own `stages` leave the others. Of many the
 * oldest without any go. */
const struct value *secret_versions_with(
    struct arena *arena, const struct value *versions, const struct value *version);

/*
 * RotateSecret: the function makes the new value in four steps, on a thread of its own. The secret's record
 * says which function.
 */
int secret_rotate(struct service_call *call, struct err *err);
