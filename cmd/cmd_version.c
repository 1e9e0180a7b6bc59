/* weir version. */
#include "cmd/invocation/invocation.h"

static int cmd_version_run(struct invocation *inv)
{
    bool json = inv->settings->json;
    return invocation_write(inv, json ? STR("{\"name\":\"weir\",\"version\":\"" WEIR_VERSION "\"}\n")
                                      : STR("weir " WEIR_VERSION "\n"));
}

static const struct option_set *const sets[] = {&options_json, NULL};

const struct command cmd_version = {
    .name = "version",
    .summary = "say which weir this is",
    .sets = sets,
    .run = cmd_version_run,
};
