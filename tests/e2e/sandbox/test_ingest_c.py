"""The example in C: built, deployed, called, changed and taken down by weir, in a sandbox that runs it."""

import json
import os
import subprocess

import pytest
from servers import JobSandbox
from support import ROOT, example

WEIR = os.environ.get("WEIR", ROOT / "build" / "weir")


@pytest.fixture
def sandbox():
    server = JobSandbox()
    yield server
    server.stop()


def test_ingest_c(sandbox, tmp_path):
    folder = example("ingest-c", tmp_path / "stack", None).folder

    def weir(*words, status=0):
        done = subprocess.run([WEIR, "-C", folder, *words], capture_output=True, text=True, env=sandbox.environment())
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def call(event):
        answer = sandbox.client("lambda").invoke(FunctionName="demo-ingest", Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    weir("apply", "-y")
    weir("plan", "--detailed-exitcode")
    records = [{"film": "alien", "year": 1979}, {"film": "träumerei"}]
    error, answer = call({"records": records})
    assert (error, answer["records"]) == (None, 2)
    text = sandbox.client().get_object(Bucket="demo-ingest-lake", Key=answer["key"])["Body"].read().decode()
    assert [json.loads(line) for line in text.splitlines()] == records
    assert call({"records": []}) == ("Unhandled", {"errorType": "IngestError", "errorMessage": "the event has no records"})
    assert call({"records": [{"film": "tron"}]})[1]["records"] == 1  # the process goes on after a failure
    source = folder / "ingest.c"
    source.write_text(source.read_text().replace("the event has no records", "there are no records in the event"))
    assert "ingest" in weir("deploy", "-y")
    assert call({})[1]["errorMessage"] == "there are no records in the event"
    weir("destroy", "-y")
    assert sandbox.client("lambda").list_functions()["Functions"] == []
    assert [b["Name"] for b in sandbox.client().list_buckets()["Buckets"]] == ["lake"]
