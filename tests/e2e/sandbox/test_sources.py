"""What starts things by itself: objects that come and go, queues as sources of functions."""

import json
import uuid

import pytest
from servers import make_bucket, open_to, role_of
from support import until
from test_buses import Bus
from test_firing import Queue, queue  # noqa: F401
from test_stepfunctions import Machines
from test_queues import counts
from test_run_lambda import Function

# writes what it was called with into a bucket, and fails for bodies that ask for it
RECORDER = """
import boto3, json, uuid
def handler(event, context):
    bodies = [record["body"] for record in event["Records"]]
    boto3.client("s3").put_object(Bucket="lake", Key="calls/%s/" % context.function_name + uuid.uuid4().hex, Body=json.dumps(event))
    if "fail" in bodies:
        raise ValueError("asked to")
    return {"batchItemFailures": [{"itemIdentifier": "of nobody" if r["body"] == "who" else r["messageId"]} for r in event["Records"] if r["body"] in ("again", "who")]}
"""


class Source:
    def __init__(self, sandbox, queue, **more):
        self.sandbox, self.queue = sandbox, queue
        self.function = Function(sandbox, main_dot_py=RECORDER)
        self.function.call({"Records": []})  # what comes next finds it running
        hidden = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "43200"})  # or else Lambda would not take it
        made = self.function.api.create_event_source_mapping(FunctionName=self.function.name, EventSourceArn=queue.arn, **{**more, "Enabled": False})
        self.mapping = made["UUID"]
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes=hidden)  # before it takes anything
        if more.get("Enabled", True):
            self.function.api.update_event_source_mapping(UUID=self.mapping, Enabled=True)

    def events(self):
        s3 = self.sandbox.client("s3")
        found = s3.list_objects_v2(Bucket="lake", Prefix=f"calls/{self.function.name}/").get("Contents", [])
        events = [json.loads(s3.get_object(Bucket="lake", Key=one["Key"])["Body"].read()) for one in sorted(found, key=lambda one: one["LastModified"])]
        return [event["Records"] for event in events if event["Records"]]

    def calls(self):
        return [[record["body"] for record in records] for records in self.events()]

    def seen(self, *bodies):
        def enough():
            got = sorted(body for call in self.calls() for body in call)
            return got if len(got) >= len(bodies) else None
        assert until(enough) == sorted(bodies)

    def stop(self):
        self.function.api.delete_event_source_mapping(UUID=self.mapping)


def test_a_queue_calls_a_function_in_batches(job_sandbox):
    queue = Queue(job_sandbox)
    queue.client.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": str(i), "MessageBody": str(i)} for i in range(7)])
    source = Source(job_sandbox, queue, BatchSize=3)
    source.seen(*map(str, range(7)))
    assert max(len(call) for call in source.calls()) == 3
    record = source.events()[0][0]  # as AWS's recorded answers have it
    assert set(record) == {"messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfMessageAttributes", "md5OfBody", "eventSource", "eventSourceARN", "awsRegion"}
    assert record["md5OfMessageAttributes"] is None
    until(lambda: counts(queue) == [0, 0, 0])
    source.stop()
    until(lambda: queue.send("not for it any more") and counts(queue)[0] > 0)


def test_a_source_that_is_switched_off(job_sandbox):
    """What another source has been given meanwhile shows that this one was not only late."""
    off, on = Queue(job_sandbox), Queue(job_sandbox)
    waiting, running = Source(job_sandbox, off, Enabled=False), Source(job_sandbox, on)
    assert waiting.function.api.get_event_source_mapping(UUID=waiting.mapping)["State"] == "Disabled"
    for i in range(2):
        off.send(str(i))
        on.send(str(i))
    running.seen("0", "1")
    assert waiting.calls() == [] and counts(off)[0] == 2
    waiting.function.api.update_event_source_mapping(UUID=waiting.mapping, Enabled=True)
    waiting.seen("0", "1")
    waiting.stop()
    running.stop()


def test_what_fails_comes_again_and_ends_with_the_dead(job_sandbox):
    letters = Queue(job_sandbox)
    queue = Queue(job_sandbox, VisibilityTimeout="1", RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 2}))
    source = Source(job_sandbox, queue)
    queue.send("fail")
    assert letters.bodies(1) == ["fail"]
    assert until(lambda: len(calls := source.calls()) >= 2 and calls) == [["fail"], ["fail"]]
    source.stop()


