"""Items of DynamoDB, their transactions and streams: kept by Dynoxide (tools/setup dynamodb), on moto too where it does the same."""

import json
import os
import shutil
import signal
import subprocess
import uuid

import pytest
from botocore.exceptions import ClientError
from servers import ROOT, JobSandbox, Sandbox
from support import until
from test_iam import ACCOUNT, Role, allow, denied
from test_stepfunctions import Machines

ENGINE = next((str(path) for path in (os.environ.get("WEIR_DYNAMODB"), ROOT / ".cache/dynoxide/bin/dynoxide", shutil.which("dynoxide")) if path and os.path.exists(path)), None)
needs_engine = pytest.mark.skipif(not ENGINE, reason="takes Dynoxide (tools/setup dynamodb)")


@pytest.fixture(scope="module")
def items_sandbox():
    server = JobSandbox(WEIR_DYNAMODB=ENGINE or "", SANDBOX_IAM="on")
    yield server
    server.stop()


@pytest.fixture(params=[pytest.param("items_sandbox", marks=needs_engine), "shared_moto"])
def cloud(request):
    return request.getfixturevalue(request.param)


def table(server, name=None, **more):
    """One with films by id and an index by year."""
    name, api = name or f"films-{uuid.uuid4().hex[:8]}", server.client("dynamodb")
    keys = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
    api.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **keys | more)
    until(lambda: api.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
    return name


def by_year():
    return {"IndexName": "by_year", "KeySchema": [{"AttributeName": "year", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}


DEFINED = [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "year", "AttributeType": "N"}]


def film(id, year=1979):
    return {"id": {"S": id}, "year": {"N": str(year)}}


def error_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response


def test_items_come_and_go(cloud):
    api, name = cloud.client("dynamodb"), table(cloud, AttributeDefinitions=DEFINED, GlobalSecondaryIndexes=[by_year()])
    api.put_item(TableName=name, Item=film("alien"))
    assert api.get_item(TableName=name, Key={"id": {"S": "alien"}})["Item"] == film("alien")
    changed = api.update_item(TableName=name, Key={"id": {"S": "alien"}}, UpdateExpression="SET #y = #y + :one, seen = :yes", ExpressionAttributeNames={"#y": "year"},
                              ExpressionAttributeValues={":one": {"N": "1"}, ":yes": {"BOOL": True}}, ReturnValues="ALL_NEW")["Attributes"]
    assert changed == film("alien", 1980) | {"seen": {"BOOL": True}}
    api.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": film(f"f{i}", 1990 + i % 2)}} for i in range(10)]})
    found = api.query(TableName=name, IndexName="by_year", KeyConditionExpression="#y = :y", ExpressionAttributeNames={"#y": "year"}, ExpressionAttributeValues={":y": {"N": "1991"}})
    assert found["Count"] == 5
    assert api.scan(TableName=name, FilterExpression="attribute_exists(seen)")["Count"] == 1
    assert sum(page["Count"] for page in api.get_paginator("scan").paginate(TableName=name, PaginationConfig={"PageSize": 3})) == 11
    assert len(api.batch_get_item(RequestItems={name: {"Keys": [{"id": {"S": f"f{i}"}} for i in range(3)]}})["Responses"][name]) == 3
    api.delete_item(TableName=name, Key={"id": {"S": "alien"}})
    assert "Item" not in api.get_item(TableName=name, Key={"id": {"S": "alien"}})


def test_what_is_refused(cloud):
    api, name = cloud.client("dynamodb"), table(cloud)
    api.put_item(TableName=name, Item=film("alien"))
    error = error_of(api.put_item, TableName=name, Item=film("alien"), ConditionExpression="attribute_not_exists(id)")
    assert error["Error"] == {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
    checked = {"ConditionCheck": {"TableName": name, "Key": {"id": {"S": "none"}}, "ConditionExpression": "attribute_exists(id)"}}
    error = error_of(api.transact_write_items, TransactItems=[{"Put": {"TableName": name, "Item": film("b")}}, checked])
    assert error["Error"]["Code"] == "TransactionCanceledException"
    assert [one["Code"] for one in error["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert "Item" not in api.get_item(TableName=name, Key={"id": {"S": "b"}})
    assert error_of(api.get_item, TableName="nobodys", Key={"id": {"S": "a"}})["Error"]["Code"] == "ResourceNotFoundException"
    assert error_of(api.put_item, TableName=name, Item={"year": {"N": "1"}})["Error"]["Code"] == "ValidationException"


@needs_engine
def test_partiql(items_sandbox):
    api, name = items_sandbox.client("dynamodb"), table(items_sandbox)
    api.execute_statement(Statement=f"INSERT INTO \"{name}\" VALUE {{'id': ?, 'year': ?}}", Parameters=[{"S": "alien"}, {"N": "1979"}])
    assert api.execute_statement(Statement=f'SELECT * FROM "{name}" WHERE id = ?', Parameters=[{"S": "alien"}])["Items"] == [film("alien")]
    api.execute_statement(Statement=f'DELETE FROM "{name}" WHERE id = ?', Parameters=[{"S": "alien"}])
    assert api.scan(TableName=name)["Count"] == 0


def records_of(server, name):
    streams = server.client("dynamodbstreams")
    arn = streams.list_streams(TableName=name)["Streams"][0]["StreamArn"]
    assert arn == server.client("dynamodb").describe_table(TableName=name)["Table"]["LatestStreamArn"]
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterators = [streams.get_shard_iterator(StreamArn=arn, ShardId=one["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"] for one in shards]
    return [record for iterator in iterators for record in streams.get_records(ShardIterator=iterator)["Records"]]


def test_a_stream_has_the_changes(cloud):
    api, name = cloud.client("dynamodb"), table(cloud, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    api.put_item(TableName=name, Item=film("alien"))
    api.put_item(TableName=name, Item=film("alien", 1986))
    api.delete_item(TableName=name, Key={"id": {"S": "alien"}})
    records = records_of(cloud, name)
    assert [one["eventName"] for one in records] == ["INSERT", "MODIFY", "REMOVE"]
    assert (records[1]["dynamodb"]["OldImage"], records[1]["dynamodb"]["NewImage"]) == (film("alien"), film("alien", 1986))
    assert {one["awsRegion"] for one in records} == {"us-east-1"}


@needs_engine
def test_a_table_that_is_changed_and_made_again(items_sandbox):
    api, name = items_sandbox.client("dynamodb"), table(items_sandbox)
    api.put_item(TableName=name, Item=film("alien"))
    api.update_table(TableName=name, AttributeDefinitions=DEFINED, GlobalSecondaryIndexUpdates=[{"Create": by_year()}])
    until(lambda: api.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
    api.update_table(TableName=name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    until(lambda: api.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")
    year = {"ExpressionAttributeNames": {"#y": "year"}, "ExpressionAttributeValues": {":y": {"N": "1979"}}}
    assert api.query(TableName=name, IndexName="by_year", KeyConditionExpression="#y = :y", **year)["Count"] == 1
    api.put_item(TableName=name, Item=film("aliens", 1986))
    assert [one["dynamodb"]["Keys"] for one in records_of(items_sandbox, name)] == [{"id": {"S": "aliens"}}]
    api.delete_table(TableName=name)
    until(lambda: name not in api.list_tables()["TableNames"])
    assert api.scan(TableName=table(items_sandbox, name))["Count"] == 0


@needs_engine
def test_an_index_that_is_made_again_with_another_key(items_sandbox):
    api, keys = items_sandbox.client("dynamodb"), lambda *names: [{"AttributeName": name, "AttributeType": "S"} for name in names]  # noqa: E731
    index = lambda key: {"IndexName": "by-key", "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}  # noqa: E731
    name = f"again-{uuid.uuid4().hex[:8]}"
    api.create_table(TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], AttributeDefinitions=keys("id", "a"), BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[index("a")])
    active = lambda: (table := api.describe_table(TableName=name)["Table"])["TableStatus"] == "ACTIVE" and all(one["IndexStatus"] == "ACTIVE" for one in table.get("GlobalSecondaryIndexes", []))  # noqa: E731
    until(active)
    api.put_item(TableName=name, Item={"id": {"S": "1"}, "a": {"S": "x"}, "b": {"S": "y"}})
    api.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-key"}}])
    until(lambda: active() and not api.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes"))
    api.update_table(TableName=name, AttributeDefinitions=keys("id", "b"), GlobalSecondaryIndexUpdates=[{"Create": index("b")}])
    until(active)
    found = api.query(TableName=name, IndexName="by-key", KeyConditionExpression="b = :b", ExpressionAttributeValues={":b": {"S": "y"}})
    assert [item["id"] for item in found["Items"]] == [{"S": "1"}]


def test_streams_of_all_tables_on_pages(sandbox):
    """A page goes on behind the ARN of the last one, in which a name's end is a slash."""
    api, streams = sandbox.client("dynamodb", region="eu-west-2"), sandbox.client("dynamodbstreams", region="eu-west-2")
    names = ["film", "film-b", "films"]
    for name in names:
        api.create_table(TableName=name, KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                         BillingMode="PAY_PER_REQUEST", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    seen, more = [], {}
    while not seen or more:
        page = streams.list_streams(Limit=1, **more)
        seen += [one["TableName"] for one in page["Streams"]]
        more = {"ExclusiveStartStreamArn": page["LastEvaluatedStreamArn"]} if "LastEvaluatedStreamArn" in page else {}
    assert sorted(seen) == names


@needs_engine
def test_nothing_stays_of_the_last_table(tmp_path):
    server = Sandbox(tmp_path / "data", env={"WEIR_DYNAMODB": ENGINE})
    try:
        api, names = server.client("dynamodb"), [table(server) for _ in range(2)]
        for name in names:
            api.put_item(TableName=name, Item=film("alien"))
        kept = list((tmp_path / "data/daemons").iterdir())
        api.delete_table(TableName=names[0])
        assert api.scan(TableName=names[1])["Count"] == 1 and kept and all(folder.exists() for folder in kept)
        api.delete_table(TableName=names[1])
        until(lambda: not any(folder.exists() for folder in kept))
        assert api.scan(TableName=table(server))["Count"] == 0
    finally:
        server.stop()


@needs_engine
def test_items_outlive_the_engine_and_the_sandbox(tmp_path):
    server = Sandbox(tmp_path / "data", env={"WEIR_DYNAMODB": ENGINE})
    try:
        api, name = server.client("dynamodb"), table(server)
        for i in range(20):
            api.put_item(TableName=name, Item=film(f"f{i}"))
        for pid in subprocess.run(["pgrep", "-f", f"{ENGINE}.*{tmp_path}"], capture_output=True, text=True).stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        until(lambda: count(api, name) == 20)
        server.process.kill()
        server.process.wait()
        server.start()
        assert server.client("dynamodb").scan(TableName=name)["Count"] == 20
    finally:
        server.stop()


def count(api, name):
    """0 while the engine comes back."""
    try:
        return api.scan(TableName=name)["Count"]
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        return 0


@needs_engine
def test_who_may_do_what_to_which_table(items_sandbox):
    own, other = table(items_sandbox), table(items_sandbox, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    role = Role(items_sandbox, allow(["dynamodb:PutItem", "dynamodb:BatchGetItem", "dynamodb:PartiQLSelect"], f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{own}"))
    api, key = role.client("dynamodb"), {"Keys": [{"id": {"S": "a"}}]}
    api.put_item(TableName=own, Item=film("a"))
    api.transact_write_items(TransactItems=[{"Put": {"TableName": own, "Item": film("b")}}])
    assert len(api.batch_get_item(RequestItems={own: key})["Responses"][own]) == 1
    assert len(api.execute_statement(Statement=f'SELECT * FROM "{own}"')["Items"]) == 2
    stream = items_sandbox.client("dynamodbstreams").list_streams(TableName=other)["Streams"][0]["StreamArn"]
    for call, arguments in (
        (api.put_item, {"TableName": other, "Item": film("a")}),
        (api.batch_get_item, {"RequestItems": {own: key, other: key}}),
        (api.transact_write_items, {"TransactItems": [{"Delete": {"TableName": own, "Key": {"id": {"S": "a"}}}}]}),
        (api.execute_statement, {"Statement": f'SELECT * FROM "{other}"'}),
        (api.execute_statement, {"Statement": f'DELETE FROM "{own}" WHERE id = \'a\''}),
        (api.execute_statement, {"Statement": f'SELECT "from", "{own}" FROM "{other}"'}),
        (api.execute_statement, {"Statement": f'SELECT id[\' FROM "{own}" \'] FROM "{other}"'}),
        (role.client("dynamodbstreams").describe_stream, {"StreamArn": stream}),
    ):
        assert denied(call, **arguments)[0] == "AccessDeniedException"
    assert denied(api.execute_statement, Statement=f'SELECT "from" "{own}"')[0] == "ValidationException"
    assert items_sandbox.client("dynamodb").scan(TableName=own)["Count"] == 2


@needs_engine
def test_a_state_machine_writes_items(items_sandbox):
    name = table(items_sandbox)
    task = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": {"TableName": name, "Item": {"id": {"S.$": "$.id"}}}, "End": True}
    machines = Machines(items_sandbox)
    machines.run({"StartAt": "Put", "States": {"Put": task}}, {"id": "alien"})
    assert items_sandbox.client("dynamodb").scan(TableName=name)["Items"] == [{"id": {"S": "alien"}}]


def test_without_the_engine_a_call_says_what_to_install():
    server = Sandbox(env={"WEIR_DYNAMODB": "/nowhere"})
    try:
        error = error_of(server.client("dynamodb").put_item, TableName=table(server), Item=film("a"))
        assert "cargo install dynoxide-rs" in error["Error"]["Message"]
        assert error_of(server.client("dynamodb").put_item, TableName="none", Item=film("a"))["Error"]["Code"] == "ResourceNotFoundException"
    finally:
        server.stop()
