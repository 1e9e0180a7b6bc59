"""Event buses: their rules, events that go on to another bus, targets that cannot be had."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError
from servers import code, open_to, role_of
from support import until
from test_firing import Queue
from test_stream_sources import Kinesis

ACCOUNT = "000000000000"


class Bus:
    def __init__(self, server, name=None):
        self.events = server.client("events")
        self.name = name or "bus-" + uuid.uuid4().hex[:8]
        if name is None:
            self.events.create_event_bus(Name=self.name)
        self.arn = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{self.name}"

    def rule(self, name, pattern, *targets):
        arn = self.events.put_rule(Name=name, EventBusName=self.name, EventPattern=json.dumps(pattern))["RuleArn"]
        for i, target in enumerate(targets):
            target = target if isinstance(target, dict) else {"Arn": target}
            answer = self.events.put_targets(Rule=name, EventBusName=self.name, Targets=[{"Id": f"t{i}", **target}])
            assert answer["FailedEntryCount"] == 0
        return arn

    def put(self, source, detail=None, **more):
        answer = self.events.put_events(Entries=[{"Source": source, "DetailType": "order", "Detail": json.dumps(detail or {}), "EventBusName": self.name, **more}])
        assert answer["FailedEntryCount"] == 0
        return answer["Entries"][0]["EventId"]


@pytest.fixture
def source():
    return "shop." + uuid.uuid4().hex[:6]


def test_rules_see_the_events_of_their_bus(anywhere, source):
    queue, default, bus, other = Queue(anywhere), Bus(anywhere, "default"), Bus(anywhere), Bus(anywhere)
    name = "r-" + uuid.uuid4().hex[:6]
    arn = bus.rule(name, {"source": [source]}, queue.arn.replace(ACCOUNT, "123456789012") if anywhere.kind == "moto" else queue.arn)
    assert arn.endswith(f":rule/{bus.name}/{name}")
    for place in (default, other, bus):
        place.put(source, {"from": place.name})
    assert json.loads(queue.take(wait=2)[0]["Body"])["detail"] == {"from": bus.name}
    assert not queue.take(wait=0)
    assert [rule["Name"] for rule in bus.events.list_rules(EventBusName=bus.name)["Rules"]] == [name]
    assert name not in [rule["Name"] for rule in bus.events.list_rules()["Rules"]]
    assert code(bus.events.describe_rule, Name=name) == "ResourceNotFoundException"


def test_a_bus_of_another_region_gets_the_event(sandbox, source):
    """There and nowhere else; who asks for a target's rules may name the bus by its ARN."""
    far, sqs = sandbox.client("events", region="eu-west-1"), sandbox.client("sqs", region="eu-west-1")
    here, near, name = Bus(sandbox, "default"), Queue(sandbox), "far-" + uuid.uuid4().hex[:8]
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": open_to("events", action="sqs:SendMessage")})["QueueUrl"]
    queue, bus = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}", f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default"
    far.put_rule(Name=name, EventPattern=json.dumps({"source": [source]}))
    far.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue}])
    here.rule(name, {"source": [source]}, {"Arn": bus, "RoleArn": role_of(sandbox, "buses")})
    here.rule(name + "-near", {"source": [source], "region": ["eu-west-1"]}, near.arn)
    here.put(source)
    (message,) = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
    assert json.loads(message["Body"])["region"] == "us-east-1" and not near.take(wait=0)
    for named in bus, "default":
        assert far.list_rule_names_by_target(TargetArn=queue, EventBusName=named)["RuleNames"] == [name]


def test_a_template_with_an_escaped_backslash(sandbox, source):
    """It ends no escape of the quote after it: what follows is outside the text, and has quotes of its own."""
    queue, bus = Queue(sandbox), Bus(sandbox)
    template = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": r'{"folder": "C:\\", "who": <who>}'}
    bus.rule("r-" + source, {"source": [source]}, {"Arn": queue.arn, "InputTransformer": template})
    bus.put(source, {"who": "ada"})
    assert json.loads(queue.bodies(1)[0]) == {"folder": "C:\\", "who": "ada"}


def test_one_name_on_two_buses_is_two_rules(sandbox, source):
    queue, default, bus = Queue(sandbox), Bus(sandbox, "default"), Bus(sandbox)
    for place in (default, bus):
        place.rule("twin-" + source, {"source": [source]}, {"Arn": queue.arn, "Input": json.dumps(place.name)})
    default.put(source)
    assert json.loads(queue.bodies(1)[0]) == "default"
    bus.put(source, EventBusName=bus.arn)
    assert json.loads(queue.bodies(1)[0]) == bus.name
    assert code(bus.events.delete_event_bus, Name=bus.name) == "ValidationException"
    assert bus.events.describe_rule(Name="twin-" + source, EventBusName=bus.arn)["EventBusName"] == bus.name
    bus.events.remove_targets(Rule="twin-" + source, EventBusName=bus.name, Ids=["t0"])
    bus.events.delete_rule(Name="twin-" + source, EventBusName=bus.name)
    bus.events.delete_event_bus(Name=bus.name)
    assert code(bus.events.describe_rule, Name="twin-" + source, EventBusName=bus.arn) == "ResourceNotFoundException"
    assert default.events.describe_rule(Name="twin-" + source)["EventBusName"] == "default"


