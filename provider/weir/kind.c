/* The kind `weir`: see kind.h. */
#include "provider/weir/kind.h"

#include "provider/weir/artifact.h"
#include "provider/weir/key.h"
#include "provider/weir/random.h"
#include "provider/weir/run.h"
#include "provider/weir/value.h"

static const struct schema *const types[] = {&weir_value_schema, &weir_artifact_schema, NULL};

static const struct native natives[] = {{.name = "command", .ops = &weir_command_ops},
    {.name = "random", .ops = &weir_random_ops}, {.name = "key", .ops = &weir_key_ops}, {0}};

const struct provider_kind weir_kind = {
    .name = "weir", .specs = "provider/weir/specs/", .types = types, .natives = natives};
