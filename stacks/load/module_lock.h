/*
 * weir.lock, stored beside weir.yaml and in version control. It pins the content of each remote module
 * source, so that all users of the stack get the same files even if a tag moves or a bucket changes.
 *
 *   version: 1
 *   modules:
 *     git::https://example.org/lake.git//zones?ref=v1.2:
 *       commit: 3f1c…
 *       tree: sha256:…        digest of all its files (base/tree_manifest.h)
 *     s3://modules/net-1.0.tar.gz:
 *       archive: sha256:…
 *       tree: sha256:…
 *       vendored: modules/vendor/net-1.0
 *
 * The files are in .weir/modules, or in the folder `vendored`, which is in version control too. Only `weir
 * modules` writes the lock. The stack's lock also pins modules within modules.
 */
#pragma once

#include "base/yaml.h"

/* ---- module_lock.c: parses the `source:` of a remote module
 *
 *   git::https://example.org/lake.git//zones?ref=v1.2     a folder of a repository, at a tag, branch, commit
 *   git::ssh://git@example.org/lake.git                   the whole repository, at its default branch
 *   https://example.org/lake-1.2.tar.gz//zones?checksum=sha256:…
 *   s3://bucket/lake-1.2.zip//zones?region=eu-west-1      signed like the stack's other AWS requests
 *
 * The part after `//` is a folder within the source. Pure: no lookups. */
enum module_source_kind { MODULE_GIT, MODULE_HTTPS, MODULE_S3 };

struct module_source {
    enum module_source_kind kind;
    struct str text;        /* as in the file */
    struct str url;         /* of the repository or archive, without folder and query; NUL-terminated */
    struct str dir;         /* the folder within the source; "": all of it */
    struct str ref;         /* git: the tag, branch or commit; "": the default branch */
    struct str checksum;    /* SHA-256 of the archive, 64 lower-case hex digits; "": not given */
    struct str bucket, key; /* S3 */
    struct str region;      /* S3; "": the provider's region */
    struct str name;        /* a short name: "lake", "lake-1.2" */
};

/* Returns whether the source is remote, that is not ./FOLDER or builtin/NAME. */
bool module_source_is_remote(struct str text);
/* Returns ERR_INVALID with a hint for an invalid or forbidden source. */
int module_source_parse(struct arena *arena, struct str text, struct module_source *out, struct err *err);
/* Returns how another tool's source is written in weir, or "" if it is not recognised. */
struct str module_source_suggest(struct arena *arena, struct str text);

/* Returns whether the text is a commit id: 40 or 64 lower-case hex digits. */
bool module_is_commit(struct str text);

/* ---- module_lock.c ---- */

struct module_pin {
    struct str source;   /* as in the stack */
    struct str commit;   /* of a repository; "" for an archive */
    struct str archive;  /* SHA-256 of an archive; "" for a repository */
    struct str tree;     /* SHA-256 of all files; both digests are without "sha256:" */
    struct str vendored; /* the folder, relative to the stack's; "": not vendored */
    struct span span;    /* in the lock */
};

struct module_lock {
    struct module_pin *pins; /* sorted by source */
    size_t n;
};

/* Returns weir.lock beside weir.yaml, or other.lock beside other.yaml, so that two stacks in one folder have
 * separate locks. `stack` is the stack's file, or its folder, which has weir.yaml. */
struct str module_lock_path(struct arena *arena, struct str stack);
/* Reads the lock from the file's tree. Returns false, after errors, if it is invalid. */
bool module_lock_of(
    struct arena *arena, const struct node *root, struct diags *diags, struct module_lock *out);
/* Reads the file; without a file the lock has no pins. */
bool module_lock_read(struct arena *arena, struct str path, struct diags *diags, struct module_lock *out);
/* Returns NULL if the lock does not pin the source. */
const struct module_pin *module_lock_find(const struct module_lock *lock, struct str source);
/* Writes the lock, or removes the file if there are no pins. */
int module_lock_write(const char *path, const struct module_lock *lock, struct err *err);

/* Returns the folder with the files of a pinned source; `source->dir` is relative to it. */
struct str module_pin_folder(
    struct arena *arena, struct str dir, const struct module_source *source, const struct module_pin *pin);
