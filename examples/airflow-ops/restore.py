"""A backup of Airflow's metadata into another database, which `airflow db migrate` of the same version has made and nothing runs on:

    python restore.py s3://ana-ops-backup/metadata/2026/11/21/013000 postgresql://airflow@127.0.0.1/airflow

Takes boto3 and psycopg2. What is in the tables goes; all happens in one transaction, so that a restore that fails changes nothing. What is encrypted in it
takes the old Airflow's fernet key.
"""

import json
import sys
import tempfile
from pathlib import Path

import boto3
import psycopg2

sys.path.append(str(Path(__file__).parent / "dags"))
import ops  # noqa: E402

REVISION = "SELECT version_num FROM alembic_version"
# Columns that count by themselves: the next one comes after what was restored.
COUNTERS = """SELECT format('SELECT setval(%L, (SELECT max(%I) FROM %I.%I))', pg_get_serial_sequence(format('%I.%I', table_schema, table_name), column_name), column_name, table_schema, table_name)
    FROM information_schema.columns WHERE table_schema = current_schema AND pg_get_serial_sequence(format('%I.%I', table_schema, table_name), column_name) IS NOT NULL"""


def restore(s3, bucket: str, folder: str, cursor) -> int:
    """How many rows."""
    manifest = json.loads(s3.get_object(Bucket=bucket, Key=f"{folder}/{ops.MANIFEST}")["Body"].read())
    files = [file for file in manifest["files"] if "table" in file]
    cursor.execute(REVISION)
    before = cursor.fetchone()
    cursor.execute("TRUNCATE " + ", ".join(ops.quoted(file["table"]) for file in files))
    for file in files:
        with tempfile.TemporaryFile() as content:
            s3.download_fileobj(bucket, file["key"], content)
            if ops.digest(ops.pieces(content)) != file["sha256"]:
                raise SystemExit(f"{file['key']} is not what was backed up")
            cursor.copy_expert(f"COPY {ops.quoted(file['table'])} FROM STDIN (FORMAT csv, HEADER)", content)
    cursor.execute(REVISION)
    if (after := cursor.fetchone()) != before:
        raise SystemExit(f"the backup is of revision {after[0]}, the database has {before[0]}: migrate it with the version of Airflow that made the backup")
    cursor.execute(COUNTERS)
    for (counter,) in cursor.fetchall():
        cursor.execute(counter)
    return sum(file["rows"] for file in files)


def main(source: str, database: str) -> None:
    bucket, _, folder = source.removeprefix("s3://").rstrip("/").partition("/")
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        print(restore(boto3.client("s3"), bucket, folder, cursor), "rows restored")


if __name__ == "__main__":
    main(*sys.argv[1:])
