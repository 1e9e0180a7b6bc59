"""Events of users into Redshift and through dbt, every morning: load the day's files, build the models, test them."""

import os
import shutil
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3
from airflow.decorators import dag, task
from airflow.exceptions import AirflowException
from airflow.hooks.subprocess import SubprocessHook
from airflow.models import Variable
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator

DBT = "/usr/local/airflow/dbt/bin/dbt"
COLUMNS = {
    "user_event": "user_id int, datestamp timestamp, item_id int, clicked int, purchased int, paidamount int",
    "user_variant": "user_id int, variant_id varchar(32)",
    "user_metadata": "user_id int, age varchar(16), gender varchar(16), updated_at timestamp",
}


def load(table: str) -> RedshiftDataOperator:
    """The table anew from its files; in one transaction, so that nobody sees it empty. What is empty in a file is unknown, not a text without letters."""
    return RedshiftDataOperator(
        task_id=f"load_{table}",
        workgroup_name="{{ var.value.warehouse }}",
        database="{{ var.value.warehouse_database }}",
        sql=[f"CREATE TABLE IF NOT EXISTS raw_data.{table} ({COLUMNS[table]})", f"DELETE FROM raw_data.{table}",
             f"COPY raw_data.{table} FROM 's3://{{{{ var.value.raw_bucket }}}}/raw_data/{table}.csv' IAM_ROLE default CSV IGNOREHEADER 1 EMPTYASNULL TIMEFORMAT 'auto'"],
        wait_for_completion=True,
    )


@task(task_id="dbt_build")
def build() -> None:
    """The models and their tests. dbt has an environment of its own (startup.sh), since its requirements and Airflow's do not agree; it works on a copy of the project, and
    logs in as who this task is to Redshift, with a password for an hour."""
    warehouse, database = Variable.get("warehouse"), Variable.get("warehouse_database")
    login = boto3.client("redshift-serverless").get_credentials(workgroupName=warehouse, dbName=database, durationSeconds=3600)
    settings = {"DBT_TARGET": "login", "WAREHOUSE_HOST": Variable.get("warehouse_host"), "WAREHOUSE_DATABASE": database, "WAREHOUSE_SSLMODE": Variable.get("warehouse_sslmode"),
                "WAREHOUSE_USER": login["dbUser"], "WAREHOUSE_PASSWORD": login["dbPassword"]}
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # Airflow's packages are not dbt's
    with tempfile.TemporaryDirectory() as folder:
        project = shutil.copytree(Path(__file__).parent / "dbt", Path(folder) / "dbt")
        done = SubprocessHook().run_command([DBT, "build", "--profiles-dir", "."], env={**surroundings, **settings}, cwd=str(project))
    if done.exit_code:
        raise AirflowException(f"dbt ended with status {done.exit_code}: {done.output}")


@dag(schedule="0 5 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1,
     default_args={"retries": 1, "retry_delay": timedelta(minutes=10)}, tags=["warehouse"])
def warehouse():
    [load(table) for table in COLUMNS] >> build()


warehouse()
