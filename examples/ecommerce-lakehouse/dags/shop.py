"""The shop's night: sources to Kafka, bronze, silver, checks, gold, warehouse; of the day that is over, or of the one that is given (weir run nightly day=2026-11-20)."""

import datetime
import os
import shlex

from airflow import DAG
from airflow.models import Variable
from airflow.operators.bash import BashOperator

HOME = os.environ["AIRFLOW_HOME"]
JOBS = ("produce", "bronze", "silver", "quality", "gold", "load")


def words(job: str, day: str) -> str:
    """What a job gets: the variable shop_jobs has them all."""
    return shlex.join(day if word == "DAY" else word for word in Variable.get("shop_jobs", deserialize_json=True)[job])


with DAG("shop_nightly", schedule=os.environ.get("SHOP_SCHEDULE") or None, start_date=datetime.datetime(2024, 1, 1), catchup=False, max_active_runs=1, user_defined_macros={"words": words}, doc_md=__doc__,
         default_args={"retries": 1, "retry_delay": datetime.timedelta(minutes=1), "pool": "spark"}):
    before = None
    for job in JOBS:
        task = BashOperator(task_id=job, bash_command=f"{HOME}/job.sh {job} {{{{ words('{job}', dag_run.conf.get('day') or (data_interval_start | ds)) }}}}", append_env=True,
                            **({"retries": 0} if job == "quality" else {}))
        if before:
            before >> task
        before = task
