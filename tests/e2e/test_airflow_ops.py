"""Airflow in operation: applied to the sandbox and torn down; what the DAGs compute; the dbt project against the same sums in plain Python."""

import collections
import csv
import datetime
import importlib.util
import json
import os
import shutil
import subprocess

import pytest

from support import ROOT, Stack
from test_systems import inventory

EXAMPLE = ROOT / "examples" / "airflow-ops"
UTC = datetime.timezone.utc


@pytest.fixture(scope="module")
def ops():
    spec = importlib.util.spec_from_file_location("ops", EXAMPLE / "dags" / "ops.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_life(tmp_path, fast_sandbox):
    shutil.copytree(EXAMPLE, tmp_path / "ops", ignore=shutil.ignore_patterns(".weir"))
    stack = Stack(tmp_path / "ops", fast_sandbox)
    before = inventory(fast_sandbox)
    stack.apply()
    assert inventory(fast_sandbox) > before
    stack.assert_settled()
    # A DAG is edited, a variable changes: these two and nothing else.
    dag = stack.folder / "dags" / "log_cleanup.py"
    dag.write_text(dag.read_text() + "\n# looked at\n")
    assert stack.plan("-i", "keep_logs_days=7") == {'airflow/dag["log_cleanup.py"]': "update", 'variable["keep_logs_days"]': "update"}
    stack.apply("-i", "keep_logs_days=7")
    stack.assert_settled("-i", "keep_logs_days=7")
    # MWAA takes up scripts by their version: a changed one is a changed environment.
    for name, resource in ("startup.sh", "startup"), ("requirements.txt", "requirements"):
        (stack.folder / name).write_text((stack.folder / name).read_text() + "# changed\n")
        assert stack.plan("-i", "keep_logs_days=7") == {f"airflow/{resource}": "update", "airflow/environment": "update"}
        stack.apply("-i", "keep_logs_days=7")
        stack.assert_settled("-i", "keep_logs_days=7")
    stack.apply("-i", "smtp_password=not-a-real-one")
    stack.assert_settled("-i", "smtp_password=not-a-real-one")
    assert all("not-a-real-one" not in path.read_text(errors="replace") for path in (stack.folder / ".weir").glob("*.log"))
    stack.destroy()
    assert inventory(fast_sandbox) == before
    assert stack.run("state", "list").out == ""


def test_backups(ops):
    at = datetime.datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    assert ops.backup_key("dag_run", at) == "metadata/2026/11/20/013000/dag_run.csv"
    text = "".join(ops.to_csv(["id", "at", "note"], [(n, at, None if n % 2 else 'say "hi",\nthere') for n in range(12_000)]))
    rows = list(csv.DictReader(text.splitlines(keepends=True)))
    assert len(rows) == 12_000 and rows[7] == {"id": "7", "at": at.isoformat(), "note": ""} and rows[8]["note"] == 'say "hi",\nthere'


def test_a_dump_goes_through_a_file(ops, tmp_path):
    taken = []

    def pieces():
        for n in range(100):
            taken.append(n)
            yield f"{n},ä\n"
    with (tmp_path / "dump").open("w+b") as file:
        size = ops.spool(pieces(), file)
        assert file.read().decode() == "".join(f"{n},ä\n" for n in range(100)) and size == (tmp_path / "dump").stat().st_size and len(taken) == 100


def test_what_goes_and_what_stays(ops):
    now = datetime.datetime(2026, 11, 20, tzinfo=UTC)
    objects = [{"Key": f"k{age}", "LastModified": now - datetime.timedelta(days=age)} for age in (0, 5, 29, 31, 400)]
    assert ops.expired(objects, now, 30) == ["k31", "k400"]
    assert ops.expired(objects, now, 30, keep=4) == ["k400"]
    assert ops.expired(objects[-1:], now, 30, keep=1) == []  # the last backup stays
    assert [len(page) for page in ops.pages([str(n) for n in range(2001)])] == [1000, 1000, 1]


def test_health(ops):
    now = datetime.datetime(2026, 11, 20, tzinfo=UTC)
    ago = lambda seconds: now - datetime.timedelta(seconds=seconds)  # noqa: E731
    assert ops.health({"Scheduler": ago(10), "Triggerer": ago(90)}, [ago(5), ago(700)], 3, now) == {
        "SchedulerAlive": 1.0, "TriggererAlive": 0.0, "QueuedSeconds": 700.0, "FailedTasks": 3.0}
    assert ops.health({"Scheduler": None}, [], 0, now) == {"SchedulerAlive": 0.0, "QueuedSeconds": 0.0, "FailedTasks": 0.0}


@pytest.mark.parametrize("path", sorted((EXAMPLE / "dags").glob("*.py")), ids=lambda path: path.name)
def test_dags_compile(path):
    compile(path.read_text(), path.name, "exec")


def rows(name):
    with open(EXAMPLE / "data" / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def expected():
    """The analytics models from the raw files, ride by ride."""
    members = {row["member_id"]: row for row in sorted(rows("members"), key=lambda row: row["updated_at"])}
    stations = {row["station_id"]: row["name"] for row in rows("stations")}
    rides = {row["ride_id"]: row for row in rows("rides") if row["ended_at"]}
    plans = collections.defaultdict(lambda: [set(), 0, 0])
    days = collections.defaultdict(lambda: [0, 0, 0])
    for ride in rides.values():
        start, end = (datetime.datetime.fromisoformat(ride[key]) for key in ("started_at", "ended_at"))
        minutes = int((end - start).total_seconds() // 60)
        if not 1 <= minutes < 24 * 60:
            continue
        plan = plans[members[ride["member_id"]]["plan"]]
        plan[0].add(ride["member_id"])
        plan[1] += 1
        plan[2] += minutes
        days[stations[ride["from_station_id"]], ride["started_at"][:10]][0] += 1
        days[stations[ride["to_station_id"]], ride["started_at"][:10]][1] += 1
        days[stations[ride["from_station_id"]], ride["started_at"][:10]][2] += minutes
    return {
        "plans": sorted([plan, len(who), count, minutes] for plan, (who, count, minutes) in plans.items()),
        "days": sorted([station, day, out, back, out - back, minutes] for (station, day), (out, back, minutes) in days.items()),
    }


LOAD = """
import duckdb, sys
sys.path.insert(0, sys.argv[1])
tables = {"stations": "station_id int, name varchar(100), docks int, opened_on date",
          "members": "member_id int, plan varchar(20), joined_on date, updated_at timestamp",
          "rides": "ride_id bigint, member_id int, from_station_id int, to_station_id int, started_at timestamp, ended_at timestamp"}
db = duckdb.connect("rides.duckdb")
db.execute("create schema raw")
for name, columns in tables.items():
    db.execute(f"create table raw.{name} ({columns})")
    db.execute(f"copy raw.{name} from '{sys.argv[1]}/{name}.csv' (header)")
"""
SHOW = """
import duckdb, json
db = duckdb.connect("rides.duckdb")
print(json.dumps({"plans": db.execute("select plan, members, rides, minutes::int from rides_analytics.plans order by plan").fetchall(),
    "days": db.execute("select station, day::text, departures::int, arrivals::int, missing::int, minutes::int from rides_analytics.station_days order by all").fetchall()}))
"""


@pytest.mark.long
def test_dbt(tmp_path):
    tools = ROOT / ".venv-jobs" / "bin"
    if not (tools / "dbt").exists():
        pytest.skip("dbt-duckdb is not installed (tools/setup jobs)")
    project = shutil.copytree(EXAMPLE / "dbt", tmp_path / "dbt")

    def run(*command):
        done = subprocess.run([str(word) for word in command], cwd=project, capture_output=True, text=True, env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    run(tools / "python", "-c", LOAD, EXAMPLE / "data")
    assert "ERROR=0" in run(tools / "dbt", "build", "--profiles-dir", ".")
    assert json.loads(run(tools / "python", "-c", SHOW)) == expected()
