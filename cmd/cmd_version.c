/* weir version. */
#include "cmd/invocation/invocation.h"

#ifdef WEIR_STATIC
#include "static_libraries.h" /* WEIR_BUILT and WEIR_LIBRARIES, made by tools/static */
#else
#define WEIR_BUILT     "with this system's libraries"
#define WEIR_LIBRARIES ""
#endif

static int cmd_version_run(struct invocation *inv)
{
    if (inv->settings->json)
        return invocation_write(
            inv, STR("{\"name\":\"weir\",\"version\":\"" WEIR_VERSION "\",\"built\":\"" WEIR_BUILT "\"}\n"));
    return invocation_write(inv, inv->settings->verbose
                                     ? STR("weir " WEIR_VERSION "\nbuilt " WEIR_BUILT "\n" WEIR_LIBRARIES)
                                     : STR("weir " WEIR_VERSION "\n"));
}

const struct command cmd_version = {
    .name = "version",
    .sets = {&options_json},
    .run = cmd_version_run,
};
