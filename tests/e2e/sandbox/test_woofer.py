"""
The sample of AWS's guide to DynamoDB Streams ("DynamoDB Streams and AWS Lambda triggers"), behind a FIFO queue as in its guide to Lambda with SQS: barks of Woofer's users
come through a queue into BarkTable, whose stream has publishNewBark tell wooferTopic. Driven by boto3 alone; what has to be seen is what the guides say.
"""

import json

import pytest
from support import until
from test_dynamodb import items_sandbox, needs_engine  # noqa: F401
from test_firing import Queue
from test_run_lambda import Function

TABLE = {
    "TableName": "BarkTable", "BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    "AttributeDefinitions": [{"AttributeName": "Username", "AttributeType": "S"}, {"AttributeName": "Timestamp", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "Username", "KeyType": "HASH"}, {"AttributeName": "Timestamp", "KeyType": "RANGE"}],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}

# Whoever barks nothing is not understood, and what the group has behind it waits.
TAKE_BARK = """
import boto3, json
def handler(event, context):
    for record in event["Records"]:
        bark = json.loads(record["body"])
        if not bark["Message"] and int(record["attributes"]["ApproximateReceiveCount"]) < 3:
            raise ValueError("a bark without a word")
        boto3.client("dynamodb").put_item(TableName="BarkTable", Item={name: {"S": text or "(silence)"} for name, text in bark.items()})
"""

PUBLISH_NEW_BARK = """
import boto3, os
def handler(event, context):
    for record in event["Records"]:
        if record["eventName"] == "INSERT":
            bark = {name: value["S"] for name, value in record["dynamodb"]["NewImage"].items()}
            boto3.client("sns").publish(
                TopicArn=os.environ["TOPIC"], Subject="A new bark from " + bark["Username"],
                Message="Woofer user " + bark["Username"] + " barked the following at " + bark["Timestamp"] + ":\\n\\n " + bark["Message"],
                MessageAttributes={"BarkType": {"DataType": "String", "StringValue": bark["BarkType"]}})
    return "Successfully processed %d records." % len(event["Records"])
"""


class Woofer:
    def __init__(self, sandbox):
        self.sandbox, self.table, self.sns, functions = sandbox, sandbox.client("dynamodb"), sandbox.client("sns"), sandbox.client("lambda")
        self.stream = self.table.create_table(**TABLE)["TableDescription"]["LatestStreamArn"]
        until(lambda: self.table.describe_table(TableName="BarkTable")["Table"]["TableStatus"] == "ACTIVE")
        self.topic = self.sns.create_topic(Name="wooferTopic")["TopicArn"]
        self.inbox, self.loud = Queue(sandbox, "inbox"), Queue(sandbox, "loud")
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.inbox.arn)
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.loud.arn, Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"BarkType": ["Howl"]})})
        self.queue = Queue(sandbox, "barks.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="1")
        take = Function(sandbox, main_dot_py=TAKE_BARK, Timeout=1)
        publish = Function(sandbox, main_dot_py=PUBLISH_NEW_BARK, Environment={"Variables": {"TOPIC": self.topic}})
        self.sources = [functions.create_event_source_mapping(FunctionName=take.name, EventSourceArn=self.queue.arn, BatchSize=1)["UUID"],
                        functions.create_event_source_mapping(FunctionName=publish.name, EventSourceArn=self.stream, StartingPosition="TRIM_HORIZON", BatchSize=5)["UUID"]]

    def bark(self, user, at, message, kind="Text"):
        text = json.dumps({"Username": user, "Timestamp": f"2016-11-18:14:32:{at:02}", "Message": message, "BarkType": kind})
        return self.queue.send(text, MessageGroupId=user.replace(" ", "."))

    def heard(self, n):
        """The next n notifications, by user."""
        by_user = {}
        for body in self.inbox.bodies(n):
            note = json.loads(body)
            by_user.setdefault(note["Subject"].removeprefix("A new bark from "), []).append(note["Message"])
        return by_user

    def take_down(self):
        functions = self.sandbox.client("lambda")
        for source in self.sources:
            functions.delete_event_source_mapping(UUID=source)
        self.table.delete_table(TableName="BarkTable")
        self.sns.delete_topic(TopicArn=self.topic)


def said(user, at, message):
    return f"Woofer user {user} barked the following at 2016-11-18:14:32:{at:02}:\n\n {message}"


@pytest.mark.full
@needs_engine
def test_woofer(items_sandbox):  # noqa: F811
    woofer = Woofer(items_sandbox)
    woofer.bark("Jane Doe", 17, "Testing...1...2...3")
    assert woofer.heard(1) == {"Jane Doe": [said("Jane Doe", 17, "Testing...1...2...3")]}

    # Twice the same within five minutes is once; each user's barks come in their order, whatever else there is.
    assert woofer.bark("Jane Doe", 18, "again")["SequenceNumber"] == woofer.bark("Jane Doe", 18, "again")["SequenceNumber"]
    for at in range(20, 25):
        woofer.bark("Rex", at, f"bark {at}", "Howl" if at == 22 else "Text")
        woofer.bark("Jane Doe", at, f"word {at}")
    assert woofer.heard(11) == {"Jane Doe": [said("Jane Doe", 18, "again"), *(said("Jane Doe", at, f"word {at}") for at in range(20, 25))],
                                "Rex": [said("Rex", at, f"bark {at}") for at in range(20, 25)]}
    assert woofer.loud.bodies(1) == [said("Rex", 22, "bark 22")]

    # One that is not understood holds its group back until it is, and no other group.
    woofer.bark("Fido", 30, "")
    woofer.bark("Fido", 31, "after")
    woofer.bark("Rex", 32, "meanwhile")
    assert woofer.heard(3) == {"Rex": [said("Rex", 32, "meanwhile")], "Fido": [said("Fido", 30, "(silence)"), said("Fido", 31, "after")]}

    # What is changed is no new bark; the table has all of them by user, in order.
    woofer.table.update_item(TableName="BarkTable", Key={"Username": {"S": "Rex"}, "Timestamp": {"S": "2016-11-18:14:32:20"}}, UpdateExpression="SET BarkType = :k", ExpressionAttributeValues={":k": {"S": "Howl"}})
    woofer.bark("Rex", 40, "last")
    assert woofer.heard(1) == {"Rex": [said("Rex", 40, "last")]}
    items = woofer.table.query(TableName="BarkTable", KeyConditionExpression="Username = :u", ExpressionAttributeValues={":u": {"S": "Rex"}})["Items"]
    assert [item["Timestamp"]["S"][-2:] for item in items] == ["20", "21", "22", "23", "24", "32", "40"] and items[0]["BarkType"] == {"S": "Howl"}

    woofer.take_down()
    assert not woofer.inbox.take(wait=0) and not woofer.loud.take(wait=0) and not woofer.queue.take(wait=0)
    with pytest.raises(woofer.table.exceptions.ResourceNotFoundException):
        until(lambda: woofer.table.describe_table(TableName="BarkTable") and False)
