"""Schedules and rules fire, events meet rules, topics and queues hand on; a day is over in less than a second here."""

import json
import os
import subprocess
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from servers import ROOT, Sandbox, code, open_to, role_of, take_env
from support import until
from test_stepfunctions import Machines

WEIR = Path(os.environ.get("WEIR", ROOT / "build" / "weir"))
ROLE = "arn:aws:iam::000000000000:role/schedules"
FAST = 200000


class Served(Sandbox):
    """`weir sandbox` itself: it alone lets schedules fire."""

    def __init__(self, folder=None, speed=FAST):
        self.words = ["--dir", str(folder)] if folder else ["--ephemeral"]
        self.words += ["--speed", str(speed)]
        self.start()

    def start(self):
        self.process = subprocess.Popen([WEIR, "sandbox", "--port", "0", *self.words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        take_env(self, self.process)

    def stop(self):
        self.process.terminate()
        said = self.process.communicate()[1]
        assert self.process.returncode == 0, said
        return said


@pytest.fixture(scope="module")
def served():
    server = Served()
    yield server
    server.stop()


class Queue:
    def __init__(self, server, name=None, **attributes):
        self.client = server.client("sqs")
        self.name = name or "q-" + uuid.uuid4().hex[:8]
        attributes.setdefault("Policy", open_to("sns", "s3", "events", action="sqs:SendMessage"))
        self.url = self.client.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:000000000000:{self.name}"

    def send(self, body, **more):
        return self.client.send_message(QueueUrl=self.url, MessageBody=body, **more)

    def take(self, n=1, wait=10, **more):
        return self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=n, WaitTimeSeconds=wait, **more).get("Messages", [])

    def delete(self, message):
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def bodies(self, n):
        """The next n messages."""
        got = []
        while len(got) < n:
            for message in until(lambda: self.take(10)):
                self.delete(message)
                got.append(message["Body"])
        return got


@pytest.fixture
def queue(sandbox):
    return Queue(sandbox)


def make_rule(server, targets, **more):
    events = server.client("events")
    name = "r-" + uuid.uuid4().hex[:8]
    events.put_rule(Name=name, **more)
    events.put_targets(Rule=name, Targets=[{"Id": f"t{i}", **target} for i, target in enumerate(targets)])
    return name


# ---- schedules ----

def test_a_rule_fires_at_its_rate(served):
    queue = Queue(served)
    name = make_rule(served, [{"Arn": queue.arn}], ScheduleExpression="rate(1 day)")
    first, second = (json.loads(body) for body in queue.bodies(2)[:2])
    assert first["source"] == "aws.events" and first["detail-type"] == "Scheduled Event" and first["detail"] == {}
    assert first["resources"] == [f"arn:aws:events:us-east-1:000000000000:rule/{name}"]
    apart = datetime.fromisoformat(second["time"]) - datetime.fromisoformat(first["time"])
    assert apart.total_seconds() % 86400 == 0 and apart.total_seconds() > 0
    events = served.client("events")
    events.put_rule(Name=name, ScheduleExpression="rate(1 day)", State="DISABLED")
    until(lambda: not queue.take(10, wait=2))  # it fires every half second


def test_a_schedule_starts_a_machine_at_its_hours_there(served):
    machines = Machines(served)
    machine = machines.make({"Type": "Pass"})
    scheduler = served.client("scheduler")
    scheduler.create_schedule(
        Name="nightly", ScheduleExpression="cron(30 2 ? * MON-FRI *)", ScheduleExpressionTimezone="Asia/Seoul", FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": machine, "RoleArn": role_of(served, "schedules"), "Input": '{"at": "<aws.scheduler.scheduled-time>", "n": 1}'})
    listed = until(lambda: (found := machines.client.list_executions(stateMachineArn=machine)["executions"])[3:] and found)
    scheduler.delete_schedule(Name="nightly")
    for one in listed:
        given = json.loads(machines.client.describe_execution(executionArn=one["executionArn"])["input"])
        at = datetime.fromisoformat(given["at"]).astimezone(timezone(timedelta(hours=9)))
        assert (at.hour, at.minute) == (2, 30) and at.weekday() < 5 and given["n"] == 1


def test_a_schedule_may_call_any_operation_once(served):
    glue, scheduler = served.client("glue"), served.client("scheduler")
    at = datetime.now(timezone.utc) + timedelta(days=2)
    scheduler.create_schedule(
        Name="once", ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})", ActionAfterCompletion="DELETE", FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:scheduler:::aws-sdk:glue:createDatabase", "RoleArn": role_of(served, "schedules"), "Input": '{"DatabaseInput": {"Name": "by_schedule"}}'})
    until(lambda: [one for one in glue.get_databases()["DatabaseList"] if one["Name"] == "by_schedule"])
    until(lambda: not scheduler.list_schedules()["Schedules"])


