"""The retail workshop on real engines: tables made and filled through the bastion in the same apply, T0 out of the private database, gold's totals against the generator's rows."""

import importlib.util
import json
import os
import re
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
                  "category": read("sales_by_category", "affiliate, main_category_cd, main_category_desc, purchases, revenue"),
                  "province": read("sales_by_province", "province, sex, age_group, purchases, revenue")}))
"""


def figures(tables):
    """The figures from the rows of the tables alone."""
    people = {row["customer_id"]: row for row in tables["customer"]}
    places = defaultdict(set)
    for row in tables["zipcode"]:
        places[row["short_zipcode"]].add(row["province_city_eng"])
    product = lambda row: tuple(row[name] for name in ("affiliate", "division_cd", "main_category_cd", "sub_category_cd"))  # noqa: E731
    goods = {product(row): row["main_category_desc"] for row in tables["products_info"]}
    month, category, province = defaultdict(lambda: [0, set(), set(), 0.0]), defaultdict(lambda: [0, 0.0]), defaultdict(lambda: [0, 0.0])
    for row in tables["purchase"]:
        who, affiliate, amount = row["customer_id"], row["affiliate"], float(row["amount"] or 0)
        if amount <= 0:
            continue
        one = month[affiliate, row["purchase_date"] and row["purchase_date"][:7]]
        one[0], one[3] = one[0] + 1, one[3] + amount
        one[1].add(row["receipt_no"])
        one[2] |= {who} - {None}
        buyer = people.get(who, {"residence": None, "sex": None, "age_group": None})
        lives = ", ".join(sorted(places[buyer["residence"]])) or None
        for sums, key in (category, (affiliate, row["main_category_cd"], goods.get(product(row)))), (province, (lives, buyer["sex"], buyer["age_group"])):
            sums[key] = [sums[key][0] + 1, sums[key][1] + amount]
    return {"month": {(*key, n, len(receipts), len(who), total) for key, (n, receipts, who, total) in month.items()},
            "category": {(*key, *sums) for key, sums in category.items()}, "province": {(*key, *sums) for key, sums in province.items()}}


def generated():
    return {table: [dict(zip(generate.COLUMNS[table], row)) for row in generate.rows(table, SCALE, SEED)] for table in generate.TABLES}


# What a class's database has sooner or later: one more city for a code, in another province; a customer of whom nothing is known; a product with quotes; lines that come late, some of them nobody's
# and of a code that no table has; a month without a sale.
LATER = """
insert into retail.zipcode values ('01099', '세종', 'Sejong', '조치원읍 "역"', 'Jochiwon "Station"', null, null, null, null, '010');
insert into retail.customer values ('x', null, null, '999'), ('夜', 'F', '19세이하', '010');
insert into retail.products_info values ('A', '9', '9999', '999901', '"Ü" ''n'', 夜', null);
insert into retail.purchase values
    ('A', 'late-1', '9', '9999', '999901', '夜', '0001', '2014-01-01', '09:00', 1000.5, null),
    ('A', 'late-1', '9', '9999', '999902', 'x', '0001', '2014-01-01', '09:00', 70, 'a "coupon", Ü'),
    ('B', 'late-1', '9', '9999', '999901', null, null, '2013-12-31', null, 5, 'b'),
    ('C', 'late-2', '9', '9999', '999901', null, null, '2015-12-31', '23:59', null, null),
    ('C', 'late-3', '9', '9999', '999901', null, null, null, null, 0, null),
    ('D', 'late-4', '9', '9999', '999901', 'x', null, null, null, 12, null);
delete from retail.purchase where purchase_date like '2015-03-%';
"""


def test_the_generator_counts():
    assert {table: generate.count(table, 1) for table in generate.TABLES} == {"zipcode": 473, "products_info": 4_386, "customer": 19_383, "purchase": 28_593_030}
    rows = list(generate.rows("purchase", SCALE, SEED))
    assert len(rows) == len({row[:5] for row in rows}) == 2859 and rows == list(generate.rows("purchase", SCALE, SEED)) != list(generate.rows("purchase", SCALE, SEED + 1))
    assert len({row[:4] for row in generate.rows("products_info", SCALE, SEED)}) == 4386
    places = [(row[9], row[4]) for row in generate.rows("zipcode", SCALE, SEED)]
    assert len(set(places)) == 473 > len({code for code, _ in places}) == 450 and {len(code) for code, _ in places} == {3}
    assert {row[5] is None for row in rows} == {row[9] > 0 for row in rows} == {True, False} and not [row for row in rows if row[7].endswith("-01-01")]


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
        assert gold(cloud, tmp_path / "gold") == figures(generated())
        assert len(keys(cloud, "glue/logs/")) == 3 + 1  # Spark's event logs, and .keep

        # The same rows delivered again, with a column more; then what nobody has planned. All jobs in their order, by the machine that the schedule starts.
        file = system.folder / "database.yaml"
        file.write_text(re.sub(r"( +- \{name: )amount, .*\n", r"\g<0>\1coupon, type: varchar(20), comment: What was redeemed}\n", file.read_text()))
        assert system.plan(*owner) == {"purchase": "update"}
        system.apply(*owner, "--replace", "loaded")
        system.assert_settled(*owner)
        assert figures(delivered(login)) == figures(generated())
        psql(login, LATER)
        there = delivered(login)
        assert "SUCCEEDED" in system.run("run", "pipeline/machine", *owner).err
        found = gold(cloud, tmp_path / "again")
        assert found == figures(there)
        assert {"Incheon, Sejong", "Incheon"} & {row[0] for row in found["province"]} == {"Incheon, Sejong", "Incheon"} and ("B", "2013-12", 1, 1, 0, 5.0) in found["month"]
        assert '"Ü" \'n\', 夜' in {row[2] for row in found["category"]} and not [row for row in found["month"] if row[1] == "2015-03"]

        # More data: the tables are filled anew, nothing else is touched.
        again = [word.replace(f"seed={SEED}", f"seed={SEED + 1}") for word in owner]
        assert system.plan(*again) == {"loaded": "update"}
        system.destroy(*owner)
        assert cloud.client("s3").list_buckets()["Buckets"] == [] and not cloud.client("rds", "ap-northeast-2").describe_db_instances()["DBInstances"]
    finally:
        cloud.stop()


def psql(login, sql):
    env = {**os.environ, "PATH": PATHS, "PGHOST": login["host"], "PGPORT": str(login["port"]), "PGUSER": login["user"], "PGPASSWORD": login["password"], "PGDATABASE": login["dbname"]}
    return subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql], env=env, capture_output=True, text=True, check=True).stdout


def delivered(login):
    """What the tables have, by psql."""
    return {table: json.loads(psql(login, f"select coalesce(json_agg(t), '[]') from retail.{table} t")) for table in generate.TABLES}


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
