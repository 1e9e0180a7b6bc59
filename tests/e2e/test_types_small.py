"""The life of what pipelines lean on: log groups, topics, queues, parameters, keys, key-value tables (see life_cycle.py)."""

import json

import pytest

from life_cycle import Case, case_table, tags_of, walk
from support import ACCOUNT

CASES, case = case_table()


def topic_policy(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": action, "Resource": "*"}]}


@case("log group")
def _():
    def seen(cloud):
        logs = cloud.client("logs")
        (group,) = logs.describe_log_groups()["logGroups"]
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group['logGroupName']}"
        return {"retention": group.get("retentionInDays"), "tags": logs.list_tags_for_resource(resourceArn=arn)["tags"]}

    return Case(
        type="aws.logs.log_group",
        first={"name": "/life/group", "retention_in_days": 7, "tags": {"team": "a"}},
        then={"name": "/life/group", "retention_in_days": 30, "tags": {"team": "b", "x": "y"}},
        less={"name": "/life/group"},
        seen=seen,
        gone=lambda cloud: not cloud.client("logs").describe_log_groups()["logGroups"],
        outside=lambda cloud: cloud.client("logs").put_retention_policy(logGroupName="/life/group", retentionInDays=90),
        drifted="retention_in_days",
        replaces=[{"name": "/life/group/other"}],
    )


@case("log policy")
def _():
    def seen(cloud):
        (found,) = cloud.client("logs").describe_resource_policies()["resourcePolicies"]
        return {"action": json.loads(found["policyDocument"])["Statement"][0]["Action"]}

    def policy(action):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": action, "Resource": "*"}]}

    return Case(
        type="aws.logs.resource_policy",
        first={"name": "life-logs", "policy": policy("logs:PutLogEvents")},
        then={"name": "life-logs", "policy": policy("logs:CreateLogStream")},
        seen=seen,
        gone=lambda cloud: not cloud.client("logs").describe_resource_policies()["resourcePolicies"],
        outside=lambda cloud: cloud.client("logs").put_resource_policy(policyName="life-logs", policyDocument=json.dumps(policy("logs:*"))),
        drifted="policy",
        replaces=[{"name": "life-other"}],
    )


