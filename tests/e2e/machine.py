"""A machine of its own for the types of host.*: Debian with systemd as its first process and sshd on loopback, by debootstrap and systemd-nspawn."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from sshd import fingerprint, free_port
from support import ROOT, until

PACKAGES = "systemd,systemd-sysv,dbus,openssh-server"
MORE = ["dnf", "rpm", "createrepo-c"]


def have_machine():
    return os.geteuid() == 0 and shutil.which("debootstrap") and shutil.which("systemd-nspawn")


def base():
    """Unpacked once, kept as an archive."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME")
    archive = ROOT / ".cache" / f"machine-{codename}.tar"
    if not archive.exists():
        root = Path(f"{archive}.root")
        shutil.rmtree(root, ignore_errors=True)
        for words in ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", codename, root], ["chroot", root, "apt-get", "-q", "-y", "install", "--no-install-recommends", *MORE]:
            done = subprocess.run(words, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"{words[0]}: {done.stdout[-300:]}{done.stderr[-300:]}")
        subprocess.run(["tar", "-C", root, "--exclude=./var/cache/apt/archives/*.deb", "-cf", f"{archive}.new", "."], check=True)
        shutil.rmtree(root)
        os.rename(f"{archive}.new", archive)
    return archive


class Machine:
    user, host = "root", "127.0.0.1"

    def __init__(self, folder, key, host_key):
        self.root, self.port, self.host_keys, self.key = folder / "root", free_port(), [host_key], key
        self.root.mkdir(parents=True)
        subprocess.run(["tar", "-C", self.root, "-xf", base()], check=True)
        (self.root / "etc/machine-id").write_text("")
        (self.root / "root/.ssh").mkdir(exist_ok=True)
        (self.root / "root/.ssh/authorized_keys").write_text(Path(f"{key}.pub").read_text())
        shutil.copy(host_key, self.root / "etc/ssh/host_key")
        (self.root / "etc/ssh/sshd_config.d/test.conf").write_text(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey /etc/ssh/host_key\nUsePAM no\n")
        words = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "-D", self.root, "-M", f"weir{self.port}", "--boot", "systemd.unit=multi-user.target"]
        self.log = open(folder / "log", "wb")
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(lambda: self.run("systemctl is-system-running", status=None).stdout.strip() in ("running", "degraded"), self.process)

    def run(self, command, status=0):
        """What the machine itself says, by OpenSSH's client."""
        options = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]
        done = subprocess.run(["ssh", *options, "-p", str(self.port), "-i", self.key, "root@127.0.0.1", command], capture_output=True, text=True)
        assert status is None or done.returncode == status, (command, done)
        return done

    def connection(self):
        return f"{{host: 127.0.0.1, port: {self.port}, user: root, key: {self.key}, ssh_config: none, host_key: {fingerprint(self.host_keys[0])}}}"

    def stop(self):
        self.process.terminate()  # which is an orderly end to systemd
        self.process.wait()
        self.log.close()
