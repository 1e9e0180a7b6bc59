"""Each built-in module's example, with the module's own tests."""

import json
import subprocess

import pytest

from support import ROOT, WEIR

EXAMPLES = sorted((ROOT / "modules").glob("*/example/weir.yaml"))


@pytest.mark.parametrize("stack", EXAMPLES, ids=lambda stack: stack.parent.parent.name)
def test_module(stack, tmp_path):
    folder, module = stack.parent, stack.parent.parent
    assert f"builtin/{module.name}" in stack.read_text()
    assert list(folder.glob("tests/*.yaml"))
    for command in (["validate"], ["test", "--json"]):
        done = subprocess.run(
            [WEIR, "-C", folder, *command], capture_output=True, text=True, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()]


def test_every_module_is_told_of():
    page = (ROOT / "docs/modules.md").read_text()
    for module in (ROOT / "modules").glob("*/weir.yaml"):
        assert f"`{module.parent.name}`" in page
