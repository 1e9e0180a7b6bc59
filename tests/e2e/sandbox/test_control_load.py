"""Mixed requests of many clients at once: what a sanitizer would see, and that no answer gets mixed up with another's."""

import contextlib
import random
import resource
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from servers import TRUST, Sandbox, SandboxCloud
from support import PATIENCE_S
from test_firing import seconds_of

CLIENTS, ROUNDS = 8, 12
SERVICES = ("iam", "glue", "ec2", "sqs", "sns", "ssm", "secretsmanager", "dynamodb", "lambda", "stepfunctions", "scheduler", "rds", "s3", "resourcegroupstaggingapi")


def life_of(clients, name):
    """One client's things, of every protocol; others' are never in the way, but what is shared is."""
    iam, glue, ec2, sqs, ssm, s3 = (clients[service] for service in ("iam", "glue", "ec2", "sqs", "ssm", "s3"))
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "who", "Value": name}])["Role"]["Arn"]
    glue.create_job(Name=name, Role=arn, Command={"Name": "glueetl", "ScriptLocation": "s3://b/k"}, Tags={"who": name})
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=name, Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": f"10.{i}.0.0/16"} for i in range(3)]}])
    assert len(ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"][0]["IpRanges"]) == 3
    url = sqs.create_queue(QueueName=name, tags={"who": name})["QueueUrl"]
    ssm.put_parameter(Name=f"/{name}", Value=name, Type="String")
    assert ssm.get_parameter(Name=f"/{name}")["Parameter"]["Value"] == name
    assert glue.get_job(JobName=name)["Job"]["Role"] == arn
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=name.encode())
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == name.encode()
    assert name in [role["RoleName"] for page in iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 7}) for role in page["Roles"]]
    found = clients["resourcegroupstaggingapi"].get_resources(TagFilters=[{"Key": "who", "Values": [name]}])["ResourceTagMappingList"]
    assert {one["ResourceARN"].split(":")[2] for one in found} == {"glue", "sqs"}
    glue.delete_job(JobName=name)
    sqs.delete_queue(QueueUrl=url)
    ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)
    ssm.delete_parameter(Name=f"/{name}")
    iam.delete_role(RoleName=name)
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)


def shared_things(clients, dice):
    """Everybody at the same few names: either answer is right, a third is not."""
    name = f"shared-{dice.randrange(3)}"
    tries = [
        (clients["dynamodb"].create_table, {"TableName": name, "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                                            "BillingMode": "PAY_PER_REQUEST"}),
        (clients["dynamodb"].delete_table, {"TableName": name}),
        (clients["secretsmanager"].create_secret, {"Name": name, "SecretString": "x"}),
        (clients["secretsmanager"].delete_secret, {"SecretId": name, "ForceDeleteWithoutRecovery": True}),
        (clients["scheduler"].create_schedule_group, {"Name": name}),
        (clients["scheduler"].delete_schedule_group, {"Name": name}),
        (clients["sns"].create_topic, {"Name": name}),
        (clients["rds"].describe_db_instances, {"DBInstanceIdentifier": name}),
        (clients["lambda"].get_function, {"FunctionName": name}),
        (clients["stepfunctions"].list_state_machines, {}),
    ]
    call, given = dice.choice(tries)
    try:
        call(**given)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404, 409), error


def nonsense(server, dice):
    body = bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
    request = urllib.request.Request(server.url + "/" + "%2F" * dice.randrange(3), data=body, headers={"X-Amz-Target": "AWSGlue." + "x" * dice.randrange(9)})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        assert 400 <= error.code < 500
        error.close()


@pytest.mark.parametrize("kept", [pytest.param(False, marks=pytest.mark.long), True], ids=["in memory", "on the disk"])
def test_mixed_load(tmp_path, kept):
    server = SandboxCloud()
    if kept:
        server.stop()
        server.words[0] = str(tmp_path)
        server.start()
    clients = {service: server.client(service, read_timeout=PATIENCE_S, max_pool_connections=CLIENTS) for service in SERVICES}

    def client(number):
        dice = random.Random(number)
        for turn in range(ROUNDS):
            if turn % 4 == 0:
                life_of(clients, f"client-{number}-{turn}")
            for _ in range(3):
                shared_things(clients, dice)
            nonsense(server, dice)

    try:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(client, range(CLIENTS)))
        assert clients["iam"].list_roles()["Roles"] == [] and clients["glue"].get_jobs()["Jobs"] == []
    finally:
        server.stop()  # its status: sanitizers have nothing to say


def test_thousands_of_names_in_one_request():
    """It is read once, not once for each name, and keeps nobody else waiting."""
    server = SandboxCloud()
    try:
        ec2 = server.client("ec2", read_timeout=PATIENCE_S)
        vpcs = [ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(50)]

        def look():
            assert len(ec2.describe_vpcs(VpcIds=vpcs * 40)["Vpcs"]) == 2000
        assert any(seconds_of(look) < 8 for _ in range(3))  # a busy machine may stand still
    finally:
        server.stop()


def test_a_workshop_of_open_connections():
    """Thirty people's weir hold 32 connections each: none is cut off, whatever the limit of files was when the sandbox began."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    server = Sandbox(files="1024:")
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        stack.callback(server.stop)
        open_ones = [stack.enter_context(socket.create_connection((server.address, server.port))) for _ in range(900)]
        for connection in open_ones:
            connection.sendall(b"GET /_weir/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert [connection.recv(12) for connection in open_ones] == [b"HTTP/1.1 200"] * 900
