/*
 * The few S3 calls that C code makes by itself (objects, emptying a bucket). Everything else about S3 is in
 * specs/s3.yaml.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/kind.h"
#include "provider/provider.h"
#include "provider/wire/wire.h"

#define S3_HASH_HEADER "weir-sha256" /* in an object's metadata */

extern const struct aws_service aws_s3_service;
/* bucket and key in the path, and what headers say of an object, under the names of aws.s3.object's
 * attributes. */
extern const struct shape aws_s3_object_shape;
/* With the checksum that goes with an upload. */
extern const struct shape aws_s3_put_shape;
/* bucket and key alone. */
extern const struct shape aws_s3_name_shape;

#define S3_OPERATION(name_, method_, query_) S3_ANSWERED(name_, method_, query_, "")
/* One that answers with this element. */
#define S3_ANSWERED(name_, method_, query_, root_)                                                           \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_REST_XML, .method = STR_INIT(method_),                     \
        .path = STR_INIT("/{Bucket}/{Key+}"), .query = STR_INIT(query_), .root = STR_INIT(root_)             \
    }

/* A call to S3 with a member each for these entries of `input`; *call may carry a body already. */
int aws_s3_prepare(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct err *err);
/* … and sent. */
/* For what is asked; as aws_ask(). */
int aws_s3_ask(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, const char *needs, const struct value **document, struct err *err);
int aws_s3_call(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct wire_message *response, struct err *err);

/* An entity tag without the quotes around it. */
struct str aws_s3_unquoted(struct str etag);

/* Of the types that put content into buckets; see struct resource_ops. */
void aws_s3_content_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out);
/* On what one of these is needed (resource_ops.scope); `keys` may end with a star, "" is not known. */
const struct value *aws_s3_content_scope(
    struct arena *arena, struct str action, struct str bucket, struct str keys);

/* ---- s3_directory.c: `aws.s3.directory`: a folder kept the same below a prefix of a bucket. One resource
 * however many files, with a manifest in the state (s3.h): only what weir put there is ever deleted.
 *
 * The folder is scanned and hashed (remembered digests: unchanged files are not read) when a plan is made,
 * and what was planned is what is sent. A refresh lists the prefix and compares entity tags. What fails
 * half-way is recorded as far as it went; the next run goes on there. */
extern const struct schema aws_s3_directory_schema;

/* ---- s3_directory_sync.c: what `aws.s3.directory` remembers of the files that it has put into a bucket.
 *
 *   files    map of name -> SHA-256 in hex: what the file's content is, compared with the folder
 *   seen     one text: twelve bytes for each of these names in order, base64, made from the entity tag and
 * the size that the service gave: compared with a listing, so that a refresh costs pages, not requests for
 * each file
 *
 * Both together are about 110 bytes a file in the state. Pure functions. */
enum { MANIFEST_MARK = 12 };

struct manifest_file {
    struct str name;
    struct str sha256;                 /* "etag:…" where somebody else wrote it; "" : it is not there */
    unsigned char mark[MANIFEST_MARK]; /* zeros: not known */
};

struct manifest {
    struct manifest_file *files; /* in byte order of their names */
    size_t n;
};

void manifest_mark(unsigned char out[MANIFEST_MARK], struct str etag, int64_t size);
bool manifest_is_marked(const struct manifest_file *file);
/* From attributes; damage in `seen` only means that nothing is known. */
void manifest_read(
    struct arena *arena, const struct value *files, const struct value *seen, struct manifest *out);
/* Back to attributes, without files that are not there. */
void manifest_write(struct arena *arena, const struct manifest *manifest, const struct value **files,
    const struct value **seen);
/* NULL where there is none of that name. */
struct manifest_file *manifest_find(const struct manifest *manifest, struct str name);

/* What leads from one to another: names of `to` to be sent, names of `from` to be deleted. */
struct manifest_change {
    struct str *send, *drop;
    size_t send_count, drop_count;
};
/* `all`: also what has the same content is sent. */
void manifest_compare(struct arena *arena, const struct manifest *from, const struct manifest *to, bool all,
    struct manifest_change *out);
/* `to` and what the change would drop: as long as that is still there. */
struct manifest manifest_joined(struct arena *arena, const struct manifest *to, const struct manifest *from,
    const struct manifest_change *change);

