"""kafka.*: what weir makes in a cluster is there for Kafka's own tools and kafka-python, others' settings stay, and no password is ever to be read anywhere."""

import base64
import datetime
import signal
import textwrap
import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from broker import ADMIN, PASSWORD, Broker, newer_librdkafka
from broker_front import CREATE_TOPICS, DELETE_TOPICS, Front
from sshd import Sshd, have_sshd, keygen
from support import Stack, until

USER_PASSWORD = "user-Heronsbill-42"


@pytest.fixture(scope="module")
def server():
    server = Broker(secure=True)
    yield server
    server.stop()


@pytest.fixture
def stack(tmp_path, server):
    yield Stack(tmp_path / "stack")
    names = [name for name in server.admin.list_topics() if not name.startswith("__")]
    if names:
        server.admin.delete_topics(names)
        until(lambda: not set(names) & set(server.admin.list_topics()))


def written(stack, provider, resources, before=""):
    stack.write(f"stack: events\n{before}\nproviders:\n  {provider}\nresources:\n" + textwrap.indent(textwrap.dedent(resources), "  "))
    return stack


def is_as_said(stack, **more):
    result = stack.run("plan", **more)
    assert "No changes" in result.out, str(result)


def partitions(server, topic):
    return len(next(t for t in server.admin.describe_topics([topic]))["partitions"])


def configs(server, topic):
    """What was set for this topic, as Kafka's own tool has it."""
    shown = server.java("kafka.admin.ConfigCommand", "--bootstrap-server", server.address(), "--describe", "--entity-type", "topics", "--entity-name", topic)
    return dict(line.split()[0].split("=", 1) for line in shown.splitlines() if line.startswith("  "))


def set_config(server, topic, **what):
    words = ",".join(f"{name.replace('_', '.')}={value}" for name, value in what.items())
    server.java("kafka.admin.ConfigCommand", "--bootstrap-server", server.address(), "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config", words)


def acls(server):
    shown = server.java("kafka.admin.AclCommand", "--bootstrap-server", server.address(), "--list")
    return sorted(line.strip() for line in shown.splitlines() if line.strip().startswith("(principal"))


TOPIC = """
    orders:
      type: kafka.topic
      provider: events
      name: orders
      partitions: 3
      config: {retention.ms: 100000, cleanup.policy: "compact, delete"}
"""


@pytest.mark.long
@pytest.mark.parametrize("older", [True, False], ids=["system's librdkafka", "newer librdkafka"])
def test_a_topic(stack, server, tmp_path, older):
    stack.env |= {} if older else newer_librdkafka(tmp_path / "lib")
    written(stack, server.provider(), TOPIC).run("apply", "--yes")
    is_as_said(stack)
    assert partitions(server, "orders") == 3
    assert configs(server, "orders") == {"retention.ms": "100000", "cleanup.policy": "compact,delete"}

    # others' settings are nobody's business, ours are
    set_config(server, "orders", retention_ms=5, segment_ms=777777)
    drift = stack.run("plan")
    assert "changed orders " in drift.out and "segment" not in drift.out, drift.out
    written(stack, server.provider(), TOPIC.replace("partitions: 3", "partitions: 5").replace(', cleanup.policy: "compact, delete"', "")).run("apply", "--yes")
    is_as_said(stack)
    assert partitions(server, "orders") == 5
    assert configs(server, "orders") == {"retention.ms": "100000", "segment.ms": "777777"}

    # what Kafka does not do is refused when it is planned
    for wrong, said in ("partitions: 2", "has 5 partitions and cannot have 2"), ("partitions: 5, replication_factor: 3", "has 1 replicas of each partition and not 3"):
        written(stack, server.provider(), "orders: {type: kafka.topic, provider: events, name: orders, " + wrong + "}")
        refused = stack.run("plan", status=None)
        assert refused.status == 3 and said in refused.err and "--replace orders" in refused.err, str(refused)
    written(stack, server.provider(), "orders: {type: kafka.topic, provider: events, name: orders, partitions: 2}").run("apply", "--yes", "--replace", "orders")
    assert partitions(server, "orders") == 2
    is_as_said(stack)
    stack.run("destroy", "--yes")
    assert "orders" not in server.admin.list_topics()


