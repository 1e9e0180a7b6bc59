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

ALONE = re.compile(  # the others need what no entry describes: an API, a network, a function, a key
    "aws.(apigateway.(account|api_key|client_certificate|domain_name|rest_api|usage_plan$|vpc_link)|apigatewayv2.(api|domain_name|vpc_link)|athena|batch|cloudtrail|cloudwatch.dashboard|cognitoidp.user_pool$|dms.(certificate|endpoint|subnet_group|task)"
    "|dynamodb|ec2.(dhcp_options|elastic_ip|flow_log|internet_gateway|key_pair|vpc$)|ecr|ecs|elbv2.(load_balancer|target_group)|emr|events|firehose|glue.(?!job)|iam.(?!instance_profile)|kafka|kinesis|kms.key|lakeformation|lambda.layer_version"
    "|logs|rds.(instance|.*parameter_group)|redshift.parameter_group|s3.bucket$|scheduler|secretsmanager|sns|sqs|ssm|stepfunctions.(activity|state_machine)|transfer.server)"
)
LACKING = {  # members of AWS's answers that the sandbox leaves out
    r"apigateway GetDomainName certificateUploadDate": "certificates are by ARN",
    r"batch DescribeComputeEnvironments .*(desiredvCpus|ec2Configuration|tags)": "no machines are started",
    r"batch DescribeJobDefinitions .*schedulingPriority": "only where a job queue with fair shares gives one",
    r"cognito-idp .*SchemaAttributes": "the twenty standard attributes are not listed",
    r"cognito-idp DescribeUserPool UserPool.Domain$": "the recorded pool had a domain",
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
    r"iam GetRole Role.RoleLastUsed": "uses of a role are not recorded",
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
            operation, parser = model(request.service).operation_model(request.operation), create_parser(model(request.service).metadata["protocol"])
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
            alone, all_ = found.setdefault((service, operation), (set(), set()))
            for one in [v for k, v in answer.items() if k != "by"] if "by" in answer else [answer] if "error" not in answer else []:
                has = members(model(service).operation_model(operation).output_shape, one)
                all_ |= has
                alone |= has if ALONE.match(entry.type) else set()
    return found


def stack_of(found):
    """A secret is rotated by a function, which is not among what is made here. A service names its cluster, which has to be there first."""
    clusters = [e.address for e in found if e.type == "aws.ecs.cluster"]
    made = {e.address: {k: v for k, v in e.resource().items() if e.type != "aws.secretsmanager.secret" or not k.startswith("rotation")} for e in found}
    for resource in made.values():
        if resource["type"] == "aws.ecs.service":
            resource["depends_on"] = clusters
    return {"stack": "answers", "resources": made}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    services = Services(subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines())
    server = Sandbox("-", ACCOUNT, Sandbox.access, Sandbox.secret, env={"SANDBOX_IAM": "off"})
    recorder = Recorder(server.port, services)
    stack = Stack(tmp_path_factory.mktemp("said") / "stack")
    stack.env |= {"AWS_ACCESS_KEY_ID": server.access, "AWS_SECRET_ACCESS_KEY": server.secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": recorder.url}
    stack.write(yaml.safe_dump(stack_of([e for e in entries() if ALONE.match(e.type)])))
    stack.apply()
    recorder.said.clear()
    stack.assert_settled()
    yield recorder
    server.stop()


def test_members(said):
    """Of operations that were called and found something."""
    lacking, extra, compared = [], [], 0
    for (service, operation), (alone, all_) in recorded(said.services).items():
        shape = model(service).operation_model(operation).output_shape
        here = set().union(*(members(shape, a) for a in said.said.get((service, operation), [])))
        if here and alone and (any(map(LISTED.match, here)) or not any(map(LISTED.match, alone))):
            lacking += [f"{service} {operation} {p}" for p in alone - here]
            extra += [f"{service} {operation} {p}" for p in here - all_]
            compared += 1
    unknown = lambda found, known: sorted(p for p in found if not any(re.match(k, p) for k in known))
    assert unknown(lacking, LACKING) == [] and unknown(extra, EXTRA) == [] and compared > 50
    assert [k for k in LACKING if not any(re.match(k, p) for p in lacking)] == [] and [k for k in EXTRA if not any(re.match(k, p) for p in extra)] == []
