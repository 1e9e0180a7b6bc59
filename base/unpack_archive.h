/*
 * Unpacking archives that somebody else has made, by libarchive: everything in them is a claim. Nothing is
 * written outside the folder given, whatever the names and links in an archive are.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

#define UNPACK_TOO_LARGE "makes the archive larger than allowed when unpacked"

/*
 * Everything in a zip or tar archive, below `dir`, which exists. Refused as a whole: absolute names, "..",
 * links that may lead outside, devices, more than max_bytes, a hundred thousand files and folders or a
 * hundred levels. Thread-safe.
 */
int unpack_archive(const char *archive, const char *dir, int64_t max_bytes, struct err *err);
/* How much a zip archive says it is when unpacked; -1: it is none. */
int64_t unpack_archive_size(const char *archive, struct err *err);
