"""
The music lakehouse on real engines: songs out of the private database, sessions out of an API, Iceberg tables merged into twice, the external
schema, dbt as the state machine's last step, the figures added up anew.
"""

import csv
import json
import os
import shutil
import subprocess

import pytest
from servers import ROOT, SandboxCloud
from sshd import keygen
from test_music import Api, expected_tables
from test_systems import inventory

from support import example

SPARK = ROOT / ".venv-jobs"
PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"
SONGS = ROOT / "examples/music-lakehouse/data/rds/songs.csv"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not all(shutil.which(name, path=PATHS) for name in ("ip", "sshd", "nsenter", "unshare", "iptables", "psql")),
                       reason="hosts and databases take root, iproute2, iptables, openssh-server, postgresql (tools/setup engines)"),
]
DAYS = ("2026-11-18", "2026-11-19")
JUDGE = """
import json, os, sys
from pyiceberg.catalog.glue import GlueCatalog
at = os.environ["AWS_ENDPOINT_URL"]
catalog = GlueCatalog("glue", **{"glue.endpoint": at, "s3.endpoint": at, "client.region": "us-east-1"})
tables = {name: catalog.load_table(("ada_music", name)) for name in sys.argv[1:]}
print(json.dumps({name: [sorted(map(list, (row.values() for row in table.scan().to_arrow().to_pylist())), key=str), len(table.snapshots())] for name, table in tables.items()}, default=str))
"""


def of_days(data, days):
    """Tables of what the API has of these days; users are always all there."""
    return expected_tables(data["users"], [row for day in days for row in data["sessions"] if row["started_at"].startswith(day)])


def judge(cloud):
    """Rows and number of snapshots of each table, by PyIceberg."""
    done = subprocess.run([SPARK / "bin/python", "-c", JUDGE, *expected_tables()], capture_output=True, text=True, env=cloud.environment())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def psql(outputs, login, sql):
    """Rows of the warehouse."""
    words = ["psql", "-h", outputs["warehouse"], "-p", "5439", "-U", login["username"], "-d", "music", "-v", "ON_ERROR_STOP=1", "-Atqc", sql]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PGPASSWORD": login["password"]})
    assert done.returncode == 0, done.stderr
    return [line.split("|") for line in done.stdout.splitlines()]


def check_marts(read, tables):
    """The star, added up anew."""
    def cents(rows):
        return f"{sum(round(row[4] * 100) for row in rows) / 100:.2f}"

    plays, sales, songs, users, sessions = (tables[name] for name in ("plays", "sales", "songs", "users", "sessions"))
    assert read("select count(*), sum(amount), count(distinct purchase_id) from music_marts.fact_sales") == [[str(len(sales)), cents(sales), str(len(sales))]]
    assert read("select user_id, sum(amount) from music_marts.fact_sales group by 1 order by 1") == [
        [str(user), cents([row for row in sales if row[2] == user])] for user in sorted({row[2] for row in sales})]
    assert read("select count(*), sum(seconds), sum(plays), sum(purchases), sum(amount) from music_marts.fact_sessions") == [
        [str(len(sessions)), str(sum(row[4] for row in plays)), str(len(plays)), str(len(sales)), cents(sales)]]
    assert read("select session_id from music_marts.fact_sessions where plays = 0 order by 1") == [[key] for key in sorted({row[0] for row in sessions} - {row[0] for row in plays})]
    assert read("select count(*), sum(songs) from music_marts.dim_artists") == [[str(len({row[3] for row in songs})), str(len(songs))]]
    assert read("select count(*), sum(plays) from music_marts.dim_songs") == [[str(len(songs)), str(len(plays))]]
    assert read("select count(*), sum(case when is_premium then 1 else 0 end) from music_marts.dim_users") == [[str(len(users)), str(sum(row[3] == "premium" for row in users))]]


def check_inside_is_looked_at(cloud, system, given):
    """The login of the database is a secret that RDS made: what lies in it is looked at all the same."""
    (songs,) = cloud.client("rds").describe_db_instances()["DBInstances"]
    login = json.loads(cloud.client("secretsmanager").get_secret_value(SecretId=songs["MasterUserSecret"]["SecretArn"])["SecretString"])
    env = {**os.environ, "PGHOST": songs["Endpoint"]["Address"], "PGDATABASE": "deftunes", "PGUSER": login["username"], "PGPASSWORD": login["password"]}
    for statement in "alter table songs rename to elsewhere", "alter table elsewhere rename to songs":
        subprocess.run(["psql", "-v", "ON_ERROR_STOP=1", "-qc", statement], env=env, check=True)
        drift = system.run("drift", "--json", *given, status=2 if statement.endswith("elsewhere") else 0).events()
        assert "song" in {event["address"] for event in drift if event["event"] == "drift"} or statement.endswith("songs")
    system.assert_settled(*given)