@pytest.mark.long
def test_start_and_end_dates_bound_a_schedule(served):
    queue, scheduler = Queue(served), served.client("scheduler")
    start = datetime.now(timezone.utc) + timedelta(days=2)
    scheduler.create_schedule(
        Name="bounded", ScheduleExpression="rate(1 day)", StartDate=start, EndDate=start + timedelta(days=2, hours=1), FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue.arn, "RoleArn": role_of(served, "schedules"), "Input": '"<aws.scheduler.scheduled-time>"'})
    bodies = queue.bodies(1)  # what was due while the machine stood still fires once
    while more := queue.take(10, wait=2):
        bodies += [one["Body"] for one in more]
    times = [datetime.fromisoformat(json.loads(body)) for body in bodies]
    scheduler.delete_schedule(Name="bounded")
    assert all(start.replace(microsecond=0) <= one <= start + timedelta(days=2, hours=1) for one in times) and len(times) <= 3


def test_what_cannot_be_started_goes_to_the_dead_letters(served):
    letters = Queue(served)
    name = make_rule(served, [{"Arn": "arn:aws:lambda:us-east-1:000000000000:function:none", "DeadLetterConfig": {"Arn": letters.arn}, "Input": '{"lost": true}'}],
                     ScheduleExpression="rate(1 day)")
    assert json.loads(letters.bodies(1)[0]) == {"lost": True}
    served.client("events").put_rule(Name=name, ScheduleExpression="rate(1 day)", State="DISABLED")


def test_schedules_fire_again_after_a_restart_and_only_in_weir_sandbox(tmp_path):
    server = Served(tmp_path / "data")
    letters = Queue(server, "kept")
    make_rule(server, [{"Arn": letters.arn}], ScheduleExpression="rate(2 hours)")
    assert letters.bodies(1)
    server.stop()
    quiet = Sandbox(tmp_path / "data")
    assert not Queue(quiet, "kept").take(wait=1)
    quiet.stop()
    server.start()
    again = server.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    assert until(lambda: server.client("sqs").receive_message(QueueUrl=again, WaitTimeSeconds=10).get("Messages"))
    server.stop()


