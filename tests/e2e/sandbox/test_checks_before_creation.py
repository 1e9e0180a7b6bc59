"""What services find out at once about roles and policies, and refuse in the words of AWS: by boto3, before the permission is there and after."""

import json

import pytest

from test_iam import ACCOUNT, Role, allow, denied, document, lake, name, strict  # noqa: F401 (fixtures)

INVALID = "InvalidParameterValueException"


@pytest.fixture
def code(strict, lake):
    strict.client("s3").put_object(Bucket=lake, Key="zip", Body=b"PK\5\6" + bytes(18))  # an archive without files
    return {"Runtime": "python3.13", "Handler": "m.h", "Code": {"S3Bucket": lake, "S3Key": "zip"}}


def role_of(strict, service):
    return Role(strict, trusts=({"Service": f"{service}.amazonaws.com"},))


@pytest.fixture
def function(strict, code):
    role = role_of(strict, "lambda")
    made = strict.client("lambda").create_function(FunctionName=name("f"), Role=role.arn, **code)
    return role, made["FunctionName"], made["FunctionArn"]


def queue_of(strict):
    sqs = strict.client("sqs")
    url = sqs.create_queue(QueueName=name("q"))["QueueUrl"]
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def lacks(action, service):
    return INVALID, f"The provided execution role does not have permissions to call {action} on {service}", 400


def test_a_function_reads_a_queue(strict, function):
    role, called, _ = function
    queue, make = queue_of(strict), strict.client("lambda").create_event_source_mapping
    assert denied(make, FunctionName=called, EventSourceArn=queue) == lacks("ReceiveMessage", "SQS")
    role.allow(allow("sqs:ReceiveMessage", queue))
    assert denied(make, FunctionName=called, EventSourceArn=queue) == lacks("DeleteMessage", "SQS")
    role.allow(allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue))
    assert make(FunctionName=called, EventSourceArn=queue)["UUID"]


