/* weir modules vendor. */
#ifndef WEIR_CMD_MODULES_MODULES_VENDOR_H
#define WEIR_CMD_MODULES_MODULES_VENDOR_H

#include "cmd/modules/modules_used.h"

struct vendor_settings {
    struct settings shared;
    bool remove;
};

int modules_vendor_run(struct invocation *inv);

#endif
