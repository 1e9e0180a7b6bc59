"""The jobs of the e-commerce lakehouse, day after day, on a real Kafka and PostgreSQL, with Iceberg in a folder; what comes out is added up again from the files alone."""

import csv
import json
import os
import shutil
import subprocess

import pytest

from broker import Broker
from pg import Postgres
from shop import DAYS, EXAMPLE, assert_warehouse, expected, lines, orders, psql, rows
from support import ROOT, Stack, spark_python

# One Spark for all of them, one after the other; "show" prints a table.
DRIVER = """
import importlib, json, sys
import lakehouse
for job, words in json.load(sys.stdin):
    if job == "show":
        print("shown:", json.dumps([row.asDict() for row in lakehouse.session("show").table(words[0]).collect()], default=str))
        continue
    sys.argv = [job, "--tables", "lake.", *words]
    module = importlib.import_module(job)
    try:
        module.main()
    except getattr(module, "NotGoodEnough", ()) as end:
        print("ended:", end)
"""
DATABASES = """
    stack: databases
    providers:
      {postgres}
      {shop}
      {warehouse}
    modules:
      inside: {{source: {module}, reader_password: reader-password, loader_password: loader-password, viewer_password: viewer-password}}
"""
DIMENSIONS = ("completeness", "accuracy", "consistency")
EMPTY = "2026-11-22"


