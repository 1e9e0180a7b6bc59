/*
 * JSON in a test's text as a value, and a value as JSON; what does not parse or is not the same fails the
 * test.
 */
#pragma once

#include "base/value.h"

/* NULL gives NULL. */
const struct value *json_text(struct arena *arena, const char *text);

/* What is not known is "(known after apply)"; NULL is null. */
void assert_json(const struct value *v, const char *text);
