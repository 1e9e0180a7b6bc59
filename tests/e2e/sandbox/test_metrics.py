"""Metrics that jobs put: kept, listed and added up."""

import datetime
import json
import time
import uuid

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from support import PATIENCE_S, cpu_of

NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
DAY = {"StartTime": NOON - datetime.timedelta(hours=12), "EndTime": NOON + datetime.timedelta(hours=12)}


def at(minutes):
    return NOON + datetime.timedelta(minutes=minutes)


def test_what_is_put_is_added_up(anywhere):
    api, space, films = anywhere.client("cloudwatch"), f"jobs-{uuid.uuid4().hex[:8]}", [{"Name": "table", "Value": "films"}]
    api.put_metric_data(Namespace=space, MetricData=[
        {"MetricName": "rows", "Dimensions": films, "Value": 3, "Timestamp": at(0), "Unit": "Count"},
        {"MetricName": "rows", "Dimensions": films, "Value": 5, "Timestamp": at(1), "Unit": "Count"},
        {"MetricName": "rows", "Dimensions": films, "Value": 10, "Timestamp": at(61), "Unit": "Count"},
        {"MetricName": "rows", "Dimensions": [{"Name": "table", "Value": "people"}], "Value": 1000, "Timestamp": at(0), "Unit": "Count"},
        {"MetricName": "seconds", "Values": [1.5, 2.5], "Counts": [1, 3], "Timestamp": at(2), "Unit": "Seconds"},
    ])
    points = api.get_metric_statistics(Namespace=space, MetricName="rows", Dimensions=films, Period=3600, Statistics=["Sum", "Average", "SampleCount", "Minimum", "Maximum"], **DAY)["Datapoints"]
    assert sorted([(p["Timestamp"], p["Sum"], p["Average"], p["SampleCount"], p["Minimum"], p["Maximum"], p["Unit"]) for p in points]) == [
        (at(0), 8, 4, 2, 3, 5, "Count"), (at(60), 10, 10, 1, 10, 10, "Count")]
    (seconds,) = api.get_metric_statistics(Namespace=space, MetricName="seconds", Period=3600, Statistics=["Sum", "SampleCount"], **DAY)["Datapoints"]
    assert (seconds["Sum"], seconds["SampleCount"]) == (9, 4)
    metric = {"Namespace": space, "MetricName": "rows", "Dimensions": films}
    query = {"Id": "rows", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}
    (result,) = api.get_metric_data(MetricDataQueries=[query], ScanBy="TimestampAscending", **DAY)["MetricDataResults"]
    assert (result["Id"], result["Values"], result["Timestamps"]) == ("rows", [8, 10], [at(0), at(60)])
    listed = api.list_metrics(Namespace=space)["Metrics"]
    assert {(m["MetricName"], *(d["Value"] for d in m["Dimensions"])) for m in listed} == {("rows", "films"), ("rows", "people"), ("seconds",)}
    assert all(m["Dimensions"] == films for m in api.list_metrics(Namespace=space, Dimensions=films)["Metrics"])


def test_what_an_sdk_compresses(sandbox):
    """From ten kilobytes on boto3 does, unless it is told not to; what is no gzip is refused."""
    api, space = sandbox.new_client("cloudwatch", "us-east-1", None, None), f"jobs-{uuid.uuid4().hex[:8]}"
    sent = []
    api.meta.events.register("before-send.cloudwatch.PutMetricData", lambda request, **_: sent.append(request.headers.get("Content-Encoding")))
    api.put_metric_data(Namespace=space, MetricData=[{"MetricName": f"rows-{n:03}", "Value": n} for n in range(400)])
    assert sent in (["gzip"], [b"gzip"]) and len(api.list_metrics(Namespace=space)["Metrics"]) == 400
    body, head = b"not gzip", {"Content-Encoding": "gzip", "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData"}
    request = AWSRequest("POST", sandbox.url + "/", headers=head, data=body)
    SigV4Auth(Credentials(sandbox.access, sandbox.secret), "monitoring", "us-east-1").add_auth(request)
    answer = requests.post(sandbox.url + "/", data=body, headers=dict(request.headers), timeout=PATIENCE_S)
    assert answer.status_code == 400 and "gzip" in answer.text


