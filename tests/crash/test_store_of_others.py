"""
A store that is neither moto nor the sandbox (MinIO), with weir killed at each of its places, and with a proxy between them that does what a bad
network does at each call: afterwards one apply has made everything right, once, and one destroy leaves nothing, no unfinished upload either.
"""

import hashlib
import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent.parent / name) for name in ("e2e", "tools")]

from fault_proxy import At, FaultProxy, Nothing  # noqa: E402
from sandbox.servers import STORES  # noqa: E402
from support import Stack  # noqa: E402

pytestmark = [pytest.mark.long, pytest.mark.skipif("minio" not in STORES, reason="no MinIO: tools/setup stores")]

STACK = """
    stack: others
    resources:
      lake: {type: aws.s3.bucket, name: others-lake, versioning: true, tags: {team: a}, force_destroy: true}
      plain: {type: aws.s3.bucket, name: others-plain, force_destroy: true}
      one: {type: aws.s3.object, bucket: "${lake.name}", key: raw/one.csv, content: "1"}
      big: {type: aws.s3.object, bucket: "${plain.name}", key: big.bin, source: big.bin}
      dags: {type: aws.s3.directory, bucket: "${plain.name}", prefix: dags, source: src}
      code: {type: weir.artifact, store: "${lake.name}/code", source: src, package: zip}
"""
SHARED = "\n    state: {backend: s3, bucket: others-state, lease_seconds: 2}\n"
FAULTS = ("dropafter", "refuse", "empty", "cut:middle", "503after", "500before")
BIG = b"0123456789abcdef" * (10 * 1024 * 1024 // 16)  # several parts


class Store:
    def __init__(self, folder, server, state=""):
        self.folder, self.server, self.state, self.count = folder, server, state, 0
        self.s3, self.proxy = server.client(), FaultProxy(server.url)

    def reset(self):
        for bucket in self.s3.list_buckets()["Buckets"]:
            name = bucket["Name"]
            for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=name):
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    self.s3.delete_object(Bucket=name, Key=item["Key"], VersionId=item["VersionId"])
            for item in self.s3.list_multipart_uploads(Bucket=name).get("Uploads", []):
                self.s3.abort_multipart_upload(Bucket=name, Key=item["Key"], UploadId=item["UploadId"])
            self.s3.delete_bucket(Bucket=name)
        if self.state:
            self.s3.create_bucket(Bucket="others-state")

    def fresh(self):
        self.reset()
        self.count += 1
        stack = Stack(self.folder / f"stack-{self.count}").write(STACK + self.state)
        stack.env |= {name: value for name, value in self.server.environment().items() if name.startswith("AWS_")}
        stack.env.pop("AWS_ENDPOINT_URL", None)
        stack.env |= {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": self.proxy.url}
        (stack.folder / "big.bin").write_bytes(BIG)
        for name in "ab":
            stack.write(name, f"src/{name}.txt")
        return stack

    def seen(self):
        found = {}
        for bucket in self.s3.list_buckets()["Buckets"]:
            if (name := bucket["Name"]) != "others-state":
                assert not self.s3.list_multipart_uploads(Bucket=name).get("Uploads"), f"an unfinished upload in {name}"
                for item in self.s3.list_objects_v2(Bucket=name).get("Contents", []):
                    found[name, item["Key"]] = hashlib.sha256(self.s3.get_object(Bucket=name, Key=item["Key"])["Body"].read()).hexdigest()
        return found

    def finish(self, stack, expected):
        """What the same command makes of it when it is let through."""
        stack.apply(*(["--lock-timeout", "1m"] if self.state else []))
        stack.assert_settled()
        found = self.seen()
        assert expected is None or found == expected
        return found

    def gone(self, stack):
        assert "Nothing is left" in stack.destroy("--verify").out
        assert self.seen() == {}


@pytest.fixture(scope="module")
def minio():
    server = STORES["minio"]()
    yield server
    server.stop()


@pytest.mark.parametrize("state", ["", SHARED], ids=["own state", "state in the store"])
def test_kills(minio, tmp_path, state):
    store = Store(tmp_path, minio, state)
    stack = store.fresh()
    expected = store.finish(stack, None)
    assert len(expected) == 5
    store.gone(stack)
    points, kills = len(store.fresh().crash_points("apply", "--yes")), 0
    for at in range(1, points, 5 if state else 2):
        stack = store.fresh()
        if not stack.killed_at(at, "apply", "--yes"):
            continue
        kills += 1
        store.finish(stack, expected)
        if kills % 5 == 0:
            store.gone(stack)
    assert kills > points // (10 if state else 4)
    print(f"{kills} kills, {points} places")


def test_faults(minio, tmp_path):
    """Each call of an apply and of a destroy, each fault."""
    store = Store(tmp_path, minio)
    stack = store.fresh()
    expected = store.finish(stack, None)
    calls = {}
    for command in ("apply", "destroy"):
        if command == "apply":
            stack = store.fresh()
        store.proxy.begin(Nothing())
        stack.run(command, "--yes")
        calls[command] = sorted(set(store.proxy.labels()))
        store.proxy.end()
    wrong, count = [], 0
    for command, labels in calls.items():
        for index, (label, number) in enumerate(labels):
            fault = FAULTS[(index + number) % len(FAULTS)] if not os.environ.get("WEIR_EVERY_FAULT") else None
            for kind in [fault] if fault else FAULTS:
                count += 1
                stack = store.fresh()
                if command == "destroy":
                    stack.apply()
                store.proxy.begin(At(label, number, kind))
                stack.run(command, "--yes", status=None)
                store.proxy.end()
                try:
                    if command == "apply":
                        store.finish(stack, expected)
                    store.gone(stack)
                except AssertionError as error:
                    wrong.append(f"{command}: {label} ({number}) {kind}: {error}")
    print(f"{count} disturbed")
    assert count > 20 and not wrong, f"{len(wrong)} of {count}:\n" + "\n\n".join(wrong)
