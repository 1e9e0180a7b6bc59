/*
 * Lists the files of a stack without evaluating anything, for commands that work on the files themselves,
 * also if the stack has errors or inputs lack values.
 */
#pragma once

#include "base/diag.h"
#include "base/file.h"

/*
 * Calls `found` once for each file: the stack's own file, its includes, and the same of modules in folders
 * (not built-in ones). Files that cannot be read or parsed are skipped without a diagnostic. Returns -1 with
 * a diagnostic only if there is no stack. `path` is allocated in `arena`.
 */
int stack_files(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str path), void *ctx);

/* Calls `found` with the name of each environment, or of each connection, of the stack; otherwise like
 * stack_files(). */
typedef int stack_namer(struct arena *arena, const char *dir, struct diags *diags,
    void (*found)(void *ctx, struct str name), void *ctx);
stack_namer stack_environments, stack_connections;

/* Returns `state:` of the stack; NULL: none, or it has expressions. */
const struct value *stack_state(struct arena *arena, const char *dir);

/* Calls `found` for each test, the YAML files in tests/ beside the stack, sorted by name. */
void stack_test_files(
    struct arena *arena, const char *dir, void (*found)(void *ctx, struct str path), void *ctx);

/* ---- The sandbox that a stack uses with --sandbox, and the stack's state in it. The folder is the first of
 * these:
 *
 * - `sandbox:` in the stack file;
 * - the nearest existing .weir/sandbox in the stack's folder or one above;
 * - .weir/sandbox in the nearest folder above that has a .weir, so that `mkdir .weir` at the top of a
 *   repository gives all its stacks one sandbox;
 * - .weir/sandbox in the stack's folder.
 *
 * The search upwards ends at the repository's root (a folder with .git), and before the home folder, a folder
 * that everybody may write to, or the root. Nothing is created, and unreadable files count as absent. */
#define SANDBOX_IN_FOLDER DIR_OF_WEIR "/sandbox"

/* Returns the sandbox's folder. `stack` is a folder or a stack file; NULL: the current folder. This result
 * and that of the next function are NUL-terminated. */
struct str sandbox_folder(struct arena *arena, const char *stack);
/* Returns the folder that holds the stack's .weir: its own folder if the sandbox is there, otherwise one
 * per stack folder within the sandbox, so that stacks with the same name do not collide. The sandbox must
 * exist. */
struct str sandbox_state_folder(struct arena *arena, const char *sandbox, const char *stack);
/* Returns the folder above a real path, or "" if the search upwards ends here. */
struct str sandbox_folder_above(struct arena *arena, struct str folder);
/* Returns whether both paths name the same folder, also if it does not exist yet. */
bool sandbox_folder_same(const char *a, const char *b);
