"""Uploads in parts."""

import base64
import hashlib
import io
import os

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from checksums import ALGORITHMS
from servers import code, make_bucket

MIB = 1 << 20
FIVE = os.urandom(5 * MIB)


class Upload:
    def __init__(self, s3, bucket, key="k", **more):
        self.s3, self.target = s3, {"Bucket": bucket, "Key": key}
        self.id = s3.create_multipart_upload(**self.target, **more)["UploadId"]
        self.algorithm = more.get("ChecksumAlgorithm")
        self.parts = []

    def part(self, number, body, **more):
        answer = self.s3.upload_part(**self.target, UploadId=self.id, PartNumber=number, Body=body, **more)
        sums = {k: v for k, v in answer.items() if self.algorithm and k == f"Checksum{self.algorithm}"}  # repeated only where the upload names it
        self.parts.append({"PartNumber": number, "ETag": answer["ETag"], **sums})

    def complete(self, parts=None, **more):
        return self.s3.complete_multipart_upload(**self.target, UploadId=self.id, MultipartUpload={"Parts": parts or self.parts}, **more)


def test_round(store):
    bucket, s3 = make_bucket(store), store.client()
    upload = Upload(s3, bucket, ContentType="text/x", Metadata={"m": "1"})
    upload.part(2, FIVE)
    upload.part(7, b"tail")
    upload.part(1, FIVE)
    upload.parts.sort(key=lambda p: p["PartNumber"])
    listed = s3.list_parts(**upload.target, UploadId=upload.id)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(1, 5 * MIB), (2, 5 * MIB), (7, 4)]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload.id]
    etag = upload.complete()["ETag"]
    digests = b"".join(hashlib.md5(p).digest() for p in (FIVE, FIVE, b"tail"))
    assert etag == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(**upload.target)
    assert got["Body"].read() == FIVE + FIVE + b"tail" and got["ContentType"] == "text/x" and got["Metadata"] == {"m": "1"}
    assert s3.get_object(**upload.target, Range=f"bytes={5 * MIB - 2}-{10 * MIB + 1}")["Body"].read() == FIVE[-2:] + FIVE + b"ta"
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")


def test_pages(sandbox):
    """A page that ends with a group goes on behind it; names are encoded where the request wants it."""
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    for key in ("a/1", "a/2", "b +", "c/1"):
        s3.create_multipart_upload(Bucket=bucket, Key=key, StorageClass="STANDARD_IA")
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    found = [([g["Prefix"] for g in page.get("CommonPrefixes", [])], [(u["Key"], u["StorageClass"]) for u in page.get("Uploads", [])]) for page in pages]
    assert found == [(["a/"], []), ([], [("b +", "STANDARD_IA")]), (["c/"], [])]
    page = s3.list_multipart_uploads(Bucket=bucket, Prefix="b ", EncodingType="url")
    assert (page["Prefix"], page["Uploads"][0]["Key"], page["EncodingType"]) == ("b%20", "b%20%2B", "url")


def test_again(strict, bucket, s3):
    """A client that lost the answer gets the same one."""
    upload = Upload(s3, bucket)
    upload.part(1, b"x")
    assert upload.complete()["ETag"] == upload.complete()["ETag"]


def test_refused(store):
    bucket, s3 = make_bucket(store), store.client()
    upload = Upload(s3, bucket)
    upload.part(1, b"small")
    upload.part(2, b"last")
    one, two = upload.parts
    assert code(upload.complete) == "EntityTooSmall"
    assert code(upload.complete, [{**one, "ETag": '"0123456789abcdef0123456789abcdef"'}]) == "InvalidPart"
    assert code(upload.complete, [{**one, "PartNumber": 9}]) == "InvalidPart"
    s3.abort_multipart_upload(**upload.target, UploadId=upload.id)
    if store.kind != "moto":  # moto answers 500
        assert code(upload.complete, [one]) == code(upload.part, 1, b"x") == "NoSuchUpload"
    assert code(s3.head_object, **upload.target) == "404"


def test_order(strict, bucket, s3):
    upload = Upload(s3, bucket)
    for number in (1, 2):
        upload.part(number, FIVE)
    assert code(upload.complete, upload.parts[::-1]) == "InvalidPartOrder"


