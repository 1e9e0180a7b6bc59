"""The life of what serves data and requests: clusters of databases, their settings, load balancers (see life_cycle.py)."""

import json

import pytest
import yaml

from life_cycle import Case, case_table, tags_of, walk
from servers import SandboxCloud
from support import ACCOUNT, Stack
from test_types_jobs import FUNCTION, code, role

CASES, case = case_table()
NOT_ON_MOTO = {}
NETWORK = {"vpc": {"type": "aws.ec2.vpc", "cidr_block": "10.8.0.0/16"}}
SUBNETS = NETWORK | {name: {"type": "aws.ec2.subnet", "vpc_id": "${vpc.vpc_id}", "cidr_block": f"10.8.{number}.0/24", "availability_zone": f"us-east-1{name}"} for number, name in enumerate("abc")}


@case("database cluster")
def _():
    def seen(cloud):
        (one,) = cloud.client("rds").describe_db_clusters()["DBClusters"]
        return {"port": one["Port"], "days": one["BackupRetentionPeriod"], "protected": one["DeletionProtection"], "scaling": one.get("ServerlessV2ScalingConfiguration"),
                "window": one["PreferredMaintenanceWindow"], "tags": tags_of(one["TagList"]).get("team")}

    first = {"name": "life", "engine": "aurora-postgresql", "engine_version": "16.4", "database_name": "films", "master_username": "weir", "master_user_password": "first-password", "port": 5432,
             "backup_retention_period": 3, "deletion_protection": True, "preferred_maintenance_window": "sun:02:00-sun:03:00", "serverless_v2_scaling": {"min_capacity": 0.5, "max_capacity": 2},
             "skip_final_snapshot": True, "tags": {"team": "a"}}
    return Case(
        type="aws.rds.cluster",
        first={**first, "deletion_protection": False},
        then={**first, "master_user_password": "then-password", "port": 5433, "backup_retention_period": 5, "preferred_maintenance_window": "mon:02:00-mon:03:00",
              "serverless_v2_scaling": {"min_capacity": 1, "max_capacity": 4}, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("rds").describe_db_clusters()["DBClusters"],
        outside=lambda cloud: cloud.client("rds").modify_db_cluster(DBClusterIdentifier="life", BackupRetentionPeriod=9),
        drifted="backup_retention_period",
    )


@case("server of a cluster")
def _():
    def seen(cloud):
        (one,) = cloud.client("rds").describe_db_instances()["DBInstances"]
        return {"class": one["DBInstanceClass"], "cluster": one["DBClusterIdentifier"]}

    cluster = {"type": "aws.rds.cluster", "name": "life-films", "engine": "aurora-postgresql", "master_username": "weir", "master_user_password": "a-password", "skip_final_snapshot": True}
    first = {"name": "life", "cluster": "${films.name}", "engine": "aurora-postgresql", "instance_class": "db.r6g.large"}
    return Case(
        type="aws.rds.instance",
        around={"films": cluster},
        first=first,
        then={**first, "instance_class": "db.r6g.xlarge"},
        seen=seen,
        unchanged={"cluster"},
        gone=lambda cloud: not cloud.client("rds").describe_db_instances()["DBInstances"] and not cloud.client("rds").describe_db_clusters()["DBClusters"],
        outside=None,
    )


@case("parameters of a cluster")
def _():
    def seen(cloud):
        found = cloud.client("rds").describe_db_cluster_parameters(DBClusterParameterGroupName="life", Source="user")["Parameters"]
        return {"values": sorted((one["ParameterName"], one["ParameterValue"]) for one in found)}

    def groups(cloud):
        return [one for one in cloud.client("rds").describe_db_cluster_parameter_groups()["DBClusterParameterGroups"] if not one["DBClusterParameterGroupName"].startswith("default.")]

    def settings(milliseconds):
        return {"log_min_duration_statement": {"value": str(milliseconds), "apply_method": "immediate"}}

    first = {"name": "life", "family": "aurora-postgresql16", "description": "first", "parameters": settings(100)}
    return Case(
        type="aws.rds.cluster_parameter_group",
        first=first,
        then={**first, "parameters": settings(500)},
        seen=seen,
        gone=lambda cloud: not groups(cloud),
        outside=None,
        replaces=[{"description": "other"}],
    )


@case("parameters of a warehouse")
def _():
    def seen(cloud):
        found = cloud.client("redshift").describe_cluster_parameters(ParameterGroupName="life", Source="user")["Parameters"]
        return {"values": sorted((one["ParameterName"], one["ParameterValue"]) for one in found)}

    first = {"name": "life", "family": "redshift-1.0", "description": "first", "parameters": {"require_ssl": {"value": "true"}}, "tags": {"team": "a"}}
    return Case(
        type="aws.redshift.parameter_group",
        first=first,
        then={**first, "parameters": {"enable_user_activity_logging": {"value": "true"}}, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("redshift").describe_cluster_parameter_groups()["ParameterGroups"],
        outside=None,
        replaces=[{"description": "other"}],
    )


NOT_ON_MOTO["parameters of a warehouse"] = CASES.pop("parameters of a warehouse")  # moto cannot change them


def balancer(name="life", kind="application"):
    return {"type": "aws.elbv2.load_balancer", "name": name, "kind": kind, "scheme": "internal", "subnets": ["${a.subnet_id}", "${b.subnet_id}"]}


def arn_of(cloud, name="life"):
    (found,) = cloud.client("elbv2").describe_load_balancers(Names=[name])["LoadBalancers"]
    return found["LoadBalancerArn"]


@case("load balancer")
def _():
    def seen(cloud):
        elb = cloud.client("elbv2")
        (one,) = elb.describe_load_balancers()["LoadBalancers"]
        (tags,) = elb.describe_tags(ResourceArns=[one["LoadBalancerArn"]])["TagDescriptions"]
        settings = tags_of(elb.describe_load_balancer_attributes(LoadBalancerArn=one["LoadBalancerArn"])["Attributes"])
        return {"subnets": sorted(zone["SubnetId"] for zone in one["AvailabilityZones"]), "idle": settings["idle_timeout.timeout_seconds"], "tags": tags_of(tags["Tags"]).get("team")}

    def outside(cloud):
        cloud.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn_of(cloud), Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "10"}])

    first = {key: value for key, value in balancer().items() if key != "type"} | {"settings": {"idle_timeout.timeout_seconds": "30"}, "tags": {"team": "a"}}
    return Case(
        type="aws.elbv2.load_balancer",
        around=SUBNETS,
        first=first,
        then={**first, "subnets": ["${a.subnet_id}", "${c.subnet_id}"], "settings": {"idle_timeout.timeout_seconds": "40"}, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("elbv2").describe_load_balancers()["LoadBalancers"],
        outside=outside,
        drifted="settings",
        replaces=[{"name": "life-other"}],
    )


@case("target group")
def _():
    def found(cloud):
        (one,) = cloud.client("elbv2").describe_target_groups()["TargetGroups"]
        return one

    def seen(cloud):
        elb, one = cloud.client("elbv2"), found(cloud)
        settings = tags_of(elb.describe_target_group_attributes(TargetGroupArn=one["TargetGroupArn"])["Attributes"])
        health = elb.describe_target_health(TargetGroupArn=one["TargetGroupArn"])["TargetHealthDescriptions"]
        return {"path": one["HealthCheckPath"], "every": one["HealthCheckIntervalSeconds"], "delay": settings["deregistration_delay.timeout_seconds"], "targets": [each["Target"]["Id"] for each in health]}

    first = {"name": "life", "protocol": "HTTP", "port": 8080, "vpc_id": "${vpc.vpc_id}", "target_type": "ip", "health_check_path": "/health", "health_check_interval_seconds": 15,
             "targets": [{"id": "10.8.0.10", "port": 8080}], "settings": {"deregistration_delay.timeout_seconds": "30"}, "tags": {"team": "a"}}
    return Case(
        type="aws.elbv2.target_group",
        around=NETWORK,
        first=first,
        then={**first, "health_check_path": "/ready", "health_check_interval_seconds": 20, "targets": [{"id": "10.8.0.11", "port": 8080}], "settings": {"deregistration_delay.timeout_seconds": "60"}, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("elbv2").describe_target_groups()["TargetGroups"],
        outside=lambda cloud: cloud.client("elbv2").modify_target_group(TargetGroupArn=found(cloud)["TargetGroupArn"], HealthCheckPath="/theirs"),
        drifted="health_check_path",
        replaces=[{"port": 8081}],
    )


def fixed(status):
    return [{"type": "fixed-response", "fixed_response": {"status_code": str(status), "content_type": "text/plain", "message_body": "no"}}]


@case("listener")
def _():
    def found(cloud):
        (one,) = cloud.client("elbv2").describe_listeners(LoadBalancerArn=arn_of(cloud, "life-balancer"))["Listeners"]
        return one

    def outside(cloud):
        cloud.client("elbv2").modify_listener(ListenerArn=found(cloud)["ListenerArn"], DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "500", "ContentType": "text/plain"}}])

    first = {"load_balancer": "${balancer.arn}", "port": 80, "protocol": "HTTP", "default_actions": fixed(404)}
    return Case(
        type="aws.elbv2.listener",
        around=SUBNETS | {"balancer": balancer("life-balancer")},
        first=first,
        then={**first, "port": 8080, "default_actions": fixed(403)},
        seen=lambda cloud: {"port": found(cloud)["Port"], "status": found(cloud)["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"]},
        gone=lambda cloud: not cloud.client("elbv2").describe_load_balancers()["LoadBalancers"],
        outside=outside,
        drifted="default_actions",
    )


