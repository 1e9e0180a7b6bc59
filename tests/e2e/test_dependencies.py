"""What something else still uses cannot be deleted: as AWS refuses it, for every rule of the specs (`used_by`, `delete_empty`)."""

import io
import json
import zipfile

import botocore.session
import pytest
import yaml
from botocore.exceptions import ClientError
from support import ROOT, Stack, until


def role(*services, **more):
    trust = {"Effect": "Allow", "Principal": {"Service": [f"{service}.amazonaws.com" for service in services]}, "Action": "sts:AssumeRole"}
    return {"type": "aws.iam.role", "assume_role_policy": {"Version": "2012-10-17", "Statement": [trust]}, **more}


PASSWORD = {"master_username": "weir", "master_user_password": "Long-enough-1", "skip_final_snapshot": True}


def users_of(net, group):
    """What has network interfaces, by type: {name: resource}; `net(n)` are the ids of n subnets, `group` that of the security group."""
    return {
        "aws.ec2.instance": {"it": {"image_id": "ami-12c6146b", "instance_type": "t4g.micro", "subnet_id": net(1)[0], "security_group_ids": [group]}},
        "aws.ec2.vpc_endpoint": {"it": {"vpc_id": "${vpc.vpc_id}", "service_name": "com.amazonaws.us-east-1.glue", "vpc_endpoint_type": "Interface", "subnet_ids": net(1), "security_group_ids": [group]}},
        "aws.elbv2.load_balancer": {"it": {"name": "used", "subnets": net(2), "security_groups": [group]}},
        "aws.lambda.function": {
            "role": role("lambda", name="used-function"),
            "it": {"name": "used", "role": "${role.arn}", "runtime": "python3.12", "handler": "f.main", "code": {"s3_bucket": "used-code", "s3_key": "f.zip"}, "vpc_config": {"subnet_ids": net(1), "security_group_ids": [group]}}},
        "aws.rds.instance": {
            "group": {"type": "aws.rds.subnet_group", "name": "used-db", "description": "d", "subnet_ids": net(2)},
            "it": {"name": "used-db", "engine": "postgres", "instance_class": "db.t4g.micro", "allocated_storage": 20, "db_subnet_group_name": "${group.name}", "vpc_security_group_ids": [group], **PASSWORD}},
        "aws.rds.cluster": {
            "group": {"type": "aws.rds.subnet_group", "name": "used-aurora", "description": "d", "subnet_ids": net(2)},
            "parameters": {"type": "aws.rds.cluster_parameter_group", "name": "used-aurora", "family": "aurora-postgresql16", "description": "d"},
            "it": {"name": "used-aurora", "engine": "aurora-postgresql", "db_subnet_group_name": "${group.name}", "vpc_security_group_ids": [group], "db_cluster_parameter_group_name": "${parameters.name}", **PASSWORD},
            "one": {"type": "aws.rds.instance", "name": "used-aurora-1", "cluster": "${it.name}", "engine": "aurora-postgresql", "instance_class": "db.r6g.large"}},
        "aws.redshift.cluster": {
            "group": {"type": "aws.redshift.subnet_group", "name": "used-house", "description": "d", "subnet_ids": net(2)},
            "parameters": {"type": "aws.redshift.parameter_group", "name": "used-house", "family": "redshift-1.0", "description": "d"},
            "it": {"name": "used-house", "node_type": "ra3.large", "cluster_subnet_group_name": "${group.name}", "cluster_parameter_group_name": "${parameters.name}", "vpc_security_group_ids": [group], **PASSWORD}},
        "aws.redshiftserverless.workgroup": {
            "space": {"type": "aws.redshiftserverless.namespace", "name": "used-data"},
            "it": {"name": "used", "namespace": "${space.name}", "subnet_ids": net(3), "security_group_ids": [group]}},
        "aws.dms.replication_instance": {
            "group": {"type": "aws.dms.subnet_group", "name": "used-dms", "description": "d", "subnet_ids": net(2)},
            "it": {"name": "used-dms", "instance_class": "dms.t3.micro", "subnet_group": "${group.name}", "security_group_ids": [group]},
            "source": {"type": "aws.dms.endpoint", "name": "used-source", "endpoint_type": "source", "engine_name": "postgres", "server_name": "a.example", "port": 5432},
            "target": {"type": "aws.dms.endpoint", "name": "used-target", "endpoint_type": "target", "engine_name": "postgres", "server_name": "b.example", "port": 5432},
            "task": {"type": "aws.dms.task", "name": "used-task", "migration_type": "full-load", "source": "${source.arn}", "target": "${target.arn}", "replication_instance": "${it.arn}",
                     "table_mappings": {"rules": [{"rule-type": "selection", "rule-id": "1", "rule-name": "1", "object-locator": {"schema-name": "public", "table-name": "%"}, "rule-action": "include"}]}}},
        "aws.kafka.cluster": {"it": {"name": "used-topics", "kafka_version": "3.8.x", "number_of_broker_nodes": 2, "instance_type": "kafka.t3.small", "client_subnets": net(2), "security_groups": [group]}},
        "aws.mwaa.environment": {
            "dags": {"type": "aws.s3.bucket", "name": "used-dags", "versioning": True}, "role": role("airflow", "airflow-env", name="used-airflow"),
            "it": {"name": "used", "execution_role": "${role.arn}", "source_bucket": "${dags.arn}", "dag_s3_path": "dags", "subnet_ids": net(2), "security_group_ids": [group]}},
        "aws.emr.cluster": {
            "role": role("elasticmapreduce", name="used-emr"), "nodes": role("ec2", name="used-emr-nodes"), "profile": {"type": "aws.iam.instance_profile", "name": "used-emr-nodes", "roles": ["${nodes.name}"]},
            "it": {"name": "used", "release_label": "emr-7.5.0", "service_role": "${role.name}", "job_flow_role": "${profile.name}", "subnet_id": net(1)[0], "master_security_group": group, "core_security_group": group,
                   "instance_groups": {"one": {"instance_role": "MASTER", "instance_type": "m5.xlarge", "instance_count": 1}}}},
        "aws.transfer.server": {"it": {"endpoint_type": "VPC", "endpoint": {"vpc_id": "${vpc.vpc_id}", "subnet_ids": net(1), "security_group_ids": [group]}}},
        "aws.ecs.service": {
            "cluster": {"type": "aws.ecs.cluster", "name": "used"},
            "task": {"type": "aws.ecs.task_definition", "name": "used", "network_mode": "awsvpc", "requires_compatibilities": ["FARGATE"], "cpu": "256", "memory": "512", "containers": [{"name": "web", "image": "nginx"}]},
            "it": {"name": "used", "cluster": "${cluster.name}", "task_definition": "${task.arn}", "launch_type": "FARGATE", "subnets": net(1), "security_groups": [group]}},
    }


