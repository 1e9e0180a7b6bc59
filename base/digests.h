/*
 * SHA-256 of files with a cache, which also lasts from run to run. A digest is kept under the file's identity
 * (device, inode, size, times of the last change), so that an unchanged file is not read again. A file is not
 * cached if it was changed so recently that a second change could have the same times.
 *
 * Order of calls: digests_new(); digests_of_file() from any thread; digests_free(), which writes new entries.
 * The cache file may be deleted at any time; a damaged one is ignored.
 */
#pragma once

#include "base/err.h"
#include "base/hash.h"

#include <sys/stat.h>

struct file_id {
    uint64_t device, inode;
    int64_t size, modified_ns, changed_ns;
};

struct file_id file_id_of(const struct stat *st);
bool file_id_equal(const struct file_id *a, const struct file_id *b);

struct digests;

/* Uses the cache file in work_dir/cache, which is read on first use. NULL: caches in this process only. */
struct digests *digests_new(const char *work_dir);
/* Writes the cache file if there are new entries and its folder can be created. `digests` may be NULL. */
void digests_free(struct digests *digests);

/* Looks the digest up without reading the file. False: not cached. `digests` may be NULL. */
bool digests_find(struct digests *digests, const struct file_id *id, unsigned char sha256[SHA256_SIZE]);
/* Caches a digest. `read_ms`: the wall clock when reading began. */
void digests_remember(struct digests *digests, const struct file_id *id, int64_t read_ms,
    const unsigned char sha256[SHA256_SIZE]);
/*
 * Computes the digest of an open file and its identity *id; `name` is for messages. A file that changes while
 * it is read is read again; ERR_IO if it keeps changing.
 */
int digests_of_file(struct digests *digests, int fd, const char *name, struct file_id *id,
    unsigned char sha256[SHA256_SIZE], struct err *err);
