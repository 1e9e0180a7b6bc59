/*
 * Packages: makes one file of a folder's files, reproducibly: the same files and the same compressor give the
 * same bytes, with entries sorted by name and fixed times, owners and modes.
 *
 * Order of calls: package_scan() for each folder (or package_add_file() for a single file), package_finish(),
 * package_hash(), then package_digest() identifies the content without packing, and package_write() writes
 * the package. Files are read in pieces, never as a whole.
 *
 * If a file changes while it is hashed or packed, the call fails with `changed` set; the caller repeats the
 * sequence from the scan, a few times.
 */
#pragma once

#include "base/digests.h"
#include "base/match.h"
#include "base/threads.h"
#include "base/value.h"

enum package_format { PACKAGE_FILE, PACKAGE_ZIP, PACKAGE_TAR_GZ, PACKAGE_WHEEL };

enum package_kind { PACKAGE_REGULAR, PACKAGE_FOLDER, PACKAGE_LINK }; /* the last two: of build contexts */

struct package_file {
    struct str path;   /* in the package; UTF-8, without a leading slash */
    struct str source; /* on disk, NUL-terminated; "": the content is `text` */
    struct str text;   /* or a link's target */
    enum package_kind kind;
    int64_t size;
    struct file_id id; /* detects changes since the scan */
    bool executable;
    int mode; /* 0: by `executable` */
    bool hashed;
    unsigned char sha256[SHA256_SIZE];
};

struct package {
    struct arena *arena;
    struct package_file *files; /* on the heap */
    size_t n, cap;
    int64_t unpacked;          /* size of all files in bytes */
    atomic_bool changed;       /* a file changed while it was read */
    const atomic_bool *cancel; /* set: hashing and writing stop with ERR_INTERRUPTED; may be NULL */
};

struct package_filter {
    const struct value *include, *exclude; /* lists of patterns (base/match.h); may be NULL */
    bool gitignore;
    bool vendored; /* the folder was filled by pip: machine-dependent files are left out */
    bool watched;  /* only for detecting changes: links may lead anywhere, special files are skipped */
};

void package_init(struct package *package, struct arena *arena);
void package_release(struct package *package);

/*
 * Adds the files of a folder. Fails with ERR_INVALID on what cannot be packed: an unreadable file, a name
 * that is not UTF-8, a link out of the folder, a special file.
 */
int package_scan(
    struct package *package, const char *folder, const struct package_filter *filter, struct err *err);
int package_add_file(struct package *package, const char *file, struct err *err);
/* Add what a scan of another kind has found; the last one returns the new entry, for its attributes. */
void package_add_stat(struct package *package, struct str path, struct str source, const struct stat *st);
struct package_file *package_add_text(struct package *package, struct str path, struct str text);
/* Sorts by path and puts all below `prefix`. Fails with ERR_INVALID if two files have the same path. */
int package_finish(struct package *package, struct str prefix, struct err *err);
/* Used instead of package_finish() for files that are only checked for changes: each file once, under its
 * path on disk. */
void package_finish_inputs(struct package *package);
/* Computes the SHA-256 of each file; `digests` caches those of unchanged files. */
int package_hash(struct package *package, struct digests *digests, struct err *err);
/* Adds the metadata of a wheel (NAME-VERSION.dist-info), after package_hash(). */
void package_add_wheel(struct package *package, struct str name, struct str version);

/* Returns the SHA-256 of everything that determines the package, in hex. */
struct str package_digest(const struct package *package, enum package_format format, bool compress);
/* The same for a build context; `recipe`: what determines the image besides the files. */
struct str package_digest_context(const struct package *package, struct str recipe);

struct package_made {
    struct str sha256; /* hex, allocated in the package's arena */
    int64_t size;
};
/* Writes the package (ZIP, TAR_GZ or WHEEL) to the path, atomically. */
int package_write(struct package *package, enum package_format format, bool compress, const char *path,
    struct package_made *made, struct err *err);

/* ---- single files: for package_*.c, host.directory, weir.artifact ---- */

/* Compares by path, for qsort() and bsearch(). */
int package_by_path(const void *a, const void *b);
void package_sort(struct package *package);
/* Opens a file of the package; fails if it has changed since the scan. */
int package_open(struct package *package, const struct package_file *file, int *fd, struct err *err);
/* Fails if the file changed while it was read. */
int package_check(struct package *package, const struct package_file *file, int fd, struct err *err);
/* Returns a file name for messages, with invalid bytes replaced. */
struct str package_name(struct arena *arena, struct str name);