/* ---- s3_directory_sync.c: Sending and deleting what `aws.s3.directory` has found out to differ. */
/* Where a directory's files are, here and there. */
struct directory {
    struct op_ctx *ctx;
    struct str bucket, prefix; /* "" or with a slash at its end */
    struct str folder;
    const struct value *object; /* for what goes with every file: metadata, content_types, … */
};

struct str directory_key(struct arena *arena, const struct directory *d, struct str name);

/* Sends the files, many at a time; each that has arrived gets its mark in `to`. Stops at the first failure.
 */
int directory_send(
    const struct directory *d, const struct str *names, size_t n, struct manifest *to, struct err *err);
int directory_drop(const struct directory *d, const struct str *names, size_t n, struct err *err);
/*
 * Looks at what is there of the manifest's files: sha256 becomes "etag:…" where the mark differs and "" where
 * there is nothing. Files without a mark are asked for one at a time: they are those of the manifest where
 * the object's metadata says so.
 */
int directory_look(const struct directory *d, struct manifest *manifest, struct err *err);

/* ---- Emptying a bucket, and counting what that would delete. */
/* Deletes every version, delete marker and unfinished upload of the bucket `name`. */
native_step s3_empty_bucket;
/* Counts them: {objects, versions, delete_markers, uploads, bytes}. */
native_step s3_count_bucket;

/* ---- s3_keys.c: Many objects of a bucket at once: listing by pages, deleting by thousands. */
struct s3_listed {
    struct str key, etag, storage_class; /* etag without quotes */
    int64_t size;
};

/* Of several threads at a time, for different keys; the texts live as long as the call. */
typedef void s3_found(void *ctx, const struct s3_listed *object);

struct s3_list {
    struct str bucket, prefix;
    /* Keys that are expected there, in byte order: with them all pages are asked for at once. */
    const struct str *expected;
    size_t expected_count;
    size_t page_limit; /* more pages than this, in all, are not read: *cut is set; 0: no limit */
};

/* -1 with err (ERR_ABSENT: there is no such bucket). */
int s3_list_objects(struct op_ctx *ctx, const struct s3_list *list, s3_found *found, void *found_ctx,
    bool *cut, struct err *err);
/* Those that are gone already are fine. */
int s3_delete_objects(
    struct op_ctx *ctx, struct str bucket, const struct str *keys, size_t n, struct err *err);
/* At most a thousand, as a listing shows them: maps with Key and, of a version, VersionId. */
int s3_delete_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *objects, struct err *err);

/* ---- s3_object.c: `aws.s3.object`: a file or a text as an S3 object. Written in C because its content is
 * streamed from a file and compared by SHA-256, which is kept in the object's metadata (`weir-sha256`). */
extern const struct schema aws_s3_object_schema;

/* ---- s3_reader.c: the bulk listing of `aws.s3.object`; see struct resource_ops. */
int s3_object_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err);

/* ---- s3_keys.c: Listings of a bucket that go on by markers: its versions, its unfinished uploads. And
 * ending such an upload.
 *
 * Order of calls: s3_pages_next() until `done` or `blind`; s3_pages_release(). One thread at a time. */
extern const struct wire_operation s3_list_versions, s3_list_uploads;

struct s3_pages {
    const struct wire_operation *op;
    struct str bucket, prefix;
    struct arena *arena;         /* of the markers; outlives the pages */
    const struct value *markers; /* members of the next request; NULL: from the beginning */
    struct pages seen;
    bool done;
    bool blind; /* there is more, and the store does not say where it begins */
};

/* The next page, in ctx's arena. */
int s3_pages_next(struct op_ctx *ctx, struct s3_pages *pages, const struct value **page, struct err *err);
void s3_pages_release(struct s3_pages *pages);
/* A list: "Version[]", "DeleteMarker[]", "Upload[]" of a page. */
const struct value *s3_pages_items(struct op_ctx *ctx, const struct value *page, const char *path);

/* One that has become an object, or is gone, is fine. */
int s3_abort_upload(
    struct op_ctx *ctx, struct str bucket, struct str key, struct str upload, struct err *err);

/* ---- s3_reader.c: an object of S3 read from its first byte to its last, without a file: while one part of
 * it is worked on the next ones are on their way. Every part is asked for on the condition that the object is
 * still the same.
 *
 * Order of calls, all from one thread: s3_reader_new(); s3_reader_next() until *n is 0; s3_reader_free(), at
 * any time. Memory does not depend on the size. */
