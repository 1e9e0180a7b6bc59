"""The life of what runs containers without machines of one's own (see life_cycle.py)."""

import json

import pytest

from life_cycle import Case, case_table, walk

CASES, case = case_table()
TRUST = '${trust("ecs-tasks.amazonaws.com")}'


def pairs(items):
    return {item["key"]: item["value"] for item in items if not item["key"].startswith("weir:")}


@case("cluster")
def _():
    def found(cloud):
        (one,) = cloud.client("ecs").describe_clusters(clusters=["life"], include=["SETTINGS", "TAGS"])["clusters"]
        return one

    def seen(cloud):
        one = found(cloud)
        return {"settings": one["settings"], "tags": pairs(one["tags"]), "providers": sorted(one["capacityProviders"])}

    return Case(
        type="aws.ecs.cluster",
        first={"name": "life", "settings": {"containerInsights": "enabled"}, "capacity_providers": ["FARGATE"], "tags": {"team": "a"}},
        then={"name": "life", "settings": {"containerInsights": "disabled"}, "capacity_providers": ["FARGATE", "FARGATE_SPOT"], "tags": {"team": "b", "x": "y"}},
        seen=seen,
        gone=lambda cloud: not [one for one in cloud.client("ecs").describe_clusters(clusters=["life"])["clusters"] if one["status"] != "INACTIVE"],
        outside=lambda cloud: cloud.client("ecs").update_cluster(cluster="life", settings=[{"name": "containerInsights", "value": "disabled"}]),
        drifted="settings",
        replaces=[{"name": "life-other"}],
    )


def containers(*command, **more):
    return [{"name": "main", "image": "public.ecr.aws/docker/library/python:3.12", "command": list(command), "environment": {"DAY": "1"},
             "log_driver": "awslogs", "log_options": {"awslogs-group": "/tasks/life", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "run"}, **more}]