@case("topic")
def _():
    def seen(cloud):
        sns = cloud.client("sns")
        (topic,) = sns.list_topics()["Topics"]
        found = sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
        return {"name": found.get("DisplayName"), "policy": json.loads(found["Policy"]), "key": found.get("KmsMasterKeyId"),
                "delivery": json.loads(found["DeliveryPolicy"]) if found.get("DeliveryPolicy") else None,
                "tags": tags_of(sns.list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"])}

    def retries(count):
        return {"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 60, "numRetries": count}}}

    return Case(
        type="aws.sns.topic",
        first={"name": "life-topic", "display_name": "first", "policy": topic_policy("sns:Publish"), "kms_key": "alias/one", "delivery_policy": retries(5), "tags": {"team": "a"}},
        then={"name": "life-topic", "display_name": "then", "policy": topic_policy("sns:Subscribe"), "kms_key": "alias/two", "delivery_policy": retries(9), "tags": {"team": "b"}},
        less={"name": "life-topic"},
        seen=seen,
        gone=lambda cloud: not cloud.client("sns").list_topics()["Topics"],
        outside=lambda cloud: cloud.client("sns").set_topic_attributes(
            TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:life-topic", AttributeName="DisplayName", AttributeValue="others"),
        drifted="display_name",
        replaces=[{"name": "life-other"}],
    )


@case("subscription")
def _():
    def seen(cloud):
        sns = cloud.client("sns")
        (found,) = sns.list_subscriptions()["Subscriptions"]
        settings = sns.get_subscription_attributes(SubscriptionArn=found["SubscriptionArn"])["Attributes"]
        return {"raw": settings.get("RawMessageDelivery"), "filter": json.loads(settings["FilterPolicy"]), "scope": settings.get("FilterPolicyScope"),
                "letters": json.loads(settings["RedrivePolicy"])["deadLetterTargetArn"].rpartition(":")[2]}

    def outside(cloud):
        sns = cloud.client("sns")
        (found,) = sns.list_subscriptions()["Subscriptions"]
        sns.set_subscription_attributes(SubscriptionArn=found["SubscriptionArn"], AttributeName="RawMessageDelivery", AttributeValue="false")

    return Case(
        type="aws.sns.subscription",
        around={"topic": {"type": "aws.sns.topic", "name": "life-topic"}, "queue": {"type": "aws.sqs.queue", "name": "life-queue"},
                "other": {"type": "aws.sqs.queue", "name": "life-other"}, "more": {"type": "aws.sqs.queue", "name": "life-more"}},
        first={"topic": "${topic.arn}", "protocol": "sqs", "endpoint": "${queue.arn}", "raw_message_delivery": True, "filter_policy": {"kind": ["a"]}, "filter_policy_scope": "MessageBody",
               "redrive_policy": {"deadLetterTargetArn": "${other.arn}"}},
        then={"topic": "${topic.arn}", "protocol": "sqs", "endpoint": "${queue.arn}", "raw_message_delivery": False, "filter_policy": {"kind": ["b", "c"]}, "filter_policy_scope": "MessageAttributes",
              "redrive_policy": {"deadLetterTargetArn": "${more.arn}"}},
        less={"topic": "${topic.arn}", "protocol": "sqs", "endpoint": "${queue.arn}"},
        seen=seen,
        gone=lambda cloud: not cloud.client("sns").list_subscriptions()["Subscriptions"],
        outside=outside,
        drifted="raw_message_delivery",
        replaces=[{"endpoint": "${other.arn}"}],
    )


@case("subscription of a stream")
def _():
    def one(cloud):
        sns = cloud.client("sns")
        (found,) = sns.list_subscriptions()["Subscriptions"]
        return sns, found["SubscriptionArn"]

    def seen(cloud):
        sns, arn = one(cloud)
        found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return {"role": found["SubscriptionRoleArn"].rpartition("/")[2], "retries": json.loads(found.get("DeliveryPolicy") or "{}")}

    def outside(cloud):
        sns, arn = one(cloud)
        sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="SubscriptionRoleArn", AttributeValue=f"arn:aws:iam::{ACCOUNT}:role/others")

    def role(name):
        return {"type": "aws.iam.role", "name": f"life-{name}", "assume_role_policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}

    first = {"topic": "${topic.arn}", "protocol": "firehose", "endpoint": f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/life", "role": "${one.arn}", "delivery_policy": {"healthyRetryPolicy": {"numRetries": 3}}}
    return Case(
        type="aws.sns.subscription",
        around={"topic": {"type": "aws.sns.topic", "name": "life-topic"}, "one": role("one"), "two": role("two")},
        first=first,
        then={**first, "role": "${two.arn}", "delivery_policy": {"healthyRetryPolicy": {"numRetries": 5}}},
        seen=seen,
        gone=lambda cloud: not cloud.client("sns").list_subscriptions()["Subscriptions"],
        outside=outside,
        drifted="role",
    )


@case("fifo topic")
def _():
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:life.fifo"

    def seen(cloud):
        found = cloud.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
        return {name: found.get(name) for name in ("FifoTopic", "ContentBasedDeduplication")}

    return Case(
        type="aws.sns.topic",
        first={"name": "life.fifo", "fifo": True, "content_based_deduplication": True},
        then={"name": "life.fifo", "fifo": True, "content_based_deduplication": False},
        less={"name": "life.fifo", "fifo": True},
        seen=seen,
        gone=lambda cloud: not cloud.client("sns").list_topics()["Topics"],
        outside=lambda cloud: cloud.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="ContentBasedDeduplication", AttributeValue="false"),
        drifted="content_based_deduplication",
        unchanged={"FifoTopic"},
        replaces=[{"name": "life-other.fifo"}],
    )


@case("fifo queue")
def _():
    def url(cloud):
        return cloud.client("sqs").get_queue_url(QueueName="life.fifo")["QueueUrl"]

    return Case(
        type="aws.sqs.queue",
        first={"name": "life.fifo", "fifo": True, "content_based_deduplication": True, "visibility_timeout": 30, "deduplication_scope": "messageGroup", "fifo_throughput_limit": "perMessageGroupId"},
        then={"name": "life.fifo", "fifo": True, "content_based_deduplication": False, "visibility_timeout": 40, "deduplication_scope": "messageGroup", "fifo_throughput_limit": "perQueue"},
        less={"name": "life.fifo", "fifo": True},
        seen=lambda cloud: {"once": cloud.client("sqs").get_queue_attributes(QueueUrl=url(cloud), AttributeNames=["All"])["Attributes"]["ContentBasedDeduplication"]},
        gone=lambda cloud: not cloud.client("sqs").list_queues().get("QueueUrls"),
        outside=lambda cloud: cloud.client("sqs").set_queue_attributes(QueueUrl=url(cloud), Attributes={"VisibilityTimeout": "77"}),
        drifted="visibility_timeout",
        replaces=[{"name": "life-other.fifo"}],
    )


@case("queue")
def _():
    def seen(cloud):
        sqs = cloud.client("sqs")
        (url,) = [url for url in sqs.list_queues()["QueueUrls"] if "dead" not in url]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        wanted = ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "MaximumMessageSize", "ReceiveMessageWaitTimeSeconds", "KmsMasterKeyId")
        return {**{key: found.get(key) for key in wanted}, "policy": json.loads(found["Policy"]), "redrive": json.loads(found["RedrivePolicy"]),
                "tags": sqs.list_queue_tags(QueueUrl=url).get("Tags", {})}

    def outside(cloud):
        sqs = cloud.client("sqs")
        sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="life-queue")["QueueUrl"], Attributes={"VisibilityTimeout": "99"})

    def redrive(count):
        return {"deadLetterTargetArn": "${dead.arn}", "maxReceiveCount": count}

    return Case(
        type="aws.sqs.queue",
        around={"dead": {"type": "aws.sqs.queue", "name": "life-dead"}},
        first={"name": "life-queue", "visibility_timeout": 60, "message_retention_period": 600, "delay_seconds": 5, "maximum_message_size": 2048, "receive_wait_time": 3,
               "policy": topic_policy("sqs:SendMessage"), "redrive_policy": redrive(3), "kms_key": "alias/one", "tags": {"team": "a"}},
        then={"name": "life-queue", "visibility_timeout": 90, "message_retention_period": 900, "delay_seconds": 0, "maximum_message_size": 4096, "receive_wait_time": 7,
              "policy": topic_policy("sqs:*"), "redrive_policy": redrive(8), "kms_key": "alias/two", "tags": {"team": "b"}},
        less={"name": "life-queue"},
        seen=seen,
        gone=lambda cloud: not cloud.client("sqs").list_queues().get("QueueUrls"),
        outside=outside,
        drifted="visibility_timeout",
        replaces=[{"name": "life-other"}],
    )


@case("parameter")
def _():
    def seen(cloud):
        ssm = cloud.client("ssm")
        (about,) = ssm.describe_parameters()["Parameters"]
        found = ssm.get_parameter(Name=about["Name"], WithDecryption=True)["Parameter"]
        return {"type": found["Type"], "value": found["Value"], "description": about.get("Description"), "pattern": about.get("AllowedPattern"),
                "tier": about.get("Tier"), "tags": tags_of(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=about["Name"])["TagList"])}

    return Case(
        type="aws.ssm.parameter",
        first={"name": "/life/one", "parameter_type": "String", "value": "first", "description": "first", "allowed_pattern": "[a-z]+", "tier": "Standard", "tags": {"team": "a"}},
        then={"name": "/life/one", "parameter_type": "SecureString", "value": "then", "description": "then; ü", "allowed_pattern": "[a-z]*", "tier": "Advanced", "tags": {"team": "b"}},
        less={"name": "/life/one", "parameter_type": "SecureString", "value": "then"},
        seen=seen,
        gone=lambda cloud: not cloud.client("ssm").describe_parameters()["Parameters"],
        outside=lambda cloud: cloud.client("ssm").put_parameter(Name="/life/one", Value="others", Type="String", Description="first", AllowedPattern="[a-z]+", Overwrite=True),
        drifted="value",
        replaces=[{"name": "/life/other"}],
    )


