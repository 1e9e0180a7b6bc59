/*
 * The manifest of a folder, a text with a line for each file and link, sorted by path,
 *
 *     100644 SHA-256-of-the-content net/weir.yaml
 *     100755 SHA-256-of-the-content net/build.sh
 *     120000 SHA-256-of-the-target  net/shared
 *
 * with git's modes. The SHA-256 of the manifest identifies the whole tree. The manifest is stored in the
 * folder itself (TREE_MANIFEST) and does not list itself. Files added later, such as build results, are not
 * listed and do not matter.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define TREE_MANIFEST ".weir-files"

/*
 * Writes the manifest of the folder's content into the folder and returns its SHA-256 as 64 hex digits.
 * ERR_INVALID for content that is not allowed: `.git`, `.weir`, line breaks in names.
 */
int tree_manifest_write(struct arena *arena, const char *dir, struct str *sha256, struct err *err);
/* Compares the folder with the manifest of this SHA-256. ERR_DAMAGED, with the first file that differs. */
int tree_manifest_check(const char *dir, struct str sha256, struct err *err);
/* Copies the listed files and the manifest into an existing, empty folder. */
int tree_manifest_copy(const char *dir, const char *to, struct err *err);
