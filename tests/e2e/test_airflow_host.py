"""Airflow on an own host: over OpenSSH, with a PostgreSQL behind it, Airflow itself, and the sandbox for what it keeps in S3."""

import base64
import csv
import io
import json
import os
import re
import subprocess
import time
import urllib.parse
from pathlib import Path

import pytest
from pg import Postgres
from servers import SandboxCloud
from sshd import Sshd, fingerprint, have_sshd, keygen

from support import ROOT, SECRET_KEY, WEIR, example, free_port, until

VENV = ROOT / ".venv-airflow2"
SECRETS = {"ADMIN_PASSWORD": "hush-admin-1", "DATABASE_PASSWORD": "hush/data%base", "FERNET_KEY": base64.urlsafe_b64encode(b"k" * 32).decode()}
pytestmark = pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")


class Host:
    def __init__(self, folder, cloud=None):
        self.folder, self.home, self.cron = folder, folder / "airflow", folder / "cron.d"
        self.cron.mkdir()
        self.key = keygen(folder / "id")
        self.sshd = Sshd(folder / "sshd", [self.key], [keygen(folder / "host")])
        self.database = Postgres(password="admin-of-postgres")
        self.cloud = cloud or SandboxCloud()
        self.stack = example("airflow-ops", folder / "ops", None)
        access, secret = ("e2e", SECRET_KEY) if not cloud else (cloud.access, cloud.secret)
        self.stack.env |= {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.cloud.url}
        self.stack.folder /= "host"
        self.web_port = free_port()
        reach = {"AWS_ENDPOINT_URL": self.cloud.url, "AWS_ACCESS_KEY_ID": access, "AWS_DEFAULT_REGION": "us-east-1"}
        given = {"HOST": "127.0.0.1", "PORT": self.sshd.port, "USER": self.sshd.user, "KEY": self.key, "HOST_KEY": fingerprint(self.sshd.host_keys[0]), "BECOME": "false",
                 "PACKAGES": "false", "HOME": self.home, "VENV": VENV, "SERVICES": "plain", "WEB_PORT": self.web_port, "CRON": self.cron, "AWS": json.dumps(reach), "AWS_SECRET_KEY": secret,
                 "DATABASE_PORT": self.database.port, "DATABASE_ADMIN": "weir", "DATABASE_ADMIN_PASSWORD": "admin-of-postgres", "SCAN_SECONDS": 5, **SECRETS}
        self.stack.env |= {f"WEIR_INPUT_{name}": str(value) for name, value in given.items()}
        self.stack.patience_s = 1200
        readme = (ROOT / "examples/airflow-ops/README.md").read_text()
        self.lines = [line.split("  #")[0].strip() for line in re.findall(r"^    (weir -C host .*)$", readme, re.M)]

    def readme(self, line):
        """A line of the README, carried out as it stands there."""
        assert line in self.lines, (line, self.lines)
        self.lines.remove(line)
        done = subprocess.run(["bash", "-c", line.replace("host=airflow.example.org", "host=127.0.0.1")], cwd=self.folder / "ops",
                              env={**self.stack.env, "PATH": f"{WEIR.parent}:{os.environ['PATH']}"}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def pids(self):
        return {name: int((self.home / f"{name}.pid").read_text()) for name in ("webserver", "scheduler")}

    def keys(self, kind, prefix=""):
        return {o["Key"]: o["Size"] for o in self.cloud.client("s3").list_objects_v2(Bucket=f"demo-airflow-{kind}", Prefix=prefix).get("Contents", [])}

    def read(self, kind, key):
        return self.cloud.client("s3").get_object(Bucket=f"demo-airflow-{kind}", Key=key)["Body"].read().decode()

    def stop(self):
        for name in ("webserver", "scheduler"):
            if (self.home / f"{name}.pid").exists():
                subprocess.run(["kill", "-KILL", "--", f"-{(self.home / f'{name}.pid').read_text().strip()}"], capture_output=True)
        self.cloud.stop()
        self.database.stop()
        self.sshd.stop()


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path)
    yield host
    host.stop()


def test_planned_for_systemd(host):
    """What a server with systemd gets: units, packages, a disk for logs."""
    actions = host.stack.plan("-i", "services=systemd", "-i", "packages=true", "-i", "log_disk=/dev/sdb1")
    assert set(actions.values()) == {"create"} and {'unit["webserver"]', 'unit["scheduler"]', "packages", "log_disk"} <= set(actions)
    assert not any(address.startswith("plain") for address in actions)


