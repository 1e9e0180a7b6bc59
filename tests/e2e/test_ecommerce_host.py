"""The shop's lakehouse on an own host: over OpenSSH, with a Kafka, a PostgreSQL and an S3 server of others, Spark and Airflow; Grafana and Metabase are small servers (see docs/testing.md)."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from broker import JAVA, LIBS, Broker, newer_librdkafka
from grafana_server import GrafanaServer
from metabase_server import Metabase
from pg import Postgres
from servers import Versity
from shop import EXAMPLE, api, assert_warehouse, expected, orders, psql
from sshd import Sshd, fingerprint, have_sshd, keygen

from support import ROOT, WEIR, Stack, example, free_port, until

AIRFLOW, SPARK, GRAFANA = ROOT / ".venv-airflow2", ROOT / ".venv-jobs", ROOT / ".cache/grafana-openapi"
PASSWORD = "hush-all-of-the-shop"
# A table of Iceberg's catalog in PostgreSQL, as PyIceberg reads what its metadata says.
READ = """
import json, os, sys
from pyiceberg.table import StaticTable
table = StaticTable.from_metadata(sys.argv[1], {"s3.endpoint": os.environ["AWS_ENDPOINT_URL"], "s3.region": "us-east-1"})
print(json.dumps(table.scan().to_arrow().to_pylist(), default=str))
"""
pytestmark = pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")


class Shop:
    """The example in a folder of its own, the lines of its README, and what can be looked at wherever it runs."""

    def __init__(self, folder, home, env):
        self.home = home
        self.stack = example("ecommerce-lakehouse", folder / "shop", None)
        self.stack.folder /= "host"
        self.stack.patience_s = 2400
        self.stack.env |= env
        readme = (EXAMPLE / "README.md").read_text()
        self.lines = [line.split("  #")[0].strip() for line in re.findall(r"^    (weir -C host .*)$", readme, re.M)]

    def readme(self, line):
        """A line of the README, carried out as it stands there."""
        assert line in self.lines, (line, self.lines)
        self.lines.remove(line)
        done = subprocess.run(["bash", "-c", line.replace("host=shop.example.org", "host=127.0.0.1")], cwd=self.stack.folder.parent,
                              env={**self.stack.env, "PATH": f"{WEIR.parent}:{os.environ['PATH']}"}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            pytest.fail("\n".join([line, done.stdout[-6000:], done.stderr[-6000:], str(self.logs())]))
        assert PASSWORD not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def logs(self):
        return {str(path): path.read_text(errors="replace")[-3000:] for path in (self.home / "logs").rglob("*.*") if path.is_file() and path.suffix in (".out", ".log")}

    def secret(self, part):
        return next(line.partition("=")[2] for line in (self.home / "environment").read_text().splitlines() if line.startswith(part))

    def iceberg(self, layer, table):
        (where,) = psql(self.database.env(dbname="lake"), f"select metadata_location from iceberg_tables where table_namespace = '{layer}' and table_name = '{table}'")
        done = subprocess.run([SPARK / "bin/python", "-c", READ, where[0]], capture_output=True, text=True, env=self.s3.environment())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


class Host(Shop):
    """All that the platform is made of, but for what the stack itself makes."""

    def __init__(self, folder, api=None):
        home, self.cron = folder / "opt", folder / "cron.d"
        self.cron.mkdir()
        self.key = keygen(folder / "id")
        self.sshd = Sshd(folder / "sshd", [self.key], [keygen(folder / "host")], "MaxSessions 64")
        self.database, self.broker, self.s3 = Postgres(password="hush-postgres"), Broker(secure=True), Versity()
        self.grafana, self.metabase = GrafanaServer(GRAFANA), Metabase()
        given = {"s3": self.s3.secret, "kafka": "admin-Bittern-31", "postgres": "hush-postgres", "grafana": "hush-admin", "metabase": "hush-hush"}
        self.web_port = free_port()
        inputs = {"PASSWORD": PASSWORD, "GIVEN": json.dumps(given), "HOST": "127.0.0.1", "PORT": self.sshd.port, "USER": self.sshd.user, "KEY": self.key, "HOST_KEY": fingerprint(self.sshd.host_keys[0]),
                  "BECOME": "false", "CRON": self.cron, "PACKAGES": "false", "HOME": home, "SERVICES": "plain", "CONTAINERS": "false", "S3_PORT": self.s3.port, "S3_USER": self.s3.access,
                  "KAFKA_PORT": self.broker.ports["SCRAM"], "POSTGRES_PORT": self.database.port, "POSTGRES_USER": "weir", "GRAFANA_PORT": self.grafana.url.rpartition(":")[2],
                  "METABASE_PORT": self.metabase.url.rpartition(":")[2], "METABASE_USER": "ada@example.com", "AIRFLOW": AIRFLOW, "AIRFLOW_PORT": self.web_port, "SPARK": SPARK, "JARS": SPARK / "jars", "SPARK_JAVA": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
                  "SCAN_SECONDS": 2, "EVERY": 5, "NIGHTLY": "false", **({"ORDERS_API": api} if api else {})}
        super().__init__(folder, home, {f"WEIR_INPUT_{name}": str(value) for name, value in inputs.items()} | newer_librdkafka(folder / "librdkafka"))

    def pids(self):
        return {name: int((self.home / f"{name}.pid").read_text()) for name in ("webserver", "scheduler", "stream")}

    def stop(self):
        for path in self.home.glob("*.pid"):
            subprocess.run(["kill", "-KILL", "--", f"-{path.read_text().strip()}"], capture_output=True)
        for one in (self.grafana, self.metabase, self.s3, self.broker, self.database, self.sshd):
            one.stop()


def needs(*places):
    for place, how in places:
        if not place.exists():
            pytest.skip(f"no {place}: {how}")


@pytest.fixture
def planned(tmp_path):
    """What becomes of a server with nothing on it: changes by address."""
    key = keygen(tmp_path / "id")
    with Sshd(tmp_path / "sshd", [key], [keygen(tmp_path / "host")]) as sshd:
        stack = example("ecommerce-lakehouse", tmp_path / "shop", None)
        stack.folder /= "host"
        given = {"PASSWORD": PASSWORD, "HOST": "127.0.0.1", "PORT": sshd.port, "USER": sshd.user, "KEY": key, "HOST_KEY": fingerprint(sshd.host_keys[0]), "BECOME": "false"}
        stack.env |= {f"WEIR_INPUT_{name}": str(value) for name, value in given.items()}

        def plan(*arguments):
            shown = stack.run("plan", "--json", *arguments)
            assert PASSWORD not in shown.out + shown.err and not any(secret_of(part) in shown.out for part in ("postgres", "kafka", "s3"))
            return {event["address"]: event for event in shown.events() if event["event"] == "change"}

        yield plan


def attribute(change, name):
    return next(one["after"] for one in change["attrs"] if one["name"] == name)


def test_planned_with_containers(planned):
    """Packages, images, five containers that are in the host's own network, units of systemd."""
    changes = planned()
    assert {event["action"] for event in changes.values()} == {"create"}
    containers = {address for address, event in changes.items() if event["type"] == "docker.container"}
    assert containers == {"minio", "kafka", "postgres", "grafana", "metabase"} and {attribute(changes[name], "network_mode") for name in containers} == {"host"}
    assert {f'unit["{name}"]' for name in ("webserver", "scheduler", "stream")} <= set(changes) and not any(address.startswith("plain") for address in changes)


