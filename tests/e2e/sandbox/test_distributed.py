"""Distributed Maps: what they read, how they go about it, what is put up with, what they write."""

import json
import uuid

import pytest
from servers import make_bucket
from test_stepfunctions import Machines


@pytest.fixture
def machines(sandbox):
    return Machines(sandbox)


@pytest.fixture
def lake(sandbox):
    return make_bucket(sandbox)


ECHO = {"Work": {"Type": "Pass", "End": True}}
# fails for items whose n is 13
PICKY = {"Look": {"Type": "Choice", "Choices": [{"And": [{"Variable": "$.n", "IsPresent": True}, {"Variable": "$.n", "NumericEquals": 13}], "Next": "Bad"}], "Default": "Good"},
         "Good": {"Type": "Pass", "OutputPath": "$.n", "End": True}, "Bad": {"Type": "Fail", "Error": "Unlucky", "Cause": "thirteen"}}


def distributed(states, start=None, kind="STANDARD", **more):
    return {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}, "StartAt": start or next(iter(states)), "States": states}, **more}


def reading(bucket, key, kind, **config):
    return {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": kind, **config}, "Parameters": {"Bucket": bucket, "Key.$": key if key.startswith("$") else f"States.Format('{key}')"}}


def run(machines, state, given=None):
    end = machines.run(state, given)
    return (json.loads(end["output"]) if end["status"] == "SUCCEEDED" else (end["error"], end["cause"])), end["executionArn"]


def runs_of(machines, execution):
    found = machines.client.list_map_runs(executionArn=execution)["mapRuns"]
    return [machines.client.describe_map_run(mapRunArn=one["mapRunArn"]) for one in found]


CSV = '\ufeffid,name,"note, quoted"\r\n1,Ada,"says ""hi"",\nthen goes"\r\n2,Grace\r\n3,Edsger,short,too many\n'


def test_rows_of_a_table(machines, sandbox, lake):
    sandbox.client().put_object(Bucket=lake, Key="in/people.csv", Body=CSV.encode())
    got, execution = run(machines, distributed(ECHO, ItemReader=reading(lake, "$.key", "CSV", CSVHeaderLocation="FIRST_ROW")), {"key": "in/people.csv"})
    assert got == [{"id": "1", "name": "Ada", "note, quoted": 'says "hi",\nthen goes'}, {"id": "2", "name": "Grace", "note, quoted": ""}, {"id": "3", "name": "Edsger", "note, quoted": "short"}]
    (one,) = runs_of(machines, execution)
    assert (one["status"], one["executionArn"]) == ("SUCCEEDED", execution)
    assert {name: one["itemCounts"][name] for name in ("total", "succeeded", "failed", "pending", "running")} == {"total": 3, "succeeded": 3, "failed": 0, "pending": 0, "running": 0}
    assert one["itemCounts"]["resultsWritten"] == 3  # also where nothing is written away
    kinds = [event["type"] for event in machines.history(execution)]
    assert kinds == ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapRunStarted", "MapRunSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded"]


@pytest.mark.parametrize("body, kind, config, items", [
    ("a|b\n1|2\n", "CSV", {"CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "PIPE"}, [{"a": "1", "b": "2"}]),
    ("1;2\n3;4", "CSV", {"CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"], "CSVDelimiter": "SEMICOLON"}, [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]),
    ("a\n1\n2\n3\n", "CSV", {"CSVHeaderLocation": "FIRST_ROW", "MaxItems": 2}, [{"a": "1"}, {"a": "2"}]),
    ('[{"n": 1}, 2, "three"]', "JSON", {}, [{"n": 1}, 2, "three"]),
    ('{"n": 1}\n\n{"n": 2}\n', "JSONL", {}, [{"n": 1}, {"n": 2}]),
    ("[1, 2, 3]", "JSON", {"MaxItemsPath": "$.most"}, [1]),
    ("[]", "JSON", {}, []),
])
def test_items_of_an_object(machines, sandbox, lake, body, kind, config, items):
    sandbox.client().put_object(Bucket=lake, Key="in", Body=body.encode())
    assert run(machines, distributed(ECHO, ItemReader=reading(lake, "in", kind, **config)), {"most": 1})[0] == items


@pytest.mark.parametrize("body, kind, config", [
    (b'a,b\n1,"2\n', "CSV", {"CSVHeaderLocation": "FIRST_ROW"}), (b"a,a\n1,2\n", "CSV", {"CSVHeaderLocation": "FIRST_ROW"}), (b'a\n"1"x\n', "CSV", {"CSVHeaderLocation": "FIRST_ROW"}),
    (b'{"n": 1}', "JSON", {}), (b"[1, 2", "JSON", {}), (b"{}\n{", "JSONL", {}), (b"\xff\xfe", "JSON", {}), (None, "JSON", {}),
])
def test_what_cannot_be_read_says_so(machines, sandbox, lake, body, kind, config):
    if body is not None:
        sandbox.client().put_object(Bucket=lake, Key="in", Body=body)
    (error, cause), execution = run(machines, distributed(ECHO, ItemReader=reading(lake, "in", kind, **config)))
    assert error == "States.ItemReaderFailed" and cause
    assert runs_of(machines, execution)[0]["status"] == "FAILED"
    failed = [event["mapRunFailedEventDetails"] for event in machines.history(execution) if event["type"] == "MapRunFailed"]
    assert failed[0]["error"] == "States.ItemReaderFailed"


def test_the_objects_of_a_bucket(machines, sandbox, lake):
    for key in ("raw/b.csv", "raw/a.csv", "other"):
        sandbox.client().put_object(Bucket=lake, Key=key, Body=b"12345")
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket.$": "$.lake", "Prefix": "raw/"}}
    got, _ = run(machines, distributed(ECHO, ItemReader=reader, ItemSelector={"n.$": "$$.Map.Item.Index", "key.$": "$$.Map.Item.Value.Key", "size.$": "$$.Map.Item.Value.Size"}), {"lake": lake})
    assert got == [{"n": 0, "key": "raw/a.csv", "size": 5}, {"n": 1, "key": "raw/b.csv", "size": 5}]


def test_batches(machines):
    got, execution = run(machines, distributed(ECHO, ItemsPath="$.l", ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"day.$": "$.day"}}), {"l": [1, 2, 3], "day": "mon"})
    assert got == [{"BatchInput": {"day": "mon"}, "Items": [1, 2]}, {"BatchInput": {"day": "mon"}, "Items": [3]}]
    (one,) = runs_of(machines, execution)
    assert one["itemCounts"]["total"] == 3 and one["executionCounts"]["total"] == 2
    by_size, _ = run(machines, distributed(ECHO, ItemBatcher={"MaxInputBytesPerBatch": 20}), ["x" * 8] * 5)
    assert [len(batch["Items"]) for batch in by_size] == [1] * 5 or [len(batch["Items"]) for batch in by_size] == [1, 1, 1, 1, 1]


