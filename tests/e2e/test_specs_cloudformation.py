"""
weir's own types beside CloudFormation's schemas of the same things (`cfn:` in the specs; the schemas are those of the cfn-lint package): what is
required, what a change replaces, choices, ranges. Each disagreement is in SETTLED with what settles it; one that is not there is a mistake of one of them.
"""

import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT, WEIR, spec_of

sys.path.append(str(Path(__file__).parent / "sandbox"))
import cfn_models  # noqa: E402

SPECS = {path.stem: spec_of(path) for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml"))}
TYPES = {f"aws.{service}.{name}": (one["cfn"], one) for service, spec in SPECS.items() for name, one in spec.get("types", {}).items() if "cfn" in one}

# (type, attribute, what differs): why. A star stands for any.
NAMED = "weir finds what it made by its name, so it wants one; CloudFormation makes one up"
NO_CALL = "the service has no call that changes it; CloudFormation's handler takes the change and fails, or makes a new one all the same"
REVISION = "a definition is a revision: registering another is what CloudFormation's handler does, too"
NEEDS_IT = "what the service requires for what this type makes; the schema leaves it to the service, or to kinds that this type has not got"
DEFAULTS = "weir gives the service what it needs where nothing is said, or takes it from what is said"
CAN_CHANGE = "the service changes it in place; CloudFormation's handler does not"

SETTLED = {
    ("*", "name", "required"): NAMED,
    **{("aws.athena.named_query", name, "replaces"): CAN_CHANGE + " (UpdateNamedQuery)" for name in ("name", "query", "description")},
    ("aws.apigateway.stage", "deployment", "required"): NEEDS_IT + " (CreateStage)",
    ("aws.apigateway.model", "content_type", "required"): NEEDS_IT + " (CreateModel)",
    ("aws.apigateway.base_path_mapping", "rest_api", "required"): NEEDS_IT + " (CreateBasePathMapping)",
    ("aws.apigateway.account", "cloudwatch_role", "required"): "there is one account, and this is all that can be said of it",
    ("aws.apigateway.usage_plan_key", "key_type", "required"): DEFAULTS,
    ("aws.apigateway.request_validator", "name", "replaces"): CAN_CHANGE + " (UpdateRequestValidator)",
    ("aws.apigateway.api_key", "name", "replaces"): CAN_CHANGE + " (UpdateApiKey)",
    ("aws.apigatewayv2.api", "protocol_type", "required"): NEEDS_IT + " (CreateApi)",
    ("aws.apigatewayv2.authorizer", "identity_source", "required"): NEEDS_IT + " (CreateAuthorizer)",
    ("aws.athena.prepared_statement", "workgroup", "required"): DEFAULTS,
    ("aws.batch.compute_environment", "environment_type", "required"): DEFAULTS,
    ("aws.batch.compute_environment", "kind", "required"): DEFAULTS,
    ("aws.batch.compute_environment", "tags", "replaces"): CAN_CHANGE + " (TagResource)",
    ("aws.batch.job_queue", "compute_environments", "required"): NEEDS_IT,
    ("aws.batch.job_definition", "definition_type", "required"): DEFAULTS,
    **{("aws.batch.job_definition", name, "replaces"): REVISION for name in ("definition_type", "platform_capabilities", "parameters", "timeout", "container")},
    ("aws.cloudwatch.alarm", "evaluation_periods", "required"): NEEDS_IT + " (PutMetricAlarm)",
    ("aws.cloudwatch.alarm", "comparison_operator", "required"): NEEDS_IT + " (PutMetricAlarm)",
    ("aws.dynamodb.table", "attribute_definitions", "required"): NEEDS_IT + " (CreateTable)",
    ("aws.dynamodb.table", "local_secondary_indexes", "replaces"): NO_CALL,
    ("aws.lambda.event_source_mapping", "topics", "replaces"): NO_CALL,
    **{(f"aws.dms.{name}", "name", "replaces"): "weir finds it by its name: under another it is another" for name in ("replication_instance", "endpoint", "task")},
    ("aws.dms.replication_instance", "availability_zone", "replaces"): NO_CALL,
    ("aws.kinesis.stream_consumer", "tags", "replaces"): CAN_CHANGE + " (TagResource)",
    **{("aws.dms.endpoint", name, "replaces"): "one of another kind has other settings: it is made anew" for name in ("endpoint_type", "engine_name")},
    ("aws.dms.task", "migration_type", "replaces"): CAN_CHANGE + " (ModifyReplicationTask)",
    **{("aws.cognitoidp.user_pool", name, "replaces"): NO_CALL for name in ("alias_attributes", "username_attributes", "schema")},
    ("aws.ec2.vpc", "cidr_block", "required"): NEEDS_IT,
    **{(f"aws.iam.{kind}", "path", "replaces"): "a new path is another ARN, which policies of others name" for kind in ("user", "group")},
    ("aws.lakeformation.location", "use_service_linked_role", "required"): DEFAULTS,
    ("aws.lakeformation.location", "use_service_linked_role", "replaces"): NO_CALL,
    ("aws.ec2.vpc", "instance_tenancy", "choices"): "EC2 takes no network with `host`, as CreateVpc's documentation says",
    ("aws.ec2.subnet", "cidr_block", "required"): NEEDS_IT,
    ("aws.ec2.nat_gateway", "subnet_id", "required"): NEEDS_IT,
    ("aws.ec2.route_table_association", "route_table_id", "replaces"): CAN_CHANGE + " (ReplaceRouteTableAssociation)",
    ("aws.ec2.network_acl_association", "network_acl_id", "replaces"): CAN_CHANGE + " (ReplaceNetworkAclAssociation)",
    ("aws.ec2.key_pair", "public_key", "required"): "weir makes no private keys that nobody would get to see",
    ("aws.ec2.key_pair", "tags", "replaces"): CAN_CHANGE + " (CreateTags)",
    ("aws.ec2.instance", "image_id", "required"): NEEDS_IT + "; it may stand in a launch template, which this type has not got",
    ("aws.ec2.instance", "instance_type", "required"): NEEDS_IT,
    ("aws.emr.cluster", "release_label", "required"): "what came before releases, EMR makes no more",
    ("aws.ecs.task_definition", "containers", "required"): NEEDS_IT,
    ("aws.ecs.service", "cluster", "required"): "the default cluster is nobody's stack's",
    ("aws.ecs.service", "task_definition", "required"): NEEDS_IT,
    ("aws.glue.job", "number_of_workers", "range"): "Glue runs nothing on no worker, and on 299 at most",
    ("aws.glue.schema", "registry", "required"): "the default registry is nobody's stack's",
    ("aws.glue.schema", "compatibility", "required"): DEFAULTS,
    ("aws.glue.schema", "definition", "required"): NEEDS_IT,
    ("aws.glue.schema", "definition", "replaces"): CAN_CHANGE + " (RegisterSchemaVersion)",
    ("aws.glue.data_quality_ruleset", "ruleset", "required"): NEEDS_IT + " (CreateDataQualityRuleset)",
    ("aws.glue.data_quality_ruleset", "target_table", "replaces"): NO_CALL,
    ("aws.lakeformation.permissions", "permissions", "replaces"): CAN_CHANGE + " (GrantPermissions, RevokePermissions)",
    ("aws.lakeformation.permissions", "grantable", "required"): DEFAULTS,
    ("aws.iam.instance_profile", "roles", "required"): "IAM makes profiles without roles",
    ("aws.kinesis.stream", "retention_period", "range"): "Kinesis keeps records for a day at least",
    **{("aws.kms.key", name, "replaces"): NO_CALL for name in ("key_usage", "key_spec", "multi_region")},
    ("aws.lambda.function", "memory_size", "range"): "more is for functions on instances of their own, which this type has not got",
    ("aws.lambda.function", "timeout", "range"): "more is for functions on instances of their own, which this type has not got",
    ("aws.lambda.permission", "action", "required"): DEFAULTS,
    ("aws.lambda.async_invoke", "qualifier", "required"): DEFAULTS,
    ("aws.lambda.event_source_mapping", "event_source", "required"): NEEDS_IT,
    ("aws.logs.log_group", "class", "replaces"): NO_CALL,
    **{("aws.mwaa.environment", name, "required"): NEEDS_IT + " (CreateEnvironment)" for name in ("execution_role", "source_bucket", "dag_s3_path")},
    **{("aws.rds.instance", name, "required"): NEEDS_IT for name in ("engine", "instance_class")},
    ("aws.rds.cluster", "engine", "required"): NEEDS_IT,
    ("aws.rds.cluster_parameter_group", "parameters", "required"): DEFAULTS,
    ("aws.elbv2.rule", "listener", "required"): NEEDS_IT,
    ("aws.elbv2.target_group", "health_check_protocol", "choices"): "targets are not asked by the others, as CreateTargetGroup's documentation says",
    ("aws.rds.cluster", "enable_cloudwatch_logs_exports", "replaces"): "not yet: ModifyDBCluster changes it in place, by what is added and what is taken away",
    ("aws.rds.instance", "enable_cloudwatch_logs_exports", "replaces"): "not yet: ModifyDBInstance changes it in place, by what is added and what is taken away",
    ("aws.redshift.cluster", "cluster_type", "required"): DEFAULTS,
    ("aws.redshift.cluster", "db_name", "required"): DEFAULTS,
    ("aws.redshift.cluster", "availability_zone", "replaces"): "moving a cluster to another zone is for those with relocation, which this type has not got",
    ("aws.redshiftserverless.namespace", "db_name", "replaces"): NO_CALL,
    ("aws.redshiftserverless.workgroup", "namespace", "required"): NEEDS_IT,
    ("aws.s3tables.table", "namespace", "replaces"): "a table that moves has another id: what refers to it has to follow, as with a new one",
    ("aws.scheduler.schedule", "group_name", "replaces"): NO_CALL,
    ("aws.scheduler.schedule", "flexible_time_window", "required"): DEFAULTS,
    ("aws.sns.subscription", "endpoint", "required"): NEEDS_IT,
    ("aws.stepfunctions.state_machine", "definition", "required"): "CloudFormation has three ways to say it, weir one",
    ("aws.stepfunctions.alias", "routing", "required"): NEEDS_IT,
}


@functools.cache
def attributes(kind):
    """As `weir docs` has them: {name: what it says}."""
    page = subprocess.run([WEIR, "docs", kind, "--format", "markdown"], capture_output=True, text=True, check=True).stdout.split("## Read-only attributes")[0]
    return {name: words.replace("\\_", "_").replace("\\*", "*").replace("\\|", "|") for name, words in re.findall(r"^\| `(\w+)` \| [^|]* \| (.*) \|$", page, re.M)}


def plain(word):
    return re.sub(r"\W|_", "", str(word)).lower()


def counterpart(name, spec, schema):
    """The property that an attribute is: by the name on the wire or its own, one that can be given before one that is read only."""
    said = spec["attributes"].get(name)
    wire = str(said["wire"]).split(".") if isinstance(said, dict) and "wire" in said else []
    read_only = {p.split("/")[2] for p in schema.get("readOnlyProperties", []) if p.count("/") == 2}
    words = [plain(word) for word in [*wire[-1:], name]]
    found = [prop for word in words for prop in schema["properties"] if plain(prop) == word]
    return next((prop for prop in found if prop not in read_only), None)


def resolved(schema, prop):
    model = cfn_models.Model.__new__(cfn_models.Model)
    model.schema = schema
    return model.resolve(schema["properties"][prop])


def numbers(words):
    found = re.search(r"(?:^|[ ,.])(-?\d+) to (-?\d+)", words)
    return (int(found[1]), int(found[2])) if found else None


def choices(words):
    found = re.search(r'one of ((?:"[^"]*" ?)+)', words)
    return set(json.loads("[" + ",".join(re.findall(r'"[^"]*"', found[1])) + "]")) if found else None


def disagreements(kind):
    cfn, spec = TYPES[kind]
    schema = cfn_models.schema_of(cfn)
    fixed = {p.split("/")[2] for p in schema.get("createOnlyProperties", []) if p.count("/") == 2}
    maybe = {p.split("/")[2] for p in schema.get("conditionalCreateOnlyProperties", [])}
    for name, words in attributes(kind).items():
        prop = counterpart(name, spec, schema)
        if not prop:
            continue
        theirs = resolved(schema, prop)
        required = bool(re.search(r"(^|[ .])required(,|$)", words))
        if required != (prop in schema.get("required", [])):
            yield name, "required", f"required here: {required}"
        replaces = "a change replaces" in words
        if prop not in maybe and replaces != (prop in fixed or "update" not in schema.get("handlers", ["update"])):
            yield name, "replaces", f"replaces here: {replaces}"
        ours = choices(words)
        if ours and "enum" in theirs and (lacking := {str(one) for one in theirs["enum"]} - ours):
            yield name, "choices", f"not here: {sorted(lacking)}"
        if (span := numbers(words)) and theirs.get("type") in ("integer", "number"):
            if span[0] > theirs.get("minimum", span[0]) or span[1] < theirs.get("maximum", span[1]):
                yield name, "range", f"here {span}, there {theirs.get('minimum')} to {theirs.get('maximum')}"


def ordered(schema, declared, properties):
    """Lists here, at any depth, that have no order there."""
    model = cfn_models.Model.__new__(cfn_models.Model)
    model.schema = schema
    for name, said in declared.items():
        words = [plain(str(said.get("wire", "")).split(".")[-1]), plain(name)] if isinstance(said, dict) else []
        found = next((model.resolve(one) for prop, one in properties.items() if plain(prop) in words), {})
        if found.get("insertionOrder") is False and str(said.get("type")).startswith("list"):
            yield name
        inner = model.resolve(found["items"]) if "items" in found else found
        yield from (f"{name}.{one}" for one in ordered(schema, said.get("fields", {}), inner.get("properties", {}))) if found else ()


def is_settled(kind, name, what):
    return any((a, b, what) in SETTLED for a in (kind, "*") for b in (name, "*"))


def test_lists_without_an_order_are_sets():
    """Otherwise what a service answers in another order is a difference. A task's containers stay a list, whose plan shows what changes in which of them;
    a rule's actions are sent in their order, which sets are not."""
    found = {(kind, name) for kind, (cfn, spec) in TYPES.items() for name in ordered(cfn_models.schema_of(cfn), spec["attributes"], cfn_models.schema_of(cfn)["properties"])}
    assert found == {("aws.ecs.task_definition", "containers"), ("aws.elbv2.rule", "actions")}


@pytest.mark.parametrize("kind", TYPES)
def test_disagreements_are_settled(kind):
    assert not [found for found in disagreements(kind) if not is_settled(kind, *found[:2])]


def test_what_is_settled_is_still_there():
    found = {(kind, name, what) for kind in TYPES for name, what, _ in disagreements(kind)}
    stale = [key for key in SETTLED if not any(key[2] == what and key[0] in (kind, "*") and key[1] in (name, "*") for kind, name, what in found)]
    assert not stale


def test_types_of_the_specs_have_their_counterparts():
    assert len(TYPES) > 60 and all(cfn in cfn_models.index() for cfn, _ in TYPES.values())
