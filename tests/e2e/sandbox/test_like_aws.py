"""Life cycles as boto3's users write them, against the sandbox and, where moto agrees with AWS's documentation, against moto.

Each test says what the service does by its documentation. MOTO names those in which moto does otherwise, and how; they are expected
to stay: one that passes all the same fails until its row is taken away.
"""

import io
import json
import urllib.error
import urllib.request
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError
from servers import TRUST, code, open_to
from support import PATIENCE_S, until

MOTO = {
    "test_stream_that_converts_nothing": "it converts with a buffer of any size, and without a table",
    "test_subscription_attributes_unknown": "takes any attribute",
    "test_secret_previous": "its DescribeSecret leaves AWSPREVIOUS at the first value when a third is put",
    "test_database_without_word_of_snapshot": "deletes it",
    "test_warehouse_without_word_of_snapshot": "deletes it",
    "test_machine_comes_back_verbatim": "refuses the second create",
    "test_secret_pending": "the value that was current is so still when the stage has moved",
    "test_deleted_secret": "takes a new value for it",
    "test_malformed_trust": "takes any text",
    "test_retention": "takes any number",
    "test_dry_run": "looks at DryRun in some calls only",
    "test_encrypt": "encrypts with a disabled key",
    "test_schedule_in_missing_group": "takes it",
    "test_encrypted_parameter": "shows kms:default:VALUE, which has the value in it",
    "test_held_instance": "terminates it",
    "test_a_version_of_a_template_begins_as_another": "takes nothing from the source, and cannot delete versions",
    "test_crawler_keeps": "cannot update crawlers",
    "test_unnamed_failure": "an execution that fails is RUNNING for ever",
    "test_missing_path": "an execution that fails is RUNNING for ever",
    "test_bad_token": "has no tokens to say anything about",
    "test_notification_rules": "gives the words back as they came",
    "test_ranges": "keeps the host's bits",
    "test_destinations": "keeps the host's bits",
    "test_folded_names": "keeps capitals",
    "test_other_owner": "does not look at the owner",
    "test_missing_managed_policy": "has AWS's policies only where it is asked to load them",
    "test_reserved_variables": "takes them",
    "test_database_in_one_zone": "takes it",
    "test_public_bucket": "takes it",
    "test_lifecycle_without_actions": "takes them",
    "test_notification_to_nobody": "does not look for them",
    "test_what_errors_say_besides": "leaves the argument out",
    "test_empty_lists": "leaves PropagatingVgws out",
    "test_stopped_trigger": "cannot update triggers",
    "test_names_of_parameters": "takes a path that does not begin with a slash",
    "test_users_of_a_group": "deletes a group that has users",
    "test_versions_of_tables": "has a server error for a version that was deleted",
    "test_alarms_that_tell_nobody": "has a server error for it",
    "test_a_crawlers_schedule_alone": "has a server error for it",
    "test_regions": "takes the name of none",
    "test_parts_out_of_order": "looks at the sizes first",
}


# It takes seconds for each of these; the sandbox does not.
LONG_ON_MOTO = {"test_missing_path", "test_unnamed_failure", "test_deleting_what_is_not_there", "test_dry_run"}


@pytest.fixture
def cloud(anywhere, request):
    why = MOTO.get(request.node.originalname)
    if anywhere.kind == "moto" and why:
        request.node.add_marker(pytest.mark.xfail(reason=why, strict=True))
    return anywhere


def name():
    return "n-" + uuid.uuid4().hex[:12]


def archive(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("main.py", text)
    return file.getvalue()


def made_role(cloud):
    return cloud.client("iam").create_role(RoleName=name(), AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]


def made_function(cloud, **more):
    given = {"FunctionName": name(), "Role": made_role(cloud), "Runtime": "python3.12", "Handler": "main.handler", "Code": {"ZipFile": archive("a")}}
    return cloud.client("lambda").create_function(**given, **more)


# ---- nothing is dropped ----


def test_subscription_attributes(cloud):
    sns, sqs = cloud.client("sns"), cloud.client("sqs")
    topic = sns.create_topic(Name=name(), Attributes={"DisplayName": "Films"}, Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Films"
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "a", "Value": "b"}]
    url = sqs.create_queue(QueueName=name(), Attributes={"Policy": open_to("s3", action="sqs:SendMessage")})["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    policy = {"kind": ["film"]}
    made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"FilterPolicy": json.dumps(policy), "RawMessageDelivery": "true"}, ReturnSubscriptionArn=True)
    seen = sns.get_subscription_attributes(SubscriptionArn=made["SubscriptionArn"])["Attributes"]
    assert seen["RawMessageDelivery"] == "true" and json.loads(seen["FilterPolicy"]) == policy
    sns.publish(TopicArn=topic, Message="no", MessageAttributes={"kind": {"DataType": "String", "StringValue": "book"}})
    sns.publish(TopicArn=topic, Message="yes", MessageAttributes={"kind": {"DataType": "String", "StringValue": "film"}})
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MaxNumberOfMessages=10)["Messages"]] == ["yes"]


def test_subscription_attributes_unknown(cloud):
    assert code(cloud.client("sns").create_topic, Name=name(), Attributes={"Nonsense": "1"}) == "InvalidParameter"


def test_dry_run(cloud):
    ec2 = cloud.client("ec2")
    before = len(ec2.describe_vpcs()["Vpcs"])
    assert code(ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True) == "DryRunOperation"
    assert code(ec2.describe_vpcs, DryRun=True) == "DryRunOperation"
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    assert code(ec2.delete_vpc, VpcId=vpc, DryRun=True) == "DryRunOperation"
    assert len(ec2.describe_vpcs()["Vpcs"]) == before + 1


def test_publish_with_create(cloud):
    functions = cloud.client("lambda")
    made = made_function(cloud, Publish=True)
    assert made["Version"] == "1"
    changed = functions.update_function_code(FunctionName=made["FunctionName"], ZipFile=archive("b"), Publish=True)
    assert changed["Version"] == "2" and changed["CodeSha256"] != made["CodeSha256"]
    assert [one["Version"] for one in functions.list_versions_by_function(FunctionName=made["FunctionName"])["Versions"]] == ["$LATEST", "1", "2"]


def test_dry_run_of_functions(cloud):
    functions = cloud.client("lambda")
    made = made_function(cloud)
    functions.update_function_code(FunctionName=made["FunctionName"], ZipFile=archive("b"), DryRun=True)
    assert functions.get_function_configuration(FunctionName=made["FunctionName"])["CodeSha256"] == made["CodeSha256"]


def test_permission_for_account(cloud):
    functions = cloud.client("lambda")
    made = made_function(cloud)["FunctionName"]
    functions.add_permission(FunctionName=made, StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::b", SourceAccount="123456789012")
    (statement,) = json.loads(functions.get_policy(FunctionName=made)["Policy"])["Statement"]
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceAccount": "123456789012"}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}


def test_described_rules(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=name(), Description="d", VpcId=vpc)["GroupId"]
    given = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "the office"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[given])
    (seen,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert seen["IpRanges"] == given["IpRanges"]


def test_tagged_rules(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=name(), Description="d", VpcId=vpc)["GroupId"]
    tags = [{"Key": "team", "Value": "film"}]
    (made,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}],
                                                   TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": tags}])["SecurityGroupRules"]
    seen = lambda: ec2.describe_security_group_rules(SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])["SecurityGroupRules"][0].get("Tags", [])  # noqa: E731
    assert made["Tags"] == tags and seen() == tags
    ec2.delete_tags(Resources=[made["SecurityGroupRuleId"]], Tags=[{"Key": "team"}])
    assert seen() == []


