/*
 * Which files a stack is made of, found without evaluating anything: for what works on the files themselves,
 * also where the stack has mistakes or lacks inputs.
 */
#pragma once

#include "base/diag.h"
#include "base/file.h"

/*
 * Calls `found` for the stack's own file, what it includes, and the same for the modules in folders (not the
 * built-in ones), each once. A file that cannot be read or parsed ends the way there without a word; only
 * where there is no stack at all, a diagnostic says so, and the result is -1. `path` is arena's.
 */
int stack_files(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str path), void *ctx);

/* Calls `found` with the name of each environment of the stack, or each connection of it; otherwise as
 * stack_files(). */
typedef int stack_namer(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str name), void *ctx);
stack_namer stack_environments, stack_connections;

/* Calls `found` for each test, the YAML files in tests/ beside the stack, in the order of their names. */
void stack_test_files(
    struct arena *arena, const char *dir, void (*found)(void *ctx, struct str path), void *ctx);

/* ---- Which sandbox a stack has with --sandbox, and where in it the stack's state is. The
 * folder, of these the first:
 *
 *   - what `sandbox:` in the stack file says;
 *   - .weir/sandbox in the stack's folder or in one above, the nearest that is there;
 *   - .weir/sandbox in the nearest folder above that has a .weir, so that `mkdir .weir` at the top of a
 *     repository gives all its stacks one sandbox;
 *   - .weir/sandbox in the stack's folder.
 *
 * Above ends with the repository (a folder with .git), and before the home folder, a folder in which
 * everybody may write, or the root. Nothing is made here, and what cannot be read counts as not there. */
#define SANDBOX_IN_FOLDER DIR_OF_WEIR "/sandbox"

/* `stack`: a folder or a stack file; NULL: this folder. Ends with a NUL, as that of the next one does. */
struct str sandbox_folder(struct arena *arena, const char *stack);
/* The folder in which such a stack has its .weir: of a sandbox in its own folder that one, otherwise one for
 * each folder, so that stacks of one name do not meet. The sandbox is there. */
struct str sandbox_state_folder(struct arena *arena, const char *sandbox, const char *stack);
/* The folder above a real path; "" where the search for what a stack shares with others ends. */
struct str sandbox_folder_above(struct arena *arena, struct str folder);
/* Do both lead to one folder? Also where that is not there yet. */
bool sandbox_folder_same(const char *a, const char *b);
