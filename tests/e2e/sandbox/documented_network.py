"""What AWS's documentation says of networks, machines, load balancers, databases, warehouses, brokers and what runs Airflow."""

from documented import document, name, refused, refuses, says, until

# ---- EC2 ----

refuses("ec2", "a network that is not there: InvalidVpcID.NotFound", "InvalidVpcID.NotFound", lambda c: c.ec2.describe_vpcs(VpcIds=["vpc-00000000000000000"]))
refuses("ec2", "a subnet that is not there: InvalidSubnetID.NotFound", "InvalidSubnetID.NotFound", lambda c: c.ec2.describe_subnets(SubnetIds=["subnet-00000000000000000"]))
refuses("ec2", "a security group that is not there: InvalidGroup.NotFound", "InvalidGroup.NotFound", lambda c: c.ec2.describe_security_groups(GroupIds=["sg-00000000000000000"]))
refuses("ec2", "a machine that is not there: InvalidInstanceID.NotFound", "InvalidInstanceID.NotFound", lambda c: c.ec2.describe_instances(InstanceIds=["i-00000000000000000"]))
refuses("ec2", "a gateway that is not there: InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayID.NotFound", lambda c: c.ec2.describe_internet_gateways(InternetGatewayIds=["igw-00000000000000000"]))
refuses("ec2", "a key pair that is not there: InvalidKeyPair.NotFound", "InvalidKeyPair.NotFound", lambda c: c.ec2.describe_key_pairs(KeyNames=["absent"]))
refuses("ec2", "a volume that is not there: InvalidVolume.NotFound", "InvalidVolume.NotFound", lambda c: c.ec2.describe_volumes(VolumeIds=["vol-00000000000000000"]))
refuses("ec2", "a launch template that is not there", "InvalidLaunchTemplateName.NotFoundException", lambda c: c.ec2.describe_launch_templates(LaunchTemplateNames=["absent"]))
refuses("ec2", "a network is /16 at most: InvalidVpc.Range", "InvalidVpc.Range", lambda c: c.ec2.create_vpc(CidrBlock="10.0.0.0/15"))
refuses("ec2", "a subnet lies within its network: InvalidSubnet.Range", "InvalidSubnet.Range", lambda c: c.ec2.create_subnet(VpcId=c.vpc, CidrBlock="192.168.0.0/24"))
refuses("ec2", "a network with subnets is not deleted: DependencyViolation", "DependencyViolation", lambda c: c.subnets and c.ec2.delete_vpc(VpcId=c.vpc))
refuses("ec2", "a group's name is there once in a network", "InvalidGroup.Duplicate", lambda c: c.ec2.create_security_group(VpcId=c.vpc, Description="d", GroupName=group_name(c)))
refuses("ec2", "a group is not called default", ("InvalidParameterValue", "InvalidGroup.Reserved", "InvalidGroup.Duplicate"), lambda c: c.ec2.create_security_group(VpcId=c.vpc, Description="d", GroupName="default"))
refuses("ec2", "a rule that is there: InvalidPermission.Duplicate", "InvalidPermission.Duplicate", lambda c: [c.ec2.authorize_security_group_ingress(GroupId=c.group, IpPermissions=[SSH]) for _ in "ab"])
refuses("ec2", "a rule that is not there: InvalidPermission.NotFound", "InvalidPermission.NotFound", lambda c: c.ec2.revoke_security_group_ingress(GroupId=c.group, IpPermissions=[SSH | {"FromPort": 1, "ToPort": 1}]))

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def group_name(c):
    return c.ec2.describe_security_groups(GroupIds=[c.group])["SecurityGroups"][0]["GroupName"]


def vpc(c, **given):
    return c.ec2.create_vpc(CidrBlock="10.9.0.0/16", **given)["Vpc"]


@says("ec2", "five addresses of a subnet are the service's own")
def _(c):
    assert c.ec2.describe_subnets(SubnetIds=c.subnets[:1])["Subnets"][0]["AvailableIpAddressCount"] == 251


@says("ec2", "a new network resolves names, and gives none")
def _(c):
    made = vpc(c)["VpcId"]
    seen = {one: c.ec2.describe_vpc_attribute(VpcId=made, Attribute=one)[one[0].upper() + one[1:]]["Value"] for one in ("enableDnsSupport", "enableDnsHostnames")}
    assert seen == {"enableDnsSupport": True, "enableDnsHostnames": False}


@says("ec2", "a subnet gives no public addresses by default")
def _(c):
    assert c.ec2.describe_subnets(SubnetIds=c.subnets[:1])["Subnets"][0]["MapPublicIpOnLaunch"] is False