def test_each_item_is_an_execution_by_itself(machines):
    states = {"Work": {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Id", "input.$": "$$.Execution.Input", "name.$": "$$.Execution.Name", "machine.$": "$$.StateMachine.Name"}, "End": True}}
    got, execution = run(machines, distributed(states, Label="each"), [1, 2])
    (one,) = runs_of(machines, execution)
    machine = got[0]["machine"]
    assert one["mapRunArn"].startswith(f"arn:aws:states:us-east-1:000000000000:mapRun:{machine}/each:")
    assert [one["id"] for one in got] == [f"arn:aws:states:us-east-1:000000000000:execution:{machine}/each:{one['name']}" for one in got]
    assert [one["input"] for one in got] == [1, 2] and got[0]["name"] != got[1]["name"]


@pytest.mark.parametrize("tolerated, ends", [
    ({}, "FAILED"), ({"ToleratedFailureCount": 1}, "FAILED"), ({"ToleratedFailureCount": 2}, "SUCCEEDED"), ({"ToleratedFailurePercentage": 49}, "FAILED"),
    ({"ToleratedFailurePercentage": 50}, "SUCCEEDED"), ({"ToleratedFailurePercentagePath": "$.share"}, "SUCCEEDED"), ({"ToleratedFailureCount": 1, "ToleratedFailurePercentage": 100}, "FAILED"),
])
def test_some_may_fail(machines, tolerated, ends):
    state = distributed(PICKY, ItemsPath="$.l", MaxConcurrency=1, **tolerated)
    got, execution = run(machines, state, {"l": [{"n": 1}, {"n": 13}, {"n": 2}, {"n": 13}], "share": 75})
    (one,) = runs_of(machines, execution)
    assert one["status"] == ends
    if ends == "SUCCEEDED":
        assert got == [1, 2] and one["itemCounts"]["failed"] == 2
    else:
        assert got == ("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")


def test_too_many_failures_are_caught(machines):
    state = distributed(PICKY, Catch=[{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "Next": "Sorry"}])
    end = machines.run({"StartAt": "M", "States": {"M": {**state, "End": True}, "Sorry": {"Type": "Pass", "OutputPath": "$.Error", "End": True}}}, [{"n": 13}])
    assert json.loads(end["output"]) == "States.ExceedToleratedFailureThreshold"


def test_the_rest_is_stopped(machines):
    """One that fails at once ends a run whose other executions would wait for days."""
    states = {"Look": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "Bad"}], "Default": "Wait"},
              "Bad": {"Type": "Fail"}, "Wait": {"Type": "Wait", "Seconds": 90000000, "End": True}}
    (error, _), execution = run(machines, distributed(states), [1, 2, 0, 3])
    (one,) = runs_of(machines, execution)
    assert error == "States.ExceedToleratedFailureThreshold" and one["itemCounts"]["failed"] == 1
    assert one["itemCounts"]["aborted"] == 3 and one["itemCounts"]["running"] == one["itemCounts"]["pending"] == 0


