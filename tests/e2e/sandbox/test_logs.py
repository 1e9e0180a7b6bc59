"""CloudWatch Logs: streams and events, on the sandbox and on a server that others wrote."""

import datetime
import gzip
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError
from servers import Sandbox, code
from support import until


@pytest.fixture
def logs(anywhere):
    return anywhere.client("logs")


@pytest.fixture
def group(logs):
    name = f"/weir/{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    return name


def put(logs, group, stream, *messages, at=None):
    at = at or int(time.time() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at + i, "message": m} for i, m in enumerate(messages)])


def messages(answer):
    return [event["message"] for event in answer["events"]]


def test_events_are_followed_by_tokens(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="run")
    put(logs, group, "run", *(f"line {i}" for i in range(10)))
    where = {"logGroupName": group, "logStreamName": "run"}
    first = logs.get_log_events(**where, startFromHead=True, limit=4)
    assert messages(first) == [f"line {i}" for i in range(4)]
    rest = logs.get_log_events(**where, nextToken=first["nextForwardToken"])
    assert messages(rest) == [f"line {i}" for i in range(4, 10)]
    end = logs.get_log_events(**where, nextToken=rest["nextForwardToken"])
    assert end["events"] == []
    assert end["nextForwardToken"] == rest["nextForwardToken"]  # so clients know that they have seen all
    put(logs, group, "run", "later", at=int(time.time() * 1000) + 1000)  # moto's order is that of the times, not of arrival
    assert messages(logs.get_log_events(**where, nextToken=end["nextForwardToken"])) == ["later"]
    last = logs.get_log_events(**where, limit=2)
    assert messages(last) == ["line 9", "later"]
    assert messages(logs.get_log_events(**where, nextToken=last["nextBackwardToken"], limit=2))[-1] == "line 8"


def test_streams_are_described(logs, group):
    for i, name in enumerate(["b/2", "a", "b/1"]):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        put(logs, group, name, "x", at=int(time.time() * 1000) - 5000 + i)
    assert [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=group)["logStreams"]] == ["a", "b/1", "b/2"]
    assert [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="b/")["logStreams"]] == ["b/1", "b/2"]
    newest = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True, limit=1)
    assert [s["logStreamName"] for s in newest["logStreams"]] == ["b/1"]
    assert newest["nextToken"]
    stream = newest["logStreams"][0]
    assert stream["firstEventTimestamp"] == stream["lastEventTimestamp"] <= stream["lastIngestionTime"]
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    paged = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, PaginationConfig={"PageSize": 1})
    assert [s["logStreamName"] for page in paged for s in page["logStreams"]] == ["b/1", "b/2"]


def test_events_are_filtered(logs, group):
    now = int(time.time() * 1000) - 10000
    for stream, lines in {"one": ["ERROR: disk full", "all is well"], "two": ["error in lower case", "ERROR again"]}.items():
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
        put(logs, group, stream, *lines, at=now if stream == "one" else now + 1000)
    found = logs.filter_log_events(logGroupName=group, filterPattern="ERROR")["events"]
    assert [(e["logStreamName"], e["message"]) for e in found] == [("one", "ERROR: disk full"), ("two", "ERROR again")]
    assert len({e["eventId"] for e in found}) == 2
    assert messages(logs.filter_log_events(logGroupName=group, logStreamNames=["two"])) == ["error in lower case", "ERROR again"]
    assert messages(logs.filter_log_events(logGroupName=group, startTime=now + 1, endTime=now + 1000)) == ["all is well", "error in lower case"]


def test_words_left_out_and_one_of_several(sandbox):
    logs, group = sandbox.client("logs"), f"/weir/{uuid.uuid4().hex}"  # moto takes them as words
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    put(logs, group, "one", "apple pie", "apple juice", "pear juice", "bread")
    assert messages(logs.filter_log_events(logGroupName=group, filterPattern='"ear jui" pear')) == ["pear juice"]
    assert messages(logs.filter_log_events(logGroupName=group, filterPattern="juice -apple")) == ["pear juice"]
    assert messages(logs.filter_log_events(logGroupName=group, filterPattern="?bread ?pie")) == ["apple pie", "bread"]
    paged = logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 3})
    assert [len(page["events"]) for page in paged] == [3, 1]
    assert messages(logs.filter_log_events(logGroupName=group, filterPattern="{ $.x = 1 }")) == []


