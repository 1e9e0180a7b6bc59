/*
 * The secrets known to this process, by their text, and their removal from other texts.
 *
 * Marks on values (base/value.h) protect a secret only while weir has it as a value. Texts of others (a
 * service's error, a build's output, a trace) have no marks. In those a secret is searched for in every
 * spelling that they may use: plain, escaped for JSON (once or twice) and XML, percent-encoded, in hex, and
 * in base64 at any alignment. So every secret that becomes known is given to mask_add…(), and all output of
 * the process goes through mask_text() or mask_json().
 *
 * Short secrets would hide half of the output, and can be guessed. MASK_GIVEN, which the user or a service
 * declared a secret, is masked from 6 bytes on. MASK_LIKELY, which was computed from a secret or is in a
 * variable with a name like one, from 8, and from 12 if it is all letters.
 *
 * There is one set for the whole process; every function may be called from any thread.
 */
#pragma once

#include "base/buf.h"

struct value;

#define MASKED "(redacted)"

enum mask_reason { MASK_LIKELY, MASK_GIVEN };

/*
 * Adds the text, each of its lines if it has several, the values in it if it is JSON, and its password if it
 * is a URL.
 */
void mask_add(struct str secret, enum mask_reason reason);
/* Adds only the password of a URL: postgres://user:password@host/… */
void mask_add_url(struct str url, enum mask_reason reason);
/* Adds every string and number in the value, marked or not. */
void mask_add_value(const struct value *v, enum mask_reason reason);
/* Adds what is marked sensitive in the value. */
void mask_add_marked(const struct value *v, enum mask_reason reason);
/* Declares the value and its parts not secret, although computed from a secret, because the user said so. */
void mask_allow_value(const struct value *v);
/* Declares a well-known text such as a region not secret: a secret with the same text would mask every
 * ARN. */
void mask_allow(struct str text);

bool mask_allows(struct str text); /* true after mask_allow() of the text */

/* True if the text contains a secret, in any spelling. */
bool mask_finds(struct str text);
/* Appends the text with MASKED in place of secrets. */
void mask_text(struct buf *out, struct str text);
/* The same for JSON, one document or one per line. The result is JSON, too: numbers that are secrets become
 * strings. */
void mask_json(struct buf *out, struct str text);
/* In place, a star for each byte of a secret. */
void mask_stars(char *text, size_t n);
/* Removes all secrets; for tests. */
void mask_clear(void);

/* ---- mask_spellings.c: the spellings of a secret in texts. For base/mask.c. */
/* Calls `spelling` for each spelling, some more than once, including the text itself. Above 1 MiB only for
 * the text and its JSON spelling. */
void mask_spellings(struct str text, void (*spelling)(void *ctx, struct str text), void *ctx);
