"""The rooms of docs/architecture.md: which may use which, and a program without the sandbox."""

import os
import re
import subprocess
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


def includes():
    for room in MAY_USE:
        for path in sorted((ROOT / room).rglob("*.[ch]")):
            for included in re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE):
                if included.split("/")[0] in MAY_USE:
                    yield room, path.relative_to(ROOT), included


def test_arrows_point_one_way():
    found = list(includes())
    assert {room for room, _, _ in found} == set(MAY_USE), "a room without an include: are these still the rooms?"
    wrong = [f"{path} includes {name}" for room, path, name in found if (used := name.split("/")[0]) != room and used not in MAY_USE[room]]
    assert not wrong, wrong


def test_the_sandbox_has_one_door():
    used = {name for room, _, name in includes() if room == "cmd" and name.startswith("sandbox/")}
    assert used == {"sandbox/sandbox.h"}


def test_every_room_is_on_the_page():
    page = (ROOT / "docs/architecture.md").read_text()
    rooms = {str(path.parent.relative_to(ROOT)) for room in MAY_USE for path in (ROOT / room).rglob("*.c")}
    missing = [room for room in sorted(rooms) if f"`{room}/`" not in page]
    assert not missing, missing


@pytest.mark.long
def test_without_the_sandbox(tmp_path):
    build = tmp_path / "build"
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "BUILD")}
    subprocess.run(["make", "-s", "-j2", "SANDBOX=no", f"BUILD={build}", f"{build}/weir"], cwd=ROOT, env=env, check=True)
    names = subprocess.run(["nm", build / "weir"], capture_output=True, text=True, check=True).stdout
    assert "services_handle" not in names and "s3srv" not in names
    (tmp_path / "weir.yaml").write_text("stack: alone\nresources: {a: {type: weir.value, value: 1}}\n")

    def weir(*args):
        return subprocess.run([build / "weir", *args], cwd=tmp_path, env=env, capture_output=True, text=True)

    assert weir("apply", "--yes").returncode == 0
    for words in ["plan", "--sandbox"], ["sandbox"], ["sandbox", "env"]:
        refused = weir(*words)
        assert refused.returncode == 3 and "built without the sandbox" in refused.stderr, refused
