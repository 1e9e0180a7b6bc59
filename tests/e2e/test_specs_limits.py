"""What the services' models limit inside attributes (choices, numbers, texts), the specs limit too; and no spec refuses what a model takes.

The models are botocore's. Where a spec knows better, or must not be as strict, SETTLED says why.
"""

import functools
import re
import zoneinfo

import botocore.session
import pytest
import yaml
from botocore.model import ServiceModel
from support import ROOT

pytestmark = pytest.mark.long
LOADER = botocore.session.get_session().get_component("data_loader")
SPECS = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml"))]

# By type, attribute and what is different.
SETTLED = {
    ("apigateway.domain_name", "security_policy", "no choices"): "there will be more of them",
    ("ecs.task_definition", "operating_system_family", "no choices"): "there will be more of them",
    ("emr.cluster", "instance_fleets.spot.timeout_duration_minutes", "narrower"): "five minutes to a day, as its documentation says",
    ("firehose.delivery_stream", "s3.conversion.role", "stricter"): "a role is an ARN there too, as its documentation says",
    ("glue.connection", "connection_type", "no choices"): "there will be more of them",
    ("glue.job", "worker_type", "no choices"): "a demand says how they are called; there will be more of them",
    ("glue.trigger", "predicate.conditions.crawl_state", "no choices"): "a demand says which of them can be waited for",
    ("kms.alias", "name", "stricter"): "alias/aws/ is AWS's own",
    ("lambda.alias", "routing", "no range"): "the limits are of a map's values",
    ("lambda.function", "memory_size", "narrower"): "more is for functions on instances of their own",
    ("lambda.function", "name", "stricter"): "the model takes ARNs where functions are named that there are",
    ("lambda.function", "runtime", "no choices"): "a demand says how they are called; there will be more of them",
    ("lambda.layer_version", "compatible_runtimes", "no choices"): "there will be more of them",
    ("lambda.permission", "qualifier", "stricter"): "AWS adds no statement to $LATEST, as it answers",
}

ACCOUNT, ROLE = "123456789012", "arn:aws:iam::123456789012:role/path/r+=,.@-_"
# What stands in such attributes, right and wrong: if a spec refuses one of these, so does the model.
PROBES = [
    "", "a", "name", "my-name", "my_name", "My.Name", "a b", "a/b", "1", "10", "0.25", "UTC", "Europe/Paris", "default", "$LATEST", "4 vCPU", "2vcpu", "16 GB", "16gb", "3.9", "3", "5.0",
    ROLE, ROLE.replace("aws:", "aws-cn:"), ROLE.replace("aws:", "aws-us-gov:"), f"arn:aws:iam::{ACCOUNT}:user/u", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012", f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a",
    "12345678-1234-1234-1234-123456789012", "alias/a", "arn:aws:s3:::bucket", "arn:aws:s3:::my.bucket-1", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q.fifo", f"arn:aws:sqs:us-gov-west-1:{ACCOUNT}:q-1_a", f"arn:aws:sns:us-east-1:{ACCOUNT}:t",
    f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f:7", f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:l_1-a:3", f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s.1", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/a/b:*",
    f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t/stream/2020-01-01T00:00:00.000", f"arn:aws:s3tables:us-east-1:{ACCOUNT}:bucket/b-1", "arn:aws:scheduler:::aws-sdk:glue:startJobRun",
    ACCOUNT, "sg-0123456789abcdef0", "subnet-0123456789abcdef0", "vpc-1", "s-0123456789abcdef0", "/home/a", "s3://bucket/key", "MON:03:30", "Sun:4", "HTTP", "HTTPS", "#{protocol}", "404", "200", "30x", ".json.gz", "http://h/x", "emr-7.5.0", "db.t4g.micro", "t4g.micro",
]


@functools.cache
def model_of(name):
    return ServiceModel(LOADER.load_service_model(name, "service-2"), name)


def wire_name(spec, name):
    if spec.get("case") == "snake":
        return name
    words = [spec.get("words", {}).get(part, part[:1].upper() + part[1:]) for part in name.split("_")]
    return "".join(words)


