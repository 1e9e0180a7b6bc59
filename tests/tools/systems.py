"""
The five example systems, one after the other: made from nothing on a sandbox of its own, run on the engines that this machine has, looked at, and taken down again.

    .venv/bin/python tests/tools/systems.py [NAME…]        make systems

weir makes, runs and destroys; what went in, what came out and what is left is counted without it, by boto3, psql and DuckDB. What a machine lacks is said, and so is what
of a system was not run. The status is 1 if something failed, is left, or was asked for by name and cannot be made here.
"""

import csv
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/e2e/sandbox"), str(ROOT / "tests/tools")]

import duckdb  # noqa: E402
from broker import LIBS  # noqa: E402
from film_api import FilmApi  # noqa: E402
from pg import postgres_programs  # noqa: E402
from servers import Server, take_env  # noqa: E402
from sshd import have_sshd, keygen  # noqa: E402
from support import WEIR, example  # noqa: E402
from test_systems import inventory  # noqa: E402

SPARK = ROOT / ".venv-jobs"
PATHS = f"{os.environ['PATH']}:/usr/sbin:/sbin"
SHARED = "/aws-glue/python-jobs/"  # groups of logs that Glue makes once for all Python shells of an account
WIDTHS = (22, 6, 4, 9, 9, 8, 10, 10)


class Missing(Exception):
    """What the machine lacks for a system."""


def on_path(*programs):
    return all(shutil.which(name, path=PATHS) for name in programs)


# What a system takes, whether that is here, and what brings it.
KAFKA = ("Kafka with Java", on_path("java") and any(LIBS.glob("kafka_2.*.jar")), "tools/setup kafka")
POSTGRES = ("PostgreSQL", on_path("psql") and bool(postgres_programs()), "tools/setup engines")
SSH = ("OpenSSH's server", bool(have_sshd()), "tools/setup engines")


def on_a_host(airflow):
    return [SSH, POSTGRES, ("Airflow", (airflow / "bin/airflow").exists(), "tools/setup airflow")]


