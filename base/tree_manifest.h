/*
 * What a folder holds, as a text that can be kept and compared: a line for each file and link, sorted by
 * path,
 *
 *     100644 SHA-256-of-the-content net/weir.yaml
 *     100755 SHA-256-of-the-content net/build.sh
 *     120000 SHA-256-of-the-target  net/shared
 *
 * with git's modes. The SHA-256 of that text stands for the whole tree: whoever knows it knows, with the
 * text, every file. The text is in the folder itself (TREE_MANIFEST), where it is no part of what it lists.
 * What has come into the folder later, such as what a build has made, is not listed and does not matter.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define TREE_MANIFEST ".weir-files"

/*
 * Lists all that is in the folder, writes that beside it and gives its SHA-256 as 64 hex digits.
 * ERR_INVALID for what no tree of files should hold: `.git`, `.weir`, line breaks in names.
 */
int tree_manifest_write(struct arena *arena, const char *dir, struct str *sha256, struct err *err);
/* ERR_DAMAGED, with the first file that differs, where the folder is not what it was when its list had this
 * SHA-256. */
int tree_manifest_check(const char *dir, struct str sha256, struct err *err);
/* Copies what is listed, and the list, into a folder that exists and is empty. */
int tree_manifest_copy(const char *dir, const char *to, struct err *err);