@case("listener's rule")
def _():
    def found(cloud):
        elb = cloud.client("elbv2")
        (listener,) = elb.describe_listeners(LoadBalancerArn=arn_of(cloud, "life-balancer"))["Listeners"]
        (one,) = [one for one in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"] if not one["IsDefault"]]
        return one

    listener = {"type": "aws.elbv2.listener", "load_balancer": "${balancer.arn}", "port": 80, "protocol": "HTTP", "default_actions": fixed(404)}
    first = {"listener": "${listener.arn}", "priority": 10, "conditions": [{"field": "path-pattern", "values": ["/api/*"]}], "actions": fixed(403)}
    return Case(
        type="aws.elbv2.rule",
        around=SUBNETS | {"balancer": balancer("life-balancer"), "listener": listener},
        first=first,
        then={**first, "priority": 20, "conditions": [{"field": "path-pattern", "values": ["/other/*"]}], "actions": fixed(410)},
        seen=lambda cloud: {"priority": found(cloud)["Priority"], "path": found(cloud)["Conditions"][0]["Values"], "status": found(cloud)["Actions"][0]["FixedResponseConfig"]["StatusCode"]},
        gone=lambda cloud: not cloud.client("elbv2").describe_load_balancers()["LoadBalancers"],
        outside=lambda cloud: cloud.client("elbv2").set_rule_priorities(RulePriorities=[{"RuleArn": found(cloud)["RuleArn"], "Priority": 33}]),
        drifted="priority",
        imports=False,
    )


@case("calls that nobody waits for")
def _():
    def seen(cloud):
        found = cloud.client("lambda").get_function_event_invoke_config(FunctionName="life-function")
        return {"retries": found["MaximumRetryAttempts"], "age": found["MaximumEventAgeInSeconds"], "failed": found["DestinationConfig"]["OnFailure"]["Destination"].rpartition(":")[2]}

    queues = {name: {"type": "aws.sqs.queue", "name": f"life-{name}"} for name in ("dead", "more")}
    first = {"function": "${run.name}", "maximum_retry_attempts": 1, "maximum_event_age_in_seconds": 600, "on_failure": "${dead.arn}"}
    return Case(
        type="aws.lambda.async_invoke",
        prepare=code,
        around={"one": role("one"), "run": FUNCTION} | queues,
        first=first,
        then={**first, "maximum_retry_attempts": 0, "maximum_event_age_in_seconds": 900, "on_failure": "${more.arn}"},
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_functions()["Functions"],
        outside=lambda cloud: cloud.client("lambda").put_function_event_invoke_config(FunctionName="life-function", MaximumRetryAttempts=2),
        drifted="maximum_retry_attempts",
    )


NOT_ON_MOTO["calls that nobody waits for"] = CASES.pop("calls that nobody waits for")  # moto puts a second one beside the first


@case("function address")
def _():
    def seen(cloud):
        found = cloud.client("lambda").get_function_url_config(FunctionName="life-function")
        return {"who": found["AuthType"], "cors": found.get("Cors")}

    first = {"function": "${run.name}", "auth_type": "AWS_IAM", "invoke_mode": "BUFFERED", "cors": {"allow_origins": ["https://a.example"], "max_age": 60}}
    return Case(
        type="aws.lambda.function_url",
        prepare=code,
        around={"one": role("one"), "run": FUNCTION},
        first=first,
        then={**first, "auth_type": "NONE", "cors": {"allow_origins": ["*"], "allow_methods": ["GET"], "max_age": 10}},
        less={"function": "${run.name}", "auth_type": "NONE"},
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_functions()["Functions"],
        outside=lambda cloud: cloud.client("lambda").update_function_url_config(FunctionName="life-function", AuthType="NONE", InvokeMode="BUFFERED"),
        drifted="auth_type",
    )


@case("alias that is ready")
def _():
    def seen(cloud):
        found = cloud.client("lambda").get_provisioned_concurrency_config(FunctionName="life-function", Qualifier="live")
        return {"kept": found["RequestedProvisionedConcurrentExecutions"]}

    first = {"function": "${run.name}", "name": "live", "function_version": "${run.published_version}", "provisioned_concurrency": 2}
    return Case(
        type="aws.lambda.alias",
        prepare=code,
        around={"one": role("one"), "run": {**FUNCTION, "publish": True}},
        first=first,
        then={**first, "provisioned_concurrency": 3},
        less={key: first[key] for key in ("function", "name", "function_version")},
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_functions()["Functions"],
        outside=lambda cloud: cloud.client("lambda").put_provisioned_concurrency_config(FunctionName="life-function", Qualifier="live", ProvisionedConcurrentExecutions=7),
        drifted="provisioned_concurrency",
    )


NOT_ON_MOTO["alias that is ready"] = CASES.pop("alias that is ready")  # moto has none


@case("function that calls itself")
def _():
    def look(cloud):
        return cloud.client("lambda")

    return Case(
        type="aws.lambda.function",
        prepare=code,
        around={"one": role("one")},
        first={**FUNCTION, "memory_size": 128, "recursive_loop": "Terminate"},
        then={**FUNCTION, "memory_size": 128, "recursive_loop": "Allow"},
        less=FUNCTION,
        seen=lambda cloud: {"loop": look(cloud).get_function_recursion_config(FunctionName="life-function")["RecursiveLoop"]},
        gone=lambda cloud: not look(cloud).list_functions()["Functions"],
        outside=lambda cloud: look(cloud).update_function_configuration(FunctionName="life-function", MemorySize=512),
        drifted="memory_size",
    )


def test_public_address(tmp_path, place):
    """Whether a machine has one is said of its network interface, whatever its subnet says."""
    stack = Stack(tmp_path / "stack", place)
    groups = isinstance(place, SandboxCloud)  # moto forgets those of an interface
    text = {"stack": "life", "resources": {
        "net": {"type": "aws.ec2.vpc", "cidr_block": "10.9.0.0/16"}, "part": {"type": "aws.ec2.subnet", "vpc_id": "${net.vpc_id}", "cidr_block": "10.9.1.0/24"},
        "group": {"type": "aws.ec2.security_group", "name": "g", "description": "d", "vpc_id": "${net.vpc_id}"},
        "it": {"type": "aws.ec2.instance", "image_id": "ami-12c6146b", "instance_type": "t3.micro", "subnet_id": "${part.subnet_id}", **({"security_group_ids": ["${group.group_id}"]} if groups else {}),
               "associate_public_ip": True, "tags": {"team": "a"}}}}
    stack.write(json.dumps(text)).apply()
    stack.assert_settled()
    (one,) = [one for each in place.client("ec2").describe_instances()["Reservations"] for one in each["Instances"]]
    assert one["PublicIpAddress"] and one["InstanceType"] == "t3.micro" and one["PrivateIpAddress"].startswith("10.9.1.")
    assert [group["GroupName"] for group in one["SecurityGroups"]] == (["g"] if groups else []) and {tag["Key"] for tag in one["Tags"]} > {"team", "weir:intent"}
    text["resources"]["it"]["associate_public_ip"] = False
    assert stack.write(json.dumps(text)).plan()["it"] == "replace"
    stack.destroy()


@case("watched machine")
def _():
    def machines(cloud):
        found = [one for each in cloud.client("ec2").describe_instances()["Reservations"] for one in each["Instances"]]
        return [one for one in found if one["State"]["Name"] not in ("terminated", "shutting-down")]

    def seen(cloud):
        (one,) = machines(cloud)
        return {"state": one["Monitoring"]["State"]}

    first = {"image_id": "ami-0a1b2c3d", "instance_type": "t4g.micro", "monitoring": True}
    return Case(
        type="aws.ec2.instance",
        first=first,
        then={**first, "monitoring": False},
        seen=seen,
        gone=lambda cloud: not machines(cloud),
        outside=lambda cloud: cloud.client("ec2").unmonitor_instances(InstanceIds=[machines(cloud)[0]["InstanceId"]]),
        drifted="monitoring",
        imports=False,
    )


NOT_ON_MOTO["watched machine"] = CASES.pop("watched machine")  # moto cannot change it


# Each has a sibling here that lives through the same, and its own cycle in sandbox/test_every_type.py.
LONG_FORM = {f"test_life_cycle[{name}]" for name in (
    "parameters of a cluster", "listener", "listener's rule")}


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])


