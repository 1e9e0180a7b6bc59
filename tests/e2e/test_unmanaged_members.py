"""Updates that send everything, and calls that replace a structure, send back what no attribute of weir's says: `keeps` in the specs, beside AWS's own models.

A service that replaces a resource by what it is sent would otherwise lose what others have configured on it.
"""

import functools
import json
import re
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module

import pytest
import test_specs_botocore as models
from life_cycle import stack_text
from support import ROOT, Stack, spec_of

# Members of a request that the answer has, too, and that are not sent back.
NAMES_IT = "it says which one is meant"
OLDER = "an older name of another member, and refused beside it"
SETTLED = {
    ("aws.autoscaling.policy", "MinAdjustmentStep"): OLDER,
    ("aws.autoscaling.schedule", "Time"): OLDER,
    ("aws.cognitoidp.user_pool", "AdminCreateUserConfig.UnusedAccountValidityDays"): OLDER,
    ("aws.cognitoidp.user_pool", "UserPoolTags"): "tags have calls of their own",
    ("aws.ec2.launch_template", "LaunchTemplateName"): NAMES_IT,
    ("aws.ec2.launch_template", "LaunchTemplateData.Operator"): "AWS's own services set it",
    ("aws.ecr.repository", "registryId"): NAMES_IT,
    ("aws.elbv2.listener", "Certificates.IsDefault"): "the request must not have it, as its documentation says",
    ("aws.emrserverless.application", "identityCenterConfiguration"): "but for what is only in answers: the rest is",
    ("aws.glue.database", "CatalogId"): NAMES_IT,
    ("aws.glue.job", "JobUpdate.AllocatedCapacity"): OLDER,
    ("aws.glue.table", "CatalogId"): NAMES_IT,
    ("aws.glue.table", "Name"): NAMES_IT,
    ("aws.glue.table", "VersionId"): NAMES_IT,
    ("aws.glue.table", "TableInput.ViewDefinition"): "a view is changed with ViewUpdateAction only",
    ("aws.glue.trigger", "TriggerUpdate.Name"): NAMES_IT,
    ("aws.glue.schema", "SchemaId.SchemaArn"): NAMES_IT,
    **{("aws.glue.classifier", kind): "it is one kind, and that has attributes" for kind in ("XMLClassifier", "JsonClassifier", "CsvClassifier")},
}


# Members within structures that an update sends, or of a setting that is put, which need not be sent back.
MERGED = "the call changes what it is given only: what is left out stays"
ONE_OF = "there is one of several, and weir has the other"
FURTHER = {
    ("aws.batch.compute_environment", "computeResources"): MERGED,
    ("aws.cloudtrail.trail", "AdvancedEventSelectors"): ONE_OF,
    ("aws.cloudtrail.trail", "EventSelectors"): ONE_OF,
    ("aws.cloudtrail.trail", "InsightsDestination"): "of event data stores",
    ("aws.dms.endpoint", "S3Settings"): MERGED,
    ("aws.dms.endpoint", "KinesisSettings"): MERGED,
    ("aws.dms.endpoint", "KafkaSettings"): MERGED,
    ("aws.dms.endpoint", "PostgreSQLSettings"): MERGED,
    ("aws.dms.endpoint", "MySQLSettings"): MERGED,
    ("aws.ecr.repository", "registryId"): NAMES_IT,
    ("aws.ecs.service", "deploymentConfiguration"): MERGED,
    ("aws.elbv2.rule", "Conditions.HostHeaderConfig"): "Values says the same",
    ("aws.elbv2.rule", "Conditions.PathPatternConfig"): "Values says the same",
    ("aws.elbv2.target_group", "Matcher.GrpcCode"): ONE_OF,
    ("aws.glue.registry", "RegistryId.RegistryArn"): NAMES_IT,
    ("aws.glue.schema", "SchemaId.SchemaArn"): NAMES_IT,
    ("aws.lambda.event_source_mapping", "DestinationConfig.OnSuccess"): "of functions that are called asynchronously",
    ("aws.s3.bucket", "Rule.Prefix"): "older than Filter, and refused beside it",
    ("aws.s3.bucket", "MfaDelete"): "a request that has it needs a code of the device",
    ("aws.s3.bucket", "LoggingEnabled.TargetGrants"): "not yet: a grantee's type is an attribute of its element; buckets whose owner is enforced have no grants",
    ("aws.s3.bucket", "LoggingEnabled.TargetObjectKeyFormat.SimplePrefix"): ONE_OF,
}