@pytest.mark.long
def test_the_settings_of_the_broker(planned, tmp_path):
    """A Kafka with what its container's variables say, as Kafka's image reads them: weir comes as admin, and a user whom it makes may send."""
    needs((LIBS, "tools/setup kafka"))
    port, control = free_port(), free_port()
    variables = attribute(planned("-i", f"kafka_port={port}")["kafka"], "environment")
    cluster = variables.pop("CLUSTER_ID")
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="{0}" user_admin="{0}";'
    variables |= {"KAFKA_LISTENER_NAME_SASL_PLAIN_SASL_JAAS_CONFIG": login.format(secret_of("kafka")),
                  "KAFKA_LISTENER_NAME_SASL_SCRAM___SHA___512_SASL_JAAS_CONFIG": "org.apache.kafka.common.security.scram.ScramLoginModule required;", "KAFKA_LOG_DIRS": str(tmp_path / "data")}
    declared = yaml.safe_load((EXAMPLE / "host/servers.yaml").read_text())["resources"]["kafka"]["secret_environment"]
    assert {name: text.replace("${locals.secret.kafka}", secret_of("kafka")) for name, text in declared.items()}.items() <= variables.items()
    settings = {re.sub("___|__|_", lambda found: {"___": "-", "__": "_", "_": "."}[found[0]], name[6:]).lower(): value.replace(f":{port + 1}", f":{control}") for name, value in variables.items()}
    (tmp_path / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    java = ["java", *JAVA, "-cp", f"{LIBS}/*"]
    subprocess.run([*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", tmp_path / "server.properties"], check=True, capture_output=True)
    with (tmp_path / "log").open("w") as log:
        broker = subprocess.Popen([*java, "kafka.Kafka", tmp_path / "server.properties"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        stack = Stack(tmp_path / "topics").write(f"""
            stack: topics
            providers: {{kafka: {{bootstrap: "127.0.0.1:{port}", user: admin, password: "{secret_of('kafka')}", mechanism: plain, wait_seconds: 200}}}}
            resources:
              orders: {{type: kafka.topic, name: shop.orders, partitions: 2}}
              client: {{type: kafka.user, name: producer, password: "{secret_of('producer')}"}}
              may: {{type: kafka.acl, principal: "User:producer", resource_type: topic, resource_name: shop., pattern: prefixed, operations: [write, describe]}}
            """)
        stack.env |= newer_librdkafka(tmp_path / "librdkafka")
        stack.apply()
        stack.assert_settled()
        produce(f"127.0.0.1:{port}", {"order_id": 1})
    finally:
        broker.kill()
        broker.wait()


@pytest.mark.long
def test_the_platform(tmp_path):
    needs((AIRFLOW / "bin/airflow", "tools/setup airflow"), (SPARK / "jars/.done", "tools/setup jobs"), (GRAFANA / "models", "tools/setup grafana"), (LIBS, "tools/setup kafka"))
    if not Versity.program():
        pytest.skip("no versitygw: tools/setup s3")
    with api() as (url, asked):
        host = Host(tmp_path, url)
        try:
            live(host, asked)
        finally:
            host.stop()


def live(host, asked):
    stack = host.stack
    before = {name: host.database.psql(f"select {name}") for name in ("count(*) from pg_database", "count(*) from pg_roles")}
    made = host.readme("weir -C host apply -y -i host=shop.example.org")
    assert "No changes" in host.readme("weir -C host plan -i host=shop.example.org")
    kept = stack.state_text()
    for part in ("LOADER_PASSWORD", "READER_PASSWORD", "AWS_SECRET"):
        assert host.secret(part) not in made + kept
    assert (host.home / "environment").stat().st_mode & 0o777 == 0o600

    # Topics, users and rules, as another client of Kafka sees them.
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(bootstrap_servers=host.broker.address())
    assert all(consumer.partitions_for_topic(f"shop.{name}") == {0, 1} for name in ("orders", "products", "customers"))
    consumer.close()

    # Produced, streamed, checked, loaded: in the order of the DAG.
    assert "success" in host.readme("weir -C host run nightly -i host=shop.example.org day=2026-11-20")
    assert {day for day, _ in asked} == {"2026-11-20"} and max(page for _, page in asked) == 4
    viewer = host.database.env(user="viewer", password=secret_of("viewer"), dbname="warehouse")
    assert_warehouse(viewer, "2026-11-20")
    bronze = host.iceberg("bronze", "orders")
    assert sorted((json.loads(row["value"])["order_id"] for row in bronze), key=str) == sorted((order["order_id"] for order in orders("2026-11-20")), key=str)
    assert len({row["_source"] for row in bronze}) == len(bronze) and all(row["_batch_id"] and row["_ingested_at"] for row in bronze)
    rejected = host.iceberg("silver", "rejected")
    assert {reason: sum(row["reason"] == reason for row in rejected) for reason in {row["reason"] for row in rejected}} == expected("2026-11-20")["rejected"]

    # New code of the stream: it alone is restarted, goes on where it was, and an order of a producer of the shop's own comes in.
    pids, script = host.pids(), stack.folder.parent / "jobs/stream.py"
    script.write_text(script.read_text() + "# edited\n")
    assert stack.plan() == {'script["stream"]': "update", "code": "update", 'plain["stream"]': "update"}
    host.readme("weir -C host deploy -y 'script[\"stream\"]' -i host=shop.example.org")
    after = host.pids()
    assert after["stream"] != pids["stream"] and {**after, "stream": 0} == {**pids, "stream": 0} and not Path(f"/proc/{pids['stream']}").exists()
    assert "# edited" in (host.home / "jobs/stream.py").read_text()
    produce(host.broker.address("SCRAM"), {"order_id": 9999})

    # Not good enough: the DAG fails at the check, gold and the warehouse stay as they are. What was produced is in bronze, once.
    strict = ["-i", "thresholds={completeness: 0.95, accuracy: 0.95, consistency: 1}"]
    assert stack.plan(*strict) == {"shop_jobs": "update"}
    stack.apply(*strict)
    assert "fail" in stack.run("run", "nightly", "day=2026-11-21", *strict, status=1).err
    assert_warehouse(viewer, "2026-11-20")
    judged = {row["rule"]: row["passed"] for row in host.iceberg("gold", "quality") if row["day"] == "2026-11-21"}
    assert len(judged) == 8 and {rule for rule, passed in judged.items() if not passed} == {"orders have a customer", "items have a product"}
    bronze = [row["key"] for row in host.iceberg("bronze", "orders")]
    assert bronze.count("9999") == 1 and len(bronze) == len(orders("2026-11-20")) + len(orders("2026-11-21")) + 1
    stack.apply()
    host.readme("weir -C host rollback -y 'script[\"stream\"]' -i host=shop.example.org")
    assert "# edited" not in (host.home / "jobs/stream.py").read_text() and host.pids()["stream"] != after["stream"]
    stack.assert_settled()

    # Health: each part is looked at, and dashboards find it.
    watch = (host.cron / "demo-shop-health").read_text()
    line = re.search(r"root (.*)$|\* \* \* \* \S+ (.*)$", watch, re.M)
    assert line, watch
    seen = look(host, line[1] or line[2])
    assert seen == dict.fromkeys(("kafka", "s3", "postgres", "airflow", "stream"), True)
    os.killpg(host.pids()["stream"], 9)
    until(lambda: look(host, line[1] or line[2]) == {**seen, "stream": False})
    assert ("stream", "f") in psql(viewer, "select part, well from gold.health")
    assert stack.plan() == {'plain["stream"]': "create"}

    # What Grafana and Metabase were given: their queries are the warehouse's own.
    assert not host.grafana.wrong, host.grafana.wrong
    board = host.grafana.dashboards["shop-pipeline"]["dashboard"]
    asks = [panel["targets"][0]["rawSql"] for panel in board["panels"]] + [rule["data"][0]["model"]["rawSql"] for rule in host.grafana.rules.values()]
    asks += [card["dataset_query"]["native"]["query"] for card in host.metabase.items["card"].values()]
    assert len(asks) == 4 + 3 + 3 and all(psql(viewer, sql) for sql in asks)

    host.readme("weir -C host destroy -y --verify -i host=shop.example.org")
    assert not host.lines, host.lines
    assert not host.home.exists() and not any(host.cron.iterdir()) and host.s3.client("s3").list_buckets()["Buckets"] == []
    assert {name: host.database.psql(f"select {name}") for name in before} == before
    assert not [topic for topic in host.broker.admin.list_topics() if topic.startswith("shop.")]
    assert not host.grafana.dashboards and not host.grafana.rules and not host.grafana.sources and not host.metabase.items["card"] and not host.metabase.items["database"]
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if f"AIRFLOW_HOME={host.home}" in read_or_nothing(path)]


def look(host, command):
    env = {**os.environ, **dict(line.split("=", 1) for line in (host.home / "environment").read_text().splitlines())}
    return json.loads(subprocess.run(command, shell=True, env=env, capture_output=True, text=True).stdout)


def produce(brokers, order):
    """As a program of the shop does that has the user producer."""
    from confluent_kafka import Producer

    who = {"sasl.mechanisms": "SCRAM-SHA-512", "sasl.username": "producer", "sasl.password": secret_of("producer")}
    producer = Producer({"bootstrap.servers": brokers, "security.protocol": "SASL_PLAINTEXT", **who})
    failed = []
    producer.produce("shop.orders", json.dumps(order).encode(), str(order["order_id"]).encode(), on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(120) == 0 and not failed, failed


def secret_of(part):
    """As the stack makes it of the one password."""
    return hashlib.sha256(f"{part} of {PASSWORD}".encode()).hexdigest()[:32]


def read_or_nothing(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
