"""What is there, by resource type, as boto3 sees it: what tests count before and after.

`inventory(cloud, types)` gives {type: {id: everything that the service tells of it}}; what an account has of itself (its default network,
the keys and policies of AWS, a network's own route table) and what is as good as gone (terminated, scheduled for deletion) is left out.
"""

import json
from datetime import datetime

TABLE = {}  # type: (service, function of the client that gives pairs of id and content)
GONE = {"deleted", "deleting", "terminated", "shutting-down", "DELETED", "DELETING", "TERMINATED"}


def counts(type_, service):
    def add(look):
        TABLE[type_] = (service, look)
        return look

    return add


def items(answer, path):
    """`A[].B` of an answer, as one list."""
    found = [answer]
    for step in path.split("."):
        found = [one.get(step.removesuffix("[]")) or ([] if step.endswith("[]") else None) for one in found]
        if step.endswith("[]"):
            found = [item for one in found for item in one]
    return [one for one in found if one is not None]


def listed(type_, service, operation, path, key, ours=lambda item: True, more=None, **given):
    """`more`: a function of client and item for what the listing does not tell."""

    def look(client):
        for item in items(getattr(client, operation)(**given), path):
            if ours(item):
                name = item if isinstance(item, str) else item[key]
                yield name, [item, more(client, name) if more else None]

    TABLE[type_] = (service, look)


