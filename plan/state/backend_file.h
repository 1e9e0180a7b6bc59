/*
 * The state log in a folder of its own beside the stack file:
 *
 *     .weir/film-lake.dev.log                        records since the newest snapshot
 *     .weir/film-lake.dev.00000000000000000001.log   what was before it: a file for each snapshot
 *     .weir/film-lake.dev.lock                       locked with flock(); says who holds it alone
 *     .weir/film-lake.dev.turn                       locked by who writes, of those who hold it together
 *     .weir/film-lake.dev.run.12                     locked by such a run while it goes on
 *
 * The files of what was before are named by their first record.
 *
 * The folder is 0700, files 0600: they tell much about a stack even where no secret is in them.
 */
#pragma once

#include "plan/state/backend.h"

#include <sys/types.h>

/* The system calls that make records durable; tests put failing ones in their place. */
struct file_io {
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t at);
    int (*fdatasync)(int fd);
    int (*fsync)(int fd);
    int (*ftruncate)(int fd, off_t size);
    int (*link)(const char *from, const char *to);
    int (*rename)(const char *from, const char *to);
};

/* io NULL: the system's. */
int backend_file_new(
    const struct backend_options *options, const struct file_io *io, struct backend **out, struct err *err);
