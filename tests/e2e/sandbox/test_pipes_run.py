"""Pipes at work: from queues and streams, through filters, enrichments and templates, to their targets, with the permissions of their roles."""

import datetime
import json
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from servers import Sandbox, role_of
from support import until
from test_api_destinations import endpoint  # noqa: F401
from test_buses import Bus
from test_dynamodb import film, items_sandbox, needs_engine, table  # noqa: F401
from test_firing import Queue
from test_stepfunctions import Machines
from test_queues import counts
from test_run_batch import Queue as BatchQueue
from test_run_ecs import Cluster
from test_run_lambda import Function
from test_stream_sources import Kinesis

# gives back what it was called with, and fails for those that ask for it
ECHO = """
import boto3, json, uuid
def handler(event, context):
    boto3.client("s3").put_object(Bucket="lake", Key="calls/%s/" % context.function_name + uuid.uuid4().hex, Body=json.dumps(event))
    if "fail" in json.dumps(event):
        raise ValueError("asked to")
    return [{"of": one} for one in event if one != "nothing"]
"""
SOME = """
import boto3, json, uuid
def handler(event, context):
    boto3.client("s3").put_object(Bucket="lake", Key="calls/%s/" % context.function_name + uuid.uuid4().hex, Body=json.dumps([one["what"] for one in event]))
    return {"batchItemFailures": [{"itemIdentifier": one["id"]} for one in event if one["what"] == "again"]}
"""


def policy(statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Pipe:
    def __init__(self, sandbox, source, target, allowed="*", trusts="pipes.amazonaws.com", **more):
        self.api, self.name, iam = sandbox.client("pipes"), "p-" + uuid.uuid4().hex[:8], sandbox.client("iam")
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=policy([{"Effect": "Allow", "Principal": {"Service": trusts}, "Action": "sts:AssumeRole"}]))["Role"]["Arn"]
        iam.put_role_policy(RoleName=self.name, PolicyName="all", PolicyDocument=policy([{"Effect": "Allow", "Action": allowed, "Resource": "*"}]))
        self.role = role
        self.arn = self.api.create_pipe(Name=self.name, Source=source, Target=target, RoleArn=role, **more)["Arn"]

    def state(self):
        return self.api.describe_pipe(Name=self.name)["CurrentState"]

    def delete(self):
        self.api.delete_pipe(Name=self.name)


def warm(sandbox, code):
    """A function that is ready: a queue shows a message again that it is slow with."""
    function = Function(sandbox, main_dot_py=code)
    function.call([])
    return function


def calls(sandbox, function):
    """What it was called with since."""
    s3 = sandbox.client("s3")
    found = s3.list_objects_v2(Bucket="lake", Prefix=f"calls/{function.name}/").get("Contents", [])
    return [call for one in sorted(found, key=lambda one: one["LastModified"]) if (call := json.loads(s3.get_object(Bucket="lake", Key=one["Key"])["Body"].read()))]


