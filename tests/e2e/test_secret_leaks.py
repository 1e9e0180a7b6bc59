"""
Secrets planted wherever a stack may have them are looked for in every file, output and message: after applies that went
well, that a service refused with a message that repeats what it got, that were killed or got no answer, after drift, in saved plans, traces,
events, pages and histories, with a key of the state and without.
"""

import base64
import gzip
import html
import json
import os
import quopri
import signal
import zipfile
import zlib
from urllib.parse import quote, quote_plus

import pytest

LONG = bool(os.environ.get("WEIR_LONG"))

SECRETS = {
    "password": 'p1&"ant<ed>/päss+1',
    "second": "planted\\second 'one' 2",
    "argument": "planted-module-argument-3",
    "key": "planted/provider+key/0123456789abcdefgh4",
    "literal": "planted-literal-text-5",
    "variable": "planted-variable-of-ci-6",
    "pin": "918273645546",
    "member": "planted-member-of-json-7",
}

STACK = """
    stack: planted
    inputs:
      password: {type: string, sensitive: true}
      document: {type: string, sensitive: true}
      pin: {type: integer, sensitive: true}
      key: {type: string, sensitive: true}
      argument: {type: string, sensitive: true}
      v: {type: string, default: one}
    locals:
      url: postgres://app:${inputs.password}@db.example.com/app
      literal: ${sensitive("planted-literal-text-5")}
    providers:
      aws: {region: us-east-1, access_key: AKIAPLANTED, secret_key: "${inputs.key}"}
    resources:
      secret: {type: aws.secretsmanager.secret, name: planted/a, secret_string: "${inputs.password}", description: "${inputs.v}", force_destroy: true}
      document: {type: aws.secretsmanager.secret, name: planted/b, secret_string: "${inputs.document}", force_destroy: true}
      parameter: {type: aws.ssm.parameter, name: /planted/p, parameter_type: SecureString, value: "${inputs.password}-${inputs.v}"}
      job:
        type: aws.glue.job
        name: planted
        role: arn:aws:iam::123456789012:role/glue
        command: {name: glueetl, script_location: "s3://scripts/x.py"}
        default_arguments: {--url: "${locals.url}", --v: "${inputs.v}", --pin: "${inputs.pin}", --literal: "${locals.literal}"}
      built: {type: weir.value, value: {url: "${locals.url}", hashed: "${sha256(inputs.password)}"}}
    modules:
      inner: {source: ./inner, secret: "${inputs.argument}"}
    outputs:
      url: {value: "${locals.url}", sensitive: true}
      shown: {value: "${inputs.v}"}
"""
INNER = """
    inputs: {secret: {type: string, sensitive: true}}
    resources:
      parameter: {type: aws.ssm.parameter, name: /planted/inner, parameter_type: SecureString, value: "${inputs.secret}"}
"""


