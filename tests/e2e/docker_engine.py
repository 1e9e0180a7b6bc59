"""A Docker Engine of the tests' own, from Debian's docker.io, with an image of Debian's busybox-static, and the docker client to look at it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

import boto3
import pytest

from support import until

BASE = "weir-test/base:1"
APPLETS = "sh sleep cat echo ls env id true false test wget httpd nc grep touch mkdir stat".split()


class Engine:
    """Runs as long as the object; `listen`: further options of dockerd's, such as a port with TLS."""

    def __init__(self, *listen, base=True):
        if os.geteuid() or not shutil.which("dockerd") or not Path("/bin/busybox").exists():
            pytest.skip("no Docker Engine: it wants root, docker.io and busybox-static")
        self.folder = Path(tempfile.mkdtemp(prefix="weir-docker-", dir="/tmp"))  # the path of a socket has to be short
        self.host = f"unix://{self.folder}/docker.sock"
        self.env = {"DOCKER_HOST": self.host}
        self.listen = listen
        self.start()
        if base:
            self.make_base()

    def start(self):
        words = ["dockerd", "--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid", "-H", self.host]
        # Nothing of the machine's own network is touched: no default bridge, no rules of its firewall.
        words += ["--bridge=none", "--iptables=false", "--ip6tables=false", *self.listen]
        version = subprocess.run(["dockerd", "--version"], capture_output=True, text=True).stdout.split()[2]
        if int(version.split(".")[0]) < 25:  # until then an Engine's id comes from a key that all on a machine share
            (self.folder / "daemon.json").write_text(json.dumps({"deprecated-key-path": str(self.folder / "key.json")}))
            words += ["--config-file", self.folder / "daemon.json"]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        until(lambda: (self.folder / "docker.sock").exists() and self.run("version", status=None).returncode == 0, self.process)

    def halt(self):
        self.process.terminate()
        self.process.wait()

    def stop(self):
        for name in self.docker("ps", "-aq").split():
            self.docker("rm", "-f", name)
        self.docker("network", "prune", "-f")  # a bridge would stay in the machine, and its addresses with it
        self.halt()
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if line.split()[1].startswith(str(self.folder)):
                subprocess.run(["umount", "-l", line.split()[1]])
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *args, status=0):
        done = subprocess.run(["docker", "-H", self.host, *map(str, args)], capture_output=True, text=True, env={"PATH": os.environ["PATH"], "HOME": str(self.folder)})
        assert status is None or done.returncode == status, (args, done)
        return done

    def docker(self, *args):
        return self.run(*args).stdout

    def inspect(self, name, kind="container"):
        return json.loads(self.docker("inspect", "--type", kind, name))[0]

    def make_base(self):
        """There is no registry to pull from: an image is made of one program."""
        archive = self.folder / "base.tar"
        with tarfile.open(archive, "w") as tar:
            tar.add("/bin/busybox", "bin/busybox")
            for name in APPLETS:
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
            for name, mode in ("tmp", 0o1777), ("etc", 0o755):
                folder = tarfile.TarInfo(name)
                folder.type, folder.mode = tarfile.DIRTYPE, mode
                tar.addfile(folder)
        self.docker("import", archive, BASE)

    def things(self):
        """All that there is, apart from the base image and what the Engine has by itself."""
        lists = {"containers": ("ps", "-aq"), "images": ("images", "-aq"), "volumes": ("volume", "ls", "-q"), "networks": ("network", "ls", "--format", "{{.Name}}")}
        base = self.docker("images", "-q", BASE).split()
        return {name: sorted(set(self.docker(*words).split()) - {"none", "host", *base}) for name, words in lists.items()}


def python_base(engine, name="weir-test/python:1"):
    """An image with this Python, pip and boto3, in the place of one from a registry."""
    packages = Path(boto3.__file__).parents[1]
    parts = "boto3 botocore dateutil jmespath pip s3transfer six urllib3 python_dateutil".split()
    services = {"s3", "sts", "secretsmanager"}
    program = Path(os.path.realpath(sys.executable))
    library = Path(sysconfig.get_path("stdlib", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}))
    site = subprocess.check_output([program, "-c", "import site; print(site.getsitepackages()[0])"], text=True).strip()  # Debian's is elsewhere
    loaded = [program, *(library / "lib-dynload").glob("*.so")]
    needed = {line.split("=>")[-1].split()[0] for path in loaded for line in subprocess.run(["ldd", path], capture_output=True, text=True).stdout.splitlines() if "/" in line}

    def of_use(info):
        folders, data = info.name.split("/"), info.name.partition("botocore/data/")[2].split("/")
        unused = {"__pycache__", "test", "idlelib", "ensurepip", "EXTERNALLY-MANAGED"} & set(folders) or info.name == site.strip("/")
        return None if unused or (len(data) > 1 and data[0] not in services) else info

    archive = engine.folder / "python.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(program, str(program))
        tar.add(library, str(library), filter=of_use)
        for path in needed:
            tar.add(os.path.realpath(path), path)
        for path in packages.iterdir():
            if path.name.partition("-")[0].removesuffix(".py") in parts:
                tar.add(path, f"{site}/{path.name}", filter=of_use)
        link = tarfile.TarInfo("usr/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, str(program)
        tar.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
    engine.docker("import", "-c", "ENV PATH=/usr/bin:/bin", archive, name)
    return name