@pytest.mark.long
def test_a_host_and_its_airflow(host):
    if not (VENV / "bin/airflow").exists():
        pytest.skip("no Airflow: tools/setup airflow")
    stack = host.stack
    made = host.readme("weir -C host apply -y -i host=airflow.example.org")
    assert "No changes" in host.readme("weir -C host plan -i host=airflow.example.org")
    assert not any(secret in made + stack.state_text() for secret in ("hush-admin-1", "hush/data", SECRETS["FERNET_KEY"], SECRET_KEY))
    assert host.database.psql("select count(*) > 0 from dag", dbname="airflow", user="weir") == "t", "its metadata is in PostgreSQL"
    assert (host.home / "airflow.cfg").stat().st_mode & 0o777 == 0o600
    shown = host.cloud.client("cloudcontrol").get_resource(TypeName="AWS::CloudWatch::Dashboard", Identifier="demo-airflow")["ResourceDescription"]["Properties"]
    *metrics, alarms = json.loads(json.loads(shown)["DashboardBody"])["widgets"]
    assert [widget["properties"]["title"] for widget in metrics] == ["DatabaseHealthy", "SchedulerHealthy"] and len(alarms["properties"]["alarms"]) == 2

    # Airflow begins with the last time of each schedule as soon as the DAGs are there.
    until(lambda: host.database.psql("select count(*) from dag_run where state in ('success', 'failed')", dbname="airflow", user="weir") == "2")

    # Nothing changed: nothing is restarted. One line of the configuration: both are, and nothing else is touched.
    before = host.pids()
    stack.apply()
    assert host.pids() == before
    changed = stack.plan("-i", "scan_seconds=7")
    assert changed == {"config": "update", 'plain["webserver"]': "update", 'plain["scheduler"]': "update", "healthy": "update"}
    stack.apply("-i", "scan_seconds=7")
    stack.env["WEIR_INPUT_SCAN_SECONDS"] = "7"
    stack.assert_settled()
    after = host.pids()
    assert not set(after.values()) & set(before.values()) and not [pid for pid in before.values() if Path(f"/proc/{pid}").exists()]

    # A service that has died is seen, and started again; the other is left alone.
    os.killpg(after["scheduler"], 9)
    until(lambda: stack.plan() == {'plain["scheduler"]': "create"})
    stack.apply()
    stack.assert_settled()
    assert host.pids()["webserver"] == after["webserver"] and host.pids()["scheduler"] != after["scheduler"]

    # So is the web server, behind which the variables lie: they count as recorded until it is there again, and then they are as they were.
    os.killpg(after["webserver"], 9)
    until(lambda: not Path(f"/proc/{after['webserver']}").exists())
    shown = stack.run("plan")
    assert "11 recorded resources could not be read" in shown.out + shown.err and stack.plan() == {'plain["webserver"]': "create"}
    stack.apply()
    until(lambda: stack.run("plan", "--detailed-exitcode", status=None).status == 0)

    # Without a proven backup nothing is cleaned.
    for key in host.keys("backup", "metadata/"):
        host.cloud.client("s3").delete_object(Bucket="demo-airflow-backup", Key=key)
    old = host.home / "logs" / "dag_id=gone" / "attempt=1.log"
    old.parent.mkdir(parents=True)
    old.write_text("what was said long ago\n")
    os.utime(old, (time.time() - 30 * 86400,) * 2)
    assert "fail" in stack.run("run", "cleanup", status=1).err and old.exists()

    assert "success" in host.readme("weir -C host run backup -i host=airflow.example.org")
    assert "success" in host.readme("weir -C host jobs backup -i host=airflow.example.org")
    keys = host.keys("backup", "metadata/")
    (manifest,) = [key for key in keys if key.endswith("manifest.json")]
    folder = manifest.rpartition("/")[0]
    assert {file["key"]: file["size"] for file in json.loads(host.read("backup", manifest))["files"]} == {key: size for key, size in keys.items() if key != manifest}
    runs = list(csv.DictReader(io.StringIO(host.read("backup", f"{folder}/dag_run.csv"))))
    assert {run["dag_id"] for run in runs} == {"metadata_backup", "log_cleanup"}
    restored(host, folder, [run["run_id"] for run in runs if run["end_date"]])
    assert json.loads(host.read("backup", f"{folder}/variables.json"))["log_bucket"] == "demo-airflow-logs"
    exported = json.loads(host.read("backup", f"{folder}/connections.json"))["warehouse"]
    assert exported["login"] == "airflow" and exported["password"] == "hush/data%base"

    # One byte of a backup is another, the size is not: nothing is cleaned.
    s3, table = host.cloud.client("s3"), f"{folder}/task_instance.csv"
    whole = s3.get_object(Bucket="demo-airflow-backup", Key=table)["Body"].read()
    s3.put_object(Bucket="demo-airflow-backup", Key=table, Body=whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    assert "fail" in stack.run("run", "cleanup", status=1).err and old.exists()
    assert "is not what was backed up" in restore(host, folder, status=1)
    s3.put_object(Bucket="demo-airflow-backup", Key=table, Body=whole)
    host.database.psql("drop database restored")

    assert "success" in host.readme("weir -C host run cleanup -i host=airflow.example.org")
    assert not old.exists()
    (moved,) = [key for key in host.keys("logs", "exported/") if key.endswith("dag_id=gone/attempt=1.log")]
    assert host.read("logs", moved) == "what was said long ago\n"

    # Health: as it says itself, and as metrics.
    watch = (host.cron / "demo-airflow-health").read_text()
    assert "health.py http://127.0.0.1" in watch and watch.count("\n") > 1
    reach = {**json.loads(stack.env["WEIR_INPUT_AWS"]), "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    look = [VENV / "bin/python", host.home / "health.py", f"http://127.0.0.1:{host.web_port}/health", "demo-airflow"]
    said = subprocess.run(look, env={**os.environ, **reach}, capture_output=True, text=True)
    assert said.returncode == 0 and eval(said.stdout) == {"DatabaseHealthy": 1.0, "SchedulerHealthy": 1.0}, said
    os.killpg(host.pids()["scheduler"], 9)
    until(lambda: (seen := subprocess.run(look[:-1], capture_output=True, text=True)).returncode == 1 and eval(seen.stdout) == {"DatabaseHealthy": 1.0, "SchedulerHealthy": 0.0})

    # It goes while its web server is dead, and what lay in it goes with it.
    os.killpg(host.pids()["webserver"], 9)
    until(lambda: not Path(f"/proc/{host.pids()['webserver']}").exists())
    gone = host.readme("weir -C host destroy -y -i host=airflow.example.org")
    assert 'they went with it: ' in gone and 'pool, ' in gone
    assert not host.lines
    assert not host.home.exists() and not any(host.cron.iterdir()) and host.cloud.client("s3").list_buckets()["Buckets"] == []
    assert host.database.psql("select count(*) from pg_database where datname = 'airflow'") == host.database.psql("select count(*) from pg_roles where rolname = 'airflow'") == "0"
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if f"AIRFLOW_HOME={host.home}" in read_or_nothing(path)]


def restore(host, folder, status=0):
    """restore.py into the database `restored`, as the README has it."""
    place = f"airflow@127.0.0.1:{host.database.port}/restored"
    env = {**host.stack.env, **json.loads(host.stack.env["WEIR_INPUT_AWS"]), "AWS_SECRET_ACCESS_KEY": host.stack.env["WEIR_INPUT_AWS_SECRET_KEY"], "PGPASSWORD": SECRETS["DATABASE_PASSWORD"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([VENV / "bin/python", ROOT / "examples/airflow-ops/restore.py", f"s3://demo-airflow-backup/{folder}", f"postgresql://{place}"], env=env, capture_output=True, text=True)
    assert done.returncode == status, done
    return done.stdout + done.stderr


def restored(host, folder, ended):
    """Into an empty database, which then has what the other has: all tables, and of what does not change any more each row."""
    files = [file for file in json.loads(host.read("backup", f"{folder}/manifest.json"))["files"] if "table" in file]
    tables = host.database.psql("select tablename from pg_tables where schemaname = 'public' and tablename <> 'session'", dbname="airflow").split()
    assert sorted(file["table"] for file in files) == sorted(tables) and len(tables) > 30
    host.database.psql("create database restored owner airflow")
    password = urllib.parse.quote(SECRETS["DATABASE_PASSWORD"], safe="")
    migrate = {**os.environ, "AIRFLOW_HOME": str(host.folder / "other"), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://airflow:{password}@127.0.0.1:{host.database.port}/restored"}
    subprocess.run([VENV / "bin/airflow", "db", "migrate"], env=migrate, check=True, capture_output=True)
    assert f"{sum(file['rows'] for file in files)} rows restored" in restore(host, folder)
    for file in files:
        assert host.database.psql(f'select count(*) from "{file["table"]}"', dbname="restored") == str(file["rows"]), file
    runs = "(" + ", ".join(f"'{run}'" for run in ended) + ")"
    still = {"dag_run": f"run_id in {runs}", "task_instance": f"run_id in {runs}", "xcom": f"run_id in {runs}", "variable": "true", "connection": "true", "slot_pool": "true",
             "log_template": "true", "alembic_version": "true"}
    for table, which in still.items():
        here, there = (host.database.psql(f"select t::text from {table} t where {which} order by 1", dbname=dbname) for dbname in ("airflow", "restored"))
        assert here == there and here, table
    # What Python has put there can be read again, and the next row comes after the last.
    values = host.database.psql("select convert_from(value, 'UTF8') from xcom where key = 'return_value'", dbname="restored")
    assert values and "memory at" not in values
    last, following = host.database.psql("select (select max(id) from log), nextval('log_id_seq')", dbname="restored").split("|")
    assert int(following) == int(last) + 1
    # Another version of Airflow: nothing is changed.
    host.database.psql("update alembic_version set version_num = 'of another'", dbname="restored")
    assert "the database has of another" in restore(host, folder, status=1)
    assert host.database.psql("select version_num from alembic_version", dbname="restored") == "of another"
    host.database.psql("update alembic_version set version_num = (select '" + host.database.psql("select version_num from alembic_version", dbname="airflow") + "')", dbname="restored")


def read_or_nothing(path):
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