def test_what_passes_goes_from_queue_to_queue(sandbox):
    """The whole record, where no template says otherwise; what no filter matches is gone."""
    source, target = Queue(sandbox), Queue(sandbox)
    pipe = Pipe(sandbox, source.arn, target.arn, SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": json.dumps({"body": {"kind": ["new"]}})}]}})
    source.send(json.dumps({"kind": "old"}))
    sent = source.send(json.dumps({"kind": "new", "n": 1}), MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    record = json.loads(target.bodies(1)[0])
    assert record["messageId"] == sent["MessageId"] and json.loads(record["body"]) == {"kind": "new", "n": 1}
    assert (record["eventSource"], record["eventSourceARN"], record["awsRegion"]) == ("aws:sqs", source.arn, "us-east-1")
    assert record["messageAttributes"]["a"]["stringValue"] == "b" and record["attributes"]["ApproximateReceiveCount"] == "1"
    until(lambda: counts(source) == [0, 0, 0])
    pipe.delete()


def test_templates(sandbox):
    """Parts of the body, which is JSON in a text, and the reserved variables."""
    source, target = Queue(sandbox), Queue(sandbox)
    template = """{"id": <$.body.id>, "list": <$.body.list>, "of": "<$.body.name>!", "whole": <$.body>, "first": <$.body.list[0].a>, "pipe": "<aws.pipes.pipe-name>", "arn": <aws.pipes.pipe-arn>,
      "from": <aws.pipes.source-arn>, "to": <aws.pipes.target-arn>, "at": <aws.pipes.event.ingestion-time>, "event": <aws.pipes.event.json>, "raw": <aws.pipes.event>}"""
    pipe = Pipe(sandbox, source.arn, target.arn, TargetParameters={"InputTemplate": template})
    body = {"id": 7, "list": [{"a": "x"}], "name": "ada"}
    before = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    source.send(json.dumps(body))
    made = json.loads(target.bodies(1)[0])
    assert (made["id"], made["list"], made["of"], made["whole"], made["first"]) == (7, [{"a": "x"}], "ada!", body, "x")
    assert (made["pipe"], made["arn"], made["from"], made["to"]) == (pipe.name, pipe.arn, source.arn, target.arn)
    assert made["event"]["body"] == body and json.loads(made["raw"]["body"]) == body and made["at"] >= before
    pipe.delete()


def test_a_first_in_first_out_queue_stays_in_order(sandbox):
    fifo = {"FifoQueue": "true"}
    source, target = (Queue(sandbox, f"q-{uuid.uuid4().hex[:8]}.fifo", **fifo) for _ in range(2))
    for n in range(6):
        source.send(json.dumps({"n": n, "group": "g"}), MessageGroupId="g", MessageDeduplicationId=str(n))
    pipe = Pipe(sandbox, source.arn, target.arn, SourceParameters={"SqsQueueParameters": {"BatchSize": 4}},
                TargetParameters={"InputTemplate": "<$.body.n>", "SqsQueueParameters": {"MessageGroupId": "$.body.group", "MessageDeduplicationId": "$.messageId"}})  # fmt: skip
    assert target.bodies(6) == [str(n) for n in range(6)]
    pipe.delete()


def test_other_targets(sandbox):
    """A topic, a stream, a bus and a log group; JSON paths in their parameters are of the record."""
    source, heard, of_topic = Queue(sandbox), Queue(sandbox), Queue(sandbox)
    sns, logs, kinesis, bus = sandbox.client("sns"), sandbox.client("logs"), Kinesis(sandbox), Bus(sandbox)
    topic = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=of_topic.arn, Attributes={"RawMessageDelivery": "true"})
    group = "/pipes/" + uuid.uuid4().hex[:8]
    logs.create_log_group(logGroupName=group)
    bus.rule("r-" + uuid.uuid4().hex[:8], {"detail": {"kind": ["new"]}}, heard.arn)
    pipe = Pipe(sandbox, source.arn, topic, TargetParameters={"InputTemplate": '{"say": <$.body.kind>}'})

    def to(target, **parameters):
        pipe.api.update_pipe(Name=pipe.name, RoleArn=pipe.role, Target=target, TargetParameters=parameters)
        until(lambda: pipe.state() == "RUNNING")
        source.send(json.dumps({"kind": "new", "id": "7", "ms": 1700000000123}))

    source.send(json.dumps({"kind": "new"}))
    assert json.loads(of_topic.bodies(1)[0]) == {"say": "new"}
    to(kinesis.arn, InputTemplate="<$.body.id>", KinesisStreamParameters={"PartitionKey": "$.body.kind"})
    iterator = kinesis.api.get_shard_iterator(StreamName=kinesis.name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    (record,) = until(lambda: kinesis.api.get_records(ShardIterator=iterator)["Records"])
    assert (record["PartitionKey"], record["Data"]) == ("new", b'"7"')
    to(bus.arn, InputTemplate='{"kind": "<$.body.kind>"}')
    event = json.loads(heard.bodies(1)[0])
    assert (event["source"], event["detail-type"], event["detail"], event["resources"]) == (f"Pipe {pipe.name}", "Event from aws:sqs", {"kind": "new"}, [])
    members = {"Source": "$.body.id", "DetailType": "told", "Resources": ["$.eventSourceARN"], "Time": "$.body.ms"}
    to(bus.arn, InputTemplate='{"kind": "<$.body.kind>"}', EventBridgeEventBusParameters=members)
    event = json.loads(heard.bodies(1)[0])
    assert (event["source"], event["detail-type"], event["resources"], event["time"]) == ("7", "told", [source.arn], "2023-11-14T22:13:20Z")
    for _ in range(2):  # into the same stream
        to(f"arn:aws:logs:us-east-1:000000000000:log-group:{group}", InputTemplate="it is <$.body.kind>", CloudWatchLogsParameters={"LogStreamName": "all", "Timestamp": "$.body.ms"})

    def lines():
        found = logs.filter_log_events(logGroupName=group)["events"]
        return len(found) > 1 and [(one["logStreamName"], one["message"], one["timestamp"]) for one in found]

    assert until(lines) == [("all", 'it is "new"', 1700000000123)] * 2
    pipe.delete()


def test_what_the_role_may_not(sandbox):
    """Neither read nor deliver; what could not be delivered comes back after the queue's timeout."""
    source, target, other = Queue(sandbox, VisibilityTimeout="1"), Queue(sandbox), Queue(sandbox)
    reads = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    blind, dumb, stranger = (Pipe(sandbox, source.arn, target.arn, **more) for more in ({"allowed": "sqs:SendMessage"}, {"allowed": reads}, {"trusts": "lambda.amazonaws.com"}))
    source.send("a")
    until(lambda: counts(source)[1] == 1)  # the second has it
    told = until(lambda: (one := blind.api.describe_pipe(Name=blind.name))["CurrentState"] == "CREATE_FAILED" and one)
    assert told["StateReason"] == "Input parameter is invalid from the request due to : The provided customer role does not have permissions to call ReceiveMessage on SQS"  # as terraform-aws-modules/terraform-aws-eventbridge#133 quotes AWS
    assert [one["CurrentState"] for name in (blind.name, dumb.name) for one in blind.api.list_pipes(NamePrefix=name)["Pipes"]] == ["CREATE_FAILED", "RUNNING"]
    listed = {state: [one["Name"] for one in blind.api.list_pipes(CurrentState=state)["Pipes"]] for state in ("CREATE_FAILED", "RUNNING")}
    assert blind.name in listed["CREATE_FAILED"] and dumb.name in listed["RUNNING"] and blind.name not in listed["RUNNING"]
    blind.api.update_pipe(Name=blind.name, RoleArn=blind.role, Description="blind")
    assert until(lambda: (state := blind.state()) != "UPDATING" and state) == "UPDATE_FAILED"
    control = Pipe(sandbox, other.arn, other.arn.replace(other.name, target.name))
    other.send("b")
    assert json.loads(target.bodies(1)[0])["body"] == "b"
    sandbox.client("iam").put_role_policy(RoleName=dumb.name, PolicyName="all", PolicyDocument=policy([{"Effect": "Allow", "Action": [*reads, "sqs:SendMessage"], "Resource": "*"}]))
    record = json.loads(target.bodies(1)[0])
    assert record["body"] == "a" and int(record["attributes"]["ApproximateReceiveCount"]) > 1
    for pipe in blind, dumb, stranger, control:
        pipe.delete()


def test_what_failed_waits_though_it_is_shown_at_once(sandbox):
    source = Queue(sandbox, VisibilityTimeout="0")
    pipe = Pipe(sandbox, source.arn, "arn:aws:sqs:us-east-1:000000000000:nowhere")
    source.send("one")
    began, ours = time.monotonic(), 0

    def theirs():
        nonlocal ours
        ours += 1
        (message,) = source.take(MessageSystemAttributeNames=["ApproximateReceiveCount"])
        return int(message["Attributes"]["ApproximateReceiveCount"]) - ours

    until(lambda: theirs() > 1)
    time.sleep(1.5)
    pipe.delete()
    assert theirs() < 100 * (time.monotonic() - began)


def test_it_stops_and_goes_on(sandbox):
    """A stream goes on where it was: what came meanwhile is read, and nothing twice."""
    stream, target = Kinesis(sandbox), Queue(sandbox)
    stream.put("a")
    pipe = Pipe(sandbox, stream.arn, target.arn, SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}, TargetParameters={"InputTemplate": "<$.data>"})
    assert target.bodies(1) == ['"a"']
    pipe.api.stop_pipe(Name=pipe.name)
    until(lambda: pipe.state() == "STOPPED")
    probe = Queue(sandbox)
    other = Pipe(sandbox, stream.arn, probe.arn, SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}, TargetParameters={"InputTemplate": "<$.data>"})
    probe.bodies(1)  # a turn later
    stream.put("b")
    assert probe.bodies(1) == ['"b"'] and counts(target) == [0, 0, 0]
    pipe.api.start_pipe(Name=pipe.name)
    assert target.bodies(1) == ['"b"']
    for one in pipe, other:
        one.delete()


