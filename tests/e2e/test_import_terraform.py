"""weir import terraform: what `terraform show -json` says, as a stack; with Terraform itself and its provider where they are there."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support import ROOT, Stack, cpu_of

CONFIGURATIONS = sorted((Path(__file__).parent / "imports/terraform").iterdir())
PLUGINS = Path(os.environ.get("TF_PLUGINS", "/opt/tf-plugins"))
SECRET = {"lake": "hunter2-tf", "warehouse": "hunter2-of-warehouse", "streams": "hunter2-of-dms"}
SECRETS = {"WEIR_INPUT_PASSWORD": "hunter2-tf", "WEIR_INPUT_ADMIN_PASSWORD": "hunter2-of-warehouse", "WEIR_INPUT_SHOP_ENDPOINT_PASSWORD": "hunter2-of-dms"}
PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "look"
  secret_key                  = "look"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  s3_use_path_style           = true
}
"""


def resource(kind, name, values, expressions=None, module="", index=None, sensitive=None):
    """(as a state has it, as a configuration has it)"""
    address = f"{module + '.' if module else ''}{kind}.{name}" + ("" if index is None else f"[{json.dumps(index)}]")
    state = {"address": address, "mode": "managed", "type": kind, "name": name, "values": values, "sensitive_values": sensitive or {}}
    return state | ({} if index is None else {"index": index}), {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name, "expressions": expressions or {}}


def plan(*resources, variables=None, outputs=None, inner=()):
    document = {
        "format_version": "1.2",
        "variables": {name: {"value": value} for name, value in (variables or {}).items()},
        "prior_state": {"values": {"outputs": outputs or {}, "root_module": {"resources": [state for state, _ in resources], "child_modules": [
            {"address": f"module.{name}", "resources": [state for state, _ in within]} for name, within, _, _ in inner
        ]}}},
        "configuration": {"root_module": {
            "resources": [config for _, config in resources],
            "variables": {name: {} for name in variables or {}},
            "module_calls": {name: {"expressions": given, "module": {"resources": [config for _, config in within], "outputs": told}} for name, within, given, told in inner},
        }},
    }
    return json.dumps(document)


def imported(stack, text, *args):
    stack.write(text, "plan.json")
    result = stack.run("import", "terraform", "plan.json", *args)
    written = (stack.folder / "weir.yaml").read_text()
    stack.run("fmt", "--check", "weir.yaml")
    return result, written, yaml.safe_load(written)


def test_groups_of_machines_by_their_names(local_stack):
    """Blocks of the cluster become entries of one map; its scaling is a resource by itself there."""
    groups = {f"{role}_instance_group": [{"id": f"ig-{role}", "name": "", "instance_type": "m5.xlarge", "instance_count": count, "bid_price": "", "ebs_config": []}] for role, count in (("master", 1), ("core", 2))}
    machines = {"subnet_id": "subnet-0a1b2c3d", "subnet_ids": ["subnet-0a1b2c3d"], "instance_profile": "EMR_EC2_DefaultRole", "key_name": ""}
    cluster = {"id": "j-1", "name": "nightly", "release_label": "emr-7.5.0", "applications": ["Hive", "Spark"], "service_role": "s", "keep_job_flow_alive_when_no_steps": True, "termination_protection": True,
               "cluster_state": "WAITING", "ec2_attributes": [machines], "auto_termination_policy": [{"idle_timeout": 3600}], "step": [], "bootstrap_action": [{"name": "tools", "path": "s3://l/t.sh", "args": ["all"]}], **groups}
    limits = {"unit_type": "Instances", "minimum_capacity_units": 2, "maximum_capacity_units": 10, "maximum_ondemand_capacity_units": 5, "maximum_core_capacity_units": 4}
    resources = [resource("aws_emr_cluster", "nightly", cluster)[0], resource("aws_emr_managed_scaling_policy", "it", {"id": "j-1", "cluster_id": "j-1", "compute_limits": [limits]})[0],
                 resource("aws_emr_instance_group", "extra", {"id": "ig-3", "cluster_id": "j-1", "name": "extra", "instance_type": "m5.2xlarge", "instance_count": 3, "bid_price": "0.30", "running_instance_count": 3, "status": "RUNNING",
                          "ebs_config": [{"size": 64, "type": "gp3", "iops": 0, "volumes_per_instance": 2}], "ebs_optimized": False, "configurations_json": None, "autoscaling_policy": None})[0]]
    _, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    (made,) = stack["resources"].values()
    assert made["instance_groups"] == {role: {"instance_role": role.upper(), "instance_type": "m5.xlarge", "instance_count": count} for role, count in (("master", 1), ("core", 2))} | {
        "extra": {"instance_role": "TASK", "instance_type": "m5.2xlarge", "instance_count": 3, "market": "SPOT", "bid_price": "0.30", "ebs": [{"volume_type": "gp3", "size": 64, "volumes_per_instance": 2}]}}
    assert made["managed_scaling_policy"]["compute_limits"]["maximum_on_demand_capacity_units"] == 5 and made["termination_protected"] is True and made["applications"] == [{"name": "Hive"}, {"name": "Spark"}]
    assert stack["imports"] == [{"address": "nightly", "id": "j-1"}] and made["bootstrap_actions"][0]["path"] == "s3://l/t.sh"
    local_stack.run("validate")


def test_references_and_modules(local_stack):
    arn = "arn:aws:sns:us-east-1:123456789012:ada-told"
    text = plan(
        resource("aws_s3_bucket", "lake", {"bucket": "ada-lake", "id": "ada-lake", "arn": "arn:aws:s3:::ada-lake"}, {"bucket": {"references": ["var.owner"]}}),
        resource("aws_s3_bucket_versioning", "lake", {"bucket": "ada-lake", "id": "ada-lake", "versioning_configuration": [{"status": "Enabled", "mfa_delete": ""}]},
                 {"bucket": {"references": ["aws_s3_bucket.lake.id", "aws_s3_bucket.lake"]}, "versioning_configuration": [{"status": {"constant_value": "Enabled"}}]}),
        resource("aws_ssm_parameter", "where", {"name": "/where", "id": "/where", "type": "String", "value": f"s3://ada-lake/in of {arn}"},
                 {"name": {"constant_value": "/where"}, "type": {"constant_value": "String"}, "value": {"references": ["aws_s3_bucket.lake.bucket", "module.told.arn"]}}),
        variables={"owner": "ada"},
        outputs={"topic": {"value": arn}, "hidden": {"value": "x", "sensitive": True}},
        inner=[("told", [resource("aws_sns_topic", "this", {"name": "ada-told", "id": arn, "arn": arn}, {"name": {"references": ["var.name"]}}, "module.told")],
                {"name": {"references": ["var.owner"]}}, {"arn": {"expression": {"references": ["aws_sns_topic.this.arn", "aws_sns_topic.this"]}}})],
    )
    result, written, stack = imported(local_stack, text)
    assert stack["resources"] == {
        "lake": {"type": "aws.s3.bucket", "name": "${inputs.owner}-lake", "versioning": True},
        "where": {"type": "aws.ssm.parameter", "name": "/where", "parameter_type": "String", "value": "s3://${lake.name}/in of ${topic.arn}"},
        "topic": {"type": "aws.sns.topic", "name": "${inputs.owner}-told"},
    } or stack["resources"]["where"]["value"] == "s3://${lake.name}/in of ${told_topic.arn}"
    assert {"address": "lake", "id": "ada-lake"} in stack["imports"] and len(stack["imports"]) == 3
    assert "a part of it" in result.err and "hidden" in result.err and list(stack["outputs"]) == ["topic"]
    local_stack.run("validate")


def test_equal_names_of_what_modules_make(local_stack):
    """A database that is called as its subnet group keeps its name; `this` is called after its type; a bucket's name is the bucket's, not its notifications'."""
    group = {"name": "shop-17-34", "id": "shop-17-34", "subnet_ids": ["subnet-0a", "subnet-0b"], "description": "Managed by Terraform"}
    database = {"identifier": "shop-17-34", "id": "db-1", "engine": "postgres", "instance_class": "db.t3.medium", "allocated_storage": 20, "username": "root", "db_subnet_group_name": "shop-17-34", "vpc_security_group_ids": ["sg-0a1b2c3d"]}
    rule = {"id": "old", "status": "Enabled", "filter": [], "expiration": [{"days": 30, "date": None, "expired_object_delete_marker": False}]}
    text = plan(
        resource("aws_db_subnet_group", "this", group, {"name": {"references": ["var.name"]}, "subnet_ids": {}}),
        resource("aws_security_group", "this", {"id": "sg-0a1b2c3d", "name": "data", "description": "data", "vpc_id": "vpc-1"}, {"name": {"constant_value": "data"}, "description": {"constant_value": "data"}, "vpc_id": {}}),
        resource("aws_db_instance", "this", database, {"identifier": {"references": ["var.name"]}, "engine": {}, "instance_class": {}, "allocated_storage": {}, "username": {},
            "db_subnet_group_name": {"references": ["aws_db_subnet_group.this.name", "aws_db_subnet_group.this"]}, "vpc_security_group_ids": {"references": ["aws_security_group.this.id", "aws_security_group.this"]}}),
        resource("aws_s3_bucket_notification", "in", {"bucket": "raw-0123456789", "id": "raw-0123456789", "eventbridge": True}, {"bucket": {"references": ["aws_s3_bucket.raw.id", "aws_s3_bucket.raw"]}, "eventbridge": {"constant_value": True}}),
        resource("aws_s3_bucket", "raw", {"bucket": "raw-0123456789", "id": "raw-0123456789", "arn": "arn:aws:s3:::raw-0123456789"}, {"bucket": {"constant_value": "raw-0123456789"}}),
        resource("aws_s3_bucket_lifecycle_configuration", "raw", {"bucket": "raw-0123456789", "id": "raw-0123456789", "rule": [rule]}, {"bucket": {"references": ["aws_s3_bucket.raw.id", "aws_s3_bucket.raw"]}}),
        resource("aws_ssm_parameter", "where", {"name": "/where", "id": "/where", "type": "String", "value": "raw-0123456789"}, {"name": {}, "type": {}, "value": {"references": ["local.where"]}}),
        variables={"name": "shop-17-34"})
    made = imported(local_stack, text)[2]["resources"]
    assert made["instance"]["name"] == made["subnet_group"]["name"] == "${inputs.name}" and made["instance"]["db_subnet_group_name"] == "${subnet_group.name}"
    assert made["instance"]["vpc_security_group_ids"] == ["${security_group.group_id}"] and made["where"]["value"] in ("${raw.name}", "${raw_bucket.name}")
    assert [one["lifecycle_rules"][0]["expiration"] for one in made.values() if "lifecycle_rules" in one] == [{"days": 30}]


