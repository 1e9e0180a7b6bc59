"""What was answered survives being killed; what was not is not seen."""

import re
import socket
import subprocess
import threading
import time

import pytest
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from servers import Sandbox, make_bucket
from sigv4 import Signer
from support import traceable, until


def test_killed(kept_sandbox):
    bucket, answered = make_bucket(kept_sandbox), []

    def write(thread):
        s3 = kept_sandbox.client()
        for i in range(10000):
            try:
                s3.put_object(Bucket=bucket, Key=f"{thread}/{i}", Body=f"{thread} {i}".encode() * 100)
            except (ClientError, ConnectionError, HTTPClientError):
                return
            answered.append((thread, i))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    while len(answered) < 200:
        time.sleep(0.01)
    kept_sandbox.kill()
    for t in threads:
        t.join()
    kept_sandbox.start()
    s3 = kept_sandbox.client()
    there = {c["Key"]: c["Size"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for c in page["Contents"]}
    for thread, i in answered:
        assert s3.get_object(Bucket=bucket, Key=f"{thread}/{i}")["Body"].read() == f"{thread} {i}".encode() * 100
    assert len(answered) <= len(there) <= len(answered) + 4  # one may have been on its way in each thread


def test_torn(kept_sandbox, tmp_path):
    """A body that ends in the middle leaves nothing, neither listed nor on the disk."""
    bucket = make_bucket(kept_sandbox)
    signer = Signer(kept_sandbox)
    s3, folder = kept_sandbox.client(), tmp_path / "data" / "tmp"
    headers = signer.headers("PUT", f"/{bucket}/torn", payload_hash="UNSIGNED-PAYLOAD")
    with socket.create_connection((kept_sandbox.address, kept_sandbox.port)) as connection:
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        connection.sendall(f"PUT /{bucket}/torn HTTP/1.1\r\n{head}Content-Length: 1000000\r\n\r\n".encode() + b"x" * 500000)
        until(lambda: list(folder.glob("*/*")))
    until(lambda: not list(folder.glob("*/*")))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_all_of_it(kept_sandbox):
    """Versions, settings, tags, uploads under way: everything is there after a start."""
    bucket, s3 = make_bucket(kept_sandbox), kept_sandbox.client()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket=bucket, Key="k", Body=b"%d" % i)["VersionId"] for i in range(3)]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="up")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="up", UploadId=upload, PartNumber=1, Body=b"part")
    kept_sandbox.stop()
    kept_sandbox.start()
    s3 = kept_sandbox.client()
    assert [v["VersionId"] for v in s3.list_object_versions(Bucket=bucket)["Versions"]] == versions[::-1]
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}]
    s3.complete_multipart_upload(Bucket=bucket, Key="up", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="up")["Body"].read() == b"part"


def test_one_process(kept_sandbox):
    with pytest.raises(ValueError):  # no port is printed
        Sandbox(*kept_sandbox.words)


@pytest.mark.parametrize("total", [256 << 20, pytest.param(5 << 30, marks=pytest.mark.long)])
def test_memory(sandbox, bucket, s3, total):
    """Streams both ways: an object leaves no trace in memory, however large."""
    class Zeros:
        left = total

        def read(self, n=-1):
            n = self.left if n < 0 else min(n, self.left)
            self.left -= n
            return bytes(n)

    url = sandbox.client(signature_version="s3v4").generate_presigned_url("put_object", {"Bucket": bucket, "Key": "big"})
    import requests
    assert requests.put(url, data=iter(lambda z=Zeros(): z.read(1 << 20), b"")).status_code == 200
    body, size = s3.get_object(Bucket=bucket, Key="big")["Body"], 0
    for block in body.iter_chunks(1 << 20):
        size += len(block)
    assert size == total
    s3.delete_object(Bucket=bucket, Key="big")
    if "asan" not in str(sandbox.process.args[0]) and "tsan" not in str(sandbox.process.args[0]):
        assert sandbox.status("VmHWM") < 64 << 10


@pytest.mark.skipif(not traceable(), reason="takes strace")
def test_a_record_is_on_the_disk_before_the_answer(kept_sandbox):
    trace = subprocess.Popen(["strace", "-f", "-y", "-e", "trace=rename,fsync,sendmsg,sendto,writev", "-p", str(kept_sandbox.process.pid)], stderr=subprocess.PIPE, text=True)
    assert "attached" in trace.stderr.readline()
    kept_sandbox.client("sqs").create_queue(QueueName="kept")
    trace.terminate()
    calls = trace.stderr.read()
    renamed, synced, answered = (re.search(call, calls) for call in (r"rename\(.*/control/aws.sqs.queue", r"fsync\(\d+<[^>]*/control>\)", "HTTP/1.1 200"))
    assert renamed.start() < synced.start() < answered.start(), calls
