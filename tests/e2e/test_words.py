"""Who writes a word of Terraform or CloudFormation is told what it is here: the words are those of imports."""

import pytest

WORDS = [
    ("aws_cloudwatch_event_rule", "a: 1", "a", 'did you mean "aws.events.rule"?'),
    ("aws_sagemaker_model", "a: 1", "a", 'did you mean "AWS::SageMaker::Model"?'),
    ("aws_s3_bucket_versioning", "a: 1", "a", "aws_s3_bucket_versioning is a part of aws.s3.bucket here"),
    ("aws.s3.bucket_policy", "a: 1", "a", "aws.s3.bucket_policy is a part of aws.s3.bucket here"),
    ("aws.kms.key", "enable_key_rotation: true", "enable_key_rotation", 'did you mean "rotation"?\n  hint: "enable_key_rotation" is Terraform\'s word'),
    ("aws.kms.key", "PendingWindowInDays: 7", "PendingWindowInDays", 'did you mean "deletion_window_in_days"?\n  hint: "PendingWindowInDays" is CloudFormation\'s word'),
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
