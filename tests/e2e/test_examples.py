"""Every type's own example from its spec: it is planned, and on moto it lives through create, an empty plan and destroy."""

import io
import zipfile

import pytest
import yaml

from support import ACCOUNT, ROOT

# What moto lacks or does otherwise than the service, so that an example cannot be applied to it.
NOT_ON_MOTO = {
    "aws.athena.named_query": "DeleteNamedQuery is not implemented",
    "aws.kafka.cluster": "stays CREATING for ever",
    "aws.mwaa.environment": "there is no such service",
    "aws.glue.connection": "GetConnection does not tell the connection's type",
}
VPC = {"vpc": "{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}"}


def subnet(name, third, zone):
    declared = f"{{type: aws.ec2.subnet, vpc_id: '${{vpc.vpc_id}}', cidr_block: 10.0.{third}.0/24, availability_zone: us-east-1{zone}}}"
    return f"${{{name}.subnet_id}}", VPC | {name: declared}


# Ids in the examples that a service assigns, and the resources that stand for them.
STANDS_FOR = {
    "vpc-0a1b2c3d": ("${vpc.vpc_id}", VPC),
    "subnet-0a1b2c3d": subnet("one", 9, "a"),
    "subnet-4e5f6a7b": subnet("two", 10, "b"),
    "rtb-0a1b2c3d": ("${table.route_table_id}", VPC | {"table": "{type: aws.ec2.route_table, vpc_id: '${vpc.vpc_id}'}"}),
    "igw-0a1b2c3d": ("${gateway.internet_gateway_id}", VPC | {"gateway": "{type: aws.ec2.internet_gateway, vpc_id: '${vpc.vpc_id}'}"}),
    "eipalloc-0a1b2c3d": ("${address.allocation_id}", {"address": "{type: aws.ec2.elastic_ip}"}),
    "sg-0a1b2c3d": ("${group.group_id}", VPC | {"group": "{type: aws.ec2.security_group, vpc_id: '${vpc.vpc_id}', name: g, description: g}"}),
    "1234abcd-12ab-34cd-56ef-1234567890ab": ("${key.key_id}", {"key": "{type: aws.kms.key, description: k}"}),
    "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole": (
        "${managed.arn}", {"managed": "{type: aws.iam.policy, name: m, policy: '${allow(\"s3:GetObject\", \"*\")}'}"}),
    "arn:aws:sns:us-east-1:123456789012:alarms": ("${alarms.arn}", {"alarms": "{type: aws.sns.topic, name: alarms}"}),
    "arn:aws:sqs:us-east-1:123456789012:incoming": ("${incoming.arn}", {"incoming": "{type: aws.sqs.queue, name: incoming}"}),
}


def prepare(cloud):
    """What the examples speak of by name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ingest.py", "def handler(event, context): pass")
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="my-lake")
    for name in ("ingest", "libraries"):
        s3.put_object(Bucket="my-lake", Key=f"artifacts/{name}.zip", Body=packed.getvalue())
    for name in ("bastion", "ingest"):
        cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    cloud.client("glue").create_database(DatabaseInput={"Name": "films"})


def prepare_function(cloud):
    cloud.client("lambda").create_function(
        FunctionName="ingest", Runtime="python3.13", Handler="ingest.handler", Role=f"arn:aws:iam::{ACCOUNT}:role/ingest",
        Code={"S3Bucket": "my-lake", "S3Key": "artifacts/ingest.zip"})


def examples():
    for path in sorted((ROOT / "provider").glob("*/specs/*.yaml")):
        spec = yaml.safe_load(path.read_text())
        for kind in ("types", "data"):
            for name, entry in (spec.get(kind) or {}).items():
                yield pytest.param(kind, entry.get("example"), id=f"{kind} aws.{spec['service']}.{name}")


def stack_of(kind, example):
    assert example, "it has no example"
    lines = "".join("    " + line + "\n" for line in example.splitlines())
    inputs = "inputs: {password: {type: string, sensitive: true, default: example-password}}\n"
    return f"stack: example\n{inputs}{'resources' if kind == 'types' else 'data'}:\n  it:\n{lines}"


@pytest.mark.parametrize("kind, example", list(examples()))
def test_planned(stack, kind, example):
    stack.write(stack_of(kind, example))
    stack.run("validate")
    if kind == "types":
        assert stack.plan() == {"it": "create"}


@pytest.mark.parametrize("kind, example", [case for case in examples() if case.values[0] == "types"])
def test_applied(stack, cloud, kind, example, request):
    name = request.node.callspec.id.split()[-1]
    if name in NOT_ON_MOTO:
        pytest.skip(NOT_ON_MOTO[name])
    text = stack_of(kind, example)
    around = {}
    for stand_in, (reference, resources) in STANDS_FOR.items():
        if stand_in in text:
            text = text.replace(f'"{stand_in}"', stand_in).replace(stand_in, f'"{reference}"')
            around |= resources
    if name not in ("aws.glue.database", "aws.s3.bucket"):  # which are made here themselves
        prepare(cloud)
    if name in ("aws.lambda.permission", "aws.lambda.event_source_mapping"):
        prepare_function(cloud)
    stack.write(text + "".join(f"  {name}: {resource}\n" for name, resource in around.items()))
    stack.apply()
    stack.assert_settled()
    stack.run("drift", status=0)
    stack.destroy()
    assert stack.addresses() == []
