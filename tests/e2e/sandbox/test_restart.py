"""The control plane's records over a restart: what was answered is there, in the order in which it was made; what was deleted is not."""

import shutil

import pytest
from botocore.exceptions import ClientError
from servers import TRUST, Sandbox
from support import until

EMPTY_ZIP = b"PK\5\6" + bytes(18)


def deleted(ec2, subnet):
    try:
        return bool(ec2.delete_subnet(SubnetId=subnet))
    except ClientError as error:
        assert error.response["Error"]["Code"] == "DependencyViolation"
        return False


def released(ec2, address):
    try:
        return bool(ec2.release_address(AllocationId=address))
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidIPAddress.InUse"
        return False


def restarted(server):
    server.kill()
    server.start()
    return server


def test_in_the_order_of_creation(kept_sandbox):
    """A listing's order, its pages, and which of a layer's versions is the latest do not hang on how a folder is read."""
    glue, layers = kept_sandbox.client("glue"), kept_sandbox.client("lambda")
    names = [f"films-{i}" for i in range(12)]
    for name in names:
        glue.create_database(DatabaseInput={"Name": name})
        layers.publish_layer_version(LayerName="deps", Content={"ZipFile": EMPTY_ZIP})
    glue.update_database(Name=names[3], DatabaseInput={"Name": names[3], "Description": "changed last"})
    restarted(kept_sandbox)
    glue, layers = kept_sandbox.client("glue"), kept_sandbox.client("lambda")
    assert [database["Name"] for database in glue.get_databases()["DatabaseList"]] == names
    assert layers.list_layers()["Layers"][0]["LatestMatchingVersion"]["Version"] == 12
    assert layers.publish_layer_version(LayerName="deps", Content={"ZipFile": EMPTY_ZIP})["Version"] == 13
    glue.create_database(DatabaseInput={"Name": "after"})
    pages = glue.get_paginator("get_databases").paginate(PaginationConfig={"PageSize": 5})
    assert [database["Name"] for page in pages for database in page["DatabaseList"]] == [*names, "after"]


def test_what_goes_with_something_stays_gone(kept_sandbox):
    """The very last request before the end was the deletion: nothing that went along comes back."""
    sns = kept_sandbox.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q", ReturnSubscriptionArn=True)
    sns.delete_topic(TopicArn=topic)
    restarted(kept_sandbox)
    sns = kept_sandbox.client("sns")
    assert sns.list_subscriptions()["Subscriptions"] == [] and sns.list_topics()["Topics"] == []


def test_what_has_another_id_is_kept_once(kept_sandbox):
    """A network's other main route table, by the id that its association has then; its former one is nowhere."""
    ec2 = kept_sandbox.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    (table,) = ec2.describe_route_tables()["RouteTables"]
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    new = ec2.replace_route_table_association(AssociationId=table["Associations"][0]["RouteTableAssociationId"], RouteTableId=other)["NewAssociationId"]
    restarted(kept_sandbox)
    found = [one for table in kept_sandbox.client("ec2").describe_route_tables()["RouteTables"] for one in table["Associations"]]
    assert [(one["RouteTableAssociationId"], one["RouteTableId"], one["Main"]) for one in found] == [(new, other, True)]


def test_no_number_twice(kept_sandbox):
    """As at AWS a version's number is not given again, even when the version is gone."""
    layers = kept_sandbox.client("lambda")
    publish = lambda: kept_sandbox.client("lambda").publish_layer_version(LayerName="deps", Content={"ZipFile": EMPTY_ZIP})["Version"]
    assert [publish(), publish()] == [1, 2]
    for version in (1, 2):
        layers.delete_layer_version(LayerName="deps", VersionNumber=version)
    restarted(kept_sandbox)
    assert publish() == 3


