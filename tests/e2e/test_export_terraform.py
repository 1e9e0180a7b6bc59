"""Plans in Terraform's representation (format 1.2), for tools that read that."""

import json
import re

import pytest
import yaml

from support import Stack

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


def test_filters_of_notifications(stack):
    """S3 answers Prefix to prefix, and takes both."""
    stack.write("""
        stack: told
        resources:
          bell: {type: aws.s3.bucket_notification, bucket: lake, queues: [{queue: "arn:aws:sqs:us-east-1:123456789012:q", events: ["s3:ObjectCreated:*"],
                 filter: [{name: Prefix, value: raw/}, {name: suffix, value: .csv}]}]}
    """)
    plan = json.loads(stack.run("plan", "--format", "terraform-json").out)
    (queue,) = by_address(plan)["aws_s3_bucket_notification.bell"]["change"]["after"]["queue"]
    assert (queue["filter_prefix"], queue["filter_suffix"]) == ("raw/", ".csv")


def test_region_default_tags_and_secrets_in_maps(written):
    """The provider's settings are those of weir's; else a plan of Terraform's takes the tags away, and another region has nothing of it."""
    written.write(STACK + "    providers: {aws: {region: eu-west-1, default_tags: {team: data}}}\n")
    text = written.run("export", "terraform", "-o", "-", *GIVEN).out
    assert 'provider "aws" {\n  region = "eu-west-1"\n}\n' in text
    ignored = written.write(STACK + "    providers: {aws: {region: eu-west-1, ignore_tags: [made-by, \"corp:*\", cost]}}\n").run("export", "terraform", "-o", "-", *GIVEN).out
    assert 'region = "eu-west-1"\n  ignore_tags {\n    keys = ["made-by", "cost"]\n    key_prefixes = ["corp:"]\n  }\n}\n' in ignored, ignored
    provider = json.loads(written.run("plan", "--format", "terraform-json", *GIVEN).out)["configuration"]["provider_config"]["aws"]
    assert provider["expressions"]["ignore_tags"] == [{"keys": {"constant_value": ["made-by", "cost"]}, "key_prefixes": {"constant_value": ["corp:"]}}]
    assert 'tags = {\n    team = "data"\n  }' in text.split('resource "aws_iam_role" "role"')[1].split("\n}\n")[0]
    assert re.search(r'variables" \{\n.*\n  type        = map\(string\)', text), text


def test_a_second_region_is_an_alias(stack):
    """Otherwise Terraform looks for its resources in the first one. A name of one character is a reference, too."""
    stack.write("""
        stack: regions
        providers: {aws: {region: us-east-1}, aws.west: {region: eu-west-1, ignore_tags: [cost]}}
        resources:
          bell: {type: aws.events.rule, name: b, schedule_expression: rate(1 day), targets: {t: {arn: "${queue.arn}"}}, provider: aws.west}
          queue: {type: aws.sqs.queue, name: queue}
          more: {type: aws.sqs.queue, name: 'more-${each.key}', for_each: [a, b]}
    """)
    text = stack.run("export", "terraform", "-o", "-").out
    assert 'provider "aws" {\n  region = "us-east-1"\n}\n\nprovider "aws" {\n  alias = "eu-west-1"\n  region = "eu-west-1"\n  ignore_tags {' in text
    assert 'resource "aws_cloudwatch_event_rule" "bell" {\n  provider = aws.eu-west-1\n' in text and text.count("provider = ") == 2
    assert "  rule = aws_cloudwatch_event_rule.bell.name\n" in text
    stack.write("""
        stack: regions
        providers: {aws: {region: us-east-1}, aws.west: {region: eu-west-1}}
        resources:
          a: {type: aws.sqs.queue, name: a, provider: aws.west}
          b: {type: aws.sqs.queue, name: b}
          c: {type: aws.sqs.queue, name: c}
    """)
    text = stack.run("export", "terraform", "-o", "-").out  # most resources are in the default one, not the first
    assert 'resource "aws_sqs_queue" "a" {\n  provider = aws.eu-west-1\n' in text and text.count("provider = ") == 1


def test_what_terraform_requires_of_what_is_applied(stack):
    """The service reports what the file does not configure; it is written all the same."""
    stack.write("""
        stack: required
        resources:
          role: {type: aws.iam.role, name: r, assume_role_policy: '${trust("scheduler.amazonaws.com")}'}
          it: {type: aws.scheduler.schedule, name: a, schedule_expression: rate(1 day), target: {arn: "arn:aws:sqs:us-east-1:123456789012:q", role: "${role.arn}"}}
    """).apply()
    assert re.search(r'flexible_time_window \{\n +mode = "OFF"', stack.run("export", "terraform", "-o", "-").out)


