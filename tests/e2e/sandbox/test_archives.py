"""Archives of event buses: what they keep, and replays to the rules that are named."""

import json
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from servers import code
from support import until
from test_firing import Queue
from test_queues import arn_of


def test_events_are_kept_and_replayed(job_sandbox):
    """With short minutes: a replay begins a third of one after its start."""
    events, name = job_sandbox.client("events"), "a-" + uuid.uuid4().hex[:8]
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    events.create_archive(ArchiveName=name, EventSourceArn=bus, EventPattern=json.dumps({"source": ["shop"]}))
    start = datetime.now(timezone.utc) - timedelta(minutes=1)
    for source in ("shop", "shop", "other"):
        events.put_events(Entries=[{"EventBusName": name, "Source": source, "DetailType": "order", "Detail": json.dumps({"from": source})}])
    told = events.describe_archive(ArchiveName=name)
    assert told["EventCount"] == 2 and told["SizeBytes"] > 200 and events.list_archives(EventSourceArn=bus)["Archives"][0]["EventCount"] == 2
    queue, other = Queue(job_sandbox), Queue(job_sandbox)
    rules = [events.put_rule(Name=f"{name}-{i}", EventBusName=name, EventPattern=json.dumps({"detail-type": ["order"]}))["RuleArn"] for i in range(2)]
    for i, target in enumerate((queue, other)):
        events.put_targets(Rule=f"{name}-{i}", EventBusName=name, Targets=[{"Id": "q", "Arn": arn_of(target)}])
    given = {"EventSourceArn": told["ArchiveArn"], "Destination": {"Arn": bus, "FilterArns": rules[:1]}, "EventStartTime": start, "EventEndTime": start + timedelta(hours=1)}
    assert events.start_replay(ReplayName=name, **given)["State"] == "STARTING"
    until(lambda: events.describe_replay(ReplayName=name)["State"] == "COMPLETED")
    bodies = [json.loads(one["Body"]) for one in queue.take(10, wait=2)]
    assert [(one["source"], one["replay-name"]) for one in bodies] == [("shop", name)] * 2 and not other.take(10, wait=0)
    assert events.describe_archive(ArchiveName=name)["EventCount"] == 2  # what is replayed is not kept again
    assert code(events.start_replay, ReplayName=name, **given) == "ResourceAlreadyExistsException"
    assert code(events.start_replay, ReplayName="b", **given | {"EventEndTime": start}) == "ValidationException"


def test_a_replay_that_the_end_of_the_sandbox_cut_off(kept_sandbox):
    events = kept_sandbox.client("events")
    bus = events.create_event_bus(Name="cut")["EventBusArn"]
    archive = events.create_archive(ArchiveName="cut", EventSourceArn=bus)["ArchiveArn"]
    now = datetime.now(timezone.utc)
    events.start_replay(ReplayName="cut", EventSourceArn=archive, Destination={"Arn": bus}, EventStartTime=now - timedelta(hours=1), EventEndTime=now)
    kept_sandbox.kill()
    kept_sandbox.start()
    assert kept_sandbox.client("events").describe_replay(ReplayName="cut")["State"] == "FAILED"


@pytest.mark.long
def test_an_archive_of_more_than_64_megabytes(kept_sandbox):
    events = kept_sandbox.client("events")
    bus = events.create_event_bus(Name="large")["EventBusArn"]
    events.create_archive(ArchiveName="large", EventSourceArn=bus)
    detail = json.dumps({"a": "x" * 250000})
    for _ in range(270):
        events.put_events(Entries=[{"EventBusName": "large", "Source": "shop", "DetailType": "order", "Detail": detail}])
    assert events.describe_archive(ArchiveName="large")["EventCount"] == 270


def test_a_permission_of_one_principal(sandbox):
    events, name = sandbox.client("events"), "b-" + uuid.uuid4().hex[:8]
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    for who in ("123456789012", "*"):
        events.put_permission(EventBusName=name, Action="events:PutEvents", Principal=who, StatementId="s" + who[:1].replace("*", "all"))
    statements = json.loads(events.describe_event_bus(Name=name)["Policy"])["Statement"]
    assert [(one["Principal"], one["Resource"]) for one in statements] == [({"AWS": "arn:aws:iam::123456789012:root"}, bus), ("*", bus)]
    events.remove_permission(EventBusName=name, StatementId="s1")
    assert [one["Sid"] for one in json.loads(events.describe_event_bus(Name=name)["Policy"])["Statement"]] == ["sall"]
    assert code(events.remove_permission, EventBusName=name, StatementId="s1") == "ResourceNotFoundException"
