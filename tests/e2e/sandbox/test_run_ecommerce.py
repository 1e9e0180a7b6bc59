"""The shop's lakehouse on real engines behind the sandbox: Kafka behind MSK, Spark with Iceberg, a PostgreSQL behind RDS, all reached through a bastion."""

import json
import os
import shutil
import subprocess

import pytest
from servers import ROOT, SandboxCloud
from shop import api, assert_warehouse, expected, orders, psql
from sshd import keygen
from test_systems import inventory

from support import example, until

SPARK, KAFKA = ROOT / ".venv-jobs", ROOT / ".cache/kafka"
PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not all(shutil.which(name, path=PATHS) for name in ("ip", "sshd", "nsenter", "unshare", "iptables", "psql", "java")),
                       reason="hosts, brokers and databases take root, iproute2, iptables, openssh-server, postgresql, java (tools/setup engines)"),
]
# Iceberg as PyIceberg reads it: columns, rows, snapshots.
READ = """
import json, os, sys
from pyiceberg.catalog.glue import GlueCatalog
at = os.environ["AWS_ENDPOINT_URL"]
table = GlueCatalog("glue", **{"glue.endpoint": at, "s3.endpoint": at, "client.region": "us-east-1"}).load_table(sys.argv[1])
print(json.dumps({"rows": table.scan().to_arrow().to_pylist(), "snapshots": len(table.snapshots())}, default=str))
"""


@pytest.fixture
def cloud(tmp_path):
    assert (SPARK / "jars" / ".done").exists() and any(KAFKA.glob("libs/kafka_2.*.jar")), "tools/setup jobs kafka"
    server = SandboxCloud(tmp_path / "sandbox", PATH=f"{SPARK}/bin:{PATHS}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"), WEIR_KAFKA=str(KAFKA), MINUTE_MS="60000")
    yield server
    server.stop()


