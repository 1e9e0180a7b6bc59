/* Kinds whose types are services with a REST API, said in specs: see kinds.h. */
#include "provider/rest/kinds.h"

#include "provider/rest/rest.h"

REST_KIND(airflow_kind, "airflow", "airflow");
REST_KIND(grafana_kind, "grafana", "grafana");
REST_KIND(metabase_kind, "metabase", "metabase");
REST_KIND(http_kind, "http", "rest");
