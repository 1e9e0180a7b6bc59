"""What a service says of something that is not there, or there already, in its own words: scripts and other tools' providers match them.

The texts are AWS's as localstack's validated tests have recorded them (`tests/aws/services/**/*.snapshot.json`, marked `aws.validated`), those of IAM
that are not recorded there as Terraform's provider and SDKs' documentation know them. Moto is asked the same, for the codes: its texts are its own.
"""

import pytest
from botocore.exceptions import ClientError
from servers import Moto, Sandbox

ROLE = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
ALLOW = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}'
ABSENT, EXISTS = "NoSuchEntity", "EntityAlreadyExists"
POLICY = "arn:aws:iam::{account}:policy/nobody"

# service, call, arguments, status, code, text
CALLS = [
    ("iam", "get_role", {"RoleName": "nobody"}, 404, ABSENT, "The role with name nobody cannot be found."),
    ("iam", "delete_role", {"RoleName": "nobody"}, 404, ABSENT, "The role with name nobody cannot be found."),
    ("iam", "list_role_policies", {"RoleName": "nobody"}, 404, ABSENT, "The role with name nobody cannot be found."),
    ("iam", "get_role_policy", {"RoleName": "there", "PolicyName": "none"}, 404, ABSENT, "The role policy with name none cannot be found."),
    ("iam", "create_role", {"RoleName": "there", "AssumeRolePolicyDocument": ROLE}, 409, EXISTS, "Role with name there already exists."),
    ("iam", "attach_role_policy", {"RoleName": "there", "PolicyArn": POLICY}, 404, ABSENT, "Policy " + POLICY + " does not exist or is not attachable."),
    ("iam", "detach_role_policy", {"RoleName": "there", "PolicyArn": POLICY}, 404, ABSENT, "Policy " + POLICY + " was not found."),
    ("iam", "get_user", {"UserName": "nobody"}, 404, ABSENT, "The user with name nobody cannot be found."),
    ("iam", "create_user", {"UserName": "there"}, 409, EXISTS, "User with name there already exists."),
    ("events", "list_tags_for_resource", {"ResourceARN": "arn:aws:events:us-east-1:000000000000:rule/none"}, 400, "ResourceNotFoundException", "Rule none does not exist on EventBus default."),
    ("events", "untag_resource", {"ResourceARN": "arn:aws:events:us-east-1:000000000000:rule/own/none", "TagKeys": ["a"]}, 400, "ResourceNotFoundException", "Rule none does not exist on EventBus own."),
    ("events", "tag_resource", {"ResourceARN": "arn:aws:events:us-east-1:000000000000:event-bus/none", "Tags": [{"Key": "a", "Value": "b"}]}, 400, "ResourceNotFoundException", "Event bus none does not exist."),
    ("iam", "create_access_key", {"UserName": "nobody"}, 404, ABSENT, "The user with name nobody cannot be found."),
    ("iam", "get_user_policy", {"UserName": "there", "PolicyName": "none"}, 404, ABSENT, "The user policy with name none cannot be found."),
    ("iam", "add_user_to_group", {"UserName": "there", "GroupName": "nobody"}, 404, ABSENT, "The group with name nobody cannot be found."),
    ("iam", "get_group", {"GroupName": "nobody"}, 404, ABSENT, "The group with name nobody cannot be found."),
    ("iam", "create_group", {"GroupName": "there"}, 409, EXISTS, "Group with name there already exists."),
    ("iam", "get_policy", {"PolicyArn": POLICY}, 404, ABSENT, "Policy " + POLICY + " was not found."),
    ("iam", "create_policy", {"PolicyName": "there", "PolicyDocument": ALLOW}, 409, EXISTS, "A policy called there already exists. Duplicate names are not allowed."),
    ("iam", "get_instance_profile", {"InstanceProfileName": "nobody"}, 404, ABSENT, "Instance Profile nobody cannot be found."),
    ("iam", "create_instance_profile", {"InstanceProfileName": "there"}, 409, EXISTS, "Instance Profile there already exists."),
    ("iam", "add_role_to_instance_profile", {"InstanceProfileName": "there", "RoleName": "nobody"}, 404, ABSENT, "The role with name nobody cannot be found."),
    ("sqs", "get_queue_url", {"QueueName": "nobody"}, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
    ("dynamodb", "describe_table", {"TableName": "nobody"}, 400, "ResourceNotFoundException", "Requested resource not found: Table: nobody not found"),
    ("dynamodb", "delete_table", {"TableName": "nobody"}, 400, "ResourceNotFoundException", "Requested resource not found: Table: nobody not found"),
    ("dynamodb", "create_table", {"TableName": "there", "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}, 400, "ResourceInUseException", "Table already exists: there"),
    ("secretsmanager", "describe_secret", {"SecretId": "nobody"}, 400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
    ("secretsmanager", "get_secret_value", {"SecretId": "nobody"}, 400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
    ("secretsmanager", "create_secret", {"Name": "there", "SecretString": "s"}, 400, "ResourceExistsException", "The operation failed because the secret there already exists."),
    ("logs", "put_retention_policy", {"logGroupName": "nobody", "retentionInDays": 7}, 400, "ResourceNotFoundException", "The specified log group does not exist."),
    ("logs", "delete_log_group", {"logGroupName": "nobody"}, 400, "ResourceNotFoundException", "The specified log group does not exist."),
    ("logs", "create_log_group", {"logGroupName": "there"}, 400, "ResourceAlreadyExistsException", "The specified log group already exists"),
    ("logs", "put_metric_filter", {"logGroupName": "nobody", "filterName": "f", "filterPattern": "", "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]}, 400, "ResourceNotFoundException", "The specified log group does not exist."),
    ("logs", "delete_subscription_filter", {"logGroupName": "there", "filterName": "nobody"}, 400, "ResourceNotFoundException", "The specified subscription filter does not exist."),
    ("logs", "delete_resource_policy", {"policyName": "nobody"}, 400, "ResourceNotFoundException", "Policy with name [nobody] does not exist."),
    ("events", "describe_rule", {"Name": "nobody"}, 400, "ResourceNotFoundException", "Rule nobody does not exist on EventBus default."),
    ("events", "describe_rule", {"Name": "nobody", "EventBusName": "there"}, 400, "ResourceNotFoundException", "Rule nobody does not exist on EventBus there."),
    ("events", "put_targets", {"Rule": "nobody", "Targets": [{"Id": "a", "Arn": "arn:aws:sqs:us-east-1:{account}:q"}]}, 400, "ResourceNotFoundException", "Rule nobody does not exist on EventBus default."),
    ("events", "describe_event_bus", {"Name": "nobody"}, 400, "ResourceNotFoundException", "Event bus nobody does not exist."),
    ("events", "put_rule", {"Name": "r", "EventBusName": "nobody", "EventPattern": '{"source": ["a"]}'}, 400, "ResourceNotFoundException", "Event bus nobody does not exist."),
    ("events", "create_event_bus", {"Name": "there"}, 400, "ResourceAlreadyExistsException", "Event bus there already exists."),
    ("lambda", "get_function", {"FunctionName": "nobody"}, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:{account}:function:nobody"),
    ("lambda", "get_function_configuration", {"FunctionName": "nobody"}, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:{account}:function:nobody"),
    ("lambda", "get_function", {"FunctionName": "arn:aws:lambda:us-east-1:{account}:function:nobody"}, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:{account}:function:nobody"),
    ("lambda", "delete_function", {"FunctionName": "nobody"}, 404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:{account}:function:nobody"),
    ("lambda", "get_event_source_mapping", {"UUID": "12345678-1234-1234-1234-123456789012"}, 404, "ResourceNotFoundException", "The resource you requested does not exist."),
    ("lambda", "create_function_url_config", {"FunctionName": "nobody", "AuthType": "NONE"}, 404, "ResourceNotFoundException", "Function does not exist"),
    ("lambda", "get_alias", {"FunctionName": "nobody", "Name": "prod"}, 404, "ResourceNotFoundException", "Cannot find alias arn: arn:aws:lambda:us-east-1:{account}:function:nobody:prod"),
    ("lambda", "get_function_event_invoke_config", {"FunctionName": "nobody"}, 404, "ResourceNotFoundException", "The function arn:aws:lambda:us-east-1:{account}:function:nobody:$LATEST doesn't have an EventInvokeConfig"),
    ("lambda", "put_function_event_invoke_config", {"FunctionName": "nobody", "MaximumRetryAttempts": 1}, 404, "ResourceNotFoundException", "The function doesn't exist."),
    ("ec2", "delete_vpc", {"VpcId": "vpc-0123456789abcdef0"}, 400, "InvalidVpcID.NotFound", "The vpc ID 'vpc-0123456789abcdef0' does not exist"),
    ("ec2", "describe_subnets", {"SubnetIds": ["subnet-0123456789abcdef0"]}, 400, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0123456789abcdef0' does not exist"),
    ("ec2", "create_subnet", {"VpcId": "vpc-0123456789abcdef0", "CidrBlock": "10.0.0.0/24"}, 400, "InvalidVpcID.NotFound", "The vpc ID 'vpc-0123456789abcdef0' does not exist"),
    ("ec2", "delete_security_group", {"GroupId": "sg-0123456789abcdef0"}, 400, "InvalidGroup.NotFound", "The security group 'sg-0123456789abcdef0' does not exist"),
    ("ec2", "describe_key_pairs", {"KeyNames": ["nobody"]}, 400, "InvalidKeyPair.NotFound", "The key pair 'nobody' does not exist"),
    ("ec2", "delete_internet_gateway", {"InternetGatewayId": "igw-0123456789abcdef0"}, 400, "InvalidInternetGatewayID.NotFound", "The internetGateway ID 'igw-0123456789abcdef0' does not exist"),
    ("sns", "get_topic_attributes", {"TopicArn": "arn:aws:sns:us-east-1:{account}:nobody"}, 404, "NotFound", "Topic does not exist"),
    ("sns", "get_subscription_attributes", {"SubscriptionArn": "arn:aws:sns:us-east-1:{account}:nobody:12345678-1234-1234-1234-123456789012"}, 404, "NotFound", "Subscription does not exist"),
    ("apigateway", "get_rest_api", {"restApiId": "nobody"}, 404, "NotFoundException", "Invalid API identifier specified {account}:nobody"),
    ("stepfunctions", "describe_state_machine", {"stateMachineArn": "arn:aws:states:us-east-1:{account}:stateMachine:nobody"}, 400, "StateMachineDoesNotExist", "State Machine Does Not Exist: 'arn:aws:states:us-east-1:{account}:stateMachine:nobody'"),
    ("stepfunctions", "describe_activity", {"activityArn": "arn:aws:states:us-east-1:{account}:activity:nobody"}, 400, "ActivityDoesNotExist", "Activity Does Not Exist: 'arn:aws:states:us-east-1:{account}:activity:nobody'"),
    ("kinesis", "describe_stream_summary", {"StreamName": "nobody"}, 400, "ResourceNotFoundException", "Stream nobody under account {account} not found."),
    ("scheduler", "get_schedule", {"Name": "nobody"}, 404, "ResourceNotFoundException", "Schedule nobody does not exist."),
    ("scheduler", "get_schedule_group", {"Name": "nobody"}, 404, "ResourceNotFoundException", "Schedule group nobody does not exist."),
    ("s3", "list_objects_v2", {"Bucket": "nobody-is-here"}, 404, "NoSuchBucket", "The specified bucket does not exist"),
    ("s3", "get_object", {"Bucket": "there-is-one", "Key": "nobody"}, 404, "NoSuchKey", "The specified key does not exist."),
    ("s3", "get_bucket_policy", {"Bucket": "there-is-one"}, 404, "NoSuchBucketPolicy", "The bucket policy does not exist"),
    ("s3", "get_bucket_tagging", {"Bucket": "there-is-one"}, 404, "NoSuchTagSet", "The TagSet does not exist"),
    ("s3", "get_bucket_lifecycle_configuration", {"Bucket": "there-is-one"}, 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    ("s3", "get_bucket_cors", {"Bucket": "there-is-one"}, 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    ("s3", "get_bucket_website", {"Bucket": "there-is-one"}, 404, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    ("s3", "upload_part", {"Bucket": "there-is-one", "Key": "k", "UploadId": "none", "PartNumber": 1, "Body": b"x"}, 404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."),
]


# Moto does something else, or fails.
NOT_ON_MOTO = {"put_metric_filter", "upload_part", "put_rule"}


def make_some(server):
    """What is there, each by the name `there`."""
    iam = server.client("iam")
    iam.create_role(RoleName="there", AssumeRolePolicyDocument=ROLE)
    iam.create_user(UserName="there")
    iam.create_group(GroupName="there")
    iam.create_policy(PolicyName="there", PolicyDocument=ALLOW)
    iam.create_instance_profile(InstanceProfileName="there")
    server.client("dynamodb").create_table(TableName="there", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    server.client("secretsmanager").create_secret(Name="there", SecretString="s")
    server.client("logs").create_log_group(logGroupName="there")
    server.client("events").create_event_bus(Name="there")
    server.client("s3").create_bucket(Bucket="there-is-one")


@pytest.fixture(scope="module", params=[Sandbox, Moto], ids=["sandbox", "moto"])
def server(request, tmp_path_factory):
    made = request.param() if request.param is Moto else Sandbox(tmp_path_factory.mktemp("texts"))
    make_some(made)
    yield made
    made.stop()


@pytest.mark.parametrize("service, call, arguments, status, code, text", CALLS, ids=[f"{row[1]}-{i}" for i, row in enumerate(CALLS)])
def test_it_says(server, service, call, arguments, status, code, text):
    if server.kind == "moto" and call in NOT_ON_MOTO:
        pytest.skip("moto does it")
    account = server.client("sts").get_caller_identity()["Account"]
    filled = {name: value.replace("{account}", account) if isinstance(value, str) else value for name, value in arguments.items()}
    with pytest.raises(ClientError) as failed:
        getattr(server.client(service), call)(**filled)
    error, http = failed.value.response["Error"], failed.value.response["ResponseMetadata"]["HTTPStatusCode"]
    found = (http, error["Code"], error["Message"])
    if server.kind == "moto":
        assert error["Code"] == code
    else:
        assert found == (status, code, text.replace("{account}", account))
