"""Subscription filters deliver what is put into a group, to streams and functions; groups are found by a part of their name."""

import base64
import gzip
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from servers import code
from support import cpu_of, until
from test_firing import Queue
from test_run_lambda import Function

PRINCIPALS = ("logs.amazonaws.com", "logs.us-east-1.amazonaws.com")  # AWS takes both


def made_group(sandbox):
    name = f"g-{uuid.uuid4().hex[:8]}"
    logs = sandbox.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="run")
    return name


@pytest.fixture
def group(sandbox):
    return made_group(sandbox)


def put(sandbox, group, *messages):
    events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
    sandbox.client("logs").put_log_events(logGroupName=group, logStreamName="run", logEvents=events)
    return events


def writer(sandbox, stream, principal, action="kinesis:PutRecord"):
    """The ARN of a role that the service may take on to write to the stream."""
    iam, name = sandbox.client("iam"), f"r-{uuid.uuid4().hex[:8]}"
    allow = lambda **one: json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one}]})  # noqa: E731
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=allow(Principal={"Service": principal}, Action="sts:AssumeRole"))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow(Action=action, Resource=stream))
    return arn


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_to_a_stream(sandbox, group, principal):
    kinesis, name = sandbox.client("kinesis"), f"s-{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    stream = until(lambda: (found := kinesis.describe_stream(StreamName=name)["StreamDescription"])["StreamStatus"] == "ACTIVE" and found)["StreamARN"]
    sandbox.client("logs").put_subscription_filter(logGroupName=group, filterName="f", filterPattern="?ERROR ?WARN -quiet", destinationArn=stream, roleArn=writer(sandbox, stream, principal))
    events = put(sandbox, group, "ERROR one", "fine", "WARN quiet", "WARN two")
    put(sandbox, group, "nothing of it")
    where = kinesis.get_shard_iterator(StreamName=name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = kinesis.get_records(ShardIterator=where)["Records"]
    got = json.loads(gzip.decompress(record["Data"]))
    ids = [one.pop("id") for one in got["logEvents"]]
    assert got == {"messageType": "DATA_MESSAGE", "owner": "000000000000", "logGroup": group, "logStream": "run", "subscriptionFilters": ["f"], "logEvents": [events[0], events[3]]}
    assert len(set(ids)) == 2 and all(one.isdigit() and len(one) == 56 for one in ids)


FUNCTION = """import boto3, json, os
def handler(event, context):
    boto3.client("sqs", region_name="us-east-1").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
"""


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_to_a_function(job_sandbox, principal):
    queue, logs = Queue(job_sandbox), job_sandbox.client("logs")
    function = Function(job_sandbox, main_dot_py=FUNCTION, Environment={"Variables": {"QUEUE": queue.url}})
    arn, group = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}", made_group(job_sandbox)
    filtered = dict(logGroupName=group, filterName="f", filterPattern="", destinationArn=arn)
    assert code(logs.put_subscription_filter, **filtered) == "InvalidParameterException"  # nobody lets it
    function.api.add_permission(FunctionName=function.name, StatementId="logs", Principal=principal, Action="lambda:InvokeFunction", SourceArn=f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*")
    logs.put_subscription_filter(**filtered)
    put(job_sandbox, group, "one", "two")
    (got,) = until(lambda: queue.take(1, wait=5))
    data = json.loads(gzip.decompress(base64.b64decode(json.loads(got["Body"])["awslogs"]["data"])))
    assert [one["message"] for one in data["logEvents"]] == ["one", "two"]


def test_groups_by_a_part_of_their_name(sandbox, group):
    logs = sandbox.client("logs")
    assert [one["logGroupName"] for one in logs.describe_log_groups(logGroupNamePattern=group[3:7])["logGroups"]] == [group]
    assert logs.describe_log_groups(logGroupNamePattern="no-such-part")["logGroups"] == []
    with pytest.raises(ClientError) as error:
        logs.describe_log_groups(logGroupNamePattern="g", logGroupNamePrefix="g")
    assert error.value.response["Error"]["Message"] == "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."


def test_the_resource_of_a_policy_is_not_looked_at(sandbox):
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["route53.amazonaws.com"]}, "Action": ["logs:CreateLogStream"], "Resource": "log_arn"}]}
    assert sandbox.client("logs").put_resource_policy(policyName=f"p-{uuid.uuid4().hex[:8]}", policyDocument=json.dumps(policy))["resourcePolicy"]


