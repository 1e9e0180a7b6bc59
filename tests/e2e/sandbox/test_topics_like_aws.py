"""What AWS answered of topics where the sandbox once answered otherwise: filters, pages, regions, dead letters of functions, refusals."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from servers import code
from test_firing import Queue
from test_queues import arn_of
from test_topics import Topic, messages


def refused(call, **members):
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def filtered(topic, policy, **more):
    return refused(topic.sns.subscribe, TopicArn=topic.arn, Protocol="sms", Endpoint="+123123123", Attributes={"FilterPolicy": policy, **more})


def test_a_policy_that_is_unset_takes_all_again(sandbox):
    topic, queue = Topic(sandbox), Queue(sandbox)
    topic.subscribe(queue, FilterPolicy=json.dumps({"kind": [None, {"anything-but": "whatever"}]}))
    topic.sns.publish(TopicArn=topic.arn, Message="a")  # nothing is no null
    (subscription,) = topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn)["Subscriptions"]
    topic.sns.set_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"], AttributeName="FilterPolicy", AttributeValue="")
    assert not {"FilterPolicy", "FilterPolicyScope"} & set(topic.sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"])
    topic.sns.publish(TopicArn=topic.arn, Message="b")
    assert messages(queue) == ["b"]


def test_a_policy_looks_into_lists_of_lists(sandbox):
    topic, queue = Topic(sandbox), Queue(sandbox)
    topic.subscribe(queue, FilterPolicyScope="MessageBody", FilterPolicy=json.dumps({"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}}}))
    for key in ("home-1", "auto-2"):
        topic.sns.publish(TopicArn=topic.arn, Message=json.dumps({"Records": [{"s3": {"object": [[{"key": key}]]}}]}))
    assert [json.loads(one)["Records"][0]["s3"]["object"][0][0]["key"] for one in messages(queue)] == ["auto-2"]


def test_alternatives_of_a_policy_add_up(sandbox):
    """150 combinations, and 152."""
    topic = Topic(sandbox)
    policy = lambda sources, metrics, ids, spaces: json.dumps({"source": list("abcd")[:sources], "$or": [{"metricName": list("abcdef")[:metrics]}, {  # noqa: E731
        "metricType": list("abcd"), "$or": [{"metricId": list(range(ids))}, {"spaceId": list(range(spaces))}]}]})
    assert filtered(topic, policy(4, 6, 4, 4)) == ("InvalidParameter", "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex")
    assert topic.sns.subscribe(TopicArn=topic.arn, Protocol="sms", Endpoint="+123123123", Attributes={"FilterPolicy": policy(3, 6, 4, 7)})["SubscriptionArn"]


def test_where_a_policy_is_wrong_is_said_in_its_own_order(sandbox):
    said = filtered(Topic(sandbox), '{"b": ["x y"],  "a": [ ]}')[1]
    assert said == 'Invalid parameter: Attributes Reason: FilterPolicy: Empty arrays are not allowed\n at [Source: (String)"{"b":["x y"],"a":[]}"; line: 1, column: 20]'


def test_a_hundred_are_a_page(sandbox):
    topic = Topic(sandbox)
    for number in range(101):
        topic.sns.subscribe(TopicArn=topic.arn, Protocol="sms", Endpoint=f"+12312312{number}")
    first = topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn)
    rest = topic.sns.list_subscriptions_by_topic(TopicArn=topic.arn, NextToken=first["NextToken"])
    assert (len(first["Subscriptions"]), len(rest["Subscriptions"]), "NextToken" in rest) == (100, 1, False)
    assert len({one["SubscriptionArn"] for one in first["Subscriptions"] + rest["Subscriptions"]}) == 101
    assert len(topic.sns.list_subscriptions()["Subscriptions"]) == 100


def test_topics_of_other_regions_are_refused(sandbox):
    topic, other = Topic(sandbox), sandbox.client("sns", "eu-central-1")
    for call in (other.delete_topic, other.list_subscriptions_by_topic, other.get_topic_attributes):
        assert refused(call, TopicArn=topic.arn) == ("InvalidParameter", "Invalid parameter: TopicArn")
    assert topic.sns.get_topic_attributes(TopicArn=topic.arn)["Attributes"]["TopicArn"] == topic.arn


def test_the_same_topic_again(sandbox):
    name, sns = f"t-{uuid.uuid4().hex[:8]}", sandbox.client("sns")
    arn = sns.create_topic(Name=name, Attributes={"DisplayName": "one"})["TopicArn"]
    assert sns.create_topic(Name=name, Attributes={"FifoTopic": "false"})["TopicArn"] == arn  # it is none
    assert refused(sns.create_topic, Name=name, Attributes={"DisplayName": "two"}) == ("InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes")


def test_a_type_with_nothing_behind_its_dot(sandbox):
    topic = Topic(sandbox)
    sent = lambda kind: dict(TopicArn=topic.arn, Message="a", MessageAttributes={"attr1": {"DataType": kind, "StringValue": "x"}})  # noqa: E731
    assert refused(topic.sns.publish, **sent("String.")) == ("ParameterValueInvalid", "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.")
    assert topic.sns.publish(**sent("String.own."))["MessageId"]


def test_an_app_is_looked_for_first(sandbox):
    call = sandbox.client("sns").set_platform_application_attributes
    assert refused(call, PlatformApplicationArn="invalid-arn", Attributes={}) == ("InvalidParameter", "Invalid parameter: PlatformApplicationArn Reason: An ARN must have at least 6 elements, not 1")
    assert code(call, PlatformApplicationArn="arn:aws:sns:us-east-1:000000000000:app/GCM/x", Attributes={}) == "ValidationError"


def test_a_header_traces_to_the_queue(sandbox):
    topic, queue, trace = Topic(sandbox), Queue(sandbox), "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    topic.subscribe(queue)
    client = sandbox.new_client("sns", "us-east-1", None, None)
    client.meta.events.register("before-send.sns.Publish", lambda request, **_: request.headers.__setitem__("X-Amzn-Trace-Id", trace))
    client.publish(TopicArn=topic.arn, Message="a")
    (got,) = queue.take(wait=5, AttributeNames=["AWSTraceHeader"])
    assert got["Attributes"]["AWSTraceHeader"] == trace


def test_a_dead_letter_of_a_function_is_the_notification(sandbox):
    topic, letters = Topic(sandbox), Queue(sandbox)
    nobody = f"arn:aws:lambda:us-east-1:000000000000:function:f-{uuid.uuid4().hex[:8]}"
    topic.sns.subscribe(TopicArn=topic.arn, Protocol="lambda", Endpoint=nobody, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn_of(letters)})})
    topic.sns.publish(TopicArn=topic.arn, Message="a", MessageAttributes={"attr1": {"DataType": "Number", "StringValue": "1"}})
    (got,) = letters.take(wait=5, MessageAttributeNames=["All"])
    note = json.loads(got["Body"])
    assert (note["Type"], note["Message"], note["MessageAttributes"]) == ("Notification", "a", {"attr1": {"Type": "Number", "Value": "1"}})
    assert "SigningCertURL" in note and "MessageAttributes" not in got
