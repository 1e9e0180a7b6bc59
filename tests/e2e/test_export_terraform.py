"""Plans in Terraform's representation (format 1.2), for tools that read that."""

import json

import pytest

STACK = """
    stack: exported
    inputs: {password: {type: string, sensitive: true}}
    resources:
      lake:
        type: aws.s3.bucket
        name: exported-lake
        force_destroy: true
        versioning: true
        encryption: {algorithm: 'aws:kms', kms_key: '${key.arn}'}
        lifecycle_rules: [{id: old, status: Enabled, filter: {prefix: tmp/}, expiration: {days: 7}}]
      key: {type: aws.kms.key, description: of the lake, rotation: true}
      role:
        type: aws.iam.role
        name: exported-role
        assume_role_policy: ${trust("lambda.amazonaws.com")}
        policies: {read: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: '${lake.arn}/*'}]}}
        managed_policies: ['arn:aws:iam::aws:policy/CloudWatchReadOnlyAccess']
      reader:
        type: aws.lambda.function
        for_each: {a: 1}
        name: exported-${each.key}
        runtime: python3.13
        handler: a.handler
        role: ${role.arn}
        code: {s3_bucket: '${lake.name}', s3_key: a.zip}
        environment: {PASSWORD: '${inputs.password}', LAKE: '${lake.name}'}
      secret: {type: aws.secretsmanager.secret, name: exported, secret_string: '${inputs.password}', force_destroy: true}
      name: {type: weir.value, value: 1}
      note: {type: weir.command, command: 'echo one'}
"""
GIVEN = ["-i", "password=hush-hush-hush"]


def by_address(plan, key="resource_changes"):
    return {one["address"]: one for one in plan[key]}


@pytest.fixture
def written(stack):
    return stack.write(STACK)


def exported(stack, *args):
    return json.loads(stack.run("plan", "--format", "terraform-json", *GIVEN, *args).out)


def test_what_is_one_here_is_several_there(written):
    plan = exported(written)
    assert plan["format_version"] == "1.2" and plan["prior_state"]["values"]["root_module"]["resources"] == []
    values = {one["address"]: one["values"] for one in plan["planned_values"]["root_module"]["resources"]}
    assert values["aws_s3_bucket.lake"]["bucket"] == "exported-lake" and "versioning" not in values["aws_s3_bucket.lake"]
    assert values["aws_s3_bucket_versioning.lake"]["versioning_configuration"] == [{"status": "Enabled"}]
    assert values["aws_s3_bucket_lifecycle_configuration.lake"]["rule"] == [{"id": "old", "status": "Enabled", "filter": [{"prefix": "tmp/"}], "expiration": [{"days": 7}]}]
    assert json.loads(values["aws_iam_role_policy.role_read"]["policy"])["Statement"][0]["Resource"] == "arn:aws:s3:::exported-lake/*"
    assert values["aws_iam_role_policy_attachment.role_CloudWatchReadOnlyAccess"]["policy_arn"].endswith("CloudWatchReadOnlyAccess")
    assert values["aws_kms_key.key"]["enable_key_rotation"] is True
    assert all(one["change"]["actions"] == ["create"] for one in plan["resource_changes"])


def test_what_is_unknown_and_what_refers_to_what(written):
    plan = exported(written)
    encryption = by_address(plan)["aws_s3_bucket_server_side_encryption_configuration.lake"]["change"]
    assert encryption["after"]["rule"] == [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}]
    assert encryption["after_unknown"]["rule"] == [{"apply_server_side_encryption_by_default": [{"kms_master_key_id": True}]}]
    expressions = {one["address"]: one["expressions"] for one in plan["configuration"]["root_module"]["resources"]}
    inner = expressions["aws_s3_bucket_server_side_encryption_configuration.lake"]["rule"][0]["apply_server_side_encryption_by_default"][0]
    assert inner == {"sse_algorithm": {"constant_value": "aws:kms"}, "kms_master_key_id": {"references": ["aws_kms_key.key.arn", "aws_kms_key.key"]}}
    assert expressions["aws_s3_bucket_versioning.lake"]["bucket"] == {"references": ["aws_s3_bucket.lake.id", "aws_s3_bucket.lake"]}
    assert expressions["aws_lambda_function.reader"]["role"]["references"] == ["aws_iam_role.role.arn", "aws_iam_role.role"]
    assert by_address(plan)['aws_lambda_function.reader["a"]']["index"] == "a"


def test_no_secret_is_in_it(written):
    result = written.run("plan", "--format", "terraform-json", *GIVEN)
    assert "hush-hush" not in result.out + result.err
    changes = by_address(json.loads(result.out))
    function = changes['aws_lambda_function.reader["a"]']["change"]
    assert function["after"]["environment"][0]["variables"] == {"PASSWORD": "(sensitive)", "LAKE": "(sensitive)"}
    assert function["after_sensitive"]["environment"] == [{"variables": True}]
    assert changes["aws_secretsmanager_secret_version.secret"]["change"]["after_sensitive"]["secret_string"] is True


def test_types_that_terraform_has_not_are_listed(written):
    result = written.run("plan", "--format", "terraform-json", *GIVEN)
    assert "note (weir.command)" in result.err and "lake" not in result.err
    assert [one["weir_address"] for one in json.loads(result.out)["weir"]["untranslated"]] == ["note"]


def test_a_saved_plan_says_the_same(written):
    written.run("plan", "-o", "it.plan", *GIVEN)
    assert json.loads(written.run("show", "it.plan", "--format", "terraform-json").out) == exported(written)
    assert written.run("show", "it.plan", "--format", "terraform-json", "--json", status=3).out


def test_changes_are_what_they_are(stack):
    body = """
        stack: changed
        resources:
          lake: {{type: aws.s3.bucket, name: changed-lake, force_destroy: true{more}}}
          topic: {{type: aws.sns.topic, name: changed-{name}}}
    """
    stack.write(body.format(more=", versioning: true", name="one") + "      left: {type: aws.sqs.queue, name: changed-queue}\n").apply()
    stack.write(body.format(more=", tags: {owner: me}, acceleration: true", name="two"))
    plan = json.loads(stack.run("plan", "--format", "terraform-json").out)
    changes = by_address(plan)
    actions = {address: one["change"]["actions"] for address, one in changes.items()}
    assert actions == {
        "aws_s3_bucket.lake": ["update"],
        "aws_s3_bucket_versioning.lake": actions["aws_s3_bucket_versioning.lake"],
        "aws_s3_bucket_accelerate_configuration.lake": ["create"],
        "aws_sns_topic.topic": ["delete", "create"],
        "aws_sqs_queue.left": ["delete"],
    }
    assert changes["aws_s3_bucket.lake"]["change"]["after"]["tags"] == {"owner": "me"}
    assert changes["aws_sns_topic.topic"]["change"]["before"]["name"] == "changed-one"
    assert changes["aws_sqs_queue.left"]["change"]["before"]["name"] == "changed-queue" and changes["aws_sqs_queue.left"]["change"]["after"] is None
    prior = {one["address"]: one["values"] for one in plan["prior_state"]["values"]["root_module"]["resources"]}
    assert prior["aws_s3_bucket_versioning.lake"]["versioning_configuration"] == [{"status": "Enabled"}]
    stack.apply()
    again = json.loads(stack.run("plan", "--format", "terraform-json").out)
    assert {tuple(one["change"]["actions"]) for one in again["resource_changes"]} == {("no-op",)} and not again["applyable"]
    assert len(again["planned_values"]["root_module"]["resources"]) == len(again["prior_state"]["values"]["root_module"]["resources"]) >= 3
