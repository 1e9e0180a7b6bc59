"""A refresh takes pages, not resources, of all that a service lists: which calls it still makes once for each resource, and why."""

import json
import re
from collections import Counter

import pytest
from servers import TRUST, Faults
from test_lost_answers import CASES, prepared

# What no listing has. Where the stack does not manage an attribute, the call that only it needs is not made.
ONE_BY_ONE = {
    "aws.athena.prepared_statement": {"GetPreparedStatement"},  # ListPreparedStatements has names
    "aws.athena.workgroup": {"GetWorkGroup"},  # ListWorkGroups knows the description and the state
    "aws.cloudtrail.trail": {"GetTrailStatus", "GetEventSelectors"},
    "aws.cognitoidp.user_pool": {"DescribeUserPool"},  # ListUserPools has names
    "aws.cognitoidp.user_pool_client": {"DescribeUserPoolClient"},  # so has ListUserPoolClients
    "aws.cognitoidp.user_pool_domain": {"DescribeUserPoolDomain"},  # and of these there is no listing
    "aws.dynamodb.table": {"DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups"},  # ListTables has names
    "aws.ec2.vpc": {"DescribeVpcAttribute"},
    "aws.ecr.repository": {"GetLifecyclePolicy", "GetRepositoryPolicy"},
    "aws.ecs.service": {"DescribeServices"},  # each in a cluster of its own
    "aws.ecs.task_definition": {"DescribeTaskDefinition"},  # ListTaskDefinitions has ARNs
    "aws.elbv2.load_balancer": {"DescribeLoadBalancerAttributes"},
    "aws.elbv2.target_group": {"DescribeTargetGroupAttributes", "DescribeTargetHealth"},
    "aws.emr.cluster": {"DescribeCluster"},  # ListClusters has names
    "aws.emr.security_configuration": {"DescribeSecurityConfiguration"},  # so has ListSecurityConfigurations
    "aws.emrserverless.application": {"GetApplication"},
    "aws.events.event_bus": {"DescribeEventBus"},
    "aws.events.rule": {"ListTargetsByRule"},
    "aws.firehose.delivery_stream": {"DescribeDeliveryStream"},  # ListDeliveryStreams has names
    "aws.glue.classifier": {"GetClassifier"},  # of GetClassifiers' items the name is in one of four structures
    "aws.glue.data_quality_ruleset": {"GetDataQualityRuleset"},  # ListDataQualityRulesets has no rules
    "aws.glue.schema": {"GetSchema", "GetSchemaVersion"},  # ListSchemas knows neither format nor definition
    "aws.lakeformation.permissions": {"ListPermissions"},  # what is granted on a table may be in two items
    "aws.iam.instance_profile": {"GetInstanceProfile"},  # ListInstanceProfiles has no tags, and the tagging API no IAM
    "aws.iam.policy": {"GetPolicy"},  # ListPolicies has no description
    "aws.kafka.topic": {"DescribeTopic"},  # its listing is one of a single cluster
    "aws.kinesis.stream": {"DescribeStreamSummary"},  # ListStreams has names
    "aws.dynamodb.streaming_destination": {"DescribeKinesisStreamingDestination", "DescribeTable"},  # of four tables
    "aws.kms.key": {"DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus"},
    "aws.lambda.function": {"GetFunctionConcurrency"},
    "aws.lambda.layer_version": {"ListLayerVersions"},  # once for each layer
    "aws.logs.subscription_filter": {"DescribeSubscriptionFilters"},  # once for each log group
    "aws.pipes.pipe": {"DescribePipe"},  # ListPipes has neither parameters nor tags
    "aws.rds.cluster_parameter_group": {"DescribeDBClusterParameters"},
    "aws.redshift.parameter_group": {"DescribeClusterParameters"},
    "aws.rds.parameter_group": {"DescribeDBParameters"},
    "aws.s3.bucket": {"GetBucketVersioning", "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketOwnershipControls", "GetBucketLifecycleConfiguration"},
    "aws.s3.bucket_notification": {"GetBucketNotificationConfiguration"},
    "aws.scheduler.schedule": {"GetSchedule"},  # ListSchedules has names and targets
    "aws.sns.subscription": {"GetSubscriptionAttributes"},
    "aws.sns.topic": {"GetTopicAttributes"},
    "aws.sqs.queue": {"GetQueueAttributes"},
    "aws.transfer.server": {"DescribeServer"},  # ListServers knows neither protocols nor tags
    "aws.transfer.ssh_key": {"DescribeUser"},  # nothing lists keys
    "aws.transfer.user": {"DescribeUser"},  # ListUsers has no tags
    "aws.stepfunctions.alias": {"DescribeStateMachineAlias"},
    "aws.stepfunctions.state_machine": {"DescribeStateMachine"},
}
KEYS = {"a": 1, "b": 2, "c": 3, "d": 4}
SEVERAL = {"aws.dynamodb.streaming_destination": {"type": "aws.dynamodb.table", "for_each": KEYS, "name": "life-${each.key}", "billing_mode": "PAY_PER_REQUEST", "attribute_definitions": {"id": "S"}, "key_schema": [{"attribute_name": "id", "key_type": "HASH"}]},
           "aws.apigateway.usage_plan_key": {"type": "aws.apigateway.api_key", "for_each": KEYS, "name": "life-${each.key}"},
           "aws.lambda.event_source_mapping": {"type": "aws.sqs.queue", "for_each": KEYS, "name": "life-${each.key}"},
           "aws.logs.subscription_filter": {"type": "aws.logs.log_group", "for_each": KEYS, "name": "/life/${each.key}"},
           "aws.s3.bucket_notification": {"type": "aws.s3.bucket", "for_each": KEYS, "name": "life-${each.key}"}}
