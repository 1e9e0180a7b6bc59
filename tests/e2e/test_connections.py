"""`connections:` against OpenSSH: chains, host keys, authentication, tunnels, and settings that come to be known."""

import hashlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from sshd import SSHD, Sshd, fingerprint, have_sshd, keygen
from support import WEIR, until

pytestmark = pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    kinds = {"ed25519": "ed25519", "ecdsa": "ecdsa", "rsa": "rsa", "host": "ed25519", "host_rsa": "rsa", "other": "ed25519", "ca": "ed25519"}
    made = {name: keygen(folder / name, kind) for name, kind in kinds.items()}
    made["locked"] = keygen(folder / "locked", passphrase="open-sesame-77")
    made["signed"] = keygen(folder / "signed")
    subprocess.run(["ssh-keygen", "-q", "-s", made["ca"], "-I", "weir", "-n", os.environ.get("USER", "root") + ",root", f"{made['signed']}.pub"], check=True)
    return made


@pytest.fixture(scope="module")
def bastion(keys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bastion")
    (folder / "ca.pub").write_text(open(f"{keys['ca']}.pub").read())
    server = Sshd(folder, [keys[name] for name in ("ed25519", "ecdsa", "rsa", "locked")], [keys["host"], keys["host_rsa"]], f"TrustedUserCAKeys {folder}/ca.pub")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def inner(keys, tmp_path_factory):
    """Lets nobody in who does not come by way of the bastion, as far as keys go."""
    server = Sshd(tmp_path_factory.mktemp("inner"), [keys["ed25519"]], [keys["other"]])
    yield server
    server.stop()


def connect(stack, **connections):
    stack.write("stack: door\nconnections:\n" + "".join(f"  {name}: {settings}\n" for name, settings in connections.items()))
    return stack


@pytest.mark.full
def test_a_command_by_way_of_another_host(local_stack, bastion, inner, keys):
    connect(local_stack, bastion=bastion.connection(keys["ed25519"]), inner=inner.connection(keys["ed25519"], via="bastion"))
    bytes_in = os.urandom(3_000_000)
    done = subprocess.run(
        [WEIR, "ssh", "inner", "--", "cat; echo late >&2; exit 9"], cwd=local_stack.folder, env=local_stack.env, input=bytes_in, capture_output=True)
    assert done.returncode == 9 and done.stdout == bytes_in
    assert done.stderr.endswith(b"late\n") and b"connections.inner" in done.stderr


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa", "signed"])
def test_keys(local_stack, bastion, keys, kind):
    connect(local_stack, bastion=bastion.connection(keys[kind], host_key=fingerprint(keys["host"])))
    assert local_stack.run("ssh", "bastion", "echo", "in").out == "in\n"


def test_a_key_with_a_passphrase(local_stack, bastion, keys):
    connect(local_stack, bastion=bastion.connection(keys["locked"]))
    refused = local_stack.run("ssh", "bastion", "true", status=1)
    assert "has a passphrase, and neither `passphrase` nor an agent gives it" in refused.err
    with_phrase = bastion.connection(keys["locked"], passphrase='"${inputs.phrase}"')
    local_stack.write(f"""
        stack: door
        inputs: {{phrase: {{type: string, sensitive: true}}}}
        connections: {{bastion: {with_phrase}}}
    """)
    assert local_stack.run("ssh", "bastion", "echo", "in", env={"WEIR_INPUT_PHRASE": "open-sesame-77"}).out == "in\n"
    wrong = local_stack.run("ssh", "bastion", "true", status=1, env={"WEIR_INPUT_PHRASE": "not-that-one-88"})
    assert "the passphrase does not open" in wrong.err and "not-that-one-88" not in wrong.err


def test_who_may_not_come_in(local_stack, bastion, keys):
    connect(local_stack, wrong=bastion.connection(keys["other"]), none=bastion.connection("/nowhere/key"),
            shut=bastion.connection(keys["ed25519"]).replace(str(bastion.port), "1"))
    wrong = local_stack.run("ssh", "wrong", "true", status=1)
    assert f'does not let "{bastion.user}" in: tried {keys["other"]}' in wrong.err and "authorized_keys" in wrong.err
    assert "/nowhere/key: No such file" in local_stack.run("ssh", "none", "true", status=3).err
    assert "port 1: Connection refused" in local_stack.run("ssh", "shut", "true", status=1).err
    unknown = local_stack.run("ssh", "shutt", "true", status=3)
    assert 'there is no connection "shutt"' in unknown.err and "wrong, none, shut" in unknown.err


def line_of(key):
    return " ".join(open(f"{key}.pub").read().split()[:2])


def test_host_keys_given(local_stack, bastion, keys, tmp_path):
    """Of whichever kind the one is that is known: the host has several."""
    line = line_of(keys["host_rsa"])
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{bastion.port} {line}\n")
    stale = tmp_path / "stale"
    stale.write_text(f"[127.0.0.1]:{bastion.port} {line_of(keys['other'])}\n")
    connect(local_stack, print=bastion.connection(keys["ed25519"], host_key=fingerprint(keys["host_rsa"])),
            line=bastion.connection(keys["ed25519"], host_key=line), file=bastion.connection(keys["ed25519"], known_hosts=known),
            wrong=bastion.connection(keys["ed25519"], host_key=fingerprint(keys["other"])), stale=bastion.connection(keys["ed25519"], known_hosts=stale))
    for name in "print", "line", "file":
        done = local_stack.run("ssh", name, "echo", "in")
        assert (done.out, done.err) == ("in\n", "")
    for name in "wrong", "stale":
        refused = local_stack.run("ssh", name, "true", status=1)
        assert "is not the one that is known" in refused.err
        assert fingerprint(keys["other"]) in refused.err and fingerprint(keys["host"]) in refused.err


def test_trusted_at_the_first_use(local_stack, keys, tmp_path):
    target = tmp_path / "made"
    with Sshd(tmp_path / "sshd", [keys["ed25519"]], [keys["host"]]) as server:
        local_stack.write(f"""
            stack: door
            connections: {{web: {server.connection(keys["ed25519"])}}}
            providers: {{host: {{via: web}}}}
            resources: {{it: {{type: host.file, path: {target}, content: x}}}}
        """)
        made = local_stack.apply()
        assert f"trusted at its first use: {fingerprint(keys['host'])}" in made.out + made.err
        again = local_stack.run("plan")
        assert "trusted" not in again.out + again.err
        server.stop()
        server.host_keys = [keys["other"]]
        server.start()
        changed = local_stack.run("plan", status=1)
        assert fingerprint(keys["host"]) in changed.err and fingerprint(keys["other"]) in changed.err and "weir state rm connections.web" in changed.err
        assert "forgotten" in local_stack.run("state", "rm", "connections.web").out
        local_stack.assert_settled()


def test_an_agents_keys(local_stack, bastion, keys, tmp_path):
    agent = subprocess.run(["ssh-agent", "-s", "-a", tmp_path / "agent"], capture_output=True, text=True, check=True).stdout
    pid = int(re.search(r"SSH_AGENT_PID=(\d+)", agent)[1])
    local_stack.env["SSH_AUTH_SOCK"] = str(tmp_path / "agent")
    try:
        (tmp_path / "ask").write_text("#!/bin/sh\necho open-sesame-77\n")
        (tmp_path / "ask").chmod(0o755)
        subprocess.run(["ssh-add", keys["locked"]], env={**os.environ, **local_stack.env, "SSH_ASKPASS": str(tmp_path / "ask"), "SSH_ASKPASS_REQUIRE": "force"},
                       stdin=subprocess.DEVNULL, capture_output=True, check=True)
        plain = bastion.connection(keys["ed25519"]).replace(f"key: {keys['ed25519']}, ", "")
        connect(local_stack, any=plain, named=bastion.connection(keys["locked"]))
        for name in "any", "named":
            assert local_stack.run("ssh", name, "echo", "in").out == "in\n"
    finally:
        os.kill(pid, signal.SIGTERM)


def test_a_host_that_is_still_booting(local_stack, keys, tmp_path):
    """An apply waits for it, and says why meanwhile; a plan with something to look at there does not."""
    server = Sshd(tmp_path / "sshd", [keys["ed25519"]], [keys["host"]])
    server.stop()
    local_stack.write(f"""
        stack: door
        connections: {{web: {server.connection(keys["ed25519"])}}}
        providers: {{host: {{via: web}}}}
        resources: {{it: {{type: host.file, path: {tmp_path}/made, content: x}}}}
    """)
    running = local_stack.start("apply", "--yes", "--json")
    for line in running.stdout:
        if "waiting" in line and "Connection refused" in line:
            break
    server.start()
    try:
        assert "done" in running.stdout.read() and running.wait() == 0
    finally:
        server.stop()
    assert (tmp_path / "made").read_text() == "x"
    assert "Connection refused" in local_stack.run("plan", status=1).err


def test_as_ssh_config_says(local_stack, bastion, keys):
    local_stack.write(f"Host web\n  HostName 127.0.0.1\n  Port {bastion.port}\n  User {bastion.user}\n  IdentityFile {keys['ed25519']}\n", "config")
    pump = local_stack.folder / "pump.py"
    pump.write_text("import socket, sys, threading\n"
                    "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
                    "def back():\n"
                    "    while data := s.recv(65536):\n"
                    "        sys.stdout.buffer.write(data); sys.stdout.flush()\n"
                    "threading.Thread(target=back, daemon=True).start()\n"
                    "while data := sys.stdin.buffer.read1(65536): s.sendall(data)\n")
    connect(local_stack, web="{host: web, ssh_config: config}",
            piped=bastion.connection(keys["ed25519"], proxy_command=f'"python3 {pump} %h %p"'))
    assert local_stack.run("ssh", "web", "echo", "in").out == "in\n"
    assert local_stack.run("ssh", "piped", "echo", "in").out == "in\n"


# ---- tunnels ----


class Counter(threading.Thread):
    """Takes everything until its end, and only then answers: how much, and its digest."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.count, args=(connection,), daemon=True).start()

    @staticmethod
    def count(connection):
        digest, n = hashlib.sha256(), 0
        while data := connection.recv(1 << 16):
            digest.update(data)
            n += len(data)
        with suppress(OSError):  # it may only have been looked whether anybody listens
            connection.sendall(f"{n} {digest.hexdigest()}\n".encode() * 20_000)
        connection.close()


def send(port, data):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while more := s.recv(1 << 16):
            answer += more
    return answer


def listens_at(port):
    """The addresses of this machine at which somebody listens on a port, as the kernel has them."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    ends = [words[1].split(":") for words in lines if words[3] == "0A"]
    return {socket.inet_ntoa(struct.pack("=I", int(address, 16))) if len(address) == 8 else address for address, number in ends if int(number, 16) == port}


def test_a_tunnel_to_a_socket(local_stack, inner, keys, tmp_path):
    """Which has no port, neither in what is said of it nor where it is not there."""
    connect(local_stack, inner=inner.connection(keys["ed25519"]))
    missed = local_stack.run("tunnel", "inner", "--to", f"{tmp_path}/db", status=1).err
    assert f'"inner" does not reach {tmp_path}/db: ' in missed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/db")
        listener.listen()
        tunnel = local_stack.start("tunnel", "inner", "--to", f"{tmp_path}/db")
        assert f' leads to {tmp_path}/db by "inner"; ' in tunnel.stdout.readline()
        tunnel.terminate()
        assert tunnel.wait() == 0


def test_a_tunnel(local_stack, bastion, inner, keys):
    counter = Counter()
    connect(local_stack, bastion=bastion.connection(keys["ed25519"]), inner=inner.connection(keys["ed25519"], via="bastion"))
    tunnel = local_stack.start("tunnel", "inner", "--json", "--to", f"127.0.0.1:{counter.port}")
    port = json.loads(tunnel.stdout.readline())["port"]
    assert listens_at(port) == {"127.0.0.1"}
    data = [os.urandom(4_000_000), b"", os.urandom(70_000)]
    answers = {}
    threads = [threading.Thread(target=lambda i=i: answers.update({i: send(port, data[i])})) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, sent in enumerate(data):
        assert answers[i] == f"{len(sent)} {hashlib.sha256(sent).hexdigest()}\n".encode() * 20_000
    tunnel.terminate()
    assert tunnel.wait() == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_lost_session_comes_back(local_stack, keys, tmp_path):
    counter = Counter()
    with Sshd(tmp_path / "sshd", [keys["ed25519"]], [keys["host"]]) as server:
        connect(local_stack, web=server.connection(keys["ed25519"], host_key=fingerprint(keys["host"])))
        tunnel = local_stack.start("tunnel", "web", "--json", "--to", f"127.0.0.1:{counter.port}")
        port = json.loads(tunnel.stdout.readline())["port"]
        assert send(port, b"one").startswith(b"3 ")
        subprocess.run(["pkill", "-P", str(server.process.pid)], check=True)  # the session's process, not the server
        assert send(port, b"three").startswith(b"5 ")
        tunnel.terminate()
        tunnel.communicate()


def sessions_of(server):
    """The server's processes behind its listener."""
    return [int(pid) for pid in subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True).stdout.split()]


@pytest.mark.full
def test_a_server_that_stops_answering(local_stack, keys, tmp_path):
    """Its machine takes what is sent, but it says nothing any more: within a session, and before one."""
    with Sshd(tmp_path / "sshd", [keys["ed25519"]], [keys["host"]]) as server:
        connect(local_stack, web=server.connection(keys["ed25519"], host_key=fingerprint(keys["host"]), keep_alive="1s", timeout="2s"))
        slow = local_stack.start("ssh", "web", "--", "echo begun; sleep 5; echo ended")
        assert slow.stdout.readline() == "begun\n"
        out, err = slow.communicate()
        assert (out, err, slow.returncode) == ("ended\n", "", 0), "a command that says nothing for long is no such server"
        running = local_stack.start("ssh", "web", "--", "echo begun; exec sleep 600")
        assert running.stdout.readline() == "begun\n"
        stopped = sessions_of(server)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        lost = running.communicate()[1]
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
        assert "the connection was lost: no answer for 3 s" in lost and running.returncode == 1, lost
        server.process.send_signal(signal.SIGSTOP)
        before = local_stack.run("ssh", "web", "true", status=1)
        server.process.send_signal(signal.SIGCONT)
        assert "does not answer as an SSH server does" in before.err


@pytest.mark.full
def test_a_cable_that_is_cut(local_stack, keys, tmp_path):
    """Nobody tells either side, in a network of their own."""
    if os.geteuid():
        pytest.skip("needs root for a network of its own")
    server = Sshd(tmp_path / "sshd", [keys["ed25519"]], [keys["host"]])
    server.stop()
    connect(local_stack, web=server.connection(keys["ed25519"], host_key=fingerprint(keys["host"]), keep_alive="1s"))
    listens = f"until ss -Hltn | grep -q ':{server.port} '; do sleep 0.01; done"  # sshd goes into the background before
    script = f'ip link set lo up; "$0" -f "$1"; {listens}; exec "$2" ssh web -- "echo begun; exec sleep 600"'
    words = ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec", script, SSHD, server.folder / "config", WEIR]
    running = subprocess.Popen(words, cwd=local_stack.folder, env=local_stack.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stdout.readline() == "begun\n", running.stderr.read()
        subprocess.run(["nsenter", "-t", str(running.pid), "--net", "ip", "link", "set", "lo", "down"], check=True)
        assert "the connection was lost" in running.communicate()[1] and running.returncode == 1
    finally:
        running.kill()


def test_a_refused_forward_costs_nobody_a_channel(local_stack, keys, tmp_path):
    """One that is refused has no number at the far side: closing it would close somebody else's, or end the session."""
    with Sshd(tmp_path / "sshd", [keys["ed25519"]], [keys["host"]]) as server:
        connect(local_stack, web=server.connection(keys["ed25519"], host_key=fingerprint(keys["host"])))
        listener = socket.create_server(("127.0.0.1", 0))
        tunnel = local_stack.start("tunnel", "web", "--json", "--to", f"127.0.0.1:{listener.getsockname()[1]}")
        port = json.loads(tunnel.stdout.readline())["port"]
        held = socket.create_connection(("127.0.0.1", port))
        held.sendall(b"held")
        while True:  # weir has looked whether it is there before
            there = listener.accept()[0]
            if there.recv(4) == b"held":
                break
        listener.close()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as refused:
                assert refused.recv(1) == b""
        there.sendall(b"still")
        assert held.recv(5, socket.MSG_WAITALL) == b"still"
        held.close()
        until(lambda: there.recv(1) == b"", tunnel)
        for _ in range(3):  # with no other channel open
            with socket.create_connection(("127.0.0.1", port)) as refused:
                assert refused.recv(1) == b""
        tunnel.terminate()
        tunnel.communicate()
        log = server.log.read_text()
        assert log.count("Accepted publickey") == 1 and "nonexistent channel" not in log, log


# ---- settings that hang on resources ----


def test_an_address_that_comes_to_be_known(local_stack, bastion, inner, keys, tmp_path):
    target = tmp_path / "made"

    def write(host="127.0.0.1", content="one"):
        local_stack.write(f"""
            stack: door
            connections:
              bastion: {bastion.connection(keys["ed25519"]).replace("host: 127.0.0.1", 'host: "${machine.value}"')}
              inner: {inner.connection(keys["ed25519"], via="bastion")}
            providers: {{host: {{via: inner}}}}
            resources:
              machine: {{type: weir.value, value: {host}}}
              it: {{type: host.file, path: {target}, content: {content}}}
        """)

    write()
    assert local_stack.plan() == {"machine": "create", "it": "create"}
    assert not target.exists()
    local_stack.apply()
    assert target.read_text() == "one"
    local_stack.assert_settled()
    target.write_text("changed")
    assert local_stack.plan() == {"it": "update"}
    # Its address changes in the same apply: what was there is looked at by the old one, what is changed by the new.
    write("localhost", "two")
    assert local_stack.plan() == {"machine": "update", "it": "update"}
    local_stack.apply()
    assert target.read_text() == "two"
    local_stack.assert_settled()
    local_stack.destroy()
    assert not target.exists()


@pytest.mark.long
def test_an_address_that_only_an_apply_tells(local_stack, bastion, inner, keys, tmp_path):
    def write(trigger, content):
        local_stack.write(f"""
            stack: door
            connections:
              bastion: {bastion.connection(keys["ed25519"])}
              inner: {inner.connection(keys["ed25519"]).replace("host: 127.0.0.1", 'host: "${finder.output}"')}
            providers: {{host: {{via: bastion}}, host.inner: {{via: inner}}}}
            resources:
              finder: {{type: host.command, create: "echo 127.0.0.1", triggers: {trigger}}}
              it: {{type: host.file, provider: host.inner, path: {tmp_path}/made, content: {content}}}
        """)

    write(1, "one")
    assert local_stack.plan() == {"finder": "create", "it": "create"}
    local_stack.apply()
    local_stack.assert_settled()
    write(2, "two")
    assert local_stack.plan() == {"finder": "update", "it": "update"}
    local_stack.apply()
    assert (tmp_path / "made").read_text() == "two"
    local_stack.assert_settled()
    local_stack.destroy()
    assert not (tmp_path / "made").exists()


def test_mistakes_in_the_file(local_stack):
    local_stack.write("""
        stack: door
        connections:
          a: {host: h, via: bb}
          b: {hots: h}
          c: {host: h, via: d}
          d: {host: h, via: c}
        providers: {host: {via: a, become: perhaps}}
    """)
    wrong = local_stack.run("validate", status=3).err
    assert 'there is no connection "bb"' in wrong and 'did you mean "b"?' in wrong
    assert 'unknown attribute "hots"' in wrong and 'did you mean "host"?' in wrong
    assert "connections.c" in wrong and "become" in wrong
    schema = json.loads(local_stack.run("schema").out)["properties"]["connections"]["additionalProperties"]["else"]
    assert schema["required"] == ["host"] and "via" in schema["properties"] and not schema["additionalProperties"]


def test_a_store_behind_the_door(stack, cloud, bastion, keys):
    """The cloud's own provider goes through a connection, too: uploads and all."""
    stack.write("x" * 9_000_000, "data/large.csv")
    stack.write("y", "data/small.csv")
    stack.write(f"""
        stack: inner
        connections: {{bastion: {bastion.connection(keys["ed25519"], host_key=fingerprint(keys["host"]))}}}
        providers: {{aws: {{via: bastion}}}}
        resources:
          lake: {{type: aws.s3.bucket, name: inner-lake, force_destroy: true}}
          files: {{type: aws.s3.directory, bucket: "${{lake.name}}", source: data}}
    """)
    stack.apply()
    stack.assert_settled()
    assert cloud.client("s3").head_object(Bucket="inner-lake", Key="large.csv")["ContentLength"] == 9_000_000
    bastion.stop()
    assert "bastion" in stack.run("plan", status=1).err
    bastion.start()
    stack.destroy()
    assert cloud.client("s3").list_buckets()["Buckets"] == []
