"""A release: the same bytes twice, a .deb that comes and goes on fresh systems, an image, a list of what is in it, a signature."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from docker_engine import Engine

HERE = Path(__file__).resolve().parents[2]
# Distributions and where their packages are; with the oldest debootstrap's name for how such a system is laid.
SYSTEMS = {"bookworm": ("http://deb.debian.org/debian", "sid"), "trixie": ("http://deb.debian.org/debian", "sid"), "noble": ("http://archive.ubuntu.com/ubuntu", "gutsy")}

pytestmark = pytest.mark.long


def run(*words, cwd=None, env=None, status=0):
    done = subprocess.run([*map(str, words)], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert status is None or done.returncode == status, (words, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def released(folder, umask, env=None):
    """`make dist` in a clone of the last commit."""
    run("git", "clone", "-q", HERE, folder)
    run("sh", "-c", f"umask {umask}; make dist", cwd=folder, env=env)
    return folder / "dist"


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if "SHA256SUMS." not in path.name}


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    if not shutil.which("dpkg-buildpackage"):
        pytest.skip("no dpkg-dev")
    folder = tmp_path_factory.mktemp("release")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    return released(folder / "clone", "022", {"WEIR_SIGN_KEY": str(folder / "key")})


def test_the_same_bytes_twice(dist, tmp_path):
    """The second time elsewhere, under other settings, and signed by minisign."""
    run("minisign", "-G", "-W", "-p", tmp_path / "public", "-s", tmp_path / "secret")
    again = released(tmp_path / "somewhere" / "else entirely", "077", {"TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "WEIR_SIGN_KEY": str(tmp_path / "secret")})
    assert hashes(again) == hashes(dist) and len(hashes(dist)) == 5
    run("sha256sum", "-c", "SHA256SUMS", cwd=dist)
    run("minisign", "-V", "-p", tmp_path / "public", "-m", "SHA256SUMS", cwd=again)
    (again / "SHA256SUMS").write_text((again / "SHA256SUMS").read_text().replace("weir", "ewir"))
    run("minisign", "-V", "-p", tmp_path / "public", "-m", "SHA256SUMS", cwd=again, status=1)


def test_the_source_builds(dist, tmp_path):
    with tarfile.open(dist / "weir-0.1.0.tar.gz") as archive:
        assert {member.uid for member in archive} == {0}
        archive.extractall(tmp_path, filter="data")
    tracked = set(run("git", "ls-files", cwd=dist.parent).split("\n")) - {""}
    assert {str(path.relative_to(tmp_path / "weir-0.1.0")) for path in tmp_path.rglob("*") if path.is_file()} == tracked
    run("make", "-s", "-j2", cwd=tmp_path / "weir-0.1.0")
    assert run(tmp_path / "weir-0.1.0/build/weir", "version") == "weir 0.1.0\n"


def test_the_signature(dist):
    public = (dist.parents[1] / "key.pub").read_text().split()
    signers = dist.parents[1] / "signers"
    signers.write_text(f"releases {public[0]} {public[1]}\n")
    check = f"ssh-keygen -Y verify -f {signers} -I releases -n weir -s SHA256SUMS.sig < "
    run("sh", "-c", check + "SHA256SUMS", cwd=dist)
    run("sh", "-c", f"sed s/weir/ewir/ SHA256SUMS > {signers}.other; {check}{signers}.other", cwd=dist, status=255)


def test_what_is_in_it(dist, tmp_path):
    with tarfile.open(dist / "weir-0.1.0-linux-x86_64.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    path = dist / "weir-0.1.0-linux-x86_64.cdx.json"
    listed = json.loads(path.read_text())
    by_soname = {entry["value"]: part for part in listed["components"] for entry in part.get("properties", [])}
    program = next(tmp_path.glob("*/bin/weir"))
    linked = {line.split()[1] for line in run("objdump", "-p", program).splitlines() if "NEEDED" in line}
    assert linked == {name for name, part in by_soname.items() if part["scope"] == "required"}
    assert {"libcurl.so.4", "libpq.so.5", "libssh.so.4"} <= set(by_soname) - linked
    for part in listed["components"]:
        if part["type"] == "library":
            package, version = part["bom-ref"].split("@")
            assert run("dpkg-query", "-W", "-f", "${Version}", package) == version
    assert listed["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(program.read_bytes()).hexdigest()
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv/bin/pip", "install", "-q", "cyclonedx-python-lib[json-validation]==11.6.0")
    check = """import sys; from cyclonedx.schema import SchemaVersion; from cyclonedx.validation.json import JsonStrictValidator