def test_names_are_their_own_and_endpoints_begin_with_addresses(local_stack):
    """A crawler that happens to be called as its bucket is keeps its name; of a database's endpoint the address is said."""
    database = {"identifier": "shop", "id": "db-ABC", "engine": "postgres", "instance_class": "db.t3.medium", "address": "shop.abc.rds.amazonaws.com", "endpoint": "shop.abc.rds.amazonaws.com:5432", "port": 5432,
                "allocated_storage": 20, "username": "root"}
    text = plan(
        resource("aws_s3_bucket", "raw", {"bucket": "ada-raw", "id": "ada-raw", "arn": "arn:aws:s3:::ada-raw"}, {"bucket": {"references": ["local.prefix"]}}),
        resource("aws_glue_crawler", "own", {"name": "ada-raw", "id": "ada-raw", "role": "r", "database_name": "d", "s3_target": [{"path": "s3://ada-raw/in"}]},
                 {"name": {"references": ["local.prefix"]}, "role": {}, "database_name": {}, "s3_target": [{"path": {"references": ["aws_s3_bucket.raw.bucket", "aws_s3_bucket.raw"]}}]}),
        resource("aws_glue_crawler", "after", {"name": "ada-raw-2", "id": "ada-raw-2", "role": "r", "database_name": "d", "s3_target": [{"path": "s3://ada-raw/in"}]},
                 {"name": {"references": ["aws_s3_bucket.raw.bucket", "aws_s3_bucket.raw"]}, "role": {}, "database_name": {}, "s3_target": [{"path": {"references": ["aws_s3_bucket.raw.bucket", "aws_s3_bucket.raw"]}}]}),
        resource("aws_db_instance", "shop", database, {name: {} for name in ("identifier", "engine", "instance_class", "allocated_storage", "username")}),
        resource("aws_ssm_parameter", "where", {"name": "/where", "id": "/where", "type": "String", "value": "jdbc:postgresql://shop.abc.rds.amazonaws.com:5432/orders"},
                 {"name": {}, "type": {}, "value": {"references": ["aws_db_instance.shop.endpoint", "aws_db_instance.shop"]}}),
        resource("aws_lambda_function", "f", {"id": "fn", "function_name": "fn", "role": "arn:aws:iam::123456789012:role/r", "handler": "a.b", "runtime": "python3.13", "filename": "./out/f.zip"},
                 {name: {} for name in ("function_name", "role", "handler", "runtime", "filename")}),
        variables={"owner": "ada"})
    result, _, stack = imported(local_stack, text)
    made = stack["resources"]
    assert made["own"]["name"] == "${inputs.owner}-raw" and made["own"]["s3_targets"] == [{"path": "s3://${raw.name}/in"}] and made["after"]["name"] == "${raw.name}-2"
    assert made["where"]["value"] == "jdbc:postgresql://${shop.address}:5432/orders"
    assert "put out/f.zip into the bucket that the input `code_bucket` names" in result.err
    assert not re.search(r" $", result.err, re.M)
    local_stack.run("validate", "-i", "code_bucket=c")


def test_tables_with_a_key_of_aws(local_stack):
    """Which key that is the state has, too; a table with its own key is not said to have the other."""
    def table(name, configured):
        return resource("aws_dynamodb_table", name, {"id": name, "name": name, "billing_mode": "PAY_PER_REQUEST", "hash_key": "id", "attribute": [{"name": "id", "type": "S"}],
                                                     "server_side_encryption": [{"enabled": True, "kms_key_arn": "arn:aws:kms:us-east-1:123456789012:key/k"}]},
                        {"name": {}, "billing_mode": {}, "hash_key": {}, "attribute": [{"name": {}, "type": {}}], "server_side_encryption": [{name: {"constant_value": True} for name in configured}]})

    _, _, stack = imported(local_stack, plan(table("managed", ["enabled"]), table("own", ["enabled", "kms_key_arn"])))
    made = stack["resources"]
    assert made["managed"]["sse_enabled"] is True and "kms_key" not in made["managed"]
    assert made["own"]["kms_key"] == "arn:aws:kms:us-east-1:123456789012:key/k" and "sse_enabled" not in made["own"]
    local_stack.run("validate")


def test_code_that_is_here_is_an_artifact(local_stack):
    """Of what the archive was made of, where the data source says so; by a folder as by a document in it."""
    def function(name, file):
        return resource("aws_lambda_function", name, {"id": name, "function_name": name, "role": "arn:aws:iam::123456789012:role/r", "handler": "a.b", "runtime": "python3.13", "filename": file},
                        {attr: {} for attr in ("function_name", "role", "handler", "runtime", "filename")})

    def archive(name, values):
        state, config = resource("archive_file", name, {"type": "zip", "output_path": f"./out/{name}.zip", **values})
        return {**state, "mode": "data"}, {**config, "mode": "data"}

    layer = resource("aws_lambda_layer_version", "deps", {"id": "l", "layer_name": "deps", "filename": "layer.zip", "arn": "arn:aws:lambda:us-east-1:123456789012:layer:deps:1"}, {"layer_name": {}, "filename": {}})
    text = plan(function("a", "./out/a.zip"), function("b", "out/b.zip"), function("c", "c.zip"), layer, archive("a", {"source_dir": "./src"}), archive("b", {"source_file": "src/b.py"}))
    local_stack.write("def b(event, context):\n    return 1\n", "infra/src/b.py").write("PK", "infra/layer.zip").write(text, "infra/plan.json")
    result = local_stack.run("import", "terraform", "infra/plan.json")
    made = yaml.safe_load((local_stack.folder / "weir.yaml").read_text())["resources"]
    artifact = {"type": "weir.artifact", "store": "${inputs.code_bucket}"}
    assert made["a_code"] == {**artifact, "source": "infra/src", "package": "zip"} and made["b_code"] == {**artifact, "source": "infra/src/b.py", "package": "zip"}
    assert made["deps_code"] == {**artifact, "source": "infra/layer.zip", "package": "file"}
    assert made["a"]["code"] == {"s3_bucket": "${a_code.bucket}", "s3_key": "${a_code.key}"} and made["deps"]["content"]["s3_key"] == "${deps_code.key}"
    assert made["c"]["code"]["s3_key"] == "c.zip" and result.err.count("into the bucket that the input `code_bucket` names") == 1
    local_stack.run("validate", "-i", "code_bucket=code-of-all")


def test_instances_are_folded(local_stack):
    zones = [
        resource("aws_s3_bucket", "zone", {"bucket": f"lake-{zone}", "id": f"lake-{zone}", "arn": f"arn:aws:s3:::lake-{zone}", "tags": {"zone": zone}, "force_destroy": zone == "gold"},
                 {"bucket": {"references": ["each.key"]}, "tags": {}, "force_destroy": {}}, index=zone)
        for zone in ("bronze", "gold")
    ]
    queues = [resource("aws_sqs_queue", "work", {"name": f"work-{i}", "url": f"https://q/1/work-{i}", "id": f"https://q/1/work-{i}", "visibility_timeout_seconds": 60},
                       {"name": {"references": ["count.index"]}, "visibility_timeout_seconds": {"constant_value": 60}}, index=i) for i in range(2)]
    only = [resource("aws_sqs_queue", "one", {"name": "one", "url": "https://q/1/one", "id": "https://q/1/one"}, {"name": {"constant_value": "one"}}, index=0)]
    _, written, stack = imported(local_stack, plan(*zones, *queues, *only))
    assert stack["resources"]["zone"] == {
        "type": "aws.s3.bucket", "for_each": {"bronze": {"force_destroy": False}, "gold": {"force_destroy": True}},
        "name": "lake-${each.key}", "force_destroy": "${each.value.force_destroy}", "tags": {"zone": "${each.key}"},
    }
    assert stack["resources"]["work"] == {"type": "aws.sqs.queue", "for_each": ["0", "1"], "name": "work-${each.key}", "visibility_timeout": 60}
    assert stack["resources"]["one"] == {"type": "aws.sqs.queue", "name": "one"}
    assert [one["address"] for one in stack["imports"]] == ['zone["bronze"]', 'zone["gold"]', 'work["0"]', 'work["1"]', "one"]
    local_stack.run("validate")


@pytest.mark.parametrize("first, second", [("raw", "clean"), ("prod.eu", "10.0.1.0/24")])
def test_modules_with_keys(local_stack, first, second):
    """What an instance of a module gives is that instance's, whatever its key has in it."""
    name = {first: "first", second: "second"}

    def layer(key):
        return (f'layer["{key}"]', [resource("aws_s3_bucket", "this", {"bucket": f"lake-{name[key]}", "id": f"lake-{name[key]}", "tags": {"of": "ada"}}, {"bucket": {"references": ["var.name"]}, "tags": {"references": ["var.of"]}}, f'module.layer["{key}"]')], {}, {})

    document = json.loads(plan(
        resource("aws_ssm_parameter", "where", {"name": "/where", "id": "/where", "type": "String", "value": "s3://lake-first and s3://lake-second"},
                 {"name": {}, "type": {}, "value": {"references": [f'module.layer["{first}"].bucket', f'module.layer["{second}"].bucket', "module.layer"]}}),
        inner=[layer(first), layer(second)], variables={"owner": "ada"}))
    calls = document["configuration"]["root_module"]["module_calls"]
    calls["layer"] = calls.pop(f'layer["{first}"]') | {"expressions": {"name": {"references": ["each.key"]}, "of": {"references": ["var.owner"]}}}
    calls["layer"]["module"]["outputs"] = {"bucket": {"expression": {"references": ["aws_s3_bucket.this.bucket", "aws_s3_bucket.this"]}}}
    del calls[f'layer["{second}"]']
    _, _, stack = imported(local_stack, json.dumps(document))
    buckets = [f"layer_{re.sub('[./]', '_', key)}_bucket" for key in (first, second)]
    assert [stack["resources"][one]["tags"] for one in buckets] == [{"of": "${inputs.owner}"}] * 2
    assert stack["resources"]["where"]["value"] == "s3://${%s.name} and s3://${%s.name}" % tuple(buckets)
    local_stack.run("validate")


def test_references_by_a_key_with_dots(local_stack):
    queues = [resource("aws_sqs_queue", "of", {"name": f"of-{i}", "url": f"https://q/1/of-{i}", "id": f"https://q/1/of-{i}"}, {"name": {"references": ["each.value"]}}, index=key) for i, key in enumerate(("www.example.com", "a.b"))]
    one = resource("aws_sqs_queue", "one", {"name": "one", "url": "https://q/1/one", "id": "https://q/1/one", "tags": {"after": "of-0"}},
                   {"name": {"constant_value": "one"}, "tags": {"references": ['aws_sqs_queue.of["www.example.com"].name', 'aws_sqs_queue.of["www.example.com"]', "aws_sqs_queue.of"]}})
    _, _, stack = imported(local_stack, plan(*queues, one))
    assert stack["resources"]["one"]["tags"] == {"after": '${of["www.example.com"].name}'}
    local_stack.run("validate")


def test_secrets_of_instances(local_stack):
    """Each has its own."""
    parameters = [resource("aws_ssm_parameter", "pw", {"name": f"/{key}", "id": f"/{key}", "type": "SecureString", "value": f"secret-of-{key}"}, {"name": {"references": ["each.key"]}, "type": {}, "value": {"references": ["each.value"]}}, index=key, sensitive={"value": True}) for key in ("a", "b")]
    _, written, stack = imported(local_stack, plan(*parameters))
    assert stack["resources"]["pw"]["for_each"] == {"a": {"value": "${inputs.pw_value}"}, "b": {"value": "${inputs.pw_value_2}"}} and "secret-of" not in written
    local_stack.run("validate", "-i", "pw_value=x", "-i", "pw_value_2=y")


def test_keys_with_quotes(local_stack):
    queues = [resource("aws_sqs_queue", "of", {"name": f"of-{i}", "url": f"https://q/1/of-{i}", "id": f"https://q/1/of-{i}", "tags": {"${a}": "b"}}, {"name": {"references": ["each.value"]}, "tags": {}}, index=key) for i, key in enumerate(('a"b', "c\\d"))]
    _, _, stack = imported(local_stack, plan(*queues))
    assert [one["address"] for one in stack["imports"]] == ['of["a\\"b"]', 'of["c\\\\d"]'] and stack["resources"]["of"]["tags"] == {"$${a}": "b"}
    local_stack.run("validate")


