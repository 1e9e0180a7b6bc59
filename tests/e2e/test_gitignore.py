"""weir.artifact with `gitignore: true` takes exactly what git itself would: random trees and rules, from a seed.

Some folders are repositories of their own, as submodules and clones are: git asks each about what lies in it.
"""

import os
import random
import subprocess
import zipfile

import pytest

from support import Stack
from test_artifact import shas

NAMES = ["a", "b", "ab", "a.c", "b.c", "abc", "foo", "foo.c", ".hid", "é", "a b", "x[1]", "x1", "#n", "!n", "n ", "back\\slash", "A", "*s", "[", "a]"]
STEPS = [*NAMES, "*", "?", "a*", "*.c", "*c*", "??", "[ab]", "[!a]", "[^a]*", "[a-c]", "[]a]", "[a", "x[1]", "x\\[1\\]", "\\#n", "\\!n", "n\\ ", "a\\b", "back\\\\slash", "\\*s", "**", "a**", "**c",
         "[[:alpha:]]", "[[:upper:]]", "[a-", "foo\\", "é", "[é]", "[\\a]", "[a\\]b]", "[b-a]", "[!]", "[--0]", "{a,b}", "a?c", ".*", "***", "\\\\"]


def tree(random, folder, depth=0):
    for name in random.sample(NAMES, random.randint(1, 4)):
        path = folder / name
        if depth < 3 and random.random() < 0.5:
            path.mkdir()
            tree(random, path, depth + 1)
        else:
            path.write_text("x")


def rule(random):
    line = "/".join(random.choice(STEPS) for _ in range(random.choice([1, 1, 1, 2, 2, 3])))
    line = random.choice(["", "", "", "", "/", "**/", "./", " ", "\t", "//"]) + line + random.choice(["", "", "", "", "/", "/**", "/*", "//", " ", "  ", "\\ ", "\t", "\r", "\\\\ "])
    return random.choice(["", "", "", "!", "!", "!!", "#", "\\"]) + line


def rules(random):
    lines = [rule(random) for _ in range(random.randint(0, 5))]
    text = random.choice(["\n", "\n", "\r\n"]).join(lines) + random.choice(["\n", ""])
    return random.choice(["", "", "", "\ufeff"]) + text


def git(folder, *args, check=True):
    return subprocess.run(["git", "-c", "core.quotepath=false", "-c", "core.excludesFile=", "-c", "user.name=a", "-c", "user.email=a@example.org", *args], cwd=folder,
                          env={"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nowhere"}, capture_output=True, check=check).stdout


def make_repository(random, folder, elsewhere):
    """With .git as a folder, or as a file that says where that folder is."""
    kept = folder / ".git" if random.random() < 0.6 else elsewhere / "kept.git"
    kept.parent.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "--template=", *([] if kept.name == ".git" else [f"--separate-git-dir={kept}"]), ".")
    if random.random() < 0.5:
        (kept / "info").mkdir(exist_ok=True)
        (kept / "info/exclude").write_bytes(rules(random).encode())


def make(random, folder):
    folder.mkdir(parents=True)
    tree(random, folder)
    folders = sorted(path for path in folder.rglob("*") if path.is_dir())
    for path in [folder, *folders]:
        if path == folder or random.random() < 0.3:
            (path / ".gitignore").write_bytes(rules(random).encode())
    (folder / "always").write_text("x")  # an artifact holds a file at least
    (folder / "zz").mkdir()
    with open(folder / ".gitignore", "ab") as own:
        own.write(b"\n!/always\n!/.gitignore\n")
    elsewhere = folder.parent.parent / "elsewhere" / folder.name
    make_repository(random, folder, elsewhere)
    for i, path in enumerate(path for path in folders if random.random() < 0.3):
        make_repository(random, path, elsewhere / str(i))
        if random.random() < 0.3:  # known to the one around it, as a submodule is
            git(path, "commit", "-q", "--allow-empty", "-m", "x")
            git(path.parent, "add", path.name, check=False)


def git_says(folder):
    found = []
    for name in git(folder, "ls-files", "-co", "--exclude-standard", "-z").decode().split("\0"):
        path = folder / name
        if name and path.is_dir():
            found += [f"{name.rstrip('/')}/{below}" for below in git_says(path)]
        elif name:
            found.append(name)
    return sorted(found)


def compare(tmp_path, seed, count):
    stack = Stack(tmp_path / f"stack{seed}")
    stack.env |= {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}
    folders = [f"{seed + i}" for i in range(count)]
    for name in folders:
        make(random.Random(int(name)), stack.folder / "t" / name)
    stack.write(f"stack: art\nresources:\n  code: {{type: weir.artifact, for_each: {folders}, store: lake/x, source: 't/${{each.key}}', gitignore: true, compress: false}}\n")
    found = shas(stack)
    packages = {path.name.rpartition("-")[2]: path for path in (stack.folder / ".weir/artifacts").iterdir()}
    wrong = []
    for name in folders:
        packed = sorted(zipfile.ZipFile(packages[found[f'code["{name}"]']]).namelist())
        wanted = git_says(stack.folder / "t" / name)
        if packed != wanted:
            texts = {str(path.relative_to(stack.folder / "t" / name)): path.read_bytes() for path in (stack.folder / "t" / name).rglob(".gitignore")}
            wrong.append((name, "weir alone", sorted(set(packed) - set(wanted)), "git alone", sorted(set(wanted) - set(packed)), texts))
    assert not wrong, (len(wrong), wrong[:6])


def test_as_git_does(tmp_path):
    compare(tmp_path, 1, 60)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 11000, 1000))
def test_as_git_does_in_many_trees(tmp_path, seed):
    compare(tmp_path, seed, 300)
