"""Who may call: every way in which a signature can be wrong is refused with S3's own error."""

import base64
import datetime
import zlib

import pytest
import requests
from botocore.exceptions import ClientError
from servers import Sandbox, make_bucket
from sigv4 import EMPTY, Signer, send, sha256, unsigned_frames
from support import until


def code_of(body):
    return body.decode().partition("<Code>")[2].partition("<")[0]


def refused(call, code):
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code
    return caught.value.response


def test_wrong_secret(strict, bucket):
    refused(lambda: strict.client(secret="wrong").list_objects_v2(Bucket=bucket), "SignatureDoesNotMatch")


def test_unknown_key(strict, bucket):
    refused(lambda: strict.client(access="AKIANOBODY").list_objects_v2(Bucket=bucket), "InvalidAccessKeyId")


def test_right_one(strict, bucket):
    signer = Signer(strict)
    status, _, _ = send(strict, "GET", f"/{bucket}", signer.headers("GET", f"/{bucket}"))
    assert status == 200


def test_anonymous(strict, bucket):
    status, _, body = send(strict, "GET", f"/{bucket}", {"host": strict.host})
    assert (status, code_of(body)) == (403, "AccessDenied")


def test_version_2(strict, bucket):
    status, _, body = send(strict, "GET", f"/{bucket}", {"host": strict.host, "authorization": "AWS key:signature"})
    assert (status, code_of(body)) == (400, "InvalidRequest")


@pytest.mark.parametrize("hours", [-2, 2])
def test_skew(strict, bucket, hours):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    signer = Signer(strict, when=when)
    status, _, body = send(strict, "GET", f"/{bucket}", signer.headers("GET", f"/{bucket}"))
    assert (status, code_of(body)) == (403, "RequestTimeTooSkewed")


def test_tampered_body(strict, bucket, s3):
    signer = Signer(strict)
    headers = signer.headers("PUT", f"/{bucket}/k", payload_hash=sha256(b"what was signed"))
    status, _, body = send(strict, "PUT", f"/{bucket}/k", headers, b"something else!")
    assert (status, code_of(body)) == (400, "XAmzContentSHA256Mismatch")
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_tampered_path(strict, bucket):
    signer = Signer(strict)
    status, _, body = send(strict, "GET", f"/{bucket}/other", signer.headers("GET", f"/{bucket}/k"))
    assert (status, code_of(body)) == (403, "SignatureDoesNotMatch")


def test_added_header(strict, bucket):
    headers = Signer(strict).headers("PUT", f"/{bucket}/k", payload_hash=EMPTY)
    headers["x-amz-acl"] = "public-read"
    status, _, body = send(strict, "PUT", f"/{bucket}/k", headers)
    assert (status, code_of(body)) == (403, "AccessDenied")


def test_no_payload_hash(strict, bucket):
    signer = Signer(strict)
    headers = {"host": strict.host, "x-amz-date": signer.date}
    signature, names = signer.signature("GET", f"/{bucket}", "", headers, EMPTY)
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={signer.access}/{signer.scope}, SignedHeaders={names}, Signature={signature}"
    status, _, body = send(strict, "GET", f"/{bucket}", headers)
    assert (status, code_of(body)) == (400, "InvalidRequest")


@pytest.mark.parametrize("authorization", [
    "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=d", "AWS4-HMAC-SHA256 Credential=////, Signature=,",
    "AWS4-HMAC-SHA256 Credential=k/20261121/us-east-1/s3/aws4_request", "AWS4-HMAC-SHA256 " + "x" * 8000])
def test_malformed(strict, bucket, authorization):
    headers = {"host": strict.host, "authorization": authorization, "x-amz-date": "20261121T000000Z", "x-amz-content-sha256": EMPTY}
    status, _, body = send(strict, "GET", f"/{bucket}", headers)
    assert (status, code_of(body)) == (400, "AuthorizationHeaderMalformed")


# ---- presigned ----


def test_presigned(store):
    bucket, s3 = make_bucket(store), store.client(signature_version="s3v4")
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "a b/é"}, ExpiresIn=60)
    assert requests.put(put, data=b"content").status_code == 200
    get = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b/é"}, ExpiresIn=60)
    answer = requests.get(get)
    assert (answer.status_code, answer.content) == (200, b"content")