def test_a_rate_without_a_beginning_begins_at_once():
    """The next time would be in a quarter of an hour. One-time schedules have no use for dates."""
    server = Served(speed=100)
    queue, scheduler = Queue(server), server.client("scheduler")
    target = {"Arn": queue.arn, "RoleArn": role_of(server, "schedules")}
    scheduler.create_schedule(Name="now", ScheduleExpression="rate(1 days)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target | {"Input": '"rate"'})
    soon = (datetime.now(timezone.utc) + timedelta(seconds=200)).strftime("at(%Y-%m-%dT%H:%M:%S)")
    scheduler.create_schedule(Name="once", ScheduleExpression=soon, StartDate=datetime.now(timezone.utc) + timedelta(days=1), FlexibleTimeWindow={"Mode": "OFF"},
                              Target=target | {"Input": '"once"'})
    make_rule(server, [{"Arn": queue.arn, "Input": '"rule"'}], ScheduleExpression="rate(1 day)")
    assert queue.bodies(2) == ['"rate"', '"once"']
    assert not queue.take(wait=0)
    server.stop()


def test_wrong_expressions_are_refused(sandbox):
    events, scheduler = sandbox.client("events"), sandbox.client("scheduler")
    for expression in ("cron(0 10 * * * *)", "rate(1 minutes)", "at(2030-01-01T00:00:00)", "daily"):
        assert code(events.put_rule, Name="wrong", ScheduleExpression=expression) == "ValidationException"
    arguments = {"Name": "wrong", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": ROLE}}
    assert code(scheduler.create_schedule, ScheduleExpression="cron(0 25 * * ? *)", **arguments) == "ValidationException"
    assert code(scheduler.create_schedule, ScheduleExpression="rate(1 day)", ScheduleExpressionTimezone="Mars/Olympus", **arguments) == "ValidationException"
    assert code(events.put_rule, Name="wrong", EventPattern='{"source": "a"}') == "InvalidEventPatternException"


# ---- events ----

def put(server, **entry):
    return server.client("events").put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": "{}", **entry}])


def test_events_meet_the_rules_that_are_for_them(sandbox, queue):
    other = Queue(sandbox)
    pattern = {"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}
    make_rule(sandbox, [{"Arn": queue.arn}], EventPattern=json.dumps(pattern))
    make_rule(sandbox, [{"Arn": other.arn}], EventPattern=json.dumps({"source": ["bank"]}))
    assert put(sandbox, Detail='{"total": 50}')["FailedEntryCount"] == 0
    answer = put(sandbox, Detail='{"total": 150}')
    event = json.loads(queue.bodies(1)[0])
    assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"]  # in AWS's order
    assert event["id"] == answer["Entries"][0]["EventId"] and event["detail"] == {"total": 150}
    assert event["detail-type"] == "order" and event["account"] == "000000000000" and event["region"] == "us-east-1"
    assert not queue.take(wait=0) and not other.take(wait=0)
    bad = put(sandbox, Detail="no JSON")
    assert bad["FailedEntryCount"] == 1 and bad["Entries"][0]["ErrorCode"] == "MalformedDetail"


def test_targets_get_what_they_ask_for(sandbox):
    queues = [Queue(sandbox) for _ in range(4)]
    transformer = {"InputPathsMap": {"who": "$.detail.who", "n": "$.detail.n"},
                   "InputTemplate": '{"text": "<who> bought", "n": <n>, "who": <who>, "rule": "<aws.events.rule-name>"}'}
    source = "shop." + uuid.uuid4().hex[:6]
    name = make_rule(
        sandbox, [{"Arn": queues[0].arn, "Input": '{"fixed": 1}'}, {"Arn": queues[1].arn, "InputPath": "$.detail.who"},
                  {"Arn": queues[2].arn, "InputTransformer": transformer}, {"Arn": queues[3].arn}],
        EventPattern=json.dumps({"source": [source]}))
    put(sandbox, Source=source, Detail='{"who": "Ada \\"A\\"", "n": 3}')
    got = [json.loads(queue.bodies(1)[0]) for queue in queues]
    assert got[0] == {"fixed": 1} and got[1] == 'Ada "A"' and got[3]["source"] == source
    assert got[2] == {"text": 'Ada "A" bought', "n": 3, "who": 'Ada "A"', "rule": name}


def test_an_event_starts_a_machine(sandbox):
    machines = Machines(sandbox)
    machine = machines.make({"Type": "Pass", "OutputPath": "$.detail"})
    source = "shop." + uuid.uuid4().hex[:6]
    make_rule(sandbox, [{"Arn": machine, "RoleArn": role_of(sandbox, "rules")}], EventPattern=json.dumps({"source": [source]}))
    put(sandbox, Source=source, Detail='{"n": 1}')
    started = until(lambda: machines.client.list_executions(stateMachineArn=machine)["executions"])
    assert json.loads(machines.end(started[0]["executionArn"])["output"]) == {"n": 1}


def test_a_pattern_is_tried(sandbox):
    events = sandbox.client("events")
    event = {"id": "1", "source": "shop", "account": "000000000000", "time": "2026-11-21T00:00:00Z", "region": "us-east-1", "resources": [],
             "detail-type": "order", "detail": {"total": 5}}
    for pattern, result in (({"source": ["shop"]}, True), ({"source": [{"prefix": "bank"}]}, False)):
        assert events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"] is result
    assert code(events.test_event_pattern, EventPattern='{"source": []}', Event=json.dumps(event)) == "InvalidEventPatternException"


# ---- queues and topics: also where others wrote them ----

def test_messages_go_through_a_queue(anywhere):
    queue = Queue(anywhere)
    sent = queue.send("one")
    message = queue.take(wait=1)[0]
    assert message["Body"] == "one" and message["MessageId"] == sent["MessageId"] and message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert not queue.take(wait=0)
    queue.client.change_message_visibility(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    again = queue.take(wait=1, AttributeNames=["All"])[0]
    assert again["MessageId"] == message["MessageId"] and again["Attributes"]["ApproximateReceiveCount"] == "2"
    queue.delete(again)
    answer = queue.client.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": str(i), "MessageBody": f"m{i}"} for i in range(3)])
    assert [one["Id"] for one in answer["Successful"]] == ["0", "1", "2"]
    got = queue.take(10, wait=1)
    assert [one["Body"] for one in got] == ["m0", "m1", "m2"]
    answer = queue.client.delete_message_batch(
        QueueUrl=queue.url, Entries=[{"Id": str(i), "ReceiptHandle": one["ReceiptHandle"]} for i, one in enumerate(got)])
    assert len(answer["Successful"]) == 3
    queue.send("left")
    queue.client.purge_queue(QueueUrl=queue.url)
    assert not queue.take(wait=0)
    assert "NonExistentQueue" in code(queue.client.receive_message, QueueUrl=queue.url + "x")


def test_what_is_received_too_often_goes_elsewhere(anywhere):
    letters = Queue(anywhere)
    arn = letters.client.get_queue_attributes(QueueUrl=letters.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = Queue(anywhere, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2}), VisibilityTimeout="0")
    queue.send("poison")
    for _ in range(2):
        assert queue.take(wait=1)
    assert not queue.take(wait=0)
    assert letters.take(wait=1)[0]["Body"] == "poison"


def test_a_fifo_queue_keeps_the_order_within_groups(anywhere):
    queue = Queue(anywhere, f"q-{uuid.uuid4().hex[:8]}.fifo", FifoQueue="true")
    for i, (body, group) in enumerate((("a", "1"), ("b", "1"), ("c", "2"), ("d", "1"))):
        queue.send(body, MessageGroupId=group, MessageDeduplicationId=f"{body}{i}")
    first = queue.take(1, wait=1)[0]
    assert first["Body"] == "a"
    rest = queue.take(10, wait=1)
    assert [one["Body"] for one in rest] == ["c"]  # b and d wait for a
    queue.delete(first)
    assert [one["Body"] for one in queue.take(10, wait=1)] == ["b", "d"]
    assert code(queue.send, body="e") == "MissingParameter"


def seconds_of(call):
    begin = time.monotonic()
    call()
    return time.monotonic() - begin


def test_a_receiver_waits_for_a_message(queue):
    def receive():
        queue.send("later", DelaySeconds=1)
        assert queue.bodies(1) == ["later"]
    assert any(0.9 < seconds_of(receive) < 9 for _ in range(3))  # it does not sit out its 10 seconds, whenever the machine does not


def test_a_topic_hands_on_to_queues(anywhere):
    sns, queue, raw = anywhere.client("sns"), Queue(anywhere), Queue(anywhere)
    topic = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
    for one in (queue, raw):
        arn = one.client.get_queue_attributes(QueueUrl=one.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)["SubscriptionArn"]
    sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="RawMessageDelivery", AttributeValue="true")
    sent = sns.publish(TopicArn=topic, Message="news", Subject="about it")
    note = json.loads(queue.take(wait=1)[0]["Body"])
    assert (note["Message"], note["Subject"], note["TopicArn"], note["MessageId"]) == ("news", "about it", topic, sent["MessageId"])
    assert raw.take(wait=1)[0]["Body"] == "news"
    assert code(sns.publish, TopicArn=topic + "x", Message="news") == "NotFound"


def test_a_subscription_filters_by_attributes(anywhere):
    sns, some, others = anywhere.client("sns"), Queue(anywhere), Queue(anywhere)
    topic = sns.create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
    for one, policy in ((some, {"kind": ["new", {"prefix": "re"}], "n": [{"numeric": [">", 5]}]}), (others, {"kind": [{"exists": False}]})):
        arn = one.client.get_queue_attributes(QueueUrl=one.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)["SubscriptionArn"]
        sns.set_subscription_attributes(SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue=json.dumps(policy))

    def publish(text, **attributes):
        sns.publish(TopicArn=topic, Message=text, MessageAttributes={
            name: {"DataType": "Number" if name == "n" else "String", "StringValue": value} for name, value in attributes.items()})

    publish("one", kind="new", n="6")
    publish("two", kind="new", n="5")
    publish("three", kind="old", n="6")
    publish("four", kind="renewed", n="7")
    publish("five", n="7")
    notes = [json.loads(message["Body"]) for message in some.take(10, wait=1)]
    assert [note["Message"] for note in notes] == ["one", "four"]
    assert notes[0]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "new"}, "n": {"Type": "Number", "Value": "6"}}
    assert [json.loads(message["Body"])["Message"] for message in others.take(10, wait=1)] == ["five"]


