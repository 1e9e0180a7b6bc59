"""Every operation, member, path and error code that a spec names exists in the services' own models.

`weir schema --calls` prints what each type sends and reads, with the services' names; botocore's models say what there is.
Nothing here calls anybody.
"""

import json
import re
import subprocess

import botocore.session
import pytest
from botocore.model import ServiceModel

from support import ROOT, WEIR, spec_of

LOADER = botocore.session.get_session().get_component("data_loader")
PROTOCOLS = {"query": "query", "ec2": "ec2", "json-1.0": "json", "json-1.1": "json", "rest-json": "rest-json", "rest-xml": "rest-xml"}

# Codes that services send although their models do not list them (see the services' documentation of common errors).
UNMODELLED = {
    "s3": {
        "404", "NotFound", "OperationAborted", "TooManyBuckets", "BucketNotEmpty", "InvalidArgument", "MalformedPolicy", "NoSuchTagSet", "NoSuchBucketPolicy",
        "NoSuchLifecycleConfiguration", "NoSuchCORSConfiguration", "NoSuchPublicAccessBlockConfiguration", "ReplicationConfigurationNotFoundError", "NoSuchConfiguration",
        "OwnershipControlsNotFoundError", "ServerSideEncryptionConfigurationNotFoundError",
    },
    "stepfunctions": {"AccessDeniedException"},
    "secretsmanager": {"AccessDeniedException"},
    "dynamodb": {"ValidationException"},
    "events": {"ValidationException"},
    "emr": {"ValidationException", "AccessDeniedException"},
    "redshift": {"InvalidParameterCombination"},
    "sqs": {"AWS.SimpleQueueService.NonExistentQueue", "AWS.SimpleQueueService.QueueDeletedRecently", "QueueAlreadyExists"},
    "iam": {"NoSuchEntityException", "EntityAlreadyExistsException", "ConcurrentModificationException"},
    "autoscaling": {"ValidationError"},
    "rds": {"DBInstanceNotFoundFault", "InvalidParameterValue", "InvalidParameterCombination", "DBParameterGroupNotFound"},
}
# Every answer of every service has it, and no model says so.
REQUEST_ID = "x-amzn-requestid"
# Required members that weir always has by another way.
SUPPLIED = {}


def calls(sandbox=False):
    """`sandbox`: also what only the sandbox is called with, of which a spec says no more than the sandbox looks at; and the types that only
    the sandbox has."""
    own = ["--specs", ROOT / "sandbox/specs"] if sandbox else []
    answer = subprocess.run([WEIR, "schema", "--calls", *own], capture_output=True, text=True, check=True)
    types = [one for one in map(json.loads, answer.stdout.splitlines()) if one["type"].startswith("aws.")]  # other services have no such models
    return [{**one, "calls": [call for call in one["calls"] if sandbox or call["role"] != "sandbox"]} for one in types]


TYPES = calls()
NAMES = {(one["type"], one["data"]) for one in TYPES}
OF_THE_SANDBOX = [{**one, "calls": [call for call in one["calls"] if call["role"] != "sandbox"]} for one in calls(sandbox=True) if (one["type"], one["data"]) not in NAMES]
MODELS = {}


def model_of(service):
    name = service["model"]
    if name not in MODELS:
        MODELS[name] = ServiceModel(LOADER.load_service_model(name, "service-2"), name)
    return MODELS[name]


def wire_name(protocol, name, shape, request):
    """A member's name on the wire, as the protocol derives it."""
    location = shape.serialization.get("name")
    if protocol == "ec2":
        query = shape.serialization.get("queryName")
        name = (query if request and query else location) or name
        return name[0].upper() + name[1:]
    return location or name


def item_name(protocol, shape):
    """The element of a list's items."""
    if protocol in ("query", "rest-xml"):
        return shape.member.serialization.get("name", "member")
    return "item" if protocol == "ec2" else ""