TYPES = list(users_of(lambda n: [""] * n, ""))


def net(n):
    return [f"${{s{i}.subnet_id}}" for i in range(n)]


NETWORK = {
    "vpc": {"type": "aws.ec2.vpc", "cidr_block": "10.7.0.0/16"},
    **{f"s{i}": {"type": "aws.ec2.subnet", "vpc_id": "${vpc.vpc_id}", "cidr_block": f"10.7.{i}.0/24", "availability_zone": f"us-east-1{'abc'[i]}"} for i in range(3)},
    "spare": {"type": "aws.ec2.subnet", "vpc_id": "${vpc.vpc_id}", "cidr_block": "10.7.9.0/24", "availability_zone": "us-east-1a"},
    "door": {"type": "aws.ec2.security_group", "name": "door", "description": "d", "vpc_id": "${vpc.vpc_id}"},
}


def of(kind):
    """The resources around one of that type, which is `it`."""
    found = users_of(net, "${door.group_id}")[kind]
    return {**NETWORK, **found, "it": {"type": kind, **found["it"]}}


def write(stack, resources, outputs=()):
    stack.write(json.dumps({"stack": "used", "resources": resources, "outputs": {name: {"value": value} for name, value in dict(outputs).items()}}))
    return stack


def refused(call, code, **arguments):
    """What it says; it has to refuse it with this code, as it does 400 or 409."""
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    assert failed.value.response["Error"]["Code"] == code, failed.value
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404, 409)
    return failed.value.response["Error"]["Message"]


@pytest.fixture
def made(tmp_path, fast_sandbox):
    """A stack, applied in a sandbox, and what it gives out."""

    def make(resources, outputs):
        stack = write(Stack(tmp_path / "stack", fast_sandbox), resources, outputs)
        if "used-code" in json.dumps(resources):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("f.py", "def main(event, context): pass")
            stack.client("s3").create_bucket(Bucket="used-code")
            stack.client("s3").put_object(Bucket="used-code", Key="f.zip", Body=file.getvalue())
        stack.apply()
        return stack, stack.outputs()

    return make


@pytest.mark.parametrize("kind", TYPES)
def test_networks_below_the_living(made, kind):
    """Its subnets, its security group and the network stay as long as it does; a subnet beside it may go. weir takes all down in order."""
    resources = of(kind)
    used = [name for name in ("s0", "s1", "s2") if f"${{{name}.subnet_id}}" in json.dumps([one for key, one in resources.items() if key not in NETWORK])]
    stack, given = made(resources, {"vpc": "${vpc.vpc_id}", "spare": "${spare.subnet_id}", "door": "${door.group_id}", **{name: f"${{{name}.subnet_id}}" for name in used}})
    ec2 = stack.client("ec2")
    for name in used:
        assert refused(ec2.delete_subnet, "DependencyViolation", SubnetId=given[name]) == f"The subnet '{given[name]}' has dependencies and cannot be deleted."
    assert refused(ec2.delete_security_group, "DependencyViolation", GroupId=given["door"]) == f"resource {given['door']} has a dependent object"
    assert refused(ec2.delete_vpc, "DependencyViolation", VpcId=given["vpc"]) == f"The vpc '{given['vpc']}' has dependencies and cannot be deleted."
    ec2.delete_subnet(SubnetId=given["spare"])
    stack.run("destroy", "-y")
    assert not [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]


def test_a_network_below_a_database_is_not_replaced(made):
    """Asked by weir: it stands, the database in it too, and what is wrong is said."""
    stack, given = made(of("aws.rds.instance"), {"subnet": "${s0.subnet_id}"})
    kept = {name: one for name, one in of("aws.rds.instance").items()}
    kept["s0"] = {**kept["s0"], "cidr_block": "10.7.20.0/24"}
    kept["group"] = {**kept["group"], "subnet_ids": [given["subnet"], "${s1.subnet_id}"]}  # as a stack of somebody else's has it
    kept["s0"]["timeouts"] = {"delete": "2s"}
    write(stack, kept)
    said = stack.apply(status=1)
    assert "has dependencies and cannot be deleted" in said.err, str(said)
    (subnet,) = stack.client("ec2").describe_subnets(SubnetIds=[given["subnet"]])["Subnets"]
    assert subnet["CidrBlock"] == "10.7.0.0/24"
    assert [one["DBInstanceStatus"] for one in stack.client("rds").describe_db_instances()["DBInstances"]] == ["available"]


def test_a_group_of_subnets_alone_holds_nothing(made):
    """It is the database's interfaces that do."""
    stack, given = made({**NETWORK, "group": {"type": "aws.rds.subnet_group", "name": "used-db", "description": "d", "subnet_ids": net(2)}}, {"subnet": "${s0.subnet_id}"})
    stack.client("ec2").delete_subnet(SubnetId=given["subnet"])