@pytest.mark.parametrize("number", [0, 10001, -1])
def test_numbers(strict, bucket, s3, number):
    upload = Upload(s3, bucket)
    assert code(upload.part, number, b"x") == "InvalidArgument"


@pytest.mark.parametrize("id", ["", "nothing", "../../x", "a" * 32, "A" * 32])
def test_unknown_upload(strict, bucket, s3, id):
    if id:
        assert code(s3.list_parts, Bucket=bucket, Key="k", UploadId=id) == "NoSuchUpload"
        assert code(s3.abort_multipart_upload, Bucket=bucket, Key="k", UploadId=id) == "NoSuchUpload"
    upload = Upload(s3, bucket)
    assert code(s3.list_parts, Bucket=bucket, Key="other", UploadId=upload.id) == "NoSuchUpload"


def test_part_copies(store):
    bucket, s3 = make_bucket(store), store.client()
    s3.put_object(Bucket=bucket, Key="source é", Body=FIVE + b"0123456789")
    upload = Upload(s3, bucket)
    source = {"Bucket": bucket, "Key": "source é"}
    for number, bounds in ((1, f"bytes=0-{5 * MIB - 1}"), (2, f"bytes={5 * MIB + 3}-{5 * MIB + 5}")):
        copied = s3.upload_part_copy(**upload.target, UploadId=upload.id, PartNumber=number, CopySource=source, CopySourceRange=bounds)
        upload.parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    upload.complete()
    assert s3.get_object(**upload.target)["Body"].read() == FIVE + b"345"
    s3.copy_object(Bucket=bucket, Key="whole", CopySource={"Bucket": bucket, "Key": "k"})
    got = s3.get_object(Bucket=bucket, Key="whole")
    assert got["Body"].read() == FIVE + b"345"


