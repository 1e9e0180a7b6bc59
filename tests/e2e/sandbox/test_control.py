"""The control plane as boto3 sees it: answers, errors in the service's own words, references, filters, pages, faults."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from servers import Faults, Server, take_env
from support import WEIR

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
READ = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})
ACCOUNT = "000000000000"
DATABASE = {"DBInstanceIdentifier": "db", "Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 20, "MasterUsername": "u",
            "MasterUserPassword": "longenough"}


class Control(Server):
    def __init__(self):
        command = [WEIR, "sandbox", "--port", "0", "--ephemeral", "--speed", "1000"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        take_env(self, self.process)
        self.faults = Faults(self)

    def stop(self):
        self.process.terminate()
        assert self.process.wait() == 0


@pytest.fixture
def control():
    server = Control()
    yield server
    server.stop()


def code(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    answer = caught.value.response
    return type(caught.value).__name__, answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


# service, call, parameters: exception, code, status
ABSENT = [
    ("iam", "get_role", {"RoleName": "no"}, "NoSuchEntityException", "NoSuchEntity", 404),
    ("iam", "get_policy", {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/no"}, "NoSuchEntityException", "NoSuchEntity", 404),
    ("glue", "get_database", {"Name": "no"}, "EntityNotFoundException", "EntityNotFoundException", 400),
    ("glue", "get_job", {"JobName": "no"}, "EntityNotFoundException", "EntityNotFoundException", 400),
    ("rds", "describe_db_instances", {"DBInstanceIdentifier": "no"}, "DBInstanceNotFoundFault", "DBInstanceNotFound", 404),
    ("rds", "describe_db_subnet_groups", {"DBSubnetGroupName": "no"}, "DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFoundFault", 404),
    ("secretsmanager", "describe_secret", {"SecretId": "no"}, "ResourceNotFoundException", "ResourceNotFoundException", 400),
    ("events", "describe_rule", {"Name": "no"}, "ResourceNotFoundException", "ResourceNotFoundException", 400),
    ("scheduler", "get_schedule", {"Name": "no"}, "ResourceNotFoundException", "ResourceNotFoundException", 404),
    ("ec2", "describe_vpcs", {"VpcIds": ["vpc-0"]}, "ClientError", "InvalidVpcID.NotFound", 400),
    ("ec2", "describe_subnets", {"SubnetIds": ["subnet-0"]}, "ClientError", "InvalidSubnetID.NotFound", 400),
    ("ec2", "create_subnet", {"VpcId": "vpc-0", "CidrBlock": "10.0.0.0/24"}, "ClientError", "InvalidVpcID.NotFound", 400),
    ("glue", "create_job", {"Name": "j", "Role": "no", "Command": {"Name": "glueetl"}}, "InvalidInputException", "InvalidInputException", 400),
]


def test_a_route_into_nothing(control, tmp_path):
    from support import Stack  # of the folder above, which conftest.py makes known

    ec2 = control.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateways = [ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2)]
    stack = Stack(tmp_path / "stack")
    stack.env |= control.environment()

    def put(gateway):
        routes = {"0.0.0.0/0": {"gateway_id": gateway}} if gateway else {}
        stack.write(json.dumps({"stack": "ways", "resources": {"table": {"type": "aws.ec2.route_table", "vpc_id": vpc, "routes": routes}}}))

    def seen():
        (own,) = [one for one in ec2.describe_route_tables()["RouteTables"] if not one["Associations"]]
        return [(route["GatewayId"], route["State"]) for route in own["Routes"] if route["GatewayId"] != "local"]

    ec2.attach_internet_gateway(InternetGatewayId=gateways[0], VpcId=vpc)
    put(gateways[0])
    stack.apply()
    stack.assert_settled()
    assert seen() == [(gateways[0], "active")]
    ec2.detach_internet_gateway(InternetGatewayId=gateways[0], VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateways[0])
    assert seen() == [(gateways[0], "blackhole")]
    (event,) = [event for event in stack.run("drift", "--json", status=2).events() if event["event"] == "drift"]
    assert [attribute["name"] for attribute in event["attrs"]] == ["routes"]
    ec2.attach_internet_gateway(InternetGatewayId=gateways[1], VpcId=vpc)
    put(gateways[1])
    stack.apply()
    stack.assert_settled()
    assert seen() == [(gateways[1], "active")]
    ec2.detach_internet_gateway(InternetGatewayId=gateways[1], VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateways[1])
    put(None)
    stack.apply()
    assert seen() == []


def test_absent(control):
    for service, call, given, *expected in ABSENT:
        assert code(getattr(control.client(service), call), **given) == tuple(expected), (service, call)


def test_iam(control):
    iam = control.client("iam")
    made = iam.create_role(RoleName="etl", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "a", "Value": "b"}])["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/etl" and made["RoleId"].startswith("AROA") and made["CreateDate"]
    assert code(iam.create_role, RoleName="etl", AssumeRolePolicyDocument=TRUST)[1:] == ("EntityAlreadyExists", 409)
    assert [r["RoleName"] for r in iam.list_roles()["Roles"]] == ["etl"]
    assert iam.list_role_tags(RoleName="etl")["Tags"] == [{"Key": "a", "Value": "b"}]
    arn = iam.create_policy(PolicyName="read", PolicyDocument=READ)["Policy"]["Arn"]
    assert code(iam.attach_role_policy, RoleName="etl", PolicyArn=arn + "x")[1] == "NoSuchEntity"
    iam.attach_role_policy(RoleName="etl", PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName="etl")["AttachedPolicies"] == [{"PolicyName": "read", "PolicyArn": arn}]
    assert [r["RoleName"] for r in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]] == ["etl"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert code(iam.delete_policy, PolicyArn=arn)[1:] == ("DeleteConflict", 409)
    assert code(iam.delete_role, RoleName="etl")[1:] == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName="etl", PolicyArn=arn)
    assert code(iam.detach_role_policy, RoleName="etl", PolicyArn=arn)[1] == "NoSuchEntity"
    iam.delete_policy(PolicyArn=arn)
    iam.delete_role(RoleName="etl")
    assert iam.list_roles()["Roles"] == []


def test_pages(control):
    iam = control.client("iam")
    names = {f"role-{i}" for i in range(7)}
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    pages = list(iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(p["Roles"]) for p in pages] == [3, 3, 1]
    assert {r["RoleName"] for p in pages for r in p["Roles"]} == names


def test_secret_can_be_taken_back(control):
    secrets = control.client("secretsmanager")
    arn = secrets.create_secret(Name="a/b", SecretString="one")["ARN"]
    assert secrets.get_secret_value(SecretId="a/b")["SecretString"] == "one"
    secrets.put_secret_value(SecretId=arn, SecretString="two")
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "two"
    assert "SecretString" not in secrets.describe_secret(SecretId="a/b")
    secrets.delete_secret(SecretId="a/b")
    assert secrets.describe_secret(SecretId="a/b")["DeletedDate"] and secrets.list_secrets()["SecretList"] == []
    assert code(secrets.create_secret, Name="a/b", SecretString="x")[1] == "InvalidRequestException"
    secrets.restore_secret(SecretId="a/b")
    assert "DeletedDate" not in secrets.describe_secret(SecretId="a/b")
    secrets.delete_secret(SecretId="a/b", ForceDeleteWithoutRecovery=True)
    assert code(secrets.describe_secret, SecretId="a/b")[1] == "ResourceNotFoundException"


def test_values_that_many_put_at_once(control):
    """Each is a version of its own, whoever came in between."""
    secrets = control.client("secretsmanager")
    secrets.create_secret(Name="busy", SecretString="0")
    with ThreadPoolExecutor(6) as pool:
        ids = {answer["VersionId"] for answer in pool.map(lambda n: secrets.put_secret_value(SecretId="busy", SecretString=str(n)), range(1, 13))}
    versions = secrets.list_secret_version_ids(SecretId="busy", IncludeDeprecated=True)["Versions"]
    assert ids < {version["VersionId"] for version in versions} and len(versions) == 13
    stages = [stage for version in versions for stage in version.get("VersionStages", [])]
    assert sorted(stages) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_parameter_that_many_change_at_once(control):
    """Its history has what each of them put."""
    ssm = control.client("ssm")
    ssm.put_parameter(Name="busy", Value="0", Type="String")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: ssm.put_parameter(Name="busy", Value=str(n), Overwrite=True), range(1, 13)))
    history = ssm.get_parameter_history(Name="busy")["Parameters"]
    assert sorted(int(one["Value"]) for one in history) == list(range(13)) and [one["Version"] for one in history] == list(range(1, 14))


def test_labels_of_a_parameters_versions(control):
    """A label belongs to one version; the history shows which."""
    ssm = control.client("ssm")
    for value in "abc":
        ssm.put_parameter(Name="labelled", Value=value, Type="String", Overwrite=True)
    ssm.label_parameter_version(Name="labelled", ParameterVersion=1, Labels=["old", "kept"])
    ssm.label_parameter_version(Name="labelled", Labels=["old"])
    assert [(one["Value"], one["Labels"]) for one in ssm.get_parameter_history(Name="labelled")["Parameters"]] == [("a", ["kept"]), ("b", []), ("c", ["old"])]


def test_a_token_that_no_page_gave(control):
    """Each service has a code of its own for it."""
    for client, call, more in (("ssm", "get_parameters_by_path", {"Path": "/"}), ("secretsmanager", "list_secrets", {"Filters": [{"Key": "name", "Values": ["x"]}]}), ("athena", "list_query_executions", {})):
        with pytest.raises(ClientError) as refused:
            getattr(control.client(client), call)(NextToken="nobody gave it", **more)
        assert refused.value.response["Error"]["Code"] in ("InvalidNextToken", "InvalidNextTokenException", "InvalidRequestException"), refused.value


def test_an_alarm_that_many_set_at_once(control):
    """Each item of its history begins with the state that the one before has ended with."""
    alarms = control.client("cloudwatch")
    alarms.put_metric_alarm(AlarmName="busy", Namespace="x", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    states = ["OK", "ALARM", "INSUFFICIENT_DATA"] * 8
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda state: alarms.set_alarm_state(AlarmName="busy", StateValue=state, StateReason="r"), states))
    items = alarms.describe_alarm_history(AlarmName="busy", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    changes = [json.loads(item["HistoryData"]) for item in items]
    ends = [change["newState"]["stateValue"] for change in changes]
    assert [change["oldState"]["stateValue"] for change in changes] == ["INSUFFICIENT_DATA", *ends[:-1]]
    assert ends[-1] == alarms.describe_alarms(AlarmNames=["busy"])["MetricAlarms"][0]["StateValue"]


def test_database_states(control):
    rds = control.client("rds")
    ec2 = control.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"] for n, zone in enumerate("ab")]
    rds.create_db_subnet_group(DBSubnetGroupName="g", DBSubnetGroupDescription="d", SubnetIds=subnets)
    made = rds.create_db_instance(**DATABASE, DBSubnetGroupName="g", DeletionProtection=True)["DBInstance"]
    assert made["DBInstanceArn"] == f"arn:aws:rds:us-east-1:{ACCOUNT}:db:db" and made["DBInstanceStatus"] in ("creating", "available")
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier="db", WaiterConfig={"Delay": 1})
    assert code(rds.delete_db_subnet_group, DBSubnetGroupName="g")[1] == "InvalidDBSubnetGroupStateFault"
    assert code(rds.delete_db_instance, DBInstanceIdentifier="db", SkipFinalSnapshot=True)[1] == "InvalidParameterCombination"
    rds.modify_db_instance(DBInstanceIdentifier="db", DeletionProtection=False)
    assert rds.delete_db_instance(DBInstanceIdentifier="db", SkipFinalSnapshot=True)["DBInstance"]["DBInstanceStatus"] == "deleting"
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="db", WaiterConfig={"Delay": 1})


def test_network(control):
    ec2 = control.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}])["Vpc"]["VpcId"]
    assert [v["VpcId"] for v in ec2.describe_vpcs(Filters=[{"Name": "tag:a", "Values": ["b"]}])["Vpcs"]] == [vpc]
    assert ec2.describe_vpcs(Filters=[{"Name": "tag:a", "Values": ["c"]}])["Vpcs"] == []
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "x", "Value": "y"}])
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a"}])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"] == [{"Key": "x", "Value": "y"}]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    link = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    (seen,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [a["RouteTableAssociationId"] for a in seen["Associations"]] == [link]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert sorted((r["IsEgress"], r["IpProtocol"], r["CidrIpv4"]) for r in rules) == [(False, "tcp", "10.0.0.0/8"), (True, "-1", "0.0.0.0/0")]
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])["VpcEndpoint"]["VpcEndpointId"]
    for kind, wanted in (("Gateway", [endpoint]), ("Interface", [])):
        found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-endpoint-type", "Values": [kind]}])["VpcEndpoints"]
        assert [one["VpcEndpointId"] for one in found] == wanted
    assert code(ec2.delete_vpc, VpcId=vpc)[1] == "DependencyViolation"


def test_topic_keeps_the_name_that_no_answer_has(control):
    sns = control.client("sns")
    topic = sns.create_topic(Name="alarms", Tags=[{"Key": "n", "Value": "1"}])["TopicArn"]
    assert topic == f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms" == sns.create_topic(Name="alarms")["TopicArn"]
    assert sns.create_topic(Name="other")["TopicArn"].endswith(":other")
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "n", "Value": "1"}]
    sns.delete_topic(TopicArn=topic)
    assert code(sns.list_tags_for_resource, ResourceArn=topic)[1] == "NotFound"


def test_indexes_of_a_table(control):
    """One call with many meanings: an index made, one dropped, the stream switched off and on, a key."""
    dynamodb = control.client("dynamodb")
    key = lambda name: [{"AttributeName": name, "KeyType": "HASH"}]
    definitions = lambda *names: [{"AttributeName": name, "AttributeType": "S"} for name in names]
    dynamodb.create_table(TableName="films", AttributeDefinitions=definitions("id", "city"), KeySchema=key("id"), BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[
        {"IndexName": "all", "KeySchema": key("city"), "Projection": {"ProjectionType": "ALL"}}, {"IndexName": "some", "KeySchema": key("city"), "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title"]}}])
    look = lambda: dynamodb.describe_table(TableName="films")["Table"]
    projections = lambda: {index["IndexName"]: index["Projection"] for index in look().get("GlobalSecondaryIndexes", [])}
    assert projections() == {"all": {"ProjectionType": "ALL"}, "some": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title"]}}
    dynamodb.update_table(TableName="films", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "all"}}], AttributeDefinitions=definitions("id", "city", "day"))
    dynamodb.update_table(TableName="films", GlobalSecondaryIndexUpdates=[{"Create": {"IndexName": "days", "KeySchema": key("day"), "Projection": {"ProjectionType": "KEYS_ONLY"}}}])
    assert set(projections()) == {"some", "days"} and {one["AttributeName"] for one in look()["AttributeDefinitions"]} == {"id", "city", "day"}
    dynamodb.update_table(TableName="films", StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    assert look()["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE" and look()["LatestStreamArn"]
    dynamodb.update_table(TableName="films", DeletionProtectionEnabled=True)  # nothing is switched off by silence
    assert look()["LatestStreamArn"] and look()["DeletionProtectionEnabled"] and set(projections()) == {"some", "days"}
    dynamodb.update_table(TableName="films", StreamSpecification={"StreamEnabled": False})
    assert "LatestStreamArn" not in look()
    key_arn = control.client("kms").create_key()["KeyMetadata"]["Arn"]
    dynamodb.update_table(TableName="films", SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key_arn})
    assert look()["SSEDescription"] == {"Status": "ENABLED", "KMSMasterKeyArn": key_arn}
    dynamodb.update_table(TableName="films", SSESpecification={"Enabled": False})
    assert "SSEDescription" not in look()
    dynamodb.update_table(TableName="films", SSESpecification={"Enabled": True}, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    assert look()["SSEDescription"] == {"Status": "ENABLED"} and look()["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    dynamodb.update_table(TableName="films", SSESpecification={"Enabled": False})
    assert "SSEDescription" not in look() and look()["LatestStreamArn"]


def test_zones(control):
    zones = control.client("ec2", "eu-north-1").describe_availability_zones()["AvailabilityZones"]
    assert [z["ZoneName"] for z in zones] == ["eu-north-1a", "eu-north-1b", "eu-north-1c"]


def test_security_group_rules(control):
    ec2 = control.client("ec2")
    vpcs = [ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2)]
    group, other = (ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"] for vpc in vpcs)
    assert code(ec2.create_security_group, GroupName="g", Description="d", VpcId=vpcs[0])[1] == "InvalidGroup.Duplicate"
    ranges = [{"CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.168.0.0/16"}]
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**ssh, "IpRanges": ranges}, {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": other}]}])
    assert len({rule["SecurityGroupRuleId"] for rule in made["SecurityGroupRules"]}) == 3
    assert code(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[{**ssh, "IpRanges": ranges[:1]}])[1] == "InvalidPermission.Duplicate"
    (seen,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    of_ssh, of_others = sorted(seen["IpPermissions"], key=lambda permission: "FromPort" not in permission)
    nothing = {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
    assert of_ssh == {**nothing, **ssh, "IpRanges": ranges} and [pair["GroupId"] for pair in of_others["UserIdGroupPairs"]] == [other]
    assert seen["IpPermissionsEgress"] == [{**nothing, "IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[{**ssh, "IpRanges": ranges[:1]}])
    ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="udp", FromPort=53, ToPort=53, CidrIp="10.0.0.0/8")
    (seen,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert sorted(permission["IpProtocol"] for permission in seen["IpPermissions"]) == ["-1", "tcp", "udp"]
    ec2.delete_security_group(GroupId=group)
    assert group not in {rule["GroupId"] for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]}


def test_several_at_once(control):
    ec2 = control.client("ec2")
    vpcs = {ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(3)}
    subnet = ec2.create_subnet(VpcId=min(vpcs), CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    wanted = sorted(vpcs)[:2]
    assert [vpc["VpcId"] for vpc in ec2.describe_vpcs(VpcIds=wanted)["Vpcs"]] == wanted
    assert code(ec2.describe_vpcs, VpcIds=[*wanted, "vpc-0"])[1] == "InvalidVpcID.NotFound"
    ec2.create_tags(Resources=[*wanted, subnet], Tags=[{"Key": "a", "Value": "b"}])
    assert {vpc["VpcId"] for vpc in ec2.describe_vpcs(Filters=[{"Name": "tag:a", "Values": ["b"]}])["Vpcs"]} == set(wanted)
    assert ec2.describe_subnets()["Subnets"][0]["Tags"] == [{"Key": "a", "Value": "b"}]


def test_tagging_api(control):
    glue, tagging = control.client("glue"), control.client("resourcegroupstaggingapi")
    for i in range(5):
        glue.create_database(DatabaseInput={"Name": f"d{i}"}, Tags={"n": str(i)})
    pages = list(tagging.get_paginator("get_resources").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(p["ResourceTagMappingList"]) for p in pages] == [2, 2, 1]
    found = tagging.get_resources(ResourceTypeFilters=["glue:database"], TagFilters=[{"Key": "n", "Values": ["1", "3"]}])["ResourceTagMappingList"]
    assert sorted(r["ResourceARN"].rsplit("/")[-1] for r in found) == ["d1", "d3"]
    assert tagging.get_resources(ResourceTypeFilters=["glue:job"])["ResourceTagMappingList"] == []


@pytest.mark.parametrize("service, call, expected", [
    ("glue", "get_databases", "ThrottlingException"), ("iam", "list_roles", "Throttling"), ("ec2", "describe_vpcs", "RequestLimitExceeded"),
    ("s3", "list_buckets", "SlowDown"), ("scheduler", "list_schedules", "TooManyRequestsException")])
def test_throttled_in_its_own_words(control, service, call, expected):
    control.faults("POST", {"rules": [{"service": service, "fault": "throttle", "times": 1}]})
    client = control.client(service)
    assert code(getattr(client, call))[1] == expected
    getattr(client, call)()
    assert control.faults("GET")["rules"][0]["struck"] == 1


@pytest.mark.parametrize("fault, done", [("reset", False), ("lost", True), ("truncate", True)])
def test_cut_connections(control, fault, done):
    glue = control.client("glue")
    control.faults("POST", {"rules": [{"operation": "CreateDatabase", "fault": fault}]})
    with pytest.raises(ConnectionClosedError):
        glue.create_database(DatabaseInput={"Name": "d"})
    control.faults("DELETE")
    assert [d["Name"] for d in glue.get_databases()["DatabaseList"]] == (["d"] if done else [])


def test_buckets_in_the_tagging_api(control):
    s3, sqs, tagging = control.client("s3"), control.client("sqs"), control.client("resourcegroupstaggingapi")
    for name in "b", "a", "plain":
        s3.create_bucket(Bucket=f"lake-{name}")
    far = control.client("s3", "eu-west-1")
    far.create_bucket(Bucket="lake-far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name, where in ("b", s3), ("a", s3), ("far", far):
        where.put_bucket_tagging(Bucket=f"lake-{name}", Tagging={"TagSet": [{"Key": "team", "Value": name}, {"Key": "x", "Value": "a b+c"}]})
    sqs.create_queue(QueueName="q", tags={"team": "a"})

    def arns(size=100, **given):
        pages = list(tagging.get_paginator("get_resources").paginate(**given, PaginationConfig={"PageSize": size}))
        return [item["ResourceARN"].rsplit(":", 1)[1] for page in pages for item in page["ResourceTagMappingList"]], len(pages)

    assert arns() == (["q", "lake-a", "lake-b"], 1)
    assert arns(ResourceTypeFilters=["s3"]) == (["lake-a", "lake-b"], 1)
    assert arns(TagFilters=[{"Key": "team", "Values": ["a"]}]) == (["q", "lake-a"], 1)
    assert arns(1) == (["q", "lake-a", "lake-b"], 3)
    (found,) = tagging.get_resources(TagFilters=[{"Key": "team", "Values": ["b"]}])["ResourceTagMappingList"]
    assert found["Tags"] == [{"Key": "team", "Value": "b"}, {"Key": "x", "Value": "a b+c"}]
    s3.delete_bucket_tagging(Bucket="lake-a")
    assert arns(ResourceTypeFilters=["s3"]) == (["lake-b"], 1)


def test_what_terraform_asks(control):
    """Forms of calls that weir does not use: tags with the stream, a trail by its name, filters that say what they mean, lists of nothing."""
    kinesis, trails, ssm, glue = (control.client(name) for name in ("kinesis", "cloudtrail", "ssm", "glue"))
    kinesis.create_stream(StreamName="tagged", ShardCount=1, Tags={"team": "web"})
    assert kinesis.list_tags_for_stream(StreamName="tagged")["Tags"] == [{"Key": "team", "Value": "web"}]
    s3 = control.client("s3")
    s3.create_bucket(Bucket="logs")
    s3.put_bucket_policy(Bucket="logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Action": "s3:*", "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"]}}))
    for name in ("one", "two"):
        trails.create_trail(Name=name, S3BucketName="logs")
    assert [one["Name"] for one in trails.describe_trails(trailNameList=["two"])["trailList"]] == ["two"]
    assert {one["Name"] for one in trails.describe_trails()["trailList"]} == {"one", "two"}
    ssm.put_parameter(Name="/a", Value="1", Type="String")
    assert [one["Name"] for one in ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": ["/a"]}])["Parameters"]] == ["/a"]
    glue.create_database(DatabaseInput={"Name": "d"})
    glue.create_table(DatabaseName="d", TableInput={"Name": "t"}, PartitionIndexes=[])
    assert glue.get_table(DatabaseName="d", Name="t")["Table"]["Name"] == "t"


def test_so_many_are_tagged_at_once(sandbox):
    """None is passed over in silence: the 21st is refused, with all."""
    topics, tagging = sandbox.client("sns"), sandbox.client("resourcegroupstaggingapi")
    arns = [topics.create_topic(Name=f"tagged-{i}")["TopicArn"] for i in range(21)]
    assert code(tagging.tag_resources, ResourceARNList=arns, Tags={"so": "many"})[0] == "InvalidParameterException"
    assert code(tagging.untag_resources, ResourceARNList=arns, TagKeys=["so"])[0] == "InvalidParameterException"
    assert not tagging.tag_resources(ResourceARNList=arns[:20], Tags={"so": "many"})["FailedResourcesMap"]
    assert len(tagging.get_resources(TagFilters=[{"Key": "so"}])["ResourceTagMappingList"]) == 20


def test_a_bucket_is_tagged_as_others_are(sandbox):
    s3, tagging, bucket = sandbox.client("s3"), sandbox.client("resourcegroupstaggingapi"), "tagged-from-outside"
    s3.create_bucket(Bucket=bucket)
    arn = f"arn:aws:s3:::{bucket}"

    def tags():
        return {one["Key"]: one["Value"] for one in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]}

    assert not tagging.tag_resources(ResourceARNList=[arn], Tags={"<of>": "a & b", "bucket": "1"})["FailedResourcesMap"]
    assert tags() == {"<of>": "a & b", "bucket": "1"}
    assert "<of>" in tagging.get_tag_keys()["TagKeys"] and "a & b" in tagging.get_tag_values(Key="<of>")["TagValues"]
    assert not tagging.tag_resources(ResourceARNList=[arn], Tags={"bucket": "2"})["FailedResourcesMap"]
    for _ in range(2):  # what it does not have is gone already
        assert not tagging.untag_resources(ResourceARNList=[arn], TagKeys=["<of>"])["FailedResourcesMap"]
        assert tags() == {"bucket": "2"}
    for _ in range(2):
        assert not tagging.untag_resources(ResourceARNList=[arn], TagKeys=["bucket"])["FailedResourcesMap"]
        assert code(s3.get_bucket_tagging, Bucket=bucket)[1] == "NoSuchTagSet"
    for nothing in "no-such-bucket", "../s3", f"{bucket}/key":
        assert tagging.tag_resources(ResourceARNList=[f"arn:aws:s3:::{nothing}"], Tags={"a": "b"})["FailedResourcesMap"]