def steps(node):
    return node if isinstance(node, list) else [node] if node else []


def paths(node, prefix=""):
    """`keeps`, as (path in the request, path in the answer)."""
    if isinstance(node, list):
        return [(prefix + path, path) for path in node]
    return [pair for name, inner in node.items() for pair in paths(inner, f"{prefix}{name}.")]


def full_updates():
    """(type, operation, what is kept)"""
    for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml")):
        spec = spec_of(path)
        for name, kind in (spec.get("types") or {}).items():
            for step in steps(kind.get("update")):
                if isinstance(step, dict) and step.get("full"):
                    yield f"aws.{spec['service']}.{name}", step["call"], paths(step.get("keeps", []))


FULL = list(full_updates())


def reading(operation):
    """What the call that reads a setting is called beside the one that puts it."""
    return re.sub("^(Put|Set)", "Get", operation)


def in_parts():
    """(type, operation, whether it has a reading call of its own, what is kept): updates that send structures, and what puts a setting."""
    for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml")):
        spec = spec_of(path)
        for name, kind in (spec.get("types") or {}).items():
            called = f"aws.{spec['service']}.{name}"
            for step in steps(kind.get("update")):
                step = {"call": step} if isinstance(step, str) else step
                if not step.get("full") and "call" in step:
                    yield called, step["call"], False, paths(step.get("keeps", []))
            for facet in (kind.get("sub_resources") or {}).values():
                for step in steps(facet["put"]):
                    step = {"call": step} if isinstance(step, str) else step
                    get = facet.get("get")
                    if "call" in step:
                        yield called, step["call"], bool(get) and reading(step["call"]) == (get if isinstance(get, str) else get.get("call")), paths(step.get("keeps", []))


PARTS = list(in_parts())


class Compared:
    """An update's request in the model beside the answer that it is made of."""

    def __init__(self, kind, operation):
        (one,) = [one for one in models.TYPES if one["type"] == kind and not one["data"]]
        self.check, model = models.Check(one["service"], kind), models.model_of(one["service"])
        own = [call for call in one["calls"] if call["role"] == "get" and call["operation"]["name"] == reading(operation)]
        self.read = next(iter(own), None) or next(call for call in one["calls"] if call["role"] == "read")
        self.ours = next(call for call in one["calls"] if call["role"] in ("update", "put") and call["operation"]["name"] == operation)["request"]
        self.input = model.operation_model(operation).input_shape
        output = model.operation_model(self.read["operation"]["name"]).output_shape
        self.output = self.check.path(output, self.read["at"], "at") if self.read["at"] not in ("", "@") else output

    def members(self, shape, request):
        return {name: member for name, (_, member) in models.members_of(self.check.protocol, shape, request).items()}

    def both(self):
        """Members of the request that the answer has at the same place, by path, and whether weir knows them; a structure that only the
        request has is around all of the answer."""
        known = {member["wire"]: member["shape"] for member in self.ours["members"]}
        yield from self.within(self.ours, self.input, self.output, "")
        for name, shape in self.members(self.input, True).items():
            if shape.type_name == "structure" and name in known and name not in self.members(self.output, False):
                yield from self.within(known[name], shape, self.output, name + ".")

    def within(self, ours, sent, read, path):
        if sent.type_name != read.type_name:
            return
        if sent.type_name in ("list", "map"):
            elem = ours.get("elem") if ours else None
            if ours and (not elem or (ours["kind"] == "pairs" and ours.get("value") != ".")):
                return
            keys = [{"wire": ours["key"], "shape": {"kind": "string"}}] if ours and ours["kind"] == "pairs" else []
            elem = {**elem, "members": elem.get("members", []) + keys} if elem else None
            inner = [shape.member if shape.type_name == "list" else shape.value for shape in (sent, read)]
            yield from self.within(elem, *inner, path)
        elif sent.type_name == "structure" and ours and ours["kind"] == "structure":
            known = {member["wire"]: member["shape"] for member in ours["members"]}
            theirs = self.members(read, False)
            for name, shape in self.members(sent, True).items():
                if name in theirs and name not in known:
                    yield path + name, shape, theirs[name]
                elif name in theirs:
                    yield from self.within(known[name], shape, theirs[name], f"{path}{name}.")


