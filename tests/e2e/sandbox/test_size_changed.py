"""An instance's size is changed while it is stopped: what EC2 refuses otherwise, and runs that end between stop and start."""

import json

import pytest
from botocore.exceptions import ClientError
from servers import Faults, killed

LONG_HERE = {"test_killed_in_between[StopInstances]", "test_killed_in_between[ModifyInstanceAttribute]"}  # the third is what nothing but the state tells


def written(stack, size):
    return stack.write(json.dumps({"stack": "sized", "resources": {"it": {"type": "aws.ec2.instance", "image_id": "ami-1", "instance_type": size}}}))


def instance(cloud):
    (found,) = [one for each in cloud.client("ec2").describe_instances()["Reservations"] for one in each["Instances"] if one["State"]["Name"] != "terminated"]
    return found


def test_a_running_one_keeps_its_size(stack, cloud):
    written(stack, "t4g.micro").apply()
    ec2, id = cloud.client("ec2"), instance(cloud)["InstanceId"]
    for what in ({"InstanceType": {"Value": "t4g.small"}}, {"EbsOptimized": {"Value": True}}):
        with pytest.raises(ClientError, match="IncorrectInstanceState.*is not in the 'stopped' state"):
            ec2.modify_instance_attribute(InstanceId=id, **what)
    ec2.stop_instances(InstanceIds=[id])
    ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t4g.small"})
    assert instance(cloud)["InstanceType"] == "t4g.small"
    stack.destroy()


@pytest.mark.parametrize("operation", ["StopInstances", "ModifyInstanceAttribute", "StartInstances"])
def test_killed_in_between(stack, cloud, operation):
    written(stack, "t4g.micro").apply()
    id = instance(cloud)["InstanceId"]
    written(stack, "t4g.small")
    killed(stack, Faults(cloud), operation)
    stack.apply()
    stack.assert_settled()
    found = instance(cloud)
    assert (found["InstanceId"], found["InstanceType"], found["State"]["Name"]) == (id, "t4g.small", "running")
    stack.destroy()
