/*
 * JSON text <-> values. JSON of others is parsed by jansson. Writing is direct, because a second tree only to
 * dump it would double the cost of every state record.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

enum json_flags {
    JSON_PLAIN = 0,
    JSON_PRETTY = 1, /* two spaces */
    JSON_REDACT = 2, /* sensitive values become "(sensitive)"; without it they are written in clear text */
    JSON_MARK_UNKNOWN = 4, /* unknown becomes "(known after apply)"; without it unknown becomes null */
};

/* Parses one document. Duplicate keys, NaN, trailing bytes and a depth over 256 are errors: ERR_PROTOCOL with
 * the position, but without any of the text. */
int json_parse(struct arena *arena, struct str text, const struct value **out, struct err *err);
void json_write(struct buf *out, const struct value *v, unsigned flags);
/* Returns a scalar as value_scalar_text() does, a list or a map as JSON; in the arena. */
struct str json_or_text(struct arena *arena, const struct value *v);
/* Returns the parsed JSON, or the text as a string if it is not JSON. */
const struct value *json_or_string(struct arena *arena, struct str text);
/* json_write() into the arena, as a string value. */
const struct value *json_as_text(struct arena *arena, const struct value *v);
/* Writes the quoted and escaped string. */
void json_write_string(struct buf *out, struct str text);
/* Appends a member to the object being written: `,"name":"text"`. The name is not escaped. */
void json_write_member(struct buf *out, const char *name, struct str text);
/* The same, unless the text is empty. */
void json_write_member_if_any(struct buf *out, const char *name, struct str text);

/*
 * Escape and unescape one step of a JSON pointer (RFC 6901), the part between two slashes: '~' in a name is
 * "~0", '/' is "~1". A '~' followed by neither digit stands for itself; a caller that must reject it checks
 * the whole path.
 */
struct str json_pointer_escaped(struct arena *arena, struct str name);
struct str json_pointer_unescaped(struct arena *arena, struct str step);

/*
 * The parser of state records. Every command first opens a state, and this parser takes a fifth of the time
 * of jansson and a conversion: it builds values directly and leaves strings without escapes in place. Its
 * test and the fuzzer check that it accepts what jansson accepts.
 */

/*
 * Parses one value with nothing after it. Strings may point into `text` and need not have a NUL after their
 * end, so copy what is kept. ERR_DAMAGED with the byte of the error.
 */
int scan_json(struct arena *arena, struct str text, const struct value **out, struct err *err);
/* The same for bytes that live as long as the value and may be overwritten: each string ends with a NUL. */
int scan_json_owned(struct arena *arena, char *bytes, size_t n, const struct value **out, struct err *err);
