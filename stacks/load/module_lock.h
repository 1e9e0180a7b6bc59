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
 * The files lie in .weir/modules, or where `vendored` says, which is in version control, too. Only
 * `weir modules` writes here; everything else reads. That of the stack counts for modules within modules.
 */
#pragma once

#include "base/diag.h"
#include "base/yaml.h"
#include "stacks/load/module_source.h"

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

/* Where the files of a pinned source lie: the folder that `source->dir` is a folder of. */
struct str module_pin_folder(
    struct arena *arena, struct str dir, const struct module_source *source, const struct module_pin *pin);
