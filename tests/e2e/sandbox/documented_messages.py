"""What AWS's documentation says of queues, topics, streams, buses, schedules, logs and metrics."""

import json
from datetime import datetime, timezone

from documented import name, pages, refused, refuses, says

# ---- SQS ----

refuses("sqs", "a queue that is not there is QueueDoesNotExist", ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"), lambda c: c.sqs.get_queue_url(QueueName="absent"))
refuses("sqs", "a FIFO queue's name ends in .fifo", "InvalidParameterValue", lambda c: c.sqs.create_queue(QueueName=name(), Attributes={"FifoQueue": "true"}))
refuses("sqs", "a name has letters, digits, hyphens and underscores", "InvalidParameterValue", lambda c: c.sqs.create_queue(QueueName="a.b"))
refuses("sqs", "a visibility timeout is 12 hours at most", "InvalidAttributeValue", lambda c: c.sqs.create_queue(QueueName=name(), Attributes={"VisibilityTimeout": "43201"}))
refuses("sqs", "retention is 60 seconds at least", "InvalidAttributeValue", lambda c: c.sqs.create_queue(QueueName=name(), Attributes={"MessageRetentionPeriod": "59"}))
refuses("sqs", "a delay is 900 seconds at most", "InvalidAttributeValue", lambda c: c.sqs.create_queue(QueueName=name(), Attributes={"DelaySeconds": "901"}))
refuses("sqs", "waiting is 20 seconds at most", "InvalidAttributeValue", lambda c: c.sqs.create_queue(QueueName=name(), Attributes={"ReceiveMessageWaitTimeSeconds": "21"}))


def queue(c, **given):
    return c.sqs.create_queue(QueueName=name(), **given)["QueueUrl"]


def attributes(c, url, *names):
    return c.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names or ["All"]))["Attributes"]


@says("sqs", "creating it again with the same attributes gives the same URL")
def _(c):
    given = {"QueueName": name(), "Attributes": {"DelaySeconds": "5"}}
    assert c.sqs.create_queue(**given)["QueueUrl"] == c.sqs.create_queue(**given)["QueueUrl"]


@says("sqs", "creating it again with other attributes is QueueNameExists")
def _(c):
    c.sqs.create_queue(QueueName=(given := name()), Attributes={"DelaySeconds": "5"})
    refused(("QueueAlreadyExists", "QueueNameExists"), c.sqs.create_queue, QueueName=given, Attributes={"DelaySeconds": "6"})


