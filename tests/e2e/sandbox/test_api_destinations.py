"""EventBridge's connections and API destinations: what is secret is in a secret, and in no answer."""

import base64
import json
import threading
import time
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError
from support import until
from test_firing import Queue, queue  # noqa: F401

ENDPOINT = {"InvocationEndpoint": "https://example.com/api", "HttpMethod": "POST"}


def test_credentials_are_kept_in_a_secret(sandbox):
    events, secrets = sandbox.client("events"), sandbox.client("secretsmanager")
    made = events.create_connection(Name="shop", AuthorizationType="BASIC", AuthParameters={"BasicAuthParameters": {"Username": "u", "Password": "p"}})
    assert made["ConnectionState"] == "AUTHORIZED" and made["ConnectionArn"].startswith("arn:aws:events:us-east-1:000000000000:connection/shop/")
    told = events.describe_connection(Name="shop")
    assert told["AuthParameters"] == {"BasicAuthParameters": {"Username": "u"}}
    secret = secrets.get_secret_value(SecretId=told["SecretArn"])
    assert json.loads(secret["SecretString"]) == {"username": "u", "password": "p"} and told["SecretArn"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:" + secret["Name"] + "-")
    events.create_api_destination(Name="orders", ConnectionArn=made["ConnectionArn"], **ENDPOINT)
    shown = events.describe_api_destination(Name="orders")
    assert (shown["ApiDestinationState"], shown["InvocationRateLimitPerSecond"]) == ("ACTIVE", 300)
    assert events.delete_connection(Name="shop")["ConnectionState"] == "DELETING"
    with pytest.raises(ClientError, match="Connection 'shop' does not exist"):
        events.describe_connection(Name="shop")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.describe_secret(SecretId=told["SecretArn"])
    with pytest.raises(ClientError, match=r"2 validation errors detected: Value 'no-arn' at 'connectionArn' .*; Value 'ASK' at 'httpMethod' failed to satisfy constraint: Member must satisfy enum"):
        events.create_api_destination(Name="x", ConnectionArn="no-arn", **ENDPOINT | {"HttpMethod": "ASK"})


def test_a_secret_follows_its_connection(sandbox):
    """AWS's answer: the secret stays the same and has a new version."""
    events, secrets = sandbox.client("events"), sandbox.client("secretsmanager")

    def credentials(user):
        return {"BasicAuthParameters": {"Username": user, "Password": user + "-pass"}, "InvocationHttpParameters": {}}

    events.create_connection(Name="changed", AuthorizationType="BASIC", AuthParameters=credentials("old"))
    arn = events.describe_connection(Name="changed")["SecretArn"]
    before = secrets.get_secret_value(SecretId=arn)
    assert json.loads(before["SecretString"]) == {"username": "old", "password": "old-pass", "invocation_http_parameters": {}}
    events.update_connection(Name="changed", AuthParameters=credentials("new"))
    assert events.describe_connection(Name="changed")["SecretArn"] == arn
    after = secrets.get_secret_value(SecretId=arn)
    assert json.loads(after["SecretString"]) == {"username": "new", "password": "new-pass", "invocation_http_parameters": {}}
    assert after["VersionId"] != before["VersionId"] and after["VersionStages"] == ["AWSCURRENT"]
    events.update_connection(Name="changed", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}})
    assert json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"]) == {"api_key_name": "X-Key", "api_key_value": "k"}


class Endpoint:
    """A server outside, which keeps what it was asked: method, path, query, headers, body."""

    def __init__(self):
        self.statuses = []  # of the next answers
        self.asked, self.status, self.said = [], 200, b'{"access_token": "t0ken", "token_type": "Bearer"}'
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                url = urllib.parse.urlsplit(self.path)
                outer.asked.append({"method": self.command, "path": url.path, "query": dict(urllib.parse.parse_qsl(url.query)), "headers": self.headers, "body": body, "at": time.monotonic()})
                self.send_response(outer.statuses.pop(0) if outer.statuses else outer.status)
                self.send_header("Content-Length", str(len(outer.said)))
                self.send_header("Location", outer.url + "/elsewhere")
                self.end_headers()
                self.wfile.write(outer.said)

            do_POST = do_PUT = do_GET = answer

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def endpoint():
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


