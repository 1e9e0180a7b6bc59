"""TestState: one state by itself, what became of its data, and where it would go; with a mock in the place of its work."""

import json

import pytest
from botocore.exceptions import ClientError
from test_stepfunctions import Machines

TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "Next": "N",
        "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 2, "IntervalSeconds": 3}], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}]}
MAP = {"Type": "Map", "ItemsPath": "$.l", "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}, "End": True}


@pytest.fixture
def tried(sandbox):
    client = Machines(sandbox).client

    def tried(state, given=None, **more):
        more = {"inspectionLevel": "DEBUG", **more}
        answer = client.test_state(definition=json.dumps(state), input=json.dumps({} if given is None else given), **more)
        del answer["ResponseMetadata"]
        read = lambda v: json.loads(v) if isinstance(v, str) else v
        if "inspectionData" in answer:
            answer["inspectionData"] = {name: read(v) for name, v in answer["inspectionData"].items()}
        if "output" in answer:
            answer["output"] = json.loads(answer["output"])
        return answer
    return tried


def test_a_pass_shows_each_step(tried):
    assert tried({"Type": "Pass", "Parameters": {"b.$": "$.a"}, "ResultPath": "$.r", "Next": "N"}, {"a": 1}) == {
        "status": "SUCCEEDED", "output": {"a": 1, "r": {"b": 1}}, "nextState": "N",
        "inspectionData": {"input": {"a": 1}, "afterInputPath": {"a": 1}, "afterParameters": {"b": 1}, "afterResultSelector": {"b": 1},
                           "afterResultPath": {"a": 1, "r": {"b": 1}}}}
    result = tried({"Type": "Pass", "Result": 7, "End": True}, {"a": 1})
    assert result == {"status": "SUCCEEDED", "output": 7, "inspectionData": {
        "input": {"a": 1}, "result": 7, "afterResultSelector": 7, "afterResultPath": 7}}
    assert tried({"Type": "Pass", "End": True}, {"a": 1}, inspectionLevel="INFO") == {"status": "SUCCEEDED", "output": {"a": 1}}


def test_a_choice_and_a_failure(tried):
    rules = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericGreaterThan": 3, "Next": "Big"}], "Default": "Small"}
    assert [tried(rules, {"n": n})["nextState"] for n in (4, 3)] == ["Big", "Small"]
    assert tried({"Type": "Fail", "Error": "E", "Cause": "c"}) == {
        "status": "FAILED", "error": "E", "cause": "c", "inspectionData": {"input": {}, "afterInputPath": {}}}
    none = tried({**rules, "Choices": [{"Variable": "$.none", "IsNull": True, "Next": "A"}]})
    assert none["status"] == "FAILED" and none["error"] == "States.Runtime" and not none["cause"].startswith("An error occurred")


def test_a_mock_stands_for_the_work(tried):
    done = tried(TASK, mock={"result": '{"x": 1}'})
    assert done["status"] == "SUCCEEDED" and done["output"] == {"x": 1} and done["nextState"] == "N"
    assert done["inspectionData"]["result"] == {"x": 1} and done["inspectionData"]["afterParameters"] == {"FunctionName": "f"}
    items = tried(MAP, {"l": [1]}, mock={"result": "[2]"})
    assert items["output"] == [2] and items["inspectionData"]["afterItemsPath"] == [1] and items["inspectionData"]["maxConcurrency"] == 0
    failed = tried(MAP, {"l": [1]}, mock={"result": "[2]"}, stateConfiguration={"mapIterationFailureCount": 1})
    assert failed["error"] == "States.ExceedToleratedFailureThreshold"


def test_an_error_is_tried_again_then_caught(tried):
    error = {"errorOutput": {"error": "E", "cause": "c"}}
    again = tried(TASK, mock=error, stateConfiguration={"retrierRetryCount": 1})
    assert (again["status"], again["error"], again["cause"]) == ("RETRIABLE", "E", "c") and "output" not in again
    assert again["inspectionData"]["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 6}
    caught = tried(TASK, mock=error, stateConfiguration={"retrierRetryCount": 2})
    assert (caught["status"], caught["error"], caught["nextState"]) == ("CAUGHT_ERROR", "E", "C")
    assert caught["output"] == {"Error": "E", "Cause": "c"} and caught["inspectionData"]["errorDetails"] == {"catchIndex": 0}


def test_a_state_of_a_machine_with_variables_and_a_context(tried):
    machine = {"StartAt": "M", "States": {"M": {"Type": "Map", "End": True, "ItemProcessor": {"StartAt": "P", "States": {
        "P": {"Type": "Pass", "Parameters": {"v.$": "$x", "id.$": "$$.Execution.Id"}, "Assign": {"y": 1}, "End": True}}}}}}
    done = tried(machine, stateName="P", variables='{"x": 3}', context='{"Execution": {"Id": "me"}}')
    assert done["output"] == {"v": 3, "id": "me"} and done["inspectionData"]["variables"] == {"y": 1}


@pytest.mark.parametrize("state, more, code, message", [
    (TASK, {}, "ValidationException", "RoleArn must be specified when testing a Task state"),
    (MAP, {}, "InvalidDefinition", "TestState API does not support Map or Parallel states."),
    ({"Type": "Pass", "End": True}, {"mock": {"result": "1"}}, "ValidationException", "State type 'Pass' is not supported when a mock is specified"),
    (TASK, {"mock": {"result": "no"}}, "ValidationException", "Mocked result must be valid JSON"),
    (TASK, {"mock": {"result": "1", "errorOutput": {"error": "E"}}}, "ValidationException", "A test mock should have only one of the following fields: [result, errorOutput]."),
    (MAP, {"mock": {"result": "1"}}, "ValidationException", "Mocked result must be an array."),
    ({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}, {"stateName": "B"}, "ValidationException", "State not found in definition"),
    ({"Type": "Pass"}, {}, "InvalidDefinition", "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "),
])
def test_what_is_refused(tried, state, more, code, message):
    with pytest.raises(ClientError) as caught:
        tried(state, **more)
    assert caught.value.response["Error"]["Code"] == code and caught.value.response["Error"]["Message"].startswith(message)
