"""CloudWatch Logs Insights: what boto3 is answered, over events that it put. The queries are of the kinds that the user guide has examples of."""

import json
import re
import time

import pytest
from botocore.exceptions import ClientError
from support import until

NOW = int(time.time()) // 300 * 300 - 600  # a bin of five minutes begins
EVENTS = [
    (0, {"level": "INFO", "latency": 10, "user": {"name": "ada"}}), (60, {"level": "ERROR", "latency": 30, "user": {"name": "bob"}}), (120, {"level": "ERROR", "latency": 50, "user": {"name": "ada"}}),
    (400, "user=eve, method:GET, latency := 25"), (401, "REPORT RequestId: 7f3b\tDuration: 12.50 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\t"),
]


@pytest.fixture(scope="module")
def logs(shared_sandbox):
    logs = shared_sandbox.client("logs")
    logs.create_log_group(logGroupName="insights")
    logs.create_log_stream(logGroupName="insights", logStreamName="one")
    logs.put_log_events(logGroupName="insights", logStreamName="one", logEvents=[
        {"timestamp": (NOW + at) * 1000, "message": message if isinstance(message, str) else json.dumps(message)} for at, message in EVENTS])
    yield logs
    logs.delete_log_group(logGroupName="insights")


def start(logs, query, **more):
    return logs.start_query(**{"logGroupName": "insights", "startTime": NOW, "endTime": NOW + 600, "queryString": query, **more})["queryId"]


def results(logs, query, **more):
    identifier = start(logs, query, **more)
    until(lambda: logs.get_query_results(queryId=identifier)["status"] == "Complete")
    return logs.get_query_results(queryId=identifier)


def rows(logs, query, **more):
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in results(logs, query, **more)["results"]]


def stamp(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(NOW + seconds))


@pytest.mark.parametrize("query, expected", [
    ("fields @timestamp, level | filter level = 'ERROR' and latency > 30", [{"@timestamp": stamp(120), "level": "ERROR"}]),
    ("filter level like /(?i)err/ | sort latency asc | display user.name, latency * 2 as doubled | limit 1", [{"user.name": "bob", "doubled": "60"}]),
    ("filter ispresent(level) | stats count(*) as n, avg(latency), max(latency) / 2 as half by user.name | sort n desc",
     [{"user.name": "ada", "n": "2", "avg(latency)": "30", "half": "25"}, {"user.name": "bob", "n": "1", "avg(latency)": "30", "half": "15"}]),
    ("stats count(*) by bin(5m) | sort bin(5m) desc", [{"bin(5m)": stamp(300), "count(*)": "2"}, {"bin(5m)": stamp(0), "count(*)": "3"}]),
    ("stats count(), count() / 5 as part", [{"count()": "5", "part": "1"}]),
    ('parse @message "user=*, method:*, latency := *" as @user, @method, @latency | filter ispresent(@user) | display @user, @method, @latency', [{"@user": "eve", "@method": "GET", "@latency": "25"}]),
    (r"parse @message /user=(?<who>\w+), method:(?<how>\w+)/ | filter who not in ['ada'] and ispresent(how) | display who, strlen(how) as size", [{"who": "eve", "size": "3"}]),
    ('filter @type = "REPORT" | stats max(@memorySize / 1000 / 1000) as provisioned, max(@maxMemoryUsed / 1000 / 1000) as used, pct(@duration, 95)',
     [{"provisioned": "128", "used": "40", "pct(@duration, 95)": "12.5"}]),
    ("filter ispresent(level) | dedup level | display level, user.name", [{"level": "ERROR", "user.name": "ada"}, {"level": "INFO", "user.name": "ada"}]),
    ("filter ispresent(user.name) | fields jsonParse(@message) as js | display js.user.name, jsonStringify(js.user) as text, js.nothing | limit 1", [{"js.user.name": "ada", "text": '{"name":"ada"}'}]),
    ("""parse @message '"user": *}' as who | fields jsonParse('{"a.b": {"events": [{"name": "x"}, {"name": "y"}], "none": []}}') as js | limit 1 | unnest js.`a.b`.events into event | display event.name, js.`a.b`.events[1].name as second""",
     [{"event.name": "x", "second": "y"}, {"event.name": "y", "second": "y"}]),
    ("fields jsonParse('[1, 2]') as numbers | filter level = 'ERROR' | unnest numbers into n | stats sum(n), count(*) by user.name | sort user.name", [{"user.name": "ada", "sum(n)": "3", "count(*)": "2"}, {"user.name": "bob", "sum(n)": "3", "count(*)": "2"}]),
    ("limit 1 | display isValidIp('::1') as a, isValidIpv4('::1') as b, isIpv4InSubnet('10.1.2.3', '10.1.0.0/16') as c, isIpInSubnet('2001:db8::1', '2001:db8::/32') as d, isIpv6InSubnet('10.0.0.1', '10.0.0.0/8') as e, isValidIp(level) as f", [{"a": "1", "b": "0", "c": "1", "d": "1", "e": "0"}]),
    ("stats count(*) by bin(1y) | display datefloor(fromMillis(1700000000000), 1mo) as month, dateceil(fromMillis(1700000000000), 1q) as quarter, datefloor(fromMillis(1700000000000), 2hr) as hours",
     [{"month": "2023-11-01 00:00:00.000", "quarter": "2024-01-01 00:00:00.000", "hours": "2023-11-14 22:00:00.000"}]),
    ("# what is behind the sign is not read\nfilter latency >= 30 | stats count_distinct(user.name), sum(latency)", [{"count_distinct(user.name)": "2", "sum(latency)": "80"}]),
])
def test_queries(logs, query, expected):
    assert rows(logs, query) == expected


