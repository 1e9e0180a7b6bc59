"""dbt-redshift against the sandbox's warehouse: the examples' projects, built twice, and their figures added up again."""

import json
import os
import shutil
import subprocess

import pytest
import users_data as users
from servers import ROOT
from warehouse import Warehouse, needs_engine

DBT = ROOT / ".venv-jobs" / "bin" / "dbt"
pytestmark = [needs_engine, pytest.mark.long, pytest.mark.skipif(not list((ROOT / ".venv-jobs").glob("lib/*/site-packages/dbt/adapters/redshift")), reason="no dbt-redshift (tools/setup jobs)")]


@pytest.fixture(scope="module")
def warehouse():
    server = Warehouse()
    yield server
    server.stop()


class Project:
    def __init__(self, warehouse, folder, example, profile):
        self.warehouse, self.folder = warehouse, shutil.copytree(ROOT / "examples" / example / "dbt", folder / "dbt")
        at = warehouse.at
        output = {"type": "redshift", "host": at["address"], "port": at["port"], "dbname": "lake", "schema": profile, "user": "weir", "password": warehouse.password, "sslmode": "disable", "threads": 4}
        (self.folder / "profiles.yml").write_text(json.dumps({profile: {"target": "redshift", "outputs": {"redshift": output}}}))

    def dbt(self, *words, status=0):
        env = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "HOME": str(self.folder)}
        done = subprocess.run([str(DBT), *words, "--profiles-dir", ".", "--no-use-colors"], cwd=self.folder, capture_output=True, text=True, env=env)
        assert (done.returncode == 0) == (status == 0), done.stdout[-6000:] + done.stderr[-3000:]
        return done.stdout


TABLES = {"user_event": "user_id int, datestamp timestamp, item_id int, clicked int, purchased int, paidamount int", "user_variant": "user_id int, variant_id varchar(32)",
          "user_metadata": "user_id int, age varchar(16), gender varchar(16), updated_at timestamp"}
DAILY = "select variant_id, user_id, datestamp, age, gender, num_of_items, num_of_clicks, num_of_purchases, revenue from users_analytics.analytics_variant_user_daily"


class Users:
    """The project of airflow-ops, fed by COPY as its DAG does."""

    def __init__(self, warehouse, folder):
        self.warehouse, self.project = warehouse, Project(warehouse, folder, "airflow-ops", "users")
        self.dbt = self.project.dbt
        warehouse.sql("drop schema if exists raw_data, users_dim, users_fact, users_analytics, users_seeds, snapshots cascade; create schema raw_data")
        for name, columns in TABLES.items():
            warehouse.sql(f"create table raw_data.{name} ({columns})")

    def copy(self, name, text):
        self.warehouse.put(f"raw/{name}.csv", text)
        return self.warehouse.psql(f"begin; delete from raw_data.{name}; copy raw_data.{name} from 's3://lake/raw/{name}.csv' iam_role '{self.warehouse.spectrum}' csv ignoreheader 1 emptyasnull; commit")

    def load(self, **tables):
        for name, given in tables.items():
            done = self.copy(name, users.text(name, given))
            assert done.returncode == 0, done.stderr

    def daily(self):
        found = [[variant or None, int(user), day, age or None, gender or None, *(int(n) if n else None for n in rest)] for variant, user, day, age, gender, *rest in self.warehouse.sql(DAILY)]
        return sorted(found, key=str)


def test_users(warehouse, tmp_path):
    """Loaded by COPY; a seed, a snapshot, an incremental model that takes only what is newer, views that are late-binding; twice, and what dbt tells of it."""
    events = users.rows("user_event")
    project = Users(warehouse, tmp_path)
    (project.project.folder / "models" / "late.sql").write_text("{{ config(materialized='view', bind=False) }} select user_id, count(*) as events from {{ ref('fact_user_event') }} group by 1")

    def build(some):
        project.load(user_event=some, user_variant=users.rows("user_variant"), user_metadata=users.rows("user_metadata"))
        assert "ERROR=0" in project.dbt("build")
        assert project.daily() == users.expected(some)

    build(events[:600])
    seed = project.project.folder / "seeds" / "user_tiers.csv"
    (tier,) = [row["tier"] for row in users.rows("user_tiers", project.project.folder / "seeds") if row["user_id"] == "100"]
    seed.write_text(seed.read_text().replace(f"100,{tier}\n", "100,zinc\n"))
    build(events)
    assert warehouse.sql("select count(*), sum(paidamount) from users_fact.fact_user_event") == [["900", str(sum(int(event["paidamount"]) for event in events))]]
    assert warehouse.sql("select sum(events) from users.late") == [["900"]]
    assert warehouse.sql("select tier, dbt_valid_to is null from snapshots.scd_user_tiers where user_id = 100 order by dbt_valid_from") == [[tier, "f"], ["zinc", "t"]]
    project.dbt("docs", "generate")
    model = project.project.folder / "models" / "fact" / "fact_user_event.sql"
    model.write_text(model.read_text().replace("select user_id,", "select 1 as another, user_id,"))
    assert "out of sync" in project.dbt("run", "-s", "fact_user_event", status=1)