EVENT = json.dumps({"level": "error", "code": 503, "took": 1.5, "user": None, "ok": False, "tags": ["a", {"b": "c"}], "odd.name": "x", "ip": "10.2.0.7"})
ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
PATTERNS = {  # what a pattern matches, and what not (AWS's page on the syntax of filter patterns)
    "": (["anything", EVENT, ""], []),
    "ERROR": (["an ERROR"], ["error"]),
    "ERROR ARGUMENTS": (["ERROR of ARGUMENTS", "ARGUMENTS ERROR"], ["ERROR"]),
    "?ERROR ?WARN": (["ERROR", "a WARN"], ["INFO"]),
    "?ERROR ?WARN -quiet": (["ERROR"], ["WARN quiet", "INFO"]),
    "INFO ?ERROR": (["INFO", "INFO ERROR"], ["ERROR"]),
    '"INTERNAL SERVER" -"not so"': (["an INTERNAL SERVER ERROR"], ["INTERNAL the SERVER", "INTERNAL SERVER not so"]),
    r'"a \"quoted\" word"': (['a "quoted" word'], ["a quoted word"]),
    "%AUTHORI[SZ]ED$%": (["UNAUTHORIZED", "AUTHORISED"], ["AUTHORIZED request"]),
    r"%\d{3}% -%4\d\d%": (["status 500"], ["status 404", "status 50"]),
    '{ $.level = "error" }': ([EVENT], ['{"level": "info"}', '{"level": ["error"]}', "error", "{}"]),
    '{ $.level = "err*" && $.ip = 10.2.* }': ([EVENT], ['{"level": "error", "ip": "10.3.0.1"}']),
    '{ $.level != "info" }': ([EVENT], ['{"level": "info"}', '{"other": 1}']),
    "{ $.code >= 500 && $.code < 504 }": ([EVENT], ['{"code": 504}', '{"code": "many"}']),
    "{$.code=5*||$.code=404}": ([EVENT, '{"code": 404}'], ['{"code": 403}']),
    '{ ($.code = 404 || $.level = "error") && $.took > 1e0 }': ([EVENT], ['{"code": 404, "took": 1}']),
    '{ $.code = 404 || $.level = "error" && $.took > 9 }': (['{"code": 404}'], [EVENT]),
    '{ $.code = "503" }': (['{"code": "503"}'], [EVENT]),
    "{ $.user IS NULL }": ([EVENT], ['{"user": "me"}', "{}"]),
    "{ $.user NOT EXISTS }": (["{}"], [EVENT]),
    "{ $.tags EXISTS }": ([EVENT], ["{}"]),
    "{ $.ok IS FALSE }": ([EVENT], ['{"ok": true}', '{"ok": "false"}']),
    '{ $.tags[1].b = "c" && $.tags[0] = a }': ([EVENT], ['{"tags": [{"b": "c"}, "a"]}']),
    "{ $.['odd.name'] = x }": ([EVENT], ['{"odd": {"name": "x"}}']),
    r'{ $.ip = %^10\.2\.% }': ([EVENT], ['{"ip": "110.2.0.1"}']),
    "[ip, id, user, time, request, status = 4*, bytes]": ([ACCESS], [ACCESS.replace("404", "500"), "a b"]),
    "[ip, id, user, time, request = *html*, status = 404 || status = 410, bytes > 1000]": ([ACCESS], [ACCESS.replace("1534", "999")]),
    "[..., status != 4*, bytes]": (["x y 200 17"], [ACCESS]),
    "[first = ERROR, ...]": (["ERROR", "ERROR of all"], ["an ERROR"]),
    "[first != ERROR && first != %WARN%, rest]": (["INFO about all"], ["ERROR one", "WARNING two", "INFO"]),
    "[]": ([ACCESS, ""], []),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern(sandbox, pattern):
    yes, no = PATTERNS[pattern]
    events = [one or " " for one in [*yes, *no]]
    matches = sandbox.client("logs").test_metric_filter(filterPattern=pattern, logEventMessages=events)["matches"]
    assert [(one["eventNumber"], one["eventMessage"]) for one in matches] == [(i + 1, one or " ") for i, one in enumerate(yes)]


def test_what_a_pattern_finds(sandbox):
    found = lambda pattern, message: sandbox.client("logs").test_metric_filter(filterPattern=pattern, logEventMessages=[message])["matches"][0]["extractedValues"]  # noqa: E731
    assert found("{ $.code > 500 && ($.level = error || $.none = 1) }", EVENT) == {"$.code": "503", "$.level": "error"}
    assert found("[ip, , user, ..., bytes]", ACCESS) == {"$ip": "127.0.0.1", "$2": "-", "$user": "frank", "$4": "10/Oct/2000:13:25:15 -0700", "$5": "GET /index.html HTTP/1.0", "$6": "404", "$bytes": "1534"}
    assert found("GET", ACCESS) == {}


@pytest.mark.parametrize("pattern", ["{ $.a = ", "{ $.a }", '{ $.a = "b }', "{ ($.a = 1 }", "{ a = 1 }", "[a, b", "[a = 1 && b = 2]", '"open', "%open", "%(a|b)%", "%[%", "{ $.a = %a% && $.b = %b% && $.c = %c% }"])
def test_what_is_no_pattern(sandbox, pattern):
    assert code(sandbox.client("logs").test_metric_filter, filterPattern=pattern, logEventMessages=["x"]) == "InvalidParameterException"


def test_events_are_filtered_by_each_kind_of_pattern(sandbox, group):
    put(sandbox, group, EVENT, ACCESS, "plain ERROR")
    filtered = lambda pattern: [one["message"] for one in sandbox.client("logs").filter_log_events(logGroupName=group, filterPattern=pattern)["events"]]  # noqa: E731
    assert filtered("{ $.code = 503 }") == [EVENT]
    assert filtered("[..., status = 404, bytes]") == [ACCESS]
    assert filtered("%ERR.R%") == ["plain ERROR"]


def test_a_metric_filter_counts(sandbox, group):
    logs, cloudwatch, space = sandbox.client("logs"), sandbox.client("cloudwatch"), f"s-{uuid.uuid4().hex[:8]}"
    to = lambda name, value, **more: [{"metricNamespace": space, "metricName": name, "metricValue": value, **more}]  # noqa: E731
    logs.put_metric_filter(logGroupName=group, filterName="errors", filterPattern="ERROR", metricTransformations=to("errors", "1", defaultValue=0))
    logs.put_metric_filter(logGroupName=group, filterName="took", filterPattern="{ $.took > 0 }", metricTransformations=to("took", "$.took", unit="Milliseconds", dimensions={"Job": "$.job"}))
    logs.put_metric_filter(logGroupName=group, filterName="bytes", filterPattern="[..., bytes]", metricTransformations=to("bytes", "$bytes"))
    put(sandbox, group, "ERROR 7", json.dumps({"took": 2.5, "job": "load"}), "an ERROR 35", json.dumps({"took": 4, "job": "load"}))
    now = time.time()
    sums = lambda name, **more: [(one["SampleCount"], one["Sum"]) for one in cloudwatch.get_metric_statistics(Namespace=space, MetricName=name, StartTime=now - 3600, EndTime=now + 3600, Period=86400, Statistics=["Sum", "SampleCount"], **more)["Datapoints"]]  # noqa: E731
    assert sums("errors") == [(2, 2)]
    assert sums("took", Dimensions=[{"Name": "Job", "Value": "load"}]) == [(2, 6.5)] and sums("took") == []
    assert sums("bytes") == [(2, 42)]
    put(sandbox, group, "nothing of it")
    assert sums("errors") == [(3, 2)]  # the default, of a time without a match


def test_what_a_program_logs_is_delivered_too(job_sandbox):
    queue, logs = Queue(job_sandbox), job_sandbox.client("logs")
    told = Function(job_sandbox, main_dot_py=FUNCTION, Environment={"Variables": {"QUEUE": queue.url}})
    prints = Function(job_sandbox, main_dot_py="def handler(event, context):\n    print('{\"film\": \"alien\"}')\n")
    group = f"/aws/lambda/{prints.name}"
    logs.create_log_group(logGroupName=group)
    told.api.add_permission(FunctionName=told.name, StatementId="logs", Principal="logs.amazonaws.com", Action="lambda:InvokeFunction")
    logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="{ $.film = alien }", destinationArn=f"arn:aws:lambda:us-east-1:000000000000:function:{told.name}")
    prints.api.invoke(FunctionName=prints.name)
    (got,) = until(lambda: queue.take(1, wait=5))
    data = json.loads(gzip.decompress(base64.b64decode(json.loads(got["Body"])["awslogs"]["data"])))
    assert [one["message"] for one in data["logEvents"]] == ['{"film": "alien"}'] and data["logGroup"] == group


