"""
The shop's lakehouse on a host of its own as its README has it: a Debian with systemd as its first process and a Docker Engine, MinIO, Kafka, PostgreSQL, Grafana and Metabase in containers,
Airflow and the stream as units. What is in the images: shop_images.py.
"""

import base64
import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from broker import LIBS, newer_librdkafka
from machine import Machine, have_machine
from shop import api, assert_warehouse, orders, psql
from shop_images import DESCRIPTION, MINIO, make_images
from sshd import fingerprint, have_sshd, keygen
from test_ecommerce_host import AIRFLOW, PASSWORD, SPARK, Shop, needs, produce, secret_of

from support import free_port, until

pytestmark = [pytest.mark.long, pytest.mark.skipif(not (have_sshd() and have_machine()), reason="needs root, debootstrap, systemd-container and OpenSSH")]
UNITS = ("webserver", "scheduler", "stream")
CONTAINERS = ("grafana", "kafka", "metabase", "minio", "postgres")


def base_of(venv):
    """The Python that an environment was made of."""
    return Path(subprocess.run([venv / "bin/python", "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=True).stdout.strip())


class Contained(Shop):
    def __init__(self, folder, orders_api):
        self.key = keygen(folder / "id")
        places = {path.resolve() for venv in (AIRFLOW, SPARK) for path in (venv, base_of(venv))}
        self.machine = Machine(folder / "machine", self.key, keygen(folder / "host"), "-docker", places)
        try:
            self.images = make_images(self.machine)
            self.before = self.things()
            self.ports = dict(zip(("s3", "kafka", "postgres", "grafana", "metabase", "airflow"), port_pairs(6)))
            # Whoever weir logs in as is in the group that may use the Engine's socket.
            self.machine.run("useradd -m -s /bin/bash -p '*' -G docker admin && install -d -o admin -m 700 /home/admin/.ssh && install -o admin -m 600 /root/.ssh/authorized_keys /home/admin/.ssh/"
                             " && echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/admin")
            inputs = {"PASSWORD": PASSWORD, "HOST": "127.0.0.1", "PORT": self.machine.port, "KEY": self.key, "HOST_KEY": fingerprint(self.machine.host_keys[0]), "ORDERS_API": orders_api,
                      "AIRFLOW": AIRFLOW.resolve(), "SPARK": SPARK.resolve(), "JARS": SPARK.resolve() / "jars", "SPARK_JAVA": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1", "SCAN_SECONDS": 2, "EVERY": 5,
                      "NIGHTLY": "false", **{f"{name.upper()}_PORT": port for name, port in self.ports.items()}}
            super().__init__(folder, self.machine.root / "opt/shop", {f"WEIR_INPUT_{name}": str(value) for name, value in inputs.items()} | newer_librdkafka(folder / "librdkafka"))
        except BaseException:
            self.machine.stop()
            raise
        self.database = SimpleNamespace(env=self.login)
        self.s3 = SimpleNamespace(environment=lambda: {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ports['s3']}", "AWS_ACCESS_KEY_ID": "shop", "AWS_SECRET_ACCESS_KEY": secret_of("s3"), "AWS_REGION": "us-east-1",
                                                       "PATH": os.environ["PATH"]})

    def login(self, user="postgres", dbname="postgres"):
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.ports["postgres"]), "PGUSER": user, "PGPASSWORD": secret_of(user), "PGDATABASE": dbname}

    def docker(self, words):
        return self.machine.run(f"docker {words}").stdout.split()

    def things(self):
        """What the Engine has, and which units somebody has written."""
        lists = {"containers": "ps -aq", "volumes": "volume ls -q", "networks": "network ls --format '{{.Name}}'", "images": "images -q --no-trunc"}
        return {name: sorted(self.docker(words)) for name, words in lists.items()} | {"units": sorted(path.name for path in (self.machine.root / "etc/systemd/system").glob("*shop*"))}

    def pids(self):
        return {name: int(self.machine.run(f"systemctl show -p MainPID --value demo-shop-{name}").stdout) for name in UNITS}

    def asked(self, path):
        """Grafana's answer."""
        who = base64.b64encode(f"admin:{secret_of('grafana')}".encode()).decode()
        return json.load(urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.ports['grafana']}{path}", headers={"Authorization": f"Basic {who}"})))

    def logs(self):
        return {name: self.machine.run(f"journalctl --no-pager -n 40 -u demo-shop-{name}", status=None).stdout[-3000:] for name in UNITS} | {
            name: self.machine.run(f"docker logs --tail 40 demo-shop-{name} 2>&1", status=None).stdout[-3000:] for name in CONTAINERS} | super().logs()

    def stop(self):
        self.machine.run("docker ps -q | xargs -r docker kill", status=None)
        self.machine.stop()


def port_pairs(n):
    """Each with the one after it, which Kafka and MinIO take too."""
    found = []
    while len(found) < n:
        port = free_port()
        if not {port, port + 1, port - 1} & set(found):
            found.append(port)
    return found


