"""Where credentials and settings come from, seen from outside; the finer points are unit tests."""

import sys
import textwrap

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
    assert "ExpiredToken" in err and "come from the environment; they have ended: get new ones and run the same command again" in err
    assert stack.addresses() == ["lake"]
    cloud.fail()
    assert "1 created" in stack.apply().out
    stack.assert_settled()