def test_filters_are_those_of_a_group_and_two_at_most(sandbox, group):
    logs, kinesis = sandbox.client("logs"), sandbox.client("kinesis")
    kinesis.create_stream(StreamName=group, ShardCount=1)
    stream = until(lambda: (found := kinesis.describe_stream(StreamName=group)["StreamDescription"])["StreamStatus"] == "ACTIVE" and found)["StreamARN"]
    put_filter = lambda name: logs.put_subscription_filter(logGroupName=group, filterName=name, filterPattern="", destinationArn=stream, roleArn=writer(sandbox, stream, PRINCIPALS[0]))  # noqa: E731
    for name in ("a", "b", "a"):
        put_filter(name)
    assert code(put_filter, "c") == "LimitExceededException"
    for call, more in ((logs.describe_subscription_filters, {}), (logs.describe_metric_filters, {}), (logs.delete_subscription_filter, {"filterName": "a"})):
        with pytest.raises(ClientError) as refused:
            call(logGroupName="no-such-group", **more)
        assert refused.value.response["Error"]["Message"] == "The specified log group does not exist."
    for name in ("x", "y"):
        logs.put_metric_filter(logGroupName=group, filterName=name, filterPattern="", metricTransformations=[{"metricNamespace": f"{group}/a:b", "metricName": name, "metricValue": "1"}])
    assert [one["filterName"] for one in logs.describe_metric_filters(metricNamespace=f"{group}/a:b", metricName="y")["metricFilters"]] == ["y"]
    assert [one["logGroupName"] for one in logs.list_log_groups(logGroupNamePattern=group[3:])["logGroups"]] == [group]