def test_an_event_goes_on_to_another_bus_once(sandbox, source):
    """As it is, with the id that it had; a third bus does not get it, so two that point at each other are no circle."""
    queues, buses = [Queue(sandbox) for _ in range(3)], [Bus(sandbox) for _ in range(3)]
    for i, bus in enumerate(buses):
        bus.rule("on", {"source": [source]}, queues[i].arn, buses[(i + 1) % 3].arn, bus.arn)
    event = buses[0].put(source, {"n": 1}, Resources=["arn:aws:s3:::films"])
    for queue, times in zip(queues, (2, 1, 0)):  # the first bus sends to itself too: once more, not for ever
        got = [json.loads(message["Body"]) for message in queue.take(10, wait=0)]
        assert [(one["id"], one["detail"], one["resources"]) for one in got] == [(event, {"n": 1}, ["arn:aws:s3:::films"])] * times


def test_what_cannot_be_delivered_says_why(sandbox, source):
    letters, bus = Queue(sandbox), Bus(sandbox)
    gone = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:gone-{source}"
    rule = bus.rule("r", {"source": [source]}, {"Arn": gone, "RoleArn": role_of(sandbox, "rules"), "DeadLetterConfig": {"Arn": letters.arn}})
    bus.put(source, {"n": 1})
    letter = letters.take(wait=5, MessageAttributeNames=["All"])[0]
    assert json.loads(letter["Body"])["detail"] == {"n": 1}
    told = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert told["ERROR_CODE"] == "StateMachineDoesNotExist" and told["TARGET_ARN"] == gone and told["RULE_ARN"] == rule


