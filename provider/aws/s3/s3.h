/*
 * S3 calls of C code (objects, emptying a bucket). Everything else about S3 is in specs/s3.yaml.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/kind.h"
#include "provider/provider.h"
#include "provider/wire/wire.h"

#define S3_HASH_HEADER "weir-sha256" /* key in an object's metadata */

extern const struct aws_service aws_s3_service;
/* The headers of an object, under the attribute names of aws.s3.object. */
extern const struct shape aws_s3_object_shape;

/* Operations that several files use. */
extern const struct wire_operation s3_get_object, s3_head_object, s3_delete_object;

#define S3_OPERATION(name_, method_, query_) S3_ANSWERED(name_, method_, query_, "")
/* An operation whose response has this root element. */
#define S3_ANSWERED(name_, method_, query_, root_)                                                           \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_REST_XML, .method = STR_INIT(method_),                     \
        .path = STR_INIT("/{Bucket}/{Key+}"), .query = STR_INIT(query_), .root = STR_INIT(root_)             \
    }

/* An operation of a bucket. */
#define S3_BUCKET_OPERATION(name_, method_, query_, root_)                                                   \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_REST_XML, .method = STR_INIT(method_),                     \
        .path = STR_INIT("/{Bucket}"), .query = STR_INIT(query_), .root = STR_INIT(root_)                    \
    }

/* Returns the input of a request for that object. */
const struct value *aws_s3_name(struct arena *arena, struct str bucket, struct str key);
/* Fills a call with the entries of `input` as members (the table in s3.c has their names); *call may already
 * have a body. */
int aws_s3_prepare(struct op_ctx *ctx, const struct wire_operation *op, const struct value *input,
    struct aws_call *call, struct err *err);
/* Sends a read call; see aws_send_decoded(). */
int aws_s3_call_decoded(struct op_ctx *ctx, const struct wire_operation *op, const struct value *input,
    const char *needs, const struct value **document, struct err *err);
int aws_s3_call(struct op_ctx *ctx, const struct wire_operation *op, const struct value *input,
    struct aws_call *call, struct wire_message *response, struct err *err);

/* Returns an entity tag without its quotes. */
struct str aws_s3_unquoted(struct str etag);

/* Permissions of the types that put objects into buckets; see struct resource_ops. */
void aws_s3_content_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out);
/* Returns the resources of one of these permissions (resource_ops.scope). `keys` may end in a star; "": not
 * known. */
const struct value *aws_s3_content_scope(
    struct arena *arena, struct str action, struct str bucket, struct str keys);

/* ---- s3_directory.c: `aws.s3.directory`: keeps a prefix of a bucket equal to a folder. One resource for any
 * number of files, with a manifest in the state: only objects that weir put there are deleted.
 *
 * The folder is scanned and hashed (with cached digests: unchanged files are not read) at plan time, and the
 * planned content is what is sent. A refresh lists the prefix and compares entity tags. A partial failure is
 * recorded as far as it got; the next run continues from there. */
extern const struct schema aws_s3_directory_schema;

/* ---- s3_directory_sync.c: the manifest of `aws.s3.directory`: the files that it put into a bucket.
 *
 *   files    map of name -> SHA-256 in hex: the file's content, compared with the folder
 *   seen     one string: twelve bytes for each of these names in order, base64, derived from the entity tag
 * and the size that the service reported: compared with a listing, so that a refresh takes pages, not
 *            requests for each file
 *
 * Together about 110 bytes per file in the state. Pure functions. */
enum { MANIFEST_MARK = 12 };

struct manifest_file {
    struct str name;
    struct str sha256; /* "etag:…" if the object was overwritten by others; "": does not exist */
    unsigned char mark[MANIFEST_MARK]; /* zeros: not known */
};

struct manifest {
    struct manifest_file *files; /* in byte order of the names */
    size_t n;
};

void manifest_mark(unsigned char out[MANIFEST_MARK], struct str etag, int64_t size);
bool manifest_is_marked(const struct manifest_file *file);
/* Parses the attributes; a damaged `seen` counts as no marks. */
void manifest_read(
    struct arena *arena, const struct value *files, const struct value *seen, struct manifest *out);
/* Converts back to attributes, without files that do not exist. */
void manifest_write(struct arena *arena, const struct manifest *manifest, const struct value **files,
    const struct value **seen);