@pytest.mark.long
def test_conditions_have_no_order(tmp_path, place):
    """A rule whose conditions, or whose values of one, stand elsewhere is the same rule: here, and where somebody else wrote it."""
    stack = Stack(tmp_path / "stack", place)
    conditions = [{"field": "path-pattern", "values": ["/api/*"]}, {"field": "http-request-method", "http_request_methods": ["GET", "HEAD"]}]

    def write(conditions):
        rule = {"type": "aws.elbv2.rule", "listener": "${listener.arn}", "priority": 10, "conditions": conditions, "actions": fixed(403)}
        listener = {"type": "aws.elbv2.listener", "load_balancer": "${balancer.arn}", "port": 80, "protocol": "HTTP", "default_actions": fixed(404)}
        stack.write(yaml.safe_dump({"stack": "rules", "resources": SUBNETS | {"balancer": balancer(), "listener": listener, "rule": rule}}, sort_keys=False))

    write(conditions)
    stack.apply()
    write([conditions[1] | {"http_request_methods": ["HEAD", "GET"]}, conditions[0]])
    stack.assert_settled()
    elb = place.client("elbv2")
    (listener,) = elb.describe_listeners(LoadBalancerArn=arn_of(place))["Listeners"]
    assert ":listener/app/life/" in listener["ListenerArn"]
    (rule,) = [one for one in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"] if not one["IsDefault"]]
    assert {one["Field"] for one in rule["Conditions"]} == {"path-pattern", "http-request-method"}
    elb.modify_rule(RuleArn=rule["RuleArn"], Conditions=[
        {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["HEAD", "GET"]}}, {"Field": "path-pattern", "Values": ["/api/*"]}])
    stack.assert_settled()
    write(conditions[:1])
    assert stack.plan() == {"rule": "update"}


def test_a_namespace_gets_roles_and_users_as_a_whole(local_stack):
    """Redshift Serverless: "This parameter must be updated together with" the other."""
    def changed(**given):
        space = {"type": "aws.redshiftserverless.namespace", "name": "life", **given}
        local_stack.write(json.dumps({"stack": "life", "resources": {"space": space}}))
        shown = local_stack.run("apply", "--sandbox", "-y", "-vv").err
        return [sorted(json.loads(line[2:])) for line in shown.splitlines() if line.startswith("> {") and '"namespaceName"' in line and len(line) > 40]

    role, other = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("one", "two"))
    first = {"admin_username": "ada", "admin_user_password": "Abcdefgh1", "default_iam_role": role, "iam_roles": [role]}
    changed(**first)
    assert ["defaultIamRoleArn", "iamRoles", "namespaceName"] in changed(**{**first, "iam_roles": [role, other]})
    assert ["defaultIamRoleArn", "iamRoles", "namespaceName"] in changed(**{**first, "iam_roles": [role, other], "default_iam_role": other})
    assert "No changes" in local_stack.run("plan", "--sandbox").out
