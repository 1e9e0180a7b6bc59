#!/usr/bin/env python3
"""Test vectors for provider/wire, made by botocore from AWS's own service models.

For each operation: its shape in our terms, an input, the request that botocore serialises from it, an answer and what
botocore parses from it. `wire_vectors.py` rewrites tests/unit/provider/wire/vectors/*.json; `wire_vectors.py --all DIR
OPERATIONS.csv` makes vectors of every operation named there (columns service, operation), for an occasional check.
"""
import base64
import csv
import datetime
import json
import os
import re
import sys
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.parsers
import botocore.serialize
from botocore import xform_name
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.model import ServiceModel

OPERATIONS = {
    "s3": """CreateBucket DeleteBucket HeadBucket GetBucketLocation PutBucketVersioning GetBucketVersioning
        PutBucketEncryption GetBucketEncryption PutPublicAccessBlock GetPublicAccessBlock PutBucketOwnershipControls
        PutBucketLifecycleConfiguration GetBucketLifecycleConfiguration PutBucketPolicy GetBucketPolicy PutBucketTagging
        GetBucketTagging PutBucketNotificationConfiguration PutBucketCors PutBucketLogging PutBucketWebsite PutBucketAcl
        PutObject HeadObject GetObject DeleteObjects ListObjectsV2 ListObjectVersions ListBuckets
        CreateMultipartUpload CompleteMultipartUpload CopyObject PutObjectTagging""",
    "iam": """CreateRole GetRole UpdateRole ListRoles UpdateAssumeRolePolicy AttachRolePolicy ListAttachedRolePolicies
        PutRolePolicy TagRole UntagRole CreatePolicy GetAccountAuthorizationDetails DeleteRole""",
    "sts": "GetCallerIdentity AssumeRole AssumeRoleWithWebIdentity",
    "ec2": """CreateVpc DescribeVpcs ModifyVpcAttribute CreateSubnet CreateSecurityGroup
        AuthorizeSecurityGroupIngress DescribeSecurityGroups CreateTags CreateVpcEndpoint RunInstances DeleteVpc""",
    "rds": """CreateDBInstance DescribeDBInstances ModifyDBInstance DeleteDBInstance CreateDBSubnetGroup
        CreateDBParameterGroup ModifyDBParameterGroup AddTagsToResource""",
    "sns": "CreateTopic GetTopicAttributes SetTopicAttributes Subscribe",
    "sqs": "CreateQueue GetQueueAttributes SetQueueAttributes SendMessage",
    "redshift": "CreateCluster DescribeClusters",
    "glue": "CreateJob GetJob GetJobs UpdateJob CreateDatabase CreateTrigger CreateTable TagResource BatchGetJobs",
    "secretsmanager": "CreateSecret DescribeSecret PutSecretValue GetSecretValue ListSecrets DeleteSecret",
    "events": "PutRule PutTargets DescribeRule ListTargetsByRule RemoveTargets",
    "stepfunctions": "CreateStateMachine DescribeStateMachine",
    "dynamodb": "CreateTable DescribeTable PutItem",
    "logs": "CreateLogGroup DescribeLogGroups PutRetentionPolicy",
    "kms": "CreateKey DescribeKey Encrypt",
    "ecs": "RegisterTaskDefinition DescribeServices",
    "athena": "CreateWorkGroup GetWorkGroup",
    "resourcegroupstaggingapi": "GetResources",
    "lambda": """CreateFunction GetFunction UpdateFunctionConfiguration AddPermission ListFunctions TagResource
        UntagResource DeleteFunction Invoke""",
    "scheduler": "CreateSchedule GetSchedule ListSchedules DeleteSchedule",
    "batch": "CreateComputeEnvironment RegisterJobDefinition DescribeJobQueues",
    "emr-serverless": "CreateApplication GetApplication StartJobRun",
    "mwaa": "CreateEnvironment GetEnvironment UpdateEnvironment",
    "kafka": "CreateClusterV2 DescribeClusterV2 GetBootstrapBrokers",
    "efs": "CreateFileSystem DescribeFileSystems",
    "grafana": "CreateWorkspace DescribeWorkspace",
}
TEXT = 'té xt & <"q"> 100%+~\'/'
WHEN = datetime.datetime(2026, 11, 21, 9, 30, 0, tzinfo=datetime.timezone.utc)
EPOCH = str(int(WHEN.timestamp()))
MAX_MEMBERS, MAX_DEPTH = 8, 4
LOCATIONS = {"uri": "path", "querystring": "query", "header": "header", "headers": "header_map", "statusCode": "status"}


