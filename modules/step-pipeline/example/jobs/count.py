"""Writes how many objects a table has; a stand-in for real work."""

import json
import sys

import boto3


def main(arguments):
    options = dict(zip(arguments[::2], arguments[1::2]))
    s3, table = boto3.client("s3"), options["--table"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=options["--bucket"], Prefix=f"{table}/")
    count = sum(page["KeyCount"] for page in pages)
    body = json.dumps({"table": table, "day": options.get("--day"), "objects": count}).encode()
    s3.put_object(Bucket=options["--bucket"], Key=f"counts/{table}.json", Body=body)


if __name__ == "__main__":
    main(sys.argv[1:])
