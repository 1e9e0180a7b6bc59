"""weir import live: what boto3 made becomes a stack that has nothing to do."""

import json
import os
import shutil

import yaml

from support import Stack

TAGS = [{"Key": "team", "Value": "data"}]
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
LAKE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake-of-ada/*"}]}


def make(cloud):
    s3, iam, sqs, sns, glue = (cloud.client(name) for name in ("s3", "iam", "sqs", "sns", "glue"))
    s3.create_bucket(Bucket="lake-of-ada")
    s3.put_bucket_tagging(Bucket="lake-of-ada", Tagging={"TagSet": TAGS})
    s3.put_bucket_versioning(Bucket="lake-of-ada", VersioningConfiguration={"Status": "Enabled"})
    iam.create_role(RoleName="jobs-of-ada", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=TAGS)
    iam.put_role_policy(RoleName="jobs-of-ada", PolicyName="lake", PolicyDocument=json.dumps(LAKE))
    sqs.create_queue(QueueName="work-of-ada", tags={"team": "data"}, Attributes={"VisibilityTimeout": "77"})
    sns.create_topic(Name="told-of-ada", Tags=TAGS)
    s3.create_bucket(Bucket="nobodys")
    glue.create_job(
        Name="bronze-of-ada", Role="arn:aws:iam::123456789012:role/jobs-of-ada", Command={"Name": "glueetl", "ScriptLocation": "s3://code/x.py"},
        DefaultArguments={"--topic": "arn:aws:sns:us-east-1:123456789012:told-of-ada"}, Tags={"team": "data"},
    )


def taken_over(stack, *args):
    result = stack.run("import", "live", *args)
    stack.run("fmt", "--check", "weir.yaml")
    assert set(stack.plan().values()) == {"adopt"}
    assert "0 to create, 0 to update, 0 to replace, 0 to delete" in stack.run("plan").out
    stack.apply()
    stack.assert_settled()
    return result, yaml.safe_load((stack.folder / "weir.yaml").read_text())["resources"]


def test_by_tag(tmp_path, place):
    make(place)
    _, found = taken_over(Stack(tmp_path / "stack", place), "--tag", "team=data")
    assert {"bronze_of_ada", "lake_of_ada", "told_of_ada", "work_of_ada"} <= set(found) and "nobodys" not in found
    assert found["bronze_of_ada"]["default_arguments"] == {"--topic": "${told_of_ada.arn}"}
    assert found["lake_of_ada"]["versioning"] is True and found["work_of_ada"]["visibility_timeout"] == 77


def test_by_type(tmp_path, place):
    make(place)
    _, found = taken_over(Stack(tmp_path / "stack", place), "--type", "aws.iam.role", "--type", "aws.s3.bucket", "--type", "aws.glue.job")
    assert found["bronze_of_ada"]["role"] == "${jobs_of_ada.arn}"
    assert found["jobs_of_ada"]["assume_role_policy"] == '${trust("glue.amazonaws.com")}'
    assert found["jobs_of_ada"]["policies"]["lake"]["Statement"][0]["Resource"] == "${lake_of_ada.arn}/*"


def test_of_cloudformations_types(tmp_path, fast_sandbox):
    first = Stack(tmp_path / "first", fast_sandbox)
    first.write('stack: first\nresources:\n  settings: {type: "AWS::AppConfig::Application", Name: readers}\n').apply()
    result = Stack(tmp_path / "stack", fast_sandbox).run("import", "live", "--type", "AWS::AppConfig::Application", "-o", "-")
    assert "type: AWS::AppConfig::Application\n    Name: readers" in result.out


def test_of_another_stack(tmp_path, place):
    first = Stack(tmp_path / "first", place)
    first.write(
        """
        stack: first
        resources:
          lake: {type: aws.s3.bucket, name: lake-of-first}
          told: {type: aws.sns.topic, name: told-of-first}
        """
    ).apply()
    result = Stack(tmp_path / "stack", place).run("import", "live", "--stack", "first", "-o", "-")
    assert list(yaml.safe_load(result.out)["resources"]) == ["lake", "told"] and "weir:" not in result.out


def test_what_is_wanted_has_to_be_said(local_stack, stack):
    assert "--tag, --type and --stack" in local_stack.run("import", "live", status=3).err
    assert "KEY=VALUE" in local_stack.run("import", "live", "--tag", "x", status=3).err
    assert "aws.elbv2.rule can only be listed for each `listener`" in stack.run("import", "live", "--type", "aws.elbv2.rule", status=3).err
    assert "nothing of that kind" in stack.run("import", "live", "--tag", "nobody=has", status=None).err


def test_half_an_adoption_goes_on(tmp_path, fast_sandbox):
    """Killed anywhere within it: the next apply takes over the rest, and makes, changes and deletes nothing."""
    make(fast_sandbox)
    first = Stack(tmp_path / "first", fast_sandbox)
    first.run("import", "live", "--tag", "team=data")
    ids, wanted = fast_sandbox.client("resourcegroupstaggingapi"), set(first.plan())
    there = [one["ResourceARN"] for one in ids.get_resources()["ResourceTagMappingList"]]

    def copied(name):
        stack = Stack(tmp_path / name, fast_sandbox)
        shutil.copy(first.folder / "weir.yaml", stack.folder)
        return stack

    points, kills = len(copied("counted").crash_points("apply", "--yes")), 0
    assert points > 10
    for at in range(2, points, 1 if os.environ.get("WEIR_LONG") else points // 2):
        stack = copied(f"killed-{at}")
        if stack.killed_at(at, "apply", "--yes"):
            kills += 1
            assert set(stack.plan().values()) <= {"adopt", "update"}, at
            stack.apply()
        stack.assert_settled()
        assert set(stack.addresses()) == wanted
    assert kills > 1 and [one["ResourceARN"] for one in ids.get_resources()["ResourceTagMappingList"]] == there