def test_there_are_ten_resource_policies(job_sandbox):
    logs = job_sandbox.client("logs")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "route53.amazonaws.com"}, "Action": "logs:CreateLogStream", "Resource": "*"}]})
    names = [f"p-{uuid.uuid4().hex[:8]}" for _ in range(11)]
    try:
        for name in names[:10]:
            logs.put_resource_policy(policyName=name, policyDocument=document)
        assert code(logs.put_resource_policy, policyName=names[10], policyDocument=document) == "LimitExceededException"
        logs.put_resource_policy(policyName=names[0], policyDocument=document)
    finally:
        for name in names[:10]:
            logs.delete_resource_policy(policyName=name)


def test_a_group_is_no_destination(sandbox, group):
    """Its filter would deliver to itself without an end."""
    logs = sandbox.client("logs")
    logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=f"arn:aws:logs:us-east-1:000000000000:log-group:{group}", roleArn=writer(sandbox, "*", PRINCIPALS[0], "logs:*"))
    put(sandbox, group, "one")
    assert [one["message"] for one in logs.filter_log_events(logGroupName=group)["events"]] == ["one"]


def test_brackets_that_are_not_closed(sandbox):
    """Each as soon as a word: what closes them is not looked for again and again."""

    def seconds(word):
        given = {"filterPattern": "[first = none, ...]", "logEventMessages": [f"{word} " * 400_000]}
        answer, cpu_s = cpu_of(lambda: sandbox.client("logs").test_metric_filter(**given), sandbox.process)
        assert not answer["matches"]
        return cpu_s

    assert seconds("[") < 20 * seconds("a")
