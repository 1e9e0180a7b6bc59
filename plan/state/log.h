/*
 * The state log: an append-only sequence of small checksummed JSON records, one line each:
 *
 *     <crc32c of the JSON text, 8 hex digits> <space> {"seq":17,"at":"…","run":"3","kind":"intent",…} \n
 *
 * This file knows records and their framing; what they mean is records.h's, where they are kept is
 * backend.h's.
 *
 * Their kinds:
 *
 * - run       a command began: {lineage, command, owner, pid, version, ci_url?, claims?, …}; claims: what it
 *             changes and refers to, where others may be at work at the same time, whose records then come
 *             between its own; life: see backend.h; ended: runs that died, whose claims are over
 * - intent    about to create, update, replace, delete: {address, type, provider, action, token, id?,
 *             desired, set, deps, place}
 * - done      it was done: {address, type, provider, action, id, attrs, set, deps, place, …}; for delete:
 *             nothing but the address
 * - fail      it was not done, and is known not to have been: {address, action, error}; with what a `done`
 *             has when half-made; `unclear`: nobody knows
 * - drop      forgotten (state rm, removed): {address}
 * - move      {from, to}
 * - outputs   {values}
 * - lease     until when all of it may be there: {until, warn_ms, fixed}; without `until`: for as long as
 *             anybody likes
 * - sources   the stack's files: {digest, files}
 * - snapshot  says everything up to here: {lineage, runs, digest, values, count, names?, until?, …}; followed
 * by
 * - names     so many times as its `names` says in `lines`: what tells resources apart, as digests in order,
 *             each with the address of one that has it: {names: [digest, address, …]}; and
 * - kept      count times: what a `done` or an `intent` has, and `from`, the number of the record that
 * reported it first
 * - moved     the state is kept elsewhere from here on: {to}
 * - end       the run ended: {status, counts}
 *
 * A record may carry `format`: the number of the format that it is written in. Who changes what records mean
 * raises LOG_FORMAT and writes that from then on, so that an earlier weir does not take them for its own; the
 * first format is not written. Format 2: types that were renamed (provider/names/renamed.c).
 *
 * Every line has the next number, those of a snapshot too. Records that are written together form a batch;
 * all but its first carry `batch`, the number of the first. That tells a torn end from damage: a batch that
 * any later batch follows had been made durable before.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

#include <sys/types.h>

enum { LOG_LINE_OVERHEAD = 10 /* checksum, space, newline */, LOG_FORMAT = 2 };

/*
 * Frames one record. `body` is the text of a JSON object without seq and batch, which are put in front; batch
 * is left out where it is equal to seq. body may be "{}".
 */
void log_frame(struct buf *out, uint64_t seq, uint64_t batch, struct str body);
/* Takes the frame off one line (without the newline). ERR_DAMAGED says what is wrong ("checksum is 1a2b3c4d,
 * content gives …"). */
int log_unframe(struct str line, struct str *json, struct err *err);
/* The numbers of an unframed record, without parsing all of it. false: it does not begin with them. */
bool log_numbers(struct str json, uint64_t *seq, uint64_t *batch);
/* A whole record of an unframed line, a map. Texts in it may point into `json` (base/json.h). */
int log_parse(struct arena *arena, struct str json, const struct value **record, struct err *err);

/*
 * What a backend passes records to: the unframed text, valid during the call only. -1 stops the reading; the
 * backend adds the place to err.
 */
typedef int log_line(void *ctx, struct str json, struct err *err);
/*
 * Some whole lines of a log that is read in parts: the first of those that begin there or later, or those
 * among which that place is. None: there are no more.
 */
struct log_piece {
    uint64_t at;    /* of the first line */
    bool by_number; /* places are numbers of lines; else of bytes */
    struct str lines;
};
/* The lines that begin at that place or later among these bytes, which are from `from` on. False: they end
 * before the first one does. `from` is before `at`, unless both are 0. */
bool log_piece_cut(struct str bytes, uint64_t from, uint64_t at, struct log_piece *out);
/* Calls `line` for each line of a text that must be whole (an object, a row), where seq > after. */
int log_each(struct str text, uint64_t after, log_line *line, void *ctx, struct err *err);

/*
 * The text of one record of the log, member by member, as log.h lists them:
 *
 *     body_begin(&body, run, "drop");       {"at":"…","run":"3","kind":"drop"
 *     body_text(&body, "address", a);       ,"address":"lake"
 *     body_end(&body);                      }
 *
 * Empty texts, absent values and flags that are not set leave no member.
 */

struct lease;
struct record;
struct secrets;

void body_begin(struct buf *body, const char *run, const char *kind);
void body_text(struct buf *body, const char *name, struct str text);
/* What is sensitive is sealed or hashed (encode.h). */
void body_value(struct buf *body, struct secrets *secrets, const char *name, const struct value *v);
void body_flag(struct buf *body, const char *name, bool flag);
/* The provider only where it is not the type's first word. */
void body_type(struct buf *body, struct str type, struct str provider);
/* All of it but the address. */
void body_record(struct buf *body, struct secrets *secrets, const struct record *record);
void body_lease(struct buf *body, const struct lease *lease);
void body_error(struct buf *body, const struct err *why);
void body_end(struct buf *body);

/*
 * Reading a file of the state log: its lines, how far they are whole, and whether what is behind them is
 * the torn end of a write that nobody relied on. Any thread; a file at a time.
 */

struct log_file {
    const char *path;
    off_t offset; /* where to begin, and where the whole records end */
    size_t lines;
    uint64_t first_seq, last_seq; /* 0: none */
    bool torn;
};

/*
 * From at->offset to the end: `line` for each record with seq > after; *at is then how far that went.
 * ERR_DAMAGED names the record and the line.
 */
int log_file_read(int fd, struct log_file *at, uint64_t after, log_line *line, void *ctx, struct err *err);
/* The first record's number, 0 where there is none. */
int log_file_first(int fd, const char *path, uint64_t *seq, struct err *err);
