"""Topics beyond Publish: batches, texts by protocol, order, policies over the message itself; on moto too where it does the same."""

import base64
import json
import uuid
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from servers import code
from support import PATIENCE_S, cpu_of, until
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


def test_a_topic_of_an_earlier_ones_name_was_sent_nothing(sandbox):
    sns, name = sandbox.client("sns"), f"t-{uuid.uuid4().hex[:8]}.fifo"
    for _ in range(2):
        topic = sns.create_topic(Name=name, Attributes={"FifoTopic": "true"})["TopicArn"]
        queue = Queue(sandbox, f"q-{uuid.uuid4().hex[:8]}.fifo", FifoQueue="true")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(queue))
        sent = [sns.publish(TopicArn=topic, Message="m", MessageGroupId="g", MessageDeduplicationId="d") for _ in range(2)]
        assert len({(one["MessageId"], one["SequenceNumber"]) for one in sent}) == 1
        assert messages(queue) == ["m"]
        sns.delete_topic(TopicArn=topic)


def test_what_cannot_be_delivered_goes_to_dead_letters(sandbox):
    topic, letters = Topic(sandbox), Queue(sandbox)
    gone = Queue(sandbox)
    topic.subscribe(gone, RedrivePolicy=json.dumps({"deadLetterTargetArn": letters.arn}))
    gone.client.delete_queue(QueueUrl=gone.url)
    topic.sns.publish(TopicArn=topic.arn, Message="lost")
    assert messages(letters) == ["lost"]


def test_what_is_delivered_is_signed(sandbox):
    """As a client verifies it: by the certificate at the message's URL, which needs no signature."""
    for version, digest in (("1", hashes.SHA1()), ("2", hashes.SHA256())):
        topic, queue = Topic(sandbox, SignatureVersion=version), Queue(sandbox)
        topic.subscribe(queue)
        topic.sns.publish(TopicArn=topic.arn, Subject="news", Message="ünïcode")
        note = json.loads(queue.take(1, wait=5)[0]["Body"])
        assert note["SignatureVersion"] == version and f"?Action=Unsubscribe&SubscriptionArn={topic.arn}:" in note["UnsubscribeURL"]
        with urlopen(note["SigningCertURL"]) as answer:
            certificate = x509.load_pem_x509_certificate(answer.read())
        text = "".join(f"{name}\n{note[name]}\n" for name in ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"))
        certificate.public_key().verify(base64.b64decode(note["Signature"]), text.encode(), padding.PKCS1v15(), digest)
        with pytest.raises(HTTPError):
            urlopen(note["SigningCertURL"].replace(".pem", "x.pem"))


def test_permissions_are_statements_of_the_policy(sandbox):
    topic = Topic(sandbox)
    before = json.loads(topic.sns.get_topic_attributes(TopicArn=topic.arn)["Attributes"]["Policy"])["Statement"]
    topic.sns.add_permission(TopicArn=topic.arn, Label="other", AWSAccountId=["123456789012"], ActionName=["Publish"])
    after = json.loads(topic.sns.get_topic_attributes(TopicArn=topic.arn)["Attributes"]["Policy"])["Statement"]
    added = {"Sid": "other", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "SNS:Publish", "Resource": topic.arn}
    assert after == [*before, added]
    topic.sns.remove_permission(TopicArn=topic.arn, Label="other")
    assert json.loads(topic.sns.get_topic_attributes(TopicArn=topic.arn)["Attributes"]["Policy"])["Statement"] == before


def test_very_many_tags_are_each_looked_at_once(sandbox):
    """And not each beside each other, which takes half a minute."""
    sns = sandbox.client("sns", read_timeout=PATIENCE_S)
    arn = sns.create_topic(Name=f"t-{uuid.uuid4().hex[:8]}")["TopicArn"]
    refused, cpu_s = cpu_of(lambda: code(sns.tag_resource, ResourceArn=arn, Tags=[{"Key": f"k{i}", "Value": "v"} for i in range(45_000)]), sandbox.process)
    assert refused == "InvalidParameter" and cpu_s < 10


def test_a_delivery_stream_subscribes(sandbox):
    """It is written to with the role of the subscription: a line for each message."""
    name, sns, s3, iam = "t-" + uuid.uuid4().hex[:8], sandbox.client("sns"), sandbox.client("s3"), sandbox.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["sns.amazonaws.com", "firehose.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    s3.create_bucket(Bucket=name)
    stream = sandbox.client("firehose").create_delivery_stream(DeliveryStreamName=name, S3DestinationConfiguration={"RoleARN": role, "BucketARN": f"arn:aws:s3:::{name}"})["DeliveryStreamARN"]
    topic = sns.create_topic(Name=name)["TopicArn"]
    with pytest.raises(ClientError, match="needs role"):
        sns.subscribe(TopicArn=topic, Protocol="firehose", Endpoint=stream)
    sns.subscribe(TopicArn=topic, Protocol="firehose", Endpoint=stream, Attributes={"SubscriptionRoleArn": role})
    sns.publish(TopicArn=topic, Message="denied")
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["firehose:*", "s3:*"], "Resource": "*"}]}))
    sns.publish(TopicArn=topic, Message="hello")
    (found,) = until(lambda: s3.list_objects_v2(Bucket=name).get("Contents"))
    text = s3.get_object(Bucket=name, Key=found["Key"])["Body"].read().decode()
    assert text.endswith("\n") and json.loads(text)["Message"] == "hello" and json.loads(text)["TopicArn"] == topic
