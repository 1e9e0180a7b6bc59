"""
Terraform's representation of plans, read by tools that others wrote: Checkov (WEIR_CHECKOV, or on the PATH), conftest (WEIR_CONFTEST),
python-hcl2's `hcl2tojson` (WEIR_HCL). Each is skipped where it is not there.
"""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from support import ROOT, Stack

CHECKOV, CONFTEST, HCL = (os.environ.get(f"WEIR_{name.upper()}") or shutil.which(program) for name, program in (("checkov", "checkov"), ("conftest", "conftest"), ("hcl", "hcl2tojson")))
CASES = yaml.safe_load((ROOT / "tests/rules/terraform.yaml").read_text())
REQUIRED = yaml.safe_load((ROOT / "tests/rules/baseline.yaml").read_text())["types"]
needs = {name: pytest.mark.skipif(not program, reason=f"{name} is not installed") for name, program in (("checkov", CHECKOV), ("conftest", CONFTEST), ("hcl", HCL))}
pytestmark = pytest.mark.long

DENIED = """
package main

import rego.v1

deny contains message if {
    some one in input.resource_changes
    one.type == "aws_s3_bucket"
    "create" in one.change.actions
    not one.change.after.tags.owner
    message := sprintf("%s has no owner", [one.address])
}

deny contains message if {
    some one in input.resource_changes
    one.type == "aws_s3_bucket_public_access_block"
    not one.change.after.block_public_acls
    message := sprintf("%s is open", [one.address])
}

deny contains message if {
    some one in input.configuration.root_module.resources
    one.type == "aws_s3_bucket_versioning"
    not "aws_s3_bucket.lake" in one.expressions.bucket.references
    message := sprintf("%s is of another bucket", [one.address])
}
"""


def checked(plan, checks):
    """{(check, address): passed}"""
    command = [CHECKOV, "-f", plan, "--framework", "terraform_plan", "-o", "json", "--compact", "--soft-fail", "--skip-download", "-c", ",".join(sorted(checks))]
    results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["results"]
    assert not results["parsing_errors"]
    return {(one["check_id"], one["resource"]): passed for passed, kind in ((True, "passed_checks"), (False, "failed_checks")) for one in results[kind]}


def by_hand(resources):
    made = [{"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name, "provider_name": "registry.terraform.io/hashicorp/aws", "values": values} for kind, name, values in resources]
    changes = [{**{key: one[key] for key in ("address", "mode", "type", "name")}, "change": {"actions": ["create"], "before": None, "after": one["values"], "after_unknown": {}}} for one in made]
    return {"format_version": "1.2", "terraform_version": "1.9.8", "planned_values": {"root_module": {"resources": made}}, "resource_changes": changes, "configuration": {}}


def named(body, name):
    return json.loads(json.dumps(body).replace("NAME", name.replace("_", "-")))


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    stack, checks = Stack(folder / "stack"), {case["check"] for case in CASES.values()}
    ours = {f"{way}_{name}": named({"type": case["type"], **REQUIRED[case["type"]], **case[way]}, f"{way[0]}-{name}") for name, case in CASES.items() for way in ("keeps", "breaks")}
    stack.write(json.dumps({"stack": "judged", "resources": ours}))
    (folder / "ours.json").write_text(stack.run("plan", "--sandbox", "--format", "terraform-json").out)
    theirs = [(kind, f"{way}_{name}{one.get('name', '')}", one[way]) for name, case in CASES.items() for kind, one in case["terraform"].items() for way in ("keeps", "breaks")]
    (folder / "theirs.json").write_text(json.dumps(by_hand(theirs)))
    return [checked(folder / file, checks) for file in ("ours.json", "theirs.json")]


@needs["checkov"]
@pytest.mark.parametrize("name", CASES)
def test_checkov_says_the_same(said, name):
    """Of weir's plan as of one made by hand for Terraform."""
    ((kind, one),) = CASES[name]["terraform"].items()
    verdicts = [[one_said.get((CASES[name]["check"], f"{kind}.{way}_{name}{one.get('name', '')}")) for way in ("keeps", "breaks")] for one_said in said]
    assert verdicts == [[True, False], [True, False]], verdicts


@needs["conftest"]
def test_conftest_reads_plans(stack):
    (stack.folder / "policy").mkdir()
    (stack.folder / "policy/denied.rego").write_text(DENIED)

    def denied(body):
        stack.write(body)
        (stack.folder / "plan.json").write_text(stack.run("plan", "--format", "terraform-json").out)
        done = subprocess.run([CONFTEST, "test", "--output", "json", "plan.json"], cwd=stack.folder, capture_output=True, text=True)
        return sorted(one["msg"] for one in json.loads(done.stdout)[0].get("failures", []))

    bucket = "stack: judged\nresources: {{lake: {{type: aws.s3.bucket, name: judged-lake, versioning: true{more}}}}}\n"
    assert denied(bucket.format(more="")) == ["aws_s3_bucket.lake has no owner"]
    assert denied(bucket.format(more=", tags: {owner: me}, public_access_block: {block_public_policy: true}")) == ["aws_s3_bucket_public_access_block.lake is open"]
    assert denied(bucket.format(more=", tags: {owner: me}, public_access_block: {block_public_acls: true}")) == []


@needs["hcl"]
@pytest.mark.parametrize("name", ["film-lake", "music-lakehouse", "retail-workshop", "airflow-ops", "ecommerce-lakehouse"])
def test_hcl_is_hcl(stack, name):
    """A parser of others reads what is written of the examples, and finds each resource in it."""
    text = stack.run("export", "terraform", "-C", ROOT / "examples" / name, "--sandbox", "-i", "owner=judged").out
    (stack.folder / "main.tf").write_text(text)
    parsed = json.loads(subprocess.run([HCL, "main.tf"], cwd=stack.folder, check=True, capture_output=True, text=True).stdout)
    found = {(kind.strip('"'), one.strip('"')) for block in parsed["resource"] for kind, named in block.items() for one in named}
    assert found == set(re.findall(r'^resource "(\w+)" "([\w-]+)" {$', text, re.MULTILINE)) and len(found) > 20