def at(shape, path):
    """The shape at a path, by names in whatever case; None: it is another's."""
    for part in path.split("."):
        if shape.type_name != "structure":
            return None
        shape = {name.lower(): member for name, member in shape.members.items()}.get(part.lower())
        if shape is None:
            return None
    return shape


def whole(attribute):
    return {"type": attribute} if isinstance(attribute, str) else attribute


def members(spec, attributes, shape, path="", respelt=False):
    """What can be given, at every depth: its path, the spec's words, and the model's shape of each value; `respelt`: also what is spelt otherwise."""
    for name, attribute in attributes.items():
        attribute = whole(attribute)
        wire = attribute.get("wire") or wire_name(spec, name)
        found = shape if wire == "." else at(shape, str(wire))
        if found is None or attribute.get("local") or ("values" in attribute and not respelt) or (attribute.get("computed") and not attribute.get("optional")):
            continue
        kind = attribute["type"]
        while match := re.fullmatch(r"(list|set|map)\((.*)\)", kind):
            if found.type_name not in ("list", "map"):
                break
            found, kind = found.value if found.type_name == "map" else found.member, match[2]
        yield path + name, attribute, found
        fields = attribute.get("fields") or (spec.get("shapes") or {}).get(kind)
        if fields:
            yield from members(spec, fields.get("fields", fields), found.member if found.type_name == "list" else found, f"{path}{name}.", respelt)


def operations(value):
    """Every operation that makes something or puts a setting."""
    if isinstance(value, str):
        yield value
    for key, inside in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if key in ("call", "put") or isinstance(key, int) or isinstance(inside, (dict, list)):
            yield from operations(inside)


def limited(respelt=False):
    for spec in SPECS:
        model = model_of(spec.get("model") or spec["service"])
        for name, kind in (spec.get("types") or {}).items():
            for operation in dict.fromkeys(operations([kind.get(part) for part in ("create", "update", "sub_resources", "entries")])):
                if operation in model.operation_names and (shape := model.operation_model(operation).input_shape):
                    inner = [member for member in shape.members.values() if member.type_name == "structure"]
                    for one in [shape, *inner]:
                        for path, attribute, found in members(spec, kind["attributes"], one, respelt=respelt):
                            yield f"{spec['service']}.{name}", path, attribute, found


def compiled(pattern):
    """None: Python has no such pattern."""
    try:
        return re.compile(pattern if pattern.startswith("^") or pattern.endswith("$") else f"^(?:{pattern})$")
    except re.error:
        return None


def disagreements():
    for kind, path, attribute, shape in limited():
        limits = shape.metadata
        checked = {"enum", "pattern", "language", "range"} & set(attribute)
        choices = getattr(shape, "enum", None)
        if choices and not checked:
            yield kind, path, "no choices"
        if shape.type_name in ("integer", "long", "float", "double") and ("min" in limits or "max" in limits):
            least, most = attribute.get("range", [None, None])
            if not checked:
                yield kind, path, "no range"
            elif "range" in attribute and ((least is not None and "min" in limits and least > limits["min"]) or (most is not None and "max" in limits and most < limits["max"])):
                yield kind, path, "narrower"
        if shape.type_name == "string" and "pattern" in attribute and "pattern" in limits and (theirs := compiled(limits["pattern"])):
            taken = [one for one in PROBES if theirs.search(one) and limits.get("min", 0) <= len(one) <= limits.get("max", 9999)]
            if [one for one in taken if not re.fullmatch(attribute["pattern"], one)]:
                yield kind, path, "stricter"


def test_what_models_limit_is_limited():
    found = set(disagreements())
    known = {(kind, path, what) for kind, path, what in SETTLED}
    assert found == known, {"not settled": sorted(found - known), "settled, and not there": sorted(known - found)}


def test_every_time_zone_is_one():
    schedule = next(spec for spec in SPECS if spec["service"] == "scheduler")["types"]["schedule"]["attributes"]
    pattern = schedule["schedule_expression_timezone"]["pattern"]
    assert [one for one in zoneinfo.available_timezones() - {"localtime"} if not re.fullmatch(pattern, one)] == []
    assert not any(re.fullmatch(pattern, one) for one in ("+01:00", "europe/paris", "Europa/Paris", "Central European Time", "1"))