/* Returns NULL if there is no file of that name. */
struct manifest_file *manifest_find(const struct manifest *manifest, struct str name);

/* The difference of two manifests: names in `to` to send, names in `from` to delete. */
struct manifest_change {
    struct str *send, *drop;
    size_t send_count, drop_count;
};
/* `all`: files with the same content are sent, too. */
void manifest_compare(struct arena *arena, const struct manifest *from, const struct manifest *to, bool all,
    struct manifest_change *out);
/* Returns `to` plus the files that the change would delete, for as long as these exist. */
struct manifest manifest_joined(struct arena *arena, const struct manifest *to, const struct manifest *from,
    const struct manifest_change *change);

/* ---- s3_directory_sync.c: sends and deletes the files that differ. */
/* The folder and the prefix of a directory. */
struct directory {
    struct op_ctx *ctx;
    struct str bucket, prefix; /* "" or ending in a slash */
    struct str folder;
    const struct value *object; /* for the settings of all files: metadata, content_types, … */
};

struct str directory_key(struct arena *arena, const struct directory *d, struct str name);

/* Sends files, many at a time; each sent file gets its mark in `to`. Stops at the first failure. */
int directory_send(
    const struct directory *d, const struct str *names, size_t n, struct manifest *to, struct err *err);
int directory_drop(const struct directory *d, const struct str *names, size_t n, struct err *err);
/*
 * Reads the live state of the manifest's files: sha256 becomes "etag:…" if the mark differs, and "" if the
 * object does not exist. Objects of files without a mark are read one at a time, and compared by the SHA-256
 * in their metadata.
 */
int directory_look(const struct directory *d, struct manifest *manifest, struct err *err);

/* ---- Emptying a bucket, and counting what that would delete. */
/* Deletes every version, delete marker and unfinished upload of the bucket `name`. */
native_step s3_empty_bucket;
/* Counts the bucket's content: {objects, versions, delete_markers, uploads, bytes}. */
native_step s3_count_bucket;

/* ---- s3_keys.c: many objects of a bucket: listing in pages, deleting by the thousand. */
struct s3_listed {
    struct str key, etag, storage_class; /* etag without quotes */
    int64_t size;
};

/* Called from several threads at a time, for different keys. The strings are valid during the call. */
typedef void s3_found(void *ctx, const struct s3_listed *object);

struct s3_list {
    struct str bucket, prefix;
    /* Expected keys, in byte order: with them all pages are requested at once. */
    const struct str *expected;
    size_t expected_count;
    size_t page_limit; /* limit of pages in total; beyond it *cut is set; 0: no limit */
};

/* Returns -1 with err (ERR_ABSENT: the bucket does not exist). */
int s3_list_objects(struct op_ctx *ctx, const struct s3_list *list, s3_found *found, void *found_ctx,
    bool *cut, struct err *err);
/* Succeeds for keys that do not exist. */
int s3_delete_objects(
    struct op_ctx *ctx, struct str bucket, const struct str *keys, size_t n, struct err *err);
/* Deletes at most a thousand items of a listing: maps with Key and, for a version, VersionId. */
int s3_delete_page(
    struct op_ctx *ctx, const struct value *bucket, const struct value *objects, struct err *err);

/* ---- s3_object.c: `aws.s3.object`: a file or a string as an S3 object. In C because its content is streamed
 * from a file and compared by SHA-256, which is kept in the object's metadata (`weir-sha256`). */
extern const struct schema aws_s3_object_schema;

/* ---- s3_reader.c: lists `aws.s3.object` in bulk; see struct resource_ops. */
int s3_object_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err);

/* ---- s3_keys.c: listings of a bucket that are continued by markers: versions and multipart uploads. Also
 * aborts such an upload.
 *
 * Order of calls: s3_pages_next() until `done` or `blind`; s3_pages_release(). Not thread-safe. */
extern const struct wire_operation s3_list_versions, s3_list_uploads;

struct s3_pages {
    const struct wire_operation *op;
    struct str bucket, prefix;
    struct arena *arena;         /* allocates the markers; outlives the pages */
    const struct value *markers; /* members of the next request; NULL: start of the listing */
    struct pages seen;
    bool done;
    bool blind; /* the listing is truncated, and the store does not report where it continues */
};

