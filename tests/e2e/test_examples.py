"""Every type's own example from its spec: it is planned, and on moto it lives through create, an empty plan and destroy."""

import pytest
import yaml

from support import ROOT

# What moto lacks or does otherwise than the service, so that an example cannot be applied to it.
NOT_ON_MOTO = {
    "aws.athena.named_query": "DeleteNamedQuery is not implemented",
}
# Ids in examples that stand for something real, and what that is.
STANDS_FOR = {
    "vpc-0a1b2c3d": ("${vpc.vpc_id}", {"vpc": "{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}"}),
    "subnet-0a1b2c3d": ("${subnet.subnet_id}", {
        "vpc": "{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}",
        "subnet": "{type: aws.ec2.subnet, vpc_id: '${vpc.vpc_id}', cidr_block: 10.0.9.0/24, availability_zone: us-east-1a}"}),
    "subnet-1a2b3c4d": ("${subnet_b.subnet_id}", {
        "vpc": "{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}",
        "subnet_b": "{type: aws.ec2.subnet, vpc_id: '${vpc.vpc_id}', cidr_block: 10.0.10.0/24, availability_zone: us-east-1b}"}),
    "rtb-0a1b2c3d": ("${table.route_table_id}", {
        "vpc": "{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}", "table": "{type: aws.ec2.route_table, vpc_id: '${vpc.vpc_id}'}"}),
    "sg-0a1b2c3d": ("${group.group_id}", {
        "vpc": "{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}", "group": "{type: aws.ec2.security_group, vpc_id: '${vpc.vpc_id}', name: g, description: g}"}),
}


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


@pytest.mark.parametrize("kind, example", examples())
def test_planned(stack, kind, example):
    stack.write(stack_of(kind, example))
    stack.run("validate")
    if kind == "types":
        assert stack.plan() == {"it": "create"}


@pytest.mark.parametrize("kind, example", [case for case in examples() if case.values[0] == "types"])
def test_applied(stack, kind, example, request):
    name = request.node.callspec.id.split()[-1]
    if name in NOT_ON_MOTO:
        pytest.skip(NOT_ON_MOTO[name])
    text = stack_of(kind, example)
    around = {}
    for stand_in, (reference, resources) in STANDS_FOR.items():
        if stand_in in text:
            text = text.replace(stand_in, reference)
            around |= resources
    stack.write(text + "".join(f"  {name}: {resource}\n" for name, resource in around.items()))
    stack.apply()
    stack.assert_settled()
    stack.run("drift", status=0)
    stack.destroy()
    assert stack.addresses() == []
