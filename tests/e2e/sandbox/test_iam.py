"""What policies allow and deny in the sandbox, as boto3 meets it: callers of every kind, resources of every kind, the words of denials."""

import json
import re
import subprocess
import uuid

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from servers import SERVER, Moto, Sandbox, Server, code, take_env
from support import PATIENCE_S, WEIR, until

ACCOUNT = "000000000000"
ANY = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


class Strict(Sandbox):
    """One in which policies count; what it says on standard error is kept."""

    def __init__(self, folder, mode="on"):
        self.heard = folder / f"said-{mode}"
        super().__init__(env={"SANDBOX_IAM": mode})

    def start(self):
        with self.heard.open("w") as heard:
            self.process = subprocess.Popen([SERVER, *self.words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=heard, text=True, env=self.env)
        self.port = int(self.process.stdout.readline())

    def said(self, text):
        """Sooner or later."""
        until(lambda: text in self.heard.read_text())


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    server = Strict(tmp_path_factory.mktemp("iam"))
    yield server
    server.stop()


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resource="*", effect="Allow", **more):
    return {"Effect": effect, "Action": actions, "Resource": resource, **more}


def trust(*who, **more):
    return document(*({"Effect": "Allow", "Principal": one, "Action": "sts:AssumeRole", **more} for one in who))


def name(begin="r"):
    return f"{begin}-{uuid.uuid4().hex[:8]}"


def using(server, credentials, service, region="us-east-1"):
    return boto3.client(
        service, endpoint_url=server.url, region_name=region, aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"), config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


class Role:
    """A role that everybody may take on, with these statements; its clients are of a session of it."""

    def __init__(self, server, *statements, trusts=({"AWS": "*"},), **more):
        self.server, self.name, self.iam = server, name(), server.client("iam")
        self.arn = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust(*trusts), **more)["Role"]["Arn"]
        self.allow(*statements)

    def allow(self, *statements):
        if statements:
            self.iam.put_role_policy(RoleName=self.name, PolicyName="own", PolicyDocument=document(*statements))
        return self

    def session(self, session="run", **more):
        return self.server.client("sts").assume_role(RoleArn=self.arn, RoleSessionName=session, **more)["Credentials"]

    def client(self, service, **more):
        return using(self.server, self.session(**more), service)


