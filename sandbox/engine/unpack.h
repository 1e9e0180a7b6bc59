/*
 * What a run needs on the disk: objects out of the sandbox's own store, and archives unpacked. Nothing is
 * written outside the folder given, whatever the names in an archive or a key are.
 */
#ifndef WEIR_SANDBOX_ENGINE_UNPACK_H
#define WEIR_SANDBOX_ENGINE_UNPACK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "sandbox/s3/store.h"

struct unpack_place {
    struct str bucket, key, version; /* version "": the current one */
};

/* s3://bucket/key, also s3a: and s3n:; false: it is none. */
bool unpack_parse_uri(struct str uri, struct unpack_place *out);
/* The object's content as the file `path`, which must not be there yet. */
int unpack_fetch(struct s3_store *store, const struct unpack_place *place, const char *path, struct err *err);
/* The SHA-256 of its content. */
int unpack_sha256(struct s3_store *store, const struct unpack_place *place, unsigned char out[SHA256_SIZE],
    struct err *err);
/* A name in a folder as the last part of a key says it; "file" where that is no name ("", ".."). */
struct str unpack_name(struct arena *arena, struct str key);
/*
 * Everything in a zip or tar archive, below `dir`, which exists (unpack_archive.c). Refused as a whole:
 * absolute names, "..", links that may lead outside, devices, more than max_bytes, a hundred thousand files
 * and folders or a hundred levels.
 */
int unpack_archive(const char *archive, const char *dir, int64_t max_bytes, struct err *err);

#endif
