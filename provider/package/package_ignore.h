/*
 * What git would leave out of a folder: the rules of its .gitignore files, and of those around it.
 *
 * Order of calls, along a walk from the top down: ignore_begin() for the folder where the walk begins,
 * ignore_enter() and ignore_leave() for it and each one below, ignore_says() for what lies in the one entered
 * last. Paths are those below the first folder.
 *
 * A repository within, such as a submodule, has rules of its own: what those around it say ends there. The
 * rules of a user (core.excludesFile) are not read: they differ from machine to machine.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/glob.h"

struct ignore {
    struct arena *arena;
    struct glob_rule *items; /* heap; their folders are relative to the repository */
    size_t n, cap;
    size_t first;     /* those of the repository that the walk is in */
    struct str above; /* where the walk entered that repository, "" at its top */
    size_t below;     /* bytes of a path that lie before it */
};

/* Without links. ERR_INVALID where a file of rules is there and cannot be read: it may keep a secret out. */
int ignore_begin(struct ignore *ignore, struct arena *arena, struct str folder, struct err *err);
/* `folder` is on disk what `path` is below the first one. *before is for ignore_leave(). */
int ignore_enter(
    struct ignore *ignore, struct str folder, struct str path, struct ignore *before, struct err *err);
void ignore_leave(struct ignore *ignore, const struct ignore *before);
bool ignore_says(const struct ignore *ignore, struct str path, bool folder);
void ignore_release(struct ignore *ignore);
