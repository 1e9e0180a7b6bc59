"""
A kill between a request that makes something and its record: the network ends with the answer lost after the work was done, and weir is
killed. The next apply has to find what was made: one of each type, as boto3 sees it, and after a destroy none.
"""

import functools
import json
import re
import subprocess

import jmespath
import pytest
import test_types
import test_types_access
import test_types_clusters
import test_types_containers
import test_types_further
import test_types_gateway
import test_types_jobs
import test_types_lake
import test_types_more
import test_types_network
import test_types_scaling
import test_types_serving
import test_types_small
import test_types_streams
from life_cycle import stack_text
from rows import ROWS
from servers import TRUST, Faults, killed
from support import WEIR

MODULES = [test_types.CASES, test_types_access.CASES, test_types_access.NOT_ON_MOTO, test_types_containers.CASES, test_types_small.CASES, test_types_jobs.CASES, test_types_network.CASES, test_types_more.CASES, test_types_more.NOT_ON_MOTO, test_types_streams.CASES, test_types_serving.CASES, test_types_serving.NOT_ON_MOTO, test_types_lake.CASES, test_types_lake.NOT_ON_MOTO, test_types_further.CASES, test_types_further.NOT_ON_MOTO, test_types_gateway.CASES, test_types_gateway.NOT_ON_MOTO, test_types_scaling.CASES, test_types_clusters.CASES, test_types_clusters.NOT_ON_MOTO]
CASES = {case.type: case for cases in reversed(MODULES) for case in cases.values()}
for name in "aws.athena.statement", "aws.s3.object", "aws.iam.access_key":
    del CASES[name]

# Types that are not tried here, and where they are.
ELSEWHERE = {
    "aws.emr.step": "nothing of it is at the service",
    "aws.emrserverless.job": "nothing of it is at the service",
    "aws.mwaa.environment": "boto3 looks for it at api.127.0.0.1; its name is its id, as everywhere where ids are not the service's",
    "aws.redshiftdata.statement": "runs rather than is: test_statements.py",
    "aws.athena.statement": "the same",
    "aws.iam.access_key": "its secret half is lost with the answer: test_a_key_whose_secret_is_lost",
    # and those whose calls are in C, aws.s3.object and its like: tests/crash
}
PROBES = ("Head", "Describe", "Validate")  # look only, before something is made


@functools.cache
def types():
    lines = subprocess.run([WEIR, "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line["type"]: line for line in map(json.loads, lines) if not line["data"] and line["type"].startswith("aws.")}


def maker(line):
    """The request that makes one, as a rule of faults names it."""
    calls = [call["operation"] for call in line["calls"] if call["role"] == "create" and not call["operation"]["name"].startswith(PROBES)]
    names = {call["name"] for call in calls}
    if "AuthorizeSecurityGroupIngress" in names:
        return "AuthorizeSecurityGroup*"
    first = calls[0]
    if first["path"] == "/":
        return first["name"]
    path = re.sub(r"\{\w+\}", "*", first["path"])
    return f"{first['method']} {path}" + (f"[?]{first['query']}*" if first["query"] else "")


# Listings other than those of rows.py, which name what is made there; None: names tell these apart anyway.
LISTED = {
    "aws.events.event_bus": ("list_event_buses", {}),
    "aws.ecs.service": ("list_services", {"cluster": "life"}),
    "aws.glue.table": None,
    "aws.lambda.alias": None,
    "aws.lambda.layer_version": ("list_layer_versions", {"LayerName": "life-layer"}),
    "aws.logs.metric_filter": ("describe_metric_filters", {}),
    "aws.logs.subscription_filter": ("describe_subscription_filters", {"logGroupName": "/life"}),
    "aws.scheduler.schedule_group": ("list_schedule_groups", {}),
    "aws.sqs.queue": ("list_queues", {}),
}


def count(cloud, type_):
    """How many there are, where boto3 needs no more than a listing to say."""
    row = ROWS.get(type_)
    listing = LISTED.get(type_, row and row.list)
    if not listing or "$" in json.dumps(listing):
        return None
    name, given = listing
    client = cloud.client(row.service)
    pages = client.get_paginator(name).paginate(**given) if client.can_paginate(name) else [getattr(client, name)(**given)]
    return len([item for page in pages for item in jmespath.search(row.listed, page) or []])


def prepared(cloud, case):
    """What has to be there before, made; the resources around that do not need the one under test."""
    if case.prepare:
        case.prepare(cloud)
    if "role-a" in json.dumps(case.first):
        cloud.client("iam").create_role(RoleName="role-a", AssumeRolePolicyDocument=TRUST)
    return {key: value for key, value in case.around.items() if "${it." not in json.dumps(value)}


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(CASES))
def test_made_once(stack, cloud, name):
    case, faults = CASES[name], Faults(cloud)
    before = prepared(cloud, case)
    stack.write(json.dumps({"stack": "life", "resources": before or {"nothing": {"type": "weir.value", "value": 1}}})).apply()
    had = count(cloud, name)
    stack.write(stack_text(case, case.first))
    killed(stack, faults, maker(types()[name]))
    stack.apply()
    stack.assert_settled()
    case.seen(cloud)
    if had is not None:
        made = [name, *(value["type"] for key, value in case.around.items() if key not in before)].count(name)
        assert count(cloud, name) == had + made
    stack.destroy()
    assert case.gone(cloud)


# One of each way in which a lost answer is settled; the others are looked at in the long tests.
SETTLED = {
    "aws.athena.named_query", "aws.batch.job_definition", "aws.ec2.nat_gateway", "aws.ec2.security_group_rule", "aws.ec2.vpc", "aws.ec2.vpc_endpoint",
    "aws.kms.key", "aws.lambda.layer_version", "aws.lambda.permission", "aws.scheduler.schedule", "aws.secretsmanager.secret",
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in SETTLED else pytest.mark.long) for name in sorted(CASES)])
def test_settled_in_the_same_run(stack, cloud, name):
    """The answer to what makes it is lost, and nothing else: the run goes on from what is there, and ends as if it had come."""
    case, faults = CASES[name], Faults(cloud)
    before = prepared(cloud, case)
    stack.write(json.dumps({"stack": "life", "resources": before or {"nothing": {"type": "weir.value", "value": 1}}})).apply()
    had = count(cloud, name)
    stack.write(stack_text(case, case.first))
    faults("POST", {"rules": [{"operation": maker(types()[name]), "fault": "lost", "times": 1}]})
    stack.apply()
    assert faults("GET")["lost"] == 1
    stack.assert_settled()
    case.seen(cloud)
    if had is not None:
        made = [name, *(value["type"] for key, value in case.around.items() if key not in before)].count(name)
        assert count(cloud, name) == had + made
    stack.destroy()
    assert case.gone(cloud)


