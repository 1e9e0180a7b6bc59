"""The retail workshop on the sandbox, all the way: the stack is applied, its state machine runs the jobs, and the sales are those that SQL finds."""

import csv
import io
import json
import os
import sys

from servers import SandboxCloud
from support import example, until
from test_retail import in_sql

OWNER = ["-i", "owner=ada"]


def test_from_raw_files_to_sales(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])  # jobs find this Python, with boto3
    cloud = SandboxCloud()
    try:
        system = example("retail-workshop", tmp_path / "retail", cloud)
        system.apply(*OWNER)
        outputs = json.loads(system.run("output", "--json", *OWNER).out)
        machines = cloud.client("stepfunctions")
        run = machines.start_execution(stateMachineArn=outputs["pipeline"], input='{"run": "first"}')["executionArn"]
        ended = until(lambda: (found := machines.describe_execution(executionArn=run))["status"] != "RUNNING" and found)
        assert ended["status"] == "SUCCEEDED", ended
        s3 = cloud.client("s3")
        sales = s3.get_object(Bucket="ada-hist-retail", Key="data/factdata/gold/sales/sales.csv")["Body"].read().decode()
        assert list(csv.reader(io.StringIO(sales)))[1:] == in_sql()
        report = s3.get_object(Bucket="ada-hist-retail", Key="glue/logs/gold/first.json")["Body"].read()
        assert json.loads(report)["step"] == "gold"
        system.destroy(*OWNER)
        assert s3.list_buckets()["Buckets"] == []
    finally:
        cloud.stop()
