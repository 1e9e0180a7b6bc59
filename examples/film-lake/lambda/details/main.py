"""Details of the lake's titles (language, budget, seasons …) from an HTTP API, as JSON lines of the day.

Looks up what the raw CSV files of all days have and no earlier run has found. Settings: BUCKET, RAW (prefix of the CSV
files), TARGET (prefix of the JSON files), API_URL (titles are at API_URL/titles/ID), TOKEN_SECRET (ARN, optional).
"""

import datetime
import json
import os
import urllib.error
import urllib.request

import boto3
import filmlake

BATCH = 100
s3 = boto3.client("s3")


def objects(bucket: str, prefix: str):
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield item["Key"], s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read().decode()


def token() -> str | None:
    secret = os.environ.get("TOKEN_SECRET")
    return boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] if secret else None


def look_up(title: str, bearer: str | None) -> dict | None:
    """None where the API does not know the title; other answers than 200 and 404 fail the run, which is repeated later."""
    request = urllib.request.Request(f"{os.environ['API_URL']}/titles/{title}", headers={"Authorization": f"Bearer {bearer}"} if bearer else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return None


def handler(event: dict, context) -> dict:
    bucket, target = os.environ["BUCKET"], os.environ["TARGET"]
    day = datetime.date.fromisoformat(event["day"]) if event.get("day") else datetime.datetime.now(datetime.timezone.utc).date()
    known = {json.loads(line)["id"] for _, text in objects(bucket, target + "/") for line in text.splitlines()}
    wanted = [title for key, text in objects(bucket, os.environ["RAW"] + "/") if key.endswith(".csv") for title in filmlake.title_ids(text)]
    wanted = [title for title in dict.fromkeys(wanted) if title not in known]
    bearer, found = token() if wanted else None, 0
    for number, batch in enumerate(filmlake.batches(wanted, BATCH)):
        lines = [json.dumps(details) for details in (look_up(title, bearer) for title in batch) if details]
        found += len(lines)
        if lines:  # a batch is kept at once, so that a run that is cut off has not looked in vain
            s3.put_object(Bucket=bucket, Key=f"{filmlake.day_folder(target, day)}details-{number:04}.jsonl", Body="\n".join(lines).encode() + b"\n")
    print(f"{len(wanted)} titles looked up, {found} found")
    return {"looked_up": len(wanted), "found": found}
