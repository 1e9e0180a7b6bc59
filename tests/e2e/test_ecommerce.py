"""The e-commerce lakehouse: applied to the sandbox and torn down; its Spark jobs against the same sums in plain Python."""

import collections
import csv
import datetime
import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from support import ROOT, Stack, until
from test_systems import inventory

EXAMPLE = ROOT / "examples" / "ecommerce-lakehouse"


def test_life(tmp_path, fast_sandbox):
    shutil.copytree(EXAMPLE, tmp_path / "shop", ignore=shutil.ignore_patterns(".weir"))
    stack = Stack(tmp_path / "shop", fast_sandbox)
    before = inventory(fast_sandbox)
    stack.apply()
    assert inventory(fast_sandbox) > before
    stack.assert_settled()
    assert ":9098" in json.loads(stack.run("output", "--json").out)["brokers"]
    # Another zone: subnets and a broker more; what has the old subnets follows.
    changes = stack.plan("-i", "zones=[a, b, c]")
    assert changes["events"] == "replace" and changes["spark"] == "update" and changes['network/private["c"]'] == "create"
    stack.apply("-i", "zones=[a, b, c]", "-i", "nightly=false")
    stack.assert_settled("-i", "zones=[a, b, c]", "-i", "nightly=false")
    stack.destroy()
    assert inventory(fast_sandbox) == before


def rows(name):
    with open(EXAMPLE / "data" / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def expected():
    """Gold from the raw files, row by row."""
    customers = {}
    for row in sorted(rows("customers"), key=lambda row: row["updated_at"]):
        customers[row["customer_id"]] = row
    categories = {row["product_id"]: row["category"] for row in rows("products")}
    orders = {}
    for row in rows("orders"):
        if row["customer_id"] in customers:
            orders.setdefault(row["order_id"], row)
    items = [row for row in rows("order_items") if int(row["quantity"]) > 0 and row["order_id"] in orders and row["product_id"] in categories]
    daily = collections.defaultdict(lambda: [set(), 0, Decimal(0)])
    spent = {key: [set(), Decimal(0)] for key in customers}
    for item in items:
        order = orders[item["order_id"]]
        if order["status"] == "cancelled":
            continue
        amount = int(item["quantity"]) * Decimal(item["unit_price"])
        day = daily[order["ordered_at"][:10], categories[item["product_id"]]]
        day[0].add(item["order_id"])
        day[1] += int(item["quantity"])
        day[2] += amount
        spent[order["customer_id"]][0].add(item["order_id"])
        spent[order["customer_id"]][1] += amount
    events = [json.loads(line) for line in (EXAMPLE / "data" / "events.jsonl").read_text().splitlines()]
    funnel = collections.Counter((categories[str(event["product_id"])], event["kind"]) for event in events)
    return {
        "daily": sorted([*key, len(orders_), units, str(revenue)] for key, (orders_, units, revenue) in daily.items()),
        "customers": sorted([int(key), customers[key]["name"], len(orders_), str(revenue)] for key, (orders_, revenue) in spent.items()),
        "funnel": sorted([category, *(funnel[category, kind] for kind in ("view", "cart", "buy"))] for category in set(categories.values())),
    }


# Orders that were sent twice may differ in their status; the jobs keep one of them, so the sample data must not have such a pair.
def test_sample_data_is_unambiguous():
    statuses = collections.defaultdict(set)
    for row in rows("orders"):
        statuses[row["order_id"]].add(row["status"] == "cancelled")
    assert all(len(kinds) == 1 for kinds in statuses.values()), [key for key, kinds in statuses.items() if len(kinds) > 1]


SHOW = """
import json, sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
read = lambda name: spark.read.parquet(f"{sys.argv[1]}/gold.{name}").collect()
print(json.dumps({
    "daily": sorted([str(r.day), r.category, r.orders, r.units, str(r.revenue)] for r in read("daily_sales")),
    "customers": sorted([r.customer_id, r.name, r.orders, str(r.revenue.normalize() if not r.revenue else r.revenue)] for r in read("customers")),
    "funnel": sorted([r.category, r.views, r.carts, r.buys] for r in read("funnel")),
}))
"""


def spark_python():
    for python in (ROOT / ".venv-jobs" / "bin" / "python", sys.executable):
        if python and Path(python).exists() and subprocess.run([python, "-c", "import pyspark"], capture_output=True).returncode == 0:
            return str(python)
    return None


def test_the_batch_reads_the_day_that_it_is_of(tmp_path, fast_sandbox):
    """The state machine as the stack makes it, with what Spark would be given in Spark's place."""
    shutil.copytree(EXAMPLE, tmp_path / "shop", ignore=shutil.ignore_patterns(".weir"))
    stack = Stack(tmp_path / "shop", fast_sandbox)
    stack.apply()
    states = fast_sandbox.client("stepfunctions")
    machines = {m["name"]: states.describe_state_machine(stateMachineArn=m["stateMachineArn"]) for m in states.list_state_machines()["stateMachines"]}
    definition = json.loads(machines["demo-shop-batch"]["definition"])
    for name in ("bronze", "silver", "quality", "gold"):
        task = definition["States"][name]
        driver = task["Parameters"]["JobDriver"]["SparkSubmit"]
        definition["States"][name] = {"Type": "Pass", "Parameters": {"given.$": driver["EntryPointArguments.$"]}, "ResultPath": f"$.{name}",
                                      **{key: task[key] for key in ("Next", "End") if key in task}}
    arn = states.create_state_machine(name="as-given", definition=json.dumps(definition), roleArn=machines["demo-shop-batch"]["roleArn"])["stateMachineArn"]
    for given, day in ({"day": "2026-11-20"}, "2026-11-20"), ({}, None):
        execution = states.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
        done = until(lambda: (e := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and e)
        assert done["status"] == "SUCCEEDED", done
        day = day or done["startDate"].astimezone(datetime.timezone.utc).strftime("%Y-%m-%d")
        output = json.loads(done["output"])
        assert output["bronze"]["given"][:4] == ["--source", f"s3://demo-shop-bronze/raw/{day}", "--day", day]
        assert output["silver"]["given"] == ["--catalog", "lake.demo_shop_"] and output["gold"]["given"][0] == "--secret"
    stream = json.loads(machines["demo-shop-stream"]["definition"])["States"]["stream"]
    assert stream["Resource"].endswith("startJobRun.sync") and stream["Next"] == "stream"
    # Producers get in: their group may reach the brokers.
    ec2 = fast_sandbox.client("ec2")
    groups = {g["GroupName"]: g for g in ec2.describe_security_groups()["SecurityGroups"]}
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [groups["demo-shop-kafka"]["GroupId"]]}])["SecurityGroupRules"]
    allowed = {rule["ReferencedGroupInfo"]["GroupId"] for rule in rules if not rule["IsEgress"]}
    assert allowed == {groups["demo-shop-producers"]["GroupId"], groups["demo-shop-spark"]["GroupId"]}
    stack.destroy()


