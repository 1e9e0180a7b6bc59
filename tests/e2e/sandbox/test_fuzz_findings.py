"""What tests/fuzz/calls.py has found: each ended the sandbox, or what it kept could not be read again."""

import json

import pytest
from botocore.exceptions import ClientError

from servers import Sandbox
from support import until


def call(client, operation, members, **given):
    """What boto3 would not send: these members as they are."""
    def replace(request, **_):
        request.data = json.dumps({**json.loads(request.data), **members})

    client.meta.events.register_last("before-sign.*.*", replace)
    try:
        return getattr(client, operation)(**given)
    finally:
        client.meta.events.unregister("before-sign.*.*", replace)


@pytest.mark.parametrize("ids", [{"x": {}}, "x", 7], ids=["a map", "a text", "a number"])
def test_what_should_be_a_list(sandbox, ids):
    ecr, glue = sandbox.new_client("ecr", "us-east-1", None, None), sandbox.new_client("glue", "us-east-1", None, None)
    name = f"strange-{type(ids).__name__}"
    ecr.create_repository(repositoryName=name)
    ecr.put_image(repositoryName=name, imageManifest='{"schemaVersion": 2}', imageTag="latest")
    for operation in ("describe_images", "batch_get_image", "batch_delete_image"):
        given = {} if operation == "describe_images" else {"imageIds": [{"imageTag": "none"}]}
        try:
            call(ecr, operation, {"imageIds": ids}, repositoryName=name, **given)
        except ClientError as refused:
            assert refused.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    call(glue, "search_tables", {"Filters": ids, "SortCriteria": ids})
    assert ecr.describe_images(repositoryName=name)["imageDetails"][0]["imageTags"] == ["latest"]
    ecr.delete_repository(repositoryName=name, force=True)


@pytest.mark.parametrize("service, operation, members, given", [
    ("stepfunctions", "create_state_machine_alias", {"routingConfiguration": "é"}, {"name": "live", "routingConfiguration": [{"stateMachineVersionArn": "arn", "weight": 100}]}),
    ("stepfunctions", "create_state_machine_alias", {"routingConfiguration": ["", "", 3]}, {"name": "live", "routingConfiguration": [{"stateMachineVersionArn": "arn", "weight": 100}]}),
    ("kms", "create_key", {"Tags": {"x" * 300: "y"}}, {}),
], ids=lambda part: part if isinstance(part, str) else "")
def test_what_should_be_a_list_is_refused(sandbox, service, operation, members, given):
    with pytest.raises(ClientError) as refused:
        call(sandbox.new_client(service, "us-east-1", None, None), operation, members, **given)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_delivery_policy_of_another_form(sandbox):
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name="strange", Attributes={"DeliveryPolicy": '{"http": ["a", "b", "c"]}'})["TopicArn"]
    assert "numRetries" in sns.get_topic_attributes(TopicArn=topic)["Attributes"]["EffectiveDeliveryPolicy"]
    sns.delete_topic(TopicArn=topic)


def test_what_is_quoted_in_an_error_can_be_read(sandbox):
    """XML has no control characters, and nothing has half a letter."""
    sns, states = sandbox.client("sns"), sandbox.client("stepfunctions")
    topic = sns.create_topic(Name="quoted")["TopicArn"]
    with pytest.raises(ClientError, match="does not support this protocol string: a\\?b"):
        sns.subscribe(TopicArn=topic, Protocol="a\x01b", Endpoint="e")
    with pytest.raises(ClientError, match="Unexpected character \\('é'"):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q", Attributes={"FilterPolicy": "{é"})
    assert "('é'" in states.validate_state_machine_definition(definition="{é")["diagnostics"][0]["message"]
    sns.delete_topic(TopicArn=topic)


def test_what_lies_deep(sandbox):
    """Each level took twice as long as the one within, and everybody else waited."""
    deep = "x"
    for _ in range(60):
        deep = [{"a": deep}]
    with pytest.raises(ClientError, match="at 'name' failed to satisfy constraint"):
        call(sandbox.new_client("events", "us-east-1", None, None), "create_api_destination", {"Name": deep},
             Name="a", ConnectionArn="arn:aws:events:us-east-1:000000000000:connection/c/12345678-1234-1234-1234-123456789012", InvocationEndpoint="https://example.org", HttpMethod="GET")


def test_what_cannot_be_kept_is_refused(tmp_path):
    """Bytes that are no text would be in a record that cannot be read: no resource would be there after a restart. Binary members are kept."""
    server = Sandbox(tmp_path / "kept", env={"SANDBOX_IAM": "off"})
    kafka = server.client("kafka")
    arn = kafka.create_configuration(Name="bytes", ServerProperties=b"\0\xff")["Arn"]
    with pytest.raises(ClientError, match="no binary data"):
        server.client("redshift-serverless").create_namespace(namespaceName="bytes", tags=[{"key": "\0", "value": "a"}])
    kafka.create_configuration(Name="text", ServerProperties="# délai\na=b\n".encode())
    server.stop()
    server.start()
    kafka = server.client("kafka")
    assert [one["Name"] for one in kafka.list_configurations()["Configurations"]] == ["bytes", "text"]
    assert kafka.describe_configuration_revision(Arn=arn, Revision=1)["ServerProperties"] == b"\0\xff"
    server.stop()


def test_the_history_of_no_alarm(sandbox):
    """Only UndefinedBehaviorSanitizer ends it: what is sorted has to be somewhere, though it is nothing."""
    assert sandbox.client("cloudwatch", region="eu-north-1").describe_alarm_history()["AlarmHistoryItems"] == []


def test_more_shards_than_there_is_memory_for(sandbox):
    kinesis = sandbox.client("kinesis")
    with pytest.raises(ClientError, match="would exceed the shard limit"):
        kinesis.create_stream(StreamName="strange", ShardCount=2**31 - 1)
    kinesis.create_stream(StreamName="strange", ShardCount=20)
    until(lambda: kinesis.describe_stream_summary(StreamName="strange")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    with pytest.raises(ClientError, match="would exceed the shard limit"):
        kinesis.update_shard_count(StreamName="strange", TargetShardCount=20001, ScalingType="UNIFORM_SCALING")
    kinesis.delete_stream(StreamName="strange")
