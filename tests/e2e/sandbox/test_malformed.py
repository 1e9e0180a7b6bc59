"""Nonsense of every kind gets an error of the 400s; the server goes on."""

import contextlib
import json
import random
import socket

import botocore.parsers
import botocore.session
import pytest
from botocore.awsrequest import HeadersDict
from servers import ROOT, answers
from sigv4 import Signer, send, sha256

VECTORS = ROOT / "tests/unit/provider/wire/vectors"


def speak(server, data):
    """Sends bytes, gives the status line's number; 0 where the connection was closed without one."""
    with socket.create_connection((server.address, server.port)) as connection:
        connection.sendall(data)
        with contextlib.suppress(OSError):  # it may have hung up already
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while b"\r\n" not in answer:
            try:
                more = connection.recv(4096)
            except ConnectionResetError:
                break
            if not more:
                break
            answer += more
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0


@pytest.mark.parametrize("data", [
    b"", b"\r\n\r\n", b"\0\0\0\0", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /b?%zz=1 HTTP/1.1\r\nHost: x\r\n\r\n", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET " + b"/a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"PUT /b/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"PUT /b/k HTTP/1.1\r\nTransfer-Encoding: gzip\r\nHost: x\r\n\r\n",
    b"GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n", b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: " + b".s3.localhost" * 500 + b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: .localhost\r\n\r\n",
], ids=lambda data: repr(data[:30]))
def test_nonsense(sandbox, data):
    status = speak(sandbox, data)
    assert status == 0 or 400 <= status < 600 and status != 500
    assert answers(sandbox)


def test_random_bytes(sandbox):
    rng = random.Random(11)
    seeds = [b"GET /b/k?versions&prefix=a HTTP/1.1\r\nHost: h\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/20261121/r/s3/aws4_request, SignedHeaders=host, "
             b"Signature=00\r\nx-amz-date: 20261121T000000Z\r\nRange: bytes=0-1\r\n\r\n"]
    for _ in range(300):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        # 301: libmicrohttpd 1.0 sends whoever leaves a blank in a target to where it would be escaped
        assert speak(sandbox, bytes(data)) in {0, 301, *range(400, 500), 501, 505}
    assert answers(sandbox)


def signed(server, method, path, query="", body=b"", **headers):
    signer = Signer(server)
    names = {k.replace("_", "-"): v for k, v in headers.items()}
    out = signer.headers(method, path, "&".join(p if "=" in p else p + "=" for p in query.split("&")) if query else "", names, sha256(body))
    return send(server, method, path + ("?" + query if query else ""), out, body)


BAD_XML = [b"", b"<", b"not xml", b"<a/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a>" * 5000, b"\xff\xfe\x00", b'{"a": 1}', b"<?xml version='1.0'?>"]


@pytest.mark.parametrize("body", BAD_XML, ids=lambda b: repr(b[:20]))
def test_bad_bodies(sandbox, bucket, s3, body):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    for method, path, query in [
        ("PUT", f"/{bucket}", "versioning"), ("PUT", f"/{bucket}", "tagging"), ("PUT", f"/{bucket}", "lifecycle"), ("PUT", f"/{bucket}", "policy"),
        ("POST", f"/{bucket}", "delete"), ("PUT", f"/{bucket}/k", "tagging"), ("POST", f"/{bucket}/k", f"uploadId={upload}"),
    ]:
        status, _, answer = signed(sandbox, method, path, query, body)
        code = b"InvalidRequest" if not body and method == "POST" and "uploadId" in query else b"Malformed"  # no part at all, AWS says of an empty body
        assert status == 400 and b"<Code>" + code in answer, (method, query)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_bad_headers(sandbox, bucket):
    for headers in [{"range": "bytes=" + "9" * 100}, {"if_modified_since": "yesterday"}, {"x_amz_copy_source": "nothing"}, {"x_amz_copy_source": "%zz"},
                    {"x_amz_checksum_crc32": "?"}, {"x_amz_sdk_checksum_algorithm": "MD6"}, {"x_amz_tagging": "a=1&a=2"}, {"x_amz_meta_big": "x" * 3000},
                    {"x_amz_tagging": "%zz"}, {"content_md5": "x"}]:
        status, _, _ = signed(sandbox, "PUT", f"/{bucket}/k", "", b"body", **headers)
        assert status in (200, 400, 404), headers
    for query in ("max-keys=-1", "max-keys=x", "max-keys=99999999999", "encoding-type=x", "list-type=2&continuation-token=%21%21", "uploads&max-uploads=x",
                  "versions&version-id-marker=x"):
        assert signed(sandbox, "GET", f"/{bucket}", query)[0] == 400, query


