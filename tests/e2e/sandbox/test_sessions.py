"""Temporary credentials: a role that somebody has for a while, and every job has while it runs."""

import base64
import hashlib
import hmac
import json
import uuid

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from servers import code
from support import PATIENCE_S
from test_run_batch import Queue
from test_run_glue import Job
from test_run_lambda import Function

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})


def using(server, credentials, service="s3", **config):
    return boto3.client(
        service, endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"], config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **config))


def make_role(server, **more):
    iam, name = server.client("iam"), f"r-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, **more)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}))
    return role


def test_a_role_is_assumed(anywhere):
    role = make_role(anywhere, Path="/teams/")
    answer = anywhere.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="ada@films")
    assert set(answer) - {"PackedPolicySize"} == {"Credentials", "AssumedRoleUser", "ResponseMetadata"}
    credentials, user = answer["Credentials"], answer["AssumedRoleUser"]
    assert credentials["AccessKeyId"].startswith("ASIA") and len(credentials["AccessKeyId"]) == 20 and len(credentials["SecretAccessKey"]) == 40
    assert user["Arn"].endswith(f":assumed-role/{role['RoleName']}/ada@films")
    identity = using(anywhere, credentials, "sts").get_caller_identity()
    assert identity["Arn"] == user["Arn"] and identity["UserId"] == user["AssumedRoleId"] and identity["Account"] == role["Arn"].split(":")[4]
    s3, bucket = using(anywhere, credentials), f"b-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100000)
    url = using(anywhere, credentials, signature_version="s3v4").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert requests.get(url, timeout=PATIENCE_S).content == b"x" * 100000


def test_who_the_others_are(sandbox):
    sts = sandbox.client("sts")
    role = make_role(sandbox)
    answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one")
    assert answer["AssumedRoleUser"] == {"Arn": f"arn:aws:sts::000000000000:assumed-role/{role['RoleName']}/one", "AssumedRoleId": f"{role['RoleId']}:one"}
    own = sts.get_caller_identity()["Arn"]
    assert own == "arn:aws:iam::000000000000:user/sandbox"
    assert using(sandbox, sts.get_session_token()["Credentials"], "sts").get_caller_identity()["Arn"] == own
    assert using(sandbox, {"AccessKeyId": sandbox.access, "SecretAccessKey": sandbox.secret, "SessionToken": "left from elsewhere"}, "sts").get_caller_identity()["Arn"] == own
    chained = using(sandbox, answer["Credentials"], "sts")
    assert code(chained.get_session_token) == "AccessDenied"
    assert chained.assume_role(RoleArn=role["Arn"], RoleSessionName="two")["AssumedRoleUser"]["Arn"].endswith("/two")
    assert code(chained.assume_role, RoleArn=role["Arn"], RoleSessionName="two", DurationSeconds=7200) == "ValidationError"


def test_what_cannot_be_assumed(sandbox):
    sts, role = sandbox.client("sts", parameter_validation=False), make_role(sandbox, MaxSessionDuration=7200)
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName="fine", DurationSeconds=7200)
    for arn, name, seconds, refused in (
        (role["Arn"] + "x", "fine", 3600, "AccessDenied"), (role["RoleName"] + "-is-no-arn-at-all", "fine", 3600, "ValidationError"), ("arn:aws:::role/without-a-service", "fine", 3600, "ValidationError"),
        (role["Arn"], "two words", 3600, "ValidationError"), (role["Arn"], "fine", 7201, "ValidationError"), (role["Arn"], "fine", 899, "ValidationError"),
    ):
        assert code(sts.assume_role, RoleArn=arn, RoleSessionName=name, DurationSeconds=seconds) == refused
    tagged = {"RoleArn": role["Arn"], "RoleSessionName": "fine", "Tags": [{"Key": "Team", "Value": "a"}]}  # as localstack's validated test_assume_role_tag_validation recorded it
    sts.assume_role(**tagged, TransitiveTagKeys=["team"])
    with pytest.raises(ClientError, match="InvalidParameterValue.*The specified transitive tag key must be included in the requested tags[.]"):
        sts.assume_role(**tagged, TransitiveTagKeys=["other"])
    with pytest.raises(ClientError, match="InvalidParameterValue.*Duplicate tag keys found. Please note that Tag keys are case insensitive[.]"):
        sts.assume_role(**tagged | {"Tags": [*tagged["Tags"], {"Key": "team", "Value": "b"}]})


