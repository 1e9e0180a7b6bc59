/*
 * Downloads from S3: an object becomes a file.
 *
 * Large ones come as ranges, several at a time, each written to its place in a file beside the target, which
 * is renamed when it is whole and is what the object's checksum says: CRC-64/NVME or SHA-256, whichever the
 * service or weir has noted with the object. What had arrived before the process died, the network went or a
 * signal came is not fetched again. A server that knows no ranges sends it in one piece.
 *
 * Every range is asked for on the condition that the object is still the one that was looked at first. One
 * that is written anew meanwhile is downloaded once more from the beginning; then that is an error.
 *
 * Blocks; safe from every thread. Memory does not depend on the size.
 */
#pragma once

#include "provider/provider.h"
#include "provider/wire/wire.h"

struct s3_download {
    struct str bucket, key;
    struct str version_id; /* "" : the newest */
    int64_t max_bytes;     /* more is refused before it is fetched; 0: it may be of any size */
    const char *path;      /* the file; one that is there is replaced, nothing else than a file is */
    struct str sha256;     /* 64 hex digits: what the content must be; "": what the object says of itself */
    /* The entity tag, without quotes, under which the object was known to have that content; "": none. As
     * long as it bears that, the service's cheaper checksum shows as well whether it arrived whole. */
    struct str sha256_etag;
};

struct s3_downloaded {
    int64_t size;
    struct str etag; /* without quotes */
    bool verified;   /* there was a checksum to compare with */
};

/* Of ctx: arena, provider, cancel and progress. ERR_ABSENT: there is no such object. */
int s3_download(
    struct op_ctx *ctx, const struct s3_download *download, struct s3_downloaded *out, struct err *err);

/* ---- download.c: the file that a download grows in: `.NAME.weir-part` beside the target. Behind the place
 * of the content it has a head, which says what is downloaded, and one byte for each part: has it arrived? So
 * a run after a kill goes on with it, and there is one file, which becomes the target when that end is cut
 * off.
 *
 * Nothing is synced before it is whole: what a power cut takes, the object's checksum shows.
 *
 * Order of calls: download_file_open(); download_file_write() and download_file_done(), from any thread;
 * download_file_finish(), or _close() to keep it for later, or _discard(). */
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

/* ---- Shared by download*.c and s3_reader.c only. */
/* What there is to download, as it was when it was looked at. */
struct download_source {
    const struct s3_download *download;
    int64_t size;
    struct str etag; /* as the service gave it, with its quotes */
    /* What the content has to be: the one that costs less is compared. */
    bool has_crc;
    uint64_t crc;
    struct str sha256; /* hex; "": not known */
};

enum download_result {
    DOWNLOAD_OK,
    DOWNLOAD_FAILED,
    DOWNLOAD_CHANGED,   /* the object is another one by now, or what arrived is not what it should be */
    DOWNLOAD_NO_RANGES, /* the server sends all or nothing */
};

extern const struct wire_operation download_get;
extern const struct shape download_shape;
/* The members bucket, key and version of a request. */
const struct value *download_name(struct arena *arena, const struct s3_download *download);

/* Fetches what the file has not got yet, and compares the whole with the checksum. */
enum download_result download_parts(
    struct op_ctx *ctx, const struct download_source *source, struct download_file *file, struct err *err);
