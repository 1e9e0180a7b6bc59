"""A release of the last commit, and systems to install it on."""

import contextlib
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2]
VERSION = "0.1.0"
# Machines with their names in archives, and in wheels.
LINUX = {"x86_64": "linux-x86_64", "aarch64": "linux-arm64"}
MACHINES = LINUX | {"x86_64-macos": "macos-x86_64", "aarch64-macos": "macos-arm64"}
WHEELS = {machine: f"manylinux_2_17_{machine}.musllinux_1_2_{machine}" for machine in LINUX} | {"x86_64-macos": "macosx_11_0_x86_64", "aarch64-macos": "macosx_11_0_arm64"}
# Distributions and where their packages are; with the oldest debootstrap's name for how such a system is laid.
SYSTEMS = {"bookworm": ("http://deb.debian.org/debian", "sid"), "trixie": ("http://deb.debian.org/debian", "sid"), "noble": ("http://archive.ubuntu.com/ubuntu", "gutsy")}


def run(*words, cwd=None, env=None, status=0):
    done = subprocess.run([*map(str, words)], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert status is None or done.returncode == status, (words, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def released(folder, umask, env=None):
    """`make dist` in a clone of the last commit, with the libraries that this folder has."""
    run("git", "clone", "-q", HERE, folder)
    (HERE / ".cache").mkdir(exist_ok=True)
    (folder / ".cache").symlink_to((HERE / ".cache").resolve())
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "BUILD", "CC", "DEV", "CI")}
    done = subprocess.run(["sh", "-c", f"umask {umask}; make dist"], cwd=folder, env={**kept, **(env or {})}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    return folder / "dist"


@contextlib.contextmanager
def alone(what):
    """One process at a time makes it."""
    (HERE / ".cache").mkdir(exist_ok=True)
    with open(HERE / f".cache/{what}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def release():
    """The folder with the files of one, made once for all tests of a commit; the key that signed it is beside it."""
    if not shutil.which("dpkg-buildpackage"):
        pytest.skip("no dpkg-dev")
    folder = HERE / ".cache/release"
    folder.mkdir(parents=True, exist_ok=True)
    commit = run("git", "rev-parse", "HEAD", cwd=HERE).strip()
    with alone("release"):
        if not (folder / commit / "clone/dist/SHA256SUMS.sig").exists():
            shutil.rmtree(folder)
            (folder / commit).mkdir(parents=True)
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / commit / "key")
            released(folder / commit / "clone", "022", {"WEIR_SIGN_KEY": str(folder / commit / "key")})
    return folder / commit / "clone/dist"


def system(name):
    """A fresh system of that name, as a folder to chroot into."""
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("no debootstrap, or not root")
    kept = HERE / ".cache/systems" / name
    with alone("systems"):
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


def bare(name, root):
    """A fresh system at that place, and what is set within."""
    run("cp", "-a", system(name), root)
    inside = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
    run("chroot", root, "apt-get", "update", "-q", env=inside)
    return inside
