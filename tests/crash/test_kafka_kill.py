"""
Killed (SIGKILL) before or after any request to a Kafka broker, or at a durable step, weir must carry on as if nothing had happened: the same
topics, rules and users as without the kill, as kafka-python shows them, and nothing left to do.
"""

import os

import pytest
from broker import Broker, newer_librdkafka
from support import Stack, until

LONG = bool(os.environ.get("WEIR_LONG"))
FEW = 4

RESOURCES = """
resources:
  orders: {type: kafka.topic, provider: events, name: orders, partitions: "${inputs.v + 1}", config: {retention.ms: "${inputs.v}00000", segment.ms: 777777}}
  other: {type: kafka.topic, provider: events, name: "other-${inputs.v}"}
  read: {type: kafka.acl, provider: events, principal: User:lake, resource_type: topic, resource_name: "${orders.name}", operations: "${inputs.v == 1 ? [\\"read\\", \\"describe\\"] : [\\"read\\", \\"write\\"]}"}
  lake: {type: kafka.user, provider: events, name: lake, password: kill-Partridge-3, mechanisms: [scram-sha-256, scram-sha-512], iterations: "${4096 * inputs.v}"}
"""
SCENARIOS = {"create": ([], ["apply", "--yes"]), "update": ([[]], ["apply", "--yes", "-i", "v=2"]), "destroy": ([[]], ["destroy", "--yes"])}


@pytest.fixture(scope="module")
def server():
    server = Broker()
    yield server
    server.stop()


class Sweep:
    def __init__(self, server, folder, name):
        self.server, self.folder, self.name = server, folder, name
        self.before, self.command = SCENARIOS[name]
        self.env = newer_librdkafka(folder / "lib")
        self.count = 0

    def clear(self):
        """By weir itself, which others than this test look at: quicker than Kafka's tools."""
        topics = [name for name in self.server.admin.list_topics() if not name.startswith("__")]
        if topics:
            self.server.admin.delete_topics(topics)
            until(lambda: not set(topics) & set(self.server.admin.list_topics()))

    def fresh(self):
        self.count += 1
        stack = Stack(self.folder / f"{self.name}-{self.count}")
        stack.env |= self.env
        (stack.folder / "weir.yaml").write_text("stack: killed\ninputs: {v: {type: integer, default: 1}}\nproviders:\n  " + self.server.provider() + RESOURCES)
        for inputs in self.before:
            stack.run("apply", "--yes", *inputs)
        return stack

    def seen(self):
        """What an independent program sees."""
        admin = self.server.admin
        topics = {t["name"]: (len(t["partitions"]), self.config(t["name"])) for t in admin.describe_topics() if not t["name"].startswith("__")}
        return topics, self.rules(), self.users()

    def config(self, topic):
        from kafka.admin import ConfigResource, ConfigResourceType

        found = self.server.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return sorted(line for line in str(found).split("'") if line in ("100000", "200000", "777777"))

    def rules(self):
        from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePatternFilter, ResourceType

        any_ = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        found = self.server.admin.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, any_))
        return sorted(map(str, found[0] if isinstance(found, tuple) else found))

    def users(self):
        return str(self.server.admin.describe_user_scram_credentials())

    def finish(self, stack):
        stack.run(*self.command)
        inputs = [word for word in self.command if word in ("-i", "v=2")]
        result = stack.run("plan", *inputs) if self.name != "destroy" else None
        assert result is None or "No changes" in result.out, str(result)
        seen = self.seen()
        if self.name != "destroy":
            stack.run("destroy", "--yes", *inputs)
        assert self.seen()[:2] == ({}, []) and "lake" not in self.users()
        return seen

    def points(self):
        stack = self.fresh()
        names = stack.crash_points(*self.command)
        assert sum("kafka" in name for name in names) > 10, names
        stack.run("destroy", "--yes")
        return len(names)

    def killed_at(self, at):
        """None: the run was through before it got there."""
        stack = self.fresh()
        if stack.killed_at(at, *self.command):
            return stack
        stack.run("destroy", "--yes")
        return None


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_kill(server, tmp_path, name):
    sweep = Sweep(server, tmp_path, name)
    expected = sweep.finish(sweep.fresh())
    count = sweep.points()
    places = range(1, count + 1) if LONG else range(1, count + 1, max(1, count // FEW))
    for at in places:
        stack = sweep.killed_at(at)
        if stack:
            assert sweep.finish(stack) == expected, f"{name}: killed at {at} of {count}"
    sweep.clear()
