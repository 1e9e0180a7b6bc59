/*
 * Versions of secrets. The record has the current value; a note beside it has {versions: [{id, stages,
 * string, binary, created, accessed}], rotated}, oldest first. Times are in milliseconds, `binary` is base64.
 * A pending version of a rotation has neither string nor binary.
 *
 * A change of versions depends on the existing ones, so hold secret_versions_lock from reading until writing
 * them.
 */
#pragma once

#include "sandbox/services/shared/tables.h"

#define SECRET_CURRENT  "AWSCURRENT"
#define SECRET_PREVIOUS "AWSPREVIOUS"
#define SECRET_PENDING  "AWSPENDING"

extern pthread_mutex_t secret_versions_lock;

/* Finds the secret that SecretId names, also by a partial ARN. -1 with the service's error. */
int secret_find(struct service_call *call, struct control_record *out, struct err *err);

/* Returns all versions. The current one has the record's value. */
const struct value *secret_versions(const struct service_call *call, const struct control_record *record);
int secret_versions_keep(const struct service_call *call, const struct control_record *record,
    const struct value *versions, struct err *err);
/* Returns when the secret was last rotated; 0: never. */
int64_t secret_rotated_ms(const struct service_call *call, const struct control_record *record);

struct str secret_version_id(const struct value *version);
bool secret_version_has(const struct value *version, const char *stage);
/* Returns the version with this id and stage ("": any), or NULL. */
const struct value *secret_version_find(const struct value *versions, struct str id, struct str stage);
/* Moves a stage to the version with id `to` ("": removes it). The version that loses AWSCURRENT gets
 * AWSPREVIOUS. */
const struct value *secret_versions_moved(
    struct arena *arena, const struct value *versions, struct str stage, struct str to);
/* Adds a version, or replaces that of the same id, and moves its stages to it. Beyond the limit, the oldest
 * versions without stages are removed. */
const struct value *secret_versions_with(
    struct arena *arena, const struct value *versions, const struct value *version);

/*
 * RotateSecret: starts a thread in which the secret's function sets the new value in four steps.
 */
int secret_rotate(struct service_call *call, struct err *err);
