/*
 * CloudWatch Logs of the sandbox: streams of events, each a file of JSON lines below DIR/jobs/logs, with an
 * index in memory. Groups are records of the control plane; here they are only names.
 *
 *     {"created":1763719200000,"group":"/aws/lambda/ingest","region":"eu-west-1","stream":"2026/11/21/[$LATEST]…"}
 *     {"i":1763719200017,"m":"START RequestId: …","t":1763719200012}
 *
 * Bounded: 64 MiB a stream, 4096 streams (then the one that was written to longest ago goes). Not synced: a
 * crash of the machine may lose the last lines, a torn one is cut off when the file is opened again. Safe
 * from every thread.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct logs;

int logs_open(const char *dir, struct logs **out, struct err *err);
void logs_close(struct logs *logs);

struct log_location {
    struct str region, group, stream;
};

struct log_entry {
    int64_t time_ms, ingested_ms;
    struct str message; /* any bytes; what is no UTF-8 is replaced */
    struct str stream;  /* only of logs_filter() */
    uint64_t offset;    /* in its file: tells events of a stream apart */
};

struct log_stream {
    struct str name;
    int64_t created_ms, first_ms, last_ms, ingested_ms; /* 0: no event yet */
    uint64_t bytes;
};

enum logs_result { LOGS_OK, LOGS_EXISTS, LOGS_ABSENT, LOGS_FULL, LOGS_FAILED };

enum logs_result logs_create(struct logs *logs, const struct log_location *location);
enum logs_result logs_delete(struct logs *logs, const struct log_location *location);
/* Those made before a moment: their group was deleted, and made again. */
void logs_forget(struct logs *logs, struct str region, struct str group, int64_t before_ms);
/* Sorted by name. */
struct log_stream *logs_streams(
    struct logs *logs, struct arena *arena, struct str region, struct str group, size_t *n);
/* Told of all events that were added, by whoever added them. One, set before anybody adds some. */
typedef void logs_watcher(
    void *ctx, const struct log_location *location, const struct log_entry *events, size_t n);
void logs_watch(struct logs *logs, logs_watcher *watcher, void *ctx);
enum logs_result logs_append(
    struct logs *logs, const struct log_location *location, const struct log_entry *events, size_t n);

/* Which events of a stream; times are inclusive at the start, exclusive at the end. */
struct logs_query {
    int64_t from_ms, to_ms; /* 0: no bound */
    size_t limit;
    bool backward;   /* the last ones before `offset` instead of the first ones from it on; in order all the
                        same */
    uint64_t offset; /* of an earlier answer; 0 with backward: from the end */
};
struct logs_page {
    struct log_entry *events;
    size_t n;
    uint64_t before, after; /* offsets from which to go on */
};
enum logs_result logs_read(struct logs *logs, struct arena *arena, const struct log_location *location,
    const struct logs_query *query, struct logs_page *out);

/* ---- what a program writes, line by line ---- */

struct log_sink {
    struct logs *logs;
    struct log_location location;
    struct buf partial;
    struct buf tail; /* the last few KiB */
};
void log_sink_add(struct log_sink *sink, const char *bytes, size_t n);
void log_sink_line(struct log_sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A last line without an end. */
void log_sink_flush(struct log_sink *sink);
void log_sink_release(struct log_sink *sink);
