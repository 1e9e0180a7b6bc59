"""Signature version 4 by hand, for requests that no SDK would make: tampered, framed, skewed."""

import datetime
import hashlib
import hmac
import http.client
from urllib.parse import quote

EMPTY = hashlib.sha256(b"").hexdigest()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class Signer:
    def __init__(self, server, access=None, secret=None, region="us-east-1", service="s3", when=None):
        self.host, self.access, self.secret = server.host, access or server.access, secret or server.secret
        self.region, self.service = region, service
        now = when or datetime.datetime.now(datetime.timezone.utc)
        self.date = now.strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.date[:8]}/{region}/{service}/aws4_request"
        key = _hmac(b"AWS4" + self.secret.encode(), self.date[:8])
        for part in (region, service, "aws4_request"):
            key = _hmac(key, part)
        self.key = key

    def signature(self, method, path, query, headers, payload_hash):
        names = ";".join(sorted(headers))
        canonical = "\n".join(
            [method, quote(path, safe="/~"), "&".join(sorted(query.split("&"))) if query else "",
             *(f"{name}:{' '.join(headers[name].split())}" for name in sorted(headers)), "", names, payload_hash])
        text = "\n".join(["AWS4-HMAC-SHA256", self.date, self.scope, sha256(canonical.encode())])
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest(), names

    def headers(self, method, path, query="", headers=None, payload_hash=EMPTY):
        """All headers of a request, signed; names in lower case."""
        out = {"host": self.host, "x-amz-date": self.date, "x-amz-content-sha256": payload_hash, **(headers or {})}
        signature, names = self.signature(method, path, query, out, payload_hash)
        out["authorization"] = f"AWS4-HMAC-SHA256 Credential={self.access}/{self.scope}, SignedHeaders={names}, Signature={signature}"
        self.seed = signature
        return out

    def _chain(self, kind, previous, *hashes):
        text = "\n".join([kind, self.date, self.scope, previous, *hashes])
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def framed(self, chunks, trailer=None):
        """aws-chunked with signatures; headers() has been called for the seed."""
        out, previous = b"", self.seed
        for chunk in [*chunks, b""]:
            previous = self._chain("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY, sha256(chunk))
            out += b"%x;chunk-signature=%s\r\n" % (len(chunk), previous.encode())
            if chunk:
                out += chunk + b"\r\n"
        if trailer:
            name, value = trailer
            signature = self._chain("AWS4-HMAC-SHA256-TRAILER", previous, sha256(f"{name}:{value}\n".encode()))
            out += f"{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n".encode()
        return out + b"\r\n"


def unsigned_frames(chunks, trailer):
    out = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks)
    return out + b"0\r\n" + f"{trailer[0]}:{trailer[1]}\r\n\r\n".encode()


def send(server, method, target, headers, body=b""):
    """One request; status, headers, body of the answer."""
    connection = http.client.HTTPConnection(server.address, server.port)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if "content-length" not in headers and (body or method in ("PUT", "POST")):
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body or None)
    answer = connection.getresponse()
    result = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return result