def denied(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def lake(strict):
    bucket = name("lake")
    s3 = strict.client("s3")
    s3.create_bucket(Bucket=bucket)
    for key in "raw/a.csv", "raw/b.csv", "gold/c.csv":
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


# ---- identities ----


def test_nothing_is_allowed_that_no_policy_allows(strict, lake):
    role = Role(strict)
    code, message, status = denied(role.client("s3").get_object, Bucket=lake, Key="raw/a.csv")
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/run"
    assert (code, status) == ("AccessDenied", 403)
    assert message == f'User: {who} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{lake}/raw/a.csv" because no identity-based policy allows the s3:GetObject action'
    assert using(strict, role.session(), "sts").get_caller_identity()["Arn"] == who
    assert denied(role.client("glue").get_job, JobName="j")[0::2] == ("AccessDeniedException", 400)
    assert denied(role.client("sqs").list_queues)[0] == "AccessDenied"
    assert denied(role.client("iam").list_roles)[0::2] == ("AccessDenied", 403)
    assert denied(role.client("lambda").list_functions)[0::2] == ("AccessDeniedException", 403)
    assert denied(role.client("sns").list_topics)[0] == "AuthorizationError"
    code, message, _ = denied(role.client("ec2").describe_vpcs)
    assert code == "UnauthorizedOperation" and message.startswith("You are not authorized to perform this operation. User: arn:aws:sts::")
    assert "is not authorized to perform: dynamodb:ListTables on resource: *" in denied(role.client("dynamodb").list_tables)[1]


def test_a_change_counts_at_once(strict, lake):
    role = Role(strict, allow("s3:GetObject", f"arn:aws:s3:::{lake}/raw/*"))
    s3 = role.client("s3")
    assert s3.get_object(Bucket=lake, Key="raw/a.csv")["Body"].read() == b"x"
    assert denied(s3.get_object, Bucket=lake, Key="gold/c.csv")[0] == "AccessDenied"
    role.allow(allow("s3:GetObject", f"arn:aws:s3:::{lake}/*"), allow("s3:*", "*", "Deny", Condition={"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}))
    assert s3.get_object(Bucket=lake, Key="gold/c.csv")["Body"].read() == b"x"
    assert "with an explicit deny in an identity-based policy" in denied(using(strict, role.session(), "s3", "eu-west-1").get_object, Bucket=lake, Key="gold/c.csv")[1]
    role.iam.delete_role_policy(RoleName=role.name, PolicyName="own")
    assert denied(s3.get_object, Bucket=lake, Key="raw/a.csv")[0] == "AccessDenied"


def test_what_s3_asks_for_besides(strict, lake):
    """A listing's prefix, each key of a list that is deleted, the source of a copy, a version."""
    role = Role(strict, allow("s3:ListBucket", f"arn:aws:s3:::{lake}", Condition={"StringLike": {"s3:prefix": ["raw/*"]}}),
                allow(["s3:DeleteObject", "s3:PutObject"], f"arn:aws:s3:::{lake}/raw/*"))
    s3 = role.client("s3")
    assert s3.list_objects_v2(Bucket=lake, Prefix="raw/")["KeyCount"] == 2
    assert denied(s3.list_objects_v2, Bucket=lake)[0] == "AccessDenied" and denied(s3.list_objects_v2, Bucket=lake, Prefix="gold/")[0] == "AccessDenied"
    answer = s3.delete_objects(Bucket=lake, Delete={"Objects": [{"Key": "raw/a.csv"}, {"Key": "gold/c.csv"}]})
    assert [one["Key"] for one in answer["Deleted"]] == ["raw/a.csv"] and [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("gold/c.csv", "AccessDenied")]
    assert "s3:GetObject" in denied(s3.copy_object, Bucket=lake, Key="raw/z", CopySource={"Bucket": lake, "Key": "gold/c.csv"})[1]
    assert "s3:GetObjectVersion" in denied(s3.get_object, Bucket=lake, Key="raw/b.csv", VersionId="null")[1]
    assert "s3:PutBucketVersioning" in denied(s3.put_bucket_versioning, Bucket=lake, VersioningConfiguration={"Status": "Enabled"})[1]
    upload = s3.create_multipart_upload(Bucket=lake, Key="raw/large")["UploadId"]
    assert "s3:AbortMultipartUpload" in denied(s3.abort_multipart_upload, Bucket=lake, Key="raw/large", UploadId=upload)[1]


def test_boundaries_and_sessions_limit(strict, lake):
    iam = strict.client("iam")
    boundary = iam.create_policy(PolicyName=name("p"), PolicyDocument=document(allow("s3:Get*")))["Policy"]["Arn"]
    role = Role(strict, *ANY, PermissionsBoundary=boundary)
    s3 = role.client("s3")
    assert s3.get_object(Bucket=lake, Key="raw/a.csv")["Body"].read() == b"x"
    assert "because no permissions boundary allows the s3:PutObject action" in denied(s3.put_object, Bucket=lake, Key="k", Body=b"")[1]
    free = Role(strict, *ANY)
    limited = free.client("s3", Policy=document(allow("s3:GetObject", f"arn:aws:s3:::{lake}/raw/*")))
    assert limited.get_object(Bucket=lake, Key="raw/a.csv")["Body"].read() == b"x"
    assert "because no session policy allows the s3:GetObject action" in denied(limited.get_object, Bucket=lake, Key="gold/c.csv")[1]
    by_arn = free.client("s3", PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}])
    assert by_arn.list_objects_v2(Bucket=lake)["KeyCount"] == 3
    assert "no session policy" in denied(by_arn.put_object, Bucket=lake, Key="k", Body=b"")[1]
    tagged = Role(strict, allow("s3:GetObject", f"arn:aws:s3:::{lake}/${{aws:PrincipalTag/zone}}/*"))
    assert tagged.client("s3", Tags=[{"Key": "zone", "Value": "gold"}]).get_object(Bucket=lake, Key="gold/c.csv")["Body"].read() == b"x"
    assert denied(tagged.client("s3").get_object, Bucket=lake, Key="gold/c.csv")[0] == "AccessDenied"


def test_users_and_their_keys(strict, lake):
    iam, user, group = strict.client("iam"), name("u"), name("g")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    s3 = using(strict, key, "s3")
    assert using(strict, key, "sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{user}"
    assert f"User: arn:aws:iam::{ACCOUNT}:user/{user} is not" in denied(s3.get_object, Bucket=lake, Key="raw/a.csv")[1]
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=document(allow("s3:GetObject", "arn:aws:s3:::*/raw/*")))
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert s3.get_object(Bucket=lake, Key="raw/a.csv")["Body"].read() == b"x"
    assert using(strict, using(strict, key, "sts").get_session_token()["Credentials"], "s3").get_object(Bucket=lake, Key="raw/a.csv")["Body"].read() == b"x"
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(allow("s3:*", "*", "Deny")))
    assert "explicit deny in an identity-based" in denied(s3.get_object, Bucket=lake, Key="raw/a.csv")[1]
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert denied(s3.get_object, Bucket=lake, Key="raw/a.csv")[0] == "InvalidAccessKeyId"


def test_aws_own_policies(strict, lake):
    role = Role(strict)
    role.iam.attach_role_policy(RoleName=role.name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    s3 = role.client("s3")
    assert s3.list_objects_v2(Bucket=lake)["KeyCount"] == 3
    assert denied(s3.put_object, Bucket=lake, Key="k", Body=b"")[0] == "AccessDenied"
    role.iam.attach_role_policy(RoleName=role.name, PolicyArn="arn:aws:iam::aws:policy/AIOpsReadOnlyAccess")  # known by name only
    s3.put_object(Bucket=lake, Key="k", Body=b"")
    strict.said("AIOpsReadOnlyAccess, whose document the sandbox does not know: s3:PutObject is let through")


# ---- who may take on a role ----


def test_trust(strict):
    iam, user = strict.client("iam"), name("u")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    sts = using(strict, key, "sts")

    def role(*who, **more):
        made = name()
        return iam.create_role(RoleName=made, AssumeRolePolicyDocument=trust(*who, **more))["Role"]["Arn"]

    own, account = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{user}"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert sts.assume_role(RoleArn=role(own), RoleSessionName="ok")
    code, message, _ = denied(sts.assume_role, RoleArn=role({"Service": "glue.amazonaws.com"}), RoleSessionName="no")
    assert code == "AccessDenied" and "sts:AssumeRole" in message and "because no resource-based policy allows" in message
    arn = role(account)
    assert "no identity-based policy" in denied(sts.assume_role, RoleArn=arn, RoleSessionName="no")[1]
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document(allow("sts:AssumeRole", arn)))
    assert sts.assume_role(RoleArn=arn, RoleSessionName="ok")
    outside = role(own, Condition={"StringEquals": {"sts:ExternalId": "secret"}})
    assert denied(sts.assume_role, RoleArn=outside, RoleSessionName="no", ExternalId="guess")[0] == "AccessDenied"
    assert sts.assume_role(RoleArn=outside, RoleSessionName="ok", ExternalId="secret")


def test_services_take_on_only_roles_that_trust_them(strict, lake):
    wrong = Role(strict, trusts=[{"Service": "ec2.amazonaws.com"}]).arn
    right = Role(strict, trusts=[{"Service": ["glue.amazonaws.com", "states.amazonaws.com"]}]).arn
    job = {"Command": {"Name": "glueetl", "ScriptLocation": f"s3://{lake}/j.py"}}
    assert denied(strict.client("glue").create_job, Name=name("j"), Role=wrong, **job)[:2] == ("InvalidInputException", "Role should be given assume role permissions for Glue Service.")
    strict.client("glue").create_job(Name=name("j"), Role=right, **job)
    machine = {"definition": '{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}'}
    assert "authorized to assume the provided role" in denied(strict.client("stepfunctions").create_state_machine, name=name("m"), roleArn=wrong, **machine)[1]
    strict.client("stepfunctions").create_state_machine(name=name("m"), roleArn=right, **machine)


def test_services_take_on_roles_for_what_their_trust_names(strict):
    """As the CDK writes it: a state machine for itself, a schedule for its group."""
    def role(service, source):
        of_it = {"ArnLike": {"aws:SourceArn": f"arn:aws:{service}:us-east-1:{ACCOUNT}:{source}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
        return strict.client("iam").create_role(RoleName=name(), AssumeRolePolicyDocument=trust({"Service": f"{service}.amazonaws.com"}, Condition=of_it))["Role"]["Arn"]

    machines, schedules = strict.client("stepfunctions"), strict.client("scheduler")
    machine = {"definition": '{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}'}
    made = machines.create_state_machine(name=name("m"), roleArn=role("states", "stateMachine:*"), **machine)["stateMachineArn"]
    machines.update_state_machine(stateMachineArn=made, roleArn=role("states", f"stateMachine:{made.split(':')[-1]}"))
    assert "authorized to assume" in denied(machines.create_state_machine, name=name("m"), roleArn=role("states", "stateMachine:other"), **machine)[1]
    schedule = {"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    schedules.create_schedule(Name=name("s"), Target={"Arn": made, "RoleArn": role("scheduler", "schedule-group/default")}, **schedule)
    other = role("scheduler", "schedule-group/nights")
    assert "must allow AWS EventBridge Scheduler" in denied(schedules.create_schedule, Name=name("s"), Target={"Arn": made, "RoleArn": other}, **schedule)[1]
    schedules.create_schedule_group(Name="nights")
    schedules.create_schedule(Name=name("s"), GroupName="nights", Target={"Arn": made, "RoleArn": other}, **schedule)


def test_a_role_is_passed_on_only_by_whom_may(strict, lake):
    jobs = Role(strict, trusts=[{"Service": "glue.amazonaws.com"}])
    job = {"Role": jobs.arn, "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{lake}/j.py"}}
    role = Role(strict, allow("glue:*"))
    code, message, _ = denied(role.client("glue").create_job, Name=name("j"), **job)
    assert code == "AccessDeniedException" and f"is not authorized to perform: iam:PassRole on resource: {jobs.arn}" in message
    role.allow(allow("glue:*"), allow("iam:PassRole", jobs.arn, Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}))
    assert "iam:PassRole" in denied(role.client("glue").create_job, Name=name("j"), **job)[1]
    role.allow(allow("glue:*"), allow("iam:PassRole", jobs.arn, Condition={"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}}))
    role.client("glue").create_job(Name=name("j"), **job)
    role.client("glue").create_job(Name=name("j"), **{**job, "Role": jobs.name})


def test_an_instance_has_a_role_that_was_passed(strict):
    iam, role = strict.client("iam"), Role(strict, allow("ec2:*"))
    jobs, profile = Role(strict, trusts=[{"Service": "ec2.amazonaws.com"}]), name("p")
    arn = iam.create_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=jobs.name)
    run = {"ImageId": "ami-0a1b2c3d", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    for given in {"Arn": arn}, {"Name": profile}:
        assert f"perform: iam:PassRole on resource: {jobs.arn}" in denied(role.client("ec2").run_instances, **run, IamInstanceProfile=given)[1]
    role.client("ec2").run_instances(**run)
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    role.allow(allow("ec2:*"), allow("iam:PassRole", jobs.arn, Condition=to_ec2))
    role.client("ec2").run_instances(**run, IamInstanceProfile={"Arn": arn})


def test_tasks_have_roles_that_trust_and_were_passed(strict):
    """ECS says so at once, a job of Batch fails with it; both want the role handed over, whose task it is."""
    ecs, batch, tasks = strict.client("ecs"), strict.client("batch"), {"Service": "ecs-tasks.amazonaws.com"}
    right, wrong, role = Role(strict, trusts=[tasks]), Role(strict, trusts=[{"Service": "ecs.amazonaws.com"}]), Role(strict, allow(["ecs:*", "batch:*"]))
    container = {"name": "main", "image": "local", "command": ["true"], "memory": 128}
    cluster = name("c")
    ecs.create_cluster(clusterName=cluster)

    def define(of):
        return ecs.register_task_definition(family=name("t"), taskRoleArn=of.arn, containerDefinitions=[container])["taskDefinition"]["taskDefinitionArn"]

    code, message, _ = denied(ecs.run_task, cluster=cluster, taskDefinition=define(wrong))
    assert code == "ClientException" and message.startswith(f"ECS was unable to assume the role '{wrong.arn}' that was provided for this task.")
    assert ecs.run_task(cluster=cluster, taskDefinition=define(right))["tasks"]
    assert f"perform: iam:PassRole on resource: {right.arn}" in denied(role.client("ecs").run_task, cluster=cluster, taskDefinition=define(right))[1]
    assert "iam:PassRole" in denied(role.client("ecs").register_task_definition, family=name("t"), executionRoleArn=right.arn, containerDefinitions=[container])[1]
    role.allow(allow(["ecs:*", "batch:*"]), allow("iam:PassRole", right.arn, Condition={"StringEquals": {"iam:PassedToService": tasks["Service"]}}))
    assert role.client("ecs").run_task(cluster=cluster, taskDefinition=define(right))["tasks"]

    environment = batch.create_compute_environment(computeEnvironmentName=name("e"), type="UNMANAGED")["computeEnvironmentArn"]
    until(lambda: batch.describe_compute_environments(computeEnvironments=[environment])["computeEnvironments"][0]["status"] == "VALID")
    queue = batch.create_job_queue(jobQueueName=name("q"), priority=1, computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}])["jobQueueArn"]
    for of, status, says in (wrong, "FAILED", f"ECS was unable to assume the role '{wrong.arn}'"), (right, "SUCCEEDED", ""):
        job = {"type": "container", "containerProperties": {"image": "local", "command": ["true"], "jobRoleArn": of.arn, "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]}}
        definition = batch.register_job_definition(jobDefinitionName=name("d"), **job)["jobDefinitionArn"]
        started = batch.submit_job(jobName="j", jobQueue=queue, jobDefinition=definition)["jobId"]
        ended = until(lambda: (j := batch.describe_jobs(jobs=[started])["jobs"][0])["status"] in ("FAILED", "SUCCEEDED") and j)
        assert ended["status"] == status and says in ended["statusReason"]


# ---- resources ----


def test_buckets(strict, lake):
    role, s3 = Role(strict), strict.client("s3")
    statement = {"Principal": {"AWS": role.arn}, **allow("s3:GetObject", f"arn:aws:s3:::{lake}/*")}
    s3.put_bucket_policy(Bucket=lake, Policy=document(statement))
    assert role.client("s3").get_object(Bucket=lake, Key="raw/a.csv")["Body"].read() == b"x"
    s3.put_bucket_policy(Bucket=lake, Policy=document(statement, {"Principal": "*", **allow("s3:*", [f"arn:aws:s3:::{lake}/gold/*"], "Deny")}))
    assert denied(role.client("s3").get_object, Bucket=lake, Key="gold/c.csv")[1].endswith("with an explicit deny in a resource-based policy")
    s3.put_bucket_policy(Bucket=lake, Policy=document({"Principal": "*", **allow("s3:*", [f"arn:aws:s3:::{lake}/*"], "Deny"), "Condition": {"Bool": {"aws:SecureTransport": "false"}}}, statement))
    assert role.client("s3").get_object(Bucket=lake, Key="gold/c.csv")["Body"].read() == b"x"


def test_queues_topics_secrets_and_keys(strict):
    role = Role(strict)
    who = {"Principal": {"AWS": role.arn}}
    queue = strict.client("sqs").create_queue(QueueName=name("q"))["QueueUrl"]
    arn = strict.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert f"sqs:SendMessage on resource: {arn}" in denied(role.client("sqs").send_message, QueueUrl=queue, MessageBody="m")[1]
    strict.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document({**who, **allow("sqs:SendMessage", arn)})})
    role.client("sqs").send_message(QueueUrl=queue, MessageBody="m")
    topic = strict.client("sns").create_topic(Name=name("t"))["TopicArn"]
    assert "sns:Publish" in denied(role.client("sns").publish, TopicArn=topic, Message="m")[1]  # the policy that it is born with is for its owner
    strict.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document({**who, **allow("sns:Publish", topic)}))
    role.client("sns").publish(TopicArn=topic, Message="m")
    secret = strict.client("secretsmanager").create_secret(Name=name("pw"), SecretString="s")
    assert f"on resource: {secret['ARN']} " in denied(role.client("secretsmanager").get_secret_value, SecretId=secret["Name"])[1]
    strict.client("secretsmanager").put_resource_policy(SecretId=secret["ARN"], ResourcePolicy=document({**who, **allow("secretsmanager:GetSecretValue")}))
    assert role.client("secretsmanager").get_secret_value(SecretId=secret["Name"])["SecretString"] == "s"
    by_name = Role(strict, allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{secret['Name']}-??????"))
    assert by_name.client("secretsmanager").get_secret_value(SecretId=secret["Name"])["SecretString"] == "s"


def test_the_data_catalog(strict):
    """One policy for all of it: it allows, and denies whatever a caller's own policies say. A second one does not take its place by mistake."""
    glue, role = strict.client("glue"), Role(strict)
    database, catalog = name("films").replace("-", "_"), f"arn:aws:glue:us-east-1:{ACCOUNT}:"
    glue.create_database(DatabaseInput={"Name": database})
    who, read = {"Principal": {"AWS": role.arn}}, [f"{catalog}catalog", f"{catalog}database/{database}"]
    assert f"glue:GetDatabase on resource: {catalog}" in denied(role.client("glue").get_database, Name=database)[1]
    given = glue.put_resource_policy(PolicyInJson=document({**who, **allow("glue:GetDatabase", read)}), PolicyExistsCondition="NOT_EXIST")
    try:
        assert role.client("glue").get_database(Name=database)["Database"]["Name"] == database
        assert denied(glue.put_resource_policy, PolicyInJson=document({**who, **allow("glue:*")}), PolicyExistsCondition="NOT_EXIST")[0] == "ConditionCheckFailureException"
        assert glue.get_resource_policy()["PolicyHash"] == given["PolicyHash"]
        role.allow(allow("glue:*"))
        glue.put_resource_policy(PolicyInJson=document({**who, **allow("glue:DeleteDatabase", f"{catalog}*", "Deny")}))
        assert glue.get_resource_policy()["PolicyHash"] != given["PolicyHash"]
        assert denied(role.client("glue").delete_database, Name=database)[1].endswith("with an explicit deny in a resource-based policy")
    finally:
        glue.delete_resource_policy()
    role.client("glue").delete_database(Name=database)
    assert denied(glue.get_resource_policy)[0] == "EntityNotFoundException"


def test_keys_have_the_first_word(strict):
    role = Role(strict, allow("kms:*"))
    open_key = strict.client("kms").create_key()["KeyMetadata"]
    closed = strict.client("kms").create_key(Policy=document({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/keeper"}, **allow("kms:*")}), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]
    assert role.client("kms").encrypt(KeyId=open_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert "because no resource-based policy allows the kms:Encrypt action" in denied(role.client("kms").encrypt, KeyId=closed["KeyId"], Plaintext=b"x")[1]
    narrow = Role(strict, allow("kms:Encrypt", open_key["Arn"]))
    strict.client("kms").create_alias(AliasName="alias/" + (alias := name("a")), TargetKeyId=open_key["KeyId"])
    assert narrow.client("kms").encrypt(KeyId=f"alias/{alias}", Plaintext=b"x")["CiphertextBlob"]


# ---- keys behind other things ----


def made_key(strict, *statements):
    """A key whose policy leaves it to identities, or is these statements; its ARN."""
    more = {"Policy": document({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, **allow(["kms:Describe*", "kms:Put*", "kms:Get*"])}, *statements)} if statements else {}
    return strict.client("kms").create_key(**more)["KeyMetadata"]["Arn"]


def encrypt_with(strict, bucket, key, **more):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, **more}
    strict.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_encrypted_objects_need_their_key(strict, lake):
    """To write GenerateDataKey, to read Decrypt; both for parts; whose bucket it is does not matter, and a key's alias is the key."""
    key, root = made_key(strict), strict.client("s3")
    strict.client("kms").create_alias(AliasName="alias/" + (alias := name("k")), TargetKeyId=key)
    encrypt_with(strict, lake, f"alias/{alias}")
    assert root.put_object(Bucket=lake, Key="secret", Body=b"x")["SSEKMSKeyId"] == key  # as the bucket says, and under the key's own name
    role = Role(strict, allow("s3:*"))
    s3 = role.client("s3")
    for call, more, action in (s3.put_object, {"Key": "n", "Body": b""}, "GenerateDataKey"), (s3.get_object, {"Key": "secret"}, "Decrypt"), \
            (s3.copy_object, {"Key": "n", "CopySource": f"{lake}/secret"}, "Decrypt"), (s3.copy_object, {"Key": "n", "CopySource": f"{lake}/raw/a.csv"}, "GenerateDataKey"), \
            (s3.create_multipart_upload, {"Key": "n"}, "GenerateDataKey"):
        code, message, status = denied(call, Bucket=lake, **more)
        assert (code, status) == ("AccessDenied", 403) and f"perform: kms:{action} on resource: {key} because no identity-based policy" in message, message
    assert s3.head_object(Bucket=lake, Key="secret")["SSEKMSKeyId"] == key and s3.get_object(Bucket=lake, Key="raw/a.csv")["Body"].read() == b"x"
    s3.put_object(Bucket=lake, Key="plain", Body=b"", ServerSideEncryption="AES256")
    role.allow(allow("s3:*"), allow("kms:GenerateDataKey", key))
    s3.put_object(Bucket=lake, Key="n", Body=b"y")
    upload = {"Bucket": lake, "Key": "parts", "UploadId": s3.create_multipart_upload(Bucket=lake, Key="parts")["UploadId"]}
    part = {"PartNumber": 1, "ETag": s3.upload_part(PartNumber=1, Body=b"p", **upload)["ETag"]}
    assert "kms:Decrypt" in denied(s3.complete_multipart_upload, MultipartUpload={"Parts": [part]}, **upload)[1]
    only_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}, "StringLike": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{lake}/*"}}
    role.allow(allow("s3:*"), allow("kms:GenerateDataKey", key), allow("kms:Decrypt", key, Condition=only_s3))
    s3.complete_multipart_upload(MultipartUpload={"Parts": [part]}, **upload)
    assert s3.get_object(Bucket=lake, Key="parts")["Body"].read() == b"p"
    assert s3.copy_object(Bucket=lake, Key="copy", CopySource=f"{lake}/n")["SSEKMSKeyId"] == key
    assert "kms:Decrypt" in denied(role.client("kms").decrypt, CiphertextBlob=strict.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"])[1]


def test_a_keys_policy_counts_for_objects(strict, lake):
    role = Role(strict, allow(["s3:*", "kms:*"]))
    closed = made_key(strict, {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/keeper"}, **allow("kms:*")})
    put = {"Bucket": lake, "Key": "k", "Body": b"", "ServerSideEncryption": "aws:kms"}
    assert "because no resource-based policy allows the kms:GenerateDataKey action" in denied(role.client("s3").put_object, **put, SSEKMSKeyId=closed)[1]
    theirs = made_key(strict, {"Principal": {"AWS": role.arn}, **allow("kms:*")})
    role.allow(allow("s3:*"))  # the key's policy names him: it is enough
    role.client("s3").put_object(**put, SSEKMSKeyId=theirs)
    role.client("s3").put_object(**put)  # the account's own key of S3 is everybody's
    role.client("s3").get_object(Bucket=lake, Key="k")
    bucket_key = {"ArnEquals": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{lake}"}}
    role.allow(allow("s3:*"), allow("kms:*", Condition=bucket_key))
    encrypt_with(strict, lake, made_key(strict), BucketKeyEnabled=True)
    assert role.client("s3").put_object(Bucket=lake, Key="b", Body=b"")["BucketKeyEnabled"]
    strict.client("kms").disable_key(KeyId=theirs)
    assert denied(strict.client("s3").put_object, **put, SSEKMSKeyId=theirs)[0] == "KMS.DisabledException"
    assert denied(strict.client("s3").put_object, **put, SSEKMSKeyId="arn:aws:kms:us-east-1:000000000000:key/none")[0] == "KMS.NotFoundException"


def test_keys_behind_queues_topics_secrets_and_parameters(strict, lake):
    key, role = made_key(strict), Role(strict, allow(["sqs:*", "sns:*", "secretsmanager:*", "ssm:*"]))
    queue = strict.client("sqs").create_queue(QueueName=name("q"), Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    topic = strict.client("sns").create_topic(Name=name("t"), Attributes={"KmsMasterKeyId": key})["TopicArn"]
    secret = strict.client("secretsmanager").create_secret(Name=name("s"), SecretString="s", KmsKeyId=key)["ARN"]
    strict.client("ssm").put_parameter(Name=(parameter := name("p")), Value="v", Type="SecureString", KeyId=key)

    def calls():
        sqs, ssm = role.client("sqs"), role.client("ssm")
        return [(sqs.send_message, {"QueueUrl": queue, "MessageBody": "m"}), (sqs.receive_message, {"QueueUrl": queue}),
                (role.client("sns").publish, {"TopicArn": topic, "Message": "m"}), (role.client("secretsmanager").get_secret_value, {"SecretId": secret}),
                *((call, {**named, "WithDecryption": True}) for call, named in [
                    (ssm.get_parameter, {"Name": parameter}), (ssm.get_parameter, {"Name": f"{parameter}:1"}), (ssm.get_parameters, {"Names": [parameter]}),
                    (ssm.get_parameters, {"Names": [f"{parameter}:1"]}), (ssm.get_parameter_history, {"Name": parameter}),
                    (ssm.get_parameters_by_path, {"Path": "/"})])]

    codes = [denied(call, **arguments)[0] for call, arguments in calls()]
    assert codes == ["KMS.AccessDeniedException"] * 2 + ["KMSAccessDenied"] + ["AccessDeniedException"] * 7
    assert denied(role.client("secretsmanager").get_secret_value, SecretId=secret)[1] == "Access to KMS is not allowed"
    assert role.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
    role.allow(allow(["sqs:*", "sns:*", "secretsmanager:*", "ssm:*"]), allow(["kms:Decrypt", "kms:GenerateDataKey"], key))
    for call, arguments in calls():
        call(**arguments)


def test_a_version_of_a_parameter_is_the_parameter(strict):
    own, other = name("p"), name("p")
    for parameter in own, other:
        arn = strict.client("ssm").put_parameter(Name=parameter, Value="v", Type="String") and f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{own}"
    ssm = Role(strict, allow("ssm:GetParameter*", arn)).client("ssm")
    assert ssm.get_parameter(Name=f"{own}:1")["Parameter"]["Selector"] == ":1"
    assert ssm.get_parameters(Names=[f"{own}:1"])["Parameters"]
    assert denied(ssm.get_parameter, Name=f"{other}:1")[1].split(" because")[0].endswith(f"parameter/{other}")


def test_a_bucket_tells_an_encrypted_queue_only_where_the_key_lets_it(strict, lake):
    """What everybody forgets: the key's policy has to name the service that sends."""
    sqs, s3, kms = strict.client("sqs"), strict.client("s3"), strict.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    queue = sqs.create_queue(QueueName=name("q"), Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document({"Principal": {"Service": "s3.amazonaws.com"}, **allow("sqs:SendMessage", arn)})})
    s3.put_bucket_notification_configuration(Bucket=lake, NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=lake, Key="raw/one", Body=b"")
    strict.said(f"bucket {lake}: User: s3.amazonaws.com is not authorized to perform: kms:GenerateDataKey on resource: {key}")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, **allow("kms:*")},
                                                                       {"Principal": {"Service": "s3.amazonaws.com"}, **allow(["kms:GenerateDataKey", "kms:Decrypt"])}))
    s3.put_object(Bucket=lake, Key="raw/two", Body=b"")
    bodies = until(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))
    assert len(bodies) == 1 and "raw/two" in bodies[0]["Body"]


# ---- what services do for somebody ----


def run_machine(strict, role, state):
    states = strict.client("stepfunctions")
    machine = states.create_state_machine(name=name("m"), roleArn=role.arn, definition=json.dumps({"StartAt": "S", "States": {"S": {"Type": "Task", "End": True, **state}}}))
    run = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    return until(lambda: (d := states.describe_execution(executionArn=run))["status"] != "RUNNING" and d)


def test_a_state_machine_has_its_role(strict):
    queue = strict.client("sqs").create_queue(QueueName=name("q"))["QueueUrl"]
    role = Role(strict, trusts=[{"Service": "states.amazonaws.com"}])
    task = {"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": queue, "MessageBody": "m"}}
    end = run_machine(strict, role, task)
    assert end["status"] == "FAILED" and f"assumed-role/{role.name}/" in end["cause"] and "is not authorized to perform: sqs:SendMessage" in end["cause"]
    role.allow(allow("sqs:SendMessage"))
    assert run_machine(strict, role, task)["status"] == "SUCCEEDED"


def test_a_state_machine_needs_the_keys_of_objects(strict, lake):
    key, s3 = made_key(strict), strict.client("s3")
    encrypt_with(strict, lake, key)
    s3.put_object(Bucket=lake, Key="secret", Body=b"x")
    role = Role(strict, allow("s3:*"), trusts=[{"Service": "states.amazonaws.com"}])
    tasks = {"getObject": ({"Key": "secret"}, "Decrypt"), "putObject": ({"Key": "new", "Body": "y"}, "GenerateDataKey"),
             "copyObject": ({"Key": "copy", "CopySource": f"{lake}/secret"}, "Decrypt")}

    def run(call):
        return run_machine(strict, role, {"Resource": f"arn:aws:states:::aws-sdk:s3:{call}", "Parameters": {"Bucket": lake, **tasks[call][0]}})

    for call, (_, action) in tasks.items():
        end = run(call)
        assert end["status"] == "FAILED" and f"assumed-role/{role.name}/" in end["cause"] and f"perform: kms:{action} on resource: {key}" in end["cause"], end
    only_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    role.allow(allow("s3:*"), allow(["kms:Decrypt", "kms:GenerateDataKey"], key, Condition=only_s3))
    assert {call: run(call)["status"] for call in tasks} == dict.fromkeys(tasks, "SUCCEEDED")
    assert {s3.head_object(Bucket=lake, Key=one)["SSEKMSKeyId"] for one in ("new", "copy")} == {key}


def test_a_distributed_map_reads_and_writes_as_its_role(strict, lake):
    role = Role(strict, trusts=[{"Service": "states.amazonaws.com"}])
    strict.client("s3").put_object(Bucket=lake, Key="raw/items.json", Body=b"[1, 2]")
    reads = {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}, "Parameters": {"Bucket": lake, "Key": "raw/items.json"}}
    lists = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": lake, "Prefix": "raw/"}}
    each = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}

    def run(reader):
        writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": lake, "Prefix": "results"}}
        return run_machine(strict, role, {"Type": "Map", "ItemReader": reader, "ItemProcessor": each, "ResultWriter": writer})

    assert "perform: s3:GetObject on resource" in run(reads)["cause"] and "perform: s3:ListBucket on resource" in run(lists)["cause"]
    role.allow(allow("s3:ListBucket", f"arn:aws:s3:::{lake}"), allow("s3:GetObject", f"arn:aws:s3:::{lake}/raw/*"))
    end = run(reads)
    assert end["error"] == "States.ResultWriterFailed" and "perform: s3:PutObject on resource" in end["cause"], end
    role.allow(allow("s3:ListBucket", f"arn:aws:s3:::{lake}"), allow("s3:GetObject", f"arn:aws:s3:::{lake}/raw/*"), allow("s3:PutObject", f"arn:aws:s3:::{lake}/results/*"))
    assert run(reads)["status"] == run(lists)["status"] == "SUCCEEDED"


def test_notifications_need_the_targets_policy(strict, lake):
    sqs, s3 = strict.client("sqs"), strict.client("s3")
    queue = sqs.create_queue(QueueName=name("q"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"Bucket": lake, "NotificationConfiguration": {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}}
    assert denied(s3.put_bucket_notification_configuration, **told) == ("InvalidArgument", "Unable to validate the following destination configurations", 400)
    s3.put_bucket_notification_configuration(**told, SkipDestinationValidation=True)
    s3.put_object(Bucket=lake, Key="raw/one", Body=b"")
    strict.said(f"bucket {lake}: User: s3.amazonaws.com is not authorized to perform: sqs:SendMessage on resource: {arn}")
    own = {"Principal": {"Service": "s3.amazonaws.com"}, **allow("sqs:SendMessage", arn), "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{lake}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document(own)})
    s3.put_bucket_notification_configuration(**told)
    s3.put_object(Bucket=lake, Key="raw/two", Body=b"")
    bodies = until(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))
    assert len(bodies) == 1 and "raw/two" in bodies[0]["Body"]


def test_rules_need_the_targets_policy_or_a_role(strict):
    sqs, events = strict.client("sqs"), strict.client("events")
    queue = sqs.create_queue(QueueName=name("q"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = name("rule")
    made = events.put_rule(Name=rule, EventPattern='{"source": ["films"]}')["RuleArn"]
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    send = {"Entries": [{"Source": "films", "DetailType": "d", "Detail": "{}"}]}
    events.put_events(**send)
    strict.said(f"rule {rule}: User: events.amazonaws.com is not authorized")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document({"Principal": {"Service": "events.amazonaws.com"}, **allow("sqs:SendMessage", arn), "Condition": {"ArnEquals": {"aws:SourceArn": made}}})})
    events.put_events(**send)
    assert len(until(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"))) == 1


# ---- as the sandbox is started ----


def test_warnings_instead(tmp_path):
    server = Strict(tmp_path, "warn")
    try:
        role = Role(server)
        assert role.client("glue").get_databases()["DatabaseList"] == []
        server.said(f"would be denied: User: arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/run is not authorized to perform: glue:GetDatabases")
    finally:
        server.stop()


class Served(Server):
    """`weir sandbox` itself."""

    def __init__(self, folder, *words):
        self.folder = folder
        self.process = subprocess.Popen([WEIR, "sandbox", "--port", "0", "--dir", folder, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        take_env(self, self.process)

    def env(self, *words):
        """What it prints for shells, by name."""
        ran = subprocess.run([WEIR, "sandbox", "env", "--dir", self.folder, *words], text=True, capture_output=True, check=True)
        return dict(re.findall(r"export (\w+)=(.*)", ran.stdout))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def test_a_roles_own_credentials(tmp_path):
    """`weir sandbox env --role`, whatever the operator's own are; it is on where nothing else is said, and may be off."""
    for words in [], ["--iam", "off"]:
        server = Served(str(tmp_path / f"s{len(words)}"), *words)
        try:
            role = Role(server, allow("s3:ListAllMyBuckets"))
            printed = server.env("--role", role.name)
            credentials = {"AccessKeyId": printed["AWS_ACCESS_KEY_ID"], "SecretAccessKey": printed["AWS_SECRET_ACCESS_KEY"], "SessionToken": printed["AWS_SESSION_TOKEN"]}
            assert using(server, credentials, "sts").get_caller_identity()["Arn"].endswith(f":assumed-role/{role.name}/weir-sandbox-env")
            assert using(server, credentials, "s3").list_buckets()["Buckets"] == []
            if words:
                using(server, credentials, "sqs").list_queues()
            else:
                assert denied(using(server, credentials, "sqs").list_queues)[0] == "AccessDenied"
        finally:
            server.stop()
    assert subprocess.run([WEIR, "sandbox", "--iam", "maybe"], capture_output=True, text=True).returncode == 3


# ---- a second judge ----

JUDGED = [
    [allow("s3:GetObject", "arn:aws:s3:::judged/raw/*")],
    [allow("s3:*", ["arn:aws:s3:::judged", "arn:aws:s3:::judged/*"])],
    [allow("s3:*"), allow("s3:PutObject", "*", "Deny")],
    [allow(["s3:Get*", "s3:List*"], "arn:aws:s3:::judged*")],
    [allow("*"), allow("s3:*", "arn:aws:s3:::judged/gold/*", "Deny")],
    [allow("sqs:*")],
    [allow("s3:PutObject", "arn:aws:s3:::judged/gold/*.csv")],
    [allow("s3:ListBucket", "arn:aws:s3:::judged"), allow("s3:GetObject", "arn:aws:s3:::judged/*/b.csv")],
]


def verdicts(server, before=lambda: None):
    """What each of these users may do, as a table."""
    iam, s3, keys = server.new_client("iam", "us-east-1", None, None), server.client("s3"), []
    s3.create_bucket(Bucket="judged")
    for key in "raw/a.csv", "gold/b.csv":
        s3.put_object(Bucket="judged", Key=key, Body=b"x")
    for i, statements in enumerate(JUDGED):
        iam.create_user(UserName=f"judged-{i}")
        iam.put_user_policy(UserName=f"judged-{i}", PolicyName="p", PolicyDocument=document(*statements))
        keys.append(iam.create_access_key(UserName=f"judged-{i}")["AccessKey"])
    before()
    table = []
    for key in keys:
        own, row = using(server, key, "s3"), []
        for call, arguments in (("get_object", {"Key": "raw/a.csv"}), ("get_object", {"Key": "gold/b.csv"}), ("put_object", {"Key": "raw/n", "Body": b""}),
                                ("put_object", {"Key": "gold/b.csv", "Body": b""}), ("list_objects_v2", {})):
            try:
                getattr(own, call)(Bucket="judged", **arguments)
                row.append("may")
            except ClientError as error:
                row.append(error.response["Error"]["Code"])
        table.append(row)
    return table


def test_moto_judges_alike(strict):
    """Its own reading of policies, as far as it goes: actions, resources, what is denied."""
    moto = Moto()
    try:
        theirs = verdicts(moto, lambda: requests.post(moto.url + "/moto-api/reset-auth", data="0", timeout=PATIENCE_S).raise_for_status())
    finally:
        moto.stop()
    own = verdicts(strict)
    assert own == theirs and {one for row in own for one in row} == {"may", "AccessDenied"}


def test_linked_role_has_its_policy(sandbox):
    """Names and policies are in no pattern: AWS's list is sandbox/names/linked_roles.txt."""
    iam = sandbox.client("iam")
    role = iam.create_service_linked_role(AWSServiceName="lightsail.amazonaws.com")["Role"]["RoleName"]
    assert role == "AWSServiceRoleForLightsail"
    assert [one["PolicyName"] for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]] == ["LightsailExportAccess"]
    assert code(iam.create_service_linked_role, AWSServiceName="lightsail.amazonaws.com", CustomSuffix="two") == "InvalidInput"
    assert iam.create_service_linked_role(AWSServiceName="lexv2.amazonaws.com", CustomSuffix="two")["Role"]["RoleName"] == "AWSServiceRoleForLexV2Bots_two"
    iam.delete_service_linked_role(RoleName=role)
    assert code(iam.get_role, RoleName=role) == "NoSuchEntity"


def test_a_user_may_ask_who_it_is(strict):
    """AWS's answer to GetUser without a name: the caller, where that is a user."""
    iam, user = strict.client("iam"), name("u")
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="ask", PolicyDocument=document(allow("iam:GetUser")))
    own = using(strict, iam.create_access_key(UserName=user)["AccessKey"], "iam")
    assert own.get_user()["User"]["UserName"] == user
    assert denied(Role(strict, allow("iam:GetUser")).client("iam").get_user) == (
        "ValidationError", "Must specify userName when calling with non-User credentials", 400)


def test_documents_are_encoded_and_arns_are_read(strict):
    """AWS shows policies percent-encoded: what is encoded in them stays so."""
    iam, user = strict.client("iam"), name("u")
    iam.create_user(UserName=user)
    given = json.loads(document(allow("apigateway:PUT", "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway")))
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(given))
    assert iam.get_user_policy(UserName=user, PolicyName="p")["PolicyDocument"] == given
    assert denied(iam.attach_user_policy, UserName=user, PolicyArn="longpolicynamebutnoarn") == ("ValidationError", "Invalid ARN:  Could not be parsed!", 400)


def test_credentials_for_single_services(sandbox):
    iam, name = sandbox.client("iam"), f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    assert code(iam.create_service_specific_credential, UserName="nobody", ServiceName="codecommit.amazonaws.com") == code(iam.create_service_specific_credential, UserName=name, ServiceName="lambda.amazonaws.com") == "NoSuchEntity"
    made = iam.create_service_specific_credential(UserName=name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert made["ServiceUserName"] == f"{name}-at-000000000000" and made["Status"] == "Active"
    of = {"UserName": name, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    iam.update_service_specific_credential(**of, Status="Inactive")
    (listed,) = iam.list_service_specific_credentials(UserName=name, ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredentials"]
    assert listed["Status"] == "Inactive" and "ServicePassword" not in listed
    assert not iam.list_service_specific_credentials(UserName=name, ServiceName="cassandra.amazonaws.com")["ServiceSpecificCredentials"]
    assert iam.reset_service_specific_credential(**of)["ServiceSpecificCredential"]["ServicePassword"] != made["ServicePassword"]
    assert code(iam.update_service_specific_credential, **of, Status="Gone") == code(iam.delete_service_specific_credential, UserName=name, ServiceSpecificCredentialId="no-id-of-any-kind-of-it") == "ValidationError"
    assert code(iam.delete_user, UserName=name) == "DeleteConflict"
    iam.delete_service_specific_credential(**of)
    iam.delete_user(UserName=name)
