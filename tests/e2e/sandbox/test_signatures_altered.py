"""Requests that botocore signed, altered in every way that AWS documents as wrong: each is refused, and none does anything.

The rules are those of "Signing AWS API requests" (IAM User Guide) and "Authenticating Requests (AWS Signature Version 4)" (S3 API reference).
What is not an alteration (the case of a header's name, blanks around its value, headers that nobody has to sign) is taken.
"""

import datetime
import http.client
import random
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from servers import Sandbox
from sigv4 import Signer

ALGORITHM = "AWS4-HMAC-SHA256"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
AFTER_A_MINUTE = 60


class Door:
    """A sandbox, one connection to it, and requests for it."""

    def __init__(self):
        self.server = Sandbox()
        self.credentials = Credentials(self.server.access, self.server.secret)
        self.s3 = self.server.client()
        self.s3.create_bucket(Bucket="films")
        self.s3.put_object(Bucket="films", Key="a/k", Body=b"content", ContentType="text/plain")
        self.connection = http.client.HTTPConnection(self.server.address, self.server.port)

    def signed(self, signer, service, method, path, body=b"", headers=(), **more):
        request = AWSRequest(method, self.server.url + path, data=body, headers=dict(headers))
        signer(self.credentials, service, "us-east-1", **more).add_auth(request)
        split = urlsplit(request.prepare().url)
        names = [("Host", self.server.host), *((name, value) for name, value in request.headers.items() if name.lower() != "host")]
        return {"method": method, "path": split.path, "query": split.query, "headers": names, "body": body}

    def send(self, request):
        target = request["path"] + ("?" + request["query"] if request["query"] else "")
        self.connection.putrequest(request["method"], target, skip_host=True, skip_accept_encoding=True)
        for name, value in request["headers"]:
            self.connection.putheader(name, value)
        if request["body"] or request["method"] in ("PUT", "POST"):
            self.connection.putheader("Content-Length", str(len(request["body"])))
        self.connection.endheaders(request["body"] or None)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, text

    def requests(self):
        s3, other = (S3SigV4Auth, "s3"), SigV4Auth
        yield "get", self.signed(*s3, "GET", "/films/a/k")
        yield "list", self.signed(*s3, "GET", "/films?list-type=2&prefix=a%2F&max-keys=7")
        yield "put", self.signed(*s3, "PUT", "/films/new", b"what was signed", {"Content-Type": "text/csv", "x-amz-meta-team": "lake", "x-amz-storage-class": "STANDARD"})
        yield "link", self.signed(S3SigV4QueryAuth, "s3", "GET", "/films/a/k?response-content-type=text%2Fx", expires=AFTER_A_MINUTE)
        yield "link to put", self.signed(S3SigV4QueryAuth, "s3", "PUT", "/films/new?x-id=PutObject", b"", {"x-amz-meta-team": "lake"}, expires=AFTER_A_MINUTE)
        yield "form", self.signed(other, "iam", "POST", "/", b"Action=CreateRole&RoleName=new&AssumeRolePolicyDocument=%7B%22Version%22%3A%20%222012-10-17%22%2C%20%22Statement%22%3A%20%7B%22Effect%22%3A%20%22Allow%22%2C%20%22Principal%22%3A%20%22%2A%22%2C%20%22Action%22%3A%20%22sts%3AAssumeRole%22%7D%7D&Version=2010-05-08", {"Content-Type": FORM})
        yield "json", self.signed(other, "glue", "POST", "/", b'{"DatabaseInput": {"Name": "new"}}', {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSGlue.CreateDatabase"})
        yield "rest", self.signed(other, "lambda", "GET", "/2015-03-31/functions?MaxItems=3")
        yield "control", self.signed(other, "weir", "POST", "/_weir/faults", b'{"rules": []}')


def with_header(request, name, value, index=None):
    """One header with another value; None takes it away."""
    at = next(i for i, (known, _) in enumerate(request["headers"]) if known.lower() == name.lower()) if index is None else index
    headers = [*request["headers"][:at], *([(request["headers"][at][0], value)] if value is not None else []), *request["headers"][at + 1:]]
    return {**request, "headers": headers}


def characters(text, random, n=40):
    """The text with one of its characters changed, left out, or doubled; n of all such."""
    ways = []
    for i in range(len(text)):
        other = "0" if text[i] != "0" else "1"
        ways += [text[:i] + other + text[i + 1:], text[:i] + text[i + 1:], text[:i] + text[i] + text[i:]]
    ways = [way for way in dict.fromkeys(ways) if way != text]
    return ways if len(ways) <= n else random.sample(ways, n)


def of_scope(scope):
    """Other days, regions, services and ends than those that were signed for."""
    day, region, service, end = scope.split("/")
    today = datetime.datetime.strptime(day, "%Y%m%d")
    for other in ("19990101", *((today + datetime.timedelta(days=n)).strftime("%Y%m%d") for n in (-7, -1, 1, 7)), "", "0", day + "0", day[:6]):
        yield f"{other}/{region}/{service}/{end}"
    for other in ("eu-west-1", "us-east-2", "", "US-EAST-1"):
        yield f"{day}/{other}/{service}/{end}"
    for other in ("s3", "iam", "sts", "ec2", "S3", ""):
        if other != service:
            yield f"{day}/{region}/{other}/{end}"
    for other in ("aws4_reques", "aws5_request", "AWS4_REQUEST", "", "aws4_request/"):
        yield f"{day}/{region}/{service}/{other}"
    yield f"{day}/{region}/{service}"
    yield ""


def of_date(date):
    """Other times, near and far, and other ways of writing this one."""
    now = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
    for seconds in (-1, 1, -59, 60, -3600, 3600, -86400, 86400, -1000 * 86400):
        yield (now + datetime.timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%SZ")
    yield from (now.strftime("%a, %d %b %Y %H:%M:%S GMT"), now.isoformat() + "Z", date[:8], date[:-1], date + "Z", date.lower(), date.replace("T", " "), str(int(now.timestamp())), "x")


def of_authorization(value, random):
    fields = dict(part.strip().split("=", 1) for part in value.removeprefix(ALGORITHM).split(","))
    key, scope = fields["Credential"].split("/", 1)
    names = fields["SignedHeaders"].split(";")

    def text(algorithm=ALGORITHM, **changed):
        return algorithm + " " + ", ".join(f"{name}={known}" for name, known in {**fields, **changed}.items() if known is not None)

    for algorithm in ("AWS4-HMAC-SHA1", "AWS4-HMAC-SHA256X", "AWS4-HMAC-SHA25", "aws4-hmac-sha256", "AWS4-ECDSA-P256-SHA256", "AWS3", "Basic", "Bearer"):
        yield text(algorithm)
    for other in of_scope(scope):
        yield text(Credential=f"{key}/{other}")
    for other in characters(key, random):
        yield text(Credential=f"{other}/{scope}")
    for other in characters(fields["Signature"], random, 100):
        yield text(Signature=other)
    for other in ("0" * 64, "", fields["Signature"].upper(), fields["Signature"] * 2, "x"):
        if other != fields["Signature"]:
            yield text(Signature=other)
    for name in fields:
        yield text(**{name: None})
        yield text() + f", {name}={fields[name]}"  # twice
    for name in names:
        yield text(SignedHeaders=";".join(known for known in names if known != name))
    for other in (["host"], names[::-1], [*names, "x-amz-nothing"], [*names, names[-1]], [name.upper() for name in names], [*names, ""]):
        if other != names:
            yield text(SignedHeaders=";".join(other))
    yield text() + ", More=x"
    yield text().replace(", ", " ")
    yield ALGORITHM


def of_query(query, random):
    """Of a link each parameter has its say; of other requests so have theirs, for they are signed."""
    pairs = query.split("&")
    for i, pair in enumerate(pairs):
        name, _, value = pair.partition("=")
        rest = [*pairs[:i], *pairs[i + 1:]]
        yield "&".join(rest)
        yield "&".join([*pairs, pair])
        for other in characters(value, random, 12):
            yield "&".join([*pairs[:i], f"{name}={other}", *pairs[i + 1:]])
        yield "&".join([*pairs[:i], f"{name}=", *pairs[i + 1:]])
        yield "&".join([*pairs[:i], f"{name.lower()}={value}" if name != name.lower() else f"{name.upper()}={value}", *pairs[i + 1:]])
    yield "&".join([*pairs, "x-amz-acl=public-read"])
    yield "&".join([*pairs, "tagging"])


def of_link(query, random):
    known = dict(parse_qsl(query))

    def link(**changed):
        return "&".join(f"{name}={quote(value, safe='')}" for name, value in {**known, **{f"X-Amz-{name}": value for name, value in changed.items()}}.items())

    for other in ("AWS4-HMAC-SHA1", "AWS4-HMAC-SHA256X", "AWS4-HMAC-SHA25", "aws4-hmac-sha256", "AWS4-ECDSA-P256-SHA256", "x"):
        yield link(Algorithm=other)
    key, scope = known["X-Amz-Credential"].split("/", 1)
    for other in of_scope(scope):
        yield link(Credential=f"{key}/{other}")
    for other in of_date(known["X-Amz-Date"]):
        yield link(Date=other)
    for other in ("0", "-1", "1", "59", "61", "604800", "604801", "99999999999999999999", "6e1", "60 ", "+60", "060", "x"):
        yield link(Expires=other)
    for other in characters(known["X-Amz-Signature"], random, 100):
        yield link(Signature=other)
    yield link(SignedHeaders="")
    yield link(SignedHeaders=known["X-Amz-SignedHeaders"] + ";x-amz-nothing")


def of_path(path):
    if path == "/":  # to which all but S3 bring "//", too
        yield "/x"
        return
    yield from (path + "x", path + "/", path[:-1], path.upper() if path != path.upper() else path + "//", path.replace("/", "//", 1) + "0")


def alterations(request, random):
    link = "X-Amz-Signature=" in request["query"]
    for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        if method != request["method"]:
            yield {**request, "method": method}
    for path in of_path(request["path"]):
        yield {**request, "path": path}
    if request["query"]:
        for query in of_query(request["query"], random):
            yield {**request, "query": query}
    else:
        yield {**request, "query": "x-id=1"}
    if link:
        for query in of_link(request["query"], random):
            yield {**request, "query": query}
    body = request["body"].decode()
    if not link:  # whose payload is not signed
        for other in (*characters(body, random, 100), *([""] if body else []), body + "x"):
            yield {**request, "body": other.encode()}
    for i, (name, value) in enumerate(request["headers"]):
        if name.lower() == "authorization":
            for other in of_authorization(value, random):
                yield with_header(request, name, other, i)
        elif name.lower() == "x-amz-date":
            for other in of_date(value):
                yield with_header(request, name, other, i)
        elif name.lower() != "content-length":
            for other in characters(value, random, 30):
                if other.split() != value.split():  # runs of blanks are as good as one
                    yield with_header(request, name, other, i)
        if name.lower() != "content-length":
            yield with_header(request, name, None, i)
            yield {**request, "headers": [*request["headers"], (name, value)]}
    for name in ("x-amz-acl", "X-Amz-Meta-Other", "x-amz-tagging", "X-Amz-Security-Token", "x-amz-copy-source", "x-amz-date"):
        if name not in {known.lower() for known, _ in request["headers"]}:
            yield {**request, "headers": [*request["headers"], (name, "public-read")]}


@pytest.fixture(scope="module")
def door():
    door = Door()
    yield door
    door.server.stop()


def state(door):
    listed = door.s3.list_objects_v2(Bucket="films")["Contents"]
    roles, databases = door.server.client("iam").list_roles()["Roles"], door.server.client("glue").get_databases()["DatabaseList"]
    return [(item["Key"], item["ETag"]) for item in listed], roles, databases


def test_what_was_altered_is_refused(door):
    dice, before, count, taken = random.Random(17), state(door), 0, []
    for name, request in door.requests():
        for altered in alterations(request, dice):
            count += 1
            try:
                status, text = door.send(altered)
            except http.client.HTTPException as error:
                raise AssertionError(f"{name}: {altered}") from error
            if status < 400 or status >= 500:
                taken.append((name, status, altered, text[:200]))
    told = [f"{name}: {status} {altered['method']} {altered['path']}?{altered['query']} {altered['headers']} {altered['body']}" for name, status, altered, _ in taken]
    assert not told, "\n".join([str(len(told)), *told])
    assert count > 3000, count
    assert state(door) == before


def test_what_is_as_it_was_signed_is_taken(door):
    """Also in other words that mean the same; the others are refused for a reason."""
    for name, request in door.requests():
        status, text = door.send(request)
        assert status == 200, (name, text)
        if name == "form":  # it is there now
            door.server.client("iam").delete_role(RoleName="new")
        if name == "json":
            door.server.client("glue").delete_database(Name="new")
        if name in ("form", "json", "put", "link to put"):
            continue
        spelled = {**request, "headers": [(known.upper(), f"  {value} ") for known, value in request["headers"]] + [("User-Agent", "x"), ("Accept", "*/*")]}
        assert door.send(spelled)[0] == 200, name
    door.s3.delete_object(Bucket="films", Key="new")


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_request_of_another_time(door, hours):
    signer = Signer(door.server, when=datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours))
    assert door.send({"method": "GET", "path": "/films", "query": "", "headers": list(signer.headers("GET", "/films").items()), "body": b""})[0] == 403


def test_the_day_of_a_scope_is_the_request_s(door):
    """A key for another day signs rightly, and is not the one for this request."""
    signer, other = Signer(door.server), Signer(door.server, when=datetime.datetime(1999, 1, 1, tzinfo=datetime.timezone.utc))
    signer.scope, signer.key = other.scope, other.key
    status, text = door.send({"method": "GET", "path": "/films", "query": "", "headers": list(signer.headers("GET", "/films").items()), "body": b""})
    assert status == 400 and b"<Code>AuthorizationHeaderMalformed</Code>" in text and b"19990101" in text
