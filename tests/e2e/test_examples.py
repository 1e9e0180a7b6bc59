"""Every type's own example from its spec: it is planned, and on moto it lives through create, an empty plan and destroy."""

import io
import re
import zipfile

import pytest

from support import ACCOUNT, ROOT, spec_of

# Where moto answers, but not as the service does. What it lacks shows by its HTML pages.
NOT_ON_MOTO = {
    "aws.autoscaling.group": "wants subnets and a template that are there",
    "aws.batch.compute_environment": "wants a service role, which the service does not",
    "aws.batch.job_queue": "takes no ARN of a compute environment that is not there",
    "aws.ec2.dhcp_options": "forgets the tags that they are made with, and weir's marks with them",
    "aws.dms.task": "stays creating for ever",
    "aws.dms.subnet_group": "keeps its tags under its name, where the service has its ARN",
    "aws.emr.cluster": "has no policies of scaling and termination",
    "aws.glue.schema": "lists none",
    "aws.glue.registry": "forgets its tags, and weir's marks with them",
    "aws.kafka.cluster": "stays CREATING for ever",
    "aws.mwaa.environment": "there is no such service",
    "aws.transfer.ssh_key": "wants the user, and deletes no servers",
    "aws.redshiftdata.statement": "stays STARTED for ever",
}
VPC = {"vpc": "{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}"}


def subnet(name, third, zone):
    declared = f"{{type: aws.ec2.subnet, vpc_id: '${{vpc.vpc_id}}', cidr_block: 10.0.{third}.0/24, availability_zone: us-east-1{zone}}}"
    return f"${{{name}.subnet_id}}", VPC | {name: declared}


# Ids in the examples that a service assigns, and the resources that stand for them.
STANDS_FOR = {
    "vpc-0a1b2c3d": ("${vpc.vpc_id}", VPC),
    "subnet-0a1b2c3d": subnet("one", 9, "a"),
    "subnet-4e5f6a7b": subnet("two", 10, "b"),
    "rtb-0a1b2c3d": ("${table.route_table_id}", VPC | {"table": "{type: aws.ec2.route_table, vpc_id: '${vpc.vpc_id}'}"}),
    "acl-0a1b2c3d": ("${list.network_acl_id}", VPC | {"list": "{type: aws.ec2.network_acl, vpc_id: '${vpc.vpc_id}'}"}),
    "igw-0a1b2c3d": ("${gateway.internet_gateway_id}", VPC | {"gateway": "{type: aws.ec2.internet_gateway, vpc_id: '${vpc.vpc_id}'}"}),
    "eipalloc-0a1b2c3d": ("${address.allocation_id}", {"address": "{type: aws.ec2.elastic_ip}"}),
    "sg-0a1b2c3d": ("${group.group_id}", VPC | {"group": "{type: aws.ec2.security_group, vpc_id: '${vpc.vpc_id}', name: g, description: g}"}),
    "1234abcd-12ab-34cd-56ef-1234567890ab": ("${key.key_id}", {"key": "{type: aws.kms.key, description: k}"}),
    "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole": (
        "${managed.arn}", {"managed": "{type: aws.iam.policy, name: m, policy: '${allow(\"s3:GetObject\", \"*\")}'}"}),
    "arn:aws:iam::aws:policy/AmazonAthenaFullAccess": ("${managed.arn}", {"managed": "{type: aws.iam.policy, name: m, policy: '${allow(\"s3:GetObject\", \"*\")}'}"}),
    "arn:aws:s3:::my-logs": ("${logs.arn}", {"logs": "{type: aws.s3.bucket, name: my-logs}"}),
    "arn:aws:sns:us-east-1:123456789012:alarms": ("${alarms.arn}", {"alarms": "{type: aws.sns.topic, name: alarms}"}),
    "arn:aws:sqs:us-east-1:123456789012:incoming": ("${incoming.arn}", {"incoming": "{type: aws.sqs.queue, name: incoming}"}),
}
BALANCER = subnet("one", 9, "a")[1] | subnet("two", 10, "b")[1] | {"balancer": "{type: aws.elbv2.load_balancer, name: balancer, subnets: ['${one.subnet_id}', '${two.subnet_id}']}"}
LISTENER = "{type: aws.elbv2.listener, load_balancer: '${balancer.arn}', port: 80, protocol: HTTP, default_actions: [{type: fixed-response, fixed_response: {status_code: '404'}}]}"
PLACE = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
STANDS_FOR |= {
    f"{PLACE}:loadbalancer/app/airflow/0a1b2c3d4e5f6071": ("${balancer.arn}", BALANCER),
    f"{PLACE}:listener/app/airflow/0a1b2c3d4e5f6071/1a2b3c4d5e6f7081": ("${listener.arn}", BALANCER | {"listener": LISTENER}),
}

