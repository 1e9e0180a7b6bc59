/*
 * The files of remote modules, before a stack is loaded: whatever weir.lock names and is not here is
 * fetched, exactly as it is locked. Where all is here, nothing is asked of anybody.
 */
#pragma once

#include "plan/workspace.h"
#include "stacks/fetch/fetch.h"

/* -1 with errors in diags, or with err. The catalog is needed where the stack's own settings are. */
int module_files_bring(
    const struct workspace_options *options, struct catalog *catalog, struct diags *diags, struct err *err);

/* For who fetches by himself. `out` and what it points to have to live as long as the fetch. */
struct module_fetching {
    const struct workspace_options *options;
    struct catalog *catalog;
    struct diags *diags;
    struct str dir; /* the stack's folder */
};
void module_files_options(struct module_fetching *fetching, struct fetch_options *out);
