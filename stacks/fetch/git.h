/* Repositories, by the program git: what a tag or branch is now, and the files of a commit. */
#pragma once

#include "stacks/load/module_source.h"

/* Asks the repository for all its tags and branches. `work` is a folder for scratch files. */
int git_refs(struct arena *arena, const struct module_source *source, const char *work, struct str *refs,
    struct err *err);
/* The commit that the source's tag or branch is at, among these; *tag: it is a tag. */
int git_find(struct arena *arena, const struct module_source *source, struct str refs, struct str *commit,
    bool *tag, struct err *err);
/* All files of the commit, as they are in the repository, into the folder `tree`, which exists. ERR_ABSENT:
 * the repository has no such commit any more. */
int git_files(struct arena *arena, const struct module_source *source, struct str commit, const char *work,
    const char *tree, struct err *err);
