"""
Job bookmarks: which objects a job has read, by the transformation_ctx that read them, so that its next run sees only what is new or changed. Kept when
the job is committed, in the file that the sandbox names.
"""

import json
import os

import boto3


class Bookmark:
    def __init__(self):
        self.path, self.paused = os.environ.get("WEIR_BOOKMARK"), os.environ.get("WEIR_BOOKMARK_PAUSED") == "1"
        self.read, self.state = {}, {}
        if self.path and os.path.exists(self.path):
            with open(self.path) as file:
                self.state = json.load(file).get("state", {})

    def choose(self, paths, context):
        """The objects below s3:// paths that this context has not read as they are now; None: bookmarks say nothing here."""
        if not self.path or not context:
            return None
        seen, now, new = self.state.get(context, {}), {}, []
        for bucket, key, etag in objects(paths):
            now[f"{bucket}/{key}"] = etag
            if seen.get(f"{bucket}/{key}") != etag:
                new.append(f"s3://{bucket}/{key}")
        self.read[context] = {**seen, **now}
        return new

    def commit(self, job, run):
        if not self.path or self.paused:
            return
        self.state.update(self.read)
        number = 0
        if os.path.exists(self.path):
            with open(self.path) as file:
                number = json.load(file).get("run", 0)
        with open(self.path + ".new", "w") as file:
            json.dump({"job": job, "run_id": run, "run": number + 1, "state": self.state}, file)
        os.replace(self.path + ".new", self.path)


def objects(paths):
    s3 = boto3.client("s3")
    for path in paths:
        bucket, _, prefix = path.split("://", 1)[1].partition("/")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                rest = item["Key"][len(prefix):]
                inside = not rest or prefix.endswith("/") or not prefix or rest.startswith("/")
                if inside and item["Size"] and not any(part.startswith(("_", ".")) for part in item["Key"].split("/")):
                    yield bucket, item["Key"], item["ETag"]
