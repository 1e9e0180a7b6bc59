/*
 * What a process may no longer do, for a server whose client is not trusted (cmd/mcp): read files outside of
 * one folder, and run programs. Both are promises of the whole process, which nothing takes back: they are
 * made by one thread, before others begin, and asked from all.
 *
 * Every file that is read is asked about (base/file.h), by what was opened and not by its name, so that links
 * lead nowhere. Files that weir reads for itself, such as credentials, are not: file_read_own(). Programs are
 * refused with an error where weir would start one, and by the kernel wherever a library does.
 */
#pragma once

#include "base/err.h"

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