def members_of(protocol, shape, request):
    """Members by wire name. The structure that is the whole body has its members in its place; so has a list in it that
    stands without an element of its own."""
    found = {}
    payload = shape.serialization.get("payload")
    for name, member in shape.members.items():
        found[wire_name(protocol, name, member, request)] = (name, member)
    if payload and shape.members[payload].type_name == "structure":
        found = {key: value for key, value in found.items() if value[0] != payload}
        for key, value in members_of(protocol, shape.members[payload], request).items():
            found.setdefault(key, value)
    return found


KINDS = {
    "string": {"string"}, "integer": {"integer", "long"}, "number": {"double", "float", "integer", "long"}, "boolean": {"boolean"},
    "timestamp": {"timestamp"}, "blob": {"blob", "string"}, "json": {"string", "structure"}, "list": {"list"}, "map": {"map"}, "pairs": {"list"},
    "structure": {"structure"},
}


def is_document(shape):
    """Of which the model says only that it is JSON."""
    return shape.type_name == "structure" and shape.is_document_type


class Check:
    def __init__(self, service, where):
        self.service, self.protocol, self.model, self.where, self.problems = service, service["protocol"], model_of(service), where, []
        self.raw = ""

    def wrong(self, text):
        self.problems.append(f"{self.where}: {text}")

    # ---- shapes ----

    def shape(self, ours, theirs, path, request):
        kind = ours["kind"]
        if kind == "any" or (kind == "json" and theirs.type_name == "blob" and path == self.raw):
            return  # what is the whole body goes out as it is
        if ours.get("values"):
            for spelling in ours["values"].values():
                if theirs.type_name == "string" and getattr(theirs, "enum", None) and spelling not in theirs.enum:
                    self.wrong(f"{path}: the model has no value {spelling}")
            kind = "string" if theirs.type_name == "string" else kind
        if theirs.type_name == "list" and kind == "structure" and self.protocol == "rest-xml":
            theirs = theirs.member  # one item, written as a structure
        if theirs.type_name == "list" and kind not in ("list", "pairs") and not request:
            theirs = theirs.member  # a list of one that is read as a single value
        if theirs.type_name == "list" and kind == "structure" and request and [m["wire"] for m in ours["members"]] == ["1"]:
            self.structure(ours, theirs, path, request)
            return
        if theirs.type_name == "map" and kind == "structure":
            if request and self.protocol == "query" and not ours.get("keyed"):
                self.wrong(f"{path}: members here, keys of a map in the model, which a form has as entries: {path}{{}}")
            for member in ours["members"]:
                self.shape(member["shape"], theirs.value, f"{path}.{member['wire']}", request)
            return
        if kind == "boolean" and ours.get("values") and theirs.type_name == "structure" and not theirs.members:
            return  # its being there says yes
        if request and kind == "string" and theirs.type_name == "integer" and self.protocol == "ec2" and path == "RuleNumber":
            return  # a form has nothing but text, and the keys of a map are text
        if not request and kind == "integer" and theirs.type_name == "string" and self.protocol == "query" and path == "Priority":
            return  # of a load balancer's rule: a number, or the word default
        if theirs.type_name not in KINDS[kind]:
            self.wrong(f"{path}: {kind} here, {theirs.type_name} in the model")
            return
        if kind in ("list", "pairs"):
            self.list(ours, theirs, path, request)
        elif kind == "map":
            self.shape(ours.get("elem", {"kind": "any"}), theirs.value, path + "{}", request)
        elif kind == "structure" and theirs.type_name == "structure":
            self.structure(ours, theirs, path, request)

    def list(self, ours, theirs, path, request):
        flat = bool(theirs.serialization.get("flattened"))
        if self.protocol in ("query", "rest-xml"):
            item = item_name(self.protocol, theirs)
            if flat != bool(ours.get("flat")):
                self.wrong(f"{path}: flat is {not flat} here, {flat} in the model")
            elif not flat and request and (ours.get("item") or "member") != item:
                self.wrong(f"{path}: items are {ours.get('item') or 'member'} here, {item} in the model")
            elif not flat and not request and item not in (ours.get("item"), "member"):
                self.wrong(f"{path}: items are {ours.get('item')} here, {item} in the model")
        if ours["kind"] == "pairs":
            members = members_of(self.protocol, theirs.member, request)
            if ours.get("value") == ".":
                self.shape(ours["elem"], theirs.member, path + "[]", request)
            for name in (ours.get("key", "Key"), ours.get("value", "Value")):
                if name not in members and name != ".":
                    self.wrong(f"{path}: pairs have no {name} in the model, but {sorted(members)}")
        else:
            self.shape(ours.get("elem", {"kind": "any"}), theirs.member, path + "[]", request)

    def structure(self, ours, theirs, path, request):
        if is_document(theirs):
            return
        if theirs.type_name == "list" and [m["wire"] for m in ours["members"]] == ["1"]:
            self.shape(ours["members"][0]["shape"], theirs.member, path + ".1", request)  # a form's list of one
            return
        members = members_of(self.protocol, theirs, request)
        for member in ours["members"]:
            place = f"{path}.{member['wire']}"
            if member["wire"] not in members:
                self.wrong(f"{place} is not in the model, but {sorted(members)}")
                continue
            self.shape(member["shape"], members[member["wire"]][1], place, request)

    # ---- paths ----

    def path(self, shape, path, what):
        """The model's shape at a path in an answer, or None."""
        for part in [p for p in path.split(".") if p and p != "@"]:
            name, flatten = part.removesuffix("[]"), part.endswith("[]")
            if part.endswith("{}"):  # every value of a map
                around, shape = shape, self.step(shape, part.removesuffix("{}"), path, what)
                if shape is None or shape.type_name != "map":
                    self.wrong(f"{what} {path}: {part} is not a map in the model")
                    return None
                shape, self.around = shape.value, around
                continue
            if part == "^":  # what it lies in
                shape = self.around
                continue
            condition = ""
            if "[" in name:
                name, condition = name.rstrip("]").split("[")
            if "|" in name:  # what there is of several members
                shape = [self.step(shape, one, path, what) for one in name.split("|")][0]
                if shape is None:
                    return None
                continue
            if name:
                shape = self.step(shape, name, path, what)
                if shape is None:
                    return None
            if flatten or condition:
                if shape.type_name != "list":
                    if flatten and shape.type_name == "structure":
                        continue  # one item in XML
                    self.wrong(f"{what} {path}: {name} is not a list in the model")
                    return None
                shape = shape.member
            if condition and self.step(shape, condition.split("=")[0], path, what) is None:
                return None
        return shape

    def step(self, shape, name, path, what):
        if shape.type_name == "list" and self.protocol in ("query", "rest-xml", "ec2") and name == item_name(self.protocol, shape):
            return shape  # an XML list's wrapper; [] takes the items
        if shape.type_name == "list" and self.protocol == "rest-xml" and shape.member.type_name == "structure":
            shape = shape.member  # a list of one in XML
        if shape.type_name == "map":
            self.in_map = True
            return shape.value
        if is_document(shape):
            return None
        if shape.type_name != "structure":
            self.wrong(f"{what} {path}: nothing is inside {shape.name} ({shape.type_name}) in the model")
            return None
        members = members_of(self.protocol, shape, False)
        if name not in members:
            self.wrong(f"{what} {path}: {name} is not in the model, but {sorted(members)}")
            return None
        return members[name][1]

    # ---- calls ----

    def request(self, call, model):
        ours = call["request"]
        if not ours["members"] and model.input_shape is None:
            return
        if model.input_shape is None:
            self.wrong(f"the model takes nothing, but {ours['members']} is sent")
            return
        members = members_of(self.protocol, model.input_shape, True)
        sent = set()
        for member in ours["members"]:
            wire = member["wire"]
            by_place = {name: value for name, value in members.items() if (value[1].serialization.get("location") == "querystring") == (member["location"] == "query")}
            found = by_place.get(wire) or members.get(wire) or self.by_member_name(model, wire)
            if found is None:
                self.wrong(f"{wire} is not in the model, but {sorted(members)}")
                continue
            name, shape = found
            sent.add(name)
            self.location(member, shape, model)
            self.shape(member["shape"], shape, wire, True)
        self.required(call, model, sent)

    def by_member_name(self, model, wire):
        """Labels in a path are named like the member, whatever its name on the wire."""
        shape = model.input_shape.members.get(wire)
        return (wire, shape) if shape is not None and shape.serialization.get("location") == "uri" else None

    def location(self, member, shape, model):
        theirs = {"uri": "path", "querystring": "query", "header": "header", "headers": "headers"}.get(shape.serialization.get("location"), "body")
        ours = "body" if member["location"] == "raw" else member["location"]
        if self.protocol.startswith("rest") and ours != theirs:
            self.wrong(f"{member['wire']} lies in the {ours} here, in the {theirs} in the model")

    def required(self, call, model, sent):
        payload = model.input_shape.serialization.get("payload")
        for name in model.input_shape.required_members:
            if name in sent or (call["operation"]["name"], name) in SUPPLIED:
                continue
            if name == payload and model.input_shape.members[name].type_name == "structure":
                inner = model.input_shape.members[name]
                for needed in inner.required_members:
                    if needed not in sent:
                        self.wrong(f"{name}.{needed} is required by the model and not sent")
                continue
            self.wrong(f"{name} is required by the model and not sent")

    def http(self, operation, model):
        if not self.protocol.startswith("rest"):
            return
        method, uri = model.http["method"], model.http["requestUri"]
        path, _, query = uri.partition("?")
        if operation["method"] != method:
            self.wrong(f"{operation['method']} here, {method} in the model")
        if operation["path"].rstrip("/") != path.rstrip("/"):
            self.wrong(f"{operation['path']} here, {path} in the model")
        if operation["query"] != query.removesuffix("="):
            self.wrong(f"?{operation['query']} here, ?{query} in the model")
        endpoint = (model.endpoint or {}).get("hostPrefix", "")
        if operation["host_prefix"] != endpoint:
            self.wrong(f"host prefix {operation['host_prefix']} here, {endpoint} in the model")
        payload = model.input_shape and model.input_shape.serialization.get("payload")
        if payload and operation["body"]:
            shape = model.input_shape.members[payload]
            name = payload if self.protocol == "rest-json" else shape.serialization.get("name", shape.name)
            if operation["body"] != name:
                self.wrong(f"the body is {operation['body']} here, {name} in the model")
        if payload and operation["raw"] and operation["raw"] != payload:
            self.wrong(f"the body is {operation['raw']} here, {payload} in the model")
        checksum = getattr(model, "http_checksum", None) or {}
        if (checksum.get("requestChecksumRequired") or getattr(model, "http_checksum_required", False)) and not operation["md5"]:
            self.wrong("the model wants a checksum, the spec lacks md5: true")

    def answers(self, call, model):
        output = model.output_shape
        if output is None:
            if call["at"] or call["answers"]:
                self.wrong("the model answers nothing")
            return
        operation = call["operation"]
        if self.protocol == "query" and not operation["result"]:
            wrapper = output.serialization.get("resultWrapper", operation["name"] + "Result")
            if wrapper != operation["name"] + "Result":
                self.wrong(f"the model wraps the answer in {wrapper}")
        if call["parse"]:  # what is inside a JSON text no model tells
            self.path(output, call["parse"], "parse")
            return
        if call["page"]:
            self.path(output, call["page"], "page")
        for what in ("more", "total"):
            if call[what]:
                self.path(output, call[what], what)
        inside = self.path(output, call["at"], "at")
        if inside is not None and call["last"] not in ("", "@"):
            self.path(inside.member if inside.type_name == "list" else inside, call["last"], "last")
        headers = {wire_name(self.protocol, name, shape, False).lower(): shape for name, shape in output.members.items() if shape.serialization.get("location") == "header"}
        found = 0
        for answer in call["answers"]:
            path = answer["path"]
            if path in operation["headers"]:
                if path.lower() not in headers and path.lower() != REQUEST_ID:
                    self.wrong(f"no header {path} in the model's answer, but {sorted(headers)}")
                continue
            start, ours = inside, answer.get("shape")
            before = len(self.problems)
            if start is None:
                return
            if ours and path in (".", "@") and ours["kind"] == "pairs" and call["at"].endswith("[]"):  # of lists in a list
                members = members_of(self.protocol, start, False)
                if not {ours.get("key", "Key"), ours.get("value", "Value")} <= set(members):
                    self.wrong(f"answer {call['at']}: no pairs in the model")
            elif ours and path == ".":
                self.shape(ours, start, "answer", False)
            else:
                self.in_map = False
                theirs = self.path(start, path, "answer")
                scalar_text = self.in_map and theirs is not None and theirs.type_name == "string"  # a map of texts
                if theirs is not None and ours and not scalar_text:
                    many = "[]" in path and ours["kind"] in ("list", "pairs")
                    self.shape(ours["elem"] if many and ours["kind"] == "list" else ours, theirs, path, False)
            if call["role"] in ("create", "update") and len(self.problems) > before and call["at"]:
                del self.problems[before:]  # the answer to a change may have less than a read's
            else:
                found += len(self.problems) == before
        if call["role"] in ("create", "update") and call["at"] and not found:
            self.wrong(f"nothing of the object is at {call['at']} in the model's answer")

    def errors(self, codes):
        known = set(UNMODELLED.get(self.service["name"], ()))
        for name in self.model.operation_names:
            for shape in self.model.operation_model(name).error_shapes:
                known.add(shape.error_code or shape.name)
                known.add(shape.name)
        for code in codes:
            if self.service["name"] == "ec2":  # its model lists no errors at all
                known.add(code if re.fullmatch(r"[A-Z][A-Za-z]+(\.[A-Z][A-Za-z]+)?", code) else "")
            if code not in known:
                self.wrong(f"error {code} is not in the model")

    def call(self, call):
        operation = call["operation"]
        self.where, self.raw = f"{call['role']} {operation['name']}", operation["raw"]
        if operation["name"] not in self.model.operation_names:
            self.wrong("there is no such operation in the model")
            return
        model = self.model.operation_model(operation["name"])
        self.http(operation, model)
        self.request(call, model)
        self.answers(call, model)
        self.errors(call["errors"])
        if call["failed"]:
            self.path(model.output_shape, call["failed"], "failed")


