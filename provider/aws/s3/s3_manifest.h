/*
 * What `aws.s3.directory` remembers of the files that it has put into a bucket.
 *
 *   files    map of name -> SHA-256 in hex: what the file's content is, compared with the folder
 *   seen     one text: twelve bytes for each of these names in order, base64, made from the entity tag and
 * the size that the service gave: compared with a listing, so that a refresh costs pages, not requests for
 * each file
 *
 * Both together are about 110 bytes a file in the state. Pure functions.
 */
#pragma once

#include "base/value.h"

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
