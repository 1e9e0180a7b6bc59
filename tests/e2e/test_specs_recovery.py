"""Each type says truthfully how a lost answer to what makes it is settled; botocore's models are the witness."""

import json

import pytest
from test_specs_botocore import TYPES, model_of

MADE = {line["type"]: line for line in TYPES if not line["data"] and line.get("recover")}
# Tokens that services honour although their models do not mark them so, with the page that says it.
TOKENS = {
    "CreateVpcEndpoint": "EC2 API reference, Ensuring idempotency: CreateVpcEndpoint takes a client token",
    "CreateNatGateway": "the same",
    "CreateRouteTable": "the same",
    "RunInstances": "the same",
    "CreateFlowLogs": "EC2 API reference, Ensuring idempotency: CreateFlowLogs takes a client token",
    "CreateService": "ECS API reference, CreateService: clientToken ensures the idempotency of the request",
}
# Makes the same thing again, or is refused: so there is one of a name although the id is the service's.
NAMES = {
    "aws.ec2.security_group": "a name is used once in a network",
    "aws.elbv2.load_balancer": "a name is used once in an account and region",
    "aws.elbv2.target_group": "the same",
    "aws.kafka.cluster": "a name is used once in an account and region",
    "aws.lambda.event_source_mapping": "one for a function and a source",
    "aws.s3tables.table": "a name is used once in a namespace",
    "aws.s3tables.table_bucket": "a name is used once in an account and region",
    "aws.secretsmanager.secret": "a name is used once, also while the secret waits for its end",
    "aws.sns.subscription": "one for a topic and an endpoint",
    "aws.sqs.queue": "a name is used once",
}


def creates(line):
    return [call for call in line["calls"] if call["role"] == "create"]


def members(shape):
    return {member["wire"]: member["shape"] for member in shape["members"]}


@pytest.mark.parametrize("name", sorted(MADE))
def test_says_how(name):
    settle = MADE[name]["recover"]
    assert settle["within_ms"] >= 5000
    assert settle["by"] != "never" or settle["given"], "say `recover: never` where nothing else is possible"
    if settle["by"] == "mark":
        assert settle["marked"], "the create call does not take the mark"
        assert any("Tag" in json.dumps(call["request"]) or "tag" in json.dumps(call["request"]) for call in creates(MADE[name]))
    finds = [call for call in MADE[name]["calls"] if call["role"] == "find"]
    if settle["by"] == "content":
        assert finds or any(call["role"] == "list" for call in MADE[name]["calls"])


@pytest.mark.parametrize("name", sorted(name for name, line in MADE.items() if line["recover"]["token"]))
def test_tokens_are_honoured(name):
    """Of the create calls at least one sends a member that the service's model, or its documentation, calls an idempotency token."""
    line, found = MADE[name], []
    model = model_of(line["service"])
    for call in creates(line):
        operation = call["operation"]["name"]
        shape = model.operation_model(operation).input_shape
        marked = {member for member, inner in shape.members.items() if "idempotencyToken" in inner.metadata or inner.metadata.get("idempotencytoken")}
        marked |= {member for member in shape.members if member.lower() in ("clienttoken", "clientrequesttoken")} if operation in TOKENS else set()
        sent = {wire.lower() for wire in members(call["request"])}
        found += [operation for member in marked if member.lower() in sent]
    assert found, "no member that is sent is a token"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_names_that_tell(name):
    assert MADE[name]["recover"]["by"] == "name"


def test_other_names_are_ids():
    """Where the id is the service's, only what is listed above may be known by its name: two of a name would be taken for each other."""
    for name, line in MADE.items():
        if line["recover"]["by"] != "name" or name in NAMES:
            continue
        assert not [call for call in line["calls"] if call["role"] == "find"] or name in ("aws.logs.log_group", "aws.rds.snapshot"), name


def test_every_type_says_it():
    assert {line["type"] for line in TYPES if not line["data"] and line["calls"] and creates(line)} == set(MADE)