def test_a_function_names_what_failed(job_sandbox):
    """Where it takes longer than the messages are hidden all of them end with the dead; then they are hidden for longer."""
    for seconds in ("3", "30"):
        letters = Queue(job_sandbox)
        queue = Queue(job_sandbox, VisibilityTimeout=seconds, RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 1}))
        queue.client.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": str(i), "MessageBody": body} for i, body in enumerate(("good", "again", "fine"))])
        source = Source(job_sandbox, queue, FunctionResponseTypes=["ReportBatchItemFailures"])
        dead = letters.bodies(1)
        until(lambda queue=queue: counts(queue) == [0, 0, 0])
        source.stop()
        if dead == ["again"] and counts(letters) == [0, 0, 0]:
            break
    assert dead == ["again"] and counts(letters) == [0, 0, 0]


def test_a_function_names_what_it_was_not_given(job_sandbox):
    """Then nothing of the batch counts as done."""
    letters = Queue(job_sandbox)
    queue = Queue(job_sandbox, VisibilityTimeout="1", RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 1}))
    queue.client.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": str(i), "MessageBody": body} for i, body in enumerate(("good", "who"))])
    source = Source(job_sandbox, queue, FunctionResponseTypes=["ReportBatchItemFailures"])
    assert sorted(letters.bodies(2)) == ["good", "who"]
    source.stop()


