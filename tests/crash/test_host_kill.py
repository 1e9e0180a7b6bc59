"""
Killed (SIGKILL) before or after any message to a host, or at a durable step, weir must carry on as if nothing had happened: the same files
as without the kill, commands run once, and nothing left to do.
"""

import os

import pytest
from sshd import Sshd, fingerprint, have_sshd, keygen
from support import Stack

LONG = bool(os.environ.get("WEIR_LONG"))
FEW = 3
pytestmark = pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")

RESOURCES = """
resources:
  text: {type: host.file, path: "@/text", content: "version ${inputs.v}", mode: "640"}
  big: {type: host.file, path: "@/big", source: "big-${inputs.v}"}
  conf: {type: host.directory, path: "@/conf", source: "conf-${inputs.v}", purge: true}
  job: {type: host.cron, name: job, folder: "@", schedule: "${inputs.v} 3 * * *", command: "run"}
  once: {type: host.command, create: "echo ran >> @/ran-${inputs.v}", creates: "@/ran-${inputs.v}", triggers: "${text.sha256}", delete: "rm -f @/ran-*"}
"""
SCENARIOS = {"create": ([], ["apply", "--yes"]), "update": ([[]], ["apply", "--yes", "-i", "v=2"]), "destroy": ([[]], ["destroy", "--yes"])}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sshd")
    with Sshd(folder, [keygen(folder / "key")], [keygen(folder / "host")]) as server:
        server.key = folder / "key"
        yield server


class Sweep:
    def __init__(self, server, folder, name):
        self.server, self.folder, self.name = server, folder, name
        self.before, self.command = SCENARIOS[name]
        self.count = 0

    def fresh(self):
        self.count += 1
        stack = Stack(self.folder / f"{self.name}-{self.count}")
        stack.there = self.folder / f"there-{self.count}"
        stack.there.mkdir()
        head = f"connections: {{web: {self.server.connection(self.server.key, host_key=fingerprint(self.server.host_keys[0]))}}}\nproviders: {{host: {{via: web}}}}\n"
        stack.write("stack: killed\ninputs: {v: {type: integer, default: 1}}\n" + head + RESOURCES.replace("@", str(stack.there)))
        for version in 1, 2:
            stack.write(f"{version}" * 200_000, f"big-{version}")
            stack.write("same", f"conf-{version}/same")
            stack.write(f"{version}", f"conf-{version}/deep/only-{version}")
        for inputs in self.before:
            stack.run("apply", "--yes", *inputs)
        return stack

    def seen(self, stack):
        """Everything there, but not when it was written."""
        return {str(path.relative_to(stack.there)): (path.stat().st_mode, path.read_bytes() if path.is_file() else None) for path in stack.there.rglob("*")}

    def finish(self, stack):
        stack.run(*self.command)
        inputs = [word for word in self.command if word in ("-i", "v=2")]
        result = stack.run("plan", *inputs) if self.name != "destroy" else None
        assert result is None or "No changes" in result.out, str(result)
        return self.seen(stack)

    def points(self):
        names = self.fresh().crash_points(*self.command)
        assert sum("host" in name for name in names) >= 4, names
        return len(names)

    def killed_at(self, at):
        """None: the run was through before it got there."""
        stack = self.fresh()
        return stack if stack.killed_at(at, *self.command) else None


# The dearest kill of all; test_kill.py has the first of its kind.
LONG_FORM = {"test_kill[create]"}


@pytest.mark.parametrize("name", SCENARIOS if LONG else ["create"])
def test_kill(server, tmp_path, name):
    sweep = Sweep(server, tmp_path, name)
    expected = sweep.finish(sweep.fresh())
    count = sweep.points()
    for at in range(1, count + 1) if LONG else range(2, count + 1, max(1, count // FEW)):
        stack = sweep.killed_at(at)
        if stack:
            assert sweep.finish(stack) == expected, f"{name}: killed at {at} of {count}"
