/*
 * The secrets that this process knows, by value, and texts without them.
 *
 * Marks on values (base/value.h) say what must not be printed as long as weir holds the value itself. What
 * others say in words (a service's error, a build's output, a trace) has no marks: there a secret is known by
 * what it looks like, in every spelling that such texts use: as it is, escaped for JSON (twice, too) and XML,
 * percent-encoded, in hex, and in base64 wherever it begins. So whatever becomes known as secret is given to
 * mask_add…(), and whatever leaves the process goes through mask_text() or mask_json().
 *
 * Short secrets would hide half of what is printed, and are found by trying. GIVEN, what the user or a
 * service says is secret, is looked for from 6 bytes on; LIKELY, what was computed from a secret or is in a
 * variable that sounds like one, from 8, and from 12 where it is all letters, as words are.
 *
 * One set for the whole process; every function may be called by every thread.
 */
#pragma once

#include "base/buf.h"

struct value;

#define MASKED "(redacted)"

enum mask_reason { MASK_LIKELY, MASK_GIVEN };

/*
 * The text, each of its lines where it has several, the values in it where it is JSON, and the password in it
 * where it is a URL.
 */
void mask_add(struct str secret, enum mask_reason reason);
/* Only the password in it: postgres://user:password@host/… */
void mask_add_url(struct str url, enum mask_reason reason);
/* Every text and number in the value, whether it is marked or not. */
void mask_add_value(const struct value *v, enum mask_reason reason);
/* Of a value only what is marked sensitive. */
void mask_add_marked(const struct value *v, enum mask_reason reason);
/* What the user says is no secret, although it was made from one: it is shown, and so is what is in it.
 */
void mask_allow_value(const struct value *v);
/* What weir knows to be none, such as a region: a secret that is the same word would hide every ARN. */
void mask_allow(struct str text);

bool mask_allows(struct str text); /* is it one of those? */

/* Is a secret in the text, in any spelling? */
bool mask_finds(struct str text);
/* Appends the text with MASKED in place of secrets. */
void mask_text(struct buf *out, struct str text);
/* The same for JSON, one document or one a line, which it stays: numbers that are secrets become texts. */
void mask_json(struct buf *out, struct str text);
/* In place, a star for each byte of a secret. */
void mask_stars(char *text, size_t n);
/* Forgets everything; for tests. */
void mask_clear(void);

/* ---- mask_spellings.c: how a secret may be spelt in texts. For base/mask.c. */
/* Each spelling once or more often, the text itself among them; of one above a mebibyte only that and JSON's.
 */
void mask_spellings(struct str text, void (*spelling)(void *ctx, struct str text), void *ctx);