/* Reads the next page into ctx's arena. */
int s3_pages_next(struct op_ctx *ctx, struct s3_pages *pages, const struct value **page, struct err *err);
void s3_pages_release(struct s3_pages *pages);
/* Returns a list of a page: "Version[]", "DeleteMarker[]", "Upload[]". */
const struct value *s3_pages_items(struct op_ctx *ctx, const struct value *page, const char *path);

/* Succeeds for an upload that is completed or does not exist. */
int s3_abort_upload(
    struct op_ctx *ctx, struct str bucket, struct str key, struct str upload, struct err *err);

/* ---- s3_reader.c: reads an S3 object sequentially, without a file: the next parts are downloaded while one
 * is processed. Every part is requested on condition that the object is unchanged (If-Match).
 *
 * Order of calls, all from one thread: s3_reader_new(); s3_reader_next() until *n is 0; s3_reader_free(), at
 * any time. Memory does not depend on the size. */
struct s3_reader;

/* As listed; the entity tag is without quotes. The strings outlive the reader. */
struct s3_readable {
    struct str bucket, key, etag;
    int64_t size;
};

/* Uses provider and cancel of ctx. Sends nothing yet. */
struct s3_reader *s3_reader_new(const struct op_ctx *ctx, const struct s3_readable *object);
/* Returns the next bytes, valid until the next call. ERR_STALE: the object was overwritten or deleted. */
int s3_reader_next(struct s3_reader *reader, const char **bytes, size_t *n, struct err *err);
void s3_reader_free(struct s3_reader *reader); /* NULL is allowed */

/* ---- upload_record.c: unfinished multipart uploads of interrupted runs. Their parts are stored, cost money
 * and are not part of any object listing, so the state has to record them: a resource whose upload was
 * interrupted has an attribute `unfinished`, a map of upload ids to keys, until the upload is completed or
 * aborted.
 *
 * Order of calls: s3_unfinished_find() after an interrupted run, and if the record has unfinished uploads;
 * s3_unfinished_kept() after a failed upload; s3_unfinished_abort() when the object is complete or no longer
 * wanted. */
#define S3_UNFINISHED_DOC                                                                                    \
    "Multipart uploads that an interrupted run left open. The next apply completes or aborts them."

/*
 * Adds all uploads to one of these keys that the service lists; the keys begin with `prefix`. If listing is
 * not allowed or supported, adds those recorded on this machine. Adds none if the bucket does not exist.
 */
int s3_unfinished_find(struct op_ctx *ctx, struct str bucket, struct str prefix, const struct str *keys,
    size_t n, struct value_builder *out, struct err *err);
/* Returns those to one key. */
int s3_unfinished_of(
    struct op_ctx *ctx, struct str bucket, struct str key, const struct value **uploads, struct err *err);
/* Adds the upload to that key that is recorded on this machine, if any. */
void s3_unfinished_kept(struct op_ctx *ctx, struct str bucket, struct str key, struct value_builder *out);
/* Aborts the uploads of a map of upload ids to keys. Succeeds for those that are completed or do not exist,
 * and for NULL. */
int s3_unfinished_abort(struct op_ctx *ctx, struct str bucket, const struct value *uploads, struct err *err);
/* Aborts all uploads to one key. */
int s3_unfinished_abort_all(struct op_ctx *ctx, struct str bucket, struct str key, struct err *err);

/* Aborts the uploads to one key that were initiated since then (our clock), by a request whose response was
 * lost. */
int s3_unfinished_abort_since(
    struct op_ctx *ctx, struct str bucket, struct str key, int64_t since_ms, struct err *err);

/* True if the recorded or live object has unfinished uploads. */
bool s3_unfinished_any(const struct value *object);
/* Returns the desired object with an empty `unfinished` if the record has any. */
const struct value *s3_unfinished_ended(
    struct op_ctx *ctx, const struct value *recorded, const struct value *desired);

/* ---- Progress of a transfer, for people: "downloading: 512 MiB of 1.0 GiB, 200 MiB/s". */
/* `kept`: how many of `moved + kept` bytes existed before the transfer began, `elapsed_ms` ago. */
void rate_line(
    char *out, size_t room, const char *what, int64_t moved, int64_t kept, int64_t all, int64_t elapsed_ms);

