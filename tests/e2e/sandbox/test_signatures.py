"""Who may call: every way in which a signature can be wrong is refused with S3's own error."""

import base64
import datetime
import re
import zlib

import boto3
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


def test_links_of_version_2(sandbox, bucket, s3):
    """boto3 makes them in us-east-1 unless it is told otherwise, and AWS accepts them there."""
    signer = boto3.client("s3", endpoint_url=sandbox.url, region_name="us-east-1", aws_access_key_id=sandbox.access, aws_secret_access_key=sandbox.secret)
    link = lambda call, seconds=60, **more: signer.generate_presigned_url(call, {"Bucket": bucket, "Key": "a b/é", **more}, ExpiresIn=seconds)
    put = link("put_object", ContentType="text/x", Metadata={"Day": "monday"}, StorageClass="STANDARD_IA")
    assert "AWSAccessKeyId=" in put
    assert requests.put(put, data=b"content", headers={"Content-Type": "text/x"}).status_code == 200
    head = s3.head_object(Bucket=bucket, Key="a b/é")
    assert (head["ContentType"], head["Metadata"], head["StorageClass"]) == ("text/x", {"day": "monday"}, "STANDARD_IA")
    get = link("get_object", ResponseContentDisposition='attachment; filename="ü 1"', ResponseContentType="text/y")
    answer = requests.get(get)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"content", "text/y")
    hosted = sandbox.client(signature_version="s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b/é"}).replace(sandbox.url, "http://localhost")
    assert requests.get(hosted.replace(f"http://localhost/{bucket}", sandbox.url), headers={"Host": f"{bucket}.localhost:{sandbox.port}"}).content == b"content"
    for method, changed, wanted in [
        (requests.put, put, "SignatureDoesNotMatch"),  # without its content type
        (requests.put, put.replace("monday", "sunday"), "SignatureDoesNotMatch"),
        (requests.put, put + "&x-amz-acl=private", "SignatureDoesNotMatch"),
        (requests.get, get.replace("text%2Fy", "text%2Fz"), "SignatureDoesNotMatch"),
        (requests.delete, get, "SignatureDoesNotMatch"),
        (requests.get, re.sub("Signature=[^&]*&?", "", get), "AccessDenied"),
        (requests.get, re.sub("Expires=(.)", "Expires=9\\1", get), "SignatureDoesNotMatch"),
        (requests.get, link("get_object", seconds=-1), "AccessDenied"),
        (requests.get, get.replace(sandbox.access, "AKIANOBODY"), "InvalidAccessKeyId"),
    ]:
        answer = method(changed, data=b"x" if method == requests.put else None)
        assert (answer.status_code, code_of(answer.content)) == (403, wanted), changed
    there = sandbox.client(region="eu-central-1")
    there.create_bucket(Bucket=bucket + "-new", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    answer = requests.get(sandbox.client(signature_version="s3").generate_presigned_url("list_objects_v2", {"Bucket": bucket + "-new"}))
    assert (answer.status_code, b"Please use AWS4-HMAC-SHA256." in answer.content) == (400, True)
    form = sandbox.client(signature_version="s3").generate_presigned_post(bucket + "-new", "k")
    answer = requests.post(form["url"], data=form["fields"], files={"file": "1"})
    assert (answer.status_code, b"Please use AWS4-HMAC-SHA256." in answer.content) == (400, True)


def test_links_of_version_2_with_a_session(sandbox, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    keys = sandbox.client("sts").get_session_token()["Credentials"]
    session = boto3.client("s3", endpoint_url=sandbox.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])
    url = session.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert "x-amz-security-token=" in url and requests.get(url).content == b"x"
    assert requests.get(re.sub("x-amz-security-token=[^&]*", "x-amz-security-token=bm8%3D", url)).status_code == 400


def test_headers_in_links(sandbox, bucket, s3):
    """The SDKs for JavaScript and Java move headers x-amz-* into a link's query; a checksum there is ignored."""
    signer = sandbox.new_client("s3", "us-east-1", None, None, signature_version="s3v4")
    more = "x-amz-meta-day=monday%201&x-amz-storage-class=STANDARD_IA&x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32"
    signer.meta.events.register("before-sign.s3.PutObject", lambda request, **_: setattr(request, "url", request.url + "?" + more))
    url = signer.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    assert "x-amz-meta-day" in url and requests.put(url, data=b"123456").status_code == 200
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["Metadata"], head["StorageClass"]) == ({"day": "monday 1"}, "STANDARD_IA")
    assert requests.put(url.replace("monday", "sunday"), data=b"123456").status_code == 403


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