def bare(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def optional(call, **given):
    """Settings that are not there are an error."""
    try:
        return bare(call(**given))
    except call.__self__.exceptions.ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (400, 404):
            raise
        return None


# ---- networks ----

for type_, operation, path, key, ours in (
    ("vpc", "describe_vpcs", "Vpcs[]", "VpcId", lambda item: not item.get("IsDefault")),
    ("subnet", "describe_subnets", "Subnets[]", "SubnetId", lambda item: not item.get("DefaultForAz")),
    ("internet_gateway", "describe_internet_gateways", "InternetGateways[]", "InternetGatewayId", lambda item: True),
    ("nat_gateway", "describe_nat_gateways", "NatGateways[]", "NatGatewayId", lambda item: item["State"] not in GONE),
    ("elastic_ip", "describe_addresses", "Addresses[]", "AllocationId", lambda item: True),
    ("route_table", "describe_route_tables", "RouteTables[]", "RouteTableId", lambda item: not any(one["Main"] for one in item.get("Associations", []))),
    ("route_table_association", "describe_route_tables", "RouteTables[].Associations[]", "RouteTableAssociationId", lambda item: not item["Main"]),
    ("flow_log", "describe_flow_logs", "FlowLogs[]", "FlowLogId", lambda item: True),
    ("network_acl", "describe_network_acls", "NetworkAcls[]", "NetworkAclId", lambda item: not item["IsDefault"]),
    ("security_group", "describe_security_groups", "SecurityGroups[]", "GroupId", lambda item: item["GroupName"] != "default"),
    ("vpc_endpoint", "describe_vpc_endpoints", "VpcEndpoints[]", "VpcEndpointId", lambda item: item["State"] not in GONE),
    ("key_pair", "describe_key_pairs", "KeyPairs[]", "KeyPairId", lambda item: True),
    ("instance", "describe_instances", "Reservations[].Instances[]", "InstanceId", lambda item: item["State"]["Name"] not in GONE),
):
    listed(f"aws.ec2.{type_}", "ec2", operation, path, key, ours)


@counts("aws.ec2.network_acl_association", "ec2")
def _(ec2):
    """Those with a list that is not the network's own."""
    for found in ec2.describe_network_acls()["NetworkAcls"]:
        for item in found["Associations"] if not found["IsDefault"] else []:
            yield item["SubnetId"], item


@counts("aws.ec2.security_group_rule", "ec2")
def _(ec2):
    """Those that allow something of groups that are not a network's own, without the one that lets everything out of each."""
    groups = {group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"] if group["GroupName"] == "default"}
    for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]:
        if rule["GroupId"] not in groups and not (rule["IsEgress"] and rule["IpProtocol"] == "-1"):
            yield rule["SecurityGroupRuleId"], rule


# ---- storage and messages ----


@counts("aws.s3.bucket", "s3")
def _(s3):
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        settings = ("versioning", "encryption", "tagging", "policy", "lifecycle_configuration", "notification_configuration")
        yield name, [bucket, {what: optional(getattr(s3, f"get_bucket_{what}"), Bucket=name) for what in settings}]


@counts("aws.s3.object", "s3")
def _(s3):
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
            yield (bucket["Name"], item["Key"]), item


@counts("uploads", "s3")
def _(s3):
    """No type, but what a lost answer leaves."""
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_multipart_uploads(Bucket=bucket["Name"]).get("Uploads", []):
            yield (bucket["Name"], item["Key"], item["UploadId"]), item


@counts("aws.s3.bucket_notification", "s3")
def _(s3):
    for bucket in s3.list_buckets()["Buckets"]:
        if found := bare(s3.get_bucket_notification_configuration(Bucket=bucket["Name"])):
            yield bucket["Name"], found


listed("aws.s3tables.table_bucket", "s3tables", "list_table_buckets", "tableBuckets[]", "arn")


@counts("aws.s3tables.namespace", "s3tables")
def _(tables):
    for bucket in tables.list_table_buckets()["tableBuckets"]:
        for item in tables.list_namespaces(tableBucketARN=bucket["arn"])["namespaces"]:
            yield (bucket["name"], *item["namespace"]), item


@counts("aws.s3tables.table", "s3tables")
def _(tables):
    for bucket in tables.list_table_buckets()["tableBuckets"]:
        for item in tables.list_tables(tableBucketARN=bucket["arn"])["tables"]:
            yield (bucket["name"], *item["namespace"], item["name"]), item


listed("aws.sqs.queue", "sqs", "list_queues", "QueueUrls[]", None, more=lambda sqs, url: bare(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])))
listed("aws.sns.topic", "sns", "list_topics", "Topics[]", "TopicArn", more=lambda sns, arn: bare(sns.get_topic_attributes(TopicArn=arn)))
listed("aws.sns.subscription", "sns", "list_subscriptions", "Subscriptions[]", "SubscriptionArn")
listed("aws.kinesis.stream", "kinesis", "list_streams", "StreamNames[]", None,
       more=lambda kinesis, name: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"])  # fmt: skip
listed("aws.firehose.delivery_stream", "firehose", "list_delivery_streams", "DeliveryStreamNames[]", None,
       more=lambda firehose, name: firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"])  # fmt: skip
listed("aws.dynamodb.table", "dynamodb", "list_tables", "TableNames[]", None, more=lambda dynamodb, name: dynamodb.describe_table(TableName=name)["Table"])

# ---- who may do what ----

listed("aws.iam.role", "iam", "list_roles", "Roles[]", "RoleName", lambda role: not role["Path"].startswith("/aws-service-role/"), lambda iam, name: [
    iam.get_role(RoleName=name)["Role"], iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
    [bare(iam.get_role_policy(RoleName=name, PolicyName=policy)) for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]]])  # fmt: skip
listed("aws.iam.policy", "iam", "list_policies", "Policies[]", "Arn", Scope="Local")
listed("aws.iam.instance_profile", "iam", "list_instance_profiles", "InstanceProfiles[]", "InstanceProfileName")


@counts("aws.kms.key", "kms")
def _(kms):
    for item in kms.list_keys()["Keys"]:
        key = kms.describe_key(KeyId=item["KeyId"])["KeyMetadata"]
        if key["KeyState"] != "PendingDeletion" and key["KeyManager"] == "CUSTOMER":
            yield key["KeyId"], [key, bare(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")), bare(kms.list_resource_tags(KeyId=key["KeyId"]))]


listed("aws.kms.alias", "kms", "list_aliases", "Aliases[]", "AliasName", lambda item: not item["AliasName"].startswith("alias/aws/"))
listed("aws.secretsmanager.secret", "secretsmanager", "list_secrets", "SecretList[]", "ARN", lambda item: "DeletedDate" not in item)
listed("aws.ssm.parameter", "ssm", "describe_parameters", "Parameters[]", "Name", more=lambda ssm, name: ssm.get_parameter(Name=name)["Parameter"])

# ---- functions, machines, schedules ----

listed("aws.lambda.function", "lambda", "list_functions", "Functions[]", "FunctionName")
listed("aws.lambda.event_source_mapping", "lambda", "list_event_source_mappings", "EventSourceMappings[]", "UUID")


@counts("aws.lambda.layer_version", "lambda")
def _(lambda_):
    for layer in lambda_.list_layers()["Layers"]:
        for item in lambda_.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]:
            yield item["LayerVersionArn"], item


@counts("aws.lambda.alias", "lambda")
def _(lambda_):
    for function in lambda_.list_functions()["Functions"]:
        for item in lambda_.list_aliases(FunctionName=function["FunctionName"])["Aliases"]:
            yield item["AliasArn"], item


@counts("aws.lambda.permission", "lambda")
def _(lambda_):
    for function in lambda_.list_functions()["Functions"]:
        if found := optional(lambda_.get_policy, FunctionName=function["FunctionName"]):
            for number, item in enumerate(json.loads(found["Policy"])["Statement"]):
                yield (function["FunctionName"], number, item["Sid"]), item


@counts("aws.lambda.function_url", "lambda")
def _(lambda_):
    for function in lambda_.list_functions()["Functions"]:
        if found := optional(lambda_.get_function_url_config, FunctionName=function["FunctionName"]):
            yield function["FunctionName"], found


@counts("aws.lambda.async_invoke", "lambda")
def _(lambda_):
    for function in lambda_.list_functions()["Functions"]:
        for item in lambda_.list_function_event_invoke_configs(FunctionName=function["FunctionName"])["FunctionEventInvokeConfigs"]:
            yield function["FunctionName"], item


listed("aws.stepfunctions.state_machine", "stepfunctions", "list_state_machines", "stateMachines[]", "stateMachineArn",
       more=lambda states, arn: bare(states.describe_state_machine(stateMachineArn=arn)))  # fmt: skip
listed("aws.stepfunctions.activity", "stepfunctions", "list_activities", "activities[]", "activityArn")


@counts("aws.stepfunctions.alias", "stepfunctions")
def _(states):
    for machine in states.list_state_machines()["stateMachines"]:
        for item in states.list_state_machine_aliases(stateMachineArn=machine["stateMachineArn"])["stateMachineAliases"]:
            yield item["stateMachineAliasArn"], item


listed("aws.scheduler.schedule_group", "scheduler", "list_schedule_groups", "ScheduleGroups[]", "Name", lambda item: item["Name"] != "default")


listed("aws.pipes.pipe", "pipes", "list_pipes", "Pipes[]", "Name")


@counts("aws.scheduler.schedule", "scheduler")
def _(scheduler):
    for item in scheduler.list_schedules()["Schedules"]:
        yield (item["GroupName"], item["Name"]), bare(scheduler.get_schedule(GroupName=item["GroupName"], Name=item["Name"]))


listed("aws.events.event_bus", "events", "list_event_buses", "EventBuses[]", "Name", lambda item: item["Name"] != "default")


@counts("aws.events.rule", "events")
def _(events):
    for bus in events.list_event_buses()["EventBuses"]:
        for item in events.list_rules(EventBusName=bus["Name"])["Rules"]:
            yield (bus["Name"], item["Name"]), [item, bare(events.list_targets_by_rule(EventBusName=bus["Name"], Rule=item["Name"]))]


listed("aws.logs.log_group", "logs", "describe_log_groups", "logGroups[]", "logGroupName")
listed("aws.logs.resource_policy", "logs", "describe_resource_policies", "resourcePolicies[]", "policyName")
listed("aws.cloudwatch.alarm", "cloudwatch", "describe_alarms", "MetricAlarms[]", "AlarmName")

# ---- data ----

listed("aws.athena.workgroup", "athena", "list_work_groups", "WorkGroups[]", "Name", lambda item: item["Name"] != "primary",
       lambda athena, name: {key: value for key, value in athena.get_work_group(WorkGroup=name)["WorkGroup"].items()})  # fmt: skip
listed("aws.athena.named_query", "athena", "list_named_queries", "NamedQueryIds[]", None, more=lambda athena, name: athena.get_named_query(NamedQueryId=name)["NamedQuery"])


@counts("aws.athena.prepared_statement", "athena")
def _(athena):
    for group in athena.list_work_groups()["WorkGroups"]:
        for item in athena.list_prepared_statements(WorkGroup=group["Name"])["PreparedStatements"]:
            yield (group["Name"], item["StatementName"]), bare(athena.get_prepared_statement(WorkGroup=group["Name"], StatementName=item["StatementName"]))


for type_, operation, path in (
    ("database", "get_databases", "DatabaseList[]"), ("job", "get_jobs", "Jobs[]"), ("crawler", "get_crawlers", "Crawlers[]"),
    ("trigger", "get_triggers", "Triggers[]"), ("connection", "get_connections", "ConnectionList[]"),
):  # fmt: skip
    listed(f"aws.glue.{type_}", "glue", operation, path, "Name")
listed("aws.glue.workflow", "glue", "list_workflows", "Workflows[]", None, more=lambda glue, name: glue.get_workflow(Name=name)["Workflow"])


@counts("aws.glue.table", "glue")
def _(glue):
    for database in glue.get_databases()["DatabaseList"]:
        for item in glue.get_tables(DatabaseName=database["Name"])["TableList"]:
            yield (database["Name"], item["Name"]), item


listed("aws.rds.instance", "rds", "describe_db_instances", "DBInstances[]", "DBInstanceIdentifier")
listed("aws.rds.snapshot", "rds", "describe_db_snapshots", "DBSnapshots[]", "DBSnapshotIdentifier", SnapshotType="manual")
listed("aws.rds.subnet_group", "rds", "describe_db_subnet_groups", "DBSubnetGroups[]", "DBSubnetGroupName")
listed("aws.rds.parameter_group", "rds", "describe_db_parameter_groups", "DBParameterGroups[]", "DBParameterGroupName",
       lambda item: not item["DBParameterGroupName"].startswith("default."))  # fmt: skip
listed("aws.redshift.cluster", "redshift", "describe_clusters", "Clusters[]", "ClusterIdentifier")
listed("aws.redshift.snapshot", "redshift", "describe_cluster_snapshots", "Snapshots[]", "SnapshotIdentifier", SnapshotType="manual")
listed("aws.redshift.subnet_group", "redshift", "describe_cluster_subnet_groups", "ClusterSubnetGroups[]", "ClusterSubnetGroupName")
listed("aws.ecr.repository", "ecr", "describe_repositories", "repositories[]", "repositoryName")
listed("aws.batch.job_queue", "batch", "describe_job_queues", "jobQueues[]", "jobQueueName")
listed("aws.batch.compute_environment", "batch", "describe_compute_environments", "computeEnvironments[]", "computeEnvironmentName")
listed("aws.batch.job_definition", "batch", "describe_job_definitions", "jobDefinitions[]", "jobDefinitionArn", status="ACTIVE")
listed("aws.emr.cluster", "emr", "list_clusters", "Clusters[]", "Id", lambda item: item["Status"]["State"] not in GONE, lambda emr, name: emr.describe_cluster(ClusterId=name)["Cluster"])
listed("aws.emrserverless.application", "emr-serverless", "list_applications", "applications[]", "id", lambda item: item["state"] not in GONE,
       lambda emr, name: emr.get_application(applicationId=name)["application"])  # fmt: skip


@counts("aws.ecs.cluster", "ecs")
def _(ecs):
    found = ecs.list_clusters()["clusterArns"]
    for item in ecs.describe_clusters(clusters=found, include=["TAGS", "SETTINGS"])["clusters"] if found else []:
        if item["status"] != "INACTIVE":
            yield item["clusterName"], {key: item.get(key, []) for key in ("settings", "tags", "capacityProviders")}


listed("aws.ecs.task_definition", "ecs", "list_task_definitions", "taskDefinitionArns[]", None, status="ACTIVE")


@counts("aws.ecs.service", "ecs")
def _(ecs):
    for cluster in ecs.list_clusters()["clusterArns"]:
        for arn in ecs.list_services(cluster=cluster)["serviceArns"]:
            (item,) = ecs.describe_services(cluster=cluster, services=[arn])["services"]
            if item["status"] == "ACTIVE":
                yield arn, [item["desiredCount"], item["taskDefinition"]]

listed("aws.iam.user", "iam", "list_users", "Users[]", "UserName", more=lambda iam, name: iam.list_groups_for_user(UserName=name)["Groups"])
listed("aws.iam.group", "iam", "list_groups", "Groups[]", "GroupName")


@counts("aws.iam.access_key", "iam")
def _(iam):
    for user in iam.list_users()["Users"]:
        for item in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
            yield item["AccessKeyId"], item


@counts("aws.logs.metric_filter", "logs")
def _(logs):
    for item in logs.describe_metric_filters()["metricFilters"]:
        yield (item["logGroupName"], item["filterName"]), item


@counts("aws.logs.subscription_filter", "logs")
def _(logs):
    for group in logs.describe_log_groups()["logGroups"]:
        for item in logs.describe_subscription_filters(logGroupName=group["logGroupName"])["subscriptionFilters"]:
            yield (group["logGroupName"], item["filterName"]), item

listed("aws.lakeformation.location", "lakeformation", "list_resources", "ResourceInfoList[]", "ResourceArn")
listed("aws.lakeformation.tag", "lakeformation", "list_lf_tags", "LFTags[]", "TagKey")
listed("aws.glue.security_configuration", "glue", "get_security_configurations", "SecurityConfigurations[]", "Name")
listed("aws.glue.registry", "glue", "list_registries", "Registries[]", "RegistryName")
listed("aws.cloudtrail.trail", "cloudtrail", "describe_trails", "trailList[]", "Name")


@counts("aws.lakeformation.permissions", "lakeformation")
def _(lake):
    for item in lake.list_permissions()["PrincipalResourcePermissions"]:
        yield json.dumps([item["Principal"], item["Resource"]]), item

listed("aws.rds.cluster", "rds", "describe_db_clusters", "DBClusters[]", "DBClusterIdentifier")
listed("aws.rds.cluster_parameter_group", "rds", "describe_db_cluster_parameter_groups", "DBClusterParameterGroups[]", "DBClusterParameterGroupName",
       lambda item: not item["DBClusterParameterGroupName"].startswith("default."))  # fmt: skip
listed("aws.redshift.parameter_group", "redshift", "describe_cluster_parameter_groups", "ParameterGroups[]", "ParameterGroupName", lambda item: not item["ParameterGroupName"].startswith("default."))
listed("aws.elbv2.load_balancer", "elbv2", "describe_load_balancers", "LoadBalancers[]", "LoadBalancerArn")
listed("aws.elbv2.target_group", "elbv2", "describe_target_groups", "TargetGroups[]", "TargetGroupArn")


@counts("aws.elbv2.listener", "elbv2")
def _(elb):
    for one in elb.describe_load_balancers()["LoadBalancers"]:
        for item in elb.describe_listeners(LoadBalancerArn=one["LoadBalancerArn"])["Listeners"]:
            yield item["ListenerArn"], item


@counts("aws.elbv2.rule", "elbv2")
def _(elb):
    for one in elb.describe_load_balancers()["LoadBalancers"]:
        for listener in elb.describe_listeners(LoadBalancerArn=one["LoadBalancerArn"])["Listeners"]:
            for item in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                if not item["IsDefault"]:
                    yield item["RuleArn"], item


listed("aws.ec2.dhcp_options", "ec2", "describe_dhcp_options", "DhcpOptions[]", "DhcpOptionsId")
listed("aws.ec2.launch_template", "ec2", "describe_launch_templates", "LaunchTemplates[]", "LaunchTemplateId")

listed("aws.apigatewayv2.api", "apigatewayv2", "get_apis", "Items[]", "ApiId")


def counts_parts(name, key):
    @counts(f"aws.apigatewayv2.{name}", "apigatewayv2")
    def _(api):
        for one in api.get_apis()["Items"]:
            for item in getattr(api, f"get_{name}s")(ApiId=one["ApiId"])["Items"]:
                yield (one["ApiId"], item[key]), item


counts_parts("integration", "IntegrationId")
counts_parts("route", "RouteId")
counts_parts("deployment", "DeploymentId")


listed("aws.apigateway.rest_api", "apigateway", "get_rest_apis", "items[]", "id")
listed("aws.apigateway.api_key", "apigateway", "get_api_keys", "items[]", "id")
listed("aws.apigateway.usage_plan", "apigateway", "get_usage_plans", "items[]", "id")
listed("aws.apigateway.domain_name", "apigateway", "get_domain_names", "items[]", "domainName")
listed("aws.apigateway.vpc_link", "apigateway", "get_vpc_links", "items[]", "id")


def counts_of_apis(name, operation, key, items="items", ours=lambda item: True):
    @counts(f"aws.apigateway.{name}", "apigateway")
    def _(api):
        for one in api.get_rest_apis()["items"]:
            for item in getattr(api, operation)(restApiId=one["id"])[items]:
                if ours(item):
                    yield (one["id"], item[key]), item


counts_of_apis("resource", "get_resources", "id", ours=lambda item: item["path"] != "/")
counts_of_apis("deployment", "get_deployments", "id")
counts_of_apis("stage", "get_stages", "stageName", items="item")
counts_of_apis("authorizer", "get_authorizers", "id")
counts_of_apis("request_validator", "get_request_validators", "id")
counts_of_apis("model", "get_models", "name", ours=lambda item: item["name"] not in ("Empty", "Error"))
counts_of_apis("gateway_response", "get_gateway_responses", "responseType", ours=lambda item: not item.get("defaultResponse"))


@counts("aws.apigateway.method", "apigateway")
def _(api):
    for one in api.get_rest_apis()["items"]:
        for resource in api.get_resources(restApiId=one["id"], embed=["methods"])["items"]:
            for name, method in resource.get("resourceMethods", {}).items():
                yield (one["id"], resource["id"], name), method


@counts("aws.apigateway.usage_plan_key", "apigateway")
def _(api):
    for plan in api.get_usage_plans()["items"]:
        for item in api.get_usage_plan_keys(usagePlanId=plan["id"])["items"]:
            yield (plan["id"], item["id"]), item


@counts("aws.apigateway.base_path_mapping", "apigateway")
def _(api):
    for host in api.get_domain_names()["items"]:
        for item in api.get_base_path_mappings(domainName=host["domainName"])["items"]:
            yield (host["domainName"], item["basePath"]), item


@counts("aws.apigateway.account", "apigateway")
def _(api):
    role = api.get_account().get("cloudwatchRoleArn")
    if role:
        yield "account", role


@counts("aws.cognitoidp.user_pool_client", "cognito-idp")
def _(cognito):
    for pool in cognito.list_user_pools(MaxResults=60)["UserPools"]:
        for item in cognito.list_user_pool_clients(UserPoolId=pool["Id"])["UserPoolClients"]:
            yield (pool["Id"], item["ClientId"]), item


@counts("aws.cognitoidp.user_pool_domain", "cognito-idp")
def _(cognito):
    for pool in cognito.list_user_pools(MaxResults=60)["UserPools"]:
        domain = cognito.describe_user_pool(UserPoolId=pool["Id"])["UserPool"].get("Domain")
        if domain:
            about = cognito.describe_user_pool_domain(Domain=domain)["DomainDescription"]
            yield domain, {**about, "AWSAccountId": None}  # which moto draws each time


listed("aws.autoscaling.group", "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups[]", "AutoScalingGroupName", lambda group: group.get("Status") != "Delete in progress")
@counts("aws.autoscaling.lifecycle_hook", "autoscaling")
def _(scaling):
    for group in scaling.describe_auto_scaling_groups()["AutoScalingGroups"]:
        for hook in scaling.describe_lifecycle_hooks(AutoScalingGroupName=group["AutoScalingGroupName"])["LifecycleHooks"]:
            yield (group["AutoScalingGroupName"], hook["LifecycleHookName"]), hook


listed("aws.autoscaling.policy", "autoscaling", "describe_policies", "ScalingPolicies[]", "PolicyARN")
listed("aws.autoscaling.schedule", "autoscaling", "describe_scheduled_actions", "ScheduledUpdateGroupActions[]", "ScheduledActionName")


# ---- all of it ----


def without_times(thing):
    """moto makes some of them up anew with each answer."""
    if isinstance(thing, dict):
        return {key: without_times(value) for key, value in thing.items() if not isinstance(value, datetime)}
    return [without_times(one) for one in thing] if isinstance(thing, list) else thing


def inventory(cloud, types=TABLE):
    """Of `types`, those that the table knows."""
    found = {}
    for type_ in sorted(set(types) & set(TABLE)):
        service, look = TABLE[type_]
        pairs = list(look(cloud.client(service)))
        found[type_] = {key: without_times(thing) for key, thing in pairs}
        assert len(found[type_]) == len(pairs), (type_, pairs)
    return found


def numbers(found):
    return {type_: len(things) for type_, things in found.items()}
