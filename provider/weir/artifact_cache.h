/*
 * What is remembered of an artifact between runs, so that nothing is packed, built or installed again without
 * need: `<folder>/<id>.cache`, one for each artifact (by its address), and beside it the package made last.
 * (The hashes of single files are base/digests.h's.)
 *
 * Nothing depends on it: what is missing, damaged or of another version counts as nothing, and where the
 * folder cannot be written nothing is remembered. Only a package that has to be made needs the room.
 */
#pragma once

#include "provider/package/package.h"

struct artifact_cache {
    struct arena *arena;
    struct digests *digests; /* of local files; may be NULL */
    struct str folder, id;
    struct str built;          /* digest of what the build command last ran with; "" never */
    struct str vendored;       /* digest of what pip last installed; "" never */
    struct str digest, sha256; /* of the package made last; "" none */
    int64_t size;
};

/* Of the artifact with that address, in the stack's work folder. */
void artifact_cache_load(
    struct artifact_cache *cache, struct arena *arena, struct str work_dir, struct str address);
/* Makes the folder, where it is not there. */
int artifact_cache_make(const struct artifact_cache *cache, struct err *err);
/* Path of the package with that hash, there or not. */
const char *artifact_cache_package(const struct artifact_cache *cache, struct str sha256);
/* Folder for what pip installs, by its digest. */
struct str artifact_cache_vendored(const struct artifact_cache *cache, struct str digest);
/* Notes the package made now; the one before goes, and what runs that were killed have left of it. */
void artifact_cache_made(struct artifact_cache *cache, struct str digest, const struct package_made *made);
void artifact_cache_save(const struct artifact_cache *cache);