@pytest.mark.parametrize("operation", ["CreateTable", "UpdateTable"])
def test_what_others_keep_in_a_table(stack, cloud, operation):
    """What Iceberg and crawlers have put beside the file's parameters by the time that the interrupted run is looked at stays theirs."""
    glue, faults = cloud.client("glue"), Faults(cloud)
    database = {"type": "aws.glue.database", "name": "films"}

    def put(**parameters):
        table = {"type": "aws.glue.table", "database": "${db.name}", "name": "orders", "parameters": parameters}
        return stack.write(json.dumps({"stack": "life", "resources": {"db": database, "it": table}}))

    def parameters():
        return glue.get_table(DatabaseName="films", Name="orders")["Table"]["Parameters"]

    if operation == "UpdateTable":
        put(owner="a", team="a").apply()
    else:
        stack.write(json.dumps({"stack": "life", "resources": {"db": database}})).apply()
    killed(put(owner="b", layer="gold"), faults, operation)
    glue.update_table(DatabaseName="films", TableInput={"Name": "orders", "Parameters": {**parameters(), "metadata_location": "s3://lake/2.json"}})
    put(owner="b", layer="gold").apply()
    stack.assert_settled()
    assert parameters() == {"owner": "b", "layer": "gold", "metadata_location": "s3://lake/2.json"}
    put(owner="c").apply()
    stack.assert_settled()
    assert parameters() == {"owner": "c", "metadata_location": "s3://lake/2.json"}


def test_a_key_whose_secret_is_lost(stack, cloud):
    """No second one is made: weir says that one may be there, until somebody has looked."""
    iam, faults = cloud.client("iam"), Faults(cloud)
    user = {"type": "aws.iam.user", "name": "life"}
    stack.write(json.dumps({"stack": "life", "resources": {"user": user}})).apply()
    stack.write(json.dumps({"stack": "life", "resources": {"user": user, "it": {"type": "aws.iam.access_key", "user": "${user.name}"}}}))
    killed(stack, faults, "CreateAccessKey")
    asked = stack.run("apply", "--yes", status=1)
    assert "weir state rm" in asked.err
    (lost,) = iam.list_access_keys(UserName="life")["AccessKeyMetadata"]
    iam.delete_access_key(UserName="life", AccessKeyId=lost["AccessKeyId"])
    stack.run("state", "rm", "it")
    stack.apply()
    stack.assert_settled()
    assert len(iam.list_access_keys(UserName="life")["AccessKeyMetadata"]) == 1
    stack.destroy()
    assert iam.list_users()["Users"] == []


def test_every_type_is_tried():
    assert set(types()) - set(CASES) == set(ELSEWHERE), "a case in test_types*.py, or a reason in ELSEWHERE"
