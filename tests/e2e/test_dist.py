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
from release import HERE, LINUX, MACHINES, SYSTEMS, VERSION, WHEELS, bare, release, released, run, system

pytestmark = pytest.mark.long


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if "SHA256SUMS." not in path.name}


@pytest.fixture(scope="module")
def dist():
    return release()


def test_the_same_bytes_twice(dist, tmp_path):
    """The second time elsewhere, under other settings, all of it compiled again, and signed by minisign."""
    run("minisign", "-G", "-W", "-p", tmp_path / "public", "-s", tmp_path / "secret")
    again = released(tmp_path / "somewhere" / "else entirely", "077", {"CCACHE_DISABLE": "1", "TZ": "Asia/Tokyo", "LANG": "de_DE.UTF-8", "WEIR_SIGN_KEY": str(tmp_path / "secret")})
    assert hashes(again) == hashes(dist)
    each = [f"weir-{VERSION}-1.{machine}.rpm" for machine in LINUX]
    for machine, name in MACHINES.items():
        each += [f"weir-{VERSION}-{name}.tar.gz", f"weir-{VERSION}-{name}.cdx.json", f"weir_cli-{VERSION}-py3-none-{WHEELS[machine]}.whl"]
    of_all = [f"weir-{VERSION}.tar.gz", f"weir-{VERSION}.oci.tar", f"weir_{VERSION}_amd64.deb", f"weir_{VERSION}_amd64.cdx.json", "weir.rb", "SHA256SUMS"]
    assert sorted(hashes(dist)) == sorted(each + of_all)
    run("sha256sum", "-c", "SHA256SUMS", cwd=dist)
    run("minisign", "-V", "-p", tmp_path / "public", "-m", "SHA256SUMS", cwd=again)
    (again / "SHA256SUMS").write_text((again / "SHA256SUMS").read_text().replace("weir", "ewir"))
    run("minisign", "-V", "-p", tmp_path / "public", "-m", "SHA256SUMS", cwd=again, status=1)


def test_the_source_builds(dist, tmp_path):
    with tarfile.open(dist / "weir-0.1.0.tar.gz") as archive:
        assert {member.uid for member in archive} == {0}
        archive.extractall(tmp_path)
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


def valid(folder, path):
    """As the makers of the format judge it."""
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "-q", "cyclonedx-python-lib[json-validation]==11.6.0")
    check = """import sys; from cyclonedx.schema import SchemaVersion; from cyclonedx.validation.json import JsonStrictValidator
print(JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read()))"""
    return run(folder / "bin/python", "-c", check, path) == "None\n"


def is_of(listed, program):
    return listed["metadata"]["component"]["hashes"][0]["content"] == hashlib.sha256(program.read_bytes()).hexdigest()


def test_what_is_in_the_package(dist, tmp_path):
    run("dpkg-deb", "-x", next(dist.glob("*.deb")), tmp_path / "unpacked")
    path = next(dist.glob("*_amd64.cdx.json"))
    listed = json.loads(path.read_text())
    by_soname = {entry["value"]: part for part in listed["components"] for entry in part.get("properties", [])}
    program = tmp_path / "unpacked/usr/bin/weir"
    linked = {line.split()[1] for line in run("objdump", "-p", program).splitlines() if "NEEDED" in line}
    assert linked == {name for name, part in by_soname.items() if part["scope"] == "required"}
    assert {"libcurl.so.4", "libpq.so.5", "libssh.so.4"} <= set(by_soname) - linked
    for part in listed["components"]:
        if "bom-ref" not in part:  # what this machine has not got
            assert part["scope"] == "optional", part
            continue
        assert part["licenses"], part
        if part["type"] == "library":
            package, version = part["bom-ref"].split("@")
            assert run("dpkg-query", "-W", "-f", "${Version}", package) == version
    assert is_of(listed, program) and valid(tmp_path / "venv", path)


@pytest.mark.parametrize("machine", MACHINES.values())
def test_what_is_in_the_static_program(dist, tmp_path, machine):
    """Each library with its version as its own source has it, and its authors' terms beside the program."""
    name = f"weir-{VERSION}-{machine}"
    with tarfile.open(dist / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path)
    program, path = tmp_path / name / "bin/weir", dist / f"{name}.cdx.json"
    if machine in LINUX.values():
        assert "NEEDED" not in run("readelf", "-d", program)
    listed = json.loads(path.read_text())
    told, terms = program.read_bytes(), (tmp_path / name / "LICENSES").read_text()
    for part in listed["components"]:
        assert part["licenses"] and (part["type"] != "library" or f"==== {part['name'].replace('ziglang', 'zig')} {part['version']}" in terms), part
        if part["name"] in ("curl", "openssl", "expat", "zlib", "libarchive"):
            upstream = part["version"].split("really")[-1].split("-")[0]
            assert upstream.encode() in told, part
    assert is_of(listed, program) and valid(tmp_path / "venv", path)


BREW = """
require "fileutils"
Place = Struct.new(:path) { def install(file) = (FileUtils.mkdir_p(path); FileUtils.cp(file, path)) }
class Formula
  GIVEN = {}
  %i[desc homepage version license url sha256].each { |name| define_singleton_method(name) { |value| GIVEN[name] = value } }
  def self.on_linux = (yield if MACHINE.start_with? "linux")
  def self.on_macos = (yield if MACHINE.start_with? "macos")
  def self.on_intel = (yield if MACHINE.end_with? "x86_64")
  def self.on_arm = (yield if MACHINE.end_with? "arm64")
  def self.test = nil
  %i[bin man1 bash_completion zsh_completion fish_completion doc].each { |name| define_method(name) { Place.new(File.join(PREFIX, name.to_s)) } }
end
MACHINE, PREFIX, file = ARGV
load file
Weir.new.install
puts Formula::GIVEN[:url], Formula::GIVEN[:sha256]
"""


@pytest.mark.parametrize("machine", MACHINES.values())
def test_the_formula(dist, tmp_path, machine):
    """Homebrew itself is not to be had here: what its formula says is followed as Homebrew does."""
    if not shutil.which("ruby"):
        pytest.skip("no ruby")
    name = f"weir-{VERSION}-{machine}"
    with tarfile.open(dist / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "brew.rb").write_text(BREW)
    said = run("ruby", "-w", tmp_path / "brew.rb", machine, tmp_path / "prefix", dist / "weir.rb", cwd=tmp_path / name).split()
    assert said == [f"https://example.org/weir/{name}.tar.gz", hashes(dist)[f"{name}.tar.gz"]]
    assert (tmp_path / "prefix/bin/weir").read_bytes() == (tmp_path / name / "bin/weir").read_bytes()
    assert len(list((tmp_path / "prefix").rglob("*.*"))) >= 2 and (tmp_path / "prefix/zsh_completion/_weir").exists()


def test_lintian_finds_nothing(dist):
    if not shutil.which("lintian"):
        pytest.skip("no lintian")
    run("lintian", "--fail-on", "error,warning", next(dist.glob("*.deb")))


def files(root):
    skipped = ("proc", "sys", "dev", "tmp", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/log")
    return {str(path.relative_to(root)) for path in root.rglob("*") if not str(path.relative_to(root)).startswith(skipped)}


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
