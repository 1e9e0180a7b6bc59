"""The managed Airflow of examples/airflow-ops, run: its four DAGs on a real Airflow, the warehouse as the role that they have, dbt as startup.sh installs it; looked at with boto3 and psql."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import users_data as users
from servers import ROOT, Sandbox
from support import example, until
from warehouse import needs_engine

BIN = ROOT / ".venv-airflow2" / "bin"
pytestmark = [pytest.mark.long, needs_engine, pytest.mark.skipif(os.geteuid() != 0, reason="startup.sh runs in a root of its own, which is root's to make")]
INPUTS = ["-i", "owner=ana", "-i", "warehouse_sslmode=disable"]
NAME = "ana-ops"


class Managed:
    def __init__(self, folder):
        if not (BIN / "airflow").exists():
            pytest.skip("no Airflow: tools/setup airflow")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # a python3 with boto3, for the warehouse
        self.cloud = Sandbox(folder / "sandbox", env={"WEIR_AIRFLOW": str(BIN), "PATH": path})
        self.stack = example("airflow-ops", folder / "ops", None)
        self.stack.env |= {"AWS_ACCESS_KEY_ID": self.cloud.access, "AWS_SECRET_ACCESS_KEY": self.cloud.secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.cloud.url}
        self.stack.patience_s = 3000
        self.s3 = self.cloud.client("s3")

    def run(self, dag, *more, **also):
        return self.stack.run("run", "airflow/environment", "--set", f"dag={dag}", *more, *INPUTS, **also)

    def rest(self, path):
        return self.cloud.client("mwaa", inject_host_prefix=False, read_timeout=600).invoke_rest_api(Name=NAME, Method="GET", Path=path)["RestApiResponse"]

    def deliver(self, **tables):
        for name, given in tables.items():
            self.s3.put_object(Bucket=f"{NAME}-raw", Key=f"raw_data/{name}.csv", Body=users.text(name, given).encode())

    def sql(self, sql):
        """As the administrator, whose password Redshift keeps."""
        serverless = self.cloud.client("redshift-serverless")
        at, secret = (serverless.get_workgroup(workgroupName=NAME)["workgroup"]["endpoint"], serverless.get_namespace(namespaceName=NAME)["namespace"]["adminPasswordSecretArn"])
        login = json.loads(self.cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        words = ["psql", "-h", at["address"], "-p", str(at["port"]), "-U", login["username"], "-d", "analytics", "-v", "ON_ERROR_STOP=1", "-Atqc", sql]
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PGPASSWORD": login["password"]})
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def daily(self):
        columns = "variant_id, user_id, datestamp, age, gender, num_of_items, num_of_clicks, num_of_purchases, revenue"
        found = self.sql(f"select {columns} from users_analytics.analytics_variant_user_daily")
        return sorted([[variant or None, int(user), day, age or None, gender or None, *(int(n) if n else None for n in rest)] for variant, user, day, age, gender, *rest in found], key=str)


@pytest.fixture(scope="module")
def managed(tmp_path_factory):
    managed = Managed(tmp_path_factory.mktemp("managed"))
    stack = managed.stack
    for name, given in ("user_event", users.FIRST), ("user_variant", users.VARIANTS), ("user_metadata", users.METADATA):
        (stack.folder / "data" / f"{name}.csv").write_text(users.text(name, given))
    stack.apply(*INPUTS)
    stack.assert_settled(*INPUTS)
    yield managed
    managed.cloud.stop()


# One after the other: each goes on where the one before has ended.

def test_no_dag_is_paused(managed):
    assert {dag["dag_id"]: dag["is_paused"] for dag in managed.rest("/dags")["dags"]} == dict.fromkeys(("health_check", "log_cleanup", "metadata_backup", "warehouse"), False)


def test_the_warehouse(managed):
    """Loaded and modelled as the role, which has been granted just that."""
    assert "success" in managed.run("warehouse").err
    assert managed.daily() == users.expected(users.taken([], users.FIRST), users.VARIANTS, users.METADATA)
    assert managed.sql("select distinct tableowner from pg_tables where schemaname ~ '^(raw_data|users_|snapshots)'") == [[f"IAMR:{NAME}-airflow"]]
    assert managed.sql(f"select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = 'IAMR:{NAME}-airflow'") == [["f", "f", "f"]]


def test_another_delivery_and_a_model_that_has_changed(managed):
    """What is built is the new one."""
    (managed.stack.folder / "dbt/models/dim/dim_user_variant.sql").write_text("select user_id, variant_id, 'new' as edition from {{ ref('src_user_variant') }}\n")
    managed.stack.apply(*INPUTS)
    later = users.FIRST + users.LATE + users.NEXT
    managed.deliver(user_event=later)
    assert "success" in managed.run("warehouse").err
    assert managed.daily() == users.expected(users.taken(users.taken([], users.FIRST), later), users.VARIANTS, users.METADATA)
    assert managed.sql("select distinct edition from users_dim.dim_user_variant") == [["new"]]


def test_backup_clean_up_and_health(managed):
    assert "success" in managed.run("metadata_backup").err
    keys = [o["Key"] for o in managed.s3.list_objects_v2(Bucket=f"{NAME}-backup", Prefix="metadata/")["Contents"]]
    manifest = json.loads(managed.s3.get_object(Bucket=f"{NAME}-backup", Key=max(key for key in keys if key.endswith("/manifest.json")))["Body"].read())
    rows = {file["table"]: file["rows"] for file in manifest["files"] if "table" in file}
    assert rows["dag"] == 4 and rows["xcom"] > 4 and rows["alembic_version"] == 1
    assert "success" in managed.run("log_cleanup").err
    exported = managed.cloud.client("logs").describe_export_tasks()["exportTasks"]
    assert {(task["status"]["code"], task["logGroupName"]) for task in exported} == {("COMPLETED", f"airflow-{NAME}-Task")}
    assert "success" in managed.run("health_check").err
    metrics = {m["MetricName"] for m in managed.cloud.client("cloudwatch").list_metrics(Namespace="AirflowOps")["Metrics"]}
    assert {"SchedulerAlive", "QueuedSeconds", "FailedTasks", "LogDiskPercent"} <= metrics


def test_nothing_of_it_is_on_the_machine_and_nothing_stays(managed):
    folder = managed.cloud.words[0]
    assert not Path("/usr/local/airflow").exists()
    assert "Nothing is left" in managed.stack.destroy("--verify", *INPUTS).out
    until(lambda: not list(Path(folder, "daemons").glob("*")))
    assert not Path("/usr/local/airflow").exists() and folder not in Path("/proc/mounts").read_text()
