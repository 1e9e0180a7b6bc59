"""What AWS answered where the sandbox once answered otherwise: permissions, message moves, scopes of deduplication, receipts, refusals."""

import base64
import json
import re
import uuid

import pytest
from botocore.exceptions import ClientError
from servers import code
from support import until
from test_firing import Queue
from test_queues import buried, counts, fifo
from test_queues_query import asked


def refused(call, **members):
    """(code, text, status)"""
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def bare(sandbox, region="us-east-1", **attributes):
    """(client, URL) of a queue without a policy."""
    client = sandbox.client("sqs", region)
    return client, client.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}", Attributes=attributes)["QueueUrl"]


# ---- permissions ----


def test_permissions_are_statements_of_the_policy(sandbox):
    client, url = bare(sandbox)
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = lambda: client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes")  # noqa: E731
    statement = {"Sid": "two", "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::000000000000:root", "arn:aws:iam::668614515564:root"]}, "Action": "SQS:ReceiveMessage", "Resource": arn}
    assert policy() is None  # no member at all
    client.add_permission(QueueUrl=url, Label="two", AWSAccountIds=["000000000000", "668614515564"], Actions=["ReceiveMessage"])
    assert json.loads(policy()["Policy"]) == {"Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": [statement]}
    assert refused(client.add_permission, QueueUrl=url, Label="two", AWSAccountIds=["668614515564"], Actions=["*"]) == ("InvalidParameterValue", "Value two for parameter Label is invalid. Reason: Already exists.", 400)
    form = {"Label": "one", "AWSAccountId.1": "668614515564", "ActionName.1": "SendMessage", "ActionName.2": "DeleteMessage"}
    assert asked(sandbox, "AddPermission", url, **form)[0] == 200
    assert [(one["Principal"]["AWS"], one["Action"]) for one in json.loads(policy()["Policy"])["Statement"][1:]] == [("arn:aws:iam::668614515564:root", ["SQS:SendMessage", "SQS:DeleteMessage"])]
    client.remove_permission(QueueUrl=url, Label="two")
    assert [one["Sid"] for one in json.loads(policy()["Policy"])["Statement"]] == ["one"]
    assert asked(sandbox, "RemovePermission", url, Label="one")[0] == 200
    assert policy() is None
    assert refused(client.remove_permission, QueueUrl=url, Label="one") == ("InvalidParameterValue", "Value one for parameter Label is invalid. Reason: can't find label.", 400)


def test_attributes_of_a_topic(sandbox):
    """Terraform sets a sample rate on each new topic."""
    sns = sandbox.client("sns")
    topic = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:8]}")["TopicArn"]
    put = lambda name, value: sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)  # noqa: E731
    kept = lambda: {name: value for name, value in sns.get_topic_attributes(TopicArn=topic)["Attributes"].items() if "Feedback" in name}  # noqa: E731
    put("LambdaSuccessFeedbackSampleRate", "0")
    put("HTTPFailureFeedbackRoleArn", "arn:aws:iam::000000000000:role/x")
    assert kept() == {"LambdaSuccessFeedbackSampleRate": "0", "HTTPFailureFeedbackRoleArn": "arn:aws:iam::000000000000:role/x"}
    put("HTTPFailureFeedbackRoleArn", "")
    assert kept() == {"LambdaSuccessFeedbackSampleRate": "0"}
    assert refused(put, name="Nonsense", value="1") == ("InvalidParameter", "Invalid parameter: AttributeName", 400)


def test_what_terraform_asks_for(sandbox):
    """Its provider names the type of an alarm, and reads a cluster's time as text."""
    alarms, name = sandbox.client("cloudwatch"), f"a-{uuid.uuid4().hex[:8]}"
    alarms.put_metric_alarm(AlarmName=name, Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    assert [one["AlarmName"] for one in alarms.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]] == [name]
    assert alarms.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"]).get("MetricAlarms", []) == []
    kafka = sandbox.client("kafka")
    kafka.create_configuration(Name=name, ServerProperties=b"auto.create.topics.enable=true")
    answers = []
    kafka.meta.events.register("after-call.kafka.ListConfigurations", lambda http_response, **_: answers.append(json.loads(http_response.content)))
    kafka.list_configurations()
    assert all(re.match(r"\d{4}-\d\d-\d\dT", one["creationTime"]) for one in answers[0]["configurations"]) and answers[0]["configurations"]