def test_a_function_reads_a_stream(strict, function):
    role, called, _ = function
    kinesis, make = strict.client("kinesis"), strict.client("lambda").create_event_source_mapping
    kinesis.create_stream(StreamName=(stream := name("s")), ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    given = {"FunctionName": called, "EventSourceArn": arn, "StartingPosition": "LATEST"}
    error, message, _ = denied(make, **given)
    assert error == INVALID and message.startswith(f"Cannot access stream {arn}. Please ensure the role can perform the GetRecords")
    role.allow(allow(["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream"], arn))
    assert make(**given)["UUID"]


def test_where_failures_go(strict, function, code):
    role, called, _ = function
    queue, api = queue_of(strict), strict.client("lambda")
    given = {"FunctionName": called, "DestinationConfig": {"OnFailure": {"Destination": queue}}}
    assert denied(api.put_function_event_invoke_config, **given) == lacks("SendMessage", "SQS")
    assert denied(api.create_function, FunctionName=name("f"), Role=role.arn, DeadLetterConfig={"TargetArn": queue}, **code) == lacks("SendMessage", "SQS")
    role.allow(allow("sqs:SendMessage", queue))
    api.put_function_event_invoke_config(**given)
    api.update_function_configuration(FunctionName=called, DeadLetterConfig={"TargetArn": queue})


def test_a_function_in_a_network(strict, code):
    role, ec2, api = role_of(strict, "lambda"), strict.client("ec2"), strict.client("lambda")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.77.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"][0]["GroupId"]
    given = {"FunctionName": name("f"), "Role": role.arn, "VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": [group]}, **code}
    assert denied(api.create_function, **given) == lacks("CreateNetworkInterface", "EC2")
    strict.client("iam").attach_role_policy(RoleName=role.name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole")
    assert api.create_function(**given)["FunctionArn"]


def test_lines_go_to_a_function(strict, function):
    _, called, arn = function
    logs, group = strict.client("logs"), name("g")
    logs.create_log_group(logGroupName=group)
    given = {"logGroupName": group, "filterName": "errors", "filterPattern": "", "destinationArn": arn}
    error, message, _ = denied(logs.put_subscription_filter, **given)
    assert error == "InvalidParameterException" and message.startswith("Could not execute the lambda function.")
    permission = {"FunctionName": called, "Action": "lambda:InvokeFunction", "Principal": "logs.amazonaws.com"}
    strict.client("lambda").add_permission(**permission, StatementId="other", SourceArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:other:*")
    assert denied(logs.put_subscription_filter, **given)[0] == error
    strict.client("lambda").add_permission(**permission, StatementId="own", SourceArn=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*")
    logs.put_subscription_filter(**given)


def test_a_trail_writes_to_a_bucket(strict, lake):
    trail, s3 = strict.client("cloudtrail"), strict.client("s3")
    given = {"Name": name("t"), "S3BucketName": lake, "S3KeyPrefix": "audit"}
    error, message, _ = denied(trail.create_trail, **given)
    assert (error, message) == ("InsufficientS3BucketPolicyException", f"Incorrect S3 bucket policy is detected for bucket: {lake}")
    who = {"Principal": {"Service": "cloudtrail.amazonaws.com"}}
    reads = {**allow("s3:GetBucketAcl", f"arn:aws:s3:::{lake}"), **who}
    writes = {**allow("s3:PutObject", f"arn:aws:s3:::{lake}/AWSLogs/{ACCOUNT}/*"), **who, "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}
    s3.put_bucket_policy(Bucket=lake, Policy=document(reads, writes))
    assert denied(trail.create_trail, **given)[0] == error  # the prefix
    s3.put_bucket_policy(Bucket=lake, Policy=document(reads, {**writes, "Resource": f"arn:aws:s3:::{lake}/audit/AWSLogs/{ACCOUNT}/*"}))
    assert trail.create_trail(**given)["TrailARN"]


LOGGING = ["logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"]


def test_a_state_machine_logs(strict):
    role, states, group = role_of(strict, "states"), strict.client("stepfunctions"), name("g")
    strict.client("logs").create_log_group(logGroupName=group)
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    given = {"name": name("m"), "roleArn": role.arn, "definition": definition,
             "loggingConfiguration": {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}:*"}}]}}
    refused = ("AccessDeniedException", "The state machine IAM Role is not authorized to access the Log Destination", 400)
    assert denied(states.create_state_machine, **given) == refused
    made = states.create_state_machine(**{**given, "loggingConfiguration": {"level": "OFF"}})["stateMachineArn"]
    assert denied(states.update_state_machine, stateMachineArn=made, loggingConfiguration=given["loggingConfiguration"]) == refused
    role.allow(allow(LOGGING))
    states.update_state_machine(stateMachineArn=made, loggingConfiguration=given["loggingConfiguration"])


@pytest.mark.parametrize("task, rule", [("states:startExecution.sync:2", "StepFunctionsGetEventsForStepFunctionsExecutionRule"), ("batch:submitJob.sync", "StepFunctionsGetEventsForBatchJobsRule")])
def test_a_state_machine_waits(strict, task, rule):
    role, states = role_of(strict, "states"), strict.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": f"arn:aws:states:::{task}", "Parameters": {"StateMachineArn": "a", "JobName": "j", "JobDefinition": "d", "JobQueue": "q"}, "End": True}}})
    given = {"name": name("m"), "roleArn": role.arn, "definition": definition}
    assert denied(states.create_state_machine, **given) == ("AccessDeniedException", f"'{role.arn}' is not authorized to create managed-rule.", 400)
    role.allow(allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}"))
    assert states.create_state_machine(**given)["stateMachineArn"]


def test_a_rule_takes_on_a_role(strict):
    events, rule, stranger = strict.client("events"), name("rule"), role_of(strict, "glue")
    events.put_rule(Name=rule, ScheduleExpression="rate(1 day)")
    given = {"Rule": rule, "Targets": [{"Id": "t", "Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", "RoleArn": stranger.arn}]}
    assert denied(events.put_targets, **given)[0] == "ValidationException"
    given["Targets"][0]["RoleArn"] = role_of(strict, "events").arn
    assert events.put_targets(**given)["FailedEntryCount"] == 0


def test_a_delivery_stream_reads_a_stream(strict, lake):
    kinesis, firehose, role = strict.client("kinesis"), strict.client("firehose"), role_of(strict, "firehose")
    kinesis.create_stream(StreamName=(stream := name("s")), ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    given = {"DeliveryStreamName": name("d"), "DeliveryStreamType": "KinesisStreamAsSource", "KinesisStreamSourceConfiguration": {"KinesisStreamARN": arn, "RoleARN": role.arn},
             "ExtendedS3DestinationConfiguration": {"RoleARN": role.arn, "BucketARN": f"arn:aws:s3:::{lake}"}}
    error, message, _ = denied(firehose.create_delivery_stream, **given)
    assert error == "InvalidArgumentException" and "is not authorized to perform: kinesis:DescribeStream" in message
    role.allow(allow("kinesis:*", arn))
    assert firehose.create_delivery_stream(**given)["DeliveryStreamARN"]


def test_records_are_delivered_to_s3_only(strict, lake):
    firehose, role = strict.client("firehose"), role_of(strict, "firehose")
    s3 = {"RoleARN": role.arn, "BucketARN": f"arn:aws:s3:::{lake}"}
    given = {"DeliveryStreamName": name("d"), "HttpEndpointDestinationConfiguration": {"EndpointConfiguration": {"Url": "https://in.example"}, "S3Configuration": s3}}
    firehose.create_delivery_stream(**given)
    error, message, _ = denied(firehose.put_record, DeliveryStreamName=given["DeliveryStreamName"], Record={"Data": b"x"})
    assert error == "InvalidArgumentException" and message == "the sandbox delivers to no other destination than S3"


def test_a_secret_is_rotated(strict, function):
    _, called, arn = function
    secrets = strict.client("secretsmanager")
    secret = secrets.create_secret(Name=name("s"), SecretString="x")["ARN"]
    given = {"SecretId": secret, "RotationLambdaARN": arn, "RotationRules": {"AutomaticallyAfterDays": 30}, "RotateImmediately": False}
    error, message, _ = denied(secrets.rotate_secret, **given)
    assert error == "AccessDeniedException" and message.startswith("Secrets Manager cannot invoke the specified Lambda function.")
    strict.client("lambda").add_permission(FunctionName=called, StatementId="s", Action="lambda:InvokeFunction", Principal="secretsmanager.amazonaws.com", SourceArn=secret)
    secrets.rotate_secret(**given)
