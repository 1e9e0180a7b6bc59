/*
 * Files embedded in the binary at build time: specs of all providers (.yaml), modules/, examples/. Paths are
 * those in the source tree ("provider/aws/specs/s3.yaml"); the table is sorted by path. The files of a folder
 * are in a pack, which is unpacked when the first of them is asked for, and stays.
 */
#pragma once

#include "base/arena.h"

/* As tools/embed lays it out. */
struct embedded_file {
    struct str path;
    uint64_t pack, at, size; /* which pack; where in it, unpacked */
};

/* NULL: not there. */
const struct embedded_file *embedded_find(struct str path);
/* All files whose path begins with prefix, as a range of the table. */
const struct embedded_file *embedded_under(struct str prefix, size_t *n);
/* What is in it, with a NUL after its end. Lives as long as the process. Safe from every thread. */
struct str embedded_text(const struct embedded_file *file);
/* The same with these texts where it has their names: @{name}. */
struct embedded_part {
    const char *name;
    struct str text;
};
#define EMBEDDED_FILLED(arena_, path_, ...)                                                                  \
    embedded_filled((arena_), (path_), (const struct embedded_part[]){__VA_ARGS__},                          \
        sizeof((const struct embedded_part[]){__VA_ARGS__}) / sizeof(struct embedded_part))
struct str embedded_filled(
    struct arena *arena, const char *path, const struct embedded_part *parts, size_t n);
/* What follows these words and a blank in the first of the file's lines that begins with them; "": none does.
 */
struct str embedded_line(const char *path, struct str words);
