"""A call that replaces a structure is sent with what others have configured in it, although weir has no attribute for it. The answers are written after botocore's
models, and moto's parsers read the requests."""

import subprocess

import pytest
import test_unmanaged_members
import yaml
from answers import Entry, Server, Services
from support import ACCOUNT, WEIR, Stack

LAMBDA, ROLE = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", f"arn:aws:iam::{ACCOUNT}:role/r"
RULE = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:listener-rule/app/web/0a1b2c3d4e5f6071/1a2b3c4d5e6f7081/9a8b7c6d5e4f3021"
GROUP = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/a/0a1b2c3d4e5f6071"
ADVANCED = {"alternateTargetGroupArn": GROUP + "0", "productionListenerRule": RULE, "roleArn": ROLE}
EXTRA = {"prompt": "login", "display": "page"}
SUBNETS = {"subnets": ["subnet-07c118e47bb84cee7"], "securityGroups": ["sg-0fd0c04f0c434d68d"], "assignPublicIp": "DISABLED"}


def lifecycle(days):
    return {"id": "old", "status": "Enabled", "filter": {"prefix": "x/"}, "expiration": {"days": days}}


# what is there; what the file says; what it says then; the call, and what of its members says that the rest was kept
CASES = {
    "lifecycle": (
        "aws.s3.bucket", "orders",
        {"HeadBucket": {"BucketRegion": "us-east-1"}, "ListBuckets": {"Buckets": [{"Name": "orders"}]},
         "GetBucketLifecycleConfiguration": {"TransitionDefaultMinimumObjectSize": "varies_by_storage_class", "Rules": [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 30}}]}},
        {"name": "orders", "lifecycle_rules": [lifecycle(30)]}, {"lifecycle_rules": [lifecycle(60)]},
        "PutBucketLifecycleConfiguration", lambda sent: sent["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class" and sent["LifecycleConfiguration"]["Rules"][0]["Expiration"] == {"Days": 60},
    ),
    "network of a function": (
        "aws.lambda.function", "f",
        {"GetFunction": {"Configuration": {"FunctionName": "f", "FunctionArn": LAMBDA, "Runtime": "python3.13", "Role": ROLE, "Handler": "m.h", "Timeout": 3, "MemorySize": 128, "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
                                           "Version": "$LATEST", "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1", "Ipv6AllowedForDualStack": True}}}, "GetFunctionConcurrency": {}},
        {"name": "f", "role": ROLE, "runtime": "python3.13", "handler": "m.h", "lifecycle": {"ignore_changes": ["code"]}, "code": {"s3_bucket": "deployments", "s3_key": "k"}, "vpc_config": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}},
        {"vpc_config": {"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-2"]}},
        "UpdateFunctionConfiguration", lambda sent: sent["VpcConfig"] == {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-2"], "Ipv6AllowedForDualStack": True},
    ),
    "actions of a rule": (
        "aws.elbv2.rule", RULE,
        {"DescribeRules": {"Rules": [{"RuleArn": RULE, "Priority": "10", "IsDefault": False, "Conditions": [{"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}}],
                                      "Actions": [{"Type": "authenticate-cognito", "Order": 1, "AuthenticateCognitoConfig": {"UserPoolArn": "p", "UserPoolClientId": "c", "UserPoolDomain": "d", "Scope": "openid", "SessionTimeout": 60, "AuthenticationRequestExtraParams": EXTRA}},
                                                  {"Type": "forward", "Order": 2, "TargetGroupArn": GROUP, "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": GROUP, "Weight": 1}], "TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}}]}]}},
        {"listener": RULE.replace("listener-rule", "listener").rpartition("/")[0], "priority": 10, "conditions": [{"field": "path-pattern", "values": ["/a"]}],
         "actions": [{"type": "authenticate-cognito", "order": 1, "authenticate_cognito": {"user_pool": "p", "user_pool_client_id": "c", "user_pool_domain": "d"}}, {"type": "forward", "order": 2, "forward": {"target_groups": [{"target_group": GROUP, "weight": 1}]}}]},
        {"conditions": [{"field": "path-pattern", "values": ["/b"]}]},
        "ModifyRule", lambda sent: sent["Actions"][0]["AuthenticateCognitoConfig"]["AuthenticationRequestExtraParams"] == EXTRA and sent["Actions"][0]["AuthenticateCognitoConfig"]["Scope"] == "openid"
        and sent["Actions"][1]["ForwardConfig"]["TargetGroupStickinessConfig"] == {"Enabled": True, "DurationSeconds": 60},
    ),
    "load balancers of a service": (
        "aws.ecs.service", "shop/web",
        {"DescribeServices": {"services": [{"serviceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/shop/web", "serviceName": "web", "clusterArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/shop", "status": "ACTIVE", "desiredCount": 1, "launchType": "FARGATE",
                                            "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 80, "advancedConfiguration": ADVANCED}], "taskDefinition": "web:1", "networkConfiguration": {"awsvpcConfiguration": SUBNETS}}], "failures": []}},
        {"name": "web", "cluster": "shop", "task_definition": "web:1", "desired_count": 1, "launch_type": "FARGATE", "subnets": SUBNETS["subnets"], "security_groups": SUBNETS["securityGroups"],
         "load_balancers": [{"target_group_arn": GROUP, "container_name": "web", "container_port": 80}]},
        {"load_balancers": [{"target_group_arn": GROUP, "container_name": "web", "container_port": 80}, {"target_group_arn": GROUP + "9", "container_name": "web", "container_port": 81}]},
        "UpdateService", lambda sent: [one.get("advancedConfiguration") for one in sent["loadBalancers"]] == [ADVANCED, None],
    ),
    "users of a server": (
        "aws.transfer.server", "s-0123456789abcdef0",
        {"DescribeServer": {"Server": {"Arn": f"arn:aws:transfer:us-east-1:{ACCOUNT}:server/s-0123456789abcdef0", "ServerId": "s-0123456789abcdef0", "Domain": "S3", "EndpointType": "PUBLIC", "IdentityProviderType": "AWS_DIRECTORY_SERVICE", "State": "ONLINE",
                                       "IdentityProviderDetails": {"DirectoryId": "d-0123456789", "SftpAuthenticationMethods": "PASSWORD"}}}},
        {"identity_provider_type": "AWS_DIRECTORY_SERVICE", "identity_provider": {"sftp_authentication_methods": "PASSWORD"}}, {"identity_provider": {"sftp_authentication_methods": "PUBLIC_KEY"}},
        "UpdateServer", lambda sent: sent["IdentityProviderDetails"] == {"DirectoryId": "d-0123456789", "SftpAuthenticationMethods": "PUBLIC_KEY"},
    ),
    "overrides of a group": (
        "aws.autoscaling.group", "workers",
        {"DescribeAutoScalingGroups": {"AutoScalingGroups": [{"AutoScalingGroupName": "workers", "AutoScalingGroupARN": "arn:g", "MinSize": 1, "MaxSize": 2, "DesiredCapacity": 1, "DefaultCooldown": 300, "AvailabilityZones": ["us-east-1a"], "HealthCheckType": "EC2", "CreatedTime": "2024-01-01T00:00:00Z",
                                                              "VPCZoneIdentifier": "subnet-1", "MixedInstancesPolicy": {"InstancesDistribution": {"OnDemandBaseCapacity": 0}, "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "t", "Version": "$Default"}, "Overrides": [{"InstanceType": "m5.large", "ImageId": "ami-1"}]}}}]}},
        {"name": "workers", "min_size": 1, "max_size": 2, "subnet_ids": ["subnet-1"], "mixed_instances": {"launch_template": {"name": "t"}, "on_demand_base_capacity": 0, "overrides": [{"instance_type": "m5.large"}]}},
        {"mixed_instances": {"launch_template": {"name": "t"}, "on_demand_base_capacity": 1, "overrides": [{"instance_type": "m5.large"}]}},
        "UpdateAutoScalingGroup", lambda sent: sent["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"] == [{"InstanceType": "m5.large", "ImageId": "ami-1"}],
    ),
    "endpoint of a pipe's bus": (
        "aws.pipes.pipe", "orders",
        {"DescribePipe": {"Arn": f"arn:aws:pipes:us-east-1:{ACCOUNT}:pipe/orders", "Name": "orders", "DesiredState": "RUNNING", "CurrentState": "RUNNING", "Source": f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders", "Target": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/shop",
                          "RoleArn": ROLE, "TargetParameters": {"EventBridgeEventBusParameters": {"EndpointId": "abcde.veo", "DetailType": "order"}}, "Tags": {}}},
        {"name": "orders", "source": f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders", "target": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/shop", "role": ROLE, "target_parameters": {"event_bus": {"detail_type": "order"}}},
        {"target_parameters": {"event_bus": {"detail_type": "parcel"}}},
        "UpdatePipe", lambda sent: sent["TargetParameters"]["EventBridgeEventBusParameters"] == {"EndpointId": "abcde.veo", "DetailType": "parcel"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_rest_is_sent_back(tmp_path, name):
    kind, id_, answers, first, then, call, kept = CASES[name]
    entry = Entry(kind, 0, {"id": id_, "answers": answers, "stack": first, "change": {"set": then}, "source": "botocore"})
    services = Services(subprocess.run([str(WEIR), "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines())
    with Server([entry], services) as account:
        stack = Stack(tmp_path / "stack", account)
        for changed in False, True:
            stack.write(yaml.safe_dump({"stack": "parts", "resources": {"it": entry.resource(changed)}, "imports": [{"address": "it", "id": id_}]}))
            stack.apply()
            assert changed or account.log == []
        assert [one.operation for one in account.log] == [call], account.log
        assert kept(account.log[0].members), account.log[0].members


def test_every_type_that_keeps_some_is_tried():
    assert {kind for kind, _, _, kept in test_unmanaged_members.PARTS if kept} - {kind for kind, *_ in CASES.values()} == {"aws.cloudtrail.trail"}


def test_what_the_file_leaves_to_others_survives_a_change_beside_it(stack, cloud):
    """Creations send these with their defaults: how many tasks autoscaling wants, and whether a job queue takes jobs, stay as they are."""
    text = """
        stack: shop
        resources:
          shop: {type: aws.ecs.cluster, name: shop}
          web: {type: aws.ecs.task_definition, name: web, containers: [{name: web, image: "web:VERSION", memory: 128}]}
          served: {type: aws.ecs.service, name: web, cluster: "${shop.name}", task_definition: "${web.arn}"}
        """
    stack.write(text.replace("VERSION", "1")).apply()
    ecs = cloud.client("ecs")
    before = ecs.describe_services(cluster="shop", services=["web"])["services"][0]
    ecs.update_service(cluster="shop", service="web", desiredCount=5)
    stack.write(text.replace("VERSION", "2")).apply()
    [after] = ecs.describe_services(cluster="shop", services=["web"])["services"]
    assert (before["desiredCount"], after["desiredCount"]) == (1, 5) and after["taskDefinition"] != before["taskDefinition"]
    stack.assert_settled()


def test_an_instance_that_was_stopped_may_change_and_stays_stopped(stack, cloud):
    text = """
        stack: shop
        resources:
          host: {type: aws.ec2.instance, image_id: ami-12c6146b, instance_type: t3.micro, security_group_ids: [GROUP]}
        """
    ec2 = cloud.client("ec2")
    groups = [ec2.create_security_group(GroupName=name, Description=name)["GroupId"] for name in ("one", "two")]
    stack.write(text.replace("GROUP", groups[0])).apply()
    [found] = ec2.describe_instances()["Reservations"][0]["Instances"]
    ec2.stop_instances(InstanceIds=[found["InstanceId"]])
    stack.write(text.replace("GROUP", groups[1])).apply()
    [after] = ec2.describe_instances()["Reservations"][0]["Instances"]
    assert (after["State"]["Name"], [g["GroupId"] for g in after["SecurityGroups"]]) == ("stopped", groups[1:])
