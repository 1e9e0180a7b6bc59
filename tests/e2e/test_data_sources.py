"""Data sources: what is there already, on moto and on the sandbox, whoever made it; and what cannot be found is told of."""

import json

import pytest
from support import Stack


def looked(stack, data, outputs):
    stack.write(json.dumps({"stack": "look", "data": data, "outputs": outputs})).apply()
    stack.assert_settled()
    return stack.outputs()


def refused(stack, data):
    stack.write(json.dumps({"stack": "look", "data": data}))
    answer = stack.run("plan", status=None)
    assert answer.status in (1, 3), answer
    return answer.err


@pytest.fixture
def network(place):
    """Two networks of others; in one two subnets with names, in each a group called `jobs`."""
    ec2 = place.client("ec2")
    made = {"vpc": ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"], "other": ec2.create_vpc(CidrBlock="10.41.0.0/16")["Vpc"]["VpcId"]}
    ec2.create_tags(Resources=[made["vpc"]], Tags=[{"Key": "Name", "Value": "lake-network"}])
    for i, zone in enumerate("ab"):
        made[zone] = ec2.create_subnet(VpcId=made["vpc"], CidrBlock=f"10.40.{i}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"]
        ec2.create_tags(Resources=[made[zone]], Tags=[{"Key": "Name", "Value": f"private-{zone}"}])
    for vpc in ("vpc", "other"):
        made[f"group_{vpc}"] = ec2.create_security_group(GroupName="jobs", Description=f"of {vpc}", VpcId=made[vpc])["GroupId"]
    return made


def test_networks(tmp_path, place, network):
    stack = Stack(tmp_path / "stack", place)
    vpc = network["vpc"]
    data = {
        "vpc": {"type": "aws.ec2.vpc", "name": "lake-*"},
        "again": {"type": "aws.ec2.vpc", "vpc_id": vpc},
        "by_cidr": {"type": "aws.ec2.vpc", "cidr_block": "10.41.0.0/16"},
        "a": {"type": "aws.ec2.subnet", "name": "private-a"},
        "b": {"type": "aws.ec2.subnet", "vpc_id": "${vpc.vpc_id}", "availability_zone": "us-east-1b"},
        "first": {"type": "aws.ec2.subnet", "subnet_id": network["a"]},
        "all": {"type": "aws.ec2.subnets", "vpc_id": vpc},
        "named": {"type": "aws.ec2.subnets", "vpc_id": vpc, "name": "*-b"},
        "group": {"type": "aws.ec2.security_group", "name": "jobs", "vpc_id": vpc},
        "by_id": {"type": "aws.ec2.security_group", "group_id": network["group_other"]},
        "s3": {"type": "aws.ec2.prefix_list", "name": "com.amazonaws.us-east-1.s3"},
    }
    outputs = {"vpc": "${vpc.vpc_id}", "again": "${again.cidr_block}", "by_cidr": "${by_cidr.vpc_id}", "a": "${a.subnet_id}", "b": "${b.cidr_block}", "first": "${first.availability_zone}",
               "all": "${sort(all.ids)}", "named": "${named.ids}", "group": "${group.group_id}", "by_id": "${by_id.description}", "s3": "${s3.prefix_list_id}", "cidrs": "${length(s3.cidrs) > 0}"}
    got = looked(stack, data, outputs)
    lists = place.client("ec2").describe_managed_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}])["PrefixLists"]
    assert got == {"vpc": vpc, "again": "10.40.0.0/16", "by_cidr": network["other"], "a": network["a"], "b": "10.40.1.0/24", "first": "us-east-1a",
                   "all": sorted([network["a"], network["b"]]), "named": [network["b"]], "group": network["group_vpc"], "by_id": "of other", "s3": lists[0]["PrefixListId"], "cidrs": True}


def test_nothing_and_several_are_told(tmp_path, place, network):
    stack = Stack(tmp_path / "stack", place)
    assert "reading data no: it does not exist" in refused(stack, {"no": {"type": "aws.ec2.subnet", "name": "public-*"}})
    several = refused(stack, {"any": {"type": "aws.ec2.subnet", "vpc_id": network["vpc"]}})
    assert "2 of them match" in several and "configure more attributes of the one that is meant" in several
    assert "2 of them match" in refused(stack, {"group": {"type": "aws.ec2.security_group", "name": "jobs"}})


def test_keys(tmp_path, place):
    kms = place.client("kms")
    key = kms.create_key(Description="theirs")["KeyMetadata"]
    kms.create_alias(AliasName="alias/theirs", TargetKeyId=key["KeyId"])
    stack = Stack(tmp_path / "stack", place)
    got = looked(stack, {"alias": {"type": "aws.kms.alias", "name": "alias/theirs"}, "key": {"type": "aws.kms.key", "key": "${alias.target_key_id}"}},
                 {"alias": "${alias.target_key_arn}", "key": "${key.arn}", "enabled": "${key.enabled}"})
    assert got == {"alias": key["Arn"], "key": key["Arn"], "enabled": True}
    assert "it does not exist" in refused(stack, {"no": {"type": "aws.kms.alias", "name": "alias/nobody"}})
    refused(stack, {"no": {"type": "aws.kms.key", "key": "11111111-2222-4333-8444-555555555555"}})


def test_hosted_zones(tmp_path, cloud):
    zones = cloud.client("route53")
    public = zones.create_hosted_zone(Name="lake.example.com", CallerReference="1")["HostedZone"]["Id"]
    vpc = cloud.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    private = zones.create_hosted_zone(Name="lake.example.com", CallerReference="2", VPC={"VPCRegion": "us-east-1", "VPCId": vpc}, HostedZoneConfig={"PrivateZone": True, "Comment": ""})["HostedZone"]["Id"]
    zones.create_hosted_zone(Name="a.example.com", CallerReference="3")
    stack = Stack(tmp_path / "stack", cloud)
    got = looked(stack, {"public": {"type": "aws.route53.hosted_zone", "name": "lake.example.com"}, "private": {"type": "aws.route53.hosted_zone", "name": "lake.example.com", "private_zone": True}},
                 {"public": "${public.zone_id}", "private": "${private.arn}"})
    assert got == {"public": public.rpartition("/")[2], "private": f"arn:aws:route53:::{private[1:]}"}
    assert "it does not exist" in refused(stack, {"no": {"type": "aws.route53.hosted_zone", "name": "example.org"}})
    dotted = refused(stack, {"no": {"type": "aws.route53.hosted_zone", "name": "example.org."}})
    assert "example.org." in dotted
