"""
Calls of all kinds to a sandbox: botocore's models say which members they have, answers of before which values, and every third body is spoiled.

    .venv/bin/python tests/fuzz/calls.py [SECONDS [SEED]]        make fuzz

The sandbox has to live, and to refuse what it cannot do: a death, an answer of 500 and a call without an answer are printed with what was sent last, and the status is 1.
After all of it the sandbox is started again in its folder: what it kept has to be readable.
"""

import copy
import datetime
import json
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path

import botocore.exceptions
import botocore.session

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests/e2e/sandbox")]

from servers import Sandbox  # noqa: E402

SERVICES = """apigateway apigatewayv2 athena autoscaling batch cloudtrail cloudwatch cognito-idp dms dynamodb ec2 ecr ecs elbv2 emr emr-serverless events firehose glue iam kafka
    kinesis kms lakeformation lambda logs mwaa rds redshift redshift-data redshift-serverless route53 s3 s3tables scheduler secretsmanager sns sqs ssm stepfunctions sts transfer
    resourcegroupstaggingapi""".split()
STREAMS = {"SubscribeToShard", "InvokeWithResponseStream", "StartLiveTail", "SelectObjectContent"}  # of events
WAITS = {"GetActivityTask", "UploadPart", "PutObject"}  # for work; for the rest of a body that was cut
WORDS = ["a", "name-1", "x/y", "*", "", "us-east-1", "0", "-1", "true", "{}", "[]", '{"a": 1}', "é😀", "a" * 300, "http://127.0.0.1:9/x", "rate(1 minute)", "$LATEST", "10.0.0.0/16",
         "2026-01-01T00:00:00Z", "%s%n", "${a.b}", "$.a[0]", "\0", "..", "/", ":", ","]
JUNK = [None, 0, -1, 1.5, 2**63, "", "x", [], {}, [[]], {"a": None}, [None], True, "é", {"": 1}, [1, "a", {}], "x" * 5000, {"x" * 300: {}}]
MADE = re.compile("Create|Put|Register|Publish|Run|Start|Add|Set|Import")
GONE = re.compile("Delete|Remove|Deregister|Terminate|Purge")
UNKNOWN = {"NotImplemented", "UnknownOperationException", "InvalidAction", "UnknownOperation"}


class Values:
    """Values for members: mostly such as an answer had under the member's name."""

    def __init__(self, rnd):
        self.rnd, self.known, self.rich = rnd, {}, 1

    def learn(self, value, name=""):
        if isinstance(value, dict):
            for key, inner in value.items():
                self.learn(inner, key)
        elif isinstance(value, list):
            for inner in value[:20]:
                self.learn(inner, name.removesuffix("s"))
        elif isinstance(value, str) and 0 < len(value) < 2000:
            for key in {name.lower(), "resourcearn" if value.startswith("arn:") else name.lower()}:
                have = self.known.setdefault(key, [])
                if value not in have:
                    have.append(value)
                del have[:-60]

    def word(self, name):
        chance, have = self.rnd.random(), self.known.get(name.lower()) or self.known.get(name.lower().removesuffix("s"))
        if have and chance < 0.7:
            return self.rnd.choice(have)
        if self.known and chance < 0.75:
            return self.rnd.choice(self.rnd.choice(list(self.known.values())))
        return self.rnd.choice(WORDS) if chance > 0.97 else f"n{self.rnd.randrange(30)}"

    def members(self, shape, depth):
        likely = (0.5 if not depth else 0.35 / (1 + depth * 0.4)) * self.rich
        chosen = [self.rnd.choice(list(shape.members))] if getattr(shape, "is_tagged_union", False) and shape.members else shape.members
        return {name: self.make(shape.members[name], name, depth + 1) for name in chosen
                if (name in shape.required_members and self.rnd.random() < 0.97) or (depth < 5 and self.rnd.random() < likely) or len(chosen) == 1}

    def make(self, shape, name="", depth=0):
        kind, rnd = shape.type_name, self.rnd
        if kind == "structure":
            return {"a": 1} if getattr(shape, "is_document_type", False) else self.members(shape, depth)
        if kind == "list":
            return [self.make(shape.member, name, depth + 1) for _ in range(rnd.choice([0, 1, 1, 1, 2, 3]) if depth < 7 else 0)]
        if kind == "map":
            return {rnd.choice(shape.key.enum) if shape.key.enum else self.word("key"): self.make(shape.value, name, depth + 1) for _ in range(rnd.choice([0, 1, 1, 2]) if depth < 7 else 0)}
        if kind == "string":
            return rnd.choice(shape.enum) if shape.enum and rnd.random() < 0.9 else self.word(name)
        if kind in ("integer", "long"):
            low, high = int(shape.metadata.get("min", 0)), int(shape.metadata.get("max", 100))
            return rnd.choice([low, high, rnd.randint(low, max(low, high)), rnd.choice([0, 1, -1, 2**31 - 1, 2**31, 2**63 - 1, -2**63])])
        if kind in ("float", "double"):
            return rnd.choice([0.0, 1.5, -1.0, 1e300])
        if kind == "timestamp":
            return datetime.datetime.fromtimestamp(rnd.choice([0, time.time(), 4e9]), datetime.timezone.utc)
        if kind == "blob":
            return rnd.choice([b"", b"x", b"\0\xff" * 10, b'{"a":1}', b"PK\3\4"])
        return rnd.random() < 0.5


