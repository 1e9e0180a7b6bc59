"""Functions run, through the Runtime API."""

import base64
import hashlib
import importlib.util
import io
import json
import os
import re
import time
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError
from servers import JobSandbox, code
from support import PATIENCE_S, ROOT, gone, until


def archive(**files):
    """A zip: names with __ for "/" and _dot_ for "."; programs are (text, mode)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in files.items():
            content, mode = content if isinstance(content, tuple) else (content, 0o644)
            info = zipfile.ZipInfo(name.replace("__", "/").replace("_dot_", "."))
            info.external_attr = (0o100000 | mode) << 16
            made.writestr(info, content)
    return out.getvalue()


class Function:
    def __init__(self, sandbox, runtime="python3.11", handler="main.handler", layers=(), code=None, Timeout=PATIENCE_S, **more):
        files = {k: more.pop(k) for k in list(more) if k.endswith(("_dot_py", "bootstrap"))}
        self.sandbox, self.name = sandbox, f"f-{uuid.uuid4().hex[:8]}"
        self.api = sandbox.client("lambda", read_timeout=2 * PATIENCE_S)
        self.key = f"code/{self.name}.zip"
        sandbox.put(self.key, code or archive(**files))
        self.api.create_function(FunctionName=self.name, Role=sandbox.role, Runtime=runtime, Handler=handler, Layers=list(layers),
                                 Timeout=Timeout, Code={"S3Bucket": "lake", "S3Key": self.key}, **more)

    def let_in(self, service):
        self.api.add_permission(FunctionName=self.name, StatementId=service, Action="lambda:InvokeFunction", Principal=f"{service}.amazonaws.com")

    def call(self, event=None, **more):
        return self.api.invoke(FunctionName=self.name, Payload=json.dumps(event), **more)

    def result(self, event=None, **more):
        return json.loads(self.call(event, **more)["Payload"].read())

    def failure(self, event=None):
        answer = self.call(event)
        assert answer["FunctionError"] == "Unhandled"
        return json.loads(answer["Payload"].read())

    def updated(self):
        """An update takes a moment, in which the next one is refused."""
        until(lambda: self.api.get_function_configuration(FunctionName=self.name)["LastUpdateStatus"] == "Successful")

    def streams(self):
        logs = self.sandbox.client("logs")
        return [s["logStreamName"] for s in logs.describe_log_streams(logGroupName=f"/aws/lambda/{self.name}")["logStreams"]]

    def lines(self):
        return [line for stream in self.streams() for line in self.sandbox.lines(f"/aws/lambda/{self.name}", stream)]


def test_answer_logs_and_surroundings(job_sandbox):
    f = Function(job_sandbox, main_dot_py="""
import boto3, os
def handler(event, context):
    print("working on", event["film"])
    boto3.client("s3").put_object(Bucket="lake", Key="from/lambda", Body=event["film"].encode())
    return {"film": event["film"].upper(), "word": os.environ["WORD"], "arn": context.invoked_function_arn, "id": context.aws_request_id,
            "left": context.get_remaining_time_in_millis(), "name": context.function_name, "memory": os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]}
""", Environment={"Variables": {"WORD": "hello"}}, MemorySize=256)
    answer = f.call({"film": "alien"}, LogType="Tail")
    result = json.loads(answer["Payload"].read())
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    assert answer["ExecutedVersion"] == "$LATEST"
    assert (result["film"], result["word"], result["name"], result["memory"]) == ("ALIEN", "hello", f.name, "256")
    assert result["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{f.name}"
    assert 0 < result["left"] <= PATIENCE_S * 1000
    assert job_sandbox.get("from/lambda") == "alien"
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert tail[:3] == [f"START RequestId: {result['id']} Version: $LATEST", "working on alien", f"END RequestId: {result['id']}"]
    assert re.match(rf"REPORT RequestId: {result['id']}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\tInit Duration: ", tail[3])
    assert f.lines() == tail
    (stream,) = f.streams()
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)


def test_a_process_serves_many_events(job_sandbox):
    f = Function(job_sandbox, main_dot_py="n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    print('call', n)\n    return n\n")
    assert [f.result() for _ in range(5)] == [1, 2, 3, 4, 5]
    assert [line for line in f.lines() if line.startswith("call")] == [f"call {n}" for n in range(1, 6)]
    assert len(f.streams()) == 1
    job_sandbox.put("code/other.zip", archive(main_dot_py="def handler(event, context):\n    return 'new'\n"))
    f.api.update_function_code(FunctionName=f.name, S3Bucket="lake", S3Key="code/other.zip")
    assert f.result() == "new"
    assert len(f.streams()) == 2


def test_what_goes_wrong(job_sandbox):
    f = Function(job_sandbox, main_dot_py="""
