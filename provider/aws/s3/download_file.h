/*
 * The file that a download grows in: `.NAME.weir-part` beside the target. Behind the place of the content it
 * has a head, which says what is downloaded, and one byte for each part: has it arrived? So a run after a
 * kill goes on with it, and there is one file, which becomes the target when that end is cut off.
 *
 * Nothing is synced before it is whole: what a power cut takes, the object's checksum shows.
 *
 * Order of calls: download_file_open(); download_file_write() and download_file_done(), from any thread;
 * download_file_finish(), or _close() to keep it for later, or _discard().
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

struct download_file {
    const char *path;               /* as it was given, for messages */
    const char *target, *part_path; /* where it ends, and where it grows */
    int64_t size, part_size;
    int count;
    bool *done;   /* by part */
    bool resumed; /* some had arrived before */
    int fd;       /* -1: not open */
};

/* From 8 to 64 MiB, or so much that no more than 65,536 are needed. */
int64_t download_part_size(int64_t size);

/*
 * `what` tells this download from any other: the object and its entity tag. ERR_IO where there is something
 * else than a file already, where nothing can be written or the disk has not got the room, and where another
 * process is downloading to the same place.
 */
int download_file_open(struct arena *arena, const char *path, struct str what, int64_t size,
    int64_t part_size, struct download_file *out, struct err *err);
int64_t download_file_start(const struct download_file *file, int part);
int64_t download_file_length(const struct download_file *file, int part);
/* Returns 0 or -1 with errno. */
int download_file_write(const struct download_file *file, int64_t at, const void *bytes, size_t n);
/* The part is written whole. One call at a time for one part. */
void download_file_done(struct download_file *file, int part);
/* Takes the name of the target. Then it is closed, as after the two below. */
int download_file_finish(struct download_file *file, struct err *err);
void download_file_close(struct download_file *file);
void download_file_discard(struct download_file *file);
