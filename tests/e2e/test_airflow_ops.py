"""Airflow in operation: applied to the sandbox and torn down; what the DAGs compute; the dbt project against the same sums in plain Python."""

import csv
import datetime
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess

import pytest

import users_data
from pg import Postgres
from support import ROOT, Stack
from test_systems import inventory
from users_data import EXAMPLE, expected, rows

UTC = datetime.timezone.utc


@pytest.fixture(scope="module")
def ops():
    spec = importlib.util.spec_from_file_location("ops", EXAMPLE / "dags" / "ops.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.full
def test_life_cycle(tmp_path, fast_sandbox):
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


AIRFLOW = ROOT / ".venv-airflow2" / "bin" / "python"
# The table `seen` into a file, the file altered, and back into an empty table: what `restored` says of it.
ROUND_TRIP = """
import io, json, sys
import ops, psycopg2
with psycopg2.connect("") as connection, connection.cursor() as cursor:
    file = io.BytesIO()
    ops.copy_out(cursor, "seen", file)
    text = file.getvalue().decode()
    for old, new in json.loads(sys.argv[1]):
        assert old in text, (old, text)
        text = text.replace(old, new, 1)
    try:
        said = ops.restored(cursor, "seen", io.BytesIO(text.encode()))
    except (ValueError, psycopg2.Error) as error:
        said = str(error)
    print(json.dumps({"text": text, "said": said}))
"""
SEEN = """create table seen ("T" serial, value bytea, conf json, note text, at timestamptz, ratio float8, fine boolean, tags text[]);
insert into seen (value, conf, note, at, ratio, fine, tags) values
  ('\\x00ff800495', '{"b": 1, "a": "ä"}', E'say "hi",\n\\\\N 夜', '2026-11-20 01:30:00.123456+09', 0.1, true, '{a,"b,c"}'), (null, null, '', null, 'NaN', false, '{}'), (null, null, null, null, null, null, null),
  ('', 'null', '', '0001-01-01 00:00:00+00', 1e300, true, null), (null, null, '', null, 'NaN', false, '{}')"""  # the second and the last are alike


@pytest.mark.full
def test_a_backup_is_what_the_table_has():
    """Bytes, JSON, nothing and an empty text, quotes and line breaks; and what is another in the file is found."""
    if not AIRFLOW.exists():
        pytest.skip("no psycopg2: tools/setup airflow")
    server = Postgres()

    def trip(*changes):
        env = {**os.environ, **server.env(), "PYTHONPATH": str(EXAMPLE / "dags"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([AIRFLOW, "-c", ROUND_TRIP, json.dumps(changes)], capture_output=True, text=True, env=env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    try:
        server.psql(SEEN)
        whole = trip()
        assert whole["said"] == 5 and '"\\x00ff800495"' in whole["text"] and "memory at" not in whole["text"]
        rows = list(csv.DictReader(whole["text"].splitlines(keepends=True)))
        assert rows[0]["note"] == 'say "hi",\n\\N 夜' and rows[0]["T"] == "1"
        for old, new in ("00ff", "00fe"), ('""b"": 1', '""b"": 2'), ('"4","\\x"', '"4",'), (",,,,,,", ',,,"",,,'), ('"5",', '"6",'):
            assert "seen is not what was written, differences: 2" in trip((old, new))["said"], (old, new)
        last = next(line for line in whole["text"].splitlines() if line.startswith('"5"'))
        assert "differences: 1" in trip((last + "\n", ""))["said"] and "differences: 1" in trip((last, f"{last}\n{last}"))["said"]
        assert "differences: 2" in trip(('"\\x00ff800495"', '"<memory at 0x7f>"'))["said"]  # as it used to be
    finally:
        server.stop()


def test_which_tables_are_backed_up(ops):
    assert ops.tables([("log_template", set()), ("session", set()), ("dag_run", set()), ("_airflow_deleted__log__20261120", set()), (None, [("a", "fk")])]) == ["log_template", "dag_run"]


def test_what_goes_and_what_stays(ops):
    now = datetime.datetime(2026, 11, 20, tzinfo=UTC)
    assert ops.backup_key("dag_run.csv", datetime.datetime(2026, 11, 20, 1, 30, tzinfo=UTC)) == "metadata/2026/11/20/013000/dag_run.csv"
    objects = [{"Key": f"metadata/k{age}/manifest.json", "LastModified": now - datetime.timedelta(days=age)} for age in (0, 5, 29, 31, 400)]
    keys = [o["Key"] for o in objects]
    assert ops.expired(objects, now, 30) == keys[3:]
    assert ops.expired(objects, now, 30, keep="metadata/k400") == keys[3:4]
    assert ops.newest_backup(objects[:1] + objects[2:]) == "metadata/k400/manifest.json" and ops.newest_backup([{"Key": "metadata/k1/dag.csv"}]) is None
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


def test_a_backup_is_proven(ops):
    now, at = datetime.datetime(2026, 11, 22, tzinfo=UTC), datetime.datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
    file, manifest, text = ops.backup_key("dag_run.csv", at), ops.backup_key(ops.MANIFEST, at), b"id\n1\n"
    said = json.dumps({"at": at.isoformat(), "files": [{"key": file, "sha256": hashlib.sha256(text).hexdigest()}]}).encode()
    there = [{"Key": manifest}, {"Key": file}, {"Key": "metadata/2026/11/20/013000/manifest.json"}]

    def proven(objects, days, body=text):
        return ops.proven_backup(objects, lambda key: [body[:2], body[2:]] if key == file else [said], now, datetime.timedelta(days=days))
    assert proven(there, 2) == manifest
    for objects, days, body, says in ([], 2, text, "no backup"), (there, 0, text, "is of 2026-11-21"), (there[:1], 2, text, "dag_run.csv"), (there, 2, b"id\n2\n", "not what was written"):
        with pytest.raises(LookupError, match=says):
            proven(objects, days, body)


def test_old_files(ops, tmp_path):
    for name, age_days in ("a/old", 9), ("a/new", 1), ("older", 40):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1_790_000_000 - age_days * 86400,) * 2)
    limit = datetime.datetime.fromtimestamp(1_790_000_000 - 7 * 86400, UTC)
    assert [path.name for path in ops.old_files(tmp_path, limit)] == ["old", "older"]


LOAD = """
import duckdb, sys
tables = {"user_event": "user_id int, datestamp timestamp, item_id int, clicked int, purchased int, paidamount int",
          "user_variant": "user_id int, variant_id varchar(32)", "user_metadata": "user_id int, age varchar(16), gender varchar(16), updated_at timestamp"}
db = duckdb.connect("users.duckdb")
db.execute("create schema if not exists raw_data")
for name, columns in tables.items():
    db.execute(f"create or replace table raw_data.{name} ({columns})")
    db.execute(f"copy raw_data.{name} from '{sys.argv[1]}/{name}.csv' (header)")
"""
SHOW = """
import duckdb, json
db = duckdb.connect("users.duckdb")
read = lambda sql: db.execute(sql).fetchall()
print(json.dumps({
    "daily": read("select variant_id, user_id, datestamp::text, age, gender, num_of_items, num_of_clicks, num_of_purchases::int, revenue::int from users_analytics.analytics_variant_user_daily"),
    "events": read("select count(*), sum(paidamount)::int from users_fact.fact_user_event")[0], "user": [row[0] for row in read("select column_name from information_schema.columns where table_name = 'dim_user' order by ordinal_position")],
    "kinds": dict(read("select table_name, table_type from information_schema.tables")),
    "tiers": read("select tier, dbt_valid_to is null from snapshots.scd_user_tiers where user_id = 100 order by dbt_valid_from")}))
"""


class Project:
    """The dbt project on DuckDB, fed from files."""

    def __init__(self, folder):
        self.tools = ROOT / ".venv-jobs" / "bin"
        if not (self.tools / "dbt").exists():
            pytest.skip("dbt-duckdb is not installed (tools/setup jobs)")
        self.folder, self.data = shutil.copytree(EXAMPLE / "dbt", folder / "dbt"), shutil.copytree(EXAMPLE / "data", folder / "data")

    def run(self, *command, status=0):
        done = subprocess.run([str(word) for word in command], cwd=self.folder, capture_output=True, text=True, env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})
        assert done.returncode == status, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def dbt(self, *words, status=0):
        return self.run(self.tools / "dbt", *words, "--profiles-dir", ".", status=status)

    def load(self, **tables):
        for name, given in tables.items():
            (self.data / f"{name}.csv").write_text(users_data.text(name, given))
        self.run(self.tools / "python", "-c", LOAD, self.data)

    def build(self, **tables):
        self.load(**tables)
        self.said = self.dbt("build")
        assert "ERROR=0" in self.said
        return self.shown()

    def shown(self):
        return json.loads(self.run(self.tools / "python", "-c", SHOW))


def known(found):
    return sorted(found["daily"], key=str)


@pytest.mark.long
def test_dbt(tmp_path):
    """Twice: the second build adds the events that are newer, and no others; who has another tier by then has had two."""
    project, events = Project(tmp_path), rows("user_event")
    first = project.build(user_event=events[:600])
    assert first["events"] == [600, sum(int(event["paidamount"]) for event in events[:600])]
    assert known(first) == expected(events[:600])
    assert first["kinds"]["fact_user_event"] == first["kinds"]["dim_user"] == "BASE TABLE" and not any(name.startswith("src_") for name in first["kinds"])
    assert first["user"] == ["user_id", "variant_id", "age", "gender"]

    seed = project.folder / "seeds/user_tiers.csv"
    (tier,) = [row["tier"] for row in rows("user_tiers", project.folder / "seeds") if row["user_id"] == "100"]
    seed.write_text(seed.read_text().replace(f"100,{tier}\n", "100,platinum\n"))
    altered = [{**event, "paidamount": "99999"} for event in events[:600]]  # what was there already is not looked at again
    second = project.build(user_event=altered + events[600:])
    assert second["events"] == [900, sum(int(event["paidamount"]) for event in events)]
    assert known(second) == expected(events)
    assert second["tiers"] == [[tier, False], ["platinum", True]]

    model = project.folder / "models/fact/fact_user_event.sql"
    model.write_text(model.read_text().replace("select user_id,", "select 1 as another, user_id,"))
    assert "out of sync" in project.dbt("run", "-s", "fact_user_event", status=1)


@pytest.mark.long
def test_dbt_with_deliveries_that_nobody_likes(tmp_path):
    """Quotes, other alphabets, what is unknown, twice the same, users without a variant or metadata; an empty day first and later, the same file again, a shorter one, a late event."""
    project, kept = Project(tmp_path), []
    for what, events in users_data.DELIVERIES:
        found = project.build(user_event=events, user_variant=users_data.VARIANTS, user_metadata=users_data.METADATA)
        kept = users_data.taken(kept, events)
        assert known(found) == expected(kept, users_data.VARIANTS, users_data.METADATA), what
        assert found["events"][0] == len(kept), what
    assert len(kept) == 9 and "WARN=2" in project.said  # the event without a date is reported, and the user without a variant
    # all of it anew has the late one, too
    project.dbt("run", "--full-refresh")
    everything = users_data.taken([], users_data.DELIVERIES[-1][1])
    assert known(project.shown()) == expected(everything, users_data.VARIANTS, users_data.METADATA) and len(everything) == 10
    # A user with two variants would double what he did: nothing is built.
    project.load(user_event=users_data.FIRST[:1], user_variant=[*users_data.VARIANTS, {"user_id": "3", "variant_id": "control"}], user_metadata=users_data.METADATA)
    assert "source_unique_raw_data_user_variant_user_id" in project.dbt("build", status=1)
    assert known(project.shown()) == expected(everything, users_data.VARIANTS, users_data.METADATA)
