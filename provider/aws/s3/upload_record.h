/*
 * What is kept on disk of an upload in parts while it is under way, so that a run after a kill goes on with
 * it: a line of JSON that says which upload it is, then one line for each part that the service has.
 *
 *     {"bucket": …, "key": …, "upload": …, "size": …, "part_size": …, "sums": true,
 *      "sha256": …, "settings": digest of what else was asked for}
 *     PART ETAG CRC64
 *
 * Lines are only added, so a torn last one costs one part. Not synced: what a power cut takes is sent again.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum { UPLOAD_PARTS_MAX = 10000 };

struct upload_part {
    struct str etag; /* as the service gave it, with its quotes; "" : not there */
    uint64_t crc;
};

struct upload_record {
    struct str path; /* "" : nothing is kept */
    struct str bucket, key, upload, settings;
    struct str sha256; /* what its metadata says of the content; "" : nothing */
    int64_t size, part_size;
    bool sums;                 /* the service keeps CRC-64/NVME of this upload */
    struct upload_part *parts; /* as many as size and part_size make */
    int fd;                    /* open for adding; -1: not */
};

/*
 * How large the parts of a file are: 8 MiB, or so much that 10,000 suffice. 0: no upload can be so large.
 */
int64_t upload_part_size(int64_t size);
int upload_part_count(int64_t size, int64_t part_size);

/* Where the record of an upload to there is kept; "" without a folder. */
struct str upload_record_path(struct arena *arena, struct str work_dir, struct str bucket, struct str key);
/* What a run before has left; false: nothing that can be used. */
bool upload_record_read(struct arena *arena, struct str path, struct upload_record *out);
/* Begins a new one in place of what is there. That none can be kept is no reason not to upload. */
void upload_record_begin(struct upload_record *record);
/* Goes on with one that was read. */
void upload_record_resume(struct upload_record *record);
/* The part has arrived. */
void upload_record_add(struct upload_record *record, int part);
void upload_record_close(struct upload_record *record);
void upload_record_remove(struct upload_record *record);