def test_dry_run_of_instances(sandbox):
    ec2, template = sandbox.client("ec2"), name()
    made = [ec2.run_instances(ImageId="ami-1", InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"] for _ in range(6)]
    states = lambda: {one["State"]["Name"] for each in ec2.describe_instances(InstanceIds=made)["Reservations"] for one in each["Instances"]}  # noqa: E731
    until(lambda: states() == {"running"})
    ec2.create_launch_template(LaunchTemplateName=template, LaunchTemplateData={"ImageId": "ami-1"})
    ec2.create_launch_template_version(LaunchTemplateName=template, LaunchTemplateData={"ImageId": "ami-2"})
    for call in ec2.stop_instances, ec2.start_instances, ec2.reboot_instances, ec2.describe_instance_status:
        assert code(call, InstanceIds=made, DryRun=True) == "DryRunOperation"
    assert code(ec2.modify_launch_template, LaunchTemplateName=template, DefaultVersion="2", DryRun=True) == "DryRunOperation"
    assert code(ec2.delete_launch_template_versions, LaunchTemplateName=template, Versions=["2"], DryRun=True) == "DryRunOperation"
    assert states() == {"running"}
    (again,) = ec2.start_instances(InstanceIds=made[:1])["StartingInstances"]
    assert again["CurrentState"] == again["PreviousState"] == {"Code": 16, "Name": "running"}
    pages = [len(page["InstanceStatuses"]) for page in ec2.get_paginator("describe_instance_status").paginate(Filters=[{"Name": "instance-state-name", "Values": ["running"]}], PaginationConfig={"PageSize": 5})]
    assert pages[0] == 5 and sum(pages) >= 6
    ec2.terminate_instances(InstanceIds=made)


def test_held_instance(cloud):
    ec2 = cloud.client("ec2")
    made = ec2.run_instances(ImageId="ami-1", InstanceType="t3.micro", MinCount=1, MaxCount=1, DisableApiTermination=True)["Instances"][0]["InstanceId"]
    assert code(ec2.terminate_instances, InstanceIds=[made]) == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=made, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[made])


def test_versions_of_a_template(cloud):
    """All are kept; the default stays what it was until somebody says so."""
    ec2, template = cloud.client("ec2"), name()
    made = ec2.create_launch_template(LaunchTemplateName=template, VersionDescription="first", LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "t4g.micro"})["LaunchTemplate"]
    which = {"LaunchTemplateId": made["LaunchTemplateId"]}
    assert made["DefaultVersionNumber"] == made["LatestVersionNumber"] == 1

    def versions(*named, **more):
        found = ec2.describe_launch_template_versions(LaunchTemplateName=template, **({"Versions": list(named)} if named else {}), **more)["LaunchTemplateVersions"]
        return [(one["VersionNumber"], one["DefaultVersion"], one["LaunchTemplateData"]["InstanceType"]) for one in found]

    second = ec2.create_launch_template_version(**which, VersionDescription="second", LaunchTemplateData={"InstanceType": "m5.large"})["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2 and second["VersionDescription"] == "second" and second["LaunchTemplateData"] == {"InstanceType": "m5.large"}  # no image: it is a new one
    ec2.create_launch_template_version(LaunchTemplateName=template, LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "m5.xlarge"})
    first, second, third = (1, True, "t4g.micro"), (2, False, "m5.large"), (3, False, "m5.xlarge")
    assert sorted(versions()) == [first, second, third] and versions("$Default") == [first] and versions("$Latest") == [third] and versions("1", "3") == [first, third]
    assert versions(MinVersion="2", MaxVersion="2") == [second]
    assert code(lambda: versions("9")) == "InvalidLaunchTemplateId.VersionNotFound"
    changed = ec2.modify_launch_template(**which, DefaultVersion="2")["LaunchTemplate"]
    assert (changed["DefaultVersionNumber"], changed["LatestVersionNumber"]) == (2, 3) and versions("$Default") == [(2, True, "m5.large")]
    assert code(ec2.modify_launch_template, **which, DefaultVersion="9") == "InvalidLaunchTemplateId.VersionNotFound"


def test_versions_of_a_template_differ_in_how_much_they_tag(cloud):
    """A list of two in one version is as whole as a list of one in the next."""
    ec2, template = cloud.client("ec2"), name()
    both = [{"ResourceType": kind, "Tags": [{"Key": "env", "Value": "dev"}, {"Key": "of", "Value": kind}]} for kind in ("instance", "volume")]
    ec2.create_launch_template(LaunchTemplateName=template, LaunchTemplateData={"ImageId": "ami-1", "TagSpecifications": both})
    ec2.create_launch_template_version(LaunchTemplateName=template, LaunchTemplateData={"ImageId": "ami-1", "TagSpecifications": both[:1]})
    shown = ec2.describe_launch_template_versions(LaunchTemplateName=template)["LaunchTemplateVersions"]
    tagged = {one["VersionNumber"]: [(t["ResourceType"], {tag["Key"]: tag["Value"] for tag in t["Tags"]}) for t in one["LaunchTemplateData"]["TagSpecifications"]] for one in shown}
    assert tagged == {1: [("instance", {"env": "dev", "of": "instance"}), ("volume", {"env": "dev", "of": "volume"})], 2: [("instance", {"env": "dev", "of": "instance"})]}


def test_a_version_of_a_template_begins_as_another(cloud):
    ec2 = cloud.client("ec2")
    which = {"LaunchTemplateId": ec2.create_launch_template(LaunchTemplateName=name(), LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "t4g.micro"})["LaunchTemplate"]["LaunchTemplateId"]}
    assert ec2.create_launch_template_version(**which, SourceVersion="1", LaunchTemplateData={"InstanceType": "m5.large"})["LaunchTemplateVersion"]["LaunchTemplateData"] == {"ImageId": "ami-1", "InstanceType": "m5.large"}
    ec2.create_launch_template_version(**which, LaunchTemplateData={"InstanceType": "m5.xlarge"})
    gone = ec2.delete_launch_template_versions(**which, Versions=["1", "2", "7"])
    assert [one["VersionNumber"] for one in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [2]  # 1 is the default
    assert [one["ResponseError"]["Code"] for one in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]][1] == "launchTemplateVersionDoesNotExist"
    assert [one["VersionNumber"] for one in ec2.describe_launch_template_versions(**which)["LaunchTemplateVersions"]] == [1, 3]


def test_profile_by_name(sandbox):
    iam, ec2, profile = sandbox.client("iam"), sandbox.client("ec2"), name()
    arn = iam.create_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Arn"]
    made = ec2.run_instances(ImageId="ami-1", InstanceType="t3.micro", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": profile})["Instances"][0]
    assert made["IamInstanceProfile"]["Arn"] == arn


def test_crawler_keeps(cloud):
    glue, crawler, role = cloud.client("glue"), name(), made_role(cloud)
    glue.create_crawler(Name=crawler, Role=role, DatabaseName="films", Targets={"S3Targets": [{"Path": "s3://lake/a"}]})
    glue.update_crawler(Name=crawler, Description="nightly")
    seen = glue.get_crawler(Name=crawler)["Crawler"]
    assert (seen["DatabaseName"], seen["Description"], seen["Targets"]["S3Targets"][0]["Path"]) == ("films", "nightly", "s3://lake/a")


def test_listings_narrow(sandbox):
    events, scheduler = sandbox.client("events"), sandbox.client("scheduler")
    for start in ("a-", "b-"):
        events.put_rule(Name=start + "rule", EventPattern='{"source": ["x"]}')
        scheduler.create_schedule(Name=start + "plan", ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"}, State="ENABLED" if start == "a-" else "DISABLED",
                                  Target={"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": made_role(sandbox)})
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="a-")["Rules"]] == ["a-rule"]
    assert [one["Name"] for one in scheduler.list_schedules(NamePrefix="b-")["Schedules"]] == ["b-plan"]
    assert [one["Name"] for one in scheduler.list_schedules(State="ENABLED", NamePrefix="a-")["Schedules"]] == ["a-plan"]
    assert scheduler.list_schedules(State="ENABLED", NamePrefix="b-")["Schedules"] == []


def test_unknown_filter(sandbox):
    assert code(sandbox.client("ec2").describe_vpcs, Filters=[{"Name": "nonsense", "Values": ["x"]}]) == "UnknownParameter"


# ---- secrets and parameters ----


def test_secret_previous(cloud):
    secrets, token = cloud.client("secretsmanager"), str(uuid.uuid4())
    made = secrets.create_secret(Name=name(), SecretString="one", ClientRequestToken=token)
    assert made["VersionId"] == token
    second = secrets.put_secret_value(SecretId=made["ARN"], SecretString="two")["VersionId"]
    get = lambda **more: secrets.get_secret_value(SecretId=made["ARN"], **more)["SecretString"]  # noqa: E731
    assert (get(), get(VersionStage="AWSPREVIOUS"), get(VersionId=token)) == ("two", "one", "one")
    assert secrets.describe_secret(SecretId=made["ARN"])["VersionIdsToStages"] == {token: ["AWSPREVIOUS"], second: ["AWSCURRENT"]}
    secrets.put_secret_value(SecretId=made["ARN"], SecretString="three")
    assert (get(), get(VersionStage="AWSPREVIOUS")) == ("three", "two")
    assert len(secrets.list_secret_version_ids(SecretId=made["ARN"])["Versions"]) == 2
    assert len(secrets.list_secret_version_ids(SecretId=made["ARN"], IncludeDeprecated=True)["Versions"]) == 3
    if cloud.kind == "sandbox":  # moto has one page
        page = secrets.list_secret_version_ids(SecretId=made["ARN"], IncludeDeprecated=True, MaxResults=2)
        more = secrets.list_secret_version_ids(SecretId=made["ARN"], IncludeDeprecated=True, NextToken=page["NextToken"])
        assert (len(page["Versions"]), len(more["Versions"]), "NextToken" in more) == (2, 1, False)


def test_secret_pending(cloud):
    """As a rotation does it."""
    secrets = cloud.client("secretsmanager")
    made = secrets.create_secret(Name=name(), SecretString="old")
    token = str(uuid.uuid4())
    secrets.put_secret_value(SecretId=made["ARN"], SecretString="new", ClientRequestToken=token, VersionStages=["AWSPENDING"])
    assert secrets.get_secret_value(SecretId=made["ARN"])["SecretString"] == "old"
    assert secrets.get_secret_value(SecretId=made["ARN"], VersionStage="AWSPENDING")["SecretString"] == "new"
    secrets.update_secret_version_stage(SecretId=made["ARN"], VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=made["VersionId"])
    assert secrets.get_secret_value(SecretId=made["ARN"])["SecretString"] == "new"
    assert secrets.get_secret_value(SecretId=made["ARN"], VersionStage="AWSPREVIOUS")["SecretString"] == "old"


def test_secret_again(cloud):
    secrets, token = cloud.client("secretsmanager"), str(uuid.uuid4())
    made = secrets.create_secret(Name=name(), SecretString="one")
    for _ in range(2):
        assert secrets.put_secret_value(SecretId=made["ARN"], SecretString="two", ClientRequestToken=token)["VersionId"] == token
    assert secrets.get_secret_value(SecretId=made["ARN"])["SecretString"] == "two"


