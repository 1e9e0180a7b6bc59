"""One day of the listening API to the landing zone; a Glue Python shell job that needs Python's own library and boto3 only.

    --api URL        of the API: GET URL/users?page=1 and URL/sessions?day=2026-11-20&page=1 answer {"items": [...], "next": 2 or null}
    --bucket NAME    the landing zone
    --day YYYY-MM-DD  which day; or
    --at TIME        the day before that time, as a schedule gives it (2026-11-21T01:30:00Z)
    --secret NAME    secret with {"token": ...}; without one no token is sent

Each page becomes api/ENDPOINT/day=DAY/page-0001.jsonl.gz as it was answered; pages of an earlier run that are too many go away. An answer
of 429 or 5xx is waited for, as Retry-After says, before the page is asked for again.
"""

import argparse
import datetime
import gzip
import json
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3

ATTEMPTS = 5


def fetch(url, token=None, wait=time.sleep):
    """One answer as JSON."""
    request = urllib.request.Request(url, headers={"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})})
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if attempt == ATTEMPTS or (error.code != 429 and error.code < 500):
                raise
            wait(float(error.headers.get("Retry-After") or 2**attempt))
        except OSError:  # refused or cut
            if attempt == ATTEMPTS:
                raise
            wait(2**attempt)


def pages(get, url, **query):
    """The items of each page, until one says that there is no next."""
    page = 1
    while page:
        answer = get(f"{url}?{urllib.parse.urlencode({**query, 'page': page})}")
        yield answer["items"]
        if answer["next"] is not None and answer["next"] <= page:
            raise ValueError(f"{url}: page {page} is followed by page {answer['next']}")
        page = answer["next"]


def land(s3, bucket, prefix, batches):
    """Writes each batch as an object; returns how many rows there were."""
    written, rows = set(), 0
    for number, batch in enumerate(batches, 1):
        key = f"{prefix}page-{number:04d}.jsonl.gz"
        body = gzip.compress("".join(json.dumps(row) + "\n" for row in batch).encode(), mtime=0)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        written.add(key)
        rows += len(batch)
    for found in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in found.get("Contents", []):
            if item["Key"] not in written:
                s3.delete_object(Bucket=bucket, Key=item["Key"])
    return rows


def day_before(time):
    return str(datetime.date.fromisoformat(time[:10]) - datetime.timedelta(days=1))


def main():
    parser = argparse.ArgumentParser()
    for name in ("api", "bucket"):
        parser.add_argument("--" + name, required=True)
    for name in ("day", "at", "secret"):
        parser.add_argument("--" + name)
    options, _ = parser.parse_known_args()  # Glue adds arguments of its own
    day = day_before(options.at) if options.at else options.day
    if not day:
        parser.error("--day or --at is needed")
    token = None
    if options.secret:
        token = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=options.secret)["SecretString"])["token"]
    s3, report = boto3.client("s3"), {"day": day}
    for endpoint, query in (("users", {}), ("sessions", {"day": day})):
        batches = pages(lambda url: fetch(url, token), f"{options.api.rstrip('/')}/{endpoint}", **query)
        report[endpoint] = land(s3, options.bucket, f"api/{endpoint}/day={day}/", batches)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
