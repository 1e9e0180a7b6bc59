"""weir.artifact: the packages are what they say, to programs that others wrote, and the same on any machine."""

import base64
import contextlib
import csv
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from support import SANITIZED
from test_artifact import offline, packed_file, shas, write

FORMATS = ["zip", "tar.gz", "wheel"]


def files_below(folder):
    """What lies there: {name: (content, executable)}."""
    return {str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100)) for path in folder.rglob("*") if path.is_file()}


def make_source(folder):
    """Files of all kinds, from a seed."""
    dice = random.Random(7)
    sizes = [0, 1, 511, 512, 513, 65535, 65536, 65537, 300_000]
    names = ["main.py", "empty", "a/b/c/d/e.txt", "with space.txt", "ü/€ uro.txt", "日本語.py", "quote'\"s.txt", "comma,.txt", "-dash", "x" * 200 + ".long", "a.tar.gz",
             "deep/" * 20 + "x", f"{'deeper/' * 50}{'y' * 250}", "MAIN.py", "Main.py", ".hidden", "line\nbreak.txt", "back\\slash"]
    for i, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = sizes[i % len(sizes)]
        path.write_bytes(dice.randbytes(size) if i % 2 else bytes(size))
        path.chmod(0o755 if i % 3 == 0 else 0o640)


@pytest.mark.parametrize("package", FORMATS)
@pytest.mark.parametrize("compress", ["true", "false"])
def test_same_bytes_on_any_machine(tmp_path, package, compress):
    """Whatever folder, user's umask, time zone, locale, order on the disk, and times of the files."""
    files = {"src/main.py": "print(1)\n", "src/a/b.txt": "b", "src/ü/€.txt": "euro", "src/run.sh": "#!/bin/sh\n"}
    found = set()
    for name, zone, mask, order in (("one", "UTC", 0o022, 1), ("a/longer/way", "Asia/Tokyo", 0o077, -1)):
        before = os.umask(mask)
        stack = offline(tmp_path, f"source: src, name: tool, package: {package}, compress: {compress}", dict(list(files.items())[::order]), name)
        os.umask(before)
        (stack.folder / "src/run.sh").chmod(0o700 if order == 1 else 0o755)
        for i, path in enumerate(sorted(stack.folder.rglob("src/**/*"))):
            os.utime(path, (1_000_000_000 + i * order, 1_000_000_000 + i * order))
        stack.env |= {"TZ": zone, "LC_ALL": "C" if order == 1 else "C.UTF-8"}
        found.add((shas(stack)["code"], packed_file(stack).read_bytes()))
    assert len(found) == 1
    sha, packed = found.pop()
    assert hashlib.sha256(packed).hexdigest() == sha


@pytest.mark.parametrize("package", FORMATS)
def test_same_bytes_for_any_user_and_file_system(tmp_path, package):
    """Whose the files are, how they lie on the disk and what is noted of them there."""
    first, second = (offline(tmp_path, f"source: src, name: tool, package: {package}", {"src/a": "1" * 5000}, name) for name in ("first", "second"))
    write(first.folder, {"src/same": "1" * 5000, "src/run": "#!/bin/sh\n", "src/zeros": "\0" * 1_000_000, "src/plain": ""})
    (first.folder / "src/run").chmod(0o755)
    write(second.folder, {"src/run": "#!/bin/sh\n", "src/plain": ""})
    (second.folder / "src/same").hardlink_to(second.folder / "src/a")
    os.truncate(os.open(second.folder / "src/zeros", os.O_CREAT | os.O_WRONLY, 0o600), 1_000_000)
    assert (second.folder / "src/zeros").stat().st_blocks * 512 < 1_000_000 <= (first.folder / "src/zeros").stat().st_blocks * 512
    if os.geteuid() == 0:
        os.chown(second.folder / "src/run", 4711, 4712)
    (second.folder / "src/run").chmod(0o7755)  # set-user-ID, set-group-ID, sticky
    (second.folder / "src/plain").chmod(0o3466)
    with contextlib.suppress(OSError):
        os.setxattr(second.folder / "src/a", "user.note", b"x")
    found = shas(first)
    # who belongs to nobody here is neither root nor the owner of anything, as far as it can see
    nobody = ["unshare", "-U"] if not subprocess.run(["unshare", "-U", "true"], capture_output=True).returncode else []
    planned = subprocess.run([*nobody, *second.command("plan")], cwd=second.folder, env=second.env, capture_output=True, text=True)
    assert planned.returncode == 0, planned
    assert packed_file(first).read_bytes() == packed_file(second).read_bytes()
    assert shas(second) == found