def spellings(secret):
    """Of what it may look like; of base64, what holds all of it but the ends, wherever it begins."""
    raw, inner = secret.encode(), json.dumps(secret, ensure_ascii=False)[1:-1]
    yield from (raw, inner.encode(), json.dumps(inner, ensure_ascii=False)[1:-1].encode(), json.dumps(secret)[1:-1].encode())
    yield from (html.escape(secret).encode(), html.escape(secret, quote=False).encode())
    yield from (quote(secret, safe="").encode(), quote(secret).encode(), quote_plus(secret).encode(), quote(secret, safe="").lower().encode())
    yield from (raw.hex().encode(), raw.hex().upper().encode(), secret.encode("utf-16-le"), secret.encode("utf-16-be"), quopri.encodestring(raw))
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + raw)
        inside = encoded[(8 * before + 5) // 6 : 8 * (before + len(raw)) // 6]
        yield from (inside, inside.replace(b"+", b"-").replace(b"/", b"_"))


def contents(path):
    """What is in a file, and what is packed in it."""
    data = path.read_bytes()
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif data[:1] == b"\x78":
        yield zlib.decompress(data)


class Watched:
    """A stack whose every word is kept."""

    def __init__(self, stack, key):
        self.stack, self.said = stack, []
        stack.write(STACK).write(INNER, "inner/weir.yaml")
        (stack.folder / "tmp").mkdir()
        document = json.dumps({"user": "app", "password": SECRETS["member"]})
        stack.env |= {
            "TMPDIR": str(stack.folder / "tmp"), "CI_TOKEN": SECRETS["variable"], "WEIR_INPUT_PASSWORD": SECRETS["password"], "WEIR_INPUT_DOCUMENT": document,
            "WEIR_INPUT_PIN": SECRETS["pin"], "WEIR_INPUT_KEY": SECRETS["key"], "WEIR_INPUT_ARGUMENT": SECRETS["argument"],
        }
        if key:
            stack.env["WEIR_STATE_KEY"] = "planted-state-key-for-all-8"

    def run(self, *args, env=None):
        result = self.stack.run(*args, status=None, env=env)
        self.said.append((" ".join(args), result.out + result.err))
        return result

    def kill(self, at, *args):
        process = self.stack.start(*args, env={"WEIR_CRASH_AT": str(at)})
        out, err = process.communicate()
        self.said.append((f"killed at {at}: {' '.join(args)}", out + err))
        return process.returncode == -signal.SIGKILL

    def look_around(self):
        for args in (
            ["plan", "-vv"], ["plan", "--json"], ["plan", "-o", "saved.plan"], ["plan", "--format", "markdown"], ["plan", "--markdown", "plan.md"], ["drift"], ["drift", "--json"],
            ["graph"], ["output"], ["output", "--json"], ["output", "url"], ["history"], ["history", "1"], ["history", "--json"], ["state", "list"], ["state", "show", "job"],
            ["state", "show", "parameter", "--json"], ["state", "show", "inner/parameter"], ["state", "pull"], ["validate"],
        ):
            self.run(*args)

    def search(self):
        wanted = {name: set(spellings(secret)) for name, secret in {**SECRETS, "state key": "planted-state-key-for-all-8"}.items()}
        places = [(f"weir {args}", text.encode()) for args, text in self.said]
        for folder in (self.stack.folder, self.stack.home):
            for path in folder.rglob("*"):
                if path.is_file() and path.name != "weir.yaml":
                    places += [(str(path), data) for data in contents(path)]
        for place, data in places:
            for name, shapes in wanted.items():
                for shape in shapes:
                    at = data.find(shape)
                    assert at < 0, f"{name} as {shape!r} in {place}: {data[max(0, at - 200) : at + 200]!r}"
        return len(places)


@pytest.mark.parametrize("key", [pytest.param(False, marks=pytest.mark.long, id="hashed"), pytest.param(True, id="sealed")])
def test_no_planted_secret_is_found(stack, cloud, key):
    watched = Watched(stack, key)
    # a service that repeats what it was sent, in one spelling after the other
    for spelling in ("raw", "json", "xml", "percent", "base64", "hex") if LONG else ("raw", "json", "base64"):
        cloud.fail({"match": "CreateJob|PutParameter|CreateSecret", "repeat": spelling, "times": 9})
        failed = watched.run("apply", "--yes", *([] if spelling == "json" else ["--json"]))
        assert failed.status == 1 and "cannot take" in failed.out + failed.err and "(redacted)" in failed.out + failed.err, str(failed)
    cloud.fail()
    # killed on the way, in a create and in an update
    for at in range(3, 200, 4 if LONG else 60):
        if not watched.kill(at, "apply", "--yes", "-vv"):
            break
    assert watched.run("apply", "--yes", "--json", "-vv").status == 0
    watched.run("plan", "-o", "saved.plan")
    if LONG:
        watched.look_around()
    for at in range(4, 200, 3 if LONG else 12):
        killed = watched.kill(at, "apply", "--yes", "-i", f"v=two{at}")
        watched.look_around() if LONG else watched.run("state", "show", "job")
        watched.run("plan")  # settles what was left; what is live is recorded
        if not killed or (at > 20 and not LONG):
            break
    # an update that was carried out, and got no answer
    cloud.fail({"match": "UpdateJob", "after": True, "close": True, "times": 9})
    assert watched.run("apply", "--yes", "-i", "v=three").status != 0
    cloud.fail()
    watched.run("plan", "-i", "v=three")
    watched.run("apply", "--yes", "-i", "v=three")
    # changed by others: a secret where none was, and another where one was
    glue = cloud.client("glue")
    job = {"Role": "arn:aws:iam::123456789012:role/glue", "Command": {"Name": "glueetl", "ScriptLocation": "s3://scripts/x.py"}}
    glue.update_job(JobName="planted", JobUpdate={**job, "Description": SECRETS["password"], "DefaultArguments": {"--url": SECRETS["second"]}})
    watched.look_around()
    watched.run("apply", "--yes", "-i", "v=four")
    assert watched.run("apply", "--yes", "saved.plan").status != 0  # the state has moved on
    if LONG:
        watched.look_around()
    assert watched.run("destroy", "--yes", "-vv").status == 0
    assert watched.search() > 40