def test_the_heir_of_a_name(tmp_path):
    """What a deleted function had in its VPC lingers; when that is over, the new function of its name is still kept."""
    server = Sandbox(tmp_path / "data", env={"SPEED": "20"})
    try:
        ec2, functions = server.client("ec2"), server.client("lambda")
        role = server.client("iam").create_role(RoleName="f", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        server.client("iam").attach_role_policy(RoleName="f", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
        function = {"FunctionName": "f", "Role": role, "Runtime": "python3.12", "Handler": "f.h", "Code": {"ZipFile": EMPTY_ZIP}}
        functions.create_function(**function, VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [group]})
        functions.delete_function(FunctionName="f")
        with pytest.raises(ClientError) as caught:  # its interfaces linger, it does not
            functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
        functions.create_function(**function)
        until(lambda: deleted(ec2, subnet))
        server.kill()
        server.start()
        assert server.client("lambda").get_function(FunctionName="f")["Configuration"]["FunctionName"] == "f"
    finally:
        server.stop()


def test_what_is_going_still_uses_what_it_has(tmp_path):
    for speed in ("10", "1", "0.1"):  # where it has gone before all was asked, once more, slower
        server = Sandbox(tmp_path / speed, env={"SPEED": speed})
        try:
            ec2 = server.client("ec2")
            vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
            address = ec2.allocate_address(Domain="vpc")["AllocationId"]
            gateway = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
            states = lambda ec2=ec2: [gateway["State"] for gateway in ec2.describe_nat_gateways()["NatGateways"]]  # noqa: E731
            ec2.delete_nat_gateway(NatGatewayId=gateway)
            asked = [deleted(ec2, subnet), released(ec2, address)]
            if states() == ["deleted"]:
                continue
            assert asked == [False, False]
            until(lambda ec2=ec2, subnet=subnet: deleted(ec2, subnet))
            assert states() == ["deleted"]  # shown for a while
            assert released(ec2, address)
            return
        finally:
            server.stop()
    pytest.fail("it goes at once")


def test_what_could_not_be_kept_was_not_done(tmp_path):
    """Refused is refused: the same request is good once there is room again."""
    server = Sandbox(tmp_path / "data")
    try:
        iam = server.client("iam")
        iam.create_role(RoleName="before", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=3600)
        (folder,) = {path.parent for path in (tmp_path / "data").rglob("aws.iam.role-*.json")}
        shutil.move(folder, f"{folder}.away")
        for call, given in ((iam.create_role, {"RoleName": "etl", "AssumeRolePolicyDocument": TRUST}), (iam.update_role, {"RoleName": "before", "MaxSessionDuration": 7200}),
                            (iam.delete_role, {"RoleName": "before"})):
            with pytest.raises(ClientError) as caught:
                call(**given)
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        shutil.move(f"{folder}.away", folder)
        assert [(role["RoleName"], role["MaxSessionDuration"]) for role in iam.list_roles()["Roles"]] == [("before", 3600)]
        iam.create_role(RoleName="etl", AssumeRolePolicyDocument=TRUST)
    finally:
        server.stop()


def test_what_cannot_be_read_is_not_written_over(kept_sandbox, tmp_path):
    """Half a note of an alarm's history, as a full disk leaves it: the next change is refused, and nothing more is lost."""
    alarms = kept_sandbox.client("cloudwatch")
    alarms.put_metric_alarm(AlarmName="a", Namespace="x", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    alarms.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="r")
    (note,) = (tmp_path / "data").rglob("alarms/*.json")
    whole = note.read_text()
    note.write_text(whole[:40])
    with pytest.raises(ClientError, match=f"{note.name} is kept as it is"):
        alarms.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="r")
    assert note.read_text() == whole[:40]
    note.write_text(whole)
    alarms.set_alarm_state(AlarmName="a", StateValue="OK", StateReason="r")
    assert len(alarms.describe_alarm_history(AlarmName="a")["AlarmHistoryItems"]) == 2


def test_binary_secrets_are_kept(kept_sandbox):
    values = [b"\x00\x01\x02\xff-\xfe\xfd", b"\xff\xfe", b"text"]
    secrets = kept_sandbox.client("secretsmanager")
    secrets.create_secret(Name="keystore", SecretBinary=values[0])
    for n, value in enumerate(values):
        if n:
            secrets.put_secret_value(SecretId="keystore", SecretBinary=value)
        assert secrets.get_secret_value(SecretId="keystore")["SecretBinary"] == value
        secrets = restarted(kept_sandbox).client("secretsmanager")
        assert secrets.get_secret_value(SecretId="keystore")["SecretBinary"] == value
    assert secrets.get_secret_value(SecretId="keystore", VersionStage="AWSPREVIOUS")["SecretBinary"] == values[1]
