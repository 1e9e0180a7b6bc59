"""Airflow in containers on an own host: a real Docker Engine behind OpenSSH, a PostgreSQL and an Airflow in it; Grafana is a server made of its published description. What the dashboards ask is asked of the real metadata."""

import base64
import hashlib
import json
import os
import re
import socket
import subprocess
import threading
import urllib.request

import pytest
import yaml
from airflow_images import DESCRIPTION, EXAMPLE, VENV, make_images
from docker_engine import Engine
from machine import have_machine
from servers import SandboxCloud
from sshd import Sshd, fingerprint, have_sshd, keygen
from test_systems import labels

from support import SECRET_KEY, WEIR, Stack, example, free_port, until

PASSWORD, SUBNET, GATEWAY = "hush-all-of-airflow", "172.28.91.0/24", "172.28.91.1"
FERNET = base64.urlsafe_b64encode(b"k" * 32).decode()
LOGIN = {"WEIR_INPUT_HOST": "127.0.0.1", "WEIR_INPUT_PASSWORD": PASSWORD, "WEIR_INPUT_FERNET_KEY": FERNET}


def secret_of(part):
    return hashlib.sha256(f"{part} of {PASSWORD}".encode()).hexdigest()[:32]


class Door:
    """The sandbox, which listens on loopback, for whoever is in the containers' network."""

    def __init__(self, port):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND: the network is yet to be made
        self.listener.bind((GATEWAY, 0))
        self.listener.listen(64)
        self.url = f"http://{GATEWAY}:{self.listener.getsockname()[1]}"
        self.port = port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                inner = self.listener.accept()[0]
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", self.port))
            for pair in (inner, outer), (outer, inner):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    @staticmethod
    def carry(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.close()


class Contained:
    def __init__(self, folder):
        self.folder, self.home = folder, folder / "airflow"
        self.engine = Engine(base=False)
        try:
            make_images(self.engine)
        except BaseException:
            self.engine.stop()
            raise
        self.before = self.engine.things()
        self.cloud = SandboxCloud(SANDBOX_HOST=GATEWAY)
        self.door = Door(int(self.cloud.url.rpartition(":")[2]))
        self.key = keygen(folder / "id")
        self.sshd = Sshd(folder / "sshd", [self.key], [keygen(folder / "host")], "MaxSessions 64")
        self.stack = example("airflow-ops", folder / "ops", None)
        self.stack.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.cloud.url, **LOGIN}
        self.stack.folder /= "compose"
        self.ports = {name: free_port() for name in ("web", "grafana", "database")}
        reach = {"AWS_ENDPOINT_URL": self.door.url, "AWS_ACCESS_KEY_ID": "e2e", "AWS_DEFAULT_REGION": "us-east-1"}
        given = {"PORT": self.sshd.port, "USER": self.sshd.user, "KEY": self.key, "HOST_KEY": fingerprint(self.sshd.host_keys[0]), "BECOME": "false", "PACKAGES": "false", "ENGINE": self.engine.host,
                 "HOME": self.home, "SUBNET": SUBNET, "SCAN_SECONDS": 5, "AWS": json.dumps(reach), "AWS_SECRET_KEY": SECRET_KEY, **{f"{name.upper()}_PORT": port for name, port in self.ports.items()}}
        self.stack.env |= {f"WEIR_INPUT_{name}": str(value) for name, value in given.items()}
        self.stack.patience_s = 1200
        self.lines = [line.split("  #")[0].strip() for line in re.findall(r"^    (weir -C compose .*)$", (EXAMPLE.parent / "README.md").read_text(), re.M)]

    def readme(self, line):
        """A line of the README, carried out as it stands there."""
        assert line in self.lines, (line, self.lines)
        self.lines.remove(line)
        done = subprocess.run(["bash", "-c", line.replace("host=airflow.example.org", "host=127.0.0.1")], cwd=self.folder / "ops",
                              env={**self.stack.env, "PATH": f"{WEIR.parent}:{os.environ['PATH']}"}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            pytest.fail("\n".join([line, done.stdout[-3000:], done.stderr[-3000:], *self.logs()]))
        assert not [word for word in (PASSWORD, FERNET, SECRET_KEY, secret_of("admin"), secret_of("database")) if word in done.stdout + done.stderr]
        return done.stdout + done.stderr

    def logs(self):
        for name in self.engine.docker("ps", "-a", "--format", "{{.Names}}").split():
            done = self.engine.run("logs", "--tail", 40, name, status=None)
            yield f"---- {name}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def ids(self):
        return {line.split()[0].removeprefix("demo-airflow-"): line.split()[1] for line in self.engine.docker("ps", "-a", "--format", "{{.Names}} {{.ID}}").splitlines()}

    def keys(self, kind, prefix=""):
        return [o["Key"] for o in self.cloud.client("s3").list_objects_v2(Bucket=f"demo-airflow-{kind}", Prefix=prefix).get("Contents", [])]

    def rows(self, sql, user="dashboards", status=0):
        """As a list of objects, from the metadata itself."""
        env = {"PATH": os.environ["PATH"], "PGHOST": "127.0.0.1", "PGPORT": str(self.ports["database"]), "PGUSER": user, "PGDATABASE": "airflow", "PGPASSWORD": secret_of("dashboards" if user == "dashboards" else "database")}
        done = subprocess.run(["psql", "-AtX", "-v", "ON_ERROR_STOP=1", "-c", f"select coalesce(json_agg(r), '[]') from ({sql}) r"], env=env, capture_output=True, text=True)
        assert bool(done.returncode) == bool(status), (sql, done.stderr)
        return done.stderr if status else json.loads(done.stdout)

    def grafana(self, path):
        who = base64.b64encode(f"admin:{secret_of('grafana')}".encode()).decode()
        return json.load(urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.ports['grafana']}{path}", headers={"Authorization": f"Basic {who}"})))

    def stop(self):
        self.engine.stop()
        self.door.stop()
        self.cloud.stop()
        self.sshd.stop()


@pytest.fixture
def contained(tmp_path):
    if not (have_sshd() and have_machine() and (VENV / "bin/airflow").exists() and (DESCRIPTION / "models").is_dir()):
        pytest.skip("needs root, debootstrap, OpenSSH, Airflow and Grafana's description: tools/setup airflow grafana")
    contained = Contained(tmp_path)
    yield contained
    contained.stop()


def test_it_is_what_the_compose_file_says(tmp_path):
    """Each container of the compose file, as a draft of it has them, has the same image, command and place here."""
    stack = Stack(tmp_path / "s").write((EXAMPLE / "compose.yaml").read_text(), "compose.yaml")
    drafted = yaml.safe_load(stack.run("import", "compose", "compose.yaml", "-o", "-").out)["resources"]
    own = yaml.safe_load((EXAMPLE / "weir.yaml").read_text())
    containers = {name: it for name, it in own["resources"].items() if it["type"] == "docker.container"}
    mounts = {"${locals.mounts}": own["locals"]["mounts"]}
    images = own["inputs"]["images"]["default"]

    def told(it, image):
        places = [place["target"] for place in mounts.get(str(it.get("mounts")), it.get("mounts", ()))]
        return image, it.get("user"), it.get("entrypoint"), it.get("restart", "no"), it.get("wait"), places, [port["container"] for port in it.get("ports", ())], it.get("health_check", {}).get("test")

    of_draft = {name: told(it, drafted[it["image"][2:-4]]["name"]) for name, it in drafted.items() if it["type"] == "docker.container"}
    of_own = {name: told(it, images[re.search(r'"(\w+)"', it["image"])[1]]) for name, it in containers.items()}
    asked = lambda told: {name: it[:-1] for name, it in told.items()}
    assert asked(of_draft) == asked(of_own) and of_draft["postgres"] == of_own["postgres"]
    assert {name: it.get("command", [""])[:2] for name, it in drafted.items() if name in ("webserver", "scheduler")} == {name: containers[name]["command"][:2] for name in ("webserver", "scheduler")}
    assert containers["migrated"]["command"][0].startswith(drafted["migrated"]["command"][0])


def test_picture_is_of_today(tmp_path):
    stack = example("airflow-ops", tmp_path / "ops", None)
    stack.folder /= "compose"
    stack.env |= LOGIN
    assert labels((stack.folder / "graph.svg").read_text()) == labels(stack.run("graph").out), "weir -C examples/airflow-ops/compose graph > examples/airflow-ops/compose/graph.svg"


@pytest.mark.long
def test_in_containers(contained):
    stack, engine = contained.stack, contained.engine
    contained.readme("weir -C compose apply -y -i host=airflow.example.org")
    assert "No changes" in contained.readme("weir -C compose plan -i host=airflow.example.org")
    assert not [word for word in (PASSWORD, FERNET, SECRET_KEY, secret_of("database")) if word in stack.state_text()]
    assert set(contained.ids()) == {"postgres", "migrated", "webserver", "scheduler", "grafana"}
    assert {port["HostIp"] for name in ("postgres", "webserver", "grafana") for ports in engine.inspect(f"demo-airflow-{name}")["NetworkSettings"]["Ports"].values() for port in ports} == {"127.0.0.1"}

    # Airflow begins with the last time of each schedule; without a proven backup nothing is cleaned.
    until(lambda: contained.rows("select dag_id from dag_run where dag_id = 'metadata_backup' and state = 'success'", "airflow"))
    assert "success" in contained.readme("weir -C compose run backup -i host=airflow.example.org")
    (first, second) = [key for key in contained.keys("backup", "metadata/") if key.endswith("manifest.json")]
    assert contained.keys("backup", first.rpartition("/")[0] + "/variables.json") and first != second
    assert "success" in contained.readme("weir -C compose run cleanup -i host=airflow.example.org")
    assert "success" in contained.readme("weir -C compose run health -i host=airflow.example.org")
    assert list((contained.home / "logs").glob("dag_id=metadata_backup/*/*/*.log")), "logs are the host's"
    measured = contained.cloud.client("cloudwatch").list_metrics(Namespace="AirflowOps")["Metrics"]
    assert {"SchedulerAlive", "LogDiskPercent"} <= {metric["MetricName"] for metric in measured}

    assert_dashboards(contained)

    # A setting of Airflow's: its containers are made anew, those of the others are not touched.
    before = contained.ids()
    stack.apply()
    assert contained.ids() == before
    assert stack.plan("-i", "scan_seconds=7") == dict.fromkeys(["migrated", "webserver", "scheduler"], "replace")
    stack.env["WEIR_INPUT_SCAN_SECONDS"] = "7"
    stack.apply()
    stack.assert_settled()
    after = contained.ids()
    assert {name for name in before if before[name] == after[name]} == {"postgres", "grafana"}

    # A web server that is gone is made anew, and what it knew is still there.
    engine.docker("rm", "-f", "demo-airflow-webserver")
    assert stack.plan()["webserver"] == "create"
    stack.apply()
    stack.assert_settled()

    # It goes while its web server is dead, and what lay behind that goes with it.
    engine.docker("stop", "demo-airflow-webserver")
    gone = contained.readme("weir -C compose destroy -y -i host=airflow.example.org")
    assert "they went with it: " in gone and 'variable["backup_days"]' in gone
    assert not contained.lines
    assert engine.things() == contained.before and not contained.home.exists()
    assert contained.cloud.client("s3").list_buckets()["Buckets"] == []


def assert_dashboards(contained):
    """Grafana has taken all of it as its description says, and each question has an answer in the metadata, which is worked out anew here."""
    assert contained.grafana("/wrong") == []
    board = contained.grafana("/api/dashboards/uid/airflow-health")["dashboard"]
    source = contained.grafana("/api/datasources/uid/airflow-metadata")
    assert (source["url"], source["user"], source["jsonData"]["database"]) == ("postgres:5432", "dashboards", "airflow")
    asked = {panel["title"]: panel["targets"][0]["rawSql"] for panel in board["panels"]}
    told = {title: contained.rows(sql) for title, sql in asked.items()}
    runs = contained.rows("select state, dag_id from dag_run", "airflow")
    days = told["Runs of the last fortnight"]
    assert sum(day["succeeded"] for day in days) >= sum(run["state"] == "success" for run in runs) - 3 and sum(day["failed"] for day in days) == sum(run["state"] == "failed" for run in runs)
    failed = contained.rows("select dag_id, task_id from task_instance where state = 'failed'", "airflow")
    assert sum(row["failures"] for row in told["Failed tasks of the last day"]) == len(failed)
    (age,), (size,), (wait,) = (told[title] for title in ("Age of the last backup", "Metadata database", "Longest wait of a task"))
    assert 0 <= age["seconds"] < 3600 and size["bytes"] > 5_000_000 and 0 <= wait["seconds"] < 600
    signs = {row["part"]: row["seconds"] for row in told["Since the last sign of life"]}
    assert signs["SchedulerJob"] < 120
    assert all(0 < row["used"] <= 100 and row["time"] for row in told["Disk of the logs"]) and told["Disk of the logs"]
    assert {row["dag_id"] for row in told["Slowest tasks of the last week"]} <= {"metadata_backup", "log_cleanup", "health_check"} and told["Slowest tasks of the last week"]
    rules = {uid: contained.grafana(f"/api/v1/provisioning/alert-rules/airflow-{uid}")["data"][0]["model"]["rawSql"] for uid in ("backup", "scheduler", "failures", "disk")}
    values = {uid: contained.rows(sql)[0]["n"] for uid, sql in rules.items()}
    assert values["backup"] == values["scheduler"] == values["failures"] == 0 and values["disk"] in (0, 1)
    # What they ask without anything to go by is an alert as well; and nothing else can be read.
    nothing = {uid: contained.rows(re.sub(r"\bfrom (dag_run|job)\b", r"from (select * from \1 limit 0) \1", rules[uid]))[0]["n"] for uid in ("backup", "scheduler")}
    assert nothing == {"backup": 1, "scheduler": 1}
    assert "permission denied" in contained.rows("select * from connection", status=1) and "permission denied" in contained.rows("select * from variable", status=1)