import os, time
class FilmError(Exception): pass
def handler(event, context):
    if event == "raise": raise FilmError("no such film")
    if event == "exit": os._exit(3)
    if event == "kill": os.kill(os.getpid(), 9)
    if event == "sleep": time.sleep(600)
    if event == "object": return object()
    return event
""")
    failure = f.failure("raise")
    assert (failure["errorType"], failure["errorMessage"]) == ("FilmError", "no such film")
    assert failure["stackTrace"][-1].startswith('  File "/var/task/main.py", line 5, in handler\n    if event == "raise": raise FilmError("no such film")\n')
    assert "Runtime exited with error: exit status 3" in f.failure("exit")["errorMessage"]
    assert f.failure("kill")["errorType"] == "Runtime.ExitError"
    assert f.failure("object")["errorType"] == "Runtime.MarshalError"
    assert f.result({"ünïcode": [1, None]}) == {"ünïcode": [1, None]}
    assert any("[ERROR] FilmError: no such film" in line for line in f.lines())
    f.api.update_function_configuration(FunctionName=f.name, Timeout=1)
    start = time.monotonic()
    assert re.search(r"Task timed out after 1\.00 seconds$", f.failure("sleep")["errorMessage"])
    assert time.monotonic() - start >= 1
    assert any(line.endswith("Task timed out after 1.00 seconds") for line in f.lines())


def test_the_context_of_a_client(job_sandbox):
    """Of the form that AWS's own client of the Runtime API gives it, whatever JSON it was."""
    f = Function(job_sandbox, main_dot_py="""
def handler(event, context):
    client = context.client_context
    return client and [client.custom, client.env, client.client and client.client.app_title, context.identity.cognito_identity_id]
""")

    def given(text, **more):
        return f.result(ClientContext=base64.b64encode(text.encode()).decode(), **more)

    assert f.result() is None
    assert given('{"custom": {"a": 1}}') == [{"a": 1}, None, None, None]
    assert given(json.dumps({"custom": {"a": "é€"}, "env": {"b": 2}, "client": {"app_title": "Films"}}, indent=2, ensure_ascii=False)) == [{"a": "é€"}, {"b": 2}, "Films", None]
    for wrong in ("!", base64.b64encode(b"no JSON").decode(), base64.b64encode(b"5").decode()):
        with pytest.raises(ClientError, match="Client context must be a valid Base64-encoded JSON object."):
            f.call(ClientContext=wrong)


def test_an_answer_has_a_limit(job_sandbox):
    f = Function(job_sandbox, main_dot_py="def handler(e, c): return 'x' * e")
    assert len(f.result(6291556 - 2)) == 6291554
    failure = f.failure(6291556 - 1)
    assert (failure["errorType"], failure["errorMessage"]) == ("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).")


def test_what_cannot_start(job_sandbox):
    assert Function(job_sandbox, main_dot_py="import nosuchmodule").failure()["errorType"] == "Runtime.ImportModuleError"
    assert Function(job_sandbox, main_dot_py="def handler(").failure()["errorType"] == "Runtime.UserCodeSyntaxError"
    assert Function(job_sandbox, main_dot_py="x = 1").failure()["errorMessage"] == "Handler 'handler' missing on module 'main'"
    assert Function(job_sandbox, handler="main", main_dot_py="x = 1").failure()["errorType"] == "Runtime.MalformedHandlerName"
    f = Function(job_sandbox, main_dot_py="def handler(e, c): pass")
    assert code(f.api.invoke, FunctionName="nosuch") == "ResourceNotFoundException"
    assert code(f.api.invoke, FunctionName=f.name, Qualifier="7") == "ResourceNotFoundException"
    assert code(f.api.invoke, FunctionName=f.name, Payload=b"{not json") == "InvalidRequestContentException"
    assert code(f.api.invoke, FunctionName=f.name, Payload=b'"' + b"x" * 6291456 + b'"') == "RequestTooLargeException"
    assert f.api.invoke(FunctionName=f.name, InvocationType="DryRun")["StatusCode"] == 204
    job_sandbox.client().delete_object(Bucket="lake", Key=f.key)
    assert f.result() is None  # the service has had the code since it was made
    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        Function(job_sandbox, code=b"no zip")
    java = Function(job_sandbox, runtime="java21", main_dot_py="")
    assert code(java.api.invoke, FunctionName=java.name) == "InvalidRuntimeException"


