"""Policies that IAM would not take are found before anything is called, at their statement; where IAM itself judges, it agrees."""

import json

import pytest
from botocore.exceptions import ClientError

STACK = """
stack: grammar
resources:
  lake: {type: aws.s3.bucket, name: grammar-lake}
  role:
    type: aws.iam.role
    name: grammar
    assume_role_policy: ${trust("glue.amazonaws.com")}
    policies:
      own:
        Statement:
          - {Effect: Allow, Action: "s3:GetObject", Resource: "${lake.arn}/*"}
          - STATEMENT
"""
RIGHT = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
WRONG = {
    "no effect": ({"Efect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}, 'there is no element "Efect"; did you mean "Effect"?'),
    "no vendor": ({**RIGHT, "Action": "ListBucket"}, 'an action is SERVICE:NAME, not "ListBucket"'),
    "no resource": ({"Effect": "Allow", "Action": "s3:ListBucket"}, "Resource is missing"),
    "no ARN": ({**RIGHT, "Resource": "grammar-lake"}, 'a resource is an ARN or "*", not "grammar-lake"'),
    "a principal": ({**RIGHT, "Principal": "*"}, "Principal does not belong here"),
}


def test_right(stack):
    stack.write(STACK.replace("STATEMENT", json.dumps(RIGHT)))
    stack.run("validate")


@pytest.mark.parametrize("what", WRONG)
def test_wrong(stack, cloud, what):
    statement, words = WRONG[what]
    stack.write(STACK.replace("STATEMENT", json.dumps(statement)))
    said = stack.run("validate", status=3).err
    assert f"statement 2: {words}" in said and "weir.yaml:13:13" in said, said
    if what == "a principal":
        return  # which IAM's reference forbids, and moto lets pass
    iam = cloud.client("iam")
    iam.create_role(RoleName="judge", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}]}))
    with pytest.raises(ClientError) as judged:  # moto has IAM's grammar
        iam.put_role_policy(RoleName="judge", PolicyName="own", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert judged.value.response["Error"]["Code"] == "MalformedPolicyDocument"


def test_trust_in_no_operation_of_sts(stack, cloud):
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Principal": {"Service": "lambda.amazonaws.com"}}]}
    stack.write(STACK.replace('${trust("glue.amazonaws.com")}', json.dumps(document)).replace("STATEMENT", json.dumps(RIGHT)))
    assert "statement 1: a trust policy has actions of sts" in stack.run("validate", status=3).err
    iam = cloud.client("iam")
    iam.create_role(RoleName="judge", AssumeRolePolicyDocument=json.dumps({**document, "Statement": [{**document["Statement"][0], "Action": "sts:AssumeRole"}]}))
    with pytest.raises(ClientError, match="only be sts:AssumeRole"):  # moto knows this of AWS
        iam.update_assume_role_policy(RoleName="judge", PolicyDocument=json.dumps(document))


def test_a_queue_that_lets_nobody_in(stack):
    stack.write("""
stack: grammar
resources:
  queue: {type: aws.sqs.queue, name: q, policy: '${allow("sqs:SendMessage", "*")}'}
""")
    assert "statement 1: Principal is missing: nobody is let in" in stack.run("validate", status=3).err


VARIABLES = """
stack: grammar
resources:
  queue: {type: aws.sqs.queue, name: q}
  role:
    type: aws.iam.role
    name: grammar
    assume_role_policy: ${trust("glue.amazonaws.com")}
    policies:
      own: {Statement: [{Effect: Allow, Action: "s3:GetObject", Resource: ["arn:aws:s3:::lake/$${aws:username}/*", "${queue.arn}"]}]}
"""


def test_variables_of_the_newer_language(stack):
    """A policy without Version is of 2008, where they stand for themselves."""
    said = stack.write(VARIABLES).run("validate").err
    assert said.count("warning: ") == 1 and 'policy variables are plain text in a policy without Version "2012-10-17"' in said and "weir.yaml:10:12" in said, said
    assert "warning: " not in stack.write(VARIABLES.replace("{Statement", '{Version: "2012-10-17", Statement')).run("validate").err
    assert "warning: " not in stack.write(VARIABLES.replace("$${aws:username}", "a")).run("validate").err
