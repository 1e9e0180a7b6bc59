"""OpenSSH's server as a plain process on a loopback port, with keys of its own."""

import getpass
import os
import shutil
import subprocess
from pathlib import Path

from support import free_port, until

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def have_sshd():
    return os.access(SSHD, os.X_OK) and shutil.which("ssh-keygen")


def keygen(path, kind="ed25519", passphrase=""):
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *(["-b", "2048"] if kind == "rsa" else []), "-N", passphrase, "-C", "", "-f", path], check=True)
    return path


def fingerprint(path):
    return subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True).stdout.split()[1]


class Sshd:
    """One server. `keys` are those that may log in."""

    def __init__(self, folder, keys, host_keys, *more, port=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.user = getpass.getuser()
        self.authorized = self.folder / "authorized_keys"
        self.authorized.write_text("".join(Path(f"{key}.pub").read_text() for key in keys))
        self.host_keys = host_keys
        self.more = more
        self.port = port or free_port()
        self.log = self.folder / "log"
        self.process = None
        self.start()

    def start(self):
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        lines = [f"HostKey {key}" for key in self.host_keys] + [
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"AuthorizedKeysFile {self.authorized}", "StrictModes no", "UsePAM no", "PidFile none",
            "LogLevel VERBOSE", *self.more, "PasswordAuthentication no", "PrintMotd no",
            "SetEnv SHLVL=1"]  # bash takes itself for one within another, and reads no ~/.bashrc: the user's may do anything, for longer than the test
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        self.log.touch()
        before = self.log.read_text()
        until(lambda: self.listens(before))

    def listens(self, before):
        """It says so itself: whoever else has its port for a moment would take connections, too. Then it is begun anew."""
        said = self.log.read_text().removeprefix(before)
        if not self.process or self.process.poll() is not None:
            assert not self.process or "Address already in use" in said, said
            self.process = subprocess.Popen([SSHD, "-D", "-f", self.folder / "config", "-E", self.log], stdin=subprocess.DEVNULL)
        return f"Server listening on 127.0.0.1 port {self.port}." in said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None

    def sessions(self):
        """How many commands and shells were begun."""
        return self.log.read_text().count("Starting session:")

    def forget(self):
        self.log.write_text("")

    def connection(self, key, **more):
        """What a stack says of it."""
        settings = {"host": "127.0.0.1", "port": self.port, "user": self.user, "key": str(key), "ssh_config": "none", **more}
        return "{" + ", ".join(f"{name}: {value}" for name, value in settings.items()) + "}"