def test_one_that_is_made_anew_reads_its_own_source(sandbox):
    stream, source, target = Kinesis(sandbox), Queue(sandbox), Queue(sandbox)
    pipe = Pipe(sandbox, source.arn, target.arn)
    source.send("a")
    assert [json.loads(body)["body"] for body in target.bodies(1)] == ["a"]
    pipe.delete()
    pipe.api.create_pipe(Name=pipe.name, Source=stream.arn, Target=target.arn, RoleArn=pipe.role, SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}})
    stream.put("b")
    assert [json.loads(body)["eventSource"] for body in target.bodies(1)] == ["aws:kinesis"]
    pipe.delete()


def test_records_of_kinesis(sandbox):
    """Their members are at the top, and the data is decoded for filters and templates."""
    stream, target = Kinesis(sandbox), Queue(sandbox)
    stream.put(json.dumps({"kind": "old"}), json.dumps({"kind": "new"}))
    parameters = {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}, "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"data": {"kind": ["new"]}, "partitionKey": ["k"]})}]}}
    pipe = Pipe(sandbox, stream.arn, target.arn, SourceParameters=parameters, TargetParameters={"InputTemplate": '{"kind": <$.data.kind>, "event": <aws.pipes.event>}'})
    made = json.loads(target.bodies(1)[0])
    event = made["event"]
    assert made["kind"] == "new" and set(event) == {"kinesisSchemaVersion", "partitionKey", "sequenceNumber", "data", "approximateArrivalTimestamp", "eventSource", "eventVersion", "eventID", "eventName", "invokeIdentityArn", "awsRegion", "eventSourceARN"}
    assert (event["invokeIdentityArn"], event["eventID"]) == (pipe.role, f"shardId-000000000000:{event['sequenceNumber']}")
    pipe.delete()