@case("key")
def _():
    def key_of(kms):
        (key,) = [key for key in (kms.describe_key(KeyId=found["KeyId"])["KeyMetadata"] for found in kms.list_keys()["Keys"])
                  if key["KeyState"] != "PendingDeletion"]
        return key

    def seen(cloud):
        kms = cloud.client("kms")
        key = key_of(kms)
        return {"description": key["Description"], "enabled": key["Enabled"], "rotation": kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"],
                "policy": json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"]),
                "tags": tags_of(kms.list_resource_tags(KeyId=key["KeyId"])["Tags"], "TagKey", "TagValue")}

    def key_policy(*actions):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": list(actions), "Resource": "*"}]}

    def none_left(cloud):
        kms = cloud.client("kms")
        return all(kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion" for key in kms.list_keys()["Keys"])

    def outside(cloud):
        kms = cloud.client("kms")
        kms.update_key_description(KeyId=key_of(kms)["KeyId"], Description="others")

    return Case(
        type="aws.kms.key",
        first={"description": "first", "policy": key_policy("kms:*"), "enabled": True, "rotation": True, "deletion_window_in_days": 7, "tags": {"team": "a"}},
        then={"description": "then", "policy": key_policy("kms:*", "kms:Decrypt"), "enabled": False, "rotation": False, "deletion_window_in_days": 8, "tags": {"team": "b"}},
        less={"deletion_window_in_days": 8, "policy": key_policy("kms:*")},
        seen=seen,
        gone=none_left,
        outside=outside,
        drifted="description",
        replaces=[{"key_spec": "RSA_2048", "rotation": False}],
    )


@case("key alias")
def _():
    def seen(cloud):
        kms = cloud.client("kms")
        (alias,) = [alias for alias in kms.list_aliases()["Aliases"] if not alias["AliasName"].startswith("alias/aws/")]
        return {"key": kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]["Description"]}

    def outside(cloud):
        kms = cloud.client("kms")
        kms.update_alias(AliasName="alias/life", TargetKeyId=kms.create_key(Description="theirs")["KeyMetadata"]["KeyId"])

    return Case(
        type="aws.kms.alias",
        around={name: {"type": "aws.kms.key", "description": name} for name in ("one", "two")},
        first={"name": "alias/life", "key": "${one.key_id}"},
        then={"name": "alias/life", "key": "${two.key_id}"},
        seen=seen,
        gone=lambda cloud: not [alias for alias in cloud.client("kms").list_aliases()["Aliases"] if not alias["AliasName"].startswith("alias/aws/")],
        outside=outside,
        drifted="key",
        replaces=[{"name": "alias/life/other"}],
    )


