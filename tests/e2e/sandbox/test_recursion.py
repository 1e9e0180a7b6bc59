"""Recursive loop detection of Lambda: what goes round is stopped after 16 calls of a function in one chain of events."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from support import until
from test_firing import Queue
from test_run_async import taken
from test_run_lambda import Function

CALLS = 16
WORDS = "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation."


def calls_of(function):
    return sum(line.startswith("START RequestId") for line in function.lines())


def dropped(function):
    """Calls that were stopped, as CloudWatch counts them."""
    name = {"Id": "m", "MetricStat": {"Metric": {"Namespace": "AWS/Lambda", "MetricName": "RecursiveInvocationsDropped", "Dimensions": [{"Name": "FunctionName", "Value": function.name}]}, "Period": 86400, "Stat": "Sum"}}
    return sum(function.sandbox.client("cloudwatch").get_metric_data(MetricDataQueries=[name], StartTime=0, EndTime=4102444800)["MetricDataResults"][0]["Values"])


def forwarding(sandbox, body, **more):
    return Function(sandbox, main_dot_py=f"import boto3, os\ndef handler(event, context):\n    {body}\n    return 'done'\n", **more)


def test_the_header_counts_calls(job_sandbox):
    function = Function(job_sandbox, main_dot_py="import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:20|68fd508a:5"

    def send(request, **_):
        request.headers["X-Amzn-Trace-Id"] = trace

    assert function.result().startswith("Root=1-") and function.result().split(";")[0] != function.result().split(";")[0]
    function.api.meta.events.register("before-sign.lambda.Invoke", send)
    for call in range(1, CALLS + 1):
        trace = function.result()
        root, parent, sampled, lineage = trace.split(";")
        others, own = lineage.rsplit("|", 1)
        assert (root, sampled, others) == ("Root=1-5759e988-bd862e3fe1be46a994272793", "Sampled=1", "Lineage=a87bd80c:20|68fd508a:5") and own.endswith(f":{call}")
        assert parent != "Parent=53995c3f42cd8ad8"
    with pytest.raises(ClientError) as caught:
        function.call()
    assert caught.value.response["Error"] == {"Code": "RecursiveInvocationException", "Message": WORDS} and caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert dropped(function) == 1
    function.api.put_function_recursion_config(FunctionName=function.name, RecursiveLoop="Allow")
    assert function.result().endswith(f":{CALLS + 1}") and dropped(function) == 1


@pytest.mark.full
def test_a_function_that_writes_to_its_queue(job_sandbox):
    letters = Queue(job_sandbox)
    queue = Queue(job_sandbox, VisibilityTimeout="10", RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 1}))
    function = forwarding(job_sandbox, f"boto3.client('sqs').send_message(QueueUrl={queue.url!r}, MessageBody='again')", Timeout=10)
    function.api.create_event_source_mapping(FunctionName=function.name, EventSourceArn=queue.arn)
    queue.send("first")
    letter = until(lambda: letters.take(1, wait=5, AttributeNames=["All"]))[0]
    assert letter["Body"] == "again" and f":{CALLS}" in letter["Attributes"]["AWSTraceHeader"]
    assert calls_of(function) == CALLS and dropped(function) == 1


@pytest.mark.full
@pytest.mark.parametrize("through", ["sns", "s3"])
def test_a_function_that_writes_to_its_topic_or_bucket(job_sandbox, through):
    letters, name = Queue(job_sandbox), f"loop-{uuid.uuid4().hex[:8]}"
    topic = job_sandbox.client("sns").create_topic(Name=name)["TopicArn"]
    body = {"sns": f"boto3.client('sns').publish(TopicArn={topic!r}, Message='again')", "s3": f"boto3.client('s3').put_object(Bucket={name!r}, Key='again')"}[through]
    function = forwarding(job_sandbox, body, DeadLetterConfig={"TargetArn": letters.arn})
    function.let_in(through)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}"
    if through == "sns":
        job_sandbox.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
        job_sandbox.client("sns").publish(TopicArn=topic, Message="first")
    else:
        s3 = job_sandbox.client()
        s3.create_bucket(Bucket=name)
        s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
        s3.put_object(Bucket=name, Key="first")
    letter = taken(letters)
    record = json.loads(letter["Body"])["Records"][0]
    if through == "sns":
        assert (record["Sns"]["Message"], record["Sns"]["Subject"]) == ("again", None)
    else:
        assert record["s3"]["object"]["key"] == "again"
    assert {key: one["StringValue"] for key, one in letter["MessageAttributes"].items() if key != "RequestID"} == {"ErrorCode": "400", "ErrorMessage": WORDS}
    assert calls_of(function) == CALLS and dropped(function) == 1


def test_functions_that_are_each_others_destination(job_sandbox):
    stopped = Queue(job_sandbox)
    one, two = (Function(job_sandbox, main_dot_py="def handler(event, context):\n    return 'done'\n") for _ in range(2))
    for function, other in (one, two), (two, one):
        to = {"OnSuccess": {"Destination": f"arn:aws:lambda:us-east-1:000000000000:function:{other.name}"}, "OnFailure": {"Destination": stopped.arn}}
        function.api.put_function_event_invoke_config(FunctionName=function.name, DestinationConfig=to)
    one.call("first", InvocationType="Event")
    record = json.loads(taken(stopped)["Body"])
    assert record["requestContext"]["functionArn"].endswith(f":{one.name}:$LATEST") and record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"]["responsePayload"] == "done" and "responsePayload" not in record
    assert (calls_of(one), calls_of(two), dropped(one), dropped(two)) == (CALLS, CALLS, 1, 0)
