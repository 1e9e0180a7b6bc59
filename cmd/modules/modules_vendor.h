/* weir modules vendor. */
#pragma once

#include "cmd/modules/modules_used.h"

struct vendor_settings {
    struct settings shared;
    bool remove;
};

int modules_vendor_run(struct invocation *inv);