def test_deleted_secret(cloud):
    secrets = cloud.client("secretsmanager")
    made = secrets.create_secret(Name=name(), SecretString="one")["ARN"]
    secrets.delete_secret(SecretId=made)
    assert code(secrets.get_secret_value, SecretId=made) == "InvalidRequestException"
    assert code(secrets.put_secret_value, SecretId=made, SecretString="two") == "InvalidRequestException"
    secrets.restore_secret(SecretId=made)
    assert secrets.get_secret_value(SecretId=made)["SecretString"] == "one"


def test_secret_listing(cloud):
    secrets, start = cloud.client("secretsmanager"), name()
    for end in ("/a", "/b"):
        secrets.create_secret(Name=start + end, SecretString="x")
    find = lambda **more: sorted(one["Name"] for one in secrets.list_secrets(Filters=[{"Key": "name", "Values": [start]}], **more)["SecretList"])  # noqa: E731
    assert find() == [start + "/a", start + "/b"]
    secrets.delete_secret(SecretId=start + "/b")
    assert find() == [start + "/a"] and find(IncludePlannedDeletion=True) == [start + "/a", start + "/b"]


def test_secrets_in_order(sandbox):
    secrets, start = sandbox.client("secretsmanager"), name()
    for end in ("b", "a", "c"):
        secrets.create_secret(Name=start + end, SecretString=end)
    find = lambda **more: "".join(one["Name"][-1] for page in secrets.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [start]}], **more) for one in page["SecretList"])  # noqa: E731
    assert (find(SortBy="name", SortOrder="asc"), find(SortBy="name", SortOrder="desc"), find(SortOrder="asc"), find(SortOrder="desc")) == ("abc", "cba", "bac", "cab")
    assert find(SortBy="name", PaginationConfig={"PageSize": 2}) == "abc" and secrets.list_secrets(SortOrder="asc")["SecretList"]
    found = secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": [start]}])
    assert sorted(one["SecretString"] for one in found["SecretValues"]) == ["a", "b", "c"] and not found["Errors"]
    page = secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": [start]}], MaxResults=2)
    rest = secrets.batch_get_secret_value(Filters=[{"Key": "name", "Values": [start]}], MaxResults=2, NextToken=page["NextToken"])
    assert [one["SecretString"] for one in page["SecretValues"] + rest["SecretValues"]] == ["b", "a", "c"] and "NextToken" not in rest
    assert code(secrets.batch_get_secret_value, SecretIdList=[start + "a"], Filters=[{"Key": "name", "Values": [start]}]) == "InvalidParameterException"