class Cloud(Server):
    """`weir sandbox`, as anybody starts it."""

    def __init__(self, folder):
        self.process = subprocess.Popen([WEIR, "sandbox", "--port", "0", "--dir", folder, "--speed", "10"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        take_env(self, self.process)

    def stop(self):
        self.process.terminate()
        self.process.communicate()

    def objects(self, bucket, prefix=""):
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def body(self, bucket, key):
        return self.client().get_object(Bucket=bucket, Key=key)["Body"].read()

    def parquet_rows(self, bucket, prefix, folder):
        """Of all Parquet files below a prefix."""
        rows = 0
        for number, key in enumerate(key for key in self.objects(bucket, prefix) if key.endswith(".parquet")):
            path = folder / f"{number}.parquet"
            path.write_bytes(self.body(bucket, key))
            rows += duckdb.execute("select count(*) from read_parquet(?)", [str(path)]).fetchone()[0]
        return rows


class System:
    """One of them. `inputs` are set first, `run` starts its jobs, and the two counts look at what went in and came out."""

    name, unproven = "", ""

    def __init__(self, folder):
        self.begin(folder)
        self.cloud = Cloud(folder / "sandbox")
        self.stack = self.copy()
        self.stack.patience_s = 1200
        self.inputs = []

    def begin(self, folder):
        self.folder, self.runs = folder, 0
        if lacks := [f"{what} ({how})" for what, here, how in self.needs() if not here]:
            raise Missing(", ".join(lacks))

    def needs(self):
        return [("Spark", (SPARK / "jars" / ".done").exists(), "tools/setup jobs")]

    def copy(self):
        stack = example(self.name, self.folder / "stack", None)
        keys = {"AWS_ACCESS_KEY_ID": self.cloud.access, "AWS_SECRET_ACCESS_KEY": self.cloud.secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.cloud.url}
        stack.env |= keys
        return stack

    def prepare(self):
        pass

    def weir_run(self, job, *arguments):
        self.stack.run("run", job, *arguments, *self.inputs)
        self.runs += 1

    def inventory(self):
        return inventory(self.cloud)

    def stop(self):
        self.cloud.stop()


class FilmLake(System):
    name = "film-lake"

    def prepare(self):
        films = json.loads((self.stack.folder / "data/tmdb.json").read_text())
        self.api = FilmApi(films, "a-key-of-films")
        self.inputs = ["-i", "owner=all", "-i", f"api={self.api.url}", "-i", "api_key=a-key-of-films"]

    def run(self):
        self.weir_run("nightly", "day=2026-11-20")

    def rows_in(self):
        files = [key for key in self.cloud.objects("all-film-lake", "RAW/Local/")]
        lines = sum(self.cloud.body("all-film-lake", key).count(b"\n") - 1 for key in files)
        return lines + len(json.loads(self.cloud.body("all-film-lake", "RAW/TMDB/JSON/2026/11/20/tmdb.json")))

    def rows_out(self):
        return self.cloud.parquet_rows("all-film-lake", "REFINED/", self.folder)

    def stop(self):
        self.api.stop()
        super().stop()


class Inside(System):
    """With a bastion that leads to a database."""

    def needs(self):
        return [*super().needs(), ("root", os.geteuid() == 0, "sudo make systems"), SSH, POSTGRES,
                ("iproute2 and iptables", on_path("ip", "iptables"), "tools/setup engines"), ("nsenter and unshare", on_path("nsenter", "unshare"), "apt-get install util-linux")]

    def prepare(self):
        key = keygen(self.folder / "key")
        self.inputs = ["-i", "owner=all", "-i", f"key={key}", "-i", f"public_key={key.with_suffix('.pub').read_text().strip()}"]

    def login(self, secret):
        return json.loads(self.cloud.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])

    def count(self, tables, **server):
        """Rows of these tables, by psql."""
        sql = "select " + " + ".join(f"(select count(*) from {table})" for table in tables)
        env = {**os.environ, **{f"PG{name.upper()}": str(value) for name, value in server.items()}}
        return int(subprocess.run(["psql", "-qAtX", "-c", sql], env=env, capture_output=True, text=True, check=True).stdout)


class Retail(Inside):
    name = "retail-workshop"

    def prepare(self):
        super().prepare()
        self.inputs += ["-i", "region=us-east-1", "-i", "scale=0.0002"]

    def run(self):
        self.weir_run("pipeline/machine")

    def rows_in(self):
        login = self.login("all/de_enhancement_rds_sm")
        tables = [f"retail.{table}" for table in ("customer", "products_info", "zipcode", "purchase")]
        return self.count(tables, host=login["host"], port=login["port"], user=login["user"], password=login["password"], database=login["dbname"])

    def rows_out(self):
        return self.cloud.parquet_rows("all-hist-retail", "data/factdata/gold/", self.folder)


class AirflowOps(System):
    """Airflow on an own host; the managed one is made by the tests of the example."""

    name = "airflow-ops"

    def needs(self):
        import test_airflow_host

        return on_a_host(test_airflow_host.VENV)

    def copy(self):
        import test_airflow_host

        self.host = test_airflow_host.Host(self.folder, self.cloud)
        return self.host.stack

    def run(self):
        self.weir_run("backup")
        self.weir_run("cleanup")

    def rows_in(self):
        return sum(int(self.host.database.psql(f"select count(*) from {table}", dbname="airflow", user="weir")) for table in ("dag", "slot_pool"))

    def rows_out(self):
        last = max(key.rpartition("/")[0] for key in self.cloud.objects("demo-airflow-backup", "metadata/") if key.endswith("/manifest.json"))
        keys = [f"{last}/dag.csv", f"{last}/slot_pool.csv"]
        return sum(len(list(csv.DictReader(io.StringIO(self.cloud.body("demo-airflow-backup", key).decode())))) for key in keys)

    def stop(self):
        self.host.stop()


class Music(Inside):
    """The pipeline twice for the same day: the second time merges what is there already."""

    name, day = "music-lakehouse", "2026-11-19"

    def prepare(self):
        from test_music import Api

        super().prepare()
        self.api = Api()
        self.inputs += ["-i", f"api={self.api.url}", "-i", "api_token=open-sesame", "-i", "nightly=false"]

    def run(self):
        for _ in range(2):
            self.weir_run("pipeline/machine", "at=2026-11-20T01:30:00Z")
        self.outputs = json.loads(self.stack.run("output", "--json", *self.inputs).out)

    def rows_in(self):
        from test_music import lines

        (server,) = self.cloud.client("rds").describe_db_instances()["DBInstances"]
        login, at = self.login(server["MasterUserSecret"]["SecretArn"]), server["Endpoint"]
        songs = self.count(["songs"], host=at["Address"], port=at["Port"], user=login["username"], password=login["password"], database="deftunes")
        return songs + len(lines("users")) + sum(row["started_at"].startswith(self.day) for row in lines("sessions"))

    def rows_out(self):
        login = self.login(self.outputs["warehouse_secret"])
        marts = [f"music_marts.{table}" for table in ("dim_users", "dim_songs", "dim_artists", "fact_sessions", "fact_sales")]
        return self.count(marts, host=self.outputs["warehouse"], port=5439, user=login["username"], password=login["password"], database="music")

    def stop(self):
        self.api.shutdown()
        super().stop()


class Ecommerce(Inside):
    """On MSK, EMR Serverless and RDS: Kafka, Spark and PostgreSQL stand behind them."""

    name = "ecommerce-lakehouse"

    def needs(self):
        return [*super().needs(), KAFKA]

    def prepare(self):
        super().prepare()
        self.stack.patience_s = 3600
        self.inputs += ["-i", "every=5", "-i", "nightly=false"]

    def run(self):
        self.weir_run("stream", "--detach")
        self.weir_run("batch", "day=2026-11-20")

    def rows_in(self):
        """What the sources have of the day."""
        import shop

        return len(shop.rows("customers")) + len(shop.rows("products")) + len(shop.lines("2026-11-20"))

    def rows_out(self):
        """Of the warehouse, as one who may only read there sees it."""
        server = json.loads(self.stack.run("output", "--json", *self.inputs).out)["warehouse"].split("//")[1].split(":")[0]
        password = self.cloud.client("secretsmanager").get_secret_value(SecretId="all-shop/viewer")["SecretString"]
        env = {**os.environ, "PGHOST": server, "PGUSER": "viewer", "PGPASSWORD": password, "PGDATABASE": "warehouse"}
        tables = " + ".join(f"(select count(*) from gold.{table})" for table in ("dim_customers", "dim_products", "fact_orders", "agg_daily_sales", "agg_customers"))
        return int(subprocess.run(["psql", "-qAtX", "-c", f"select {tables}"], env=env, capture_output=True, text=True, check=True).stdout)


class EcommerceHost(System):
    """The same on an own host: over SSH, with Kafka, PostgreSQL, an S3 server and Airflow on it."""

    name = "ecommerce-host"

    def __init__(self, folder):
        self.begin(folder)
        import test_ecommerce_host

        self.host = self.cloud = test_ecommerce_host.Host(folder)
        self.stack, self.inputs = self.host.stack, []

    def needs(self):
        import test_ecommerce_host as host

        return [*super().needs(), *on_a_host(host.AIRFLOW), KAFKA, ("versitygw", host.Versity.program(), "tools/setup s3"),
                ("the description of Grafana's API", (host.GRAFANA / "models").exists(), "tools/setup grafana")]

    def run(self):
        self.weir_run("nightly", "day=2026-11-20")

    rows_in = Ecommerce.rows_in

    def inventory(self):
        """What its own servers have, each asked by a client of its own."""
        host = self.host
        found = {("s3", bucket["Name"]) for bucket in host.s3.client("s3").list_buckets()["Buckets"]}
        for kind, sql in ("database", "select datname from pg_database"), ("role", "select rolname from pg_roles"):
            found |= {(kind, name) for name in host.database.psql(sql).splitlines()}
        found |= {("topic", name) for name in host.broker.admin.list_topics() if not name.startswith("__")}
        found |= {(kind, str(key)) for kind in ("dashboards", "rules", "sources", "points") for key in getattr(host.grafana, kind)}
        return found | {("file", str(path)) for path in (host.home, *host.cron.iterdir()) if path.exists()}

    def rows_out(self):
        tables = " + ".join(f"(select count(*) from gold.{table})" for table in ("dim_customers", "dim_products", "fact_orders", "agg_daily_sales", "agg_customers"))
        return int(self.host.database.psql(f"select {tables}", dbname="warehouse"))

    def stop(self):
        self.host.stop()


SYSTEMS = [Music, Retail, AirflowOps, FilmLake, Ecommerce, EcommerceHost]


def live(kind, folder):
    """From nothing and back; the row of the table."""
    began = time.monotonic()
    system = kind(folder)
    try:
        system.prepare()
        before = system.inventory()
        made = int(re.search(r"Done: .*?(\d+) created", system.stack.apply(*system.inputs).out)[1])
        system.stack.assert_settled(*system.inputs)
        system.run()
        rows = system.rows_in(), system.rows_out()
        system.stack.destroy(*system.inputs)
        left = {thing for thing in system.inventory() - before if not thing[1].startswith(SHARED)}
        return (kind.name, made, system.runs, *rows, round(time.monotonic() - began), len(left)), sorted(left)
    finally:
        system.stop()


def worked():
    """Seconds of processors that everything took which was started and has ended: what a busy machine does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(used.ru_utime + used.ru_stime)


def line(cells):
    return "  ".join(str(cell).ljust(width) if number == 0 else str(cell).rjust(width) for number, (cell, width) in enumerate(zip(cells, WIDTHS)))


def main(names):
    if unknown := names - {kind.name for kind in SYSTEMS}:
        sys.exit(f"no such system: {', '.join(sorted(unknown))}; there are {', '.join(kind.name for kind in SYSTEMS)}")
    print(line(("system", "made", "run", "rows in", "rows out", "seconds", "left over", "processor")), flush=True)
    bad, notes = 0, []
    for kind in SYSTEMS:
        if names and kind.name not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="weir-systems-", dir="/tmp") as folder:
            began = worked()
            try:
                row, left = live(kind, Path(folder))
            except Missing as missing:
                print(f"{kind.name.ljust(WIDTHS[0])}  not made, this machine lacks: {missing}", flush=True)
                bad += kind.name in names  # somebody asked for it
                continue
            except Exception:  # the others are looked at all the same
                print(f"{kind.name.ljust(WIDTHS[0])}  FAILED\n{traceback.format_exc()}", flush=True)
                bad += 1
                continue
        print(line((*row, worked() - began)), flush=True)
        notes += [f"{kind.name}: {kind.unproven}"] if kind.unproven else []
        bad += len(left) > 0 or (not kind.unproven and not row[4])
        notes += [f"{kind.name}: left over: {' '.join(thing)}" for thing in left]
    print("".join(f"\n{note}" for note in notes))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