def only_read(sent, read, seen=()):
    """Is there something in the answer's structure that the request's has not got?"""
    if sent.type_name != read.type_name:
        return True
    if sent.type_name == "structure":
        return sent.name not in seen and any(name not in sent.members or only_read(sent.members[name], shape, (*seen, sent.name)) for name, shape in read.members.items())
    inner = {"list": "member", "map": "value"}.get(sent.type_name)
    return only_read(getattr(sent, inner), getattr(read, inner), seen) if inner else False


@pytest.mark.parametrize("kind", sorted({kind for kind, *_ in FULL}))
def test_all_that_can_be_sent_back_is(kind):
    settled = {path for one, path in SETTLED if one == kind}
    for _, operation, kept in (one for one in FULL if one[0] == kind):
        compared = Compared(kind, operation)
        found = {path: (sent, read) for path, sent, read in compared.both()}
        ways = {path for path, _ in kept}
        inside = {path for path in settled if any(way.startswith(path + ".") for way in ways)}
        assert set(found) - settled == ways - {way for way in ways for path in inside if way.startswith(path + ".")}, operation
        assert not [path for path in ways & set(found) if only_read(*found[path])], operation


@pytest.mark.parametrize("kind", sorted({kind for kind, *_ in PARTS}))
def test_so_is_all_in_structures_that_are_replaced(kind):
    """Of a setting with a reading call of its own all of it; else what lies in a structure: a member that is not sent stays."""
    needless = {path for one, path in FURTHER if one == kind}
    for _, operation, own, kept in (one for one in PARTS if one[0] == kind):
        if (kind, operation) in {(one, name) for one, name, _ in FULL}:
            continue
        found = {path: (sent, read) for path, sent, read in Compared(kind, operation).both() if own or "." in path}
        wanted = {path for path in found if not any(path == one or path.startswith(one + ".") for one in needless)}
        assert wanted == {way for way, _ in kept}, operation
        assert not [path for path in wanted if only_read(*found[path])], operation


# ---- and in a life ----


def sample(shape, seen=()):
    """A value that the model takes."""
    limits = shape.metadata
    if shape.type_name == "structure":
        if shape.name in seen:
            return {}
        names = list(shape.members)[:1] if getattr(shape, "is_tagged_union", False) else list(shape.members)
        return {name: sample(shape.members[name], (*seen, shape.name)) for name in names}
    if shape.type_name == "list":
        return [sample(shape.member, seen)]
    if shape.type_name == "map":
        return {"kept": sample(shape.value, seen)}
    if shape.type_name == "string":
        return next(iter(getattr(shape, "enum", [])), None) or "kept".ljust(limits.get("min", 4), "x")[: limits.get("max", 99)]
    return {"boolean": True, "timestamp": 1700000000, "double": 0.5, "float": 0.5}.get(shape.type_name, limits.get("min", 7))


def places(document, shape, path, make=False):
    """The structures at a path that have its last member, or are to: in each item of lists and each value of maps on the way."""
    name, _, rest = path.partition(".")
    if shape.type_name in ("list", "map"):
        inner = shape.member if shape.type_name == "list" else shape.value
        for item in document if shape.type_name == "list" else document.values():
            yield from places(item, inner, path, make)
    elif not rest:
        yield document
    elif name in document or make:
        inner = shape.members[name]
        empty = {} if inner.type_name == "map" else [] if inner.type_name == "list" else {one: sample(inner.members[one]) for one in inner.required_members}
        yield from places(document.setdefault(name, empty), inner, rest, make)


