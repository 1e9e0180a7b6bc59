/*
 * What a run needs on the disk: objects out of the sandbox's own store. What they are packed in is
 * base/unpack_archive.h's. Nothing is written outside the folder given, whatever a key is.
 */
#pragma once

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
