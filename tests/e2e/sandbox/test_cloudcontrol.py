"""
CloudFormation's types by the Cloud Control API: the sandbox's, first with boto3 alone, then with weir. What is tried is made from the schemas as
they are published (cfn_models.py), so neither side of ours says what is right.
"""

import json
import re
import subprocess
import sys

import botocore.exceptions
import cfn_models
import pytest
from servers import ROOT, Faults, killed

SOME = [
    "AWS::Kinesis::Stream", "AWS::S3::Bucket", "AWS::Lambda::Function", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Glue::Job",
    "AWS::IAM::Role", "AWS::EC2::VPC", "AWS::EC2::SecurityGroup", "AWS::ApiGateway::Stage", "AWS::ECS::TaskDefinition", "AWS::RDS::DBCluster", "AWS::KMS::Key",
    "AWS::Logs::LogGroup", "AWS::StepFunctions::StateMachine", "AWS::Events::Rule", "AWS::WAFv2::WebACL", "AWS::SSM::Parameter", "AWS::Scheduler::Schedule",
    "AWS::KinesisFirehose::DeliveryStream", "AWS::CloudFront::Distribution", "AWS::Batch::JobQueue", "AWS::Cognito::UserPool", "AWS::S3Tables::Table",
]  # fmt: skip


def made(name, rich, seed=0):
    model = cfn_models.Model(name, seed)
    try:
        return model, model.properties(rich)
    except cfn_models.Unmakeable:
        return model, None


def follow(client, event):
    while event["OperationStatus"] in ("PENDING", "IN_PROGRESS"):
        event = client.get_resource_request_status(RequestToken=event["RequestToken"])["ProgressEvent"]
    return event


