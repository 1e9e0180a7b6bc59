/*
 * The state log: an append-only sequence of small checksummed JSON records, one line each:
 *
 *     <crc32c of the JSON text, 8 hex digits> <space> {"seq":17,"at":"…","run":"…","kind":"intent",…} \n
 *
 * This file knows records and their framing; what they mean is state.h's, where they are kept is backend.h's.
 *
 * kinds: run      a command began: {command, user, host, version, stack, env, lineage}
 *        intent   about to create, update, replace, delete: {address, type, provider, action, token, id?,
 * desired, deps} done     it was done: {address, type, provider, action, id, attrs, set, deps, …}; for
 * delete: nothing but the address fail     it was not done, and is known not to have been: {address, action,
 * error}; `attrs` and tainted when half-made drop     forgotten (state rm, removed): {address} move {from,
 * to} outputs  {values} snapshot everything up to here, as a list of `done` bodies; written by compaction end
 * the run ended: {status, counts}
 */
#ifndef WEIR_PLAN_STATE_LOG_H
#define WEIR_PLAN_STATE_LOG_H

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

/* Frames one record. `record` is a map; seq, at and run are put in by the caller. Sensitive values must have
 * been dealt with. */
void log_format(struct buf *out, const struct value *record);
/*
 * Reads one line (without the newline). ERR_DAMAGED says what is wrong with it ("checksum is 1a2b3c4d,
 * content gives …").
 */
int log_parse(struct arena *arena, struct str line, const struct value **record, struct err *err);

#endif
