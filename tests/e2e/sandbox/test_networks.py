"""What a network has of its own on AWS, against the sandbox and, where moto agrees with AWS's documentation, against moto."""

import pytest
from servers import code

MOTO = {
    "test_what_a_network_begins_with": "its default group lets nothing in",
    "test_its_own_cannot_be_deleted": "deletes its main route table and its default group",
    "test_reserved_name": "takes it",
    "test_gone_with_the_network": "leaves its access list, and refuses to delete one whose subnet is gone",
    "test_local_routes": "has no error for a second route to the network itself",
    "test_a_route_has_one_target": "takes none and several",
    "test_custom_access_list": "gives it no last rule",
    "test_association_again": "lets a subnet have two route tables",
    "test_group_that_another_names": "deletes it",
}


@pytest.fixture
def ec2(anywhere, request):
    why = MOTO.get(request.node.originalname)
    if anywhere.kind == "moto" and why:
        request.node.add_marker(pytest.mark.xfail(reason=why, strict=True))
    return anywhere.client("ec2")


class Network:
    def __init__(self, ec2, cidr="10.3.0.0/16"):
        self.ec2, self.id = ec2, ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        self.here = [{"Name": "vpc-id", "Values": [self.id]}]

    def groups(self):
        return self.ec2.describe_security_groups(Filters=self.here)["SecurityGroups"]

    def lists(self, **more):
        return self.ec2.describe_network_acls(Filters=[*self.here, *({"Name": name.replace("_", "-"), "Values": [value]} for name, value in more.items())])["NetworkAcls"]

    def tables(self, *filters):
        return self.ec2.describe_route_tables(Filters=[*self.here, *filters])["RouteTables"]

    def subnet(self, cidr="10.3.1.0/24"):
        return self.ec2.create_subnet(VpcId=self.id, CidrBlock=cidr)["Subnet"]["SubnetId"]


def test_what_a_network_begins_with(ec2):
    network = Network(ec2)
    (group,), (acl,), (table,) = network.groups(), network.lists(), network.tables()
    assert (group["GroupName"], group["Description"]) == ("default", "default VPC security group")
    (inward,), (outward,) = group["IpPermissions"], group["IpPermissionsEgress"]
    assert inward["IpProtocol"] == "-1" and [pair["GroupId"] for pair in inward["UserIdGroupPairs"]] == [group["GroupId"]]
    assert outward["IpProtocol"] == "-1" and outward["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}] and "FromPort" not in outward
    assert acl["IsDefault"] and acl["Associations"] == []
    assert sorted((rule["Egress"], rule["RuleNumber"], rule["RuleAction"], rule["CidrBlock"], rule["Protocol"]) for rule in acl["Entries"]) == [
        (egress, number, action, "0.0.0.0/0", "-1") for egress in (False, True) for number, action in ((100, "allow"), (32767, "deny"))]
    assert table["Routes"] == [{"DestinationCidrBlock": "10.3.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}]
    (main,) = table["Associations"]
    assert main["Main"] and main["AssociationState"] == {"State": "associated"} and "SubnetId" not in main
    assert network.tables({"Name": "association.main", "Values": ["true"]}) == [table]


def test_rules_for_everything(ec2):
    """The rule of a new group that lets all out has no ports as groups show it, and -1 as rules do."""
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=Network(ec2).id)["GroupId"]
    (rule,) = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert (rule["IsEgress"], rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIpv4"], rule["Tags"]) == (True, "-1", -1, -1, "0.0.0.0/0", [])


def test_subnets_have_the_networks_access_list(ec2):
    network = Network(ec2)
    subnets = {network.subnet(), network.subnet("10.3.2.0/24")}
    (own,) = network.lists(default="true")
    assert {one["SubnetId"] for one in own["Associations"]} == subnets
    other = ec2.create_network_acl(VpcId=network.id)["NetworkAcl"]["NetworkAclId"]
    moved = own["Associations"][0]
    new = ec2.replace_network_acl_association(AssociationId=moved["NetworkAclAssociationId"], NetworkAclId=other)["NewAssociationId"]
    (seen,) = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [moved["SubnetId"]]}])["NetworkAcls"]
    assert seen["NetworkAclId"] == other and seen["Associations"] == [{"NetworkAclAssociationId": new, "NetworkAclId": other, "SubnetId": moved["SubnetId"]}]
    assert {one["SubnetId"] for one in network.lists(default="true")[0]["Associations"]} == subnets - {moved["SubnetId"]}
    assert code(ec2.delete_network_acl, NetworkAclId=other) == "DependencyViolation"


