/*
 * Files of remote modules, before a stack is loaded: fetches the locked versions in weir.lock that are
 * missing. No calls if none is missing.
 */
#pragma once

#include "plan/workspace.h"
#include "stacks/fetch/fetch.h"

/* Returns -1 with errors in diags, or with err. The catalog is needed for the stack's settings of AWS. */
int module_files_bring(
    const struct workspace_options *options, struct catalog *catalog, struct diags *diags, struct err *err);

/* For callers that fetch themselves. `out` and what it refers to must live as long as the fetch. */
struct module_fetching {
    const struct workspace_options *options;
    struct catalog *catalog;
    struct diags *diags;
    struct str dir; /* the stack's folder */
};
void module_files_options(struct module_fetching *fetching, struct fetch_options *out);
