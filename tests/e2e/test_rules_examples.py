"""
Checkov and conftest, which others wrote, read the plans of the five examples. What Checkov finds is mended, or waived with a reason in
tests/rules/waived.yaml. Skipped where they are not installed (tools/setup judges).
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase

import pytest
import yaml

from support import CHECKOV, CONFTEST, ROOT, Stack
from test_export_judged import DENIED, needs

EXAMPLES = ["film-lake", "music-lakehouse", "retail-workshop", "airflow-ops", "ecommerce-lakehouse"]
WAIVED = {(check, resources): reason for check, all_of in yaml.safe_load((ROOT / "tests/rules/waived.yaml").read_text()).items() for resources, reason in all_of.items()}


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """A folder with EXAMPLE.json of each."""
    folder = tmp_path_factory.mktemp("plans")

    def plan(name):
        done = Stack(folder / f"{name}-stack").run("plan", "-C", ROOT / "examples" / name, "--sandbox", "--format", "terraform-json", "-i", "owner=judged")
        (folder / f"{name}.json").write_text(done.out)

    with ThreadPoolExecutor() as pool:
        list(pool.map(plan, EXAMPLES))
    return folder


def waives(waiver, finding):
    """[ and ] are themselves here: keys of instances."""
    return waiver[0] == finding[0] and fnmatchcase(finding[1], waiver[1].replace("[", "[[]"))


@pytest.mark.full
@needs["checkov"]
def test_what_checkov_finds_is_mended_or_waived(plans):
    """Nothing else is found, and each waiver is needed and has a reason. One run for all, as most of it is its start."""
    command = [CHECKOV, *[option for name in EXAMPLES for option in ("-f", f"{name}.json")], "--framework", "terraform_plan", "-o", "json", "--compact", "--soft-fail", "--skip-download"]
    said = json.loads(subprocess.run(command, cwd=plans, check=True, capture_output=True, text=True).stdout)
    assert said["summary"]["passed"] > 700 and not said["results"]["parsing_errors"]
    found = {(one["check_id"], one["file_path"].strip("/").replace(".json", "/") + one["resource"]) for one in said["results"]["failed_checks"]}
    assert {name.split("/")[0] for _, name in found} == set(EXAMPLES)
    assert sorted(finding for finding in found if not any(waives(waiver, finding) for waiver in WAIVED)) == []
    assert [waiver for waiver in WAIVED if not any(waives(waiver, finding) for finding in found)] == []
    assert all(len(reason.split()) > 3 for reason in WAIVED.values())


@needs["conftest"]
def test_policies_in_rego_are_kept(plans):
    """Each bucket has an owner and is closed, and its settings are its own."""
    (plans / "policy").mkdir()
    (plans / "policy/denied.rego").write_text(DENIED)
    done = subprocess.run([CONFTEST, "test", "--output", "json", *[f"{name}.json" for name in EXAMPLES]], cwd=plans, capture_output=True, text=True)
    assert {one["filename"]: (one["successes"], one.get("failures", [])) for one in json.loads(done.stdout)} == {f"{name}.json": (3, []) for name in EXAMPLES}
