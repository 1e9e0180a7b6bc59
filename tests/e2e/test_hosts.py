"""The types of host.* against OpenSSH on this machine, in folders of the test's own."""

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from cut import Cut
from sshd import Sshd, fingerprint, have_sshd, keygen
from support import WEIR, until

pytestmark = pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")
ROOT = os.getuid() == 0


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return keygen(tmp_path_factory.mktemp("keys") / "id")


@pytest.fixture(scope="module")
def server(key, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sshd")
    server = Sshd(folder, [key], [keygen(folder / "host")])
    yield server
    server.stop()


class Host:
    """A stack with one connection, and a folder that its resources lie in."""

    def __init__(self, stack, server, key, folder):
        self.stack, self.server, self.folder = stack, server, folder
        self.head = f"stack: hosts\nconnections: {{web: {server.connection(key, host_key=fingerprint(server.host_keys[0]))}}}\nproviders: {{host: {{via: web}}}}\n"
        folder.mkdir()

    def write(self, resources, more=""):
        self.stack.write(self.head + more + "resources:\n" + resources.replace("@", str(self.folder)))
        return self.stack


@pytest.fixture
def host(local_stack, server, key, tmp_path):
    return Host(local_stack, server, key, tmp_path / "there")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_folders(host):
    there = host.folder
    stack = host.stack
    stack.write("#!/bin/sh\n", "conf/run.sh")
    (stack.folder / "conf/run.sh").chmod(0o755)
    stack.write("it's\n", "conf/deep/er/odd name'.txt")
    stack.write(os.urandom(300_000), "big")
    resources = """
  text: {type: host.file, path: "@/it's here", content: "one\\n", mode: "640"}
  big: {type: host.file, path: "@/below/big", source: big, parents: true}
  conf: {type: host.directory, path: "@/conf", source: conf}
"""
    host.write(resources)
    stack.apply()
    assert (there / "it's here").read_text() == "one\n" and mode_of(there / "it's here") == 0o640
    assert (there / "below/big").read_bytes() == (stack.folder / "big").read_bytes() and mode_of(there / "below/big") == 0o644
    assert (there / "conf/deep/er/odd name'.txt").read_text() == "it's\n" and os.access(there / "conf/run.sh", os.X_OK)
    stack.assert_settled()

    # What others changed is seen, and put back; what they added is theirs.
    (there / "it's here").write_text("other")
    (there / "conf/run.sh").chmod(0o644)
    (there / "conf/theirs").write_text("x")
    (there / "below/big").unlink()
    assert stack.plan() == {"text": "update", "conf": "update", "big": "create"}
    stack.apply()
    assert (there / "it's here").read_text() == "one\n" and os.access(there / "conf/run.sh", os.X_OK) and (there / "conf/theirs").exists()
    stack.assert_settled()

    # Equal bytes are not sent again, and files that left the folder go; with purge all others do.
    before = (there / "conf/run.sh").stat()
    shutil.rmtree(stack.folder / "conf/deep")
    stack.write("new", "conf/new")
    host.write(resources.replace("source: conf}", "source: conf, purge: true}").replace('"640"', '"600"'))
    stack.apply()
    assert sorted(path.name for path in (there / "conf").rglob("*") if path.is_file()) == ["new", "run.sh"]
    after = (there / "conf/run.sh").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert mode_of(there / "it's here") == 0o600
    stack.assert_settled()

    stack.destroy()
    assert not list(there.rglob("*.weir-new")) and not (there / "it's here").exists() and not (there / "conf").exists()


def test_a_file_that_becomes_shorter_while_it_is_sent(host):
    """What was read is sent: what somebody does to the file meanwhile is for the next plan to find."""
    size = 64 << 20
    stack = host.stack
    with open(stack.folder / "big", "wb") as file:
        file.truncate(size)
    host.write('  big: {type: host.file, path: "@/big", source: big}\n')
    process = stack.start("apply", "--yes")
    until(lambda: (host.folder / "big.weir-new").exists() or (host.folder / "big").exists(), process=process)
    os.truncate(stack.folder / "big", 0)
    out, err = process.communicate()
    assert process.returncode == 0 and (host.folder / "big").stat().st_size == size, (process.returncode, out, err)
    assert stack.plan() == {"big": "update"}


def test_names_of_files_that_are_no_plain_words(host):
    """Names come back from there line by line: one with a backslash is escaped in them, one with a line break would be two names."""
    there, stack = host.folder / "conf", host.stack
    stack.write("1", "conf/back\\slash n\\n")
    stack.write("2", "conf/-rf")
    folder = '  conf: {type: host.directory, path: "@/conf", source: conf}\n'
    host.write(folder)
    stack.apply()
    assert (there / "back\\slash n\\n").read_text() == "1" and (there / "-rf").read_text() == "2"
    stack.assert_settled()
    (stack.folder / "conf/back\\slash n\\n").unlink()
    stack.apply()
    assert [path.name for path in there.iterdir()] == ["-rf"]

    stack.write("3", "conf/two\nlines")
    refused = stack.apply(status=3).err
    assert "two" in refused and "line break" in refused, refused
    (stack.folder / "conf/two\nlines").unlink()

    # What others have put there: with purge it goes, and nothing else does.
    for name in ("two", "lines"):
        (host.folder / name).write_text("theirs")
    (there / "two\n..").mkdir()
    (there / "two\n../lines").write_text("odd")
    (there / "back\\n").write_text("odd")
    host.write(folder.replace("conf}", "conf, purge: true}"))
    stack.apply()
    assert [path.name for path in there.rglob("*") if path.is_file()] == ["-rf"] and (host.folder / "lines").exists() and (host.folder / "two").exists()
    stack.assert_settled()


def test_commands_and_jobs(host):
    there = host.folder
    stack = host.write("""
  made:
    type: host.command
    create: echo "made by $WHO"; echo run >> "@/runs"; ps axww > "@/ps"
    delete: rm "@/runs"
    creates: "@/runs"
    environment: {WHO: "${inputs.word}", PGPASSWORD: "${inputs.secret}"}
    triggers: "${conf.sha256}"
  conf: {type: host.file, path: "@/conf", content: "${inputs.word}"}
  job: {type: host.cron, name: nightly, folder: "@", schedule: "15 3 * * *", user: etl, command: "run it"}
  ready: {type: host.command, create: touch "@/ready", unless: test -e "@/ready"}
  fails: {type: host.command, create: "echo what is wrong >&2; exit 4", creates: "@/never", when: "${inputs.fail}"}
""", "inputs: {word: {type: string, default: ana}, secret: {type: string, sensitive: true, default: very-secret-word}, fail: {type: boolean, default: false}}\n"
     'outputs: {said: "${made.output}"}\n')
    done = stack.apply()
    assert "very-secret-word" not in done.out + done.err + stack.state_text()
    assert stack.outputs()["said"] == "made by ana"
    for history in Path.home().glob(".*history"):  # of the shell that the commands are given to
        assert "very-secret-word" not in history.read_text(errors="replace"), history
    processes = (there / "ps").read_text()
    assert "very-secret-word" not in processes and "made by" not in processes and "sh -s" in processes
    assert (there / "nightly").read_text() == "15 3 * * * etl run it\n"
    stack.assert_settled()
    stack.apply("-i", "word=bert")
    assert (there / "runs").read_text() == "run\nrun\n" and stack.outputs()["said"] == "made by bert"
    (there / "ready").unlink()
    assert stack.plan("-i", "word=bert") == {"ready": "create"}
    failed = stack.apply("-i", "word=bert", "-i", "fail=true", status=1)
    assert "what is wrong" in failed.err and "status 4" in failed.err
    stack.destroy("--verify", "-i", "word=bert")  # that a command was run is nothing to be left
    assert not (there / "runs").exists() and not (there / "nightly").exists()


def test_line_breaks_that_come_late(host):
    """What only an apply knows is refused before a file is written: nothing of it is there."""
    stack = host.stack
    late = """
  lines: {type: host.command, create: "printf 'a\\n* * * * * root id > @/pwned\\n'"}
"""
    for attributes in [
        'schedule: "0 4 * * *", command: "true", environment: {A: "${lines.output}"}',
        'schedule: "0 4 * * *", command: "true", environment: "${{for line in split(\'X\', lines.output) : line => \'b\'}}"',
        'schedule: "0 4 * * *", command: "${lines.output}"',
        'schedule: "0 4 * * *", command: "true", user: "${lines.output}"',
        'schedule: "0 4 * * *\\n${lines.output}", command: "true"',
    ]:
        host.write(late + f"  job: {{type: host.cron, name: job, folder: @, {attributes}}}\n")
        stack.run("validate")
        refused = stack.run("apply", "--yes", status=3)
        assert "does not match" in refused.err or "a variable's name contains" in refused.err, refused
        assert not (host.folder / "job").exists()
        stack.run("destroy", "--yes")
    for attribute, text in [("password_hash", '"a${lines.output}"'), ("authorized_keys", '["${lines.output}"]'), ("comment", '"${lines.output}"')]:
        host.write(late + f"  me: {{type: host.user, name: weirlate, {attribute}: {text}}}\n")
        refused = stack.run("apply", "--yes", status=3)
        assert f'attribute "{attribute}": ' in refused.err and "does not match" in refused.err and "pwned" not in refused.err.partition("password_hash")[2], refused
    assert subprocess.run(["id", "weirlate"], capture_output=True).returncode
    for name, kind in {"A=B": 'host.command, create: "true", environment', "C D": f'host.cron, name: j, folder: {host.folder}, schedule: "@daily", command: "true", environment'}.items():
        host.write(f'  one: {{type: {kind}: {{"{name}": x}}}}\n')
        assert "a variable's name contains only letters, digits and _" in stack.run("validate", status=3).err
    stack.write("stack: a\nresources: {one: {type: weir.command, command: env, env: {'A=B': x}}}\n")
    assert "a variable's name is not empty and contains no =" in stack.run("validate", status=3).err


def test_a_host_that_is_no_word(local_stack, key):
    """A name that is known late is not given to the shell of a ProxyCommand."""
    pwned = local_stack.folder / "pwned"
    local_stack.write(f"""
        stack: words
        connections: {{web: {{host: "${{name.result}}", user: a, key: {key}, proxy_command: "nc %h %p"}}}}
        providers: {{host: {{via: web}}}}
        resources:
          name: {{type: weir.command, command: "echo 'x; touch {pwned}'"}}
          there: {{type: host.file, path: /tmp/weir-never, content: x}}
    """)
    result = local_stack.run("apply", "--yes", status=3)
    assert 'connection "web": "host" does not match' in result.err, result
    assert not pwned.exists()


def test_a_key_that_is_a_named_pipe(local_stack, server, tmp_path):
    """libssh would wait for somebody to write one."""
    os.mkfifo(tmp_path / "pipe")
    local_stack.write(f"""
        stack: pipes
        connections: {{web: {server.connection(tmp_path / "pipe", host_key=fingerprint(server.host_keys[0]))}}}
        providers: {{host: {{via: web}}}}
        resources: {{there: {{type: host.file, path: /tmp/weir-never, content: x}}}}
    """)
    assert "it is a named pipe" in local_stack.run("apply", "--yes", status=1).err


def test_a_refresh_is_one_round_trip(host):
    # Three kinds ask by a thread each. They go together unless the machine is so busy that a thread comes late.
    stack = host.write("".join(f'  f{i}: {{type: host.file, path: "@/{i}", content: "{i}"}}\n' for i in range(60)) +
                       "".join(f'  d{i}: {{type: host.directory, path: "@/d{i}", mode: "750"}}\n' for i in range(20)) +
                       '  c: {type: host.command, create: "true", unless: "true"}\n')
    stack.apply()
    host.server.forget()
    stack.assert_settled()
    assert 1 <= host.server.sessions() <= 3, host.server.log.read_text()


def test_what_goes_wrong_there(host):
    stack = host.write("""
  lost: {type: host.file, path: "@/none/at/all", content: x}
  folder: {type: host.file, path: "@", content: x}
  service: {type: host.service, name: nginx, running: true}
""")
    failed = stack.apply(status=1)
    assert f"there is no folder {host.folder}/none/at" in failed.err
    assert "is there, and is no plain file" in failed.err
    if not Path("/run/systemd/system").exists():
        assert "systemd does not run on this host" in failed.err


def test_a_full_disk_leaves_what_was_there(host):
    """As far as a limit on the size of files is a full disk."""
    (host.folder / "it").write_text("before")
    stack = host.write('  it: {type: host.file, path: "@/it", source: big}\n')
    stack.write(os.urandom(2_000_000), "big")
    rc = host.folder / "limited"
    rc.write_text('#!/bin/sh\nulimit -f 100\nexec sh -c "$SSH_ORIGINAL_COMMAND"\n')
    rc.chmod(0o755)
    normal = host.server.authorized.read_text()
    host.server.authorized.write_text(f'command="{rc}" {normal}')
    failed = stack.apply(status=1)
    host.server.authorized.write_text(normal)
    assert "cannot write" in failed.err or "File size limit" in failed.err or "came short" in failed.err, failed.err
    assert (host.folder / "it").read_text() == "before" and not (host.folder / "it.weir-new").exists()
    stack.apply()
    assert (host.folder / "it").read_bytes() == (stack.folder / "big").read_bytes()


@pytest.mark.long
@pytest.mark.skipif(not ROOT, reason="needs root, to mount a small disk")
def test_a_disk_that_is_full(host):
    disk = host.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        (disk / "it").write_text("before")
        stack = host.write('  it: {type: host.file, path: "@/disk/it", source: big}\n  tree: {type: host.directory, path: "@/disk/tree", source: tree}\n')
        stack.write(os.urandom(2_000_000), "big")
        stack.write(os.urandom(2_000_000), "tree/big")
        failed = stack.apply(status=1)
        assert "No space left on device" in failed.err and "cannot unpack below" in failed.err, failed.err
        assert not (disk / "tree/big").exists(), list(disk.rglob("*"))
        assert (disk / "it").read_text() == "before" and not list(disk.rglob("*.weir-new*"))
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        stack.apply()
        stack.assert_settled()
        assert (disk / "it").read_bytes() == (stack.folder / "big").read_bytes()
        assert (disk / "tree/big").read_bytes() == (stack.folder / "tree/big").read_bytes()
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.long
@pytest.mark.skipif(not (ROOT and shutil.which("setpriv")), reason="needs root, to become somebody else")
def test_for_somebody_who_is_not_root(server, key):
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        for source, name in (WEIR, "weir"), (key, "key"):
            shutil.copy(source, home / name)
        (home / "weir.yaml").write_text(
            f"stack: hosts\nconnections: {{web: {server.connection(home / 'key', host_key=fingerprint(server.host_keys[0]))}}}\nproviders: {{host: {{via: web}}}}\n"
            f"resources: {{it: {{type: host.file, path: {home}/made, content: x, owner: root}}}}\n")
        for path in home, *home.iterdir():
            os.chown(path, 65534, 65534)

        def run(*words):
            somebody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
            done = subprocess.run([*somebody, home / "weir", *words], cwd=home, env={"PATH": os.environ["PATH"], "HOME": str(home)}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, done
            return done.stdout

        run("apply", "--yes")
        assert (home / "made").read_text() == "x" and (home / "made").stat().st_uid == 0
        run("plan", "--detailed-exitcode")
        assert run("ssh", "web", "whoami") == server.user + "\n"
        assert {path.stat().st_uid for path in (home / ".weir").rglob("*")} == {65534}
        run("destroy", "--yes", "--verify")
        assert not (home / "made").exists()
    finally:
        shutil.rmtree(home)


def test_killed_in_the_midst(host):
    """What was begun there is found as it was left; nothing is done twice."""
    gate = host.folder / "gate"
    os.mkfifo(gate)
    stack = host.write(f"""
  slow: {{type: host.command, create: "echo run >> @/runs; cat {gate}; touch @/done", creates: "@/done"}}
  file: {{type: host.file, path: "@/file", content: "${{slow.id}}"}}
""")
    running = stack.start("apply", "--yes")
    while not (host.folder / "runs").exists():
        assert running.poll() is None
    running.kill()
    running.communicate()
    gate.open("w").close()  # the command there goes on by itself
    while not (host.folder / "done").exists():
        pass
    stack.apply()
    assert (host.folder / "runs").read_text() == "run\n"
    assert (host.folder / "file").read_text() == "slow"
    stack.assert_settled()


@pytest.mark.long
def test_a_connection_lost_at_any_byte(host):
    """A file is there whole or not at all, and the next apply has settled it, wherever the line was cut."""
    cut = Cut(host.server.port)
    host.head = host.head.replace(f"port: {host.server.port}", f"port: {cut.port}")
    text, counted = "0123456789abcdef" * 2_000, host.folder / "counted"
    stack = host.write(f"""
  whole: {{type: host.file, path: "@/whole", content: {text}}}
  once: {{type: host.command, create: "echo did >> @/counted", creates: "@/counted"}}
""")
    cut.arm(None)
    stack.apply()
    stack.destroy()
    counted.unlink(missing_ok=True)
    total, came_back = cut.moved, 0
    for i in range(40):
        cut.arm(total * i // 40)
        first = stack.apply(status=None)
        cut.arm(None)
        came_back += first.status == 0
        assert first.status == 0 or "web" in first.err, first
        path = host.folder / "whole"
        assert not path.exists() or path.read_text() == text, i
        assert not counted.exists() or counted.read_text() == "did\n", i
        stack.apply()
        stack.assert_settled()
        assert path.read_text() == text and counted.read_text() == "did\n"
        assert not [name for name in os.listdir(host.folder) if ".weir-new" in name], i
        stack.destroy()
        counted.unlink(missing_ok=True)
    assert came_back
    cut.stop()


def test_mounts_at_the_same_time(host):
    """Each writes the whole table, and none of them takes another's line away."""
    table = host.folder / "fstab"
    table.write_text("# kept\n")
    stack = host.write("".join(f'  m{n}: {{type: host.mount, path: "@/m{n}", device: tmpfs, fstype: tmpfs, table: "@/fstab", mounted: false}}\n' for n in range(12)))
    stack.apply()
    assert sorted(table.read_text().splitlines()) == ["# kept", *sorted(f"tmpfs {host.folder}/m{n} tmpfs defaults 0 0" for n in range(12))]
    stack.assert_settled()
    stack.destroy()
    assert table.read_text() == "# kept\n" and os.listdir(host.folder) == ["fstab"]


# ---- what changes the machine ----


@pytest.mark.long
@pytest.mark.skipif(not ROOT, reason="needs root")
def test_users_packages_and_mounts(host):
    table = host.folder / "fstab"
    table.write_text("# kept\n")
    stack = host.write("""
  etl: {type: host.user, name: weiretl, comment: "ETL", groups: [mail], authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGr0 a"], remove_home: true}
  tools: {type: host.package, names: [hello]}
  volume: {type: host.mount, path: "@/data", device: tmpfs, fstype: tmpfs, options: "size=1m", table: "@/fstab", mounted: false}
""")
    try:
        stack.apply()
        assert "mail" in subprocess.run(["id", "-Gn", "weiretl"], capture_output=True, text=True, check=True).stdout.split()
        assert Path("/home/weiretl/.ssh/authorized_keys").read_text() == "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGr0 a\n"
        assert subprocess.run(["hello"], capture_output=True, check=True).stdout
        assert table.read_text() == f"# kept\ntmpfs {host.folder}/data tmpfs size=1m 0 0\n"
        stack.assert_settled()
        subprocess.run(["usermod", "-c", "changed", "weiretl"], check=True)
        assert stack.plan() == {"etl": "update"}
        stack.apply()
        stack.assert_settled()
    finally:
        stack.destroy()
    assert subprocess.run(["id", "weiretl"], capture_output=True).returncode != 0
    assert not shutil.which("hello") and table.read_text() == "# kept\n"


def mounted(path):
    """(device, type, options) of what is mounted there; None: nothing."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next(((line[0], line[2], line[3].split(",")) for line in lines if line[1] == str(path)), None)


@pytest.mark.long
@pytest.mark.skipif(not ROOT, reason="needs root")
def test_mounts_that_are_there(host):
    """A tmpfs, and a file system in a file by a loop device."""
    table, image = host.folder / "fstab", host.folder / "disk.img"
    table.write_text("# kept\n")
    with open(image, "wb") as disk:
        disk.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)

    def write(size):
        return host.write(f"""
  volume: {{type: host.mount, path: "@/data", device: tmpfs, fstype: tmpfs, options: "size={size}", table: "@/fstab"}}
  disk: {{type: host.mount, path: "@/disk", device: "@/disk.img", fstype: ext4, options: "loop,noatime", table: "@/fstab"}}
  inside: {{type: host.file, path: "@/disk/written", content: "on the disk", depends_on: [disk]}}
""")

    stack = write("1m")
    try:
        stack.apply()
        stack.assert_settled()
        assert "size=1024k" in mounted(host.folder / "data")[2]
        device, kind, options = mounted(host.folder / "disk")
        assert device.startswith("/dev/loop") and kind == "ext4" and "noatime" in options
        write("2m").apply()
        stack.assert_settled()
        assert "size=2048k" in mounted(host.folder / "data")[2], "mounted anew in place"
        subprocess.run(["umount", host.folder / "data"], check=True)
        assert stack.plan() == {"volume": "update"}
        stack.apply()
        assert mounted(host.folder / "data")
        # A device that is not there: nothing is mounted, and the rest stays.
        write("2m\", fstype: nothing, device: \"nowhere")
        (stack.folder / "weir.yaml").write_text((stack.folder / "weir.yaml").read_text().replace("device: tmpfs, fstype: tmpfs, ", ""))
        assert "cannot mount" in stack.apply(status=1).err
        write("2m").apply()
        stack.assert_settled()
    finally:
        stack.destroy()
    assert not mounted(host.folder / "data") and not mounted(host.folder / "disk")
    assert table.read_text() == "# kept\n"


@pytest.mark.long
@pytest.mark.skipif(not (ROOT and shutil.which("sudo")), reason="needs root, to make a user, and sudo")
def test_become(local_stack, tmp_path, key):
    subprocess.run(["useradd", "-m", "-s", "/bin/sh", "weirsudo"], check=True)
    rules = Path("/etc/sudoers.d/weirsudo")
    open_to_all = Path(tempfile.mkdtemp())  # pytest keeps its own folders to whoever runs it
    open_to_all.chmod(0o755)
    server = Sshd(open_to_all / "sshd", [key], [keygen(open_to_all / "host")])
    try:
        subprocess.run(["chpasswd"], input="weirsudo:sudo-pass-55\n", text=True, check=True)
        there = tmp_path / "there"
        there.mkdir()

        def write(more):
            local_stack.write(f"""
                stack: hosts
                inputs: {{pass: {{type: string, sensitive: true, default: sudo-pass-55}}}}
                connections: {{web: {server.connection(key).replace("user: root", "user: weirsudo")}}}
                providers: {{host: {{via: web, become: true{more}}}}}
                resources:
                  it: {{type: host.file, path: {there}/it, content: x, owner: root, mode: "600"}}
            """)

        write("")
        rules.write_text("weirsudo ALL=(ALL) ALL\n")
        asks = local_stack.apply(status=1)
        assert 'sudo on "web" asks for a password' in asks.err and "become_password" in asks.err
        write(', become_password: "${inputs.pass}"')
        local_stack.apply()
        assert (there / "it").read_text() == "x" and (there / "it").stat().st_uid == 0
        local_stack.assert_settled()
        assert "refuses the password" in local_stack.run("plan", "-i", "pass=wrong-pass-66", status=1).err
        write("")
        rules.write_text("weirsudo ALL=(ALL) NOPASSWD: ALL\n")
        local_stack.assert_settled()
        # The same user, by its password.
        server.stop()
        server.more = ("PasswordAuthentication yes",)
        server.start()
        by_password = server.connection(key).replace("user: root", "user: weirsudo").replace(f"key: {key}", 'password: "${inputs.pass}"')
        (local_stack.folder / "weir.yaml").write_text((local_stack.folder / "weir.yaml").read_text().replace(
            server.connection(key).replace("user: root", "user: weirsudo"), by_password))
        local_stack.assert_settled()
        wrong = local_stack.run("plan", "-i", "pass=wrong-pass-66", status=1)
        assert "tried the password" in wrong.err and "wrong-pass-66" not in wrong.err
    finally:
        server.stop()
        shutil.rmtree(open_to_all)
        rules.unlink(missing_ok=True)
        subprocess.run(["userdel", "-r", "weirsudo"], capture_output=True)
