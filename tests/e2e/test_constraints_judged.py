"""What weir refuses of values is what AWS refuses: each has somebody who says so, and who is asked."""

import json
import re

import botocore.session
import pytest
import yaml
from support import ROOT

CASES = {case["case"]: case for case in yaml.safe_load((ROOT / "tests/specs/refused.yaml").read_text())}


def judged_by(key):
    return {name: case for name, case in CASES.items() if key in case["judge"]}


def test_each_is_refused_at_its_place(stack):
    """All of them at once: none hides another. What may be so of what exists is a warning, as nobody knows here what exists."""
    stack.write("stack: judged\nresources:\n" + "".join(f"  {name}: {json.dumps(case['given'])}\n" for name, case in CASES.items()))
    told = stack.run("validate", status=3).err
    said = {name: (how, words, int(line)) for how, name, words, line in re.findall(r"^(error|warning): (\w+): (.*)\n +--> weir.yaml:(\d+):", told, re.MULTILINE)}
    assert said == {name: ("warning" if case.get("legacy") else "error", case["message"], 3 + at) for at, (name, case) in enumerate(CASES.items())}


def member(path):
    service, shape, name = path.split()
    return botocore.session.get_session().get_service_model(service).shape_for(shape).members[name]


def test_the_reference_says_so():
    for name, case in judged_by("docs").items():
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", member(case["judge"]["docs"]).documentation))
        assert case["judge"]["words"] in text, (name, text)
    for name, case in judged_by("pattern").items():
        path = case["judge"]["pattern"]
        given = case["given"]["action"]
        assert not re.fullmatch(member(path).metadata["pattern"], given), name


@pytest.mark.long
def test_cfn_lint_says_so():
    from cfnlint.api import lint_all

    cases = judged_by("rule")
    template = {"Resources": {name.replace("_", ""): {"Type": case["judge"]["cfn"], "Properties": case["judge"]["properties"]} for name, case in cases.items()}}
    said = {(match.path[1], match.rule.id) for match in lint_all(json.dumps(template)) if len(match.path) > 1}
    assert {(name.replace("_", ""), case["judge"]["rule"]) for name, case in cases.items()} <= said, said
