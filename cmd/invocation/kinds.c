/* All kinds of providers that this program has: see kinds.h. */
#include "cmd/invocation/kinds.h"

#include "plan/state/stack_data.h"
#include "provider/aws/types/kind.h"
#include "provider/cfn/kind.h"
#include "provider/docker/kind.h"
#include "provider/host/kind.h"
#include "provider/kafka/kind.h"
#include "provider/postgres/kind.h"
#include "provider/rest/kinds.h"
#include "provider/spec/spec.h"
#include "provider/weir/kind.h"

/* A spec of the user's own that names no kind is of the first one. */
static const struct provider_kind *const kinds[] = {
    &aws_kind,
    &weir_kind,
    &airflow_kind,
    &grafana_kind,
    &metabase_kind,
    &http_kind,
    &cfn_kind,
    &docker_kind,
    &postgres_kind,
    &host_kind,
    &kafka_kind,
    NULL,
};

static const struct schema *const types[] = {&weir_stack_schema, NULL};

const struct provider_kinds cmd_kinds = {.items = kinds, .types = types, .reader = &spec_reader};