def test_what_is_too_old_or_was_tried_enough(sandbox):
    """It goes to the dead-letter queue, with what it was of."""
    target = Queue(sandbox)
    for age in 1, 5, 25:  # the young one has to be read before it is as old
        stream, letters = Kinesis(sandbox), Queue(sandbox)
        stream.put("old")
        later = time.time() + age + 0.1
        until(lambda: time.time() > later)
        stream.put("young")
        common = {"StartingPosition": "TRIM_HORIZON", "DeadLetterConfig": {"Arn": letters.arn}}
        pipe = Pipe(sandbox, stream.arn, target.arn, SourceParameters={"KinesisStreamParameters": {**common, "MaximumRecordAgeInSeconds": age, "MaximumRetryAttempts": 0}}, TargetParameters={"InputTemplate": "<$.data>"})
        letter = json.loads(letters.bodies(1)[0])
        assert letter["context"] == {"partnerResourceArn": pipe.arn, "condition": "RecordAgeExceeded", "approximateInvokeCount": 0}
        info = letter["KinesisBatchInfo"]
        if info["batchSize"] == 1 and target.take():
            break
        pipe.delete()
    assert (info["batchSize"], info["streamArn"], info["shardId"]) == (1, stream.arn, "shardId-000000000000") and info["startSequenceNumber"] == info["endSequenceNumber"]
    pipe.delete()
    nowhere = Pipe(sandbox, stream.arn, target.arn + "-missing", SourceParameters={"KinesisStreamParameters": {**common, "MaximumRetryAttempts": 1, "OnPartialBatchItemFailure": "AUTOMATIC_BISECT"}})
    for _ in range(2):
        letter = json.loads(letters.bodies(1)[0])
        assert (letter["context"]["condition"], letter["context"]["approximateInvokeCount"], letter["KinesisBatchInfo"]["batchSize"]) == ("RetryAttemptsExhausted", 2, 1)
    nowhere.delete()


@needs_engine
def test_changes_of_items(items_sandbox):  # noqa: F811
    name, api = table(items_sandbox, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}), items_sandbox.client("dynamodb")
    stream, target = api.describe_table(TableName=name)["Table"]["LatestStreamArn"], Queue(items_sandbox)
    parameters = {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}, "FilterCriteria": {"Filters": [{"Pattern": json.dumps({"eventName": ["REMOVE"]})}]}}
    pipe = Pipe(items_sandbox, stream, target.arn, SourceParameters=parameters, TargetParameters={"InputTemplate": '{"gone": <$.dynamodb.Keys.id.S>, "from": <$.eventSourceARN>}'})
    api.put_item(TableName=name, Item=film("a"))
    api.delete_item(TableName=name, Key={"id": {"S": "a"}})
    assert json.loads(target.bodies(1)[0]) == {"gone": "a", "from": stream}
    pipe.delete()


