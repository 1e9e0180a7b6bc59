"""What AWS refuses because of what there is in the account, and the sandbox in the same words: by boto3, and beside each the nearest request that is done."""

import json

import pytest

from support import until
from test_iam import ACCOUNT, Role, allow, denied, document, lake, name, strict  # noqa: F401 (fixtures)
from test_checks_before_creation import code, role_of  # noqa: F401 (fixtures)

ROOT = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
DAY = {"ScheduleExpression": "rate(1 day)"}


def network(strict, net="10.44.0.0/16"):
    ec2 = strict.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=net)["Vpc"]["VpcId"]
    begin = net.rsplit(".", 2)[0]
    return ec2, vpc, [ec2.create_subnet(VpcId=vpc, CidrBlock=f"{begin}.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"] for n, zone in enumerate("aab")]


def test_code_that_is_not_there(strict, code):
    made, api = role_of(strict, "lambda").arn, strict.client("lambda")
    place = code["Code"]
    for wrong, error in (({**place, "S3Key": "no"}, "NoSuchKey"), ({**place, "S3Bucket": "no-such-bucket"}, "NoSuchBucket")):
        refused, words, _ = denied(api.create_function, FunctionName=name("f"), Role=made, **{**code, "Code": wrong})
        assert refused == "InvalidParameterValueException" and words.startswith(f"Error occurred while GetObject. S3 Error Code: {error}.")
        assert denied(api.publish_layer_version, LayerName=name("l"), Content=wrong)[0] == refused
    function = api.create_function(FunctionName=name("f"), Role=made, **code)["FunctionName"]
    assert denied(api.update_function_code, FunctionName=function, S3Bucket=place["S3Bucket"], S3Key="no")[0] == refused
    api.update_function_code(FunctionName=function, **place)


def test_a_key_that_locks_its_owner_out(strict):
    kms, role = strict.client("kms"), Role(strict)
    only = document({**allow("kms:Decrypt"), "Principal": {"AWS": role.arn}})
    assert denied(kms.create_key, Policy=only)[:2] == ("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
    assert kms.create_key(Policy=only, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]
    made = kms.create_key(Policy=document({**allow("kms:*"), **ROOT}, {**allow("kms:Decrypt"), "Principal": {"AWS": role.arn}}))["KeyMetadata"]["KeyId"]
    assert denied(kms.put_key_policy, KeyId=made, Policy=only)[0] == "MalformedPolicyDocumentException"


def test_policies_of_buckets(strict, lake):
    s3, role = strict.client("s3"), Role(strict)
    let = lambda who, **more: document({**allow("s3:GetObject", f"arn:aws:s3:::{lake}/*"), "Principal": who, **more})  # noqa: E731
    assert denied(s3.put_bucket_policy, Bucket=lake, Policy=let({"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"}))[:2] == ("MalformedPolicy", "Invalid principal in policy")
    s3.put_bucket_policy(Bucket=lake, Policy=let({"AWS": [role.arn, "arn:aws:iam::111122223333:role/theirs"]}))
    refused, words, status = denied(s3.put_bucket_policy, Bucket=lake, Policy=let("*"))
    assert (refused, status) == ("AccessDenied", 403) and "BlockPublicPolicy" in words
    s3.put_bucket_policy(Bucket=lake, Policy=let("*", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}))
    s3.delete_public_access_block(Bucket=lake)
    s3.put_bucket_policy(Bucket=lake, Policy=let({"AWS": "*"}))


def rule(more=None, **given):
    return {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 90}, **given, **(more or {})}


@pytest.mark.parametrize("wrong, right, says", [
    ([rule(), rule()], [rule(), rule(ID="b")], "RuleId must be unique"),
    ([rule(Transitions=[{"Days": 29, "StorageClass": "STANDARD_IA"}])], [rule(Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}])], "greater than or equal to 30"),
    ([rule(Transitions=[{"Days": 90, "StorageClass": "GLACIER"}])], [rule(Transitions=[{"Days": 89, "StorageClass": "GLACIER"}])], "must be greater than 'Days' in the Transition"),
    ([rule(Expiration={"Days": 0})], [rule(Expiration={"Days": 1})], "must be a positive integer"),
], ids=["ids", "seldom", "order", "zero"])
def test_lifecycles(strict, lake, wrong, right, says):
    put = strict.client("s3").put_bucket_lifecycle_configuration
    refused, words, _ = denied(put, Bucket=lake, LifecycleConfiguration={"Rules": wrong})
    assert refused == "InvalidArgument" and says in words
    put(Bucket=lake, LifecycleConfiguration={"Rules": right})