# What has to differ besides the name.
SUBNETS = {"type": "aws.ec2.subnet", "for_each": KEYS, "vpc_id": "${vpc.vpc_id}", "cidr_block": "10.7.10${each.value}.0/24"}
APART = {
    "aws.cognitoidp.user_pool_domain": {"domain": "life-pages-${each.key}"},
    "aws.dynamodb.streaming_destination": {"table": "${several[each.key].name}"},  # a table has two at most
    "aws.ec2.flow_log": {"log_destination": "${lake.arn}/${each.key}"},
    "aws.ec2.network_acl_association": {"subnet_id": "${several[each.key].subnet_id}"},
    "aws.ec2.route_table_association": {"subnet_id": "${several[each.key].subnet_id}"},
    "aws.apigateway.resource": {"path_part": "${each.key}"},
    "aws.apigateway.method": {"http_method": "${{a: 'GET', b: 'PUT', c: 'POST', d: 'HEAD'}[each.key]}"},
    "aws.apigateway.gateway_response": {"response_type": "${{a: 'DEFAULT_4XX', b: 'DEFAULT_5XX', c: 'THROTTLED', d: 'QUOTA_EXCEEDED'}[each.key]}"},
    "aws.apigateway.model": {"name": "Order${each.key}"},
    "aws.apigateway.usage_plan_key": {"key": "${several[each.key].api_key_id}"},
    "aws.apigateway.base_path_mapping": {"base_path": "${each.key}"},
    "aws.apigatewayv2.route": {"route_key": "GET /${each.key}"},
    "aws.apigatewayv2.integration": {"integration_uri": "https://${each.key}.example"},
    "aws.elbv2.listener": {"port": "${each.value}"},
    "aws.elbv2.rule": {"priority": "${each.value}"},
    "aws.lakeformation.permissions": {"principal": "arn:aws:iam::123456789012:role/${each.key}"},
    "aws.lakeformation.location": {"resource": "arn:aws:s3:::life-lake/${each.key}"},
    "aws.transfer.ssh_key": {"body": "ssh-ed25519 ${each.key}"},
    "aws.ec2.subnet": {"cidr_block": "10.7.${each.value}.0/24"},
    "aws.ec2.security_group_rule": {"from_port": "${each.value}"},
    "aws.lambda.event_source_mapping": {"event_source": "${several[each.key].arn}"},
    "aws.logs.subscription_filter": {"log_group": "${several[each.key].name}"},  # a group has two at most
    "aws.s3.bucket_notification": {"bucket": "${several[each.key].name}"},
    "aws.lambda.permission": {"statement_id": "x-${each.key}"},
    "aws.sns.subscription": {"protocol": "sqs", "endpoint": "arn:aws:sqs:us-east-1:123456789012:${each.key}"},
    "aws.sns.topic": {"name": "life-${each.key}.fifo"},
    "aws.s3.bucket": {"policy": None},
}