def test_streams_by_arn(cloud):
    kinesis, one = cloud.client("kinesis"), name()
    kinesis.create_stream(StreamName=one, ShardCount=1)
    arn = kinesis.describe_stream(StreamName=one)["StreamDescription"]["StreamARN"]
    until(lambda: kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    kinesis.add_tags_to_stream(StreamARN=arn, Tags={"a": "b", "c": "d"})
    kinesis.remove_tags_from_stream(StreamARN=arn, TagKeys=["c"])
    assert kinesis.list_tags_for_stream(StreamARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    kinesis.increase_stream_retention_period(StreamARN=arn, RetentionPeriodHours=48)
    until(lambda: kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")
    kinesis.update_shard_count(StreamARN=arn, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    seen = until(lambda: (got := kinesis.describe_stream_summary(StreamName=one)["StreamDescriptionSummary"])["StreamStatus"] == "ACTIVE" and got)
    assert (seen["StreamName"], seen["RetentionPeriodHours"], seen["OpenShardCount"]) == (one, 48, 2)
    kinesis.delete_stream(StreamARN=arn)
    assert until(lambda: one not in kinesis.list_streams()["StreamNames"])
    assert code(kinesis.describe_stream_summary, StreamARN=arn) == "ResourceNotFoundException"


def test_tables_that_match(cloud):
    glue, db = cloud.client("glue"), name()
    glue.create_database(DatabaseInput={"Name": db})
    for table in ("films", "film_days", "days"):
        glue.create_table(DatabaseName=db, TableInput={"Name": table, "StorageDescriptor": {"Columns": [{"Name": "a", "Type": "int"}]}})
    for pattern, wanted in (("film*", ["film_days", "films"]), ("*days", ["days", "film_days"]), ("*m*", ["film_days", "films"]), ("fil.*s", ["film_days", "films"]), ("days", ["days"]), ("x*", [])):
        assert sorted(one["Name"] for one in glue.get_tables(DatabaseName=db, Expression=pattern)["TableList"]) == wanted, pattern


def test_many_tables_and_partitions(cloud):
    glue, table = cloud.client("glue"), {"DatabaseName": name(), "TableName": "t"}
    glue.create_database(DatabaseInput={"Name": table["DatabaseName"]})
    storage = lambda where: {"Columns": [{"Name": "a", "Type": "int"}], "Location": f"s3://lake/{where}/"}  # noqa: E731
    for one in ("t", "u"):
        glue.create_table(DatabaseName=table["DatabaseName"], TableInput={"Name": one, "PartitionKeys": [{"Name": "day", "Type": "string"}], "StorageDescriptor": storage(one)})
    for day in ("1", "2"):
        glue.create_partition(**table, PartitionInput={"Values": [day], "StorageDescriptor": storage("t")})
    entry = lambda day: {"PartitionValueList": [day], "PartitionInput": {"Values": [day], "StorageDescriptor": storage("moved")}}  # noqa: E731
    errors = glue.batch_update_partition(**table, Entries=[entry("1"), entry("7")]).get("Errors")
    assert [(one["PartitionValueList"], one["ErrorDetail"]["ErrorCode"]) for one in errors] == [(["7"], "EntityNotFoundException")]
    seen = {one["Values"][0]: one["StorageDescriptor"]["Location"] for one in glue.get_partitions(**table)["Partitions"]}
    assert seen == {"1": "s3://lake/moved/", "2": "s3://lake/t/"}
    errors = glue.batch_delete_table(DatabaseName=table["DatabaseName"], TablesToDelete=["t", "none"]).get("Errors")
    assert [(one["TableName"], one["ErrorDetail"]["ErrorCode"]) for one in errors] == [("none", "EntityNotFoundException")]
    assert [one["Name"] for one in glue.get_tables(DatabaseName=table["DatabaseName"])["TableList"]] == ["u"]


def test_partitions_without_columns(sandbox):
    glue, table = sandbox.client("glue"), {"DatabaseName": name(), "TableName": "t"}
    glue.create_database(DatabaseInput={"Name": table["DatabaseName"]})
    storage = {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://lake/t/"}
    glue.create_table(DatabaseName=table["DatabaseName"], TableInput={"Name": "t", "PartitionKeys": [{"Name": "day", "Type": "int"}], "StorageDescriptor": storage})
    glue.create_partition(**table, PartitionInput={"Values": ["1"], "StorageDescriptor": storage})
    without, whole = (glue.get_partitions(**table, ExcludeColumnSchema=no)["Partitions"] for no in (True, False))
    assert (without[0]["StorageDescriptor"]["Location"], "Columns" in without[0]["StorageDescriptor"]) == ("s3://lake/t/", False)
    assert whole[0]["StorageDescriptor"]["Columns"] == storage["Columns"]


def test_encrypted_parameter(cloud):
    ssm, one = cloud.client("ssm"), "/" + name()
    ssm.put_parameter(Name=one, Type="SecureString", Value="hidden")
    assert "hidden" not in ssm.get_parameter(Name=one)["Parameter"]["Value"]
    assert ssm.get_parameter(Name=one, WithDecryption=True)["Parameter"]["Value"] == "hidden"
    assert "hidden" not in ssm.get_parameters(Names=[one])["Parameters"][0]["Value"]


def test_parameters_by_path(cloud):
    ssm, top = cloud.client("ssm"), "/" + name()
    for end in ("/a", "/b/c", "x"):
        ssm.put_parameter(Name=top + end, Type="String", Value=end)
    names = lambda **more: [one["Name"] for one in ssm.get_parameters_by_path(Path=top, **more)["Parameters"]]  # noqa: E731
    assert names() == [top + "/a"] and names(Recursive=True) == [top + "/a", top + "/b/c"]
    assert ssm.get_parameters(Names=[top + "/a", top + "/no"])["InvalidParameters"] == [top + "/no"]
    bare = name()
    ssm.put_parameter(Name=bare, Type="String", Value="x")
    pages = [page["Parameters"] for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/", Recursive=True)]
    found = [one["Name"] for page in pages for one in page]
    assert {bare, top + "/a", top + "/b/c"} <= set(found) and len(found) == len(set(found)) and max(map(len, pages)) <= 10


def test_versions_of_parameters(cloud):
    """By number or label behind the name; labels are words of their own, ten at most."""
    ssm, one = cloud.client("ssm"), name()
    for value in ("first", "second"):
        ssm.put_parameter(Name=one, Type="SecureString", Value=value, Overwrite=True)
    assert ssm.label_parameter_version(Name=one, ParameterVersion=1, Labels=["old", "1st", "aws-old", "ssm-old", "a b"])["InvalidLabels"] == ["1st", "aws-old", "ssm-old", "a b"]
    get = lambda selector: ssm.get_parameter(Name=f"{one}:{selector}", WithDecryption=True)["Parameter"]  # noqa: E731
    assert [(get(s)["Value"], get(s)["Name"], get(s)["Version"]) for s in ("1", "old", "2")] == [("first", one, 1), ("first", one, 1), ("second", one, 2)]
    assert (code(get, "3"), code(get, "new")) == ("ParameterVersionNotFound", "ParameterNotFound")
    if cloud.kind == "sandbox":
        assert get("old")["Selector"] == ":old" and "first" not in ssm.get_parameter(Name=f"{one}:1")["Parameter"]["Value"]
    answer = ssm.get_parameters(Names=[f"{one}:old", f"{one}:new"], WithDecryption=True)
    assert ([p["Value"] for p in answer["Parameters"]], answer["InvalidParameters"]) == (["first"], [f"{one}:new"])
    ssm.label_parameter_version(Name=one, ParameterVersion=1, Labels=[f"l{i}" for i in range(9)])
    assert code(ssm.label_parameter_version, Name=one, ParameterVersion=1, Labels=["more"]) == "ParameterVersionLabelLimitExceeded"


# ---- keys ----


def test_encrypt(cloud):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    alias = "alias/" + name()
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    blob = kms.encrypt(KeyId=alias, Plaintext=b"film" * 20, EncryptionContext={"a": "b"})["CiphertextBlob"]
    assert b"film" not in blob
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})["Plaintext"] == b"film" * 20
    assert code(kms.decrypt, CiphertextBlob=blob) == "InvalidCiphertextException"
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    assert len(made["Plaintext"]) == 32 and kms.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"] == made["Plaintext"]
    kms.disable_key(KeyId=key)
    assert code(kms.encrypt, KeyId=key, Plaintext=b"x") == "DisabledException"


def test_key_after_cancelled_deletion(cloud):
    kms = cloud.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


# ---- databases ----


def test_database_without_word_of_snapshot(cloud):
    rds, one = cloud.client("rds"), name()
    rds.create_db_instance(DBInstanceIdentifier=one, Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20, MasterUsername="u", MasterUserPassword="longenough")
    assert code(rds.delete_db_instance, DBInstanceIdentifier=one) == "InvalidParameterCombination"
    assert code(rds.delete_db_instance, DBInstanceIdentifier=one, SkipFinalSnapshot=True, FinalDBSnapshotIdentifier="last") == "InvalidParameterCombination"
    rds.delete_db_instance(DBInstanceIdentifier=one, SkipFinalSnapshot=True)


def test_databases_by_their_filters(cloud):
    """Terraform's provider finds a database by the id that no other ever has, and a group's settings by who made them."""
    rds, one = cloud.client("rds"), name()
    made = rds.create_db_instance(DBInstanceIdentifier=one, Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20, MasterUsername="u", MasterUserPassword="longenough")["DBInstance"]
    found = lambda word, *values: [db["DBInstanceIdentifier"] for db in rds.describe_db_instances(Filters=[{"Name": word, "Values": list(values)}])["DBInstances"]]  # noqa: E731
    assert found("dbi-resource-id", made["DbiResourceId"]) == found("db-instance-id", one, "nobody") == [one]
    assert found("dbi-resource-id", "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ") == []
    rds.create_db_parameter_group(DBParameterGroupName=one, DBParameterGroupFamily="postgres16", Description="d")
    rds.modify_db_parameter_group(DBParameterGroupName=one, Parameters=[{"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}])
    (seen,) = rds.describe_db_parameters(DBParameterGroupName=one, Source="user")["Parameters"]
    assert (seen["ParameterName"], seen["ParameterValue"]) == ("rds.logical_replication", "1") and seen.get("Source", "user" if cloud.kind == "moto" else "") == "user"
    rds.delete_db_instance(DBInstanceIdentifier=one, SkipFinalSnapshot=True)


def test_function_that_nobody_signs(cloud):
    """To have no configuration for it is no error."""
    functions, made = cloud.client("lambda"), made_function(cloud)["FunctionName"]
    assert not functions.get_function_code_signing_config(FunctionName=made).get("CodeSigningConfigArn")
    assert code(functions.get_function_code_signing_config, FunctionName=name()) == "ResourceNotFoundException"


def test_warehouse_without_word_of_snapshot(cloud):
    redshift, one = cloud.client("redshift"), name()
    redshift.create_cluster(ClusterIdentifier=one, NodeType="ra3.large", MasterUsername="u", MasterUserPassword="Longenough1", NumberOfNodes=2, ClusterType="multi-node")
    assert code(redshift.delete_cluster, ClusterIdentifier=one) == "InvalidParameterCombination"
    redshift.delete_cluster(ClusterIdentifier=one, SkipFinalClusterSnapshot=True)


# ---- machines and schedules ----


def run(cloud, definition, given="{}"):
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(name=name(), definition=json.dumps(definition), roleArn=made_role(cloud))["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    return until(lambda: (seen := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and seen, patience_s=30 if cloud.kind == "moto" else PATIENCE_S)


def test_machine_comes_back_verbatim(cloud):
    states, role, one = cloud.client("stepfunctions"), made_role(cloud), name()
    text = '{\n  "StartAt" : "A",\n  "States": {"A": {"Type": "Pass", "End": true}}\n}\n'
    made = states.create_state_machine(name=one, definition=text, roleArn=role)["stateMachineArn"]
    assert states.describe_state_machine(stateMachineArn=made)["definition"] == text
    assert states.create_state_machine(name=one, definition=text, roleArn=made_role(cloud))["stateMachineArn"] == made
    other = text.replace('"A"', '"B"')
    assert code(states.create_state_machine, name=one, definition=other, roleArn=role) == "StateMachineAlreadyExists"
    states.update_state_machine(stateMachineArn=made, definition=other)
    assert states.describe_state_machine(stateMachineArn=made)["definition"] == other


def test_missing_path(cloud):
    """Not to be caught: such a machine would pass here and fail on AWS."""
    caught = {"ErrorEquals": ["States.ALL"], "Next": "B"}
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Parameters": {"x.$": "$.no"}, "End": True}}}
    end = run(cloud, {"StartAt": "A", "States": {"A": {"Type": "Parallel", "Branches": [inner], "Catch": [caught], "End": True}, "B": {"Type": "Succeed"}}})
    assert (end["status"], end["error"]) == ("FAILED", "States.Runtime")
    assert "The JSONPath '$.no' specified for the field 'x.$' could not be found in the input" in end["cause"]


def test_unnamed_failure(cloud):
    end = run(cloud, {"StartAt": "A", "States": {"A": {"Type": "Fail"}}})
    assert end["status"] == "FAILED" and not {"error", "cause"} & set(end)


def test_bad_token(cloud):
    states = cloud.client("stepfunctions")
    assert code(states.send_task_success, taskToken="nonsense", output="{}") == "InvalidToken"
    assert code(states.send_task_success, taskToken="0" * 64, output="{}") == "TaskTimedOut"


def test_schedule_in_missing_group(cloud):
    scheduler = cloud.client("scheduler")
    given = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": made_role(cloud)}}
    assert code(scheduler.create_schedule, Name=name(), GroupName="nobody", **given) == "ResourceNotFoundException"
    scheduler.create_schedule(Name=name(), **given)


# ---- as services write what they were given ----


def test_ranges(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.3.7/16")["Vpc"]
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    group = ec2.create_security_group(GroupName=name(), Description="d", VpcId=vpc["VpcId"])["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "6", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.1.2.3/8"}]}])
    (seen,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert (seen["IpProtocol"], seen["IpRanges"]) == ("tcp", [{"CidrIp": "10.0.0.0/8"}])


def test_destinations(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="11.1.2.3/8", GatewayId=gateway)
    seen = lambda: [route["DestinationCidrBlock"] for route in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"] if route["GatewayId"] == gateway]  # noqa: E731
    assert seen() == ["11.0.0.0/8"]
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="11.0.0.0/8")
    assert seen() == []


def test_folded_names(cloud):
    rds, glue = cloud.client("rds"), cloud.client("glue")
    one = "N-" + uuid.uuid4().hex[:8]
    rds.create_db_parameter_group(DBParameterGroupName=one, DBParameterGroupFamily="postgres16", Description="d")
    assert [group["DBParameterGroupName"] for group in rds.describe_db_parameter_groups(DBParameterGroupName=one)["DBParameterGroups"]] == [one.lower()]
    glue.create_database(DatabaseInput={"Name": one})
    assert glue.get_database(Name=one)["Database"]["Name"] == one.lower()


def test_notification_rules(cloud):
    s3, sqs, bucket = cloud.client(), cloud.client("sqs"), name()
    s3.create_bucket(Bucket=bucket)
    url = sqs.create_queue(QueueName=name(), Attributes={"Policy": open_to("s3", action="sqs:SendMessage")})["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rules = [{"Name": "prefix", "Value": "raw/"}, {"Name": "suffix", "Value": ".csv"}]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"], "Filter": {"Key": {"FilterRules": rules}}}]})
    (seen,) = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert seen["Filter"]["Key"]["FilterRules"] == [{"Name": "Prefix", "Value": "raw/"}, {"Name": "Suffix", "Value": ".csv"}]


# ---- S3 ----


def test_copied_class(anywhere):
    s3, bucket = anywhere.client(), name()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", StorageClass="STANDARD_IA")
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="b")


def test_unknown_storage_class(cloud):
    s3, bucket = cloud.client(), name()
    s3.create_bucket(Bucket=bucket)
    assert code(s3.put_object, Bucket=bucket, Key="a", Body=b"x", StorageClass="NONSENSE") == "InvalidStorageClass"


def test_archived_object(cloud):
    s3, bucket = cloud.client(), name()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", StorageClass="GLACIER")
    assert code(s3.get_object, Bucket=bucket, Key="a") == "InvalidObjectState"
    assert s3.head_object(Bucket=bucket, Key="a")["StorageClass"] == "GLACIER"


def test_other_owner(cloud):
    s3, bucket = cloud.client(), name()
    s3.create_bucket(Bucket=bucket)
    assert code(s3.put_object, Bucket=bucket, Key="a", Body=b"x", ExpectedBucketOwner="999999999999") == "AccessDenied"
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ExpectedBucketOwner="000000000000")


