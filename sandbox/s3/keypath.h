/*
 * Object keys as paths. A key is any text of up to 1024 bytes; on disk it becomes nested directories,
 * readable where the key is, and never anything outside them:
 *
 *   RAW/Local/films.csv   ->  RAW%/Local%/films.csv
 *   a//b, a/../b, .x      ->  a%/%/b    a%/%2E.%/b    %2Ex
 *
 * A directory's name ends in '%' (so the keys "a" and "a/b" live side by side), an empty name is "%_" as a
 * file and "%" as a directory; '%', control characters and a leading dot are written %XX. Segments of 80
 * bytes and more go on in a directory that ends in "%+", because names on disk are limited to 255 bytes.
 */
#pragma once

#include "base/buf.h"

enum keypath_kind { KEYPATH_FILE, KEYPATH_DIR, KEYPATH_MORE };

void keypath_add(struct buf *path, struct str key);
/* What a name in such a directory adds to the key: "films.csv", "RAW/", or the first part of a long segment.
 */
bool keypath_decode(const char *name, struct buf *part, enum keypath_kind *kind);