@case("task definition")
def _():
    def found(cloud):
        ecs = cloud.client("ecs")
        newest = max(ecs.list_task_definitions(familyPrefix="life", status="ACTIVE")["taskDefinitionArns"], key=lambda arn: int(arn.rpartition(":")[2]))
        return newest, ecs.list_tags_for_resource(resourceArn=newest)["tags"]

    def seen(cloud):
        return {"tags": pairs(found(cloud)[1])}

    first = {"name": "life", "cpu": 256, "memory": 512, "network_mode": "awsvpc", "requires_compatibilities": ["FARGATE"], "execution_role": "${role.arn}", "containers": containers("echo", "1"),
             "cluster": "default", "tags": {"team": "a"}}
    return Case(
        type="aws.ecs.task_definition",
        around={"role": {"type": "aws.iam.role", "name": "life-tasks", "assume_role_policy": TRUST}},
        first=first,
        then={**first, "tags": {"team": "b", "x": "y"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("ecs").list_task_definitions(familyPrefix="life", status="ACTIVE")["taskDefinitionArns"],
        outside=lambda cloud: cloud.client("ecs").tag_resource(resourceArn=found(cloud)[0], tags=[{"key": "team", "value": "theirs"}]),
        drifted="tags",
        replaces=[{"cpu": 512, "memory": 1024}, {"containers": containers("echo", "2")}, {"containers": containers("echo", "1", essential=True, port_mappings=[{"container_port": 80}])}],
    )


@case("service")
def _():
    def found(cloud):
        (one,) = cloud.client("ecs").describe_services(cluster="life", services=["web"], include=["TAGS"])["services"]
        return one

    def seen(cloud):
        one = found(cloud)
        return {"count": one["desiredCount"], "task": one["taskDefinition"].rpartition("/")[2], "tags": pairs(one["tags"])}

    def task(name):
        return {"type": "aws.ecs.task_definition", "name": name, "cpu": 256, "memory": 512, "network_mode": "awsvpc", "requires_compatibilities": ["FARGATE"], "containers": containers("sleep", "9", log_driver=None, log_options=None)}

    around = {"cluster": {"type": "aws.ecs.cluster", "name": "life"}, "one": task("one"), "two": task("two"), "vpc": {"type": "aws.ec2.vpc", "cidr_block": "10.8.0.0/16"},
              "net": {"type": "aws.ec2.subnet", "vpc_id": "${vpc.vpc_id}", "cidr_block": "10.8.1.0/24"},
              "group": {"type": "aws.ec2.security_group", "name": "life", "description": "d", "vpc_id": "${vpc.vpc_id}"}}
    first = {"name": "web", "cluster": "${cluster.name}", "task_definition": "${one.arn}", "desired_count": 1, "launch_type": "FARGATE", "subnets": ["${net.subnet_id}"], "security_groups": ["${group.group_id}"], "tags": {"team": "a"}}
    return Case(
        type="aws.ecs.service",
        around=around,
        first=first,
        then={**first, "task_definition": "${two.arn}", "desired_count": 2, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not [one for one in cloud.client("ecs").describe_services(cluster="life", services=["web"])["services"] if one["status"] == "ACTIVE"],
        outside=lambda cloud: cloud.client("ecs").update_service(cluster="life", service="web", desiredCount=5),
        drifted="desired_count",
        replaces=[{"name": "web-other"}],
    )


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])


def test_a_daemon_has_no_desired_count(stack):
    """ECS refuses one with DAEMON, and reports the number of container instances."""
    stack.write("""
        stack: life
        resources:
          cluster: {type: aws.ecs.cluster, name: life}
          definition: {type: aws.ecs.task_definition, name: life, containers: [{name: a, image: busybox, memory: 128}]}
          agent: {type: aws.ecs.service, name: agent, cluster: "${cluster.name}", task_definition: "${definition.arn}", launch_type: EC2, scheduling_strategy: DAEMON, desired_count: 3}
    """)
    shown = stack.run("apply", "-y", "-vv").err
    (sent,) = [json.loads(line[2:]) for line in shown.splitlines() if line.startswith('> {"') and '"schedulingStrategy"' in line]
    assert sent["schedulingStrategy"] == "DAEMON" and "desiredCount" not in sent and "deploymentConfiguration" not in sent
    stack.assert_settled()


def test_the_network_of_a_service_changes_as_a_whole(local_stack):
    """ECS replaces its configuration: without subnets it refuses it, without security groups it takes the VPC's."""
    def changed(network, count=0):
        local_stack.write(f"""
            stack: life
            resources:
              vpc: {{type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}}
              net: {{type: aws.ec2.subnet, vpc_id: "${{vpc.vpc_id}}", cidr_block: 10.0.1.0/24}}
              other: {{type: aws.ec2.subnet, vpc_id: "${{vpc.vpc_id}}", cidr_block: 10.0.2.0/24}}
              group: {{type: aws.ec2.security_group, vpc_id: "${{vpc.vpc_id}}", name: life, description: d}}
              cluster: {{type: aws.ecs.cluster, name: life}}
              definition: {{type: aws.ecs.task_definition, name: life, launch_type: FARGATE, cpu: 256, memory: 512, containers: [{{name: a, image: busybox}}]}}
              service: {{type: aws.ecs.service, name: life, cluster: "${{cluster.name}}", task_definition: "${{definition.arn}}", launch_type: FARGATE, desired_count: {count}, {network}}}
        """)
        shown = local_stack.run("apply", "--sandbox", "-y", "-vv").err
        sent = [json.loads(line[2:]) for line in shown.splitlines() if line.startswith('> {') and '"service":"life"' in line]
        return [{key: len(value) if isinstance(value, list) else value for key, value in one.get("networkConfiguration", {}).get("awsvpcConfiguration", {}).items()} for one in sent]

    assert changed('subnets: ["${net.subnet_id}"], security_groups: ["${group.group_id}"]') == []
    assert changed('subnets: ["${net.subnet_id}", "${other.subnet_id}"], security_groups: ["${group.group_id}"]') == [{"subnets": 2, "securityGroups": 1, "assignPublicIp": "DISABLED"}]
    assert changed('subnets: ["${net.subnet_id}", "${other.subnet_id}"], security_groups: ["${group.group_id}"], assign_public_ip: true') == [{"subnets": 2, "securityGroups": 1, "assignPublicIp": "ENABLED"}]
    assert changed('subnets: ["${net.subnet_id}", "${other.subnet_id}"], security_groups: ["${group.group_id}"], assign_public_ip: true', 1) == [{}]
    assert "No changes" in local_stack.run("plan", "--sandbox").out
