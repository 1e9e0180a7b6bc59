"""Pipelines as people write them, retold: how much of them weir takes over from CloudFormation, and that it stands on its own feet afterwards."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support import Stack
from test_import_cloudformation import TOLERATED, ZIP

CORPUS = sorted((Path(__file__).parent / "imports/corpus").glob("*.yaml"))
GIVEN = {"password": "a-password-of-16", "cursor_value": "2020-01-01"}
# What a template has that no resource says: where what CloudFormation does by itself becomes a key of weir's own, or nothing.
AROUND = {"Type", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy"}


class Tagged(yaml.CSafeLoader):
    """A function's argument stands for what it gives: one value."""


Tagged.add_multi_constructor("!", lambda loader, suffix, node: suffix)


def leaves(value):
    if isinstance(value, dict):
        return sum(leaves(one) for one in value.values()) or 1
    if isinstance(value, list):
        return sum(leaves(one) for one in value) or 1
    return 1


def given(text):
    return [word for name, value in GIVEN.items() if re.search(f"^  {name}:", text, re.M) for word in ("-i", f"{name}={value}")]


def counted(stack, template):
    """Resources and single values of the template, and how many of either have been left out."""
    result = stack.run("import", "cloudformation", template)
    own, theirs, without = map(int, re.search(r"(\d+) of weir's own types, (\d+) of CloudFormation's, (\d+) left out", result.out + result.err).groups())
    resources = yaml.load(template.read_text(), Tagged)["Resources"]
    parts = len(re.findall(r"a part of it", result.out + result.err))
    assert own + theirs + without + parts == len(resources), result
    values = sum(leaves(one.get("Properties", {})) for one in resources.values())
    lost = len(re.findall(r"is left out|cannot be said in a stack", result.err))
    return {"resources": len(resources), "own": own + parts, "without": without, "values": values, "lost": lost}


@pytest.mark.long
def test_how_much_can_be_said(tmp_path):
    """99 % of resources and values at least, eight templates of nine whole; nine of ten resources in types of weir's own."""
    found = {template.stem: counted(Stack(tmp_path / template.stem), template) for template in CORPUS}
    total = {what: sum(one[what] for one in found.values()) for what in ("resources", "own", "without", "values", "lost")}
    assert len(found) == 9 and total["resources"] > 100 and total["values"] > 400, total
    assert total["without"] <= total["resources"] / 100 and total["lost"] <= total["values"] / 100, found
    assert sum(not one["without"] and not one["lost"] for one in found.values()) >= 8, found
    assert total["own"] >= total["resources"] * 9 / 10, found


@pytest.mark.long
@pytest.mark.parametrize("template", CORPUS, ids=lambda path: path.stem)
def test_it_is_a_template(template):
    done = subprocess.run([Path(sys.executable).parent / "cfn-lint", "--format", "json", template], capture_output=True, text=True)
    found = [match for match in json.loads(done.stdout or "[]") if match["Rule"]["Id"] not in TOLERATED and match["Level"] == "Error"]
    assert not found and done.returncode in (0, 2, 4, 6, 8, 12), done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize("template", CORPUS, ids=lambda path: path.stem)
def test_it_lives(tmp_path, fast_sandbox, template):
    """What comes of it is made as it is, and then there is nothing to do; it goes without a rest."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.run("import", "cloudformation", template)
    text = (stack.folder / "weir.yaml").read_text()
    stack.run("fmt", "--check", "weir.yaml")
    if "code_bucket" in text:
        fast_sandbox.client("s3").create_bucket(Bucket="code-of-fan-out")
        fast_sandbox.client("s3").put_object(Bucket="code-of-fan-out", Key="worker.zip", Body=ZIP)
    stack.apply(*given(text))
    stack.assert_settled(*given(text))
