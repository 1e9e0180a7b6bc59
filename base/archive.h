/*
 * libarchive, loaded on first use (base/library.h): linked, it would cost every command the loading of some
 * fifteen libraries. Both functions may be called from any thread; what they return lives as long as the
 * process.
 */
#pragma once

#include "base/err.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdint.h>

/* clang-format off */
#define ARCHIVE_FUNCTIONS(X)                                                                             \
    X(read_new) X(read_support_format_zip) X(read_support_format_tar) X(read_support_filter_gzip)        \
    X(read_open_filename) X(read_next_header) X(read_data) X(read_free) X(error_string)                  \
    X(entry_filetype) X(entry_hardlink) X(entry_pathname) X(entry_pathname_utf8) X(entry_perm)           \
    X(entry_size) X(entry_symlink) X(entry_symlink_utf8) X(entry_new) X(entry_free) X(entry_clear)       \
    X(entry_copy_pathname) X(entry_set_filetype) X(entry_set_perm) X(entry_set_size) X(entry_set_uid)    \
    X(entry_set_gid) X(entry_set_mtime) X(entry_copy_symlink) X(write_new) X(write_free) X(write_close)  \
    X(write_open) X(write_add_filter_gzip) X(write_set_format_zip) X(write_set_format_pax_restricted)    \
    X(write_set_options) X(write_set_bytes_in_last_block) X(write_set_bytes_per_block) X(write_header)   \
    X(write_data) X(write_finish_entry)
/* clang-format on */
struct archive_api {
#define ARCHIVE_POINTER(name) __typeof__(archive_##name) *(name);
    ARCHIVE_FUNCTIONS(ARCHIVE_POINTER)
#undef ARCHIVE_POINTER
};

/* Returns the table of functions, or NULL with ERR_FAILED if the library is not installed. */
const struct archive_api *archive_api(struct err *err);
/* Returns the UTF-8 locale for writing names, which libarchive takes from the thread (uselocale). 0 with an
 * error: the system has none. */
locale_t archive_utf8(struct err *err);

/* ---- archive.c: unpacking archives of others, with libarchive. Their content is not trusted: nothing is
 * written outside of the given folder, whatever names and links an archive has. */
#define UNPACK_TOO_LARGE "makes the archive larger than allowed when unpacked"

/*
 * Unpacks a zip or tar archive below `dir`, which exists. Refuses the whole archive for absolute names, "..",
 * links that may lead outside, devices, more than max_bytes, 100,000 files and folders or 100 levels. From
 * any thread.
 */
int unpack_archive(const char *archive, const char *dir, int64_t max_bytes, struct err *err);
/* Returns the unpacked size that a zip archive declares, or -1 if the file is not a zip archive. */
int64_t unpack_archive_size(const char *archive, struct err *err);
