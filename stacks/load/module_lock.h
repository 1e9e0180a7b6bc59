/*
 * weir.lock, beside weir.yaml and kept in version control with it: what each source of a module from
 * elsewhere stands for. Everybody who uses the stack gets the same files, whatever a tag or a bucket says by
 * then.
 *
 *     version: 1
 *     modules:
 *       git::https://example.org/lake.git//zones?ref=v1.2:
 *         commit: 3f1c…
 *         tree: sha256:…        what all its files are (base/tree_manifest.h)
 *       s3://modules/net-1.0.tar.gz:
 *         archive: sha256:…
 *         tree: sha256:…
 *         vendored: modules/vendor/net-1.0
 *
 * The files are in .weir/modules, or where `vendored` says, which is in version control, too. Only
 * `weir modules` writes here; everything else reads. That of the stack counts for modules within modules.
 */
#pragma once

#include "base/yaml.h"

/* ---- module_lock.c: where a remote module comes from, read from its `source:`
 *
 *     git::https://example.org/lake.git//zones?ref=v1.2     a folder of a repository, at a tag, branch or
 * commit git::ssh://git@example.org/lake.git                    all of it, at what is its default branch
 *     https://example.org/lake-1.2.tar.gz//zones?checksum=sha256:…
 *     s3://bucket/lake-1.2.zip//zones?region=eu-west-1       signed like the stack's other requests to AWS
 *
 * What is after `//` is a folder within. Pure: nothing is looked up. */
enum module_source_kind { MODULE_GIT, MODULE_HTTPS, MODULE_S3 };

struct module_source {
    enum module_source_kind kind;
    struct str text;        /* as written */
    struct str url;         /* of the repository or archive, without what follows it; zero-terminated */
    struct str dir;         /* the folder within; "" all of it */
    struct str ref;         /* git: "" the default branch */
    struct str checksum;    /* SHA-256 of the archive, 64 small hex digits; "" not given */
    struct str bucket, key; /* S3 */
    struct str region;      /* S3; "" the provider's */
    struct str name;        /* what people would call it: "lake", "lake-1.2" */
};

/* Does it come from elsewhere at all? ./FOLDER and builtin/NAME do not. */
bool module_source_is_remote(struct str text);
/* ERR_INVALID, with a hint, for what cannot be meant or must not be done. */
int module_source_parse(struct arena *arena, struct str text, struct module_source *out, struct err *err);
/* For what is no source at all but looks like one of another tool: how it is written here; "" no idea. */
struct str module_source_suggest(struct arena *arena, struct str text);

/* 40 or 64 small hex digits: a commit's name, whatever it is called otherwise. */
bool module_is_commit(struct str text);

/* ---- module_lock.c ---- */

struct module_pin {
    struct str source;   /* as written in the stack */
    struct str commit;   /* of a repository; "" of an archive */
    struct str archive;  /* of an archive: its SHA-256; "" of a repository */
    struct str tree;     /* SHA-256; both without "sha256:" */
    struct str vendored; /* the folder, from the stack's; "" not vendored */
    struct span span;    /* in the lock */
};

struct module_lock {
    struct module_pin *pins; /* sorted by source */
    size_t n;
};

/* weir.lock beside weir.yaml, other.lock beside other.yaml: two stacks in one folder have a lock each.
 * `stack` is the stack's file, or its folder, which has weir.yaml. */
struct str module_lock_path(struct arena *arena, struct str stack);
/* What the tree of the file says. False, after errors, where it cannot be used. */
bool module_lock_of(
    struct arena *arena, const struct node *root, struct diags *diags, struct module_lock *out);
/* Reads the file; no pins where there is none. */
bool module_lock_read(struct arena *arena, struct str path, struct diags *diags, struct module_lock *out);
/* NULL: it does not know the source. */
const struct module_pin *module_lock_find(const struct module_lock *lock, struct str source);
/* Writes it; removes the file where nothing is pinned. */
int module_lock_write(const char *path, const struct module_lock *lock, struct err *err);

/* Where the files of a pinned source are: the folder that `source->dir` is a folder of. */
struct str module_pin_folder(
    struct arena *arena, struct str dir, const struct module_source *source, const struct module_pin *pin);
