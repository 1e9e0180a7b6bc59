"""weir reap --install: the account looks after leases by itself. The function is run by the sandbox, with its role's rights and no others."""

import json
import subprocess

import boto3
import pytest
from botocore.config import Config
from servers import JobSandbox

from support import Stack

PLACE = {"backend": "s3", "bucket": "lab-states"}
LAB = """
    stack: %s
    state: {backend: s3, bucket: lab-states}
    resources:
      lake: {type: aws.s3.bucket, name: "%s-lake", force_destroy: true}
      queue: {type: aws.sqs.queue, name: "%s-events"}
      network: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      half: {type: aws.ec2.subnet, vpc_id: "${network.vpc_id}", cidr_block: 10.0.1.0/24}
      role: {type: aws.iam.role, name: "%s-jobs", assume_role_policy: '${trust("glue.amazonaws.com")}', policies: {lake: '${allow("s3:GetObject", "${lake.arn}/*")}'}}
"""


@pytest.fixture
def server():
    server = JobSandbox()
    yield server
    server.stop()


@pytest.fixture
def lab(server, tmp_path):
    stack = Stack(tmp_path / "lab")
    stack.env |= server.environment(home=str(tmp_path))
    server.client("s3").create_bucket(Bucket="lab-states")
    for name in "over", "running":
        stack.write(LAB % (name, name, name, name), f"{name}.yaml").run("apply", "-y", "--for", "8h", "-C", f"{name}.yaml")
    stack.run("lease", "end", "-C", "over.yaml")
    return stack


