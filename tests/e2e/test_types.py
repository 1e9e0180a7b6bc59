"""The life of the first types (see life_cycle.py), and what is peculiar to them."""

import json

import pytest

from life_cycle import Case, case_table, policy, stack_text, walk
from support import ACCOUNT

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
TRUST_TWO = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["glue.amazonaws.com", "lambda.amazonaws.com"]}, "Action": "sts:AssumeRole"}]}

CASES, case = case_table()


@case("bucket")
def _():
    def seen(cloud):
        s3 = cloud.client("s3")
        (bucket,) = s3.list_buckets()["Buckets"]
        name = bucket["Name"]
        return {
            "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
            "encryption": {"BucketKeyEnabled": False, **s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]},
            "block": s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"],
            "ownership": s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"][0]["ObjectOwnership"],
            "rules": s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"],
            "policy": json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]),
            "tags": {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket=name)["TagSet"]},
        }

    def bucket_policy(action, bucket="life-lake"):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{bucket}/*"}]}

    block = {"block_public_acls": True, "ignore_public_acls": True, "block_public_policy": True, "restrict_public_buckets": True}
    return Case(
        type="aws.s3.bucket",
        first={
            "name": "life-lake", "versioning": True, "encryption": {"algorithm": "AES256"}, "public_access_block": block, "ownership": "BucketOwnerEnforced",
            "lifecycle_rules": [{"id": "old", "status": "Enabled", "filter": {"prefix": ""}, "noncurrent_version_expiration": {"noncurrent_days": 30}}],
            "policy": bucket_policy("s3:PutObject"), "tags": {"team": "a", "keep": "same"}, "force_destroy": True,
        },
        then={
            "name": "life-lake", "versioning": False, "encryption": {"algorithm": "aws:kms", "kms_key": "alias/other", "bucket_key_enabled": True},
            "public_access_block": {**block, "restrict_public_buckets": False}, "ownership": "BucketOwnerPreferred",
            "lifecycle_rules": [
                {"id": "old", "status": "Disabled", "filter": {"prefix": "raw/"}, "noncurrent_version_expiration": {"noncurrent_days": 60}},
                {"id": "cold", "status": "Enabled", "filter": {"prefix": "x/"}, "transitions": [{"days": 90, "storage_class": "GLACIER"}], "expiration": {"days": 400},
                 "abort_incomplete_multipart_upload": {"days_after_initiation": 7}},
            ],
            "policy": bucket_policy(["s3:DeleteObject", "s3:PutObject"]), "tags": {"team": "b", "more": "x y/z+ü"}, "force_destroy": True,
        },
        less={"name": "life-lake", "force_destroy": True},
        seen=seen,
        gone=lambda cloud: not cloud.client("s3").list_buckets()["Buckets"],
        outside=lambda cloud: cloud.client("s3").put_bucket_encryption(Bucket="life-lake", ServerSideEncryptionConfiguration={"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/third"}}]}),
        drifted="encryption",
        replaces=[{"name": "life-other-lake", "policy": bucket_policy("s3:PutObject", "life-other-lake")}],  # a policy is of its own bucket
    )


@case("object")
def _():
    def seen(cloud):
        s3 = cloud.client("s3")
        keys = [o["Key"] for o in s3.list_objects_v2(Bucket="life-lake")["Contents"]]
        (key,) = keys
        answer = s3.get_object(Bucket="life-lake", Key=key)
        return {"body": answer["Body"].read(), "type": answer["ContentType"], "metadata": {k: v for k, v in answer["Metadata"].items() if not k.startswith("weir-")},
                "tags": {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket="life-lake", Key=key)["TagSet"]}}

    return Case(
        type="aws.s3.object",
        around={"lake": {"type": "aws.s3.bucket", "name": "life-lake", "force_destroy": True}},
        first={"bucket": "${lake.name}", "key": "a/b c+ü.txt", "content": "first", "content_type": "text/plain", "metadata": {"made": "by hand"}, "tags": {"team": "a"}},
        then={"bucket": "${lake.name}", "key": "a/b c+ü.txt", "content": "second", "content_type": "text/csv", "metadata": {"made": "otherwise"}, "tags": {"team": "b"}},
        less={"bucket": "${lake.name}", "key": "a/b c+ü.txt", "content": "second"},
        seen=seen,
        gone=lambda cloud: not cloud.client("s3").list_buckets()["Buckets"],
        outside=lambda cloud: cloud.client("s3").put_object(Bucket="life-lake", Key="a/b c+ü.txt", Body=b"somebody else's"),
        drifted="",
        replaces=[{"key": "other"}],
    )


@case("role")
def _():
    def seen(cloud):
        iam = cloud.client("iam")
        (role,) = iam.list_roles()["Roles"]
        name = role["RoleName"]
        role = iam.get_role(RoleName=name)["Role"]
        return {
            "description": role["Description"], "trust": role["AssumeRolePolicyDocument"], "session": role["MaxSessionDuration"],
            "tags": {t["Key"]: t["Value"] for t in role.get("Tags", [])},
            "inline": {p: iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"] for p in iam.list_role_policies(RoleName=name)["PolicyNames"]},
            "attached": sorted(p["PolicyName"] for p in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]),
        }

    return Case(
        type="aws.iam.role",
        around={name: {"type": "aws.iam.policy", "name": f"life-{name}", "policy": policy("s3:GetObject")} for name in ("one", "two")},
        first={"name": "life-role", "description": "first", "assume_role_policy": TRUST, "max_session_duration": 3600,
               "policies": {"read": policy("s3:GetObject"), "drop": policy("s3:ListBucket")}, "managed_policies": ["${one.arn}"], "tags": {"team": "a", "old": "x"}},
        then={"name": "life-role", "description": "then; ü & <b>", "assume_role_policy": TRUST_TWO, "max_session_duration": 7200,
              "policies": {"read": policy("s3:GetObject", "s3:PutObject"), "new": policy("glue:*")}, "managed_policies": ["${two.arn}"], "tags": {"team": "b", "new": "y"}},
        less={"name": "life-role", "assume_role_policy": TRUST_TWO},
        seen=seen,
        gone=lambda cloud: not cloud.client("iam").list_roles()["Roles"] and not cloud.client("iam").list_policies(Scope="Local")["Policies"],
        outside=lambda cloud: cloud.client("iam").update_role(RoleName="life-role", Description="changed by others"),
        drifted="description",
        replaces=[{"name": "life-other"}, {"path": "/deep/"}],
    )


@case("policy")
def _():
    def seen(cloud):
        iam = cloud.client("iam")
        (found,) = iam.list_policies(Scope="Local")["Policies"]
        version = iam.get_policy_version(PolicyArn=found["Arn"], VersionId=found["DefaultVersionId"])["PolicyVersion"]
        return {"document": version["Document"], "tags": {t["Key"]: t["Value"] for t in iam.list_policy_tags(PolicyArn=found["Arn"])["Tags"]}}

    def outside(cloud):
        cloud.client("iam").create_policy_version(
            PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/life-policy", PolicyDocument=json.dumps(policy("iam:*")), SetAsDefault=True)

    return Case(
        type="aws.iam.policy",
        first={"name": "life-policy", "description": "fixed", "policy": policy("s3:GetObject"), "tags": {"team": "a"}},
        then={"name": "life-policy", "description": "fixed", "policy": policy("s3:GetObject", "s3:ListBucket"), "tags": {"team": "b"}},
        less={"name": "life-policy", "description": "fixed", "policy": policy("s3:GetObject", "s3:ListBucket")},
        seen=seen,
        gone=lambda cloud: not cloud.client("iam").list_policies(Scope="Local")["Policies"],
        outside=outside,
        drifted="policy",
        replaces=[{"name": "life-other"}, {"description": "another"}],
    )


@case("glue database")
def _():
    def seen(cloud):
        (database,) = cloud.client("glue").get_databases()["DatabaseList"]
        tags = cloud.client("glue").get_tags(ResourceArn=f"arn:aws:glue:us-east-1:{ACCOUNT}:database/{database['Name']}")["Tags"]
        return {**{key: database.get(key) for key in ("Description", "LocationUri", "Parameters")}, "tags": tags}

    return Case(
        type="aws.glue.database",
        first={"name": "life_db", "description": "first", "location_uri": "s3://x/one/", "parameters": {"owner": "a"}, "tags": {"team": "a"}},
        then={"name": "life_db", "description": "then", "location_uri": "s3://x/two/", "parameters": {"owner": "b", "more": "1"}, "tags": {"team": "b"}},
        less={"name": "life_db"},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_databases()["DatabaseList"],
        outside=lambda cloud: cloud.client("glue").update_database(Name="life_db", DatabaseInput={"Name": "life_db", "Description": "others"}),
        drifted="description",
        replaces=[{"name": "life_other"}],
    )


@case("glue job")
def _():
    def seen(cloud):
        (job,) = cloud.client("glue").get_jobs()["Jobs"]
        tags = cloud.client("glue").get_tags(ResourceArn=f"arn:aws:glue:us-east-1:{ACCOUNT}:job/{job['Name']}")["Tags"]
        return {key: value for key, value in job.items() if key not in ("CreatedOn", "LastModifiedOn", "Name")} | {"tags": tags}

    def outside(cloud):
        glue = cloud.client("glue")
        glue.update_job(JobName="life-job", JobUpdate={"Role": "role-a", "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/theirs.py"}})

    return Case(
        type="aws.glue.job",
        first={"name": "life-job", "description": "first", "role": "role-a", "command": {"name": "glueetl", "script_location": "s3://x/a.py", "python_version": "3"},
               "default_arguments": {"--A": "1", "--drop": "x"}, "glue_version": "4.0", "worker_type": "G.1X", "number_of_workers": 2, "timeout": 10, "max_retries": 0,
               "execution_property": {"max_concurrent_runs": 1}, "execution_class": "STANDARD", "tags": {"team": "a"}},
        then={"name": "life-job", "description": "then", "role": "role-b", "command": {"name": "glueetl", "script_location": "s3://x/b.py", "python_version": "3"},
              "default_arguments": {"--A": "2", "--B": "3"}, "glue_version": "5.0", "worker_type": "G.2X", "number_of_workers": 5, "timeout": 20, "max_retries": 2,
              "execution_property": {"max_concurrent_runs": 3}, "execution_class": "FLEX", "tags": {"team": "b"}},
        less={"name": "life-job", "role": "role-b", "command": {"name": "glueetl", "script_location": "s3://x/b.py", "python_version": "3"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_jobs()["Jobs"],
        outside=outside,
        drifted="command",
        replaces=[{"name": "life-other"}],
        unchanged={"AllocatedCapacity", "MaxCapacity", "LogUri", "NonOverridableArguments", "Connections", "SecurityConfiguration", "NotificationProperty",
                   "CodeGenConfigurationNodes", "SourceControlDetails"},
    )


@case("secret")
def _():
    def seen(cloud):
        look = cloud.client("secretsmanager")
        (secret,) = look.list_secrets()["SecretList"]
        return {"description": secret.get("Description"), "text": look.get_secret_value(SecretId=secret["ARN"])["SecretString"],
                "tags": {t["Key"]: t["Value"] for t in secret.get("Tags", [])}}

    return Case(
        type="aws.secretsmanager.secret",
        first={"name": "life/secret", "description": "first", "secret_string": "one", "tags": {"team": "a"}, "force_destroy": True},
        then={"name": "life/secret", "description": "then", "secret_string": "two", "tags": {"team": "b"}, "force_destroy": True},
        less={"name": "life/secret", "secret_string": "two", "force_destroy": True},
        seen=seen,
        gone=lambda cloud: not cloud.client("secretsmanager").list_secrets()["SecretList"],
        outside=lambda cloud: cloud.client("secretsmanager").update_secret(SecretId="life/secret", Description="others"),
        drifted="description",
        replaces=[{"name": "life/other"}],
    )


@case("rds instance")
def _():
    def seen(cloud):
        (found,) = cloud.client("rds").describe_db_instances()["DBInstances"]
        settings = ("DBInstanceClass", "AllocatedStorage", "EngineVersion", "MultiAZ", "BackupRetentionPeriod", "DeletionProtection", "PubliclyAccessible")
        tags = {tag["Key"]: tag["Value"] for tag in found["TagList"] if tag["Key"] != "weir:intent"}
        return {key: found.get(key) for key in settings} | {"tags": tags}

    return Case(
        type="aws.rds.instance",
        first={"name": "life-db", "engine": "postgres", "engine_version": "16.3", "instance_class": "db.t3.micro", "allocated_storage": 20, "master_username": "weir",
               "master_user_password": "first-password", "db_name": "films", "backup_retention_period": 1, "multi_az": False, "publicly_accessible": False, "deletion_protection": False,
               "skip_final_snapshot": True, "tags": {"team": "a"}},
        then={"name": "life-db", "engine": "postgres", "engine_version": "16.4", "instance_class": "db.t3.small", "allocated_storage": 30, "master_username": "weir",
              "master_user_password": "second-password", "db_name": "films", "backup_retention_period": 7, "multi_az": True, "publicly_accessible": True, "deletion_protection": True,
              "skip_final_snapshot": True, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("rds").describe_db_instances()["DBInstances"],
        outside=lambda cloud: cloud.client("rds").modify_db_instance(DBInstanceIdentifier="life-db", BackupRetentionPeriod=3, ApplyImmediately=True),
        drifted="backup_retention_period",
        replaces=[{"name": "life-other-db"}, {"master_username": "other"}],
        unchanged={"DeletionProtection"},
    )


@case("events rule")
def _():
    def seen(cloud):
        events = cloud.client("events")
        (rule,) = events.list_rules()["Rules"]
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        tags = events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
        return {**{key: rule.get(key) for key in ("Description", "ScheduleExpression", "State", "EventPattern")},
                "targets": {t["Id"]: t for t in targets}, "tags": {t["Key"]: t["Value"] for t in tags}}

    def queue(name):
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    return Case(
        type="aws.events.rule",
        first={"name": "life-rule", "description": "first", "schedule_expression": "rate(1 day)", "state": "ENABLED",
               "targets": {"a": {"arn": queue("a")}, "drop": {"arn": queue("d")}}, "tags": {"team": "a"}},
        then={"name": "life-rule", "description": "then", "schedule_expression": "rate(2 days)", "state": "DISABLED",
              "targets": {"a": {"arn": queue("a"), "input": {"k": 1}}, "new": {"arn": queue("n")}}, "tags": {"team": "b"}},
        less={"name": "life-rule", "schedule_expression": "rate(2 days)"},
        seen=seen,
        gone=lambda cloud: not cloud.client("events").list_rules()["Rules"],
        outside=lambda cloud: cloud.client("events").put_rule(Name="life-rule", ScheduleExpression="rate(9 days)", Description="first", State="ENABLED"),
        drifted="schedule_expression",
        replaces=[{"name": "life-other"}],
        unchanged={"EventPattern"},
    )


@case("schedule")
def _():
    def seen(cloud):
        (found,) = cloud.client("scheduler").list_schedules()["Schedules"]
        answer = cloud.client("scheduler").get_schedule(Name=found["Name"])
        return {key: answer.get(key) for key in ("Description", "ScheduleExpression", "ScheduleExpressionTimezone", "State", "FlexibleTimeWindow", "Target")}

    def target(name, **more):
        return {"arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun", "role": f"arn:aws:iam::{ACCOUNT}:role/x", "input": {"JobName": name}, **more}

    return Case(
        type="aws.scheduler.schedule",
        first={"name": "life-nightly", "description": "first", "schedule_expression": "cron(0 2 * * ? *)", "schedule_expression_timezone": "UTC", "state": "ENABLED",
               "flexible_time_window": {"mode": "OFF"}, "target": target("a")},
        then={"name": "life-nightly", "description": "then", "schedule_expression": "cron(0 3 * * ? *)", "schedule_expression_timezone": "Asia/Seoul", "state": "DISABLED",
              "flexible_time_window": {"mode": "FLEXIBLE", "maximum_window_in_minutes": 15},
              "target": target("b", retry_policy={"maximum_retry_attempts": 1, "maximum_event_age_in_seconds": 600})},
        less={"name": "life-nightly", "schedule_expression": "cron(0 3 * * ? *)", "flexible_time_window": {"mode": "OFF"}, "target": target("b")},
        seen=seen,
        gone=lambda cloud: not cloud.client("scheduler").list_schedules()["Schedules"],
        outside=lambda cloud: cloud.client("scheduler").update_schedule(
            Name="life-nightly", ScheduleExpression="rate(5 days)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:scheduler:::aws-sdk:glue:startJobRun", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/x", "Input": "{}"}),
        drifted="schedule_expression",
        replaces=[{"name": "life-other"}],
    )


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_gone_and_not_ours(stack, cloud, name):
    """A thing that vanished is made anew; destroy of a vanished thing is done."""
    case = CASES[name]
    if name not in GONE:
        pytest.skip("covered by the other types of its service")
    stack.write(stack_text(case, case.first))
    stack.apply()
    GONE[name](cloud)
    drift = stack.run("drift", "--json", status=2)
    assert [event.get("deleted") for event in drift.events() if event["event"] == "drift" and event["address"] == "it"] == [True]
    assert stack.plan()["it"] == "create"
    stack.apply()
    stack.assert_settled()
    GONE[name](cloud)
    stack.destroy()
    assert case.gone(cloud)


def _remove_role(cloud):
    iam = cloud.client("iam")
    for found in iam.list_attached_role_policies(RoleName="life-role")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="life-role", PolicyArn=found["PolicyArn"])
    for inline in iam.list_role_policies(RoleName="life-role")["PolicyNames"]:
        iam.delete_role_policy(RoleName="life-role", PolicyName=inline)
    iam.delete_role(RoleName="life-role")


def _remove_rule(cloud):
    events = cloud.client("events")
    events.remove_targets(Rule="life-rule", Ids=["a", "drop"])
    events.delete_rule(Name="life-rule")


GONE = {
    "bucket": lambda cloud: cloud.client("s3").delete_bucket(Bucket="life-lake"),
    "object": lambda cloud: cloud.client("s3").delete_object(Bucket="life-lake", Key="a/b c+ü.txt"),
    "role": _remove_role,
    "glue database": lambda cloud: cloud.client("glue").delete_database(Name="life_db"),
    "glue job": lambda cloud: cloud.client("glue").delete_job(JobName="life-job"),
    "secret": lambda cloud: cloud.client("secretsmanager").delete_secret(SecretId="life/secret", ForceDeleteWithoutRecovery=True),
    "rds instance": lambda cloud: cloud.client("rds").delete_db_instance(DBInstanceIdentifier="life-db", SkipFinalSnapshot=True),
    "events rule": _remove_rule,
    "schedule": lambda cloud: cloud.client("scheduler").delete_schedule(Name="life-nightly"),
}


def test_unmanaged_settings_are_left_alone(stack, cloud):
    """Somebody gives the bucket a policy and the role a tag that the file does not speak of."""
    stack.write(stack_text(CASES["bucket"], {"name": "life-lake", "versioning": True}))
    stack.apply()
    cloud.client("s3").put_bucket_ownership_controls(Bucket="life-lake", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    stack.assert_settled()
    stack.run("drift", status=0)
    cloud.forget_requests()
    stack.run("plan")
    assert not [call for call in cloud.requests() if "ownership" in call.lower()]


def test_bucket_that_is_not_empty(stack, cloud):
    stack.write(stack_text(CASES["bucket"], {"name": "life-lake", "versioning": True}))
    stack.apply()
    s3 = cloud.client("s3")
    for i in range(5):
        s3.put_object(Bucket="life-lake", Key="same key", Body=str(i).encode())
    s3.delete_object(Bucket="life-lake", Key="same key")
    refused = stack.destroy(status=3)
    assert "it (it is not empty)" in refused.err and "force_destroy" in refused.err
    assert len(s3.list_object_versions(Bucket="life-lake")["Versions"]) == 5
    stack.write(stack_text(CASES["bucket"], {"name": "life-lake", "versioning": True, "force_destroy": True}))
    stack.apply()
    stack.destroy()
    assert CASES["bucket"].gone(cloud)


def bucket_with_more_versions_than_a_page(stack, cloud):
    stack.write(stack_text(CASES["bucket"], {"name": "life-lake", "versioning": True, "force_destroy": True}))
    stack.apply()
    s3 = cloud.client("s3")
    for i in range(1100):
        s3.put_object(Bucket="life-lake", Key=f"{i % 50}/ä &+%{i}", Body=b"")
    stack.destroy()
    assert CASES["bucket"].gone(cloud)


@pytest.mark.long  # moto is slow here: short runs have the sandbox (test_same_types.py), and moto in test_teardown.py
def test_bucket_with_more_versions_than_a_page(stack, cloud):
    bucket_with_more_versions_than_a_page(stack, cloud)


def test_bucket_elsewhere(stack, cloud):
    stack.write("""
        stack: regions
        providers: {aws.tokyo: {region: ap-northeast-1}}
        resources:
          here: {type: aws.s3.bucket, name: bucket-here}
          there: {type: aws.s3.bucket, name: bucket-there, provider: aws.tokyo}
    """)
    stack.apply()
    s3 = cloud.client("s3")
    assert s3.get_bucket_location(Bucket="bucket-here")["LocationConstraint"] is None
    assert s3.get_bucket_location(Bucket="bucket-there")["LocationConstraint"] == "ap-northeast-1"
    stack.assert_settled()
    stack.destroy()


def test_object_from_a_file(stack, cloud):
    (stack.folder / "data").mkdir()
    (stack.folder / "data/a.bin").write_bytes(bytes(range(256)) * 40_000)
    stack.write("""
        stack: files
        resources:
          lake: {type: aws.s3.bucket, name: file-lake, force_destroy: true}
          file: {type: aws.s3.object, bucket: "${lake.name}", key: x/a.bin, source: data/a.bin}
    """)
    stack.apply()
    stack.assert_settled()
    body = cloud.client("s3").get_object(Bucket="file-lake", Key="x/a.bin")["Body"].read()
    assert body == (stack.folder / "data/a.bin").read_bytes()
    (stack.folder / "data/a.bin").write_bytes(b"")
    assert stack.plan() == {"file": "update"}
    stack.apply()
    stack.assert_settled()
    (stack.folder / "data/a.bin").unlink()
    missing = stack.run("plan", status=None)
    assert missing.status in (1, 3) and "data/a.bin" in missing.err
    stack.write("stack: files\n").apply()
    assert CASES["bucket"].gone(cloud)


def test_data_sources(stack, cloud):
    cloud.client("s3").create_bucket(Bucket="theirs")
    stack.write("""
        stack: look
        data:
          me: {type: aws.sts.caller_identity}
          theirs: {type: aws.s3.bucket, name: theirs}
        resources: {v: {type: weir.value, value: "${me.account} ${theirs.arn}"}}
        outputs: {v: {value: "${v.value}"}}
    """)
    stack.apply()
    assert stack.outputs() == {"v": f"{ACCOUNT} arn:aws:s3:::theirs"}
    stack.assert_settled()
    cloud.client("s3").delete_bucket(Bucket="theirs")
    absent = stack.run("plan", status=3)
    assert "theirs" in absent.err


def test_policy_versions_are_pruned(stack, cloud):
    """IAM keeps five versions of a policy; the sixth change must not fail."""
    for n in range(8):
        stack.write(json.dumps({"stack": "life", "resources": {"it": {"type": "aws.iam.policy", "name": "many", "policy": policy(f"s3:Get{n}")}}}))
        stack.apply()
    stack.assert_settled()
    iam = cloud.client("iam")
    assert len(iam.list_policy_versions(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/many")["Versions"]) <= 5
    stack.destroy()
    assert not iam.list_policies(Scope="Local")["Policies"]


def test_policies_compare_as_iam_does(stack, cloud):
    """One-element lists, order of actions and keys are no difference."""
    stack.write(json.dumps({"stack": "life", "resources": {"it": {"type": "aws.iam.policy", "name": "same", "policy": policy("s3:A", "s3:B")}}}))
    stack.apply()
    cloud.client("iam").create_policy_version(
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/same", SetAsDefault=True,
        PolicyDocument='{"Statement": {"Resource": ["*"], "Action": ["s3:B", "s3:A"], "Effect": "Allow"}, "Version": "2012-10-17"}')
    stack.assert_settled()


def test_storage_with_iops_changes_in_one_call(local_stack):
    """RDS refuses its size or its IOPS alone ("You must specify both the storage size and iops …")."""
    def changed(size, storage, more):
        local_stack.write(f"""
            stack: life
            resources:
              db: {{type: aws.rds.instance, name: life, engine: postgres, instance_class: db.t3.micro, allocated_storage: {size}, {storage}, {more}, master_username: weir, manage_master_user_password: true, skip_final_snapshot: true}}
        """)
        shown = local_stack.run("apply", "--sandbox", "-y", "-vv").err
        calls = [dict(pair.split("=", 1) for pair in line[2:].split("&")) for line in shown.splitlines() if line.startswith("> Action=ModifyDBInstance")]
        names = ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput", "PromotionTier")
        return [{name: call[name] for name in names if name in call} for call in calls]

    assert changed(100, "storage_type: io1, iops: 1000", "promotion_tier: 1") == []
    assert changed(200, "storage_type: io1, iops: 1000", "promotion_tier: 1") == [{"AllocatedStorage": "200", "StorageType": "io1", "Iops": "1000"}]
    assert changed(200, "storage_type: io1, iops: 2000", "promotion_tier: 2") == [{"AllocatedStorage": "200", "StorageType": "io1", "Iops": "2000", "PromotionTier": "2"}]
    assert changed(400, "storage_type: gp3, iops: 12000", "promotion_tier: 2") == [{"AllocatedStorage": "400", "StorageType": "gp3", "Iops": "12000"}]
    assert changed(500, "storage_type: gp3, iops: 12000, storage_throughput: 500", "promotion_tier: 2") == [{"AllocatedStorage": "500", "StorageType": "gp3", "Iops": "12000", "StorageThroughput": "500"}]
    assert changed(500, "storage_type: gp3, iops: 12000, storage_throughput: 500", "promotion_tier: 3") == [{"PromotionTier": "3"}]
    assert "No changes" in local_stack.run("plan", "--sandbox").out