@case("indexed table")
def _():
    def table(cloud):
        return cloud.client("dynamodb").describe_table(TableName="life-table")["Table"]

    def seen(cloud):
        found = table(cloud)
        return {"indexes": sorted((index["IndexName"], index["Projection"]["ProjectionType"], sorted(index["Projection"].get("NonKeyAttributes", [])), index["KeySchema"][0]["AttributeName"])
                                  for index in found["GlobalSecondaryIndexes"]),
                "local": [(index["IndexName"], index["Projection"]["ProjectionType"]) for index in found["LocalSecondaryIndexes"]],
                "definitions": sorted(one["AttributeName"] for one in found["AttributeDefinitions"]),
                "stream": found.get("StreamSpecification"), "key": found["SSEDescription"]["KMSMasterKeyArn"]}

    def index(attribute, **more):
        return {"key_schema": [{"attribute_name": attribute, "key_type": "HASH"}], **more}

    def outside(cloud):
        cloud.client("dynamodb").update_table(TableName="life-table", AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in (("id", "S"), ("at", "N"), ("film", "S"))],
                                              GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by_film"}}])

    always = {"name": "life-table", "billing_mode": "PAY_PER_REQUEST", "key_schema": [{"attribute_name": "id", "key_type": "HASH"}, {"attribute_name": "at", "key_type": "RANGE"}],
              "local_secondary_indexes": {"by_film_of_one": {"key_schema": [{"attribute_name": "id", "key_type": "HASH"}, {"attribute_name": "film", "key_type": "RANGE"}], "projection": "KEYS_ONLY"}}}
    keys = {"id": "S", "at": "N", "film": "S"}
    return Case(
        type="aws.dynamodb.table",
        around={"one": {"type": "aws.kms.key", "description": "one"}, "two": {"type": "aws.kms.key", "description": "two"}},
        first={**always, "attribute_definitions": keys, "stream_view_type": "NEW_IMAGE", "kms_key": "${one.arn}",
               "global_secondary_indexes": {"by_film": index("film", projection="ALL"), "by_time": index("at", projection="INCLUDE", non_key_attributes=["title"])}},
        then={**always, "attribute_definitions": {**keys, "city": "S"}, "stream_view_type": "KEYS_ONLY", "kms_key": "${two.arn}",
              "global_secondary_indexes": {"by_film": index("film", projection="KEYS_ONLY"), "by_city": index("city", projection="ALL")}},
        less={**always, "attribute_definitions": keys},
        seen=seen,
        gone=lambda cloud: not cloud.client("dynamodb").list_tables()["TableNames"],
        outside=outside,
        drifted="global_secondary_indexes",
        replaces=[{"local_secondary_indexes": {}}],
        unchanged={"local"},
    )