def test_each_refers_to_all_before_it(local_stack):
    """The ways from one to another are as many as there are subsets: each resource is looked at once."""
    arns = [f"arn:aws:sqs:eu-central-1:123456789012:queue-{i}" for i in range(80)]
    queues = [resource("aws_sqs_queue", f"q{i}", {"name": f"queue-{i}", "url": f"https://q/1/queue-{i}", "id": f"https://q/1/queue-{i}", "arn": arn, "tags": {f"t{k}": arns[k] for k in range(i)}},
                       {"name": {}, "tags": {"references": [f"aws_sqs_queue.q{k}.arn" for k in range(i)]}}) for i, arn in enumerate(arns)]
    _, _, stack = imported(local_stack, plan(*queues))
    assert stack["resources"]["q79"]["tags"] == {f"t{k}": f"${{q{k}.arn}}" for k in range(79)}
    local_stack.run("validate")


def test_a_long_text_is_gone_through_once(local_stack):
    text = "arn:aws:s3:::lake-of-shops/x " + "word " * 160_000
    resources = [
        resource("aws_s3_bucket", "lake", {"bucket": "lake", "id": "lake", "arn": "arn:aws:s3:::lake-of-shops"})[0],
        resource("aws_s3_object", "all", {"bucket": "lake", "key": "all", "id": "all", "content": text})[0],
    ]
    (_, _, stack), cpu_s = cpu_of(lambda: imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}})))
    assert stack["resources"]["all"]["content"] == text.replace("arn:aws:s3:::lake-of-shops", "${lake.arn}")
    assert cpu_s < 10, "it was more than a minute"


def test_secrets_and_what_is_unknown(local_stack):
    text = plan(
        resource("aws_ssm_parameter", "pw", {"name": "/pw", "id": "/pw", "type": "SecureString", "value": "hunter2-in-state"},
                 {"name": {}, "type": {}, "value": {"references": ["random_password.x"]}}, sensitive={"value": True}),
        resource("aws_appconfig_application", "p", {"name": "readers", "id": "abc1234", "arn": "arn:aws:appconfig:us-east-1:123456789012:application/abc1234"}, {"name": {}}),
        resource("aws_ssm_parameter", "token", {"name": "/token", "id": "/token", "type": "String", "value": "hunter2-var"}, {"name": {}, "type": {}, "value": {"references": ["var.api_token"]}}),
        resource("random_password", "x", {"result": "hunter2-random"}, {}, sensitive={"result": True}),
        resource("aws_s3_bucket_policy", "gone", {"bucket": "of-somebody-else", "policy": "{}"}, {"bucket": {}, "policy": {}}),
        variables={"api_token": "hunter2-var", "unused": "hunter2-unused", "zones": ["a", "b"]},
    )
    result, written, stack = imported(local_stack, text)
    assert "hunter2" not in result.out + result.err + written
    assert stack["inputs"]["pw_value"] == {"type": "string", "sensitive": True} and stack["inputs"]["api_token"]["sensitive"] and stack["resources"]["token"]["value"] == "${inputs.api_token}"
    assert set(stack["inputs"]) == {"pw_value", "api_token"} and re.search(r"var.zones +- +its value is written where it is used", result.err)
    assert re.search("random_password.x +nothing secret of it is used", result.err) and "of-somebody-else is not among" in result.err
    assert stack["resources"]["p"]["type"] == "AWS::AppConfig::Application" and {"address": "p", "id": "abc1234"} in stack["imports"]


def test_what_is_made_up(local_stack):
    """Names stay what they are, passwords are asked for; a command that the plan tells is run, one that it does not tell is left out."""
    made = [
        resource("random_pet", "suffix", {"id": "brave-otter", "length": 2, "separator": "-", "prefix": None}, {"length": {"constant_value": 2}}),
        resource("random_id", "run", {"id": "q83v", "hex": "abcdef", "b64_url": "q83v", "byte_length": 3}, {"byte_length": {"constant_value": 3}}),
        resource("random_integer", "port", {"id": "4711", "result": 4711, "min": 4000, "max": 5000}, {"min": {"constant_value": 4000}, "max": {"constant_value": 5000}}),
        resource("random_password", "db", {"id": "none", "result": "hunter2-random", "length": 20}, {"length": {"constant_value": 20}}, sensitive={"result": True}),
        resource("tls_private_key", "ssh", {"private_key_pem": "hunter2-key", "public_key_openssh": "ssh-ed25519 AAAA ops", "algorithm": "ED25519"}, {}, sensitive={"private_key_pem": True}),
        resource("null_resource", "note", {"id": "12", "triggers": {"at": "noon"}}, {"triggers": {"constant_value": {"at": "noon"}}}),
        resource("null_resource", "untold", {"id": "13"}, {}),
        resource("terraform_data", "release", {"id": "x", "input": "2024-05", "output": "2024-05"}, {"input": {"constant_value": "2024-05"}}),
    ]
    made.append(resource("terraform_data", "hook", {"id": "y", "input": None, "output": None, "triggers_replace": [3]}, {"triggers_replace": {"constant_value": [3]}}))
    made[8][1]["provisioners"] = [{"type": "local-exec", "expressions": {"command": {"constant_value": "echo hooked"}}}]
    made[5][1]["provisioners"] = [{"type": "local-exec", "expressions": {"command": {"constant_value": "echo noted"}}}]
    made[6][1]["provisioners"] = [{"type": "local-exec", "expressions": {"command": {"references": ["var.x"]}}}]
    used = [
        resource("aws_s3_bucket", "lake", {"bucket": "lake-brave-otter-abcdef", "id": "lake-brave-otter-abcdef", "tags_all": {"team": "data"}}, {"bucket": {"references": ["random_pet.suffix.id", "random_pet.suffix", "random_id.run.hex", "random_id.run"]}}),
        resource("aws_ssm_parameter", "pw", {"name": "/pw-4711", "id": "/pw-4711", "type": "SecureString", "value": "hunter2-random", "tags": {"own": "1"}, "tags_all": {"team": "data", "own": "1"}},
                 {"name": {"references": ["random_integer.port.result", "random_integer.port"]}, "type": {}, "value": {"references": ["random_password.db.result", "random_password.db"]}, "tags": {}}, sensitive={"value": True}),
    ]
    document = json.loads(plan(*made, *used))
    document["configuration"]["provider_config"] = {"aws": {"name": "aws", "expressions": {"default_tags": [{"tags": {}}]}}}
    result, written, stack = imported(local_stack, json.dumps(document))
    resources = stack["resources"]
    assert stack["providers"] == {"aws": {"default_tags": {"team": "data"}}} and "hunter2" not in written + result.out + result.err
    assert resources["suffix"] == {"type": "weir.random", "kind": "name", "words": 2} and resources["run"] == {"type": "weir.random", "length": 6, "alphabet": "0123456789abcdef"}
    assert resources["lake"] == {"type": "aws.s3.bucket", "name": "lake-${suffix.result}-${run.result}"}
    assert resources["pw"] == {"type": "aws.ssm.parameter", "name": "/pw-${port.result}", "parameter_type": "SecureString", "value": "${inputs.db_password}", "tags": {"own": "1"}}
    assert resources["note"] == {"type": "weir.command", "command": "echo noted", "triggers": {"at": "noon"}} and resources["release"] == {"type": "weir.value", "value": "2024-05"}
    assert {"address": "suffix", "id": "brave-otter"} in stack["imports"] and {"address": "run", "id": "abcdef"} in stack["imports"] and not [one for one in stack["imports"] if one["address"] in ("note", "release")]
    assert resources["hook"] == {"type": "weir.command", "command": "echo hooked", "triggers": [3]}
    assert "null_resource.untold: left out: weir.command: `command` is wanted" in result.err and "write it as `command:`" in result.err and re.search("random_password.db +inputs.db_password", result.err)
    local_stack.run("validate", "-i", "db_password=hunter2")


def test_what_has_only_values(local_stack):
    """Their values are where they are used, and what waits for them waits for what they wait for."""
    def parameter(name, value, of):
        return resource("aws_ssm_parameter", name, {"name": f"/{name}", "id": f"/{name}", "type": "String", "value": value}, {"name": {}, "type": {}, "value": {"references": [of]}})
    made = [
        resource("random_shuffle", "az", {"id": "-", "input": ["a", "b"], "result": ["eu-west-1b", "eu-west-1a"], "result_count": 2}, {"input": {"constant_value": ["a", "b"]}}),
        resource("time_sleep", "wait", {"id": "2024-01-01T00:00:00Z", "create_duration": "30s"}, {"create_duration": {"constant_value": "30s"}}),
        resource("local_file", "conf", {"id": "abc", "filename": "conf.json", "content": "some content"}, {"filename": {}, "content": {}}),
        resource("null_resource", "mark", {"id": "8123456789", "triggers": {"a": "b"}}, {"triggers": {"constant_value": {"a": "b"}}}),
        parameter("az", "eu-west-1b", "random_shuffle.az.result[0]"), parameter("conf", "some content", "local_file.conf.content"), parameter("mark", "x-8123456789", "null_resource.mark.id"),
    ]
    made[1][1]["depends_on"], made[3][1]["depends_on"], made[5][1]["depends_on"] = ["aws_ssm_parameter.az"], ["time_sleep.wait"], ["null_resource.mark"]
    result, _, stack = imported(local_stack, plan(*made))
    assert {name: (one["value"], one.get("depends_on")) for name, one in stack["resources"].items()} == {"az": ("eu-west-1b", None), "conf": ("some content", ["az"]), "mark": ("x-8123456789", None)}
    assert "warning" not in result.err and "0 left out" in result.err and re.search("local_file.conf +- +its content is written where it is used; weir writes no files", result.err), result.err


