"""What many clients add at once to one policy, note or record is all there afterwards."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

AT_ONCE = 24


def unique():
    return f"u-{uuid.uuid4().hex[:8]}"


def topic(sandbox):
    sns = sandbox.client("sns")
    arn = sns.create_topic(Name=unique())["TopicArn"]
    add = lambda i: sns.add_permission(TopicArn=arn, Label=f"l{i}", AWSAccountId=["000000000000"], ActionName=["Publish"])  # noqa: E731
    remove = lambda i: sns.remove_permission(TopicArn=arn, Label=f"l{i}")  # noqa: E731
    there = lambda: {one["Sid"] for one in json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])["Statement"]} - {"__default_statement_ID"}  # noqa: E731
    return add, remove, there


def queue(sandbox):
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName=unique())["QueueUrl"]
    add = lambda i: sqs.add_permission(QueueUrl=url, Label=f"l{i}", AWSAccountIds=["000000000000"], Actions=["SendMessage"])  # noqa: E731
    remove = lambda i: sqs.remove_permission(QueueUrl=url, Label=f"l{i}")  # noqa: E731
    there = lambda: {one["Sid"] for one in json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy", '{"Statement": []}'))["Statement"]}  # noqa: E731
    return add, remove, there


def bus(sandbox):
    events, name = sandbox.client("events"), unique()
    events.create_event_bus(Name=name)
    add = lambda i: events.put_permission(EventBusName=name, StatementId=f"l{i}", Action="events:PutEvents", Principal="000000000000")  # noqa: E731
    remove = lambda i: events.remove_permission(EventBusName=name, StatementId=f"l{i}")  # noqa: E731
    there = lambda: {one["Sid"] for one in json.loads(events.describe_event_bus(Name=name).get("Policy", '{"Statement": []}'))["Statement"]}  # noqa: E731
    return add, remove, there


def parameter(sandbox):
    ssm, name = sandbox.client("ssm"), unique()
    for i in range(AT_ONCE):
        ssm.put_parameter(Name=name, Value=f"v{i}", Type="String", Overwrite=True)
    add = lambda i: ssm.label_parameter_version(Name=name, ParameterVersion=i + 1, Labels=[f"l{i}"])  # noqa: E731
    there = lambda: {label for one in ssm.get_parameter_history(Name=name)["Parameters"] for label in one["Labels"]}  # noqa: E731
    return add, None, there


def group(sandbox):
    autoscaling, ec2, name = sandbox.client("autoscaling"), sandbox.client("ec2"), unique()
    ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData={"ImageId": "ami-12345678", "InstanceType": "t3.micro"})
    autoscaling.create_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate={"LaunchTemplateName": name}, MinSize=0, MaxSize=1, AvailabilityZones=["us-east-1a"])
    tag = lambda i: {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": f"l{i}", "Value": "v", "PropagateAtLaunch": False}  # noqa: E731
    add = lambda i: autoscaling.create_or_update_tags(Tags=[tag(i)])  # noqa: E731
    remove = lambda i: autoscaling.delete_tags(Tags=[tag(i)])  # noqa: E731
    there = lambda: {one["Key"] for one in autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]["Tags"]}  # noqa: E731
    return add, remove, there


@pytest.mark.parametrize("record", [topic, queue, bus, parameter, group])
def test_nothing_that_was_added_is_lost(sandbox, record):
    add, remove, there = record(sandbox)
    every = {f"l{i}" for i in range(AT_ONCE)}
    with ThreadPoolExecutor(AT_ONCE) as at_once:
        list(at_once.map(add, range(AT_ONCE)))
        assert there() == every
        if remove:
            list(at_once.map(remove, range(0, AT_ONCE, 2)))
            assert there() == {f"l{i}" for i in range(1, AT_ONCE, 2)}