def test_a_running_job_does_not_keep_its_application(stack, cloud):
    stack.write("stack: stream\nresources: {spark: {type: aws.emrserverless.application, name: spark, release_label: emr-7.5.0, application_type: SPARK}}\n").apply()
    emr = cloud.client("emr-serverless")
    (application,) = emr.list_applications()["applications"]
    emr.start_job_run(applicationId=application["id"], executionRoleArn="arn:aws:iam::123456789012:role/jobs", jobDriver={"sparkSubmit": {"entryPoint": "s3://a/b.py"}})
    cloud.forget_requests()
    stack.destroy()
    requests = cloud.requests()
    assert any("jobruns" in str(r) for r in requests) and not emr.list_applications(states=["STARTED", "CREATED", "STOPPED"])["applications"], requests


@pytest.mark.long
def test_jobs(tmp_path):
    python = spark_python()
    if not python:
        pytest.skip("PySpark is not installed (tools/setup jobs)")
    (tmp_path / "raw").mkdir()
    (tmp_path / "events").mkdir()
    for name in ("customers", "products", "orders", "order_items"):
        shutil.copy(EXAMPLE / "data" / f"{name}.csv", tmp_path / "raw")
    shutil.copy(EXAMPLE / "data" / "events.jsonl", tmp_path / "events")

    def run(*command):
        done = subprocess.run([python, *map(str, command)], cwd=EXAMPLE / "jobs", env={**os.environ, "PYSPARK_PYTHON": python, "PYTHONDONTWRITEBYTECODE": "1"},
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    lake = tmp_path / "lake"
    run("bronze.py", "--source", tmp_path / "raw", "--day", "2026-11-20", "--folder", lake)
    for _ in range(2):  # a restarted stream repeats nothing
        run("stream.py", "--brokers", f"files:{tmp_path / 'events'}", "--topic", "t", "--checkpoint", tmp_path / "checkpoint", "--folder", lake)
    run("silver.py", "--folder", lake)
    assert "ok  orders have a customer" in run("quality.py", "--folder", lake)
    run("gold.py", "--secret", "none", "--jdbc", "none", "--folder", lake)
    assert json.loads(run("-c", SHOW, lake)) == expected()