@pytest.mark.long
def test_what_goes_with_a_topic_is_told(stack, server):
    from kafka import KafkaProducer

    written(stack, server.provider(), "orders: {type: kafka.topic, provider: events, name: orders, partitions: 2}").run("apply", "--yes")
    producer = KafkaProducer(bootstrap_servers=server.address())
    for i in range(5):
        producer.send("orders", b"%d" % i, partition=i % 2)
    producer.close()
    told = stack.run("plan", "--destroy")
    assert "records are deleted" in told.out and "5 records" in told.out, told.out
    stack.run("destroy", "--yes")


@pytest.mark.long
def test_what_brokers_refuse(stack, server):
    there = "orders: {type: kafka.topic, provider: events, name: orders}"
    server.admin.create_topics({"orders": {"num_partitions": 1, "replication_factor": 1}})
    refused = written(stack, server.provider(), there).run("apply", "--yes", status=None)
    assert refused.status != 0 and "exists already" in refused.err, str(refused)
    for wrong, said in ("replication_factor: 2", "no more replicas than brokers|more replicas than brokers"), ("config: {retention.hours: 1}", "Unknown topic config name: retention.hours"):
        refused = written(stack, server.provider(), "other: {type: kafka.topic, provider: events, name: other, " + wrong + "}").run("apply", "--yes", status=None)
        assert refused.status != 0 and any(part in refused.err for part in said.split("|")), str(refused)
    refused = written(stack, server.provider(), "other: {type: kafka.topic, provider: events, name: a b}").run("validate", status=3)
    assert "name" in refused.err


@pytest.mark.long
def test_rules(stack, server):
    rule = "rule: {type: kafka.acl, provider: events, principal: User:bob, resource_type: topic, resource_name: orders, operations: [read, describe]}\n"
    more = "group: {type: kafka.acl, provider: events, principal: User:bob, resource_type: group, resource_name: etl-, pattern: prefixed, permission: deny, host: 10.0.0.1, operations: [all]}\n"
    written(stack, server.provider(), rule + more).run("apply", "--yes")
    is_as_said(stack)
    bob = "(principal=User:bob, host=*, operation={}, permissionType=ALLOW)"
    assert acls(server) == [bob.format("DESCRIBE"), bob.format("READ"), "(principal=User:bob, host=10.0.0.1, operation=ALL, permissionType=DENY)"]

    # the same rule twice is refused, one that somebody else has made too
    twice = written(stack, server.provider(), rule + rule.replace("rule:", "again:")).run("plan", status=None)
    assert twice.status != 0 and "again" in twice.err, str(twice)
    other = Stack(stack.folder.parent / "other")
    refused = written(other, server.provider(), rule).run("apply", "--yes", status=None)
    assert refused.status != 0 and "exists already" in refused.err, str(refused)

    # what others add is seen, and with `only: false` it is not
    written(stack, server.provider(), rule + more)
    server.java("kafka.admin.AclCommand", "--bootstrap-server", server.address(), "--add", "--allow-principal", "User:bob", "--operation", "Alter", "--topic", "orders")
    assert "changed rule " in stack.run("plan").out
    written(stack, server.provider(), rule.replace("operations", "only: false, operations") + more).run("apply", "--yes")
    is_as_said(stack)
    assert bob.format("ALTER") in acls(server)
    written(stack, server.provider(), rule.replace("describe]", "write]") + more).run("apply", "--yes")
    is_as_said(stack)
    assert acls(server)[:2] == [bob.format("READ"), bob.format("WRITE")]
    stack.run("destroy", "--yes")
    assert acls(server) == []


