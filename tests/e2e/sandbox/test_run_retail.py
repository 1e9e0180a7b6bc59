"""The retail workshop on real engines: tables made and filled through the bastion in the same apply, T0 out of the private database, gold's totals against the generator's rows."""

import importlib.util
import json
import os
import shutil
import subprocess
from collections import defaultdict

import pytest
from servers import ROOT, SandboxCloud
from sshd import keygen

from support import example

SPARK = ROOT / ".venv-jobs"
PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"
SCALE, SEED = 0.0001, 7
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not all(shutil.which(name, path=PATHS) for name in ("ip", "sshd", "nsenter", "unshare", "iptables", "psql")),
                       reason="hosts and databases take root, iproute2, iptables, openssh-server, postgresql (tools/setup engines)"),
]

spec = importlib.util.spec_from_file_location("generate", ROOT / "examples/retail-workshop/bastion/generate.py")
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)

READ = """
import duckdb, json, sys
read = lambda name, what: duckdb.sql(f"select {what} from read_parquet('{sys.argv[1]}/{name}/*.parquet')").fetchall()
print(json.dumps({"month": read("sales_by_month", "affiliate, month, purchases, receipts, customers, revenue"),
                  "category": read("sales_by_category", "affiliate, main_category, main_description, purchases, revenue"),
                  "province": read("sales_by_province", "province, sex, age_group, purchases, revenue")}))
"""


def wanted():
    """The figures from the generator's rows alone."""
    people = {row[0]: row for row in generate.rows("customer", SCALE, SEED)}
    places = {row[4]: row[2] for row in generate.rows("zipcode", SCALE, SEED)}
    goods = {row[:4]: row[4] for row in generate.rows("products_info", SCALE, SEED)}
    month, category, province = defaultdict(lambda: [0, set(), set(), 0.0]), defaultdict(lambda: [0, 0.0]), defaultdict(lambda: [0, 0.0])
    for affiliate, receipt, division, main, sub, who, _, day, _, amount in generate.rows("purchase", SCALE, SEED):
        if amount <= 0:
            continue
        one = month[affiliate, day[:7]]
        one[0], one[3] = one[0] + 1, one[3] + amount
        one[1].add(receipt)
        one[2].add(who)
        for sums, key in (category, (affiliate, main, goods[affiliate, division, main, sub])), (province, (places.get(people[who][3]), *people[who][1:3])):
            sums[key] = [sums[key][0] + 1, sums[key][1] + amount]
    return {"month": {(*key, n, len(receipts), len(who), total) for key, (n, receipts, who, total) in month.items()},
            "category": {(*key, *sums) for key, sums in category.items()}, "province": {(*key, *sums) for key, sums in province.items()}}


def test_the_generator_counts():
    assert {table: generate.count(table, 1) for table in generate.TABLES} == {"zipcode": 473, "products_info": 4_386, "customer": 19_383, "purchase": 28_593_030}
    rows = list(generate.rows("purchase", SCALE, SEED))
    assert len(rows) == len({row[:5] for row in rows}) == 2859 and rows == list(generate.rows("purchase", SCALE, SEED)) != list(generate.rows("purchase", SCALE, SEED + 1))
    assert len({row[:4] for row in generate.rows("products_info", SCALE, SEED)}) == 4386


def test_from_the_database_to_gold(tmp_path):
    assert (SPARK / "jars" / ".done").exists(), "tools/setup jobs"
    key = keygen(tmp_path / "key")
    cloud = SandboxCloud(tmp_path / "sandbox", PATH=f"{SPARK}/bin:{PATHS}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"), MINUTE_MS="60000")
    try:
        system = example("retail-workshop", tmp_path / "retail", cloud)
        system.patience_s = 1500
        owner = ["-i", "owner=ada", "-i", f"key={key}", "-i", f"public_key={key.with_suffix('.pub').read_text().strip()}", "-i", f"scale={SCALE}", "-i", f"seed={SEED}"]
        made = system.apply(*owner)
        system.assert_settled(*owner)
        outputs = json.loads(system.run("output", "--json", *owner).out)
        assert outputs["rows"] == {"customer": 19_383, "products_info": 4_386, "zipcode": 473, "purchase": 2859}
        login = json.loads(cloud.client("secretsmanager", "ap-northeast-2").get_secret_value(SecretId="ada/de_enhancement_rds_sm")["SecretString"])
        assert {**login, "password": None} == {"host": outputs["database"], "port": 5432, "user": "postgres", "dbname": "DEEnhancement", "password": None}
        assert login["password"] not in made.out + made.err + system.state_text()

        for step in ("t0", "t1", "t2"):
            system.run("run", f'job["{step}"]', *owner)
        assert gold(cloud, tmp_path / "gold") == wanted()
        assert len(keys(cloud, "glue/logs/")) == 3 + 1  # Spark's event logs, and .keep

        # The same in their order, by the machine that the schedule starts.
        assert "SUCCEEDED" in system.run("run", "pipeline/machine", *owner).err
        assert gold(cloud, tmp_path / "again") == wanted()

        # More data: the tables are filled anew, nothing else is touched.
        again = [word.replace(f"seed={SEED}", f"seed={SEED + 1}") for word in owner]
        assert system.plan(*again) == {"loaded": "update"}
        system.destroy(*owner)
        assert cloud.client("s3").list_buckets()["Buckets"] == [] and not cloud.client("rds", "ap-northeast-2").describe_db_instances()["DBInstances"]
    finally:
        cloud.stop()


def keys(cloud, prefix):
    return [item["Key"] for item in cloud.client("s3").list_objects_v2(Bucket="ada-hist-retail", Prefix=prefix).get("Contents", [])]


def gold(cloud, folder):
    for key in keys(cloud, "data/factdata/gold/"):
        if key.endswith(".parquet"):
            path = folder / key.split("/")[3] / "part.parquet"
            path.parent.mkdir(parents=True)
            cloud.client("s3").download_file("ada-hist-retail", key, str(path))
    read = json.loads(subprocess.run([SPARK / "bin/python", "-c", READ, folder], capture_output=True, text=True, check=True).stdout)
    return {name: {tuple(row) for row in rows} for name, rows in read.items()}
