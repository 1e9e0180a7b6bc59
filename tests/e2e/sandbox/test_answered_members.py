"""The members of the sandbox's answers are AWS's: what tests/answers has recorded is created in a sandbox, and what the sandbox then answers is
compared with what AWS answered, operation by operation."""

import http.client
import http.server
import json
import re
import subprocess
import threading

import pytest
import yaml
from answers import Request, Services, entries, model
from botocore.parsers import create_parser
from servers import Sandbox
from support import ACCOUNT, WEIR, Stack

LEFT_OUT = {  # types that are not created here
    "aws.dms.replication_instance": "its subnet group is one that an account has had from the beginning",
    "aws.ec2.network_acl_association": "it takes the place of another, and the other comes back with it",
    "aws.ec2.security_group_rule": "its group would have to say nothing about rules",
    "aws.lambda.alias": "the recorded function had versions",
    "aws.s3.bucket_notification": "AWS refuses today what it once took",
    "aws.stepfunctions.alias": "the recorded machine had versions",
}
ASSUMING = "airflow airflow-env apigateway autoscaling batch cloudtrail ecs-tasks firehose glue lambda logs pipes redshift scheduler states transfer vpc-flow-logs".split()
PRESENT = {  # what recorded resources refer to and no entry describes
    "deployments": {"type": "aws.s3.bucket", "name": "deployments"},
    "other_subnet": {"type": "aws.ec2.subnet", "vpc_id": "${ec2_vpc_0.vpc_id}", "cidr_block": "10.0.32.0/20", "availability_zone": "us-east-1a"},
    "role": {"type": "aws.iam.role", "name": "services", "assume_role_policy": "${trust(%s)}" % json.dumps([f"{s}.amazonaws.com" for s in ASSUMING])},
}
CHANGED = {  # what cannot be created as it was recorded
    "ec2_nat_gateway_0": {"depends_on": ["ec2_internet_gateway_0"]},
    "iam_instance_profile_0": {"roles": ["${role.name}"]},
    "kms_alias_0": {"key": "${kms_key_0.arn}"},
    "rds_instance_0": {"master_user_password": "long-enough"},  # no answer has it
    "s3_bucket_1": {"name": "orders-raw-2017"},
    "lambda_function_0": {"runtime": "python3.12", "code": {"s3_bucket": "${deployments.name}", "s3_key": "code.zip"}},
}
REFERENCES = [  # a pattern of recorded values, or of attributes with them, and what is created in their place
    ("rtmgxfiay1", "apigateway_rest_api_0.rest_api_id"),
    ("yxv4xe21k1", "apigateway_rest_api_0.root_resource_id"),
    ("5m14zq", "apigateway_resource_0.resource_id"),
    ("49ijx1", "apigateway_deployment_0.deployment_id"),
    ("gfi4n1", "apigateway_authorizer_0.authorizer_id"),
    ("a1b2c1", "apigateway_usage_plan_0.usage_plan_id"),
    ("8bklk8bl10", "apigateway_api_key_0.api_key_id"),
    ("api.example.com", "apigateway_domain_name_0.name"),
    ("jp020k3s01", "apigatewayv2_api_0.api_id"),
    ("stream: arn:.*:stream/clicks", "kinesis_stream_0.arn"),
    ("us-east-1_W6ST8sYH6", "cognitoidp_user_pool_0.user_pool_id"),
    ("vpc-.*", "ec2_vpc_0.vpc_id"),
    ("subnet-.*2", "other_subnet.subnet_id"),
    ("subnet-.*", "ec2_subnet_0.subnet_id"),
    ("sg-.*", "ec2_security_group_0.group_id"),
    ("rtb-.*", "ec2_route_table_0.route_table_id"),
    ("igw-.*", "ec2_internet_gateway_0.internet_gateway_id"),
    ("eipalloc-.*", "ec2_elastic_ip_0.allocation_id"),
    ("lt-.*", "ec2_launch_template_0.launch_template_id"),
    ("s-926661bac6f640001", "transfer_server_0.server_id"),
    ("arn:.*:loadbalancer/.*", "elbv2_load_balancer_0.arn"),
    ("arn:.*:targetgroup/.*", "elbv2_target_group_0.arn"),
    ("arn:.*:listener/.*", "elbv2_listener_0.arn"),
    ("arn:aws:iam::[0-9]*:role/(?!aws-service-role).*", "role.arn"),
    ("arn:aws:lambda:.*:function:.*", "lambda_function_0.arn"),
    ("arn:aws:sqs:.*:parcels", "sqs_queue_0.arn"),
    ("arn:aws:s3:::deployments", "deployments.arn"),
    ("database: shop", "glue_database_0.name"),
    ("group_name: nights", "scheduler_schedule_group_0.name"),
    ("groups: admins", "iam_group_0.name"),
    ("job_name: bronze-orders", "glue_job_0.name"),
    ("key_name: deploy", "ec2_key_pair_0.name"),
    ("log_group: /shop/dev", "logs_log_group_0.name"),
    ("security_configuration: in transit", "emr_security_configuration_0.name"),
    ("user: deployer", "iam_user_0.name"),
    ("workgroup: nightly", "athena_workgroup_0.name"),
    ("cluster: shop", "ecs_cluster_0.name"),
    ("cluster: warehouse", "redshift_cluster_0.name"),
    ("cluster_subnet_group_name: .*", "redshift_subnet_group_0.name"),
    ("db_subnet_group_name: .*", "rds_subnet_group_0.name"),
    ("function: thumbnails", "lambda_function_0.name"),
    ("group: workers", "autoscaling_group_0.name"),
    ("instance: shop", "rds_instance_0.name"),
    ("stage: latest", "apigateway_stage_0.name"),
    ("user: miller", "transfer_user_0.name"),
]
LACKING = {  # members of AWS's answers that the sandbox leaves out
    r"apigateway GetResource resourceMethods": "its method is not among what is created before it",
    r"apigateway(v2)? GetStage (variables|webAclArn|StageVariables|RouteSettings|LastDeploymentStatusMessage)": "only where it is configured",
    r"apigatewayv2 GetRoute ApiKeyRequired": "weir has no attribute for it",
    r"autoscaling DescribeAutoScalingGroups .*(AvailabilityZoneDistribution|CapacityReservationSpecification|InstanceLifecyclePolicy)": "weir has no attribute for it",
    r"autoscaling DescribeAutoScalingGroups .*LaunchTemplateName": "a template is shown by its id",
    r"autoscaling DescribePolicies .*Alarm(ARN|Name)": "no alarms are made for a policy",
    r"cloudwatch DescribeAlarms (CompositeAlarms|.*StateReasonData)": "only where there are any",
    r"cognito-idp DescribeUserPoolDomain .*(CustomDomainConfig|S3Bucket)": "the pool's pages are not served",
    r"ec2 DescribeInstances Reservations\[\]\.(Groups|OwnerId|ReservationId)": "instances are in no reservation",
    r"ec2 DescribeInstances .*(Architecture|CpuOptions|PublicDnsName|PublicIpAddress)": "they follow from the image and the subnet, which are not looked up",
    r"ec2 DescribeInstances .*(BlockDeviceMappings|NetworkInterfaces)": "a machine has no devices of its own",
    r"ec2 DescribeInstances .*(ClientToken|State.Code|StateTransitionReason|IamInstanceProfile.Id)": "the name or the ARN is shown",
    r"ec2 DescribeInstanceAttribute InstanceId": "it is what was asked for",
    r"ec2 DescribeNatGateways .*(NetworkInterfaceId|PrivateIp|PublicIp)": "no network interface is made for it",
    r"ec2 DescribeRouteTables .*DestinationPrefixListId": "a gateway endpoint adds no route",
    r"ec2 DescribeSecurityGroupRules .*ReferencedGroupInfo.VpcId": "the network of another group is not looked up",
    r"ec2 DescribeSubnets .*AvailabilityZoneId": "zones have names only",
    r"ec2 DescribeVpcEndpoints .*(DnsEntries|GroupName|PrivateDnsEnabled)": "no names are served for it",
    r"elbv2 DescribeListeners .*TargetGroupStickinessConfig": "only where it is configured",
    r"glue GetJob Job.(AllocatedCapacity|MaxCapacity|Description)": "the older form of workers; the recorded description was empty",
    r"iam GetInstanceProfile .*AssumeRolePolicyDocument": "a profile's roles are shown by name",
    r"lambda GetFunction (Code.Location|Configuration.(CodeSha256|VpcConfig))": "the recorded archive is not in this sandbox; only where a network is configured",
    r"mwaa GetEnvironment .*(AirflowConfigurationOptions|CloudWatchLogGroupArn|LastUpdate)": "its logs have no groups",
    r"rds DescribeDBClusters .*(DBClusterMembers\[\]|HostedZoneId|LatestRestorableTime)": "the recorded cluster had an instance; it has neither a zone nor backups that go on",
    r"rds DescribeDBSnapshots .*(InstanceCreateTime|KmsKeyId|LicenseModel|OptionGroupName|StorageThroughput|TagList|VpcId)": "what its instance does not tell either, and tags are read by themselves",
    r"(rds|redshift) Describe\w+SubnetGroups .*SubnetAvailabilityZone": "zones of its subnets are not looked up",
    r"redshift DescribeClusters .*(ClusterNodes|ParameterApplyStatus|ClusterPublicKey|ClusterRevisionNumber|NextMaintenanceWindowStartTime)": "there are no nodes, and nothing maintains them",
    r"redshift DescribeClusterSnapshots .*(MegaBytes|ElapsedTimeInSeconds|ClusterCreateTime|EngineFullVersion|RemainingDays|RetentionStartTime|VpcId)": "nothing is copied",
    r"transfer DescribeUser User.HomeDirectory$": "only where it is configured",
    r"apigateway GetDomainName certificateUploadDate": "certificates are by ARN",
    r"batch DescribeComputeEnvironments .*(desiredvCpus|ec2Configuration|tags)": "no machines are started",
    r"batch DescribeJobDefinitions .*schedulingPriority": "only where a job queue with fair shares gives one",
    r"cognito-idp .*SchemaAttributes": "the twenty standard attributes are not listed",
    r"dms DescribeReplicationSubnetGroups": "zone and network of its subnets are not looked up",
    r"dms DescribeReplicationTasks": "nothing is copied, so there are no statistics",
    r"ec2 DescribeAddresses": "the recorded address was in use",
    r"ec2 DescribeVpcs .*Ipv6": "there is no IPv6",
    r"ecs DescribeClusters .*(configuration|serviceConnectDefaults)": "weir has no attribute for it",
    r"ecs DescribeServices .*(events\[\]|deployments\[\]|platformVersion|\.roleArn)": "no tasks are started",
    r"ecs DescribeTaskDefinition .*(containerDefinitions\[\]|requiresAttributes\[\])": "weir has no attribute for it",
    r"ecs DescribeTaskDefinition tags": "they are read by ListTagsForResource",
    r"elbv2 DescribeLoadBalancers .*ZoneName": "zones of its subnets are not looked up",
    r"emr DescribeCluster .*(Version|Message|LogUri|MasterPublicDnsName|RequestedEc2SubnetIds|KerberosAttributes)": "there are no machines",
    r"firehose DescribeDeliveryStream .*\.S3DestinationDescription": "the older form of the extended one",
    r"firehose DescribeDeliveryStream .*(Redshift|Splunk)Destination.*CloudWatchLogging": "only where it is configured",
    r"glue GetConnection Connection.Description": "the recorded one was empty",
    r"glue GetCrawler Crawler.LastCrawl": "it was not started here",
    r"iam GetAccountAuthorizationDetails (Policies|RoleDetailList)": "weir asks for one kind at a time",
    r"kafka DescribeClusterV2 .*ZoneIds": "zones of its subnets are not looked up",
    r"lakeformation GetDataLakeSettings .*Create": "the stack does not say them, so the account's own are left",
    r"lakeformation ListPermissions": "lists without items, and the account's own catalogue",
    r"lambda GetLayerVersion Content": "the recorded archive is not in this sandbox",
    r"(rds|redshift) \w+Parameters ": "an engine's parameters are known by name and value only",
    r"rds DescribeDBInstances .*(DBParameterGroups|DBSubnetGroup|OptionGroupMemberships|VpcSecurityGroups|KmsKeyId|LicenseModel)": "groups and keys of a database are shown where they were given",
    r"rds DescribeDBInstances .*(HostedZoneId|LatestRestorableTime)": "it has neither a zone nor backups that go on",
    r"secretsmanager DescribeSecret": "the recorded secret had been read and rotated",
    r"stepfunctions DescribeStateMachine revisionId": "it is reported once a machine was changed",
    r"stepfunctions DescribeActivity": "weir has no attribute for it",
    r"transfer DescribeServer .*VpcEndpointId": "no endpoint is created for it",
}
EXTRA = {  # members of the sandbox's answers that AWS's do not have
    r"logs DescribeResourcePolicies resourcePolicies\[\].policyScope": "newer than the recording",
    r".*(\.|^)(Tags|TagList|tags)\b": "the stack's ownership tags",
    r"apigatewayv2 GetApi IpAddressType": "botocore's model has it; the recording is older",
    r"cognito-idp DescribeUserPool UserPool.(DeletionProtection|EmailConfiguration.EmailSendingAccount|UserPoolTier)": "botocore's model has it; the recording is older",
    r"dynamodb DescribeTable Table.(DeletionProtectionEnabled|WarmThroughput)": "botocore's model has it; the recording is older",
    r"ecs DescribeServices .*enableExecuteCommand": "botocore's model has it; the recording is older",
    r"emr DescribeCluster Cluster.UnhealthyNodeReplacement": "botocore's model has it; the recording is older",
    r"glue GetTable Table.VersionId": "botocore's model has it; the recording is older",
    r"kms DescribeKey KeyMetadata.(CurrentKeyMaterialId|CustomerMasterKeySpec|EncryptionAlgorithms|KeySpec|MultiRegion)": "botocore's model has it; the recording is older",
    r"kms GetKeyRotationStatus (KeyId|NextRotationDate|RotationPeriodInDays)": "AWS's reference has it; the recording is older",
    r"kms GetKeyPolicy PolicyName": "botocore's model has it; the recording is older",
    r"logs DescribeLogGroups .*(deletionProtectionEnabled|logGroupArn|logGroupClass)": "botocore's model has it; the recording is older",
    r"apigateway GetStage tracingEnabled": "botocore's model has it; the recording is older",
    r"autoscaling DescribeAutoScalingGroups .*(CapacityRebalance|DeletionProtection)": "botocore's model has it; the recording is older",
    r"cognito-idp DescribeUserPoolClient .*(AuthSessionValidity|EnablePropagateAdditionalUserContextData|EnableTokenRevocation)": "botocore's model has it; the recording is older",
    r"cognito-idp DescribeUserPoolDomain .*ManagedLoginVersion": "botocore's model has it; the recording is older",
    r"ec2 DescribeSecurityGroups .*SecurityGroupArn": "botocore's model has it; the recording is older",
    r"redshift DescribeClusterSnapshots .*SnapshotArn": "botocore's model has it; the recording is older",
    r"s3 (HeadBucket|ListBuckets) .*(AccessPointAlias|BucketArn|BucketRegion)": "botocore's model has it; the recording is older",
    r"apigateway GetDomainName distribution": "the recorded domain was regional",
    r"glue GetCrawler .*LineageConfiguration": "as AWS's reference has it; the recording is older",
}
LISTED = re.compile(r"\w+\[\]")  # an item of a listing