def test_a_function_enriches(job_sandbox):
    """It gets an array of what the template makes; its answers are the events of the target, one each, and none where it answers nothing."""
    source, target, function = Queue(job_sandbox), Queue(job_sandbox), warm(job_sandbox, ECHO)
    pipe = Pipe(job_sandbox, source.arn, target.arn, Enrichment=f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}", EnrichmentParameters={"InputTemplate": "<$.body>"},
                TargetParameters={"InputTemplate": '{"answer": <$.of>, "by": <aws.pipes.enrichment-arn>}'})  # fmt: skip
    source.send("nothing")
    until(lambda: calls(job_sandbox, function) == [["nothing"]] and counts(source) == [0, 0, 0])
    source.send(json.dumps({"n": 1}))
    assert json.loads(target.bodies(1)[0]) == {"answer": {"n": 1}, "by": f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"}
    assert counts(target) == [0, 0, 0]
    pipe.delete()


@pytest.mark.full
def test_a_function_as_target_says_what_failed(job_sandbox):
    """Those it reports come again, the others do not."""
    source, function = Queue(job_sandbox, VisibilityTimeout="2"), warm(job_sandbox, SOME)
    pipe = Pipe(job_sandbox, source.arn, f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}", TargetParameters={"InputTemplate": '{"id": <$.messageId>, "what": <$.body>}'})
    for body in "a", "again", "b":
        source.send(body)
    got = until(lambda: sum(call.count("again") for call in calls(job_sandbox, function)) > 1 and calls(job_sandbox, function))
    every = [what for call in got for what in call]
    assert (every.count("a"), every.count("b")) == (1, 1)
    pipe.delete()
    stream, told = Kinesis(job_sandbox), warm(job_sandbox, SOME)
    stream.put("a", "again", "b")
    letters = Queue(job_sandbox)
    parameters = {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 0, "DeadLetterConfig": {"Arn": letters.arn}}}
    pipe = Pipe(job_sandbox, stream.arn, f"arn:aws:lambda:us-east-1:000000000000:function:{told.name}", SourceParameters=parameters, TargetParameters={"InputTemplate": '{"id": <$.eventID>, "what": <$.data>}'})
    assert json.loads(letters.bodies(1)[0])["KinesisBatchInfo"]["batchSize"] == 2
    assert calls(job_sandbox, told)[0] == ["a", "again", "b"]
    pipe.delete()


def test_a_function_that_fails(job_sandbox):
    """Its batch comes again, until the queue's own policy takes it away."""
    letters = Queue(job_sandbox)
    source = Queue(job_sandbox, VisibilityTimeout="1", RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 2}))
    function = warm(job_sandbox, ECHO)
    pipe = Pipe(job_sandbox, source.arn, f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}")
    source.send("fail")
    assert letters.bodies(1) == ["fail"]
    assert [[one["body"] for one in call] for call in calls(job_sandbox, function)] == [["fail"], ["fail"]]
    pipe.delete()


