"""Events of users into Redshift and through dbt, every morning: load the day's files, build the models, test them."""

from datetime import datetime, timedelta, timezone

from airflow.decorators import dag
from airflow.operators.bash import BashOperator
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator

COLUMNS = {
    "user_event": "user_id int, datestamp timestamp, item_id int, clicked int, purchased int, paidamount int",
    "user_variant": "user_id int, variant_id varchar(32)",
    "user_metadata": "user_id int, age varchar(16), gender varchar(16), updated_at timestamp",
}


def load(table: str) -> RedshiftDataOperator:
    """The table anew from its files; in one transaction, so that nobody sees it empty."""
    return RedshiftDataOperator(
        task_id=f"load_{table}",
        workgroup_name="{{ var.value.warehouse }}",
        database="{{ var.value.warehouse_database }}",
        sql=["CREATE SCHEMA IF NOT EXISTS raw_data", f"CREATE TABLE IF NOT EXISTS raw_data.{table} ({COLUMNS[table]})", f"DELETE FROM raw_data.{table}",
             f"COPY raw_data.{table} FROM 's3://{{{{ var.value.raw_bucket }}}}/raw_data/{table}.csv' IAM_ROLE default CSV IGNOREHEADER 1 TIMEFORMAT 'auto'"],
        wait_for_completion=True,
    )


def dbt(command: str) -> BashOperator:
    """dbt lives in an environment of its own (startup.sh): its requirements and Airflow's do not agree."""
    return BashOperator(
        task_id=f"dbt_{command}",
        bash_command=f"mkdir -p $TMPDIR && cp -r /usr/local/airflow/dags/dbt $TMPDIR/dbt && cd $TMPDIR/dbt && /usr/local/airflow/dbt/bin/dbt {command} --profiles-dir .",
        env={"TMPDIR": "{{ '/tmp/' ~ ti.task_id ~ ti.try_number }}", "WAREHOUSE_HOST": "{{ var.value.warehouse_host }}",
             "WAREHOUSE_DATABASE": "{{ var.value.warehouse_database }}", "DBT_TARGET": "prod"},
        append_env=True,
    )


@dag(schedule="0 5 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1,
     default_args={"retries": 1, "retry_delay": timedelta(minutes=10)}, tags=["warehouse"])
def warehouse():
    [load(table) for table in COLUMNS] >> dbt("build")


warehouse()
