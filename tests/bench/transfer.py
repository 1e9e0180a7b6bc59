"""Uploads: a large file and a tree of small ones, weir beside a bare client, the AWS CLI, s3cmd and rclone, all against the sandbox."""

import os
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e" / "sandbox"))
from servers import Sandbox  # noqa: E402

PART = 8 << 20

STACK = """
stack: transfer
resources:
  large: {{type: aws.s3.object, bucket: {bucket}, key: large, source: {large}}}
  tree: {{type: aws.s3.directory, bucket: {bucket}, prefix: tree, source: {tree}}}
"""


def make_sources(work, megabytes, files):
    large, tree = work / "large", work / "tree"
    with open(large, "wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1 << 20))
    for i in range(files):
        path = tree / f"d{i % 50:02}" / f"file-{i:05}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(4096))
    return large, tree


class Place:
    """A sandbox, with buckets that are emptied between the runs."""

    def __init__(self):
        self.server = Sandbox("-")
        self.s3 = self.server.client(signature_version="s3v4")
        self.s3.create_bucket(Bucket="bench")

    def empty(self):
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket="bench"):
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                self.s3.delete_objects(Bucket="bench", Delete={"Objects": keys})

    def presigned(self, operation, **params):
        return self.s3.generate_presigned_url(operation, Params={"Bucket": "bench", **params})


class Client:
    """Command lines for each of the three things to do."""

    def __init__(self, name, large, tree, **env):
        self.name, self.commands, self.env = name, {"large": large, "tree": tree, "again": tree}, env


def clients(bench, place, work, large, tree):
    server = place.server
    env = server.environment(home=str(work))
    s3cmd = [shutil.which("s3cmd"), "--config=/dev/null", f"--access_key={server.access}", f"--secret_key={server.secret}", f"--host={server.host}",
             f"--host-bucket={server.host}", "--no-ssl", "--quiet"]
    aws = Path(sys.executable).parent / "aws"
    remote = {"RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_BENCH_TYPE": "s3", "RCLONE_CONFIG_BENCH_PROVIDER": "Other", "RCLONE_CONFIG_BENCH_ENV_AUTH": "true",
              "RCLONE_CONFIG_BENCH_ENDPOINT": server.url, "RCLONE_CONFIG_BENCH_REGION": "us-east-1"}
    yield Client("aws", [aws, "s3", "cp", "--quiet", large, "s3://bench/large"], [aws, "s3", "sync", "--quiet", tree, "s3://bench/tree"], **env)
    if s3cmd[0]:
        yield Client("s3cmd", [*s3cmd, "put", large, "s3://bench/large"], [*s3cmd, "sync", f"{tree}/", "s3://bench/tree/"], **env)
    if rclone := shutil.which("rclone"):
        yield Client("rclone", [rclone, "copyto", large, "bench:bench/large"], [rclone, "copy", tree, "bench:bench/tree"], **env, **remote)


def bare(Run, binary, place, work, what, large, tree):
    """A run of the bare client; signing its requests and completing the upload is not counted."""
    lines = []
    if what == "large":
        size = large.stat().st_size
        upload = place.s3.create_multipart_upload(Bucket="bench", Key="large")["UploadId"]
        for number, start in enumerate(range(0, size, PART), 1):
            url = place.presigned("upload_part", Key="large", UploadId=upload, PartNumber=number)
            lines.append(f"{url}\t{large}\t{start}\t{min(PART, size - start)}")
    else:
        for path in sorted(tree.rglob("file-*")):
            lines.append(f"{place.presigned('put_object', Key='tree/' + str(path.relative_to(tree)))}\t{path}\t0\t{path.stat().st_size}")
    requests = work / "requests"
    requests.write_text("\n".join(lines) + "\n")
    run = Run([binary, "8" if what == "large" else "64"], stdin=requests, runs=1)
    if what == "large":
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(run.out.split(), 1)]
        place.s3.complete_multipart_upload(Bucket="bench", Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
    return run


def best(runs):
    return min(runs, key=lambda run: run.seconds)


def sha_seconds(path):
    """CPU seconds for one pass of SHA-256 over the file."""
    import hashlib
    import time

    began = time.process_time()
    with open(path, "rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.process_time() - began


def row(name, run, yard=None):
    ratio = f"  x {run.seconds / yard.seconds:.2f}" if yard else ""
    print(f"    {name:8} {run.seconds:7.2f} s {run.cpu:7.2f} s CPU {run.megabytes:7.1f} MB{ratio}")


def bench(title, judge, work, quick, weir, Run, binaries):
    megabytes, files = (128, 500) if quick else (1024, 5000)
    rounds = 1 if quick else 3
    title("uploads", f"{megabytes} MiB in one file, {files} files of 4 KiB, against the sandbox in a process of its own (not synced to disk); bare client: libcurl with "
          f"URLs signed beforehand (bare_upload.c); weir and bare: best of {rounds}, in turns; the others: once; all share the machine with the server, and with a load of {os.getloadavg()[0]:.1f} from elsewhere")
    large, tree = make_sources(work, megabytes, files)
    place = Place()
    folder = work / "stack"
    stacks = {"large": "large", "tree": "tree", "again": "tree"}
    env = place.server.environment(home=str(work))
    others = list(clients(None, place, work, large, tree))
    folder.mkdir()
    (folder / "weir.yaml").write_text(STACK.format(bucket="bench", large=large, tree=tree))
    for what in ("large", "tree", "again"):
        print(f"  {dict(large=f'{megabytes} MiB', tree=f'{files} files', again=f'{files} files, unchanged')[what]}")
        target, ours, yards = stacks[what], [], []
        for _ in range(rounds):
            if what != "again":
                place.empty()
                yards.append(bare(Run, binaries / "bare_upload", place, work, what, large, tree))
                place.empty()
                shutil.rmtree(folder / ".weir", ignore_errors=True)
                command = ["apply", "--yes"]
            else:
                command = ["plan", "--detailed-exitcode"]
            ours.append(Run([weir, *command, "--target", target], cwd=folder, env=env, runs=1))
        yard = best(yards) if yards else None
        if yard:
            row("bare", yard)
        run = best(ours)
        row("weir", run, yard)
        slowest = []
        for other in others:
            if what != "again":
                place.empty()
            else:
                Run(other.commands["tree"], env=other.env, runs=1)
            slowest.append(Run(other.commands[what], env=other.env, runs=1))
            row(other.name, slowest[-1], yard)
        for other, theirs in zip(others, slowest):
            judge(f"{what}: weir against {other.name}", run.seconds / theirs.seconds, 1, " x")
        if yard:
            print(judge(f"{what}: weir against the bare client", run.seconds / yard.seconds, 1.1, " x"), end="")
        if what == "large":
            pass_seconds = sha_seconds(large)
            # a seventh for the CRC-64 that goes with every part
            print(judge(f"{what}: CPU beyond the bare client's", run.cpu - yard.cpu, pass_seconds, f" s, one SHA-256 pass ({pass_seconds:.2f} s)"), end="")
        if what == "again":
            print(judge("the unchanged tree", run.seconds, 0.15, " s"), end="")
        print(judge(f"{what}: memory", run.megabytes, 64, " MB"))
    place.server.stop()
