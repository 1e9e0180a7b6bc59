"""Numbers of requests that are too large to be calculated with, and specs that would have had the server turn in circles."""

import shutil
import time

import pytest
from botocore.exceptions import ClientError
from servers import ROOT
from test_access import Served

AROUND = 2**61 + 1  # seconds that are a second, once milliseconds have gone over the end of an integer
DAY_S = 86400


def test_a_period_beyond_all_integers(sandbox):
    watch, now = sandbox.client("cloudwatch"), time.time()
    watch.put_metric_data(Namespace="numbers", MetricData=[{"MetricName": "rows", "Value": value, "Timestamp": now - 60} for value in (1, 2)])
    for period in (AROUND, 2**62, 2**63 - 1):
        asked = {"StartTime": now - DAY_S, "EndTime": now}
        (point,) = watch.get_metric_statistics(Namespace="numbers", MetricName="rows", Period=period, Statistics=["Sum"], **asked)["Datapoints"]
        assert point["Sum"] == 3, period
        query = {"Id": "a", "MetricStat": {"Metric": {"Namespace": "numbers", "MetricName": "rows"}, "Period": period, "Stat": "Sum"}}
        assert watch.get_metric_data(MetricDataQueries=[query], **asked)["MetricDataResults"][0]["Values"] == [3], period
    blind = sandbox.client("cloudwatch", parameter_validation=False)
    for period in (0, -1, -AROUND, -(2**63)):
        with pytest.raises(ClientError, match="Period is a second at least"):
            blind.get_metric_statistics(Namespace="numbers", MetricName="rows", Period=period, Statistics=["Sum"], StartTime=now - DAY_S, EndTime=now)


def test_an_end_beyond_all_times(sandbox):
    """Some clients say "until the end of time" with the largest number."""
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName="numbers")
    logs.create_log_stream(logGroupName="numbers", logStreamName="one")
    logs.put_log_events(logGroupName="numbers", logStreamName="one", logEvents=[{"timestamp": int(time.time() * 1000), "message": "said"}])
    for end in (2**63 - 1, 2**63 - 2, 2**62):
        assert [event["message"] for event in logs.filter_log_events(logGroupName="numbers", startTime=0, endTime=end)["events"]] == ["said"], end
        assert [event["message"] for event in logs.get_log_events(logGroupName="numbers", logStreamName="one", startTime=0, endTime=end)["events"]] == ["said"], end


def test_a_spec_with_an_empty_list_of_constants(tmp_path):
    shutil.copytree(ROOT / "provider/aws/specs", tmp_path / "specs")
    spec = tmp_path / "specs/ec2.yaml"
    before = spec.read_text()
    spec.write_text(before.replace('with: {VpcId: ["${vpc_id}"]}', "with: {VpcId: []}"))
    assert spec.read_text() != before
    server = Served(tmp_path / "served", "--specs", str(tmp_path / "specs"))
    ec2 = server.client("ec2")
    made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert made in {vpc["VpcId"] for vpc in ec2.describe_vpcs(VpcIds=[made])["Vpcs"]}
    server.stop()