def test_range_of_a_part(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123")
    assert s3.get_object(Bucket=bucket, Key="k", PartNumber=1)["Body"].read() == b"0123"
    assert code(s3.get_object, Bucket=bucket, Key="k", PartNumber=1, Range="bytes=0-1") == "InvalidRequest"


def test_checksum_of_a_part(sandbox):
    """As LocalStack recorded it: of the part, with the kind of the whole."""
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32C")
    upload.part(1, FIVE, **claim("CRC32C", FIVE))
    upload.part(2, b"test content 123", **claim("CRC32C", b"test content 123"))
    upload.complete()
    for call in (s3.get_object, s3.head_object):
        part = call(**upload.target, PartNumber=2, ChecksumMode="ENABLED")
        assert (part["ChecksumCRC32C"], part["ChecksumType"], part["ContentLength"]) == (claim("CRC32C", b"test content 123")["ChecksumCRC32C"], "COMPOSITE", 16)


def test_range_outside(strict, bucket, s3):
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = Upload(s3, bucket)
    for bounds in ("bytes=0-10", "bytes=5-", "0-5", "bytes=5-4"):
        assert code(s3.upload_part_copy, **upload.target, UploadId=upload.id, PartNumber=1, CopySource={"Bucket": bucket, "Key": "source"},
                    CopySourceRange=bounds) == "InvalidArgument"


def claim(algorithm, data):
    return {f"Checksum{algorithm}": base64.b64encode(ALGORITHMS[algorithm](data)).decode()}


@pytest.mark.parametrize("algorithm,kind", [("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("CRC32C", "FULL_OBJECT"), ("CRC64NVME", "FULL_OBJECT"),
                                            ("SHA256", "COMPOSITE"), ("SHA1", "COMPOSITE")])
def test_checksums(strict, bucket, s3, algorithm, kind):
    upload = Upload(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    upload.part(1, FIVE, **claim(algorithm, FIVE))
    upload.part(2, b"tail", **claim(algorithm, b"tail"))
    done = upload.complete()
    assert done["ChecksumType"] == kind
    value = done[f"Checksum{algorithm}"]
    assert s3.head_object(**upload.target, ChecksumMode="ENABLED")[f"Checksum{algorithm}"] == value
    if kind == "COMPOSITE":
        assert value.endswith("-2")
        return
    assert {f"Checksum{algorithm}": value} == claim(algorithm, FIVE + b"tail")


def test_parts_are_told_in_pages(sandbox):
    """The members are those of AWS's recorded answer."""
    s3, bucket = sandbox.client(), make_bucket(sandbox)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="told", ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number in (1, 2):
        part = s3.upload_part(Bucket=bucket, Key="told", UploadId=upload, PartNumber=number, Body=b"a" * (5 * 1024 * 1024 + 1), ChecksumAlgorithm="SHA256")
        parts.append({"ETag": part["ETag"], "PartNumber": number, "ChecksumSHA256": part["ChecksumSHA256"]})
    listed = s3.list_parts(Bucket=bucket, Key="told", UploadId=upload)
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ("SHA256", "COMPOSITE")
    s3.complete_multipart_upload(Bucket=bucket, Key="told", UploadId=upload, MultipartUpload={"Parts": parts})
    told = [{"PartNumber": n, "Size": 5242881, "ChecksumSHA256": "DjU70AB1bON8k0n0fVHv2PJQVWcA/jWsITp6ti20Tbs="} for n in (1, 2)]

    def attributes(**page):
        return s3.get_object_attributes(Bucket=bucket, Key="told", ObjectAttributes=["ObjectParts"], **page)["ObjectParts"]

    assert attributes() == {"TotalPartsCount": 2, "PartNumberMarker": 0, "NextPartNumberMarker": 2, "MaxParts": 1000, "IsTruncated": False, "Parts": told}
    assert attributes(MaxParts=1) == {"TotalPartsCount": 2, "PartNumberMarker": 0, "NextPartNumberMarker": 1, "MaxParts": 1, "IsTruncated": True, "Parts": told[:1]}
    assert attributes(MaxParts=1, PartNumberMarker=1) == {
        "TotalPartsCount": 2, "PartNumberMarker": 1, "NextPartNumberMarker": 2, "MaxParts": 1, "IsTruncated": False, "Parts": told[1:]}
    with pytest.raises(ClientError) as caught:
        s3.get_object_tagging(Bucket=bucket, Key="none")
    assert caught.value.response["Error"]["Key"] == bucket + "/none"


def test_wrong_checksum(strict, bucket, s3):
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    upload.part(1, b"x", ChecksumAlgorithm="CRC32")
    assert code(upload.complete, ChecksumCRC32="AAAAAA==") == "BadDigest"
    upload.complete(**claim("CRC32", b"x"), ChecksumType="FULL_OBJECT")


def test_parallel(store):
    bucket, s3 = make_bucket(store), store.client()
    data = os.urandom(40 * MIB)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=8)
    s3.upload_fileobj(io.BytesIO(data), bucket, "k", Config=config)
    out = io.BytesIO()
    s3.download_fileobj(bucket, "k", out, Config=config)
    assert out.getvalue() == data


def test_part_of_object(strict, bucket, s3):
    upload = Upload(s3, bucket)
    upload.part(1, FIVE)
    upload.part(2, b"tail")
    upload.complete()
    got = s3.get_object(**upload.target, PartNumber=2)
    assert (got["Body"].read(), got["PartsCount"]) == (b"tail", 2)
    assert code(s3.get_object, **upload.target, PartNumber=3) in ("InvalidPartNumber", "416")


def test_nothing_left(kept_sandbox, tmp_path):
    """Parts of what was replaced, deleted or aborted do not stay on the disk."""
    bucket, s3 = make_bucket(kept_sandbox), kept_sandbox.client()
    for key in ("replaced", "deleted"):
        upload = Upload(s3, bucket, key)
        upload.part(1, FIVE)
        upload.part(2, FIVE)
        upload.complete([upload.parts[0]])
    s3.put_object(Bucket=bucket, Key="replaced", Body=b"small")
    s3.delete_object(Bucket=bucket, Key="deleted")
    upload = Upload(s3, bucket, "aborted")
    upload.part(1, FIVE)
    s3.abort_multipart_upload(**upload.target, UploadId=upload.id)
    assert sum(f.stat().st_size for f in tmp_path.rglob("*") if f.is_file()) < 10000
