"""
Terraform's representation of plans, read by tools that others wrote: Checkov, conftest, python-hcl2's `hcl2tojson`,
OpenTofu's parser (tools/setup judges, or WEIR_CHECKOV, WEIR_CONFTEST, WEIR_HCL, WEIR_TOFU), Terraform with its provider (TF_PLUGINS). Each is skipped where it is not there.
"""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from support import CHECKOV, CONFTEST, HCL, ROOT, TOFU, Stack
from test_export_terraform import GIVEN, ROUND
from test_import_terraform import PLUGINS, PROVIDER

CASES = yaml.safe_load((ROOT / "tests/rules/terraform.yaml").read_text())
REQUIRED = yaml.safe_load((ROOT / "tests/rules/baseline.yaml").read_text())["types"]
needs = {name: pytest.mark.skipif(not program, reason=f"{name} is not installed") for name, program in (("checkov", CHECKOV), ("conftest", CONFTEST), ("hcl", HCL), ("tofu", TOFU))}
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
    not sprintf("aws_s3_bucket.%s", [one.name]) in one.expressions.bucket.references
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


EXAMPLES = ["film-lake", "music-lakehouse", "retail-workshop", "airflow-ops", "ecommerce-lakehouse"]


@needs["hcl"]
@pytest.mark.parametrize("name", EXAMPLES)
def test_hcl_is_hcl(stack, name):
    """A parser of others reads what is written of the examples, and finds each resource in it."""
    text = stack.run("export", "terraform", "-C", ROOT / "examples" / name, "--sandbox", "-i", "owner=judged").out
    (stack.folder / "main.tf").write_text(text)
    parsed = json.loads(subprocess.run([HCL, "main.tf"], cwd=stack.folder, check=True, capture_output=True, text=True).stdout)
    found = {(kind.strip('"'), one.strip('"')) for block in parsed["resource"] for kind, named in block.items() for one in named}
    assert found == set(re.findall(r'^resource "(\w+)" "([\w-]+)" {$', text, re.MULTILINE)) and len(found) > 20


def by_opentofu(folder):
    return json.loads(subprocess.run([TOFU, folder], check=True, capture_output=True, text=True).stdout)


def blocks_of(text):
    return sorted(map(".".join, re.findall(r'^resource "(\w+)" "([\w-]+)" {$', text, re.MULTILINE)))


@needs["tofu"]
@pytest.mark.parametrize("name", EXAMPLES)
def test_opentofu_accepts_the_examples(stack, name):
    """Its own parser, without a word about them: blocks, expressions, variables, and what each refers to is written as it wants it."""
    (stack.folder / "out").mkdir()
    (stack.folder / "out/main.tf").write_text(text := stack.run("export", "terraform", "-C", ROOT / "examples" / name, "--sandbox", "-i", "owner=judged").out)
    found = by_opentofu(stack.folder / "out")
    assert found["diagnostics"] == [] and sorted(found["resources"]) == blocks_of(text) and len(found["resources"]) > 20


@needs["tofu"]
def test_opentofu_accepts_import_blocks(stack, cloud):
    """Of what has been applied each resource that Terraform can import has one; and its parser is one that refuses."""
    stack.write(ROUND).apply(*GIVEN)
    (stack.folder / "out").mkdir()
    (stack.folder / "out/main.tf").write_text(text := stack.run("export", "terraform", *GIVEN).out)
    found = by_opentofu(stack.folder / "out")
    assert found["diagnostics"] == [] and sorted(found["resources"]) == blocks_of(text)
    assert len(found["imports"]) == len(re.findall(r"^import {$", text, re.MULTILINE)) > 20 and set(found["imports"]) <= set(found["resources"])
    (stack.folder / "out/main.tf").write_text(text + text)
    assert subprocess.run([TOFU, stack.folder / "out"], capture_output=True).returncode == 1


