"""The metadata database as CSV files in the backup bucket, every night: what ran when with which result, and the settings.

A managed Airflow has no backup that one could restore elsewhere, and moving to a new version means a new environment.
"""

import tempfile
from datetime import datetime, timedelta, timezone

import boto3
import ops
from airflow.decorators import dag, task
from airflow.models import Variable
from airflow.utils.session import create_session
from sqlalchemy import text

# Connections and variables are secrets of the account and are not in the database.
TABLES = ["dag", "dag_run", "task_instance", "task_fail", "task_reschedule", "xcom", "slot_pool", "job", "log"]


@dag(schedule="30 1 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1,
     default_args={"retries": 2, "retry_delay": timedelta(minutes=5)}, tags=["operations"])
def metadata_backup():
    @task
    def begin() -> str:
        return datetime.now(timezone.utc).isoformat()

    @task
    def save(table: str, at: str) -> int:
        """One consistent look at one table, through a file: nothing of it lies in memory as a whole."""
        bucket, key = Variable.get("backup_bucket"), ops.backup_key(table, datetime.fromisoformat(at))
        s3 = boto3.client("s3")
        with create_session() as session, tempfile.TemporaryFile() as file:
            result = session.connection(execution_options={"stream_results": True}).execute(text(f'SELECT * FROM "{table}"'))
            size = ops.spool(ops.to_csv(list(result.keys()), result), file)
            s3.upload_fileobj(file, bucket, key, ExtraArgs={"ContentType": "text/csv", "ServerSideEncryption": "AES256"})
        return size

    @task
    def drop_old() -> int:
        bucket, days = Variable.get("backup_bucket"), int(Variable.get("backup_days"))
        s3, dropped = boto3.client("s3"), 0
        found = [o for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="metadata/") for o in page.get("Contents", [])]
        # The last backup stays however old it is.
        for keys in ops.pages(ops.expired(found, datetime.now(timezone.utc), days, keep=len(TABLES))):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
            dropped += len(keys)
        return dropped

    save.partial(at=begin()).expand(table=TABLES) >> drop_old()


metadata_backup()