def test_a_password_is_asked_for_once_and_if_it_is_used(local_stack):
    """A secret that has it in another form, here in JSON, is an input as a whole; then it is not asked for. A variable of the same name is another input."""
    password = resource("random_password", "db", {"id": "none", "result": "hunter2-&"}, sensitive={"result": True})
    secret, arn = {"secret_id": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf", "id": "v", "secret_string": r'{"password":"hunter2-\u0026","user":"app"}'}, "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
    whole = [password, resource("aws_secretsmanager_secret", "db", {"name": "db", "id": arn, "arn": arn}),
             resource("aws_secretsmanager_secret_version", "db", secret, {"secret_id": {"references": ["aws_secretsmanager_secret.db.id"]}, "secret_string": {"references": ["random_password.db.result", "random_password.db"]}}, sensitive={"secret_string": True})]
    result, written, made = imported(local_stack, plan(*whole))
    assert set(made["inputs"]) == {"db_secret_string"} and re.search("random_password.db +nothing secret of it is used", result.err) and "hunter2" not in written
    parameter = [resource("aws_ssm_parameter", name, {"name": f"/{name}", "id": f"/{name}", "type": "SecureString", "value": value}, {"name": {}, "type": {}, "value": {"references": [of]}}, sensitive={"value": True})
                 for name, value, of in (("a", "hunter2-&", "random_password.db.result"), ("b", "hunter2-variable", "var.db_password"))]
    made = imported(local_stack, plan(password, *parameter, variables={"db_password": "hunter2-variable"}), "--force")[2]
    assert (made["resources"]["a"]["value"], made["resources"]["b"]["value"]) == ("${inputs.db_password_2}", "${inputs.db_password}")


def test_other_forms_of_a_random_id_stay_as_they_are(local_stack):
    """weir has its hexadecimal form only: `id` of a weir.random is that of the run that made it."""
    run = resource("random_id", "run", {"id": "q83vAA", "hex": "abcdef00", "b64_url": "q83vAA", "b64_std": "q83vAA==", "dec": "2882400000", "byte_length": 4}, {"byte_length": {"constant_value": 4}})
    used = [resource("aws_ssm_parameter", attr, {"name": f"/{attr}", "id": f"/{attr}", "type": "String", "value": run[0]["values"][attr]}, {"name": {}, "type": {}, "value": {"references": [f"random_id.run.{attr}", "random_id.run"]}})
            for attr in ("id", "b64_url", "b64_std", "dec", "hex")]
    made = imported(local_stack, plan(run, *used))[2]["resources"]
    assert {attr: made[attr]["value"] for attr in ("id", "b64_url", "b64_std", "dec", "hex")} == {"id": "q83vAA", "b64_url": "q83vAA", "b64_std": "q83vAA==", "dec": "2882400000", "hex": "${run.result}"}
    state = {"format_version": "1.0", "values": {"root_module": {"resources": [run[0], resource("null_resource", "n", {"id": "123", "triggers": None})[0]]}}}
    result = imported(local_stack, json.dumps(state), "--force")[0]
    assert "cannot say" not in result.err and "a state does not have commands: write it as `command:` of a weir.command" in result.err


@pytest.mark.parametrize("alone", [True, False])
def test_passwords_are_found_wherever_they_are(local_stack, alone):
    """Also where no expression leads to them, as in a state alone or by a local, and where nothing marks the value."""
    function = {"id": "f", "function_name": "f", "role": "arn:aws:iam::123456789012:role/f", "package_type": "Image", "image_uri": "f:1", "environment": [{"variables": {"URL": "postgres://app:hunter2-random@db/x"}}]}
    resources = [resource("random_password", "db", {"id": "none", "result": "hunter2-random", "bcrypt_hash": "$2a$10$hash"}, sensitive={"result": True, "bcrypt_hash": True}),
                 resource("aws_ssm_parameter", "pw", {"name": "/pw", "id": "/pw", "type": "SecureString", "value": "hunter2-random"}, {"value": {"references": ["local.pw"]}}, sensitive={"value": True}),
                 resource("aws_lambda_function", "f", function, {"environment": [{"variables": {"references": ["local.url"]}}]})]
    text = json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": [state for state, _ in resources]}}}) if alone else plan(*resources)
    result, written, made = imported(local_stack, text)
    assert "hunter2" not in written + result.err and made["inputs"] == {"db_password": {"type": "string", "sensitive": True, "description": "What random_password.db is"}}
    assert made["resources"]["pw"]["value"] == "${inputs.db_password}" and made["resources"]["f"]["environment"] == {"URL": "postgres://app:${inputs.db_password}@db/x"}


@pytest.mark.parametrize(("text", "told"), [("{", "plan.json"), ("[]", "not a state or plan"), ('{"format_version": "1.0"}', "none of its resources exists yet"), ('{"version": 4}', "not a state or plan"),
                                            ('{"version": 4, "terraform_version": "1.11.4", "resources": []}', "this is the state's own file"), ("PK\x03\x04", "this is the plan's own file")])
def test_what_is_no_plan(local_stack, text, told):
    local_stack.write(text, "plan.json")
    result = local_stack.run("import", "terraform", "plan.json", status=3)
    assert told in result.err and not (local_stack.folder / "weir.yaml").exists()


def test_a_partition_stays_within_arn(local_stack):
    """`aws` is also the account of AWS's own policies."""
    reference = {"references": ["data.aws_partition.p.partition", "data.aws_partition.p"]}
    document = json.loads(plan(resource("aws_iam_role_policy_attachment", "own", {"id": "r-1", "role": "r", "policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, {"role": {"references": ["aws_iam_role.r.name", "aws_iam_role.r"]}, "policy_arn": reference}),
                               resource("aws_iam_role", "r", {"id": "r", "name": "r", "assume_role_policy": '{"Version": "2012-10-17", "Statement": []}'}, {"name": {}, "assume_role_policy": {}})))
    document["prior_state"]["values"]["root_module"]["resources"].append({"address": "data.aws_partition.p", "mode": "data", "type": "aws_partition", "name": "p", "values": {"id": "aws", "partition": "aws"}})
    _, _, stack = imported(local_stack, json.dumps(document))
    assert stack["resources"]["r"]["managed_policies"] == ["arn:${here.partition}:iam::aws:policy/ReadOnlyAccess"]


def test_what_does_not_exist_yet(local_stack):
    """A plan for resources that were never applied has values without ids: that is not a stack. Data alone may be in its prior state."""
    document = json.loads(plan())
    create = {"mode": "managed", "change": {"actions": ["create"]}}
    document["resource_changes"] = [create]
    result = local_stack.write(json.dumps(document), "plan.json").run("import", "terraform", "plan.json", status=3)
    assert "none of its resources exists yet" in result.err and "`terraform apply` first" in result.err
    document = json.loads(plan(resource("aws_s3_bucket", "lake", {"bucket": "lake", "id": "lake"}, {"bucket": {}})))
    document["resource_changes"] = [create, {"mode": "managed", "change": {"actions": ["no-op"]}}]
    result, _, stack = imported(local_stack, json.dumps(document))
    assert "1 of the plan's resources do not exist yet" in result.err and set(stack["resources"]) == {"lake"}


def test_lifecycle_rules_as_people_write_them(local_stack):
    """Without a filter a rule is for all objects; an older rule has its prefix beside it."""
    rules = [{"id": "all", "status": "Enabled", "prefix": "", "filter": [], "expiration": [{"days": 5, "date": None, "expired_object_delete_marker": False}]},
             {"id": "older", "status": "Enabled", "prefix": "logs/", "filter": [], "expiration": [{"days": 5, "date": None, "expired_object_delete_marker": False}]},
             {"id": "markers", "status": "Enabled", "prefix": "", "filter": [{"prefix": "", "tag": [], "and": []}], "expiration": [{"days": 0, "date": None, "expired_object_delete_marker": True}]}]
    resources = [resource("aws_s3_bucket", "lake", {"bucket": "lake", "id": "lake"}),
                 resource("aws_s3_bucket_lifecycle_configuration", "lake", {"bucket": "lake", "id": "lake", "rule": rules, "transition_default_minimum_object_size": "varies_by_storage_class"})]
    result, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": [state for state, _ in resources]}}}))
    made = {one["id"]: one for one in stack["resources"]["lake"]["lifecycle_rules"]}
    assert "filter" not in made["all"] and made["older"]["filter"] == {"prefix": "logs/"} and made["markers"]["expiration"] == {"expired_object_delete_marker": True}, made
    assert "`transition_default_minimum_object_size` has no equivalent" in result.err
    local_stack.run("validate")


def test_an_alarm_on_several_metrics(local_stack):
    metric = {"namespace": "AWS/Events", "metric_name": "FailedInvocations", "dimensions": {"RuleName": "nightly"}, "period": 60, "stat": "Sum", "unit": ""}
    queries = [{"id": "a", "return_data": False, "expression": "", "label": "", "period": 0, "account_id": "", "metric": [metric]},
               {"id": "b", "return_data": True, "expression": "a * 2", "label": "twice", "period": 60, "account_id": "", "metric": []}]
    alarm = {"id": "failed", "alarm_name": "failed", "evaluation_periods": 1, "threshold": 0, "comparison_operator": "GreaterThanThreshold", "metric_query": queries}
    result, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": [resource("aws_cloudwatch_metric_alarm", "failed", alarm)[0]]}}}))
    metrics = {one["id"]: one for one in stack["resources"]["failed"]["metrics"]}
    assert metrics["a"] == {"id": "a", "return_data": False, "namespace": "AWS/Events", "metric_name": "FailedInvocations", "dimensions": {"RuleName": "nightly"}, "period": 60, "stat": "Sum"}
    assert metrics["b"] == {"id": "b", "return_data": True, "expression": "a * 2", "label": "twice", "expression_period": 60} and "no equivalent" not in result.err


def test_a_policy_that_closes_a_circle(local_stack):
    """A role has the policy, which is about the role: what names the policy stays a reference, for the policy has to be there first."""
    arn = "arn:aws:iam::123456789012:"
    may = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:GetRole", "Resource": f"{arn}role/ci"}]})
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}]})
    _, _, stack = imported(local_stack, plan(
        resource("aws_iam_policy", "about", {"id": f"{arn}policy/about", "arn": f"{arn}policy/about", "name": "about", "path": "/", "policy": may}, {"name": {}, "policy": {"references": ["aws_iam_role.ci.arn", "aws_iam_role.ci"]}}),
        resource("aws_iam_role", "ci", {"id": "ci", "name": "ci", "arn": f"{arn}role/ci", "path": "/", "assume_role_policy": trust}, {"name": {}, "assume_role_policy": {}}),
        resource("aws_iam_role_policy_attachment", "it", {"id": "ci/about", "role": "ci", "policy_arn": f"{arn}policy/about"},
                 {"role": {"references": ["aws_iam_role.ci.name", "aws_iam_role.ci"]}, "policy_arn": {"references": ["aws_iam_policy.about.arn", "aws_iam_policy.about"]}})))
    assert stack["resources"]["ci"]["managed_policies"] == ["${about.arn}"] and f"{arn}role/ci" in json.dumps(stack["resources"]["about"]["policy"])


def test_a_stream_that_a_check_refuses(local_stack):
    """It stays what it is, and the table tells what is to be put right; nothing that only the provider filled in is written."""
    s3 = {"bucket_arn": "arn:aws:s3:::raw", "role_arn": "", "prefix": "raw/", "buffering_size": 5, "processing_configuration": [{"enabled": False, "processors": []}], "custom_time_zone": "UTC"}
    arn = "arn:aws:firehose:us-east-1:123456789012:deliverystream/clicks"
    stream = resource("aws_kinesis_firehose_delivery_stream", "clicks", {"id": arn, "arn": arn, "name": "clicks", "destination": "extended_s3", "extended_s3_configuration": [s3]},
                      {"name": {}, "destination": {}, "extended_s3_configuration": [{"bucket_arn": {}, "role_arn": {}, "prefix": {}, "buffering_size": {}}]})
    result, _, stack = imported(local_stack, plan(stream))
    made = stack["resources"]["clicks"]
    assert made["type"] == "aws.firehose.delivery_stream" and list(made["s3"].items()) == [("bucket", "arn:aws:s3:::raw"), ("prefix", "raw/"), ("buffer_size", 5)], made
    assert "put it right, weir refuses it: s3: \"role\" is missing" in result.err


