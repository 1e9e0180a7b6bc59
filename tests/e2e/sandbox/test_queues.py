"""Queues beyond sending and receiving: attributes, deduplication, counts, dead letters; on moto too where it does the same."""

import hashlib
import json
import struct
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from servers import code
from support import cpu_of, until
from test_firing import Queue, seconds_of


def fifo(server, **attributes):
    return Queue(server, f"q-{uuid.uuid4().hex[:8]}.fifo", FifoQueue="true", **attributes)


def arn_of(queue):
    return queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def counts(queue):
    got = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    return [int(got["ApproximateNumberOfMessages" + which]) for which in ("", "NotVisible", "Delayed")]


def md5_of(attributes):
    digest = hashlib.md5()
    for name, one in sorted(attributes.items()):
        binary = "BinaryValue" in one
        value = one["BinaryValue"] if binary else one["StringValue"].encode()
        for part in (name.encode(), one["DataType"].encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        digest.update((b"\2" if binary else b"\1") + struct.pack(">I", len(value)) + value)
    return digest.hexdigest()


def test_attributes_come_when_they_are_asked_for(anywhere):
    queue = Queue(anywhere, VisibilityTimeout="0")
    attributes = {"kind": {"DataType": "String", "StringValue": "néw"}, "n": {"DataType": "Number", "StringValue": "5"}, "raw": {"DataType": "Binary", "BinaryValue": b"\0\1"}}
    sent = queue.send("one", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == md5_of(attributes)
    bare = queue.take(wait=1)[0]
    assert "Attributes" not in bare and "MessageAttributes" not in bare
    some = queue.take(wait=1, MessageAttributeNames=["n"], AttributeNames=["SentTimestamp"])[0]
    assert set(some["Attributes"]) == {"SentTimestamp"}
    assert set(some["MessageAttributes"]) == {"n"}
    all_of_them = queue.take(wait=1, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])[0]
    assert all_of_them["MessageAttributes"] == attributes and all_of_them["MD5OfMessageAttributes"] == md5_of(attributes)
    assert {"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"} <= set(all_of_them["Attributes"])


def test_messages_are_counted(anywhere):
    queue = Queue(anywhere)
    for i in range(3):
        queue.send(str(i))
    queue.send("later", DelaySeconds=600)
    queue.take(wait=1)
    assert counts(queue) == [2, 1, 1]


def test_a_fifo_queue_takes_the_same_once(anywhere):
    queue = fifo(anywhere)
    first = queue.send("a", MessageGroupId="1", MessageDeduplicationId="x")
    again = queue.send("b", MessageGroupId="1", MessageDeduplicationId="x")
    assert again["MessageId"] == first["MessageId"] or anywhere.kind == "moto"  # which makes a new one up
    message = queue.take(10, wait=1, AttributeNames=["All"])
    assert [one["Body"] for one in message] == ["a"]
    assert message[0]["Attributes"]["MessageDeduplicationId"] == "x" and message[0]["Attributes"]["MessageGroupId"] == "1"
    queue.delete(message[0])
    queue.send("c", MessageGroupId="1", MessageDeduplicationId="x")  # also once it is gone
    assert not queue.take(wait=0) or anywhere.kind == "moto"
    assert code(queue.send, body="d", MessageGroupId="1") == "InvalidParameterValue"


def test_by_its_content(anywhere):
    queue = fifo(anywhere, ContentBasedDeduplication="true")
    for body in ("a", "b", "a"):
        queue.send(body, MessageGroupId="1")
    assert [one["Body"] for one in queue.take(10, wait=1)] == ["a", "b"]


def test_a_fifo_queue_numbers_its_messages(sandbox):
    queue = fifo(sandbox)
    numbers = [queue.send(str(i), MessageGroupId="1", MessageDeduplicationId=str(i))["SequenceNumber"] for i in range(3)]
    assert numbers == sorted(numbers) and len(set(numbers)) == 3 and all(len(number) == 20 for number in numbers)
    assert [one["Attributes"]["SequenceNumber"] for one in queue.take(10, wait=1, AttributeNames=["SequenceNumber"])] == numbers
    assert code(queue.send, body="x", MessageGroupId="1", MessageDeduplicationId="y", DelaySeconds=5) == "InvalidParameterValue"


def test_visibility_in_batches(anywhere):
    queue = Queue(anywhere)
    for i in range(3):
        queue.send(str(i))
    got = queue.take(10, wait=1)
    entries = [{"Id": str(i), "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": 0} for i, one in enumerate(got)]
    answer = queue.client.change_message_visibility_batch(QueueUrl=queue.url, Entries=[*entries, {"Id": "gone", "ReceiptHandle": "no such", "VisibilityTimeout": 0}])
    assert len(answer["Successful"]) == 3 and [one["Id"] for one in answer["Failed"]] == ["gone"]
    assert len(queue.take(10, wait=1)) == 3


def test_the_entries_of_a_batch_are_told_apart(anywhere):
    queue = Queue(anywhere)
    for ids, word in ((["a", "a"], "BatchEntryIdsNotDistinct"), (["a b"], "InvalidBatchEntryId"), ([], "EmptyBatchRequest")):
        assert word in code(queue.client.send_message_batch, QueueUrl=queue.url, Entries=[{"Id": one, "MessageBody": "x"} for one in ids])


def test_who_waits_for_dead_letters_hears_of_them(sandbox):
    """The letter comes to a receiver that was there before it."""
    letters = Queue(sandbox)
    queue = Queue(sandbox, RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 1}), VisibilityTimeout="0")

    def hear():
        with ThreadPoolExecutor(1) as receiver:
            waiting = receiver.submit(lambda: until(lambda: letters.take(wait=20, AttributeNames=["All"])))
            queue.send("poison")
            assert queue.take(wait=1)
            assert not queue.take(wait=0)
            (got,) = waiting.result()
        letters.delete(got)
        assert got["Body"] == "poison" and got["Attributes"]["DeadLetterQueueSourceArn"] == queue.arn
    assert any(seconds_of(hear) < 15 for _ in range(3))  # a busy machine may stand still


