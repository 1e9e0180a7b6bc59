"""A data pipeline's stack of 47 resources of 36 types, in parts that can be had alone; what of it changes with `v`, and what is there of it."""

import io
import json
import zipfile
from collections import Counter

REGION = "us-east-1"
ACCOUNT = "123456789012"


def trust(*services):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}]}


def allow(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def tagged(type_, **attributes):
    return {"type": type_, **attributes, "tags": {"team": "lake", "version": "${inputs.v}"}}


def tcp(port):
    return {"protocol": "tcp", "from_port": port, "to_port": port, "cidr": "10.0.0.0/8"}


VPC, GROUP = "${vpc.vpc_id}", {"description": "d", "vpc_id": "${vpc.vpc_id}"}
NETWORK = {
    "vpc": tagged("aws.ec2.vpc", cidr_block="10.7.0.0/16", enable_dns_hostnames=True),
    "one": tagged("aws.ec2.subnet", vpc_id=VPC, cidr_block="10.7.1.0/24", availability_zone="us-east-1a"),
    "two": tagged("aws.ec2.subnet", vpc_id=VPC, cidr_block="10.7.2.0/24", availability_zone="us-east-1b"),
    "way": tagged("aws.ec2.internet_gateway", vpc_id=VPC),
    "address": tagged("aws.ec2.elastic_ip"),
    "nat": {**tagged("aws.ec2.nat_gateway", subnet_id="${one.subnet_id}", allocation_id="${address.allocation_id}"), "depends_on": ["way"]},
    "open": tagged("aws.ec2.route_table", vpc_id=VPC, routes={"0.0.0.0/0": {"gateway_id": "${way.internet_gateway_id}"}}),
    "bound": {"type": "aws.ec2.route_table_association", "route_table_id": "${open.route_table_id}", "subnet_id": "${one.subnet_id}"},
}
ACCESS = {
    "vpc": NETWORK["vpc"],
    "one": NETWORK["one"],
    "closed": tagged("aws.ec2.route_table", vpc_id=VPC),
    "base": tagged("aws.ec2.security_group", name="base", **GROUP),
    "clients": tagged("aws.ec2.security_group", name="clients", ingress=[tcp(22)], **GROUP),
    "rule": {"type": "aws.ec2.security_group_rule", "group_id": "${base.group_id}", "protocol": "tcp", "from_port": "${5432 + inputs.v}", "to_port": 6000,
             "source_group": "${clients.group_id}"},
    "rule_back": {"type": "aws.ec2.security_group_rule", "group_id": "${base.group_id}", "protocol": "tcp", "from_port": 80, "to_port": 80, "cidr": "10.0.0.0/8"},
    "to_s3": tagged("aws.ec2.vpc_endpoint", vpc_id=VPC, service_name=f"com.amazonaws.{REGION}.s3", route_table_ids=["${closed.route_table_id}"]),
    "to_secrets": tagged("aws.ec2.vpc_endpoint", vpc_id=VPC, service_name=f"com.amazonaws.{REGION}.secretsmanager", vpc_endpoint_type="Interface",
                         subnet_ids=["${one.subnet_id}"], security_group_ids=["${base.group_id}"]),
}  # fmt: skip
KEYS = {
    "key": tagged("aws.kms.key", description="of the lake ${inputs.v}", deletion_window_in_days=7),
    "alias": {"type": "aws.kms.alias", "name": "alias/history", "key": "${key.key_id}"},
    "password": tagged("aws.secretsmanager.secret", name="history/password", secret_string="swordfish-${inputs.v}", restore=True),
    "token": tagged("aws.secretsmanager.secret", name="history/token", secret_string="a token", force_destroy=True),
    "setting": tagged("aws.ssm.parameter", name="/history/setting", parameter_type="String", value="${inputs.v}"),
    "messages": tagged("aws.sqs.queue", name="history-messages", visibility_timeout="${30 + inputs.v}"),
    "news": tagged("aws.sns.topic", name="history-news"),
    "told": {"type": "aws.sns.subscription", "topic": "${news.arn}", "protocol": "sqs", "endpoint": "${messages.arn}"},
}
LAKE = {"type": "aws.s3.bucket", "name": "history-lake", "force_destroy": True, "tags": {"version": "${inputs.v}"}}
STORAGE = {
    "lake": LAKE,
    "small": {"type": "aws.s3.object", "bucket": "${lake.name}", "key": "small.csv", "content": "id|${inputs.v}"},
    "big": {"type": "aws.s3.object", "bucket": "${lake.name}", "key": "big.bin", "source": "big.bin"},
    "places": tagged("aws.dynamodb.table", name="history-places", billing_mode="PAY_PER_REQUEST", attribute_definitions={"id": "S"}, key_schema=[{"attribute_name": "id", "key_type": "HASH"}]),
    "log": tagged("aws.logs.log_group", name="/history/log", retention_in_days=7),
    "catalog": {"type": "aws.glue.database", "name": "history", "description": "version ${inputs.v}"},
    "table": {"type": "aws.glue.table", "database": "${catalog.name}", "name": "films", "table_type": "EXTERNAL_TABLE",
              "storage": {"location": "s3://history-lake/", "columns": [{"name": "id", "type": "string"}]}},
}  # fmt: skip
ROLE = tagged("aws.iam.role", name="history-role", assume_role_policy=trust("lambda.amazonaws.com", "glue.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"),
              policies={"read": allow("s3:GetObject")}, managed_policies=["${policy.arn}"])  # fmt: skip
ROLES = {"role": ROLE, "policy": {"type": "aws.iam.policy", "name": "history-policy", "policy": allow("glue:Get*")}}


def layer(name):
    return {"type": "aws.lambda.layer_version", "name": f"history-{name}", "description": "version ${inputs.v}", "compatible_runtimes": ["python3.13"],
            "content": {"s3_bucket": "${lake.name}", "s3_key": "${zip.key}"}}  # fmt: skip


FUNCTIONS = {
    **ROLES,
    "lake": LAKE,
    "zip": {"type": "aws.s3.object", "bucket": "${lake.name}", "key": "code.zip", "source": "code.zip"},
    "layer": layer("one"),
    "layer_two": layer("two"),
    "function": tagged("aws.lambda.function", name="history", role="${role.arn}", runtime="python3.13", handler="main.handler", timeout="${5 + inputs.v}",
                       code={"s3_bucket": "${lake.name}", "s3_key": "${zip.key}"}, layers=["${layer.arn}"]),
    "by_events": {"type": "aws.lambda.permission", "function": "${function.name}", "statement_id": "events", "principal": "events.amazonaws.com"},
    "by_s3": {"type": "aws.lambda.permission", "function": "${function.name}", "statement_id": "s3-${inputs.v}", "principal": "s3.amazonaws.com"},
    "messages": KEYS["messages"],
    "fed": {"type": "aws.lambda.event_source_mapping", "function": "${function.name}", "event_source": "${messages.arn}", "batch_size": 5},
}  # fmt: skip
SCHEDULES = {
    **ROLES,
    "group": tagged("aws.scheduler.schedule_group", name="history"),
    "nightly": {"type": "aws.scheduler.schedule", "name": "history-nightly", "group_name": "${group.name}", "schedule_expression": "rate(${inputs.v + 1} hours)",
                "target": {"arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun", "role": "${role.arn}", "input": {"JobName": "x"}}},
    "hourly": {"type": "aws.scheduler.schedule", "name": "history-hourly", "schedule_expression": "rate(1 hour)",
               "target": {"arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun", "role": "${role.arn}", "input": {"JobName": "x"}}},
    "rule": tagged("aws.events.rule", name="history", schedule_expression="rate(${inputs.v + 1} days)"),
    "machine": tagged("aws.stepfunctions.state_machine", name="history", role="${role.arn}", definition={"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
    "job": tagged("aws.glue.job", name="history", role="${role.arn}", number_of_workers="${inputs.v + 1}", worker_type="G.1X",
                  command={"name": "glueetl", "script_location": "s3://history-lake/x.py", "python_version": "3"}),
    "crawler": {"type": "aws.glue.crawler", "name": "history", "role": "${role.arn}", "database": "history", "s3_targets": [{"path": "s3://history-lake/raw/"}]},
    "workflow": tagged("aws.glue.workflow", name="history", description="version ${inputs.v}"),
}  # fmt: skip
PARTS = {"network": NETWORK, "access": ACCESS, "keys": KEYS, "storage": STORAGE, "functions": FUNCTIONS, "schedules": SCHEDULES}


def resources_of(parts):
    """The whole stack for all of them; the rule of security groups and that of EventBridge have different names then."""
    found = {}
    for part in parts:
        for name, one in PARTS[part].items():
            found["access_rule" if part == "access" and name == "rule" else name] = one
    return found


def numbers_of(parts):
    """A group's own rules are counted as rules."""
    resources = resources_of(parts).values()
    return Counter(one["type"] for one in resources) + Counter("aws.ec2.security_group_rule" for one in resources for _ in one.get("ingress", []))


def code():
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as file:
        file.writestr(zipfile.ZipInfo("main.py"), "def handler(event, context):\n    return event\n")
    return body.getvalue()


BIG = bytes(range(256)) * 4 * 1024 * 9  # more than one part of an upload


def written(stack, parts, lake="history-lake"):
    """Names of buckets are everybody's: those of accounts beside each other differ."""
    resources = json.loads(json.dumps(resources_of(parts)).replace("history-lake", lake))
    if "big" in resources:
        stack.write(BIG, "big.bin")
    if "zip" in resources:
        stack.write(code(), "code.zip")
    return stack.write(json.dumps({"stack": "history", "inputs": {"v": {"type": "integer", "default": 1}}, "resources": resources}))