@pytest.mark.full
def test_the_schemas_are_what_the_tool_makes(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools/cfn-schemas", tmp_path], check=True)
    fresh = {path.name: path.read_text() for path in tmp_path.glob("*.txt")}
    kept = {path.name: path.read_text() for path in (ROOT / "provider/cfn/schemas").glob("*.txt")}
    assert fresh == kept, "tools/cfn-schemas provider/cfn/schemas"


# ---- boto3 alone ----


def life_with_boto3(client, name):
    model, given = made(name, True)
    if given is None:
        return False
    handlers = model.schema["handlers"]
    event = follow(client, client.create_resource(TypeName=name, DesiredState=json.dumps(given))["ProgressEvent"])
    assert event["OperationStatus"] == "SUCCESS", (name, event)
    where = {"TypeName": name, "Identifier": event["Identifier"]}
    if "read" in handlers:
        there = json.loads(client.get_resource(**where)["ResourceDescription"]["Properties"])
        hidden = {p.split("/")[2] for p in model.schema.get("writeOnlyProperties", [])}
        assert set(given) - set(there) <= hidden, name
    if "list" in handlers and "handlerSchema" not in handlers["list"]:
        pages = client.get_paginator("list_resources").paginate(TypeName=name)
        assert event["Identifier"] in [item["Identifier"] for page in pages for item in page["ResourceDescriptions"]]
    if "read" in handlers and (change := model.changeable(given, False)):
        patch = [{"op": "replace", "path": f"/{change[0]}", "value": change[1]}]
        event = follow(client, client.update_resource(**where, PatchDocument=json.dumps(patch))["ProgressEvent"])
        assert event["OperationStatus"] == "SUCCESS", (name, event)
        assert json.loads(client.get_resource(**where)["ResourceDescription"]["Properties"])[change[0]] == change[1]
    if (change := model.changeable(given, True)) and "update" in handlers:
        patch = [{"op": "replace", "path": f"/{change[0]}", "value": change[1]}]
        with pytest.raises(client.exceptions.NotUpdatableException):
            client.update_resource(**where, PatchDocument=json.dumps(patch))
    assert follow(client, client.delete_resource(**where)["ProgressEvent"])["OperationStatus"] == "SUCCESS", name
    if "read" in handlers:
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.get_resource(**where)
    return True


def test_some_types_with_boto3(fast_sandbox):
    client = fast_sandbox.client("cloudcontrol")
    assert sum(life_with_boto3(client, name) for name in SOME) >= len(SOME) - 2


@pytest.mark.long
def test_every_type_with_boto3(fast_sandbox):
    client = fast_sandbox.client("cloudcontrol")
    tried = sum(life_with_boto3(client, name) for name in cfn_models.names())
    assert tried > 0.95 * len(cfn_models.names()), tried


def spoilt(given, schema):
    """Mistakes, each with what it is."""
    yield "unknown", {**given, "NoSuchProperty": 1}
    for name in schema.get("required", []):
        if name in given:
            yield "required", {key: value for key, value in given.items() if key != name}
    for name, value in given.items():
        yield "type", {**given, name: 12.5 if isinstance(value, str) else "x" if isinstance(value, (int, list)) else [1.5]}


def test_models_are_checked_as_json_schemas_are(fast_sandbox):
    client = fast_sandbox.client("cloudcontrol")
    tried = 0
    for name in SOME[:12]:
        model, given = made(name, True, 1)
        validator = cfn_models.validator_of(name)
        for what, wrong in spoilt(given or {}, model.schema):
            if not given or validator.is_valid(wrong):
                continue
            tried += 1
            with pytest.raises(botocore.exceptions.ClientError) as refused:
                client.create_resource(TypeName=name, DesiredState=json.dumps(wrong))
            assert refused.value.response["Error"]["Code"] == "ValidationException", (name, what, wrong)
    assert tried > 50


def test_tokens_and_requests(fast_sandbox):
    client = fast_sandbox.client("cloudcontrol")
    asked = {"TypeName": "AWS::Kinesis::Stream", "DesiredState": json.dumps({"Name": "a"}), "ClientToken": "one"}
    first, again = client.create_resource(**asked)["ProgressEvent"], client.create_resource(**asked)["ProgressEvent"]
    assert first["RequestToken"] == again["RequestToken"]
    with pytest.raises(client.exceptions.ClientTokenConflictException):
        client.create_resource(**{**asked, "DesiredState": json.dumps({"Name": "b"})})
    assert follow(client, first)["OperationStatus"] == "SUCCESS"
    other = follow(client, client.create_resource(**{**asked, "ClientToken": "two"})["ProgressEvent"])
    assert (other["OperationStatus"], other["ErrorCode"]) == ("FAILED", "AlreadyExists")
    listed = client.list_resource_requests(ResourceRequestStatusFilter={"Operations": ["CREATE"]})["ResourceRequestStatusSummaries"]
    assert [one["RequestToken"] for one in listed] == [other["RequestToken"], first["RequestToken"]]
    with pytest.raises(client.exceptions.TypeNotFoundException):
        client.create_resource(TypeName="AWS::Kinesis::Steam", DesiredState="{}")


def test_describe_type(fast_sandbox):
    described = fast_sandbox.client("cloudformation").describe_type(Type="RESOURCE", TypeName="AWS::Kinesis::Stream")
    ours, theirs = json.loads(described["Schema"]), cfn_models.schema_of("AWS::Kinesis::Stream")
    assert set(ours["properties"]) == set(theirs["properties"])
    for key in "primaryIdentifier", "readOnlyProperties", "createOnlyProperties", "writeOnlyProperties":
        assert sorted(ours[key]) == sorted(theirs[key])
    assert sorted(ours["handlers"]["create"]["permissions"]) == sorted(theirs["handlers"]["create"]["permissions"])


# ---- weir ----


def stack_of(models):
    resources = {}
    for i, (model, given) in enumerate(models):
        resources[f"r{i}"] = {"type": model.name, **given}
    return json.dumps({"stack": "every-type", "resources": resources}, indent=1)


def things_left(server, kinds):
    left = []
    client = server.client("cloudcontrol")
    for name in kinds:
        handler = cfn_models.schema_of(name)["handlers"].get("list")
        if handler and "handlerSchema" not in handler:
            left += [(name, item["Identifier"]) for page in client.get_paginator("list_resources").paginate(TypeName=name) for item in page["ResourceDescriptions"]]
    return left


def life_with_weir(server, folder, kinds, rich):
    """Created, planned again, changed, replaced and destroyed, all types in one stack."""
    models = [(model, given) for model, given in (made(name, rich) for name in kinds) if given is not None]
    stack = server.stack(folder)
    stack.write(stack_of(models))
    stack.apply()
    stack.assert_settled()
    for fixed in False, True:
        expected, changed = {}, []
        for i, (model, given) in enumerate(models):
            change = model.changeable(given, fixed)
            if change:
                given = {**given, change[0]: change[1]}
                expected[f"r{i}"] = "replace" if fixed else "update"
            changed.append((model, given))
        models = changed
        stack.write(stack_of(models))
        assert stack.plan() == expected
        stack.apply("--delete-protected")
        stack.assert_settled()
    stack.destroy("--delete-protected")
    assert not things_left(server, kinds)
    return len(models)


@pytest.mark.parametrize("rich", [False, pytest.param(True, marks=pytest.mark.long)], ids=["minimal", "rich"])
def test_some_types(fast_sandbox, tmp_path, rich):
    assert life_with_weir(fast_sandbox, tmp_path / "stack", SOME, rich) >= len(SOME) - 2


@pytest.mark.long
@pytest.mark.parametrize("rich", [False, True], ids=["minimal", "rich"])
@pytest.mark.parametrize("part", range(18))
def test_every_type(fast_sandbox, tmp_path, rich, part):
    kinds = cfn_models.names()[part::18]
    assert life_with_weir(fast_sandbox, tmp_path / "stack", kinds, rich) > 0.9 * len(kinds)


def stream(**more):
    return json.dumps({"stack": "one", "resources": {"clicks": {"type": "AWS::Kinesis::Stream", "Name": "clicks", **more}}, "outputs": {"arn": {"value": "${clicks.Arn}"}}})


def test_what_only_the_file_says_is_compared(fast_sandbox, tmp_path):
    """Changed elsewhere: what the file gives is put back by the smallest patch, what it does not is nobody's business."""
    stack, client = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("cloudcontrol")
    stack.write(stream(ShardCount=2, Tags=[{"Key": "team", "Value": "data"}]))
    stack.apply()
    where = {"TypeName": "AWS::Kinesis::Stream", "Identifier": "clicks"}

    def there():
        return json.loads(client.get_resource(**where)["ResourceDescription"]["Properties"])

    assert {tag["Key"] for tag in there()["Tags"]} > {"team", "weir:stack", "weir:address", "weir:intent"}
    assert stack.outputs()["arn"] == there()["Arn"]
    patch = [{"op": "add", "path": "/RetentionPeriodHours", "value": 48}, {"op": "replace", "path": "/ShardCount", "value": 5}]
    follow(client, client.update_resource(**where, PatchDocument=json.dumps(patch))["ProgressEvent"])
    assert stack.plan() == {"clicks": "update"}
    stack.apply()
    assert (there()["ShardCount"], there()["RetentionPeriodHours"]) == (2, 48)
    stack.write(stream(Tags={"team": "data"}))
    stack.apply()
    assert "ShardCount" not in there() and {tag["Key"] for tag in there()["Tags"]} > {"team", "weir:stack"}
    stack.assert_settled()


def test_policy_says_what_the_handlers_need(fast_sandbox, tmp_path):
    stack = fast_sandbox.stack(tmp_path / "stack")
    stack.write(stream())
    statements = [statement for policy in json.loads(stack.run("policy").out).values() for statement in policy["Statement"]]
    actions = {action for statement in statements for action in statement["Action"]}
    handlers = cfn_models.schema_of("AWS::Kinesis::Stream")["handlers"]
    assert actions >= {"cloudformation:CreateResource", *handlers["create"]["permissions"], *handlers["delete"]["permissions"]}


def tries(stack):
    return [event["text"] for event in stack.apply("--json").events() if "try" in event.get("text", "")]


def test_handlers_that_are_throttled_are_asked_again(fast_sandbox, tmp_path):
    stack, faults = fast_sandbox.stack(tmp_path / "stack"), Faults(fast_sandbox)
    faults("POST", {"rules": [{"service": "cloudcontrolapi", "operation": "handler/CreateResource", "fault": "throttle", "times": 2}]})
    stack.write(stream())
    assert tries(stack) == ["CreateResource: 2nd try, Throttling: a fault of the sandbox", "CreateResource: 3rd try, Throttling: a fault of the sandbox", "CreateResource: done at the 3rd try"]
    stack.assert_settled()
    faults("POST", {"rules": [{"service": "cloudcontrolapi", "operation": "UpdateResource", "fault": "error", "status": 503, "times": 1}]})
    stack.write(stream(RetentionPeriodHours=48))
    assert tries(stack) == ["UpdateResource: 2nd try, the answer was 503", "UpdateResource: done at the 2nd try"]


@pytest.mark.parametrize("code, said", [("AccessDenied", "weir policy"), ("ServiceLimitExceeded", "quota"), ("NotStabilized", "did not get it ready"), ("GeneralServiceException", "GeneralServiceException")])
def test_a_handler_that_fails_is_told_of(fast_sandbox, tmp_path, code, said):
    stack, faults = fast_sandbox.stack(tmp_path / "stack"), Faults(fast_sandbox)
    faults("POST", {"rules": [{"service": "cloudcontrolapi", "operation": "handler/CreateResource", "fault": "error", "code": code}]})
    stack.write(stream())
    failed = stack.apply(status=None)
    assert failed.status and code in failed.err and said in failed.err, failed
    faults("DELETE")
    stack.apply()


@pytest.mark.parametrize("kind", ["AWS::Kinesis::Stream", "AWS::SNS::Topic", "AWS::CloudFormation::Publisher"])
def test_a_lost_creation_is_found_again(fast_sandbox, tmp_path, kind):
    """Killed when the request was sent: of a name, of an id that the service gives, of a type without tags."""
    stack, faults, client = fast_sandbox.stack(tmp_path / "stack"), Faults(fast_sandbox), fast_sandbox.client("cloudcontrol")
    given = {"AWS::Kinesis::Stream": {"Name": "clicks"}, "AWS::SNS::Topic": {"TopicName": "news"}}.get(kind) or made(kind, False)[1]
    stack.write(json.dumps({"stack": "one", "resources": {"it": {"type": kind, **given}}}))
    killed(stack, faults, "CreateResource")
    stack.apply()
    stack.assert_settled()
    created = [event for event in client.list_resource_requests()["ResourceRequestStatusSummaries"] if event["Operation"] == "CREATE"]
    assert len(created) == 1, created
    stack.destroy()


def test_what_cannot_be_read_back_is_kept_as_a_hash(fast_sandbox, tmp_path):
    """Within an object, too: a new password alone is seen and sent, and stands nowhere."""
    stack, client = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("cloudcontrol")

    def endpoint(password, code="a.zip"):
        dms = {"type": "AWS::DMS::Endpoint", "EndpointType": "source", "EngineName": "kafka", "KafkaSettings": {"Broker": "b:1", "SaslUserName": "me", "SaslPassword": password}}
        function = {"type": "AWS::Lambda::Function", "Role": "arn:aws:iam::123456789012:role/r", "Code": {"S3Bucket": "my-code-bucket", "S3Key": code}}
        stack.write(json.dumps({"stack": "one", "resources": {"dms": dms, "f": function}}))

    endpoint("first-password")
    out = stack.run("plan", "-o", "saved").out
    assert '"my-code-bucket"' in out and "first-password" not in out  # what is not secret is shown
    stack.apply()
    stack.assert_settled()
    endpoint("second-password", "b.zip")
    out = stack.run("plan").out
    assert "+ SaslPassword: (sensitive)" in out and 'Code: (kept as a hash) -> {S3Bucket: "my-code-bucket", S3Key: "b.zip"}' in out, out
    stack.apply()
    stack.assert_settled()
    for file in stack.folder.rglob("*"):
        assert file.name == "weir.yaml" or not file.is_file() or b"-password" not in file.read_bytes(), file
    updates = [event for event in client.list_resource_requests()["ResourceRequestStatusSummaries"] if event["Operation"] == "UPDATE"]
    assert len(updates) == 2 and all(event["OperationStatus"] == "SUCCESS" for event in updates)
    stack.destroy()


def test_what_is_anothers_is_left_alone(fast_sandbox, tmp_path):
    first, second = fast_sandbox.stack(tmp_path / "first"), fast_sandbox.stack(tmp_path / "second")
    first.write(stream())
    first.apply()
    second.write(stream().replace('"one"', '"two"'))
    refused = second.apply(status=None)
    assert refused.status and "AlreadyExists" in refused.err
    first.destroy()


def test_what_protects_a_thing_is_lifted_first(fast_sandbox, tmp_path):
    """Where that was agreed to; CloudFormation's types say it in several ways. And a database goes without a snapshot."""
    stack = fast_sandbox.stack(tmp_path / "stack")
    pool = {"type": "AWS::Cognito::UserPool", "DeletionProtection": "ACTIVE"}
    table = {"type": "AWS::DynamoDB::Table", "BillingMode": "PAY_PER_REQUEST", "DeletionProtectionEnabled": True, "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
             "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}  # fmt: skip
    cluster = {"type": "AWS::RDS::DBCluster", "Engine": "aurora-postgresql", "DBClusterIdentifier": "songs"}
    stack.write(json.dumps({"stack": "one", "resources": {"cluster": cluster, "pool": pool, "table": table}}))
    stack.apply()
    told = [(e["address"], e["message"], e.get("set")) for e in stack.run("plan", "--destroy", "--json").events() if e["event"] == "data_loss"]
    assert told == [("cluster", "no final snapshot is taken: the Cloud Control API takes none", None), ("pool", "it is protected", "DeletionProtection: INACTIVE"),
                    ("table", "it is protected", "DeletionProtectionEnabled: false")]  # fmt: skip
    refused = stack.destroy(status=3)
    assert "pool (it is protected), table (it is protected); nothing was changed" in refused.err and "--delete-protected" in refused.err
    stack.destroy("--delete-protected")
    assert not things_left(fast_sandbox, ["AWS::Cognito::UserPool", "AWS::DynamoDB::Table", "AWS::RDS::DBCluster"])


def test_what_has_lost_its_tags(fast_sandbox, tmp_path):
    """By the id that EC2 gave it a network is known again; a topic has nothing but its name."""
    stack, client = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("cloudcontrol")
    group = {"type": "AWS::EC2::VPC", "CidrBlock": "10.0.0.0/16"}
    topic = {"type": "AWS::SNS::Topic", "TopicName": "news"}
    stack.write(json.dumps({"stack": "one", "resources": {"net": group, "news": topic}}))
    stack.apply()
    for kind in "AWS::EC2::VPC", "AWS::SNS::Topic":
        (item,) = client.list_resources(TypeName=kind)["ResourceDescriptions"]
        patch = json.dumps([{"op": "replace", "path": "/Tags", "value": []}])
        follow(client, client.update_resource(TypeName=kind, Identifier=item["Identifier"], PatchDocument=patch)["ProgressEvent"])
    refused = stack.destroy(status=3)
    assert "deletions that are blocked: news (it has no ownership tags" in refused.err and "net" not in refused.err, refused.err
    stack.destroy("--delete-adopted")
    assert not things_left(fast_sandbox, ["AWS::EC2::VPC", "AWS::SNS::Topic"])


MISTAKES = {
    "type: AWS::Kinesis::Steam": 'did you mean "AWS::Kinesis::Stream"?',
    "{type: AWS::Kinesis::Stream, Nmae: a}": 'did you mean "Name"?',
    "{type: AWS::Kinesis::Stream, Arn: a}": "set by the service",
    "{type: AWS::Kinesis::Stream, ShardCount: 0}": "1 to 100000",
    "{type: AWS::Batch::JobQueue, Priority: 1}": '"ComputeEnvironmentOrder" or "ServiceEnvironmentOrder" is missing',
    "{type: AWS::Lambda::Function, Role: r}": 'needs "Code"',
}


@pytest.mark.parametrize("resource", MISTAKES)
def test_mistakes_are_told_before_anything_is_called(local_stack, resource):
    body = resource if resource.startswith("{") else "{" + resource + "}"
    local_stack.write(f"stack: one\nresources:\n  it: {body}\n")
    refused = local_stack.run("validate", status=None)
    assert refused.status and MISTAKES[resource] in refused.err and "weir.yaml:3" in refused.err, refused.err


def test_weirs_own_types_are_pointed_to(local_stack):
    local_stack.write(stream())
    assert local_stack.run("validate").out.count("hint: aws.kinesis.stream is weir's own type for AWS::Kinesis::Stream") == 1


def test_a_log_group_gets_another_key_without_losing_its_logs(fast_sandbox, tmp_path):
    """What the schemas found in weir's own specs: AssociateKmsKey changes it in place."""
    stack, logs = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("logs")

    def key_of(**more):
        stack.write(json.dumps({"stack": "one", "resources": {"g": {"type": "aws.logs.log_group", "name": "/a", **more}}}))
        stack.apply()
        stack.assert_settled()
        (group,) = logs.describe_log_groups()["logGroups"]
        return group.get("kmsKeyId"), group["creationTime"]

    first, made = key_of(kms_key="arn:aws:kms:us-east-1:123456789012:key/1")
    assert first.endswith("key/1")
    assert key_of(kms_key="arn:aws:kms:us-east-1:123456789012:key/2") == ("arn:aws:kms:us-east-1:123456789012:key/2", made)
    assert key_of() == (None, made)


def test_what_is_there_is_taken_over_by_its_identifier(fast_sandbox, tmp_path):
    """A name, and an identifier of two parts."""
    stack, client = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("cloudcontrol")
    stage = {"RestApiId": "a1b2c3d4e5", "StageName": "live"}
    for kind, given in ("AWS::Kinesis::Stream", {"Name": "clicks", "ShardCount": 3}), ("AWS::ApiGateway::Stage", stage):
        follow(client, client.create_resource(TypeName=kind, DesiredState=json.dumps(given))["ProgressEvent"])
    resources = {"clicks": {"type": "AWS::Kinesis::Stream", "Name": "clicks", "ShardCount": 3}, "stage": {"type": "AWS::ApiGateway::Stage", **stage}}
    imports = [{"address": "clicks", "id": "clicks"}, {"address": "stage", "id": "a1b2c3d4e5|live"}]
    stack.write(json.dumps({"stack": "one", "resources": resources, "imports": imports}))
    assert stack.plan() == {"clicks": "adopt", "stage": "adopt"}
    stack.apply()
    stack.assert_settled()


def test_default_tags_are_added(fast_sandbox, tmp_path):
    stack, client = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("cloudcontrol")
    stack.write(json.dumps({**json.loads(stream(Tags={"a": "b"})), "providers": {"aws": {"default_tags": {"team": "data"}}}}))
    stack.apply()
    stack.assert_settled()
    there = json.loads(client.get_resource(TypeName="AWS::Kinesis::Stream", Identifier="clicks")["ResourceDescription"]["Properties"])
    assert {"Key": "team", "Value": "data"} in there["Tags"] and {"Key": "a", "Value": "b"} in there["Tags"]


def test_tags_that_are_left_to_others(fast_sandbox, tmp_path):
    stack, client = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("cloudcontrol")
    ignoring = {"providers": {"aws": {"ignore_tags": ["made-by"]}}}
    stack.write(json.dumps({**json.loads(stream(Tags={"a": "b"})), **ignoring}))
    stack.apply()
    patch = [{"op": "add", "path": "/Tags/-", "value": {"Key": "made-by", "Value": "tagger"}}]
    client.update_resource(TypeName="AWS::Kinesis::Stream", Identifier="clicks", PatchDocument=json.dumps(patch))
    stack.assert_settled()
    stack.write(json.dumps({**json.loads(stream(Tags={"a": "c"})), **ignoring}))
    stack.apply()
    stack.assert_settled()
    there = json.loads(client.get_resource(TypeName="AWS::Kinesis::Stream", Identifier="clicks")["ResourceDescription"]["Properties"])
    assert {"Key": "a", "Value": "c"} in there["Tags"] and {"Key": "made-by", "Value": "tagger"} in there["Tags"]


def test_types_that_are_newer_or_private(fast_sandbox, tmp_path):
    stack = fast_sandbox.stack(tmp_path / "stack")
    own = json.dumps({"stack": "one", "resources": {"it": {"type": "My::Own::Thing", "Name": "a", "Colour": "red"}}})
    stack.write(own)
    assert "weir schema --fetch My::Own::Thing" in stack.run("validate", status=None).err
    assert "TypeNotFoundException" in stack.run("schema", "--fetch", "My::Own::Thing", status=None).err
    assert "is not a type of CloudFormation" in stack.run("schema", "--fetch", "../x", status=None).err
    assert "version 00000001" in stack.run("schema", "--fetch", "AWS::Kinesis::Stream").out
    kept = json.loads((stack.folder / ".weir/schemas/AWS--Kinesis--Stream.json").read_text())
    kept["schema"]["typeName"] = "My::Own::Thing"
    kept["schema"]["properties"]["Colour"] = {"type": "string", "enum": ["red", "blue"]}
    (stack.folder / ".weir/schemas/My--Own--Thing.json").write_text(json.dumps(kept))
    stack.run("validate")
    stack.write(own.replace("red", "green"))
    assert '"green" is not one of red, blue' in stack.run("validate", status=None).err


# ---- what is not in the file any more ----


def at(value, path):
    for step in path:
        value = value[step]
    return value


def without(value, path):
    value = json.loads(json.dumps(value))
    del at(value, path[:-1])[path[-1]]
    return value


def place(model, path, given, there):
    """The same place at the service, which has the items of sets in an order of its own."""
    steps, schema = [], model.schema
    for step in path:
        schema = model.resolve(schema)
        if isinstance(step, int):
            schema = schema["items"]
            same = [i for i, item in enumerate(there) if cfn_models.in_order(model, item, schema) == cfn_models.in_order(model, given[step], schema)]
            steps.append(same[0] if same else step)
        else:
            schema = schema["properties"][step]
            steps.append(step)
        given, there = given[step], there[steps[-1]]
    return steps


def is_twice(value, path):
    """Would an item be as another one is, of which a set has one?"""
    lists = [at(value, path[:i]) for i, step in enumerate(path) if isinstance(step, int)]
    return any(items.count(item) > 1 for items in lists for item in items)


def taken_out(name, seed):
    """A rich model, and one of its fields within properties that may go."""
    model, given = made(name, True, seed)
    if given is None or "update" not in model.schema["handlers"] or "read" not in model.schema["handlers"]:
        return None
    hidden = {p.split("/")[2] for p in model.schema.get("writeOnlyProperties", [])}
    fixed = {key for key in given if model.fixed(key)} | hidden | {"Tags"}
    paths = [p for key, value in given.items() if key not in fixed for p in cfn_models.fields_within(model, model.schema["properties"][key], value, (key,))]
    paths = [p for p in paths if cfn_models.validator_of(name).is_valid(without(given, p)) and not is_twice(without(given, p), p)]
    return (name, given, model.rng.choice(paths)) if paths else None


def fields_taken_out(server, folder, kinds):
    """Said, and then not said any more: removed at the service, however deep it lies, and nothing else is changed."""
    tried = [found for name in kinds for found in [next(filter(None, (taken_out(name, seed) for seed in range(3))), None)] if found]
    stack, client = server.stack(folder), server.client("cloudcontrol")

    def there():
        ids = {line["address"]: line["id"] for line in stack.run("state", "list", "--json").events() if "address" in line}
        return {f"r{i}": json.loads(client.get_resource(TypeName=name, Identifier=ids[f"r{i}"])["ResourceDescription"]["Properties"]) for i, (name, _, _) in enumerate(tried)}

    stack.write(json.dumps({"stack": "less", "resources": {f"r{i}": {"type": name, **given} for i, (name, given, _) in enumerate(tried)}}))
    stack.apply()
    stack.assert_settled()
    before = there()
    stack.write(json.dumps({"stack": "less", "resources": {f"r{i}": {"type": name, **without(given, path)} for i, (name, given, path) in enumerate(tried)}}))
    planned = stack.plan()
    assert planned == dict.fromkeys(before, "update"), [(tried[i][0], tried[i][2], at(tried[i][1], tried[i][2])) for i in range(len(tried)) if planned.get(f"r{i}") != "update"]
    stack.apply()
    after = there()
    for i, (name, given, path) in enumerate(tried):
        model = cfn_models.Model(name)
        less = without(before[f"r{i}"], place(model, path, given, before[f"r{i}"]))
        is_there, wanted = (cfn_models.in_order(model, {**one, "Tags": []}) for one in (after[f"r{i}"], less))
        assert is_there == wanted, (name, path)
    stack.assert_settled()
    return len(tried)


def test_fields_of_others_stay(fast_sandbox, tmp_path):
    """In an object, in a set of them: what somebody else put there was never in the file, also where it comes after what the file said."""
    stack, client = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("cloudcontrol")
    where = {"TypeName": "AWS::EC2::SecurityGroup"}

    def rules(*ingress):
        group = {"type": "AWS::EC2::SecurityGroup", "GroupName": "g", "GroupDescription": "d", "SecurityGroupIngress": ingress}
        function = {"type": "AWS::Lambda::Function", "FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Code": {"ZipFile": "x"}, "LoggingConfig": {"LogFormat": "JSON", **more}}
        stack.write(json.dumps({"stack": "less", "resources": {"g": group, "f": function}}))

    def patched(name, *operations, **there):
        follow(client, client.update_resource(TypeName=name, PatchDocument=json.dumps(operations), **there)["ProgressEvent"])

    one, two = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8"}, {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIp": "10.0.0.0/8"}
    more = {"LogGroup": "/mine", "ApplicationLogLevel": "DEBUG"}
    rules({**one, "Description": "ours"}, two)
    stack.apply()
    (group,) = [item["Identifier"] for item in client.list_resources(**where)["ResourceDescriptions"]]
    function = {"TypeName": "AWS::Lambda::Function", "Identifier": "f"}
    there = json.loads(client.get_resource(Identifier=group, **where)["ResourceDescription"]["Properties"])["SecurityGroupIngress"]
    patched("AWS::EC2::SecurityGroup", {"op": "add", "path": f"/SecurityGroupIngress/{there.index(two)}/Description", "value": "theirs"}, Identifier=group)
    patched(function["TypeName"], {"op": "add", "path": "/LoggingConfig/SystemLogLevel", "value": "WARN"}, Identifier="f")
    stack.assert_settled()
    more = {"ApplicationLogLevel": "DEBUG"}
    rules(one, two)
    out = stack.run("plan").out
    assert re.search(r'- LogGroup: +"/mine"', out) and "SystemLogLevel" not in out and "null" not in out, out
    assert re.search(r'~ \{\s+CidrIp: +"10.0.0.0/8"\s+- Description: +"ours"\s+FromPort: +80\s', out), out  # which rule it is, and what goes of it
    said = stack.apply()
    assert "still has" not in said.out + said.err
    there = json.loads(client.get_resource(Identifier=group, **where)["ResourceDescription"]["Properties"])["SecurityGroupIngress"]
    assert sorted(rule.get("Description", "") for rule in there) == ["", "theirs"]
    assert json.loads(client.get_resource(**function)["ResourceDescription"]["Properties"])["LoggingConfig"] == {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "WARN"}
    stack.assert_settled()
    patched(function["TypeName"], {"op": "add", "path": "/LoggingConfig/LogGroup", "value": "/its-own"}, Identifier="f")
    stack.assert_settled()  # be it the service's default or somebody's
    stack.destroy()


@pytest.mark.full
def test_fields_taken_out(fast_sandbox, tmp_path):
    assert fields_taken_out(fast_sandbox, tmp_path / "stack", SOME) >= 10


@pytest.mark.long
@pytest.mark.parametrize("part", range(6))
def test_fields_taken_out_of_every_type(fast_sandbox, tmp_path, part):
    kinds = cfn_models.names()[part::6]
    assert fields_taken_out(fast_sandbox, tmp_path / "stack", kinds) > 0.2 * len(kinds)
