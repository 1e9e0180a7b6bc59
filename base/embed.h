/*
 * Files embedded in the binary at build time: specs of all providers (.yaml), modules/, examples/. Paths are
 * those of the source tree ("provider/aws/specs/s3.yaml"); the table is sorted by path. The files of a folder
 * form a pack, which is unpacked on first use and then stays in memory.
 */
#pragma once

#include "base/arena.h"

/* The layout is that of tools/embed. */
struct embedded_file {
    struct str path;
    uint64_t pack, at, size; /* number of the pack; offset and size in the unpacked pack */
};

/* Returns the file, or NULL if it is not embedded. */
const struct embedded_file *embedded_find(struct str path);
/* Returns all files whose path begins with prefix, as a range of the table. */
const struct embedded_file *embedded_under(struct str prefix, size_t *n);
/* Returns the file's content, with a NUL after its end. Lives as long as the process. From any thread. */
struct str embedded_text(const struct embedded_file *file);
/* A text that replaces the placeholder @{name} in an embedded file, in embedded_filled(). */
struct embedded_part {
    const char *name;
    struct str text;
};
#define EMBEDDED_FILLED(arena_, path_, ...)                                                                  \
    embedded_filled((arena_), (path_), (const struct embedded_part[]){__VA_ARGS__},                          \
        sizeof((const struct embedded_part[]){__VA_ARGS__}) / sizeof(struct embedded_part))
struct str embedded_filled(
    struct arena *arena, const char *path, const struct embedded_part *parts, size_t n);
/* Returns what follows these words and a blank in the first line that begins with them, or "". */
struct str embedded_line(const char *path, struct str words);