@pytest.mark.long
def test_a_user(stack, server, tmp_path):
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    stack.env |= newer_librdkafka(tmp_path / "lib")
    inputs = f"inputs: {{password: {{type: string, sensitive: true, default: {USER_PASSWORD}}}}}"
    user = 'loader: {type: kafka.user, provider: events, name: loader, password: "${inputs.password}"}\n'
    provider = server.provider(listener="SCRAM", user=ADMIN, password=PASSWORD)

    def comes_in(password, mechanism="SCRAM-SHA-512"):
        try:
            KafkaAdminClient(bootstrap_servers=server.address("SCRAM"), security_protocol="SASL_PLAINTEXT", sasl_mechanism=mechanism, sasl_plain_username="loader",
                             sasl_plain_password=password, bootstrap_timeout_ms=5000).close()
            return True
        except KafkaError:
            return False

    written(stack, provider, user, inputs)
    shown = [stack.run("plan"), stack.run("apply", "--yes", "--json", "-vv")]
    is_as_said(stack)
    assert comes_in(USER_PASSWORD) and not comes_in(USER_PASSWORD, "SCRAM-SHA-256")
    written(stack, provider, user.replace("name: loader", "name: loader, mechanisms: [scram-sha-256, scram-sha-512], iterations: 4096"), inputs.replace(USER_PASSWORD, USER_PASSWORD + "-new"))
    shown += [stack.run("plan"), stack.run("apply", "--yes")]
    assert "password" in shown[-2].out
    is_as_said(stack)
    assert comes_in(USER_PASSWORD + "-new", "SCRAM-SHA-256") and comes_in(USER_PASSWORD + "-new") and not comes_in(USER_PASSWORD)
    # another stack does not give somebody else's user a password of its own
    other = Stack(stack.folder.parent / "other")
    other.env |= stack.env
    refused = written(other, provider, user, inputs).run("apply", "--yes", status=None)
    assert refused.status != 0 and "exists already" in refused.err and comes_in(USER_PASSWORD + "-new"), str(refused)
    shown.append(stack.run("destroy", "--yes"))
    assert not comes_in(USER_PASSWORD + "-new")
    state = "".join(path.read_text(errors="replace") for path in (stack.folder / ".weir").rglob("*") if path.is_file())
    for where in state, (server.folder / "log").read_text(), *(result.out + result.err for result in shown):
        assert USER_PASSWORD not in where and PASSWORD not in where


@pytest.mark.long
def test_ways_in(stack, server):
    """TLS, certificates, PLAIN, SCRAM; and what is said when somebody is not let in."""
    topic = "t: {type: kafka.topic, provider: events, name: ways}\n"
    ca, safe = server.folder / "ca.pem", {"listener": "SAFE", "user": ADMIN, "password": PASSWORD}
    ways = [{**safe, "tls": f"{{ca: {ca}}}"}, {**safe, "tls": f"{{ca: {ca}}}", "mechanism": "plain"}, {**safe, "listener": "SCRAM", "mechanism": "scram-sha-256"}]
    written(stack, server.provider(**ways[0]), topic).run("apply", "--yes")
    for way in ways[1:]:
        is_as_said(written(stack, server.provider(**way), topic))
    wrong = written(stack, server.provider(**{**ways[0], "password": "wrong-Parrot-11"}), topic).run("plan", status=None)
    assert wrong.status == 1 and "cannot log in" in wrong.err and "wrong-Parrot-11" not in wrong.err + wrong.out, str(wrong)
    unknown = written(stack, server.provider(**{**ways[0], "tls": "true"}), topic).run("plan", status=None)
    assert "certificate verify failed" in unknown.err and "tls: {ca: FILE}" in unknown.err, str(unknown)
    # by certificate; that name may not do anything so far
    mutual = server.provider(listener="MUTUAL", tls=f"{{ca: {ca}, cert: {server.folder}/client.pem, key: {server.folder}/client.key}}")
    refused = written(stack, mutual, "u: {type: kafka.topic, provider: events, name: another}\n").run("apply", "--yes", status=None)
    assert "AUTHORIZATION_FAILED" in refused.err and "kafka.acl" in refused.err, str(refused)
    written(stack, server.provider(**ways[0]), topic).run("destroy", "--yes")


@pytest.mark.long
@pytest.mark.skipif(not have_sshd(), reason="OpenSSH's server is not installed")
def test_behind_a_bastion(stack, server, tmp_path):
    bastion = Sshd(tmp_path / "sshd", [keygen(tmp_path / "mine")], [keygen(tmp_path / "host")])
    try:
        before = f"""connections:
              bastion: {{type: ssh, host: 127.0.0.1, port: {bastion.port}, user: {bastion.user}, key: {tmp_path / "mine"}, host_key: "{(tmp_path / "host.pub").read_text().strip()}", wait: 3s}}"""
        way = server.provider(listener="SAFE", user=ADMIN, password=PASSWORD, tls=f"{{ca: {server.folder}/ca.pem}}", via="bastion", wait_seconds=5)
        written(stack, way, "t: {type: kafka.topic, provider: events, name: inside}\n", textwrap.dedent(before)).run("apply", "--yes")
        is_as_said(stack)
        assert "inside" in server.admin.list_topics()
        stack.run("destroy", "--yes")
        bastion.stop()
        bastion.more = ["PermitOpen none"]
        bastion.start()
        refused = stack.run("apply", "--yes", status=None)
        assert refused.status != 0 and '"bastion" does not reach' in refused.err, str(refused)
    finally:
        bastion.stop()