def test_what_is_not_there_or_there_already(logs, group):
    where = {"logGroupName": group, "logStreamName": "x"}
    assert code(logs.create_log_stream, logGroupName="/no/such/group", logStreamName="x") == "ResourceNotFoundException"
    assert code(logs.get_log_events, **where) == "ResourceNotFoundException"
    assert code(logs.put_log_events, **where, logEvents=[{"timestamp": 1, "message": "m"}]) == "ResourceNotFoundException"
    assert code(logs.delete_log_stream, **where) == "ResourceNotFoundException"
    logs.create_log_stream(**where)
    assert code(logs.create_log_stream, **where) == "ResourceAlreadyExistsException"


def test_events_out_of_order_are_refused(sandbox):
    logs, group = sandbox.client("logs"), f"/weir/{uuid.uuid4().hex}"  # moto sorts them
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="x")
    where, now = {"logGroupName": group, "logStreamName": "x"}, int(time.time() * 1000)
    put(logs, group, "x", "first", "second", "third", at=now - 10)
    assert messages(logs.get_log_events(**where, startTime=now - 9, endTime=now - 8)) == ["second"]  # the end is left out; moto has it
    events = [{"timestamp": now, "message": "b"}, {"timestamp": now - 1, "message": "a"}]
    assert code(logs.put_log_events, **where, logEvents=events) == "InvalidParameterException"
    assert code(logs.get_log_events, **where, nextToken="f/../../x") == "InvalidParameterException"
    assert len(logs.get_log_events(**where)["events"]) == 3


def test_a_batch_is_limited(sandbox):
    """To a MiB, with 26 bytes for each event, and to one day."""
    logs, group, now = sandbox.client("logs"), f"/weir/{uuid.uuid4().hex}", int(time.time() * 1000)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    events = lambda *events: {"logGroupName": group, "logStreamName": "s", "logEvents": [{"timestamp": at, "message": m} for at, m in events]}  # noqa: E731
    size = 1048576 // 8 - 26
    logs.put_log_events(**events(*[(now, "x" * size)] * 8))
    with pytest.raises(ClientError, match="Upload too large: 1048577 bytes exceeds limit of 1048576"):
        logs.put_log_events(**events(*[(now, "x" * size)] * 7, (now, "x" * (size + 1))))
    with pytest.raises(ClientError, match="cannot span more than 24 hours"):
        logs.put_log_events(**events((now - 86400001, "x"), (now, "x")))


@pytest.mark.full
def test_one_event_may_be_all_of_a_batch(tmp_path):
    """It has a MiB, and is read again, also where each byte of it takes six of its file."""
    server = Sandbox(str(tmp_path))
    try:
        logs, where = server.client("logs"), {"logGroupName": "/weir/long", "logStreamName": "s"}
        logs.create_log_group(logGroupName="/weir/long")
        logs.create_log_stream(**where)
        texts = ["first", "x" * (1048576 - 26), "\x01" * (1048576 - 26), "last"]
        for text in texts:
            put(logs, "/weir/long", "s", text)
        server.stop()
        server.start()
        logs = server.client("logs")
        forward = [m for page in logs.get_paginator("filter_log_events").paginate(logGroupName="/weir/long") for m in messages(page)]
        assert forward == texts
        page, found = logs.get_log_events(**where, startFromHead=True), []
        while page["events"]:
            found += messages(page)
            page = logs.get_log_events(**where, nextToken=page["nextForwardToken"])
        assert found == texts
        page, found = logs.get_log_events(**where), []
        while page["events"]:
            found[:0] = messages(page)
            page = logs.get_log_events(**where, nextToken=page["nextBackwardToken"])
        assert found == texts
    finally:
        server.stop()


@pytest.mark.full
def test_more_events_than_one_search_keeps(sandbox):
    """Pages go on to the last event, in the order of their times, whichever streams they are in."""
    logs, group, now = sandbox.client("logs"), f"/weir/{uuid.uuid4().hex}", int(time.time() * 1000)
    logs.create_log_group(logGroupName=group)
    for stream in ("a", "b"):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for batch in range(11):  # the latest first: a stream is not always in order
        put(logs, group, "ab"[batch % 2], *(f"{(10 - batch) * 10000 + i:06d}" for i in range(10000)), at=now - (batch + 1) * 10000)
    pages = [messages(page) for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)]
    assert [m for page in pages for m in page] == [f"{i:06d}" for i in range(110000)]
    assert all(len(page) <= 10000 for page in pages)
    few = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern="%9999$%", PaginationConfig={"PageSize": 3})
    assert [messages(page) for page in few] == [["009999", "019999", "029999"], ["039999", "049999", "059999"], ["069999", "079999", "089999"], ["099999", "109999"]]
    assert code(logs.filter_log_events, logGroupName=group, nextToken="none") == "InvalidParameterException"