# What others refer to, by its name there.
OUTPUTS = [
    ("aws.rds.instance", {"name": "a", "engine": "postgres", "instance_class": "db.t4g.micro", "allocated_storage": 20, "master_username": "weir", "manage_master_user_password": True}, "secret", "aws_db_instance.it.master_user_secret[0].secret_arn"),
    ("aws.rds.cluster", {"name": "a", "engine": "aurora-postgresql", "master_username": "weir", "manage_master_user_password": True}, "resource_id", "aws_rds_cluster.it.cluster_resource_id"),
    ("aws.lambda.function", {"name": "a", "role": "arn:aws:iam::123456789012:role/r", "runtime": "python3.13", "handler": "a.b", "code": {"s3_bucket": "b", "s3_key": "k"}, "publish": True}, "published_version", "aws_lambda_function.it.version"),
    ("aws.ec2.instance", {"image_id": "ami-0a1b2c3d", "instance_type": "t3.micro"}, "private_dns_name", "aws_instance.it.private_dns"),
    ("aws.stepfunctions.activity", {"name": "a"}, "arn", "aws_sfn_activity.it.id"),
    ("aws.stepfunctions.activity", {"name": "a"}, "created_at", "aws_sfn_activity.it.creation_date"),
    ("aws.kinesis.stream", {"name": "a"}, "created_at", "null /* known after apply */"),
]


@pytest.mark.parametrize("kind,given,attr,wanted", OUTPUTS, ids=[f"{row[0]}.{row[2]}" for row in OUTPUTS])
def test_references_have_their_names(stack, kind, given, attr, wanted):
    stack.write(json.dumps({"stack": "referred", "resources": {"it": {"type": kind, **given}, "told": {"type": "aws.sns.topic", "name": "told", "display_name": f"${{it.{attr}}}"}}}))
    assert f"display_name = {wanted}\n" in stack.run("export", "terraform", "-o", "-").out


# What is made of what nobody knows yet is not that itself.
MADE = [("${it.private_dns_name}", "aws_instance.it.private_dns"), ("${locals.same}", "aws_instance.it.private_dns"), ("${true ? it.private_dns_name : 1}", "aws_instance.it.private_dns"), ("https://${it.private_dns_name}/x", None),
        ("${locals.url}", None), ("${upper(it.private_dns_name)}", None), ("${locals.same}:1", None)]


@pytest.mark.parametrize("given,wanted", MADE, ids=[row[0] for row in MADE])
def test_unknown_texts_are_no_references(stack, given, wanted):
    ours = {"it": {"type": "aws.ec2.instance", "image_id": "ami-0a1b2c3d", "instance_type": "t3.micro"}, "told": {"type": "aws.sns.topic", "name": "told", "display_name": given}}
    stack.write(json.dumps({"stack": "made", "locals": {"url": "https://${it.private_dns_name}/x", "same": "${it.private_dns_name}"}, "resources": ours}))
    assert f"display_name = {wanted or 'null /* known after apply */'}\n" in stack.run("export", "terraform", "-o", "-").out


def test_a_dollar_before_a_reference(stack):
    """$${ is a literal ${ there."""
    stack.write('stack: dollar\nresources:\n  it: {type: aws.sns.topic, name: price}\n  told: {type: aws.sns.topic, name: told, display_name: "cost $price, ${it.name}"}\n')
    assert 'display_name = "cost ${"$"}${aws_sns_topic.it.name}, ${aws_sns_topic.it.name}"\n' in stack.run("export", "terraform", "-o", "-").out