def test_a_statement_without_a_list_stays(sandbox):
    """IAM's grammar takes one statement as it is: with a permission more there are two."""
    sqs, sns, events = (sandbox.client(service) for service in ("sqs", "sns", "events"))
    name = "single-" + uuid.uuid4().hex[:8]
    url, topic = sqs.create_queue(QueueName=name)["QueueUrl"], sns.create_topic(Name=name)["TopicArn"]
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def policy(action, resource):
        return json.dumps({"Version": "2012-10-17", "Statement": {"Sid": "own", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": resource}})

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy("sqs:SendMessage", queue)})
    sqs.add_permission(QueueUrl=url, Label="more", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy("sns:Publish", topic))
    sns.add_permission(TopicArn=topic, Label="more", AWSAccountId=["111122223333"], ActionName=["Publish"])
    events.put_permission(EventBusName=name, Policy=policy("events:PutEvents", bus))
    events.put_permission(EventBusName=name, StatementId="more", Action="events:PutEvents", Principal="111122223333")
    kept = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"], sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"], events.describe_event_bus(Name=name)["Policy"]]
    assert [[one["Sid"] for one in json.loads(text)["Statement"]] for text in kept] == [["own", "more"]] * 3


def test_the_resource_of_a_policy_is_not_looked_at(sandbox):
    client, url = bare(sandbox)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage", "Resource": "'$sqs_queue_arn'"}]}
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    assert json.loads(client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]) == policy
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Attributes" not in client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])


# ---- message moves ----


def test_a_move_takes_its_time_and_can_be_cancelled(sandbox):
    letters, other, client = Queue(sandbox), Queue(sandbox), sandbox.client("sqs")
    buried(sandbox, letters, *"abcdef")
    move = {"SourceArn": letters.arn, "DestinationArn": other.arn, "MaxNumberOfMessagesPerSecond": 1}
    assert {code(client.start_message_move_task, **move | {"MaxNumberOfMessagesPerSecond": rate}) for rate in (-1, 0, 501)} == {"InvalidParameterValue"}
    handle = client.start_message_move_task(**move)["TaskHandle"]
    assert json.loads(base64.b64decode(handle)) == {"taskId": json.loads(base64.b64decode(handle))["taskId"], "sourceArn": letters.arn}
    assert refused(client.start_message_move_task, **move) == ("InvalidParameterValue", "There is already a task running. Only one active task is allowed for a source queue arn at a given time.", 400)
    (task,) = client.list_message_move_tasks(SourceArn=letters.arn)["Results"]
    assert (task["Status"], task["TaskHandle"], task["ApproximateNumberOfMessagesToMove"]) == ("RUNNING", handle, 6)
    until(lambda: counts(other)[0] >= 2)
    assert client.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] >= 2
    task = until(lambda: next((one for one in client.list_message_move_tasks(SourceArn=letters.arn)["Results"] if one["Status"] == "CANCELLED"), None))
    assert "TaskHandle" not in task and counts(letters)[0] == 6 - task["ApproximateNumberOfMessagesMoved"] > 0
    assert client.start_message_move_task(SourceArn=letters.arn, DestinationArn=other.arn)["TaskHandle"]  # the next may run
    assert counts(letters)[0] == 0 and counts(other)[0] == 6


def test_a_move_fails_when_its_destination_goes(sandbox):
    letters, other, client = Queue(sandbox), Queue(sandbox), sandbox.client("sqs")
    buried(sandbox, letters, *"abcd")
    client.start_message_move_task(SourceArn=letters.arn, DestinationArn=other.arn, MaxNumberOfMessagesPerSecond=1)
    client.delete_queue(QueueUrl=other.url)
    task = until(lambda: next((one for one in client.list_message_move_tasks(SourceArn=letters.arn)["Results"] if one["Status"] != "RUNNING"), None))
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue") and counts(letters)[0] == 4 - task["ApproximateNumberOfMessagesMoved"] > 0