def at_model(shape, path):
    for name in path.split("."):
        while shape.type_name in ("list", "map"):
            shape = shape.member if shape.type_name == "list" else shape.value
        shape = shape.members[name]
    return shape


def at_path(document, shape, path):
    last = path.rpartition(".")[2]
    return [place[last] for place in places(document, shape, path) if last in place]


class Retelling:
    """Hands requests on to a cloud; answers to reads say more than that one does. Updates stay here, as it would refuse what it does not know."""

    def __init__(self, cloud):
        self.cloud, self.more, self.sent, self.last = cloud, None, [], b"{}"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                label = self.headers.get("X-Amz-Target") or f"{self.command} {self.path.partition('?')[0]}"
                if outer.keeps(label, body):
                    self.answer(200, [], outer.last)
                    return
                connection = HTTPConnection(outer.cloud.url.partition("://")[2])
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                self.answer(answer.status, answer.getheaders(), outer.told(label, answer.read()))

            def answer(self, status, headers, text):
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "x-amz-crc32"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = pass_on

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def keeps(self, label, request):
        kept = self.more and re.search(self.more[1], label)
        if kept:
            self.sent.append(json.loads(request))
        return kept

    def told(self, label, answer):
        if self.more and answer and re.search(self.more[0], label):
            self.last = answer = self.more[2](answer)
        return answer

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@functools.cache
def life_of(kind):
    """A case of the type that changes something, from test_types*.py, and whether moto can do it."""
    for file in sorted((ROOT / "tests/e2e").glob("test_types*.py")):
        module = import_module(file.stem)
        for table in module.CASES, getattr(module, "NOT_ON_MOTO", {}):
            for case in table.values():
                if case.type == kind and case.then:
                    return case, table is module.CASES
    raise LookupError(kind)


def label_of(call):
    """How a call is known again among requests."""
    operation = call["operation"]
    return rf"\.{operation['name']}$" if "{" not in operation["path"] and operation["path"] == "/" else rf"^{operation['method']} " + re.sub(r"\{[^}]*\}", "[^/]+", operation["path"]) + "$"


JSON = [one for one in FULL if one[2] and models.model_of(next(kind for kind in models.TYPES if kind["type"] == one[0])["service"]).metadata["protocol"].endswith("json")]


@pytest.mark.parametrize("kind, operation, kept", JSON, ids=[f"{kind}-{operation}" for kind, operation, _ in JSON])
def test_what_others_configured_is_sent_back(request, tmp_path, kind, operation, kept):
    (case, on_moto), compared = life_of(kind), Compared(kind, operation)
    place = request.getfixturevalue("cloud" if on_moto else "fast_sandbox")
    stack, cloud = Stack(tmp_path / "stack", place), Retelling(place)
    stack.env["AWS_ENDPOINT_URL"] = cloud.url
    update = next(call for one in models.TYPES if one["type"] == kind for call in one["calls"] if call["role"] == "update" and call["operation"]["name"] == operation)
    values = {way: sample(at_model(compared.input, way)) for way, _ in kept}
    told = {}

    def tell(answer):
        document = json.loads(answer)
        at = compared.read["at"].removesuffix("[]")
        thing = document.get(at) if at not in ("", "@") else document
        for one in thing if isinstance(thing, list) else [thing] if thing else []:
            for way, path in kept:
                for place in places(one, compared.output, path, make=True):
                    told[way] = place[path.rpartition(".")[2]] = values[way]
        return json.dumps(document).encode()

    try:
        if case.prepare:
            case.prepare(place)
        stack.write(stack_text(case, case.first)).apply()
        cloud.more = (label_of(compared.read), label_of(update), tell)
        stack.assert_settled()
        stack.write(stack_text(case, case.then)).apply()
        assert cloud.sent and told
        for way, value in told.items():
            assert value in at_path(cloud.sent[-1], compared.input, way), (way, cloud.sent[-1])
    finally:
        cloud.stop()