def test_machines_enrich_and_are_started(sandbox):
    """Express ones are waited for; of others the pipe only starts them."""
    source, target, machines = Queue(sandbox), Queue(sandbox), Machines(sandbox)
    express = machines.make({"Type": "Pass", "Parameters": {"first.$": "$[0].n"}}, type="EXPRESS")
    pipe = Pipe(sandbox, source.arn, target.arn, Enrichment=express, EnrichmentParameters={"InputTemplate": '{"n": <$.body.n>}'})
    source.send(json.dumps({"n": 5}))
    assert json.loads(target.bodies(1)[0]) == {"first": 5}
    pipe.delete()
    other, standard = Queue(sandbox), machines.make({"Type": "Pass"})
    pipe = Pipe(sandbox, other.arn, standard, TargetParameters={"InputTemplate": "<$.body>", "StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}})
    other.send(json.dumps({"n": 6}))
    (started,) = until(lambda: machines.client.list_executions(stateMachineArn=standard)["executions"])
    assert json.loads(machines.end(started["executionArn"])["output"]) == [{"n": 6}]
    pipe.delete()


def test_an_endpoint_enriches(sandbox, endpoint):  # noqa: F811
    """A call for each record, with parameters of it; what the endpoint says goes on."""
    source, target, events = Queue(sandbox), Queue(sandbox), sandbox.client("events")
    name = "api-" + uuid.uuid4().hex[:8]
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    connection = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    destination = events.create_api_destination(Name=name, ConnectionArn=connection, InvocationEndpoint=endpoint.url + "/people/*", HttpMethod="POST")["ApiDestinationArn"]
    endpoint.said = b'{"name": "Ada"}'
    http = {"PathParameterValues": ["$.body.id"], "HeaderParameters": {"X-Kind": "$.body.kind"}, "QueryStringParameters": {"of": "all"}}
    pipe = Pipe(sandbox, source.arn, target.arn, Enrichment=destination, EnrichmentParameters={"InputTemplate": '{"ask": <$.body.id>}', "HttpParameters": http}, TargetParameters={"InputTemplate": "It is <$.name>"})
    source.send(json.dumps({"id": 7, "kind": "new"}))
    assert target.bodies(1) == ['It is "Ada"']
    (asked,) = endpoint.asked
    assert (asked["path"], asked["query"], asked["headers"]["X-Kind"], asked["headers"]["X-Key"], json.loads(asked["body"])) == ("/people/7", {"of": "all"}, "new", "k", {"ask": 7})
    pipe.delete()


def test_jobs_and_tasks(job_sandbox):
    """A Batch job and an ECS task for each record, with what the parameters make of it."""
    source, jobs = Queue(job_sandbox), BatchQueue(job_sandbox).define("sh", "-c", "echo $WORD $MORE $0", "Ref::film", parameters={"film": "none"})
    queue = jobs.batch.describe_job_queues(jobQueues=[jobs.name])["jobQueues"][0]["jobQueueArn"]
    batch = {"JobDefinition": jobs.definition, "JobName": "piped", "Parameters": {"film": "$.body.film"}, "ContainerOverrides": {"Environment": [{"Name": "MORE", "Value": "$.body.word"}]}}
    pipe = Pipe(job_sandbox, source.arn, queue, TargetParameters={"BatchJobParameters": batch})
    source.send(json.dumps({"film": "alien", "word": "over"}))
    everywhere = [{"name": "JOB_DEFINITION", "values": [jobs.definition]}]
    (job,) = until(lambda: jobs.batch.list_jobs(jobQueue=jobs.name, filters=everywhere)["jobSummaryList"])
    assert job["jobName"] == "piped" and jobs.ended(job["jobId"])["status"] == "SUCCEEDED" and jobs.output(job["jobId"]) == ["defined over alien"]
    pipe.delete()
    other, cluster = Queue(job_sandbox), Cluster(job_sandbox).define("-c", "echo $WORD $MORE", entryPoint=["sh"])
    overrides = {"ContainerOverrides": [{"Name": "main", "Environment": [{"name": "MORE", "value": "$.body.word"}]}]}
    task = {"TaskDefinitionArn": cluster.definition, "LaunchType": "FARGATE", "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}, "Overrides": overrides}
    pipe = Pipe(job_sandbox, other.arn, f"arn:aws:ecs:us-east-1:000000000000:cluster/{cluster.name}", TargetParameters={"EcsTaskParameters": task})
    other.send(json.dumps({"word": "over"}))
    (arn,) = until(lambda: cluster.ecs.list_tasks(cluster=cluster.name)["taskArns"] or cluster.ecs.list_tasks(cluster=cluster.name, desiredStatus="STOPPED")["taskArns"])
    cluster.ended(arn)
    assert cluster.output(arn) == ["defined over"]
    pipe.delete()


def test_firehose_names_objects_by_the_time_of_a_zone(sandbox):
    s3, name = sandbox.client("s3"), "x-" + uuid.uuid4().hex[:8]
    s3.create_bucket(Bucket=name)
    for zone, hours in ("Pacific/Kiritimati", 14), ("UTC", 0):
        api, stream = sandbox.client("firehose"), f"{name}-{hours}"
        destination = {"BucketARN": f"arn:aws:s3:::{name}", "RoleARN": role_of(sandbox, "firehose"), "Prefix": f"{hours}/!{{timestamp:yyyy-MM-dd-HH}}/", "ErrorOutputPrefix": "errors/", "CustomTimeZone": zone}
        api.create_delivery_stream(DeliveryStreamName=stream, ExtendedS3DestinationConfiguration=destination)
        days = [datetime.datetime.now(datetime.timezone.utc)]
        api.put_record(DeliveryStreamName=stream, Record={"Data": b"x"})
        days.append(datetime.datetime.now(datetime.timezone.utc))
        (found,) = until(lambda: s3.list_objects_v2(Bucket=name, Prefix=f"{hours}/").get("Contents"))
        assert found["Key"].split("/")[1] in {f"{day + datetime.timedelta(hours=hours):%Y-%m-%d-%H}" for day in days}


def test_firehose_and_an_endpoint_as_targets(sandbox, endpoint):  # noqa: F811
    source, s3, iam, events, name = Queue(sandbox), sandbox.client("s3"), sandbox.client("iam"), sandbox.client("events"), "x-" + uuid.uuid4().hex[:8]
    s3.create_bucket(Bucket=name)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy([{"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}]))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]))
    stream = sandbox.client("firehose").create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration={"BucketARN": f"arn:aws:s3:::{name}", "RoleARN": role})["DeliveryStreamARN"]
    pipe = Pipe(sandbox, source.arn, stream, TargetParameters={"InputTemplate": '{"n": <$.body.n>}'})
    source.send(json.dumps({"n": 1}))
    (found,) = until(lambda: s3.list_objects_v2(Bucket=name).get("Contents"))
    assert json.loads(s3.get_object(Bucket=name, Key=found["Key"])["Body"].read()) == {"n": 1}
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}}
    connection = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    destination = events.create_api_destination(Name=name, ConnectionArn=connection, InvocationEndpoint=endpoint.url + "/people/*", HttpMethod="PUT")["ApiDestinationArn"]
    pipe.api.update_pipe(Name=pipe.name, RoleArn=pipe.role, Target=destination, TargetParameters={"InputTemplate": '{"n": <$.body.n>}', "HttpParameters": {"PathParameterValues": ["$.body.id"], "HeaderParameters": {"X-Kind": "$.body.kind"}}})
    until(lambda: pipe.state() == "RUNNING")
    source.send(json.dumps({"n": 2, "id": "ada", "kind": "new"}))
    (asked,) = until(lambda: endpoint.asked)
    assert (asked["method"], asked["path"], asked["headers"]["X-Kind"], asked["headers"]["X-Key"], json.loads(asked["body"])) == ("PUT", "/people/ada", "new", "k", {"n": 2})
    until(lambda: counts(source) == [0, 0, 0])
    pipe.delete()


def test_batches_that_the_target_does_not_take(sandbox):
    """A queue takes ten, an endpoint one; a stream is read in such batches where the pipe does not say how many."""
    source, stream, target = Queue(sandbox), Kinesis(sandbox), Queue(sandbox)
    api = "arn:aws:events:us-east-1:000000000000:api-destination/a/1"
    large = {"SqsQueueParameters": {"BatchSize": 11}}
    for given, words in (
        ((source.arn, target.arn, {"SourceParameters": large}), "at most 10 events"),
        ((source.arn, stream.arn, {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 501}}}), "at most 500 events"),
        ((source.arn, api, {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 2}}}), "the target takes no batches"),
        ((source.arn, stream.arn, {"SourceParameters": large, "Enrichment": api}), "the enrichment takes no batches"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{words}"):
            Pipe(sandbox, *given[:2], **given[2])
    stream.put(*(str(n) for n in range(25)))
    group = "/pipes/" + uuid.uuid4().hex[:8]
    pipe = Pipe(sandbox, stream.arn, target.arn, SourceParameters={"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON"}}, TargetParameters={"InputTemplate": "<$.data>"}, **logged(sandbox, group))
    assert target.bodies(25) == [str(n) for n in range(25)]
    starts = until(lambda: (found := [one for one in records_of(sandbox, group) if one["messageType"] == "EXECUTION_STARTED"]) and len(found) == 3 and found)
    assert [len(json.loads(one["payload"])) for one in starts] == [10, 10, 5]
    pipe.delete()