def iceberg(cloud, table):
    done = subprocess.run([SPARK / "bin/python", "-c", READ, table], capture_output=True, text=True, env=cloud.environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def streams(cloud, state="RUNNING"):
    """Jobs of the stream in that state, by the code that they run."""
    emr = cloud.client("emr-serverless")
    (application,) = emr.list_applications()["applications"]
    runs = emr.list_job_runs(applicationId=application["id"])["jobRuns"]
    return [emr.get_job_run(applicationId=application["id"], jobRunId=run["id"])["jobRun"]["jobDriver"]["sparkSubmit"]["entryPoint"]
            for run in runs if run["name"] == "stream" and run["state"] == state]


def said(cloud, job):
    logs = cloud.client("logs")
    return "".join(event["message"] + "\n" for event in logs.filter_log_events(logGroupName="/aws/emr-serverless/ada-shop", logStreamNamePrefix=job)["events"])


def test_from_the_sources_to_the_warehouse(tmp_path, cloud):
    key = keygen(tmp_path / "key")
    system = example("ecommerce-lakehouse", tmp_path / "shop", cloud)
    system.patience_s = 5400    # a busy machine
    before = inventory(cloud)
    with api() as (url, asked):
        given = ["-i", "owner=ada", "-i", f"key={key}", "-i", f"public_key={key.with_suffix('.pub').read_text().strip()}", "-i", f"orders_api={url}", "-i", "every=1", "-i", "nightly=false"]
        made = system.apply(*given)
        system.assert_settled(*given)
        outputs = json.loads(system.run("output", "--json", *given).out)
        secrets = {item["Name"]: cloud.client("secretsmanager").get_secret_value(SecretId=item["ARN"])["SecretString"] for item in cloud.client("secretsmanager").list_secrets()["SecretList"]}
        assert not any(secret in made.out + made.err + system.state_text() for name, secret in secrets.items() if name.startswith("ada-shop/"))

        # Topics, as another client of Kafka sees them.
        from kafka import KafkaConsumer

        assert outputs["brokers"].startswith("127.")
        consumer = KafkaConsumer(bootstrap_servers=outputs["brokers"])
        assert {"shop.orders", "shop.products", "shop.customers"} <= consumer.topics() and consumer.partitions_for_topic("shop.orders") == {0, 1}
        consumer.close()

        # The stream runs, and the batch of a day goes through all layers.
        system.run("run", "stream", "--detach", *given)
        until(lambda: "reading shop.orders" in said(cloud, "stream"))
        ended = system.run("run", "batch", "day=2026-11-20", *given)
        assert "SUCCEEDED" in ended.err, str(ended) + said(cloud, "produce") + said(cloud, "bronze") + said(cloud, "load")
        assert {day for day, _ in asked} == {"2026-11-20"} and max(page for _, page in asked) == 4

        server = outputs["warehouse"].split("//")[1]
        viewer = {"PGHOST": server.split(":")[0], "PGPORT": "5432", "PGDATABASE": "warehouse", "PGUSER": "viewer", "PGPASSWORD": secrets["ada-shop/viewer"]}
        assert_warehouse(viewer, "2026-11-20")
        assert "permission denied" in psql(viewer, "delete from gold.loads", status=1)

        # Bronze has all of it as it was delivered, with where it came from.
        bronze = iceberg(cloud, "ada_shop_bronze.orders")["rows"]
        assert sorted((json.loads(row["value"])["order_id"] for row in bronze), key=str) == sorted((order["order_id"] for order in orders("2026-11-20")), key=str)
        assert len({row["_source"] for row in bronze}) == len(bronze) and {row["_source"].split("/")[0] for row in bronze} == {"shop.orders"}
        assert all(row["_batch_id"] and row["_ingested_at"] >= row["delivered_at"] for row in bronze)
        rejected = iceberg(cloud, "ada_shop_silver.rejected")["rows"]
        assert {reason: sum(row["reason"] == reason for row in rejected) for reason in {row["reason"] for row in rejected}} == expected("2026-11-20")["rejected"]
        report = cloud.client("s3").list_objects_v2(Bucket="ada-shop-gold", Prefix="reports/quality/day=2026-11-20/part-")["Contents"]
        assert len(json.loads(cloud.client("s3").get_object(Bucket="ada-shop-gold", Key=report[0]["Key"])["Body"].read())["rules"]) == 8

        # Not good enough: gold and the warehouse stay as they are, and it is said which rule.
        strict = [*given, "-i", "thresholds={completeness: 0.95, accuracy: 0.95, consistency: 1}"]
        system.apply(*strict)
        failed = system.run("run", "batch", "day=2026-11-20", *strict, status=1)
        assert "the orders of 2026-11-20 are not good enough" in failed.err
        assert "consistency: orders have a customer (1 of 80 do not)" in said(cloud, "quality").split("BROKEN")[1]
        assert_warehouse(viewer, "2026-11-20")
        assert len(iceberg(cloud, "ada_shop_bronze.orders")["rows"]) == 2 * len(orders("2026-11-20"))    # as delivered: twice

        system.destroy(*given)
        assert inventory(cloud) == before


def produce(brokers, number):
    from kafka import KafkaProducer

    producer = KafkaProducer(bootstrap_servers=brokers)
    producer.send("shop.orders", json.dumps({"order_id": number}).encode(), str(number).encode()).get(timeout=120)
    producer.close()


def test_the_stream_and_its_code(tmp_path, cloud):
    """Started, given new code, taken back, not wanted any more: what is produced meanwhile is there once."""
    key = keygen(tmp_path / "key")
    system = example("ecommerce-lakehouse", tmp_path / "shop", cloud)
    system.patience_s = 5400    # a busy machine
    before = inventory(cloud)
    given = ["-i", "owner=ada", "-i", f"key={key}", "-i", f"public_key={key.with_suffix('.pub').read_text().strip()}", "-i", "every=1", "-i", "nightly=false"]
    system.apply(*given)
    brokers = json.loads(system.run("output", "--json", *given).out)["brokers"]
    there = lambda: sorted(int(row["key"]) for row in iceberg(cloud, "ada_shop_bronze.orders")["rows"])  # noqa: E731
    produce(brokers, 1)
    system.run("run", "stream", "--detach", *given)
    until(lambda: "reading shop.orders" in said(cloud, "stream"))
    (first,) = streams(cloud)
    until(lambda: there() == [1])

    # New code: what runs ends by itself, and what is started goes on where it was.
    script = system.folder / "jobs/stream.py"
    script.write_text(script.read_text() + "# edited\n")
    assert set(system.plan(*given)) == {'script["stream"]', "wanted"}
    system.run("deploy", "--yes", 'script["stream"]', *given)
    produce(brokers, 2)
    until(lambda: (now := streams(cloud)) and now != [first])
    until(lambda: there() == [1, 2])
    system.run("rollback", "--yes", 'script["stream"]', *given)
    until(lambda: streams(cloud) == [first])
    produce(brokers, 3)
    until(lambda: there() == [1, 2, 3])

    # Not wanted any more: it ends by itself, and so does its machine.
    system.apply("-i", "streaming=false", *given)
    until(lambda: not streams(cloud))
    machines = cloud.client("stepfunctions")
    (machine,) = [one["stateMachineArn"] for one in machines.list_state_machines()["stateMachines"] if one["name"] == "ada-shop-stream"]
    until(lambda: [run["status"] for run in machines.list_executions(stateMachineArn=machine)["executions"]] == ["SUCCEEDED"])
    system.assert_settled("-i", "streaming=false", *given)
    system.destroy(*given)
    assert inventory(cloud) == before