# ---- bodies that are not what they should be ----

def paths(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(inner, (*path, key))


def spoil_json(rnd, text):
    try:
        document = json.loads(text)
    except ValueError:
        return text
    for _ in range(rnd.choice([1, 1, 2, 3])):
        *path, last = rnd.choice(list(paths(document))) or (None,)
        place = document
        for key in path:
            place = place[key]
        if last is None:
            document = rnd.choice(JUNK) if rnd.random() < 0.3 else document
        elif isinstance(place[last], str) and place[last][:1] in ("{", "[") and rnd.random() < 0.6:
            place[last] = spoil_json(rnd, place[last])
        else:
            place[last] = copy.deepcopy(rnd.choice(JUNK))
    out = json.dumps(document)
    return out[:rnd.randrange(len(out) + 1)] if rnd.random() < 0.03 else out


def spoil_xml(rnd, text):
    for _ in range(rnd.choice([1, 2])):
        if tags := list(re.finditer(r"<(/?)([A-Za-z]+)[^>]*>([^<]*)", text)):
            tag = rnd.choice(tags)
            inner = text[:tag.start(3)] + rnd.choice(["", "-1", "x", "99999999999999999999", "<a>b</a>", "&amp;", "&#0;"]) + text[tag.end(3):]
            text = rnd.choice([inner, text[:tag.start()] + text[tag.end():], text[:tag.start()] + tag[0] + text[tag.start():]])
    return text


def spoil_form(rnd, text):
    parts = text.split("&")
    for _ in range(rnd.choice([1, 2])):
        at = rnd.randrange(len(parts))
        name, _, value = parts[at].partition("=")
        number = re.sub(r"\d+", rnd.choice(["0", "2", "999999999", "-1", "x", "99999999999999999999", "1025"]), name)
        parts[at] = rnd.choice([f"{name}={rnd.choice(['', '-1', 'x', '99999999999999999999', '%00', '%', '%zz', '[]'])}", f"{parts[at]}&{parts[at]}", f"{name}.1={value}", f"{number}={value}",
                                f"{name.rpartition('.')[0]}={value}", "a=b"])
    return "&".join(parts)


def spoiled(rnd, body):
    if not isinstance(body, (bytes, str)) or not body:
        return rnd.choice([body, b"{}", b"[]", b"null", b"<a/>", b"x"])
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    return (spoil_json if text[0] in "{[" else spoil_xml if text[0] == "<" else spoil_form)(rnd, text).encode()


class Fuzzer:
    def __init__(self, seed, folder):
        self.rnd = random.Random(seed)
        self.values = Values(self.rnd)
        self.folder, self.faults, self.calls, self.answered, self.last, self.unknown = folder, [], 0, set(), [], {}
        self.start()
        models = {name: botocore.session.get_session().get_service_model(name) for name in SERVICES}
        self.operations = {(service, name): 3 if MADE.match(name) else 0.4 if GONE.match(name) else 1
                           for service, model in models.items() for name in model.operation_names if name not in STREAMS | WAITS}

    def start(self):
        self.box = Sandbox(self.folder, env={"SANDBOX_IAM": "off", "ASAN_OPTIONS": "detect_leaks=0"})
        self.clients = {}

    def client(self, service):
        if service not in self.clients:
            self.clients[service] = self.box.new_client(service, "us-east-1", None, None, parameter_validation=False, read_timeout=60)
            self.clients[service].meta.events.register("before-sign.*.*", self.before_sign)
        return self.clients[service]

    def before_sign(self, request, **_):
        if self.rnd.random() < 0.3:
            request.data = spoiled(self.rnd, request.data)
        self.last = [*self.last[-2:], (request.method, request.url, str(request.data)[:2000], request.headers.get("X-Amz-Target"))]

    def fault(self, what):
        self.faults.append(what)
        print(f"{what}, after", *self.last, sep="\n    ", flush=True)

    def call(self, service, name):
        client = self.client(service)
        model = client.meta.service_model.operation_model(name)
        self.values.rich = self.rnd.choice([0.05, 0.05, 0.3, 1, 1.5])
        self.calls += 1
        given = self.values.make(model.input_shape) if model.input_shape else {}
        try:
            answer = getattr(client, botocore.xform_name(name))(**given)
            self.values.learn([{key: value for key, value in answer.items() if key != "ResponseMetadata"}, given])
            self.answered.add((service, name))
        except botocore.exceptions.ClientError as refused:
            error = refused.response.get("Error", {})
            code, text = error.get("Code"), error.get("Message") or ""
            if refused.response["ResponseMetadata"]["HTTPStatusCode"] == 500:
                self.fault(f"{service} {name}: 500 {code}: {text}")
            if code in UNKNOWN or code == "501" or "the sandbox does not" in text:
                self.unknown[service, name] = self.unknown.get((service, name), 0) + 1
                if self.unknown[service, name] > 6 and (service, name) not in self.answered:
                    self.operations.pop((service, name), None)
        except botocore.exceptions.ReadTimeoutError:
            self.fault(f"{service} {name}: no answer")
        except (botocore.exceptions.BotoCoreError, ValueError, TypeError, KeyError, AttributeError):
            pass  # what cannot be sent so, and an answer to what was not asked

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.call(*self.rnd.choices(list(self.operations), list(self.operations.values()))[0])
            if self.box.process.poll() is not None:
                self.fault(f"the sandbox ended with {self.box.process.returncode}")
                self.start()
        self.box.stop()
        self.start()
        try:
            self.box.client("sns").list_topics()
        except botocore.exceptions.ClientError as refused:
            self.fault(f"what it kept cannot be read: {refused}")
        self.box.stop()


def main(seconds=30, seed=None):
    seed = int(seed) if seed else int(time.time())
    with tempfile.TemporaryDirectory(prefix="weir-fuzz-") as folder:
        fuzzer = Fuzzer(seed, folder)
        fuzzer.run(float(seconds))
    print(f"seed {seed}: {fuzzer.calls} calls, {len(fuzzer.answered)} operations answered, {len(fuzzer.faults)} faults")
    return 1 if fuzzer.faults else 0


if __name__ == "__main__":
    os.environ.setdefault("WEIR_SANDBOX_SERVER", str(ROOT / "build/sandbox_server"))
    sys.exit(main(*sys.argv[1:]))