def logged(sandbox, group, level="TRACE", data=("ALL",), **more):
    sandbox.client("logs").create_log_group(logGroupName=group)
    to = {"CloudwatchLogsLogDestination": {"LogGroupArn": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"}}
    return {"LogConfiguration": {"Level": level, "IncludeExecutionData": list(data), **to, **more}}


def records_of(sandbox, group):
    return [json.loads(one["message"]) for one in sandbox.client("logs").filter_log_events(logGroupName=group)["events"]]


def test_steps_in_the_log(sandbox):
    """As EventBridge's guide names them: the execution and its stages in INFO, their parts in TRACE, what fails in ERROR; with data where that is asked for."""
    machines, bucket = Machines(sandbox), "logs-" + uuid.uuid4().hex[:8]
    express = machines.make({"Type": "Pass", "Parameters": {"first.$": "$[0].n"}}, type="EXPRESS")
    sandbox.client("s3").create_bucket(Bucket=bucket)
    parts = ["TRANSFORMATION_STARTED", "TRANSFORMATION_SUCCEEDED", "INVOCATION_STARTED", "INVOCATION_SUCCEEDED"]
    every = ["EXECUTION_STARTED", *(f"{stage}_{step}" for stage in ("ENRICHMENT", "TARGET") for step in ("STAGE_ENTERED", *parts, "STAGE_EXITED")), "EXECUTION_SUCCEEDED"]
    coarse = [step for step in every if "STAGE" in step or "EXECUTION" in step]
    for level, data, steps in ("TRACE", ["ALL"], every), ("INFO", [], coarse):
        source, target, group = Queue(sandbox), Queue(sandbox), "/pipes/" + uuid.uuid4().hex[:8]
        more = logged(sandbox, group, level, data, **({"S3LogDestination": {"BucketName": bucket, "BucketOwner": "000000000000", "Prefix": "p/"}} if data else {}))
        pipe = Pipe(sandbox, source.arn, target.arn, Enrichment=express, EnrichmentParameters={"InputTemplate": '{"n": <$.body.n>}'}, TargetParameters={"InputTemplate": "<$.first>"}, **more)
        source.send(json.dumps({"n": 5}))
        assert target.bodies(1) == ["5"]
        found = until(lambda: (found := records_of(sandbox, group)) and found[-1]["messageType"] == "EXECUTION_SUCCEEDED" and found)
        assert [one["messageType"] for one in found] == steps
        assert {(one["executionId"], one["resourceArn"], one["logLevel"]) for one in found} == {(found[0]["executionId"], pipe.arn, level)}
        assert all(one["timestamp"] > 1700000000000 and "error" not in one for one in found)
        if data:
            assert json.loads(found[0]["payload"])[0]["body"] == '{"n": 5}' and json.loads(found[5]["payload"]) == [{"first": 5}]
            keys = [one["Key"] for one in sandbox.client("s3").list_objects_v2(Bucket=bucket, Prefix="p/")["Contents"]]
            assert len(keys) == len(steps)
        else:
            assert not any("payload" in one for one in found)
        pipe.delete()


def test_failures_in_the_log(sandbox):
    source, group = Queue(sandbox, VisibilityTimeout="1"), "/pipes/" + uuid.uuid4().hex[:8]
    pipe = Pipe(sandbox, source.arn, "arn:aws:sqs:us-east-1:000000000000:nowhere", **logged(sandbox, group, "ERROR", []))
    source.send("one")
    found = until(lambda: (found := records_of(sandbox, group)) and len(found) > 1 and found)
    assert [one["messageType"] for one in found[:2]] == ["TARGET_INVOCATION_FAILED", "EXECUTION_FAILED"]
    assert "does not exist" in found[0]["error"]["message"] and found[0]["error"]["httpStatusCode"] == 400
    pipe.delete()


def test_a_failure_is_said_once(capfd):
    """A stream is read again and again where its target is not there."""
    server = Sandbox()
    stream, letters = Kinesis(server), Queue(server)
    stream.put("a")
    parameters = {"KinesisStreamParameters": {"StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 3, "DeadLetterConfig": {"Arn": letters.arn}}}
    pipe = Pipe(server, stream.arn, letters.arn + "-missing", SourceParameters=parameters)
    assert json.loads(letters.bodies(1)[0])["context"]["approximateInvokeCount"] == 4
    pipe.delete()
    server.stop()
    assert capfd.readouterr().err.count(f"pipe {pipe.name}: ") == 1
