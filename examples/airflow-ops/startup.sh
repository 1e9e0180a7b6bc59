#!/bin/sh
# Runs on every machine of the environment before Airflow starts. dbt gets an environment of its own.
set -e
if [ "$MWAA_AIRFLOW_COMPONENT" = "worker" ]; then
  python3 -m venv /usr/local/airflow/dbt
  /usr/local/airflow/dbt/bin/pip install --quiet "dbt-core==1.9.*" "dbt-redshift==1.9.*"
fi