class Calling:
    """A rule that calls an endpoint by a connection with these credentials."""

    def __init__(self, sandbox, url, kind, credentials, allowed="events:InvokeApiDestination", destination=None, **target):
        self.events, iam = sandbox.client("events"), sandbox.client("iam")
        self.name = "api-" + uuid.uuid4().hex[:8]
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": allowed, "Resource": "*"}]}
        iam.put_role_policy(RoleName=self.name, PolicyName="call", PolicyDocument=json.dumps(policy))
        connection = self.events.create_connection(Name=self.name, AuthorizationType=kind, AuthParameters=credentials)["ConnectionArn"]
        destination = self.events.create_api_destination(Name=self.name, ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST", **destination or {})["ApiDestinationArn"]
        self.events.put_rule(Name=self.name, EventPattern=json.dumps({"source": [self.name]}))
        failed = self.events.put_targets(Rule=self.name, Targets=[{"Id": "api", "Arn": destination, "RoleArn": role, **target}])
        assert failed["FailedEntryCount"] == 0

    def put(self, detail):
        self.events.put_events(Entries=[{"Source": self.name, "DetailType": "order", "Detail": json.dumps(detail)}])


def test_a_rule_calls_an_endpoint(sandbox, endpoint):
    """As AWS's reference says: path values fill the stars, and what the connection says goes before what the target says."""
    pair = lambda key, value: [{"Key": key, "Value": value, "IsValueSecret": False}]  # noqa: E731
    calling = Calling(
        sandbox, endpoint.url + "/shops/*/orders?v=1", "BASIC",
        {"BasicAuthParameters": {"Username": "user", "Password": "pass"}, "InvocationHttpParameters": {
            "HeaderParameters": pair("x-own", "connection"), "QueryStringParameters": pair("from", "connection"), "BodyParameters": pair("kind", "new")}},
        Input='{"n": 1}', HttpParameters={
            "PathParameterValues": ["a b"], "HeaderParameters": {"x-own": "target", "x-more": "m"}, "QueryStringParameters": {"from": "target", "to": "x&y"}})
    calling.put({})
    (asked,) = until(lambda: endpoint.asked)
    assert (asked["method"], asked["path"], asked["query"]) == ("POST", "/shops/a%20b/orders", {"v": "1", "from": "connection", "to": "x&y"})
    assert json.loads(asked["body"]) == {"n": 1, "kind": "new"}
    headers = asked["headers"]
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"user:pass").decode()
    assert (headers["x-own"], headers["x-more"], headers["Content-Type"]) == ("connection", "m", "application/json; charset=utf-8")
    shown = calling.events.list_targets_by_rule(Rule=calling.name)["Targets"][0]
    assert shown["HttpParameters"]["PathParameterValues"] == ["a b"]
    calling.events.update_connection(Name=calling.name, AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k3y"}})
    calling.put({})
    assert until(lambda: endpoint.asked[1:])[0]["headers"]["X-Key"] == "k3y"


def test_a_target_says_what_it_sends(sandbox, endpoint):
    """A content type of the target's own takes the place of EventBridge's, however it is spelt."""
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    Calling(sandbox, endpoint.url + "/xml", "API_KEY", key, Input='"<order/>"', HttpParameters={"HeaderParameters": {"content-type": "text/xml"}}).put({})
    (asked,) = until(lambda: endpoint.asked)
    assert asked["headers"].get_all("Content-Type") == ["text/xml"]


def test_a_token_is_fetched_first(sandbox, endpoint):
    oauth = {"ClientParameters": {"ClientID": "id", "ClientSecret": "se cret"}, "AuthorizationEndpoint": endpoint.url + "/token", "HttpMethod": "POST",
             "OAuthHttpParameters": {"BodyParameters": [{"Key": "grant_type", "Value": "client_credentials"}]}}
    calling = Calling(sandbox, endpoint.url + "/orders", "OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": oauth})
    calling.put({"n": 1})
    token, call = until(lambda: endpoint.asked if len(endpoint.asked) == 2 else None)
    assert (token["path"], token["headers"]["Content-Type"]) == ("/token", "application/x-www-form-urlencoded")
    assert dict(urllib.parse.parse_qsl(token["body"])) == {"client_id": "id", "client_secret": "se cret", "grant_type": "client_credentials"}
    assert (call["path"], call["headers"]["Authorization"], json.loads(call["body"])["detail"]) == ("/orders", "Bearer t0ken", {"n": 1})