@says("ec2", "a network has a main route table with the local route")
def _(c):
    made = vpc(c)["VpcId"]
    (table,) = c.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [made]}])["RouteTables"]
    assert table["Associations"][0]["Main"] and table["Routes"][0]["GatewayId"] == "local" and table["Routes"][0]["DestinationCidrBlock"] == "10.9.0.0/16"


@says("ec2", "a new security group lets everything out, and nothing in")
def _(c):
    made = c.ec2.create_security_group(GroupName=name(), Description="d", VpcId=c.vpc)["GroupId"]
    (seen,) = c.ec2.describe_security_groups(GroupIds=[made])["SecurityGroups"]
    assert seen["IpPermissions"] == [] and [(one["IpProtocol"], one["IpRanges"][0]["CidrIp"]) for one in seen["IpPermissionsEgress"]] == [("-1", "0.0.0.0/0")]


@says("ec2", "a network's default group lets its own members in")
def _(c):
    made = vpc(c)["VpcId"]
    (seen,) = c.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [made]}])["SecurityGroups"]
    assert seen["GroupName"] == "default" and seen["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == seen["GroupId"]


@says("ec2", "the default group is not deleted")
def _(c):
    made = vpc(c)["VpcId"]
    (seen,) = c.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [made]}])["SecurityGroups"]
    refused("CannotDelete", c.ec2.delete_security_group, GroupId=seen["GroupId"])


@says("ec2", "an attached gateway is not deleted: DependencyViolation")
def _(c):
    made = c.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    c.ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc(c)["VpcId"])
    refused("DependencyViolation", c.ec2.delete_internet_gateway, InternetGatewayId=made)


@says("ec2", "a gateway that is not attached: Gateway.NotAttached")
def _(c):
    made = c.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    refused("Gateway.NotAttached", c.ec2.detach_internet_gateway, InternetGatewayId=made, VpcId=c.vpc)


@says("ec2", "the same client token is one NAT gateway")
def _(c):
    given = {"SubnetId": c.subnets[0], "ConnectivityType": "private", "ClientToken": name()}
    assert len({c.ec2.create_nat_gateway(**given)["NatGateway"]["NatGatewayId"] for _ in "ab"}) == 1


@says("ec2", "a deleted NAT gateway is shown as such for a while")
def _(c):
    made = c.ec2.create_nat_gateway(SubnetId=c.subnets[0], ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    c.ec2.delete_nat_gateway(NatGatewayId=made)
    until(lambda: c.ec2.describe_nat_gateways(NatGatewayIds=[made])["NatGateways"][0]["State"], "deleted")


@says("ec2", "creating tags replaces the value of a key")
def _(c):
    made = vpc(c, TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "1"}]}])["VpcId"]
    c.ec2.create_tags(Resources=[made], Tags=[{"Key": "a", "Value": "2"}])
    assert c.ec2.describe_vpcs(VpcIds=[made])["Vpcs"][0]["Tags"] == [{"Key": "a", "Value": "2"}]


@says("ec2", "filters: tag:KEY, and nothing found is an empty list")
def _(c):
    assert c.ec2.describe_vpcs(Filters=[{"Name": "tag:absent", "Values": ["*"]}])["Vpcs"] == []


@says("ec2", "machines' listings take 5 to 1000 a page")
def _(c):
    refused("InvalidParameterValue", c.ec2.describe_instances, MaxResults=4)


# ---- Load balancers ----

refuses("elbv2", "a load balancer that is not there: LoadBalancerNotFound", "LoadBalancerNotFound", lambda c: c.elbv2.describe_load_balancers(Names=["absent"]))
refuses("elbv2", "a target group that is not there: TargetGroupNotFound", "TargetGroupNotFound", lambda c: c.elbv2.describe_target_groups(Names=["absent"]))


def targets(c, **more):
    return c.elbv2.create_target_group(**({"Name": name("t"), "Protocol": "HTTP", "Port": 80, "VpcId": c.vpc} | more))["TargetGroups"][0]


def balancer(c, **more):
    return c.elbv2.create_load_balancer(**({"Name": name("l"), "Subnets": c.subnets, "Scheme": "internal"} | more))["LoadBalancers"][0]


@says("elbv2", "creating a target group again with the same settings gives the same")
def _(c):
    given = name("t")
    assert targets(c, Name=given)["TargetGroupArn"] == targets(c, Name=given)["TargetGroupArn"]


@says("elbv2", "a target group's name with other settings: DuplicateTargetGroupName")
def _(c):
    refused("DuplicateTargetGroupName", lambda: targets(c, Name=targets(c)["TargetGroupName"], Port=81))


