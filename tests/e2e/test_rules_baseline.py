"""weir.baseline: each rule with a resource that keeps it and one that does not (tests/rules/baseline.yaml)."""

import json
import re

import pytest
import yaml

from support import ROOT, spec_of

RULES = spec_of(ROOT / "provider/aws/rules/baseline.yaml")["rules"]
CASES = yaml.safe_load((ROOT / "tests/rules/baseline.yaml").read_text())


def resources():
    found = {}
    for number, (name, case) in enumerate(CASES["rules"].items()):
        kind = case.get("type") or ([RULES[name]["for"]] if isinstance(RULES[name]["for"], str) else RULES[name]["for"])[0]
        for way in "keeps", "breaks":
            address = f"{way}_{name}"
            text = json.dumps({"type": kind} | CASES["types"][kind] | case[way])
            found[address] = json.loads(text.replace("NAME", address.replace("_", "-")[:60]).replace('"PORT"', str(1000 + 2 * number + (way == "keeps"))))
        if "with" in case:
            found[f"with_{name}"] = json.loads(json.dumps(case["with"]).replace("IT", f"keeps_{name}"))
    return found


@pytest.fixture(scope="module")
def findings(tmp_path_factory, running_cloud):
    from support import Stack

    stack = Stack(tmp_path_factory.mktemp("baseline") / "stack", running_cloud)
    stack.write(yaml.safe_dump({"stack": "based", "resources": resources(), "rules": {"use": ["weir.baseline"]}}, width=1000))
    result = stack.run("plan", "--json", status=3)
    assert not [e for e in result.events() if e["event"] == "diagnostic"], result
    return [e for e in result.events() if e["event"] == "rule"]


def test_every_rule_has_a_case():
    assert set(CASES["rules"]) == set(RULES) and len(RULES) > 60


@pytest.mark.parametrize("name", RULES)
def test_one_keeps_it_and_one_does_not(findings, name):
    said = {(e["address"], e["outcome"]) for e in findings if e["rule"] == f"weir.baseline/{name}" and e["address"].endswith(name) and e["address"].split("_", 1)[1] == name}
    assert said == {(f"breaks_{name}", "broken")}


def test_each_says_why():
    """Facts in a sentence, the control's number, and its page."""
    for name, rule in RULES.items():
        assert re.fullmatch(r"[A-Z].*[.]", rule["doc"]) and re.fullmatch(r"(?:[A-Z][A-Za-z0-9]*\.\d+|CIS [\d.]+)(?:; (?:[A-Z][A-Za-z0-9]*\.\d+|CIS [\d.]+))*", rule["control"]), name
        first = rule["control"].split(";")[0]
        assert rule["link"].endswith("#" + first.lower().replace(".", "-")), name


def test_weir_rules_lists_what_holds(local_stack):
    local_stack.write("""
        stack: based
        resources:
          lake: {type: aws.s3.bucket, name: a-lake}
        rules:
          use: [weir.baseline]
          owned: {for: aws.s3.bucket, require: '${haskey(default(self.tags, {}), "owner")}', message: no owner, level: warning}
    """)
    listed = local_stack.run("rules").out
    assert re.search(r"^owned +warning +aws.s3.bucket +- +no owner$", listed, re.M) and len(listed.splitlines()) == len(RULES) + 2
    events = local_stack.run("rules", "--json").events()
    assert {e["rule"] for e in events} == {"owned", *(f"weir.baseline/{name}" for name in RULES)}
    one = local_stack.run("rules", "s3_tls").out
    assert RULES["s3_tls"]["link"] in one and "S3.5; CIS 2.1.1" in one and RULES["s3_tls"]["require"][2:-1] in one
    assert 'there is no rule "s4" here' in local_stack.run("rules", "s4", status=3).err
    said = local_stack.run("validate", status=3).err
    assert f"hint: weir.baseline/s3_public_access (S3.8; CIS 2.1.4): {RULES['s3_public_access']['link']}" in said
    local_stack.write("stack: based\nrules: {use: [weir.basline]}\n")
    assert 'did you mean "weir.baseline"?' in local_stack.run("rules", status=3).err

