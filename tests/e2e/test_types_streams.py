"""The life of streams and of what delivers them, and how they are listed (see life_cycle.py)."""

import json
from dataclasses import replace

import pytest

from life_cycle import Case, case_table, tags_of, walk
from support import ACCOUNT

CASES, case = case_table()


@case("stream")
def _():
    def seen(cloud):
        kinesis = cloud.client("kinesis")
        (name,) = kinesis.list_streams()["StreamNames"]
        stream = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        return {"shards": stream["OpenShardCount"], "hours": stream["RetentionPeriodHours"], "key": stream.get("KeyId"),
                "metrics": sorted(metric for item in stream["EnhancedMonitoring"] for metric in item["ShardLevelMetrics"]),
                "policy": json.loads(kinesis.get_resource_policy(ResourceARN=stream["StreamARN"])["Policy"])["Statement"][0]["Action"],
                "tags": tags_of(kinesis.list_tags_for_stream(StreamName=name)["Tags"]).get("team")}

    def policy(action):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": action,
                                                        "Resource": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/life-clicks"}]}

    return Case(
        type="aws.kinesis.stream",
        around={"one": {"type": "aws.kms.key", "description": "one"}, "two": {"type": "aws.kms.key", "description": "two"}},
        first={"name": "life-clicks", "shard_count": 2, "retention_period": 48, "kms_key": "${one.arn}", "shard_metrics": ["IncomingBytes"], "policy": policy("kinesis:PutRecord"), "tags": {"team": "a"}},
        then={"name": "life-clicks", "shard_count": 4, "retention_period": 36, "kms_key": "${two.arn}", "shard_metrics": ["IncomingRecords", "OutgoingBytes"], "policy": policy("kinesis:GetRecords"), "tags": {"team": "b"}},
        less={"name": "life-clicks"},
        seen=seen,
        gone=lambda cloud: not cloud.client("kinesis").list_streams()["StreamNames"],
        outside=lambda cloud: cloud.client("kinesis").increase_stream_retention_period(StreamName="life-clicks", RetentionPeriodHours=72),
        drifted="retention_period",
        replaces=[{"name": "life-other"}],
    )


@case("stream on demand")
def _():
    def seen(cloud):
        return {"mode": cloud.client("kinesis").describe_stream_summary(StreamName="life-clicks")["StreamDescriptionSummary"]["StreamModeDetails"]["StreamMode"]}

    return Case(
        type="aws.kinesis.stream",
        first={"name": "life-clicks", "mode": "ON_DEMAND"},
        then={"name": "life-clicks", "mode": "PROVISIONED", "shard_count": 8},
        seen=seen,
        gone=lambda cloud: not cloud.client("kinesis").list_streams()["StreamNames"],
        outside=lambda cloud: cloud.client("kinesis").update_stream_mode(StreamARN=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/life-clicks", StreamModeDetails={"StreamMode": "PROVISIONED"}),
        drifted="mode",
    )


def destination(cloud, name="life-delivery"):
    return cloud.client("firehose").describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]


ROLE = f"arn:aws:iam::{ACCOUNT}:role/firehose"


@case("delivery stream")
def _():
    def seen(cloud):
        found = destination(cloud)
        (target,) = found["Destinations"]
        s3 = target["ExtendedS3DestinationDescription"]
        tags = cloud.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName="life-delivery")["Tags"]
        return {"prefix": s3["Prefix"], "hints": s3["BufferingHints"], "format": s3["CompressionFormat"], "processing": s3["ProcessingConfiguration"],
                "logs": s3["CloudWatchLoggingOptions"]["LogGroupName"], "parquet": s3["DataFormatConversionConfiguration"], "tags": tags_of(tags).get("team")}

    def s3(prefix, size, log, function, compression, packed):
        return {"bucket": "arn:aws:s3:::life-lake", "role": ROLE, "prefix": prefix, "error_prefix": "errors/", "buffer_size": size, "buffer_seconds": size + 60, "compression": compression,
                "logging": {"group": log, "stream": "s3"},
                "processing": {"processors": [{"type": "Lambda", "parameters": {"LambdaArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}", "NumberOfRetries": "2"}}]},
                "conversion": {"database": "films", "table": "clicks", "role": ROLE, "json": {}, "parquet": {"compression": packed}}}

    def outside(cloud):
        found = destination(cloud)
        cloud.client("firehose").update_destination(DeliveryStreamName="life-delivery", CurrentDeliveryStreamVersionId=found["VersionId"], DestinationId=found["Destinations"][0]["DestinationId"],
                                                    ExtendedS3DestinationUpdate={"Prefix": "others/"})

    return Case(
        type="aws.firehose.delivery_stream",
        first={"name": "life-delivery", "s3": s3("clicks/", 64, "/life/one", "one", "UNCOMPRESSED", "SNAPPY"), "tags": {"team": "a"}},
        then={"name": "life-delivery", "s3": s3("more/", 100, "/life/two", "two", "UNCOMPRESSED", "GZIP"), "tags": {"team": "b"}},
        seen=seen,
        unchanged={"format"},
        gone=lambda cloud: not cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        outside=outside,
        drifted="s3",
        replaces=[{"name": "life-other"}],
    )