@pytest.mark.parametrize("one", TYPES + OF_THE_SANDBOX, ids=lambda one: ("data " if one["data"] else "") + one["type"])
def test_calls(one):
    check = Check(one["service"], "")
    for call in one["calls"]:
        check.call(call)
    assert not check.problems, "\n".join(check.problems)


def test_no_spec_is_missing():
    """One with a mistake in it would not be listed at all."""
    assert {path.stem for path in (ROOT / "provider/aws/specs").glob("*.yaml")} == {one["service"]["name"] for one in TYPES}


SERVICES = {one["service"]["name"]: one["service"] for one in TYPES}


@pytest.mark.parametrize("one", {one["service"]["name"]: one for one in reversed(TYPES)}.values(), ids=lambda one: one["service"]["name"])
def test_endpoint_variable(one):
    """The reference tells the variable that weir reads, which is the one that the SDKs read."""
    page = subprocess.run([WEIR, "docs", "--format", "markdown", ("data." if one["data"] else "") + one["type"]], capture_output=True, text=True, check=True).stdout
    name = model_of(one["service"]).service_id.hyphenize().replace("-", "_").upper()
    assert re.search(r"^\| Endpoint variable \| `(\w+)` \|$", page, re.M)[1] == f"AWS_ENDPOINT_URL_{name}"