@says("sqs", "a queue's defaults: 30 s, 4 days, no delay, no waiting")
def _(c):
    seen = attributes(c, queue(c))
    assert [seen[one] for one in ("VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "ReceiveMessageWaitTimeSeconds")] == ["30", "345600", "0", "0"]


@says("sqs", "encryption with SQS's own keys is on by default")
def _(c):
    assert attributes(c, queue(c))["SqsManagedSseEnabled"] == "true"


@says("sqs", "setting an attribute keeps the others")
def _(c):
    url = queue(c, Attributes={"DelaySeconds": "5"})
    c.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    seen = attributes(c, url)
    assert (seen["DelaySeconds"], seen["VisibilityTimeout"]) == ("5", "60")


@says("sqs", "an empty policy takes the policy away")
def _(c):
    url = queue(c, Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": attributes(c, queue(c))["QueueArn"], "maxReceiveCount": 3})})
    c.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in attributes(c, url)


@says("sqs", "listing by prefix")
def _(c):
    prefix = name("p")
    made = sorted(c.sqs.create_queue(QueueName=prefix + end)["QueueUrl"] for end in "ab")
    assert sorted(c.sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"]) == made


@says("sqs", "pages of a listing have MaxResults and a token")
def _(c):
    prefix = name("p")
    for end in "abc":
        c.sqs.create_queue(QueueName=prefix + end)
    first = c.sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2)
    assert len(first["QueueUrls"]) == 2 and len(c.sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2, NextToken=first["NextToken"])["QueueUrls"]) == 1


@says("sqs", "tags are added to those there are")
def _(c):
    url = queue(c, tags={"a": "1"})
    c.sqs.tag_queue(QueueUrl=url, Tags={"b": "2"})
    assert c.sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "1", "b": "2"}


@says("sqs", "MD5 of the body is in the answer to sending")
def _(c):
    assert c.sqs.send_message(QueueUrl=queue(c), MessageBody="a")["MD5OfMessageBody"] == "0cc175b9c0f1b6a831c399e269772661"


@says("sqs", "a FIFO queue wants a message's group")
def _(c):
    url = c.sqs.create_queue(QueueName=name() + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    refused("MissingParameter", c.sqs.send_message, QueueUrl=url, MessageBody="a")


@says("sqs", "a FIFO queue takes the same deduplication id once")
def _(c):
    url = c.sqs.create_queue(QueueName=name() + ".fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for _ in range(2):
        c.sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d")
    assert attributes(c, url)["ApproximateNumberOfMessages"] == "1"


@says("sqs", "a message that is received is not visible, and is counted so")
def _(c):
    url = queue(c)
    c.sqs.send_message(QueueUrl=url, MessageBody="a")
    c.sqs.receive_message(QueueUrl=url)
    seen = attributes(c, url)
    assert (seen["ApproximateNumberOfMessages"], seen["ApproximateNumberOfMessagesNotVisible"]) == ("0", "1")


@says("sqs", "an empty batch is EmptyBatchRequest")
def _(c):
    refused(("AWS.SimpleQueueService.EmptyBatchRequest", "EmptyBatchRequest"), c.sqs.send_message_batch, QueueUrl=queue(c), Entries=[])


@says("sqs", "a batch's ids are distinct")
def _(c):
    entries = [{"Id": "a", "MessageBody": "1"}, {"Id": "a", "MessageBody": "2"}]
    refused(("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "BatchEntryIdsNotDistinct"), c.sqs.send_message_batch, QueueUrl=queue(c), Entries=entries)


# ---- SNS ----

ABSENT_TOPIC = "arn:aws:sns:us-east-1:{}:absent"


def account(c):
    return c.once("account", lambda: c.sts.get_caller_identity()["Account"])


refuses("sns", "attributes of a topic that is not there: NotFound", ("NotFound", "NotFoundException"), lambda c: c.sns.get_topic_attributes(TopicArn=ABSENT_TOPIC.format(account(c))))
refuses("sns", "a topic's name has letters, digits, hyphens and underscores", "InvalidParameter", lambda c: c.sns.create_topic(Name="a b"))
refuses("sns", "a FIFO topic's name ends in .fifo", "InvalidParameter", lambda c: c.sns.create_topic(Name=name(), Attributes={"FifoTopic": "true"}))
refuses("sns", "subscribing to a topic that is not there: NotFound", ("NotFound", "NotFoundException"),
        lambda c: c.sns.subscribe(TopicArn=ABSENT_TOPIC.format(account(c)), Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{account(c)}:q"))


@says("sns", "creating a topic again gives the same ARN")
def _(c):
    given = name()
    assert c.sns.create_topic(Name=given)["TopicArn"] == c.sns.create_topic(Name=given)["TopicArn"]


@says("sns", "deleting a topic that is not there is no error")
def _(c):
    c.sns.delete_topic(TopicArn=ABSENT_TOPIC.format(account(c)))


@says("sns", "an address of e-mail is pending confirmation")
def _(c):
    topic = c.sns.create_topic(Name=name())["TopicArn"]
    assert c.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@example.com")["SubscriptionArn"].lower() == "pending confirmation"


@says("sns", "subscribing the same endpoint again gives the same subscription")
def _(c):
    topic, arn = c.sns.create_topic(Name=name())["TopicArn"], attributes(c, queue(c))["QueueArn"]
    assert len({c.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"] for _ in range(2)}) == 1


@says("sns", "deleting a topic takes its subscriptions")
def _(c):
    topic, arn = c.sns.create_topic(Name=name())["TopicArn"], attributes(c, queue(c))["QueueArn"]
    made = c.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    c.sns.delete_topic(TopicArn=topic)
    assert made not in [one["SubscriptionArn"] for one in pages(c.sns.list_subscriptions, "Subscriptions")]


@says("sns", "a topic has a policy of its owner's by default")
def _(c):
    topic = c.sns.create_topic(Name=name())["TopicArn"]
    assert json.loads(c.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"][0]["Sid"] == "__default_statement_ID"


@says("sns", "a message in PublishBatch that repeats an id is refused")
def _(c):
    topic = c.sns.create_topic(Name=name())["TopicArn"]
    entries = [{"Id": "a", "Message": "1"}, {"Id": "a", "Message": "2"}]
    refused(("BatchEntryIdsNotDistinct", "BatchEntryIdsNotDistinctException"), c.sns.publish_batch, TopicArn=topic, PublishBatchRequestEntries=entries)


# ---- Kinesis ----

refuses("kinesis", "a stream that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.kinesis.describe_stream_summary(StreamName="absent"))


def stream(c, **given):
    c.kinesis.create_stream(StreamName=(made := name()), **({"ShardCount": 1} | given))
    c.kinesis.get_waiter("stream_exists").wait(StreamName=made, WaiterConfig={"Delay": 0})
    return made


@says("kinesis", "creating a stream again: ResourceInUseException")
def _(c):
    refused("ResourceInUseException", c.kinesis.create_stream, StreamName=stream(c), ShardCount=1)


@says("kinesis", "a stream keeps records for 24 hours by default")
def _(c):
    assert c.kinesis.describe_stream_summary(StreamName=stream(c))["StreamDescriptionSummary"]["RetentionPeriodHours"] == 24


@says("kinesis", "an on-demand stream has four shards")
def _(c):
    c.kinesis.create_stream(StreamName=(made := name()), StreamModeDetails={"StreamMode": "ON_DEMAND"})
    c.kinesis.get_waiter("stream_exists").wait(StreamName=made, WaiterConfig={"Delay": 0})
    seen = c.kinesis.describe_stream_summary(StreamName=made)["StreamDescriptionSummary"]
    assert (seen["OpenShardCount"], seen["StreamModeDetails"]["StreamMode"]) == (4, "ON_DEMAND")


@says("kinesis", "retention is not increased to less")
def _(c):
    made = stream(c)
    c.kinesis.increase_stream_retention_period(StreamName=made, RetentionPeriodHours=48)
    refused("InvalidArgumentException", c.kinesis.increase_stream_retention_period, StreamName=made, RetentionPeriodHours=36)


@says("kinesis", "retention is 8760 hours at most")
def _(c):
    refused(("InvalidArgumentException", "ValidationException"), c.kinesis.increase_stream_retention_period, StreamName=stream(c), RetentionPeriodHours=8761)


@says("kinesis", "the shards' ranges of hash keys cover 0 to 2^128-1")
def _(c):
    ranges = [shard["HashKeyRange"] for shard in c.kinesis.list_shards(StreamName=stream(c, ShardCount=3))["Shards"]]
    ends = sorted((int(one["StartingHashKey"]), int(one["EndingHashKey"])) for one in ranges)
    assert ends[0][0] == 0 and ends[-1][1] == 2**128 - 1 and all(a[1] + 1 == b[0] for a, b in zip(ends, ends[1:]))


@says("kinesis", "one key goes to one shard, in order")
def _(c):
    made = stream(c, ShardCount=2)
    put = [c.kinesis.put_record(StreamName=made, Data=b"x", PartitionKey="k") for _ in range(3)]
    assert len({one["ShardId"] for one in put}) == 1 and sorted(int(one["SequenceNumber"]) for one in put) == [int(one["SequenceNumber"]) for one in put]


@says("kinesis", "encryption is NONE by default")
def _(c):
    assert c.kinesis.describe_stream_summary(StreamName=stream(c))["StreamDescriptionSummary"].get("EncryptionType", "NONE") == "NONE"


# ---- Firehose ----

refuses("firehose", "a stream that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.firehose.describe_delivery_stream(DeliveryStreamName="absent"))


def delivery(c):
    to = {"RoleARN": c.role, "BucketARN": f"arn:aws:s3:::{c.bucket}"}
    c.firehose.create_delivery_stream(DeliveryStreamName=(made := name()), ExtendedS3DestinationConfiguration=to)
    return made


@says("firehose", "creating it again: ResourceInUseException")
def _(c):
    made, to = delivery(c), {"RoleARN": c.role, "BucketARN": f"arn:aws:s3:::{c.bucket}"}
    refused("ResourceInUseException", c.firehose.create_delivery_stream, DeliveryStreamName=made, ExtendedS3DestinationConfiguration=to)


@says("firehose", "a stream that nothing else is said of is DirectPut")
def _(c):
    assert c.firehose.describe_delivery_stream(DeliveryStreamName=delivery(c))["DeliveryStreamDescription"]["DeliveryStreamType"] == "DirectPut"


@says("firehose", "buffers are 5 MiB and 300 seconds, and nothing is compressed, by default")
def _(c):
    seen = c.firehose.describe_delivery_stream(DeliveryStreamName=delivery(c))["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert seen["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 300} and seen["CompressionFormat"] == "UNCOMPRESSED"


@says("firehose", "an update wants the current version's id")
def _(c):
    made = delivery(c)
    seen = c.firehose.describe_delivery_stream(DeliveryStreamName=made)["DeliveryStreamDescription"]
    refused(("ConcurrentModificationException", "InvalidArgumentException"), c.firehose.update_destination, DeliveryStreamName=made, CurrentDeliveryStreamVersionId="77",
            DestinationId=seen["Destinations"][0]["DestinationId"], ExtendedS3DestinationUpdate={"Prefix": "a/"})


# ---- EventBridge ----

refuses("events", "a rule that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.events.describe_rule(Name="absent"))
refuses("events", "a bus that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.events.put_rule(Name=name(), EventBusName="absent", EventPattern='{"source": ["a"]}'))
refuses("events", "a pattern that is no JSON: InvalidEventPatternException", "InvalidEventPatternException", lambda c: c.events.put_rule(Name=name(), EventPattern="{"))
refuses("events", "a rule wants a pattern or a schedule", "ValidationException", lambda c: c.events.put_rule(Name=name()))
refuses("events", "a schedule is a rate or a cron expression", "ValidationException", lambda c: c.events.put_rule(Name=name(), ScheduleExpression="every day"))
refuses("events", "the default bus is not deleted", "ValidationException", lambda c: c.events.delete_event_bus(Name="default"))


def rule(c, **given):
    c.events.put_rule(Name=(made := name()), **(given or {"EventPattern": '{"source": ["a"]}'}))
    return made


@says("events", "a rule is enabled by default")
def _(c):
    assert c.events.describe_rule(Name=rule(c))["State"] == "ENABLED"


@says("events", "a rule with targets is not deleted")
def _(c):
    made = rule(c)
    c.events.put_targets(Rule=made, Targets=[{"Id": "t", "Arn": attributes(c, queue(c))["QueueArn"]}])
    refused("ValidationException", c.events.delete_rule, Name=made)


@says("events", "putting a rule again replaces what it had")
def _(c):
    made = rule(c, EventPattern='{"source": ["a"]}', Description="first")
    c.events.put_rule(Name=made, ScheduleExpression="rate(1 day)")
    seen = c.events.describe_rule(Name=made)
    assert "Description" not in seen and "EventPattern" not in seen and seen["ScheduleExpression"] == "rate(1 day)"


@says("events", "a target of the same id is replaced")
def _(c):
    made, arns = rule(c), [attributes(c, queue(c))["QueueArn"] for _ in range(2)]
    for arn in arns:
        c.events.put_targets(Rule=made, Targets=[{"Id": "t", "Arn": arn}])
    assert [one["Arn"] for one in c.events.list_targets_by_rule(Rule=made)["Targets"]] == arns[1:]


@says("events", "creating a bus again: ResourceAlreadyExistsException")
def _(c):
    c.events.create_event_bus(Name=(made := name()))
    refused("ResourceAlreadyExistsException", c.events.create_event_bus, Name=made)


@says("events", "the default bus is there from the beginning")
def _(c):
    assert c.events.describe_event_bus(Name="default")["Arn"].endswith(":event-bus/default")


@says("events", "a schedule is for the default bus only")
def _(c):
    c.events.create_event_bus(Name=(made := name()))
    refused("ValidationException", c.events.put_rule, Name=name(), EventBusName=made, ScheduleExpression="rate(1 day)")


@says("events", "numeric and prefix patterns match")
def _(c):
    event = {"id": "1", "detail-type": "t", "source": "films.eu", "account": account(c), "time": "2024-01-01T00:00:00Z", "region": "us-east-1", "resources": [], "detail": {"n": 7}}
    pattern = {"source": [{"prefix": "films."}], "detail": {"n": [{"numeric": [">", 5]}]}}
    assert c.events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))["Result"]


# ---- Scheduler ----

refuses("scheduler", "a schedule that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.scheduler.get_schedule(Name="absent"))


def schedule(c, **more):
    given = {"Name": name(), "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": attributes(c, queue(c))["QueueArn"], "RoleArn": c.role}}
    c.scheduler.create_schedule(**given | more)
    return given | more


@says("scheduler", "creating it again: ConflictException")
def _(c):
    refused("ConflictException", c.scheduler.create_schedule, **schedule(c))


@says("scheduler", "defaults: enabled, UTC, the default group, retries for a day")
def _(c):
    seen = c.scheduler.get_schedule(Name=schedule(c)["Name"])
    assert (seen["State"], seen["ScheduleExpressionTimezone"], seen["GroupName"]) == ("ENABLED", "UTC", "default")
    assert seen["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}


@says("scheduler", "an update sets what it leaves out to defaults")
def _(c):
    made = schedule(c, Description="first", State="DISABLED")
    c.scheduler.update_schedule(**{key: value for key, value in made.items() if key not in ("Description", "State")})
    seen = c.scheduler.get_schedule(Name=made["Name"])
    assert "Description" not in seen and seen["State"] == "ENABLED"


@says("scheduler", "an expression that is none: ValidationException")
def _(c):
    refused("ValidationException", schedule, c, ScheduleExpression="daily")


@says("scheduler", "a time zone that is none: ValidationException")
def _(c):
    refused("ValidationException", schedule, c, ScheduleExpressionTimezone="Mars/Base")


@says("scheduler", "deleting a group takes its schedules")
def _(c):
    c.scheduler.create_schedule_group(Name=(group := name()))
    made = schedule(c, GroupName=group)
    c.scheduler.delete_schedule_group(Name=group)
    for _ in range(1000):
        if not [one for one in c.scheduler.list_schedules()["Schedules"] if one["Name"] == made["Name"]]:
            return
    raise AssertionError("still there")


refuses("scheduler", "the default group is not deleted", "ValidationException", lambda c: c.scheduler.delete_schedule_group(Name="default"))

# ---- Logs ----

refuses("logs", "streams of a group that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.logs.describe_log_streams(logGroupName="absent"))
refuses("logs", "deleting a group that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.logs.delete_log_group(logGroupName="absent"))
refuses("logs", "a name has no spaces", "InvalidParameterException", lambda c: c.logs.create_log_group(logGroupName="a b"))


def log_group(c, **given):
    c.logs.create_log_group(logGroupName=(made := name("/said")), **given)
    return made


def described(c, group):
    return c.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]


@says("logs", "creating a group again: ResourceAlreadyExistsException")
def _(c):
    refused("ResourceAlreadyExistsException", c.logs.create_log_group, logGroupName=log_group(c))


@says("logs", "a group without retention never forgets, and has no such member")
def _(c):
    assert "retentionInDays" not in described(c, log_group(c))


@says("logs", "a group's arn ends in :*, its logGroupArn does not")
def _(c):
    seen = described(c, log_group(c))
    assert seen["arn"].endswith(":*") and seen["logGroupArn"] == seen["arn"].removesuffix(":*")


@says("logs", "deleting the retention takes it away")
def _(c):
    made = log_group(c)
    c.logs.put_retention_policy(logGroupName=made, retentionInDays=7)
    c.logs.delete_retention_policy(logGroupName=made)
    assert "retentionInDays" not in described(c, made)


@says("logs", "a group's class is STANDARD by default")
def _(c):
    assert described(c, log_group(c))["logGroupClass"] == "STANDARD"


@says("logs", "creating a stream again: ResourceAlreadyExistsException")
def _(c):
    made = log_group(c)
    c.logs.create_log_stream(logGroupName=made, logStreamName="s")
    refused("ResourceAlreadyExistsException", c.logs.create_log_stream, logGroupName=made, logStreamName="s")


@says("logs", "groups are listed in order of their names")
def _(c):
    prefix = name("/order")
    for end in "cab":
        c.logs.create_log_group(logGroupName=prefix + end)
    assert [one["logGroupName"] for one in c.logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]] == [prefix + end for end in "abc"]


@says("logs", "events are found by a term of a filter")
def _(c):
    made, now = log_group(c), int(datetime.now(timezone.utc).timestamp() * 1000)
    c.logs.create_log_stream(logGroupName=made, logStreamName="s")
    c.logs.put_log_events(logGroupName=made, logStreamName="s", logEvents=[{"timestamp": now, "message": text} for text in ("INFO a", "ERROR b")])
    assert [one["message"] for one in c.logs.filter_log_events(logGroupName=made, filterPattern="ERROR")["events"]] == ["ERROR b"]


@says("logs", "at most two subscription filters are on a group")
def _(c):
    made, to = log_group(c), {"filterPattern": "", "destinationArn": c.kinesis.describe_stream_summary(StreamName=stream(c))["StreamDescriptionSummary"]["StreamARN"], "roleArn": c.role}
    for end in "ab":
        c.logs.put_subscription_filter(logGroupName=made, filterName=end, **to)
    refused("LimitExceededException", c.logs.put_subscription_filter, logGroupName=made, filterName="c", **to)


# ---- CloudWatch ----


def alarm(c, **more):
    given = {"AlarmName": name(), "MetricName": "m", "Namespace": "said", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    c.cloudwatch.put_metric_alarm(**given | more)
    return c.cloudwatch.describe_alarms(AlarmNames=[given["AlarmName"]])["MetricAlarms"][0]


@says("cloudwatch", "a new alarm is INSUFFICIENT_DATA")
def _(c):
    assert alarm(c)["StateValue"] == "INSUFFICIENT_DATA"


@says("cloudwatch", "an alarm's actions are enabled by default")
def _(c):
    assert alarm(c)["ActionsEnabled"] is True


@says("cloudwatch", "missing data is `missing` where nothing else is said")
def _(c):
    assert alarm(c).get("TreatMissingData", "missing") == "missing"


@says("cloudwatch", "putting an alarm again replaces what it had, and keeps the state")
def _(c):
    made = alarm(c, AlarmDescription="first")
    c.cloudwatch.set_alarm_state(AlarmName=made["AlarmName"], StateValue="OK", StateReason="r")
    given = {key: made[key] for key in ("AlarmName", "MetricName", "Namespace", "Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator")}
    c.cloudwatch.put_metric_alarm(**given)
    seen = c.cloudwatch.describe_alarms(AlarmNames=[made["AlarmName"]])["MetricAlarms"][0]
    assert "AlarmDescription" not in seen and seen["StateValue"] == "OK"


refuses("cloudwatch", "the state of an alarm that is not there: ResourceNotFound", ("ResourceNotFound", "ResourceNotFoundException"), lambda c: c.cloudwatch.set_alarm_state(AlarmName="absent", StateValue="OK", StateReason="r"))
refuses("cloudwatch", "a dashboard that is not there: ResourceNotFound", ("ResourceNotFound", "ResourceNotFoundException", "DashboardNotFoundError"), lambda c: c.cloudwatch.get_dashboard(DashboardName="absent"))
refuses("cloudwatch", "a period is 10, 30 or whole minutes", ("ValidationError", "InvalidParameterValue"), lambda c: alarm(c, Period=45))