# ---- what weir makes of that ----


def test_other_spellings_are_no_drift(sandbox, tmp_path):
    queue = "arn:aws:sqs:us-east-1:000000000000:" + name()
    resources = {
        "queue": {"type": "aws.sqs.queue", "name": queue.rsplit(":", 1)[1], "policy": open_to("s3", action="sqs:SendMessage")},
        "bucket": {"type": "aws.s3.bucket", "name": name()},
        "rules": {"type": "aws.s3.bucket_notification", "bucket": "${bucket.name}", "queues": [
            {"queue": "${queue.arn}", "events": ["s3:ObjectCreated:*"], "filter": [{"name": "prefix", "value": "raw/"}, {"name": "suffix", "value": ".csv"}]}]},
        "vpc": {"type": "aws.ec2.vpc", "cidr_block": "10.9.3.7/16"},
        "group": {"type": "aws.ec2.security_group", "name": name(), "description": "d", "vpc_id": "${vpc.vpc_id}",
                  "ingress": [{"protocol": "TCP", "from_port": 22, "to_port": 22, "cidr": "10.1.2.3/8"}, {"protocol": "6", "from_port": 23, "to_port": 23, "cidr": "10.1.2.3/8"}]},
        "numbered": {"type": "aws.ec2.security_group_rule", "group_id": "${group.group_id}", "egress": True, "protocol": "17", "from_port": 1, "to_port": 2, "cidr": "10.1.2.3/8"},
        "gateway": {"type": "aws.ec2.internet_gateway", "vpc_id": "${vpc.vpc_id}"},
        "table": {"type": "aws.ec2.route_table", "vpc_id": "${vpc.vpc_id}", "routes": {"11.1.2.3/8": {"gateway_id": "${gateway.internet_gateway_id}"}}},
        "rule": {"type": "aws.ec2.security_group_rule", "group_id": "${group.group_id}", "egress": True, "protocol": "tcp", "from_port": 1, "to_port": 2, "cidr": "10.1.2.3/8"},
        "window": {"type": "aws.redshift.cluster", "name": name(), "node_type": "ra3.large", "master_username": "u", "master_user_password": "Longenough1",
                   "preferred_maintenance_window": "Mon:03:00-Mon:04:00", "skip_final_snapshot": True},
    }
    stack = sandbox.stack(tmp_path).write(json.dumps({"stack": name(), "resources": resources}))
    stack.apply()
    stack.assert_settled()
    stack.run("drift", status=0)
    stack.run("destroy", "--yes", "--verify", status=0)


# ---- what is refused, and what is not ----


def test_deleting_what_is_not_there(cloud):
    glue, secrets = cloud.client("glue"), cloud.client("secretsmanager")
    assert glue.delete_job(JobName="nobody")["JobName"] == "nobody"
    assert glue.delete_trigger(Name="nobody")["Name"] == "nobody"
    cloud.client("ec2").delete_key_pair(KeyName="nobody")
    cloud.client("stepfunctions").delete_state_machine(stateMachineArn="arn:aws:states:us-east-1:000000000000:stateMachine:nobody")
    told = secrets.delete_secret(SecretId="nobody", ForceDeleteWithoutRecovery=True)
    assert told["Name"] == "nobody" and ":secret:nobody-" in told["ARN"]
    assert code(secrets.delete_secret, SecretId="nobody") == "ResourceNotFoundException"


def test_roles_and_profiles(cloud):
    iam, profile, roles = cloud.client("iam"), name(), [name(), name()]
    iam.create_instance_profile(InstanceProfileName=profile)
    for role in roles:
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=roles[0])
    assert code(iam.add_role_to_instance_profile, InstanceProfileName=profile, RoleName=roles[1]) == "LimitExceeded"
    assert code(iam.delete_role, RoleName=roles[0]) == "DeleteConflict"
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=roles[0])
    iam.delete_role(RoleName=roles[0])


def test_malformed_trust(cloud):
    assert code(cloud.client("iam").create_role, RoleName=name(), AssumeRolePolicyDocument="nonsense") == "MalformedPolicyDocument"


def test_attached_twice(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert code(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == "Resource.AlreadyAssociated"


def test_routes(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert code(ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway) == "RouteAlreadyExists"
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    assert code(ec2.associate_route_table, RouteTableId="rtb-0123456789abcdef0", SubnetId=subnet) == "InvalidRouteTableID.NotFound"
    assert code(ec2.associate_route_table, RouteTableId=table, SubnetId="subnet-0123456789abcdef0") == "InvalidSubnetID.NotFound"


def test_retention(cloud):
    logs, group = cloud.client("logs"), name()
    logs.create_log_group(logGroupName=group)
    assert code(logs.put_retention_policy, logGroupName=group, retentionInDays=15) == "InvalidParameterException"
    logs.put_retention_policy(logGroupName=group, retentionInDays=14)


def test_enabled_queue(sandbox):
    batch, queue, environment = sandbox.client("batch"), name(), name()
    batch.create_compute_environment(computeEnvironmentName=environment, type="UNMANAGED", state="ENABLED")
    batch.create_job_queue(jobQueueName=queue, state="ENABLED", priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}])
    assert code(batch.delete_job_queue, jobQueue=queue) == "ClientException"
    assert code(batch.delete_compute_environment, computeEnvironment=environment) == "ClientException"
    batch.update_job_queue(jobQueue=queue, state="DISABLED")
    batch.delete_job_queue(jobQueue=queue)


def test_wrong_key(sandbox):
    wrong = sandbox.client("ec2", access="AKIANOBODY0000000000")
    with pytest.raises(ClientError) as caught:
        wrong.describe_vpcs()
    assert (caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]) == ("AuthFailure", 401)


def test_unknown_action(sandbox):
    assert code(sandbox.client("rds").create_global_cluster, GlobalClusterIdentifier="c", Engine="aurora-mysql") == "InvalidAction"


def test_registry_password(sandbox):
    (data,) = sandbox.client("ecr").get_authorization_token()["authorizationData"]
    assert data["proxyEndpoint"].startswith("https://000000000000.dkr.ecr.")


# ---- what does not exist, overlaps, or is the service's own ----


def test_missing_managed_policy(cloud):
    iam = cloud.client("iam")
    role = iam.create_role(RoleName=name(), AssumeRolePolicyDocument=TRUST)["Role"]["RoleName"]
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole")
    for missing in ("arn:aws:iam::aws:policy/AWSGlueServiceRole", "arn:aws:iam::000000000000:policy/nobody"):
        assert code(iam.attach_role_policy, RoleName=role, PolicyArn=missing) == "NoSuchEntity"


def test_subnets_that_overlap(cloud):
    ec2 = cloud.client("ec2")
    vpc, other = (ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")
    for cidr in ("10.0.0.0/20", "10.0.15.0/24", "10.0.0.0/18"):
        assert code(ec2.create_subnet, VpcId=vpc, CidrBlock=cidr) == "InvalidSubnet.Conflict"
    for cidr in ("10.1.0.0/24", "192.168.0.0/24"):
        assert code(ec2.create_subnet, VpcId=vpc, CidrBlock=cidr) == "InvalidSubnet.Range"
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.16.0/20")
    ec2.create_subnet(VpcId=other, CidrBlock="10.0.0.0/20")


def test_reserved_variables(cloud):
    functions, made = cloud.client("lambda"), made_function(cloud)["FunctionName"]
    given = {"Variables": {"AWS_REGION": "us-east-1"}}
    assert code(made_function, cloud=cloud, Environment=given) == "InvalidParameterValueException"
    assert code(functions.update_function_configuration, FunctionName=made, Environment=given) == "InvalidParameterValueException"
    functions.update_function_configuration(FunctionName=made, Environment={"Variables": {"REGION": "us-east-1"}})


def test_database_in_one_zone(cloud):
    ec2, rds = cloud.client("ec2"), cloud.client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    one, two, three = (ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24", AvailabilityZone="us-east-1" + zone)["Subnet"]["SubnetId"] for i, zone in enumerate("aab"))
    given = {"DBSubnetGroupName": name(), "DBSubnetGroupDescription": "d"}
    assert code(rds.create_db_subnet_group, SubnetIds=[one, two], **given) == "DBSubnetGroupDoesNotCoverEnoughAZs"
    assert code(rds.create_db_subnet_group, SubnetIds=[one, "subnet-0123456789abcdef0"], **given) == "InvalidSubnet"
    assert rds.create_db_subnet_group(SubnetIds=[one, three], **given)["DBSubnetGroup"]["VpcId"] == vpc
    assert code(rds.modify_db_subnet_group, SubnetIds=[one, two], **given) == "DBSubnetGroupDoesNotCoverEnoughAZs"


def test_receipts(cloud):
    sqs = cloud.client("sqs")
    url, other = (sqs.create_queue(QueueName=name())["QueueUrl"] for _ in range(2))
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
    for queue, receipt in ((url, "nonsense"), (url, message["ReceiptHandle"][:-1] + "!"), (other, message["ReceiptHandle"])):
        assert code(sqs.delete_message, QueueUrl=queue, ReceiptHandle=receipt) == "ReceiptHandleIsInvalid"
        assert code(sqs.change_message_visibility, QueueUrl=queue, ReceiptHandle=receipt, VisibilityTimeout=1) == "ReceiptHandleIsInvalid"
    for _ in range(2):  # again is no error
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_public_bucket(cloud):
    s3, bucket = cloud.client(), name()
    assert code(s3.create_bucket, Bucket=bucket, ACL="public-read") == "InvalidBucketAclWithObjectOwnership"
    assert code(s3.create_bucket, Bucket=bucket, ACL="public-read", ObjectOwnership="ObjectWriter") == "InvalidBucketAclWithBlockPublicAccessError"
    s3.create_bucket(Bucket=bucket, ACL="private")
    assert code(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessControlListNotSupported"
    assert code(s3.put_object, Bucket=bucket, Key="a", Body=b"x", ACL="public-read") == "AccessControlListNotSupported"
    assert code(s3.put_object, Bucket=bucket, Key="a", Body=b"x", GrantRead='uri="http://acs.amazonaws.com/groups/global/AllUsers"') == "AccessControlListNotSupported"
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    assert code(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessDenied"
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    for condition, public in (({}, True), ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, False)):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Condition": condition}]}))
        if cloud.kind == "sandbox":
            assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] == public
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ACL="public-read")


def test_lifecycle_without_actions(cloud):
    s3, bucket = cloud.client(), name()
    s3.create_bucket(Bucket=bucket)
    put = lambda **rule: s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule}]})  # noqa: E731
    assert code(put) == "InvalidRequest"
    for empty in ({"Expiration": {}}, {"Transitions": [{}]}, {"AbortIncompleteMultipartUpload": {}}, {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {}}, {"Status": "On", "Expiration": {"Days": 1}}):
        assert code(put, **empty) == "MalformedXML"
    put(Expiration={"Days": 1})


