"""Films of a genre from the film API, with the names of their genres, as one JSON array of the day.

Settings: BUCKET, TARGET (prefix of the files), API_URL, KEY_SECRET (ARN of the API's key), GENRE, PAGES (at most).
The event may say the day, as 2026-11-20; it is today otherwise.
"""

import datetime
import json
import os

import boto3
import tmdb


def handler(event: dict, context) -> dict:
    day = datetime.date.fromisoformat(event["day"]) if event.get("day") else datetime.datetime.now(datetime.timezone.utc).date()
    key = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["KEY_SECRET"])["SecretString"]
    client = tmdb.Client(os.environ["API_URL"], key)
    names = client.genres()
    films = [
        {**film, "genres": [names[genre] for genre in film["genre_ids"] if genre in names]}
        for film in client.discover(int(os.environ["GENRE"]), int(os.environ["PAGES"]))
    ]
    target = f"{os.environ['TARGET']}/{day:%Y/%m/%d}/tmdb.json"
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=target, Body=json.dumps(films, ensure_ascii=False).encode(), ContentType="application/json")
    print(f"{len(films)} films to {target}")
    return {"films": len(films), "key": target}
