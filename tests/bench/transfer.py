"""Uploads: a large file and a tree of small ones, weir beside a bare client, the AWS CLI, s3cmd and rclone, all against the sandbox."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

sys.path.append(str(Path(__file__).parent.parent / "e2e" / "sandbox"))
from servers import Faults, Sandbox, Versity  # noqa: E402

PART = 8 << 20

# A store over a network: some 200 MB and 1,300 objects a second, as a gateway to a Ceph cluster gives them.
FAR_MS, FAR_PART_MS = 44, 225
FAR = [{"service": "s3", "operation": "PUT *partNumber=*", "latency": FAR_PART_MS}, {"service": "s3", "latency": FAR_MS}]

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


class PayloadAsGiven(S3SigV4Auth):
    """Over plain HTTP botocore would always hash the body."""

    def payload(self, request):
        return super().payload(request) if request.data else "UNSIGNED-PAYLOAD"


class Place:
    """A server, with a new bucket for each run."""

    def __init__(self, server):
        self.server = server
        self.s3 = self.server.client(signature_version="s3v4")
        self.number = 0

    def renew(self):
        """Old files stay: ext4 leaves the inodes of deleted ones alone for five seconds, and looking past thousands of them costs the server as much again as the upload."""
        if self.number:
            self.s3.delete_object(Bucket=self.bucket, Key="large")
        self.number += 1
        self.bucket = f"bench-{self.number}"
        self.s3.create_bucket(Bucket=self.bucket)

    def faults(self, rules):
        Faults(self.server)("POST", {"rules": rules})

    def put(self, key, path, start, length, body, **headers):
        """A line for the bare client: the request that weir would send. body None: not part of the signature."""
        request = AWSRequest("PUT", f"{self.server.url}/{self.bucket}/{key}", data=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
        PayloadAsGiven(self.s3._request_signer._credentials, "s3", "us-east-1").add_auth(request)
        return "\t".join([request.url, str(path), str(start), str(length), *(f"{name}: {value}" for name, value in request.headers.items())])


class Client:
    """Command lines for each of the things to do; BUCKET in them is the place's."""

    def __init__(self, name, large, tree, fetch, **env):
        self.name, self.commands, self.env = name, {"large": large, "tree": tree, "again": tree, "fetch": fetch}, env

    def run(self, Run, place, what):
        return Run([str(word).replace("BUCKET", place.bucket) for word in self.commands[what]], env=self.env, runs=1)


def clients(place, work, large, tree):
    server = place.server
    env = server.environment(home=str(work))
    s3cmd = [shutil.which("s3cmd"), "--config=/dev/null", f"--access_key={server.access}", f"--secret_key={server.secret}", f"--host={server.host}",
             f"--host-bucket={server.host}", "--no-ssl", "--quiet"]
    aws = Path(sys.executable).parent / "aws"
    remote = {"RCLONE_CONFIG": "/dev/null", "RCLONE_CONFIG_BENCH_TYPE": "s3", "RCLONE_CONFIG_BENCH_PROVIDER": "Other", "RCLONE_CONFIG_BENCH_ENV_AUTH": "true",
              "RCLONE_CONFIG_BENCH_ENDPOINT": server.url, "RCLONE_CONFIG_BENCH_REGION": "us-east-1"}
    yield Client("aws", [aws, "s3", "cp", "--quiet", large, "s3://BUCKET/large"], [aws, "s3", "sync", "--quiet", tree, "s3://BUCKET/tree"],
                 [aws, "s3", "cp", "--quiet", "s3://BUCKET/large", large], **env)
    if s3cmd[0]:
        yield Client("s3cmd", [*s3cmd, "put", large, "s3://BUCKET/large"], [*s3cmd, "sync", f"{tree}/", "s3://BUCKET/tree/"],
                     [*s3cmd, "get", "s3://BUCKET/large", large], **env)
    if rclone := shutil.which("rclone"):
        yield Client("rclone", [rclone, "copyto", large, "bench:BUCKET/large"], [rclone, "copy", tree, "bench:BUCKET/tree"],
                     [rclone, "copyto", "bench:BUCKET/large", large], **env, **remote)


def put_file(place, tree, path):
    content = path.read_bytes()
    digest = hashlib.sha256(content)
    return place.put(f"tree/{path.relative_to(tree)}", path, 0, len(content), content, Content_Type="application/octet-stream", x_amz_meta_weir_sha256=digest.hexdigest(),
                     x_amz_checksum_sha256=base64.b64encode(digest.digest()).decode())


