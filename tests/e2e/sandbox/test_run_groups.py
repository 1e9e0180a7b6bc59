"""Groups of instances in the sandbox: as many as are wanted, with boto3 as the judge."""

import pytest
from botocore.exceptions import ClientError

from servers import SandboxCloud


@pytest.fixture
def group(tmp_path):
    """A group of two in two subnets; clients of both services."""
    sandbox = SandboxCloud(str(tmp_path / "sandbox"))
    ec2, scaling = sandbox.client("ec2"), sandbox.client("autoscaling")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"] for n, zone in ((1, "a"), (2, "b"))]
    ec2.create_launch_template(LaunchTemplateName="worker", LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "t4g.micro", "Monitoring": {"Enabled": True}, "MetadataOptions": {"HttpTokens": "required"}, "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "of", "Value": "template"}]}]})
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="workers", MinSize=1, MaxSize=4, DesiredCapacity=2, LaunchTemplate={"LaunchTemplateName": "worker"}, VPCZoneIdentifier=",".join(subnets),
        Tags=[{"Key": "team", "Value": "data", "PropagateAtLaunch": True}, {"Key": "kept", "Value": "here", "PropagateAtLaunch": False}])
    yield ec2, scaling
    sandbox.stop()


def shown(scaling):
    (one,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["workers"])["AutoScalingGroups"]
    return one


def running(ec2):
    found = ec2.describe_instances(Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": ["workers"]}])["Reservations"]
    return {one["InstanceId"]: one for each in found for one in each["Instances"] if one["State"]["Name"] in ("pending", "running")}


def members(ec2, scaling):
    """What the group lists, and what EC2 has: one and the same."""
    listed = {one["InstanceId"] for one in shown(scaling)["Instances"] if one["LifecycleState"] == "InService"}
    assert listed >= set(running(ec2)) and set(running(ec2)) == {one["InstanceId"] for one in scaling.describe_auto_scaling_instances()["AutoScalingInstances"]}
    return set(running(ec2))


def test_it_has_as_many_as_it_wants(group):
    ec2, scaling = group
    first = running(ec2)
    assert len(members(ec2, scaling)) == 2 and len({one["SubnetId"] for one in first.values()}) == 2
    assert {one["AvailabilityZone"] for one in shown(scaling)["Instances"]} == {"us-east-1a", "us-east-1b"}
    for one in first.values():
        assert {tag["Key"]: tag["Value"] for tag in one["Tags"]} == {"of": "template", "team": "data", "aws:autoscaling:groupName": "workers"}
        assert one["Monitoring"]["State"] == "enabled" and one["MetadataOptions"]["HttpTokens"] == "required"
    scaling.set_desired_capacity(AutoScalingGroupName="workers", DesiredCapacity=4)
    assert len(members(ec2, scaling)) == 4
    scaling.update_auto_scaling_group(AutoScalingGroupName="workers", MaxSize=3)
    assert len(members(ec2, scaling)) == 3 and shown(scaling)["DesiredCapacity"] == 3
    scaling.set_desired_capacity(AutoScalingGroupName="workers", DesiredCapacity=1)
    (last,) = members(ec2, scaling)
    with pytest.raises(ClientError, match="desiredSize equals minSize"):
        scaling.terminate_instance_in_auto_scaling_group(InstanceId=last, ShouldDecrementDesiredCapacity=True)
    assert members(ec2, scaling) == {last}
    with pytest.raises(ClientError, match="above max value 3"):
        scaling.set_desired_capacity(AutoScalingGroupName="workers", DesiredCapacity=4)


def test_it_starts_the_version_that_it_names(group):
    ec2, scaling = group
    ec2.create_launch_template_version(LaunchTemplateName="worker", LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "m5.large"})
    for wanted, version in ("t4g.micro", "$Default"), ("m5.large", "$Latest"), ("t4g.micro", "1"):
        old = members(ec2, scaling)
        scaling.update_auto_scaling_group(AutoScalingGroupName="workers", LaunchTemplate={"LaunchTemplateName": "worker", "Version": version})
        ec2.terminate_instances(InstanceIds=sorted(old))
        assert len(members(ec2, scaling)) == 2 and {one["InstanceType"] for one in running(ec2).values()} == {wanted}


def test_one_that_goes_is_replaced(group):
    ec2, scaling = group
    before = members(ec2, scaling)
    ec2.terminate_instances(InstanceIds=[sorted(before)[0]])
    after = members(ec2, scaling)
    assert len(after) == 2 and len(after & before) == 1
    scaling.suspend_processes(AutoScalingGroupName="workers", ScalingProcesses=["Launch"])
    ec2.terminate_instances(InstanceIds=[sorted(after)[0]])
    assert len(members(ec2, scaling)) == 1
    scaling.resume_processes(AutoScalingGroupName="workers", ScalingProcesses=["Launch"])
    last = sorted(members(ec2, scaling))
    assert len(last) == 2
    scaling.terminate_instance_in_auto_scaling_group(InstanceId=last[0], ShouldDecrementDesiredCapacity=True)
    assert members(ec2, scaling) == {last[1]} and shown(scaling)["DesiredCapacity"] == 1


def test_tags_are_of_a_group(group):
    ec2, scaling = group
    mine = {"ResourceId": "workers", "ResourceType": "auto-scaling-group"}
    scaling.create_or_update_tags(Tags=[{**mine, "Key": "team", "Value": "other", "PropagateAtLaunch": False}, {**mine, "Key": "more", "Value": "x", "PropagateAtLaunch": True}])
    scaling.delete_tags(Tags=[{**mine, "Key": "kept"}])
    found = {tag["Key"]: (tag["Value"], tag["PropagateAtLaunch"]) for tag in scaling.describe_tags(Filters=[{"Name": "auto-scaling-group", "Values": ["workers"]}])["Tags"]}
    assert found == {"team": ("other", False), "more": ("x", True)}
    with pytest.raises(ClientError, match="not found"):
        scaling.delete_tags(Tags=[{**mine, "ResourceId": "others", "Key": "kept"}])


def test_what_is_refused(group):
    ec2, scaling = group
    new = {"AutoScalingGroupName": "new", "MinSize": 1, "MaxSize": 1, "LaunchTemplate": {"LaunchTemplateName": "worker"}, "VPCZoneIdentifier": shown(scaling)["VPCZoneIdentifier"]}
    for change, told in (({"MaxSize": 0}, "below min"), ({"LaunchTemplate": {"LaunchTemplateName": "none"}}, "does not exist"), ({"VPCZoneIdentifier": "subnet-none"}, "subnet-none")):
        with pytest.raises(ClientError, match=told):
            scaling.create_auto_scaling_group(**{**new, **change})
    with pytest.raises(ClientError, match="must contain either"):
        scaling.create_auto_scaling_group(**{key: value for key, value in new.items() if key != "LaunchTemplate"})
    scaling.delete_auto_scaling_group(AutoScalingGroupName="workers", ForceDelete=True)
    assert not running(ec2)