def test_an_association_that_is_replaced_has_another_id(ec2):
    """Also a network's own: then another table is its main one."""
    network = Network(ec2)
    (main,) = network.tables({"Name": "association.main", "Values": ["true"]})
    one, other = (ec2.create_route_table(VpcId=network.id)["RouteTable"]["RouteTableId"] for _ in range(2))
    subnet = network.subnet()
    old = ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)["AssociationId"]
    replaced = ec2.replace_route_table_association(AssociationId=old, RouteTableId=other)
    new = replaced["NewAssociationId"]
    assert new != old and replaced["AssociationState"] == {"State": "associated"}
    (table,) = network.tables({"Name": "association.subnet-id", "Values": [subnet]})
    assert table["RouteTableId"] == other and [found["RouteTableAssociationId"] for found in table["Associations"]] == [new]
    for call in ({"RouteTableId": one}, {"RouteTableId": "rtb-0a1b2c3d"}):
        assert code(ec2.replace_route_table_association, AssociationId=old, **call).startswith("Invalid")
    assert code(ec2.disassociate_route_table, AssociationId=old) == "InvalidAssociationID.NotFound"
    (own,) = main["Associations"]
    ec2.replace_route_table_association(AssociationId=own["RouteTableAssociationId"], RouteTableId=one)
    (now,) = network.tables({"Name": "association.main", "Values": ["true"]})
    assert now["RouteTableId"] == one and now["Associations"][0]["RouteTableAssociationId"] != own["RouteTableAssociationId"]
    ec2.disassociate_route_table(AssociationId=new)
    assert network.tables({"Name": "association.subnet-id", "Values": [subnet]}) == []


def test_a_route_has_one_target(ec2):
    network, gateway = Network(ec2), ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.id)
    (table,) = network.tables()
    route = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    assert code(ec2.create_route, **route) == "MissingParameter"
    assert code(ec2.create_route, **route, GatewayId=gateway, NatGatewayId="nat-0123456789abcdef0") == "InvalidParameterCombination"
    ec2.create_route(**route, GatewayId=gateway)
    assert code(ec2.replace_route, **route) == "MissingParameter"
    (table,) = network.tables()
    assert {one.get("GatewayId") for one in table["Routes"]} == {"local", gateway}


def test_custom_access_list(ec2):
    acl = ec2.create_network_acl(VpcId=Network(ec2).id)["NetworkAcl"]
    assert not acl["IsDefault"] and sorted((rule["Egress"], rule["RuleNumber"], rule["RuleAction"]) for rule in acl["Entries"]) == [(False, 32767, "deny"), (True, 32767, "deny")]
    named = {"NetworkAclId": acl["NetworkAclId"], "Egress": False}
    rule = {**named, "RuleNumber": 100, "Protocol": "6", "RuleAction": "allow", "CidrBlock": "10.0.0.0/8", "PortRange": {"From": 22, "To": 22}}
    ec2.create_network_acl_entry(**rule)
    assert code(ec2.create_network_acl_entry, **rule) == "NetworkAclEntryAlreadyExists"
    (seen,) = ec2.describe_network_acls(NetworkAclIds=[acl["NetworkAclId"]])["NetworkAcls"]
    assert [one for one in seen["Entries"] if one["RuleNumber"] == 100] == [{key: value for key, value in rule.items() if key != "NetworkAclId"}]
    assert code(ec2.delete_network_acl_entry, RuleNumber=7, **named) == "InvalidNetworkAclEntry.NotFound"
    assert code(ec2.delete_network_acl_entry, RuleNumber=32767, **named) == "InvalidParameterValue"