def test_notification_to_nobody(cloud):
    s3, sqs, bucket = cloud.client(), cloud.client("sqs"), name()
    s3.create_bucket(Bucket=bucket)
    rule = lambda kind, member, arn: {kind: [{member: arn, "Events": ["s3:ObjectCreated:*"]}]}  # noqa: E731
    for given in (rule("QueueConfigurations", "QueueArn", "arn:aws:sqs:us-east-1:000000000000:nobody"), rule("TopicConfigurations", "TopicArn", "arn:aws:sns:us-east-1:000000000000:nobody"),
                  rule("LambdaFunctionConfigurations", "LambdaFunctionArn", "arn:aws:lambda:us-east-1:000000000000:function:nobody")):
        assert code(s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=given) == "InvalidArgument"
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=given, SkipDestinationValidation=True)
    url = sqs.create_queue(QueueName=name(), Attributes={"Policy": open_to("s3", action="sqs:SendMessage")})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=rule("QueueConfigurations", "QueueArn", arn))
    (seen,) = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert seen["Id"] and seen["QueueArn"] == arn  # a rule without an id gets one


# ---- codes and shapes ----


def refusal(call, **given):
    with pytest.raises(ClientError) as caught:
        call(**given)
    return caught.value.response["Error"]


def test_what_errors_say_besides(cloud):
    s3, bucket = cloud.client(), name()
    assert refusal(s3.list_objects_v2, Bucket=bucket)["BucketName"] == bucket
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"12345")
    wrong = refusal(s3.get_object, Bucket=bucket, Key="a", Range="bytes=9-10")
    assert (wrong["Code"], wrong["ActualObjectSize"], wrong["RangeRequested"]) == ("InvalidRange", "5", "bytes=9-10")
    assert refusal(s3.get_object, Bucket=bucket, Key="b")["Key"] == "b"
    wrong = refusal(s3.list_objects_v2, Bucket=bucket, MaxKeys=-1)
    assert (wrong["Code"], wrong["ArgumentName"], wrong["ArgumentValue"]) == ("InvalidArgument", "max-keys", "-1")


def test_parts_out_of_order(cloud):
    s3, bucket = cloud.client(), name()
    s3.create_bucket(Bucket=bucket)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(Bucket=bucket, Key="a", UploadId=upload, PartNumber=n, Body=b"x")["ETag"]} for n in (2, 1)]
    assert code(s3.complete_multipart_upload, Bucket=bucket, Key="a", UploadId=upload, MultipartUpload={"Parts": parts}) == "InvalidPartOrder"


def test_empty_lists(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName=name(), Description="d", VpcId=vpc)["GroupId"]
    look = lambda: ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]  # noqa: E731
    assert look()["IpPermissions"] == []
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}])
    (seen,) = look()["IpPermissions"]
    assert (seen["UserIdGroupPairs"], seen["Ipv6Ranges"], seen["PrefixListIds"]) == ([], [], [])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]["Attachments"] == []
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    seen = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    assert (seen["Associations"], seen["PropagatingVgws"]) == ([], [])


