"""Fetches one page of films into the lake."""

import json
import os
import urllib.request

import boto3


def handler(event, context):
    with urllib.request.urlopen(event["url"]) as answer:
        page = json.load(answer)
    bucket, prefix = os.environ["TARGET"].removeprefix("s3://").split("/", 1)
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}{event['name']}.json", Body=json.dumps(page).encode())
    return {"count": len(page)}
