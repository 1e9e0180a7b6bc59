/*
 * Redacts secrets in traces and in the output of commands. Values are recognised by their names, in any
 * syntax (JSON, XML, form). This is a safety net, not a guarantee: a request known to contain secrets is
 * marked (http_request.sensitive), and its bodies are not shown at all.
 */
#pragma once

#include "base/buf.h"

struct value;

bool redact_is_secret_name(struct str name); /* "MasterUserPassword", "db-password", "SecretString" … */
bool redact_is_secret_header(struct str name);
bool redact_is_secret_variable(
    struct str name); /* environment variables: "GITHUB_TOKEN", "WEIR_STATE_KEY" … */
/* True for a URL with a literal password: postgres://user:word@host, but not user:$WORD@host. */
bool redact_has_password(struct str text);
/* Registers the values of such environment variables as secrets (base/mask.h). */
void redact_learn_environment(void);
/* Registers the entries of a map with such names, for example of a function's environment. */
void redact_learn_map(const struct value *map);
/* Each appends the redacted text to out. */
void redact_url(struct buf *out, struct str url); /* X-Amz-Signature and similar query parameters */
void redact_body(struct buf *out, struct str body);
/*
 * Redacts a line of program output: passwords in URLs, values after names such as `password=`, `--token` or
 * `Authorization:`, tokens with known prefixes.
 */
void redact_line(struct buf *out, struct str line);