def test_buckets_in_the_older_form(local_stack):
    """Settings within the bucket, and objects under their older name."""
    values = {"id": "lake", "bucket": "lake", "acl": "private", "versioning": [{"enabled": True, "mfa_delete": False}], "logging": [{"target_bucket": "logs", "target_prefix": "lake/"}],
              "server_side_encryption_configuration": [{"rule": [{"bucket_key_enabled": False, "apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256", "kms_master_key_id": ""}]}]}],
              "lifecycle_rule": [{"id": "old", "enabled": True, "prefix": "tmp/", "tags": {}, "abort_incomplete_multipart_upload_days": 2, "expiration": [{"days": 7, "date": "", "expired_object_delete_marker": False}],
                                  "transition": [{"days": 3, "date": "", "storage_class": "GLACIER"}], "noncurrent_version_expiration": [{"days": 4}], "noncurrent_version_transition": [{"days": 2, "storage_class": "GLACIER"}]}],
              "grant": [{"id": "75aa", "permissions": ["FULL_CONTROL"], "type": "CanonicalUser", "uri": ""}]}
    given = {"bucket": {}, "acl": {}, "versioning": [{"enabled": {}}], "logging": [{"target_bucket": {}, "target_prefix": {}}],
             "server_side_encryption_configuration": [{"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": {}}]}]}],
             "lifecycle_rule": [{"id": {}, "enabled": {}, "prefix": {}, "abort_incomplete_multipart_upload_days": {}, "expiration": [{"days": {}}], "transition": [{"days": {}, "storage_class": {}}],
                                 "noncurrent_version_expiration": [{"days": {}}], "noncurrent_version_transition": [{"days": {}, "storage_class": {}}]}]}
    result, _, stack = imported(local_stack, plan(resource("aws_s3_bucket", "lake", values, given), resource("aws_s3_bucket_object", "one", {"id": "a.txt", "bucket": "lake", "key": "a.txt", "content": "a"}, {"bucket": {}, "key": {}, "content": {}})))
    made = stack["resources"]["lake"]
    assert made == {"type": "aws.s3.bucket", "name": "lake", "versioning": True, "encryption": {"algorithm": "AES256"}, "logging": {"target_bucket": "logs", "target_prefix": "lake/"}, "lifecycle_rules": [
        {"id": "old", "status": "Enabled", "filter": {"prefix": "tmp/"}, "expiration": {"days": 7}, "transitions": [{"days": 3, "storage_class": "GLACIER"}], "noncurrent_version_expiration": {"noncurrent_days": 4},
         "noncurrent_version_transitions": [{"noncurrent_days": 2, "storage_class": "GLACIER"}], "abort_incomplete_multipart_upload": {"days_after_initiation": 2}}]}, made
    assert stack["resources"]["one"]["type"] == "aws.s3.object" and "equivalent" not in result.err
    local_stack.run("validate")


def test_the_arn_that_an_alias_leads_to_is_not_its_own(local_stack):
    arn = "arn:aws:kms:us-east-1:123456789012:"
    key = {"id": "k1", "key_id": "k1", "arn": f"{arn}key/k1", "description": "lake"}
    alias = {"id": "alias/lake", "name": "alias/lake", "arn": f"{arn}alias/lake", "target_key_id": "k1", "target_key_arn": f"{arn}key/k1"}
    trail = {"id": "/lake", "name": "/lake", "arn": "arn:aws:logs:us-east-1:123456789012:log-group:/lake", "kms_key_id": f"{arn}key/k1"}
    resources = [resource(kind, "one", values)[0] for kind, values in (("aws_kms_alias", alias), ("aws_kms_key", key), ("aws_cloudwatch_log_group", trail))]
    _, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    (group,) = (one for one in stack["resources"].values() if one["type"] == "aws.logs.log_group")
    (name,) = (name for name, one in stack["resources"].items() if one["type"] == "aws.kms.key")
    assert group["kms_key"] == f"${{{name}.arn}}"


def test_a_gigantic_state(local_stack):
    many = [resource("aws_glue_job", f"j{i}", {"name": f"job-{i}", "id": f"job-{i}", "arn": f"arn:aws:glue:us-east-1:123456789012:job/job-{i}", "role_arn": "arn:aws:iam::123456789012:role/r",
            "command": [{"name": "glueetl", "script_location": "s3://b/k"}], "default_arguments": {"--words": "x" * 8000, "--after": f"job-{i - 1}"}},
            {"name": {}, "role_arn": {}, "command": [{"name": {}, "script_location": {}}], "default_arguments": {"references": [f"aws_glue_job.j{i - 1}.name"] if i else []}}) for i in range(500)]
    (result, _, stack), cpu_s = cpu_of(lambda: imported(local_stack, plan(*many)))
    assert stack["resources"]["j7"]["default_arguments"]["--after"] == "${j6.name}" and "500 of weir's own" in result.err and cpu_s < 15


@pytest.mark.long
@pytest.mark.parametrize("alone", [False, True], ids=["plan", "state"])
@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda path: path.name)
def test_terraform_itself(tmp_path, cloud, configuration, alone):
    """Terraform makes it, weir takes it over: nothing differs, before and after. By its folder, and by what it says of its state alone."""
    if not shutil.which("terraform") or not PLUGINS.is_dir():
        pytest.skip("there is no Terraform, or its provider is not there")
    folder = tmp_path / "infra"
    shutil.copytree(configuration, folder)
    (folder / "provider.tf").write_text(PROVIDER)
    (tmp_path / "rc").write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{PLUGINS}"\n  }}\n}}\n')
    env = {**os.environ, "TF_CLI_CONFIG_FILE": str(tmp_path / "rc"), "AWS_ENDPOINT_URL": cloud.url, "CHECKPOINT_DISABLE": "1"}
    for words in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(["terraform", *words, "-no-color"], cwd=folder, env=env, check=True, capture_output=True, timeout=280)
    stack = Stack(tmp_path / "stack", cloud)
    if alone:
        shown = subprocess.run(["terraform", "show", "-json"], cwd=folder, env=env, check=True, capture_output=True, timeout=280)
        folder = tmp_path / "state.json"
        # moto does not tell whether a policy of scaling is enabled
        folder.write_bytes(shown.stdout.replace(b'"enabled":false,"estimated_instance_warmup"', b'"enabled":true,"estimated_instance_warmup"'))
    result = stack.run("import", "terraform", folder, env={name: env[name] for name in ("TF_CLI_CONFIG_FILE", "AWS_ENDPOINT_URL", "CHECKPOINT_DISABLE")})
    written = (stack.folder / "weir.yaml").read_text()
    assert "hunter2" not in written + result.err and "0 left out" in result.err, result
    stack.env |= SECRETS | {f"WEIR_INPUT_{name.upper()}": SECRET[configuration.name] for name, one in yaml.safe_load(written).get("inputs", {}).items() if one.get("sensitive")}
    assert set(stack.plan().values()) == {"adopt"}
    # what cannot be read, such as a secret, is set once more
    assert re.search("0 to create, [01] to update, 0 to replace, 0 to delete", stack.run("plan").out)
    stack.apply()
    stack.assert_settled()


def test_what_a_state_alone_says(local_stack):
    """From a state without a configuration: empty blocks are nothing, each condition's block says its field, a unit is no secret."""
    none = {name: [] for name in ("host_header", "http_header", "http_request_method", "path_pattern", "query_string", "source_ip")}
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
    listener, group = arn + "listener/app/x/0a1b2c3d4e5f6071/1a2b3c4d5e6f7081", arn + "targetgroup/api/0a1b2c3d4e5f6072"
    rule = {"id": arn + "listener-rule/app/x/0a1b2c3d4e5f6071/1a2b3c4d5e6f7081/2", "arn": arn + "listener-rule/app/x/0a1b2c3d4e5f6071/1a2b3c4d5e6f7081/2", "listener_arn": listener, "priority": 10,
            "action": [{"type": "forward", "order": 1, "target_group_arn": group, "redirect": [], "forward": []}],
            "condition": [none | {"path_pattern": [{"values": ["/api/*"], "regex_values": None}]}, none | {"http_header": [{"http_header_name": "X-A", "values": ["b"]}]},
                          none | {"query_string": [{"key": "v", "value": "1"}, {"key": None, "value": "x"}]}]}
    tokens = {"id": "cl1", "name": "c", "user_pool_id": "us-east-1_A", "token_validity_units": [{"access_token": "minutes"}], "explicit_auth_flows": ["ALLOW_USER_SRP_AUTH"]}
    target = {"endpoint_id": "lake", "id": "lake", "endpoint_type": "target", "bucket_name": "lake", "service_access_role_arn": "arn:aws:iam::123456789012:role/d"}
    node = {"id": "lt-0123456789abcdef0", "name": "node", "image_id": "ami-12c6146b", "instance_type": "t4g.small", "user_data": "IyEvYmluL3NoCg=="}
    resources = [resource("aws_launch_template", "node", node)[0], resource("aws_lb_listener_rule", "api", rule)[0], resource("aws_cognito_user_pool_client", "c", tokens)[0], resource("aws_dms_s3_endpoint", "lake", target)[0]]
    _, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    assert stack["resources"]["api"]["conditions"] == [
        {"field": "path-pattern", "values": ["/api/*"]}, {"field": "http-header", "http_header": {"name": "X-A", "values": ["b"]}},
        {"field": "query-string", "query_strings": [{"key": "v", "value": "1"}, {"value": "x"}]},
    ]
    assert stack["resources"]["node"]["user_data"] == "#!/bin/sh\n"
    assert stack["resources"]["c"]["token_validity_units"] == {"access_token": "minutes"} and "inputs" not in stack
    assert stack["resources"]["lake"] == {"type": "aws.dms.endpoint", "name": "lake", "endpoint_type": "target", "engine_name": "s3", "s3": {"bucket": "lake", "role": "arn:aws:iam::${here.account}:role/d"}}
    assert {"address": "c", "id": "us-east-1_A/cl1"} in stack["imports"]
    local_stack.run("validate")


def test_the_account_and_region_of_a_state_are_the_callers(local_stack):
    """Where a string has the account's id, that and the region become the caller's; names, tags and other regions stay."""
    here, names = "eu-west-1:123456789012", ["arn:aws:iam::123456789012:root", "arn:aws:iam::999999999999:root", "arn:aws:iam::1234567890123:root"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": {"AWS": names}, "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}, "ArnLike": {"aws:SourceArn": f"arn:aws:glue:{here}:job/*"}}}]}
    resources = [
        resource("aws_lambda_function", "f", {"arn": f"arn:aws:lambda:{here}:function:f-123456789012", "id": "f-123456789012", "function_name": "f-123456789012", "package_type": "Image", "image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/f:1", "role": "arn:aws:iam::123456789012:role/f", "tags": {"of": "123456789012"},
                                                "environment": [{"variables": {"TOPIC": "arn:aws:sns:us-east-1:123456789012:x", "REGION": "eu-west-1"}}]})[0],
        resource("aws_s3_bucket", "b", {"arn": "arn:aws:s3:::b", "id": "b", "bucket": "b"})[0],
        resource("aws_s3_bucket_policy", "b", {"bucket": "b", "id": "b", "policy": json.dumps(policy)})[0],
    ]
    _, _, made = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    assert made["data"] == {"here": {"type": "aws.sts.caller_identity"}}
    function, (statement,) = made["resources"]["f"], made["resources"]["b"]["policy"]["Statement"]
    assert (function["name"], function["tags"]) == ("f-123456789012", {"of": "123456789012"})
    assert function["code"]["image_uri"] == "${here.account}.dkr.ecr.${here.region}.amazonaws.com/f:1"
    assert function["role"] == "arn:aws:iam::${here.account}:role/f"
    assert function["environment"] == {"TOPIC": "arn:aws:sns:us-east-1:${here.account}:x", "REGION": "eu-west-1"}
    assert statement["Principal"]["AWS"] == ["arn:aws:iam::${here.account}:root", *names[1:]]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "${here.account}"}, "ArnLike": {"aws:SourceArn": "arn:aws:glue:${here.region}:${here.account}:job/*"}}