REST = {"rest": "{type: aws.apigateway.rest_api, name: rest}"}
SERVED = REST | {
    "hello": "{type: aws.apigateway.method, rest_api: '${rest.rest_api_id}', resource: '${rest.root_resource_id}', http_method: GET, integration: {type: MOCK}}",
    "served": "{type: aws.apigateway.deployment, rest_api: '${rest.rest_api_id}', triggers: ['${hello.id}']}",
}
STANDS_FOR |= {
    "s-0a1b2c3d4e5f60718": ("${server.server_id}", {"server": "{type: aws.transfer.server}"}),
    "us-east-1_aBcDeFgHi": ("${pool.user_pool_id}", {"pool": "{type: aws.cognitoidp.user_pool, name: pool}"}),
    "r1s2t3u4v5": ("${rest.rest_api_id}", REST),
    "f6g7h8i9j0": ("${rest.root_resource_id}", REST),
    "hello-v1": ("${hello.id}", {name: one for name, one in SERVED.items() if name != "served"}),
    "k1l2m3": ("${served.deployment_id}", SERVED),
    "n4o5p6": ("${plan.usage_plan_id}", {"plan": "{type: aws.apigateway.usage_plan, name: plan}"}),
    "q7r8s9t0u1": ("${partner.api_key_id}", {"partner": "{type: aws.apigateway.api_key, name: partner}"}),
    "api.example.com": ("${host.name}", {"host": "{type: aws.apigateway.domain_name, name: api.example.com}"}),
    "a1b2c3d4e5": ("${api.api_id}", {"api": "{type: aws.apigatewayv2.api, name: api, protocol_type: HTTP}"}),
}


def prepare(cloud, name):
    """What the example of that type speaks of by name."""
    if name != "aws.s3.bucket":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("ingest.py", "def handler(event, context): pass")
        cloud.client("s3").create_bucket(Bucket="my-lake")
        for key in ("ingest", "libraries"):
            cloud.client("s3").put_object(Bucket="my-lake", Key=f"artifacts/{key}.zip", Body=packed.getvalue())
    for role in ("bastion", "ingest"):
        cloud.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    if name == "aws.iam.access_key":
        cloud.client("iam").create_user(UserName="airflow-laptop")
    if name == "aws.logs.subscription_filter":
        cloud.client("logs").create_log_group(logGroupName="/aws/lambda/ingest")
    if name == "aws.ecs.service":
        cloud.client("ecs").create_cluster(clusterName="pipeline")
        cloud.client("ecs").register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "web", "memory": 64}])
    if name == "aws.glue.table":
        cloud.client("glue").create_database(DatabaseInput={"Name": "films"})
    if name.startswith("aws.lambda.") and name not in ("aws.lambda.function", "aws.lambda.layer_version") or name == "aws.logs.subscription_filter":
        cloud.client("lambda").create_function(
            FunctionName="alert" if name.startswith("aws.logs.") else "ingest", Runtime="python3.13", Handler="ingest.handler", Role=f"arn:aws:iam::{ACCOUNT}:role/ingest",
            Code={"S3Bucket": "my-lake", "S3Key": "artifacts/ingest.zip"}, Publish=True)
    if name == "aws.rds.snapshot":
        cloud.client("rds").create_db_instance(DBInstanceIdentifier="songs", Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20,
                                               MasterUsername="weir", MasterUserPassword="example-password")
    if name == "aws.redshift.snapshot":
        cloud.client("redshift").create_cluster(ClusterIdentifier="warehouse", NodeType="ra3.large", MasterUsername="weir", MasterUserPassword="Long-enough-1")
    if name == "aws.stepfunctions.alias":
        cloud.client("stepfunctions").create_state_machine(
            name="nightly", definition='{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}', roleArn=f"arn:aws:iam::{ACCOUNT}:role/ingest", publish=True)
    if name in ("aws.s3tables.namespace", "aws.s3tables.table"):
        tables = cloud.client("s3tables")
        bucket = tables.create_table_bucket(name="lakehouse")["arn"]
        if name == "aws.s3tables.table":
            tables.create_namespace(tableBucketARN=bucket, namespace=["sales"])


