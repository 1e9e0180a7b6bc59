"""The layers of docs/architecture.md: which may use which, and a program without the sandbox."""

import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_USE = {
    "base": set(),
    "provider": {"base"},
    "stacks": {"base", "provider"},
    "plan": {"base", "provider", "stacks"},
    "sandbox": {"base", "provider"},
    "cmd": {"base", "provider", "stacks", "plan", "sandbox"},
}


sys.path.insert(0, str(ROOT / "tools"))
import layers  # noqa: E402


def test_layers_include_lower_ones_only():
    found = [(file, included, file.split("/")[0], included.split("/")[0]) for file, _, included, _ in layers.includes()]
    assert {top for _, _, top, _ in found} | {"base"} == set(MAY_USE), "a layer without an include: are these still the layers?"
    wrong = [f"{file} includes {included}" for file, included, top, used in found if used != top and used not in MAY_USE[top]]
    assert not wrong, wrong


def test_folders_include_one_way():
    circles = layers.circles(layers.graph())
    wrong = [f"{file} includes {included}" for file, folder, included, to in layers.includes() if (folder, to) in circles]
    assert not wrong, f"a circle: {wrong}"


def test_the_picture_has_every_arrow():
    """What is allowed is what docs/layers.svg shows: another arrow is to be seen there first (make docs)."""
    arrows = {}
    for folder, to in re.findall(r"<title>([\w/]+) -&gt; ([\w/]+)</title>", (ROOT / "docs/layers.svg").read_text()):
        arrows.setdefault(folder, set()).add(to)
    assert arrows == {folder: set(to) for folder, to in layers.drawn(layers.graph()).items() if to}
    new = [f"{file} includes {included}" for file, folder, included, to in layers.includes() if to not in layers.beyond(arrows, folder)]
    assert not new, new


def test_a_circle_is_found(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "plan").mkdir()
    (tmp_path / "base/a.c").write_text('#include "plan/b.h"\n#include <stdio.h>\n#include "base/a.h"\n')
    (tmp_path / "plan/b.h").write_text("")
    assert list(layers.includes(tmp_path)) == [("base/a.c", "base", "plan/b.h", "plan")]
    assert not layers.circles(layers.graph(tmp_path)) and layers.rows(layers.graph(tmp_path)) == [["base"], ["plan"]]
    (tmp_path / "plan/b.h").write_text('#include "base/a.h"\n')
    assert layers.circles(layers.graph(tmp_path)) == [("base", "plan"), ("plan", "base")]


def test_the_sandbox_has_one_header():
    used = {name for _, folder, name, _ in layers.includes() if folder.split("/")[0] == "cmd" and name.startswith("sandbox/")}
    assert used == {"sandbox/sandbox.h"}


def test_every_folder_is_on_the_page():
    page = (ROOT / "docs/architecture.md").read_text()
    missing = [folder for folder in layers.folders() if f"`{folder}/`" not in page and f"`{folder.rpartition('/')[0]}/*/`" not in page]
    assert not missing, missing


def sources(pattern="*.[ch]"):
    return [path for top in layers.TOP for path in sorted((ROOT / top).rglob(pattern))]


def test_every_file_says_what_it_is_for():
    """In one to three lines; a header's comment is an essay."""
    opening = {path: re.match(r"/\*(.*?)\*/", path.read_text(), re.DOTALL) for path in sources()}
    lines = {path: [line for line in said[1].splitlines() if line.strip(" *")] if said else [] for path, said in opening.items()}
    wrong = [path.relative_to(ROOT).as_posix() for path, said in lines.items() if not said or (path.suffix == ".c" and len(said) > 3)]
    assert not wrong, f"an opening comment of one to three lines: {wrong}"


def test_files_that_comments_name_are_there():
    files = {path.relative_to(ROOT).as_posix() for path in sources()}
    comments = [(path, comment) for path in sources() for comment in re.findall(r"/\*.*?\*/", path.read_text(), re.DOTALL)]
    named = {(path, name) for path, comment in comments for name in re.findall(r"(?:\w+/)*[\w*]+\.[ch]\b", comment)}
    assert len(named) > 300
    lost = [f"{path.relative_to(ROOT)} speaks of {name}" for path, name in named if not any(file.endswith("/" + name) or file == name for file in files)]
    lost = [said for said in lost if "*" not in said or not any(fnmatch.fnmatch(file, "*/" + said.split()[-1]) for file in files)]
    assert not lost, lost


