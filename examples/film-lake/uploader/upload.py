"""Puts /data/movies.csv and /data/series.csv into BUCKET, dated by today: RAW/Local/CSV/{Movies,Series}/YYYY/M/D/."""

import datetime
import os

import boto3

FOLDERS = {"movies.csv": "Movies", "series.csv": "Series"}


def main() -> None:
    today = datetime.datetime.now(datetime.timezone.utc).date()
    s3 = boto3.client("s3")
    for name, folder in FOLDERS.items():
        key = f"RAW/Local/CSV/{folder}/{today.year}/{today.month}/{today.day}/{name}"
        s3.upload_file(f"/data/{name}", os.environ["BUCKET"], key)
        print(f"uploaded {key}")


if __name__ == "__main__":
    main()