class Shop:
    """A copy of the example with its servers; what is in `data` may be edited."""

    def __init__(self, folder, python, broker, server):
        self.folder, self.python, self.broker, self.server = folder, python, broker, server
        self.data = shutil.copytree(EXAMPLE, folder / "example") / "data"
        (self.data / "orders" / f"{EMPTY}.jsonl").write_text("")
        names = {name: server.provider(name, dbname=dbname) for name, dbname in (("postgres", "postgres"), ("shop", "shop"), ("warehouse", "warehouse"))}
        self.stack = Stack(folder / "databases").write(DATABASES.format(module="../example/database", **names))
        self.stack.apply()
        self.stack.assert_settled()
        self.viewer = server.env(user="viewer", password="viewer-password", dbname="warehouse")

    def night(self, day, threshold=0.9):
        jdbc, brokers, day = f"jdbc:postgresql://127.0.0.1:{self.server.port}", ["--brokers", self.broker.address()], ["--day", day]
        return [
            ("produce", [*day, *brokers, "--orders", f"{self.data}/orders", "--products", f"{self.data}/products.csv", "--customers", f"{jdbc}/shop", "--user", "reader", "--secret", "env:READER"]),
            ("bronze", [*brokers, "--checkpoint", f"{self.folder}/checkpoint", "--patience", "none"]), ("silver", day),
            ("quality", [*day, "--thresholds", json.dumps(dict.fromkeys(DIMENSIONS, threshold)), "--report", f"{self.folder}/reports"]),
            ("gold", day), ("load", [*day, "--jdbc", f"{jdbc}/warehouse", "--user", "loader", "--secret", "env:LOADER"])]

    def run(self, *jobs):
        """What they print; and the tables that were shown."""
        conf = {"spark.driver.extraClassPath": f"{ROOT}/.venv-jobs/jars/*", "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
                "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog", "spark.sql.catalog.lake.type": "hadoop", "spark.sql.catalog.lake.warehouse": self.folder / "lake",
                "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.driver.host": "127.0.0.1"}
        env = {**os.environ, "PYSPARK_PYTHON": self.python, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(EXAMPLE / "jobs/lib"), "READER": "reader-password", "LOADER": "loader-password",
               "PYSPARK_SUBMIT_ARGS": " ".join(f"--conf {name}={value}" for name, value in conf.items()) + " pyspark-shell"}
        done = subprocess.run([self.python, "-c", DRIVER], cwd=EXAMPLE / "jobs", env=env, input=json.dumps(jobs), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout, [json.loads(line.removeprefix("shown: ")) for line in done.stdout.splitlines() if line.startswith("shown: ")]

    def judged(self, day):
        return psql(self.viewer, f"select rule, rows, broken from gold.quality where day = '{day}' order by rule")


@pytest.fixture
def shop(tmp_path):
    if not (python := spark_python()):
        pytest.skip("PySpark is not installed (tools/setup jobs)")
    from kafka.admin import NewTopic

    broker, server = Broker(), Postgres(password="admin-password")
    try:
        broker.admin.create_topics([NewTopic(f"shop.{name}", 2, 1) for name in ("orders", "products", "customers")])
        server.psql("create database shop")
        yield Shop(tmp_path, python, broker, server)
    finally:
        broker.stop()
        server.stop()


@pytest.mark.long
def test_days_one_after_the_other(shop):
    """Two days, and the first of them again."""
    strict = ["--thresholds", json.dumps({"completeness": 0.9, "accuracy": 0.9, "consistency": 1})]
    said, _ = shop.run(*shop.night(DAYS[1]), *shop.night(DAYS[2]), *shop.night(DAYS[1]), ("quality", ["--day", DAYS[2], *strict]))
    assert_warehouse(shop.viewer, DAYS[1], DAYS[2])
    assert f"{3 * len(orders(DAYS[1]))} in bronze.orders" in said and said.count("8 in silver.rejected") == 3
    assert "consistency: orders have a customer (1 of 80 do not)\n" in said and said.endswith(f"ended: the orders of {DAYS[2]} are not good enough\n")
    shop.stack.destroy()
    assert shop.server.psql("select count(*) from pg_database where datname = 'warehouse'") == shop.server.psql("select count(*) from pg_roles where rolname = 'loader'") == "0"


def line_of(day, number, **changed):
    (order,) = [order for order in orders(day) if order.get("order_id") == number][-1:]
    return json.dumps({**order, **changed})


def changed_orders():
    """What the API answers for the two days later on; the first is all that is said of them then."""
    first, second = DAYS[1:]
    later = {"updated_at": f"{second}T23:59:59Z"}
    other = {"customer_id": 3, "ordered_at": f"{first}T10:00:00Z", "updated_at": f"{first}T10:00:00Z", "status": "paid", "total": 25.0, "items": [{"product_id": 41, "quantity": 2, "unit_price": 12.5}]}
    return {
        first: [
            line_of(first, 147, status="cancelled", **later),  # all that customer 61 has bought that day
            line_of(first, 85, customer_id=4, items=orders(first)[0]["items"][:1], **later),  # fewer items, and somebody's now
            line_of(first, 86, status="shipped"),  # nothing newer, but said later
            line_of(first, 91, ordered_at=f"{first}T09:00:00Z", items=other["items"], gift={"wrapped": True}),  # whole now, with a member more
            line_of(first, 90, status="lost", **later),
            line_of(first, 92, items=[{"product_id": 1, "quantity": 2147483647, "unit_price": 99999.99}, {"product_id": 2, "quantity": None, "unit_price": 1.0}], **later),
            json.dumps({**other, "order_id": "abc"}),
            json.dumps({**other, "order_id": None}),
            json.dumps({**other, "order_id": None}),
            "no JSON at all",
        ],
        second: [
            line_of(second, 227, status="cancelled", **later),
            json.dumps({**other, "order_id": 900}),  # of the day before, late
            line_of(first, 150, ordered_at=f"{second}T00:00:00Z", **later),  # of another day now
        ],
    }


@pytest.mark.long
def test_other_data(shop):
    first, second = DAYS[1:]
    products = rows("products")
    shop.run(*shop.night(first), *shop.night(second))
    before = [line for day in (first, second) for line in lines(day)]
    assert ("61",) in psql(shop.viewer, "select customer_id from gold.agg_customers")

    # A product is not listed any more, one has lost its price, one got one; there is a column more. A customer has another name.
    listed = [{**row, "price": {"6": "", "42": "7.77"}.get(row["product_id"], row["price"]), "colour": row["product_id"] and 'red, "dark"'} for row in products if row["product_id"] != "5"]
    with (shop.data / "products.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, listed[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    people = shop.data / "customers.csv"
    people.write_text(people.read_text().replace('"Zoë ""Zo"" O\'Hara, jr."', "'; drop table gold.loads; --").replace("zoe@example.com,,2026-11-18", "ZOE@example.com,kr,2026-11-19"))
    shop.stack.apply()
    later = changed_orders()
    for day, said in later.items():
        (shop.data / "orders" / f"{day}.jsonl").write_text("\n".join(said) + "\n")

    # An order that has moved waits until the day that has it is run again.
    _, (rejected,) = shop.run(*shop.night(second)[:3], ("show", ["lake.silver.rejected"]), *shop.night(first), *shop.night(second))
    assert [row["key"] for row in rejected if row["reason"] == "of another day"] == ["150"]
    delivered = [*before, *later[second], *later[first], *later[second]]
    whole = {"data": shop.data, "delivered": delivered, "earlier": products}
    assert_warehouse(shop.viewer, first, second, **whole)
    assert ("61",) not in psql(shop.viewer, "select customer_id from gold.agg_customers")

    # Run again, nothing is different: neither figures nor how good they are said to be. A day of nothing changes nothing.
    judged = shop.judged(first)
    said, (rejected, totals) = shop.run(*shop.night(first), *shop.night(EMPTY)[:4], ("show", ["lake.silver.rejected"]), ("show", ["lake.gold.agg_customers"]))
    assert_warehouse(shop.viewer, first, second, **whole)
    assert shop.judged(first) == judged and said.count(f"ended: the orders of {EMPTY} are not good enough") == 1
    wanted = expected(first, second, **whole)
    assert {reason: sum(row["reason"] == reason for row in rejected if row["day"] != EMPTY) for reason in {row["reason"] for row in rejected}} == wanted["rejected"]
    assert {row["customer_id"]: (row["orders"], row["revenue"]) for row in totals} == {key: (orders, str(revenue)) for key, orders, revenue, _ in wanted["agg_customers"]}
