"""The retail workshop's network and database as its stack makes them, for attendees beside each other; tests/e2e/sandbox/test_run_retail.py has what is inside and what runs."""

import pytest
from support import example

ADA, BEN = (["-i", f"owner={who}", "-i", "inside=false", "-i", "region=us-east-1"] for who in ("ada", "ben"))


@pytest.mark.long  # test_fleet.py has many beside each other
def test_attendees_beside_each_other(tmp_path, cloud_with_policies):
    cloud = cloud_with_policies
    system = example("retail-workshop", tmp_path / "retail", cloud)
    system.apply(*ADA)
    system.apply(*BEN)
    system.assert_settled(*ADA)
    ec2 = cloud.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "tag:workshop", "Values": ["retail-workshop"]}])["Vpcs"]
    assert len(vpcs) == 2 and {v["CidrBlock"] for v in vpcs} == {"10.0.0.0/16"}
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}])["Subnets"]
    assert {s["CidrBlock"]: s["MapPublicIpOnLaunch"] for s in subnets} == {"10.0.0.0/24": True, "10.0.10.0/24": True, "10.0.100.0/24": False, "10.0.110.0/24": False}
    endpoints = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}])["VpcEndpoints"]
    assert {e["ServiceName"].rsplit(".")[-1]: e["VpcEndpointType"] for e in endpoints} == {"s3": "Gateway", "secretsmanager": "Interface"}
    (database,) = cloud.client("rds").describe_db_instances(DBInstanceIdentifier="ada-retail")["DBInstances"]
    assert not database["PubliclyAccessible"] and database["StorageEncrypted"]
    assert (database["DBName"], database["MasterUsername"], database["DBInstanceClass"], database["AllocatedStorage"]) == ("DEEnhancement", "postgres", "db.t3.large", 50)

    groups = {group["GroupName"]: group for group in ec2.describe_security_groups()["SecurityGroups"] if group["GroupName"].startswith("ada-")}
    public, private = groups["ada-retail-public"], groups["ada-retail-private"]
    assert [group["VpcSecurityGroupId"] for group in database["VpcSecurityGroups"]] == [private["GroupId"]]
    named = {pair["GroupId"]: (rule["FromPort"], rule["ToPort"]) for rule in private["IpPermissions"] for pair in rule["UserIdGroupPairs"]}
    assert named == {public["GroupId"]: (5432, 5432), private["GroupId"]: (0, 65535)} and not any(rule["IpRanges"] for rule in private["IpPermissions"])
    out = {(rule["FromPort"], target) for rule in private["IpPermissionsEgress"] for target in [p["PrefixListId"] for p in rule["PrefixListIds"]] + [r["CidrIp"] for r in rule["IpRanges"]]}
    assert out == {(443, "pl-63a5400a"), (0, "10.0.100.0/24"), (0, "10.0.110.0/24")}
    assert [(rule["FromPort"], [r["CidrIp"] for r in rule["IpRanges"]]) for rule in public["IpPermissions"]] == [(22, ["203.0.113.0/24"])]

    secrets = {secret["Name"] for secret in cloud.client("secretsmanager").list_secrets()["SecretList"]}
    assert {"ada/de_enhancement_rds_sm", "ben/de_enhancement_rds_sm"} <= secrets
    system.destroy(*ADA)
    assert [b["Name"] for b in cloud.client("s3").list_buckets()["Buckets"]] == ["ben-hist-retail"]
    system.assert_settled(*BEN)


def test_a_newer_image_alone_replaces_nothing(tmp_path, fast_sandbox):
    stack = example("retail-workshop", tmp_path / "retail", fast_sandbox)
    stack.apply(*ADA, "-i", "bastion_image=ami-0a1b2c3d")
    newer = [*ADA, "-i", "bastion_image=ami-0f1e2d3c"]
    stack.assert_settled(*newer)
    assert stack.plan(*newer, "--replace", "bastion") == {"bastion": "replace"}
    stack.destroy(*newer)
