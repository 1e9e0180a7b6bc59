"""Subscription filters deliver what is put into a group, to streams and functions; groups are found by a part of their name."""

import base64
import gzip
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from servers import code
from support import until
from test_firing import Queue
from test_run_lambda import Function

PRINCIPALS = ("logs.amazonaws.com", "logs.us-east-1.amazonaws.com")  # AWS takes both


def made_group(sandbox):
    name = f"g-{uuid.uuid4().hex[:8]}"
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="run")
    return name


@pytest.fixture
def group(sandbox):
    return made_group(sandbox)


def put(sandbox, group, *messages):
    events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
    sandbox.client("logs").put_log_events(logGroupName=group, logStreamName="run", logEvents=events)
    return events


def writer(sandbox, stream, principal):
    """The ARN of a role that the service may take on to write to the stream."""
    iam, name = sandbox.client("iam"), f"r-{uuid.uuid4().hex[:8]}"
    allow = lambda **one: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one}]})  # noqa: E731
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=allow(Principal={"Service": principal}, Action="sts:AssumeRole"))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow(Action="kinesis:PutRecord", Resource=stream))
    return arn


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_to_a_stream(sandbox, group, principal):
    kinesis, name = sandbox.client("kinesis"), f"s-{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    stream = until(lambda: (found := kinesis.describe_stream(StreamName=name)["StreamDescription"])["StreamStatus"] == "ACTIVE" and found)["StreamARN"]
    sandbox.client("logs").put_subscription_filter(logGroupName=group, filterName="f", filterPattern="?ERROR ?WARN -quiet", destinationArn=stream, roleArn=writer(sandbox, stream, principal))
    events = put(sandbox, group, "ERROR one", "fine", "WARN quiet", "WARN two")
    put(sandbox, group, "nothing of it")
    where = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = kinesis.get_records(ShardIterator=where)["Records"]
    got = json.loads(gzip.decompress(record["Data"]))
    ids = [one.pop("id") for one in got["logEvents"]]
    assert got == {"messageType": "DATA_MESSAGE", "owner": "000000000000", "logGroup": group, "logStream": "run", "subscriptionFilters": ["f"], "logEvents": [events[0], events[3]]}
    assert len(set(ids)) == 2 and all(one.isdigit() and len(one) == 56 for one in ids)


FUNCTION = """import boto3, json, os
def handler(event, context):
    boto3.client("sqs", region_name="us-east-1").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
"""


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_to_a_function(job_sandbox, principal):
    queue, logs = Queue(job_sandbox), job_sandbox.client("logs")
    function = Function(job_sandbox, main_dot_py=FUNCTION, Environment={"Variables": {"QUEUE": queue.url}})
    arn, group = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}", made_group(job_sandbox)
    filtered = dict(logGroupName=group, filterName="f", filterPattern="", destinationArn=arn)
    assert code(logs.put_subscription_filter, **filtered) == "InvalidParameterException"  # nobody lets it
    function.api.add_permission(FunctionName=function.name, StatementId="logs", Principal=principal, Action="lambda:InvokeFunction", SourceArn=f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*")
    logs.put_subscription_filter(**filtered)
    put(job_sandbox, group, "one", "two")
    (got,) = until(lambda: queue.take(1, wait=5))
    data = json.loads(gzip.decompress(base64.b64decode(json.loads(got["Body"])["awslogs"]["data"])))
    assert [one["message"] for one in data["logEvents"]] == ["one", "two"]


def test_groups_by_a_part_of_their_name(sandbox, group):
    logs = sandbox.client("logs")
    assert [one["logGroupName"] for one in logs.describe_log_groups(logGroupNamePattern=group[3:7])["logGroups"]] == [group]
    assert logs.describe_log_groups(logGroupNamePattern="no-such-part")["logGroups"] == []
    with pytest.raises(ClientError) as error:
        logs.describe_log_groups(logGroupNamePattern="g", logGroupNamePrefix="g")
    assert error.value.response["Error"]["Message"] == "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."


def test_the_resource_of_a_policy_is_not_looked_at(sandbox):
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["route53.amazonaws.com"]}, "Action": ["logs:CreateLogStream"], "Resource": "log_arn"}]}
    assert sandbox.client("logs").put_resource_policy(policyName=f"p-{uuid.uuid4().hex[:8]}", policyDocument=json.dumps(policy))["resourcePolicy"]
