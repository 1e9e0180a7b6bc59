"""What becomes of events that nobody waits for: attempts, their age, destinations and dead letters, as Lambda documents them."""

import json
import uuid

from support import until
from test_firing import Queue
from test_run_lambda import Function

CODE = "def handler(event, context):\n    assert event != 'bad', 'not this one'\n    return {'film': event}\n"


def taken(queue):
    (message,) = until(lambda: queue.take(1, wait=5, MessageAttributeNames=["All"]))
    return message


def test_destinations(job_sandbox):
    good, bad = Queue(job_sandbox), Queue(job_sandbox)
    f = Function(job_sandbox, main_dot_py=CODE)
    f.api.put_function_event_invoke_config(FunctionName=f.name, MaximumRetryAttempts=1, DestinationConfig={"OnSuccess": {"Destination": good.arn}, "OnFailure": {"Destination": bad.arn}})
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{f.name}"
    told = {}
    for event, queue in (("alien", good), ("bad", bad)):
        request = f.call(event, InvocationType="Event")["ResponseMetadata"]["RequestId"]
        told[event] = json.loads(taken(queue)["Body"])
        assert told[event].pop("timestamp").endswith("Z") and told[event]["requestContext"].pop("requestId") == request
    assert told["alien"] == {"version": "1.0", "requestContext": {"functionArn": f"{arn}:$LATEST", "condition": "Success", "approximateInvokeCount": 1}, "requestPayload": "alien",
                             "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"}, "responsePayload": {"film": "alien"}}
    assert told["bad"].pop("responsePayload")["errorMessage"] == "not this one"
    assert told["bad"] == {"version": "1.0", "requestContext": {"functionArn": f"{arn}:$LATEST", "condition": "RetriesExhausted", "approximateInvokeCount": 2}, "requestPayload": "bad",
                           "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}}
    assert not good.take(1, wait=0) and not bad.take(1, wait=0)


def test_settings_are_those_of_what_was_called(job_sandbox):
    bad, f = Queue(job_sandbox), Function(job_sandbox, main_dot_py=CODE)
    f.api.publish_version(FunctionName=f.name)
    f.api.create_alias(FunctionName=f.name, Name="live", FunctionVersion="1")
    f.api.put_function_event_invoke_config(FunctionName=f.name, Qualifier="live", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": bad.arn}})
    f.call("bad", InvocationType="Event")  # of which nobody is told
    f.call("bad", InvocationType="Event", Qualifier="live")
    told = json.loads(taken(bad)["Body"])
    assert told["requestContext"]["functionArn"].endswith(f"{f.name}:live") and told["requestContext"]["approximateInvokeCount"] == 1 and told["responseContext"]["executedVersion"] == "1"
    assert not bad.take(1, wait=1)


def test_events_grow_too_old(job_sandbox):
    bad, f = Queue(job_sandbox), Function(job_sandbox, main_dot_py=CODE)
    f.api.put_function_event_invoke_config(FunctionName=f.name, MaximumEventAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": bad.arn}})
    f.call("bad", InvocationType="Event")
    context = json.loads(taken(bad)["Body"])["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)


def test_without_concurrency_an_event_is_given_up_at_once(job_sandbox):
    bad, f = Queue(job_sandbox), Function(job_sandbox, main_dot_py=CODE)
    f.api.put_function_event_invoke_config(FunctionName=f.name, DestinationConfig={"OnFailure": {"Destination": bad.arn}})
    f.api.put_function_concurrency(FunctionName=f.name, ReservedConcurrentExecutions=0)
    f.call("alien", InvocationType="Event")
    told = json.loads(taken(bad)["Body"])
    assert told["requestContext"]["condition"] == "ZeroReservedConcurrency" and told["requestPayload"] == "alien" and "responsePayload" not in told


def test_dead_letters(job_sandbox):
    letters, sns = Queue(job_sandbox), job_sandbox.client("sns")
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:8]}")["TopicArn"]
    letters.client.set_queue_attributes(QueueUrl=letters.url, Attributes={"Policy": json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": letters.arn}]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=letters.arn, Attributes={"RawMessageDelivery": "true"})
    for to in (letters.arn, topic):
        f = Function(job_sandbox, main_dot_py=CODE, DeadLetterConfig={"TargetArn": to})
        f.api.put_function_event_invoke_config(FunctionName=f.name, MaximumRetryAttempts=0)
        request = f.call("bad", InvocationType="Event")["ResponseMetadata"]["RequestId"]
        letter = taken(letters)
        assert json.loads(letter["Body"]) == "bad"
        assert {name: (one["DataType"], one["StringValue"]) for name, one in letter["MessageAttributes"].items()} == {
            "RequestID": ("String", request), "ErrorCode": ("Number", "200"), "ErrorMessage": ("String", "not this one")}
        letters.delete(letter)


def test_a_bus_and_a_bucket_are_told(job_sandbox):
    events, queue = job_sandbox.client("events"), Queue(job_sandbox)
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.arn}]})})
    bus = events.create_event_bus(Name=f"b-{uuid.uuid4().hex[:8]}")["EventBusArn"]
    events.put_rule(Name="told", EventBusName=bus.split("/")[1], EventPattern=json.dumps({"source": ["lambda"]}))
    events.put_targets(Rule="told", EventBusName=bus.split("/")[1], Targets=[{"Id": "q", "Arn": queue.arn}])
    f = Function(job_sandbox, main_dot_py=CODE)
    f.api.put_function_event_invoke_config(FunctionName=f.name, MaximumRetryAttempts=0, DestinationConfig={"OnSuccess": {"Destination": bus}, "OnFailure": {"Destination": "arn:aws:s3:::lake"}})
    f.call("alien", InvocationType="Event")
    event = json.loads(taken(queue)["Body"])
    assert event["detail-type"] == "Lambda Function Invocation Result - Success" and event["detail"]["responsePayload"] == {"film": "alien"}
    assert event["resources"] == [bus, f"arn:aws:lambda:us-east-1:000000000000:function:{f.name}:$LATEST"]
    f.call("bad", InvocationType="Event")
    (found,) = until(lambda: job_sandbox.client().list_objects_v2(Bucket="lake", Prefix=f"aws/lambda/async/{f.name}/").get("Contents"))
    assert json.loads(job_sandbox.get(found["Key"]))["requestContext"]["condition"] == "RetriesExhausted"
    assert found["Key"].split("/")[4].isdigit() and found["Key"].split("/")[-1].count("-") == 7
