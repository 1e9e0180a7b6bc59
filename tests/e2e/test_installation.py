"""The README's table "Get it": each row's commands, carried out where they are meant to be, with the files of a release."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from docker_engine import Engine
from release import HERE, VERSION, bare, release, run

pytestmark = pytest.mark.long
TABLE = re.search(r"## Get it\n(.*?)\n## ", (HERE / "README.md").read_text(), re.S)[1]
ROWS = {cells[0].strip(): re.findall(r"`(.+?)`", cells[1]) for line in re.findall(r"^\| (.*) \|$", TABLE, re.M) if (cells := line.split(" | ")) and "`" in line}
QEMU = shutil.which("qemu-aarch64-static")
needs_qemu = pytest.mark.skipif(not QEMU, reason="no qemu-user-static")
SAID = f"weir {VERSION}\n"


@pytest.fixture
def files(tmp_path):
    return shutil.copytree(release(), tmp_path / "dist")


def script(row):
    return "\n".join(ROWS[row])


def for_arm64(row):
    """With the names that files for arm64 have, and its program under qemu."""
    return script(row).replace("linux-x86_64", "linux-arm64").replace("x86_64", "aarch64").replace("\nweir", f"\n{QEMU} weir")


def debian(files, root, *packages):
    """In a fresh Debian, with the files; what it is given there gives what it said."""
    inside = bare("bookworm", root)
    if packages:
        run("chroot", root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *packages, env=inside)
    shutil.copytree(files, root / "root/dist")
    return lambda words: run("chroot", root, "sh", "-ec", f"cd /root/dist\n{words}", env=inside)


def test_any_linux(files):
    assert run("sh", "-ec", script("any Linux"), cwd=files, env={"PATH": "/usr/bin:/bin"}) == SAID


@needs_qemu
def test_any_linux_on_arm64(files):
    assert run("sh", "-ec", for_arm64("any Linux"), cwd=files, env={"PATH": "/usr/bin:/bin"}) == SAID


MACOS = "macos-arm64", "macos-x86_64"


@pytest.mark.parametrize("name", MACOS)
def test_any_mac(files, name):
    """Which is not here: what its commands unpack is looked at, not run (test_static_macos.py)."""
    unpack, say = script("any Linux").replace("linux-x86_64", name).split("\n")
    run("sh", "-ec", unpack, cwd=files)
    assert (files / say.split()[0]).read_bytes()[:4] == b"\xcf\xfa\xed\xfe" and os.access(files / say.split()[0], os.X_OK)


@pytest.mark.parametrize("name", MACOS)
def test_python_on_a_mac(files, tmp_path, name):
    """pip as it chooses for a Mac with a newer system."""
    cpu = name.removeprefix("macos-")
    there = f"{sys.executable} -m pip install -q --only-binary :all: --platform macosx_14_0_{cpu} --target {tmp_path}"
    install = script("Python 3.8 or newer").split("\n")[0].replace("linux*_x86_64", f"macos*_{cpu}")
    run("sh", "-ec", install.replace("pip install", there), cwd=files)
    assert (tmp_path / "bin/weir").read_bytes()[:4] == b"\xcf\xfa\xed\xfe"


def test_python(files, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    env = {"PATH": f"{tmp_path}/venv/bin:/usr/bin:/bin"}
    assert run("sh", "-ec", script("Python 3.8 or newer"), cwd=files, env=env).endswith(SAID)
    assert run("python", "-m", "weir_cli", "version", env=env) == SAID
    run("pip", "uninstall", "-q", "-y", "weir-cli", env=env)
    assert not (tmp_path / "venv/bin/weir").exists()
    run("pip", "install", "-q", "--target", tmp_path / "lib", next(files.glob("*linux*_x86_64.whl")), env=env)
    assert run("python", "-m", "weir_cli", "version", env={**env, "PYTHONPATH": str(tmp_path / "lib")}) == SAID


@needs_qemu
@pytest.mark.parametrize("system", ["manylinux_2_17", "musllinux_1_2"])
def test_python_on_arm64(files, tmp_path, system):
    """pip as it chooses for a machine that it is not on."""
    there = f"{sys.executable} -m pip install -q --only-binary :all: --platform {system}_aarch64 --target {tmp_path}"
    run("sh", "-ec", for_arm64("Python 3.8 or newer").replace("pip install", there).split("\n")[0], cwd=files)
    assert run(QEMU, tmp_path / "bin/weir", "version") == SAID


def test_uv(files, tmp_path):
    """Its own way of running a package's program, without installing it."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv/bin/pip", "install", "-q", "uv")
    wheel = next(files.glob("*linux*_x86_64.whl"))
    assert run(tmp_path / "venv/bin/uvx", "--offline", "--cache-dir", tmp_path / "cache", "--from", wheel, "weir", "version") == SAID