@pytest.mark.long
@pytest.mark.parametrize("package", ["zip", "tar.gz"])
def test_more_files_than_a_plain_zip_can_count(tmp_path, package):
    stack = offline(tmp_path, f"source: src, package: {package}")
    wanted = {f"{folder}/{name}": str(name).encode() for folder in range(66) for name in range(1000)}
    write(stack.folder, {f"src/{name}": content.decode() for name, content in wanted.items()})
    shas(stack)
    if package == "zip":
        with zipfile.ZipFile(packed_file(stack)) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == wanted
        if shutil.which("unzip"):
            subprocess.run(["unzip", "-tq", packed_file(stack)], check=True, capture_output=True)
    else:
        listed = subprocess.run(["tar", "tzf", packed_file(stack)], check=True, capture_output=True, text=True).stdout.splitlines()
        assert sorted(listed) == sorted(wanted)


@pytest.mark.long
@pytest.mark.parametrize("compress", ["true", "false"])
def test_file_larger_than_a_plain_zip_can_say(tmp_path, compress):
    """Over 4 GiB, in bounded memory; what comes behind it is found, too."""
    stack = offline(tmp_path, f"source: src, compress: {compress}", {"src/z": "behind\n"})
    with open(stack.folder / "src/big", "wb") as big:
        big.truncate((4 << 30) + 1)
        big.seek(0, os.SEEK_END)
        big.write(b"the end")
    limit = "" if SANITIZED else "ulimit -d 100000; "
    subprocess.run(["sh", "-c", limit + 'exec "$@"', "sh", *stack.command("plan")], cwd=stack.folder, env=stack.env, check=True, capture_output=True)
    with zipfile.ZipFile(packed_file(stack)) as archive:
        assert archive.read("z") == b"behind\n" and archive.getinfo("big").file_size == (4 << 30) + 8
    if shutil.which("unzip"):
        end = subprocess.run(["sh", "-c", '"$@" | tail -c 7', "sh", "unzip", "-p", packed_file(stack), "big"], check=True, capture_output=True).stdout
        assert end == b"the end"


@pytest.mark.parametrize("compress", ["true", "false"])
def test_zip_is_read_by_others(tmp_path, compress):
    stack = offline(tmp_path, f"source: src, compress: {compress}")
    make_source(stack.folder / "src")
    shas(stack)
    packed, wanted = packed_file(stack), files_below(stack.folder / "src")
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None and sorted(archive.namelist()) == sorted(wanted) and archive.namelist() == sorted(archive.namelist(), key=os.fsencode)
        for info in archive.infolist():
            assert (archive.read(info), bool(info.external_attr >> 16 & 0o100)) == wanted[info.filename]
            assert info.date_time == (1980, 1, 1, 0, 0, 0) and info.external_attr >> 16 in (0o100644, 0o100755) and info.create_system == 3
            assert info.compress_type == (zipfile.ZIP_DEFLATED if compress == "true" and info.file_size else zipfile.ZIP_STORED) or not info.file_size
    if shutil.which("unzip"):
        out = tmp_path / "out"
        wanted["linebreak.txt"] = wanted.pop("line\nbreak.txt")  # unzip leaves such characters out
        unzipped = subprocess.run(["unzip", "-q", packed, "-d", out], capture_output=True, text=True, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]})
        assert unzipped.returncode == 0, unzipped
        assert files_below(out) == wanted


