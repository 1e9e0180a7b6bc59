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
 * Opens a regular file or /dev/null. Anything else (a named pipe, a socket, a device) is an error, since
 * reading it might block or never end. `flags` as for open(); O_CREAT creates the file for its owner only. On
 * -1 errno is set, too.
 */
int file_open(const char *path, int flags, struct err *err);
/* Checks whether file_open() would accept the path, for libraries that open files themselves. A missing file
 * is no error here: the library reports it. */
int file_check(const char *path, struct err *err);
/* Reads the whole file, at most max bytes (0: no limit); out has a NUL after its end. */
int file_read(struct arena *arena, const char *path, size_t max, struct str *out, struct err *err);
/* The same for a file named by the user's environment or by a secret setting, even outside of the folder that
 * files are confined to (confine_files()). */
int file_read_own(struct arena *arena, const char *path, size_t max, struct str *out, struct err *err);
/* Writes a file beside the target, syncs and renames it. A new file gets `mode`, such as 0644, less the
 * umask. A file that was private before stays so. */
int file_write_atomic(const char *path, struct str data, mode_t mode, struct err *err);
/* The same for a path that the user gave: a symbolic link is kept, and a path that is no regular file, such
 * as /dev/stdout, is written to instead of being replaced. */
int file_write_named(const char *path, struct str data, mode_t mode, struct err *err);
/* As file_write_atomic(), but the new name is durable only after dir_sync() of its folder. */
int file_replace(const char *path, struct str data, mode_t mode, struct err *err);
int dir_sync(const char *dir, struct err *err);
/* Writes all of the data, across short writes and EINTR. */
int fd_write_all(int fd, const void *bytes, size_t n, struct err *err, const char *path);
/* Appends everything up to the end of the input, across EINTR, as far as the buffer's limit allows: the
 * caller checks its `overflow`. `what`: "standard input". */
int fd_read_all(int fd, struct buf *out, struct err *err, const char *what);
bool path_exists(const char *path);
bool path_is_dir(const char *path);
/* Creates a folder and its parents; an existing one is no error. Each new folder named .weir is made
 * private. */
int dir_make(const char *path, struct err *err);
/* Creates one folder for its owner only. A new one gets a .gitignore, so that it is not committed. */
int dir_make_private(const char *path, struct err *err);
#define DIR_OF_WEIR ".weir" /* the folder of a stack's states, sandboxes, caches and records */
/* Returns the next entry of an open folder except "." and "..". NULL: the end, or, if errno is not 0, a read
 * error. */
const struct dirent *dir_next(DIR *dir);
/* Removes a folder with its content; follows no links. What cannot be removed stays. */
void tree_remove(const char *path);
/* Resolves a path as realpath() does, even if only a parent folder of it exists. False: not even that. */
bool path_real(const char *path, char out[PATH_MAX]);
/* The relative path from one folder to another, each as path_real() resolves it: ".", "../.." or "../b"; ""
 * if it cannot. */
struct str path_between(struct arena *arena, struct str from, struct str to);
/* dir/name; name alone if it is absolute or dir is "" or ".". Ends with a NUL. */
struct str path_join(struct arena *arena, struct str dir, struct str name);
struct str path_dir(struct str path);  /* "." if the path has no slash */
struct str path_base(struct str path); /* after the last slash */

void fd_close_ptr(int *fd); /* closes unless -1 */
#define AUTO_FD __attribute__((cleanup(fd_close_ptr)))
void dir_close_ptr(DIR **dir); /* closes unless NULL */
#define AUTO_DIR __attribute__((cleanup(dir_close_ptr)))

/* ---- restrictions of the process, for a server whose client is not trusted (cmd/mcp): reading files outside
 * of one folder, and running programs. They hold for the whole process and cannot be lifted. They are set by
 * one thread before others start, and checked from any.
 *
 * Every file that is read is checked, by the file that was opened and not by its name, so that links cannot
 * lead outside. Files of weir itself, such as credentials, are exempt: file_read_own(). Starting a program
 * fails with an error where weir does it, and in the kernel where a library does. */
/* Restricts reading to files below this folder. */
int confine_files(const char *folder, struct err *err);
/* Allows one more file, or a folder with its content. Without a restriction it does nothing. */
void confine_allow(const char *path);
/* Checks that the open file may be read. `path` is its name in messages. */
int confined_file(int fd, const char *path, struct err *err);
/* The same for a path, which need not exist yet. */
int confined_path(const char *path, struct err *err);

/* Forbids running programs, for this process and its children. */
int confine_programs(struct err *err);
/* Fails if running programs is forbidden. `what`: "the build command". */
int confined_program(const char *what, struct err *err);
