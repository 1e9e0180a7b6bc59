"""Two addresses, one thing: which services refuse or merge a second one, what a plan says of it, and what an apply does where names come late."""

import io
import json
import zipfile
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError
from support import ROOT, Stack, spec_of

# ---- what services say, by moto and boto3: a second one with what `unique` names alike, and others that differ in one of these ----

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})
TARGET = {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"}


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", "")
    return file.getvalue()


# type: (client, call, what both have, what differs that is unique, listing, where its items are); `{}` in texts differs, too.
SERVICES = {
    "aws.sqs.queue": ("sqs", "create_queue", {}, {"QueueName": "q{}"}, "list_queues", "QueueUrls"),
    "aws.sns.topic": ("sns", "create_topic", {}, {"Name": "t{}"}, "list_topics", "Topics"),
    "aws.s3.bucket": ("s3", "create_bucket", {}, {"Bucket": "twins-{}"}, "list_buckets", "Buckets"),
    "aws.iam.role": ("iam", "create_role", {"AssumeRolePolicyDocument": TRUST}, {"RoleName": "r{}"}, "list_roles", "Roles"),
    "aws.iam.user": ("iam", "create_user", {}, {"UserName": "u{}"}, "list_users", "Users"),
    "aws.secretsmanager.secret": ("secretsmanager", "create_secret", {"SecretString": "s"}, {"Name": "s{}"}, "list_secrets", "SecretList"),
    "aws.ssm.parameter": ("ssm", "put_parameter", {"Value": "v", "Type": "String"}, {"Name": "p{}"}, "describe_parameters", "Parameters"),
    "aws.dynamodb.table": ("dynamodb", "create_table", {"KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"},
                           {"TableName": "tab{}"}, "list_tables", "TableNames"),
    "aws.kinesis.stream": ("kinesis", "create_stream", {"ShardCount": 1}, {"StreamName": "st{}"}, "list_streams", "StreamNames"),
    "aws.logs.log_group": ("logs", "create_log_group", {}, {"logGroupName": "lg{}"}, "describe_log_groups", "logGroups"),
    "aws.glue.database": ("glue", "create_database", {}, {"DatabaseInput": {"Name": "db{}"}}, "get_databases", "DatabaseList"),
    "aws.glue.job": ("glue", "create_job", {"Role": "r", "Command": {"Name": "glueetl"}}, {"Name": "j{}"}, "get_jobs", "Jobs"),
    "aws.ecs.cluster": ("ecs", "create_cluster", {}, {"clusterName": "c{}"}, "list_clusters", "clusterArns"),
    "aws.ecr.repository": ("ecr", "create_repository", {}, {"repositoryName": "repo{}"}, "describe_repositories", "repositories"),
    "aws.events.rule": ("events", "put_rule", {"ScheduleExpression": "rate(1 day)"}, {"Name": "r{}"}, "list_rules", "Rules"),
    "aws.ec2.launch_template": ("ec2", "create_launch_template", {"LaunchTemplateData": {"InstanceType": "t3.micro"}}, {"LaunchTemplateName": "lt{}"}, "describe_launch_templates", "LaunchTemplates"),
    "aws.ec2.key_pair": ("ec2", "create_key_pair", {}, {"KeyName": "k{}"}, "describe_key_pairs", "KeyPairs"),
    "aws.scheduler.schedule": ("scheduler", "create_schedule", {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": TARGET, "Name": "s"}, {"GroupName": "g{}"}, "list_schedules", "Schedules"),
    "aws.stepfunctions.state_machine": ("stepfunctions", "create_state_machine", {"definition": '{"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}', "roleArn": TARGET["RoleArn"]}, {"name": "m{}"}, "list_state_machines", "stateMachines"),
    "aws.lambda.layer_version": ("lambda", "publish_layer_version", {"LayerName": "l", "Content": {"ZipFile": zipped()}}, None, "list_layer_versions", "LayerVersions"),
    "aws.kms.key": ("kms", "create_key", {}, None, "list_keys", "Keys"),
    "aws.cognitoidp.user_pool": ("cognito-idp", "create_user_pool", {"PoolName": "p"}, None, "list_user_pools", "UserPools"),
}
LISTING = {"list_layer_versions": {"LayerName": "l"}, "list_user_pools": {"MaxResults": 10}, "describe_key_pairs": {}}


def filled(value, text):
    if isinstance(value, dict):
        return {key: filled(v, text) for key, v in value.items()}
    return value.replace("{}", text) if isinstance(value, str) else value


@pytest.mark.parametrize("kind", SERVICES)
def test_which_services_refuse_or_merge(cloud, kind):
    """A second one is refused or the same where the spec says so, and another where it does not."""
    service, call, both, unique, listing, items = SERVICES[kind]
    client = cloud.client(service)
    word, file = kind.split(".")[2], ROOT / f"provider/aws/specs/{kind.split('.')[1]}.yaml"
    assert (spec_of(file)["types"][word].get("unique") == []) == (unique is None)
    if kind == "aws.scheduler.schedule":
        for group in "ga", "gb":
            client.create_schedule_group(Name=group)

    def count():
        return len(getattr(client, listing)(**LISTING.get(listing, {})).get(items, []))

    def make(text):
        with suppress(ClientError):
            getattr(client, call)(**both, **filled(unique or {}, text))
        return count()

    before = count()
    assert make("a") == before + 1
    assert make("a") == before + (1 if unique else 2)
    if unique:
        assert make("b") == before + 2


# ---- in a plan ----

TWO_REGIONS = """
stack: twins
providers:
  aws: {region: us-east-1}
  aws.tokyo: {region: ap-northeast-1}
resources:
  here: {type: %s}
  there: {type: %s, provider: aws.tokyo}
"""


@pytest.mark.parametrize("what, same", [("aws.iam.role, name: etl, assume_role_policy: '${trust(\"lambda.amazonaws.com\")}'", True),
                                        ("aws.s3.bucket, name: twins-lake", True), ("aws.sqs.queue, name: twins", False)], ids=["role", "bucket", "queue"])
def test_what_has_no_region_is_the_same_in_all(stack, what, same):
    stack.write(TWO_REGIONS % (what, what))
    if same:
        stack.run("validate")  # whose accounts these are is not known
        assert "here and there would be the same" in stack.run("plan", status=3).err
    else:
        stack.apply()
        stack.assert_settled()
        stack.destroy()


def test_names_that_pass_from_one_to_the_other(stack):
    text = "stack: twins\nresources:\n  a: {type: aws.secretsmanager.secret, name: %s, force_destroy: true}\n  b: {type: aws.secretsmanager.secret, name: %s, force_destroy: true}\n"
    stack.write(text % ("one", "two")).apply()
    for names in ("two", "three"), ("two", "one"):
        stack.write(text % names)
        refused = stack.run("plan", status=3).err
        assert "a would be the same aws.secretsmanager.secret as b still is: two" in refused and "apply that first, with --target" in refused
    stack.write(text % ("two", "three")).run("apply", "--yes", "--target", "b")
    stack.apply()
    stack.assert_settled()
    stack.destroy()


def test_what_another_has_is_not_imported(stack, cloud):
    text = "stack: twins\nresources:\n  a: {type: aws.ec2.vpc, cidr_block: 10.9.0.0/16}\n"
    stack.write(text).apply()
    vpc = stack.run("state", "show", "a", "--json").events()[0]["id"]
    stack.write(text + "  b: {type: aws.ec2.vpc, cidr_block: 10.9.0.0/16}\n")
    assert f"a and b would be the same aws.ec2.vpc: {vpc}" in stack.run("state", "import", "b", vpc, status=3).err
    stack.write(text + f"  b: {{type: aws.ec2.vpc, cidr_block: 10.9.0.0/16}}\nimports: [{{address: b, id: {vpc}}}]\n")
    assert "would be the same aws.ec2.vpc" in stack.apply(status=3).err and stack.addresses() == ["a"]


# ---- where names come late ----

LATE = """
stack: twins
resources:
  word: {type: weir.random, length: 12}
  first: {type: %s}
  second: {type: %s}
"""
LATE_TYPES = {
    "queue": ('aws.sqs.queue, name: "q-${word.result}"', "visibility_timeout: %d"),
    "bucket": ('aws.s3.bucket, name: "b-${word.result}"', "force_destroy: true, tags: {n: '%d'}"),
    "topic": ('aws.sns.topic, name: "t-${word.result}"', "display_name: 'n%d'"),
    "rule": ('aws.events.rule, name: "r-${word.result}"', "schedule_expression: rate(%d days)"),
    "secret": ('aws.secretsmanager.secret, name: "s-${word.result}", force_destroy: true', "description: 'n%d'"),
    "group": ('aws.ec2.security_group, name: "g-${word.result}"', "description: 'n%d'"),
    "adopted": ('aws.sqs.queue, name: "q-${word.result}"', "visibility_timeout: %d, lifecycle: {adopt: existing}"),
}


@pytest.mark.parametrize("kind", LATE_TYPES)
def test_one_of_two_is_made(tmp_path, place, kind):
    """The other one fails, and takes nothing over; from then on plans say it."""
    what, more = LATE_TYPES[kind]
    stack = Stack(tmp_path / "stack", place)
    text = LATE % (f"{what}, {more % 10}", f"{what}, {more % 99}")
    if kind == "adopted":
        text = text.replace(", lifecycle: {adopt: existing}", ", adopt: existing")
    stack.write(text)
    failed = stack.apply(status=1)
    assert "it would be the same aws." in failed.err and "each would overwrite the other" in failed.err, str(failed)
    made = set(stack.addresses()) - {"word"}
    assert len(made) == 1
    assert "first and second would be the same aws." in stack.run("plan", status=3).err
    (kept,) = made
    (left,) = {"first", "second"} - made
    stack.write("\n".join(line for line in text.splitlines() if not line.startswith(f"  {left}:")) + "\n")
    stack.assert_settled()
    stack.destroy()
    assert kept


OF_CLOUDFORMATION = {
    "AWS::S3::Bucket": ({"BucketName": "twin-x"}, {"type": "aws.s3.bucket", "name": "twin-x"}, "BucketName"),
    "AWS::SQS::Queue": ({"QueueName": "twin"}, {"type": "aws.sqs.queue", "name": "twin"}, "QueueName"),
    "AWS::SNS::Topic": ({"TopicName": "twin"}, {"type": "aws.sns.topic", "name": "twin"}, "TopicName"),
    "AWS::Logs::LogGroup": ({"LogGroupName": "twin"}, {"type": "aws.logs.log_group", "name": "twin"}, "LogGroupName"),
    "AWS::Kinesis::Stream": ({"Name": "twin", "ShardCount": 1}, {"type": "aws.kinesis.stream", "name": "twin", "shard_count": 1}, "Name"),
    "AWS::IAM::Role": ({"RoleName": "twin", "AssumeRolePolicyDocument": "${trust('ec2.amazonaws.com')}"}, {"type": "aws.iam.role", "name": "twin", "assume_role_policy": "${trust('ec2.amazonaws.com')}"}, "RoleName"),
    "AWS::Scheduler::ScheduleGroup": ({"Name": "twin"}, {"type": "aws.scheduler.schedule_group", "name": "twin"}, "Name"),
}


@pytest.mark.parametrize("theirs", OF_CLOUDFORMATION)
def test_one_of_cloudformations_type_is_no_other(local_stack, theirs):
    """What weir has a type of its own for, and CloudFormation has another, is one thing under two addresses; as are two of CloudFormation's type by their names."""
    given, ours, name = OF_CLOUDFORMATION[theirs]

    def said(**resources):
        local_stack.write(json.dumps({"stack": "twins", "resources": resources}))
        return local_stack.run("validate", status=None).err

    their = {"type": theirs, **given}
    for resources in {"a": ours, "b": their}, {"a": their, "b": ours}, {"a": their, "b": dict(their)}:
        assert "error: a and b would be the same" in said(**resources)
    assert "error" not in said(a=ours, b={**their, name: "another-x"})


def test_what_is_recorded_is_not_taken_by_another_type(stack):
    stack.write("stack: twins\nresources:\n  a: {type: aws.sqs.queue, name: twin}\n").apply()
    stack.write("stack: twins\nresources:\n  b: {type: 'AWS::SQS::Queue', QueueName: twin}\n")
    refused = stack.run("plan", status=3).err
    assert "b would be the same AWS::SQS::Queue as a, which was removed from the configuration" in refused and "`removed: [{address: a, destroy: false}]` forgets that one" in refused, refused