struct s3_reader;

/* As a listing showed it; the entity tag is without quotes. The texts outlive the reader. */
struct s3_readable {
    struct str bucket, key, etag;
    int64_t size;
};

/* Of ctx: provider and cancel. Asks for nothing yet. */
struct s3_reader *s3_reader_new(const struct op_ctx *ctx, const struct s3_readable *object);
/* The bytes that follow, good until the next call. ERR_STALE: the object is another one by now, or gone. */
int s3_reader_next(struct s3_reader *reader, const char **bytes, size_t *n, struct err *err);
void s3_reader_free(struct s3_reader *reader); /* NULL is fine */

/* ---- upload_record.c: what interrupted runs have left of uploads in parts. The parts are in the bucket,
 * cost money and are shown by no listing of objects, so whoever made them has to remember them: a resource
 * that a run was uploading when it stopped has an attribute `unfinished`, a map of upload ids to keys, until
 * an upload has gone on with them or they have been aborted.
 *
 * Order of calls: s3_unfinished_find() for an intent without an end, and where the record names some already;
 * s3_unfinished_kept() after an upload that failed; s3_unfinished_abort() when the object is complete, or
 * unwanted. */
#define S3_UNFINISHED_DOC                                                                                    \
    "Multipart uploads that an interrupted run left open. The next apply completes or aborts them."

/*
 * Adds all that the service lists of uploads to one of these keys; they begin with `prefix`. Where listing is
 * not allowed, or it does not exist, what this machine has noted is added instead. No bucket: there are
 * none.
 */
int s3_unfinished_find(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys,
    size_t n, struct value_builder *out, struct err *err);
/* Adds the upload to there that is noted on this machine, if one is. */
void s3_unfinished_kept(struct op_ctx *ctx, struct str bucket, struct str key, struct value_builder *out);
/* Those of a map of upload ids to keys. Those that have become objects or are gone are fine, and so is NULL.
 */
int s3_unfinished_abort(struct op_ctx *ctx, struct str bucket, const struct value *uploads, struct err *err);
/* As abort, of all that there is to one key. */
int s3_unfinished_abort_all(struct op_ctx *ctx, struct str bucket, struct str key, struct err *err);

/* As abort, of those to one key that were begun since then (our clock): of a request whose answer was lost.
 */
int s3_unfinished_abort_since(
    struct op_ctx *ctx, struct str bucket, struct str key, int64_t since_ms, struct err *err);

/* Does the record, or what was seen, name some? */
bool s3_unfinished_any(const struct value *object);
/* The object as a plan wants it: with none of them, where the record has some. */
const struct value *s3_unfinished_ended(
    struct op_ctx *ctx, const struct value *recorded, const struct value *desired);

/* ---- How far a transfer is, for people: "downloading: 512 MiB of 1.0 GiB, 200 MiB/s". */
/* `kept`: of `moved + kept` bytes so many were there before it began, `elapsed_ms` ago. */
void rate_line(
    char *out, size_t room, const char *what, int64_t moved, int64_t kept, int64_t all, int64_t elapsed_ms);

/* ---- download.c: Downloads from S3: an object becomes a file.
 *
 * Large ones come as ranges, several at a time, each written to its place in a file beside the target, which
 * is renamed when it is whole and is what the object's checksum says: CRC-64/NVME or SHA-256, whichever the
 * service or weir has noted with the object. What had arrived before the process died, the network went or a
 * signal came is not fetched again. A server that knows no ranges sends it in one piece.
 *
 * Every range is asked for on the condition that the object is still the one that was looked at first. One
 * that is written anew meanwhile is downloaded once more from the beginning; then that is an error.
 *
 * Blocks; safe from every thread. Memory does not depend on the size. */

struct s3_download {
    struct str bucket, key;
    struct str version_id; /* "" : the newest */
    int64_t max_bytes;     /* more is refused before it is fetched; 0: it may be of any size */
    const char *path;      /* the file; one that is there is replaced, nothing else than a file is */
    struct str sha256;     /* 64 hex digits: what the content must be; "": what the object says of itself */
    /* The entity tag, without quotes, under which the object was known to have that content; "": none. As
     * long as it has that, the service's cheaper checksum shows as well whether it arrived whole. */
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
