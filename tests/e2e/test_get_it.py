"""The README's table "Get it": each row's commands, carried out where they are meant to be, with the files of a release."""

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
SAID = f"weir {VERSION}\n"


@pytest.fixture
def files(tmp_path):
    return shutil.copytree(release(), tmp_path / "dist")


def script(row):
    return "\n".join(ROWS[row])


def debian(files, root, *packages):
    """In a fresh Debian, with the files; what it is given there gives what it said."""
    inside = bare("bookworm", root)
    if packages:
        run("chroot", root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *packages, env=inside)
    shutil.copytree(files, root / "root/dist")
    return lambda words: run("chroot", root, "sh", "-ec", f"cd /root/dist\n{words}", env=inside)


def test_any_linux(files):
    assert run("sh", "-ec", script("any Linux"), cwd=files, env={"PATH": "/usr/bin:/bin"}) == SAID


def test_python(files, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    env = {"PATH": f"{tmp_path}/venv/bin:/usr/bin:/bin"}
    assert run("sh", "-ec", script("Python 3.8 or newer"), cwd=files, env=env).endswith(SAID)
    assert run("python", "-m", "weir_cli", "version", env=env) == SAID
    run("pip", "uninstall", "-q", "-y", "weir-cli", env=env)
    assert not (tmp_path / "venv/bin/weir").exists()
    run("pip", "install", "-q", "--target", tmp_path / "lib", next(files.glob("*_x86_64.whl")), env=env)
    assert run("python", "-m", "weir_cli", "version", env={**env, "PYTHONPATH": str(tmp_path / "lib")}) == SAID


def test_uv(files, tmp_path):
    """Its own way of running a package's program, without installing it."""
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(tmp_path / "venv/bin/pip", "install", "-q", "uv")
    wheel = next(files.glob("*_x86_64.whl"))
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


def test_the_source(tmp_path):
    run("git", "clone", "-q", HERE, tmp_path / "weir")
    home = tmp_path / "home"
    home.mkdir()
    assert "Nothing is left" in run("sh", "-ec", script("its source"), cwd=tmp_path / "weir", env={"HOME": str(home), "MAKEFLAGS": "", "DEV": ""})
    assert run(Path(home, ".local/bin/weir"), "version") == SAID


def test_no_row_is_left():
    assert sorted(re.findall(r'script\("(.+?)"\)', Path(__file__).read_text())) == sorted(ROWS) and all(len(commands) == 2 for commands in ROWS.values())