def test_presigned_headers(strict, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/y")
    more = {"ResponseContentType": "text/x", "ResponseContentDisposition": "attachment"}
    url = strict.client(signature_version="s3v4").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k", **more})
    headers = requests.get(url).headers
    assert (headers["content-type"], headers["content-disposition"]) == ("text/x", "attachment")


def test_presigned_wrong(strict, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    signer = strict.client(signature_version="s3v4")
    url, short = (signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=seconds) for seconds in (300, 1))
    for changed, wanted in [
        (url.replace("/k?", "/other?"), "SignatureDoesNotMatch"),
        (url.replace("X-Amz-Expires=300&", "X-Amz-Expires=600&"), "SignatureDoesNotMatch"),
        (url.replace("X-Amz-Expires=300&", "X-Amz-Expires=999999&"), "AuthorizationQueryParametersError"),
        (url.replace("X-Amz-Signature=", "X-Amz-Signature=0"), "SignatureDoesNotMatch"),
        (url.partition("&X-Amz-Signature")[0], "AuthorizationQueryParametersError"),
    ]:
        assert changed != url
        answer = requests.get(changed)
        assert (answer.status_code in (400, 403), code_of(answer.content)) == (True, wanted), changed
    answer, = until(lambda: (got := requests.get(short)).status_code != 200 and [got])
    assert (answer.status_code, code_of(answer.content)) == (403, "AccessDenied")
    assert b"Request has expired" in answer.content


# ---- aws-chunked ----

CHUNKS = [b"a" * 70000, b"b" * 65536, b"c"]
CRC32 = base64.b64encode(zlib.crc32(b"".join(CHUNKS)).to_bytes(4, "big")).decode()


def put_framed(strict, bucket, kind, trailer=None, change=None, declared=None, key="k"):
    signer, path = Signer(strict), f"/{bucket}/{key}"
    headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(declared or sum(map(len, CHUNKS)))}
    if trailer:
        headers["x-amz-trailer"] = trailer[0]
    headers = signer.headers("PUT", path, headers=headers, payload_hash=kind)
    body = unsigned_frames(CHUNKS, trailer) if "UNSIGNED" in kind else signer.framed(CHUNKS, trailer)
    status, answer, text = send(strict, "PUT", path, headers, change(body) if change else body)
    return status, code_of(text), answer


SIGNED, SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
TRAILER = ("x-amz-checksum-crc32", CRC32)


@pytest.mark.parametrize("kind,trailer", [(SIGNED, None), (SIGNED_TRAILER, TRAILER), (UNSIGNED_TRAILER, TRAILER)])
def test_framed(strict, bucket, s3, kind, trailer):
    status, code, answer = put_framed(strict, bucket, kind, trailer)
    assert (status, code) == (200, "")
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"".join(CHUNKS)
    assert got.get("ContentEncoding", "") == "" and got.get("ChecksumCRC32") == (CRC32 if trailer else None)


@pytest.mark.parametrize("kind,trailer,change,wanted", [
    (SIGNED, None, lambda b: b.replace(b"bbb", b"bxb", 1), "SignatureDoesNotMatch"),
    (SIGNED_TRAILER, TRAILER, lambda b: b.replace(b"bbb", b"bxb", 1), "SignatureDoesNotMatch"),
    (SIGNED_TRAILER, TRAILER, lambda b: b[:-66] + bytes([b[-66] ^ 1]) + b[-65:], "SignatureDoesNotMatch"),
    (SIGNED_TRAILER, TRAILER, lambda b: b.partition(b"x-amz-trailer-signature")[0] + b"\r\n", "SignatureDoesNotMatch"),
    (SIGNED, None, lambda b: b[:-200], "IncompleteBody"),
    (SIGNED, None, lambda b: b.replace(b"10000;", b"zz;", 1), "IncompleteBody"),
    (UNSIGNED_TRAILER, TRAILER, lambda b: b.replace(b"bbb", b"bxb", 1), "BadDigest"),
    (UNSIGNED_TRAILER, TRAILER, lambda b: b.partition(b"x-amz-checksum")[0] + b"\r\n", "MalformedTrailerError"),
    (UNSIGNED_TRAILER, TRAILER, lambda b: b[:70000], "IncompleteBody"),
    (UNSIGNED_TRAILER, TRAILER, lambda b: b + b"more", "IncompleteBody"),
])
def test_framed_wrong(strict, bucket, s3, kind, trailer, change, wanted):
    status, code, _ = put_framed(strict, bucket, kind, trailer, change)
    assert (status in (400, 403), code) == (True, wanted)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_framed_length(strict, bucket):
    assert put_framed(strict, bucket, SIGNED, declared=5)[1] == "IncompleteBody"