@case("delivery of a stream")
def _():
    def seen(cloud):
        (name,) = cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
        return {"bucket": destination(cloud, name)["Destinations"][0]["ExtendedS3DestinationDescription"]["BucketARN"]}

    source = {"stream": "${clicks.arn}", "role": ROLE}
    return Case(
        type="aws.firehose.delivery_stream",
        around={"clicks": {"type": "aws.kinesis.stream", "name": "life-clicks"}, "other": {"type": "aws.kinesis.stream", "name": "life-other"}},
        first={"name": "life-delivery", "source": source, "s3": {"bucket": "arn:aws:s3:::life-lake", "role": ROLE}},
        then={"name": "life-delivery", "source": source, "s3": {"bucket": "arn:aws:s3:::life-other", "role": ROLE}},
        seen=seen,
        gone=lambda cloud: not cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        outside=None,
        replaces=[{"source": {"stream": "${other.arn}", "role": ROLE}}],
    )


def delivers(kind, described, seen, first, then, outside=None, replaces=()):
    """A stream to `kind`; what cannot be changed within it, and another kind of destination, replace it."""
    s3 = {"bucket": "arn:aws:s3:::life-lake", "role": ROLE}

    def found(cloud):
        (target,) = destination(cloud)["Destinations"]
        told = target[described]
        return {"bucket": told["S3DestinationDescription"]["BucketARN"], **seen(told)}

    def changed(cloud):
        stream = destination(cloud)
        cloud.client("firehose").update_destination(DeliveryStreamName="life-delivery", CurrentDeliveryStreamVersionId=stream["VersionId"],
                                                    DestinationId=stream["Destinations"][0]["DestinationId"], **outside)  # fmt: skip

    first, then = {**first, "s3": s3}, {**then, "s3": {**s3, "bucket": "arn:aws:s3:::life-other"}}
    return Case(
        type="aws.firehose.delivery_stream",
        first={"name": "life-delivery", kind: first},
        then={"name": "life-delivery", kind: then},
        seen=found,
        gone=lambda cloud: not cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        outside=changed if outside else None,
        drifted=kind,
        imports=kind not in ("http_endpoint", "redshift"),  # a secret within is recorded anew
        replaces=[*({kind: {**first, **change}} for change in replaces), {kind: None, "s3": s3}],
    )


@case("delivery to a search domain")
def _():
    def seen(told):
        return {"index": told["IndexName"], "hints": told["BufferingHints"], "retry": told["RetryOptions"]["DurationInSeconds"]}

    def search(index, size):
        return {"domain": f"arn:aws:es:us-east-1:{ACCOUNT}:domain/films", "role": ROLE, "index_name": index, "buffer_size": size, "buffer_seconds": size + 60, "retry_seconds": size}

    vpc = {"subnet_ids": ["subnet-0a1b2c3d"], "security_group_ids": ["sg-0a1b2c3d"], "role": ROLE}
    return delivers("elasticsearch", "ElasticsearchDestinationDescription", seen, search("films", 10), search("actors", 20),
                    {"ElasticsearchDestinationUpdate": {"IndexName": "others"}}, [{"vpc": vpc}, {"backup_mode": "AllDocuments"}])  # fmt: skip


@case("delivery to an HTTP endpoint")
def _():
    def seen(told):
        return {"url": told["EndpointConfiguration"]["Url"], "encoding": told["RequestConfiguration"], "mode": told["S3BackupMode"]}

    def endpoint(name, encoding, team, mode):
        return {"url": f"https://{name}.example", "name": name, "access_key": f"key-of-{name}", "content_encoding": encoding, "common_attributes": {"team": team}, "backup_mode": mode}

    return delivers("http_endpoint", "HttpEndpointDestinationDescription", seen, endpoint("one", "GZIP", "a", "FailedDataOnly"), endpoint("two", "NONE", "b", "AllData"),
                    {"HttpEndpointDestinationUpdate": {"S3BackupMode": "AllData"}})  # fmt: skip


@case("delivery to Redshift")
def _():
    def seen(told):
        return {"copy": told["CopyCommand"], "user": told["Username"], "url": told["ClusterJDBCURL"]}

    def database(name, columns):
        return {"cluster_jdbc_url": f"jdbc:redshift://{name}.abc.us-east-1.redshift.amazonaws.com:5439/films", "role": ROLE, "table": name, "columns": columns, "username": f"loads-{name}", "password": f"Pass-of-{name}"}

    return delivers("redshift", "RedshiftDestinationDescription", seen, database("clicks", "visitor,at"), database("views", "film"))


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    kept = [change for change in CASES[name].replaces if "vpc" not in str(change)]  # moto forgets the network of a destination
    walk(stack, cloud, replace(CASES[name], replaces=kept))