@pytest.mark.long
def test_an_answer_that_is_lost(stack, server):
    front = Front(server.ports["FRONT"], server.front)
    try:
        provider = f"events: {{type: kafka, bootstrap: '127.0.0.1:{server.front}'}}"
        front.lose.add(CREATE_TOPICS)
        written(stack, provider, "t: {type: kafka.topic, provider: events, name: lost, partitions: 2}\n").run("apply", "--yes")
        assert front.seen.count(CREATE_TOPICS) == 1 and not front.lose
        is_as_said(stack)
        assert partitions(server, "lost") == 2
        stack.run("destroy", "--yes")
    finally:
        front.stop()


@pytest.mark.long
def test_a_topic_that_is_being_deleted(stack, server):
    """The name is free at once, or later than the deletion is answered: weir waits for it."""
    front = Front(server.ports["FRONT"], server.front)
    try:
        topic = "t: {type: kafka.topic, provider: events, name: again, partitions: %d}\n"
        written(stack, server.provider(), topic % 1).run("apply", "--yes")
        for n in range(2, 6):  # somebody deletes it just before, and weir itself
            server.admin.delete_topics(["again"])
            written(stack, server.provider(), topic % n).run("apply", "--yes")
            is_as_said(stack)
            assert partitions(server, "again") == n
            stack.run("apply", "--yes", "--replace", "t")
            is_as_said(stack)
        # a broker that lags behind shows it for longer, and after that the controller has the name for a while
        stack.run("destroy", "--yes")
        provider = f"events: {{type: kafka, bootstrap: '127.0.0.1:{server.front}'}}"
        written(stack, provider, topic % 2).run("apply", "--yes")
        front.late, front.taken = 3, ["again"] * 2
        done = stack.run("apply", "--yes", "--json", "--replace", "t")
        assert "waiting until no broker shows it any more" in done.out and "waiting for the earlier topic of that name" in done.out, done.out
        assert (front.late, front.taken) == (0, []) and front.seen.count(DELETE_TOPICS) == 1
        is_as_said(stack)
        stack.run("destroy", "--yes")
        assert "again" not in server.admin.list_topics()
    finally:
        front.stop()


@pytest.mark.long
def test_iam(stack, server):
    """MSK's login: what weir shows as a token is a request for kafka-cluster:Connect, signed as botocore signs it."""
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    front = Front(server.ports["FRONT"], server.front, server.folder / "server.pem")
    try:
        keys = "access_key: AKIDEXAMPLE, secret_key: iam/secret+Key-77, session_token: token/Of+session=="
        provider = f"events: {{type: kafka, bootstrap: '127.0.0.1:{server.front}', tls: {{ca: {server.folder}/ca.pem}}, iam: {{region: eu-west-1, {keys}}}}}"
        shown = written(stack, provider, "t: {type: kafka.topic, provider: events, name: signed}\n").run("apply", "--yes", "-vv")
        assert "signed" in server.admin.list_topics()
        url = base64.urlsafe_b64decode(front.tokens[0] + "=" * (-len(front.tokens[0]) % 4)).decode()
        given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert urlsplit(url).hostname == "kafka.eu-west-1.amazonaws.com" and given["Action"] == "kafka-cluster:Connect" and given["X-Amz-Expires"] == "900"
        request = AWSRequest("GET", "https://kafka.eu-west-1.amazonaws.com/", params={"Action": "kafka-cluster:Connect"})
        signer = botocore.auth.SigV4QueryAuth(Credentials("AKIDEXAMPLE", "iam/secret+Key-77", "token/Of+session=="), "kafka-cluster", "eu-west-1", 900)
        moment = datetime.datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda *_: moment)
            signer.add_auth(request)
        expected = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        assert {name: given[name] for name in expected} == expected
        assert front.tokens[0] not in shown.out + shown.err and "iam/secret+Key-77" not in shown.out + shown.err
        stack.run("destroy", "--yes")
    finally:
        front.stop()


