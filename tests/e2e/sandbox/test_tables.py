"""What DynamoDB's answers have of tables beside their records."""

import uuid

import pytest
from botocore.exceptions import ClientError

KEYS = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}


@pytest.fixture
def dynamodb(sandbox):
    return sandbox.client("dynamodb")


def made(dynamodb, **more):
    return dynamodb.create_table(TableName=f"films-{uuid.uuid4().hex[:8]}", **KEYS | more)["TableDescription"]


def said(call, **given):
    with pytest.raises(ClientError) as refused:
        call(**given)
    return refused.value.response["Error"]["Message"]


def test_capacity_that_is_warm(dynamodb):
    warm = lambda table: dynamodb.describe_table(TableName=table["TableName"])["Table"]["WarmThroughput"]
    slow = made(dynamodb, ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6})
    assert "WarmThroughput" not in slow and warm(slow) == {"ReadUnitsPerSecond": 5, "WriteUnitsPerSecond": 6, "Status": "ACTIVE"}
    asked = made(dynamodb, BillingMode="PAY_PER_REQUEST", WarmThroughput={"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 5000})
    assert asked["WarmThroughput"]["Status"] == "UPDATING" and warm(asked)["ReadUnitsPerSecond"] == 13000
    text = said(made, dynamodb=dynamodb, BillingMode="PAY_PER_REQUEST", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6})
    assert text.endswith("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")


def test_billing_is_shown_once_a_table_was_on_demand(dynamodb):
    throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
    table = made(dynamodb, BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    change = lambda **more: dynamodb.update_table(TableName=table["TableName"], **more)["TableDescription"]
    assert "BillingModeSummary" not in table
    assert change(BillingMode="PAY_PER_REQUEST")["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    since = dynamodb.describe_table(TableName=table["TableName"])["Table"]["BillingModeSummary"]["LastUpdateToPayPerRequestDateTime"]
    back = change(BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
    assert back["BillingModeSummary"] == {"BillingMode": "PROVISIONED", "LastUpdateToPayPerRequestDateTime": since}
    assert back["WarmThroughput"]["ReadUnitsPerSecond"] == 5


def test_indexes_and_streams_have_arns(dynamodb):
    index = {"IndexName": "by_id", "KeySchema": KEYS["KeySchema"], "Projection": {"ProjectionType": "ALL"}}
    table = made(dynamodb, BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[index])
    assert table["GlobalSecondaryIndexes"][0]["IndexArn"] == table["TableArn"] + "/index/by_id"
    assert dynamodb.describe_table(TableName=table["TableName"])["Table"]["GlobalSecondaryIndexes"][0]["WarmThroughput"]["WriteUnitsPerSecond"] == 4000
    changed = dynamodb.update_table(TableName=table["TableName"], StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    assert changed["TableDescription"]["LatestStreamArn"].startswith(table["TableArn"] + "/stream/")


def test_recovery_has_a_period(dynamodb):
    name = made(dynamodb, BillingMode="PAY_PER_REQUEST")["TableName"]
    changed = dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    shown = changed["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert shown["PointInTimeRecoveryStatus"] == "ENABLED" and shown["RecoveryPeriodInDays"] == 35 and shown["EarliestRestorableDateTime"] <= shown["LatestRestorableDateTime"]


def test_precision_of_a_destination(dynamodb, sandbox):
    name, stream = made(dynamodb, BillingMode="PAY_PER_REQUEST")["TableName"], f"s-{uuid.uuid4().hex[:8]}"
    sandbox.client("kinesis").create_stream(StreamName=stream, ShardCount=1)
    arn = sandbox.client("kinesis").describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    change = lambda precision: dynamodb.update_kinesis_streaming_destination(TableName=name, StreamArn=arn, UpdateKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": precision})
    assert "No streaming destination with streamArn" in said(change, precision="MICROSECOND")
    dynamodb.enable_kinesis_streaming_destination(TableName=name, StreamArn=arn)
    assert change("MICROSECOND")["DestinationStatus"] == "UPDATING"
    assert said(change, precision="MICROSECOND").startswith("Invalid Request: Precision is already set")
    assert "[MILLISECOND, MICROSECOND]" in said(change, precision="SECOND")
