"""What exists as it is recorded is never refused, whatever a constraint asks of new things; nor is a change of something that the constraint is not about."""

import json
import re
import sys

import pytest
import test_constraints
import test_constraints_judged
import test_refusals
import yaml
from support import ROOT, Stack, spec_of

sys.path.append(str(ROOT / "tests/tools"))
from statelog import frame  # noqa: E402

SPECS = {path.stem: spec_of(path) for path in (ROOT / "provider/aws/specs").glob("*.yaml")}
# Refused for what they are by themselves, not by a constraint.
BY_THEMSELVES = ("does not match", "is not one of", "wanted", "there is one", "does not begin with aws:", "50 tags")


def of(name):
    _, service, kind = name.split(".")
    return SPECS[service]["types"][kind]


def taking_part(kind):
    """Every attribute that a constraint of the type speaks of."""
    return set(re.findall(r"\w+", json.dumps(kind.get("constraints", []))))


def wrong():
    """Resources that a constraint refuses, as the other tests have them."""
    for _, given, words in ((None, *case) for case in test_constraints.WRONG):
        yield yaml.safe_load("{type: " + given + "}"), words
    for base, change, _, words in test_refusals.CASES:
        yield test_refusals.whole(base, change), words
    for case in test_constraints_judged.CASES.values():
        yield case["given"], case["message"]


CASES = [(given, words) for given, words in wrong() if not words.startswith(BY_THEMSELVES) and of(given["type"]).get("constraints")]


def rounds():
    """One of each type at a time: many have the same name."""
    by_type = {}
    for given, words in CASES:
        by_type.setdefault(given["type"], []).append((given, words))
    for at in range(max(map(len, by_type.values()))):
        yield {f"it{n}": cases[at] for n, cases in enumerate(by_type.values()) if at < len(cases)}


def changed(given):
    """With another tag, where the type has tags, or a description; nothing where a constraint is about these."""
    kind = of(given["type"])
    for name, value in ("tags", {"changed": "yes"}), ("description", "changed"):
        attribute = kind["attributes"].get(name)
        if attribute and name not in taking_part(kind) and name not in given and not (isinstance(attribute, dict) and attribute.get("replace")):
            return {**given, name: value}
    return None


def record(seq, address, given):
    attrs = {name: value for name, value in given.items() if name != "type"}
    return {"seq": seq, "at": "2026-01-01T00:00:00.000Z", "run": "1", "kind": "done", "address": address, "action": "create", "type": given["type"], "attrs": attrs, "set": sorted(attrs)}


@pytest.mark.parametrize("resources", list(rounds()), ids=lambda resources: f"{len(resources)} types")
def test_what_exists_is_not_refused(tmp_path, cloud, resources):
    stack = Stack(tmp_path / "stack", cloud)
    text = lambda these: "stack: there\nresources:\n" + "".join(f"  {name}: {json.dumps(given)}\n" for name, given in these.items())
    these = {name: given for name, (given, _) in resources.items()}
    log = stack.folder / ".weir/there.log"
    log.parent.mkdir()
    run = {"seq": 1, "at": "2026-01-01T00:00:00.000Z", "run": "1", "kind": "run", "lineage": "0" * 32, "command": "apply", "owner": "o", "pid": 1, "version": "0.1.0"}
    log.write_bytes(b"".join(map(frame, [run, *(record(n, name, given) for n, (name, given) in enumerate(these.items(), 2))])))
    stack.write(text(these))
    said = stack.run("plan", "--no-refresh", "--json", status=None)
    assert said.status == 0, said.err + said.out
    after = {name: changed(given) or given for name, given in these.items()}
    stack.write(text(after))
    said = stack.run("plan", "--no-refresh", "--json", status=None)
    assert said.status == 0, said.err + said.out
    actions = {line["address"]: line["action"] for line in map(json.loads, said.out.splitlines()) if line.get("event") == "change"}
    assert {name for name in these if after[name] != these[name]} <= set(actions), actions


def test_all_demands_that_others_try_are_here():
    assert len(CASES) > 190 and sum(changed(given) is not None for given, _ in CASES) > 120