# What Terraform's provider requires where weir's types have a default, or has as blocks: found by `terraform validate` on an export of each type's example.
REQUIRED = [
    ("aws.lambda.permission", {"function": "f", "statement_id": "s", "principal": "s3.amazonaws.com"}, "aws_lambda_permission", {"action": "lambda:InvokeFunction"}),
    ("aws.lambda.permission", {"function": "f", "statement_id": "s", "principal": "s3.amazonaws.com", "action": "lambda:GetFunction"}, "aws_lambda_permission", {"action": "lambda:GetFunction"}),
    ("aws.scheduler.schedule", {"name": "a", "schedule_expression": "rate(1 day)", "target": {"arn": "arn:aws:sqs:us-east-1:123456789012:q", "role": "arn:aws:iam::123456789012:role/r"}}, "aws_scheduler_schedule",
     {"flexible_time_window": [{"mode": "OFF"}]}),
    ("aws.scheduler.schedule", {"name": "a", "schedule_expression": "rate(1 day)", "flexible_time_window": {"mode": "FLEXIBLE", "maximum_window_in_minutes": 5}, "target": {"arn": "arn:aws:sqs:us-east-1:123456789012:q", "role": "arn:aws:iam::123456789012:role/r"}},
     "aws_scheduler_schedule", {"flexible_time_window": [{"mode": "FLEXIBLE", "maximum_window_in_minutes": 5}]}),
    ("aws.glue.security_configuration", {"name": "a", "s3": [{"mode": "SSE-S3"}]}, "aws_glue_security_configuration",
     {"encryption_configuration": [{"s3_encryption": [{"s3_encryption_mode": "SSE-S3"}], "cloudwatch_encryption": [{"cloudwatch_encryption_mode": "DISABLED"}], "job_bookmarks_encryption": [{"job_bookmarks_encryption_mode": "DISABLED"}]}]}),
    ("aws.ec2.flow_log", {"resource_id": "vpc-0a1b2c3d", "log_destination_type": "s3", "log_destination": "arn:aws:s3:::b", "traffic_type": "ALL"}, "aws_flow_log", {"vpc_id": "vpc-0a1b2c3d"}),
    ("aws.lakeformation.settings", {"admins": [{"principal": "arn:aws:iam::123456789012:role/r"}]}, "aws_lakeformation_data_lake_settings", {"admins": ["arn:aws:iam::123456789012:role/r"]}),
    ("aws.batch.job_queue", {"name": "q", "priority": 1, "compute_environments": []}, "aws_batch_job_queue", {"state": "ENABLED"}),
]


@pytest.mark.parametrize("kind,given,theirs,wanted", REQUIRED, ids=[f"{row[0]}-{i}" for i, row in enumerate(REQUIRED)])
def test_what_terraform_requires(stack, kind, given, theirs, wanted):
    stack.write(json.dumps({"stack": "required", "resources": {"it": {"type": kind, **given}}}))
    after = by_address(json.loads(stack.run("plan", "--format", "terraform-json").out))[f"{theirs}.it"]["change"]["after"]
    assert {name: after.get(name) for name in wanted} == wanted


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


def test_within_a_block_each_attribute_has_its_own_references(stack):
    """Also to all of a resource, as values(net) is, where there is no word for an attribute."""
    stack.write("""
        stack: within
        resources:
          vpc: {type: aws.ec2.vpc, cidr_block: 10.7.0.0/16}
          net: {type: aws.ec2.subnet, for_each: {a: 1, b: 2}, vpc_id: '${vpc.vpc_id}', cidr_block: '10.7.${each.value}.0/24'}
          access: {type: aws.ec2.security_group, name: within, description: of jobs, vpc_id: '${vpc.vpc_id}'}
          spark:
            type: aws.emrserverless.application
            name: within
            release_label: emr-7.5.0
            application_type: SPARK
            subnet_ids: '${[for s in values(net) : s.subnet_id]}'
            security_group_ids: ['${access.group_id}']
    """)
    plan = json.loads(stack.run("plan", "--format", "terraform-json").out)
    assert configured(plan)["aws_emrserverless_application.spark"]["network_configuration"] == [{
        "subnet_ids": {"references": ["aws_subnet.net"]},
        "security_group_ids": {"references": ["aws_security_group.access.id", "aws_security_group.access"]},
    }]
    change = by_address(plan)["aws_emrserverless_application.spark"]["change"]  # a set with an item that is unknown is unknown there
    assert change["after"]["network_configuration"] == [{}] and change["after_unknown"]["network_configuration"] == [{"subnet_ids": True, "security_group_ids": True}]


def test_regions_are_those_of_providers(stack):
    """Also where no value tells it, as of a network. Whoever asks for prices, or where things are, looks there."""
    stack.write("""
        stack: regions
        providers: {aws: {region: eu-west-1}, aws.tokyo: {region: ap-northeast-1}}
        resources:
          near: {type: aws.ec2.vpc, cidr_block: 10.7.0.0/16}
          far: {type: aws.ec2.vpc, cidr_block: 10.8.0.0/16, provider: aws.tokyo}
    """)
    stack.run("plan", "-o", "it.plan")
    configuration = json.loads(stack.run("show", "it.plan", "--format", "terraform-json").out)["configuration"]
    providers = {key: (one.get("alias"), one["expressions"]["region"]["constant_value"]) for key, one in configuration["provider_config"].items()}
    assert providers == {"aws": (None, "eu-west-1"), "aws.ap-northeast-1": ("ap-northeast-1", "ap-northeast-1")}
    assert {one["name"]: one["provider_config_key"] for one in configuration["root_module"]["resources"]} == {"near": "aws", "far": "aws.ap-northeast-1"}


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
        "aws_s3_bucket_versioning.lake": ["delete"],
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


