"""The life of the remaining types, of some only on the sandbox (see life_cycle.py), and the proof that none is left out."""

import json
import subprocess

import pytest
import test_types
import test_types_access
import test_types_clusters
import test_types_containers
import test_types_further
import test_types_gateway
import test_types_jobs
import test_types_lake
import test_types_network
import test_types_scaling
import test_types_serving
import test_types_small
import test_types_streams
from life_cycle import Case, case_table, walk
from support import ACCOUNT, WEIR
from test_types_network import VPC, no_networks, subnet, tags_of

CASES, case = case_table()
NOT_ON_MOTO, case_not_on_moto = case_table()


@case_not_on_moto("warehouse subnet group")  # its ModifyClusterSubnetGroup fails
def _():
    def found(cloud):
        return cloud.client("redshift").describe_cluster_subnet_groups()["ClusterSubnetGroups"]

    def seen(cloud):
        (group,) = found(cloud)
        return {"description": group["Description"], "subnets": len(group["Subnets"]), "tags": tags_of(group["Tags"])}

    def outside(cloud):
        (group,) = found(cloud)
        cloud.client("redshift").modify_cluster_subnet_group(
            ClusterSubnetGroupName="life", Description="others", SubnetIds=[item["SubnetIdentifier"] for item in group["Subnets"]])

    return Case(
        type="aws.redshift.subnet_group",
        around={"vpc": VPC, "one": subnet(1), "two": subnet(2, "b")},
        first={"name": "life", "description": "first", "subnet_ids": ["${one.subnet_id}"], "tags": {"team": "a"}},
        then={"name": "life", "description": "then", "subnet_ids": ["${one.subnet_id}", "${two.subnet_id}"], "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: no_networks(cloud) and not found(cloud),
        outside=outside,
        drifted="description",
        replaces=[{"name": "life-other"}],
    )


@case("route table association")
def _():
    def bound(cloud):
        """The tables by what they are tagged, and the only association that is not a network's own."""
        tables = cloud.client("ec2").describe_route_tables()["RouteTables"]
        (found,) = [one for table in tables for one in table.get("Associations", []) if not one["Main"]]
        return {tags_of(table["Tags"]).get("which"): table["RouteTableId"] for table in tables}, found

    def seen(cloud):
        tables, found = bound(cloud)
        return {"which": next(which for which, table in tables.items() if table == found["RouteTableId"])}

    def outside(cloud):
        """As the console does it: another table, and with that another id of the association."""
        tables, found = bound(cloud)
        cloud.client("ec2").replace_route_table_association(AssociationId=found["RouteTableAssociationId"], RouteTableId=tables["third"])

    def table(which):
        return {"type": "aws.ec2.route_table", "vpc_id": "${vpc.vpc_id}", "tags": {"which": which}}

    return Case(
        type="aws.ec2.route_table_association",
        around={"vpc": VPC, "one": subnet(1), "two": subnet(2, "b"), "here": table("here"), "there": table("there"), "third": table("third")},
        first={"route_table_id": "${here.route_table_id}", "subnet_id": "${one.subnet_id}"},
        then={"route_table_id": "${there.route_table_id}", "subnet_id": "${one.subnet_id}"},
        seen=seen,
        gone=no_networks,
        outside=outside,
        drifted="route_table_id",
        replaces=[{"subnet_id": "${two.subnet_id}"}],
    )


@case("batch environment")
def _():
    def seen(cloud):
        (found,) = cloud.client("batch").describe_compute_environments()["computeEnvironments"]
        return {key: found[key] for key in ("state", "serviceRole", "type")}

    def role(name):
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        return {"type": "aws.iam.role", "name": f"life-{name}", "assume_role_policy": trust}

    common = {"name": "life-machines", "environment_type": "UNMANAGED"}
    return Case(
        type="aws.batch.compute_environment",
        marks=False,  # moto's tagging service stops at the tags of the cluster, which are None
        around={"one": role("one"), "two": role("two")},
        first={**common, "state": "ENABLED", "service_role": "${one.arn}"},
        then={**common, "state": "DISABLED", "service_role": "${two.arn}"},
        seen=seen,
        gone=lambda cloud: not cloud.client("batch").describe_compute_environments()["computeEnvironments"],
        outside=lambda cloud: cloud.client("batch").update_compute_environment(computeEnvironment="life-machines", state="DISABLED"),
        drifted="state",
        replaces=[{"name": "life-other"}],
        unchanged={"type"},
    )


@case("notification")
def _():
    def seen(cloud):
        found = cloud.client("s3").get_bucket_notification_configuration(Bucket="life-lake")
        return {key: [{k: v for k, v in item.items() if k != "Id"} for item in found.get(f"{key}Configurations", [])] for key in ("Queue", "Topic")}

    def told(key, name, event):
        return [{key: f"${{{name}.arn}}", "events": [event]}]

    return Case(
        type="aws.s3.bucket_notification",
        around={"lake": {"type": "aws.s3.bucket", "name": "life-lake"}, "queue": {"type": "aws.sqs.queue", "name": "life-queue"}, "topic": {"type": "aws.sns.topic", "name": "life-topic"},
                "other": {"type": "aws.s3.bucket", "name": "life-other-lake"}},
        first={"bucket": "${lake.name}", "queues": told("queue", "queue", "s3:ObjectCreated:*"), "topics": told("topic", "topic", "s3:ObjectRemoved:*")},
        then={"bucket": "${lake.name}", "queues": told("queue", "queue", "s3:ObjectCreated:Put"), "topics": told("topic", "topic", "s3:ObjectRemoved:Delete")},
        less={"bucket": "${lake.name}", "queues": told("queue", "queue", "s3:ObjectCreated:Put")},
        seen=seen,
        gone=lambda cloud: not cloud.client("s3").list_buckets()["Buckets"],
        outside=lambda cloud: cloud.client("s3").put_bucket_notification_configuration(Bucket="life-lake", NotificationConfiguration={}),
        drifted="queues",
        replaces=[],
    )


@case_not_on_moto("notification of EventBridge")  # it forgets that it was asked to
def _():
    return Case(
        type="aws.s3.bucket_notification",
        around={"lake": {"type": "aws.s3.bucket", "name": "life-lake"}},
        first={"bucket": "${lake.name}", "event_bridge": True},
        then={"bucket": "${lake.name}", "event_bridge": False},
        seen=lambda cloud: {"bridge": "EventBridgeConfiguration" in cloud.client("s3").get_bucket_notification_configuration(Bucket="life-lake")},
        gone=lambda cloud: not cloud.client("s3").list_buckets()["Buckets"],
        outside=lambda cloud: cloud.client("s3").put_bucket_notification_configuration(Bucket="life-lake", NotificationConfiguration={}),
        drifted="event_bridge",
        replaces=[],
    )


@case("parameter group")
def _():
    def seen(cloud):
        rds = cloud.client("rds")
        (group,) = [group for group in rds.describe_db_parameter_groups()["DBParameterGroups"] if group["DBParameterGroupName"].startswith("life")]
        settings = rds.describe_db_parameters(DBParameterGroupName=group["DBParameterGroupName"], Source="user")["Parameters"]
        return {"settings": {item["ParameterName"]: item["ParameterValue"] for item in settings},
                "tags": tags_of(rds.list_tags_for_resource(ResourceName=group["DBParameterGroupArn"])["TagList"])}

    def setting(value):
        return {"log_min_duration_statement": {"value": value, "apply_method": "immediate"}}

    common = {"name": "life", "family": "postgres16", "description": "fixed"}
    return Case(
        type="aws.rds.parameter_group",
        first={**common, "parameters": setting("500"), "tags": {"team": "a"}},
        then={**common, "parameters": setting("900"), "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not [group for group in cloud.client("rds").describe_db_parameter_groups()["DBParameterGroups"] if group["DBParameterGroupName"].startswith("life")],
        outside=lambda cloud: cloud.client("rds").modify_db_parameter_group(
            DBParameterGroupName="life", Parameters=[{"ParameterName": "log_min_duration_statement", "ParameterValue": "7", "ApplyMethod": "immediate"}]),
        drifted="parameters",
        replaces=[{"name": "life-other"}, {"description": "another"}],
    )


TABLES = {"lakehouse": {"type": "aws.s3tables.table_bucket", "name": "life-tables"}}


def no_tables(cloud):
    return not cloud.client("s3tables").list_table_buckets()["tableBuckets"]


@case("table namespace")
def _():
    def seen(cloud):
        tables = cloud.client("s3tables")
        (bucket,) = tables.list_table_buckets()["tableBuckets"]
        return {"names": [found["namespace"] for found in tables.list_namespaces(tableBucketARN=bucket["arn"])["namespaces"]]}

    return Case(
        type="aws.s3tables.namespace", around=TABLES, first={"bucket": "${lakehouse.arn}", "name": "life"}, then=None, seen=seen, gone=no_tables, outside=None,
        imports=False, replaces=[{"name": "other"}])


@case("iceberg table")
def _():
    def seen(cloud):
        tables = cloud.client("s3tables")
        (bucket,) = tables.list_table_buckets()["tableBuckets"]
        return {"names": [found["name"] for found in tables.list_tables(tableBucketARN=bucket["arn"])["tables"]]}

    return Case(
        type="aws.s3tables.table",
        around={**TABLES, "sales": {"type": "aws.s3tables.namespace", "bucket": "${lakehouse.arn}", "name": "sales"}},
        first={"bucket": "${lakehouse.arn}", "namespace": "${sales.name}", "name": "life", "columns": [{"name": "id", "type": "long"}]},
        then=None, seen=seen, gone=no_tables, outside=None, imports=False, replaces=[{"name": "other"}])


# ---- only on the sandbox: moto does not have them, or leaves them in the making for ever ----


@case_not_on_moto("serverless namespace")
def _():
    def seen(cloud):
        (found,) = cloud.client("redshift-serverless").list_namespaces()["namespaces"]
        return {"admin": found["adminUsername"], "logs": found["logExports"]}

    return Case(
        type="aws.redshiftserverless.namespace",
        first={"name": "life", "db_name": "lake", "admin_username": "one", "admin_user_password": "First-password1", "log_exports": ["userlog"], "tags": {"team": "a"}},
        then={"name": "life", "db_name": "lake", "admin_username": "two", "admin_user_password": "Second-password1", "log_exports": ["connectionlog"], "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("redshift-serverless").list_namespaces()["namespaces"],
        outside=lambda cloud: cloud.client("redshift-serverless").update_namespace(namespaceName="life", logExports=[]),
        drifted="log_exports",
        replaces=[{"name": "life-other"}, {"db_name": "other"}],
    )


@case_not_on_moto("serverless workgroup")
def _():
    def seen(cloud):
        (found,) = cloud.client("redshift-serverless").list_workgroups()["workgroups"]
        return {key: found[key] for key in ("baseCapacity", "maxCapacity", "port", "publiclyAccessible", "enhancedVpcRouting")}

    common = {"name": "life", "namespace": "${space.name}"}
    return Case(
        type="aws.redshiftserverless.workgroup",
        around={"space": {"type": "aws.redshiftserverless.namespace", "name": "life-data"}},
        first={**common, "base_capacity": 8, "max_capacity": 16, "port": 5439, "publicly_accessible": False, "enhanced_vpc_routing": False, "tags": {"team": "a"}},
        then={**common, "base_capacity": 16, "max_capacity": 32, "port": 5440, "publicly_accessible": True, "enhanced_vpc_routing": True, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("redshift-serverless").list_workgroups()["workgroups"],
        outside=lambda cloud: cloud.client("redshift-serverless").update_workgroup(workgroupName="life", baseCapacity=16),
        drifted="base_capacity",
        replaces=[{"name": "life-other"}],
    )


@case_not_on_moto("stream of a table")
def _():
    table, stream = "life-table", f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/life-changes"

    def found(cloud):
        return cloud.client("dynamodb").describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"] if table in cloud.client("dynamodb").list_tables()["TableNames"] else []

    common = {"table": "${table.name}", "stream": "${changes.arn}"}
    return Case(
        type="aws.dynamodb.streaming_destination",
        around={"table": {"type": "aws.dynamodb.table", "name": table, "billing_mode": "PAY_PER_REQUEST", "attribute_definitions": {"id": "S"}, "key_schema": [{"attribute_name": "id", "key_type": "HASH"}]},
                "changes": {"type": "aws.kinesis.stream", "name": "life-changes"}, "other": {"type": "aws.kinesis.stream", "name": "life-others"}},
        first={**common, "precision": "MILLISECOND"},
        then={**common, "precision": "MICROSECOND"},
        seen=lambda cloud: {"precision": [one["ApproximateCreationDateTimePrecision"] for one in found(cloud) if one["StreamArn"] == stream]},
        gone=lambda cloud: not found(cloud),
        outside=lambda cloud: cloud.client("dynamodb").update_kinesis_streaming_destination(TableName=table, StreamArn=stream, UpdateKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"}),
        drifted="precision",
        replaces=[{"stream": "${other.arn}"}],
    )


@case_not_on_moto("stream consumer")  # moto has no tags of consumers
def _():
    streams = {name: f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}" for name in ("life-clicks", "life-other")}

    def found(cloud):
        kinesis = cloud.client("kinesis")
        return [one for name in kinesis.list_streams()["StreamNames"] for one in kinesis.list_stream_consumers(StreamARN=streams[name])["Consumers"]]

    def seen(cloud):
        (one,) = found(cloud)
        assert one["ConsumerARN"].startswith(f"{streams['life-clicks']}/consumer/{one['ConsumerName']}:")
        return {"tags": tags_of(cloud.client("kinesis").list_tags_for_resource(ResourceARN=one["ConsumerARN"])["Tags"]).get("team")}

    def outside(cloud):
        (one,) = found(cloud)
        cloud.client("kinesis").tag_resource(ResourceARN=one["ConsumerARN"], Tags={"team": "others"})

    return Case(
        type="aws.kinesis.stream_consumer",
        around={"clicks": {"type": "aws.kinesis.stream", "name": "life-clicks"}, "other": {"type": "aws.kinesis.stream", "name": "life-other"}},
        first={"stream": "${clicks.arn}", "name": "life", "tags": {"team": "a"}},
        then={"stream": "${clicks.arn}", "name": "life", "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not found(cloud),
        outside=outside,
        drifted="tags",
        replaces=[{"name": "life-two"}, {"stream": "${other.arn}"}],
    )


@case_not_on_moto("dead-letter queue")  # it does not show redrive_allow_policy
def _():
    def policy(cloud):
        attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.client("sqs").get_queue_url(QueueName="life-dead")["QueueUrl"], AttributeNames=["All"])["Attributes"]
        return json.loads(attributes["RedriveAllowPolicy"])["redrivePermission"]

    return Case(
        type="aws.sqs.queue",
        around={"source": {"type": "aws.sqs.queue", "name": "life-source"}},
        first={"name": "life-dead", "redrive_allow_policy": {"redrivePermission": "byQueue", "sourceQueueArns": ["${source.arn}"]}},
        then={"name": "life-dead", "redrive_allow_policy": {"redrivePermission": "denyAll"}},
        less={"name": "life-dead"},
        seen=lambda cloud: {"permission": policy(cloud)},
        gone=lambda cloud: not cloud.client("sqs").list_queues().get("QueueUrls"),
        outside=lambda cloud: cloud.client("sqs").set_queue_attributes(QueueUrl=cloud.client("sqs").get_queue_url(QueueName="life-dead")["QueueUrl"], Attributes={"RedriveAllowPolicy": '{"redrivePermission": "allowAll"}'}),
        drifted="redrive_allow_policy",
    )


@case_not_on_moto("kafka cluster")
def _():
    def found(cloud):
        return cloud.client("kafka").list_clusters_v2()["ClusterInfoList"]

    def seen(cloud):
        (cluster,) = found(cloud)
        brokers = cluster["Provisioned"]
        return {"count": brokers["NumberOfBrokerNodes"], "size": brokers["BrokerNodeGroupInfo"]["InstanceType"],
                "disk": brokers["BrokerNodeGroupInfo"]["StorageInfo"]["EbsStorageInfo"]["VolumeSize"], "metrics": brokers["EnhancedMonitoring"]}

    def outside(cloud):
        (cluster,) = found(cloud)
        cloud.client("kafka").update_broker_count(ClusterArn=cluster["ClusterArn"], CurrentVersion=cluster["CurrentVersion"], TargetNumberOfBrokerNodes=6)

    common = {"name": "life-events", "kafka_version": "3.8.x", "client_subnets": ["${one.subnet_id}", "${two.subnet_id}"]}
    return Case(
        type="aws.kafka.cluster",
        around={"vpc": VPC, "one": subnet(1), "two": subnet(2, "b")},
        first={**common, "number_of_broker_nodes": 2, "instance_type": "kafka.t3.small", "volume_size": 10, "tags": {"team": "a"}},
        then={**common, "number_of_broker_nodes": 4, "instance_type": "kafka.m5.large", "volume_size": 20, "enhanced_monitoring": "PER_BROKER", "tags": {"team": "b"}},
        less={**common, "number_of_broker_nodes": 4, "instance_type": "kafka.m5.large", "volume_size": 20},
        seen=seen,
        gone=lambda cloud: not found(cloud),
        outside=outside,
        drifted="number_of_broker_nodes",
        replaces=[{"name": "life-other"}],
    )


@case_not_on_moto("configuration of a kafka cluster")
def _():
    def found(cloud):
        return cloud.client("kafka").list_configurations()["Configurations"]

    def seen(cloud):
        (one,) = found(cloud)
        revision = cloud.client("kafka").describe_configuration_revision(Arn=one["Arn"], Revision=one["LatestRevision"]["Revision"])
        return {"text": revision["ServerProperties"].decode(), "description": revision["Description"]}

    def outside(cloud):
        (one,) = found(cloud)
        cloud.client("kafka").update_configuration(Arn=one["Arn"], Description="two", ServerProperties=b"num.partitions=9")

    return Case(
        type="aws.kafka.configuration",
        first={"name": "life-settings", "kafka_versions": ["3.8.x"], "description": "one", "server_properties": "num.partitions=3"},
        then={"name": "life-settings", "kafka_versions": ["3.8.x"], "description": "two", "server_properties": "num.partitions=4"},
        seen=seen,
        gone=lambda cloud: not found(cloud),
        outside=outside,
        drifted="server_properties",
        replaces=[{"name": "life-other"}],
    )


@case_not_on_moto("topic of a kafka cluster")
def _():
    cluster = {"type": "aws.kafka.cluster", "name": "life-topics", "kafka_version": "3.8.x", "number_of_broker_nodes": 2, "instance_type": "kafka.t3.small", "client_subnets": ["${one.subnet_id}", "${two.subnet_id}"]}

    def arn(cloud):
        return next((found["ClusterArn"] for found in cloud.client("kafka").list_clusters_v2()["ClusterInfoList"]), None)

    def seen(cloud):
        found = cloud.client("kafka").describe_topic(ClusterArn=arn(cloud), TopicName="life-orders")
        return {"count": found["PartitionCount"], "copies": found["ReplicationFactor"]}

    common = {"cluster_arn": "${cluster.arn}", "name": "life-orders", "replication_factor": 2}
    return Case(
        type="aws.kafka.topic",
        around={"vpc": VPC, "one": subnet(1), "two": subnet(2, "b"), "cluster": cluster},
        first={**common, "partitions": 2, "config": "cleanup.policy=compact\n"},
        then={**common, "partitions": 4, "config": "cleanup.policy=delete\n"},
        seen=seen,
        unchanged={"copies"},
        gone=lambda cloud: not arn(cloud),
        outside=lambda cloud: cloud.client("kafka").update_topic(ClusterArn=arn(cloud), TopicName="life-orders", PartitionCount=9),
        drifted="partitions",
        replaces=[{"name": "life-other"}],
    )


@case_not_on_moto("topic with all settings")  # it loses these; LocalStack 4.14 lives through them as the sandbox does
def _():
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:life.fifo"

    def seen(cloud):
        found = cloud.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        return {name: found.get(name) for name in ("SignatureVersion", "TracingConfig", "FifoThroughputScope")}

    fifo = {"name": "life.fifo", "fifo": True}
    return Case(
        type="aws.sns.topic",
        first={**fifo, "signature_version": "2", "tracing": "Active", "fifo_throughput_scope": "MessageGroup"},
        then={**fifo, "signature_version": "1", "tracing": "PassThrough", "fifo_throughput_scope": "Topic"},
        less=fifo,
        seen=seen,
        gone=lambda cloud: not cloud.client("sns").list_topics()["Topics"],
        outside=lambda cloud: cloud.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="TracingConfig", AttributeValue="PassThrough"),
        drifted="tracing",
    )


@case_not_on_moto("stream into a function")  # it does not know these settings
def _():
    def seen(cloud):
        (found,) = cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        keys = ("ParallelizationFactor", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError", "TumblingWindowInSeconds", "DestinationConfig")
        return {key: found.get(key) for key in keys}

    def outside(cloud):
        look = cloud.client("lambda")
        (found,) = look.list_event_source_mappings()["EventSourceMappings"]
        look.update_event_source_mapping(UUID=found["UUID"], MaximumRetryAttempts=9)

    common = {"function": "${run.name}", "event_source": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks", "starting_position": "LATEST"}
    return Case(
        type="aws.lambda.event_source_mapping",
        prepare=test_types_jobs.code,
        around={"one": test_types_jobs.role("one"), "run": test_types_jobs.FUNCTION},
        first={**common, "parallelization_factor": 2, "maximum_retry_attempts": 3, "maximum_record_age_in_seconds": 600, "bisect_batch_on_function_error": True,
               "tumbling_window_in_seconds": 30, "on_failure": "arn:aws:sqs:us-east-1:123456789012:one"},
        then={**common, "parallelization_factor": 4, "maximum_retry_attempts": 5, "maximum_record_age_in_seconds": -1, "bisect_batch_on_function_error": False,
              "tumbling_window_in_seconds": 60, "on_failure": "arn:aws:sqs:us-east-1:123456789012:two"},
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        outside=outside,
        drifted="maximum_retry_attempts",
        replaces=[{"starting_position": "TRIM_HORIZON"}],
    )


@case_not_on_moto("function that logs as JSON")
def _():
    def seen(cloud):
        found = cloud.client("lambda").get_function_configuration(FunctionName="life-function")
        return {key: found.get(key) for key in ("LoggingConfig", "FileSystemConfigs")}

    def mounted(name):
        return [{"access_point": f"arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/{name}", "path": f"/mnt/{name}"}]

    common = {key: value for key, value in test_types_jobs.FUNCTION.items() if key != "type"}
    common["vpc_config"] = {"subnet_ids": ["${net.subnet_id}"], "security_group_ids": ["${group.group_id}"]}
    return Case(
        type="aws.lambda.function",
        prepare=test_types_jobs.code,
        around={"one": test_types_jobs.role("one"), "vpc": VPC, "net": subnet(1), "group": {"type": "aws.ec2.security_group", "name": "life", "description": "d", "vpc_id": "${vpc.vpc_id}"}},
        first={**common, "logging": {"format": "JSON", "group": "/life/one", "application_level": "INFO"}, "file_systems": mounted("one")},
        then={**common, "logging": {"format": "JSON", "group": "/life/two", "application_level": "WARN"}, "file_systems": mounted("two")},
        less=common,
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_functions()["Functions"],
        outside=lambda cloud: cloud.client("lambda").update_function_configuration(FunctionName="life-function", LoggingConfig={"LogFormat": "Text"}),
        drifted="logging",
    )


@case_not_on_moto("crawler of tables")
def _():
    def seen(cloud):
        (found,) = cloud.client("glue").get_crawlers()["Crawlers"]
        return {"targets": found["Targets"], "recrawl": found["RecrawlPolicy"]}

    def targets(name):
        return {"catalog_targets": [{"database": name, "tables": ["a"]}], "delta_targets": [{"delta_tables": [f"s3://life/{name}/"], "write_manifest": False}],
                "iceberg_targets": [{"paths": [f"s3://life/{name}/"], "maximum_traversal_depth": 3}],
                "schema_change_policy": {"update_behavior": "LOG", "delete_behavior": "LOG"}}

    common = {"name": "life-crawler", "role": "${one.arn}", "database": "films"}
    return Case(
        type="aws.glue.crawler",
        around={"one": test_types_jobs.role("one", "glue.amazonaws.com")},
        first={**common, **targets("one"), "recrawl": "CRAWL_NEW_FOLDERS_ONLY"},
        then={**common, **targets("two"), "recrawl": "CRAWL_EVERYTHING"},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_crawlers()["Crawlers"],
        outside=lambda cloud: cloud.client("glue").update_crawler(Name="life-crawler", RecrawlPolicy={"RecrawlBehavior": "CRAWL_EVENT_MODE"}),
        drifted="recrawl",
    )


@case_not_on_moto("encrypted repository")
def _():
    def seen(cloud):
        (found,) = cloud.client("ecr").describe_repositories()["repositories"]
        return {"key": found["encryptionConfiguration"], "mutability": found["imageTagMutability"]}

    common = {"name": "life/jobs", "encryption": {"encryption_type": "KMS", "kms_key": "arn:aws:kms:us-east-1:123456789012:key/a"}}
    return Case(
        type="aws.ecr.repository",
        first={**common, "image_tag_mutability": "MUTABLE"},
        then={**common, "image_tag_mutability": "IMMUTABLE"},
        seen=seen,
        gone=lambda cloud: not cloud.client("ecr").describe_repositories()["repositories"],
        outside=lambda cloud: cloud.client("ecr").put_image_tag_mutability(repositoryName="life/jobs", imageTagMutability="IMMUTABLE"),
        drifted="image_tag_mutability",
        replaces=[{"encryption": {"encryption_type": "AES256"}}],
        unchanged={"key"},
    )


@case_not_on_moto("endpoint of a service network")
def _():
    def found(cloud):
        (one,) = [one for one in cloud.client("ec2").describe_vpc_endpoints()["VpcEndpoints"] if one["VpcEndpointType"] == "ServiceNetwork"]
        return one

    network = "arn:aws:vpc-lattice:us-east-1:123456789012:servicenetwork/sn-0a1b2c3d4e5f6a7b8"
    common = {"vpc_id": "${vpc.vpc_id}", "vpc_endpoint_type": "ServiceNetwork", "service_network": network}
    return Case(
        type="aws.ec2.vpc_endpoint",
        around={"vpc": VPC, "one": subnet(1), "two": subnet(2, "b")},
        first={**common, "subnet_ids": ["${one.subnet_id}"]},
        then={**common, "subnet_ids": ["${one.subnet_id}", "${two.subnet_id}"]},
        seen=lambda cloud: {"network": found(cloud)["ServiceNetworkArn"], "subnets": len(found(cloud)["SubnetIds"])},
        gone=lambda cloud: no_networks(cloud) and not cloud.client("ec2").describe_vpc_endpoints()["VpcEndpoints"],
        outside=lambda cloud: cloud.client("ec2").modify_vpc_endpoint(VpcEndpointId=found(cloud)["VpcEndpointId"], RemoveSubnetIds=found(cloud)["SubnetIds"][:1]),
        drifted="subnet_ids",
        replaces=[{"service_network": network[:-1] + "9"}],
        unchanged={"network"},
    )


@case_not_on_moto("listener that asks for tokens")
def _():
    def found(cloud):
        elb = cloud.client("elbv2")
        (listener,) = elb.describe_listeners(LoadBalancerArn=elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"])["Listeners"]
        return listener

    def asks(issuer):
        claim = {"name": "scope", "format": "space-separated-values", "values": ["read"]}
        return [{"type": "jwt-validation", "order": 1, "jwt_validation": {"jwks_endpoint": f"{issuer}/keys", "issuer": issuer, "additional_claims": [claim]}}, {"type": "fixed-response", "order": 2, "fixed_response": {"status_code": "404"}}]

    common = {"load_balancer": "${balancer.arn}", "port": 80, "protocol": "HTTP"}
    return Case(
        type="aws.elbv2.listener",
        around={"vpc": VPC, "a": subnet(1), "b": subnet(2, "b"), "balancer": test_types_serving.balancer("life-balancer")},
        first={**common, "default_actions": asks("https://a.example")},
        then={**common, "default_actions": asks("https://b.example")},
        seen=lambda cloud: {"asks": found(cloud)["DefaultActions"][0]["JwtValidationConfig"]},
        gone=lambda cloud: not cloud.client("elbv2").describe_load_balancers()["LoadBalancers"],
        outside=lambda cloud: cloud.client("elbv2").modify_listener(ListenerArn=found(cloud)["ListenerArn"], DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "500"}}]),
        drifted="default_actions",
    )


# Types whose life is not walked here, and where it is.
ELSEWHERE = {
    "aws.emr.step": "is recorded only: test_run_emr.py in sandbox/ runs it",
    "aws.emrserverless.job": "is recorded only: test_run_emrserverless.py and test_run_spark.py in sandbox/ run it",
    "aws.mwaa.environment": "boto3 looks for it at api.127.0.0.1: sandbox/test_every_type.py, test_airflow_ops.py",
    "aws.redshiftdata.statement": "stays STARTED for ever on moto: sandbox/test_statements.py",
}


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])


def test_a_column_more_does_not_make_an_s3_table_anew(stack, cloud):
    """That would be without its rows: whoever writes to it changes its columns."""
    def write(*columns):
        it = {"type": "aws.s3tables.table", "bucket": "${lakehouse.arn}", "namespace": "${sales.name}", "name": "life", "columns": [{"name": name, "type": "long"} for name in columns]}
        stack.write(json.dumps({"stack": "life", "resources": {**TABLES, "sales": {"type": "aws.s3tables.namespace", "bucket": "${lakehouse.arn}", "name": "sales"}, "it": it}}))

    write("id")
    stack.apply()
    write("id", "plays")
    stack.assert_settled()
    stack.run("drift", status=0)
    stack.destroy()


def test_every_type_has_a_life():
    lines = subprocess.run([WEIR, "schema", "--calls"], capture_output=True, text=True, check=True).stdout.splitlines()
    types = {line["type"] for line in map(json.loads, lines) if not line["data"] and line["type"].startswith("aws.")}
    modules = (test_types, test_types_access, test_types_clusters, test_types_containers, test_types_further, test_types_gateway, test_types_jobs, test_types_lake, test_types_network, test_types_scaling, test_types_serving, test_types_small, test_types_streams)
    cases = [case for module in modules for case in [*module.CASES.values(), *getattr(module, "NOT_ON_MOTO", {}).values()]]
    lived = {case.type for case in [*cases, *CASES.values(), *NOT_ON_MOTO.values()]}
    assert types - lived == set(ELSEWHERE), "a case in test_types*.py, or a reason in ELSEWHERE"