def test_names_and_aliases(job_sandbox):
    f = Function(job_sandbox, main_dot_py="def handler(e, c): return c.function_version")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{f.name}"
    f.api.publish_version(FunctionName=f.name)
    f.api.create_alias(FunctionName=f.name, Name="live", FunctionVersion="1")
    for name, more, version in ((f.name, {}, "$LATEST"), (arn, {}, "$LATEST"), (arn + ":live", {}, "1"), (f.name, {"Qualifier": "live"}, "1"), (f.name + ":$LATEST", {}, "$LATEST"), (arn + ":1", {}, "1")):
        answer = f.api.invoke(FunctionName=name, **more)
        assert (answer["ExecutedVersion"], json.loads(answer["Payload"].read())) == (version, version)


def test_services_call_an_alias_by_its_own_policy(job_sandbox):
    """As SAM's AutoPublishAlias has it: the permission is the alias's alone."""
    f = Function(job_sandbox, main_dot_py="def handler(e, c): print('got', e['Records'][0]['s3']['object']['key'])")
    f.api.publish_version(FunctionName=f.name)
    live = f.api.create_alias(FunctionName=f.name, Name="live", FunctionVersion="1")["AliasArn"]
    f.api.add_permission(FunctionName=f.name, Qualifier="live", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
    s3, bucket = job_sandbox.client("s3"), f"b-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [{"LambdaFunctionArn": live, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=bucket, Key="one", Body=b"")
    until(lambda: job_sandbox.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{f.name}")["logGroups"] and "got one" in f.lines())


def test_versions_keep_their_code_and_configuration(tmp_path):
    server = JobSandbox(tmp_path / "data")
    f = Function(server, main_dot_py="import os\ndef handler(e, c): return [1, os.environ.get('WORD'), c.function_version, c.invoked_function_arn.split(':')[-1]]", Environment={"Variables": {"WORD": "one"}})
    first = f.api.publish_version(FunctionName=f.name, Description="the first")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{f.name}"
    assert (first["Version"], first["FunctionArn"], first["Description"]) == ("1", arn + ":1", "the first")
    assert f.api.publish_version(FunctionName=f.name)["Version"] == "1"  # nothing has changed
    server.put(f.key, archive(main_dot_py="def handler(e, c): return [2, None, c.function_version, c.invoked_function_arn.split(':')[-1]]"))
    assert f.result()[0] == 1  # an object that is overwritten is no deployment
    f.api.update_function_code(FunctionName=f.name, S3Bucket="lake", S3Key=f.key)
    f.updated()
    f.api.update_function_configuration(FunctionName=f.name, Environment={"Variables": {}})
    f.updated()
    second = f.api.publish_version(FunctionName=f.name)
    assert second["Version"] == "2" and second["CodeSha256"] != first["CodeSha256"]
    assert code(f.api.publish_version, FunctionName=f.name, CodeSha256=first["CodeSha256"]) == "InvalidParameterValueException"
    f.api.create_alias(FunctionName=f.name, Name="live", FunctionVersion="1")

    def called(qualifier):
        return json.loads(f.api.invoke(FunctionName=f.name, Qualifier=qualifier)["Payload"].read())

    def check():
        assert called("1") == [1, "one", "1", "1"] and called("2") == [2, None, "2", "2"] and called("$LATEST")[2] == "$LATEST"
        assert [v["Version"] for v in f.api.list_versions_by_function(FunctionName=f.name)["Versions"]] == ["$LATEST", "1", "2"]
        assert f.api.get_function(FunctionName=f.name, Qualifier="1")["Configuration"]["CodeSha256"] == first["CodeSha256"]
        assert f.api.get_function_configuration(FunctionName=f.name, Qualifier="live")["Version"] == "1"
        assert f.api.get_function(FunctionName=f.name)["Configuration"]["FunctionArn"] == arn

    check()
    assert called("live") == [1, "one", "1", "live"]
    f.api.update_alias(FunctionName=f.name, Name="live", FunctionVersion="2")
    assert called("live") == [2, None, "2", "live"]
    f.api.update_alias(FunctionName=f.name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    assert {called("live")[0] for _ in range(40)} == {1, 2}
    f.api.update_alias(FunctionName=f.name, Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {}})
    server.client().delete_object(Bucket="lake", Key=f.key)
    server.stop()
    server.start()
    try:
        f.api = server.client("lambda")
        check()
        f.api.delete_function(FunctionName=f.name, Qualifier="2")
        assert code(f.api.invoke, FunctionName=f.name, Qualifier="2") == "ResourceNotFoundException"
        server.put(f.key, archive(main_dot_py="def handler(e, c): return 3"))
        f.api.update_function_code(FunctionName=f.name, S3Bucket="lake", S3Key=f.key)
        assert f.api.publish_version(FunctionName=f.name)["Version"] == "3"  # no number comes twice
        f.api.delete_function(FunctionName=f.name)
        assert code(f.api.invoke, FunctionName=f.name, Qualifier="1") == "ResourceNotFoundException"
        f.api.create_function(FunctionName=f.name, Role=server.role, Runtime="python3.11", Handler="main.handler", Code={"S3Bucket": "lake", "S3Key": f.key})
        assert [v["Version"] for v in f.api.list_versions_by_function(FunctionName=f.name)["Versions"]] == ["$LATEST"]
    finally:
        server.stop()


def test_a_function_that_prints_much_has_a_log_for_ever(job_sandbox):
    f = Function(job_sandbox, main_dot_py="n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    print(('x' * 9999 + '\\n') * e)\n    print('call', n)\n    return n", MemorySize=512)
    assert [f.result(n) for n in (2000, 1, 2000, 1)] == [1, 2, 3, 1]  # then another instance goes on, with a stream of its own
    assert len(f.streams()) == 2
    assert sum(line.startswith("REPORT") for stream in f.streams() for line in [e["message"] for e in tail_of(job_sandbox, f.name, stream)]) >= 2


def tail_of(sandbox, name, stream):
    return sandbox.client("logs").get_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName=stream, startFromHead=False)["events"]


def test_what_a_report_says(job_sandbox):
    f = Function(job_sandbox, MemorySize=300, main_dot_py="import time, os\ndef handler(e, c):\n    held = bytearray(60 * 1024 * 1024)\n    time.sleep(e)\n    os._exit(2) if e else None\n")
    f.call(0)
    f.call(0)
    f.call(0.01)
    f.api.update_function_configuration(FunctionName=f.name, Timeout=1)
    f.call(600)
    reports = [line.split("\t") for line in f.lines() if line.startswith("REPORT")]
    reports.sort(key=len)
    fields = [dict(field.split(": ", 1) for field in report) for report in reports]
    warm, = [r for r in fields if "Init Duration" not in r and "Status" not in r]
    assert 60 < int(warm["Max Memory Used"].removesuffix(" MB")) < 300
    assert float(warm["Duration"].removesuffix(" ms")) <= int(warm["Billed Duration"].removesuffix(" ms"))
    assert {r.get("Status") for r in fields} == {None, "error", "timeout"}
    timed_out, = [r for r in fields if r.get("Status") == "timeout"]
    assert 1000 <= float(timed_out["Duration"].removesuffix(" ms")) < 600000
    assert [r["Error Type"] for r in fields if r.get("Status") == "error"] == ["Runtime.ExitError"]


def test_events_are_tried_three_times(job_sandbox):
    """A minute is half a second here: the attempts come after none, one and two of them."""
    f = Function(job_sandbox, main_dot_py="import boto3\ns3 = boto3.client('s3')\ndef handler(event, context):\n"
                 "    n = s3.list_objects_v2(Bucket='lake', Prefix=event)['KeyCount']\n    s3.put_object(Bucket='lake', Key=f'{event}{n}', Body=context.aws_request_id.encode())\n"
                 "    assert n >= 2, 'again'\n")
    answer = f.call("async/", InvocationType="Event")
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    keys = until(lambda: len(k := job_sandbox.client().list_objects_v2(Bucket="lake", Prefix="async/").get("Contents", [])) == 3 and k)
    assert len({job_sandbox.get(k["Key"]) for k in keys}) == 1  # one request id for all attempts
    first, second, third = (k["LastModified"] for k in keys)
    assert first < second < third


def test_layers(job_sandbox):
    api = job_sandbox.client("lambda")
    job_sandbox.put("layers/a.zip", archive(python__shared_dot_py="FILM = 'alien'"))
    job_sandbox.put("layers/b.zip", archive(bin__tool=("#!/bin/sh\necho tooled", 0o755)))
    arns = [api.publish_layer_version(LayerName=f"l-{name}", Content={"S3Bucket": "lake", "S3Key": f"layers/{name}.zip"})["LayerVersionArn"] for name in "ab"]
    f = Function(job_sandbox, layers=arns, main_dot_py="import shared, subprocess\ndef handler(e, c): return [shared.FILM, subprocess.check_output('tool', text=True)]")
    assert f.result() == ["alien", "tooled\n"]


def test_parallel_calls_and_reserved_concurrency(job_sandbox):
    from concurrent.futures import ThreadPoolExecutor
    f = Function(job_sandbox, main_dot_py="import boto3, time\ns3 = boto3.client('s3')\ndef handler(e, c):\n"
                 "    s3.put_object(Bucket='lake', Key=f'met/{e}', Body=b'')\n    while s3.list_objects_v2(Bucket='lake', Prefix='met/')['KeyCount'] < 3: time.sleep(0.01)\n    return e")
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(f.result, [1, 2, 3])) == [1, 2, 3]  # each waits for the other two
    f.api.put_function_concurrency(FunctionName=f.name, ReservedConcurrentExecutions=0)
    assert code(f.api.invoke, FunctionName=f.name) == "TooManyRequestsException"


