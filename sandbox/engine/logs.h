/*
 * CloudWatch Logs of the sandbox: log streams as files of JSON lines below DIR/jobs/logs, with an index in
 * memory. Log groups are records of the control plane; here they are only names.
 *
 *   {"created":1763719200000,"group":"/aws/lambda/ingest","region":"eu-west-1","stream":"2026/11/21/[$LATEST]…"}
 *   {"i":1763719200017,"m":"START RequestId: …","t":1763719200012}
 *
 * Limits: 64 MiB per stream, 4096 streams (the least recently written one is removed). Files are not synced:
 * a crash of the machine may lose the last lines; a torn line is cut off when the file is opened. Safe from
 * every thread.
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
    struct str message; /* any bytes; invalid UTF-8 is replaced */
    struct str stream;  /* set only by FilterLogEvents (services/logs) */
    uint64_t offset;    /* in the file; unique within the stream */
};

struct log_stream {
    struct str name;
    int64_t created_ms, first_ms, last_ms, ingested_ms; /* 0: no event */
    uint64_t bytes;
};

enum logs_result { LOGS_OK, LOGS_EXISTS, LOGS_ABSENT, LOGS_FULL, LOGS_FAILED };

enum logs_result logs_create(struct logs *logs, const struct log_location *location);
enum logs_result logs_delete(struct logs *logs, const struct log_location *location);
/* Deletes the streams of a group created before `before_ms`: the group was deleted and created again. */
void logs_forget(struct logs *logs, struct str region, struct str group, int64_t before_ms);
/* Returns the streams of a group, sorted by name. */
struct log_stream *logs_streams(
    struct logs *logs, struct arena *arena, struct str region, struct str group, size_t *n);
/* Called for all appended events. One watcher, set before any event is appended. */
typedef void logs_watcher(
    void *ctx, const struct log_location *location, const struct log_entry *events, size_t n);
void logs_watch(struct logs *logs, logs_watcher *watcher, void *ctx);
enum logs_result logs_append(
    struct logs *logs, const struct log_location *location, const struct log_entry *events, size_t n);

/* Selects events of a stream; the start is inclusive, the end exclusive. */
struct logs_query {
    int64_t from_ms, to_ms; /* 0: unbounded */
    size_t limit;
    bool backward;   /* the last events before `offset` instead of the first ones from it; always in ascending
                        order */
    uint64_t offset; /* from an earlier page; 0 with backward: the end */
};
struct logs_page {
    struct log_entry *events;
    size_t n;
    uint64_t before, after; /* offsets of the previous and the next page */
};
enum logs_result logs_read(struct logs *logs, struct arena *arena, const struct log_location *location,
    const struct logs_query *query, struct logs_page *out);

/* ---- output of a program, one event per line ---- */

struct log_sink {
    struct logs *logs;
    struct log_location location;
    struct buf partial;
    struct buf tail; /* the last 16 KiB */
};
void log_sink_add(struct log_sink *sink, const char *bytes, size_t n);
void log_sink_line(struct log_sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends an unterminated last line. */
void log_sink_flush(struct log_sink *sink);
void log_sink_release(struct log_sink *sink);
