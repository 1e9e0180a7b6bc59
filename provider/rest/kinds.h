/* Kinds whose types are services with a REST API, said in specs: provider/<kind>/specs. */
#pragma once

#include "provider/kind.h"

extern const struct provider_kind airflow_kind, grafana_kind, metabase_kind, http_kind;
