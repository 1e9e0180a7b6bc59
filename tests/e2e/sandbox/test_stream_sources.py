"""Streams as sources of functions: Kinesis's, and DynamoDB's where its engine is."""

import base64
import json
import time
import uuid

import pytest
from support import until
from test_dynamodb import film, items_sandbox, needs_engine, table  # noqa: F401
from test_firing import Queue
from test_run_lambda import Function

# writes what it was called with into a bucket, and fails for records that ask for it
RECORDER = """
import base64, boto3, json, uuid
def handler(event, context):
    boto3.client("s3").put_object(Bucket="lake", Key="calls/%s/" % context.function_name + uuid.uuid4().hex, Body=json.dumps(event))
    datas = [base64.b64decode(r["kinesis"]["data"]).decode() if "kinesis" in r else r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"]]
    if "fail" in datas:
        raise ValueError("asked to")
    numbers = [(r.get("kinesis") or {}).get("sequenceNumber") or r["dynamodb"]["SequenceNumber"] for r in event["Records"]]
    return {"batchItemFailures": [{"itemIdentifier": n} for d, n in zip(datas, numbers) if d == "again"]}
"""


class Stream:
    """A function that a stream calls; `data` is what its records say."""

    def __init__(self, sandbox, arn, **more):
        self.sandbox, self.function = sandbox, Function(sandbox, main_dot_py=RECORDER)
        self.function.call({"Records": []})
        usual = self.function.api.create_event_source_mapping(FunctionName=self.function.name, EventSourceArn=arn, StartingPosition="TRIM_HORIZON", Enabled=False)
        assert (usual["BatchSize"], usual["StateTransitionReason"]) == (100, "User action") and "FilterCriteria" not in usual
        self.function.api.delete_event_source_mapping(UUID=usual["UUID"])
        self.mapping = self.function.api.create_event_source_mapping(
            FunctionName=self.function.name, EventSourceArn=arn, **{"StartingPosition": "TRIM_HORIZON", "BatchSize": 10, **more})["UUID"]

    def events(self):
        s3 = self.sandbox.client("s3")
        found = s3.list_objects_v2(Bucket="lake", Prefix=f"calls/{self.function.name}/").get("Contents", [])
        events = [json.loads(s3.get_object(Bucket="lake", Key=one["Key"])["Body"].read()) for one in sorted(found, key=lambda one: one["LastModified"])]
        return [event["Records"] for event in events if event["Records"]]

    def calls(self):
        return [[data_of(record) for record in event] for event in self.events()]

    def stop(self):
        self.function.api.delete_event_source_mapping(UUID=self.mapping)


def data_of(record):
    return base64.b64decode(record["kinesis"]["data"]).decode() if "kinesis" in record else record["dynamodb"]["Keys"]["id"]["S"]


class Kinesis:
    def __init__(self, sandbox, shards=1):
        self.api, self.name = sandbox.client("kinesis"), f"s-{uuid.uuid4().hex[:8]}"
        self.api.create_stream(StreamName=self.name, ShardCount=shards)
        until(lambda: self.api.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
        self.arn = self.api.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]["StreamARN"]

    def put(self, *datas):
        self.api.put_records(StreamName=self.name, Records=[{"Data": data.encode(), "PartitionKey": "k"} for data in datas])


def flat(calls):
    return [data for call in calls for data in call]


def test_a_stream_calls_a_function_in_order(job_sandbox):
    stream = Kinesis(job_sandbox)
    stream.put(*(str(i) for i in range(7)))
    source = Stream(job_sandbox, stream.arn, BatchSize=3)
    assert until(lambda: len(flat(source.calls())) >= 7 and source.calls()) == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    stream.put("later")
    assert until(lambda: len(source.calls()) > 3 and source.calls()[-1]) == ["later"]
    record = source.events()[0][0]
    assert (record["eventSource"], record["eventName"], record["eventSourceARN"]) == ("aws:kinesis", "aws:kinesis:record", stream.arn)
    assert record["eventID"] == f"shardId-000000000000:{record['kinesis']['sequenceNumber']}"
    source.stop()


