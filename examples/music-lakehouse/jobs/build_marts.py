"""The marts, made and tested by dbt; a Glue Python shell job within the private network, with dbt-redshift.

    --project URL    the folder dbt, as a zip in S3
    --warehouse NAME host name of Redshift
    --secret ARN     secret with username and password, which Redshift keeps

What dbt says goes to the job's log. A model that fails, or a test, fails the job, and the marts stay as they were.
"""

import argparse
import io
import json
import os
import socket
import struct
import tempfile
import zipfile

import boto3

PORT = 5439
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # PostgreSQL's protocol: may this be encrypted?


def fetch(s3, url, folder):
    """The project, unpacked; dbt writes beside it."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    zipfile.ZipFile(io.BytesIO(body)).extractall(folder)


def is_encrypted(host):
    """Redshift always can; a warehouse that stands for it may have no certificate."""
    with socket.create_connection((host, PORT), timeout=60) as connection:
        connection.sendall(SSL_REQUEST)
        return connection.recv(1) == b"S"


def build(folder):
    """Makes the marts beside those that are there and tests them; only then they take their place."""
    from dbt.cli.main import dbtRunner

    for command in ["build"], ["run-operation", "publish", "--quiet"]:
        done = dbtRunner().invoke([*command, "--project-dir", folder, "--profiles-dir", folder, "--no-use-colors"])
        if not done.success:
            break
    return done


def main():
    parser = argparse.ArgumentParser()
    for name in ("project", "warehouse", "secret"):
        parser.add_argument("--" + name, required=True)
    options, _ = parser.parse_known_args()  # Glue adds arguments of its own
    login = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=options.secret)["SecretString"])
    os.environ.update(
        WAREHOUSE_HOST=options.warehouse,
        WAREHOUSE_USER=login["username"],
        WAREHOUSE_PASSWORD=login["password"],
        WAREHOUSE_SSLMODE="require" if is_encrypted(options.warehouse) else "disable",
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )
    with tempfile.TemporaryDirectory() as folder:
        fetch(boto3.client("s3"), options.project, folder)
        done = build(folder)
    if not done.success:
        raise SystemExit(f"dbt: {done.exception or 'see above for what failed'}")


if __name__ == "__main__":
    main()