def test_locals_may_have_the_account(local_stack):
    """A plan does not have the expressions of locals; without such a value in it the data source is left out."""
    account = {"address": "data.aws_caller_identity.me", "mode": "data", "type": "aws_caller_identity", "name": "me", "values": {"account_id": "123456789012", "id": "123456789012"}}
    bucket = resource("aws_s3_bucket", "b", {"arn": "arn:aws:s3:::logs-123456789012", "id": "logs-123456789012", "bucket": "logs-123456789012"}, {"bucket": {"references": ["local.name"]}})
    other = resource("aws_s3_bucket", "b", {"arn": "arn:aws:s3:::logs", "id": "logs", "bucket": "logs"}, {"bucket": {"references": ["local.name"]}})
    made = imported(local_stack, plan(bucket, (account, account | {"expressions": {}})))[2]
    assert (made["resources"]["b"]["name"], made["data"]) == ("logs-${here.account}", {"here": {"type": "aws.sts.caller_identity"}})
    assert "data" not in imported(local_stack, plan(other, (account, account | {"expressions": {}})), "--force")[2]


def test_what_only_the_provider_says(local_stack):
    """Of a state alone nobody is told that it is left out; what somebody may have said is told."""
    arn = "arn:aws:iam::123456789012:role/r"
    role = {"id": "r", "arn": arn, "name": "r", "assume_role_policy": '{"Version": "2012-10-17", "Statement": []}', "create_date": "2025-01-01T00:00:00Z", "unique_id": "AROA1"}
    vpc = {"id": "vpc-1", "cidr_block": "10.0.0.0/16", "default_network_acl_id": "acl-1", "main_route_table_id": "rtb-1", "assign_generated_ipv6_cidr_block": False, "ipv6_netmask_length": 0}
    topic = {"id": "arn:aws:sns:us-east-1:123456789012:t", "name": "t", "owner": "123456789012", "http_success_feedback_sample_rate": 0, "sqs_success_feedback_sample_rate": 5}
    resources = [resource("aws_iam_role", "r", role)[0], resource("aws_vpc", "v", vpc)[0], resource("aws_sns_topic", "t", topic)[0]]
    result, _, _ = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    assert re.findall("`([^`]+)` has no equivalent", result.err) == ["sqs_success_feedback_sample_rate"], result


@pytest.mark.long
def test_which_only_the_provider_says(tmp_path):
    """The provider's schemas are asked: nobody can set such a thing, in any type that is known here."""
    if not shutil.which("terraform") or not PLUGINS.is_dir():
        pytest.skip("there is no Terraform, or its provider is not there")
    (tmp_path / "provider.tf").write_text(PROVIDER)
    (tmp_path / "rc").write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{PLUGINS}"\n  }}\n}}\n')
    env = {**os.environ, "TF_CLI_CONFIG_FILE": str(tmp_path / "rc"), "CHECKPOINT_DISABLE": "1"}
    subprocess.run(["terraform", "init", "-no-color"], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=280)
    shown = subprocess.run(["terraform", "providers", "schema", "-json"], cwd=tmp_path, env=env, check=True, capture_output=True, timeout=280)
    (schemas,) = (one["resource_schemas"] for one in json.loads(shown.stdout)["provider_schemas"].values())
    known = {name for path in (ROOT / "provider/aws/names").glob("*.yaml") for name in yaml.safe_load(path.read_text()).get("terraform") or {}}
    blocks = [schemas[name]["block"] for name in known if name in schemas]
    settable = {name for block in blocks for name, one in block.get("attributes", {}).items() if one.get("optional") or one.get("required")} | {name for block in blocks for name in block.get("block_types", {})}
    said = set(yaml.safe_load((ROOT / "cmd/import/terraform.yaml").read_text())["computed"])
    assert len(said) > 100 and len(blocks) > 100 and not said & settable, said & settable


def test_tags_of_a_state_alone(local_stack):
    """The provider's tags are told by its configuration alone: of a state they are each thing's own."""
    queues = [resource("aws_sqs_queue", name, {"name": name, "id": f"https://q/{name}", "tags": own, "tags_all": {"team": "data", **(own or {})}})[0] for name, own in (("a", {"own": "1"}), ("b", None))]
    _, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": queues}}}))
    assert [stack["resources"][name]["tags"] for name in "ab"] == [{"team": "data", "own": "1"}, {"team": "data"}]


def test_documents_of_another_form(local_stack):
    """Values that are no map say nothing; the rest comes over."""
    odd, _ = resource("aws_sqs_queue", "odd", [1, {"a": 2}])
    queue, _ = resource("aws_sqs_queue", "q", {"name": "q", "url": "https://q", "id": "https://q"})
    _, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "variables": 12, "values": {"root_module": {"resources": [odd, queue]}}}))
    assert stack["resources"]["q"]["name"] == "q" and set(stack["resources"]["odd"]) == {"type"}


def test_ids_that_are_made_of_others(local_stack):
    """What has no id of its own there is taken over by what it is for: a principal and a resource, the account."""
    grant = {"id": "871", "principal": "arn:aws:iam::123456789012:role/reader", "permissions": ["SELECT"], "database": [], "table": [{"database_name": "films", "name": "", "wildcard": True, "catalog_id": ""}]}
    settings = {"id": "2827742797", "admins": ["arn:aws:iam::123456789012:root"]}
    arn = "arn:aws:sns:us-east-1:123456789012:told"
    resources = [resource("aws_lakeformation_permissions", "reader", grant)[0], resource("aws_lakeformation_data_lake_settings", "lake", settings)[0]]
    result, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": [*resources, resource("aws_sns_topic", "told", {"name": "told", "id": arn, "arn": arn})[0]]}}}))
    ids = {one["address"]: one["id"] for one in stack["imports"]}
    assert ids == {"reader": 'arn:aws:iam::123456789012:role/reader {"table":{"all":{},"database":"films"}}', "lake": "123456789012", "told": arn}, result
    (local_stack.folder / "weir.yaml").unlink()
    result, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources[1:]}}}))
    assert "imports" not in stack and "lake cannot be imported by the id that it has" in result.err


def test_zeros_that_nobody_said(local_stack):
    """A state has a zero for what was not said: one that the type does not take goes, others stay; what an event's target is for is said."""
    role = "arn:aws:iam::123456789012:role/r"
    alarm = {"id": "a", "alarm_name": "a", "namespace": "n", "metric_name": "m", "statistic": "Sum", "comparison_operator": "GreaterThanThreshold", "period": 60, "evaluation_periods": 1, "threshold": 0, "datapoints_to_alarm": 0}
    function = {"id": "f", "function_name": "f", "role": role, "handler": "a.b", "runtime": "python3.13", "s3_bucket": "code", "s3_key": "f.zip", "invoke_arn": "arn:x", "version": "1", "reserved_concurrent_executions": -1}
    job = {"id": "j", "name": "j", "role_arn": role, "worker_type": "G.1X", "number_of_workers": 2, "max_capacity": 2, "command": [{"name": "glueetl", "script_location": "s3://b/k"}], "execution_property": [{"max_concurrent_runs": 0}]}
    rule, target = {"id": "r", "name": "r", "schedule_expression": "rate(1 hour)"}, {"id": "r-t", "rule": "r", "target_id": "t", "arn": "arn:aws:kinesis:us-east-1:123456789012:stream/s", "role_arn": role, "kinesis_target": [{"partition_key_path": "$.detail.id"}]}
    grant = {"id": "1", "principal": role, "permissions": ["CREATE_DATABASE"], "catalog_resource": True, "database": []}
    network = {"id": "123456789012:c", "name": "c", "connection_type": "NETWORK", "connection_properties": {}}
    given = {"aws_glue_connection": network, "aws_cloudwatch_metric_alarm": alarm, "aws_lambda_function": function, "aws_glue_job": job, "aws_cloudwatch_event_rule": rule, "aws_cloudwatch_event_target": target, "aws_lakeformation_permissions": grant}
    resources = [resource(kind, kind.rpartition("_")[2], values)[0] for kind, values in given.items()]
    result, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    made = stack["resources"]
    assert " 0 left out" in result.err and made["alarm"]["threshold"] == 0 and "datapoints_to_alarm" not in made["alarm"]
    assert made["function"]["code"] == {"s3_bucket": "code", "s3_key": "f.zip"} and "reserved_concurrency" not in made["function"]
    assert made["job"]["worker_type"] == "G.1X" and not {"max_capacity", "execution_property"} & set(made["job"])
    assert made["rule"]["targets"] == {"t": {"arn": "arn:aws:kinesis:us-east-1:${here.account}:stream/s", "role": "arn:aws:iam::${here.account}:role/r", "kinesis_partition_key_path": "$.detail.id"}} and made["permissions"]["resource"] == {"catalog": {}}
    assert made["connection"] == {"type": "aws.glue.connection", "name": "c", "connection_type": "NETWORK"}
    local_stack.run("validate")


def test_a_pipe(local_stack):
    """Its blocks within blocks; what a block of another source or target says is not there."""
    arn = "arn:aws:{}:us-east-1:123456789012:{}"
    source = {"filter_criteria": [{"filter": [{"pattern": '{"data":{"kind":["new"]}}'}]}], "sqs_queue_parameters": [],
              "kinesis_stream_parameters": [{"starting_position": "LATEST", "batch_size": 10, "dead_letter_config": [{"arn": arn.format("sqs", "dead")}]}]}  # fmt: skip
    batch = {"job_definition": "count", "job_name": "count", "container_overrides": [{"command": ["a"], "environment": [{"name": "A", "value": "b"}], "resource_requirement": [{"type": "VCPU", "value": "1"}]}], "retry_strategy": [{"attempts": 2}]}
    pipe = {"id": "clicks", "name": "clicks", "role_arn": "arn:aws:iam::123456789012:role/r", "source": arn.format("kinesis", "stream/clicks"), "target": arn.format("batch", "job-queue/q"), "source_parameters": [source],
            "target_parameters": [{"input_template": "<$.data.id>", "batch_job_parameters": [batch]}], "log_configuration": [{"level": "ERROR", "cloudwatch_logs_log_destination": [{"log_group_arn": arn.format("logs", "log-group:/pipes")}]}]}  # fmt: skip
    state = {"format_version": "1.0", "values": {"root_module": {"resources": [resource("aws_pipes_pipe", "clicks", pipe)[0]]}}}
    result, _, stack = imported(local_stack, json.dumps(state))
    assert " 0 left out" in result.err
    assert stack["resources"]["clicks"] == {
        "type": "aws.pipes.pipe", "name": "clicks", "role": "arn:aws:iam::123456789012:role/r", "source": arn.format("kinesis", "stream/clicks"), "target": arn.format("batch", "job-queue/q"),
        "source_parameters": {"filters": [{"pattern": '{"data":{"kind":["new"]}}'}], "kinesis": {"starting_position": "LATEST", "batch_size": 10, "dead_letter_queue": arn.format("sqs", "dead")}},
        "target_parameters": {"input_template": "<$.data.id>", "batch": {"job_definition": "count", "job_name": "count", "command": ["a"], "environment": {"A": "b"}, "resources": {"VCPU": "1"}, "attempts": 2}},
        "log_configuration": {"level": "ERROR", "log_group": arn.format("logs", "log-group:/pipes")},
    }  # fmt: skip
    local_stack.run("validate")


