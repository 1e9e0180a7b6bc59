"""
Where the sandbox's knowledge of IAM comes from: the files are what their tools make of AWS's own lists, operations say what botocore's
models have, and where `weir policy` and the handlers of CloudFormation's types differ is listed (policy_differences.txt).
"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support import ROOT, Stack
from test_policy_data import database, examples

pytestmark = pytest.mark.long
DIFFERENCES = Path(__file__).with_name("policy_differences.txt")


@pytest.mark.parametrize("tool, file", [("iam-operations", "sandbox/names/operations.txt"), ("iam-managed", "sandbox/names/managed_documents.txt"), ("iam-actions", "provider/iam/actions.txt")])
def test_files_are_what_their_tools_make(tool, file):
    database()
    made = subprocess.run([sys.executable, ROOT / "tools" / tool], capture_output=True, text=True, check=True).stdout
    assert made.splitlines() == (ROOT / file).read_text().splitlines()


def operations():
    """(service, operation, actions, templates) of each line."""
    prefix = service = ""
    for line in (ROOT / "sandbox/names/operations.txt").read_text().splitlines():
        if not line.startswith(" "):
            service, prefix = line.split()[:2]
        else:
            name, actions, *templates = line.split()
            yield service, name.rstrip("+"), [f"{prefix}:{action}" for action in actions.split(",") if action != "-"], templates


def test_actions_are_aws_own():
    """Each is one that the Service Authorization Reference has, but for those that it does not name."""
    unknown = set()
    for _, _, actions, _ in operations():
        for action in actions:
            prefix, name = action.split(":")
            if name not in database().get(prefix, {}).get("privileges", {}):
                unknown.add(action)
    assert unknown == set()


def test_managed_policies_can_be_named():
    names = set((ROOT / "sandbox/names/managed_policies.txt").read_text().split())
    known = [line.partition(" ") for line in (ROOT / "sandbox/names/managed_documents.txt").read_text().splitlines()]
    assert known and not {name for name, _, _ in known} - names
    for _, _, document in known:
        assert json.loads(document)["Statement"]


def handlers():
    """{type of CloudFormation: permissions of its handlers}, as cfn-lint has them."""
    data = Path(importlib.util.find_spec("cfnlint").origin).parent / "data/schemas"
    found = {}
    for name, file in json.loads((data / "providers/us-east-1.json").read_text()).items():
        schema = json.loads((data / "resources" / f"{file}.json").read_text())
        found[name] = {p for handler in schema.get("handlers", {}).values() for p in handler.get("permissions", [])}
    return found


def published():
    """{weir's type: CloudFormation's}."""
    for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())
        for name, type_ in (spec.get("types") or {}).items():
            if type_.get("cfn"):
                yield f"aws.{spec['service']}.{name}", type_["cfn"]


def needed(stack, example):
    inputs = {text: "x" for text in re.findall(r"\$\{inputs\.(\w+)\}", example)}
    stack.write(json.dumps({"stack": "p", "inputs": inputs, "resources": {"it": yaml.safe_load(example)}}))
    found = set()
    for document in json.loads(stack.run("policy", "--wide").out).values():
        for statement in document["Statement"]:
            found |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    return found


def test_differences_from_cloudformation_are_listed(tmp_path):
    """A line is a type, who alone asks for it, and an action of the type's own service."""
    stack = Stack(tmp_path / "stack")
    stack.env |= {"AWS_REGION": "us-east-1"}
    theirs, own, lines = handlers(), {name: example for name, kind, example in examples() if kind == "types"}, []
    for name, type_ in published():
        mine, other = needed(stack, own[name]), theirs.get(type_, set())
        prefixes = {action.split(":")[0] for action in mine} - {"tag", "logs"}
        whole = {action for action in other if "*" not in action and action.split(":")[0] in prefixes}
        if not other:
            continue
        lines += [f"{name} weir {action}" for action in sorted(mine - other) if action.split(":")[0] in prefixes and f"{action.split(':')[0]}:*" not in other]
        lines += [f"{name} cloudformation {action}" for action in sorted(whole - mine)]
    (tmp_path / "now.txt").write_text("\n".join(lines) + "\n")  # to be put in its place, when each line has been looked at
    assert lines == DIFFERENCES.read_text().splitlines()