class Side:
    """One direction of one operation: its shape in our terms, a sample, names."""

    def __init__(self, protocol, root, answer):
        self.protocol, self.root, self.answer = protocol, root, answer
        self.rest = protocol.startswith("rest")
        self.payload = root.serialization.get("payload") if root is not None and self.rest else None
        self.op = {}

    def wire_name(self, name, shape):
        wire = shape.serialization.get("name", name)
        if self.protocol == "ec2":
            if not self.answer and "queryName" in shape.serialization:
                return shape.serialization["queryName"]
            return wire[0].upper() + wire[1:]
        if self.answer and shape.type_name == "list" and shape.serialization.get("flattened"):
            return shape.member.serialization.get("name", wire)
        return wire

    def members(self, shape, sample):
        out = []
        for name, member in shape.members.items():
            if name not in sample:
                continue
            entry = {"name": xform_name(name), "wire": self.wire_name(name, member)}
            location = member.serialization.get("location")
            if shape is self.root and self.rest:
                if location:
                    entry["location"] = LOCATIONS[location]
                elif name == self.payload:
                    self.payload_member(entry, member)
            if member.serialization.get("xmlAttribute"):
                entry["xml_attribute"] = True
            entry["shape"] = self.shape(member, sample[name])
            out.append(entry)
        return out

    def payload_member(self, entry, member):
        if member.type_name in ("blob", "string"):
            entry["location"] = "raw"
            self.op["raw"] = entry["wire"]
        elif self.answer or self.protocol == "rest-xml":
            entry["spread"] = True
            self.op["body"] = entry.pop("wire")
            self.op["xmlns"] = (member.serialization.get("xmlNamespace") or {}).get("uri", "")
        else:
            self.op["body"] = entry["wire"]

    def shape(self, shape, sample):
        kind, ser = shape.type_name, shape.serialization
        if getattr(shape, "is_document_type", False):
            return {"kind": "any"}
        if kind == "structure":
            out = {"kind": "struct", "members": self.members(shape, sample)}
            ns = ser.get("xmlNamespace")
            if isinstance(ns, dict) and not ns.get("prefix"):
                out["xmlns"] = ns["uri"]
            return out
        if kind == "list":
            merged = {}
            for item in sample:
                merged = self.merge(merged, self.shape(shape.member, item))
            out = {"kind": "list", "elem": merged or self.shape(shape.member, "")}
            item = shape.member.serialization.get("name")
            if self.protocol == "ec2":
                item = None
            if item and (not ser.get("flattened") or (self.protocol == "query" and not self.answer)):
                out["item"] = item
            if ser.get("flattened"):
                out["flat"] = True
            return out
        if kind == "map":
            out = {"kind": "map", "elem": self.shape(shape.value, next(iter(sample.values())))}
            for ours, part in (("key", shape.key), ("value", shape.value)):
                if "name" in part.serialization:
                    out[ours] = part.serialization["name"]
            if ser.get("flattened"):
                out["flat"] = True
            return out
        if kind == "timestamp":
            form = {"unixTimestamp": "epoch", "unixtimestamp": "epoch", "iso8601": "iso", "rfc822": "http"}
            given = ser.get("timestampFormat")
            return {"kind": "timestamp", **({"time": form[given]} if given else {})}
        return {"kind": {"string": "string", "character": "string", "integer": "int", "long": "int", "boolean": "bool",
                         "float": "float", "double": "float", "blob": "blob"}[kind]}

    @staticmethod
    def merge(a, b):
        return b if not a else a  # samples of one shape all have the same members

    def sample(self, shape, name, stack=(), location=None):
        kind = shape.type_name
        if getattr(shape, "is_document_type", False):
            return {"a": [1, "b"]}
        if kind == "structure":
            out = {}
            if shape.name in stack or len(stack) >= MAX_DEPTH:
                return out
            for key, member in list(shape.members.items()):
                where = member.serialization.get("location") if shape is self.root else None
                wanted = len(out) < MAX_MEMBERS or key in shape.required_members or where == "uri" or key == self.payload
                if shape.name == "CreateBucketConfiguration" and key == "Bucket":
                    continue  # directory buckets: spelt like the path's label, so a server's flat document cannot hold both
                if getattr(shape, "is_tagged_union", False) and out:
                    break
                if not wanted or member.name in stack or getattr(member, "is_eventstream", False) or \
                        (member.serialization.get("eventstream")):
                    continue
                if member.type_name == "structure" and len(stack) + 1 >= MAX_DEPTH:
                    continue
                out[key] = self.sample(member, key, stack + (shape.name,), where)
            return out
        if kind == "list":
            if shape.member.type_name == "structure" and (shape.member.name in stack or len(stack) >= MAX_DEPTH):
                return []
            first = self.sample(shape.member, name, stack, location)
            return [first] if shape.member.type_name == "structure" and len(stack) > 1 else [first, first]
        if kind == "map":
            value = self.sample(shape.value, name, stack, location)
            return {"first": value, "x-second" if location == "headers" else "second": value}
        return self.scalar(shape, name, location)

    @staticmethod
    def scalar(shape, name, location):
        kind = shape.type_name
        if kind == "timestamp":
            return WHEN
        if kind in ("integer", "long"):
            return 17
        if kind == "boolean":
            return True
        if kind in ("float", "double"):
            return 2.5
        if kind == "blob":
            return b"blob \xc3\xa9"
        if shape.enum:
            return shape.enum[0]
        if location in ("header", "headers"):
            return "plain, " + name
        if location == "uri":
            return "a b/é+~" + name
        return TEXT if len(name) % 3 else "text &"