def test_results_are_written(machines, sandbox, lake):
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": lake, "Prefix.$": "$.to"}}
    state = distributed(PICKY, ItemsPath="$.l", ToleratedFailurePercentage=50, ResultWriter=writer)
    got, execution = run(machines, state, {"to": "out/", "l": [{"n": 1}, {"n": 13}]})
    (one,) = runs_of(machines, execution)
    s3 = sandbox.client()

    def read(key):
        return json.loads(s3.get_object(Bucket=lake, Key=key)["Body"].read())

    assert got["MapRunArn"] == one["mapRunArn"] and got["ResultWriterDetails"]["Bucket"] == lake
    folder = "out/" + one["mapRunArn"].rpartition(":")[2]
    assert got["ResultWriterDetails"]["Key"] == folder + "/manifest.json"
    manifest = read(folder + "/manifest.json")
    assert manifest["DestinationBucket"] == lake and manifest["ResultFiles"]["PENDING"] == []
    (good,), (bad,) = (read(manifest["ResultFiles"][kind][0]["Key"]) for kind in ("SUCCEEDED", "FAILED"))
    assert (good["Status"], json.loads(good["Input"]), json.loads(good["Output"])) == ("SUCCEEDED", {"n": 1}, 1)
    assert (bad["Status"], bad["Error"], bad["Cause"]) == ("FAILED", "Unlucky", "thirteen")
    assert one["itemCounts"]["resultsWritten"] == 2


@pytest.mark.parametrize("config, name, text", [
    ({"Transformation": "COMPACT"}, "SUCCEEDED_0.json", '[[1,2],[3]]'), ({"Transformation": "FLATTEN"}, "SUCCEEDED_0.json", '[1,2,3]'),
    ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "SUCCEEDED_0.jsonl", "1\n2\n3\n"),
])
def test_results_take_shapes(machines, sandbox, lake, config, name, text):
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": lake}, "WriterConfig": config}
    got, _ = run(machines, distributed(ECHO, ResultWriter=writer), [[1, 2], [3]])
    key = got["ResultWriterDetails"]["Key"].replace("manifest.json", name)
    assert sandbox.client().get_object(Bucket=lake, Key=key)["Body"].read().decode() == text
    if "OutputType" not in config:
        assert run(machines, distributed(ECHO, ResultWriter={"WriterConfig": config}), [[1, 2], [3]])[0] == json.loads(text)


def test_a_bucket_that_is_not_there(machines):
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "none-" + uuid.uuid4().hex}}
    assert run(machines, distributed(ECHO, ResultWriter=writer), [1])[0][0] == "States.ResultWriterFailed"


def test_many(machines, sandbox, lake):
    """Ten thousand rows, a hundred a batch, with a state for each."""
    sandbox.client().put_object(Bucket=lake, Key="in.csv", Body=("n\n" + "".join(f"{i}\n" for i in range(10000))).encode())
    states = {"Work": {"Type": "Pass", "Parameters": {"n.$": "States.ArrayLength($.Items)"}, "OutputPath": "$.n", "End": True}}
    state = distributed(states, kind="EXPRESS", ItemReader=reading(lake, "in.csv", "CSV", CSVHeaderLocation="FIRST_ROW"), ItemBatcher={"MaxItemsPerBatch": 100})
    assert run(machines, state)[0] == [100] * 100
