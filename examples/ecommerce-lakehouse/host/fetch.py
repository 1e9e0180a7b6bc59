"""Brings job code from the bucket into the folder jobs: fetch.py FOLDER NAME=s3://BUCKET/KEY … Each file is whole before it takes its name."""

import os
import sys
from pathlib import Path

import boto3


def main(folder: Path, wanted: list[str]) -> None:
    s3 = boto3.client("s3")
    folder.mkdir(exist_ok=True)
    names = set()
    for word in wanted:
        name, _, url = word.partition("=")
        bucket, _, key = url.removeprefix("s3://").partition("/")
        s3.download_file(bucket, key, str(folder / f".{name}.new"))
        os.replace(folder / f".{name}.new", folder / name)
        names.add(name)
    for path in folder.iterdir():
        if path.name not in names and path.is_file():
            path.unlink()
    print(len(names), "files of code", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