def ours(shape, value):
    """A botocore document under our names."""
    kind = shape.type_name
    if isinstance(value, (bytes, bytearray)):
        return value.decode()
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return {xform_name(k): ours(shape.members[k], v) for k, v in value.items() if k in shape.members and v is not None}
    if kind == "list":
        return [ours(shape.member, v) for v in value]
    if kind == "map":
        return {k: ours(shape.value, v) for k, v in value.items()}
    return value


# ---- answers: any bytes will do as long as botocore reads them; what it reads is the truth ----

def text_of(shape, value, header=False, time=None):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        form = shape.serialization.get("timestampFormat") or ("rfc822" if header else time or "iso8601")
        return {"iso8601": "2026-11-21T09:30:00Z", "rfc822": "Sat, 21 Nov 2026 09:30:00 GMT"}.get(form, EPOCH)
    return str(value)


def xml_element(side, name, shape, value):
    kind, flat = shape.type_name, shape.serialization.get("flattened")
    if kind == "structure":
        attributes, children = "", ""
        for key, v in value.items():
            member = shape.members[key]
            wire = member.serialization.get("name", key)
            if member.serialization.get("xmlAttribute"):
                attributes += f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {wire}="{escape(v)}"'
            else:
                children += xml_element(side, wire, member, v)
        return f"<{name}{attributes}>{children}</{name}>"
    if kind == "list":
        item = shape.member.serialization.get("name") or (name if flat else "item" if side.protocol == "ec2" else "member")
        inner = "\n ".join(xml_element(side, item, shape.member, v) for v in value)
        return inner if flat else f"<{name}>{inner}</{name}>"
    if kind == "map":
        entries = ""
        for k, v in value.items():
            pair = xml_element(side, shape.key.serialization.get("name", "key"), shape.key, k) + \
                xml_element(side, shape.value.serialization.get("name", "value"), shape.value, v)
            entries += f"<{name if flat else 'entry'}>{pair}</{name if flat else 'entry'}>"
        return entries if flat else f"<{name}>{entries}</{name}>"
    return f"<{name}>{escape(text_of(shape, value))}</{name}>"


def json_value(shape, value):
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return {shape.members[k].serialization.get("name", k): json_value(shape.members[k], v) for k, v in value.items()}
    if kind == "list":
        return [json_value(shape.member, v) for v in value]
    if kind == "map":
        return {k: json_value(shape.value, v) for k, v in value.items()}
    if kind == "timestamp":
        form = shape.serialization.get("timestampFormat")
        return float(EPOCH) if form in (None, "unixTimestamp", "unixtimestamp") else text_of(shape, value)
    return text_of(shape, value) if kind == "blob" else value


def make_answer(side, op, sample):
    shape, headers, body = op.output_shape, {}, {}
    if shape is None:
        return headers, f"<{op.name}Response><ResponseMetadata/></{op.name}Response>" if side.protocol in ("query", "ec2") else ""
    for key, value in sample.items():
        member = shape.members[key]
        location = member.serialization.get("location") if side.rest else None
        wire = member.serialization.get("name", key)
        if location == "header":
            headers[wire] = text_of(member, value, header=True) if member.type_name != "list" else "one, two"
        elif location == "headers":
            headers.update({wire + k: v for k, v in value.items()})
        elif location is None:
            body[key] = value
    if side.payload:
        member = shape.members[side.payload]
        if member.type_name in ("blob", "string"):
            content = body.get(side.payload, b"")
            return headers, content.decode() if isinstance(content, bytes) else content
        name = member.serialization.get("name", side.payload)
        if side.protocol == "rest-xml":
            return headers, xml_element(side, name, member, body[side.payload])
        return headers, json.dumps(json_value(member, body[side.payload]))
    if "json" in side.protocol:
        return headers, json.dumps(json_value(shape, body))
    if not body and side.protocol == "rest-xml":
        return headers, ""
    inner = "".join(xml_element(side, shape.members[k].serialization.get("name", k), shape.members[k], v)
                    for k, v in body.items())
    if side.protocol == "query":
        wrapper = shape.serialization.get("resultWrapper", op.name + "Result")
        inner = f'<{wrapper}>{inner}</{wrapper}><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>'
    elif side.protocol == "ec2":
        inner = f"<requestId>id</requestId>{inner}"
    root = shape.serialization.get("name", op.name + ("Result" if side.rest else "Response"))
    return headers, f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="http://x/">{inner}</{root}>'


