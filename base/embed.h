/*
 * Files embedded in the binary at build time: specs of all providers (.yaml), modules/, examples/. Paths are
 * those in the source tree ("provider/aws/specs/s3.yaml"); the table is sorted by path.
 */
#ifndef WEIR_BASE_EMBED_H
#define WEIR_BASE_EMBED_H

#include "base/str.h"

struct embedded_file {
    struct str path;
    struct str data;
};

/* NULL: not there. */
const struct embedded_file *embedded_find(struct str path);
/* All files whose path begins with prefix, as a range of the table. */
const struct embedded_file *embedded_under(struct str prefix, size_t *n);

#endif