def test_data_that_is_not_to_be_returned(sandbox):
    api, space = sandbox.client("cloudwatch"), f"jobs-{uuid.uuid4().hex[:8]}"
    api.put_metric_data(Namespace=space, MetricData=[{"MetricName": "rows", "Value": 3, "Timestamp": at(0)}])
    stat = {"Metric": {"Namespace": space, "MetricName": "rows"}, "Period": 3600, "Stat": "Sum"}
    queries = [{"Id": "a", "MetricStat": stat, "ReturnData": False}, {"Id": "b", "MetricStat": stat, "ReturnData": True}]
    assert [one["Id"] for one in api.get_metric_data(MetricDataQueries=queries, **DAY)["MetricDataResults"]] == ["b"]


@pytest.mark.parametrize("pairs, labels", [([("Sum", 60), ("Minimum", 30)], ["rows Sum 60", "rows Minimum 30"]), ([("Sum", 60), ("Minimum", 60)], ["rows Sum", "rows Minimum"]), ([("Sum", 60), ("Sum", 30)], ["rows 60", "rows 30"]), ([("Sum", 60)], ["rows"])])
def test_labels_tell_what_differs(pairs, labels, sandbox):
    """As localstack's validated test_label_generation recorded it."""
    queries = [{"Id": f"q{n}", "MetricStat": {"Metric": {"Namespace": "labels", "MetricName": "rows"}, "Period": period, "Stat": stat}} for n, (stat, period) in enumerate(pairs)]
    answer = sandbox.client("cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=at(0), EndTime=at(5))
    assert [one["Label"] for one in answer["MetricDataResults"]] == labels and answer["Messages"] == []


def test_a_notification_tells_what_the_alarm_watches(sandbox):
    """As localstack's validated test_enable_disable_alarm_actions recorded it."""
    api, sns, sqs = (sandbox.client(name) for name in ("cloudwatch", "sns", "sqs"))
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}]}
    queue, topic = sqs.create_queue(QueueName="alarm-told", Attributes={"Policy": json.dumps(policy)})["QueueUrl"], sns.create_topic(Name="alarm-told")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
    watched = {"EvaluationPeriods": 2, "Threshold": 2.5, "ComparisonOperator": "GreaterThanThreshold", "MetricName": "rows", "Namespace": "n", "Period": 10, "Unit": "Seconds"}
    api.put_metric_alarm(AlarmName="told", AlarmDescription="rows", AlarmActions=[topic], OKActions=[topic], Dimensions=[{"Name": "table", "Value": "films"}], Statistic="Average", **watched)
    (shown,) = api.describe_alarms(AlarmNames=["told"])["MetricAlarms"]
    assert "TreatMissingData" not in shown and api.describe_alarms()["CompositeAlarms"] == []
    api.set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="a test")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    told = json.loads(json.loads(message["Body"])["Message"])
    assert told.pop("StateChangeTime").endswith("+0000") and told.pop("AlarmConfigurationUpdatedTimestamp").endswith("+0000")
    assert told == {
        "AlarmName": "told", "AlarmDescription": "rows", "AWSAccountId": shown["AlarmArn"].split(":")[4], "NewStateValue": "ALARM", "NewStateReason": "a test", "OldStateValue": "INSUFFICIENT_DATA", "Region": "us-east-1",
        "AlarmArn": shown["AlarmArn"], "AlarmActions": [topic], "OKActions": [topic], "InsufficientDataActions": [],
        "Trigger": {**watched, "Statistic": "AVERAGE", "StatisticType": "Statistic", "Dimensions": [{"name": "table", "value": "films"}], "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": ""}}


@pytest.mark.full
def test_many_metrics_are_listed_in_a_time_that_grows_with_them(sandbox):
    def listed(region, thousands):
        api = sandbox.client("cloudwatch", region=region)
        for k in range(thousands):
            api.put_metric_data(Namespace="many", MetricData=[{"MetricName": f"m{k}-{n}", "Value": 1} for n in range(1000)])
        lists, cpu_s = cpu_of(lambda: [api.list_metrics(Namespace="many")["Metrics"] for _ in range(5)], sandbox.process)
        assert {len(one) for one in lists} == {500}
        return cpu_s

    assert listed("eu-west-2", 40) < 8 * listed("eu-west-1", 10)