ROUND = """
    stack: around
    inputs: {password: {type: string, sensitive: true}}
    resources:
      key: {type: aws.kms.key, description: of the lake, rotation: true, key_usage: ENCRYPT_DECRYPT}
      lake:
        type: aws.s3.bucket
        name: around-lake
        versioning: true
        encryption: {algorithm: 'aws:kms', kms_key: '${key.arn}', bucket_key_enabled: true}
        public_access_block: {block_public_acls: true, block_public_policy: true, ignore_public_acls: true, restrict_public_buckets: true}
        lifecycle_rules: [{id: old, status: Enabled, filter: {prefix: tmp/}, expiration: {days: 7}}]
        policy: {Version: '2012-10-17', Statement: [{Sid: tls, Effect: Deny, Principal: '*', Action: 's3:*', Resource: 'arn:aws:s3:::around-lake/*', Condition: {Bool: {'aws:SecureTransport': 'false'}}}]}
        tags: {owner: me}
      own: {type: aws.iam.policy, name: around-own, policy: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:ListBucket', Resource: '*'}]}}
      role:
        type: aws.iam.role
        name: around-role
        assume_role_policy: ${trust("glue.amazonaws.com")}
        policies: {read: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: '${lake.arn}/*'}]}}
        managed_policies: ['${own.arn}']
      vpc: {type: aws.ec2.vpc, cidr_block: 10.7.0.0/16, enable_dns_hostnames: true}
      net: {type: aws.ec2.subnet, for_each: {a: 1, b: 2}, vpc_id: '${vpc.vpc_id}', cidr_block: '10.7.${each.value}.0/24', availability_zone: 'us-east-1${each.key}'}
      access:
        type: aws.ec2.security_group
        name: around-access
        description: of jobs
        vpc_id: ${vpc.vpc_id}
        ingress: [{protocol: tcp, from_port: 5432, to_port: 5432, cidr: 10.7.0.0/16}]
      queue: {type: aws.sqs.queue, name: around-queue, visibility_timeout: 60, redrive_policy: {deadLetterTargetArn: '${dead.arn}', maxReceiveCount: 3}}
      dead: {type: aws.sqs.queue, name: around-dead}
      topic: {type: aws.sns.topic, name: around-topic}
      told: {type: aws.sns.subscription, topic: '${topic.arn}', protocol: sqs, endpoint: '${queue.arn}'}
      log: {type: aws.logs.log_group, name: /around/jobs, retention_in_days: 30}
      table:
        type: aws.dynamodb.table
        name: around-table
        billing_mode: PAY_PER_REQUEST
        attribute_definitions: {id: S, day: S}
        key_schema: [{attribute_name: id, key_type: HASH}, {attribute_name: day, key_type: RANGE}]
        point_in_time_recovery: true
      films: {type: aws.glue.database, name: around_films, description: Films}
      film: {type: aws.glue.table, database: '${films.name}', name: film, table_type: EXTERNAL_TABLE, parameters: {classification: parquet}, storage: {location: 's3://${lake.name}/film', columns: [{name: title, type: string}]}}
      more: {type: aws.ec2.security_group, name: around-more, description: of all, vpc_id: '${vpc.vpc_id}'}
      from_net: {type: aws.ec2.security_group_rule, group_id: '${more.group_id}', protocol: tcp, from_port: 443, to_port: 443, cidr: 10.7.0.0/16, description: from the net}
      from_jobs: {type: aws.ec2.security_group_rule, group_id: '${more.group_id}', protocol: '-1', source_group: '${access.group_id}'}
      readers: {type: aws.iam.group, name: around-readers}
      ada: {type: aws.iam.user, name: around-ada, groups: ['${readers.name}']}
      stream: {type: aws.kinesis.stream, name: around-stream, shard_count: 1}
      secret: {type: aws.secretsmanager.secret, name: around-secret, secret_string: '${inputs.password}', force_destroy: true}
      rule: {type: aws.events.rule, name: around-rule, schedule_expression: rate(1 day), targets: {queue: {arn: '${queue.arn}'}}}
"""


def configured(plan):
    return {one["address"]: one["expressions"] for one in plan["configuration"]["root_module"]["resources"]}


def blocks(text, kind):
    """{address or number: body} of the file's blocks."""
    found = re.findall(rf'^{kind} ?(?:"([^"]+)" ?)?(?:"([^"]+)" ?)?{{\n(.*?)^}}$', text, re.MULTILINE | re.DOTALL)
    return {".".join(filter(None, names)) or str(i): body for i, (*names, body) in enumerate(found)}