def labs(server):
    buckets = {bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"] if bucket["Name"].endswith("-lake")}
    roles = {role["RoleName"] for role in server.client("iam").list_roles()["Roles"] if role["RoleName"].endswith("-jobs")}
    return sorted(buckets | roles)


def call(server):
    """(the function's answer, what it said, its error)"""
    client = boto3.client("lambda", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=server.access, aws_secret_access_key=server.secret,
                          config=Config(read_timeout=120, retries={"total_max_attempts": 1}))  # fmt: skip
    answer = client.invoke(FunctionName="weir-reap", Payload=b"{}")
    logs = server.client("logs")
    said = [event["message"] for stream in logs.describe_log_streams(logGroupName="/aws/lambda/weir-reap")["logStreams"]
            for event in logs.get_log_events(logGroupName="/aws/lambda/weir-reap", logStreamName=stream["logStreamName"], startFromHead=True)["events"]]
    return json.loads(answer["Payload"].read()), "\n".join(said), answer.get("FunctionError")


@pytest.mark.long
def test_the_account_reaps_by_itself(server, lab):
    place = json.dumps(PLACE)
    dry = lab.run("reap", "--install", "--every", "30m", "--dry-run", place)
    assert "weir-reap" in dry.out and "rate(30 minutes)" in dry.out and "to create" in dry.out, str(dry)
    assert not server.client("lambda").list_functions()["Functions"] and not (lab.folder / ".weir" / "reap").exists()
    made = lab.run("reap", "--install", "--every", "30m", "--yes", place)
    schedule = server.client("scheduler").get_schedule(Name="weir-reap")
    function = server.client("lambda").get_function_configuration(FunctionName="weir-reap")
    assert schedule["ScheduleExpression"] == "rate(30 minutes)" and schedule["Target"]["Arn"] == function["FunctionArn"], str(made)
    assert (function["Runtime"], function["Timeout"]) == ("provided.al2023", 900)
    assert "No changes" in lab.run("reap", "--install", "--every", "30m", "--yes", place).out

    answer, said, error = call(server)
    assert answer == {"status": 0} and not error and "Nothing is left of 1 stack" in said, (answer, said, error)
    assert labs(server) == ["running-jobs", "running-lake"]

    topic = "      topic: {type: aws.sns.topic, name: later}\n"  # of a type that no stack had
    lab.write(LAB % (("running",) * 4) + topic, "running.yaml").run("apply", "-y", "-C", "running.yaml")
    lab.run("lease", "end", "-C", "running.yaml")
    answer, said, error = call(server)
    assert error and "status 1" in answer["errorMessage"] and "not authorized" in said.lower() and "sns" in said.lower(), (answer, said, error)
    assert "1 updated" in lab.run("reap", "--install", "--every", "30m", "--yes", place).out
    assert call(server)[0] == {"status": 0} and labs(server) == [] and not server.client("sns").list_topics()["Topics"]

    gone = lab.run("reap", "--uninstall", "--yes", place)
    assert not server.client("lambda").list_functions()["Functions"] and not server.client("scheduler").list_schedules()["Schedules"], str(gone)
    assert not [role for role in server.client("iam").list_roles()["Roles"] if role["RoleName"].startswith("weir-reap")]
    assert "No changes" in lab.run("reap", "--uninstall", "--yes", place).out


def test_a_program_that_is_given(server, tmp_path):
    """Static, for the machine that its header names; what wants libraries that would not be there is refused."""
    stack = Stack(tmp_path / "lab")
    stack.env |= server.environment(home=str(tmp_path))
    server.client("s3").create_bucket(Bucket="lab-states")
    place, given = json.dumps(PLACE), tmp_path / "given"
    (tmp_path / "given.c").write_text('#include <stdio.h>\nint main(int n, char **words) { printf("called as %s %s %s\\n", words[1], words[2], words[3]); return n != 4; }\n')
    subprocess.run(["cc", "-o", given, tmp_path / "given.c"], check=True)
    refused = stack.run("reap", "--install", "--yes", "--program", given, place, status=3)
    assert f"{given} is not a static program for Linux" in refused.err and "a release's archive for Linux" in refused.err, str(refused)
    subprocess.run(["cc", "-static", "-o", given, tmp_path / "given.c"], check=True)
    stack.run("reap", "--install", "--yes", "--program", given, place)
    answer, said, error = call(server)
    assert answer == {"status": 0} and not error and f"called as reap --yes {json.dumps(PLACE, separators=(',', ':'))}" in said, (answer, said, error)
    elf = bytearray(given.read_bytes())
    elf[18] = 183  # AArch64
    given.write_bytes(elf)
    assert "arm64" in stack.run("reap", "--install", "--dry-run", "--full", "--program", given, place).out
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert "is not a static program" in stack.run("reap", "--install", "--program", tmp_path / "script", place, status=3).err


@pytest.mark.long
def test_rights_of_stacks_that_differ(server, tmp_path):
    """What one of them has is known although it has been closed again; what is freed is written over."""
    stack = Stack(tmp_path / "lab")
    stack.env |= server.environment(home=str(tmp_path))
    server.client("s3").create_bucket(Bucket="lab-states")
    for name, thing in {"one": "aws.s3.bucket, name: lab-one", "two": "aws.sqs.queue, name: lab-two", "three": "aws.sns.topic, name: lab-three"}.items():
        stack.write(f"stack: {name}\nstate: {json.dumps(PLACE)}\nresources: {{it: {{type: {thing}}}}}\n", f"{name}.yaml").run("apply", "-y", "-C", f"{name}.yaml")
    shown = stack.run("reap", "--install", "--dry-run", "--full", json.dumps(PLACE), env={"MALLOC_PERTURB_": "165"})
    assert "of the 3 types" in shown.err and all(action in shown.out for action in ("s3:DeleteBucket", "sqs:DeleteQueue", "sns:DeleteTopic")), str(shown)


def test_what_cannot_be_installed(tmp_path):
    stack = Stack(tmp_path / "lab").write("stack: lab\nresources: {a: {type: weir.value, value: 1}}\n")
    stack.run("apply", "-y")
    assert "they are not in S3" in stack.run("reap", "--install", status=3).err
    assert "exclude each other" in stack.run("reap", "--install", "--uninstall", status=3).err
    for option in ("--every", "1h"), ("--program", "weir"):
        assert "--every and --program go with --install" in stack.run("reap", *option, status=3).err
