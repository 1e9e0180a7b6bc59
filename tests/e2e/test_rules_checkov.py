"""weir.baseline beside Checkov (PyPI), which others wrote: the same misconfiguration is one to both. Skipped where it is not installed."""

import json
import subprocess

import pytest
import yaml

from support import CHECKOV, ROOT

CASES = yaml.safe_load((ROOT / "tests/rules/checkov.yaml").read_text())
OURS = yaml.safe_load((ROOT / "tests/rules/baseline.yaml").read_text())["rules"]
pytestmark = [pytest.mark.long, pytest.mark.skipif(not CHECKOV, reason="checkov is not installed")]


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """{(check, resource): passed}"""
    template = tmp_path_factory.mktemp("checkov") / "template.json"
    resources = {f"{way}0{name.replace('_', '0')}": {"Type": case["type"], "Properties": case.get("base", {}) | case[way]} for name, case in CASES.items() for way in ("keeps", "breaks")}
    template.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))
    checks = ",".join(sorted({case["check"] for case in CASES.values()}))
    command = [CHECKOV, "-f", template, "--framework", "cloudformation", "-o", "json", "--compact", "--soft-fail", "--skip-download", "-c", checks]
    results = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["results"]
    found = {(one["check_id"], one["resource"].split(".")[-1]): False for one in results["failed_checks"]}
    return found | {(one["check_id"], one["resource"].split(".")[-1]): True for one in results["passed_checks"]}


@pytest.mark.parametrize("name", CASES)
def test_checkov_says_the_same(said, name):
    """What keeps our rule passes there, and what breaks it fails; test_rules_baseline.py has ours."""
    assert name in OURS
    check, mark = CASES[name]["check"], name.replace("_", "0")
    assert (said[check, f"keeps0{mark}"], said[check, f"breaks0{mark}"]) == (True, False)