def several(name, case):
    """The case's resource four times, each by a name of its own."""
    between = "_" if name.startswith(("aws.s3tables", "aws.athena.prepared")) and not name.endswith("bucket") else "-"
    told = {key: f"{value}{between}${{each.key}}" if key == "name" else value for key, value in case.first.items()} | APART.get(name, {})
    return {"type": name, "for_each": KEYS, **{key: value for key, value in told.items() if value is not None}}


ONE = {"aws.lambda.async_invoke", "aws.lambda.function_url", "aws.lakeformation.settings", "aws.glue.catalog_encryption", "aws.glue.resource_policy", "aws.apigateway.account"}  # of an account and region, or a function


@pytest.mark.parametrize("name", sorted(set(CASES) - ONE))
def test_calls_for_each_resource(stack, cloud, name):
    around = prepared(cloud, CASES[name])
    if "${several" in json.dumps(APART.get(name, {})):
        around = {**around, "several": SEVERAL.get(name, SUBNETS)}
    stack.write(json.dumps({"stack": "life", "resources": {**around, "it": several(name, CASES[name])}})).apply()
    calls = Counter(re.findall(r"^[A-Z]+ \S+ \w+\.(\w+) \d", stack.run("plan", "-vvv").err, re.M))
    assert calls
    assert {call for call, times in calls.items() if times >= len(KEYS)} == ONE_BY_ONE.get(name, set())


def made(stack):
    """The calls of a plan, and what it says."""
    plan = stack.run("plan", "-vvv")
    return Counter(re.findall(r"^[A-Z]+ \S+ \w+\.(\w+) \d", plan.err, re.M)), plan.out


def test_tags_are_asked_for_together(stack, cloud):
    """Whatever their types; what is seen so is what there is, and who may not ask so asks for each."""
    stack.write("""
        stack: marked
        providers: {aws: {default_tags: {team: data}}}
        resources:
          queue: {type: aws.sqs.queue, name: marked}
          topic: {type: aws.sns.topic, name: marked}
          logs: {type: aws.logs.log_group, name: marked}
          job: {type: aws.glue.workflow, name: marked}
    """).apply()
    alone = {"ListQueueTags", "ListTagsForResource", "GetTags"}
    calls, _ = made(stack)
    assert calls["GetResources"] == 1 and not alone & set(calls), calls

    sns = cloud.client("sns")
    sns.tag_resource(ResourceArn=sns.list_topics()["Topics"][0]["TopicArn"], Tags=[{"Key": "team", "Value": "sales"}])
    calls, shown = made(stack)
    assert "1 to update" in shown and '"sales" -> "data"' in shown and calls["ListTagsForResource"] == 1, shown
    Faults(cloud)("POST", {"rules": [{"service": "tagging", "fault": "error", "status": 403, "code": "AccessDeniedException"}]})
    calls, shown = made(stack)
    assert "1 to update" in shown and alone <= set(calls), calls
    Faults(cloud)("DELETE")
    stack.apply()
    stack.assert_settled()


def test_tags_of_dms_that_others_change_are_seen(stack, cloud):
    """Its descriptions have none: they are listed with everybody's tags, or one by one."""
    stack.write("""
        stack: copied
        resources:
          copies: {type: aws.dms.replication_instance, name: copies, instance_class: dms.t3.medium, tags: {team: data}}
          orders: {type: aws.dms.endpoint, name: orders, endpoint_type: source, engine_name: postgres, server_name: db, port: 5432, username: u, password: p, database_name: d, tags: {team: data}}
    """).apply()
    dms = cloud.client("dms")
    for arn in dms.describe_replication_instances()["ReplicationInstances"][0]["ReplicationInstanceArn"], dms.describe_endpoints()["Endpoints"][0]["EndpointArn"]:
        dms.add_tags_to_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "sales"}])
    shown = stack.run("plan").out
    assert "2 to update" in shown and shown.count('"sales" -> "data"') == 2, shown
    stack.apply()
    stack.assert_settled()


