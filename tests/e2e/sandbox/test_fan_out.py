"""Consumers of Kinesis with enhanced fan-out: registered, found, and sent records as they come."""

import time

import time

import pytest
from botocore.exceptions import ClientError
from support import cpu_of, until


def test_shards_on_pages(sandbox):
    kinesis = sandbox.client("kinesis")
    kinesis.create_stream(StreamName="wide", ShardCount=101)
    until(lambda: kinesis.describe_stream_summary(StreamName="wide")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    whole = [shard["ShardId"] for shard in kinesis.list_shards(StreamName="wide")["Shards"]]
    first = kinesis.describe_stream(StreamName="wide")["StreamDescription"]
    assert [shard["ShardId"] for shard in first["Shards"]] == whole[:100] and first["HasMoreShards"]
    pages = [[shard["ShardId"] for shard in page["StreamDescription"]["Shards"]] for page in kinesis.get_paginator("describe_stream").paginate(StreamName="wide", PaginationConfig={"PageSize": 40})]
    assert [len(page) for page in pages] == [40, 40, 21] and sum(pages, []) == whole


def shard_reader(kinesis, stream, filters):
    """Reads as the Kinesis Client Library does: shards of a filter first, children after all of their parents."""
    waiting, done, seen = {one["ShardId"]: [] for one in kinesis.list_shards(StreamName=stream, ShardFilter=filters)["Shards"]}, set(), []
    while ready := [one for one, parents in waiting.items() if one not in done and done >= set(parents)]:
        for shard in ready:
            iterator, children = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"], []
            while iterator and not children:
                page = kinesis.get_records(ShardIterator=iterator)
                seen += [one["Data"].decode() for one in page["Records"]]
                iterator, children = page.get("NextShardIterator") if page["Records"] else None, page.get("ChildShards", [])
            waiting |= {one["ShardId"]: one["ParentShards"] for one in children}
            done.add(shard)
    return seen


def test_resharding(sandbox):
    kinesis, stream = sandbox.client("kinesis"), {"StreamName": "split"}
    active = lambda: until(lambda: (got := kinesis.describe_stream_summary(**stream)["StreamDescriptionSummary"])["StreamStatus"] == "ACTIVE" and got["OpenShardCount"])  # noqa: E731
    put = lambda text, at: kinesis.put_record(**stream, Data=text, PartitionKey="k", ExplicitHashKey=str(at))["ShardId"][-1]  # noqa: E731
    shards = lambda **more: [one["ShardId"][-1] for one in kinesis.list_shards(**stream, **more)["Shards"]]  # noqa: E731
    refused = lambda call, **more: pytest.raises(ClientError, call, **stream, **more).value.response["Error"]  # noqa: E731
    name, top = "shardId-00000000000%d", 2**128 - 1
    kinesis.create_stream(**stream, ShardCount=2)
    assert active() == 2 and (put("a", 5), put("b", top)) == ("0", "1")
    assert refused(kinesis.split_shard, ShardToSplit=name % 0, NewStartingHashKey=str(top))["Code"] == "InvalidArgumentException"
    assert refused(kinesis.split_shard, ShardToSplit=name % 7, NewStartingHashKey="9")["Message"].startswith("Could not find shard shardId-000000000007 in stream split")
    kinesis.split_shard(**stream, ShardToSplit=name % 0, NewStartingHashKey="10")
    assert active() == 3 and [put("c", at) for at in (9, 10, top)] == ["2", "3", "1"]
    assert "already been merged or split" in refused(kinesis.split_shard, ShardToSplit=name % 0, NewStartingHashKey="9")["Message"]
    assert "not an adjacent pair" in refused(kinesis.merge_shards, ShardToMerge=name % 2, AdjacentShardToMerge=name % 1)["Message"]
    kinesis.merge_shards(**stream, ShardToMerge=name % 1, AdjacentShardToMerge=name % 3)
    assert active() == 2 and [put("d", at) for at in (9, 10, top)] == ["2", "4", "4"]
    made = kinesis.list_shards(**stream)["Shards"]
    assert [(one.get("ParentShardId", "-")[-1], one.get("AdjacentParentShardId", "-")[-1], "EndingSequenceNumber" in one["SequenceNumberRange"]) for one in made] == \
        [("-", "-", True), ("-", "-", True), ("0", "-", False), ("0", "-", True), ("1", "3", False)]
    assert made[4]["HashKeyRange"] == {"StartingHashKey": "10", "EndingHashKey": str(top)}
    assert (shards(ShardFilter={"Type": "AT_LATEST"}), shards(ShardFilter={"Type": "AT_TRIM_HORIZON"}), shards(ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": name % 2})) == (["2", "4"], ["0", "1"], ["3", "4"])
    assert shards(ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": time.time() + 9}) == ["2", "4"] and len(shards(ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": 0})) == 5
    kinesis.update_shard_count(**stream, TargetShardCount=1, ScalingType="UNIFORM_SCALING")
    assert active() == 1 and put("e", 9) == "5"
    seen = shard_reader(kinesis, "split", {"Type": "AT_TRIM_HORIZON"})
    assert sorted(seen) == sorted("abcccddde") and seen.index("a") < seen.index("c") and seen[-1] == "e"


@pytest.mark.long
def test_a_page_of_a_large_stream(sandbox):
    """It is found at once, however many records the stream has before and after it."""
    kinesis, took = sandbox.client("kinesis"), {}
    for name, batches in ("few", 1), ("many", 400):
        kinesis.create_stream(StreamName=name, ShardCount=2)
        until(lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
        for batch in range(batches):
            put = kinesis.put_records(StreamName=name, Records=[{"Data": b"%d" % (batch * 500 + i), "PartitionKey": "k"} for i in range(500)])
        kinesis.put_record(StreamName=name, Data=b"other", PartitionKey="k", ExplicitHashKey="0" if put["Records"][0]["ShardId"][-1] == "1" else str(2**128 - 1))
        where = {"StreamName": name, "ShardId": put["Records"][0]["ShardId"]}
        middle = put["Records"][100]["SequenceNumber"]  # of the last batch
        for start, first in ({"ShardIteratorType": "TRIM_HORIZON"}, 0), ({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": middle}, batches * 500 - 400):
            iterator, seen = kinesis.get_shard_iterator(**where, **start)["ShardIterator"], []

            def read():
                nonlocal iterator
                for _ in range(100):
                    page = kinesis.get_records(ShardIterator=iterator, Limit=3)
                    iterator = page["NextShardIterator"]
                    seen.extend(int(one["Data"]) for one in page["Records"])

            took[name] = took.get(name, 0) + cpu_of(read, sandbox.process)[1]
            assert seen == list(range(first, first + 300))
        rest = kinesis.get_records(ShardIterator=iterator)
        assert len(rest["Records"]) == 100 and rest["MillisBehindLatest"] == 0
    assert took["many"] < max(3 * took["few"], 0.3), took


@pytest.mark.long
def test_deleted_streams_leave_their_room(kept_sandbox):
    kinesis = kept_sandbox.client("kinesis")
    for name in "old", "new":
        kinesis.create_stream(StreamName=name, ShardCount=1)
        until(lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    for _ in range(20):
        kinesis.put_record(StreamName="old", Data=b"x" * (10 << 20), PartitionKey="k")
    with pytest.raises(ClientError, match="all used"):
        kinesis.put_record(StreamName="old", Data=b"x", PartitionKey="k")
    kinesis.delete_stream(StreamName="old")
    until(lambda: "old" not in kinesis.list_streams()["StreamNames"])
    assert kinesis.put_record(StreamName="new", Data=b"x", PartitionKey="k")["ShardId"]


def test_records_come_by_themselves(sandbox):
    kinesis = sandbox.client("kinesis")
    kinesis.create_stream(StreamName="fan", ShardCount=1)
    until(lambda: kinesis.describe_stream_summary(StreamName="fan")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    arn = kinesis.describe_stream_summary(StreamName="fan")["StreamDescriptionSummary"]["StreamARN"]
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]
    assert made["ConsumerARN"].startswith(f"{arn}/consumer/reader:") and made["ConsumerStatus"] == "CREATING"
    with pytest.raises(ClientError, match="ResourceInUseException"):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")
    for named in ({"ConsumerARN": made["ConsumerARN"]}, {"StreamARN": arn, "ConsumerName": "reader"}):
        assert kinesis.describe_stream_consumer(**named)["ConsumerDescription"]["StreamARN"] == arn
    shard = kinesis.list_shards(StreamName="fan")["Shards"][0]
    first = {"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": shard["SequenceNumberRange"]["StartingSequenceNumber"]}
    seen, where = [], {"ConsumerARN": made["ConsumerARN"], "ShardId": shard["ShardId"]}

    def events(position):
        """A subscription that has ended is followed by the next one, as consumers do."""
        while True:
            stream = kinesis.subscribe_to_shard(**where, StartingPosition=position)["EventStream"]
            try:
                for one in stream:
                    event = one["SubscribeToShardEvent"]
                    position = {"Type": "AT_SEQUENCE_NUMBER", "SequenceNumber": event["ContinuationSequenceNumber"]}
                    yield event
            finally:
                stream.close()

    told = events(first)
    for i in range(2):  # put while it is read
        put = kinesis.put_record(StreamName="fan", Data=f"{i}".encode(), PartitionKey="k")
        event = next(event for event in told if event["Records"])
        seen += [(one["Data"], one["SequenceNumber"]) for one in event["Records"]]
        assert seen[-1] == (f"{i}".encode(), put["SequenceNumber"]) and int(event["ContinuationSequenceNumber"]) > int(put["SequenceNumber"])
    told.close()
    kinesis.deregister_stream_consumer(ConsumerARN=made["ConsumerARN"])
    until(lambda: not kinesis.list_stream_consumers(StreamARN=arn)["Consumers"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        kinesis.subscribe_to_shard(ConsumerARN=made["ConsumerARN"], ShardId=shard["ShardId"], StartingPosition={"Type": "LATEST"})
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        kinesis.delete_resource_policy(ResourceARN=arn)