def test_notifications_that_overlap(strict, lake):
    s3, sqs = strict.client("s3"), strict.client("sqs")
    sqs.create_queue(QueueName=(queue := name("q")), Attributes={"Policy": document({**allow("sqs:SendMessage"), "Principal": {"Service": "s3.amazonaws.com"}})})

    def told(events, prefix, suffix=""):
        rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
        return {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}", "Events": [f"s3:{events}"], "Filter": {"Key": {"FilterRules": rules}}}

    put = lambda *all: s3.put_bucket_notification_configuration(Bucket=lake, NotificationConfiguration={"QueueConfigurations": list(all)})  # noqa: E731
    for other in (told("ObjectCreated:Put", "raw/a"), told("ObjectCreated:*", "raw/", ".csv"), told("ObjectCreated:*", "")):
        with pytest.raises(Exception, match="Configurations overlap"):
            put(told("ObjectCreated:*", "raw/", "v"), other)
    put(told("ObjectCreated:*", "raw/"), told("ObjectRemoved:*", "raw/"), told("ObjectCreated:*", "gold/"))
    put(told("ObjectCreated:*", "raw/", ".csv"), told("ObjectCreated:*", "raw/", ".json"))


@pytest.mark.parametrize("begin, end", [("xn--", ""), ("sthree-", ""), ("", "-s3alias"), ("", ".mrap")])
def test_names_that_s3_keeps(strict, begin, end):
    s3, middle = strict.client("s3"), name("b")
    assert denied(s3.create_bucket, Bucket=begin + middle + end)[0] == "InvalidBucketName"
    s3.create_bucket(Bucket="x" + begin + middle + end.replace("a", "o"))


def test_tags_of_aws(strict, lake):
    s3, ec2 = strict.client("s3"), strict.client("ec2")
    own = [{"Key": "aws:x", "Value": "1"}]
    assert denied(s3.put_bucket_tagging, Bucket=lake, Tagging={"TagSet": own})[0] == "InvalidTag"
    vpc = ec2.create_vpc(CidrBlock="10.45.0.0/16")["Vpc"]["VpcId"]
    assert denied(ec2.create_tags, Resources=[vpc], Tags=own)[0] == "InvalidParameterValue"
    assert "does not begin with aws:" in denied(strict.client("glue").create_database, DatabaseInput={"Name": name("d")}, Tags={"aws:x": "1"})[1]
    many = [{"Key": f"k{n}", "Value": "1"} for n in range(51)]
    assert denied(ec2.create_tags, Resources=[vpc], Tags=many)[0] == "InvalidParameterValue"
    ec2.create_tags(Resources=[vpc], Tags=many[:50])


def test_ways_out_of_a_network(strict):
    ec2, vpc, subnets = network(strict)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    assert denied(ec2.create_route, **route)[:2] == ("InvalidParameterValue", f"route table {table} and network gateway {gateway} belong to different networks")
    state = lambda made: ec2.describe_nat_gateways(NatGatewayIds=[made])["NatGateways"][0]  # noqa: E731
    nat = lambda **more: ec2.create_nat_gateway(SubnetId=subnets[0], **more)["NatGateway"]["NatGatewayId"]  # noqa: E731
    public = {"AllocationId": ec2.allocate_address(Domain="vpc")["AllocationId"]}
    (named,) = ec2.describe_addresses_attribute(Attribute="domain-name", AllocationIds=list(public.values()))["Addresses"]
    assert named == public | {"PublicIp": ec2.describe_addresses(AllocationIds=list(public.values()))["Addresses"][0]["PublicIp"]}
    assert denied(ec2.describe_addresses_attribute, Attribute="domain-name", AllocationIds=["eipalloc-0123456789abcdef0"])[0] == "InvalidAllocationID.NotFound"
    cut_off, private = nat(**public), nat(ConnectivityType="private")
    until(lambda: state(cut_off)["State"] == "failed")
    assert state(cut_off)["FailureMessage"] == f"Network {vpc} has no Internet gateway attached"
    until(lambda: state(private)["State"] == "available")
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(**route)
    open_ = nat(**public)
    until(lambda: state(open_)["State"] == "available")