def test_what_pages_name_is_there():
    """Files and folders between backquotes, and what `make` is said to make."""
    top = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"build", ".cache", ".venv"}
    targets = set(re.findall(r"^([a-z][a-z0-9-]*(?: [a-z0-9-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    targets = {word for words in targets for word in words.split()}
    found, lost = 0, []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        for name in re.findall(r"`([\w.]+/[^\s`]*)`", text):
            pattern = re.sub(r"<\w+>|[A-Z]{3,}|\u2026", "*", name).rstrip("/")
            if name.split("/")[0] in top and name != "tests/*.yaml":  # of a stack, that is
                found += 1
                lost += [] if any(ROOT.glob(pattern)) else [f"{page.name}: {name}"]
        for target in re.findall(r"`make ((?:[a-z][a-z-]*)?)", text):
            found += 1
            lost += [] if not target or target in targets else [f"{page.name}: make {target}"]
    assert found > 100
    assert not lost, lost


def test_what_pages_say_of_the_code():
    page, rules = (ROOT / "docs/architecture.md").read_text(), (ROOT / "CONTRIBUTING.md").read_text()
    for folder_name, files in re.findall(r"^\| `([\w/]+)/` \|.*\| (.*) \|$", page, re.MULTILINE):
        lost = [name for name in re.findall(r"`([\w./]+)`", files) if not any((start / name).exists() for start in (ROOT / folder_name, ROOT))]
        assert not lost, (folder_name, lost)
    aws = {file for file, folder, included, _ in layers.includes() if included.startswith("provider/aws/") and folder.split("/")[0] == "plan"}
    assert not aws and "`plan` includes nothing of `provider/aws`" in " ".join(page.split())
    known = {included for _, folder, included, to in layers.includes() if folder.split("/")[0] == "stacks" and folder != "stacks/fetch" and to != "base" and to.startswith("provider")}
    assert known == {"provider/kind.h", "provider/provider.h", "provider/names/names.h", "provider/http/target.h", "provider/ssh/connection_settings.h"}
    files, units = sources("*.c"), [path.relative_to(ROOT / "tests/unit") for path in (ROOT / "tests/unit").rglob("test_*.c")]
    assert all((ROOT / unit.parent).is_dir() for unit in units)
    tested = sum((ROOT / unit.parent / unit.name.removeprefix("test_")).exists() for unit in units)
    assert 4.5 < len(files) / tested < 6.5 and "one file in five or six has" in " ".join(rules.split())
    texts = [path.read_text() for path in sources()]
    assert 200 < sum(len(text.splitlines()) for text in texts) / len(texts) < 300 and "about 250 lines" in " ".join(rules.split())
    texts = "".join(texts)
    assert "typedef struct {" not in texts and "no typedefs for structs" in " ".join(rules.split())


def test_a_section_of_a_header_is_the_file_that_it_names():
    """Under `/* ---- targets.c ---- */` stands what targets.c defines."""
    found, wrong = 0, []
    for header in sources("*.h"):
        heads = re.split(r"/\* ---- (.*?)(?: ----)?\s*\*/", header.read_text(), flags=re.DOTALL)
        for head, body in zip(heads[1::2], heads[2::2], strict=True):
            names = head.split(":")[0].split(", ")
            files = [header.parent / name for name in names if all(name.endswith(".c") and " " not in name for name in names)]
            code = "".join(file.read_text() for file in files)
            for name in re.findall(r"^(?!typedef)[a-z][\w ]*[ *]\**([a-z]\w+)\(", re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL) if files else "", re.MULTILINE):
                found += 1
                if not re.search(rf"^[a-z][\w ]*[ *]\**{name}\(", code, re.MULTILINE):
                    wrong.append(f"{header.relative_to(ROOT)}: {name} is not in {head}")
    assert found > 300
    assert not wrong, wrong


def test_a_word_is_the_name_of_one_static_function():
    """So that grep, backtraces and profiles tell: `run` in two files is cmd_ssh_run and cmd_tunnel_run."""
    files = {}
    for path in sources():
        for name in re.findall(r"^static (?:inline )?[\w ]*?[\w*] ?\**\b([a-z0-9]+)\(", path.read_text(), re.M):
            files.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    assert len(files) > 100
    assert not {name: sorted(where) for name, where in files.items() if len(where) > 1}


def test_what_a_header_declares_is_used_by_others():
    """What only its own file uses is static there; what nobody uses is not there."""
    users = {}
    for path in [*sources(), *(ROOT / "tests").rglob("*.[ch]")]:
        if path.suffix == ".c" or path.is_relative_to(ROOT / "tests"):
            for word in set(re.findall(r"\w+", path.read_text())):
                users.setdefault(word, set()).add(path)
    dead = []
    for header in sources("*.h"):
        code = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        names = re.findall(r"^[a-z][\w ]*[ *]\**([a-z_]\w+)\(", code, re.MULTILINE)
        dead += [f"{header.relative_to(ROOT)}: {name}" for name in names if len(users.get(name, ())) < 2 and len(re.findall(rf"\b{name}\b", code)) == 1]
    assert not dead, dead


@pytest.mark.long
def test_without_the_sandbox(tmp_path):
    build = tmp_path / "build"
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "BUILD")}
    subprocess.run(["make", "-s", "-j2", "SANDBOX=no", f"BUILD={build}", f"{build}/weir"], cwd=ROOT, env=env, check=True)
    names = subprocess.run(["nm", build / "weir"], capture_output=True, text=True, check=True).stdout
    assert "services_handle" not in names and "s3srv" not in names
    subprocess.run(["strip", "-o", tmp_path / "stripped", build / "weir"], check=True)
    # 1.8 MB are code, 0.3 MB messages, 0.2 MB tables; 0.85 MB are packed files: 0.4 MB CloudFormation's schemas, 0.14 MB specs, as much examples.
    assert (tmp_path / "stripped").stat().st_size < 3_400_000
    (tmp_path / "weir.yaml").write_text("stack: alone\nresources: {a: {type: weir.value, value: 1}}\n")

    def weir(*args):
        return subprocess.run([build / "weir", *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    assert weir("apply", "--yes").returncode == 0
    for words in ["plan", "--sandbox"], ["sandbox"], ["sandbox", "env"]:
        refused = weir(*words)
        assert refused.returncode == 3 and "built without the sandbox" in refused.stderr, refused
