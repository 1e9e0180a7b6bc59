"""Every week, and only after a backup that is proven: rows of old runs leave the metadata database, logs go into the log bucket, and old ones leave that.

On a host of its own Airflow's logs are files below base_log_folder and the scheduler's child_process_log_directory; a managed one has them in CloudWatch
(the variable `log_group` says where).
"""

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3
import ops
from airflow.configuration import conf
from airflow.decorators import dag, task
from airflow.models import Variable
from airflow.utils.db_cleanup import run_cleanup


@dag(schedule="0 3 * * 0", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1,
     default_args={"retries": 3, "retry_delay": timedelta(minutes=30)}, tags=["operations"])
def log_cleanup():
    @task(retries=0)
    def proven() -> str:
        """The last backup is of the last two days, and its files are those that were restored and compared; otherwise nothing is cleaned."""
        bucket, s3 = Variable.get("backup_bucket"), boto3.client("s3")
        found = [o for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="metadata/") for o in page.get("Contents", [])]
        return ops.proven_backup(found, lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1024 * 1024), datetime.now(timezone.utc), timedelta(days=2))

    @task
    def rows() -> None:
        before = datetime.now(timezone.utc) - timedelta(days=int(Variable.get("keep_runs_days")))
        run_cleanup(clean_before_timestamp=before, skip_archive=True, confirm=False, verbose=True)

    @task
    def export_logs() -> str | None:
        """CloudWatch keeps the groups for a while only. An account has one export at a time: it is tried again later."""
        now, bucket, group = datetime.now(timezone.utc), Variable.get("log_bucket"), Variable.get("log_group", default_var=None)
        if not group:
            return None
        begin, end = (int(at.timestamp() * 1000) for at in (now - timedelta(days=7), now))
        return boto3.client("logs").create_export_task(
            taskName=f"week-{now:%Y-%m-%d}", logGroupName=group, fromTime=begin, to=end, destination=bucket, destinationPrefix=f"exported/{now:%Y/%m/%d}")["taskId"]

    @task
    def local_logs() -> dict:
        """Files that nobody writes any more: into the bucket, looked at there, then away."""
        if Variable.get("log_group", default_var=None):
            return {"moved": 0}
        s3, bucket, moved = boto3.client("s3"), Variable.get("log_bucket"), 0
        limit = datetime.now(timezone.utc) - timedelta(days=int(Variable.get("keep_local_days", default_var=7)))
        for folder in {conf.get("logging", "base_log_folder"), conf.get("scheduler", "child_process_log_directory")}:
            for path in ops.old_files(Path(folder), limit):
                key, size = f"exported/{os.uname().nodename}{path}", path.stat().st_size
                s3.upload_file(str(path), bucket, key)
                if s3.head_object(Bucket=bucket, Key=key)["ContentLength"] != size:
                    raise ValueError(f"{key} is not whole")
                path.unlink()
                moved += 1
        return {"moved": moved}

    @task
    def exported_logs() -> int:
        bucket, days = Variable.get("log_bucket"), int(Variable.get("keep_logs_days"))
        s3, dropped = boto3.client("s3"), 0
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="exported/"):
            for keys in ops.pages(ops.expired(page.get("Contents", []), datetime.now(timezone.utc), days)):
                s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
                dropped += len(keys)
        return dropped

    proven() >> rows() >> export_logs() >> local_logs() >> exported_logs()


log_cleanup()