def test_tasks_that_are_not_there(sandbox):
    letters, client = Queue(sandbox), sandbox.client("sqs")
    handle = lambda source: base64.b64encode(json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source}).encode()).decode()  # noqa: E731
    assert refused(client.cancel_message_move_task, TaskHandle="foobared") == ("InvalidParameterValue", "Value for parameter TaskHandle is invalid.", 400)
    assert refused(client.cancel_message_move_task, TaskHandle=handle(letters.arn + "x")) == ("ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist.", 404)
    assert refused(client.cancel_message_move_task, TaskHandle=handle(letters.arn)) == ("ResourceNotFoundException", "Task does not exist.", 404)
    buried(sandbox, letters)
    assert refused(client.start_message_move_task, SourceArn=letters.arn, DestinationArn=letters.arn + "x") == ("ResourceNotFoundException", "The resource that you specified for the DestinationArn parameter doesn't exist.", 404)


# ---- FIFO ----


def test_deduplication_within_a_group(sandbox):
    queue = fifo(sandbox, DeduplicationScope="messageGroup")
    send = lambda body, group: queue.send(body, MessageGroupId=group, MessageDeduplicationId="same")  # noqa: E731
    assert send("a", "1")["MessageId"] == send("a2", "1")["MessageId"] != send("b", "2")["MessageId"]
    assert [one["Body"] for one in queue.take(10, wait=0)] == ["a", "b"]
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"DeduplicationScope": "queue"})
    send("c", "3")  # the scope that it was made with counts
    assert [one["Body"] for one in queue.take(10, wait=0)] == ["c"]
    other = fifo(sandbox)
    other.client.set_queue_attributes(QueueUrl=other.url, Attributes={"DeduplicationScope": "messageGroup"})
    assert len({other.send(group, MessageGroupId=group, MessageDeduplicationId="same")["MessageId"] for group in "12"}) == 1


def test_a_batch_without_ids_is_refused_as_a_whole(sandbox):
    queue = fifo(sandbox)
    one = {"Id": "1", "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    batch = lambda **other: refused(queue.client.send_message_batch, QueueUrl=queue.url, Entries=[one, {"Id": "2", "MessageBody": "b", **other}])  # noqa: E731
    assert batch(MessageGroupId="g") == ("InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly", 400)
    assert batch(MessageDeduplicationId="d2") == ("InvalidParameterValue", "The request must contain the parameter MessageGroupId.", 400)
    assert counts(queue) == [0, 0, 0]


def test_sequence_numbers_have_twenty_digits(sandbox):
    queue = fifo(sandbox, ContentBasedDeduplication="true")
    first, second = (queue.send(body, MessageGroupId="g")["SequenceNumber"] for body in "ab")
    assert len(first) == 20 and first < second and "000000000000" not in first  # no account can be read into it


# ---- messages ----


def test_an_older_receipt_still_hides(sandbox):
    """Of a standard queue."""
    queue = Queue(sandbox)
    queue.send("a")
    (old,) = queue.take(wait=0, VisibilityTimeout=0)
    assert len(queue.take(wait=0, VisibilityTimeout=43200)) == 1 and not queue.take(wait=0)
    queue.client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=old["ReceiptHandle"], VisibilityTimeout=0)
    assert len(queue.take(wait=0)) == 1


def test_an_older_receipt_still_deletes(sandbox):
    queue = Queue(sandbox)
    queue.send("a")
    (old,) = queue.take(wait=0, VisibilityTimeout=0)
    assert len(queue.take(wait=0, VisibilityTimeout=0)) == 1
    queue.delete(old)
    assert counts(queue) == [0, 0, 0]


def test_a_header_traces(sandbox):
    queue, trace = Queue(sandbox), "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    client = sandbox.new_client("sqs", "us-east-1", None, None)
    client.meta.events.register("before-send.sqs.SendMessage", lambda request, **_: request.headers.__setitem__("X-Amzn-Trace-Id", trace))
    client.send_message(QueueUrl=queue.url, MessageBody="a")
    own = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    client.send_message(QueueUrl=queue.url, MessageBody="b", MessageSystemAttributes=own)
    assert [one["Attributes"]["AWSTraceHeader"] for one in queue.take(10, wait=0, MessageSystemAttributeNames=["AWSTraceHeader"])] == [trace, own["AWSTraceHeader"]["StringValue"]]


