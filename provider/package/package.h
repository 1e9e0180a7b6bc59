/*
 * Packages: the files of a folder, made into one file that is the same, byte for byte, wherever it is made
 * from the same files by the same compressor: entries sorted by name, times, owners and modes fixed.
 *
 * Order of calls: package_scan() for each folder that goes in (or package_add_file() for a single file),
 * package_finish(), package_hash(), then package_digest() says what the package is made of without making it,
 * and package_write() makes it. Files are read in pieces, never held whole.
 *
 * A file that changes while it is hashed or packed makes the call fail with `changed` set; who calls begins
 * anew with the scan, a few times.
 */
#pragma once

#include "base/digests.h"
#include "base/match.h"
#include "base/threads.h"
#include "base/value.h"

enum package_format { PACKAGE_FILE, PACKAGE_ZIP, PACKAGE_TAR_GZ, PACKAGE_WHEEL };

struct package_file {
    struct str path;   /* in the package; UTF-8, no leading slash */
    struct str source; /* on disk, with a NUL after its end; "" where `text` is all there is */
    struct str text;
    int64_t size;
    struct file_id id; /* what tells that it is still the one that was scanned */
    bool executable;
    bool hashed;
    unsigned char sha256[SHA256_SIZE];
};

struct package {
    struct arena *arena;
    struct package_file *files; /* heap */
    size_t n, cap;
    int64_t unpacked;          /* bytes of all files */
    atomic_bool changed;       /* a file changed while it was read */
    const atomic_bool *cancel; /* set: hashing and writing end with ERR_INTERRUPTED; may be NULL */
};

struct package_filter {
    const struct value *include, *exclude; /* lists of patterns (base/match.h), or NULL */
    bool gitignore;
    bool vendored; /* what pip installed: without what differs from machine to machine */
    bool watched;  /* only looked at: links may lead anywhere, what is no file is passed over */
};

void package_init(struct package *package, struct arena *arena);
void package_release(struct package *package);

/*
 * Adds the files of a folder. ERR_INVALID names what cannot go in: an unreadable file, a name that is no
 * UTF-8, a link out of the folder, something that is no file.
 */
int package_scan(
    struct package *package, const char *folder, const struct package_filter *filter, struct err *err);
int package_add_file(struct package *package, const char *file, struct err *err);
void package_add_text(struct package *package, struct str path, struct str text);
/* Sorts by path, all below `prefix`. ERR_INVALID where two files would get the same path. */
int package_finish(struct package *package, struct str prefix, struct err *err);
/* Instead, for files that are only looked at to see whether they have changed: from anywhere, each once,
 * under the path that it has on disk. */
void package_finish_inputs(struct package *package);
/* The SHA-256 of each file; `digests` knows those that were read before. */
int package_hash(struct package *package, struct digests *digests, struct err *err);
/* Adds what makes a wheel of it (NAME-VERSION.dist-info), after package_hash(). */
void package_add_wheel(struct package *package, struct str name, struct str version);

/* SHA-256 over everything that goes into the package, in hex. */
struct str package_digest(const struct package *package, enum package_format format, bool compress);

struct package_made {
    struct str sha256; /* hex, in the package's arena */
    int64_t size;
};
/* Writes the package (ZIP, TAR_GZ or WHEEL) to the path, whole or not at all. */
int package_write(struct package *package, enum package_format format, bool compress, const char *path,
    struct package_made *made, struct err *err);

/* ---- for those who look at single files: package_*.c, host.directory, weir.artifact ---- */

/* The order of finished files, for qsort() and bsearch(). */
int package_by_path(const void *a, const void *b);
/* Opens a file of the package, if it is still the one that was scanned. */
int package_open(struct package *package, const struct package_file *file, int *fd, struct err *err);
/* Was it the same to the end? */
int package_check(struct package *package, const struct package_file *file, int fd, struct err *err);
/* A file name for messages, whatever bytes it is made of. */
struct str package_name(struct arena *arena, struct str name);
