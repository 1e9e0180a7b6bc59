/*
 * Versions of secrets. The control plane knows a secret's current value; what was current before, and what
 * waits to be, lies in a note beside it: {versions: [{id, stages, string, binary, created}]}. AWSCURRENT is
 * in no note. Lists are values in the call's arena, changed by making others.
 */
#ifndef WEIR_SANDBOX_SERVICES_SECRETSMANAGER_VERSIONS_H
#define WEIR_SANDBOX_SERVICES_SECRETSMANAGER_VERSIONS_H

#include "sandbox/services/shared/tables.h"

#define SECRET_CURRENT  "AWSCURRENT"
#define SECRET_PREVIOUS "AWSPREVIOUS"

/* Those in the note, oldest first. */
const struct value *secret_versions(const struct service_call *call, const struct control_record *record);
int secret_versions_keep(const struct service_call *call, const struct control_record *record,
    const struct value *versions, struct err *err);
/* The versions with this one in them, which takes the stages that others had. Of many the oldest that have
 * none go. */
const struct value *secret_versions_with(
    struct arena *arena, const struct value *versions, const struct value *version);

struct str secret_version_id(const struct value *version);
bool secret_version_is_current(const struct control_record *record, struct str id);
/* One in the note with that id and stage, as far as they are given; NULL: none. */
const struct value *secret_version_find(
    const struct service_call *call, const struct control_record *record, struct str id, struct str stage);
const struct value *secret_version_without(
    struct arena *arena, const struct value *version, struct str stage);
/* What is current as a version whose stage is AWSPREVIOUS. */
const struct value *secret_version_previous(struct arena *arena, const struct control_record *record);
/* A list of it alone. */
const struct value *secret_stage(struct arena *arena, const char *stage);

#endif
