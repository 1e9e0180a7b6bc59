"""
What was said within an attribute and is not said any more is taken away at the service, of weir's own types: of every case of the types'
life cycles (life_cycle.py) each field that may be missing, one after the other. Of AWS::* see sandbox/test_cloudcontrol.py.
"""

import copy
import importlib
import json
from pathlib import Path

import pytest

from life_cycle import stack_text


CASES = {
    f"{path.stem.removeprefix('test_types').strip('_')} {name}".strip(): case
    for path in sorted(Path(__file__).parent.glob("test_types*.py"))
    for name, case in getattr(importlib.import_module(path.stem), "CASES", {}).items()
}
FEW = {"event_pattern", "definition", "tags", "policy", "assume_role_policy", "body", "redrive_policy"}  # documents and maps: whole, and their services refuse halves of them
ELSEWHERE = {("ingress", "cidr"), ("network", "availability_zone")}  # an entry needs one; without it weir reads the subnet, which does not exist here
REFUSED = {
    "lifecycle_rules": "an expiration that says nothing",
    "launch_template": "which one it is",
    "instance_groups": "the cluster is protected, and would be made anew",
    "configurations": "the same",
    "bootstrap_actions": "the same",
}


def fields(value, path=()):
    """Paths to all fields of objects below the attributes, also in lists."""
    if isinstance(value, dict):
        for key, item in value.items():
            if path:
                yield (*path, key)
            yield from fields(item, (*path, key))
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from fields(item, (*path, i))


def within(case):
    return [path for path in fields(case.then or case.first) if path[0] not in FEW and (path[0], path[-1]) not in ELSEWHERE]


def at(value, path):
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def without(value, path):
    value = copy.deepcopy(value)
    there = value
    for step in path[:-1]:
        there = there[step]
    del there[path[-1]]
    return value


def live(cloud, stack, folder, case, attributes):
    """As the service has it: another stack takes it in, which knows nothing of what was said."""
    number = json.loads(stack.run("state", "show", "it", "--json").out)["id"]
    other = cloud.stack(folder)
    other.write(stack_text(case, attributes))
    other.run("state", "import", "it", number)
    return json.loads(other.run("state", "show", "it", "--json").out)["attrs"]


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if within(case)])
def test_fields_taken_out(fast_sandbox, tmp_path, name):
    case = CASES[name]
    stack = fast_sandbox.stack(tmp_path / "stack")
    if case.prepare:
        case.prepare(fast_sandbox)
    full, read = case.then or case.first, []
    for path in within(case):
        less = without(full, path)
        stack.write(stack_text(case, less))
        if stack.run("validate", status=None).status:
            continue
        if stack.write(stack_text(case, full)).apply(status=None).status:
            pytest.skip("it needs what the sandbox looks for")
        seen = bool(case.imports and not case.around and all(isinstance(step, str) for step in path))
        before = live(fast_sandbox, stack, tmp_path / f"{len(read)}", case, full) if seen else {}
        read.append(path)
        stack.write(stack_text(case, less))
        planned = stack.plan()
        applied = stack.apply(status=None)
        if applied.status:
            assert path[0] in REFUSED, f"{path}: {applied}"
            stack.write(stack_text(case, full)).apply(status=None)
            continue
        told = "still has" in applied.out + applied.err
        stack.assert_settled()
        if planned.get("it") == "update" and at(before, path) not in (None, "", [], {}):
            assert told or at(live(fast_sandbox, stack, tmp_path / f"{len(read)}-after", case, less), path) != at(before, path), (name, path)


FIREHOSE = """stack: less
resources:
  lake: {type: aws.s3.bucket, name: less-lake, force_destroy: true}
  role: {type: aws.iam.role, name: less, assume_role_policy: "${trust('firehose.amazonaws.com')}"}
  it: {type: aws.firehose.delivery_stream, name: less, s3: {bucket: "${lake.arn}", role: "${role.arn}"%s}}
  rule:
    type: aws.events.rule
    name: less
    schedule_expression: rate(1 day)
    targets: {one: {arn: "arn:aws:lambda:us-east-1:123456789012:function:f"%s}}
"""


def test_what_a_service_merges(fast_sandbox, tmp_path):
    """Firehose keeps what a change does not mention: what can be said is said, of the rest a line tells."""
    stack, firehose = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("firehose")

    def destination():
        (one,) = firehose.describe_delivery_stream(DeliveryStreamName="less")["DeliveryStreamDescription"]["Destinations"]
        return one["ExtendedS3DestinationDescription"]

    stack.write(FIREHOSE % (', prefix: in/, compression: GZIP, buffer_size: 64, logging: {group: g, stream: s}', ', input: "[1]"'))
    stack.apply()
    stack.assert_settled()
    (target,) = fast_sandbox.client("events").list_targets_by_rule(Rule="less")["Targets"]
    fast_sandbox.client("events").put_targets(Rule="less", Targets=[{**target, "RetryPolicy": {"MaximumRetryAttempts": 3}}])  # never said
    stack.assert_settled()
    stack.write(FIREHOSE % ("", ""))
    out = stack.run("plan").out
    assert all(f"- {name}" in out for name in ("prefix", "compression", "buffer_size", "logging", "input")), out
    said = stack.apply()
    assert '"s3.buffer_size" was removed from the configuration, and the service still has 64' in said.out + said.err
    assert (said.out + said.err).count("still has") == 1, said
    there = destination()
    assert (there["Prefix"], there["CompressionFormat"], there["CloudWatchLoggingOptions"]["Enabled"]) == ("", "UNCOMPRESSED", False)
    assert "Input" not in fast_sandbox.client("events").list_targets_by_rule(Rule="less")["Targets"][0]
    stack.assert_settled()
    stack.destroy()