@pytest.mark.parametrize("allowed", ["events:InvokeApiDestination", "events:PutEvents"])
def test_what_is_not_taken_goes_to_the_dead_letters(sandbox, endpoint, queue, allowed):  # noqa: F811
    endpoint.status = 500
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    calling = Calling(sandbox, endpoint.url, "API_KEY", key, allowed, DeadLetterConfig={"Arn": queue.arn}, RetryPolicy={"MaximumRetryAttempts": 2})
    calling.put({"n": 2})
    (letter,) = until(lambda: queue.take(MessageAttributeNames=["All"]))
    may, said = allowed == "events:InvokeApiDestination", {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"])["detail"] == {"n": 2} and len(endpoint.asked) == (3 if may else 0)
    assert (said.get("EXHAUSTED_RETRY_CONDITION"), said.get("RETRY_ATTEMPTS")) == (("MaximumRetryAttempts", "2") if may else (None, None))


def test_what_may_be_taken_later_is_tried_again(sandbox, endpoint, queue):  # noqa: F811
    """Status 401, 407, 409, 429 and 5xx, as AWS's guide says; anything else is the end."""
    endpoint.statuses = [401, 407, 409, 429, 500, 503, 200, 404, 200]
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    calling = Calling(sandbox, endpoint.url, "API_KEY", key, DeadLetterConfig={"Arn": queue.arn})
    calling.put({"n": 1})
    until(lambda: len(endpoint.asked) == 7)
    calling.put({"n": 2})
    assert json.loads(queue.bodies(1)[0])["detail"] == {"n": 2} and len(endpoint.asked) == 8
    calling.put({"n": 3})
    until(lambda: len(endpoint.asked) == 9)
    assert [json.loads(asked["body"])["detail"]["n"] for asked in endpoint.asked] == [1] * 7 + [2, 3] and not queue.take(wait=0)


def test_the_rate_of_a_destination(sandbox, endpoint):
    """The calls are spread; none is lost."""
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    calling = Calling(sandbox, endpoint.url, "API_KEY", key, destination={"InvocationRateLimitPerSecond": 5})
    for n in range(8):
        calling.put({"n": n})
    until(lambda: len(endpoint.asked) == 8)
    assert endpoint.asked[7]["at"] - endpoint.asked[0]["at"] > 1.2 and {json.loads(asked["body"])["detail"]["n"] for asked in endpoint.asked} == set(range(8))


def test_connections_without_what_they_need(sandbox):
    """Required members and enumerations of the model, which botocore would not let through."""
    events = sandbox.client("events", parameter_validation=False)
    client = {"ClientID": "i", "ClientSecret": "s"}
    oauth = {"ClientParameters": client, "AuthorizationEndpoint": "https://example.com/token", "HttpMethod": "POST"}

    def refused(kind, **given):
        with pytest.raises(ClientError) as caught:
            events.create_connection(Name="needy", AuthorizationType=kind, AuthParameters=given)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        return caught.value.response["Error"]["Message"]

    def null(member):
        return f"1 validation error detected: Value null at 'authParameters.{member}' failed to satisfy constraint: Member must not be null"

    token = "OAUTH_CLIENT_CREDENTIALS"
    assert refused(token, OAuthParameters={**oauth, "HttpMethod": "PATCH"}) == (
        "1 validation error detected: Value 'PATCH' at 'authParameters.oAuthParameters.httpMethod' failed to satisfy constraint: Member must satisfy enum value set: [GET, POST, PUT]")  # fmt: skip
    for member, path in ("HttpMethod", "httpMethod"), ("AuthorizationEndpoint", "authorizationEndpoint"), ("ClientParameters", "clientParameters"):
        assert refused(token, OAuthParameters={name: value for name, value in oauth.items() if name != member}) == null("oAuthParameters." + path)
    assert refused(token, OAuthParameters={**oauth, "ClientParameters": {"ClientID": "i"}}) == null("oAuthParameters.clientParameters.clientSecret")
    assert refused("BASIC", BasicAuthParameters={"Username": "u"}) == null("basicAuthParameters.password")
    assert refused("API_KEY", ApiKeyAuthParameters={"ApiKeyName": "n"}) == null("apiKeyAuthParameters.apiKeyValue")
    assert "BASIC needs BasicAuthParameters" in refused("BASIC", ApiKeyAuthParameters={"ApiKeyName": "n", "ApiKeyValue": "v"})
    assert "needs OAuthParameters" in refused(token, BasicAuthParameters={"Username": "u", "Password": "p"})
    assert not events.list_connections(NamePrefix="needy")["Connections"]
    events.create_connection(Name="needy", AuthorizationType=token, AuthParameters={"OAuthParameters": {**oauth, "HttpMethod": "put"}})  # AWS takes it, as LocalStack's recording says
    events.delete_connection(Name="needy")


@pytest.mark.parametrize("answer", [{"status": 302}, {"said": b"x" * (1024 * 1024 + 1)}], ids=["a redirect", "a flood"])
def test_an_endpoint_leads_nowhere_and_says_little(sandbox, endpoint, queue, answer):  # noqa: F811
    vars(endpoint).update(answer)
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    calling = Calling(sandbox, endpoint.url, "API_KEY", key, DeadLetterConfig={"Arn": queue.arn})
    calling.put({"n": 3})
    assert json.loads(queue.bodies(1)[0])["detail"] == {"n": 3}
    assert [asked["path"] for asked in endpoint.asked] in (["/"], [""])


class Silent(ThreadingHTTPServer):
    """It reads requests and says nothing; when they came is in `asked`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.asked.append(time.monotonic())
            self.server.over.wait(30)

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.asked, self.over = [], threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def silent():
    made = Silent()
    yield made
    made.over.set()
    made.shutdown()
    made.server_close()


@pytest.fixture
def calling_silent(silent, kept_sandbox):
    letters = Queue(kept_sandbox)
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    made = Calling(kept_sandbox, f"http://127.0.0.1:{silent.server_port}/", "API_KEY", key, DeadLetterConfig={"Arn": letters.arn})
    made.letters = letters
    return made


def test_a_call_does_not_hold_up_the_end(silent, kept_sandbox, calling_silent):
    for _ in range(3):  # the call has five seconds; a busy machine may stand still
        before = len(silent.asked)
        calling_silent.put({})
        until(lambda: len(silent.asked) > before)
        began = time.monotonic()
        kept_sandbox.stop()
        if time.monotonic() - began < 3:
            return
        kept_sandbox.start()
        calling_silent.events = kept_sandbox.client("events")
    pytest.fail("it waited for the answer")


def test_so_many_calls_at_a_time(silent, calling_silent):
    """The others wait; of what is too much for that the dead letter says so."""
    entry = {"Source": calling_silent.name, "DetailType": "order", "Detail": "{}"}
    for _ in range(110):
        calling_silent.events.put_events(Entries=[entry] * 10)
    codes = set()
    while "THROTTLING" not in codes:
        codes |= {one["MessageAttributes"]["ERROR_CODE"]["StringValue"] for one in until(lambda: calling_silent.letters.take(10, MessageAttributeNames=["All"]))}
    until(lambda: silent.asked[31:])
    assert sum(at < silent.asked[0] + 4 for at in silent.asked) == 32