def test_a_deleted_group_takes_its_streams_along(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="old")
    logs.delete_log_group(logGroupName=group)
    time.sleep(0.002)  # the service's clock counts milliseconds
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    logs.create_log_stream(logGroupName=group, logStreamName="old")
    assert logs.get_log_events(logGroupName=group, logStreamName="old")["events"] == []


def test_kept_when_the_sandbox_is_killed(kept_sandbox):
    logs = kept_sandbox.client("logs")
    logs.create_log_group(logGroupName="/kept")
    logs.create_log_stream(logGroupName="/kept", logStreamName="s")
    put(logs, "/kept", "s", "ünicode", "two\nlines")
    kept_sandbox.kill()
    kept_sandbox.start()
    assert messages(kept_sandbox.client("logs").get_log_events(logGroupName="/kept", logStreamName="s")) == ["ünicode", "two\nlines"]
    kept_sandbox.stop()


EXPORTED = "arn:aws:s3:::exported"


def exporter(effect="Allow", account="000000000000"):
    """What CloudWatch Logs asks of a bucket."""
    who = {"Effect": effect, "Principal": {"Service": "logs.us-east-1.amazonaws.com"}}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**who, "Action": "s3:GetBucketAcl", "Resource": EXPORTED}, {
        **who, "Action": "s3:PutObject", "Resource": f"{EXPORTED}/weekly/*", "Condition": {"StringEquals": {"aws:SourceAccount": account}}}]})


def test_an_export(tmp_path):
    """Of a time, a gzipped file for each stream; only into a bucket whose policy lets the service."""
    server = Sandbox(tmp_path)
    try:
        logs, s3 = server.client("logs"), server.client("s3")
        s3.create_bucket(Bucket="exported")
        logs.create_log_group(logGroupName="flows")
        now = int(time.time() * 1000)
        for stream, messages in ("dag_id=a/attempt=1.log", ["früh", "late"]), ("b", ["other"]), ("empty", []):
            logs.create_log_stream(logGroupName="flows", logStreamName=stream)
            if messages:
                logs.put_log_events(logGroupName="flows", logStreamName=stream, logEvents=[{"timestamp": now + number, "message": message} for number, message in enumerate(messages)])
        asked = {"logGroupName": "flows", "fromTime": now, "to": now + 1, "destination": "exported", "destinationPrefix": "weekly/2026"}
        for policy, call in (None, "GetBucketAcl"), (exporter(account="111111111111"), "PutObject"):
            if policy:
                s3.put_bucket_policy(Bucket="exported", Policy=policy)
            with pytest.raises(ClientError, match=f"InvalidParameterException.*{call} call on the given bucket failed"):
                logs.create_export_task(**asked)
        s3.put_bucket_policy(Bucket="exported", Policy=exporter())
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            logs.create_export_task(**{**asked, "logGroupName": "none"})
        with pytest.raises(ClientError, match="InvalidParameterException"):
            logs.create_export_task(**{**asked, "to": now})
        number = logs.create_export_task(**asked, taskName="week")["taskId"]
        (shown,) = until(lambda: (found := logs.describe_export_tasks(taskId=number)["exportTasks"])[0]["status"]["code"] == "COMPLETED" and found)
        assert (shown["taskName"], shown["logGroupName"], shown["destination"]) == ("week", "flows", "exported")
        objects = {o["Key"]: gzip.decompress(s3.get_object(Bucket="exported", Key=o["Key"])["Body"].read()).decode() for o in s3.list_objects_v2(Bucket="exported")["Contents"]}
        assert {key: text.split(" ", 1)[1] for key, text in objects.items()} == {f"weekly/2026/{number}/dag_id=a-attempt=1.log/000000.gz": "früh\n", f"weekly/2026/{number}/b/000000.gz": "other\n"}
        assert next(iter(objects.values())).startswith(f"{datetime.datetime.fromtimestamp(now / 1000, datetime.timezone.utc):%Y-%m-%dT%H:%M:%S}.{now % 1000:03}Z ")
        assert logs.describe_export_tasks(statusCode="FAILED")["exportTasks"] == []
        with pytest.raises(ClientError, match="InvalidOperationException"):
            logs.cancel_export_task(taskId=number)
    finally:
        server.stop()


def test_names_that_are_too_long(sandbox):
    logs, name = sandbox.client("logs"), "a" * 513
    with pytest.raises(ClientError, match="InvalidParameterException.*Invalid LogGroup or LogStream, both must have length less than or equal to 512."):
        logs.create_log_group(logGroupName=name)
    with pytest.raises(ClientError, match="InvalidParameterException.*at 'filterName' failed to satisfy constraint: Member must have length less than or equal to 512"):
        logs.delete_metric_filter(logGroupName="a", filterName=name)