def test_what_nobody_said_in_a_state(local_stack):
    """What a service fills in is not written, nor a digest of what was said; names and ARNs of others are references where the attribute says of what."""
    arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:1:autoScalingGroupName/workers"
    group = {"id": "workers", "name": "workers", "arn": arn, "min_size": 0, "max_size": 4, "vpc_zone_identifier": ["subnet-0a1b2c3d"], "availability_zones": ["us-east-1a"], "default_cooldown": 300,
             "mixed_instances_policy": [{"instances_distribution": [{"on_demand_base_capacity": 0, "spot_instance_pools": 0}],
                                         "launch_template": [{"launch_template_specification": [{"launch_template_id": "lt-0123456789abcdef0", "launch_template_name": "node", "version": "3"}], "override": []}]}]}
    policy = {"id": "busy", "name": "busy", "autoscaling_group_name": "workers", "policy_type": "TargetTrackingScaling", "cooldown": 0, "predictive_scaling_configuration": [{"mode": "", "metric_specification": []}],
              "target_tracking_configuration": [{"disable_scale_in": False, "target_value": 60, "predefined_metric_specification": [{"predefined_metric_type": "ASGAverageCPUUtilization", "resource_label": ""}]}]}
    machine = {"id": "i-0123456789abcdef0", "ami": "ami-12c6146b", "instance_type": "t3.micro", "private_ip": "10.0.0.4", "user_data": "1f7a9bb5725fd3f94f0a844b911c8ee60e95bbba", "subnet_id": "subnet-0a1b2c3d"}
    lake, place = "arn:aws:s3:::lake-of-ada", {"id": "arn:aws:s3:::lake-of-ada", "arn": "arn:aws:s3:::lake-of-ada", "role_arn": "arn:aws:iam::123456789012:role/r"}
    job = {"id": "lake-of-ada", "name": "lake-of-ada", "role_arn": "arn:aws:iam::123456789012:role/r", "security_configuration": "sealed", "timeout": 0, "max_retries": 0, "glue_version": "4.0",
           "command": [{"name": "glueetl", "script_location": "s3://lake-of-ada/x.py"}], "default_arguments": {"--to": "lake-of-ada", "--api": "arn:aws:apigateway:us-east-1:lambda:path/functions/arn:aws:s3:::lake-of-ada/x"}}
    sealed = {"id": "sealed", "name": "sealed", "encryption_configuration": [{"cloudwatch_encryption": [{"cloudwatch_encryption_mode": "DISABLED"}], "job_bookmarks_encryption": [{"job_bookmarks_encryption_mode": "DISABLED"}], "s3_encryption": [{"s3_encryption_mode": "DISABLED"}]}]}
    ports = {"id": "sg-0123456789abcdef0", "name": "p", "description": "p", "ingress": [{"from_port": 0, "to_port": 65535, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/8"], "self": True, "description": "jobs"}]}
    lake_policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"}]}
    bucket = {"id": "lake-of-ada", "bucket": "lake-of-ada", "arn": lake, "request_payer": "BucketOwner", "versioning": [{"enabled": True, "mfa_delete": False}], "policy": json.dumps(lake_policy)}
    given = {"aws_lakeformation_resource": place, "aws_s3_bucket": bucket, "aws_s3_bucket_policy": {"id": "lake-of-ada", "bucket": "lake-of-ada", "policy": json.dumps(lake_policy)}, "aws_autoscaling_group": group, "aws_autoscaling_policy": policy, "aws_instance": machine,
             "aws_glue_job": job, "aws_glue_security_configuration": sealed, "aws_security_group": ports}
    resources = [resource(kind, kind.partition("_")[2], values)[0] for kind, values in given.items()]
    result, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    made = stack["resources"]
    assert made["autoscaling_group"] == {"type": "aws.autoscaling.group", "name": "workers", "min_size": 0, "max_size": 4, "subnet_ids": ["subnet-0a1b2c3d"],
                                         "mixed_instances": {"on_demand_base_capacity": 0, "launch_template": {"id": "lt-0123456789abcdef0", "version": "3"}}}
    assert made["autoscaling_policy"] == {"type": "aws.autoscaling.policy", "name": "busy", "group": "${autoscaling_group.name}", "policy_type": "TargetTrackingScaling",
                                          "target_tracking": {"predefined_metric": "ASGAverageCPUUtilization", "target_value": 60}}
    assert set(made["instance"]) == {"type", "image_id", "instance_type", "subnet_id"} and "`user_data` is left out: the state has only a digest of it" in result.err
    assert made["lakeformation_resource"]["resource"] == "${s3_bucket.arn}" and made["s3_bucket"] == {"type": "aws.s3.bucket", "name": "lake-of-ada", "versioning": True, "policy": lake_policy}, "once"
    assert made["glue_job"] == {"type": "aws.glue.job", "name": "lake-of-ada", "role": "arn:aws:iam::${here.account}:role/r", "command": {"name": "glueetl", "script_location": "s3://${s3_bucket.name}/x.py"},
                                "default_arguments": {"--to": "lake-of-ada", "--api": "arn:aws:apigateway:us-east-1:lambda:path/functions/${s3_bucket.arn}/x"}, "glue_version": "4.0",
                                "security_configuration": "${glue_security_configuration.name}"}
    assert made["security_group"]["ingress"] == [{"from_port": 0, "to_port": 65535, "protocol": "tcp", "description": "jobs"} | which for which in ({"cidr": "10.0.0.0/8"}, {"source_group": "self"})]
    local_stack.run("validate")


def test_regions_and_accounts(local_stack):
    """A configuration of the provider by its alias, with its region and role; one by the region that a thing is in; waiting that no reference says."""
    def queue(name, region, key="aws", module="", **more):
        state, config = resource("aws_sqs_queue", name, {"name": name, "id": f"https://q/{name}", "arn": f"arn:aws:sqs:{region}:123456789012:{name}", "tags": None, "tags_all": {"team": "data"} if key == "aws.west" else {}}, {"name": {}}, module)
        return state, config | {"provider_config_key": key} | more

    document = json.loads(plan(
        queue("here", "eu-west-1"), queue("also", "eu-west-1", depends_on=["aws_sqs_queue.here", "module.told", "aws_sns_topic.none"]), queue("west", "us-west-2", "aws.west"), queue("moved", "ap-south-1"),
        queue("far", "sa-east-1", "module.told:aws.far_away"), variables={"home": "eu-west-1"}, inner=[("told", [queue("told", "eu-west-1", module="module.told")], {}, {})]))
    role = {"role_arn": {"constant_value": "arn:aws:iam::210987654321:role/deploy"}}
    document["configuration"]["provider_config"] = {
        "aws": {"name": "aws", "expressions": {"region": {"references": ["var.home"]}}},
        "aws.west": {"name": "aws", "alias": "west", "expressions": {"region": {"constant_value": "us-west-2"}, "assume_role": [role], "default_tags": [{"tags": {}}], "ignore_tags": [{"keys": {"constant_value": ["made-by"]}, "key_prefixes": {"constant_value": ["corp:"]}}]}},
        "aws.far_away": {"name": "aws", "alias": "far_away", "expressions": {"region": {"references": ["local.far"]}, "assume_role": [{"role_arn": {"references": ["local.role"]}}]}},
    }
    result, _, stack = imported(local_stack, json.dumps(document))
    assert stack["providers"] == {
        "aws": {"region": "${inputs.home}"}, "aws.west": {"region": "us-west-2", "assume_role": {"role": "arn:aws:iam::210987654321:role/deploy"}, "default_tags": {"team": "data"}, "ignore_tags": ["made-by", "corp:*"]},
        "aws.ap_south_1": {"region": "ap-south-1"}, "aws.far_away": {"region": "sa-east-1"}}
    assert {name: one.get("provider") for name, one in stack["resources"].items()} == {"here": None, "also": None, "west": "aws.west", "moved": "aws.ap_south_1", "far": "aws.far_away", "told_told": None}
    assert set(stack["resources"]["also"]["depends_on"]) == set(stack["resources"]) - {"also", "west", "moved", "far"}
    assert "the role of its `assume_role` depends on values that the plan does not show" in result.err
    local_stack.run("validate")


FAKE = """#!/bin/sh
case "$*" in *show*) cat "$PLAN_JSON" ;; esac
"""


def test_what_only_the_files_say(local_stack):
    """Of a folder: what is said of destroying and changing is not in what Terraform shows, and is told with its place; provisioners and data likewise."""
    document = json.loads(plan(resource("aws_s3_bucket", "lake", {"bucket": "lake", "id": "lake"}, {"bucket": {"references": ["data.aws_vpc.net.id"]}}),
                               resource("aws_s3_object", "script", {"bucket": "lake", "key": "a.py", "source": "./src/a.py"}, {"bucket": {}, "key": {}, "source": {}})))
    document["prior_state"]["values"]["root_module"]["resources"] += [{"address": f"data.{kind}.net", "mode": "data", "type": kind, "name": "net", "values": {"id": "vpc-1"}} for kind in ("aws_vpc", "terraform_remote_state")]
    document["configuration"]["root_module"]["resources"][0]["provisioners"] = [{"type": "remote-exec", "expressions": {}}]
    folder = local_stack.folder / "infra"
    (folder / "modules/store").mkdir(parents=True)
    (folder / "modules/store/main.tf").write_text('resource "aws_s3_bucket" "lake" {\n  lifecycle {\n    prevent_destroy       = true\n    create_before_destroy = false\n    # ignore_changes = [tags]\n    ignore_changes = [tags]\n  }\n}\n'
                                                          'resource "aws_db_instance" "shop" {\n  lifecycle { ignore_changes = [password] }\n}\n'
                                                          'output "x" {\n  precondition {\n    condition = true\n  }\n}\nresource "aws_sqs_queue" "q" {\n  lifecycle {\n    postcondition {\n      condition = true\n    }\n  }\n}\n')
    (local_stack.folder / "plan.json").write_text(json.dumps(document))
    (local_stack.folder / "bin").mkdir()
    (local_stack.folder / "bin/terraform").write_text(FAKE)
    (local_stack.folder / "bin/terraform").chmod(0o755)
    result = local_stack.run("import", "terraform", "infra", env={"PATH": f"{local_stack.folder / 'bin'}:{os.environ['PATH']}", "PLAN_JSON": str(local_stack.folder / "plan.json")})
    assert "aws_db_instance.shop: Terraform's output does not have `ignore_changes`" in result.err and "infra/modules/store/main.tf:10:15" in result.err
    assert "infra/modules/store/main.tf:3:5" in result.err and "aws_s3_bucket.lake: Terraform's output does not have `prevent_destroy`: in a stack it is lifecycle: {prevent_destroy: true}" in result.err
    assert "main.tf:19:5" in result.err and "aws_sqs_queue.q: Terraform's output does not have `postcondition`: in a stack it is lifecycle: {postcondition: [{require: …, message: …}]}" in result.err and "main.tf:13" not in result.err
    assert "main.tf:6:5" in result.err and "main.tf:5" not in result.err and "main.tf:4" not in result.err
    assert "aws_s3_bucket.lake: without its provisioners: weir.command" in result.err
    assert "source: infra/src/a.py" in (local_stack.folder / "weir.yaml").read_text()  # from the stack's folder
    assert re.search("data.aws_vpc.net +- +what it said is written where it is used", result.err) and re.search("data.terraform_remote_state.net .*weir.stack", result.err)


def test_fleets_of_machines_by_their_names(local_stack):
    cluster = {"id": "j-1", "name": "nightly", "release_label": "emr-7.5.0", "service_role": "s", "ec2_attributes": [{"instance_profile": "EMR_EC2_DefaultRole"}]}
    spot = [{"spot_specification": [{"timeout_duration_minutes": 5, "timeout_action": "TERMINATE_CLUSTER", "allocation_strategy": "capacity-optimized", "block_duration_minutes": 0}], "on_demand_specification": []}]
    fleet = {"id": "if-1", "cluster_id": "j-1", "name": "tasks", "target_on_demand_capacity": 0, "target_spot_capacity": 8, "provisioned_spot_capacity": 8, "launch_specifications": spot,
             "instance_type_configs": [{"instance_type": "m5.xlarge", "weighted_capacity": 1, "bid_price": "", "ebs_config": [], "configurations": []}, {"instance_type": "m5.2xlarge", "weighted_capacity": 2}]}
    resources = [resource("aws_emr_cluster", "nightly", cluster)[0], resource("aws_emr_instance_fleet", "tasks", fleet)[0]]
    result, _, stack = imported(local_stack, json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    assert stack["resources"]["nightly"]["instance_fleets"] == {"tasks": {
        "instance_fleet_type": "TASK", "target_spot_capacity": 8, "spot": {"timeout_duration_minutes": 5, "timeout_action": "TERMINATE_CLUSTER", "allocation_strategy": "capacity-optimized"},
        "instance_type_configs": [{"instance_type": "m5.xlarge", "weighted_capacity": 1}, {"instance_type": "m5.2xlarge", "weighted_capacity": 2}]}}, result


def test_deployments_of_http_apis(local_stack):
    """What triggers them is kept as it was said, and is no reason for another one."""
    api = resource("aws_apigatewayv2_api", "a", {"id": "a1b2c3", "name": "a", "protocol_type": "HTTP"}, {"name": {}, "protocol_type": {}})
    served = resource("aws_apigatewayv2_deployment", "d", {"id": "d1e2f3", "api_id": "a1b2c3", "description": "d", "auto_deployed": False, "triggers": {"redeployment": "0a1b"}},
                      {"api_id": {"references": ["aws_apigatewayv2_api.a.id", "aws_apigatewayv2_api.a"]}, "description": {}, "triggers": {}})
    result, _, stack = imported(local_stack, plan(api, served))
    assert stack["resources"]["d"] == {"type": "aws.apigatewayv2.deployment", "api": "${a.api_id}", "description": "d", "triggers": {"redeployment": "0a1b"}}, result
    assert {"address": "d", "id": "a1b2c3/d1e2f3"} in stack["imports"]


def test_rules_that_are_several_here(local_stack):
    """A rule for several ranges is one with for_each; one for its own group names that."""
    group = resource("aws_security_group", "jobs", {"id": "sg-0123456789abcdef0", "name": "jobs", "description": "d", "vpc_id": "vpc-0123456789abcdef0"}, {"name": {}, "description": {}, "vpc_id": {}})
    common = {"security_group_id": "sg-0123456789abcdef0", "protocol": "tcp"}
    said = {"security_group_id": {"references": ["aws_security_group.jobs.id", "aws_security_group.jobs"]}, "protocol": {}, "type": {}, "from_port": {}, "to_port": {}}
    own = resource("aws_security_group_rule", "own", common | {"id": "sgrule-1", "security_group_rule_id": "sgr-0123456789abcdef0", "type": "ingress", "from_port": 0, "to_port": 65535, "self": True, "cidr_blocks": None}, said | {"self": {}})
    out = resource("aws_security_group_rule", "out", common | {"id": "sgrule-2", "type": "egress", "from_port": 443, "to_port": 443, "self": False, "cidr_blocks": ["10.0.0.0/8", "172.16.0.0/12"], "description": "out"},
                   said | {"self": {}, "cidr_blocks": {}, "description": {}})
    result, _, stack = imported(local_stack, plan(group, own, out))
    assert stack["resources"]["own"] == {"type": "aws.ec2.security_group_rule", "group_id": "${jobs.group_id}", "protocol": "tcp", "from_port": 0, "to_port": 65535, "source_group": "${jobs.group_id}", "egress": False}
    assert stack["resources"]["out"] == {"type": "aws.ec2.security_group_rule", "for_each": ["10.0.0.0/8", "172.16.0.0/12"], "group_id": "${jobs.group_id}", "egress": True, "protocol": "tcp", "from_port": 443, "to_port": 443,
                                         "cidr": "${each.key}", "description": "out"}
    assert {"address": "own", "id": "sgr-0123456789abcdef0"} in stack["imports"] and "cannot be imported by the id that it has: `weir state import out[" in result.err
    local_stack.run("validate")


def test_dynamic_blocks_and_what_is_made_up(local_stack):
    """What a dynamic block made is not in the plan's configuration, nor is what the provider made up; layers come from files, one attachment is for several roles."""
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    rule = {"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/8"], "self": False, "description": "db", "ipv6_cidr_blocks": [], "security_groups": [], "prefix_list_ids": []}
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}]})
    resources = [
        resource("aws_lambda_function", "f", {"id": "fn", "function_name": "fn", "arn": function, "role": "arn:aws:iam::123456789012:role/r", "handler": "a.b", "runtime": "python3.13", "s3_bucket": "code", "s3_key": "f.zip",
                 "environment": [{"variables": {"BUCKET": "lake"}}], "tracing_config": [{"mode": "PassThrough"}], "layers": ["arn:aws:lambda:us-east-1:123456789012:layer:deps:1"]},
                 {"function_name": {}, "role": {}, "handler": {}, "runtime": {}, "s3_bucket": {}, "s3_key": {}, "layers": {"references": ["aws_lambda_layer_version.deps.arn", "aws_lambda_layer_version.deps"]}}),
        resource("aws_lambda_layer_version", "deps", {"id": "arn:aws:lambda:us-east-1:123456789012:layer:deps:1", "arn": "arn:aws:lambda:us-east-1:123456789012:layer:deps:1", "layer_name": "deps", "filename": "./layer.zip", "version": "1"},
                 {"layer_name": {}, "filename": {}}),
        resource("aws_lambda_function_recursion_config", "f", {"function_name": "fn", "recursive_loop": "Allow"}, {"function_name": {"references": ["aws_lambda_function.f.function_name", "aws_lambda_function.f"]}, "recursive_loop": {}}),
        resource("aws_sns_topic_subscription", "s", {"id": "arn:aws:sns:us-east-1:123456789012:t:1", "arn": "arn:aws:sns:us-east-1:123456789012:t:1", "topic_arn": "arn:aws:sns:us-east-1:123456789012:t", "protocol": "firehose", "endpoint": "arn:aws:firehose:us-east-1:123456789012:deliverystream/d", "subscription_role_arn": "arn:aws:iam::123456789012:role/s"}, {name: {} for name in ("topic_arn", "protocol", "endpoint", "subscription_role_arn")}),
        resource("aws_lambda_permission", "p", {"id": "terraform-1", "statement_id": "terraform-1", "function_name": "fn", "action": "lambda:InvokeFunction", "principal": "events.amazonaws.com"},
                 {"function_name": {"references": ["aws_lambda_function.f.function_name", "aws_lambda_function.f"]}, "action": {}, "principal": {}}),
        resource("aws_security_group", "own", {"id": "sg-0123456789abcdef0", "name": "terraform-2", "description": "d", "ingress": [rule]}, {"description": {}}),
        resource("aws_security_group", "apart", {"id": "sg-0123456789abcdef1", "name": "apart", "description": "d", "ingress": [rule]}, {"name": {}, "description": {}}),
        resource("aws_security_group_rule", "apart", {"id": "sgrule-1", "security_group_rule_id": "sgr-0123456789abcdef0", "security_group_id": "sg-0123456789abcdef1", "type": "ingress", "protocol": "tcp", "from_port": 5432, "to_port": 5432,
                 "cidr_blocks": ["10.0.0.0/8"]}, {name: {} for name in ("security_group_id", "type", "protocol", "from_port", "to_port", "cidr_blocks")}),
        resource("aws_glue_catalog_database", "lake", {"id": "1:film_dev", "name": "film_dev"}, {"name": {"references": ["var.project", "var.stage"]}}),
        resource("aws_glue_catalog_table", "t", {"id": "1:film_dev:t", "name": "t", "database_name": "film_dev", "storage_descriptor": [{"location": "s3://lake/t/", "number_of_buckets": 0, "columns": [{"name": "id", "type": "int", "comment": ""}]}]},
                 {"name": {}, "database_name": {}, "storage_descriptor": [{"location": {}}]}),
        *[resource("aws_iam_role", name, {"id": name, "name": name, "arn": f"arn:aws:iam::123456789012:role/{name}", "assume_role_policy": document, "inline_policy": [{"name": "x", "policy": document.replace("AssumeRole", "GetCallerIdentity")}]}, {"name": {}, "assume_role_policy": {}}) for name in ("a1", "b2")],
        resource("aws_iam_policy_attachment", "both", {"id": "both", "name": "both", "roles": ["a1", "b2"], "users": [], "groups": [], "policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, {"name": {}, "roles": {}, "policy_arn": {}}),
        resource("aws_iam_role_policy", "x", {"id": "a1:x", "name": "x", "role": "a1", "policy": '{"Version": "2012-10-17", "Statement": []}'}, {"name": {}, "role": {}, "policy": {}}),
    ]
    result, _, stack = imported(local_stack, plan(*resources, variables={"project": "film", "stage": "dev"}))
    made = stack["resources"]
    assert made["f"]["environment"] == {"BUCKET": "lake"} and "tracing" not in made["f"] and made["f"]["recursive_loop"] == "Allow" and made["f"]["layers"] == ["${deps.arn}"]
    assert made["s"]["role"] == "arn:aws:iam::123456789012:role/s" and made["s"]["protocol"] == "firehose"
    assert made["deps"] == {"type": "aws.lambda.layer_version", "name": "deps", "content": {"s3_bucket": "${inputs.code_bucket}", "s3_key": "layer.zip"}}
    assert made["p"] == {"type": "aws.lambda.permission", "function": "${f.name}", "statement_id": "terraform-1", "action": "lambda:InvokeFunction", "principal": "events.amazonaws.com"}
    assert made["own"] == {"type": "aws.ec2.security_group", "name": "terraform-2", "description": "d", "ingress": [{"cidr": "10.0.0.0/8", "description": "db", "from_port": 5432, "to_port": 5432, "protocol": "tcp"}]}
    assert made["t"]["storage"] == {"location": "s3://lake/t/", "columns": [{"name": "id", "type": "int"}]}
    assert "ingress" not in made["apart"] and made["lake"]["name"] == "${inputs.project}_${inputs.stage}"
    assert all(made[name]["managed_policies"] == ["arn:aws:iam::aws:policy/ReadOnlyAccess"] for name in ("a1", "b2")) and made["a1"]["policies"] == {"x": {"Version": "2012-10-17", "Statement": []}} and set(made["b2"]["policies"]) == {"x"}
    assert {"address": "p", "id": "fn/terraform-1"} in stack["imports"] and " 0 left out" in result.err