def test_its_own_cannot_be_deleted(ec2):
    network = Network(ec2)
    (group,), (acl,), (table,) = network.groups(), network.lists(), network.tables()
    assert code(ec2.delete_security_group, GroupId=group["GroupId"]) == "CannotDelete"
    assert code(ec2.delete_network_acl, NetworkAclId=acl["NetworkAclId"]) == "InvalidParameterValue"
    assert code(ec2.delete_route_table, RouteTableId=table["RouteTableId"]) == "DependencyViolation"
    assert code(ec2.disassociate_route_table, AssociationId=table["Associations"][0]["RouteTableAssociationId"]) == "InvalidParameterValue"
    assert (network.groups(), network.lists(), network.tables()) == ([group], [acl], [table])


def test_reserved_name(ec2):
    assert code(ec2.create_security_group, GroupName="default", Description="d", VpcId=Network(ec2).id) == "InvalidParameterValue"


def test_gone_with_the_network(ec2):
    network, other = Network(ec2), Network(ec2)
    before = other.groups(), other.lists(), other.tables()
    subnet, (group,) = network.subnet(), network.groups()
    assert code(ec2.delete_vpc, VpcId=network.id) == "DependencyViolation"
    own = [ec2.create_route_table(VpcId=network.id)["RouteTable"]["RouteTableId"], ec2.create_network_acl(VpcId=network.id)["NetworkAcl"]["NetworkAclId"]]
    ec2.delete_subnet(SubnetId=subnet)
    assert code(ec2.delete_vpc, VpcId=network.id) == "DependencyViolation"
    ec2.delete_route_table(RouteTableId=own[0])
    assert code(ec2.delete_vpc, VpcId=network.id) == "DependencyViolation"
    ec2.delete_network_acl(NetworkAclId=own[1])
    ec2.delete_vpc(VpcId=network.id)
    assert (network.groups(), network.lists(), network.tables()) == ([], [], [])
    assert ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group["GroupId"]]}])["SecurityGroupRules"] == []
    assert (other.groups(), other.lists(), other.tables()) == before


def test_local_routes(ec2):
    network = Network(ec2)
    table = ec2.create_route_table(VpcId=network.id)["RouteTable"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.id)
    assert [(route["GatewayId"], route["Origin"]) for route in table["Routes"]] == [("local", "CreateRouteTable")]
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    (seen,) = ec2.describe_route_tables(RouteTableIds=[table["RouteTableId"]])["RouteTables"]
    assert {(route["GatewayId"], route["Origin"], route["State"]) for route in seen["Routes"]} == {("local", "CreateRouteTable", "active"), (gateway, "CreateRoute", "active")}
    assert code(ec2.create_route, RouteTableId=table["RouteTableId"], DestinationCidrBlock="10.3.0.0/16", GatewayId=gateway) == "RouteAlreadyExists"
    assert code(ec2.delete_route, RouteTableId=table["RouteTableId"], DestinationCidrBlock="10.3.0.0/16") == "InvalidParameterValue"


def test_association_again(ec2):
    network = Network(ec2)
    subnet = network.subnet()
    one, other = (ec2.create_route_table(VpcId=network.id)["RouteTable"]["RouteTableId"] for _ in range(2))
    first = ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)["AssociationId"]
    assert ec2.associate_route_table(RouteTableId=one, SubnetId=subnet)["AssociationId"] == first
    assert code(ec2.associate_route_table, RouteTableId=other, SubnetId=subnet) == "Resource.AlreadyAssociated"
    assert code(ec2.delete_route_table, RouteTableId=one) == "DependencyViolation"
    ec2.disassociate_route_table(AssociationId=first)
    ec2.delete_route_table(RouteTableId=one)


def test_group_that_another_names(ec2):
    network = Network(ec2)
    one, other = (ec2.create_security_group(GroupName=name, Description="d", VpcId=network.id)["GroupId"] for name in "ab")
    for group in (one, other):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": one}]}])
    assert code(ec2.delete_security_group, GroupId=one) == "DependencyViolation"
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=one)  # its own rule about itself is none of that
