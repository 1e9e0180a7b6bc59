"""Topics beyond Publish: batches, texts by protocol, order, policies over the message itself; on moto too where it does the same."""

import json
import uuid

from servers import code
from test_firing import Queue
from test_queues import arn_of


class Topic:
    def __init__(self, server, suffix="", **attributes):
        self.sns = server.client("sns")
        self.arn = self.sns.create_topic(Name="t-" + uuid.uuid4().hex[:8] + suffix, Attributes=attributes)["TopicArn"]

    def subscribe(self, queue, **attributes):
        made = self.sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn_of(queue), ReturnSubscriptionArn=True)["SubscriptionArn"]
        for name, value in attributes.items():
            self.sns.set_subscription_attributes(SubscriptionArn=made, AttributeName=name, AttributeValue=value)
        return queue


def messages(queue, n=10):
    return [json.loads(one["Body"])["Message"] for one in queue.take(n, wait=1)]


def test_several_at_once(anywhere):
    topic, queue = Topic(anywhere), Queue(anywhere)
    topic.subscribe(queue)
    answer = topic.sns.publish_batch(TopicArn=topic.arn, PublishBatchRequestEntries=[{"Id": str(i), "Message": f"m{i}"} for i in range(3)])
    assert [one["Id"] for one in answer["Successful"]] == ["0", "1", "2"] and not answer["Failed"]
    assert messages(queue) == ["m0", "m1", "m2"]
    wrong = {"BatchEntryIdsNotDistinct": ["a", "a"], "InvalidBatchEntryId": ["a b"], "TooManyEntriesInBatchRequest": [str(i) for i in range(11)]}
    if anywhere.kind == "moto":
        del wrong["InvalidBatchEntryId"]  # it takes any text
    for word, ids in wrong.items():
        assert code(topic.sns.publish_batch, TopicArn=topic.arn, PublishBatchRequestEntries=[{"Id": one, "Message": "x"} for one in ids]) == word
    assert not queue.take(10, wait=0)


def test_a_text_for_each_protocol(anywhere):
    topic, queue = Topic(anywhere), Queue(anywhere)
    topic.subscribe(queue)
    topic.sns.publish(TopicArn=topic.arn, MessageStructure="json", Message=json.dumps({"default": "all", "sqs": "queues", "email": "people"}))
    topic.sns.publish(TopicArn=topic.arn, MessageStructure="json", Message=json.dumps({"default": "all"}))
    assert messages(queue) == ["queues", "all"]
    assert code(topic.sns.publish, TopicArn=topic.arn, MessageStructure="json", Message="{}") == "InvalidParameter"


def test_a_policy_over_the_message(anywhere):
    topic, queue = Topic(anywhere), Queue(anywhere)
    topic.subscribe(queue, FilterPolicyScope="MessageBody", FilterPolicy=json.dumps({"order": {"total": [{"numeric": [">", 100]}]}}))
    for text in ('{"order": {"total": 101}}', '{"order": {"total": 99}}', "no JSON"):
        topic.sns.publish(TopicArn=topic.arn, Message=text)
    assert messages(queue) == ['{"order": {"total": 101}}']


def test_raw_messages_keep_their_attributes(anywhere):
    topic, queue = Topic(anywhere), Queue(anywhere)
    topic.subscribe(queue, RawMessageDelivery="true")
    topic.sns.publish(TopicArn=topic.arn, Message="raw", MessageAttributes={"kind": {"DataType": "String", "StringValue": "new"}})
    (message,) = queue.take(wait=1, MessageAttributeNames=["All"])
    assert message["Body"] == "raw" and message["MessageAttributes"]["kind"]["StringValue"] == "new"


def test_a_fifo_topic_keeps_the_order(anywhere):
    topic = Topic(anywhere, ".fifo", FifoTopic="true", ContentBasedDeduplication="false")
    queue = Queue(anywhere, f"q-{uuid.uuid4().hex[:8]}.fifo", FifoQueue="true")
    topic.subscribe(queue)
    for text, once in (("a", "1"), ("b", "2"), ("c", "2")):
        topic.sns.publish(TopicArn=topic.arn, Message=text, MessageGroupId="one", MessageDeduplicationId=once)
    assert messages(queue)[:2] == ["a", "b"]
    assert code(topic.sns.publish, TopicArn=topic.arn, Message="d") == ("MissingParameter" if anywhere.kind == "moto" else "InvalidParameter")


def test_what_cannot_be_delivered_goes_to_dead_letters(sandbox):
    topic, letters = Topic(sandbox), Queue(sandbox)
    gone = Queue(sandbox)
    topic.subscribe(gone, RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn}))
    gone.client.delete_queue(QueueUrl=gone.url)
    topic.sns.publish(TopicArn=topic.arn, Message="lost")
    assert messages(letters) == ["lost"]
