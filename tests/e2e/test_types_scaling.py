"""The life of groups of instances, and of what their size follows (see life_cycle.py)."""

import pytest

from life_cycle import case_table, Case, tags_of, walk

CASES, case = case_table()

AROUND = {
    "net": {"type": "aws.ec2.vpc", "cidr_block": "10.7.0.0/16"},
    "near": {"type": "aws.ec2.subnet", "vpc_id": "${net.vpc_id}", "cidr_block": "10.7.16.0/20", "availability_zone": "us-east-1a"},
    "far": {"type": "aws.ec2.subnet", "vpc_id": "${net.vpc_id}", "cidr_block": "10.7.32.0/20", "availability_zone": "us-east-1b"},
    "template": {"type": "aws.ec2.launch_template", "name": "life-template", "image_id": "ami-12c6146b", "instance_type": "t4g.micro"},
}
GROUP = {"type": "aws.autoscaling.group", "name": "life-group", "min_size": 0, "max_size": 3, "launch_template": {"id": "${template.launch_template_id}"}, "subnet_ids": ["${near.subnet_id}"]}


def groups(cloud):
    return cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["life-group"])["AutoScalingGroups"]


def instances(cloud):
    """What EC2 itself knows of the group's instances."""
    shown = cloud.client("ec2").describe_instances(Filters=[{"Name": "tag:aws:autoscaling:groupName", "Values": ["life-group"]}])
    return [one for each in shown["Reservations"] for one in each["Instances"] if one["State"]["Name"] in ("pending", "running")]


@case("auto scaling group")
def _():
    def seen(cloud):
        (one,) = groups(cloud)
        subnets = cloud.client("ec2").describe_subnets(SubnetIds=one["VPCZoneIdentifier"].split(","))["Subnets"]
        ours = [tag for tag in one["Tags"] if not tag["Key"].startswith("weir:")]
        assert {tag["ResourceId"] for tag in one["Tags"]} == {"life-group"}
        assert not any(tag["PropagateAtLaunch"] for tag in one["Tags"] if tag["Key"].startswith("weir:"))
        return {
            "sizes": (one["MinSize"], one["MaxSize"], one["DesiredCapacity"]),
            "version": one["LaunchTemplate"]["Version"],
            "cidrs": {subnet["CidrBlock"] for subnet in subnets},
            "tags": tags_of(ours),
            "handed on": {tag["Key"] for tag in ours if tag["PropagateAtLaunch"]},
            "machines": len(instances(cloud)),
        }

    first = {**{key: value for key, value in GROUP.items() if key != "type"}, "min_size": 1, "desired_capacity": 2, "launch_template": {"id": "${template.launch_template_id}", "version": "$Default"}, "tags": {"team": "a", "Name": "worker"}, "propagated_tags": ["Name"], "subnet_ids": ["${near.subnet_id}", "${far.subnet_id}"]}
    return Case(
        type="aws.autoscaling.group",
        around=AROUND,
        first=first,
        then={**first, "min_size": 0, "max_size": 4, "desired_capacity": 3, "launch_template": {"id": "${template.launch_template_id}", "version": "1"}, "subnet_ids": ["${far.subnet_id}"], "tags": {"team": "b"}, "propagated_tags": ["team"]},
        seen=seen,
        gone=lambda cloud: not groups(cloud) and not instances(cloud),
        outside=lambda cloud: cloud.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName="life-group", MaxSize=9),
        drifted="max_size",
        replaces=[{"name": "life-other"}],
    )


