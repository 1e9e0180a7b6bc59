/*
 * JSON in a test's text as a value; what does not parse fails the test.
 */
#ifndef WEIR_TESTS_JSON_TEXT_H
#define WEIR_TESTS_JSON_TEXT_H

#include "base/value.h"

/* NULL gives NULL. */
const struct value *json_text(struct arena *arena, const char *text);

#endif
