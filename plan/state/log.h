/*
 * The state log: an append-only sequence of small checksummed JSON records, one line each:
 *
 *     <crc32c of the JSON text, 8 hex digits> <space> {"seq":17,"at":"…","run":"3","kind":"intent",…} \n
 *
 * This file has the records and their framing; records.h their meaning, backend.h their store.
 *
 * Kinds of records:
 *
 * - run       a command begins: {lineage, command, owner, pid, version, ci_url?, claims?, …}; claims: what it
 *             changes and refers to, with a shared lock, when records of several runs are interleaved;
 *             life: see backend.h; ended: dead runs whose claims are void
 * - intent    before a create, update, replace, delete: {address, type, provider, action, token, id?,
 *             desired, set, deps, place}
 * - done      success: {address, type, provider, action, id, attrs, set, deps, place, …}; for delete only the
 *             address
 * - fail      failure, known not to have been applied: {address, action, error}; with the fields of `done`
 *             for a tainted resource; `unclear`: it may have been applied
 * - drop      forgotten (state rm, removed): {address}
 * - move      {from, to}
 * - outputs   {values}
 * - lease     end of the lease: {until, warn_ms, fixed}; without `until`: no lease
 * - sources   the stack's files: {digest, files}
 * - snapshot  the whole state up to here: {lineage, runs, digest, values, count, names?, until?, …};
 *             followed by
 * - names     as many times as `lines` of its `names`: identity keys of resources as digests, in order, each
 *             with the address of a resource that has it: {names: [digest, address, …]}; and by
 * - kept      `count` times: the fields of a `done` or an `intent`, and `from`, the number of the
 *             original record
 * - moved     the state is stored elsewhere from here on: {to}
 * - end       the run ended: {status, counts}
 *
 * A record may have `format`, the number of its format; the first format is not written. A change in the
 * meaning of records raises LOG_FORMAT, which is written from then on, so that older versions of weir refuse
 * them. Format 2: renamed types (provider/names/renamed.c).
 *
 * Each line has the next number, lines of a snapshot, too. Records that are written together form a batch;
 * all except its first have `batch`, the number of the first. This distinguishes a torn end from damage: a
 * batch that is followed by another one was durable.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

#include <sys/types.h>

enum { LOG_LINE_OVERHEAD = 10 /* checksum, space, newline */, LOG_FORMAT = 2 };

/*
 * Frames one record. `body` is the text of a JSON object without seq and batch, which are inserted in front;
 * batch is omitted if it equals seq. body may be "{}".
 */
void log_frame(struct buf *out, uint64_t seq, uint64_t batch, struct str body);
/* Removes the frame of one line (without newline). ERR_DAMAGED tells the reason ("checksum is 1a2b3c4d,
 * content gives …"). */
int log_unframe(struct str line, struct str *json, struct err *err);
/* Returns the numbers of an unframed record, without parsing all of it. False: it does not begin with
 * them. */
bool log_numbers(struct str json, uint64_t *seq, uint64_t *batch);
/* Parses an unframed record into a map. Strings in it may refer to `json` (base/json.h). */
int log_parse(struct arena *arena, struct str json, const struct value **record, struct err *err);

/*
 * Called by a backend for each record: the unframed text, valid during the call only. Returning -1 stops the
 * reading; the backend adds the place to err.
 */
typedef int log_line(void *ctx, struct str json, struct err *err);
/*
 * Whole lines of a log that is read in parts: the first ones at or after a place, or those around it. Empty:
 * there are no more.
 */
struct log_piece {
    uint64_t at;    /* of the first line */
    bool by_number; /* places are line numbers; otherwise bytes */
    struct str lines;
};
/* Cuts the lines that begin at `at` or later out of the bytes, which begin at `from`. False: the first such
 * line does not end within them. `from` is before `at`, unless both are 0. */
bool log_piece_cut(struct str bytes, uint64_t from, uint64_t at, struct log_piece *out);
/* Calls `line` for each line with seq > after, in a text that must be complete (an object, a row). */
int log_each(struct str text, uint64_t after, log_line *line, void *ctx, struct err *err);

/*
 * Writes the text of one record, member by member, as listed above:
 *
 *     body_begin(&body, run, "drop");       {"at":"…","run":"3","kind":"drop"
 *     body_text(&body, "address", a);       ,"address":"lake"
 *     body_end(&body);                      }
 *
 * Empty strings, NULL values and false flags write no member.
 */

struct lease;
struct record;
struct secrets;

void body_begin(struct buf *body, const char *run, const char *kind);
void body_text(struct buf *body, const char *name, struct str text);
/* Sensitive values are encrypted or hashed (encode.h). */
void body_value(struct buf *body, struct secrets *secrets, const char *name, const struct value *v);
void body_flag(struct buf *body, const char *name, bool flag);
/* The provider is written only if it is not the type's first word. */
void body_type(struct buf *body, struct str type, struct str provider);
/* All members of a record except for the address. */
void body_record(struct buf *body, struct secrets *secrets, const struct record *record);
void body_lease(struct buf *body, const struct lease *lease);
void body_error(struct buf *body, const struct err *why);
void body_end(struct buf *body);

/*
 * Reads a file of the state log: its lines, where whole batches end, and whether the rest is the torn end of
 * a write that was never acknowledged. From any thread; one file at a time.
 */

struct log_file {
    const char *path;
    off_t offset; /* in: where to start; out: where whole records end */
    size_t lines;
    uint64_t first_seq, last_seq; /* 0: none */
    bool torn;
};

/*
 * Reads from at->offset to the end: calls `line` for each record with seq > after, and updates *at.
 * ERR_DAMAGED names the record and the line.
 */
int log_file_read(int fd, struct log_file *at, uint64_t after, log_line *line, void *ctx, struct err *err);
/* Returns the number of the first record, 0 if there is none. */
int log_file_first(int fd, const char *path, uint64_t *seq, struct err *err);