print(JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read()))"""
    assert run(tmp_path / "venv/bin/python", "-c", check, path) == "None\n"


def test_lintian_finds_nothing(dist):
    if not shutil.which("lintian"):
        pytest.skip("no lintian")
    run("lintian", "--fail-on", "error,warning", next(dist.glob("*.deb")))


def system(name):
    """A fresh system of that name, as a folder to chroot into."""
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("no debootstrap, or not root")
    kept = HERE / ".cache/systems" / name
    if not (kept / "var/log/bootstrap.log").exists() or not (kept / "usr/bin/apt-get").exists():
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        mirror, script = SYSTEMS[name]
        keyring = [] if name != "noble" or Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg").exists() else ["--no-check-gpg"]
        laid = subprocess.run(["debootstrap", "--variant=minbase", *keyring, *(["--components=main,universe"] if name == "noble" else []), name, kept, mirror, f"/usr/share/debootstrap/scripts/{script}"], capture_output=True, text=True)
        if laid.returncode:
            shutil.rmtree(kept, ignore_errors=True)
            pytest.skip(f"no packages of {name}: {laid.stdout[-200:]}")
        shutil.copy("/etc/resolv.conf", kept / "etc/resolv.conf")
    return kept


def files(root):
    skipped = ("proc", "sys", "dev", "tmp", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/log")
    return {str(path.relative_to(root)) for path in root.rglob("*") if not str(path.relative_to(root)).startswith(skipped)}


def bare(name, root):
    """A fresh system at that place, and what is set within."""
    run("cp", "-a", system(name), root)
    inside = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
    run("chroot", root, "apt-get", "update", "-q", env=inside)
    return inside


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_first_command_where_nothing_is(tmp_path, name):
    """The README's first: with make alone it installs what it needs, and shows the whole round."""
    root = tmp_path / "root"
    inside = bare(name, root)
    run("chroot", root, "apt-get", "install", "-y", "-q", "--no-install-recommends", "make", env=inside)
    run("git", "clone", "-q", HERE, root / "root/weir")
    theirs = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}  # no settings of a build here
    done = subprocess.run(["chroot", root, "make", "-C", "/root/weir", "demo"], env={**theirs, **inside}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and "Nothing is left" in done.stdout, (done.stdout[-2000:], done.stderr[-2000:])
    assert "warning" not in done.stderr and "not found" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", SYSTEMS)
def test_comes_and_goes(dist, tmp_path, name):
    root = tmp_path / "root"
    inside = {**bare(name, root), "WEIR_INPUT_TABLES": "false"}
    package = next(dist.glob("*.deb"))
    needs = run("dpkg-deb", "-f", package, "Depends", "Recommends").replace("Depends: ", "").replace("Recommends: ", "").replace("\n", ", ")
    names = [part.split()[0] for part in needs.split(",") if part.strip()]
    run("chroot", root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *names, env=inside)
    before = files(root)
    shutil.copy(package, root / "tmp" / package.name)
    run("chroot", root, "apt-get", "install", "-y", "-q", f"/tmp/{package.name}", env=inside)
    assert run("chroot", root, "weir", "version", env=inside) == "weir 0.1.0\n"
    round_trip = "mkdir /tmp/try && cd /tmp/try && weir init film-lake && weir apply --sandbox -y && weir plan --sandbox --detailed-exitcode && weir destroy --sandbox -y"
    run("chroot", root, "sh", "-ec", round_trip, env=inside)
    new = files(root) - before
    assert "usr/bin/weir" in new and "usr/share/bash-completion/completions/weir" in new
    run("chroot", root, "apt-get", "purge", "-y", "-q", "weir", env=inside)
    assert {name for name in files(root) - before if not name.startswith("root")} == set()


def test_an_image(dist):
    """Its recipe is carried out on a real Engine, upon a system made here in the place of one from a registry."""
    engine = Engine(base=False)
    try:
        run("sh", "-c", f"tar -C {system('bookworm')} -c . | docker -H {engine.host} import - weir-test/debian:12")
        engine.docker("build", "--network", "host", "--build-arg", "BASE=weir-test/debian:12", "-t", "weir-test/weir", "-f", HERE / "packaging/Containerfile", dist)
        assert engine.docker("run", "--rm", "weir-test/weir", "version") == "weir 0.1.0\n"
        with_sandbox = engine.docker("run", "--rm", "--entrypoint", "sh", "weir-test/weir", "-c", "id -u; cd /tmp && weir init film-lake > /dev/null && weir validate")
        assert with_sandbox.startswith("65534\n")
    finally:
        engine.stop()
