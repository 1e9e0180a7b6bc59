"""weir.artifact: what is remembered between runs is only a shortcut. Stale, damaged, shared or not to be written, it changes nothing."""

import os
import subprocess
import zipfile

import pytest

from support import traceable, until
from test_artifact import artifact, body, keys, offline, packed_file, shas, write


def settle(folder):
    """As if the files had been there for long: only then is a file's hash remembered."""
    for path in folder.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    newest = max(path.stat().st_ctime for path in folder.rglob("*"))
    probe = folder.parent / "probe"
    until(lambda: probe.write_text("") or probe.stat().st_mtime > newest + 0.05)


def test_unchanged_files_are_not_read_again(tmp_path):
    stack = offline(tmp_path, "source: src", {f"src/{i}.txt": str(i) for i in range(50)})
    settle(stack.folder / "src")
    first = shas(stack)

    def opened():
        trace = subprocess.run(["strace", "-f", "-e", "trace=openat", *stack.command("plan")], cwd=stack.folder, env=stack.env, capture_output=True, text=True)
        return [line for line in trace.stderr.splitlines() if "src/" in line and ".txt" in line]

    assert shas(stack) == first
    stamp = packed_file(stack).stat().st_mtime_ns
    if traceable():
        assert opened() == []
    assert packed_file(stack).stat().st_mtime_ns == stamp
    # the same size and time, other content: the change of the inode shows
    target = stack.folder / "src/7.txt"
    target.write_text("x")
    os.utime(target, (1_000_000_000, 1_000_000_000))
    assert shas(stack) != first


@pytest.mark.parametrize("damage", [lambda b: b[:-1] + b"x", lambda b: b[:-1], lambda b: b""])
def test_damaged_package_is_packed_again(cloud, stack, damage):
    """A power cut after it was written, say."""
    stack.write(artifact("source: src"))
    write(stack.folder, {"src/main.py": "print(1)\n" * 100})
    stack.run("plan")
    packed = packed_file(stack)
    whole = packed.read_bytes()
    packed.write_bytes(damage(whole))
    stack.apply()
    stack.assert_settled()
    (key,) = keys(cloud)
    assert body(cloud, key) == whole
    stack.destroy()


def test_what_a_killed_run_has_left_goes(tmp_path):
    """Half a package, or half of what pip installs; but not what somebody may be at work on."""
    stack = offline(tmp_path, "source: src", {"src/a": "1"})
    shas(stack)
    folder, own = stack.folder / ".weir/artifacts", packed_file(stack).name.split("-")[0]
    write(folder, {f"{own}-new.17.17.abcdef": "half", f"{own}-python-0123.abcdef/tiny/x.py": "half", f"{own}-new.18.18.abcdef": "at work", "fedcba9876543210-new.17": "another's"})
    long_ago = ["-new.17.17.abcdef", "-python-0123.abcdef"]
    for name in long_ago:
        os.utime(folder / f"{own}{name}", (1_000_000_000, 1_000_000_000))
    os.utime(folder / "fedcba9876543210-new.17", (1_000_000_000, 1_000_000_000))
    shas(stack)  # nothing is packed: nothing is looked for
    assert (folder / f"{own}-new.17.17.abcdef").exists()
    write(stack.folder, {"src/a": "2"})
    shas(stack)
    left = {path.name.removeprefix(own) for path in folder.iterdir() if path.suffix != ".cache"}
    assert len(left) == 3 and left > {"-new.18.18.abcdef", "fedcba9876543210-new.17"}, left


@pytest.mark.parametrize("damage", [b"", b"weir artifact 1\nbuilt\npackage\n", b"\x00" * 1000, b"weir artifact 1\npackage x y z\nvendored ../..\n"])
def test_damaged_notes_count_as_none(tmp_path, damage):
    stack = offline(tmp_path, "source: src", {"src/a": "1"})
    first = shas(stack)
    (notes,) = (stack.folder / ".weir/artifacts").glob("*.cache")
    notes.write_bytes(damage)
    assert shas(stack) == first
    packed_file(stack).unlink()
    assert shas(stack) == first


def test_hashes_that_are_not_those_of_the_files(tmp_path):
    """Another file with the same size, time and name in the place of one whose hash is remembered."""
    stack = offline(tmp_path, "source: src", {f"src/{i}": str(i) for i in range(5)})
    settle(stack.folder / "src")
    first = shas(stack)
    (stack.folder / "src/3").rename(tmp_path / "was")
    write(stack.folder, {"src/3": "x"})
    os.utime(stack.folder / "src/3", (1_000_000_000, 1_000_000_000))
    assert shas(stack) != first
    (tmp_path / "was").replace(stack.folder / "src/3")
    assert shas(stack) == first


def test_changes_in_the_same_moment(tmp_path):
    """As fast as plans can be made: none takes a file for what it was a moment ago."""
    stack = offline(tmp_path, "source: src", {"src/a": "0"})
    for i in range(30):
        write(stack.folder, {"src/a": str(i % 10)})
        shas(stack)
        with open(stack.folder / "src/a", "r+") as same:  # the same inode and size, perhaps the same time
            same.write(str((i + 1) % 10))
        shas(stack)
        with zipfile.ZipFile(packed_file(stack)) as packed:
            assert packed.read("a").decode() == str((i + 1) % 10)


def test_many_weirs_at_once(tmp_path):
    """In one folder, while the sources are there for the first time and while they change."""
    stack = offline(tmp_path, "for_each: [a, b], source: 'src/${each.key}'", {f"src/{name}/{i}": f"{name}{i}" for name in "ab" for i in range(200)})
    found = []
    for more in ("", "x"):
        write(stack.folder, {"src/a/more": more})
        plans = [stack.start("plan", "--json") for _ in range(6)]
        said = {plan.communicate()[0] for plan in plans}
        assert all(plan.returncode == 0 for plan in plans) and len(said) == 1, said
        found.append(said.pop())
    assert found[0] != found[1]
    # whatever they have left is what another process finds
    assert stack.run("plan", "--json").out == found[1]
    for path in (stack.folder / ".weir/artifacts").glob("*-*"):
        assert zipfile.ZipFile(path).testzip() is None


def read_only(stack, *args):
    """weir with a .weir that cannot be written, root or not."""
    folder = stack.folder / ".weir"
    folder.mkdir(exist_ok=True)
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    if subprocess.run(["unshare", "-rm", "sh", "-c", script, folder, "true"], capture_output=True).returncode:
        pytest.skip("no mounts here")
    return subprocess.run(["unshare", "-rm", "sh", "-c", script, folder, *stack.command(*args)], cwd=stack.folder, env=stack.env, capture_output=True, text=True)


def test_folder_that_cannot_be_written(tmp_path):
    """A checkout that is mounted so: what needs no room is done, what does says so."""
    stack = offline(tmp_path, "source: main.py", {"main.py": "print(1)\n", "src/a": "1"})
    planned = read_only(stack, "plan")
    assert planned.returncode == 0 and "+ create  code" in planned.stdout, planned
    assert list((stack.folder / ".weir").iterdir()) == []
    stack.write((stack.folder / "weir.yaml").read_text().replace("source: main.py", "source: src"))
    refused = read_only(stack, "plan")
    assert refused.returncode == 1 and "packing" in refused.stderr and "Read-only file system" in refused.stderr, refused
    first = shas(stack)
    again = read_only(stack, "plan", "--json")  # packed before
    assert again.returncode == 0 and first["code"] in again.stdout, again