def named_there(theirs, ours, attr):
    """What references call an attribute: a rule's name, or its own."""
    rules = {key: rule.get("as", "") if isinstance(rule, dict) else rule for key, rule in (theirs.get("names") or {}).items()}
    return next((key for key, to in rules.items() if key != "id" and to in (attr, f"{attr}[]")), "id" if rules.get("id", ours.get("id")) == attr != "arn" else attr)


@pytest.mark.skipif(not shutil.which("terraform") or not PLUGINS.exists(), reason="Terraform with its provider is not installed")
def test_what_others_refer_to_is_there(tmp_path):
    """What a service reports has a name in the provider's schema, or is listed as unsupported."""
    (tmp_path / "main.tf").write_text(PROVIDER)
    (tmp_path / "rc").write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{PLUGINS}"\n  }}\n}}\n')
    env = {**os.environ, "TF_CLI_CONFIG_FILE": str(tmp_path / "rc"), "CHECKPOINT_DISABLE": "1"}
    for args in (["init"], ["providers", "schema", "-json"]):
        done = subprocess.run(["terraform", *args], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    (provider,) = json.loads(done.stdout)["provider_schemas"].values()
    lacking, seen = [], 0
    for file in sorted((ROOT / "provider/aws/names").glob("*.yaml")):
        types = yaml.safe_load((ROOT / "provider/aws/specs" / file.name).read_text())["types"]
        for name, theirs in (yaml.safe_load(file.read_text()).get("terraform") or {}).items():
            if theirs.get("type") not in types or name not in provider["resource_schemas"]:
                continue
            block, ours = provider["resource_schemas"][name]["block"], types[theirs["type"]]
            for attr in (one for one, of in ours["attributes"].items() if of.get("computed") and not of.get("hidden") and one not in theirs.get("unsupported", [])):
                seen += 1
                if named_there(theirs, ours, attr).partition("[")[0].partition(".")[0] not in {**block["attributes"], **block.get("block_types", {})}:
                    lacking.append((name, attr))
    assert lacking == [] and seen > 200


@pytest.mark.skipif(not shutil.which("terraform") or not PLUGINS.exists(), reason="Terraform with its provider is not installed")
def test_terraform_takes_over(stack, cloud, tmp_path):
    """Terraform imports what is there and makes nothing anew; what it would change are tags of weir's, and what no service reports."""
    stack.write(ROUND).apply(*GIVEN)
    folder = tmp_path / "terraform"
    folder.mkdir()
    stack.run("export", "terraform", "-o", folder / "main.tf", *GIVEN)
    (folder / "provider_override.tf").write_text(PROVIDER[PROVIDER.index("provider "):])
    (folder / "rc").write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{PLUGINS}"\n  }}\n}}\n')
    env = {**os.environ, "TF_CLI_CONFIG_FILE": str(folder / "rc"), "AWS_ENDPOINT_URL": cloud.url, "CHECKPOINT_DISABLE": "1", "TF_VAR_secret_secret_string": "hush-hush-hush"}

    def read(value):
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else value

    def terraform(*args):
        done = subprocess.run(["terraform", *args], cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    terraform("init", "-no-color")
    terraform("validate", "-no-color")
    terraform("plan", "-no-color", "-out=it.plan")
    changes = [one for one in json.loads(terraform("show", "-json", "it.plan"))["resource_changes"] if one["mode"] == "managed"]
    imported = {one["address"] for one in changes if one["change"].get("importing")}
    made = {one["address"] for one in changes if "create" in one["change"]["actions"]}
    assert len(imported) > 20 and not [one["address"] for one in changes if "delete" in one["change"]["actions"]]
    assert made == set(), made
    # max_message_size: the provider of before 2025-08 knows another default than SQS has
    told = {"tags", "tags_all", "force_destroy", "recovery_window_in_days", "force_detach_policies", "policy", "max_message_size"}
    differ = {(one["address"], key) for one in changes if one["change"]["actions"] == ["update"] for key, value in one["change"]["before"].items() if value not in (None, "", [], False) and read(one["change"]["after"].get(key, value)) != read(value)}
    assert {key for _, key in differ} <= told, differ
