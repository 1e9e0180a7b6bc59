/*
 * JSON text <-> values. Reading is jansson's for what others send; writing is direct, because building a
 * second tree only to dump it would double the cost of every state record.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

enum json_flags {
    JSON_PLAIN = 0,
    JSON_PRETTY = 1,       /* two spaces */
    JSON_REDACT = 2,       /* sensitive values become "(sensitive)"; without it they are written in clear */
    JSON_MARK_UNKNOWN = 4, /* unknown becomes "(known after apply)"; without it unknown becomes null */
};

/* Duplicate keys, NaN, trailing bytes, depth over 256 are errors (ERR_PROTOCOL, with the position and nothing
 * of the text). */
int json_parse(struct arena *arena, struct str text, const struct value **out, struct err *err);
void json_write(struct buf *out, const struct value *v, unsigned flags);
/* A scalar as people write it (value_scalar_text()), a list or a map as JSON; in the arena. */
struct str json_or_text(struct arena *arena, const struct value *v);
/* What the text says as JSON, or where it is none, the text as a string. */
const struct value *json_or_string(struct arena *arena, struct str text);
/* json_write() into the arena, as a string value. */
const struct value *json_as_text(struct arena *arena, const struct value *v);
/* The quoted and escaped string. */
void json_write_string(struct buf *out, struct str text);
/* One more member of an object that is being written: `,"name":"text"`. The name is written as it is. */
void json_write_member(struct buf *out, const char *name, struct str text);
/* Likewise; nothing where the text is empty. */
void json_write_member_if_any(struct buf *out, const char *name, struct str text);

/*
 * One step of a JSON pointer (RFC 6901), as it is between two slashes: in a name '~' is spelt "~0" and
 * '/'
 * "~1". Read, a '~' that is followed by neither stands for itself: who refuses it checks the whole path.
 */
struct str json_pointer_escaped(struct arena *arena, struct str name);
struct str json_pointer_unescaped(struct arena *arena, struct str step);

/*
 * Reads the JSON text of a record. Opening a state is the first thing that every command does, and this
 * reader takes a fifth of the time that parsing into jansson's tree and converting that would: it builds
 * values at once and leaves texts without escapes where they are. Held to jansson's verdict by its test and
 * the fuzzer.
 */

/*
 * One value and nothing after it. Texts may point into `text` and need not have a NUL after their end, so
 * what is to stay must be copied. ERR_DAMAGED with the byte where it went wrong.
 */
int scan_json(struct arena *arena, struct str text, const struct value **out, struct err *err);
/* The same of bytes that live as long as the value, and are written to: each text ends with a NUL. */
int scan_json_owned(struct arena *arena, char *bytes, size_t n, const struct value **out, struct err *err);
