"""What a file leaves to another resource is filled in from there: the zone of a Glue connection is that of its subnet, without which no job of AWS's gets anywhere."""

import pytest

NETWORK = """
stack: fills
resources:
  vpc: {type: aws.ec2.vpc, cidr_block: 10.7.0.0/16}
  inside: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.7.1.0/24, availability_zone: us-east-1c}
  other: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.7.2.0/24, availability_zone: us-east-1b}
"""
CONNECTION = """
  way:
    type: aws.glue.connection
    name: way
    connection_type: NETWORK
    properties: {}
    network: {subnet_id: "%s", security_group_ids: [sg-1]%s}
"""


def zone_of(cloud, name="way"):
    return cloud.client("glue").get_connection(Name=name)["Connection"]["PhysicalConnectionRequirements"].get("AvailabilityZone")


@pytest.fixture
def there(cloud):
    """A subnet that is no stack's."""
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone="us-east-1d")["Subnet"]["SubnetId"]


def test_from_the_stack(stack, cloud):
    stack.write(NETWORK + CONNECTION % ("${inside.subnet_id}", ""))
    stack.run("validate")
    stack.run("apply", "-y")
    assert zone_of(cloud) == "us-east-1c"
    assert "No changes" in stack.run("plan").out
    stack.write(NETWORK + CONNECTION % ("${other.subnet_id}", ""))  # another subnet is in another zone
    stack.run("apply", "-y")
    assert zone_of(cloud) == "us-east-1b"
    assert "No changes" in stack.run("plan").out


def test_what_is_there_without_a_zone_gets_one(stack, cloud):
    """As everything that was made before weir knew this: the plan shows it, and nobody has to make it anew."""
    stack.write(NETWORK + CONNECTION % ("${inside.subnet_id}", ""))
    stack.run("apply", "-y")
    glue = cloud.client("glue")
    network = glue.get_connection(Name="way")["Connection"]["PhysicalConnectionRequirements"]
    glue.update_connection(Name="way", ConnectionInput={
        "Name": "way", "ConnectionType": "NETWORK", "ConnectionProperties": {}, "PhysicalConnectionRequirements": {key: v for key, v in network.items() if key != "AvailabilityZone"}})
    assert zone_of(cloud) is None
    shown = stack.run("plan").out
    assert "us-east-1c" in shown and "way" in shown, shown
    stack.run("apply", "-y")
    assert zone_of(cloud) == "us-east-1c"


def test_from_elsewhere(stack, cloud, there):
    stack.write("stack: fills\nresources:" + CONNECTION % (there, ""))
    stack.run("validate")
    stack.run("apply", "-y")
    assert zone_of(cloud) == "us-east-1d"
    assert "No changes" in stack.run("plan").out
    assert "ec2:DescribeSubnets" in stack.run("policy").out


def test_from_elsewhere_when_that_is_known_late(stack, cloud, there):
    """Which subnet it is only the apply finds out: then it is looked up, too."""
    stack.write(NETWORK + f'  late: {{type: weir.command, command: "echo {there}", depends_on: [vpc]}}\n' + CONNECTION % ("${late.result}", ""))
    stack.run("apply", "-y")
    assert zone_of(cloud) == "us-east-1d"
    assert "No changes" in stack.run("plan").out


def test_what_is_given_stays(stack, cloud):
    stack.write(NETWORK + CONNECTION % ("${inside.subnet_id}", ", availability_zone: us-east-1a"))
    stack.run("apply", "-y")
    assert zone_of(cloud) == "us-east-1a"


def test_a_subnet_that_is_not_there(stack, cloud):
    stack.write("stack: fills\nresources:" + CONNECTION % ("subnet-0123456789abcdef0", ""))
    said = stack.run("plan", status=None)
    assert said.status in (1, 3) and "network.availability_zone" in said.err and "subnet-0123456789abcdef0" in said.err, said
    assert not cloud.client("glue").get_connections()["ConnectionList"]