@pytest.mark.parametrize("name", SERVICES)
def test_head(name):
    service = SERVICES[name]
    model = model_of(service)
    metadata = model.metadata
    assert PROTOCOLS[service["protocol"]] in metadata.get("protocols", [metadata["protocol"]])
    if service["protocol"].startswith("json"):
        assert service["protocol"] == f"json-{metadata['jsonVersion']}"
        assert service["target"] == metadata["targetPrefix"]
    if service["protocol"] in ("query", "ec2"):
        assert service["api_version"] == metadata["apiVersion"]
    assert service["endpoint_prefix"] == metadata["endpointPrefix"]
    assert service["signing_name"] == metadata.get("signingName", metadata["endpointPrefix"])
    assert service["global"] == bool(metadata.get("globalEndpoint")) or name in ("s3", "sts")
    check = Check(service, name)
    check.errors(service["errors"])
    assert not check.problems, "\n".join(check.problems)


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service["protocol"] in ("query", "rest-json", "rest-xml")])
def test_statuses(name):
    """What the sandbox refuses with is HTTP's status of the model."""
    spec = spec_of(ROOT / f"provider/aws/specs/{name}.yaml")
    model = botocore.session.get_session().get_service_model(spec.get("model", name))
    shapes = [shape for operation in model.operation_names for shape in model.operation_model(operation).error_shapes]
    errors = [(shape, shape.metadata.get("error") or {}) for shape in shapes]
    modelled = {error.get("code", shape.name): error["httpStatusCode"] for shape, error in errors if "httpStatusCode" in error}
    said = spec.get("errors", {}).get("status", {})
    for what, usual in ("absent", 404), ("exists", 409):
        codes = {one if isinstance(one, str) else one["code"] for one in spec.get("errors", {}).get(what, [])}
        codes |= {one["sandbox"]["errors"][what] for one in spec.get("types", {}).values() if what in one.get("sandbox", {}).get("errors", {})}
        for code in codes & set(modelled):
            assert said.get(code, usual) == modelled[code], (what, code)


