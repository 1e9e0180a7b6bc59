/*
 * Which remote modules a stack names, found without evaluating anything: also where inputs lack or a
 * module has not been fetched yet.
 */
#pragma once

#include "base/diag.h"

struct module_use {
    struct str module; /* "net", "net/inner": as addresses have it, without keys of for_each */
    struct str source; /* as written */
    struct span span;  /* of the source */
};

typedef void module_use_found(void *ctx, const struct module_use *use);

/*
 * Calls `found` for each remote `source:`, in the stack's own files, those they include, and
 * modules in folders. The same source may come several times. `dir` as in stack_options. -1: there is no
 * stack. Files that cannot be parsed are reported.
 */
int module_uses_of_stack(
    struct arena *arena, const char *dir, struct diags *diags, module_use_found *found, void *ctx);
/* The same for a remote module: its folder, and what it is called in the stack. A
 * folder without a file has none. */
void module_uses_of_folder(struct arena *arena, struct str folder, struct str module, struct diags *diags,
    module_use_found *found, void *ctx);