def test_all_shards_are_read(job_sandbox):
    """Those of the second page of their description, too."""
    stream = Kinesis(job_sandbox, shards=101)
    source = Stream(job_sandbox, stream.arn)
    stream.api.put_record(StreamName=stream.name, Data=b"last", PartitionKey="k", ExplicitHashKey=str(2**128 - 1))
    assert until(lambda: flat(source.calls())) == ["last"]
    source.stop()


def test_filters_see_what_the_data_says(job_sandbox):
    stream = Kinesis(job_sandbox)
    stream.put(json.dumps({"kind": "old"}), json.dumps({"kind": "new"}), "no JSON")
    source = Stream(job_sandbox, stream.arn, FilterCriteria={"Filters": [{"Pattern": json.dumps({"data": {"kind": ["new"]}})}]})
    assert until(lambda: source.calls()) == [[json.dumps({"kind": "new"})]]
    source.stop()


def test_what_fails_is_halved_and_given_up(job_sandbox):
    stream, letters = Kinesis(job_sandbox), Queue(job_sandbox)
    stream.put("a", "b", "fail", "c")
    source = Stream(job_sandbox, stream.arn, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": letters.arn}})
    letter = json.loads(letters.bodies(1)[0])
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted" and letter["KinesisBatchInfo"]["batchSize"] == 1
    calls = until(lambda: ["c"] in source.calls() and source.calls())
    assert calls == [["a", "b", "fail", "c"], ["a", "b"], ["fail", "c"], ["fail"], ["fail"], ["c"]]
    source.stop()


def test_a_function_says_where_to_go_on(job_sandbox):
    stream, letters = Kinesis(job_sandbox), Queue(job_sandbox)
    stream.put("a", "again", "b")
    source = Stream(job_sandbox, stream.arn, FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": letters.arn}})
    assert json.loads(letters.bodies(1)[0])["KinesisBatchInfo"]["batchSize"] == 2
    assert source.calls() == [["a", "again", "b"], ["again", "b"]]
    source.stop()


def test_what_is_given_up_at_once_goes_there_once(job_sandbox):
    """Only what was not done, and the stream goes on."""
    stream, letters = Kinesis(job_sandbox), Queue(job_sandbox)
    stream.put("a", "again", "b")
    source = Stream(job_sandbox, stream.arn, FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": letters.arn}})
    assert json.loads(letters.bodies(1)[0])["KinesisBatchInfo"]["batchSize"] == 2
    stream.put("c")
    assert until(lambda: len(source.calls()) > 1 and source.calls()) == [["a", "again", "b"], ["c"]]
    source.stop()


def test_a_stream_is_read_from_a_time_on(job_sandbox):
    stream = Kinesis(job_sandbox)
    stream.put("old")
    later = int(time.time()) + 1
    until(lambda: time.time() > later)
    stream.put("new")
    source = Stream(job_sandbox, stream.arn, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=later)
    assert until(lambda: source.calls()) == [["new"]]
    source.stop()


@needs_engine
def test_changes_of_items_call_a_function(items_sandbox):  # noqa: F811
    name, api = table(items_sandbox, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}), items_sandbox.client("dynamodb")
    arn = api.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    source = Stream(items_sandbox, arn, FilterCriteria={"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]})
    for id in "a", "b":
        api.put_item(TableName=name, Item=film(id))
    api.delete_item(TableName=name, Key={"id": {"S": "a"}})
    assert until(lambda: len(flat(source.calls())) >= 2 and flat(source.calls())) == ["a", "b"]
    record = source.events()[0][0]
    assert (record["eventSource"], record["eventSourceARN"], record["dynamodb"]["NewImage"]) == ("aws:dynamodb", arn, film("a"))
    source.stop()
