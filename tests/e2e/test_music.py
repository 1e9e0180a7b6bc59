"""The music lakehouse: the job that reads the API, on a server of ours; the dbt models as SQL. Its other jobs: test_music_jobs.py."""

import collections
import csv
import gzip
import hashlib
import http.server
import json
import os
import re
import runpy
import sqlite3
import subprocess
import sys
import threading
import types

import pytest
import yaml

from support import ROOT

EXAMPLE = ROOT / "examples" / "music-lakehouse"
BUCKET = "ada-music-landing"
serve = types.SimpleNamespace(**runpy.run_path(str(EXAMPLE / "data/serve.py")))  # what stands for the API
lines, PAGE = serve.lines, serve.PAGE


def source_songs():
    """Rows of the source's table, as the stack fills it."""
    with (EXAMPLE / "data/rds/songs.csv").open(newline="") as file:
        return [(int(row["song_id"]), row["title"], row["album"], int(row["artist_id"]), row["artist"], int(row["duration_s"]), row["genre"]) for row in csv.DictReader(file)]


# ---- the API ----


class Api(http.server.ThreadingHTTPServer):
    """Pages of the sample data; the first request for a second page is told to come again."""

    def __init__(self):
        self.seen, self.sent_away = [], False
        self.data = {name: lines(name) for name in ("users", "sessions")}
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answers(serve.Answers):
    def rows(self, name):
        return self.server.data[name]

    def do_GET(self):
        _, query = self.asked()
        self.server.seen.append((self.path, query, self.headers.get("Authorization")))
        if query["page"] == "2" and not self.server.sent_away:
            self.server.sent_away = True
            return self.answer(429, {}, {"Retry-After": "0"})
        if self.headers.get("Authorization") != "Bearer open-sesame":
            return self.answer(403, {})
        return super().do_GET()


@pytest.fixture
def api():
    server = Api()
    yield server
    server.shutdown()
    server.server_close()


def ingest(cloud, api, *args, status=0):
    env = {**os.environ, "AWS_ENDPOINT_URL": cloud.url, "AWS_ACCESS_KEY_ID": "look", "AWS_SECRET_ACCESS_KEY": "look", "AWS_DEFAULT_REGION": "us-east-1"}
    command = [sys.executable, EXAMPLE / "jobs/ingest_api.py", "--api", api.url, "--bucket", BUCKET, *args]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert (done.returncode == 0) == (status == 0), done.stdout + done.stderr
    return json.loads(done.stdout) if status == 0 else done.stderr


@pytest.mark.full
def test_api_to_landing(cloud, api):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    cloud.client("secretsmanager").create_secret(Name="ada-music/api", SecretString='{"token": "open-sesame"}')
    s3.put_object(Bucket=BUCKET, Key="api/users/day=2026-11-19/page-0099.jsonl.gz", Body=gzip.compress(b"{}\n"))  # of an earlier run
    report = ingest(cloud, api, "--at", "2026-11-20T01:30:00Z", "--day", "2001-01-01", "--secret", "ada-music/api", "--TempDir", "s3://of/glue")
    landed = collections.defaultdict(list)
    for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        body = s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
        landed[item["Key"].rsplit("/", 1)[0]] += [json.loads(line) for line in gzip.decompress(body).decode().splitlines()]
    of_the_day = [row for row in lines("sessions") if row["started_at"].startswith("2026-11-19")]
    assert dict(landed) == {"api/users/day=2026-11-19": lines("users"), "api/sessions/day=2026-11-19": of_the_day}
    assert report == {"day": "2026-11-19", "users": len(lines("users")), "sessions": len(of_the_day)} and len(of_the_day) > PAGE
    assert api.sent_away and {token for _, _, token in api.seen} == {"Bearer open-sesame"}
    assert "403" in ingest(cloud, api, "--day", "2026-11-19", status=1)


# ---- the tables, computed by hand ----


def plain(time):
    return time.rstrip("Z").replace("T", " ")


def expected_tables(people=None, listened=None, songs=None):
    """`people`, `listened`: what the API has delivered, in this order; else all of the sample."""
    users, sessions = {}, {}
    for row in sorted(people or lines("users"), key=lambda row: row["updated_at"]):
        users[row["user_id"]] = row
    for row in listened or lines("sessions"):
        sessions[row["session_id"]] = row  # as it was delivered last
    users.pop(None, None)
    sessions.pop(None, None)
    songs = {row[0]: row for row in songs or source_songs()}

    def nested(name):
        return [(row, position, one) for row in sessions.values() for position, one in enumerate(row[name] or []) if one["song_id"] in songs]

    return {
        "users": sorted((key, row["name"], row["country"], row["plan"], plain(row["updated_at"])) for key, row in users.items()),
        "songs": sorted(songs.values()),
        "sessions": sorted((key, row["user_id"], row["device"], plain(row["started_at"])) for key, row in sessions.items()),
        "plays": sorted((row["session_id"], position, row["user_id"], play["song_id"], play["seconds"], row["device"], plain(row["started_at"])) for row, position, play in nested("plays")),
        "sales": sorted((row["session_id"], position, row["user_id"], sold["song_id"], sold["price"], plain(row["started_at"])) for row, position, sold in nested("bought")),
    }