def test_code_inside_the_request(job_sandbox):
    api, name = job_sandbox.client("lambda"), f"f-{uuid.uuid4().hex[:8]}"
    one, two = (archive(main_dot_py=f"def handler(event, context):\n    return {n}\n") for n in (1, 2))
    layer = api.publish_layer_version(LayerName=name, Content={"ZipFile": archive(python__film_dot_py="NAME = 'alien'")})["LayerVersionArn"]
    made = api.create_function(FunctionName=name, Role=job_sandbox.role, Runtime="python3.11", Handler="main.handler", Code={"ZipFile": one})
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(one).digest()).decode()
    assert json.loads(api.invoke(FunctionName=name)["Payload"].read()) == 1
    assert api.update_function_code(FunctionName=name, ZipFile=two)["CodeSha256"] != made["CodeSha256"]
    assert json.loads(api.invoke(FunctionName=name)["Payload"].read()) == 2
    job_sandbox.put("code/three.zip", archive(main_dot_py="import film\ndef handler(event, context):\n    return film.NAME\n"))
    api.update_function_code(FunctionName=name, S3Bucket="lake", S3Key="code/three.zip")
    api.update_function_configuration(FunctionName=name, Layers=[layer])
    assert json.loads(api.invoke(FunctionName=name)["Payload"].read()) == "alien"


