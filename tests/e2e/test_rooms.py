"""The rooms of docs/architecture.md: which may use which, and a program without the sandbox."""

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
import rooms  # noqa: E402


def test_arrows_point_one_way():
    found = [(file, included, file.split("/")[0], included.split("/")[0]) for file, _, included, _ in rooms.includes()]
    assert {top for _, _, top, _ in found} | {"base"} == set(MAY_USE), "a room without an include: are these still the rooms?"
    wrong = [f"{file} includes {included}" for file, included, top, used in found if used != top and used not in MAY_USE[top]]
    assert not wrong, wrong


def test_every_room_has_a_place_and_includes_lower_ones_only():
    missing = [room for room in rooms.rooms() if not rooms.place(room)]
    assert not missing, f"give them a place in tools/rooms.py: {missing}"
    wrong = [f"{file} includes {included}" for file, room, included, to in rooms.includes() if rooms.place(to)[0] <= rooms.place(room)[0]]
    assert not wrong, f"arrows that do not point down: {wrong}"


def test_the_picture_has_every_arrow():
    """What is allowed is what docs/rooms.svg shows: another arrow is to be seen there first (make docs)."""
    arrows = {}
    for room, to in re.findall(r"<title>([\w/]+) -&gt; ([\w/]+)</title>", (ROOT / "docs/rooms.svg").read_text()):
        arrows.setdefault(room, set()).add(to)
    assert arrows == {room: set(to) for room, to in rooms.drawn().items() if to}
    new = [f"{file} includes {included}" for file, room, included, to in rooms.includes() if to not in rooms.beyond(arrows, room)]
    assert not new, new


def test_an_upward_arrow_is_found(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "plan").mkdir()
    (tmp_path / "base/a.c").write_text('#include "plan/b.h"\n#include <stdio.h>\n#include "base/a.h"\n')
    (tmp_path / "plan/b.h").write_text("")
    assert list(rooms.includes(tmp_path)) == [("base/a.c", "base", "plan/b.h", "plan")]
    assert rooms.place("plan")[0] < rooms.place("base")[0] and rooms.place("plan/cellar") is None


def test_the_sandbox_has_one_door():
    used = {name for _, room, name, _ in rooms.includes() if room == "cmd" and name.startswith("sandbox/")}
    assert used == {"sandbox/sandbox.h"}


def test_every_room_is_on_the_page():
    page = (ROOT / "docs/architecture.md").read_text()
    missing = [room for room in rooms.rooms() if f"`{room}/`" not in page]
    assert not missing, missing


def test_every_file_says_what_it_is_for():
    silent = [path.relative_to(ROOT).as_posix() for top in rooms.TOP for path in (ROOT / top).rglob("*.[ch]") if not path.read_text().startswith("/*")]
    assert not silent, f"an opening comment of one to three lines: {silent}"


def test_a_word_is_the_name_of_one_static_function():
    """So that grep, backtraces and profiles tell: `run` in two files is cmd_ssh_run and cmd_tunnel_run."""
    files = {}
    for top in rooms.TOP:
        for path in (ROOT / top).rglob("*.[ch]"):
            for name in re.findall(r"^static (?:inline )?[\w ]*?[\w*] ?\**\b([a-z0-9]+)\(", path.read_text(), re.M):
                files.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    assert len(files) > 100
    assert not {name: sorted(where) for name, where in files.items() if len(where) > 1}


def test_what_a_header_declares_is_used_by_others():
    """What only its own file uses is static there; what nobody uses is not there."""
    users = {}
    for path in (path for top in (*rooms.TOP, "tests") for path in (ROOT / top).rglob("*.[ch]")):
        if path.suffix == ".c" or path.is_relative_to(ROOT / "tests"):
            for word in set(re.findall(r"\w+", path.read_text())):
                users.setdefault(word, set()).add(path)
    dead = []
    for header in (path for top in rooms.TOP for path in (ROOT / top).rglob("*.h")):
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
    assert (tmp_path / "stripped").stat().st_size < 2_500_000
    (tmp_path / "weir.yaml").write_text("stack: alone\nresources: {a: {type: weir.value, value: 1}}\n")

    def weir(*args):
        return subprocess.run([build / "weir", *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    assert weir("apply", "--yes").returncode == 0
    for words in ["plan", "--sandbox"], ["sandbox"], ["sandbox", "env"]:
        refused = weir(*words)
        assert refused.returncode == 3 and "built without the sandbox" in refused.stderr, refused