COLUMNS = {"users": "user_id, name, country, \"plan\", updated_at", "songs": "song_id, title, album, artist_id, artist, duration_s, genre", "sessions": "session_id, user_id, device, started_at",
           "plays": "session_id, position, user_id, song_id, seconds, device, started_at", "sales": "session_id, position, user_id, song_id, price, sold_at"}


def test_source_table_is_that_of_the_file():
    declared = yaml.safe_load((EXAMPLE / "weir.yaml").read_text())["resources"]["song"]
    assert [column["name"] for column in declared["columns"]] == (EXAMPLE / "data/rds/songs.csv").read_text().splitlines()[0].split(",")


def test_tables_are_those_of_the_stack():
    stack = yaml.safe_load((EXAMPLE / "weir.yaml").read_text())
    declared = {name: ", ".join(column[0] for column in table["columns"]) for name, table in stack["locals"]["tables"].items()}
    assert declared == {name: columns.replace('"', "") for name, columns in COLUMNS.items()}


# ---- the dbt models ----

MACROS = "".join(path.read_text() for path in sorted((EXAMPLE / "dbt/macros").glob("*.sql")))
MODELS = {path.stem: path for path in (EXAMPLE / "dbt/models").glob("*/*.sql")}


def marts():
    """The models as views of SQLite, each after those that it refers to."""
    base = sqlite3.connect(":memory:")
    base.create_function("md5", 1, lambda text: hashlib.md5(text.encode()).hexdigest(), deterministic=True)
    for table, rows in expected_tables().items():
        base.execute(f"create table lake_{table} ({COLUMNS[table]})")
        base.executemany(f"insert into lake_{table} values ({', '.join('?' * len(rows[0]))})", rows)
    from jinja2 import Template  # only here: each worker loads what stands above

    made = set()

    def make(name):
        text = MODELS[name].read_text()
        for other in re.findall(r"ref\('(\w+)'\)", text):
            if other not in made:
                make(other)
        sql = Template(MACROS + text).render(source=lambda schema, table: f"{schema}_{table}", ref=lambda model: model)
        base.execute(f"create view {name} as {sql}")
        made.add(name)

    for name in MODELS:
        if name not in made:
            make(name)
    base.row_factory = sqlite3.Row
    return base


def test_marts():
    base, tables = marts(), expected_tables()
    length = {row[0]: (row[5], row[3]) for row in tables["songs"]}
    facts = {row["session_id"]: dict(row) for row in base.execute("select * from fact_sessions")}
    assert set(facts) == {row[0] for row in tables["sessions"]} and len(facts) == 204 and base.execute("select count(*) from fact_sessions").fetchone()[0] == 204
    assert sorted(key for key in facts if not facts[key]["plays"]) == ["s00201", "s00202", "s00203"] and facts["s00203"]["purchases"] == 2
    for key in facts:
        fact, plays, sales = facts[key], *([row for row in tables[name] if row[0] == key] for name in ("plays", "sales"))
        assert fact["purchases"] == len(sales) and fact["amount"] == pytest.approx(sum(sale[4] for sale in sales))
        assert fact["plays"] == len(plays) and fact["seconds"] == sum(play[4] for play in plays)
        assert fact["artists"] == len({length[play[3]][1] for play in plays})
        assert fact["skipped"] == sum(play[4] * 2 < length[play[3]][0] for play in plays)
    songs = {row["song_id"]: row["plays"] for row in base.execute("select * from dim_songs")}
    played = collections.Counter(play[3] for play in tables["plays"])
    assert songs == {song: played[song] for song in length} and 0 < sum(songs.values())
    sales = {row["purchase_id"]: tuple(row)[1:] for row in base.execute("select purchase_id, session_id, user_id, song_id, amount from fact_sales")}
    assert sorted(sales.values()) == sorted((session, user, song, price) for session, _, user, song, price, _ in tables["sales"])
    assert len(sales) > 100 and sales[hashlib.md5("{}-{}".format(*tables["sales"][0]).encode()).hexdigest()][0] == tables["sales"][0][0]
    artists = {row["artist_id"]: (row["artist_name"], row["songs"], row["albums"]) for row in base.execute("select * from dim_artists")}
    assert artists == {key: (rows[0][4], len(rows), len({row[2] for row in rows})) for key in {row[3] for row in tables["songs"]} if (rows := [row for row in tables["songs"] if row[3] == key])}
    users = base.execute("select user_id, is_premium from dim_users").fetchall()
    assert {row[0] for row in users} == {row[0] for row in tables["users"]}
    assert sum(row[1] for row in users) == sum(row[3] == "premium" for row in tables["users"])


def test_models_are_described():
    described = yaml.safe_load((EXAMPLE / "dbt/models/marts/marts.yml").read_text())["models"]
    assert {model["name"] for model in described} == {"dim_users", "dim_songs", "dim_artists", "fact_sessions", "fact_sales"} == {name for name, path in MODELS.items() if path.parent.name == "marts"}
    sources = yaml.safe_load((EXAMPLE / "dbt/models/staging/sources.yml").read_text())["sources"]
    assert {table["name"] for source in sources for table in source["tables"]} == set(COLUMNS)


def test_sample_data_is_what_the_generator_makes(tmp_path):
    subprocess.run([sys.executable, EXAMPLE / "data/generate.py", tmp_path], check=True)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.glob("*/*")}
    assert made == {path.relative_to(EXAMPLE / "data"): path.read_bytes() for folder in ("api", "rds") for path in (EXAMPLE / "data" / folder).iterdir()}
