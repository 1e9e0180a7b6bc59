/*
 * Files and paths. Errors are ERR_IO with the path and the system's reason.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <dirent.h>
#include <limits.h>
#include <sys/types.h>

/*
 * Opens a regular file, or /dev/null. Of anything else (a named pipe, a socket, a device) nobody knows
 * whether it ever gives something, or ends: that is an error, and never waited for. `flags` as open() has
 * them; what O_CREAT makes is for its owner alone. -1: errno says why, too.
 */
int file_open(const char *path, int flags, struct err *err);
/* Would it be opened? For libraries that open files themselves; what is not there, they tell themselves. */
int file_check(const char *path, struct err *err);
/* Whole file, at most max bytes (0: no bound); out has a NUL after its end. */
int file_read(struct arena *arena, const char *path, size_t max, struct str *out, struct err *err);
/* The same of a file that the user's environment names, or a setting that is a secret: what a stack names may
 * be confined to a folder (base/file.h), and such a file is outside. */
int file_read_own(struct arena *arena, const char *path, size_t max, struct str *out, struct err *err);
/* Writes beside the target, syncs, renames. Of the mode, such as 0644, the umask decides what a new file
 * gets; one that others could not read before they still cannot. */
int file_write_atomic(const char *path, struct str data, mode_t mode, struct err *err);
/* Likewise, for a path that the user named: a link stays one, and what is no file, such as /dev/stdout, is
 * written to instead of being replaced. */
int file_write_named(const char *path, struct str data, mode_t mode, struct err *err);
/* As file_write_atomic(), but that the file is there under its name is on the disk only after dir_sync() of
 * its folder. */
int file_replace(const char *path, struct str data, mode_t mode, struct err *err);
int dir_sync(const char *dir, struct err *err);
/* All of data, through short writes and EINTR. */
int fd_write_all(int fd, const void *bytes, size_t n, struct err *err, const char *path);
/* Appends all that comes until the end, through EINTR. No more than the buffer takes: its `overflow` is to be
 * looked at then. `what`: "standard input". */
int fd_read_all(int fd, struct buf *out, struct err *err, const char *what);
bool path_exists(const char *path);
bool path_is_dir(const char *path);
/* With parents; existing is fine. Each new folder called .weir is made private, whoever needs it first. */
int dir_make(const char *path, struct err *err);
/* One folder, for the owner alone; a new one gets a .gitignore, so that no version control takes it up. */
int dir_make_private(const char *path, struct err *err);
#define DIR_OF_WEIR ".weir" /* where states, sandboxes, caches and records of a stack are */
/* The next entry of an open folder, but "." and "..". NULL: there are no more, or, where errno is not 0, they
 * cannot be read. */
const struct dirent *dir_next(DIR *dir);
/* A folder with all that is in it; follows no links. What cannot be removed stays. */
void tree_remove(const char *path);
/* dir/name; name alone where it is absolute or dir is "" or ".". Ends with a NUL. */
/* As realpath() gives it, also of what is not there below a folder that is. False: nothing of it is there. */
bool path_real(const char *path, char out[PATH_MAX]);
struct str path_join(struct arena *arena, struct str dir, struct str name);
struct str path_dir(struct str path);  /* "." where there is no slash */
struct str path_base(struct str path); /* after the last slash */

void fd_close_ptr(int *fd); /* closes unless -1 */
#define AUTO_FD __attribute__((cleanup(fd_close_ptr)))
void dir_close_ptr(DIR **dir); /* closes unless NULL */
#define AUTO_DIR __attribute__((cleanup(dir_close_ptr)))

/* ---- What a process may no longer do, for a server whose client is not trusted (cmd/mcp): read
 * files outside of one folder, and run programs. Both are promises of the whole process, which nothing takes
 * back: they are made by one thread, before others begin, and asked from all.
 *
 * Every file that is read is asked about (base/file.h), by what was opened and not by its name, so that links
 * lead nowhere. Files that weir reads for itself, such as credentials, are not: file_read_own(). Programs are
 * refused with an error where weir would start one, and by the kernel wherever a library does. */
/* Files are read below this folder only. */
int confine_files(const char *folder, struct err *err);
/* One more file, or folder with all that is in it. Nothing happens where all may be read. */
void confine_allow(const char *path);
/* Is the open file one that may be read? `path` is what messages call it. */
int confined_file(int fd, const char *path, struct err *err);
/* The same of a path that need not be there yet. */
int confined_path(const char *path, struct err *err);

/* No program is run, by this process or what it becomes. */
int confine_programs(struct err *err);
/* `what`: "the build command". */
int confined_program(const char *what, struct err *err);
