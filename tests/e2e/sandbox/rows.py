"""A row for each type: how boto3 makes, reads, changes, lists, tags and deletes one, and what the service says when it is gone.

`$name` in parameters is what an earlier call gave (`keep`, `around`); `$n` is the number of the thing, of which three are made.
"""

import json
from dataclasses import dataclass, field

ACCOUNT = "000000000000"
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
LETS_IN = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "logs:PutLogEvents", "Resource": "*"}]})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["glue.amazonaws.com", "lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}]})
PAIRS, CAMEL, MAP = [{"Key": "a", "Value": "b"}], [{"key": "a", "value": "b"}], {"a": "b"}
ROWS, DATA = {}, {}


@dataclass
class Tags:
    """Calls and their parameters; `seen` finds the value of the tag a in what `look` gives."""

    add: tuple
    look: tuple
    seen: str
    remove: tuple


@dataclass
class Row:
    service: str
    create: tuple
    read: tuple
    seen: str  # of what read gives
    first: object
    delete: tuple
    absent: tuple  # code and status of reading what is not there; None: the answer has nothing
    keep: dict = field(default_factory=dict)  # of what create gives
    around: list = field(default_factory=list)  # service, call, what to keep
    list: tuple | None = None
    listed: str = ""  # each one's number or name
    item: str = "it-$n"
    update: tuple | None = None
    then: object = None
    exists: str | None = None  # making it again
    tags: Tags | None = None
    ready: tuple | None = None  # path and value that are waited for
    most: int = 3  # there may be so many of them
    unlisted: bool = False  # all that is deleted is looked for among the others by item


def row(name, *args, **more):
    ROWS[f"aws.{name}"] = Row(*args, **more)


def pair_tags(look, seen, key="ResourceARN", value="$arn", add="tag_resource", remove="untag_resource", pairs=None, tags="Tags", keys="TagKeys"):
    return Tags((add, {key: value, tags: pairs or PAIRS}), look, seen, (remove, {key: value, keys: ["a"]}))


def listed_tags(key="ResourceARN", value="$arn", call="list_tags_for_resource", at="Tags[?Key=='a'].Value | [0]", **more):
    return pair_tags((call, {key: value}), at, key, value, **more)


def mapped(key, keys, seen=None, look=None, value="$arn", tags="tags", add="tag_resource", remove="untag_resource"):
    return Tags((add, {key: value, tags: MAP}), look or ("list_tags_for_resource", {key: value}), seen or f"{tags}.a", (remove, {key: value, keys: ["a"]}))


# ---- athena ----

row("athena.workgroup", "athena", ("create_work_group", {"Name": "it-$n", "Description": "first"}), ("get_work_group", {"WorkGroup": "it-$n"}), "WorkGroup.Description", "first",
    ("delete_work_group", {"WorkGroup": "it-$n"}), ("InvalidRequestException", 400), list=("list_work_groups", {}), listed="WorkGroups[].Name",
    update=("update_work_group", {"WorkGroup": "it-$n", "Description": "then"}), then="then", exists="InvalidRequestException",
    tags=listed_tags(value=f"arn:aws:athena:us-east-1:{ACCOUNT}:workgroup/it-$n"))
row("athena.named_query", "athena", ("create_named_query", {"Name": "it", "Database": "d", "QueryString": "select 1"}), ("get_named_query", {"NamedQueryId": "$id"}), "NamedQuery.QueryString", "select 1",
    ("delete_named_query", {"NamedQueryId": "$id"}), ("InvalidRequestException", 400), keep={"id": "NamedQueryId"}, list=("list_named_queries", {}), listed="NamedQueryIds", item="$id",
    update=("update_named_query", {"NamedQueryId": "$id", "Name": "it", "QueryString": "select 2"}), then="select 2")

GROUP = {"StatementName": "it_$n", "WorkGroup": "primary"}
row("athena.prepared_statement", "athena", ("create_prepared_statement", {**GROUP, "QueryStatement": "select ?"}), ("get_prepared_statement", GROUP), "PreparedStatement.QueryStatement", "select ?",
    ("delete_prepared_statement", GROUP), ("ResourceNotFoundException", 400), list=("list_prepared_statements", {"WorkGroup": "primary"}), listed="PreparedStatements[].StatementName", item="it_$n",
    update=("update_prepared_statement", {**GROUP, "QueryStatement": "select ?, ?"}), then="select ?, ?", exists="InvalidRequestException")

# ---- batch ----

row("batch.compute_environment", "batch", ("create_compute_environment", {"computeEnvironmentName": "it-$n", "type": "MANAGED", "state": "ENABLED", "computeResources": {
    "type": "FARGATE", "maxvCpus": 4, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}}), ("describe_compute_environments", {"computeEnvironments": ["it-$n"]}),
    "computeEnvironments[0].computeResources.maxvCpus", 4, ("update_compute_environment", {"computeEnvironment": "it-$n", "state": "DISABLED"}, "delete_compute_environment", {"computeEnvironment": "it-$n"}), None, keep={"arn": "computeEnvironmentArn"},
    list=("describe_compute_environments", {}), listed="computeEnvironments[].computeEnvironmentName", update=("update_compute_environment", {"computeEnvironment": "it-$n", "computeResources": {"maxvCpus": 8}}),
    then=8, exists="ClientException", ready=("computeEnvironments[0].status", "VALID"),
    tags=mapped("resourceArn", "tagKeys", look=("describe_compute_environments", {"computeEnvironments": ["it-$n"]}), seen="computeEnvironments[0].tags.a"))
row("batch.job_queue", "batch", ("create_job_queue", {"jobQueueName": "it-$n", "priority": 1, "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "ce"}]}), ("describe_job_queues", {"jobQueues": ["it-$n"]}),
    "jobQueues[0].priority", 1, ("update_job_queue", {"jobQueue": "it-$n", "state": "DISABLED"}, "delete_job_queue", {"jobQueue": "it-$n"}), None, keep={"arn": "jobQueueArn"}, list=("describe_job_queues", {}), listed="jobQueues[].jobQueueName",
    update=("update_job_queue", {"jobQueue": "it-$n", "priority": 5}), then=5, exists="ClientException", ready=("jobQueues[0].status", "VALID"),
    tags=mapped("resourceArn", "tagKeys", look=("describe_job_queues", {"jobQueues": ["it-$n"]}), seen="jobQueues[0].tags.a"))
row("batch.job_definition", "batch", ("register_job_definition", {"jobDefinitionName": "it", "type": "container", "containerProperties": {"image": "alpine"}}),
    ("describe_job_definitions", {"jobDefinitions": ["$arn"], "status": "ACTIVE"}), "jobDefinitions[0].containerProperties.image", "alpine", ("deregister_job_definition", {"jobDefinition": "$arn"}), None,
    keep={"arn": "jobDefinitionArn"}, list=("describe_job_definitions", {"status": "ACTIVE"}), listed="jobDefinitions[].jobDefinitionArn", item="$arn",
    tags=mapped("resourceArn", "tagKeys", look=("describe_job_definitions", {"jobDefinitions": ["$arn"]}), seen="jobDefinitions[0].tags.a"))

# ---- cloudwatch, logs ----

ALARM = {"AlarmName": "it-$n", "Namespace": "AWS/States", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
row("cloudwatch.alarm", "cloudwatch", ("put_metric_alarm", {**ALARM, "Threshold": 1.5}), ("describe_alarms", {"AlarmNames": ["it-$n"]}), "MetricAlarms[0].Threshold", 1.5,
    ("delete_alarms", {"AlarmNames": ["it-$n"]}), None, list=("describe_alarms", {}), listed="MetricAlarms[].AlarmName", update=("put_metric_alarm", {**ALARM, "Threshold": 2}), then=2,
    tags=listed_tags(value=f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:it-$n"))
row("logs.log_group", "logs", ("create_log_group", {"logGroupName": "it-$n"}), ("describe_log_groups", {"logGroupNamePrefix": "it-$n"}), "logGroups[0].retentionInDays", None,
    ("delete_log_group", {"logGroupName": "it-$n"}), None, list=("describe_log_groups", {}), listed="logGroups[].logGroupName",
    update=("put_retention_policy", {"logGroupName": "it-$n", "retentionInDays": 7}), then=7, exists="ResourceAlreadyExistsException",
    tags=mapped("resourceArn", "tagKeys", value=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:it-$n"))

row("logs.resource_policy", "logs", ("put_resource_policy", {"policyName": "it-$n", "policyDocument": LETS_IN}), ("describe_resource_policies", {}), "length(resourcePolicies[?policyName=='it-$n'])", 1,
    ("delete_resource_policy", {"policyName": "it-$n"}), None, list=("describe_resource_policies", {}), listed="resourcePolicies[].policyName")

# ---- dynamodb, sqs, sns, ssm, secrets, kms ----

row("dynamodb.table", "dynamodb", ("create_table", {"TableName": "it-$n", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST"}), ("describe_table", {"TableName": "it-$n"}), "Table.DeletionProtectionEnabled", False, ("delete_table", {"TableName": "it-$n"}), ("ResourceNotFoundException", 400),
    keep={"arn": "TableDescription.TableArn"}, list=("list_tables", {}), listed="TableNames", update=("update_table", {"TableName": "it-$n", "TableClass": "STANDARD", "DeletionProtectionEnabled": False}), then=False,
    exists="ResourceInUseException", ready=("Table.TableStatus", "ACTIVE"), tags=listed_tags("ResourceArn", call="list_tags_of_resource"))
row("kinesis.stream", "kinesis", ("create_stream", {"StreamName": "it-$n", "ShardCount": 1}), ("describe_stream_summary", {"StreamName": "it-$n"}), "StreamDescriptionSummary.RetentionPeriodHours", 24,
    ("delete_stream", {"StreamName": "it-$n"}), ("ResourceNotFoundException", 400), list=("list_streams", {}), listed="StreamNames",
    update=("increase_stream_retention_period", {"StreamName": "it-$n", "RetentionPeriodHours": 48}), then=48, exists="ResourceInUseException", ready=("StreamDescriptionSummary.StreamStatus", "ACTIVE"),
    tags=Tags(("add_tags_to_stream", {"StreamName": "it-$n", "Tags": MAP}), ("list_tags_for_stream", {"StreamName": "it-$n"}), "Tags[?Key=='a'].Value | [0]", ("remove_tags_from_stream", {"StreamName": "it-$n", "TagKeys": ["a"]})))
CONSUMER = {"StreamARN": "arn:aws:kinesis:us-east-1:000000000000:stream/read", "ConsumerName": "it-$n"}
row("kinesis.stream_consumer", "kinesis", ("register_stream_consumer", CONSUMER), ("describe_stream_consumer", CONSUMER), "ConsumerDescription.StreamARN", CONSUMER["StreamARN"],
    ("deregister_stream_consumer", CONSUMER), ("ResourceNotFoundException", 400), keep={"arn": "Consumer.ConsumerARN"}, list=("list_stream_consumers", {"StreamARN": CONSUMER["StreamARN"]}),
    listed="Consumers[].ConsumerName", exists="ResourceInUseException", ready=("ConsumerDescription.ConsumerStatus", "ACTIVE"), around=[("kinesis", ("create_stream", {"StreamName": "read", "ShardCount": 1}), {})],
    tags=Tags(("tag_resource", {"ResourceARN": "$arn", "Tags": MAP}), ("list_tags_for_resource", {"ResourceARN": "$arn"}), "Tags[?Key=='a'].Value | [0]", ("untag_resource", {"ResourceARN": "$arn", "TagKeys": ["a"]})))
row("dynamodb.streaming_destination", "dynamodb", ("enable_kinesis_streaming_destination", {"TableName": "life-table", "StreamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/it-$n"}), ("describe_kinesis_streaming_destination", {"TableName": "life-table"}),
    "KinesisDataStreamDestinations[?ends_with(StreamArn, 'it-$n')] | [0].DestinationStatus", "ACTIVE", ("disable_kinesis_streaming_destination", {"TableName": "life-table", "StreamArn": "arn:aws:kinesis:us-east-1:000000000000:stream/it-$n"}), None,
    around=[("dynamodb", ("create_table", {"TableName": "life-table", "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}), {}),
        *(("kinesis", ("create_stream", {"StreamName": f"it-{n}", "ShardCount": 1}), {}) for n in range(3))],
    list=("describe_kinesis_streaming_destination", {"TableName": "life-table"}), listed="KinesisDataStreamDestinations[].StreamArn", item="arn:aws:kinesis:us-east-1:000000000000:stream/it-$n", exists="ResourceInUseException")
row("firehose.delivery_stream", "firehose", ("create_delivery_stream", {"DeliveryStreamName": "it-$n", "ExtendedS3DestinationConfiguration": {"RoleARN": "arn:aws:iam::000000000000:role/r", "BucketARN": "arn:aws:s3:::b", "Prefix": "a/",
    "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 60}, "CompressionFormat": "GZIP", "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": "arn:aws:kms:us-east-1:000000000000:key/k"}}}}),
    ("describe_delivery_stream", {"DeliveryStreamName": "it-$n"}), "DeliveryStreamDescription.Destinations[0].ExtendedS3DestinationDescription.Prefix", "a/", ("delete_delivery_stream", {"DeliveryStreamName": "it-$n"}),
    ("ResourceNotFoundException", 400), keep={"arn": "DeliveryStreamARN"}, list=("list_delivery_streams", {}), listed="DeliveryStreamNames",
    update=("update_destination", {"DeliveryStreamName": "it-$n", "CurrentDeliveryStreamVersionId": "1", "DestinationId": "destinationId-000000000001", "ExtendedS3DestinationUpdate": {"Prefix": "b/"}}), then="b/",
    exists="ResourceInUseException", ready=("DeliveryStreamDescription.DeliveryStreamStatus", "ACTIVE"),
    tags=Tags(("tag_delivery_stream", {"DeliveryStreamName": "it-$n", "Tags": PAIRS}), ("list_tags_for_delivery_stream", {"DeliveryStreamName": "it-$n"}), "Tags[?Key=='a'].Value | [0]", ("untag_delivery_stream", {"DeliveryStreamName": "it-$n", "TagKeys": ["a"]})))
row("sqs.queue", "sqs", ("create_queue", {"QueueName": "it-$n"}), ("get_queue_attributes", {"QueueUrl": "$url", "AttributeNames": ["All"]}), "Attributes.VisibilityTimeout", "30",
    ("delete_queue", {"QueueUrl": "$url"}), ("AWS.SimpleQueueService.NonExistentQueue", 400), keep={"url": "QueueUrl"}, list=("list_queues", {"QueueNamePrefix": "it-"}), listed="QueueUrls", item="$url",
    update=("set_queue_attributes", {"QueueUrl": "$url", "Attributes": {"VisibilityTimeout": "60"}}), then="60",
    tags=Tags(("tag_queue", {"QueueUrl": "$url", "Tags": MAP}), ("list_queue_tags", {"QueueUrl": "$url"}), "Tags.a", ("untag_queue", {"QueueUrl": "$url", "TagKeys": ["a"]})))
row("sns.topic", "sns", ("create_topic", {"Name": "it-$n"}), ("get_topic_attributes", {"TopicArn": "$arn"}), "Attributes.DisplayName", "", ("delete_topic", {"TopicArn": "$arn"}), ("NotFound", 404),
    keep={"arn": "TopicArn"}, list=("list_topics", {}), listed="Topics[].TopicArn", item="$arn", update=("set_topic_attributes", {"TopicArn": "$arn", "AttributeName": "DisplayName", "AttributeValue": "then"}),
    then="then", tags=listed_tags("ResourceArn"))
row("sns.subscription", "sns", ("subscribe", {"TopicArn": "$topic", "Protocol": "sqs", "Endpoint": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q$n", "ReturnSubscriptionArn": True}),
    ("get_subscription_attributes", {"SubscriptionArn": "$arn"}), "Attributes.RawMessageDelivery", "false", ("unsubscribe", {"SubscriptionArn": "$arn"}), ("NotFound", 404), keep={"arn": "SubscriptionArn"},
    around=[("sns", ("create_topic", {"Name": "t"}), {"topic": "TopicArn"})], list=("list_subscriptions_by_topic", {"TopicArn": "$topic"}), listed="Subscriptions[].SubscriptionArn", item="$arn",
    update=("set_subscription_attributes", {"SubscriptionArn": "$arn", "AttributeName": "RawMessageDelivery", "AttributeValue": "true"}), then="true")
row("ssm.parameter", "ssm", ("put_parameter", {"Name": "/it-$n", "Value": "first", "Type": "String"}), ("get_parameter", {"Name": "/it-$n"}), "Parameter.Value", "first", ("delete_parameter", {"Name": "/it-$n"}),
    ("ParameterNotFound", 400), list=("describe_parameters", {}), listed="Parameters[].Name", item="/it-$n", update=("put_parameter", {"Name": "/it-$n", "Value": "then", "Type": "String", "Overwrite": True}), then="then",
    exists="ParameterAlreadyExists", tags=Tags(("add_tags_to_resource", {"ResourceType": "Parameter", "ResourceId": "/it-$n", "Tags": PAIRS}),
    ("list_tags_for_resource", {"ResourceType": "Parameter", "ResourceId": "/it-$n"}), "TagList[?Key=='a'].Value | [0]", ("remove_tags_from_resource", {"ResourceType": "Parameter", "ResourceId": "/it-$n", "TagKeys": ["a"]})))
row("secretsmanager.secret", "secretsmanager", ("create_secret", {"Name": "it-$n", "SecretString": "first"}), ("get_secret_value", {"SecretId": "$arn"}), "SecretString", "first",
    ("delete_secret", {"SecretId": "$arn", "ForceDeleteWithoutRecovery": True}), ("ResourceNotFoundException", 400), keep={"arn": "ARN"}, list=("list_secrets", {}), listed="SecretList[].Name",
    update=("put_secret_value", {"SecretId": "$arn", "SecretString": "then"}), then="then", exists="ResourceExistsException",
    tags=pair_tags(("describe_secret", {"SecretId": "$arn"}), "Tags[?Key=='a'].Value | [0]", "SecretId"))
row("kms.key", "kms", ("create_key", {"Description": "first"}), ("describe_key", {"KeyId": "$id"}), "KeyMetadata.Description", "first", ("schedule_key_deletion", {"KeyId": "$id"}), None, keep={"id": "KeyMetadata.KeyId"},
    list=("list_keys", {}), listed="Keys[].KeyId", item="$id", update=("update_key_description", {"KeyId": "$id", "Description": "then"}), then="then", unlisted=True,
    tags=pair_tags(("list_resource_tags", {"KeyId": "$id"}), "Tags[?TagKey=='a'].TagValue | [0]", "KeyId", "$id", pairs=[{"TagKey": "a", "TagValue": "b"}]))
row("kms.alias", "kms", ("create_alias", {"AliasName": "alias/it-$n", "TargetKeyId": "$one"}), ("list_aliases", {}), "Aliases[?AliasName=='alias/it-$n'].TargetKeyId | [0]", "$one", ("delete_alias", {"AliasName": "alias/it-$n"}), None,
    around=[("kms", ("create_key", {}), {"one": "KeyMetadata.KeyId"}), ("kms", ("create_key", {}), {"two": "KeyMetadata.KeyId"})], list=("list_aliases", {}), listed="Aliases[].AliasName", item="alias/it-$n",
    update=("update_alias", {"AliasName": "alias/it-$n", "TargetKeyId": "$two"}), then="$two", exists="AlreadyExistsException")

# ---- ec2 ----

VPC = ("ec2", ("create_vpc", {"CidrBlock": "10.0.0.0/16"}), {"vpc": "Vpc.VpcId"})
SUBNET = ("ec2", ("create_subnet", {"VpcId": "$vpc", "CidrBlock": "10.0.1.0/24"}), {"subnet": "Subnet.SubnetId"})


def network(name, create, made, describe, ids, key, delete, absent, seen=None, first=None, id_key=None, **more):
    """EC2's calls are all alike."""
    id_key = id_key or ids.removesuffix("s")
    look = (describe, {ids: ["$id"]})
    row(f"ec2.{name}", "ec2", create, look, seen or f"{key}[0].{id_key}", first if seen else "$id", (delete, {id_key: "$id"}), absent, keep={"id": made}, list=(describe, {}), listed=f"{key}[].{id_key}", item="$id",
        tags=Tags(("create_tags", {"Resources": ["$id"], "Tags": PAIRS}), look, f"{key}[0].Tags[?Key=='a'].Value | [0]", ("delete_tags", {"Resources": ["$id"], "Tags": [{"Key": "a"}]})), **more)


network("vpc", ("create_vpc", {"CidrBlock": "10.0.0.0/16"}), "Vpc.VpcId", "describe_vpcs", "VpcIds", "Vpcs", "delete_vpc", ("InvalidVpcID.NotFound", 400))
network("subnet", ("create_subnet", {"VpcId": "$vpc", "CidrBlock": "10.0.$n.0/24"}), "Subnet.SubnetId", "describe_subnets", "SubnetIds", "Subnets", "delete_subnet", ("InvalidSubnetID.NotFound", 400),
        "Subnets[0].MapPublicIpOnLaunch", False, around=[VPC], update=("modify_subnet_attribute", {"SubnetId": "$id", "MapPublicIpOnLaunch": {"Value": True}}), then=True)
network("internet_gateway", ("create_internet_gateway", {}), "InternetGateway.InternetGatewayId", "describe_internet_gateways", "InternetGatewayIds", "InternetGateways", "delete_internet_gateway",
        ("InvalidInternetGatewayID.NotFound", 400))
network("elastic_ip", ("allocate_address", {"Domain": "vpc"}), "AllocationId", "describe_addresses", "AllocationIds", "Addresses", "release_address", ("InvalidAllocationID.NotFound", 400))
network("nat_gateway", ("create_nat_gateway", {"SubnetId": "$subnet", "ConnectivityType": "private"}), "NatGateway.NatGatewayId", "describe_nat_gateways", "NatGatewayIds", "NatGateways", "delete_nat_gateway",
        ("NatGatewayNotFound", 400), around=[VPC, SUBNET], ready=("NatGateways[0].State", "available"))
network("route_table", ("create_route_table", {"VpcId": "$vpc"}), "RouteTable.RouteTableId", "describe_route_tables", "RouteTableIds", "RouteTables", "delete_route_table", ("InvalidRouteTableID.NotFound", 400),
        "RouteTables[0].Routes[?DestinationCidrBlock=='0.0.0.0/0'].GatewayId | [0]", None, around=[VPC], update=("create_route", {"RouteTableId": "$id", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}), then="igw-1")
row("ec2.route_table_association", "ec2", ("associate_route_table", {"RouteTableId": "$table", "SubnetId": "$subnet"}), ("describe_route_tables", {"RouteTableIds": ["$table"]}),
    "RouteTables[0].Associations[?RouteTableAssociationId=='$id'].SubnetId | [0]", "$subnet", ("disassociate_route_table", {"AssociationId": "$id"}), None, keep={"id": "AssociationId"},
    around=[VPC, SUBNET, ("ec2", ("create_route_table", {"VpcId": "$vpc"}), {"table": "RouteTable.RouteTableId"})])
network("flow_log", ("create_flow_logs", {"ResourceIds": ["$vpc"], "ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::it-$n"}), "FlowLogIds[0]", "describe_flow_logs", "FlowLogIds", "FlowLogs",
        "delete_flow_logs", ("InvalidFlowLogId.NotFound", 400), "FlowLogs[0].LogDestination", "arn:aws:s3:::it-$n", around=[VPC])
ROWS["aws.ec2.flow_log"].delete = ("delete_flow_logs", {"FlowLogIds": ["$id"]})
network("dhcp_options", ("create_dhcp_options", {"DhcpConfigurations": [{"Key": "ntp-servers", "Values": ["10.0.0.9"]}, {"Key": "domain-name", "Values": ["it-$n"]}]}), "DhcpOptions.DhcpOptionsId", "describe_dhcp_options",
        "DhcpOptionsIds", "DhcpOptions", "delete_dhcp_options", ("InvalidDhcpOptionID.NotFound", 400), "DhcpOptions[0].DhcpConfigurations[?Key=='domain-name'].Values[].Value | [0]", "it-$n")
network("launch_template", ("create_launch_template", {"LaunchTemplateName": "it-$n", "LaunchTemplateData": {"InstanceType": "t4g.micro"}}), "LaunchTemplate.LaunchTemplateId", "describe_launch_template_versions",
        "LaunchTemplateIds", "LaunchTemplates", "delete_launch_template", ("InvalidLaunchTemplateId.NotFound", 400), "LaunchTemplateVersions[0].LaunchTemplateData.InstanceType", "t4g.micro",
        update=("create_launch_template_version", {"LaunchTemplateId": "$id", "LaunchTemplateData": {"InstanceType": "m5.large"}}), then="m5.large", exists="InvalidLaunchTemplateName.AlreadyExistsException")
ROWS["aws.ec2.launch_template"].read = ("describe_launch_template_versions", {"LaunchTemplateId": "$id", "Versions": ["$$Latest"]})
ROWS["aws.ec2.launch_template"].list = ("describe_launch_templates", {})
ROWS["aws.ec2.launch_template"].tags.look = ("describe_launch_templates", {"LaunchTemplateIds": ["$id"]})
network("network_acl", ("create_network_acl", {"VpcId": "$vpc"}), "NetworkAcl.NetworkAclId", "describe_network_acls", "NetworkAclIds", "NetworkAcls", "delete_network_acl", ("InvalidNetworkAclID.NotFound", 400),
        "NetworkAcls[0].Entries[?RuleNumber==`7`].CidrBlock | [0]", None, around=[VPC], then="10.0.0.0/8",
        update=("create_network_acl_entry", {"NetworkAclId": "$id", "RuleNumber": 7, "Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "10.0.0.0/8"}))
network("security_group", ("create_security_group", {"GroupName": "it-$n", "Description": "d", "VpcId": "$vpc"}), "GroupId", "describe_security_groups", "GroupIds", "SecurityGroups", "delete_security_group",
        ("InvalidGroup.NotFound", 400), "SecurityGroups[0].IpPermissions[0].IpProtocol", None, around=[VPC], exists="InvalidGroup.Duplicate",
        update=("authorize_security_group_ingress", {"GroupId": "$id", "IpPermissions": [{"IpProtocol": "udp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}), then="udp")
row("ec2.security_group_rule", "ec2", ("authorize_security_group_ingress", {"GroupId": "$group", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.$n.0.0/16"}]}]}),
    ("describe_security_group_rules", {"SecurityGroupRuleIds": ["$id"]}), "SecurityGroupRules[0].CidrIpv4", "10.$n.0.0/16", ("revoke_security_group_ingress", {"GroupId": "$group", "SecurityGroupRuleIds": ["$id"]}),
    ("InvalidSecurityGroupRuleId.NotFound", 400), keep={"id": "SecurityGroupRules[0].SecurityGroupRuleId"}, around=[VPC, ("ec2", ("create_security_group", {"GroupName": "g", "Description": "d", "VpcId": "$vpc"}), {"group": "GroupId"})],
    list=("describe_security_group_rules", {"Filters": [{"Name": "group-id", "Values": ["$group"]}]}), listed="SecurityGroupRules[].SecurityGroupRuleId", item="$id", exists="InvalidPermission.Duplicate",
    tags=Tags(("create_tags", {"Resources": ["$id"], "Tags": PAIRS}), ("describe_security_group_rules", {"SecurityGroupRuleIds": ["$id"]}), "SecurityGroupRules[0].Tags[?Key=='a'].Value | [0]", ("delete_tags", {"Resources": ["$id"], "Tags": [{"Key": "a"}]})))
network("vpc_endpoint", ("create_vpc_endpoint", {"VpcId": "$vpc", "ServiceName": "com.amazonaws.us-east-1.s3"}), "VpcEndpoint.VpcEndpointId", "describe_vpc_endpoints", "VpcEndpointIds", "VpcEndpoints",
        "delete_vpc_endpoints", ("InvalidVpcEndpointId.NotFound", 400), "VpcEndpoints[0].RouteTableIds", [], around=[VPC, ("ec2", ("create_route_table", {"VpcId": "$vpc"}), {"table": "RouteTable.RouteTableId"})],
        update=("modify_vpc_endpoint", {"VpcEndpointId": "$id", "AddRouteTableIds": ["$table"]}), then=["$table"], ready=("VpcEndpoints[0].State", "available"))
ROWS["aws.ec2.vpc_endpoint"].delete = ("delete_vpc_endpoints", {"VpcEndpointIds": ["$id"]})
row("ec2.key_pair", "ec2", ("import_key_pair", {"KeyName": "it-$n", "PublicKeyMaterial": b"ssh-ed25519 AAAA someone"}), ("describe_key_pairs", {"KeyNames": ["it-$n"]}), "KeyPairs[0].KeyPairId", "$id",
    ("delete_key_pair", {"KeyName": "it-$n"}), ("InvalidKeyPair.NotFound", 400), keep={"id": "KeyPairId"}, list=("describe_key_pairs", {}), listed="KeyPairs[].KeyName", exists="InvalidKeyPair.Duplicate",
    tags=Tags(("create_tags", {"Resources": ["$id"], "Tags": PAIRS}), ("describe_key_pairs", {"KeyNames": ["it-$n"]}), "KeyPairs[0].Tags[?Key=='a'].Value | [0]", ("delete_tags", {"Resources": ["$id"], "Tags": [{"Key": "a"}]})))
network("instance", ("run_instances", {"ImageId": "ami-1", "InstanceType": "t4g.micro", "MinCount": 1, "MaxCount": 1, "SubnetId": "$subnet"}), "Instances[0].InstanceId", "describe_instances", "InstanceIds", "Reservations[].Instances[] | @",
        "terminate_instances", ("InvalidInstanceID.NotFound", 400), around=[VPC, SUBNET], ready=("Reservations[0].Instances[0].State.Name", "running"))
ROWS["aws.ec2.instance"].__dict__.update(
    seen="Reservations[0].Instances[0].InstanceId", delete=("terminate_instances", {"InstanceIds": ["$id"]}), listed="Reservations[].Instances[].InstanceId")
ROWS["aws.ec2.instance"].tags.seen = "Reservations[0].Instances[0].Tags[?Key=='a'].Value | [0]"

# ---- ecr, emr serverless, events, scheduler, pipes ----

row("ecr.repository", "ecr", ("create_repository", {"repositoryName": "it-$n"}), ("describe_repositories", {"repositoryNames": ["it-$n"]}), "repositories[0].imageTagMutability", "MUTABLE",
    ("delete_repository", {"repositoryName": "it-$n"}), ("RepositoryNotFoundException", 400), keep={"arn": "repository.repositoryArn"}, list=("describe_repositories", {}), listed="repositories[].repositoryName",
    update=("put_image_tag_mutability", {"repositoryName": "it-$n", "imageTagMutability": "IMMUTABLE"}), then="IMMUTABLE", exists="RepositoryAlreadyExistsException", tags=listed_tags("resourceArn", tags="tags", keys="tagKeys", at="tags[?Key=='a'].Value | [0]"))
row("emrserverless.application", "emr-serverless", ("create_application", {"name": "it-$n", "releaseLabel": "emr-7.5.0", "type": "SPARK"}), ("get_application", {"applicationId": "$id"}), "application.releaseLabel", "emr-7.5.0",
    ("delete_application", {"applicationId": "$id"}), ("ResourceNotFoundException", 404), keep={"id": "applicationId", "arn": "arn"}, list=("list_applications", {}), listed="applications[].name",
    update=("update_application", {"applicationId": "$id", "releaseLabel": "emr-7.6.0"}), then="emr-7.6.0", ready=("application.state", "CREATED"),
    tags=mapped("resourceArn", "tagKeys", look=("get_application", {"applicationId": "$id"}), seen="application.tags.a"))
row("events.event_bus", "events", ("create_event_bus", {"Name": "it-$n", "Description": "first"}), ("describe_event_bus", {"Name": "it-$n"}), "Description", "first", ("delete_event_bus", {"Name": "it-$n"}),
    ("ResourceNotFoundException", 400), keep={"arn": "EventBusArn"}, list=("list_event_buses", {"NamePrefix": "it-"}), listed="EventBuses[].Name", update=("update_event_bus", {"Name": "it-$n", "Description": "then"}), then="then",
    exists="ResourceAlreadyExistsException", tags=listed_tags())
row("events.rule", "events", ("put_rule", {"Name": "it-$n", "ScheduleExpression": "rate(1 hour)"}), ("describe_rule", {"Name": "it-$n"}), "ScheduleExpression", "rate(1 hour)", ("delete_rule", {"Name": "it-$n"}),
    ("ResourceNotFoundException", 400), keep={"arn": "RuleArn"}, list=("list_rules", {}), listed="Rules[].Name", update=("put_rule", {"Name": "it-$n", "ScheduleExpression": "rate(2 hours)"}), then="rate(2 hours)", tags=listed_tags())
SCHEDULE = {"Name": "it-$n", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "Input": "{}"}}
row("scheduler.schedule", "scheduler", ("create_schedule", {**SCHEDULE, "ScheduleExpression": "rate(1 hour)"}), ("get_schedule", {"Name": "it-$n"}), "ScheduleExpression", "rate(1 hour)", ("delete_schedule", {"Name": "it-$n"}),
    ("ResourceNotFoundException", 404), list=("list_schedules", {}), listed="Schedules[].Name", update=("update_schedule", {**SCHEDULE, "ScheduleExpression": "rate(2 hours)"}), then="rate(2 hours)", exists="ConflictException")
row("scheduler.schedule_group", "scheduler", ("create_schedule_group", {"Name": "it-$n"}), ("get_schedule_group", {"Name": "it-$n"}), "Name", "it-$n", ("delete_schedule_group", {"Name": "it-$n"}), ("ResourceNotFoundException", 404),
    keep={"arn": "ScheduleGroupArn"}, list=("list_schedule_groups", {"NamePrefix": "it-"}), listed="ScheduleGroups[].Name", exists="ConflictException", tags=listed_tags("ResourceArn"))
PIPE = {"Name": "it-$n", "Target": f"arn:aws:sqs:us-east-1:{ACCOUNT}:target", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "DesiredState": "STOPPED"}
row("pipes.pipe", "pipes", ("create_pipe", {**PIPE, "Source": f"arn:aws:sqs:us-east-1:{ACCOUNT}:source", "Description": "first"}), ("describe_pipe", {"Name": "it-$n"}), "Description", "first",
    ("delete_pipe", {"Name": "it-$n"}), ("NotFoundException", 404), keep={"arn": "Arn"}, list=("list_pipes", {}), listed="Pipes[].Name", update=("update_pipe", {**PIPE, "Description": "then"}), then="then",
    ready=("CurrentState", "STOPPED"), exists="ConflictException", tags=mapped("resourceArn", "tagKeys", look=("describe_pipe", {"Name": "it-$n"}), seen="Tags.a"))

# ---- glue ----

ROLE = ("iam", ("create_role", {"RoleName": "r", "AssumeRolePolicyDocument": TRUST}), {"role": "Role.Arn"})


def glue(name, create, read, seen, first, delete, lists, listed, update, then, arn=None, **more):
    tags = mapped("ResourceArn", "TagsToRemove", "Tags.a", ("get_tags", {"ResourceArn": arn}), arn, "TagsToAdd") if arn else None
    row(f"glue.{name}", "glue", create, read, seen, first, delete, ("EntityNotFoundException", 400), list=lists, listed=listed, update=update, then=then, exists="AlreadyExistsException", tags=tags, **more)


GLUE = f"arn:aws:glue:us-east-1:{ACCOUNT}:"
JOB = {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k"}}
CONNECTION = {"Name": "it-$n", "ConnectionType": "NETWORK", "ConnectionProperties": {"A": "b"}}
ACTIONS = [{"JobName": "j"}]
glue("database", ("create_database", {"DatabaseInput": {"Name": "it-$n", "Description": "first"}}), ("get_database", {"Name": "it-$n"}), "Database.Description", "first", ("delete_database", {"Name": "it-$n"}), ("get_databases", {}),
     "DatabaseList[].Name", ("update_database", {"Name": "it-$n", "DatabaseInput": {"Name": "it-$n", "Description": "then"}}), "then", GLUE + "database/it-$n")
glue("job", ("create_job", {"Name": "it-$n", **JOB, "Timeout": 5}), ("get_job", {"JobName": "it-$n"}), "Job.Timeout", 5, ("delete_job", {"JobName": "it-$n"}), ("get_jobs", {}), "Jobs[].Name",
     ("update_job", {"JobName": "it-$n", "JobUpdate": {**JOB, "Timeout": 6}}), 6, GLUE + "job/it-$n", around=[ROLE])
glue("table", ("create_table", {"DatabaseName": "d", "TableInput": {"Name": "it-$n", "Description": "first"}}), ("get_table", {"DatabaseName": "d", "Name": "it-$n"}), "Table.Description", "first",
     ("delete_table", {"DatabaseName": "d", "Name": "it-$n"}), ("get_tables", {"DatabaseName": "d"}), "TableList[].Name", ("update_table", {"DatabaseName": "d", "TableInput": {"Name": "it-$n", "Description": "then"}}), "then",
     around=[("glue", ("create_database", {"DatabaseInput": {"Name": "d"}}), {})])
glue("crawler", ("create_crawler", {"Name": "it-$n", "Role": "r", "Targets": {"S3Targets": [{"Path": "s3://b/"}]}, "Description": "first"}), ("get_crawler", {"Name": "it-$n"}), "Crawler.Description", "first",
     ("delete_crawler", {"Name": "it-$n"}), ("get_crawlers", {}), "Crawlers[].Name", ("update_crawler", {"Name": "it-$n", "Description": "then"}), "then", GLUE + "crawler/it-$n")
glue("trigger", ("create_trigger", {"Name": "it-$n", "Type": "ON_DEMAND", "Actions": ACTIONS, "Description": "first"}), ("get_trigger", {"Name": "it-$n"}), "Trigger.Description", "first", ("delete_trigger", {"Name": "it-$n"}),
     ("get_triggers", {}), "Triggers[].Name", ("update_trigger", {"Name": "it-$n", "TriggerUpdate": {"Actions": ACTIONS, "Description": "then"}}), "then", GLUE + "trigger/it-$n")
glue("connection", ("create_connection", {"ConnectionInput": {**CONNECTION, "Description": "first"}}), ("get_connection", {"Name": "it-$n"}), "Connection.Description", "first", ("delete_connection", {"ConnectionName": "it-$n"}),
     ("get_connections", {}), "ConnectionList[].Name", ("update_connection", {"Name": "it-$n", "ConnectionInput": {**CONNECTION, "Description": "then"}}), "then", GLUE + "connection/it-$n")
glue("workflow", ("create_workflow", {"Name": "it-$n", "Description": "first"}), ("get_workflow", {"Name": "it-$n"}), "Workflow.Description", "first", ("delete_workflow", {"Name": "it-$n"}), ("list_workflows", {}), "Workflows",
     ("update_workflow", {"Name": "it-$n", "Description": "then"}), "then", GLUE + "workflow/it-$n")
ROWS["aws.glue.workflow"].absent = ROWS["aws.glue.connection"].absent

# ---- iam ----

row("iam.role", "iam", ("create_role", {"RoleName": "it-$n", "AssumeRolePolicyDocument": TRUST, "Description": "first"}), ("get_role", {"RoleName": "it-$n"}), "Role.Description", "first", ("delete_role", {"RoleName": "it-$n"}),
    ("NoSuchEntity", 404), list=("list_roles", {}), listed="Roles[].RoleName", update=("update_role", {"RoleName": "it-$n", "Description": "then"}), then="then", exists="EntityAlreadyExists",
    tags=pair_tags(("list_role_tags", {"RoleName": "it-$n"}), "Tags[0].Value", "RoleName", "it-$n", "tag_role", "untag_role"))
row("iam.policy", "iam", ("create_policy", {"PolicyName": "it-$n", "PolicyDocument": ALLOW}), ("get_policy", {"PolicyArn": "$arn"}), "Policy.DefaultVersionId", "v1", ("delete_policy", {"PolicyArn": "$arn"}), ("NoSuchEntity", 404),
    keep={"arn": "Policy.Arn"}, list=("list_policies", {"Scope": "Local"}), listed="Policies[].PolicyName", update=("create_policy_version", {"PolicyArn": "$arn", "PolicyDocument": ALLOW.replace("GetObject", "PutObject"), "SetAsDefault": True}), then="v2",
    exists="EntityAlreadyExists", tags=pair_tags(("list_policy_tags", {"PolicyArn": "$arn"}), "Tags[0].Value", "PolicyArn", "$arn", "tag_policy", "untag_policy"))
row("iam.instance_profile", "iam", ("create_instance_profile", {"InstanceProfileName": "it-$n"}), ("get_instance_profile", {"InstanceProfileName": "it-$n"}), "InstanceProfile.Roles[0].RoleName", None,
    ("remove_role_from_instance_profile", {"InstanceProfileName": "it-$n", "RoleName": "r"}, "delete_instance_profile", {"InstanceProfileName": "it-$n"}), ("NoSuchEntity", 404), around=[ROLE], list=("list_instance_profiles", {}),
    listed="InstanceProfiles[].InstanceProfileName", update=("add_role_to_instance_profile", {"InstanceProfileName": "it-$n", "RoleName": "r"}), then="r", exists="EntityAlreadyExists",
    tags=pair_tags(("get_instance_profile", {"InstanceProfileName": "it-$n"}), "InstanceProfile.Tags[0].Value", "InstanceProfileName", "it-$n", "tag_instance_profile", "untag_instance_profile"))

# ---- kafka, mwaa, lambda, states ----

row("kafka.cluster", "kafka", ("create_cluster_v2", {"ClusterName": "it-$n", "Provisioned": {"KafkaVersion": "3.8.x", "NumberOfBrokerNodes": 2, "BrokerNodeGroupInfo": {"InstanceType": "kafka.t3.small", "ClientSubnets": ["subnet-1", "subnet-2"]}}}),
    ("describe_cluster_v2", {"ClusterArn": "$arn"}), "ClusterInfo.Provisioned.NumberOfBrokerNodes", 2, ("delete_cluster", {"ClusterArn": "$arn"}), ("NotFoundException", 404), keep={"arn": "ClusterArn"}, list=("list_clusters_v2", {}),
    listed="ClusterInfoList[].ClusterName", update=("update_broker_count", {"ClusterArn": "$arn", "CurrentVersion": "$version", "TargetNumberOfBrokerNodes": 4}), then=4, exists="ConflictException",
    ready=("ClusterInfo.State", "ACTIVE", {"version": "ClusterInfo.CurrentVersion"}), tags=mapped("ResourceArn", "TagKeys", look=("describe_cluster_v2", {"ClusterArn": "$arn"}), seen="ClusterInfo.Tags.a", tags="Tags"))
TOPIC = {"ClusterArn": "$cluster", "TopicName": "it-$n"}
row("kafka.configuration", "kafka", ("create_configuration", {"Name": "it-$n", "ServerProperties": b"a=b"}), ("describe_configuration", {"Arn": "$arn"}), "LatestRevision.Revision", 1, ("delete_configuration", {"Arn": "$arn"}), ("NotFoundException", 404),
    keep={"arn": "Arn"}, list=("list_configurations", {}), listed="Configurations[].Name", update=("update_configuration", {"Arn": "$arn", "ServerProperties": b"a=c"}), then=2, exists="ConflictException")
row("kafka.topic", "kafka", ("create_topic", {**TOPIC, "PartitionCount": 3, "ReplicationFactor": 2}), ("describe_topic", TOPIC), "PartitionCount", 3,
    ("delete_topic", TOPIC), ("NotFoundException", 404), around=[("kafka", ("create_cluster_v2", {"ClusterName": "of-it", "Provisioned": {"KafkaVersion": "3.8.x", "NumberOfBrokerNodes": 2, "BrokerNodeGroupInfo": {"InstanceType": "kafka.t3.small", "ClientSubnets": ["subnet-1", "subnet-2"]}}}), {"cluster": "ClusterArn"})],
    update=("update_topic", {**TOPIC, "PartitionCount": 6}), then=6, exists="TopicExistsException", ready=("Status", "ACTIVE"))
SUBNETS = [VPC, SUBNET, ("ec2", ("create_subnet", {"VpcId": "$vpc", "CidrBlock": "10.0.2.0/24", "AvailabilityZone": "us-east-1b"}), {"other": "Subnet.SubnetId"})]
NETWORK = {"SubnetIds": ["$subnet", "$other"], "SecurityGroupIds": ["$group"]}
row("mwaa.environment", "mwaa", ("create_environment", {"Name": "it-$n", "ExecutionRoleArn": "$role", "SourceBucketArn": "arn:aws:s3:::b", "DagS3Path": "dags", "NetworkConfiguration": NETWORK}), ("get_environment", {"Name": "it-$n"}),
    "Environment.DagS3Path", "dags", ("delete_environment", {"Name": "it-$n"}), ("ResourceNotFoundException", 404), keep={"arn": "Arn"},
    around=[ROLE, *SUBNETS, ("ec2", ("create_security_group", {"GroupName": "g", "Description": "d", "VpcId": "$vpc"}), {"group": "GroupId"})], list=("list_environments", {}), listed="Environments",
    update=("update_environment", {"Name": "it-$n", "DagS3Path": "more"}), then="more", ready=("Environment.Status", "AVAILABLE"),
    tags=mapped("ResourceArn", "tagKeys", look=("get_environment", {"Name": "it-$n"}), seen="Environment.Tags.a", tags="Tags"))
BUCKET = ("s3", ("create_bucket", {"Bucket": "code"}), {})
ZIP = ("s3", ("put_object", {"Bucket": "code", "Key": "zip", "Body": b"PK\x05\x06" + bytes(18)}), {})
FUNCTION = {"Role": "$role", "Runtime": "python3.13", "Handler": "m.h", "Code": {"S3Bucket": "code", "S3Key": "zip"}}
MADE = [ROLE, BUCKET, ZIP, ("lambda", ("create_function", {"FunctionName": "f", **FUNCTION}), {})]
row("lambda.function", "lambda", ("create_function", {"FunctionName": "it-$n", **FUNCTION}), ("get_function", {"FunctionName": "it-$n"}), "Configuration.MemorySize", 128, ("delete_function", {"FunctionName": "it-$n"}),
    ("ResourceNotFoundException", 404), keep={"arn": "FunctionArn"}, around=[ROLE, BUCKET, ZIP], list=("list_functions", {}), listed="Functions[].FunctionName", ready=("Configuration.State", "Active"),
    update=("update_function_configuration", {"FunctionName": "it-$n", "MemorySize": 256}), then=256, exists="ResourceConflictException", tags=mapped("Resource", "TagKeys", "Tags.a", ("list_tags", {"Resource": "$arn"}), tags="Tags"))
row("lambda.layer_version", "lambda", ("publish_layer_version", {"LayerName": "it", "Content": {"S3Bucket": "code", "S3Key": "zip"}}), ("get_layer_version", {"LayerName": "it", "VersionNumber": "$version"}), "LayerVersionArn", "$arn",
    ("delete_layer_version", {"LayerName": "it", "VersionNumber": "$version"}), ("ResourceNotFoundException", 404), keep={"arn": "LayerVersionArn", "version": "Version"}, around=[BUCKET, ZIP],
    list=("list_layer_versions", {"LayerName": "it"}), listed="LayerVersions[].LayerVersionArn", item="$arn")
row("lambda.permission", "lambda", ("add_permission", {"FunctionName": "f", "StatementId": "it-$n", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}), ("get_policy", {"FunctionName": "f"}),
    "contains(Policy, '\"Sid\":\"it-$n\"')", True, ("remove_permission", {"FunctionName": "f", "StatementId": "it-$n"}), None, around=MADE, exists="ResourceConflictException")
RECEIVES = ("iam", ("put_role_policy", {"RoleName": "r", "PolicyName": "queues", "PolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}})}), {})
QUEUES = [("sqs", ("create_queue", {"QueueName": f"q{n}"}), {}) for n in range(3)]
row("lambda.event_source_mapping", "lambda", ("create_event_source_mapping", {"FunctionName": "f", "EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q$n"}), ("get_event_source_mapping", {"UUID": "$id"}), "BatchSize", 10,
    ("delete_event_source_mapping", {"UUID": "$id"}), ("ResourceNotFoundException", 404), keep={"id": "UUID"}, around=[*MADE, RECEIVES, *QUEUES], list=("list_event_source_mappings", {}), listed="EventSourceMappings[].UUID", item="$id",
    update=("update_event_source_mapping", {"UUID": "$id", "BatchSize": 5}), then=5, exists="ResourceConflictException", ready=("State", "Enabled"))
row("lambda.alias", "lambda", ("create_alias", {"FunctionName": "f", "Name": "it-$n", "FunctionVersion": "$$LATEST", "Description": "first"}), ("get_alias", {"FunctionName": "f", "Name": "it-$n"}), "Description", "first",
    ("delete_alias", {"FunctionName": "f", "Name": "it-$n"}), ("ResourceNotFoundException", 404), around=MADE, list=("list_aliases", {"FunctionName": "f"}), listed="Aliases[].Name",
    update=("update_alias", {"FunctionName": "f", "Name": "it-$n", "Description": "then"}), then="then", exists="ResourceConflictException")
DONE, WAIT = (json.dumps({"StartAt": "A", "States": {"A": {"Type": kind}}}, separators=(",", ":")) for kind in ("Succeed", "Fail"))
row("stepfunctions.state_machine", "stepfunctions", ("create_state_machine", {"name": "it-$n", "definition": DONE, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}), ("describe_state_machine", {"stateMachineArn": "$arn"}), "definition", DONE,
    ("delete_state_machine", {"stateMachineArn": "$arn"}), ("StateMachineDoesNotExist", 400), keep={"arn": "stateMachineArn"}, list=("list_state_machines", {}), listed="stateMachines[].name",
    update=("update_state_machine", {"stateMachineArn": "$arn", "definition": WAIT}), then=WAIT, tags=listed_tags("resourceArn", at="tags[?key=='a'].value | [0]", pairs=CAMEL, tags="tags", keys="tagKeys"))
VERSION = ("stepfunctions", ("create_state_machine", {"name": "around", "definition": DONE, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/r", "publish": True}), {"machine": "stateMachineArn", "version": "stateMachineVersionArn"})
row("stepfunctions.alias", "stepfunctions", ("create_state_machine_alias", {"name": "it-$n", "routingConfiguration": [{"stateMachineVersionArn": "$version", "weight": 100}], "description": "first"}),
    ("describe_state_machine_alias", {"stateMachineAliasArn": "$arn"}), "description", "first", ("delete_state_machine_alias", {"stateMachineAliasArn": "$arn"}), ("ResourceNotFound", 400), keep={"arn": "stateMachineAliasArn"},
    around=[VERSION], list=("list_state_machine_aliases", {"stateMachineArn": "$machine"}), listed="stateMachineAliases[].stateMachineAliasArn", item="$arn",
    update=("update_state_machine_alias", {"stateMachineAliasArn": "$arn", "description": "then"}), then="then")
row("stepfunctions.activity", "stepfunctions", ("create_activity", {"name": "it-$n"}), ("describe_activity", {"activityArn": "$arn"}), "name", "it-$n", ("delete_activity", {"activityArn": "$arn"}), ("ActivityDoesNotExist", 400),
    keep={"arn": "activityArn"}, list=("list_activities", {}), listed="activities[].name", tags=listed_tags("resourceArn", at="tags[?key=='a'].value | [0]", pairs=CAMEL, tags="tags", keys="tagKeys"))

# ---- rds, redshift ----

row("rds.instance", "rds", ("create_db_instance", {"DBInstanceIdentifier": "it-$n", "Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 20, "MasterUsername": "u", "MasterUserPassword": "longenough"}),
    ("describe_db_instances", {"DBInstanceIdentifier": "it-$n"}), "DBInstances[0].AllocatedStorage", 20, ("delete_db_instance", {"DBInstanceIdentifier": "it-$n", "SkipFinalSnapshot": True}), ("DBInstanceNotFound", 404),
    keep={"arn": "DBInstance.DBInstanceArn"}, list=("describe_db_instances", {}), listed="DBInstances[].DBInstanceIdentifier", update=("modify_db_instance", {"DBInstanceIdentifier": "it-$n", "ApplyImmediately": True, "AllocatedStorage": 40}), then=40,
    exists="DBInstanceAlreadyExists", ready=("DBInstances[0].DBInstanceStatus", "available"),
    tags=listed_tags("ResourceName", at="TagList[?Key=='a'].Value | [0]", add="add_tags_to_resource", remove="remove_tags_from_resource"))
row("rds.subnet_group", "rds", ("create_db_subnet_group", {"DBSubnetGroupName": "it-$n", "DBSubnetGroupDescription": "first", "SubnetIds": ["$subnet", "$other"]}), ("describe_db_subnet_groups", {"DBSubnetGroupName": "it-$n"}),
    "DBSubnetGroups[0].DBSubnetGroupDescription", "first", ("delete_db_subnet_group", {"DBSubnetGroupName": "it-$n"}), ("DBSubnetGroupNotFoundFault", 404), keep={"arn": "DBSubnetGroup.DBSubnetGroupArn"}, around=SUBNETS,
    list=("describe_db_subnet_groups", {}), listed="DBSubnetGroups[].DBSubnetGroupName", update=("modify_db_subnet_group", {"DBSubnetGroupName": "it-$n", "DBSubnetGroupDescription": "then", "SubnetIds": ["$subnet", "$other"]}), then="then",
    exists="DBSubnetGroupAlreadyExists", tags=listed_tags("ResourceName", at="TagList[?Key=='a'].Value | [0]", add="add_tags_to_resource", remove="remove_tags_from_resource"))
row("rds.parameter_group", "rds", ("create_db_parameter_group", {"DBParameterGroupName": "it-$n", "DBParameterGroupFamily": "postgres16", "Description": "d"}), ("describe_db_parameters", {"DBParameterGroupName": "it-$n"}),
    "Parameters[0].ParameterValue", None, ("delete_db_parameter_group", {"DBParameterGroupName": "it-$n"}), ("DBParameterGroupNotFound", 404), keep={"arn": "DBParameterGroup.DBParameterGroupArn"}, list=("describe_db_parameter_groups", {}),
    listed="DBParameterGroups[].DBParameterGroupName", update=("modify_db_parameter_group", {"DBParameterGroupName": "it-$n", "Parameters": [{"ParameterName": "log_min_duration_statement", "ParameterValue": "500", "ApplyMethod": "immediate"}]}),
    then="500", exists="DBParameterGroupAlreadyExists", tags=listed_tags("ResourceName", at="TagList[?Key=='a'].Value | [0]", add="add_tags_to_resource", remove="remove_tags_from_resource"))
row("rds.snapshot", "rds", ("create_db_snapshot", {"DBSnapshotIdentifier": "it-$n", "DBInstanceIdentifier": "it-0"}), ("describe_db_snapshots", {"DBSnapshotIdentifier": "it-$n"}), "DBSnapshots[0].DBInstanceIdentifier", "it-0",
    ("delete_db_snapshot", {"DBSnapshotIdentifier": "it-$n"}), ("DBSnapshotNotFound", 404), keep={"arn": "DBSnapshot.DBSnapshotArn"}, around=[("rds", ROWS["aws.rds.instance"].create, {})], list=("describe_db_snapshots", {}),
    listed="DBSnapshots[].DBSnapshotIdentifier", exists="DBSnapshotAlreadyExists", ready=("DBSnapshots[0].Status", "available"),
    tags=listed_tags("ResourceName", at="TagList[?Key=='a'].Value | [0]", add="add_tags_to_resource", remove="remove_tags_from_resource"))
row("redshift.cluster", "redshift", ("create_cluster", {"ClusterIdentifier": "it-$n", "NodeType": "ra3.large", "MasterUsername": "u", "MasterUserPassword": "Longenough1"}), ("describe_clusters", {"ClusterIdentifier": "it-$n"}),
    "Clusters[0].AutomatedSnapshotRetentionPeriod", 1, ("delete_cluster", {"ClusterIdentifier": "it-$n", "SkipFinalClusterSnapshot": True}), ("ClusterNotFound", 404), list=("describe_clusters", {}), listed="Clusters[].ClusterIdentifier",
    update=("modify_cluster", {"ClusterIdentifier": "it-$n", "AutomatedSnapshotRetentionPeriod": 7}), then=7, exists="ClusterAlreadyExists", ready=("Clusters[0].ClusterStatus", "available"),
    tags=pair_tags(("describe_clusters", {"ClusterIdentifier": "it-$n"}), "Clusters[0].Tags[?Key=='a'].Value | [0]", "ResourceName", f"arn:aws:redshift:us-east-1:{ACCOUNT}:cluster:it-$n", "create_tags", "delete_tags"))
row("redshift.snapshot", "redshift", ("create_cluster_snapshot", {"SnapshotIdentifier": "it-$n", "ClusterIdentifier": "it-0"}), ("describe_cluster_snapshots", {"SnapshotIdentifier": "it-$n"}), "Snapshots[0].ClusterIdentifier", "it-0",
    ("delete_cluster_snapshot", {"SnapshotIdentifier": "it-$n"}), ("ClusterSnapshotNotFound", 404), around=[("redshift", ROWS["aws.redshift.cluster"].create, {})], list=("describe_cluster_snapshots", {}),
    listed="Snapshots[].SnapshotIdentifier", exists="ClusterSnapshotAlreadyExists", ready=("Snapshots[0].Status", "available"),
    tags=pair_tags(("describe_cluster_snapshots", {"SnapshotIdentifier": "it-$n"}), "Snapshots[0].Tags[?Key=='a'].Value | [0]", "ResourceName", f"arn:aws:redshift:us-east-1:{ACCOUNT}:snapshot:it-0/it-$n", "create_tags", "delete_tags"))
row("redshift.subnet_group", "redshift", ("create_cluster_subnet_group", {"ClusterSubnetGroupName": "it-$n", "Description": "first", "SubnetIds": ["$subnet"]}), ("describe_cluster_subnet_groups", {"ClusterSubnetGroupName": "it-$n"}),
    "ClusterSubnetGroups[0].Description", "first", ("delete_cluster_subnet_group", {"ClusterSubnetGroupName": "it-$n"}), ("ClusterSubnetGroupNotFoundFault", 400), around=SUBNETS, list=("describe_cluster_subnet_groups", {}),
    listed="ClusterSubnetGroups[].ClusterSubnetGroupName", update=("modify_cluster_subnet_group", {"ClusterSubnetGroupName": "it-$n", "Description": "then", "SubnetIds": ["$subnet"]}), then="then", exists="ClusterSubnetGroupAlreadyExists",
    tags=pair_tags(("describe_cluster_subnet_groups", {"ClusterSubnetGroupName": "it-$n"}), "ClusterSubnetGroups[0].Tags[?Key=='a'].Value | [0]", "ResourceName", f"arn:aws:redshift:us-east-1:{ACCOUNT}:subnetgroup:it-$n", "create_tags", "delete_tags"))
row("redshiftserverless.namespace", "redshift-serverless", ("create_namespace", {"namespaceName": "it-$n", "adminUsername": "first"}), ("get_namespace", {"namespaceName": "it-$n"}), "namespace.adminUsername", "first",
    ("delete_namespace", {"namespaceName": "it-$n"}), ("ResourceNotFoundException", 400), keep={"arn": "namespace.namespaceArn"}, list=("list_namespaces", {}), listed="namespaces[].namespaceName",
    update=("update_namespace", {"namespaceName": "it-$n", "adminUsername": "second"}), then="second", exists="ConflictException", ready=("namespace.status", "AVAILABLE"),
    tags=listed_tags("resourceArn", at="tags[?key=='a'].value | [0]", pairs=CAMEL, tags="tags", keys="tagKeys"))
row("redshiftserverless.workgroup", "redshift-serverless", ("create_workgroup", {"workgroupName": "it-$n", "namespaceName": "space", "baseCapacity": 8}), ("get_workgroup", {"workgroupName": "it-$n"}), "workgroup.baseCapacity", 8,
    ("delete_workgroup", {"workgroupName": "it-$n"}), ("ResourceNotFoundException", 400), keep={"arn": "workgroup.workgroupArn"}, around=[("redshift-serverless", ("create_namespace", {"namespaceName": "space"}), {})], list=("list_workgroups", {}),
    listed="workgroups[].workgroupName", update=("update_workgroup", {"workgroupName": "it-$n", "baseCapacity": 16}), then=16, exists="ConflictException", ready=("workgroup.status", "AVAILABLE"),
    tags=listed_tags("resourceArn", at="tags[?key=='a'].value | [0]", pairs=CAMEL, tags="tags", keys="tagKeys"))

# ---- s3tables ----

TABLES = ("s3tables", ("create_table_bucket", {"name": "bucket"}), {"bucket": "arn"})
row("s3tables.table_bucket", "s3tables", ("create_table_bucket", {"name": "it-$n"}), ("get_table_bucket", {"tableBucketARN": "$arn"}), "name", "it-$n", ("delete_table_bucket", {"tableBucketARN": "$arn"}), ("NotFoundException", 404),
    keep={"arn": "arn"}, list=("list_table_buckets", {}), listed="tableBuckets[].name", exists="ConflictException")
row("s3tables.namespace", "s3tables", ("create_namespace", {"tableBucketARN": "$bucket", "namespace": ["it$n"]}), ("get_namespace", {"tableBucketARN": "$bucket", "namespace": "it$n"}), "namespace", ["it$n"],
    ("delete_namespace", {"tableBucketARN": "$bucket", "namespace": "it$n"}), ("NotFoundException", 404), around=[TABLES], list=("list_namespaces", {"tableBucketARN": "$bucket"}), listed="namespaces[].namespace[0]", item="it$n",
    exists="ConflictException")
row("s3tables.table", "s3tables", ("create_table", {"tableBucketARN": "$bucket", "namespace": "ns", "name": "it$n", "format": "ICEBERG"}), ("get_table", {"tableBucketARN": "$bucket", "namespace": "ns", "name": "it$n"}), "tableARN", "$arn",
    ("delete_table", {"tableBucketARN": "$bucket", "namespace": "ns", "name": "it$n"}), ("NotFoundException", 404), keep={"arn": "tableARN"}, list=("list_tables", {"tableBucketARN": "$bucket"}), listed="tables[].name", item="it$n",
    around=[TABLES, ("s3tables", ("create_namespace", {"tableBucketARN": "$bucket", "namespace": ["ns"]}), {})], exists="ConflictException")

ECS_TAGS = lambda arn: Tags(("tag_resource", {"resourceArn": arn, "tags": [{"key": "a", "value": "b"}]}), ("list_tags_for_resource", {"resourceArn": arn}), "tags[?key=='a'].value | [0]", ("untag_resource", {"resourceArn": arn, "tagKeys": ["a"]}))  # noqa: E731
CONTAINERS = [{"name": "main", "image": "local", "command": ["true"]}]
row("ecs.cluster", "ecs", ("create_cluster", {"clusterName": "it-$n"}), ("describe_clusters", {"clusters": ["it-$n"]}), "clusters[0].settings", None, ("delete_cluster", {"cluster": "it-$n"}), None, keep={"arn": "cluster.clusterArn"},
    update=("update_cluster", {"cluster": "it-$n", "settings": [{"name": "containerInsights", "value": "enabled"}]}), then=[{"name": "containerInsights", "value": "enabled"}], list=("list_clusters", {}), listed="clusterArns[]", item="$arn", tags=ECS_TAGS("$arn"))
row("ecs.task_definition", "ecs", ("register_task_definition", {"family": "it-$n", "cpu": "256", "memory": "512", "containerDefinitions": CONTAINERS}), ("describe_task_definition", {"taskDefinition": "$arn"}), "taskDefinition.status=='ACTIVE'", True,
    ("deregister_task_definition", {"taskDefinition": "$arn"}), None, keep={"arn": "taskDefinition.taskDefinitionArn"}, list=("list_task_definitions", {"status": "ACTIVE"}), listed="taskDefinitionArns[]", item="$arn", tags=ECS_TAGS("$arn"))
row("ecs.service", "ecs", ("create_service", {"cluster": "c", "serviceName": "it-$n", "taskDefinition": "$task", "desiredCount": 1}), ("describe_services", {"cluster": "c", "services": ["it-$n"]}), "services[0].desiredCount", 1,
    ("delete_service", {"cluster": "c", "service": "it-$n", "force": True}), None, keep={"arn": "service.serviceArn"}, update=("update_service", {"cluster": "c", "service": "it-$n", "desiredCount": 3}), then=3,
    list=("list_services", {"cluster": "c"}), listed="serviceArns[]", item="$arn", tags=ECS_TAGS("$arn"),
    around=[("ecs", ("create_cluster", {"clusterName": "c"}), {}), ("ecs", ("register_task_definition", {"family": "t", "memory": "512", "containerDefinitions": CONTAINERS}), {"task": "taskDefinition.taskDefinitionArn"})])

row("iam.user", "iam", ("create_user", {"UserName": "it-$n"}), ("get_user", {"UserName": "it-$n"}), "User.Path", "/", ("delete_user", {"UserName": "it-$n"}), ("NoSuchEntity", 404), list=("list_users", {}), listed="Users[].UserName", item="it-$n",
    exists="EntityAlreadyExists", tags=Tags(("tag_user", {"UserName": "it-$n", "Tags": PAIRS}), ("list_user_tags", {"UserName": "it-$n"}), "Tags[?Key=='a'].Value | [0]", ("untag_user", {"UserName": "it-$n", "TagKeys": ["a"]})))
row("iam.group", "iam", ("create_group", {"GroupName": "it-$n"}), ("get_group", {"GroupName": "it-$n"}), "Group.Path", "/", ("delete_group", {"GroupName": "it-$n"}), ("NoSuchEntity", 404), list=("list_groups", {}), listed="Groups[].GroupName", item="it-$n",
    exists="EntityAlreadyExists")
row("iam.access_key", "iam", ("create_access_key", {"UserName": "u"}), ("list_access_keys", {"UserName": "u"}), "AccessKeyMetadata[?AccessKeyId=='$id'].Status | [0]", "Active", ("delete_access_key", {"UserName": "u", "AccessKeyId": "$id"}), None,
    keep={"id": "AccessKey.AccessKeyId"}, update=("update_access_key", {"UserName": "u", "AccessKeyId": "$id", "Status": "Inactive"}), then="Inactive", list=("list_access_keys", {"UserName": "u"}), listed="AccessKeyMetadata[].AccessKeyId", item="$id",
    around=[("iam", ("create_user", {"UserName": "u"}), {})])
GROUP = ("logs", ("create_log_group", {"logGroupName": "g"}), {})
row("logs.metric_filter", "logs", ("put_metric_filter", {"logGroupName": "g", "filterName": "it-$n", "filterPattern": "a", "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]}),
    ("describe_metric_filters", {"logGroupName": "g", "filterNamePrefix": "it-$n"}), "metricFilters[0].filterPattern", "a", ("delete_metric_filter", {"logGroupName": "g", "filterName": "it-$n"}), None, around=[GROUP],
    update=("put_metric_filter", {"logGroupName": "g", "filterName": "it-$n", "filterPattern": "b", "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]}), then="b",
    list=("describe_metric_filters", {"logGroupName": "g"}), listed="metricFilters[].filterName", item="it-$n")
CALLED = ("lambda", ("add_permission", {"FunctionName": "f", "StatementId": "logs", "Action": "lambda:InvokeFunction", "Principal": "logs.amazonaws.com"}), {})
FILTER = {"logGroupName": "g", "filterName": "it-$n", "destinationArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"}
row("logs.subscription_filter", "logs", ("put_subscription_filter", {**FILTER, "filterPattern": "a"}),
    ("describe_subscription_filters", {"logGroupName": "g", "filterNamePrefix": "it-$n"}), "subscriptionFilters[0].filterPattern", "a", ("delete_subscription_filter", {"logGroupName": "g", "filterName": "it-$n"}), None, around=[GROUP, *MADE, CALLED],
    update=("put_subscription_filter", {**FILTER, "filterPattern": "b"}), then="b",
    list=("describe_subscription_filters", {"logGroupName": "g"}), listed="subscriptionFilters[].filterName", item="it-$n", most=2)

row("lakeformation.location", "lakeformation", ("register_resource", {"ResourceArn": "arn:aws:s3:::it-$n", "RoleArn": "arn:aws:iam::123456789012:role/a"}), ("describe_resource", {"ResourceArn": "arn:aws:s3:::it-$n"}), "ResourceInfo.RoleArn",
    "arn:aws:iam::123456789012:role/a", ("deregister_resource", {"ResourceArn": "arn:aws:s3:::it-$n"}), ("EntityNotFoundException", 404), list=("list_resources", {}), listed="ResourceInfoList[].ResourceArn", item="arn:aws:s3:::it-$n",
    update=("update_resource", {"ResourceArn": "arn:aws:s3:::it-$n", "RoleArn": "arn:aws:iam::123456789012:role/b"}), then="arn:aws:iam::123456789012:role/b", exists="AlreadyExistsException")
row("lakeformation.tag", "lakeformation", ("create_lf_tag", {"TagKey": "it-$n", "TagValues": ["a"]}), ("get_lf_tag", {"TagKey": "it-$n"}), "TagValues", ["a"], ("delete_lf_tag", {"TagKey": "it-$n"}), ("EntityNotFoundException", 404),
    list=("list_lf_tags", {}), listed="LFTags[].TagKey", item="it-$n", update=("update_lf_tag", {"TagKey": "it-$n", "TagValuesToAdd": ["b"]}), then=["a", "b"], exists="AlreadyExistsException")
row("glue.security_configuration", "glue", ("create_security_configuration", {"Name": "it-$n", "EncryptionConfiguration": {"S3Encryption": [{"S3EncryptionMode": "SSE-S3"}]}}), ("get_security_configuration", {"Name": "it-$n"}),
    "SecurityConfiguration.EncryptionConfiguration.S3Encryption[0].S3EncryptionMode", "SSE-S3", ("delete_security_configuration", {"Name": "it-$n"}), ("EntityNotFoundException", 400), list=("get_security_configurations", {}),
    listed="SecurityConfigurations[].Name", item="it-$n", exists="AlreadyExistsException")
row("glue.registry", "glue", ("create_registry", {"RegistryName": "it-$n"}), ("get_registry", {"RegistryId": {"RegistryName": "it-$n"}}), "Description", None, ("delete_registry", {"RegistryId": {"RegistryName": "it-$n"}}), ("EntityNotFoundException", 400),
    update=("update_registry", {"RegistryId": {"RegistryName": "it-$n"}, "Description": "d"}), then="d", list=("list_registries", {}), listed="Registries[].RegistryName", item="it-$n", exists="AlreadyExistsException")

READER = {"Principal": {"DataLakePrincipalIdentifier": "arn:aws:iam::123456789012:role/it-$n"}, "Resource": {"Database": {"Name": "db"}}}
row("lakeformation.permissions", "lakeformation", ("grant_permissions", {**READER, "Permissions": ["ALTER"]}), ("list_permissions", READER), "PrincipalResourcePermissions[0].Permissions", ["ALTER"],
    ("revoke_permissions", {**READER, "Permissions": ["ALTER", "DROP"]}), None, list=("list_permissions", {}), listed="PrincipalResourcePermissions[].Principal.DataLakePrincipalIdentifier",
    item="arn:aws:iam::123456789012:role/it-$n", update=("grant_permissions", {**READER, "Permissions": ["DROP"]}), then=["ALTER", "DROP"])
TRAILS = [step for bucket in ("audit", "logs") for step in (
    ("s3", ("create_bucket", {"Bucket": bucket}), {}),
    ("s3", ("put_bucket_policy", {"Bucket": bucket, "Policy": json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"], "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/AWSLogs/*"]}})}), {}))]
row("cloudtrail.trail", "cloudtrail", ("create_trail", {"Name": "it-$n", "S3BucketName": "audit"}), ("get_trail", {"Name": "it-$n"}), "Trail.S3BucketName", "audit", ("delete_trail", {"Name": "it-$n"}), ("TrailNotFoundException", 400),
    keep={"arn": "TrailARN"}, around=TRAILS, list=("describe_trails", {}), listed="trailList[].Name", update=("update_trail", {"Name": "it-$n", "S3BucketName": "logs"}), then="logs", exists="TrailAlreadyExistsException",
    tags=Tags(("add_tags", {"ResourceId": "$arn", "TagsList": PAIRS}), ("list_tags", {"ResourceIdList": ["$arn"]}), "ResourceTagList[0].TagsList[?Key=='a'].Value | [0]", ("remove_tags", {"ResourceId": "$arn", "TagsList": [{"Key": "a"}]})))
SCHEMA = {"SchemaId": {"RegistryName": "r", "SchemaName": "it-$n"}}
row("glue.schema", "glue", ("create_schema", {"RegistryId": {"RegistryName": "r"}, "SchemaName": "it-$n", "DataFormat": "JSON", "Compatibility": "NONE", "SchemaDefinition": "{}"}), ("get_schema", SCHEMA), "Compatibility", "NONE",
    ("delete_schema", SCHEMA), ("EntityNotFoundException", 400), around=[("glue", ("create_registry", {"RegistryName": "r"}), {})], update=("update_schema", {**SCHEMA, "Compatibility": "FULL"}), then="FULL",
    list=("list_schemas", {}), listed="Schemas[].SchemaName", exists="AlreadyExistsException")
row("glue.data_quality_ruleset", "glue", ("create_data_quality_ruleset", {"Name": "it-$n", "Ruleset": "Rules = []"}), ("get_data_quality_ruleset", {"Name": "it-$n"}), "Description", None, ("delete_data_quality_ruleset", {"Name": "it-$n"}),
    ("EntityNotFoundException", 400), update=("update_data_quality_ruleset", {"Name": "it-$n", "Description": "d"}), then="d", list=("list_data_quality_rulesets", {}), listed="Rulesets[].Name", exists="AlreadyExistsException")

AURORA = {"DBClusterIdentifier": "it-$n", "Engine": "aurora-postgresql", "MasterUsername": "a", "MasterUserPassword": "b-password"}
row("rds.cluster", "rds", ("create_db_cluster", {**AURORA, "BackupRetentionPeriod": 2}), ("describe_db_clusters", {"DBClusterIdentifier": "it-$n"}), "DBClusters[0].BackupRetentionPeriod", 2,
    ("delete_db_cluster", {"DBClusterIdentifier": "it-$n", "SkipFinalSnapshot": True}), ("DBClusterNotFoundFault", 404), keep={"arn": "DBCluster.DBClusterArn"}, ready=("DBClusters[0].Status", "available"),
    list=("describe_db_clusters", {}), listed="DBClusters[].DBClusterIdentifier", update=("modify_db_cluster", {"DBClusterIdentifier": "it-$n", "BackupRetentionPeriod": 5, "ApplyImmediately": True}), then=5,
    exists="DBClusterAlreadyExistsFault")
row("rds.cluster_parameter_group", "rds", ("create_db_cluster_parameter_group", {"DBClusterParameterGroupName": "it-$n", "DBParameterGroupFamily": "aurora-postgresql16", "Description": "d"}),
    ("describe_db_cluster_parameter_groups", {"DBClusterParameterGroupName": "it-$n"}), "DBClusterParameterGroups[0].Description", "d", ("delete_db_cluster_parameter_group", {"DBClusterParameterGroupName": "it-$n"}),
    ("DBParameterGroupNotFound", 404), list=("describe_db_cluster_parameter_groups", {}), listed="DBClusterParameterGroups[].DBClusterParameterGroupName", exists="DBParameterGroupAlreadyExists")
row("redshift.parameter_group", "redshift", ("create_cluster_parameter_group", {"ParameterGroupName": "it-$n", "ParameterGroupFamily": "redshift-1.0", "Description": "d"}),
    ("describe_cluster_parameter_groups", {"ParameterGroupName": "it-$n"}), "ParameterGroups[0].Description", "d", ("delete_cluster_parameter_group", {"ParameterGroupName": "it-$n"}),
    ("ClusterParameterGroupNotFound", 404), list=("describe_cluster_parameter_groups", {}), listed="ParameterGroups[].ParameterGroupName", exists="ClusterParameterGroupAlreadyExists")
ELB_TAGS = Tags(("add_tags", {"ResourceArns": ["$arn"], "Tags": PAIRS}), ("describe_tags", {"ResourceArns": ["$arn"]}), "TagDescriptions[0].Tags[?Key=='a'].Value | [0]", ("remove_tags", {"ResourceArns": ["$arn"], "TagKeys": ["a"]}))
row("elbv2.load_balancer", "elbv2", ("create_load_balancer", {"Name": "it-$n", "Subnets": ["subnet-1", "subnet-2"]}), ("describe_load_balancers", {"LoadBalancerArns": ["$arn"]}), "LoadBalancers[0].IpAddressType", None,
    ("delete_load_balancer", {"LoadBalancerArn": "$arn"}), ("LoadBalancerNotFound", 400), keep={"arn": "LoadBalancers[0].LoadBalancerArn"}, ready=("LoadBalancers[0].State.Code", "active"), tags=ELB_TAGS,
    list=("describe_load_balancers", {}), listed="LoadBalancers[].LoadBalancerName", update=("set_ip_address_type", {"LoadBalancerArn": "$arn", "IpAddressType": "dualstack"}), then="dualstack", exists="DuplicateLoadBalancerName")
row("elbv2.target_group", "elbv2", ("create_target_group", {"Name": "it-$n", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", "HealthCheckPath": "/a"}), ("describe_target_groups", {"TargetGroupArns": ["$arn"]}), "TargetGroups[0].HealthCheckPath", "/a",
    ("delete_target_group", {"TargetGroupArn": "$arn"}), ("TargetGroupNotFound", 400), keep={"arn": "TargetGroups[0].TargetGroupArn"}, tags=ELB_TAGS,
    list=("describe_target_groups", {}), listed="TargetGroups[].TargetGroupName", update=("modify_target_group", {"TargetGroupArn": "$arn", "HealthCheckPath": "/b"}), then="/b")

# Types that have no row, and where they are tried.
row("glue.classifier", "glue", ("create_classifier", {"CsvClassifier": {"Name": "it-$n", "Delimiter": ";"}}), ("get_classifier", {"Name": "it-$n"}), "Classifier.CsvClassifier.Delimiter", ";", ("delete_classifier", {"Name": "it-$n"}),
    ("EntityNotFoundException", 400), update=("update_classifier", {"CsvClassifier": {"Name": "it-$n", "Delimiter": "|"}}), then="|", list=("get_classifiers", {}), listed="Classifiers[].*.Name[]", exists="AlreadyExistsException")
def changed(path, value):
    return [{"op": "replace", "path": path, "value": value}]


def gateway_tags(place, look, seen="tags.a"):
    return mapped("resourceArn", "tagKeys", value=f"arn:aws:apigateway:us-east-1::/{place}", tags="tags", look=look, seen=seen)


REST = ("apigateway", ("create_rest_api", {"name": "a"}), {"api": "id", "root": "rootResourceId"})
HELLO = ("apigateway", ("put_method", {"restApiId": "$api", "resourceId": "$root", "httpMethod": "GET", "authorizationType": "NONE"}), {})
DEPLOYED = [REST, HELLO, ("apigateway", ("create_deployment", {"restApiId": "$api"}), {"deployment": "id"})]
MAPPED = [*DEPLOYED, ("apigateway", ("create_domain_name", {"domainName": "a.example"}), {"host": "domainName"})]
row("apigateway.rest_api", "apigateway", ("create_rest_api", {"name": "it-$n", "description": "a"}), ("get_rest_api", {"restApiId": "$id"}), "description", "a", ("delete_rest_api", {"restApiId": "$id"}), ("NotFoundException", 404),
    keep={"id": "id"}, update=("update_rest_api", {"restApiId": "$id", "patchOperations": changed("/description", "b")}), then="b", list=("get_rest_apis", {}), listed="items[].name",
    tags=gateway_tags("restapis/$id", ("get_rest_api", {"restApiId": "$id"})))
row("apigateway.resource", "apigateway", ("create_resource", {"restApiId": "$api", "parentId": "$root", "pathPart": "it-$n"}), ("get_resource", {"restApiId": "$api", "resourceId": "$id"}), "path", "/it-$n",
    ("delete_resource", {"restApiId": "$api", "resourceId": "$id"}), ("NotFoundException", 404), keep={"id": "id"}, around=[REST], list=("get_resources", {"restApiId": "$api"}), listed="items[].path", item="/it-$n", exists="ConflictException")
row("apigateway.deployment", "apigateway", ("create_deployment", {"restApiId": "$api", "description": "a"}), ("get_deployment", {"restApiId": "$api", "deploymentId": "$id"}), "description", "a",
    ("delete_deployment", {"restApiId": "$api", "deploymentId": "$id"}), ("NotFoundException", 404), keep={"id": "id"}, around=[REST, HELLO], list=("get_deployments", {"restApiId": "$api"}), listed="items[].id", item="$id",
    update=("update_deployment", {"restApiId": "$api", "deploymentId": "$id", "patchOperations": changed("/description", "b")}), then="b")
row("apigateway.stage", "apigateway", ("create_stage", {"restApiId": "$api", "stageName": "it-$n", "deploymentId": "$deployment", "description": "a"}), ("get_stage", {"restApiId": "$api", "stageName": "it-$n"}), "description", "a",
    ("delete_stage", {"restApiId": "$api", "stageName": "it-$n"}), ("NotFoundException", 404), around=DEPLOYED, list=("get_stages", {"restApiId": "$api"}), listed="item[].stageName", exists="ConflictException",
    update=("update_stage", {"restApiId": "$api", "stageName": "it-$n", "patchOperations": changed("/description", "b")}), then="b", tags=gateway_tags("restapis/$api/stages/it-$n", ("get_stage", {"restApiId": "$api", "stageName": "it-$n"})))
row("apigateway.authorizer", "apigateway", ("create_authorizer", {"restApiId": "$api", "name": "it-$n", "type": "TOKEN", "authorizerUri": "a"}), ("get_authorizer", {"restApiId": "$api", "authorizerId": "$id"}), "authorizerUri", "a",
    ("delete_authorizer", {"restApiId": "$api", "authorizerId": "$id"}), ("NotFoundException", 404), keep={"id": "id"}, around=[REST], list=("get_authorizers", {"restApiId": "$api"}), listed="items[].name", exists="BadRequestException",
    update=("update_authorizer", {"restApiId": "$api", "authorizerId": "$id", "patchOperations": changed("/authorizerUri", "b")}), then="b")
row("apigateway.request_validator", "apigateway", ("create_request_validator", {"restApiId": "$api", "name": "it-$n", "validateRequestBody": True}), ("get_request_validator", {"restApiId": "$api", "requestValidatorId": "$id"}), "validateRequestBody",
    True, ("delete_request_validator", {"restApiId": "$api", "requestValidatorId": "$id"}), ("NotFoundException", 404), keep={"id": "id"}, around=[REST], list=("get_request_validators", {"restApiId": "$api"}), listed="items[].name",
    update=("update_request_validator", {"restApiId": "$api", "requestValidatorId": "$id", "patchOperations": changed("/validateRequestBody", "false")}), then=False)
row("apigateway.model", "apigateway", ("create_model", {"restApiId": "$api", "name": "it$n", "contentType": "application/json", "schema": "{}", "description": "a"}), ("get_model", {"restApiId": "$api", "modelName": "it$n"}), "description", "a",
    ("delete_model", {"restApiId": "$api", "modelName": "it$n"}), ("NotFoundException", 404), around=[REST], list=("get_models", {"restApiId": "$api"}), listed="items[].name", item="it$n", exists="ConflictException",
    update=("update_model", {"restApiId": "$api", "modelName": "it$n", "patchOperations": changed("/description", "b")}), then="b")
row("apigateway.api_key", "apigateway", ("create_api_key", {"name": "it-$n", "description": "a"}), ("get_api_key", {"apiKey": "$id"}), "description", "a", ("delete_api_key", {"apiKey": "$id"}), ("NotFoundException", 404), keep={"id": "id"},
    list=("get_api_keys", {}), listed="items[].name", update=("update_api_key", {"apiKey": "$id", "patchOperations": changed("/description", "b")}), then="b", tags=gateway_tags("apikeys/$id", ("get_api_key", {"apiKey": "$id"})))
row("apigateway.usage_plan", "apigateway", ("create_usage_plan", {"name": "it-$n", "throttle": {"rateLimit": 1, "burstLimit": 2}}), ("get_usage_plan", {"usagePlanId": "$id"}), "throttle.burstLimit", 2, ("delete_usage_plan", {"usagePlanId": "$id"}),
    ("NotFoundException", 404), keep={"id": "id"}, list=("get_usage_plans", {}), listed="items[].name", update=("update_usage_plan", {"usagePlanId": "$id", "patchOperations": changed("/throttle/burstLimit", "3")}), then=3,
    tags=gateway_tags("usageplans/$id", ("get_usage_plan", {"usagePlanId": "$id"})))
row("apigateway.domain_name", "apigateway", ("create_domain_name", {"domainName": "it-$n.example", "regionalCertificateArn": "a"}), ("get_domain_name", {"domainName": "it-$n.example"}), "regionalCertificateArn", "a",
    ("delete_domain_name", {"domainName": "it-$n.example"}), ("NotFoundException", 404), list=("get_domain_names", {}), listed="items[].domainName", item="it-$n.example",
    update=("update_domain_name", {"domainName": "it-$n.example", "patchOperations": changed("/regionalCertificateArn", "b")}), then="b", tags=gateway_tags("domainnames/it-$n.example", ("get_domain_name", {"domainName": "it-$n.example"})))
row("apigateway.base_path_mapping", "apigateway", ("create_base_path_mapping", {"domainName": "$host", "basePath": "it-$n", "restApiId": "$api", "stage": "a"}), ("get_base_path_mapping", {"domainName": "$host", "basePath": "it-$n"}), "stage", "a",
    ("delete_base_path_mapping", {"domainName": "$host", "basePath": "it-$n"}), ("NotFoundException", 404), list=("get_base_path_mappings", {"domainName": "$host"}), listed="items[].basePath", around=MAPPED, exists="ConflictException",
    update=("update_base_path_mapping", {"domainName": "$host", "basePath": "it-$n", "patchOperations": changed("/stage", "b")}), then="b")
row("apigateway.vpc_link", "apigateway", ("create_vpc_link", {"name": "it-$n", "description": "a", "targetArns": ["arn:a"]}), ("get_vpc_link", {"vpcLinkId": "$id"}), "description", "a", ("delete_vpc_link", {"vpcLinkId": "$id"}), ("NotFoundException", 404),
    keep={"id": "id"}, ready=("status", "AVAILABLE"), list=("get_vpc_links", {}), listed="items[].name", update=("update_vpc_link", {"vpcLinkId": "$id", "patchOperations": changed("/description", "b")}), then="b",
    tags=gateway_tags("vpclinks/$id", ("get_vpc_link", {"vpcLinkId": "$id"})))

API = ("apigatewayv2", ("create_api", {"Name": "a", "ProtocolType": "HTTP"}), {"api": "ApiId"})
row("apigatewayv2.api", "apigatewayv2", ("create_api", {"Name": "it-$n", "ProtocolType": "HTTP", "Description": "a"}), ("get_api", {"ApiId": "$id"}), "Description", "a", ("delete_api", {"ApiId": "$id"}),
    ("NotFoundException", 404), keep={"id": "ApiId"}, update=("update_api", {"ApiId": "$id", "Description": "b"}), then="b", list=("get_apis", {}), listed="Items[].Name",
    tags=mapped("ResourceArn", "TagKeys", value="arn:aws:apigateway:us-east-1::/apis/$id", tags="Tags", look=("get_api", {"ApiId": "$id"}), seen="Tags.a"))
for name, given, key, changed in (
    ("integration", {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://a.example"}, "IntegrationUri", "https://b.example"),
    ("authorizer", {"Name": "it-$n", "AuthorizerType": "JWT", "IdentitySource": ["a"], "JwtConfiguration": {"Issuer": "a"}}, "AuthorizerType", "REQUEST"),
    ("route", {"RouteKey": "GET /$n", "OperationName": "a"}, "OperationName", "b"),
    ("stage", {"StageName": "it-$n", "Description": "a"}, "Description", "b"),
    ("deployment", {"Description": "a"}, "Description", "b"),
):  # fmt: skip
    id_key = "StageName" if name == "stage" else f"{name.capitalize()}Id"
    it = {"ApiId": "$api", id_key: "$id"}
    row(f"apigatewayv2.{name}", "apigatewayv2", (f"create_{name}", {"ApiId": "$api", **given}), (f"get_{name}", it), key, given[key], (f"delete_{name}", it), ("NotFoundException", 404), keep={"id": id_key}, around=[API],
        update=(f"update_{name}", {**it, key: changed}), then=changed, list=(f"get_{name}s", {"ApiId": "$api"}), listed=f"Items[].{id_key}", item="$id",
        exists={"authorizer": "BadRequestException", "route": "ConflictException", "stage": "ConflictException"}.get(name),
        tags=mapped("ResourceArn", "TagKeys", value="arn:aws:apigateway:us-east-1::/apis/$api/stages/$id", tags="Tags", look=("get_stage", it), seen="Tags.a") if name == "stage" else None)

POOL = ("cognito-idp", ("create_user_pool", {"PoolName": "p"}), {"pool": "UserPool.Id"})
row("cognitoidp.user_pool", "cognito-idp", ("create_user_pool", {"PoolName": "it-$n", "EmailVerificationSubject": "a"}), ("describe_user_pool", {"UserPoolId": "$id"}), "UserPool.EmailVerificationSubject", "a", ("delete_user_pool", {"UserPoolId": "$id"}),
    ("ResourceNotFoundException", 400), keep={"id": "UserPool.Id", "arn": "UserPool.Arn"}, update=("update_user_pool", {"UserPoolId": "$id", "EmailVerificationSubject": "b"}), then="b", list=("list_user_pools", {"MaxResults": 60}),
    listed="UserPools[].Name", tags=mapped("ResourceArn", "TagKeys", tags="Tags", look=("describe_user_pool", {"UserPoolId": "$id"}), seen="UserPool.UserPoolTags.a"))
row("cognitoidp.user_pool_client", "cognito-idp", ("create_user_pool_client", {"UserPoolId": "$pool", "ClientName": "it-$n", "ReadAttributes": ["email"]}), ("describe_user_pool_client", {"UserPoolId": "$pool", "ClientId": "$id"}),
    "UserPoolClient.ReadAttributes", ["email"], ("delete_user_pool_client", {"UserPoolId": "$pool", "ClientId": "$id"}), ("ResourceNotFoundException", 400), keep={"id": "UserPoolClient.ClientId"}, around=[POOL],
    update=("update_user_pool_client", {"UserPoolId": "$pool", "ClientId": "$id", "ClientName": "it-$n", "ReadAttributes": ["name"]}), then=["name"], list=("list_user_pool_clients", {"UserPoolId": "$pool"}), listed="UserPoolClients[].ClientName")

row("cognitoidp.user_pool_domain", "cognito-idp", ("create_user_pool_domain", {"UserPoolId": "$pool", "Domain": "it-$n"}), ("describe_user_pool_domain", {"Domain": "it-$n"}), "DomainDescription.ManagedLoginVersion", 1,
    ("delete_user_pool_domain", {"UserPoolId": "$pool", "Domain": "it-$n"}), None, around=[POOL], exists="InvalidParameterException", update=("update_user_pool_domain", {"UserPoolId": "$pool", "Domain": "it-$n", "ManagedLoginVersion": 2}), then=2)

row("transfer.server", "transfer", ("create_server", {"PreAuthenticationLoginBanner": "a"}), ("describe_server", {"ServerId": "$id"}), "Server.PreAuthenticationLoginBanner", "a", ("delete_server", {"ServerId": "$id"}),
    ("ResourceNotFoundException", 400), keep={"id": "ServerId"}, update=("update_server", {"ServerId": "$id", "PreAuthenticationLoginBanner": "b"}), then="b", list=("list_servers", {}), listed="Servers[].ServerId", item="$id",
    ready=("Server.State", "ONLINE", {"arn": "Server.Arn"}), tags=pair_tags(("describe_server", {"ServerId": "$id"}), "Server.Tags[?Key=='a'].Value | [0]", key="Arn"))
SERVER_ROLE = "arn:aws:iam::000000000000:role/r"
row("transfer.user", "transfer", ("create_user", {"ServerId": "$server", "UserName": "it-$n", "Role": SERVER_ROLE, "HomeDirectory": "/a"}), ("describe_user", {"ServerId": "$server", "UserName": "it-$n"}), "User.HomeDirectory", "/a",
    ("delete_user", {"ServerId": "$server", "UserName": "it-$n"}), ("ResourceNotFoundException", 400), around=[("transfer", ("create_server", {}), {"server": "ServerId"})],
    update=("update_user", {"ServerId": "$server", "UserName": "it-$n", "HomeDirectory": "/b"}), then="/b", list=("list_users", {"ServerId": "$server"}), listed="Users[].UserName", exists="ResourceExistsException",
    tags=pair_tags(("describe_user", {"ServerId": "$server", "UserName": "it-$n"}), "User.Tags[?Key=='a'].Value | [0]", key="Arn", value=f"arn:aws:transfer:us-east-1:{ACCOUNT}:user/$server/it-$n"))


row("transfer.ssh_key", "transfer", ("import_ssh_public_key", {"ServerId": "$server", "UserName": "partner", "SshPublicKeyBody": "ssh-ed25519 AAAA$n"}), ("describe_user", {"ServerId": "$server", "UserName": "partner"}),
    "User.SshPublicKeys[?SshPublicKeyBody=='ssh-ed25519 AAAA0'].SshPublicKeyBody | [0]", "ssh-ed25519 AAAA0", ("delete_ssh_public_key", {"ServerId": "$server", "UserName": "partner", "SshPublicKeyId": "$id"}), None, keep={"id": "SshPublicKeyId"},
    around=[("transfer", ("create_server", {}), {"server": "ServerId"}), ("transfer", ("create_user", {"ServerId": "$server", "UserName": "partner", "Role": SERVER_ROLE}), {})], exists="ResourceExistsException",
    list=("describe_user", {"ServerId": "$server", "UserName": "partner"}), listed="User.SshPublicKeys[].SshPublicKeyId", item="$id")


def dms(name, create, called, more, change, seen, values, ready=None, by_name=False):
    """DMS's calls are all alike, too."""
    word, key, one = called.lower().replace(" ", "_"), called.title().replace(" ", ""), ROW_FILTERS[name]
    look = (f"describe_{word}s", {"Filters": [{"Name": one, "Values": ["it-$n"]}]})
    ident = {f"{key}Identifier": "it-$n"} if by_name else {f"{key}Arn": "$arn"}
    row(f"dms.{name}", "dms", (f"create_{word}", {f"{key}Identifier": "it-$n", **more, **create}), look, f"{key}s[0].{seen}", values[0], (f"delete_{word}", ident), ("ResourceNotFoundFault", 400),
        keep={} if by_name else {"arn": f"{key}.{key}Arn"}, update=(f"modify_{word}", {**ident, **change}), then=values[1], list=(f"describe_{word}s", {}), listed=f"{key}s[].{key}Identifier", exists="ResourceAlreadyExistsFault",
        ready=ready and (f"{key}s[0].{ready[0]}", ready[1]),
        tags=listed_tags("ResourceArn", f"arn:aws:dms:us-east-1:{ACCOUNT}:subgrp:it-$n" if by_name else "$arn", at="TagList[?Key=='a'].Value | [0]", add="add_tags_to_resource", remove="remove_tags_from_resource"))


ROW_FILTERS = {"subnet_group": "replication-subnet-group-id", "replication_instance": "replication-instance-id", "endpoint": "endpoint-id", "task": "replication-task-id"}
dms("subnet_group", {"ReplicationSubnetGroupDescription": "a"}, "replication subnet group", {"SubnetIds": ["subnet-1", "subnet-2"]}, {"ReplicationSubnetGroupDescription": "b", "SubnetIds": ["subnet-1", "subnet-2"]},
    "ReplicationSubnetGroupDescription", ("a", "b"), by_name=True)
dms("replication_instance", {"AllocatedStorage": 20}, "replication instance", {"ReplicationInstanceClass": "dms.t3.micro"}, {"AllocatedStorage": 30}, "AllocatedStorage", (20, 30), ("ReplicationInstanceStatus", "available"))
dms("endpoint", {"ServerName": "a"}, "endpoint", {"EndpointType": "source", "EngineName": "mysql"}, {"ServerName": "b"}, "ServerName", ("a", "b"))
dms("task", {"MigrationType": "cdc"}, "replication task", {"SourceEndpointArn": "a", "TargetEndpointArn": "b", "ReplicationInstanceArn": "c", "TableMappings": '{"rules": []}'}, {"MigrationType": "full-load"}, "MigrationType", ("cdc", "full-load"), ("Status", "ready"))

row("emr.cluster", "emr", ("run_job_flow", {"Name": "it-$n", "ReleaseLabel": "emr-7.5.0", "ServiceRole": "EMR_DefaultRole", "JobFlowRole": "EMR_EC2_DefaultRole", "StepConcurrencyLevel": 2,
    "Instances": {"InstanceGroups": [{"Name": "first", "InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}], "KeepJobFlowAliveWhenNoSteps": True}}), ("describe_cluster", {"ClusterId": "$id"}),
    "[Cluster][?Status.State=='WAITING'].StepConcurrencyLevel | [0]", 2, ("terminate_job_flows", {"JobFlowIds": ["$id"]}), None, keep={"id": "JobFlowId", "arn": "ClusterArn"}, list=("list_clusters", {"ClusterStates": ["WAITING"]}), listed="Clusters[].Id", item="$id",
    update=("modify_cluster", {"ClusterId": "$id", "StepConcurrencyLevel": 5}), then=5, ready=("Cluster.Status.State", "WAITING"),
    tags=Tags(("add_tags", {"ResourceId": "$id", "Tags": PAIRS}), ("describe_cluster", {"ClusterId": "$id"}), "Cluster.Tags[?Key=='a'].Value | [0]", ("remove_tags", {"ResourceId": "$id", "TagKeys": ["a"]})))
row("emr.security_configuration", "emr", ("create_security_configuration", {"Name": "it-$n", "SecurityConfiguration": "{}"}), ("describe_security_configuration", {"Name": "it-$n"}), "SecurityConfiguration", "{}",
    ("delete_security_configuration", {"Name": "it-$n"}), ("InvalidRequestException", 400), list=("list_security_configurations", {}), listed="SecurityConfigurations[].Name", exists="InvalidRequestException")

EXCUSED = {
    "aws.apigateway.method": "a resource has one of each kind: test_types_gateway.py",
    "aws.apigateway.gateway_response": "an API has one for each reason: the same",
    "aws.apigateway.usage_plan_key": "each is for a key of its own: the same",
    "aws.apigateway.account": "is always there: the same",
    "aws.s3.bucket": "the data plane has tests of its own: test_settings.py and its neighbours",
    "aws.s3.bucket_notification": "the same",
    "aws.redshiftdata.statement": "runs rather than is: test_statements.py",
    "aws.athena.statement": "the same",
    "aws.emr.step": "runs rather than is: test_run_emr.py",
    "aws.emrserverless.job": "runs rather than is: test_run_*.py",
    "aws.ec2.network_acl_association": "moves a subnet rather than is: test_networks.py",
    "aws.lambda.function_url": "one for each function: test_types_serving.py",
    "aws.lambda.async_invoke": "one for each function: test_types_serving.py",
    "aws.elbv2.listener": "a port is used once: test_types_serving.py",
    "aws.elbv2.rule": "a priority is used once: the same",
    "aws.lakeformation.settings": "is always there: test_types_lake.py",
    "aws.glue.catalog_encryption": "the same",
    "aws.glue.resource_policy": "there is one of it: the same",
    "data.aws.s3.bucket": "the data plane has tests of its own",
    "data.aws.ec2.default_vpc": "nobody has default networks here",
    "data.aws.athena.query": "runs rather than is: test_checks.py",
}

# ---- groups of instances ----

TEMPLATE = ("ec2", ("create_launch_template", {"LaunchTemplateName": "workers", "LaunchTemplateData": {"ImageId": "ami-1", "InstanceType": "t4g.micro"}}), {"template": "LaunchTemplate.LaunchTemplateId"})
SCALED = ("autoscaling", ("create_auto_scaling_group", {"AutoScalingGroupName": "workers", "MinSize": 0, "MaxSize": 1, "LaunchTemplate": {"LaunchTemplateId": "$template"}, "VPCZoneIdentifier": "$subnet"}), {})
row("autoscaling.group", "autoscaling", ("create_auto_scaling_group", {"AutoScalingGroupName": "it-$n", "MinSize": 0, "MaxSize": 1, "LaunchTemplate": {"LaunchTemplateId": "$template", "Version": "$$Default"}, "VPCZoneIdentifier": "$subnet"}),
    ("describe_auto_scaling_groups", {"AutoScalingGroupNames": ["it-$n"]}), "AutoScalingGroups[0].MaxSize", 1, ("delete_auto_scaling_group", {"AutoScalingGroupName": "it-$n", "ForceDelete": True}), None, around=[VPC, SUBNET, TEMPLATE],
    update=("update_auto_scaling_group", {"AutoScalingGroupName": "it-$n", "MaxSize": 3}), then=3, exists="AlreadyExists", list=("describe_auto_scaling_groups", {}), listed="AutoScalingGroups[].AutoScalingGroupName",
    tags=Tags(("create_or_update_tags", {"Tags": [{"ResourceId": "it-$n", "ResourceType": "auto-scaling-group", "Key": "a", "Value": "b", "PropagateAtLaunch": True}]}),
              ("describe_auto_scaling_groups", {"AutoScalingGroupNames": ["it-$n"]}), "AutoScalingGroups[0].Tags[?Key=='a'].Value | [0]", ("delete_tags", {"Tags": [{"ResourceId": "it-$n", "ResourceType": "auto-scaling-group", "Key": "a"}]})))
row("autoscaling.policy", "autoscaling", ("put_scaling_policy", {"AutoScalingGroupName": "workers", "PolicyName": "it-$n", "PolicyType": "SimpleScaling", "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 1}),
    ("describe_policies", {"AutoScalingGroupName": "workers", "PolicyNames": ["it-$n"]}), "ScalingPolicies[0].ScalingAdjustment", 1, ("delete_policy", {"AutoScalingGroupName": "workers", "PolicyName": "it-$n"}), None, around=[VPC, SUBNET, TEMPLATE, SCALED],
    update=("put_scaling_policy", {"AutoScalingGroupName": "workers", "PolicyName": "it-$n", "PolicyType": "SimpleScaling", "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": 2}), then=2,
    list=("describe_policies", {}), listed="ScalingPolicies[].PolicyName")
row("autoscaling.lifecycle_hook", "autoscaling", ("put_lifecycle_hook", {"AutoScalingGroupName": "workers", "LifecycleHookName": "it-$n", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "HeartbeatTimeout": 60}),
    ("describe_lifecycle_hooks", {"AutoScalingGroupName": "workers", "LifecycleHookNames": ["it-$n"]}), "LifecycleHooks[0].HeartbeatTimeout", 60, ("delete_lifecycle_hook", {"AutoScalingGroupName": "workers", "LifecycleHookName": "it-$n"}), None,
    around=[VPC, SUBNET, TEMPLATE, SCALED], update=("put_lifecycle_hook", {"AutoScalingGroupName": "workers", "LifecycleHookName": "it-$n", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "HeartbeatTimeout": 90}), then=90)
row("autoscaling.schedule", "autoscaling", ("put_scheduled_update_group_action", {"AutoScalingGroupName": "workers", "ScheduledActionName": "it-$n", "Recurrence": "0 1 * * *", "MaxSize": 1}),
    ("describe_scheduled_actions", {"AutoScalingGroupName": "workers", "ScheduledActionNames": ["it-$n"]}), "ScheduledUpdateGroupActions[0].MaxSize", 1,
    ("delete_scheduled_action", {"AutoScalingGroupName": "workers", "ScheduledActionName": "it-$n"}), None, around=[VPC, SUBNET, TEMPLATE, SCALED],
    update=("put_scheduled_update_group_action", {"AutoScalingGroupName": "workers", "ScheduledActionName": "it-$n", "Recurrence": "0 1 * * *", "MaxSize": 2}), then=2,
    list=("describe_scheduled_actions", {}), listed="ScheduledUpdateGroupActions[].ScheduledActionName")

# Data sources: what has to be there, the call, what is seen.
DATA.update({
    "aws.ec2.availability_zones": ("ec2", [], ("describe_availability_zones", {}), "AvailabilityZones[0].ZoneName", "us-east-1a"),
    "aws.ec2.image": ("ec2", [], ("describe_images", {"Owners": ["amazon"], "Filters": [{"Name": "architecture", "Values": ["arm64"]}, {"Name": "name", "Values": ["al2023*"]}]}), "Images[0].RootDeviceName", "/dev/xvda"),
    "aws.ec2.subnets": ("ec2", [VPC, SUBNET], ("describe_subnets", {"Filters": [{"Name": "vpc-id", "Values": ["$vpc"]}]}), "Subnets[].SubnetId", ["$subnet"]),
    "aws.ec2.security_group": ("ec2", [VPC, ("ec2", ("create_security_group", {"GroupName": "jobs", "Description": "d", "VpcId": "$vpc"}), {"group": "GroupId"})],
                               ("describe_security_groups", {"Filters": [{"Name": "group-name", "Values": ["jobs"]}, {"Name": "vpc-id", "Values": ["$vpc"]}]}), "SecurityGroups[].GroupId", ["$group"]),
    "aws.kms.key": ("kms", [("kms", ("create_key", {"Description": "first"}), {"key": "KeyMetadata.KeyId"})], ("describe_key", {"KeyId": "$key"}), "KeyMetadata.Description", "first"),
    "aws.ec2.vpc": ("ec2", [VPC], ("describe_vpcs", {"VpcIds": ["$vpc"]}), "Vpcs[].VpcId", ["$vpc"]),
    "aws.ec2.subnet": ("ec2", [VPC, SUBNET], ("describe_subnets", {"Filters": [{"Name": "subnet-id", "Values": ["$subnet"]}]}), "Subnets[].VpcId", ["$vpc"]),
    "aws.ec2.prefix_list": ("ec2", [], ("describe_managed_prefix_lists", {"Filters": [{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}]}), "PrefixLists[].OwnerId", ["AWS"]),
    "aws.kms.alias": ("kms", [], ("list_aliases", {}), "contains(Aliases[].AliasName, 'alias/aws/s3')", True),
    "aws.route53.hosted_zone": ("route53", [], ("list_hosted_zones_by_name", {"DNSName": "lake.example.com"}), "HostedZones[0].Name", "lake.example.com."),
    "aws.iam.role": ("iam", [ROLE], ("get_role", {"RoleName": "r"}), "Role.Arn", "$role"),
    "aws.rds.instance": ("rds", [("rds", ROWS["aws.rds.instance"].create, {})], ("describe_db_instances", {"DBInstanceIdentifier": "it-0"}), "DBInstances[0].Engine", "postgres"),
    "aws.secretsmanager.secret": ("secretsmanager", [("secretsmanager", ROWS["aws.secretsmanager.secret"].create, {})], ("get_secret_value", {"SecretId": "it-0"}), "SecretString", "first"),
    "aws.ssm.parameter": ("ssm", [], ("get_parameter", {"Name": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"}), "contains(Parameter.Value, 'ami-')", True),
    "aws.ecr.authorization_token": ("ecr", [], ("get_authorization_token", {}), "length(authorizationData)", 1),
    "aws.sts.caller_identity": ("sts", [], ("get_caller_identity", {}), "Account", ACCOUNT),
})