@case("table")
def _():
    def seen(cloud):
        dynamodb = cloud.client("dynamodb")
        (name,) = dynamodb.list_tables()["TableNames"]
        table = dynamodb.describe_table(TableName=name)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        return {"billing": table["BillingModeSummary"]["BillingMode"],
                "protection": table["DeletionProtectionEnabled"], "ttl": dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
                "backups": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
                "class": table.get("TableClassSummary"), "tags": tags_of(dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"])}

    key = {"attribute_definitions": {"id": "S", "at": "N"},
           "key_schema": [{"attribute_name": "id", "key_type": "HASH"}, {"attribute_name": "at", "key_type": "RANGE"}]}
    return Case(
        type="aws.dynamodb.table",
        first={"name": "life-table", **key, "billing_mode": "PAY_PER_REQUEST", "ttl_attribute": "until", "point_in_time_recovery": True, "deletion_protection": False,
               "stream_view_type": "NEW_IMAGE", "sse_enabled": True, "tags": {"team": "a"}},
        then={"name": "life-table", **key, "billing_mode": "PROVISIONED", "sse_enabled": False, "read_capacity": 2, "write_capacity": 3, "ttl_attribute": "until", "point_in_time_recovery": False,
              "deletion_protection": True, "stream_view_type": "NEW_IMAGE", "tags": {"team": "b"}},
        less={"name": "life-table", **key, "billing_mode": "PROVISIONED", "read_capacity": 2, "write_capacity": 3, "stream_view_type": "NEW_IMAGE"},
        seen=seen,
        gone=lambda cloud: not cloud.client("dynamodb").list_tables()["TableNames"],
        outside=lambda cloud: cloud.client("dynamodb").update_table(TableName="life-table", BillingMode="PROVISIONED",
                                                                    ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}),
        drifted="billing_mode",
        replaces=[{"name": "life-other"}],
        unchanged={"ttl", "class"},
    )


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])