API = {"type": "aws.apigateway.rest_api", "name": "used"}
METHOD = {"type": "aws.apigateway.method", "rest_api": "${api.rest_api_id}", "resource": "${api.root_resource_id}", "http_method": "GET", "integration": {"type": "HTTP", "http_method": "GET", "uri": "https://used.example"}, "authorization_type": "NONE"}
HTTP = {"type": "aws.apigatewayv2.api", "name": "used", "protocol_type": "HTTP"}
TARGETS = {"type": "aws.elbv2.target_group", "name": "used", "target_type": "ip", "protocol": "HTTP", "port": 80, "vpc_id": "${vpc.vpc_id}"}
FIXED = [{"type": "fixed-response", "fixed_response": {"status_code": "404"}}]
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}

# What is deleted, who uses it: {resources; [(type that is used, types that use it, service, operation, {argument: value}, code)]}
STACKS = {
    "iam": ({
        "policy": {"type": "aws.iam.policy", "name": "used", "policy": ALLOW},
        "by_role": {"type": "aws.iam.policy", "name": "used-by-role", "policy": ALLOW}, "by_user": {"type": "aws.iam.policy", "name": "used-by-user", "policy": ALLOW},
        "by_group": {"type": "aws.iam.policy", "name": "used-by-group", "policy": ALLOW}, "user_bound": {"type": "aws.iam.policy", "name": "user-bound", "policy": ALLOW},
        "role_bound": {"type": "aws.iam.policy", "name": "role-bound", "policy": ALLOW},
        "attached": role("ec2", name="attached", managed_policies=["${by_role.arn}"]), "inline": role("ec2", name="inline", policies={"a": ALLOW}, permissions_boundary="${role_bound.arn}"),
        "nodes": role("ec2", name="nodes"), "profile": {"type": "aws.iam.instance_profile", "name": "used", "roles": ["${nodes.name}"]},
        "ann": {"type": "aws.iam.user", "name": "ann", "managed_policies": ["${by_user.arn}"]}, "bob": {"type": "aws.iam.user", "name": "bob", "groups": ["${team.name}"]},
        "eve": {"type": "aws.iam.user", "name": "eve", "permissions_boundary": "${user_bound.arn}"}, "key": {"type": "aws.iam.access_key", "user": "${eve.name}"},
        "team": {"type": "aws.iam.group", "name": "team"}, "readers": {"type": "aws.iam.group", "name": "readers", "managed_policies": ["${by_group.arn}"]},
    }, [
        ("aws.iam.role", "", "iam", "delete_role", {"RoleName": "attached"}, "DeleteConflict", "Cannot delete entity, must detach all policies first."),
        ("aws.iam.role", "", "iam", "delete_role", {"RoleName": "inline"}, "DeleteConflict", "Cannot delete entity, must delete policies first."),
        ("aws.iam.role", "aws.iam.instance_profile", "iam", "delete_role", {"RoleName": "nodes"}, "DeleteConflict", "must remove roles from instance profile first."),
        ("aws.iam.instance_profile", "", "iam", "delete_instance_profile", {"InstanceProfileName": "used"}, "DeleteConflict", "must remove roles from instance profile first."),
        ("aws.iam.user", "", "iam", "delete_user", {"UserName": "ann"}, "DeleteConflict", "must detach all policies first."),
        ("aws.iam.user", "", "iam", "delete_user", {"UserName": "bob"}, "DeleteConflict", "group"),
        ("aws.iam.user", "aws.iam.access_key", "iam", "delete_user", {"UserName": "eve"}, "DeleteConflict", "must delete access keys first."),
        ("aws.iam.group", "aws.iam.user", "iam", "delete_group", {"GroupName": "team"}, "DeleteConflict", "must remove users from group first."),
        ("aws.iam.group", "", "iam", "delete_group", {"GroupName": "readers"}, "DeleteConflict", "must detach all policies first."),
        *(("aws.iam.policy", user, "iam", "delete_policy", {"PolicyArn": f"${{{name}.arn}}"}, "DeleteConflict", "Cannot delete a policy attached to entities.") for name, user in (
            ("by_role", "aws.iam.role"), ("by_user", "aws.iam.user"), ("by_group", "aws.iam.group"), ("role_bound", "aws.iam.role"), ("user_bound", "aws.iam.user"))),
    ]),
    "network": ({
        **{name: NETWORK[name] for name in ("vpc", "s0")},
        "way": {"type": "aws.ec2.internet_gateway", "vpc_id": "${vpc.vpc_id}"}, "routes": {"type": "aws.ec2.route_table", "vpc_id": "${vpc.vpc_id}"},
        "joined": {"type": "aws.ec2.route_table_association", "route_table_id": "${routes.route_table_id}", "subnet_id": "${s0.subnet_id}"},
        "list": {"type": "aws.ec2.network_acl", "vpc_id": "${vpc.vpc_id}"}, "listed": {"type": "aws.ec2.network_acl_association", "network_acl_id": "${list.network_acl_id}", "subnet_id": "${s0.subnet_id}"},
        "address": {"type": "aws.ec2.elastic_ip"}, "nat": {"type": "aws.ec2.nat_gateway", "subnet_id": "${s0.subnet_id}", "allocation_id": "${address.allocation_id}", "depends_on": ["way"]},
        "options": {"type": "aws.ec2.dhcp_options", "domain_name": "used.example"}, "other": {"type": "aws.ec2.vpc", "cidr_block": "10.8.0.0/16", "dhcp_options_id": "${options.dhcp_options_id}"},
        "own": {"type": "aws.ec2.vpc", "cidr_block": "10.9.0.0/16"}, "own_routes": {"type": "aws.ec2.route_table", "vpc_id": "${own.vpc_id}"},
        "listing": {"type": "aws.ec2.vpc", "cidr_block": "10.10.0.0/16"}, "own_list": {"type": "aws.ec2.network_acl", "vpc_id": "${listing.vpc_id}"},
        "way_of": {"type": "aws.ec2.vpc", "cidr_block": "10.11.0.0/16"}, "own_way": {"type": "aws.ec2.internet_gateway", "vpc_id": "${way_of.vpc_id}"},
        "end_of": {"type": "aws.ec2.vpc", "cidr_block": "10.12.0.0/16"}, "end": {"type": "aws.ec2.vpc_endpoint", "vpc_id": "${end_of.vpc_id}", "service_name": "com.amazonaws.us-east-1.s3", "vpc_endpoint_type": "Gateway"},
        "group_of": {"type": "aws.ec2.vpc", "cidr_block": "10.13.0.0/16"}, "group": {"type": "aws.ec2.security_group", "name": "g", "description": "d", "vpc_id": "${group_of.vpc_id}"},
        "from": {"type": "aws.ec2.security_group", "name": "from", "description": "d", "vpc_id": "${group_of.vpc_id}", "ingress": [{"protocol": "tcp", "from_port": 1, "to_port": 2, "source_group": "${group.group_id}"}]},
    }, [
        ("aws.ec2.vpc", "aws.ec2.subnet", "ec2", "delete_vpc", {"VpcId": "${vpc.vpc_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.vpc", "aws.ec2.route_table", "ec2", "delete_vpc", {"VpcId": "${own.vpc_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.vpc", "aws.ec2.network_acl", "ec2", "delete_vpc", {"VpcId": "${listing.vpc_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.vpc", "aws.ec2.internet_gateway", "ec2", "delete_vpc", {"VpcId": "${way_of.vpc_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.vpc", "aws.ec2.vpc_endpoint", "ec2", "delete_vpc", {"VpcId": "${end_of.vpc_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.vpc", "aws.ec2.security_group", "ec2", "delete_vpc", {"VpcId": "${group_of.vpc_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.subnet", "aws.ec2.nat_gateway", "ec2", "delete_subnet", {"SubnetId": "${s0.subnet_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.security_group", "aws.ec2.security_group_rule", "ec2", "delete_security_group", {"GroupId": "${group.group_id}"}, "DependencyViolation", "dependent object"),
        ("aws.ec2.internet_gateway", "", "ec2", "delete_internet_gateway", {"InternetGatewayId": "${way.internet_gateway_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.route_table", "aws.ec2.route_table_association", "ec2", "delete_route_table", {"RouteTableId": "${routes.route_table_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.network_acl", "aws.ec2.network_acl_association", "ec2", "delete_network_acl", {"NetworkAclId": "${list.network_acl_id}"}, "DependencyViolation", "has dependencies"),
        ("aws.ec2.elastic_ip", "aws.ec2.nat_gateway", "ec2", "release_address", {"AllocationId": "${address.allocation_id}"}, "InvalidIPAddress.InUse", ""),
        ("aws.ec2.dhcp_options", "aws.ec2.vpc", "ec2", "delete_dhcp_options", {"DhcpOptionsId": "${options.dhcp_options_id}"}, "DependencyViolation", "has dependencies"),
    ]),
    "gateway": ({
        "api": API, "checks": {"type": "aws.apigateway.request_validator", "rest_api": "${api.rest_api_id}", "name": "used", "validate_request_body": True},
        "who": {"type": "aws.apigateway.authorizer", "rest_api": "${api.rest_api_id}", "name": "who", "authorizer_type": "TOKEN", "identity_source": "method.request.header.A", "authorizer_uri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations"},
        "shape": {"type": "aws.apigateway.model", "rest_api": "${api.rest_api_id}", "name": "Used", "content_type": "application/json", "schema": {"type": "object"}},
        "idle": {"type": "aws.apigateway.model", "rest_api": "${api.rest_api_id}", "name": "Idle", "content_type": "application/json", "schema": {"type": "object"}},
        "method": {**METHOD, "authorization_type": "CUSTOM", "authorizer": "${who.authorizer_id}", "request_validator": "${checks.validator_id}", "request_models": {"application/json": "${shape.name}"},
                   "integration": {**METHOD["integration"], "connection_type": "VPC_LINK", "connection_id": "${link.vpc_link_id}"}},
        "served": {"type": "aws.apigateway.deployment", "rest_api": "${api.rest_api_id}", "triggers": ["${method.id}"]},
        "prod": {"type": "aws.apigateway.stage", "rest_api": "${api.rest_api_id}", "name": "prod", "deployment": "${served.deployment_id}"},
        **{name: NETWORK[name] for name in ("vpc", "s0", "s1")},
        "balancer": {"type": "aws.elbv2.load_balancer", "name": "used", "kind": "network", "subnets": net(2)}, "link": {"type": "aws.apigateway.vpc_link", "name": "used", "targets": ["${balancer.arn}"]},
        "domain": {"type": "aws.apigateway.domain_name", "name": "api.used.example", "regional_certificate": "arn:aws:acm:us-east-1:000000000000:certificate/12345678-1234-1234-1234-123456789012", "endpoint": {"types": ["REGIONAL"]}},
        "mapped": {"type": "aws.apigateway.base_path_mapping", "domain_name": "${domain.name}", "rest_api": "${api.rest_api_id}", "stage": "${prod.name}"},
        "http": HTTP, "calls": {"type": "aws.apigatewayv2.integration", "api": "${http.api_id}", "integration_type": "HTTP_PROXY", "integration_method": "GET", "integration_uri": "https://used.example", "payload_format_version": "1.0"},
        "tokens": {"type": "aws.apigatewayv2.authorizer", "api": "${http.api_id}", "name": "tokens", "authorizer_type": "JWT", "identity_source": ["$request.header.Authorization"], "jwt": {"issuer": "https://issuer.example", "audience": ["a"]}},
        "route": {"type": "aws.apigatewayv2.route", "api": "${http.api_id}", "route_key": "GET /", "target": "integrations/${calls.integration_id}", "authorization_type": "JWT", "authorizer_id": "${tokens.authorizer_id}"},
        "http_served": {"type": "aws.apigatewayv2.deployment", "api": "${http.api_id}", "triggers": ["${route.id}"]},
        "v1": {"type": "aws.apigatewayv2.stage", "api": "${http.api_id}", "name": "v1", "deployment_id": "${http_served.deployment_id}"},
    }, [
        ("aws.apigateway.rest_api", "aws.apigateway.base_path_mapping", "apigateway", "delete_rest_api", {"restApiId": "${api.rest_api_id}"}, "BadRequestException", "remove all base path mappings"),
        ("aws.apigateway.deployment", "aws.apigateway.stage", "apigateway", "delete_deployment", {"restApiId": "${api.rest_api_id}", "deploymentId": "${served.deployment_id}"}, "BadRequestException", "Active stages pointing to this deployment must be moved or deleted"),
        ("aws.apigateway.authorizer", "aws.apigateway.method", "apigateway", "delete_authorizer", {"restApiId": "${api.rest_api_id}", "authorizerId": "${who.authorizer_id}"}, "ConflictException", ""),
        ("aws.apigateway.request_validator", "aws.apigateway.method", "apigateway", "delete_request_validator", {"restApiId": "${api.rest_api_id}", "requestValidatorId": "${checks.validator_id}"}, "ConflictException", ""),
        ("aws.apigateway.model", "aws.apigateway.method", "apigateway", "delete_model", {"restApiId": "${api.rest_api_id}", "modelName": "Used"}, "ConflictException", ""),
        ("aws.apigateway.vpc_link", "aws.apigateway.method", "apigateway", "delete_vpc_link", {"vpcLinkId": "${link.vpc_link_id}"}, "BadRequestException", ""),
        ("aws.elbv2.load_balancer", "aws.apigateway.vpc_link", "elbv2", "delete_load_balancer", {"LoadBalancerArn": "${balancer.arn}"}, "ResourceInUse", "currently associated with another service"),
        ("aws.apigatewayv2.integration", "aws.apigatewayv2.route", "apigatewayv2", "delete_integration", {"ApiId": "${http.api_id}", "IntegrationId": "${calls.integration_id}"}, "ConflictException", ""),
        ("aws.apigatewayv2.authorizer", "aws.apigatewayv2.route", "apigatewayv2", "delete_authorizer", {"ApiId": "${http.api_id}", "AuthorizerId": "${tokens.authorizer_id}"}, "ConflictException", ""),
        ("aws.apigatewayv2.deployment", "aws.apigatewayv2.stage", "apigatewayv2", "delete_deployment", {"ApiId": "${http.api_id}", "DeploymentId": "${http_served.deployment_id}"}, "BadRequestException", "Active stages pointing to this deployment must be moved or deleted"),
    ]),
    "balancer": ({
        **{name: NETWORK[name] for name in ("vpc", "s0", "s1")}, "one": TARGETS, "two": {**TARGETS, "name": "used-two"}, "balancer": {"type": "aws.elbv2.load_balancer", "name": "used", "subnets": net(2)},
        "listener": {"type": "aws.elbv2.listener", "load_balancer": "${balancer.arn}", "port": 80, "protocol": "HTTP", "default_actions": [{"type": "forward", "target_group": "${one.arn}"}]},
        "rule": {"type": "aws.elbv2.rule", "listener": "${listener.arn}", "priority": 10, "conditions": [{"field": "path-pattern", "values": ["/a"]}], "actions": [{"type": "forward", "target_group": "${two.arn}"}]},
    }, [
        ("aws.elbv2.target_group", "aws.elbv2.listener", "elbv2", "delete_target_group", {"TargetGroupArn": "${one.arn}"}, "ResourceInUse", "is currently in use by a listener or a rule"),
        ("aws.elbv2.target_group", "aws.elbv2.rule", "elbv2", "delete_target_group", {"TargetGroupArn": "${two.arn}"}, "ResourceInUse", "is currently in use by a listener or a rule"),
    ]),
    "databases": ({
        "own": {"type": "aws.rds.parameter_group", "name": "used-db", "family": "postgres16", "description": "d"},
        "single": {"type": "aws.rds.instance", "name": "used-single", "engine": "postgres", "instance_class": "db.t4g.micro", "allocated_storage": 20, "db_parameter_group_name": "${own.name}", **PASSWORD},
        **{name: one for name, one in of("aws.rds.cluster").items() if name != "spare"},
        "other": {"type": "aws.rds.subnet_group", "name": "used-other", "description": "d", "subnet_ids": net(2)},
        "within": {"type": "aws.rds.instance", "name": "used-within", "engine": "postgres", "instance_class": "db.t4g.micro", "allocated_storage": 20, "db_subnet_group_name": "${other.name}", **PASSWORD},
    }, [
        ("aws.rds.subnet_group", "aws.rds.instance", "rds", "delete_db_subnet_group", {"DBSubnetGroupName": "used-other"}, "InvalidDBSubnetGroupStateFault", ""),
        ("aws.rds.subnet_group", "aws.rds.cluster", "rds", "delete_db_subnet_group", {"DBSubnetGroupName": "used-aurora"}, "InvalidDBSubnetGroupStateFault", ""),
        ("aws.rds.parameter_group", "aws.rds.instance", "rds", "delete_db_parameter_group", {"DBParameterGroupName": "used-db"}, "InvalidDBParameterGroupState", "still members of this parameter group used-db"),
        ("aws.rds.cluster_parameter_group", "aws.rds.cluster", "rds", "delete_db_cluster_parameter_group", {"DBClusterParameterGroupName": "used-aurora"}, "InvalidDBParameterGroupState", ""),
        ("aws.rds.cluster", "aws.rds.instance", "rds", "delete_db_cluster", {"DBClusterIdentifier": "used-aurora", "SkipFinalSnapshot": True}, "InvalidDBClusterStateFault", "still contains DB instances"),
    ]),
    "warehouses": (of("aws.redshift.cluster") | {"space": {"type": "aws.redshiftserverless.namespace", "name": "used-data"}, "work": {"type": "aws.redshiftserverless.workgroup", "name": "used", "namespace": "${space.name}"}}, [
        ("aws.redshift.subnet_group", "aws.redshift.cluster", "redshift", "delete_cluster_subnet_group", {"ClusterSubnetGroupName": "used-house"}, "InvalidClusterSubnetGroupStateFault", ""),
        ("aws.redshift.parameter_group", "aws.redshift.cluster", "redshift", "delete_cluster_parameter_group", {"ParameterGroupName": "used-house"}, "InvalidClusterParameterGroupState", ""),
        ("aws.redshiftserverless.namespace", "aws.redshiftserverless.workgroup", "redshift-serverless", "delete_namespace", {"namespaceName": "used-data"}, "ConflictException", ""),
    ]),
    "copies": (of("aws.dms.replication_instance"), [
        ("aws.dms.subnet_group", "aws.dms.replication_instance", "dms", "delete_replication_subnet_group", {"ReplicationSubnetGroupIdentifier": "used-dms"}, "InvalidResourceStateFault", ""),
        ("aws.dms.replication_instance", "aws.dms.task", "dms", "delete_replication_instance", {"ReplicationInstanceArn": "${it.arn}"}, "InvalidResourceStateFault", ""),
        ("aws.dms.endpoint", "aws.dms.task", "dms", "delete_endpoint", {"EndpointArn": "${source.arn}"}, "InvalidResourceStateFault", ""),
        ("aws.dms.endpoint", "aws.dms.task", "dms", "delete_endpoint", {"EndpointArn": "${target.arn}"}, "InvalidResourceStateFault", ""),
    ]),
    "others": ({
        "lakehouse": {"type": "aws.s3tables.table_bucket", "name": "used-tables"}, "sales": {"type": "aws.s3tables.namespace", "bucket": "${lakehouse.arn}", "name": "sales"},
        "orders": {"type": "aws.s3tables.table", "bucket": "${lakehouse.arn}", "namespace": "${sales.name}", "name": "orders", "columns": [{"name": "id", "type": "long"}]},
        "bus": {"type": "aws.events.event_bus", "name": "used"}, "rule": {"type": "aws.events.rule", "name": "used", "event_bus": "${bus.name}", "event_pattern": {"source": ["a"]}, "targets": {"a": {"arn": "arn:aws:sqs:us-east-1:000000000000:q"}}},
        "pool": {"type": "aws.cognitoidp.user_pool", "name": "used"}, "domain": {"type": "aws.cognitoidp.user_pool_domain", "domain": "used-domain", "user_pool": "${pool.user_pool_id}"},
        "batch": role("batch", name="used-batch"), "machines": {"type": "aws.batch.compute_environment", "name": "used", "environment_type": "UNMANAGED", "state": "DISABLED", "service_role": "${batch.arn}"},
        "queue": {"type": "aws.batch.job_queue", "name": "used", "priority": 1, "compute_environments": [{"order": 1, "compute_environment": "${machines.arn}"}]},
        **{name: one for name, one in of("aws.ecs.service").items() if name not in ("s1", "s2", "spare")},
    }, [
        ("aws.s3tables.table_bucket", "aws.s3tables.namespace", "s3tables", "delete_table_bucket", {"tableBucketARN": "${lakehouse.arn}"}, "ConflictException", ""),
        ("aws.s3tables.namespace", "aws.s3tables.table", "s3tables", "delete_namespace", {"tableBucketARN": "${lakehouse.arn}", "namespace": "sales"}, "ConflictException", ""),
        ("aws.events.event_bus", "aws.events.rule", "events", "delete_event_bus", {"Name": "used"}, "ValidationException", ""),
        ("aws.events.rule", "", "events", "delete_rule", {"Name": "used", "EventBusName": "used"}, "ValidationException", "Rule can't be deleted since it has targets."),
        ("aws.cognitoidp.user_pool", "aws.cognitoidp.user_pool_domain", "cognito-idp", "delete_user_pool", {"UserPoolId": "${pool.user_pool_id}"}, "InvalidParameterException", ""),
        ("aws.batch.compute_environment", "aws.batch.job_queue", "batch", "delete_compute_environment", {"computeEnvironment": "used"}, "ClientException", "found existing JobQueue relationship"),
        ("aws.ecs.cluster", "aws.ecs.service", "ecs", "delete_cluster", {"cluster": "used"}, "ClusterContainsServicesException", "while Services are active"),
    ]),
}


@pytest.mark.parametrize("name", STACKS)
def test_what_is_used(made, name):
    """By boto3, each refused with the service's code, and where AWS was seen to say it, its words; afterwards nothing has changed."""
    resources, rows = STACKS[name]
    values = {f"v{i}_{key.lower()}": value for i, row in enumerate(rows) for key, value in row[4].items() if "${" in str(value)}
    stack, given = made(resources, values)
    for i, (_, _, service, operation, arguments, code, says) in enumerate(rows):
        arguments = {key: given.get(f"v{i}_{key.lower()}", value) for key, value in arguments.items()}
        assert says in refused(getattr(stack.client(service), operation), code, **arguments), (operation, arguments)
    stack.assert_settled()
    stack.run("destroy", "-y")


# What weir has no types for.
BY_OTHERS = {("aws.ec2.volume", ""), ("aws.efs.file_system", "aws.efs.mount_target"), ("aws.ec2.subnet", "aws.efs.mount_target"), ("aws.ec2.security_group", "aws.efs.mount_target"), ("aws.kafka.configuration", "aws.kafka.cluster"),
             ("aws.iam.user", "aws.iam.service_specific_credential"), ("aws.lambda.code_signing_config", "aws.lambda.code_signing")}  # the last in sandbox/test_lambda_api.py


def test_what_others_make(made):
    """File systems, volumes, settings of brokers and credentials of services, by boto3."""
    resources = {**of("aws.ec2.instance")}
    stack, given = made(resources, {"subnet": "${s1.subnet_id}", "first": "${s0.subnet_id}", "group": "${door.group_id}", "instance": "${it.instance_id}"})
    efs, ec2, kafka, iam = stack.client("efs"), stack.client("ec2"), stack.client("kafka"), stack.client("iam")
    iam.create_user(UserName="sue")
    credential = iam.create_service_specific_credential(UserName="sue", ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]
    refused(iam.delete_user, "DeleteConflict", UserName="sue")
    iam.delete_service_specific_credential(UserName="sue", ServiceSpecificCredentialId=credential)
    iam.delete_user(UserName="sue")
    files = efs.create_file_system(CreationToken="used")["FileSystemId"]
    mounted = efs.create_mount_target(FileSystemId=files, SubnetId=given["subnet"], SecurityGroups=[given["group"]])["MountTargetId"]
    refused(efs.delete_file_system, "FileSystemInUse", FileSystemId=files)
    refused(ec2.delete_subnet, "DependencyViolation", SubnetId=given["subnet"])
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=given["instance"], Device="/dev/sdf")
    refused(ec2.delete_volume, "VolumeInUse", VolumeId=volume)
    ec2.detach_volume(VolumeId=volume)
    ec2.terminate_instances(InstanceIds=[given["instance"]])
    until(lambda: ec2.describe_instances(InstanceIds=[given["instance"]])["Reservations"][0]["Instances"][0]["State"]["Name"] == "terminated")
    refused(ec2.delete_security_group, "DependencyViolation", GroupId=given["group"])  # the mount target has it, too
    settings = kafka.create_configuration(Name="used", KafkaVersions=["3.8.x"], ServerProperties=b"auto.create.topics.enable=false")["Arn"]
    cluster = kafka.create_cluster_v2(ClusterName="used", Provisioned={
        "KafkaVersion": "3.8.x", "NumberOfBrokerNodes": 2, "ConfigurationInfo": {"Arn": settings, "Revision": 1},
        "BrokerNodeGroupInfo": {"InstanceType": "kafka.t3.small", "ClientSubnets": [given["first"], given["subnet"]]}})["ClusterArn"]
    assert "in use by one or more clusters" in refused(kafka.delete_configuration, "BadRequestException", Arn=settings)
    kafka.delete_cluster(ClusterArn=cluster)
    efs.delete_mount_target(MountTargetId=mounted)
    until(lambda: not kafka.list_clusters_v2()["ClusterInfoList"] and not efs.describe_mount_targets(FileSystemId=files)["MountTargets"])
    kafka.delete_configuration(Arn=settings)
    efs.delete_file_system(FileSystemId=files)
    ec2.delete_volume(VolumeId=volume)
    ec2.delete_security_group(GroupId=given["group"])
    ec2.delete_subnet(SubnetId=given["subnet"])


def test_what_goes_along(made):
    """Listeners and rules with their load balancer, so that its target groups are free; what a function has been given with the function."""
    resources, _ = STACKS["balancer"]
    stack, given = made(resources | {"key": {"type": "aws.apigateway.api_key", "name": "used"}, "plan": {"type": "aws.apigateway.usage_plan", "name": "used"},
                                     "member": {"type": "aws.apigateway.usage_plan_key", "usage_plan": "${plan.usage_plan_id}", "key": "${key.api_key_id}"}},
                        {"balancer": "${balancer.arn}", "one": "${one.arn}", "two": "${two.arn}", "key": "${key.api_key_id}", "plan": "${plan.usage_plan_id}"})
    elb, gateway = stack.client("elbv2"), stack.client("apigateway")
    elb.delete_load_balancer(LoadBalancerArn=given["balancer"])
    for group in ("one", "two"):
        elb.delete_target_group(TargetGroupArn=given[group])
    gateway.delete_api_key(apiKey=given["key"])
    assert not gateway.get_usage_plan_keys(usagePlanId=given["plan"])["items"]
    glue = stack.client("glue")
    glue.create_registry(RegistryName="used")
    glue.create_schema(RegistryId={"RegistryName": "used"}, SchemaName="s", DataFormat="AVRO", Compatibility="NONE", SchemaDefinition='{"type": "string"}')
    glue.delete_registry(RegistryId={"RegistryName": "used"})
    until(lambda: not glue.list_registries()["Registries"])
    assert not glue.list_schemas()["Schemas"]


def test_what_a_function_takes_along(made):
    stack, _ = made(of("aws.lambda.function"), {})
    functions, role_of = stack.client("lambda"), stack.client("iam").get_role(RoleName="used-function")["Role"]["Arn"]
    functions.create_function_url_config(FunctionName="used", AuthType="NONE")
    functions.put_function_event_invoke_config(FunctionName="used", MaximumRetryAttempts=1)
    functions.delete_function(FunctionName="used")
    functions.create_function(FunctionName="used", Role=role_of, Runtime="python3.12", Handler="f.main", Code={"S3Bucket": "used-code", "S3Key": "f.zip"})
    refused(functions.get_function_url_config, "ResourceNotFoundException", FunctionName="used")
    refused(functions.get_function_event_invoke_config, "ResourceNotFoundException", FunctionName="used")


# ---- the specs' rules, against what others know ----

SPECS = [ROOT / "provider/aws/specs", ROOT / "sandbox/specs"]
SERVICES = {"cognitoidp": "cognito-idp", "emrserverless": "emr-serverless", "redshiftserverless": "redshift-serverless", "stepfunctions": "stepfunctions", "redshiftdata": "redshift-data"}

# Codes that botocore's model of the call does not list, and who has seen AWS answer so.
UNLISTED = {
    "aws.events.rule": "ValidationException: Rule can't be deleted since it has targets (localstack's recorded answers)",
    "aws.events.event_bus": "ValidationException: Cannot delete event bus default (localstack's recorded answers)",
    "aws.apigatewayv2.integration": "ConflictException: github.com/milliHQ/terraform-aws-next-js/issues/247",
    "aws.apigatewayv2.authorizer": "ConflictException: github.com/anomalyco/sst/issues/5586",
    "aws.apigatewayv2.deployment": "BadRequestException: github.com/pulumi/pulumi-aws/issues/1035",
}

# What refers to a type and keeps it from nothing: AWS deletes it, and what referred to it is without.
LETS_GO = {
    ("aws.iam.role", "*"): "services find out when they want to assume it",
    ("aws.ec2.key_pair", "aws.ec2.instance"): "an instance has the public key already",
    ("aws.ec2.instance", "aws.ec2.volume"): "it detaches, unless it goes with it",
    ("aws.athena.workgroup", "*"): "weir deletes it with what is in it (RecursiveDeleteOption)",
    ("aws.ecs.task_definition", "aws.ecs.service"): "deregistering leaves what runs",
    ("aws.ec2.subnet", "aws.ec2.route_table_association"): "associations go with it",
    ("aws.ec2.subnet", "aws.ec2.network_acl_association"): "associations go with it",
    ("aws.kafka.cluster", "aws.kafka.topic"): "topics go with it",
    ("aws.events.connection", "aws.events.api_destination"): "a destination stays, and calls nothing any more",
    ("aws.kms.key", "aws.kms.alias"): "a key is only scheduled for deletion, and takes its aliases with it then",
    ("aws.events.event_bus", "aws.events.archive"): "an archive stays, with the events that it has",
    ("aws.lambda.function", "aws.lambda.event_source_mapping"): "a mapping stays, and invokes nothing any more",
    ("aws.rds.instance", "aws.rds.snapshot"): "snapshots made by hand stay",
    ("aws.redshift.cluster", "aws.redshift.snapshot"): "snapshots made by hand stay",
    ("aws.s3tables.table_bucket", "aws.s3tables.table"): "the namespace that it is in keeps the bucket",
    ("aws.kinesis.stream", "aws.dynamodb.streaming_destination"): "the destination becomes one that fails",
    ("aws.iam.instance_profile", "aws.ec2.profile_association"): "an instance goes on without it",
    ("aws.glue.database", "*"): "all that is in it goes with it",
    ("aws.glue.table", "*"): "all that is about it goes with it",
}


def types():
    """(type, its service, its spec), of all files."""
    for folder in SPECS:
        for path in sorted(folder.glob("*.yaml")):
            for name, spec in (yaml.safe_load(path.read_text()).get("types") or {}).items():
                yield f"aws.{path.stem}.{name}", path.stem, spec


def rules():
    """(type, its service, its spec, the code, types that use it; "" where it is about its own attributes)."""
    for name, service, spec in types():
        sandbox = spec.get("sandbox") or {}
        if used := sandbox.get("used_by"):
            yield name, service, spec, used["code"], {rule["type"] for rule in used["by"]}
        if empty := sandbox.get("delete_empty"):
            yield name, service, spec, empty["code"], {""}


def deleting(spec):
    steps = spec.get("delete") or []
    calls = [step.get("call") for step in (steps if isinstance(steps, list) else [steps])]
    also = [step["call"] for step in (spec.get("sandbox") or {}).get("also", []) if step.get("as") == "delete"]
    return [call for call in calls + also if call and call.startswith(("Delete", "Release", "Deregister"))]


def test_codes_are_the_service_s():
    """botocore lists which errors a call has; where it lists none (EC2) AWS's documentation of errors has DependencyViolation and the like."""
    session, looked = botocore.session.get_session(), 0
    for name, service, spec, code, _ in rules():
        if service == "ec2" or name in UNLISTED:
            continue
        model = session.get_service_model(SERVICES.get(service, service))
        listed = {(shape.metadata.get("error") or {}).get("code", shape.name) for call in deleting(spec) for shape in model.operation_model(call).error_shapes}
        assert code in listed, (name, code, listed)
        looked += 1
    assert looked > 25


def test_each_rule_has_its_case():
    """None of them is there by its word alone."""
    tried = {(row[0], row[1]) for _, rows in STACKS.values() for row in rows}
    for kind in TYPES:
        for resource in [kind, *(one["type"] for name, one in of(kind).items() if name not in NETWORK)]:
            tried |= {("aws.ec2.subnet", resource), ("aws.ec2.security_group", resource)}
    missing = {(name, user) for name, _, _, _, users in rules() for user in users} - tried - BY_OTHERS
    assert not missing


def test_each_reference_is_a_dependency_or_none():
    """Who names something either keeps it, or goes with it, or AWS lets it go, and then that is said."""
    known = {name: (spec.get("sandbox") or {}) for name, _, spec in types()}
    holds = {(name, rule["type"]) for name, sandbox in known.items() for rule in (sandbox.get("used_by") or {}).get("by", [])}
    takes = {(name, rule["type"]) for name, sandbox in known.items() for rule in sandbox.get("owns") or []}
    open_ends = set()
    for user, sandbox in known.items():
        for used in (sandbox.get("references") or {}).values():
            if not {(used, user)} & (holds | takes | set(LETS_GO)) and (used, "*") not in LETS_GO:
                open_ends.add((used, user))
    assert not open_ends
