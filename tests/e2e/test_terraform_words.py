"""Who writes a word of Terraform or CloudFormation is told what it is here: the words are those of imports."""

import re

import pytest

from support import ROOT, spec_of

WORDS = [
    ("aws_cloudwatch_event_rule", "a: 1", "a", 'did you mean "aws.events.rule"?'),
    ("aws_sagemaker_model", "a: 1", "a", 'did you mean "AWS::SageMaker::Model"?'),
    ("aws_s3_bucket_versioning", "a: 1", "a", "aws_s3_bucket_versioning is a part of aws.s3.bucket here"),
    ("aws.rds.db_instance", "a: 1", "a", 'did you mean "aws.rds.instance"?'),
    ("aws.states.state_machine", "a: 1", "a", 'did you mean "aws.stepfunctions.state_machine"?'),
    ("aws.ec2.eip", "a: 1", "a", 'did you mean "aws.ec2.elastic_ip"?'),
    ("AWS::RDS::DbInstance", "a: 1", "a", 'did you mean "AWS::RDS::DBInstance"?'),
    ("aws.dynamodb.global_table", "a: 1", "a", 'did you mean "AWS::DynamoDB::GlobalTable"?'),
    ("aws.s3.bucket_policy", "a: 1", "a", "aws.s3.bucket_policy is a part of aws.s3.bucket here"),
    ("aws.kms.key", "enable_key_rotation: true", "enable_key_rotation", 'did you mean "rotation"?\n  hint: "enable_key_rotation" is Terraform\'s name for it'),
    ("aws.kms.key", "PendingWindowInDays: 7", "PendingWindowInDays", 'did you mean "deletion_window_in_days"?\n  hint: "PendingWindowInDays" is CloudFormation\'s name for it'),
    ("aws.dynamodb.table", "ttl: {attribute_name: x}", "ttl", 'did you mean "ttl_attribute"?'),
    ("aws.dynamodb.table", "hash_key: id", "hash_key", 'did you mean "key_schema"?'),
    ("aws.dynamodb.table", "AttributeDefinitions: {id: S}", "AttributeDefinitions", 'did you mean "attribute_definitions"?'),
    ("aws.glue.job", "Command: {}", "Command", 'did you mean "command"?'),
    ("aws.glue.job", "role_arn: r", "role_arn", 'did you mean "role"?'),
    ("aws.ec2.subnet", "vpc: v", "vpc", 'did you mean "vpc_id"?'),
    ("aws.lambda.function", "s3_bucket: b", "s3_bucket", 'did you mean "code.s3_bucket"?'),
    ("aws.dynamodb.table", "ProvisionedThroughput: {}", "ProvisionedThroughput", "here that is: read_capacity, write_capacity"),
    ("aws.ec2.security_group", "ingress: [{cidr_blocks: [10.0.0.0/8]}]", "cidr_blocks", 'did you mean "cidr"?'),
    ("aws.ec2.security_group", "ingress: [{colour: red}]", "colour", "hint: known are: protocol, from_port, to_port, cidr"),
    ("aws.ec2.security_group", "ingress: [{from_prt: 1}]", "from_prt", 'did you mean "from_port"?'),
    ("aws.s3.bucket", "versionning: true", "versionning", 'did you mean "versioning"?'),
    ("aws.s3.bucket", "colour: red", "colour", "hint: `weir docs aws.s3.bucket` lists what it has"),
]


@pytest.mark.parametrize("kind, given, word, means", WORDS, ids=[f"{kind}.{word}" for kind, _, word, _ in WORDS])
def test_words(local_stack, kind, given, word, means):
    local_stack.write(f"stack: words\nresources:\n  it:\n    type: {kind}\n    {given}\n")
    said = local_stack.run("validate", status=3).err
    about = next(part for part in said.split("\n\n") if f'"{word}"' in part.splitlines()[0] or "unknown resource type" in part)
    assert means in about, said


TYPES = [(kind, means) for kind, given, _, means in WORDS if given == "a: 1"]


@pytest.mark.parametrize("kind, means", TYPES, ids=[kind for kind, _ in TYPES])
def test_every_command_says_the_same_of_a_type(local_stack, kind, means):
    assert means in local_stack.run("docs", kind, status=1).err
    assert means in local_stack.run("import", "live", "--type", kind, "-o", "-", status=1, env={"AWS_REGION": "us-east-1"}).err
    local_stack.write(f"stack: words\nresources:\n  it: {{type: '{kind}'}}\n")
    assert means in local_stack.run("validate", status=3).err and means in local_stack.run("plan", status=3).err


def test_what_weir_has_is_not_called_by_cloudformations_name(local_stack):
    """AWS::RDS::DBInstance as people write it in weir's manner, aws.rds.db_instance: the hint is weir's own type, of each that has one."""
    own = {}
    for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml")):
        for name, one in spec_of(path).get("types", {}).items():
            if "cfn" in one:
                words = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower() for word in one["cfn"].split("::")]
                own[f"aws.{words[1].replace('_', '')}.{words[2]}"] = f"aws.{path.stem}.{name}"
    asked = {said: kind for said, kind in own.items() if said not in own.values()}
    assert len(asked) > 30
    blocks = "".join(f"  r{i}: {{type: {said}}}\n" for i, said in enumerate(asked))
    err = local_stack.write(f"stack: words\nresources:\n{blocks}").run("validate", status=3).err
    parts = {re.search(r'unknown resource type "(.*?)"', part)[1]: part for part in err.split("\n\n") if "unknown resource type" in part}
    wrong = {said: parts.get(said) for said, kind in asked.items() if f'did you mean "{kind}"?' not in parts.get(said, "")}
    assert not wrong, wrong