@pytest.mark.long
def test_a_broker_that_dies_and_comes_back(stack, server):
    written(stack, server.provider(), "t: {type: kafka.topic, provider: events, name: kept}\n").run("apply", "--yes")
    server.halt()
    gone = stack.run("plan", status=None)
    assert gone.status != 0 and "cannot connect to the Kafka cluster" in gone.err and "bootstrap" in gone.err, str(gone)
    written(stack, server.provider(), "t: {type: kafka.topic, provider: events, name: kept}\nu: {type: kafka.topic, provider: events, name: later}\n")
    run = stack.start("apply", "--yes", "--json", "--no-refresh")
    try:
        until(lambda: "waiting for Kafka" in run.stdout.readline(), run)
    finally:
        server.start()
    out, err = run.communicate()
    assert run.returncode == 0, out + err
    is_as_said(stack)
    stack.run("destroy", "--yes")


@pytest.mark.long
def test_interrupted_while_nobody_answers(stack, server):
    server.process.send_signal(signal.SIGSTOP)  # takes connections, and says nothing
    try:
        run = written(stack, server.provider(), "t: {type: kafka.topic, provider: events, name: silent}\n").start("apply", "--yes", "--json")
        until(lambda: "waiting for Kafka" in run.stdout.readline(), run)
        run.send_signal(signal.SIGINT)
        run.communicate()
        assert run.returncode == 130
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.long
def test_interrupted_while_an_answer_is_waited_for(stack, server):
    """What became of the request is found out by the next apply, which makes nothing twice."""
    front = Front(server.ports["FRONT"], server.front)
    answered = front.held[CREATE_TOPICS] = threading.Event()
    try:
        provider = f"events: {{type: kafka, bootstrap: '127.0.0.1:{server.front}'}}"
        run = written(stack, provider, "t: {type: kafka.topic, provider: events, name: unheard, partitions: 2}\n").start("apply", "--yes")
        until(lambda: CREATE_TOPICS in front.seen, run)
        until(lambda: run.poll() is not None or run.send_signal(signal.SIGINT))  # the first one only stops what has not begun
        out, err = run.communicate()
        assert run.returncode == 130 and "interrupted" in err and "timed out" not in err.lower(), out + err
        answered.set()
        until(lambda: "unheard" in server.admin.list_topics())
        stack.run("apply", "--yes")
        is_as_said(stack)
        assert partitions(server, "unheard") == 2
        stack.run("destroy", "--yes")
    finally:
        answered.set()
        front.stop()


def test_what_can_be_said_wrongly(tmp_path):
    """Nobody has to be there for it."""
    stack = Stack(tmp_path / "stack")
    topic = "t: {type: kafka.topic, provider: events, name: t}\n"
    wrong = {
        "events: {type: kafka, bootsrap: x}": 'did you mean "bootstrap"',
        "events: {type: kafka}": "bootstrap has to name brokers",
        "events: {type: kafka, bootstrap: [a]}": '"a" is not a HOST:PORT',
        "events: {type: kafka, bootstrap: 'a:1', user: u}": "user and password go together",
        "events: {type: kafka, bootstrap: 'a:1', user: u, password: plain-Bullfinch-1, mechanism: plain}": "in the clear",
        "events: {type: kafka, bootstrap: 'a:1', user: u, password: plain-Bullfinch-1, mechanism: gssapi}": 'no mechanism "gssapi"',
        "events: {type: kafka, bootstrap: 'a:1', user: u, password: plain-Bullfinch-1, iam: true}": "exclude each other",
        "events: {type: kafka, bootstrap: 'a:1', tls: {cafile: x}}": 'tls has no setting "cafile"',
        "events: {type: kafka, bootstrap: 'a:1', tls: {ca: nowhere.pem}}": "nowhere.pem",
    }
    for provider, said in wrong.items():
        refused = written(stack, provider, topic).run("plan", status=None)
        assert refused.status != 0 and said in refused.err and "Bullfinch" not in refused.err, (provider, str(refused))
