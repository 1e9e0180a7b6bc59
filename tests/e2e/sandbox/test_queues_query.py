"""SQS for older SDKs, which send forms and read XML; and its error codes, which newer ones find in a header."""

import re
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from test_queues import fifo


def asked(server, action, url=None, **members):
    """(status, text) of a form, signed as any request is."""
    body = urllib.parse.urlencode({"Action": action, "Version": "2012-11-05", **members})
    request = AWSRequest("POST", url or server.url + "/", data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    SigV4Auth(Credentials(server.access, server.secret), "sqs", "us-east-1").add_auth(request)
    try:
        answer = urllib.request.urlopen(urllib.request.Request(request.url, request.body, dict(request.headers)))
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.read().decode()


def test_a_message_goes_through_a_queue(sandbox):
    name = f"q-{uuid.uuid4().hex[:8]}"
    status, text = asked(sandbox, "CreateQueue", **{"QueueName": name, "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "40", "Tag.1.Key": "team", "Tag.1.Value": "film"})
    assert status == 200 and '<CreateQueueResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><CreateQueueResult><QueueUrl>' in text
    url = re.search("<QueueUrl>(.*?)</QueueUrl>", text)[1]
    queue = sandbox.client("sqs")
    assert queue.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"] == {"VisibilityTimeout": "40"}
    assert queue.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "film"}
    sent = {"MessageAttribute.1.Name": "kind", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "a&b"}
    assert "<MD5OfMessageAttributes>" in asked(sandbox, "SendMessage", url, MessageBody="<x>", **sent)[1]  # the queue is that of the address
    status, text = asked(sandbox, "ReceiveMessage", QueueUrl=url, **{"MessageAttributeName.1": "All", "AttributeName.1": "All"})
    assert "<Message>" in text and "<MessageId>" in text and "<Body>&lt;x&gt;</Body>" in text and "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>" in text
    assert re.search("<MessageAttribute><Name>kind</Name><Value><DataType>String</DataType><StringValue>a&amp;b</StringValue></Value></MessageAttribute>", text)
    receipt = re.search("<ReceiptHandle>(.*?)</ReceiptHandle>", text)[1]
    entries = {"DeleteMessageBatchRequestEntry.1.Id": "a", "DeleteMessageBatchRequestEntry.1.ReceiptHandle": receipt, "DeleteMessageBatchRequestEntry.2.Id": "b", "DeleteMessageBatchRequestEntry.2.ReceiptHandle": "no"}
    status, text = asked(sandbox, "DeleteMessageBatch", QueueUrl=url, **entries)
    assert "<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry>" in text and "<Id>b</Id>" in text and "<Code>ReceiptHandleIsInvalid</Code>" in text
    assert f"<QueueUrl>{url}</QueueUrl>" in asked(sandbox, "ListQueues", QueueNamePrefix=name)[1]


@pytest.mark.parametrize("action, members, status, said", [
    ("GetQueueUrl", {"QueueName": "nobody"}, 400, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist for this wsdl version.</Message><Detail/>"),
    ("FooBar", {}, 400, "<Type>Sender</Type><Code>InvalidAction</Code><Message>The action FooBar is not valid for this endpoint.</Message>"),
])
def test_refusals(sandbox, action, members, status, said):
    got = asked(sandbox, action, **members)
    assert got[0] == status and said in got[1]


def test_error_codes_of_both_protocols(sandbox):
    with pytest.raises(ClientError) as error:
        sandbox.client("sqs").get_queue_url(QueueName="nobody")
    assert {k: error.value.response["Error"][k] for k in ("Code", "QueryErrorCode", "Type")} == {"Code": "AWS.SimpleQueueService.NonExistentQueue", "QueryErrorCode": "QueueDoesNotExist", "Type": "Sender"}
    with pytest.raises(ClientError) as error:
        sandbox.client("sqs").create_queue(QueueName="q", Attributes={"ContentBasedDeduplication": "true"})
    assert error.value.response["Error"]["Code"] == "InvalidAttributeName" and error.value.response["Error"]["Message"] == "Unknown Attribute ContentBasedDeduplication."


def test_groups_take_turns(sandbox):
    queue = fifo(sandbox, ContentBasedDeduplication="True")
    for body in ("1a", "2a", "2b", "3a", "1b"):
        queue.client.send_message(QueueUrl=queue.url, MessageBody=body, MessageGroupId=body[0])
    taken = lambda most: [m["Body"] for m in queue.client.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=most, VisibilityTimeout=0)["Messages"]]  # noqa: E731
    assert taken(3) == ["1a", "1b", "2a"]
    assert taken(10) == ["3a", "1a", "1b", "2a", "2b"]
    attributes = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])["Attributes"]
    assert (attributes["DeduplicationScope"], attributes["FifoThroughputLimit"], attributes["FifoQueue"]) == ("queue", "perQueue", "true")