/* ---- download.c: downloads an S3 object to a file.
 *
 * Large objects are requested in ranges, several at a time, each written to its position in a file beside the
 * target. That file is renamed when it is complete and matches the object's checksum: CRC-64/NVME or SHA-256,
 * whichever the service or weir stored with the object. After a kill, a network failure or a signal, the
 * parts already received are not requested again. A server without range support sends the whole object at
 * once.
 *
 * Every range is requested on condition that the object is unchanged. An object that is overwritten meanwhile
 * is downloaded once more from the start; then it is an error.
 *
 * Blocks; safe to call from every thread. Memory does not depend on the size. */

struct s3_download {
    struct str bucket, key;
    struct str version_id; /* "": the latest */
    int64_t max_bytes;     /* a larger object is refused before the download; 0: no limit */
    const char *path;      /* the target; an existing file is replaced, anything else is an error */
    struct str sha256;     /* 64 hex digits: the expected content; "": by the object's own checksum */
    /* The entity tag, without quotes, that the object had with that content; "": none. While the object has
     * this tag, the service's cheaper checksum is sufficient. */
    struct str sha256_etag;
};

struct s3_downloaded {
    int64_t size;
    struct str etag; /* without quotes */
    bool verified;   /* there was a checksum to compare with */
};

/* Uses arena, provider, cancel and progress of ctx. ERR_ABSENT: the object does not exist. */
int s3_download(
    struct op_ctx *ctx, const struct s3_download *download, struct s3_downloaded *out, struct err *err);

/* ---- download.c: the file that a download is written to: `.NAME.weir-part` beside the target. After the
 * space for the content it has a header that identifies the download, and one byte for each part: whether it
 * was received. A run after a kill continues with it. The only file becomes the target when that end is cut
 * off.
 *
 * Nothing is synced before the download is complete: data lost in a power failure is detected by the object's
 * checksum.
 *
 * Order of calls: download_file_open(); download_file_write() and download_file_done(), from any thread;
 * download_file_finish(), or _close() to keep the file for later, or _discard(). */
struct download_file {
    const char *path;               /* as given, for messages */
    const char *target, *part_path; /* the final path, and that of the partial file */
    int64_t size, part_size;
    int count;
    bool *done;   /* by part */
    bool resumed; /* some parts were received by an earlier run */
    int fd;       /* -1: not open */
};

/* Returns a part size from 8 to 64 MiB, or larger so that at most 65,536 parts are needed. */
int64_t download_part_size(int64_t size);

/*
 * `what` identifies the download: the object and its entity tag. Fails with ERR_IO if the path is not a
 * regular file, cannot be written, if the disk is full, or if another process is downloading to it.
 */
int download_file_open(struct arena *arena, const char *path, struct str what, int64_t size,
    int64_t part_size, struct download_file *out, struct err *err);
int64_t download_file_start(const struct download_file *file, int part);
int64_t download_file_length(const struct download_file *file, int part);
/* Returns 0 or -1 with errno. */
int download_file_write(const struct download_file *file, int64_t at, const void *bytes, size_t n);
/* Marks a part as complete. Not concurrently for the same part. */
void download_file_done(struct download_file *file, int part);
/* Renames the file to the target and closes it; the two functions below close it as well. */
int download_file_finish(struct download_file *file, struct err *err);
void download_file_close(struct download_file *file);
void download_file_discard(struct download_file *file);

/* ---- Shared by download*.c and s3_reader.c only. */
/* The object to download, as of the first request. */
struct download_source {
    const struct s3_download *download;
    int64_t size;
    struct str etag; /* with quotes */
    /* The expected checksum of the content: the CRC if there is one, since it is cheaper. */
    bool has_crc;
    uint64_t crc;
    struct str sha256; /* hex; "": not known */
};

enum download_result {
    DOWNLOAD_OK,
    DOWNLOAD_FAILED,
    DOWNLOAD_CHANGED,   /* the object was overwritten, or the content does not match */
    DOWNLOAD_NO_RANGES, /* the server does not support ranges */
};

/* Returns the members bucket, key and version of a request. */
const struct value *download_name(struct arena *arena, const struct s3_download *download);

/* Downloads the missing parts and compares the checksum of the whole. */
enum download_result download_parts(
    struct op_ctx *ctx, const struct download_source *source, struct download_file *file, struct err *err);
