"""No member of a request is passed over in silence: it is served, refused by name, or listed here or in a spec with the reason
why it may be ignored. botocore's models say which members there are.

Each operation that the sandbox offers is called once with all members that it has; the refusal names those that are unknown.
What it does not name has to be known to the spec (or to the file that carries the operation out).
"""

import re
from functools import cache

import pytest
from botocore.exceptions import ClientError, MissingDependencyException
from servers import ROOT, Sandbox
from support import spec_of
from test_specs_botocore import calls as calls_of, members_of, model_of

TYPES = calls_of(sandbox=True)
SERVICES = {one["service"]["name"]: one["service"] for one in TYPES if one["service"]["name"] != "s3"}
SPECS = (ROOT / "provider" / "aws" / "specs", ROOT / "sandbox" / "specs")  # weir's types, and those that only the sandbox has

# By service: members that some file in sandbox/services/ leaves alone, and why that does no harm.
HARMLESS = {
    "*": {"NextToken", "nextToken", "Marker", "MaxResults", "maxResults", "MaxItems", "Limit", "limit", "PageSize", "MaxRecords", # pages: all is on one where they are not known
          "ClientToken", "clientToken", "ClientRequestToken"},  # of deletes and changes, which may be repeated
    "apigateway": {"format", "parameters"},  # of ImportApiKeys, which it does not offer; and parameters have names of their own
    "athena": {"ClientRequestToken", "ResultReuseConfiguration"},  # boto3 makes up a token for each call; results are never reused
    "emrserverless": {"executionIamPolicy", "shutdownGracePeriodInSeconds"},  # whoever has a key may do everything; a run is ended at once
    "batch": {"propagateTags"},  # no ECS task has them
    "ecs": {"networkConfiguration", "platformVersion", "enableECSManagedTags", "enableExecuteCommand", "propagateTags", "include"},  # a process of this machine is in no network and on no Fargate; tags are always shown
    "events": set(),
    "glue": {"AuditContext", "QuerySessionContext", "AllocatedCapacity", "SecurityConfiguration", "ExecutionRoleSessionPolicy", "JobRunQueuingEnabled", "ResourceArn"},  # nothing is audited, encrypted or allowed; a run always waits for a place; of a catalog's policy the last is for AWS's own use
    "lambda": {"DurableExecutionName", "TenantId"},  # headers of functions that cannot be made
    "logs": {"sequenceToken", "entity", "unmask", "interleaved"},  # CloudWatch Logs passes over the first and last too; nothing is masked
    "cloudwatch": {"StrictEntityValidation", "LabelOptions", "IncludeLinkedAccounts", "OwningAccount"},  # one account, and labels are as given
    "ecr": {"registryIds"},  # there is one account
    "kms": {"SourceEncryptionAlgorithm", "DestinationEncryptionAlgorithm"},  # there is one of symmetric keys, and no others encrypt
    "redshift": {"DbName", "CustomDomainName"},  # whoever logs in may go to every database; there are no domains of one's own
    "redshiftserverless": {"dbName", "customDomainName"},  # the same
    "secretsmanager": {"Filters", "RotationToken"},  # test_like_aws.py; whoever has a key may do everything
    "ssm": {"Filters"},  # the older form of ParameterFilters
    "sqs": {"ReceiveRequestAttemptId", "QueueOwnerAWSAccountId"},  # an answer that was lost: its messages come again after their time; one account
    "stepfunctions": {"traceHeader", "includedData"},  # no X-Ray; all data is included
    "sts": {"PolicyArns", "Policy", "Tags", "TransitiveTagKeys", "ExternalId", "SerialNumber", "TokenCode", "SourceIdentity", "ProvidedContexts"},  # whoever has a key may do everything
}

# Operations whose requests go on whole, to an engine behind the service.
WHOLE = {"dynamodb": set(re.findall(r'{"dynamodb", "(\w+)", (?:one_table|item_batch|item_transaction|partiql)', (ROOT / "sandbox/services/dynamodb/items.c").read_text()))}

LONG = 900  # characters; a message that names more is cut


def filled(shape, above=()):
    """Every member of the shape, with a value of its type; None where it contains itself."""
    kind = shape.type_name
    if shape.name in above:
        return None
    above += (shape.name,)
    if kind == "structure":
        members = {name: filled(member, above) for name, member in shape.members.items()}
        members = {name: value for name, value in members.items() if value is not None}
        return dict(list(members.items())[:1]) if shape.is_tagged_union else members
    if kind == "list":
        item = filled(shape.member, above)
        return None if item is None else [item]
    if kind == "map":
        value = filled(shape.value, above)
        return None if value is None else {"k": value}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "x1"
    return {"integer": 1, "long": 1, "float": 1.0, "double": 1.0, "boolean": True, "timestamp": 1700000000, "blob": b"x"}[kind]


