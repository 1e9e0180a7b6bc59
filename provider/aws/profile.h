/*
 * The shared files of the SDKs: ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE,
 * AWS_SHARED_CREDENTIALS_FILE). Read once, immutable afterwards. A file that is not there is an empty one.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct profiles;

/* ERR_INVALID with file and line for what cannot be read as a section, a setting or a comment. */
int profiles_load(struct arena *arena, const struct profiles **out, struct err *err);
/* The same from text; the names are for messages. */
int profiles_parse(struct arena *arena, struct str config, const char *config_name, struct str credentials,
    const char *credentials_name, const struct profiles **out, struct err *err);
/* `wanted`, or AWS_PROFILE, AWS_DEFAULT_PROFILE, "default". */
struct str profile_name(struct str wanted);
bool profiles_has(const struct profiles *profiles, struct str profile);
/* "" when absent; the credentials file counts before the config file. Nested settings are "s3.endpoint_url".
 */
struct str profiles_get(const struct profiles *profiles, struct str profile, const char *key);
/* The same in another kind of section: [services NAME], [sso-session NAME]. */
struct str profiles_section_get(
    const struct profiles *profiles, const char *kind, struct str name, const char *key);
/* The profile whose name is nearest to a misspelt one; "" where none is near. */
struct str profiles_nearest(struct arena *arena, const struct profiles *profiles, struct str profile);