@case("scaling policy")
def _():
    def found(cloud):
        return cloud.client("autoscaling").describe_policies(AutoScalingGroupName="life-group")["ScalingPolicies"]

    def seen(cloud):
        (one,) = found(cloud)
        followed = one["TargetTrackingConfiguration"]
        return {"value": followed["TargetValue"], "metric": followed["PredefinedMetricSpecification"]["PredefinedMetricType"], "only larger": followed["DisableScaleIn"]}

    first = {"name": "life", "group": "${group.name}", "policy_type": "TargetTrackingScaling", "target_tracking": {"predefined_metric": "ASGAverageCPUUtilization", "target_value": 50, "disable_scale_in": False}}
    return Case(
        type="aws.autoscaling.policy",
        around=AROUND | {"group": GROUP},
        first=first,
        then={**first, "target_tracking": {"predefined_metric": "ASGAverageNetworkIn", "target_value": 70.5, "disable_scale_in": True}},
        seen=seen,
        gone=lambda cloud: not found(cloud),
        outside=lambda cloud: cloud.client("autoscaling").put_scaling_policy(
            AutoScalingGroupName="life-group", PolicyName="life", PolicyType="TargetTrackingScaling", TargetTrackingConfiguration={"PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}, "TargetValue": 10.0}
        ),
        drifted="target_tracking",
        replaces=[{"name": "life2"}],
    )


@case("step scaling policy")
def _():
    def found(cloud):
        return cloud.client("autoscaling").describe_policies(AutoScalingGroupName="life-group")["ScalingPolicies"]

    def seen(cloud):
        (one,) = found(cloud)
        return {"means": one["AdjustmentType"], "steps": [(step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound"), step["ScalingAdjustment"]) for step in one["StepAdjustments"]]}

    first = {"name": "life-steps", "group": "${group.name}", "policy_type": "StepScaling", "adjustment_type": "ChangeInCapacity", "step_adjustments": [{"lower_bound": 0, "upper_bound": 10, "adjustment": 1}, {"lower_bound": 10, "adjustment": 2}]}
    return Case(
        type="aws.autoscaling.policy",
        around=AROUND | {"group": GROUP},
        first=first,
        then={**first, "adjustment_type": "ExactCapacity", "step_adjustments": [{"lower_bound": 0, "adjustment": 3}]},
        seen=seen,
        gone=lambda cloud: not found(cloud),
        outside=lambda cloud: cloud.client("autoscaling").put_scaling_policy(AutoScalingGroupName="life-group", PolicyName="life-steps", PolicyType="StepScaling", AdjustmentType="PercentChangeInCapacity", StepAdjustments=[{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 3}]),
        drifted="adjustment_type",
    )


@case("scheduled scaling")
def _():
    def found(cloud):
        return cloud.client("autoscaling").describe_scheduled_actions(AutoScalingGroupName="life-group")["ScheduledUpdateGroupActions"]

    def seen(cloud):
        (one,) = found(cloud)
        return {"sizes": (one["MinSize"], one["DesiredCapacity"]), "when": one["Recurrence"], "zone": one["TimeZone"]}

    first = {"name": "life", "group": "${group.name}", "min_size": 0, "desired_capacity": 0, "recurrence": "0 22 * * *", "time_zone": "Europe/Berlin"}
    return Case(
        type="aws.autoscaling.schedule",
        around=AROUND | {"group": GROUP},
        first=first,
        then={**first, "min_size": 1, "desired_capacity": 2, "recurrence": "0 6 * * 1", "time_zone": "Europe/Madrid"},
        seen=seen,
        gone=lambda cloud: not found(cloud),
        outside=lambda cloud: cloud.client("autoscaling").put_scheduled_update_group_action(AutoScalingGroupName="life-group", ScheduledActionName="life", Recurrence="0 1 * * *", MinSize=0, DesiredCapacity=1, TimeZone="UTC"),
        drifted="recurrence",
        replaces=[{"name": "life2"}],
    )


@case("hook of a group")
def _():
    def found(cloud):
        return cloud.client("autoscaling").describe_lifecycle_hooks(AutoScalingGroupName="life-group")["LifecycleHooks"]

    def seen(cloud):
        (one,) = found(cloud)
        return {"when": one["LifecycleTransition"], "otherwise": one["DefaultResult"], "seconds": one["HeartbeatTimeout"]}

    first = {"name": "life", "group": "${group.name}", "transition": "autoscaling:EC2_INSTANCE_LAUNCHING", "default_result": "CONTINUE", "heartbeat_timeout": 120}
    return Case(
        type="aws.autoscaling.lifecycle_hook",
        around=AROUND | {"group": GROUP},
        first=first,
        then={**first, "transition": "autoscaling:EC2_INSTANCE_TERMINATING", "default_result": "ABANDON", "heartbeat_timeout": 300},
        seen=seen,
        gone=lambda cloud: not groups(cloud),
        outside=lambda cloud: cloud.client("autoscaling").put_lifecycle_hook(AutoScalingGroupName="life-group", LifecycleHookName="life", LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING", DefaultResult="CONTINUE", HeartbeatTimeout=60),
        drifted="heartbeat_timeout",
        replaces=[{"name": "life2"}],
    )


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])
