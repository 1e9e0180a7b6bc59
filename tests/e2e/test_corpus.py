"""
Pipelines as people write them, retold: how much of them weir takes over from CloudFormation and Terraform, and that it stands on its own feet afterwards.

A plan.json is what `terraform show -json` said of main.tf beside it, after Terraform 1.11 had made that on moto, with the services that moto has not got from
the sandbox. What neither has (a cluster of MSK, tasks of DMS) is in it as it was planned, with ids; airflow_out has been a rule of the older kind there.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support import Stack
from test_import_cloudformation import TOLERATED, ZIP

HERE = Path(__file__).parent / "imports/corpus"
CORPUS = sorted(HERE.glob("*.yaml"))
PLANS = sorted(HERE.glob("*/plan.json"))
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


def said(expressions):
    """Values of a configuration: of what is not told in it, such as a reference, one."""
    if isinstance(expressions, list):
        return sum(said(one) for one in expressions)
    if "constant_value" in expressions:
        return leaves(expressions["constant_value"])
    return 1 if "references" in expressions or not expressions else sum(said(one) for one in expressions.values())


def configured(module):
    """The resources of a configuration, with those of its modules."""
    return [one for one in module.get("resources", ()) if one["mode"] == "managed"] + [one for call in module.get("module_calls", {}).values() for one in configured(call["module"])]


def counted_plan(stack, plan):
    result = stack.run("import", "terraform", plan)
    given = configured(json.loads(plan.read_text())["configuration"]["root_module"])
    own, theirs, without = map(int, re.search(r"(\d+) of weir's own types, (\d+) of CloudFormation's, (\d+) left out", result.err).groups())
    rows = [line for line in result.err.splitlines() if re.match(r"(module\.\S+\.)?aws_\S+|terraform_data", line)]
    lost = sum(len(re.findall(r"cannot be said|is unknown here|has another form", row)) for row in rows)
    assert len(rows) >= len(given), result  # a module that is called twice has its resources twice
    return {"resources": len(rows), "own": len(rows) - theirs - without, "without": without, "values": sum(said(one["expressions"]) for one in given), "lost": lost}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return {one.stem: counted(Stack(folder / one.stem), one) for one in CORPUS} | {one.parent.name: counted_plan(Stack(folder / one.parent.name), one) for one in PLANS}


@pytest.mark.long
def test_how_much_can_be_said(found):
    """99 % of resources and values at least, fifteen of eighteen whole; nine of ten resources in types of weir's own."""
    total = {what: sum(one[what] for one in found.values()) for what in ("resources", "own", "without", "values", "lost")}
    print("\n" + "\n".join(f"{name:16}" + " ".join(f"{what} {one[what]:4}" for what in one) for name, one in (found | {"all": total}).items()))
    assert len(found) == 18 and total["resources"] > 300 and total["values"] > 1500, total
    assert total["without"] <= total["resources"] / 100 and total["lost"] <= total["values"] / 100, (total, found)
    assert sum(not one["without"] and not one["lost"] for one in found.values()) >= 15, found
    assert total["own"] >= total["resources"] * 9 / 10, (total, found)


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


def kept(text):
    """What is taken over is made anew: as it is there, without what was there."""
    return re.sub(r"\n# There already.*", "", text, flags=re.S)


@pytest.mark.long
@pytest.mark.parametrize("plan", PLANS, ids=lambda path: path.parent.name)
def test_a_plan_lives(tmp_path, fast_sandbox, plan):
    """From nothing: made as it is, then there is nothing to do, others see it, and it goes without a rest."""
    stack = Stack(tmp_path / "stack", fast_sandbox)
    shutil.copytree(plan.parent, stack.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.tf", "plan.json", "modules"))
    (stack.folder / "consume.zip").write_bytes(ZIP)
    stack.run("import", "terraform", plan)
    text = kept((stack.folder / "weir.yaml").read_text())
    stack.write(text)
    stack.run("fmt", "--check", "weir.yaml")
    s3 = fast_sandbox.client("s3")
    s3.create_bucket(Bucket="code-of-fan-out")
    s3.put_object(Bucket="code-of-fan-out", Key="clean.zip", Body=ZIP)
    inputs = yaml.safe_load(text).get("inputs", {})
    words = [word for name, one in inputs.items() if "default" not in one for word in ("-i", f"{name}={'code-of-fan-out' if name == 'code_bucket' else 'A-password-of-16'}")]
    stack.apply(*words)
    stack.assert_settled(*words)
    buckets = {one["Name"] for one in s3.list_buckets()["Buckets"]}
    assert len(buckets) > 1
    stack.run("destroy", "--yes", "--force-empty", "--verify", *words)
    assert {one["Name"] for one in s3.list_buckets()["Buckets"]} == {"code-of-fan-out"}
