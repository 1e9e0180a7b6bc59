/*
 * The end of a saved plan, by which it is known that the rest is as it was written:
 *
 *     {…,"mac":"<key id>:<HMAC-SHA-256>","sha256":"<digest>"}
 *
 * The digest is over all that stands before it. Who can write the file can make another; so where the state
 * has a key, there is a MAC by that over what stands before.
 */
#pragma once

#include "base/buf.h"
#include "plan/state/state.h"

/* text: the object as JSON; what comes goes before its closing brace. state NULL: without a MAC. */
void saved_seal(struct buf *text, const struct state *state);
/* Is the digest that of the file? *mac: over *signed_text; "" where there is none. */
bool saved_seal_holds(struct str file, struct str *signed_text, struct str *mac);
