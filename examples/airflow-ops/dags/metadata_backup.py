"""The metadata database as CSV files in the backup bucket, every night, with Airflow's variables and connections as they would be imported again.

A managed Airflow has no backup that one could restore elsewhere, and moving to a new version means a new environment. All tables are as one moment had
them. Each file is read back from the bucket, restored into an empty table and compared with the one that it is of, row by row; the last file, manifest.json,
says that this was so of all of them. restore.py takes them into another database.
"""

import json
import tempfile
from datetime import datetime, timedelta, timezone

import boto3
import ops
from airflow import settings
from airflow.decorators import dag, task
from airflow.exceptions import AirflowFailException
from airflow.models import Connection, Variable
from airflow.utils.session import create_session
from sqlalchemy import inspect

WRITTEN = {"ServerSideEncryption": "AES256"}


def body_of(bucket: str, key: str):
    """An object, piece by piece."""
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1024 * 1024)


@dag(schedule="30 1 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1,
     default_args={"retries": 2, "retry_delay": timedelta(minutes=5)}, tags=["operations"])
def metadata_backup():
    @task
    def begin() -> str:
        return datetime.now(timezone.utc).isoformat()

    def save_table(cursor, bucket: str, table: str, key: str) -> dict:
        """Through files: nothing of it lies in memory as a whole."""
        s3 = boto3.client("s3")
        with tempfile.TemporaryFile() as file:
            ops.copy_out(cursor, table, file)
            size, sha256 = file.tell(), ops.digest(ops.pieces(file))
            s3.upload_fileobj(file, bucket, key, ExtraArgs={**WRITTEN, "ContentType": "text/csv"})
        with tempfile.TemporaryFile() as file:
            s3.download_fileobj(bucket, key, file)
            if ops.digest(ops.pieces(file)) != sha256:
                raise ValueError(f"{key} is not in the bucket as it was written")
            rows = ops.restored(cursor, table, file)
        return {"table": table, "key": key, "size": size, "sha256": sha256, "rows": rows}

    @task
    def save(at: str) -> list[dict]:
        """In one transaction, which sees nothing of what happens meanwhile."""
        bucket, moment = Variable.get("backup_bucket"), datetime.fromisoformat(at)
        if settings.engine.dialect.name != "postgresql":
            raise AirflowFailException(f"the metadata are in {settings.engine.dialect.name}: this backup is of PostgreSQL")
        with settings.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
            cursor = connection.connection.cursor()
            names = ops.tables(inspect(connection).get_sorted_table_and_fkc_names())
            return [save_table(cursor, bucket, table, ops.backup_key(f"{table}.csv", moment)) for table in names]

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
            boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", **WRITTEN)
            saved.append({"key": key, "size": len(body), "sha256": ops.digest([body])})
        return saved

    @task
    def prove(saved: list[dict], exported: list[dict], at: str) -> str:
        """Each file is there as it was written, and the tables have been restored of theirs: so the manifest says."""
        bucket, files = Variable.get("backup_bucket"), [*saved, *exported]
        for file in files:
            if ops.digest(body_of(bucket, file["key"])) != file["sha256"]:
                raise ValueError(f"{file['key']} is not what was written")
        key = ops.backup_key(ops.MANIFEST, datetime.fromisoformat(at))
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps({"at": at, "files": files}).encode(), ContentType="application/json", **WRITTEN)
        return key

    @task
    def drop_old() -> int:
        bucket, days = Variable.get("backup_bucket"), int(Variable.get("backup_days"))
        s3, dropped = boto3.client("s3"), 0
        found = [o for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="metadata/") for o in page.get("Contents", [])]
        # The last backup stays however old it is.
        last = (ops.newest_backup(found) or "").rpartition("/")[0]
        for keys in ops.pages(ops.expired(found, datetime.now(timezone.utc), days, keep=last)):
            s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
            dropped += len(keys)
        return dropped

    at = begin()
    prove(save(at), export(at), at) >> drop_old()


metadata_backup()