def made_up(server, expires_ms, role="role"):
    """A token as the sandbox makes it, by somebody who has its secret."""
    token = base64.b64encode(f"weir-session-2\n{role}\nname\n{expires_ms}\n00\n\n\n\n".encode()).decode()
    key, secret = (hmac.new(server.secret.encode(), f"session {what}\n{token}".encode(), hashlib.sha256).digest() for what in ("access key", "secret"))
    return {"AccessKeyId": "ASIA" + base64.b32encode(key[:10]).decode(), "SecretAccessKey": base64.b64encode(secret).decode()[:40], "SessionToken": token}


def test_what_is_refused(sandbox):
    """Each protocol's clients understand why."""
    role = make_role(sandbox)
    good = sandbox.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one")["Credentials"]
    other = sandbox.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="two")["Credentials"]
    assert using(sandbox, made_up(sandbox, 0, role["RoleName"]), "glue").get_jobs()["Jobs"] is not None
    for wrong, s3, query, json_ in (
        ({**good, "SessionToken": other["SessionToken"]}, "InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"),
        ({**good, "SessionToken": "made up"}, "InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"),
        ({**good, "SessionToken": None}, "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"),
        ({**good, "SecretAccessKey": other["SecretAccessKey"]}, "SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"),
        (made_up(sandbox, 1), "ExpiredToken", "ExpiredToken", "ExpiredTokenException"),
    ):
        assert code(using(sandbox, wrong).list_buckets) == s3
        assert code(using(sandbox, wrong, "iam").list_roles) == query
        assert code(using(sandbox, wrong, "glue").get_jobs) == json_


def test_credentials_outlive_the_process(kept_sandbox):
    role = make_role(kept_sandbox)
    credentials = kept_sandbox.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one")["Credentials"]
    kept_sandbox.kill()
    kept_sandbox.start()
    assert using(kept_sandbox, credentials, "sts").get_caller_identity()["UserId"] == f"{role['RoleId']}:one"


def test_weir_works_as_a_role(sandbox, tmp_path):
    role = make_role(sandbox)
    stack = sandbox.stack(tmp_path).write(f"""
stack: assumed
providers:
  aws: {{assume_role: {{role: "{role['Arn']}", session_name: deployer}}}}
data:
  me: {{type: aws.sts.caller_identity}}
resources:
  lake: {{type: aws.s3.bucket, name: "lake-{uuid.uuid4().hex[:8]}"}}
outputs:
  who: {{value: "${{me.arn}}"}}
""")
    stack.apply()
    assert stack.run("output", "who").out.strip() == f"arn:aws:sts::000000000000:assumed-role/{role['RoleName']}/deployer"
    stack.assert_settled()
    stack.destroy()


WHO = "import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])\nboto3.client('s3').put_object(Bucket='lake', Key='by/role', Body=b'x')\n"


def test_a_job_has_its_role(job_sandbox):
    job = Job(job_sandbox, WHO)
    run = job.start()
    assert job.ended(run)["JobRunState"] == "SUCCEEDED", job.output(run, "error")
    assert job.output(run) == ["arn:aws:sts::000000000000:assumed-role/job/GlueJobRunnerSession"]


def test_a_function_has_its_role(job_sandbox):
    f = Function(job_sandbox, main_dot_py="import boto3, os\ndef handler(e, c): return [boto3.client('sts').get_caller_identity()['Arn'], len(os.environ['AWS_SESSION_TOKEN']) > 20, os.environ['AWS_REGION']]", Timeout=20)
    assert f.result() == [f"arn:aws:sts::000000000000:assumed-role/job/{f.name}", True, "us-east-1"]
    assert f.call(InvocationType="Event")["StatusCode"] == 202


def test_a_batch_job_has_its_role_if_it_has_one(job_sandbox):
    queue = Queue(job_sandbox)
    for role, arn in (({"jobRoleArn": job_sandbox.role}, "arn:aws:sts::000000000000:assumed-role/job/"), ({}, "arn:aws:iam::000000000000:user/sandbox")):
        queue.definition = queue.batch.register_job_definition(jobDefinitionName=f"d-{uuid.uuid4().hex[:8]}", type="container", containerProperties={
            "image": "local", "command": ["python3", "-c", WHO], "resourceRequirements": [{"type": "MEMORY", "value": "512"}, {"type": "VCPU", "value": "1"}], **role})["jobDefinitionArn"]
        run = queue.submit()
        assert queue.ended(run)["status"] == "SUCCEEDED"
        assert queue.output(run) == [arn + (run if role else "")]
