"""Where stacks and homes may lie: names of all kinds, links, folders that cannot be written, no home at all."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support import WEIR, Stack

STACK = """
    stack: places
    resources:
      lake: {type: aws.s3.bucket, name: places-lake}
      role: {type: aws.iam.role, name: places, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
      code: {type: weir.artifact, source: code, store: "${lake.name}/code"}
      answer:
        type: aws.lambda.function
        name: places-answer
        role: ${role.arn}
        runtime: python3.13
        handler: main.handler
        code: {s3_bucket: "${code.bucket}", s3_key: "${code.key}"}
"""


def make(folder):
    stack = Stack(folder).write(STACK)
    stack.write("def handler(event, context):\n    return 42\n", "code/main.py")
    return stack


@pytest.mark.full
def test_names_that_shells_would_split(tmp_path):
    stack = make(tmp_path / "a b" / "schön 호수 [1] $x 'y'")
    stack.apply("--sandbox")
    stack.run("plan", "--sandbox", "-o", "the plan 호")
    stack.apply("--sandbox", "the plan 호")
    (tmp_path / "link").symlink_to(stack.folder)
    elsewhere = Stack(tmp_path / "elsewhere")
    for place in "../link", "../link/weir.yaml", str(stack.folder), os.path.relpath(stack.folder, elsewhere.folder):
        elsewhere.assert_settled("--sandbox", "-C", place)
    assert elsewhere.run("run", "answer", "--sandbox", "-C", "../link").out == "42\n"
    assert list(elsewhere.folder.iterdir()) == []


@pytest.mark.parametrize("home", [None, "relative", "/dev/null"])
def test_homes(tmp_path, home):
    stack = make(tmp_path / "stack")
    del stack.env["HOME"]
    stack.env |= {"HOME": home} if home is not None else {}
    stack.apply("--sandbox")
    stack.assert_settled("--sandbox")
    if home is None:
        assert stack.run("run", "answer", "--sandbox").out == "42\n"
    refused = stack.run("apply", "-y", env={"AWS_REGION": "us-east-1"}, status=1).err
    assert "no AWS credentials" in refused and "--sandbox needs none" in refused
    assert not Path(stack.folder, "relative").exists()


def bound(stack, *args):
    """weir with what permissions allow, also for root."""
    caps = "-dac_override,-dac_read_search"
    unprivileged = [] if os.geteuid() else ["setpriv", f"--bounding-set={caps}", f"--inh-caps={caps}"]
    return subprocess.run([*unprivileged, WEIR, *args], cwd=stack.folder, env=stack.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="no setpriv")
def test_a_folder_that_cannot_be_written(tmp_path):
    stack = Stack(tmp_path / "stack").write("stack: fixed\nresources: {a: {type: weir.value, value: 1}}\n")
    stack.folder.chmod(0o555)
    try:
        assert bound(stack, "plan").returncode == 0
        for args, words in [(["apply", "-y"], "state: {backend: file, path: DIR}"), (["plan", "--sandbox"], "weir sandbox --dir DIR"), (["plan", "-o", "x"], "cannot write x")]:
            done = bound(stack, *args)
            assert done.returncode == 1 and "Permission denied" in done.stderr and words in done.stderr, done
        assert [path.name for path in stack.folder.iterdir()] == ["weir.yaml"]
        stack.folder.chmod(0o755)
        stack.apply()
        (stack.folder / ".weir").chmod(0o500)
        stack.folder.chmod(0o555)
        assert "No changes" in bound(stack, "plan").stdout and bound(stack, "state", "list").stdout == "a\n"
    finally:
        stack.folder.chmod(0o755)
        if (stack.folder / ".weir").exists():
            (stack.folder / ".weir").chmod(0o700)


def test_the_stack_folder_is_found_from_everywhere(tmp_path):
    """`path.root` is a way from the folder that file names start at: in modules, and wherever weir is started. It is the same on every machine."""
    folder = tmp_path / "stacks/own"
    stack = Stack(folder).write("""
        stack: ways
        modules: {near: {source: ./near}, far: {source: ../shared/far}}
        resources: {here: {type: weir.value, value: '${path.root} ${file("${path.root}/word.txt")}'}}
    """)
    stack.write("found", "word.txt")
    for name in ("near", "../shared/far"):
        stack.write("""resources: {here: {type: weir.value, value: '${path.root} ${file("${path.root}/word.txt")}'}}""", f"{name}/weir.yaml")
    stack.apply()
    values = {address: stack.run("console", "-c", f"{address}.value").out.strip() for address in ("here",)}
    assert values == {"here": '". found"'}
    text = stack.log().read_text()
    assert '"value":".. found"' in text and '"value":"../../own found"' in text, text
    for start, way in ((tmp_path, "stacks/own"), (folder / "near", ".."), (tmp_path, folder)):
        process = subprocess.run([WEIR, "plan", "-C", way], cwd=start, env=stack.env, capture_output=True, text=True)
        assert "No changes" in process.stdout, process.stdout + process.stderr