def known(service):
    """Operation to the names of top-level members that the spec mentions anywhere for it; members that it checks."""
    specs = [spec_of(folder / f"{service}.yaml") for folder in SPECS if (folder / f"{service}.yaml").exists()]
    calls, everywhere = {}, set()
    for one in TYPES:
        if one["service"]["name"] == service:
            for call in one["calls"]:
                calls.setdefault(call["operation"]["name"], set()).update(member["wire"] for member in call["request"]["members"])
    for one in [one for spec in specs for kind in ("types", "data") for one in spec.get(kind, {}).values()]:
        sandbox = one.get("sandbox", {})
        everywhere |= {path.split(".")[0] for key in ("by_arn", "ignores", "narrows") for path in sandbox.get(key, {})}
        everywhere |= {path.split(".")[0].removesuffix("[]") for paths in sandbox.get("keeps", {}).values() for path in paths}
    checked = {call: {path.split(".")[0].removesuffix("[]") for path in paths} for spec in specs for call, paths in spec.get("requests", {}).items()}
    return calls, everywhere, checked


@cache
def words_of_handlers():
    """All words in strings of the code that carries operations out."""
    sources = [*(ROOT / "sandbox" / "services").rglob("*.c"), ROOT / "sandbox" / "control" / "control_tags.c"]
    return {word for text in re.findall(r'"([\w =]+)"', "".join(path.read_text() for path in sources)) for word in re.findall(r"\w+", text)}


def without(given, path):
    """A copy that lacks what lies at the path; list items are looked through."""
    head, _, rest = path.removesuffix("[]").partition(".")
    head = head.removesuffix("[]")
    if isinstance(given, list):
        return [without(item, path) for item in given]
    if not isinstance(given, dict):
        return given
    head = next((name for name in (head, f"{head}s", f"{head}es") if name in given), None)  # EC2's lists are one thing on the wire, several in the model
    if not head:
        return given
    return {key: without(value, rest) if key == head else value for key, value in given.items() if rest or key != head}


def told(client, operation, given):
    """What the sandbox says that it does not know; None: it does not offer the operation."""
    names = refused(client, operation, given)
    if names and len(", ".join(names)) > LONG:  # a message has an end: what it names is left out, and it is asked again
        for name in names[:-1]:
            given = without(given, name)
        return names[:-1] + told(client, operation, given)
    return names


def refused(client, operation, given):
    try:
        client._make_api_call(operation, given)
    except MissingDependencyException:
        return None
    except ClientError as e:
        error = e.response.get("Error", {})
        if error.get("Code") in ("UnknownOperationException", "InvalidAction", "NotImplemented", None):
            return None
        if unknown := re.search(r"the sandbox does not know (.*?)(?: of \w+)?$", error.get("Message", "")):
            return unknown[1].split(", ")
    return []


# What an operation refuses beside others of its members before it looks at them.
EXCLUSIVE = {"DescribeLogGroups": "logGroupNamePattern", "CreateAutoScalingGroup": "MixedInstancesPolicy", "CreateFunction": "Code", "UpdateFunctionCode": "S3Bucket", "PublishLayerVersion": "Content", "RotateSecret": "RotationLambdaARN"}


@pytest.fixture(scope="module")
def sandbox():
    """One of its own: what these calls create by chance is in no other test's lists."""
    server = Sandbox()
    yield server
    server.stop()


@pytest.mark.parametrize("service", SERVICES)
def test_members(sandbox, service):
    model, protocol = model_of(SERVICES[service]), SERVICES[service]["protocol"]
    client = sandbox.client(SERVICES[service]["model"], parameter_validation=False, inject_host_prefix=False)
    calls, everywhere, checked = known(service)
    handlers = words_of_handlers()
    dropped, offered = [], 0
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        if not shape or not shape.members or operation in WHOLE.get(service, ()):
            continue
        if model.operation_model(operation).auth_type == "none" and operation not in calls:
            continue  # of users, who sign nothing: the sandbox has none
        given = filled(shape)
        for name in {"DryRun", EXCLUSIVE.get(operation)}:
            given.pop(name, None)
        unknown = told(client, operation, given)
        if unknown is None:
            continue
        offered += 1
        served = calls.get(operation, handlers) | everywhere | checked.get(operation, set()) | HARMLESS["*"] | HARMLESS.get(service, set())
        if operation in calls and operation in handlers:
            served |= handlers
        for wire, (name, _) in members_of(protocol, shape, True).items():
            filters = name.startswith("Filter") and any(one.startswith("the filter") for one in unknown)
            if name != "DryRun" and not filters and wire not in unknown and name not in unknown and wire not in served and name not in served:
                dropped.append(f"{operation}: {name}")
    assert offered
    assert not dropped, dropped


def test_missing_members(sandbox):
    """A string that sandbox/names/required.txt lists is missed by its name, before anything else of the request is looked at."""
    for line in (ROOT / "sandbox" / "names" / "required.txt").read_text().splitlines():
        service, operation, first, *_ = line.split()
        name = {"airflow": "mwaa", "monitoring": "cloudwatch", "states": "stepfunctions"}.get(service, service)
        client = sandbox.client(name, parameter_validation=False, inject_host_prefix=False)
        if operation not in client.meta.service_model.operation_names:
            client = sandbox.client(f"{name}streams", parameter_validation=False)
        with pytest.raises(ClientError) as refusal:
            client._make_api_call(operation, {"Name": "a"} if name == "mwaa" else {})
        message = refusal.value.response["Error"]["Message"]
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400 and first.lower() in message.lower(), (line, message)
