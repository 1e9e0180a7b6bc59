/* Kinds whose types are services with a REST API, said in specs: provider/<kind>/specs. */
#ifndef WEIR_PROVIDER_REST_KINDS_H
#define WEIR_PROVIDER_REST_KINDS_H

#include "provider/kind.h"

extern const struct provider_kind airflow_kind, grafana_kind, metabase_kind, http_kind;

#endif
