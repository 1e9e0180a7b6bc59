/*
 * Which sandbox a stack has with --sandbox, and where in it the stack's state is. The folder, of these the
 * first:
 *
 *   - what `sandbox:` in the stack file says;
 *   - .weir/sandbox in the stack's folder or in one above, the nearest that is there;
 *   - .weir/sandbox in the nearest folder above that has a .weir, so that `mkdir .weir` at the top of a
 *     repository gives all its stacks one sandbox;
 *   - .weir/sandbox in the stack's folder.
 *
 * Above ends with the repository (a folder with .git), and before the home folder, a folder in which
 * everybody may write, or the root. Nothing is made here, and what cannot be read counts as not there.
 */
#pragma once

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"

#define SANDBOX_IN_FOLDER DIR_OF_WEIR "/sandbox"

/* `stack`: a folder or a stack file; NULL: this folder. Ends with a NUL, as that of the next one does. */
struct str sandbox_place(struct arena *arena, const char *stack);
/* The folder in which such a stack has its .weir: of a sandbox in its own folder that one, otherwise one for
 * each folder, so that stacks of one name do not meet. The sandbox is there. */
struct str sandbox_state_place(struct arena *arena, const char *sandbox, const char *stack);
/* The folder above a real path; "" where the search for what a stack shares with others ends. */
struct str sandbox_place_above(struct arena *arena, struct str folder);
/* Do both lead to one folder? Also where that is not there yet. */
bool sandbox_place_same(const char *a, const char *b);