def test_the_history_of_all_alarms_is_in_order(sandbox):
    api = sandbox.client("cloudwatch", region="eu-west-3")
    for name in "ab":
        api.put_metric_alarm(AlarmName=name, MetricName="rows", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
    for name, state in ("b", "OK"), ("a", "OK"), ("b", "ALARM"), ("a", "ALARM"):
        api.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
        time.sleep(0.002)  # times are milliseconds
    seen = [(item["AlarmName"], item["HistorySummary"].rpartition(" ")[2]) for item in api.describe_alarm_history()["AlarmHistoryItems"]]
    assert seen == [("a", "ALARM"), ("b", "ALARM"), ("a", "OK"), ("b", "OK")]


def test_they_are_there_after_a_restart(kept_sandbox):
    kept_sandbox.client("cloudwatch").put_metric_data(Namespace="jobs", MetricData=[{"MetricName": "rows", "StatisticValues": {"SampleCount": 2, "Sum": 8, "Minimum": 3, "Maximum": 5}, "Timestamp": at(0)}])
    kept_sandbox.kill()
    kept_sandbox.start()
    api = kept_sandbox.client("cloudwatch")
    assert [m["MetricName"] for m in api.list_metrics()["Metrics"]] == ["rows"]
    assert kept_sandbox.client("cloudwatch", region="eu-west-1").list_metrics()["Metrics"] == []
    (point,) = api.get_metric_statistics(Namespace="jobs", MetricName="rows", Period=60, Statistics=["Average"], StartTime=at(-5), EndTime=at(5))["Datapoints"]
    assert (point["Average"], point["Timestamp"], point["Unit"]) == (4, at(0), "None")


def test_what_is_wrong(sandbox):
    api = sandbox.client("cloudwatch", parameter_validation=False)
    with pytest.raises(ClientError) as refused:  # as localstack's validated test_invalid_amount_of_datapoints recorded it
        api.get_metric_data(MetricDataQueries=[], **DAY)
    assert refused.value.response["Error"]["Type"] == "Sender" and refused.value.response["Error"]["Code"] == "MissingParameter"
    rows = {"Namespace": "wrong", "MetricName": "rows", "Period": 60, "Statistics": ["Sum"], **DAY}
    for call, arguments, why in (
        (api.put_metric_data, {"Namespace": "wrong", "MetricData": []}, "1 to 1000"),
        (api.put_metric_data, {"Namespace": "wrong", "MetricData": [{"MetricName": "rows"}]}, "a Value"),
        (api.put_metric_data, {"Namespace": "wrong", "MetricData": [{"MetricName": "rows", "Values": [1, 2], "Counts": [1]}]}, "MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size"),
        (api.put_metric_data, {"Namespace": "wrong", "MetricData": [{"MetricName": "rows", "Value": 1, "Values": [1, 2]}]}, "MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive"),
        (api.put_metric_data, {"Namespace": "wrong", "MetricData": [{"Value": 1}]}, "MetricName"),
        (api.put_metric_data, {"MetricData": [{"MetricName": "rows", "Value": 1}]}, "needs Namespace"),
        (api.get_metric_statistics, {**rows, "Statistics": ["p99"]}, "no percentiles"),
        (api.get_metric_statistics, {**rows, "Period": 10}, "up to 8640 datapoints, which exceeds the limit of 1440"),
        (api.get_metric_statistics, {**rows, "EndTime": rows["StartTime"]}, "The parameter StartTime must be less than the parameter EndTime"),
        (api.get_metric_data, {"MetricDataQueries": [{"Id": "a", "Expression": "1 + 1"}], **DAY}, "no expressions"),
    ):
        with pytest.raises(ClientError, match=why):
            call(**arguments)
    assert api.list_metrics(Namespace="wrong")["Metrics"] == []


def test_older_clients_send_forms(sandbox):
    form = ("Action=PutMetricData&Version=2010-08-01&Namespace=forms&MetricData.member.1.MetricName=rows&MetricData.member.1.Value=7.5&MetricData.member.1.Timestamp=2026-11-21T12%3A00%3A00Z"
            "&MetricData.member.1.Dimensions.member.1.Name=table&MetricData.member.1.Dimensions.member.1.Value=films")
    request = AWSRequest("POST", sandbox.url + "/", data=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    SigV4Auth(Credentials(sandbox.access, sandbox.secret), "monitoring", "us-east-1").add_auth(request)
    assert requests.post(sandbox.url + "/", data=form, headers=dict(request.headers), timeout=PATIENCE_S).status_code == 200
    points = sandbox.client("cloudwatch").get_metric_statistics(Namespace="forms", MetricName="rows", Dimensions=[{"Name": "table", "Value": "films"}], Period=60, Statistics=["Sum"], StartTime=at(-5), EndTime=at(5))
    assert [p["Sum"] for p in points["Datapoints"]] == [7.5]
