"""Secrets that make new ones of themselves: what weir says of that is what boto3 is told."""

import io
import json
import zipfile

import pytest
from servers import Moto
from support import Stack, until


# As AWS's template for such functions does it.
FUNCTION = """
import boto3

def handler(event, context):
    secrets, secret, token = boto3.client("secretsmanager"), event["SecretId"], event["ClientRequestToken"]
    stages = secrets.describe_secret(SecretId=secret)["VersionIdsToStages"]
    if event["Step"] == "createSecret":
        assert stages[token] == ["AWSPENDING"]
        secrets.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString="made of " + token, VersionStages=["AWSPENDING"])
    if event["Step"] == "finishSecret":
        current = next(v for v, has in stages.items() if "AWSCURRENT" in has)
        secrets.update_secret_version_stage(SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
"""


def function_of(cloud, name):
    """One that Secrets Manager may call."""
    archive, trust = io.BytesIO(), {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("turn.py", FUNCTION)
    role = cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))["Role"]["Arn"]
    every = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}
    cloud.client("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [every]}))
    functions = cloud.client("lambda")
    arn = functions.create_function(FunctionName=name, Runtime="python3.12", Handler="turn.handler", Role=role, Code={"ZipFile": archive.getvalue()}, Timeout=60)["FunctionArn"]
    functions.add_permission(FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="secretsmanager.amazonaws.com")
    return arn


def test_a_function_makes_the_new_value(cloud):
    """In four steps: while they last the version is pending, then it is current and the other previous."""
    secrets, arn = cloud.client("secretsmanager"), function_of(cloud, "turns-a-secret")
    first = secrets.create_secret(Name="turned", SecretString="one")["VersionId"]
    second = secrets.rotate_secret(SecretId="turned", RotationLambdaARN=arn, RotationRules={"AutomaticallyAfterDays": 7})["VersionId"]
    told = until(lambda: "LastRotatedDate" in (told := secrets.describe_secret(SecretId="turned")) and told)
    assert told["VersionIdsToStages"] == {first: ["AWSPREVIOUS"], second: ["AWSCURRENT"]} and told["RotationEnabled"]
    assert secrets.get_secret_value(SecretId="turned")["SecretString"] == f"made of {second}"
    assert secrets.get_secret_value(SecretId="turned", VersionStage="AWSPREVIOUS")["SecretString"] == "one"


@pytest.mark.parametrize("where", ["cloud", pytest.param("shared_moto", marks=pytest.mark.long)])
def test_a_secret_that_rotates(tmp_path, request, where):
    """moto takes no rotation back: the rest of its life is the sandbox's."""
    cloud = request.getfixturevalue(where)
    stack, secrets = Stack(tmp_path / "stack", cloud), cloud.client("secretsmanager")
    function = function_of(cloud, "turns-none")

    def write(rotation):
        stack.write(f"stack: rotating\nresources:\n  s: {{type: aws.secretsmanager.secret, name: rotated-by-itself, secret_string: one-of-many, force_destroy: true{rotation}}}\n")

    def told():
        return secrets.describe_secret(SecretId="rotated-by-itself")

    rotation = f", rotation: true, rotation_function: {function}, rotate_immediately: false"
    write(rotation + ", rotation_rules: {days: 30}")
    stack.apply()
    stack.assert_settled()
    assert told()["RotationEnabled"] and told()["RotationRules"]["AutomaticallyAfterDays"] == 30
    write(rotation + ", rotation_rules: {days: 60}")
    assert stack.plan() == {"s": "update"}
    stack.apply()
    stack.assert_settled()
    assert told()["RotationRules"]["AutomaticallyAfterDays"] == 60
    secrets.rotate_secret(SecretId="rotated-by-itself", RotateImmediately=False, RotationRules={"AutomaticallyAfterDays": 7})
    assert stack.plan() == {"s": "update"}
    if not isinstance(cloud, Moto):
        secrets.cancel_rotate_secret(SecretId="rotated-by-itself")
        stack.apply()
        assert told()["RotationEnabled"] and told()["RotationRules"]["AutomaticallyAfterDays"] == 60
        write("")
        stack.apply()
        stack.assert_settled()
        assert not told()["RotationEnabled"]
    stack.destroy()
