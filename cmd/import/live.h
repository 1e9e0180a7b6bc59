/*
 * Stacks from what is there: everything with a tag, everything of a type, everything that bears another
 * stack's mark. Each resource is read whole; what its type's defaults say is left out, and what is another
 * resource's ARN, id or name becomes a reference.
 */
#pragma once

#include "cmd/import/draft.h"
#include "cmd/import/look.h"

struct live_wanted {
    struct str tag_key, tag_value; /* "" no tag */
    const struct str *types;
    size_t type_count;
    /* Where files are fetched into; NULL: none are. `force`: over what is there. */
    struct http_engine *http;
    const char *folder;
    bool force;
};

int live_read(struct draft *draft, struct look *look, const struct live_wanted *wanted, struct err *err);