def test_there_and_back(stack, cloud, tmp_path):
    """What is exported, and imported from that, is the same stack: both plan the same. The HCL takes over what is there."""
    before = exported(stack.write(ROUND))
    stack.apply(*GIVEN)
    (stack.folder / "plan.json").write_text(stack.run("plan", "--format", "terraform-json", *GIVEN).out)
    report = stack.run("import", "terraform", "plan.json", "-o", "there")
    assert "cannot be imported" not in report.err and ", 0 left out" in report.err
    draft = yaml.safe_load((stack.folder / "there/weir.yaml").read_text())
    ids = {one["address"]: one["id"] for one in draft.pop("imports")}
    assert len(ids) == len(before["weir"]["untranslated"]) + len(set(draft["resources"])) + 1  # net is two
    other = Stack(tmp_path / "other", cloud).write(yaml.safe_dump(draft, sort_keys=False))
    after = json.loads(other.run("plan", "--format", "terraform-json", "-i", "secret_secret_string=hush-hush-hush").out)
    assert configured(after) == configured(before) and len(configured(after)) > 20

    hcl = stack.run("export", "terraform", *GIVEN)
    resources, imports = blocks(hcl.out, "resource"), blocks(hcl.out, "import")
    assert "hush" not in hcl.out + hcl.err and "warning" not in hcl.err
    assert set(resources) == {re.sub(r'\["(.)"\]', r"_\1", one["address"]) for one in before["resource_changes"]}
    assert "bucket = aws_s3_bucket.lake.id" in resources["aws_s3_bucket_versioning.lake"] and 'Resource = "${aws_s3_bucket.lake.arn}/*"' in resources["aws_iam_role_policy.role_read"]
    assert "kms_master_key_id = aws_kms_key.key.arn" in resources["aws_s3_bucket_server_side_encryption_configuration.lake"]
    assert "secret_string = var.secret_secret_string" in resources["aws_secretsmanager_secret_version.secret"] and "sensitive   = true" in blocks(hcl.out, "variable")["secret_secret_string"]
    taken = dict(re.findall(r'to = (\S+)\n  id = "(.*)"', "".join(imports.values())))
    assert taken["aws_subnet.net_a"] == ids['net["a"]'] and taken["aws_iam_role_policy.role_read"] == "around-role:read" and taken["aws_s3_bucket_policy.lake"] == "around-lake"
    assert taken["aws_glue_catalog_table.film"] == "123456789012:around_films:film" and taken["aws_iam_user_group_membership.ada"] == "around-ada/around-readers"
    more = ids["more"]
    assert taken["aws_security_group_rule.from_net"] == f"{more}_ingress_tcp_443_443_10.7.0.0/16"
    assert re.fullmatch(r"arn:aws:secretsmanager:.*\|[0-9a-f-]{32,36}", taken["aws_secretsmanager_secret_version.secret"]) and taken["aws_cloudwatch_event_target.rule_queue"] == "default/around-rule/queue"
    assert set(taken) == set(resources)


def test_a_secret_map_is_a_variable_of_that_type(stack):
    """Else Terraform takes what is given for it in the environment as a text. What is taken over has the account in its id."""
    stack.write("""
        stack: way
        inputs: {password: {type: string, sensitive: true}}
        resources:
          way: {type: aws.glue.connection, name: way, connection_type: JDBC, properties: {JDBC_CONNECTION_URL: 'jdbc:postgresql://db/x', USERNAME: me, PASSWORD: '${inputs.password}'}}
    """).apply(*GIVEN)
    text = stack.run("export", "terraform", *GIVEN).out
    ((name, variable),) = blocks(text, "variable").items()
    assert "type        = map(string)" in variable and f"connection_properties = var.{name}" in text and "hush" not in text
    assert 'id = "123456789012:way"' in text


def test_hcl_into_a_file(stack):
    stack.write("stack: hcl\nresources: {lake: {type: aws.s3.bucket, name: hcl-lake, tags: {for: me, other-word: x}}, note: {type: weir.command, command: 'echo ${lake.name}'}}\n")
    assert "`terraform plan` shows what it would import" in stack.run("export", "terraform", "-o", "main.tf").err
    text = (stack.folder / "main.tf").read_text()
    assert "#   note (weir.command)" in text and not blocks(text, "import") and list(blocks(text, "resource")) == ["aws_s3_bucket.lake"]
    assert '"for" = "me"' in text and 'other-word = "x"' in text
    assert "exists already" in stack.run("export", "terraform", "-o", "main.tf", status=3).err