def test_unknown_subresources(sandbox, bucket, s3):
    """DELETE ?something must not delete the bucket."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for query in ("retention", "legal-hold", "metadataTable", "restore", "torrent"):
        assert signed(sandbox, "DELETE", f"/{bucket}", query)[0] == 501
        assert signed(sandbox, "PUT", f"/{bucket}/k", query)[0] == 501
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_expect(sandbox, bucket):
    """An early refusal spares the client its body; a right one is asked for it."""
    for path, wanted in ((f"/{bucket}/k", b"100"), (f"/{bucket}x/k", b"404")):
        headers = Signer(sandbox).headers("PUT", path, payload_hash="UNSIGNED-PAYLOAD")
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        with socket.create_connection((sandbox.address, sandbox.port)) as connection:
            connection.sendall(f"PUT {path} HTTP/1.1\r\n{head}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n".encode())
            assert connection.recv(4096).split()[1] == wanted
            if wanted == b"100":
                connection.sendall(b"body")
                assert connection.recv(4096).split()[1] == b"200"


def test_expect_with_nothing_to_send(sandbox, bucket):
    """libmicrohttpd 1.0 answers such a request at once; botocore keeps that answer's status for the connection's next one, so that is its last."""
    headers = Signer(sandbox).headers("PUT", f"/{bucket}/k", payload_hash="UNSIGNED-PAYLOAD")
    head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    with socket.create_connection((sandbox.address, sandbox.port)) as connection:
        connection.sendall(f"PUT /{bucket}/k HTTP/1.1\r\n{head}Content-Length: 0\r\nExpect: 100-continue\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))  # to its end
    assert b" 200 OK\r\n" in answer and b"\r\nConnection: close\r\n" in answer, answer
    s3 = sandbox.client("s3")
    for n in range(3):
        s3.put_object(Bucket=bucket, Key=f"k{n}", Body=b"")
        s3.put_object(Bucket=bucket, Key=f"k{n}", Body=b"x")
    assert [s3.get_object(Bucket=bucket, Key=f"k{n}")["Body"].read() for n in range(3)] == [b"x"] * 3


def test_every_operation(sandbox):
    """Requests as botocore makes them, for things that are not there: an answer that says so, in the service's way, and never 500."""
    for file in sorted(VECTORS.glob("*.json")):
        if file.stem == "s3":
            continue
        model = botocore.session.get_session().get_service_model(file.stem)
        signer = Signer(sandbox, service=model.signing_name)
        for vector in json.loads(file.read_text()):
            request, name = vector["request"], vector["op"]["name"]
            query = "&".join(sorted(p if "=" in p else p + "=" for p in request["query"].split("&"))) if request["query"] else ""
            body, headers = request["body"].encode(), {k.lower(): v for k, v in request["headers"].items() if k.lower() != "content-length"}
            headers = signer.headers(request["method"], request["path"], query, headers, sha256(body))
            status, answer_headers, answer = send(sandbox, request["method"], request["path"] + ("?" + query if query else ""), headers, body)
            assert status in (200, 201, 202, 204, 400, 404, 409, 501), (name, status, answer)
            assert b"SignatureDoesNotMatch" not in answer and b"InvalidSignature" not in answer, name
            if status >= 400:
                parser = botocore.parsers.create_parser(model.metadata["protocol"])
                parsed = parser.parse({"status_code": status, "headers": HeadersDict(answer_headers), "body": answer}, None)
                assert parsed["Error"]["Code"] not in ("", "Unknown", str(status)), (name, answer)
    assert answers(sandbox)