@pytest.mark.parametrize("compress", ["true", "false"])
def test_tar_is_read_by_others(tmp_path, compress):
    stack = offline(tmp_path, f"source: src, package: tar.gz, compress: {compress}")
    make_source(stack.folder / "src")
    shas(stack)
    packed, wanted = packed_file(stack), files_below(stack.folder / "src")
    with tarfile.open(packed) as archive:
        members = archive.getmembers()
        assert {member.name: (archive.extractfile(member).read(), bool(member.mode & 0o100)) for member in members} == wanted
        assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, 0, "", "")}
        assert {member.mode for member in members} == {0o644, 0o755}
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "xzf", packed, "-C", out], check=True)
    assert files_below(out) == wanted
    assert packed.read_bytes()[4:8] == bytes(4)  # gzip's own time


def installed(tmp_path, stack):
    """What pip makes of the wheel, where it is found under the name that its key gives it."""
    (event,) = [event for event in stack.run("plan", "--json").events() if event["event"] == "change"]
    key = {attribute["name"]: attribute["after"] for attribute in event["attrs"]}["key"]
    wheel = tmp_path / key.rsplit("/", 1)[1]
    shutil.copy(packed_file(stack), wheel)
    target = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-index", "--disable-pip-version-check", "--target", target, wheel], check=True)
    return wheel, target


@pytest.mark.full
def test_wheel_is_installed_by_pip(tmp_path):
    stack = offline(tmp_path, "source: src, package: wheel, name: tool, version: '1.5'")
    make_source(stack.folder / "src/tool/data")
    (stack.folder / "src/tool/data/line\nbreak.txt").unlink()  # pip's own limit
    (stack.folder / "src/tool/data/back\\slash").unlink()
    write(stack.folder, {"src/tool/__init__.py": "X = 7\n"})
    wheel, target = installed(tmp_path, stack)
    assert wheel.name == "tool-1.5-py3-none-any.whl"
    assert {name: content for name, (content, _) in files_below(target / "tool").items() if "__pycache__" not in name} == {
        name: content for name, (content, _) in files_below(stack.folder / "src/tool").items()}
    said = subprocess.run([sys.executable, "-c", "import tool, importlib.metadata as m; print(tool.X, m.version('tool'))"], env={"PYTHONPATH": str(target)}, capture_output=True, text=True)
    assert said.stdout == "7 1.5\n", said
    with zipfile.ZipFile(wheel) as archive:  # RECORD is right about every file
        rows = list(csv.reader(io.StringIO(archive.read("tool-1.5.dist-info/RECORD").decode())))
        assert sorted(row[0] for row in rows) == sorted(archive.namelist())
        for name, digest, size in rows:
            if not name.endswith("/RECORD"):
                content = archive.read(name)
                assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=") and int(size) == len(content)


def test_prefix_as_a_layer_wants_it(tmp_path):
    stack = offline(tmp_path, "source: src, prefix: python/lib", {"src/a.py": "1"})
    shas(stack)
    assert zipfile.ZipFile(packed_file(stack)).namelist() == ["python/lib/a.py"]


def test_file_as_it_is(tmp_path):
    stack = offline(tmp_path, "source: a.py", {"a.py": "print(1)\n"})
    assert shas(stack)["code"] == hashlib.sha256(b"print(1)\n").hexdigest()
    assert not (stack.folder / ".weir/artifacts").exists()


@pytest.mark.parametrize("source", [".", "..", "./"])
def test_name_of_the_stacks_own_folder(tmp_path, source):
    """What the folder is called is this machine's business."""
    stack = offline(tmp_path / "home", f"source: {source}, exclude: [weir.yaml]", {"a.py": "1"})
    (event,) = [event for event in stack.run("plan", "--json").events() if event["event"] == "change"]
    key = {attribute["name"]: attribute["after"] for attribute in event["attrs"]}["key"]
    assert key.startswith("x/art-") and key.endswith(".zip"), key
