"""The music lakehouse's jobs on Spark with Iceberg in a folder, and on dbt with DuckDB: what comes out is added up again from what was delivered."""

import gzip
import json
import os
import shutil
import subprocess

import pytest

from support import ROOT, spark_python
from test_music import EXAMPLE, expected_tables, lines, source_songs

pytestmark = pytest.mark.long
LAND = """
import json, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
columns = "song_id int, title string, album string, artist_id int, artist string, duration_s int, genre string"
spark.createDataFrame(json.load(sys.stdin), columns).write.mode("overwrite").parquet(sys.argv[1] + "/rds/songs")
for statement in sys.argv[2:]:
    spark.sql(statement)
"""
SHOW = """
import json, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
read = lambda name: spark.table(f"glue_catalog.music.{name}") if sys.argv[1] == "-" else spark.read.parquet(f"{sys.argv[1]}/{name}")
rows = lambda name: [[str(v) if hasattr(v, "isoformat") else v for v in row] for row in read(name).collect()]
snapshots = lambda name: spark.table(f"glue_catalog.music.{name}.snapshots").count() if sys.argv[1] == "-" else 0
print(json.dumps({name: [sorted(rows(name), key=str), snapshots(name)] for name in sys.argv[2:]}))
"""
TYPES = {"users": "user_id int, name string, country string, plan string, updated_at timestamp",
         "songs": "song_id int, title string, album string, artist_id int, artist string, duration_s int, genre string",
         "sessions": "session_id string, user_id int, device string, started_at timestamp",
         "plays": "session_id string, position int, user_id int, song_id int, seconds int, device string, started_at timestamp",
         "sales": "session_id string, position int, user_id int, song_id int, price double, sold_at timestamp"}


@pytest.fixture
def python():
    return spark_python() or pytest.skip("PySpark is not installed (tools/setup jobs)")