def check_a_column_more(cloud, system, api, given):
    """In the stack, the job and the API: Iceberg has it, the run leaves it in the catalog, and no plan wants to change anything."""
    for name, old, more in ("weir.yaml", "[updated_at, timestamp]", ", [city, string]"), ("jobs/to_iceberg.py", "updated_at timestamp", ", city string"):
        path = system.folder / name
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, old + more))
    api.data["users"] = [*api.data["users"], {"user_id": 1000, "name": "Ole", "country": "DE", "plan": "free", "updated_at": "2026-11-20T00:00:00Z", "city": "Köln"}]
    system.apply(*given)
    system.run("run", "ingest_api", "at=2026-11-20T01:30:00Z", *given)
    system.run("run", "to_iceberg/job", *given)
    users = expected_tables(api.data["users"], [])["users"]
    assert judge(cloud)["users"][0] == sorted(([*row, "Köln" if row[0] == 1000 else None] for row in users), key=str)
    storage = cloud.client("glue").get_table(DatabaseName="ada_music", Name="users")["Table"]["StorageDescriptor"]
    assert [(column["Name"], column["Type"]) for column in storage["Columns"]][-2:] == [("updated_at", "timestamp"), ("city", "string")]
    system.assert_settled(*given)


def test_from_the_sources_to_the_marts(tmp_path):
    assert (SPARK / "jars" / ".done").exists(), "tools/setup jobs"
    key = keygen(tmp_path / "key")
    api = Api()
    cloud = SandboxCloud(tmp_path / "sandbox", PATH=f"{SPARK}/bin:{PATHS}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"), MINUTE_MS="60000")
    try:
        before = inventory(cloud)
        system = example("music-lakehouse", tmp_path / "music", cloud)
        system.patience_s = 900
        given = ["-i", "owner=ada", "-i", "nightly=false", "-i", f"api={api.url}", "-i", "api_token=open-sesame", "-i", f"key={key}",
                 "-i", f"public_key={key.with_suffix('.pub').read_text().strip()}"]
        made = system.apply(*given)
        system.assert_settled(*given)
        check_inside_is_looked_at(cloud, system, given)
        outputs = json.loads(system.run("output", "--json", *given).out)
        with SONGS.open(newline="") as file:
            assert outputs["song_count"] == len(list(csv.reader(file))) - 1
        secrets = cloud.client("secretsmanager")
        passwords = [json.loads(secrets.get_secret_value(SecretId=item["ARN"])["SecretString"])["password"] for item in secrets.list_secrets()["SecretList"] if "!" in item["Name"]]
        assert len(passwords) == 2 and not any(password in made.out + made.err + system.state_text() for password in passwords)
        login = json.loads(secrets.get_secret_value(SecretId=outputs["warehouse_secret"])["SecretString"])

        def read(sql):
            return psql(outputs, login, sql)

        def check_lake(tables, runs):
            assert judge(cloud) == {name: [sorted([list(row) for row in rows], key=str), runs] for name, rows in tables.items()}
            assert read(" union all ".join(f"select count(*) from lake.{name}" for name in tables)) == [[str(len(rows))] for rows in tables.values()]

        # A day by the pipeline, then the next: it merges all that has landed, so what was there comes once more and is there once.
        for run, day in enumerate(DAYS, 1):
            system.run("run", "pipeline/machine", f"at={day[:-2]}{int(day[-2:]) + 1}T01:30:00Z", *given)
            tables = of_days(api.data, DAYS[:run])
            check_lake(tables, run)
            check_marts(read, tables)

        # The day again, with fewer plays in a session, and one of somebody who is not known: dbt finds that, and the marts stay as they were.
        (less,) = [row for row in api.data["sessions"] if row["session_id"] not in ("s00204", None) and row["started_at"].startswith(DAYS[1]) and len(row["plays"] or []) > 2][:1]
        api.data["sessions"] = [*api.data["sessions"], {**less, "plays": less["plays"][:1]}, {**less, "session_id": "s1", "user_id": 999}]
        system.run("run", "ingest_api", "at=2026-11-20T01:30:00Z", *given)
        system.run("run", "to_iceberg/job", *given)
        assert "dbt: see above for what failed" in system.run("run", "build_marts", *given, status=1).err
        check_lake(of_days(api.data, DAYS), 3)
        check_marts(read, tables)
        api.data["users"] = [*api.data["users"], {"user_id": 999, "name": "Known now", "country": "DE", "plan": "free", "updated_at": "2026-11-20T00:00:00Z"}]
        system.run("run", "pipeline/machine", "at=2026-11-20T01:30:00Z", *given)
        check_lake(of_days(api.data, DAYS), 4)
        check_marts(read, of_days(api.data, DAYS))
        system.assert_settled(*given)  # what Spark wrote into the catalog is nobody's change
        check_a_column_more(cloud, system, api, given)

        # A song more: the table is filled anew, nothing else is touched.
        with (system.folder / "data/rds/songs.csv").open("a") as file:
            file.write("90,Late Train,Train I,10,The Slow Rivers,200,jazz\n")
        assert system.plan(*given) == {"song_rows": "update"}
        system.apply(*given)
        assert json.loads(system.run("output", "--json", *given).out)["song_count"] == outputs["song_count"] + 1
        system.destroy(*given)
        assert {thing for thing in inventory(cloud) - before if not thing[1].startswith("/aws-glue/python-jobs/")} == set()
    finally:
        cloud.stop()
        api.shutdown()
        api.server_close()