def buried(sandbox, letters, *bodies):
    """A queue whose messages went to the dead."""
    queue = Queue(sandbox, RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn, "maxReceiveCount": 1}), VisibilityTimeout="0")
    for body in bodies:
        queue.send(body)
    until(lambda: queue.take(10, wait=0) or counts(letters)[0] >= len(bodies) or None)
    assert not queue.take(10, wait=0)
    return queue


def test_who_waits_gets_what_the_queue_has_become(sandbox):
    """Its visibility timeout was another when the wait began."""
    queue = Queue(sandbox, VisibilityTimeout="43200")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(queue.take, 1, 20)
        until(lambda: counts(queue) == [0, 0, 0])  # asked after it
        queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "0"})
        queue.send("one")
        assert [message["Body"] for message in waiting.result()] == ["one"]
    assert [message["Body"] for message in queue.take(1, 0)] == ["one"]


def test_dead_letters_go_back(sandbox):
    letters, client = Queue(sandbox), sandbox.client("sqs")
    queues = [buried(sandbox, letters, "a", "b"), buried(sandbox, letters, "c")]
    assert sorted(client.list_dead_letter_source_queues(QueueUrl=letters.url)["queueUrls"]) == sorted(queue.url for queue in queues)
    assert counts(letters)[0] == 3
    assert client.start_message_move_task(SourceArn=letters.arn)["TaskHandle"]
    (task,) = client.list_message_move_tasks(SourceArn=letters.arn)["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == ("COMPLETED", 3, 3)
    assert counts(letters) == [0, 0, 0]
    back = [queue.take(10, wait=0, AttributeNames=["All"]) for queue in queues]
    assert [[one["Body"] for one in got] for got in back] == [["a", "b"], ["c"]]
    assert {one["Attributes"]["ApproximateReceiveCount"] for got in back for one in got} == {"1"} and "DeadLetterQueueSourceArn" not in back[0][0]["Attributes"]


def test_dead_letters_go_elsewhere_or_stay(sandbox):
    letters, other, client = Queue(sandbox), Queue(sandbox), sandbox.client("sqs")
    assert code(client.start_message_move_task, SourceArn=letters.arn) == "InvalidParameterValue"  # of no queue
    queue = buried(sandbox, letters, "a")
    letters.send("by hand")
    assert code(client.start_message_move_task, SourceArn=letters.arn + "x") == code(client.start_message_move_task, SourceArn=letters.arn, DestinationArn=other.arn + "x") == "ResourceNotFoundException"
    client.start_message_move_task(SourceArn=letters.arn)
    (task,) = client.list_message_move_tasks(SourceArn=letters.arn)["Results"]
    assert (task["Status"], task["FailureReason"], task["ApproximateNumberOfMessagesMoved"]) == ("FAILED", "CouldNotDetermineMessageSource", 1)
    assert queue.take(wait=0)[0]["Body"] == "a" and counts(letters)[0] == 1
    handle = client.start_message_move_task(SourceArn=letters.arn, DestinationArn=other.arn, MaxNumberOfMessagesPerSecond=5)["TaskHandle"]
    assert other.take(wait=0)[0]["Body"] == "by hand"
    tasks = client.list_message_move_tasks(SourceArn=letters.arn, MaxResults=10)["Results"]
    assert [(one["Status"], one.get("DestinationArn"), one.get("MaxNumberOfMessagesPerSecond")) for one in tasks] == [("COMPLETED", other.arn, 5), ("FAILED", None, None)]
    assert code(client.cancel_message_move_task, TaskHandle=handle) == "ResourceNotFoundException"


def test_a_move_ends_though_messages_come_meanwhile(sandbox):
    letters, client = Queue(sandbox), sandbox.client("sqs")
    buried(sandbox, letters, "a", "b")
    move = lambda: client.list_message_move_tasks(SourceArn=letters.arn)["Results"][0]  # noqa: E731
    client.start_message_move_task(SourceArn=letters.arn, DestinationArn=letters.arn, MaxNumberOfMessagesPerSecond=50)
    task = until(lambda: (now := move())["Status"] != "RUNNING" and now)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 2) and counts(letters)[0] == 2