@pytest.mark.parametrize("path", [path for folder in ("provider/aws/specs", "sandbox/specs") for path in sorted((ROOT / folder).glob("*.yaml"))
                                  if spec_of(path)["protocol"].startswith("rest") and path.stem != "s3"], ids=lambda path: f"{path.parts[-3]} {path.stem}")
def test_statuses_of_success(path, SEEN={"lambda": {"DeleteFunction": 204}, "pipes": {"TagResource": 204, "UntagResource": 204}}):
    """Answers have HTTP's status of the model, but for those that AWS was seen to give (the model says 200)."""
    spec = spec_of(path)
    model = botocore.session.get_session().get_service_model(spec.get("model", path.stem))
    said = {name: status for status, names in spec.get("success", {}).items() for name in names}
    modelled = {name: model.operation_model(name).http.get("responseCode", 200) for name in spec["operations"] if name in model.operation_names}
    assert said == {name: status for name, status in (modelled | SEEN.get(path.stem, {})).items() if status != 200 and name in spec["operations"]}


def states_of(service, spec, one, attribute):
    """What an attribute can be, by the model of the answers that `read` has it from."""
    said = one["attributes"][attribute]
    path = said.get("read") or said.get("wire") or "".join(word.capitalize() for word in attribute.split("_"))
    model = botocore.session.get_session().get_service_model(spec.get("model", service))
    for step in one["read"] if isinstance(one["read"], list) else [one["read"]]:
        shape = model.operation_model(step["call"]).output_shape
        for part in f"{step.get('at', '@')}.{path}".split("."):
            part = re.sub(r"\[.*", "", part)
            while shape and shape.type_name == "list":
                shape = shape.member
            members = {name.lower(): member for name, member in shape.members.items()} if shape and shape.type_name == "structure" else {}
            names = {str(member.serialization.get("name", name)).lower(): member for name, member in members.items()} | members
            shape = shape if part == "@" else names.get(part.lower())
        if shape and shape.type_name == "string":
            return set(shape.enum)
    return set()