def test_code_lies_in_no_other_folder(tmp_path):
    server = JobSandbox(tmp_path)
    try:
        (tmp_path / "outside.zip").write_bytes(archive(main_dot_py="def handler(event, context):\n    return 'outside'\n"))
        f = Function(server, main_dot_py="def handler(event, context):\n    return 'inside'\n")
        assert code(f.api.update_function_code, FunctionName=f.name, S3Bucket=":code", S3Key="../../outside") == "InvalidParameterValueException"
        assert json.loads(f.api.invoke(FunctionName=f.name)["Payload"].read()) == "inside"
    finally:
        server.stop()


def test_a_killed_sandbox_leaves_nothing_in_new_instances(tmp_path):
    server = JobSandbox(tmp_path)
    try:
        left = tmp_path / "jobs" / "functions" / "0" / "task" / "left.py"
        f = Function(server, main_dot_py="import os\ndef handler(event, context):\n    return sorted(os.listdir(os.environ['LAMBDA_TASK_ROOT']))\n")
        assert f.result() == ["main.py"]
        server.kill()
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text("")
        server.start()
        f.api = server.client("lambda")
        assert f.result() == ["main.py"]
    finally:
        server.stop()


SHELL_BOOTSTRAP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while :; do
    event=$(curl -sS -D "$TMPDIR/headers" "$api/next") || exit 0
    id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\\([0-9a-f-]*\\).*/\\1/Ip' "$TMPDIR/headers")
    echo "shell saw $event" >&2
    curl -sS -d "{\\"handler\\": \\"$_HANDLER\\", \\"event\\": $event}" "$api/$id/response" > /dev/null