def test_what_a_query_has_without_more_words(logs):
    """The newest first, with its place; of the time that was asked for, with no more than was asked for."""
    found = results(logs, "fields @message", limit=2)
    assert [[cell["field"] for cell in row] for row in found["results"]] == [["@message", "@ptr"]] * 2
    assert found["results"][0][0]["value"].startswith("REPORT") and found["queryLanguage"] == "CWLI"
    assert found["statistics"]["recordsScanned"] == 5 and found["statistics"]["recordsMatched"] == 5
    assert len(rows(logs, "fields @message", endTime=NOW + 60)) == 2  # the whole of the last second


@pytest.mark.parametrize("query", ["", "fields", "select 1", "filter level = ", "fields @message |", "fields nosuch(1)", "fields strlen()", "fields abs(1, 2)", "stats avg()", "stats pct(latency)", "filter @message like /(/", "fields @message | limit 0", "fields @message ; limit 1"])
def test_mistakes_are_refused_at_once(logs, query):
    with pytest.raises(ClientError) as refused:
        start(logs, query)
    assert refused.value.response["Error"]["Code"] in ("MalformedQueryException", "InvalidParameterException")


def test_what_there_is_of_a_query(logs):
    identifier = start(logs, "fields level")
    until(lambda: logs.get_query_results(queryId=identifier)["status"] == "Complete")
    described = logs.describe_queries(logGroupName="insights", status="Complete")["queries"]
    mine = next(one for one in described if one["queryId"] == identifier)
    assert mine["queryString"] == f'SOURCE "insights" START={NOW}000 END={NOW + 600}999 | fields level' and mine["logGroupName"] == "insights"
    assert logs.describe_queries(logGroupName="insights", status="Scheduled")["queries"] == []
    with pytest.raises(ClientError, match="already ended"):
        logs.stop_query(queryId=identifier)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_query_results(queryId="12345678-1234-1234-1234-123456789012")


def test_which_groups(logs):
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match=re.escape("Log group 'nowhere' does not exist for account ID")):
        start(logs, "fields @message", logGroupName="nowhere")
    with pytest.raises(logs.exceptions.InvalidParameterException):
        logs.start_query(startTime=NOW, endTime=NOW + 1, queryString="fields @message")
    with pytest.raises(logs.exceptions.MalformedQueryException):
        start(logs, "fields @message", startTime=NOW + 1, endTime=NOW)
    arn = logs.describe_log_groups(logGroupNamePrefix="insights")["logGroups"][0]["logGroupArn"]
    identifier = logs.start_query(logGroupIdentifiers=[arn], startTime=NOW, endTime=NOW + 600, queryString="stats count(*) by @log")["queryId"]
    until(lambda: logs.get_query_results(queryId=identifier)["status"] == "Complete")
    assert [cell["value"] for cell in logs.get_query_results(queryId=identifier)["results"][0]][1] == "5"