def test_tags_of_everything(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "team", "Value": "film"}, {"Key": "x", "Value": "y"}]}])["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway(TagSpecifications=[{"ResourceType": "internet-gateway", "Tags": [{"Key": "team", "Value": vpc}]}])["InternetGateway"]["InternetGatewayId"]
    find = lambda **filters: [(one["ResourceType"], one["ResourceId"], one["Key"], one["Value"])  # noqa: E731
                              for one in ec2.describe_tags(Filters=[{"Name": key.replace("_", "-"), "Values": [value]} for key, value in filters.items()])["Tags"]]
    assert sorted(find(resource_id=vpc)) == [("vpc", vpc, "team", "film"), ("vpc", vpc, "x", "y")]
    assert find(resource_id=vpc, key="te*") == [("vpc", vpc, "team", "film")]
    assert find(resource_type="internet-gateway", value=vpc) == [("internet-gateway", gateway, "team", vpc)]


def test_tags_of_warehouses(cloud):
    redshift, ec2, group = cloud.client("redshift"), cloud.client("ec2"), name()
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    assert redshift.create_cluster_subnet_group(ClusterSubnetGroupName=group, Description="d", SubnetIds=[subnet], Tags=[{"Key": "team", "Value": "film"}])["ClusterSubnetGroup"]["VpcId"] == vpc
    arn = f"arn:aws:redshift:us-east-1:{'123456789012' if cloud.kind == 'moto' else '000000000000'}:subnetgroup:{group}"
    (seen,) = redshift.describe_tags(ResourceName=arn)["TaggedResources"]
    assert seen["Tag"] == {"Key": "team", "Value": "film"} and seen["ResourceName"] == arn
    assert all(one["ResourceType"].lower() == "subnetgroup" for one in redshift.describe_tags(ResourceType="subnetgroup")["TaggedResources"])


def test_own_tag_lists(sandbox):
    """The calls that have nothing but the tags."""
    tags, role = {"team": "film"}, made_role(sandbox)
    batch, kafka, emr, airflow = (sandbox.client(one, inject_host_prefix=False) for one in ("batch", "kafka", "emr-serverless", "mwaa"))
    arn = batch.create_compute_environment(computeEnvironmentName=name(), type="UNMANAGED", tags=tags)["computeEnvironmentArn"]
    assert batch.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    arn = kafka.create_cluster_v2(ClusterName=name(), Tags=tags, Provisioned={"KafkaVersion": "3.8.x", "NumberOfBrokerNodes": 2, "BrokerNodeGroupInfo": {"InstanceType": "kafka.t3.small", "ClientSubnets": ["subnet-1", "subnet-2"]}})["ClusterArn"]
    assert kafka.list_tags_for_resource(ResourceArn=arn)["Tags"] == tags
    arn = emr.create_application(name=name(), releaseLabel="emr-7.5.0", type="SPARK", tags=tags)["arn"]
    assert emr.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    ec2 = sandbox.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24")["Subnet"]["SubnetId"] for i in range(2)]
    group = ec2.create_security_group(GroupName=name(), Description="d", VpcId=vpc)["GroupId"]
    arn = airflow.create_environment(Name=name(), ExecutionRoleArn=role, SourceBucketArn="arn:aws:s3:::b", DagS3Path="dags", Tags=tags,
                                     NetworkConfiguration={"SubnetIds": subnets, "SecurityGroupIds": [group]})["Arn"]
    assert airflow.list_tags_for_resource(ResourceArn=arn)["Tags"] == tags
    for call, given in ((airflow.get_environment, {"Name": "nobody"}), (airflow.delete_environment, {"Name": "nobody"}), (airflow.list_tags_for_resource, {"ResourceArn": arn + "x"})):
        assert code(call, **given) == "ResourceNotFoundException"


def test_tables_are_searched(sandbox):
    glue, database = sandbox.client("glue"), name()
    glue.create_database(DatabaseInput={"Name": database})
    for table in ("films", "books"):
        glue.create_table(DatabaseName=database, TableInput={"Name": table, "StorageDescriptor": {"Columns": [{"Name": table + "_id", "Type": "int"}]}})
    find = lambda **given: [one["Name"] for one in glue.search_tables(Filters=[{"Key": "DatabaseName", "Value": database}], **given)["TableList"]]  # noqa: E731
    assert sorted(find()) == ["books", "films"] and find(SearchText="ilms") == ["films"] and find(SearchText="books_id") == ["books"] and find(SearchText="no") == []
    (version,) = glue.get_table_versions(DatabaseName=database, TableName="films")["TableVersions"]
    assert version["Table"]["Name"] == "films" and version["VersionId"] == version["Table"]["VersionId"]
    assert glue.get_table_version(DatabaseName=database, TableName="films", VersionId=version["VersionId"])["TableVersion"]["Table"]["Name"] == "films"
    assert code(glue.get_table_versions, DatabaseName=database, TableName="nobody") == "EntityNotFoundException"


def test_tables_are_searched_by_what_they_are(sandbox):
    glue, database = sandbox.client("glue"), name()
    glue.create_database(DatabaseInput={"Name": database})
    for table, kind in (("first-films", "EXTERNAL_TABLE"), ("books", "VIRTUAL_VIEW"), ("xfilms", "EXTERNAL_TABLE")):
        glue.create_table(DatabaseName=database, TableInput={"Name": table, "TableType": kind, "Owner": "ada"})
    here = [{"Key": "DatabaseName", "Value": database}]
    find = lambda *filters, **given: [one["Name"] for one in glue.search_tables(Filters=[*here, *filters], **given)["TableList"]]  # noqa: E731
    assert find({"Key": "Name", "Value": "films"}) == ["first-films"]  # by its words
    by_name = [{"FieldName": "Name", "Sort": "DESC"}]
    assert find({"Key": "TableType", "Value": "EXTERNAL_TABLE"}, SortCriteria=by_name) == ["xfilms", "first-films"]
    assert find({"Key": "Owner", "Value": "ada"}, SortCriteria=[{"FieldName": "Name", "Sort": "ASC"}]) == ["books", "first-films", "xfilms"]
    assert len(find({"Key": "CreateTime", "Value": "2020-01-01T00:00:00Z", "Comparator": "GREATER_THAN"})) == 3
    assert find({"Key": "CreateTime", "Value": "2020-01-01T00:00:00Z", "Comparator": "LESS_THAN_EQUALS"}) == []
    assert code(glue.search_tables, Filters=[{"Key": "Colour", "Value": "red"}]) == "InvalidInputException"


def test_versions_of_tables(cloud):
    glue, database = cloud.client("glue"), name()
    glue.create_database(DatabaseInput={"Name": database})
    table = {"DatabaseName": database, "TableName": "films"}
    described = lambda text: {"Name": "films", "Description": text, "Parameters": {"a": text}}  # noqa: E731
    glue.create_table(DatabaseName=database, TableInput=described("first"))
    glue.update_table(DatabaseName=database, TableInput=described("second"))
    glue.update_table(DatabaseName=database, TableInput=described("third"))
    found = {one["Table"]["Description"]: one["VersionId"] for one in glue.get_table_versions(**table)["TableVersions"]}
    assert sorted(found) == ["first", "second", "third"] and len(set(found.values())) == 3
    assert glue.get_table(DatabaseName=database, Name="films")["Table"]["Description"] == "third"
    assert glue.get_table_version(**table, VersionId=found["first"])["TableVersion"]["Table"]["Parameters"] == {"a": "first"}
    assert glue.get_table_version(**table)["TableVersion"]["Table"]["Description"] == "third"
    glue.delete_table_version(**table, VersionId=found["first"])
    assert code(glue.get_table_version, **table, VersionId=found["first"]) == "EntityNotFoundException"
    assert code(glue.delete_table_version, **table, VersionId=found["first"]) == "EntityNotFoundException"
    assert len(glue.get_table_versions(**table)["TableVersions"]) == 2


def test_versions_that_are_not_kept(sandbox):
    glue, database = sandbox.client("glue"), name()
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(DatabaseName=database, TableInput={"Name": "films"})
    glue.update_table(DatabaseName=database, TableInput={"Name": "films", "Description": "new"}, SkipArchive=True)
    (version,) = glue.get_table_versions(DatabaseName=database, TableName="films")["TableVersions"]
    assert version["Table"]["Description"] == "new"
    glue.update_table(DatabaseName=database, TableInput={"Name": "films", "Description": "newer"})
    pages = glue.get_paginator("get_table_versions").paginate(DatabaseName=database, TableName="films", PaginationConfig={"PageSize": 1})
    assert [one["Table"]["Description"] for page in pages for one in page["TableVersions"]] == ["newer", "new"]
    glue.delete_table(DatabaseName=database, Name="films")
    glue.create_table(DatabaseName=database, TableInput={"Name": "films"})  # another table, with a history of its own
    assert len(glue.get_table_versions(DatabaseName=database, TableName="films")["TableVersions"]) == 1


def test_images(cloud):
    ec2 = cloud.client("ec2")
    look = lambda **filters: [{"Name": key.replace("_", "-"), "Values": [value]} for key, value in filters.items()]  # noqa: E731
    found = ec2.describe_images(Owners=["amazon"], Filters=look(name="al2023-ami-2023*-kernel-6.1-*", architecture="arm64", state="available"))["Images"]
    assert found and all(one["Architecture"] == "arm64" and one["Name"].startswith("al2023-ami-2023") and one["OwnerId"] == "137112412989" for one in found)
    by_account = ec2.describe_images(Owners=["137112412989"], Filters=look(name="al2023-ami-2023*-kernel-6.1-*", architecture="arm64"))["Images"]
    assert {one["ImageId"] for one in by_account} == {one["ImageId"] for one in found}
    (again,) = ec2.describe_images(ImageIds=[found[0]["ImageId"]])["Images"]
    assert again["Name"] == found[0]["Name"] and again["State"] == "available" and again["RootDeviceType"] == "ebs" and again["Public"]
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    assert code(ec2.describe_images, ImageIds=["ami-00000000000000000"]) == "InvalidAMIID.NotFound"
    for system in ("al2023-ami-kernel-default-arm64", "al2023-ami-kernel-default-x86_64"):
        latest = cloud.client("ssm").get_parameter(Name="/aws/service/ami-amazon-linux-latest/" + system)["Parameter"]["Value"]
        (image,) = ec2.describe_images(ImageIds=[latest])["Images"]
        assert image["Architecture"] == system.rpartition("-")[2] and image["Name"].startswith("al2023-ami-2023")
        assert image["CreationDate"] == max(one["CreationDate"] for one in ec2.describe_images(Filters=look(name="al2023-ami-2023*", architecture=image["Architecture"]))["Images"])


def test_users_of_a_group(cloud):
    iam, group, user = cloud.client("iam"), name(), name()
    iam.create_group(GroupName=group)
    made = iam.create_user(UserName=user)["User"]
    iam.add_user_to_group(GroupName=group, UserName=user)
    found = iam.get_group(GroupName=group)
    assert found["Group"]["GroupName"] == group and [(one["UserName"], one["UserId"], one["Arn"]) for one in found["Users"]] == [(user, made["UserId"], made["Arn"])]
    assert code(iam.delete_group, GroupName=group) == "DeleteConflict"
    assert code(iam.delete_user, UserName=user) == "DeleteConflict"
    iam.remove_user_from_group(GroupName=group, UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    assert (key["UserName"], key["Status"]) == (user, "Active") and len(key["SecretAccessKey"]) == 40
    assert code(iam.delete_user, UserName=user) == "DeleteConflict"
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=user)
    iam.delete_group(GroupName=group)


def test_unpublished_parameter(cloud):
    assert code(cloud.client("ssm").get_parameter, Name="/aws/service/ami-amazon-linux-latest/windows") == "ParameterNotFound"


def test_stopped_trigger(cloud):
    glue, job, trigger = cloud.client("glue"), name(), name()
    glue.create_job(Name=job, Role=made_role(cloud), Command={"Name": "pythonshell", "ScriptLocation": "s3://b/a.py"})
    glue.create_trigger(Name=trigger, Type="SCHEDULED", Schedule="cron(0 1 * * ? *)", StartOnCreation=True, Actions=[{"JobName": job}])
    state = lambda: glue.get_trigger(Name=trigger)["Trigger"]["State"]  # noqa: E731
    assert state() == "ACTIVATED"
    assert glue.stop_trigger(Name=trigger)["Name"] == trigger and state() == "DEACTIVATED"
    assert glue.start_trigger(Name=trigger)["Name"] == trigger and state() == "ACTIVATED"
    glue.stop_trigger(Name=trigger)
    glue.update_trigger(Name=trigger, TriggerUpdate={"Schedule": "cron(0 2 * * ? *)"})
    assert state() == "DEACTIVATED"
    assert code(glue.stop_trigger, Name="nobody") == "EntityNotFoundException"


def test_trigger_that_was_never_started(cloud):
    glue, job, trigger = cloud.client("glue"), name(), name()
    glue.create_job(Name=job, Role=made_role(cloud), Command={"Name": "pythonshell", "ScriptLocation": "s3://b/a.py"})
    glue.create_trigger(Name=trigger, Type="SCHEDULED", Schedule="cron(0 1 * * ? *)", Actions=[{"JobName": job}])
    state = lambda: glue.get_trigger(Name=trigger)["Trigger"]["State"]  # noqa: E731
    assert state() == "CREATED"
    glue.start_trigger(Name=trigger)
    assert state() == "ACTIVATED"


def test_alarms_with_and_without_dimensions(cloud):
    cloudwatch, plain, narrow = cloud.client("cloudwatch"), name(), name()
    given = {"Namespace": "lake", "MetricName": "rows", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch.put_metric_alarm(AlarmName=plain, **given)
    cloudwatch.put_metric_alarm(AlarmName=narrow, Dimensions=[{"Name": "Table", "Value": "orders"}], **given)
    shown = {one["AlarmName"]: one["Dimensions"] for one in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert shown[plain] == [] and shown[narrow] == [{"Name": "Table", "Value": "orders"}]


def test_mfa_of_a_user_pool(cloud):
    cognito = cloud.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=name())["UserPool"]["Id"]
    shown = lambda: {k: v for k, v in cognito.get_user_pool_mfa_config(UserPoolId=pool).items() if k != "ResponseMetadata"}  # noqa: E731
    assert shown() == {"MfaConfiguration": "OFF"}
    cognito.set_user_pool_mfa_config(UserPoolId=pool, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True})
    assert shown() == {"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": True}}