done
"""


def test_a_bootstrap_of_its_own(job_sandbox):
    f = Function(job_sandbox, runtime="provided.al2023", handler="anything", bootstrap=(SHELL_BOOTSTRAP, 0o755))
    assert f.result({"n": 1}) == {"handler": "anything", "event": {"n": 1}}
    assert f.result([2]) == {"handler": "anything", "event": [2]}
    assert 'shell saw {"n": 1}' in f.lines()
    none = Function(job_sandbox, runtime="provided.al2023", handler="x", readme_dot_py="")
    assert code(none.api.invoke, FunctionName=none.name) == "InvalidZipFileException"


def test_the_sandbox_ends_its_functions():
    server = JobSandbox()
    f = Function(server, main_dot_py="import os, time\ndef handler(e, c):\n    if e: time.sleep(600)\n    return os.getpid()")
    pid = f.result()
    assert not gone(pid)
    f.call("sleep", InvocationType="Event")
    server.stop()
    assert gone(pid)


def test_code_that_nobody_has_goes(tmp_path):
    server = JobSandbox(tmp_path / "data")
    f = Function(server, main_dot_py="def handler(e, c): return 'published'")
    f.api.publish_version(FunctionName=f.name)
    layer = f.api.publish_layer_version(LayerName="l", Content={"ZipFile": archive(python__film_dot_py="NAME = 'alien'")})["LayerVersionArn"]
    for n in range(34):
        f.api.update_function_code(FunctionName=f.name, ZipFile=archive(main_dot_py=f"def handler(e, c): import film; return [film.NAME, {n}]"))
        f.updated()
    f.api.update_function_configuration(FunctionName=f.name, Layers=[layer])
    folder = tmp_path / "data" / "jobs" / "code"
    assert len(list(folder.iterdir())) == 36
    server.stop()
    server.start()
    try:
        f.api = server.client("lambda")
        assert f.result() == ["alien", 33]
        assert json.loads(f.api.invoke(FunctionName=f.name, Qualifier="1")["Payload"].read()) == "published"
        assert len(list(folder.iterdir())) == 3
    finally:
        server.stop()


@pytest.mark.long
def test_with_the_public_runtime_client():
    """What the others say of the sandbox's own client, said of AWS's."""
    packages = ROOT / ".venv-jobs" / "bin"
    assert (packages / "python3").exists(), "tools/setup jobs"
    server = JobSandbox(PATH=f"{packages}{os.pathsep}{os.environ['PATH']}")
    try:
        f = Function(server, main_dot_py="import sys\ndef handler(event, context): return 'awslambdaric' in sys.modules")
        assert f.result() is True
        for test in (test_answer_logs_and_surroundings, test_a_process_serves_many_events, test_what_goes_wrong, test_what_cannot_start, test_names_and_aliases,
                     test_layers, test_parallel_calls_and_reserved_concurrency, test_code_inside_the_request):
            test(server)
    finally:
        server.stop()


def test_without_the_public_runtime_client(job_sandbox):
    if importlib.util.find_spec("awslambdaric"):
        pytest.skip("it is installed")
    assert Function(job_sandbox, main_dot_py="import sys\ndef handler(event, context): return 'awslambdaric' in sys.modules").result() is False