class Recorder:
    """Between weir and a sandbox. `said`: the answers as botocore reads them, {(service, operation): [answer]}."""

    def __init__(self, port, services):
        self.said, self.services, outer = {}, services, self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            log_message = lambda *a: None

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server = http.client.HTTPConnection("127.0.0.1", port)
                server.request(self.command, self.path, body, dict(self.headers))
                answer = server.getresponse()
                out = answer.read()
                outer.note(self, body, answer, out)
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "connection", "date", "server", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", answer.getheader("Content-Length") if self.command == "HEAD" else str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def note(self, handler, body, answer, out):
        if answer.status < 300:
            request = Request(self, handler, body)
            operation, parser = model(request.service).operation_model(request.operation), create_parser(request.protocol)
            parsed = parser.parse({"status_code": answer.status, "headers": dict(answer.getheaders()), "body": out}, operation.output_shape)
            self.said.setdefault((request.service, request.operation), []).append(parsed)


def members(shape, value, path=""):
    """The paths of all that an answer has; of lists and maps what any of their elements has."""
    below = []
    if shape.type_name == "structure" and isinstance(value, dict):
        below = [{path + n} | members(s, value[n], f"{path}{n}.") for n, s in shape.members.items() if value.get(n) is not None]
    elif shape.type_name == "list" and isinstance(value, list):
        below = [members(shape.member, v, f"{path[:-1]}[].") for v in value]
    elif shape.type_name == "map" and isinstance(value, dict):
        below = [members(shape.value, v, f"{path[:-1]}{{}}.") for v in value.values()]
    return set().union(*below)


