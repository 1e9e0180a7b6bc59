/*
 * Which files a stack is made of, found without evaluating anything: for what works on the files themselves,
 * also where the stack has mistakes or lacks inputs.
 */
#pragma once

#include "base/diag.h"

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
