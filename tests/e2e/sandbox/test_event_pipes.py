"""EventBridge Pipes as boto3 finds them: how they are made, changed, started, stopped and told."""

import pytest
from botocore.exceptions import ClientError

from servers import SandboxCloud
from support import ACCOUNT, until

ROLE = f"arn:aws:iam::{ACCOUNT}:role/pipes"


def arn(service, what):
    return f"arn:aws:{service}:us-east-1:{ACCOUNT}:{what}"


def create(pipes, name="it", source=arn("sqs", "source"), target=arn("sqs", "target"), **more):
    return pipes.create_pipe(Name=name, Source=source, Target=target, RoleArn=ROLE, **more)


def refused(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Message"]


@pytest.fixture
def slow_sandbox(tmp_path):
    """States last long enough to be seen."""
    server = SandboxCloud(tmp_path / "slow", SPEED="1")
    yield server
    server.stop()


@pytest.mark.full
def test_states(slow_sandbox):
    """As cloud-custodian's recordings of AWS have them: what a call begins is told by it, and where it ends by DescribePipe."""
    pipes = slow_sandbox.client("pipes")

    def state():
        told = pipes.describe_pipe(Name="it")
        return told["DesiredState"], told["CurrentState"]

    made = create(pipes, Tags={"a": "b"})
    assert {key: made[key] for key in ("Arn", "Name", "DesiredState", "CurrentState")} == {"Arn": arn("pipes", "pipe/it"), "Name": "it", "DesiredState": "RUNNING", "CurrentState": "CREATING"}
    until(lambda: state() == ("RUNNING", "RUNNING"))
    for call, desired, passing in ("stop_pipe", "STOPPED", "STOPPING"), ("start_pipe", "RUNNING", "STARTING"), ("stop_pipe", "STOPPED", "STOPPING"):
        told = getattr(pipes, call)(Name="it")
        assert (told["DesiredState"], told["CurrentState"]) == (desired, passing) and told["LastModifiedTime"] >= told["CreationTime"]
        until(lambda: state() == (desired, desired))
    assert pipes.update_pipe(Name="it", RoleArn=ROLE, DesiredState="RUNNING")["CurrentState"] == "UPDATING"
    until(lambda: state() == ("RUNNING", "RUNNING"))
    told = pipes.describe_pipe(Name="it")
    assert {key: value for key, value in told.items() if key not in ("ResponseMetadata", "CreationTime", "LastModifiedTime")} == {
        "Arn": arn("pipes", "pipe/it"), "Name": "it", "DesiredState": "RUNNING", "CurrentState": "RUNNING", "StateReason": "USER_INITIATED", "Source": arn("sqs", "source"), "SourceParameters": {"SqsQueueParameters": {"BatchSize": 10}},
        "EnrichmentParameters": {}, "Target": arn("sqs", "target"), "TargetParameters": {}, "RoleArn": ROLE, "Tags": {"a": "b"},
    }  # fmt: skip
    assert pipes.delete_pipe(Name="it")["CurrentState"] == "DELETING"
    until(lambda: not pipes.list_pipes()["Pipes"])


def test_listing(fast_sandbox):
    pipes = fast_sandbox.client("pipes")
    create(pipes, "a")
    create(pipes, "b", source=arn("sqs", "other"), DesiredState="STOPPED")
    create(pipes, "ab", target=arn("sns", "topic"))

    def names(**given):
        return [one["Name"] for one in pipes.list_pipes(**given)["Pipes"]]

    assert names() == ["a", "b", "ab"] and names(NamePrefix="a") == ["a", "ab"] and names(DesiredState="STOPPED") == ["b"]
    assert names(SourcePrefix=arn("sqs", "o")) == ["b"] and names(TargetPrefix=arn("sns", "")) == ["ab"]
    until(lambda: names(CurrentState="STOPPED") == ["b"])
    assert set(pipes.list_pipes(NamePrefix="b")["Pipes"][0]) == {"Name", "Arn", "DesiredState", "CurrentState", "StateReason", "CreationTime", "LastModifiedTime", "Source", "Target"}
    first = pipes.list_pipes(Limit=2)
    assert len(first["Pipes"]) == 2 and [one["Name"] for one in pipes.list_pipes(Limit=2, NextToken=first["NextToken"])["Pipes"]] == ["ab"]


def test_refusals(fast_sandbox):
    pipes = fast_sandbox.client("pipes")
    create(pipes)
    assert refused(create, pipes=pipes) == ("ConflictException", 409, "Pipe it already exists.")
    for call in pipes.describe_pipe, pipes.start_pipe, pipes.stop_pipe, pipes.delete_pipe:
        assert refused(call, Name="none") == ("NotFoundException", 404, "Pipe none does not exist.")
    missing = '{"ValidationErrorFields":[{"Name":"SourceParameters.DynamoDBStreamParameters","Message":"Missing required parameter."}]}'
    assert refused(create, pipes=pipes, name="x", source=arn("dynamodb", "table/t/stream/s")) == ("ValidationException", 400, missing)
    assert [one["Name"] for one in pipes.list_pipes()["Pipes"]] == ["it"]


def test_what_an_update_keeps(fast_sandbox):
    """The parameters of a service are replaced as a whole, others stay, those of another target go; where a stream is read from stays for good."""
    pipes = fast_sandbox.client("pipes")
    stream = {"StartingPosition": "LATEST", "BatchSize": 7, "MaximumRetryAttempts": 2}
    create(pipes, source=arn("kinesis", "stream/s"), SourceParameters={"KinesisStreamParameters": stream, "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
           TargetParameters={"SqsQueueParameters": {"MessageGroupId": "a"}, "InputTemplate": "<$.data>"})  # fmt: skip

    def updated(**given):
        pipes.update_pipe(Name="it", RoleArn=ROLE, **given)
        told = pipes.describe_pipe(Name="it")
        return told["SourceParameters"], told["TargetParameters"]

    both = {"SqsQueueParameters": {"MessageGroupId": "a"}, "InputTemplate": "<$.data>"}
    filters = {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}
    assert updated(Description="new") == ({"KinesisStreamParameters": stream, **filters}, both)
    other = {"StartingPosition": "LATEST", "BatchSize": 100, "MaximumRecordAgeInSeconds": 60}
    assert updated(SourceParameters={"KinesisStreamParameters": {"MaximumRecordAgeInSeconds": 60}}) == ({"KinesisStreamParameters": other, **filters}, both)
    assert updated(SourceParameters={"FilterCriteria": {"Filters": []}}, TargetParameters={"InputTemplate": ""}) == ({"KinesisStreamParameters": other}, {"SqsQueueParameters": {"MessageGroupId": "a"}})
    assert updated(Target=arn("lambda", "function:f"), TargetParameters={"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}})[1] == {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}


def test_tags(fast_sandbox):
    pipes = fast_sandbox.client("pipes")
    made = create(pipes)["Arn"]
    assert pipes.list_tags_for_resource(resourceArn=made)["tags"] == {}
    assert pipes.tag_resource(resourceArn=made, tags={"a": "b", "c": "d"})["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert pipes.untag_resource(resourceArn=made, tagKeys=["a"])["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert pipes.list_tags_for_resource(resourceArn=made)["tags"] == pipes.describe_pipe(Name="it")["Tags"] == {"c": "d"}