def test_stream_that_names_no_key(cloud):
    """Terraform's provider sends NoEncryptionConfig for every bucket without a key."""
    firehose, stream, bucket = cloud.client("firehose"), name(), name()
    cloud.client("s3").create_bucket(Bucket=bucket)
    open_bucket = {"RoleARN": made_role(cloud), "BucketARN": f"arn:aws:s3:::{bucket}", "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"}}
    firehose.create_delivery_stream(DeliveryStreamName=stream, ExtendedS3DestinationConfiguration=open_bucket | {"S3BackupMode": "Enabled", "S3BackupConfiguration": open_bucket})
    (made,) = firehose.describe_delivery_stream(DeliveryStreamName=stream)["DeliveryStreamDescription"]["Destinations"]
    assert made["ExtendedS3DestinationDescription"]["EncryptionConfiguration"] == {"NoEncryptionConfig": "NoEncryption"}


def test_stream_that_converts_nothing(cloud):
    firehose, stream, bucket = cloud.client("firehose"), name(), name()
    cloud.client("s3").create_bucket(Bucket=bucket)
    given = {"RoleARN": made_role(cloud), "BucketARN": f"arn:aws:s3:::{bucket}", "CloudWatchLoggingOptions": {"Enabled": False}}
    firehose.create_delivery_stream(DeliveryStreamName=stream, ExtendedS3DestinationConfiguration=given | {"DataFormatConversionConfiguration": {"Enabled": False}})
    refused = {"DataFormatConversionConfiguration": {"Enabled": True}, "BufferingHints": {"SizeInMBs": 64}}
    assert code(firehose.create_delivery_stream, DeliveryStreamName=name(), ExtendedS3DestinationConfiguration=given | refused) == "InvalidArgumentException"


def test_without_tags(cloud):
    ec2, efs = cloud.client("ec2"), cloud.client("efs")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
    assert not volume.get("Tags") and not ec2.describe_volumes(VolumeIds=[volume["VolumeId"]])["Volumes"][0].get("Tags")
    assert [image for image in ec2.describe_images(Owners=["amazon"])["Images"] if not image.get("Tags")]
    assert efs.create_file_system(CreationToken=name())["Tags"] == []


def test_location_with_a_role_and_the_service_linked_one(cloud):
    lake, bucket = cloud.client("lakeformation"), name()
    cloud.client("s3").create_bucket(Bucket=bucket)
    lake.register_resource(ResourceArn=f"arn:aws:s3:::{bucket}", UseServiceLinkedRole=True, RoleArn=made_role(cloud))
    assert lake.describe_resource(ResourceArn=f"arn:aws:s3:::{bucket}")["ResourceInfo"]["ResourceArn"] == f"arn:aws:s3:::{bucket}"


def test_names_of_parameters(cloud):
    ssm, one = cloud.client("ssm"), name()
    ssm.put_parameter(Name=one, Type="String", Value="x")
    seen = ssm.get_parameter(Name=one)["Parameter"]
    assert (seen["Name"], seen["Value"], seen["ARN"].rsplit(":", 1)[1]) == (one, "x", "parameter/" + one)
    assert code(ssm.put_parameter, Name=one + "/y", Type="String", Value="x") == "ValidationException"
    ssm.delete_parameter(Name=one)


def test_rules_switched_off_and_on(cloud):
    events, rule = cloud.client("events"), name()
    events.put_rule(Name=rule, ScheduleExpression="rate(1 day)", Description="nightly")
    events.disable_rule(Name=rule)
    assert [events.describe_rule(Name=rule)[key] for key in ("State", "Description")] == ["DISABLED", "nightly"]
    events.enable_rule(Name=rule)
    assert events.describe_rule(Name=rule)["State"] == "ENABLED"
    assert code(events.disable_rule, Name=name()) == "ResourceNotFoundException"
    events.delete_rule(Name=rule)


def test_alarms_that_tell_nobody(cloud):
    alarms, names = cloud.client("cloudwatch"), [name(), name()]
    for one in names:
        alarms.put_metric_alarm(AlarmName=one, Namespace="x", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold")
    seen = lambda: {one["AlarmName"]: one["ActionsEnabled"] for one in alarms.describe_alarms(AlarmNames=names)["MetricAlarms"]}  # noqa: E731
    alarms.disable_alarm_actions(AlarmNames=names)
    assert seen() == dict.fromkeys(names, False)
    alarms.enable_alarm_actions(AlarmNames=names[:1])
    assert seen() == {names[0]: True, names[1]: False}
    alarms.delete_alarms(AlarmNames=names)


def test_jobs_by_their_names(cloud):
    glue, names, role = cloud.client("glue"), sorted([name(), name()]), made_role(cloud)
    for one in names:
        glue.create_job(Name=one, Role=role, Command={"Name": "pythonshell", "ScriptLocation": "s3://b/a.py"})
        glue.create_crawler(Name=one, Role=role, DatabaseName="d", Targets={"S3Targets": [{"Path": "s3://b/"}]})
        glue.create_trigger(Name=one, Type="ON_DEMAND", Actions=[{"JobName": one}])
    assert {*names} <= {*glue.list_jobs()["JobNames"]}
    for call, asked, found in (
        (glue.batch_get_jobs, "JobNames", "Jobs"), (glue.batch_get_crawlers, "CrawlerNames", "Crawlers"), (glue.batch_get_triggers, "TriggerNames", "Triggers"),
    ):  # fmt: skip
        assert sorted(one["Name"] for one in call(**{asked: [*names, "nobody"]})[found]) == names
    for one in names:
        glue.delete_trigger(Name=one), glue.delete_crawler(Name=one), glue.delete_job(JobName=one)


def test_a_crawlers_schedule_alone(cloud):
    glue, one = cloud.client("glue"), name()
    glue.create_crawler(Name=one, Role=made_role(cloud), DatabaseName="d", Targets={"S3Targets": [{"Path": "s3://b/"}]})
    glue.update_crawler_schedule(CrawlerName=one, Schedule="cron(0 1 * * ? *)")
    seen = glue.get_crawler(Name=one)["Crawler"]
    assert (seen["Schedule"]["ScheduleExpression"], seen["DatabaseName"], seen["Targets"]["S3Targets"][0]["Path"]) == ("cron(0 1 * * ? *)", "d", "s3://b/")
    glue.delete_crawler(Name=one)


def test_regions(cloud):
    ec2 = cloud.client("ec2")
    assert {"us-east-1", "eu-west-1", "ap-northeast-2"} <= {one["RegionName"] for one in ec2.describe_regions()["Regions"]}
    (one,) = ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"]
    assert (one["Endpoint"], one["OptInStatus"]) == ("ec2.eu-west-1.amazonaws.com", "opt-in-not-required")
    assert code(ec2.describe_regions, DryRun=True) == "DryRunOperation"
    assert code(ec2.describe_regions, RegionNames=["xx-west-1"]) == "InvalidParameterValue"


def test_random_passwords(cloud):
    secrets = cloud.client("secretsmanager")
    made = {secrets.get_random_password()["RandomPassword"] for _ in range(3)}
    assert len(made) == 3 and {len(one) for one in made} == {32}
    one = secrets.get_random_password(PasswordLength=20, ExcludePunctuation=True, ExcludeNumbers=True, ExcludeCharacters="abcABC")["RandomPassword"]
    assert len(one) == 20 and one.isalpha() and not {*one} & {*"abcABC"} and one.lower() != one != one.upper()
    assert code(secrets.get_random_password, PasswordLength=3) in ("InvalidParameterException", "InvalidParameterValue")
    assert len(secrets.get_random_password(PasswordLength=4096)["RandomPassword"]) == 4096


def test_a_deployment_makes_its_stage(cloud):
    """CreateDeployment with a stage's name makes that stage, and the next one moves it."""
    api = cloud.client("apigateway")
    rest = api.create_rest_api(name=name())["id"]
    root = api.get_resources(restApiId=rest)["items"][0]["id"]
    api.put_method(restApiId=rest, resourceId=root, httpMethod="GET", authorizationType="NONE")
    api.put_integration(restApiId=rest, resourceId=root, httpMethod="GET", type="MOCK")
    first = api.create_deployment(restApiId=rest, stageName="live")["id"]
    assert api.get_stage(restApiId=rest, stageName="live")["deploymentId"] == first
    second = api.create_deployment(restApiId=rest, stageName="live")["id"]
    stages = api.get_stages(restApiId=rest)["item"]
    assert [(stage["stageName"], stage["deploymentId"]) for stage in stages] == [("live", second)] and first != second
