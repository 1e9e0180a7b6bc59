"""The life of users, of what looks at logs and of what guards the data lake (see life_cycle.py)."""

import json

import pytest

from life_cycle import Case, case_table, policy, tags_of, walk
from support import ACCOUNT

CASES, case = case_table()
NOT_ON_MOTO = {}  # moto puts a second metric filter beside the first, and keeps a subscription's distribution
READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
GLUE = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"


def managed(name, action):
    return {"type": "aws.iam.policy", "name": name, "policy": policy(action)}


@case("user")
def _():
    def seen(cloud):
        iam = cloud.client("iam")
        tags = iam.list_user_tags(UserName="life")["Tags"]
        return {"managed": [one["PolicyName"] for one in iam.list_attached_user_policies(UserName="life")["AttachedPolicies"]],
                "inline": {name: iam.get_user_policy(UserName="life", PolicyName=name)["PolicyDocument"] for name in iam.list_user_policies(UserName="life")["PolicyNames"]},
                "groups": [one["GroupName"] for one in iam.list_groups_for_user(UserName="life")["Groups"]],
                "tags": {key: value for key, value in tags_of(tags).items() if not key.startswith("weir:")}}

    around = {"a": {"type": "aws.iam.group", "name": "life-a"}, "b": {"type": "aws.iam.group", "name": "life-b"}, "one": managed("life-one", "s3:GetObject"), "two": managed("life-two", "s3:PutObject")}
    return Case(
        type="aws.iam.user",
        around=around,
        first={"name": "life", "managed_policies": ["${one.arn}"], "policies": {"p": policy("s3:GetObject")}, "groups": ["${a.name}"], "tags": {"team": "a"}},
        then={"name": "life", "managed_policies": ["${two.arn}"], "policies": {"p": policy("s3:PutObject"), "q": policy("sqs:*")}, "groups": ["${b.name}"], "tags": {"team": "b"}},
        less={"name": "life"},
        seen=seen,
        gone=lambda cloud: not cloud.client("iam").list_users()["Users"] and not cloud.client("iam").list_groups()["Groups"],
        outside=lambda cloud: cloud.client("iam").put_user_policy(UserName="life", PolicyName="p", PolicyDocument=json.dumps(policy("s3:*"))),
        drifted="policies",
        replaces=[{"name": "life-other"}, {"path": "/team/"}],
    )


@case("group")
def _():
    def seen(cloud):
        iam = cloud.client("iam")
        return {"managed": [one["PolicyName"] for one in iam.list_attached_group_policies(GroupName="life")["AttachedPolicies"]],
                "inline": {name: iam.get_group_policy(GroupName="life", PolicyName=name)["PolicyDocument"] for name in iam.list_group_policies(GroupName="life")["PolicyNames"]}}

    return Case(
        type="aws.iam.group",
        around={"one": managed("life-one", "s3:GetObject"), "two": managed("life-two", "s3:PutObject")},
        first={"name": "life", "managed_policies": ["${one.arn}"], "policies": {"p": policy("s3:GetObject")}},
        then={"name": "life", "managed_policies": ["${two.arn}"], "policies": {"q": policy("s3:PutObject")}},
        less={"name": "life"},
        seen=seen,
        gone=lambda cloud: not cloud.client("iam").list_groups()["Groups"],
        outside=lambda cloud: cloud.client("iam").delete_group_policy(GroupName="life", PolicyName="p"),
        drifted="policies",
        replaces=[{"name": "life-other"}, {"path": "/team/"}],
    )


@case("access key")
def _():
    def found(cloud):
        (one,) = cloud.client("iam").list_access_keys(UserName="life")["AccessKeyMetadata"]
        return one

    return Case(
        type="aws.iam.access_key",
        around={"user": {"type": "aws.iam.user", "name": "life"}, "other": {"type": "aws.iam.user", "name": "life-other"}},
        first={"user": "${user.name}", "status": "Active"},
        then={"user": "${user.name}", "status": "Inactive"},
        seen=lambda cloud: {"status": found(cloud)["Status"]},
        gone=lambda cloud: not cloud.client("iam").list_users()["Users"],
        outside=lambda cloud: cloud.client("iam").update_access_key(UserName="life", AccessKeyId=found(cloud)["AccessKeyId"], Status="Inactive"),
        drifted="status",
        replaces=[{"user": "${other.name}"}],
        imports=False,
    )


def group(name):
    return {"type": "aws.logs.log_group", "name": name}


def metric_filter(changes):
    def found(cloud):
        (one,) = cloud.client("logs").describe_metric_filters(logGroupName="/life")["metricFilters"]
        return one

    def count(name, value="1"):
        return [{"metric_name": name, "metric_namespace": "life", "metric_value": value}]

    return Case(
        type="aws.logs.metric_filter",
        around={"logs": group("/life"), "other": group("/life-other")},
        first={"name": "errors", "log_group": "${logs.name}", "pattern": "ERROR", "transformations": count("errors")},
        then={"name": "errors", "log_group": "${logs.name}", "pattern": "WARN", "transformations": count("warnings", "2")} if changes else None,
        seen=lambda cloud: {"pattern": found(cloud)["filterPattern"], "metric": found(cloud)["metricTransformations"][0]["metricName"]},
        gone=lambda cloud: not cloud.client("logs").describe_log_groups()["logGroups"],
        outside=changes and (lambda cloud: cloud.client("logs").put_metric_filter(logGroupName="/life", filterName="errors", filterPattern="FATAL", metricTransformations=[{"metricName": "errors", "metricNamespace": "life", "metricValue": "1"}])),
        drifted="pattern",
        replaces=[{"name": "errors-other"}, {"log_group": "${other.name}"}],
        imports=False,
    )