def recorded(services):
    """{(service, operation): (members of the entries that are created here, members of all entries)}"""
    found = {}
    for entry in entries():
        service = next(s for s, types in services.types.items() if entry.type in types)
        for operation, answer in entry.answers.items():
            made, all_ = found.setdefault((service, operation), (set(), set()))
            for one in [v for k, v in answer.items() if k != "by"] if "by" in answer else [answer] if "error" not in answer else []:
                has = members(model(service).operation_model(operation).output_shape, one)
                all_ |= has
                made |= has if entry.type not in LEFT_OUT else set()
    return found


def referring(value, own, attribute=""):
    """A part of a resource at `own` address, with references in place of recorded ids and names."""
    if isinstance(value, dict):
        return {k: v if k in ("tags", "name") else referring(v, own, k) for k, v in value.items()}
    if isinstance(value, list):
        return [referring(v, own, attribute) for v in value]
    for pattern, reference in REFERENCES if isinstance(value, str) else ():
        if reference.split(".")[0] != own and (re.fullmatch(pattern, value) or re.fullmatch(pattern, f"{attribute}: {value}")):
            return f"${{{reference}}}"
    return value


def stack_of(found):
    """A secret is rotated by a function, which is not among what is made here."""
    made = {e.address: {k: v for k, v in e.resource().items() if e.type != "aws.secretsmanager.secret" or not k.startswith("rotation")} for e in found}
    return {"stack": "answers", "resources": PRESENT | {address: referring(resource | CHANGED.get(address, {}), address) for address, resource in made.items()}}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    services = Services(subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines())
    server = Sandbox("-", ACCOUNT, Sandbox.access, Sandbox.secret, env={"SANDBOX_IAM": "off"})
    recorder = Recorder(server.port, services)
    stack = Stack(tmp_path_factory.mktemp("said") / "stack")
    stack.env |= {"AWS_ACCESS_KEY_ID": server.access, "AWS_SECRET_ACCESS_KEY": server.secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": recorder.url}
    stack.write(yaml.safe_dump(stack_of([e for e in entries() if e.type not in LEFT_OUT])))
    stack.apply()
    recorder.said.clear()
    stack.assert_settled()
    yield recorder
    server.stop()


def test_members(said):
    """Of operations that were called and found something."""
    lacking, extra, compared = [], [], 0
    for (service, operation), (made, all_) in recorded(said.services).items():
        shape = model(service).operation_model(operation).output_shape
        here = set().union(*(members(shape, a) for a in said.said.get((service, operation), [])))
        if here and made and (any(map(LISTED.match, here)) or not any(map(LISTED.match, made))):
            lacking += [f"{service} {operation} {p}" for p in made - here]
            extra += [f"{service} {operation} {p}" for p in here - all_]
            compared += 1
    unknown = lambda found, known: sorted(p for p in found if not any(re.match(k, p) for k in known))
    assert unknown(lacking, LACKING) == [] and unknown(extra, EXTRA) == [] and compared > 100
    assert [k for k in LACKING if not any(re.match(k, p) for p in lacking)] == [] and [k for k in EXTRA if not any(re.match(k, p) for p in extra)] == []