@says("elbv2", "checks of health: every 30 s, 5 good and 2 bad ones, path /")
def _(c):
    seen = targets(c)
    assert (seen["HealthCheckIntervalSeconds"], seen["HealthyThresholdCount"], seen["UnhealthyThresholdCount"], seen["HealthCheckPath"]) == (30, 5, 2, "/")


@says("elbv2", "a load balancer is of applications, and active after a while")
def _(c):
    seen = balancer(c)
    assert seen["Type"] == "application"
    until(lambda: c.elbv2.describe_load_balancers(LoadBalancerArns=[seen["LoadBalancerArn"]])["LoadBalancers"][0]["State"]["Code"], "active")


@says("elbv2", "a name has 32 characters at most")
def _(c):
    refused("ValidationError", targets, c, Name="t" * 33)


@says("elbv2", "deleting a load balancer that is not there is no error")
def _(c):
    made = balancer(c)["LoadBalancerArn"]
    for _ in "ab":
        c.elbv2.delete_load_balancer(LoadBalancerArn=made)


@says("elbv2", "a target group in use is not deleted: ResourceInUse")
def _(c):
    group = targets(c)["TargetGroupArn"]
    c.elbv2.create_listener(LoadBalancerArn=balancer(c)["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])
    refused("ResourceInUse", c.elbv2.delete_target_group, TargetGroupArn=group)


# ---- Auto Scaling ----


@says("autoscaling", "groups that are not there are left out of the list")
def _(c):
    assert c.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["absent"])["AutoScalingGroups"] == []


refuses("autoscaling", "changing a group that is not there: ValidationError", "ValidationError", lambda c: c.autoscaling.update_auto_scaling_group(AutoScalingGroupName="absent", MinSize=0))

# ---- RDS ----

refuses("rds", "a database that is not there: DBInstanceNotFound", "DBInstanceNotFound", lambda c: c.rds.describe_db_instances(DBInstanceIdentifier="absent"))
refuses("rds", "a snapshot that is not there: DBSnapshotNotFound", "DBSnapshotNotFound", lambda c: c.rds.describe_db_snapshots(DBSnapshotIdentifier="absent"))
refuses("rds", "a subnet group that is not there: DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFoundFault", lambda c: c.rds.describe_db_subnet_groups(DBSubnetGroupName="absent"))
refuses("rds", "a parameter group that is not there: DBParameterGroupNotFound", "DBParameterGroupNotFound", lambda c: c.rds.describe_db_parameter_groups(DBParameterGroupName="absent"))
refuses("rds", "an identifier begins with a letter", "InvalidParameterValue", lambda c: instance(c, DBInstanceIdentifier="1a"))


def instance(c, **more):
    given = {"DBInstanceIdentifier": name("d"), "Engine": "mysql", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20, "MasterUsername": "admin", "MasterUserPassword": "secret-secret"}
    return c.rds.create_db_instance(**given | more)["DBInstance"]


def shown(c, made):
    return c.rds.describe_db_instances(DBInstanceIdentifier=made["DBInstanceIdentifier"])["DBInstances"][0]


@says("rds", "creating a database again: DBInstanceAlreadyExists")
def _(c):
    refused("DBInstanceAlreadyExists", instance, c, DBInstanceIdentifier=instance(c)["DBInstanceIdentifier"])


@says("rds", "a database keeps backups for a day by default")
def _(c):
    assert instance(c)["BackupRetentionPeriod"] == 1


@says("rds", "a database upgrades to minor versions by itself")
def _(c):
    assert instance(c)["AutoMinorVersionUpgrade"] is True


@says("rds", "a database is not encrypted, in one zone, and not protected, unless it is said")
def _(c):
    made = instance(c)
    assert (made["StorageEncrypted"], made["MultiAZ"], made["DeletionProtection"]) == (False, False, False)


@says("rds", "the password is not shown")
def _(c):
    assert "secret-secret" not in str(instance(c))


@says("rds", "deletion protection refuses a deletion")
def _(c):
    made = instance(c, DeletionProtection=True)
    until(lambda: shown(c, made)["DBInstanceStatus"], "available")
    refused(("InvalidParameterCombination", "InvalidParameterValue"), c.rds.delete_db_instance, DBInstanceIdentifier=made["DBInstanceIdentifier"], SkipFinalSnapshot=True)


@says("rds", "a changed class is pending unless it is applied at once")
def _(c):
    made = instance(c)
    until(lambda: shown(c, made)["DBInstanceStatus"], "available")
    seen = c.rds.modify_db_instance(DBInstanceIdentifier=made["DBInstanceIdentifier"], DBInstanceClass="db.t3.small")["DBInstance"]
    assert seen["DBInstanceClass"] == "db.t3.micro" and seen["PendingModifiedValues"]["DBInstanceClass"] == "db.t3.small"


@says("rds", "storage is not made less")
def _(c):
    made = instance(c, AllocatedStorage=50)
    until(lambda: shown(c, made)["DBInstanceStatus"], "available")
    refused(("InvalidParameterValue", "InvalidParameterCombination"), c.rds.modify_db_instance, DBInstanceIdentifier=made["DBInstanceIdentifier"], AllocatedStorage=20, ApplyImmediately=True)


@says("rds", "a parameter group in use is not deleted: InvalidDBParameterGroupState")
def _(c):
    c.rds.create_db_parameter_group(DBParameterGroupName=(group := name("g")), DBParameterGroupFamily="mysql8.0", Description="d")
    instance(c, DBParameterGroupName=group)
    refused("InvalidDBParameterGroupState", c.rds.delete_db_parameter_group, DBParameterGroupName=group)


# ---- Redshift ----

refuses("redshift", "a cluster that is not there: ClusterNotFound", "ClusterNotFound", lambda c: c.redshift.describe_clusters(ClusterIdentifier="absent"))
refuses("redshift", "a subnet group that is not there: ClusterSubnetGroupNotFoundFault", "ClusterSubnetGroupNotFoundFault", lambda c: c.redshift.describe_cluster_subnet_groups(ClusterSubnetGroupName="absent"))
refuses("redshift", "a password has a capital, a small letter and a digit", "InvalidParameterValue", lambda c: cluster(c, MasterUserPassword="secretsecret"))


def cluster(c, **more):
    given = {"ClusterIdentifier": name("c"), "NodeType": "ra3.large", "ClusterType": "single-node", "MasterUsername": "admin", "MasterUserPassword": "Secret-123"}
    return c.redshift.create_cluster(**given | more)["Cluster"]


@says("redshift", "creating a cluster again: ClusterAlreadyExists")
def _(c):
    refused("ClusterAlreadyExists", cluster, c, ClusterIdentifier=cluster(c)["ClusterIdentifier"])


@says("redshift", "defaults: database dev, a day of snapshots, upgrades")
def _(c):
    seen = cluster(c)
    assert (seen["DBName"], seen["AutomatedSnapshotRetentionPeriod"], seen["AllowVersionUpgrade"]) == ("dev", 1, True)


@says("redshift", "the port is 5439 by default")
def _(c):
    made = cluster(c)["ClusterIdentifier"]
    until(lambda: c.redshift.describe_clusters(ClusterIdentifier=made)["Clusters"][0]["ClusterStatus"], "available")
    assert c.redshift.describe_clusters(ClusterIdentifier=made)["Clusters"][0]["Endpoint"]["Port"] == 5439


# ---- MSK, MWAA, CloudTrail ----

refuses("kafka", "a configuration that is not there: NotFoundException", "NotFoundException",
        lambda c: c.kafka.describe_configuration(Arn="arn:aws:kafka:us-east-1:123456789012:configuration/absent/00000000-0000-0000-0000-000000000000-1"))
refuses("kafka", "a cluster that is not there: NotFoundException", "NotFoundException",
        lambda c: c.kafka.describe_cluster(ClusterArn="arn:aws:kafka:us-east-1:123456789012:cluster/absent/00000000-0000-0000-0000-000000000000-1"))


@says("kafka", "the first revision of a configuration is 1, the next one 2")
def _(c):
    made = c.kafka.create_configuration(Name=name(), KafkaVersions=["3.6.0"], ServerProperties=b"auto.create.topics.enable=false")
    assert made["LatestRevision"]["Revision"] == 1
    assert c.kafka.update_configuration(Arn=made["Arn"], ServerProperties=b"auto.create.topics.enable=true")["LatestRevision"]["Revision"] == 2


refuses("cloudtrail", "a trail that is not there: TrailNotFoundException", "TrailNotFoundException", lambda c: c.cloudtrail.get_trail(Name="absent"))


@says("cloudtrail", "a trail's name has three characters at least")
def _(c):
    c.s3.create_bucket(Bucket=(bucket := name("b")))
    allow = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    statement = allow | {"Action": "s3:*", "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    c.s3.put_bucket_policy(Bucket=bucket, Policy=document(statement))
    refused("InvalidTrailNameException", c.cloudtrail.create_trail, Name="a", S3BucketName=bucket)


refuses("cloudtrail", "a trail's bucket that is not there: S3BucketDoesNotExistException", "S3BucketDoesNotExistException", lambda c: c.cloudtrail.create_trail(Name=name(), S3BucketName=name("absent")))