def test_one_private_name_leads_to_one_endpoint(strict):
    ec2, vpc, subnets = network(strict, "10.46.0.0/16")
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    given = {"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.glue", "VpcEndpointType": "Interface", "SubnetIds": subnets[:1]}
    ec2.create_vpc_endpoint(PrivateDnsEnabled=True, **given)
    refused, words, _ = denied(ec2.create_vpc_endpoint, PrivateDnsEnabled=True, **given)
    assert refused == "InvalidParameter" and words.startswith("private-dns-enabled cannot be set because there is already a conflicting DNS domain for glue")
    ec2.create_vpc_endpoint(PrivateDnsEnabled=False, **given)


def test_a_database_with_a_public_address(strict):
    ec2, vpc, subnets = network(strict, "10.47.0.0/16")
    rds, group = strict.client("rds"), name("group")
    rds.create_db_subnet_group(DBSubnetGroupName=group, DBSubnetGroupDescription="d", SubnetIds=subnets[1:])
    given = {"Engine": "mysql", "DBInstanceClass": "db.t3.micro", "MasterUsername": "ada", "MasterUserPassword": "goodpass1", "AllocatedStorage": 20, "DBSubnetGroupName": group, "PubliclyAccessible": True}
    refused, words, _ = denied(rds.create_db_instance, DBInstanceIdentifier=name("d"), **given)
    assert refused == "InvalidVPCNetworkStateFault" and "has no internet gateway attached" in words
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert "does not support DNS" in denied(rds.create_db_instance, DBInstanceIdentifier=name("d"), **given)[1]
    rds.create_db_instance(DBInstanceIdentifier=name("d"), **{**given, "PubliclyAccessible": False})
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    rds.create_db_instance(DBInstanceIdentifier=name("d"), **given)


def test_a_load_balancer_in_one_zone(strict):
    _, _, subnets = network(strict, "10.48.0.0/16")
    make = strict.client("elbv2").create_load_balancer
    assert denied(make, Name=name("b"), Subnets=subnets[:2])[:2] == ("InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone")
    make(Name=name("b"), Subnets=subnets[1:])


def test_failed_messages_go_to_a_queue_that_is_there(strict):
    sqs, dead = strict.client("sqs"), name("dead")
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{dead}", "maxReceiveCount": 3})}
    sqs.create_queue(QueueName=name("q"))
    refused, words, _ = denied(sqs.create_queue, QueueName=name("q"), Attributes=policy)
    assert refused.endswith("InvalidParameterValue") and words.endswith("Reason: Dead letter target does not exist.")
    sqs.create_queue(QueueName=dead)
    sqs.create_queue(QueueName=name("q"), Attributes=policy)


@pytest.mark.parametrize("length", [2048, 2049])
def test_quotas_of_iam(strict, length):
    iam = strict.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Sid": "", "Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    trust["Statement"][0]["Sid"] = "s" * (length - len(json.dumps(trust, separators=(",", ":"))))
    given = {"RoleName": name("r"), "AssumeRolePolicyDocument": json.dumps(trust)}
    if length <= 2048:
        made = iam.create_role(**given)["Role"]["RoleName"]
        big = document(allow("s3:GetObject", [f"arn:aws:s3:::bucket-{n:04}/*" for n in range(400)]))
        assert denied(iam.put_role_policy, RoleName=made, PolicyName="big", PolicyDocument=big)[0] == "LimitExceeded"
    else:
        assert denied(iam.create_role, **given)[:2] == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")


def test_versions_that_there_are_none_of(strict, lake):
    glue, role = strict.client("glue"), role_of(strict, "glue")
    given = {"Role": role.arn, "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{lake}/x"}, "WorkerType": "G.1X", "NumberOfWorkers": 2}
    assert denied(glue.create_job, Name=name("j"), GlueVersion="9.0", **given)[:2] == ("InvalidInputException", "Glue version is not supported.")
    glue.create_job(Name=name("j"), GlueVersion="5.0", **given)


def test_targets_of_a_rule(strict):
    events, rule = strict.client("events"), name("rule")
    events.put_rule(Name=rule, **DAY)
    fifo = {"Id": "t", "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:x.fifo"}
    assert "a FIFO queue needs sqs_message_group_id" in denied(events.put_targets, Rule=rule, Targets=[fifo])[1]
    events.put_targets(Rule=rule, Targets=[{**fifo, "SqsParameters": {"MessageGroupId": "g"}}])
    more = [{"Id": str(n), "Arn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"} for n in range(5)]
    assert denied(events.put_targets, Rule=rule, Targets=more)[:2] == ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    events.put_targets(Rule=rule, Targets=more[:4])