def test_debian(files, tmp_path):
    assert debian(files, tmp_path / "root")(script("Debian 12 and 13, Ubuntu 24.04")).endswith(SAID)


def test_rpm(files, tmp_path):
    """In a root that has rpm, and what such systems have of certificates as an empty package."""
    root = tmp_path / "root"
    inside = debian(files, root, "rpm")
    (root / "root/ca-certificates.spec").write_text("Name: ca-certificates\nVersion: 1\nRelease: 1\nSummary: none\nLicense: none\nBuildArch: noarch\n%description\n%files\n")
    inside("rpmbuild -bb --quiet --define '_rpmdir /root' --define '_rpmfilename ca.rpm' /root/ca-certificates.spec && rpm -i --nodeps /root/ca.rpm")
    assert inside(script("RHEL, Fedora, Amazon Linux, SUSE")).endswith(SAID)
    listed = inside("rpm -ql weir; rpm -V --nomtime weir").splitlines()
    assert "/usr/bin/weir" in listed and "/usr/share/bash-completion/completions/weir" in listed, listed
    inside("rpm -e weir")
    assert not (root / "usr/bin/weir").exists() and not (root / "usr/share/doc/weir").exists()
    if QEMU:
        install, say = for_arm64("RHEL, Fedora, Amazon Linux, SUSE").split("\n")
        inside(install.replace("rpm -i", "rpm -i --ignorearch"))
        shutil.copy(QEMU, root / "root/qemu")
        assert inside(say.replace(f"{QEMU} ", "/root/qemu /usr/bin/")) == SAID


def test_containers(files):
    if not shutil.which("skopeo"):
        pytest.skip("no skopeo")
    engine = Engine(base=False)
    try:
        # skopeo looks for the Engine at one place alone: here that is the place of this one.
        words = script("containers").replace("docker run", "docker run --network none")
        assert run("unshare", "--mount", "sh", "-ec", f"mount -t tmpfs none /run; ln -s {engine.folder}/docker.sock /run/docker.sock\n{words}", cwd=files, env={"HOME": str(engine.folder)}).endswith(SAID)
        work = files / "work"
        work.mkdir(mode=0o777)
        work.chmod(0o777)
        (work / "weir.yaml").write_text("stack: one\nresources: {a: {type: weir.value, value: 1}}\noutputs: {a: {value: '${a.value}'}}\n")
        for command in ("apply", "-y"), ("plan", "--detailed-exitcode"):
            engine.docker("run", "--rm", "--network", "none", "-v", f"{work}:/stack", f"weir:{VERSION}", *command)
        assert os.stat(work / ".weir").st_uid == 65534
    finally:
        engine.stop()
    config = run("skopeo", "inspect", "--config", f"oci-archive:{files}/weir-{VERSION}.oci.tar")
    assert '"architecture": "amd64"' in config and '"User": "65534"' in config


@needs_qemu
def test_containers_on_arm64(files, tmp_path):
    """The same archive has an image for it: what is in that, and that its program runs."""
    if not shutil.which("skopeo"):
        pytest.skip("no skopeo")
    run("skopeo", "copy", "--override-arch", "arm64", f"oci-archive:{files}/weir-{VERSION}.oci.tar", f"dir:{tmp_path}/image")
    manifest = json.loads((tmp_path / "image/manifest.json").read_text())
    blob = lambda part: tmp_path / "image" / part["digest"].removeprefix("sha256:")  # noqa: E731
    assert json.loads(blob(manifest["config"]).read_text())["architecture"] == "arm64"
    (layer,) = manifest["layers"]
    run("tar", "-xzf", blob(layer), "-C", tmp_path)
    assert run(QEMU, tmp_path / "usr/bin/weir", "version") == SAID and (tmp_path / "etc/ssl/certs/ca-certificates.crt").stat().st_size


def test_the_source(tmp_path):
    run("git", "clone", "-q", HERE, tmp_path / "weir")
    home = tmp_path / "home"
    home.mkdir()
    assert "Nothing is left" in run("sh", "-ec", script("its source"), cwd=tmp_path / "weir", env={"HOME": str(home), "MAKEFLAGS": "", "DEV": ""})
    assert run(Path(home, ".local/bin/weir"), "version") == SAID


def test_no_row_is_left():
    assert {*re.findall(r'script\("(.+?)"\)', Path(__file__).read_text())} == {*ROWS} and all(len(commands) == 2 for commands in ROWS.values())