def operation(model, op, protocol, version):
    http = op.http
    path, _, query = http.get("requestUri", "/").partition("?")
    out = {"name": op.name, "protocol": protocol if protocol != "json" else "json-" + version}
    if protocol in ("query", "ec2"):
        out["version"] = model.metadata["apiVersion"]
    if protocol == "json":
        out["target_prefix"] = model.metadata["targetPrefix"]
    if protocol.startswith("rest"):
        out.update(method=http["method"], path=path, query=query)
    if protocol == "query" and op.output_shape is not None:
        wrapper = op.output_shape.serialization.get("resultWrapper")
        if wrapper and wrapper != op.name + "Result":
            out["result"] = wrapper
    return out


def make_request(model, op, protocol, sample):
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    request = serializer.serialize_to_request(sample, op)
    own = {name.lower() for name in request["headers"]}
    prepare_request_dict(request, "https://host", context={})
    prepared = create_request_object(request).prepare()
    rest = re.sub("^https://[^/]*host", "", prepared.url)
    path, _, query = rest.partition("?")
    body = prepared.body or b""
    body = body.decode() if isinstance(body, bytes) else body
    if protocol == "rest-xml":
        body = body.replace(" />", "/>")
    headers = {k: v if isinstance(v, str) else v.decode() for k, v in prepared.headers.items()
               if k.lower() in own or k.lower() == "content-type"}
    headers.pop("x-amzn-query-mode", None)
    return {"method": prepared.method, "path": path, "query": query, "headers": headers, "body": body}


def vector(model, name):
    op = model.operation_model(name)
    protocols = model.metadata.get("protocols") or [model.metadata["protocol"]]
    protocol = next(p for p in protocols + [model.metadata["protocol"]] if p != "smithy-rpc-v2-cbor")
    out = {"op": operation(model, op, protocol, model.metadata.get("jsonVersion", ""))}
    side = Side(protocol, op.input_shape, False)
    sample = side.sample(op.input_shape, "") if op.input_shape is not None else {}
    out["input_shape"] = side.shape(op.input_shape, sample) if sample else {"kind": "struct", "members": []}
    if op.input_shape is not None and protocol == "rest-xml" and not side.payload:
        if any("location" not in m.serialization for m in op.input_shape.members.values()):
            side.op["body"] = op.input_shape.serialization.get("name", "")
            side.op["xmlns"] = (op.input_shape.serialization.get("xmlNamespace") or {}).get("uri", "")
    side.op.pop("raw", None)
    out["op"].update({k: v for k, v in side.op.items() if v})
    out["input"] = ours(op.input_shape, sample) if sample else {}
    out["request"] = make_request(model, op, protocol, sample)

    side = Side(protocol, op.output_shape, True)
    sample = side.sample(op.output_shape, "") if op.output_shape is not None else {}
    headers, body = make_answer(side, op, sample)
    parser = botocore.parsers.create_parser(protocol)
    code = 200
    parsed = parser.parse({"status_code": code, "headers": botocore.awsrequest.HeadersDict(headers),
                           "body": body.encode()}, op.output_shape)
    parsed.pop("ResponseMetadata", None)
    if op.output_shape is not None:
        sample = {k: v for k, v in sample.items()}
        out["output_shape"] = side.shape(op.output_shape, sample)
        parsed = {k: v for k, v in parsed.items() if k in sample}
        for key, member in op.output_shape.members.items():
            if key in parsed and hasattr(parsed[key], "read"):
                parsed[key] = parsed[key].read()
        out["output"] = ours(op.output_shape, parsed)
        if "raw" in side.op:
            out["op"]["raw"] = side.op["raw"]
    else:
        out["output_shape"], out["output"] = {"kind": "struct", "members": []}, {}
    out["response"] = {"status": code, "headers": headers, "body": body}
    return out


def write(path, vectors):
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in vectors) + "\n]\n")


def load(service):
    loader = botocore.loaders.Loader()
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def main():
    wanted, out = {s: names.split() for s, names in OPERATIONS.items()}, "tests/unit/provider/wire/vectors"
    if len(sys.argv) == 4 and sys.argv[1] == "--all":
        out, wanted = sys.argv[2], {}
        with open(sys.argv[3]) as file:
            for row in csv.DictReader(file):
                service, name = row["operation"].split(":") if ":" in row["operation"] else (row["service"], row["operation"])
                if name not in wanted.setdefault(service, []):
                    wanted[service].append(name)
    os.makedirs(out, exist_ok=True)
    for service, names in wanted.items():
        model = load(service)
        write(f"{out}/{service}.json", [vector(model, name) for name in names if name in model.operation_names])


if __name__ == "__main__":
    main()