def test_containers_and_units(tmp_path):
    needs((AIRFLOW / "bin/airflow", "tools/setup airflow"), (SPARK / "jars/.done", "tools/setup jobs"), (DESCRIPTION / "models", "tools/setup grafana"), (LIBS, "tools/setup kafka"), (MINIO, "tools/setup stores"))
    with api() as (url, _):
        host = Contained(tmp_path, url)
        try:
            live(host)
        finally:
            host.stop()


def live(host):
    stack, machine = host.stack, host.machine
    host.readme("weir -C host apply -y -i host=shop.example.org")
    assert "No changes" in host.readme("weir -C host plan -i host=shop.example.org")
    assert sorted(host.docker("ps --format '{{.Names}}'")) == [f"demo-shop-{name}" for name in CONTAINERS]
    assert {machine.run(f"systemctl is-enabled demo-shop-{name} && systemctl is-active demo-shop-{name}").stdout for name in UNITS} == {"enabled\nactive\n"}

    # A day, through all of it.
    assert "success" in host.readme("weir -C host run nightly -i host=shop.example.org day=2026-11-20")
    viewer = host.login("viewer", "warehouse")
    assert_warehouse(viewer, "2026-11-20")
    bronze = host.iceberg("bronze", "orders")
    assert sorted((json.loads(row["value"])["order_id"] for row in bronze), key=str) == sorted((order["order_id"] for order in orders("2026-11-20")), key=str)

    # What Grafana was given, and nothing that its description does not know.
    assert [panel["title"] for panel in host.asked("/api/dashboards/uid/shop-pipeline")["dashboard"]["panels"]][:2] == ["Revenue a day", "Quality of the last day"]
    assert {rule["uid"] for rule in host.asked("/api/v1/provisioning/alert-rules")} == {"shop-stale", "shop-bad", "shop-unwell"}
    assert machine.run("docker logs demo-shop-grafana 2>&1").stdout == ""

    # New code of the stream: its unit alone is restarted, and an order of a producer of the shop's own comes in.
    pids, script = host.pids(), stack.folder.parent / "jobs/stream.py"
    script.write_text(script.read_text() + "# edited\n")
    assert stack.plan() == {'script["stream"]': "update", "code": "update", 'unit["stream"]': "update"}
    host.readme("weir -C host deploy -y 'script[\"stream\"]' -i host=shop.example.org")
    after = host.pids()
    assert after["stream"] != pids["stream"] and {**after, "stream": 0} == {**pids, "stream": 0}
    produce(f"127.0.0.1:{host.ports['kafka']}", {"order_id": 9999})
    until(lambda: [row["key"] for row in host.iceberg("bronze", "orders")].count("9999") == 1)
    host.readme("weir -C host rollback -y 'script[\"stream\"]' -i host=shop.example.org")
    assert "# edited" not in (host.home / "jobs/stream.py").read_text()
    stack.assert_settled()

    # A unit that dies systemd starts again; one that somebody has stopped, or changed, weir puts right.
    pids = host.pids()
    machine.run("systemctl kill -s KILL demo-shop-scheduler")
    until(lambda: host.pids()["scheduler"] not in (0, pids["scheduler"]))
    stack.assert_settled()
    machine.run("systemctl stop demo-shop-stream && echo '# others' >> /etc/systemd/system/demo-shop-scheduler.service")
    assert stack.plan() == {'unit["scheduler"]': "update", 'unit["stream"]': "update"}
    stack.apply()
    stack.assert_settled()
    assert not machine.run("systemctl --failed --plain --no-legend").stdout and "# others" not in (machine.root / "etc/systemd/system/demo-shop-scheduler.service").read_text()

    # Health, as cron has it seen.
    watch = (machine.root / "etc/cron.d/demo-shop-health").read_text()
    line = re.search(r"root (.*)$", watch, re.M)[1]
    until(lambda: json.loads(machine.run(f"set -a; . /opt/shop/environment; {line}", status=None).stdout) == dict.fromkeys(("kafka", "s3", "postgres", "airflow", "stream"), True))
    assert ("stream", "t") in psql(viewer, "select part, well from gold.health")

    # The machine is started anew: Engine, containers and units come back by themselves, the warehouse with what it had.
    machine.reboot()
    until(lambda: stack.run("plan", "--detailed-exitcode", status=None).status == 0)
    assert_warehouse(viewer, "2026-11-20")

    host.readme("weir -C host destroy -y --verify -i host=shop.example.org")
    assert not host.lines, host.lines
    assert host.things() == host.before and not host.home.exists() and not (machine.root / "etc/cron.d/demo-shop-health").exists()
    assert machine.run("docker ps -aq; docker volume ls -q").stdout == ""
    assert machine.run("systemctl list-units --all --plain --no-legend 'demo-shop-*'").stdout == ""