def test_passwords_are_read_by_twenties(stack, cloud):
    """Of one that is gone no other is read as gone; where that is not allowed, each is read by itself."""
    stack.write("""
        stack: many
        resources:
          password: {type: aws.secretsmanager.secret, for_each: [a, b, c], name: "many/${each.key}", generate: {length: 12}, force_destroy: true}
          said: {type: aws.secretsmanager.secret, name: many/said, secret_string: hush, force_destroy: true}
          user: {type: aws.ssm.parameter, for_each: [a, b, c], name: "/many/${each.key}", parameter_type: SecureString, value: '${password[each.key].password}'}
    """).apply()
    calls, shown = made(stack)
    assert calls["BatchGetSecretValue"] == 1 and not calls["GetSecretValue"] and "No changes" in shown, (calls, shown)
    cloud.client("secretsmanager").delete_secret(SecretId="many/b", ForceDeleteWithoutRecovery=True)
    calls, shown = made(stack)
    assert calls["GetSecretValue"] == 2 and "1 to create, 1 to update, 0 to replace" in shown, (calls, shown)
    Faults(cloud)("POST", {"rules": [{"service": "secretsmanager", "operation": "BatchGetSecretValue", "fault": "error", "status": 400, "code": "AccessDeniedException"}]})
    stack.apply()
    calls, shown = made(stack)
    assert calls["GetSecretValue"] == 3 and "No changes" in shown, (calls, shown)


def test_a_quick_refresh_looks_at_listings_alone(stack, cloud):
    stack.write("""
        stack: quick
        resources:
          lake: {type: aws.s3.bucket, name: quick-lake, versioning: true}
          role: {type: aws.iam.role, name: quick, assume_role_policy: '${trust(["glue.amazonaws.com", "states.amazonaws.com"])}', policies: {read: '${allow("s3:GetObject", "*")}'}}
          machine: {type: aws.stepfunctions.state_machine, name: quick, role: "${role.arn}", definition: {StartAt: Done, States: {Done: {Type: Succeed}}}}
          password: {type: aws.secretsmanager.secret, name: quick, generate: {length: 12}, force_destroy: true}
          kept: {type: aws.ssm.parameter, name: /quick, parameter_type: SecureString, value: "${password.password}"}
          logs: {type: aws.logs.log_group, name: quick, retention_in_days: 7}
    """).apply()

    def quick():
        plan = stack.run("plan", "-vvv", "--quick-refresh")
        assert "Looked at what listings show of 6 resources" in plan.out, plan.out
        return set(re.findall(r"^[A-Z]+ \S+ \w+\.(\w+) \d", plan.err, re.M)), plan.out

    calls, shown = quick()
    assert "No changes" in shown and not calls & {"GetBucketVersioning", "DescribeStateMachine", "GetRolePolicy"} and "ListStateMachines" in calls, (calls, shown)
    machines = cloud.client("stepfunctions")
    arn = machines.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    machines.update_state_machine(stateMachineArn=arn, definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}')
    assert "No changes" in quick()[1] and "1 to update" in stack.run("plan").out
    cloud.client("logs").put_retention_policy(logGroupName="quick", retentionInDays=30)
    assert "1 to update" in quick()[1] and "2 to update" in stack.run("plan").out
    machines.delete_state_machine(stateMachineArn=arn)
    assert "1 to create, 1 to update" in quick()[1]


ROLE = """
          role: {type: aws.iam.role, name: once, assume_role_policy: '${trust("glue.amazonaws.com")}', policies: {read: '${allow("s3:GetObject", "*")}', write: '${allow("s3:PutObject", "*")}'}}
"""


