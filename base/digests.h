/*
 * SHA-256 of files, each read once: a digest is remembered, also from run to run, with what tells a file's
 * content apart without reading it (device, inode, size, times of the last change). A file that was changed
 * so shortly before that a second change could leave the same times behind is not remembered.
 *
 * Order of calls: digests_new(); digests_of_file() from every thread; digests_free(), which writes what is
 * new. What was kept in the file is only a shortcut: it may be deleted at any time, and a damaged one is
 * ignored.
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

/* Kept in work_dir/cache, read when it is first asked. NULL: remembers for this process only. */
struct digests *digests_new(const char *work_dir);
/* Writes, where there is something new and the folder can be made. NULL is fine. */
void digests_free(struct digests *digests);

/* Is it known without reading? digests may be NULL. */
bool digests_find(struct digests *digests, const struct file_id *id, unsigned char sha256[SHA256_SIZE]);
/* `read_ms`: the wall clock when reading began. */
void digests_remember(struct digests *digests, const struct file_id *id, int64_t read_ms,
    const unsigned char sha256[SHA256_SIZE]);
/*
 * Of an open file, named for messages; *id is what it belongs to. One that changes while it is read is read
 * again; ERR_IO where it does not stop.
 */
int digests_of_file(struct digests *digests, int fd, const char *name, struct file_id *id,
    unsigned char sha256[SHA256_SIZE], struct err *err);
