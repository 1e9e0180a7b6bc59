"""Where credentials and settings come from, seen from outside; the finer points are unit tests."""

import datetime
import hashlib
import http.server
import json
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from support import SECRET_KEY

STACK = """
    stack: who
    data: {me: {type: aws.sts.caller_identity}}
    resources: {v: {type: weir.value, value: "${me.arn}"}}
    outputs: {arn: {value: "${v.value}"}}
"""


@pytest.fixture
def bare(stack):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        del stack.env[name]
    (stack.home / ".aws").mkdir()
    return stack.write(STACK)


def settings(stack, name, text):
    (stack.home / ".aws" / name).write_text(textwrap.dedent(text))


def test_shared_files_and_profiles(bare, cloud):
    settings(bare, "credentials", f"""
        [default]
        aws_access_key_id = AKDEFAULT
        aws_secret_access_key = {SECRET_KEY}
        [work]
        aws_access_key_id = AKWORK
        aws_secret_access_key = {SECRET_KEY}
    """)
    settings(bare, "config", """
        [default]
        region = us-west-2
        [profile work]
        region = eu-central-1
    """)
    bare.write("stack: who\nresources: {lake: {type: aws.s3.bucket, name: profile-lake}}\n")
    bare.apply(env={"AWS_PROFILE": "work"})
    assert cloud.client("s3").get_bucket_location(Bucket="profile-lake")["LocationConstraint"] == "eu-central-1"


def test_unknown_profile(bare):
    settings(bare, "config", "[profile work]\nregion = eu-central-1\n")
    result = bare.apply(status=None, env={"AWS_PROFILE": "wrk"})
    assert result.status in (1, 3) and "wrk" in result.err


def test_credential_process(bare, tmp_path):
    program = tmp_path / "give.py"
    program.write_text(f'print(\'{{"Version": 1, "AccessKeyId": "AKPROC", "SecretAccessKey": "{SECRET_KEY}"}}\')\n')
    settings(bare, "config", f"[default]\nregion = us-east-1\ncredential_process = {sys.executable} {program}\n")
    bare.apply()
    program.write_text("import sys; sys.exit('the vault is closed')\n")
    refused = bare.run("plan", status=1)
    assert "the vault is closed" in refused.err or "credential_process" in refused.err
    program.write_text("print('x' * 300 * 1024)\n")
    assert "printed more than 256 KiB" in bare.run("plan", status=1).err


