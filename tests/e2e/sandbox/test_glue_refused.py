"""What AWS refuses only when a job or a statement runs, though everything was made without a word: the network of Glue's connections, the folders of EMRFS, Athena's
database `default`, metrics that nobody may put."""

import os

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from servers import ROOT, JobSandbox
from support import until
from test_iam import ANY, Role, allow, name
from test_run_glue import Job

SPARK = ROOT / ".venv-jobs"
FOR_GLUE = ({"Service": "glue.amazonaws.com"}, {"AWS": "*"})
EC2 = allow(["ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcEndpoints", "ec2:DescribeRouteTables"])
SCRIPTS = allow("s3:GetObject", "arn:aws:s3:::lake/scripts/*")


@pytest.fixture(scope="module")
def sandbox():
    server = JobSandbox(SANDBOX_IAM="on")
    yield server
    server.stop()


class Network:
    """As it has to be, but for what a test leaves out."""

    def __init__(self, sandbox, itself=True, egress=True, s3=True):
        self.sandbox, self.ec2, self.glue = sandbox, sandbox.client("ec2"), sandbox.client("glue")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.1.1.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
        self.group = self.ec2.create_security_group(GroupName=name("glue"), Description="glue", VpcId=self.vpc)["GroupId"]
        self.table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)
        if itself:
            self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[{
                "IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": self.group}]}])
        if not egress:
            self.ec2.revoke_security_group_egress(GroupId=self.group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
        if s3:
            self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway", RouteTableIds=[self.table])

    def run(self, zone="us-east-1b", statements=(EC2, SCRIPTS), subnet=None):
        """What a job says that runs there, "" where it goes well."""
        connection = name("way")
        network = {"SubnetId": subnet or self.subnet, "SecurityGroupIdList": [self.group], **({"AvailabilityZone": zone} if zone else {})}
        self.glue.create_connection(ConnectionInput={"Name": connection, "ConnectionType": "NETWORK", "ConnectionProperties": {}, "PhysicalConnectionRequirements": network})
        job = Job(self.sandbox, "print('ran')", Connections={"Connections": [connection]})
        role = Role(self.sandbox, *statements, trusts=FOR_GLUE)
        self.glue.update_job(JobName=job.name, JobUpdate={
            "Role": role.arn, "Command": self.glue.get_job(JobName=job.name)["Job"]["Command"], "Connections": {"Connections": [connection]}})
        ended = job.result()
        assert ("ErrorMessage" in ended) == (ended["JobRunState"] == "FAILED")
        return ended.get("ErrorMessage", "")


def test_a_network_as_it_has_to_be(sandbox):
    assert Network(sandbox).run() == ""


def test_a_connection_without_a_zone(sandbox):
    """It is made without a word; a job fails (terraform-provider-aws issue 4762, aws-cdk issue 32959)."""
    network = Network(sandbox)
    said = network.run(zone=None)
    assert said.startswith("JobName:job-") and "failed to execute with exception CONNECTION_LIST_CONNECTION_WITH_AZ_NULL" in said
    assert "Availability Zone us-east-1a does not correspond to subnet" in network.run(zone="us-east-1a")
    assert "subnet-0123456789abcdef0" in network.run(subnet="subnet-0123456789abcdef0")


def test_groups_that_are_shut(sandbox):
    assert "At least one security group must open all ingress ports" in Network(sandbox, itself=False).run()
    assert "At least one security group must open all egress ports" in Network(sandbox, egress=False).run()


def test_no_way_to_s3(sandbox):
    network = Network(sandbox, s3=False)
    assert f"Could not find S3 endpoint or NAT gateway for subnetId: {network.subnet} in Vpc {network.vpc}" in network.run()
    gateway = network.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    network.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    network.ec2.create_route(RouteTableId=network.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert "Could not find S3 endpoint" in network.run()  # Glue's interfaces have no public address
    nat = network.ec2.create_nat_gateway(SubnetId=network.subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    network.ec2.replace_route(RouteTableId=network.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert network.run() == ""


def test_a_role_that_may_not_look_at_the_network(sandbox):
    network = Network(sandbox)
    for action in EC2["Action"]:
        others = [one for one in EC2["Action"] if one != action]
        assert action.split(":")[1] in network.run(statements=(allow(others), SCRIPTS))


def test_a_connection_that_is_gone(sandbox):
    job = Job(sandbox, "print('ran')", Connections={"Connections": ["nowhere"]})
    assert "Unable to resolve any valid connection" in job.result()["ErrorMessage"]


# ---- EMRFS ----


def emrfs(sandbox, role, agent="EMRFS, Hadoop 3.3.4"):
    who = role.session()
    return boto3.client("s3", endpoint_url=sandbox.url, region_name="us-east-1", aws_access_key_id=who["AccessKeyId"], aws_secret_access_key=who["SecretAccessKey"],
                        aws_session_token=who["SessionToken"], config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, user_agent=agent))


def test_new_folders_are_objects_beside_them(sandbox):
    bucket = name("rds")
    sandbox.client().create_bucket(Bucket=bucket)
    role = Role(sandbox, allow("s3:PutObject", f"arn:aws:s3:::{bucket}/rds/*"))
    folder = {"Bucket": bucket, "Key": "rds/songs/_temporary/0/"}
    with pytest.raises(ClientError) as caught:
        emrfs(sandbox, role).put_object(**folder)
    assert f's3:PutObject on resource: "arn:aws:s3:::{bucket}/rds_$folder$"' in caught.value.response["Error"]["Message"]
    emrfs(sandbox, role, "Hadoop 3.3.4").put_object(**folder)  # S3A itself has no such objects
    sandbox.client().delete_object(**folder)
    role.allow(allow("s3:PutObject", [f"arn:aws:s3:::{bucket}/rds/*", f"arn:aws:s3:::{bucket}/rds_$folder$"]))
    emrfs(sandbox, role).put_object(**folder)
    role.allow(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/rds/*"))
    emrfs(sandbox, role).put_object(Bucket=bucket, Key="rds/albums/")  # rds/ is there by now


WRITES = """
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate().range(3).write.mode("overwrite").parquet("s3://lake/rds/numbers")
"""


@pytest.mark.long
def test_what_spark_writes_makes_folders(tmp_path):
    assert (SPARK / "jars" / ".done").exists(), "tools/setup jobs"
    server = JobSandbox(tmp_path / "sandbox", PATH=f"{SPARK}/bin:{os.environ['PATH']}", SPARK_HOME="", WEIR_SPARK_JARS=str(SPARK / "jars"), SANDBOX_IAM="on", MINUTE_MS="60000")
    own = [SCRIPTS, allow("s3:ListBucket", "arn:aws:s3:::lake"), allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "arn:aws:s3:::lake/rds/*")]
    try:
        def ended(version, *more):
            job, role = Job(server, WRITES, kind="glueetl", GlueVersion=version), Role(server, *own, *more, trusts=FOR_GLUE)
            command = server.client("glue").get_job(JobName=job.name)["Job"]["Command"]
            server.client("glue").update_job(JobName=job.name, JobUpdate={"Role": role.arn, "Command": command, "GlueVersion": version})
            return job.result()

        found = ended("5.0")
        assert found["JobRunState"] == "FAILED" and "rds_$folder$" in found["ErrorMessage"], found
        assert "Contents" not in server.client().list_objects_v2(Bucket="lake", Prefix="rds")
        assert ended("5.0", allow("s3:PutObject", "arn:aws:s3:::lake/rds_$folder$"))["JobRunState"] == "SUCCEEDED"
        for item in server.client().list_objects_v2(Bucket="lake", Prefix="rds")["Contents"]:
            server.client().delete_object(Bucket="lake", Key=item["Key"])
        assert ended("5.1")["JobRunState"] == "SUCCEEDED"  # by S3A
    finally:
        server.stop()


# ---- Athena ----


def test_ddl_looks_at_the_database_default(sandbox):
    lake, glue = name("lake"), sandbox.client("glue")
    sandbox.client().create_bucket(Bucket=lake)
    glue.create_database(DatabaseInput={"Name": lake})
    mine = [f"arn:aws:glue:us-east-1:000000000000:{what}" for what in ("catalog", f"database/{lake}", f"table/{lake}/*")]
    own = [allow("athena:*"), allow("s3:*", [f"arn:aws:s3:::{lake}", f"arn:aws:s3:::{lake}/*"]), allow("glue:*", mine)]
    role = Role(sandbox, *own)
    made = f"CREATE EXTERNAL TABLE films (id int) LOCATION 's3://{lake}/films/'"

    def ask(sql):
        athena = role.client("athena")
        run = athena.start_query_execution(QueryString=sql, QueryExecutionContext={"Database": lake}, ResultConfiguration={"OutputLocation": f"s3://{lake}/out/"})["QueryExecutionId"]
        return until(lambda: (found := athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"])["State"] in ("SUCCEEDED", "FAILED") and found)

    said = ask(made)
    assert said["State"] == "FAILED"
    assert "is not authorized to perform: glue:GetDatabase on resource: arn:aws:glue:us-east-1:000000000000:database/default" in said["StateChangeReason"].replace('"', "")
    assert "database/default" in ask("ALTER TABLE films ADD PARTITION (d = '1')")["StateChangeReason"]
    role.allow(*own, allow("glue:GetDatabase", "arn:aws:glue:us-east-1:000000000000:database/default"))
    assert ask(made)["State"] == "SUCCEEDED"


# ---- metrics ----


def test_metrics_that_the_role_may_not_put(sandbox):
    def log(*statements):
        job = Job(sandbox, "print('ran')", DefaultArguments={"--enable-metrics": "true"})
        role = Role(sandbox, SCRIPTS, *statements, trusts=FOR_GLUE)
        sandbox.client("glue").update_job(JobName=job.name, JobUpdate={
            "Role": role.arn, "Command": sandbox.client("glue").get_job(JobName=job.name)["Job"]["Command"], "DefaultArguments": {"--enable-metrics": "true"}})
        run = job.start()
        assert job.ended(run)["JobRunState"] == "SUCCEEDED"  # as there: only the metrics are missing
        return "\n".join(job.output(run, "error"))

    assert "cloudwatch:PutMetricData" in log()
    assert "cloudwatch:PutMetricData" in log(allow("cloudwatch:PutMetricData", Condition={"StringEquals": {"cloudwatch:namespace": "Mine"}}))
    assert log(allow("cloudwatch:PutMetricData", Condition={"StringEquals": {"cloudwatch:namespace": "Glue"}})) == ""
    assert log(*ANY) == ""