def test_events_go_to_a_log_group(sandbox, source):
    logs, bus = sandbox.client("logs"), Bus(sandbox)
    group = "/aws/events/" + source
    logs.create_log_group(logGroupName=group)
    letters = Queue(sandbox)
    bus.rule("r", {"source": [source]}, {"Arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}", "DeadLetterConfig": {"Arn": letters.arn}})
    bus.put(source, {"n": 0})
    (refused_one,) = until(lambda: letters.take(wait=5, MessageAttributeNames=["All"]))  # nobody lets events.amazonaws.com in yet
    assert "is not authorized to perform: logs:CreateLogStream on resource: " in refused_one["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    logs.put_resource_policy(policyName="events", policyDocument=open_to("events", action="logs:*"))
    bus.put(source, {"n": 1})
    (line,) = until(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert json.loads(line["message"])["detail"] == {"n": 1}


def test_too_much_at_once_is_refused(sandbox, source):
    events = sandbox.client("events")
    entry = {"Source": source, "DetailType": "order", "Detail": json.dumps({"text": "x" * 200000})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert code(events.put_events, Entries=[entry, entry]) == "ValidationException"


def test_schedules_belong_to_the_default_bus(anywhere, source):
    bus, default, rate = Bus(anywhere), Bus(anywhere, "default"), "rate(1 day)"
    events, name = bus.events, "r-" + source
    assert code(events.put_rule, Name=name, EventBusName=bus.name, ScheduleExpression=rate) == "ValidationException"
    assert code(events.put_rule, Name=name, EventBusName=bus.arn, ScheduleExpression=rate, EventPattern='{"source": ["a"]}') == "ValidationException"
    assert code(events.put_rule, Name=name) == "ValidationException"  # neither a pattern nor a schedule
    for arguments in ({}, {"EventBusName": "default"}, {"EventBusName": default.arn}):
        events.put_rule(Name=name, ScheduleExpression=rate, **arguments)
    assert events.describe_rule(Name=name)["ScheduleExpression"] == rate
    bus.rule(name, {"source": [source]})
    assert code(events.put_rule, Name=name, EventBusName=bus.name, ScheduleExpression=rate) == "ValidationException"


def test_an_event_has_details(anywhere, source):
    events = anywhere.client("events")
    said = events.put_events(Entries=[{"Source": source, "DetailType": "order"}, {"Source": source, "DetailType": "order", "Detail": "{"}])
    assert [one["ErrorCode"] for one in said["Entries"]] == ["InvalidArgument", "MalformedDetail"] and said["FailedEntryCount"] == 2


def test_pages_and_refusals_are_in_awss_words(sandbox, source):
    bus, queue = Bus(sandbox), Queue(sandbox)
    for i in range(3):
        bus.rule(f"{source}-{i}", {"source": [source]}, queue.arn)
    first = bus.events.list_rule_names_by_target(TargetArn=queue.arn, EventBusName=bus.name, Limit=2)
    assert first["RuleNames"] == [f"{source}-0", f"{source}-1"] and not first["NextToken"].isdigit()
    rest = bus.events.list_rule_names_by_target(TargetArn=queue.arn, EventBusName=bus.name, Limit=2, NextToken=first["NextToken"])
    assert rest["RuleNames"] == [f"{source}-2"] and "NextToken" not in rest
    assert code(bus.events.list_rule_names_by_target, TargetArn=queue.arn, EventBusName=bus.name, NextToken="2") == "ValidationException"
    with pytest.raises(ClientError, match="Cannot delete event bus default."):
        bus.events.delete_event_bus(Name="default")
    for wrong, why in {"!@#$": r"satisfy regular expression pattern: [\.\-_A-Za-z0-9]+", "i" * 65: "have length less than or equal to 64"}.items():
        with pytest.raises(ClientError) as caught:
            bus.events.put_targets(Rule=f"{source}-0", EventBusName=bus.name, Targets=[{"Id": wrong, "Arn": queue.arn}])
        assert caught.value.response["Error"]["Message"] == (
            f"1 validation error detected: Value '{wrong}' at 'targets.1.member.id' failed to satisfy constraint: Member must {why}")


PATHS = {"payload": "$.detail.payload", "list": "$.detail.list", "id": "$.detail.id", "none": "$.detail.none"}


@pytest.mark.parametrize("template, made", [
    ('"<payload> of <id>, <list>, <none>."', '"{a:1,b:x} of 7, [HIGH,LOW], ."'),
    ('{"all": <payload>, "list": <list>, "path": "users/<id>", "none": <none>}', {"all": {"a": 1, "b": "x"}, "list": ["HIGH", "LOW"], "path": "users/7", "none": ""}),
    ('{"whole": <aws.events.event>}', {"detailType": "order", "resources": []}),
])
def test_what_a_transformer_makes(sandbox, source, template, made):
    """As AWS's recorded answers have it: in a text JSON loses its quotes, what is not found is empty, <aws.events.event> has detailType."""
    queue, bus = Queue(sandbox), Bus(sandbox)
    bus.rule("r-" + source, {"source": [source]}, {"Arn": queue.arn, "InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": template}})
    bus.put(source, {"payload": {"a": 1, "b": "x"}, "list": ["HIGH", "LOW"], "id": "7"})
    (body,) = queue.bodies(1)
    if isinstance(made, str):
        assert body == made
    elif "whole" in json.loads(body):
        whole = json.loads(body)["whole"]
        assert made.items() <= whole.items() and "detail" not in whole and "detail-type" not in whole and whole["source"] == source
    else:
        assert json.loads(body) == made


def test_what_a_transformer_cannot_make(sandbox, source):
    """JSON in the quotes of JSON is none: it goes to the dead-letter queue. A name that is no path is refused, and two inputs."""
    queue, letters, bus = Queue(sandbox), Queue(sandbox), Bus(sandbox)
    bus.rule("r-" + source, {"source": [source]}, {"Arn": queue.arn, "DeadLetterConfig": {"Arn": letters.arn}, "InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": '{"list": "<list>"}'}})
    bus.put(source, {"list": ["HIGH"]})
    (letter,) = until(lambda: letters.take(MessageAttributeNames=["All"]))
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "INVALID_JSON" and not queue.take(wait=0)
    for given, words in (({"InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": '"<other>"'}}, "InputTemplate for target t contains invalid placeholder other."),
                         ({"Input": "{}", "InputPath": "$.detail"}, "Only one of Input, InputPath, or InputTransformer must be provided for target t.")):  # fmt: skip
        with pytest.raises(ClientError, match=words):
            bus.events.put_targets(Rule="r-" + source, EventBusName=bus.name, Targets=[{"Id": "t", "Arn": queue.arn, **given}])


def test_a_stream_as_target(sandbox, source):
    """The partition key is a part of the event, else its id."""
    stream, bus = Kinesis(sandbox), Bus(sandbox)
    role = role_of(sandbox, "events-to-all")
    for name, more in (("one", {"KinesisParameters": {"PartitionKeyPath": "$.detail.id"}}), ("two", {})):
        bus.rule(f"{name}-{source}", {"source": [source]}, {"Arn": stream.arn, "RoleArn": role, **more})
    assert bus.events.list_targets_by_rule(Rule=f"one-{source}", EventBusName=bus.name)["Targets"][0]["KinesisParameters"] == {"PartitionKeyPath": "$.detail.id"}
    event = bus.put(source, {"id": "7"})
    iterator = stream.api.get_shard_iterator(StreamName=stream.name, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    found = until(lambda: len(records := stream.api.get_records(ShardIterator=iterator)["Records"]) == 2 and records)
    assert {record["PartitionKey"] for record in found} == {"7", event} and all(json.loads(record["Data"])["id"] == event for record in found)


def test_a_trace_is_passed_on(sandbox, source):
    """Not what it counts: a bus takes no part in the detection of loops."""
    queue, bus = Queue(sandbox), Bus(sandbox)
    bus.rule("r-" + source, {"source": [source]}, queue.arn)
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

    def send(request, **_):
        request.headers["X-Amzn-Trace-Id"] = trace + ";Lineage=a87bd80c:20"

    bus.events.meta.events.register("before-sign.events.PutEvents", send)
    bus.put(source)
    (message,) = until(lambda: queue.take(MessageSystemAttributeNames=["All"]))
    assert message["Attributes"]["AWSTraceHeader"] == trace
