"""Clusters that are there: a real Kafka behind one of MSK, with weir's topics in it, looked at with kafka-python."""

import shutil
from pathlib import Path

import pytest
from servers import Sandbox
from support import ROOT, until

KAFKA = ROOT / ".cache/kafka"
STACK = """
    stack: streams
    providers:
      events: {type: kafka, bootstrap: "${cluster.bootstrap_brokers_iam}", iam: true}
    resources:
      net: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      a: {type: aws.ec2.subnet, vpc_id: "${net.vpc_id}", cidr_block: 10.0.1.0/24, availability_zone: us-east-1a}
      b: {type: aws.ec2.subnet, vpc_id: "${net.vpc_id}", cidr_block: 10.0.2.0/24, availability_zone: us-east-1b}
      cluster: {type: aws.kafka.cluster, name: events, kafka_version: 3.8.x, number_of_broker_nodes: 2, instance_type: kafka.t3.small, client_subnets: ["${a.subnet_id}", "${b.subnet_id}"], iam_authentication: true}
      orders: {type: kafka.topic, provider: events, name: orders, partitions: 3, config: {retention.ms: 3600000}}
      produce: {type: kafka.acl, provider: events, principal: User:shop, resource_type: topic, resource_name: "${orders.name}", operations: [write]}
    outputs:
      brokers: {value: "${cluster.bootstrap_brokers}"}
"""


def daemons_of(folder):
    """Processes whose folder lies in the sandbox's."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [link] if str(link.readlink()).startswith(str(folder / "daemons")) else []
        except OSError:
            continue
    return found


@pytest.mark.long
def test_a_cluster_with_its_topics(tmp_path):
    from kafka import KafkaConsumer, KafkaProducer

    if not shutil.which("java") or not any(KAFKA.glob("libs/kafka_2.*.jar")):
        pytest.skip("no Kafka: it wants java and tools/setup kafka")
    folder = tmp_path / "cloud"
    server = Sandbox(folder, env={"WEIR_KAFKA": str(KAFKA)})
    try:
        stack = server.stack(tmp_path / "stack").write(STACK)
        stack.run("apply", "--yes")
        assert "No changes" in stack.run("plan").out
        brokers = stack.run("output", "--raw", "brokers").out.strip()
        assert brokers.startswith("127.") and brokers.endswith(":9092")
        producer = KafkaProducer(bootstrap_servers=brokers)
        for i in range(6):
            producer.send("orders", b"%d" % i, partition=i % 3)
        producer.close()
        consumer = KafkaConsumer("orders", bootstrap_servers=brokers, group_id="lake", auto_offset_reset="earliest", consumer_timeout_ms=60000)
        assert sorted(int(next(consumer).value) for _ in range(6)) == list(range(6))
        consumer.close()

        # a sandbox that is started again in the same folder goes on with what it had
        server.stop()
        assert not daemons_of(folder)
        server.start()
        stack = server.stack(tmp_path / "stack")
        assert "6 records" in stack.run("plan", "--destroy").out
        assert daemons_of(folder)
        stack.run("destroy", "--yes")
        until(lambda: not list((folder / "daemons").iterdir()) and not daemons_of(folder))
    finally:
        server.stop()


@pytest.mark.long
def test_without_kafka(tmp_path):
    """Then it is a record, and who wants to speak to it is told."""
    server = Sandbox(tmp_path / "cloud", env={"WEIR_KAFKA": str(tmp_path / "nowhere")})
    try:
        stack = server.stack(tmp_path / "stack").write(STACK.replace("iam: true}", "iam: true, wait_seconds: 2}"))
        refused = stack.run("apply", "--yes", status=None)
        assert refused.status != 0 and "cannot connect to the Kafka cluster" in refused.err, str(refused)
        assert "cluster" in stack.run("state", "list").out
    finally:
        server.stop()
