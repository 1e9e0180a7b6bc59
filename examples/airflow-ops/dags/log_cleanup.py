"""Every week: rows of old runs leave the metadata database, the week's logs of tasks go into the log bucket, and old ones leave that."""

from datetime import datetime, timedelta, timezone

import boto3
import ops
from airflow.decorators import dag, task
from airflow.models import Variable
from airflow.utils.db_cleanup import run_cleanup


@dag(schedule="0 3 * * 0", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1,
     default_args={"retries": 3, "retry_delay": timedelta(minutes=30)}, tags=["operations"])
def log_cleanup():
    @task
    def rows() -> None:
        """Only after a backup that has them."""
        before = datetime.now(timezone.utc) - timedelta(days=int(Variable.get("keep_runs_days")))
        run_cleanup(clean_before_timestamp=before, skip_archive=True, confirm=False, verbose=True)

    @task
    def export_logs() -> str:
        """CloudWatch keeps the groups for a while only. An account has one export at a time: it is tried again later."""
        now, bucket = datetime.now(timezone.utc), Variable.get("log_bucket")
        begin, end = (int(at.timestamp() * 1000) for at in (now - timedelta(days=7), now))
        return boto3.client("logs").create_export_task(
            taskName=f"week-{now:%Y-%m-%d}", logGroupName=f"airflow-{Variable.get('environment')}-Task", fromTime=begin, to=end,
            destination=bucket, destinationPrefix=f"exported/{now:%Y/%m/%d}")["taskId"]

    @task
    def exported_logs() -> int:
        bucket, days = Variable.get("log_bucket"), int(Variable.get("keep_logs_days"))
        s3, dropped = boto3.client("s3"), 0
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="exported/"):
            for keys in ops.pages(ops.expired(page.get("Contents", []), datetime.now(timezone.utc), days)):
                s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
                dropped += len(keys)
        return dropped

    rows() >> export_logs() >> exported_logs()


log_cleanup()