def test_without_its_dead_letter_queue_a_message_stays(sandbox):
    dead = Queue(sandbox)
    queue = Queue(sandbox, RedrivePolicy=json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:{dead.name}", "maxReceiveCount": 1}), VisibilityTimeout="0")
    dead.client.delete_queue(QueueUrl=dead.url)
    queue.send("poison")
    assert [queue.take(wait=1)[0]["Body"] for _ in range(3)] == ["poison"] * 3


def test_a_queue_that_was_made_again_is_empty(sandbox):
    queue = Queue(sandbox)
    queue.send("old")
    queue.client.delete_queue(QueueUrl=queue.url)
    again = Queue(sandbox, queue.name)
    assert not again.take(wait=0)
    again.send("new")
    assert again.take(wait=0)[0]["Body"] == "new"


def test_many_messages_of_a_fifo_queue_are_taken_in_time(sandbox):
    """Each receive looks at every message once, not at every earlier one for each."""
    queue = fifo(sandbox)
    for batch in range(200):
        queue.client.send_message_batch(QueueUrl=queue.url, Entries=[
            {"Id": str(i), "MessageBody": "x", "MessageGroupId": "one", "MessageDeduplicationId": f"{batch}-{i}"} for i in range(10)])
    queue.take(wait=1)

    def look():
        for _ in range(20):
            assert not queue.take(wait=0)
    assert cpu_of(look, sandbox.process)[1] < 3


@pytest.mark.parametrize("body", ["", "x" * 2000])
def test_what_does_not_fit_is_refused(sandbox, body):
    queue = Queue(sandbox, MaximumMessageSize="1024")
    assert code(queue.send, body=body) in ("MissingParameter", "InvalidParameterValue")