def signed_frames(server, bucket, kind=SIGNED, chunks=CHUNKS, trailer=None, length=True, date=None, after=b""):
    """A chunked upload with one thing about it that is unusual."""
    signer, path = Signer(server), f"/{bucket}/k"
    headers = {"content-encoding": "aws-chunked", **({"x-amz-decoded-content-length": str(sum(map(len, chunks)))} if length else {}), **({"x-amz-trailer": trailer[0]} if trailer else {})}
    if date:  # instead of X-Amz-Date
        headers = {"host": signer.host, "date": date(signer), "x-amz-content-sha256": kind, **headers}
        signer.seed, names = signer.signature("PUT", path, "", headers, kind)
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={signer.access}/{signer.scope}, SignedHeaders={names}, Signature={signer.seed}"
    else:
        headers = signer.headers("PUT", path, headers=headers, payload_hash=kind)
    body = unsigned_frames(chunks, trailer) if "UNSIGNED" in kind else signer.framed(chunks, trailer)
    status, _, text = send(server, "PUT", path, headers, body.removesuffix(b"\r\n") + after + b"\r\n" if after else body)
    return status, code_of(text)


def http_date(signer):
    return datetime.datetime.strptime(signer.date, "%Y%m%dT%H%M%SZ").strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.mark.parametrize("date", [lambda signer: signer.date, http_date], ids=["basic", "http"])
def test_framed_with_date_alone(sandbox, bucket, date):
    assert signed_frames(sandbox, bucket, date=date) == (200, "")


@pytest.mark.parametrize("kind", [SIGNED + "X", SIGNED_TRAILER + "-", SIGNED[:-1], SIGNED.lower()])
def test_framed_in_a_form_that_is_none(sandbox, bucket, kind):
    assert signed_frames(sandbox, bucket, kind) == (400, "InvalidArgument")


@pytest.mark.parametrize("kind,trailer", [(SIGNED, None), (SIGNED_TRAILER, TRAILER), (UNSIGNED_TRAILER, TRAILER)])
def test_framed_needs_its_length(sandbox, bucket, kind, trailer):
    assert signed_frames(sandbox, bucket, kind, trailer=trailer, length=False) == (411, "MissingContentLength")


def test_framed_chunks_of_eight_kibibytes(sandbox, bucket):
    for first, wanted in (8191, (403, "InvalidChunkSizeError")), (8192, (200, "")):
        chunks = [b"a" * first, b"b" * 8192, b"c"]
        crc32 = base64.b64encode(zlib.crc32(b"".join(chunks)).to_bytes(4, "big")).decode()
        trailer = (TRAILER[0], crc32)
        for kind, given in (SIGNED, None), (SIGNED_TRAILER, trailer), (UNSIGNED_TRAILER, trailer):
            assert signed_frames(sandbox, bucket, kind, chunks, trailer=given) == wanted, (kind, first)


@pytest.mark.parametrize("kind,trailer", [(SIGNED, None), (SIGNED_TRAILER, TRAILER)])
def test_framed_with_a_line_that_nobody_signed(sandbox, bucket, kind, trailer):
    status, code = signed_frames(sandbox, bucket, kind, trailer=trailer, after=b"x-amz-meta-more:1\r\n")
    assert (status, code) == (400, "IncompleteBody")


def test_virtual_host(sandbox, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    signer = Signer(sandbox)
    for host in (f"{bucket}.localhost:{sandbox.port}", f"{bucket}.s3.localhost:{sandbox.port}"):
        status, _, body = send(sandbox, "GET", "/k", signer.headers("GET", "/k", headers={"host": host}))
        assert (status, body) == (200, b"x"), host


def test_virtual_host_below_a_name_of_ones_own():
    server = Sandbox(env={"SANDBOX_HOST": "amazonaws.com"})
    server.client().create_bucket(Bucket="films")
    server.client().put_object(Bucket="films", Key="k", Body=b"x")
    signer = Signer(server)
    for host, path in ("films.s3.us-east-1.amazonaws.com", "/k"), ("films.s3.amazonaws.com", "/k"), ("s3.us-east-1.amazonaws.com", "/films/k"), ("s3.amazonaws.com:80", "/films/k"):
        status, _, body = send(server, "GET", path, signer.headers("GET", path, headers={"host": host}))
        assert (status, body) == (200, b"x"), host
    server.stop()


def test_other_services(sandbox):
    """Each protocol's clients understand why they were refused."""
    for service, call, code in [
        ("iam", lambda c: c.list_roles(), "SignatureDoesNotMatch"), ("ec2", lambda c: c.describe_vpcs(), "AuthFailure"),
        ("glue", lambda c: c.get_jobs(), "InvalidSignatureException"), ("scheduler", lambda c: c.list_schedules(), "InvalidSignatureException"),
    ]:
        refused(lambda: call(sandbox.client(service, secret="wrong")), code)
    refused(lambda: sandbox.client("iam", access="AKIANOBODY").list_roles(), "InvalidClientTokenId")
