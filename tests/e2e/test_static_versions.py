"""The static program's libraries (packaging/static.txt) are as Debian's security team has them: none is older than one that can be had.

Where a library is of Debian's next release, which that team does not look after, its authors' newest version there counts.
"""

import re
import subprocess
from pathlib import Path

import pytest

from release import HERE, run

pytestmark = pytest.mark.long
ARCHIVE = "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org"
STABLE = [f"{ARCHIVE}/debian trixie main", f"{ARCHIVE}/debian trixie-updates main", f"{ARCHIVE}/debian-security trixie-security main"]
NEXT = [f"{ARCHIVE}/debian forky main", f"{ARCHIVE}/debian sid main"]
PINS = [line.split() for line in (HERE / "packaging/static.txt").read_text().splitlines() if not line.startswith("#")]


class Archive:
    """What apt knows of some suites, apart from what it knows for this machine."""

    def __init__(self, name, suites):
        folder = HERE / ".cache/apt" / name
        (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
        (folder / "sources.list").write_text("\n".join(suites) + "\n")
        (folder / "apt.conf").write_text(f'Dir::Etc::sourcelist "{folder}/sources.list";\nDir::Etc::sourceparts "/dev/null";\nDir::State::lists "{folder}/lists";\nDir::Cache "{folder}";\n')
        self.env = {"APT_CONFIG": str(folder / "apt.conf")}
        run("apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any", env=self.env)

    def versions(self, name):
        return {line.split("|")[1].strip() for line in run("apt-cache", "madison", name, env=self.env).splitlines()}

    def has(self, name, version, folder):
        """Whether its mirror serves the source that its index lists."""
        uris = run("apt-get", "source", "-q", "--print-uris", "--dsc-only", f"{name}={version}", cwd=folder, env=self.env)
        got = subprocess.run(["/usr/lib/apt/apt-helper", "-q", "-o", "APT::Sandbox::User=root", "download-file", re.search(r"'(\S+\.dsc)'", uris)[1], folder / "dsc"], capture_output=True)
        return got.returncode == 0


@pytest.fixture(scope="module")
def archives():
    if not Path("/usr/lib/apt/apt-helper").exists():
        pytest.skip("no apt")
    return Archive("stable", STABLE), Archive("next", NEXT)


def plain(version):
    return version.split(":")[-1]


def upstream(version):
    """Its authors' version; a candidate of theirs comes before it."""
    return plain(version).rsplit("-", 1)[0]


def newer(version, than):
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than]).returncode == 0


@pytest.mark.parametrize("name, pinned", [pin[:2] for pin in PINS])
def test_none_is_older_than_what_is_secure(archives, tmp_path, name, pinned):
    stable, following = archives
    looked_after = stable.versions(name)
    if looked_after and not all(newer(pinned, plain(version)) for version in looked_after):
        wanted = [version for version in looked_after if newer(plain(version), pinned) and stable.has(name, version, tmp_path)]
    else:
        assert (known := following.versions(name)), f"Debian has no {name}"
        wanted = [version for version in known if newer(upstream(version), upstream(pinned)) and following.has(name, version, tmp_path)]
    assert not wanted, f"raise {name} {pinned} to one of {wanted} in packaging/static.txt"