class Jobs:
    def __init__(self, folder, python):
        self.python = python
        self.landing, self.lake, self.script = folder / "landing", folder / "lake", shutil.copy(EXAMPLE / "jobs/to_iceberg.py", folder)
        conf = {"spark.driver.extraClassPath": f"{ROOT}/.venv-jobs/jars/*", "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
                "spark.sql.catalog.glue_catalog": "org.apache.iceberg.spark.SparkCatalog", "spark.sql.catalog.glue_catalog.type": "hadoop", "spark.sql.catalog.glue_catalog.warehouse": self.lake,
                "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.driver.host": "127.0.0.1"}
        self.env = {**os.environ, "PYSPARK_PYTHON": python, "TZ": "UTC", "PYSPARK_SUBMIT_ARGS": " ".join(f"--conf {name}={value}" for name, value in conf.items()) + " pyspark-shell"}

    def run(self, *command, stdin=None):
        done = subprocess.run([self.python, *map(str, command)], input=stdin, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    def land(self, name, day, *pages):
        """What the API's job leaves of a day: a page an object."""
        folder = self.landing / f"api/{name}/day={day}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, rows in enumerate(pages, 1):
            (folder / f"page-{number:04d}.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))

    def songs(self, rows, *statements):
        self.run("-c", LAND, self.landing, *statements, stdin=json.dumps(rows))

    def tables(self, place="-", names=tuple(TYPES)):
        """Rows of each, and how many snapshots there are of it."""
        return json.loads(self.run("-c", SHOW, place, *names))


@pytest.fixture
def jobs(tmp_path, python):
    return Jobs(tmp_path, python)


def rows_of(tables, snapshots):
    return {name: [sorted(map(list, rows), key=str), snapshots] for name, rows in tables.items()}


def test_the_sample_in_a_folder(jobs, tmp_path):
    jobs.land("users", "2026-11-20", lines("users"))
    jobs.land("sessions", "2026-11-20", lines("sessions"))
    jobs.songs(source_songs())
    jobs.run(jobs.script, "--source", jobs.landing, "--folder", tmp_path / "folder")
    assert jobs.tables(tmp_path / "folder") == rows_of(expected_tables(), 0)


def test_delivered_again(jobs):
    """With less, late, twice, on other pages and days; an empty day; a song that is sold no more; a column more."""
    by_day = {day: [row for row in lines("sessions") if row["started_at"].startswith(day)] for day in ("2026-11-18", "2026-11-19")}
    first, second = by_day.values()
    for day, sessions in by_day.items():
        jobs.land("users", day, lines("users"))
        jobs.land("sessions", day, sessions[:40], sessions[40:])
    jobs.land("sessions", "2026-11-21")
    jobs.songs(source_songs(), *(f"create table glue_catalog.music.{name} ({columns}) using iceberg" for name, columns in TYPES.items()))

    def merge():
        jobs.run(jobs.script, "--source", jobs.landing, "--database", "music")

    merge()
    listened = [*first, *second]
    assert jobs.tables() == rows_of(expected_tables(listened=listened), 1)
    merge()
    assert jobs.tables() == rows_of(expected_tables(listened=listened), 2)

    # The first day is delivered again: a session has lost plays, one all of them, one what was bought, one is somebody's else, one is not in it.
    whole = [row for row in first if len(row["plays"] or []) > 2 and row["bought"]]
    less = [dict(whole[0], plays=whole[0]["plays"][:1]), dict(whole[1], plays=[], bought=None), dict(whole[2], bought=whole[2]["bought"][:-1]), dict(whole[3], user_id=1, device="tv")]
    left_out = whole[4]["session_id"]
    again = [row for row in first if row["session_id"] not in {left_out, *(row["session_id"] for row in less)}]
    jobs.land("sessions", "2026-11-18", [whole[0], *again[:30]], [*again[30:], *less])
    merge()
    listened += [whole[0], *again, *less]
    wanted = expected_tables(listened=listened)
    assert jobs.tables() == rows_of(wanted, 3)
    assert sum(row[0] == whole[0]["session_id"] for row in wanted["plays"]) == 1 and any(row[0] == left_out for row in wanted["plays"])

    # A song that is sold no more was played all the same. The source has one twice, and another name for a third.
    songs = [*source_songs()[:-1], source_songs()[0]]
    songs[1] = (songs[1][0], "Another title", *songs[1][2:])
    jobs.songs(songs)
    merge()
    wanted = expected_tables(listened=listened, songs=[*songs, source_songs()[-1]])
    assert jobs.tables() == rows_of(wanted, 4)

    # A column more: what the API has of it is there from then on, and others know nothing of it.
    with open(jobs.script) as file:
        text = file.read()
    with open(jobs.script, "w") as file:
        file.write(text.replace("plan string, updated_at timestamp", "plan string, updated_at timestamp, city string"))
    moved = {"user_id": 62, "name": "Ole", "country": "DE", "plan": "free", "updated_at": "2026-11-20T00:00:00Z", "city": "Köln"}
    jobs.land("users", "2026-11-20", [*lines("users"), moved])
    merge()
    wanted = expected_tables(people=[*lines("users"), moved], listened=listened)["users"]
    assert jobs.tables(names=["users"]) == {"users": [sorted(([*row, "Köln" if row[0] == 62 else None] for row in wanted), key=str), 5]}


DBT = """
import os, sys
sys.path.insert(0, sys.argv[1])
import build_marts
done = build_marts.build("dbt")
sys.exit(None if done.success else "not made")
"""


def test_marts_are_put_there_when_they_are_tested(tmp_path, python):
    """What dbt finds wrong does not reach the marts: they are all as they were."""
    duckdb = pytest.importorskip("duckdb")
    file = tmp_path / "music.duckdb"
    shutil.copytree(EXAMPLE / "dbt", tmp_path / "dbt")

    def lake(tables):
        with duckdb.connect(str(file)) as base:
            base.execute("create schema if not exists lake")
            for name, rows in tables.items():
                base.execute(f"create or replace table lake.{name} ({TYPES[name].replace('string', 'varchar')})")
                base.executemany(f"insert into lake.{name} values ({', '.join('?' * len(rows[0]))})", rows)

    def build(status):
        env = {**os.environ, "DBT_TARGET": "local", "DUCKDB_FILE": str(file), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "HOME": str(tmp_path)}
        done = subprocess.run([python, "-c", DBT, EXAMPLE / "jobs"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == status, done.stdout[-4000:] + done.stderr[-2000:]
        assert f"ERROR={status}" in done.stdout.splitlines()[-1]  # the log ends with what dbt counted
        with duckdb.connect(str(file), read_only=True) as base:
            return {name: sorted(base.execute(f"select * from main_marts.{name}").fetchall(), key=str) for name in ("dim_users", "dim_songs", "dim_artists", "fact_sessions", "fact_sales")}

    tables = expected_tables()
    lake(tables)
    marts = build(0)
    assert len(marts["fact_sessions"]) == len(tables["sessions"]) and sum(row[7] for row in marts["fact_sessions"]) == sum(row[4] for row in tables["plays"])
    nobodys = ("s1", 999, "phone", "2026-11-20 00:00:00")
    lake({"sessions": [*tables["sessions"], nobodys], "plays": tables["plays"][1:]})
    assert build(1) == marts
    lake({"sessions": [*tables["sessions"], ("s1", 1, *nobodys[2:])]})
    after = build(0)
    assert len(after["fact_sessions"]) == len(marts["fact_sessions"]) + 1 and after["dim_songs"] != marts["dim_songs"]
