/*
 * What a trace, or the output of somebody's command, may show. Values are recognised by the names they go
 * under, in whatever syntax the text has (JSON, XML, form); that is a net for what slips through, not a
 * promise: a request known to carry secrets says so itself (http_request.sensitive) and its bodies are not
 * shown at all.
 */
#pragma once

#include "base/buf.h"

struct value;

bool redact_is_secret_name(struct str name); /* "MasterUserPassword", "db-password", "SecretString" … */
bool redact_is_secret_header(struct str name);
bool redact_is_secret_variable(struct str name); /* of the environment: "GITHUB_TOKEN", "WEIR_STATE_KEY" … */
/* A URL with a password in it that is no variable: postgres://user:word@host, but not user:$WORD@host. */
bool redact_has_password(struct str text);
/* What such variables hold is known as secret from then on (base/mask.h). */
void redact_learn_environment(void);
/* Of a map, such as a function's environment, the entries that are named so. */
void redact_learn_map(const struct value *map);
/* Each appends to out. */
void redact_url(struct buf *out, struct str url); /* X-Amz-Signature and the like in the query */
void redact_body(struct buf *out, struct str body);
/*
 * A line that a program printed: passwords in URLs, values after a name such as `password=`, `--token` or
 * `Authorization:`, tokens that are known by how they begin.
 */
void redact_line(struct buf *out, struct str line);
