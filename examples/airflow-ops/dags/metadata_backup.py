"""The metadata database as CSV files in the backup bucket, every night, with Airflow's variables and connections as they would be imported again.

A managed Airflow has no backup that one could restore elsewhere, and moving to a new version means a new environment. The last file, manifest.json, says
that the backup is whole: everything in it was looked at in the bucket.
"""

import json
import tempfile
from datetime import datetime, timedelta, timezone

import boto3
import ops
from airflow.decorators import dag, task
from airflow.models import Connection, Variable
from airflow.utils.session import create_session
from sqlalchemy import text

TABLES = ["dag", "dag_run", "task_instance", "task_fail", "task_reschedule", "xcom", "slot_pool", "job", "log"]


@dag(schedule="30 1 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1,
     default_args={"retries": 2, "retry_delay": timedelta(minutes=5)}, tags=["operations"])
def metadata_backup():
    @task
    def begin() -> str:
        return datetime.now(timezone.utc).isoformat()

    @task
    def save(table: str, at: str) -> dict:
        """One consistent look at one table, through a file: nothing of it lies in memory as a whole."""
        bucket, key = Variable.get("backup_bucket"), ops.backup_key(f"{table}.csv", datetime.fromisoformat(at))
        with create_session() as session, tempfile.TemporaryFile() as file:
            result = session.connection(execution_options={"stream_results": True}).execute(text(f'SELECT * FROM "{table}"'))
            size = ops.spool(ops.to_csv(list(result.keys()), result), file)
            boto3.client("s3").upload_fileobj(file, bucket, key, ExtraArgs={"ContentType": "text/csv", "ServerSideEncryption": "AES256"})
        return {"key": key, "size": size}

    @task
    def export(at: str) -> list[dict]:
        """For `airflow variables import` and `airflow connections import`; what is kept as secrets of the account is not in the database."""
        bucket, saved = Variable.get("backup_bucket"), []
        with create_session() as session:
            variables = {variable.key: variable.get_val() for variable in session.query(Variable)}
            connections = {found.conn_id: {"conn_type": found.conn_type, "host": found.host, "login": found.login, "password": found.password, "schema": found.schema,
                                           "port": found.port, "extra": found.extra, "description": found.description} for found in session.query(Connection)}
        for name, content in ("variables.json", variables), ("connections.json", connections):
            key, body = ops.backup_key(name, datetime.fromisoformat(at)), json.dumps(content, indent=1, sort_keys=True).encode()
            boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", ServerSideEncryption="AES256")
            saved.append({"key": key, "size": len(body)})
        return saved

    @task
    def prove(tables: list[dict], exported: list[dict], at: str) -> str:
        """Each file is there, as large as it was written."""
        bucket, s3, files = Variable.get("backup_bucket"), boto3.client("s3"), [*tables, *exported]
        for file in files:
            found = s3.head_object(Bucket=bucket, Key=file["key"])["ContentLength"]
            if found != file["size"]:
                raise ValueError(f"{file['key']} has {found} bytes, not {file['size']}")
        key = ops.backup_key(ops.MANIFEST, datetime.fromisoformat(at))
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps({"at": at, "files": files}).encode(), ContentType="application/json")
        return key

    @task
    def drop_old() -> int:
        bucket, days = Variable.get("backup_bucket"), int(Variable.get("backup_days"))
        s3, dropped = boto3.client("s3"), 0
        found = [o for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="metadata/") for o in page.get("Contents", [])]
        # The last backup stays however old it is.
        for keys in ops.pages(ops.expired(found, datetime.now(timezone.utc), days, keep=len(TABLES) + 3)):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
            dropped += len(keys)
        return dropped

    at = begin()
    prove(save.partial(at=at).expand(table=TABLES), export(at), at) >> drop_old()


metadata_backup()