CASES["metric filter"] = metric_filter(False)
NOT_ON_MOTO["metric filter that changes"] = metric_filter(True)


def subscription_filter(**more):
    def found(cloud):
        (one,) = cloud.client("logs").describe_subscription_filters(logGroupName="/life")["subscriptionFilters"]
        return one

    around = {"logs": group("/life"), "stream": {"type": "aws.kinesis.stream", "name": "life", "shard_count": 1},
              "role": {"type": "aws.iam.role", "name": "life-logs", "assume_role_policy": '${trust("logs.amazonaws.com")}'}}
    first = {"name": "all", "log_group": "${logs.name}", "pattern": "ERROR", "destination": "${stream.arn}", "role": "${role.arn}"}
    return Case(
        type="aws.logs.subscription_filter",
        around=around,
        first=first,
        then={**first, "pattern": "", **more},
        seen=lambda cloud: {"pattern": found(cloud)["filterPattern"], **{key: found(cloud)[key] for key in more}},
        gone=lambda cloud: not cloud.client("logs").describe_log_groups()["logGroups"],
        outside=lambda cloud: cloud.client("logs").put_subscription_filter(logGroupName="/life", filterName="all", filterPattern="FATAL", destinationArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/life", roleArn=found(cloud)["roleArn"]),
        drifted="pattern",
        replaces=[{"name": "all-other"}],
        imports=False,
    )


CASES["subscription filter"] = subscription_filter()
NOT_ON_MOTO["subscription filter that changes"] = subscription_filter(distribution="Random")


def location(changes):
    def found(cloud):
        (one,) = cloud.client("lakeformation").list_resources()["ResourceInfoList"]
        return one

    role = {"type": "aws.iam.role", "assume_role_policy": '${trust("lakeformation.amazonaws.com")}'}
    first = {"resource": "${lake.arn}", "role": "${one.arn}"}
    return Case(
        type="aws.lakeformation.location",
        around={"lake": {"type": "aws.s3.bucket", "name": "life-lake"}, "one": {**role, "name": "life-one"}, "two": {**role, "name": "life-two"}},
        first=first,
        then={**first, "role": "${two.arn}"} if changes else None,
        seen=lambda cloud: {"role": found(cloud)["RoleArn"].rpartition("/")[2]},
        gone=lambda cloud: not cloud.client("lakeformation").list_resources()["ResourceInfoList"],
        outside=changes and (lambda cloud: cloud.client("lakeformation").update_resource(ResourceArn=found(cloud)["ResourceArn"], RoleArn=f"arn:aws:iam::{ACCOUNT}:role/life-two")),
        drifted="role",
        replaces=[{"resource": "${lake.arn}/refined"}],
    )


CASES["location"] = location(False)  # moto cannot update it
NOT_ON_MOTO["location that changes"] = location(True)


@case("lake tag")
def _():
    def found(cloud):
        (one,) = cloud.client("lakeformation").list_lf_tags()["LFTags"]
        return one

    return Case(
        type="aws.lakeformation.tag",
        first={"name": "life", "values": ["public", "secret"]},
        then={"name": "life", "values": ["public", "internal"]},
        seen=lambda cloud: {"values": sorted(found(cloud)["TagValues"])},
        gone=lambda cloud: not cloud.client("lakeformation").list_lf_tags()["LFTags"],
        outside=lambda cloud: cloud.client("lakeformation").update_lf_tag(TagKey="life", TagValuesToAdd=["theirs"]),
        drifted="values",
        replaces=[{"name": "other"}],
    )


@case("security configuration")
def _():
    def seen(cloud):
        return {"mode": cloud.client("glue").get_security_configuration(Name="life")["SecurityConfiguration"]["EncryptionConfiguration"]["S3Encryption"][0]["S3EncryptionMode"]}

    return Case(
        type="aws.glue.security_configuration",
        first={"name": "life", "s3": [{"mode": "SSE-S3"}], "cloudwatch": {"mode": "DISABLED"}, "job_bookmarks": {"mode": "DISABLED"}},
        then=None,
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_security_configurations()["SecurityConfigurations"],
        outside=None,
        replaces=[{"name": "other"}, {"s3": [{"mode": "DISABLED"}]}],
    )


def registry():
    def seen(cloud):
        glue = cloud.client("glue")
        found = glue.get_registry(RegistryId={"RegistryName": "life"})
        return {"description": found.get("Description")}

    first = {"name": "life", "description": "first", "tags": {"team": "a"}}
    return Case(
        type="aws.glue.registry",
        first=first,
        then={**first, "description": "then", "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").list_registries()["Registries"],
        outside=lambda cloud: cloud.client("glue").update_registry(RegistryId={"RegistryName": "life"}, Description="theirs"),
        drifted="description",
        replaces=[{"name": "other"}],
    )


NOT_ON_MOTO["registry"] = registry()  # moto forgets its tags, and weir's marks with them


# Each has a sibling here that lives through the same, and its own cycle in sandbox/test_every_type.py.
LONG_FORM = {f"test_life_cycle[{name}]" for name in (
    "group", "lake tag", "subscription filter")}


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])
