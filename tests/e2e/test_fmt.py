"""weir fmt: which files, what is written, what only looked at."""

import os

import yaml

from support import ROOT

FILES = {
    "weir.yaml": ("stack: x\ninclude:\n- parts/a.yaml\nmodules:\n    m: {source: ./m}\n", "stack: x\ninclude:\n  - parts/a.yaml\nmodules:\n  m: {source: ./m}\n"),
    "parts/a.yaml": ("resources:\n    # why\n    a: {type: nonsense}  \n", "resources:\n  # why\n  a: {type: nonsense}\n"),
    "m/weir.yaml": ("inputs:\n\n\n  a: {type: string}\n", "inputs:\n\n  a: {type: string}\n"),
    "tests/t.yaml": ("name: t\r\n", "name: t\n"),
}


def write(stack):
    for name, (before, _) in FILES.items():
        stack.write(before.encode(), name)
    stack.write(b"a:   [not,\n\n\n of, it]", "other.yaml")
    return stack


def texts(stack):
    return {name: (stack.folder / name).read_bytes().decode() for name in FILES}


def test_all_files_of_a_stack(local_stack):
    write(local_stack)
    (local_stack.folder / "m/weir.yaml").chmod(0o640)
    (local_stack.folder / "link.yaml").symlink_to("tests/t.yaml")
    assert local_stack.run("fmt").out.split() == list(FILES)
    assert texts(local_stack) == {name: after for name, (_, after) in FILES.items()}
    assert (local_stack.folder / "m/weir.yaml").stat().st_mode & 0o777 == 0o640
    assert (local_stack.folder / "other.yaml").read_text().startswith("a:   [not")
    before = {name: os.stat(local_stack.folder / name).st_ino for name in FILES}
    assert local_stack.run("fmt").out == ""
    assert {name: os.stat(local_stack.folder / name).st_ino for name in FILES} == before
    local_stack.write(b"name:   t  ", "tests/t.yaml").run("fmt", "link.yaml")
    assert (local_stack.folder / "link.yaml").is_symlink() and texts(local_stack)["tests/t.yaml"] == "name:   t\n"


def test_tests_in_a_folder_with_a_name_like_a_pattern(local_stack):
    local_stack.write("stack: x\n", "a[b]/weir.yaml").write("name: t  \n", "a[b]/tests/t.yaml")
    assert local_stack.run("fmt", "-C", "a[b]").out == "a[b]/tests/t.yaml\n"


def test_check_and_diff_change_nothing(local_stack):
    write(local_stack)
    assert local_stack.run("fmt", "--check", status=1).out.split() == list(FILES)
    assert texts(local_stack) == {name: before for name, (before, _) in FILES.items()}
    diff = local_stack.run("fmt", "--diff").out
    assert "--- parts/a.yaml\n+++ parts/a.yaml\n@@ -1,3 +1,3 @@\n resources:\n-    # why\n" in diff and "+  a: {type: nonsense}\n" in diff
    assert local_stack.run("fmt", "--check", "--diff", status=1).out == diff
    assert texts(local_stack) == {name: before for name, (before, _) in FILES.items()}
    local_stack.run("fmt")
    local_stack.run("fmt", "--check")


def test_standard_input(local_stack):
    local_stack.folder.mkdir(parents=True, exist_ok=True)
    assert local_stack.run("fmt", "-", stdin="a:\n- x\n- é").out == "a:\n  - x\n  - é\n"
    assert local_stack.run("fmt", "-", "--check", stdin="a:\n- x", status=1).out == "standard input\n"
    assert local_stack.run("fmt", "-", "--check", stdin="a: 1\n").out == ""


def test_mistakes(local_stack):
    write(local_stack).write(b"resources:\n  a: [\n", "parts/a.yaml")
    result = local_stack.run("fmt", status=3)
    assert "parts/a.yaml:" in result.err and "weir.yaml" in result.out
    assert texts(local_stack)["parts/a.yaml"] == "resources:\n  a: [\n"
    assert texts(local_stack)["m/weir.yaml"] == FILES["m/weir.yaml"][1]
    assert "nowhere.yaml" in local_stack.run("fmt", "nowhere.yaml", status=1).err
    assert "no weir.yaml" in local_stack.run("fmt", "-C", "m/..", "-C", "tests", status=3).err


def test_our_own_files_are_in_the_usual_layout(local_stack):
    local_stack.folder.mkdir(parents=True, exist_ok=True)
    ours = [path for where in ("examples", "modules", "provider") for path in sorted((ROOT / where).rglob("*.yaml")) if ".weir" not in path.parts]
    assert len(ours) > 50
    local_stack.run("fmt", "--check", *ours)


def test_nothing_is_lost(local_stack):
    """The specs, indented otherwise by another program, hold the same after formatting."""
    local_stack.folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml"))[:8]:
        tree = yaml.safe_load(path.read_text())
        text = yaml.safe_dump(tree, indent=5, width=60, sort_keys=False, allow_unicode=True)
        out = local_stack.run("fmt", "-", stdin=text).out
        assert yaml.safe_load(out) == tree and out != text, path
