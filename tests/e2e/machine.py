"""A machine of its own for the types of host.*: Debian with systemd as its first process and sshd on loopback, by debootstrap and systemd-nspawn."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from sshd import fingerprint
from support import ROOT, free_port, until

SYSTEMD = "systemd,systemd-sysv,dbus,openssh-server"
# What a root has by debootstrap, and what besides; by the name of its archive.
ROOTS = {
    "": (SYSTEMD, ["dnf", "rpm", "createrepo-c"]),
    "-docker": (SYSTEMD, ["docker.io", "default-jre-headless", "python3-venv", "libpq5", "sudo", "cron"]),
    "-images": ("ca-certificates", ["postgresql", "default-jre-headless", "python3", "wget", "curl"]),  # what containers are made of; not booted
}

# Its Engine has to put containers into groups, which such a machine may only read at first.
GROUPS = """[Service]
ExecStartPre=/bin/sh -c 'for group in /sys/fs/cgroup/*/; do mount -o remount,rw,bind $$group; done'
"""


def have_machine():
    return os.geteuid() == 0 and shutil.which("debootstrap") and shutil.which("systemd-nspawn")


def base(kind=""):
    """Unpacked once, kept as an archive."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME")
    archive = ROOT / ".cache" / f"machine-{codename}{kind}.tar"
    first, more = ROOTS[kind]
    if not archive.exists():
        root = Path(f"{archive}.root")
        shutil.rmtree(root, ignore_errors=True)
        inside = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "-D", root, "env", "DEBIAN_FRONTEND=noninteractive"]  # with /proc, which Java's packages want
        for words in ["debootstrap", "--variant=minbase", f"--include={first}", codename, root], [*inside, "apt-get", "-q", "-y", "install", "--no-install-recommends", *more]:
            done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if done.returncode:
                pytest.skip(f"{words[0]}: {done.stdout[-300:]}{done.stderr[-300:]}")
        subprocess.run(["tar", "-C", root, "--exclude=./var/cache/apt/archives/*.deb", "--exclude=./var/lib/apt/lists/*", "-cf", f"{archive}.new", "."], check=True)
        shutil.rmtree(root)
        os.rename(f"{archive}.new", archive)
    return archive


class Machine:
    """`kind` of ROOTS; `bound`: folders of this machine that it sees at the same place. One with Docker has an Engine of its own, and this machine's network."""

    user, host = "root", "127.0.0.1"

    def __init__(self, folder, key, host_key, kind="", bound=()):
        self.root, self.port, self.host_keys, self.key = folder / "root", free_port(), [host_key], key
        self.root.mkdir(parents=True)
        subprocess.run(["tar", "-C", self.root, "-xf", base(kind)], check=True)
        (self.root / "etc/machine-id").write_text("")
        (self.root / "root/.ssh").mkdir(exist_ok=True)
        (self.root / "root/.ssh/authorized_keys").write_text(Path(f"{key}.pub").read_text())
        shutil.copy(host_key, self.root / "etc/ssh/host_key")
        (self.root / "etc/ssh/sshd_config.d/test.conf").write_text(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey /etc/ssh/host_key\nUsePAM no\n")
        self.write("etc/hostname", "machine\n")
        self.write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 machine\n")
        words = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "-D", self.root, "-M", f"weir{self.port}", *(f"--bind-ro={path}" for path in bound)]
        if kind == "-docker":
            words += ["--capability=all", "--system-call-filter=add_key keyctl bpf"]
            self.write("etc/docker/daemon.json", '{"bridge": "none", "iptables": false, "ip6tables": false}')  # nothing of the network that it shares is touched
            self.write("etc/systemd/system/docker.service.d/groups.conf", GROUPS)
        self.words = [*words, "--boot", "systemd.unit=multi-user.target"]
        self.log = open(folder / "log", "wb")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        until(lambda: self.run("systemctl is-system-running", status=None).stdout.strip() in ("running", "degraded"), self.process)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def reboot(self):
        """Which ends systemd-nspawn, as whoever it is a service of would see and start it again."""
        self.run("systemctl reboot", status=None)
        self.process.wait()
        self.start()

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
