"""Requests of every service (rows.py) with values of the wrong kind: an answer or a refusal, never an end, and nobody else has to wait."""

import contextlib
import random

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointProviderError, ParamValidationError
from rows import ROWS
from support import PATIENCE_S
from test_every_type import filled

WRONG = [None, True, 0, -1, 2**63, 1.5, "", "*", "${name}", "\0", "arn:aws:iam::1:role/x", "a" * 3000, [], {}, [None], [[]], [{}], {"a": None}, {"a": {"b": []}}, ["x", 1], [{"Key": 1, "Value": []}], [{"Name": 1, "Values": "x"}]]
TAGGING = [
    ("get_resources", {"ResourceTypeFilters": ["glue:job"], "TagFilters": [{"Key": "a", "Values": ["b"]}], "ResourcesPerPage": 3, "PaginationToken": "1"}),
    ("tag_resources", {"ResourceARNList": ["arn:aws:glue:us-east-1:000000000000:job/it-0"], "Tags": {"a": "b"}}),
    ("untag_resources", {"ResourceARNList": ["arn:aws:glue:us-east-1:000000000000:job/it-0"], "TagKeys": ["a"]}),
    ("get_tag_values", {"Key": "a"}),
]


def calls():
    for row in ROWS.values():
        yield from ((row.service, call) for call in (row.create, row.read, row.list, row.update) if call)
        yield from ((row.service, row.delete[i:i + 2]) for i in range(0, len(row.delete), 2))
        yield from ((row.service, call) for call in (row.tags and (row.tags.add, row.tags.look, row.tags.remove)) or ())
        yield from ((service, call) for service, call, _ in row.around)
    yield from (("resourcegroupstaggingapi", call) for call in TAGGING)


def mutated(dice, value):
    if dice.random() < 0.15:
        return dice.choice(WRONG)
    if isinstance(value, dict):
        return {key: mutated(dice, one) for key, one in value.items() if dice.random() > 0.05}
    return [mutated(dice, one) for one in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("seed,count", [(1, 300), pytest.param(2, 10000, marks=pytest.mark.long)])
def test_wrong_kinds(sandbox, seed, count):
    dice, clients, known, refused = random.Random(seed), {}, list(calls()), 0
    for _ in range(count):
        service, call = dice.choice(known)
        if service not in clients:
            clients[service] = sandbox.client(service, parameter_validation=False, inject_host_prefix=False, read_timeout=PATIENCE_S)
        name, given = filled(call, {"n": str(dice.randrange(3)), **dict.fromkeys(("arn", "id", "vpc", "subnet", "group", "topic", "url"), "x")})
        given = mutated(dice, given)
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError, EndpointProviderError, ParamValidationError):  # what botocore cannot write
            try:
                getattr(clients[service], name)(**given if isinstance(given, dict) else {})
            except ClientError as error:
                refused += 1
                assert 400 <= error.response["ResponseMetadata"]["HTTPStatusCode"] < 500, (name, given, error)
            except ConnectionClosedError as error:  # thousands of parameters in an address do not fit into a connection's memory
                assert len(error.kwargs["endpoint_url"]) > 16 * 1024, (name, given, error)
    assert count / 3 < refused < count and sandbox.process.poll() is None