def bare(Run, binaries, place, work, what, large, tree):
    """A run of the bare client with requests like weir's; signing them is not counted."""
    requests, seconds = work / "requests", 0
    if what == "large":
        size, key = large.stat().st_size, {"Bucket": place.bucket, "Key": "large"}
        sums = subprocess.run([binaries / "part_sums", large, str(PART)], check=True, capture_output=True, text=True).stdout.split()
        began = time.monotonic()
        key["UploadId"] = upload = place.s3.create_multipart_upload(**key, ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT")["UploadId"]
        seconds += time.monotonic() - began
        lines = [place.put(f"large?partNumber={number}&uploadId={upload}", large, start, min(PART, size - start), None, x_amz_checksum_crc64nvme=sums[number - 1])
                 for number, start in enumerate(range(0, size, PART), 1)]
    else:
        lines = [put_file(place, tree, path) for path in sorted(tree.rglob("file-*"))]
    requests.write_text("\n".join(lines) + "\n")
    run = Run([binaries / "bare_transfer", "put", "8" if what == "large" else "64"], stdin=requests, runs=1)
    if what == "large":
        parts = [{"PartNumber": number, "ETag": etag, "ChecksumCRC64NVME": sums[number - 1]} for number, etag in enumerate(run.out.split(), 1)]
        began = time.monotonic()
        place.s3.complete_multipart_upload(**key, MultipartUpload={"Parts": parts})
        seconds += time.monotonic() - began
    run.seconds += seconds
    return run


def median(runs):
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def sha_seconds(path):
    """CPU seconds for one pass of SHA-256 over the file."""
    began = time.process_time()
    with open(path, "rb") as file:
        hashlib.file_digest(file, "sha256")
    return time.process_time() - began


def row(name, run, yard=None):
    ratio = f"  x {run.seconds / yard.seconds:.2f}" if yard else ""
    print(f"    {name:8} {run.seconds:7.2f} s {run.cpu:7.2f} s CPU {run.megabytes:7.1f} MB{ratio}")


class Weir:
    def __init__(self, Run, program, place, work, large, tree):
        self.Run, self.program, self.place, self.large, self.tree = Run, program, place, large, tree
        self.folder, self.env = work / f"stack-{place.server.kind}", place.server.environment(home=str(work))
        self.folder.mkdir()

    def run(self, *words):
        return self.Run([self.program, *words], cwd=self.folder, env=self.env, runs=1)

    def upload(self, what):
        """A first apply, with nothing known."""
        shutil.rmtree(self.folder / ".weir", ignore_errors=True)
        (self.folder / "weir.yaml").write_text(STACK.format(bucket=self.place.bucket, large=self.large, tree=self.tree))
        return self.run("apply", "--yes", "--target", what)


def pairs(rounds, what, place, weir, Run, binaries, work, large, tree):
    """The bare client and weir in turns, each into a new bucket; of the unchanged tree weir alone."""
    yards, ours = [], []
    if what == "again":
        place.renew()
        weir.upload("tree")
    for _ in range(rounds):
        if what == "again":
            ours.append(weir.run("plan", "--detailed-exitcode", "--target", "tree"))
            continue
        place.renew()
        yards.append(bare(Run, binaries, place, work, what, large, tree))
        place.renew()
        ours.append(weir.upload(what))
    return median(yards) if yards else None, median(ours)


def bench(title, judge, work, quick, weir, Run, binaries):
    megabytes, files = (128, 500) if quick else (1024, 5000)
    rounds = 1 if quick else 5
    names = {"large": f"{megabytes} MiB", "tree": f"{files} files", "again": f"{files} files, unchanged"}
    large, tree = make_sources(work, megabytes, files)

    def compare(what, place, mine, others, where=""):
        print(f"  {names[what]}{where}")
        yard, run = pairs(rounds, what, place, mine, Run, binaries, work, large, tree)
        if yard:
            row("bare", yard)
        row("weir", run, yard)
        for other in others:
            place.renew()
            if what == "again":
                other.run(Run, place, "tree")
            theirs = other.run(Run, place, what)
            row(other.name, theirs, yard)
            judge(f"{what}{where}: weir against {other.name}", run.seconds / theirs.seconds, 1, " x")
        if yard and place.server.kind == "sandbox":
            print(judge(f"{what}{where}: weir against the bare client", run.seconds / yard.seconds, 1.1, " x"), end="")
        return yard, run

    title("uploads", f"{megabytes} MiB in one file, {files} files of 4 KiB, against the sandbox in a process of its own (not synced to disk); bare client: libcurl with "
          f"requests like weir's, hashed and signed beforehand (bare_transfer.c); weir and bare: the median of {rounds}, in turns; the others: once; all share the machine with the server, and with a load of {os.getloadavg()[0]:.1f} from elsewhere")
    place = Place(Sandbox("-"))
    others = list(clients(place, work, large, tree))
    mine = Weir(Run, weir, place, work, large, tree)
    for what in names:
        yard, run = compare(what, place, mine, others)
        if what == "large":
            pass_seconds = sha_seconds(large)
            # a seventh for the CRC-64 that goes with every part
            print(judge(f"{what}: CPU beyond the bare client's", run.cpu - yard.cpu, pass_seconds, f" s, one SHA-256 pass ({pass_seconds:.2f} s)"), end="")
        if what == "again":
            print(judge("the unchanged tree", run.seconds, 0.15, " s"), end="")
        print(judge(f"{what}: memory", run.megabytes, 64, " MB"))

    title("uploads over a network", f"the same with {FAR_MS} ms of latency for each call and {FAR_PART_MS} ms for each part of a file, however large its sender makes them: "
          "so the bare client is about as fast as with a gateway to a Ceph cluster (205 MB/s, 1,280 objects/s)")
    place.faults(FAR)
    for what in ("large", "tree"):
        compare(what, place, mine, others, ", over a network")
        print()
    place.server.stop()

    if not Versity.program():
        return
    place = Place(Versity(folder=work))
    mine = Weir(Run, weir, place, work, large, tree)
    for what in ("large", "tree"):
        compare(what, place, mine, [], ", to versitygw")
    place.server.stop()