def examples():
    for path in sorted((ROOT / "provider").glob("*/specs/*.yaml")):
        spec = spec_of(path)
        for kind in ("types", "data"):
            for name, entry in (spec.get(kind) or {}).items():
                words = [path.parent.parent.name, *([path.stem] if path.stem != path.parent.parent.name else []), name]
                yield pytest.param(kind, entry.get("example"), id=f"{kind} {'.'.join(words)}")


def stack_of(kind, example):
    assert example, "it has no example"
    lines = "".join("    " + line + "\n" for line in example.splitlines())
    inputs = "inputs: {password: {type: string, sensitive: true, default: example-password}}\n"
    if example.startswith("type: host."):
        inputs += "connections: {web: {host: web.example.org}}\nproviders: {host: {via: web}}\n"
    if example.startswith("type: kafka."):
        inputs += "providers: {kafka: {bootstrap: '127.0.0.1:9'}}\n"
    if service := re.match(r"type: (airflow|grafana|metabase|http)\.", example):  # where nobody is: to plan what is new nobody is asked
        inputs += f"providers: {{{service[1]}: {{url: 'http://127.0.0.1:9', user: ada, password: '${{inputs.password}}'}}}}\n"
    return f"stack: example\n{inputs}{'resources' if kind == 'types' else 'data'}:\n  it:\n{lines}"


def with_stand_ins(text):
    """References for the ids that a service assigns, and the resources that they are of: the text, and how many."""
    around = {}
    for stand_in, (reference, resources) in STANDS_FOR.items():
        if stand_in in text and f"\n    name: {stand_in}\n" not in text:  # which it is itself
            parts = text.replace(f'"{stand_in}"', stand_in).split(stand_in)
            for i in range(1, len(parts)):  # in a string that is quoted already, or in quotes of its own
                quoted = parts[0].rpartition("\n")[2].count('"') % 2
                parts[0] += (reference if quoted else f'"{reference}"') + parts[i]
            text = parts[0]
            around |= resources
    return text + "".join(f"  {name}: {resource}\n" for name, resource in around.items()), len(around)


@pytest.mark.parametrize("kind, example", list(examples()))
def test_planned(stack, kind, example):
    stack.write(stack_of(kind, example))
    for name in re.findall(r"^(?:folder|source): ([\w/]+)$", example, re.M):  # what is read for a plan has to be there
        (stack.folder / name).mkdir(parents=True)
    stack.run("validate")
    if kind == "types":
        assert stack.plan() == {"it": "create"}


@pytest.mark.parametrize("kind, example", [case for case in examples() if case.values[0] == "types" and "type: aws." in case.values[1]])
def test_applied(stack, cloud, kind, example, request):
    name = request.node.callspec.id.split()[-1]
    if name in NOT_ON_MOTO:
        pytest.skip(NOT_ON_MOTO[name])
    prepare(cloud, name)
    stack.write(with_stand_ins(stack_of(kind, example))[0])
    made = stack.apply(status=None)
    if "with an HTML page" in made.err:
        pytest.skip("moto does not implement it")
    assert made.status == 0, str(made)
    stack.assert_settled()
    stack.run("drift", status=0)
    gone = stack.destroy(status=None)
    if "with an HTML page" in gone.err:
        pytest.skip("moto does not implement its deletion")
    assert gone.status == 0, str(gone)
    assert stack.addresses() == []