class IdentityCenter(http.server.BaseHTTPRequestHandler):
    """The portal and its OIDC service, by botocore's models: /federation/credentials for whoever has the token `fresh`, /token for a new one."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers["x-amz-sso_bearer_token"], self.headers["Authorization"]))
        if self.headers["x-amz-sso_bearer_token"] != "fresh":
            return self.answer(401, {"message": "Session token not found or invalid"}, "UnauthorizedException")
        expires = int((datetime.datetime.now().timestamp() + 3600) * 1000)
        self.answer(200, {"roleCredentials": {"accessKeyId": "AKSSO", "secretAccessKey": SECRET_KEY, "sessionToken": "st", "expiration": expires}})

    def do_POST(self):
        self.server.asked.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.answer(200, {"accessToken": "fresh", "tokenType": "Bearer", "expiresIn": 3600, "refreshToken": "next"})

    def answer(self, status, body, error=None):
        content = json.dumps(body).encode()
        self.send_response(status)
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def identity_center(bare):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), IdentityCenter)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    bare.env |= {"AWS_PROFILE": "dev", "AWS_ENDPOINT_URL_SSO": url, "AWS_ENDPOINT_URL_SSO_OIDC": url}
    yield server
    server.shutdown()
    server.server_close()


def signed_in(stack, of, hours, **more):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    path = stack.home / ".aws/sso/cache" / f"{hashlib.sha1(of.encode()).hexdigest()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"startUrl": "https://corp.example/start", "region": "us-east-1", "accessToken": "stale", "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ"), **more}))
    return path


def test_identity_center(bare, identity_center):
    settings(bare, "config", """
        [profile dev]
        region = us-east-1
        sso_session = corp
        sso_account_id = 123456789012
        sso_role_name = Data Engineer
        [sso-session corp]
        sso_region = us-east-1
        sso_start_url = https://corp.example/start
    """)
    nobody = bare.run("plan", status=1).err
    assert "nobody is signed in" in nobody and "`aws sso login --profile dev` signs in" in nobody, nobody
    signed_in(bare, "corp", -1)
    assert "the sign-in has expired" in bare.run("plan", status=1).err and not identity_center.asked
    signed_in(bare, "corp", 5)
    ended = bare.run("plan", status=1).err
    assert "the sign-in has ended" in ended and "aws sso login" in ended, ended
    # renewed where the CLI keeps it
    registration = {"clientId": "ci", "clientSecret": "cs", "registrationExpiresAt": "2099-01-01T00:00:00Z", "refreshToken": "first"}
    path = signed_in(bare, "corp", -1, **registration)
    identity_center.asked.clear()
    shown = bare.run("-vv", "apply", "--yes")
    assert identity_center.asked[0] == ("/token", {"grantType": "refresh_token", "clientId": "ci", "clientSecret": "cs", "refreshToken": "first"})
    renewed = json.loads(path.read_text())
    assert (renewed["accessToken"], renewed["refreshToken"], renewed["clientId"], path.stat().st_mode & 0o777) == ("fresh", "next", "ci", 0o600)
    assert "fresh" not in shown.out + shown.err and SECRET_KEY not in shown.out + shown.err
    # botocore, with the token that weir wrote, asks and gets the same
    ours = identity_center.asked[1:]
    identity_center.asked.clear()
    ask = "import boto3; print(boto3.Session().get_credentials().access_key)"
    env = {**os.environ, **bare.env, "HOME": str(bare.home)}
    assert subprocess.run([sys.executable, "-c", ask], env=env, check=True, capture_output=True, text=True).stdout == "AKSSO\n"
    (one,) = identity_center.asked
    assert set(ours) == {one} and one[1:] == ("fresh", None)
    bare.assert_settled()
    # as it was configured before there were sections for sessions
    settings(bare, "config", """
        [profile dev]
        region = us-east-1
        sso_start_url = https://corp.example/start
        sso_region = us-east-1
        sso_account_id = 123456789012
    """)
    signed_in(bare, "https://corp.example/start", 5, accessToken="fresh")
    assert 'the profile "dev" has no sso_role_name' in bare.run("plan", status=1).err
    with open(bare.home / ".aws/config", "a") as config:
        config.write("sso_role_name = Data Engineer\n")
    bare.assert_settled()
    bare.destroy()


def test_assume_role(bare, cloud):
    settings(bare, "credentials", f"[base]\naws_access_key_id = AKBASE\naws_secret_access_key = {SECRET_KEY}\n")
    settings(bare, "config", """
        [default]
        region = us-east-1
        role_arn = arn:aws:iam::123456789012:role/deploy
        source_profile = base
    """)
    bare.apply()
    assert "assumed-role/deploy" in bare.outputs()["arn"]
    assert "AssumeRole" in cloud.requests()


def test_one_service_elsewhere(stack, wire_server):
    """AWS_ENDPOINT_URL_S3 sends only S3 elsewhere."""
    elsewhere = wire_server(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    stack.env["AWS_ENDPOINT_URL_S3"] = elsewhere.url
    stack.write(STACK)
    stack.apply()
    assert elsewhere.count == 0
    stack.write("stack: who\nresources: {lake: {type: aws.s3.bucket, name: elsewhere-lake}}\n")
    result = stack.apply(status=1)
    assert elsewhere.count > 0
    assert "in another account, or the credentials are wrong" in result.err  # HEAD does not say which


def test_a_bucket_that_somebody_else_has(stack, wire_server):
    body = b"<Error><Code>BucketAlreadyExists</Code><Message>not available</Message></Error>"
    elsewhere = wire_server(b"HTTP/1.1 409 Conflict\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    stack.env |= {"AWS_ENDPOINT_URL_S3": elsewhere.url, "AWS_REGION": "eu-west-1"}  # in us-east-1 weir looks first
    stack.write("stack: who\nresources: {lake: {type: aws.s3.bucket, name: elsewhere-lake}}\n")
    result = stack.apply(status=1)
    assert "BucketAlreadyExists" in result.err and "if another account has it, choose another name" in result.err, str(result)


def test_a_proxy_that_is_not_there_is_named(stack):
    stack.write(STACK)
    stack.env |= {"AWS_ENDPOINT_URL": "https://s3.example.com", "https_proxy": "http://name:hush-hush@127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    err = stack.run("plan", status=1).err
    assert "cannot connect to the proxy 127.0.0.1:9 (for s3.example.com): connection refused" in err and "hush-hush" not in err, err


def test_credentials_that_end_midway(stack, cloud):
    """What was done is recorded; with new ones the same command makes the rest."""
    stack.write("""
        stack: ends
        resources:
          lake: {type: aws.s3.bucket, name: ends-lake}
          role: {type: aws.iam.role, name: ends, assume_role_policy: '${trust("glue.amazonaws.com")}', depends_on: [lake]}
    """)
    expired = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error></ErrorResponse>"
    cloud.fail({"match": "CreateRole", "times": 99, "status": 403, "body": expired})
    err = stack.apply(status=1).err
    assert "ExpiredToken" in err and "come from the environment; they have expired: get new ones and run the same command again" in err
    assert stack.addresses() == ["lake"]
    cloud.fail()
    assert "1 created" in stack.apply().out
    stack.assert_settled()