WAITS = {(path.stem, name): (spec, one) for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml")) for spec in [spec_of(path)] for name, one in spec.get("types", {}).items() if one.get("wait")}
# What no wait is for: weir stops no server.
FAILED_ELSEWHERE = {("transfer", "server"): {"STOP_FAILED"}}


@pytest.mark.parametrize("service, name", WAITS)
def test_waits_end_where_it_failed(service, name):
    """A wait that does not know a failure lasts until its end."""
    spec, one = WAITS[service, name]
    ready, deleted = one["wait"].get("ready", []), one["wait"].get("deleted", {})
    known, states = set(FAILED_ELSEWHERE.get((service, name), ())), set()
    for wait in [*(ready if isinstance(ready, list) else [ready]), deleted]:
        for attribute, values in [*wait.get("for", {}).items(), *wait.get("fail", {}).items()]:
            known |= set(values if isinstance(values, list) else [values])
            states |= states_of(service, spec, one, attribute)
    assert {state.lower() for state in states if re.search("fail|error|invalid|inaccess|reject|expired", state.lower())} <= {str(state).lower() for state in known}


def test_waits_are_compared():
    assert sum(bool(states_of(service, spec, one, attribute)) for (service, name), (spec, one) in WAITS.items() for wait in [one["wait"].get("ready")] if isinstance(wait, dict) for attribute in wait["for"] if isinstance(one["attributes"].get(attribute), dict)) > 20


def test_the_check_itself():
    """A wrong operation, member, path, kind, place and code are each found."""
    (job,) = [one for one in TYPES if one["type"] == "aws.glue.job"]
    (bucket,) = [one for one in TYPES if one["type"] == "aws.s3.bucket" and not one["data"]]

    def spoiled(one, spoil):
        copy = json.loads(json.dumps(one))
        spoil(copy)
        check = Check(copy["service"], "")
        for call in copy["calls"]:
            check.call(call)
        return "\n".join(check.problems)

    def call_of(one, name):
        return next(call for call in one["calls"] if call["operation"]["name"] == name)

    def set_member(one, name, key, value):
        call_of(one, name)["request"]["members"][0][key] = value

    assert not spoiled(job, lambda one: None)
    assert "no such operation" in spoiled(job, lambda one: call_of(one, "CreateJob")["operation"].update(name="MakeJob"))
    assert "not in the model" in spoiled(job, lambda one: set_member(one, "CreateJob", "wire", "Nam"))
    assert "required by the model" in spoiled(job, lambda one: call_of(one, "CreateJob")["request"].update(members=[]))
    assert "integer here, string" in spoiled(job, lambda one: set_member(one, "CreateJob", "shape", {"kind": "integer"}))
    assert "Jobz is not in the model" in spoiled(job, lambda one: call_of(one, "GetJob").update(at="Jobz"))
    assert "Nom is not in the model" in spoiled(job, lambda one: call_of(one, "GetJob")["answers"].append({"path": "Nom", "shape": {"kind": "string"}}))
    assert "error Nope" in spoiled(job, lambda one: call_of(one, "GetJob")["errors"].append("Nope"))
    assert "GET here" in spoiled(bucket, lambda one: call_of(one, "CreateBucket")["operation"].update(method="GET"))
    assert "/{Buckets} here" in spoiled(bucket, lambda one: call_of(one, "CreateBucket")["operation"].update(path="/{Buckets}"))
    assert "checksum" in spoiled(bucket, lambda one: call_of(one, "PutBucketPolicy")["operation"].update(md5=False))
    assert "lies in the body here" in spoiled(bucket, lambda one: set_member(one, "CreateBucket", "location", "body"))
