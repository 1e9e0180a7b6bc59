/*
 * Lists the remote modules that a stack names, without evaluating anything: also if inputs have no values or
 * a module has not been fetched yet.
 */
#pragma once

#include "base/diag.h"

struct module_use {
    struct str module; /* "net", "net/inner": as in addresses, without keys of for_each */
    struct str source; /* as in the file */
    struct span span;  /* of the source */
};

typedef void module_use_found(void *ctx, const struct module_use *use);

/*
 * Calls `found` for each remote `source:` in the stack's own files, their includes, and modules in folders.
 * The same source may occur several times. `dir` as in stack_options. Returns -1 if there is no stack. Files
 * that cannot be parsed are reported.
 */
int module_uses_of_stack(
    struct arena *arena, const char *dir, struct diags *diags, module_use_found *found, void *ctx);
/* The same for the folder of a fetched remote module; `module` is its name in the stack. A folder without
 * stack file has no uses. */
void module_uses_of_folder(struct arena *arena, struct str folder, struct str module, struct diags *diags,
    module_use_found *found, void *ctx);