def test_what_is_asked_once(stack, cloud):
    """Both directions of a group's rules are one question, and a role with its policies is cheaper in a page of all roles."""
    stack.write("""
        stack: once
        resources:
          vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
          group: {type: aws.ec2.security_group, name: once, description: x, vpc_id: "${vpc.vpc_id}", ingress: [{protocol: tcp, from_port: 22, to_port: 22, cidr: 10.0.0.0/16}], egress: [{protocol: tcp, from_port: 443, to_port: 443, cidr: 0.0.0.0/0}]}""" + ROLE).apply()
    calls, shown = made(stack)
    assert "No changes" in shown and calls["DescribeSecurityGroupRules"] == 1 and calls["GetAccountAuthorizationDetails"] == 1, calls
    assert not set(calls) & {"GetRole", "GetRolePolicy", "ListRolePolicies"}, calls


@pytest.mark.long
def test_what_has_many_pages_is_read_by_itself(stack, cloud):
    iam = cloud.client("iam")
    for number in range(1000):
        iam.create_role(RoleName=f"a{number}", AssumeRolePolicyDocument=TRUST)
    stack.write("""
        stack: once
        resources:""" + ROLE).apply()
    calls, shown = made(stack)
    assert "No changes" in shown and calls["GetAccountAuthorizationDetails"] == 1 and calls["GetRolePolicy"] == 2, calls


def test_what_modules_ask_alike_is_asked_once(tmp_path, fast_sandbox):
    """Each of weir's modules looks whose account it is in; what differs is asked for itself."""
    stack, ssm = fast_sandbox.stack(tmp_path / "stack"), fast_sandbox.client("ssm")
    for name in "alike-1", "alike-2":
        ssm.put_parameter(Name=name, Value=name, Type="String")
    data = "data:\n  me: {type: aws.sts.caller_identity}\n  it: {type: aws.ssm.parameter, name: alike-%d}\n"
    for i in 1, 2:
        stack.write(data % i + "outputs: {told: {value: \"${me.account}${it.name}\"}}\n", f"{i}/weir.yaml")
    stack.write("stack: asks\n" + data % 1 + "modules: {a: {source: ./1}, b: {source: ./2}, c: {source: ./2}}\n")
    said = stack.run("plan", "-v")
    assert (said.err.count("GetCallerIdentity 200"), said.err.count("GetParameter 200")) == (1, 2), said


def test_targets_are_read_and_what_they_need(tmp_path, fast_sandbox):
    """Of an instance alone its siblings are not, nor what only others refer to; the role of a provider is."""
    stack = fast_sandbox.stack(tmp_path / "stack").write("""
        stack: some
        providers: {aws.near: {region: "${where.name}"}}
        resources:
          where: {type: aws.ssm.parameter, name: us-east-1, parameter_type: String, value: here}
          lake: {type: aws.s3.bucket, name: some-lake}
          topic: {type: aws.sns.topic, name: some-topic}
          queue: {type: aws.sqs.queue, for_each: [a, b, c, d], name: "some-${each.key}", tags: {lake: "${lake.name}"}}
          near: {type: aws.logs.log_group, provider: aws.near, name: some-near}
        outputs: {topic: "${topic.arn}", queues: "${[for k, q in queue : q.url]}"}
    """)
    stack.apply()

    def about(*args):
        """How often each service is asked."""
        plan = stack.run("plan", "-v", *args)
        assert "No changes" in plan.out, plan
        asked = Counter(re.findall(r" (\w+)\.\w+ \d", plan.err))
        return {service: asked[service] for service in ("ssm", "s3", "sns", "sqs", "logs") if asked[service]}

    assert set(about()) == {"ssm", "s3", "sns", "sqs", "logs"}
    assert about("--target", "topic") == {"sns": 1}
    assert about("--target", 'queue["b"]') == {"s3": 1, "sqs": 1}
    assert set(about("--target", "near")) == {"ssm", "logs"}
    fast_sandbox.client("sns").delete_topic(TopicArn=stack.outputs()["topic"])
    assert stack.plan("--target", 'queue["b"]') == {} and stack.plan() == {"topic": "create"}