def test_a_fifo_queue_calls_in_order(job_sandbox):
    queue = Queue(job_sandbox, f"q-{uuid.uuid4().hex[:8]}.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for i in range(6):
        queue.send(str(i), MessageGroupId="one")
    source = Source(job_sandbox, queue, BatchSize=2)
    source.seen(*map(str, range(6)))
    assert source.calls() == [["0", "1"], ["2", "3"], ["4", "5"]]
    source.stop()


def test_only_what_passes_the_filter(job_sandbox):
    queue = Queue(job_sandbox)
    for body in ('{"kind": "new"}', '{"kind": "old"}', "no JSON"):
        queue.send(body)
    source = Source(job_sandbox, queue, FilterCriteria={"Filters": [{"Pattern": json.dumps({"body": {"kind": ["new"]}})}]})
    source.seen('{"kind": "new"}')
    until(lambda: counts(queue) == [0, 0, 0])
    source.stop()


# ---- objects ----

@pytest.fixture
def watched(sandbox):
    return make_bucket(sandbox)


def watch(sandbox, bucket, **configuration):
    sandbox.client().put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def test_a_queue_hears_of_objects(sandbox, watched, queue):
    s3 = sandbox.client()
    watch(sandbox, watched, QueueConfigurations=[{
        "Id": "raw", "QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "raw/"}, {"Name": "suffix", "Value": ".csv"}]}}}])
    etag = s3.put_object(Bucket=watched, Key="raw/a b+ü.csv", Body=b"12345")["ETag"].strip('"')
    for key in ("raw/a.json", "other/a.csv"):
        s3.put_object(Bucket=watched, Key=key, Body=b"x")
    s3.copy_object(Bucket=watched, Key="raw/copy.csv", CopySource={"Bucket": watched, "Key": "raw/a b+ü.csv"})
    s3.delete_objects(Bucket=watched, Delete={"Objects": [{"Key": "raw/copy.csv"}, {"Key": "raw/a.json"}]})
    records = [json.loads(body)["Records"][0] for body in queue.bodies(3)]
    assert [(one["eventName"], one["s3"]["object"]["key"]) for one in records] == [
        ("ObjectCreated:Put", "raw/a+b%2B%C3%BC.csv"), ("ObjectCreated:Copy", "raw/copy.csv"), ("ObjectRemoved:Delete", "raw/copy.csv")]
    first = records[0]
    assert first["eventSource"] == "aws:s3" and first["s3"]["bucket"] == {"name": watched, "arn": f"arn:aws:s3:::{watched}", "ownerIdentity": first["s3"]["bucket"]["ownerIdentity"]}
    assert (first["s3"]["object"]["size"], first["s3"]["object"]["eTag"], first["s3"]["configurationId"]) == (5, etag, "raw")
    assert "versionId" not in first["s3"]["object"]  # of a bucket without versions
    assert [one["s3"]["object"]["sequencer"] for one in records] == sorted(one["s3"]["object"]["sequencer"] for one in records)


def test_an_upload_in_parts_and_a_marker_are_told_too(sandbox, watched, queue):
    s3 = sandbox.client()
    s3.put_bucket_versioning(Bucket=watched, VersioningConfiguration={"Status": "Enabled"})
    watch(sandbox, watched, QueueConfigurations=[{"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*"]}])
    upload = s3.create_multipart_upload(Bucket=watched, Key="big")["UploadId"]
    part = s3.upload_part(Bucket=watched, Key="big", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    made = s3.complete_multipart_upload(Bucket=watched, Key="big", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    marker = s3.delete_object(Bucket=watched, Key="big")["VersionId"]
    s3.delete_object(Bucket=watched, Key="big", VersionId=made["VersionId"])
    told = [(record["eventName"], record["s3"]["object"]["versionId"]) for record in (json.loads(body)["Records"][0] for body in queue.bodies(3))]
    assert told == [("ObjectCreated:CompleteMultipartUpload", made["VersionId"]), ("ObjectRemoved:DeleteMarkerCreated", marker), ("ObjectRemoved:Delete", made["VersionId"])]


def test_a_topic_hears_of_objects(sandbox, watched, queue):
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8], Attributes={"Policy": open_to("s3", action="sns:Publish")})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    watch(sandbox, watched, TopicConfigurations=[{"TopicArn": topic, "Events": ["s3:ObjectCreated:Put"]}])
    sandbox.client().put_object(Bucket=watched, Key="k", Body=b"")
    note = json.loads(queue.bodies(1)[0])
    assert note["Subject"] == "Amazon S3 Notification" and json.loads(note["Message"])["Records"][0]["s3"]["object"]["key"] == "k"


def test_a_function_is_called_for_an_object(job_sandbox):
    bucket = make_bucket(job_sandbox)
    function = Function(job_sandbox, main_dot_py="""
import boto3
def handler(event, context):
    at = event["Records"][0]["s3"]
    boto3.client("s3").put_object(Bucket="lake", Key="told/" + at["bucket"]["name"], Body=at["object"]["key"])
""")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"
    function.let_in("s3")
    watch(job_sandbox, bucket, LambdaFunctionConfigurations=[{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}])
    s3 = job_sandbox.client("s3")
    s3.put_object(Bucket=bucket, Key="new.csv", Body=b"1")
    until(lambda: s3.list_objects_v2(Bucket="lake", Prefix="told/" + bucket).get("Contents"))
    assert s3.get_object(Bucket="lake", Key="told/" + bucket)["Body"].read() == b"new.csv"


def test_an_object_starts_a_machine_through_the_bus(sandbox, watched):
    """The way that pipelines begin: a file comes, a rule sees it, a machine starts with its name."""
    machines = Machines(sandbox)
    machine = machines.make({"Type": "Pass"})
    watch(sandbox, watched, EventBridgeConfiguration={})
    assert "EventBridgeConfiguration" in sandbox.client().get_bucket_notification_configuration(Bucket=watched)
    Bus(sandbox, "default").rule("r-" + watched, {
        "source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [watched]}, "object": {"key": [{"suffix": ".csv"}], "size": [{"numeric": [">", 0]}]}}},
        {"Arn": machine, "RoleArn": role_of(sandbox, "rules"), "InputTransformer": {
            "InputPathsMap": {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}, "InputTemplate": '{"url": "s3://<bucket>/<key>", "reason": "new"}'}})
    s3 = sandbox.client()
    for key, body in (("a.csv", b""), ("b.json", b"{}"), ("in/c.csv", b"1,2")):
        s3.put_object(Bucket=watched, Key=key, Body=body)
    (started,) = until(lambda: machines.client.list_executions(stateMachineArn=machine)["executions"])
    assert json.loads(machines.end(started["executionArn"])["output"]) == {"url": f"s3://{watched}/in/c.csv", "reason": "new"}