def test_a_machine_sends_and_publishes(sandbox, queue):
    machines = Machines(sandbox)
    topic = sandbox.client("sns").create_topic(Name="t-" + uuid.uuid4().hex[:8])["TopicArn"]
    sandbox.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    source = "machine." + uuid.uuid4().hex[:6]
    make_rule(sandbox, [{"Arn": queue.arn, "InputPath": "$.detail"}], EventPattern=json.dumps({"source": [source]}))
    end = machines.run({"StartAt": "Send", "States": {
        "Send": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "ResultPath": "$.sent", "Next": "Publish",
                 "Parameters": {"QueueUrl": queue.url, "MessageBody": {"n.$": "$.n"}}},
        "Publish": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "ResultPath": "$.published", "Next": "Put",
                    "Parameters": {"TopicArn": topic, "Message.$": "$.text"}},
        "Put": {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "ResultPath": "$.put", "End": True,
                "Parameters": {"Entries": [{"Source": source, "DetailType": "d", "Detail": {"v.$": "$.n"}}]}}}}, {"n": 1, "text": "hello"})
    assert end["status"] == "SUCCEEDED", end
    output = json.loads(end["output"])
    assert output["put"]["FailedEntryCount"] == 0 and output["sent"]["MessageId"] and output["published"]["MessageId"]
    bodies = [json.loads(body) for body in queue.bodies(3)]
    assert bodies[0] == {"n": 1} and bodies[1]["Message"] == "hello" and bodies[2] == {"v": 1}
