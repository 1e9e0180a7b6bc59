"""The same stacks leave the same behind on the sandbox and on moto, as boto3 sees it, field by field."""

import json
import re

import pytest
import test_types_clusters
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
from servers import TRUST, SandboxCloud
from support import Stack
from test_types import CASES as FIRST

CASES = FIRST | test_types_small.CASES | test_types_jobs.CASES | test_types_network.CASES | test_types_more.CASES | test_types_streams.CASES | test_types_lake.CASES | test_types_serving.CASES | test_types_further.CASES | test_types_gateway.CASES | test_types_scaling.CASES | test_types_clusters.CASES
del CASES["statement"]  # needs DuckDB on the sandbox: test_statements.py

# Where the two may differ, and why. The path is that of the field in what the case's `seen` gives.
ACCEPTED = {
    "bucket": {"encryption.BucketKeyEnabled": "the service's default, which the sandbox does not fill in"},
    "schedule": {"Target.RetryPolicy": "the service's default, which the sandbox does not fill in"},
    "workgroup": {"configuration.EnableMinimumEncryptionConfiguration": "the service's default, which the sandbox does not fill in"},
    "table": {"class": "the sandbox says what class a table has by default, too"},
    "function": {"CodeSha256": "each cloud has zip files of its own, with the time in them"},
    "permission": {"policy": "statements are in the order in which they were made, which is any"},
    "route table": {"routes": "the route inside the network, which AWS makes itself, is not there"},
    "catalog table": {"StorageDescriptor.SortColumns": "moto does not have the empty list"},
    "crawler": dict.fromkeys(("Targets.CatalogTargets", "Targets.DynamoDBTargets", "Targets.JdbcTargets"), "moto does not have the empty list"),
    "emr application": {"autoStopConfiguration.enabled": "moto does not say the default"},
}


def plain(value):
    """What boto3 gave as JSON, without what is made up anew each time: ids, times, addresses."""
    text = json.dumps(value, sort_keys=True, default=lambda v: "<time>" if hasattr(v, "isoformat") else str(v))
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>", text)
    text = re.sub(r'("weir:(?:intent|state)": )"[0-9a-f]{32}"', r'\1"<token>"', text)
    text = re.sub(r"\b([a-z]{1,10})-[0-9a-f]{8,17}\b", r"\1-<id>", text)
    text = re.sub(r'"\d{4}-\d\d-\d\d[T ][^"]*"', '"<time>"', text)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "<endpoint>", text)
    return json.loads(text)


def differences(ours, theirs, path=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(set(ours) | set(theirs)):
            yield from differences(ours.get(key), theirs.get(key), f"{path}.{key}" if path else key)
    elif ours != theirs:
        yield path, ours, theirs


@pytest.fixture
def moto(running_cloud):
    running_cloud.reset()
    return running_cloud


def left_behind(folder, cloud, case, attributes):
    stack = Stack(folder, cloud).write(stack_text(case, attributes))
    stack.apply()
    return plain(case.seen(cloud))


# Both are lived through in make test, each by itself.
DEAR = set(test_types_lake.CASES) | set(test_types_serving.CASES) | set(test_types_further.CASES) | set(test_types_gateway.CASES) | set(test_types_scaling.CASES) | set(test_types_clusters.CASES)


@pytest.mark.full
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.long if name in DEAR else ()) for name in CASES])
def test_same_end_state(tmp_path, moto, name):
    case = CASES[name]
    sandbox = SandboxCloud()
    try:
        if name == "glue job":  # as AWS does and moto does not, the sandbox wants a job's role to be there
            for role in ("role-a", "role-b"):
                sandbox.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
        for cloud in (sandbox, moto):
            if case.prepare:
                case.prepare(cloud)
        for step, attributes in (("first", case.first), ("then", case.then or case.first)):
            ours = left_behind(tmp_path / "sandbox", sandbox, case, attributes)
            theirs = left_behind(tmp_path / "moto", moto, case, attributes)
            found = {path: (a, b) for path, a, b in differences(ours, theirs) if path not in ACCEPTED.get(name, {})}
            assert not found, f"{step}: {found}"
    finally:
        sandbox.stop()
