/*
 * Reads the JSON text of a record. Opening a state is the first thing that every command does, and this
 * reader takes a fifth of the time that parsing into jansson's tree and converting that would: it builds
 * values at once and leaves texts without escapes where they are. Held to jansson's verdict by its test and
 * the fuzzer.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

/*
 * One value and nothing after it. Texts may point into `text` and need not have a NUL after their end, so
 * what is to stay must be copied. ERR_DAMAGED with the byte where it went wrong.
 */
int scan_json(struct arena *arena, struct str text, const struct value **out, struct err *err);
/* The same of bytes that live as long as the value, and are written to: each text ends with a NUL. */
int scan_json_owned(struct arena *arena, char *bytes, size_t n, const struct value **out, struct err *err);
