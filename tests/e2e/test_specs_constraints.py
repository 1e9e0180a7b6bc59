"""Each constraint of a spec has somebody who says that the service asks it: tests/specs/constraints.yaml, and who is named there is asked."""

import ast
import json
import re
from pathlib import Path

import awscli
import boto3
import pytest
import test_constraints_judged as judged
import test_specs_defaults as specs
import test_specs_limits as limits
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws
from support import ROOT

SOURCES = yaml.safe_load((ROOT / "tests/specs/constraints.yaml").read_text())
KINDS = {"case": set(), "docs": {"words"}, "cfn": {"words"}, "model": set(), "max": set(), "enum": set(), "rule": {"type", "properties"}, "moto": {"given", "words"}, "cli": {"words"}, "quoted": {"words"}, "guide": set(), "own": set()}
ASKED_BY_NO_TEST = 22  # of kind `guide`: it may become fewer


CONSTRAINTS = {}
for _called, _of_type, _, _ in specs.every_part("constraints"):
    CONSTRAINTS.setdefault(_called, []).extend(_of_type)
LISTED = [(called, number, constraint, source) for called in SOURCES for number, (constraint, source) in enumerate(zip(CONSTRAINTS.get(called, []), SOURCES[called]))]


def of_kind(kind):
    return pytest.mark.parametrize("constraint, source", [pytest.param(constraint, source, id=f"{called}:{number}") for called, number, constraint, source in LISTED if kind in source])


def test_each_has_a_source_and_none_is_left_over():
    """In the spec's order, by what they are about."""
    about = {called: [" ".join(map(str, constraint["must"])) for constraint in constraints] for called, constraints in CONSTRAINTS.items()}
    assert sum(map(len, about.values())) > 290
    assert {called: [source["must"] for source in sources] for called, sources in SOURCES.items()} == about
    for called, number, _, source in LISTED:
        (kind,) = set(source) & set(KINDS)
        assert set(source) == {"must", kind} | KINDS[kind], (called, number)
    assert sum("guide" in source for *_, source in LISTED) <= ASKED_BY_NO_TEST


@of_kind("case")
def test_a_case_has_a_judge(constraint, source):
    case = judged.CASES[source["case"]]
    assert case["message"] == constraint["message"] and "reason" not in case["judge"]


@of_kind("docs")
def test_the_reference_says_so(constraint, source):
    assert source["words"] in specs.reference(source["docs"])


@of_kind("cfn")
def test_the_schema_says_so(constraint, source):
    assert source["words"] in specs.plain(specs.cfn_property(source["cfn"])["description"])


def shape_of(name):
    service, shape = name.split()
    return limits.model_of(service).shape_for(shape)


@of_kind("model")
def test_the_model_has_the_same_pattern(constraint, source):
    """A text of its greatest and its least length, and nothing beyond."""
    limit = shape_of(source["model"]).metadata
    (test,) = constraint["must"].values()
    for length in limit["min"] - 1, limit["min"], limit["max"], limit["max"] + 1:
        assert bool(re.fullmatch(test["like"], "a" * length)) == (limit["min"] <= length <= limit["max"])
    assert limit["pattern"].strip("^$").rstrip("+") in test["like"]


@of_kind("max")
def test_the_model_has_the_same_maximum(constraint, source):
    (test,) = constraint["must"].values()
    assert test == {"most": shape_of(source["max"]).metadata["max"]}


@of_kind("enum")
def test_every_value_of_the_model_is_taken(constraint, source):
    (test,) = constraint["must"].values()
    assert not [value for value in shape_of(source["enum"]).enum if not re.fullmatch(test["like"], value)]


@pytest.mark.long
def test_cfn_lint_says_so():
    from cfnlint.api import lint_all

    wanted = {f"It{number}": source for number, source in enumerate(source for *_, source in LISTED if "rule" in source)}
    template = {"Resources": {name: {"Type": source["type"], "Properties": source["properties"]} for name, source in wanted.items()}}
    said = {(match.path[1], match.rule.id) for match in lint_all(json.dumps(template)) if len(match.path) > 1}
    assert {(name, source["rule"]) for name, source in wanted.items()} <= said, said


@of_kind("moto")
def test_moto_says_so(constraint, source):
    service, call = source["moto"].split()
    with mock_aws():
        client = boto3.client(service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        try:
            said = str(getattr(client, call)(**source["given"]))
        except ClientError as error:
            said = str(error)
    assert source["words"] in said


@of_kind("cli")
def test_the_command_line_says_so(constraint, source):
    texts = [node.value for node in ast.walk(ast.parse((Path(awscli.__file__).parent / source["cli"]).read_text())) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert any(source["words"] in specs.plain(text) for text in texts)


@of_kind("quoted")
def test_a_quotation_has_a_place(constraint, source):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+#[0-9]+", source["quoted"]) and len(source["words"]) > 40


def test_what_is_no_service_s_is_asked_of_no_service():
    own = {called for called, _, _, source in LISTED if "own" in source}
    assert own and not any(called.startswith("aws.") for called in own)