def test_deliveries_that_nobody_likes(warehouse, tmp_path):
    """As on DuckDB (test_airflow_ops.py); and a column more is refused by COPY, with nothing changed."""
    project, kept = Users(warehouse, tmp_path), []
    project.load(user_variant=users.VARIANTS, user_metadata=users.METADATA)
    for what, events in users.DELIVERIES:
        project.load(user_event=events)
        assert "ERROR=0" in project.dbt("build")
        kept = users.taken(kept, events)
        assert project.daily() == users.expected(kept, users.VARIANTS, users.METADATA), what
    more = project.copy("user_event", users.text("user_event", users.NEXT, ["referrer"]))
    assert more.returncode != 0 and "stl_load_errors" in more.stderr
    assert warehouse.sql("select count(*) from raw_data.user_event") == [[str(len(users.DELIVERIES[-1][1]))]]


MUSIC = {
    "users": ("user_id string, name string, country string, plan string, updated_at timestamp", [(1, "Ada", "de", "premium", "2026-01-01 00:00:00"), (2, "Bob", "kr", "free", "2026-01-02 00:00:00")]),
    "songs": ("song_id string, title string, album string, artist_id string, artist string, duration_s int, genre string", [(1, "Paranoid", "Paranoid", 7, "Black Sabbath", 170, "metal"), (2, "War Pigs", "Paranoid", 7, "Black Sabbath", 470, "metal")]),
    "sessions": ("session_id string, user_id string, device string, started_at timestamp",
                 [(10, 1, "phone", "2026-02-01 10:00:00"), (11, 2, "web", "2026-02-02 11:00:00"), (12, 2, "web", "2026-02-03 12:00:00")]),
    "plays": ("session_id string, position int, user_id string, song_id string, seconds int, device string, started_at timestamp",
              [(10, 1, 1, 1, 170, "phone", "2026-02-01 10:00:00"), (10, 2, 1, 2, 100, "phone", "2026-02-01 10:00:00"), (11, 1, 2, 1, 20, "web", "2026-02-02 11:00:00")]),
    "sales": ("session_id string, position int, user_id string, song_id string, price double, sold_at timestamp",
              [(10, 0, 1, 2, 1.29, "2026-02-01 10:00:00"), (11, 0, 2, 1, 0.79, "2026-02-02 11:00:00"), (11, 1, 2, 2, 0.99, "2026-02-02 11:00:00")]),
}


def test_music(warehouse, tmp_path):
    """Models over an external schema: staging views bind nothing, and would be refused if they did. Marts are published when they have been tested, and all at once."""
    import duckdb
    glue = warehouse.client("glue")
    glue.create_database(DatabaseInput={"Name": "music"})

    def put(name, columns, rows):
        columns = [dict(zip(("Name", "Type"), column.split())) for column in columns.split(", ")]
        duck, file = duckdb.connect(), tmp_path / f"{name}.parquet"
        duck.execute(f"create table t ({', '.join(c['Name'] + ' ' + c['Type'].replace('string', 'varchar') for c in columns)})")
        duck.executemany(f"insert into t values ({', '.join('?' * len(columns))})", rows)
        duck.execute(f"copy t to '{file}' (format parquet)")
        warehouse.put(f"music/{name}/part.parquet", file.read_bytes())
        return columns

    for name, (columns, rows) in MUSIC.items():
        storage = {"Columns": put(name, columns, rows), "Location": f"s3://lake/music/{name}/", "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                   "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"}}
        glue.create_table(DatabaseName="music", TableInput={"Name": name, "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage})
    warehouse.sql(f"create external schema lake from data catalog database 'music' iam_role '{warehouse.spectrum}'")
    project = Project(warehouse, tmp_path, "music-lakehouse", "music")
    for _ in range(2):
        assert "ERROR=0" in project.dbt("build")
        project.dbt("run-operation", "publish")
    assert warehouse.sql("select session_id, plays, seconds, skipped, purchases, amount from music_marts.fact_sessions order by 1") == [
        ["10", "2", "270", "1", "1", "1.29"], ["11", "1", "20", "1", "2", "1.78"], ["12", "0", "0", "0", "0", "0.00"]]
    assert warehouse.sql("select purchase_id = md5(session_id || '-0'), user_id, song_id, sold_on, amount from music_marts.fact_sales order by user_id, song_id") == [
        ["t", "1", "2", "2026-02-01", "1.29"], ["t", "2", "1", "2026-02-02", "0.79"], ["f", "2", "2", "2026-02-02", "0.99"]]
    assert warehouse.sql("select artist_id, artist_name, songs, albums from music_marts.dim_artists") == [["7", "Black Sabbath", "2", "1"]]
    # What fails a test is made beside the marts and not published; publishing is all or nothing.
    before = warehouse.sql("select * from music_marts.fact_sessions order by 1")
    columns, sessions = MUSIC["sessions"]
    put("sessions", columns, [*sessions, (13, 9, "web", "2026-02-04 13:00:00")])
    assert "ERROR=1" in project.dbt("build", status=1)
    assert warehouse.sql("select * from music_marts.fact_sessions order by 1") == before and warehouse.sql("select count(*) from music_marts.fact_sessions__next") == [["4"]]
    warehouse.sql("drop table music_marts.fact_sales__next")
    project.dbt("run-operation", "publish", status=1)
    assert warehouse.sql("select * from music_marts.fact_sessions order by 1") == before and warehouse.sql("select count(*) from music_marts.dim_users") == [["2"]]
    # without `bind: false` Redshift refuses the views
    settings = project.folder / "dbt_project.yml"
    settings.write_text(settings.read_text().replace("+bind: false", "+bind: true"))
    assert "External tables are not supported in views" in project.dbt("run", "--full-refresh", status=1)