def test_refusals(sandbox):
    queue = Queue(sandbox, MaximumMessageSize="1024")
    client, name = queue.client, queue.name
    many = {"kind": {"DataType": "Number." + "L" * 256, "StringValue": "1"}}
    assert refused(client.send_message, QueueUrl=queue.url, MessageBody="a", MessageAttributes=many)[0] == "InvalidParameterValue"
    for number in "1", "-2.5", "1e100", "230.000000000000000001":
        client.send_message(QueueUrl=queue.url, MessageBody="a", MessageAttributes={"Age": {"DataType": "Number.int", "StringValue": number}})
    assert refused(client.send_message, QueueUrl=queue.url, MessageBody="a", MessageAttributes={"Age": {"DataType": "Number", "StringValue": "Hello"}})[:2] == (
        "InvalidParameterValue", "Can't cast the value of message (user) attribute 'Age' to a number.")
    (failed,) = client.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": "1", "MessageBody": "a" * 1025}])["Failed"]
    assert failed == {"Id": "1", "SenderFault": True, "Code": "InvalidParameterValue", "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."}
    assert refused(client.create_queue, QueueName=name, Attributes={"DelaySeconds": "9"})[:2] == ("QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute DelaySeconds")
    status, text = asked(sandbox, "CreateQueue", **{"QueueName": name, "Attribute.1.Name": "MaximumMessageSize", "Attribute.1.Value": "2048"})
    assert status == 400 and "<Message>A queue already exists with the same name and a different value for attribute MaximumMessageSize</Message>" in text
    assert refused(client.get_queue_attributes, QueueUrl=queue.url, AttributeNames=["Foobar"])[:2] == ("InvalidAttributeName", "Unknown Attribute Foobar.")
    client.purge_queue(QueueUrl=queue.url)
    assert refused(client.purge_queue, QueueUrl=queue.url) == ("AWS.SimpleQueueService.PurgeQueueInProgress", f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.", 403)


# ---- URLs ----


def test_queues_of_regions_are_told_apart_by_the_signature(sandbox):
    """A URL is of an account and a name, as Terraform's provider requires; the region is in the signature."""
    name, regions = f"q-{uuid.uuid4().hex[:8]}", ("us-east-1", "eu-central-1")
    clients = [sandbox.client("sqs", region) for region in regions]
    urls = [client.create_queue(QueueName=name)["QueueUrl"] for client in clients]
    assert urls == [f"{sandbox.url}/000000000000/{name}"] * 2
    assert [client.get_queue_url(QueueName=name)["QueueUrl"] for client in clients] == urls
    clients[1].send_message(QueueUrl=urls[1], MessageBody="a")
    assert "Messages" not in clients[0].receive_message(QueueUrl=urls[0]) and clients[1].receive_message(QueueUrl=urls[1])["Messages"]
    clients[1].delete_queue(QueueUrl=urls[1])
    assert code(clients[1].get_queue_url, QueueName=name) == "AWS.SimpleQueueService.NonExistentQueue"
    assert clients[0].get_queue_url(QueueName=name)["QueueUrl"] == urls[0]


def test_a_form_that_goes_to_the_queue(sandbox):
    """What the control plane answers finds the queue by its URL, too."""
    client, url = bare(sandbox, VisibilityTimeout="40")
    _, other = bare(sandbox)
    status, text = asked(sandbox, "GetQueueAttributes", url, **{"AttributeName.1": "VisibilityTimeout"})
    assert status == 200 and re.findall("<Attribute><Name>(.*?)</Name><Value>(.*?)</Value></Attribute>", text) == [("VisibilityTimeout", "40")]
    assert f"<QueueUrl>{other}</QueueUrl>" in asked(sandbox, "GetQueueUrl", url, QueueName=other.split("/")[-1])[1]
    status, text = asked(sandbox, "GetQueueAttributes", url, **{"AttributeName.1": "Foobar"})
    assert status == 400 and "<Code>InvalidAttributeName</Code><Message>Unknown Attribute Foobar.</Message>" in text
    assert asked(sandbox, "DeleteQueue", url)[0] == 200
    assert code(client.get_queue_attributes, QueueUrl=url) == "AWS.SimpleQueueService.NonExistentQueue"
